"""Files of Meso-NH (or of ECMWF fields on its grid): the state of the air at one time.

The winds lie on the faces of the cells: UT half a cell west of the mass points (along ni), VT half
a cell south of them (along nj). The lowest level is below the ground. Files written here have SST
and SSS of 999 on land; :mod:`.mesonh_grid` says what else is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.netcdf import LOCK, create
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile
from ai4sim.io.units import convert_from
from ai4sim.variables import Float32Array, Float64Array
from wmed.io.axes import axis_of, described, sizes, take
from wmed.io.bounds import BOUNDS
from wmed.io.croco_times import Times, read_times as read_dates
from wmed.io.grid import AtmosphereGrid, inverse_mercator, mercator, near
from wmed.io.mesonh_grid import Places, oriented, read_places

LAND = np.float32(999)
"""SST and SSS on land."""
COMPRESSION = 4
SALINITY = 38.0
"""Of the sea where none is given [psu]."""
ALIGNED = 1e-3
"""Angle [rad] below which the axes of a grid run to the east and north: rounding turns them."""
SAME_PLACE = 1e-4
"""Degrees by which the same grid may differ from file to file."""
VARIABLES = {
    "UT": ("u", "m s-1", "X component of wind, u points", 2),
    "VT": ("v", "m s-1", "Y component of wind, v points", 3),
    "THT": ("", "K", "potential temperature", 1),
    "RVT": ("", "kg kg-1", "water vapor mixing ratio", 1),
    "PABST": ("", "Pa", "absolute pressure", 1),
}
"""Of each variable the faces, units, long name and grid number in files."""
SURFACE = {"SST": "K", "SSS": "psu", "ZS": "m"}
SEA_LEVEL_PRESSURE = 101325.0
"""[Pa]"""
SCALE_HEIGHT = 8000.0
"""Height over which the pressure falls by a factor e  [m]."""
THINNEST = 3.0
"""Factor by which heights may differ from what the pressure says."""


class AtmosphereState(NamedTuple):
    """The air at the mass points of an :class:`.AtmosphereGrid`, the lowest level first.

    Attributes
    ----------
    wind_x, wind_y : (level, nj, ni)  [m/s]
        To the east and to the north.
    potential_temperature : (level, nj, ni)  [K]
    mixing_ratio : (level, nj, ni)  [kg/kg]
    pressure : (level, nj, ni)  [Pa]
    """

    wind_x: Float32Array
    wind_y: Float32Array
    potential_temperature: Float32Array
    mixing_ratio: Float32Array
    pressure: Float32Array


def file_name(time: np.datetime64) -> str:
    """Return the usual name of the file of a time, as ``ECMWF_20060310_06.nc``."""
    text = str(time.astype("datetime64[h]"))
    return f"ECMWF_{text[:10].replace('-', '')}_{text[11:13]}.nc"


def read_grid(path: str | os.PathLike[str]) -> AtmosphereGrid:
    """Read the grid of a file, as :func:`.mesonh_grid.read_places` finds it.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file, or a variable of it is missing or cannot be what it should.
    """
    with open_raw(Path(path)) as file:
        return read_places(file).grid


def read_time(path: Path | str) -> np.datetime64:
    """Read the time of a file that has one, to the second.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; or it has no time, or more than one, or it is not counted from a
        date.
    """
    times = read_times(path).values
    if len(times) != 1:
        raise ValueError(f"{path}: time: expected one, found {len(times)} times")
    return times[0]


def read_times(path: Path | str) -> Times:
    """Read the times of a file.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; or it has no time, or it is not counted from a date.
    """
    with open_raw(path) as file:
        variable = file["time"]
        if "since" not in (variable.units or "").lower():
            raise ValueError(
                f"{path}: time: expected seconds since a date, found {variable.units or 'no units'}"
            )
        return read_dates(file, ("time",))


def read_state(
    path: str | os.PathLike[str], grid: AtmosphereGrid | None = None, time: int = 0
) -> AtmosphereState:
    """Read the air of a file at one of its times.

    Winds are brought from the faces to the mass points, as the mean of the two faces of a cell (the
    last one has only one of them), and turned to east and north. Levels below the ground are left
    out.

    Parameters
    ----------
    path : path
    grid : AtmosphereGrid, optional
        What the grid has to be; by default that of the file.
    time : int
        Index of the time.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; a variable of it is missing, has another shape or units, or nonsense
        in it; or it is on another grid.
    """
    with open_raw(Path(path)) as file:
        places = read_places(file, time)
        if grid is not None:
            _check_same(file.path, places, grid)
        fields = {
            name: _levels(file, name, field, places, time)
            for name, field in zip(VARIABLES, AtmosphereState._fields, strict=True)
        }
    _check_upward(path, fields["PABST"], places.grid.heights)
    faces = places.faces
    wind_x, wind_y = (
        unstagger(fields[name], axis, after=faces[name] > 0) if faces[name] else fields[name]
        for name, axis in (("UT", -1), ("VT", -2))
    )
    angle = (grid or places.grid).angle
    if np.abs(angle).max() > ALIGNED:
        cos, sin = (turned.astype(np.float32) for turned in (np.cos(angle), np.sin(angle)))
        wind_x, wind_y = cos * wind_x - sin * wind_y, sin * wind_x + cos * wind_y
    return AtmosphereState(wind_x, wind_y, fields["THT"], fields["RVT"], fields["PABST"])


def write_state(
    path: Path | str,
    grid: AtmosphereGrid,
    time: np.datetime64,
    fields: Mapping[str, NDArray[Any]],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write the air of one time, atomically, with a level below the ground.

    Parameters
    ----------
    path : path
    grid : AtmosphereGrid
        The halo included.
    time : datetime64
    fields : mapping of str to array
        ``UT`` and ``VT  [m/s]`` on the faces (:func:`stagger` brings them there), ``THT  [K]``,
        ``RVT  [kg/kg]``, ``PABST  [Pa]``, each ``(level, nj, ni)``; ``SST  [K]`` and, optional,
        ``SSS`` and ``ZS  [m]``, each ``(nj, ni)``.
    attributes : mapping, optional
        Facts about the file.

    Raises
    ------
    ValueError
        A field is missing or has another shape; or the heights are not midway between others.
    """
    expected = {name: (grid.levels, *grid.shape) for name in VARIABLES} | {"SST": grid.shape}
    for name, shape in expected.items():
        if name not in fields or fields[name].shape != shape:
            found = fields[name].shape if name in fields else "not at all"
            raise ValueError(f"{path}: {name} is given {found}, expected {shape}")
    faces = _faces_between(path, grid.heights)
    sizes = {"time": 1, "level": grid.levels + 1, "level_w": grid.levels + 2}
    for suffix in ("", "_u", "_v"):
        sizes |= {f"ni{suffix}": grid.shape[1], f"nj{suffix}": grid.shape[0]}
    day, north = time.astype("datetime64[D]"), mercator(grid.lat[:, 0])
    options: dict[str, Any] = {"zlib": True, "complevel": COMPRESSION, "shuffle": True}
    with LOCK, create(path) as file:
        file.setncatts(dict(attributes or {}))
        for name, size in sizes.items():
            file.createDimension(name, size)
        variable = file.createVariable("time", "f8", ("time",))
        variable.setncatts({"units": f"seconds since {day} 00:00:00 +0:00", "calendar": "standard"})
        variable[:] = (time.astype("datetime64[s]") - day) / np.timedelta64(1, "s")
        for name, (face, units, long_name, number) in VARIABLES.items():
            suffix = f"_{face}" if face else ""
            where = ("time", "level", f"nj{suffix}", f"ni{suffix}")
            variable = file.createVariable(name, "f4", where, **options)
            variable.setncatts({"units": units, "long_name": long_name, "grid": np.int32(number)})
            # What the model has below the ground is no air: here a copy of the first level.
            variable[0] = fields[name][[0, *range(grid.levels)]]
        for name, (plane, units) in _planes(grid, fields).items():
            variable = file.createVariable(name, "f4", ("nj", "ni"), **options)
            variable.units = units
            variable[:] = plane
        _write_axis(file, "longitude_u", "ni_u", _before(grid.lon[0]))
        _write_axis(file, "latitude_v", "nj_v", inverse_mercator(_before(north)))
        _write_axis(file, "ZHAT", "level_w", faces, units="m", long_name="height of w levels")
        _write_axis(file, "level", "level", (faces[1:] + faces[:-1]) / 2, units="m")


