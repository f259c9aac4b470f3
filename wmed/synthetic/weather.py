"""Invented weather: what comes over the coast, and what the sea makes of it on its way.

Everything is a function of place and time, so that any event can be made alone, at any resolution.

- Pressure: a large-scale gradient, depressions and highs that cross the region, smaller patterns;
  with a Mistral a low near Genoa and a ridge over Biscay. The wind above the boundary layer is
  geostrophic.
- Mistral and Tramontane: jets that widen out of the valleys of Rhone and Aude, the first one
  turning towards Sardinia, with wakes in the lee of the Alps and of the Pyrenees (pattern after
  Drobinski et al. 2005, Q. J. R. Meteorol. Soc. 131, and Guenard et al. 2005, Boundary-Layer
  Meteorol. 115). They replace the geostrophic wind as far as they are strong.
- Wind at 10 m: slower than that aloft and turned to the low, more so over land and in stable air;
  plus a sea breeze across the coast, strongest at 15 h local time, reversed and weak by night.
- Temperature and humidity at 10 m: air that crosses the coast has those of the land, with a daily
  cycle, and relaxes along the path that it came on: over sea towards somewhat less than the sea's
  temperature and 74 % of the saturation there, over 280 km in unstable and 700 km in stable air at
  10 m/s, less in slower air (a well-mixed layer warmed from below; compare Renfrew & King 2000,
  Boundary-Layer Meteorol. 94). The path is that of the wind of the moment.

All sizes are typical ones, none is fitted. Land is schematic: its two valleys are in the
jets alone, its ground rises smoothly inland.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ai4sim.physics.random_fields import date_generator, normal, smooth_fields, uniform
from ai4sim.variables import Float64Array
from wmed.physics.constants import SALT_FACTOR
from wmed.physics.thermodynamics import saturation_specific_humidity
from wmed.synthetic.coast import KM_PER_DEGREE, Mask, smooth_land
from wmed.synthetic.domain import Axes
from wmed.synthetic.events import Event
from wmed.synthetic.sea import mean_temperature, places, season, temperature

DENSITY = 1.2
"""Of air, for the geostrophic balance [kg/m3]."""
STEERING = 8.0
"""How fast patterns of the weather move eastward [m/s]."""
STEP, STEPS = 20.0, 35
"""Length [km] and number of the steps back along the path of the air."""
MEMORY_LAND, MEMORY_UNSTABLE, MEMORY_STABLE = 100.0, 280.0, 700.0
"""Distances over which air takes on the state of what is below [km], at 10 m/s."""
COOLER, MOIST = 0.8, 0.74
"""What air over sea tends to: below the sea's temperature [K], share of the saturation there."""


class Jet(NamedTuple):
    """A wind out of a valley: its mouth [degrees], bearing [degrees], turn [1/km], strength [1]."""

    lon: float
    lat: float
    bearing: float
    turn: float
    strength: float


JETS = (Jet(4.6, 43.9, 163.0, -0.0016, 1.0), Jet(2.2, 43.2, 118.0, 0.0, 0.85))
"""Mistral and Tramontane."""
WAKES = ((7.9, 43.6, 110.0, 0.85), (1.9, 41.6, 80.0, 0.65))
"""In the lee of the Alps and of the Pyrenees: place [degrees], radius [km], share of the wind lost
in a strong Mistral."""


class Weather(NamedTuple):
    """The air at a time; all of shape (row, column), float64.

    Attributes
    ----------
    pressure : [Pa]
        At sea level.
    top_x, top_y : [m/s]
        Wind above the boundary layer, to the east and north.
    wind_x, wind_y : [m/s]
        At 10 m.
    temperature : [K]
        Potential, at 10 m.
    humidity : [kg/kg]
        Specific, at 10 m.
    surface : [K]
        Temperature of sea or land below.
    source : [K]
        Potential temperature of the air that has not met the sea.
    aloft : [1]
        Relative humidity above the boundary layer.
    shear : [1/m]
        Share by which the wind above the boundary layer grows with height.
    inversion, depth : [1]
        Random numbers, normally distributed: how strong the inversion and how deep the layer is.
    cirrus, middle : [1]
        The same for clouds that the lower air knows nothing of.
    """

    pressure: Tensor
    top_x: Tensor
    top_y: Tensor
    wind_x: Tensor
    wind_y: Tensor
    temperature: Tensor
    humidity: Tensor
    surface: Tensor
    source: Tensor
    aloft: Tensor
    shear: Tensor
    inversion: Tensor
    depth: Tensor
    cirrus: Tensor
    middle: Tensor


