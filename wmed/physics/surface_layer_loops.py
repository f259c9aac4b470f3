"""What the bulk algorithms share as compiled loops; see :mod:`.surface_layer`.

A block of points at a time stays in the cache, and all that an iteration needs is found in one loop
over it, which the compiler turns into vector instructions. Every block has :data:`BLOCK` points,
the last one is filled up: so a point goes through the same instructions wherever it lies. Formulae
and their sources stand in the PyTorch form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit
from ai4sim.physics.constants import (
    AEROBULK_GAS_CONSTANT,
    AEROBULK_HEAT_CAPACITY,
    AEROBULK_STEFAN_BOLTZMANN,
    GRAVITY,
    HEAT_CAPACITY_VAPOUR,
    VON_KARMAN,
    ZERO_CELSIUS,
)
from ai4sim.physics.elementary_loops import at_least, at_most, cube_root, exp, log
from wmed.physics.constants import SALT_FACTOR, VAPOUR_RATIO, VIRTUAL
from wmed.physics.surface_layer import (
    CALM,
    LAPSE_RATE,
    LIGHTEST,
    SMALLEST_COEFFICIENT,
    BulkFluxes,
    BulkState,
)
from wmed.physics.thermodynamics import COLDEST

BLOCK = 256
"""Points at a time."""
THREAD = 16
"""Least number of blocks that is worth a thread."""

inlined = jit("contract", inline=True)
Block = NDArray[Any]
"""What is known of the points of a block, (quantity, BLOCK)."""


class Constants(NamedTuple):
    """Constants of nature, and those that the algorithms share."""

    gravity: float = GRAVITY
    von_karman: float = VON_KARMAN
    virtual: float = VIRTUAL
    vapour_ratio: float = VAPOUR_RATIO
    gas_constant: float = AEROBULK_GAS_CONSTANT
    heat_capacity: float = AEROBULK_HEAT_CAPACITY
    heat_capacity_vapour: float = HEAT_CAPACITY_VAPOUR
    stefan_boltzmann: float = AEROBULK_STEFAN_BOLTZMANN
    zero_celsius: float = ZERO_CELSIUS
    coldest: float = COLDEST
    salt: float = SALT_FACTOR
    lapse_rate: float = LAPSE_RATE
    calm: float = CALM
    smallest_coefficient: float = SMALLEST_COEFFICIENT
    lightest: float = LIGHTEST


def of_points(
    kernel: Callable[..., None],
    state: BulkState,
    *parameters: tuple[Any, ...],
    numbers: tuple[float, ...],
    iterations: int,
    others: tuple[Tensor, ...] = (),
) -> BulkFluxes:
    """Call compiled loops on all points of some fields.

    Parameters
    ----------
    kernel : callable
        Takes the fields, flat; the result (field, point); the first and the last point; the
        :class:`Constants`; `parameters`, `numbers` and `iterations`.
    state : BulkState
    *parameters : tuple
        Named tuples.
    numbers : tuple of float
    iterations : int
    others : tuple of Tensor
        Fields besides those of the state.
    """
    dtype = torch.float32
    for field in (*state, *others):
        dtype = torch.promote_types(dtype, field.dtype)
    shape = state.pressure.shape
    fields = tuple(
        x.detach().expand(shape).to(dtype).contiguous().resolve_neg().view(-1).numpy()
        for x in (*state, *others)
    )
    found = torch.empty((len(BulkFluxes._fields), shape.numel()), dtype=dtype)
    out = found.numpy()
    real = out.dtype.type

    def typed(values: Any) -> Any:
        """Bring numbers to the precision of the fields; leave what is true or false."""
        changed = (x if isinstance(x, bool) else real(x) for x in values)
        return type(values)(*changed) if hasattr(values, "_fields") else tuple(changed)

    arguments = (typed(Constants()), *map(typed, parameters), *typed(numbers), iterations)

    def work(first: int, last: int) -> None:
        kernel(fields, out, first * BLOCK, min(last * BLOCK, out.shape[1]), *arguments)

    in_threads(work, -(-out.shape[1] // BLOCK), THREAD)
    return BulkFluxes(*found.view(len(BulkFluxes._fields), *shape).unbind())


# ---- moist air -----------------------------------------------------------------------------------


@inlined
def saturation_humidity(
    c: Constants, temperature: float, pressure: float, salt: float, buck: bool
) -> float:
    """Specific humidity of saturated air [kg/kg]: Goff (1957), or Buck (1981)."""
    f = type(pressure)
    warmth = at_least(temperature, c.coldest) - c.zero_celsius
    ratio = warmth / c.zero_celsius
    share = ratio / (f(1) + ratio)
    one = f(1) + ratio
    log1p = log(one) + (ratio - (one - f(1))) / one
    exponent = (
        f(10.79574) * share
        - f(5.028 / math.log(10)) * log1p
        - f(1.50475e-4) * (exp(f(-8.2969 * math.log(10)) * ratio) - f(1))
        + f(0.42873e-3) * (exp(f(4.76955 * math.log(10)) * share) - f(1))
        + f(0.78614)
    )
    enhancement = f(6.1121) * (f(1.0007) + f(3.46e-8) * pressure)
    power = f(17.502) * warmth / (warmth + f(240.97)) if buck else f(math.log(10)) * exponent
    vapour = at_most(f(100) * exp(power) * (enhancement if buck else f(1)), pressure)
    return salt * c.vapour_ratio * vapour / (pressure - (f(1) - c.vapour_ratio) * vapour)


@inlined
def buoyancy(
    c: Constants, warmth: float, moisture: float, surface: float, humidity: float
) -> float:
    """Return g times the relative virtual excess of the air over the sea [m/s2]."""
    return c.gravity * (
        warmth / (surface + warmth)
        + c.virtual * moisture / (type(warmth)(1) + c.virtual * humidity)
    )


@inlined
def warming(
    c: Constants, temperature: float, humidity: float, pressure: float, height: float
) -> float:
    """Potential temperature minus temperature [K]; see :attr:`.BulkState.lapse_rate`."""
    f = type(temperature)
    saturation = saturation_humidity(c, temperature, pressure, f(1), False)
    relative = humidity / saturation
    return height * (c.lapse_rate * (f(1) - (f(1) - c.vapour_ratio) * relative))


@inlined
def latent_heat_of_vaporisation(c: Constants, temperature: float) -> float:
    """Of water of this temperature [K], [J/kg]."""
    return type(temperature)(2.501e6) - type(temperature)(2370) * (temperature - c.zero_celsius)


@inlined
def air_viscosity(c: Constants, temperature: float) -> float:
    """Kinematic viscosity [m2/s] (Andreas 1989)."""
    f = type(temperature)
    warmth = temperature - c.zero_celsius
    cubic = f(6.542e-3) + warmth * (f(8.301e-6) - f(4.84e-9) * warmth)
    return f(1.326e-5) * (f(1) + warmth * cubic)


# ---- blocks, first guess, fluxes -----------------------------------------------------------------


@inlined
def load(fields: tuple[Block, ...], block: Block, first: int, last: int) -> None:
    """Fill the first rows of a block with points; behind the last one it is repeated."""
    for k in range(len(fields)):
        field = fields[k]
        for i in range(BLOCK):
            block[k, i] = field[min(first + i, last - 1)]


@inlined
def store(block: Block, row: int, out: Block, first: int, last: int) -> None:
    """Write the rows of a block from this one on as results."""
    for k in range(out.shape[0]):
        for i in range(min(BLOCK, last - first)):
            out[k, first + i] = block[row + k, i]


@inlined
def gust_squared(flux: float, beta: float, depth: float) -> float:
    """(beta w*)^2 [m2/s2] (Fairall et al. 2003, eq. 8)."""
    f = type(flux)
    root = cube_root(at_least(-depth * flux, f(1e-6)))
    return beta * beta * (root * root)


@inlined
def first_roughness(c: Constants, ustar: float, charnock: float, viscosity: float) -> float:
    """Logarithm of the first guess of z0."""
    f = type(ustar)
    return log(charnock * ustar * ustar / c.gravity + f(0.11) * viscosity / ustar)


@inlined
def first_thermal_roughness(c: Constants, log_z0: float) -> float:
    """Logarithm of the first guess of z0t."""
    f = type(log_z0)
    return f(math.log(10)) - c.von_karman * c.von_karman / f(0.00115) / (f(math.log(10)) - log_z0)


@inlined
def first_zeta(
    square: float, lightness: float, factor: float, heat_factor: float, z_wind: float
) -> float:
    """First guess of z / L (Grachev & Fairall 1997)."""
    f = type(square)
    slope = factor * factor / heat_factor
    richardson = z_wind * lightness / square
    unstable = at_most(richardson, f(0))
    stable = at_most(at_least(richardson, f(0)), f(10))
    saturation = f(-0.004 * 600 * 1.2**3) / z_wind
    zeta = slope * unstable / (f(1) + saturation * unstable) + stable * (slope + f(3) * stable)
    return at_most(at_least(zeta, f(-50)), f(50))


@inlined
def bulk_fluxes(
    c: Constants,
    result: Block,
    i: int,
    state: tuple[float, ...],
    turbulence: tuple[float, ...],
    air: tuple[float, ...],
    z_wind: float,
    moist: bool,
) -> None:
    """Write the fluxes of point i; see :func:`.surface_layer.bulk_fluxes`."""
    wind_x, wind_y, pressure, sst = state
    f = type(sst)
    ustar, inverse, z0, bulk_wind, momentum, heat, moisture = turbulence
    surface, warmth, difference, humidity = air
    cd = at_least(momentum * momentum, c.smallest_coefficient)
    ch = at_least(momentum * heat, c.smallest_coefficient)
    ce = at_least(momentum * moisture, c.smallest_coefficient)
    temperature = surface + warmth - c.lapse_rate * z_wind
    density = pressure / (c.gas_constant * temperature * (f(1) + c.virtual * humidity))
    density = density * (f(1) - c.gravity * z_wind * density / pressure)
    mass_flux = at_least(density, c.lightest) * bulk_wind
    condensation = mass_flux * ce * difference
    capacity = c.heat_capacity + (c.heat_capacity_vapour * humidity if moist else f(0))
    result[0, i], result[1, i] = mass_flux * cd * wind_x, mass_flux * cd * wind_y
    result[2, i] = latent_heat_of_vaporisation(c, sst) * condensation
    result[3, i] = mass_flux * ch * warmth * capacity
    result[4, i], result[5, i], result[6, i], result[7, i] = -condensation, ustar, inverse, z0
    result[8, i], result[9, i], result[10, i] = cd, ch, ce
    result[11, i], result[12, i] = bulk_wind, surface
