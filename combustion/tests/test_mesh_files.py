"""Files of meshes: round trips, zones, kinds of elements, formats of meshio, failure messages."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from ai4sim.tests.reference import REFERENCE, needs_reference
from combustion.io.grids import write_snapshot
from combustion.io.layouts import R2
from combustion.io.mesh_files import is_mesh, read_mesh, write_mesh_like
from combustion.io.meshes import edge_lengths, grid_tetrahedra, mesh_of_snapshot
from combustion.tests.flames import write_zones, zone_of
from combustion.tests.shapes import CORNERS, FACTS, HEXAHEDRON, TETRAHEDRON, flame


def one_tetrahedron(**changes: object) -> dict:
    """Return a zone of one element."""
    zone = {
        "positions": TETRAHEDRON,
        "sections": {"Tetrahedra": np.array([[1, 2, 3, 4]])},
        "c_filt": np.array([0, 0.25, 0.5, 1], np.float32),
        "c_grad_filt": np.arange(4, dtype=np.float32),
    }
    return zone | changes


def test_what_is_written_is_read(tmp_path: Path):
    grid = flame()
    mesh = mesh_of_snapshot(grid)
    path = tmp_path / "R2like_0000.0003.h5"
    zone = zone_of(mesh, grid_tetrahedra(grid.progress_variable.shape))
    write_zones(path, FACTS, mesh=zone)
    found = read_mesh(path)
    assert (found.case, found.time, found.dx) == ("R2like", 0.25, 8e-4)
    assert found.attributes == FACTS
    for name in ("positions", "edges", "progress_variable", "flame_surface_density"):
        np.testing.assert_array_equal(getattr(found, name), getattr(mesh, name))
    np.testing.assert_array_equal(found.volumes, mesh.volumes)


def test_mixed_elements_with_any_names(tmp_path: Path):
    # A cube, a prism beside it, a pyramid on top of it and a tetrahedron on the pyramid.
    extra = np.array([[2, 0, 0], [2, 0, 1], [0.5, 0.5, 2], [0.5, -1, 1.5]])
    positions = np.vstack([CORNERS, extra])
    sections = {
        "Block": HEXAHEDRON + 1,
        "Elem_7": np.array([[4, 8, 6, 5, 9, 7]]) + 1,
        "Pyramids": np.array([[1, 5, 7, 3, 10]]) + 1,
        "Tets": np.array([[1, 5, 10, 11]]) + 1,
        "Walls": np.array([[0, 4, 6], [0, 6, 2]]) + 1,
        "Quads": np.array([[0, 1, 3, 2]]) + 1,
    }
    c = positions[:, 0] / 2
    zone = {"positions": positions, "sections": sections, "c_filt": c, "c_grad_filt": c}
    mesh = read_mesh(write_zones(tmp_path / "a.h5", part=zone))
    # The prism shares four nodes and hence four edges with the cube, the pyramid four, the
    # tetrahedron three with the pyramid. The prism's far triangle corner lacks two side edges.
    with_cube = {(4, 5), (4, 6), (6, 7), (5, 7)}
    assert with_cube <= {tuple(edge) for edge in mesh.edges.tolist()}
    assert len(mesh.edges) == 12 + (9 - 4) + (8 - 4) + (6 - 3)
    tetrahedron = abs(np.linalg.det(positions[[5, 10, 11]] - positions[1])) / 6
    assert mesh.volumes.sum() == pytest.approx(1 + 1 / 2 + 1 / 3 + tetrahedron)
    assert mesh.dx == pytest.approx(edge_lengths(positions, mesh.edges).mean())


@pytest.mark.parametrize("blank", ["", " "])
def test_cgns_type_codes_tell_more_than_names(tmp_path: Path, blank: str):
    quad = np.array([[1, 2, 3, 1]])  # would be a degenerate tetrahedron
    zone = one_tetrahedron(sections={"A": np.array([[1, 2, 3, 4]]), "B": quad})
    path = write_zones(tmp_path / "a.cgns", blank=blank, zone=zone)
    with h5py.File(path, "r+") as file:
        file[f"Base/zone/A/{blank}data"] = np.array([10, 0])
        file[f"Base/zone/B/{blank}data"] = np.array([7, 0])
    assert read_mesh(path).volumes == pytest.approx(1 / 24)


def test_bare_datasets_other_bases_and_other_names_of_fields(tmp_path: Path):
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        for axis, values in zip("XYZ", TETRAHEDRON.T, strict=True):
            file[f"Root/Case/Z/GridCoordinates/Coordinate{axis}"] = values
        file["Root/Case/Z/tetra/ElementConnectivity"] = np.array([[1, 2, 3, 4]])
        file["Root/Case/Z/Filtered/filt_8"] = np.array([0, 0.2, 0.4, 1.0])
        file["Root/Case/Z/Others/filt_grad_8"] = np.arange(4.0)
        file["Root/Case"].attrs["dx"] = 0.1
        file["Root/Case/Z"].attrs.update({"label": "Zone_t", "case": "burner"})
    mesh = read_mesh(path, dx=3.0)
    assert (mesh.case, mesh.dx) == ("burner", 0.1)
    assert mesh.attributes == {"dx": 0.1, "case": "burner"}
    np.testing.assert_array_equal(mesh.flame_surface_density, np.arange(4.0))


def test_zones_that_do_not_belong_together(tmp_path: Path, caplog):
    one, later = one_tetrahedron(), one_tetrahedron(c_filt=np.array([0, 0.3, 0.5, 1]))
    with pytest.raises(ValueError, match=r"zone '.*progress variable differs by 0.05.*one instant"):
        read_mesh(write_zones(tmp_path / "a.h5", t1=one, t2=later))
    bare = one_tetrahedron(positions=TETRAHEDRON + 5)
    del bare["c_grad_filt"]
    with pytest.raises(ValueError, match=r"zone 'b': holds the fields \['progress_variable'\]"):
        read_mesh(write_zones(tmp_path / "b.h5", a=one, b=bare), require_target=False)
    apart = one_tetrahedron(positions=TETRAHEDRON + 5)
    assert len(read_mesh(write_zones(tmp_path / "c.h5", a=one, b=apart)).edges) == 12
    assert "zone 'b': shares no node with the zones before it" in caplog.text


def test_a_prediction_replaces_the_target_and_keeps_the_rest(tmp_path: Path):
    raw = write_zones(tmp_path / "raw.h5", FACTS, zone=one_tetrahedron())
    sigma = np.array([3.0, 1, 4, 1])
    write_mesh_like(raw, tmp_path / "out" / "raw.h5", {"flame_surface_density": sigma})
    mesh = read_mesh(tmp_path / "out" / "raw.h5")
    np.testing.assert_array_equal(mesh.flame_surface_density, sigma)
    assert mesh.attributes == FACTS
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "raw.h5"]
    np.testing.assert_array_equal(read_mesh(raw).flame_surface_density, np.arange(4))


def linked(folder: Path, kind: str) -> tuple[Path, Path]:
    """Write a mesh whose solution is in another file, or under another name; return both files."""
    solution = write_zones(folder / "solver" / "solution.cgns", zone=one_tetrahedron())
    raw = folder / "raw" / "flame.cgns"
    raw.parent.mkdir()
    place = "/Base/zone/FlowSolution"
    with h5py.File(solution) as given, h5py.File(raw, "w") as file:
        zone = file.create_group("Base/zone")
        for name in given["Base/zone"]:
            if name != "FlowSolution":
                given.copy(f"Base/zone/{name}", zone)
        if kind == "absolute":
            zone["FlowSolution"] = h5py.ExternalLink(solution, place)
        elif kind == "relative":
            zone["FlowSolution"] = h5py.ExternalLink("../solver/solution.cgns", place)
        elif kind == "soft":
            file["linked"] = h5py.ExternalLink("../solver/solution.cgns", place)
            zone["FlowSolution"] = h5py.SoftLink("/linked")
        else:
            for name, node in given[place].items():
                data = node[" data"]
                layout = h5py.VirtualLayout(data.shape, data.dtype)
                source = "../solver/solution.cgns"
                layout[:] = h5py.VirtualSource(source, f"{place}/{name}/ data", data.shape)
                zone.create_virtual_dataset(f"FlowSolution/{name}/ data", layout)
    return raw, solution


@pytest.mark.parametrize("kind", ["absolute", "relative", "soft", "virtual"])
def test_a_prediction_never_reaches_a_file_that_is_linked_to(tmp_path: Path, kind: str):
    files = linked(tmp_path, kind)
    before = [file.read_bytes() for file in files]
    for file in files:
        file.chmod(0o444)
    out = tmp_path / "elsewhere" / "predictions" / "flame.cgns"
    write_mesh_like(files[0], out, {"flame_surface_density": np.full(4, 7.0)})
    assert [file.read_bytes() for file in files] == before
    files[1].unlink()  # the prediction needs no other file
    mesh = read_mesh(out)
    np.testing.assert_array_equal(mesh.flame_surface_density, 7)
    np.testing.assert_array_equal(mesh.progress_variable, one_tetrahedron()["c_filt"])


def test_a_prediction_joins_a_file_without_target(tmp_path: Path):
    zone = one_tetrahedron()
    del zone["c_grad_filt"]
    raw = write_zones(tmp_path / "raw.cgns", zone=zone)
    with h5py.File(raw, "r+") as file:
        node = file["Base/zone/FlowSolution/c_filt"]
        node.attrs.create("name", np.array(b"c_filt", "S33"))
        node.attrs["label"] = np.bytes_("DataArray_t")
    with pytest.raises(ValueError, match=r"raw.cgns: zone 'zone': no 'c_grad_filt' \(the target"):
        read_mesh(raw)
    write_mesh_like(raw, tmp_path / "new.cgns", {"flame_surface_density": np.arange(4) / 2})
    with h5py.File(tmp_path / "new.cgns") as file:
        node = file["Base/zone/FlowSolution/c_grad_filt"]
        assert (node.attrs["name"], node.attrs["label"]) == (b"c_grad_filt", b"DataArray_t")
        np.testing.assert_array_equal(node[" data"][...], np.arange(4) / 2)
    np.testing.assert_array_equal(
        read_mesh(tmp_path / "new.cgns").progress_variable, [0, 0.25, 0.5, 1]
    )


def test_predictions_that_do_not_fit(tmp_path: Path):
    raw = write_zones(tmp_path / "raw.h5", zone=one_tetrahedron())
    with pytest.raises(
        ValueError, match=r"o.h5: 'flame_surface_density' has shape \(3,\).* 4 nodes"
    ):
        write_mesh_like(raw, tmp_path / "o.h5", {"flame_surface_density": np.zeros(3)})
    with pytest.raises(ValueError, match=r"unknown fields \['sigma'\]"):
        write_mesh_like(raw, tmp_path / "o.h5", {"sigma": np.zeros(4)})
    with pytest.raises(ValueError, match=r"o.vtu: expected the suffix of .*raw.h5"):
        write_mesh_like(raw, tmp_path / "o.vtu", {"flame_surface_density": np.zeros(4)})
    assert not list(tmp_path.glob("*o.*"))


def test_grids_are_no_meshes(tmp_path: Path):
    write_snapshot(tmp_path / "grid.h5", {"progress_variable": np.zeros((3, 3, 3))}, FACTS, R2)
    assert not is_mesh(tmp_path / "grid.h5")
    with pytest.raises(ValueError, match=r"grid.h5: no zone, .*'GridCoordinates'; found \['c_filt"):
        read_mesh(tmp_path / "grid.h5")
    assert is_mesh(write_zones(tmp_path / "mesh.h5", zone=one_tetrahedron()))
    with pytest.raises(FileNotFoundError, match="mesh.hdf does not exist. Nearest .* mesh.h5"):
        is_mesh(tmp_path / "mesh.hdf")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sections": {"Tetrahedra": np.array([[0, 1, 2, 3]])}},
            "'Tetrahedra': elements name the nodes 0 to 3; expected 1 to 4: they seem to be count",
        ),
        (
            {"sections": {"Tetrahedra": np.array([[1, 2, 3, 9]])}},
            "section 'Tetrahedra': elements name the nodes 1 to 9; expected 1 to 4$",
        ),
        (
            {"sections": {"T": np.array([[1.0, 2, 3, 4]])}},
            "section 'T': node numbers are of type float64",
        ),
        (
            {"sections": {"Tetrahedra": np.array([[1, 2, 3, 4], [1, 2, 2, 4]])}},
            r"'Tetrahedra': 1 of 2 elements name a node twice; .* element 2, \[1, 2, 2, 4\]",
        ),
        (
            {"positions": TETRAHEDRON * [1, 1, 0]},
            "'Tetrahedra': 1 of 1 elements have no volume; the first is element 1",
        ),
        (
            {"positions": np.where(TETRAHEDRON == 1, np.nan, 0)},
            "coordinates hold NaN",
        ),
        ({"sections": {}}, "no elements that fill a volume"),
        ({"sections": {"Faces": np.array([[1, 2, 3]])}}, "no elements that fill a volume"),
        (
            {"sections": {"Tetrahedra": np.array([[1, 2, 3, 4, 1, 2, 3, 4, 1, 2]])}},
            r"cannot tell what the elements are, found 10 nodes each; .* second order",
        ),
        ({"c_filt": np.zeros(1)}, r"'c_filt' has shape \(1,\), expected one value for each of 4"),
        ({"c_filt": np.array([0, 0, np.inf, 1])}, "c_filt is NaN, .* the first of 1"),
        ({"c_filt": np.arange(4)}, "c_filt is 2 at index"),
    ],
)
def test_bad_zones(tmp_path: Path, changes: dict, message: str):
    path = write_zones(tmp_path / "a.h5", zone=one_tetrahedron(**changes))
    with pytest.raises(ValueError, match=r"a\.h5: .*" + message):
        read_mesh(path)


def test_a_zone_without_progress_variable(tmp_path: Path):
    zone = one_tetrahedron(temperature=np.zeros(4))
    del zone["c_filt"]
    with pytest.raises(
        ValueError, match=r"zone 'z': no filtered progress variable, .*'c_filt'.*'temperature'"
    ):
        read_mesh(write_zones(tmp_path / "a.h5", z=zone))


def test_a_field_in_two_places(tmp_path: Path):
    path = write_zones(tmp_path / "a.h5", z=one_tetrahedron())
    with h5py.File(path, "r+") as file:
        file["Base/z/Other/c_filt/ data"] = np.zeros(4)
    with pytest.raises(ValueError, match=r"'c_filt' stands in 2 groups, \['FlowSol.*', 'Other'\]"):
        read_mesh(path)


def test_unsuitable_cgns_sections(tmp_path: Path):
    path = write_zones(tmp_path / "a.h5", z=one_tetrahedron())
    with h5py.File(path, "r+") as file:
        file["Base/z/Tetrahedra/ data"] = np.array([11, 0])
    with pytest.raises(ValueError, match="section 'Tetrahedra': elements of CGNS type 11"):
        read_mesh(path)
    with h5py.File(path, "r+") as file:
        del file["Base/z/Tetrahedra/ data"]
        file["Base/z/Tetrahedra/ElementRange/ data"][...] = [1, 3]
    with pytest.raises(ValueError, match="4 node numbers for the elements 1 to 3"):
        read_mesh(path)


def write_with_meshio(path: Path, cells: list, **point_data: np.ndarray) -> Path:
    meshio = pytest.importorskip("meshio")
    mesh = meshio.Mesh(CORNERS * 1e-3, cells, point_data)
    meshio.write(path, mesh, file_format="gmsh22" if path.suffix == ".msh" else None)
    return path


@pytest.mark.parametrize("suffix", ["vtu", "vtk", "xdmf", "msh", "med"])
def test_other_formats_through_meshio(tmp_path: Path, suffix: str):
    c, sigma = CORNERS[:, 0], 100 * CORNERS[:, 1]
    faces = ("triangle", np.array([[0, 1, 2]]))
    path = write_with_meshio(
        tmp_path / f"burner_12.{suffix}",
        [faces, ("hexahedron", HEXAHEDRON)],
        c_filt=c,
        c_grad_filt=sigma,
    )
    assert is_mesh(path)
    mesh = read_mesh(path)
    assert (mesh.case, mesh.attributes) == ("burner", {})
    assert mesh.dx == pytest.approx(1e-3)  # mean length of the edges
    assert read_mesh(path, dx=2e-3).dx == 2e-3
    assert len(mesh.edges) == 12
    assert mesh.volumes.sum() == pytest.approx(1e-9)
    out = tmp_path / "out" / path.name
    write_mesh_like(path, out, {"flame_surface_density": 2 * sigma})
    assert [file.name for file in out.parent.iterdir()] == [path.name]
    found = read_mesh(out)
    np.testing.assert_array_equal(found.flame_surface_density, 2 * sigma)
    np.testing.assert_array_equal(found.progress_variable, c)
    np.testing.assert_allclose(found.positions, mesh.positions, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(found.edges, mesh.edges)


def test_unsuitable_files_of_meshio(tmp_path: Path):
    meshio = pytest.importorskip("meshio")
    second = np.arange(10)[None]
    points = np.random.default_rng(0).random((10, 3))
    meshio.write(
        tmp_path / "a.vtu", meshio.Mesh(points, [("tetra10", second)], {"c_filt": second[0]})
    )
    with pytest.raises(ValueError, match=r"a.vtu: cells 'tetra10' cannot be used; expected tetra"):
        read_mesh(tmp_path / "a.vtu", require_target=False)
    path = write_with_meshio(tmp_path / "b.vtu", [("hexahedron", HEXAHEDRON)], T=np.zeros(8))
    with pytest.raises(ValueError, match=r"b.vtu: no filtered progress variable.*\['T'\]"):
        read_mesh(path)
    (tmp_path / "c.vtu").write_text("no mesh")
    with pytest.raises(ValueError, match="c.vtu: meshio cannot read it; vtu: "):
        read_mesh(tmp_path / "c.vtu")
    (tmp_path / "notes.md").write_text("no mesh")
    assert not is_mesh(tmp_path / "notes.md")
    with pytest.raises(ValueError, match=r"notes.md: not a mesh, by its suffix; .*\.h5.*\.vtu"):
        read_mesh(tmp_path / "notes.md")


def test_without_meshio_its_formats_say_what_is_missing(tmp_path: Path, monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    (tmp_path / "a.vtu").touch()
    with pytest.raises(ImportError, match="a.vtu: .* not installed: pip install meshio"):
        read_mesh(tmp_path / "a.vtu")


@needs_reference
def test_reference_mesh():
    reference = REFERENCE / "combustion" / "r2_unstructured" / "raw"
    mesh = read_mesh(reference / "R2like_0000.0000.h5")
    assert (len(mesh.positions), len(mesh.edges)) == (4192, 28224)
    assert mesh.volumes.sum() == pytest.approx(1.83500779844253e-09, rel=1e-13)
    assert (mesh.case, mesh.dx) == ("R2like", 8e-5)
