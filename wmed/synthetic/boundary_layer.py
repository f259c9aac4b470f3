"""Profiles of the lowest 1.5 km of air that fit its state at 10 m, the surface and the wind aloft.

- Surface layer: Monin-Obukhov similarity with the scales and stability functions of COARE (Fairall
  et al. 2003), up to a tenth of the boundary layer where that is convective, up to its top where it
  is stable.
- Depth h: 0.2 u*/f in neutral air (Zilitinkevich 1972, Boundary-Layer Meteorol. 3, for the form),
  1/h^2 = (f / 0.2 u*)^2 + f / (0.16 u* L) in stable air, deeper with the buoyancy flux in unstable
  air; times a random factor; at most a tenth beyond the lifting condensation level.
- Above the surface layer potential temperature and humidity are mixed in unstable air. At h there
  is an inversion, stronger under a high and where warmer air from the land lies above; beyond it 4
  K/km. There the humidity is that of the free air.
- The wind turns and grows from that of the surface layer to that aloft, which it has from h on.
- Pressure is hydrostatic: d Pi / dz = -g / (cp theta_v), by the trapezoidal rule.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import (
    AEROBULK_HEAT_CAPACITY,
    GRAVITY,
    REFERENCE_PRESSURE,
    VON_KARMAN,
    ZERO_CELSIUS,
)
from wmed.physics.bulk import coare36
from wmed.physics.constants import KAPPA, VIRTUAL
from wmed.physics.stability import psi_h_coare, psi_m_coare, stratify
from wmed.physics.thermodynamics import (
    air_density,
    air_temperature,
    latent_heat_of_vaporisation,
    saturation_specific_humidity,
)
from wmed.synthetic.weather import Weather

LAPSE = 0.004
"""Potential temperature of the free air grows by this [K/m]."""
SHALLOW, DEEP = 70.0, 1500.0
"""Bounds of the depth of the boundary layer [m]."""


class LowestAir(NamedTuple):
    """Profiles, each (level, row, column), float64, and what they were made with.

    Attributes
    ----------
    wind_x, wind_y : [m/s]
        To the east and north.
    potential_temperature : [K]
    mixing_ratio : [kg/kg]
    pressure : [Pa]
    depth : (row, column)  [m]
        Of the boundary layer.
    zeta : (row, column)
        10 m over the Obukhov length: positive in stable air.
    """

    wind_x: Tensor
    wind_y: Tensor
    potential_temperature: Tensor
    mixing_ratio: Tensor
    pressure: Tensor
    depth: Tensor
    zeta: Tensor


class Scales(NamedTuple):
    """Scales of the surface layer, each (row, column): u* [m/s], theta* [K], q*, 1/L [1/m]."""

    ustar: Tensor
    theta: Tensor
    humidity: Tensor
    inverse_length: Tensor


def columns(air: Weather, heights: Tensor, coriolis: Tensor) -> LowestAir:
    """Return the profiles over a grid.

    Parameters
    ----------
    air : Weather
    heights : (level,)  [m]
        The first one is 10.
    coriolis : (row, 1)  [1/s]
    """
    z = heights[:, None, None]
    scales = surface_layer_scales(air)
    depth = boundary_layer_depth(scales, coriolis, air.depth)
    depth = torch.minimum(depth, (1.1 * condensation_level(air)).clamp(min=150))
    unstable = scales.inverse_length <= 0
    # Similarity ends here; in stable air it is the whole layer.
    surface_layer = torch.where(unstable, 0.1 * depth, depth).clamp(min=10)
    reach = torch.minimum(z, surface_layer)
    log = torch.log(reach / 10)
    zeta, zeta10 = stratify(reach * scales.inverse_length), stratify(10 * scales.inverse_length)
    heat = (log - psi_h_coare(zeta) + psi_h_coare(zeta10)) / VON_KARMAN
    momentum = (log - psi_m_coare(zeta) + psi_m_coare(zeta10)) / VON_KARMAN
    mixed = air.temperature + (scales.theta * heat).clamp(-4, 6)
    change = scales.humidity * heat / air.humidity
    humidity = air.humidity * (1 + change.clamp(-0.15, 0.15))

    top = mixed[-1]
    inversion = 1.2 + 0.0007 * (air.pressure - 101_300) + 0.6 * air.inversion
    inversion = torch.maximum(inversion.clamp(0.3, 5.0), air.source + 0.5 - top)
    above = _smoothstep((z - depth) / (80 + 0.25 * depth))
    theta = mixed + above * inversion + LAPSE * (z - depth).clamp(min=0)

    exner0 = (air.pressure / REFERENCE_PRESSURE) ** KAPPA
    pressure = _hydrostatic(exner0, theta, heights)
    saturated = saturation_specific_humidity(air_temperature(theta, pressure), pressure)
    free = torch.minimum(air.aloft * saturated, 0.95 * humidity[-1])
    # What comes down from above the inversion dries the layer, most of all near its top.
    entrained = 0.3 * (z / depth).clamp(max=1)
    humidity = humidity + torch.maximum(above, entrained) * (free - humidity)
    humidity = torch.minimum(humidity, 0.985 * saturated)
    virtual = theta * (1 + VIRTUAL * humidity)
    pressure = _hydrostatic(exner0, virtual, heights)

    wind_x, wind_y = _wind(air, scales.ustar * momentum, z, depth)
    return LowestAir(
        wind_x=wind_x,
        wind_y=wind_y,
        potential_temperature=theta,
        mixing_ratio=humidity / (1 - humidity),
        pressure=pressure,
        depth=depth,
        zeta=10 * scales.inverse_length,
    )


def _wind(air: Weather, excess: Tensor, z: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the wind of the columns to the east and north, each (level, row, column) [m/s].

    Parameters
    ----------
    air : Weather
    excess : (level, row, column)  [m/s]
        By how much the wind is faster than at 10 m, by similarity.
    z : (level, 1, 1)  [m]
    depth : (row, column)  [m]
        Of the boundary layer.
    """
    speed10 = (air.wind_x**2 + air.wind_y**2).sqrt().clamp(min=0.1)
    speed_top = (air.top_x**2 + air.top_y**2).sqrt()
    growth = torch.minimum(1 + excess / speed10, (1.1 * speed_top / speed10).clamp(min=1))
    turned = _smoothstep(z / depth.clamp(min=200))
    sheared = 1 + air.shear * (z - depth).clamp(min=0)
    return (
        (1 - turned) * growth * air.wind_x + turned * sheared * air.top_x,
        (1 - turned) * growth * air.wind_y + turned * sheared * air.top_y,
    )


