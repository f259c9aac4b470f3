"""Fields of one flame on grids of other spacing.

A field that a filter of width Delta has smoothed holds nothing finer than that: a cubic spline
through its values on a grid that resolves Delta is the field itself, nearly, and can be evaluated
on any other grid that does. So a network that has learned on grids of so many cells per filter
width can be applied where there are more, or fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ai4sim.variables import Periods


@dataclass(frozen=True)
class Resampling:
    """Two grids over the same box, and the matrices that carry fields between them.

    Attributes
    ----------
    there, back : list of Tensor, (points out, points in)
        One per axis: from the given grid to the other one, and from that to the given.
    periods : tuple of int or None
        Points of the other grid after which fields repeat along each axis.
    """

    there: list[Tensor]
    back: list[Tensor]
    periods: tuple[int | None, ...]

    @classmethod
    def between(cls, shape: Sequence[int], periods: Periods, factor: float) -> Resampling:
        """Lay out a grid whose spacing is that of the given one times a factor, nearly.

        Along each axis the grids share their first point and, as far as the number of points
        allows, the last one; where a field is periodic, the period is kept exactly.

        Parameters
        ----------
        shape : points of the given grid along each axis
        periods : points after which fields repeat along each axis; None where they do not
        factor : spacing of the other grid over that of the given one
        """
        there, back = [], []
        others: list[int | None] = []
        for points, period in zip(shape, periods, strict=True):
            if period:
                other = max(round(period / factor), 1)
                step, beyond = period / other, points - period  # repeated points
                there.append(spline(points, step * torch.arange(other + beyond), period))
                back.append(spline(other + beyond, torch.arange(points) / step, other))
                others.append(other)
            else:
                other = max(round((points - 1) / factor), min(points - 1, 1)) + 1
                step = (points - 1) / max(other - 1, 1) or 1.0
                there.append(spline(points, step * torch.arange(other)))
                back.append(spline(other, torch.arange(points) / step))
                others.append(None)
        return cls(there, back, tuple(others))


def spline(points: int, places: Tensor, period: int | None = None) -> Tensor:
    """Matrix that evaluates the cubic spline through the values at the points 0, 1, 2, ...

    Parameters
    ----------
    points : int
    places : (places,), in spacings
    period : int, optional
        Points after which the field repeats; without one, the ends have no curvature.

    Returns
    -------
    Tensor, (places, points)
    """
    distinct = period or points
    if distinct == 1:
        return torch.nn.functional.pad(torch.ones(len(places), 1), (0, points - 1))
    # A spline is a sum of B-splines, each 2/3 at its own point and 1/6 at the two beside it.
    values = _b_splines(torch.arange(distinct), distinct, bool(period))
    at_places = _b_splines(places, distinct, bool(period))
    matrix = torch.linalg.solve(values, at_places, left=False)
    return torch.nn.functional.pad(matrix, (0, points - distinct)).float()


def _b_splines(places: Tensor, points: int, periodic: bool) -> Tensor:
    """Evaluate each point's B-spline at some places: (places, points), float64."""
    where = places.double()
    first = where.floor().long().clamp(max=points if periodic else points - 2)
    t = where - first
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    matrix = torch.zeros(len(where), points + 2, dtype=torch.float64)
    for shift, weight in enumerate(weights):
        index = (first + shift - 1) % points + 1 if periodic else first + shift
        matrix.scatter_add_(1, index[:, None], weight[:, None])
    inner = matrix[:, 1:-1].clone()
    if not periodic:  # beyond the ends the coefficients go on in a straight line
        for outer, end, inside in ((0, 0, 1), (-1, -1, -2)):
            inner[:, end] += 2 * matrix[:, outer]
            inner[:, inside] -= matrix[:, outer]
    return inner


def resampled(fields: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Carry fields (..., nx, ny, nz) to another grid."""
    axes = range(fields.ndim - len(matrices), fields.ndim)
    with torch.autocast(fields.device.type, enabled=False):
        for axis, matrix in zip(axes, matrices, strict=True):
            fields = (fields.movedim(axis, -1) @ matrix.to(fields).T).movedim(-1, axis)
    return fields
