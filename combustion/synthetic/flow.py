"""Incompressible flow in a channel open along x and periodic in y and z.

The velocity lies on a staggered grid (Harlow & Welch 1965): component a is held on the lower faces
of axis a, so that the divergence of a cell is the sum of its six fluxes.  Second-order central
differences in divergence form conserve kinetic energy where the divergence is zero; the three
stages of SSP-RK3 (Shu & Osher 1988) each end with an exact projection.  Fluid enters at x = 0
with a given velocity and leaves through a convective outlet.

The flow is solved on a grid twice as coarse as the flame's.  What bounds it is the Kolmogorov scale
eta, not the flame thickness: at u' = 0.55 (0.95) m/s, l_t = 2 mm and nu = 2.86e-5 m2/s,
eta = (nu^3 l_t / u'^3)^(1/4) = 0.13 (0.086) mm, so that 0.2 mm cells give k_max eta = pi eta / h =
2.0 (1.35) at the inlet and more downstream, where the turbulence decays.  `refine` hands the
velocity to the finer grid without making any divergence.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from combustion.synthetic.transport import wrap

Inflow = Callable[[float], Tensor]
_PLANES = 16  # refined at a time, so that the temporaries stay in the cache
STABILITY = 1.7  # SSP-RK3 with central differences: sum of |u_a| dt / h <= sqrt(3)


class Flow:
    """Velocity of an incompressible fluid.

    Parameters
    ----------
    shape : cells (nx, ny, nz)
    spacing : cell size h [m]
    viscosity : kinematic viscosity nu [m2/s]
    inflow : time [s] -> (3, ny, nz) velocity in the plane x = 0, v and w on their own faces [m/s]
    device : where the fields live
    subgrid : the acceleration by unresolved motion [m/s2], from the velocity with its halo and of
        its shape; none in a direct simulation

    Attributes
    ----------
    velocity : (3, nx + 2, ny + 2, nz + 2) [m/s]: one halo cell on each side; velocity[0, 1] is the
        inlet and velocity[0, nx + 1] the outlet
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        spacing: float,
        viscosity: float,
        inflow: Inflow,
        device: torch.device,
        subgrid: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.shape, self.spacing, self.viscosity, self.inflow = shape, spacing, viscosity, inflow
        self._subgrid = subgrid
        self.velocity = torch.zeros((3, *(n + 2 for n in shape)), device=device)
        self._rate = torch.zeros_like(self.velocity)
        self._inverse_laplacian = _inverse_laplacian(shape, device)

    def start(self, velocity: Tensor, time: float) -> None:
        """Take (3, nx + 1, ny, nz) velocities, as `faces` gives them, made free of divergence."""
        self.velocity[:, 1:, 1:-1, 1:-1] = velocity
        self._fill_boundaries(time)
        self._project()

    @property
    def faces(self) -> Tensor:
        """Velocities without the halo, (3, nx + 1, ny, nz); v, w of the last plane lie outside."""
        return self.velocity[:, 1:, 1:-1, 1:-1]

    def centred(self) -> Tensor:
        """Velocity in the centres of the cells, (3, nx, ny, nz) [m/s]."""
        u, v, w = self.velocity
        inside = slice(1, -1)
        return torch.stack(
            [
                (u[1:-1, inside, inside] + u[2:, inside, inside]) / 2,
                (v[inside, 1:-1, inside] + v[inside, 2:, inside]) / 2,
                (w[inside, inside, 1:-1] + w[inside, inside, 2:]) / 2,
            ]
        )

    def time_step_limit(self) -> float:
        """Longest stable time step [s]."""
        speed = self.faces[:, :-1].abs().amax((1, 2, 3)).sum().item()
        return STABILITY * self.spacing / speed

    def step(self, time: float, time_step: float) -> None:
        """Advance from `time` by `time_step` [s]."""
        self._fill_boundaries(time)  # the halo is no part of the state
        start = self.velocity.clone()
        for weight, fraction in ((1.0, 1.0), (0.25, 0.5), (2 / 3, 1.0)):
            self.velocity.add_(self._acceleration(), alpha=time_step)
            torch.lerp(start, self.velocity, weight, out=self.velocity)
            self._fill_boundaries(time + fraction * time_step)
            self._project()

    def divergence(self) -> Tensor:
        """Divergence of the velocity times h, (nx, ny, nz) [m/s]."""
        return divergence(self.velocity)

    def _fill_boundaries(self, time: float) -> None:
        """Set the inlet, the halo and the mass that leaves, from the interior and the time."""
        u = self.velocity
        inlet = self.inflow(time)
        u[0, :2, 1:-1, 1:-1] = inlet[0]
        u[1:, 0, 1:-1, 1:-1] = 2 * inlet[1:] - u[1:, 1, 1:-1, 1:-1]
        u[1:, -1] = u[1:, -2]
        outlet = u[0, -1, 1:-1, 1:-1]
        outlet += inlet[0].mean() - outlet.mean()
        u[:, :, 0], u[:, :, -1] = u[:, :, -2], u[:, :, 1]
        u[..., 0], u[..., -1] = u[..., -2], u[..., 1]

    def _acceleration(self) -> Tensor:
        """Minus the divergence of the momentum flux u u - nu (grad u + grad u^T) [m/s2]."""
        h, nu = self.spacing, self.viscosity
        stress_divergence(self.velocity, 0.25 / h, nu / h**2, self._rate)
        if self._subgrid is not None:
            self._rate += self._subgrid(self.velocity)
        speed = self.velocity[0, 1, 1:-1, 1:-1].mean() / h  # convective outlet
        self._rate[0, -1] = (self.velocity[0, -2] - self.velocity[0, -1]) * speed
        return self._rate

    def _project(self) -> None:
        """Subtract the gradient that makes the velocity divergence-free; inlet and outlet stay.

        The divergence is mirrored at the outlet: a periodic spectral solution of the mirrored
        problem has zero normal gradient at both ends.
        """
        nx, ny, nz = self.shape
        spectrum = torch.fft.rfftn(self.divergence(), dim=(1, 2))
        spectrum = torch.fft.fft(torch.cat([spectrum, spectrum.flip(0)]), dim=0)
        spectrum = torch.fft.ifft(spectrum.mul_(self._inverse_laplacian), dim=0)[:nx]
        pressure = torch.fft.irfftn(spectrum, s=(ny, nz), dim=(1, 2))
        subtract_gradient(pressure, self.velocity)
        for axis in (2, 3):
            wrap(self.velocity, axis, 1)
        self.velocity[1:, -1] = self.velocity[1:, -2]


