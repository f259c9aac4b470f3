"""Skill against cost of several experiments of a use case: who is worth its time.

    python -m benchmarks.front weather_forecast/gwd/experiments/a weather_forecast/gwd/experiments/b

Each experiment was run with ``--cost=true``, so that its network and the baselines took turns.
Costs are given relative to a baseline that all of them were measured with, ``--reference``: other
programs on the machine then matter less. Prints a table with the members of the front marked, and
draws a figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ai4sim.cost import COMPILED
from ai4sim.evaluation.cost import front, front_figure
from ai4sim.evaluation.figures import save_figures


def read(experiment: Path) -> dict[str, Any]:
    """Read the results of an experiment.

    Raises
    ------
    SystemExit
        They hold no cost.
    """
    path = experiment / "artifacts" / "results.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "cost" not in results:
        raise SystemExit(f"{path}: no cost, run fit or test with --cost=true")
    return results


def gather(
    experiments: list[Path], reference: str, metric: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return cost, relative to the reference, and skill of all contenders.

    Raises
    ------
    SystemExit
        An experiment was not measured beside the reference.
    """
    costs: dict[str, list[float]] = {}
    skills: dict[str, float] = {}
    for experiment in experiments:
        results = read(experiment)
        times = results["cost"]["microseconds"]
        if reference not in times:
            raise SystemExit(f"{experiment}: not measured beside {reference}, but {list(times)}")
        network = {"model": experiment.name, COMPILED: f"{experiment.name}, compiled"}
        for name, time in times.items():
            row = network.get(name, name)
            costs.setdefault(row, []).append(time / times[reference])
            found = results["model"] if name in network else results["baselines"].get(name, {})
            if found.get(metric) is not None:
                skills[row] = found[metric]
    return {name: statistics.median(ratios) for name, ratios in costs.items()}, skills


def main() -> None:
    """Print and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("experiments", nargs="+", type=Path, metavar="EXPERIMENT")
    parser.add_argument("--reference", default="scheme_16x20", help="default: %(default)s")
    parser.add_argument("--metric", default="r2_mean", help="default: %(default)s")
    parser.add_argument("--figure", type=Path, help="write the figure into this folder")
    given = parser.parse_args()
    costs, skills = gather(given.experiments, given.reference, given.metric)
    cost = read(given.experiments[0])["cost"]
    best = front(costs, skills, cost["least"])
    table = Table(title=f"one thread of {cost['processor']}")
    for column in ("", f"cost / {given.reference}", given.metric, "on the front"):
        table.add_column(column, justify="left" if not column else "right")
    for name in sorted(costs, key=costs.__getitem__):
        skill = f"{skills[name]:.3f}" if name in skills else "-"
        table.add_row(name, f"{costs[name]:.3f}", skill, "x" if name in best else "")
    Console(width=100).print(table)
    if given.figure:
        figure = front_figure(
            {**cost, "microseconds": costs, "unit": given.reference},
            skills,
            given.metric,
            [name for name in costs if name not in cost["microseconds"]],
        )
        save_figures([("front", figure)], given.figure)


if __name__ == "__main__":
    main()
