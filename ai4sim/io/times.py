"""Times of raw files, decoded by cftime, and how exactly a file can hold them."""

from __future__ import annotations

import re
from typing import Any

import cftime
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

GREGORIAN = ("standard", "gregorian", "proleptic_gregorian")
"""Calendars whose days are those of numpy's dates (from 1582 on)."""
SECONDS = {
    "second": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "hour": 3600.0,
    "hr": 3600.0,
    "h": 3600.0,
    "day": 86400.0,
    "d": 86400.0,
}
"""Length of the units of time [s], in the singular."""
MILLION = 1_000_000


def seconds_in(units: str) -> float | None:
    """Return the length of a unit of time [s], of what stands before "since"; None if it is none.

    Examples
    --------
    >>> seconds_in("Hours since 1900-01-01"), seconds_in("metres")
    (3600.0, None)
    """
    word = re.split(r"\bsince\b", units.strip().lower())[0].strip()
    found = SECONDS.get(word)
    return SECONDS.get(word.removesuffix("s")) if found is None else found


def has_date(units: str | None) -> bool:
    """Whether units count from a date, as ``days since 2006-03-10``."""
    return re.search(r"\bsince\b", units or "", re.IGNORECASE) is not None


def decode_times(
    values: ArrayLike, units: str, calendar: str | None = None
) -> NDArray[np.datetime64]:
    """Decode times that are counted from a date.

    Parameters
    ----------
    values : array
        Numbers; NaN, and masked ones, are times that were never written.
    units : str
        Such as ``Seconds since 1900-01-01 00:00:00 +0:00``, in any case.
    calendar : str, optional
        By default ``standard``, the mixed Julian and Gregorian one.

    Returns
    -------
    array
        Of their shape, to the microsecond, UTC; NaT where there is no number.

    Raises
    ------
    ValueError
        The units make no sense, or the calendar is not Gregorian: its days are not those of other
        files.
    """
    name = str(calendar or "standard").strip().lower()
    if name in ("none", ""):
        name = "standard"
    if name not in GREGORIAN:
        raise ValueError(
            f'the calendar is "{calendar}", expected {", ".join(GREGORIAN)}: the days of a model '
            "year do not exist in the calendar of the other files"
        )
    numbers = np.ma.filled(np.ma.asarray(values, np.float64), np.nan)
    times = np.full(numbers.shape, np.datetime64("NaT"), "datetime64[us]")
    known = np.isfinite(numbers)
    if not has_date(units):
        raise ValueError(f'the units are "{units}", expected a time since a date')
    text = re.sub(r"\s+since\s+", " since ", units.strip(), flags=re.IGNORECASE)
    unit, _, origin = text.partition(" since ")
    try:
        dates: Any = cftime.num2date(
            numbers[known], f"{unit.lower()} since {origin}", name, only_use_cftime_datetimes=True
        )
    except (ValueError, OverflowError, TypeError, AttributeError) as error:
        raise ValueError(f'the units "{units}", calendar {name}, make no sense: {error}') from error
    texts = [f"{d.year:04d}-{d.strftime('%m-%dT%H:%M:%S')}.{d.microsecond:06d}" for d in dates]
    times[known] = np.array(texts, "datetime64[us]")
    return times


def resolution(values: ArrayLike, kind: DTypeLike, unit: float) -> NDArray[np.timedelta64]:
    """Return how far stored times may be from those that were meant.

    Parameters
    ----------
    values : array
        The stored numbers.
    kind : dtype
        Their type in the file. A single-precision number of seconds since 1900 is 128 s off.
    unit : float
        Length of their unit [s].
    """
    numbers, stored = np.asarray(values, np.float64), np.dtype(kind)
    if stored.kind != "f":
        return np.zeros(numbers.shape, "timedelta64[us]")
    steps = np.spacing(np.abs(numbers).astype(stored)).astype(np.float64)
    return np.ceil(np.nan_to_num(steps) * unit * MILLION).astype("timedelta64[us]")


def to_seconds(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Round times to the nearest second."""
    rounded: NDArray[np.datetime64] = times + np.timedelta64(MILLION // 2, "us")
    return rounded.astype("datetime64[s]")
