"""The COARE bulk algorithm for fluxes between air and sea (Fairall et al. 2003, Edson et al. 2013).

One loop for all versions: :data:`COARE36` is that of AeroBulk, :data:`NOAA36` that of NOAA's own
code, :data:`COARE30` the version of 2003.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GRAVITY, VON_KARMAN
from wmed.physics.constants import SALT_FACTOR
from wmed.physics.skin import Radiation, cool_skin
from wmed.physics.stability import psi_h_coare, psi_m_coare, stratify
from wmed.physics.surface_layer import (
    CALM,
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
from wmed.physics.thermodynamics import Saturation, air_viscosity

GUSTINESS = 1.2
BOUNDARY_LAYER = 600.0
"""Depth of the convective layer [m]."""


class Coare(NamedTuple):
    """What distinguishes the versions of COARE.

    Attributes
    ----------
    charnock : (slope, offset, least, most)
        Charnock parameter = slope * U10N + offset between two bounds (U10N: neutral wind at 10 m).
    scalar_roughness : (most, factor, exponent)
        z0t = z0q = min(most, factor * Re^-exponent), Re the roughness Reynolds number.
    stable_wind : (slope, bend)
        Of the stability function of the wind in stable air.
    lapse_rate : float or None
        [K/m]; None for that of AeroBulk, :attr:`.BulkState.lapse_rate`.
    saturation : {"goff", "buck"}
        Formula of the saturation vapour pressure.
    moist_heat_capacity : bool
        Whether vapour adds to the heat capacity of the air (AeroBulk) or not (NOAA).
    """

    charnock: tuple[float, float, float, float] = (0.0017, -0.005, 0.0, 0.028)
    scalar_roughness: tuple[float, float, float] = (1.6e-4, 5.8e-5, 0.72)
    stable_wind: tuple[float, float] = (1.0, 2 / 3)
    lapse_rate: float | None = None
    saturation: Saturation = "goff"
    moist_heat_capacity: bool = True


COARE36 = Coare()
"""COARE 3.6 of AeroBulk: Edson et al. (2013, eq. 13) for the Charnock parameter."""

NOAA36 = Coare(
    charnock=(0.0017, -0.005, -math.inf, 0.0273),
    stable_wind=(0.7, 0.75),
    lapse_rate=0.0098,
    saturation="buck",
    moist_heat_capacity=False,
)
"""COARE 3.6 of NOAA's Physical Sciences Laboratory; meant to be used with the cool skin."""

COARE30 = Coare(
    charnock=(0.000875, 0.00225, 0.011, 0.018),
    scalar_roughness=(1.1e-4, 5.5e-5, 0.6),
)
"""COARE 3.0 of AeroBulk (Fairall et al. 2003)."""


