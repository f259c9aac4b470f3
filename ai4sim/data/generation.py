"""Generated raw files: whole or absent, kept when they are there, each made from its own recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from tqdm import tqdm

from ai4sim.data.scheduling import cores, executor
from ai4sim.io.files import one_at_a_time, remove_stale_temporaries

HIDDEN = ".generation"
"""The folder beside ``raw/`` with the lock, and with the states of jobs that go on after a kill."""


def write_missing(
    folder: Path,
    facts: Mapping[Path, Mapping[str, Any]],
    write: Callable[[Path], object],
    *,
    samples: int = 1,
    label: str,
    unit: str = "columns",
    job_of: Callable[[Path], object] = Path,
    scheduler: str = "threads",
    workers: int | None = None,
    threads: int = 1,
) -> None:
    """Write those of some files that are not there yet, side by side.

    Parameters
    ----------
    folder : path
        Its ``raw/`` has the files; only one process at a time generates there.
    facts : mapping of path to mapping
        For each file the attributes that it will have: its recipe.
    write : callable
        Writes a missing file, and those of the same job that follow it, each atomically. It can be
        pickled, unless the scheduler is threads.
    samples : int
        The number of samples in a file, for the bar (on terminals).
    label, unit : str
        The title of the progress bar, and the name of the items that it counts.
    job_of : callable
        The job of a file, for files that are made in one go; by default each is a job of its own.
    scheduler : str
        See :func:`ai4sim.data.scheduling.executor`: threads for work that seldom holds Python's lock,
        processes for work made of many small steps.
    workers : int, optional
        The number of jobs at once; by default one per core.
    threads : int
        The number of threads of each job.

    Raises
    ------
    ValueError
        A file is there that was made in another way.
    """
    with one_at_a_time(folder / HIDDEN):
        for place in (folder / "raw", folder / HIDDEN):
            remove_stale_temporaries(place)
        for file, expected in facts.items():
            if file.exists():
                check_made_alike(file, expected)
        missing = [file for file in facts if not file.exists()]
        if not missing:
            return
        firsts = {job_of(file): file for file in reversed(missing)}.values()
        before = torch.get_num_threads()
        bar = tqdm(
            total=len(missing) * samples,
            desc=label,
            unit=f" {unit}",
            unit_scale=True,
            disable=None,  # a bar on terminals only
        )
        try:
            with executor(scheduler, min(workers or cores(), len(firsts))) as pool, bar:
                jobs = {pool.submit(_write, write, file, threads) for file in reversed(firsts)}
                try:
                    while jobs:
                        done, jobs = wait(jobs, timeout=1, return_when=FIRST_COMPLETED)
                        for job in done:
                            job.result()
                        bar.update(samples * sum(file.exists() for file in missing) - bar.n)
                finally:
                    pool.shutdown(cancel_futures=True)
        finally:
            torch.set_num_threads(before)


def _write(write: Callable[[Path], object], file: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    write(file)


def check_made_alike(file: Path, expected: Mapping[str, Any]) -> None:
    """Raise ValueError unless a file comes from the same recipe."""
    try:
        with h5py.File(file, "r") as raw:
            found = {name: _plain(value) for name, value in raw.attrs.items()}
    except OSError:
        found = {}
    if "seed" not in found:
        raise ValueError(f"{file} was not generated here. Choose another folder.")
    differences = [
        f"{key} {found.get(key)} there, {value} here"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if differences:
        raise ValueError(
            f"{file} was made in another way: {'; '.join(differences)}. Choose another folder, or "
            "remove the file."
        )


def _plain(value: Any) -> Any:
    """Return an attribute as it was given: netCDF stores text as bytes, numbers as arrays."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