@compiled_by("combustion.synthetic.flow_loops")
def divergence(velocity: Tensor) -> Tensor:
    """Divergence of a velocity times h.

    Parameters
    ----------
    velocity : (3, nx + 2, ny + 2, nz + 2) with its halo, see :class:`Flow` [m/s]

    Returns
    -------
    Tensor
        (nx, ny, nz) [m/s]
    """
    u, v, w = velocity
    total = u[2:, 1:-1, 1:-1] - u[1:-1, 1:-1, 1:-1]
    total += v[1:-1, 2:, 1:-1] - v[1:-1, 1:-1, 1:-1]
    total += w[1:-1, 1:-1, 2:] - w[1:-1, 1:-1, 1:-1]
    return total


@compiled_by("combustion.synthetic.flow_loops")
def subtract_gradient(pressure: Tensor, velocity: Tensor) -> None:
    """Subtract the differences of a pressure from the velocity, but at the inlet and the outlet.

    Parameters
    ----------
    pressure : (nx, ny, nz) [m/s]
    velocity : (3, nx + 2, ny + 2, nz + 2) [m/s]; it is changed in place, its halo left alone
    """
    u = velocity[:, 1:-1, 1:-1, 1:-1]
    u[0, 1:] -= pressure[1:] - pressure[:-1]
    u[1] -= pressure - pressure.roll(1, 1)
    u[2] -= pressure - pressure.roll(1, 2)


@compiled_by("combustion.synthetic.flow_loops")
def stress_divergence(velocity: Tensor, inertia: float, friction: float, rate: Tensor) -> None:
    """Write minus the divergence of the momentum flux u u - nu (grad u + grad u^T).

    A neighbour is an offset of the flat array, so that every operation runs over contiguous memory;
    what this computes in the halo has no meaning.

    Parameters
    ----------
    velocity : (3, nx + 2, ny + 2, nz + 2) [m/s]
    inertia : 1 / (4 h) [1/m]
    friction : nu / h^2 [1/s]
    rate : the acceleration [m/s2], of the same shape; it is overwritten
    """
    strides = velocity.stride()[1:]
    u, rate = velocity.flatten(1), rate.flatten(1).zero_()
    memory = u.new_zeros((2, u.shape[1]))
    n, edge = u.shape[1], strides[0]

    def shifted(field: Tensor, offset: int) -> Tensor:
        return field[edge + offset : n - edge + offset]

    for a, sa in enumerate(strides):  # normal stress, in the cell centres
        flux, work = (row[: n - sa] for row in memory)
        torch.add(u[a, sa:], u[a, :-sa], out=flux).square_().mul_(inertia)
        torch.sub(u[a, sa:], u[a, :-sa], out=work)
        flux.sub_(work, alpha=2 * friction)
        shifted(rate[a], 0).add_(flux[edge - sa : n - edge - sa]).sub_(flux[edge : n - edge])
    for a, b in ((0, 1), (0, 2), (1, 2)):  # shear stress, on the edges of the cells
        sa, sb = strides[a], strides[b]
        flux, work = (row[sa:] for row in memory)
        torch.add(u[a, sa:], u[a, sa - sb : n - sb], out=flux)
        torch.add(u[b, sa:], u[b, :-sa], out=work)
        flux.mul_(work).mul_(inertia)
        torch.sub(u[a, sa:], u[a, sa - sb : n - sb], out=work)
        work.add_(u[b, sa:]).sub_(u[b, :-sa])
        flux.sub_(work, alpha=friction)
        shifted(rate[a], 0).add_(shifted(memory[0], 0)).sub_(shifted(memory[0], sb))
        shifted(rate[b], 0).add_(shifted(memory[0], 0)).sub_(shifted(memory[0], sa))


