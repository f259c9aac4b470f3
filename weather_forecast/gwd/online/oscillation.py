"""The numbers of an oscillation of the equatorial wind: period, amplitude, descent.

A run is the zonal-mean wind (time, level) [m/s] of one member of
:func:`weather_forecast.gwd.online.column.simulate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from weather_forecast.gwd.online.column import DAY, FASTEST, YEAR, ColumnModel

MONTH = YEAR / 12
"""[days]."""
SPIN_UP = 3.0
"""Years until the first wind is forgotten."""
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
