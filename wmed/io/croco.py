"""History files of CROCO, and of ROMS where it does the same.

In a file the sea has levels or only its surface. The first record of a run is its initial state,
without fluxes. In memory temperatures are in kelvin, all fluxes are positive into the sea. Fields
have the names of a batch; :mod:`.croco_layout` has their names in files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.units import conversion, convert_from
from ai4sim.physics.constants import ZERO_CELSIUS
from ai4sim.variables import Float32Array, Float64Array
from wmed.io import croco_times
from wmed.io.axes import axis_of, described, sizes, take
from wmed.io.bounds import BOUNDS
from wmed.io.croco_fluxes import check_fluxes, is_empty, read_fluxes
from wmed.io.croco_grid import grid_files, read_grid
from wmed.io.croco_layout import (
    FLUXES,
    STATE,
    FileVariable,
    points_shape,
    rho_shape,
    time_dimension,
)
from wmed.io.grid import Mask
from wmed.io.layout import NEEDED

__all__ = ["Records", "grid_files", "read_grid", "read_record", "read_records", "read_times"]


log = logging.getLogger(__name__)


class Records(NamedTuple):
    """The records of a history.

    Attributes
    ----------
    times : (record,), datetime64[s]
        UTC; NaT where the time was not written yet.
    resolution : timedelta64
        How far they may be from the true ones.
    usable : list of int
        Those with a time of their own that are no initial state.
    """

    times: NDArray[np.datetime64]
    resolution: np.timedelta64
    usable: list[int]


def read_times(path: Path | str) -> NDArray[np.datetime64]:
    """Read the times of all records, the first one included, ``(record,)`` to the second.

    See :func:`.croco_times.read_times` for where dates are looked for.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file, no time, or nothing says from when it is counted.
    """
    with open_raw(path) as file:
        return croco_times.read_times(file).values


def is_initial(file: RawFile) -> bool:
    """Whether the first record of a history is the state that its run began with.

    It is if it has no fluxes: none but 0. If the file has no stress and heat at all, it is one if
    its time is 0.
    """
    if any(FLUXES[name].names_in(file) for name in NEEDED):
        return is_empty(file, rho_shape(file), 0)
    counted = [file[name] for name in croco_times.TIMES if name in file]
    return any(
        float(np.ravel(variable.read(zero_is_a_number=True))[0]) == 0 for variable in counted
    )


def read_records(path: Path | str) -> Records:
    """Read the times of the records of a history, and which of them can be used.

    Left out are an initial state (:func:`is_initial`), a last record whose time was not written,
    and the first of two records of one time.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`read_times`; or there is no record but an initial state.
    """
    with open_raw(path) as file:
        times = croco_times.read_times(file)
        usable = croco_times.last_of_each(file, times)
        if usable and usable[0] == 0 and is_initial(file):
            log.info("%s: record 0 is left out: it is the initial state, without fluxes", path)
            usable = usable[1:]
            if not usable:
                raise ValueError(
                    f"{path}: only 1 record; record 0 is the initial state, without fluxes"
                )
    if not usable:
        raise ValueError(f"{path}: it has no records")
    return Records(times.values, times.resolution, usable)


def read_record(
    path: Path | str,
    record: int,
    *,
    state: bool = True,
    fluxes: bool = False,
) -> dict[str, Float32Array]:
    """Read the surface of the sea, and the fluxes into it, of one record.

    Parameters
    ----------
    path : path
    record : int
        From 0; an initial state is refused, see :func:`read_records`.
    state : bool
        Whether to read the state of the sea.
    fluxes : bool
        Whether stress and heat must be there. What is there is read in any case.

    Returns
    -------
    dict of str to array
        ``sst : (eta, xi)  [K]``, ``current_u : (eta, xi - 1)`` and ``current_v : (eta - 1, xi)
        [m/s]``; of what the file has ``tau_x``, ``tau_y  [N/m2]`` there, ``heat``, ``shortwave``,
        ``longwave``, ``latent``, ``sensible : (eta, xi)  [W/m2]``. The last one may be what the
        other parts leave of the sum. What was never written is NaN.

    Raises
    ------
    FileNotFoundError, ValueError
        A variable is missing, has another shape or units, or nonsense at sea; or there is no such
        record.
    """
    with open_raw(path) as file:
        _check_record(file, record)
        return record_of(file, record, read_grid(path).masks, state=state, fluxes=fluxes)


def record_of(
    file: RawFile,
    record: int,
    masks: Mapping[str, Mask],
    *,
    state: bool = True,
    fluxes: bool = False,
) -> dict[str, Float32Array]:
    """Read a record of an open history, see :func:`read_record`.

    Parameters
    ----------
    file : RawFile
    record : int
    masks : mapping of str to array
        Where there is sea, by kind of points.
    state, fluxes : bool
    """
    shape = rho_shape(file)
    found: dict[str, Float32Array] = {}
    if state:
        found["sst"] = _temperature(file, shape, record)
        for name in ("current_u", "current_v"):
            field = STATE[name]
            values = _surface(file, field.name, field, shape, record)
            convert = convert_from(file[field.name], "m s-1")
            found[name] = np.asarray(convert.apply(values), np.float32)
        _check_state(file, found, masks, record)
    found |= read_fluxes(file, shape, record, fluxes)
    check_fluxes(file.path, found, masks, record)
    return found


# --- Parts ---


def _check_record(file: RawFile, record: int) -> None:
    """Raise ValueError if there is no such record, or if it is an initial state."""
    _, count = time_dimension(file)
    if not 0 <= record < count or (record == 0 and is_initial(file)):
        begins = count > 0 and is_initial(file)
        which = ", of which record 0 is the initial state, without fluxes" if begins else ""
        raise ValueError(f"{file.path}: no record {record} to read: it has {count}{which}")


def _surface(
    file: RawFile, name: str, field: FileVariable, shape: tuple[int, int], record: int
) -> Float32Array:
    """Read what a record has at the surface, ``(y, x)``, in the units of the file."""
    variable = file[name]
    found, expected = sizes(variable), points_shape(field.points, shape)
    if (found.get("y"), found.get("x")) != expected or (
        "time" not in found and time_dimension(file)[1] > 1
    ):
        raise ValueError(
            f"{file.path}: {name} has shape {variable.shape}, expected (time, {expected[0]}, "
            f"{expected[1]}), maybe with levels: it lies on the {field.points} points of a grid of "
            f"{shape[0]} x {shape[1]} rho points; its dimensions are {described(variable)}"
        )
    at = {"time": record}
    if "level" in found:
        at["level"] = surface_level(file, variable, found["level"])
    values = take(variable, ("y", "x"), at, zero_is_a_number=True)
    return values.astype(np.float32, copy=False)


def surface_level(file: RawFile, variable: RawVariable, levels: int) -> int:
    """Return the index of the level of a variable that is nearest to the surface.

    The coordinate of its dimension says which one that is, or the s coordinate of the model; by
    default it is the last one, as CROCO and ROMS have it.

    Raises
    ------
    ValueError
        The coordinate is neither between -1 (the bottom) and 0 (the surface) nor a depth; or the
        surface is not among the levels.
    """
    dimension = next(
        name
        for name, size in zip(variable.dimensions, variable.shape, strict=True)
        if axis_of(name) == "level" and size == levels
    )
    for name in (dimension, "s_rho", "sc_r", "Cs_r", "s_w", "sc_w", "Cs_w"):
        if name in file and file[name].ndim == 1:
            values, attributes = file[name].read().astype(float), file[name].attributes
        elif name in file.attributes and np.size(file.attributes[name]) > 1:
            stated = np.asarray(file.attributes[name])
            if stated.dtype.kind not in "fiu":
                raise ValueError(f"{file.path}: attribute {name} is {stated}, expected numbers")
            values, attributes = stated.astype(float), {}
        else:
            continue
        if len(values) not in (levels, levels + 1) or not np.isfinite(values).all():
            continue
        place = _surface_of(values, str(attributes.get("positive", "")).lower())
        if place is None:
            raise ValueError(
                f"{file.path}: {name} holds {values[0]:g} ... {values[-1]:g}, which says not which "
                f"level of {variable.name} is at the surface: expected -1 (bottom) ... 0 (surface)"
            )
        return min(place, levels - 1)
    return levels - 1


def _surface_of(values: Float64Array, positive: str) -> int | None:
    """Return the index of the surface of a vertical coordinate; None if it is none."""
    steps = np.diff(values)
    if len(values) > 1 and not ((steps > 0).all() or (steps < 0).all()):
        return None
    numbers = np.arange(len(values))
    if any(np.array_equal(values, numbers + first) for first in (0, 1)):
        return len(values) - 1  # only numbered, from the bottom
    if positive == "down" or values.min() >= 0:
        values = -values
    if values.max() > 0:
        return None
    if values.min() >= -1 and values.max() < -0.5:  # of one level alone it is -0.5
        return None
    return int(values.argmax())


def _temperature(file: RawFile, shape: tuple[int, int], record: int) -> Float32Array:
    """Read the temperature of the surface  [K]."""
    variable = file["temp"]
    values = _surface(file, "temp", STATE["sst"], shape, record)
    if convert_from(variable, "degC").identity:
        return np.asarray(values + np.float32(ZERO_CELSIUS))
    return np.asarray(conversion(variable.units or "", "K").apply(values), np.float32)


def _check_state(
    file: RawFile, found: Mapping[str, Float32Array], masks: Mapping[str, Mask], record: int
) -> None:
    """Raise ValueError if the sea has temperatures or currents that no sea has."""
    path = file.path
    sst = found["sst"][masks["rho"]]
    lost = int((~np.isfinite(sst)).sum())
    if lost:
        raise ValueError(
            f"{path}: temp at the surface of record {record} is NaN, or was never written, "
            f"at {lost} sea points"
        )
    low, high = BOUNDS["sst"]
    if sst.size and not (sst.min() >= low and sst.max() <= high):
        raise ValueError(
            f"{path}: temp at the surface of record {record} lies within "
            f"{sst.min() - ZERO_CELSIUS:g} ... {sst.max() - ZERO_CELSIUS:g} degC at sea "
            f"points, expected {low - ZERO_CELSIUS:g} ... {high - ZERO_CELSIUS:g}"
        )
    empty = int((sst == np.float32(ZERO_CELSIUS)).sum())
    if not file["temp"].packed and empty > max(0.01 * sst.size, 4):
        raise ValueError(
            f"{path}: temp at the surface of record {record} is exactly 0 degC at {empty} of "
            f"{sst.size} sea points: "
            + (
                "was it never written there?"
                if "mask_rho" in file
                else "is it land, and where is mask_rho?"
            )
        )
    for name in ("u", "v"):
        current = found[f"current_{name}"][masks[name]]
        lost = int((~np.isfinite(current)).sum())
        if lost:
            raise ValueError(
                f"{path}: {name} at the surface of record {record} is NaN, or was never "
                f"written, at {lost} points between sea points"
            )
        fastest = float(np.abs(current).max(initial=0))
        if fastest > BOUNDS["current_u"].high:
            raise ValueError(
                f"{path}: {name} at the surface of record {record} reaches {fastest:g} m/s at "
                f"sea, expected at most {BOUNDS['current_u'].high:g}"
            )
