"""Files of flames on unstructured meshes: HDF5 in the manner of CGNS, and whatever meshio reads.

In HDF5 a zone is a group with ``GridCoordinates``, at any place in the file::

    Base/<zone>/GridCoordinates/CoordinateX/ data        (nodes,) [m]; CoordinateY, CoordinateZ
    Base/<zone>/Tetrahedra/ElementConnectivity/ data     nodes of the elements, counted from 1
    Base/<zone>/Tetrahedra/ElementRange/ data            numbers of the first and last element
    Base/<zone>/FlowSolution/c_filt/ data                (nodes,)

The blank in the name of a dataset may be absent, or the dataset stand in place of its group. A
zone has any number of element sections, with the nodes in CGNS's order. What their elements are
is told by CGNS's type code; else by the name (tetra, pyra, prism, penta, wedge, hexa; tri, quad,
bar, line for those of the boundary, which are ignored); else by the number of nodes per element
that follows from ``ElementRange``. Fields stand in any groups of the zone, under the names of
:mod:`combustion.io.layouts`. Facts about the flame are attributes of the file, the base or the
zone.

Files that are not named like HDF5 files, ``.h5``, ``.cgns`` ..., are meshio's, by their suffix:
cells ``tetra``, ``pyramid``, ``wedge``, ``hexahedron``, point data under the same names. They know
no facts. The pieces that a ``.pvtu`` names are the zones of one mesh.

Elements of second order are refused: nodes inside edges would change what an edge is.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4sim.io.files import HDF5_NAMES, atomic_write, missing_file_error
from ai4sim.io.formats import format_of
from ai4sim.io.names import case_of
from combustion.io import cgns, gmsh
from combustion.io.companions import PIECES, companions, is_empty, pieces, write_pieces_like
from combustion.io.elements import Section, from_zero
from combustion.io.facts import grid_spacing
from combustion.io.layouts import FIELDS, PREDICTED, R2, check_field
from combustion.io.meshes import MeshSnapshot, edge_lengths
from combustion.io.zones import Zone, check_zone, joined, layout_of, node_numbers, per_node, spread

log = logging.getLogger(__name__)

HDF5_SUFFIXES = (*(pattern.removeprefix("*") for pattern in HDF5_NAMES), ".cgns")
_MESHIO_SUFFIXES = (
    "vtu pvtu vtk msh xdmf xmf med e exo ex2 inp avs bdf fem nas mesh meshb mdpa su2 tec dat ugrid "
    "h5m ele f3grid vol xml"
)
MESH_NAMES = (*HDF5_NAMES, "*.cgns", *(f"*.{suffix}" for suffix in _MESHIO_SUFFIXES.split()))
"""Patterns of the names of files that may hold a mesh, or a grid."""
MESHIO_SOLIDS = ("tetra", "pyramid", "wedge", "hexahedron")
SOME_NODES = re.compile(
    r'len\(points\) = (?P<nodes>\d+), but len\(point_data\["(?P<name>.+)"\]\) = (?P<values>\d+)'
)
"""What meshio says of data that have no value for some nodes."""
GHOSTS = ("vtkGhostType", "vtkGhostLevels")
"""Data of VTK's cells: not 0 where a cell belongs to another piece."""
MESHIO_FLAT = ("vertex", "line", "triangle", "quad", "polygon")


def is_mesh(path: Path | str) -> bool:
    """Tell a mesh from a grid of :mod:`combustion.io.layouts` and from other files.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Named like an HDF5 file, but not readable as one.
    ImportError
        Not named like an HDF5 file, and meshio is not installed.
    """
    path = _existing(path)
    if path.suffix.lower() in HDF5_SUFFIXES:
        return format_of(path) != "netCDF-3" and cgns.holds_zones(path)
    return path.suffix.lower() in (PIECES, *_meshio(path).extension_to_filetypes)


def sources_of(path: Path) -> list[str]:
    """Return the other files that a mesh is read from, as names relative to its folder."""
    others = companions(path)
    if path.suffix.lower() in HDF5_SUFFIXES:
        others = cgns.linked_files(path)
    return [os.path.relpath(other, path.parent) for other in others]


