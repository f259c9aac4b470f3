"""Which checkpoint is meant: what training starts from, and what of it is tested and exported."""

from __future__ import annotations

import logging
from pathlib import Path

from ai4sim.experiment import CHECKPOINT_SUFFIX, Experiment, find_checkpoint
from ai4sim.io.files import missing_file_error
from ai4sim.weights import DESCRIPTION, read_file

log = logging.getLogger(__name__)
DIVERGED = (
    "the training diverged: its weights are NaN or infinite. Lower "
    "--model.init_args.learning_rate, or set --trainer.gradient_clip_val"
)


def find_weights(root: Path, wanted: str) -> Path:
    """Return the checkpoint, or the folder of a saved surrogate, that ``--start_from`` means.

    Parameters
    ----------
    root : Path
        Where the experiment folders are.
    wanted : str
        ``best`` or ``last``, of the newest experiment; or the path of a checkpoint, of an
        experiment folder (of which the best checkpoint is taken), of a saved surrogate.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    if wanted in ("best", "last"):
        return find_checkpoint(root, wanted).resolve()
    path = Path(wanted).expanduser().resolve()
    if not path.is_dir() or (path / DESCRIPTION).is_file():
        found = path
    else:
        found = Experiment(path).checkpoints / f"best{CHECKPOINT_SUFFIX}"
    if not found.exists():
        raise missing_file_error(found)
    return found


def kept_checkpoint(experiment: Experiment, best: str, steps: int) -> Path | None:
    """Return the file that is tested and exported: the best, or the last where there is none.

    Parameters
    ----------
    experiment : Experiment
    best : str
        The best checkpoint, empty where there is none.
    steps : int
        The number of optimiser steps that were taken.

    Returns
    -------
    Path or None
        None: the run has no checkpoint.

    Raises
    ------
    ArithmeticError
        The training diverged.
    """
    last = experiment.checkpoints / f"last{CHECKPOINT_SUFFIX}"
    kept = Path(best) if best else last
    if not kept.is_file():
        return None
    if not best:
        log.warning(
            "no best%s: there was no validation in %d steps, see --trainer.max_steps, "
            "--trainer.check_val_every_n_epoch, --trainer.val_check_interval and "
            "--trainer.limit_val_batches. What is tested and exported is %s",
            CHECKPOINT_SUFFIX,
            steps,
            last,
        )
    if not _finite(kept):
        raise ArithmeticError(f"{kept}: {DIVERGED}")
    if last.is_file() and not _finite(last):
        log.warning("%s: %s. What is tested is %s, of before that", last, DIVERGED, kept)
    return kept


def _finite(checkpoint: Path) -> bool:
    """Return whether all weights of a checkpoint are finite."""
    state = read_file(checkpoint)["state_dict"].values()
    return all(bool(value.isfinite().all()) for value in state)
