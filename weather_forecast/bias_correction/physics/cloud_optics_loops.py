"""Clouds among gases in compiled loops: see :func:`.cloud_optics.with_gases` in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit
from weather_forecast.bias_correction.physics.matrices_loops import columns_first

Array = NDArray[np.float64]


@jit("contract")
def _with_gases(
    start: int, stop: int, cloud: Any, bands: NDArray[np.int64], scalings: Array, gases: Any,
    medium: Any,
) -> None:  # fmt: skip
    """Mix clouds and gases of some pairs; arrays as in ``with_gases``, but pairs first."""
    absorption, scattering = gases
    for p in range(start, stop):
        for region in range(scalings.size):
            for j in range(bands.size):
                tau = scalings[region] * cloud[0][p, bands[j]]
                scattered = tau * cloud[1][p, bands[j]]
                total = tau + absorption[p, j] + scattering[p, j]
                every = scattered + scattering[p, j]
                medium[0][p, region, j] = total
                medium[1][p, region, j] = every / (1e-30 if total < 1e-30 else total)
                medium[2][p, region, j] = (
                    scattered * cloud[2][p, bands[j]] / (1e-30 if every < 1e-30 else every)
                )


def with_gases(
    cloud: tuple[Tensor, ...], bands: tuple[int, ...], scalings: tuple[float, ...],
    absorption: Tensor, scattering: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Mix clouds and gases, as the function in PyTorch does."""
    points, pairs = absorption.shape
    medium = [torch.empty(pairs, len(scalings), points, dtype=torch.float64) for _ in range(3)]
    arguments: Any = (
        tuple(columns_first(x, len(x), pairs) for x in cloud),
        np.array(bands),
        np.array(scalings),
        tuple(columns_first(x, len(bands), pairs) for x in (absorption, scattering)),
        tuple(x.numpy() for x in medium),
    )
    in_threads(lambda a, b: _with_gases(a, b, *arguments), len(medium[0]), block=256)
    return tuple(x.movedim(0, -1).to(absorption.dtype) for x in medium)
