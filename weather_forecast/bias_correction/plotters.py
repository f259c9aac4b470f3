"""The figures of the test set: at which level, under which sun and clouds a correction is right.

Each function takes a :class:`~weather_forecast.bias_correction.evaluation.CorrectionEvaluation`
and gives a Matplotlib figure without any global state; :func:`figures` draws them all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import NETWORK, RIDGE, TARGET, empty_figure, look, styled
from ai4sim.evaluation.scores import MODEL
from weather_forecast.bias_correction.evaluation import (
    ZENITH_BINS,
    ZENITH_STEP,
    CorrectionEvaluation,
)
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES
from weather_forecast.bias_correction.samples import POINT_VALUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

FLUX_UNITS, HEATING_UNITS = r"W m$^{-2}$", r"K day$^{-1}$"
TITLES = {
    "flux_dn_sw": "SW flux down",
    "flux_up_sw": "SW flux up",
    "flux_dn_lw": "LW flux down",
    "flux_up_lw": "LW flux up",
    "hr_sw": "SW heating",
    "hr_lw": "LW heating",
    "surface_flux_dn_sw": "SW down, surface",
    "toa_flux_up_sw": "SW up, top of atmosphere",
    "surface_flux_dn_lw": "LW down, surface",
    "toa_flux_up_lw": "LW up, top of atmosphere",
}
LOOKS = {
    "zero": look("No correction", "black", "--"),
    "mean_profile": look("Mean profile", "sky_blue"),
    "ridge": RIDGE,
    "teacher": look("Own radiation scheme", "green", "-.", 1.4),
    MODEL: NETWORK,
}
COLUMN_LOOKS = {
    "flux_dn": look("Flux down", "blue"),
    "flux_up": look("Flux up", "orange"),
    "hr_sw": look("SW heating", "vermilion"),
    "hr_lw": look("LW heating", "purple"),
}
"""Of a sample column, of the fluxes in either wave band."""
EXPONENT = 0.25
"""Power of the pressure that the levels are drawn over: unlike its logarithm it leaves half of the
axis to the troposphere, unlike the pressure itself a quarter to the thin layers above 5 hPa."""
PRESSURE_TICKS = (0.1, 1, 5, 20, 50, 100, 200, 300, 500, 700, 1000)
SAMPLE_TOP = 30.0
"""Pressure [hPa] above which a sample column is not drawn."""
PLACES, BOXES = 100, 10
"""Distinct places that a map needs; boxes per side, of which a third must hold one."""
CLOSE = 2.6
"""Distance in latitude and in longitude of neighbours in a region, at most [degrees]."""


@styled
def profiles(evaluation: CorrectionEvaluation) -> Figure:
    """MAE and bias of each output over pressure, the network against what it must beat."""
    outputs = (*FLUXES, *HEATING_RATES)
    figure = empty_figure(13.2, 7.0)
    axes = figure.subplots(2, len(outputs), sharey=True)
    for column, output in enumerate(outputs):
        p = _pressure(evaluation, output)
        units = HEATING_UNITS if output in HEATING_RATES else FLUX_UNITS
        for name in _names(evaluation):
            levels = evaluation.levels(name, output)
            for ax, metric in zip(axes[:, column], ("mae", "bias"), strict=True):
                ax.plot(levels[metric].numpy(), p, **LOOKS[name])
        axes[0, column].set(xlabel=f"MAE [{units}]", xlim=(0, None))
        axes[1, column].set_xlabel(f"bias [{units}]")
        axes[1, column].axvline(0, **panels.ZERO)
        for ax in axes[:, column]:
            ax.locator_params(axis="x", nbins=4)
    for ax in axes[:, 0]:
        _pressure_axis(ax, evaluation)
    for ax, output in zip(axes[0], outputs, strict=True):
        ax.set_title(TITLES[output])
    panels.legend_above(figure)
    return figure


@styled
def scatter(evaluation: CorrectionEvaluation) -> Figure:
    """Prediction over target at the surface and at the top, coloured by sun and by cloud."""
    points = {name: values.numpy() for name, values in evaluation.samples.points.items()}
    angle = np.degrees(np.arccos(np.clip(points["cos_solar_zenith_angle"], -1, 1)))
    figure, axes = panels.in_rows(len(POINT_VALUES), 2, 4.1, 3.6)
    metrics = evaluation.metrics()[MODEL]
    for i, (ax, name) in enumerate(zip(axes, POINT_VALUES, strict=True)):
        wave = name[-2:]
        shown = angle < 90 if wave == "sw" else points["cloud_cover"] > 0
        target, prediction = (points[f"{p}_{name}"][shown] for p in ("target", "prediction"))
        color = (angle if wave == "sw" else points["cloud_cover"])[shown]
        image = ax.scatter(
            target,
            prediction,
            c=color,
            s=7,
            alpha=0.75,
            linewidths=0,
            cmap="viridis",
            vmin=0,
            vmax=90 if wave == "sw" else 1,
            rasterized=True,
        )
        _diagonal(ax, target, prediction)
        ax.set(title=f"{TITLES[name]} [{FLUX_UNITS}]", xlabel="target", ylabel="network")
        r2, mae, relative = (metrics[f"{name}_{key}"] for key in ("r2", "mae", "relative"))
        panels.note(
            ax,
            None if r2 is None else f"$R^2$ {r2:.3f}",
            f"MAE {mae:.2g}",
            None if relative is None else f"{relative:.0f}% of no correction",
        )
        if i % 2:
            label = "solar zenith angle [°]" if wave == "sw" else "largest cloud fraction"
            bar = panels.colour_bar(image, axes[i - 1 : i + 1], label)
            if bar.solids is not None:
                bar.solids.set_alpha(1)
    return figure


@styled
def zenith(evaluation: CorrectionEvaluation) -> Figure:
    """Mean effect and mean error by solar zenith angle; the last bin is night."""
    middle = ZENITH_STEP * (np.arange(ZENITH_BINS) + 0.5)
    figure = empty_figure(11.2, 5.4)
    axes = figure.subplots(2, len(POINT_VALUES), sharex=True)
    network = {key: values.numpy() for key, values in evaluation.angles(MODEL).items()}
    for i in range(len(POINT_VALUES)):
        effect, bias = network["target"][:, i], network["bias"][:, i]
        axes[0, i].plot(middle, effect, **panels.MARKS, **TARGET)
        axes[0, i].plot(middle, effect + bias, **panels.MARKS, **NETWORK)
        for name in _names(evaluation):
            mae = evaluation.angles(name)["mae"][:, i].numpy()
            axes[1, i].plot(middle, mae, **panels.MARKS, **LOOKS[name])
        axes[0, i].axhline(0, **panels.ZERO)
        axes[1, i].set_ylim(bottom=0)
        for ax in axes[:, i]:
            ax.axvspan(90, 100, color="0.92", linewidth=0, zorder=0)
        axes[1, i].set(xlim=(0, 100), xticks=[0, 30, 60, 90])
    panels.label_outer(
        axes,
        top=[TITLES[name] for name in POINT_VALUES],
        left=[f"mean effect [{FLUX_UNITS}]", f"MAE [{FLUX_UNITS}]"],
        bottom="solar zenith angle [°]",
    )
    panels.legend_above(figure)
    return figure


@styled
def columns(evaluation: CorrectionEvaluation) -> Figure:
    """Single columns: corrections of fluxes and heating rates, with the clouds that cause them."""
    shown = evaluation.samples.columns
    figure = empty_figure(2.05 * max(len(shown), 2) + 0.8, 8.2)
    axes = figure.subplots(3, len(shown), sharey=True, squeeze=False)
    for column, sample in enumerate(shown.values()):
        for ax, group in zip(axes[:, column], ("sw", "lw", "hr"), strict=True):
            _draw_column(ax, evaluation, sample, group)
    panels.label_outer(
        axes,
        top=[f"{kind.capitalize()}\n{_place(sample)}" for kind, sample in shown.items()],
        left=[f"{name}\npressure [hPa]" for name in ("SW fluxes", "LW fluxes", "heating")],
    )
    surface = max(float(sample["pressure_hl"][-1]) for sample in shown.values()) / 100
    axes[0, 0].set_ylim(surface, SAMPLE_TOP)
    for row, units in zip(axes, (FLUX_UNITS, FLUX_UNITS, HEATING_UNITS), strict=True):
        for ax in row:
            ax.set_xlabel(f"correction [{units}]")
    _column_legend(figure)
    return figure


@styled
def maps(evaluation: CorrectionEvaluation) -> Figure:
    """Target, prediction and error of the model at the surface and at the top, place by place.

    Where many places lie close together, as those of a regional file, they are shown alone.
    """
    points = {name: values.numpy() for name, values in evaluation.samples.points.items()}
    places, index = _places(evaluation)
    shown = _region(places)
    places = places[shown]
    figure = empty_figure(11.5, 2.5 * len(POINT_VALUES) + 0.4)
    axes = figure.subplots(len(POINT_VALUES), 3, sharex=True, sharey=True)
    size = float(np.clip(2.5e4 / len(places), 4, 120))
    for row, name in zip(axes, POINT_VALUES, strict=True):
        target, prediction = (
            (np.bincount(index, points[f"{prefix}_{name}"]) / np.bincount(index))[shown]
            for prefix in ("target", "prediction")
        )
        colours = panels.diverging(target, quantile=0.99)
        for ax, values in zip(row, (target, prediction, prediction - target), strict=True):
            image = ax.scatter(
                places[:, 1],
                places[:, 0],
                c=values,
                s=size,
                marker="s",
                linewidths=0,
                rasterized=True,
                **colours,
            )
            ax.grid(visible=False)
        title = f"{TITLES[name].replace(', ', chr(10))} [{FLUX_UNITS}]"
        panels.colour_bar(image, list(row), title, aspect=16, extend="both")
    panels.label_outer(
        axes, top=["Target", "Network", "Error"], left=panels.LATITUDE, bottom=panels.LONGITUDE
    )
    return figure


def figures(evaluation: CorrectionEvaluation) -> Iterator[tuple[str, Figure]]:
    """Draw every figure, with its name, in the order in which to read them."""
    yield "profiles", profiles(evaluation)
    yield "scatter", scatter(evaluation)
    yield "zenith", zenith(evaluation)
    if evaluation.samples.columns:
        yield "columns", columns(evaluation)
    if _cover_an_area(_places(evaluation)[0]):
        yield "maps", maps(evaluation)
    else:
        log.info(
            "no maps: the columns of the test set do not lie at %d places or more of an area",
            PLACES,
        )


# ---- panels and axes ----------------------------------------------------------------------------


def _draw_column(
    ax: Axes, evaluation: CorrectionEvaluation, sample: Mapping[str, Tensor], group: str
) -> None:
    """Draw the corrections of one wave band, or of all heating rates, over the clouds."""
    split = evaluation.layout.split_outputs
    target, prediction = (split(sample[name][None]) for name in ("target", "prediction"))
    p_half = sample["pressure_hl"].numpy() / 100
    p_full = (p_half[1:] + p_half[:-1]) / 2
    ax.fill_betweenx(
        p_half,
        np.append(sample["cloud_fraction"].numpy(), 0.0),
        step="post",
        transform=ax.get_yaxis_transform(),  # the panel is as wide as a fraction of 1
        color="0.88",
        linewidth=0,
    )
    ax.axvline(0, **panels.ZERO)
    names = HEATING_RATES if group == "hr" else (f"flux_dn_{group}", f"flux_up_{group}")
    shown = []
    for name in names:
        color = COLUMN_LOOKS[name if group == "hr" else name[:-3]]["color"]
        p = p_full if group == "hr" else p_half
        truth, guess = (values[name][0].numpy() for values in (target, prediction))
        ax.plot(truth, p, color=color, linewidth=4, alpha=0.35, solid_capstyle="butt")
        ax.plot(guess, p, color=color, linewidth=1.3)
        shown.append(np.abs(np.concatenate([truth[p > SAMPLE_TOP], guess[p > SAMPLE_TOP]])))
    end = max(1.08 * float(np.concatenate(shown).max()), 1e-3 if group == "hr" else 0.1)
    ax.set_xlim(-end, end)
    ax.locator_params(axis="x", nbins=3, symmetric=True)


def _column_legend(figure: Figure) -> None:
    """Explain the lines of the sample columns above all of them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], **style) for style in COLUMN_LOOKS.values()]
    handles.append(Line2D([], [], color="0.3", linewidth=4, alpha=0.35, label="Target"))
    handles.append(Line2D([], [], color="0.3", linewidth=1.3, label="Network"))
    handles.append(Patch(color="0.88", label="Cloud fraction, 0 to 1"))
    panels.legend_above(figure, handles)


