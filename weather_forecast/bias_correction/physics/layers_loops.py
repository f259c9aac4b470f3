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
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit
from weather_forecast.bias_correction.physics.matrices_loops import (
    Array,
    Matrix,
    apply,
    columns_first,
    diagonal_times,
    either,
    eliminate,
    inverse,
    load,
    minus,
    one_minus,
    plus,
    plus_diagonal,
    scaled,
    store,
    times,
    times_diagonal,
)

POINTS = 28
"""Spectral points that are worked on together, at most; whole vectors of 4."""
W2, W3, W4, W5, W6, W7, W8, W9 = (n * POINTS for n in range(2, 10))
MOST = 64
"""More doublings than any optical depth needs."""
MATRIX = W9
ZERO, ONES = (0.0,) * 9, (1.0,) * 3

inlined = jit("contract", inline=True)


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
        a = scaled(load(g1, j, POINTS), scale[j])
        s = (g2[j] * scale[j], g2[POINTS + j] * scale[j], g2[W2 + j] * scale[j])
        r1 = plus_diagonal(ZERO, s)
        b1 = diagonal_times(s, r1)
        r2 = scaled(plus(times_diagonal(a, s), diagonal_times(s, a)), -0.5)
        t2 = scaled(plus(times(a, a), b1), 0.5)
        b2 = diagonal_times(s, r2)
        r3 = scaled(minus(diagonal_times(s, b1), plus(times(a, r2), times(r2, a))), 1.0 / 3.0)
        t3 = scaled(minus(b2, plus(times(t2, a), times(a, b1))), 1.0 / 3.0)
        b3 = diagonal_times(s, r3)
        r4 = plus(diagonal_times(s, b2), times(r2, b1))
        r4 = scaled(minus(r4, plus(times(a, r3), times(r3, a))), 0.25)
        t4 = minus(plus(b3, times(t2, b1)), plus(times(t3, a), times(a, b2)))
        t4 = scaled(t4, 0.25)
        store(slab, j, POINTS, plus(plus(r1, r2), plus(r3, r4)))
        t = minus(plus(plus(t2, t3), t4), a)
        store(slab, MATRIX + j, POINTS, plus_diagonal(t, ONES))
        store(terms, j, POINTS, r2)
        store(terms, MATRIX + j, POINTS, r3)
        store(terms, 2 * MATRIX + j, POINTS, t2)
        store(terms, 3 * MATRIX + j, POINTS, t3)


@jit("contract")
def _thin_sunlit(
    number: int, g1: Array, g2: Array, g0: Array, g3: Array, g4: Array, scale: Array,
    terms: Array, slab: Array,
) -> None:  # fmt: skip
    """Expand what direct light becomes in a thin slab.

    R_s' = G3 - R_s G0 - G1 R_s + R G4 + R G2 R_s,  T_s' = -T_s G0 + T G4 + T G2 R_s,  E' = -E G0.
    """
    for j in range(number):
        a, e = scaled(load(g1, j, POINTS), scale[j]), scaled(load(g0, j, POINTS), scale[j])
        s = (g2[j] * scale[j], g2[POINTS + j] * scale[j], g2[W2 + j] * scale[j])
        u = (g3[j] * scale[j], g3[POINTS + j] * scale[j], g3[W2 + j] * scale[j])
        d = (g4[j] * scale[j], g4[POINTS + j] * scale[j], g4[W2 + j] * scale[j])
        r2, r3 = load(terms, j, POINTS), load(terms, MATRIX + j, POINTS)
        t2, t3 = load(terms, 2 * MATRIX + j, POINTS), load(terms, 3 * MATRIX + j, POINTS)
        # First order: R_s = G3, T_s = G4, E = -G0, and R = G2, T = -G1.
        b1 = (s[0] * u[0], s[1] * u[1], s[2] * u[2])
        rs2 = scaled(plus(diagonal_times(u, e), times_diagonal(a, u)), -0.5)
        q = (0.5 * s[0] * d[0], 0.5 * s[1] * d[1], 0.5 * s[2] * d[2])
        rs2 = plus_diagonal(rs2, q)
        ts2 = scaled(plus(diagonal_times(d, e), times_diagonal(a, d)), -0.5)
        q = (0.5 * b1[0], 0.5 * b1[1], 0.5 * b1[2])
        ts2 = plus_diagonal(ts2, q)
        e2 = scaled(times(e, e), 0.5)
        b2 = diagonal_times(s, rs2)
        rs3 = minus(times_diagonal(r2, d), plus(times(rs2, e), times(a, rs2)))
        q = (s[0] * b1[0], s[1] * b1[1], s[2] * b1[2])
        rs3 = plus_diagonal(rs3, q)
        rs3 = scaled(rs3, 1.0 / 3.0)
        ts3 = minus(plus(times_diagonal(t2, d), b2), plus(times(ts2, e), times_diagonal(a, b1)))
        ts3 = scaled(ts3, 1.0 / 3.0)
        e3 = scaled(times(e2, e), -1.0 / 3.0)
        rs4 = minus(times_diagonal(r3, d), plus(times(rs3, e), times(a, rs3)))
        rs4 = scaled(plus(rs4, plus(diagonal_times(s, b2), times_diagonal(r2, b1))), 0.25)
        ts4 = minus(
            plus(times_diagonal(t3, d), diagonal_times(s, rs3)), plus(times(ts3, e), times(a, b2))
        )
        ts4 = scaled(plus(ts4, times_diagonal(t2, b1)), 0.25)
        e4 = scaled(times(e3, e), -0.25)
        m = plus(plus(rs2, rs3), rs4)
        store(slab, 2 * MATRIX + j, POINTS, plus_diagonal(m, u))
        m = plus(plus(ts2, ts3), ts4)
        store(slab, 3 * MATRIX + j, POINTS, plus_diagonal(m, d))
        m = minus(plus(plus(e2, e3), e4), e)
        store(slab, 4 * MATRIX + j, POINTS, plus_diagonal(m, ONES))


