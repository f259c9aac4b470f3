"""How figures name and draw each model, each flux and each map: the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.evaluation import figures
from ai4sim.evaluation.figures import NETWORK, Look, look
from ai4sim.evaluation.scores import MODEL, TARGET
from ai4sim.variables import Float64Array
from wmed.io.grid import Mask, OceanGrid, on_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

Values = NDArray[np.float32]

STRESS_UNITS, HEAT_UNITS = r"N m$^{-2}$", r"W m$^{-2}$"
UNITS = {"tau_x": STRESS_UNITS, "tau_y": STRESS_UNITS, "tau": STRESS_UNITS}
TITLES = {
    "tau_x": r"$\tau_x$",
    "tau_y": r"$\tau_y$",
    "tau": r"$|\tau|$",
    "heat": "Net heat flux",
    "non_solar": "Non-solar heat flux",
}
LOOKS: dict[str, Look] = {
    TARGET: figures.TARGET,
    "coare36": {**figures.TARGET, "label": "COARE 3.6"},
    "mean": look("Mean", "grey", ":", 1.3),
    "ridge": look("Ridge regression", "sky_blue"),
    "constant_bulk": look("Constant bulk", "blue"),
    "coare_nearest": look("COARE, nearest cell", "green", "--"),
    "ecmwf": look("ECMWF bulk", "purple", "-."),
    "surrogate": NETWORK,
    MODEL: NETWORK,
}
"""The models of the test set and the schemes of online runs."""
MOST = 0.995
"""Share of the points of a map whose values its colours span."""
LAND, COAST = "0.82", "0.25"
ARROWS = 22
"""Arrows across a map, about."""


def units_of(quantity: str) -> str:
    """Return the units of a flux."""
    return UNITS.get(quantity, HEAT_UNITS)


# ---- maps of fields at the wet points of an ocean grid -------------------------------------------


def field_on(grid: OceanGrid, values: Values) -> tuple[Float64Array, Float64Array, Values]:
    """Put values at the nodes of rho, u or v points on a map.

    Parameters
    ----------
    values : (point,)

    Returns
    -------
    longitude, latitude, field : (n, m)
        NaN on land.

    Raises
    ------
    ValueError
        As many values as no kind of points has.
    """
    kinds: dict[str, tuple[Mask, Float64Array, Float64Array]] = {
        "rho": (grid.sea, grid.lon, grid.lat),
        "u": (grid.sea_u, _between(grid.lon.T).T, _between(grid.lat.T).T),
        "v": (grid.sea_v, _between(grid.lon), _between(grid.lat)),
    }
    for sea, lon, lat in kinds.values():
        if len(values) == np.count_nonzero(sea):
            return lon, lat, on_grid(np.asarray(values, np.float32), sea, np.nan)
    sizes = {name: int(sea.sum()) for name, (sea, *_) in kinds.items()}
    raise ValueError(f"map: {len(values)} values, expected as many as wet points: {sizes}")


def draw_field(ax: Axes, grid: OceanGrid, values: Values, **colours: Any) -> QuadMesh:
    """Draw a field over grey land, with its coast; `colours` go to ``pcolormesh``."""
    lon, lat, field = field_on(grid, values)
    image = ax.pcolormesh(lon, lat, field, shading="nearest", rasterized=True, **colours)
    ax.contour(grid.lon, grid.lat, grid.sea.astype(float), [0.5], colors=[COAST], linewidths=0.6)
    ax.set_facecolor(LAND)
    ax.grid(visible=False)
    wet_lon, wet_lat = grid.lon[grid.sea], grid.lat[grid.sea]
    ax.set_aspect(1 / np.cos(np.radians(float(wet_lat.mean()))))
    margin = 0.02 * float(np.ptp(wet_lon))
    # Beyond the grid there is no land either.
    for limit, every, wet in ((ax.set_xlim, grid.lon, wet_lon), (ax.set_ylim, grid.lat, wet_lat)):
        low, high = float(every.min()), float(every.max())
        limit(max(low, float(wet.min()) - margin), min(high, float(wet.max()) + margin))
    ax.locator_params(nbins=5)
    return image


def draw_arrows(ax: Axes, grid: OceanGrid, wind_x: Values, wind_y: Values) -> None:
    """Draw the wind (rho,) along xi and eta as arrows to where it blows."""
    x, y = (on_grid(wind, grid.sea, np.nan) for wind in (wind_x, wind_y))
    cos, sin = np.cos(grid.angle), np.sin(grid.angle)
    step = max(1, max(grid.shape) // ARROWS)
    every = (slice(step // 2, None, step),) * 2
    ax.quiver(
        grid.lon[every],
        grid.lat[every],
        (cos * x - sin * y)[every],
        (sin * x + cos * y)[every],
        scale=350,
        width=0.0035,
        color="0.1",
    )


def _between(field: Float64Array) -> Float64Array:
    """Return the means of neighbours along the first axis."""
    return (field[1:] + field[:-1]) / 2
