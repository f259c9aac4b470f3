"""Figures of a test set: what a combustion scientist looks at before believing a closure.

Each function takes a `FlameEvaluation` and gives a Matplotlib figure on the Agg canvas, without any
global state; `save_all` writes them all. Matplotlib is imported on the first call only.
"""

from __future__ import annotations

import functools
import logging
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from ai4sim.files import atomic_write
from combustion.evaluation import DENSITY_BINS, MODEL, SIGMA_DX_MAX, FlameEvaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)
P = ParamSpec("P")

LABELS = {
    "target": "DNS",
    MODEL: "Network",
    "constant": "Training mean",
    "gradient": r"Gradient, $\Xi=1$",
    "gradient_fitted_xi": r"Gradient, fitted $\Xi$",
    "boger": "Boger et al. 1998",
    "boger_fitted": "Boger, fitted",
    "charlette": "Charlette et al. 2002",
    "fureby": "Fureby 2005",
}
# Okabe and Ito's colours, told apart by colour-blind readers; one per model in every figure.
COLOURS = {
    "target": "#000000",
    MODEL: "#D55E00",
    "constant": "#999999",
    "gradient": "#E69F00",
    "gradient_fitted_xi": "#B8A100",
    "boger": "#56B4E9",
    "boger_fitted": "#0072B2",
    "charlette": "#CC79A7",
    "fureby": "#009E73",
}
DASHES = {"target": "-", MODEL: "-", "boger_fitted": "--", "gradient": ":", "charlette": "-."}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


def _styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style above, whatever the user's own settings, and leave those alone."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        import matplotlib

        style: Any = {**matplotlib.rcParamsDefault, **STYLE, "backend": "agg"}
        with matplotlib.rc_context(style):
            return draw(*args, **kwargs)

    return styled


@_styled
def cross_sections(evaluation: FlameEvaluation, case: str) -> Figure:
    """Target, prediction and error of Sigma in two planes of the last snapshot of a case.

    On the left the plane at mid span, on the right, at the same scale, that across the stream where
    the flame has most surface; the thin line is c_bar = 1/2.
    """
    score = evaluation.of_case(case)[-1]
    section = score.section
    if section is None:
        raise ValueError(f"case '{case}': no planes were kept of {score.path}")
    mm = score.dx * 1e3
    # Stored (x, y) and (y, z); both are drawn with y upwards.
    stream, cross = (
        {name: np.asarray(values) for name, values in plane.items()}
        for plane in (section.stream, section.cross)
    )
    planes = [{name: values.T for name, values in stream.items()}, cross]
    for plane in planes:
        plane["target"], plane[MODEL] = plane["target"] / 1e3, plane[MODEL] / 1e3  # 1/mm
        plane["error"] = plane[MODEL] - plane["target"]
    top = max(plane[name].max() for plane in planes for name in ("target", MODEL)) or 1.0
    worst = max(np.abs(plane["error"]).max() for plane in planes) or 1.0
    looks: dict[str, dict[str, Any]] = {
        "target": {"cmap": "inferno", "vmin": 0, "vmax": top},
        MODEL: {"cmap": "inferno", "vmin": 0, "vmax": top},
        "error": {"cmap": "RdBu_r", "vmin": -worst, "vmax": worst},
    }
    (points_y, points_x), points_z = planes[0]["error"].shape, planes[1]["error"].shape[1]
    scale = min(6.0 / (points_x + points_z), 2.6 / points_y)  # inches per cell
    figure = _figure(scale * (points_x + points_z) + 2.0, 3 * scale * points_y + 1.2)
    figure.set_layout_engine("compressed")  # panels of fixed aspect, close together
    axes = figure.subplots(3, 2, sharex="col", sharey=True, width_ratios=[points_x, points_z])
    for row, (name, look) in enumerate(looks.items()):
        for column, plane in enumerate(planes):
            ax, (ny, nx) = axes[row, column], plane[name].shape
            box = (-0.5 * mm, (nx - 0.5) * mm, -0.5 * mm, (ny - 0.5) * mm)
            image = ax.imshow(plane[name], origin="lower", extent=box, **look)
            _front(ax, plane["progress_variable"], mm, "0.25" if name == "error" else "white")
            ax.grid(visible=False)
        if name != MODEL:
            error = name == "error"
            shown, aspect = (axes[2], 12) if error else (axes[:2], 24)
            bar = figure.colorbar(image, ax=shown, aspect=aspect)
            bar.set_label(("error of " if error else "") + r"$\overline{\Sigma}$ [1/mm]")
            bar.outline.set_linewidth(0.5)
        axes[row, 0].set_ylabel(f"{'Error' if name == 'error' else _label(name)}\ny [mm]")
    axes[2, 0].set_xlabel("x [mm]")
    axes[2, 1].set_xlabel("z [mm]")
    when = f", t = {score.time * 1e3:.2f} ms" if math.isfinite(score.time) else ""
    axes[0, 0].set_title(f"{case}{when}, z = {section.span_index * mm:.1f} mm")
    axes[0, 1].set_title(f"x = {section.cross_index * mm:.1f} mm")
    return figure


