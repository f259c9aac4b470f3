"""Statistics of the training set, in one pass, and the affine maps that use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass
class RunningStatistics:
    """Mean and standard deviation of each channel, accumulated batch by batch.

    Two accumulators merge exactly (Chan, Golub & LeVeque 1979), so the statistics of many files
    cost one pass and can be taken in parallel. Everything is accumulated in float64.

    Attributes
    ----------
    count : int
        Samples seen per channel.
    mean, m2 : ndarray of shape (channel, *kept)
        Running mean, and sum of squared deviations from it.
    """

    count: int = 0
    mean: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    m2: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, array: NDArray, axis: int | tuple[int, ...]) -> Self:
        """Return the statistics of one array over `axis`; the other axes are kept.

        Parameters
        ----------
        array : ndarray
            For instance (sample, channel, x, y, z) with ``axis=(0, 2, 3, 4)``: one mean per
            channel.
        axis : int or tuple of int
            Axes that are averaged over.
        """
        axes = (axis,) if isinstance(axis, int) else axis
        count = int(np.prod([array.shape[a] for a in axes]))
        mean = array.mean(axis=axes, dtype=np.float64)
        kept = np.expand_dims(mean, axes)
        m2 = np.square(array - kept).sum(axis=axes, dtype=np.float64)
        return cls(count, np.asarray(mean), np.asarray(m2))

    def merge(self, other: RunningStatistics) -> RunningStatistics:
        """Return the statistics of the union of both samples."""
        if self.count == 0:
            return other
        if other.count == 0:
            return self
        if self.mean.shape != other.mean.shape:
            raise ValueError(
                f"statistics of shape {self.mean.shape} cannot be merged with {other.mean.shape}: "
                "the files differ in their channels or levels"
            )
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        m2 = self.m2 + other.m2 + delta**2 * (self.count * other.count / count)
        return RunningStatistics(count, mean, m2)

    @classmethod
    def merged(cls, parts: Iterable[RunningStatistics]) -> RunningStatistics:
        """Return the union of any number of accumulators."""
        total = cls()
        for part in parts:
            total = total.merge(part)
        return total

    @property
    def std(self) -> NDArray[np.float64]:
        """Population standard deviation of each channel."""
        return np.sqrt(self.m2 / max(self.count, 1))


def full_precision(x: Tensor) -> Tensor:
    """Return values in the precision of physical ones: float64 if they have it, else float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Normalizer(nn.Module):
    """The map ``x -> (x - mean) / std`` per channel; its two buffers travel in the checkpoint.

    A constant channel (std below `floor` times its largest magnitude) is only shifted, never
    divided by zero.

    Parameters
    ----------
    shape : tuple of int
        (channel,) for one value per channel, (channel, level) for one per channel and level.
    floor : float
        Relative standard deviation under which a channel counts as constant.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...], floor: float = 1e-7) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def set(self, mean: NDArray | Tensor | float, std: NDArray | Tensor | float) -> None:
        """Take over statistics; they must broadcast to the shape given at construction."""
        mean_, std_ = (torch.as_tensor(np.asarray(v), dtype=torch.float64) for v in (mean, std))
        if not (torch.isfinite(mean_).all() and torch.isfinite(std_).all()):
            raise ValueError("normalisation statistics hold NaN or infinite values")
        constant = std_ <= self.floor * mean_.abs().clamp(min=torch.finfo(torch.float32).tiny)
        self.mean.copy_(mean_.expand(self.mean.shape))
        self.std.copy_(torch.where(constant, torch.ones_like(std_), std_).expand(self.std.shape))

    def _aligned(self, buffer: Tensor, x: Tensor) -> Tensor:
        return buffer.reshape(buffer.shape + (1,) * (x.ndim - 1 - buffer.ndim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x : (batch, *shape, ...)``."""
        return (x - self._aligned(self.mean, x)) / self._aligned(self.std, x)

    def inverse(self, x: Tensor) -> Tensor:
        """Undo :meth:`forward`."""
        return self.scaled(x) + self._aligned(self.mean, x)

    def scaled(self, x: Tensor) -> Tensor:
        """Give differences or deviations their unit back: without the mean."""
        return x * self._aligned(self.std, x)
