"""What networks on graphs have in common: they take meshes, and grids as the lattices they are."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from ai4sim.nets.graph import Graph, Lattice


class GraphNet(nn.Module):
    """A network from node values to node values, on meshes and on grids.

    A subclass implements :meth:`propagate`; on a :class:`Lattice` it may use stencils, on a
    :class:`Graph` it uses the edges, with the same result.

    Attributes
    ----------
    spec : dict
        What ``ai4sim.nets.build`` needs to make this network again.
    stride : int
        Grid sizes must be multiples of it (any will do).
    reach : int or None
        Steps along edges over which a value has an influence, the cut at an edge of the graph
        included: the halo that makes the evaluation in parts exact. None where it is unbounded.
    """

    spec: dict[str, Any]
    stride = 1
    reach: int | None = None

    @abstractmethod
    def propagate(self, nodes: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map node values (nodes, in_channels) to (nodes, out_channels)."""

    def forward(self, x: Tensor, graph: Graph | None = None) -> Tensor:
        """Apply the network.

        Parameters
        ----------
        x : Tensor
            With a graph: (nodes, in_channels). Without: fields on a grid, (batch, in_channels,
            *space), whose neighbouring cells are joined along the axes.
        graph : Graph, optional

        Returns
        -------
        Tensor
            (nodes, out_channels), respectively (batch, out_channels, *space).
        """
        if graph is not None:
            if x.shape[0] != graph.nodes:  # len() would make it a constant of an exported program
                raise ValueError(f"x has {len(x)} nodes, the graph has {graph.nodes}")
            return self.propagate(x, graph)
        lattice = Lattice(x.shape[0], tuple(x.shape[2:]))
        nodes = x.movedim(1, -1).reshape(lattice.nodes, x.shape[1])
        y = self.propagate(nodes, lattice)
        return y.reshape(*x.shape[:1], *x.shape[2:], y.shape[-1]).movedim(-1, 1)
