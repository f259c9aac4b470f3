"""Raw files are processed on threads, processes and Dask schedulers with the same result."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest

from ai4sim.data.cache import ProcessedCache
from ai4sim.tests.recipes import (
    KILLED_BUILD,
    Counting,
    entries,
    in_blocks,
    nap,
    process,
)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file of processed data."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.parametrize(("scheduler", "workers"), [("processes", 2), ("distributed", 1)])
def test_every_scheduler_gives_the_same_bytes(
    tmp_path: Path, raw: list[Path], scheduler: str, workers: int
) -> None:
    folder = tmp_path / "processed" / "demo-1"
    ProcessedCache(tmp_path, "demo-1", in_blocks).build(raw)
    on_threads = contents(folder)
    for name in entries(tmp_path):
        (folder / name).rename(tmp_path / name)
    cache = ProcessedCache(tmp_path, "demo-1", in_blocks, workers, scheduler=scheduler)
    cache.build(raw)
    assert contents(folder) == on_threads and len(on_threads) == 12


def test_a_running_scheduler_is_used_by_its_address(tmp_path: Path, raw: list[Path]) -> None:
    import dask

    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://")
        cache = ProcessedCache(tmp_path, "demo-1", in_blocks, scheduler=address)
        cache.build(raw)
        assert entries(tmp_path) == ["flame_0", "flame_1", "flame_2"]
        # An error of a worker is that of the recipe, and the scheduler goes on.
        raw[1].write_text("no number")
        with pytest.raises(ValueError, match="could not convert string to float: 'no'"):
            cache.build(raw)
        assert len(cluster.scheduler.workers) == 1
        with distributed.Client(address) as client:
            client.write_scheduler_file(str(tmp_path / "scheduler.json"))
        raw[1].write_text("3 7 5")
        cache.scheduler = str(tmp_path / "scheduler.json")
        np.testing.assert_array_equal(cache.load(raw[1])[0]["rows"][:2, 0], [3, 4])
    cache = ProcessedCache(tmp_path, "demo-2", in_blocks, scheduler=address)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(ConnectionError, match="no Dask scheduler answers at 'tcp://.*'"),
    ):
        cache.build(raw)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scheduler_without_workers_is_given_up(
    tmp_path: Path, raw: list[Path], workers: int, caplog: Any
) -> None:
    with distributed.LocalCluster(
        n_workers=workers, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        address = cluster.scheduler_address
        cache = ProcessedCache(tmp_path, "demo-1", nap, scheduler=address, workers_timeout=1.5)
        if workers:
            threading.Timer(0.5, cluster.scale, [0]).start()
        with pytest.raises(
            ConnectionError, match=f"scheduler at {address} has had no workers for 1.5 s"
        ):
            cache.build(raw)
    assert f"waiting for workers of {address}, at most 1.5 s" in caplog.messages


def test_a_scheduler_that_ends_is_told(tmp_path: Path, raw: list[Path]) -> None:
    with distributed.LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        address = cluster.scheduler_address
        threading.Timer(0.5, cluster.close).start()
        with pytest.raises(ConnectionError, match=f"Dask scheduler at {address} was lost"):
            ProcessedCache(tmp_path, "demo-1", nap, scheduler=address).build(raw)


def test_what_is_no_scheduler_is_refused(
    tmp_path: Path, raw: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="scheduler: expected 'threads', .*, found 'slurm'"):
        ProcessedCache(tmp_path, "demo-1", process, scheduler="slurm").build(raw)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'dask\[distributed\]'"):
        ProcessedCache(tmp_path, "demo-1", process, scheduler="distributed").build(raw)


def test_sigkill_of_the_parent_ends_its_workers_and_keeps_what_is_done(
    tmp_path: Path, raw: list[Path]
) -> None:
    script = tmp_path / "build.py"
    script.write_text(KILLED_BUILD)
    killed = subprocess.Popen([sys.executable, str(script), str(tmp_path), "processes"])
    folder, deadline = tmp_path / "processed" / "demo-1", time.monotonic() + 30
    done = [folder / "flame_0" / "manifest.json", folder / "flame_1" / "manifest.json"]
    while not all(file.exists() for file in done) and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    (half,) = [name for name in entries(tmp_path) if name.startswith(".tmp-")]
    worker = int(half.removeprefix(".tmp-").split("-")[-3])
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    recipe = Counting()
    ProcessedCache(tmp_path, "demo-1", recipe).build(raw)
    assert recipe.seen == ["flame_2"]
    assert entries(tmp_path) == ["flame_0", "flame_1", "flame_2"]
