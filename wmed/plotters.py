"""The figures of the test set: where, under which wind and in which storm the fluxes are right.

Each function takes a :class:`~wmed.evaluation.FluxEvaluation` and gives a Matplotlib figure without
any global state; :func:`figures` draws them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.evaluation.figures import empty_figure, styled
from ai4sim.evaluation.scores import MODEL, TARGET, error_sums, metrics_of
from wmed.evaluation import WIND_CLASSES, FluxEvaluation, wind_class
from wmed.excerpts import DENSITY_BINS, DENSITY_EDGES, SERIES, Storm
from wmed.physics.stress_coupling import VORTICITY_BINS, VORTICITY_EDGE, coupling_coefficient
from wmed.style import (
    LABELS,
    STRESS_UNITS,
    TITLES,
    Values,
    draw_arrows,
    draw_field,
    label_of,
    look_of,
    symmetric,
    units_of,
    upward,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
log = logging.getLogger(__name__)

GAP, LONGEST = 24.0, 10 * 24.0
"""Hours without data that end a series, and hours that one shows, at most."""
BEST = 2
"""Baselines beside the network in a time series."""
DENSITY_CELLS = 130
"""Cells along a side of a scatter density, at most."""
SPARSE = 1e-3
"""Share of all points up to which a bin of the vorticity is not drawn."""


@styled
def maps(evaluation: FluxEvaluation) -> Figure:
    """Target, network and error of each output, each on its own points, in the strongest wind."""
    storm = _storm(evaluation)
    figure, axes = _panels(11.8, 8.6, 3, 3, sharex=True, sharey=True)
    figure.suptitle(_when(storm))
    for row, name in zip(axes, ("tau_x", "tau_y", "heat"), strict=True):
        target, guess = (storm.fields[of][name].numpy() for of in (TARGET, MODEL))
        look = symmetric(target, guess)
        panels = (
            ("target", target, look),
            ("network", guess, look),
            ("network - target", guess - target, symmetric(guess - target)),
        )
        for ax, (what, values, shown) in zip(row, panels, strict=True):
            image = draw_field(ax, storm.grid, values, **shown)
            _bar(figure, image, ax, f"[{units_of(name)}]")
            ax.set_title(f"{TITLES[name]}, {what}")
        _note_rms(row[2], guess - target, name)
    _name_axes(axes)
    return figure


@styled
def storm(evaluation: FluxEvaluation) -> Figure:
    """Draw the strongest wind, its stress and heat, and what network and constant bulk miss."""
    event = _storm(evaluation)
    grid = event.grid
    guesses = [name for name in (MODEL, "constant_bulk") if name in event.fields]
    figure, axes = _panels(3.9 * (2 + len(guesses)), 6.0, 2, 2 + len(guesses))
    figure.suptitle(_when(event))
    wind = event.wind_x.numpy(), event.wind_y.numpy()
    speed = np.hypot(*wind)
    image = draw_field(axes[0, 0], grid, speed, **upward(speed, cmap="YlGnBu"))
    draw_arrows(axes[0, 0], grid, *wind)
    _bar(figure, image, axes[0, 0], r"[m s$^{-1}$]")
    axes[0, 0].set_title("Wind relative to the current")
    _draw_errors_by_wind(axes[1, 0], event, guesses)
    for row, quantity in enumerate(("tau", "heat")):
        fields: dict[str, Values] = {
            name: values[quantity].numpy() for name, values in event.fields.items()
        }
        target = fields[TARGET]
        errors = {name: fields[name] - target for name in guesses}
        look = upward(target) if quantity == "tau" else symmetric(target)
        of_error = symmetric(*errors.values())
        for column, (name, values) in enumerate({TARGET: target, **errors}.items(), 1):
            ax = axes[row, column]
            image = draw_field(ax, grid, values, **(look if name == TARGET else of_error))
            _bar(figure, image, ax, f"[{units_of(quantity)}]")
            what = "target" if name == TARGET else f"{label_of(name).lower()} - target"
            ax.set_title(f"{TITLES[quantity]}, {what}")
            if name != TARGET:
                _note_rms(ax, values, quantity)
    _name_axes(axes[:, 1:])
    axes[0, 0].set(xlabel="longitude [°E]", ylabel="latitude [°N]")
    return figure


@styled
def scatter(evaluation: FluxEvaluation) -> Figure:
    """How many points the network puts where, over the target."""
    from matplotlib.colors import LogNorm

    density = evaluation.excerpts.density
    names = [name for name in DENSITY_EDGES if name in density]
    metrics = evaluation.metrics()[MODEL]
    rows = -(-len(names) // 2)
    figure, axes = _panels(9.4, 4.0 * rows, rows, 2)
    axes = axes.ravel()
    for ax in axes[len(names) :]:
        ax.remove()
    for ax, name in zip(axes, names, strict=False):
        counts, edges = _cropped(density[name].numpy(), *DENSITY_EDGES[name])
        image = ax.pcolormesh(
            edges,
            edges,
            np.ma.masked_equal(counts.T, 0),
            norm=LogNorm(1, max(10, counts.max())),
            cmap="viridis",
            rasterized=True,
        )
        ax.plot(edges[[0, -1]], edges[[0, -1]], color="0.4", linewidth=0.8, zorder=0.5)
        ax.set(aspect="equal", xlim=edges[[0, -1]], ylim=edges[[0, -1]])
        ax.locator_params(nbins=6)
        ax.set(
            title=TITLES[name],
            xlabel=f"target [{units_of(name)}]",
            ylabel=f"network [{units_of(name)}]",
        )
        r2, rmse = metrics[f"{name}_r2"], metrics[f"{name}_rmse"]
        lines = [f"$R^2$ {r2:.4f}" if r2 is not None else "", f"RMSE {rmse:.3g} {units_of(name)}"]
        ax.text(0.04, 0.96, "\n".join(filter(None, lines)), transform=ax.transAxes, va="top")
        _bar(figure, image, ax, "points")
    return figure


@styled
def series(evaluation: FluxEvaluation) -> Figure:
    """Wind and fluxes at some places, around the strongest wind of each."""
    excerpts = evaluation.excerpts
    places = excerpts.places
    names = [TARGET, *_best(evaluation), MODEL]
    figure = empty_figure(3.6 * max(2, len(places)) + 0.4, 8.4)
    axes = figure.subplots(1 + len(SERIES), len(places), sharex="col", sharey="row", squeeze=False)
    for column, place in enumerate(places):
        time, wind = (excerpts.values(TARGET, place, q) for q in ("time", "wind_speed"))
        shown = _around(time, int(wind.argmax()))
        dates = (time[shown] * 3600).astype("datetime64[s]")
        axes[0, column].plot(dates, wind[shown], color="0.25", linewidth=1.3)
        axes[0, column].set_title(place)
        for ax, quantity in zip(axes[1:, column], SERIES, strict=True):
            for name in names:
                values = excerpts.values(name, place, quantity)
                if len(values):
                    ax.plot(dates, values[shown], label=label_of(name), **look_of(name))
        _date_axis(axes[-1, column])
    axes[0, 0].set_ylabel("relative wind\n[m s$^{-1}$]")
    for ax, quantity in zip(axes[1:, 0], SERIES, strict=True):
        ax.set_ylabel(f"{TITLES[quantity]}\n[{units_of(quantity)}]")
    _legend_above(figure, axes[1, 0], len(names))
    return figure


@styled
def by_wind(evaluation: FluxEvaluation) -> Figure:
    """RMSE by class of wind, the network beside what it must beat."""
    panels = {"tau": ("tau_x", "tau_y"), "heat": ("heat",), "non_solar": ("non_solar",)}
    names, place = _names(evaluation), np.arange(len(WIND_CLASSES))
    figure = empty_figure(12.6, 4.0)
    axes = figure.subplots(1, len(panels))
    for ax, (quantity, parts) in zip(axes, panels.items(), strict=True):
        for name in names:
            sums = [evaluation.total(name, part) for part in parts]
            if not all(sums):
                continue
            rmse = np.sqrt(sum(metrics_of(part)["rmse"].numpy() ** 2 for part in sums))
            ax.plot(place, rmse, marker="o", markersize=3.5, label=label_of(name), **look_of(name))
        known = evaluation.total(MODEL, parts[0])
        points = known["weight"].numpy() if known else np.zeros(len(WIND_CLASSES))
        share = 100 * points / max(points.sum(), 1)
        labels = [f"{name}\n{part:.2g} %" for name, part in zip(WIND_CLASSES, share, strict=True)]
        if ax.lines:
            ax.set_yscale("log")
        ax.set_xticks(place, labels)
        ax.set(
            title=TITLES[quantity] if quantity != "tau" else r"Stress vector $\tau$",
            xlabel="relative wind [m s$^{-1}$], share of the points",
            ylabel=f"RMSE [{units_of(quantity)}]",
        )
    _legend_above(figure, axes[0], len(names))
    return figure


@styled
def coupling(evaluation: FluxEvaluation) -> Figure:
    """Curl of the stress over the vorticity of the current, whose slope is s_tau."""
    figure = empty_figure(6.6, 4.6)
    ax = figure.subplots()
    names = [name for name in (TARGET, *_names(evaluation)) if evaluation.total(name, "coupling")]
    middle = VORTICITY_EDGE * (2 * (np.arange(VORTICITY_BINS) + 0.5) / VORTICITY_BINS - 1)
    for name in names:
        sums = evaluation.total(name, "coupling")
        slope = coupling_coefficient(sums)
        count, vorticity, curl = (sums[key].numpy() for key in ("weight", "target", "curl"))
        shown = count > max(SPARSE * count.sum(), 1)
        shown[[0, -1]] = False  # open to the outside
        x = vorticity[shown] / count[shown] if shown.any() else middle
        y = curl[shown] / count[shown] if shown.any() else middle * np.nan
        look = {key: value for key, value in look_of(name).items() if key in {"color", "alpha"}}
        label = f"{label_of(name)}: " + rf"$s_\tau$ = {1e3 * slope:z.2f}"
        size = 7 if name == TARGET else 3.5
        ax.plot(1e5 * x, 1e7 * y, "o", markersize=size, markeredgewidth=0, **look)
        fit = (curl.sum() + slope * (x * count.sum() - vorticity.sum())) / count.sum()
        ax.plot(1e5 * x, 1e7 * fit, label=label, **look_of(name))
    ax.axhline(0, color="0.6", linewidth=0.6, zorder=1)
    ax.axvline(0, color="0.6", linewidth=0.6, zorder=1)
    ax.set(
        title="Mesoscale anomalies: means of bins and regression",
        xlabel=r"vorticity of the current [10$^{-5}$ s$^{-1}$]",
        ylabel=r"curl of the stress [10$^{-7}$ N m$^{-3}$]",
    )
    figure.legend(loc="outside right upper", title=r"[10$^{-3}$ N s m$^{-3}$]")
    return figure


def figures(evaluation: FluxEvaluation) -> Iterator[tuple[str, Figure]]:
    """Draw every figure, with its name, in the order in which to read them."""
    if evaluation.excerpts.density:
        yield "scatter", scatter(evaluation)
    if MODEL in _storm(evaluation).fields:
        yield "maps", maps(evaluation)
        yield "storm", storm(evaluation)
    if evaluation.excerpts.places:
        yield "series", series(evaluation)
    else:
        log.info("no time series: the test set holds none of the places of wmed.excerpts.PLACES")
    yield "by_wind", by_wind(evaluation)
    if evaluation.total(TARGET, "coupling"):
        yield "coupling", coupling(evaluation)


# ---- choices -------------------------------------------------------------------------------------


def _storm(evaluation: FluxEvaluation) -> Storm:
    """Return the storm of the strongest mean wind."""
    return next(iter(evaluation.excerpts.storms.values()))


def _names(evaluation: FluxEvaluation) -> list[str]:
    """Models that are drawn, the network last, on top."""
    return sorted(evaluation.names, key=lambda name: (name == MODEL, [*LABELS, name].index(name)))


def _best(evaluation: FluxEvaluation) -> list[str]:
    """Baselines of the smallest errors of stress and heat, each relative to the best."""
    table = evaluation.metrics()["baselines"]

    def error(name: str) -> float:
        return sum(1 - (table[name][metric] or 0.0) for metric in ("tau_r2", "heat_r2"))

    return sorted(table, key=error)[:BEST]


def _around(time: NDArray[np.float64], strongest: int) -> slice:
    """Return the times without a gap around one of them, some days at most."""
    breaks = np.flatnonzero(np.diff(time) > GAP) + 1
    start = max([0, *breaks[breaks <= strongest]])
    end = min([len(time), *breaks[breaks > strongest]])
    low = int(np.searchsorted(time, time[strongest] - LONGEST / 2))
    high = int(np.searchsorted(time, time[strongest] + LONGEST / 2, side="right"))
    return slice(max(start, low), min(end, high))


def _cropped(
    counts: NDArray[np.int64], low: float, high: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Crop a joint histogram to where points are, alike on both axes, in cells that can be seen.

    Returns
    -------
    counts : (cell, cell)
    edges : (cell + 1,)
    """
    filled = np.flatnonzero(counts.any(0) | counts.any(1))
    first, last = max(filled[0] - 2, 0), min(filled[-1] + 3, DENSITY_BINS)
    block = -(-(last - first) // DENSITY_CELLS)
    cells = -(-(last - first) // block)
    # What sticks out of the histogram at the upper end is empty.
    padded = np.zeros((cells * block, cells * block), counts.dtype)
    part = counts[first : first + cells * block, first : first + cells * block]
    padded[: part.shape[0], : part.shape[1]] = part
    width = (high - low) / DENSITY_BINS
    edges = low + width * (first + block * np.arange(cells + 1))
    return padded.reshape(cells, block, cells, block).sum((1, 3)), edges


# ---- panels, names and numbers -------------------------------------------------------------------


def _when(storm: Storm) -> str:
    """Name file, time and mean wind of a storm."""
    date = np.datetime64(round(storm.time * 3600), "s")
    minute = np.datetime_as_string(date, "m").replace("T", " ")
    return f"{storm.event}, {minute} UTC: mean relative wind {storm.mean_wind:.1f} m s$^{{-1}}$"


def _note_rms(ax: Axes, error: Values, quantity: str) -> None:
    """Write the RMS of an error on its map."""
    rms = float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))
    box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 2}
    text = f"RMS {rms:.2g} {units_of(quantity)}"
    ax.text(0.03, 0.96, text, transform=ax.transAxes, va="top", bbox=box, fontsize=8.5)