@by_field
@compiled_by("wmed.physics.coare_loops")
@in_blocks
def coare(
    state: BulkState,
    *,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    iterations: int = 10,
    version: Coare = COARE36,
    radiation: Radiation | None = None,
) -> BulkFluxes:
    """Turbulent fluxes over the sea by COARE.

    NaN gives NaN. Gradients are finite everywhere, calm and neutral air included.

    Parameters
    ----------
    state : BulkState
        Callers give its fields by name.
    z_wind, z_air : float
        Heights above the sea [m].
    iterations : int
        5 leave errors of 0.02 W/m2 (rms) in the latent heat flux, 10 leave 1e-4.
    version : Coare
        COARE36, NOAA36 or COARE30.
    radiation : Radiation, optional
        With it the sea has a cool skin (Fairall et al. 1996b).
    """
    lapse = state.lapse_rate if version.lapse_rate is None else version.lapse_rate

    def differences(skin: Tensor) -> tuple[Differences, Tensor]:
        difference = air_minus_sea(state, skin, z_air * lapse, SALT_FACTOR, version.saturation)
        return difference, buoyancy(difference, skin, state.specific_humidity)

    log_wind, log_air = math.log(z_wind), math.log(z_air)
    psi_m = partial(psi_m_coare, slope=version.stable_wind[0], bend=version.stable_wind[1])

    viscosity = air_viscosity(state.air_temperature)
    wind_squared, sst = state.wind_squared, state.sea_surface_temperature
    skin = sst if radiation is None else sst - 0.3
    difference, lightness = differences(skin)
    guess = first_guess(
        wind_squared,
        lightness,
        viscosity,
        _charnock(version, (wind_squared + 0.25).sqrt()).clamp_min(0),
        z_wind,
        z_air,
        psi_m,
    )
    ustar, log_z0 = guess.friction_velocity, guess.log_roughness
    transfer = VON_KARMAN / (
        log_air - guess.log_thermal_roughness - psi_h_coare(stratify(guess.zeta * (z_air / z_wind)))
    )

    thickness: Tensor | None = None
    for _ in range(iterations):
        buoyancy_scale = lightness * transfer
        inverse = VON_KARMAN * buoyancy_scale / ustar.square()
        at_wind = stratify(z_wind * inverse)
        at_air = at_wind if z_air == z_wind else stratify(z_air * inverse)
        gusts = gust_squared(buoyancy_scale, ustar, GUSTINESS, BOUNDARY_LAYER)
        bulk_wind = (wind_squared + gusts).clamp_min(CALM * CALM).sqrt()

        log_z0, log_z0t = _log_roughness(version, ustar, log_z0, viscosity)
        heat_factor = (log_air - log_z0t) - psi_h_coare(at_air)
        transfer = VON_KARMAN / heat_factor
        wind_transfer = VON_KARMAN / ((log_wind - log_z0) - psi_m(at_wind))
        ustar = bulk_wind * wind_transfer
        if radiation is not None:
            skin, thickness = cool_skin(
                radiation,
                state,
                skin_temperature=skin,
                thickness=thickness,
                friction_velocity=ustar,
                temperature_scale=transfer * difference.temperature,
                humidity_scale=transfer * difference.humidity,
            )
            difference, lightness = differences(skin)

    # Bring temperature and humidity to the height of the wind.
    rise: Tensor | float = 1.0
    humidity = state.specific_humidity
    if z_air != z_wind:
        wind_heat_factor = log_wind - log_z0t - psi_h_coare(at_wind)
        rise = wind_heat_factor / heat_factor
        humidity = humidity + difference.humidity * (rise - 1)
        heat_factor = wind_heat_factor
    coefficient = wind_transfer * VON_KARMAN / heat_factor
    return bulk_fluxes(
        state,
        bulk_wind=bulk_wind,
        coefficients=(wind_transfer * wind_transfer, coefficient, coefficient),
        difference=Differences(difference.temperature * rise, difference.humidity * rise),
        specific_humidity=humidity,
        skin_temperature=skin,
        friction_velocity=ustar,
        inverse_obukhov_length=inverse,
        roughness_length=log_z0.exp(),
        z_wind=z_wind,
        moist=version.moist_heat_capacity,
    )


def _log_roughness(
    version: Coare, ustar: Tensor, log_z0: Tensor, viscosity: Tensor
) -> tuple[Tensor, Tensor]:
    """Logarithms of the next z0 and z0t from u* [m/s] and the last z0 (Fairall 2003, eq. 6, 28)."""
    cap, factor, exponent = version.scalar_roughness
    charnock = _charnock(version, ustar * (math.log(10) - log_z0) * (1 / VON_KARMAN))
    smooth = 0.11 * viscosity / ustar
    log_z0 = torch.addcmul(smooth, charnock, ustar.square(), value=1 / GRAVITY).log()
    log_reynolds = log_z0 + torch.log(ustar / viscosity)
    log_z0t = torch.rsub(log_reynolds, math.log(factor), alpha=exponent)
    return log_z0, log_z0t.clamp_max(math.log(cap))


def _charnock(version: Coare, neutral_wind: Tensor) -> Tensor:
    """Charnock parameter [1] for this neutral wind at 10 m [m/s]."""
    slope, offset, least, most = version.charnock
    return torch.rsub(neutral_wind, offset, alpha=-slope).clamp(least, most)


coare36 = coare
coare30 = partial(coare, version=COARE30)
