"""A filtered flame in a uniform flow, burning by a closure of its surface density.

    dc/dt + u . grad c = D lap c + S_L Sigma(c)

The density is constant, so that the source rho_u S_L Sigma over rho is S_L Sigma. Fresh gas, c = 0,
enters at x = 0; y and z are periodic. A step is a sweep of advection along each axis, limited by
van Leer's harmonic mean of the slopes (1974) so that no new extrema come up (Sweby 1984),
diffusion, and combustion. A cell burns no more than is left in it. ``examples/flame`` is the same
in C++, with a native library as the closure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ai4sim.io.files import write_text

Closure = Callable[[Tensor], Tensor]
"""Progress variable (nx, ny, nz) to flame surface density, likewise  [1/m]."""


@dataclass(frozen=True)
class PlanarFlame:
    """A flame across x, planar or wrinkled by one wave along y and z.

    Attributes
    ----------
    cells_x, cells_y, cells_z : int
        The number of cells along each axis.
    grid_spacing : float
        The size of a cell  [m].
    cells_per_filter_width : float
        The filter width of the closure, in cells.
    flame_speed : float
        The laminar flame speed S_L  [m/s].
    diffusivity : float
        The diffusivity D  [m2/s].
    velocity_x, velocity_y, velocity_z : float
        The velocity of the gas, along x not negative  [m/s].
    thickness, position, wrinkling : float
        One over the largest gradient, the mean place of c = 1/2, and the amplitude of the waves, at
        the beginning  [m].
    time_step : float
        [s]
    steps : int
    """

    cells_x: int = 17
    cells_y: int = 13
    cells_z: int = 21
    grid_spacing: float = 8e-4
    cells_per_filter_width: float = 1.0
    flame_speed: float = 0.272
    diffusivity: float = 3.6e-5
    velocity_x: float = 0.272
    velocity_y: float = 0.0
    velocity_z: float = 0.0
    thickness: float = 3.2e-3
    position: float = 6.8e-3
    wrinkling: float = 0.0
    time_step: float = 4e-4
    steps: int = 50

    def initial(self) -> Tensor:
        """Return the progress variable at the beginning, (nx, ny, nz), float64."""
        sizes = (self.cells_x, self.cells_y, self.cells_z)
        i, j, k = (torch.arange(n, dtype=torch.float64) + 0.5 for n in sizes)
        wave_y = (2 * torch.pi * j / self.cells_y).sin()[:, None]
        wave_z = (2 * torch.pi * k / self.cells_z).cos()
        front = self.position + self.wrinkling * (wave_y + wave_z)
        x = (i * self.grid_spacing)[:, None, None]
        return 0.5 * (1 + (2 * (x - front) / self.thickness).tanh())


@dataclass(frozen=True)
class Step:
    """A flame after a step.

    Attributes
    ----------
    c : Tensor
        The progress variable, (nx, ny, nz).
    outflow, burnt, cut : float
        The integrals of c that left and came up in the step, and of the source beyond what could
        burn  [m3].
    surface : float
        The integral of Sigma  [m2].
    """

    c: Tensor
    outflow: float
    burnt: float
    cut: float
    surface: float


def write_case(path: Path, flame: PlanarFlame) -> None:
    """Write a flame as the host program reads it: a name and a number a line."""
    lines = (f"{name} {value!r}\n" for name, value in asdict(flame).items())
    write_text(path, "".join(lines))


def simulate(flame: PlanarFlame, closure: Closure) -> Iterator[Step]:
    """Yield a flame after each of its steps."""
    c, dx, volume = flame.initial(), flame.grid_spacing, flame.grid_spacing**3
    for _ in range(flame.steps):
        outflow = 0.0
        for axis, speed in enumerate((flame.velocity_x, flame.velocity_y, flame.velocity_z)):
            flux = advective_flux(c, axis, speed * flame.time_step / dx)
            c = c - flux.diff(dim=axis)
            if axis == 0:
                outflow = float((flux[-1] - flux[0]).sum())
        c = c + flame.diffusivity * flame.time_step / dx**2 * _laplacian(c)
        sigma = closure(c).double()
        source = flame.flame_speed * flame.time_step * sigma
        possible = source.clamp(min=0).minimum((1 - c).clamp(min=0))
        c = c + possible
        yield Step(
            c,
            outflow=volume * outflow,
            burnt=volume * float(possible.sum()),
            cut=volume * float((source - possible).abs().sum()),
            surface=volume * float(sigma.sum()),
        )


def advective_flux(c: Tensor, axis: int, courant: float) -> Tensor:
    """Return what crosses the faces of cells along an axis in a step, one more than cells.

    Parameters
    ----------
    c : (nx, ny, nz)
    axis : int
    courant : float
        Velocity times time step over grid spacing, within -1 and 1.
    """
    c = c.movedim(axis, 0)
    before, after = c[-2:], c[:2]
    if axis == 0:
        before, after = torch.zeros_like(before), c[-1:].expand_as(after)
    line = torch.cat([before, c, after])
    a, b = line[1:-1] - line[:-2], line[2:] - line[1:-1]
    steep = a * b > 0
    slope = torch.where(steep, 2 * a * b / torch.where(steep, a + b, 1.0), 0.0)
    inner = line[1:-1]
    if courant > 0:
        flux = courant * (inner + 0.5 * (1 - courant) * slope)[:-1]
    else:
        flux = courant * (inner - 0.5 * (1 + courant) * slope)[1:]
    return flux.movedim(0, axis)


def _laplacian(c: Tensor) -> Tensor:
    """Return the second differences; nothing diffuses through the ends of x."""
    ends = torch.cat([c[:1], c, c[-1:]])
    along_x = ends[2:] + ends[:-2] - 2 * c
    return along_x + sum(c.roll(1, axis) + c.roll(-1, axis) - 2 * c for axis in (1, 2))
