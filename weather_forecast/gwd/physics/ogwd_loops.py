"""The scheme of :mod:`weather_forecast.gwd.physics.ogwd` in compiled loops, a column at a time.

Columns without mountains are left at once, heights are integrated up to the level of four standard
deviations only, and waves are followed no further than their stress reaches. All is computed in
double precision. Names and indices are those of the scheme in PyTorch; an inner half level k there
is the index ``k - 1`` of its arrays, here as there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

Array = NDArray[Any]


def mountain_drag(
    columns: tuple[Tensor, ...],
    half_levels: tuple[Tensor, Tensor],
    scheme: tuple[float, ...],
    markers: tuple[int, int, int],
    constants: tuple[float, ...],
    parameters: Any,
    table: str,
) -> tuple[Tensor, ...]:
    """Compute the drag of some columns; see the function of the same name in PyTorch."""
    winds = columns[0]
    count, levels = winds.shape
    given = tuple(
        field.detach().to(torch.float64).contiguous().numpy() for field in (*columns, *half_levels)
    )
    found = [winds.new_zeros(count, levels + extra) for extra in (0, 0, 0, 0, 0, 1)]
    arrays = tuple(field.numpy() for field in found)

    def work(start: int, stop: int) -> None:
        _drag(start, stop, given, scheme, markers, constants, arrays)

    in_threads(work, count)
    return tuple(found)


@jit("contract", "nsz")
def _drag(
    start: int,
    stop: int,
    given: tuple[Array, ...],
    scheme: tuple[float, ...],
    markers: tuple[int, int, int],
    constants: tuple[float, ...],
    found: tuple[Array, ...],
) -> None:
    """Compute the columns from `start` to `stop`; `found` holds zeros."""
    u, v, temperature, surface_pressure, std, slope, anisotropy, angle, a, b = given
    wave_u, wave_v, blocking_u, blocking_v, coefficient, stress = found
    minimum_std, time_step, limit = scheme[5], scheme[6], scheme[7]
    gravity = constants[1]
    _, limited, shared = markers
    levels = u.shape[1]
    p_half, p_full = np.empty(levels + 1), np.empty(levels)
    rest = np.empty((3, levels - 1))
    heights, beta, carried = np.empty(levels), np.empty(levels), np.empty(levels + 1)
    for row in range(start, stop):
        numbers = surface_pressure[row] + std[row] + slope[row] + anisotropy[row] + angle[row]
        missing = 0 if math.isfinite(numbers) else 1
        for k in range(levels):
            missing += not math.isfinite(u[row, k] - u[row, k] + v[row, k] - v[row, k])
            missing += not math.isfinite(temperature[row, k])
        if missing > 0:
            for field in (wave_u, wave_v, blocking_u, blocking_v, coefficient, stress):
                field[row] = np.nan
            continue
        if not std[row] > minimum_std:
            continue
        for k in range(levels + 1):
            p_half[k] = a[k] + b[k] * surface_pressure[row]
        for k in range(levels):
            p_full[k] = 0.5 * (p_half[k + 1] + p_half[k])
        _background(temperature[row], p_half, p_full, constants, rest)
        mountain = (std[row], slope[row], anisotropy[row], angle[row])
        east, north, peak, base, breaking, blocked, scale, launched = _low_level_flow(
            u[row], v[row], temperature[row], p_half, p_full, rest, mountain, scheme, markers[0],
            constants, heights,
        )  # fmt: skip
        top = 0.5 * (heights[blocked] + heights[blocked - 1])
        for k in range(blocked, levels):
            beta[k] = _blocking(u[row, k], v[row, k], heights[k], top, mountain, scheme, constants)
        _carry(
            u[row], v[row], p_half, p_full, rest, east, north, peak, base, scale, launched, scheme,
            constants, carried,
        )  # fmt: skip
        # Low breaking is linear in pressure.
        for k in range(breaking + 1, blocked):
            share = (p_half[k] - p_half[breaking]) / (p_half[blocked] - p_half[breaking])
            carried[k] = carried[breaking] + share * (carried[blocked] - carried[breaking])
        for k in range(levels + 1):
            stress[row, k] = carried[k]
        for k in range(blocked):
            dp = p_half[k + 1] - p_half[k]
            if k < shared:
                arriving = (carried[shared] - carried[0]) / (p_half[shared] - p_half[0]) ** 2
                slowing = gravity * arriving * dp
            else:
                slowing = gravity * (carried[k + 1] - carried[k]) / dp
            bound = limit if k < limited else np.inf
            wave_u[row, k] = min(max(-slowing * east, -bound), bound)
            wave_v[row, k] = min(max(-slowing * north, -bound), bound)
        for k in range(blocked, levels):
            rate = -beta[k] / (1 + beta[k] * time_step)
            coefficient[row, k] = beta[k]
            blocking_u[row, k] = rate * u[row, k]
            blocking_v[row, k] = rate * v[row, k]


@jit("contract", "nsz")
def _background(
    temperature: Array, p_half: Array, p_full: Array, constants: tuple[float, ...], rest: Array
) -> None:
    """Compute density, N, and N2 with the temperature of the full level below, each (inner,)."""
    gas, gravity, heat_capacity, _, minimum_n2, _ = constants
    for i in range(len(p_full) - 1):
        t = 0.5 * (temperature[i + 1] + temperature[i])
        density = p_half[i + 1] / (gas * t)
        lapse = (temperature[i + 1] - temperature[i]) / (p_full[i + 1] - p_full[i])
        stability = gravity * gravity / heat_capacity * (1.0 - heat_capacity * density * lapse)
        n2 = stability / t
        rest[0, i] = density
        rest[1, i] = math.sqrt(n2 if n2 > minimum_n2 else minimum_n2)
        rest[2, i] = stability / temperature[i + 1]


@jit("contract", "nsz")
def _to_middle_and_top(
    temperature: float, top: float, bottom: float, gas: float, thin: float
) -> tuple[float, float]:
    """Return the geopotential of a layer's middle and top above its bottom, of heavy air."""
    if top <= 0:
        return math.log(2.0) * gas * temperature, 0.0
    ratio = (bottom - top) / top
    if ratio >= thin:
        logarithm = math.log1p(ratio)
        alpha = 1.0 - logarithm / ratio
    else:
        s = ratio / (2.0 + ratio)
        s2 = s * s
        series = s2 * (1 / 7 + s2 * (1 / 9 + s2 * (1 / 11 + s2 * (1 / 13))))
        series = s2 * (1 / 3 + s2 * (1 / 5 + series))
        logarithm = 2.0 * s * (1.0 + series)
        alpha = s - (1.0 - s) * series
    return alpha * gas * temperature, logarithm * gas * temperature


