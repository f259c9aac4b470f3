"""Facts about a flame: numbers that a file states, in SI units, within bounds that physics gives.

Facts are attributes of the file, or data sets of one number. Their units are those of the tables
here, unless an attribute ``NAME_units`` (of a data set, its attribute ``units``) states others, or
the attribute is a text with a unit, such as ``0.8 mm``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ai4sim.io.raw_variables import plain
from ai4sim.io.units import conversion, convert_from

if TYPE_CHECKING:
    from ai4sim.io.raw_variables import RawFile
    from combustion.io.layouts import Flame

LENGTHS = {
    "dx_les": (1e-7, 0.2),
    "dx": (1e-7, 0.2),
    "dx_dns": (1e-8, 0.02),
    "filter_width": (1e-7, 0.5),
    "delta_L": (1e-7, 0.1),
    "l_t": (1e-7, 10.0),
}
"""Facts in m: the least and the greatest that is plausible."""
SPEEDS = {
    "S_L": (1e-3, 20.0),
    "u_rms_in": (0.0, 1e3),
    "U_jet": (-1e3, 1e3),
    "U_coflow": (-1e3, 1e3),
}
"""Facts in m/s."""
NUMBERS = {"filter_npts": (1.0, 1e4), "filter_sigma_dx": (1e-3, 1e4), "coarsening": (1.0, 1e4)}
"""Facts without a unit."""
FACTS = {
    **{name: ("m", bounds) for name, bounds in LENGTHS.items()},
    **{name: ("m/s", bounds) for name, bounds in SPEEDS.items()},
    **{name: ("1", bounds) for name, bounds in NUMBERS.items()},
    "time": ("s", (-np.inf, np.inf)),
}
"""The unit and the bounds of each fact."""
TEXTS = ("case", "axis_order", "periodic")
"""Facts in words."""
PERIODIC = re.compile(r"(?:[xyz]\W*)*|none", re.IGNORECASE)
"""Axes in the attribute ``periodic``: ``y,z``."""
REPEATED = re.compile(r"\(([xyz,]+) periodic, last plane = first\)")
"""Axes in the attribute ``axis_order`` whose last plane repeats the first."""
QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*)?")
SPACING_TOLERANCE = 0.01
"""Relative difference up to which two statements of a spacing agree."""


def facts_of(path: Path, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a file, the facts among them as numbers in SI units.

    Raises
    ------
    ValueError
        A fact is no number, has units of something else, or is not plausible; or facts contradict
        each other.
    """
    facts = {name: _python(value) for name, value in attributes.items()}
    for name in facts.keys() & set(TEXTS):
        facts[name] = _in_words(path, name, facts[name])
    for name in FACTS.keys() & facts.keys():
        stated = next(
            (facts[f"{name}_{word}"] for word in ("units", "unit") if f"{name}_{word}" in facts),
            None,
        )
        facts[name] = _in_si(path, name, _only(facts[name]), stated)
        for word in ("units", "unit"):
            facts.pop(f"{name}_{word}", None)
    if {"dx_les", "dx_dns", "coarsening"} <= facts.keys():
        coarse = facts["dx_dns"] * facts["coarsening"]
        if not agree(coarse, facts["dx_les"]):
            raise ValueError(
                f"{path}: dx_les is {facts['dx_les']:g} m, expected dx_dns times coarsening, "
                f"{facts['dx_dns']:g} m times {facts['coarsening']:g} = {coarse:g} m"
            )
    return facts


def facts_in(file: RawFile) -> dict[str, Any]:
    """Return the facts of an open file, and its other attributes; see :func:`facts_of`."""
    found = dict(file.attributes)
    for name in FACTS.keys() & set(file.names) - found.keys():
        variable = file[name]
        if np.prod(variable.shape) == 1 and " since " not in (variable.units or ""):
            value = np.ravel(convert_from(variable, FACTS[name][0]).apply(variable.read()))
            found[name] = value.item()
    return facts_of(file.path, found)


def agree(spacing: float, other: float) -> bool:
    """Whether two statements of a spacing mean the same."""
    return abs(spacing - other) <= SPACING_TOLERANCE * max(spacing, other)


