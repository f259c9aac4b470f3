"""Columns of a synthetic atmosphere at a time: the climate, and weather with clouds around it.

Temperature starts from the zonal mean of :mod:`weather_forecast.climate`, composition from
:mod:`weather_forecast.atmosphere`, clouds from
:mod:`weather_forecast.bias_correction.synthetic.clouds`. The weather around them is drawn from
random fields that are alike over hundreds of kilometres, so that a map of columns looks like one,
and from numbers of each column alone. Not meant to be right anywhere, only possible everywhere, and
of as many kinds as the real one.
"""

from __future__ import annotations

import datetime
import math

import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY
from ai4sim.physics.random_fields import date_generator, normal, rank, smooth_fields, uniform
from ai4sim.physics.sun import cos_zenith_angle, irradiance
from weather_forecast import atmosphere, climate
from weather_forecast.bias_correction.io.layout import AEROSOLS, RadiationLayout
from weather_forecast.bias_correction.synthetic import clouds
from weather_forecast.bias_correction.synthetic.surface import (
    DESERT,
    SEA_ICE,
    SNOW,
    Surface,
    draw_surface,
    kinds_of_surface,
)
from weather_forecast.levels import (
    full_level_pressure,
    geopotential_steps,
    half_level_geopotential,
    spread_coefficients,
)

TABLE = "L137"
COLDEST, WARMEST = 150.0, 335.0
"""Bounds of temperature [K]."""
MOIST = 0.99
"""Relative humidity that is not exceeded."""
MOST_VAPOUR = 0.025
"""Specific humidity that is not exceeded, that over the warmest seas [kg/kg]."""
LEAST_OZONE = 140.0
"""[DU]."""
SYNOPTIC, MESO = 1100.0, 300.0
"""Over which distance weather systems, and clouds within them, are alike [km]."""


