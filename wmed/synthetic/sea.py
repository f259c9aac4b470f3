"""An invented sea: eddies and a mean circulation in geostrophic balance, and its temperature.

Currents follow from a stream function psi = g h / f at the corners of the C grid, h being the
height of the sea surface, as u = -d psi / d eta and v = d psi / d xi on the faces. What flows into
a cell therefore flows out of it, to rounding. psi is zero at every corner that touches land: no
water crosses a coast. Near the coast, within some 30 km, psi is tapered and the balance with h is
that of psi, not of the eddy alone.

- Eddies: Gaussian, half of them with a ring of opposite vorticity, of 15 to 60 km radius and up to
  0.35 m/s, large and anticyclonic ones mostly off Algeria (Escudier et al. 2016, JGR Oceans 121);
  the two gyres of the Alboran Sea always. They drift westward at 2 cm/s.
- Circulation: cyclonic, along the coast on its right, as the Northern and the Algerian Current
  (Millot 1999, J. Mar. Syst. 20), strongest 25 km offshore, stronger in winter.
- Temperature: a seasonal cycle with the coldest water of winter in the Gulf of Lion, cool Atlantic
  water in the Alboran Sea in summer, the front north of the Balearic Islands; eddies (4.5 K per
  metre of h) and patches of 15 and 60 km; a warm layer by day that wind destroys exponentially
  (shape after Gentemann et al. 2003, GRL 30; time and size are rough). The numbers are typical of
  satellite climatologies, fitted to none.

Not in it: Ekman currents, inertial oscillations, tides, and what the weather does to the sea.
"""

from __future__ import annotations

import datetime
import functools
import math

import numpy as np
import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY, ZERO_CELSIUS
from ai4sim.physics.random_fields import date_generator, smooth_fields, uniform
from ai4sim.variables import Float64Array
from wmed.synthetic.coast import KM_PER_DEGREE, Mask, distance_to, in_basin
from wmed.synthetic.domain import Axes
from wmed.synthetic.events import Event

EDDIES = 70
IMPRINT = 4.5
"""Warmth of an eddy per height of its surface [K/m]."""
DRIFT = -0.02
"""Of the eddies, to the east [m/s]."""
TAPER, CORE = 30.0, 25.0
"""Distances [km] from the coast where eddies begin, and where the coastal current is strongest."""
ALBORAN = ((-4.3, 35.85, 38.0, 0.14), (-2.7, 35.75, 38.0, 0.11))
"""Its gyres, which stay: longitude, latitude, radius [km], height [m]."""
ALBORAN_END = -1.5
"""Where they end and other eddies begin [degrees east]."""


@functools.lru_cache(maxsize=16)
def draw_eddies(event: Event, seed: int = 0) -> Tensor:
    """Draw the eddies of an event, the same whatever the grid.

    Returns
    -------
    (eddy, 5), float64
        Longitude and latitude [degrees] at the start, radius [km], height [m] (positive: warm,
        anticyclonic), share of the ring.
    """
    generator = date_generator(event.start, seed, "eddies")
    drawn = uniform(generator, 40 * EDDIES, 6)
    lon, lat = -6 + 16 * drawn[:, 0], 35 + 9.5 * drawn[:, 1]
    tenth_lon, tenth_lat = np.arange(-7, 11, 0.1), np.arange(34, 46, 0.1)
    basin = torch.from_numpy(in_basin(tenth_lon, tenth_lat))
    at_sea = basin[((lat - 34) / 0.1).round().long(), ((lon + 7) / 0.1).round().long()]
    at_sea &= lon > ALBORAN_END
    lon, lat, drawn = lon[at_sea][:EDDIES], lat[at_sea][:EDDIES], drawn[at_sea][:EDDIES]
    south = torch.sigmoid((39 - lat) / 0.5)
    radius = 15 + 45 * drawn[:, 2] ** (2.2 - 1.2 * south)
    speed = 0.06 + 0.29 * drawn[:, 3] ** 1.5
    sign = torch.where(drawn[:, 4] < 0.45 + 0.2 * south, 1.0, -1.0)
    coriolis = 1.4584e-4 * lat.deg2rad().sin()
    height = sign * speed * coriolis * radius * 1000 * math.exp(0.5) / GRAVITY
    ring = torch.where(drawn[:, 5] < 0.5, 0.0, 0.5)
    gyres = torch.tensor([[*gyre, 0.0] for gyre in ALBORAN], dtype=torch.float64)
    return torch.cat([torch.stack([lon, lat, radius, height, ring], dim=1), gyres])


