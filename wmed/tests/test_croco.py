"""Histories: what is read, how it is written, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from ai4sim.io.raw import open_raw
from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.io import croco, croco_writer
from wmed.io.croco_layout import FLUXES
from wmed.io.grid import ocean_grid
from wmed.io.layout import points_of
from wmed.tests.grids_made_up import STEP, edit, made_up_ocean, ocean_fields, write_event

START = np.datetime64("2006-01-01", "s")


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_event(tmp_path_factory.mktemp("event"))


@pytest.fixture
def history(event: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(event, tmp_path))


def contents(path: Path) -> dict[str, Any]:
    """All that a file holds, fields as bytes."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        return {
            "": {name: str(file.getncattr(name)) for name in file.ncattrs()},
            **{
                name: (
                    v.dimensions,
                    v.dtype,
                    {key: str(v.getncattr(key)) for key in v.ncattrs()},
                    v[...].tobytes(),
                )
                for name, v in file.variables.items()
            },
        }


def test_what_was_written_is_read(history: Path):
    fields = ocean_fields(made_up_ocean(), 3)
    assert croco.read_grid(history) == made_up_ocean()
    np.testing.assert_array_equal(croco.read_times(history), START + STEP * np.arange(4))
    assert contents(history)[""]["bulk_algorithm"] == "made up"
    for record in (1, 3):
        found = croco.read_record(history, record, fluxes=True)
        for name, values in fields.items():
            where = made_up_ocean().masks[points_of(name)]
            np.testing.assert_array_equal(found[name][where], values[record - 1][where])
        parts = ("shortwave", "longwave", "latent", "sensible")
        total = sum(found[name] for name in parts)
        np.testing.assert_allclose(total, found["heat"], atol=1e-4)


def test_writing_what_was_read_gives_the_same_file(history: Path, tmp_path: Path):
    records = [croco.read_record(history, k) for k in (1, 2, 3)]
    fields = {
        name: np.stack([record[name] for record in records])
        for name in records[0]
        if name != "sensible"
    }
    again = tmp_path / "again.nc"
    times = croco.read_times(history)[1:]
    grid = croco.read_grid(history)
    croco_writer.write_history(again, grid, times, fields, {"bulk_algorithm": "made up"})
    assert contents(again) == contents(history)


def test_the_initial_state_is_at_rest(history: Path):
    with netCDF4.Dataset(history) as file:
        for name in ("u", "v", "sustr", "svstr", "shflux", "swrad"):
            assert not file[name][0].any()
        assert file["temp"][0].max() > 10
        assert file.dimensions["time"].isunlimited() and file["temp"].shape == (4, 1, 12, 14)
    with pytest.raises(ValueError, match=r"no record 0 to read: it has 4, of which record 0 is"):
        croco.read_record(history, 0)
    with pytest.raises(ValueError, match="no record 4 to read"):
        croco.read_record(history, 4)


@needs_reference
def test_files_are_written_as_the_reference_has_them(history: Path):
    with (
        netCDF4.Dataset(history) as ours,
        netCDF4.Dataset(REFERENCE / "wmed/small/raw/croco_his_20060310.nc") as theirs,
    ):
        for name, variable in ours.variables.items():
            assert variable.dimensions == theirs[name].dimensions, name
            assert variable.dtype == theirs[name].dtype, name
            assert variable.units == theirs[name].units, name
            assert variable.long_name == theirs[name].long_name, name
        assert theirs.variables.keys() - ours.variables.keys() == {"h"}
        assert {"start_date", "bulk_algorithm", "type"} <= set(ours.ncattrs())


def test_the_surface_is_the_last_level_or_the_only_one(tmp_path: Path, history: Path):
    def levels(file: netCDF4.Dataset) -> None:
        file.renameVariable("u", "old_u")
        file.renameVariable("temp", "old_temp")
        file.createDimension("deep", 2)
        deep = file.createVariable("u", "f4", ("time", "deep", "eta_rho", "xi_u"))
        deep[:, 0], deep[:, 1] = 99, file["old_u"][:, 0]
        flat = file.createVariable("temp", "f8", ("time", "eta_rho", "xi_rho"))
        flat[:] = file["old_temp"][:, 0]

    before = croco.read_record(history, 2)
    edit(history, levels)
    after = croco.read_record(history, 2)
    for name in ("sst", "current_u"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-4)


