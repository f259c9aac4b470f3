"""Arrays of files by what their dimensions are called: time, level, y and x, in whatever order.

The ocean calls the horizontal ones ``eta_*`` and ``xi_*``, the atmosphere ``nj*`` and ``ni*``. What
is neither these nor a time is a level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.raw_variables import RawVariable

Y = re.compile(r"(eta|nj|y|lat|latitude)(_\w+)?", re.ASCII | re.IGNORECASE)
X = re.compile(r"(xi|ni|x|lon|longitude)(_\w+)?", re.ASCII | re.IGNORECASE)


def axis_of(dimension: str) -> str:
    """Return what a dimension is by its name: "time", "level", "y" or "x".

    Examples
    --------
    >>> [axis_of(name) for name in ("ocean_time", "s_rho", "eta_v", "ni_u")]
    ['time', 'level', 'y', 'x']
    """
    if "time" in dimension.lower():
        return "time"
    if Y.fullmatch(dimension):
        return "y"
    return "x" if X.fullmatch(dimension) else "level"


def sizes(variable: RawVariable) -> dict[str, int]:
    """Return the sizes of the axes of a variable, in the order of the file.

    Dimensions of size 1 that are a second one of their kind are left out.

    Raises
    ------
    ValueError
        Dimensions have no names, or two are of one kind.
    """
    found: dict[str, int] = {}
    for axis, size in zip(_axes(variable), variable.shape, strict=True):
        if axis:
            found[axis] = size
    return found


def take(
    variable: RawVariable,
    axes: Sequence[str],
    at: Mapping[str, int] | None = None,
    *,
    zero_is_a_number: bool = False,
) -> NDArray[Any]:
    """Read a variable with some axes, in this order.

    Parameters
    ----------
    variable : RawVariable
    axes : sequence of {"time", "level", "y", "x"}
        What the array is to have. An axis that the variable lacks gets the size 1.
    at : mapping of str to int, optional
        Which index is read along others, where the variable has them.
    zero_is_a_number : bool
        See :meth:`ai4sim.io.raw_variables.RawVariable.read`.

    Returns
    -------
    array
        With the numbers of the file, not converted to other units.

    Raises
    ------
    ValueError
        Dimensions are as :func:`sizes` refuses them, or values differ along an axis that is neither
        in `axes` nor in `at`.
    """
    index: list[int | slice] = []
    left: list[str] = []
    for axis, size in zip(_axes(variable), variable.shape, strict=True):
        if axis and axis in (at or {}):
            index.append((at or {})[axis])
        elif not axis or (size == 1 and axis not in axes):
            index.append(0)
        else:
            index.append(slice(None))
            left.append(axis)
    values = variable.read(tuple(index), zero_is_a_number=zero_is_a_number)
    for place in reversed(range(len(left))):
        if left[place] not in axes:
            first = np.take(values, [0], place)
            if not ((values == first) | (np.isnan(values) & np.isnan(first))).all():
                raise ValueError(
                    f"{variable.path}: {variable.name} {described(variable)} changes along "
                    f"{left[place]}, expected the same values all along"
                )
            values = first.squeeze(place)
            del left[place]
    values = values.transpose([left.index(axis) for axis in axes if axis in left])
    missing = [place for place, axis in enumerate(axes) if axis not in left]
    return np.expand_dims(values, missing) if missing else values


def plane(
    variable: RawVariable, shape: tuple[int, int], *, zero_is_a_number: bool = False
) -> NDArray[np.float64]:
    """Read a field of ``(y, x)`` that may be given along one of them alone, or at several times.

    Raises
    ------
    ValueError
        It has another shape, or changes in time.
    """
    values = take(variable, ("y", "x"), zero_is_a_number=zero_is_a_number)
    for found, expected in zip(values.shape, shape, strict=True):
        if found not in (1, expected):
            raise ValueError(
                f"{variable.path}: {variable.name} has shape {variable.shape}, expected {shape}"
            )
    return np.broadcast_to(values, shape).astype(np.float64)


def described(variable: RawVariable) -> str:
    """Return the dimensions of a variable for messages: ``(time 5, eta_rho 12, xi_rho 14)``."""
    parts = zip(variable.dimensions, variable.shape, strict=True)
    return f"({', '.join(f'{name} {size}'.strip() for name, size in parts)})"


def _axes(variable: RawVariable) -> list[str]:
    """Return the axis of each dimension, "" for one that only repeats another and has size 1."""
    kinds = [axis_of(name) for name in variable.dimensions]
    if "" in variable.dimensions:
        raise ValueError(
            f"{variable.path}: the dimensions of {variable.name}, of shape {variable.shape}, have "
            "no names, so nothing says which is which"
        )
    for axis in set(kinds):
        places = [place for place, kind in enumerate(kinds) if kind == axis]
        long = [place for place in places if variable.shape[place] > 1]
        if len(long) > 1:
            raise ValueError(
                f"{variable.path}: {variable.name} has the dimensions {described(variable)}, "
                f"expected one for each of time, level, y and x, found {len(long)} for {axis}"
            )
        keep = long[0] if long else places[0]
        for place in places:
            if place != keep:
                kinds[place] = ""
    return kinds
