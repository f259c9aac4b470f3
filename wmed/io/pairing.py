"""Which air belongs to which record of a history: that of the same time."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wmed.io import croco

log = logging.getLogger(__name__)

EXACT = np.timedelta64(0, "us")
SAME_TIME = np.timedelta64(30, "s")
"""Times that are that near are the same, whatever their files can hold."""
Key = TypeVar("Key", bound=Hashable)


def pair(
    croco_path: Path | str,
    atmosphere: Mapping[Key, np.datetime64],
    inexact: np.timedelta64 | None = None,
) -> list[tuple[int, Key]]:
    """Find the air of each record of a history that is no initial state.

    Times are the same if they differ by no more than both files may be from the true time.

    Parameters
    ----------
    croco_path : path
    atmosphere : mapping to datetime64
        The air, such as files, and its times; some may have nothing to do with this history.
    inexact : timedelta64, optional
        How far these times may be from the true ones.

    Returns
    -------
    list of (int, key)
        Records that have one, and their air. The others are left out, with a warning.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; no record has air of its time, or fewer than half of those that could
        have; or there is the air of a time twice.
    """
    if not atmosphere:
        raise ValueError(
            f"{croco_path}: there are no files of the atmosphere to pair it with, such as "
            "ECMWF_20060310_06.nc beside it"
        )
    keys = sorted(atmosphere, key=lambda key: (atmosphere[key], str(key)))
    times = np.array([atmosphere[key] for key in keys], "datetime64[s]")
    records = croco.read_records(croco_path)
    usable = records.usable
    wanted = records.times[usable]
    tolerance = max(SAME_TIME, records.resolution + (inexact or EXACT)).astype("timedelta64[s]")
    first = np.searchsorted(times, wanted - tolerance, side="left")
    end = np.searchsorted(times, wanted + tolerance, side="right")
    found = []
    for record, time, begin, stop in zip(usable, wanted, first, end, strict=True):
        if stop > begin + 1:
            raise ValueError(
                f"{croco_path}: for record {record} ({time}) there is the air of two files: "
                f"{keys[begin]} and {keys[begin + 1]}"
            )
        found += [(record, key) for key in keys[begin:stop]]
    if not found:
        raise ValueError(
            f"{croco_path}: records {usable[0]} ... {usable[-1]} are of {wanted[0]} ... "
            f"{wanted[-1]}, but the {len(keys)} files of the atmosphere of {times[0]} ... "
            f"{times[-1]}, none at the same time as a record"
        )
    _check_losses(croco_path, wanted, times, len(found), tolerance)
    if len(found) < len(usable):
        log.warning(
            "%s: %d of %d records have no air of their time, and are left out",
            croco_path,
            len(usable) - len(found),
            len(usable),
        )
    return found


def _check_losses(
    path: Path | str,
    wanted: NDArray[np.datetime64],
    air: NDArray[np.datetime64],
    found: int,
    tolerance: np.timedelta64,
) -> None:
    """Raise ValueError if most times of both sides that overlap have no partner on the other."""
    records, states = (
        own[(own >= other.min() - tolerance) & (own <= other.max() + tolerance)]
        for own, other in ((wanted, air), (air, wanted))
    )
    if 2 * found < min(len(records), len(states)):
        raise ValueError(
            f"{path}: {len(records)} records and {len(states)} times of the air lie between the "
            f"same first and last time, but only {found} are of the same time. Records are of "
            f"{_listed(records)}, the air of {_listed(states)}"
        )


def _listed(times: NDArray[np.datetime64]) -> str:
    """Return the first times, for messages."""
    return ", ".join(str(time) for time in times[:3]) + (" ..." if len(times) > 3 else "")
