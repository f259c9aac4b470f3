"""What a network sees of a column: on the half levels, and of the column as a whole.

A feature of a layer stands at the half level above it. The last half level is the surface: there
the state of the air is that of the layer above and there is no cloud. Gases are seen by their
logarithm, and so is what grows over orders of magnitude, such as optical depth.

The derived features are the quantities that 3-D effects depend on in SPARTACUS (Hogan et al. 2016,
doi:10.1002/2016JD024875; Hogan & Bozzo 2018, doi:10.1029/2018MS001364): optical depth of the
clouds, in the cloud and above and below the layer; the share of the radiation that meets the side
of a cloud while it crosses the layer; how much of the sky is clear up and down.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY
from weather_forecast.bias_correction.io.layout import AEROSOLS, LW_BANDS, SW_BANDS
from weather_forecast.bias_correction.physics.regions import (
    SEPARATION_POWER,
    SEPARATION_SURFACE,
    SEPARATION_TOP,
)

WATER_DENSITY, ICE_DENSITY = 1000.0, 917.0
"""[kg/m3]"""
LEAST_FRACTION = 1e-3
"""Cloud fraction below which in-cloud values are no longer scaled up."""
FOURIER_WAVES = (1.0, 2.0, 4.0)
"""Waves over the column of the sines and cosines that say where a level is."""

NamedColumns = Mapping[str, Tensor]


def profile_features(columns: NamedColumns, derived: bool = True) -> Tensor:
    """Return the features that vary along the column.

    Parameters
    ----------
    columns : mapping of str to Tensor
        As :meth:`weather_forecast.bias_correction.io.layout.RadiationLayout.split_inputs` gives.
    derived : bool
        Whether the derived ones are among them.

    Returns
    -------
    (column, feature, half_level)
        Of order one to ten, not normalised.
    """
    pressure_hl, temperature_hl = columns["pressure_hl"], columns["temperature_hl"]
    thickness = pressure_hl.diff(dim=-1)
    pressure = 0.5 * (pressure_hl[:, 1:] + pressure_hl[:, :-1])
    temperature = 0.5 * (temperature_hl[:, 1:] + temperature_hl[:, :-1])
    mass = thickness / GRAVITY
    fraction = columns["cloud_fraction"]
    aerosol = sum(columns[f"aerosol_mmr_{kind}"] for kind in range(1, AEROSOLS + 1)) * mass
    of_air = [
        (temperature - 250.0) / 30.0,
        temperature_hl.diff(dim=-1).clamp(-10.0, 10.0) / 3.0,
        columns["q"].clamp(min=1e-8).log(),
        columns["o3_mmr"].clamp(min=1e-9).log(),
        thickness.clamp(min=1.0).log(),
        *positions(pressure, pressure_hl[:, -1:]),
        _log(aerosol, 1e-6),
    ]
    overlap = columns["overlap_param"]
    of_clouds = [
        fraction,
        _log(columns["q_liquid"] * mass, 0.01),
        _log(columns["q_ice"] * mass, 0.01),
        columns["re_liquid"] * 1e5,
        columns["re_ice"] * 2e4,
        functional.pad(overlap, (1, 0)),
        functional.pad(overlap, (0, 1)),
    ]
    if derived:
        of_clouds += _cloud_features(columns, mass, pressure, temperature)
        of_air.append(_log((columns["q"] * mass).cumsum(-1), 1.0))
    # Down to the surface the air goes on as it is above it, the clouds do not.
    air = torch.stack(of_air, dim=1)
    clouds = functional.pad(torch.stack(of_clouds, dim=1), (0, 1))
    return torch.cat([torch.cat([air, air[..., -1:]], dim=-1), clouds], dim=1)


def positions(pressure: Tensor, surface_pressure: Tensor) -> list[Tensor]:
    """Return where levels are: log-pressure, pressure over surface pressure, and waves of it.

    Parameters
    ----------
    pressure : (column, level)  [Pa]
    surface_pressure : (column, 1)  [Pa]

    Returns
    -------
    list of (column, level)
    """
    sigma = pressure / surface_pressure
    waves = [
        function(torch.pi * count * sigma)
        for count in FOURIER_WAVES
        for function in (torch.sin, torch.cos)
    ]
    return [pressure.clamp(min=1.0).log(), sigma, *waves]


def _cloud_features(
    columns: NamedColumns, mass: Tensor, pressure: Tensor, temperature: Tensor
) -> list[Tensor]:
    fraction = columns["cloud_fraction"]
    liquid, ice = optical_depths(columns, mass)
    in_cloud = (fraction > 0) / fraction.clamp(min=LEAST_FRACTION)
    mean = liquid + ice
    above = mean.cumsum(-1) - 0.5 * mean
    below = mean.sum(-1, keepdim=True) - above
    mixed = _root(fraction * (1 - fraction))
    thickness = GAS_CONSTANT / GRAVITY * temperature * (mass * GRAVITY / pressure.clamp(min=0.5))
    sides = mixed * thickness / cloud_separation(pressure, columns["pressure_hl"][:, -1:])
    return [
        mixed,
        _log(liquid * in_cloud, 1.0),
        _log(ice * in_cloud, 1.0),
        _log(mean, 0.1),
        _log(above, 0.3),
        _log(below, 0.3),
        _log(sides, 0.01),
        clear_share(fraction),
        clear_share(fraction.flip(-1)).flip(-1),
    ]


def optical_depths(columns: NamedColumns, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Return optical depths of liquid and ice in the visible, mean over the grid box.

    Drops and crystals that are large against the wavelength: ``3 W / (2 rho r_e)`` of a water
    path W.

    Parameters
    ----------
    columns : mapping of str to Tensor
    mass : (column, level)  [kg/m2]
        Of air in each layer.

    Returns
    -------
    liquid, ice : (column, level)  [1]
    """
    liquid = columns["q_liquid"] / (WATER_DENSITY * columns["re_liquid"].clamp(min=1e-6))
    ice = columns["q_ice"] / (ICE_DENSITY * columns["re_ice"].clamp(min=1e-6))
    return 1.5 * liquid.clamp(min=0) * mass, 1.5 * ice.clamp(min=0) * mass


