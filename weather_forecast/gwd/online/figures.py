"""What a run of the equatorial column shows: the numbers of its oscillation, and figures.

A run is the zonal-mean wind (time, level) [m/s] of one member of
:func:`weather_forecast.gwd.online.qbo.simulate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.figures import OKABE_ITO, empty_figure, styled
from weather_forecast.gwd.online.qbo import DAY, FASTEST, YEAR, ColumnModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import ContourSet
    from matplotlib.figure import Figure

MONTH = YEAR / 12
"""[days]."""
SPIN_UP = 3.0
"""Years until the first wind is forgotten."""
COLOURS = [OKABE_ITO[name] for name in ("black", "vermilion", "blue", "green", "purple")]
SHOWN = (100.0, 1.0)
"""Range of pressure in the figures [hPa]."""
REFERENCE = 2500.0
"""Pressure of the level whose reversals are timed [Pa]."""
STRATOSPHERE = (500.0, 7000.0)
"""Range of pressure in which the oscillation is looked for [Pa]."""


@dataclass(frozen=True)
class Oscillation:
    """What the winds of a run do after the spin-up, in anomalies from the mean seasons.

    Attributes
    ----------
    stable : bool
        The wind stayed finite and below 150 m/s. Of a run that did not, all else is NaN.
    period : float
        Mean time between the onsets of westerlies at 25 hPa [months]; NaN without two of them.
    cycles : int
        How many of these it is the mean of.
    westerly_share : float
        Of the time, at 25 hPa [1].
    amplitude, amplitude_level : float
        sqrt(2) times the standard deviation where it is largest between 5 and 70 hPa [m/s], and
        where that is [Pa].
    amplitude_20hpa : float
        [m/s]
    descent : float
        Of the phase between 10 and 40 hPa [m/month].
    """

    stable: bool
    period: float = math.nan
    cycles: int = 0
    westerly_share: float = math.nan
    amplitude: float = math.nan
    amplitude_level: float = math.nan
    amplitude_20hpa: float = math.nan
    descent: float = math.nan


def anomalies(wind: Tensor, model: ColumnModel, spin_up: float = SPIN_UP) -> Tensor:
    """Take the mean, the annual cycle and its three overtones off each level.

    Parameters
    ----------
    wind : (time, level)  [m/s]
    model : ColumnModel
    spin_up : float
        Left out at the start [years].

    Returns
    -------
    (time, level)  [m/s]

    Raises
    ------
    ValueError
        The run is no longer than the spin-up.
    """
    day = torch.arange(len(wind), dtype=torch.float64) * model.time_step / DAY
    kept = day >= spin_up * YEAR
    if kept.sum() < 2:
        years = len(wind) * model.time_step / DAY / YEAR
        raise ValueError(f"expected more than {spin_up:g} years of wind, found {years:.1f}")
    angle = 2 * math.pi * day[kept, None] / YEAR * torch.arange(1, 5)
    seasons = torch.cat([torch.ones_like(angle[:, :1]), angle.cos(), angle.sin()], dim=1)
    wind = wind[kept].double()
    return wind - seasons @ torch.linalg.lstsq(seasons, wind).solution


def amplitude(anomaly: Tensor) -> Tensor:
    """Return sqrt(2) times the standard deviation of each level: (time, level) to (level,)."""
    return math.sqrt(2) * anomaly.std(0, correction=0)


def onsets(series: Tensor) -> Tensor:
    """Return the time steps at which westerlies set in: they come up from easterlies to stay.

    A change of sign counts once the wind is 0.3 standard deviations on the other side.

    Parameters
    ----------
    series : (time,)

    Returns
    -------
    (onset,), int64
    """
    sign = series.sign() * (series.abs() > 0.3 * series.std())
    steps = torch.arange(len(series))
    latest = torch.where(sign != 0, steps, 0).cummax(0).values
    held = sign[latest]
    return torch.nonzero((held[1:] > 0) & (held[:-1] < 0)).flatten() + 1


def oscillation(wind: Tensor, model: ColumnModel, spin_up: float = SPIN_UP) -> Oscillation:
    """Measure the quasi-biennial oscillation of a run.

    Parameters
    ----------
    wind : (time, level)  [m/s]
    model : ColumnModel
    spin_up : float
        [years]
    """
    if not bool((wind.abs() < FASTEST).all()):
        return Oscillation(stable=False)
    p, z = model.pressure, model.height
    anomaly = anomalies(wind, model, spin_up)
    reference = anomaly[:, nearest(p, REFERENCE)]
    months = model.time_step / DAY / MONTH
    begin = onsets(reference)
    period = float(begin.diff().double().mean()) * months if len(begin) > 1 else math.nan
    # The phase of the fundamental frequency, level by level, whose slope is the descent.
    turns = torch.arange(len(anomaly), dtype=torch.float64) * months / period
    deep = (p > 1000) & (p < 4000)
    phase = torch.exp(-2j * math.pi * turns) @ anomaly[:, deep].to(torch.complex128)
    lag = (phase[1:] * phase[:-1].conj()).angle().sum()
    size = amplitude(anomaly)
    inside = (p > STRATOSPHERE[0]) & (p < STRATOSPHERE[1])
    peak = int(torch.where(inside, size, -1.0).argmax())
    return Oscillation(
        stable=True,
        period=period,
        cycles=max(len(begin) - 1, 0),
        westerly_share=float((reference > 0).double().mean()),
        amplitude=float(size[peak]),
        amplitude_level=float(p[peak]),
        amplitude_20hpa=float(size[nearest(p, 2000.0)]),
        descent=float(-2 * math.pi * (z[deep][0] - z[deep][-1]) / (lag * period)),
    )


def nearest(pressure: Tensor, wanted: float) -> int:
    """Return the level whose pressure is nearest, by its logarithm [Pa]."""
    return int((pressure.log() - math.log(wanted)).abs().argmin())


def compare(
    reference: Tensor, candidate: Tensor, model: ColumnModel, spin_up: float = SPIN_UP
) -> dict[str, float | bool]:
    """Compare the oscillation of a run with that of another.

    Parameters
    ----------
    reference, candidate : (time, level)  [m/s]
    model : ColumnModel
    spin_up : float
        [years]

    Returns
    -------
    dict
        ``stable``; ``period_error``, ``amplitude_error`` and ``amplitude_20hpa_error``, relative
        and signed; ``rms_difference`` of the wind between 5 and 70 hPa [m/s], which counts a drift
        in phase in full.
    """
    true, found = (oscillation(wind, model, spin_up) for wind in (reference, candidate))
    names = ("period", "amplitude", "amplitude_20hpa")
    inside = (model.pressure > STRATOSPHERE[0]) & (model.pressure < STRATOSPHERE[1])
    start = round(spin_up * YEAR * DAY / model.time_step)
    difference = (candidate - reference)[start:, inside]
    return {
        "stable": found.stable,
        **{f"{name}_error": getattr(found, name) / getattr(true, name) - 1 for name in names},
        "rms_difference": float(difference.square().mean().sqrt()),
    }


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
    for index, (axes, (name, wind)) in enumerate(zip(sections, runs.items(), strict=True)):
        image = _section(axes, wind, model)
        found = oscillation(wind, model)
        axes.set_title(f"{name.capitalize()}: {_summary(found)}", loc="left")
        if not found.stable:
            continue
        anomaly = anomalies(wind, model)
        look: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)], "label": name.capitalize()}
        # The reference is wide, to be seen below the others.
        look |= {"linewidth": 1.5} if index else {"linewidth": 3.5, "alpha": 0.4}
        profile.plot(amplitude(anomaly), model.pressure / 100, **look)
        series = anomaly[:, nearest(model.pressure, REFERENCE)]
        spectrum.plot(*_spectrum(series, model), **look)
    sections[-1].set_xlabel("Year")
    sections[-1].set_xlim(0, len(wind) * model.time_step / DAY / YEAR)
    sections[-1].xaxis.get_major_locator().set_params(integer=True)
    bar = left.colorbar(image, ax=sections, aspect=35, pad=0.01)
    bar.set_label(r"Zonal-mean wind [m s$^{-1}$]")
    bar.outline.set_linewidth(0.5)
    profile.set(yscale="log", ylim=SHOWN, xlim=(0, None), ylabel="Pressure [hPa]")
    profile.set(title="Amplitude without seasons", xlabel=r"[m s$^{-1}$]")
    profile.legend(loc="upper right")
    _pressures(profile)
    spectrum.set(xlim=(0, 60), ylim=(0, None), xlabel="Period [months]")
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
    axes.set(yscale="log", ylim=SHOWN, ylabel="Pressure [hPa]")
    axes.grid(False)
    _pressures(axes)
    return image


def _pressures(axes: Axes) -> None:
    """Label a logarithmic axis of pressure [hPa] with plain numbers."""
    axes.set_yticks([100, 30, 10, 3, 1], ["100", "30", "10", "3", "1"])
    axes.minorticks_off()


def _spectrum(series: Tensor, model: ColumnModel) -> tuple[Tensor, Tensor]:
    """Return periods [months] and the amplitude of a sine of each that fits the series best."""
    period = torch.linspace(3, 60, 400, dtype=torch.float64)
    months = torch.arange(len(series), dtype=torch.float64) * model.time_step / DAY / MONTH
    window = torch.hann_window(len(series), periodic=False, dtype=torch.float64)
    waves = torch.exp(2j * math.pi * months / period[:, None])
    return period, 2 * (waves @ (window * series).to(waves.dtype)).abs() / window.sum()
