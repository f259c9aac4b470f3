"""Where tasks run: threads, processes, or the workers of a Dask cluster, by one name."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

WORKERS_TIMEOUT = 600.0
"""Time [s] that a Dask scheduler may be without workers."""
QUIET_SECONDS = 5.0
"""Time [s] without workers after which the log says so."""
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
def executor(
    scheduler: str = "threads", workers: int = 1, timeout: float = WORKERS_TIMEOUT
) -> Iterator[Executor]:
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
    timeout : float
        Time [s] that a running scheduler may be without workers: jobs of a cluster that wait.

    Raises
    ------
    ValueError
        Another `scheduler`.
    ModuleNotFoundError
        ``dask.distributed`` is needed and not installed.
    ConnectionError
        No scheduler answers at the address, the connection is lost, or there have been no workers
        for too long, at the beginning or after they have ended.

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
        with _client(scheduler, workers) as client, _workers_watched(client, timeout) as given_up:
            remote = client.get_executor(pure=False)
            try:
                yield remote
            finally:
                if not given_up.is_set():
                    remote.shutdown()


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


@contextlib.contextmanager
def _workers_watched(client: Any, timeout: float) -> Iterator[threading.Event]:
    """Raise ConnectionError when the scheduler has had no workers for too long; an event says so."""
    ended, given_up = threading.Event(), threading.Event()
    address = client.scheduler.address

    def watch() -> None:
        without, told = time.monotonic(), False
        while not ended.wait(min(1.0, timeout / 4)):
            if client.status != "running":
                return  # what waits for the tasks is told by the client
            if client.scheduler_info()["workers"]:
                without, told = time.monotonic(), False
            elif time.monotonic() - without > timeout:
                given_up.set()
                client.close()  # the tasks that wait are cancelled
                return
            elif not told and time.monotonic() - without > min(QUIET_SECONDS, timeout / 2):
                log.warning("waiting for workers of %s, at most %g s", address, timeout)
                told = True

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield given_up
    except CancelledError:
        if given_up.is_set():
            raise ConnectionError(
                f"the Dask scheduler at {address} has had no workers for {timeout:g} s: look at "
                "the jobs that should start them, or give a longer --data.workers_timeout"
            ) from None
        if client.status != "running":
            raise ConnectionError(
                f"the connection to the Dask scheduler at {address} was lost: what is done is "
                "kept; start the scheduler again, and this command"
            ) from None
        raise
    finally:
        ended.set()
        watcher.join()


def end_with_parent() -> None:
    """Let this worker end when the process that started it is killed: it would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent.sentinel,), daemon=True).start()


def _outlive(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
