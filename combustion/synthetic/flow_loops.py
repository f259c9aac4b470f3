"""The loops of :mod:`combustion.synthetic.flow`, compiled.

A plane across the stream is a flat array, in which a neighbour is an offset. What that computes in
the halo has no meaning and is overwritten.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.compiled import in_threads, jit

Field = NDArray[Any]


def divergence(velocity: Tensor) -> Tensor:
    """Sum the fluxes of the cells; see :func:`combustion.synthetic.flow.divergence`."""
    _, nx, ny, nz = velocity.shape
    total = torch.empty((nx - 2, ny - 2, nz - 2), dtype=velocity.dtype)
    _divergence(velocity.numpy(), total.numpy())
    return total


def subtract_gradient(pressure: Tensor, velocity: Tensor) -> None:
    """Correct a velocity; see :func:`combustion.synthetic.flow.subtract_gradient`."""
    _subtract_gradient(pressure.contiguous().numpy(), velocity.numpy())


def stress_divergence(velocity: Tensor, inertia: float, friction: float, rate: Tensor) -> None:
    """Write the acceleration; see :func:`combustion.synthetic.flow.stress_divergence`."""
    planes = velocity.shape[1]
    fields, rates = (field.numpy().reshape(3, planes, -1) for field in (velocity, rate))
    row = velocity.shape[3]

    def work(start: int, stop: int) -> None:
        stress = np.zeros((4, 2, fields.shape[2]), fields.dtype)
        _stress_divergence(fields, row, 1 + start, 1 + stop, inertia, friction, stress, rates)

    in_threads(work, planes - 2, block=16)


def refine(faces: Tensor, out: Tensor, halo: int) -> None:
    """Prolong face velocities; see :func:`combustion.synthetic.flow.refine`."""
    _, planes, ny, nz = faces.shape
    coarse, fine = faces.reshape(3, planes, ny * nz).numpy(), out.numpy()

    def work(start: int, stop: int) -> None:
        shapes = (4, ny * nz), (3, ny * (nz + 3)), (ny, fine.shape[3])
        scratch = [np.empty(shape, coarse.dtype) for shape in shapes]
        _refine(coarse, nz, fine, halo, start, stop, *scratch)

    in_threads(work, 3 * planes, block=32)


@jit("contract")
def _divergence(velocity: Field, total: Field) -> None:
    """Sum the fluxes of the cells of (3, nx + 2, ny + 2, nz + 2) velocities."""
    nx, ny, nz = total.shape
    u, v, w = velocity[0], velocity[1], velocity[2]
    for i in range(nx):
        for j in range(ny):
            u0, u1 = u[i + 1, j + 1, 1 : nz + 1], u[i + 2, j + 1, 1 : nz + 1]
            v0, v1 = v[i + 1, j + 1, 1 : nz + 1], v[i + 1, j + 2, 1 : nz + 1]
            w0, w1 = w[i + 1, j + 1, 1 : nz + 1], w[i + 1, j + 1, 2 : nz + 2]
            row = total[i, j]
            for k in range(nz):
                row[k] = (u1[k] - u0[k]) + (v1[k] - v0[k]) + (w1[k] - w0[k])


@jit("contract")
def _subtract_gradient(pressure: Field, velocity: Field) -> None:
    """Subtract the differences of the pressure from the faces inside, and around y and z."""
    nx, ny, nz = pressure.shape
    for i in range(nx):
        for j in range(ny):
            here, below = pressure[i, j], pressure[i, (j - 1) % ny]
            row = velocity[1, i + 1, j + 1, 1 : nz + 1]
            for k in range(nz):
                row[k] -= here[k] - below[k]
            row = velocity[2, i + 1, j + 1, 1 : nz + 1]
            row[0] -= here[0] - here[nz - 1]
            after, before, row = here[1:], here[: nz - 1], row[1:]
            for k in range(nz - 1):
                row[k] -= after[k] - before[k]
            if i > 0:
                behind = pressure[i - 1, j]
                row = velocity[0, i + 1, j + 1, 1 : nz + 1]
                for k in range(nz):
                    row[k] -= here[k] - behind[k]


@jit("contract")
def _stress_divergence(
    u: Field,
    row: int,
    start: int,
    stop: int,
    inertia: float,
    friction: float,
    stress: Field,
    rate: Field,
) -> None:
    """Minus the divergence of the stress in some planes of (component, plane, cell) fields.

    The stresses xx between two planes, xy and xz act on both: one of each is kept.
    """
    n = u.shape[2]
    inner, above, ahead = slice(row + 1, n - row - 1), slice(2 * row + 1, n - 1), row + 2
    xx, xy, xz = stress[0], stress[1], stress[2]
    yy = zz = stress[3, 0]
    yz = stress[3, 1]
    for plane in range(start, stop + 1):
        new, old, at = plane % 2, (plane - 1) % 2, plane - 1
        _normal(u[0, at], u[0, plane], inertia, friction, xx[new])
        below, here, behind = u[0, plane, : n - row], u[1, plane, row:], u[1, at, row:]
        _shear(u[0, plane, row:], below, here, behind, inertia, friction, xy[new, row:])
        below, here, behind = u[0, plane, : n - 1], u[2, plane, 1:], u[2, at, 1:]
        _shear(u[0, plane, 1:], below, here, behind, inertia, friction, xz[new, 1:])
        if plane == start:
            continue
        # All stresses on the plane behind are known.
        v, w = u[1, at], u[2, at]
        below, here = v[row - 1 : n - 1], v[row:]
        _shear(here, below, w[row:], w[: n - row], inertia, friction, yz[row:])
        out = rate[0, at, inner]
        _sum(xx[old, inner], xx[new, inner], xy[old, inner], xy[old, above], out)
        _add(xz[old, inner], xz[old, ahead : ahead + len(out)], out)
        out = rate[1, at, inner]
        _normal(v[: n - row], v[row:], inertia, friction, yy[row:])
        _sum(yy[inner], yy[above], xy[old, inner], xy[new, inner], out)
        _add(yz[inner], yz[ahead : ahead + len(out)], out)
        out = rate[2, at, inner]
        _normal(w[: n - 1], w[1:], inertia, friction, zz[1:])
        _sum(zz[inner], zz[ahead : ahead + len(out)], xz[old, inner], xz[new, inner], out)
        _add(yz[inner], yz[above], out)


@jit("contract")
def _normal(behind: Field, ahead: Field, inertia: float, friction: float, stress: Field) -> None:
    """Stress on the face between a velocity along the axis and the next."""
    push, drag = stress.dtype.type(inertia), stress.dtype.type(2 * friction)
    for i in range(len(stress)):
        total, change = ahead[i] + behind[i], ahead[i] - behind[i]
        stress[i] = push * total * total - drag * change


@jit("contract")
def _shear(
    a: Field, a_below: Field, b: Field, b_behind: Field, inertia: float, friction: float, out: Field
) -> None:
    """Stress on the edge between a velocity a and the one below, b and the one behind."""
    push, drag = out.dtype.type(inertia), out.dtype.type(friction)
    for i in range(len(out)):
        carried = (a[i] + a_below[i]) * (b[i] + b_behind[i])
        out[i] = push * carried - drag * ((a[i] - a_below[i]) + (b[i] - b_behind[i]))


@jit("contract")
def _sum(a: Field, next_a: Field, b: Field, next_b: Field, out: Field) -> None:
    for i in range(len(out)):
        out[i] = (a[i] - next_a[i]) + (b[i] - next_b[i])


@jit("contract")
def _add(a: Field, next_a: Field, out: Field) -> None:
    for i in range(len(out)):
        out[i] += a[i] - next_a[i]


@jit("contract")
def _refine(
    coarse: Field,
    columns: int,
    fine: Field,
    halo: int,
    start: int,
    stop: int,
    planes: Field,
    rows: Field,
    wide: Field,
) -> None:
    """Prolong some planes, counted over the components, axis by axis.

    `coarse` holds (component, plane, cell), with so many columns in a plane.
    """
    nx = coarse.shape[1] - 1
    low, high = planes[0], planes[1]
    for item in range(start, stop):
        axis, i = item // (nx + 1), item % (nx + 1)
        if axis > 0 and i == nx:
            continue  # the outlet is a face of u only
        field = coarse[axis]
        if axis > 0:
            _halves(field[max(i - 1, 0)], field[i], field[min(i + 1, nx - 1)], low, high)
        else:
            _copy(field[i], low)
            if i < nx:
                here, ahead = field[i], field[i + 1]
                behind, beyond = field[max(i - 1, 0)], field[min(i + 2, nx)]
                if i == 0:
                    _extrapolate(ahead, here, planes[2])
                    behind = planes[2]
                if i == nx - 1:
                    _extrapolate(here, ahead, planes[3])
                    beyond = planes[3]
                _middle(behind, here, ahead, beyond, high)
        for parity in range(1 if i == nx else 2):
            target = fine[axis, halo + 2 * i + parity]
            _refine_plane(planes[parity], columns, axis, target, halo, rows, wide)


@jit("contract")
def _refine_plane(
    plane: Field, nz: int, axis: int, target: Field, halo: int, rows: Field, wide: Field
) -> None:
    """Prolong a flat plane of `nz` columns along z and y, its halo included.

    In `rows`, rows of nz + 3 cells lie flat: one cell of each is behind its first, two after its
    last.
    """
    ny, width = len(plane) // nz, nz + 3
    row, low, high = rows[0], rows[1], rows[2]
    for j in range(ny):
        here = row[j * width : (j + 1) * width]
        _copy(plane[j * nz : (j + 1) * nz], here[1 : nz + 1])
        here[0], here[nz + 1], here[nz + 2] = here[nz], here[1], here[1 + 1 % nz]
    n = ny * width - 3
    if axis == 2:
        _copy(row[1 : n + 1], low[:n])
        _middle(row[:n], row[1 : n + 1], row[2 : n + 2], row[3:], high[:n])
    else:
        _halves(row[:n], row[1 : n + 1], row[2 : n + 2], low[:n], high[:n])
    for j in range(ny):
        even, odd = low[j * width : j * width + nz], high[j * width : j * width + nz]
        pairs = wide[j, halo : halo + 2 * nz]
        for k in range(nz):
            pairs[2 * k], pairs[2 * k + 1] = even[k], odd[k]
        for k in range(halo):
            wide[j, k], wide[j, halo + 2 * nz + k] = pairs[2 * nz - halo + k], pairs[k]
    for j in range(ny):
        here, ahead = wide[j], wide[(j + 1) % ny]
        even, odd = target[halo + 2 * j], target[halo + 2 * j + 1]
        if axis == 1:
            _copy(here, even)
            _middle(wide[(j - 1) % ny], here, ahead, wide[(j + 2) % ny], odd)
        else:
            _halves(wide[(j - 1) % ny], here, ahead, even, odd)
    for j in range(halo):
        _copy(target[2 * ny + j], target[j])
        _copy(target[halo + j], target[2 * ny + halo + j])


@jit("contract")
def _halves(behind: Field, here: Field, ahead: Field, low: Field, high: Field) -> None:
    """Values of both halves of the cells."""
    eighth = here.dtype.type(0.125)
    for i in range(len(low)):
        slope = eighth * (ahead[i] - behind[i])
        low[i], high[i] = here[i] - slope, here[i] + slope


@jit("contract")
def _middle(behind: Field, here: Field, ahead: Field, beyond: Field, out: Field) -> None:
    """Values half-way between the faces `here` and `ahead`."""
    half, eighth = out.dtype.type(0.5), out.dtype.type(0.125)
    for i in range(len(out)):
        change = ahead[i] - here[i]
        slope = eighth * ((beyond[i] - ahead[i]) - (here[i] - behind[i]))
        out[i] = here[i] + half * (change - slope)


@jit("contract")
def _extrapolate(last: Field, end: Field, beyond: Field) -> None:
    """Continue a field beyond its end in a straight line."""
    for i in range(len(beyond)):
        beyond[i] = (end[i] + end[i]) - last[i]


@jit()
def _copy(field: Field, out: Field) -> None:
    for i in range(len(out)):
        out[i] = field[i]
