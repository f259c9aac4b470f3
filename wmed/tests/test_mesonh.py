"""Files of the atmosphere: what is read, how it is written, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.io import mesonh
from wmed.io.grid import AtmosphereGrid, inverse_mercator, mercator
from wmed.tests.grids_made_up import HEIGHTS, air_fields, edit, made_up_atmosphere

TIME = np.datetime64("2006-03-10T18", "s")
Change = Callable[[netCDF4.Dataset], object]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("air") / mesonh.file_name(TIME)
    mesonh.write_state(path, made_up_atmosphere(), TIME, air_fields(made_up_atmosphere()))
    return path


@pytest.fixture
def air(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def test_what_was_written_is_read(written: Path):
    grid, fields = made_up_atmosphere(), air_fields(made_up_atmosphere())
    assert written.name == "ECMWF_20060310_18.nc"
    assert mesonh.read_grid(written) == grid
    assert mesonh.read_time(written) == TIME
    state = mesonh.read_state(written, grid)
    np.testing.assert_array_equal(state.potential_temperature, fields["THT"])
    np.testing.assert_array_equal(state.mixing_ratio, fields["RVT"])
    np.testing.assert_array_equal(state.pressure, fields["PABST"])
    west = fields["UT"]
    np.testing.assert_allclose(state.wind_x[..., :-1], (west[..., 1:] + west[..., :-1]) / 2)
    np.testing.assert_array_equal(state.wind_x[..., -1], west[..., -1])
    south = fields["VT"]
    np.testing.assert_allclose(state.wind_y[:, :-1], (south[:, 1:] + south[:, :-1]) / 2)
    np.testing.assert_array_equal(state.wind_y[:, -1], south[:, -1])


def test_writing_what_was_read_gives_the_same_file(written: Path, tmp_path: Path):
    with netCDF4.Dataset(written) as file:
        fields = {name: file[name][0, 1:].data for name in mesonh.VARIABLES}
        fields |= {name: file[name][:].data for name in mesonh.SURFACE}
    again = tmp_path / "again.nc"
    mesonh.write_state(again, mesonh.read_grid(written), mesonh.read_time(written), fields)
    with netCDF4.Dataset(again) as new, netCDF4.Dataset(written) as old:
        assert list(new.variables) == list(old.variables)
        for name in new.variables:
            np.testing.assert_array_equal(new[name][:], old[name][:])


def test_land_and_the_level_below_the_ground(written: Path):
    grid = made_up_atmosphere()
    with netCDF4.Dataset(written) as file:
        for name in ("SST", "SSS"):
            assert (file[name][:][~grid.sea] == 999).all()
            assert (file[name][:][grid.sea] < 999).all()
        assert file["level"][0] < 0 and file["ZHAT"][:].size == len(HEIGHTS) + 2
        np.testing.assert_array_equal(file["THT"][0, 0], file["THT"][0, 1])
    assert mesonh.read_state(written).pressure.shape == (len(HEIGHTS), *grid.shape)


@needs_reference
def test_files_are_written_as_the_reference_has_them(written: Path):
    with (
        netCDF4.Dataset(written) as ours,
        netCDF4.Dataset(REFERENCE / "wmed/small/raw/ECMWF_20060310_18.nc") as theirs,
    ):
        assert set(ours.variables) == set(theirs.variables)
        assert set(ours.dimensions) == set(theirs.dimensions)
        for name, variable in ours.variables.items():
            assert variable.dimensions == theirs[name].dimensions, name
            assert variable.dtype == theirs[name].dtype, name
            for key in {"units", "grid"} & set(theirs[name].ncattrs()):
                assert variable.getncattr(key) == theirs[name].getncattr(key), name


def test_winds_of_a_turned_grid_are_turned_to_the_east_and_north(tmp_path: Path):
    turn = np.radians(25)
    eta, xi = np.indices((6, 7)) * 0.2
    lon = 3 + np.cos(turn) * xi - np.sin(turn) * eta
    lat = inverse_mercator(mercator(40) + np.sin(turn) * xi + np.cos(turn) * eta)
    grid = AtmosphereGrid(lon, lat, np.ones((6, 7), bool), HEIGHTS)
    fields = air_fields(grid)
    fields["UT"][:], fields["VT"][:] = 10 * np.cos(turn), -10 * np.sin(turn)
    mesonh.write_state(tmp_path / "turned.nc", grid, TIME, fields)
    state = mesonh.read_state(tmp_path / "turned.nc")
    np.testing.assert_allclose(state.wind_x, 10, rtol=1e-4)
    np.testing.assert_allclose(state.wind_y, 0, atol=1e-3)


def test_faces_and_mass_points():
    mass = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    for axis in (-1, -2):
        faces = mesonh.stagger(mass, axis)
        middle = [slice(None)] * 3
        middle[axis] = slice(1, -1)
        back = mesonh.unstagger(faces, axis)
        np.testing.assert_array_equal(back[tuple(middle)], mass[tuple(middle)])  # linear: exact


def test_heights_of_meso_nh_that_leaves_out_the_topmost_face(air: Path):
    def shorten(file: netCDF4.Dataset) -> None:
        file.renameVariable("ZHAT", "whole")
        file.createVariable("ZHAT", "f8", ("level",))[:] = file["whole"][:-1]

    edit(air, shorten)
    np.testing.assert_allclose(mesonh.read_grid(air).heights[:-1], HEIGHTS[:-1])


def fill(name: str, value: float) -> Change:
    def change(file: netCDF4.Dataset) -> None:
        file[name][...] = value

    return change


def on_mass_points(file: netCDF4.Dataset) -> None:
    file.renameVariable("VT", "old")
    file.createDimension("short", 6)
    file.createVariable("VT", "f4", ("time", "level", "short", "ni_v"))[:] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.renameVariable("RVT", "RV"), "no variable RVT; it has time, UT"),
        (lambda f: f.renameVariable("LON", "X"), "no variable LON or longitude"),
        (lambda f: f["PABST"].setncattr("units", "m"), 'PABST has the units "m", exp'),
        (lambda f: f["PABST"].setncattr("units", "hPa"), "PABST lies within .* expected 10 ... 12"),
        (lambda f: f["ZHAT"].setncattr("units", "km"), "PABST is .* Pa in the mean at 10000 m, ex"),
        (fill("THT", 15.0), "THT lies within 15 ... 15 K, expected 150 ... 1000"),
        (fill("UT", np.nan), "UT is NaN, or was never written, at 280 of 280 points"),
        (fill("ZHAT", 0.0), "ZHAT has shape .* expected heights that increase"),
        (on_mass_points, r"VT has shape \(1, 5, 6, 8\), expected \(1, 5, 7, 8\)"),
    ],
)
def test_files_that_are_refused(air: Path, change: Change, message: str):
    edit(air, change)
    with pytest.raises(ValueError, match=message) as error:
        mesonh.read_state(air)
    assert air.name in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["time"].setncattr("units", "second"), "since a date, found second"),
        (lambda f: f["time"].setncattr("units", "hours since noon"), 'units "hours since noon"'),
        (lambda f: f.renameVariable("time", "t"), "no variable time"),
    ],
)
def test_times_that_are_refused(air: Path, change: Change, message: str):
    edit(air, change)
    with pytest.raises(ValueError, match=message):
        mesonh.read_time(air)


def test_other_grids_in_one_event_are_refused(written: Path):
    grid = made_up_atmosphere()
    others = {
        r"4 levels of 7 x 8 points, but other files .* 4 of 9 x 8": made_up_atmosphere((9, 8)),
        "points lie up to 0.5 degrees from those": replace(grid, lon=grid.lon + 0.5),
        r"is 999 \(land\) at 6 points that are sea": replace(grid, sea=np.ones((7, 8), bool)),
    }
    for message, other in others.items():
        with pytest.raises(ValueError, match=message):
            mesonh.read_state(written, other)


def test_an_atmosphere_without_sea_is_refused(air: Path):
    edit(air, fill("SST", 999.0))
    with pytest.raises(ValueError, match="SST is 999 everywhere"):
        mesonh.read_grid(air)


def test_fields_that_do_not_fit_are_not_written(tmp_path: Path):
    grid = made_up_atmosphere()
    fields = air_fields(grid)
    with pytest.raises(ValueError, match=r"THT is given \(3, 7, 8\), expected \(4, 7, 8\)"):
        mesonh.write_state(tmp_path / "x.nc", grid, TIME, fields | {"THT": fields["THT"][:3]})
    del fields["RVT"]
    with pytest.raises(ValueError, match="RVT is given not at all"):
        mesonh.write_state(tmp_path / "x.nc", grid, TIME, fields)
    uneven = replace(grid, heights=np.array([10.0, 15.0, 60.0, 61.0]))
    with pytest.raises(ValueError, match="expected such as lie midway"):
        mesonh.write_state(tmp_path / "x.nc", uneven, TIME, air_fields(grid))
    assert list(tmp_path.iterdir()) == []


def test_threads_may_read_at_the_same_time(written: Path):
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(mesonh.read_state, [written] * 40))
    for state in states:
        np.testing.assert_array_equal(state.wind_x, states[0].wind_x)


@needs_reference
def test_reference_files():
    for size, shape, sea in (("small", (29, 34), None), ("full", (110, 130), 6441)):
        path = REFERENCE / "wmed" / size / "raw/ECMWF_20060101_12.nc"
        grid, state = mesonh.read_grid(path), mesonh.read_state(path)
        assert grid.shape == shape and sea in (None, grid.sea.sum())
        heights = [10, 32, 58, 90, 130, 180, 243, 320, 410, 515, 640, 790, 970, 1190, 1460]
        np.testing.assert_allclose(grid.heights, heights)
        assert np.abs(grid.angle).max() == 0
        assert state.pressure.shape == (15, *shape)
        assert (np.diff(state.pressure, axis=0) < 0).all()
        assert mesonh.read_time(path) == np.datetime64("2006-01-01T12:00:00")
