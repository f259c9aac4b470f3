"""The smallest use case: columns of a temperature to their vertical differences."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import Dataset

from ai4sim.cli import main
from ai4sim.data.batches import BatchIndex
from ai4sim.data.datamodule import Stage, SurrogateDataModule
from ai4sim.evaluation.scores import ERROR_SUMS, RegressionMetrics, metrics_of
from ai4sim.interruption import Interruption
from ai4sim.module import SurrogateModule
from ai4sim.nets import completed
from ai4sim.network_arguments import with_network
from ai4sim.surrogate import Surrogate
from ai4sim.use_case import UseCase
from ai4sim.variables import Batch, Variable

LEVELS = 16


def write_columns(folder: Path, mean: float, files: int = 12) -> None:
    """Write ``raw/run_0.npy`` ...: 8 random columns each, (8, LEVELS) [K]."""
    (folder / "raw").mkdir(parents=True)
    rng = np.random.default_rng(int(mean))
    for i in range(files):
        columns = mean + rng.normal(0, 0.1 * mean, (8, LEVELS))
        np.save(folder / "raw" / f"run_{i}.npy", columns.astype(np.float32))


class Columns(Dataset):
    """One sample per file."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.fields = [np.load(file) for file in files]
        self.groups = [LEVELS] * len(files)

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return columns and their differences between levels."""
        columns = torch.from_numpy(np.concatenate([self.fields[i] for i in index.samples])[:, None])
        return {"inputs": columns, "targets": columns - columns.roll(1, -1)}


class ToyData(SurrogateDataModule):
    """Columns by files."""

    raw_patterns = ("*.npy",)

    @staticmethod
    def process(path: Path) -> dict[str, Any]:
        """Return the columns, which `check` reads."""
        return {"T": np.load(path)}

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return all columns of the files."""
        return Columns(files)

    def write_prediction(self, folder: Path, batch: dict[str, Any], prediction: Any) -> list[Path]:
        """Write nothing."""
        return []


class Judgement(RegressionMetrics):
    """The usual metrics."""

    def metrics(self) -> dict[str, Any]:
        """Return them beside no baseline."""
        scores = metrics_of({name: getattr(self, name) for name in ERROR_SUMS})
        values = {name: float(value) for name, value in scores.items()}
        return {"model": values, "baselines": {}}

    def merge(self, other: Judgement) -> None:
        """Add what another process has seen."""
        for name in ERROR_SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class ToyModule(SurrogateModule):
    """What all models of this use case share."""

    evaluation = Judgement
    offset = 0.0

    def __init__(
        self, net: str | dict[str, Any] = "UNet", symmetric: bool = False, **kwargs: Any
    ) -> None:
        spec = completed(net, dimensions=1, in_channels=1, out_channels=1)
        channels = [Variable("T", "K")], [Variable("dT", "K")]
        super().__init__(
            Surrogate(spec, *channels, reflections=(0,) if symmetric else ()), **kwargs
        )

    def calibrate(self, datamodule: ToyData) -> None:
        """Take the statistics of the training set, and a baseline's coefficient."""
        fields = np.concatenate([np.load(file) for file in datamodule.files("train")])
        self.surrogate.input_norm.set(fields.mean(), fields.std())
        self.surrogate.output_norm.set(0.0, fields.std())
        self.surrogate.facts = {"mean": float(fields.mean())}
        self.offset = float(fields.mean())

    def extra_state(self) -> dict[str, Any]:
        """Return the baseline's coefficient."""
        return {"offset": self.offset}

    def set_extra_state_from(self, state: Any) -> None:
        """Take it back."""
        self.offset = state["offset"]

    def evaluate(self, evaluation: Judgement, batch: Batch, prediction: Tensor) -> None:
        """Add a batch."""
        evaluation.update(prediction, batch["targets"])


@with_network("UNet", features=4, levels=2, norm="none")
class LitToy(ToyModule):
    """A U-Net on columns."""


@with_network("UNet", features=8, levels=2, norm="none")
class LitWideToy(ToyModule):
    """A wider U-Net on columns."""


class Pause(Callback):
    """Wait at the end of an epoch for a file, or for a signal that ends the training.

    Parameters
    ----------
    epoch : int
    until : str
        The file.
    """

    def __init__(self, epoch: int, until: str) -> None:
        self.epoch, self.until = epoch, Path(until)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wait in this epoch alone."""
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
        interruption = next(c for c in callbacks if isinstance(c, Interruption))
        while trainer.current_epoch == self.epoch:
            if self.until.exists() or interruption.told:
                return
            time.sleep(0.05)


def run() -> None:
    """Run the command line of the working directory: ``fit ...`` of ``sys.argv``."""
    paths = f"{__name__}:ToyModule", f"{__name__}:ToyData"
    main(UseCase("toy", "Differences of columns", Path.cwd(), *paths, download=""))
