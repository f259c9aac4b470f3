"""Progress-variable transport: c is advected, diffused and burnt, and stays in [0, 1].

The flame is the exact travelling wave of

    dc/dt + div(u c) = D lap c + 2 (S_L^2 / D) c^2 (1 - c),        D = S_L delta_L / 4,

namely c = [1 + tanh(2 x / delta_L)] / 2, which moves at S_L towards the fresh gas (c = 0) and is
1 / max|dc/dx| = delta_L thick.  The density is constant: heat release neither expands the gas nor
makes turbulence, so that only the wrinkling of the flame by the flow is represented.

Numerics.  One time step of the flow carries the sequence x y z - reaction - z y x of half steps
(Strang 1968).  A sweep along one axis is a finite-volume update with a fourth-order flux, exact in
time for a uniform velocity (Daru & Tenaud 2004) and limited to be total-variation diminishing
without any division, plus the diffusive flux.  A one-dimensional sweep sees a
divergent velocity; the mass of gas in the cell is carried along (1 before and after, different in
between) so that both c = const and the integral of c are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by

HALO = 2  # cells that the widest stencil reaches across the edge of the grid
BLOCK_CELLS = 131072  # swept by PyTorch at a time on a CPU: the scratch arrays stay in the cache


@dataclass(frozen=True)
class LaminarFlame:
    """Planar unstretched premixed flame.

    Attributes
    ----------
    speed : laminar flame speed S_L [m/s]
    thickness : thermal thickness delta_L = 1 / max|dc/dx| [m]
    """

    speed: float
    thickness: float

    @property
    def diffusivity(self) -> float:
        """Diffusivity D of the progress variable [m2/s]."""
        return self.speed * self.thickness / 4

    @property
    def rate(self) -> float:
        """Pre-factor k of the reaction rate k c^2 (1 - c) [1/s]."""
        return 8 * self.speed / self.thickness  # 2 S_L^2 / D

    def profile(self, distance: Tensor) -> Tensor:
        """Progress variable at a signed distance [m] from c = 1/2, positive in the burnt gas."""
        return 0.5 * (1 + torch.tanh(2 * distance / self.thickness))


class ScalarTransport:
    """Advance the progress variable on a box; x is inflow/outflow, y and z are periodic.

    Parameters
    ----------
    shape : cells (nx, ny, nz)
    spacing : cell size dx [m]
    flame : the laminar flame whose speed and thickness are prescribed
    inflow : c entering at x = 0, broadcastable to (ny, nz)
    device : where the fields live

    Attributes
    ----------
    c : (nx + 4, ny + 4, nz + 4) progress variable with its halo
    courant : (3, nx + 4, ny + 4, nz + 4) velocity x half step / dx on the lower faces
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        spacing: float,
        flame: LaminarFlame,
        inflow: Tensor,
        device: torch.device,
    ) -> None:
        self.shape, self.spacing, self.flame = shape, spacing, flame
        padded = tuple(n + 2 * HALO for n in shape)
        self.c = torch.zeros(padded, device=device)
        self.courant = torch.zeros((3, *padded), device=device)
        self.inflow = torch.zeros(padded[1:], device=device)
        self.inflow[HALO:-HALO, HALO:-HALO] = inflow.to(self.c)
        wrap(self.inflow, 0)
        wrap(self.inflow, 1)

    @property
    def interior(self) -> Tensor:
        """Progress variable without the halo, (nx, ny, nz)."""
        return self.c[HALO:-HALO, HALO:-HALO, HALO:-HALO]

    def advance(self, time_step: float) -> None:
        """Advance c by `time_step` [s] = two half steps, with the Courant numbers in `courant`."""
        self.sweep(
            self.flame.diffusivity * time_step / 2 / self.spacing**2, self.flame.rate * time_step
        )

    def sweep(self, fourier: float, reaction: float) -> None:
        """Advance c by two half steps, with the Courant numbers in `courant`.

        Parameters
        ----------
        fourier : diffusivity x half step / dx^2
        reaction : the pre-factor k x step; without both numbers the field is advected only
        """
        self._along_x(fourier, first=True)
        sweep_across(self.c, self.courant, fourier, reaction)
        self._along_x(fourier, first=False)

    def _along_x(self, fourier: float, *, first: bool) -> None:
        """Sweep along the stream, between the inflow and an open end."""
        self.c[:HALO] = self.inflow
        self.c[-HALO:] = self.c[-HALO - 1]
        sweep_along_x(self.c, self.courant, fourier, first)

    def time_step_limit(self, speed: float) -> float:
        """Longest `time_step` [s] that keeps c in [0, 1] where no velocity exceeds `speed` [m/s].

        With nu = speed t / dx and r = D t / dx^2 of a half step t, the limited flux can take at
        most nu (2 - nu) of a cell and diffusion 2 r: the rest, (1 - nu)^2 - 2 r, must not be
        negative.
        """
        root = math.sqrt(2 * self.flame.diffusivity)
        a, b, dx = speed, root, self.spacing
        half = (2 * dx / (b + math.sqrt(b * b + 4 * a * dx))) ** 2  # a t + b sqrt(t) = dx
        return 2 * half


