"""From the address of a data set, or from nothing, to raw columns that the layout accepts."""

from __future__ import annotations

import datetime
import functools
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from ai4sim.command import run as command
from ai4sim.io.download import ResumingDownloader
from ai4sim.io.files import visible_files
from ai4sim.io.raw_variables import plain
from ai4sim.tests.archive_server import ArchiveServer, serving
from ai4sim.tests.commands import complaint
from ai4sim.tests.forms import Content, Stored, write
from weather_forecast.gwd.io.layout import read_layout
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.synthetic import generate
from weather_forecast.gwd.synthetic.download import (
    SUBSETS,
    URL,
    fetch_maelstrom,
    main,
    to_raw_layout,
)
from weather_forecast.gwd.synthetic.generate import generate_columns

X = np.random.default_rng(0).normal(size=(50, 191)).astype(np.float32)
X[:, 126:] += [*[250] * 63, 1e5, 98]
Y = np.random.default_rng(1).normal(0, 1e-3, (50, 126)).astype(np.float32)


def column_first(folder: Path, x: np.ndarray = X, y: np.ndarray = Y) -> bytes:
    """Return a file as published: one column after the other."""
    with h5py.File(folder / "made.nc", "w") as file:
        file["x"], file["y"] = x, y
    return (folder / "made.nc").read_bytes()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ArchiveServer]:
    """Serve such a file at every address."""
    with serving(column_first(tmp_path)) as running:
        yield running


def run(server: ArchiveServer, folder: Path, *more: str) -> None:
    """Call the command line as ``nox -s download_data`` does."""
    url = ["--source", "maelstrom", "--url", server.url + "/{date}.nc"]
    command(main, ["--data-path", str(folder), *url, *more])


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


def test_published_files_are_turned_around(server: ArchiveServer, tmp_path: Path) -> None:
    for _ in range(2):  # the second finds everything done
        run(server, tmp_path, "--dates", "2015-01-01", "2017-02-19")
    assert len(server.asked) == 2
    assert names(tmp_path) == ["2015-01-01.h5", "2017-02-19.h5"]
    file = tmp_path / "raw" / "2017-02-19.h5"
    assert read_layout(file) == DragLayout("nogwd", 63)
    with h5py.File(file) as raw:
        np.testing.assert_array_equal(raw["x"], X.T)
        np.testing.assert_array_equal(raw["y"], Y.T)
        assert "lat" not in raw and "ECMWF" in raw.attrs["input_state"]


@pytest.mark.parametrize("form", ["NETCDF4", "NETCDF3_64BIT_DATA"])
def test_all_that_a_published_file_holds_comes_along(tmp_path: Path, form: str) -> None:
    latitude, east = np.linspace(-80, 80, 50), np.linspace(0, 350, 50, dtype=np.float32)
    names = ("column", "row")
    content = {
        "x": Content(names, X, "m/s, m/s, K, Pa, m2/s2"),
        "y": Content(("column", "row_y"), Y, "m/s2"),
        "lat": Content(("column",), latitude.astype(np.float32), "degrees_north"),
        "lon": Content(("column",), east, "degrees_east"),
    }
    forms = {
        "y": Stored("i4", (0, 1), ("m s-1 day-1", 86400, 0)),
        "lat": Stored("i2", (0,), ("radian", np.pi / 180, 0)),
    }
    write(tmp_path / "made.nc", content, forms, form, {"title": "drag"})
    to_raw_layout([tmp_path / "made.nc"], tmp_path / "turned.h5")
    with h5py.File(tmp_path / "turned.h5") as file:
        np.testing.assert_array_equal(file["x"], X.T)
        np.testing.assert_allclose(file["y"], Y.T, atol=1e-9)
        np.testing.assert_allclose(file["lat"], latitude, atol=0.003)
        np.testing.assert_array_equal(file["lon"], east)
        assert file["lat"].attrs["units"] == "degrees_north"
        assert plain(file.attrs["title"]) == "drag"
        assert "scale_factor" not in file["y"].attrs
    with xr.open_dataset(tmp_path / "turned.h5", engine="netcdf4") as turned:
        assert turned.x.dims == ("row", "column") and turned.lon.dims == ("column",)


def test_impossible_values_are_refused_before_they_arrive(tmp_path: Path) -> None:
    column_first(tmp_path, x=np.where(np.arange(191) == 189, X / 100, X))
    with pytest.raises(ValueError, match=r"made.nc: x is .* Pa at row 189 \(surface_pressure\)"):
        to_raw_layout([tmp_path / "made.nc"], tmp_path / "turned.h5")
    assert not (tmp_path / "turned.h5").exists()


def test_a_file_of_links_becomes_one_of_its_own(tmp_path: Path) -> None:
    (file,) = generate_columns(tmp_path / "made", [datetime.date(2015, 1, 1)], grid=(2, 3))
    with h5py.File(tmp_path / "links.h5", "w") as links:
        for name in ("x", "y", "lat"):
            links[name] = h5py.ExternalLink(file, name)
    to_raw_layout([tmp_path / "links.h5"], tmp_path / "copy.h5")
    file.rename(tmp_path / "elsewhere.h5")
    with h5py.File(tmp_path / "copy.h5") as copy, h5py.File(tmp_path / "elsewhere.h5") as made:
        for name in made:
            np.testing.assert_array_equal(copy[name], made[name])


