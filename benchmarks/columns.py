"""Speed of the radiation columns' way from raw files to corrections, and its memory.

    python benchmarks/columns.py
    python benchmarks/columns.py --only training cost

Raw files in the layout of ``weather_forecast.bias_correction`` (137 levels, uncompressed) are made
up in a temporary folder.

preprocessing
    Raw files to rows of columns, with statistics, through ``RadiationDataModule``,
    against a plain copy of the same raw files by one thread: read, written and flushed to the disk
    (fsync), file after file, as the preprocessing flushes its own. The latter once with one file at
    a time, once with the four of the data module's default. Before each run all files leave the
    system's cache if that is allowed (root on Linux); if not, they are read from memory, and the
    table says so. All take turns; what counts is the median of the ratios of neighbours. Other
    programs disturb the seconds of the processor less than the bandwidth.
memory
    The largest resident set (``VmHWM``) of the preprocessing of a quarter of the files and of all,
    each in a process of its own.
batches
    Columns per second that ``RadiationDataModule`` serves, inputs and targets: shuffled from
    memory, shuffled from pools on disk, and in order; against the per-sample way: a Dask array per
    variable, ``array[i].compute()`` for each sample, samples stacked to a batch. That once on the
    processed rows (two arrays) and once on the raw file (ten). All files are in the system's cache.
training
    Columns per second of a network of the use case in a Trainer, as ``trainer.py`` has it but for
    validation, checkpoints, progress bar and clipped gradients; as a share of the bare step:
    forward, loss, backward and optimiser on batches that wait in memory, in a loop without
    Lightning. All epochs of a Trainer, but for the first, take turns with those of the bare step.
cost
    Milliseconds per column of each network, at its default size, from columns in physical units to
    corrections in physical units; and of the two solvers of ``weather_forecast.bias_correction``:
    Tripleclouds, which a correction is added to, and SPARTACUS, which it replaces. All on the same
    columns (``draw_columns``), in turns, at the batch size that suits each best. Beside them stand
    the published figures of ecRad's Fortran on another machine, which are not measured here.

All runs on one thread of torch.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dask.array
import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.correction import measure_cost, measure_training
from benchmarks.turns import Cost, alone, largest, now, quieten
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import CHANNELS, TARGETS, RadiationLayout
from weather_forecast.bias_correction.io.raw_files import write_columns
from weather_forecast.bias_correction.tests.made_up import columns

LEVELS = 137
COPIED_AT_ONCE = 2**23
GOAL_BATCHES, GOAL_COPY = 50.0, 0.6
WORKERS = (1, 4)
PARTS = ("preprocessing", "memory", "batches", "training", "cost")


def write_raw(folder: Path, files: int, per_file: int) -> int:
    """Write raw files, and return their bytes. Some hundred columns are repeated in any order."""
    few, rng = columns(256, LEVELS), np.random.default_rng(0)
    total = 0
    for number in range(files):
        chosen = torch.from_numpy(rng.integers(0, 256, per_file))
        path = folder / "raw" / f"columns_{number:03d}.h5"
        content: dict[str, Any] = {name: rows[chosen] for name, rows in few.items()}
        write_columns(path, RadiationLayout(LEVELS), **content)
        total += path.stat().st_size
    return total


def forget() -> bool:
    """Drop files from the system's cache, and say whether that is allowed."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("1")
    except OSError:
        return False
    return True


def read_once(folder: Path) -> None:
    """Bring all files into the system's cache."""
    for path in folder.rglob("*.*"):
        with path.open("rb", buffering=0) as file:
            while file.read(COPIED_AT_ONCE):
                pass


def copy(folder: Path) -> None:
    """Copy all raw files."""
    (folder / "copy").mkdir()
    buffer = memoryview(bytearray(COPIED_AT_ONCE))
    for path in sorted((folder / "raw").iterdir()):
        with (
            path.open("rb", buffering=0) as source,
            (folder / "copy" / path.name).open("wb", buffering=0) as target,
        ):
            while count := source.readinto(buffer):
                done = 0
                while done < count:
                    done += target.write(buffer[done:count])
            os.fsync(target.fileno())


def preprocess(folder: Path, *, files: int | None = None, workers: int = 1) -> None:
    """Process raw files."""
    data = RadiationDataModule(str(folder), workers=workers)
    data.prepare_files(data.raw_files()[:files])


def timed(folder: Path, made: str, work: Callable[[Path], None]) -> Cost:
    """Return the time of some work on files that are not in memory; remove what it made."""
    forget()
    start = now()
    work(folder)
    cost = now() - start
    shutil.rmtree(folder / made)
    return cost


def measure_preprocessing(folder: Path, total: int, repeats: int) -> None:
    """Print the bandwidth of a copy and of the preprocessing."""
    where = "from disk" if forget() else "from the system's cache, which cannot be dropped"
    print(f"\npreprocessing of {total / 1e9:.2f} GB, raw files {where}")
    print("  MB/s and processor seconds; ratio of the MB/s to those of the copy")
    ratios: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    for _ in range(repeats):
        copied = timed(folder, "copy", copy)
        line = f"  copy {total / 1e6 / copied.wall:4.0f} ({copied.cpu:.1f} s)"
        for workers, found in ratios.items():
            cost = timed(folder, "processed", partial(preprocess, workers=workers))
            found.append(copied.wall / cost.wall)
            line += f"   {workers} at once {total / 1e6 / cost.wall:4.0f} ({cost.cpu:.1f} s), "
            line += f"{found[-1]:.2f}"
        print(line)
    for workers, found in ratios.items():
        print(f"  {workers} at once: median {statistics.median(found):.2f}, goal {GOAL_COPY:.2f}")


