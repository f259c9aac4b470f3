"""Zonal-mean climate from the ground to 80 km, by latitude, height and day; and the ground itself.

The wind is a table of jets, each a bell in latitude and height whose speed follows the seasons. The
temperature is a mean profile of the globe plus what holds these jets in thermal-wind balance
(Andrews, Holton & Leovy 1987, chapter 3), so that a cold winter pole, a warm summer stratopause
and the cold summer mesopause follow from the winds rather than being put in. What the jets are like
is textbook knowledge: CIRA-86 (Fleming et al. 1990, Adv. Space Res. 10, 11), the reference
climatologies of SPARC (Randel et al. 2004, J. Climate 17, 986), and for the tropics Baldwin et al.
(2001, Rev. Geophys. 39, 179). It is a climate to draw test and training columns from, not one to
compare a model with: a few m/s and K off everywhere.

Height is log-pressure height ``z = H ln(p0 / p)`` with H = 7 km and p0 = 1000 hPa throughout.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ai4sim.physics.constants import EARTH_RADIUS, EARTH_ROTATION, GAS_CONSTANT, REFERENCE_PRESSURE

SCALE_HEIGHT = 7000.0
"""H of the log-pressure height [m]."""
YEAR = 365.2425
"""[days]."""
MIDWINTER = 15.0
"""Day of the year of the northern midwinter: the air lags behind the sun."""


@dataclass(frozen=True)
class Jet:
    """A maximum of the zonal-mean wind, given for the north; the south has it half a year later.

    Attributes
    ----------
    latitude, width : float
        Centre and standard deviation of the bell in latitude [degrees].
    height, below, above : float
        Centre and standard deviations of the bell in height, downward and upward [km].
    winter, summer : float
        Eastward speed at the centre in the midwinter and midsummer of its hemisphere [m/s].
    equinox : float, optional
        The same in between; by default the mean of the two.
    south : float
        Speed of its southern twin in units of its own. A jet on the equator has no twin.
    """

    latitude: float
    width: float
    height: float
    below: float
    above: float
    winter: float
    summer: float
    equinox: float | None = None
    south: float = 1.0


JETS = {
    # The troposphere, by its two westerly jets and the trades.
    "subtropical": Jet(30, 10, 12.0, 5.5, 4.8, 36, 8),
    "midlatitude": Jet(48, 12, 10.5, 7.5, 5.5, 16, 19, south=1.3),
    "trades": Jet(13, 8, 1, 4, 4, -7, -4),
    "monsoon": Jet(8, 10, 13.5, 4, 4, 2, -12, south=0.5),
    # The winter vortex of the stratosphere, and the jet above it that leans towards the equator.
    "polar night": Jet(63, 12, 31, 9, 11, 36, -3, 8, south=1.5),
    "winter stratopause": Jet(42, 13, 50, 12, 11, 62, 0, 14, south=1.1),
    "winter mesosphere": Jet(35, 15, 75, 12, 12, 28, 0, 10),
    # The easterlies of the summer, which reach over the equator at the stratopause.
    "summer easterlies": Jet(47, 23, 62, 17, 11, 0, -52, -10),
    "summer subtropics": Jet(22, 15, 48, 9, 7, -6, -36, -12),
    "summer stratosphere": Jet(30, 18, 27, 5, 8, 0, -9),
    # Above, gravity waves turn the wind around.
    "summer mesopause": Jet(50, 18, 90, 7, 8, 0, 18),
    # The equator: easterlies of the lower stratosphere (the mean of the quasi-biennial oscillation)
    # and the semi-annual oscillations of the stratopause and of the mesopause, in opposite phase.
    "equatorial stratosphere": Jet(0, 16, 26, 6, 6, -14, -14),
    "semi-annual stratopause": Jet(0, 20, 47, 8, 7, -30, -24, 9),
    "semi-annual mesopause": Jet(0, 17, 78, 7, 8, 10, 10, -15),
}
"""The zonal-mean wind; speeds of equatorial jets follow the seasons of the north."""

SURFACE_TEMPERATURE = 288.5
"""Of the globe, on the reference pressure [K]."""
LAPSE = -6.3
"""Of the global mean at the ground, per log-pressure height [K/km]."""
LAPSE_CHANGES = (
    # Height [km] and change of the lapse [K/km] there.
    (11.5, 3.1),
    (17.0, 5.3),  # tropopause of the tropics
    (35.0, 0.8),
    (47.5, -2.9),
    (50.5, -2.5),  # stratopause
    (70.0, 1.0),
)
"""Corners of the global mean temperature, as those of the US Standard Atmosphere (1976)."""
CORNER_WIDTH = 0.8
"""Over which the corners are rounded [km]."""


def log_pressure_height(pressure: Tensor) -> Tensor:
    """Return ``z = H ln(p0 / p)`` [m] of a pressure [Pa]."""
    return SCALE_HEIGHT * (REFERENCE_PRESSURE / pressure).log()


def coriolis(latitude: Tensor) -> Tensor:
    """Return ``f = 2 Omega sin(latitude)`` [1/s] of a latitude [degrees]."""
    return 2 * EARTH_ROTATION * latitude.deg2rad().sin()


def global_mean_temperature(height: Tensor) -> Tensor:
    """Return the mean temperature of the globe [K]: straight pieces with rounded corners.

    Parameters
    ----------
    height : (...)  [m]
    """
    z = height / 1e3
    temperature = SURFACE_TEMPERATURE + LAPSE * z
    for corner, change in LAPSE_CHANGES:
        rounded = CORNER_WIDTH * torch.nn.functional.softplus((z - corner) / CORNER_WIDTH)
        temperature = temperature + change * rounded
    return temperature


def season(day_of_year: float, *, southern: bool = False) -> float:
    """Return the cosine of the year: 1 in the midwinter of the hemisphere, -1 in its midsummer."""
    angle = 2 * math.pi * (day_of_year - MIDWINTER) / YEAR
    return -math.cos(angle) if southern else math.cos(angle)


def speed(jet: Jet, day_of_year: float, *, southern: bool = False) -> float:
    """Return the wind at the centre of a jet, or of its southern twin, on a day [m/s].

    The annual and semi-annual harmonics through its values of winter, equinox and summer.
    """
    c = season(day_of_year, southern=southern)
    mean = 0.5 * (jet.winter + jet.summer)
    equinox = mean if jet.equinox is None else jet.equinox
    value = equinox + 0.5 * (jet.winter - jet.summer) * c + (mean - equinox) * c * c
    return value * jet.south if southern else value


def bell(
    x: Tensor,
    centre: float | Tensor,
    below: float | Tensor,
    above: float | Tensor | None = None,
) -> Tensor:
    """Return a Gaussian of unit height with its own standard deviation on each side.

    Between the two the width changes smoothly, so that curvature has no jump at the centre.
    """
    if above is None:
        return (-0.5 * ((x - centre) / below).square()).exp()
    share = torch.sigmoid((x - centre) / (0.25 * (below + above)))
    return (-0.5 * ((x - centre) / (below + (above - below) * share)).square()).exp()


def across(latitude: Tensor, centre: float, width: float) -> Tensor:
    """Return the profile of a jet across latitudes [degrees]: a bell that vanishes at the poles."""
    cosine = latitude.deg2rad().cos()
    return bell(latitude, centre, width) * cosine / math.cos(math.radians(centre))


def thermal_wind(centre: float, width: float, latitude: Tensor) -> Tensor:
    """Return the temperature that balances a unit of vertical shear in a jet [K per m/s/m].

    Integrates ``dT/dphi = -(a H / R) f du/dz`` from pole to pole, with the mean over the globe
    taken off (Andrews, Holton & Leovy 1987, chapter 3).

    Parameters
    ----------
    centre, width : float
        Of :func:`across` [degrees].
    latitude : (...)  [degrees]
    """
    table = _balance(centre, width).to(latitude)
    position = (latitude + 90.0) * ((len(table) - 1) / 180.0)
    index = position.long().clamp(0, len(table) - 2)
    return torch.lerp(table[index], table[index + 1], position - index)


@functools.lru_cache(maxsize=256)
def _balance(centre: float, width: float) -> Tensor:
    """Tabulate :func:`thermal_wind` from the south to the north pole."""
    latitude = torch.linspace(-90, 90, 1441, dtype=torch.float64)
    slope = -EARTH_RADIUS * SCALE_HEIGHT / GAS_CONSTANT * coriolis(latitude)
    slope = slope * across(latitude, centre, width)
    rise = torch.cumulative_trapezoid(slope, latitude.deg2rad())
    rise = torch.cat([rise.new_zeros(1), rise])
    area = latitude.deg2rad().cos()
    return rise - (rise * area).sum() / area.sum()


def slope(profile: Callable[[Tensor], Tensor], height: Tensor, step: float = 10.0) -> Tensor:
    """Return the derivative of a smooth profile by central differences over `step` metres."""
    return (profile(height + step) - profile(height - step)) / (2 * step)


def add_jet(
    u: Tensor,
    temperature: Tensor,
    latitude: Tensor,
    height: Tensor,
    centre: float,
    width: float,
    profile: Callable[[Tensor], Tensor],
) -> None:
    """Add a zonal wind and the temperature in balance with it, in place.

    Parameters
    ----------
    u, temperature : (..., level)  [m/s], [K]
    latitude : (...)  [degrees]
    height : (level,) or (..., level)  [m]
    centre, width : float
        Of the wind across latitudes, see :func:`across` [degrees].
    profile : callable
        Wind at the centre [m/s] as a function of height [m].
    """
    u += across(latitude, centre, width)[..., None] * profile(height)
    balance = thermal_wind(centre, width, latitude)[..., None]
    temperature += balance * slope(profile, height)


def zonal_mean(
    latitude: Tensor,
    height: Tensor,
    day_of_year: float,
    strength: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the wind and temperature of some places on a day of the year.

    Parameters
    ----------
    latitude : (...)  [degrees north]
    height : (level,), or (..., level) where each place has its own  [m]
        Log-pressure height, see :func:`log_pressure_height`.
    day_of_year : float
        1 on the first of January.
    strength : mapping, optional
        Name of a jet -> factors on its speed in the north and the south (an equatorial jet has the
        first only); 1 for those not named. This is how one winter differs from another.

    Returns
    -------
    u, temperature : (..., level)  [m/s], [K]

    Raises
    ------
    ValueError
        A name in `strength` that is not in `JETS`.
    """
    strength = strength or {}
    unknown = sorted(set(strength) - set(JETS))
    if unknown:
        raise ValueError(f"strength: unknown jets {unknown}; expected some of {sorted(JETS)}")
    temperature = global_mean_temperature(height) + torch.zeros_like(latitude)[..., None]
    u = torch.zeros_like(temperature)
    for name, jet in JETS.items():
        for southern in (False, True) if jet.latitude else (False,):
            peak = speed(jet, day_of_year, southern=southern)
            peak *= strength.get(name, (1.0, 1.0))[southern]

            def profile(z: Tensor, jet: Jet = jet, peak: float = peak) -> Tensor:
                return peak * bell(z, 1e3 * jet.height, 1e3 * jet.below, 1e3 * jet.above)

            centre = -jet.latitude if southern else jet.latitude
            add_jet(u, temperature, latitude, height, centre, jet.width, profile)
    return u, temperature


