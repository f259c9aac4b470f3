"""Panels of figures: their arrangement, axes, legends, colours and notes, joint densities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4sim.evaluation.figures import empty_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

ZERO: dict[str, Any] = {"color": "0.6", "linewidth": 0.8, "zorder": 1}
"""The line of no error."""
MARKS: dict[str, Any] = {"marker": "o", "markersize": 3.5}
"""Points of a line over few places."""
COLUMN_OF_LEGEND = 1.4
"""Width of a column of a legend [inch]."""
LONGITUDE, LATITUDE = "longitude [°E]", "latitude [°N]"


def in_rows(
    count: int, wide: int, width: float, height: float, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of some panels.

    Parameters
    ----------
    count, wide : int
        Number of panels, of which so many stand in a row at most.
    width, height : float
        Size of each [inch].
    **options
        Passed on to ``Figure.subplots``.
    """
    columns = min(count, wide)
    rows = math.ceil(count / columns)
    figure = empty_figure(width * columns + 0.4, height * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for ax in axes[count:]:
        ax.remove()
    return figure, list(axes[:count])


def label_outer(
    axes: NDArray[Any],
    *,
    top: ArrayLike | None = None,
    left: ArrayLike | None = None,
    bottom: ArrayLike | None = None,
) -> None:
    """Write titles above the first row of panels, labels beside the first column, below the last.

    Parameters
    ----------
    axes : (row, column)
    top, bottom : str or (column,), optional
    left : str or (row,), optional
    """
    for texts, outer, write in (
        (top, axes[0], "set_title"),
        (left, axes[:, 0], "set_ylabel"),
        (bottom, axes[-1], "set_xlabel"),
    ):
        if texts is not None:
            for ax, text in zip(outer, np.broadcast_to(texts, len(outer)), strict=True):
                getattr(ax, write)(text)


def legend_above(figure: Figure, handles: Iterable[Any] | None = None) -> None:
    """Explain the lines of all panels, or the handles given, above the panels."""
    if handles is None:
        drawn: dict[str, Any] = {}
        for ax in figure.axes:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                drawn.setdefault(label, handle)
        handles = drawn.values()
    handles = list(handles)
    columns = max(1, int(figure.get_figwidth() / COLUMN_OF_LEGEND))
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(columns, max(len(handles), 1))
    )


def note(ax: Axes, *lines: str | None) -> None:
    """Write lines into the upper left corner of a panel, those that are not empty."""
    box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 2}
    text = "\n".join(filter(None, lines))
    ax.text(0.04, 0.96, text, transform=ax.transAxes, va="top", bbox=box, fontsize=8.5)


def colour_bar(image: Any, axes: Axes | Sequence[Axes], label: str, **options: Any) -> Colorbar:
    """Explain colours beside a panel, as high as it, or beside several panels."""
    if isinstance(axes, Sequence):
        figure, place = axes[0].figure, {"ax": axes, "aspect": 20, "pad": 0.01}
    else:
        figure, place = axes.figure, {"cax": axes.inset_axes((1.03, 0, 0.035, 1))}
        root = axes.get_figure(root=True)
        if root is not None:
            root.set_layout_engine("constrained", w_pad=0.12)  # which knows nothing of its label
    bar: Colorbar = figure.colorbar(image, label=label, **{**place, **options})
    bar.outline.set_linewidth(0.5)
    return bar


# ---- axes and colours ---------------------------------------------------------------------------


def number(value: float, form: str = "g") -> str:
    """Write a number for the reader of a figure, with a true minus."""
    return f"{value:{form}}".replace("-", "\N{MINUS SIGN}")


def latitude(degrees: float) -> str:
    """Write a latitude for the reader of a figure."""
    if math.isnan(degrees):
        return "latitude unknown"
    return f"{abs(degrees):.0f}°{'S' if degrees < 0 else 'N'}"


