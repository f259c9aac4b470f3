"""Draw the architecture of the project: run this file, it writes ``project_archi.png``."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from sessions.registry import package_of, use_cases  # noqa: E402

INK = "#22303c"
COLOURS = {"data": "#f1ead9", "case": "#dbe8f4", "domain": "#dcefe0", "core": "#ececf6"}

LABEL: dict[str, Any] = {"size": 8.5, "style": "italic", "color": INK, "va": "center"}
SHARED = "shared by its use cases,\nin the same rooms"


def box(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    title: str,
    text: str,
    kind: str,
    line: str = "-",
) -> None:
    """Draw one labelled box; (x, y) is its lower left corner, in the figure's units."""
    shape = FancyBboxPatch(
        (x, y),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=COLOURS[kind],
        edgecolor=INK,
        linewidth=1.0,
        linestyle=line,
    )
    ax.add_patch(shape)
    top = y + height - (0.30 if "\n" not in title else 0.45)
    ax.text(x + width / 2, top, title, ha="center", va="center", size=9.5, weight="bold", color=INK)
    ax.text(
        x + width / 2,
        y + (height - 0.45) / 2 - (0.1 if "\n" in title else 0),
        text,
        ha="center",
        va="center",
        size=8.5,
        color=INK,
        linespacing=1.4,
    )


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], label: str = "") -> None:
    """Draw an arrow, with its label beside the middle."""
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.3, "shrinkA": 2, "shrinkB": 2}
    ax.annotate("", xy=end, xytext=start, arrowprops=style)
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if label:
        ax.text(x + 0.1, y, label, ha="left", va="center", size=8.5, style="italic", color=INK)


def draw() -> Figure:
    """Return the figure: use cases over domain packages over the core; data flow left to right."""
    figure = Figure(figsize=(11, 8.2))
    ax = figure.subplots()
    ax.set(xlim=(0, 14.2), ylim=(0, 10.4))
    ax.axis("off")

    box(ax, 0.1, 7.3, 2.1, 2.4, "raw data", "data/raw\nmade by a solver\nor fetched", "data")
    results = "config, versions,\ncheckpoints, logs,\nresults.json, plots,\npredictions,\nweights"
    box(ax, 12.0, 7.3, 2.1, 2.4, "experiment", results, "data")
    arrow(ax, (2.2, 8.5), (2.7, 8.5))
    arrow(ax, (11.5, 8.5), (12.0, 8.5))

    ax.text(7.1, 10.1, "use cases", ha="center", size=11, weight="bold", color=INK)
    declared = list(use_cases().values())
    step = 8.8 / len(declared)
    centres: dict[str, list[float]] = {}
    for number, use_case in enumerate(declared):
        x = 2.7 + number * step
        name = textwrap.fill(use_case.root.name.replace("_", "_ "), 12).replace("_ ", "_")
        text = textwrap.fill(use_case.title, 14)
        box(ax, x, 7.3, step - 0.15, 2.5, name, text, "case")
        centres.setdefault(package_of(use_case).split(".")[0], []).append(x + step / 2 - 0.075)
    rooms = [
        (
            "the hour of reading",
            "config · trainer\nmodels · data · baselines\nevaluation · plotters",
        ),
        ("proof and demo", "online\nsynthetic"),
        ("foundations", "nets\nio\nphysics"),
    ]
    for number, (title, text) in enumerate(rooms):
        box(ax, 2.7 + number * 2.95, 5.35, 2.75, 1.45, title, text, "case", "--")
        if number:
            arrow(ax, (2.5 + number * 2.95, 6.05), (2.7 + number * 2.95, 6.05))
    ax.text(2.6, 6.05, "in each of them\nthe same rooms,\nwhere needed", **LABEL, ha="right")

    for domain, xs in centres.items():
        x, width = min(xs) - step / 2 + 0.075, max(xs) - min(xs) + step - 0.15
        text = "its own\ndomain" if (ROOT / domain) in [u.root for u in declared] else SHARED
        box(ax, x, 3.5, width, 1.15, domain, text, "domain")
        arrow(ax, (x + width / 2, 5.3), (x + width / 2, 4.65))
        arrow(ax, (x + width / 2, 3.5), (x + width / 2, 2.95))
    ax.text(2.6, 4.95, "imports", **LABEL, ha="right")

    core = (
        "use_case · command line · experiment folder · report\n"
        "Surrogate · SurrogateModule · normalisation · weights · export\n"
        "data: cache, rows, splits · io: files, download\n"
        "evaluation: scores, ridge, figures · nets · physics"
    )
    box(ax, 2.7, 1.2, 8.65, 1.75, "ai4sim, the shared core", core, "core")
    sessions = (
        "./script.sh UC SESSION  →  nox  →  one virtualenv per use case, "
        "on bare metal, in Docker or Apptainer, under SLURM"
    )
    box(ax, 0.1, 0.1, 14.0, 0.85, "sessions", sessions, "data")
    return figure


if __name__ == "__main__":
    target = Path(__file__).with_name("project_archi.png")
    draw().savefig(
        target, dpi=130, bbox_inches="tight", facecolor="white", metadata={"Software": None}
    )
