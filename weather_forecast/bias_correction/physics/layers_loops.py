"""Layers whose regions exchange light, in compiled loops: see :mod:`.layers` for the PyTorch form.

One cloudy layer after the other; all spectral points of a layer are in the first cache. Matrices
that couple regions are tuples of their nine elements, row by row. The points are sorted by how
often their slabs are doubled.

The loops over points work on flat arrays at fixed distances: so the compiler sees that nothing
overlaps, and takes several points at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

POINTS = 28
"""Spectral points that are worked on together, at most; whole vectors of 4."""
W2, W3, W4, W5, W6, W7, W8, W9 = (n * POINTS for n in range(2, 10))
MOST = 64
"""More doublings than any optical depth needs."""
MATRIX = W9
ZERO, ONES = (0.0,) * 9, (1.0,) * 3

inlined = njit(forceinline=True, error_model="numpy", fastmath={"contract"})
Array = NDArray[np.float64]
Matrix = tuple[float, ...]
Vector = tuple[float, ...]


@inlined
def _load(m: Array, o: int) -> Matrix:
    """Return the matrix of a point."""
    return (m[o], m[o + POINTS], m[o + W2], m[o + W3], m[o + W4], m[o + W5],
            m[o + W6], m[o + W7], m[o + W8])  # fmt: skip


@inlined
def _store(m: Array, o: int, a: Matrix) -> None:
    m[o], m[o + POINTS], m[o + W2] = a[0], a[1], a[2]
    m[o + W3], m[o + W4], m[o + W5] = a[3], a[4], a[5]
    m[o + W6], m[o + W7], m[o + W8] = a[6], a[7], a[8]


@inlined
def _times(a: Matrix, b: Matrix) -> Matrix:
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
def _plus(a: Matrix, b: Matrix) -> Matrix:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5],
            a[6] + b[6], a[7] + b[7], a[8] + b[8])  # fmt: skip


@inlined
def _apply(a: Matrix, x: Vector) -> Vector:
    """Return the product of a matrix and a vector."""
    return (
        a[0] * x[0] + a[1] * x[1] + a[2] * x[2],
        a[3] * x[0] + a[4] * x[1] + a[5] * x[2],
        a[6] * x[0] + a[7] * x[1] + a[8] * x[2],
    )


@inlined
def _inverse(a: Matrix) -> Matrix:
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
def _rows(d: Vector, a: Matrix) -> Matrix:
    """Return the product of a diagonal matrix and a matrix."""
    return (d[0] * a[0], d[0] * a[1], d[0] * a[2], d[1] * a[3], d[1] * a[4], d[1] * a[5],
            d[2] * a[6], d[2] * a[7], d[2] * a[8])  # fmt: skip


@inlined
def _columns_times(a: Matrix, d: Vector) -> Matrix:
    """Return the product of a matrix and a diagonal matrix."""
    return (a[0] * d[0], a[1] * d[1], a[2] * d[2], a[3] * d[0], a[4] * d[1], a[5] * d[2],
            a[6] * d[0], a[7] * d[1], a[8] * d[2])  # fmt: skip


@inlined
def _one_minus(a: Matrix) -> Matrix:
    return (1.0 - a[0], -a[1], -a[2], -a[3], 1.0 - a[4], -a[5], -a[6], -a[7], 1.0 - a[8])


@inlined
def _plus_diagonal(a: Matrix, d: Vector) -> Matrix:
    return (a[0] + d[0], a[1], a[2], a[3], a[4] + d[1], a[5], a[6], a[7], a[8] + d[2])


@inlined
def _scaled(a: Matrix, x: float) -> Matrix:
    return (a[0] * x, a[1] * x, a[2] * x, a[3] * x, a[4] * x, a[5] * x,
            a[6] * x, a[7] * x, a[8] * x)  # fmt: skip


@inlined
def _minus(a: Matrix, b: Matrix) -> Matrix:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3], a[4] - b[4], a[5] - b[5],
            a[6] - b[6], a[7] - b[7], a[8] - b[8])  # fmt: skip


@inlined
def _attenuation(depth: Array, j: int, rates: Array, side: float) -> Matrix:
    """Return the matrix of what leaves regions (Hogan & Shonk 2013, Eq. 47).

    ``depth`` is extinction in three regions; ``rates`` 0 -> 1, 1 -> 2, 1 -> 0 and 2 -> 1, of which
    the third is times ``side``.
    """
    out, on, back, off = rates[0], rates[1], rates[2] * side, rates[3]
    return (
        depth[j] + out, -back, 0.0,
        -out, depth[POINTS + j] + back + on, -off,
        0.0, -on, depth[W2 + j] + off,
    )  # fmt: skip


@jit("contract")
def _thin(number: int, g1: Array, g2: Array, scale: Array, terms: Array, slab: Array) -> None:
    """Expand reflectance and transmittance of a thin slab to the fourth order in its thickness.

    R' = G2 - G1 R - R G1 + R G2 R,  T' = T (G2 R - G1) (Ambarzumian's invariance).
    """
    for j in range(number):
        a = _scaled(_load(g1, j), scale[j])
        s = (g2[j] * scale[j], g2[POINTS + j] * scale[j], g2[W2 + j] * scale[j])
        r1 = _plus_diagonal(ZERO, s)
        b1 = _rows(s, r1)
        r2 = _scaled(_plus(_columns_times(a, s), _rows(s, a)), -0.5)
        t2 = _scaled(_plus(_times(a, a), b1), 0.5)
        b2 = _rows(s, r2)
        r3 = _scaled(_minus(_rows(s, b1), _plus(_times(a, r2), _times(r2, a))), 1.0 / 3.0)
        t3 = _scaled(_minus(b2, _plus(_times(t2, a), _times(a, b1))), 1.0 / 3.0)
        b3 = _rows(s, r3)
        r4 = _plus(_rows(s, b2), _times(r2, b1))
        r4 = _scaled(_minus(r4, _plus(_times(a, r3), _times(r3, a))), 0.25)
        t4 = _minus(_plus(b3, _times(t2, b1)), _plus(_times(t3, a), _times(a, b2)))
        t4 = _scaled(t4, 0.25)
        _store(slab, j, _plus(_plus(r1, r2), _plus(r3, r4)))
        t = _minus(_plus(_plus(t2, t3), t4), a)
        _store(slab, MATRIX + j, _plus_diagonal(t, ONES))
        _store(terms, j, r2)
        _store(terms, MATRIX + j, r3)
        _store(terms, 2 * MATRIX + j, t2)
        _store(terms, 3 * MATRIX + j, t3)


@jit("contract")
def _thin_sunlit(
    number: int, g1: Array, g2: Array, g0: Array, g3: Array, g4: Array, scale: Array,
    terms: Array, slab: Array,
) -> None:  # fmt: skip
    """Expand what direct light becomes in a thin slab.

    R_s' = G3 - R_s G0 - G1 R_s + R G4 + R G2 R_s,  T_s' = -T_s G0 + T G4 + T G2 R_s,  E' = -E G0.
    """
    for j in range(number):
        a, e = _scaled(_load(g1, j), scale[j]), _scaled(_load(g0, j), scale[j])
        s = (g2[j] * scale[j], g2[POINTS + j] * scale[j], g2[W2 + j] * scale[j])
        u = (g3[j] * scale[j], g3[POINTS + j] * scale[j], g3[W2 + j] * scale[j])
        d = (g4[j] * scale[j], g4[POINTS + j] * scale[j], g4[W2 + j] * scale[j])
        r2, r3 = _load(terms, j), _load(terms, MATRIX + j)
        t2, t3 = _load(terms, 2 * MATRIX + j), _load(terms, 3 * MATRIX + j)
        # First order: R_s = G3, T_s = G4, E = -G0, and R = G2, T = -G1.
        b1 = (s[0] * u[0], s[1] * u[1], s[2] * u[2])
        rs2 = _scaled(_plus(_rows(u, e), _columns_times(a, u)), -0.5)
        q = (0.5 * s[0] * d[0], 0.5 * s[1] * d[1], 0.5 * s[2] * d[2])
        rs2 = _plus_diagonal(rs2, q)
        ts2 = _scaled(_plus(_rows(d, e), _columns_times(a, d)), -0.5)
        q = (0.5 * b1[0], 0.5 * b1[1], 0.5 * b1[2])
        ts2 = _plus_diagonal(ts2, q)
        e2 = _scaled(_times(e, e), 0.5)
        b2 = _rows(s, rs2)
        rs3 = _minus(_columns_times(r2, d), _plus(_times(rs2, e), _times(a, rs2)))
        q = (s[0] * b1[0], s[1] * b1[1], s[2] * b1[2])
        rs3 = _plus_diagonal(rs3, q)
        rs3 = _scaled(rs3, 1.0 / 3.0)
        ts3 = _minus(_plus(_columns_times(t2, d), b2), _plus(_times(ts2, e), _columns_times(a, b1)))
        ts3 = _scaled(ts3, 1.0 / 3.0)
        e3 = _scaled(_times(e2, e), -1.0 / 3.0)
        rs4 = _minus(_columns_times(r3, d), _plus(_times(rs3, e), _times(a, rs3)))
        rs4 = _scaled(_plus(rs4, _plus(_rows(s, b2), _columns_times(r2, b1))), 0.25)
        ts4 = _minus(
            _plus(_columns_times(t3, d), _rows(s, rs3)), _plus(_times(ts3, e), _times(a, b2))
        )
        ts4 = _scaled(_plus(ts4, _columns_times(t2, b1)), 0.25)
        e4 = _scaled(_times(e3, e), -0.25)
        m = _plus(_plus(rs2, rs3), rs4)
        _store(slab, 2 * MATRIX + j, _plus_diagonal(m, u))
        m = _plus(_plus(ts2, ts3), ts4)
        _store(slab, 3 * MATRIX + j, _plus_diagonal(m, d))
        m = _minus(_plus(_plus(e2, e3), e4), e)
        _store(slab, 4 * MATRIX + j, _plus_diagonal(m, ONES))


@inlined
def _keep(m: Array, o: int, busy: bool, new: Matrix) -> None:
    """Store the matrix of a point that is still doubled."""
    a = _load(m, o)
    _store(
        m, o,
        (new[0] if busy else a[0], new[1] if busy else a[1], new[2] if busy else a[2],
         new[3] if busy else a[3], new[4] if busy else a[4], new[5] if busy else a[5],
         new[6] if busy else a[6], new[7] if busy else a[7], new[8] if busy else a[8]),
    )  # fmt: skip


@jit("contract")
def _twice(number: int, step: int, doublings: NDArray[np.int64], slab: Array) -> None:
    """Put slabs on top of themselves (van de Hulst 1963)."""
    for j in range(number):
        r, t = _load(slab, j), _load(slab, MATRIX + j)
        inner = _times(_inverse(_one_minus(_times(r, r))), t)
        busy = doublings[j] >= step
        _keep(slab, j, busy, _plus(r, _times(_times(t, r), inner)))
        _keep(slab, MATRIX + j, busy, _times(t, inner))


@jit("contract")
def _twice_sunlit(number: int, step: int, doublings: NDArray[np.int64], slab: Array) -> None:
    """Do so for direct light, while the diffuse part is not yet doubled."""
    for j in range(number):
        r, t = _load(slab, j), _load(slab, MATRIX + j)
        rs, ts = _load(slab, 2 * MATRIX + j), _load(slab, 3 * MATRIX + j)
        e = _load(slab, 4 * MATRIX + j)
        # Diffuse light between the halves, per direct light that enters: upward u, downward d.
        u = _times(_inverse(_one_minus(_times(r, r))), _plus(_times(rs, e), _times(r, ts)))
        d = _plus(ts, _times(r, u))
        busy = doublings[j] >= step
        _keep(slab, 2 * MATRIX + j, busy, _plus(rs, _times(t, u)))
        _keep(slab, 3 * MATRIX + j, busy, _plus(_times(ts, e), _times(t, d)))
        _keep(slab, 4 * MATRIX + j, busy, _times(e, e))


@jit()
def _sort(
    number: int, size: Array, thin: float, order: NDArray[np.int64], doublings: NDArray[np.int64]
) -> None:
    """Order points by how often thin slabs of theirs are doubled, the busiest first."""
    need, ends = np.zeros(POINTS, np.int64), np.zeros(MOST + 2, np.int64)
    for j in range(number):
        coefficient = size[j]
        while coefficient > thin and need[j] < MOST:
            coefficient *= 0.5
            need[j] += 1
        ends[need[j]] += 1
    for n in range(MOST - 1, -1, -1):
        ends[n] += ends[n + 1]
    doublings[:] = 0
    for j in range(number - 1, -1, -1):
        place = ends[need[j]] - 1
        ends[need[j]] = place
        order[place], doublings[place] = j, need[j]


@jit("contract")
def _shortwave(
    start: int, stop: int, medium: Any, mu0: Array, diffuse: Array, direct: Array, thin: float,
    layers: Any,
) -> None:  # fmt: skip
    """Solve the layers of some pairs; arrays as in ``coupled_shortwave``, but pairs first."""
    tau, ssa, asymmetry = medium
    points = tau.shape[2]
    order, doublings = np.zeros(POINTS, np.int64), np.zeros(POINTS, np.int64)
    size, scale = np.zeros(POINTS), np.zeros(POINTS)
    g1, g2, g0, g3, g4 = np.zeros(W9), np.zeros(W3), np.zeros(W9), np.zeros(W3), np.zeros(W3)
    diagonal, terms, slab = np.zeros(W6), np.zeros(4 * MATRIX), np.zeros(5 * MATRIX)
    for p in range(start, stop):
        for first in range(0, points, POINTS):
            here = min(POINTS, points - first)
            number = -(-here // 4) * 4
            for sorting in (True, False):
                for j in range(here):
                    q = first + (j if sorting else order[j])
                    for i in range(3):
                        depth, albedo = tau[p, i, q], ssa[p, i, q]
                        g = 0.75 * asymmetry[p, i, q]
                        gamma3, scattered = 0.5 - mu0[p] * g, depth * albedo / mu0[p]
                        diagonal[i * POINTS + j] = depth * (2.0 - albedo * (1.25 + g))
                        diagonal[W3 + i * POINTS + j] = depth / mu0[p]
                        g2[i * POINTS + j] = depth * albedo * (0.75 - g)
                        g3[i * POINTS + j] = scattered * gamma3
                        g4[i * POINTS + j] = scattered * (1.0 - gamma3)
                    a = _attenuation(diagonal, j, diffuse[p], 1.0)
                    e = _attenuation(diagonal[W3:], j, direct[p], 1.0)
                    _store(g1, j, a)
                    _store(g0, j, e)
                    size[j] = max(max(max(a[0], a[4]), a[8]), max(max(e[0], e[4]), e[8]))
                if sorting:
                    _sort(here, size, thin, order, doublings)
            for j in range(number):
                scale[j] = 0.5 ** doublings[j]
            _thin(number, g1, g2, scale, terms, slab)
            _thin_sunlit(number, g1, g2, g0, g3, g4, scale, terms, slab)
            count = here
            for step in range(1, doublings[0] + 1):
                while doublings[count - 1] < step:
                    count -= 1
                _twice_sunlit(-(-count // 4) * 4, step, doublings, slab)
                _twice(-(-count // 4) * 4, step, doublings, slab)
            for i in range(5):
                for m in range(9):
                    for j in range(here):
                        layers[i][p, m, first + order[j]] = slab[i * MATRIX + m * POINTS + j]


@jit("contract")
def _longwave(
    start: int, stop: int, medium: Any, top: Array, base: Array, rates: Array, side: Array,
    diffusivity: float, thin: float, matrices: Any, emissions: Any,
) -> None:  # fmt: skip
    """Solve the layers of some pairs; arrays as in ``coupled_longwave``, but pairs first."""
    tau, ssa, asymmetry = medium
    points = tau.shape[2]
    order, doublings = np.zeros(POINTS, np.int64), np.zeros(POINTS, np.int64)
    size, scale = np.zeros(POINTS), np.zeros(POINTS)
    g1, g2, diagonal, source = np.zeros(W9), np.zeros(W3), np.zeros(W3), np.zeros(W6)
    terms, slab, emitted = np.zeros(4 * MATRIX), np.zeros(2 * MATRIX), np.zeros(W6)
    for p in range(start, stop):
        for first in range(0, points, POINTS):
            here = min(POINTS, points - first)
            number = -(-here // 4) * 4
            for sorting in (True, False):
                for j in range(here):
                    q = first + (j if sorting else order[j])
                    for i in range(3):
                        depth, albedo, g = tau[p, i, q], ssa[p, i, q], asymmetry[p, i, q]
                        half = 0.5 * diffusivity * albedo
                        diagonal[i * POINTS + j] = depth * (diffusivity - half * (1.0 + g))
                        g2[i * POINTS + j] = depth * half * (1.0 - g)
                        absorption = diffusivity * depth * (1.0 - albedo)
                        source[i * POINTS + j] = absorption * top[p, i, q]
                        source[W3 + i * POINTS + j] = absorption * (base[p, i, q] - top[p, i, q])
                    a = _attenuation(diagonal, j, rates[p], side[p, q])
                    _store(g1, j, a)
                    size[j] = max(max(a[0], a[4]), a[8])
                if sorting:
                    _sort(here, size, thin, order, doublings)
            for j in range(number):
                scale[j] = 0.5 ** doublings[j]
            _thin(number, g1, g2, scale, terms, slab)
            count = here
            for step in range(1, doublings[0] + 1):
                while doublings[count - 1] < step:
                    count -= 1
                _twice(-(-count // 4) * 4, step, doublings, slab)
            _emission(number, g1, g2, source, slab, emitted)
            for j in range(here):
                q = first + order[j]
                for i in range(2):
                    for m in range(9):
                        matrices[i][p, m, q] = slab[i * MATRIX + m * POINTS + j]
                    for m in range(3):
                        emissions[i][p, m, q] = emitted[(3 * i + m) * POINTS + j]


@jit("contract")
def _emission(
    number: int, g1: Array, g2: Array, source: Array, slab: Array, emitted: Array
) -> None:
    """Add what a layer emits: a solution linear in depth, less what of it enters the layer."""
    for j in range(number):
        a, s = _load(g1, j), (g2[j], g2[POINTS + j], g2[W2 + j])
        difference, total = _plus_diagonal(a, (-s[0], -s[1], -s[2])), _plus_diagonal(a, s)
        inverse = _inverse(difference)
        mean = _apply(inverse, (source[j], source[POINTS + j], source[W2 + j]))
        slope = _apply(inverse, (source[W3 + j], source[W4 + j], source[W5 + j]))
        half = _apply(_inverse(total), slope)
        dn_top = (mean[0] - half[0], mean[1] - half[1], mean[2] - half[2])
        up_top = (mean[0] + half[0], mean[1] + half[1], mean[2] + half[2])
        dn_base = (dn_top[0] + slope[0], dn_top[1] + slope[1], dn_top[2] + slope[2])
        up_base = (up_top[0] + slope[0], up_top[1] + slope[1], up_top[2] + slope[2])
        r, t = _load(slab, j), _load(slab, MATRIX + j)
        back, passed = _apply(r, dn_top), _apply(t, up_base)
        emitted[j] = up_top[0] - back[0] - passed[0]
        emitted[POINTS + j] = up_top[1] - back[1] - passed[1]
        emitted[W2 + j] = up_top[2] - back[2] - passed[2]
        back, passed = _apply(r, up_base), _apply(t, dn_top)
        emitted[W3 + j] = dn_base[0] - back[0] - passed[0]
        emitted[W4 + j] = dn_base[1] - back[1] - passed[1]
        emitted[W5 + j] = dn_base[2] - back[2] - passed[2]


def _first(values: Tensor) -> Array:
    """Return an array in double precision with the cloudy pairs first."""
    return values.to(torch.float64).movedim(-1, 0).contiguous().numpy()


def _rates(pair: tuple[Tensor, Tensor]) -> Array:
    """Return rates of exchange 0 -> 1, 1 -> 2, 1 -> 0 and 2 -> 1: (pair, 4)."""
    return _first(torch.cat([x.expand(2, -1) for x in pair]))


def _pairs_last(values: Tensor, like: Tensor) -> Tensor:
    """Return (pair, 9, point) as (3, 3, point, pair), in the precision of a tensor."""
    return values.unflatten(1, (3, 3)).movedim(0, -1).to(like.dtype)


def coupled_shortwave(
    tau: Tensor, ssa: Tensor, asymmetry: Tensor, mu0: Tensor,
    diffuse: tuple[Tensor, Tensor], direct: tuple[Tensor, Tensor], thin: float,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Solve the coupled equations for sunlight, as the function in PyTorch does."""
    _, points, number = tau.shape
    layers = [torch.empty(number, 9, points, dtype=torch.float64) for _ in range(5)]
    arguments: Any = (
        tuple(map(_first, (tau, ssa, asymmetry))),
        _first(mu0),
        _rates(diffuse),
        _rates(direct),
        thin,
        tuple(layer.numpy() for layer in layers),
    )
    in_threads(lambda a, b: _shortwave(a, b, *arguments), number, block=64)
    return tuple(_pairs_last(layer, tau) for layer in layers)


def coupled_longwave(
    tau: Tensor, ssa: Tensor, asymmetry: Tensor, planck_top: Tensor, planck_base: Tensor,
    diffuse: tuple[Tensor, Tensor], side: Tensor, diffusivity: float, thin: float,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Solve the coupled equations for the long wave, as the function in PyTorch does."""
    _, points, number = tau.shape
    matrices = [torch.empty(number, 9, points, dtype=torch.float64) for _ in range(2)]
    emissions = [torch.empty(number, 3, points, dtype=torch.float64) for _ in range(2)]
    arguments: Any = (
        tuple(map(_first, (tau, ssa, asymmetry))),
        _first(planck_top),
        _first(planck_base),
        _rates(diffuse),
        _first(side),
        diffusivity,
        thin,
        tuple(matrix.numpy() for matrix in matrices),
        tuple(emission.numpy() for emission in emissions),
    )
    in_threads(lambda a, b: _longwave(a, b, *arguments), number, block=64)
    return (
        *(_pairs_last(matrix, tau) for matrix in matrices),
        *(emission.movedim(0, -1).to(tau.dtype) for emission in emissions),
    )
