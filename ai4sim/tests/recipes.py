"""Recipes of processed data for the tests: fast, slow, lazy, in blocks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

SLOW_BUILD = """
import sys, time
from pathlib import Path
from ai4sim.data.cache import ProcessedCache
from ai4sim.tests.recipes import process

def slow(path):
    print(path.name, flush=True)
    time.sleep(float(sys.argv[2]))
    return process(path)

data = Path(sys.argv[1])
ProcessedCache(data, "demo-1", slow).build(sorted((data / "raw").iterdir()))
"""


SLOW_STREAM = """
import sys, time
from pathlib import Path
from ai4sim.data.cache import ProcessedCache
from ai4sim.tests import recipes

def announce(block):
    print("block\\n", end="", flush=True)  # one write: two threads may print at once
    time.sleep(0.2)

recipes.before_block = announce
ProcessedCache(Path(sys.argv[1]), "demo-1", recipes.lazily).build([Path(sys.argv[2])])
"""

KILLED_BUILD = """
import sys
from pathlib import Path
from ai4sim.data.cache import ProcessedCache
from ai4sim.tests.recipes import slowly

if __name__ == "__main__":
    data, scheduler = Path(sys.argv[1]), sys.argv[2]
    files = sorted((data / "raw").iterdir())
    ProcessedCache(data, "demo-1", slowly, workers=2, scheduler=scheduler).build(files)
"""


def before_block(block: int) -> None:
    """Do nothing; a test puts something else here."""


def lazily(path: Path, blocks: int = 8) -> dict[str, Any]:
    """Give dask arrays: rows in blocks, and their sum, which needs all of them."""
    import dask
    import dask.array as da

    number = float(path.read_text().split()[0])

    def block(i: int) -> np.ndarray:
        before_block(i)
        return number + np.arange(3 * i, 3 * i + 3)[:, None] * np.array([1.0, 100.0])

    parts = [da.from_delayed(dask.delayed(block)(i), (3, 2), np.float64) for i in range(blocks)]
    rows = da.concatenate(parts)
    return {"rows": rows, "total": rows.sum(axis=0), "sum": rows.sum(axis=0), "order": [2, 1]}


def in_blocks(path: Path, blocks: int = 8) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """Yield rows block after block, and return their sum."""
    number, total = float(path.read_text().split()[0]), np.zeros(2)
    for i in range(blocks):
        before_block(i)
        rows = number + np.arange(3 * i, 3 * i + 3)[:, None] * np.array([1.0, 100.0])
        yield {"rows": rows, "index": np.arange(3 * i, 3 * i + 3)}
        total += rows.sum(axis=0)
    return {"total": total, "attributes": {"blocks": blocks}}


def slowly(path: Path) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """Do the same, but the last file takes its time."""
    for block in range(100 if path.stem == "flame_2" else 1):
        time.sleep(0.1 * block)
        yield {"rows": np.full((2, 3), float(block))}
    return {}


def nap(path: Path) -> dict[str, Any]:
    """Do nothing for longer than the worker lives."""
    time.sleep(2)
    return {}


def process(path: Path) -> dict[str, Any]:
    """Read numbers from a text file; the real recipes read HDF5."""
    if "NaN" in path.read_text():
        raise ValueError(f"{path}: 'numbers' holds 1 NaN")
    numbers = np.array([float(line) for line in path.read_text().split()])
    return {
        "numbers": numbers,
        "order": np.argsort(numbers),
        "attributes": {"case": path.stem, "dx": np.float32(0.5), "grid": np.array([2, 3])},
    }


class Counting:
    """A recipe that remembers what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, path: Path) -> dict[str, Any]:
        """Process a file."""
        self.seen.append(path.stem)
        return process(path)


def start_slow_build(data_path: Path, seconds: float) -> subprocess.Popen[str]:
    """Build the cache in another process that takes its time over each file."""
    command = [sys.executable, "-c", SLOW_BUILD, str(data_path), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def entries(tmp_path: Path) -> list[str]:
    """Return the visible and hidden names in the cache, but for its lock."""
    return sorted(set(os.listdir(tmp_path / "processed" / "demo-1")) - {".lock"})