def unstagger(wind: Float32Array, axis: int, *, after: bool = False) -> Float32Array:
    """Bring winds from the faces beside the mass points to these: the mean of two faces.

    The last mass point, or the first one, has only one of them.

    Parameters
    ----------
    wind : (..., nj, ni)
    axis : int
        -1 for UT, -2 for VT.
    after : bool
        Whether a face has the number of the mass point before it, and not of that after it.
    """
    if after:
        return np.flip(unstagger(np.flip(wind, axis), axis), axis)
    other = np.roll(wind, -1, axis)
    last: list[Any] = [slice(None)] * wind.ndim
    last[axis] = -1
    other[tuple(last)] = wind[tuple(last)]
    return np.asarray((wind + other) * wind.dtype.type(0.5))


def stagger(wind: Float32Array, axis: int) -> Float32Array:
    """Bring winds from the mass points to the faces before them; the first one is a copy."""
    return unstagger(wind, axis, after=True)


# --- Parts ---


def _levels(file: RawFile, name: str, field: str, places: Places, time: int) -> Float32Array:
    """Read a field above the ground at a time, ``(level, nj, ni)``; it has two names."""
    variable = file[name]
    shape = (places.grid.levels + places.below, *places.grid.shape)
    known = {"level", "y", "x"} <= set(map(axis_of, variable.dimensions))
    found = sizes(variable) if known else {}
    if tuple(found.get(axis) for axis in ("level", "y", "x")) != shape:
        raise ValueError(
            f"{file.path}: {name} has shape {variable.shape}, expected {(1, *shape)} "
            f"(time, level, nj, ni) as SST and ZHAT have it; its dimensions are "
            f"{described(variable)}"
        )
    values = take(variable, ("level", "y", "x"), {"time": time})
    units = VARIABLES[name][1]
    values = np.asarray(convert_from(variable, units).apply(values), np.float32)
    lost = int((~np.isfinite(values)).sum())
    if lost:
        raise ValueError(
            f"{file.path}: {name} is NaN, or was never written, at {lost} of {values.size} points"
        )
    low, high = BOUNDS[field]
    if not (values.min() >= low and values.max() <= high):
        raise ValueError(
            f"{file.path}: {name} lies within {values.min():g} ... {values.max():g} "
            f"{units}, expected {low:g} ... {high:g}"
        )
    return np.ascontiguousarray(oriented(values, places)[places.below :])