def draw_columns(
    time: datetime.datetime,
    latitude: Tensor,
    longitude: Tensor,
    seed: int = 0,
    levels: int = 137,
) -> Tensor:
    """Draw the columns of some places at a time.

    The same time and seed give the same weather systems wherever they are looked at.

    Parameters
    ----------
    time : datetime
        UTC.
    latitude, longitude : (column,)  [degrees north], [degrees east]
    seed : int
    levels : int
        Layers; fewer than 137 are spread evenly over the half levels of L137.

    Returns
    -------
    (column, channel), float32
        See :attr:`weather_forecast.bias_correction.io.layout.RadiationLayout.inputs`.
    """
    layout = RadiationLayout(levels)
    generator = date_generator(time, seed, "weather")
    latitude, longitude = latitude.double(), longitude.double()
    places, day = len(latitude), time.timetuple().tm_yday
    highs, warmth, regime, nuclei, moist, moist_aloft, much_ozone, haze = smooth_fields(
        generator, latitude, longitude, SYNOPTIC, 8
    ).unbind(-1)
    clusters = smooth_fields(generator, latitude, longitude, MESO, 1 + 4 * clouds.DECKS)
    cos_zenith = cos_zenith_angle(time, latitude, longitude)

    # The ground, the levels above it, and air without clouds.
    land = climate.land_share(latitude, longitude)
    relief = climate.surface_height(latitude, longitude)
    pressure_hl = _pressure(latitude, relief, highs, layout)
    pressure = full_level_pressure(pressure_hl)
    level_hl = _log_pressure_height(pressure_hl)
    temperature_hl = _free_temperature(
        latitude, land, level_hl, day, warmth, normal(generator, places, 3)
    )
    temperature_hl = _polar_inversion(temperature_hl, latitude, land, level_hl, day)
    height_hl = half_level_geopotential(_layers(temperature_hl), pressure_hl) / GRAVITY

    # Clouds come before the temperature of the ground, which they shade. The squares of the
    # weights add up to 1, so that the sums are normally distributed again.
    frequencies = clouds.kind_frequencies(latitude + 6 * climate.season(day), land)
    chosen = 0.75 * regime + 0.45 * clusters[:, 0] + 0.485 * normal(generator, places)
    drawn = 0.85 * clusters[:, 1:].unflatten(-1, (clouds.DECKS, 4))
    drawn = drawn + 0.527 * normal(generator, places, clouds.DECKS, 4)
    tropopause = atmosphere.tropopause_height(latitude) - relief
    decks = clouds.draw_decks(frequencies, rank(chosen), rank(drawn), tropopause)
    temperature_hl = temperature_hl + clouds.warm_above(decks, height_hl)
    shares = kinds_of_surface(latitude, longitude, temperature_hl[:, -1], relief)
    surface = draw_surface(
        shares,
        temperature_hl[:, -1],
        cos_zenith,
        clouds.cloud_cover(decks),
        normal(generator, places, 4),
    )
    # What heats the air at the ground adds no vapour: humidity goes with the air as it was before.
    holds = atmosphere.saturation_humidity(_layers(temperature_hl), pressure)
    temperature_hl = _boundary_layer(temperature_hl, surface, height_hl)
    temperature_hl = temperature_hl.clamp(COLDEST, WARMEST)
    temperature = _layers(temperature_hl)
    height_hl = half_level_geopotential(temperature, pressure_hl) / GRAVITY

    # What the air holds.
    saturation = atmosphere.saturation_humidity(temperature, pressure)
    filled = clouds.fill(
        decks,
        uniform(generator, places, clouds.DECKS),
        height_hl,
        temperature,
        pressure,
        saturation,
        clouds.droplet_number(land, nuclei),
        latitude,
    )
    level, desert = _layers(level_hl), shares[:, DESERT]
    sigma = pressure / pressure_hl[:, -1:]
    weather = torch.stack([moist, moist_aloft], dim=-1)
    humidity = _humidity(latitude, level, sigma, holds, filled.fraction, desert, day, weather)
    total = atmosphere.ozone_column(latitude, day) + 6 * normal(generator, places)
    total = total + 20 * much_ozone * latitude.deg2rad().sin().abs()
    amount = (0.5 * haze[:, None] + 0.4 * normal(generator, places, AEROSOLS - 1)).exp()
    aerosols = atmosphere.aerosols(land, desert, _layers(height_hl), relief, amount)
    steps = geopotential_steps(temperature, pressure_hl) / GRAVITY

    fields = {
        "skin_temperature": surface.skin_temperature,
        "cos_solar_zenith_angle": cos_zenith,
        **_bands("sw_albedo", surface.albedo),
        **_bands("sw_albedo_direct", surface.albedo_direct),
        **_bands("lw_emissivity", surface.emissivity),
        "solar_irradiance": torch.full_like(latitude, irradiance(time)),
        "q": torch.minimum(humidity, MOIST * saturation).clamp(max=MOST_VAPOUR),
        "o3_mmr": atmosphere.ozone(latitude, level, pressure_hl, total.clamp(min=LEAST_OZONE)),
        **{
            f"{gas}_vmr": atmosphere.gas_vmr(gas, pressure, time.year + day / 365)
            for gas in atmosphere.GASES
        },
        "cloud_fraction": filled.fraction,
        **{f"aerosol_mmr_{i + 1}": profile for i, profile in enumerate(aerosols)},
        "q_liquid": filled.q_liquid,
        "q_ice": filled.q_ice,
        "re_liquid": filled.re_liquid,
        "re_ice": filled.re_ice,
        "temperature_hl": temperature_hl,
        "pressure_hl": pressure_hl,
        "overlap_param": clouds.overlap_parameter(latitude, steps),
    }
    rows = [fields[variable.name].reshape(places, -1) for variable in layout.inputs]
    return torch.cat(rows, dim=-1).float()


def _bands(name: str, values: Tensor) -> dict[str, Tensor]:
    """Name the bands of a spectral property."""
    return {f"{name}_{i + 1}": band for i, band in enumerate(values.unbind(-1))}


def _layers(half_levels: Tensor) -> Tensor:
    """Return the mean of the half levels on both sides of each layer."""
    return 0.5 * (half_levels[:, 1:] + half_levels[:, :-1])


def _pressure(latitude: Tensor, relief: Tensor, weather: Tensor, layout: RadiationLayout) -> Tensor:
    """Return the pressure on half levels [Pa], with highs and lows."""
    storms = 300 + 900 * climate.bell(latitude.abs(), 55, 16)
    at_sea = climate.sea_level_pressure(latitude) + storms * weather
    mean_temperature = climate.SURFACE_TEMPERATURE - 0.00325 * relief
    surface = at_sea * (-GRAVITY * relief / (GAS_CONSTANT * mean_temperature)).exp()
    a, b = spread_coefficients(layout.levels, TABLE)
    # In the precision of the files, so that it is what all else is consistent with.
    return (a + b * surface[:, None]).float().double()


def _log_pressure_height(pressure_hl: Tensor) -> Tensor:
    """Return log-pressure heights [m]; the top one as if the layer below were finite."""
    finite = torch.cat([0.5 * pressure_hl[:, 1:2], pressure_hl[:, 1:]], dim=-1)
    return climate.log_pressure_height(finite)


