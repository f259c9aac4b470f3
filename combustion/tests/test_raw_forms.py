"""Flames in many valid forms are read alike; a fault is read right or refused by name."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4sim.tests.corruption import (
    change_units,
    cut_short,
    drop_a_variable,
    flip_a_byte,
    outcomes,
    swap_axes,
    verdicts,
)
from ai4sim.tests.forms import FORMATS, Content, stored_forms, tolerance, write
from combustion.data import FlameDataModule
from combustion.io.facts import facts_of
from combustion.io.grids import read_snapshot, write_like
from combustion.io.layouts import CNF, FIELDS, LAYOUTS, R2, UNITS
from combustion.io.mesh_files import read_mesh, write_mesh_like

SHAPE = (7, 6, 5)
DX = 8e-4
FACTS = {"dx_les": DX, "S_L": 0.272, "time": 0.25}


def flame() -> dict[str, NDArray[np.float32]]:
    """Return the fields of a planar flame whose values differ along each axis."""
    x, y, z = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    c = 0.5 * (1 + np.tanh((x - 3 - 0.2 * y + 0.1 * z) / 2))
    slope = c * (1 - c) / DX * np.sqrt(1.05)
    speed = 0.5 + 0.01 * (x + 2 * y + 3 * z)
    fields = (c, slope * 1.3, slope, speed, speed * 0.9)
    return {name: field.astype(np.float32) for name, field in zip(FIELDS, fields, strict=True)}


def content(layout: Any) -> dict[str, Content]:
    """Return the variables of a file of a layout."""
    return {
        layout.datasets[name]: Content(
            tuple(layout.axes), layout.reorder(values), UNITS[name], {"long_name": name}
        )
        for name, values in flame().items()
    }


@settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(st.data(), st.sampled_from(sorted(LAYOUTS)), st.sampled_from(FORMATS))
def test_a_flame_is_the_same_in_every_form(data: Any, name: str, form: str) -> None:
    layout = LAYOUTS[name]
    meant = content(layout)
    forms = data.draw(stored_forms(meant))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "DNS1_007.nc"
        write(path, meant, forms, form, FACTS)
        snapshot = read_snapshot(path)
        copy = Path(folder) / "copy.nc"
        write_like(path, copy, {"flame_surface_density": flame()["flame_surface_density"]})
        copied = read_snapshot(copy)
    assert (snapshot.case, snapshot.dx, snapshot.time) == ("DNS1", DX, 0.25)
    for field, values in flame().items():
        variable = layout.datasets[field]
        allowed = tolerance(meant[variable], forms[variable])
        for read in (snapshot, copied):
            assert np.abs(getattr(read, field) - values).max() <= allowed


def write_plain(path: Path, axes: str = "xyz", **attributes: Any) -> None:
    """Write an HDF5 file without names of dimensions."""
    with h5py.File(path, "w") as file:
        for name, values in flame().items():
            file[CNF.datasets[name]] = values.transpose(["xyz".index(axis) for axis in axes])
        file.attrs.update({**FACTS, **attributes})


@pytest.mark.parametrize(
    "stated",
    ["x,y,z", "xyz", "(X, Y, Z)", ["x", "y", "z"], np.array([b"x,y,z"]), "", h5py.Empty("S1")],
)
def test_the_attribute_axis_order_in_any_form(tmp_path: Path, stated: Any) -> None:
    write_plain(tmp_path / "a_1.h5", "xyz", axis_order=stated)
    snapshot = read_snapshot(tmp_path / "a_1.h5")
    np.testing.assert_array_equal(snapshot.progress_variable, flame()["progress_variable"])


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (
            "z,y,x",
            r"axis_order is 'z,y,x', but the axes of the layout 'cnf' are x, y, z \(filt_8\)",
        ),
        ("zyx", "axis_order is 'zyx', but the axes of the layout 'cnf' are x, y, z"),
        ("x,x,z", "axis_order is 'x,x,z', but"),
        ("row-major", "axis_order is 'row-major', but"),
        (
            "x,y,z (y,z periodic, last plane = first)",
            "last plane along y repeats the first, but the progress variable differs by 0.24",
        ),
    ],
)
def test_an_axis_order_that_contradicts_is_refused(
    tmp_path: Path, stated: str, message: str
) -> None:
    write_plain(tmp_path / "a_1.h5", axis_order=stated)
    with pytest.raises(ValueError, match=r"a_1\.h5: .*" + message):
        read_snapshot(tmp_path / "a_1.h5")


def test_names_of_dimensions_and_axis_order_are_compared(tmp_path: Path) -> None:
    meant = content(R2)
    write(tmp_path / "a_1.nc", meant, {}, attributes={**FACTS, "axis_order": "z,y,x"})
    assert read_snapshot(tmp_path / "a_1.nc").progress_variable.shape == SHAPE
    write(tmp_path / "b_1.nc", meant, {}, attributes={**FACTS, "axis_order": "x,y,z"})
    with pytest.raises(ValueError, match=r"b_1\.nc: .*'x,y,z', but its dimensions are z, y, x"):
        read_snapshot(tmp_path / "b_1.nc")


def test_the_spacing_comes_from_named_axes_and_is_compared(tmp_path: Path) -> None:
    meant = content(R2)
    for axis, size in zip("xyz", SHAPE, strict=True):
        meant[axis] = Content((axis,), 0.8 * np.arange(size), "mm")
    write(tmp_path / "a_1.nc", meant, {})
    assert read_snapshot(tmp_path / "a_1.nc").dx == pytest.approx(DX)
    write(tmp_path / "b_1.nc", meant, {}, attributes={"dx_les": 4e-4})
    with pytest.raises(ValueError, match=r"b_1\.nc: z has steps of 0\.0008 m, .* grid, 0\.0004 m"):
        read_snapshot(tmp_path / "b_1.nc")
    meant["y"] = Content(("y",), -0.8 * np.arange(SHAPE[1]), "mm")
    write(tmp_path / "c_1.nc", meant, {})
    with pytest.raises(ValueError, match=r"c_1\.nc: y has steps .*-0\.0008 m, .* ascends"):
        read_snapshot(tmp_path / "c_1.nc")


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ({"dx_les": 0.8, "dx_les_units": "mm"}, {"dx_les": 8e-4}),
        ({"dx_les": "0.8 mm"}, {"dx_les": 8e-4}),
        ({"dx_les": "8e-4"}, {"dx_les": 8e-4}),
        ({"dx_les": b"0.8 [mm]"}, {"dx_les": 8e-4}),
        ({"dx_les": np.full((1, 1), 8e-4)}, {"dx_les": 8e-4}),
        ({"dx_les": np.full(3, 8e-4)}, {"dx_les": 8e-4}),
        ({"dx_les": ["8e-4 m", "8e-4 m"]}, {"dx_les": 8e-4}),
        ({"case": np.array([b"R2"])}, {"case": "R2"}),
        ({"case": np.array([b"R", b"2"])}, {"case": "R2"}),
        ({"case": np.int32(7)}, {"case": "7"}),
        ({"periodic": ["y", "z"]}, {"periodic": "y,z"}),
        ({"periodic": h5py.Empty("S1")}, {"periodic": ""}),
        ({"S_L": 27.2, "S_L_units": "cm/s", "note": "x"}, {"S_L": 0.272, "note": "x"}),
        ({"filter_npts": 31, "dx_dns": 1e-4, "coarsening": 8, "dx_les": 8e-4}, {}),
    ],
)
def test_facts_are_brought_to_si_units(stated: dict[str, Any], meant: dict[str, Any]) -> None:
    assert facts_of(Path("a.h5"), stated) == pytest.approx(meant or stated)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"dx_les": 0.8}, r"attribute dx_les is 0\.8 m, expected 1e-07 \.\.\. 0\.2 m"),
        ({"dx_les": 0.0}, r"attribute dx_les is 0 m, expected"),
        ({"S_L": 27.2}, r"attribute S_L is 27\.2 m/s, expected 0\.001 \.\.\. 20 m/s"),
        ({"delta_L": 1.0, "delta_L_units": "K"}, 'delta_L: the units "K" cannot be converted'),
        ({"dx_les": [1.0, 2.0]}, "dx_les is .*, expected one number in m"),
        ({"time": "noon"}, "attribute time is 'noon', expected a number in s"),
        ({"time": h5py.Empty("f8")}, "attribute time is '', expected a number in s"),
        ({"time": np.inf}, "attribute time is inf, expected a finite number"),
        ({"dx_les": np.nan}, "attribute dx_les is nan, expected a finite number"),
        ({"dx_les": np.array([8e-4, 8e-4, 9e-4])}, "dx_les is .*, expected one number in m"),
        ({"dx_les": np.zeros(0)}, "dx_les is .*, expected one number in m"),
        ({"S_L": -0.3}, r"attribute S_L is -0\.3 m/s, expected 0\.001"),
        ({"case": np.array([1.0, 2])}, "attribute case is .*, expected a text"),
        ({"periodic": np.array([0, 1, 1])}, "attribute periodic is .*, expected a text"),
        (
            {"periodic": "all axes"},
            "attribute periodic is 'all axes', expected axes, such as 'y,z'",
        ),
        ({"axis_order": 3}, "attribute axis_order is 3, expected a text"),
        (
            {"dx_les": 1e-4, "dx_dns": 1e-4, "coarsening": 8},
            "dx_les is 0.0001 m, expected dx_dns times coarsening, 0.0001 m times 8 = 0.0008 m",
        ),
    ],
)
def test_facts_that_cannot_be_are_refused(stated: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"a\.h5: .*" + message):
        facts_of(Path("a.h5"), stated)


@pytest.mark.parametrize(
    ("factor", "spacing", "units", "message"),
    [
        (1, DX, "1/m", ""),
        (1e-3, DX, "1/mm", ""),
        (1e-3, DX, "", r"a_0\.h5: the mean flame surface density is 0\.\d+ 1/m, .* other units"),
        (1, 8e-2, "1/m", r"a_0\.h5: the mean .* for the spacing 0\.08 m; expected 0\.02 \.\.\. 50"),
    ],
)
def test_surface_and_spacing_are_compared(
    tmp_path: Path, factor: float, spacing: float, units: str, message: str
) -> None:
    (tmp_path / "raw").mkdir()
    write_plain(tmp_path / "raw" / "a_0.h5", dx_les=spacing)
    with h5py.File(tmp_path / "raw" / "a_0.h5", "a") as file:
        file["filt_grad_8"][...] *= factor
        if units:
            file["filt_grad_8"].attrs["units"] = units
    data = FlameDataModule(data_path=str(tmp_path), split="all-test")
    if message:
        with pytest.raises(ValueError, match=message):
            data.snapshot(tmp_path / "raw" / "a_0.h5")
        return
    sigma = np.asarray(data.snapshot(tmp_path / "raw" / "a_0.h5").flame_surface_density)
    np.testing.assert_allclose(sigma, np.asarray(flame()["flame_surface_density"]), rtol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file["filt_grad_8"].attrs.update(units="K"), 'filt_grad_8 has the units "K"'),
        (lambda file: file["u_sgs_8"].write_direct(-np.ones(SHAPE, "f4")), "u_sgs_8 is -1 m/s"),
        (lambda file: file.move("filt_grad_8", "x/y"), "no dataset 'filt_grad_8'"),
        (
            lambda file: [file.pop("u_sgs_8"), file.create_group("u_sgs_8")],
            "u_sgs_8.* group",
        ),
        (
            lambda file: [file.pop("filt_8"), file.update(filt_8=h5py.ExternalLink("gone", "c"))],
            "filt_8 is a link to gone:c, which cannot be opened",
        ),
        (
            lambda file: [
                file.pop("filt_8"),
                file.create_dataset("filt_8", SHAPE, "f4", chunks=(1, 6, 5)),
            ],
            "filt_8: 7 of 7 chunks were never written",
        ),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, spoil: Any, message: str) -> None:
    write_plain(tmp_path / "a_0.h5")
    with h5py.File(tmp_path / "a_0.h5", "a") as file:
        spoil(file)
    with pytest.raises(ValueError, match=r"a_0\.h5: .*" + message):
        read_snapshot(tmp_path / "a_0.h5")


# --- Meshes ---

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]) * 1e-3
ELEMENTS = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
C = np.array([0.1, 0.3, 0.5, 0.7, 0.9], np.float32)
SIGMA = np.array([100, 200, 300, 200, 100], np.float32)


def write_mesh(path: Path, **forms: dict[str, Any]) -> None:
    """Write two tetrahedra in the manner of CGNS; `forms` pack or convert data sets."""
    with h5py.File(path, "w") as file:
        zone = file.create_group("Base/zone")
        data: dict[str, Any] = {
            f"GridCoordinates/Coordinate{'XYZ'[i]}": POINTS[:, i] for i in range(3)
        }
        data |= {"FlowSolution/c_filt": C, "FlowSolution/c_grad_filt": SIGMA}
        for name, values in data.items():
            form = forms.get(name.rsplit("/", 1)[-1], {})
            kind, factor = form.get("kind", "f8"), form.get("factor", 1.0)
            scale, attributes = 1.0, {}
            if kind[0] == "i":
                scale = float(np.abs(values).max() * factor / 30000) or 1.0
                attributes["scale_factor"] = scale
            stored = values.astype(np.float64) * factor / scale
            node = zone.create_dataset(
                f"{name}/ data",
                data=np.round(stored).astype(kind) if kind[0] == "i" else stored.astype(kind),
                chunks=(2,) if form.get("chunked") else None,
                compression="gzip" if form.get("chunked") else None,
            )
            if "units" in form:
                attributes["units"] = form["units"]
            node.attrs.update(attributes)
        zone["Tetrahedra/ElementConnectivity/ data"] = ELEMENTS.ravel() + 1
        zone["Tetrahedra/ElementRange/ data"] = np.array([1, 2])


UNITS_OF = {
    "Coordinate": [("m", 1.0), ("mm", 1e3), ("km", 1e-3)],
    "c_filt": [("1", 1.0), ("%", 100.0)],
    "c_grad_filt": [("1/m", 1.0), ("1/mm", 1e-3), ("m-1", 1.0)],
}


@st.composite
def mesh_forms(draw: Any) -> dict[str, dict[str, Any]]:
    """Draw how each data set of a mesh is stored."""
    forms = {}
    for name in ("CoordinateX", "CoordinateY", "CoordinateZ", "c_filt", "c_grad_filt"):
        units, factor = draw(st.sampled_from(UNITS_OF[name.rstrip("XYZ")]))
        kinds = [">f8", "f8", "f4", ">f4"] + (["i2", ">i4"] if name[0] == "c" else [])
        forms[name] = {
            "kind": draw(st.sampled_from(kinds)).replace(">i", "i"),
            "factor": factor,
            "units": units,
            "chunked": draw(st.booleans()),
        }
        if factor == 1 and draw(st.booleans()):
            del forms[name]["units"]
    return forms


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(mesh_forms())
def test_a_mesh_is_the_same_in_every_form(forms: dict[str, dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, copy = Path(folder) / "a.h5", Path(folder) / "b.h5"
        write_mesh(path, **forms)
        mesh = read_mesh(path)
        write_mesh_like(path, copy, {"flame_surface_density": 2 * SIGMA})
        copied = read_mesh(copy)
    np.testing.assert_allclose(mesh.positions, POINTS, atol=1e-9)
    np.testing.assert_allclose(mesh.progress_variable, C, atol=4e-5)
    np.testing.assert_allclose(np.asarray(mesh.flame_surface_density), np.asarray(SIGMA), atol=2e-2)
    np.testing.assert_array_equal(copied.flame_surface_density, 2 * SIGMA)
    np.testing.assert_allclose(copied.progress_variable, C, atol=4e-5)


# --- Faults ---


def damage_grid(seed: int, folder: Path) -> tuple[Path, str]:
    """Write a flame on a grid with one fault."""
    rng = np.random.default_rng(seed)
    path = folder / f"DNS1_{seed % 8}.nc"
    form = FORMATS[seed % len(FORMATS)]
    faults: list[Any] = [cut_short, flip_a_byte, change_units, swap_axes, drop_a_variable]
    fault = faults[seed // 5 % 5]
    meant = content(CNF)
    path.unlink(missing_ok=True)
    if fault in (cut_short, flip_a_byte):
        write(path, meant, {}, form, FACTS)
        return path, f"{form}: {fault(path, rng)}"
    said = fault(meant, rng)
    write(path, meant, {}, form, FACTS)
    return path, f"{form}: {said}"


def damage_mesh(seed: int, folder: Path) -> tuple[Path, str]:
    """Write a mesh with one fault."""
    rng = np.random.default_rng(seed)
    path = folder / f"mesh_{seed % 8}.h5"
    path.unlink(missing_ok=True)
    write_mesh(path)
    return path, (cut_short if seed % 2 else flip_a_byte)(path, rng)


def fields_of(snapshot: Any) -> dict[str, Any]:
    names = [*FIELDS, "positions", "volumes", "dx"]
    found = {name: getattr(snapshot, name, None) for name in names}
    return {name: np.asarray(values) for name, values in found.items() if values is not None}


@pytest.mark.parametrize(("kind", "count"), [("grid", 500), ("mesh", 500)])
def test_a_fault_is_never_read_as_something_else(tmp_path: Path, kind: str, count: int) -> None:
    if kind == "grid":
        damage, read = damage_grid, lambda path: fields_of(read_snapshot(path))
        expected = {**flame(), "dx": np.array(DX)}
    else:
        damage, read = damage_mesh, lambda path: fields_of(read_mesh(path))
        write_mesh(tmp_path / "whole.h5")
        expected = fields_of(read_mesh(tmp_path / "whole.h5"))
    found = outcomes(damage, read, expected, range(count), tmp_path)
    bad = [outcome for outcome in found if outcome.verdict not in ("right", "refused")]
    assert not bad, f"{verdicts(found)}: {bad[:5]}"
