"""Linear algebra of many small matrices at once: matrix axes first, the batch last.

A matrix that couples the regions of a layer has 3 x 3 elements, but there are millions of them.
Libraries that solve one small matrix after the other spend their time on overhead; here every
elementary step of the algorithm runs over the whole batch, which lies contiguous in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Multiply matrices ``(i, k, ...)`` and ``(k, j, ...)``: ``(i, j, ...)``."""
    product = left[:, 0, None] * right[0]
    for k in range(1, right.shape[0]):
        product = torch.addcmul(product, left[:, k, None], right[k])
    return product


def matvec(matrix: Tensor, vector: Tensor) -> Tensor:
    """Multiply matrices ``(i, k, ...)`` and vectors ``(k, ...)``: ``(i, ...)``."""
    product = matrix[:, 0] * vector[0]
    for k in range(1, vector.shape[0]):
        product = torch.addcmul(product, matrix[:, k], vector[k])
    return product


def diagonal(vector: Tensor) -> Tensor:
    """Return the matrices ``(i, i, ...)`` that have the vectors ``(i, ...)`` on the diagonal."""
    size = vector.shape[0]
    matrix = vector.new_zeros(size, *vector.shape)
    for i in range(size):
        matrix[i, i] = vector[i]
    return matrix


def identity_minus(matrix: Tensor) -> Tensor:
    """Return ``1 - matrix`` for matrices ``(i, i, ...)``."""
    difference = -matrix
    for i in range(matrix.shape[0]):
        difference[i, i] += 1.0
    return difference


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Return ``matrix^-1 right`` by elimination without pivoting.

    The matrices of this package are diagonally dominant by columns, for what leaves a region
    arrives in the others. Elimination is stable for these in any order (Higham 2002, theorem 9.9).

    Parameters
    ----------
    matrix : (i, i, ...)
    right : (i, j, ...)

    Returns
    -------
    (i, j, ...)
    """
    size = matrix.shape[0]
    # One array of rows, the unknown's coefficients first, then the right-hand sides.
    work = torch.cat([matrix, right], 1)
    for i in range(size):
        work[i, i + 1 :] /= work[i, i]
        if i + 1 < size:
            work[i + 1 :, i + 1 :].addcmul_(work[i + 1 :, i, None], work[i, i + 1 :], value=-1.0)
    for i in range(size - 1, 0, -1):
        work[:i, size:].addcmul_(work[:i, i, None], work[i, size:], value=-1.0)
    return work[:, size:]


def exchange_exponential(out: Tensor, back: Tensor) -> Tensor:
    """Return the matrix exponential of an exchange between three regions in a row.

    Region 0 loses the share ``out[0]`` to region 1 and gets back ``back[0]`` of that, region 1
    loses ``out[1]`` to region 2. The generator ``M`` has the eigenvalue 0 and two others below it,
    so that ``exp(M) = 1 + c1 M + c2 M^2`` with divided differences of the exponential (Sylvester's
    formula; the problem is that of Hogan et al. 2018, appendix).

    Parameters
    ----------
    out, back : (2, ...)
        Rates 0 -> 1, 1 -> 2 and 1 -> 0, 2 -> 1 times the time that they act; not negative.

    Returns
    -------
    (3, 3, ...)
        Columns add up to one.
    """
    generator = out.new_zeros(3, 3, *out.shape[1:])
    generator[0, 0], generator[1, 0] = -out[0], out[0]
    generator[0, 1], generator[1, 1], generator[2, 1] = back[0], -back[0] - out[1], out[1]
    generator[1, 2], generator[2, 2] = back[1], -back[1]

    half = -0.5 * (out.sum(0) + back.sum(0))
    product = out[0] * out[1] + out[0] * back[1] + back[0] * back[1]
    # Two equal eigenvalues are only approached: a tiny distance between them keeps c2 finite.
    root = (half.square() - product).clamp(min=1e-12).sqrt()
    second = half - root
    first = product / second
    phi_first, phi_second = _phi(first), _phi(second)
    c2 = (phi_first - phi_second) / (first - second)
    c1 = phi_first - c2 * first
    exponential = c1 * generator + c2 * matmul(generator, generator)
    for i in range(3):
        exponential[i, i] += 1.0
    return exponential


def _phi(x: Tensor) -> Tensor:
    """Return ``(exp(x) - 1) / x``, also where x is 0."""
    safe = torch.where(x == 0.0, torch.ones_like(x), x)
    return torch.where(x == 0.0, torch.ones_like(x), torch.expm1(safe) / safe)
