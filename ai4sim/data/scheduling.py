"""Where tasks run: threads, processes, or the workers of a Dask cluster, by one name."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

CHOICES = (
    "'threads', 'processes', 'distributed', the address of a running Dask scheduler such as "
    "'tcp://node1:8786', or the path of its scheduler file"
)


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # what SLURM or a container grants
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def executor(scheduler: str = "threads", workers: int = 1) -> Iterator[Executor]:
    """Give something that runs tasks; it has ended them when the block ends.

    Parameters
    ----------
    scheduler : str
        ``threads``: of this process, enough where tasks release the interpreter lock;
        ``processes``: of this machine;
        ``distributed``: a ``dask.distributed.LocalCluster`` on this machine;
        an address such as ``tcp://node1:8786``, or the path of a scheduler file (JSON): the workers
        of a Dask scheduler that runs already. They must see the same files under the same paths and
        have this package installed.
    workers : int
        Threads or processes; a running scheduler has its own.

    Raises
    ------
    ValueError
        Another `scheduler`.
    ModuleNotFoundError
        ``dask.distributed`` is needed and not installed.
    ConnectionError
        No scheduler answers at the address.

    Notes
    -----
    Functions and arguments must be picklable for all but ``threads``. Nodes of a Slurm cluster
    serve through dask-jobqueue, in another Python session or script that lives as long::

        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster(cores=1, memory="4GB", walltime="01:00:00")
        cluster.scale(jobs=32)
        print(cluster.scheduler_address)  # the `scheduler` to give here

    or, without it, through ``dask scheduler --scheduler-file FILE`` and ``srun dask worker
    --scheduler-file FILE`` in a job.
    """
    if scheduler == "threads":
        with ThreadPoolExecutor(workers) as pool:
            yield pool
    elif scheduler == "processes":
        # A fresh interpreter: forking a process that has threads may lock up the copy.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=end_with_parent) as processes:
            yield processes
    else:
        with _client(scheduler, workers) as client, client.get_executor(pure=False) as remote:
            yield remote


@contextlib.contextmanager
def _client(scheduler: str, workers: int) -> Iterator[Any]:
    """Connect to a Dask scheduler, or start one on this machine."""
    where: dict[str, Any]
    if scheduler == "distributed":
        where = {
            "n_workers": workers,
            "processes": True,
            "threads_per_worker": 1,
            "dashboard_address": "127.0.0.1:0",  # any free port
        }
    elif "://" in scheduler:
        where = {"address": scheduler}
    elif Path(scheduler).is_file():
        where = {"scheduler_file": scheduler}
    else:
        raise ValueError(f"scheduler: expected {CHOICES}, found {scheduler!r}")
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"scheduler {scheduler!r} needs dask.distributed: pip install 'dask[distributed]'"
        ) from error
    try:
        client = Client(**where)
    except OSError as error:
        raise ConnectionError(f"no Dask scheduler answers at {scheduler!r}: {error}") from error
    with client:
        yield client


def end_with_parent() -> None:
    """Let this worker end when the process that started it is killed: it would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent.sentinel,), daemon=True).start()


def _outlive(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
