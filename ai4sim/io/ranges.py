"""Bounds that physics gives to a variable: beyond them, numbers have other units or no meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Bounds(NamedTuple):
    """The least and the greatest value that a quantity can have, in its units."""

    low: float
    high: float


class Quantity(NamedTuple):
    """Values of a physical quantity, and the bounds that physics gives it, if they are known."""

    name: str
    units: str
    values: NDArray[Any]
    bounds: tuple[float, float] | None = None


def check_range(
    path: Path | str,
    name: str,
    values: NDArray[Any],
    bounds: tuple[float, float],
    units: str = "",
    place: Callable[[Sequence[int]], str] | None = None,
) -> None:
    """Check that all values are numbers within bounds, in a pass for each bound.

    Parameters
    ----------
    path, name : path, str
        The file and the variable, for messages.
    values : array
    bounds : (float, float)
    units : str
        Those of `bounds`, for messages.
    place : callable, optional
        Describes where an index of `values` is.

    Raises
    ------
    ValueError
        A value is NaN, which also stands for one that was never written, infinite, or beyond the
        bounds. The message has the first such value, its place, and how many there are.
    """
    low, high = bounds
    with np.errstate(invalid="ignore"):
        if not values.size or (values.min() >= low and values.max() <= high):
            return
        missing = ~np.isfinite(values)
        wrong = missing if missing.any() else (values < low) | (values > high)
    index = [int(i) for i in np.argwhere(wrong)[0]]
    where = place(index) if place else f"index {index}"
    count = f"the first of {int(wrong.sum())} such values of {values.size}"
    found = values[tuple(index)]
    if missing.any():
        meaning = "infinite" if np.isinf(found) else "NaN, or was never written,"
        raise ValueError(f"{path}: {name} is {meaning} at {where}, {count} (NaN or infinite)")
    raise ValueError(
        f"{path}: {name} is {found:g} {units}".rstrip()
        + f" at {where}, {count}; expected {low:g} ... {high:g} {units}".rstrip()
    )
