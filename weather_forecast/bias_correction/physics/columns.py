"""Columns from optical depths to fluxes: slabs, then the adding method.

These two functions are where the time of the solvers goes. On a CPU they are compiled loops
(:mod:`.shortwave_loops`, :mod:`.longwave_loops`) that take one column after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from weather_forecast.bias_correction.physics.adding import longwave_fluxes, shortwave_fluxes
from weather_forecast.bias_correction.physics.entrapment import FRACTAL
from weather_forecast.bias_correction.physics.layers import DIFFUSE_TANGENT
from weather_forecast.bias_correction.physics.matrices import diagonal
from weather_forecast.bias_correction.physics.regions import LEAST_FRACTION, Regions
from weather_forecast.bias_correction.physics.two_stream import (
    LW_DIFFUSIVITY,
    Emission,
    Slab,
    longwave_slab,
    shortwave_slab,
)


def shortwave_columns(
    gases: tuple[Tensor, Tensor],
    medium: tuple[Tensor, Tensor, Tensor],
    clouds: Regions,
    sun: tuple[Tensor, Tensor, Tensor],
    ground: tuple[Tensor, Tensor],
    layers: Slab | None = None,
) -> tuple[Tensor, Tensor]:
    """Follow sunlight through columns.

    Parameters
    ----------
    gases : pair of (level, point, column)
        Optical depths of absorption and of scattering by gases.
    medium : three of (3, point, pair)
        Optical depth, single-scattering albedo and asymmetry factor in cloudy layers.
    clouds : Regions
    sun : (column,), (point, column) and (column,)
        Cosine of the solar zenith angle, > 0; sunlight on a horizontal area above the atmosphere
        [W/m2]; tangent of the solar zenith angle.
    ground : pair of (point, column)
        Albedos for diffuse and for direct light.
    layers : Slab of (3, 3, point, pair), optional
        Cloudy layers whose regions exchange light, as they do between layers (SPARTACUS); by
        default they do not (Tripleclouds).

    Returns
    -------
    flux_dn, flux_up : (level + 1, column)  [W/m2]
    """
    constants = DIFFUSE_TANGENT, FRACTAL, LEAST_FRACTION
    return follow_shortwave(gases, medium, clouds, sun, ground, layers, constants)


@compiled_by("weather_forecast.bias_correction.physics.shortwave_loops")
def follow_shortwave(
    gases: tuple[Tensor, Tensor],
    medium: tuple[Tensor, Tensor, Tensor],
    clouds: Regions,
    sun: tuple[Tensor, Tensor, Tensor],
    ground: tuple[Tensor, Tensor],
    layers: Slab | None,
    constants: tuple[float, float, float],
) -> tuple[Tensor, Tensor]:
    """Do the work of :func:`shortwave_columns`; only the compiled loops look at the constants."""
    # Columns last: what is done to all columns runs over memory in order.
    gases = gases[0].contiguous(), gases[1].contiguous()
    total = gases[0] + gases[1]
    ssa = gases[1] / total.clamp(min=1e-30)
    mu0, incoming, tangent = sun
    clear = shortwave_slab(total, ssa, torch.zeros_like(ssa), mu0)
    if layers is not None:
        return shortwave_fluxes(clear, layers, clouds, incoming, *ground, tangent)
    plain = Slab(*(diagonal(part) for part in shortwave_slab(*medium, mu0[clouds.column])))
    return shortwave_fluxes(clear, plain, clouds, incoming, *ground)


def longwave_columns(
    tau: Tensor,
    planck: Tensor,
    medium: tuple[Tensor, Tensor, Tensor],
    clouds: Regions,
    ground: tuple[Tensor, Tensor],
    layers: Emission | None = None,
    *,
    conserve: bool = True,
) -> tuple[Tensor, Tensor]:
    """Follow long-wave radiation through columns.

    Parameters
    ----------
    tau : (level, point, column)
        Optical depth of gases, which do not scatter.
    planck : (level + 1, point, column)  [W/m2]
        Black-body flux at the boundaries of layers.
    medium, clouds
        As for :func:`shortwave_columns`.
    ground : pair of (point, column)
        Emission [W/m2] and albedo.
    layers : Emission of (3, 3, point, pair) and (3, point, pair), optional
        Cloudy layers whose regions exchange light (SPARTACUS); by default they do not
        (Tripleclouds).
    conserve : bool
        As for :func:`~weather_forecast.bias_correction.physics.adding.longwave_fluxes`.

    Returns
    -------
    flux_dn, flux_up : (level + 1, column)  [W/m2]
    """
    return follow_longwave(tau, planck, medium, clouds, ground, layers, conserve, LW_DIFFUSIVITY)


@compiled_by("weather_forecast.bias_correction.physics.longwave_loops")
def follow_longwave(
    tau: Tensor,
    planck: Tensor,
    medium: tuple[Tensor, Tensor, Tensor],
    clouds: Regions,
    ground: tuple[Tensor, Tensor],
    layers: Emission | None,
    conserve: bool,
    diffusivity: float,
) -> tuple[Tensor, Tensor]:
    """Do the work of :func:`longwave_columns`; only the compiled loops look at the constant."""
    # Columns last: what is done to all columns runs over memory in order.
    tau, planck = tau.contiguous(), planck.contiguous()
    nothing = torch.zeros_like(tau)
    clear = longwave_slab(tau, nothing, nothing, planck[:-1], planck[1:])
    if layers is None:
        r, t, up, dn = longwave_slab(*medium, *cloud_emission(planck, clouds))
        layers = Emission(diagonal(r), diagonal(t), up, dn)
    return longwave_fluxes(clear, layers, clouds, *ground, conserve=conserve)


def cloud_emission(planck: Tensor, clouds: Regions) -> tuple[Tensor, Tensor]:
    """Return black-body fluxes times the area of regions, at top and base: (3, point, pair)."""
    area = clouds.at_pairs(clouds.fractions)[:, None]
    return clouds.at_pairs(planck[:-1]) * area, clouds.at_pairs(planck[1:]) * area
