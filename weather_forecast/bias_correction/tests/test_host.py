"""A Fortran host with a coupled network: the predictions of Python, and a closed budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from numpy.typing import NDArray

from ai4sim.native.couple import command
from ai4sim.tests.bench import Bench, checkpoint
from ai4sim.tests.host_programs import build_example, called, needs
from weather_forecast.bias_correction.config import USE_CASE
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES
from weather_forecast.bias_correction.physics.heating import HEATING
from weather_forecast.bias_correction.tests import made_up
from weather_forecast.bias_correction.tests.tiny import LEVELS, TINY

pytestmark = needs("gfortran", "nf-config")


@pytest.fixture(scope="module")
def radiation(bench: Bench, trained: Path) -> Path:
    """The program, built with a library of the experiment."""
    coupled = bench.root / "coupled"
    command(USE_CASE, bench.experiments)(coupled, experiment=trained.name, backend="c")
    build = bench.root / "build"
    return build_example("radiation", "radiation_correction", coupled, build) / "radiation"


def read(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the variables of a netCDF file, in double precision."""
    with netCDF4.Dataset(path) as file:
        return {name: np.asarray(file[name][...], np.float64) for name in file.variables}


def test_a_fortran_driver_corrects_tripleclouds_and_closes_the_budget(
    bench: Bench, trained: Path, radiation: Path, tmp_path: Path
) -> None:
    (raw, _) = TINY.write_unlabelled(tmp_path)
    made = bench.run("predict", "--data.data_path", tmp_path, "--ckpt_path", checkpoint(trained))
    predicted, columns = read(made / "predictions" / raw.name), read(raw)
    for nproma in (8, 32):  # 23 columns: blocks that are not full
        output = tmp_path / f"{nproma}.nc"
        done = called(radiation, raw, output, nproma)
        assert done.returncode == 0, done.stderr
        assert f"23 columns in {-(-23 // nproma)} calls" in done.stdout
        found, pressure = read(output), columns["pressure_hl"].squeeze()
        for flux in FLUXES:
            correction = found[flux] - columns[f"tripleclouds_{flux}"]
            scale = np.ptp(predicted[flux])
            assert scale > 1e-3  # W/m2
            assert np.abs(correction - predicted[flux]).max() <= 1e-5 * scale
        for band, rate in zip(("sw", "lw"), HEATING_RATES, strict=True):
            absorbed = [
                -np.diff(of[f"{which}flux_dn_{band}"] - of[f"{which}flux_up_{band}"], axis=1)
                for of, which in ((found, ""), (columns, "tripleclouds_"))
            ]
            thickness = np.diff(pressure, axis=1) / HEATING
            assert np.abs(found[rate] * thickness - absorbed[0]).max() <= 1e-9  # W/m2
            correction = found[rate] - absorbed[1] / thickness
            assert np.abs(correction - predicted[rate]).max() <= 1e-5 * np.ptp(predicted[rate])
        with netCDF4.Dataset(output) as file:
            assert (file["flux_up_lw"].units, file["hr_sw"].units) == ("W m-2", "K d-1")
    again = called(radiation, raw, output)
    assert again.returncode == 1 and f"{output}: expected a new file" in again.stderr


def hotter(file: netCDF4.Dataset) -> None:
    file["sca_inputs"][3, 0] = 900


def unwritten(file: netCDF4.Dataset) -> None:
    file["tripleclouds_flux_up_sw"][4, 2] = 9.96921e36


def upside_down(file: netCDF4.Dataset) -> None:
    file["hl_inputs"][:, :, 1] = file["hl_inputs"][:, ::-1, 1]


def other_channels(file: netCDF4.Dataset) -> None:
    names = file["hl_inputs"].channel_names.split(",")
    file["hl_inputs"].channel_names = ",".join(reversed(names))


def hectopascals(file: netCDF4.Dataset) -> None:
    file["hl_inputs"].channel_units = "K,hPa"


def packed(file: netCDF4.Dataset) -> None:
    file["col_inputs"].scale_factor = 0.5


def other_axes(file: netCDF4.Dataset) -> None:
    file.renameDimension("column", "first")
    file.renameDimension("level", "column")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (hotter, "skin_temperature is 900 K at column 4, expected 149.75 ... 400.25"),
        (unwritten, "tripleclouds_flux_up_sw is 9.96921E+36 W m-2 at column 5, half level 3, exp"),
        (upside_down, "pressure_hl does not increase downward in the columns from 1"),
        (other_channels, "hl_inputs, attribute channel_names: pressure_hl,temperature_hl, expec"),
        (hectopascals, "hl_inputs, attribute channel_units: K,hPa, expected K,Pa"),
        (other_axes, "col_inputs has its axes in another order: column is axis 2"),
        (packed, "col_inputs is packed, expected plain numbers"),
    ],
)
def test_columns_that_are_others_are_refused_without_a_file(
    radiation: Path, tmp_path: Path, change: Callable[[netCDF4.Dataset], None], words: str
) -> None:
    path, output = tmp_path / "columns.nc", tmp_path / "output.nc"
    made_up.write_file(path, 6, LEVELS)
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    done = called(radiation, path, output)
    assert done.returncode == 1 and words in done.stderr
    assert not output.exists()


def test_files_without_tripleclouds_or_of_other_levels_are_refused(
    radiation: Path, tmp_path: Path
) -> None:
    made_up.write_file(tmp_path / "clear.nc", 6, LEVELS, tripleclouds=False)
    made_up.write_file(tmp_path / "coarse.nc", 6, 9)
    for name, options, words in (
        ("clear.nc", (), "clear.nc: tripleclouds_flux_dn_sw: NetCDF: Variable not found"),
        ("coarse.nc", (), "radiation_correction: q: an array of 9 levels, expected 12"),
        ("none.nc", (), "none.nc: No such file or directory"),
        ("coarse.nc", ("0",), "NPROMA: expected a number from 1, found 0"),
    ):
        done = called(radiation, tmp_path / name, tmp_path / "output.nc", *options)
        assert done.returncode == 1 and words in done.stderr


@pytest.mark.compiled
def test_a_network_whose_heating_rates_are_not_those_of_its_fluxes_is_refused(
    bench: Bench, tmp_path: Path
) -> None:
    free = bench.run("fit", "--model.init_args.structured=false", "--trainer.max_epochs", 1)
    coupled, name = tmp_path / "coupled", "radiation_correction"
    command(USE_CASE, bench.experiments)(coupled, experiment=free.name, backend="c")
    program = build_example("radiation", name, coupled, tmp_path / "build") / "radiation"
    made_up.write_file(tmp_path / "columns.nc", 6, LEVELS)
    done = called(program, tmp_path / "columns.nc", tmp_path / "output.nc")
    assert done.returncode == 1
    assert "the network's fluxes and heating rates differ by" in done.stderr
