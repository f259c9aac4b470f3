"""The scheme of :mod:`weather_forecast.gwd.physics.nogwd` in compiled loops.

A wave field of one column and azimuth is a lane; 64 lanes march up together, one row of lanes per
phase speed, so that every loop over lanes is one of vector instructions and their spectra stay in
the first cache. Two bounds keep the rows few. Those slower than every lane's critical level are
gone. And of the waves that no lane has broken yet, the slowest break first: where U >= 0 a wave
breaks when ``rho N_L / (rho_L N) (1 - U / c)2 (1 + (m c / N_L)4) < 1``, of which all factors grow
with c, and where U < 0 it breaks later than with U = 0. So the rows above the first that could
break are as they were at launch, and their sum is known. Each lane sums its rows in the same order
whatever its neighbours do: results do not depend on how columns are grouped.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

Array = NDArray[Any]

LANES = 64
MARGIN = 1 - 1e-5
"""A row counts as one that could break this share below what breaks it: more than round-off."""


def column_drag(
    u: Tensor,
    v: Tensor,
    temperature: Tensor,
    surface_pressure: Tensor,
    launched: Tensor,
    half_levels: tuple[Tensor, Tensor],
    spectrum: Any,
    constants: tuple[float, ...],
    chunk: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute the drag of some columns; see the function of the same name in PyTorch."""
    columns, levels = u.shape
    numbers, axes = _discretisation(spectrum, u.dtype)
    given = (
        *(_array(field, u.dtype) for field in (u, v, launched)),
        *(_array(field, torch.float64) for field in (temperature, surface_pressure, *half_levels)),
    )
    found = [u.new_empty(columns, levels + extra) for extra in (0, 0, 1, 1)]
    arrays = tuple(field.numpy() for field in found)

    def work(start: int, stop: int) -> None:
        _drag(start, stop, given, axes[:2], axes[2:], constants, numbers, arrays)

    in_threads(work, columns)
    du, dv, u_flux, v_flux = found
    return du, dv, u_flux, v_flux


def _array(field: Tensor, dtype: torch.dtype) -> Array:
    """Return a contiguous array, which is the tensor's own memory if it can be."""
    array: Array = field.detach().to(dtype).contiguous().numpy()
    return array


@functools.lru_cache(maxsize=64)
def _discretisation(
    spectrum: Any, dtype: torch.dtype
) -> tuple[tuple[float, ...], tuple[Array, ...]]:
    """Return numbers of a spectrum, and per azimuth and phase speed what the loops need.

    Returns
    -------
    numbers : slowest speed [m/s], time step [s], weight of an azimuth [1]
    axes : tuple of
        cos, sin : (azimuth,)
        c, m4, cdc, root, slope : (row,)
            c and ``(m* c)4``, ``c dc``, and ``root = sqrt(dc / c)``, ``slope = c root``, which make
            saturation a square: ``(c - U)2 dc / c = (slope - U root)2``. An odd last row is waves
            without weight.
    """
    cos, sin = spectrum.directions()
    c, dc = spectrum.quadrature()
    if (c.diff() > 0).any() or not (dc > 0).all():
        raise ValueError(
            f"phase speeds: expected them from the fastest on, with positive weights, "
            f"found {c.tolist()} and {dc.tolist()} m/s"
        )
    if len(c) % 2:
        c, dc = torch.cat([c, c[-1:]]), torch.cat([dc, dc.new_zeros(1)])
    m_star = 2 * math.pi / spectrum.vertical_wavelength
    root = (dc / c).sqrt()
    axes = (cos, sin, c, (m_star * c) ** 4, c * dc, root, c * root)
    numbers = (spectrum.slowest, spectrum.time_step, float(2 / cos.abs().sum()))
    return numbers, tuple(axis.to(dtype).numpy() for axis in axes)


