"""The cool skin: the uppermost millimetre of the sea, colder than the water below.

The sea gives off heat at its surface, but takes sunlight up in depth, so that a thin layer, where
heat is only conducted, is cooler by some 0.3 K (Fairall et al. 1996b, J. Geophys. Res. 101).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import (
    AEROBULK_HEAT_CAPACITY,
    AEROBULK_STEFAN_BOLTZMANN,
    GRAVITY,
    ZERO_CELSIUS,
)
from wmed.physics.surface_layer import BulkState
from wmed.physics.thermodynamics import air_density, latent_heat_of_vaporisation

WATER_DENSITY = 1022.0
WATER_HEAT_CAPACITY = 4000.0
WATER_VISCOSITY = 1e-6
WATER_CONDUCTIVITY = 0.6
"""Of sea water [kg/m3], [J/kg/K], [m2/s], [W/m/K]."""
SALINITY = 35.5
HALINE_CONTRACTION = 7.5e-4
"""[g/kg], and that of the density per g/kg."""
THICKEST = 0.01
"""[m]"""
FIRST_THICKNESS = 0.001
"""[m]"""


class Radiation(NamedTuple):
    """Radiation at the sea surface.

    Attributes
    ----------
    shortwave : Tensor
        Net, into the sea [W/m2].
    longwave : Tensor
        Downward [W/m2].
    emissivity : float
        Of the sea; NOAA's code has 0.97.
    """

    shortwave: Tensor
    longwave: Tensor
    emissivity: float = 0.97


def cool_skin(
    radiation: Radiation,
    state: BulkState,
    *,
    skin_temperature: Tensor,
    thickness: Tensor | None,
    friction_velocity: Tensor,
    temperature_scale: Tensor,
    humidity_scale: Tensor,
) -> tuple[Tensor, Tensor]:
    """Next estimate of the temperature [K] and the thickness [m] of the cool skin.

    Fairall et al. (1996b), eq. 4, 12-14, 17, with the absorption of sunlight of Wick et al. (2005).

    Parameters
    ----------
    radiation : Radiation
    state : BulkState
    skin_temperature : [K]
        Of the last estimate.
    thickness : [m]
        Of the last estimate; None for a first guess.
    friction_velocity, temperature_scale, humidity_scale
        u* [m/s], theta* [K], q* [kg/kg] of the air.
    """
    density = air_density(state.air_temperature, state.specific_humidity, state.pressure)
    sea_surface_temperature = state.sea_surface_temperature
    vaporisation = latent_heat_of_vaporisation(sea_surface_temperature)
    mass_flux = density * friction_velocity
    latent = -mass_flux * vaporisation * humidity_scale
    emitted = AEROBULK_STEFAN_BOLTZMANN * skin_temperature.square().square()
    loss = (
        radiation.emissivity * (emitted - radiation.longwave)
        - mass_flux * AEROBULK_HEAT_CAPACITY * temperature_scale
        + latent
    )
    if thickness is None:
        thickness = torch.full_like(loss, FIRST_THICKNESS)
    share = 0.065 + 11 * thickness + 6.6e-5 / thickness * torch.expm1(-thickness / 8e-4)
    # The fit is negative for skins below 0.35 mm, which take up nothing.
    cooling = loss - share.clamp_min(0) * radiation.shortwave

    expansion = _thermal_expansion(sea_surface_temperature - ZERO_CELSIUS)
    sinking = (
        expansion * cooling
        + HALINE_CONTRACTION * SALINITY * WATER_HEAT_CAPACITY * latent / vaporisation
    )
    # Convection in the skin works against the wind's shear (Saunders' constant, eq. 13 and 14).
    scale = (
        16 * GRAVITY * WATER_HEAT_CAPACITY * (WATER_DENSITY * WATER_VISCOSITY) ** 3
    ) / WATER_CONDUCTIVITY**2
    convection = scale * sinking.clamp_min(1e-9) / (density.square() * friction_velocity**4)
    saunders = 6 / (1 + convection**0.75) ** (1 / 3)
    sublayer = WATER_VISCOSITY / (torch.sqrt(density / WATER_DENSITY) * friction_velocity)
    thickness = torch.where(sinking > 0, saunders * sublayer, (6 * sublayer).clamp_max(THICKEST))
    return sea_surface_temperature - cooling * thickness / WATER_CONDUCTIVITY, thickness


def _thermal_expansion(warmth: Tensor) -> Tensor:
    """Thermal expansion of sea water of this temperature [deg C], [1/K]."""
    salty = 2.1e-5 * (warmth + 3.2).clamp_min(0.1) ** 0.79
    fresh = (2.2 * (warmth - 1).clamp_min(0.1) ** 0.82 - 5) * 1e-5
    return torch.lerp(fresh, salty, SALINITY / 35)
