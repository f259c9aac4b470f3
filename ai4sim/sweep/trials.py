"""The trials of a sweep: each a folder, an entry of the study, and at most one owner."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from ai4sim.experiment import CHECKPOINT_SUFFIX, Experiment
from ai4sim.io.files import one_at_a_time
from ai4sim.sweep.objectives import Objective, options_of, read_results, values_of
from ai4sim.sweep.space import words
from ai4sim.sweep.study import Seeds, tree_parzen
from ai4sim.sweep.workers import JOB, KILLED, LOG

MOST_ATTEMPTS = 6
"""Times that a trial is begun; one that is killed each time counts as failed."""
INTERRUPTED = {-9, -15, -2, 128 + 9, 128 + 15, 128 + 2}
"""Exit codes of a training that somebody ended."""
OWNER = ".owner"


@dataclass(eq=False)
class Taken:
    """A trial that this process owns.

    Attributes
    ----------
    frozen : FrozenTrial
        As it was when it was taken.
    experiment : Experiment
        Its folder.
    lock : int
        The descriptor of the file that is locked.
    pruned : bool
        Whether it is being stopped because others are better.
    """

    frozen: FrozenTrial
    experiment: Experiment
    lock: int
    pruned: bool = False

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.experiment.path.name

    def let_go(self) -> None:
        """Let others take it."""
        os.close(self.lock)


class Trials:
    """The trials of a study, shared by all processes that see its folder.

    Parameters
    ----------
    study : Study
    folder : Path
        Of the sweep.
    number : int
        The number of trials.
    distributions : mapping
        The parameters.
    objectives : sequence of Objective
    first_seed : int, optional
        The seed of the first trial, if the trials differ by their seeds alone.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        number: int,
        distributions: dict[str, Any],
        objectives: Sequence[Objective],
        first_seed: int | None = None,
    ) -> None:
        self.study, self.folder, self.number = study, folder, number
        self.distributions, self.objectives, self.first_seed = distributions, objectives, first_seed

    def take(self) -> Taken | None:
        """Return a trial whose owner has died, or a new one; None if there is none to take.

        Raises
        ------
        OSError
            The file system has no locks.
        """
        with one_at_a_time(self.folder):
            every = self.study.get_trials(deepcopy=False)
            for trial in every:
                if trial.state == TrialState.RUNNING:
                    lock = self._lock(trial.number)
                    if lock is not None:
                        self.study.sampler = self._sampler(trial.number)
                        return self._with_parameters(Trial(self.study, trial._trial_id), lock)
            if len(every) >= self.number:
                return None
            self.study.sampler = self._sampler(len(every))
            asked = self.study.ask()
            lock = self._lock(asked.number)
            assert lock is not None, "somebody owns a trial that did not exist"
            return self._with_parameters(asked, lock)

    def _sampler(self, number: int) -> BaseSampler:
        return tree_parzen(number) if self.first_seed is None else Seeds(self.first_seed)

    def _with_parameters(self, trial: Trial, lock: int) -> Taken:
        """Draw the parameters that the trial does not have yet: it may have died while asking."""
        for name, distribution in self.distributions.items():
            trial._suggest(name, distribution)
        trial.set_user_attr("attempts", trial.user_attrs.get("attempts", 0) + 1)
        frozen = self.study._storage.get_trial(trial._trial_id)
        return Taken(frozen, self.experiment(trial.number), lock)

    def experiment(self, number: int) -> Experiment:
        """Return the folder of a trial."""
        return Experiment(self.folder / f"trial_{number:04d}")

    def _lock(self, number: int) -> int | None:
        """Return the descriptor of a lock that its process, and what it starts, dies with."""
        folder = self.experiment(number).path
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except OSError as error:
            os.close(file)
            reason = "its file system has no locks, which tell whether a trial's owner is alive"
            raise OSError(error.errno, reason, str(folder)) from error
        return file

    def line(self, taken: Taken, shared: Sequence[str]) -> list[str]:
        """Return the command line of a trial: it begins, or goes on from its last checkpoint."""
        experiment = taken.experiment
        if (experiment.checkpoints / f"last{CHECKPOINT_SUFFIX}").is_file():
            begin = ["--ckpt_path=last"]
        else:
            _empty(experiment.path)
            begin = []
        measured = options_of(self.objectives)
        parameters = words(taken.frozen.params)
        return ["fit", *shared, *parameters, *measured, f"--experiment={taken.name}", *begin]

    def settle(self, taken: Taken, code: int) -> TrialState | None:
        """Enter the outcome of a trial into the study, and let it go.

        Parameters
        ----------
        taken : Taken
        code : int
            The exit code of its training.

        Returns
        -------
        TrialState or None
            None: it was interrupted, and will be taken again.

        Raises
        ------
        ValueError
            The results have no such objective.
        OSError
            The disk is full, which is no fault of the trial.
        """
        try:
            if taken.pruned:
                return self._enter(taken, TrialState.PRUNED)
            # A training that is complete counts, whatever happened to its process at the end.
            results = read_results(taken.experiment)
            if code in INTERRUPTED and results is None:
                if taken.frozen.user_attrs.get("attempts", 1) < MOST_ATTEMPTS:
                    return None
                reason = f"killed {MOST_ATTEMPTS} times; is there too little memory?"
                return self._enter(taken, TrialState.FAIL, reason=reason)
            if results is None:
                return self._enter(taken, TrialState.FAIL, reason=failure(taken.experiment, code))
            try:
                values = values_of(self.objectives, results)
            except ArithmeticError as error:
                return self._enter(taken, TrialState.FAIL, reason=str(error))
            except KeyError as error:
                raise ValueError(f"{taken.experiment.path}: {error.args[0]}") from error
            return self._enter(taken, TrialState.COMPLETE, values)
        finally:
            taken.let_go()

    def _enter(
        self,
        taken: Taken,
        state: TrialState,
        values: Sequence[float] | None = None,
        reason: str | None = None,
    ) -> TrialState:
        if reason is not None:
            Trial(self.study, taken.frozen._trial_id).set_user_attr("reason", reason)
        self.study.tell(taken.frozen.number, values, state=state)
        return state


def failure(experiment: Experiment, code: int) -> str:
    """Return why a training has failed: the error that it ends with.

    Raises
    ------
    OSError
        The disk is full.
    """
    try:
        lines = (experiment.path / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    told = [line.strip() for line in lines if line.strip()]
    errors = [line for line in told if re.match(r"(error: |\w*(Error|Exception)\b)", line)]
    reason = (errors or told or [f"exit code {code}"])[-1].removeprefix("error: ")
    if os.strerror(errno.ENOSPC) in reason:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(experiment.path))
    ended = f" (signal {-code})" if code < 0 and code != KILLED else ""
    return reason + ended


def _empty(folder: Path) -> None:
    """Remove the files of an interrupted training without a checkpoint; its log stays."""
    for path in folder.iterdir():
        if path.name in (OWNER, LOG, JOB) or path.name.startswith("log_"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def validations(experiment: Experiment) -> Iterator[tuple[int, dict[str, float]]]:
    """Give epoch and metrics of each validation of a training, as far as it has come."""
    with suppress(FileNotFoundError):
        text = experiment.validations.read_text(encoding="utf-8")
        head, *lines = text[: text.rfind("\n") + 1].splitlines() or [""]
        for line in lines:
            row = dict(zip(head.split(","), line.split(","), strict=True))
            yield int(row.pop("epoch")), {name: float(value) for name, value in row.items()}