@jit("contract", "nsz")
def _drag(
    start: int,
    stop: int,
    given: tuple[Array, ...],
    azimuth: tuple[Array, ...],
    waves: tuple[Array, ...],
    constants: tuple[float, ...],
    numbers: tuple[float, ...],
    found: tuple[Array, ...],
) -> None:
    """Compute the columns from `start` to `stop`, up to 64 at a time."""
    u, v, launched, temperature, surface_pressure, a, b = given
    (cos, sin), (du, dv, u_flux, v_flux) = azimuth, found
    number = u.dtype.type
    slowest, time_step, weight = number(numbers[0]), numbers[1], number(numbers[2])
    gravity = constants[1]
    launch, azimuths, rows = len(a) - 1, len(cos), len(waves[0])
    inner = launch - 1
    together = 1
    while together < min(stop - start, LANES):
        together *= 2
    sector = min(LANES // together, azimuths)

    p_half, known, layers = np.empty(launch + 1), np.zeros((2, launch)), np.empty((2, launch))
    column = np.empty((7, launch))
    air = np.ones((6, launch, LANES), u.dtype)
    lanes = np.ones((11, LANES), u.dtype)
    born, spectra = np.empty((rows, LANES), u.dtype), np.empty((rows, LANES), u.dtype)
    passed = np.empty((rows // 2 + 1, LANES), u.dtype)
    levels = np.empty((3, inner, LANES), u.dtype)
    sums = np.empty((2, inner, LANES), u.dtype)
    alive = np.empty(LANES, np.int64)

    for first in range(start, stop, together):
        count = min(together, stop - first)
        for place in range(count):
            row = first + place
            for k in range(launch + 1):
                p_half[k] = a[k] + b[k] * surface_pressure[row]
            _background(temperature[row], p_half, constants, known, layers, column[0], column[1])
            _relative(u[row], column[2], column[3])
            _relative(v[row], column[4], column[5])
            for i in range(1, inner):
                column[6, i] = (p_half[i] - p_half[i + 2]) / (gravity * time_step)
            for lane in range(place * sector, (place + 1) * sector):
                lanes[2, lane], lanes[3, lane] = launched[row], column[0, inner - 1]
            for field in range(6):
                for i in range(launch):
                    value = number(column[field + 1, i])
                    for lane in range(place * sector, (place + 1) * sector):
                        air[field, i, lane] = value
        _launch(waves, air, lanes, born, passed)
        sums[:] = 0
        for east in range(0, azimuths, sector):
            width = min(sector, azimuths - east)
            for lane in range(LANES):
                lanes[0, lane] = cos[min(east + lane % sector, azimuths - 1)]
                lanes[1, lane] = sin[min(east + lane % sector, azimuths - 1)]
            _march(waves, slowest, air, lanes, born, passed, spectra, alive, levels)
            _limit(air, lanes, levels)
            # In the order of the azimuths, however many of a column march together.
            for i in range(inner):
                if sector == 1:
                    for lane in range(LANES):
                        sums[0, i, lane] += lanes[0, lane] * levels[0, i, lane]
                    for lane in range(LANES):
                        sums[1, i, lane] += lanes[1, lane] * levels[0, i, lane]
                else:
                    for place in range(count):
                        for lane in range(place * sector, place * sector + width):
                            sums[0, i, place] += lanes[0, lane] * levels[0, i, lane]
                            sums[1, i, place] += lanes[1, lane] * levels[0, i, lane]
        for place in range(count):
            row = first + place
            missing = _is_missing(u[row], v[row], temperature[row], launch)
            missing |= not math.isfinite(surface_pressure[row] + launched[row])
            for total, flux, tendency in (
                (sums[0], u_flux[row], du[row]),
                (sums[1], v_flux[row], dv[row]),
            ):
                flux[:] = 0
                for i in range(inner):
                    flux[i + 1] = weight * total[i, place]
                if missing:
                    flux[: launch + 1] = np.nan
                for k in range(launch):
                    thickness = a[k + 1] - a[k] + (b[k + 1] - b[k]) * surface_pressure[row]
                    tendency[k] = number(gravity) * (flux[k + 1] - flux[k]) / number(thickness)
                tendency[launch:] = 0


@jit()
def _is_missing(u: Array, v: Array, temperature: Array, launch: int) -> bool:
    """Return whether a number down to the launch level is not finite."""
    missing = 0
    for k in range(launch):
        missing += not math.isfinite(u[k] - u[k] + v[k] - v[k])
        missing += not math.isfinite(temperature[k])
    return missing > 0


@jit("contract", "nsz")
def _relative(wind: Array, half: Array, full: Array) -> None:
    """Bring a wind to inner half levels, and take off the launch level's from both."""
    middle, inner = wind.dtype.type(0.5), len(half) - 1
    at_launch = middle * (wind[inner] + wind[inner - 1])
    for i in range(inner):
        half[i] = middle * (wind[i + 1] + wind[i]) - at_launch
    for i in range(1, inner):
        full[i] = wind[i + 1] - at_launch


@jit("contract", "nsz")
def _background(
    temperature: Array,
    p_half: Array,
    constants: tuple[float, ...],
    known: Array,
    layers: Array,
    stability: Array,
    root_inertia: Array,
) -> None:
    """Compute N and the root of ``rho / N`` on the inner half levels, in double precision.

    Parameters
    ----------
    known : (2, level)
        Thick layers of the columns before, whose pressure mostly is the same: ``p_bottom / p_top -
        1`` and its logarithm.
    layers : (2, level)
        Scratch: geopotential of the top and of the middle of a layer above its bottom.
    """
    gas, gravity, heat_capacity, thin = constants
    for k in range(len(stability)):
        # Thin layers: with s = ratio / (2 + ratio), ln(1 + ratio) = 2 (s + s3 / 3 + s5 / 5 + ...).
        top = max(p_half[k], 1e-300)
        ratio = (p_half[k + 1] - p_half[k]) / top
        s = ratio / (2.0 + ratio)
        s2 = s * s
        series = s2 * (1 / 9 + s2 * (1 / 11 + s2 * (1 / 13)))
        series = s2 * (1 / 3 + s2 * (1 / 5 + s2 * (1 / 7 + series)))
        layers[0, k] = gas * temperature[k] * 2.0 * s * (1.0 + series)
        layers[1, k] = gas * temperature[k] * (s - (1.0 - s) * series)
    for k in range(len(stability)):
        thickness = p_half[k + 1] - p_half[k]
        if thickness >= thin * p_half[k]:
            if p_half[k] > 0:
                ratio = thickness / p_half[k]
                if ratio != known[0, k]:
                    known[0, k], known[1, k] = ratio, math.log1p(ratio)
                layers[0, k] = gas * temperature[k] * known[1, k]
                layers[1, k] = gas * temperature[k] * (1.0 - known[1, k] / ratio)
            else:
                layers[1, k] = gas * temperature[k] * math.log(2.0)
    for i in range(len(stability) - 1):
        t = 0.5 * (temperature[i + 1] + temperature[i])
        step = layers[1, i] + layers[0, i + 1] - layers[1, i + 1]
        lapse = (temperature[i] - temperature[i + 1]) / step
        n2 = gravity * gravity / (heat_capacity * t) * (1.0 + heat_capacity * lapse)
        stability[i] = math.sqrt(max(n2, 1e-12))
        root_inertia[i] = math.sqrt(p_half[i + 1] / (gas * t * stability[i]))


@jit("contract", "nsz")
def _launch(waves: tuple[Array, ...], air: Array, lanes: Array, born: Array, passed: Array) -> None:
    """Compute the launch spectrum of all lanes (Scinocca 2003, eq. 25, s = 1).

    Parameters
    ----------
    waves : tuple of (row,)
        See :func:`_discretisation`.
    air : (6, inner, lane)
        The root of ``rho / N``, and other fields.
    lanes : (11, lane)
        From 2 on the launched flux, N of the launch level, and the place of the amplitude.
    born : (row, lane)
        Gets the flux of each wave, normalised to the launched flux.
    passed : (pair of rows, lane)
        Gets what passes with the waves before each pair of rows.
    """
    _, m4, cdc, _, _ = waves
    launched, still, amplitude, total = lanes[2], lanes[3], lanes[4], lanes[5]
    zero, rows = born.dtype.type(0), len(m4)
    for lane in range(LANES):
        n2 = still[lane] * still[lane]
        still[lane] = n2 * n2
        total[lane] = zero
    for j in range(rows):
        strength, steepness = cdc[j], m4[j]
        for lane in range(LANES):
            wave = strength * still[lane] / (still[lane] + steepness)
            born[j, lane] = wave
            total[lane] += wave
    for lane in range(LANES):
        total[lane] = launched[lane] / total[lane]
        # Saturation has rho / N relative to the launch level.
        amplitude[lane] = math.sqrt(total[lane]) / air[0, len(air[0]) - 2, lane]
        passed[0, lane] = zero
    for j in range(0, rows, 2):
        for lane in range(LANES):
            faster, slower = total[lane] * born[j, lane], total[lane] * born[j + 1, lane]
            born[j, lane], born[j + 1, lane] = faster, slower
            passed[j // 2 + 1, lane] = passed[j // 2, lane] + (faster + slower)


@jit("contract", "nsz")
def _march(
    waves: tuple[Array, ...],
    slowest: float,
    air: Array,
    lanes: Array,
    born: Array,
    passed: Array,
    spectra: Array,
    alive: Array,
    levels: Array,
) -> None:
    """Carry the spectra of all lanes upward through critical levels and saturation.

    Parameters
    ----------
    waves : tuple of (row,)
        See :func:`_discretisation`.
    slowest : float
        Slower waves are gone at the first level above the launch [m/s].
    air : (6, level, lane)
        The root of ``rho / N``, eastward and northward wind of inner half levels in 0, 1 and 3.
    lanes : (11, lane)
        Cosine and sine of the azimuth in 0 and 1, the amplitude in 4; the others are scratch.
    born, passed
        See :func:`_launch`.
    spectra : (row, lane)
        Scratch: the waves.
    alive : (lane,) int
        Scratch: the number of rows above the critical level.
    levels : (3, inner, lane)
        Gets what passes, what was lost on the way there, and the mean speed of the last loss.
    """
    c, _, _, root, slope = waves
    cos, sin, amplitude, total, scale = lanes[0], lanes[1], lanes[4], lanes[5], lanes[6]
    slant, still, edge, speed = lanes[7], lanes[8], lanes[9], lanes[10]
    inertia, east, north = air[0], air[1], air[3]
    net, lost, mean = levels
    rows, inner = len(c), len(net)
    number = spectra.dtype.type
    zero, share = number(0), number(MARGIN)
    # A product with a one that the compiler does not know makes of every store one of a new number,
    # which is faster than a store under a mask.
    one = c[0] / c[0]
    for j in range(rows):
        for lane in range(LANES):
            spectra[j, lane] = born[j, lane]
    for lane in range(LANES):
        edge[lane] = c[rows - 1] if c[rows - 1] >= slowest else -np.inf
        speed[lane] = zero
        alive[lane] = rows
        lost[inner - 1, lane] = zero
        net[inner - 1, lane] = passed[rows // 2, lane]

    unbroken, left = rows // 2, rows
    for i in range(inner - 2, -1, -1):
        for lane in range(LANES):
            total[lane] = east[i, lane] * cos[lane] + north[i, lane] * sin[lane]
        for lane in range(LANES):
            scale[lane] = amplitude[lane] * inertia[i, lane]
        for lane in range(LANES):
            slant[lane] = scale[lane] * total[lane]
        for lane in range(LANES):
            still[lane] = slant[lane] if slant[lane] > zero else zero
        for lane in range(LANES):
            lost[i, lane] = zero
        # Critical levels.
        rising, risen = 0, False
        for lane in range(LANES):
            rising += total[lane] > edge[lane]
        if rising > 0:
            for lane in range(LANES):
                w = max(total[lane], slowest)
                if total[lane] > edge[lane]:
                    n, dead, moment = alive[lane], zero, zero
                    while n > 0 and c[n - 1] < w:
                        n -= 1
                        dead += spectra[n, lane]
                        moment += c[n] * spectra[n, lane]
                        spectra[n, lane] = zero
                    risen = True
                    alive[lane] = n
                    edge[lane] = c[n - 1] if n > 0 else np.inf
                    if dead > zero:
                        speed[lane] = moment / dead
                        lost[i, lane] = dead
        if risen:
            fewest, left = rows, 0
            for lane in range(LANES):
                fewest, left = min(fewest, alive[lane]), max(left, alive[lane])
            unbroken = min(unbroken, fewest // 2)
        for lane in range(LANES):
            mean[i, lane] = speed[lane]
        # The rows that could break.
        broken = unbroken > 0
        while broken:
            hits = 0
            j = 2 * unbroken - 2
            slope0, root0, slope1, root1 = slope[j], root[j], slope[j + 1], root[j + 1]
            for lane in range(LANES):
                faster = scale[lane] * slope0 - still[lane] * root0
                slower = scale[lane] * slope1 - still[lane] * root1
                hits += spectra[j, lane] > share * faster * faster
                hits += spectra[j + 1, lane] > share * slower * slower
            if hits > 0:
                unbroken -= 1
            broken = hits > 0 and unbroken > 0
        # Saturation: each wave keeps at most amplitude rho / N (c - U)2 dc / c.
        for lane in range(LANES):
            total[lane] = passed[unbroken, lane]
        for j in range(2 * unbroken, left, 2):
            slope0, root0, slope1, root1 = slope[j], root[j], slope[j + 1], root[j + 1]
            for lane in range(LANES):
                faster = scale[lane] * slope0 - slant[lane] * root0
                slower = scale[lane] * slope1 - slant[lane] * root1
                faster, slower = faster * faster, slower * slower
                above, below = spectra[j, lane], spectra[j + 1, lane]
                above = (above if above < faster else faster) * one
                below = (below if below < slower else slower) * one
                spectra[j, lane], spectra[j + 1, lane] = above, below
                total[lane] += above + below
        for lane in range(LANES):
            net[i, lane] = total[lane]


@jit("contract", "nsz")
def _limit(air: Array, lanes: Array, levels: Array) -> None:
    """Hand down what a critical layer cannot absorb within a time step.

    Parameters
    ----------
    air : (6, level, lane)
        At inner half level i eastward and northward wind of the full level below it in 2 and 4, and
        in 5 the momentum per speed that it can absorb, negative.
    lanes, levels
        See :func:`_march`; the first of `levels` becomes the flux that is left.
    """
    cos, sin, carried, bound = lanes[0], lanes[1], lanes[5], lanes[6]
    east, north, capacity = air[2], air[4], air[5]
    net, lost, mean = levels
    zero = carried.dtype.type(0)
    # From the top: what exceeds the capacity of a layer is handed down.
    for lane in range(LANES):
        carried[lane] = zero
    for i in range(1, len(net)):
        for lane in range(LANES):
            wind = east[i, lane] * cos[lane] + north[i, lane] * sin[lane]
            bound[lane] = capacity[i, lane] * (mean[i - 1, lane] - wind)
        for lane in range(LANES):
            absorbed = bound[lane] if bound[lane] > zero else zero
            excess = carried[lane] + (lost[i - 1, lane] - absorbed)
            carried[lane] = excess if excess > zero else zero
        for lane in range(LANES):
            net[i, lane] -= carried[lane]
