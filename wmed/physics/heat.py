"""Radiation and net heat; all that is net is positive where the sea gains heat [W/m2]."""

from __future__ import annotations

from torch import Tensor

from ai4sim.physics.constants import AEROBULK_STEFAN_BOLTZMANN
from wmed.physics.constants import ALBEDO, EMISSIVITY


def net_shortwave(downward: Tensor, albedo: float = ALBEDO) -> Tensor:
    """Sunlight that the sea takes up [W/m2], of what arrives [W/m2]."""
    return (1 - albedo) * downward


def net_longwave(
    downward: Tensor, sea_surface_temperature: Tensor, emissivity: float = EMISSIVITY
) -> Tensor:
    """Thermal radiation that the sea takes up less what it emits [W/m2].

    Parameters
    ----------
    downward : [W/m2]
    sea_surface_temperature : [K]
    emissivity : float
        Of the sea, which reflects the rest.
    """
    emitted = AEROBULK_STEFAN_BOLTZMANN * sea_surface_temperature.square().square()
    return emissivity * (downward - emitted)


def sky_longwave(temperature: Tensor, vapour_pressure: Tensor, cover: Tensor | float) -> Tensor:
    """Thermal radiation from the sky [W/m2] (Bignami et al. 1995, J. Geophys. Res. 100).

    ``sigma Ta^4 (0.653 + 0.00535 e) (1 + 0.1762 C^2)``, e in hPa; fitted to the Western
    Mediterranean.

    Parameters
    ----------
    temperature : [K]
        Of the air near the surface.
    vapour_pressure : [Pa]
        There.
    cover : Tensor or float
        Share of the sky that clouds cover.
    """
    clear = AEROBULK_STEFAN_BOLTZMANN * temperature**4 * (0.653 + 0.00535 * vapour_pressure / 100)
    return clear * (1 + 0.1762 * cover**2)


def net_heat(shortwave: Tensor, longwave: Tensor, latent: Tensor, sensible: Tensor) -> Tensor:
    """Net heat flux into the sea from its four net parts [W/m2]."""
    return shortwave + longwave + latent + sensible
