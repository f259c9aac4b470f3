"""History files of CROCO, and of ROMS where it does the same.

In a file the sea has levels, the last one at the surface, or only that. Record 0 is the state that
the run began with: it has no fluxes, and is never used. In memory temperatures are in kelvin, all
fluxes are positive into the sea. Fields have the names of a batch; :mod:`.croco_layout` has their
names in files.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ai4sim.physics.constants import ZERO_CELSIUS
from ai4sim.variables import Float32Array
from wmed.io.croco_layout import FLUXES, STATE, FileVariable, points_shape, rho_shape
from wmed.io.grid import OceanGrid, ocean_grid
from wmed.io.layout import NEEDED
from wmed.io.netcdf import Source, normal_units, read_dates, to_seconds

SEA_TEMPERATURES = (268.0, 323.0)
"""[K]"""
SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
DATE_FORMATS = ("%d-%b-%Y %H:%M:%S", "%d-%b-%Y", "%d/%m/%Y %H:%M:%S", "%Y%m%d")


def read_grid(path: Path | str) -> OceanGrid:
    """Read the grid of a file.

    Where the model never writes the tiles that are all land, there is land, and coordinates are
    continued from around (to draw it). A file without mask is all sea. Angle, spacings and Coriolis
    parameter follow from the coordinates where the file has them not.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; it is not of CROCO or ROMS; it has no longitudes and latitudes (test
        cases on a plane); they are no such; shapes differ; or all is land.
    """
    with Source(path) as source:
        shape = rho_shape(source)
        lon, lat = (_plane(source, name, shape) for name in ("lon_rho", "lat_rho"))
        sea = np.isfinite(lon) & np.isfinite(lat)
        if "mask_rho" in source:
            mask = _plane(source, "mask_rho", shape)
            _check_mask(source, mask, sea)
            sea = mask > 0.5  # NaN is land
        if not sea.any():
            raise ValueError(f"{path}: mask_rho is land everywhere, so nothing can be learned here")
        for name, values, limit in (("lon_rho", lon, 540.0), ("lat_rho", lat, 90.0)):
            if np.abs(values[sea]).max() > limit:
                raise ValueError(
                    f"{path}: {name} reaches {np.abs(values[sea]).max():g} at sea points, expected "
                    f"degrees within +-{limit:g}"
                )
        angle, pm, pn, coriolis = (
            _plane(source, name, shape) if name in source else None
            for name in ("angle", "pm", "pn", "f")
        )
        units = normal_units(str(source.attribute("units", "angle"))) if "angle" in source else {}
        if angle is not None and units.keys() & {"degree", "degrees"}:
            angle = np.radians(angle)
    return ocean_grid(
        lon,
        lat,
        sea,
        angle=angle,
        dx=None if pm is None else 1 / pm,
        dy=None if pn is None else 1 / pn,
        coriolis=coriolis,
    )


def read_times(path: Path | str) -> NDArray[np.datetime64]:
    """Read the times of all records, the first one included, ``(record,)`` to the second.

    They are counted from the date in the units; else from that of the attribute ``start_date`` or
    ``origin_date``; else from that in the name of the file, as in ``croco_his_20060310.nc``.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file, no time, or nothing says from when it is counted.
    """
    with Source(path) as source:
        name = source.variable("scrum_time", "time", "ocean_time").name
        for candidate in ("time", "scrum_time", "ocean_time"):
            if candidate in source:
                dated = read_dates(source, candidate)
                if dated is not None:
                    return dated
        seconds = np.atleast_1d(source.read(name)).astype(float)
        units = str(source.attribute("units", name) or "second").lower().strip()
        scale = SECONDS.get(units.removesuffix("s"))
        if scale is None:
            raise ValueError(
                f'{path}: {name} has the units "{units}", expected seconds, or a time since a date'
            )
        return to_seconds(
            _start(source) + np.round(1e6 * scale * seconds).astype("timedelta64[us]")
        )


def read_record(
    path: Path | str, record: int, *, state: bool = True, fluxes: bool = False
) -> dict[str, Float32Array]:
    """Read the surface of the sea, and the fluxes into it, of one record.

    Parameters
    ----------
    path : path
    record : int
        From 1.
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
    found: dict[str, Float32Array] = {}
    with Source(path) as source:
        shape = rho_shape(source)
        if state:
            celsius = source.check_units("temp", "degC", "K") if "temp" in source else ""
            sst = _surface(source, "temp", STATE["sst"], shape, record, "")
            found["sst"] = sst + ZERO_CELSIUS if celsius == "degC" else sst
            for name in ("current_u", "current_v"):
                field = STATE[name]
                found[name] = _surface(source, field.name, field, shape, record, "m s-1")
            _check_state(source, found, record)
        for name, field in FLUXES.items():
            known_as = field.name_in(source)
            if known_as:
                found[name] = _surface(source, known_as, field, shape, record, field.units)
            elif fluxes and name in NEEDED:
                raise ValueError(
                    f"{path}: no variable {field.name}, which is to be learned or compared with; "
                    f"it has {', '.join(source.dataset.variables)}"
                )
    parts = ("heat", "shortwave", "longwave", "latent")
    if "sensible" not in found and all(name in found for name in parts):
        total, *others = (found[name] for name in parts)
        found["sensible"] = total - sum(others)
    return found


