"""ecRad's own columns: a short training learns its effects on columns that it has not seen."""

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from ai4sim.tests.bench import train
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.models import LitBiRNN

pytestmark = [
    pytest.mark.slow,
    needs_reference,
]


def test_a_recurrent_network_beats_every_baseline_on_other_blocks(tmp_path):
    source = Path(REFERENCE, "ecrad", "raw").resolve()
    (tmp_path / "raw").symlink_to(source)
    data = RadiationDataModule(
        str(tmp_path), split="block", ratios=(0.7, 0.05, 0.25), batch_size=32, eval_batch_size=256
    )
    pl.seed_everything(0)
    module = LitBiRNN(features=32, loss="mae", learning_rate=8e-3)
    train(module, data, tmp_path, 5, gradient_clip_val=1.0, use_distributed_sampler=False)
    data.prepare_files(data.files("test"))
    evaluation = module.evaluation()
    with torch.no_grad():
        for batch in data.test_dataloader():
            module.evaluate(evaluation, batch, module(batch))
    found = evaluation.metrics()
    model, baselines = found["model"], found["baselines"]
    assert model["columns"] == data.count("test")
    for name in ("flux_dn_sw", "flux_up_sw", "flux_dn_lw", "flux_up_lw", "hr_sw", "hr_lw"):
        best = min(row[f"{name}_relative"] for row in baselines.values())
        assert model[f"{name}_relative"] < best, name
    assert model["relative_mean"] < 75

    # What holds whatever the weights, in single precision.
    assert model["budget_residual_max"] < 1e-4  # W/m2
    labels = found["target"]
    assert model["heating_residual_max"] < 3 * labels["heating_residual_max"] + 1e-3  # K/day
