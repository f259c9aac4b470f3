"""Flames on unstructured meshes: what a snapshot holds, meshes made from grids."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.nets.graph import Graph
from combustion.io.elements import edges_of, nodal_volumes
from combustion.io.layouts import FIELDS, Flame, Snapshot

JITTER_LIMIT = math.sqrt(3) / 6
"""Displacement, in cells, below which no tetrahedron of `grid_tetrahedra` turns inside out: half
the least width of these tetrahedra, that between two opposite edges."""


@dataclass(kw_only=True)
class MeshSnapshot(Flame):
    """A flame on a mesh: fields are (nodes,)."""

    positions: NDArray[Any]  # (nodes, 3) [m]
    edges: NDArray[np.int64]  # (edges, 2), each once, the lower node number first
    volumes: NDArray[Any]  # (nodes,) [m3], share of each node in the volume of the mesh
    graph: Graph = None  # type: ignore[assignment]  # [m], made of the edges unless given

    def __post_init__(self) -> None:
        """Make the graph where none is given."""
        if self.graph is None:
            self.graph = Graph.from_edges(self.edges, self.positions)

    def scaled_graph(self) -> Graph:
        """Return the graph in units of dx, as networks take it."""
        offsets, positions = self.graph.offsets / self.dx, self.graph.positions / self.dx
        return replace(self.graph, offsets=offsets, positions=positions)


def edge_lengths(positions: NDArray[Any], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Lengths of edges, (edges,) [m]."""
    offsets = positions[edges[:, 0]] - positions[edges[:, 1]]
    return np.sqrt(np.einsum("ij,ij->i", offsets, offsets))


def grid_tetrahedra(shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Divide each cell between the points of a grid into six tetrahedra around its diagonal.

    Along the way from the lowest to the highest corner of a cell the axes are taken in each of the
    six orders (Kuhn's division), so that the faces of neighbouring cells are cut alike.

    Parameters
    ----------
    shape : points of the grid along each axis; they are numbered with the last axis fastest

    Returns
    -------
    (6 cells, 4) int64
    """
    points = np.arange(math.prod(shape)).reshape(shape)
    lowest = points[:-1, :-1, :-1].reshape(-1, 1)
    steps = (shape[1] * shape[2], shape[2], 1)
    ways = [np.cumsum([0, *order]) for order in itertools.permutations(steps)]
    return np.concatenate([lowest + way for way in ways])


def mesh_of_snapshot(snapshot: Snapshot, *, jitter: float = 0.2, seed: int = 0) -> MeshSnapshot:
    """Turn a flame on a grid into one on tetrahedra, for demonstrations and tests.

    The nodes are the points of the grid, those inside displaced at random; the elements are
    `grid_tetrahedra`. Fields at displaced nodes are interpolated by cubics and kept within the
    range of the field.

    Parameters
    ----------
    snapshot : Snapshot
    jitter : float
        Largest displacement, in grid spacings, below `JITTER_LIMIT`.
    seed : int
        Of the displacements.

    Returns
    -------
    MeshSnapshot
        Its reference length is the grid spacing, its origin the first point of the grid. What the
        attributes say about the axes of the grid is dropped.
    """
    if not 0 <= jitter < JITTER_LIMIT:
        raise ValueError(
            f"jitter is {jitter:g}, expected from 0 to less than {JITTER_LIMIT:.3f} spacings: "
            "beyond, elements may turn inside out"
        )
    shape = snapshot.progress_variable.shape
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    inside = ((points > 0) & (points < np.array(shape) - 1)).all(1)
    rng = np.random.default_rng(seed)
    displacements = rng.standard_normal((int(inside.sum()), 3))
    displacements /= np.linalg.norm(displacements, axis=1, keepdims=True)
    # Uniform in the ball.
    displacements *= jitter * rng.random((len(displacements), 1)) ** (1 / 3)
    places = points.astype(np.float64)
    places[inside] += displacements
    values: dict[str, Any] = {}
    for name in FIELDS:
        grid = getattr(snapshot, name)
        if grid is not None:
            values[name] = np.array(grid, dtype=np.float32).ravel()
            if jitter > 0:
                values[name][inside] = _cubic(grid, places[inside])
    positions = places * snapshot.dx
    tables = [grid_tetrahedra(shape)]
    of_grid = {"axis_order", "periodic"}
    return MeshSnapshot(
        path=snapshot.path,
        case=snapshot.case,
        time=snapshot.time,
        dx=snapshot.dx,
        positions=positions,
        edges=edges_of(tables, len(positions)),
        volumes=nodal_volumes(tables, positions),
        attributes={k: v for k, v in snapshot.attributes.items() if k not in of_grid},
        **values,
    )


def _cubic(grid: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate by cubic polynomials along each axis, of lower degree where points are few.

    Parameters
    ----------
    grid : (nx, ny, nz)
    places : (places, 3), in grid spacings

    Returns
    -------
    (places,), within the range of the grid
    """
    starts, weights = [], []
    for axis, points in enumerate(grid.shape):
        width = min(4, points)
        start = np.clip(np.floor(places[:, axis]).astype(int) - 1, 0, points - width)
        at = places[:, axis] - start
        weights.append(
            [
                math.prod((at - other) / (own - other) for other in range(width) if other != own)
                for own in range(width)
            ]
        )
        starts.append(start)
    total = np.zeros(len(places))
    for i, j, k in itertools.product(*(range(len(w)) for w in weights)):
        corner = grid[starts[0] + i, starts[1] + j, starts[2] + k]
        total += weights[0][i] * weights[1][j] * weights[2][k] * corner
    return np.clip(total, grid.min(), grid.max())
