"""Two-stream equations of one homogeneous layer: coefficients and their solution.

Diffuse light is an upward flux ``u`` and a downward flux ``v``, sunlight that has not been
scattered is ``s``, all three per horizontal area. Over optical depth, counted downward,

    dv/dtau = -gamma1 v + gamma2 u + gamma4 ssa s / mu0,
    du/dtau =  gamma1 u - gamma2 v - gamma3 ssa s / mu0,     ds/dtau = -s / mu0

(Meador & Weaver 1980); in the long wave ``D (1 - ssa) B`` replaces the solar terms.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LW_DIFFUSIVITY = 1.66
"""Elsasser's factor D: slant path of diffuse long-wave radiation per vertical path."""


class Slab(NamedTuple):
    """What a layer does with the light that enters it, as shares of that light.

    Scalars of one region, or matrices (to region, from region, ...) that couple the regions.

    Attributes
    ----------
    reflectance, transmittance : diffuse light into diffuse light, the same from both sides
    reflectance_direct : direct light into diffuse light that leaves upward
    transmittance_direct : direct light into diffuse light that leaves downward
    direct : direct light that passes unscattered
    """

    reflectance: Tensor
    transmittance: Tensor
    reflectance_direct: Tensor
    transmittance_direct: Tensor
    direct: Tensor


class Emission(NamedTuple):
    """What a layer does in the long wave: shares as in :class:`Slab`, and its own emission [W/m2].

    Attributes
    ----------
    reflectance, transmittance : as in :class:`Slab`
    up, dn : emission that leaves at the top and at the base
    """

    reflectance: Tensor
    transmittance: Tensor
    up: Tensor
    dn: Tensor


def shortwave_gammas(ssa: Tensor, asymmetry: Tensor, mu0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return gamma1, gamma2 and gamma3 of the practical improved flux method (Zdunkowski 1980)."""
    g = 0.75 * asymmetry
    return 2.0 - ssa * (1.25 + g), ssa * (0.75 - g), 0.5 - mu0 * g


def longwave_gammas(ssa: Tensor, asymmetry: Tensor) -> tuple[Tensor, Tensor]:
    """Return gamma1 and gamma2 of the long wave (Fu et al. 1997, Eqs. 2.9 and 2.10)."""
    half = 0.5 * LW_DIFFUSIVITY * ssa
    return LW_DIFFUSIVITY - half * (1.0 + asymmetry), half * (1.0 - asymmetry)


def _diffuse(tau: Tensor, gamma1: Tensor, gamma2: Tensor) -> tuple[Tensor, ...]:
    """Return k, exp(-k tau), the common denominator's inverse, reflectance and transmittance."""
    # Without absorption k is 0 and the solution becomes a quotient of zeros: k >= 1e-6 is an
    # absorption of 1e-12 per unit of optical depth.
    k = ((gamma1 - gamma2) * (gamma1 + gamma2)).clamp(min=1e-12).sqrt()
    decay = torch.exp(-k * tau)
    inverse = 1.0 / (k + gamma1 + (k - gamma1) * decay.square())
    reflectance = gamma2 * (1.0 - decay.square()) * inverse
    return k, decay, inverse, reflectance, 2.0 * k * decay * inverse


def shortwave_slab(tau: Tensor, ssa: Tensor, asymmetry: Tensor, mu0: Tensor) -> Slab:
    """Solve the equations for sunlight (Meador & Weaver 1980, Eqs. 14, 15, 25, 26).

    Parameters
    ----------
    tau, ssa, asymmetry : (...)
        Optical depth, single-scattering albedo and asymmetry factor.
    mu0 : (...)
        Cosine of the solar zenith angle, > 0.
    """
    # The solution is singular where k mu0 = 1, its limit is not: step aside.
    gamma1, gamma2, _ = shortwave_gammas(ssa, asymmetry, mu0)
    k_squared = (gamma1 - gamma2) * (gamma1 + gamma2)
    mu = torch.where((1.0 - k_squared * mu0.square()).abs() < 1e-6, mu0 * (1.0 - 1e-6), mu0)
    gamma3 = 0.5 - mu * (0.75 * asymmetry)
    gamma4 = 1.0 - gamma3

    k, decay, inverse, reflectance, transmittance = _diffuse(tau, gamma1, gamma2)
    alpha1 = gamma1 * gamma4 + gamma2 * gamma3
    alpha2 = gamma1 * gamma3 + gamma2 * gamma4
    k_mu = k * mu
    direct = torch.exp(-tau / mu)
    factor = ssa * inverse / (1.0 - k_mu.square())
    twice = 2.0 * k * decay
    up = factor * (
        (1.0 - k_mu) * (alpha2 + k * gamma3)
        - (1.0 + k_mu) * (alpha2 - k * gamma3) * decay.square()
        - twice * (gamma3 - alpha2 * mu) * direct
    )
    dn = factor * (
        twice * (gamma4 + alpha1 * mu)
        - direct
        * (
            (1.0 + k_mu) * (alpha1 + k * gamma4)
            - (1.0 - k_mu) * (alpha1 - k * gamma4) * decay.square()
        )
    )
    # gamma3 < 0 for a high sun and strong forward scattering: no more than all of the light.
    up = up.clamp(min=0.0).minimum(1.0 - direct)
    dn = dn.clamp(min=0.0).minimum(1.0 - direct - up)
    return Slab(reflectance, transmittance, up, dn, direct)


def longwave_slab(
    tau: Tensor, ssa: Tensor, asymmetry: Tensor, planck_top: Tensor, planck_base: Tensor
) -> Emission:
    """Solve the equations for a Planck function linear in optical depth (Wiscombe 1976).

    Parameters
    ----------
    tau, ssa, asymmetry : (...)
        Optical depth, single-scattering albedo and asymmetry factor.
    planck_top, planck_base : (...)  [W/m2]
        Black-body flux at the boundaries.
    """
    gamma1, gamma2 = longwave_gammas(ssa, asymmetry)
    *_, reflectance, transmittance = _diffuse(tau, gamma1, gamma2)
    slope = (planck_base - planck_top) / ((gamma1 + gamma2) * tau.clamp(min=1e-4))
    up = (
        planck_top
        + slope
        - reflectance * (planck_top - slope)
        - transmittance * (planck_base + slope)
    )
    dn = (
        planck_base
        - slope
        - reflectance * (planck_base + slope)
        - transmittance * (planck_top - slope)
    )
    # Of a thin layer little is left of the difference above but rounding: it emits its mean.
    thin = tau < 1e-4
    mean = (1.0 - reflectance - transmittance) * 0.5 * (planck_top + planck_base)
    return Emission(
        reflectance, transmittance, torch.where(thin, mean, up), torch.where(thin, mean, dn)
    )
