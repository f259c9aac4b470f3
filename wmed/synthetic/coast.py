"""Where the Western Mediterranean is sea: its real coast, at any resolution.

``coast.json`` beside this file is the outline of the basin and of 19 islands, made once from
Natural Earth 4.1 (land, 1:10m; public domain) as the npm package world-atlas 2.0.2 redistributes
it. What was done to it stands in the file. The Atlantic, the Bay of Biscay and lakes are not in it:
beside the one basin everything is land. Open edges: 11 E; the strait of Gibraltar is closed.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ai4sim.physics.constants import MEAN_EARTH_RADIUS
from ai4sim.variables import Float64Array

Mask = NDArray[np.bool_]

FILE = Path(__file__).with_name("coast.json")
KM_PER_DEGREE = np.pi / 180 * MEAN_EARTH_RADIUS / 1000


@functools.cache
def rings() -> tuple[Float64Array, ...]:
    """Read the outline of the sea and then those of its islands, each (point, 2) [degrees]."""
    return tuple(np.array(ring) for ring in json.loads(FILE.read_text())["rings"])


def in_basin(lon: Float64Array, lat: Float64Array) -> Mask:
    """Tell which points of a grid lie in the basin, by the even-odd rule.

    A point is inside where the parallel through it crosses the coast an odd number of times on the
    way from the west. Each crossing is counted in the first column east of it, so that a running
    sum along the rows tells all points of the grid at once.

    Parameters
    ----------
    lon : (column,)  [degrees east], increasing
    lat : (row,)  [degrees north]

    Returns
    -------
    (row, column), bool
    """
    start = np.concatenate(rings())
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings()])
    row, edge = np.nonzero((start[:, 1] <= lat[:, None]) != (end[:, 1] <= lat[:, None]))
    (x, y), (dx, dy) = start[edge].T, (end - start)[edge].T
    crossing = x + (lat[row] - y) * dx / dy
    crossings = np.zeros((lat.size, lon.size + 1), np.int64)
    np.add.at(crossings, (row, np.searchsorted(lon, crossing)), 1)
    return np.cumsum(crossings[:, :-1], axis=1) % 2 == 1


def sea_mask(lon: Float64Array, lat: Float64Array) -> Mask:
    """Return the basin on a grid, without inlets that the grid cuts off from it.

    Parameters
    ----------
    lon : (column,)  [degrees east], increasing
    lat : (row,)  [degrees north], increasing

    Returns
    -------
    (row, column), bool
        One region connected through the sides of the cells, or no sea at all.
    """
    return largest_region(in_basin(lon, lat))


def largest_region(sea: Mask) -> Mask:
    """Return the largest of the regions that are connected through the sides of the cells."""
    left, largest = sea.copy(), np.zeros_like(sea)
    while left.sum() > largest.sum():
        region = np.zeros_like(sea)
        region.flat[np.argmax(left)] = True
        size = 0
        while region.sum() > size:
            size = region.sum()
            region = _spread(_spread(region, left, 0), left, 1)
        left &= ~region
        largest = region if size > largest.sum() else largest
    return largest


def _spread(region: Mask, sea: Mask, axis: int) -> Mask:
    """Fill every run of sea along an axis that the region touches, in one sweep."""
    sea, region = np.moveaxis(sea, axis, -1), np.moveaxis(region, axis, -1)
    # Runs are numbered by the land before them; those that have a cell of the region are filled.
    run = np.cumsum(~sea, axis=-1) + (sea.shape[-1] + 1) * np.arange(len(sea))[:, None]
    touched = np.zeros(run.max() + 1, bool)
    touched[run[region & sea]] = True
    return np.moveaxis(touched[run] & sea, -1, axis)


def distance_to(places: Mask, spacing: Float64Array, limit: float) -> Float64Array:
    """Return the distance to the nearest marked cell of a grid of squares, up to a limit.

    The square of a distance is the sum of the squares along both axes: first the nearest one in
    each row, then over the rows within the limit (Saito & Toriwaki 1994, Pattern Recognition 27).

    Parameters
    ----------
    places : (row, column), bool
    spacing : (row,)
        Width and height of the cells of a row; it varies slowly.
    limit : float
        In the units of `spacing`.

    Returns
    -------
    (row, column)
        0 at the marked cells, `limit` far from them.
    """
    rows, columns = places.shape
    far = float(columns + rows)
    column = np.arange(columns)
    before = np.maximum.accumulate(np.where(places, column, -far), axis=1)
    after = np.minimum.accumulate(np.where(places, column, columns + far)[:, ::-1], axis=1)
    along = np.minimum(column - before, after[:, ::-1] - column) ** 2
    nearest = along.copy()
    for shift in range(1, min(rows, int(np.ceil(limit / spacing.min())) + 1)):
        nearest[shift:] = np.minimum(nearest[shift:], along[:-shift] + shift**2)
        nearest[:-shift] = np.minimum(nearest[:-shift], along[shift:] + shift**2)
    return np.minimum(np.sqrt(nearest) * spacing[:, None], limit)


@functools.cache
def _land_tenths() -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return longitude, latitude and land (1) or sea (0) every tenth of a degree."""
    lon, lat = np.arange(-6.95, 11, 0.1), np.arange(34.05, 46, 0.1)
    return lon, lat, (~in_basin(lon, lat)).astype(np.float64)


def smooth_land(
    lon: Float64Array, lat: Float64Array, length: float
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the share of land around each point and where it grows.

    Weighted with a Gaussian of standard deviation `length`, which is a product of one function of
    longitude and one of latitude: two small matrix products smooth the whole map.

    Parameters
    ----------
    lon, lat : (column,), (row,)  [degrees]
    length : float  [km]

    Returns
    -------
    share, east, north : (row, column)
        Between 0 and 1; its gradient times `length`.
    """
    from_lon, from_lat, land = _land_tenths()
    middle = np.cos(np.deg2rad(from_lat.mean()))
    x, dx = _kernel(lon, from_lon, length / (KM_PER_DEGREE * middle))
    y, dy = _kernel(lat, from_lat, length / KM_PER_DEGREE)
    return y @ land @ x.T, y @ land @ dx.T, dy @ land @ x.T


def _kernel(
    to: Float64Array, places: Float64Array, length: float
) -> tuple[Float64Array, Float64Array]:
    """Return a normalised Gaussian (to, from) and its derivative in units of its length."""
    offset = (places - to[:, None]) / length
    weight = np.exp(-(offset**2) / 2)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (weight * offset).sum(axis=1, keepdims=True)
    return weight, weight * (offset - mean)
