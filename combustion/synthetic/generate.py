"""Generate filtered flames: solve slot burners, filter snapshots, write them in a raw layout.

A generation may be killed at any time. Snapshots and states are written whole or not at all, and a
rerun continues from the last state and gives the same files. A folder takes the flames of one
recipe only.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from ai4sim.command import run
from ai4sim.data.generation import HIDDEN, write_missing
from ai4sim.data.scheduling import cores
from combustion.io.grids import write_snapshot
from combustion.io.layouts import LAYOUTS
from combustion.physics.les import filter_flame
from combustion.synthetic.flame import SlotBurner, SlotFlame

log = logging.getLogger(__name__)

CHECKPOINT_STEPS = 100  # solver steps between states, besides the one after each snapshot
MODEL = (
    "incompressible Navier-Stokes and progress variable, constant density, "
    "source 2 S_L^2/D c^2 (1-c), D = S_L delta_L/4; Gaussian filter, sigma = filter_width/sqrt(12)"
)


@dataclass(frozen=True)
class Recipe:
    """Which flames, when they are looked at, and through which filter.

    Attributes
    ----------
    cases : name of a case -> its burner
    snapshots : per case
    spin_up : time of the first snapshot, in flow-through times of the jet
    interval : between snapshots, in flow-through times; closer ones are nearly the same field
    stride : flame cells per LES cell, along each axis
    filter_width : Delta of the Gaussian filter, in flame cells
    layout : name of a layout of `combustion.io.layouts`
    """

    cases: dict[str, SlotBurner] = field(hash=False)
    snapshots: int = 16
    spin_up: float = 1.0
    interval: float = 0.15
    stride: int = 8
    filter_width: float = 8.0
    layout: str = "cnf"


# Methane/air at equivalence ratio 0.7, 800 K, 4 bar.
R2 = SlotBurner(
    flame_speed=1.07,
    flame_thickness=0.113e-3,
    viscosity=2.418e-5,
    cells=(192, 112, 64),
    spacing=2e-5,
    slot_width=0.96e-3,
    jet_velocity=16.0,
    coflow_velocity=6.4,
    turbulence_rms=4.5,
    integral_length=0.4e-3,
    seed=55,
)
# The same flame and intensity of turbulence on a jet 1.5 times as wide and 4/3 times as fast: twice
# the Reynolds number, as from R2 to R3 of Luca et al. (2019).
R3 = dataclasses.replace(
    R2,
    cells=(288, 168, 48),
    slot_width=1.44e-3,
    jet_velocity=21.3,
    coflow_velocity=8.5,
    turbulence_rms=6.0,
    integral_length=0.6e-3,
    seed=66,
)
RECIPES = {
    # Through a filter as wide as eight cells the flame is nearly flat: c_bar (1 - c_bar) with one
    # fitted factor has R2 = 0.98. One of 32 cells, six times delta_L and four cells of the LES,
    # hides half of the flame surface, as in the published slot-burner data.
    "demo": Recipe(
        {
            "DNS1": SlotBurner(turbulence_rms=0.55, seed=11),
            "DNS2": SlotBurner(turbulence_rms=0.95, seed=22),
        },
        spin_up=1.25,
        filter_width=32.0,
    ),
    # 24 cells, four times delta_L, hide nearly half of the surface. The LES grid of "r3" is 4/3
    # times as fine, its filter the same in metres.
    "r2": Recipe({"R2like": R2}, stride=4, filter_width=24.0, layout="r2"),
    "r3": Recipe({"R3like": R3}, snapshots=8, stride=3, filter_width=24.0, layout="r2"),
    # The reference of large-eddy simulations: five flow-through times after the transient,
    # of turbulence that no other recipe draws, and a jet twice as fast.
    "loop": Recipe(
        {
            "weak": SlotBurner(turbulence_rms=0.55, seed=77),
            "strong": SlotBurner(turbulence_rms=0.95, seed=88),
            "fast": SlotBurner(turbulence_rms=0.95, jet_velocity=8.0, coflow_velocity=3.2, seed=99),
        },
        snapshots=26,
        spin_up=1.25,
        interval=0.2,
        filter_width=32.0,
    ),
}


def generate_flames(
    data_path: Path | str,
    cases: Iterable[str] | None = None,
    *,
    recipe: Recipe | str = "demo",
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
) -> list[Path]:
    """Write the snapshots of a recipe into `data_path`/raw; files already there are kept.

    Parameters
    ----------
    data_path : path
        Folder that gets `raw/<CASE>_<NNN>.h5`.
    cases : iterable of str, optional
        Cases of the recipe to generate; all by default.
    recipe : Recipe or str
        A recipe or the name of one in `RECIPES`.
    seed : int
        It is added to the seeds of the burners.
    device, workers
        The options of the command, see :func:`main`.

    Returns
    -------
    list of Path
        The files of the cases asked for, sorted.

    Raises
    ------
    ValueError
        An unknown recipe or case; a folder that holds the same case made in another way.
    """
    raw, plan = Path(data_path) / "raw", _named(recipe)
    names = list(plan.cases) if cases is None else list(dict.fromkeys(cases))
    unknown = sorted(set(names) - set(plan.cases))
    if unknown:
        raise ValueError(f"unknown cases {unknown}; the recipe has {sorted(plan.cases)}")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if workers is None:
        workers = min(len(names), cores()) if device == "cpu" else 1
    burners = {
        name: dataclasses.replace(plan.cases[name], seed=plan.cases[name].seed + seed)
        for name in names
    }
    facts = {
        file: _attributes(name, burner, plan)
        for name, burner in burners.items()
        for file in _files(raw, name, plan)
    }
    write_missing(
        Path(data_path),
        facts,
        functools.partial(_write_case, burners=burners, recipe=plan, facts=facts, device=device),
        label="flames",
        unit="snapshots",
        job_of=_case_of,
        scheduler="threads" if workers == 1 else "processes",
        workers=workers,
        threads=torch.get_num_threads() if workers == 1 else max(1, cores() // workers),
    )
    return sorted(facts)


def _named(recipe: Recipe | str) -> Recipe:
    """Look a recipe up by its name."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise ValueError(f"unknown recipe '{recipe}'; expected one of {sorted(RECIPES)}")
    return RECIPES[recipe]