def read_mesh(
    path: Path | str, *, dx: float | None = None, require_target: bool = True
) -> MeshSnapshot:
    """Read and check a flame on an unstructured mesh.

    Nodes in the same place become one, and those that belong to no element are left out.

    Parameters
    ----------
    path : path
        HDF5 or a format of meshio's, see above.
    dx : float, optional
        Reference length [m] for files whose attributes hold neither ``dx_les`` nor ``dx``; by
        default the mean length of the edges.
    require_target : bool
        Refuse files without the flame surface density (training, testing); False to predict.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Unreadable; a field is missing, of the wrong length, not finite or (c_bar) out of [0, 1];
        elements that name nodes that do not exist, or have no volume.
    ImportError
        The format needs meshio, which is not installed.
    """
    path = _existing(path)
    zones, attributes = _read_zones(path)
    for zone in zones:
        check_zone(zone)
        if require_target and "flame_surface_density" not in zone.fields:
            raise ValueError(
                f"{zone.name}: no '{R2.flame_surface_density}' (the target, flame surface "
                f"density) beside the progress variable; found the fields {sorted(zone.fields)}. "
                "Files without a target can only be predicted."
            )
    mesh = joined(zones)
    if mesh.unused:
        count = sum(len(zone.positions) for zone in zones)
        log.warning(
            "%s: %d of %d nodes belong to no element: they are left out", path, mesh.unused, count
        )
    spacing = float(edge_lengths(mesh.positions, mesh.edges).mean()) if dx is None else dx
    return MeshSnapshot(
        path=path,
        case=str(attributes.get("case") or case_of(path)),
        time=float(attributes.get("time", np.nan)),
        dx=grid_spacing(attributes, spacing, path),
        positions=mesh.positions,
        edges=mesh.edges,
        volumes=mesh.volumes,
        attributes=attributes,
        **mesh.fields,
    )


def write_mesh_like(
    source: Path | str, destination: Path | str, fields: Mapping[str, ArrayLike]
) -> None:
    """Write a copy of `source` in which `fields` replace (or join) what the file held.

    Format, groups, zones, names and attributes stay. Every node has the value of its place, and NaN
    if it belongs to no element: nothing is known there.

    Parameters
    ----------
    source : path
        Mesh, with or without a target.
    destination : path
        File to write, atomically, with the suffix of the source.
    fields : mapping
        Field name of :data:`combustion.io.layouts.FIELDS` -> (nodes,), in the order of `read_mesh`.
    """
    source, destination = _existing(source), Path(destination)
    if destination.suffix.lower() != source.suffix.lower():
        raise ValueError(
            f"{destination}: expected the suffix of {source}, whose format it will have"
        )
    unknown = sorted(set(fields) - {*FIELDS, *PREDICTED})
    if unknown:
        raise ValueError(f"{destination}: unknown fields {unknown}; expected of {list(FIELDS)}")
    if source.suffix.lower() in HDF5_SUFFIXES:
        zones, _ = cgns.read_zones(source)
        cgns.write_like(source, destination, _of_zones(fields, zones, destination))
        return
    files = _files_of(source)
    meshes = [_meshio_read(file) for file in files]
    zones = [_zone_of(mesh, file) for (_, mesh), file in zip(meshes, files, strict=True)]
    for (_, mesh), zone, part in zip(
        meshes, zones, _of_zones(fields, zones, destination), strict=True
    ):
        mesh.point_data |= {zone.layout.stored(name): array for name, array in part.items()}
    if source.suffix.lower() != PIECES:
        _write_with_meshio(*meshes[0], destination)
        return
    # The pieces stand in a folder, and the file that makes them a mesh comes last.
    names = []
    for i, piece in enumerate(pieces(source)):
        names.append(f"{destination.stem}/{destination.stem}_{i}.vtu")
        if piece in files:
            _write_with_meshio(*meshes[files.index(piece)], destination.parent / names[-1])
        else:
            with atomic_write(destination.parent / names[-1]) as partial:
                shutil.copyfile(piece, partial)
    data = [zones[0].layout.stored(name) for name in fields]
    write_pieces_like(source, destination, names, data)


def _write_with_meshio(file_format: str, mesh: Any, destination: Path) -> None:
    # XDMF's arrays would go to a second file, which is not renamed with the first; version 4 of
    # Gmsh's format asks for tags that meshes need not have.
    options = {"data_format": "XML"} if file_format == "xdmf" else {}
    written = "gmsh22" if file_format == "gmsh" else file_format
    with atomic_write(destination) as partial:
        _meshio(destination).write(partial, mesh, file_format=written, **options)


