"""Files that users have: read right, or refused with the file and what is wrong with it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cftime
import netCDF4
import numpy as np
import pytest
from numpy.typing import NDArray

from ai4sim.tests.forms import FORMATS, Content
from wmed.data import CouplingDataModule
from wmed.io import croco, croco_writer, mesonh
from wmed.io.preprocess import air_of, read_grids
from wmed.tests import written
from wmed.tests.grids_made_up import edit, made_up_ocean, write_event
from wmed.tests.written import Event, Written, air, differences, history, read, save

Change = Callable[[Event], Any]


def same(change: Change, folder: Path, scale: float = 1.0) -> None:
    """Require that a changed event reads as the one it was made of."""
    files = written.event()
    change(files)
    assert differences(read(save(files, folder)), scale) == []


def refused(change: Change, message: str, folder: Path) -> None:
    """Require an error about a changed event."""
    files = written.event()
    change(files)
    with pytest.raises(ValueError, match=message) as error:
        read(save(files, folder))
    assert str(folder) in str(error.value)


def on_history(change: Callable[[Written], Any]) -> Change:
    return lambda files: change(history(files))


def on_air(change: Callable[[Written], Any]) -> Change:
    return lambda files: [change(file) for file in air(files)]


# --- Land and sea ---


@pytest.mark.parametrize("marker", [0, 1e20, 1e9, 1e6, -9999, -999, 998.9997, 1000, np.nan])
def test_land_is_where_sst_is_no_temperature(tmp_path: Path, marker: float):
    same(on_air(lambda f: f.change("SST", lambda v: np.where(v == 999, marker, v))), tmp_path)


def test_sst_in_degrees_celsius(tmp_path: Path):
    def change(file: Written) -> None:
        values = file.content["SST"].values
        celsius = np.where(values == 999, 999, values - 273.15).astype("f4")
        file.set("SST", values=celsius, units="degC")

    same(on_air(change), tmp_path)


def mixed(values: NDArray[Any]) -> NDArray[Any]:
    land = values == 999
    return np.where(land, np.linspace(200, 260, values.size).reshape(values.shape), values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (mixed, r"SST .* holds \d+ points of 268 ... 323 K, \d+ of 2\d\d.* expected temperatures"),
        (lambda v: np.where(v == 999, 290, v), "SST is exactly 290 K at .* of 56 points"),
        (lambda v: v - 273.15, r'SST \("K"\) holds 0 points of 268 ... 323 K'),
        (lambda v: np.full_like(v, 999), "SST is 999 everywhere, so there is no sea"),
        (lambda v: np.full_like(v, 288), "nothing says where land is, but .* lie over land of"),
    ],
    ids=["land surface", "one temperature", "degC", "land", "sea"],
)
def test_sst_that_cannot_be_understood(tmp_path: Path, change: Callable[..., Any], message: str):
    refused(on_air(lambda f: f.change("SST", change)), message, tmp_path)


def test_0_degrees_celsius_on_land(tmp_path: Path):
    for units, zero in (("degC", 0.0), ("K", 273.15)):

        def change(file: Written, zero: float = zero, units: str = units) -> None:
            values = file.content["SST"].values
            found = np.where(values == 999, zero, values - 273.15 + zero).astype("f4")
            file.set("SST", values=found, units=units)

        same(on_air(change), tmp_path / units)


@pytest.mark.parametrize(("name", "sea"), [("LSM", 0.0), ("FRAC_SEA", 1.0)])
def test_a_mask_tells_land_where_sst_does_not(tmp_path: Path, name: str, sea: float):
    def change(file: Written) -> None:
        values = file.content["SST"].values
        land = values == 999
        file.content[name] = Content(("nj", "ni"), np.where(land, 1 - sea, sea))
        file.set("SST", values=np.where(land, np.float32(288), values))

    same(on_air(change), tmp_path)


# --- The ocean: fill values, levels, axes, labels ---


def test_a_fill_value_of_0_is_a_number(tmp_path: Path):
    path = save(written.event(), tmp_path / "plain")
    filled = tmp_path / "filled" / path.name
    shutil.copytree(path.parent, filled.parent)
    with netCDF4.Dataset(path) as old, netCDF4.Dataset(filled, "w") as new:
        old.set_auto_maskandscale(False)
        new.setncatts({key: old.getncattr(key) for key in old.ncattrs()})
        for name, dimension in old.dimensions.items():
            new.createDimension(name, len(dimension))
        for name, variable in old.variables.items():
            made = new.createVariable(name, "f4", variable.dimensions, fill_value=0.0)
            made.setncatts({key: variable.getncattr(key) for key in variable.ncattrs()})
            made.set_auto_maskandscale(False)
            made[...] = variable[...]
            if name == "u":
                made[1, 0, 2, 2:4] = 0
            if name == "swrad":
                made[1] = 0
    sea = read_grids(filled).ocean.sea
    assert sea.sum() == made_up_ocean().sea.sum()
    record = croco.read_record(filled, 1, fluxes=True)
    assert (record["shortwave"] == 0).all() and np.isfinite(record["sensible"][sea]).all()
    assert (record["current_u"][2, 2:4] == 0).all()


@pytest.mark.parametrize("downward", [False, True])
@pytest.mark.parametrize("coordinate", ["s_rho", "depth", "Cs_r"])
def test_the_surface_is_the_level_that_the_coordinate_says(
    tmp_path: Path, downward: bool, coordinate: str
):
    def change(file: Written) -> None:
        s = np.array([-0.9, -0.5, -0.1])
        for name in ("temp", "u", "v"):
            below = [file.content[name].values - 8 * k for k in (2, 1, 0)]
            values = np.concatenate(below[::-1] if downward else below, axis=1)
            file.set(name, values=values.astype("f4"))
        s = s[::-1].copy() if downward else s
        if coordinate == "Cs_r":
            file.attributes["Cs_r"] = s
        else:
            values, facts = (s, {}) if coordinate == "s_rho" else (-100 * s, {"positive": "down"})
            file.content["s_rho"] = Content(("s_rho",), values, attributes=facts)

    same(on_history(change), tmp_path)


def test_levels_that_do_not_say_where_the_surface_is(tmp_path: Path):
    def change(file: Written) -> None:
        file.content["s_rho"] = Content(("s_rho",), np.array([-0.9]))

    message = "s_rho holds -0.9 ... -0.9, which says not which level of temp is at the surface"
    refused(on_history(change), message, tmp_path)


def turned_around(file: Written) -> None:
    for name, variable in file.content.items():
        axes = [i for i, d in enumerate(variable.dimensions) if d.startswith("eta")]
        file.change(name, partial(np.flip, axis=tuple(axes)))


def times(name: str, factor: float, **facts: Any) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        values = (file.content[name].values * factor).astype("f4")
        file.set(name, values=values, **facts)

    return change


def kinematic(file: Written) -> None:
    for name in ("sustr", "svstr"):
        times(name, 1 / 1025, units="")(file)


def patch(name: str, value: float) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        values = file.content[name].values.copy()
        values[1:, 1:5, 2:6] = value
        file.set(name, values=values)

    return change


def zero_patch(values: NDArray[Any]) -> NDArray[Any]:
    values = values.copy()
    values[1:, :, 1:5, 2:6] = 273.15
    return values


def against(file: Written) -> None:
    for name, stress in (("sustr", -0.1), ("svstr", 0.04)):
        values = file.content[name].values
        file.set(name, values=np.where(values == 0, 0, np.float32(stress)))


def gross(file: Written) -> None:
    file.set("swrad", attributes={"long_name": "downwelling short-wave radiation"})


def twice(file: Written) -> None:
    file.content["shflx_rsw"] = replace(
        file.content["swrad"], values=file.content["swrad"].values + np.float32(9)
    )


def all_parts(factor: float) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        found = {name: file.content[name].values for name in ("shflux", "swrad", "shflx_rlw")}
        rest = found["shflux"] - found["swrad"] - found["shflx_rlw"]
        sensible = rest - file.content["shflx_lat"].values
        file.content["shflx_sen"] = replace(file.content["shflx_lat"], values=sensible)
        times("shflx_lat", factor)(file)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (turned_around, "eta_rho runs to the right of xi_rho"),
        (times("swrad", -1), 'swrad .* lies within -.*: wrong at .* the attribute positive = "up'),
        (times("shflx_rlw", -1), "shflx_rlw .* has a mean of .* the attribute positive"),
        (all_parts(-1), "shflx_lat .* has a mean of"),
        (all_parts(0.1), "shflux .* differs from the sum of its parts"),
        (kinematic, "sustr, svstr of record 1 have a root mean square of .* over the density"),
        (times("sustr", 1, units="m2 s-2"), 'sustr has the units "m2 s-2", expected "N/m2"'),
        (patch("shflx_lat", -9999), "shflx_lat .* lies within -9999 .* wrong at 16 of"),
        (patch("shflux", 0), "shflux .* is exactly 0 at 16 of .* was it never written there"),
        (patch("sustr", np.nan), "sustr .* is NaN, or was never written, at 16 of"),
        (gross, 'swrad is "downwelling short-wave radiation", expected the net shortwave'),
        (twice, "swrad and shflx_rsw differ in record"),
        (times("swrad", 1, attributes={"positive": "east"}), 'positive = "east", expected "down"'),
        (times("pm", 1e-3, units=""), "pm is .* times one over the spacing of lon_rho"),
        (lambda f: f.set("angle", values=f.content["angle"].values + 45), "angle differs by"),
        (lambda f: f.change("temp", zero_patch), "temp .* is exactly 0 degC at"),
        (against, "sustr, svstr of record 1 point against the wind"),
        (
            lambda f: [times(n, 100)(f) for n in ("sustr", "svstr")],
            "sustr .* lies within|times the",
        ),
    ],
)
def test_histories_that_cannot_be_what_they_say(
    tmp_path: Path, change: Callable[[Written], Any], message: str
):
    refused(on_history(change), message, tmp_path)


@pytest.mark.parametrize("old", ["shflux", "swrad", "shflx_rlw", "shflx_lat"])
@pytest.mark.parametrize(
    "facts",
    [
        {"positive": "up"},
        {"positive": "up", "long_name": "heat flux (>0 into the ocean)"},
        {"standard_name": "surface_upward_heat_flux"},
        {"positive_value": "upward flux, cooling"},
    ],
)
def test_fluxes_that_count_upward(tmp_path: Path, old: str, facts: dict[str, str]):
    same(on_history(times(old, -1, attributes=facts)), tmp_path)


@pytest.mark.parametrize("name", ["radsw", "shflx_rsw"])
def test_short_wave_under_its_other_names(tmp_path: Path, name: str):
    same(on_history(lambda f: f.rename("swrad", name)), tmp_path)


# --- Axes of the air ---


def flipped(axis: str) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        for name, variable in file.content.items():
            axes = [i for i, d in enumerate(variable.dimensions) if d.startswith(axis)]
            file.change(name, partial(np.flip, axis=tuple(axes)))

    return change


def after(file: Written) -> None:
    """Number faces by the mass points before them."""
    for name, axis in (("VT", 2), ("latitude_v", 0)):
        values = file.content[name].values
        last = np.take(values, [-1], axis)
        ends = 2 * last - np.take(values, [-2], axis) if name == "latitude_v" else last
        file.set(name, values=np.concatenate([np.take(values, range(1, 7), axis), ends], axis))


def reordered(file: Written) -> None:
    for name, variable in file.content.items():
        order = tuple(reversed(range(variable.values.ndim)))
        file.set(
            name,
            dimensions=tuple(variable.dimensions[i] for i in order),
            values=variable.values.transpose(order),
        )


@pytest.mark.parametrize("change", [flipped("nj"), flipped("ni"), flipped("level"), reordered])
def test_axes_of_the_air_in_other_directions_and_orders(
    tmp_path: Path, change: Callable[[Written], None]
):
    same(on_air(change), tmp_path)
    same(lambda files: change(air(files)[-1]), tmp_path / "one")


def test_faces_after_the_mass_points(tmp_path: Path):
    path = save(event_of(after), tmp_path)
    plain = save(written.event(), tmp_path / "plain")
    found, expected = (mesonh.read_state(air_of(p)[0][1].path) for p in (path, plain))
    np.testing.assert_allclose(found.wind_y[:, 1:], expected.wind_y[:, 1:], atol=1e-5)
    np.testing.assert_array_equal(found.wind_x, expected.wind_x)


def event_of(change: Callable[[Written], None]) -> Event:
    files = written.event()
    on_air(change)(files)
    return files


@pytest.mark.parametrize("turn", [360, -360])
def test_longitudes_by_other_names(tmp_path: Path, turn: float):
    same(lambda files: air(files)[-1].change("LON", lambda v: v + np.float32(turn)), tmp_path)
    same(on_history(lambda f: f.change("lon_rho", lambda v: v + turn)), tmp_path / "ocean")


def test_a_domain_across_the_meridian_of_greenwich(tmp_path: Path):
    def change(files: Event) -> None:
        for file in files.values():
            for name in {"LON", "lon_rho", "longitude_u"} & file.content.keys():
                file.change(name, lambda v: (v - 3.7) % 360)

    files = written.event()
    change(files)
    grids = read_grids(save(files, tmp_path))
    assert np.ptp(grids.ocean.lon) < 2 and np.ptp(grids.atmosphere.lon) < 2


def test_levels_in_disorder_are_refused(tmp_path: Path):
    def change(file: Written) -> None:
        file.change("PABST", lambda v: v[:, ::-1])

    refused(
        on_air(change), "PABST is .* expected heights in ZHAT, and levels in their order", tmp_path
    )


def test_pressures_in_hpa_without_units(tmp_path: Path):
    message = "PABST is 101.* Pa in the mean at 10 m, expected about 1.01e.05 Pa"
    refused(on_air(times("PABST", 0.01, units="")), message, tmp_path)


def test_a_factor_in_the_units_is_part_of_them(tmp_path: Path):
    same(on_air(times("PABST", 0.01, units="100 Pa")), tmp_path, 5)


@pytest.mark.parametrize("units", ["Pa", "N m^{-2}", "newton/m²"])
def test_spellings_of_the_units_of_stress(tmp_path: Path, units: str):
    same(on_history(lambda f: f.set("sustr", units=units)), tmp_path)


# --- Times ---


def counted(values: Any, units: str, **facts: Any) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        del file.attributes["start_date"], file.content["scrum_time"]
        found = values(file.content["time"].values) if callable(values) else values
        file.set("time", values=np.asarray(found), units=units, attributes=facts)

    return change


def single(values: NDArray[Any]) -> NDArray[Any]:
    return (values + 3350937600).astype("f4")  # from 1900


def since_year_1(values: NDArray[Any]) -> NDArray[Any]:
    first = cftime.datetime(2006, 3, 10, calendar="standard")
    return values + cftime.date2num(first, "seconds since 0001-01-01", "standard")


@pytest.mark.parametrize(
    "change",
    [
        counted(single, "seconds since 1900-01-01"),
        counted(lambda t: t / 86400, "Days Since 2006-03-10"),
        counted(lambda t: t / 3600 + 1, "hours since 2006-03-10T00:00:00+01:00"),
        counted(lambda t: t, "second", time_origin="2006-03-10 00:00:00"),
        counted(lambda t: t, "second", time_origin="10-MAR-2006 00:00:00"),
        counted(since_year_1, "seconds since 0001-01-01", calendar="gregorian"),
        counted(lambda t: t, "second"),
    ],
    ids=["f4", "days", "zone", "time_origin", "month", "year 1", "name"],
)
def test_times_in_other_forms(tmp_path: Path, change: Callable[[Written], None]):
    same(on_history(change), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            counted(lambda t: t, "seconds since 2006-03-10", calendar="noleap"),
            "calendar is .noleap",
        ),
        (counted(lambda t: t, "seconds since 2006-03-10", calendar="360_day"), "360_day"),
        (counted(lambda t: t, "metres"), 'time has the units "metres", expected seconds'),
        (counted(lambda t: t, "second", time_origin="03/10/2006"), "2006-03-10 or 2006-10-03"),
        (counted(lambda t: t, "second", time_origin="noon"), 'time_origin is "noon", expected a d'),
        (counted(lambda t: t + 86400, "second"), "begins with 86400 s, and the date in the name"),
        (
            counted([0, np.nan, 43200.0], "seconds since 2006-03-10"),
            "time of record 1 is missing, expected",
        ),
    ],
)
def test_times_that_cannot_be_understood(
    tmp_path: Path, change: Callable[[Written], None], message: str
):
    refused(on_history(change), message, tmp_path)


def test_a_last_time_that_was_not_written_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = written.event()
    counted([0, 21600, 9.969209968386869e36], "seconds since 2006-03-10")(history(files))
    with caplog.at_level(logging.WARNING):
        found = read(save(files, tmp_path))
    assert "record 2 is left out: its time was not written yet" in caplog.text
    np.testing.assert_array_equal(found["sst"], written.expected()["sst"][:1])


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("croco_his_20060310_12.nc", "2006-03-10T12"),
        ("croco_his_2006031012.nc", "2006-03-10T12"),
        ("croco_his_20060310.nc", "2006-03-10T00"),
    ],
)
def test_the_hour_in_a_name_counts(tmp_path: Path, name: str, start: str):
    files = written.event()
    file = history(files)
    counted(lambda t: t, "second")(file)
    path = save({name: file}, tmp_path)
    expected = np.datetime64(start, "s") + np.timedelta64(6, "h") * np.arange(3)
    np.testing.assert_array_equal(croco.read_times(path), expected)


def test_digits_in_a_name_that_are_no_hour(tmp_path: Path):
    file = history(written.event())
    counted(lambda t: t, "second")(file)
    path = save({"croco_his_20060310_999.nc": file}, tmp_path)
    with pytest.raises(ValueError, match='has the date 2006-03-10T00:00:00, then "999", and noth'):
        croco.read_times(path)


def test_most_records_without_air_are_an_error(tmp_path: Path):
    write_event(tmp_path, "2006-03-10", records=6)
    path = tmp_path / "croco_his_20060310.nc"
    edit(path, lambda f: f["time"].__setitem__(slice(2, 6), f["time"][2:6] + 600))
    edit(path, lambda f: f.renameVariable("scrum_time", "other"))
    message = "6 records and 6 times of the air lie between .* only 2 are of the same time"
    with pytest.raises(ValueError, match=message):
        air_of(path)


def test_records_between_the_times_of_the_air_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = write_event(tmp_path, "2006-03-10", records=6)
    for hour in (12, 18):
        (tmp_path / f"ECMWF_20060310_{hour}.nc").unlink()
    (tmp_path / "ECMWF_20060311_06.nc").unlink()
    with caplog.at_level(logging.WARNING):
        assert [record for record, _ in air_of(path)] == [1, 4, 6]
    assert "3 of 6 records have no air of their time" in caplog.text


# --- Records and files of a run ---


def later(file: Written, first: int) -> None:
    """Keep the records from one on."""
    for name, variable in file.content.items():
        if "time" in variable.dimensions:
            file.set(name, values=variable.values[first:])


def test_the_first_record_of_a_later_file_has_fluxes(tmp_path: Path):
    same(on_history(lambda file: later(file, 1)), tmp_path)


def test_a_sequence_of_single_records(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = written.event()
    whole = files.pop("croco_his_20060310.nc")
    for k in range(3):
        part = Written(dict(whole.content), dict(whole.attributes))
        for name, variable in part.content.items():
            if "time" in variable.dimensions:
                part.set(name, values=variable.values[k : k + 1])
        files[f"croco_his.{k:05d}.nc"] = part
    save(files, tmp_path / "raw")
    data = CouplingDataModule(str(tmp_path), split="all-test")
    with caplog.at_level(logging.INFO):
        found = data.raw_files()
    assert [path.name for path in found] == ["croco_his.00001.nc", "croco_his.00002.nc"]
    assert "croco_his.00000.nc is not used: it holds the initial state" in caplog.text
    data.prepare_files(found)
    sst = np.concatenate([data.processed(path)[0]["sst"] for path in found])
    np.testing.assert_array_equal(sst, written.expected()["sst"])


@pytest.mark.parametrize("other", ["croco_grd.nc", "croco_his.00000.nc"])
def test_the_grid_of_a_file_beside(tmp_path: Path, other: str):
    def change(files: Event) -> None:
        file = history(files)
        grid = {name: file.content.pop(name) for name in ("lon_rho", "lat_rho", "mask_rho")}
        files[other] = Written(grid)

    same(change, tmp_path)


def test_no_grid_and_two_grids(tmp_path: Path):
    def change(files: Event, shift: float | None = None) -> None:
        file = history(files)
        grid = {name: file.content.pop(name) for name in ("lon_rho", "lat_rho", "mask_rho")}
        if shift is not None:
            files["a_grd.nc"], files["b_grd.nc"] = Written(grid), Written(dict(grid))
            files["b_grd.nc"].change("lon_rho", lambda v: v + shift)

    refused(change, "no variable lon_rho, and no file beside it", tmp_path / "none")
    refused(lambda f: change(f, 0.5), "a_grd.nc and b_grd.nc beside it differ", tmp_path / "two")
    same(lambda f: change(f, 0.0), tmp_path / "same")


def test_what_else_a_run_leaves_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def change(files: Event) -> None:
        for name in ("croco_avg.nc", "croco_rst.nc", "croco_blk.nc"):
            files[name] = Written(dict(history(files).content), {"start_date": "2006-03-10"})
        files["MNH.000.nc"] = Written({"LES": Content(("level_les",), np.arange(3.0))})

    with caplog.at_level(logging.INFO):
        same(change, tmp_path)
    assert "croco_avg.nc is not used: it lies on the ocean's grid" in caplog.text
    assert "MNH.000.nc is not used: it has no field of the air" in caplog.text


def test_all_times_of_the_air_in_one_file(tmp_path: Path):
    def change(files: Event) -> None:
        names = sorted(name for name in files if name.startswith("ECMWF"))
        parts = [files.pop(name) for name in names]
        joined = Written(dict(parts[0].content))
        for name, variable in parts[0].content.items():
            if "time" in variable.dimensions:
                values = np.concatenate([part.content[name].values for part in parts])
                joined.set(name, values=values)
        files["ECMWF_all.nc"] = joined

    same(change, tmp_path)


def test_tiles_are_refused(tmp_path: Path):
    def tile(files: Event) -> None:
        history(files).attributes["partition"] = np.array([1, 0, 2, 2], "i4")

    refused(tile, r"tile 2 of 2 x 2 \(attribute partition\), .* ncjoin", tmp_path / "attribute")
    files = written.event()
    whole = files.pop("croco_his_20060310.nc")
    files["croco_his.0.nc"], files["croco_his.1.nc"] = whole, Written(dict(whole.content))
    files["croco_his.1.nc"].change("lon_rho", lambda v: v + 1.4)
    save(files, tmp_path)
    with pytest.raises(ValueError, match="elsewhere than croco_his.1.nc, as tiles .* ncjoin"):
        air_of(tmp_path / "croco_his.0.nc")


def test_files_split_by_level_are_refused(tmp_path: Path):
    def change(file: Written) -> None:
        file.set("THT", dimensions=(), values=np.float32(0), attributes={"split_variable": "yes"})

    refused(on_air(change), "THT is split into sub-files by level .*: join them", tmp_path)


def test_air_that_lacks_a_field_is_no_other_file(tmp_path: Path):
    refused(on_air(lambda f: f.content.pop("RVT")), "ECMWF_.*: no variable RVT; it has", tmp_path)
    refused(
        on_air(lambda f: f.content.pop("time")), "no variable time.* is taken for", tmp_path / "t"
    )


def test_air_that_arrives_later_is_found(tmp_path: Path):
    history_path = write_event(tmp_path / "raw", "2006-03-10", records=4)
    late = tmp_path / "ECMWF_20060310_12.nc"
    (tmp_path / "raw" / late.name).rename(late)
    data = CouplingDataModule(str(tmp_path), split="all-test")
    assert len(data.processed(history_path)[0]["sst"]) == 3
    late.rename(tmp_path / "raw" / late.name)
    assert len(data.processed(history_path)[0]["sst"]) == 4


def test_a_time_that_occurs_twice_is_used_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    def change(file: Written) -> None:
        for name, variable in file.content.items():
            if "time" in variable.dimensions:
                file.set(name, values=variable.values[[0, 1, 1, 2]])
        for name in ("sustr", "svstr"):
            file.change(name, lambda v: np.where(np.arange(4)[:, None, None] == 1, 0, v))

    with caplog.at_level(logging.WARNING):
        same(on_history(change), tmp_path)
    assert "records 1 and 2 are both of 2006-03-10T06:00:00; the later one is used" in caplog.text


def test_overlapping_legs_are_not_in_two_sets(tmp_path: Path):
    write_event(tmp_path / "raw", "2006-03-10", records=6)
    path = tmp_path / "raw" / "croco_his_20060310.nc"
    for number, part in ((1, slice(0, 5)), (2, slice(3, 7))):
        with (
            netCDF4.Dataset(path) as old,
            netCDF4.Dataset(path.with_name(f"run{number}_his.nc"), "w") as new,
        ):
            old.set_auto_maskandscale(False)
            new.setncatts({key: old.getncattr(key) for key in old.ncattrs()})
            for name, dimension in old.dimensions.items():
                new.createDimension(name, None if name == "time" else len(dimension))
            for name, variable in old.variables.items():
                made = new.createVariable(name, variable.dtype, variable.dimensions)
                made.setncatts({key: variable.getncattr(key) for key in variable.ncattrs()})
                made[...] = variable[part] if "time" in variable.dimensions else variable[...]
    path.unlink()
    data = CouplingDataModule(str(tmp_path), workers=1)
    with pytest.raises(ValueError, match="run1_his.nc.*run2_his.nc"):
        data.prepare_data()


# --- Predictions ---


@pytest.mark.parametrize("form", FORMATS)
def test_a_copy_of_every_format_holds_what_was_predicted(tmp_path: Path, form: str):
    files = written.event()
    file = history(files)
    file.form = form
    names = ("sustr", "swrad", "temp")
    file.forms = {
        name: written.Stored("i2", tuple(range(file.content[name].values.ndim)), (units, 1, 0))
        for name, units in zip(names, ("N/m2", "W/m2", "K"), strict=True)
    }
    file.rename("swrad", "radsw")
    path = save(files, tmp_path)
    before = path.read_bytes()
    grid, stored = made_up_ocean(), croco.read_record(path, 1)["sst"]
    fluxes = {
        "tau_x": np.full(grid.sea_u.shape, 0.25, "f4"),
        "shortwave": np.full(grid.sea.shape, 3.0, "f4"),
    }
    copy = tmp_path / "predictions" / path.name
    croco_writer.write_like(path, copy, [(k, fluxes) for k in (1, 2)])
    with netCDF4.Dataset(copy) as found:
        assert found.data_model == form or form == "NETCDF4"
        assert (found["radsw"][1:] == 3.0).all() and (found["sustr"][1:] == 0.25).all()
        assert found["radsw"].dtype == np.float32 and "swrad" not in found.variables
        assert not {"scale_factor", "add_offset"} & set(found["sustr"].ncattrs())
    np.testing.assert_array_equal(croco.read_record(copy, 1)["sst"], stored)
    assert path.read_bytes() == before