def weather(event: Event, hours: float, axes: Axes, sea: Tensor, seed: int = 0) -> Weather:
    """Return the air of an event on a grid.

    Parameters
    ----------
    event : Event
    hours : float
        Since its start.
    axes : Axes
        Of the atmosphere.
    sea : (row, column), bool
    seed : int
    """
    lon, lat = places(axes)
    shape = sea.shape
    land, inland_x, inland_y = map(torch.from_numpy, smooth_land(axes.lon, axes.lat, 35.0))
    pressure = pressure_at_sea_level(event, hours, axes, seed)
    top_x, top_y = _upper_wind(event, hours, axes, pressure)

    random = _moving(event, hours, axes, seed, "air", 220.0, 4)
    clouds = _moving(event, hours, axes, seed, "clouds", 110.0, 4)
    source = _source_temperature(event, hours, lat.view(shape), random[..., 0])
    # Local solar time [h], without the equation of time.
    solar = (event.start.hour + hours + lon.view(shape) / 15) % 24
    moment = event.time(0)
    day = torch.cos((solar - 14.5) * (math.pi / 12))
    ground = source + 1.5 * season(moment) + (3 + 1.5 * season(moment)) * day
    water = temperature(event, hours, axes, seed)
    surface = torch.where(sea, water, ground)

    humidity = _source_humidity(event, hours, source, pressure, random[..., 1])
    salty = SALT_FACTOR * saturation_specific_humidity(water, pressure)
    goal = torch.stack(
        [torch.where(sea, water - COOLER, ground), torch.where(sea, MOIST * salty, humidity)]
    )
    guess = _turned(top_x, top_y, 0.72 - 0.3 * land, 20 + 10 * land)
    speed = (guess[0] ** 2 + guess[1] ** 2).sqrt().clamp(min=3)
    memory = torch.where(source > water, MEMORY_STABLE, MEMORY_UNSTABLE)
    memory = torch.where(sea, memory, MEMORY_LAND) * (speed / 10).clamp(max=1.2)
    air = _along_the_path(guess, axes, torch.stack([source, humidity]), goal, memory)
    stable = torch.tanh((air[0] - surface) / 4 * (8 / speed) ** 2)
    wind_x, wind_y = _surface_wind(top_x, top_y, stable, land)
    breeze = _breeze(event, solar)
    return Weather(
        pressure=pressure,
        top_x=top_x,
        top_y=top_y,
        wind_x=wind_x + breeze * inland_x,
        wind_y=wind_y + breeze * inland_y,
        temperature=air[0] + 0.3 * clouds[..., 2],
        humidity=torch.minimum(air[1], 0.97 * saturation_specific_humidity(air[0], pressure)),
        surface=surface,
        source=source,
        aloft=(event.aloft + 0.16 * random[..., 2] - (pressure - 101_300) / 6000).clamp(0.05, 0.98),
        shear=2e-4 * random[..., 3].clamp(-2, 2),
        inversion=clouds[..., 3],
        depth=clouds[..., 2],
        cirrus=clouds[..., 0],
        middle=clouds[..., 1],
    )


def pressure_at_sea_level(event: Event, hours: float, axes: Axes, seed: int = 0) -> Tensor:
    """Return the pressure at sea level, (row, column) [Pa]."""
    lon, lat = places(axes)
    east, north = _km(lon, lat, 4.0, 40.0)
    per_speed = DENSITY * 1e-4 * 1000  # Pa per km and m/s of geostrophic wind
    pressure = 101_600 - per_speed * (event.wind[0] * north - event.wind[1] * east)
    generator = date_generator(event.start, seed, "lows")
    drawn, spread = normal(generator, event.lows, 4), uniform(generator, event.lows, 3)
    duration = 6 * event.records * 3.6
    for (deep, x, y, pace), (wide, when, _) in zip(drawn.tolist(), spread.tolist(), strict=True):
        track = STEERING + 2 * pace, 1.5 * y
        far = 3.6 * hours - when * duration
        east, north = _km(lon, lat, 4 + 3 * x, 42 + 4 * y)
        square = (east - far * track[0]) ** 2 + (north - far * track[1]) ** 2
        radius = 280 + 320 * wide
        pressure += (550 * deep - 250) * torch.exp(-square / (2 * radius**2))
    strength = event.mistral * _mistral(event, hours)
    for x, y, radius, size in ((9.0, 43.6, 280.0, -28.0), (-4.0, 45.5, 550.0, 24.0)):
        east, north = _km(lon, lat, x, y)
        square = (east**2 + north**2) / (2 * radius**2)
        pressure += size * strength * torch.exp(-square)
    pressure = pressure.view(axes.lat.size, axes.lon.size)
    return pressure + 60 * _moving(event, hours, axes, seed, "pressure", 170.0, 1)[..., 0]


