"""What the bulk algorithms share: the air-sea differences, a first guess and the fluxes.

The algorithms look for the three scales of turbulence u*, theta*, q*. Here a profile is described
by its factor F = log(z / z0) - psi(z / L): u* = kappa U / F_m and theta* = kappa dtheta / F_h.
Differences between air and sea are built as sums of small terms, never as differences of large
ones, so that float32 loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import AEROBULK_HEAT_CAPACITY, GRAVITY, VON_KARMAN
from wmed.physics.constants import SALT_FACTOR, VAPOUR_RATIO, VIRTUAL
from wmed.physics.stability import Stratification, stratify
from wmed.physics.thermodynamics import (
    Saturation,
    air_density,
    heat_capacity,
    latent_heat_of_vaporisation,
    saturation_specific_humidity,
)

LAPSE_RATE = GRAVITY / AEROBULK_HEAT_CAPACITY
"""Dry adiabatic [K/m]."""
CALM = 0.2
"""Least wind speed, gusts included [m/s]."""
SMALLEST_COEFFICIENT = 1e-4
"""Least transfer coefficient, in strongly stable air."""
LIGHTEST = 1.0
"""Least air density in the fluxes [kg/m3]: profiles that are extrapolated upwards in strongly
stable air can be much too warm."""
BLOCK = 32768
"""Points at a time on a CPU, so that what is worked on stays in the cache."""


class BulkState(NamedTuple):
    """Air and sea as a bulk algorithm sees them, of one shape and dtype.

    Attributes
    ----------
    wind_x, wind_y : Tensor
        Wind minus current at ``z_wind`` [m/s].
    air_temperature : Tensor
        At ``z_air`` [K], not potential.
    specific_humidity : Tensor
        At ``z_air`` [kg/kg].
    pressure : Tensor
        At sea level [Pa].
    sea_surface_temperature : Tensor
        Of the bulk of the water [K].
    """

    wind_x: Tensor
    wind_y: Tensor
    air_temperature: Tensor
    specific_humidity: Tensor
    pressure: Tensor
    sea_surface_temperature: Tensor

    @property
    def wind_squared(self) -> Tensor:
        """The square of the wind's speed [m2/s2]."""
        return self.wind_x.square() + self.wind_y.square()

    @property
    def lapse_rate(self) -> Tensor:
        """How fast air cools on its way up from the sea, as AeroBulk has it [K/m].

        AeroBulk weighs the molar masses of dry air and of vapour with the relative humidity, where
        the share of vapour belongs. That takes 0.03 K from the potential temperature at 10 m. It is
        kept, since fluxes of AeroBulk are what surrogates here learn.
        """
        saturation = saturation_specific_humidity(self.air_temperature, self.pressure)
        relative = self.specific_humidity / saturation
        return LAPSE_RATE * (1 - (1 - VAPOUR_RATIO) * relative)


class BulkFluxes(NamedTuple):
    """Fluxes between air and sea and what they were made of; all of the shape of the input.

    Attributes
    ----------
    tau_x, tau_y : Tensor
        Wind stress, along the relative wind [N/m2].
    latent, sensible : Tensor
        Heat fluxes into the sea [W/m2]: negative where the sea loses heat.
    evaporation : Tensor
        Water that leaves the sea [kg/m2/s].
    friction_velocity : Tensor
        u* [m/s].
    inverse_obukhov_length : Tensor
        1 / L [1/m], 0 in neutral air.
    roughness_length : Tensor
        z0 [m].
    cd, ch, ce : Tensor
        Transfer coefficients of momentum, heat and moisture at the height of the wind [1].
    bulk_wind : Tensor
        Speed of the relative wind with gusts [m/s].
    skin_temperature : Tensor
        Temperature of the water that the air touches [K].
    """

    tau_x: Tensor
    tau_y: Tensor
    latent: Tensor
    sensible: Tensor
    evaporation: Tensor
    friction_velocity: Tensor
    inverse_obukhov_length: Tensor
    roughness_length: Tensor
    cd: Tensor
    ch: Tensor
    ce: Tensor
    bulk_wind: Tensor
    skin_temperature: Tensor


