"""Draw the architecture of the project: run this file, it writes ``project_archi.png``."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

INK = "#22303c"
COLOURS = {"data": "#f1ead9", "case": "#dbe8f4", "domain": "#dcefe0", "core": "#ececf6"}


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
    ax.text(x + width / 2, top, title, ha="center", va="center", size=10, weight="bold", color=INK)
    ax.text(
        x + width / 2,
        y + (height - 0.45) / 2,
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
    figure = Figure(figsize=(11, 6.4))
    ax = figure.subplots()
    ax.set(xlim=(0, 14.2), ylim=(0, 8.1))
    ax.axis("off")

    box(ax, 0.1, 4.75, 2.2, 2.2, "raw data", "data/raw\nmade by a solver\nor fetched", "data")
    box(
        ax,
        11.9,
        4.75,
        2.2,
        2.2,
        "experiment",
        "config, environment\ncheckpoints, logs\nresults.json, plots\npredictions, weights",
        "data",
    )
    ax.text(7.3, 7.78, "use cases", ha="center", size=11, weight="bold", color=INK)
    use_cases = [
        ("unets", "flame surface\ndensity\non grids", 3.0),
        ("gnns", "flame surface\ndensity\non graphs", 4.75),
        ("gwd", "gravity-wave\ndrag", 6.5),
        ("bias_\ncorrection", "\ncloud radiative\neffects", 8.25),
        ("wmed", "ocean-\natmosphere\ncoupling", 10.0),
    ]
    for name, text, x in use_cases:
        box(ax, x, 5.6, 1.6, 1.9, name, text, "case")

    domains = [
        ("combustion", "flame solver\nclosures, layouts", 3.0, 3.35),
        ("weather_forecast", "columns, levels\nconstants", 6.5, 3.35),
        ("wmed", "ocean and\natmosphere", 10.0, 1.6),
    ]
    for name, text, x, width in domains:
        box(ax, x, 3.45, width, 1.25, name, text, "domain")
        arrow(ax, (x + width / 2, 5.6), (x + width / 2, 4.7))
        arrow(ax, (x + width / 2, 3.45), (x + width / 2, 2.5))
    ax.text(4.85, 5.15, "imports", size=8.5, style="italic", color=INK, va="center")

    box(
        ax,
        3.0,
        0.9,
        8.6,
        1.6,
        "ai4sim, the shared core",
        "command line · experiment folder · splits and loaders · normalisation · metrics\n"
        "SurrogateModule · networks · predictions · plots · downloads · nox sessions",
        "core",
    )
    arrow(ax, (2.3, 6.2), (3.0, 6.2))
    arrow(ax, (11.6, 6.2), (11.9, 6.2))
    ax.text(
        7.3,
        0.35,
        "./script.sh UC SESSION  →  nox  →  one virtualenv per use case, on bare metal, in Docker "
        "or Apptainer, under SLURM",
        ha="center",
        size=9,
        color=INK,
    )
    return figure


if __name__ == "__main__":
    target = Path(__file__).with_name("project_archi.png")
    draw().savefig(
        target, dpi=130, bbox_inches="tight", facecolor="white", metadata={"Software": None}
    )