@_styled
def joint_density(evaluation: FlameEvaluation) -> Figure:
    """Predicted against true Sigma dx of every cell of the test set, logarithmic density."""
    from matplotlib.colors import LogNorm

    counts = evaluation.joint_density()
    seen = np.flatnonzero(counts.sum(0) + counts.sum(1))
    used = min(int(seen.max()) + 3, DENSITY_BINS)
    edges = np.linspace(0, SIGMA_DX_MAX, DENSITY_BINS + 1)[: used + 1]
    shown = np.ma.masked_equal(counts[:used, :used], 0)
    figure = _figure(4.7, 3.9)
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
        ylabel=rf"{LABELS[MODEL]}  $\overline{{\Sigma}}\,\Delta x$",
        aspect="equal",
        xlim=(0, edges[-1]),
        ylim=(0, edges[-1]),
    )
    axes.legend(loc="lower right")
    bar = figure.colorbar(image, cax=axes.inset_axes((1.04, 0, 0.045, 1)), label="cells")
    bar.outline.set_linewidth(0.5)
    return figure


@_styled
def conditional_errors(evaluation: FlameEvaluation) -> Figure:
    """Mean error (line) and rms error (band) given c_bar and given the target."""
    figure = _figure(8.6, 3.4)
    axes = figure.subplots(1, 2, sharey=True)
    conditions = {
        "progress_variable": r"$\overline{c}$",
        "target": r"DNS  $\overline{\Sigma}\,\Delta x$",
    }
    for ax, (by, label) in zip(axes, conditions.items(), strict=True):
        ax.axhline(0, color="0.3", linewidth=0.8)
        for name in reversed([MODEL, *_best(evaluation, 2)]):
            centres, mean, rms = evaluation.conditional_error(by, name)
            centres, mean, rms = (v[np.isfinite(mean)] for v in (centres, mean / 1e3, rms / 1e3))
            spread = np.sqrt(np.maximum(rms**2 - mean**2, 0))
            ax.fill_between(
                centres, mean - spread, mean + spread, color=_colour(name), alpha=0.18, linewidth=0
            )
            ax.plot(centres, mean, marker="o", markersize=3, **_line(name))
        ax.set(xlabel=label)
        ax.margins(x=0.02)
    axes[0].set_ylabel(r"error of $\overline{\Sigma}$ [1/mm]")
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].legend(handles[::-1], labels[::-1], title="mean ± standard deviation")
    return figure


@_styled
def surface_along_stream(evaluation: FlameEvaluation) -> Figure:
    """Flame surface per length of stream, mean of each case."""
    figure, panels = _panels(evaluation)
    for ax, case in panels:
        x, curves = evaluation.streamwise(case)
        for name in _curves(evaluation):
            # 1 m2/m = 100 cm2/cm
            ax.plot(x * 1e3, curves[name] * 100, **_line(name))
        ax.set(title=case, xlabel="x [mm]", ylabel="flame surface [cm²/cm]")
        ax.set_ylim(bottom=0)
        ax.margins(x=0)
    return figure


@_styled
def surface_in_time(evaluation: FlameEvaluation) -> Figure:
    """Total flame surface of every snapshot."""
    figure, panels = _panels(evaluation)
    for ax, case in panels:
        time, curves = evaluation.in_time(case)
        timed = bool(np.isfinite(time).all())
        for name in _curves(evaluation):
            at = time * 1e3 if timed else np.arange(len(time))
            ax.plot(at, curves[name] * 1e4, marker="o", markersize=3.5, **_line(name))
        ax.set(title=case, xlabel="t [ms]" if timed else "snapshot", ylabel="flame surface [cm²]")
        ax.set_ylim(bottom=0)
    return figure