def _panels(width: float, height: float, rows: int, columns: int, **options: Any) -> Any:
    """Return a figure [inch] and its panels, with room for what stands beside them."""
    figure = empty_figure(width, height)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.06)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _bar(figure: Figure, image: Any, ax: Axes, label: str) -> None:
    """Add a colour bar of the height of a panel beside it."""
    bar = figure.colorbar(image, cax=ax.inset_axes((1.03, 0, 0.035, 1)), label=label)
    bar.outline.set_linewidth(0.5)


def _draw_errors_by_wind(ax: Axes, storm: Storm, guesses: list[str]) -> None:
    """Draw the RMS error of the size of the stress by class of wind."""
    classes = wind_class(torch.hypot(storm.wind_x, storm.wind_y))
    place = classes.unique().numpy()
    for name in guesses:
        target, predicted = (storm.fields[of]["tau"] for of in (TARGET, name))
        sums = error_sums(target, predicted, group=classes, groups=len(WIND_CLASSES))
        rms = metrics_of(sums)["rmse"][place]
        ax.plot(place, rms, marker="o", markersize=3.5, label=label_of(name), **look_of(name))
    ax.set_xticks(place, [WIND_CLASSES[i] for i in place])
    ax.set(
        title=rf"Error of {TITLES['tau']}",
        xlabel="relative wind [m s$^{-1}$]",
        ylabel=f"RMS [{STRESS_UNITS}]",
    )
    ax.set_ylim(bottom=0)
    ax.legend()


def _name_axes(axes: NDArray[Any]) -> None:
    """Label the outer axes of maps."""
    for ax in axes[-1]:
        ax.set_xlabel("longitude [°E]")
    for ax in axes[:, 0]:
        ax.set_ylabel("latitude [°N]")


def _date_axis(ax: Axes) -> None:
    """Write days below a panel."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel("UTC")


def _legend_above(figure: Figure, ax: Axes, columns: int) -> None:
    """Explain the lines of a panel above all of them."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
