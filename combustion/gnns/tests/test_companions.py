"""Meshes of several files, files beside meshes that are none, and text files of Gmsh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from combustion.gnns.data import GraphDataModule
from combustion.io.mesh_files import is_mesh, read_mesh, write_mesh_like
from combustion.io.meshes import MeshSnapshot, grid_tetrahedra, mesh_of_snapshot
from combustion.tests.shapes import CORNERS, HEXAHEDRON, flame

meshio = pytest.importorskip("meshio")
SHAPE = (5, 5, 4)


EMPTY = '<VTKFile type="UnstructuredGrid"><Piece NumberOfPoints="0" NumberOfCells="0"/></VTKFile>'


def write_pieces(path: Path) -> MeshSnapshot:
    """Write a flame in two pieces with ghost cells, and one without nodes; return it as a whole."""
    mesh, table = mesh_of_snapshot(flame(SHAPE, dx=1e-3)), grid_tetrahedra(SHAPE)
    fields = {"c_filt": mesh.progress_variable, "c_grad_filt": mesh.flame_surface_density}
    right = mesh.positions[table].mean(1)[:, 0] > mesh.positions[:, 0].mean()
    sources = []
    for k in range(2):
        near = np.isin(table, table[right == k]).any(1)
        nodes, local = np.unique(table[near], return_inverse=True)
        ghosts = (right[near] != k).astype(np.uint8)
        piece = meshio.Mesh(
            mesh.positions[nodes],
            [("tetra", local.reshape(-1, 4))],
            {name: np.asarray(values)[nodes] for name, values in fields.items()},
            {"vtkGhostType": [ghosts]},
        )
        sources.append(f"{path.stem}/{path.stem}_{k}.vtu")
        (path.parent / path.stem).mkdir(parents=True, exist_ok=True)
        piece.write(path.parent / sources[-1])
    sources.insert(1, f"{path.stem}/none.vtu")
    (path.parent / sources[1]).write_text(EMPTY)
    arrays = "".join(f'<PDataArray type="Float32" Name="{name}"/>' for name in fields)
    named = "".join(f'<Piece Source="{source}"/>' for source in sources)
    path.write_text(
        '<?xml version="1.0"?><VTKFile type="PUnstructuredGrid" version="0.1"><PUnstructuredGrid '
        f'GhostLevel="1"><PPointData>{arrays}</PPointData><PPoints><PDataArray type="Float64" '
        f'NumberOfComponents="3"/></PPoints>{named}</PUnstructuredGrid></VTKFile>'
    )
    return mesh


def test_pieces_are_one_mesh_and_predictions_come_in_pieces(tmp_path: Path):
    path = tmp_path / "raw" / "a_1.pvtu"
    whole = write_pieces(path)
    assert is_mesh(path)
    mesh = read_mesh(path)
    assert len(mesh.positions) == len(whole.positions)
    assert len(mesh.edges) == len(whole.edges)
    assert mesh.volumes.sum() == pytest.approx(whole.volumes.sum())
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    sigma = (1e4 * mesh.positions @ [1, 2, 4]).astype(np.float32)
    out = tmp_path / "predictions" / path.name
    write_mesh_like(path, out, {"flame_surface_density": sigma})
    assert {file: file.read_bytes() for file in before} == before
    np.testing.assert_array_equal(read_mesh(out).flame_surface_density, sigma)
    assert (out.parent / "a_1" / "a_1_1.vtu").read_text() == EMPTY
    for k in (0, 2):  # nodes of ghost cells too
        piece = meshio.read(out.parent / "a_1" / f"a_1_{k}.vtu")
        expected = 1e4 * piece.points @ [1, 2, 4]
        np.testing.assert_allclose(piece.point_data["c_grad_filt"], expected, rtol=1e-5, atol=1e-4)
    for k in range(2):
        (path.parent / "a_1" / f"a_1_{k}.vtu").write_text(EMPTY)
    with pytest.raises(ValueError, match=r"a_1\.pvtu: none of its pieces has nodes"):
        read_mesh(path)
    (path.parent / "a_1" / "a_1_1.vtu").unlink()
    with pytest.raises(ValueError, match=r"a_1\.pvtu: its piece .*a_1_1\.vtu does not exist"):
        read_mesh(path)


def test_what_stands_beside_meshes_is_no_raw_file(tmp_path: Path):
    raw = tmp_path / "raw"
    write_pieces(raw / "a_1.pvtu")
    points, cells = CORNERS * 1e-3, [("hexahedron", HEXAHEDRON)]
    for k in (2, 3):
        mesh = meshio.Mesh(
            points, cells, {"c_filt": CORNERS[:, 0], "c_grad_filt": 1e3 * CORNERS[:, 1]}
        )
        mesh.write(raw / f"a_{k}.xdmf")
    (raw / "a_3.h5").rename(raw / "fields_3.h5")  # as other programs name it
    text = (raw / "a_3.xdmf").read_text()
    (raw / "a_3.xdmf").write_text(text.replace("a_3.h5:", "./fields_3.h5:"))
    for name in ("a.pvd", "README.md", "notes.txt", "run.log"):
        (raw / name).write_text("<VTKFile/>")
    data = GraphDataModule(data_path=str(tmp_path), split="all-test")
    assert [path.name for path in data.raw_files()] == ["a_1.pvtu", "a_2.xdmf", "a_3.xdmf"]
    unknown = {"a.pvd", "README.md", "notes.txt", "run.log"}
    assert {path.name for path in data.unknown_files()} == unknown
    data.prepare_files(data.raw_files())
    cases = [(len(mesh.progress_variable), mesh.case) for mesh in data.snapshots("test")]
    assert cases == [(100, "a"), (8, "a"), (8, "a")]


def write_text(path: Path, version: str) -> Path:
    """Write a text file of Gmsh as meshio means it."""
    mesh = meshio.Mesh(CORNERS * 1e-3, [("hexahedron", HEXAHEDRON)], {"c_filt": CORNERS[:, 0]})
    mesh.write(path, file_format="gmsh22" if version == "4.0" else version, binary=False)
    if version == "4.0":  # the same in blocks
        text = (
            path.read_text()
            .replace("2.2 0 8", "4.0 0 8")
            .replace("$Nodes\n8", "$Nodes\n1 8\n1 3 0 8")
        )
        head, elements = text.split("$Elements")
        nodes, tail = elements.split("\n")[2].split()[-8:], elements.split("$EndElements")[1]
        block = f"1 1\n1 3 5 1\n1 {' '.join(nodes)}"
        path.write_text(f"{head}$Elements\n{block}\n$EndElements{tail}")
    return path


@pytest.mark.parametrize("binary", [False, True])
def test_data_of_some_nodes_only_are_refused_with_file_and_field(tmp_path: Path, binary: bool):
    path = tmp_path / "a_1.msh"
    mesh = meshio.Mesh(CORNERS * 1e-3, [("hexahedron", HEXAHEDRON)])
    mesh.write(path, file_format="gmsh", binary=binary)
    values = np.array([(i + 1, 0.25) for i in range(7)], dtype="<i4,<f8")
    with path.open("ab") as file:
        file.write(b'$NodeData\n1\n"c_filt"\n1\n0.0\n3\n0\n1\n7\n')
        lines = (f"{number} {value}\n".encode() for number, value in values)
        file.write(values.tobytes() + b"\n" if binary else b"".join(lines))
        file.write(b"$EndNodeData\n")
    with pytest.raises(ValueError, match=r"a_1\.msh: c_filt has values for 7 of 8 nodes: write"):
        read_mesh(path, require_target=False)


@pytest.mark.parametrize("version", ["gmsh22", "4.0", "gmsh"])
def test_text_files_of_gmsh_are_read_right_or_refused(tmp_path: Path, version: str):
    path = write_text(tmp_path / "a_1.msh", version)
    if "np.float64(" in path.read_text():
        with pytest.raises(ValueError, match=r'a_1\.msh: .*"np.float64\(0\.25\)", which meshio'):
            read_mesh(path, require_target=False)
    text = path.read_text().replace("np.float64(", "").replace(")", "")
    path.write_text(text)
    mesh = read_mesh(path, require_target=False)
    np.testing.assert_array_equal(mesh.progress_variable, CORNERS[:, 0])
    head, data = text.split("$NodeData")
    lines = data.splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.split()[:1] == ["1"] and " " in line)
    lines[first : first + 8] = reversed(lines[first : first + 8])
    path.write_text("\n".join([f"{head}$NodeData", *lines[1:], ""]))
    with pytest.raises(ValueError, match=r"a_1\.msh: \$NodeData .*c_filt.* has values for 8 nodes"):
        read_mesh(path, require_target=False)