def diverging(*fields: NDArray[Any], quantile: float = 1.0) -> dict[str, Any]:
    """Return colours of fields of both signs, white at 0, that span this share of their values."""
    end = _quantile([np.abs(field) for field in fields], quantile)
    return {"cmap": "RdBu_r", "vmin": -end, "vmax": end}


def sequential(
    *fields: NDArray[Any], cmap: str = "viridis", quantile: float = 1.0
) -> dict[str, Any]:
    """Return colours of fields that are not negative, from 0 to this share of their values."""
    return {"cmap": cmap, "vmin": 0.0, "vmax": _quantile(fields, quantile)}


def _quantile(fields: Iterable[NDArray[Any]], quantile: float) -> float:
    """Return a quantile of all values that are known, 1 of fields of zeros."""
    values = np.concatenate([np.ravel(field) for field in fields])
    values = values[np.isfinite(values)]
    return (float(np.quantile(values, quantile)) if len(values) else 0.0) or 1.0


def pressure_axis(ax: Axes, bottom: float, top: float, ticks: Sequence[float] = ()) -> None:
    """Make pressure [hPa] grow downward, over its logarithm or the scale that these ticks are for.

    Parameters
    ----------
    ax : Axes
    bottom, top : float
        Ends of the axis [hPa].
    ticks : sequence of float, optional
        Numbers to write beside an axis whose scale is set already [hPa].
    """
    if not ticks:
        ax.set_yscale("log")
        decades = math.log10(bottom / top)
        finer = ((0.5, range(1, 10)), (1, (1, 2, 3, 5, 7)), (2, (1, 3)), (math.inf, (1,)))
        steps = next(steps for most, steps in finer if decades <= most)
        powers = range(math.floor(math.log10(top)), math.ceil(math.log10(bottom)) + 1)
        ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if top <= tick <= bottom]
    ax.set_ylim(bottom, top)
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylabel("pressure [hPa]")


# ---- joint densities ----------------------------------------------------------------------------


def draw_one_to_one(ax: Axes, low: float, high: float) -> None:
    """Give both axes the same ends, and a line where prediction and target agree."""
    ax.plot([low, high], [low, high], color="0.15", linewidth=0.8, zorder=3)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")


def draw_density(
    ax: Axes, counts: NDArray[Any], edges: NDArray[Any], norm: Normalize | None = None
) -> QuadMesh:
    """Draw how much of something lies where: prediction over target, and the line of both alike.

    Parameters
    ----------
    ax : Axes
    counts : (target, prediction)
    edges : (target + 1,)
        The edges of the bins, common to both axes.
    norm : Normalize, optional
        The default is the logarithm, from 1 to the largest of the counts.
    """
    from matplotlib.colors import LogNorm

    image = ax.pcolormesh(
        edges,
        edges,
        np.ma.masked_equal(counts.T, 0),
        norm=norm or LogNorm(1, max(10, counts.max())),
        cmap="viridis",
        rasterized=True,
    )
    draw_one_to_one(ax, edges[0], edges[-1])
    return image


def cropped(
    counts: NDArray[Any], edges: NDArray[Any], cells: int = 130
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Crop a joint histogram to where it is not empty, alike on both axes.

    Parameters
    ----------
    counts : (bin, bin)
    edges : (bin + 1,)
        Of bins of equal width.
    cells : int
        Number of cells along a side at most, which can be seen.

    Returns
    -------
    counts : (cell, cell)
    edges : (cell + 1,)
    """
    filled = np.flatnonzero(counts.any(0) | counts.any(1))
    first, last = max(filled[0] - 2, 0), min(filled[-1] + 3, len(counts))
    block = -(-(last - first) // cells)
    cells = -(-(last - first) // block)
    # What sticks out of the histogram at the upper end is empty.
    padded = np.zeros((cells * block, cells * block), counts.dtype)
    part = counts[first : first + cells * block, first : first + cells * block]
    padded[: part.shape[0], : part.shape[1]] = part
    width = edges[1] - edges[0]
    kept = edges[0] + width * (first + block * np.arange(cells + 1))
    return padded.reshape(cells, block, cells, block).sum((1, 3)), kept