# --- Parts ---


def _plane(source: Source, name: str, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Read a field of the rho points, NaN where it was never written."""
    if name not in source and name in ("lon_rho", "lat_rho") and "x_rho" in source:
        raise ValueError(
            f"{source.path}: no {name}, only x_rho and y_rho: a test case on a plane. The air "
            "above can only be found for places on the Earth"
        )
    values = source.read(name)
    if values.ndim == 1 and name in ("lon_rho", "lat_rho"):
        values = np.broadcast_to(values if name == "lon_rho" else values[:, None], shape)
    if values.shape != shape:
        raise ValueError(f"{source.path}: {name} has shape {values.shape}, expected {shape}")
    return values.astype(np.float64)


def _check_mask(source: Source, mask: NDArray[np.float64], placed: NDArray[np.bool_]) -> None:
    """Raise ValueError unless a mask is 0, 1 or NaN, and all sea points have a place."""
    strange = np.isfinite(mask) & (mask != 0) & (mask != 1)
    if strange.any():
        raise ValueError(
            f"{source.path}: mask_rho holds {mask[strange][0]:g}, expected 0 (land) and 1 (sea)"
        )
    lost = (mask > 0.5) & ~placed
    if lost.any():
        eta, xi = np.argwhere(lost)[0]
        raise ValueError(
            f"{source.path}: lon_rho or lat_rho was not written at {lost.sum()} sea points, "
            f"the first one at eta_rho {eta}, xi_rho {xi}"
        )


def _surface(
    source: Source,
    name: str,
    field: FileVariable,
    shape: tuple[int, int],
    record: int,
    units: str,
) -> Float32Array:
    """Read what a record has at the surface."""
    found, expected = source.shape(name), points_shape(field.points, shape)
    if len(found) not in (3, 4) or found[-2:] != expected:
        raise ValueError(
            f"{source.path}: {name} has shape {found}, expected (time, {expected[0]}, "
            f"{expected[1]}), maybe with levels after the time: it lies on the {field.points} "
            f"points of a grid of {shape[0]} x {shape[1]} rho points"
        )
    if not 1 <= record < found[0]:
        raise ValueError(
            f"{source.path}: no record {record} to read: it has {found[0]}, of which record 0 is "
            "the initial state, without fluxes"
        )
    values = source.read(name, units, (record, -1) if len(found) == 4 else record)
    return values.astype(np.float32, copy=False)


def _check_state(source: Source, found: dict[str, Float32Array], record: int) -> None:
    """Raise ValueError if the sea has temperatures that no sea has, or currents that are NaN."""
    sst = found["sst"]
    sea = source.read("mask_rho") > 0.5 if "mask_rho" in source else np.ones(sst.shape, bool)
    lost = int((~np.isfinite(sst[sea])).sum())
    if lost:
        raise ValueError(
            f"{source.path}: temp at the surface of record {record} is NaN, or was never written, "
            f"at {lost} sea points"
        )
    at_sea, (low, high) = sst[sea], SEA_TEMPERATURES
    if sea.any() and not (at_sea.min() >= low and at_sea.max() <= high):
        raise ValueError(
            f"{source.path}: temp at the surface of record {record} lies within "
            f"{at_sea.min() - ZERO_CELSIUS:g} ... {at_sea.max() - ZERO_CELSIUS:g} degC at sea "
            f"points, expected {low - ZERO_CELSIUS:g} ... {high - ZERO_CELSIUS:g}"
        )
    for name, face in (("u", sea[:, 1:] & sea[:, :-1]), ("v", sea[1:] & sea[:-1])):
        lost = int((~np.isfinite(found[f"current_{name}"][face])).sum())
        if lost:
            raise ValueError(
                f"{source.path}: {name} at the surface of record {record} is NaN, or was never "
                f"written, at {lost} points between sea points"
            )


def _start(source: Source) -> np.datetime64:
    """Return from when a file counts its time, as it says or as its name says."""
    for name in ("start_date", "origin_date", "time_origin"):
        text = source.attribute(name)
        if text is not None:
            found = _date(str(text))
            if found is None:
                raise ValueError(
                    f'{source.path}: the attribute {name} is "{text}", expected a date as '
                    "2006-03-10T00:00:00"
                )
            return found
    digits = re.search(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)", source.path.stem)
    found = _date("".join(digits.groups())) if digits else None
    if found is None:
        raise ValueError(
            f"{source.path}: nothing says from when its time is counted: no attribute start_date, "
            "no date in the units of time or in the name of the file (as croco_his_20060310.nc)"
        )
    return found


def _date(text: str) -> np.datetime64 | None:
    """Return the date that a text says; None if it says none."""
    text = text.strip()
    for form in (None, *DATE_FORMATS):
        try:
            date = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
        except ValueError:
            continue
        return np.datetime64(date.replace(tzinfo=None), "us")
    return None
