"""Black-body fluxes in compiled loops: see :func:`.gas_optics.planck_bands` in PyTorch."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

Array = NDArray[np.float64]


@jit("contract")
def _bands(
    start: int, stop: int, temperature: Array, edges: Array, terms: NDArray[np.int64],
    sigma: float, bands: Array,
) -> None:  # fmt: skip
    """Integrate the Planck function over bands: (column, n) to (column, n, band)."""
    number = temperature.shape[1]
    x, factor, power = np.empty(number), np.empty(number), np.empty(number)
    above, below = np.empty(number), np.empty(number)
    for c in range(start, stop):
        below[:] = 1.0
        for b in range(edges.size):
            for k in range(number):
                x[k] = edges[b] / temperature[c, k]
                factor[k] = math.exp(-x[k])
                power[k], above[k] = 1.0, 0.0
            for n in range(1, terms[b] + 1):
                i = 1.0 / n
                for k in range(number):
                    y = x[k]
                    power[k] *= factor[k]
                    # exp(-n x) (x^3 / n + 3 x^2 / n^2 + 6 x / n^3 + 6 / n^4), Chang & Rhee (1984)
                    series = i * (y * y * y + i * (3.0 * y * y + i * (6.0 * y + i * 6.0)))
                    above[k] += power[k] * series
            for k in range(number):
                share = 15.0 / math.pi**4 * above[k]
                bands[c, k, b] = (below[k] - share) * (sigma * temperature[c, k] ** 4)
                below[k] = share
        for k in range(number):
            bands[c, k, edges.size] = below[k] * (sigma * temperature[c, k] ** 4)


def planck_bands(
    temperature: Tensor, edges: tuple[float, ...], terms: tuple[int, ...], sigma: float
) -> Tensor:
    """Return what a black body emits in bands, as the function in PyTorch does."""
    columns_first = temperature.to(torch.float64).movedim(-1, 0).contiguous()
    flat = columns_first.reshape(len(columns_first), -1)
    bands = flat.new_empty(*flat.shape, len(edges) + 1)
    arguments = flat.numpy(), np.array(edges), np.array(terms), sigma, bands.numpy()
    in_threads(lambda a, b: _bands(a, b, *arguments), len(flat))
    bands = bands.reshape(*columns_first.shape, -1).to(temperature.dtype)
    return bands.movedim(0, -2)
