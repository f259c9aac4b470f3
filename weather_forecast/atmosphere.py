"""What the air is made of: water vapour, ozone, well-mixed gases and aerosols.

Climatologies of textbook simplicity by latitude, height and season, as
:mod:`weather_forecast.climate` is for wind and temperature: to draw test and training columns from,
not to compare a model with. Levels are the last axis, top first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY, REFERENCE_PRESSURE
from weather_forecast import climate
from weather_forecast.climate import bell, season

VAPOUR_RATIO = 0.621981
"""Molar mass of water in units of that of dry air."""
OZONE_RATIO = 47.9982 / 28.9644
"""Molar mass of ozone in units of that of dry air."""
DOBSON_UNIT = 2.1415e-5
"""Mass of ozone in a Dobson unit [kg/m2]."""
FREEZING = 273.16
"""Temperature of the triple point [K]."""
ALL_ICE = 250.16
"""Temperature below which clouds of the IFS hold no liquid [K]."""


def liquid_share(temperature: Tensor, supercooled: Tensor | float = 0.0) -> Tensor:
    """Return the liquid part of cloud water by temperature [K], as the IFS diagnoses it.

    A cloud that is `supercooled` by so many kelvin keeps its liquid down to colder temperatures.
    """
    above = (temperature + supercooled - ALL_ICE) / (FREEZING - ALL_ICE)
    return above.clamp(0, 1).square()


def saturation_humidity(temperature: Tensor, pressure: Tensor) -> Tensor:
    """Return the specific humidity of saturated air [kg/kg], over water, ice or, between, both.

    Buck (1981) with the mixed phase of the IFS (documentation of Cy47r3, part IV, eq. 12.13-15).

    Parameters
    ----------
    temperature, pressure : (...)  [K], [Pa]
    """
    t = temperature
    water = 611.21 * (17.502 * (t - FREEZING) / (t - 32.19)).exp()
    ice = 611.21 * (22.587 * (t - FREEZING) / (t + 0.7)).exp()
    vapour = torch.lerp(ice, water, liquid_share(t))
    vapour = torch.minimum(vapour, 0.5 * pressure)  # where water would boil
    return VAPOUR_RATIO * vapour / (pressure - (1 - VAPOUR_RATIO) * vapour)


def tropopause_height(latitude: Tensor) -> Tensor:
    """Return the log-pressure height of the tropopause [m]: high in the tropics."""
    return 9000 + 7000 * torch.sigmoid((36 - latitude.abs()) / 5)


def relative_humidity(latitude: Tensor, sigma: Tensor, day_of_year: float) -> Tensor:
    """Return the mean relative humidity of the troposphere.

    Moist at the ground and where air rises in the tropics, dry where it sinks on both sides.

    Parameters
    ----------
    latitude : (...)  [degrees north]
    sigma : (..., level)
        Pressure in units of that at the ground.
    day_of_year : float
        The rising branch follows the sun by some degrees.

    Returns
    -------
    (..., level)
    """
    distance = (latitude + 6 * season(day_of_year))[..., None]
    free = 0.45 + 0.12 * bell(distance, 0, 9) - 0.24 * bell(distance.abs(), 24, 9)
    ground = torch.sigmoid((sigma - 0.85) / 0.04)
    top = 0.12 * bell(sigma, 0.25, 0.12)
    return free + top + (0.73 - free) * ground


def stratospheric_humidity(height: Tensor) -> Tensor:
    """Return the specific humidity above the tropopause [kg/kg]: methane turns into vapour.

    Parameters
    ----------
    height : (..., level)  [m]
    """
    return VAPOUR_RATIO * 1e-6 * (3.2 + 1.6 * torch.sigmoid((height - 30e3) / 6e3))


def ozone_column(latitude: Tensor, day_of_year: float) -> Tensor:
    """Return the mean total ozone [DU]: most in the spring of high latitudes, but for the hole.

    Parameters
    ----------
    latitude : (...)  [degrees north]
    """
    # The season shifted by 70 days has its maxima in late March (north) and late September.
    spring = season(day_of_year - 70) * latitude.sign()
    poleward = latitude.deg2rad().sin().square()
    total = 262 + 75 * poleward + 50 * spring * poleward * bell(latitude.abs(), 65, 25)
    october = max(season(day_of_year - 265), 0.0) ** 3
    return total - 180 * october * torch.sigmoid((-66 - latitude) / 4)


def ozone(
    latitude: Tensor, height: Tensor, pressure_hl: Tensor, total: Tensor, troposphere: float = 4e-8
) -> Tensor:
    """Return a profile of ozone that adds up to a total column.

    A layer whose partial pressure has the shape of Chapman (1931), at 35 hPa over the equator and
    80 hPa over the poles, above a uniform mixing ratio.

    Parameters
    ----------
    latitude : (...)  [degrees north]
    height : (..., level)  [m]
        Log-pressure height.
    pressure_hl : (..., half_level)  [Pa]
    total : (...)  [DU]
    troposphere : float  [mol/mol]

    Returns
    -------
    (..., level)  [kg/kg]
    """
    poleward = latitude.deg2rad().sin().square()[..., None]
    peak = climate.SCALE_HEIGHT * (1000 / (35 + 45 * poleward)).log()
    x = (height - peak) / (4700 + 500 * poleward)
    pressure = REFERENCE_PRESSURE * (-height / climate.SCALE_HEIGHT).exp()
    layer = (1 - x - (-x).exp()).exp() / pressure
    mass = pressure_hl.diff(dim=-1) / (GRAVITY * DOBSON_UNIT)
    below = OZONE_RATIO * troposphere * torch.ones_like(layer)
    left = (total - (below * mass).sum(-1)) / (layer * mass).sum(-1)
    return below + left[..., None] * layer


@dataclass(frozen=True)
class Gas:
    """A gas that is well mixed in the troposphere.

    Attributes
    ----------
    vmr, trend : float
        Volume mixing ratio in 2019 [mol/mol] and its change per year [mol/mol].
    left : float
        What part of it is left far up.
    decay : float
        Pressure at which light and radicals have destroyed most of the rest [Pa].
    """

    vmr: float
    trend: float = 0.0
    left: float = 1.0
    decay: float = 0.0


GASES = {
    "co2": Gas(4.10e-4, 2.4e-6),
    "n2o": Gas(3.32e-7, 1e-9, 0.3, 1000),
    "ch4": Gas(1.87e-6, 8e-9, 0.15, 2000),
    "o2": Gas(0.20944),
    # CFC-11 stands for all the minor gases that the radiation does not know by name.
    "cfc11": Gas(8.5e-10, -2e-12, 0.0, 3000),
    "cfc12": Gas(5.0e-10, -3e-12, 0.0, 1700),
    "hcfc22": Gas(0.0),
    "ccl4": Gas(0.0),
}
"""Gases of the radiation scheme, values as in recent years (WMO greenhouse gas bulletins)."""


def gas_vmr(name: str, pressure: Tensor, year: float) -> Tensor:
    """Return the volume mixing ratio of one of :data:`GASES` [mol/mol], (..., level).

    Parameters
    ----------
    name : str
    pressure : (..., level)  [Pa]
    year : float
    """
    gas = GASES[name]
    survives = gas.left + (1 - gas.left) * (-(gas.decay / pressure).square()).exp()
    return (gas.vmr + gas.trend * (year - 2019)) * survives


@dataclass(frozen=True)
class Aerosol:
    """A kind of aerosol.

    Attributes
    ----------
    sea, land, desert : float
        Mass mixing ratio at the ground [kg/kg].
    depth : float
        Height over which it thins out e-fold [km].
    """

    sea: float
    land: float
    desert: float
    depth: float


AEROSOLS = (
    # The kinds of the IFS in its order; sea salt and dust in bins of size, small to large.
    Aerosol(5e-10, 4e-11, 1e-11, 1.2),  # sea salt
    Aerosol(3e-8, 2e-9, 1e-9, 1.0),
    Aerosol(3e-8, 1e-9, 3e-10, 0.7),
    Aerosol(2e-10, 1e-9, 1e-8, 3.0),  # desert dust
    Aerosol(6e-10, 3e-9, 4e-8, 2.6),
    Aerosol(5e-10, 3e-9, 5e-8, 2.2),
    Aerosol(4e-10, 3e-9, 1e-9, 2.2),  # hydrophilic organic matter
    Aerosol(1e-10, 7e-10, 3e-10, 3.0),  # hydrophobic organic matter
    Aerosol(5e-11, 2.5e-10, 1e-10, 2.5),  # black carbon
    Aerosol(1e-11, 1.5e-10, 5e-11, 1.5),
    Aerosol(4e-10, 1.2e-9, 6e-10, 2.5),  # ammonium sulphate
)
"""Tropospheric aerosols, as many as Bozzo et al. (2020, Geosci. Model Dev. 13, 1007) have."""
STRATOSPHERIC = 4e-11
"""Sulphate of the stratosphere, the last kind [kg/kg]."""


def aerosols(
    land: Tensor, desert: Tensor, height: Tensor, ground: Tensor, amount: Tensor
) -> list[Tensor]:
    """Return the mass mixing ratios of the kinds of the IFS [kg/kg], each (..., level).

    Parameters
    ----------
    land, desert : (...)
        Share of land, and of it that of deserts.
    height : (..., level)  [m]
        Above the ground.
    ground : (...)  [m]
        Height of the ground.
    amount : (..., kind)
        Factor on each tropospheric kind: its weather.
    """
    profiles = []
    for i, kind in enumerate(AEROSOLS):
        ashore = torch.lerp(kind.land * torch.ones_like(desert), kind.desert + 0 * desert, desert)
        surface = torch.lerp(kind.sea * torch.ones_like(land), ashore, land) * amount[..., i]
        thin = 0.002 + (-height / (1e3 * kind.depth)).exp()
        profiles.append(surface[..., None] * thin)
    sulphate = torch.sigmoid((height + ground[..., None] - 13e3) / 2e3) + 0.01
    return [*profiles, STRATOSPHERIC * sulphate]