@compiled_by("combustion.synthetic.transport_loops")
def sweep_along_x(c: Tensor, courant: Tensor, fourier: float, first: bool) -> None:
    """Sweep along the stream, in blocks of rows.

    Parameters
    ----------
    c : (nx + 4, ny + 4, nz + 4) progress variable; it is changed in place
    courant : (3, nx + 4, ny + 4, nz + 4) velocity x half step / dx on the lower faces
    fourier : D x half step / dx^2
    first : whether the mass of gas in a cell starts at 1, rather than ends at it
    """
    planes, rows, columns = c.shape
    c, courant = c.flatten(1)[None], courant[0].flatten(1)[None]
    width = columns * max(1, min(rows, _block(c) // (planes * columns)))
    sweep = _Sweep(planes * width, c.device)
    density = c.new_empty(planes * width)
    for start in range(0, c.shape[2], width):
        block, speed = c[..., start : start + width], courant[..., start : start + width]
        mass = _scratch(density, (1, planes - 2 * HALO, block.shape[2]))
        torch.sub(speed[:, 2:-2], speed[:, 3:-1], out=mass)
        if first:
            sweep(block, speed, fourier, None, mass.add_(1))
        else:
            sweep(block, speed, fourier, mass.neg_().add_(1), None)


@compiled_by("combustion.synthetic.transport_loops")
def sweep_across(c: Tensor, courant: Tensor, fourier: float, reaction: float) -> None:
    """Sweep y, z, react, sweep z, y, in slabs that stay in the cache.

    Parameters
    ----------
    c, courant, fourier : as in :func:`sweep_along_x`
    reaction : k x step
    """
    planes, plane = len(c) - 2 * HALO, c[0].numel()
    depth = max(1, min(planes, _block(c) // plane))
    sweep = _Sweep(depth * plane, c.device)
    memory = c.new_empty((2, depth * plane))
    for start in range(HALO, HALO + planes, depth):
        slab = slice(start, min(start + depth, HALO + planes))
        _sweep_slab(c[slab], courant[1, slab], courant[2, slab], fourier, reaction, sweep, memory)


def _sweep_slab(
    c: Tensor,
    speed_y: Tensor,
    speed_z: Tensor,
    fourier: float,
    reaction: float,
    sweep: _Sweep,
    memory: Tensor,
) -> None:
    """Sweep a slab y, z, react, sweep it z, y."""
    flat, flat_z = c.view(1, -1, 1), speed_z.view(1, -1, 1)
    # The compression by the y sweep, on its cells, and by the z sweep, on all flat cells.
    squeeze_y = _scratch(memory[0], (len(c), c.shape[1] - 2 * HALO, c.shape[2]))
    torch.sub(speed_y[:, 3:-1], speed_y[:, 2:-2], out=squeeze_y)
    z = _scratch(memory[1], c.shape)
    z.fill_(1.0)
    inner = z.view(1, -1, 1)[:, HALO:-HALO]
    inner.add_(flat_z[:, 3:-1]).sub_(flat_z[:, 2:-2])
    z_rows = z[:, HALO:-HALO]

    wrap(c, 1)
    sweep(c, speed_y, fourier, squeeze_y.add_(z_rows), z_rows)
    wrap(c, 2)
    sweep(flat, flat_z, fourier, inner, None)
    _react(c, reaction, memory[0])
    wrap(c, 2)
    sweep(flat, flat_z, fourier, None, inner.neg_().add_(2))
    wrap(c, 1)
    torch.sub(speed_y[:, 2:-2], speed_y[:, 3:-1], out=squeeze_y)
    sweep(c, speed_y, fourier, z_rows, squeeze_y.add_(z_rows))


def _block(c: Tensor) -> int:
    """Return how many cells are swept at a time."""
    return BLOCK_CELLS if c.device.type == "cpu" else c.numel()


class _Sweep:
    """One-dimensional update of (outer, n, inner) arrays along n, in preallocated scratch."""

    def __init__(self, size: int, device: torch.device) -> None:
        self._memory = torch.empty((7, size), device=device)

    def __call__(
        self,
        c: Tensor,
        courant: Tensor,
        fourier: float,
        mass_before: Tensor | None,
        mass_after: Tensor | None,
    ) -> None:
        """Update c[:, 2:-2] in place: (before c - difference of the flux) / after."""
        outer, n, inner = c.shape
        difference = _scratch(self._memory[0], (outer, n - 1, inner))
        faces = (outer, n - 3, inner)
        upwind, low, high, limited, flux, slope = (_scratch(m, faces) for m in self._memory[1:])
        speed = courant[:, 2:-1]
        torch.sub(c[:, 1:], c[:, :-1], out=difference)
        here = difference[:, 1:-1]
        # The difference upwind of the face: behind it where the speed is positive, else ahead.
        torch.mul(speed, 1e30, out=flux).clamp_(0, 1)
        torch.lerp(difference[:, 2:], difference[:, :-2], flux, out=upwind)
        # Corrections up to fourth order, limited by both differences.
        torch.maximum(upwind, here, out=low).clamp_max_(0)
        torch.minimum(upwind, here, out=high).clamp_min_(0)
        size = torch.abs(speed, out=flux)
        upwind.sub_(here)
        # Diffusion acts on the gas that crosses the face during the step, half a path upwind.
        torch.addcmul(here, upwind, size, value=0.5, out=slope)
        third = torch.add(difference[:, 2:], difference[:, :-2], out=limited).sub_(here, alpha=2)
        upwind.sub_(third, alpha=0.5).addcmul_(third, size, value=0.25)
        upwind.addcmul_(upwind, size)
        torch.mul(here, 0.5, out=limited)
        torch.add(limited, upwind, alpha=1 / 6, out=upwind)
        correction = torch.clamp(upwind, low, high, out=low)
        # |C| ((1 - |C|) correction - difference / 2): what upwinding takes from the mean flux.
        torch.sub(correction, limited, out=high).addcmul_(size, correction, value=-1)
        flux.mul_(high)
        torch.add(c[:, 1:-2], c[:, 2:-1], out=high)
        flux.addcmul_(speed, high, value=0.5).sub_(slope, alpha=fourier)
        change = torch.sub(
            flux[:, :-1], flux[:, 1:], out=_scratch(self._memory[2], (outer, n - 4, inner))
        )
        cells = c[:, 2:-2]
        if mass_before is None:
            cells.add_(change)
        else:
            torch.addcmul(change, cells, mass_before, out=cells)
        if mass_after is not None:
            cells.div_(mass_after)


def _react(c: Tensor, rate: float, scratch: Tensor) -> None:
    """Integrate dc/dt = k c^2 (1 - c) over k dt = `rate` in place (Heun), rounding clamped."""
    c.clamp_(0, 1)
    square = _scratch(scratch, c.shape)
    torch.mul(c, c, out=square)
    square.addcmul_(square, c, value=-1)
    guess = torch.add(c, square, alpha=rate)
    c.add_(square, alpha=rate / 2)
    torch.mul(guess, guess, out=square)
    square.addcmul_(square, guess, value=-1)
    c.add_(square, alpha=rate / 2)


def wrap(field: Tensor, axis: int, halo: int = HALO) -> None:
    """Fill the halo of a periodic axis in place."""
    n = field.shape[axis] - 2 * halo
    field.narrow(axis, 0, halo).copy_(field.narrow(axis, n, halo))
    field.narrow(axis, n + halo, halo).copy_(field.narrow(axis, halo, halo))


def _scratch(memory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """View the head of a flat buffer in the given shape."""
    return memory[: math.prod(shape)].view(shape)
