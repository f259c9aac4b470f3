"""HDF5 files of unstructured meshes in the manner of CGNS; their layout is in `mesh_files`."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.copies import copy_variables, group_like, identity, new_file
from ai4sim.io.files import atomic_write
from ai4sim.io.hdf5 import Hdf5File, check_places, open_hdf5
from ai4sim.io.raw_variables import STORAGE, plain, reading
from combustion.io.cgns_elements import sections_of
from combustion.io.cgns_nodes import (
    DATA,
    TEXT_LENGTH,
    Place,
    chain,
    dataset_of,
    followed,
    has_units,
    members,
    texts,
    values_of,
    walk,
)
from combustion.io.cgns_units import EXPONENTS, SI, to_si
from combustion.io.facts import facts_of
from combustion.io.layouts import LAYOUTS, UNITS, FlameLayout
from combustion.io.zones import Zone, layout_of, per_node

ZONE = "GridCoordinates"
"""The node that every zone has."""
OWN_ATTRIBUTES = {"name", "label", "type", "flags"}
"""Attributes with which CGNS describes every group."""
SUBSETS = ("PointList", "PointRange")
"""Nodes of a solution that is not known everywhere."""


def holds_zones(path: Path) -> bool:
    """Tell whether there is a zone in an HDF5 file."""
    with open_hdf5(path) as file, reading(path):
        return any(isinstance(found, Place) for found in walk(file, ZONE))


def read_zones(path: Path) -> tuple[list[Zone], dict[str, Any]]:
    """Read all zones, and the attributes of the file, the bases and the zones.

    Raises
    ------
    ValueError
        Not HDF5, no zone, or a zone that is not as it should be.
    """
    with open_hdf5(path) as file, reading(path):
        check_places(path, file)
        places = [found[0] for found in _zones(file)]
        if not places:
            raise ValueError(
                f"{path}: no zone, a group with 'GridCoordinates'; found {sorted(file)}"
            )
        attributes: dict[str, Any] = {}
        for place in reversed(places):
            for group in reversed(place.groups[1:]):
                attributes |= _facts(group)
        attributes |= _facts(file)
        zones = [_read_zone(place, path) for place in places]
    return zones, facts_of(path, attributes)


def linked_files(path: Path) -> list[Path]:
    """Return the other files that the zones of a file are read from."""
    files, seen = set(), set()

    def visit(node: Any) -> None:
        files.add(node.file.filename)
        if isinstance(node, h5py.Dataset):
            sources = [s.file_name for s in node.virtual_sources()] if node.is_virtual else []
            files.update(str(path.parent / name) for name in sources if name != ".")
        elif identity(node) not in seen:
            seen.add(identity(node))
            for name in node:
                with contextlib.suppress(ValueError, KeyError, OSError):  # links to nothing
                    for step in chain(node[name]):
                        visit(step)

    with open_hdf5(path) as file, reading(path):
        places = [place for found in _zones(file) for place in found]
        for place in places:
            visit(place.group)
            files |= {group.file.filename for group in place.groups}
    return sorted(Path(name) for name in files - {str(path)})


def write_like(
    source: Path, destination: Path, fields: Sequence[Mapping[str, NDArray[np.float32]]]
) -> None:
    """Copy a file and put fields, by their names in memory, into its zones, atomically.

    The copy holds what links of the source lead to, in it or in other files, which stay as they
    are. Fields are written in the units that the file has for them. One that a zone lacks stands
    beside its progress variable, in the units that are inherited there.
    """
    with atomic_write(destination) as partial:
        with open_hdf5(source) as opened, new_file(partial, opened) as file:
            copy_variables(Hdf5File(source, opened), file, follow=True, resolve=followed)
            places = [[place.path for place in found] for found in _zones(opened)]
        with h5py.File(partial, "r+") as file:
            file.visititems(_name_as_linked)
            for paths, values in zip(places, fields, strict=True):
                for path in paths:
                    _write_zone(_place(file, path), values, source)


def _facts(group: h5py.Group) -> dict[str, Any]:
    return {n: v for n, v in group.attrs.items() if n not in OWN_ATTRIBUTES}


def _zones(file: h5py.File) -> list[list[Place]]:
    """Find the zones: for each of them the places by which it is reached."""
    found: dict[tuple[int, int], list[Place]] = {}
    for place in walk(file, ZONE):
        if isinstance(place, ValueError):
            raise place
        found.setdefault(identity(place.group), []).append(place)
    return list(found.values())


def _place(file: h5py.File, path: str) -> Place:
    place = Place((file,), "")
    for name in path.strip("/").split("/"):
        place /= name
    return place


def _read_zone(place: Place, path: Path) -> Zone:
    where = f"{path}: zone '{place.name}'"
    grid = place / ZONE
    names = [f"Coordinate{axis}" for axis in "XYZ"]
    missing = [name for name in names if name not in grid.group]
    if missing:
        raise ValueError(f"{where}: no {', '.join(missing)}; found {sorted(grid.group)}")
    axes = [np.asarray(_read(grid / name, "m", path, where), np.float64) for name in names]
    if len({axis.shape for axis in axes}) > 1 or axes[0].ndim != 1:
        raise ValueError(
            f"{where}: coordinates have the shapes {[a.shape for a in axes]}, expected (nodes,); "
            "structured zones are no meshes"
        )
    positions = np.stack(axes, axis=1)
    sections = sections_of(place.group, path, where, len(positions))
    layout, arrays = _solution(place, where)
    fields = {
        field: per_node(
            _read(array, UNITS[field], path, where), layout.datasets[field], where, len(positions)
        )
        for field, array in arrays.items()
    }
    return Zone(where, positions, sections, layout, fields)


def _read(array: Place, units: str, path: Path, where: str) -> NDArray[Any]:
    """Read an array in SI units, by its attribute ``units`` or else in the manner of CGNS."""
    if has_units(array.group):
        return values_of(array.group, path, units)
    return to_si(array, units, where).apply(values_of(array.group, path))


def _solution(zone: Place, where: str) -> tuple[FlameLayout, dict[str, Place]]:
    """Find the fields at the nodes: the layout whose names they have, and their places."""
    groups = [name for name, node in members(zone.group).items() if isinstance(node, h5py.Group)]
    places = [zone, *(zone / name for name in groups)]
    at_nodes = [place for place in places if _location(place) == "Vertex"]
    names = {name for place in at_nodes for name in place.group}
    _refuse_other_locations(names, places, where)
    layout = layout_of(names, where)
    found = {}
    for field, name in layout.datasets.items():
        holders = [place for place in at_nodes if name in place.group]
        if len(holders) > 1:
            raise ValueError(
                f"{where}: '{name}' stands in {len(holders)} groups, "
                f"{[holder.name for holder in holders]}; expected one"
            )
        if holders:
            found[field] = holders[0] / name
    return layout, found


def _refuse_other_locations(names: set[str], places: Sequence[Place], where: str) -> None:
    """Refuse a zone whose progress variable is known at other places than the nodes only."""
    wanted = [layout.progress_variable for layout in LAYOUTS.values()]
    if names.intersection(wanted):
        return
    for place, name in itertools.product(places, wanted):
        if name in place.group:
            raise ValueError(
                f"{where}: '{name}' stands in '{place.name}' at {_location(place)}, expected at "
                "Vertex, the nodes: interpolate it to these, or let the solver write them"
            )


def _location(place: Place) -> str:
    """Return where the values of a group are known, in CGNS's words."""
    subset = next((f" of a {name}" for name in SUBSETS if name in place.group), "")
    if "GridLocation" not in place.group:
        return f"Vertex{subset}"
    return f"{texts((place / 'GridLocation').group)[0]}{subset}"


