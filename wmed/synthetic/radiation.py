"""Clouds from the profile and from chance, and the radiation that reaches the sea.

- Cover: 1 - sqrt((1 - RH) / (1 - RHc)) (Sundqvist et al. 1989, Mon. Weather Rev. 117) of the
  dampest level of the boundary layer, less up to a fifth at random, and of the air above it after a
  random change of its humidity; and a veil of cirrus of which the lowest 1.5 km know nothing.
- Short wave at noon or any moment: clear sky after Zillman (1972),
  S cos^2 / (1.085 cos + e (2.7 + cos) 1e-5 + 0.10) with the vapour pressure e in Pa; clouds take at
  most 0.70 (low), 0.45 (middle) and 0.20 (cirrus) of it, the sea reflects 0.066.
- Long wave from the sky after Bignami et al. (1995), see :func:`wmed.physics.heat.sky_longwave`.

What the papers fitted to means of a day or an hour are values of a moment here. There is no
twilight and no diffuse light from neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.random_fields import rank
from wmed.physics.heat import net_shortwave, sky_longwave
from wmed.physics.thermodynamics import (
    air_temperature,
    saturation_specific_humidity,
    specific_humidity,
)
from wmed.synthetic.boundary_layer import LowestAir
from wmed.synthetic.weather import Weather

LOW_CRITICAL, MIDDLE_CRITICAL = 0.72, 0.52
"""Relative humidity from which there are clouds in the boundary layer, and above it."""


class Clouds(NamedTuple):
    """Cover, each (...), from 0 to 1."""

    low: Tensor
    middle: Tensor
    cirrus: Tensor


def clouds(air: Weather, profiles: LowestAir, heights: Tensor) -> Clouds:
    """Return the clouds of some columns, each (row, column)."""
    pressure = profiles.pressure
    temperature = air_temperature(profiles.potential_temperature, pressure)
    relative = specific_humidity(profiles.mixing_ratio) / saturation_specific_humidity(
        temperature, pressure
    )
    within = heights[:, None, None] <= profiles.depth.clamp(min=150)
    low = torch.where(within, relative, 0.0).amax(0)
    free = air.aloft + 0.10 * air.middle
    cirrus = 0.5 * (air.cirrus - 0.2).clamp(0, 2)
    return Clouds(
        _cover(low, LOW_CRITICAL) * (1 - 0.2 * rank(air.cirrus)),
        _cover(free, MIDDLE_CRITICAL),
        cirrus.clamp(max=1),
    )


def shortwave(toa: Tensor, cos_zenith: Tensor, vapour_pressure: Tensor, cover: Clouds) -> Tensor:
    """Return the net short-wave radiation into the sea [W/m2].

    Parameters
    ----------
    toa : (...)  [W/m2]
        On a level surface above the air.
    cos_zenith : (...)
    vapour_pressure : (...)  [Pa]
        Near the surface.
    cover : Clouds of (...)
    """
    mu = cos_zenith.clamp(min=0)
    clear = toa * mu / (1.085 * mu + vapour_pressure * (2.7 + mu) * 1e-5 + 0.10)
    kept = (1 - 0.70 * cover.low) * (1 - 0.45 * cover.middle) * (1 - 0.20 * cover.cirrus)
    return net_shortwave(clear * kept)


def downward_longwave(temperature: Tensor, vapour_pressure: Tensor, cover: Clouds) -> Tensor:
    """Return the long-wave radiation from the sky [W/m2].

    Parameters
    ----------
    temperature : (...)  [K]
        Near the surface.
    vapour_pressure : (...)  [Pa]
    cover : Clouds of (...)
    """
    total = 1 - (1 - cover.low) * (1 - cover.middle) * (1 - 0.4 * cover.cirrus)
    return sky_longwave(temperature, vapour_pressure, total)


def _cover(relative: Tensor, critical: float) -> Tensor:
    """Return the share of the sky that clouds cover, by the relative humidity [1]."""
    dryness = ((1 - relative) / (1 - critical)).clamp(0, 1)
    return 1 - dryness.sqrt()
