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

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import NETWORK, Look, empty_figure, look, looks_of, styled
from combustion import baselines as closures
from combustion.evaluation import DENSITY_BINS, MODEL, SIGMA_DX_MAX, FlameEvaluation
from combustion.physics.geometry import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.tri import Triangulation

LOOKS = {
    "target": look("DNS", "black", width=3.0, alpha=0.55),
    MODEL: NETWORK,
    "unet": look("U-Net", "#7F3C8D", width=1.5),
    "gradient": look(r"Gradient, $\Xi=1$", "orange", ":", 1.5),
    "gradient_fitted_xi": look(r"Gradient, fitted $\Xi$", "#B8A100", "--", 1.5),
    "boger": look("Boger et al. 1998", "sky_blue", "--", 1.5),
    "boger_fitted": look("Boger, fitted", "blue", "--", 1.5),
    "charlette": look("Charlette et al. 2002", "purple", "-.", 1.5),
    "fureby": look("Fureby 2005", "green", "--", 1.5),
    "constant": look("Training mean", "grey", "--", 1.5),
}
SHADES = 101
"""Levels of colour in a plane cut from a mesh."""
SURFACE, SIGMA_DX = r"$\overline{\Sigma}$ [1/mm]", r"$\overline{\Sigma}\,\Delta x$"


@styled
def cross_sections(evaluation: FlameEvaluation, case: str) -> Figure:
    """Target, prediction and error of Sigma in two planes of the last snapshot of a case.

    On the left the plane at mid span, on the right, at the same scale, that across the stream where
    the flame has most surface; the thin line is c_bar = 1/2.
    """
    score = evaluation.of_case(case)[-1]
    section = evaluation.section(case)
    planes = [_Panel(section.stream, score.dx), _Panel(section.cross, score.dx)]
    fields = [p.values[name] for p in planes for name in ("target", MODEL)]
    scale = panels.sequential(*fields, cmap="inferno")
    scales = {
        "target": scale,
        MODEL: scale,
        "error": panels.diverging(*(p.values["error"] for p in planes)),
    }
    (cells_x, cells_y), (cells_z, _) = (panel.cells for panel in planes)
    inch = min(6.0 / (cells_x + cells_z), 2.6 / cells_y)  # per cell
    figure = empty_figure(inch * (cells_x + cells_z) + 2.0, 3 * inch * cells_y + 1.2)
    figure.set_layout_engine("compressed")  # panels of fixed aspect, close together
    axes = figure.subplots(3, 2, sharex="col", sharey=True, width_ratios=[cells_x, cells_z])
    for row, (name, shown) in enumerate(scales.items()):
        for column, panel in enumerate(planes):
            image = panel.draw(axes[row, column], name, shown)
        if name == MODEL:
            panels.colour_bar(image, list(axes[:2].flat), SURFACE, aspect=24, pad=0.03)
    panels.colour_bar(image, list(axes[2]), f"error of {SURFACE}", aspect=12, pad=0.03)
    names = [_looks(evaluation)[name]["label"] for name in ("target", MODEL)]
    panels.label_outer(
        axes, left=[f"{name}\ny [mm]" for name in (*names, "Error")], bottom=["x [mm]", "z [mm]"]
    )
    when = f", t = {score.time * 1e3:.2f} ms" if math.isfinite(score.time) else ""
    axes[0, 0].set_title(f"{case}{when}, z = {section.stream.position * 1e3:.1f} mm")
    axes[0, 1].set_title(f"x = {section.cross.position * 1e3:.1f} mm")
    return figure


