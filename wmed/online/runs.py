"""Oceans side by side under one air, each with its own scheme for the fluxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from wmed.io.grid import OceanGrid
from wmed.io.layout import HEAT_PARTS
from wmed.online.slab_ocean import OceanParameters, OceanState, SlabOcean
from wmed.physics.heat import net_heat

Fields = Mapping[str, Tensor]
FluxScheme = Callable[[Fields], Mapping[str, Tensor]]
"""From the states of both sides at one time, as :func:`.inputs.rho_inputs` has them, to fluxes on
the ocean's own points: ``tau_x : (1, u)``, ``tau_y : (1, v)`` [N/m2]; ``shortwave``, ``longwave``,
``latent``, ``sensible : (1, rho)`` [W/m2], or some of them."""
Series = NDArray[np.float64]


class Forcing(Protocol):
    """The air and the sun over a run."""

    def at(self, hours: float) -> tuple[Tensor, Tensor]:
        """Return both so many hours after the start.

        Returns
        -------
        atmosphere : (atmosphere node, 5 level)
            The channels of :data:`.layout.PROFILES`.
        sun : (3,)
            Its declination and Greenwich hour angle [rad], its irradiance [W/m2].
        """


@dataclass(frozen=True)
class OnlineRuns:
    """What became of the oceans.

    Attributes
    ----------
    grid : OceanGrid
    names : tuple of str
        Of the runs; the first one is the reference.
    hours : (time,)
        Since the start.
    series : name -> (time, run)
        ``sst_mean`` [K]; ``sst_bias``, ``sst_rmse`` [K] and ``current_rmse`` [m/s] against the
        reference; ``kinetic_energy`` [J/m2], and ``kinetic_energy_difference`` relative to that of
        the reference; ``current_max`` [m/s]; and as means over the sea and the time since the start
        [W/m2] ``heat_flux``, ``heat_from_below``, ``heat_content_change``, and ``wind_work`` on the
        currents.
    final : name -> (run, eta, xi)
        ``sst`` [K]; ``current_x``, ``current_y`` [m/s] at rho points.
    """

    grid: OceanGrid
    names: tuple[str, ...]
    hours: Series
    series: dict[str, Series]
    final: dict[str, Series]

    @property
    def heat_residual(self) -> Series:
        """Change of the heat content that no flux explains, (time, run)  [W/m2]."""
        s = self.series
        return s["heat_content_change"] - s["heat_flux"] - s["heat_from_below"]

    def summary(self) -> dict[str, dict[str, float]]:
        """Return of each run the last values, and the largest ones over time of some."""
        largest = {
            name: np.abs(self.series[name]).max(0)
            for name in ("sst_bias", "sst_rmse", "kinetic_energy_difference", "current_max")
        }
        residual = np.abs(self.heat_residual).max(0)
        return {
            run: {
                **{name: float(values[-1, i]) for name, values in self.series.items()},
                **{f"largest_{name}": float(values[i]) for name, values in largest.items()},
                "heat_residual": float(residual[i]),
            }
            for i, run in enumerate(self.names)
        }

    def report(self) -> dict[str, Any]:
        """Return the name of the reference, the summary, and the series of each run."""
        series = {
            name: {run: values[:, i].tolist() for i, run in enumerate(self.names)}
            for name, values in self.series.items()
        }
        return {
            "reference": self.names[0],
            "runs": self.summary(),
            "series": {"hours": self.hours.tolist(), **series},
        }


@torch.inference_mode()
def simulate(
    grid: OceanGrid,
    forcing: Forcing,
    schemes: Mapping[str, FluxScheme],
    radiation: FluxScheme | str | None,
    sst: Tensor,
    *,
    days: float = 30.0,
    coupling_hours: float = 1.0,
    record_hours: float = 6.0,
    parameters: OceanParameters | None = None,
    progress: bool = True,
) -> OnlineRuns:
    """Run oceans side by side.

    Parameters
    ----------
    grid : OceanGrid
    forcing : Forcing
    schemes : mapping of str to FluxScheme
        For each run its stress, latent and sensible heat; the first one is the reference.
    radiation : FluxScheme or str, optional
        Shortwave and longwave of all runs, each for its own sea; or the name of the run whose
        scheme gives it, the same for all. With None each run has that of its own scheme.
    sst : (rho,)  [K]
        Of the sea at the start.
    days, coupling_hours, record_hours : float
        Of the runs; from one computation of the fluxes to the next; from one value of the series
        to the next.
    parameters : OceanParameters, optional
    progress : bool
        Whether to show a bar (on a terminal only).

    Raises
    ------
    ValueError
        The run that is to give the radiation does not exist, or a time is not positive.
    FloatingPointError
        A scheme gives fluxes that are not finite, or an ocean has become unstable.
    """
    names = tuple(schemes)
    if isinstance(radiation, str) and radiation not in schemes:
        raise ValueError(f"radiation: no run {radiation!r}; there are {', '.join(names)}")
    if not (days > 0 and coupling_hours > 0 and record_hours > 0):
        raise ValueError(
            f"expected positive times, found {days:g} days, fluxes every {coupling_hours:g} h, "
            f"values every {record_hours:g} h"
        )
    ocean = SlabOcean(grid, parameters)
    masks = tuple(torch.from_numpy(sea) for sea in grid.masks.values())
    start = to_grid(sst.expand(len(names), -1).to(ocean.dtype), masks[0], fill=float(sst.mean()))
    state = ocean.at_rest(start)
    books = _Books(ocean, state)
    couplings = math.ceil(24 * days / coupling_hours - 1e-9)
    every = max(1, round(record_hours / coupling_hours))
    steps = math.ceil(3600 * coupling_hours / ocean.stable_step())
    seconds = 3600 * coupling_hours / steps
    for k in tqdm(range(couplings), "online", unit=" steps", disable=None if progress else True):
        hours = k * coupling_hours
        if k % every == 0:
            books.record(hours, state)
        forced = _forcing(masks, state, schemes, radiation, forcing.at(hours), hours)
        books.add(state, steps * seconds, *forced)
        for _ in range(steps):
            state = ocean.step(state, seconds, *forced)
        _check_stable(ocean, state, names, hours + coupling_hours)
    books.record(couplings * coupling_hours, state)
    return books.close(names, state)


def to_grid(values: Tensor, sea: Tensor, fill: float = 0.0) -> Tensor:
    """Return (..., n, m) of (..., node), given the mask (n, m) of the nodes."""
    field = values.new_full((*values.shape[:-1], *sea.shape), fill)
    field[..., sea] = values
    return field


def _forcing(
    masks: tuple[Tensor, ...],
    state: OceanState,
    schemes: Mapping[str, FluxScheme],
    radiation: FluxScheme | str | None,
    above: tuple[Tensor, Tensor],
    hours: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return stress on both kinds of faces and net heat of all runs, on the grid."""
    rho, u, v = masks
    air, sun = (values[None].float() for values in above)
    below = {
        "sst": state.temperature[..., rho].float(),
        "current_u": state.current_u[..., u].float(),
        "current_v": state.current_v[..., v].float(),
    }
    fields = {
        name: {"atmosphere": air, "sun": sun, **{k: x[i : i + 1] for k, x in below.items()}}
        for i, name in enumerate(schemes)
    }
    found = {name: dict(scheme(fields[name])) for name, scheme in schemes.items()}
    for name, fluxes in found.items():
        if radiation is not None:
            light = found[radiation] if isinstance(radiation, str) else radiation(fields[name])
            fluxes.update({part: light[part] for part in ("shortwave", "longwave")})
        for part in ("tau_x", "tau_y", *HEAT_PARTS):
            if not fluxes[part].isfinite().all():
                bad = int((~fluxes[part].isfinite()).sum())
                raise FloatingPointError(
                    f"run {name}: {part} is not finite at {bad} points after {hours:g} h"
                )
    heat = [net_heat(*(fluxes[part] for part in HEAT_PARTS)) for fluxes in found.values()]
    return (
        to_grid(torch.cat([fluxes["tau_x"] for fluxes in found.values()]), u),
        to_grid(torch.cat([fluxes["tau_y"] for fluxes in found.values()]), v),
        to_grid(torch.cat(heat), rho),
    )


