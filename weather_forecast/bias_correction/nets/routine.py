"""A trained network of the 3-D corrections as the call of a host program."""

from __future__ import annotations

from torch import Tensor

from ai4sim.io.ranges import Bounds
from ai4sim.native.routine import Applied, Columns, Samples
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable
from weather_forecast.bias_correction.io.layout import BOUNDS

BLOCK = 32
"""Columns at once: with more, the intermediate results leave the cache."""
ROUNDING = 1e-3
"""How far the host's rounding may lie beyond the bounds of physics, relative to their width."""


def routine(surrogate: Surrogate) -> Columns:
    """Return a trained network as ``radiation_correction``."""

    def rows(samples: Samples) -> Tensor:
        return samples["inputs"]

    def widened(variable: Variable) -> Bounds:
        low, high = BOUNDS[variable.name]
        return Bounds(low - ROUNDING * (high - low), high + ROUNDING * (high - low))

    return Columns(
        name="radiation_correction",
        title="Effect of the sides of clouds on fluxes and heating rates, SPARTACUS - Tripleclouds",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        module=Applied(surrogate),
        rows=rows,
        block=BLOCK,
        bounds={v.name: widened(v) for v in surrogate.inputs},
        first_level="the top of the atmosphere",
    )
