"""Flames of another solver: the use case reads them, learns from them and beats the closures."""

from pathlib import Path

import lightning.pytorch as pl
import torch

from ai4sim.tests.bench import train
from ai4sim.tests.reference import REFERENCE, needs_reference
from combustion.crops import CropDataModule
from combustion.unets.models import LitUNet3D


@needs_reference
def test_a_short_training_beats_every_closure_on_later_snapshots(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "raw").symlink_to(Path(REFERENCE, "combustion", "cnf", "raw").resolve())
    pl.seed_everything(0)
    data = CropDataModule(
        data_path=str(tmp_path),
        ratios=(0.65, 0.1, 0.25),
        crop=(32, 16, 12),
        crops_per_snapshot=4,
        batch_size=8,
        eval_batch_size=8,
    )
    module = LitUNet3D(features=8, levels=2, activation="silu", learning_rate=1e-2)
    train(module, data, tmp_path, 25, use_distributed_sampler=False)
    evaluation = module.evaluation()
    with torch.no_grad():
        for batch in data.test_dataloader():
            module.evaluate(evaluation, batch, module(batch))
    found = evaluation.metrics()
    best_closure = max(row["r2"] for row in found["baselines"].values())
    assert 0.8 < best_closure < 0.95
    assert found["model"]["r2"] > best_closure + 0.02
    error = "streamwise_flame_surface_error"
    assert found["model"][error] < min(row[error] for row in found["baselines"].values())
