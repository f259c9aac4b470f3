"""A large-eddy simulation of a slot flame that burns by a closure of its surface density.

    dc/dt + div (u c) = div [(nu_t / Sc_t) grad c] + S_L Sigma

c and u are the filtered progress variable and velocity. S_L Sigma stands for the filtered sum of
reaction and molecular diffusion, whose displacement speed is taken as S_L. Unresolved transport is
a gradient flux with the eddy viscosity of Smagorinsky (1963), which acts on the momentum, too. The
density is constant, as in the direct simulation :class:`combustion.synthetic.flame.SlotFlame`, and
flow and transport are the same. Fluid enters with the same turbulence, through the filter, and with
the same amount of fresh gas.

A step of the flow is followed by advection, limited so that c stays between 0 and 1, the gradient
flux, and combustion. A cell burns no more than is left in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from combustion.physics.les import LESFilter
from combustion.physics.subgrid import diffusion, eddy_viscosity, stress_divergence
from combustion.synthetic.flame import SlotBurner
from combustion.synthetic.flow import Flow
from combustion.synthetic.transport import HALO, ScalarTransport, wrap

SCHMIDT = 0.35
"""Turbulent Schmidt number Sc_t of the gradient flux. The variance of c that slot flames lose to
scales below the filter gives 0.3 to 0.4 (``benchmarks/subgrid.py``)."""
COURANT = 0.45
"""The time step over the longest stable one."""
DIFFUSIVE = 1 / 6
"""D_t dt / h^2 of the longest stable explicit step of diffusion in three dimensions."""
BURNT = 0.2
"""Change of c by combustion in the longest step: the source is explicit."""


@dataclass(frozen=True)
class Resolved:
    """The resolved fields of a simulation at one instant.

    Attributes
    ----------
    time : [s]
    progress_variable : (nx, ny, nz)
    velocity : in the centres of the cells, (3, nx, ny, nz)  [m/s]
    """

    time: float
    progress_variable: Tensor
    velocity: Tensor


Closure = Callable[[Resolved], Tensor]
"""Resolved fields to the flame surface density Sigma, (nx, ny, nz)  [1/m]."""


class LargeEddyFlame:
    """State of a simulation and how it advances.

    Parameters
    ----------
    burner : the flame; its cells belong to the direct simulation
    closure : gives the flame surface density
    stride : cells of the direct simulation per cell, along each axis
    filter_width : Delta, in cells of the direct simulation
    schmidt : Sc_t; None for no unresolved transport of c
    courant : the time step over the longest stable one

    Attributes
    ----------
    time : physical time [s]
    surface_density : Sigma of the last step, (nx, ny, nz)  [1/m]

    Raises
    ------
    ValueError
        The stride does not divide the cells.
    """

    def __init__(
        self,
        burner: SlotBurner,
        closure: Closure,
        *,
        stride: int,
        filter_width: float,
        schmidt: float | None = SCHMIDT,
        courant: float = COURANT,
    ) -> None:
        if any(n % stride for n in burner.cells):
            raise ValueError(f"stride {stride} does not divide the cells {burner.cells}")
        nx, ny, nz = (n // stride for n in burner.cells)
        self.burner, self.closure = burner, closure
        self.spacing, self.width = stride * burner.spacing, filter_width * burner.spacing
        self.schmidt, self.courant, self.time = schmidt, courant, 0.0
        device = torch.device("cpu")
        source = burner.inflow().filtered(self.width, self.spacing)
        self.flow = Flow(
            (nx, ny, nz), self.spacing, burner.viscosity, source, device, self._subgrid
        )
        self.flow.start(source.field(nx + 1), 0.0)
        fine = burner.initial_progress().expand(burner.cells)
        to_les = LESFilter(burner.cells, burner.spacing, self.width, self.spacing, device)
        inlet = burner.filtered_inlet_progress(self.width, self.spacing)
        self.scalar = ScalarTransport(
            (nx, ny, nz), self.spacing, burner.laminar, inlet[:, None], device
        )
        self.scalar.interior.copy_(to_les(fine.contiguous()))
        self.surface_density = self._closed()

    @property
    def progress_variable(self) -> Tensor:
        """Filtered progress variable, (nx, ny, nz)."""
        return self.scalar.interior

    def resolved(self) -> Resolved:
        """Return the fields that a closure may see."""
        return Resolved(self.time, self.progress_variable, self.flow.centred())

    def advance(self, until: float) -> None:
        """Take one step towards the time `until` [s], sized so that equal steps end there.

        Raises
        ------
        FloatingPointError
            The closure, or the flow, gave a number that is not finite; says where.
        """
        left = until - self.time
        if left <= 0:
            raise ValueError(
                f"the simulation is at {self.time:g} s, past the time asked for, {until:g} s"
            )
        viscosity = eddy_viscosity(self.flow.velocity, self.spacing, self.width)
        count = math.ceil(left / self._time_step_limit(viscosity))
        step = left / count
        before = self.flow.faces.clone()
        self.flow.step(self.time, step)
        # The scalar moves with the mean of both velocities, in units of h per half step.
        mean = before.add_(self.flow.faces).mul_(0.25 * step / self.spacing)
        courant = self.scalar.courant
        courant[:, HALO : HALO + mean.shape[1], HALO:-HALO, HALO:-HALO] = mean
        for axis in (2, 3):
            wrap(courant, axis, HALO)
        self.scalar.sweep(0.0, 0.0)
        c = self.progress_variable
        if self.schmidt is not None:
            c += step * diffusion(c, viscosity / self.schmidt, self.spacing)
        self.time = until if count == 1 else self.time + step
        self.surface_density = self._closed()
        burnt = self.burner.flame_speed * step * self.surface_density
        c += burnt.clamp_min(0).minimum((1 - c).clamp_min(0))

    def _closed(self) -> Tensor:
        """Return the closure's flame surface density, checked."""
        resolved = self.resolved()
        for name, field in (
            ("velocity", resolved.velocity),
            ("progress variable", resolved.progress_variable),
        ):
            self._require_finite(name, field)
        sigma = self.closure(resolved).to(self.progress_variable)
        self._require_finite("flame surface density of the closure", sigma)
        return sigma

    def _require_finite(self, name: str, field: Tensor) -> None:
        if torch.isfinite(field).all():
            return
        place = [int(i) for i in (~torch.isfinite(field)).nonzero()[0]]
        raise FloatingPointError(
            f"{name}: found {field[tuple(place)].item()} in cell {tuple(place)} of "
            f"{tuple(field.shape)} at {self.time:.6g} s, expected a finite number"
        )

    def _time_step_limit(self, viscosity: Tensor) -> float:
        fastest = self.flow.faces[:, :-1].abs().max().item()
        diffusive = float(viscosity.max()) / min(self.schmidt or 1.0, 1.0)
        limits = (
            self.flow.time_step_limit(),
            2 * self.spacing / max(fastest, 1e-30),  # two half steps of advection, Courant 1
            DIFFUSIVE * self.spacing**2 / max(diffusive, 1e-30),
            BURNT / max(self.burner.flame_speed * float(self.surface_density.max()), 1e-30),
        )
        return self.courant * min(limits)

    def _subgrid(self, velocity: Tensor) -> Tensor:
        viscosity = eddy_viscosity(velocity, self.spacing, self.width)
        return stress_divergence(velocity, viscosity, self.spacing)