@_styled
def scores(evaluation: FlameEvaluation) -> Figure:
    """R2 and errors of the flame surface, network against closures."""
    metrics = evaluation.metrics()
    table = {MODEL: metrics[MODEL], **metrics["baselines"]}
    names = sorted(table, key=lambda name: -np.nan_to_num(table[name]["r2"], nan=-np.inf))
    rows = np.arange(len(names))[::-1]
    figure = _figure(8.6, 0.34 * len(names) + 1.2)
    left, right = figure.subplots(1, 2)
    colours = [_colour(name) for name in names]
    r2 = np.array([table[name]["r2"] for name in names])
    left.barh(rows, np.clip(r2, 0, 1), color=colours, height=0.7)
    for row, value in zip(rows, r2, strict=True):
        text = f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
        left.text(max(value, 0) + 0.015, row, text, va="center", fontsize=8.5)
    left.set(xlim=(0, 1.16), xlabel=r"$R^2$", yticks=rows)
    left.set_yticklabels([_label(name) for name in names])
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


def save_all(evaluation: FlameEvaluation, folder: Path | str) -> list[Path]:
    """Write every figure into `folder` as PNG, each under a temporary name first.

    Returns
    -------
    The files, in the order in which to read them.
    """
    written = []
    for name, figure in _all(evaluation):
        path = Path(folder) / f"{name}.png"
        with atomic_write(path) as partial:
            figure.savefig(partial, dpi=150, format="png")
        written.append(path)
    log.info("%d figures in %s", len(written), folder)
    return written


def _all(evaluation: FlameEvaluation) -> Iterator[tuple[str, Figure]]:
    """Figures one at a time, so that only one is in memory."""
    yield "scores", scores(evaluation)
    for case in evaluation.cases:
        safe = re.sub(r"[^\w.-]+", "_", case)
        yield f"cross_sections_{safe}", cross_sections(evaluation, case)
    yield "joint_density", joint_density(evaluation)
    yield "conditional_errors", conditional_errors(evaluation)
    yield "surface_along_stream", surface_along_stream(evaluation)
    yield "surface_in_time", surface_in_time(evaluation)


def _figure(width: float, height: float) -> Figure:
    """Empty figure [inch] with a canvas of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _panels(evaluation: FlameEvaluation) -> tuple[Figure, list[tuple[Axes, str]]]:
    """One panel per case, three in a row, and one legend below."""
    cases = evaluation.cases
    columns = min(len(cases), 3)
    rows = math.ceil(len(cases) / columns)
    figure = _figure(max(3.4 * columns, 4.6) + 0.4, 2.7 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(cases) :]:
        ax.set_axis_off()
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_line(name)) for name in _curves(evaluation)]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 * columns))
    return figure, list(zip(axes, cases))


def _front(ax: Axes, c_bar: np.ndarray, spacing: float, colour: str) -> None:
    """Draw the line c_bar = 1/2 where the flame crosses the plane."""
    if min(c_bar.shape) < 2 or not c_bar.min() < 0.5 < c_bar.max():
        return
    y, x = (np.arange(points) * spacing for points in c_bar.shape)
    ax.contour(x, y, c_bar, levels=[0.5], colors=[colour], linewidths=0.8)


def _best(evaluation: FlameEvaluation, count: int) -> list[str]:
    """Closures of the largest R2, best first; one of each family (boger, boger_fitted: one)."""
    baselines = evaluation.metrics()["baselines"]
    ranked = sorted(baselines, key=lambda n: np.nan_to_num(baselines[n]["r2"], nan=-np.inf))
    families = {name.split("_")[0]: name for name in ranked}  # the last, and best, stays
    return [name for name in reversed(ranked) if name in families.values()][:count]


def _curves(evaluation: FlameEvaluation) -> list[str]:
    """Choose what the surface figures show: DNS, network, Xi = 1 and the two best closures."""
    common = evaluation.names()
    chosen = [n for n in ("gradient", *_best(evaluation, 2)) if n in common]
    return ["target", MODEL, *dict.fromkeys(reversed(chosen))]


def _label(name: str) -> str:
    """Name of a model for the reader."""
    return LABELS.get(name, name.replace("_", " "))


def _colour(name: str) -> str:
    """Colour of a model, the same in all figures; one that is not known is violet."""
    return COLOURS.get(name, "#7F3C8D")


def _line(name: str) -> dict[str, Any]:
    """Look of a model's line; that of the DNS is wide, to be seen below a good model's."""
    return {
        "color": _colour(name),
        "linestyle": DASHES.get(name, "--"),
        "linewidth": 3.0 if name == "target" else 1.5,
        "alpha": 0.55 if name == "target" else 1.0,
        "label": _label(name),
    }
