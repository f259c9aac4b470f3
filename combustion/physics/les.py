"""From the flame's grid to the LES grid: Gaussian filter, flame surface, sub-filter velocity.

The filter has the width Delta, i.e. the standard deviation Delta / sqrt(12) of a box of that width,
and is evaluated in the centres of LES cells of `stride` x `stride` x `stride` flame cells.  Filter
and sub-sampling are separable and linear: one small matrix per axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from combustion.physics.gradients import central_difference

REACH = 4.0  # the kernel is cut at this many standard deviations
PERIODIC = (False, True, True)


def filter_matrix(positions: Tensor, cells: int, width: float, *, periodic: bool) -> Tensor:
    """Weights of the cells of one axis in the filtered values at some positions.

    Parameters
    ----------
    positions : (m,) where the filtered field is wanted, in cells from the lower end of the axis
    cells : number of cells n along the axis, whose centres lie at 0.5, 1.5, ...
    width : filter width Delta, in cells
    periodic : whether the axis wraps round; otherwise the part of the kernel inside is renormalised

    Returns
    -------
    Tensor
        (m, n) float64, rows sum to one
    """
    sigma = width / math.sqrt(12)
    centres = torch.arange(cells, dtype=torch.float64) + 0.5
    distance = centres - positions[:, None].to(centres)
    reach = math.ceil(REACH * sigma / cells) if periodic else 0
    weights = torch.zeros_like(distance)
    for image in range(-reach, reach + 1):
        away = (distance + image * cells) / sigma
        weights += torch.exp(-0.5 * away**2) * (away.abs() <= REACH)
    return weights / weights.sum(1, keepdim=True)


class LESFilter:
    """Filter and sub-sample a field given on (nx, ny, nz) cells; y and z are periodic.

    Parameters
    ----------
    shape : cells of the field
    spacing : cell size of the field [m]
    width : filter width Delta [m]
    coarse_spacing : cell size of the LES grid [m], whose cells start where the field's start
    device : where the fields live
    """

    def __init__(
        self,
        shape: Sequence[int],
        spacing: float,
        width: float,
        coarse_spacing: float,
        device: torch.device,
    ) -> None:
        self.spacing = spacing
        self._values, self._derivatives = [], []
        for n, periodic in zip(shape, PERIODIC, strict=True):
            count = math.floor(n * spacing / coarse_spacing + 1e-6)
            if count < 1:
                raise ValueError(
                    f"LES cells of {coarse_spacing:g} m do not fit in {n} cells of {spacing:g} m"
                )
            centres = (torch.arange(count, dtype=torch.float64) + 0.5) * coarse_spacing / spacing
            at = [
                filter_matrix(centres + shift, n, width / spacing, periodic=periodic)
                for shift in (-0.5, 0.0, 0.5)
            ]
            self._values.append(at[1].to(device, torch.float32))
            self._derivatives.append(((at[2] - at[0]) / spacing).to(device, torch.float32))

    def __call__(self, field: Tensor) -> Tensor:
        """Filter a field and sample it on the LES grid, (nx, ny, nz) -> (Nx, Ny, Nz)."""
        return apply_matrices(self._values, field)

    def gradient(self, field: Tensor) -> Tensor:
        """Gradient of the filtered field, differenced over one fine cell, (3, Nx, Ny, Nz) [1/m]."""
        parts = []
        for axis in range(3):
            matrices = list(self._values)
            matrices[axis] = self._derivatives[axis]
            parts.append(apply_matrices(matrices, field))
        return torch.stack(parts)


def apply_matrices(matrices: Sequence[Tensor], field: Tensor) -> Tensor:
    """Apply one matrix along each of the three axes of a field."""
    a, b, c = matrices
    rows = (a @ field.flatten(1)).view(-1, *field.shape[1:])
    return b @ rows @ c.T


def gradient(field: Tensor, spacing: float, periodic: tuple[bool, bool, bool] = PERIODIC) -> Tensor:
    """Fourth-order central gradient, second order at open ends, (nx, ny, nz) -> (3, nx, ny, nz)."""
    parts = []
    for axis, wraps in enumerate(periodic):
        if wraps:
            near = field.roll(-1, axis) - field.roll(1, axis)
            far = field.roll(-2, axis) - field.roll(2, axis)
            part = (8 * near - far) / (12 * spacing)
        else:
            part = central_difference(field, axis, spacing)
        parts.append(part)
    return torch.stack(parts)


class FilteredFlame(NamedTuple):
    """What an LES knows of the flame, and what it needs; all (Nx, Ny, Nz)."""

    progress_variable: Tensor  # filtered c
    flame_surface_density: Tensor  # filtered |grad c| [1/m]
    resolved_gradient: Tensor  # |grad of filtered c| [1/m]
    subfilter_velocity: Tensor  # true rms of one component [m/s]
    les_velocity: Tensor  # the same from filtered velocities [m/s]


def filter_flame(
    c: Tensor, velocity: Tensor, spacing: float, width: float, stride: int
) -> FilteredFlame:
    """Filter a flame and its velocity to the LES grid of `stride` flame cells.

    Parameters
    ----------
    c : (nx, ny, nz) progress variable
    velocity : (3, mx, my, mz) velocity in the cell centres of an equal or coarser grid [m/s]
    spacing : cell size of c [m]
    width : filter width Delta [m]
    stride : flame cells per LES cell
    """
    coarse = stride * spacing
    scalar = LESFilter(c.shape, spacing, width, coarse, c.device)
    ratio = c.shape[0] / velocity.shape[1]
    flow = LESFilter(velocity.shape[1:], spacing * ratio, width, coarse, c.device)
    mean = torch.stack([flow(component) for component in velocity])
    energy = flow(velocity.square().sum(0)) - mean.square().sum(0)
    return FilteredFlame(
        progress_variable=scalar(c),
        flame_surface_density=scalar(gradient(c, spacing).square().sum(0).sqrt()),
        resolved_gradient=scalar.gradient(c).square().sum(0).sqrt(),
        subfilter_velocity=(energy.clamp_min(0) / 3).sqrt(),
        les_velocity=resolved_velocity_estimate(mean, coarse),
    )


def resolved_velocity_estimate(velocity: Tensor, spacing: float) -> Tensor:
    """Sub-filter velocity u' = 2 dx^3 |curl lap u| (Colin et al. 2000) [m/s].

    Parameters
    ----------
    velocity : (3, Nx, Ny, Nz) filtered velocity on the LES grid [m/s]
    spacing : cell size dx of the LES grid [m]

    Returns
    -------
    Tensor
        (Nx, Ny, Nz); the Laplacian of the end planes of x is that of their neighbours
    """
    padded = torch.cat([velocity[:, :1], velocity, velocity[:, -1:]], 1)
    laplacian = padded[:, 2:] + padded[:, :-2] - 6 * velocity
    for axis in (2, 3):
        laplacian += velocity.roll(1, axis) + velocity.roll(-1, axis)
    laplacian[:, 0], laplacian[:, -1] = laplacian[:, 1], laplacian[:, -2]
    u, v, w = laplacian / spacing**2

    def d(field: Tensor, axis: int) -> Tensor:
        if axis == 0:
            return torch.gradient(field, spacing=spacing, dim=0)[0]
        return (field.roll(-1, axis) - field.roll(1, axis)) / (2 * spacing)

    curl = torch.stack([d(w, 1) - d(v, 2), d(u, 2) - d(w, 0), d(v, 0) - d(u, 1)])
    return 2 * spacing**3 * curl.square().sum(0).sqrt()
