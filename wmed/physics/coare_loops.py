"""COARE as compiled loops over points; see :mod:`.coare`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ai4sim.compiled import jit
from ai4sim.physics.elementary_loops import at_least, at_most, cube_root, exp, log
from wmed.physics import skin
from wmed.physics.coare import BOUNDARY_LAYER, COARE36, GUSTINESS, Coare
from wmed.physics.stability_loops import psi_h_coare, psi_m_coare
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
    latent_heat_of_vaporisation,
    load,
    of_points,
    saturation_humidity,
    store,
    warming,
)

inlined = jit("contract", inline=True)


class Version(NamedTuple):
    """What :class:`.coare.Coare` says, and the parameters of convection, as numbers."""

    charnock_slope: float
    charnock_offset: float
    least_charnock: float
    most_charnock: float
    log_roughest: float
    log_factor: float
    exponent: float
    stable_slope: float
    stable_bend: float
    lapse_rate: float
    own_lapse_rate: bool
    buck: bool
    moist: bool
    gustiness: float = GUSTINESS
    boundary_layer: float = BOUNDARY_LAYER


class Water(NamedTuple):
    """Constants of the cool skin, see :mod:`.skin`."""

    emissivity: float
    density: float = skin.WATER_DENSITY
    heat_capacity: float = skin.WATER_HEAT_CAPACITY
    viscosity: float = skin.WATER_VISCOSITY
    conductivity: float = skin.WATER_CONDUCTIVITY
    salinity: float = skin.SALINITY
    haline_contraction: float = skin.HALINE_CONTRACTION
    thickest: float = skin.THICKEST
    first_thickness: float = skin.FIRST_THICKNESS


def coare(
    state: BulkState,
    *,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    iterations: int = 10,
    version: Coare = COARE36,
    radiation: skin.Radiation | None = None,
) -> BulkFluxes:
    """Return the fluxes; see :func:`.coare.coare`."""
    cap, factor, exponent = version.scalar_roughness
    numbers = Version(
        *version.charnock,
        math.log(cap),
        math.log(factor),
        exponent,
        *version.stable_wind,
        lapse_rate=version.lapse_rate or 0.0,
        own_lapse_rate=version.lapse_rate is not None,
        buck=version.saturation == "buck",
        moist=version.moist_heat_capacity,
    )
    water = Water(radiation.emissivity if radiation else 0.0)
    others = (radiation.shortwave, radiation.longwave) if radiation else ()
    return of_points(
        _coare, state, numbers, water, numbers=(z_wind, z_air), iterations=iterations, others=others
    )


@inlined
def charnock(v: Version, wind: float) -> float:
    """Charnock parameter for a neutral wind at 10 m [m/s]."""
    line = v.charnock_slope * wind + v.charnock_offset
    return at_most(at_least(line, v.least_charnock), v.most_charnock)


@jit("contract")
def _coare(
    fields: tuple[Block, ...],
    out: Block,
    first: int,
    last: int,
    c: Constants,
    v: Version,
    w: Water,
    z_wind: float,
    z_air: float,
    iterations: int,
) -> None:
    f = type(c.gravity)
    s = np.empty((44, BLOCK), out.dtype)
    wind_x, wind_y, temperature, humidity, pressure, sst = s[0], s[1], s[2], s[3], s[4], s[5]
    shortwave, longwave = s[6], s[7]  # filled where there is a skin
    wind2, viscosity, warm, surface, warmth, moisture = s[8], s[9], s[10], s[11], s[12], s[13]
    lightness, ustar, log_z0, transfer, inverse = s[14], s[15], s[16], s[17], s[18]
    bulk_wind, log_z0t, heat_factor, wind_transfer, thickness = s[19], s[20], s[21], s[22], s[23]
    result = s[24:]
    has_skin = len(fields) > 6
    log_wind, log_air, log_10 = log(z_wind), log(z_air), f(math.log(10))
    wind_share = f(0.035) * (log_10 + f(math.log(1e4))) / (log_wind + f(math.log(1e4)))
    for start in range(first, last, BLOCK):
        load(fields, s, start, last)
        for i in range(BLOCK):
            sea = sst[i] - f(0.3) if has_skin else sst[i]
            rise = warming(c, temperature[i], humidity[i], pressure[i], z_air)
            rise = v.lapse_rate * z_air if v.own_lapse_rate else rise
            dry = (temperature[i] - sea) + rise
            wet = humidity[i] - saturation_humidity(c, sea, pressure[i], c.salt, v.buck)
            lift = buoyancy(c, dry, wet, sea, humidity[i])
            nu = air_viscosity(c, temperature[i])
            square = wind_x[i] * wind_x[i] + wind_y[i] * wind_y[i]
            gusty = square + f(0.25)
            wind = math.sqrt(gusty)
            z0 = first_roughness(c, wind_share * wind, at_least(charnock(v, wind), f(0)), nu)
            z0t = first_thermal_roughness(c, z0)
            zeta = first_zeta(gusty, lift, log_wind - z0, log_air - z0t, z_wind)
            momentum = (log_wind - z0) - psi_m_coare(zeta, v.stable_slope, v.stable_bend)
            heat = (log_air - z0t) - psi_h_coare(zeta * (z_air / z_wind))
            wind2[i], viscosity[i], warm[i], surface[i] = square, nu, rise, sea
            warmth[i], moisture[i], lightness[i], log_z0[i] = dry, wet, lift, z0
            ustar[i], transfer[i] = c.von_karman * wind / momentum, c.von_karman / heat
            thickness[i] = w.first_thickness
        for _ in range(iterations):
            for i in range(BLOCK):
                u = ustar[i]
                scale = lightness[i] * transfer[i]
                steep = c.von_karman * scale / (u * u)
                gusts = gust_squared(scale * u, v.gustiness, v.boundary_layer)
                bulk = math.sqrt(at_least(wind2[i] + gusts, c.calm * c.calm))
                alpha = charnock(v, u * (log_10 - log_z0[i]) / c.von_karman)
                z0 = log(f(0.11) * viscosity[i] / u + alpha * (u * u) / c.gravity)
                z0t = v.log_factor - v.exponent * (z0 + log(u / viscosity[i]))
                z0t = at_most(z0t, v.log_roughest)
                heat = (log_air - z0t) - psi_h_coare(z_air * steep)
                psi = psi_m_coare(z_wind * steep, v.stable_slope, v.stable_bend)
                momentum = c.von_karman / ((log_wind - z0) - psi)
                inverse[i], bulk_wind[i], ustar[i] = steep, bulk, bulk * momentum
                log_z0[i], log_z0t[i], heat_factor[i] = z0, z0t, heat
                transfer[i], wind_transfer[i] = c.von_karman / heat, momentum
            if not has_skin:
                continue
            for i in range(BLOCK):
                over = temperature[i], humidity[i], pressure[i], shortwave[i], longwave[i]
                scales = ustar[i], transfer[i] * warmth[i], transfer[i] * moisture[i]
                sea, deep = cool_skin(c, w, over, sst[i], surface[i], thickness[i], scales)
                dry = (temperature[i] - sea) + warm[i]
                wet = humidity[i] - saturation_humidity(c, sea, pressure[i], c.salt, v.buck)
                lightness[i] = buoyancy(c, dry, wet, sea, humidity[i])
                surface[i], thickness[i], warmth[i], moisture[i] = sea, deep, dry, wet
        for i in range(BLOCK):
            # Bring temperature and humidity to the height of the wind.
            above = log_wind - log_z0t[i] - psi_h_coare(z_wind * inverse[i])
            rise, heat = above / heat_factor[i], c.von_karman / above
            more = moisture[i] * (rise - f(1))
            air = surface[i], warmth[i] * rise, moisture[i] * rise, humidity[i] + more
            turbulence = ustar[i], inverse[i], exp(log_z0[i]), bulk_wind[i], wind_transfer[i]
            at = wind_x[i], wind_y[i], pressure[i], sst[i]
            bulk_fluxes(c, result, i, at, (*turbulence, heat, heat), air, z_wind, v.moist)
        store(s, 24, out, start, last)


@inlined
def cool_skin(
    c: Constants,
    w: Water,
    air: tuple[float, float, float, float, float],
    sst: float,
    surface: float,
    thickness: float,
    scales: tuple[float, float, float],
) -> tuple[float, float]:
    """Next temperature [K] and thickness [m]; see :func:`.skin.cool_skin`."""
    temperature, humidity, pressure, shortwave, longwave = air
    ustar, temperature_scale, humidity_scale = scales
    f = type(sst)
    density = pressure / (c.gas_constant * temperature * (f(1) + c.virtual * humidity))
    vaporisation = latent_heat_of_vaporisation(c, sst)
    latent = -(density * ustar) * vaporisation * humidity_scale
    emitted = c.stefan_boltzmann * (surface * surface) * (surface * surface)
    loss = w.emissivity * (emitted - longwave)
    loss += latent - density * ustar * c.heat_capacity * temperature_scale
    taken = f(6.6e-5) / thickness * (exp(thickness * f(-1 / 8e-4)) - f(1))
    share = at_least(f(0.065) + f(11) * thickness + taken, f(0))
    cooling = loss - share * shortwave
    warmth = sst - c.zero_celsius
    salty = f(2.1e-5) * exp(f(0.79) * log(at_least(warmth + f(3.2), f(0.1))))
    fresh = (f(2.2) * exp(f(0.82) * log(at_least(warmth - f(1), f(0.1)))) - f(5)) * f(1e-5)
    expansion = fresh + w.salinity / f(35) * (salty - fresh)
    saline = w.haline_contraction * w.salinity * w.heat_capacity * latent / vaporisation
    sinking = expansion * cooling + saline
    stirring = w.density * w.viscosity
    scale = f(16) * c.gravity * w.heat_capacity * (stirring * stirring * stirring)
    scale = scale / (w.conductivity * w.conductivity) * at_least(sinking, f(1e-9))
    sheared = density * (ustar * ustar)
    root = math.sqrt(scale / (sheared * sheared))
    saunders = f(6) / cube_root(f(1) + root * math.sqrt(root))
    sublayer = w.viscosity / (math.sqrt(density / w.density) * ustar)
    still = at_most(f(6) * sublayer, w.thickest)
    deep = saunders * sublayer if sinking > f(0) else still
    return sst - cooling * deep / w.conductivity, deep
