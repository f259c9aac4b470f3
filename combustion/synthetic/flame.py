"""A premixed flame on a slot burner: a turbulent fresh jet between two coflows of burnt gas.

x runs along the stream, y across the two flame sheets, z along the slot.  The jet enters fresh
(c = 0) at x = 0, |y| < H / 2, and the sheets burn towards each other until they have consumed it.
`SlotBurner` says which flame, `SlotFlame` solves it: the flow on cells twice as wide as those
of the progress variable, which takes two half steps per step of the flow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ai4sim.io.files import atomic_write
from combustion.physics.les import filter_matrix
from combustion.synthetic.flow import Flow, refine
from combustion.synthetic.transport import HALO, LaminarFlame, ScalarTransport
from combustion.synthetic.turbulence import TurbulentInflow, synthetic_turbulence

COURANT = 0.9  # of the stability limits, for what the velocity grows by within a step
BOX_LENGTHS = 4  # the box of inflow turbulence is this many domains long


@dataclass(frozen=True)
class SlotBurner:
    """A flame on a slot burner; methane/air at phi = 0.8, 300 K, 1 bar unless said otherwise.

    Attributes
    ----------
    flame_speed : S_L [m/s]
    flame_thickness : thermal thickness delta_L [m]
    viscosity : kinematic viscosity nu [m2/s]
    cells : cells of the progress variable along x, y, z; even numbers
    spacing : their size dx [m]
    slot_width : H [m]
    jet_velocity, coflow_velocity : U_jet, U_coflow [m/s]
    turbulence_rms : u' of the jet at the inlet [m/s]
    integral_length : l_t of the turbulence at the inlet [m]
    seed : draws the turbulence
    """

    flame_speed: float = 0.272
    flame_thickness: float = 0.526e-3
    viscosity: float = 2.86e-5
    cells: tuple[int, int, int] = (256, 128, 80)
    spacing: float = 1e-4
    slot_width: float = 4.8e-3
    jet_velocity: float = 4.0
    coflow_velocity: float = 1.6
    turbulence_rms: float = 0.55
    integral_length: float = 2e-3
    seed: int = 11

    def __post_init__(self) -> None:
        """Refuse what the grid cannot represent."""
        if any(n % 2 or n < 8 for n in self.cells):
            raise ValueError(f"cells must be three even numbers of at least 8, found {self.cells}")
        if self.flame_thickness < 5 * self.spacing:
            raise ValueError(
                f"a flame of thickness {self.flame_thickness:g} m needs 5 cells, found "
                f"{self.flame_thickness / self.spacing:.1f} of {self.spacing:g} m"
            )
        width = self.cells[1] * self.spacing
        if not 0 < self.slot_width < width:
            raise ValueError(
                f"slot width {self.slot_width:g} m must lie in the domain, 0 < H < {width:g} m"
            )

    @property
    def laminar(self) -> LaminarFlame:
        """The flame without turbulence."""
        return LaminarFlame(self.flame_speed, self.flame_thickness)

    @property
    def flow_cells(self) -> tuple[int, int, int]:
        """Cells of the flow along x, y, z, twice as wide."""
        nx, ny, nz = self.cells
        return nx // 2, ny // 2, nz // 2

    @property
    def flow_through_time(self) -> float:
        """Time in which the jet crosses the domain [s]."""
        return self.cells[0] * self.spacing / self.jet_velocity

    def jet_profile(self, y: Tensor) -> Tensor:
        """Share of jet in the entering stream, 1 inside the slot: mixing layers H / 10 thick."""
        steepness = 20 / self.slot_width
        lower = torch.tanh(steepness * (y + self.slot_width / 2))
        return (lower - torch.tanh(steepness * (y - self.slot_width / 2))) / 2

    def inflow(self) -> TurbulentInflow:
        """Velocity at the inlet of the flow's grid."""
        nx, ny, nz = self.flow_cells
        h = 2 * self.spacing
        shape = (BOX_LENGTHS * nx, ny, nz)
        box = synthetic_turbulence(
            shape, h, self.turbulence_rms, self.integral_length, self.viscosity, self.seed
        )
        jet = self.jet_profile(_centres(ny, h))
        return TurbulentInflow(box, h, self._mean_velocity(jet), jet, self.jet_velocity)

    def _mean_velocity(self, jet: Tensor) -> Tensor:
        return self.coflow_velocity + (self.jet_velocity - self.coflow_velocity) * jet

    def inlet_progress(self) -> Tensor:
        """Progress variable that enters: fresh in the slot, burnt beside it, (ny,)."""
        y = _centres(self.cells[1], self.spacing)
        return self.laminar.profile(y.abs() - self.slot_width / 2)

    def filtered_inlet_progress(self, width: float, spacing: float) -> Tensor:
        """Progress variable that enters a large-eddy simulation, (ny of its grid,).

        It is the filtered one weighted by the mean velocity, 1 - filter[(1 - c) u] / filter[u], so
        that as much fresh gas enters as without the filter. The product of the filtered c and u
        lacks their correlation, about a tenth of the gas in the demo's flames.

        Parameters
        ----------
        width : filter width Delta [m]
        spacing : cell size of the simulation [m]
        """
        cells, ratio = self.cells[1], spacing / self.spacing
        centres = (torch.arange(round(cells / ratio)) + 0.5) * ratio
        across = filter_matrix(centres, cells, width / self.spacing, periodic=True)
        velocity = self._mean_velocity(self.jet_profile(_centres(cells, self.spacing))).double()
        fresh = across @ ((1 - self.inlet_progress().double()) * velocity)
        return (1 - fresh / (across @ velocity)).float()

    def initial_progress(self) -> Tensor:
        """Two flat sheets that meet at the outlet, (nx, ny, 1)."""
        nx, ny, _ = self.cells
        x = (torch.arange(nx) + 0.5) / nx
        half_width = self.slot_width / 2 * (1 - x)
        return self.laminar.profile(_centres(ny, self.spacing).abs() - half_width[:, None])[
            ..., None
        ]