def surface_height(eddies: Tensor, hours: float, lat: Tensor, lon: Tensor) -> Tensor:
    """Return the height of the sea surface over the eddies.

    A Gaussian is the product of one in each direction, and its ring a sum of two such products: so
    the sum over all eddies is a product of small matrices.

    Parameters
    ----------
    eddies : (eddy, 5)
    hours : float
        Since the start.
    lat, lon : (row,), (column,)  [degrees]

    Returns
    -------
    (row, column)  [m]
    """
    x, y, radius, top, ring = eddies.unsqueeze(1).unbind(-1)
    km_x = KM_PER_DEGREE * y.deg2rad().cos()
    drift = torch.where(x > ALBORAN_END, DRIFT * 3.6 * hours, 0.0)
    east = ((lon - x) * km_x - drift) / radius
    north = (lat - y) * KM_PER_DEGREE / radius
    bump_x, bump_y = torch.exp(-(east**2) / 2), torch.exp(-(north**2) / 2)
    height = (top * (1 - ring * north**2 / 2) * bump_y).T @ bump_x
    return height - (top * ring / 2 * bump_y).T @ (east**2 * bump_x)


def _height(event: Event, hours: float, axes: Axes, seed: int) -> Tensor:
    """Return the height of the sea surface over the eddies of an event, (row, column) [m]."""
    lat, lon = torch.from_numpy(axes.lat), torch.from_numpy(axes.lon)
    return surface_height(draw_eddies(event, seed), hours, lat, lon)


def stream_function(
    event: Event, hours: float, axes: Axes, sea: Mask, seed: int = 0
) -> Float64Array:
    """Return psi at the corners of the cells.

    Parameters
    ----------
    event : Event
    hours : float
        Since its start.
    axes : Axes
        Rho points.
    sea : (eta, xi)

    Returns
    -------
    (eta + 1, xi + 1)  [m2/s]
        0 at every corner of a cell of land.
    """
    corners = axes.shifted(-0.5, -0.5, more=1)
    lon, lat = places(corners)
    shape = corners.lat.size, corners.lon.size
    padded = np.pad(sea, 1, mode="edge")
    land = ~(padded[1:, 1:] & padded[1:, :-1] & padded[:-1, 1:] & padded[:-1, :-1])
    offshore = torch.from_numpy(distance_to(land, corners.size / 1000, 200.0))
    coriolis = torch.from_numpy(corners.coriolis)[:, None]

    eddies = _height(event, hours, corners, seed)
    psi = GRAVITY / coriolis * eddies * (1 - torch.exp(-((offshore / TAPER) ** 2)))
    generator = date_generator(event.start, seed, "circulation")
    meanders = smooth_fields(generator, lat, lon + 0.02 * hours, 70.0, 2).view(*shape, 2)
    width = math.sqrt(2) * CORE * (1 + 0.15 * meanders[..., 0].clamp(-2, 2))
    alboran = torch.sigmoid((-1.0 - lon.view(shape)) / 0.4)
    winter = -season(event.time(0))
    strength = 0.30 * (1 + 0.2 * winter) * (1 + 0.35 * meanders[..., 1].clamp(-2, 2))
    strength *= 1 - 0.8 * alboran
    current = strength * width * 1000 / (math.sqrt(2) * math.exp(-0.5))
    psi -= current * (1 - torch.exp(-((offshore / width) ** 2)))
    return psi.numpy()


