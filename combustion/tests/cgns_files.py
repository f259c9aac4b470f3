"""CGNS files as its library writes them, by the SIDS and the File Mapping Manual, node by node."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

POINTS = (
    np.vstack([np.array(list(itertools.product((0.0, 1.0), repeat=3))), [[0.5, 0.5, 2]]]) * 1e-3
)
"""Corners of a cube and the top of a pyramid above it [m]."""
HEXAHEDRON = np.array([1, 5, 7, 3, 2, 6, 8, 4])
PYRAMID = np.array([2, 6, 8, 4, 9])
C = np.arange(1, 10) / 10
SIGMA = np.arange(1, 10) * 50.0
"""Flame surface density [1/m]."""
METRES = {"Meter": 1.0, "Centimeter": 1e-2, "Millimeter": 1e-3, "Foot": 0.3048, "Inch": 0.0254}


def add(parent: h5py.Group, name: str, label: str, data: Any = None) -> h5py.Group:
    """Make a node: a group whose members keep their order, with attributes of fixed length."""
    group = parent.create_group(name, track_order=True)
    kind = "MT"
    if data is not None:
        values = data if isinstance(data, np.ndarray) else characters(data)
        kind = {"i1": "C1", "i4": "I4", "i8": "I8", "f4": "R4", "f8": "R8"}[values.dtype.str[1:]]
        group[" data"] = values
    describe(group, name, label, kind)
    return group


def describe(group: h5py.Group, name: str, label: str, kind: str) -> None:
    for key, text, length in (("name", name, 33), ("label", label, 33), ("type", kind, 3)):
        group.attrs[key] = np.array(text.encode(), f"S{length}")
    group.attrs["flags"] = np.array([1], np.int32)


def characters(text: Any) -> NDArray[np.int8]:
    """Return a text, or a list of texts of 32 characters, as CGNS stores it."""
    if isinstance(text, str):
        return np.frombuffer(text.encode(), np.int8)
    return np.stack([characters(word.ljust(32)) for word in text])


def add_link(parent: h5py.Group, name: str, target: Path, path: str) -> None:
    """Make a link of CGNS, with a relative name."""
    file = os.path.relpath(target, Path(parent.file.filename).parent)
    group = parent.create_group(name)
    describe(group, name, "", "LK")
    group[" file"] = characters(file + "\0")
    group[" path"] = characters(path + "\0")
    group[" link"] = h5py.ExternalLink(file, path)


def add_units(parent: h5py.Group, length: str, data_class: str = "Dimensional") -> None:
    """State units and the class of data."""
    add(parent, "DataClass", "DataClass_t", data_class)
    words = ("Kilogram", length, "Second", "Kelvin", "Radian")
    add(parent, "DimensionalUnits", "DimensionalUnits_t", words)


def add_grid(zone: h5py.Group, points: NDArray[Any] = POINTS) -> h5py.Group:
    grid = add(zone, "GridCoordinates", "GridCoordinates_t")
    for axis, values in zip("XYZ", points.T, strict=True):
        add(grid, f"Coordinate{axis}", "DataArray_t", np.ascontiguousarray(values))
    return grid


def add_elements(zone: h5py.Group, form: str = "sections") -> None:
    """Write a hexahedron, a pyramid and a face, as sections or as a mixture."""
    tables = {17: HEXAHEDRON, 7: np.array([1, 5, 7, 3]), 12: PYRAMID}
    if form == "sections":
        for number, (code, nodes) in enumerate(tables.items(), start=1):
            section = add(zone, f"Elem_{code}", "Elements_t", np.array([code, 0], "i4"))
            add(section, "ElementRange", "IndexRange_t", np.array([number, number], "i4"))
            add(section, "ElementConnectivity", "DataArray_t", nodes.astype("i4"))
        return
    section = add(zone, "Mixture", "Elements_t", np.array([20, 0], "i4"))
    add(section, "ElementRange", "IndexRange_t", np.array([1, 3], "i4"))
    stream = np.concatenate([[code, *nodes] for code, nodes in tables.items()])
    add(section, "ElementConnectivity", "DataArray_t", stream.astype("i8"))
    if form == "mixed":
        starts = np.cumsum([0, *(1 + len(nodes) for nodes in tables.values())])
        add(section, "ElementStartOffset", "DataArray_t", starts)


def add_solution(
    zone: h5py.Group, arrays: Mapping[str, NDArray[Any]], name: str = "FlowSolution", at: str = ""
) -> h5py.Group:
    solution = add(zone, name, "FlowSolution_t")
    if at:
        add(solution, "GridLocation", "GridLocation_t", at)
    for field, values in arrays.items():
        add(solution, field, "DataArray_t", values)
    return solution


def new_zone(file: h5py.File, name: str = "Zone1") -> h5py.Group:
    """Write what stands above a zone, and the zone without its content."""
    describe(file, "HDF5 MotherNode", "Root Node of HDF5 File", "MT")
    file[" format"] = characters("IEEE_LITTLE_32\0")
    file[" hdf5version"] = characters("HDF5 Version 1.10.8".ljust(33, "\0"))
    add(file, "CGNSLibraryVersion", "CGNSLibraryVersion_t", np.array([3.4], "f4"))
    base = add(file, "Base", "CGNSBase_t", np.array([3, 3], "i4"))
    zone = add(base, name, "Zone_t", np.array([[9], [2], [0]], "i4"))
    add(zone, "ZoneType", "ZoneType_t", "Unstructured")
    return zone


def write_cgns(path: Path, **fields: NDArray[Any]) -> Path:
    """Write a file in SI units, without a word of these."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        zone = new_zone(file)
        add_grid(zone)
        add_elements(zone)
        add_solution(zone, fields or {"c_filt": C, "c_grad_filt": SIGMA})
    return path
