"""The bulk algorithm of ECMWF's Integrated Forecasting System, the IFS.

IFS documentation, part IV, chapter 3; Beljaars (1995), Q. J. R. Meteorol. Soc. 121.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GRAVITY, VON_KARMAN
from wmed.physics.constants import VIRTUAL
from wmed.physics.stability import psi_h_ecmwf, psi_m_ecmwf, stratify
from wmed.physics.surface_layer import (
    CALM,
    LAPSE_RATE,
    BulkFluxes,
    BulkState,
    Differences,
    air_minus_sea,
    bulk_fluxes,
    buoyancy,
    by_field,
    first_guess,
    gust_squared,
    in_blocks,
)
from wmed.physics.thermodynamics import air_viscosity

CHARNOCK = 0.018
GUSTINESS = 1.0
BOUNDARY_LAYER = 1000.0
"""Depth of the convective layer [m]."""
SMOOTH_MOMENTUM, SMOOTH_HEAT, SMOOTH_MOISTURE = 0.11, 0.40, 0.62
"""Roughness lengths of a smooth sea in units of nu / u* (IFS documentation, table 3.1)."""
STEEPEST = 200.0
"""|1 / L| is at most this [1/m]."""
MOST_STABLE = 5.0
"""zeta is at most this in the stability functions."""


@by_field
@compiled_by("wmed.physics.ecmwf_loops")
@in_blocks
def ecmwf(
    state: BulkState,
    *,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    iterations: int = 10,
    roughest: float = 1e-3,
) -> BulkFluxes:
    """Turbulent fluxes over the sea as in the IFS (Beljaars 1995), without a skin.

    The parameters are those of :func:`~wmed.physics.coare.coare`; it iterates for 1 / L; and:

    Parameters
    ----------
    roughest : float
        Roughness lengths are at most this [m]. AeroBulk has 1 mm, which is reached in a wind of
        18 m/s; the IFS has no such bound: ``inf`` for a sea that gets rougher in a storm.
    """
    surface = state.sea_surface_temperature
    difference = air_minus_sea(state, surface, z_air * state.lapse_rate)
    surface_humidity = state.specific_humidity - difference.humidity
    viscosity = air_viscosity(state.air_temperature)
    smooth, log_viscosity = SMOOTH_MOMENTUM * viscosity, viscosity.log()
    wind_squared = state.wind_squared
    log_roughest = math.log(roughest)
    log_heat, log_moisture = math.log(SMOOTH_HEAT), math.log(SMOOTH_MOISTURE)

    guess = first_guess(
        wind_squared,
        buoyancy(difference, surface, state.specific_humidity),
        viscosity,
        CHARNOCK,
        z_wind,
        z_air,
        psi_m_ecmwf,
    )
    log_z0 = guess.log_roughness
    log_z0t = log_z0q = guess.log_thermal_roughness
    profiles = _profiles(guess.zeta / z_wind, z_wind, z_air)
    momentum, heat = profiles.wind - log_z0, profiles.heat - log_z0t
    bulk_wind = (wind_squared + 0.25).sqrt()
    at_wind = difference

    for _ in range(iterations):
        if z_air != z_wind:
            at_wind = _raise(difference, profiles, log_z0t, log_z0q)
        excess = _virtual_excess(at_wind, surface, surface_humidity, z_wind)
        # zeta = Ri F_m^2 / F_h (eq. 3.23)
        inverse = (GRAVITY * excess * (momentum / bulk_wind).square() / heat).clamp(
            -STEEPEST, STEEPEST
        )
        profiles = _profiles(inverse, z_wind, z_air)
        ustar = VON_KARMAN * bulk_wind / (profiles.wind - log_z0)
        ustar_squared = ustar.square()
        z0 = torch.add(smooth / ustar, ustar_squared, alpha=CHARNOCK / GRAVITY)
        z0 = z0.clamp_max(roughest)
        log_z0 = z0.log()
        log_smooth = log_viscosity - ustar.log()
        log_z0t = (log_smooth + log_heat).clamp_max(log_roughest)
        log_z0q = (log_smooth + log_moisture).clamp_max(log_roughest)
        buoyancy_scale = ustar_squared * inverse / VON_KARMAN
        gusts = gust_squared(buoyancy_scale, ustar, GUSTINESS, BOUNDARY_LAYER)
        bulk_wind = (wind_squared + gusts).clamp_min(CALM * CALM).sqrt()
        momentum, heat = profiles.wind - log_z0, profiles.heat - log_z0t
    moisture = profiles.heat - log_z0q
    if z_air != z_wind:
        at_wind = _raise(difference, profiles, log_z0t, log_z0q)
    wind_transfer = VON_KARMAN / momentum
    return bulk_fluxes(
        state,
        bulk_wind=bulk_wind,
        coefficients=(
            wind_transfer * wind_transfer,
            wind_transfer * VON_KARMAN / heat,
            wind_transfer * VON_KARMAN / moisture,
        ),
        difference=at_wind,
        specific_humidity=surface_humidity + at_wind.humidity,
        skin_temperature=surface,
        friction_velocity=bulk_wind * wind_transfer,
        inverse_obukhov_length=inverse,
        roughness_length=z0,
        z_wind=z_wind,
    )


class _Profiles(NamedTuple):
    """log z - psi(z / L): of the wind and of heat at the height of the wind, of heat in the air.

    psi(z0 / L), which the IFS subtracts, is left out: below 1e-3 where these are 10.
    """

    wind: Tensor
    heat: Tensor
    heat_of_air: Tensor


def _profiles(inverse_length: Tensor, z_wind: float, z_air: float) -> _Profiles:
    """Profiles for this 1 / L [1/m]; the height of the air counts only where it is another one."""
    at_wind = stratify(z_wind * inverse_length, -math.inf, MOST_STABLE)
    wind = math.log(z_wind) - psi_m_ecmwf(at_wind)
    heat = math.log(z_wind) - psi_h_ecmwf(at_wind)
    if z_air == z_wind:
        return _Profiles(wind, heat, heat)
    at_air = stratify(z_air * inverse_length, -math.inf, MOST_STABLE)
    return _Profiles(wind, heat, math.log(z_air) - psi_h_ecmwf(at_air))


def _raise(
    difference: Differences, profiles: _Profiles, log_z0t: Tensor, log_z0q: Tensor
) -> Differences:
    """Differences at the height of the wind from those where the air was measured."""
    return Differences(
        difference.temperature * (profiles.heat - log_z0t) / (profiles.heat_of_air - log_z0t),
        difference.humidity * (profiles.heat - log_z0q) / (profiles.heat_of_air - log_z0q),
    )


def _virtual_excess(
    difference: Differences, surface: Tensor, surface_humidity: Tensor, height: float
) -> Tensor:
    """Relative excess of virtual potential temperature of the air over the sea surface [1]."""
    lightness = 1 + VIRTUAL * (surface_humidity + difference.humidity)
    excess = difference.temperature * lightness + VIRTUAL * surface * difference.humidity
    mean = surface * (1 + VIRTUAL * surface_humidity) + 0.5 * (
        excess - LAPSE_RATE * height * lightness
    )
    return excess / mean
