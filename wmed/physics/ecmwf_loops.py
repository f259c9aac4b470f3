"""The algorithm of ECMWF as compiled loops over points; see :mod:`.ecmwf`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ai4sim.compiled import jit
from ai4sim.physics.elementary_loops import at_least, at_most, log
from wmed.physics import ecmwf as scheme
from wmed.physics.stability_loops import psi_h_ecmwf, psi_m_ecmwf
from wmed.physics.surface_layer import BulkFluxes, BulkState
from wmed.physics.surface_layer_loops import (
    BLOCK,
    Block,
    Constants,
    air_viscosity,
    bulk_fluxes,
    buoyancy,
    first_roughness,
    first_thermal_roughness,
    first_zeta,
    gust_squared,
    load,
    of_points,
    saturation_humidity,
    store,
    warming,
)


class Parameters(NamedTuple):
    """Parameters of :mod:`.ecmwf`."""

    roughest: float
    charnock: float = scheme.CHARNOCK
    smooth_momentum: float = scheme.SMOOTH_MOMENTUM
    smooth_heat: float = scheme.SMOOTH_HEAT
    smooth_moisture: float = scheme.SMOOTH_MOISTURE
    steepest: float = scheme.STEEPEST
    gustiness: float = scheme.GUSTINESS
    boundary_layer: float = scheme.BOUNDARY_LAYER


def ecmwf(
    state: BulkState,
    *,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    iterations: int = 10,
    roughest: float = 1e-3,
) -> BulkFluxes:
    """Return the fluxes; see :func:`.ecmwf.ecmwf`."""
    numbers = (z_wind, z_air)
    return of_points(_ecmwf, state, Parameters(roughest), numbers=numbers, iterations=iterations)


@jit("contract")
def _ecmwf(
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
    wind2, viscosity, warmth, moisture, inverse = s[6], s[7], s[8], s[9], s[10]
    momentum, heat, moist, bulk_wind, roughness = s[11], s[12], s[13], s[14], s[15]
    log_z0, raised_warmth, raised_moisture = s[16], s[17], s[18]
    result = s[19:]
    log_wind, log_air, log_10 = log(z_wind), log(z_air), f(math.log(10))
    wind_share = f(0.035) * (log_10 + f(math.log(1e4))) / (log_wind + f(math.log(1e4)))
    log_roughest, log_heat, log_moisture = (
        log(p.roughest),
        log(p.smooth_heat),
        log(p.smooth_moisture),
    )
    for start in range(first, last, BLOCK):
        load(fields, s, start, last)
        for i in range(BLOCK):
            rise = warming(c, temperature[i], humidity[i], pressure[i], z_air)
            dry = (temperature[i] - sst[i]) + rise
            wet = humidity[i] - saturation_humidity(c, sst[i], pressure[i], c.salt, False)
            lift = buoyancy(c, dry, wet, sst[i], humidity[i])
            nu = air_viscosity(c, temperature[i])
            square = wind_x[i] * wind_x[i] + wind_y[i] * wind_y[i]
            gusty = square + f(0.25)
            wind = math.sqrt(gusty)
            z0 = first_roughness(c, wind_share * wind, p.charnock, nu)
            z0t = first_thermal_roughness(c, z0)
            steep = first_zeta(gusty, lift, log_wind - z0, log_air - z0t, z_wind) / z_wind
            above = log_wind - psi_h_ecmwf(z_wind * steep)
            higher = (above - z0t) / ((log_air - psi_h_ecmwf(z_air * steep)) - z0t)
            momentum[i] = (log_wind - psi_m_ecmwf(z_wind * steep)) - z0
            heat[i], bulk_wind[i] = above - z0t, wind
            wind2[i], viscosity[i], warmth[i], moisture[i], log_z0[i] = square, nu, dry, wet, z0
            raised_warmth[i], raised_moisture[i] = dry * higher, wet * higher
        for _ in range(iterations):
            for i in range(BLOCK):
                # zeta = Ri F_m^2 / F_h (eq. 3.23)
                at_sea = humidity[i] - moisture[i]
                light = f(1) + c.virtual * (at_sea + raised_moisture[i])
                excess = raised_warmth[i] * light + c.virtual * sst[i] * raised_moisture[i]
                mean = f(0.5) * (excess - c.lapse_rate * z_wind * light)
                mean += sst[i] * (f(1) + c.virtual * at_sea)
                slope = momentum[i] / bulk_wind[i]
                steep = c.gravity * (excess / mean) * (slope * slope) / heat[i]
                steep = at_most(at_least(steep, -p.steepest), p.steepest)
                profile = log_wind - psi_m_ecmwf(z_wind * steep)
                above = log_wind - psi_h_ecmwf(z_wind * steep)
                below = log_air - psi_h_ecmwf(z_air * steep)
                u = c.von_karman * bulk_wind[i] / (profile - log_z0[i])
                z0 = p.smooth_momentum * viscosity[i] / u + p.charnock / c.gravity * (u * u)
                z0 = at_most(z0, p.roughest)
                smooth = log(viscosity[i] / u)
                z0t = at_most(smooth + log_heat, log_roughest)
                z0q = at_most(smooth + log_moisture, log_roughest)
                flux = u * u * steep / c.von_karman * u
                gusts = gust_squared(flux, p.gustiness, p.boundary_layer)
                bulk_wind[i] = math.sqrt(at_least(wind2[i] + gusts, c.calm * c.calm))
                logarithm = log(z0)
                roughness[i], log_z0[i], inverse[i] = z0, logarithm, steep
                momentum[i], heat[i], moist[i] = profile - logarithm, above - z0t, above - z0q
                raised_warmth[i] = warmth[i] * (above - z0t) / (below - z0t)
                raised_moisture[i] = moisture[i] * (above - z0q) / (below - z0q)
        for i in range(BLOCK):
            drag = c.von_karman / momentum[i]
            turbulence = bulk_wind[i] * drag, inverse[i], roughness[i], bulk_wind[i]
            factors = drag, c.von_karman / heat[i], c.von_karman / moist[i]
            moist_air = humidity[i] - moisture[i] + raised_moisture[i]
            air = sst[i], raised_warmth[i], raised_moisture[i], moist_air
            at = wind_x[i], wind_y[i], pressure[i], sst[i]
            bulk_fluxes(c, result, i, at, (*turbulence, *factors), air, z_wind, True)
        store(s, 19, out, start, last)
