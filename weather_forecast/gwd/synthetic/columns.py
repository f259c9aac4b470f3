"""Columns of a synthetic atmosphere on a day: the climate, and the weather drawn around it.

Scales from the globe to single columns are added up: the quasi-biennial oscillation and strong or
broken winter vortices in the zonal mean; Rossby waves (planetary, synoptic, tropical) and the large
waves of the mesosphere, coherent over the grid, geostrophic and hydrostatic; and in each column the
gravity waves that a forecast model resolves, which grow upward until they would overturn. The
columns thin the mesh of such a model: one column out of each cell of the grid, on each day another,
so that gravity waves and sub-grid orography are independent from column to column.

Height is log-pressure height, see :mod:`weather_forecast.climate`.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import (
    EARTH_RADIUS,
    GAS_CONSTANT,
    GRAVITY,
    HEAT_CAPACITY,
    REFERENCE_PRESSURE,
)
from ai4sim.physics.random_fields import normal, uniform
from weather_forecast import climate
from weather_forecast.levels import full_level_pressure, geopotential, half_level_pressure

TABLE, LEVELS = "L91", 91
HEIGHTS = (-600.0, 82e3, 200.0)
"""Bottom, top and step [m] of the heights that all columns share before they get their levels."""

QBO_PERIOD = 852.0
"""28 months [days] (Baldwin et al. 2001)."""
QBO_WESTERLY = datetime.date(2015, 12, 1)
"""A day with the strongest westerlies at `QBO_HEIGHT`."""
QBO_SPEED, QBO_WIDTH = 24.0, 11.0
"""Amplitude [m/s] and standard deviation in latitude [degrees]."""
QBO_HEIGHT, QBO_BELOW, QBO_ABOVE, QBO_WAVELENGTH = 26e3, 5e3, 7e3, 27e3
"""Centre, standard deviations and wavelength in height [m]: phases descend by 1 km a month."""


@dataclass(frozen=True)
class Waves:
    """A family of waves of the size of the globe, drawn anew every day.

    Attributes
    ----------
    numbers : range
        Zonal wavenumbers; each is drawn once per range of latitudes.
    latitudes : sequence of (float, float)
        Ranges that the centres are drawn from [degrees].
    width : float
        Typical standard deviation in latitude [degrees].
    speed : float
        Typical northward wind at the centre [m/s].
    height, below, above : float
        Centre and standard deviations of the amplitude in height [km].
    wavelength : (float, float)
        Range of the vertical wavelength [km]; the phase leans westward with height.
    summer : float
        Amplitude in the summer hemisphere in units of the winter's.
    """

    numbers: range
    latitudes: Sequence[tuple[float, float]]
    width: float
    speed: float
    height: float
    below: float
    above: float
    wavelength: tuple[float, float]
    summer: float = 1.0


WAVES = (
    # Planetary waves of the winter stratosphere: they do not pass the easterlies of the summer
    # (Charney & Drazin 1961).
    Waves(range(1, 4), ((50, 70), (-70, -50)), 12, 30, 48, 14, 12, (50, 110), summer=0.08),
    # Cyclones and blocks of the troposphere.
    Waves(range(2, 10), ((32, 65), (-65, -32)), 10, 15, 10, 6, 4.5, (40, 90), summer=0.7),
    # Slow waves of the tropical stratosphere, with the short wavelengths of Kelvin waves.
    Waves(range(1, 5), ((-12, 12),), 9, 5, 33, 9, 12, (8, 16)),
    # Tides and travelling waves of the mesosphere.
    Waves(range(1, 5), ((10, 60), (-60, -10)), 16, 22, 74, 14, 16, (40, 150)),
)

GRAVITY_WAVES = 10
"""Waves in a column."""
GRAVITY_WAVE_SPEED = 2.0
"""Their wind in the lower stratosphere, root mean square [m/s]."""
GRAVITY_WAVE_LENGTHS = (2e3, 20e3)
"""Range of their vertical wavelengths [m]."""
GRAVITY_WAVE_GROWTH = 15e3
"""Height over which they grow e-fold, more than 2 H: some of them are lost on the way [m]."""
FRONTS, STORM_TRACK = 8.0, 48.0
"""How many times as much fronts and storms add in the troposphere, and where most of them are."""
SATURATION = 1.1
"""Wind of a wave field that breaks, in units of N / m."""
SPONGE = 68e3
"""Height above which a model damps its waves, for they would come back from its top [m]."""


class AirColumns(NamedTuple):
    """State of some columns, float64, in the order of the raw files.

    Attributes
    ----------
    u, v, temperature : (column, level)  [m/s], [m/s], [K]
    surface_pressure : (column,)  [Pa]
    geopotential : (column,)  [m2/s2]
        Of the lowest level above the surface.
    orography_std, orography_slope, orography_anisotropy, orography_angle : (column,)
        Of the sub-grid orography [m], [1], [1], [rad]; zero at sea.
    """

    u: Tensor
    v: Tensor
    temperature: Tensor
    surface_pressure: Tensor
    geopotential: Tensor
    orography_std: Tensor
    orography_slope: Tensor
    orography_anisotropy: Tensor
    orography_angle: Tensor


def draw_columns(
    date: datetime.date, latitude: Tensor, longitude: Tensor, seed: int = 0
) -> AirColumns:
    """Draw the columns of a day. The same day and seed give the same weather on any grid.

    Parameters
    ----------
    date : datetime.date
    latitude, longitude : (column,), float64  [degrees north], [degrees east]
    seed : int

    Returns
    -------
    AirColumns
        On the 91 levels of L91.
    """
    # Days follow each other, and so may seeds: a product with an odd number keeps them apart.
    generator = torch.Generator().manual_seed((date.toordinal() * 0x9E3779B1 + seed) % 2**63)
    day = date.timetuple().tm_yday
    strength, waves = _draw_strength(generator, day), _draw_waves(generator, day)

    height = torch.arange(*HEIGHTS, dtype=torch.float64)
    u, temperature = climate.zonal_mean(latitude, height, day, strength)
    climate.add_jet(u, temperature, latitude, height, 0.0, QBO_WIDTH, lambda z: qbo_wind(z, date))
    wave_u, v, wave_temperature, wave_geopotential = large_waves(waves, latitude, longitude, height)

    land = climate.land_share(latitude, longitude)
    relief = climate.surface_height(latitude, longitude)
    relief = relief * (1 + 0.2 * normal(generator, len(relief))).clamp(0.4, 1.6)
    ground = int((height < 0).sum())
    surface_pressure = _surface_pressure(latitude, relief, wave_geopotential[:, ground])
    p_half = half_level_pressure(surface_pressure, LEVELS, TABLE)
    levels = climate.log_pressure_height(full_level_pressure(p_half))
    u, v, temperature = _to_levels([u + wave_u, v, temperature + wave_temperature], levels)

    gravity = gravity_waves(generator, latitude, levels, temperature, day)
    friction = _friction(levels, surface_pressure)
    temperature = overturn(temperature + gravity[2], full_level_pressure(p_half))
    return AirColumns(
        friction * (u + gravity[0]),
        friction * (v + gravity[1]),
        temperature,
        surface_pressure,
        geopotential(temperature, p_half)[:, -1],
        *_draw_orography(generator, relief, land),
    )


def qbo_wind(height: Tensor, date: datetime.date) -> Tensor:
    """Return the quasi-biennial oscillation over the equator [m/s]; its phases descend."""
    turns = (date - QBO_WESTERLY).days / QBO_PERIOD + (height - QBO_HEIGHT) / QBO_WAVELENGTH
    envelope = climate.bell(height, QBO_HEIGHT, QBO_BELOW, QBO_ABOVE)
    return QBO_SPEED * envelope * (2 * math.pi * turns).cos()


def _draw_strength(generator: torch.Generator, day: int) -> dict[str, tuple[float, float]]:
    """Draw how this winter, and this year's semi-annual oscillation, differ from the climate.

    Northern vortices vary much, and on one midwinter day in six a sudden warming has turned them
    around; southern ones are steady (Charlton & Polvani 2007, J. Climate 20, 449).
    """
    drawn = normal(generator, 5).tolist()
    north, south = max(1 + 0.28 * drawn[0], 0.2), max(1 + 0.12 * drawn[1], 0.5)
    semi_annual = 1 + 0.25 * drawn[2]
    warming, broken = uniform(generator, 2).tolist()
    warm = warming < 1 / 6 and climate.season(day) > 0.3
    return {
        "polar night": (0.7 * broken - 0.5 if warm else north, south),
        "winter stratopause": (0.3 if warm else 0.5 + 0.5 * north, south),
        "semi-annual stratopause": (semi_annual, semi_annual),
        "subtropical": (1 + 0.1 * drawn[3], 1 + 0.1 * drawn[4]),
    }


class DrawnWaves(NamedTuple):
    """Waves of a day, each (wave,), units as in :class:`Waves` but heights in metres.

    Attributes
    ----------
    phase : at the meridian of Greenwich and z = 0 [rad]
    lean : vertical wavenumber [1/m]
    """

    number: Tensor
    latitude: Tensor
    width: Tensor
    speed: Tensor
    phase: Tensor
    lean: Tensor
    height: Tensor
    below: Tensor
    above: Tensor


def _draw_waves(generator: torch.Generator, day: int) -> DrawnWaves:
    """Draw one wave of each family, wavenumber and range of latitudes."""
    drawn = []
    for family in WAVES:
        for low, high in family.latitudes:
            # 1 in midwinter, `summer` in midsummer; waves over the equator know no season.
            winter = 0.5 * (1 + climate.season(day, southern=high <= 0))
            winter = 1.0 if low < 0 < high else family.summer + (1 - family.summer) * winter
            for number in family.numbers:
                place, width, phase, turn = uniform(generator, 4).tolist()
                rayleigh = float(normal(generator, 2).square().mean().sqrt())
                short, long = family.wavelength
                wave = (
                    number,
                    low + (high - low) * place,
                    family.width * (0.7 + 0.6 * width),
                    family.speed * winter * rayleigh,
                    2 * math.pi * phase,
                    2 * math.pi / (1e3 * (short + turn * (long - short))),
                    1e3 * family.height,
                    1e3 * family.below,
                    1e3 * family.above,
                )
                drawn.append(wave)
    return DrawnWaves(*torch.tensor(drawn, dtype=torch.float64).unbind(-1))


def large_waves(
    waves: DrawnWaves, latitude: Tensor, longitude: Tensor, height: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what some waves add to u, v, T and the geopotential, each (column, level).

    A wave is a stream function ``psi``: ``u = -dpsi/dy``, ``v = dpsi/dx``, geopotential ``f psi``
    and ``T = H / R d(f psi)/dz`` (Andrews, Holton & Leovy 1987, chapter 3). It is the real part of
    a factor of the place times one of the height, so that the sum over waves is a matrix product.

    Parameters
    ----------
    waves : DrawnWaves
    latitude, longitude : (column,)  [degrees north], [degrees east]
    height : (level,)  [m]
    """
    phi, distance = latitude.deg2rad()[:, None], latitude[:, None] - waves.latitude
    # Across latitudes a bell times cos^2, which keeps the poles regular.
    shape = climate.bell(distance, 0.0, waves.width) * phi.cos().square()
    steepness = -(distance / waves.width.square()).rad2deg() - 2 * phi.tan()  # d ln(shape) / dphi
    scale = waves.speed * EARTH_RADIUS / (waves.number * waves.latitude.deg2rad().cos())
    turns = waves.number * longitude.deg2rad()[:, None] + waves.phase
    place = torch.polar(scale * shape, turns)  # (column, wave) [m2/s]

    def profile(z: Tensor) -> Tensor:
        centre, below, above, lean = waves.height, waves.below, waves.above, waves.lean
        envelope = climate.bell(z, centre[:, None], below[:, None], above[:, None])
        return torch.polar(envelope, lean[:, None] * z)  # (wave, level)

    here, f = profile(height), climate.coriolis(latitude)[:, None]
    u = -(place * steepness / EARTH_RADIUS @ here).real
    v = (1j * place * waves.number / (EARTH_RADIUS * phi.cos()) @ here).real
    rise = (place @ climate.slope(profile, height)).real
    return u, v, climate.SCALE_HEIGHT / GAS_CONSTANT * f * rise, f * (place @ here).real