def _free_temperature(
    latitude: Tensor, land: Tensor, height: Tensor, day: int, weather: Tensor, noise: Tensor
) -> Tensor:
    """Return temperature [K] at log-pressure heights [m], (column, half_level).

    Warm tropospheres have cold tropopauses above them; further up waves grow with height. Summers
    are warmer and winters colder over land.
    """
    _, temperature = climate.zonal_mean(latitude, height, day)
    _, balanced = climate.zonal_mean(latitude, torch.zeros_like(height[:, :1]), day)
    contrast = _sea_level_temperature(latitude, day) - balanced[:, 0]
    fade = (-height.clamp(min=0) / 4500).exp() * torch.sigmoid((10e3 - height) / 1500)
    temperature = temperature + contrast[:, None] * fade
    strength = (1.2 + 3.8 * climate.bell(latitude.abs(), 52, 18)) * (weather + 0.3 * noise[:, 0])
    below = climate.bell(height, 4000, 6000, 3500) - 0.6 * climate.bell(height, 13e3, 2500, 5000)
    wavelength = 9e3 * (0.4 * noise[:, 1]).exp()[:, None]
    phase = 2 * math.pi * (height / wavelength + rank(noise[:, 2])[:, None])
    grown = 0.8 * ((height - 15e3) / 22e3).clamp(-0.5, 2).exp()
    grown = grown * torch.sigmoid((height - 12e3) / 3e3)
    inland = -8 * climate.season(day) * latitude.deg2rad().sin() * land
    inland = inland[:, None] * torch.sigmoid((4000 - height) / 1000)
    return temperature + strength[:, None] * below + grown * phase.cos() + inland


def _sea_level_temperature(latitude: Tensor, day: int) -> Tensor:
    """Return the zonal-mean temperature next to the ground, brought down to sea level [K].

    Where friction matters no thermal wind holds, and the contrast between equator and poles is
    larger than that of :func:`weather_forecast.climate.zonal_mean`.
    """
    sine = latitude.deg2rad().sin()
    return 300.5 - 46 * sine.abs() ** 2.5 - 11 * climate.season(day) * sine


def _polar_inversion(
    temperature: Tensor, latitude: Tensor, land: Tensor, height: Tensor, day: int
) -> Tensor:
    """Return a temperature that is colder at the ground of the polar winter."""
    winter = (climate.season(day) * latitude.sign()).clamp(min=0)
    strength = 9 * winter * torch.sigmoid((latitude.abs() - 62) / 4) * (0.4 + 0.6 * land)
    return temperature - strength[:, None] * (-(height - height[:, -1:]) / 700).exp()


def _boundary_layer(temperature: Tensor, surface: Surface, height: Tensor) -> Tensor:
    """Return a temperature that follows the ground: deep when heated, shallow when cooled."""
    excess = (surface.skin_temperature - temperature[:, -1])[:, None]
    # Snow and ice have their own inversions already.
    bare = 1 - surface.shares[:, SNOW, None] - surface.shares[:, SEA_ICE, None]
    depth = torch.where(excess > 0, 900.0, 160.0)
    share = torch.where(excess > 0, 0.35, 0.6)
    return temperature + share * bare * excess * (-height / depth).exp()


def _humidity(
    latitude: Tensor,
    height: Tensor,
    sigma: Tensor,
    saturation: Tensor,
    cloud_fraction: Tensor,
    desert: Tensor,
    day: int,
    weather: Tensor,
) -> Tensor:
    """Return the specific humidity [kg/kg], (column, level).

    Parameters
    ----------
    latitude, desert : (column,)  [degrees north], [1]
    height, sigma, saturation, cloud_fraction : (column, level)  [m], [1], [kg/kg], [1]
    day : int
    weather : (column, 2)
        Normally distributed: moist or dry altogether, and aloft in contrast to below.
    """
    mean = atmosphere.relative_humidity(latitude, sigma, day) * (1 - 0.5 * desert[:, None])
    anomaly = weather[:, :1] + weather[:, 1:] * (2 * math.pi * (1 - sigma)).sin()
    relative = torch.sigmoid(torch.logit(mean, eps=0.02) + 0.5 * anomaly)
    # Air in clouds is saturated.
    relative = relative + cloud_fraction * (1 - relative)
    troposphere = (relative * saturation).log()
    above = atmosphere.stratospheric_humidity(height).log()
    share = torch.sigmoid((height - atmosphere.tropopause_height(latitude)[:, None] - 500) / 600)
    return torch.lerp(troposphere, above, share).exp()
