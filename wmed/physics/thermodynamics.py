"""Moist air near the sea: humidity, temperature, density, and what they follow from."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ai4sim.physics.constants import (
    AEROBULK_GAS_CONSTANT,
    AEROBULK_HEAT_CAPACITY,
    GRAVITY,
    HEAT_CAPACITY_VAPOUR,
    REFERENCE_PRESSURE,
    ZERO_CELSIUS,
)
from wmed.physics.constants import KAPPA, VAPOUR_RATIO, VIRTUAL

_LN10 = math.log(10)
COLDEST = 180.0
"""Below this temperature [K] saturation is that of this temperature: no overflow on land, where
files hold nonsense."""

Saturation = Literal["goff", "buck"]
"""Formula of the saturation vapour pressure: Goff (1957), as the WMO recommends, but centred on
0 deg C as in AeroBulk; or Buck (1981) with the enhancement by pressure, as in NOAA's COARE, which
gives 0.4 % more."""


def saturation_vapour_pressure(
    temperature: Tensor, pressure: Tensor, formula: Saturation = "goff"
) -> Tensor:
    """Vapour pressure of air that is saturated over fresh water [Pa], at most the pressure.

    Parameters
    ----------
    temperature : [K]
    pressure : [Pa]
    formula : {"goff", "buck"}
        Goff (1957) or Buck (1981, their eq. 8 and enhancement factor).
    """
    warmth = temperature.clamp_min(COLDEST) - ZERO_CELSIUS
    if formula == "buck":
        enhancement = 1.0007 + 3.46e-8 * pressure
        saturation = 611.21 * enhancement * torch.exp(17.502 * warmth / (warmth + 240.97))
    else:
        # Written with the distance from 0 deg C, so that float32 keeps its digits.
        ratio = warmth / ZERO_CELSIUS
        share = ratio / (1 + ratio)
        exponent = (
            10.79574 * share
            - 5.028 / _LN10 * torch.log1p(ratio)
            - 1.50475e-4 * torch.expm1(-8.2969 * _LN10 * ratio)
            + 0.42873e-3 * torch.expm1(4.76955 * _LN10 * share)
            + 0.78614
        )
        saturation = 100 * torch.exp(_LN10 * exponent)
    return torch.minimum(saturation, pressure)


def saturation_specific_humidity(
    temperature: Tensor, pressure: Tensor, salt: float = 1.0, formula: Saturation = "goff"
) -> Tensor:
    """Specific humidity of saturated air [kg/kg], over sea water with ``salt`` 0.98.

    Parameters
    ----------
    temperature : [K]
    pressure : [Pa]
    salt : float
        Factor on the result for the salt in the water.
    formula : {"goff", "buck"}
    """
    vapour = saturation_vapour_pressure(temperature, pressure, formula)
    return salt * specific_humidity_of_vapour(vapour, pressure)


def specific_humidity_of_vapour(vapour_pressure: Tensor, pressure: Tensor) -> Tensor:
    """Specific humidity [kg/kg] of air with this vapour pressure [Pa]."""
    return VAPOUR_RATIO * vapour_pressure / (pressure - (1 - VAPOUR_RATIO) * vapour_pressure)


def vapour_pressure(humidity: Tensor, pressure: Tensor) -> Tensor:
    """Vapour pressure [Pa] of air of this specific humidity [kg/kg] and pressure [Pa]."""
    return humidity * pressure / (VAPOUR_RATIO + (1 - VAPOUR_RATIO) * humidity)


def specific_humidity(mixing_ratio: Tensor) -> Tensor:
    """Vapour per moist air [kg/kg] from vapour per dry air [kg/kg]."""
    return mixing_ratio / (1 + mixing_ratio)


def air_temperature(potential_temperature: Tensor, pressure: Tensor) -> Tensor:
    """Temperature [K] of air of this potential temperature [K] at this pressure [Pa]."""
    return potential_temperature * (pressure / REFERENCE_PRESSURE) ** KAPPA


def air_density(temperature: Tensor, humidity: Tensor, pressure: Tensor) -> Tensor:
    """Density [kg/m3] of air of this temperature [K], specific humidity and pressure [Pa]."""
    return pressure / (AEROBULK_GAS_CONSTANT * temperature * (1 + VIRTUAL * humidity))


def sea_level_pressure(
    pressure: Tensor, temperature: Tensor, humidity: Tensor, height: float | Tensor = 10.0
) -> Tensor:
    """Pressure at sea level [Pa] from that at a height, hydrostatic.

    Parameters
    ----------
    pressure, temperature, humidity
        At ``height`` [Pa], [K], specific [kg/kg].
    height : float or ()
        Above the sea [m].
    """
    scale = AEROBULK_GAS_CONSTANT * temperature * (1 + VIRTUAL * humidity) / GRAVITY
    return pressure * torch.exp(height / scale)


def latent_heat_of_vaporisation(temperature: Tensor) -> Tensor:
    """Heat that evaporates water of this temperature [K], per mass [J/kg]."""
    return 2.501e6 - 2370.0 * (temperature - ZERO_CELSIUS)


def heat_capacity(humidity: Tensor) -> Tensor:
    """Heat capacity of moist air at constant pressure [J/kg/K], per mass of dry air."""
    return AEROBULK_HEAT_CAPACITY + HEAT_CAPACITY_VAPOUR * humidity


def air_viscosity(temperature: Tensor) -> Tensor:
    """Kinematic viscosity of air [m2/s] at this temperature [K] (Andreas 1989)."""
    warmth = temperature - ZERO_CELSIUS
    return 1.326e-5 * (1 + warmth * (6.542e-3 + warmth * (8.301e-6 - 4.84e-9 * warmth)))