def _pressure_axis(ax: Axes, evaluation: CorrectionEvaluation) -> None:
    """Pressure [hPa], downward to the surface, drawn over a power of it."""
    surface = float(evaluation.pressure_hl[-1]) / 100
    ax.set_yscale(
        "function",
        functions=(
            lambda p: np.maximum(p, 0.0) ** EXPONENT,
            lambda y: np.maximum(y, 0.0) ** (1 / EXPONENT),
        ),
    )
    panels.pressure_axis(ax, surface, 0, PRESSURE_TICKS)


def _diagonal(ax: Axes, *values: NDArray[Any]) -> None:
    """Make both axes alike, with a line where prediction and target agree."""
    every = np.concatenate([*values, [0.0]])
    low, high = float(every.min()), float(every.max())
    margin = 0.05 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    panels.draw_one_to_one(ax, *ends)
    ax.axhline(0, color="0.75", linewidth=0.6, zorder=0)
    ax.axvline(0, color="0.75", linewidth=0.6, zorder=0)
    ax.locator_params(nbins=6)


# ---- names and numbers --------------------------------------------------------------------------


def _names(evaluation: CorrectionEvaluation) -> list[str]:
    """Models that are drawn, the network last, on top."""
    return [name for name in LOOKS if name in evaluation.scores]


