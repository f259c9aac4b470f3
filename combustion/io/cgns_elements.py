"""Sections of elements in CGNS files: their types, and streams of mixed elements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from combustion.io.cgns_nodes import DATA, members, values_of
from combustion.io.elements import FACES, KINDS, Section, from_zero

TYPES = {
    **{2: ("NODE", 1), 3: ("BAR_2", 2), 4: ("BAR_3", 3), 5: ("TRI_3", 3), 6: ("TRI_6", 6)},
    **{7: ("QUAD_4", 4), 8: ("QUAD_8", 8), 9: ("QUAD_9", 9), 10: ("TETRA_4", 4)},
    **{11: ("TETRA_10", 10), 12: ("PYRA_5", 5), 13: ("PYRA_14", 14), 14: ("PENTA_6", 6)},
    **{15: ("PENTA_15", 15), 16: ("PENTA_18", 18), 17: ("HEXA_8", 8), 18: ("HEXA_20", 20)},
    **{19: ("HEXA_27", 27), 21: ("PYRA_13", 13), 24: ("BAR_4", 4), 25: ("TRI_9", 9)},
    **{26: ("TRI_10", 10), 27: ("QUAD_12", 12), 28: ("QUAD_16", 16), 29: ("TETRA_16", 16)},
    **{30: ("TETRA_20", 20), 40: ("BAR_5", 5), 41: ("TRI_12", 12), 42: ("TRI_15", 15)},
    **{43: ("QUAD_P4_16", 16), 44: ("QUAD_25", 25)},
}
"""CGNS's types of elements by their codes: name and number of nodes."""
MIXED, NGON, NFACE = 20, 22, 23
SOLIDS = {10: 4, 12: 5, 14: 6, 17: 8}
"""Types of first order in space -> nodes per element."""
FLAT = ("NODE", "BAR", "TRI", "QUAD")
"""How names of types begin that fill no volume."""
SOLID_NAMES = {"tetra": 4, "pyra": 5, "pris": 6, "penta": 6, "wedge": 6, "hexa": 8}
"""How names of sections begin words -> nodes per element."""
FLAT_NAMES = ("tri", "quad", "bar", "line")


def sections_of(zone: h5py.Group, path: Path, where: str, count: int) -> list[Section]:
    """Read all sections of a zone; see :func:`_sections`."""
    return [
        section
        for name, group in members(zone).items()
        if isinstance(group, h5py.Group) and "ElementConnectivity" in group
        for section in _sections(group, name, path, f"{where}, section '{name}'", count)
    ]


def _sections(group: h5py.Group, name: str, path: Path, where: str, count: int) -> list[Section]:
    """Read an element section; none for those of the boundary, several for CGNS's MIXED."""
    nodes = members(group)
    connectivity = values_of(nodes["ElementConnectivity"], path).ravel()
    code = _type_code(group, path)
    elements = _number_of_elements(nodes, path)
    if code == MIXED:
        tables = _mixed(nodes, path, connectivity, elements, where)
    else:
        corners = _corners(name, code, connectivity, elements, nodes, path, where)
        if corners == 0:
            return []
        if connectivity.size % corners:
            raise ValueError(
                f"{where}: {connectivity.size} node numbers are no whole number of "
                f"{KINDS[corners]}, {corners} nodes each"
            )
        tables = [connectivity.reshape(-1, corners)]
    return [Section(where, from_zero(table, count, 1, where)) for table in tables if len(table)]


def _type_code(group: h5py.Group, path: Path) -> int | None:
    """Find the code of the element type, where the section says it."""
    if DATA not in group and DATA.strip() not in group:
        return None
    return int(values_of(group, path).ravel()[0])


def _number_of_elements(nodes: dict[str, Any], path: Path) -> int | None:
    if "ElementRange" not in nodes:
        return None
    first, last = (int(n) for n in values_of(nodes["ElementRange"], path).ravel())
    return last - first + 1


def _named(code: int) -> str:
    special = {MIXED: "MIXED", NGON: "NGON_n", NFACE: "NFACE_n"}
    name = special.get(code) or TYPES.get(code, ("",))[0]
    return f"{code} ({name})" if name else str(code)


