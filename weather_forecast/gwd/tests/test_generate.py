"""Generation: what the files hold, that they are reproducible, and what a killed run leaves."""

from __future__ import annotations

import datetime
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import weather_forecast
from ai4sim.command import run
from ai4sim.data.splits import by_time
from ai4sim.io.files import visible_files
from ai4sim.io.names import cases
from weather_forecast.gwd.io.layout import read_layout
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.synthetic.generate import (
    Scheme,
    demo_dates,
    extra_dates,
    generate_columns,
    main,
    outputs,
    snapshot_grid,
)

GRID = (4, 6)
DATES = [datetime.date(2015, 1, 1), datetime.date(2015, 7, 2), datetime.date(2016, 1, 1)]


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


@pytest.mark.parametrize(("scheme", "levels"), [("nogwd", 63), ("ogwd", 91)])
def test_files_hold_columns_and_what_the_scheme_makes_of_them(
    tmp_path: Path, scheme: Scheme, levels: int
) -> None:
    files = generate_columns(tmp_path, DATES, scheme=scheme, grid=GRID)
    folder = tmp_path / "ogwd" if scheme == "ogwd" else tmp_path
    assert names(folder) == ["2015-01-01.h5", "2015-07-02.h5", "2016-01-01.h5"]
    assert [file.parent for file in files] == 3 * [folder / "raw"]
    layout = read_layout(files[1])
    assert (layout.scheme, layout.levels) == (scheme, levels)
    with h5py.File(files[1]) as file:
        x, y, latitude = (file[name][()] for name in ("x", "y", "lat"))
        facts = dict(file.attrs)
    assert x.shape == (layout.input_channels, *GRID) and x.dtype == np.float32
    assert y.shape == (layout.output_channels, *GRID) and latitude.shape == GRID
    columns = torch.from_numpy(x.reshape(len(x), -1).T)
    expected = outputs(columns, torch.from_numpy(latitude.ravel()), layout)
    np.testing.assert_array_equal(y.reshape(len(y), -1).T, expected.float().numpy())
    assert np.abs(y).max() > 0 and np.isfinite(y).all()
    assert facts["date"] == "2015-07-02" and facts["seed"] == 0
    assert "thermal-wind balance" in facts["input_state"] and "double precision" in facts["scheme"]
    known = {"azimuths": 16, "launch_flux": 3.75e-3} if scheme == "nogwd" else {"time_step": 900}
    assert {key: facts[key] for key in known} == known


def test_both_schemes_see_the_same_atmosphere(tmp_path: Path) -> None:
    (upper,) = generate_columns(tmp_path, DATES[:1], grid=GRID)
    (whole,) = generate_columns(tmp_path, DATES[:1], scheme="ogwd", grid=GRID)
    with h5py.File(upper) as a, h5py.File(whole) as b:
        for i in range(3):
            np.testing.assert_array_equal(
                a["x"][63 * i : 63 * i + 63], b["x"][91 * i : 91 * i + 63]
            )
        np.testing.assert_array_equal(a["x"][189:], b["x"][273:275])
        mountains, drag = b["x"][275] > 50, np.abs(b["y"][()]).max(0)
    assert (drag[~mountains] == 0).all()


def test_the_grid_has_equal_areas_and_rows_of_one_latitude(tmp_path: Path) -> None:
    latitude, longitude = (axis.reshape(9, 8) for axis in snapshot_grid(9, 8))
    sine = latitude[:, 0].deg2rad().sin()
    torch.testing.assert_close(sine.diff(), torch.full((8,), 2 / 9, dtype=torch.float64))
    torch.testing.assert_close(sine, -sine.flip(0))
    assert (latitude == latitude[:, :1]).all() and (longitude == longitude[:1]).all()
    assert longitude[0].tolist() == [45.0 * i for i in range(8)]


def test_the_number_of_workers_does_not_matter(tmp_path: Path) -> None:
    one = generate_columns(tmp_path / "one", DATES, grid=GRID, workers=1)
    three = generate_columns(tmp_path / "three", reversed(DATES), grid=GRID, workers=3)
    for a, b in zip(one, three, strict=True):
        assert a.name == b.name and a.read_bytes() == b.read_bytes()
    assert one[0].read_bytes() != one[2].read_bytes()