def _centres(cells: int, spacing: float) -> Tensor:
    """Cell centres of an axis whose origin is in the middle [m]."""
    return (torch.arange(cells) + 0.5 - cells / 2) * spacing


class SlotFlame:
    """State of a burning slot jet and how it advances.

    Parameters
    ----------
    burner : what burns
    device : where the fields live; one compute thread or GPU per flame is meant

    Attributes
    ----------
    time : physical time [s]
    steps : steps taken
    """

    def __init__(self, burner: SlotBurner, device: torch.device | str = "cpu") -> None:
        self.burner, self.device = burner, torch.device(device)
        self.time, self.steps = 0.0, 0
        source = burner.inflow()
        h = 2 * burner.spacing
        self.flow = Flow(
            burner.flow_cells, h, burner.viscosity, source.to(self.device), self.device
        )
        inlet = burner.inlet_progress()[:, None]
        self.scalar = ScalarTransport(
            burner.cells, burner.spacing, burner.laminar, inlet, self.device
        )
        self.flow.start(source.field(burner.flow_cells[0] + 1), self.time)
        self.scalar.interior.copy_(burner.initial_progress())

    @property
    def progress_variable(self) -> Tensor:
        """Progress variable c, (nx, ny, nz)."""
        return self.scalar.interior

    @property
    def velocity(self) -> Tensor:
        """Velocity in the centres of the flow's cells, (3, nx/2, ny/2, nz/2) [m/s]."""
        return self.flow.centred()

    def time_step_limit(self) -> float:
        """Longest stable step [s]: the CFL number of the flow and the bounds of c."""
        fastest = self.flow.faces[:, :-1].abs().max().item()
        limits = self.flow.time_step_limit(), self.scalar.time_step_limit(fastest)
        return COURANT * min(limits)

    def advance(self, until: float) -> None:
        """Take one step towards the time `until` [s], sized so that equal steps end there."""
        left = until - self.time
        if left <= 0:
            raise ValueError(
                f"the flame is at {self.time:g} s, past the time asked for, {until:g} s"
            )
        count = math.ceil(left / self.time_step_limit())
        step = left / count
        before = self.flow.faces.clone()
        self.flow.step(self.time, step)
        # The scalar moves with the mean of both velocities, in units of dx per half step.
        mean = before.add_(self.flow.faces).mul_(0.25 * step / self.burner.spacing)
        refine(mean, self.scalar.courant, HALO)
        self.scalar.advance(step)
        self.time = until if count == 1 else self.time + step
        self.steps += 1

    def save(self, path: Path) -> None:
        """Write the state as safetensors, whole or not at all."""
        faces = self.flow.faces
        fields = {
            "u": faces[0],
            "v": faces[1, :-1],
            "w": faces[2, :-1],
            "c": self.progress_variable,
        }
        with atomic_write(path) as partial:
            save_file(
                {name: field.contiguous().cpu() for name, field in fields.items()},
                partial,
                {"time": self.time.hex(), "steps": str(self.steps), "burner": repr(self.burner)},
            )

    def restore(self, path: Path) -> None:
        """Continue from a state that `save` wrote for the same burner, bit for bit.

        Raises
        ------
        ValueError
            The state is of another burner.
        """
        with safe_open(path, framework="pt", device=str(self.device)) as state:
            facts = state.metadata()
            if facts["burner"] != repr(self.burner):
                raise ValueError(
                    f"{path}: state of another flame, {facts['burner']}; expected {self.burner!r}"
                )
            faces = self.flow.faces
            faces[0] = state.get_tensor("u")
            faces[1, :-1], faces[2, :-1] = state.get_tensor("v"), state.get_tensor("w")
            self.progress_variable.copy_(state.get_tensor("c"))
            self.time, self.steps = float.fromhex(facts["time"]), int(facts["steps"])
