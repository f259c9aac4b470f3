"""Records of the ocean find the air of their time, and only that."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.data import CouplingDataModule
from wmed.io import croco, mesonh, pairing, preprocess
from wmed.io.grid import AtmosphereGrid
from wmed.tests.grids_made_up import air_fields, made_up_atmosphere, write_event


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two events."""
    folder = tmp_path_factory.mktemp("events")
    write_event(folder)
    write_event(folder, start="2006-03-10", records=2)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "raw"))


def air(folder: Path) -> list[Path]:
    return sorted(folder.glob("ECMWF*"))


def pair(history: Path, files: Iterable[Path]) -> list[tuple[int, Path]]:
    return pairing.pair(history, {path: mesonh.read_time(path) for path in files})


def names(pairs: list[tuple[int, Path]]) -> list[tuple[int, str]]:
    return [(record, path.name[6:17]) for record, path in pairs]


def test_each_record_gets_the_air_of_its_time(made: Path):
    first = pair(made / "croco_his_20060101.nc", air(made))
    assert names(first) == [(1, "20060101_06"), (2, "20060101_12"), (3, "20060101_18")]
    second = pair(made / "croco_his_20060310.nc", air(made))
    assert names(second) == [(1, "20060310_06"), (2, "20060310_12")]


def test_records_without_air_are_left_out(folder: Path, caplog: pytest.LogCaptureFixture):
    air(folder)[1].unlink()
    with caplog.at_level(logging.INFO):
        found = pair(folder / "croco_his_20060101.nc", air(folder))
    assert [record for record, _ in found] == [1, 3]
    assert "1 of 3 records have no air of their time" in caplog.text


def test_times_count_and_not_names(folder: Path):
    history = folder / "croco_his_20060101.nc"
    expected = pair(history, air(folder))
    for number, path in enumerate(air(folder)):
        path.rename(folder / f"ECMWF_{9 - number}.nc")
    found = pair(history, air(folder))
    assert [record for record, _ in found] == [record for record, _ in expected]
    assert [path.name for _, path in found] == ["ECMWF_9.nc", "ECMWF_8.nc", "ECMWF_7.nc"]


def test_seconds_in_single_precision_find_their_air(folder: Path):
    history = folder / "croco_his_20060101.nc"
    with netCDF4.Dataset(history, "a") as file:
        for name in ("time", "scrum_time"):
            file[name][:] = file[name][:] + 7.0
    assert len(pair(history, air(folder))) == 3


def test_no_common_time(folder: Path):
    history = folder / "croco_his_20060310.nc"
    message = (
        "records 1 ... 2 are of 2006-03-10T06:00:00 ... 2006-03-10T12:00:00, but the 3 files of "
        "the atmosphere of 2006-01-01T06:00:00 ... 2006-01-01T18:00:00"
    )
    with pytest.raises(ValueError, match=message):
        pair(history, air(folder)[:3])
    with pytest.raises(ValueError, match="no files of the atmosphere to pair it with"):
        pair(history, [])


def test_two_files_of_one_time(folder: Path):
    shutil.copy(air(folder)[0], folder / "ECMWF_again.nc")
    with pytest.raises(ValueError, match=r"for record 1 .* of two files: .*_06.nc and .*_again.nc"):
        pair(folder / "croco_his_20060101.nc", air(folder))


def test_no_common_place(folder: Path):
    grid = made_up_atmosphere()
    moved = AtmosphereGrid(grid.lon + 30, grid.lat, grid.sea, grid.heights)
    path = air(folder)[0]
    time = mesonh.read_time(path)
    mesonh.write_state(path, moved, time, air_fields(moved))
    message = "croco_his_20060101.nc and .*_06.nc do not fit: .* lie outside the atmosphere"
    with pytest.raises(ValueError, match=message):
        preprocess.read_grids(folder / "croco_his_20060101.nc")


def test_only_an_initial_state(folder: Path):
    history = folder / "one.nc"
    with netCDF4.Dataset(history, "w") as file:
        file.createDimension("time", 1)
        file.createVariable("time", "f8", ("time",)).units = "seconds since 2006-01-01"
        file["time"][:] = 0
    with pytest.raises(ValueError, match="only 1 record; record 0 is the initial state"):
        pair(history, air(folder))


def test_grids_come_together(made: Path):
    grids = preprocess.read_grids(made / "croco_his_20060101.nc")
    assert grids.atmosphere == made_up_atmosphere() and grids.ocean.shape == (12, 14)


def test_the_grids_of_an_event_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """From the raw files to batches and back; and again once a file has changed."""
    read: list[str] = []

    def counting(read_grid: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def count(path: Path) -> Any:
            read.append(path.name)
            return read_grid(path)

        return count

    for module in (croco, mesonh):
        monkeypatch.setattr(module, "read_grid", counting(module.read_grid))
    data = CouplingDataModule(str(folder.parent), split="all-test", eval_batch_size=9)
    data.prepare_files(data.raw_files())
    batches = [batch for _ in range(2) for batch in data.predict_dataloader()]
    assert len(batches) == 4 and data.layout.ocean.shape == (12, 14)
    events = ["20060101", "20060310"]
    expected = [name for e in events for name in (f"croco_his_{e}.nc", f"ECMWF_{e}_06.nc")]
    assert sorted(read) == sorted(expected)
    os.utime(air(folder)[0])
    assert preprocess.read_grids(folder / "croco_his_20060101.nc") == data.layout
    assert sorted(read[4:]) == sorted(expected[:2])


@needs_reference
def test_reference_files():
    raw = REFERENCE / "wmed/small/raw"
    found = pair(raw / "croco_his_20060520.nc", raw.glob("ECMWF_200605*.nc"))
    assert len(found) == 16
    assert names(found)[0] == (1, "20060520_06") and names(found)[-1] == (16, "20060524_00")
    full = REFERENCE / "wmed/full/raw"
    assert names(pair(full / "croco_his.nc", full.glob("ECMWF*"))) == [(1, "20060101_12")]
    assert np.datetime64("2006-05-20") < mesonh.read_time(found[0][1])
