"""The table that a run ends with: the model beside its baselines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ai4sim.experiment import Experiment


def scalar_metrics(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the scalar metrics that occur in any row, in order of first appearance."""
    names: dict[str, None] = {}
    for row in rows.values():
        names.update(dict.fromkeys(k for k, v in row.items() if isinstance(v, int | float)))
    return list(names)


def print_results(experiment: Experiment) -> None:
    """Print ``results.json`` as a table, and where the run's files are."""
    from rich.console import Console
    from rich.table import Table

    results = json.loads((experiment.artifacts / "results.json").read_text())
    console = Console()
    for title, part in [("whole test set", results), *results.get("cases", {}).items()]:
        rows = {**part["baselines"], "model": part["model"]}
        names = scalar_metrics(rows)
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for name in names:
            table.add_column(name.replace("_", " "), justify="right", overflow="fold")
        for row, values in rows.items():
            cells = [f"{values[n]:.4g}" if values.get(n) is not None else "-" for n in names]
            table.add_row(row, *cells, style="bold" if row == "model" else None)
        console.print(table)
    console.print(f"experiment folder: {experiment.path}", soft_wrap=True)
    console.print(f"plots:             {experiment.plots}", soft_wrap=True)
