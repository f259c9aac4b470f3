"""Times in files that users have: read right, or refused by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cftime
import numpy as np
import pytest
from numpy.typing import NDArray

from wmed.io import croco
from wmed.io.preprocess import air_of
from wmed.tests import written
from wmed.tests.changed import on_history, refused, same
from wmed.tests.grids_made_up import edit, write_event
from wmed.tests.written import Written, history, read, save

# --- Times ---


def counted(values: Any, units: str, **facts: Any) -> Callable[[Written], None]:
    def change(file: Written) -> None:
        del file.attributes["start_date"], file.content["scrum_time"]
        found = values(file.content["time"].values) if callable(values) else values
        file.set("time", values=np.asarray(found), units=units, attributes=facts)

    return change


def single(values: NDArray[Any]) -> NDArray[Any]:
    return (values + 3350937600).astype("f4")  # from 1900


def since_year_1(values: NDArray[Any]) -> NDArray[Any]:
    first = cftime.datetime(2006, 3, 10, calendar="standard")
    return values + cftime.date2num(first, "seconds since 0001-01-01", "standard")


@pytest.mark.parametrize(
    "change",
    [
        counted(single, "seconds since 1900-01-01"),
        counted(lambda t: t / 86400, "Days Since 2006-03-10"),
        counted(lambda t: t / 3600 + 1, "hours since 2006-03-10T00:00:00+01:00"),
        counted(lambda t: t, "second", time_origin="2006-03-10 00:00:00"),
        counted(lambda t: t, "second", time_origin="10-MAR-2006 00:00:00"),
        counted(since_year_1, "seconds since 0001-01-01", calendar="gregorian"),
        counted(lambda t: t, "second"),
    ],
    ids=["f4", "days", "zone", "time_origin", "month", "year 1", "name"],
)
def test_times_in_other_forms(tmp_path: Path, change: Callable[[Written], None]):
    same(on_history(change), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            counted(lambda t: t, "seconds since 2006-03-10", calendar="noleap"),
            "calendar is .noleap",
        ),
        (counted(lambda t: t, "seconds since 2006-03-10", calendar="360_day"), "360_day"),
        (counted(lambda t: t, "metres"), 'time has the units "metres", expected seconds'),
        (counted(lambda t: t, "second", time_origin="03/10/2006"), "2006-03-10 or 2006-10-03"),
        (counted(lambda t: t, "second", time_origin="noon"), 'time_origin is "noon", expected a d'),
        (counted(lambda t: t + 86400, "second"), "begins with 86400 s, and the date in the name"),
        (
            counted([0, np.nan, 43200.0], "seconds since 2006-03-10"),
            "time of record 1 is missing, expected",
        ),
    ],
)
def test_times_that_cannot_be_understood(
    tmp_path: Path, change: Callable[[Written], None], message: str
):
    refused(on_history(change), message, tmp_path)


def test_a_last_time_that_was_not_written_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    files = written.event()
    counted([0, 21600, 9.969209968386869e36], "seconds since 2006-03-10")(history(files))
    with caplog.at_level(logging.WARNING):
        found = read(save(files, tmp_path))
    assert "record 2 is left out: its time was not written yet" in caplog.text
    np.testing.assert_array_equal(found["sst"], written.expected()["sst"][:1])


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("croco_his_20060310_12.nc", "2006-03-10T12"),
        ("croco_his_2006031012.nc", "2006-03-10T12"),
        ("croco_his_20060310.nc", "2006-03-10T00"),
    ],
)
def test_the_hour_in_a_name_counts(tmp_path: Path, name: str, start: str):
    files = written.event()
    file = history(files)
    counted(lambda t: t, "second")(file)
    path = save({name: file}, tmp_path)
    expected = np.datetime64(start, "s") + np.timedelta64(6, "h") * np.arange(3)
    np.testing.assert_array_equal(croco.read_times(path), expected)


def test_digits_in_a_name_that_are_no_hour(tmp_path: Path):
    file = history(written.event())
    counted(lambda t: t, "second")(file)
    path = save({"croco_his_20060310_999.nc": file}, tmp_path)
    with pytest.raises(ValueError, match='has the date 2006-03-10T00:00:00, then "999", and noth'):
        croco.read_times(path)


def test_most_records_without_air_are_an_error(tmp_path: Path):
    write_event(tmp_path, "2006-03-10", records=6)
    path = tmp_path / "croco_his_20060310.nc"
    edit(path, lambda f: f["time"].__setitem__(slice(2, 6), f["time"][2:6] + 600))
    edit(path, lambda f: f.renameVariable("scrum_time", "other"))
    message = "6 records and 6 times of the air lie between .* only 2 are of the same time"
    with pytest.raises(ValueError, match=message):
        air_of(path)


def test_records_between_the_times_of_the_air_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = write_event(tmp_path, "2006-03-10", records=6)
    for hour in (12, 18):
        (tmp_path / f"ECMWF_20060310_{hour}.nc").unlink()
    (tmp_path / "ECMWF_20060311_06.nc").unlink()
    with caplog.at_level(logging.WARNING):
        assert [record for record, _ in air_of(path)] == [1, 4, 6]
    assert "3 of 6 records have no air of their time" in caplog.text
