"""Optical properties of cloud droplets and ice crystals.

Droplets: Chou & Suarez (1999, tables 4 to 6) for sunlight, Chou et al. (2001, tables 11 to 13) for
the long wave. Ice: Fu (1996) as fitted by Chou & Suarez to their bands for sunlight; Fu et al.
(1998) for the long wave, at the band of theirs that is nearest to ours.

Paths and radii have the axis (pair,), properties (band, pair).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by

FU_SIZE = 1.0 / 0.64952
"""Fu's effective size of ice crystals in units of the IFS' effective radius."""

# By band of sunlight: coefficients of rising powers of the effective radius [um].
_DROP_EXTINCTION = ((-0.00659, 1.65), (-0.0101, 1.72), (-0.0166, 1.85), (-0.0339, 2.16))
_DROP_COALBEDO = (
    (0.0, 0.0, 0.0),
    (7e-8, 8.45e-6, -4e-8),
    (-0.00019934, 0.00088757, -6.50e-6),
    (0.01209318, 0.01784739, -0.00036910),
)
_DROP_ASYMMETRY = (
    (0.82562, 0.00529, -0.00014866),
    (0.79375035, 0.00832441, -0.00023263),
    (0.74513197, 0.01370071, -0.00038203),
    (0.83530748, 0.00257181, 0.00005519),
)
_ICE_EXTINCTION = (0.000333, 2.52)
_ICE_COALBEDO = (
    (0.0, 0.0, 0.0),
    (-2.60e-6, 7.46e-6, 0.0),
    (0.00215346, 0.00073709, -1.34e-6),
    (0.08938331, 0.00299387, -1.038e-5),
)
_ICE_ASYMMETRY = (
    (0.74625, 0.0010541, -2.64e-6),
    (0.74935228, 0.00119715, -3.67e-6),
    (0.76098937, 0.00141864, -3.96e-6),
    (0.840904, 0.00126222, -3.85e-6),
)

# By band of the long wave.
_THERMAL_DROP_EXTINCTION = (
    (0.08641, 0.01769, -1.5572e-3, 3.4896e-5),
    (0.22027, 0.00997, -1.8719e-3, 5.3112e-5),
    (0.38074, -0.03027, 1.0154e-3, -1.1849e-5),
    (0.15587, 0.00371, -7.7705e-4, 2.0547e-5),
    (0.05518, 0.04544, -4.2067e-3, 1.0184e-4),
    (0.12724, 0.04751, -5.2037e-3, 1.3711e-4),
    (0.30390, 0.01656, -3.5271e-3, 1.0828e-4),
    (0.63617, -0.06287, 2.2350e-3, -2.3177e-5),
)
_THERMAL_DROP_ALBEDO = (
    (-7.8566e-2, 8.0875e-2, -4.3403e-3, 8.1341e-5),
    (-1.3384e-2, 9.3134e-2, -6.0491e-3, 1.3059e-4),
    (3.7096e-2, 7.3211e-2, -4.4211e-3, 9.2448e-5),
    (-3.7600e-3, 9.3344e-2, -5.6561e-3, 1.1387e-4),
    (0.40212, 7.8083e-2, -5.9583e-3, 1.2883e-4),
    (0.57928, 5.9094e-2, -5.4425e-3, 1.2725e-4),
    (0.68974, 4.2334e-2, -4.9469e-3, 1.2863e-4),
    (0.80122, 9.4578e-3, -2.8508e-3, 9.0078e-5),
)
_THERMAL_DROP_ASYMMETRY = (
    (-0.51930, 0.20290, -1.1747e-2, 2.3868e-4),
    (-0.22151, 0.19708, -1.2462e-2, 2.6646e-4),
    (0.14157, 0.14705, -9.5802e-3, 2.0819e-4),
    (0.41590, 0.10482, -6.9118e-3, 1.5115e-4),
    (0.55338, 7.7016e-2, -5.2218e-3, 1.1587e-4),
    (0.61384, 6.4402e-2, -4.6241e-3, 1.0746e-4),
    (0.67891, 4.8698e-2, -3.7021e-3, 9.1966e-5),
    (0.78169, 2.0803e-2, -1.4749e-3, 3.9362e-5),
)
# Fu's bands 0 - 280, 400 - 540, 540 - 670, 800 - 980, 980 - 1100, 1100 - 1250, 1250 - 1400 and
# 1400 - 1700 1/cm; extinction in rising powers of 1 / size, the others in powers of the size.
_THERMAL_ICE_EXTINCTION = (
    (4.919685e-3, 2.327741, -13.90858),
    (-1.334860e-2, 4.043808, -21.71029),
    (-9.524174e-3, 3.587742, -10.68895),
    (-1.691632e-3, 2.765756, -8.331033),
    (-8.372696e-3, 3.455018, -15.16692),
    (-8.178608e-3, 3.401245, -8.812820),
    (-4.936610e-3, 3.087764, -3.884262),
    (-3.034573e-3, 2.900043, -1.849911),
)
_THERMAL_ICE_ABSORPTION = (
    (8.869787e-1, 2.118409e-2, -2.781429e-4, 1.094562e-6),
    (3.003701e-1, 2.051529e-2, -1.931684e-4, 6.583031e-7),
    (9.551440e-1, 1.309792e-2, -1.793694e-4, 7.313392e-7),
    (1.195515, 3.350616e-3, -5.266996e-5, 2.233377e-7),
    (5.409536e-1, 1.949649e-2, -2.050908e-4, 7.364680e-7),
    (5.874323e-1, 1.876628e-2, -2.045834e-4, 7.510080e-7),
    (7.152274e-1, 1.621734e-2, -1.868544e-4, 7.078738e-7),
    (8.862434e-1, 1.226538e-2, -1.523076e-4, 6.000892e-7),
)
_THERMAL_ICE_ASYMMETRY = (
    (4.949276e-1, 1.186174e-2, -1.267629e-4, 4.603574e-7),
    (7.260484e-1, 2.664334e-3, -1.251136e-5, 2.243377e-8),
    (7.363466e-1, 4.798266e-3, -4.513292e-5, 1.525774e-7),
    (8.663385e-1, 2.797934e-3, -3.187011e-5, 1.217209e-7),
    (8.906280e-1, 1.903269e-3, -1.733552e-5, 5.855071e-8),
    (8.609604e-1, 2.200445e-3, -1.748105e-5, 5.176616e-8),
    (8.522816e-1, 2.523627e-3, -2.149196e-5, 6.685067e-8),
    (8.741665e-1, 2.455409e-3, -2.456935e-5, 8.641223e-8),
)


class Cloud(NamedTuple):
    """Optical depth, single-scattering albedo, asymmetry factor, delta-scaled: (band, pair)."""

    tau: Tensor
    ssa: Tensor
    asymmetry: Tensor


class Particles(NamedTuple):
    """What clouds consist of: (pair,).

    Attributes
    ----------
    liquid, ice : water paths within the cloud [g/m2]
    radius_liquid, radius_ice : effective radii [um]
    """

    liquid: Tensor
    ice: Tensor
    radius_liquid: Tensor
    radius_ice: Tensor


def _polynomial(coefficients: Sequence[Sequence[float]], x: Tensor) -> Tensor:
    """Evaluate a row of coefficients of rising powers for each band: (band, pair)."""
    table = torch.tensor(coefficients, dtype=x.dtype, device=x.device)
    value = table[:, -1, None].expand(-1, len(x))
    for power in range(table.shape[1] - 2, -1, -1):
        value = value * x + table[:, power, None]
    return value


def _mixture(tau: Sequence[Tensor], ssa: Sequence[Tensor], asymmetry: Sequence[Tensor]) -> Cloud:
    """Mix droplets and crystals; take the light that goes straight on as not scattered.

    Delta-Eddington scaling of each with the forward fraction ``g^2`` (Joseph et al. 1976).
    """
    total = scattered = weighted = torch.zeros_like(tau[0])
    for extinction, albedo, g in zip(tau, ssa, asymmetry, strict=True):
        scattering = extinction * albedo * (1.0 - g.square())
        total = total + extinction * (1.0 - albedo) + scattering
        scattered = scattered + scattering
        weighted = weighted + scattering * g / (1.0 + g)
    return Cloud(total, scattered / total.clamp(min=1e-30), weighted / scattered.clamp(min=1e-30))


def solar_cloud(particles: Particles) -> Cloud:
    """Return what clouds do to sunlight in the four bands."""
    radius = particles.radius_liquid.clamp(4.0, 20.0)
    size = (particles.radius_ice * FU_SIZE).clamp(10.0, 130.0)
    return _mixture(
        (
            particles.liquid * _polynomial(_DROP_EXTINCTION, 1.0 / radius),
            (particles.ice * _polynomial([_ICE_EXTINCTION], 1.0 / size)).expand(4, -1),
        ),
        (
            1.0 - _polynomial(_DROP_COALBEDO, radius).clamp(0.0, 1.0),
            1.0 - _polynomial(_ICE_COALBEDO, size).clamp(0.0, 1.0),
        ),
        (_polynomial(_DROP_ASYMMETRY, radius), _polynomial(_ICE_ASYMMETRY, size)),
    )


def thermal_cloud(particles: Particles) -> Cloud:
    """Return what clouds do in the eight bands of the long wave."""
    radius = particles.radius_liquid.clamp(4.0, 20.0)
    size = (particles.radius_ice * FU_SIZE).clamp(15.0, 130.0)
    extinction = _polynomial(_THERMAL_ICE_EXTINCTION, 1.0 / size)
    absorption = _polynomial(_THERMAL_ICE_ABSORPTION, size) / size
    return _mixture(
        (
            particles.liquid * _polynomial(_THERMAL_DROP_EXTINCTION, radius).clamp(min=0.0),
            particles.ice * extinction,
        ),
        (
            _polynomial(_THERMAL_DROP_ALBEDO, radius).clamp(0.0, 1.0),
            (1.0 - absorption / extinction).clamp(0.0, 1.0),
        ),
        (
            _polynomial(_THERMAL_DROP_ASYMMETRY, radius).clamp(0.0, 0.999),
            _polynomial(_THERMAL_ICE_ASYMMETRY, size).clamp(0.0, 0.999),
        ),
    )


@compiled_by("weather_forecast.bias_correction.physics.cloud_optics_loops")
def with_gases(
    cloud: tuple[Tensor, Tensor, Tensor],
    bands: tuple[int, ...],
    scalings: tuple[float, ...],
    absorption: Tensor,
    scattering: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mix clouds and gases.

    Parameters
    ----------
    cloud : Cloud of (band, pair)
    bands : tuple of int
        Band of each spectral point.
    scalings : tuple of float
        Optical depth of the cloud in each region, in units of its mean.
    absorption, scattering : (point, pair)
        Optical depths of gases.

    Returns
    -------
    tau, ssa, asymmetry : (region, point, pair)
    """
    mean, ssa, asymmetry = (part[list(bands)] for part in cloud)
    tau = mean.new_tensor(scalings)[:, None, None] * mean
    scattered = tau * ssa
    total = tau + absorption + scattering
    all_scattered = scattered + scattering
    asymmetry = scattered * asymmetry / all_scattered.clamp(min=1e-30)
    return total, all_scattered / total.clamp(min=1e-30), asymmetry
