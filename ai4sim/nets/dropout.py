"""Dropout whose random numbers cost little.

On a CPU most of a graph network's training step can go into torch's dropout, which draws a float
per element. One random byte decides as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def dropout(x: Tensor, p: float, training: bool = True) -> Tensor:
    """Set elements to 0 with probability `p` and scale the others so that the mean stays.

    Parameters
    ----------
    x : Tensor
    p : float
        Probability, rounded to a multiple of 1/256 (for 0.5, none is lost).
    training : bool
        Otherwise `x` is returned as it is.

    """
    dropped = odds(p)
    if not training or dropped == 0:
        return x
    return _Dropout.apply(x, dropped)


def odds(p: float) -> int:
    """Round a probability to multiples of 1/256.

    Raises
    ------
    ValueError
        Where `p` is not in [0, 1), or would be rounded to 1.
    """
    dropped = round(256 * p)
    if not 0 <= dropped < 256:
        raise ValueError(f"dropout: expected a probability from 0 to below 1, found {p}")
    return dropped


def kept(like: Tensor, dropped: int) -> Tensor:
    """Draw for each element of a tensor whether it is kept: uint8, 0 with odds `dropped` / 256."""
    words = torch.empty(-(-like.numel() // 8), dtype=torch.int64, device=like.device)
    random = words.random_(-(2**63), None).view(torch.uint8)[: like.numel()]
    # In place the result stays uint8; comparisons that return bool are many times slower.
    return random.ge_(dropped).view(like.shape)


class _Dropout(torch.autograd.Function):
    """Multiply by a random mask, which is kept for the gradient: one byte per element."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        mask = kept(x, dropped)
        ctx.save_for_backward(mask)
        ctx.scale = 256 / (256 - dropped)
        return (x * mask).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return (grad * mask).mul_(ctx.scale), None