def by_field(algorithm: Callable[..., BulkFluxes]) -> Callable[..., BulkFluxes]:
    """Give a bulk algorithm of a state the fields of the state by name.

    Raises
    ------
    ValueError
        From the algorithm that is returned: fewer than one iteration, or the fields have different
        shapes.
    """

    @wraps(algorithm)
    def named(**arguments: Any) -> BulkFluxes:
        options = {k: value for k, value in arguments.items() if k not in BulkState._fields}
        state = BulkState(**{k: value for k, value in arguments.items() if k not in options})
        if options.get("iterations", 1) < 1:
            raise ValueError(f"iterations: at least 1 expected, found {options['iterations']}")
        if len({value.shape for value in state}) != 1:
            shapes = ", ".join(f"{k} {tuple(value.shape)}" for k, value in state._asdict().items())
            raise ValueError(f"fields of one shape expected, found {shapes}")
        return algorithm(state, **options)

    return named


def in_blocks(algorithm: Callable[..., BulkFluxes]) -> Callable[..., BulkFluxes]:
    """Give a bulk algorithm in PyTorch its state in blocks of :data:`BLOCK` points.

    Blocks are a third faster on a CPU, and take little memory beyond the results. There are none
    where gradients are wanted, nor with a cool skin.
    """

    @wraps(algorithm)
    def blockwise(state: BulkState, **options: Any) -> BulkFluxes:
        whole = any(value.requires_grad for value in state) and torch.is_grad_enabled()
        shape = state.pressure.shape
        on_cpu = all(value.device.type == "cpu" for value in state)
        skin = options.get("radiation") is not None
        if whole or not on_cpu or shape.numel() <= 2 * BLOCK or skin:
            return algorithm(state, **options)
        pieces = zip(*(value.reshape(-1).split(BLOCK) for value in state), strict=True)
        results = [algorithm(BulkState(*piece), **options) for piece in pieces]
        return BulkFluxes(
            *(torch.cat(values).reshape(shape) for values in zip(*results, strict=True))
        )

    return blockwise


class Differences(NamedTuple):
    """Air minus sea, of potential temperature [K] and of specific humidity [kg/kg]."""

    temperature: Tensor
    humidity: Tensor


def air_minus_sea(
    state: BulkState,
    skin_temperature: Tensor,
    warming: Tensor | float,
    salt: float = SALT_FACTOR,
    formula: Saturation = "goff",
) -> Differences:
    """Differences of potential temperature and humidity between the air and the sea surface.

    Parameters
    ----------
    state : BulkState
    skin_temperature : [K]
    warming : [K]
        Potential temperature minus temperature of the air.
    salt : float
        Saturation over the sea against that over fresh water.
    formula : {"goff", "buck"}
        Of the saturation vapour pressure.
    """
    saturation = saturation_specific_humidity(skin_temperature, state.pressure, salt, formula)
    return Differences(
        (state.air_temperature - skin_temperature) + warming, state.specific_humidity - saturation
    )


def buoyancy(difference: Differences, skin_temperature: Tensor, humidity: Tensor) -> Tensor:
    """Buoyancy of the air over the sea surface, g times the relative virtual excess [m/s2].

    Positive where the air is lighter than what lies on the sea, that is in stable air.
    """
    temperature = skin_temperature + difference.temperature
    return GRAVITY * (
        difference.temperature / temperature
        + VIRTUAL * difference.humidity / (1 + VIRTUAL * humidity)
    )


def gust_squared(
    buoyancy_flux: Tensor, friction_velocity: Tensor, beta: float, depth: float
) -> Tensor:
    """Square of the wind that convection adds, (beta w*)^2 [m2/s2] (Fairall et al. 2003, eq. 8).

    Parameters
    ----------
    buoyancy_flux : [m/s2]
        Scale of buoyancy b*, negative where the air rises.
    friction_velocity : [m/s]
    beta : float
        Gustiness parameter.
    depth : float
        Of the boundary layer [m].
    """
    # The cube root has an infinite slope at 0: 1e-6 is a gust of 1 cm/s, its slope is finite.
    cube = (-depth * buoyancy_flux * friction_velocity).clamp_min(1e-6)
    # beta^2 cube^(2/3), twice as fast as a power
    return torch.exp(torch.rsub(torch.log(cube), 2 * math.log(beta), alpha=-2 / 3))


