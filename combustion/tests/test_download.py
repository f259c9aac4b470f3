"""From the address of an archive to raw flames that the layouts accept."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ai4sim.command import run as command
from ai4sim.tests.archive_server import ArchiveServer, serving
from combustion.io.grids import read_snapshot, write_snapshot
from combustion.io.layouts import CNF, R2, FlameLayout
from combustion.synthetic.download import main
from combustion.synthetic.generate import R3, RECIPES


def flame(number: int) -> dict[str, np.ndarray]:
    """Return a thickened planar flame on a tiny grid (nx, ny, nz) = (9, 5, 3)."""
    x = np.linspace(-2, 2, 9)[:, None, None] + np.zeros((9, 5, 3)) + 0.1 * number
    return {
        "progress_variable": 0.5 * (1 + np.tanh(x)),
        "flame_surface_density": 600.0 / np.cosh(x) ** 2,
        "resolved_gradient": 500.0 / np.cosh(x) ** 2,
    }


def archive_of(layout: FlameLayout, folder: Path) -> bytes:
    """Return a zip of three flames in the given layout, in a sub-folder as the real ones are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            path = folder / f"DNS1_{number:03d}.h5"
            write_snapshot(path, flame(number), {"dx_les": 8e-4}, layout)
            archive.write(path, f"file/DATA/{path.name}")
        archive.writestr("file/README.txt", "113 fields")
    return buffer.getvalue()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ArchiveServer]:
    """Serve flames in the CNF layout."""
    with serving(archive_of(CNF, tmp_path / "made")) as running:
        yield running


def run(server: ArchiveServer, folder: Path, *more: str, source: str = "cnf") -> None:
    """Call the command line as ``nox -s download_data`` does."""
    command(main, ["--data-path", str(folder), "--source", source, "--url", server.url, *more])


@pytest.mark.parametrize(("source", "layout"), [("cnf", CNF), ("r2", R2), ("r3", R2)])
def test_an_archive_becomes_raw_flames(tmp_path: Path, source: str, layout: FlameLayout) -> None:
    content = archive_of(layout, tmp_path / "made")
    with serving(content) as server:
        for _ in range(2):  # the second finds everything done
            run(server, tmp_path, "--sha256", hashlib.sha256(content).hexdigest(), source=source)
        assert len(server.asked) == 1
    files = sorted((tmp_path / "raw").iterdir())
    assert [file.name for file in files] == ["DNS1_000.h5", "DNS1_001.h5", "DNS1_002.h5"]
    for number, file in enumerate(files):
        fields = read_snapshot(file)
        for name, values in flame(number).items():
            np.testing.assert_allclose(getattr(fields, name), values, rtol=1e-6)


def test_a_truncated_archive_is_continued(server: ArchiveServer, tmp_path: Path) -> None:
    half = len(server.content) // 2
    server.cut_after = [half]
    run(server, tmp_path)
    assert server.asked == ["", f"bytes={half}-"]
    assert read_snapshot(tmp_path / "raw" / "DNS1_002.h5").case == "DNS1"


def test_a_corrupted_archive_ends_the_command(server: ArchiveServer, tmp_path: Path) -> None:
    good = hashlib.sha256(server.content).hexdigest()
    server.content = server.content[:999] + b"?" + server.content[1000:]
    with pytest.raises(SystemExit, match=f"^error: {re.escape(server.url)}.*{good}"):
        run(server, tmp_path, "--sha256", good)
    with pytest.raises(SystemExit, match="damaged"):
        run(server, tmp_path)
    assert not list((tmp_path / "raw").iterdir())


def test_a_truncated_flame_is_named(server: ArchiveServer, tmp_path: Path) -> None:
    half = (tmp_path / "made" / "DNS1_001.h5").read_bytes()[:2000]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("DATA/DNS1_001.h5", half)
    server.content = buffer.getvalue()
    message = r"DATA/DNS1_001\.h5 in the archive cannot be used: the file has 2000 bytes"
    with pytest.raises(SystemExit, match=message):
        run(server, tmp_path)
    assert not list((tmp_path / "raw").iterdir())


def test_another_layout_names_its_source(server: ArchiveServer, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="layout 'cnf', --source r2 has layout 'r2'.*source cnf"):
        run(server, tmp_path, source="r2")
    run(server, tmp_path)
    assert len(list((tmp_path / "raw").iterdir())) == 3 and len(server.asked) == 1


def test_archives_without_a_public_address_need_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in ("r2", "r3"):
        with pytest.raises(SystemExit, match=f"--source {source}: no direct address .* with --url"):
            command(main, ["--data-path", str(tmp_path), "--source", source])
    with pytest.raises(SystemExit):
        command(main, ["--data-path", str(tmp_path), "--source", "r4"])
    assert "invalid choice: 'r4' (choose from 'demo', 'cnf', 'r2', 'r3')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "x"], "--url belongs to --source cnf, r2 or r3, not to demo"),
        (["--source", "cnf", "--cases", "a"], "--cases belongs to --source demo"),
        (["--source", "r2", "--recipe", "r2"], "--recipe belongs to --source demo, not to r2"),
    ],
)
def test_options_of_another_source_are_refused(
    tmp_path: Path, options: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        command(main, ["--data-path", str(tmp_path), *options])
    assert not list(tmp_path.iterdir())


def test_small_flames_like_the_real_ones_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    burner = dataclasses.replace(R3, cells=(24, 12, 12), slot_width=1e-4)
    tiny = dataclasses.replace(RECIPES["r3"], cases={"R3like": burner}, snapshots=1, spin_up=0.1)
    monkeypatch.setitem(RECIPES, "r3", tiny)
    command(main, ["--data-path", str(tmp_path), "--recipe", "r3"])
    snapshot = read_snapshot(tmp_path / "raw" / "R3like_000.h5")
    assert snapshot.dx == pytest.approx(6e-5)
    with pytest.raises(SystemExit, match=r"unknown recipe 'r4'; expected .*'r2', 'r3'\]"):
        command(main, ["--data-path", str(tmp_path), "--recipe", "r4"])


def test_the_count_of_files_is_reported(
    server: ArchiveServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(server, tmp_path)
    assert caplog.messages[-1] == f"3 raw files in {tmp_path / 'raw'}"