CONTINENTS = (
    # Latitude, longitude and half axes [degrees] of ellipses whose union is roughly the land.
    (60, 90, 14, 80),  # Siberia
    (52, 25, 11, 30),  # Europe
    (40, 85, 12, 42),  # central Asia
    (30, 105, 10, 15),  # China
    (20, 78, 11, 8),  # India
    (15, 103, 7, 6),  # Indochina
    (24, 46, 9, 11),  # Arabia
    (15, 13, 20, 31),  # northern Africa
    (-13, 26, 21, 13),  # southern Africa
    (-25, 134, 11, 19),  # Australia
    (-5, 140, 4, 9),  # New Guinea
    (50, -99, 17, 28),  # North America
    (65, -115, 7, 48),  # Canada
    (23, -102, 7, 7),  # Mexico
    (-7, -59, 16, 20),  # Brazil
    (-33, -65, 17, 8),  # Patagonia
    (73, -40, 9, 14),  # Greenland
)
ANTARCTICA = -71.0
"""Latitude of its coast [degrees]."""
MASSIFS = (
    # Latitude, longitude, standard deviations in both [degrees] and height [m].
    (34, 88, 5, 11, 4900),  # Tibet
    (48, 98, 5, 12, 1400),  # Altai, Mongolia
    (34, 50, 5, 12, 1300),  # Anatolia, Iran
    (46, 12, 2, 6, 1100),  # Alps
    (63, 12, 4, 5, 700),  # Scandinavia
    (63, 138, 6, 18, 800),  # eastern Siberia
    (42, -110, 8, 7, 1900),  # Rocky Mountains
    (21, -102, 4, 4, 1700),  # Mexico
    (-20, -68, 13, 3, 3600),  # Andes
    (2, -76, 6, 3, 1800),  # northern Andes
    (-17, -46, 6, 6, 600),  # Brazil
    (9, 39, 5, 4, 1800),  # Ethiopia
    (-20, 26, 12, 8, 1000),  # southern Africa
    (-5, 141, 3, 6, 1200),  # New Guinea
    (73, -40, 6, 9, 2500),  # Greenland
    (-86, 60, 11, 110, 3000),  # Antarctica
)
LOWLAND = 250.0
"""Height of the land between the massifs [m]."""


