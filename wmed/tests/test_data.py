"""What a user reads whose folder is not what it should be: file, field, expected and found."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wmed.data import CouplingDataModule
from wmed.io import mesonh
from wmed.tests.grids_made_up import air_fields, edit, made_up_atmosphere, write_event
from wmed.tests.labelled import write_labelled


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two events."""
    folder = tmp_path_factory.mktemp("data")
    for start in ("2006-01-01", "2006-03-10"):
        write_event(folder / "raw", start, records=2)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


def only_histories(folder: Path) -> None:
    for path in folder.glob("raw/ECMWF*"):
        path.unlink()


def nothing(folder: Path) -> None:
    shutil.rmtree(folder / "raw")
    (folder / "raw").mkdir()


def only_air(folder: Path) -> None:
    for path in folder.glob("raw/croco*"):
        path.unlink()


def air_of_another_year(folder: Path) -> None:
    only_histories(folder)
    grid = made_up_atmosphere()
    time = np.datetime64("1999-01-01T06", "s")
    mesonh.write_state(folder / "raw" / mesonh.file_name(time), grid, time, air_fields(grid))


def two_oceans(folder: Path) -> None:
    write_labelled(folder / "raw", "2006-08-01", records=2, ocean=(17, 20), fluxes=False)


def another_atmosphere(folder: Path) -> None:
    grid, time = made_up_atmosphere((9, 11)), np.datetime64("2006-01-01T12", "s")
    mesonh.write_state(folder / "raw" / mesonh.file_name(time), grid, time, air_fields(grid))


def lost(name: str, file: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        edit(folder / "raw" / file, lambda data: data[name].__setitem__((..., 1, 4), np.nan))

    return change


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nothing, r"no raw file: \S*/raw holds nothing named \*his\*\.nc"),
        (only_air, r"no raw file: \S*/raw holds nothing named \*his\*\.nc"),
        (only_histories, r"croco_his_20060101\.nc: there are no files of the atmosphere"),
        (
            air_of_another_year,
            r"croco_his_20060101\.nc: records 1 \.\.\. 2 are of 2006-01-01T06:00:00 \.\.\. .*, but "
            r"the 1 files of the atmosphere of 1999-01-01T06:00:00",
        ),
        (
            two_oceans,
            r"croco_his_20060801\.nc: an ocean of \(17, 20\) rho points, .* expected an ocean of "
            r"\(12, 14\) rho points, .* as in \S*croco_his_20060101\.nc",
        ),
        (
            another_atmosphere,
            r"ECMWF_20060101_12\.nc: 4 levels of 9 x 11 points, but other files of the same event "
            "have 4 of 7 x 8",
        ),
        (
            lost("temp", "croco_his_20060101.nc"),
            r"croco_his_20060101\.nc: temp at the surface of record 1 is NaN, .* at 1 sea points",
        ),
        (
            lost("THT", "ECMWF_20060101_06.nc"),
            r"ECMWF_20060101_06\.nc: THT is NaN, or was never written, at 5 of 280 points",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_folder_that_is_not_as_it_should_be(
    folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    data = CouplingDataModule(str(folder), workers=1, gap=0)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        data.prepare_data()
        data.layout  # noqa: B018
    assert re.search(message, str(error.value), re.DOTALL), str(error.value)


def test_a_wrong_folder_is_named_with_the_nearest(folder: Path) -> None:
    message = r"data_ does not exist\. Nearest name there: data\b.*DIR being --data.data_path"
    with pytest.raises(FileNotFoundError, match=message):
        CouplingDataModule(f"{folder}_").raw_files()