def _files(raw: Path, case: str, recipe: Recipe) -> list[Path]:
    return [raw / f"{case}_{i:03d}.h5" for i in range(recipe.snapshots)]


def _case_of(file: Path) -> str:
    return file.stem.rpartition("_")[0]


def _write_case(
    first: Path,
    burners: Mapping[str, SlotBurner],
    recipe: Recipe,
    facts: Mapping[Path, Mapping[str, Any]],
    device: str,
) -> None:
    """Solve a case from its last state on and write the snapshots that are missing."""
    case = _case_of(first)
    burner = burners[case]
    files = _files(first.parent, case, recipe)
    unit = burner.flow_through_time
    times = [(recipe.spin_up + i * recipe.interval) * unit for i in range(recipe.snapshots)]
    state = first.parents[1] / HIDDEN / f"{case}.safetensors"
    flame = SlotFlame(burner, device)
    if state.exists():
        flame.restore(state)
        if not all(
            file.exists() for file, time in zip(files, times, strict=True) if time < flame.time
        ):
            log.info("%s: an early snapshot is missing, starting over", case)
            flame = SlotFlame(burner, device)
    for file, time in zip(files, times, strict=True):
        while flame.time < time:
            flame.advance(time)
            if flame.steps % CHECKPOINT_STEPS == 0:
                flame.save(state)
        if not file.exists():
            _write_snapshot(file, flame, recipe, facts[file])
            flame.save(state)
    state.unlink(missing_ok=True)


def _write_snapshot(path: Path, flame: SlotFlame, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Filter the flame as it is now and write it."""
    spacing = flame.burner.spacing
    filtered = filter_flame(
        flame.progress_variable,
        flame.velocity,
        spacing,
        recipe.filter_width * spacing,
        recipe.stride,
    )
    fields = {name: value.cpu().numpy() for name, value in filtered._asdict().items()}
    attributes = {**facts, "time": flame.time, "iteration": flame.steps}
    write_snapshot(path, fields, attributes, LAYOUTS[recipe.layout])


def _attributes(case: str, burner: SlotBurner, recipe: Recipe) -> dict[str, Any]:
    """Return what one must know of a flame."""
    return {
        "case": case,
        "dx_les": recipe.stride * burner.spacing,
        "dx_dns": burner.spacing,
        "coarsening": recipe.stride,
        "filter_width": recipe.filter_width * burner.spacing,
        "spin_up": recipe.spin_up,
        "interval": recipe.interval,
        "delta_L": burner.flame_thickness,
        "S_L": burner.flame_speed,
        "D": burner.laminar.diffusivity,
        "nu": burner.viscosity,
        "u_rms_in": burner.turbulence_rms,
        "u_prime_over_S_L": burner.turbulence_rms / burner.flame_speed,
        "l_t": burner.integral_length,
        "U_jet": burner.jet_velocity,
        "U_coflow": burner.coflow_velocity,
        "H_slot": burner.slot_width,
        "seed": burner.seed,
        **dict(zip(("nx", "ny", "nz"), burner.cells, strict=True)),
        "axis_order": ",".join(LAYOUTS[recipe.layout].axes),
        "periodic": "y,z",
        "model": MODEL,
    }


def main(
    data_path: Path,
    *,
    recipe: Literal["demo", "r2", "r3", "loop"] = "demo",
    cases: tuple[str, ...] | None = None,
    snapshots: int | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
) -> None:
    """Generate filtered flames of slot burners.

    What is complete is left alone; a generation that was killed is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    recipe : str
        The flames: the demo's, small ones like R2 or R3, or the reference of the closed loop.
    cases : tuple of str, optional
        The flames of the recipe to make, by default all.
    snapshots : int, optional
        The number of snapshots of a flame, by default that of the recipe.
    seed : int
        The seed: another one gives other turbulence.
    device : str
        The torch device, such as cpu or cuda:1. ``auto`` is the GPU where there is one.
    workers : int, optional
        The number of flames at once, by default one per core, and one on a GPU.

    Examples
    --------
    python -m combustion.synthetic.generate --data-path data
        make the demo flames (minutes on two cores)
    python -m combustion.synthetic.generate --data-path data/r2 --recipe r2
        make a small flame like R2
    """
    plan = RECIPES[recipe]
    if snapshots is not None:
        plan = dataclasses.replace(plan, snapshots=snapshots)
    files = generate_flames(
        data_path, cases, recipe=plan, seed=seed, device=device, workers=workers
    )
    log.info("%d snapshots in %s", len(files), data_path / "raw")


if __name__ == "__main__":
    run(main)