def _check_upward(path: object, pressure: Float32Array, heights: Float64Array) -> None:
    """Raise ValueError unless the pressure falls with height as that of air does."""
    bottom, top = (float(pressure[level].mean(dtype=np.float64)) for level in (0, -1))
    expected = SEA_LEVEL_PRESSURE * np.exp(-heights[0] / SCALE_HEIGHT)
    if not 0.5 < bottom / expected < 2:
        raise ValueError(
            f"{path}: PABST is {bottom:g} Pa in the mean at {heights[0]:g} m, expected about "
            f"{expected:.3g} Pa: has it other units?"
        )
    thickness = SCALE_HEIGHT * np.log(bottom / top)
    given = heights[-1] - heights[0]
    if len(heights) > 1 and not given / THINNEST < thickness < given * THINNEST:
        raise ValueError(
            f"{path}: PABST is {bottom:g} Pa in the mean at {heights[0]:g} m and {top:g} Pa at "
            f"{heights[-1]:g} m, as they are {thickness:.3g} m apart: expected heights in ZHAT, "
            "and levels in their order"
        )


def _check_same(path: Path, places: Places, expected: AtmosphereGrid) -> None:
    """Raise ValueError if a file has another grid than others of the same event."""
    found = places.grid
    if found.shape != expected.shape or found.levels != expected.levels:
        raise ValueError(
            f"{path}: {found.levels} levels of {found.shape[0]} x {found.shape[1]} points, but "
            f"other files of the same event have {expected.levels} of {expected.shape[0]} x "
            f"{expected.shape[1]}"
        )
    apart = near(found.lon - expected.lon, 0.0), found.lat - expected.lat
    moved = max(float(np.abs(degrees).max()) for degrees in apart)
    if moved > SAME_PLACE:
        raise ValueError(
            f"{path}: its points lie up to {moved:g} degrees from those of other files of the same "
            "event"
        )
    lost = int((expected.sea & ~found.sea).sum())
    if lost:
        raise ValueError(
            f"{path}: SST is {places.land} (land) at {lost} points that are sea in other files of "
            "the same event"
        )


def _planes(
    grid: AtmosphereGrid, fields: Mapping[str, NDArray[Any]]
) -> dict[str, tuple[NDArray[Any], str]]:
    """Return the fields of a file without levels, and their units."""
    planes = {"SSS": np.full(grid.shape, SALINITY), "ZS": np.zeros(grid.shape)} | dict(fields)
    planes |= {name: np.where(grid.sea, planes[name], LAND) for name in ("SST", "SSS")}
    return {
        **{name: (planes[name], units) for name, units in SURFACE.items()},
        "LON": (grid.lon, "degrees_east"),
        "LAT": (grid.lat, "degrees_north"),
    }


def _faces_between(path: Path | str, heights: Float64Array) -> Float64Array:
    """Return the faces that the heights lie midway between, one of them below the ground."""
    faces = [0.0]
    for height in heights:
        faces.append(2 * height - faces[-1])
    if not (np.diff(faces) > 0).all():
        raise ValueError(
            f"{path}: heights {', '.join(f'{h:g}' for h in heights)} m: expected such as lie "
            "midway between faces of which the lowest is the ground"
        )
    return np.array([-faces[1], *faces])


def _before(points: Float64Array) -> Float64Array:
    """Return the places halfway before points."""
    return points - np.gradient(points) / 2


def _write_axis(
    file: Any, name: str, dimension: str, values: Float64Array, **attributes: str
) -> None:
    """Write a coordinate."""
    variable = file.createVariable(name, "f8", (dimension,))
    variable.setncatts(attributes)
    variable[:] = values
