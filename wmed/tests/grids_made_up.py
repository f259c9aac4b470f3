"""A made-up event: a small ocean under a small atmosphere, in the raw layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from wmed.io import croco_writer, mesonh
from wmed.io.grid import AtmosphereGrid, OceanGrid, inverse_mercator, mercator, ocean_grid

HEIGHTS = np.array([10.0, 32.0, 58.0, 90.0])
SHAPE, AIR_SHAPE = (12, 14), (7, 8)
WEST, SOUTH = 3.0, 40.0
SPACING, AIR_SPACING = 0.1, 0.25
"""Degrees of longitude; the grids are Mercator."""
STEP = np.timedelta64(6, "h")


def mercator_points(
    shape: tuple[int, int], west: float, south: float, spacing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitudes and latitudes [degrees] of a Mercator grid, as exact as in files."""
    east = west + spacing * np.arange(shape[1])
    north = inverse_mercator(mercator(south) + spacing * np.arange(shape[0]))
    lon, lat = np.meshgrid(east, north)
    return lon.astype(np.float32).astype(float), lat.astype(np.float32).astype(float)


def made_up_ocean(shape: tuple[int, int] = SHAPE) -> OceanGrid:
    """Return a sea with land in the north-west corner and an island."""
    lon, lat = mercator_points(shape, WEST, SOUTH, SPACING)
    eta, xi = np.indices(shape)
    land = (eta - shape[0] + 1 > xi - 4) | ((abs(eta - 4) < 2) & (abs(xi - 9) < 2))
    return ocean_grid(lon, lat, ~land)


def made_up_atmosphere(
    shape: tuple[int, int] = AIR_SHAPE, heights: NDArray[np.float64] = HEIGHTS
) -> AtmosphereGrid:
    """Return an atmosphere over it, some of whose points on the north-western coast are land."""
    lon, lat = mercator_points(shape, WEST - 0.6 * AIR_SPACING, SOUTH - 0.1, AIR_SPACING)
    j, i = np.indices(shape)
    return AtmosphereGrid(lon, lat, j - shape[0] + 1 <= i - 3, heights)


def ocean_fields(
    grid: OceanGrid, records: int, seed: int = 0, fluxes: bool = True
) -> dict[str, NDArray[np.float32]]:
    """Draw what a history holds from record 1 on, in memory units; the heat closes."""
    rng = np.random.default_rng(seed)

    def draw(points: str, mean: float, spread: float) -> NDArray[np.float32]:
        mask = grid.masks[points]
        values = mean + spread * rng.standard_normal((records, *mask.shape))
        return np.where(mask, values, 0).astype(np.float32)

    fields = {
        "sst": draw("rho", 288, 1),
        "current_u": draw("u", 0.1, 0.2),
        "current_v": draw("v", 0, 0.2),
    }
    if fluxes:
        fields |= {"tau_x": draw("u", 0.05, 0.1), "tau_y": draw("v", -0.02, 0.1)}
        heat = [draw("rho", *facts) for facts in ((200, 30), (-60, 10), (-80, 20), (-10, 5))]
        fields |= dict(zip(("shortwave", "longwave", "latent"), heat, strict=False))
        fields["heat"] = np.sum(heat, axis=0, dtype=np.float32)
    return fields


def air_fields(grid: AtmosphereGrid, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Draw the air of one time, winds on the faces."""
    rng = np.random.default_rng(seed)
    shape = (grid.levels, *grid.shape)
    height = grid.heights[:, None, None]
    noise = rng.standard_normal((6, *shape))
    fields = {
        "UT": 5 + 3 * noise[0] + 0.02 * height,
        "VT": -2 + 3 * noise[1],
        "THT": 287 + noise[2] + 0.004 * height,
        "RVT": 8e-3 + 1e-3 * noise[3] - 1e-6 * height,
        "PABST": 101500 + 200 * noise[4] - 12 * height,
        "SST": 288 + noise[5, 0],
    }
    return {name: values.astype(np.float32) for name, values in fields.items()}


def write_event(
    folder: Path | str,
    start: str = "2006-01-01",
    records: int = 3,
    seed: int = 0,
    fluxes: bool = True,
) -> Path:
    """Write an event: a history with an initial state, and the air of each of its records.

    Parameters
    ----------
    folder : path
        Gets ``croco_his_YYYYMMDD.nc`` and ``ECMWF_YYYYMMDD_HH.nc``.
    start : str
        Date of the initial state; records follow every 6 hours.
    records : int
        Without the initial state.
    seed : int
    fluxes : bool
        Whether the history has the fluxes.

    Returns
    -------
    Path
        The history.
    """
    folder = Path(folder)
    ocean, air = made_up_ocean(), made_up_atmosphere()
    begin = np.datetime64(start, "s")
    times = begin + STEP * np.arange(1, records + 1)
    path = history_path(folder, begin)
    fields = ocean_fields(ocean, records, seed, fluxes)
    croco_writer.write_history(
        path, ocean, times, fields, {"bulk_algorithm": "made up"}, start=begin
    )
    write_air(folder, air, times, seed)
    return path


def history_path(folder: Path, start: np.datetime64) -> Path:
    """Return the file of an event that starts at some time."""
    return folder / f"croco_his_{str(start)[:10].replace('-', '')}.nc"


def write_air(
    folder: Path, grid: AtmosphereGrid, times: NDArray[np.datetime64], seed: int = 0
) -> None:
    """Write the air of some times, a file each."""
    for k, time in enumerate(times):
        fields = air_fields(grid, 1000 * seed + k)
        mesonh.write_state(folder / mesonh.file_name(time), grid, time, fields)


def edit(path: Path, change: Callable[[netCDF4.Dataset], Any]) -> None:
    """Change a file in place."""
    with netCDF4.Dataset(path, "a") as file:
        change(file)
