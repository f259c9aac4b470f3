"""Grids of the ocean and of the atmosphere, and the numbering of their sea points.

Points on land have no node. The nodes of a kind of points are its sea points in the order of
memory: ``np.flatnonzero(sea)``.

On an Arakawa C grid of ``(eta, xi)`` rho points, the u points lie between neighbours along xi,
``(eta, xi - 1)``, the v points between neighbours along eta, ``(eta - 1, xi)``. A face is sea where
both its neighbours are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4sim.physics.constants import EARTH_ROTATION, MEAN_EARTH_RADIUS
from ai4sim.variables import Float64Array

Mask = NDArray[np.bool_]
Field = TypeVar("Field", NDArray[np.float32], NDArray[np.float64])

POLYNOMIAL_DEGREE = 3


class Grid:
    """Points on the Earth, some of them sea; the same grid has the same fingerprint."""

    sea: Mask

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of points along the two axes, eta and xi or nj and ni."""
        return self.sea.shape[0], self.sea.shape[1]

    @property
    def fingerprint(self) -> str:
        """A hash of what makes it this grid."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """Describe the grid in a line."""
        points = f"{self.shape[0]} x {self.shape[1]} points, {self.sea.sum()} of them sea"
        return f"{type(self).__name__}({points}, {self.fingerprint})"

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same grid."""
        return isinstance(other, type(self)) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        """Return a hash that equal grids share."""
        return hash(self.fingerprint)


@dataclass(frozen=True, eq=False, repr=False)
class OceanGrid(Grid):
    """An Arakawa C grid, curvilinear or not.

    Attributes
    ----------
    lon, lat : (eta, xi)  [degrees]
        Of the rho points, finite also on land.
    sea : (eta, xi)
        Whether a rho point is sea.
    angle : (eta, xi)  [rad]
        From east to the xi axis, counter-clockwise.
    dx, dy : (eta, xi)  [m]
        Spacing along xi and eta.
    coriolis : (eta, xi)  [1/s]
    """

    lon: Float64Array
    lat: Float64Array
    sea: Mask
    angle: Float64Array
    dx: Float64Array
    dy: Float64Array
    coriolis: Float64Array

    @property
    def sea_u(self) -> Mask:
        """Whether a u point is sea, ``(eta, xi - 1)``."""
        return self.sea[:, 1:] & self.sea[:, :-1]

    @property
    def sea_v(self) -> Mask:
        """Whether a v point is sea, ``(eta - 1, xi)``."""
        return self.sea[1:] & self.sea[:-1]

    @property
    def masks(self) -> dict[str, Mask]:
        """Whether a point is sea, by kind of points: "rho", "u" and "v"."""
        return {"rho": self.sea, "u": self.sea_u, "v": self.sea_v}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of where the sea points lie and how they are turned."""
        return _fingerprint(self.sea, self.lon, self.lat, self.angle)


@dataclass(frozen=True, eq=False, repr=False)
class AtmosphereGrid(Grid):
    """The mass points of an atmosphere, halo included.

    Attributes
    ----------
    lon, lat : (nj, ni)  [degrees]
    sea : (nj, ni)
        Whether the model has a sea surface there.
    heights : (level,)  [m]
        Of the mass points above the ground, the lowest first, none below the ground.
    """

    lon: Float64Array
    lat: Float64Array
    sea: Mask
    heights: Float64Array

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.heights)

    @cached_property
    def angle(self) -> Float64Array:
        """Angle from east to the ni axis, counter-clockwise, ``(nj, ni)``  [rad]."""
        return axis_angle(self.lon, self.lat)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of where the sea points lie and of the heights."""
        return _fingerprint(self.sea, self.lon, self.lat) + _fingerprint(
            np.ones(self.heights.shape, bool), self.heights
        )


def mercator(latitude: ArrayLike) -> Float64Array:
    """Return the Mercator ordinate of latitudes, in degrees of longitude at the equator.

    On the map of longitude and this ordinate, a degree is as long in both directions everywhere.

    Parameters
    ----------
    latitude : array  [degrees]
    """
    return np.degrees(np.arcsinh(np.tan(np.radians(np.asarray(latitude, float)))))


def inverse_mercator(ordinate: ArrayLike) -> Float64Array:
    """Return the latitude [degrees] of a Mercator ordinate [degrees]."""
    return np.degrees(np.arctan(np.sinh(np.radians(np.asarray(ordinate, float)))))


def near(longitude: ArrayLike, centre: float) -> Float64Array:
    """Return longitudes [degrees] by the names that they have within 180 degrees of a centre."""
    shifted: Float64Array = np.asarray(longitude, float) - centre
    return centre + (shifted - 360 * np.round(shifted / 360))


def axis_angle(lon: Float64Array, lat: Float64Array) -> Float64Array:
    """Return the angle from east to the second axis of a grid, ``(n, m)``  [rad].

    Parameters
    ----------
    lon, lat : (n, m)  [degrees]
    """
    east, north = near(lon, float(lon[0, 0])), mercator(lat)
    return np.arctan2(np.gradient(north, axis=1), np.gradient(east, axis=1))


