"""The report of a sweep: tables, figures, the best configuration, mean and spread over seeds."""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml
from optuna.trial import FrozenTrial, TrialState

from ai4sim.evaluation.figures import save_figures
from ai4sim.forecast import summary
from ai4sim.io.files import write_json, write_text
from ai4sim.sweep.figures import figures, medians
from ai4sim.sweep.objectives import MODEL, read_results
from ai4sim.sweep.study import SEED
from ai4sim.sweep.trials import Trials

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS = 12
"""Trials that are printed, at most."""
MEASURED = ("cost", "in_loop", "experiment", "ckpt_path")
"""Options of a trial that are no part of the best configuration."""
log = logging.getLogger(__name__)


def report_sweep(trials: Trials) -> None:
    """Write ``trials.csv``, ``best.yaml`` and the figures; print the best trials.

    Raises
    ------
    ArithmeticError
        No trial has succeeded.
    """
    complete = _complete(trials)
    best = trials.study.best_trials if len(trials.objectives) > 1 else [trials.study.best_trial]
    first = trials.objectives[0]
    best = sorted(best, key=lambda trial: trial.values[0], reverse=first.maximize)
    _write_best(trials, best[0])
    found = baselines(trials, complete)
    save_figures(figures(trials.study, trials.objectives, found), trials.folder / "plots")
    _print(_table_of(trials, complete, best, found))
    log.info("best.yaml, of %s, and trials.csv: %s", _name(trials, best[0]), trials.folder)


def report_seeds(trials: Trials) -> None:
    """Write ``trials.csv`` and ``seeds.json``; print mean and spread of each metric.

    Raises
    ------
    ArithmeticError
        No trial has succeeded.
    """
    complete = _complete(trials)
    rows = {t.params[SEED]: dict(_metrics(trials, t)) for t in complete}
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    values = {name: [row[name] for row in rows.values() if name in row] for name in names}
    spread = {name: {**summary(found), "values": found} for name, found in values.items()}
    write_json(trials.folder / "seeds.json", {"seeds": list(rows), "metrics": spread})
    _print(_seeds_table(spread, len(rows)))
    log.info("seeds.json and trials.csv: %s", trials.folder)


def baselines(trials: Trials, complete: Sequence[FrozenTrial]) -> dict[str, list[float | None]]:
    """Return the value of each objective of each baseline: the median over the trials."""
    rows: dict[str, list[list[float | None]]] = {}
    for trial in complete:
        results = read_results(trials.experiment(trial.number)) or {}
        for name in results.get("baselines", {}):
            values = [objective.value(results, name) for objective in trials.objectives]
            rows.setdefault(name, []).append(values)
    return {name: medians(values) for name, values in rows.items()}


def _complete(trials: Trials) -> list[FrozenTrial]:
    """Write ``trials.csv``; return the trials that have succeeded."""
    every = trials.study.get_trials(deepcopy=False)
    _write_table(trials, every)
    complete = [trial for trial in every if trial.state == TrialState.COMPLETE]
    failed = [trial for trial in every if trial.state == TrialState.FAIL]
    if not complete:
        first = next(iter(failed), None)
        reason = f"the first one: {first.user_attrs.get('reason')}" if first else "all were pruned"
        raise ArithmeticError(
            f"none of {len(every)} trials has succeeded, {reason}. All are in "
            f"{trials.folder / 'trials.csv'}"
        )
    for trial in failed:
        log.warning("%s failed: %s", _name(trials, trial), trial.user_attrs.get("reason"))
    return complete


def _name(trials: Trials, trial: FrozenTrial) -> str:
    return trials.experiment(trial.number).path.name


def _write_table(trials: Trials, every: Sequence[FrozenTrial]) -> None:
    """Write a line per trial: its state, parameters, values, seconds, and why it has failed."""
    file = io.StringIO()
    parameters = list(trials.distributions)
    objectives = [objective.name for objective in trials.objectives]
    head = ["trial", "state", *parameters, *objectives, "seconds", "attempts", "reason"]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    for trial in every:
        ended = trial.duration.total_seconds() if trial.duration else None
        values = trial.values or [None] * len(objectives)
        told = [trial.user_attrs.get(name) for name in ("attempts", "reason")]
        given = [trial.params.get(name) for name in parameters]
        state = trial.state.name.lower()
        writer.writerow([_name(trials, trial), state, *given, *values, ended, *told])
    write_text(trials.folder / "trials.csv", file.getvalue())


def _write_best(trials: Trials, trial: FrozenTrial) -> None:
    """Write the configuration of a trial so that ``fit`` takes it."""
    source = trials.experiment(trial.number).config
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    kept = {name: value for name, value in content.items() if name not in MEASURED}
    found = ", ".join(
        f"{o.name} {v:.5g}" for o, v in zip(trials.objectives, trial.values, strict=True)
    )
    head = f"# {_name(trials, trial)} of the sweep {trials.folder.name}: {found}\n"
    write_text(trials.folder / "best.yaml", head + yaml.safe_dump(kept, sort_keys=False))


def _metrics(trials: Trials, trial: FrozenTrial) -> Iterator[tuple[str, float]]:
    """Give all numbers of a trial's results, by names with dots."""
    results = read_results(trials.experiment(trial.number)) or {}
    yield from _numbers(results.get(MODEL, {}), "")
    yield from _numbers(results["training"], "training.")
    if "cost" in results:
        yield from _numbers(results["cost"]["microseconds"], "cost.")
    if MODEL in results.get("in_loop", {}):
        yield from _numbers(results["in_loop"][MODEL], "in_loop.")


def _numbers(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                yield f"{prefix}{name}", float(value)


def _table_of(
    trials: Trials,
    complete: Sequence[FrozenTrial],
    best: Sequence[FrozenTrial],
    found: Mapping[str, Sequence[float | None]],
) -> Table:
    """Return the best trials, or the Pareto front, and the baselines, as a table."""
    from rich.table import Table

    several = len(trials.objectives) > 1
    first = trials.objectives[0]
    shown = list(best)
    if not several:
        shown = sorted(complete, key=lambda trial: trial.values[0], reverse=first.maximize)
    counts = f"{len(complete)} of {trials.number} trials complete"
    title = f"Pareto front, {counts}" if several else f"best trials, {counts}"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for objective in trials.objectives:
        name = objective.name.replace("_", " ")
        table.add_column(f"{name} [{objective.unit}]" if objective.unit else name, justify="right")
    for parameter in trials.distributions:
        table.add_column(parameter.rpartition(".")[2].replace("_", " "), justify="right")
    for trial in shown[:MOST_ROWS]:
        given = [_cell(trial.params[name]) for name in trials.distributions]
        table.add_row(_name(trials, trial), *map(_cell, trial.values), *given)
    for name, values in found.items():
        if all(value is not None for value in values):
            blank = [""] * len(trials.distributions)
            table.add_row(name, *map(_cell, values), *blank, style="dim")
    return table


def _seeds_table(spread: Mapping[str, Mapping[str, Any]], seeds: int) -> Table:
    from rich.table import Table

    title = f"mean and standard deviation of {seeds} seeds"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for name in ("mean", "spread", "least", "greatest"):
        table.add_column(name, justify="right")
    for metric, numbers in spread.items():
        cells = [_cell(numbers[name]) for name in ("mean", "spread", "least", "greatest")]
        table.add_row(metric.replace("_", " "), *cells)
    return table


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