def terrain(axes: Axes, sea: Mask) -> Float64Array:
    """Return the height of the ground, schematic: it rises inland to 900 m, (row, column) [m]."""
    share, _, _ = smooth_land(axes.lon, axes.lat, 50.0)
    return np.where(sea, 0.0, 900 * share.clip(0, 1) ** 2)


def _upper_wind(event: Event, hours: float, axes: Axes, pressure: Tensor) -> tuple[Tensor, Tensor]:
    """Return the wind above the boundary layer, to the east and north [m/s]."""
    size = torch.from_numpy(axes.size)[:, None]
    factor = 1 / (DENSITY * torch.from_numpy(axes.coriolis)[:, None] * size)
    south_north, west_east = torch.gradient(pressure)
    wind_x, wind_y = -factor * south_north, factor * west_east
    envelope = _mistral(event, hours)
    if event.mistral == 0:
        return wind_x, wind_y
    lon, lat = (values.view(pressure.shape) for values in places(axes))
    for x, y, radius, loss in WAKES:
        east, north = _km(lon, lat, x, y)
        kept = 1 - loss * envelope * torch.exp(-(east**2 + north**2) / (2 * radius**2))
        wind_x, wind_y = kept * wind_x, kept * wind_y
    total, jet_x, jet_y = (torch.zeros_like(pressure) for _ in range(3))
    for jet in JETS:
        share, along_x, along_y = _jet(jet, lon, lat)
        total += share
        jet_x += share * jet.strength * along_x
        jet_y += share * jet.strength * along_y
    share = envelope * total.clamp(max=1)
    speed = event.mistral / total.clamp(min=1e-6)
    return (
        wind_x * (1 - share) + share * speed * jet_x,
        wind_y * (1 - share) + share * speed * jet_y,
    )


