"""HDF5 files of unstructured meshes in the manner of CGNS; their layout is in `mesh_files`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.copies import copy_variables
from ai4sim.io.files import atomic_write
from ai4sim.io.hdf5 import Hdf5Variable, check_places, open_hdf5
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import STORAGE, plain, reading
from ai4sim.io.units import convert_from
from combustion.io.elements import FACES, KINDS, Section, from_zero
from combustion.io.facts import facts_of
from combustion.io.layouts import UNITS, FlameLayout
from combustion.io.zones import Zone, layout_of, per_node

SOLID_CODES = {10: 4, 12: 5, 14: 6, 17: 8}
"""CGNS's element types of first order in space -> nodes per element."""
FLAT_CODES = {*range(2, 10), *range(24, 29)}
"""CGNS's types of points, lines, triangles and quadrilaterals."""
MIXED_CODE = 20
SOLID_NAMES = {"tetra": 4, "pyra": 5, "pris": 6, "penta": 6, "wedge": 6, "hexa": 8}
"""How names of sections begin words -> nodes per element."""
FLAT_NAMES = ("tri", "quad", "bar", "line")
OWN_ATTRIBUTES = {"name", "label", "type", "flags"}
"""Attributes with which CGNS describes every group."""
DATA = " data"


def holds_zones(path: Path) -> bool:
    """Tell whether there is a zone in an HDF5 file."""
    with open_hdf5(path) as file, reading(path):
        return bool(_zones(file))


def read_zones(path: Path) -> tuple[list[Zone], dict[str, Any]]:
    """Read all zones, and the attributes of the file, the bases and the zones.

    Raises
    ------
    ValueError
        Not HDF5, no zone, or a zone that is not as it should be.
    """
    with open_hdf5(path) as file, reading(path):
        check_places(path, file)
        groups = _zones(file)
        if not groups:
            raise ValueError(
                f"{path}: no zone, a group with 'GridCoordinates'; found {sorted(file)}"
            )
        attributes: dict[str, Any] = {}
        for group in (*reversed(groups), *(g.parent for g in reversed(groups)), file):
            attributes |= {n: v for n, v in group.attrs.items() if n not in OWN_ATTRIBUTES}
        zones = [_read_zone(group, path) for group in groups]
    return zones, facts_of(path, attributes)


def write_like(
    source: Path, destination: Path, fields: Sequence[Mapping[str, NDArray[np.float32]]]
) -> None:
    """Copy a file and put fields, by their names in memory, into its zones, atomically.

    The copy holds what links of the source lead to, in it or in other files, which stay as they
    are. A field that a zone lacks is made like its progress variable: beside it, with its
    attributes.
    """
    with atomic_write(destination) as partial:
        with open_raw(source) as raw, h5py.File(partial, "w") as file:
            copy_variables(raw, file, follow=True)
        with h5py.File(partial, "r+") as file:
            for zone, values in zip(_zones(file), fields, strict=True):
                layout, nodes = _solution(zone, f"{source}: zone '{_name(zone)}'")
                for field, array in values.items():
                    name = layout.datasets[field]
                    if field not in nodes:
                        model = nodes["progress_variable"]
                        model.parent.copy(model, model.parent, name)
                        nodes[field] = model.parent[name]
                        _rename(nodes[field], name)
                    _put(nodes[field], array, UNITS[field])


def _put(node: Any, values: NDArray[np.float32], units: str) -> None:
    """Put a field in its data set, in SI units; one that packs numbers is made anew."""
    dataset = _dataset(node)
    values = values.reshape(dataset.shape)
    kept = {name: value for name, value in dataset.attrs.items() if name not in STORAGE}
    for item in {node, dataset}:
        if "units" in item.attrs:
            item.attrs["units"] = units
    if dataset.dtype.kind == "f" and len(kept) == len(dataset.attrs):
        dataset[...] = values
        return
    parent, name = dataset.parent, dataset.name.rsplit("/", 1)[-1]
    kept |= {"units": units} if "units" in kept else {}
    del parent[name]
    parent.create_dataset(name, data=values).attrs.update(kept)


def _zones(file: h5py.File) -> list[h5py.Group]:
    found: list[h5py.Group] = []

    def visit(_: str, node: Any) -> None:
        if isinstance(node, h5py.Group) and "GridCoordinates" in node:
            found.append(node)

    file.visititems(visit)
    return found


def _name(group: h5py.Group) -> str:
    return group.name.rsplit("/", 1)[-1]


def _read_zone(zone: h5py.Group, path: Path) -> Zone:
    where = f"{path}: zone '{_name(zone)}'"
    coordinates = zone["GridCoordinates"]
    missing = [f"Coordinate{axis}" for axis in "XYZ" if f"Coordinate{axis}" not in coordinates]
    if missing:
        raise ValueError(f"{where}: no {', '.join(missing)}; found {sorted(coordinates)}")
    _check_length_unit(coordinates, where)
    axes = [
        np.asarray(_read(coordinates[f"Coordinate{axis}"], path, "m"), np.float64) for axis in "XYZ"
    ]
    if len({axis.shape for axis in axes}) > 1 or axes[0].ndim != 1:
        raise ValueError(
            f"{where}: coordinates have the shapes {[a.shape for a in axes]}, expected (nodes,); "
            "structured zones are no meshes"
        )
    positions = np.stack(axes, axis=1)
    sections = [
        section
        for name, group in zone.items()
        if isinstance(group, h5py.Group) and "ElementConnectivity" in group
        for section in _sections(group, path, f"{where}, section '{name}'", len(positions))
    ]
    layout, nodes = _solution(zone, where)
    fields = {
        field: per_node(
            _read(node, path, UNITS[field]), layout.datasets[field], where, len(positions)
        )
        for field, node in nodes.items()
    }
    return Zone(where, positions, sections, layout, fields)