def _pressure(evaluation: CorrectionEvaluation, output: str) -> NDArray[np.float64]:
    """Pressure of the levels of an output [hPa]."""
    p = evaluation.pressure if output in HEATING_RATES else evaluation.pressure_hl
    return p.numpy() / 100


def _place(sample: Mapping[str, Tensor]) -> str:
    """Name solar zenith angle and latitude of a column."""
    cosine, place = (float(sample[name]) for name in ("cos_solar_zenith_angle", "latitude"))
    sun = f"SZA {np.degrees(np.arccos(np.clip(cosine, -1, 1))):.0f}°"
    return sun if np.isnan(place) else f"{sun}, {panels.latitude(place)}"


def _places(evaluation: CorrectionEvaluation) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distinct latitudes and longitudes of the points, (place, 2), and the place of each point."""
    points = evaluation.samples.points
    longitude = (points["longitude"] + 180) % 360 - 180
    where = torch.stack([points["latitude"], longitude], dim=1).numpy().round(3)
    places, index = np.unique(where, axis=0, return_inverse=True)
    return places, index.ravel()


def _region(places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Choose the places of the largest region, (place,); all where a map of it would hold too few.

    A region is made of places each of which has another one close by.
    """
    close = np.abs(places[:, None] - places[None]).max(-1) < CLOSE
    region, before = np.arange(len(places)), None
    while before is None or (region != before).any():
        before = region
        region = np.where(close, region, len(places)).min(1)
    chosen = region == np.bincount(region).argmax()
    return chosen if chosen.sum() >= PLACES else np.ones_like(chosen)


def _cover_an_area(places: NDArray[np.float64]) -> bool:
    """Tell whether places are many and not on a few lines only."""
    if len(places) < PLACES or np.isnan(places).any():
        return False
    span = np.ptp(places, axis=0)
    boxes = (places - places.min(0)) / np.where(span > 0, span, 1) * (BOXES - 1e-9)
    return len(np.unique(boxes.astype(int), axis=0)) >= BOXES**2 / 3
