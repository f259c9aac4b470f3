"""From the atmosphere's columns to the ocean's points: bilinear, by the columns of sea alone.

On the map of longitude and Mercator ordinate, each rho point lies among four mass points of the
atmosphere. What it gets is their bilinear mean; columns over land are left out, and the weights of
the others are scaled to add up to one again. A point all of whose four are land gets the nearest
column of sea. All this is found once, as a sparse operator.

An atmosphere whose longitudes depend on the column alone and latitudes on the row alone (Mercator,
as of Meso-NH) is searched along its axes; any other one by Newton's method, since a bilinear map
leads from its indices to its places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from ai4sim.variables import Float64Array
from wmed.io.grid import AtmosphereGrid, OceanGrid, at_nodes, mercator, near, node_numbers

Places = tuple[Float64Array, Float64Array]

SEPARABLE = 1e-3
"""Share of the spacing by which a column may leave its longitude, or a row its latitude."""
MARGIN = 0.5
"""Share of the spacing by which a point may lie outside the outermost mass points: in a cell."""
NO_SEA = 1e-9
"""Weights of sea columns below this are none."""
NEWTON_STEPS = 50
CONVERGED = 1e-9
"""Last step of Newton's method, in spacings."""
AT_ONCE = 2**20
"""Distances held in memory."""


@dataclass(frozen=True)
class Remap:
    """The operator from atmosphere nodes to rho nodes.

    Attributes
    ----------
    index : (rho, 4), int64
        Atmosphere nodes around a rho node: south-west, south-east, north-west, north-east. In
        place of land stands the nearest node.
    weight : (rho, 4), float32
        They add up to 1, and are 0 in place of land.
    nearest : (rho,), int64
        The nearest atmosphere node.
    offsets : (rho, 4, 2), float32
        Positions of the four relative to the rho node, to the east and to the north, in spacings
        of the atmosphere.
    """

    index: Tensor
    weight: Tensor
    nearest: Tensor
    offsets: Tensor

    def interpolate(self, values: Tensor) -> Tensor:
        """Bring ``(..., atmosphere node, channel)`` to ``(..., rho node, channel)``."""
        nodes, channels = values.shape[-2:]
        table = values.reshape(-1, channels)
        times = table.shape[0] // nodes
        # One kernel that gathers, weighs and adds, without arrays in between: a small part of the
        # time that indexing takes.
        first = nodes * torch.arange(times, device=self.index.device)
        found = embedding_bag(
            (self.index + first[:, None, None]).flatten(0, 1),
            table,
            mode="sum",
            per_sample_weights=self.weight.to(values.dtype).expand(times, -1, -1).flatten(0, 1),
        )
        return found.view(*values.shape[:-2], self.index.shape[0], channels)


def build(atmosphere: AtmosphereGrid, ocean: OceanGrid) -> Remap:
    """Find the operator from an atmosphere to an ocean.

    Raises
    ------
    ValueError
        Points of the ocean lie outside the atmosphere, or that has no sea.
    """
    if not atmosphere.sea.any():
        raise ValueError("the atmosphere has no sea, so nothing can be interpolated from it")
    lon = at_nodes(ocean.lon, ocean.sea)
    lat = at_nodes(ocean.lat, ocean.sea)
    row, column = locate(atmosphere, lon, lat)
    south, west = (
        np.clip(np.floor(place).astype(int), 0, size - 2)
        for place, size in zip((row, column), atmosphere.shape, strict=True)
    )
    # The four mass points around each: (rho, 4).
    rows = south[:, None] + np.array([0, 0, 1, 1])
    columns = west[:, None] + np.array([0, 1, 0, 1])
    weight = (1 - np.abs(row[:, None] - rows)) * (1 - np.abs(column[:, None] - columns))
    weight *= atmosphere.sea[rows, columns]
    nearest = _nearest_sea(atmosphere, row, column, lon, lat)
    index = node_numbers(atmosphere.sea)[rows, columns]
    total = weight.sum(axis=1, keepdims=True)
    lonely = total[:, 0] < NO_SEA
    weight = np.where(lonely[:, None], [1.0, 0.0, 0.0, 0.0], weight / np.where(total > 0, total, 1))
    index = np.where((index < 0) | lonely[:, None], nearest[:, None], index)
    offsets = _offsets(atmosphere, index, row, column)
    return Remap(
        torch.from_numpy(index),
        torch.from_numpy(weight.astype(np.float32)),
        torch.from_numpy(nearest),
        torch.from_numpy(offsets.astype(np.float32)),
    )


