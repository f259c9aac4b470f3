"""Where trials run: in processes of this machine, or in jobs of a cluster through submitit."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from ai4sim.io.files import write_json

Cluster = Literal["slurm", "local"]
KILLED = -signal.SIGKILL
PATIENCE = 60.0
"""Seconds from SIGTERM, at which a training keeps its state, to SIGKILL."""
LOG = "log.txt"
JOB = "job.json"


class Worker(Protocol):
    """A training that runs."""

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        ...

    def stop(self) -> None:
        """End it; it keeps the state that it can go on from."""
        ...

    def leave(self) -> None:
        """End it if it cannot outlive this process."""
        ...


class Place(Protocol):
    """Where trainings run."""

    def find(self, folder: Path) -> Worker | None:
        """Return the training that goes on in the folder of a trial, started by another process."""
        ...

    def start(
        self, line: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int
    ) -> Worker:
        """Start a command line in the folder of a trial.

        Parameters
        ----------
        line : sequence of str
        folder : Path
        environment : mapping
            Further environment variables.
        lock : int
            The descriptor of the lock that says that the trial is taken.
        """
        ...


class Process:
    """A training as a child of this process, which it does not outlive.

    Parameters
    ----------
    line : sequence of str
    folder : Path
        Of the trial; ``log.txt`` takes the output of the training.
    environment : mapping
    lock : int
        Held for as long as the training runs, even if this process is killed.
    """

    def __init__(
        self, line: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int
    ) -> None:
        with (folder / LOG).open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *line],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                pass_fds=[lock],
                start_new_session=True,
                preexec_fn=_ends_with_its_parent(),
            )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code; what the training has started ends with it."""
        if self._process.returncode is None:
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self.poll() is None:
            self._process.terminate()
            end = time.monotonic() + PATIENCE
            while self.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            if self.poll() is None:
                os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()

    leave = stop


def _ends_with_its_parent() -> Callable[[], object]:
    """Return a function for a new process, which is sent SIGTERM when its parent dies (Linux)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return partial(prctl, 1, signal.SIGTERM) if prctl else int  # PR_SET_PDEATHSIG


class Job:
    """A training as a job of a cluster, which this process may leave and find again.

    Parameters
    ----------
    job : submitit.Job
    """

    def __init__(self, job: Any) -> None:
        self._job = job

    def poll(self) -> int | None:
        """Return the exit code of the first task; that of SIGKILL if the job ended without one."""
        if not self._job.done():
            return None
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return int(self._job.task(0).result())
        except (FailedJobError, UncompletedJobError):
            return KILLED

    def stop(self) -> None:
        """Cancel it."""
        self._job.cancel()

    def leave(self) -> None:
        """Do nothing: the job goes on, and the same command finds it again."""


def train(line: Sequence[str], folder: str, environment: Mapping[str, str], directory: str) -> int:
    """Run a training in a task of a job; return its exit code, negative for a signal."""
    rank = os.environ.get("SLURM_PROCID", "0")
    output = Path(folder) / (LOG if rank == "0" else f"log_{rank}.txt")
    with output.open("ab") as file:
        return subprocess.run(
            [sys.executable, *line],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=directory,
            check=False,
        ).returncode


class Here:
    """Processes of this machine, which end with this process."""

    def find(self, folder: Path) -> Worker | None:
        """Return none: it would hold the lock of the trial."""
        return None

    def start(
        self, line: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int
    ) -> Worker:
        """Start a process."""
        return Process(line, folder, environment, lock)


class Jobs:
    """Jobs of a cluster, which outlive this process.

    Parameters
    ----------
    cluster : {"slurm", "local"}
        With "local" submitit runs its jobs on this machine.
    folder : Path
        Of the files of submitit.
    asked : mapping
        The resources of a job, such as ``timeout_min`` or ``slurm_partition``.

    Raises
    ------
    ValueError
        submitit is not installed, or does not know one of the resources.
    """

    def __init__(self, cluster: Cluster, folder: Path, asked: Mapping[str, Any]) -> None:
        if importlib.util.find_spec("submitit") is None:
            raise ValueError("--submit needs submitit: pip install 'ai4sim[sweep]'")
        import submitit

        self.cluster, self.folder = cluster, folder
        try:
            self._executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self._executor.update_parameters(**asked)
        except (NameError, RuntimeError, TypeError, ValueError) as error:
            first = str(error).strip().partition("\n")[0]
            raise ValueError(f"--submit {cluster}: {first}") from error

    def find(self, folder: Path) -> Worker | None:
        """Return the job of a trial, unless it has ended."""
        import submitit

        try:
            noted = json.loads((folder / JOB).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if noted["cluster"] != self.cluster:
            return None
        kinds = {"slurm": submitit.SlurmJob, "local": submitit.LocalJob}
        job = kinds[self.cluster](folder=self.folder, job_id=noted["job"])
        return None if job.done() else Job(job)

    def start(
        self, line: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int
    ) -> Worker:
        """Submit a job."""
        job = self._executor.submit(train, line, str(folder), dict(environment), str(Path.cwd()))
        write_json(folder / JOB, {"cluster": self.cluster, "job": job.job_id})
        return Job(job)
