"""Heating rates and fluxes: each follows from the other."""

from __future__ import annotations

from torch import Tensor

from ai4sim.physics.constants import ECRAD_HEAT_CAPACITY, GRAVITY

SECONDS_PER_DAY = 86400.0
HEATING = SECONDS_PER_DAY * GRAVITY / ECRAD_HEAT_CAPACITY
"""Heating of a layer per flux that it absorbs and pressure across it [K/day Pa/(W/m2)]."""


def heating_rate(flux_dn: Tensor, flux_up: Tensor, pressure_hl: Tensor) -> Tensor:
    """Return the heating ``-(g / cp) d(F_dn - F_up) / dp`` of each layer.

    Parameters
    ----------
    flux_dn, flux_up : (..., half_level)  [W/m2]
    pressure_hl : (..., half_level)  [Pa]
        Increasing.

    Returns
    -------
    (..., level)  [K/day]
    """
    return -HEATING * (flux_dn - flux_up).diff(dim=-1) / pressure_hl.diff(dim=-1)