def gravity_waves(
    generator: torch.Generator, latitude: Tensor, height: Tensor, temperature: Tensor, day: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the gravity waves that a model resolves, others in each column.

    Their wind grows with height until it saturates at a fraction of ``N / m``, as in the universal
    spectrum (Smith, Fritts & VanZandt 1987, J. Atmos. Sci. 44, 1404); no model carries a wave
    shorter than a few of its layers. Temperature follows by ``T' / T = i N / g u'`` and the wind
    across their direction by the rotation of the Earth.

    Parameters
    ----------
    latitude : (column,)  [degrees north]
    height, temperature : (column, level)  [m], [K]
    day : int
        Of the year; they are stronger in winter.

    Returns
    -------
    u, v, temperature : (column, level)  [m/s], [m/s], [K]
    """
    columns = len(height)
    # Single precision where every column has all of its waves on every level.
    drawn = uniform(generator, columns, 1, 4 * GRAVITY_WAVES).float()
    length, direction, phase, turning = drawn.chunk(4, dim=-1)
    short, long = GRAVITY_WAVE_LENGTHS
    number = 2 * math.pi / (short * (long / short) ** length)
    direction = 2 * math.pi * direction
    turning = latitude.sign().float()[:, None, None] * (0.1 + 0.5 * turning)
    # Intermittent, and stronger in the winter of middle and high latitudes.
    winter = climate.season(day) * latitude.deg2rad().sin()
    strength = (0.6 * normal(generator, columns) + 0.4 * winter - 0.18).exp()[:, None]

    layer = -torch.gradient(height, dim=1)[0]
    lapse = -torch.gradient(temperature, dim=1)[0] / layer
    adiabatic = GAS_CONSTANT / HEAT_CAPACITY * temperature / climate.SCALE_HEIGHT
    n2 = GAS_CONSTANT / climate.SCALE_HEIGHT * (lapse + adiabatic)
    buoyancy = n2.clamp(min=1e-5).sqrt()

    storms = climate.bell(latitude.abs(), STORM_TRACK, 16)[:, None]
    fronts = FRONTS * storms * torch.sigmoid((12e3 - height) / 2e3)
    above = 4e3 * torch.nn.functional.softplus((height - 20e3) / 4e3)
    free = GRAVITY_WAVE_SPEED * strength * (1 + fronts) * (above / GRAVITY_WAVE_GROWTH).exp()
    free = math.sqrt(2 / GRAVITY_WAVES) * free * torch.sigmoid((SPONGE - height) / 3e3)
    limit = math.sqrt(2 / GRAVITY_WAVES) * SATURATION * buoyancy
    steep = (free / limit).float()[..., None] * number
    unresolved = 0.5 * layer.float()[..., None] * number
    amplitude = free.float()[..., None] * (-unresolved.square()).exp() * (1 + steep**2).rsqrt()
    angle = number * height.float()[..., None] + 2 * math.pi * phase
    along, across = amplitude * angle.cos(), amplitude * angle.sin()
    u = (along * direction.cos() - turning * across * direction.sin()).sum(-1)
    v = (along * direction.sin() + turning * across * direction.cos()).sum(-1)
    return u.double(), v.double(), buoyancy / GRAVITY * temperature * across.sum(-1)


def overturn(temperature: Tensor, pressure: Tensor) -> Tensor:
    """Mix layers that are heavier than the air below them until they are neutral.

    The mean of the least stable profiles of potential temperature that lie above and below it.

    Parameters
    ----------
    temperature, pressure : (column, level)  [K], [Pa]

    Returns
    -------
    (column, level)  [K]
        Its potential temperature nowhere decreases upward.
    """
    exner = (pressure / REFERENCE_PRESSURE) ** (GAS_CONSTANT / HEAT_CAPACITY)
    theta = temperature / exner
    colder = theta.cummin(dim=1).values
    warmer = theta.flip(1).cummax(dim=1).values.flip(1)
    return 0.5 * (colder + warmer) * exner


def _to_levels(fields: list[Tensor], levels: Tensor) -> list[Tensor]:
    """Interpolate fields (column, height) on the shared heights to each column's own levels."""
    position = (levels - HEIGHTS[0]) / HEIGHTS[2]
    index = position.long().clamp(0, fields[0].shape[-1] - 2)
    weight = position - index
    return [torch.lerp(f.gather(1, index), f.gather(1, index + 1), weight) for f in fields]


def _friction(height: Tensor, surface_pressure: Tensor) -> Tensor:
    """Return the factor on the wind within the boundary layer, (column, level)."""
    ground = climate.log_pressure_height(surface_pressure)[:, None]
    return 1 - 0.55 * (-(height - ground) / 700.0).exp()


def _surface_pressure(latitude: Tensor, relief: Tensor, wave_geopotential: Tensor) -> Tensor:
    """Return the pressure on the ground [Pa] (column,), with the highs and lows of the waves."""
    lapse = 0.0065  # [K/m]: the mean temperature of the air down to the sea is taken half-way
    temperature = climate.SURFACE_TEMPERATURE - 0.5 * lapse * relief
    depth = (GRAVITY * relief - wave_geopotential) / (GAS_CONSTANT * temperature)
    return climate.sea_level_pressure(latitude) * (-depth).exp()


def _draw_orography(generator: torch.Generator, relief: Tensor, land: Tensor) -> Sequence[Tensor]:
    """Draw standard deviation [m], slope, anisotropy and angle [rad] of the sub-grid orography.

    Hills are the higher the land is and some kilometres wide; their axes have no preference.
    """
    columns = len(relief)
    std = (45 + 0.14 * relief) * (0.7 * normal(generator, columns)).exp()
    slope = std / 5500 * (0.35 * normal(generator, columns)).exp()
    anisotropy = torch.sigmoid(0.9 * normal(generator, columns))
    angle = math.pi * uniform(generator, columns) - math.pi / 2
    ashore = uniform(generator, columns) < land
    drawn = torch.stack([std.clamp(max=1100), slope.clamp(max=0.2), anisotropy, angle])
    return drawn.where(ashore, 0.0).unbind()
