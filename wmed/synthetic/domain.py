"""The two grids of the demo: an ocean on a Mercator C grid, an atmosphere about five times coarser.

At the default size a cell of the ocean is 0.095 degrees wide. The size is a parameter: 539 x 631 is
that of a basin-scale forecast, a few tens of cells are enough for tests. The atmosphere's interior
covers the ocean's cells, edge on edge, and has one halo row around.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ai4sim.physics.constants import EARTH_ROTATION, MEAN_EARTH_RADIUS
from ai4sim.variables import Float64Array
from wmed.io.grid import AtmosphereGrid, OceanGrid, inverse_mercator, mercator
from wmed.synthetic.coast import sea_mask

WEST, EAST, SOUTH = -5.83, 9.06, 34.86
"""First and last rho points and the first row [degrees]."""
SHAPE = (136, 158)
"""Rows (eta) and columns (xi) of rho points."""
RATIO = 4.93
"""Ocean cells along the side of an atmosphere's cell, about."""
ZHAT = (-20, 0, 20, 44, 72, 108, 152, 208, 278, 362, 458, 572, 708, 872, 1068, 1312, 1608)
"""Heights of the faces of the atmosphere's levels [m]; the first level is below the ground."""
HEIGHTS = np.array([(low + high) / 2 for low, high in zip(ZHAT[1:-1], ZHAT[2:], strict=True)])
"""Heights where the 15 levels above the ground have their state [m]: 10, 32, ... 1460."""


class Axes(NamedTuple):
    """The points of a Mercator grid.

    Attributes
    ----------
    lon, lat : (column,), (row,)  [degrees]
    spacing : float
        Of the columns [degrees].
    """

    lon: Float64Array
    lat: Float64Array
    spacing: float

    @property
    def size(self) -> Float64Array:
        """Width, which is the height, of the cells of each row, (row,) [m]."""
        return MEAN_EARTH_RADIUS * np.deg2rad(self.spacing) * np.cos(np.deg2rad(self.lat))

    @property
    def coriolis(self) -> Float64Array:
        """Coriolis parameter of each row, (row,) [1/s]."""
        return 2 * EARTH_ROTATION * np.sin(np.deg2rad(self.lat))

    def shifted(self, rows: float, columns: float, more: int = 0) -> Axes:
        """Return the axes moved by a share of a cell, with some more rows and columns."""
        y = mercator(self.lat[0]) + self.spacing * (np.arange(self.lat.size + more) + rows)
        lon = self.lon[0] + self.spacing * (np.arange(self.lon.size + more) + columns)
        return Axes(lon, inverse_mercator(y), self.spacing)


def ocean_axes(shape: tuple[int, int] = SHAPE) -> Axes:
    """Return the rho points of an ocean of some rows and columns.

    Raises
    ------
    ValueError
        Fewer than 10 rows or columns.
    """
    if min(shape) < 10:
        raise ValueError(f"expected at least 10 rows and columns of the ocean, found {shape}")
    rows, columns = shape
    spacing = (EAST - WEST) / (columns - 1)
    y = mercator(SOUTH) + spacing * np.arange(rows)
    lon: Float64Array = WEST + spacing * np.arange(columns, dtype=np.float64)
    return Axes(lon, inverse_mercator(y), spacing)


def atmosphere_axes(ocean: Axes) -> Axes:
    """Return the mass points of the atmosphere above an ocean, halo included."""
    columns = max(round(ocean.lon.size / RATIO), 2)
    spacing = ocean.spacing * ocean.lon.size / columns
    rows = max(round(ocean.lat.size * columns / ocean.lon.size), 2)
    corner = mercator(ocean.lat[0]) - ocean.spacing / 2, ocean.lon[0] - ocean.spacing / 2
    y = corner[0] + spacing * (np.arange(rows + 2) - 0.5)
    return Axes(corner[1] + spacing * (np.arange(columns + 2) - 0.5), inverse_mercator(y), spacing)


def ocean_grid(axes: Axes) -> OceanGrid:
    """Return the ocean's grid, with the real coast."""
    lon, lat = np.meshgrid(axes.lon, axes.lat)
    size = np.broadcast_to(axes.size[:, None], lon.shape)
    return OceanGrid(
        lon=lon,
        lat=lat,
        sea=sea_mask(axes.lon, axes.lat),
        angle=np.zeros_like(lon),
        dx=size,
        dy=size,
        coriolis=np.broadcast_to(axes.coriolis[:, None], lon.shape),
    )


def atmosphere_grid(axes: Axes) -> AtmosphereGrid:
    """Return the atmosphere's grid, with the real coast."""
    lon, lat = np.meshgrid(axes.lon, axes.lat)
    return AtmosphereGrid(lon=lon, lat=lat, sea=sea_mask(axes.lon, axes.lat), heights=HEIGHTS)
