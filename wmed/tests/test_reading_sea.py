"""Sea, land and fields of the ocean in files that users have: read right, or refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from numpy.typing import NDArray

from ai4sim.tests.forms import Content
from wmed.io import croco
from wmed.io.preprocess import read_grids
from wmed.tests import written
from wmed.tests.changed import on_air, on_history, refused, same, times
from wmed.tests.grids_made_up import made_up_ocean
from wmed.tests.written import Written, save

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

    def in_words(file: Written) -> None:
        file.attributes["sc_r"] = ["bottom", "surface"]

    message = r"attribute sc_r is \['bottom' 'surface'\], expected numbers"
    refused(on_history(in_words), message, tmp_path / "words")


def turned_around(file: Written) -> None:
    for name, variable in file.content.items():
        axes = [i for i, d in enumerate(variable.dimensions) if d.startswith("eta")]
        file.change(name, partial(np.flip, axis=tuple(axes)))


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
