"""Zones of an unstructured mesh, the parts in which a file holds it, and how they join."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from combustion.io.elements import Section, check, edges_of, nodal_volumes, shortest_edges
from combustion.io.layouts import LAYOUTS, PROGRESS_TOLERANCE, FlameLayout, check_field

log = logging.getLogger(__name__)

COINCIDENCE = 1e-4
"""Distance, in units of the shortest edge of the elements there, up to which two nodes are one. It
leaves room for the rounding of coordinates in single precision; no edge is as short."""


@dataclass(eq=False)
class Zone:
    """Part of a mesh as a file holds it, with nodes and elements of its own."""

    name: str  # file and zone, for error messages
    positions: NDArray[np.float64]  # (nodes, 3) [m]
    sections: list[Section]
    layout: FlameLayout
    fields: dict[str, NDArray[np.float32]]  # (nodes,) by the names of `combustion.io.layouts`

    @property
    def used(self) -> NDArray[np.bool_]:
        """Whether a node belongs to an element, (nodes,)."""
        used = np.zeros(len(self.positions), dtype=bool)
        for section in self.sections:
            used[section.nodes] = True
        return used


def layout_of(names: Collection[str], where: str) -> FlameLayout:
    """Tell by which names the fields go: those of the layout whose progress variable is there."""
    for layout in LAYOUTS.values():
        if layout.progress_variable in names:
            return layout
    expected = " or ".join(f"'{layout.progress_variable}'" for layout in LAYOUTS.values())
    raise ValueError(
        f"{where}: no filtered progress variable, {expected}, at the nodes; found {sorted(names)}"
    )


def per_node(values: ArrayLike, name: str, where: str, count: int) -> NDArray[np.float32]:
    """Return a field as (nodes,) float32.

    Raises
    ------
    ValueError
        It has not one value per node.
    """
    values = np.asarray(values)
    if values.size != count:
        raise ValueError(
            f"{where}: '{name}' has shape {values.shape}, expected one value for each of "
            f"{count} nodes"
        )
    return np.ascontiguousarray(values.reshape(count), dtype=np.float32)


def check_zone(zone: Zone) -> None:
    """Refuse a zone with bad coordinates, degenerate elements, or fields that cannot be.

    Values at nodes that belong to no element are disregarded.

    Raises
    ------
    ValueError
        It says which; see also :func:`combustion.io.layouts.check_field`.
    """
    if not zone.sections:
        raise ValueError(
            f"{zone.name}: no elements that fill a volume; expected tetrahedra, pyramids, prisms "
            "or hexahedra"
        )
    used = zone.used
    if not np.isfinite(zone.positions[used]).all():
        raise ValueError(f"{zone.name}: coordinates hold NaN or infinite values")
    for section in zone.sections:
        check(section, zone.positions)
    first = int(used.argmax())
    for field, values in zone.fields.items():
        of_elements = np.where(used, values, values[first])
        check_field(of_elements, field, zone.layout.datasets[field], zone.name)


@dataclass(eq=False)
class Mesh:
    """Zones put together: nodes, edges and fields of all."""

    positions: NDArray[np.float64]  # (nodes, 3) [m]
    edges: NDArray[np.int64]  # (edges, 2)
    volumes: NDArray[np.float64]  # (nodes,) [m3]
    fields: dict[str, Any]  # (nodes,) float32
    unused: int  # number of nodes in the zones that belong to no element, and are left out


def joined(zones: Sequence[Zone]) -> Mesh:
    """Put zones together; nodes in the same place become one, so that edges cross no gap.

    Where two such nodes differ in a field, the value of the first is kept.

    Raises
    ------
    ValueError
        Zones hold different fields; the progress variables of nodes in the same place differ by
        more than the tolerance: they are not parts of one snapshot; or an element has two nodes in
        the same place.
    """
    for zone in zones[1:]:
        if zone.fields.keys() != zones[0].fields.keys():
            raise ValueError(
                f"{zone.name}: holds the fields {sorted(zone.fields)}, the first zone "
                f"{sorted(zones[0].fields)}; expected the same in all zones"
            )
    numbers = node_numbers(zones)
    count = 1 + max(int(number.max()) for number in numbers)
    tables = [
        _renumbered(section, number)
        for zone, number in zip(zones, numbers, strict=True)
        for section in zone.sections
    ]
    used = [zone.used for zone in zones]
    positions = _gathered([zone.positions for zone in zones], numbers, used, count)
    merged = {
        name: _gathered([zone.fields[name] for zone in zones], numbers, used, count)
        for name in zones[0].fields
    }
    for zone, number, inside in zip(zones, numbers, used, strict=True):
        name = "progress_variable"
        differences = merged[name][number[inside]] - zone.fields[name][inside]
        difference = float(np.abs(differences).max())
        if difference > PROGRESS_TOLERANCE:
            raise ValueError(
                f"{zone.name}: the progress variable differs by {difference:g} from that of other "
                f"nodes in the same places (tolerance {PROGRESS_TOLERANCE:g}); expected one value "
                "at one place: the parts of one mesh at one instant"
            )
    unused = sum(int((number < 0).sum()) for number in numbers)
    volumes = nodal_volumes(tables, positions)
    return Mesh(positions, edges_of(tables, count), volumes, merged, unused)


def spread(values: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the nodes of a zone the values of the joined mesh; NaN where a node is not in it."""
    return np.where(numbers < 0, np.float32(np.nan), values[numbers])