def _is_flat(code: int) -> bool:
    return code in TYPES and TYPES[code][0].startswith(FLAT)


def _refuse_types(codes: list[int], where: str) -> None:
    """Refuse types that are neither of `SOLIDS` nor flat."""
    others = [code for code in codes if code not in SOLIDS and not _is_flat(code)]
    if others:
        raise ValueError(
            f"{where}: elements of CGNS type {', '.join(map(_named, others))}; expected "
            "first-order tetrahedra (10), pyramids (12), prisms (14), hexahedra (17) or a mixture "
            f"({MIXED}): polyhedra and elements of higher order cannot be used"
        )


def _corners(
    name: str,
    code: int | None,
    connectivity: NDArray[Any],
    elements: int | None,
    nodes: dict[str, Any],
    path: Path,
    where: str,
) -> int:
    """Nodes per element of a section; 0 for elements that fill no volume."""
    if code is not None:
        _refuse_types([code], where)
        return SOLIDS.get(code, 0)
    per_element = 0
    if elements is not None:
        if elements < 1 or connectivity.size % elements:
            first, last = values_of(nodes["ElementRange"], path).ravel()
            raise ValueError(
                f"{where}: {connectivity.size} node numbers for the elements {first} to {last}; "
                "expected the same number for each"
            )
        per_element = connectivity.size // elements
    words = name.lower()
    named = next((n for word, n in SOLID_NAMES.items() if word in words), 0)
    if not named and (per_element in (1, 2, 3) or any(word in words for word in FLAT_NAMES)):
        return 0
    corners = named or per_element
    if corners not in FACES or (per_element and per_element != corners):
        found = f"{per_element} nodes each" if per_element else "no ElementRange"
        raise ValueError(
            f"{where}: cannot tell what the elements are, found {found}; expected a name with "
            f"{', '.join(SOLID_NAMES)}, or 4 (tetrahedra), 5 (pyramids), 6 (prisms) or "
            "8 (hexahedra) nodes each; elements of second order cannot be used"
        )
    return corners


def _mixed(
    nodes: dict[str, Any],
    path: Path,
    stream: NDArray[Any],
    elements: int | None,
    where: str,
) -> list[NDArray[Any]]:
    """Sort a stream of element types, each followed by its nodes, into tables."""
    if not np.issubdtype(stream.dtype, np.integer):
        raise ValueError(f"{where}: node numbers are of type {stream.dtype}, expected integers")
    starts = _starts(stream, where)
    if elements is not None and len(starts) != elements:
        raise ValueError(
            f"{where}: its ElementRange has {elements} elements, its mixed elements are "
            f"{len(starts)}"
        )
    if "ElementStartOffset" in nodes:
        stated = values_of(nodes["ElementStartOffset"], path).ravel()
        if not np.array_equal(stated, [*starts, len(stream)]):
            raise ValueError(
                f"{where}: its ElementStartOffset does not say where its mixed elements begin"
            )
    types = stream[starts]
    _refuse_types(sorted(set(types.tolist())), where)
    return [
        stream[starts[types == code, None] + 1 + np.arange(corners)]
        for code, corners in SOLIDS.items()
    ]


def _starts(stream: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Find where the elements of a stream begin: the type of each tells where the next one does."""
    steps = np.zeros(max(TYPES) + 2, np.int64)
    for code, (_, corners) in TYPES.items():
        steps[code] = corners + 1
    known = (stream >= 0) & (stream < len(steps))
    # A memory view gives numbers of Python, which are faster one by one than those of NumPy.
    ahead = steps[np.where(known, stream, -1)].data
    starts, place = [], 0
    while place < len(ahead):
        starts.append(place)
        if ahead[place] == 0:
            raise ValueError(
                f"{where}: element {len(starts)} of its mixed elements has the CGNS type "
                f"{_named(int(stream[place]))}; expected first-order tetrahedra (10), pyramids "
                "(12), prisms (14) or hexahedra (17), and those of the boundary"
            )
        place += ahead[place]
    if place != len(ahead):
        raise ValueError(f"{where}: its mixed elements end within element {len(starts)}")
    return np.array(starts, np.int64)