@jit("contract", "nsz")
def _axis(u: float, v: float, angle: float, minimum_wind: float) -> float:
    """Return psi, the angle from the wind to the principal axis."""
    weak = -minimum_wind <= u < minimum_wind
    return angle - math.atan(v / (u + 2 * minimum_wind if weak else u))


@jit("contract", "nsz")
def _low_level_flow(
    u: Array,
    v: Array,
    temperature: Array,
    p_half: Array,
    p_full: Array,
    rest: Array,
    mountain: tuple[float, float, float, float],
    scheme: tuple[float, ...],
    lowest: int,
    constants: tuple[float, ...],
    heights: Array,
) -> tuple[float, float, int, int, int, int, float, float]:
    """Return what the mountains make of the flow near the ground.

    Returns
    -------
    direction of the stress, peak, base, breaking and blocking level, scale of the stress [1/m] and
    launched stress [Pa]; `heights` of the full levels up to that of 4 mu [m].
    """
    gas, gravity, _, thin, minimum_n2, minimum_anisotropy = constants
    wave_drag, blocking_depth, breaking_depth = scheme[0], scheme[3], scheme[4]
    minimum_wind = scheme[8]
    std, slope, anisotropy, angle = mountain
    levels = len(u)

    # Heights from the ground up; the levels of mu to 4 mu.
    low = top = peak = envelope = levels - 1
    depth = 0.0
    for k in range(levels - 1, -1, -1):
        to_middle, to_top = _to_middle_and_top(temperature[k], p_half[k], p_half[k + 1], gas, thin)
        heights[k] = (depth + to_middle) / gravity
        depth += to_top
        if k < levels - 1:
            half_height = 0.5 * (heights[k] + heights[k + 1])
            low -= half_height <= std
            top -= half_height <= 2 * std
            peak -= half_height <= 3 * std
            envelope -= half_height <= 4 * std
            if half_height > 4 * std:
                break

    # The layer of the mean flow.
    base = max(low, top + 1) if top < lowest else levels - 1
    top = min(top, lowest)
    mass = mean_u = mean_v = 0.0
    for k in range(top, base + 1):
        dp = p_half[k + 1] - p_half[k]
        mass += dp
        mean_u += u[k] * dp
        mean_v += v[k] * dp
    mean_u, mean_v = mean_u / mass, mean_v / mass
    between = density = partial = 0.0
    least = 0.0 if top > 0 else np.inf
    for i in range(top, base):
        dp = p_full[i + 1] - p_full[i]
        between += dp
        density += rest[0, i] * dp
        partial += rest[2, i] * dp
        least = min(least, partial)
    density /= between
    n = math.sqrt((partial + max(minimum_n2 - least, 0.0)) / between)

    # The stress of an elliptic mountain.
    speed = max(math.hypot(mean_u, mean_v), minimum_wind)
    psi = _axis(mean_u, mean_v, angle, minimum_wind)
    gamma = max(anisotropy, minimum_anisotropy)
    b = 1 - 0.18 * gamma - 0.04 * gamma * gamma
    c = 0.48 * gamma + 0.3 * gamma * gamma
    sine, cosine = math.sin(psi), math.cos(psi)
    d1, d2 = b - (b - c) * sine * sine, (b - c) * sine * cosine
    shape = math.hypot(d1, d2)
    east = (mean_u * d1 - mean_v * d2) / (speed * shape)
    north = (mean_v * d1 + mean_u * d2) / (speed * shape)

    # Non-dimensional depths, down from the peaks and up from the blocked layer.
    blocked, depth = peak, 0.0
    for k in range(max(peak, 1), levels - 1):
        along = max(abs(mean_u * u[k] + mean_v * v[k]) / speed, minimum_wind)
        half = 0.5 * (p_half[k + 1] - p_half[k]) / gravity / along
        depth += half * rest[1, k] / rest[0, k]
        if k > peak:
            depth += half * rest[1, k - 1] / rest[0, k - 1]
        if depth > blocking_depth:
            break
        blocked += 1
    breaking, depth = blocked - 1, 0.0
    for k in range(min(blocked - 1, levels - 2), 0, -1):
        along = max(abs(mean_u * u[k] + mean_v * v[k]) / speed, minimum_wind)
        half = 0.5 * (p_half[k + 1] - p_half[k]) / gravity / along
        depth += half * (rest[1, k] / rest[0, k] + rest[1, k - 1] / rest[0, k - 1])
        if depth > breaking_depth:
            break
        breaking -= 1
    breaking = min(breaking, envelope, lowest)

    rising = 2 * max(3 * std - heights[blocked], 0.0)
    scale = wave_drag * slope * shape / (4 * std)
    launched = scale * density * n * speed * (2 * rising / 3) ** 2
    return east, north, peak, base, breaking, blocked, scale, launched