def surface_layer_scales(air: Weather) -> Scales:
    """Return the scales of turbulence that COARE finds, over land as if it were sea."""
    temperature = air_temperature(air.temperature, air.pressure) - 0.0098 * 10
    fluxes = coare36(
        wind_x=air.wind_x,
        wind_y=air.wind_y,
        air_temperature=temperature,
        specific_humidity=air.humidity,
        pressure=air.pressure,
        sea_surface_temperature=air.surface,
        iterations=5,
    )
    ustar = fluxes.friction_velocity.clamp(min=0.01)
    mass = air_density(temperature, air.humidity, air.pressure) * ustar
    return Scales(
        ustar,
        fluxes.sensible / (mass * AEROBULK_HEAT_CAPACITY),
        fluxes.latent / (mass * latent_heat_of_vaporisation(air.surface)),
        fluxes.inverse_obukhov_length,
    )


def condensation_level(air: Weather) -> Tensor:
    """Return the height where air lifted from 10 m forms clouds (Lawrence 2005, eq. 24) [m]."""
    temperature = air_temperature(air.temperature, air.pressure)
    relative = air.humidity / saturation_specific_humidity(temperature, air.pressure)
    warmth = temperature - ZERO_CELSIUS
    return (20 + warmth / 5).clamp(min=15) * 100 * (1 - relative)


def boundary_layer_depth(scales: Scales, coriolis: Tensor, random: Tensor) -> Tensor:
    """Return the depth of the boundary layer, (row, column) [m].

    Parameters
    ----------
    scales : Scales
    coriolis : (row, 1)  [1/s]
    random : (row, column)
        Normally distributed.
    """
    stable = scales.inverse_length.clamp(min=0)
    neutral = (coriolis / (0.2 * scales.ustar)) ** 2
    depth = (neutral + coriolis * stable / (0.16 * scales.ustar)).rsqrt()
    buoyancy = -(scales.ustar**3) * scales.inverse_length.clamp(max=0) / VON_KARMAN
    depth = depth + 900 * (1 - torch.exp(-buoyancy / 3e-3))
    return (depth * torch.exp(0.15 * random)).clamp(SHALLOW, DEEP)


def _hydrostatic(exner0: Tensor, virtual: Tensor, heights: Tensor) -> Tensor:
    """Return the pressure of a profile of virtual potential temperature, (level, ...) [Pa]."""
    slope = GRAVITY / AEROBULK_HEAT_CAPACITY / virtual
    first = slope[:1] * heights[0]
    steps = (slope[1:] + slope[:-1]) / 2 * heights.diff()[:, None, None]
    exner = exner0 - torch.cumsum(torch.cat([first, steps]), dim=0)
    return REFERENCE_PRESSURE * exner ** (1 / KAPPA)


def _smoothstep(x: Tensor) -> Tensor:
    """Rise from 0 where x is 0 to 1 where it is 1, without a kink."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)