def measure_memory(folder: Path, files: int) -> None:
    """Print the largest resident sets."""
    peaks = []
    print("\nmemory of preprocessing")
    for count in (max(files // 4, 1), files):
        before, peak = alone(memory_of_preprocessing, folder, count)
        peaks.append(peak)
        print(
            f"  {count:3d} files: largest resident set {peak / 1e6:5.0f} MB, "
            f"{before / 1e6:.0f} MB of it before the first file"
        )
        shutil.rmtree(folder / "processed")
    print(f"  ratio {peaks[1] / peaks[0]:.2f}, goal 1")


def memory_of_preprocessing(folder: Path, files: int) -> tuple[int, int]:
    """Return the largest resident sets before and after the preprocessing [bytes]."""
    before = largest()
    preprocess(folder, files=files)
    return before, largest()


def rate(batches: Iterator[int], seconds: float) -> float:
    """Return columns per second of batches, each given by its columns, after the first one."""
    next(batches)
    start, done = time.perf_counter(), 0
    for count in batches:
        done += count
        if time.perf_counter() - start > seconds:
            break
    return done / (time.perf_counter() - start)


def served(data: RadiationDataModule, training: bool) -> Iterator[int]:
    """Serve batches, epoch after epoch."""
    loader = data.train_dataloader() if training else data.val_dataloader()
    while True:
        for batch in loader:
            yield len(batch["inputs"]) if len(batch["targets"]) else 0


def one_by_one(arrays: list[Any], batch_size: int) -> Iterator[int]:
    """Serve batches of random samples, each computed from Dask arrays."""
    rng = np.random.default_rng(0)
    while True:
        chosen = rng.integers(0, len(arrays[0]), batch_size).tolist()
        samples = [[array[i].compute(scheduler="sync") for array in arrays] for i in chosen]
        batch: list[NDArray[Any]] = [np.stack(parts) for parts in zip(*samples, strict=True)]
        yield len(batch[0])


def measure_batches(folder: Path, batch_size: int, seconds: float) -> None:
    """Print columns per second of each way."""
    half = partial(
        RadiationDataModule,
        str(folder),
        ratios=(0.5, 0.5, 0.0),
        gap=0,
        batch_size=batch_size,
        eval_batch_size=batch_size,
    )
    data, pools = half(), half(memory_limit=0.125)
    files = data.raw_files()
    data.prepare_files(files)
    read_once(folder)
    ours = {
        "shuffled, in memory": rate(served(data, training=True), seconds),
        "shuffled, in pools": rate(served(pools, training=True), seconds),
        "in order": rate(served(data, training=False), seconds),
    }
    rows, _ = data.cache_of(files[0]).load(files[0])
    chunk = min(256, len(rows["inputs"]))
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(h5py.File(files[0]))
        ways = {
            "dask[i].compute(), rows": [rows["inputs"], rows["targets"]],
            "dask[i].compute(), raw": [raw[name] for name in (*CHANNELS, *TARGETS)],
        }
        usual = {}
        for name, sources in ways.items():
            arrays = [dask.array.from_array(a, chunks=(chunk, *a.shape[1:])) for a in sources]
            usual[name] = rate(one_by_one(arrays, batch_size), seconds)
    print(f"\nbatches of {batch_size} columns, inputs and targets")
    for name, found in {**ours, **usual}.items():
        print(f"  {name:24s} {found:10.0f} columns/s")
    for name, slow in usual.items():
        ratios = ", ".join(f"{way} {found / slow:.0f}" for way, found in ours.items())
        print(f"  against {name}: {ratios}; goal {GOAL_BATCHES:.0f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="some of the parts (default: all)"
    )
    parser.add_argument("--files", type=int, default=12, help="raw files (default: 12)")
    parser.add_argument(
        "--columns", type=int, default=4096, help="per file, 22 kB each (default: 4096)"
    )
    parser.add_argument("--batch-size", type=int, default=256, help="of the batches (default: 256)")
    parser.add_argument(
        "--repeats", type=int, default=3, help="of preprocessing and cost (default: 3)"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="of each way to make batches (default: 3)"
    )
    parser.add_argument(
        "--train-columns", type=int, default=2048, help="to train on (default: 2048)"
    )
    parser.add_argument(
        "--train-batch-sizes", type=int, nargs="+", default=[64, 256], help="(default: 64 256)"
    )
    parser.add_argument("--epochs", type=int, default=3, help="that are timed (default: 3)")
    parser.add_argument(
        "--cost-columns", type=int, default=256, help="for solvers and networks (default: 256)"
    )
    parser.add_argument("--folder", default=None, help="where the temporary folder is made")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quieten()
    if {"preprocessing", "memory", "batches"}.intersection(arguments.only):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            folder = Path(name)
            total = write_raw(folder, arguments.files, arguments.columns)
            if "preprocessing" in arguments.only:
                measure_preprocessing(folder, total, arguments.repeats)
            if "memory" in arguments.only:
                measure_memory(folder, arguments.files)
            if "batches" in arguments.only:
                measure_batches(folder, arguments.batch_size, arguments.seconds)
    if "training" in arguments.only:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            write_raw(Path(name), 2, arguments.train_columns)  # one of them to validate on
            measure_training(Path(name), arguments.train_batch_sizes, arguments.epochs)
    if "cost" in arguments.only:
        measure_cost(arguments.cost_columns, arguments.repeats)


if __name__ == "__main__":
    main()
