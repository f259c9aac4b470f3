"""Which air belongs to which record of a history: that of the same time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wmed.io import croco

log = logging.getLogger(__name__)

SAME_TIME = np.timedelta64(30, "s")
"""A model that counts seconds of many years in single precision is that far off."""


def pair(
    croco_path: Path | str, atmosphere: Mapping[Path, np.datetime64]
) -> list[tuple[int, Path]]:
    """Find the air of each record of a history, from record 1 on.

    Parameters
    ----------
    croco_path : path
    atmosphere : mapping of path to datetime64
        Files of the atmosphere and their times; some may have nothing to do with this history.

    Returns
    -------
    list of (int, Path)
        Records that have one, and the file with their air. The others are left out.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; no record has air of its time; or two files have the same
        time.
    """
    if not atmosphere:
        raise ValueError(
            f"{croco_path}: there are no files of the atmosphere to pair it with, such as "
            "ECMWF_20060310_06.nc beside it"
        )
    paths = sorted(atmosphere, key=lambda path: (atmosphere[path], path))
    times = np.array([atmosphere[path] for path in paths], "datetime64[s]")
    records = croco.read_times(croco_path)
    if len(records) < 2:
        raise ValueError(
            f"{croco_path}: only {len(records)} record; record 0 is the initial state, fluxes "
            "begin with record 1"
        )
    first = np.searchsorted(times, records - SAME_TIME, side="left")
    end = np.searchsorted(times, records + SAME_TIME, side="right")
    found = []
    for k in range(1, len(records)):
        same = paths[first[k] : end[k]]
        if len(same) > 1:
            raise ValueError(
                f"{croco_path}: for record {k} ({records[k]}) there is the air of two files: "
                f"{same[0]} and {same[1]}"
            )
        found += [(k, path) for path in same]
    if not found:
        raise ValueError(
            f"{croco_path}: records 1 ... {len(records) - 1} are of {records[1]} ... "
            f"{records[-1]}, but the {len(paths)} files of the atmosphere of {times[0]} ... "
            f"{times[-1]}, none at the same time as a record"
        )
    if len(found) < len(records) - 1:
        log.info(
            "%s: %d of %d records have no air of their time, and are left out",
            croco_path,
            len(records) - 1 - len(found),
            len(records) - 1,
        )
    return found
