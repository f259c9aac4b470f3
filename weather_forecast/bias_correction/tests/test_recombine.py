"""Columns put together anew: from training columns alone, each part from one of them."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from ai4sim.command import run
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.synthetic.recombine import (
    GROUND,
    main,
    recombine,
    recombine_columns,
)
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)


def nothing(columns):
    """Stand in for the solvers: no effect, and an atmosphere that nothing happens in."""
    count = len(columns["skin_temperature"])
    fluxes = torch.zeros(count, LAYOUT.tripleclouds_channels)
    sun = columns["solar_irradiance"] * columns["cos_solar_zenith_angle"].clamp(min=0)
    fluxes[:, : LEVELS + 1] = sun[:, None]
    return torch.zeros(count, LAYOUT.output_channels), fluxes


def test_air_clouds_and_ground_come_from_different_columns():
    inputs = made_up.columns(20, LEVELS)["inputs"]
    before = LAYOUT.split_inputs(inputs.clone())
    made = recombine(inputs, LAYOUT, 200, torch.Generator().manual_seed(0))
    found = LAYOUT.split_inputs(made)
    for name, values in before.items():  # what it is made of stays as it was
        assert torch.equal(LAYOUT.split_inputs(inputs)[name], values)

    def origin(name: str) -> torch.Tensor:
        distance = torch.cdist(found[name].reshape(200, -1), before[name].reshape(20, -1), p=1)
        assert (distance.amin(1) == 0).all(), name
        return distance.argmin(1)

    air = origin("temperature_hl")
    assert torch.equal(air, origin("q")) and torch.equal(air, origin("pressure_hl"))
    ground = origin("sw_albedo_1")
    for name in GROUND[1:]:
        assert torch.equal(found[name], before[name][ground])
    assert not torch.equal(air, ground)

    sun = found["cos_solar_zenith_angle"]
    kept = sun == before["cos_solar_zenith_angle"][ground]
    assert 0.35 < kept.float().mean() < 0.65
    assert (sun[~kept] > 0).all() and (sun[~kept] <= 1).all()
    fraction = found["cloud_fraction"]
    assert fraction.min() == 0 and 0.5 < fraction.max() <= 1
    # Where there is no cloud there is no water.
    assert (found["q_liquid"][fraction == 0] == 0).all()


def test_only_training_columns_are_used_and_files_repeat_by_seed(tmp_path):
    for day, skin in enumerate((280.0, 285.0, 290.0)):
        path = tmp_path / "raw" / f"2015-01-0{day + 1}.nc"
        made = made_up.columns(10, LEVELS, seed=day)
        LAYOUT.split_inputs(made["inputs"])["skin_temperature"].fill_(skin)
        made_up.write_columns(path, LAYOUT, **made)
    data = RadiationDataModule(str(tmp_path), ratios=(0.34, 0.33, 0.33), gap=0)
    files = {
        folder: recombine_columns(data, tmp_path / folder, 501, seed=3, teacher=nothing, workers=1)
        for folder in ("one", "two")
    }
    assert [file.name for file in files["one"]] == ["recombined_000.nc", "recombined_001.nc"]
    first, second = (read_columns(file) for file in files["one"])
    assert len(first["inputs"]) == 500
    assert set(np.asarray(first["inputs"])[:, 0].tolist()) == {280.0}
    assert not np.array_equal(first["inputs"], second["inputs"])
    for a, b in zip(files["one"], files["two"], strict=True):
        assert a.read_bytes() == b.read_bytes()
    with pytest.raises(ValueError, match=r"made in another way: seed 3 there, 4 here"):
        recombine_columns(data, tmp_path / "one", 501, seed=4, teacher=nothing, workers=1)


def test_command_line_says_what_is_wrong(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with (
        pytest.raises(SystemExit, match="error: .*none does not exist"),
        caplog.at_level(logging.INFO),
    ):
        run(main, ["--data-path", str(tmp_path / "none"), "--output", str(tmp_path / "more")])
    made_up.write_file(tmp_path / "raw" / "2015-01-01.nc", 10, LEVELS)
    with pytest.raises(SystemExit, match="base_block"):
        run(main, ["--data-path", str(tmp_path), "--output", str(tmp_path / "more")])
