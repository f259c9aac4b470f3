"""Times and simulations by the names of files: ``rad_2015-01-01_06.nc``, ``DNS1_007.h5``.

Understood, anywhere in a name, are the dates ``2015-01-31``, ``20150131``, ``2015001`` (day of the
year), ``31Jan2015``, ``2015-01``, ``y2015m01d31``, and the hour that follows one: ``T06``, ``_06``,
``_0600``, ``_06:00:00``, ``2015013106``. Other numbers after the date, members and tiles are parts:
files of one instant. Without a date the last number of a name counts the instants of a simulation.
"""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATE_ALONE, NUMBER_ALONE = "date", "number"
"""Cases of files that are named by a date, or a number, and nothing else."""

_YEAR = r"(?P<year>(?:18|19|20|21)\d\d)"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<year>\d{4})(?P<s>[-_.])(?P<month>\d\d?)(?P=s)(?P<day>\d\d?)(?!\d)",
        rf"(?<!\d){_YEAR}(?P<month>\d\d)(?P<day>\d\d)(?P<digits>\d\d(?:\d\d(?:\d\d)?)?)?(?!\d)",
        r"(?<![^\W_])y(?P<year>\d{4})m(?P<month>\d\d)(?:d(?P<day>\d\d))?(?!\d)",
        rf"(?<!\d){_YEAR}(?P<ordinal>\d{{3}})(?!\d)",
        rf"(?<!\d)(?P<day>\d\d?)[-_. ]?{_NAME}[-_. ]?(?P<year>\d{{4}})(?!\d)",
        rf"(?<!\d)(?P<year>\d{{4}})[-_. ]?{_NAME}(?![a-z])(?:[-_. ]?(?P<day>\d\d?)(?!\d))?",
        rf"(?<![a-z]){_NAME}[-_. ]?(?P<year>\d{{4}})(?!\d)",
        rf"(?<![^\W_]){_YEAR}-(?P<ordinal>\d{{3}})(?!\d)",
        rf"(?<![^\W_])(?<![-_.]\d[-_.])(?<![-_.]\d\d[-_.]){_YEAR}[-_.](?P<month>\d\d)(?![-_.]?\d)",
        rf"(?<!\d){_YEAR}(?P<month>\d\d)-(?:18|19|20|21)\d{{4}}(?!\d)",
    )
]
_CLOCK = re.compile(
    r"[-_. ]?(?:"
    r"T?(?P<h1>\d\d)[:h](?P<m1>\d\d)(?:[:m](?P<s1>\d\d)s?)?"
    r"|T(?P<h2>\d\d)(?:[-_]?(?P<m2>\d\d)(?:[-_]?(?P<s2>\d\d))?)?"
    r"|(?P<h3>\d\d?)(?:h|hours?|z|utc)"
    r"|h(?P<h4>\d\d)"
    r")(?![\d:])(?:z|utc)?(?![a-z])",
    re.IGNORECASE,
)
_BARE_CLOCK = re.compile(
    r"[-_. ](?:"
    r"(?P<h1>\d\d)(?P<s>[-_])(?P<m1>\d\d)(?P=s)(?P<s1>\d\d)"
    r"|(?P<h2>\d\d)(?:(?P<m2>\d\d)(?:(?P<s2>\d\d))?)?"
    r"|(?P<seconds>\d{5})"
    r")(?![\d:])(?:z|utc)?(?![a-z])",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:^|[-_.+ ])(?:mem|member|ens|tile|patch|part|proc|rank|cpu|block|blk|chunk|lead|step)"
    r"[-_.]?\d+(?:of\d+)?(?=$|[-_.+ ])",
    re.IGNORECASE,
)
_SHORT_PART = re.compile(
    r"(?:^|[-_.+ ])(?:(?:[mertpf]|mb|fc)?\d+h?|[a-z]{1,2}\d{8,14})(?=$|[-_.+ ])", re.IGNORECASE
)
_COUNTER = re.compile(r"(?:(?:(?<![^\W_])t[-_=]?|_)(?P<time>\d+\.\d+)|[-_.]?(?P<number>\d+))$")
_COUNTED_PART = re.compile(
    rf"[-_.]\d+(?P<part>{_PART.pattern}|[-_.][mertpf]\d+)$|[-_]0\d+(?P<zone>\.\d+)$",
    re.IGNORECASE,
)
"""Parts of a numbered instant: ``_0001_tile3``; ``_0000.0001``, a zone of a mesh."""
_YEAR_LAST = re.compile(r"(?<!\d)(\d\d?)([-_.]?)(\d\d?)\2((?:19|20)\d\d)(?!\d)")
_SHORT_YEAR = re.compile(r"(?<!\d)(\d\d)(\d\d)(\d\d)(?!\d)(?=(?P<more>[-_.]\d)?)")