@jit("contract")
def _twice(number: int, step: int, doublings: NDArray[np.int64], slab: Array) -> None:
    """Put slabs on top of themselves (van de Hulst 1963)."""
    for j in range(number):
        r, t = load(slab, j, POINTS), load(slab, MATRIX + j, POINTS)
        inner = times(inverse(one_minus(times(r, r))), t)
        busy = doublings[j] >= step
        store(slab, j, POINTS, either(busy, plus(r, times(times(t, r), inner)), r))
        store(slab, MATRIX + j, POINTS, either(busy, times(t, inner), t))


@jit("contract")
def _twice_sunlit(number: int, step: int, doublings: NDArray[np.int64], slab: Array) -> None:
    """Do so for direct light, while the diffuse part is not yet doubled."""
    for j in range(number):
        r, t = load(slab, j, POINTS), load(slab, MATRIX + j, POINTS)
        rs, ts = load(slab, 2 * MATRIX + j, POINTS), load(slab, 3 * MATRIX + j, POINTS)
        e = load(slab, 4 * MATRIX + j, POINTS)
        # Diffuse light between the halves, per direct light that enters: upward u, downward d.
        u = times(inverse(one_minus(times(r, r))), plus(times(rs, e), times(r, ts)))
        d = plus(ts, times(r, u))
        busy = doublings[j] >= step
        store(slab, 2 * MATRIX + j, POINTS, either(busy, plus(rs, times(t, u)), rs))
        store(slab, 3 * MATRIX + j, POINTS, either(busy, plus(times(ts, e), times(t, d)), ts))
        store(slab, 4 * MATRIX + j, POINTS, either(busy, times(e, e), e))


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
                    store(g1, j, POINTS, a)
                    store(g0, j, POINTS, e)
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
                    store(g1, j, POINTS, a)
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
        a, s = load(g1, j, POINTS), (g2[j], g2[POINTS + j], g2[W2 + j])
        difference, total = plus_diagonal(a, (-s[0], -s[1], -s[2])), plus_diagonal(a, s)
        mean = eliminate(difference, (source[j], source[POINTS + j], source[W2 + j]))
        slope = eliminate(difference, (source[W3 + j], source[W4 + j], source[W5 + j]))
        half = eliminate(total, slope)
        dn_top = (mean[0] - half[0], mean[1] - half[1], mean[2] - half[2])
        up_top = (mean[0] + half[0], mean[1] + half[1], mean[2] + half[2])
        dn_base = (dn_top[0] + slope[0], dn_top[1] + slope[1], dn_top[2] + slope[2])
        up_base = (up_top[0] + slope[0], up_top[1] + slope[1], up_top[2] + slope[2])
        r, t = load(slab, j, POINTS), load(slab, MATRIX + j, POINTS)
        back, passed = apply(r, dn_top), apply(t, up_base)
        emitted[j] = up_top[0] - back[0] - passed[0]
        emitted[POINTS + j] = up_top[1] - back[1] - passed[1]
        emitted[W2 + j] = up_top[2] - back[2] - passed[2]
        back, passed = apply(r, up_base), apply(t, dn_top)
        emitted[W3 + j] = dn_base[0] - back[0] - passed[0]
        emitted[W4 + j] = dn_base[1] - back[1] - passed[1]
        emitted[W5 + j] = dn_base[2] - back[2] - passed[2]


def _rates(pair: tuple[Tensor, Tensor], number: int) -> Array:
    """Return rates of exchange 0 -> 1, 1 -> 2, 1 -> 0 and 2 -> 1: (pair, 4)."""
    return columns_first(torch.cat([x.expand(2, number) for x in pair]), 4, number)


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
        tuple(columns_first(x, 3, points, number) for x in (tau, ssa, asymmetry)),
        columns_first(mu0, number),
        _rates(diffuse, number),
        _rates(direct, number),
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
        tuple(columns_first(x, 3, points, number) for x in (tau, ssa, asymmetry)),
        columns_first(planck_top, 3, points, number),
        columns_first(planck_base, 3, points, number),
        _rates(diffuse, number),
        columns_first(side, points, number),
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