@styled
def joint_density(evaluation: FlameEvaluation) -> Figure:
    """Predicted against true Sigma dx of every cell of the test set, logarithmic density."""
    counts = evaluation.joint_density()
    figure = empty_figure(5.0, 3.9)
    axes = figure.subplots()
    edges = np.linspace(0, SIGMA_DX_MAX, DENSITY_BINS + 1)
    image = panels.draw_density(axes, *panels.cropped(counts, edges))
    panels.note(axes, f"$R^2$ = {evaluation.metrics()[MODEL]['r2']:.3f}")
    axes.set(xlabel=f"DNS  {SIGMA_DX}", ylabel=f"{evaluation.label}  {SIGMA_DX}")
    counted = "cells" if all(s.extent is None for s in evaluation.of_case()) else "nodes"
    panels.colour_bar(image, axes, counted)
    return figure


@styled
def conditional_errors(evaluation: FlameEvaluation) -> Figure:
    """Mean error (line) and rms error (band) given c_bar and given the target."""
    figure = empty_figure(8.6, 3.4)
    axes = figure.subplots(1, 2, sharey=True)
    looks = _looks(evaluation)
    conditions = {
        "progress_variable": r"$\overline{c}$",
        "target": f"DNS  {SIGMA_DX}",
    }
    for ax, (by, axis) in zip(axes, conditions.items(), strict=True):
        ax.axhline(0, **panels.ZERO)
        for name in (MODEL, *_rivals(evaluation), *_best(evaluation, 2)):
            centres, mean, rms = evaluation.conditional_error(by, name)
            centres, mean, rms = (v[np.isfinite(mean)] for v in (centres, mean / 1e3, rms / 1e3))
            spread = np.sqrt(np.maximum(rms**2 - mean**2, 0))
            line = looks[name]
            band = (mean - spread, mean + spread)
            ax.fill_between(centres, *band, color=line["color"], alpha=0.18, linewidth=0)
            ax.plot(centres, mean, **panels.MARKS, **line)
        ax.set(xlabel=axis)
        ax.margins(x=0.02)
    axes[0].set_ylabel(f"error of {SURFACE}\nmean ± standard deviation")
    panels.legend_above(figure)
    return figure


@styled
def surface_along_stream(evaluation: FlameEvaluation) -> Figure:
    """Flame surface per length of stream, mean of each case."""
    figure, axes = _panels(evaluation)
    for ax, case in zip(axes, evaluation.cases, strict=True):
        x, curves = evaluation.streamwise(case)
        for name, line in _curves(evaluation).items():
            # 1 m2/m = 100 cm2/cm
            ax.plot(x * 1e3, curves[name] * 100, **line)
        ax.set(title=case, xlabel="x [mm]", ylabel="flame surface [cm²/cm]")
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    panels.legend_above(figure)
    return figure


@styled
def surface_in_time(evaluation: FlameEvaluation) -> Figure:
    """Total flame surface of every snapshot."""
    figure, axes = _panels(evaluation)
    for ax, case in zip(axes, evaluation.cases, strict=True):
        time, curves = evaluation.in_time(case)
        timed = bool(np.isfinite(time).all())
        at = time * 1e3 if timed else np.arange(len(time))
        for name, line in _curves(evaluation).items():
            ax.plot(at, curves[name] * 1e4, **panels.MARKS, **line)
        if len(time) == 1:
            ax.set_xticks(at, [f"{at[0]:.3g}"])
        ax.set(title=case, xlabel="t [ms]" if timed else "snapshot", ylabel="flame surface [cm²]")
        ax.set_ylim(bottom=0)
    panels.legend_above(figure)
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
    looks = _looks(evaluation)
    colours = [looks[name]["color"] for name in names]
    r2 = np.array([table[name]["r2"] for name in names])
    left.barh(rows, np.clip(r2, 0, 1), color=colours, height=0.7)
    for row, value in zip(rows, r2, strict=True):
        left.text(
            max(value, 0) + 0.015, row, panels.number(value, ".3f"), va="center", fontsize=8.5
        )
    left.set(xlim=(0, 1.16), xlabel=r"$R^2$", yticks=rows)
    left.set_yticklabels([looks[name]["label"] for name in names])
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


