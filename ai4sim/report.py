"""The table that a run ends with: the model beside its baselines."""

from __future__ import annotations

import json

from ai4sim.experiment import Experiment


def print_results(experiment: Experiment) -> None:
    """Print ``results.json``, of the whole test set and of each case, and where the files are."""
    from rich.console import Console
    from rich.table import Table

    results = json.loads((experiment.artifacts / "results.json").read_text(encoding="utf-8"))
    names = results["headline"]
    console = Console()
    cases = results.get("cases", {})
    for title, part in {"whole test set": results, **(cases if len(cases) > 1 else {})}.items():
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("", no_wrap=True)
        for name in names:
            table.add_column(name.replace("_", " "), justify="right")
        for row, values in {**part["baselines"], "model": part["model"]}.items():
            cells = ["-" if values.get(n) is None else f"{values[n]:.3f}" for n in names]
            table.add_row(row, *cells, style="bold" if row == "model" else None)
        console.print(table)
    console.print(f"experiment folder: {experiment.path}", soft_wrap=True)
    console.print(f"plots:             {experiment.plots}", soft_wrap=True)