def _inverse_laplacian(shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Inverse of the 7-point Laplacian times h^2 on the mirrored box, in the space of `rfftn`."""
    nx, ny, nz = shape
    waves = (
        torch.fft.fftfreq(2 * nx, dtype=torch.float64)[:, None, None],
        torch.fft.fftfreq(ny, dtype=torch.float64)[:, None],
        torch.fft.rfftfreq(nz, dtype=torch.float64),
    )
    symbol = sum((-4 * torch.sin(torch.pi * wave) ** 2 for wave in waves), torch.zeros(()))
    symbol[0, 0, 0] = torch.inf  # the mean of the pressure is free
    return (1 / symbol).to(device, torch.float32)


@compiled_by("combustion.synthetic.flow_loops")
def refine(faces: Tensor, out: Tensor, halo: int) -> None:
    """Prolong face velocities to a grid of twice the resolution, divergence included.

    Across a face the velocity gets the conservative central slope, c -+ slope / 4 in the halves of
    a cell; along its own axis the same slope is given to its derivative.  The divergence of the
    fine velocity is then this reconstruction of the coarse divergence: zero stays zero.

    Parameters
    ----------
    faces : (3, nx + 1, ny, nz) velocity, `Flow.faces`
    out : (3, 2 nx + 2 halo, 2 ny + 2 halo, 2 nz + 2 halo) fine lower-face velocity; its halo is
        periodic in y and z and, in x, not touched beyond the outlet face
    halo : width of the halo of `out`
    """
    nx, ny, nz = faces.shape[1] - 1, *faces.shape[2:]
    for axis in range(3):
        field = faces[0] if axis == 0 else faces[axis, :nx]
        for parity, planes in enumerate(_halves(field, 0, normal=axis == 0, periodic=False)):
            target = out[axis, halo + parity :: 2][: len(planes), halo : halo + 2 * ny]
            for fine, coarse in zip(target.split(_PLANES), planes.split(_PLANES), strict=True):
                rows = coarse.new_empty(len(coarse), 2 * ny, nz)
                rows[:, ::2], rows[:, 1::2] = _halves(coarse, 1, normal=axis == 1, periodic=True)
                low, high = _halves(rows, 2, normal=axis == 2, periodic=True)
                fine[..., halo : halo + 2 * nz : 2] = low
                fine[..., halo + 1 : halo + 2 * nz : 2] = high
    for axis in (2, 3):
        wrap(out, axis, halo)


def _halves(field: Tensor, axis: int, *, normal: bool, periodic: bool) -> tuple[Tensor, Tensor]:
    """Fine values of even and odd index: halves of cells, or (normal) old faces and new faces."""
    cells = field
    if normal:
        ahead = field.roll(-1, axis) if periodic else field.narrow(axis, 1, field.shape[axis] - 1)
        cells = ahead - field.narrow(axis, 0, ahead.shape[axis])
    if periodic:
        behind, ahead = cells.roll(1, axis), cells.roll(-1, axis)
    else:  # the slope at an open end is half the last difference
        n = cells.shape[axis]
        behind = torch.cat([cells.narrow(axis, 0, 1), cells.narrow(axis, 0, n - 1)], axis)
        ahead = torch.cat([cells.narrow(axis, 1, n - 1), cells.narrow(axis, n - 1, 1)], axis)
    slope = ahead.sub_(behind).mul_(1 / 8)
    if normal:
        middle = cells.sub_(slope).mul_(0.5).add_(field.narrow(axis, 0, cells.shape[axis]))
        return field, middle
    return cells - slope, slope.add_(cells)
