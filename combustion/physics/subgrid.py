"""Unresolved motion in a large-eddy simulation: eddy viscosity of the momentum and of a scalar.

The velocity lies on the staggered grid of :class:`combustion.synthetic.flow.Flow`, with one halo
cell on each side: component a on the lower faces of axis a.

Sources:

- Smagorinsky 1963, Mon. Weather Rev. 91, 99-164: nu_t = (C_s Delta)^2 |S|.
- Lilly 1967, IBM Form 320-1951: C_s = 0.17 for a sharp filter in the inertial range.
- Deardorff 1970, J. Fluid Mech. 41, 453-480: C_s = 0.1 where the mean flow is sheared.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMAGORINSKY = 0.1
"""C_s of sheared flow (Deardorff 1970). The energy that slot flames lose to scales below the
Gaussian filter gives 0.08 to 0.13 (``benchmarks/subgrid.py``)."""


def eddy_viscosity(velocity: Tensor, spacing: float, filter_width: float) -> Tensor:
    """Eddy viscosity nu_t = (C_s Delta)^2 sqrt(2 S_ab S_ab) of Smagorinsky (1963).

    Parameters
    ----------
    velocity : (3, nx + 2, ny + 2, nz + 2)  [m/s]
    spacing : cell size h  [m]
    filter_width : Delta  [m]

    Returns
    -------
    (nx + 2, ny + 2, nz + 2)  [m2/s]; its halo repeats the ends of x and is periodic in y and z
    """
    inner = slice(1, -1)
    # 2 S_ab S_ab = 2 sum_a S_aa^2 + 4 sum_a<b S_ab^2, with S_ab on the edges of the cells.
    total = torch.zeros_like(velocity[0, inner, inner, inner])
    for a in range(3):
        total += 2 * _ahead(velocity[a], a).div_(spacing)[inner, inner, inner].square()
    for a, b in ((0, 1), (0, 2), (1, 2)):
        shear = (_behind(velocity[a], b) + _behind(velocity[b], a)).div_(2 * spacing)
        total += 4 * _from_edges(shear.square(), a, b)[inner, inner, inner]
    return with_halo((SMAGORINSKY * filter_width) ** 2 * total.sqrt())


def stress_divergence(velocity: Tensor, viscosity: Tensor, spacing: float) -> Tensor:
    """Acceleration by the eddies, div [nu_t (grad u + grad u^T)].

    Parameters
    ----------
    velocity : (3, nx + 2, ny + 2, nz + 2)  [m/s]
    viscosity : nu_t in the centres, (nx + 2, ny + 2, nz + 2)  [m2/s]
    spacing : h  [m]

    Returns
    -------
    (3, nx + 2, ny + 2, nz + 2)  [m/s2]; zero in the halo, at the inlet and at the outlet
    """
    rate = torch.zeros_like(velocity)
    for a in range(3):
        stress = 2 * viscosity * _ahead(velocity[a], a)
        rate[a] += _behind(stress, a)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        stress = _to_edges(viscosity, a, b) * (_behind(velocity[a], b) + _behind(velocity[b], a))
        rate[a] += _ahead(stress, b)
        rate[b] += _ahead(stress, a)
    inside = torch.zeros_like(rate[0])
    inside[1:-1, 1:-1, 1:-1] = spacing**-2
    rate *= inside
    rate[0, 1] = 0
    return rate


def diffusion(c: Tensor, diffusivity: Tensor, spacing: float) -> Tensor:
    """Divergence of the gradient flux, div (D_t grad c); nothing crosses the ends of x.

    Parameters
    ----------
    c : (nx, ny, nz)
    diffusivity : D_t, (nx + 2, ny + 2, nz + 2)  [m2/s]
    spacing : h  [m]

    Returns
    -------
    (nx, ny, nz)  [1/s]
    """
    padded = with_halo(c)
    rate = torch.zeros_like(c)
    for axis in range(3):
        mean = (diffusivity + diffusivity.roll(1, axis)) / 2
        flux = mean * _behind(padded, axis)
        rate += _ahead(flux, axis)[1:-1, 1:-1, 1:-1]
    return rate / spacing**2


def with_halo(field: Tensor) -> Tensor:
    """Add one cell on each side: the same again in x, the other end's in y and z."""
    field = torch.cat([field[:1], field, field[-1:]], 0)
    for axis in (1, 2):
        last = field.narrow(axis, field.shape[axis] - 1, 1)
        field = torch.cat([last, field, field.narrow(axis, 0, 1)], axis)
    return field


def _ahead(field: Tensor, axis: int) -> Tensor:
    """Difference from here to the next; of no meaning in the last plane."""
    return field.roll(-1, axis) - field


def _behind(field: Tensor, axis: int) -> Tensor:
    """Difference from the one before to here; of no meaning in the first plane."""
    return field - field.roll(1, axis)


def _to_edges(field: Tensor, a: int, b: int) -> Tensor:
    """Mean over the four cells that share an edge; the edge has the index of the uppermost."""
    pair = field + field.roll(1, a)
    return (pair + pair.roll(1, b)) / 4


def _from_edges(field: Tensor, a: int, b: int) -> Tensor:
    """Mean over the four edges of a cell."""
    pair = field + field.roll(-1, a)
    return (pair + pair.roll(-1, b)) / 4
