"""Overlap of regions in compiled loops: see :func:`.regions.overlaps` for the PyTorch form."""

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
def _cover(alpha: float, first: float, second: float) -> float:
    """Return the area that at least one of two covers (Hogan & Illingworth 2000)."""
    most = second if first < second else first
    return alpha * most + (1.0 - alpha) * (first + second - first * second)


@jit("contract")
def _overlaps(
    start: int, stop: int, fractions: Array, alpha: Array, least_fraction: float,
    decorrelation: float, up: Array, dn: Array,
) -> None:  # fmt: skip
    """Fill the overlap matrices of some columns; arrays as in ``overlaps``, but columns first."""
    levels = fractions.shape[1]
    above, below = np.zeros(3), np.zeros(3)
    for c in range(start, stop):
        for k in range(levels + 1):
            # Space and ground are clear.
            above[0], below[0] = 1.0, 1.0
            above[1:], below[1:] = 0.0, 0.0
            if k > 0:
                above[:] = fractions[c, k - 1]
            if k < levels:
                below[:] = fractions[c, k]
            a = alpha[c, k]
            cloud_above, cloud_below = 1.0 - above[0], 1.0 - below[0]
            cover = _cover(a, cloud_above, cloud_below)
            both = cloud_above + cloud_below - cover
            least = least_fraction
            thick_above = above[2] / (least if cloud_above < least else cloud_above)
            thick_below = below[2] / (least if cloud_below < least else cloud_below)
            inside = a ** (1.0 / decorrelation) if a >= 0.0 else a
            thick = _cover(inside, thick_above, thick_below)
            area = (
                (
                    1.0 - cover,
                    (cover - cloud_above) * (1.0 - thick_below),
                    (cover - cloud_above) * thick_below,
                ),
                (
                    (cover - cloud_below) * (1.0 - thick_above),
                    both * (1.0 - thick),
                    both * (thick - thick_above),
                ),
                (
                    (cover - cloud_below) * thick_above,
                    both * (thick - thick_below),
                    both * (thick_above + thick_below - thick),
                ),
            )
            for i in range(3):
                for j in range(3):
                    up[c, k, i, j] = area[i][j] / below[j] if below[j] >= least else 0.0
                    dn[c, k, j, i] = area[i][j] / above[i] if above[i] >= least else 0.0


def overlaps(
    fractions: Tensor, alpha: Tensor, least_fraction: float, decorrelation: float
) -> tuple[Tensor, Tensor]:
    """Return the directional overlap matrices, as the function in PyTorch does."""
    levels, _, number = fractions.shape
    up, dn = (torch.empty(number, levels + 1, 3, 3, dtype=torch.float64) for _ in range(2))
    arguments: Any = (
        columns_first(fractions, levels, 3, number),
        columns_first(alpha, levels + 1, number),
        least_fraction,
        decorrelation,
        up.numpy(),
        dn.numpy(),
    )
    in_threads(lambda a, b: _overlaps(a, b, *arguments), len(up))
    return up.movedim(0, -1).to(fractions.dtype), dn.movedim(0, -1).to(fractions.dtype)
