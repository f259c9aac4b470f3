"""The bulk algorithm of NCAR for ocean models (Large & Yeager 2009, Clim. Dyn. 33).

Neutral transfer coefficients at 10 m are functions of the neutral wind there. In the form of the
other algorithms, C = (kappa / F_m) (kappa / F), those of heat and moisture are constant neutral
factors F: their roughness does not depend on the wind.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GRAVITY, VON_KARMAN
from wmed.physics.constants import VIRTUAL
from wmed.physics.stability import psi_h_ncar, psi_m_ncar, stratify
from wmed.physics.surface_layer import (
    BulkFluxes,
    BulkState,
    Differences,
    air_minus_sea,
    bulk_fluxes,
    by_field,
    in_blocks,
)

HEAT_UNSTABLE, HEAT_STABLE, MOISTURE = (VON_KARMAN / value for value in (0.0327, 0.0180, 0.0346))
"""Neutral factors at 10 m (eq. 9, 12, 13)."""
WEAKEST, WEAKEST_NEUTRAL = 0.5, 0.25
"""Least wind and least neutral wind [m/s]."""
STEEPEST = 10.0
"""|z / L| is at most this."""


@by_field
@compiled_by("wmed.physics.ncar_loops")
@in_blocks
def ncar(
    state: BulkState,
    *,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    iterations: int = 10,
) -> BulkFluxes:
    """Turbulent fluxes over the sea as in NCAR's ocean models, without gusts.

    The transfer of heat jumps by 80 % where the air becomes stable: that is how it was fitted. The
    parameters are those of :func:`~wmed.physics.coare.coare`; it iterates for 1 / L.
    """
    surface, humidity = state.sea_surface_temperature, state.specific_humidity
    difference = air_minus_sea(state, surface, z_air * state.lapse_rate)
    heat_buoyancy = GRAVITY * difference.temperature / (surface + difference.temperature)
    moisture_buoyancy = GRAVITY * VIRTUAL * difference.humidity / (1 + VIRTUAL * humidity)
    wind = state.wind_squared.clamp_min(WEAKEST**2).sqrt()
    above_wind, above_air = math.log(z_wind / 10), math.log(z_air / 10)

    neutral = VON_KARMAN / _neutral_drag(wind).sqrt()
    momentum = neutral + above_wind
    heat = _neutral_heat(heat_buoyancy + moisture_buoyancy) + above_air
    moisture = torch.full_like(heat, MOISTURE + above_air)
    for _ in range(iterations):
        # kappa b* / u*^2
        inverse = (heat_buoyancy / heat + moisture_buoyancy / moisture) * (momentum / wind).square()
        at_wind = stratify(z_wind * inverse, -STEEPEST, STEEPEST)
        at_air = at_wind if z_air == z_wind else stratify(z_air * inverse, -STEEPEST, STEEPEST)
        shift = above_wind - psi_m_ncar(at_wind)
        neutral_wind = wind * (1 - shift / momentum)
        neutral = VON_KARMAN / _neutral_drag(neutral_wind.clamp_min(WEAKEST_NEUTRAL)).sqrt()
        momentum = neutral + shift
        scalar_shift = above_air - psi_h_ncar(at_air)
        neutral_heat = _neutral_heat(inverse)
        heat, moisture = neutral_heat + scalar_shift, MOISTURE + scalar_shift

    # Bring temperature and humidity to the height of the wind.
    rise = (above_wind - psi_h_ncar(at_wind)) - scalar_shift
    raised = Differences(
        difference.temperature * (1 + rise / heat), difference.humidity * (1 + rise / moisture)
    )
    wind_transfer = VON_KARMAN / momentum
    return bulk_fluxes(
        state,
        bulk_wind=wind,
        coefficients=(
            wind_transfer.square(),
            wind_transfer * VON_KARMAN / (heat + rise),
            wind_transfer * VON_KARMAN / (moisture + rise),
        ),
        difference=raised,
        specific_humidity=humidity + raised.humidity - difference.humidity,
        skin_temperature=surface,
        friction_velocity=wind * wind_transfer,
        inverse_obukhov_length=inverse,
        roughness_length=10 * torch.exp(-neutral),
        z_wind=z_wind,
    )


def _neutral_drag(wind: Tensor) -> Tensor:
    """Drag coefficient at 10 m for a neutral wind [m/s] (eq. 11a, 11b)."""
    wind = wind.clamp_max(33)  # where the polynomial is 2.34e-3, the value for stronger winds
    cube = wind * wind.square()
    return 1e-3 * (2.7 / wind + 0.142 + wind / 13.09 - 3.14807e-10 * cube.square())


def _neutral_heat(stability: Tensor) -> Tensor:
    """Neutral factor of heat, by the sign of the stability (eq. 12)."""
    unstable = (stability < 0).to(stability.dtype)
    return HEAT_STABLE + (HEAT_UNSTABLE - HEAT_STABLE) * unstable
