"""CGNS as solvers write it: one flame in many forms; what is not known by it is refused."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from combustion.io.mesh_files import is_mesh, read_mesh, sources_of, write_mesh_like
from combustion.tests.cgns_files import (
    METRES,
    POINTS,
    SIGMA,
    C,
    add,
    add_elements,
    add_grid,
    add_link,
    add_solution,
    add_units,
    new_zone,
    write_cgns,
)

EDGES = 12 + 4
VOLUME = (1 + 1 / 3) * 1e-9


def at(file: h5py.File, place: str) -> h5py.Group:
    """Return the node with this place in its name, or make the group."""
    return file[f"Base/Zone1/{place}"] if place else file["Base/Zone1"]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_a_flame_is_the_same_in_every_form_of_cgns(data: Any) -> None:
    """Units at any level, links, mixtures, two solutions, with or without the target."""
    draw = data.draw
    length = draw(st.sampled_from([*METRES]))
    scale = 1 / METRES[length]
    level = draw(st.sampled_from(["/Base", "/Base/Zone1", "groups"]))
    linked = draw(st.sampled_from(["", "cgns", "hdf5", "zone"]))
    cells = draw(st.sampled_from(["", "before", "after"]))
    has_target, normalized = draw(st.booleans()), draw(st.booleans())
    fields = {"c_filt": C} | ({"c_grad_filt": SIGMA / scale} if has_target else {})
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "raw" / "a_1.cgns", Path(folder) / "solver" / "a.cgns"
        path.parent.mkdir()
        with h5py.File(path, "w") as file:
            zone = new_zone(file)
            if level == "groups":  # the nearest wins
                add_units(file["Base"], "Foot" if length == "Inch" else "Inch")
            grid = add_grid(zone, POINTS * scale / (2 if normalized else 1))
            if normalized:
                for axis in "XYZ":
                    array = grid[f"Coordinate{axis}"]
                    add(array, "DataClass", "DataClass_t", "NormalizedByDimensional")
                    add(array, "DataConversion", "DataConversion_t", np.array([2.0, 0]))
            add_elements(zone, draw(st.sampled_from(["sections", "mixed", "mixed of CGNS 3"])))
            if cells == "before":
                add_solution(zone, {"c_filt": np.zeros(9)}, "Centers", "CellCenter")
            solution = add_solution(zone, fields, at=draw(st.sampled_from(["", "Vertex"])))
            if cells == "after":
                add_solution(zone, {"c_filt": np.zeros(2)}, "Centers", "CellCenter")
            for place in (grid, solution) if level == "groups" else (file[level],):
                add_units(place, length)
            if linked:
                name = "Base/Zone1" if linked == "zone" else "Base/Zone1/FlowSolution"
                other.parent.mkdir()
                with h5py.File(other, "w") as target:
                    file.copy(name, target, "elsewhere")
                    target["elsewhere"].attrs["name"] = np.array(b"elsewhere", "S33")
                del file[name]
                parent, _, last = name.rpartition("/")
                if linked == "hdf5":
                    file[name] = h5py.ExternalLink("../solver/a.cgns", "/elsewhere")
                else:
                    add_link(file[parent], last, other, "/elsewhere")
        before = [file.read_bytes() for file in (path, other) if file.exists()]
        mesh = read_mesh(path, require_target=has_target)
        assert sources_of(path) == (["../solver/a.cgns"] if linked else [])
        out = Path(folder) / "predictions" / path.name
        write_mesh_like(path, out, {"flame_surface_density": 2 * SIGMA})
        assert [file.read_bytes() for file in (path, other) if file.exists()] == before
        other.unlink(missing_ok=True)  # the prediction needs it no more
        predicted = read_mesh(out)
        with h5py.File(out) as file:
            names = {
                name: node.attrs["name"].decode()
                for name, node in file["Base"].items()
                if isinstance(node, h5py.Group)
            }
            stored = file["Base/Zone1/FlowSolution/c_grad_filt/ data"][...]
    for found in (mesh, predicted):
        np.testing.assert_allclose(found.positions, POINTS, rtol=1e-12)
        np.testing.assert_allclose(found.progress_variable, C, rtol=1e-6)
        assert len(found.edges) == EDGES
        assert found.volumes.sum() == pytest.approx(VOLUME)
    if has_target:
        np.testing.assert_allclose(np.asarray(mesh.flame_surface_density), SIGMA, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(predicted.flame_surface_density), 2 * SIGMA, rtol=1e-6)
    np.testing.assert_allclose(stored, 2 * SIGMA / scale, rtol=1e-6)  # in the units of the file
    assert all(name == shown for name, shown in names.items())


def spoiled(path: Path, change: Any) -> Path:
    """Write a file, and change it."""
    with h5py.File(write_cgns(path), "r+") as file:
        change(file)
    return path


def cells_only(file: h5py.File, location: str, values: NDArray[Any]) -> None:
    del file["Base/Zone1/FlowSolution"]
    add_solution(file["Base/Zone1"], {"c_filt": values}, "Centers", location)


def linked_instead(file: h5py.File, target: str, place: str) -> None:
    del file["Base/Zone1/FlowSolution"]
    add_link(file["Base/Zone1"], "FlowSolution", Path(target), place)


def replaced(file: h5py.File, name: str, values: NDArray[Any]) -> None:
    """Give the connectivity, or the like, of a mixture other values."""
    for section in [name for name in file["Base/Zone1"] if name.startswith("Elem_")]:
        del file[f"Base/Zone1/{section}"]
    if "Mixture" not in file["Base/Zone1"]:
        add_elements(file["Base/Zone1"], "mixed of CGNS 3")
    node = file[f"Base/Zone1/Mixture/{name}"]
    del node[" data"]
    node[" data"] = values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file: cells_only(file, "CellCenter", C),  # as many as nodes
            "'c_filt' stands in 'Centers' at CellCenter, expected at Vertex, the nodes",
        ),
        (lambda file: cells_only(file, "IFaceCenter", C), "at IFaceCenter, expected at Vertex"),
        (
            lambda file: add(
                at(file, "FlowSolution"), "PointList", "IndexArray_t", np.array([[1]], "i4")
            ),
            "'c_filt' stands in 'FlowSolution' at Vertex of a PointList, expected",
        ),
        (
            lambda file: add_solution(at(file, ""), {"c_filt": C}, "Later"),
            r"'c_filt' stands in 2 groups, \['FlowSolution', 'Later'\]; expected one",
        ),
        (
            lambda file: add_units(file["Base"], "UserDefined"),
            "'CoordinateX' has a length in UserDefined by its DimensionalUnits, expected Meter",
        ),
        (
            lambda file: add_units(file["Base"], "Meter", "NormalizedByUnknownDimensional"),
            "'CoordinateX' has the DataClass NormalizedByUnknownDimensional, which does not",
        ),
        (
            lambda file: add_units(file["Base"], "Meter", "NondimensionalParameter"),
            "'CoordinateX' has the DataClass NondimensionalParameter, which does not tell",
        ),
        (
            lambda file: add_units(file["Base"], "Meter", "NormalizedByDimensional"),
            "NormalizedByDimensional with DataConversion",
        ),
        (
            lambda file: add(
                at(file, "FlowSolution/c_grad_filt"),
                "DimensionalExponents",
                "DimensionalExponents_t",
                np.array([0, 1, 0, 0, 0], "f4"),
            ),
            r"'c_grad_filt' has the DimensionalExponents \[0.0, 1.0, .* expected \[0, -1, 0, 0",
        ),
        (
            lambda file: replaced(file, "ElementConnectivity", np.array([22, 1, 2, 3])),
            r"section 'Mixture': element 1 of its mixed elements has the CGNS type 22 \(NGON_n\)",
        ),
        (
            lambda file: replaced(file, "ElementConnectivity", np.array([7, 1, 2, 3, 4, 99, 1])),
            "element 2 of its mixed elements has the CGNS type 99; expected",
        ),
        (
            lambda file: replaced(file, "ElementConnectivity", np.array([10, 1, 2, 3])),
            "section 'Mixture': its mixed elements end within element 1",
        ),
        (
            lambda file: replaced(file, "ElementRange", np.array([1, 4])),
            "its ElementRange has 4 elements, its mixed elements are 3",
        ),
        (
            lambda file: replaced(
                file, "ElementConnectivity", np.concatenate([[18, *range(1, 21)]] * 3)
            ),
            r"section 'Mixture': elements of CGNS type 18 \(HEXA_20\); expected first-order",
        ),
        (
            lambda file: file["Base/Zone1/Elem_17/ data"].write_direct(np.array([23, 0], "i4")),
            r"section 'Elem_17': elements of CGNS type 23 \(NFACE_n\); expected .*: polyhedra",
        ),
        (
            lambda file: linked_instead(file, "gone.cgns", "/Base/x"),
            r"a\.cgns: '/Base/Zone1/FlowSolution' is a link to .*gone.cgns:/Base/x, .*not exist",
        ),
        (
            lambda file: linked_instead(file, file.filename, "/Base/Zone1/New"),
            "is a link to a.cgns:/Base/Zone1/New, which .*: there is no 'New' in '/Base/Zone1'",
        ),
        (
            lambda file: add_link(
                at(file, ""), "Itself", Path(file.filename), "/Base/Zone1/Itself"
            ),
            "'/Base/Zone1/Itself' is a link that leads to itself",
        ),
        (
            lambda file: file.update({"Base/Zone2": h5py.ExternalLink("gone.cgns", "/Zone2")}),
            r"a\.cgns: '/Base/Zone2' is a link to gone.cgns:/Zone2, which cannot be opened",
        ),
    ],
)
def test_what_the_sids_do_not_tell_is_refused(tmp_path: Path, change: Any, message: str):
    path = spoiled(tmp_path / "a.cgns", change)
    assert is_mesh(path)
    with pytest.raises(ValueError, match=message) as error:
        read_mesh(path)
    assert str(path) in str(error.value)


def test_arrays_without_a_statement_and_with_their_own(tmp_path: Path):
    """An attribute ``units`` wins; nodes without units are in SI units."""

    def change(file: h5py.File) -> None:
        add_units(file["Base"], "Null")
        for axis in "XYZ":
            array = file[f"Base/Zone1/GridCoordinates/Coordinate{axis}"]
            add_units(array, "UserDefined")
            array.attrs["units"] = "um"
            array[" data"][...] *= 1e6

    mesh = read_mesh(spoiled(tmp_path / "a.cgns", change))
    np.testing.assert_allclose(mesh.positions, POINTS, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(mesh.flame_surface_density), SIGMA)


def test_a_new_array_states_si_units_where_those_of_the_file_are_not_known(tmp_path: Path):
    def change(file: h5py.File) -> None:
        del file["Base/Zone1/FlowSolution/c_grad_filt"]
        add_units(file["Base/Zone1/FlowSolution"], "UserDefined")

    path, out = spoiled(tmp_path / "a.cgns", change), tmp_path / "out" / "a.cgns"
    write_mesh_like(path, out, {"flame_surface_density": SIGMA})
    np.testing.assert_allclose(np.asarray(read_mesh(out).flame_surface_density), SIGMA)
    with h5py.File(out) as file:
        node = file["Base/Zone1/FlowSolution/c_grad_filt"]
        np.testing.assert_allclose(node[" data"], SIGMA)
        np.testing.assert_array_equal(node["DimensionalExponents/ data"], [0, -1, 0, 0, 0])
        assert node["DimensionalUnits/ data"][1].tobytes().strip() == b"Meter"


def test_a_prediction_is_what_the_library_of_cgns_reads(tmp_path: Path):
    """It crashes on attributes of variable length, and lists nodes in the order of their making."""
    path = spoiled(tmp_path / "a.cgns", lambda file: add_units(file["Base"], "Inch"))
    write_mesh_like(path, tmp_path / "b.cgns", {"flame_surface_density": SIGMA})
    with h5py.File(path) as raw, h5py.File(tmp_path / "b.cgns") as file:

        def compare(name: str, node: Any) -> None:
            other = file[name] if name else file
            for key in node.attrs:
                kinds = [item.attrs.get_id(key).dtype for item in (node, other)]
                assert kinds[0] == kinds[1] and kinds[0].kind != "O", (name, key)
            if isinstance(node, h5py.Group):
                order = [
                    item.id.get_create_plist().get_link_creation_order() for item in (node, other)
                ]
                assert order[0] == order[1] and list(node) == list(other), name
            else:
                assert (node.dtype, node.shape) == (other.dtype, other.shape)

        compare("", raw)
        raw.visititems(compare)


def test_a_zone_with_two_names_is_one_and_both_are_predicted(tmp_path: Path):
    path = spoiled(
        tmp_path / "a.cgns", lambda file: file.update({"Alias": h5py.SoftLink("/Base/Zone1")})
    )
    mesh = read_mesh(path)
    assert mesh.volumes.sum() == pytest.approx(VOLUME)
    write_mesh_like(path, tmp_path / "b.cgns", {"flame_surface_density": 2 * SIGMA})
    with h5py.File(tmp_path / "b.cgns") as file:
        for zone in ("Alias", "Base/Zone1"):
            np.testing.assert_array_equal(file[f"{zone}/FlowSolution/c_grad_filt/ data"], 2 * SIGMA)


def test_links_from_file_to_file_start_at_the_one_that_holds_them(tmp_path: Path):
    solution = write_cgns(tmp_path / "solver" / "deep" / "s.cgns")
    middle = tmp_path / "solver" / "m.cgns"
    with h5py.File(middle, "w") as file:
        add_link(file, "there", solution, "/Base/Zone1/FlowSolution")

    def change(file: h5py.File) -> None:
        del file["Base/Zone1/FlowSolution"]
        add_link(file["Base/Zone1"], "FlowSolution", middle, "/there")
        del file["Base/Zone1/FlowSolution/ link"]  # by ' file' and ' path' alone

    path = spoiled(tmp_path / "raw" / "a.cgns", change)
    (tmp_path / "elsewhere").mkdir()
    by_link = tmp_path / "elsewhere" / "a.cgns"
    by_link.symlink_to(path)
    marks = [hashlib.md5(file.read_bytes()).digest() for file in (solution, middle, path)]
    for raw in (path, by_link):
        np.testing.assert_array_equal(read_mesh(raw).flame_surface_density, SIGMA)
        assert len(sources_of(raw)) == 2
        write_mesh_like(raw, tmp_path / "out" / "a.cgns", {"flame_surface_density": 3 * SIGMA})
        np.testing.assert_array_equal(
            read_mesh(tmp_path / "out" / "a.cgns").flame_surface_density, 3 * SIGMA
        )
    assert marks == [hashlib.md5(file.read_bytes()).digest() for file in (solution, middle, path)]


def test_the_format_adf_is_named(tmp_path: Path):
    (tmp_path / "a.cgns").write_bytes(b"\xc0\xa8\xa3\xa9ADF Database Version A02011>")
    with pytest.raises(ValueError, match=re.escape("ADF: convert it by `adf2hdf IN OUT`")):
        is_mesh(tmp_path / "a.cgns")
