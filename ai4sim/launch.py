"""The processes of one distributed run: what names the run, and how they agree on something."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING

from ai4sim import slurm

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments import ClusterEnvironment

INHERITED = "AI4SIM_EXPERIMENT_PATH"
RANKS = ("RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
JOBS = (
    ("TORCHELASTIC_RUN_ID",),
    ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"),
    ("LSB_JOBID", "LSB_JOBINDEX"),
    ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK"),
)
"""Variables by which launchers name a job; those of the first launcher that is there count."""
OPTIONAL = ("SLURM_RESTART_COUNT", "LSB_JOBINDEX")
WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)
"""Signals that batch systems send before a time limit."""
WAIT = timedelta(minutes=30)
_agreements = itertools.count()


def rank(environ: Mapping[str, str]) -> int:
    """Return the number of this process among those that a launcher started; 0 without one."""
    given = (environ.get(name, "") for name in (*RANKS, "NODE_RANK"))
    return int(next((value for value in given if value.isdigit()), "0"))


def job(environ: Mapping[str, str]) -> str | None:
    """Return a name that all processes of a job share; a job may start several runs.

    Parameters
    ----------
    environ : mapping
        Environment variables.

    Returns
    -------
    str or None
        None: this process was not started by a launcher.
    """
    for variables in JOBS:
        if "SLURM_STEP_ID" in variables and not slurm.is_task(environ):
            continue
        values = {name: environ.get(name, "") for name in variables}
        if all(values[name] for name in variables if name not in OPTIONAL):
            values.pop("NODE_RANK", None)
            if values.get("TORCHELASTIC_RUN_ID") == "none":  # the default, of all runs
                values = {name: environ.get(name, "") for name in ("MASTER_ADDR", "MASTER_PORT")}
            return "-".join(value for value in values.values() if value)
    return None


def layout(environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return processes per node and nodes of the run that a launcher started this process for.

    None without torchrun and srun. Lightning refuses other numbers than those of a step of SLURM,
    and under torchrun on a CPU takes each process for a run of its own by default.
    """
    here, everywhere = environ.get("LOCAL_WORLD_SIZE", ""), environ.get("WORLD_SIZE", "")
    if here.isdigit() and everywhere.isdigit() and int(here) > 0:
        return int(here), int(everywhere) // int(here)
    return slurm.layout(environ)


def cluster_environment() -> ClusterEnvironment | None:
    """Return how Lightning shall find the processes of this run; None where it sees for itself.

    It takes each process within a job of SLURM for a task, unless the job has one of two names. It
    would queue the job again by itself, from a checkpoint of its own.
    """
    environ = os.environ
    if "TORCHELASTIC_RUN_ID" in environ or "SLURM_NTASKS" not in environ:
        return None
    from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment

    of_step = slurm.layout(environ)
    if of_step is None:
        slurm.require_srun(environ)
        return LightningEnvironment()
    # Of the step, which may be a part of the job. Two steps of a job have a port each.
    environ["SLURM_NTASKS_PER_NODE"], environ["SLURM_NNODES"] = map(str, of_step)
    number = 31 * int(environ["SLURM_JOB_ID"]) + int(environ["SLURM_STEP_ID"])
    environ.setdefault("MASTER_PORT", str(12_000 + number % 20_000))
    return SLURMEnvironment(auto_requeue=False)


def has_store(environ: Mapping[str, str]) -> bool:
    """Return whether torchrun holds a store through which the processes can agree."""
    return environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def agreed(choose: Callable[[], str]) -> str:
    """Return what the first process chooses; the others learn it from the store of torchrun.

    Without such a store each process chooses for itself.
    """
    if not has_store(os.environ):
        return choose()
    from torch.distributed import TCPStore

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, is_master=False, timeout=WAIT)
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    key = f"ai4sim/{restarts}/{next(_agreements)}"
    if rank(os.environ) == 0:
        store.set(key, choose())
    return str(store.get(key).decode())


def heed_warnings(*, again: bool) -> None:
    """Let SIGUSR1 and SIGUSR2, which batch systems send before a time limit, end a run as SIGTERM.

    That is at once; :class:`ai4sim.interruption.Interruption` ends a training in order.

    Parameters
    ----------
    again : bool
        Whether SIGUSR1 puts a job of SLURM into the queue again.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if again and number == signal.SIGUSR1 and rank(os.environ) == 0:
            slurm.requeue(os.environ)
        os.kill(os.getpid(), signal.SIGTERM)

    if threading.current_thread() is not threading.main_thread():
        return
    for warning in WARNINGS:
        before = signal.getsignal(warning)
        if before == signal.SIG_DFL or getattr(before, "__module__", "") == __name__:
            signal.signal(warning, end)


def ignore_warnings(worker: int = 0) -> None:
    """Leave signals to the process that started this one, a worker of a loader.

    SLURM sends them to all processes of a job step, a terminal CTRL-C to all of a command.
    """
    for warning in (*WARNINGS, signal.SIGTERM, signal.SIGINT):
        signal.signal(warning, signal.SIG_IGN)


def pass_on(path: str) -> None:
    """Tell the processes that Lightning will start from this one where the run is."""
    os.environ[INHERITED] = f"{os.getpid()}:{path}"


def inherited(environ: Mapping[str, str]) -> str | None:
    """Return what the process that started this one passed on."""
    process, _, path = environ.get(INHERITED, "").partition(":")
    return path if path and process == str(os.getppid()) else None