def land_share(latitude: Tensor, longitude: Tensor) -> Tensor:
    """Return how much of a place is land: 1 inland, 0 at sea, smooth across a coast.

    Parameters
    ----------
    latitude, longitude : (...)  [degrees north], [degrees east]
    """
    antarctica = torch.sigmoid((ANTARCTICA - latitude) / 1.5)
    return torch.maximum(antarctica, inside_ellipses(latitude, longitude, CONTINENTS, 0.08))


def inside_ellipses(
    latitude: Tensor,
    longitude: Tensor,
    ellipses: Sequence[tuple[float, float, float, float]],
    edge: float,
) -> Tensor:
    """Return 1 inside the union of some ellipses, 0 outside.

    Parameters
    ----------
    latitude, longitude : (...)  [degrees north], [degrees east]
    ellipses : sequence of (latitude, longitude, half axis, half axis)  [degrees]
    edge : float
        Width of the smooth step, in units of the half axes.
    """
    inside = torch.zeros_like(latitude)
    for centre, meridian, half_latitude, half_longitude in ellipses:
        east = (longitude - meridian + 180) % 360 - 180
        radius = torch.hypot((latitude - centre) / half_latitude, east / half_longitude)
        inside = torch.maximum(inside, torch.sigmoid((1 - radius) / edge))
    return inside


def surface_height(latitude: Tensor, longitude: Tensor) -> Tensor:
    """Return the height of the ground above the sea [m], as smooth as a coarse model has it.

    Parameters
    ----------
    latitude, longitude : (...)  [degrees north], [degrees east]
    """
    height = torch.full_like(latitude, LOWLAND)
    for centre, meridian, width, length, top in MASSIFS:
        east = (longitude - meridian + 180) % 360 - 180
        height = height + top * bell(latitude, centre, width) * bell(east, 0.0, length)
    return height * land_share(latitude, longitude)


def sea_level_pressure(latitude: Tensor) -> Tensor:
    """Return the zonal-mean pressure at sea level [Pa]: subtropical highs, subpolar lows.

    Parameters
    ----------
    latitude : (...)  [degrees north]
    """
    highs = 600 * (bell(latitude, 32, 11) + bell(latitude, -30, 10))
    lows = -500 * bell(latitude, 62, 10) - 2400 * bell(latitude, -66, 10)
    return 101150 + highs + lows
