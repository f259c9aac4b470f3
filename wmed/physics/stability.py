"""Stability functions: how stratification bends the logarithmic profiles over the sea.

With zeta = z / L, L the Obukhov length, wind and potential temperature at height z above a sea of
roughness z0 are::

    u = u* / kappa (log(z / z0) - psi_m(zeta))
    theta - theta_s = theta* / kappa (log(z / z0t) - psi_h(zeta))

psi is 0 in neutral air, positive in unstable (zeta < 0), negative in stable air. Each function is
the sum of its unstable and its stable side; the one that does not apply is evaluated at zeta = 0,
where it is 0. So they are continuous, gradients stay finite, and no time goes into choosing a side.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

_B, _C, _D = 2 / 3, 5.0, 0.35  # Beljaars & Holtslag (1991), eq. 28, 32; their a is 1
_ROOT3 = math.sqrt(3)


class Stratification(NamedTuple):
    """zeta = z / L, its sides apart, as the stability functions take it; see :func:`stratify`.

    Attributes
    ----------
    unstable, stable : Tensor
        min(zeta, 0) and max(zeta, 0).
    bent : Tensor
        (zeta - c/d) exp(-d zeta) + c/d of the stable side.
    """

    unstable: Tensor
    stable: Tensor
    bent: Tensor


def stratify(zeta: Tensor, least: float = -50.0, most: float = 50.0) -> Stratification:
    """Split z / L for the stability functions; beyond the bounds it counts as the bound."""
    stable = zeta.clamp(0, most)
    bent = torch.addcmul(stable, stable - _C / _D, torch.expm1(-_D * stable))
    return Stratification(zeta.clamp(least, 0), stable, bent)


def psi_m_coare(zeta: Stratification, slope: float = 1.0, bend: float = _B) -> Tensor:
    """Stability function of the wind (Fairall et al. 2003; stable: Beljaars & Holtslag 1991).

    Parameters
    ----------
    zeta : Stratification
    slope, bend : float
        a and b of the stable side, 1 and 2/3; NOAA's code has 0.7 and 0.75.

    Notes
    -----
    AeroBulk and COARE 3.0 round b c / d to 8.525 + 1, which makes a step of 0.005 at zeta = 0. Here
    it is exact.
    """
    near = _kansas_wind(_line(15, zeta.unstable))
    far = _free_convection(_line(10.15, zeta.unstable))
    stable = slope * zeta.stable + bend * zeta.bent
    return _blend(zeta.unstable, near, far) - stable


def psi_h_coare(zeta: Stratification) -> Tensor:
    """Stability function of temperature and humidity (Fairall et al. 2003)."""
    near = _kansas_heat(_line(15, zeta.unstable))
    far = _free_convection(_line(34.15, zeta.unstable))
    return _blend(zeta.unstable, near, far) - _stable_heat(zeta)


def psi_m_ecmwf(zeta: Stratification) -> Tensor:
    """Stability function of the wind (IFS documentation, part IV, eq. 3.20, 3.22).

    The IFS takes z / L for 5 where it is more.
    """
    return _kansas_wind(_line(16, zeta.unstable)) - zeta.stable - _B * zeta.bent


def psi_h_ecmwf(zeta: Stratification) -> Tensor:
    """Stability function of temperature and humidity (IFS documentation, part IV, eq. 3.20, 3.22).

    The IFS takes z / L for 5 where it is more.
    """
    return _kansas_heat(_line(16, zeta.unstable)) - _stable_heat(zeta)


def psi_m_ncar(zeta: Stratification) -> Tensor:
    """Stability function of the wind (Large & Yeager 2009, eq. 8)."""
    return torch.sub(_kansas_wind(_line(16, zeta.unstable)), zeta.stable, alpha=5)


def psi_h_ncar(zeta: Stratification) -> Tensor:
    """Stability function of temperature and humidity (Large & Yeager 2009, eq. 8)."""
    return torch.sub(_kansas_heat(_line(16, zeta.unstable)), zeta.stable, alpha=5)


def _line(slope: float, zeta: Tensor) -> Tensor:
    """1 - slope zeta, in one pass."""
    return torch.rsub(zeta, 1, alpha=slope)


def _kansas_wind(fourth: Tensor) -> Tensor:
    """Paulson (1970), eq. 8, from the fourth power of x."""
    square = fourth.sqrt()
    root = square.sqrt()
    logarithm = torch.log((1 + root).square() * (1 + square))
    return torch.sub(logarithm, root.atan(), alpha=2) + (math.pi / 2 - math.log(8))


def _kansas_heat(fourth: Tensor) -> Tensor:
    """Paulson (1970), eq. 9, from the fourth power of x."""
    return 2 * torch.log(0.5 + 0.5 * fourth.sqrt())


def _free_convection(cube: Tensor) -> Tensor:
    """Profile of free convection from the cube of its gradient (Grachev et al. 2000, eq. 12)."""
    root = torch.exp(torch.log(cube) / 3)  # twice as fast as a power
    logarithm = torch.log(1 + torch.addcmul(root, root, root))
    angle = torch.atan((root + 0.5) * (2 / _ROOT3))
    shift = math.pi / _ROOT3 - 1.5 * math.log(3)
    return torch.sub(1.5 * logarithm, angle, alpha=_ROOT3) + shift


def _blend(zeta: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """From the one near neutral to the one of free convection (Fairall et al. 1996a, eq. 19)."""
    square = zeta.square()
    return torch.lerp(near, far, square / (1 + square))


def _stable_heat(zeta: Stratification) -> Tensor:
    """Minus psi_h of the stable side."""
    base = torch.rsub(zeta.stable, 1, alpha=-2 / 3)
    return torch.addcmul(_B * zeta.bent, base, base.sqrt()) - 1
