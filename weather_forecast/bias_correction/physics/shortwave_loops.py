"""Sunlight through columns, in compiled loops: see :mod:`.columns` for the PyTorch form.

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
    Matrix,
    apply,
    columns_first,
    inverse,
    load,
    one_minus,
    plus,
    store,
    times,
)

POINTS = 20
"""Spectral points that are solved together, whole vectors of 4; those too many stay dark."""
W2, W3, W4, W5, W6, W7, W8, W9 = (n * POINTS for n in range(2, 10))
REGION = W7
"""Numbers of a region of a layer: what the layer does (five), and the two albedos below it."""
LAYER = 3 * REGION

inlined = jit("contract", inline=True)


@inlined
def _phi(x: float) -> float:
    """Return (exp(x) - 1) / x for x <= 0: near 0 by its series."""
    y = at_least(x, -0.3)
    series = 1.0
    for n in range(12, 1, -1):
        series = 1.0 + series * y * (1.0 / n)
    return series if y == x else (exp(x) - 1.0) / x


@jit("contract")
def _slab(medium: Array, mu0: float, layer: Array) -> None:
    """Solve the two-stream equations of a layer (Meador & Weaver 1980), see ``shortwave_slab``."""
    for j in range(POINTS):
        tau, ssa, g = medium[j], medium[POINTS + j], 0.75 * medium[W2 + j]
        gamma1 = 2.0 - ssa * (1.25 + g)  # Zdunkowski (1980)
        gamma2 = ssa * (0.75 - g)
        k2 = (gamma1 - gamma2) * (gamma1 + gamma2)
        mu = mu0 * (1.0 - 1e-6) if abs(1.0 - k2 * (mu0 * mu0)) < 1e-6 else mu0
        gamma3 = 0.5 - mu * g
        gamma4 = 1.0 - gamma3
        k = np.sqrt(at_least(k2, 1e-12))
        decay = exp(-k * tau)
        over = 1.0 / (k + gamma1 + (k - gamma1) * (decay * decay))
        alpha1 = gamma1 * gamma4 + gamma2 * gamma3  # Eq. 16
        alpha2 = gamma1 * gamma3 + gamma2 * gamma4  # Eq. 17
        k_mu = k * mu
        direct = exp(-tau / mu)
        factor = ssa * over / (1.0 - k_mu * k_mu)
        twice = 2.0 * k * decay
        up = factor * (  # Eq. 14
            (1.0 - k_mu) * (alpha2 + k * gamma3)
            - (1.0 + k_mu) * (alpha2 - k * gamma3) * (decay * decay)
            - twice * (gamma3 - alpha2 * mu) * direct
        )
        dn = factor * (  # Eq. 15
            twice * (gamma4 + alpha1 * mu)
            - direct
            * (
                (1.0 + k_mu) * (alpha1 + k * gamma4)
                - (1.0 - k_mu) * (alpha1 - k * gamma4) * (decay * decay)
            )
        )
        up = at_least(up, 0.0)
        up = 1.0 - direct if up > 1.0 - direct else up
        dn = at_least(dn, 0.0)
        dn = 1.0 - direct - up if dn > 1.0 - direct - up else dn
        layer[j] = gamma2 * (1.0 - decay * decay) * over  # Eq. 25
        layer[POINTS + j] = 2.0 * k * decay * over  # Eq. 26
        layer[W2 + j] = up
        layer[W3 + j] = dn
        layer[W4 + j] = direct


@jit("contract")
def _rise(layer: Array, below: Array) -> None:
    """Put a region of a layer on top of what is below it."""
    for j in range(POINTS):
        r, t, rs = layer[j], layer[POINTS + j], layer[W2 + j]
        ts, e = layer[W3 + j], layer[W4 + j]
        a, ad = below[j], below[W9 + j]
        layer[W5 + j], layer[W6 + j] = a, ad
        bounce = t / (1.0 - a * r)
        below[j] = r + t * a * bounce
        below[W9 + j] = rs + bounce * (e * ad + ts * a)


@jit("contract")
def _fall(layer: Array, light: Array, total: Array) -> None:
    """Follow direct and diffuse light of a region through a layer, and add up the fluxes."""
    for j in range(POINTS):
        r, t, e = layer[j], layer[POINTS + j], layer[W4 + j]
        a, ad = layer[W5 + j], layer[W6 + j]
        sun, diffuse = light[j], light[W3 + j]
        scattered = layer[W3 + j] * sun + t * diffuse
        sun = sun * e
        reflected = ad * sun
        diffuse = (scattered + r * reflected) / (1.0 - r * a)
        light[j], light[W3 + j] = sun, diffuse
        total[j] += sun + diffuse
        total[POINTS + j] += reflected + a * diffuse


@jit("contract")
def _overlap(dn: Array, light: Array) -> None:
    """Spread what comes down to an interface over the regions below it."""
    for j in range(POINTS):
        a, b, c = light[j], light[POINTS + j], light[W2 + j]
        light[j] = dn[0, 0] * a + dn[0, 1] * b + dn[0, 2] * c
        light[POINTS + j] = dn[1, 0] * a + dn[1, 1] * b + dn[1, 2] * c
        light[W2 + j] = dn[2, 0] * a + dn[2, 1] * b + dn[2, 2] * c


@jit("contract")
def _albedo_above(dn: Array, below: Array) -> None:
    """Average albedos of regions over what is below each region above (Shonk & Hogan 2008)."""
    for j in range(POINTS):
        a, b, c = below[j], below[W4 + j], below[W8 + j]
        below[j] = dn[0, 0] * a + dn[1, 0] * b + dn[2, 0] * c
        below[W4 + j] = dn[0, 1] * a + dn[1, 1] * b + dn[2, 1] * c
        below[W8 + j] = dn[0, 2] * a + dn[1, 2] * b + dn[2, 2] * c


@jit("contract")
def _migrate(
    layer: Array, step: int, a: Array, distance: Array,
    through: float, through_direct: float,
) -> None:  # fmt: skip
    """Step the distances that light goes sideways to the top of a layer, see ``migrate``."""
    for j in range(POINTS):
        r, t, rs = layer[j], layer[step + j], layer[2 * step + j]
        ts, e = layer[3 * step + j], layer[4 * step + j]
        below, below_direct = a[j], a[W9 + j]
        diffuse, direct = distance[j], distance[W3 + j]
        bounce = 1.0 / (1.0 - r * below)
        longer = bounce * np.sqrt(bounce)
        by_diffuse, by_direct = ts * below, e * below_direct
        total = rs + t * bounce * (by_diffuse + by_direct)
        way = (by_diffuse * longer + by_direct * (longer - 1.0)) * (diffuse + through)
        way = way + by_direct * (direct + through_direct)
        new = through_direct + t * way / at_least(total, 1e-8)
        distance[W3 + j] = at_least(new, 0.0)
        total = r + t * bounce * t * below
        way = longer * below * (t * t) * (diffuse + through)
        distance[j] = through + way / at_least(total, 1e-8)


@jit("contract")
def _matrices_rise(layer: Array, below: Array, seen: Array) -> None:
    """Put a layer whose regions exchange light on top of what is below."""
    for j in range(POINTS):
        a, ad = load(below, j, POINTS), load(below, W9 + j, POINTS)
        store(seen, j, POINTS, a)
        store(seen, W9 + j, POINTS, ad)
        t = load(layer, W9 + j, POINTS)
        lit = plus(
            times(ad, load(layer, 4 * W9 + j, POINTS)), times(a, load(layer, 3 * W9 + j, POINTS))
        )
        r = load(layer, j, POINTS)
        inner = times(t, inverse(one_minus(times(a, r))))
        store(below, j, POINTS, plus(r, times(inner, times(a, t))))
        store(below, W9 + j, POINTS, plus(load(layer, 2 * W9 + j, POINTS), times(inner, lit)))


@jit("contract")
def _matrices_fall(layer: Array, light: Array, seen: Array, total: Array) -> None:
    """Follow light through a layer whose regions exchange light, and add up the fluxes."""
    for j in range(POINTS):
        sun = (light[j], light[POINTS + j], light[W2 + j])
        diffuse = (light[W3 + j], light[W4 + j], light[W5 + j])
        r, a = load(layer, j, POINTS), load(seen, j, POINTS)
        passing = apply(load(layer, 4 * W9 + j, POINTS), sun)
        reflected = apply(load(seen, W9 + j, POINTS), passing)
        passed = apply(load(layer, W9 + j, POINTS), diffuse)
        back = apply(r, reflected)
        scattered = apply(load(layer, 3 * W9 + j, POINTS), sun)
        right = (
            passed[0] + back[0] + scattered[0],
            passed[1] + back[1] + scattered[1],
            passed[2] + back[2] + scattered[2],
        )
        leaving = apply(inverse(one_minus(times(r, a))), right)
        rising = apply(a, leaving)
        light[j], light[POINTS + j], light[W2 + j] = passing
        light[W3 + j], light[W4 + j], light[W5 + j] = leaving
        total[j] += passing[0] + passing[1] + passing[2] + leaving[0] + leaving[1] + leaving[2]
        total[POINTS + j] += (
            reflected[0] + reflected[1] + reflected[2] + rising[0] + rising[1] + rising[2]
        )


@jit("contract")
def _spread(up: Array, dn: Array, below: Array, same: Array) -> None:
    """Spread what changed region below an interface over those above; keep the rest apart."""
    u = (up[0, 0], up[0, 1], up[0, 2], up[1, 0], up[1, 1], up[1, 2], up[2, 0], up[2, 1], up[2, 2])
    d = (dn[0, 0], dn[0, 1], dn[0, 2], dn[1, 0], dn[1, 1], dn[1, 2], dn[2, 0], dn[2, 1], dn[2, 2])
    for j in range(POINTS):
        a = load(below, j, POINTS)
        same[j], same[POINTS + j], same[W2 + j] = a[0], a[4], a[8]
        changed = (0.0, a[1], a[2], a[3], 0.0, a[5], a[6], a[7], 0.0)
        store(below, j, POINTS, times(times(u, changed), d))


@jit("contract")
def _entrap(
    below: Array, same: Array, share: Array, distance: Array,
    rates: Array, fractal: float,
) -> None:  # fmt: skip
    """Add what did not change region, but for the exchange on its way, see ``entrapment``.

    ``rates`` are those of 0 -> 1, 1 -> 2, 1 -> 0 and 2 -> 1 per distance; ``fractal`` is inverse.
    """
    share0, share1, share2 = share[0], share[1], share[2]
    o01, o12, b10, b21 = rates[0], rates[1], rates[2], rates[3]
    for j in range(POINTS):
        far, albedo = distance[j], same[j]
        ratio = fractal * far
        far = far / np.sqrt(at_least(ratio, 1.0))
        out, on, back, off = o01 * far, o12 * far, b10 * far, b21 * far
        half = -0.5 * (out + on + (back + off))
        product = out * on + out * off + back * off
        square = half * half - product
        root = np.sqrt(at_least(square, 1e-12))
        second = half - root
        first = product / second
        phi = _phi(first)
        c2 = (phi - _phi(second)) / (first - second)
        c1 = phi - c2 * first
        # exp(M) = 1 + c1 M + c2 M^2 of the tridiagonal generator M, column by column.
        middle = -back - on
        s0, s1, s2 = share0 * albedo, share1 * albedo, share2 * albedo
        below[j] += s0 * (1.0 - c1 * out + c2 * (out * out + back * out))
        below[W3 + j] += s0 * out * (c1 + c2 * (middle - out))
        below[W6 + j] += s0 * c2 * on * out
        below[POINTS + j] += s1 * back * (c1 + c2 * (middle - out))
        below[W4 + j] += s1 * (1.0 + c1 * middle + c2 * (out * back + middle * middle + off * on))
        below[W7 + j] += s1 * on * (c1 + c2 * (middle - off))
        below[W2 + j] += s2 * c2 * back * off
        below[W5 + j] += s2 * off * (c1 + c2 * (middle - off))
        below[W8 + j] += s2 * (1.0 - c1 * off + c2 * (off * off + on * off))


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
    start: int, stop: int, gases: Any, medium: Any, exchanging: bool, matrices: Any, pair: Any,
    fractions: Array, up: Array, dn: Array, overlap: Array, edges: Array, size: Array, depth: Array,
    sun: Any, ground: Any, constants: Any, flux_dn: Array, flux_up: Array,
) -> None:  # fmt: skip
    """Solve some columns; arrays as in ``follow_shortwave``, but columns first, points last."""
    absorption, scattering = gases
    mu0, incoming, tangent = sun
    diffuse_tangent, fractal, least_fraction = constants
    _, levels, points = absorption.shape
    layers = np.zeros(levels * LAYER)
    seen, below = np.zeros(levels * 2 * W9), np.zeros(2 * W9)
    layer, lanes, same = np.zeros(5 * W9), np.zeros(W3), np.zeros(W3)
    light, distance, total, rates = np.zeros(W6), np.zeros(W6), np.zeros(W2), np.zeros(4)
    for c in range(start, stop):
        slant = np.sqrt(tangent[c] * tangent[c] + diffuse_tangent * diffuse_tangent)
        for first in range(0, points, POINTS):
            below[:], distance[:], light[:], lanes[:] = 0.0, 0.0, 0.0, 0.0
            for i in range(3):
                if fractions[c, levels - 1, i] > 0.0:
                    for kind in range(2):
                        _fill(ground[kind][c][first:], below[kind * W9 + i * W4 :])
            for k in range(levels - 1, -1, -1):
                p, o = pair[c, k], k * LAYER
                through = depth[c, k] * diffuse_tangent / np.sqrt(2.0)
                through_direct = 0.5 * depth[c, k] * slant
                if p >= 0 and exchanging:
                    for i in range(5):
                        for m in range(9):
                            row = matrices[i][p, m // 3, m % 3]
                            _fill(row[first:], layer[i * W9 + m * POINTS :])
                    for i in range(3):
                        _migrate(
                            layer[i * W4 :], W9, below[i * W4 :], distance[i * POINTS :],
                            through, through_direct,
                        )  # fmt: skip
                    _matrices_rise(layer, below, seen[k * 2 * W9 :])
                elif p >= 0:
                    for i in range(3):
                        for m in range(3):
                            _fill(medium[m][p, i][first:], lanes[m * POINTS :])
                        _slab(lanes, mu0[c], layers[o + i * REGION :])
                        _rise(layers[o + i * REGION :], below[i * W4 :])
                else:
                    for j in range(min(POINTS, points - first)):
                        absorbed, scattered = (
                            absorption[c, k, first + j],
                            scattering[c, k, first + j],
                        )
                        tau = absorbed + scattered
                        lanes[j] = tau
                        lanes[POINTS + j] = scattered / at_least(tau, 1e-30)
                        lanes[W2 + j] = 0.0
                    _slab(lanes, mu0[c], layers[o:])
                    if exchanging:
                        _migrate(layers[o:], POINTS, below, distance, through, through_direct)
                    _rise(layers[o:], below)
                if p < 0 and (k == 0 or pair[c, k - 1] < 0):
                    continue
                d = dn[c, k]
                if not exchanging:
                    _albedo_above(d, below)
                    _albedo_above(d, below[W9:])
                    continue
                for kind in range(2):
                    _spread(up[c, k], d, below[kind * W9 :], same)
                    for i in range(3):
                        # Borders of the regions line up as far as overlap allows; space has none.
                        a = max(k - 1, 0)
                        area, above = fractions[c, k, i], fractions[c, a, i]
                        aligned = overlap[c, k] * min(area, above)
                        scaling = 1.0 - aligned / max(area, least_fraction)
                        for b in range(2):
                            border = edges[c, a, b] * scaling if k > 0 else 0.0
                            rates[b] = border / max(up[c, k, b, i], 1e-5)
                            rates[2 + b] = border / max(up[c, k, b + 1, i], 1e-5)
                        _entrap(
                            below[kind * W9 :], same[i * POINTS :], d[i],
                            distance[kind * W3 + i * POINTS :], rates, fractal / size[c, a],
                        )  # fmt: skip
                _overlap(d.T, distance)
                _overlap(d.T, distance[W3:])
            for j in range(min(POINTS, points - first)):
                light[j] = incoming[c, first + j]
                flux_dn[c, 0] += light[j]
                flux_up[c, 0] += below[W9 + j] * light[j]
            for k in range(levels):
                p, o = pair[c, k], k * LAYER
                if p >= 0 or (k > 0 and pair[c, k - 1] >= 0):
                    _overlap(dn[c, k], light)
                    _overlap(dn[c, k], light[W3:])
                total[:] = 0.0
                if p >= 0 and exchanging:
                    for i in range(5):
                        for m in range(9):
                            row = matrices[i][p, m // 3, m % 3]
                            _fill(row[first:], layer[i * W9 + m * POINTS :])
                    _matrices_fall(layer, light, seen[k * 2 * W9 :], total)
                else:
                    for i in range(3 if p >= 0 else 1):
                        _fall(layers[o + i * REGION :], light[i * POINTS :], total)
                down, upward = _sum(total)
                flux_dn[c, k + 1] += down
                flux_up[c, k + 1] += upward


def follow_shortwave(
    gases: tuple[Tensor, Tensor], medium: tuple[Tensor, ...], clouds: Any, sun: tuple[Tensor, ...],
    ground: tuple[Tensor, Tensor], layers: tuple[Tensor, ...] | None, constants: Matrix,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Follow sunlight through columns, as the function in PyTorch does."""
    levels, points, number = gases[0].shape
    pairs = len(clouds.column)
    pair = np.full((number, levels), -1)
    pair[clouds.column.numpy(), clouds.level.numpy()] = np.arange(pairs)
    nothing = np.empty((0, 3, 3, 0))
    flux_dn, flux_up = (torch.zeros(number, levels + 1, dtype=torch.float64) for _ in range(2))
    arguments: Any = (
        tuple(columns_first(x, levels, points, number) for x in gases),
        tuple(columns_first(x, 3, points, pairs) for x in medium),
        layers is not None,
        tuple(
            nothing if layers is None else columns_first(layers[i], 3, 3, points, pairs)
            for i in range(5)
        ),
        pair,
        columns_first(clouds.fractions, levels, 3, number),
        columns_first(clouds.up, levels + 1, 3, 3, number),
        columns_first(clouds.dn, levels + 1, 3, 3, number),
        columns_first(clouds.overlap, levels, number),
        columns_first(clouds.edges, levels, 2, number),
        columns_first(clouds.size, levels, number),
        columns_first(clouds.depth, levels, number),
        (
            columns_first(sun[0], number),
            columns_first(sun[1], points, number),
            columns_first(sun[2], number),
        ),
        tuple(columns_first(x, points, number) for x in ground),
        constants,
        flux_dn.numpy(),
        flux_up.numpy(),
    )
    in_threads(lambda a, b: _columns(a, b, *arguments), number, block=8)
    return flux_dn.mT.to(gases[0].dtype), flux_up.mT.to(gases[0].dtype)
