"""Figures of a test set: what a combustion scientist looks at before believing a closure.

Each function takes a `FlameEvaluation` and gives a Matplotlib figure on the Agg canvas, without any
global state; `figures` draws them all. Matplotlib is imported on the first call only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ai4sim.evaluation.figures import empty_figure, styled
from combustion.evaluation import DENSITY_BINS, MODEL, SIGMA_DX_MAX, FlameEvaluation
from combustion.physics.geometry import Plane
from combustion.style import best, colour, label, line, rivals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.tri import Triangulation

SHADES = 101
"""Levels of colour in a plane cut from a mesh."""


@styled
def cross_sections(evaluation: FlameEvaluation, case: str) -> Figure:
    """Target, prediction and error of Sigma in two planes of the last snapshot of a case.

    On the left the plane at mid span, on the right, at the same scale, that across the stream where
    the flame has most surface; the thin line is c_bar = 1/2.
    """
    score = evaluation.of_case(case)[-1]
    section = evaluation.section(case)
    planes = [_Panel(section.stream, score.dx), _Panel(section.cross, score.dx)]
    top = max(p.values[name].max() for p in planes for name in ("target", MODEL)) or 1.0
    worst = max(np.abs(p.values["error"]).max() for p in planes) or 1.0
    looks: dict[str, dict[str, Any]] = {
        "target": {"cmap": "inferno", "vmin": 0, "vmax": top},
        MODEL: {"cmap": "inferno", "vmin": 0, "vmax": top},
        "error": {"cmap": "RdBu_r", "vmin": -worst, "vmax": worst},
    }
    (cells_x, cells_y), (cells_z, _) = (panel.cells for panel in planes)
    scale = min(6.0 / (cells_x + cells_z), 2.6 / cells_y)  # inches per cell
    figure = empty_figure(scale * (cells_x + cells_z) + 2.0, 3 * scale * cells_y + 1.2)
    figure.set_layout_engine("compressed")  # panels of fixed aspect, close together
    axes = figure.subplots(3, 2, sharex="col", sharey=True, width_ratios=[cells_x, cells_z])
    for row, (name, look) in enumerate(looks.items()):
        for column, panel in enumerate(planes):
            image = panel.draw(axes[row, column], name, look)
        if name != MODEL:
            error = name == "error"
            shown, aspect = (axes[2], 12) if error else (axes[:2], 24)
            bar = figure.colorbar(image, ax=shown, aspect=aspect)
            bar.set_label(("error of " if error else "") + r"$\overline{\Sigma}$ [1/mm]")
            bar.outline.set_linewidth(0.5)
        axes[row, 0].set_ylabel(
            f"{'Error' if name == 'error' else label(evaluation, name)}\ny [mm]"
        )
    axes[2, 0].set_xlabel("x [mm]")
    axes[2, 1].set_xlabel("z [mm]")
    when = f", t = {score.time * 1e3:.2f} ms" if math.isfinite(score.time) else ""
    axes[0, 0].set_title(f"{case}{when}, z = {section.stream.position * 1e3:.1f} mm")
    axes[0, 1].set_title(f"x = {section.cross.position * 1e3:.1f} mm")
    return figure


@styled
def joint_density(evaluation: FlameEvaluation) -> Figure:
    """Predicted against true Sigma dx of every cell of the test set, logarithmic density."""
    from matplotlib.colors import LogNorm

    counts = evaluation.joint_density()
    seen = np.flatnonzero(counts.sum(0) + counts.sum(1))
    used = min(int(seen.max()) + 3, DENSITY_BINS)
    edges = np.linspace(0, SIGMA_DX_MAX, DENSITY_BINS + 1)[: used + 1]
    shown = np.ma.masked_equal(counts[:used, :used], 0)
    figure = empty_figure(5.0, 3.9)
    axes = figure.subplots()
    image = axes.pcolormesh(
        edges,
        edges,
        shown.T,
        norm=LogNorm(1, max(counts.max(), 2)),
        cmap="viridis",
        rasterized=True,
    )
    axes.plot([0, edges[-1]], [0, edges[-1]], color="0.15", linewidth=0.9, label="1:1")
    r2 = evaluation.metrics()[MODEL]["r2"]
    axes.text(0.05, 0.93, f"$R^2$ = {r2:.3f}", transform=axes.transAxes, va="top")
    axes.set(
        xlabel=r"DNS  $\overline{\Sigma}\,\Delta x$",
        ylabel=rf"{label(evaluation, MODEL)}  $\overline{{\Sigma}}\,\Delta x$",
        aspect="equal",
        xlim=(0, edges[-1]),
        ylim=(0, edges[-1]),
    )
    axes.legend(loc="lower right")
    counted = "cells" if all(s.extent is None for s in evaluation.of_case()) else "nodes"
    bar = figure.colorbar(image, cax=axes.inset_axes((1.04, 0, 0.045, 1)), label=counted)
    bar.outline.set_linewidth(0.5)
    return figure


@styled
def conditional_errors(evaluation: FlameEvaluation) -> Figure:
    """Mean error (line) and rms error (band) given c_bar and given the target."""
    figure = empty_figure(8.6, 3.4)
    axes = figure.subplots(1, 2, sharey=True)
    conditions = {
        "progress_variable": r"$\overline{c}$",
        "target": r"DNS  $\overline{\Sigma}\,\Delta x$",
    }
    for ax, (by, axis) in zip(axes, conditions.items(), strict=True):
        ax.axhline(0, color="0.3", linewidth=0.8)
        for name in reversed([MODEL, *rivals(evaluation), *best(evaluation, 2)]):
            centres, mean, rms = evaluation.conditional_error(by, name)
            centres, mean, rms = (v[np.isfinite(mean)] for v in (centres, mean / 1e3, rms / 1e3))
            spread = np.sqrt(np.maximum(rms**2 - mean**2, 0))
            ax.fill_between(
                centres,
                mean - spread,
                mean + spread,
                color=colour(evaluation, name),
                alpha=0.18,
                linewidth=0,
            )
            ax.plot(centres, mean, marker="o", markersize=3, **line(evaluation, name))
        ax.set(xlabel=axis)
        ax.margins(x=0.02)
    axes[0].set_ylabel(r"error of $\overline{\Sigma}$ [1/mm]")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].legend(handles[::-1], labels[::-1], title="mean ± standard deviation")
    return figure


@styled
def surface_along_stream(evaluation: FlameEvaluation) -> Figure:
    """Flame surface per length of stream, mean of each case."""
    figure, panels = _panels(evaluation)
    for ax, case in panels:
        x, curves = evaluation.streamwise(case)
        for name in _curves(evaluation):
            # 1 m2/m = 100 cm2/cm
            ax.plot(x * 1e3, curves[name] * 100, **line(evaluation, name))
        ax.set(title=case, xlabel="x [mm]", ylabel="flame surface [cm²/cm]")
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    return figure


@styled
def surface_in_time(evaluation: FlameEvaluation) -> Figure:
    """Total flame surface of every snapshot."""
    figure, panels = _panels(evaluation)
    for ax, case in panels:
        time, curves = evaluation.in_time(case)
        timed = bool(np.isfinite(time).all())
        at = time * 1e3 if timed else np.arange(len(time))
        for name in _curves(evaluation):
            ax.plot(at, curves[name] * 1e4, marker="o", markersize=3.5, **line(evaluation, name))
        if len(time) == 1:
            ax.set_xticks(at, [f"{at[0]:.3g}"])
        ax.set(title=case, xlabel="t [ms]" if timed else "snapshot", ylabel="flame surface [cm²]")
        ax.set_ylim(bottom=0)
    return figure


@styled
def scores(evaluation: FlameEvaluation) -> Figure:
    """R2 and errors of the flame surface, network against closures."""
    metrics = evaluation.metrics()
    table = {MODEL: metrics[MODEL], **metrics["baselines"]}
    names = sorted(table, key=lambda name: -np.nan_to_num(table[name]["r2"], nan=-np.inf))
    rows = np.arange(len(names))[::-1]
    figure = empty_figure(8.6, 0.34 * len(names) + 1.2)
    left, right = figure.subplots(1, 2)
    colours = [colour(evaluation, name) for name in names]
    r2 = np.array([table[name]["r2"] for name in names])
    left.barh(rows, np.clip(r2, 0, 1), color=colours, height=0.7)
    for row, value in zip(rows, r2, strict=True):
        text = f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
        left.text(max(value, 0) + 0.015, row, text, va="center", fontsize=8.5)
    left.set(xlim=(0, 1.16), xlabel=r"$R^2$", yticks=rows)
    left.set_yticklabels([label(evaluation, name) for name in names])
    left.set_xticks(np.linspace(0, 1, 6))
    kinds = {
        "total_flame_surface_error": (0.19, 1.0, "total"),
        "streamwise_flame_surface_error": (-0.19, 0.45, "along the stream"),
    }
    top = 0.0
    for kind, (shift, alpha, _) in kinds.items():
        values = np.array([100 * table[name][kind] for name in names])
        top = max(top, float(np.nan_to_num(values).max()))
        right.barh(rows + shift, values, color=colours, alpha=alpha, height=0.36)
        for row, value in zip(rows + shift, values, strict=True):
            right.text(value, row, f" {value:.1f}", va="center", fontsize=7.5)
    right.set(xlim=(0, 1.14 * top or 1), xlabel="error of the flame surface [%]")
    right.set_yticks(rows, [""] * len(rows))
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
    from matplotlib.patches import Patch

    handles = [Patch(color="0.35", alpha=alpha, label=label) for _, alpha, label in kinds.values()]
    right.legend(handles=handles, loc="upper right")
    return figure


def figures(evaluation: FlameEvaluation) -> Iterator[tuple[str, Figure]]:
    """Draw every figure, with its name, in the order in which to read them."""
    yield "scores", scores(evaluation)
    for case in evaluation.cases:
        safe = re.sub(r"[^\w.-]+", "_", case)
        yield f"cross_sections_{safe}", cross_sections(evaluation, case)
    yield "joint_density", joint_density(evaluation)
    yield "conditional_errors", conditional_errors(evaluation)
    yield "surface_along_stream", surface_along_stream(evaluation)
    yield "surface_in_time", surface_in_time(evaluation)


def _panels(evaluation: FlameEvaluation) -> tuple[Figure, list[tuple[Axes, str]]]:
    """One panel per case, three in a row, and one legend below."""
    cases = evaluation.cases
    columns = min(len(cases), 3)
    rows = math.ceil(len(cases) / columns)
    figure = empty_figure(max(3.4 * columns, 4.6) + 0.4, 2.7 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(cases) :]:
        ax.set_axis_off()
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **line(evaluation, name)) for name in _curves(evaluation)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 * columns))
    return figure, list(zip(axes, cases))


class _Panel:
    """One plane of a flame, drawn as cells of a grid or as triangles between points of a mesh."""

    def __init__(self, plane: Plane, dx: float) -> None:
        values = {name: np.asarray(listed) for name, listed in plane.fields.items()}
        self.progress_variable = values["progress_variable"]
        self.values = {name: values[name] / 1e3 for name in ("target", MODEL)}  # 1/mm
        self.values["error"] = self.values[MODEL] - self.values["target"]
        self.mm = dx * 1e3
        self.points = None if plane.points is None else np.asarray(plane.points) * 1e3
        if self.points is None:
            height, width = self.progress_variable.shape
            self.cells = float(width), float(height)
        else:
            self.cells = tuple(np.ptp(self.points, axis=0) / self.mm)
            self.triangles = _triangles(self.points, np.asarray(plane.reach) * 1e3)

    def draw(self, ax: Axes, name: str, look: dict[str, Any]) -> Any:
        """Draw a field [1/mm] and the line c_bar = 1/2; return what a colour bar explains."""
        c_bar, ink = self.progress_variable, "0.25" if name == "error" else "white"
        front: dict[str, Any] = {"levels": [0.5], "colors": [ink], "linewidths": 0.8}
        crossed = bool(c_bar.min() < 0.5 < c_bar.max())
        ax.grid(visible=False)
        if self.points is None:
            ny, nx = c_bar.shape
            mm = self.mm
            box = (-0.5 * mm, (nx - 0.5) * mm, -0.5 * mm, (ny - 0.5) * mm)
            image: Any = ax.imshow(self.values[name], origin="lower", extent=box, **look)
            if crossed and min(nx, ny) > 1:
                ax.contour(np.arange(nx) * mm, np.arange(ny) * mm, c_bar, **front)
            return image
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        # Filled contours, since shaded triangles as flat as those of a cut show as scratches.
        levels = np.linspace(look["vmin"], look["vmax"], SHADES)
        shaded = ax.tricontourf(
            self.triangles, self.values[name], levels, cmap=look["cmap"], extend="both"
        )
        shaded.set_rasterized(True)
        ax.set_aspect("equal")
        if crossed:
            ax.tricontour(self.triangles, c_bar, **front)
        return ScalarMappable(Normalize(look["vmin"], look["vmax"]), look["cmap"])


def _triangles(points: np.ndarray, reach: np.ndarray) -> Triangulation:
    """Join points (n, 2) of a plane; none across gaps that its mesh edges (n,) do not reach."""
    from matplotlib.tri import Triangulation

    triangles = Triangulation(*points.T)
    corners = points[triangles.triangles]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    triangles.set_mask(sides.max(1) > 2 * reach[triangles.triangles].max(1))
    return triangles


def _curves(evaluation: FlameEvaluation) -> list[str]:
    """Choose what the surface figures show: DNS, networks, the two best closures and Xi = 1."""
    common = evaluation.names()
    chosen = [n for n in ("gradient", *best(evaluation, 2)) if n in common]
    return ["target", MODEL, *rivals(evaluation), *dict.fromkeys(reversed(chosen))]
