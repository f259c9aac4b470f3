"""Figures of flames in the loop: planes of c, length and surface in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import TARGET, Look, empty_figure, looks_of, styled
from combustion.online.judgement import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REFERENCE = "filtered DNS"
PER_ROW = 3


@styled
def fields(runs: Mapping[str, History], looks: Mapping[str, Look]) -> Figure:
    """Progress variable at mid span at the last instant, above its mean over time and span.

    Parameters
    ----------
    runs : mapping of str to History
        The reference is called :data:`REFERENCE`.
    looks : mapping of str to dict
        The labels of the others.
    """
    first = next(iter(runs.values()))
    nx, ny = first.mean.shape
    mm = first.spacing * 1e3
    extent = (0.0, nx * mm, -ny * mm / 2, ny * mm / 2)
    figure = empty_figure(2.6 * len(runs) + 0.8, 2.9)
    axes = figure.subplots(2, len(runs), sharex=True, sharey=True, squeeze=False)
    x, y = (np.arange(nx) + 0.5) * mm, (np.arange(ny) + 0.5 - ny / 2) * mm
    scale: dict[str, Any] = {"vmin": 0.0, "vmax": 1.0, "cmap": "inferno"}
    for column, (name, run) in enumerate(runs.items()):
        span = run.progress_variable.shape[3] // 2
        for row, plane in enumerate((run.progress_variable[-1, :, :, span], run.mean)):
            ax = axes[row, column]
            ax.grid(visible=False)
            image = ax.imshow(plane.T, origin="lower", extent=extent, **scale)
            if plane.min() < 0.5 < plane.max():
                ax.contour(x, y, plane.T, levels=[0.5], colors="white", linewidths=0.8)
        axes[0, column].set_title(_label(name, looks))
    panels.colour_bar(image, list(axes.flat), r"$\overline{c}$", aspect=24)
    panels.label_outer(axes, left=["At the end\ny [mm]", "Mean\ny [mm]"], bottom=["x [mm]"])
    return figure


@styled
def in_time(runs: Mapping[str, History], looks: Mapping[str, Look], unit: float) -> Figure:
    """Flame length and surface in time, and surface along the stream.

    Parameters
    ----------
    runs, looks : as in :func:`fields`
    unit : float
        The flow-through time of the jet [s].
    """
    figure = empty_figure(9.6, 3.2)
    axes = figure.subplots(1, 3)
    for name, run in runs.items():
        line = {**_line(name, looks), "label": _label(name, looks)}
        axes[0].plot(run.times / unit, run.length * 1e3, **line)
        axes[1].plot(run.times / unit, run.surface * 1e6, **line)
        x = (np.arange(len(run.surface_along_stream)) + 0.5) * run.spacing * 1e3
        axes[2].plot(x, run.surface_along_stream * 1e3, **line)
    time = "time [flow-through times]"
    axes[0].set(xlabel=time, ylabel="flame length [mm]")
    axes[1].set(xlabel=time, ylabel="flame surface [mm²]")
    axes[2].set(xlabel="x [mm]", ylabel="flame surface per length [mm]")
    for ax in axes:
        ax.set_ylim(bottom=0)
    panels.legend_above(figure, axes[0].get_legend_handles_labels()[0])
    return figure


def _line(name: str, looks: Mapping[str, Look]) -> Look:
    return TARGET if name == REFERENCE else looks.get(name) or looks_of([name], {})[name]


def _label(name: str, looks: Mapping[str, Look]) -> str:
    return "Filtered DNS" if name == REFERENCE else str(_line(name, looks)["label"])
