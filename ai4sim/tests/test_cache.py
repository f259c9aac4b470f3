"""Processed data are made once, follow their source, and survive a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest

from ai4sim.data.cache import ProcessedCache
from ai4sim.data.streaming import NpyFile

SLOW_BUILD = """
import sys, time
from pathlib import Path
from ai4sim.data.cache import ProcessedCache
from ai4sim.tests.test_cache import process

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
from ai4sim.tests import test_cache

def announce(block):
    print("block\\n", end="", flush=True)  # one write: two threads may print at once
    time.sleep(0.2)

test_cache.before_block = announce
ProcessedCache(Path(sys.argv[1]), "demo-1", test_cache.lazily).build([Path(sys.argv[2])])
"""

KILLED_BUILD = """
import sys
from pathlib import Path
from ai4sim.data.cache import ProcessedCache
from ai4sim.tests.test_cache import slowly

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


@pytest.fixture
def raw(tmp_path: Path) -> list[Path]:
    """Write three raw files."""
    files = [tmp_path / "raw" / f"flame_{number}.h5" for number in range(3)]
    files[0].parent.mkdir()
    for number, file in enumerate(files):
        file.write_text(f"{number} 7 5")
    return files


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


def test_arrays_and_attributes_come_back(tmp_path: Path, raw: list[Path]) -> None:
    cache = ProcessedCache(tmp_path, "demo-1", process)
    arrays, attributes = cache.load(raw[2])
    assert arrays["numbers"].dtype == np.float32 and arrays["order"].dtype == np.int64
    np.testing.assert_array_equal(arrays["numbers"], [2, 7, 5])
    np.testing.assert_array_equal(arrays["order"], [0, 2, 1])
    assert attributes == {"case": "flame_2", "dx": 0.5, "grid": [2, 3]}
    assert all(isinstance(array, np.memmap) for array in arrays.values())
    # Writing changes this process' copy, never the cache.
    kept = float(arrays["numbers"][0])
    arrays["numbers"][0] = kept + 1
    assert cache.load(raw[2])[0]["numbers"][0] == kept


def test_each_file_is_processed_once_per_version(tmp_path: Path, raw: list[Path]) -> None:
    recipe = Counting()
    cache = ProcessedCache(tmp_path, "demo-1", recipe, workers=2)
    cache.build(raw)
    ProcessedCache(str(tmp_path), "demo-1", recipe).build(raw)
    cache.load(raw[0])
    assert sorted(recipe.seen) == ["flame_0", "flame_1", "flame_2"]
    raw[1].write_text("8 9 0")
    os.utime(raw[1], ns=(0, raw[1].stat().st_mtime_ns + 1))  # same size, another moment
    cache.build(raw)
    assert recipe.seen[3:] == ["flame_1"]
    np.testing.assert_array_equal(cache.load(raw[1])[0]["numbers"], [8, 9, 0])
    ProcessedCache(tmp_path, "demo-2", recipe).build(raw[:1])
    assert recipe.seen[4:] == ["flame_0"]


def test_open_arrays_outlive_a_new_version(tmp_path: Path, raw: list[Path]) -> None:
    cache = ProcessedCache(tmp_path, "demo-1", process)
    old, _ = cache.load(raw[0])
    raw[0].write_text("1 2 3 4 5")
    assert cache.load(raw[0])[0]["numbers"].shape == (5,)
    np.testing.assert_array_equal(old["numbers"], [0, 7, 5])


def test_sigkill_while_processing_loses_one_file(tmp_path: Path, raw: list[Path]) -> None:
    killed = start_slow_build(tmp_path, 0.2)
    assert killed.stdout is not None
    assert [killed.stdout.readline() for _ in range(2)] == ["flame_0.h5\n", "flame_1.h5\n"]
    killed.kill()
    killed.communicate()
    recipe = Counting()
    ProcessedCache(tmp_path, "demo-1", recipe).build(raw)
    assert recipe.seen == ["flame_1", "flame_2"]
    assert entries(tmp_path) == ["flame_0", "flame_1", "flame_2"]


def test_a_half_written_folder_is_not_read(tmp_path: Path, raw: list[Path]) -> None:
    cache = ProcessedCache(tmp_path, "demo-1", process)
    cache.build(raw)
    entry = tmp_path / "processed" / "demo-1" / "flame_0"
    (entry / "manifest.json").write_text("{")
    (entry / "numbers.npy").unlink()
    np.testing.assert_array_equal(cache.load(raw[0])[0]["numbers"], [0, 7, 5])


