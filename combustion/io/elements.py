"""Elements of unstructured meshes: their edges and volumes, for whole connectivity tables at once.

An element is a tetrahedron (4 nodes), a pyramid (5), a prism (6) or a hexahedron (8): the number of
its nodes tells which. Nodes are ordered as in CGNS and VTK: the base first, then the top above it;
mirrored elements (all nodes counted the other way round) are as good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {4: "tetrahedra", 5: "pyramids", 6: "prisms", 8: "hexahedra"}
"""Nodes per element -> what the elements are called."""
FACES: dict[int, tuple[tuple[int, ...], ...]] = {
    4: ((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)),
    5: ((0, 3, 2, 1), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)),
    6: ((0, 2, 1), (3, 4, 5), (0, 1, 4, 3), (1, 2, 5, 4), (2, 0, 3, 5)),
    8: ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
}
"""Nodes per element -> its faces, each seen from outside."""
FLAT = 1e-10
"""Volume, in units of the cube of the longest edge, below which an element counts as flat."""


@dataclass(frozen=True, eq=False)
class Section:
    """Elements of one kind."""

    name: str  # file, zone and section, for error messages
    nodes: NDArray[np.int64]  # (elements, nodes per element), from 0


def from_zero(nodes: NDArray[Any], count: int, first: int, name: str) -> NDArray[np.int64]:
    """Count nodes from 0 that a file counts from `first`, or refuse numbers that do not exist.

    Parameters
    ----------
    nodes : (elements, nodes per element)
    count : int
        Number of nodes.
    first : {0, 1}
    name : str
        File, zone and section, for the error.
    """
    if not np.issubdtype(nodes.dtype, np.integer):
        raise ValueError(f"{name}: node numbers are of type {nodes.dtype}, expected integers")
    low, high = int(nodes.min()), int(nodes.max())
    if low < first or high >= first + count:
        hint = ": they seem to be counted from 0" if first == 1 and low == 0 else ""
        raise ValueError(
            f"{name}: elements name the nodes {low} to {high}; expected {first} to "
            f"{first + count - 1}{hint}"
        )
    return nodes.astype(np.int64) - first


def check(section: Section, positions: NDArray[np.float64]) -> None:
    """Refuse degenerate elements.

    Parameters
    ----------
    section : Section
        Its node numbers are known to exist.
    positions : (nodes, 3)  [m]

    Raises
    ------
    ValueError
        An element names a node twice or has no volume.
    """
    ordered = np.sort(section.nodes, axis=1)
    repeated = (ordered[:, 1:] == ordered[:, :-1]).any(1)
    if repeated.any():
        first = int(repeated.argmax())
        raise ValueError(
            f"{section.name}: {int(repeated.sum())} of {len(repeated)} elements name a node twice; "
            f"the first is element {first + 1}, {(section.nodes[first] + 1).tolist()} (from 1)"
        )
    squares = np.zeros(len(section.nodes))
    for a, b in _edge_table(section.nodes.shape[1]):
        offsets = positions[section.nodes[:, a]] - positions[section.nodes[:, b]]
        np.maximum(squares, np.einsum("ij,ij->i", offsets, offsets), out=squares)
    flat = element_volumes(section.nodes, positions) <= FLAT * squares**1.5
    if flat.any():
        first = int(flat.argmax())
        raise ValueError(
            f"{section.name}: {int(flat.sum())} of {len(flat)} elements have no volume; the first "
            f"is element {first + 1}, nodes {(section.nodes[first] + 1).tolist()} (from 1)"
        )


def edges_of(tables: Iterable[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """List the edges of all elements, each once.

    Parameters
    ----------
    tables : iterable of (elements, nodes per element)
        Node numbers from 0.
    count : int
        Number of nodes.

    Returns
    -------
    (edges, 2) int64
        The lower node number first; sorted.
    """
    keys = [
        np.minimum(table[:, a], table[:, b]) * count + np.maximum(table[:, a], table[:, b])
        for table in tables
        for a, b in _edge_table(table.shape[1])
    ]
    ordered = np.sort(np.concatenate(keys))
    once = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    return np.stack(np.divmod(once, count), axis=1)


def shortest_edges(
    tables: Iterable[NDArray[np.int64]], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Length of the shortest edge of the elements around each node; infinity where there is none.

    Parameters
    ----------
    tables : iterable of (elements, nodes per element)
        Node numbers from 0.
    positions : (nodes, 3)  [m]

    Returns
    -------
    (nodes,)  [m]
    """
    shortest = np.full(len(positions), np.inf)
    for nodes in tables:
        squares = np.full(len(nodes), np.inf)
        for a, b in _edge_table(nodes.shape[1]):
            offsets = positions[nodes[:, a]] - positions[nodes[:, b]]
            np.minimum(squares, np.einsum("ij,ij->i", offsets, offsets), out=squares)
        lengths = np.sqrt(squares)
        for corner in nodes.T:
            np.minimum.at(shortest, corner, lengths)
    return shortest


def element_volumes(
    nodes: NDArray[np.int64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Volume of each element [m3], whichever way round its nodes are counted.

    By the divergence theorem: the flux of the position vector through the faces is three times
    the volume. A quadrilateral face that is not plane counts as the mean of its two divisions into
    triangles, which is the flux through the bilinear surface; both neighbours take the same, so
    that the volumes of the elements add up to that of the mesh.

    Parameters
    ----------
    nodes : (elements, nodes per element)
        Node numbers from 0.
    positions : (nodes, 3)  [m]

    Returns
    -------
    (elements,)  [m3]
    """
    # Seen from node 0, the triangles that contain it have no flux.
    origin = positions[nodes[:, 0]]
    volumes = np.zeros(len(nodes))
    for weight, triangle in _triangles(nodes.shape[1]):
        a, b, c = (positions[nodes[:, corner]] - origin for corner in triangle)
        volumes += weight / 6 * np.einsum("ij,ij->i", a, np.cross(b, c))
    return np.abs(volumes)


def nodal_volumes(
    tables: Iterable[NDArray[np.int64]], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of each node in the volume of the mesh: every element gives its nodes equal parts.

    Parameters
    ----------
    tables : iterable of (elements, nodes per element)
        Node numbers from 0.
    positions : (nodes, 3)  [m]

    Returns
    -------
    (nodes,)  [m3]
        The sum is the volume of the mesh.
    """
    shares = np.zeros(len(positions))
    for nodes in tables:
        corners = nodes.shape[1]
        volumes = np.repeat(element_volumes(nodes, positions) / corners, corners)
        shares += np.bincount(nodes.ravel(), volumes, len(positions))
    return shares


def _edge_table(corners: int) -> list[tuple[int, int]]:
    """Pairs of corners that an edge joins: the sides of the faces."""
    sides = {
        (min(pair), max(pair))
        for face in FACES[corners]
        for pair in zip(face, face[1:] + face[:1], strict=True)
    }
    return sorted(sides)


def _triangles(corners: int) -> list[tuple[float, tuple[int, ...]]]:
    """Weights and corners of the triangles that make up the faces, those with corner 0 left out."""
    triangles: list[tuple[float, tuple[int, ...]]] = []
    for face in FACES[corners]:
        if len(face) == 3:
            triangles.append((1.0, face))
        else:
            a, b, c, d = face
            triangles += [(0.5, t) for t in ((a, b, c), (c, d, a), (a, b, d), (b, c, d))]
    return [(weight, triangle) for weight, triangle in triangles if 0 not in triangle]
