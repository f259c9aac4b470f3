"""Matrices that couple the three regions, in compiled loops: tuples of nine numbers, row by row.

In memory the elements of a matrix lie a fixed distance apart, and those of neighbouring spectral
points beside each other.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import jit

inlined = jit("contract", inline=True)
Array = NDArray[np.float64]
Matrix = tuple[float, ...]
Vector = tuple[float, ...]


@inlined
def load(m: Array, o: int, d: int) -> Matrix:
    """Return the matrix whose elements lie at a distance from each other."""
    return (m[o], m[o + d], m[o + 2 * d], m[o + 3 * d], m[o + 4 * d], m[o + 5 * d],
            m[o + 6 * d], m[o + 7 * d], m[o + 8 * d])  # fmt: skip


@inlined
def store(m: Array, o: int, d: int, a: Matrix) -> None:
    """Put a matrix where :func:`load` finds it."""
    m[o], m[o + d], m[o + 2 * d] = a[0], a[1], a[2]
    m[o + 3 * d], m[o + 4 * d], m[o + 5 * d] = a[3], a[4], a[5]
    m[o + 6 * d], m[o + 7 * d], m[o + 8 * d] = a[6], a[7], a[8]


@inlined
def times(a: Matrix, b: Matrix) -> Matrix:
    """Return the product of two matrices."""
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6],
        a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8],
        a[3] * b[0] + a[4] * b[3] + a[5] * b[6],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7],
        a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[3] + a[8] * b[6],
        a[6] * b[1] + a[7] * b[4] + a[8] * b[7],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )


@inlined
def plus(a: Matrix, b: Matrix) -> Matrix:
    """Return the sum of two matrices."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5],
            a[6] + b[6], a[7] + b[7], a[8] + b[8])  # fmt: skip


@inlined
def minus(a: Matrix, b: Matrix) -> Matrix:
    """Return the difference of two matrices."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3], a[4] - b[4], a[5] - b[5],
            a[6] - b[6], a[7] - b[7], a[8] - b[8])  # fmt: skip


@inlined
def apply(a: Matrix, x: Vector) -> Vector:
    """Return the product of a matrix and a vector."""
    return (
        a[0] * x[0] + a[1] * x[1] + a[2] * x[2],
        a[3] * x[0] + a[4] * x[1] + a[5] * x[2],
        a[6] * x[0] + a[7] * x[1] + a[8] * x[2],
    )


@inlined
def inverse(a: Matrix) -> Matrix:
    """Return the inverse of a matrix that is diagonally dominant by columns, by its cofactors."""
    c0 = a[4] * a[8] - a[5] * a[7]
    c1 = a[5] * a[6] - a[3] * a[8]
    c2 = a[3] * a[7] - a[4] * a[6]
    d = 1.0 / (a[0] * c0 + a[1] * c1 + a[2] * c2)
    return (
        c0 * d, (a[2] * a[7] - a[1] * a[8]) * d, (a[1] * a[5] - a[2] * a[4]) * d,
        c1 * d, (a[0] * a[8] - a[2] * a[6]) * d, (a[2] * a[3] - a[0] * a[5]) * d,
        c2 * d, (a[1] * a[6] - a[0] * a[7]) * d, (a[0] * a[4] - a[1] * a[3]) * d,
    )  # fmt: skip


@inlined
def eliminate(a: Matrix, x: Vector) -> Vector:
    """Return the solution of ``a y = x`` by elimination, exact also where `a` is nearly singular.

    For matrices that are diagonally dominant by columns (Higham 2002, theorem 9.9).
    """
    a01, a02, x0 = a[1] / a[0], a[2] / a[0], x[0] / a[0]
    a11, a12, x1 = a[4] - a[3] * a01, a[5] - a[3] * a02, x[1] - a[3] * x0
    a21, a22, x2 = a[7] - a[6] * a01, a[8] - a[6] * a02, x[2] - a[6] * x0
    a12, x1 = a12 / a11, x1 / a11
    x2 = (x2 - a21 * x1) / (a22 - a21 * a12)
    x1 = x1 - a12 * x2
    return (x0 - a02 * x2 - a01 * x1, x1, x2)


@inlined
def diagonal_times(d: Vector, a: Matrix) -> Matrix:
    """Return the product of a diagonal matrix and a matrix."""
    return (d[0] * a[0], d[0] * a[1], d[0] * a[2], d[1] * a[3], d[1] * a[4], d[1] * a[5],
            d[2] * a[6], d[2] * a[7], d[2] * a[8])  # fmt: skip


@inlined
def times_diagonal(a: Matrix, d: Vector) -> Matrix:
    """Return the product of a matrix and a diagonal matrix."""
    return (a[0] * d[0], a[1] * d[1], a[2] * d[2], a[3] * d[0], a[4] * d[1], a[5] * d[2],
            a[6] * d[0], a[7] * d[1], a[8] * d[2])  # fmt: skip


@inlined
def one_minus(a: Matrix) -> Matrix:
    """Return the identity less a matrix."""
    return (1.0 - a[0], -a[1], -a[2], -a[3], 1.0 - a[4], -a[5], -a[6], -a[7], 1.0 - a[8])


@inlined
def scaled(a: Matrix, x: float) -> Matrix:
    """Return a matrix times a number."""
    return (a[0] * x, a[1] * x, a[2] * x, a[3] * x, a[4] * x, a[5] * x,
            a[6] * x, a[7] * x, a[8] * x)  # fmt: skip


@inlined
def plus_diagonal(a: Matrix, d: Vector) -> Matrix:
    """Return a matrix plus a diagonal one."""
    return (a[0] + d[0], a[1], a[2], a[3], a[4] + d[1], a[5], a[6], a[7], a[8] + d[2])


@inlined
def either(first: bool, a: Matrix, b: Matrix) -> Matrix:
    """Return one of two matrices."""
    return (
        a[0] if first else b[0], a[1] if first else b[1], a[2] if first else b[2],
        a[3] if first else b[3], a[4] if first else b[4], a[5] if first else b[5],
        a[6] if first else b[6], a[7] if first else b[7], a[8] if first else b[8],
    )  # fmt: skip


def columns_first(values: Tensor, *shape: int) -> Array:
    """Return an array in double precision with the last axis, columns or cloudy layers, first.

    Raises
    ------
    RuntimeError
        The tensor cannot be expanded to the shape that the loops rely on.
    """
    return values.expand(*shape).to(torch.float64).movedim(-1, 0).contiguous().numpy()