def _read(node: Any, path: Path, units: str | None = None) -> NDArray[Any]:
    """Read the data of a CGNS node, in some units; of those that it states if there are none."""
    dataset = _dataset(node)
    variable = Hdf5Variable(path, dataset.name.lstrip("/"), dataset)
    values = variable.read()
    if units is None:
        return values
    if variable.units is None and "units" in node.attrs:
        variable.attributes["units"] = plain(node.attrs["units"])
    return convert_from(variable, units).apply(values)


def _check_length_unit(group: h5py.Group, where: str) -> None:
    """Raise ValueError where CGNS's DimensionalUnits say that lengths are not in metres."""
    while True:
        if "DimensionalUnits" in group:
            text = bytes(_dataset(group["DimensionalUnits"])[...].astype("u1").ravel())
            length = text[32:64].decode("ascii", "replace").strip(" \0")
            if length and length not in ("Meter", "Null", "UserDefined"):
                raise ValueError(
                    f"{where}: DimensionalUnits of '{group.name}' gives lengths in {length}, "
                    "expected Meter"
                )
            return
        if group.name == "/":
            return
        group = group.parent


def _solution(zone: h5py.Group, where: str) -> tuple[FlameLayout, dict[str, Any]]:
    """Find the node fields: the layout whose names they have, and where each of them stands."""
    places = [zone, *(node for node in zone.values() if isinstance(node, h5py.Group))]
    layout = layout_of({name for place in places for name in place}, where)
    found = {}
    for field, name in layout.datasets.items():
        holders = [place for place in places if name in place]
        if len(holders) > 1:
            raise ValueError(
                f"{where}: '{name}' stands in {len(holders)} groups, "
                f"{[_name(holder) for holder in holders]}; expected one"
            )
        if holders:
            found[field] = holders[0][name]
    return layout, found


def _dataset(node: Any) -> h5py.Dataset:
    """Find the dataset of a CGNS node, with or without the blank, or the dataset itself."""
    if isinstance(node, h5py.Dataset):
        return node
    for name in (DATA, DATA.strip()):
        if name in node:
            return node[name]
    raise ValueError(
        f"{node.file.filename}: no dataset '{DATA}' in '{node.name}'; found {sorted(node)}"
    )


def _sections(group: h5py.Group, path: Path, where: str, count: int) -> list[Section]:
    """Read an element section; none for those of the boundary, several for CGNS's MIXED."""
    connectivity = _read(group["ElementConnectivity"], path)
    code = _type_code(group, path)
    if code == MIXED_CODE:
        tables = _mixed(group, path, connectivity, where)
    else:
        corners = _corners(group, path, code, connectivity, where)
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
    return int(_read(group, path).ravel()[0])


def _corners(group: h5py.Group, path: Path, code: int | None, connectivity: Any, where: str) -> int:
    """Nodes per element of a section; 0 for elements that fill no volume."""
    if code is not None:
        if code in FLAT_CODES:
            return 0
        if code not in SOLID_CODES:
            raise ValueError(
                f"{where}: elements of CGNS type {code}; expected first-order tetrahedra (10), "
                f"pyramids (12), prisms (14), hexahedra (17) or a mixture ({MIXED_CODE})"
            )
        return SOLID_CODES[code]
    per_element = 0
    if "ElementRange" in group:
        first, last = (int(n) for n in _read(group["ElementRange"], path).ravel())
        elements = last - first + 1
        if elements < 1 or connectivity.size % elements:
            raise ValueError(
                f"{where}: {connectivity.size} node numbers for the elements {first} to {last}; "
                "expected the same number for each"
            )
        per_element = connectivity.size // elements
    words = _name(group).lower()
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


def _mixed(group: h5py.Group, path: Path, stream: NDArray[Any], where: str) -> list[NDArray[Any]]:
    """Sort a stream of element types, each followed by its nodes, into tables."""
    if "ElementStartOffset" not in group:
        raise ValueError(
            f"{where}: mixed elements without ElementStartOffset; convert the file to CGNS 4, "
            "or keep one section per kind"
        )
    starts = _read(group["ElementStartOffset"], path).ravel()[:-1]
    types = stream[starts]
    unknown = set(np.unique(types).tolist()) - SOLID_CODES.keys() - FLAT_CODES
    if unknown:
        raise ValueError(
            f"{where}: elements of CGNS types {sorted(unknown)}; expected {sorted(SOLID_CODES)}"
        )
    return [
        stream[starts[types == code, None] + 1 + np.arange(corners)]
        for code, corners in SOLID_CODES.items()
    ]


def _rename(node: Any, name: str) -> None:
    """Change the name that CGNS keeps beside that of the group."""
    if "name" in node.attrs:
        kind = node.attrs.get_id("name").dtype
        node.attrs.create("name", np.array(name.encode(), dtype=kind))