# --- Writing ---


def _write_zone(zone: Place, fields: Mapping[str, NDArray[np.float32]], source: Path) -> None:
    where = f"{source}: zone '{zone.name}'"
    layout, arrays = _solution(zone, where)
    for field, in_si in fields.items():
        name, units = layout.stored(field), UNITS[field]
        array = arrays.get(field) or _new_array(arrays["progress_variable"], name, units, where)
        scale, offset = (1, 0) if has_units(array.group) else to_si(array, units, where)
        _put(array.group, (in_si.astype(np.float64) - offset) / scale, units)


def _new_array(model: Place, name: str, units: str, where: str) -> Place:
    """Make an array beside another one, and say its units where CGNS says those of the other."""
    holder, node = model.groups[-2:]
    if name in holder:
        del holder[name]
    if isinstance(node, h5py.Dataset):
        holder.copy(node, holder, name)
    else:
        group = group_like(node, holder, name)
        holder.copy(dataset_of(node), group, dataset_of(node).name.rsplit("/", 1)[-1])
        _rename(group, name)
    place = Place(model.groups[:-1], model.path.rsplit("/", 1)[0]) / name
    if isinstance(node, h5py.Dataset) or has_units(node):
        return place
    if any(model.nearest(word) is not None for word in ("DataClass", "DimensionalUnits")):
        _add_node(place.group, "DataClass", "DataClass_t", _characters("Dimensional"))
        exponents = np.array(EXPONENTS[units], np.float32)
        _add_node(place.group, "DimensionalExponents", "DimensionalExponents_t", exponents)
        with contextlib.suppress(ValueError):
            to_si(place, units, where)
            return place
        rows = np.stack([_characters(word.ljust(TEXT_LENGTH)) for word in SI])
        _add_node(place.group, "DimensionalUnits", "DimensionalUnits_t", rows)
    return place


def _put(node: Any, values: NDArray[Any], units: str) -> None:
    """Put a field in its data set; one that packs numbers is made anew."""
    dataset = dataset_of(node)
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
    parent.create_dataset(name, data=values.astype(np.float32)).attrs.update(kept)
    if "type" in parent.attrs:
        parent.attrs.create("type", np.array(b"R4"), dtype=parent.attrs.get_id("type").dtype)


def _characters(text: str) -> NDArray[np.int8]:
    return np.frombuffer(text.encode("ascii"), np.int8)


def _add_node(parent: h5py.Group, name: str, label: str, values: NDArray[Any]) -> None:
    """Make a node as CGNS's library does."""
    group = group_like(parent, parent, name)
    for key, text, length in (("name", name, 33), ("label", label, 33)):
        group.attrs[key] = np.array(text.encode(), f"S{length}")
    group.attrs["type"] = np.array(b"C1" if values.dtype.kind == "i" else b"R4", "S3")
    group.attrs["flags"] = np.array([1], np.int32)
    group[DATA] = values


def _name_as_linked(name: str, item: Any) -> None:
    """Give a node that replaces a link the name of the link."""
    if "label" in item.attrs and "name" in item.attrs:
        _rename(item, name.rsplit("/", 1)[-1])


def _rename(node: Any, name: str) -> None:
    """Change the name that CGNS keeps beside that of the group."""
    if "name" in node.attrs and plain(node.attrs["name"]) != name:
        kind = node.attrs.get_id("name").dtype
        node.attrs.create("name", np.array(name.encode(), dtype=kind))