@jit("contract", "nsz")
def _blocking(
    u: float,
    v: float,
    height: float,
    top: float,
    mountain: tuple[float, float, float, float],
    scheme: tuple[float, ...],
    constants: tuple[float, ...],
) -> float:
    """Return beta [1/s]."""
    std, slope, anisotropy, angle = mountain
    gamma = max(anisotropy, constants[5])
    gamma2 = gamma * gamma
    cosine = math.cos(_axis(u, v, angle, scheme[8]))
    cos2 = cosine * cosine
    sin2 = 1 - cos2
    b, c = 1 - 0.18 * gamma - 0.04 * gamma2, 0.48 * gamma + 0.3 * gamma2
    inverse_ratio = math.sqrt((gamma2 * cos2 + sin2) / (cos2 + gamma2 * sin2))
    shape = max(2 - inverse_ratio, 0.0) * (b * cos2 + c * sin2)
    flanks = math.sqrt(max((top - height) / (height + std), 0.0))
    return scheme[1] * slope / (2 * std) * shape * flanks * math.hypot(u, v) / 2


@jit("contract", "nsz")
def _carry(
    u: Array,
    v: Array,
    p_half: Array,
    p_full: Array,
    rest: Array,
    east: float,
    north: float,
    peak: int,
    base: int,
    scale: float,
    launched: float,
    scheme: tuple[float, ...],
    constants: tuple[float, ...],
    stress: Array,
) -> None:
    """Carry the stress of the waves upward through critical levels and breaking, (half_level,)."""
    gravity, critical_ri = constants[1], scheme[2]
    minimum_wind, minimum_stress = scheme[8], scheme[9]
    root_ri, inverse = math.sqrt(critical_ri), 1 / critical_ri
    levels = len(u)
    stress[:] = 0
    stress[levels] = left = launched
    passed = True
    for i in range(levels - 2, -1, -1):
        upper, lower = east * u[i] + north * v[i], east * u[i + 1] + north * v[i + 1]
        between = p_full[i + 1] - p_full[i]
        wind = upper + (p_half[i + 1] - p_full[i]) / between * (lower - upper)
        if wind < minimum_wind and i + 1 <= base:
            passed = False
        if i + 1 < peak:
            if left < minimum_stress:
                break
            carried = 0.0
            if passed:
                density, n = rest[0, i], rest[1, i]
                shear = max(abs(lower - upper), minimum_wind)
                root = max(n * between / (gravity * density * shear), root_ri)
                b = inverse + 2 / root
                a = math.sqrt(4 * inverse / root + inverse * inverse + 4 * inverse)
                a = 0.5 * (a - b)
                half_wind = max(wind, minimum_wind)
                carried = scale * density / n * half_wind * half_wind * half_wind * a * a
            left = min(left, carried)
        stress[i + 1] = left
