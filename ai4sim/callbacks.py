"""Lightning callbacks of every run: prediction files, and a checkpoint on interruption."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ai4sim.experiment import CHECKPOINT_SUFFIX, Experiment

log = logging.getLogger(__name__)


class PredictionFiles(Callback):
    """Write each batch of ``predict`` into the experiment's ``predictions/`` at once."""

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Hand the batch to the data module, which knows the raw format."""
        if batch["repeated"]:
            return
        folder = Experiment(Path(trainer.default_root_dir)).predictions
        trainer.datamodule.write_prediction(folder, batch, outputs)  # type: ignore[attr-defined]


class LastCheckpoint(Checkpoint):
    """Keep ``last.ckpt`` up to date: after each epoch, and when CTRL-C or SIGTERM ends training.

    Lightning's ``save_last`` writes it only together with a new best one, and its
    ``save_on_exception`` would store the half-trained epoch under the name of the best one.
    """

    def _save(self, trainer: pl.Trainer) -> Path:
        path = Experiment(Path(trainer.default_root_dir)).checkpoints / f"last{CHECKPOINT_SUFFIX}"
        # The whole state, optimiser and loops too (the option has nothing to do with unpickling).
        trainer.save_checkpoint(path, weights_only=False)
        return path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the state that training goes on from."""
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._save(trainer)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Save, if training has begun.

        Other errors may strike one process only, and it cannot save without the others.
        """
        interrupted = isinstance(exception, KeyboardInterrupt | SIGTERMException)
        if not interrupted or trainer.state.fn != TrainerFn.FITTING or trainer.global_step == 0:
            return
        log.warning("interrupted: go on with --ckpt_path %s", self._save(trainer))
