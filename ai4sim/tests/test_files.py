"""Outputs are whole or absent, whatever moment a run is killed at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ai4sim.io.files import (
    atomic_folder,
    atomic_write,
    missing_file_error,
    remove_stale_temporaries,
    temporary_path,
    visible_files,
    write_json,
    write_text,
)


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run Python code in another process whose standard output is piped."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def dead_pid() -> int:
    """Return the number of a process that has ended."""
    process = start("")
    process.communicate()
    return process.pid


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "fields.npy"
    with atomic_write(target) as temporary:
        np.save(temporary, np.arange(5))
        assert temporary.parent == target.parent and temporary.suffix == ".npy"
        assert not target.exists()
    np.testing.assert_array_equal(np.load(target), np.arange(5))
    assert os.listdir(target.parent) == ["fields.npy"]


def test_an_error_keeps_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    write_text(target, "old")
    with pytest.raises(KeyboardInterrupt), atomic_write(target) as temporary:
        temporary.write_text("half of the n")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="nothing was written"),
        atomic_write(tmp_path / "x"),
    ):
        pass


WRITER = """
import sys
from ai4sim.io.files import atomic_write
for round in range(10**9):
    with atomic_write(sys.argv[1]) as temporary, open(temporary, "wb") as file:
        for _ in range(64):
            file.write(bytes([round % 256]) * 4096)
    if round == 1:
        print("writing", flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.029])
def test_sigkill_leaves_the_old_content_or_the_new(tmp_path: Path, delay: float) -> None:
    target = tmp_path / "field.bin"
    writer = start(WRITER, target)
    assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
    time.sleep(delay)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    content = target.read_bytes()
    assert len(content) == 64 * 4096 and len(set(content)) == 1
    remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == ["field.bin"]


def test_sigkill_in_the_middle_of_a_write_leaves_no_readable_file(tmp_path: Path) -> None:
    code = """
import sys, time
from ai4sim.io.files import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""
    writer = start(code, tmp_path / "field.h5")
    assert writer.stdout is not None and writer.stdout.readline() == "half\n"
    assert remove_stale_temporaries(tmp_path) == []  # its writer lives
    writer.kill()
    writer.communicate()
    assert visible_files(tmp_path, "*.h5") == []
    assert len(list(tmp_path.glob("*.h5"))) == 1  # why visible_files exists
    assert len(remove_stale_temporaries(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


def test_sweep_spares_other_hosts_and_living_writers(tmp_path: Path) -> None:
    ours = temporary_path(tmp_path / "a.h5")
    elsewhere = tmp_path / f".tmp-another.host-{dead_pid()}-0123abcd-a.h5"
    folder = tmp_path / ours.name.replace(str(os.getpid()), str(dead_pid())).replace("a.h5", "d")
    folder.mkdir()
    (folder / "part.npy").touch()
    for path in (ours, elsewhere, tmp_path / ".tmp-notes"):
        path.touch()
    assert remove_stale_temporaries(tmp_path) == [folder]
    two_days_ago = time.time() - 2 * 86400
    os.utime(elsewhere, (two_days_ago, two_days_ago))
    assert remove_stale_temporaries(tmp_path) == [elsewhere]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([ours.name, ".tmp-notes"])
    assert remove_stale_temporaries(tmp_path / "absent") == []


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "sample"
    for content in ("old", "new"):
        with atomic_folder(target) as temporary:
            write_text(temporary / "deep" / f"{content}.txt", content)
    with pytest.raises(RuntimeError), atomic_folder(target) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert [str(p.relative_to(target)) for p in target.rglob("*.txt")] == ["deep/new.txt"]
    assert os.listdir(tmp_path) == ["sample"]


def test_processes_replace_one_folder_at_once(tmp_path: Path) -> None:
    code = """
import sys
from ai4sim.io.files import atomic_folder
for _ in range(40):
    with atomic_folder(sys.argv[1]) as temporary:
        for name in "abc":
            (temporary / name).write_text(sys.argv[2])
"""
    writers = [start(code, tmp_path / "sample", number) for number in range(3)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert os.listdir(tmp_path) == ["sample"]
    contents = {p.name: p.read_text() for p in (tmp_path / "sample").iterdir()}
    assert sorted(contents) == ["a", "b", "c"] and len(set(contents.values())) == 1


def test_json_is_readable_and_strict(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, {"R²": 0.98})
    assert json.loads(path.read_text(encoding="utf-8")) == {"R²": 0.98}
    for bad in ({"r2": float("nan")}, {"r2": {1}}):
        with pytest.raises(ValueError, match=r"results\.json: .* JSON"):
            write_json(path, bad)
    assert json.loads(path.read_text(encoding="utf-8")) == {"R²": 0.98}


def test_the_error_names_the_nearest_file(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    assert str(missing_file_error(raw / "x.h5")).endswith("raw is empty.")
    for number in range(7):
        (raw / f"DNS1_{number:03d}.h5").touch()
    assert "Nearest name there: DNS1_003.h5." in str(missing_file_error(raw / "DNS1_003.hdf5"))
    assert "DNS1_004.h5 and 2 more" in str(missing_file_error(raw / "zz"))
    misspelt = missing_file_error(tmp_path / "rew" / "DNS1_000.h5")
    assert str(misspelt) == f"{tmp_path / 'rew'} does not exist. Nearest name there: raw."


def test_links_to_nothing_are_errors_and_letters_of_any_case_match(tmp_path: Path) -> None:
    (tmp_path / "b.H5").touch()
    (tmp_path / "a.h5").touch()
    (tmp_path / "notes.txt").symlink_to("/gone/notes.txt")
    assert [path.name for path in visible_files(tmp_path, "*.h5")] == ["a.h5", "b.H5"]
    with pytest.raises(FileNotFoundError, match=r"notes\.txt is a link to /gone/notes\.txt, which"):
        visible_files(tmp_path)
    (tmp_path / "c.h5").symlink_to("a.h5")
    assert len(visible_files(tmp_path, "*.h5")) == 3
