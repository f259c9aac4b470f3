"""The tables that a run ends with: the model beside its baselines, as a whole and by level."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ai4sim.cost import skills_of
from ai4sim.experiment import Experiment

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS = 30
"""Levels of a profile that are printed, at most."""


def print_results(experiment: Experiment) -> None:
    """Print ``results.json``, of the whole test set, of each case and by level; and the folders."""
    from rich.console import Console

    results = json.loads((experiment.artifacts / "results.json").read_text(encoding="utf-8"))
    names = results["headline"]
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # the lines of a log are as long as they need to be
    cases = results.get("cases", {})
    whole = results.get("part", "whole test set")
    for title, part in {whole: results, **(cases if len(cases) > 1 else {})}.items():
        rows = {**part["baselines"], "model": part["model"]}
        columns = {name: [values.get(name) for values in rows.values()] for name in names}
        console.print(_table(title, list(rows), columns, highlighted_row="model"))
    if "profile" in results:
        console.print(_profile_table(results["profile"]))
    if "calibration" in results:
        console.print(_calibration_table(results["calibration"]))
    if "cost" in results:
        console.print(_cost_table(results["cost"], results))
    console.print(f"experiment folder: {experiment.path}", soft_wrap=True)
    console.print(f"plots:             {experiment.plots}", soft_wrap=True)


def _profile_table(profile: Mapping[str, Any]) -> Table:
    """R2 of the model and of the best baselines along a coordinate, a level in a row.

    Parameters
    ----------
    profile : mapping
        ``{"coordinate": {"name", "units", "values"}, "r2": {output: {"model": values, baseline:
        values, ...}}}``, one value per level, None where there is none.
    """
    coordinate, r2 = profile["coordinate"], profile["r2"]
    step = math.ceil(len(coordinate["values"]) / MOST_ROWS)

    def explained(name: str) -> float:
        return sum(max(v or 0.0, 0.0) for curves in r2.values() for v in curves[name])

    baselines = [name for name in next(iter(r2.values())) if name != "model"]
    # A terminal holds some six columns of numbers.
    best = sorted(baselines, key=explained, reverse=True)[: max(1, 4 // len(r2))]
    columns = {
        f"{output} {name}": curves[name][::step]
        for output, curves in r2.items()
        for name in ("model", *best)
    }
    title = f"R2 by {coordinate['name']} in {coordinate['units']}"
    if step > 1:
        title += f": one level in {step}, results.json holds all"
    return _table(title, [f"{v:g}" for v in coordinate["values"][::step]], columns)


def _calibration_table(calibration: Mapping[str, Any]) -> Table:
    """Spread and error of each output, and how many targets are in the intervals.

    Parameters
    ----------
    calibration : mapping
        The entry ``calibration`` of the results, see :mod:`ai4sim.evaluation.calibration`.
    """
    outputs, members = calibration["outputs"], calibration["members"]
    names = ("rmse", "spread", "spread_skill_ratio", "crps", "coverage_50", "coverage_90")
    columns = {name: [scores[name] for scores in outputs.values()] for name in names}
    source = f"an ensemble of {members}" if members else "a Gaussian"
    rows = [f"{name} [{scores['units']}]" for name, scores in outputs.items()]
    return _table(f"spread of {source}", rows, columns)


def _cost_table(cost: Mapping[str, Any], results: Mapping[str, Any]) -> Table:
    """Processor time on one thread and skill, the cheapest first.

    Parameters
    ----------
    cost : mapping
        The entry ``cost`` of the results, see :func:`ai4sim.cost.add_cost`.
    results : mapping
    """
    times = cost["microseconds"]
    metric = results["headline"][0]
    skills = skills_of(results, metric)
    model = times["model"]
    columns = {
        f"µs per {cost['unit']}": list(times.values()),
        "share of the model's": [time / model for time in times.values()],
        metric: [skills.get(name) for name in times],
    }
    table = _table(f"cost, one thread of {cost['processor']}", list(times), columns, "model")
    blocks = [f"{name} at {block} {cost['unit']}s a call" for name, block in cost["block"].items()]
    table.caption = "; ".join(blocks) or None
    return table


def _table(
    title: str,
    rows: Sequence[str],
    columns: Mapping[str, Sequence[float | None]],
    highlighted_row: str | None = None,
) -> Table:
    """Fill a table with numbers: three digits behind the point, unless a column needs more."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    cells = [_cells(values) for values in columns.values()]
    for row, *line in zip(rows, *cells, strict=True):
        table.add_row(row, *line, style="bold" if row == highlighted_row else None)
    return table


def _cells(values: Sequence[float | None]) -> list[str]:
    """Write the numbers of a column alike."""
    small = all(abs(value or 0.0) < 5e-3 for value in values) and any(values)
    return ["-" if v is None else f"{v:.2e}" if small else f"{v:.3f}" for v in values]
