"""The stability functions of :mod:`.stability` for compiled loops, from z / L itself.

Arc tangents are those of differences, ``arctan a - arctan b = arctan((a - b) / (1 + a b))``, b
what stands in neutral air: so they are small, and nothing is lost where they cancel.
"""

from __future__ import annotations

import math
from ai4sim.compiled import jit
from ai4sim.physics.elementary_loops import arctan, at_least, at_most, cube_root, exp, log

inlined = jit("contract", inline=True)


@inlined
def bent(stable: float) -> float:
    """(zeta - c/d) exp(-d zeta) + c/d."""
    f = type(stable)
    return stable + (stable - f(5 / 0.35)) * (exp(f(-0.35) * stable) - f(1))


@inlined
def stable_heat(stable: float) -> float:
    """Minus psi_h of stable air."""
    f = type(stable)
    base = f(1) + f(2 / 3) * stable
    return f(2 / 3) * bent(stable) + (base * math.sqrt(base) - f(1))


@inlined
def kansas_wind(fourth: float) -> float:
    """psi_m of Paulson (1970), eq. 8; arc tangents as that of their difference to pi / 4."""
    f = type(fourth)
    square = math.sqrt(fourth)
    root = math.sqrt(square)
    once = f(1) + root
    logarithm = log(once * once * (f(1) + square) * f(1 / 8))
    return logarithm - f(2) * arctan((root - f(1)) / once)


@inlined
def kansas_heat(fourth: float) -> float:
    """psi_h of Paulson (1970), eq. 9."""
    f = type(fourth)
    return f(2) * log(f(0.5) + f(0.5) * math.sqrt(fourth))


@inlined
def free_convection(cube: float) -> float:
    """Profile of Grachev et al. (2000), eq. 12; arc tangents as that of their difference."""
    f = type(cube)
    root = cube_root(cube)
    logarithm = log((f(1) + root + root * root) * f(1 / 3))
    angle = arctan((root - f(1)) / (root + f(1)) * f(1 / math.sqrt(3)))
    return f(1.5) * logarithm - f(math.sqrt(3)) * angle


@inlined
def psi_m_coare(zeta: float, slope: float, bend: float) -> float:
    """Of :func:`.stability.psi_m_coare`."""
    f = type(zeta)
    stable = at_most(at_least(zeta, f(0)), f(50))
    unstable = at_most(at_least(zeta, f(-50)), f(0))
    near = kansas_wind(f(1) - f(15) * unstable)
    far = free_convection(f(1) - f(10.15) * unstable)
    square = unstable * unstable
    return near + square / (f(1) + square) * (far - near) - (slope * stable + bend * bent(stable))


@inlined
def psi_h_coare(zeta: float) -> float:
    """Of :func:`.stability.psi_h_coare`."""
    f = type(zeta)
    stable = at_most(at_least(zeta, f(0)), f(50))
    unstable = at_most(at_least(zeta, f(-50)), f(0))
    near = kansas_heat(f(1) - f(15) * unstable)
    far = free_convection(f(1) - f(34.15) * unstable)
    square = unstable * unstable
    return near + square / (f(1) + square) * (far - near) - stable_heat(stable)


@inlined
def psi_m_ecmwf(zeta: float) -> float:
    """Of :func:`.stability.psi_m_ecmwf`; z / L of 5 at most."""
    f = type(zeta)
    stable = at_most(at_least(zeta, f(0)), f(5))
    near = kansas_wind(f(1) - f(16) * at_most(zeta, f(0)))
    return near - stable - f(2 / 3) * bent(stable)


@inlined
def psi_h_ecmwf(zeta: float) -> float:
    """Of :func:`.stability.psi_h_ecmwf`; z / L of 5 at most."""
    f = type(zeta)
    stable = at_most(at_least(zeta, f(0)), f(5))
    return kansas_heat(f(1) - f(16) * at_most(zeta, f(0))) - stable_heat(stable)


@inlined
def psi_m_ncar(zeta: float) -> float:
    """Of :func:`.stability.psi_m_ncar`."""
    f = type(zeta)
    return kansas_wind(f(1) - f(16) * at_most(zeta, f(0))) - f(5) * at_least(zeta, f(0))


@inlined
def psi_h_ncar(zeta: float) -> float:
    """Of :func:`.stability.psi_h_ncar`."""
    f = type(zeta)
    return kansas_heat(f(1) - f(16) * at_most(zeta, f(0))) - f(5) * at_least(zeta, f(0))
