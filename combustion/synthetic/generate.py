"""Generate filtered flames: solve slot burners, filter snapshots, write them in a raw layout.

A generation may be killed at any time.  Snapshots and states are written whole or not at all, a
rerun continues from the last state and gives the same files, and a folder takes the flames of one
recipe only, which is kept beside them in `.flames/`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ai4sim.data.scheduling import cores, end_with_parent
from ai4sim.io.files import one_at_a_time, remove_stale_temporaries, write_json
from combustion.io.layouts import LAYOUTS, write_snapshot
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
}


def generate_flames(
    data_path: Path | str,
    cases: Iterable[str] | None = None,
    *,
    recipe: Recipe | str = "demo",
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
    device : str
        A torch device, or "auto": the GPU where there is one, else the CPU.
    workers : int, optional
        Cases solved at once, each in a process of its own; by default as many as there are
        cases and cores, and one on a GPU.

    Returns
    -------
    list of Path
        The files of the cases asked for, sorted.

    Raises
    ------
    ValueError
        An unknown recipe or case; a folder that holds the same case made in another way.
    """
    data_path = Path(data_path)
    plan = _named(recipe)
    names = list(plan.cases) if cases is None else list(dict.fromkeys(cases))
    unknown = sorted(set(names) - set(plan.cases))
    if unknown:
        raise ValueError(f"unknown cases {unknown}; the recipe has {sorted(plan.cases)}")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    with one_at_a_time(data_path / ".flames"):
        for folder in (data_path / "raw", data_path / ".flames"):
            remove_stale_temporaries(folder)
        for name in names:
            _claim(data_path, name, plan)
        missing = [
            name for name in names if not all(p.exists() for p in _files(data_path, name, plan))
        ]
        if workers is None:
            workers = min(len(missing), cores()) if device == "cpu" else 1
        if workers > 1:
            _generate_in_parallel(data_path, missing, plan, device, workers)
        else:
            for name in missing:
                _generate_case(data_path, name, plan, device)
    return sorted(path for name in names for path in _files(data_path, name, plan))


def _named(recipe: Recipe | str) -> Recipe:
    """Look a recipe up by its name."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise ValueError(f"unknown recipe '{recipe}'; expected one of {sorted(RECIPES)}")
    return RECIPES[recipe]


def _files(data_path: Path, case: str, recipe: Recipe) -> list[Path]:
    return [data_path / "raw" / f"{case}_{i:03d}.h5" for i in range(recipe.snapshots)]


def _claim(data_path: Path, case: str, recipe: Recipe) -> None:
    """Note how the case is made, or refuse to mix it with files made otherwise."""
    note = data_path / ".flames" / f"{case}.json"
    made = dataclasses.asdict(recipe) | {"cases": {case: dataclasses.asdict(recipe.cases[case])}}
    del made["snapshots"]  # more snapshots of the same flame may join
    made = json.loads(json.dumps(made))
    if note.exists():
        found = json.loads(note.read_text())
        if found != made:
            raise ValueError(
                f"{data_path}: case {case} was made by another recipe, which differs in "
                f"{', '.join(_differences(found, made))}. Choose another folder or remove "
                f"raw/{case}_*.h5 and {note.relative_to(data_path)}."
            )
    elif strangers := sorted((data_path / "raw").glob(f"{case}_*.h5")):
        raise ValueError(
            f"{data_path}: raw holds files of a case {case} that were not generated here, "
            f"{strangers[0].name} for one. Choose another folder."
        )
    else:
        write_json(note, made)


def _differences(found: Any, expected: Any, name: str = "") -> list[str]:
    """Entries in which two recipes differ, as `name: found, not expected`."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = sorted(found.keys() | expected.keys())
        return [d for k in keys for d in _differences(found.get(k), expected.get(k), k)]
    return [] if found == expected else [f"{name}: {found} there, {expected} here"]


