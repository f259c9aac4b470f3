"""A trained network of a flame as the call of a host program."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.routine import Grid, Mesh, Routine, Samples
from ai4sim.nets.graph import Graph
from ai4sim.nets.graph_net import GraphNet
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable
from combustion.io.elements import edges_of
from combustion.io.meshes import grid_tetrahedra
from combustion.matching import CELLS, FIELDS_ON, TOLERANCE

SPACING = Variable("grid_spacing", "m")
RESOLUTION = Variable(CELLS, "1")
WIDTH, LENGTH = Variable("filter_width", "m"), Variable("reference_length", "m")
COARSER = 30
"""How many times longer or shorter than in training the edges of a mesh may be, in filter widths:
beyond, the host has other units."""
CORNER = (16, 16, 12)
"""Points of a grid that are divided into tetrahedra where a network of grids is to take meshes."""
OVERSHOOT = 0.05
"""How far a filtered progress variable may lie beyond 0 and 1: schemes of transport overshoot."""


class FlameSurface(nn.Module):
    """The filtered progress variable and the grid spacing to the flame surface density.

    Parameters
    ----------
    surrogate : Surrogate
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, fields: Tensor, parameters: Tensor) -> Tensor:
        """Map (1, 1, nx, ny, nz) [1] and (1, parameter) to (1, 1, nx, ny, nz) [1/m]."""
        density: Tensor = self.surrogate(fields, 1 / parameters[:, 0])
        return density


class FlameSurfaceOnMesh(nn.Module):
    """The filtered progress variable at the nodes of a mesh to the flame surface density.

    Parameters
    ----------
    surrogate : Surrogate
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        self.cells = float(surrogate.facts.get(CELLS) or 1)

    def forward(
        self, fields: Tensor, edge_index: Tensor, offsets: Tensor, parameters: Tensor
    ) -> Tensor:
        """Map (node, 1) [1], (2, edge), (edge, 3) [m] and (1, 1) [m] to (node, 1) [1/m]."""
        # The unit of length that makes the filter as wide as in training.
        length = parameters[0] / self.cells
        graph = Graph.unplaced(edge_index, offsets / length, fields.shape[0])
        density: Tensor = self.surrogate(fields, graph=graph) / length
        return density


def routine(surrogate: Surrogate, on: Literal["grid", "mesh"] | None = None) -> Routine:
    """Return a trained network as ``flame_closure``.

    On grids the library takes those of the resolution of the training, and refuses others. On
    meshes it measures the edges in such a unit that the filter is as wide as in training.

    Parameters
    ----------
    surrogate : Surrogate
    on : {"grid", "mesh"}, optional
        Where the host has its fields; by default where the training had them.

    Raises
    ------
    ValueError
        Its network cannot be traced, or takes no mesh; it predicts a spread.
    """
    if len(surrogate.members) > 1 or surrogate.has_spread:
        raise ValueError("flame_closure: no library can be made of an ensemble or a Gaussian yet")
    net = surrogate.net
    if not getattr(net, "exportable", True):
        raise ValueError(f"no library can be made of a {type(net).__name__} yet")
    on = on or surrogate.facts.get(FIELDS_ON, "grid")
    if on not in ("grid", "mesh"):
        raise ValueError(f"--on {on}: expected grid or mesh")
    if on == "mesh" and not isinstance(net, GraphNet):
        raise ValueError(f"--on mesh: {type(net).__name__} takes fields on grids only")
    return _on_mesh(surrogate) if on == "mesh" else _on_grid(surrogate)


def _on_grid(surrogate: Surrogate) -> Grid:
    net, trained = surrogate.net, surrogate.facts.get(CELLS)
    bounds = {"progress_variable": Bounds(-OVERSHOOT, 1 + OVERSHOOT), SPACING.name: Bounds(1e-9, 1)}
    if trained is not None:
        bounds[CELLS] = Bounds((1 - TOLERANCE) * trained, (1 + TOLERANCE) * trained)

    def fields(samples: Samples) -> tuple[Tensor, Tensor]:
        parameters = [samples["dx"]]
        if trained is not None:
            # A test set of another resolution is brought to this one before the network sees it.
            parameters.append(torch.full_like(samples["dx"], trained))
        return samples["inputs"].float(), torch.stack(parameters, dim=-1).float()

    return Grid(
        name="flame_closure",
        title="Generalised flame surface density from the filtered progress variable",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        parameters=(SPACING,) if trained is None else (SPACING, RESOLUTION),
        module=FlameSurface(surrogate),
        bounds=bounds,
        fields=fields,
        halo=surrogate.periodic_halo,
        least=2 * int(getattr(net, "stride", 1)),
        reach=getattr(net, "reach", None),
    )


def _on_mesh(surrogate: Surrogate) -> Mesh:
    trained = surrogate.facts.get(CELLS)
    width = LENGTH if trained is None else WIDTH
    cells = float(trained or 1)

    def meshes(samples: Samples) -> tuple[Tensor, ...]:
        dx = samples["dx"].double().mean()
        if "edges" in samples:
            fields, positions, edges = (samples[n] for n in ("inputs", "positions", "edges"))
        else:
            fields, positions, edges = _tetrahedra(samples["inputs"])
        parameters = (cells * dx).float()
        return fields.float(), positions.double() * dx, edges, parameters.reshape(1, 1)

    return Mesh(
        name="flame_closure",
        title="Generalised flame surface density from the filtered progress variable",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        parameters=(width,),
        module=FlameSurfaceOnMesh(surrogate),
        bounds={
            "progress_variable": Bounds(-OVERSHOOT, 1 + OVERSHOOT),
            width.name: Bounds(1e-9, 10),
        },
        meshes=meshes,
        edge=Bounds(1 / (COARSER * cells), COARSER / cells),
        reach=getattr(surrogate.net, "reach", None),
    )


def _tetrahedra(grids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Divide the middle of the field that varies most into tetrahedra; positions in spacings."""
    field = max(grids[:, 0], key=lambda field: float(field.std()))
    for axis, most in enumerate(CORNER):
        points = min(field.shape[axis], most)
        field = field.narrow(axis, (field.shape[axis] - points) // 2, points)
    axes = [torch.arange(points) for points in field.shape]
    positions = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    shape = (field.shape[0], field.shape[1], field.shape[2])
    edges = edges_of([grid_tetrahedra(shape)], len(positions))
    return field.reshape(-1, 1), positions, torch.from_numpy(edges)
