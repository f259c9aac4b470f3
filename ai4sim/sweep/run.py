"""The loop of a sweep: trials are taken, run side by side, judged, and entered into the study."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import optuna
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.trial import Trial, TrialState

from ai4sim.sweep.objectives import VALIDATION, read_results
from ai4sim.sweep.space import Space, text
from ai4sim.sweep.trials import Taken, Trials, validations
from ai4sim.sweep.workers import Place, Worker

INTERVAL = 0.5
"""Seconds between two looks at the trainings."""
log = logging.getLogger(__name__)


def pruner(space: Space) -> BasePruner:
    """Return how trials that fall behind are told: by the median of all others."""
    if space.pruning is None:
        return NopPruner()
    return MedianPruner(
        n_startup_trials=space.pruning["startup_trials"],
        n_warmup_steps=space.pruning["warmup_epochs"],
    )


def run(trials: Trials, place: Place, program: Path, shared: Sequence[str], workers: int) -> None:
    """Run all trials of a study that no other process runs.

    Parameters
    ----------
    trials : Trials
    place : Place
    program : Path
        The script of the use case, ``trainer.py``.
    shared : sequence of str
        Options of all trials.
    workers : int
        The number of trials at the same time.
    """
    running: dict[Taken, Worker] = {}
    environment = {"AI4SIM_EXPERIMENTS": str(trials.folder)}
    handler = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while True:
            for taken, worker in list(running.items()):
                code = worker.poll()
                if code is not None:
                    del running[taken]
                    _told(trials, taken, trials.settle(taken, code))
                elif _falls_behind(trials, taken):
                    worker.stop()
            taken_now = trials.take() if len(running) < workers else None
            if taken_now is not None:
                found = place.find(taken_now.experiment.path)
                if found is None and read_results(taken_now.experiment) is not None:
                    # Its training was complete before its owner died.
                    _told(trials, taken_now, trials.settle(taken_now, 0))
                    continue
                if found is None:
                    line = [str(program), *trials.line(taken_now, shared)]
                    folder = taken_now.experiment.path
                    found = place.start(line, folder, environment, taken_now.lock)
                running[taken_now] = found
                continue
            states = {trial.state for trial in trials.study.get_trials(deepcopy=False)}
            if not running and TrialState.RUNNING not in states:
                return
            time.sleep(INTERVAL)
    except KeyboardInterrupt:
        log.warning("interrupted: the same command goes on")
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)
        for taken, worker in running.items():
            worker.leave()
            taken.let_go()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _falls_behind(trials: Trials, taken: Taken) -> bool:
    """Report the validations of a training so far; return whether it shall be stopped for that."""
    if isinstance(trials.study.pruner, NopPruner) or taken.pruned:
        return False
    trial = Trial(trials.study, taken.frozen._trial_id)
    maximize = trials.study.direction == optuna.study.StudyDirection.MAXIMIZE
    name = VALIDATION[maximize]  # val_r2 is the greater the better, val_loss the less
    reported = trials.study._storage.get_trial(taken.frozen._trial_id).intermediate_values
    for epoch, metrics in validations(taken.experiment):
        if epoch not in reported:
            trial.report(metrics[name], epoch)
    taken.pruned = trial.should_prune()
    return taken.pruned


def _told(trials: Trials, taken: Taken, state: TrialState | None) -> None:
    """Log the outcome of a trial."""
    parameters = ", ".join(f"{_short(n)}={text(v)}" for n, v in taken.frozen.params.items())
    if state is None:
        log.warning("%s was killed and will be done again (%s)", taken.name, parameters)
        return
    trial = trials.study._storage.get_trial(taken.frozen._trial_id)
    done = sum(t.state.is_finished() for t in trials.study.get_trials(deepcopy=False))
    if state == TrialState.COMPLETE:
        pairs = zip(trials.objectives, trial.values, strict=True)
        said = ", ".join(f"{o.name} {value:.4g}" for o, value in pairs)
    else:
        said = "pruned" if state == TrialState.PRUNED else f"failed: {trial.user_attrs['reason']}"
    level = logging.WARNING if state == TrialState.FAIL else logging.INFO
    log.log(level, "[%d/%d] %s (%s): %s", done, trials.number, taken.name, parameters, said)


def _short(name: str) -> str:
    """Return the last part of the name of an option."""
    return name.rpartition(".")[2]


def summary(trials: Trials) -> dict[str, Any]:
    """Return the number of trials in each state."""
    states = [trial.state.name.lower() for trial in trials.study.get_trials(deepcopy=False)]
    return {name: states.count(name) for name in sorted(set(states))}
