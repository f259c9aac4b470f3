"""From a handful of numbers per point to fluxes that keep the rules of the exchange.

The numbers are free, what is made of them is not: transfer coefficients are positive, so that
stress is along the relative wind and heat flows from warm to cold; the sun gives nothing at night
and never more than comes in; the sea emits as a grey body. The net heat flux is the sum of its
parts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ai4sim.normalization import full_precision
from ai4sim.physics.constants import (
    AEROBULK_HEAT_CAPACITY,
    AEROBULK_STEFAN_BOLTZMANN,
    GRAVITY,
    VON_KARMAN,
)
from wmed.nets.features import SeaSurface
from wmed.physics.ecmwf import CHARNOCK, SMOOTH_MOMENTUM
from wmed.physics.heat import net_longwave, net_shortwave

DRAG, STANTON, DALTON = 1.2e-3, 1.1e-3, 1.1e-3
"""Transfer coefficients where the numbers are 0, about those of a neutral wind of 8 m/s."""
RANGE = 3.0
"""The coefficients stay within a factor ``exp(RANGE)`` of these."""
VISCOSITY = 1.5e-5
"""Of air [m2/s]."""


def neutral_drag(speed: Tensor, height: Tensor) -> Tensor:
    """Return the drag coefficient of a neutral wind over waves that it has raised itself.

    ``C = (k / ln(z / z0))^2`` with ``z0 = a ustar^2 / g + 0.11 nu / ustar`` (Charnock 1955, Smith
    1988). With it a network has only departures to learn, and a storm beyond its training set is
    not beyond its knowledge.

    Parameters
    ----------
    speed : (row,)  [m/s]
        Not 0.
    height : ()  [m]
    """
    ustar = DRAG**0.5 * speed
    for _ in range(4):  # each brings it five times nearer
        roughness = CHARNOCK / GRAVITY * ustar**2 + SMOOTH_MOMENTUM * VISCOSITY / ustar
        ustar = VON_KARMAN * speed / torch.log(height / roughness)
    return (ustar / speed) ** 2


def turbulent_fluxes(surface: SeaSurface, numbers: Tensor, drag: Tensor | float = DRAG) -> Tensor:
    """Return stress and heat of the turbulent exchange in bulk form.

    Parameters
    ----------
    surface : SeaSurface
    numbers : (row, 3)
        Of momentum, heat, water: logarithms of the factors by which the coefficients are larger
        than `drag`, :data:`STANTON` and :data:`DALTON`.
    drag : (row,) or float

    Returns
    -------
    (row, 4)
        tau_x, tau_y [N/m2], latent, sensible [W/m2].
    """
    factors = (RANGE * torch.tanh(full_precision(numbers) / RANGE)).exp()
    mass = surface.density * surface.speed
    momentum, heat, water = (mass[:, None] * factors).unbind(-1)
    return torch.stack(
        [
            drag * momentum * surface.wind_x,
            drag * momentum * surface.wind_y,
            DALTON * water * surface.latent_heat * surface.moisture,
            STANTON * heat * AEROBULK_HEAT_CAPACITY * surface.warmth,
        ],
        dim=-1,
    )


def radiative_fluxes(surface: SeaSurface, numbers: Tensor) -> Tensor:
    """Return the radiation that the sea takes up.

    Parameters
    ----------
    surface : SeaSurface
    numbers : (row, 2)
        What part of the sunshine comes through, and how strongly the air emits, both as logits: the
        air as a black body of its lowest temperature times a factor between 0 and 1.2.

    Returns
    -------
    (row, 2)
        shortwave, longwave [W/m2].
    """
    through, emission = full_precision(numbers).sigmoid().unbind(-1)
    black = AEROBULK_STEFAN_BOLTZMANN * surface.temperature**4
    downward = 1.2 * emission * black
    return torch.stack(
        [
            net_shortwave(through * surface.toa_shortwave),
            net_longwave(downward, surface.sea_surface_temperature),
        ],
        dim=-1,
    )
