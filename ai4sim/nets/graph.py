"""Graphs of mesh nodes or grid cells: built from edges, batched, cut into parts; all vectorised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class Lattice:
    """A batch of equal grids as one graph: each cell is joined to its neighbours along the axes.

    Nodes are numbered as a tensor (batch, *shape) lies in memory, the last axis fastest. Axes end
    at their ends (no wrapping around).
    """

    batch: int
    shape: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """Number of nodes of the whole batch."""
        return self.batch * math.prod(self.shape)

    def graph(self) -> Graph:
        """Write out the edges; offsets are unit vectors."""
        cells = torch.arange(math.prod(self.shape)).reshape(self.shape)
        ways = [
            (cells.narrow(i, 0, n - 1), cells.narrow(i, 1, n - 1)) for i, n in enumerate(self.shape)
        ]
        edges = torch.cat([torch.stack(way, -1).reshape(-1, 2) for way in ways])
        axes = [torch.arange(n, dtype=torch.float32) for n in self.shape]
        positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
        positions = nn.functional.pad(positions, (0, 3 - len(self.shape)))
        one = Graph.from_edges(edges, positions)
        return one if self.batch == 1 else Graph.batched([one] * self.batch)


@dataclass(eq=False)
class Graph:
    """A graph whose edges all run both ways, or several such graphs side by side.

    It never changes. (Lightning, which makes a copy of a batch in another precision, cannot copy a
    frozen dataclass.)

    Attributes
    ----------
    edge_index : Tensor, (2, edges), int64
        Sender and receiver of each directed edge, sorted by receiver, then sender.
    offsets : Tensor, (edges, 3), float32
        Position of the sender minus that of the receiver, in units of the reference length.
    positions : Tensor, (nodes, 3), float32
        In units of the reference length, from an arbitrary origin.
    sizes : tuple of int
        Nodes of each of the graphs that lie side by side.
    """

    edge_index: Tensor
    offsets: Tensor
    positions: Tensor
    sizes: tuple[int, ...]

    @classmethod
    def from_edges(
        cls, edges: Tensor | NDArray, positions: Tensor | NDArray, length: float = 1.0
    ) -> Graph:
        """Build a graph from undirected edges.

        Parameters
        ----------
        edges : (edges, 2), integer
            Pairs of nodes; each pair once, in either order.
        positions : (nodes, 3)  [m]
        length : float
            Reference length [m]: positions and offsets are stored in units of it.
        """
        pairs = torch.as_tensor(edges).long()
        where = torch.as_tensor(positions).double() / length
        if pairs.numel() and (int(pairs.min()) < 0 or int(pairs.max()) >= len(where)):
            raise ValueError(
                f"edges name the nodes {int(pairs.min())} to {int(pairs.max())}; "
                f"there are {len(where)}, numbered from 0"
            )
        senders, receivers = torch.cat([pairs, pairs.flip(1)]).unbind(1)
        order = torch.argsort(receivers * len(where) + senders)
        edge_index = torch.stack([senders[order], receivers[order]])
        offsets = where[edge_index[0]] - where[edge_index[1]]
        origin = where.amin(0) if len(where) else 0.0
        return cls(edge_index, offsets.float(), (where - origin).float(), (len(where),))

    @classmethod
    def unplaced(cls, edge_index: Tensor, offsets: Tensor, nodes: int) -> Graph:
        """Make a graph of its edges; positions, which networks do not see, are 0."""
        return cls(edge_index, offsets, offsets.new_zeros(nodes, 3), (nodes,))

    @classmethod
    def batched(cls, graphs: Sequence[Graph]) -> Graph:
        """Put graphs side by side, without edges between them."""
        starts = np.cumsum([0, *(graph.nodes for graph in graphs)])
        return cls(
            torch.cat(
                [g.edge_index + int(start) for g, start in zip(graphs, starts, strict=False)], 1
            ),
            torch.cat([g.offsets for g in graphs]),
            torch.cat([g.positions for g in graphs]),
            tuple(size for g in graphs for size in g.sizes),
        )

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return self.positions.shape[0]

    @cached_property
    def degree(self) -> Tensor:
        """Edges that arrive at each node, (nodes,), int64."""
        if torch.compiler.is_compiling():  # bincount has a size that depends on the data
            nodes = torch.zeros(self.nodes, dtype=torch.int64, device=self.edge_index.device)
            return nodes.index_add(0, self.edge_index[1], torch.ones_like(self.edge_index[1]))
        return torch.bincount(self.edge_index[1], minlength=self.nodes)

    @cached_property
    def start(self) -> Tensor:
        """First edge of each receiver, and the number of edges: (nodes + 1,), int64."""
        return nn.functional.pad(self.degree.cumsum(0), (1, 0))

    @cached_property
    def reverse(self) -> Tensor:
        """Number of the edge that runs the other way, for each edge: (edges,), int64."""
        sender, receiver = self.edge_index
        keys = receiver * self.nodes + sender  # ascending, by the order of the edges
        return torch.searchsorted(keys, sender * self.nodes + receiver)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Graph:
        """Move to a device; where it is there already, it is the same graph, with what it keeps."""
        if self.edge_index.device == torch.empty(0, device=device).device:
            return self
        return Graph(
            self.edge_index.to(device, non_blocking=non_blocking),
            self.offsets.to(device, non_blocking=non_blocking),
            self.positions.to(device, non_blocking=non_blocking),
            self.sizes,
        )

    def scaled(self, factor: float) -> Graph:
        """Measure lengths in another unit: those of this graph times a factor."""
        return Graph(self.edge_index, self.offsets * factor, self.positions * factor, self.sizes)

    def reflected(self, axes: Sequence[int]) -> Graph:
        """Mirror the graph in space; nodes keep their numbers."""
        sign = torch.ones(3, device=self.offsets.device)
        sign[list(axes)] = -1
        return Graph(self.edge_index, self.offsets * sign, self.positions * sign, self.sizes)

    def neighbourhood(self, nodes: Tensor, hops: int) -> Tensor:
        """Find all nodes within some steps of the given ones, those included; sorted."""
        inside = torch.zeros(self.nodes, dtype=torch.bool, device=self.edge_index.device)
        front, inside[nodes] = nodes, True
        for _ in range(hops):
            reached = self.edge_index[0, self._edges_into(front)]
            front = torch.unique(reached[~inside[reached]])
            inside[front] = True
        return inside.nonzero()[:, 0]

    def induced(self, nodes: Tensor) -> Graph:
        """Take out the given nodes (sorted) with the edges between them, renumbered."""
        edges = self._edges_into(nodes)
        number = torch.full((self.nodes,), -1, device=nodes.device)
        number[nodes] = torch.arange(len(nodes), device=nodes.device)
        pairs = number[self.edge_index[:, edges]]
        kept = pairs[0] >= 0
        return Graph(
            pairs[:, kept], self.offsets[edges[kept]], self.positions[nodes], (len(nodes),)
        )

    def parts(self, size: int) -> list[Tensor]:
        """Divide the nodes into compact parts of equal number, `size` at most; each sorted.

        Recursive bisection of the longest side at the median, so that a part has few outer edges.
        """
        parts: list[Tensor] = []
        waiting = [np.arange(self.nodes)]
        where = self.positions.cpu().numpy()
        while waiting:
            nodes = waiting.pop()
            if len(nodes) <= size:
                parts.append(torch.from_numpy(np.sort(nodes)).to(self.positions.device))
                continue
            inside = where[nodes]
            longest = int(np.argmax(inside.max(0) - inside.min(0)))
            middle = len(nodes) // 2
            order = np.argpartition(inside[:, longest], middle)
            waiting += [nodes[order[middle:]], nodes[order[:middle]]]
        return parts

    def _edges_into(self, nodes: Tensor) -> Tensor:
        """List the edges that arrive at some nodes, in the order of these."""
        counts = self.degree[nodes]
        shift = self.start[nodes] - (counts.cumsum(0) - counts)
        return torch.repeat_interleave(shift, counts) + torch.arange(
            int(counts.sum()), device=nodes.device
        )
