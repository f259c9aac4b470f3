"""The IFS' own columns: short trainings learn its drag on dates that they have not seen."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from ai4sim.tests.bench import train
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.models import DragModule, LitFluxNet, LitStressNet

pytestmark = [
    pytest.mark.slow,
    needs_reference,
]


def trained(
    module: DragModule, folder: Path, scheme: str, epochs: int, **options: Any
) -> dict[str, Any]:
    """Train on the dates of the reference that are for it; return the metrics of its test dates."""
    source = Path(REFERENCE, "gwd", *(["ogwd"] if scheme == "ogwd" else [])).resolve()
    for name in ("raw", "filenames-split.yaml"):
        (folder / name).symlink_to(source / name)
    data = ColumnDataModule(data_path=str(folder), eval_batch_size=1440, **options)
    train(module, data, folder, epochs, gradient_clip_val=1.0, use_distributed_sampler=False)
    data.prepare_files(data.files("test"))
    evaluation = module.evaluation()
    module._every = 4
    with torch.no_grad():
        for batch in data.test_dataloader():
            module.evaluate(evaluation, batch, module(batch))
    found = evaluation.metrics()
    assert found["model"]["columns"] == data.count("test")
    return found


def test_the_flux_net_beats_every_linear_map_on_later_dates(tmp_path):
    pl.seed_everything(0)
    module = LitFluxNet(learning_rate=2e-3, weight_decay=1e-3)
    found = trained(module, tmp_path, "nogwd", 3, batch_size=256)
    model, ridge = found["model"], found["baselines"]["ridge"]
    assert model["r2_mean"] > 0.9
    assert model["r2_mean"] > ridge["r2_mean"] + 0.2
    assert model["r2"] > ridge["r2"] + 0.2
    assert model["budget_residual"] < 1e-5


def test_the_stress_net_knows_waves_and_blocking_on_later_dates(tmp_path):
    pl.seed_everything(0)
    module = LitStressNet(loss="huber", huber_delta=0.05, learning_rate=8e-3, weight_decay=1e-3)
    found = trained(module, tmp_path, "ogwd", 20, batch_size=128, latitude=False)
    model, ridge = found["model"], found["baselines"]["ridge"]
    assert model["blocking_r2"] > 0.9
    assert model["wave_r2"] > 0.3
    assert ridge["blocking_r2"] < 0.6 and ridge["wave_r2"] < 0.1
    assert model["blocking_antiparallel"] > 0.999
