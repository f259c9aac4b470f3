"""A trained network and the closures of the field in a large-eddy simulation of a flame.

Each burns in :mod:`combustion.online.les`; the filtered direct simulation of the same burner and
the same inflow turbulence judges all of them.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ai4sim.checkpoints import find_weights
from ai4sim.command import run
from ai4sim.evaluation.figures import save_figures
from ai4sim.experiment import Experiment
from ai4sim.io.files import missing_file_error, write_json
from ai4sim.surrogate import Surrogate
from combustion.baselines import Closures, ResolvedFlame
from combustion.io.grids import read_snapshot
from combustion.io.layouts import Snapshot
from combustion.models import predict
from combustion.online import figures
from combustion.online.figures import REFERENCE
from combustion.online.judgement import History, compare, joined
from combustion.online.les import COURANT, SCHMIDT, Closure, LargeEddyFlame, Resolved
from combustion.physics.les import resolved_velocity_estimate
from combustion.plotters import LOOKS
from combustion.synthetic.flame import SlotBurner
from combustion.synthetic.generate import RECIPES, generate_flames

log = logging.getLogger(__name__)

RECIPE = "loop"
DATA = Path("data/loop")
COARSER = 2.0
"""How much longer the time steps of the second run are, which shows how stable a closure is."""
COLUMNS = {
    "length": ("length_error", "+.1%"),
    "surface": ("surface_error", "+.1%"),
    "along x": ("surface_along_stream_error", ".1%"),
    "mean c": ("mean_error", ".4f"),
    "PDF": ("density_error", ".3f"),
    "ms/step": ("milliseconds_per_step", ".1f"),
}
"""Headings of the table, with the number below and its format: errors, but for the last one."""


@dataclass(frozen=True)
class Facts:
    """The constants that a closure may know, in SI units."""

    spacing: float
    filter_width: float
    flame_speed: float
    flame_thickness: float


def fitted_closures(closures: Closures, facts: Facts) -> dict[str, Closure]:
    """Return the closures of :class:`combustion.baselines.Closures` that can burn in the loop.

    The training mean is left out: it would burn everywhere.
    """

    def ways(resolved: Resolved) -> dict[str, Callable[[], Tensor]]:
        flame = ResolvedFlame(
            progress_variable=resolved.progress_variable,
            dx=facts.spacing,
            filter_width=facts.filter_width,
            subfilter_velocity=resolved_velocity_estimate(resolved.velocity, facts.spacing),
            laminar_speed=facts.flame_speed,
            thermal_thickness=facts.flame_thickness,
        )
        return closures.ways(flame, flame.gradient)

    def closure(name: str) -> Closure:
        return lambda resolved: ways(resolved)[name]()

    fresh = Resolved(0.0, torch.zeros(4, 4, 4), torch.zeros(3, 4, 4, 4))
    return {name: closure(name) for name in ways(fresh) if name != "constant"}


def network_closure(surrogate: Surrogate, facts: Facts) -> Closure:
    """Return a trained network for the loop."""

    def density(resolved: Resolved) -> Tensor:
        snapshot = Snapshot(
            path=Path("large-eddy simulation"),
            case="loop",
            time=resolved.time,
            dx=facts.spacing,
            progress_variable=resolved.progress_variable.numpy(),
            attributes={"filter_width": facts.filter_width, "periodic": "y,z"},
        )
        return torch.from_numpy(predict(surrogate, snapshot))

    return density


def coefficients_of(experiment: Path) -> Closures:
    """Return the closures with the coefficients that the checkpoint of an experiment holds."""
    checkpoint = find_weights(experiment, str(experiment))
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return Closures.from_state(state["extra_state"]["baselines"])


def simulate(
    burner: SlotBurner, closure: Closure, times: np.ndarray, courant: float, schmidt: float | None
) -> tuple[History, float]:
    """Run a simulation through the instants of a comparison.

    Returns
    -------
    tuple of History and float
        And the wall time per step [s].

    Raises
    ------
    FloatingPointError
        It broke down; says where.
    """
    plan = RECIPES[RECIPE]
    flame = LargeEddyFlame(
        burner,
        closure,
        stride=plan.stride,
        filter_width=plan.filter_width,
        schmidt=schmidt,
        courant=courant,
    )
    instants, steps, start = [], 0, time.perf_counter()
    for instant in times:
        while flame.time < instant:
            flame.advance(float(instant))
            steps += 1
        instants.append((flame.time, flame.progress_variable.clone(), flame.surface_density))
    seconds = (time.perf_counter() - start) / max(steps, 1)
    return joined(instants, flame.spacing, burner.slot_width), seconds


def reference(files: list[Path], slot_width: float) -> History:
    """Read the filtered direct simulation."""
    snapshots = [read_snapshot(file) for file in files]
    instants = [(s.time, s.progress_variable, s.flame_surface_density) for s in snapshots]
    return joined(instants, snapshots[0].dx, slot_width)


def main(
    experiment: Path,
    *,
    data_path: Path = DATA,
    cases: tuple[Literal["weak", "strong", "fast"], ...] = ("weak", "strong", "fast"),
    schmidt: float = SCHMIDT,
    workers: int | None = None,
) -> None:
    """Let a trained network and each closure drive a large-eddy simulation of a flame.

    The direct simulation is made first, unless it is there. A table, ``loop.json`` and figures
    compare flame length, flame surface (S_L times it is the burning rate), its place along the
    stream, and mean, standard deviation and probability density of the progress variable over five
    flow-through times. Each simulation is repeated with time steps twice as long.

    Parameters
    ----------
    experiment : path
        The folder of the training.
    data_path : path
        The folder of the direct simulations.
    cases : tuple of str
        The flames: weak or strong turbulence, or a jet twice as fast.
    schmidt : float
        The turbulent Schmidt number of unresolved transport; 0 for none.
    workers : int, optional
        The number of direct simulations at once, by default one per core.

    Examples
    --------
    python -m combustion.online --experiment experiments/NAME
    python -m combustion.online --experiment experiments/NAME --cases weak --schmidt 0
    """
    if not experiment.is_dir():
        raise missing_file_error(experiment)
    if schmidt < 0:
        raise ValueError(f"--schmidt: expected a positive number, or 0 for none, found {schmidt:g}")
    folder = Experiment(experiment)
    surrogate, closures = Surrogate.load(folder.artifacts), coefficients_of(experiment)
    plan = RECIPES[RECIPE]
    generate_flames(data_path, cases, recipe=RECIPE, workers=workers)
    results: dict[str, Any] = {}
    for case in cases:
        burner = plan.cases[case]
        spacing, width = plan.stride * burner.spacing, plan.filter_width * burner.spacing
        facts = Facts(spacing, width, burner.flame_speed, burner.flame_thickness)
        files = sorted((data_path / "raw").glob(f"{case}_*.h5"))
        truth = reference(files, burner.slot_width)
        ways = {"model": network_closure(surrogate, facts), **fitted_closures(closures, facts)}
        runs, rows = _run_all(burner, ways, truth, schmidt or None)
        results[case] = rows
        _print(case, rows, truth)
        looks = {**LOOKS, "model": {**LOOKS["model"], "label": type(surrogate.net).__name__}}
        shown = {REFERENCE: truth, **_chosen(runs, rows)}
        save_figures(
            [
                (f"loop_{case}_fields", figures.fields(shown, looks)),
                (
                    f"loop_{case}_in_time",
                    figures.in_time({REFERENCE: truth, **runs}, looks, burner.flow_through_time),
                ),
            ],
            folder.plots,
        )
    write_json(folder.artifacts / "loop.json", {"schmidt": schmidt or None, "cases": results})


def _run_all(
    burner: SlotBurner, ways: Mapping[str, Closure], truth: History, schmidt: float | None
) -> tuple[dict[str, History], dict[str, dict[str, Any]]]:
    runs: dict[str, History] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, closure in ways.items():
        try:
            runs[name], seconds = simulate(burner, closure, truth.times, COURANT, schmidt)
        except FloatingPointError as error:
            log.warning("%s: %s", name, error)
            rows[name] = {"state": "broken down"}
            continue
        rows[name] = {**compare(runs[name], truth), "milliseconds_per_step": 1e3 * seconds}
        try:
            coarse, _ = simulate(burner, closure, truth.times, COARSER * COURANT, schmidt)
            change = compare(coarse, runs[name])["surface_error"]
        except FloatingPointError as error:
            log.warning("%s, time steps x %g: %s", name, COARSER, error)
            change = None
        rows[name]["surface_change_of_longer_steps"] = change
    return runs, rows


def _chosen(runs: Mapping[str, History], rows: Mapping[str, Any]) -> dict[str, History]:
    """Return the network and the two closures with the least error of the mean field."""
    closed = sorted((name for name in runs if name != "model"), key=lambda n: rows[n]["mean_error"])
    return {name: runs[name] for name in ("model", *closed[:2]) if name in runs}


def _print(case: str, rows: Mapping[str, Mapping[str, Any]], truth: History) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    title = (
        f"{case}: filtered DNS has a length of {1e3 * truth.length.mean():.2f} mm "
        f"and a surface of {1e6 * truth.surface.mean():.0f} mm²"
    )
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("", no_wrap=True)
    for heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, row in rows.items():
        values = (row.get(key) for key, _ in COLUMNS.values())
        cells = [
            "" if value is None or not math.isfinite(value) else format(value, form)
            for value, (_, form) in zip(values, COLUMNS.values(), strict=True)
        ]
        state = "" if row["state"] == "burning" else f" ({row['state']})"
        table.add_row(name + state, *cells)
    Console().print(table)


if __name__ == "__main__":
    run(main)