def test_names_and_units_of_roms(history: Path):
    def as_roms(file: netCDF4.Dataset) -> None:
        for old, new in (("shflx_rlw", "lwrad"), ("shflx_lat", "latent")):
            file.renameVariable(old, new)
            file[new].units = "W m^-2"
        file.renameVariable("time", "ocean_time")
        file.renameVariable("scrum_time", "other")
        file["ocean_time"].units = "seconds since 2006-01-01 00:00:00"
        file.delncattr("start_date")
        file["temp"].units = "degrees C"
        file["u"].units = "m.s-1"

    before, times = croco.read_record(history, 1), croco.read_times(history)
    edit(history, as_roms)
    after = croco.read_record(history, 1)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)
    np.testing.assert_array_equal(croco.read_times(history), times)


def test_temperatures_in_kelvin(history: Path):
    def kelvin(file: netCDF4.Dataset) -> None:
        file["temp"][:] = file["temp"][:] + 273.15
        file["temp"].units = "K"

    before = croco.read_record(history, 1)["sst"]
    edit(history, kelvin)
    np.testing.assert_allclose(croco.read_record(history, 1)["sst"], before, atol=1e-4)


def test_land_tiles_that_were_never_written(history: Path):
    grid = made_up_ocean()

    def unwritten(file: netCDF4.Dataset) -> None:
        for name in ("lon_rho", "lat_rho", "mask_rho", "pm", "pn", "f", "angle"):
            values = file[name][:]
            values[-2:, :2] = 9.96921e36
            file[name][:] = values
        temp = file["temp"][:]
        temp[..., -2:, :2] = 9.96921e36
        file["temp"][:] = temp

    edit(history, unwritten)
    found = croco.read_grid(history)
    assert found == grid
    for name in ("lon", "lat", "dx", "dy", "coriolis"):
        np.testing.assert_allclose(getattr(found, name), getattr(grid, name), rtol=1e-3)
    sst = croco.read_record(history, 1)["sst"]
    assert np.isnan(sst[-2:, :2]).all() and np.isfinite(sst[grid.sea]).all()


def test_a_file_without_mask_and_metrics(tmp_path: Path):
    lon, lat = made_up_ocean().lon, made_up_ocean().lat
    grid = ocean_grid(lon, lat, np.ones(lon.shape, bool))
    path = tmp_path / "his_20060310.nc"
    croco_writer.write_history(path, grid, np.array([START]), ocean_fields(grid, 1))
    for name in ("mask_rho", "pm", "pn", "f", "angle"):
        edit(path, methodcaller("renameVariable", name, f"no_{name}"))
    found = croco.read_grid(path)
    assert found.sea.all()
    np.testing.assert_allclose(found.dx, grid.dx, rtol=1e-3)
    np.testing.assert_allclose(found.coriolis, grid.coriolis, rtol=1e-6)


@pytest.mark.parametrize(
    ("start", "units", "expected"),
    [
        ("2006-03-10T00:00:00", "second", "2006-03-10T06:00:00"),
        ("10-Mar-2006 12:00:00", "seconds", "2006-03-10T18:00:00"),
        (None, "second", "2006-01-01T06:00:00"),  # from the name of the file
        ("ignored", "seconds since 2000-01-01", "2000-01-01T06:00:00"),
    ],
)
def test_times_are_absolute(history: Path, start: str | None, units: str, expected: str):
    def dated(file: netCDF4.Dataset) -> None:
        file.delncattr("start_date")
        if start:
            file.start_date = start
        for name in ("time", "scrum_time"):
            file[name].units = units

    edit(history, dated)
    assert croco.read_times(history)[1] == np.datetime64(expected)


def put(name: str, value: float) -> Callable[[netCDF4.Dataset], None]:
    def change(file: netCDF4.Dataset) -> None:
        file[name][..., 0, -2:] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.renameVariable("temp", "t"), "no variable temp; it has lon_rho, "),
        (lambda f: f.renameVariable("shflux", "q"), "no variable shflux, which is to be learned"),
        (lambda f: f["u"].setncattr("units", "m"), 'u has the units "m", expected "m s-1"'),
        (lambda f: f["temp"].setncattr("units", "F"), 'temp has the units "F", expected "degC"'),
        (put("temp", 80.0), r"temp at the surface of record 1 lies within .* 80 degC"),
        (put("temp", np.nan), "temp at the surface of record 1 is NaN, .* at 2 sea points"),
        (put("u", np.nan), "u at the surface of record 1 is NaN, or was never written, at 2"),
        (lambda f: f.renameDimension("xi_rho", "x"), "not a history of CROCO or ROMS: it has no"),
    ],
)
def test_records_that_are_refused(
    history: Path, change: Callable[[netCDF4.Dataset], None], message: str
):
    edit(history, change)
    with pytest.raises(ValueError, match=message) as error:
        croco.read_record(history, 1, fluxes=True)
    assert history.name in str(error.value)


