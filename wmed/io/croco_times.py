"""When the records of a history are: dates in units, in attributes and in names of files."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai4sim.io import names
from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.times import decode_times, has_date, resolution, seconds_in, to_seconds

log = logging.getLogger(__name__)

TIMES = ("time", "scrum_time", "ocean_time")
ORIGINS = ("time_origin", "start_date", "origin_date")
DATE_FORMATS = (
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y",
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y",
    "%Y-%b-%d %H:%M:%S",
    "%Y-%b-%d",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d",
)


class Times(NamedTuple):
    """The times of the records of a file.

    Attributes
    ----------
    values : (record,), datetime64[s]
        UTC; NaT for a last record whose time was not written yet.
    resolution : timedelta64
        How far they may be from the true ones, since the file stores them in few digits.
    """

    values: NDArray[np.datetime64]
    resolution: np.timedelta64


def read_times(file: RawFile, candidates: tuple[str, ...] = TIMES) -> Times:
    """Read the times of all records.

    They are counted from the date in the units; else from an attribute ``time_origin``,
    ``start_date`` or ``origin_date`` of the variable or of the file; else from the date in the name
    of the file, as in ``croco_his_20060310.nc``.

    Raises
    ------
    ValueError
        There is no time; nothing says from when it is counted, or two things say different dates;
        a time is missing elsewhere than at the end; or two variables contradict each other.
    """
    dated = {
        name: _dated(file[name])
        for name in candidates
        if name in file and has_date(file[name].units)
    }
    if dated:
        name = min(dated, key=lambda candidate: dated[candidate].resolution)
        best = dated[name]
        for other, times in dated.items():
            apart = np.abs(times.values - best.values)
            apart = apart[~np.isnat(apart)]
            if apart.size and apart.max() > times.resolution + np.timedelta64(1, "s"):
                raise ValueError(
                    f"{file.path}: {other} and {name} differ by {apart.max().astype('m8[s]')}"
                )
    else:
        name, best = _counted(file, candidates)
    return Times(_only_last_missing(file, name, best.values), best.resolution)


def last_of_each(file: RawFile, times: Times) -> list[int]:
    """Return the records whose times are there, of two of the same time the later one."""
    last: dict[np.datetime64, int] = {}
    for record, time in enumerate(times.values):
        if np.isnat(time):
            continue
        if time in last:
            log.warning(
                "%s: records %d and %d are both of %s; the later one is used",
                file.path,
                last[time],
                record,
                time,
            )
        last[time] = record
    return sorted(last.values())


# --- Parts ---


def _dated(variable: RawVariable) -> Times:
    """Decode times whose units have a date."""
    units = variable.units or ""
    calendar = str(variable.attributes.get("calendar") or "standard")
    values = np.atleast_1d(variable.read(zero_is_a_number=True)).ravel()
    try:
        decoded = decode_times(values, units, calendar)
    except ValueError as error:
        raise ValueError(
            f'{variable.path}: {variable.name} has the units "{units}" and the calendar '
            f"{calendar}: {error}"
        ) from error
    return Times(to_seconds(decoded), _resolution(variable, values, seconds_in(units) or 1.0))


def _counted(file: RawFile, candidates: tuple[str, ...]) -> tuple[str, Times]:
    """Read times that are counted from a date which stands elsewhere."""
    variable = file.first(*candidates)
    unit = seconds_in(variable.units or "second")
    if unit is None:
        raise ValueError(
            f'{file.path}: {variable.name} has the units "{variable.units}", expected seconds, or '
            "a time since a date"
        )
    stored = np.atleast_1d(variable.read(zero_is_a_number=True)).ravel()
    seconds = stored.astype(float) * unit
    start = _start(file, variable, seconds)
    known = np.isfinite(seconds)
    times = np.full(seconds.shape, np.datetime64("NaT"), "datetime64[us]")
    times[known] = start + np.round(1e6 * seconds[known]).astype("timedelta64[us]")
    # A file that is being written may have a last record that holds nothing yet.
    if len(seconds) > 1 and seconds[-1] == 0 and seconds[-2] > 0:
        times[-1] = np.datetime64("NaT")
    return variable.name, Times(to_seconds(times), _resolution(variable, stored, unit))


def _resolution(variable: RawVariable, values: NDArray[Any], unit: float) -> np.timedelta64:
    """Return how far the times of a variable may be from those that were meant."""
    known = values[np.isfinite(values)]
    if variable.packed or not known.size:
        return np.timedelta64(0, "us")
    return resolution(known, variable.dtype, unit).max()


def _only_last_missing(
    file: RawFile, name: str, times: NDArray[np.datetime64]
) -> NDArray[np.datetime64]:
    """Raise ValueError if a time is missing that is not the last one; tell if that is."""
    missing = np.flatnonzero(np.isnat(times))
    if not missing.size:
        return times
    if missing[0] < len(times) - 1 or len(times) == 1:
        raise ValueError(
            f"{file.path}: {name} of record {missing[0]} is missing, expected times in all "
            f"{len(times)} records but, at most, the last one"
        )
    log.warning(
        "%s: record %d is left out: its %s was not written yet", file.path, missing[0], name
    )
    return times


def _start(file: RawFile, variable: RawVariable, seconds: NDArray[np.float64]) -> np.datetime64:
    """Return from when a file counts its time, as it says or as its name says."""
    own = variable.attributes.get("time_origin")
    found = {"time_origin": own} if own is not None else {}
    found = found or {name: file.attributes[name] for name in ORIGINS if name in file.attributes}
    dates = {name: _date(file, name, str(text)) for name, text in found.items()}
    if len(set(dates.values())) > 1:
        return _one_of(file, variable, seconds, dates)
    if dates:
        return next(iter(dates.values()))
    return _from_name(file, variable, seconds)


def _one_of(
    file: RawFile,
    variable: RawVariable,
    seconds: NDArray[np.float64],
    dates: dict[str, np.datetime64],
) -> np.datetime64:
    """Choose among several origins: a run that began at one of them may count from the other."""
    first = np.timedelta64(round(1e6 * float(np.nanmin(seconds))), "us")
    begin, origin = dates.get("start_date"), dates.get("origin_date", dates.get("time_origin"))
    if begin is not None and origin is not None and origin < begin:
        if first < begin - origin:  # counted from the origin, it would lie before the run
            return begin
        if first == begin - origin:
            return origin
    listed = ", ".join(f"{name} {date.astype('M8[s]')}" for name, date in dates.items())
    raise ValueError(
        f"{file.path}: {variable.name} may be counted from different dates: {listed}. Give it the "
        'units "seconds since DATE"'
    )


def _from_name(file: RawFile, variable: RawVariable, seconds: NDArray[np.float64]) -> np.datetime64:
    """Return the start of a run that only the name of its file tells."""
    name = names.read_name(file.path)
    found = name.instant
    if found is None:
        raise ValueError(
            f"{file.path}: nothing says from when its time is counted: no attribute start_date, "
            "no date in the units of time or in the name of the file (as croco_his_20060310.nc)"
        )
    if re.search(r"\d", name.part):
        raise ValueError(
            f'{file.path}: the name has the date {found}, then "{name.part}", and nothing else '
            "says from when its time is counted. Give the attribute start_date, or the units "
            '"seconds since DATE"'
        )
    known = seconds[np.isfinite(seconds)]
    step = float(np.diff(known).min()) if len(known) > 1 else 0.0
    midnight = found.astype("datetime64[D]") == found
    if known.size and known[0] > (step if midnight else 0.0):
        raise ValueError(
            f"{file.path}: {variable.name} begins with {known[0]:g} s, and the date in the name "
            f"({found}) may be the start of the run or that of the file. Give the attribute "
            'start_date, or the units "seconds since DATE"'
        )
    return found.astype("datetime64[us]")


def _date(file: RawFile, name: str, text: str) -> np.datetime64:
    """Return the date that an attribute says, in UTC.

    Raises
    ------
    ValueError
        It says none, or one of two: the day and the month may be either way round.
    """
    dates = set(_readings(text.strip()))
    if not dates:
        raise ValueError(
            f'{file.path}: the attribute {name} is "{text}", expected a date as 2006-03-10T00:00:00'
        )
    if len(dates) > 1:
        either = " or ".join(str(date)[:10] for date in sorted(dates))
        raise ValueError(
            f'{file.path}: the attribute {name} is "{text}", which may be {either}: expected a '
            "date as 2006-03-10T00:00:00"
        )
    return dates.pop()


def _readings(text: str) -> list[np.datetime64]:
    """Return the dates that a text may mean."""
    for zone in ("UTC", "GMT", "utc"):
        text = text.removesuffix(zone).strip()
    dates: list[np.datetime64] = []
    for form in (None, *DATE_FORMATS):
        try:
            date = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
        except ValueError:
            continue
        universal = date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
        dates.append(np.datetime64(universal, "us"))
    return dates
