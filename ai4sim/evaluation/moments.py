"""Means and co-moments of inputs and outputs: normalisation and regression from one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.normalization import RunningStatistics
from ai4sim.variables import Float64Array


@dataclass(frozen=True)
class CrossMoments:
    """First and second moments of rows ``x : (row, p)`` and ``y : (row, q)``, in float64.

    Second moments are taken about the mean, and those of two sets of rows merge exactly (Chan,
    Golub & LeVeque 1979): no digits are lost to a mean that is large against the spread, such as
    that of a temperature or a pressure.

    Attributes
    ----------
    count : int
        Rows.
    x_mean, y_mean : (p,), (q,)
    xx, xy : (p, p), (p, q)
        Sums of products of deviations from the means: the centred normal equations.
    y_m2 : (q,)
        Sums of squared deviations of y.
    """

    count: int
    x_mean: Float64Array
    y_mean: Float64Array
    xx: Float64Array
    xy: Float64Array
    y_m2: Float64Array

    @classmethod
    def of(cls, x: NDArray, y: NDArray) -> CrossMoments:
        """Return the moments of some rows, ``x : (row, p)`` and ``y : (row, q)``."""
        x, y = x.astype(np.float64), y.astype(np.float64)
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        x -= x_mean
        y -= y_mean
        return cls(len(x), x_mean, y_mean, x.T @ x, x.T @ y, np.square(y).sum(axis=0))

    def merge(self, other: CrossMoments) -> CrossMoments:
        """Return the moments of both sets of rows.

        Raises
        ------
        ValueError
            They differ in their channels.
        """
        if self.xy.shape != other.xy.shape:
            raise ValueError(
                f"moments of {self.xy.shape} inputs and outputs cannot be merged with those of "
                f"{other.xy.shape}: the files differ in their channels or levels"
            )
        count = self.count + other.count
        dx, dy = other.x_mean - self.x_mean, other.y_mean - self.y_mean
        weight = self.count * other.count / count
        return CrossMoments(
            count,
            self.x_mean + dx * (other.count / count),
            self.y_mean + dy * (other.count / count),
            self.xx + other.xx + weight * np.outer(dx, dx),
            self.xy + other.xy + weight * np.outer(dx, dy),
            self.y_m2 + other.y_m2 + weight * np.square(dy),
        )

    @classmethod
    def merged(cls, parts: Iterable[CrossMoments]) -> CrossMoments:
        """Return the moments of any number of sets of rows, at least one."""
        parts = iter(parts)
        total = next(parts)
        for part in parts:
            total = total.merge(part)
        return total

    @staticmethod
    def shapes(p: int, q: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array, for p inputs and q outputs."""
        return {"x_mean": (p,), "y_mean": (q,), "xx": (p, p), "xy": (p, q), "y_m2": (q,)}

    @classmethod
    def from_arrays(cls, count: int, arrays: Mapping[str, Any]) -> CrossMoments:
        """Take the arrays from a mapping, which may hold others too."""
        return cls(count, **{name: np.array(arrays[name]) for name in cls.shapes(0, 0)})

    @property
    def x_statistics(self) -> RunningStatistics:
        """Mean and standard deviation of each input."""
        return RunningStatistics(self.count, self.x_mean, np.diagonal(self.xx).copy())

    @property
    def y_statistics(self) -> RunningStatistics:
        """Mean and standard deviation of each output."""
        return RunningStatistics(self.count, self.y_mean, self.y_m2)