def nearest_nodes(
    atmosphere: AtmosphereGrid, lon: Float64Array, lat: Float64Array
) -> NDArray[np.int64]:
    """Return the atmosphere node nearest to each place.

    Parameters
    ----------
    atmosphere : AtmosphereGrid
    lon, lat : (place,)  [degrees]

    Raises
    ------
    ValueError
        Places lie outside the atmosphere's cells.
    """
    return _nearest_sea(atmosphere, *locate(atmosphere, lon, lat), lon, lat)


def locate(atmosphere: AtmosphereGrid, lon: Float64Array, lat: Float64Array) -> Places:
    """Find where places lie between the mass points of an atmosphere.

    Parameters
    ----------
    atmosphere : AtmosphereGrid
    lon, lat : (place,)  [degrees]

    Returns
    -------
    row, column : (place,)
        Indices along nj and ni with fractions, within those of the mass points.

    Raises
    ------
    ValueError
        Places lie outside its cells.
    """
    centre = float(atmosphere.lon.flat[0])
    east, north = near(atmosphere.lon, centre), mercator(atmosphere.lat)
    # A whole turn more or less is the same place: take the name within 180 degrees of the middle.
    x, y = near(lon, float(east.mean())), mercator(lat)
    if _is_separable(east, north):
        row, column = _along(north.mean(axis=1), y), _along(east.mean(axis=0), x)
    else:
        row, column = _newton(east, north, x, y)
    outside = np.zeros(len(x), bool)
    for place, size in zip((row, column), atmosphere.shape, strict=True):
        outside |= ~((place >= -MARGIN) & (place <= size - 1 + MARGIN))
    if outside.any():
        raise ValueError(
            f"{outside.sum()} of {len(x)} sea points of the ocean lie outside the atmosphere: the "
            f"ocean has longitudes {x.min():.2f} ... {x.max():.2f} and latitudes {lat.min():.2f} "
            f"... {lat.max():.2f}, the atmosphere {east.min():.2f} ... {east.max():.2f} and "
            f"{atmosphere.lat.min():.2f} ... {atmosphere.lat.max():.2f}"
        )
    rows, columns = (size - 1 for size in atmosphere.shape)
    return np.clip(row, 0, rows), np.clip(column, 0, columns)


def _is_separable(east: Float64Array, north: Float64Array) -> bool:
    """Whether longitudes depend on the column alone and latitudes on the row alone."""
    spread = max(np.ptp(east, axis=0).max(), np.ptp(north, axis=1).max())
    step = min(np.abs(np.diff(east, axis=1)).min(), np.abs(np.diff(north, axis=0)).min())
    return bool(spread < SEPARABLE * step)


def _along(points: Float64Array, places: Float64Array) -> Float64Array:
    """Find where places lie between points on an axis; beyond the ends by the last spacing.

    An interval has its lower end and not its upper one, so each place is in one interval.
    """
    if points[0] > points[-1]:
        return len(points) - 1 - _along(points[::-1], places)
    before = np.clip(np.searchsorted(points, places, side="right") - 1, 0, len(points) - 2)
    return before + (places - points[before]) / np.diff(points)[before]