@dataclass(frozen=True)
class FileName:
    """What a name says.

    Attributes
    ----------
    case : str
        The simulation, or the series, that the file belongs to.
    instant : datetime64[s], optional
        Its time; of a month, of a year's month, the first day.
    number : float, optional
        Without a date, the number that counts the instants.
    part : str
        What tells files of one instant apart: a member, a tile; "" where nothing does.
    bare : str
        The digits that were read as a time of day though nothing but a separator says that they
        are one.
    """

    case: str
    instant: np.datetime64 | None = None
    number: float | None = None
    part: str = ""
    bare: str = ""


def read_name(path: Path | str, *, dates: bool = True, bare_hours: bool = True) -> FileName:
    """Read a file's name.

    Parameters
    ----------
    path : path
    dates : bool
        Whether to look for a date.
    bare_hours : bool
        Whether digits after a date and a separator, ``_06`` or ``_0600``, may be a time of day.

    Examples
    --------
    >>> name = read_name("raw/rad_2015-01-01_06_tile3.nc")
    >>> name.case, str(name.instant), name.part
    ('rad', '2015-01-01T06:00:00', 'tile3')
    """
    stem = Path(path).stem
    found = next(_dates_in(stem), None) if dates else None
    if found is None:
        return _counted(stem)
    match, day = found
    digits = match.groupdict().get("digits") or ""
    rest, bare, seconds = stem[match.end() :], "", _seconds(digits[:2], digits[2:4], digits[4:])
    if not digits and (clock := _CLOCK.match(rest)) and (time := _time_of(clock)) is not None:
        rest, seconds = rest[clock.end() :], time
    elif not digits and bare_hours and (clock := _BARE_CLOCK.match(rest)):
        time = _time_of(clock)
        if time is not None:
            rest, bare, seconds = rest[clock.end() :], re.sub(r"\D", "", clock.group()), time
    instant = np.datetime64(day, "s") + np.timedelta64(seconds or 0, "s")
    before, parts = _without(stem[: match.start()], _PART)
    for pattern in (_PART, _SHORT_PART):
        rest, more = _without(rest, pattern)
        parts += more
    words = (text.strip("-_.+ ") for text in (before, rest))
    case = "_".join(filter(None, words)) or DATE_ALONE
    return FileName(case, instant, part="_".join(parts), bare=bare)


def instant(path: Path | str) -> np.datetime64 | None:
    """Return the date and hour in a file's name, datetime64[s]; None where there is none."""
    return read_name(path).instant


def case_of(path: Path | str) -> str:
    """Return the simulation that a file belongs to: its stem without date, number and part.

    ``DNS1_007.h5`` belongs to ``DNS1``, ``R2K1_0001.h5`` to ``R2K1``, ``snapshot12.h5`` to
    ``snapshot``, ``rad_2015-01-31_0600.nc`` to ``rad``. Files that are named by a date alone are
    all of one case, ``date``.
    """
    return read_name(path).case


