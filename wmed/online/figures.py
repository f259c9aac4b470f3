"""Figures of the online proof: how far the oceans drift apart, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.evaluation import panels
from ai4sim.evaluation.figures import empty_figure, looks_of, styled
from ai4sim.physics.constants import ZERO_CELSIUS
from wmed.io.grid import OceanGrid
from wmed.online.runs import OnlineRuns
from wmed.style import LOOKS, MOST, draw_field

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVE_NUMBER = r"wave number [km$^{-1}$]"


def figures(runs: OnlineRuns) -> Iterator[tuple[str, Figure]]:
    """Draw every figure, with its name."""
    yield "online_drift", drift(runs)
    yield "online_maps", maps(runs)
    yield "online_spectrum", spectrum(runs)


@styled
def drift(runs: OnlineRuns) -> Figure:
    """Draw temperature and kinetic energy over time, and what they differ from the reference."""
    looks = looks_of(runs.names, LOOKS)
    quantities = (
        ("sst_mean", "Mean SST [°C]", 1.0, -ZERO_CELSIUS),
        ("sst_bias", "SST bias [K]", 1.0, 0.0),
        ("sst_rmse", "SST rmse [K]", 1.0, 0.0),
        ("kinetic_energy", r"Kinetic energy [J m$^{-2}$]", 1.0, 0.0),
        ("kinetic_energy_difference", "Kinetic energy difference [%]", 100.0, 0.0),
        ("current_rmse", r"Current rmse [m s$^{-1}$]", 1.0, 0.0),
    )
    days = runs.hours / 24
    figure, axes = panels.in_rows(len(quantities), 3, 3.7, 2.95, sharex=True)
    for ax, (name, title, scale, shift) in zip(axes, quantities, strict=True):
        absolute = name in ("sst_mean", "kinetic_energy")
        values = scale * runs.series[name] + shift
        for i, run in enumerate(runs.names):
            if absolute or i > 0:
                ax.plot(days, values[:, i], **looks[run])
        if name == "kinetic_energy_difference":
            # At the start there is no energy to compare with.
            known = values[days >= min(1.0, days[-1] / 4)]
            low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
            room = 0.08 * (high - low) or 1e-6
            ax.set_ylim(low - room, high + room)
        if not absolute:
            ax.axhline(0, **panels.ZERO)
        ax.set_title(title)
    for ax in axes[3:]:
        ax.set_xlabel("days")
    axes[0].legend()
    reference = looks[runs.names[0]]["label"]
    figure.suptitle(f"Online: one ocean per scheme; differences from {reference}")
    return figure


@styled
def maps(runs: OnlineRuns) -> Figure:
    """Draw SST and speed at the end: those of the reference, and how the others differ."""
    grid, sea = runs.grid, runs.grid.sea
    speed = np.hypot(runs.final["current_x"], runs.final["current_y"])[:, sea]
    fields = {"SST": runs.final["sst"][:, sea] - ZERO_CELSIUS, "Speed": speed}
    units = {"SST": "K", "Speed": r"m s$^{-1}$"}
    looks = looks_of(runs.names, LOOKS)
    figure = empty_figure(3.4 * len(runs.names), 6.8)
    axes = figure.subplots(2, len(runs.names), sharex=True, sharey=True, squeeze=False)
    for row, (what, values) in zip(axes, fields.items(), strict=True):
        for i, (ax, run) in enumerate(zip(row, runs.names, strict=True)):
            shown, label = values[i], looks[run]["label"]
            colours: dict[str, Any]
            if i > 0:
                shown = shown - values[0]
                colours, unit = panels.diverging(shown, quantile=MOST), units[what]
                size = float(np.sqrt(np.mean(shown**2)))
                label = f"{label} - reference: rms {size:.2g}"
            elif what == "SST":
                colours, unit = {"cmap": "viridis"}, "°C"
            else:
                colours, unit = panels.sequential(shown, cmap="YlGnBu", quantile=MOST), units[what]
            image = draw_field(ax, grid, shown, **colours)
            bar = panels.colour_bar(image, [ax], f"[{unit}]", location="bottom", aspect=30)
            bar.ax.locator_params(nbins=5)
            ax.set_title(f"{what}, {label}")
    panels.label_outer(axes, left=panels.LATITUDE, bottom=panels.LONGITUDE)
    figure.suptitle(f"After {runs.hours[-1] / 24:g} days")
    return figure


@styled
def spectrum(runs: OnlineRuns) -> Figure:
    """Draw the spectra of kinetic energy at the end, and their ratio to that of the reference."""
    figure, (left, right) = panels.in_rows(2, 2, 4.3, 3.3, sharex=True)
    looks = looks_of(runs.names, LOOKS)
    number, energy = kinetic_spectrum(runs.grid, runs.final["current_x"], runs.final["current_y"])
    for i, run in enumerate(runs.names):
        left.loglog(number, energy[i], **looks[run])
        if i > 0:
            right.semilogx(number, energy[i] / energy[0], **looks[run])
    right.axhline(1, **panels.ZERO)
    left.set(title=r"Kinetic energy [m$^2$ s$^{-2}$ per band]", xlabel=WAVE_NUMBER)
    right.set(title="Relative to the reference", xlabel=WAVE_NUMBER)
    left.legend()
    return figure


def kinetic_spectrum(
    grid: OceanGrid, current_x: NDArray[np.float64], current_y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return kinetic energy by wave number, over a window that fades to the edges.

    Land counts as water at rest, so coasts are in it: to compare oceans of one grid with.

    Parameters
    ----------
    grid : OceanGrid
    current_x, current_y : (run, eta, xi)  [m/s]

    Returns
    -------
    wave_number : (band,)  [1/km]
        Waves per kilometre, bands of equal width.
    energy : (run, band)  [m2/s2]
    """
    rows, columns = grid.shape
    spacing = [float(d[grid.sea].mean()) / 1000 for d in (grid.dy, grid.dx)]
    window = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1])
    currents = np.where(grid.sea, np.stack([current_x, current_y]), 0.0)
    power = (np.abs(np.fft.fft2(currents * window)) ** 2).sum(0)
    power = power / (2 * (rows * columns) ** 2 * np.mean(window**2))
    k = np.hypot(np.fft.fftfreq(rows, spacing[0])[:, None], np.fft.fftfreq(columns, spacing[1]))
    width = 1 / max(rows * spacing[0], columns * spacing[1])
    bands = int(min(0.5 / max(spacing), k.max()) / width)
    band = np.rint(k / width).astype(int)
    number = np.arange(1.0, bands + 1)
    energy = np.stack(
        [np.bincount(band.ravel(), p.ravel(), minlength=bands + 1)[1 : bands + 1] for p in power],
        dtype=np.float64,
    )
    return number * width, energy
