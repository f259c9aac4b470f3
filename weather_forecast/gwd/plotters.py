"""The figures of the test set: where in the atmosphere an emulator is right, and where not.

Each function takes a :class:`~weather_forecast.gwd.evaluation.ColumnEvaluation` and gives a
Matplotlib figure without any global state; :func:`figures` draws them all. Tendencies are in m/s
per day, over the logarithm of pressure.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import NETWORK, RIDGE, TARGET, empty_figure, look, styled
from ai4sim.evaluation.scores import MODEL
from weather_forecast.gwd import atlas
from weather_forecast.gwd.evaluation import ColumnEvaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

DAY = 86_400.0
"""Seconds, from m/s2 to m/s per day."""
UNITS = r"m s$^{-1}$ day$^{-1}$"
LOOKS = {
    "target": TARGET,
    MODEL: NETWORK,
    "prediction": NETWORK,
    "error": look("Error", "blue", "--"),
    "ridge": RIDGE,
    "scheme_4x20": look("Scheme, 4 × 20", "orange", ":", 1.6),
    "scheme_4x32": look("Scheme, 4 × 32", "purple", "-.", 1.6),
    "scheme_16x8": look("Scheme, 16 × 8", "sky_blue", "--", 1.6),
    "scheme_16x20": look("Scheme, 16 × 20", "green", "--", 1.6),
    "learned_16x16": look("Learned speeds, 16 × 16", "grey", "--", 1.6),
}
"""Climatology is not drawn."""
SHOWN = 3e-5
"""Share of the largest value at which an axis of many decades ends."""


@styled
def r2_by_level(evaluation: ColumnEvaluation) -> Figure:
    """R2 of each output over pressure, the model against what it must beat."""
    outputs = _output_names(evaluation)
    figure, axes = panels.in_rows(len(outputs), len(outputs), 2.5, 4.1)
    for name in LOOKS:
        if name in evaluation.scores:
            r2 = evaluation.level_scores(name)["r2"].numpy()
            for ax, values in zip(axes, r2, strict=True):
                ax.plot(values, _hpa(evaluation), **LOOKS[name])
    for i, (ax, title) in enumerate(zip(axes, outputs, strict=True)):
        _pressure_axis(ax, evaluation, i)
        ax.set(title=title, xlabel=r"$R^2$", xlim=(-0.5, 1.03), ylabel="")
        ax.axvline(0, **panels.ZERO)
    axes[0].set_ylabel("pressure [hPa]")
    panels.legend_above(figure)
    return figure


@styled
def profiles_by_latitude(evaluation: ColumnEvaluation) -> Figure:
    """Root mean square of target, prediction and error in each latitude band."""
    bands = evaluation.atlas.bands()
    outputs = _output_names(evaluation)
    figure, axes = _grid(evaluation, outputs, list(bands))
    for column, zone in enumerate(bands.values()):
        for name, values in evaluation.atlas.band_rms(zone).items():
            for ax, profile in zip(axes[:, column], values.numpy(), strict=True):
                shown = np.where(profile > 0, profile, np.nan) * DAY
                ax.plot(shown, _hpa(evaluation), **LOOKS[name])
    for row in axes:
        _logarithmic_row(row)
    figure.supxlabel(f"root mean square [{UNITS}]", fontsize=9)
    panels.legend_above(figure)
    return figure


@styled
def flux_profiles(evaluation: ColumnEvaluation) -> Figure:
    """Mean momentum flux of each latitude band, integrated from the top of the model."""
    bands = evaluation.atlas.bands()
    parts = {"drag": "momentum flux", "wave": "momentum flux\nof the waves"}
    titles = [parts.get(part, f"{part},\nsum from above") for part in evaluation.parts]
    figure, axes = _grid(evaluation, titles, list(bands))
    for column, zone in enumerate(bands.values()):
        for name, values in evaluation.atlas.band_flux(zone).items():
            for ax, profile in zip(axes[:, column], values.numpy(), strict=True):
                ax.plot(profile * 1e3, _hpa(evaluation), **LOOKS[name])
    for row in axes:
        _logarithmic_row(row)
    figure.supxlabel("mean amount of the flux below each level [mPa]", fontsize=9)
    panels.legend_above(figure)
    return figure


@styled
def samples(evaluation: ColumnEvaluation) -> Figure:
    """Single columns, drawn at random in proportion to the momentum that they exchange."""
    drawn = evaluation.atlas.samples
    titles = [panels.latitude(degrees) for degrees in drawn["latitude"].tolist()]
    outputs = _output_names(evaluation)
    figure, axes = _grid(evaluation, outputs, titles)
    for column in range(len(titles)):
        for name in ("target", *atlas.DRAWN):
            if name not in drawn:
                continue
            for ax, profile in zip(axes[:, column], drawn[name][column], strict=True):
                values = profile.numpy() * DAY
                ax.plot(values, _hpa(evaluation), **LOOKS[name])
        for ax, target in zip(axes[:, column], drawn["target"][column].numpy() * DAY, strict=True):
            end = 1.5 * float(np.abs(target).max()) or 1.0
            ax.set_xscale("asinh", linear_width=end / 100)
            ax.set_xlim(-end, end)
            ax.set_xticks(*_decades(end / 100, end, 1))
    figure.supxlabel(f"tendency [{UNITS}], linear around zero only", fontsize=9)
    panels.legend_above(figure)
    return figure


@styled
def zonal_mean(evaluation: ColumnEvaluation) -> Figure:
    """Zonal means of target, prediction and error; one scale, linear around zero only."""
    from matplotlib.colors import AsinhNorm

    target, prediction = (
        (evaluation.atlas.zonal_mean(name) * DAY).numpy() for name in ("target", "prediction")
    )
    sections = {"Target": target, "Network": prediction, "Error": prediction - target}
    outputs = _output_names(evaluation)
    figure = empty_figure(9.4, 2.5 * len(outputs) + 0.5)
    axes = figure.subplots(len(outputs), 3, sharex=True, sharey="row", squeeze=False)
    edges = np.linspace(-90, 90, atlas.ZONES + 1)
    for i, output in enumerate(outputs):
        top = float(np.nanmax(np.abs(target[i]))) or 1.0
        width = _linear_width(target[i])
        colours = {"norm": AsinhNorm(width, vmin=-top, vmax=top), "cmap": "RdBu_r"}
        for ax, section in zip(axes[i], sections.values(), strict=True):
            image = ax.pcolormesh(
                edges, _layer_bounds(evaluation), section[i], rasterized=True, **colours
            )
            ax.grid(visible=False)
        _pressure_axis(axes[i, 0], evaluation, i)
        bar = panels.colour_bar(
            image, list(axes[i]), f"{output} [{UNITS}]", aspect=16, extend="both"
        )
        bar.ax.yaxis.set_ticks(*_decades(width, top, 3))
    panels.label_outer(axes, top=list(sections), left="pressure [hPa]", bottom=["", "latitude", ""])
    axes[0, 0].set_xticks([-90, -60, -30, 0, 30, 60, 90])
    axes[0, 0].set_xticklabels(["90S", "60S", "30S", "0", "30N", "60N", "90N"])
    return figure


@styled
def scatter(evaluation: ColumnEvaluation) -> Figure:
    """Joint densities of target and prediction by groups of levels, linear around zero only."""
    from matplotlib.colors import LogNorm

    density = evaluation.atlas.sums["density"].numpy()
    edges = atlas.density_edges().numpy() * DAY
    moved = density.copy()
    moved[:, :, atlas.DENSITY_BINS // 2] = 0  # that without drag shows nothing
    shown = np.argwhere(moved.any((2, 3)).T).tolist()  # part and group
    figure, axes = panels.in_rows(len(shown), 4 if len(shown) == 4 else 3, 2.8, 2.6)
    for ax, (part, group) in zip(axes, shown, strict=True):
        end = edges[_outermost(density[group, part])]
        width = _typical(moved[group, part].sum(1), edges)
        kept = _wide_bins(np.arcsinh(edges / width))
        step = np.diff(np.arcsinh(edges[kept] / width))
        counts, scale = (
            np.add.reduceat(np.add.reduceat(every[group, part], kept[:-1], 0), kept[:-1], 1)
            / np.outer(step, step)  # per area of the panel
            for every in (density, moved)
        )
        norm = LogNorm(1e-4, 1, clip=True)
        image = panels.draw_density(ax, counts / scale.max(), edges[kept], norm)
        for axis, set_scale in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
            set_scale("asinh", linear_width=width)
            axis.set_ticks(*_decades(width, end, 2), fontsize=7.5)
        ax.set(xlim=(-end, end), ylim=(-end, end))
        name = list(evaluation.parts)[part]
        ax.set_title(("" if name == "drag" else f"{name}, ") + _group_name(group))
    figure.supxlabel(f"Target [{UNITS}]", fontsize=9)
    figure.supylabel(f"Network [{UNITS}]", fontsize=9)
    panels.colour_bar(image, axes, "density / its maximum", aspect=24)
    return figure


def figures(evaluation: ColumnEvaluation) -> Iterator[tuple[str, Figure]]:
    """Draw every figure, with its name, in the order in which to read them."""
    yield "r2_by_level", r2_by_level(evaluation)
    yield "profiles_by_latitude", profiles_by_latitude(evaluation)
    if evaluation.atlas.columns[: atlas.ZONES].any():
        yield "zonal_mean", zonal_mean(evaluation)
    else:
        log.info("no zonal means: the files of the test set hold no latitude")
    dragged = bool(evaluation.atlas.samples)  # a column at least
    if dragged:
        yield "scatter", scatter(evaluation)
    yield "flux_profiles", flux_profiles(evaluation)
    if dragged:
        yield "samples", samples(evaluation)


# ---- panels and axes ----------------------------------------------------------------------------


def _grid(
    evaluation: ColumnEvaluation, rows: list[str], columns: list[str]
) -> tuple[Figure, NDArray[Any]]:
    """Draw empty panels over pressure, (row, column); a row is an output, or a part of the drag."""
    figure = empty_figure(1.5 * max(len(columns), 3) + 1.0, 2.6 * len(rows) + 0.9)
    axes = figure.subplots(len(rows), len(columns), sharey="row", squeeze=False)
    for i in range(len(rows)):
        _pressure_axis(axes[i, 0], evaluation, i * len(evaluation.layout.outputs) // len(rows))
    panels.label_outer(axes, top=columns, left=[f"{row}\npressure [hPa]" for row in rows])
    return figure, axes


def _pressure_axis(ax: Axes, evaluation: ColumnEvaluation, component: int) -> None:
    """Logarithmic pressure [hPa], downward, over the levels where this component is not zero."""
    moved = evaluation.scores[MODEL]["target2"][component].numpy() > 0
    p = _hpa(evaluation)[moved if moved.any() else slice(None)]
    margin = (p[-1] / p[0]) ** 0.02
    panels.pressure_axis(ax, p[-1] * margin, p[0] / margin)


def _logarithmic_row(axes: NDArray[Any]) -> None:
    """Give the panels of a row one logarithmic axis, without the decades that do not matter."""
    from matplotlib.ticker import LogLocator, NullLocator

    values = np.concatenate([line.get_xdata() for ax in axes for line in ax.get_lines()])
    if not (values > 0).any():
        return
    top = float(np.nanmax(values))
    for ax in axes:
        ax.set(xscale="log", xlim=(SHOWN * top, 2 * top))
        ax.xaxis.set_major_locator(LogLocator(numticks=4))
        ax.xaxis.set_minor_locator(NullLocator())


def _decades(width: float, top: float, most: int) -> tuple[list[float], list[str]]:
    """Ticks at zero and at round numbers, at most so many on a side, well above `width`."""
    last = math.floor(math.log10(top))
    if most == 1:
        sizes = [next(m * 10.0**last for m in (5, 2, 1) if m * 10.0**last <= top)]
    else:
        first = min(math.ceil(math.log10(3 * width)), last)
        step = max(1, math.ceil((last - first + 1) / most))
        sizes = [10.0**e for e in range(last, first - 1, -step)]
    ticks = [*(-size for size in sizes), 0.0, *reversed(sizes)]
    return ticks, [panels.number(tick) for tick in ticks]


# ---- names and numbers --------------------------------------------------------------------------


def _output_names(evaluation: ColumnEvaluation) -> list[str]:
    """Names of the outputs: du/dt, wave du/dt."""
    names = (output.name.removesuffix("_tendency") for output in evaluation.layout.outputs)
    return [" ".join([*part, f"d{wind}/dt"]) for *part, wind in (n.split("_") for n in names)]


def _hpa(evaluation: ColumnEvaluation) -> NDArray[np.float64]:
    """Pressure of the levels [hPa]."""
    return evaluation.pressure.numpy() / 100


def _layer_bounds(evaluation: ColumnEvaluation) -> NDArray[np.float64]:
    """Pressure around the levels [hPa], in the middle between them on the logarithmic axis."""
    p = np.log(_hpa(evaluation))
    middle = (p[1:] + p[:-1]) / 2
    return np.exp([2 * p[0] - middle[0], *middle, 2 * p[-1] - middle[-1]])


def _group_name(group: int) -> str:
    """Name a group of levels by its pressures."""
    bounds = [f"{p / 100:g}" for p in atlas.GROUP_BOUNDS]
    if group == 0:
        return f"above {bounds[0]} hPa"
    if group == len(bounds):
        return f"below {bounds[-1]} hPa"
    return f"{bounds[group - 1]}–{bounds[group]} hPa"


def _linear_width(values: NDArray[np.float64]) -> float:
    """Size up to which a scale for values of both signs is linear: few of them are smaller."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(sizes):
        return 1.0
    return float(np.clip(np.quantile(sizes, 0.25), sizes.max() / 1e4, sizes.max() / 10))


def _typical(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Median size of what was counted in bins."""
    sizes = np.abs(edges[1:] + edges[:-1]) / 2
    order = np.argsort(sizes)
    share = np.cumsum(counts[order])
    return float(sizes[order][np.searchsorted(share, share[-1] / 2)])


def _wide_bins(position: NDArray[np.float64]) -> NDArray[np.intp]:
    """Choose edges from those of bins, so that none looks narrower than the outermost."""
    even = np.arange(position[0], position[-1], position[-1] - position[-2])
    return np.unique([np.abs(position - place).argmin() for place in [*even, position[-1]]])


def _outermost(counts: NDArray[np.int64]) -> int:
    """Upper edge of the outermost bin, of either sign, that holds a value."""
    seen = np.flatnonzero(counts.sum(0) + counts.sum(1))
    return max(int(seen.max()) + 1, len(counts) - int(seen.min()))