def natural_key(path: Path) -> list[str | int]:
    """Sort key in which ``run_10`` follows ``run_9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def cases(files: Iterable[Path]) -> dict[str, list[list[Path]]]:
    """Sort files by case, and within a case by instants.

    Names that differ in nothing but their digits are read alike. They are dates if all of them can
    be; a number after the date is a time of day if all of them can be and they do not merely count
    from 0 or 1 on every day, as patches do.

    Returns
    -------
    dict of str to list of list of Path
        The cases by name; of each its instants in the order of time; of each instant its files.

    Raises
    ------
    ValueError
        Dates cannot be told apart: day and month come before the year, or it has two digits.
    """
    alike: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(files, key=natural_key):
        alike[re.sub(r"\d+", "0", file.stem)].append(file)
    read = {file: name for group in alike.values() for file, name in _read_alike(group).items()}
    of_case: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(read, key=natural_key):
        of_case[read[file].case].append(file)
    return {case: _instants(of_case[case], read) for case in sorted(of_case)}


def _instants(files: Sequence[Path], read: dict[Path, FileName]) -> list[list[Path]]:
    """Gather the files of one case, in the order of their names, by instants."""
    instants: dict[Any, list[Path]] = defaultdict(list)
    for file in files:
        name = read[file]
        known = name.number if name.instant is None else name.instant
        instants[file.stem if known is None else known].append(file)
    if len({type(known) for known in instants}) == 1:
        return [instants[known] for known in sorted(instants)]
    return list(instants.values())


def _read_alike(files: Sequence[Path]) -> dict[Path, FileName]:
    """Read names that differ in nothing but their digits, all in the same way."""
    names = [read_name(file) for file in files]
    if any(name.instant is None for name in names):
        _refuse_unclear(files)
        names = [read_name(file, dates=False) for file in files]
    elif any(name.bare for name in names) and not _are_hours(names):
        names = [read_name(file, bare_hours=False) for file in files]
    return dict(zip(files, names, strict=True))


def _are_hours(names: Sequence[FileName]) -> bool:
    """Whether digits after dates are times of day, not numbers that begin anew every day."""
    if not all(name.bare for name in names):
        return False
    days: dict[object, set[int]] = defaultdict(set)
    for name in names:
        if name.instant is not None:
            days[name.instant.astype("datetime64[D]")].add(int(name.bare))
    numbers = [sorted(day) for day in days.values()]
    longest = max(map(len, numbers))
    counts = all(day in (list(range(len(day))), list(range(1, len(day) + 1))) for day in numbers)
    return not (counts and len(numbers) > 1 and 1 < longest < 24)


def _refuse_unclear(files: Sequence[Path]) -> None:
    """Raise ValueError where all names hold a date whose order nobody can tell."""
    for pattern, unclear, problem in (
        (_YEAR_LAST, _is_year_last, "the year last"),
        (_SHORT_YEAR, _is_short_year, "a year of two digits"),
    ):
        dates = [match for file in files if (match := pattern.search(file.stem))]
        if len(dates) == len(files) and unclear(dates):
            raise ValueError(
                f"{files[0]}: expected the date in the name as year, month, day, such as "
                f"2015-01-31 or 20150131, found {problem}, {dates[0][0]!r}, in "
                f"{len(files)} names like this one. Rename them, or list the sets in splits.yaml"
            )


def _is_year_last(matches: Sequence[re.Match[str]]) -> bool:
    """Whether numbers can all be dates with the day or the month first, the year last."""
    dates = [(int(match[4]), int(match[1]), int(match[3])) for match in matches]
    return all(_is_date(year, b, a) or _is_date(year, a, b) for year, a, b in dates)


def _is_short_year(matches: Sequence[re.Match[str]]) -> bool:
    """Whether six digits are dates that do not sort as numbers, or have a number after them."""
    numbers = [tuple(int(match[i]) for i in (1, 2, 3)) for match in matches]
    if all(
        _is_date(2000 + a, b, c) and match["more"]
        for match, (a, b, c) in zip(matches, numbers, strict=True)
    ):
        return True
    first, _, last = (len(set(column)) > 1 for column in zip(*numbers, strict=True))
    day_first = all(c and _is_date(2000 + c, b, a) for a, b, c in numbers)
    month_first = all(c and _is_date(2000 + c, a, b) for a, b, c in numbers)
    return first and (day_first or (month_first and last))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def _dates_in(stem: str) -> Iterator[tuple[re.Match[str], datetime.date]]:
    """Give the dates in a name that exist in the calendar, the most explicit forms first."""
    for pattern in _DATES:
        for match in pattern.finditer(stem):
            parts = match.groupdict()
            year, day = int(parts["year"]), int(parts.get("day") or 1)
            digits = parts.get("digits") or ""
            if digits and _seconds(digits[:2], digits[2:4], digits[4:]) is None:
                continue
            try:
                if ordinal := parts.get("ordinal"):
                    first = datetime.date(year, 1, 1)
                    date = first + datetime.timedelta(days=int(ordinal) - 1)
                    if date.year != year:
                        continue
                elif name := parts.get("name"):
                    date = datetime.date(year, _MONTHS.index(name[:3].lower()) + 1, day)
                else:
                    date = datetime.date(year, int(parts["month"]), day)
            except ValueError:
                continue
            yield match, date


def _time_of(clock: re.Match[str]) -> int | None:
    """Return the seconds of a time of day; None where there is no such time."""
    parts = clock.groupdict()
    if parts.get("seconds"):
        return int(parts["seconds"]) if int(parts["seconds"]) <= 86400 else None
    for i in "1234":
        if parts.get(f"h{i}"):
            return _seconds(parts[f"h{i}"], parts.get(f"m{i}") or "", parts.get(f"s{i}") or "")
    return None


def _seconds(hours: str, minutes: str, seconds: str) -> int | None:
    """Return the seconds since midnight; 24:00 is the end of the day."""
    h, m, s = (int(text or 0) for text in (hours, minutes, seconds))
    total = 3600 * h + 60 * m + s
    return total if m < 60 and s < 60 and total <= 86400 else None


def _without(text: str, pattern: re.Pattern[str]) -> tuple[str, list[str]]:
    """Take what matches out of a text."""
    return pattern.sub("", text), [part.strip("-_.+ ") for part in pattern.findall(text)]


def _counted(stem: str) -> FileName:
    """Read a name without a date."""
    end = _COUNTED_PART.search(stem)
    part = (end["part"] or end["zone"]) if end else ""
    stem = stem.removesuffix(part)
    counter = _COUNTER.search(stem)
    if counter is None:
        return FileName(stem)
    case = stem[: counter.start()] or NUMBER_ALONE
    number = float(counter["time"] or counter["number"])
    return FileName(case.rstrip("-_.") or case, number=number, part=part.strip("-_.+ "))
