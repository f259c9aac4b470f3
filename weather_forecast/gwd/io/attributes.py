"""What the attributes of a dataset say of its rows: which variables they are, in which units."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np

from ai4sim.io.raw_variables import RawVariable
from ai4sim.io.units import Conversion, conversion
from ai4sim.variables import Variable

ROWS = re.compile(r"(\w+)(?:[ :=]+(\d+))?")
"""A variable and the number of its rows, 1 if there is none."""


def described(contents: Sequence[Variable]) -> dict[str, str]:
    """Return the attributes that say that a dataset has these variables, one after the other."""
    return {
        "rows": ", ".join(f"{v.name} {v.channels}" for v in contents),
        "units": ", ".join(v.units for v in contents),
    }


def rows_of(variable: RawVariable, contents: Sequence[Variable]) -> tuple[slice, ...]:
    """Return the rows of a dataset that hold each variable.

    By the attribute ``rows``, such as ``u 63, v 63, temperature 63, surface_pressure 1``, or a list
    of these; without it one after the other.

    Raises
    ------
    ValueError
        The attribute names other variables, or other numbers of rows.
    """
    stated = variable.attributes.get("rows", "")
    text = ",".join(map(str, np.ravel(stated)))
    listed = [(v.name, v.channels) for v in contents]
    if text.strip():
        found = [ROWS.fullmatch(part.strip()) for part in text.split(",")]
        named = [(part[1], int(part[2] or 1)) for part in found if part]
        if None in found or sorted(named) != sorted(listed):
            raise ValueError(
                f'{variable.path}: {variable.name} has the attribute rows "{text}", expected '
                f'"{described(contents)["rows"]}", in any order'
            )
        listed = named
    ends = itertools.accumulate((count for _, count in listed), initial=0)
    places = {
        name: slice(start, start + count)
        for (name, count), start in zip(listed, ends, strict=False)
    }
    return tuple(places[v.name] for v in contents)


def upside_down(rows: slice) -> slice:
    """Return the same rows in the opposite order."""
    return slice(rows.stop - 1, rows.start - 1 if rows.start else None, -1)


def conversions_of(
    variable: RawVariable, contents: Sequence[Variable], rows: Sequence[slice]
) -> tuple[Conversion, ...]:
    """Return how the values of each variable are brought to its units.

    Parameters
    ----------
    variable : RawVariable
        Its attribute ``units`` is a list with a unit per variable, in the order of the dataset, or
        per row; or one unit for all. Without it, values are in the units expected.
    contents : sequence of Variable
    rows : sequence of slice
        The rows of the dataset that hold them.

    Raises
    ------
    ValueError
        There are more or fewer units, or one measures another quantity.
    """
    given = variable.attributes.get("units")
    if given is None or not str(given).strip():
        return (Conversion(),) * len(contents)
    units = given.split(",") if isinstance(given, str) else [str(u) for u in np.ravel(given)]
    starts = sorted(part.start for part in rows)
    if len(units) == 1:
        of_contents = [set(units)] * len(contents)
    elif len(units) == len(contents):
        of_contents = [{units[starts.index(part.start)]} for part in rows]
    elif len(units) == max(part.stop for part in rows):
        of_contents = [{unit.strip() for unit in units[part]} for part in rows]
    else:
        raise ValueError(
            f'{variable.path}: {variable.name} has {len(units)} units, "{_short(given)}", expected '
            f'{len(contents)}, "{described(contents)["units"]}", or others that can be converted '
            "to them"
        )
    found = []
    for content, of_content in zip(contents, of_contents, strict=True):
        try:
            (conversion_of,) = {conversion(unit, content.units) for unit in of_content}
        except ValueError:
            raise ValueError(
                f'{variable.path}: {variable.name} has the units "{_short(given)}", those of '
                f'{content.name} "{" and ".join(sorted(map(str.strip, of_content)))}", expected '
                f'"{content.units}", or one that can be converted to it'
            ) from None
        found.append(conversion_of)
    return tuple(found)


def _short(given: object) -> str:
    text = str(given)
    return text if len(text) <= 80 else f"{text[:77]}..."
