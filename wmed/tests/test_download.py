"""The demo by default, or an archive whose files are all readable."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import h5py
import pytest

from ai4sim.command import run
from ai4sim.io.download import fetch
from ai4sim.io.files import visible_files
from wmed.synthetic import generate
from wmed.synthetic.download import RUNS, main
from wmed.tests.test_generate import TRAINING, make


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the files of a short event."""
    folder = tmp_path_factory.mktemp("runs")
    make(folder, [TRAINING])
    return visible_files(folder / "raw")


def archive(path: Path, files: list[Path]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for file in files:
            packed.write(file, f"runs/2005/{file.name}")
        packed.writestr("runs/notes.txt", "nothing")
    return path


def test_an_archive_arrives_in_raw(
    runs: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packed = archive(tmp_path / "runs.zip", runs)
    with caplog.at_level(logging.INFO):
        run(main, ["--data-path", str(tmp_path / "data"), "--url", str(packed)])
    assert caplog.messages[-1] == f"3 files in {tmp_path / 'data'}"
    found = visible_files(tmp_path / "data" / "raw")
    assert [path.name for path in found] == [path.name for path in runs]
    assert [path.read_bytes() for path in found] == [path.read_bytes() for path in runs]


def test_a_file_of_another_kind_is_refused(runs: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.nc"
    with h5py.File(other, "w") as file:
        file["SST"] = [1.0, 2.0]
    packed = archive(tmp_path / "runs.zip", [*runs, other])
    with pytest.raises(ValueError, match=r"other\.nc in the archive cannot be used"):
        fetch(RUNS, tmp_path / "data", url=str(packed))
    assert not visible_files(tmp_path / "data" / "raw")


def test_a_wrong_hash_is_an_error(runs: list[Path], tmp_path: Path) -> None:
    packed = archive(tmp_path / "runs.zip", runs)
    with pytest.raises(SystemExit, match="error: .* SHA-256 expected 0000"):
        run(main, ["--data-path", str(tmp_path), "--url", str(packed), "--sha256", 64 * "0"])


def test_without_an_address_the_demo_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(generate, "generate", lambda path: make(path, [TRAINING]))
    with caplog.at_level(logging.INFO):
        run(main, ["--data-path", str(tmp_path)])
    assert caplog.messages[-1] == f"1 events in {tmp_path}"
    with pytest.raises(SystemExit, match="--sha256 belongs to --url"):
        run(main, ["--data-path", str(tmp_path), "--sha256", 64 * "0"])