def test_processes_that_build_at_once_share_the_work(tmp_path: Path, raw: list[Path]) -> None:
    builders = [start_slow_build(tmp_path, 0.05) for _ in range(3)]
    lines = "".join(builder.communicate()[0] for builder in builders).split()
    assert [builder.returncode for builder in builders] == [0, 0, 0]
    assert sorted(lines) == ["flame_0.h5", "flame_1.h5", "flame_2.h5"]
    assert entries(tmp_path) == ["flame_0", "flame_1", "flame_2"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unusable_file_is_named_and_the_others_are_kept(
    tmp_path: Path, raw: list[Path], workers: int
) -> None:
    raw[1].write_text("NaN")
    cache = ProcessedCache(tmp_path, "demo-1", process, workers)
    with pytest.raises(ValueError, match=r"flame_1\.h5: 'numbers' holds 1 NaN"):
        cache.build(raw)
    assert "flame_0" in entries(tmp_path) and "flame_1" not in entries(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Nearest name there: flame_2\.h5"):
        cache.load(tmp_path / "raw" / "flame_2.hdf")
    with pytest.raises(ValueError, match="recipe: expected letters.*'../x'"):
        ProcessedCache(tmp_path, "../x", process)


def test_errors_of_libraries_carry_the_name_of_the_file_once(
    tmp_path: Path, raw: list[Path]
) -> None:
    def fails(error: Exception) -> str:
        def process(path: Path) -> dict[str, Any]:
            raise error

        with pytest.raises(Exception, match=r"flame_0\.h5: ") as raised:
            ProcessedCache(tmp_path, "demo-1", process).build(raw[:1])
        kinds.append(raised.type)
        return str(raised.value).removeprefix(f"{raw[0].parent}/")

    kinds: list[type[BaseException]] = []
    assert fails(OSError("can't read data")) == "flame_0.h5: can't read data"
    assert fails(RuntimeError("Filter error")) == "flame_0.h5: RuntimeError: Filter error"
    assert fails(KeyError("time")) == "flame_0.h5: KeyError: 'time'"
    assert fails(ValueError("flame_0.h5: no time")) == "flame_0.h5: no time"
    assert kinds == [OSError, ValueError, ValueError, ValueError]


def test_a_file_that_arrives_where_one_was_looked_for_makes_the_arrays_anew(
    tmp_path: Path, raw: list[Path]
) -> None:
    def air(path: Path) -> list[Path]:
        return sorted(path.parent.glob("air_*.nc"))

    def process(path: Path) -> dict[str, Any]:
        seen.append(path.stem)
        return {"times": np.array([float(file.read_text()) for file in air(path)])}

    seen: list[str] = []
    cache = ProcessedCache(tmp_path, "demo-1", process, beside=air)
    assert cache.load(raw[0])[0]["times"].shape == (0,)
    for number in range(2):
        (raw[0].parent / f"air_{number}.nc").write_text(str(number))
        for _ in range(2):
            arrays, _ = cache.load(raw[0])
            np.testing.assert_array_equal(arrays["times"], np.arange(number + 1))
    (raw[0].parent / "air_0.nc").unlink()
    np.testing.assert_array_equal(cache.load(raw[0])[0]["times"], [1])
    assert seen == ["flame_0"] * 4


def test_files_that_would_share_a_folder_are_refused(tmp_path: Path, raw: list[Path]) -> None:
    twin = raw[1].with_suffix(".nc")
    twin.write_text("8 9 0")
    refused = pytest.raises(ValueError, match=r"found flame_1\.(h5 and .*nc|nc and .*h5), whose")
    with refused:
        ProcessedCache(tmp_path, "demo-1", process).build([*raw, twin])
    cache = ProcessedCache(tmp_path, "demo-1", process)
    cache.build(raw)
    with refused:  # also where they come one by one
        cache.load(twin)
    np.testing.assert_array_equal(cache.load(raw[1])[0]["numbers"], [1, 7, 5])
    raw[1].unlink()  # one takes the place of the other
    np.testing.assert_array_equal(cache.load(twin)[0]["numbers"], [8, 9, 0])


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody can write to")
def test_read_only_data_use_the_cache_of_the_user(
    tmp_path: Path, raw: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    recipe = Counting()
    for _ in range(2):
        cache = ProcessedCache("/proc/self", "demo-1", recipe)
        np.testing.assert_array_equal(cache.load(raw[1])[0]["numbers"], [1, 7, 5])
    assert recipe.seen == ["flame_1"]
    assert str(tmp_path / "home" / "ai4sim") in caplog.text


def test_blocks_are_written_as_they_come_each_computed_once(
    tmp_path: Path, raw: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(f"{__name__}.before_block", seen.append)
    cache = ProcessedCache(tmp_path, "demo-1", lazily, double=("total",))
    arrays, _ = cache.load(raw[2])
    expected = 2 + np.arange(24)[:, None] * np.array([1.0, 100.0])
    assert arrays["rows"].dtype == np.float32 and arrays["total"].dtype == np.float64
    np.testing.assert_array_equal(arrays["rows"], expected)
    np.testing.assert_array_equal(arrays["total"], expected.sum(0))
    np.testing.assert_array_equal(arrays["order"], [2, 1])
    assert sorted(seen) == list(range(8))


def test_a_bad_block_leaves_nothing(
    tmp_path: Path, raw: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:

    def fail(block: int) -> None:
        if block == 5:
            raise ValueError("block 5 holds NaN")

    monkeypatch.setattr(f"{__name__}.before_block", fail)
    with pytest.raises(ValueError, match="block 5 holds NaN"):
        ProcessedCache(tmp_path, "demo-1", lazily).build(raw)
    assert entries(tmp_path) == []


def test_sigkill_between_blocks_loses_one_file(tmp_path: Path, raw: list[Path]) -> None:
    command = [sys.executable, "-c", SLOW_STREAM, str(tmp_path), str(raw[0])]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    assert [killed.stdout.readline() for _ in range(3)] == ["block\n"] * 3
    killed.kill()
    killed.communicate()
    (half,) = entries(tmp_path)
    assert half.startswith(".tmp-") and (tmp_path / "processed/demo-1" / half / "rows.npy").exists()
    arrays, _ = ProcessedCache(tmp_path, "demo-1", lazily).load(raw[0])
    np.testing.assert_array_equal(arrays["rows"][:, 0], np.arange(24))
    assert entries(tmp_path) == ["flame_0"]


def test_scratch_is_there_while_a_file_is_processed(tmp_path: Path, raw: list[Path]) -> None:
    def unpack(path: Path, scratch: Path) -> dict[str, Any]:
        np.save(scratch / "large.npy", process(path)["numbers"])
        return {"numbers": np.load(scratch / "large.npy", mmap_mode="r")}

    arrays, _ = ProcessedCache(tmp_path, "demo-1", unpack, scratch=True).load(raw[1])
    np.testing.assert_array_equal(arrays["numbers"], [1, 7, 5])
    assert sorted(os.listdir(tmp_path / "processed" / "demo-1" / "flame_1")) == [
        "manifest.json",
        "numbers.npy",
    ]


def test_a_generator_gives_rows_block_by_block(
    tmp_path: Path, raw: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ProcessedCache(tmp_path, "demo-1", in_blocks, double=("total",))
    arrays, attributes = cache.load(raw[2])
    expected = 2 + np.arange(24)[:, None] * np.array([1.0, 100.0])
    assert arrays["rows"].dtype == np.float32 and arrays["index"].dtype == np.int64
    np.testing.assert_array_equal(arrays["rows"], expected)
    np.testing.assert_array_equal(arrays["index"], np.arange(24))
    np.testing.assert_array_equal(arrays["total"], expected.sum(0))
    assert attributes == {"blocks": 8}

    def fail(block: int) -> None:
        if block == 5:
            raise ValueError("block 5 holds NaN")

    monkeypatch.setattr(f"{__name__}.before_block", fail)
    with pytest.raises(ValueError, match="block 5 holds NaN"):
        cache.build(raw)
    assert entries(tmp_path) == ["flame_2"]


def test_blocks_come_in_any_order(tmp_path: Path) -> None:
    rows = np.arange(40, dtype=np.float32).reshape(10, 4)
    parts = [slice(0, 3), slice(3, 4), slice(4, 9), slice(9, 10)]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        file = NpyFile(tmp_path / "rows.npy", (4,), rows.dtype)
        for i in order:
            file[parts[i],] = rows[parts[i]]
        file.close()
        np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), rows)


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