def _generate_in_parallel(
    data_path: Path, cases: list[str], recipe: Recipe, device: str, workers: int
) -> None:
    """Solve several cases at once, sharing the cores between them."""
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    threads = max(1, cores() // workers)
    with ProcessPoolExecutor(workers, context, _start_worker, (threads, context.RLock())) as pool:
        jobs = [
            pool.submit(_generate_case, data_path, case, recipe, device, line)
            for line, case in enumerate(cases)
        ]
        for job in jobs:
            job.result()


def _start_worker(threads: int, lock: Any) -> None:
    """Set a process up, and have it end with the one that started it, however that ends."""
    end_with_parent()
    torch.set_num_threads(threads)
    tqdm.set_lock(lock)


def _generate_case(data_path: Path, case: str, recipe: Recipe, device: str, line: int = 0) -> None:
    """Solve one case from its last state on and write the snapshots that are missing."""
    burner = recipe.cases[case]
    files = _files(data_path, case, recipe)
    unit = burner.flow_through_time
    times = [(recipe.spin_up + i * recipe.interval) * unit for i in range(recipe.snapshots)]
    state = data_path / ".flames" / f"{case}.safetensors"
    flame = SlotFlame(burner, device)
    if state.exists():
        flame.restore(state)
        if not all(
            file.exists() for file, time in zip(files, times, strict=True) if time < flame.time
        ):
            log.info("%s: an early snapshot is missing, starting over", case)
            flame = SlotFlame(burner, device)
    with tqdm(
        total=times[-1],
        initial=flame.time,
        desc=f"{case} {'x'.join(map(str, burner.cells))}",
        position=line,
        mininterval=0.5 if sys.stderr.isatty() else 15,
        bar_format="{desc}: {percentage:3.0f}% |{bar:30}| {elapsed} gone, {remaining} left",
    ) as bar:
        for file, time in zip(files, times, strict=True):
            while flame.time < time:
                before = flame.time
                flame.advance(time)
                bar.update(flame.time - before)
                if flame.steps % CHECKPOINT_STEPS == 0:
                    flame.save(state)
            if not file.exists():
                _write(file, case, flame, recipe)
                flame.save(state)
    state.unlink(missing_ok=True)
    log.info("%s: %d snapshots in %s", case, len(files), data_path / "raw")


def _write(path: Path, case: str, flame: SlotFlame, recipe: Recipe) -> None:
    """Filter the flame as it is now and write it."""
    burner = flame.burner
    width = recipe.filter_width * burner.spacing
    filtered = filter_flame(
        flame.progress_variable, flame.velocity, burner.spacing, width, recipe.stride
    )
    layout = LAYOUTS[recipe.layout]
    attributes = {
        "case": case,
        "time": flame.time,
        "iteration": flame.steps,
        "dx_les": recipe.stride * burner.spacing,
        "dx_dns": burner.spacing,
        "coarsening": recipe.stride,
        "filter_width": width,
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
        "axis_order": ",".join(layout.axes),
        "periodic": "y,z",
        "model": MODEL,
    }
    fields = {name: value.cpu().numpy() for name, value in filtered._asdict().items()}
    write_snapshot(path, fields, attributes, layout)


def main(arguments: list[str] | None = None) -> None:
    """Generate flames from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m combustion.synthetic.generate", description=__doc__
    )
    parser.add_argument("--data-path", type=Path, required=True, help="folder that gets raw/*.h5")
    parser.add_argument("--recipe", default="demo", choices=sorted(RECIPES))
    parser.add_argument("--case", action="append", help="case of the recipe; repeat for several")
    parser.add_argument("--snapshots", type=int, help="per case (default: the recipe's)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = RECIPES[options.recipe]
    if options.snapshots is not None:
        recipe = dataclasses.replace(recipe, snapshots=options.snapshots)
    generate_flames(options.data_path, options.case, recipe=recipe, device=options.device)


if __name__ == "__main__":
    main()
