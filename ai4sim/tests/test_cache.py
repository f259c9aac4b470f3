"""Processed data are made once, follow their source, and survive a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4sim.data.cache import ProcessedCache
from ai4sim.data.streaming import NpyFile
from ai4sim.tests.recipes import (
    SLOW_STREAM,
    Counting,
    entries,
    in_blocks,
    lazily,
    process,
    start_slow_build,
)


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
    monkeypatch.setattr("ai4sim.tests.recipes.before_block", seen.append)
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

    monkeypatch.setattr("ai4sim.tests.recipes.before_block", fail)
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

    monkeypatch.setattr("ai4sim.tests.recipes.before_block", fail)
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
