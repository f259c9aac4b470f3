"""Sums of plane waves as compiled loops; see :mod:`.random_fields`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit
from ai4sim.physics.elementary_loops import cosine

BLOCK = 256
"""Places at a time, whose sums stay in the cache."""


def sums_of_waves(place: Tensor, wave: Tensor, phase: Tensor, count: int) -> Tensor:
    """Return the sums, (place, count); see :func:`.random_fields.sums_of_waves`."""
    found = torch.empty((count, place.shape[0]), dtype=place.dtype)
    x, k = place.t().contiguous().numpy(), wave.contiguous().numpy()
    out, shift = found.numpy(), phase.contiguous().numpy()

    def work(first: int, last: int) -> None:
        _sums(x, k, shift, out, first * BLOCK, min(last * BLOCK, x.shape[1]))

    in_threads(work, -(-x.shape[1] // BLOCK), 4)
    return found.t().contiguous()


@jit("contract")
def _sums(
    x: NDArray[Any],
    k: NDArray[Any],
    phase: NDArray[Any],
    out: NDArray[Any],
    first: int,
    last: int,
) -> None:
    waves = k.shape[1] // out.shape[0]
    s = np.empty((4, BLOCK), out.dtype)
    for start in range(first, last, BLOCK):
        for axis in range(3):
            for i in range(BLOCK):
                s[axis, i] = x[axis, min(start + i, last - 1)]
        for field in range(out.shape[0]):
            for i in range(BLOCK):
                s[3, i] = 0
            for w in range(field * waves, (field + 1) * waves):
                east, north, up, shift = k[0, w], k[1, w], k[2, w], phase[w]
                for i in range(BLOCK):
                    s[3, i] += cosine(s[0, i] * east + s[1, i] * north + s[2, i] * up + shift)
            for i in range(min(BLOCK, last - start)):
                out[field, start + i] = s[3, i]