def _existing(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise missing_file_error(path)
    return path


def _of_zones(
    fields: Mapping[str, ArrayLike], zones: Sequence[Zone], path: Path
) -> list[dict[str, NDArray[np.float32]]]:
    """Give each zone its part of the fields of the joined mesh, checked."""
    numbers = node_numbers(zones)
    count = 1 + max(int(number.max()) for number in numbers)
    arrays = {name: per_node(values, name, str(path), count) for name, values in fields.items()}
    for name, values in arrays.items():
        check_field(values, name, name, path)
    return [{name: spread(values, number) for name, values in arrays.items()} for number in numbers]


def _read_zones(path: Path) -> tuple[list[Zone], dict[str, Any]]:
    if path.suffix.lower() in HDF5_SUFFIXES:
        return cgns.read_zones(path)
    files = _files_of(path)
    return [_zone_of(_meshio_read(file)[1], file) for file in files], {}


def _files_of(path: Path) -> list[Path]:
    """Return the files that meshio reads: the file itself, or its pieces that have nodes."""
    if path.suffix.lower() != PIECES:
        return [path]
    found = [piece for piece in pieces(path) if not is_empty(piece)]
    if not found:
        raise ValueError(f"{path}: none of its pieces has nodes")
    return found


def _zone_of(mesh: Any, path: Path) -> Zone:
    """Return a mesh of meshio's as a zone."""
    count = len(mesh.points)
    if mesh.points.shape != (count, 3):
        raise ValueError(f"{path}: points of shape {mesh.points.shape}, expected (nodes, 3)")
    sections = []
    for number, block in enumerate(mesh.cells):
        name = f"{path}: cells '{block.type}'"
        table = np.asarray(block.data)
        for ghosts in [mesh.cell_data[word] for word in GHOSTS if word in mesh.cell_data]:
            table = table[np.asarray(ghosts[number]).ravel() == 0]
        if block.type in MESHIO_SOLIDS and len(table):
            sections.append(Section(name, from_zero(table, count, 0, name)))
        elif block.type not in MESHIO_SOLIDS and not block.type.startswith(MESHIO_FLAT):
            raise ValueError(
                f"{name} cannot be used; expected {', '.join(MESHIO_SOLIDS)}, of first order"
            )
    layout = layout_of(mesh.point_data, str(path))
    fields = {
        field: per_node(mesh.point_data[name], name, str(path), count)
        for field, name in layout.datasets.items()
        if name in mesh.point_data
    }
    return Zone(str(path), np.asarray(mesh.points, np.float64), sections, layout, fields)


def _meshio(path: Path) -> Any:
    """Import meshio, which only those need who have other formats."""
    try:
        return importlib.import_module("meshio")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{path}: meshes not named {', '.join(HDF5_SUFFIXES)} are read by meshio, which is "
            "not installed: pip install meshio"
        ) from error


def _meshio_read(path: Path) -> tuple[str, Any]:
    """Read a file with meshio, by the first format of its suffix that fits: format and mesh."""
    meshio = _meshio(path)
    formats = meshio.extension_to_filetypes.get(path.suffix.lower())
    if not formats:
        raise ValueError(
            f"{path}: not a mesh, by its suffix; expected one of {', '.join(HDF5_SUFFIXES)} "
            f"or of meshio's {', '.join(sorted(meshio.extension_to_filetypes))}"
        )
    reasons = []
    for file_format in formats:
        said = io.StringIO()  # meshio prints what is wrong and ends the process
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                mesh = meshio.read(path, file_format=file_format)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever its readers raise
            if some := SOME_NODES.fullmatch(str(error)):
                raise ValueError(
                    f"{path}: {some['name']} has values for {some['values']} of {some['nodes']} "
                    "nodes: write a value for each node"
                ) from None
            lines = said.getvalue().strip() or f"{type(error).__name__} {error}"
            reasons.append(f"{file_format}: {' '.join(lines.split())}")
        else:
            if file_format == "gmsh":
                gmsh.check_order(path)
            return file_format, mesh
    known = gmsh.hint(path) if "gmsh" in formats else ""
    raise ValueError(f"{path}: meshio cannot read it; {'; '.join(reasons)}{known}")