def _jet(jet: Jet, lon: Tensor, lat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the share of a jet in the wind, and its direction to the east and north."""
    bearing = math.radians(jet.bearing)
    east, north = _km(lon, lat, jet.lon, jet.lat)
    along = east * math.sin(bearing) + north * math.cos(bearing)
    right = east * math.cos(bearing) - north * math.sin(bearing)
    ahead = along.clamp(min=0)
    beside = right - jet.turn * ahead**2 / 2
    width = 52 + 0.16 * ahead
    share = torch.exp(-((beside / width) ** 2) / 2 - ahead / 900)
    share *= 0.35 + 0.65 * torch.sigmoid((along - 30) / 25)
    share *= torch.sigmoid((along + 180) / 40)
    direction = bearing + torch.atan(jet.turn * ahead)
    return share, direction.sin(), direction.cos()


def _along_the_path(
    wind: tuple[Tensor, Tensor], axes: Axes, start: Tensor, goal: Tensor, memory: Tensor
) -> Tensor:
    """Let air relax to the state of the surface along the path on which it came.

    Integrates d state / d distance = (goal - state) / memory from :data:`STEPS` steps upwind; off
    the map the surface is that of its edge. Neighbouring paths mix at the end.

    Parameters
    ----------
    wind : two of (row, column)
    axes : Axes
    start, goal : (quantity, row, column)
        The state at the far end, and that which the surface imposes.
    memory : (row, column)  [km]

    Returns
    -------
    (quantity, row, column)
    """
    row, column = torch.meshgrid(
        torch.arange(axes.lat.size, dtype=torch.float64),
        torch.arange(axes.lon.size, dtype=torch.float64),
        indexing="ij",
    )
    speed = (wind[0] ** 2 + wind[1] ** 2).sqrt().clamp(min=1e-3)
    cells = STEP * 1000 / torch.from_numpy(axes.size)[:, None]
    maps = torch.stack([cells * wind[0] / speed, cells * wind[1] / speed, 1 / memory])
    maps = torch.cat([maps, goal])
    met = []
    for _ in range(STEPS):
        here = _bilinear(maps, row, column)
        met.append((torch.exp(-STEP * here[2]), here[3:]))
        row, column = row - here[1], column - here[0]
    state = _bilinear(start, row, column)
    for kept, below in reversed(met):
        state = below + kept * (state - below)
    return _mixed(_mixed(state))


def _mixed(maps: Tensor) -> Tensor:
    """Mix each cell with its neighbours, weights 1, 2, 1 along both axes."""
    for axis in (-1, -2):
        first, last = maps.narrow(axis, 0, 1), maps.narrow(axis, maps.shape[axis] - 1, 1)
        before = torch.cat([first, maps.narrow(axis, 0, maps.shape[axis] - 1)], axis)
        after = torch.cat([maps.narrow(axis, 1, maps.shape[axis] - 1), last], axis)
        maps = maps / 2 + (before + after) / 4
    return maps


def _bilinear(maps: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Return maps (quantity, row, column) at fractional indices, at their edge beyond it."""
    row = row.clamp(0, maps.shape[1] - 1)
    column = column.clamp(0, maps.shape[2] - 1)
    south = row.floor().clamp(max=maps.shape[1] - 2)
    west = column.floor().clamp(max=maps.shape[2] - 2)
    up, right = row - south, column - west
    j, i = south.long(), west.long()
    lower = maps[:, j, i] * (1 - right) + maps[:, j, i + 1] * right
    upper = maps[:, j + 1, i] * (1 - right) + maps[:, j + 1, i + 1] * right
    return lower * (1 - up) + upper * up


def _source_temperature(event: Event, hours: float, lat: Tensor, random: Tensor) -> Tensor:
    """Return the potential temperature of air that has not met the sea [K]."""
    warmth = event.warmth
    if event.mistral:
        warmth *= 0.35 + 0.65 * _mistral(event, hours)
    return mean_temperature(event.time(0)) + warmth - 0.45 * (lat - 39.8) + 1.2 * random


def _source_humidity(
    event: Event, hours: float, source: Tensor, pressure: Tensor, random: Tensor
) -> Tensor:
    """Return the specific humidity of air that has not met the sea [kg/kg]."""
    relative = event.humidity + 0.07 * random
    if event.mistral:  # as dry as that only while it blows
        relative += (0.75 - event.humidity) * (1 - _mistral(event, hours))
    return relative.clamp(0.2, 0.95) * saturation_specific_humidity(source, pressure)


def _surface_wind(
    top_x: Tensor, top_y: Tensor, stable: Tensor, land: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the wind at 10 m under that aloft, without breezes.

    Parameters
    ----------
    top_x, top_y : [m/s]
    stable : [1]
        From -1, very unstable, to 1, very stable.
    land : [1]
        Share of land around.
    """
    slower = torch.where(stable > 0, 0.2 * stable, 0.06 * stable)
    turning = torch.where(stable > 0, 14 * stable, 7 * stable)
    return _turned(top_x, top_y, 0.76 - slower - 0.3 * land, 17 + turning + 10 * land)


def _breeze(event: Event, solar_hour: Tensor) -> Tensor:
    """Return the strength of the sea breeze per gradient of the land [m/s]; 0.3 is that of a coast.

    Negative by night.
    """
    course = torch.cos((solar_hour - 15) * (math.pi / 12))
    return event.breeze / 0.3 * torch.where(course > 0, course, 0.35 * course)


def _mistral(event: Event, hours: float) -> float:
    """Return how far the Mistral has risen, from 0 to 1."""
    return math.exp(-(((hours - event.peak) / event.width) ** 2) / 2) if event.mistral else 0.0


def _turned(x: Tensor, y: Tensor, share: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Return a share of a wind, turned to its left by an angle [degrees]."""
    cos, sin = share * angle.deg2rad().cos(), share * angle.deg2rad().sin()
    return cos * x - sin * y, sin * x + cos * y


def _moving(
    event: Event, hours: float, axes: Axes, seed: int, purpose: str, length: float, count: int
) -> Tensor:
    """Return random patterns that move east and change in a day or two, (row, column, count)."""
    lon, lat = places(axes)
    generator = date_generator(event.start, seed, purpose)
    upwind = lon - STEERING * 3.6 * hours / (0.77 * KM_PER_DEGREE)
    fields = smooth_fields(generator, lat, upwind, length, 2 * count).unflatten(1, (2, count))
    angle = torch.tensor(2 * math.pi * hours / 96, dtype=torch.float64)
    patterns = fields[:, 0] * angle.cos() + fields[:, 1] * angle.sin()
    return patterns.view(axes.lat.size, axes.lon.size, count)


def _km(lon: Tensor, lat: Tensor, x: float, y: float) -> tuple[Tensor, Tensor]:
    """Return distances to the east and north of a place [km]."""
    return (lon - x) * KM_PER_DEGREE * math.cos(math.radians(41)), (lat - y) * KM_PER_DEGREE