def test_velocities_on_the_wrong_points_are_refused(history: Path):
    def on_rho(file: netCDF4.Dataset) -> None:
        file.renameVariable("u", "old")
        file.createVariable("u", "f4", ("time", "s_rho", "eta_rho", "xi_rho"))[:] = 0

    edit(history, on_rho)
    message = r"u has shape \(4, 1, 12, 14\), expected \(time, 12, 13\)"
    with pytest.raises(ValueError, match=message):
        croco.read_record(history, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("mask_rho", 2), "mask_rho holds 2, expected 0"),
        (put("lon_rho", 9.96921e36), "not written at 2 sea points, the first one at eta_rho 0"),
        (put("lat_rho", 4e6), "lat_rho reaches 4e[+]06 at sea points, expected degrees"),
        (lambda f: f["mask_rho"].__setitem__(Ellipsis, 0), "mask_rho is land everywhere"),
        (lambda f: f.renameVariable("lon_rho", "x_rho"), "no lon_rho, only x_rho and y_rho"),
    ],
)
def test_grids_that_are_refused(
    history: Path, change: Callable[[netCDF4.Dataset], None], message: str
):
    edit(history, change)
    with pytest.raises(ValueError, match=message):
        croco.read_grid(history)


def test_files_that_are_none(tmp_path: Path, history: Path):
    with pytest.raises(FileNotFoundError, match="Nearest name there: croco_his_20060101.nc"):
        croco.read_grid(tmp_path / "croco_his_2006010.nc")
    broken = tmp_path / "broken.nc"
    broken.write_bytes(history.read_bytes()[:500])
    with pytest.raises(ValueError, match="the file has 500 bytes, its header says"):
        croco.read_grid(broken)
    nowhen = tmp_path / "history.nc"
    history.rename(nowhen)
    edit(nowhen, lambda file: file.delncattr("start_date"))
    with pytest.raises(ValueError, match="nothing says from when its time is counted"):
        croco.read_times(nowhen)


# --- Copies with other fluxes ---


def test_a_copy_has_all_but_the_fluxes(history: Path, tmp_path: Path):
    grid = made_up_ocean()
    stress = np.full(grid.sea_u.shape, 0.5, np.float32)
    records = [(1, {"tau_x": stress}), (3, {"tau_x": 2 * stress})]
    copy = tmp_path / "copy.nc"
    croco_writer.write_like(history, copy, iter(records), {"bulk_algorithm": "a surrogate"})
    before, after = contents(history), contents(copy)
    assert after[""] == before[""] | {"bulk_algorithm": "a surrogate"}
    for name in before.keys() - {"", "sustr"}:
        assert after[name] == before[name], name
    with netCDF4.Dataset(copy) as file:
        found = file["sustr"][:].filled(np.nan)
        assert file["sustr"].units == "N/m2"
    assert not found[0].any() and np.isnan(found[2]).all()  # the initial state; not given
    assert (found[1] == 0.5).all() and (found[3] == 1).all()
    assert np.isnan(croco.read_record(copy, 2)["tau_x"]).all()


def test_a_copy_gains_fluxes_that_the_source_has_not(tmp_path: Path):
    source = write_event(tmp_path, fluxes=False)
    fields = ocean_fields(made_up_ocean(), 3, seed=5)
    names = ("tau_x", "tau_y", "heat", "shortwave", "longwave", "latent")
    assert not contents(source).keys() & {FLUXES[name].name for name in names}
    copy = tmp_path / "predictions" / "copy.nc"
    records = [(k, {name: fields[name][k - 1] for name in names}) for k in (1, 2, 3)]
    croco_writer.write_like(source, copy, records)
    found = croco.read_record(copy, 2, fluxes=True)
    assert found.keys() == {"sst", "current_u", "current_v", "sensible", *names}
    for name in names:
        np.testing.assert_array_equal(found[name], fields[name][1])


def test_who_makes_the_fluxes_may_read_in_other_threads(history: Path, tmp_path: Path):
    with ThreadPoolExecutor(2) as pool:
        read = pool.map(partial(croco.read_record, history), (1, 2, 3))
        records = ((k, {"heat": -found["heat"]}) for k, found in enumerate(read, start=1))
        croco_writer.write_like(history, tmp_path / "copy.nc", records)
    found = croco.read_record(tmp_path / "copy.nc", 3)["heat"]
    np.testing.assert_array_equal(found, -croco.read_record(history, 3)["heat"])