def test_threads_are_as_they_were(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    generate_columns(tmp_path, DATES[:1], grid=GRID, scheme="ogwd")
    assert torch.get_num_threads() == threads


def test_files_already_there_are_kept_and_missing_ones_made(tmp_path: Path) -> None:
    first, second, _ = generate_columns(tmp_path, DATES, grid=GRID)
    content, made = first.read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    more = [*DATES, datetime.date(2016, 2, 2)]
    assert len(generate_columns(tmp_path, more, grid=GRID)) == 4 == len(names(tmp_path))
    assert first.read_bytes() == content and second.stat().st_mtime_ns == made


def test_a_killed_generation_continues_and_gives_the_same_files(tmp_path: Path) -> None:
    code = (
        "import sys; "
        "from weather_forecast.gwd.synthetic.generate import extra_dates, generate_columns; "
        "generate_columns("
        "sys.argv[1], extra_dates(40), grid=(4, 6), scheme='ogwd', workers=1)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(weather_forecast.__path__[0]).parent)}
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(killed)], env=environment)
    deadline = time.monotonic() + 60
    while len(names(killed / "ogwd")) < 2 and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = visible_files(killed / "ogwd" / "raw")
    assert 2 <= len(left) < 40
    stamps = [(read_layout(path).scheme, path.stat().st_mtime_ns) for path in left]

    dates = extra_dates(40)[: len(left) + 3]
    again = generate_columns(killed, dates, grid=GRID, scheme="ogwd")
    whole = generate_columns(tmp_path / "whole", dates, grid=GRID, scheme="ogwd")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in whole]
    assert [(read_layout(path).scheme, path.stat().st_mtime_ns) for path in left] == stamps
    assert not [p.name for p in (killed / "ogwd" / "raw").iterdir() if p.name[0] == "."]


def test_files_made_in_another_way_are_not_mixed_with(tmp_path: Path) -> None:
    generate_columns(tmp_path, DATES[:1], grid=GRID)
    with pytest.raises(ValueError, match=r"2015-01-01\.h5 was made in .* seed 0 there, 1 here"):
        generate_columns(tmp_path, DATES, grid=GRID, seed=1)
    with pytest.raises(ValueError, match=r"grid 4 latitudes .* x 6 longitudes there, 6 latitudes"):
        generate_columns(tmp_path, DATES, grid=(6, 4))
    with h5py.File(tmp_path / "raw" / "2015-07-02.h5", "w") as file:
        file["x"] = np.zeros((191, 4, 6), np.float32)
    with pytest.raises(ValueError, match=r"2015-07-02\.h5 was not generated here"):
        generate_columns(tmp_path, DATES, grid=GRID)
    assert len(names(tmp_path)) == 2


def test_wrong_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"scheme: expected one of .*, found 'gwd'"):
        generate_columns(tmp_path, DATES, scheme="gwd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"at least 1 latitude and 1 longitude, found \(0, 6\)"):
        generate_columns(tmp_path, DATES, grid=(0, 6))


def test_a_split_by_time_leaves_whole_years_to_validate_and_test() -> None:
    files = [Path(f"{date.isoformat()}.h5") for date in demo_dates()]
    split = by_time(cases(files), (2 / 3, 1 / 6, 1 / 6), gap=0)
    assert (len(split.train), len(split.val), len(split.test)) == (16, 4, 4)

    def months(part: list[Path]) -> set[int]:
        return {int(file.stem[5:7]) for file in part}

    assert len(months(split.train)) >= 10
    assert months(split.val) == months(split.test) == {1, 4, 7, 10}
    assert {file.stem[:4] for file in split.test} == {"2018"}


def test_extra_dates_are_spread_and_before_the_demo() -> None:
    dates = extra_dates(200)
    assert len(set(dates)) == 200 and max(dates) < min(demo_dates())
    assert extra_dates(150) == dates[50:]  # more are added, none is moved
    for month in range(1, 13):
        assert 10 <= sum(date.month == month for date in dates) <= 24


def test_command_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = ["--data-path", str(tmp_path), "--grid", "2", "3", "--dates", "2", "--seed", "5"]
    with caplog.at_level(logging.INFO):
        run(main, [*options, "--scheme", "ogwd"])
    assert caplog.messages[-1] == f"2 files in {tmp_path / 'ogwd' / 'raw'}"
    assert names(tmp_path / "ogwd") == ["2014-11-08.h5", "2014-12-15.h5"]
    with h5py.File(tmp_path / "ogwd" / "raw" / "2014-12-15.h5") as file:
        assert file.attrs["seed"] == 5 and file["x"].shape == (
            DragLayout("ogwd", 91).input_channels,
            2,
            3,
        )
    with pytest.raises(SystemExit, match="error: grid: expected at least 1 latitude"):
        run(main, ["--data-path", str(tmp_path), "--grid", "0", "3"])