def _check_stable(
    ocean: SlabOcean, state: OceanState, names: tuple[str, ...], hours: float
) -> None:
    """Raise FloatingPointError if an ocean has left what the equations are for."""
    whole = state.thickness.amin((-2, -1)) > 0
    for values in state[:4]:
        whole &= values.isfinite().flatten(1).all(1)
    for name, fine, speed in zip(
        names, whole, torch.hypot(*ocean.at_centres(state)).amax((-2, -1)), strict=True
    ):
        if not fine:
            raise FloatingPointError(
                f"run {name}: the ocean became unstable after {hours:g} h (currents of "
                f"{float(speed):g} m/s); are its stresses within a few N/m2?"
            )


class _Books:
    """What is to be known of a run, written down as it goes on."""

    def __init__(self, ocean: SlabOcean, state: OceanState) -> None:
        self.ocean = ocean
        self.hours: list[float] = []
        self.lines: list[dict[str, Tensor]] = []
        self.area = ocean.integral(torch.ones_like(state.thickness))
        self.content = ocean.heat_content(state)
        self.heat, self.work = torch.zeros_like(self.area), torch.zeros_like(self.area)

    def add(
        self, state: OceanState, seconds: float, tau_u: Tensor, tau_v: Tensor, heat: Tensor
    ) -> None:
        """Count what the wind and the heat flux do in some seconds."""
        work_u = (tau_u * state.current_u * self.ocean.area_u).sum((-2, -1))
        work_v = (tau_v * state.current_v * self.ocean.area_v).sum((-2, -1))
        self.work = self.work + seconds * (work_u + work_v)
        self.heat = self.heat + seconds * self.ocean.integral(heat.to(self.ocean.dtype))

    def record(self, hours: float, state: OceanState) -> None:
        """Add a line to the series."""
        ocean, area = self.ocean, self.area
        warmer = state.temperature - state.temperature[:1]
        u, v = ocean.at_centres(state)
        faster = (u - u[:1]) ** 2 + (v - v[:1]) ** 2
        energy = ocean.kinetic_energy(state) / area
        elapsed = max(3600 * hours, 1.0) * area
        self.hours.append(hours)
        self.lines.append(
            {
                "sst_mean": ocean.integral(state.temperature) / area,
                "sst_bias": ocean.integral(warmer) / area,
                "sst_rmse": (ocean.integral(warmer**2) / area).sqrt(),
                "current_rmse": (ocean.integral(faster) / area).sqrt(),
                "kinetic_energy": energy,
                "kinetic_energy_difference": (energy - energy[0]) / energy[0].clamp(min=1e-12),
                "current_max": torch.hypot(u, v).amax((-2, -1)),
                "heat_flux": self.heat / elapsed,
                "heat_from_below": ocean.heat_from_below(state) / elapsed,
                "heat_content_change": (ocean.heat_content(state) - self.content) / elapsed,
                "wind_work": self.work / elapsed,
            }
        )

    def close(self, names: tuple[str, ...], state: OceanState) -> OnlineRuns:
        """Return everything."""
        series = {
            name: torch.stack([line[name] for line in self.lines]).numpy() for name in self.lines[0]
        }
        u, v = (current.numpy() for current in self.ocean.at_centres(state))
        final = {"sst": state.temperature.numpy(), "current_x": u, "current_y": v}
        return OnlineRuns(self.ocean.grid, names, np.array(self.hours), series, final)
