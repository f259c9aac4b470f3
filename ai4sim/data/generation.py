"""Generated raw files: whole or absent, kept when they are there, each made from its own recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from tqdm import tqdm

from ai4sim.data.scheduling import cores, executor
from ai4sim.io.files import one_at_a_time, remove_stale_temporaries


def write_missing(
    folder: Path,
    facts: Mapping[Path, Mapping[str, Any]],
    write: Callable[[Path], object],
    *,
    samples: int,
    label: str,
    unit: str = "columns",
    scheduler: str = "threads",
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Write those of some files that are not there yet, side by side.

    Parameters
    ----------
    folder : path
        Its ``raw/`` has the files; only one process at a time generates there.
    facts : mapping of path to mapping
        For each file the attributes that it will have: its recipe.
    write : callable
        Writes one file, atomically. It can be pickled, unless the scheduler is threads.
    samples : int
        What a file holds, for the bar.
    label, unit : str
        Name of the bar, and of what it counts.
    scheduler : str
        See :func:`ai4sim.data.scheduling.executor`: threads for work that seldom holds Python's lock,
        processes for work made of many small steps.
    workers : int, optional
        Files made at once, each on one thread; by default one per core.
    progress : bool
        Whether to show a bar (on a terminal only).

    Raises
    ------
    ValueError
        A file is there that was made in another way.
    """
    with one_at_a_time(folder / ".generation"):
        remove_stale_temporaries(folder / "raw")
        for file, expected in facts.items():
            if file.exists():
                check_made_alike(file, expected)
        missing = [file for file in facts if not file.exists()]
        if not missing:
            return
        bar = tqdm(
            total=len(missing) * samples,
            desc=label,
            unit=f" {unit}",
            unit_scale=True,
            disable=None if progress else True,  # None: a bar on terminals only
        )
        threads = torch.get_num_threads()
        workers = min(workers or cores(), len(missing))
        try:
            with executor(scheduler, workers) as pool, bar:
                jobs = [pool.submit(_on_one_thread, write, file) for file in missing]
                try:
                    for job in as_completed(jobs):
                        job.result()
                        bar.update(samples)
                finally:
                    pool.shutdown(cancel_futures=True)
        finally:
            torch.set_num_threads(threads)


def _on_one_thread(write: Callable[[Path], object], file: Path) -> None:
    torch.set_num_threads(1)
    write(file)


def check_made_alike(file: Path, expected: Mapping[str, Any]) -> None:
    """Raise ValueError unless a file comes from the same recipe."""
    try:
        with h5py.File(file, "r") as raw:
            found = {name: _plain(value) for name, value in raw.attrs.items()}
    except OSError:
        found = {}
    if "input_state" not in found or "seed" not in found:
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
