"""The algorithm of NCAR as compiled loops over points; see :mod:`.ncar`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ai4sim.compiled import jit
from ai4sim.physics.elementary_loops import at_least, at_most, exp, log
from wmed.physics import ncar as scheme
from wmed.physics.stability_loops import psi_h_ncar, psi_m_ncar
from wmed.physics.surface_layer import BulkFluxes, BulkState
from wmed.physics.surface_layer_loops import (
    BLOCK,
    Block,
    Constants,
    bulk_fluxes,
    load,
    of_points,
    saturation_humidity,
    store,
    warming,
)

inlined = jit("contract", inline=True)


class Parameters(NamedTuple):
    """Parameters of :mod:`.ncar`."""

    heat_unstable: float = scheme.HEAT_UNSTABLE
    heat_stable: float = scheme.HEAT_STABLE
    moisture: float = scheme.MOISTURE
    weakest: float = scheme.WEAKEST
    weakest_neutral: float = scheme.WEAKEST_NEUTRAL
    steepest: float = scheme.STEEPEST


def ncar(
    state: BulkState, *, z_wind: float = 10.0, z_air: float = 10.0, iterations: int = 10
) -> BulkFluxes:
    """Return the fluxes; see :func:`.ncar.ncar`."""
    return of_points(_ncar, state, Parameters(), numbers=(z_wind, z_air), iterations=iterations)


@inlined
def neutral_factor(c: Constants, wind: float) -> float:
    """Return kappa over the root of the neutral drag coefficient (eq. 11a, 11b)."""
    f = type(wind)
    wind = at_most(wind, f(33))
    cube = wind * (wind * wind)
    drag = f(2.7) / wind + f(0.142) + wind / f(13.09) - f(3.14807e-10) * (cube * cube)
    return c.von_karman / math.sqrt(f(1e-3) * drag)


@jit("contract")
def _ncar(
    fields: tuple[Block, ...],
    out: Block,
    first: int,
    last: int,
    c: Constants,
    p: Parameters,
    z_wind: float,
    z_air: float,
    iterations: int,
) -> None:
    f = type(c.gravity)
    s = np.empty((32, BLOCK), out.dtype)
    wind_x, wind_y, temperature, humidity, pressure, sst = s[0], s[1], s[2], s[3], s[4], s[5]
    wind, warmth, moisture, warm_lift, moist_lift = s[6], s[7], s[8], s[9], s[10]
    neutral, momentum, heat, moist, inverse, scalar_shift = s[11], s[12], s[13], s[14], s[15], s[16]
    result = s[19:]
    above_wind, above_air = log(z_wind / f(10)), log(z_air / f(10))
    for start in range(first, last, BLOCK):
        load(fields, s, start, last)
        for i in range(BLOCK):
            dry = warming(c, temperature[i], humidity[i], pressure[i], z_air)
            dry += temperature[i] - sst[i]
            wet = humidity[i] - saturation_humidity(c, sst[i], pressure[i], c.salt, False)
            square = wind_x[i] * wind_x[i] + wind_y[i] * wind_y[i]
            speed = math.sqrt(at_least(square, p.weakest * p.weakest))
            warm = c.gravity * dry / (sst[i] + dry)
            light = c.gravity * c.virtual * wet / (f(1) + c.virtual * humidity[i])
            factor = neutral_factor(c, speed)
            wind[i], warmth[i], moisture[i] = speed, dry, wet
            warm_lift[i], moist_lift[i] = warm, light
            neutral[i], momentum[i] = factor, factor + above_wind
            heat[i] = (p.heat_unstable if warm + light < f(0) else p.heat_stable) + above_air
            moist[i] = p.moisture + above_air
        for _ in range(iterations):
            for i in range(BLOCK):
                # kappa b* / u*^2
                slope = momentum[i] / wind[i]
                steep = (warm_lift[i] / heat[i] + moist_lift[i] / moist[i]) * (slope * slope)
                at_wind = at_most(at_least(z_wind * steep, -p.steepest), p.steepest)
                at_air = at_most(at_least(z_air * steep, -p.steepest), p.steepest)
                shift = above_wind - psi_m_ncar(at_wind)
                speed = at_least(wind[i] * (f(1) - shift / momentum[i]), p.weakest_neutral)
                factor = neutral_factor(c, speed)
                scalar = above_air - psi_h_ncar(at_air)
                neutral[i], momentum[i], inverse[i] = factor, factor + shift, steep
                heat[i] = (p.heat_unstable if steep < f(0) else p.heat_stable) + scalar
                moist[i], scalar_shift[i] = p.moisture + scalar, scalar
        for i in range(BLOCK):
            # Bring temperature and humidity to the height of the wind.
            at_wind = at_most(at_least(z_wind * inverse[i], -p.steepest), p.steepest)
            rise = (above_wind - psi_h_ncar(at_wind)) - scalar_shift[i]
            drag = c.von_karman / momentum[i]
            roughness = f(10) * exp(-neutral[i])
            turbulence = wind[i] * drag, inverse[i], roughness, wind[i]
            factors = drag, c.von_karman / (heat[i] + rise), c.von_karman / (moist[i] + rise)
            more = moisture[i] * (rise / moist[i])
            raised = warmth[i] * (f(1) + rise / heat[i]), moisture[i] + more, humidity[i] + more
            at = wind_x[i], wind_y[i], pressure[i], sst[i]
            bulk_fluxes(c, result, i, at, (*turbulence, *factors), (sst[i], *raised), z_wind, True)
        store(s, 19, out, start, last)
