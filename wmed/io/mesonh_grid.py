"""The places of a file of the atmosphere: its axes, its faces and levels, sea and land.

A file may have its axes in any order and direction. In memory ``ni`` runs to the east of ``nj``'s
right hand and levels upward. There is sea where SST can be the temperature of one; models write
another number on land: 999 (Meso-NH), 1e20, 1e9 or 1e6 (SURFEX), 0 K (ERA5), -9999 ...
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.units import convert_from
from ai4sim.physics.constants import ZERO_CELSIUS
from ai4sim.variables import Float64Array
from wmed.io.axes import axis_of, described, plane, sizes, take
from wmed.io.bounds import BOUNDS
from wmed.io.grid import AtmosphereGrid, Mask, axis_angle, mercator, near

log = logging.getLogger(__name__)

NO_TEMPERATURE = (1.0, 500.0)
"""Numbers outside this are markers, no temperatures  [K]."""
MARKERS = 4
"""Most different markers in one file."""
VARIED = 20
"""Different temperatures that make a field of them."""
ALIKE = 0.1
"""Share of points that cannot have the same temperature by chance."""
FREEZING = 272.0
"""Temperature that all ice lies on  [K]."""
LAND_MASKS = ("LSM", "lsm", "LANDMASK", "land_sea_mask", "LAND", "FRAC_LAND")
"""Names of a variable that is 1 on land."""
SEA_MASKS = ("FRAC_SEA", "SEAMASK", "sea_mask", "FRACSEA")
"""Names of a variable that is 1 at sea."""
FACE_ERROR = 0.1
"""Share of the spacing by which a face may lie beside its place."""


class Places(NamedTuple):
    """Where the fields of a file lie.

    Attributes
    ----------
    grid : AtmosphereGrid
    below : int
        Levels below the ground, which come first.
    flips : tuple of str
        The axes, "level", "y", "x", that run the other way round in the file.
    faces : dict of str to int
        Where the winds UT and VT lie: -1 half a cell before the mass points of their axis, 1 half a
        cell after them, 0 on them.
    land : str
        What SST is on land, for messages.
    """

    grid: AtmosphereGrid
    below: int
    flips: tuple[str, ...]
    faces: dict[str, int]
    land: str


def read_places(file: RawFile, time: int = 0) -> Places:
    """Read the grid of a file and how its fields lie on it.

    Parameters
    ----------
    file : RawFile
    time : int
        Which of its times; land may be marked in each.

    Raises
    ------
    ValueError
        A variable is missing, or has another shape; longitudes, latitudes or heights are no such;
        or SST holds numbers that neither the sea can have nor mark land.
    """
    sst = file["SST"]
    found = sizes(sst)
    shape = (found.get("y", 0), found.get("x", 0))
    if min(shape) < 2:
        raise ValueError(f"{file.path}: SST has shape {sst.shape}, expected (nj, ni)")
    lon, lat = _places(file, shape)
    sea, land = _sea(file, sst, time)
    heights, downward = _heights(file)
    flips = _flips(file, lon, lat)
    faces = {
        name: _face(file, coordinate, mass, axis)
        for name, coordinate, mass, axis in (
            ("UT", "longitude_u", lon, 1),
            ("VT", "latitude_v", lat, 0),
        )
    }
    for axis, place, name in (("y", 0, "VT"), ("x", 1, "UT")):
        if axis in flips:
            lon, lat, sea = np.flip(lon, place), np.flip(lat, place), np.flip(sea, place)
            faces[name] = -faces[name]
    if downward:
        flips = ("level", *flips)
    grid = AtmosphereGrid(lon, lat, sea, heights[heights > 0])
    return Places(grid, int((heights <= 0).sum()), flips, faces, land)


def oriented(values: NDArray[np.float32], places: Places) -> NDArray[np.float32]:
    """Turn a field ``(level, y, x)`` as it is in a file to the directions of the grid."""
    axes = tuple(axis for axis, name in enumerate(("level", "y", "x")) if name in places.flips)
    return np.flip(values, axes) if axes else values


# --- Parts ---


def _places(file: RawFile, shape: tuple[int, int]) -> tuple[Float64Array, Float64Array]:
    """Return longitudes, continuous and as near to 0 as can be, and latitudes [degrees]."""
    found = []
    for names, units, limit in (
        (("LON", "longitude", "lon"), "degrees_east", 540.0),
        (("LAT", "latitude", "lat"), "degrees_north", 90.0),
    ):
        variable = file.first(*names)
        try:
            values = plane(variable, shape)
        except ValueError as error:
            raise ValueError(f"{error}, as SST has it") from error
        values = np.asarray(convert_from(variable, units).apply(values), np.float64)
        if not np.isfinite(values).all():
            raise ValueError(
                f"{file.path}: {variable.name} holds NaN or values that were never written"
            )
        if np.abs(values).max() > limit:
            raise ValueError(
                f"{file.path}: {variable.name} reaches {np.abs(values).max():g}, expected degrees "
                f"within +-{limit:g}"
            )
        found.append(values)
    lon, lat = near(found[0], float(found[0][0, 0])), found[1]
    return lon - 360 * np.round(lon.mean() / 360), lat


def _sea(file: RawFile, variable: RawVariable, time: int) -> tuple[Mask, str]:
    """Return where there is sea, and what SST is elsewhere."""
    stored = take(variable, ("y", "x"), {"time": time})
    sst = np.asarray(convert_from(variable, "K").apply(stored), np.float64)
    low, high = BOUNDS["sst"]
    known = np.isfinite(sst)
    possible = known & (sst >= low) & (sst <= high)
    coldest, hottest = NO_TEMPERATURE
    marker = known & ((sst < coldest) | (sst > hottest))
    numbers, counts = np.unique(sst[marker].astype(np.float32), return_counts=True)
    strange = known & ~possible & ~marker
    if strange.any() or len(numbers) > MARKERS:
        held = [f"{possible.sum()} points of {low:g} ... {high:g} K"]
        if strange.any():
            span = sst[strange]
            held.append(f"{strange.sum()} of {span.min():g} ... {span.max():g} K")
        held += [f"{n} of {number:g}" for number, n in zip(numbers[:3], counts[:3], strict=True)]
        if len(numbers) > 3:
            held.append(f"{counts[3:].sum()} of {len(numbers) - 3} other numbers")
        units = f'"{variable.units}"' if variable.units else "no units"
        raise ValueError(
            f"{file.path}: SST ({units}) holds {', '.join(held)}: expected temperatures of the sea "
            "and, on land, one number that is no temperature"
        )
    # 0 degC on land looks like a temperature; no sea has it exactly so often.
    zero = possible & (np.abs(sst - ZERO_CELSIUS) < 1e-3)
    if 0.01 * sst.size < zero.sum() < possible.sum():
        possible &= ~zero
    land = f"{numbers[0]:g}" if len(numbers) == 1 else "no temperature"
    mask = _mask(file, possible.shape, time)
    if mask is None:
        _check_varied(file, sst[possible], sst.size)
    sea = possible if mask is None else possible & mask
    if not sea.any():
        if mask is not None and possible.any():
            raise ValueError(f"{file.path}: its mask is land wherever SST is a temperature")
        raise ValueError(f"{file.path}: SST is {land} everywhere, so there is no sea")
    return np.asarray(sea), land


def _check_varied(file: RawFile, sst: Float64Array, points: int) -> None:
    """Raise ValueError if many points have one temperature, and others have many: it is land."""
    values, counts = np.unique(sst, return_counts=True)
    if len(values) < VARIED:
        return
    most = int(counts.argmax())
    if counts[most] > ALIKE * points and values[most] > FREEZING:
        raise ValueError(
            f"{file.path}: SST is exactly {values[most]:g} K at {counts[most]} of {points} points: "
            "if that is land, give it a number that is no temperature, or a mask, LSM (1 on land)"
        )


def _mask(file: RawFile, shape: tuple[int, ...], time: int) -> Mask | None:
    """Return where a variable for it says sea; None where a file has none."""
    name = next((name for name in (*LAND_MASKS, *SEA_MASKS) if name in file), None)
    if name is None:
        return None
    values = take(file[name], ("y", "x"), {"time": time}, zero_is_a_number=True)
    values = np.broadcast_to(values, shape)
    known = np.isfinite(values)
    wrong = known & ((values < -0.01) | (values > 1.01))
    if wrong.any():
        raise ValueError(
            f"{file.path}: {name} holds {values[wrong][0]:g}, expected shares of 0 ... 1"
        )
    return known & (values < 0.5 if name in LAND_MASKS else values > 0.5)


def _heights(file: RawFile) -> tuple[Float64Array, bool]:
    """Return the heights of the mass points, midway between the faces ZHAT, the lowest first.

    And whether the levels of the fields begin with the highest one.
    """
    theta = file["THT"]
    if "split_variable" in theta.attributes:
        raise ValueError(
            f"{file.path}: THT is split into sub-files by level (attribute split_variable), "
            "expected all levels in it: join them (Meso-NH writes one file with NB_PROCIO_W = 1)"
        )
    levels = sizes(theta).get("level")
    variable = file.first("ZHAT", "level_w")
    faces = np.asarray(convert_from(variable, "m").apply(variable.read()), np.float64)
    faces = faces.squeeze() if faces.ndim > 1 else faces
    downward = faces.ndim == 1 and len(faces) > 1 and faces[0] > faces[-1]
    if downward:
        faces = faces[::-1]
    if faces.ndim == 1 and len(faces) > 1 and levels == len(faces):
        faces = np.append(faces, 2 * faces[-1] - faces[-2])  # Meso-NH leaves out the topmost face
    if faces.ndim != 1 or levels != len(faces) - 1 or not (np.diff(faces) > 0).all():
        raise ValueError(
            f"{file.path}: {variable.name} has shape {faces.shape}, expected heights that "
            f"increase, one more than the {levels or 'missing'} levels of THT"
        )
    heights = (faces[1:] + faces[:-1]) / 2
    dimension = next(name for name in theta.dimensions if axis_of(name) == "level")
    if dimension in file and file[dimension].ndim == 1 and len(heights) > 1:
        values = file[dimension].read().astype(float)
        if (np.diff(values) > 0).all():
            downward = str(file[dimension].attributes.get("positive", "")).lower() == "down"
        elif (np.diff(values) < 0).all():
            downward = True
    return heights, bool(downward)


def _flips(file: RawFile, lon: Float64Array, lat: Float64Array) -> tuple[str, ...]:
    """Return which axes were turned around after the model had written them.

    In a model ``nj`` lies to the left of ``ni``, as north of east. Where it lies to the right, one
    of them was turned; the winds were not.
    """
    north = mercator(np.clip(lat, -89.9, 89.9))
    along = np.gradient(lon, axis=1), np.gradient(north, axis=1)
    across = np.gradient(lon, axis=0), np.gradient(north, axis=0)
    area = np.median(along[0] * across[1] - along[1] * across[0])
    if area == 0:
        raise ValueError(f"{file.path}: LON and LAT do not change from point to point")
    eastward = np.median(np.cos(axis_angle(lon, lat))) > 0
    if area > 0 and not eastward:
        raise ValueError(
            f"{file.path}: LON decreases along ni and LAT along nj, expected axes that run to the "
            "east and north, or one of them turned around"
        )
    if area > 0:
        return ()
    return ("y",) if eastward else ("x",)


def _face(file: RawFile, name: str, mass: Float64Array, axis: int) -> int:
    """Return on which side of the mass points of its axis a coordinate of faces lies.

    Without it faces lie half a cell before the mass points.
    """
    if name not in file:
        return -1
    spacing = np.gradient(mass, axis=axis)
    if file[name].ndim == 1 and np.ptp(mass, 1 - axis).max() > FACE_ERROR * np.abs(spacing).min():
        return -1  # of a turned grid one row cannot tell where the others are
    values = plane(file[name], (mass.shape[0], mass.shape[1]))
    if axis == 1:
        values = mass + near(values - mass, 0.0)
    offset = (values - mass) / spacing
    place = float(np.median(offset))
    for face in (-1, 0, 1):
        if abs(place - face / 2) < FACE_ERROR:
            return face
    raise ValueError(
        f"{file.path}: {name} {described(file[name])} lies {place:.2g} cells from the mass points, "
        "expected half a cell before or after them, or on them"
    )