def spacing(lon: Float64Array, lat: Float64Array, axis: int) -> Float64Array:
    """Return the spacing of a grid along an axis, on a sphere, ``(n, m)``  [m].

    Parameters
    ----------
    lon, lat : (n, m)  [degrees]
    axis : int
    """
    east = np.gradient(near(lon, float(lon[0, 0])), axis=axis)
    north = np.gradient(mercator(lat), axis=axis)
    return MEAN_EARTH_RADIUS * np.radians(np.hypot(east, north)) * np.cos(np.radians(lat))


def cell_corners(lon: Float64Array, lat: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return the corners of the cells around the points of a grid, on the map of Mercator.

    A corner is the mean of the four points around it; at the edge the grid is continued with its
    last spacing.

    Parameters
    ----------
    lon, lat : (n, m)  [degrees]

    Returns
    -------
    lon, lat : (n + 1, m + 1)  [degrees]
    """
    east, north = near(lon, float(lon[0, 0])), mercator(lat)
    corners = []
    for points in (east, north):
        wider = np.pad(points, 1, mode="reflect", reflect_type="odd")
        pairs = wider[1:] + wider[:-1]
        corners.append((pairs[:, 1:] + pairs[:, :-1]) / 4)
    return corners[0], inverse_mercator(corners[1])


def ocean_grid(
    lon: Float64Array, lat: Float64Array, sea: Mask, **given: Float64Array | None
) -> OceanGrid:
    """Return the grid of some rho points; what is not given about it follows from where they lie.

    Parameters
    ----------
    lon, lat : (eta, xi)  [degrees]
        NaN on land where the file has nothing.
    sea : (eta, xi)
    **given : (eta, xi), optional
        ``angle``, ``dx``, ``dy``, ``coriolis``, see :class:`OceanGrid`.
    """
    lon, lat = continued(near(lon, float(lon[sea][0]) if sea.any() else 0.0)), continued(lat)
    known = {name: continued(values) for name, values in given.items() if values is not None}
    return OceanGrid(
        lon,
        lat,
        sea,
        known["angle"] if "angle" in known else axis_angle(lon, lat),
        known["dx"] if "dx" in known else spacing(lon, lat, axis=1),
        known["dy"] if "dy" in known else spacing(lon, lat, axis=0),
        (
            known["coriolis"]
            if "coriolis" in known
            else 2 * EARTH_ROTATION * np.sin(np.radians(lat))
        ),
    )


def continued(field: Float64Array) -> Float64Array:
    """Continue a smooth field to where it is NaN, by a cubic polynomial of the two indices.

    Good enough to draw land that a model never writes.

    Parameters
    ----------
    field : (n, m)

    Returns
    -------
    array
        The field as it is where it is finite.
    """
    field = np.asarray(field, float)
    known = np.isfinite(field)
    if known.all() or not known.any():
        return field
    rows, columns = (np.linspace(-1, 1, size) for size in field.shape)

    def terms(where: Mask) -> Float64Array:
        y, x = (axis[index] for axis, index in zip((rows, columns), np.nonzero(where), strict=True))
        powers = [
            x**i * y**j
            for i in range(POLYNOMIAL_DEGREE + 1)
            for j in range(POLYNOMIAL_DEGREE + 1 - i)
        ]
        return np.stack(powers, axis=-1)

    matrix = terms(known)
    # The normal equations are small, whatever the size of the grid.
    solution = np.linalg.lstsq(matrix.T @ matrix, matrix.T @ field[known], rcond=None)[0]
    filled = field.copy()
    filled[~known] = terms(~known) @ solution
    return filled


def at_nodes(field: Field, sea: Mask) -> Field:
    """Return the values of a field at the sea points.

    Parameters
    ----------
    field : (..., n, m)
    sea : (n, m)

    Returns
    -------
    array : (..., node)
    """
    flat = field.reshape(*field.shape[:-2], -1)
    return flat.take(np.flatnonzero(sea), axis=-1)


def node_numbers(sea: Mask) -> NDArray[np.int64]:
    """Return the number of the node of each point, -1 on land, ``(n, m)``."""
    return np.where(sea, np.cumsum(sea).reshape(sea.shape) - 1, -1)


def on_grid(values: Field, sea: Mask, fill: float = 0.0) -> Field:
    """Put values at the sea points back on their grid.

    Parameters
    ----------
    values : (..., node)
    sea : (n, m)
    fill : float
        What land gets.

    Returns
    -------
    array : (..., n, m)
    """
    field = np.full((*values.shape[:-1], sea.size), fill, values.dtype)
    field[..., np.flatnonzero(sea)] = values
    return field.reshape(*values.shape[:-1], *sea.shape)


def _fingerprint(sea: Mask, *fields: Float64Array) -> str:
    """Hash a mask and what fields have where it is true, in single precision."""
    digest = hashlib.blake2b(f"{sea.shape}".encode(), digest_size=8)
    digest.update(np.packbits(sea).tobytes())
    for field in fields:
        # Adding zero makes one of the two zeros of floating-point numbers.
        digest.update((np.asarray(field)[sea].astype(np.float32) + np.float32(0)).tobytes())
    return digest.hexdigest()
