"""The grid of a history: its own, or that of a file beside it.

CROCO writes the grid to the first file of a sequence alone; runs keep it in ``croco_grd.nc`` too.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ai4sim.io.files import matches, visible_files
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile
from ai4sim.io.units import conversion, convert_from
from ai4sim.variables import Float64Array
from wmed.io.axes import plane
from wmed.io.croco_layout import rho_shape
from wmed.io.grid import Mask, OceanGrid, axis_angle, mercator, near, ocean_grid, spacing

PLACES = {"lon_rho": ("degrees_east", 540.0), "lat_rho": ("degrees_north", 90.0)}
"""Longitude and latitude: their units, and the largest amounts that they can have."""
METRICS = ("angle", "pm", "pn", "f")
GRID_FILES = ("*his*.nc", "*grd*.nc", "*grid*.nc")
"""Names of files that may hold the grid of a history beside them."""
SAME_PLACE = 1e-4
"""Degrees by which the same grid may differ from file to file."""
MASK_ERROR = 1e-2
"""Packing makes this of the 0 and 1 of a mask."""
TURNED = 0.2
"""Angle [rad] by which the axes may differ, at most points, from what places say."""
STRETCHED = 1.3
"""Factor by which spacings may differ, at most points, from what places say."""


def read_grid(path: Path | str) -> OceanGrid:
    """Read the grid of a history, from the file itself or from those of :func:`grid_files`.

    Where the model never writes the tiles that are all land, there is land, and coordinates are
    continued from around (to draw it). A file without mask is all sea. Angle, spacings and Coriolis
    parameter follow from the coordinates where the file has them not.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; it is not of CROCO or ROMS; it has no longitudes and latitudes (test
        cases on a plane); they are no such; shapes differ; all is land; or the axes are turned
        otherwise than an angle or spacing in the file says.
    """
    fields: dict[str, Float64Array] = {}
    for source in grid_files(Path(path)):
        with open_raw(source) as file:
            shape = rho_shape(file)
            for name in ("lon_rho", "lat_rho", "mask_rho", *METRICS):
                if name in file and name not in fields:
                    fields[name] = _read(file, name, shape)
    lon, lat, mask = fields["lon_rho"], fields["lat_rho"], fields.get("mask_rho")
    written = np.isfinite(lon) & np.isfinite(lat)
    sea = written if mask is None else _sea(path, mask, written)
    if not sea.any():
        raise ValueError(f"{path}: mask_rho is land everywhere, so nothing can be learned here")
    for name, (_, limit) in PLACES.items():
        far = np.abs(fields[name]) > limit
        if far[sea].any():
            raise ValueError(
                f"{path}: {name} reaches {np.abs(fields[name][sea]).max():g} at sea points, "
                f"expected degrees within +-{limit:g}"
            )
        fields[name] = np.where(far, np.nan, fields[name])
    lon = near(fields["lon_rho"], float(fields["lon_rho"][sea][0]))
    lon, lat = lon - 360 * np.round(lon[sea].mean() / 360), fields["lat_rho"]
    _check_axes(path, lon, lat, fields, sea)
    pm, pn = fields.get("pm"), fields.get("pn")
    return ocean_grid(
        lon,
        lat,
        sea,
        angle=fields.get("angle"),
        dx=None if pm is None else 1 / pm,
        dy=None if pn is None else 1 / pn,
        coriolis=fields.get("f"),
    )


def grid_files(path: Path) -> list[Path]:
    """Return the files from which the grid of a history is read, itself the first one.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; it has no grid, and no file beside it has one of its size; or two of
        them differ.
    """
    with open_raw(path) as file:
        shape = rho_shape(file)
        if {"lon_rho", "lat_rho", "mask_rho"} <= set(file.names):
            return [path]
        own = {name: _read(file, name, shape) for name in PLACES if set(PLACES) <= set(file.names)}
        if not own and "x_rho" in file:
            raise ValueError(
                f"{path}: no lon_rho, only x_rho and y_rho: a test case on a plane. The air above "
                "can only be found for places on the Earth"
            )
    found: list[Path] = []
    grids: list[dict[str, Float64Array]] = []
    for other in sorted(visible_files(path.parent, *GRID_FILES), key=lambda o: _likeness(o, path)):
        if other == path:
            continue
        with open_raw(other) as file:
            sizes = file.dimensions
            if (sizes.get("eta_rho"), sizes.get("xi_rho")) != shape:
                continue
            if not {"lon_rho", "lat_rho"} <= set(file.names):
                continue
            grid = {n: _read(file, n, shape) for n in (*PLACES, "mask_rho") if n in file}
        if own and ("mask_rho" not in grid or not _same(own, grid)):
            continue
        found.append(other)
        grids.append(grid)
    # A mask is worth more than none.
    ranked = sorted(range(len(found)), key=lambda k: "mask_rho" not in grids[k])
    if not own and not found:
        raise ValueError(
            f"{path}: no variable lon_rho, and no file beside it (such as croco_grd.nc, or the "
            f"first one of its sequence) has one with {shape[0]} x {shape[1]} rho points"
        )
    for k in ranked[1:]:
        if not _same(grids[ranked[0]], grids[k]):
            raise ValueError(
                f"{path}: it has no grid, and those of {found[ranked[0]].name} and "
                f"{found[k].name} beside it differ"
            )
    return [path, *(found[k] for k in ranked[:1])]


# --- Parts ---


def _read(file: RawFile, name: str, shape: tuple[int, int]) -> Float64Array:
    """Read a field of the grid, NaN where it was never written."""
    variable = file[name]
    values = plane(variable, shape, zero_is_a_number=True)
    if name in PLACES:
        if _is_length(variable.units):  # which ROMS writes beside degrees, at times
            return values
        convert = convert_from(variable, PLACES[name][0])
    elif name == "angle":
        convert = convert_from(variable, "radian")
    elif name in ("pm", "pn"):
        convert = convert_from(variable, "m-1")
    elif name == "f":
        convert = convert_from(variable, "s-1")
    else:
        return values
    return np.asarray(convert.apply(values), np.float64)


def _is_length(units: str | None) -> bool:
    """Whether units are those of a length."""
    try:
        return units is not None and bool(conversion(units, "m"))
    except ValueError:
        return False


def _sea(path: Path | str, mask: Float64Array, written: Mask) -> Mask:
    """Return where a mask of 0, 1 or NaN says sea; raise ValueError if that has no place."""
    rounded = np.round(mask)
    strange = np.isfinite(mask) & (
        ((rounded != 0) & (rounded != 1)) | (np.abs(mask - rounded) > MASK_ERROR)
    )
    if strange.any():
        raise ValueError(
            f"{path}: mask_rho holds {mask[strange][0]:g}, expected 0 (land) and 1 (sea)"
        )
    sea = rounded == 1  # NaN is land
    lost = sea & ~written
    if lost.any():
        eta, xi = np.argwhere(lost)[0]
        raise ValueError(
            f"{path}: lon_rho or lat_rho was not written at {lost.sum()} sea points, "
            f"the first one at eta_rho {eta}, xi_rho {xi}"
        )
    return np.asarray(sea)


def _check_axes(
    path: Path | str,
    lon: Float64Array,
    lat: Float64Array,
    fields: dict[str, Float64Array],
    sea: Mask,
) -> None:
    """Raise ValueError unless axes and spacings are as angle, pm and pn say."""
    if min(lon.shape) < 2:
        return
    known = sea & np.isfinite(lon) & np.isfinite(lat)
    north = mercator(lat)
    along = np.gradient(lon, axis=1), np.gradient(north, axis=1)
    across = np.gradient(lon, axis=0), np.gradient(north, axis=0)
    area = (along[0] * across[1] - along[1] * across[0])[known]
    area = area[np.isfinite(area)]
    if area.size and np.median(area) < 0:
        raise ValueError(
            f"{path}: eta_rho runs to the right of xi_rho, expected to its left, as north is left "
            "of east: turn all variables around (ncpdq -a -eta_rho,-eta_v, or -xi_rho,-xi_u)"
        )
    if area.size and np.median(area) == 0:
        raise ValueError(f"{path}: lon_rho and lat_rho do not change from point to point")
    if "angle" in fields:
        apart = (fields["angle"] - axis_angle(lon, lat))[known]
        apart = np.abs(np.angle(np.exp(1j * apart[np.isfinite(apart)])))
        if apart.size and np.median(apart) > TURNED:
            raise ValueError(
                f"{path}: angle differs by {np.median(apart):.3g} rad from what lon_rho and "
                f"lat_rho say, at most points, expected radians from east to the xi axis"
            )
    for name, axis in (("pm", 1), ("pn", 0)):
        if name in fields:
            ratio = (fields[name] * spacing(lon, lat, axis))[known]
            ratio = ratio[np.isfinite(ratio)]
            if ratio.size and not 1 / STRETCHED < np.median(ratio) < STRETCHED:
                raise ValueError(
                    f"{path}: {name} is {np.median(ratio):.3g} times one over the spacing of "
                    "lon_rho and lat_rho [1/m], at most points"
                )


def _same(one: dict[str, Float64Array], other: dict[str, Float64Array]) -> bool:
    """Whether two grids have the same places, and sea in the same places."""
    for name in one.keys() & other.keys():
        first, second = one[name], other[name]
        if name == "lon_rho":
            second = first + (near(second - first, 0.0))
        both = np.isfinite(first) & np.isfinite(second)
        if (np.abs(first - second)[both] > SAME_PLACE).any():
            return False
    return True


def _likeness(other: Path, path: Path) -> tuple[bool, bool, str]:
    """Sort the other files of the sequence of a history before those of its grid, then others."""
    stems = [re.sub(r"[._-]?\d+$", "", file.stem) for file in (other, path)]
    return stems[0] != stems[1], matches(other, "*his*.nc"), other.name
