"""The modules: units of the loss, what travels with a checkpoint, what leaves as a program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ai4sim.export import export_program
from ai4sim.surrogate import Surrogate
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.models import (
    CorrectionModule,
    LitAttentionCNN,
    LitBiRNN,
    LitUnet1D,
)
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)
MODELS: dict[str, tuple[Callable[..., CorrectionModule], dict[str, Any]]] = {
    "unet": (LitUnet1D, {"features": 4, "grids": 3}),
    "attention": (LitAttentionCNN, {"features": 8, "blocks": 1}),
    "birnn": (LitBiRNN, {"features": 8, "layers": 1}),
    "lean": (LitBiRNN, {"features": 8, "layers": 1, "cell": "linear", "clear_levels": 5}),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Five files of made-up columns."""
    folder = tmp_path_factory.mktemp("bias_correction")
    for day in range(5):
        made_up.write_file(folder / "raw" / f"2015-01-0{day + 1}.h5", 40, LEVELS, seed=day)
    module = RadiationDataModule(data_path=str(folder), gap=0, ratios=(0.6, 0.2, 0.2))
    module.prepare_data()
    return module


def calibrated(name: str, data: RadiationDataModule, **options) -> CorrectionModule:
    torch.manual_seed(0)
    model, size = MODELS[name]
    module = model(**size, levels=LEVELS, loss="mae", **options)
    module.calibrate(data)
    return module.eval()


def batch_of(count: int = 16, seed: int = 9) -> dict:
    made = made_up.columns(count, LEVELS, seed)
    return {**made, "repeated": False}


def test_the_loss_is_the_share_of_the_effect_that_is_left(data):
    """Mean over the variables of the absolute error over the mean size in the training set."""
    module, batch = calibrated("birnn", data, heating_weight=2.0), batch_of()
    train = LAYOUT.split_outputs(data.columns(1000)["targets"])
    found = module.forward(batch)
    shares = [
        (part - target).abs().mean() / train[name].abs().mean()
        for (name, part), target in zip(
            LAYOUT.split_outputs(found).items(),
            LAYOUT.split_outputs(batch["targets"]).values(),
            strict=True,
        )
    ]
    weights = torch.tensor(
        [v.channels * (2.0 if v.units == "K/day" else 1) for v in LAYOUT.outputs]
    )
    expected = (torch.stack(shares) * weights).sum() / weights.sum()
    torch.testing.assert_close(module.training_step(batch, 0), expected, rtol=1e-4, atol=1e-6)


def test_no_correction_has_the_loss_one(data):
    module = calibrated("birnn", data)
    columns = data.columns(1000)
    target = module.surrogate.normalize_targets(columns["targets"])
    assert target.abs().mean().item() == pytest.approx(1, rel=1e-3)


def test_the_baselines_travel_with_the_checkpoint(data):
    module, (model, size) = calibrated("birnn", data), MODELS["birnn"]
    other = model(**size, levels=LEVELS)
    assert other.extra_state() == {"baselines": None}
    other.set_extra_state_from(module.extra_state())
    found, expected = (m.baselines.predict(batch_of()["inputs"], LAYOUT) for m in (other, module))
    assert {"zero", "mean_profile", "ridge"} == set(found)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_other_levels_name_the_option(data):
    model, size = MODELS["birnn"]
    with pytest.raises(ValueError, match="have 12 levels, the model is for 137: .*levels 12"):
        model(**size).calibrate(data)


LOAD = """
import sys
import numpy as np
from ai4sim.surrogate import Surrogate
surrogate = Surrogate.load(sys.argv[1])
assert "lightning" not in sys.modules and "h5py" not in sys.modules
fields = dict(np.load(sys.argv[1] + "/fields.npz"))
np.savez(sys.argv[1] + "/found.npz", **surrogate.predict(fields))
"""


def test_a_saved_network_takes_and_gives_variables_by_name_and_needs_the_core_only(tmp_path, data):
    module, batch = calibrated("birnn", data), batch_of()
    module.surrogate.save(tmp_path)
    parts = LAYOUT.split_inputs(batch["inputs"])
    np.savez(tmp_path / "fields.npz", **{name: part.numpy() for name, part in parts.items()})
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(tmp_path / "found.npz") as found:
        expected = LAYOUT.split_outputs(module(batch).detach())
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-6)
    assert Surrogate.load(tmp_path).facts["levels"] == LEVELS


@pytest.mark.parametrize(
    ("name", "structured"),
    [("unet", True), ("attention", False), ("birnn", True), ("lean", True)],
)
def test_the_exported_program_gives_the_same_numbers(name, structured, data, tmp_path):
    module = calibrated(name, data, structured=structured)
    export_program(module.surrogate, batch_of()["inputs"], tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    inputs, scale = batch_of(5, seed=1)["inputs"], torch.ones(5)
    expected = module.surrogate(inputs, scale)
    assert expected.abs().max() > 0
    size = expected.abs().max().item()
    torch.testing.assert_close(program(inputs, scale), expected, rtol=1e-4, atol=1e-6 * size)
