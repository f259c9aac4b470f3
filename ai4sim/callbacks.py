"""Lightning callbacks of every run: prediction files, and a checkpoint on interruption."""

from __future__ import annotations

import filecmp
import itertools
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping, ModelCheckpoint
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ai4sim.experiment import CHECKPOINT_SUFFIX, Experiment, provenance, taken
from ai4sim.io.files import atomic_write, write_json

log = logging.getLogger(__name__)
MODES = {"val_loss": "min", "val_r2": "max"}
"""What a run can watch, and whether the least or the greatest value is the best."""


def mode_of(group: str, monitor: str, mode: str) -> str:
    """Return which value of a quantity is the best one: "min", the default, may be either.

    Raises
    ------
    ValueError
        A run does not watch this quantity, or its least value is the best one.
    """
    if monitor not in MODES or mode not in ("min", MODES[monitor]):
        expected = ", ".join(f"{name} (mode {wanted})" for name, wanted in MODES.items())
        raise ValueError(
            f"--{group}.monitor={monitor} --{group}.mode={mode}: expected one of {expected}"
        )
    return MODES[monitor]


class SaveProvenance(SaveConfigCallback):
    """Write the configuration as the user gave it, and the environment, on rank 0."""

    def __init__(self, *args: Any, text: str, resumed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "save_to_log_dir": False})
        self.text, self.resumed = text, resumed

    def save_config(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Write ``config.yaml`` and ``environment.json``; a run that goes on adds its own pair."""
        experiment = Experiment(Path(trainer.default_root_dir))
        experiment.path.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            config, environment = experiment.provenance(number)
            try:
                # A run that began at the same moment under the same name has the folder already.
                with config.open("x", encoding="utf-8") as file:
                    file.write(self.text)
                break
            except FileExistsError:
                if not self.resumed:
                    raise taken(experiment) from None
                number += 1
        write_json(environment, provenance(self.config.get("seed_everything")))


class PredictionFiles(Callback):
    """Write each batch of ``predict`` into the experiment's ``predictions/`` at once.

    Each file is whole, or not there. SIGTERM ends ``predict`` after the batch that is running.
    """

    def __init__(self) -> None:
        self.written: list[Path] = []

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
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        folder = Experiment(Path(trainer.default_root_dir)).predictions
        if not batch["repeated"]:
            self.written += datamodule.write_prediction(folder, batch, outputs)
        if trainer.received_sigterm:
            raise SIGTERMException

    def on_predict_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say where the files are, and which are missing."""
        folder = Experiment(Path(trainer.default_root_dir)).predictions
        log.info("%d files of predictions in %s", len(self.written), folder)
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        names = {path.name for path in self.written}
        missing = [path.name for path in datamodule.files("predict") if path.name not in names]
        if missing and trainer.world_size == 1:
            log.warning(
                "not predicted: %s (--trainer.limit_predict_batches=%s)",
                ", ".join(missing),
                trainer.limit_predict_batches,
            )

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Name the complete files after an interruption of a test or a prediction."""
        if not isinstance(exception, KeyboardInterrupt | SIGTERMException):
            return
        if trainer.state.fn == TrainerFn.PREDICTING:
            names = ", ".join(path.name for path in self.written) or "none"
            folder = Experiment(Path(trainer.default_root_dir)).predictions
            log.warning("interrupted: of the predictions in %s these are whole: %s", folder, names)
        elif trainer.state.fn == TrainerFn.TESTING:
            log.warning("interrupted: no results are written, test again")


def comparable(
    callback: BestCheckpoint | PatientStopping,
    module: pl.LightningModule,
    checkpoint: Mapping[str, Any],
) -> bool:
    """Return whether a callback watches the same quantity as when a checkpoint was written.

    The loss decides what ``val_loss`` is: see :class:`ai4sim.module.SurrogateModule`.
    """
    theirs = checkpoint.get("hyper_parameters", {}).get("loss", "mse")
    ours = module.hparams.get("loss", "mse")
    squares = {"mse", "huber"}
    same_loss = callback.monitor != "val_loss" or theirs == ours or {theirs, ours} == squares
    return same_loss and callback.state_key in checkpoint.get("callbacks", {})


class BestCheckpoint(ModelCheckpoint):
    """Keep ``best.ckpt``; a training that goes on from a checkpoint takes over its best so far."""

    _trainer: pl.Trainer | None = None
    _unlike = False

    @property
    def state_key(self) -> str:
        """The key of Lightning's class, under which earlier checkpoints have it."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Know the trainer, which says where the training goes on from."""
        super().setup(trainer, pl_module, stage)
        self._trainer = trainer

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Set the best so far aside where its score cannot be compared with those to come."""
        self._unlike = not comparable(self, pl_module, checkpoint)
        if not self._unlike or trainer.state.fn != TrainerFn.FITTING:
            return
        best = Path(str(self.dirpath)) / f"best{CHECKPOINT_SUFFIX}"
        aside = _aside(best, checkpoint["global_step"])
        log.warning(
            "%s is measured otherwise than in %s, so best%s will be the best from now on%s",
            self.monitor,
            trainer.ckpt_path,
            CHECKPOINT_SUFFIX,
            f"; the one so far is {aside.name}" if best.is_file() else "",
        )
        if best.is_file() and not aside.exists() and trainer.is_global_zero:
            # A copy: best.ckpt stays until there is a better one, whatever happens before.
            with atomic_write(aside) as temporary:
                shutil.copyfile(best, temporary)

    def _save_checkpoint(self, trainer: pl.Trainer, filepath: str) -> None:
        if trainer.is_global_zero:
            # A run that goes on has results of the best checkpoint so far.
            Experiment(Path(trainer.default_root_dir)).set_aside(trainer.global_step)
        super()._save_checkpoint(trainer, filepath)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best so far, its file too where that lies in another experiment."""
        trainer = self._trainer
        if trainer is None or trainer.state.fn != TrainerFn.FITTING or self._unlike:
            return  # tests and predictions keep no checkpoints
        score = state_dict["best_model_score"]
        if score is None:
            return
        resumed = Path(str(trainer.ckpt_path))
        beside = resumed.parent / f"best{CHECKPOINT_SUFFIX}"
        source = beside if beside.is_file() else Path(state_dict["best_model_path"])
        if not source.is_file():
            log.warning(
                "%s: the best checkpoint of its training, %s, is not there: best%s will be the "
                "best from now on",
                resumed,
                beside,
                CHECKPOINT_SUFFIX,
            )
            return
        best = Path(str(self.dirpath)) / f"best{CHECKPOINT_SUFFIX}"
        if source.resolve() != best.resolve() and trainer.is_global_zero:
            with atomic_write(best) as temporary:
                shutil.copyfile(source, temporary)
            log.info("best so far: %s, copied to %s", source, best)
        state = {
            "dirpath": self.dirpath,
            "best_model_path": str(best),
            "kth_best_model_path": str(best),
            "kth_value": score,
            "best_k_models": {str(best): score},
            "last_model_path": "",
        }
        super().load_state_dict({**state_dict, **state})


def _aside(best: Path, step: int) -> Path:
    """Return the file that keeps a best checkpoint: one that holds it already, or a new one."""
    names = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    paths = (best.with_name(f"best-until-step-{step}{name}{CHECKPOINT_SUFFIX}") for name in names)
    return next(
        path
        for path in paths
        if not (path.exists() and best.is_file()) or filecmp.cmp(best, path, shallow=False)
    )


class FurtherCheckpoints(ModelCheckpoint):
    """Checkpoints beside ``best.ckpt`` and ``last.ckpt``, as the group ``checkpoint`` asks for."""


class PatientStopping(EarlyStopping):
    """Stop early; a training that goes on has the patience that it is given, not its former one."""

    _unlike = False

    @property
    def state_key(self) -> str:
        """The key of Lightning's class, under which earlier checkpoints have it."""
        return super().state_key.replace(type(self).__qualname__, EarlyStopping.__qualname__, 1)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Know whether the scores so far can be compared with those to come."""
        self._unlike = not comparable(self, pl_module, checkpoint)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take all but the patience."""
        if not self._unlike:
            super().load_state_dict({**state_dict, "patience": self.patience})


class ValidationCurve(Callback):
    """Write the metrics of each validation of a training into ``validation.csv``, a line each."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a line."""
        fitting = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        tried = trainer.fast_dev_run  # type: ignore[attr-defined]
        if not fitting or tried or not trainer.is_global_zero:
            return
        found = trainer.callback_metrics
        values = [f"{float(found[name]):.9g}" for name in MODES]
        path = Experiment(Path(trainer.default_root_dir)).validations
        with path.open("a", encoding="utf-8") as file:
            if file.tell() == 0:
                file.write(",".join(["epoch", "step", *MODES]) + "\n")
            file.write(f"{trainer.current_epoch},{trainer.global_step},{','.join(values)}\n")


class LastCheckpoint(Checkpoint):
    """Keep ``last.ckpt`` up to date: after epochs and validations, and when a signal ends training.

    A training that goes on from it gives the numbers of one that was not interrupted.

    Lightning's ``save_last`` writes it only together with a new best one, and its
    ``save_on_exception`` would store the half-trained epoch under the name of the best one.
    """

    def _save(self, trainer: pl.Trainer) -> Path:
        path = self._path(trainer)
        # The whole state, optimiser and loops too (the option has nothing to do with unpickling).
        trainer.save_checkpoint(path, weights_only=False)
        return path

    @staticmethod
    def _path(trainer: pl.Trainer) -> Path:
        return Experiment(Path(trainer.default_root_dir)).checkpoints / f"last{CHECKPOINT_SUFFIX}"

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on after a complete epoch with the next one.

        With ``--trainer.max_steps`` Lightning takes every checkpoint for one from within an epoch.
        """
        if trainer.state.fn != TrainerFn.FITTING or trainer.max_steps == -1:
            return
        loops = checkpoint["loops"]["fit_loop"]
        epochs, batches = loops["epoch_progress"], loops["epoch_loop.batch_progress"]
        if epochs["current"]["processed"] == epochs["current"]["ready"]:
            for counts in epochs.values():
                counts["completed"] = counts["processed"]
            batches["current"] = dict.fromkeys(batches["current"], 0)
            batches["is_last_batch"] = False

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Log by the number of steps; after a validation Lightning would count one twice."""
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after a validation within an epoch, unless there are gradients without a step."""
        loop = trainer.fit_loop
        within = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if within and not (
            loop.epoch_loop._num_ready_batches_reached() or loop._should_accumulate()
        ):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the state that training goes on from."""
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._save(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take over the checkpoint of a training that went on in a new folder, no epoch left."""
        path, resumed = self._path(trainer), trainer.ckpt_path
        if resumed and trainer.is_global_zero and not path.exists():
            with atomic_write(path) as temporary:
                shutil.copyfile(resumed, temporary)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Save, if training has begun and no step is half done.

        Other errors may strike one process only, and it cannot save without the others.
        """
        interrupted = isinstance(exception, KeyboardInterrupt | SIGTERMException)
        if not interrupted or trainer.state.fn != TrainerFn.FITTING or trainer.global_step == 0:
            return
        batches = trainer.fit_loop.epoch_loop.batch_progress.current
        whole = batches.ready == batches.completed and not trainer.fit_loop._should_accumulate()
        path = self._save(trainer) if whole else self._path(trainer)
        if path.exists():
            within = "" if whole else " within a step, which is lost"
            log.warning("interrupted%s: go on with --ckpt_path %s", within, path)
