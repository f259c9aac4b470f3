"""The figure of runs of the equatorial column: wind by time and height, amplitude, spectrum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.figures import NETWORK, TARGET, empty_figure, looks_of, styled
from ai4sim.evaluation.panels import colour_bar, pressure_axis
from weather_forecast.gwd.online.column import DAY, YEAR, ColumnModel
from weather_forecast.gwd.online.oscillation import (
    MONTH,
    REFERENCE,
    Oscillation,
    amplitude,
    anomalies,
    nearest,
    oscillation,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import ContourSet
    from matplotlib.figure import Figure

SHOWN = (100.0, 1.0)
"""Range of pressure in the figures [hPa]."""


@styled
def qbo(runs: Mapping[str, Tensor], model: ColumnModel) -> Figure:
    """Time-height sections of all runs; beside them amplitude by height, and spectra.

    Parameters
    ----------
    runs : mapping of str to Tensor (time, level)
        Name -> wind [m/s]; the reference first.
    model : ColumnModel
    """
    figure = empty_figure(10.5, max(1.45 * len(runs) + 1.0, 3.9))
    panels: Any = figure.subfigures(1, 2, width_ratios=[2.9, 1], wspace=0.02)
    left, right = panels
    sections = left.subplots(len(runs), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    profile, spectrum = right.subplots(2, 1)
    looks = looks_of(runs, {next(iter(runs)): TARGET, "network": NETWORK, "ensemble": NETWORK})
    for axes, (name, wind) in zip(sections, runs.items(), strict=True):
        image = _section(axes, wind, model)
        found = oscillation(wind, model)
        axes.set_title(f"{name.capitalize()}: {_summary(found)}", loc="left")
        if not found.stable:
            continue
        anomaly = anomalies(wind, model)
        line = {**looks[name], "label": name.capitalize()}
        profile.plot(amplitude(anomaly), model.pressure / 100, **line)
        series = anomaly[:, nearest(model.pressure, REFERENCE)]
        spectrum.plot(*_spectrum(series, model), **line)
    sections[-1].set_xlabel("year")
    sections[-1].set_xlim(0, len(wind) * model.time_step / DAY / YEAR)
    sections[-1].xaxis.get_major_locator().set_params(integer=True)
    colour_bar(image, list(sections), r"zonal-mean wind [m s$^{-1}$]", aspect=35)
    pressure_axis(profile, *SHOWN)
    profile.set_xlim(left=0)
    profile.set(title="Amplitude without seasons", xlabel=r"[m s$^{-1}$]")
    profile.legend(loc="upper right")
    spectrum.set(xlim=(0, 60), ylim=(0, None), xlabel="period [months]")
    spectrum.set(title=f"Spectrum at {REFERENCE / 100:.0f} hPa", ylabel=r"[m s$^{-1}$]")
    spectrum.set_xticks(range(0, 61, 12))
    return figure


def _summary(found: Oscillation) -> str:
    if not found.stable:
        return "not stable"
    if not math.isfinite(found.period):
        return "no oscillation"
    amplitude_text = rf"{found.amplitude:.1f} m s$^{{-1}}$"
    return f"{found.period:.1f} months, {amplitude_text} at {found.amplitude_level / 100:.0f} hPa"


def _section(axes: Axes, wind: Tensor, model: ColumnModel) -> ContourSet:
    """Wind by time and pressure, westerlies red, in means of 15 days."""
    steps = max(round(15 * DAY / model.time_step), 1)
    means = torch.stack([part.mean(0) for part in wind.split(steps)[:-1]])
    shown = means.T.numpy()
    years = (torch.arange(len(means)).numpy() + 0.5) * steps * model.time_step / DAY / YEAR
    p = (model.pressure / 100).numpy()
    visible = (p > 0.5 * SHOWN[1]) & (p < 2 * SHOWN[0])
    levels = torch.arange(-36, 37, 4).numpy()
    colours: dict[str, Any] = {"levels": levels, "cmap": "RdBu_r", "extend": "both"}
    image = axes.contourf(years, p[visible], shown[visible], **colours)
    axes.contour(years, p[visible], shown[visible], levels=[0], colors="black", linewidths=0.6)
    axes.grid(False)
    pressure_axis(axes, *SHOWN)
    return image


def _spectrum(series: Tensor, model: ColumnModel) -> tuple[Tensor, Tensor]:
    """Return periods [months] and the amplitude of a sine of each that fits the series best."""
    period = torch.linspace(3, 60, 400, dtype=torch.float64)
    months = torch.arange(len(series), dtype=torch.float64) * model.time_step / DAY / MONTH
    window = torch.hann_window(len(series), periodic=False, dtype=torch.float64)
    waves = torch.exp(2j * math.pi * months / period[:, None])
    return period, 2 * (waves @ (window * series).to(waves.dtype)).abs() / window.sum()
