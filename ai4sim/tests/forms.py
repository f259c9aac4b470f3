"""The same physical content in many valid forms of netCDF, drawn by hypothesis.

A test describes its file as :class:`Content` by name, draws a form of each variable by
:func:`stored_forms`, writes the file by :func:`write`, and requires that its reader gives the same
numbers, within :func:`tolerance`, or an error that names the file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

FORMATS = (
    "NETCDF4",
    "NETCDF4_CLASSIC",
    "NETCDF3_CLASSIC",
    "NETCDF3_64BIT_OFFSET",
    "NETCDF3_64BIT_DATA",
)
SPELLINGS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "K": (("K", 1, 0), ("Kelvin", 1, 0), ("degC", 1, -273.15), ("Celsius", 1, -273.15)),
    "Pa": (("Pa", 1, 0), ("hPa", 0.01, 0), ("N m-2", 1, 0), ("mbar", 0.01, 0), ("100 Pa", 0.01, 0)),
    "m/s": (("m s-1", 1, 0), ("meter second-1", 1, 0), ("cm/s", 100, 0), ("m s**-1", 1, 0)),
    "m/s2": (("m s-2", 1, 0), ("m/s^2", 1, 0), ("m s-1 day-1", 86400, 0)),
    "m2/s2": (("m2 s-2", 1, 0), ("m**2 s**-2", 1, 0), ("J kg-1", 1, 0)),
    "W/m2": (("W m-2", 1, 0), ("Watts meter-2", 1, 0), ("W/m²", 1, 0), ("kW m-2", 0.001, 0)),
    "N/m2": (("N m-2", 1, 0), ("Newton/m2", 1, 0), ("Pa", 1, 0), ("N m^{-2}", 1, 0)),
    "K/day": (("K d-1", 1, 0), ("K day-1", 1, 0), ("K s-1", 1 / 86400, 0)),
    "kg/kg": (("kg kg-1", 1, 0), ("1", 1, 0), ("g/kg", 1000, 0), ("g kg**-1", 1000, 0)),
    "mol/mol": (("mol mol-1", 1, 0), ("1", 1, 0), ("ppmv", 1e6, 0)),
    "1": (("1", 1, 0), ("%", 100, 0), ("-", 1, 0)),
    "m": (("m", 1, 0), ("metre", 1, 0), ("km", 0.001, 0), ("um", 1e6, 0)),
    "1/m": (("m-1", 1, 0), ("1/m", 1, 0), ("1/mm", 0.001, 0), ("meter-1", 1, 0)),
    "degrees_north": (("degrees_north", 1, 0), ("degree", 1, 0), ("radian", np.pi / 180, 0)),
    "degrees_east": (("degrees_east", 1, 0), ("degree_east", 1, 0), ("radians", np.pi / 180, 0)),
    "rad": (("rad", 1, 0), ("radians", 1, 0), ("degree", 180 / np.pi, 0)),
}
"""Units in other spellings: the value in a file is so many times the value plus an offset."""


@dataclass(frozen=True)
class Content:
    """A variable as it is meant.

    Attributes
    ----------
    dimensions : tuple of str
        The names of its axes, each of one length throughout a file.
    values : array
    units : str
        A key of :data:`SPELLINGS`, or others, which are then written as they are; "" writes none.
    attributes : dict
        Further ones.
    """

    dimensions: tuple[str, ...]
    values: NDArray[Any]
    units: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """How a file stores a variable.

    Attributes
    ----------
    kind : str
        Type of the numbers: ``f4``, ``f8``; ``i2``, ``i4`` are packed.
    order : tuple of int
        The axes of the content in the order of the file.
    units : (str, float, float)
        Spelling, factor, offset. A spelling of "" leaves the attribute out.
    marker : str
        ``_FillValue``, ``missing_value`` or "": attributes for missing values, of which there are
        none.
    compression : int
        0 ... 9.
    chunked, shuffle, swapped : bool
        Whether it lies in small chunks, shuffled, in the other byte order; only of netCDF-4.
    """

    kind: str
    order: tuple[int, ...]
    units: tuple[str, float, float]
    marker: str = ""
    compression: int = 0
    chunked: bool = False
    shuffle: bool = False
    swapped: bool = False


@st.composite
def stored_forms(
    draw: Any,
    content: Mapping[str, Content],
    *,
    packed: bool = True,
    reorder: bool = True,
    convert: bool = True,
) -> dict[str, Stored]:
    """Draw a form for each variable of a file.

    Parameters
    ----------
    content : mapping of str to Content
    packed, reorder, convert : bool
        Whether to draw packed integers, other orders of the axes, other units too.
    """
    kinds = ["f4", "f8", "i2", "i4"] if packed else ["f4", "f8"]
    forms = {}
    for name, variable in content.items():
        as_it_is = ((variable.units, 1.0, 0.0),)
        spellings = SPELLINGS.get(variable.units, as_it_is) if convert else as_it_is
        axes = range(variable.values.ndim)
        forms[name] = Stored(
            kind=draw(st.sampled_from(kinds)),
            order=tuple(draw(st.permutations(axes)) if reorder else axes),
            units=draw(st.sampled_from(spellings)),
            marker=draw(st.sampled_from(["", "_FillValue", "missing_value"])),
            compression=draw(st.sampled_from([0, 1, 4])),
            chunked=draw(st.booleans()),
            shuffle=draw(st.booleans()),
            swapped=draw(st.booleans()),
        )
    return forms


def write(
    path: Path,
    content: Mapping[str, Content],
    forms: Mapping[str, Stored],
    form: Any = "NETCDF4",
    attributes: Mapping[str, Any] | None = None,
    unlimited: str | None = None,
) -> None:
    """Write a file of some content in drawn forms.

    Parameters
    ----------
    path : path
    content, forms : mapping
        By the names of the variables. A variable without a form is written as it is.
    form : str
        One of :data:`FORMATS`.
    attributes : mapping, optional
        Of the file.
    unlimited : str, optional
        The dimension that may grow.
    """
    kind: Any = form
    with netCDF4.Dataset(path, "w", format=kind) as file:
        file.setncatts(dict(attributes or {}))
        for variable in content.values():
            for name, size in zip(variable.dimensions, variable.values.shape, strict=True):
                if name not in file.dimensions:
                    file.createDimension(name, None if name == unlimited else size)
        for name, variable in content.items():
            axes = tuple(range(variable.values.ndim))
            plain = Stored(variable.values.dtype.str[1:], axes, (variable.units, 1, 0))
            given = forms.get(name, plain)
            if form.startswith("NETCDF3") and unlimited in variable.dimensions:
                first = variable.dimensions.index(unlimited)  # it must come first
                others = tuple(axis for axis in given.order if axis != first)
                given = replace(given, order=(first, *others))
            _write_variable(file, name, variable, given)


def _write_variable(file: Any, name: str, content: Content, form: Stored) -> None:
    units, factor, offset = form.units
    values, facts = content.values, dict(content.attributes)
    if (factor, offset) != (1, 0):
        values = values.astype(np.float64) * factor + offset
    values = values.transpose(form.order)
    if units:
        facts["units"] = units
    marker: Any = np.dtype(form.kind).type(-32767 if form.kind[0] == "i" else 9.96921e36)
    is_packed = form.kind[0] == "i" and values.dtype.kind == "f"
    if is_packed:
        scale, centre = packing(values, form.kind)
        facts |= {"scale_factor": scale, "add_offset": centre}
        values = np.round((values.astype(np.float64) - centre) / scale)
    elif values.dtype.kind != "f":
        form, marker = replace(form, kind=values.dtype.str[1:], marker=""), None
    newer = file.data_model.startswith("NETCDF4") and values.ndim > 0
    options: dict[str, Any] = {"fill_value": marker} if form.marker == "_FillValue" else {}
    if form.marker == "missing_value":
        facts["missing_value"] = marker
    if newer:
        options |= {"zlib": form.compression > 0, "complevel": form.compression}
        options |= {"shuffle": form.shuffle}
        if form.chunked:
            options |= {"chunksizes": [max(1, n // 2) for n in values.shape]}
    names = tuple(content.dimensions[axis] for axis in form.order)
    swapped = newer and form.swapped
    kind = np.dtype(form.kind).newbyteorder("S" if swapped else "=")
    if swapped:
        options["endian"] = "big" if sys.byteorder == "little" else "little"
    variable = file.createVariable(name, kind, names, **options)
    variable.set_auto_maskandscale(False)
    variable.setncatts(facts)
    variable[...] = values.astype(form.kind)


def packing(values: NDArray[Any], kind: str) -> tuple[float, float]:
    """Return the scale and the offset that bring values into an integer type."""
    low, high = float(values.min()), float(values.max())
    steps = 65000 if kind == "i2" else 4e9
    return (high - low) / steps or 1.0, (high + low) / 2


def tolerance(content: Content, form: Stored) -> float:
    """Return how far a value may be from the one that was meant, by the type that stores it."""
    values = np.abs(content.values[np.isfinite(content.values)].astype(np.float64))
    largest = float(values.max(initial=0.0))
    factor, offset = form.units[1:]
    rounding = 4 * float(np.finfo(np.float32).eps) * (largest + abs(offset / factor))
    if form.kind[0] == "i" and content.values.dtype.kind == "f":
        return packing(content.values, form.kind)[0] + rounding
    return rounding