def test_a_truncated_transfer_is_continued(server: ArchiveServer, tmp_path: Path) -> None:
    half = len(server.content) // 2
    server.cut_after = [half]
    quick = ResumingDownloader(pause=0.001)
    url = server.url + "/{date}.nc"
    fetch_maelstrom(tmp_path, [datetime.date(2015, 1, 1)], url=url, downloader=quick)
    assert server.asked == ["", f"bytes={half}-"] and names(tmp_path) == ["2015-01-01.h5"]


def test_the_sets_are_the_published_ones(server: ArchiveServer, tmp_path: Path) -> None:
    run(server, tmp_path, "--subset", "validation", "testing")
    assert names(tmp_path) == [
        f"{date}.h5"
        for date in ("2016-02-25", "2016-06-24", "2016-12-21", "2017-02-19", "2017-07-19")
        + ("2017-11-16",)
    ]
    run(server, tmp_path)
    assert len(names(tmp_path)) == 18 == len(server.asked)
    training = [date.isoformat() for date in SUBSETS["training"]]
    assert training[0] == "2015-01-01" and training[-1] == "2015-11-27" and len(training) == 12
    assert URL.startswith("https://") and URL.endswith("/{date}.nc")


def test_files_in_the_raw_layout_are_taken_as_they_are(tmp_path: Path) -> None:
    date = datetime.date(2015, 1, 1)
    (file,) = generate_columns(tmp_path / "made", [date], grid=(2, 3))
    pattern = str(tmp_path / "made" / "raw" / "{date}.h5")
    (fetched,) = fetch_maelstrom(tmp_path, [date], url=pattern)
    assert fetched.read_bytes() == file.read_bytes() and file.exists()


def test_files_of_another_kind_never_reach_raw(server: ArchiveServer, tmp_path: Path) -> None:
    def refused(content: bytes, message: str) -> None:
        server.content = content
        with pytest.raises(SystemExit, match=message):
            run(server, tmp_path, "--dates", "2015-01-01")
        assert not names(tmp_path)
        for kept in (tmp_path / "downloads").glob("*.archive"):
            kept.unlink()

    page = b"<!DOCTYPE html><html>Moved</html>"
    address = re.escape(server.url + "/2015-01-01.nc")
    refused(
        page,
        f"^error: {address}: the file cannot be used: expected a netCDF.*delete it to fetch",
    )
    refused(column_first(tmp_path, y=Y[:, :100]), r"y has shape \(50, 100\), expected \(50, 126\)")
    refused(column_first(tmp_path, x=X[:, :190]), r"x has shape \(50, 190\): 190 rows of inputs")
    surface = [*[0] * 182, *[250] * 91, 1e5, 98, 0, 0, 0, 0]
    ogwd = np.tile(np.array(surface, np.float32), (50, 1)), np.zeros((50, 364), np.float32)
    refused(column_first(tmp_path, *ogwd), "its rows are those of scheme ogwd, expected nogwd")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["t2m"] = X
    refused((tmp_path / "other.h5").read_bytes(), "no variable x; it has t2m")


def test_the_turned_file_is_written_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weather_forecast.gwd.io.layout.WRITTEN_AT_ONCE", 4 * 191 * 7)
    column_first(tmp_path)
    to_raw_layout([tmp_path / "made.nc"], tmp_path / "turned.h5")
    with h5py.File(tmp_path / "turned.h5") as file:
        np.testing.assert_array_equal(file["x"], X.T)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "2015-01-02.nc").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=r"Nearest name there: 2015-01-02\.nc"):
        fetch_maelstrom(tmp_path, [datetime.date(2015, 1, 1)], url=str(tmp_path / "{date}.nc"))
    with pytest.raises(ValueError, match=r"url: expected \{date\} in it"):
        fetch_maelstrom(tmp_path, SUBSETS["testing"], url="https://127.0.0.1/file.nc")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "x"], "--url belongs to --source maelstrom, not to demo"),
        (["--dates", "2015-01-01"], "--dates belongs to --source maelstrom"),
        (["--source", "maelstrom", "--scheme", "ogwd"], "--scheme belongs to --source demo"),
        (
            ["--source", "maelstrom", "--subset", "testing", "--dates", "2015-01-01"],
            "--dates and --subset: give one of them",
        ),
        (["--source", "maelstrom", "--dates", "yesterday"], "--dates: expected YYYY-MM-DD, found"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in complaint(main, tmp_path, options, capsys)


def test_the_demo_is_made_of_both_schemes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dates = [datetime.date(2015, 1, 1)]
    small = functools.partial(generate_columns, dates=dates, grid=(2, 3))
    monkeypatch.setattr(generate, "generate_columns", small)
    command(main, ["--data-path", str(tmp_path), "--scheme", "nogwd"])
    assert names(tmp_path) == ["2015-01-01.h5"] and not (tmp_path / "ogwd").exists()
    with caplog.at_level(logging.INFO):
        command(main, ["--data-path", str(tmp_path)])
    assert caplog.messages[-1] == f"2 raw files in {tmp_path}"
    assert read_layout(tmp_path / "ogwd" / "raw" / "2015-01-01.h5") == DragLayout("ogwd", 91)
