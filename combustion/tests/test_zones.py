"""Nodes in the same place are one, and nodes of no element none, in whatever form a mesh comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from combustion.io.layouts import FIELDS, R2
from combustion.io.mesh_files import read_mesh, write_mesh_like
from combustion.io.meshes import MeshSnapshot, grid_tetrahedra, mesh_of_snapshot
from combustion.io.zones import _first_in_place
from combustion.tests.flames import write_zones, zone_of
from combustion.tests.shapes import CORNERS, HEXAHEDRON, flame

SHAPE = (5, 5, 4)
FORMS = ("one zone.h5", "zones.h5", "vtu", "vtk", "xdmf", "msh", "med")


def meant() -> tuple[MeshSnapshot, NDArray[np.int64]]:
    """Return a flame on tetrahedra, and these."""
    return mesh_of_snapshot(flame(SHAPE, dx=1e-3)), grid_tetrahedra(SHAPE)


def partitions(mesh: MeshSnapshot, table: NDArray[np.int64]) -> dict[str, Any]:
    """Cut a mesh into four zones, each with its own numbers for the nodes at the cuts."""
    centres = mesh.positions[table].mean(1)
    part = (centres[:, :2] > mesh.positions[:, :2].mean(0)) @ [1, 2]
    zones: dict[str, Any] = {}
    for k in range(4):
        nodes, local = np.unique(table[part == k], return_inverse=True)
        zone = zone_of(mesh, local.reshape(-1, 4))
        named = {R2.datasets[name] for name in FIELDS} & zone.keys()
        zones[f"part{k}"] = zone | {name: zone[name][nodes] for name in (*named, "positions")}
    return zones


def together(zones: dict[str, Any]) -> dict[str, Any]:
    """Put zones into one, whose nodes at the cuts are there once per zone."""
    starts = np.cumsum([0, *(len(zone["positions"]) for zone in zones.values())])
    tables = [
        zone["sections"]["Tetrahedra"] + start
        for zone, start in zip(zones.values(), starts, strict=False)
    ]
    arrays = next(iter(zones.values())).keys() - {"sections"}
    return {
        "sections": {"Tetrahedra": np.concatenate(tables)},
        **{name: np.concatenate([zone[name] for zone in zones.values()]) for name in arrays},
    }


def write(folder: Path, form: str, zones: dict[str, Any]) -> Path:
    """Write zones in one of the `FORMS`."""
    if form == "zones.h5":
        return write_zones(folder / "a_1.h5", **zones)
    zone = together(zones)
    if form == "one zone.h5":
        return write_zones(folder / "a_1.h5", zone=zone)
    meshio = pytest.importorskip("meshio")
    path = folder / f"a_1.{form}"
    table = zone.pop("sections")["Tetrahedra"] - 1
    mesh = meshio.Mesh(zone.pop("positions"), [("tetra", table)], zone)
    mesh.write(path, file_format="gmsh22" if form == "msh" else None)
    return path


def written(path: Path) -> NDArray[Any]:
    """Return places and flame surface density of all nodes of a file: (nodes, 4)."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            rows = [
                [zone[f"GridCoordinates/Coordinate{axis}/ data"][...] for axis in "XYZ"]
                + [zone["FlowSolution/c_grad_filt/ data"][...]]
                for zone in file["Base"].values()
            ]
        return np.concatenate([np.transpose(row) for row in rows])
    mesh = pytest.importorskip("meshio").read(path)
    return np.column_stack([mesh.points, mesh.point_data["c_grad_filt"]])


def in_space(mesh: MeshSnapshot, *values: NDArray[Any]) -> NDArray[Any]:
    """Rows (x, y, z, values) in the order of the places: the same however nodes are numbered."""
    rows = np.column_stack([mesh.positions / 1e-3, *values])
    return rows[np.lexsort(rows[:, :3].T.round(3))]


@pytest.mark.parametrize("form", FORMS)
def test_partitions_are_one_mesh_in_every_form(tmp_path: Path, form: str):
    whole, table = meant()
    zones = partitions(whole, table)
    for k, zone in enumerate(zones.values()):  # single precision, each rounded in its own way
        shifted = zone["positions"] * (1 + k * 1e-7)
        zone["positions"] = shifted.astype(np.float32).astype(np.float64)
    path = write(tmp_path, form, zones)
    mesh = read_mesh(path)
    assert len(mesh.positions) == len(whole.positions)
    assert len(mesh.edges) == len(whole.edges)
    names = ("progress_variable", "flame_surface_density", "resolved_gradient")
    np.testing.assert_allclose(
        in_space(mesh, *(getattr(mesh, name) for name in names), mesh.volumes * 1e9),
        in_space(whole, *(getattr(whole, name) for name in names), whole.volumes * 1e9),
        rtol=1e-5,
        atol=1e-5,
    )
    sigma = (1e4 * mesh.positions @ [1, 2, 4]).astype(np.float32)
    out = tmp_path / "out" / path.name
    write_mesh_like(path, out, {"flame_surface_density": sigma})
    found = written(out)
    assert len(found) == sum(len(zone["positions"]) for zone in zones.values())
    np.testing.assert_allclose(found[:, 3], 1e4 * found[:, :3] @ [1, 2, 4], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        np.asarray(read_mesh(out).flame_surface_density), np.asarray(sigma), rtol=1e-6
    )