class Guess(NamedTuple):
    """First guess: u* [m/s], log z0, log z0t and zeta at the height of the wind."""

    friction_velocity: Tensor
    log_roughness: Tensor
    log_thermal_roughness: Tensor
    zeta: Tensor


def first_guess(
    wind_squared: Tensor,
    air_buoyancy: Tensor,
    viscosity: Tensor,
    charnock: Tensor | float,
    z_wind: float,
    z_air: float,
    psi_m: Callable[[Stratification], Tensor],
) -> Guess:
    """Scales from the bulk Richardson number (Grachev & Fairall 1997; Fairall et al. 2003).

    Parameters
    ----------
    wind_squared : [m2/s2]
    air_buoyancy : [m/s2]
        Of :func:`buoyancy`.
    viscosity : [m2/s]
    charnock : Tensor or float
        Charnock parameter.
    z_wind, z_air : float
        Heights of wind and of temperature and humidity [m].
    psi_m : callable
        Stability function of the wind.
    """
    square = wind_squared + 0.25
    wind = square.sqrt()
    ustar = 0.035 * math.log(10 / 1e-4) / math.log(z_wind / 1e-4) * wind
    log_z0 = torch.log(charnock * ustar * ustar / GRAVITY + 0.11 * viscosity / ustar)
    factor = math.log(z_wind) - log_z0
    log_z0t = math.log(10) - VON_KARMAN**2 / 0.00115 / (math.log(10) - log_z0)
    slope = factor * factor / (math.log(z_air) - log_z0t)
    richardson = z_wind * air_buoyancy / square
    unstable, stable = richardson.clamp_max(0), richardson.clamp(0, 10)
    saturation = -0.004 * 600 * 1.2**3 / z_wind
    zeta = slope * unstable / (1 + saturation * unstable) + stable * (slope + 3 * stable)
    zeta = zeta.clamp(-50, 50)
    return Guess(VON_KARMAN * wind / (factor - psi_m(stratify(zeta))), log_z0, log_z0t, zeta)


def bulk_fluxes(
    state: BulkState,
    *,
    bulk_wind: Tensor,
    coefficients: tuple[Tensor, Tensor, Tensor],
    difference: Differences,
    specific_humidity: Tensor,
    skin_temperature: Tensor,
    friction_velocity: Tensor,
    inverse_obukhov_length: Tensor,
    roughness_length: Tensor,
    z_wind: float,
    moist: bool = True,
) -> BulkFluxes:
    """Fluxes from transfer coefficients and differences at the height of the wind.

    Parameters
    ----------
    state : BulkState
    bulk_wind : [m/s]
        The speed of the relative wind with gusts.
    coefficients : (Tensor, Tensor, Tensor)
        Cd, Ch, Ce at ``z_wind``.
    difference : Differences
        Air minus sea at ``z_wind``.
    specific_humidity : [kg/kg]
        Of the air at ``z_wind``.
    skin_temperature : [K]
    friction_velocity, inverse_obukhov_length, roughness_length
        Passed on.
    z_wind : float
        [m]
    moist : bool
        Whether vapour adds to the heat capacity of the air.
    """
    cd, ch, ce = (value.clamp_min(SMALLEST_COEFFICIENT) for value in coefficients)
    temperature = skin_temperature + difference.temperature - LAPSE_RATE * z_wind
    # The pressure at z_wind is that at sea level less the weight of the air between.
    density = air_density(temperature, specific_humidity, state.pressure)
    density = density * (1 - GRAVITY * z_wind * density / state.pressure)
    mass_flux = density.clamp_min(LIGHTEST) * bulk_wind
    capacity = heat_capacity(specific_humidity) if moist else AEROBULK_HEAT_CAPACITY
    drag = mass_flux * cd
    condensation = mass_flux * ce * difference.humidity
    return BulkFluxes(
        tau_x=drag * state.wind_x,
        tau_y=drag * state.wind_y,
        latent=latent_heat_of_vaporisation(state.sea_surface_temperature) * condensation,
        sensible=mass_flux * ch * difference.temperature * capacity,
        evaporation=-condensation,
        friction_velocity=friction_velocity,
        inverse_obukhov_length=inverse_obukhov_length,
        roughness_length=roughness_length,
        cd=cd,
        ch=ch,
        ce=ce,
        bulk_wind=bulk_wind,
        skin_temperature=skin_temperature,
    )
