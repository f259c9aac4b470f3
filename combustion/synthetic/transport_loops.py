"""The sweeps of :mod:`combustion.synthetic.transport` in compiled loops.

They run over contiguous memory: along x over the cells of a plane, across the stream over the flat
plane, where a neighbour is an offset. What that computes in the halo has no meaning and is
overwritten. A cell is read from memory once in a sweep along x, and once in the four across.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

Field = NDArray[Any]

CHUNK = 1024  # cells of a plane that are swept along x at a time: their fluxes stay in the cache
HALO = 2


def sweep_along_x(c: Tensor, courant: Tensor, fourier: float, first: bool) -> None:
    """Sweep along x; see :func:`combustion.synthetic.transport.sweep_along_x`."""
    planes = len(c)
    cells, speeds = c.numpy().reshape(planes, -1), courant[0].numpy().reshape(planes, -1)

    def work(start: int, stop: int) -> None:
        _along_x(cells, speeds, start, stop, fourier, first, np.empty((3, CHUNK), cells.dtype))

    in_threads(work, cells.shape[1], block=CHUNK)


def sweep_across(c: Tensor, courant: Tensor, fourier: float, reaction: float) -> None:
    """Sweep y, z, react, sweep z, y; see :func:`combustion.synthetic.transport.sweep_across`."""
    planes, columns = len(c), c.shape[2]
    cells, speeds = c.numpy().reshape(planes, -1), courant.numpy().reshape(3, planes, -1)

    def work(start: int, stop: int) -> None:
        flux = np.empty(cells.shape[1], cells.dtype)
        _across(cells, speeds, columns, HALO + start, HALO + stop, fourier, reaction, flux)

    in_threads(work, planes - 2 * HALO, block=8)


@jit("contract")
def _along_x(
    c: Field,
    speed: Field,
    start: int,
    stop: int,
    fourier: float,
    first: bool,
    fluxes: Field,
) -> None:
    """Sweep the cells `start` to `stop` of the planes of (plane, cell) fields, in place.

    Three fluxes lie ahead of the plane that is overwritten: no other one reaches it.
    """
    planes, chunk = len(c), fluxes.shape[1]
    for lo in range(start, stop, chunk):
        hi = min(lo + chunk, stop)
        for face in range(HALO, planes + 1):
            if face < planes - 1:
                _flux(
                    c[face - 2, lo:hi],
                    c[face - 1, lo:hi],
                    c[face, lo:hi],
                    c[face + 1, lo:hi],
                    speed[face, lo:hi],
                    fourier,
                    fluxes[face % 3, : hi - lo],
                )
            cell = face - 2  # its two fluxes, and the one behind the next cell, are known
            if cell >= HALO:
                after, ahead = fluxes[cell % 3, : hi - lo], fluxes[(cell + 1) % 3, : hi - lo]
                u0, u1 = speed[cell, lo:hi], speed[cell + 1, lo:hi]
                if first:
                    _update_from_one(c[cell, lo:hi], after, ahead, u0, u1)
                else:
                    _update_to_one(c[cell, lo:hi], after, ahead, u0, u1)


@jit("contract")
def _across(
    c: Field,
    courant: Field,
    columns: int,
    start: int,
    stop: int,
    fourier: float,
    reaction: float,
    flux: Field,
) -> None:
    """Sweep y, z, react, sweep z, y in the planes `start` to `stop`, one by one, in place.

    The loops take the fields from the cell, the face, the next face on: indices that count from
    zero are what the compiler can turn into vectors.
    """
    n, stride, edge = c.shape[1], columns, 2 * columns
    for plane in range(start, stop):
        flat, y, z = c[plane], courant[1, plane], courant[2, plane]
        inner, cells = flat[edge : n - edge], flat[2 : n - 2]
        y0, y1 = y[edge : n - edge], y[edge + stride : n - edge + stride]
        flux_y, next_y = flux[edge : n - edge], flux[edge + stride : n - edge + stride]
        y_z0, y_z1 = z[edge : n - edge], z[edge + 1 : n - edge + 1]
        z0, z1 = z[2 : n - 2], z[3 : n - 1]
        flux_z, next_z = flux[2 : n - 2], flux[3 : n - 1]

        _wrap(flat, stride, n)
        _flux_in_plane(flat, y, stride, fourier, flux)
        _update_first_y(inner, flux_y, next_y, y0, y1, y_z0, y_z1)
        _wrap(flat, 1, stride)
        _flux_in_plane(flat, z, 1, fourier, flux)
        _update_first_z(cells, flux_z, next_z, z0, z1, reaction)
        _wrap(flat, 1, stride)
        _flux_in_plane(flat, z, 1, fourier, flux)
        _update_from_one(cells, flux_z, next_z, z0, z1)
        _wrap(flat, stride, n)
        _flux_in_plane(flat, y, stride, fourier, flux)
        _update_last_y(inner, flux_y, next_y, y0, y1, y_z0, y_z1)


@jit("contract")
def _flux_in_plane(c: Field, speed: Field, stride: int, fourier: float, flux: Field) -> None:
    """Fluxes through the lower faces of the cells of a flat plane, along the axis of a stride."""
    n = len(c)
    _flux(
        c[: n - 3 * stride],
        c[stride : n - 2 * stride],
        c[2 * stride : n - stride],
        c[3 * stride :],
        speed[2 * stride : n - stride],
        fourier,
        flux[2 * stride : n - stride],
    )


@jit("contract")
def _flux(
    c0: Field, c1: Field, c2: Field, c3: Field, speed: Field, fourier: float, flux: Field
) -> None:
    """Flux through the face between c1 and c2, in the order of the reference."""
    number = flux.dtype.type
    zero, quarter, half, two = number(0), number(0.25), number(0.5), number(2)
    sixth, spread = number(1 / 6), number(fourier)
    for i in range(len(flux)):
        behind, here, ahead = c1[i] - c0[i], c2[i] - c1[i], c3[i] - c2[i]
        size = abs(speed[i])
        upwind = behind if speed[i] > zero else ahead
        # The limits of the correction: towards zero from the smaller of both differences.
        low = upwind if upwind > here else here
        low = low if low < zero else zero
        high = upwind if upwind < here else here
        high = high if high > zero else zero
        change = upwind - here
        # Diffusion acts on the gas that crosses the face during the step, half a path upwind.
        slope = here + half * change * size
        third = ahead + behind - two * here
        change = change - half * third + quarter * third * size
        change = change + change * size
        correction = half * here + sixth * change
        correction = low if correction < low else correction
        correction = high if correction > high else correction
        # |C| ((1 - |C|) correction - difference / 2): what upwinding takes from the mean flux.
        limited = size * (correction - half * here - size * correction)
        flux[i] = limited + half * speed[i] * (c1[i] + c2[i]) - spread * slope


@jit("contract")
def _update_from_one(c: Field, flux: Field, next_flux: Field, u0: Field, u1: Field) -> None:
    """Give the cells what their faces carry; the mass of gas starts at 1."""
    one = c.dtype.type(1)
    for i in range(len(c)):
        c[i] = (c[i] + (flux[i] - next_flux[i])) / (one + (u0[i] - u1[i]))


@jit("contract")
def _update_to_one(c: Field, flux: Field, next_flux: Field, u0: Field, u1: Field) -> None:
    """Give the cells what their faces carry; the mass of gas ends at 1."""
    one = c.dtype.type(1)
    for i in range(len(c)):
        c[i] = c[i] * (one - (u0[i] - u1[i])) + (flux[i] - next_flux[i])


@jit("contract")
def _update_first_y(
    c: Field, flux: Field, next_flux: Field, v0: Field, v1: Field, w0: Field, w1: Field
) -> None:
    """Update by the y sweep on the way in: it leaves the mass that the z sweep brings to 1."""
    one = c.dtype.type(1)
    for i in range(len(c)):
        after = one + (w1[i] - w0[i])
        c[i] = (c[i] * ((v1[i] - v0[i]) + after) + (flux[i] - next_flux[i])) / after


@jit("contract")
def _update_first_z(
    c: Field, flux: Field, next_flux: Field, w0: Field, w1: Field, reaction: float
) -> None:
    """Update by the z sweep on the way in, then burn.

    dc/dt = k c^2 (1 - c) over k dt = `reaction` (Heun), rounding clamped.
    """
    zero, one = c.dtype.type(0), c.dtype.type(1)
    whole, half = c.dtype.type(reaction), c.dtype.type(reaction / 2)
    for i in range(len(c)):
        x = c[i] * (one + (w1[i] - w0[i])) + (flux[i] - next_flux[i])
        x = zero if x < zero else x
        x = one if x > one else x
        square = x * x
        source = square - square * x
        guess = x + whole * source
        square = guess * guess
        c[i] = x + half * source + half * (square - square * guess)


@jit("contract")
def _update_last_y(
    c: Field, flux: Field, next_flux: Field, v0: Field, v1: Field, w0: Field, w1: Field
) -> None:
    """Update by the y sweep on the way out: it leaves the mass that the x sweep brings to 1."""
    one = c.dtype.type(1)
    for i in range(len(c)):
        before = one - (w1[i] - w0[i])
        c[i] = (c[i] * before + (flux[i] - next_flux[i])) / (before - (v1[i] - v0[i]))


@jit()
def _wrap(c: Field, stride: int, length: int) -> None:
    """Fill the halo of the periodic axis of a stride, whose cells repeat after a length."""
    first, last = HALO * stride, length - HALO * stride
    for start in range(0, len(c), length):
        for i in range(start, start + first):
            c[i] = c[i + last - first]
            c[i + last] = c[i + first]
