"""The study of a sweep: Optuna's record of its trials, in a journal file or a database."""

from __future__ import annotations

import fcntl
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.study import Study
from optuna.trial import FrozenTrial

from ai4sim.sweep.objectives import Objective

JOURNAL = "study.journal"
SEED = "seed_everything"
optuna.logging.set_verbosity(optuna.logging.WARNING)
# A wait for a lock is told by Optuna's logger; its experimental parts are chosen on purpose.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
log = logging.getLogger(__name__)


class JournalLock(BaseJournalFileLock):
    """A lock that the kernel takes back from a process that is killed, on this node or another.

    Optuna's own lock is a file, which a killed process leaves behind. What that process, or a full
    disk, may leave in the journal is the beginning of a line, which nobody has been told of. Here
    it is cut off before the next line is written; appended to, it would make the file unreadable.

    Parameters
    ----------
    journal : Path
    """

    def __init__(self, journal: Path) -> None:
        self.journal, self._file = journal, -1

    def acquire(self) -> bool:
        """Wait for the lock, and leave only whole lines in the journal."""
        self._file = os.open(f"{self.journal}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        if self.journal.exists():
            os.truncate(self.journal, _whole_lines(self.journal))
        return True

    def release(self) -> None:
        """Give it back."""
        os.close(self._file)


class Journal(JournalFileBackend):
    """Optuna's journal file, with a lock that outlives nobody.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(str(path), JournalLock(path))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines.

        Raises
        ------
        OSError
            The file cannot be written; the message names it.
        """
        try:
            super().append_logs(logs)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error


def _whole_lines(path: Path) -> int:
    """Return the size of a file without the beginning of a line at its end [bytes]."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position > 0:
            start = max(0, position - 4096)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
    return 0


class Seeds(BaseSampler):
    """One seed after the other: that of trial n is the first one plus n.

    Parameters
    ----------
    first : int
    """

    def __init__(self, first: int) -> None:
        self.first = first

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return none: every seed stands for itself."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> int:
        """Return the seed of a trial."""
        return self.first + trial.number


def tree_parzen(trials: int) -> TPESampler:
    """Return the sampler of the next trial, the same whether or not a sweep was interrupted.

    Parameters
    ----------
    trials : int
        The number of trials before.
    """
    return TPESampler(seed=trials)


@contextmanager
def named_storage(where: str) -> Iterator[None]:
    """Turn the error of a database into one line.

    Raises
    ------
    OSError
        The message begins with the storage.
    """
    try:
        yield
    except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        cause = error.__cause__ or error
        first = str(getattr(cause, "orig", None) or cause).strip().partition("\n")[0]
        raise OSError(f"storage {where}: {first}") from error


def shown(url: str | None, folder: Path) -> str:
    """Return a storage as messages name it, without its password.

    Raises
    ------
    ValueError
        The URL is none.
    """
    if url is None:
        return str(folder / JOURNAL)
    try:
        return sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError as error:
        expected = "dialect://user:password@host/database"
        raise ValueError(f"--storage {url}: expected {expected}") from error


def open_study(url: str | None, folder: Path, name: str, objectives: Sequence[Objective]) -> Study:
    """Open the study of a sweep, or make it.

    Parameters
    ----------
    url : str, optional
        Of a database; by default a journal file in the folder.
    folder : Path
        Of the sweep.
    name : str
    objectives : sequence of Objective

    Raises
    ------
    OSError, ValueError
        The storage cannot be reached, or its study has other objectives.
    """
    where = shown(url, folder)
    directions: list[Literal["minimize", "maximize"]]
    directions = ["maximize" if o.maximize else "minimize" for o in objectives]
    with named_storage(where):
        storage: BaseStorage
        if url is None:
            storage = JournalStorage(Journal(folder / JOURNAL))
        else:
            storage = RDBStorage(url)
        study = optuna.create_study(
            study_name=name, storage=storage, directions=directions, load_if_exists=True
        )
        found = [direction.name.lower() for direction in study.directions]
    if found != directions:
        raise ValueError(
            f"storage {where}: study {name} has {len(found)} objectives ({', '.join(found)}), "
            f"expected {', '.join(directions)}: choose another name, --experiment NAME"
        )
    return study
