"""What the exchange at the sea surface depends on, whatever way the grid and the observer turn.

Only differences between air and sea and scalars appear: they are the same for an observer who moves
with any current (Galilean invariance) and on a grid that is turned by any angle.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY
from ai4sim.variables import split_channels
from wmed.io.layout import PROFILES, RhoLayout
from wmed.nets.inputs import relative_wind
from wmed.physics.constants import SALT_FACTOR, VIRTUAL
from wmed.physics.surface_layer import LAPSE_RATE
from wmed.physics.thermodynamics import (
    air_density,
    air_temperature,
    latent_heat_of_vaporisation,
    saturation_specific_humidity,
    sea_level_pressure,
    specific_humidity,
)

GUSTS = 0.5
"""Wind speed [m/s] that convection makes up for where there is none: coefficients refer to
``sqrt(wind^2 + GUSTS^2)`` and so stay finite in a calm."""
PROFILE_FEATURES = 3
SURFACE_FEATURES = 8
SKY_FEATURES = 5


class SeaSurface(NamedTuple):
    """Both sides of the surface at some rho points, each entry of shape (row,).

    Attributes
    ----------
    wind_x, wind_y
        Lowest wind relative to the current, along xi and eta [m/s].
    speed
        Its size, at least :data:`GUSTS` [m/s].
    temperature, humidity, density, pressure
        Of the lowest air [K], [kg/kg], [kg/m3], [Pa].
    warmth
        Lowest air, brought down to the surface dry-adiabatically, minus the sea [K].
    moisture
        Specific humidity of the lowest air minus that of air saturated at the surface [kg/kg].
    latent_heat
        Of vaporisation [J/kg].
    sea_surface_temperature, cos_zenith, toa_shortwave
        As given [K], [1], [W/m2].
    """

    wind_x: Tensor
    wind_y: Tensor
    speed: Tensor
    temperature: Tensor
    humidity: Tensor
    density: Tensor
    pressure: Tensor
    warmth: Tensor
    moisture: Tensor
    latent_heat: Tensor
    sea_surface_temperature: Tensor
    cos_zenith: Tensor
    toa_shortwave: Tensor


def sea_surface(inputs: Tensor, layout: RhoLayout, height: Tensor) -> SeaSurface:
    """Compare air and sea.

    Parameters
    ----------
    inputs : (row, input channel)
        See :class:`.layout.RhoLayout`.
    layout : RhoLayout
    height : ()  [m]
        Of the lowest level.
    """
    named = split_channels(inputs, layout.inputs)
    sst, pressure = named["sea_surface_temperature"], named["pressure"][:, 0]
    temperature = air_temperature(named["potential_temperature"][:, 0], pressure)
    humidity = specific_humidity(named["mixing_ratio"][:, 0])
    density = air_density(temperature, humidity, pressure)
    surface_pressure = sea_level_pressure(pressure, temperature, humidity, height)
    x, y = relative_wind(inputs, layout)
    return SeaSurface(
        wind_x=x,
        wind_y=y,
        speed=torch.sqrt(x * x + y * y + GUSTS**2),
        temperature=temperature,
        humidity=humidity,
        density=density,
        pressure=surface_pressure,
        warmth=temperature + LAPSE_RATE * height - sst,
        moisture=humidity - saturation_specific_humidity(sst, surface_pressure, SALT_FACTOR),
        latent_heat=latent_heat_of_vaporisation(sst),
        sea_surface_temperature=sst,
        cos_zenith=named["cos_zenith"],
        toa_shortwave=named["toa_shortwave"],
    )


def surface_features(
    surface: SeaSurface, height: Tensor, strongest: Tensor | None = None
) -> Tensor:
    """Return what transfer coefficients depend on, all of order 1.

    Wind, stability (a bulk Richardson number, compressed, since it has no bounds) and temperature,
    which enters through viscosity and vapour pressure.

    Parameters
    ----------
    surface : SeaSurface
    height : ()  [m]
        Of the lowest level.
    strongest : ()  [m/s], optional
        Winds above this one look like it: what was learned is held, not continued.

    Returns
    -------
    (row, SURFACE_FEATURES)
    """
    buoyancy = surface.warmth / surface.temperature + VIRTUAL * surface.moisture
    richardson = GRAVITY * height * buoyancy / surface.speed**2
    speed = surface.speed if strongest is None else torch.minimum(surface.speed, strongest)
    return torch.stack(
        [
            speed.log() - 1.5,
            torch.asinh(30 * richardson),
            torch.asinh(300 * richardson) / 3,
            surface.warmth / 4,
            surface.moisture * 200 + 1,
            surface.temperature / 10 - 29,
            surface.sea_surface_temperature / 10 - 29,
            surface.humidity * 200 - 2,
        ],
        dim=-1,
    )


def profile_features(profiles: Tensor) -> Tensor:
    """Return what the radiation depends on along a column, of order 1.

    Parameters
    ----------
    profiles : (..., 5 level)
        The channels of :data:`.layout.PROFILES`.

    Returns
    -------
    (..., PROFILE_FEATURES, level)
        Relative humidity, potential temperature above that of the lowest level, mixing ratio.
    """
    _, _, theta, ratio, pressure = profiles.unflatten(-1, (len(PROFILES), -1)).unbind(-2)
    temperature = air_temperature(theta, pressure)
    humidity = specific_humidity(ratio)
    relative = humidity / saturation_specific_humidity(temperature, pressure, formula="buck")
    rises = theta - theta[..., :1]
    return torch.stack([2 * relative - 1, rises / 5, 100 * ratio - 0.5], dim=-2)


def sky_features(surface: SeaSurface) -> Tensor:
    """Return what the radiation depends on besides: the path of the sun, the air near the surface.

    Neither the sea nor the wind is among it: what comes down knows nothing of them.

    Returns
    -------
    (row, SKY_FEATURES)
    """
    up = surface.cos_zenith.clamp(min=0)
    return torch.stack(
        [
            2 * up - 1,
            (up + 0.05).log() / 2,
            surface.temperature / 10 - 29,
            surface.humidity * 200 - 2,
            surface.pressure / 500 - 202.6,
        ],
        dim=-1,
    )