def cloud_separation(pressure: Tensor, surface_pressure: Tensor) -> Tensor:
    """Return the distance between neighbouring clouds [m] at a pressure [Pa]."""
    change = SEPARATION_SURFACE - SEPARATION_TOP
    return SEPARATION_TOP + change * (pressure / surface_pressure) ** SEPARATION_POWER


def clear_share(fraction: Tensor) -> Tensor:
    """Return how much of the sky is clear from the first layer to each one, maximum-random overlap.

    Parameters
    ----------
    fraction : (column, level)  [1]

    Returns
    -------
    (column, level)  [1]
    """
    before = functional.pad(fraction, (1, 0))[:, :-1]
    share = (1 - torch.maximum(fraction, before)) / (1 - before).clamp(min=LEAST_FRACTION)
    return share.clamp(0, 1).cumprod(-1)


def surface_features(columns: NamedColumns) -> Tensor:
    """Return the features of the column as a whole: sun, surface, all clouds together.

    Parameters
    ----------
    columns : mapping of str to Tensor

    Returns
    -------
    (column, feature)
        Of order one, not normalised.
    """
    mu = columns["cos_solar_zenith_angle"]
    sun = mu.clamp(0.0, 1.0)
    horizontal = _root(1 - sun * sun)
    thickness = columns["pressure_hl"].diff(dim=-1)
    liquid, ice = optical_depths(columns, thickness / GRAVITY)
    skin = columns["skin_temperature"]
    features = [
        sun,
        (mu > 0).to(sun),
        horizontal,
        1 / (sun + 0.1),
        horizontal / (sun + 0.1),
        *(columns[f"sw_albedo_{band}"] for band in range(1, SW_BANDS + 1)),
        *(columns[f"sw_albedo_direct_{band}"] for band in range(1, SW_BANDS + 1)),
        *(1 - columns[f"lw_emissivity_{band}"] for band in range(1, LW_BANDS + 1)),
        (skin - 280.0) / 20.0,
        (skin - columns["temperature_hl"][:, -1]) / 5.0,
        _log((liquid + ice).sum(-1), 1.0),
        clear_share(columns["cloud_fraction"])[:, -1],
    ]
    return torch.stack(features, dim=1)


def _log(x: Tensor, unit: float) -> Tensor:
    """Return ``log(1 + x / unit)``: linear far below the unit, logarithmic far above."""
    return (x.clamp(min=0) / unit).log1p()


def _root(x: Tensor) -> Tensor:
    """Return the square root of x, 0 below 0; with a finite derivative: linear below 1e-8."""
    return x.clamp(min=0) * x.clamp(min=1e-8).rsqrt()