def node_numbers(zones: Sequence[Zone]) -> list[NDArray[np.int64]]:
    """Count the nodes of the joined zones: for each zone the numbers of its nodes, from 0.

    Nodes in the same place, within `COINCIDENCE`, have one number, whether they are of one zone or
    of several. Those that belong to no element, and are not where one is that does, have -1.
    """
    positions = np.concatenate([zone.positions for zone in zones])
    shortest = np.concatenate(
        [shortest_edges([s.nodes for s in z.sections], z.positions) for z in zones]
    )
    first = _first_in_place(positions, COINCIDENCE * shortest)
    used = np.zeros(len(positions), dtype=bool)
    used[first[np.isfinite(shortest)]] = True
    counted = used & (first == np.arange(len(first)))
    numbers = np.where(used[first], (np.cumsum(counted) - 1)[first], -1)
    parts = np.split(numbers, np.cumsum([len(zone.positions) for zone in zones])[:-1])
    known = parts[0].max()
    for zone, part in zip(zones[1:], parts[1:], strict=True):
        if not ((part >= 0) & (part <= known)).any():
            log.warning("%s: shares no node with the zones before it", zone.name)
        known = max(known, part.max())
    return parts


def _first_in_place(
    positions: NDArray[np.float64], tolerance: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Find for each node the first one in the same place, which may be itself: (nodes,).

    Two nodes are in the same place if their distance is within the tolerances of both. A node
    without a tolerance, infinity, takes the other's.
    """
    order = np.lexsort(positions.T[::-1])
    ordered = positions[order]
    begins = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(1)])
    # The order is stable, so that the first of equal places is the first in the file.
    places, starts = order[begins], np.flatnonzero(begins)
    first = np.empty(len(positions), np.int64)
    first[order] = places[np.cumsum(begins) - 1]
    a, b = _near_pairs(positions[places], np.minimum.reduceat(tolerance[order], starts))
    a, b = np.minimum(places[a], places[b]), np.maximum(places[a], places[b])
    while len(a):
        low = np.minimum(first[a], first[b])
        np.minimum.at(first, first[a], low)
        np.minimum.at(first, first[b], low)
        first = first[first]
        apart = first[a] != first[b]
        a, b = a[apart], b[apart]
    while not np.array_equal(first, first[first]):
        first = first[first]
    return first


def _near_pairs(
    points: NDArray[np.float64], tolerance: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the pairs of different points within the tolerances of both."""
    # Points that coincide do so along a line too; its skew direction keeps grid points apart.
    direction = np.sqrt([2.0, 3.0, 5.0]) / math.sqrt(10)
    heights = points @ direction
    rounding = (
        8 * np.finfo(np.float64).eps * float(np.abs(heights[np.isfinite(heights)]).max(initial=0))
    )
    order = np.argsort(heights, kind="stable")
    heights, tolerance = heights[order], tolerance[order]
    known = np.flatnonzero(np.isfinite(tolerance))
    pairs = []
    for sign in (1, -1):
        candidates, step = known, sign
        while len(candidates):
            other = candidates + step
            inside = (other >= 0) & (other < len(points))
            candidates, other = candidates[inside], other[inside]
            reach = tolerance[candidates] + rounding
            near = np.abs(heights[other] - heights[candidates]) <= reach
            candidates, other = candidates[near], other[near]
            offsets = points[order[candidates]] - points[order[other]]
            least = np.minimum(tolerance[candidates], tolerance[other])
            same = np.einsum("ij,ij->i", offsets, offsets) <= least**2
            pairs.append(np.stack([order[candidates[same]], order[other[same]]]))
            step += sign
    found = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    return found[0], found[1]


def _renumbered(section: Section, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the elements of a section by the numbers of the joined nodes."""
    table = numbers[section.nodes]
    ordered = np.sort(table, axis=1)
    collapsed = (ordered[:, 1:] == ordered[:, :-1]).any(1)
    if collapsed.any():
        first = int(collapsed.argmax())
        raise ValueError(
            f"{section.name}: {int(collapsed.sum())} of {len(table)} elements have two nodes in "
            f"the same place; the first is element {first + 1}, nodes "
            f"{(section.nodes[first] + 1).tolist()} (from 1)"
        )
    return table


def _gathered(
    parts: Sequence[NDArray[Any]],
    numbers: Sequence[NDArray[np.int64]],
    used: Sequence[NDArray[np.bool_]],
    count: int,
) -> NDArray[Any]:
    """Put the values of all zones in one array; the first node in a place is heard."""
    values = np.empty((count, *parts[0].shape[1:]), parts[0].dtype)
    for part, number, inside in zip(
        reversed(parts), reversed(numbers), reversed(used), strict=True
    ):
        values[number[inside][::-1]] = part[inside][::-1]
    return values
