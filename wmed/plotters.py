"""The figures of the test set: where, under which wind and in which storm the fluxes are right.

Each function takes a :class:`~wmed.evaluation.FluxEvaluation` and gives a Matplotlib figure without
any global state; :func:`figures` draws them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import empty_figure, looks_of, styled
from ai4sim.evaluation.scores import MODEL, TARGET, error_sums, metrics_of
from wmed.evaluation import WIND_CLASSES, FluxEvaluation, wind_class
from wmed.excerpts import DENSITY_BINS, DENSITY_EDGES, SERIES, Storm
from wmed.physics.stress_coupling import VORTICITY_BINS, VORTICITY_EDGE, coupling_coefficient
from wmed.style import (
    LOOKS,
    MOST,
    STRESS_UNITS,
    TITLES,
    Values,
    draw_arrows,
    draw_field,
    units_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
log = logging.getLogger(__name__)

GAP, LONGEST = 24.0, 10 * 24.0
"""Hours without data that end a series, and hours that one shows, at most."""
BEST = 2
"""Baselines beside the network in a time series."""
SPARSE = 1e-3
"""Share of all points up to which a bin of the vorticity is not drawn."""


@styled
def maps(evaluation: FluxEvaluation) -> Figure:
    """Target, network and error of each output, each on its own points, in the strongest wind."""
    storm = _storm(evaluation)
    figure = empty_figure(11.8, 8.6)
    axes = figure.subplots(3, 3, sharex=True, sharey=True)
    figure.suptitle(_when(storm))
    for row, name in zip(axes, ("tau_x", "tau_y", "heat"), strict=True):
        target, guess = (storm.fields[of][name].numpy() for of in (TARGET, MODEL))
        colours = panels.diverging(target, guess, quantile=MOST)
        shown = (
            ("target", target, colours),
            ("network", guess, colours),
            ("network - target", guess - target, panels.diverging(guess - target, quantile=MOST)),
        )
        for ax, (title, values, colours) in zip(row, shown, strict=True):
            image = draw_field(ax, storm.grid, values, **colours)
            panels.colour_bar(image, ax, f"[{units_of(name)}]")
            ax.set_title(f"{TITLES[name]}, {title}")
        _note_rms(row[2], guess - target, name)
    panels.label_outer(axes, left=panels.LATITUDE, bottom=panels.LONGITUDE)
    return figure


@styled
def storm(evaluation: FluxEvaluation) -> Figure:
    """Draw the strongest wind, its stress and heat, and what network and constant bulk miss."""
    event = _storm(evaluation)
    grid = event.grid
    guesses = [name for name in (MODEL, "constant_bulk") if name in event.fields]
    figure = empty_figure(3.9 * (2 + len(guesses)), 6.0)
    axes = figure.subplots(2, 2 + len(guesses))
    figure.suptitle(_when(event))
    wind = event.wind_x.numpy(), event.wind_y.numpy()
    speed = np.hypot(*wind)
    image = draw_field(
        axes[0, 0], grid, speed, **panels.sequential(speed, cmap="YlGnBu", quantile=MOST)
    )
    draw_arrows(axes[0, 0], grid, *wind)
    panels.colour_bar(image, axes[0, 0], r"[m s$^{-1}$]")
    axes[0, 0].set_title("Wind relative to the current")
    _draw_errors_by_wind(axes[1, 0], event, guesses)
    for row, quantity in enumerate(("tau", "heat")):
        fields: dict[str, Values] = {
            name: values[quantity].numpy() for name, values in event.fields.items()
        }
        target = fields[TARGET]
        errors = {name: fields[name] - target for name in guesses}
        span = panels.sequential if quantity == "tau" else panels.diverging
        colours = span(target, quantile=MOST)
        of_error = panels.diverging(*errors.values(), quantile=MOST)
        for column, (name, values) in enumerate({TARGET: target, **errors}.items(), 1):
            ax = axes[row, column]
            image = draw_field(ax, grid, values, **(colours if name == TARGET else of_error))
            panels.colour_bar(image, ax, f"[{units_of(quantity)}]")
            label = LOOKS[name]["label"].lower()
            title = label if name == TARGET else f"{label} - target"
            ax.set_title(f"{TITLES[quantity]}, {title}")
            if name != TARGET:
                _note_rms(ax, values, quantity)
    panels.label_outer(axes[:, 1:], left=panels.LATITUDE, bottom=panels.LONGITUDE)
    axes[0, 0].set(xlabel=panels.LONGITUDE, ylabel=panels.LATITUDE)
    return figure


@styled
def scatter(evaluation: FluxEvaluation) -> Figure:
    """How many points the network puts where, over the target."""
    density = evaluation.excerpts.density
    names = [name for name in DENSITY_EDGES if name in density]
    metrics = evaluation.metrics()[MODEL]
    figure, axes = panels.in_rows(len(names), 2, 4.7, 4.0)
    for ax, name in zip(axes, names, strict=True):
        edges = np.linspace(*DENSITY_EDGES[name], DENSITY_BINS + 1)
        image = panels.draw_density(ax, *panels.cropped(density[name].numpy(), edges))
        ax.locator_params(nbins=6)
        ax.set(
            title=TITLES[name],
            xlabel=f"target [{units_of(name)}]",
            ylabel=f"network [{units_of(name)}]",
        )
        r2, rmse = metrics[f"{name}_r2"], metrics[f"{name}_rmse"]
        panels.note(
            ax,
            None if r2 is None else f"$R^2$ {r2:.4f}",
            f"RMSE {rmse:.3g} {units_of(name)}",
        )
        panels.colour_bar(image, ax, "points")
    return figure


@styled
def series(evaluation: FluxEvaluation) -> Figure:
    """Wind and fluxes at some places, around the strongest wind of each."""
    excerpts = evaluation.excerpts
    places = excerpts.places
    looks = looks_of([TARGET, *_best(evaluation), MODEL], LOOKS)
    figure = empty_figure(3.6 * max(2, len(places)) + 0.4, 8.4)
    axes = figure.subplots(1 + len(SERIES), len(places), sharex="col", sharey="row", squeeze=False)
    for column, place in enumerate(places):
        time, wind = (excerpts.values(TARGET, place, q) for q in ("time", "wind_speed"))
        shown = _around(time, int(wind.argmax()))
        dates = (time[shown] * 3600).astype("datetime64[s]")
        axes[0, column].plot(dates, wind[shown], color="0.25", linewidth=1.3)
        for ax, quantity in zip(axes[1:, column], SERIES, strict=True):
            for name, line in looks.items():
                values = excerpts.values(name, place, quantity)
                if len(values):
                    ax.plot(dates, values[shown], **line)
        _date_axis(axes[-1, column])
    panels.label_outer(
        axes,
        top=places,
        left=[
            "relative wind\n[m s$^{-1}$]",
            *(f"{TITLES[quantity]}\n[{units_of(quantity)}]" for quantity in SERIES),
        ],
        bottom="UTC",
    )
    panels.legend_above(figure)
    return figure


@styled
def by_wind(evaluation: FluxEvaluation) -> Figure:
    """RMSE by class of wind, the network beside what it must beat."""
    shown = {"tau": ("tau_x", "tau_y"), "heat": ("heat",), "non_solar": ("non_solar",)}
    looks, place = looks_of(evaluation.names, LOOKS), np.arange(len(WIND_CLASSES))
    figure, axes = panels.in_rows(len(shown), len(shown), 4.1, 3.5)
    for ax, (quantity, parts) in zip(axes, shown.items(), strict=True):
        for name, line in looks.items():
            sums = [evaluation.total(name, part) for part in parts]
            if not all(sums):
                continue
            rmse = np.sqrt(sum(metrics_of(part)["rmse"].numpy() ** 2 for part in sums))
            ax.plot(place, rmse, **panels.MARKS, **line)
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
    panels.legend_above(figure)
    return figure


@styled
def coupling(evaluation: FluxEvaluation) -> Figure:
    """Curl of the stress over the vorticity of the current, whose slope is s_tau."""
    figure = empty_figure(6.6, 4.6)
    ax = figure.subplots()
    names = [name for name in (TARGET, *evaluation.names) if evaluation.total(name, "coupling")]
    middle = VORTICITY_EDGE * (2 * (np.arange(VORTICITY_BINS) + 0.5) / VORTICITY_BINS - 1)
    for name, line in looks_of(names, LOOKS).items():
        sums = evaluation.total(name, "coupling")
        slope = coupling_coefficient(sums)
        count, vorticity, curl = (sums[key].numpy() for key in ("weight", "target", "curl"))
        shown = count > max(SPARSE * count.sum(), 1)
        shown[[0, -1]] = False  # open to the outside
        x = vorticity[shown] / count[shown] if shown.any() else middle
        y = curl[shown] / count[shown] if shown.any() else middle * np.nan
        label = f"{line['label']}: " + rf"$s_\tau$ = {1e3 * slope:z.2f}"
        size = 7 if name == TARGET else 3.5
        ax.plot(
            1e5 * x,
            1e7 * y,
            "o",
            markersize=size,
            markeredgewidth=0,
            color=line["color"],
            alpha=line["alpha"],
        )
        fit = (curl.sum() + slope * (x * count.sum() - vorticity.sum())) / count.sum()
        ax.plot(1e5 * x, 1e7 * fit, **{**line, "label": label})
    ax.axhline(0, **panels.ZERO)
    ax.axvline(0, **panels.ZERO)
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


# ---- panels, names and numbers -------------------------------------------------------------------


def _when(storm: Storm) -> str:
    """Name file, time and mean wind of a storm."""
    date = np.datetime64(round(storm.time * 3600), "s")
    minute = np.datetime_as_string(date, "m").replace("T", " ")
    return f"{storm.event}, {minute} UTC: mean relative wind {storm.mean_wind:.1f} m s$^{{-1}}$"


def _note_rms(ax: Axes, error: Values, quantity: str) -> None:
    """Write the RMS of an error on its map."""
    rms = float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))
    panels.note(ax, f"RMS {rms:.2g} {units_of(quantity)}")


def _draw_errors_by_wind(ax: Axes, storm: Storm, guesses: list[str]) -> None:
    """Draw the RMS error of the size of the stress by class of wind."""
    classes = wind_class(torch.hypot(storm.wind_x, storm.wind_y))
    place = classes.unique().numpy()
    for name, line in looks_of(guesses, LOOKS).items():
        target, predicted = (storm.fields[of]["tau"] for of in (TARGET, name))
        sums = error_sums(target, predicted, group=classes, groups=len(WIND_CLASSES))
        rms = metrics_of(sums)["rmse"][place]
        ax.plot(place, rms, **panels.MARKS, **line)
    ax.set_xticks(place, [WIND_CLASSES[i] for i in place])
    ax.set(
        title=rf"Error of {TITLES['tau']}",
        xlabel="relative wind [m s$^{-1}$]",
        ylabel=f"RMS [{STRESS_UNITS}]",
    )
    ax.set_ylim(bottom=0)
    ax.legend()


def _date_axis(ax: Axes) -> None:
    """Write days below a panel."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