# ---- choices ------------------------------------------------------------------------------------


def _panels(evaluation: FlameEvaluation) -> tuple[Figure, list[Axes]]:
    """Return one panel per case, three in a row."""
    count = len(evaluation.cases)
    return panels.in_rows(count, 3, 3.4 if count > 1 else 4.6, 2.7)


def _rivals(evaluation: FlameEvaluation) -> list[str]:
    """Other trained models that every snapshot was given to: what is no closure."""
    return [name for name in evaluation.names() if name not in (MODEL, *closures.NAMES)]


def _best(evaluation: FlameEvaluation, count: int) -> list[str]:
    """Closures of the largest R2, best first; one of each family (boger, boger_fitted: one)."""
    known = evaluation.metrics()["baselines"]
    offered = [name for name in known if name in closures.NAMES]
    ranked = sorted(offered, key=lambda n: np.nan_to_num(known[n]["r2"], nan=-np.inf))
    families = {name.split("_")[0]: name for name in ranked}  # the last, and best, stays
    return [name for name in reversed(ranked) if name in families.values()][:count]


def _looks(evaluation: FlameEvaluation) -> dict[str, Look]:
    """Return the looks of DNS, networks and closures, the same in all figures."""
    known = {**LOOKS, MODEL: {**NETWORK, "label": evaluation.label}}
    return looks_of(["target", MODEL, *closures.NAMES, *_rivals(evaluation)], known)


def _curves(evaluation: FlameEvaluation) -> dict[str, Look]:
    """Choose what the surface figures show: DNS, networks, the two best closures and Xi = 1."""
    common = evaluation.names()
    closed = [n for n in ("gradient", *_best(evaluation, 2)) if n in common]
    chosen = ["target", MODEL, *_rivals(evaluation), *dict.fromkeys(reversed(closed))]
    looks = _looks(evaluation)
    return {name: looks[name] for name in chosen}


# ---- planes of a flame --------------------------------------------------------------------------


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

    def draw(self, ax: Axes, name: str, scale: dict[str, Any]) -> Any:
        """Draw a field [1/mm] and the line c_bar = 1/2; return what a colour bar explains."""
        c_bar, ink = self.progress_variable, "0.25" if name == "error" else "white"
        front: dict[str, Any] = {"levels": [0.5], "colors": [ink], "linewidths": 0.8}
        crossed = bool(c_bar.min() < 0.5 < c_bar.max())
        ax.grid(visible=False)
        if self.points is None:
            ny, nx = c_bar.shape
            mm = self.mm
            box = (-0.5 * mm, (nx - 0.5) * mm, -0.5 * mm, (ny - 0.5) * mm)
            image: Any = ax.imshow(self.values[name], origin="lower", extent=box, **scale)
            if crossed and min(nx, ny) > 1:
                ax.contour(np.arange(nx) * mm, np.arange(ny) * mm, c_bar, **front)
            return image
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        # Filled contours, since shaded triangles as flat as those of a cut show as scratches.
        levels = np.linspace(scale["vmin"], scale["vmax"], SHADES)
        shaded = ax.tricontourf(
            self.triangles, self.values[name], levels, cmap=scale["cmap"], extend="both"
        )
        shaded.set_rasterized(True)
        ax.set_aspect("equal")
        if crossed:
            ax.tricontour(self.triangles, c_bar, **front)
        return ScalarMappable(Normalize(scale["vmin"], scale["vmax"]), scale["cmap"])


def _triangles(points: np.ndarray, reach: np.ndarray) -> Triangulation:
    """Join points (n, 2) of a plane; none across gaps that its mesh edges (n,) do not reach."""
    from matplotlib.tri import Triangulation

    triangles = Triangulation(*points.T)
    corners = points[triangles.triangles]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    triangles.set_mask(sides.max(1) > 2 * reach[triangles.triangles].max(1))
    return triangles