def _newton(east: Float64Array, north: Float64Array, x: Float64Array, y: Float64Array) -> Places:
    """Find the indices whose bilinear map gives some places; NaN where none do.

    Parameters
    ----------
    east, north : (nj, ni)
        The mass points on the map.
    x, y : (place,)
    """
    sizes = np.array(east.shape)
    target = np.stack([x, y])
    points = np.stack([east, north])
    # The plane that fits the grid best gives the first guess.
    rows, columns = np.indices(east.shape)
    matrix = np.stack([np.ones(east.size), east.ravel(), north.ravel()], axis=1)
    indices = np.stack([rows.ravel(), columns.ravel()], axis=1)
    plane, *_ = np.linalg.lstsq(matrix, indices, rcond=None)
    place = (np.stack([np.ones_like(x), x, y], axis=1) @ plane).T
    limit = (sizes - 1)[:, None]
    place = np.clip(place, -1, limit + 1)
    step = np.full_like(place, np.inf)
    for _ in range(NEWTON_STEPS):
        j, i = np.clip(np.floor(place).astype(int), 0, limit - 1)
        b, a = place[0] - j, place[1] - i
        sw, se = points[:, j, i], points[:, j, i + 1]
        nw, ne = points[:, j + 1, i], points[:, j + 1, i + 1]
        twist = sw - se - nw + ne
        along_i, along_j = se - sw + b * twist, nw - sw + a * twist
        error = target - (sw + a * (se - sw) + b * (nw - sw) + a * b * twist)
        area = along_i[0] * along_j[1] - along_i[1] * along_j[0]
        step = np.stack(
            [
                (along_i[0] * error[1] - along_i[1] * error[0]) / area,
                (error[0] * along_j[1] - error[1] * along_j[0]) / area,
            ]
        )
        place = np.clip(place + step, -1, limit + 1)
        if np.abs(step).max(initial=0) < CONVERGED:
            break
    # Beyond the margin a place need not converge: it is outside.
    lost = (np.abs(step) > 1e-6).any(axis=0)
    row, column = np.where(lost, np.nan, place)
    return row, column


def _nearest_sea(
    atmosphere: AtmosphereGrid,
    row: Float64Array,
    column: Float64Array,
    lon: Float64Array,
    lat: Float64Array,
) -> NDArray[np.int64]:
    """Return the nearest atmosphere node of each place.

    The nearest mass point is that by whole indices. Where it is land, only sea next to land can be
    nearest: a step from any other sea point towards the place leads to a nearer one.
    """
    sea = atmosphere.sea
    node = node_numbers(sea)
    # Halfway between two it is the second one, always.
    j, i = np.floor(row + 0.5).astype(int), np.floor(column + 0.5).astype(int)
    nearest = node[j, i]
    ashore = np.flatnonzero(~sea[j, i])
    padded = np.pad(sea, 1, constant_values=True)
    inland = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    coast = sea & ~inland
    x = near(atmosphere.lon[coast], float(atmosphere.lon.flat[0]))
    y = mercator(atmosphere.lat[coast])
    px, py = near(lon[ashore], float(atmosphere.lon.mean())), mercator(lat[ashore])
    block = max(1, AT_ONCE // max(1, len(x)))
    for start in range(0, len(ashore), block):
        part = slice(start, start + block)
        distance = (px[part, None] - x) ** 2 + (py[part, None] - y) ** 2
        nearest[ashore[part]] = node[coast][distance.argmin(axis=1)]
    return nearest


def _offsets(
    atmosphere: AtmosphereGrid, index: NDArray[np.int64], row: Float64Array, column: Float64Array
) -> Float64Array:
    """Return the positions of nodes relative to places, to the east and north, in spacings."""
    j, i = np.divmod(np.flatnonzero(atmosphere.sea)[index], atmosphere.shape[1])
    along_i, along_j = i - column[:, None], j - row[:, None]
    angle = atmosphere.angle[j[:, 0], i[:, 0]][:, None]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * along_i - sin * along_j, sin * along_i + cos * along_j], axis=-1)