@pytest.mark.parametrize(
    ("fluxes", "message"),
    [
        ([(1, {"tau_x": np.zeros((12, 14))})], r"tau_x for record 1 has shape \(12, 14\), exp"),
        ([(9, {"heat": np.zeros((12, 14))})], "no record 9 among 1 ... 3"),
        ([(1, {"stress": np.zeros((12, 14))})], "stress is none of tau_x, tau_y"),
        ([], "no record with fluxes"),
    ],
)
def test_a_copy_that_fails_leaves_nothing(
    history: Path, tmp_path: Path, fluxes: list[Any], message: str
):
    folder = tmp_path / "copies"
    folder.mkdir()
    with pytest.raises(ValueError, match=message):
        croco_writer.write_like(history, folder / "copy.nc", fluxes)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"current_u": np.zeros((1, 12, 14))},
            r"current_u has shape \(1, 12, 14\), expected \(1, 12, 13\)",
        ),
        ({"salt": np.zeros((1, 12, 14))}, "salt is none of current_u, current_v, sst, tau_x"),
    ],
)
def test_fields_that_do_not_fit_are_not_written(
    tmp_path: Path, fields: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=message):
        croco_writer.write_history(tmp_path / "x.nc", made_up_ocean(), np.array([START]), fields)
    assert list(tmp_path.iterdir()) == []


# --- Reference files ---


@needs_reference
def test_reference_files():
    small = REFERENCE / "wmed/small/raw/croco_his_20060310.nc"
    grid, times = croco.read_grid(small), croco.read_times(small)
    assert grid.shape == (136, 158) and grid.sea.sum() == 8793 and len(times) == 17
    assert times[1] == np.datetime64("2006-03-10T06:00:00")
    record = croco.read_record(small, 7, fluxes=True)
    assert 283 < record["sst"][grid.sea].mean() < 292
    assert not record["tau_x"][~grid.sea_u].any() and not record["current_v"][~grid.sea_v].any()
    other = REFERENCE / "wmed/small/ecmwf_algo/croco_his_20060310_ecmwf.nc"
    assert croco.read_grid(other) == grid  # without metrics, and without the state of the sea
    assert "ecmwf" in contents(other)[""]["bulk_algorithm"]
    fluxes = croco.read_record(other, 7, state=False, fluxes=True)
    assert fluxes.keys() == {"tau_x", "tau_y", "heat"}
    with pytest.raises(ValueError, match="no variable temp"):
        croco.read_record(other, 7)


@needs_reference
def test_reference_file_of_full_size():
    path = REFERENCE / "wmed/full/raw/croco_his.nc"
    grid = croco.read_grid(path)
    assert grid.shape == (539, 631) and grid.sea.sum() == 141364
    east, north = np.diff(grid.lon, axis=1), np.diff(grid.lat, axis=0)
    assert np.isfinite(grid.lon).all() and east.min() > 0.02 and north.min() > 0.015
    assert "sensible" not in croco.read_record(path, 1, fluxes=True)


@needs_reference
def test_other_models_files():
    roms = REFERENCE / "wmed/samples/roms_xroms_his_0001.nc"
    grid = croco.read_grid(roms)
    assert grid.shape == (9, 14) and grid.sea.all()
    record = croco.read_record(roms, 1)
    assert record["current_u"].shape == (9, 13) and record["current_v"].shape == (8, 14)
    assert croco.read_times(roms)[1] == np.datetime64("2013-12-17T01:00:00")
    with pytest.raises(ValueError, match="no variable sustr, which is to be learned"):
        croco.read_record(roms, 1, fluxes=True)
    vortex = REFERENCE / "wmed/samples/croco_vortex_his.nc"
    with pytest.raises(ValueError, match="only x_rho and y_rho: a test case on a plane"):
        croco.read_grid(vortex)
    with pytest.raises(ValueError, match="it has 1, of which record 0 is the initial state"):
        croco.read_record(vortex, 1)


@needs_reference
def test_copies_of_other_models_files(tmp_path: Path):
    roms, copy = REFERENCE / "wmed/samples/roms_xroms_his_0001.nc", tmp_path / "copy.nc"
    stress = np.full((9, 13), 0.1, np.float32)
    croco_writer.write_like(roms, copy, [(1, {"tau_x": stress})])
    before, after = contents(roms), contents(copy)
    assert {name: after[name] for name in before} == before
    with open_raw(copy) as file:
        assert file["sustr"].dimensions == ("ocean_time", "eta_u", "xi_u")
    np.testing.assert_array_equal(croco.read_record(copy, 1)["tau_x"], stress)
    small = REFERENCE / "wmed/small/raw/croco_his_20060101.nc"
    croco_writer.write_like(small, copy, [(1, {"tau_x": np.zeros((136, 157), np.float32)})])
    assert contents(copy)["temp"] == contents(small)["temp"]
    assert copy.stat().st_size < 1.2 * small.stat().st_size
