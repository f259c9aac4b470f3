"""Long-wave radiation through columns, in compiled loops: see :mod:`.columns` for the PyTorch form.

One column after the other, level by level; all spectral points of a level are in the first cache.
Matrices that couple regions are tuples of their nine elements, row by row.

The loops over points have a fixed length and work on flat arrays at fixed distances: so the
compiler sees that nothing overlaps, and takes several points at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai4sim.compiled import in_threads, jit
from ai4sim.physics.elementary_loops import at_least, exp
from weather_forecast.bias_correction.physics.matrices_loops import (
    Array,
    apply,
    columns_first,
    diagonal_times,
    inverse,
    load,
    one_minus,
    times,
    times_diagonal,
)

POINTS = 28
"""Spectral points that are solved together, whole vectors of 4; those too many emit nothing."""
W2, W3, W4, W5, W6, W7, W8, W9 = (n * POINTS for n in range(2, 10))
REGION = W6
"""Numbers of a region of a layer: what the layer does (four), albedo and source below it."""
LAYER = 3 * REGION

inlined = jit("contract", inline=True)


@jit("contract")
def _slab(medium: Array, planck: Array, area: float, diffusivity: float, layer: Array) -> None:
    """Solve the two-stream equations of a layer (Wiscombe 1976), see ``longwave_slab``."""
    for j in range(POINTS):
        tau, ssa, g = medium[j], medium[POINTS + j], medium[W2 + j]
        half = 0.5 * diffusivity * ssa
        gamma1 = diffusivity - half * (1.0 + g)  # Fu et al. (1997), Eqs. 2.9 and 2.10
        gamma2 = half * (1.0 - g)
        k2 = (gamma1 - gamma2) * (gamma1 + gamma2)
        k = np.sqrt(at_least(k2, 1e-12))
        decay = exp(-k * tau)
        over = 1.0 / (k + gamma1 + (k - gamma1) * (decay * decay))
        r = gamma2 * (1.0 - decay * decay) * over  # Meador & Weaver (1980), Eq. 25
        t = 2.0 * k * decay * over  # Eq. 26
        top, base = area * planck[j], area * planck[POINTS + j]
        slope = (base - top) / ((gamma1 + gamma2) * at_least(tau, 1e-4))
        up = top + slope - r * (top - slope) - t * (base + slope)
        dn = base - slope - r * (base + slope) - t * (top - slope)
        mean = (1.0 - r - t) * 0.5 * (top + base)
        layer[j], layer[POINTS + j] = r, t
        layer[W2 + j] = mean if tau < 1e-4 else up
        layer[W3 + j] = mean if tau < 1e-4 else dn


@jit("contract")
def _rise(layer: Array, below: Array) -> None:
    """Put a region of a layer on top of what is below it."""
    for j in range(POINTS):
        r, t, up, dn = layer[j], layer[POINTS + j], layer[W2 + j], layer[W3 + j]
        a, source = below[j], below[W3 + j]
        layer[W4 + j], layer[W5 + j] = a, source
        bounce = t / (1.0 - a * r)
        below[j] = r + t * a * bounce
        below[W3 + j] = up + bounce * (source + a * dn)


@jit("contract")
def _fall(layer: Array, light: Array, total: Array) -> None:
    """Follow the radiation of a region through a layer, and add up the fluxes."""
    for j in range(POINTS):
        r, t, dn = layer[j], layer[POINTS + j], layer[W3 + j]
        a, source = layer[W4 + j], layer[W5 + j]
        diffuse = (t * light[j] + r * source + dn) / (1.0 - r * a)
        light[j] = diffuse
        total[j] += diffuse
        total[POINTS + j] += source + a * diffuse


@jit("contract")
def _matrices_rise(layer: Array, below: Array, seen: Array, conserve: bool) -> None:
    """Put a layer whose regions exchange light on top of what is below.

    Albedos are diagonal, for what changed region comes back in the region from which it came down,
    or (``conserve`` is false) is lost.
    """
    for j in range(POINTS):
        a = (below[j], below[POINTS + j], below[W2 + j])
        s = (below[W3 + j], below[W4 + j], below[W5 + j])
        seen[j], seen[POINTS + j], seen[W2 + j] = a
        seen[W3 + j], seen[W4 + j], seen[W5 + j] = s
        r, t = load(layer, j, POINTS), load(layer, W9 + j, POINTS)
        inner = times(t, inverse(one_minus(diagonal_times(a, r))))
        reflected = times(inner, diagonal_times(a, t))
        dn = (layer[2 * W9 + W3 + j], layer[2 * W9 + W4 + j], layer[2 * W9 + W5 + j])
        right = (s[0] + a[0] * dn[0], s[1] + a[1] * dn[1], s[2] + a[2] * dn[2])
        up = apply(inner, right)
        away = 1.0 if conserve else 0.0
        below[j] = r[0] + reflected[0] + away * (r[3] + reflected[3] + (r[6] + reflected[6]))
        below[POINTS + j] = (
            r[4] + reflected[4] + away * (r[1] + reflected[1] + (r[7] + reflected[7]))
        )
        below[W2 + j] = r[8] + reflected[8] + away * (r[2] + reflected[2] + (r[5] + reflected[5]))
        below[W3 + j] = layer[2 * W9 + j] + up[0]
        below[W4 + j] = layer[2 * W9 + POINTS + j] + up[1]
        below[W5 + j] = layer[2 * W9 + W2 + j] + up[2]


@jit("contract")
def _matrices_fall(layer: Array, light: Array, seen: Array, total: Array) -> None:
    """Follow radiation through a layer whose regions exchange light, and add up the fluxes."""
    for j in range(POINTS):
        a = (seen[j], seen[POINTS + j], seen[W2 + j])
        s = (seen[W3 + j], seen[W4 + j], seen[W5 + j])
        r = load(layer, j, POINTS)
        passed = apply(load(layer, W9 + j, POINTS), (light[j], light[POINTS + j], light[W2 + j]))
        back = apply(r, s)
        right = (
            passed[0] + back[0] + layer[2 * W9 + W3 + j],
            passed[1] + back[1] + layer[2 * W9 + W4 + j],
            passed[2] + back[2] + layer[2 * W9 + W5 + j],
        )
        d = apply(inverse(one_minus(times_diagonal(r, a))), right)
        light[j], light[POINTS + j], light[W2 + j] = d
        total[j] += d[0] + d[1] + d[2]
        total[POINTS + j] += s[0] + s[1] + s[2] + (a[0] * d[0] + a[1] * d[1] + a[2] * d[2])


@jit("contract")
def _overlap(shares: Array, light: Array) -> None:
    """Spread what comes to an interface over the regions behind it."""
    for j in range(POINTS):
        a, b, c = light[j], light[POINTS + j], light[W2 + j]
        light[j] = shares[0, 0] * a + shares[0, 1] * b + shares[0, 2] * c
        light[POINTS + j] = shares[1, 0] * a + shares[1, 1] * b + shares[1, 2] * c
        light[W2 + j] = shares[2, 0] * a + shares[2, 1] * b + shares[2, 2] * c


@jit("contract")
def _fill(row: Array, lanes: Array) -> None:
    """Copy some points."""
    for j in range(min(POINTS, row.size)):
        lanes[j] = row[j]


@jit("contract", "reassoc")
def _sum(total: Array) -> tuple[float, float]:
    """Add up the downward and the upward flux of the points."""
    dn = up = 0.0
    for j in range(POINTS):
        dn += total[j]
        up += total[POINTS + j]
    return dn, up


@jit("contract")
def _columns(
    start: int, stop: int, tau: Array, planck: Array, medium: Any, exchanging: bool, conserve: bool,
    matrices: Any, emissions: Any, pair: Any, fractions: Array, up: Array, dn: Array, ground: Any,
    diffusivity: float, flux_dn: Array, flux_up: Array,
) -> None:  # fmt: skip
    """Solve some columns; arrays as in ``follow_longwave``, but columns first, points last."""
    _, levels, points = tau.shape
    layers, seen, below = np.zeros(levels * LAYER), np.zeros(levels * W6), np.zeros(W6)
    layer, lanes, black = np.zeros(2 * W9 + W6), np.zeros(W3), np.zeros(W2)
    light, total = np.zeros(W3), np.zeros(W2)
    emission, albedo = ground
    for c in range(start, stop):
        for first in range(0, points, POINTS):
            below[:], light[:], lanes[:], black[:] = 0.0, 0.0, 0.0, 0.0
            here = min(POINTS, points - first)
            for i in range(3):
                area = fractions[c, levels - 1, i]
                if area > 0.0:
                    for j in range(here):
                        below[i * POINTS + j] = albedo[c, first + j]
                        below[W3 + i * POINTS + j] = area * emission[c, first + j]
            for k in range(levels - 1, -1, -1):
                p, o = pair[c, k], k * LAYER
                if p >= 0 and exchanging:
                    _fill_matrices(matrices, emissions, p, first, layer)
                    _matrices_rise(layer, below, seen[k * W6 :], conserve)
                else:
                    _fill(planck[c, k][first:], black)
                    _fill(planck[c, k + 1][first:], black[POINTS:])
                    _fill(tau[c, k][first:], lanes)
                    for i in range(3 if p >= 0 else 1):
                        area = fractions[c, k, i] if p >= 0 else 1.0
                        if p >= 0:
                            for m in range(3):
                                _fill(medium[m][p, i][first:], lanes[m * POINTS :])
                        region = layers[o + i * REGION :]
                        _slab(lanes, black, area, diffusivity, region)
                        _rise(region, below[i * POINTS :])
                    lanes[POINTS:] = 0.0
                if p >= 0 or (k > 0 and pair[c, k - 1] >= 0):
                    _overlap(dn[c, k].T, below)
                    _overlap(up[c, k], below[W3:])
            for j in range(W3):
                flux_up[c, 0] += below[W3 + j]
            for k in range(levels):
                p, o = pair[c, k], k * LAYER
                if p >= 0 or (k > 0 and pair[c, k - 1] >= 0):
                    _overlap(dn[c, k], light)
                total[:] = 0.0
                if p >= 0 and exchanging:
                    _fill_matrices(matrices, emissions, p, first, layer)
                    _matrices_fall(layer, light, seen[k * W6 :], total)
                else:
                    for i in range(3 if p >= 0 else 1):
                        _fall(layers[o + i * REGION :], light[i * POINTS :], total)
                down, upward = _sum(total)
                flux_dn[c, k + 1] += down
                flux_up[c, k + 1] += upward


@jit("contract")
def _fill_matrices(matrices: Any, emissions: Any, p: int, first: int, layer: Array) -> None:
    """Copy what a cloudy layer does: two matrices, two vectors."""
    for i in range(2):
        for m in range(9):
            _fill(matrices[i][p, m // 3, m % 3, first:], layer[i * W9 + m * POINTS :])
        for m in range(3):
            _fill(emissions[i][p, m, first:], layer[2 * W9 + i * W3 + m * POINTS :])


def follow_longwave(
    tau: Tensor, planck: Tensor, medium: tuple[Tensor, ...], clouds: Any,
    ground: tuple[Tensor, Tensor], layers: tuple[Tensor, ...] | None, conserve: bool,
    diffusivity: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Follow long-wave radiation through columns, as the function in PyTorch does."""
    levels, points, number = tau.shape
    pairs = len(clouds.column)
    pair = np.full((number, levels), -1)
    pair[clouds.column.numpy(), clouds.level.numpy()] = np.arange(pairs)
    matrices: tuple[Array, ...] = (np.empty((0, 3, 3, 0)),) * 2
    emissions: tuple[Array, ...] = (np.empty((0, 3, 0)),) * 2
    if layers is not None:
        r, t, up, dn = layers
        matrices = tuple(columns_first(x, 3, 3, points, pairs) for x in (r, t))
        emissions = tuple(columns_first(x, 3, points, pairs) for x in (up, dn))
    flux_dn, flux_up = (torch.zeros(number, levels + 1, dtype=torch.float64) for _ in range(2))
    arguments: Any = (
        columns_first(tau, levels, points, number),
        columns_first(planck, levels + 1, points, number),
        tuple(columns_first(x, 3, points, pairs) for x in medium),
        layers is not None,
        conserve,
        matrices,
        emissions,
        pair,
        columns_first(clouds.fractions, levels, 3, number),
        columns_first(clouds.up, levels + 1, 3, 3, number),
        columns_first(clouds.dn, levels + 1, 3, 3, number),
        tuple(columns_first(x, points, number) for x in ground),
        diffusivity,
        flux_dn.numpy(),
        flux_up.numpy(),
    )
    in_threads(lambda a, b: _columns(a, b, *arguments), number, block=8)
    return flux_dn.mT.to(tau.dtype), flux_up.mT.to(tau.dtype)