def _in_si(path: Path, name: str, value: Any, units: Any) -> float:
    """Return a fact in the unit of `FACTS`, checked to be plausible."""
    unit, (low, high) = FACTS[name]
    if isinstance(value, str):
        parts = QUANTITY.fullmatch(value)
        if parts is None:
            raise ValueError(f"{path}: attribute {name} is {value!r}, expected a number in {unit}")
        value, units = float(parts[1]), (parts[2] or "").strip("[] ") or units
    if not np.isscalar(value) or isinstance(value, complex | bool):
        raise ValueError(f"{path}: attribute {name} is {value!r}, expected one number in {unit}")
    number = float(value)
    if units is not None:
        try:
            scale, offset = conversion(str(units), unit)
        except ValueError as error:
            raise ValueError(f"{path}: attribute {name}: {error}") from error
        number = scale * number + offset
    if not np.isfinite(number):
        raise ValueError(f"{path}: attribute {name} is {number:g}, expected a finite number")
    if not low <= number <= high:
        raise ValueError(
            f"{path}: attribute {name} is {number:g} {unit}, expected {low:g} ... {high:g} {unit}"
        )
    return int(number) if isinstance(value, int) and units is None else number


def _in_words(path: Path, name: str, value: Any) -> str:
    """Return a fact in words; a list of letters is put together."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        if name == "periodic" or all(len(part) == 1 for part in value):
            value = ("" if name == "case" else ",").join(value)
    if name == "case" and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{path}: attribute {name} is {value!r}, expected a text")
    if name == "periodic" and not PERIODIC.fullmatch(value.strip()):
        raise ValueError(f"{path}: attribute periodic is {value!r}, expected axes, such as 'y,z'")
    return value


def _python(value: Any) -> Any:
    """Return an attribute as a Python number or string where it is one."""
    value = plain(value)
    return value.item() if isinstance(value, np.generic) else value


def _only(value: Any) -> Any:
    """Return the value of a list or an array of equal ones, such as the spacings along all axes."""
    if isinstance(value, np.ndarray) and value.size and (value == value.flat[0]).all():
        return value.flat[0].item()
    return value[0] if isinstance(value, list) and len(set(value)) == 1 else value


def states_filter(attributes: Mapping[str, Any]) -> bool:
    """Tell whether the attributes say how wide the LES filter is."""
    return "filter_width" in attributes or {"filter_npts", "filter_sigma_dx"} <= attributes.keys()


def filter_width(attributes: Mapping[str, Any], dx: float) -> float:
    """Width Delta of the LES filter [m]: the box of equal second moment, Delta^2 = 12 variance.

    ``filter_width`` where the file says it. Otherwise ``filter_npts`` and ``filter_sigma_dx``
    describe a Gaussian of that standard deviation cut off at that many DNS points (a wide one is
    nearly a box); its variance is taken from the weights themselves. Otherwise Delta is the LES
    grid spacing `dx` [m], as for an implicit filter.
    """
    if "filter_width" in attributes:
        return float(attributes["filter_width"])
    if {"filter_npts", "filter_sigma_dx"} <= attributes.keys():
        points = int(attributes["filter_npts"])
        offsets = np.arange(points) - (points - 1) / 2
        weights = np.exp(-0.5 * (offsets / float(attributes["filter_sigma_dx"])) ** 2)
        variance = float((weights * offsets**2).sum() / weights.sum())
        dx_dns = float(attributes.get("dx_dns", dx / float(attributes.get("coarsening", 1))))
        return float(np.sqrt(12 * variance)) * dx_dns
    return dx


def grid_spacing(attributes: Mapping[str, Any], dx: float | None, path: Path) -> float:
    """Grid spacing [m] from the attributes, else from the caller."""
    value = attributes.get("dx_les", attributes.get("dx", dx))
    if value is None:
        raise ValueError(
            f"{path}: the spacing of the LES grid is unknown: expected an attribute 'dx_les' or "
            f"'dx' [m], found {sorted(attributes)}; give dx"
        )
    if not float(value) > 0:
        raise ValueError(f"{path}: the spacing of the LES grid must be positive [m], found {value}")
    return float(value)


def period(snapshot: Flame, axis: int) -> int | None:
    """Cells after which a field repeats along an axis, None where it does not.

    The attribute ``periodic`` names axes whose last cell is the neighbour of the first ("y,z").
    Some files instead say in ``axis_order`` that "y,z periodic, last plane = first": their period
    is one cell less.
    """
    letter, cells = "xyz"[axis], snapshot.progress_variable.shape[axis]
    if letter in wrapped(snapshot.attributes):
        return cells
    return cells - 1 if letter in repeated(snapshot.attributes) else None


def wrapped(attributes: Mapping[str, Any]) -> str:
    """Return the axes whose last cell is the neighbour of the first."""
    text = str(attributes.get("periodic", "")).lower()
    return "" if text.strip() == "none" else "".join(letter for letter in "xyz" if letter in text)


def repeated(attributes: Mapping[str, Any]) -> str:
    """Return the axes whose last plane repeats the first."""
    found = REPEATED.search(str(attributes.get("axis_order", "")))
    return found[1].replace(",", "") if found else ""
