"""What the folder of a run holds: histories, the air, and files that are neither."""

from __future__ import annotations

import functools
import logging
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ai4sim.io.files import matches, visible_files
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile
from wmed.io import croco_times, mesonh
from wmed.io.croco_layout import check_whole

log = logging.getLogger(__name__)

HISTORIES = "*his*.nc"
"""Names of the ocean's files."""
TILE = re.compile(r"(?P<stem>.+)\.(?P<number>\d{1,3})", re.ASCII)


class Air(NamedTuple):
    """The air of one time.

    Attributes
    ----------
    path : Path
    number : int
        Which of the times of the file.
    """

    path: Path
    number: int = 0

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def __fspath__(self) -> str:
        """Stand for the file where a path is expected."""
        return str(self.path)

    def __str__(self) -> str:
        """Name the file, and the time where it is not the first one."""
        return f"{self.path} (time {self.number})" if self.number else str(self.path)


def netcdf_files(folder: Path) -> list[Path]:
    """Return the netCDF files of a folder: among them, those of an event are looked for."""
    return visible_files(folder, "*.nc", "*.nc4", "*.cdf")


def air_in(folder: Path) -> tuple[dict[Air, np.datetime64], np.timedelta64]:
    """Return the times of all air in a folder, and how far they may be from the true ones.

    Files of the ocean's grid, averages, restarts, forcing, and files without any field of the air
    are left out, with a line that says so.

    Raises
    ------
    ValueError
        A file cannot be read, or is one of the air that lacks something.
    """
    found: dict[Air, np.datetime64] = {}
    inexact: Any = np.timedelta64(0, "us")
    others = unused(folder)
    for path in netcdf_files(folder):
        if path in others or matches(path, HISTORIES):
            continue
        times = _times(path, path.stat().st_mtime_ns)
        inexact = max(inexact, times.resolution)
        found |= {Air(path, k): time for k, time in enumerate(times.values) if not np.isnat(time)}
    return found, inexact


def unused(folder: Path) -> dict[Path, str]:
    """Return the netCDF files of a folder that are neither histories nor air, and why."""
    found = {
        path: _no_air(path, path.stat().st_mtime_ns)
        for path in netcdf_files(folder)
        if not matches(path, HISTORIES)
    }
    return {path: reason for path, reason in found.items() if reason}


@functools.lru_cache(maxsize=None)
def _no_air(path: Path, changed: int) -> str:
    """Return why a file is none of the air, and say so in a line; "" if it is one."""
    with open_raw(path) as file:
        if "eta_rho" in file.dimensions or "xi_rho" in file.dimensions:
            reason = f"it lies on the ocean's grid, and is not named {HISTORIES}"
        elif not any(name in file for name in mesonh.VARIABLES):
            reason = f"it has no field of the air ({', '.join(mesonh.VARIABLES)})"
        else:
            return ""
    log.info("%s is not used: %s", path, reason)
    return reason


@functools.lru_cache(maxsize=None)
def _times(path: Path, changed: int) -> croco_times.Times:
    """Read the times of a file of the air, once for all events of a folder."""
    try:
        return mesonh.read_times(path)
    except ValueError as error:
        raise ValueError(
            f"{error} ({path.name} is taken for a file of the atmosphere, as it has fields of it)"
        ) from error


def check_no_tile(history: Path) -> None:
    """Raise ValueError if a history is one tile of the grid of a run on several processes.

    Its attribute ``partition`` says so; or its number, and another one of the same times beside it.
    """
    with open_raw(history) as file:
        check_whole(file)
        corner = _corner(file)
    match = TILE.fullmatch(history.stem)
    if match is None:
        return
    for other in visible_files(history.parent, f"{match['stem']}.*{history.suffix}"):
        if other == history or not TILE.fullmatch(other.stem):
            continue
        with open_raw(other) as file:
            elsewhere = corner is not None and _corner(file) not in (None, corner)
        if elsewhere:
            raise ValueError(
                f"{history}: it lies elsewhere than {other.name}, as tiles of one run do, expected "
                "the whole grid: join the tiles with CROCO's ncjoin"
            )


def _corner(file: RawFile) -> tuple[float, ...] | None:
    """Return the smallest longitude and latitude of a file's grid, and the size of that."""
    if "lon_rho" not in file or "lat_rho" not in file:
        return None
    places = [file[name].read(zero_is_a_number=True) for name in ("lon_rho", "lat_rho")]
    return (*(float(np.nanmin(values)) for values in places if values.size), *places[0].shape)
