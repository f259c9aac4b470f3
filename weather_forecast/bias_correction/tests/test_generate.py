"""Generation: what the files hold, that they are reproducible, and what a killed run leaves."""

from __future__ import annotations

import datetime
import functools
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import torch
from torch import Tensor

import weather_forecast
from ai4sim.command import run
from ai4sim.data.splits import by_time
from ai4sim.io.files import visible_files
from ai4sim.io.names import cases
from ai4sim.physics.sun import cos_zenith_angle
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.raw_files import read_columns, read_layout
from weather_forecast.bias_correction.physics.heating import heating_rate
from weather_forecast.bias_correction.synthetic import generate
from weather_forecast.bias_correction.synthetic.generate import (
    EUROPE,
    Map,
    Snapshot,
    demo_snapshots,
    extra_snapshots,
    file_name,
    generate_columns,
    main,
    map_places,
    scattered_places,
)

LEVELS, COLUMNS = 12, 5
SNAPSHOTS = [
    Snapshot(datetime.datetime(2019, 1, 1, 6)),
    Snapshot(datetime.datetime(2019, 7, 2, 18)),
]


def stub(columns: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Label columns quickly: fluxes that depend on all clouds, and are 0 at the top."""
    pressure, sun = columns["pressure_hl"], columns["cos_solar_zenith_angle"].clamp(min=0)
    flux = pressure / 1e5 * (1 + columns["cloud_fraction"].sum(1, keepdim=True))
    fluxes, heating = [], []
    for share in (sun[:, None], torch.ones_like(sun)[:, None]):
        down, up = share * flux, share * flux / 2
        fluxes += [down, up]
        heating.append(heating_rate(down, up, pressure))
    incoming = (columns["solar_irradiance"] * sun)[:, None].expand_as(flux)
    absolute = torch.cat([incoming, fluxes[1], *fluxes[2:]], dim=1)
    return torch.cat([*fluxes, *heating], dim=1), absolute


make = functools.partial(generate_columns, columns=COLUMNS, levels=LEVELS, teacher=stub, workers=1)


def names(folder: Path) -> list[str]:
    return [path.name for path in visible_files(folder / "raw")]


def test_files_hold_columns_and_what_the_solvers_make_of_them(tmp_path: Path) -> None:
    """With the solvers of this repository."""
    (file,) = generate_columns(tmp_path, SNAPSHOTS[:1], columns=6, levels=LEVELS, workers=1)
    assert names(tmp_path) == ["2019-01-01T0600.nc"]
    layout = read_layout(file)
    assert layout == RadiationLayout(LEVELS)
    block = {name: torch.from_numpy(values) for name, values in read_columns(file).items()}
    inputs, targets = layout.split_inputs(block["inputs"]), layout.split_outputs(block["targets"])
    sun = inputs["cos_solar_zenith_angle"]
    expected = cos_zenith_angle(SNAPSHOTS[0].time, block["latitude"], block["longitude"])
    torch.testing.assert_close(sun, expected, atol=1e-5, rtol=0)
    for wave in ("sw", "lw"):
        down, up = targets[f"flux_dn_{wave}"], targets[f"flux_up_{wave}"]
        assert not down[:, 0].any() and up.abs().max() > 1e-3
        hr = heating_rate(down.double(), up.double(), inputs["pressure_hl"].double())
        torch.testing.assert_close(targets[f"hr_{wave}"].double(), hr, atol=5e-3, rtol=1e-3)
    assert not targets["flux_up_sw"][sun <= 0].any()
    down = block["tripleclouds"].view(6, 4, LEVELS + 1)[:, 0, 0]
    torch.testing.assert_close(down, inputs["solar_irradiance"] * sun.clamp(min=0))
    with netCDF4.Dataset(file) as raw:
        facts = vars(raw)
    assert facts["time"] == "2019-01-01T0600" and facts["levels"] == "12 of L137"
    assert facts["solver"].endswith("generate.as_ecrad")


def test_the_order_of_dates_does_not_matter(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one", SNAPSHOTS), make(tmp_path / "two", reversed(SNAPSHOTS))
    for a, b in zip(one, two, strict=True):
        assert a.name == b.name and a.read_bytes() == b.read_bytes()
    assert one[0].read_bytes() != one[1].read_bytes()


def test_files_already_there_are_kept_and_missing_ones_made(tmp_path: Path) -> None:
    first, second = make(tmp_path, SNAPSHOTS)
    content, made = first.read_bytes(), second.stat().st_mtime_ns
    first.unlink()
    more = [*SNAPSHOTS, Snapshot(datetime.datetime(2019, 12, 1), Map(40, 0, 5, 2, 3))]
    assert len(make(tmp_path, more)) == 3 == len(names(tmp_path))
    assert first.read_bytes() == content and second.stat().st_mtime_ns == made
    threads = torch.get_num_threads()
    make(tmp_path, more)
    assert torch.get_num_threads() == threads


def at_work(folder: Path) -> bool:
    """Tell whether a process that began a file there still lives: workers outlive their parent."""
    pids = [re.search(r"-(\d+)-[0-9a-f]{8}-", path.name) for path in folder.glob(".tmp-*")]
    return any(pid and Path("/proc", pid[1]).exists() for pid in pids)


def test_a_killed_generation_continues_and_gives_the_same_files(tmp_path: Path) -> None:
    """Killed with two processes at work, continued with one."""
    code = (
        "import sys; from weather_forecast.bias_correction.tests.test_generate import make; "
        "from weather_forecast.bias_correction.synthetic.generate import extra_snapshots; "
        "make(sys.argv[1], extra_snapshots(300), workers=2)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(weather_forecast.__path__[0]).parent)}
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(killed)], env=environment)
    deadline = time.monotonic() + 60
    while len(names(killed)) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left: list[Path] = []
    while len(left) < len(names(killed)) or at_work(killed / "raw"):
        left = visible_files(killed / "raw")
        time.sleep(0.3)
    assert 2 <= len(left) < 300
    stamps = [(read_layout(path).levels, path.stat().st_mtime_ns) for path in left]
    assert {levels for levels, _ in stamps} == {LEVELS}

    dates = extra_snapshots(300)[: len(left) + 2]
    again, whole = make(killed, dates), make(tmp_path / "whole", dates)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in whole]
    assert [path.stat().st_mtime_ns for path in left] == [stamp for _, stamp in stamps]
    assert not [p.name for p in (killed / "raw").iterdir() if p.name[0] == "."]


def test_files_made_in_another_way_are_not_mixed_with(tmp_path: Path) -> None:
    make(tmp_path, SNAPSHOTS[:1])
    with pytest.raises(ValueError, match=r"T0600\.nc was made in .* way: seed 0 there, 1 here"):
        make(tmp_path, SNAPSHOTS, seed=1)
    with pytest.raises(ValueError, match=r"places 5 over .* there, 6 over .* levels 12 of L137 th"):
        make(tmp_path, SNAPSHOTS, columns=6, levels=13)
    (tmp_path / "raw" / file_name(SNAPSHOTS[1].time)).write_bytes(b"something")
    with pytest.raises(ValueError, match=r"2019-07-02T1800\.nc was not generated here"):
        make(tmp_path, SNAPSHOTS)
    assert len(names(tmp_path)) == 2


def test_wrong_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 column and 2 to 137 levels, found 0 and 12"):
        make(tmp_path, SNAPSHOTS, columns=0)
    with pytest.raises(ValueError, match="found 5 and 138"):
        make(tmp_path, SNAPSHOTS, levels=138)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("month", [1, 3, 6])
def test_places_are_even_but_for_the_night(month: int) -> None:
    moment = datetime.datetime(2019, month, 20, 4)
    latitude, longitude = scattered_places(moment, 1000)
    day = cos_zenith_angle(moment, latitude, longitude) > 0
    assert len(latitude) == 1000 and (~day).sum() == 200
    assert ((longitude >= 0) & (longitude <= 360)).all()
    # Of even places a quarter is beyond 30 degrees on each side; the sun favours its own.
    poleward = [(side * latitude > 30).double().mean().item() for side in (1, -1)]
    assert all(0.1 < share < 0.4 for share in poleward)
    other, _ = scattered_places(moment, 1000, seed=1)
    assert not torch.equal(other, latitude)
    few, _ = scattered_places(moment, 1)
    assert few.shape == (1,)


def test_a_map_is_a_grid_in_the_light(tmp_path: Path) -> None:
    latitude, longitude = map_places(EUROPE)
    assert len(latitude) == 12 * 16
    assert latitude.view(12, 16)[:, 0].tolist() == [36.0 + 2 * i for i in range(12)]
    assert longitude.view(12, 16)[0].tolist() == [(-14.0 + 2 * i) % 360 for i in range(16)]
    last = [snapshot for snapshot in demo_snapshots() if snapshot.map]
    assert [snapshot.map for snapshot in last] == [EUROPE]
    assert (cos_zenith_angle(last[0].time, latitude, longitude) > 0.3).all()
    small = Snapshot(last[0].time, Map(40.0, -10.0, 10.0, 2, 3))
    (file,) = make(tmp_path, [small])
    block = read_columns(file)
    assert block["latitude"].tolist() == [40, 40, 40, 50, 50, 50]
    assert block["longitude"].tolist() == [350, 0, 10, 350, 0, 10]


def test_a_split_by_time_gives_each_set_a_year_of_its_own() -> None:
    files = [Path(file_name(snapshot.time)) for snapshot in demo_snapshots()]
    assert files == sorted(files)
    split = by_time(cases(files), (3 / 4, 1 / 8, 1 / 8), gap=0)
    assert (len(split.train), len(split.val), len(split.test)) == (36, 6, 6)

    def months(part: list[Path]) -> set[int]:
        return {int(file.stem[5:7]) for file in part}

    assert {file.stem[:4] for file in split.val} == {"2020"}
    assert {file.stem[:4] for file in split.test} == {"2021"}
    assert len(months(split.train)) == 12
    assert months(split.val) == {2, 4, 5, 7, 8, 11} and months(split.test) == {1, 3, 5, 7, 8, 10}
    assert len({file.stem[11:13] for file in split.train}) == 24


def test_extra_dates_are_spread_and_before_the_demo() -> None:
    times = [snapshot.time for snapshot in extra_snapshots(200)]
    assert len(set(times)) == 200 and max(times) < demo_snapshots()[0].time
    assert [s.time for s in extra_snapshots(150)] == times[50:]  # more are added, none is moved
    for month in range(1, 13):
        assert 10 <= sum(moment.month == month for moment in times) <= 24
    assert len({moment.hour for moment in times}) == 24


def test_command_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = functools.partial(generate_columns, teacher=stub)
    monkeypatch.setattr(generate, "generate_columns", quick)
    options = ["--data-path", str(tmp_path), "--columns", "3", "--dates", "2", "--levels", "9"]
    with caplog.at_level(logging.INFO):
        run(main, [*options, "--seed", "5", "--workers", "1"])
    assert caplog.messages[-1] == f"2 files in {tmp_path / 'raw'}"
    assert names(tmp_path) == ["2018-12-03T0700.nc", "2018-12-20T1200.nc"]
    with h5py.File(tmp_path / "raw" / "2018-12-20T1200.nc") as file:
        assert file.attrs["seed"] == 5 and file["col_inputs"].shape == (3, 9, 27)
        assert np.isfinite(file["hr_lw"][()]).all()
    with pytest.raises(SystemExit, match="error: expected at least 1 column"):
        run(main, [*options[:2], "--columns", "0"])