def currents(psi: Float64Array, axes: Axes) -> tuple[Float64Array, Float64Array]:
    """Return the velocity on the faces of a C grid from the stream function at its corners.

    Parameters
    ----------
    psi : (eta + 1, xi + 1)  [m2/s]
    axes : Axes

    Returns
    -------
    u, v : (eta, xi - 1), (eta - 1, xi)  [m/s]
        Along xi and eta.
    """
    faces = axes.shifted(0.5, 0).size[:-1, None]
    u = -np.diff(psi[:, 1:-1], axis=0) / axes.size[:, None]
    v = np.diff(psi[1:-1], axis=1) / faces
    return u, v


def temperature(event: Event, hours: float, axes: Axes, seed: int = 0) -> Tensor:
    """Return the temperature of the sea surface, without the warm layer of the day.

    Parameters
    ----------
    event : Event
    hours : float
        Since its start.
    axes : Axes
        Of any grid.

    Returns
    -------
    (row, column)  [K]
    """
    phase = season(event.start + datetime.timedelta(hours=hours))
    shape = axes.lat.size, axes.lon.size
    lon, lat = places(axes)
    generator = date_generator(event.start, seed, "sea temperature")
    patches = smooth_fields(generator, lat, lon, 60.0, 2)
    specks = smooth_fields(generator, lat, lon, 15.0, 1)[:, 0]
    warmth = _climatology(phase, lat, lon, patches[:, 0]) + 0.35 * patches[:, 1] + 0.2 * specks
    return warmth.view(shape) + IMPRINT * _height(event, hours, axes, seed) + ZERO_CELSIUS


def depth(axes: Axes, sea: Mask) -> Float64Array:
    """Return how deep the water is, schematic: 2500 m from 100 km offshore, (eta, xi) [m]."""
    offshore = distance_to(~sea, axes.size / 1000, 200.0)
    return 10 + 2490 * (1 - np.exp(-((offshore / 50) ** 2)))


def warm_layer(sun: Tensor, hour: Tensor, wind: Tensor) -> Tensor:
    """Return how much the day has warmed the surface [K].

    Parameters
    ----------
    sun : (place,)
        Cosine of the zenith angle at noon.
    hour : (place,)
        Local solar time [h]; the layer is warmest at 15.
    wind : (place,)  [m/s]
    """
    course = torch.cos((hour - 15) * (math.pi / 12)).clamp(min=0)
    return 2.0 * course * sun.clamp(min=0) ** 2 * torch.exp(-0.5 * wind)


def mean_temperature(time: datetime.datetime) -> float:
    """Return the mean temperature of the sea at a time of the year [K]."""
    return 18.7 + 5.8 * season(time) + ZERO_CELSIUS


def season(time: datetime.datetime) -> float:
    """Return 1 when the sea is warmest, in mid-August, and -1 half a year later."""
    return math.cos(2 * math.pi * (time.timetuple().tm_yday - 230) / 365.25)


def _climatology(phase: float, lat: Tensor, lon: Tensor, meander: Tensor) -> Tensor:
    """Return the typical temperature of a place [deg C], with a meandering Balearic front."""
    lion = torch.exp(-(((lat - 42.4) / 0.9) ** 2) - ((lon - 4.6) / 1.7) ** 2)
    alboran = torch.sigmoid((-1.2 - lon) / 0.5)
    front = torch.tanh((lat - 40.7 - 0.25 * meander) / 0.3)
    warmth = 18.7 + 5.8 * phase - 0.28 * (lat - 39.8) + 0.12 * (lon - 4) - 0.45 * front
    return warmth - (0.7 + 0.5 * phase) * lion - (1.2 + 1.6 * phase) * alboran


def places(axes: Axes) -> tuple[Tensor, Tensor]:
    """Return longitude and latitude of all points of a grid, each (place,)."""
    lon, lat = np.meshgrid(axes.lon, axes.lat)
    return torch.from_numpy(lon.ravel()), torch.from_numpy(lat.ravel())
