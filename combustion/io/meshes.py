"""Flames on unstructured meshes: what a snapshot holds, how zones join, meshes made from grids."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.nets.graph import Graph
from combustion.io.elements import Section, check, edges_of, nodal_volumes
from combustion.io.layouts import (
    FIELDS,
    LAYOUTS,
    PROGRESS_TOLERANCE,
    Flame,
    FlameLayout,
    Snapshot,
    check_field,
)

log = logging.getLogger(__name__)

COINCIDENCE = 1e-6
"""Distance, in units of the shortest edge there, up to which nodes of two zones are one."""
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


@dataclass(eq=False)
class Zone:
    """Part of a mesh as a file holds it, with nodes and elements of its own."""

    name: str  # file and zone, for error messages
    positions: NDArray[np.float64]  # (nodes, 3) [m]
    sections: list[Section]
    fields: dict[str, NDArray[np.float32]]  # by the names of `combustion.io.layouts.FIELDS`


def layout_of(names: Collection[str], where: str) -> FlameLayout:
    """Tell by which names the fields go: those of the layout whose progress variable is there."""
    for layout in LAYOUTS.values():
        if layout.progress_variable in names:
            return layout
    expected = " or ".join(f"'{layout.progress_variable}'" for layout in LAYOUTS.values())
    raise ValueError(
        f"{where}: no filtered progress variable, {expected}, at the nodes; found {sorted(names)}"
    )


def checked_field(
    values: NDArray[Any], field: str, name: str, where: str, count: int
) -> NDArray[np.float32]:
    """Return a field, one of `FIELDS`, as (nodes,) float32.

    Raises
    ------
    ValueError
        It has not one value per node, or see :func:`combustion.io.layouts.check_field`.
    """
    if values.size != count:
        raise ValueError(
            f"{where}: '{name}' has shape {values.shape}, expected one value for each of "
            f"{count} nodes"
        )
    checked = np.ascontiguousarray(values.reshape(count), dtype=np.float32)
    check_field(checked, field, name, where)
    return checked


def check_zone(zone: Zone) -> None:
    """Refuse a zone with bad coordinates, degenerate elements or nodes without element.

    Raises
    ------
    ValueError
        It says which.
    """
    count = len(zone.positions)
    if not np.isfinite(zone.positions).all():
        raise ValueError(f"{zone.name}: coordinates hold NaN or infinite values")
    if not zone.sections:
        raise ValueError(
            f"{zone.name}: no elements that fill a volume; expected tetrahedra, pyramids, prisms "
            "or hexahedra"
        )
    used = np.zeros(count, dtype=bool)
    for section in zone.sections:
        check(section, zone.positions)
        used[section.nodes] = True
    if not used.all():
        raise ValueError(
            f"{zone.name}: {count - int(used.sum())} of {count} nodes belong to no element; the "
            f"first is node {int(used.argmin()) + 1} (from 1). Remove them, or add the missing "
            "elements"
        )


@dataclass(eq=False)
class Mesh:
    """Zones put together: nodes, edges and fields of all."""

    positions: NDArray[np.float64]  # (nodes, 3) [m]
    edges: NDArray[np.int64]  # (edges, 2)
    volumes: NDArray[np.float64]  # (nodes,) [m3]
    fields: dict[str, Any]  # (nodes,) float32


def joined(zones: Sequence[Zone]) -> Mesh:
    """Put zones together; nodes in the same place become one, so that edges cross no gap.

    Where zones differ in a field at a common node, the value of the first is kept.

    Raises
    ------
    ValueError
        Zones hold different fields, or the progress variables differ at common nodes by more than
        the tolerance: they are not parts of one snapshot.
    """
    numbers = node_numbers(zones)
    count = 1 + max(int(number.max()) for number in numbers)
    tables = [
        number[section.nodes]
        for zone, number in zip(zones, numbers, strict=True)
        for section in zone.sections
    ]
    for zone in zones[1:]:
        if zone.fields.keys() != zones[0].fields.keys():
            raise ValueError(
                f"{zone.name}: holds the fields {sorted(zone.fields)}, the first zone "
                f"{sorted(zones[0].fields)}; expected the same in all zones"
            )
    positions = _gathered([zone.positions for zone in zones], numbers, count)
    merged = {
        name: _gathered([zone.fields[name] for zone in zones], numbers, count)
        for name in zones[0].fields
    }
    for zone, number in zip(zones, numbers, strict=True):
        name = "progress_variable"
        difference = float(np.abs(merged[name][number] - zone.fields[name]).max())
        if difference > PROGRESS_TOLERANCE:
            raise ValueError(
                f"{zone.name}: the progress variable differs by {difference:g} from that of other "
                f"zones at nodes in the same places (tolerance {PROGRESS_TOLERANCE:g}); expected "
                "the zones of one mesh at one instant"
            )
    edges = edges_of(tables, count)
    return Mesh(positions, edges, nodal_volumes(tables, positions), merged)


def node_numbers(zones: Sequence[Zone]) -> list[NDArray[np.int64]]:
    """Count the nodes of the joined zones: for each zone the numbers of its nodes, from 0.

    A node within `COINCIDENCE` of one of an earlier zone has the number of that.
    """
    numbers = [np.arange(len(zones[0].positions))]
    known = zones[0].positions
    for zone in zones[1:]:
        number = _coinciding(zone.positions, COINCIDENCE * _shortest_edges(zone), known)
        new = number < 0
        if new.all():
            log.warning("%s: shares no node with the zones before it", zone.name)
        number[new] = len(known) + np.arange(int(new.sum()))
        known = np.concatenate([known, zone.positions[new]])
        numbers.append(number)
    return numbers


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


def _shortest_edges(zone: Zone) -> NDArray[np.float64]:
    """Length of the shortest edge at each node [m]."""
    edges = edges_of([section.nodes for section in zone.sections], len(zone.positions))
    shortest = np.full(len(zone.positions), np.inf)
    for end in range(2):
        np.minimum.at(shortest, edges[:, end], edge_lengths(zone.positions, edges))
    return shortest


def _coinciding(
    points: NDArray[np.float64], tolerance: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Find for each point one of the others within its tolerance: (points,), -1 where none is."""
    # Points that coincide do so along a line too; its skew direction keeps grid points apart.
    direction = np.sqrt([2.0, 3.0, 5.0]) / math.sqrt(10)
    along, heights = points @ direction, others @ direction
    order = np.argsort(heights)
    first, end = (
        np.searchsorted(heights[order], along + shift) for shift in (-2 * tolerance, 2 * tolerance)
    )
    found = np.full(len(points), -1)
    for step in range(int((end - first).max(initial=0))):
        candidates = np.flatnonzero((first + step < end) & (found < 0))
        other = order[first[candidates] + step]
        near = np.linalg.norm(points[candidates] - others[other], axis=1) <= tolerance[candidates]
        found[candidates[near]] = other[near]
    return found


def _gathered(
    parts: Sequence[NDArray[Any]], numbers: Sequence[NDArray[np.int64]], count: int
) -> NDArray[Any]:
    """Put the values of all zones in one array; the first zone that has a node is heard."""
    values = np.empty((count, *parts[0].shape[1:]), parts[0].dtype)
    for part, number in zip(reversed(parts), reversed(numbers), strict=True):
        values[number] = part
    return values


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