@pytest.mark.parametrize("form", FORMS)
def test_nodes_of_no_element_are_left_out(tmp_path: Path, form: str, caplog):
    """Their values count for nothing, and nothing is predicted there."""
    whole, table = meant()
    zone = zone_of(whole, table)
    for name, values in zone.items():
        if name == "positions":
            zone[name] = np.vstack([[[0.05, 0, 0]], values, [[0.05, 0, 0]]])
        elif name != "sections":
            zone[name] = np.concatenate([[7e9], values, [-5]])
    zone["sections"] = {"Tetrahedra": zone["sections"]["Tetrahedra"] + 1}
    path = write(tmp_path, form, {"zone": zone})
    mesh = read_mesh(path)
    assert len(caplog.records) == 1
    assert f"{path}: 2 of {len(whole.positions) + 2} nodes belong to no element" in caplog.text
    np.testing.assert_array_equal(mesh.edges, whole.edges)
    np.testing.assert_array_equal(mesh.progress_variable, whole.progress_variable)
    out = tmp_path / "out" / path.name
    sigma = np.arange(len(mesh.positions), dtype=np.float32)
    write_mesh_like(path, out, {"flame_surface_density": sigma})
    np.testing.assert_array_equal(written(out)[:, 3], [np.nan, *sigma, np.nan])
    np.testing.assert_array_equal(read_mesh(out).flame_surface_density, sigma)


def test_a_node_of_no_element_where_another_one_is_has_its_value(tmp_path: Path):
    """Such as the nodes of ghost cells of a partition."""
    zone = {
        "positions": np.vstack([CORNERS[-1:], CORNERS]),
        "sections": {"Hexahedra": HEXAHEDRON + 2},
        "c_filt": np.array([9, *CORNERS[:, 0]]),
    }
    path = write_zones(tmp_path / "a.h5", zone=zone)
    mesh = read_mesh(path, require_target=False)
    assert sorted(mesh.progress_variable) == [0, 0, 0, 0, 1, 1, 1, 1]
    sigma = np.arange(8, dtype=np.float32)
    write_mesh_like(path, tmp_path / "b.h5", {"flame_surface_density": sigma})
    assert written(tmp_path / "b.h5")[0, 3] == written(tmp_path / "b.h5")[-1, 3] == sigma[0]


def two_cubes(gap: float, step: float = 0.0) -> dict[str, Any]:
    """Return two cubes of edge 1, `gap` apart; c jumps by `step` from one to the other."""
    c = CORNERS[:, 0] / 4
    return {
        "positions": np.vstack([CORNERS, CORNERS + [1 + gap, 0, 0]]),
        "sections": {"Hexahedra": np.vstack([HEXAHEDRON, HEXAHEDRON + 8]) + 1},
        "c_filt": np.concatenate([c, 0.25 + step + c]),
    }


@pytest.mark.parametrize(("gap", "nodes"), [(0, 12), (9e-5, 12), (1.1e-4, 16), (1e-2, 16)])
def test_nodes_join_within_a_share_of_the_edges(tmp_path: Path, gap: float, nodes: int):
    path = write_zones(tmp_path / "a.h5", {"dx": 0.1}, zone=two_cubes(gap))
    mesh = read_mesh(path, require_target=False)
    assert len(mesh.positions) == nodes
    assert len(mesh.edges) == (20 if nodes == 12 else 24)
    assert mesh.volumes.sum() == pytest.approx(2, abs=1e-3)


def test_two_values_in_one_place_are_refused(tmp_path: Path):
    path = write_zones(tmp_path / "a.h5", {"dx": 0.1}, zone=two_cubes(0, step=0.1))
    with pytest.raises(ValueError, match=r"a\.h5: zone 'zone': the progress variable differs by 0"):
        read_mesh(path, require_target=False)
    apart = write_zones(tmp_path / "b.h5", {"dx": 0.1}, zone=two_cubes(0.01, step=0.1))
    assert len(read_mesh(apart, require_target=False).positions) == 16


def test_elements_with_two_nodes_in_one_place_are_refused(tmp_path: Path):
    positions = CORNERS.copy()
    positions[6] = positions[4]  # a prism that is written as a hexahedron
    zone = {
        "positions": positions,
        "sections": {"Hexahedra": HEXAHEDRON + 1},
        "c_filt": np.zeros(8),
    }
    with pytest.raises(ValueError, match="1 of 1 elements have two nodes in the same place"):
        read_mesh(write_zones(tmp_path / "a.h5", zone=zone), require_target=False)


def test_places_of_many_nodes_are_found_as_by_all_pairs():
    """On a lattice, up to eight nodes in a place, rounded, among nodes of other tolerances."""
    rng = np.random.default_rng(0)
    sites = rng.integers(0, 4, (300, 3)).astype(float)
    positions = sites + rng.uniform(-1e-6, 1e-6, sites.shape)
    tolerance = np.where(rng.random(300) < 0.1, np.inf, 1e-5)
    first = _first_in_place(positions, tolerance)
    same = (sites[:, None] == sites).all(2)
    known = same & np.isfinite(tolerance)  # nodes without a tolerance join only those with one
    expected = np.where(known.any(1), same.argmax(1), np.arange(300))
    np.testing.assert_array_equal(first, expected)
    assert len(np.unique(first)) < 100
    # All nodes in one place, and none.
    np.testing.assert_array_equal(_first_in_place(np.zeros((9, 3)), np.full(9, 1e-5)), 0)
    np.testing.assert_array_equal(
        _first_in_place(np.full((2, 3), np.nan), np.full(2, np.inf)), [0, 1]
    )
