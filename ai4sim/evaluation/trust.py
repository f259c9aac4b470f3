"""The verdict of a guard on a test set: how many samples it flags, where, and how wrong these are.

On a test set from the climate of the training the share of flagged samples is the rate of false
alarms. Elsewhere the question is how many of the large errors are among them: :func:`found_share`
for one limit, :func:`roc` for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ai4sim.evaluation.figures import OKABE_ITO, styled
from ai4sim.evaluation.panels import colour_bar, in_rows, note
from ai4sim.evaluation.reservoir import Reservoir
from ai4sim.evaluation.scores import Sums, add

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEPT = 20_000
"""The number of samples that figures are drawn of."""
BINS = 24
"""The number of bins along a coordinate."""
QUANTILE = 0.99


class Trust:
    """Sums over the flagged and the other samples of a test set, and samples for the figure.

    Attributes
    ----------
    sums : name -> (2,), float64
        ``samples`` and ``error2``, the sum of squared errors, of the samples inside and of those
        that are flagged.
    kept : Reservoir
        Samples with ``flag``, ``score``, ``error``, and ``place_0``, ``place_1``.
    places : tuple of str
        The names of the coordinates.
    """

    def __init__(self) -> None:
        self.sums: Sums = {}
        self.kept = Reservoir(KEPT)
        self.places: tuple[str, ...] = ()

    @property
    def samples(self) -> int:
        """The number of samples so far."""
        return int(self.sums["samples"].sum()) if self.sums else 0

    def update(
        self, flag: Tensor, score: Tensor, error: Tensor, places: Mapping[str, Tensor]
    ) -> None:
        """Take in samples.

        Parameters
        ----------
        flag, score, error : (sample, ...)
        places : name -> (sample, ...)
            One or two coordinates, or none.

        Raises
        ------
        ValueError
            Another number of errors or places than of flags.
        """
        flag, score, error = (x.detach().flatten().cpu() for x in (flag, score, error))
        found = {f"place_{i}": x.flatten().float().cpu() for i, x in enumerate(places.values())}
        for name, values in {"errors": error, **found}.items():
            if len(values) != len(flag):
                raise ValueError(f"{name} of {len(values)} samples, flags of {len(flag)}")
        self.places = tuple(places)
        sets = (~flag, flag)
        one = {
            "samples": torch.stack([chosen.sum() for chosen in sets]).double(),
            "error2": torch.stack([error[chosen].double().square().sum() for chosen in sets]),
        }
        add(self.sums, one)
        # As if drawn at random, the same however the set is divided.
        key = (error.double() * 1e7 + score.double() * 1e4).mul(math.sqrt(5) - 1).frac()
        self.kept.offer(key, {"flag": flag, "score": score, "error": error, **found})

    def merge(self, other: Trust) -> None:
        """Add the samples of another process."""
        add(self.sums, other.sums)
        self.kept.merge(other.kept)
        self.places = self.places or other.places

    def metrics(self) -> dict[str, float]:
        """Return the share of flagged samples, and the errors of both kinds.

        Returns
        -------
        dict
            ``samples``; ``flagged_share``; ``rmse_inside`` and ``rmse_flagged`` [standard
            deviations of the outputs], NaN of none; ``flagged_share_of_largest``, of the one per
            cent of samples with the largest errors.
        """
        number, error2 = self.sums["samples"], self.sums["error2"]
        rmse = (error2 / number).sqrt()
        rows = self.kept.rows
        limit = torch.quantile(rows["error"].double(), QUANTILE)
        return {
            "samples": self.samples,
            "flagged_share": float(number[1] / number.sum()),
            "rmse_inside": float(rmse[0]),
            "rmse_flagged": float(rmse[1]),
            "flagged_share_of_largest": found_share(rows["flag"], rows["error"], limit),
        }


def found_share(flag: Tensor, error: Tensor, limit: Tensor | float) -> float:
    """Return the share of flagged samples among those whose error is beyond a limit."""
    large = error.double() > limit
    return float(flag[large].double().mean()) if large.any() else math.nan


def roc(inside: Tensor, outside: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return the curve of a score that is to tell samples apart.

    Parameters
    ----------
    inside, outside : (sample,)
        The scores of samples that should not be flagged, and of those that should.

    Returns
    -------
    false_alarms, found : (limit,)
        The shares that are flagged of either, for each limit.
    area : float
        The area below the curve: 1 of a perfect score, 1/2 of chance.
    """
    scores = torch.cat([inside, outside]).double()
    limits = scores.unique().flip(0)
    curves = [
        1 - torch.searchsorted(x.double().sort().values, limits).double() / len(x)
        for x in (inside, outside)
    ]
    zero = torch.zeros(1, dtype=torch.float64)
    false_alarms, found = (torch.cat([zero, curve]) for curve in curves)
    return false_alarms, found, float(torch.trapezoid(found, false_alarms))


@styled
def trust_figure(trust: Trust) -> Figure:
    """Draw errors over the score of the guard, and where the flags are."""
    rows = {name: x.numpy() for name, x in trust.kept.rows.items()}
    figure, axes = in_rows(2 if trust.places else 1, 2, 4.4, 3.4)
    _errors(axes[0], rows, trust.metrics())
    if trust.places:
        _map(axes[1], rows, trust.places)
    return figure


def _errors(ax: Axes, rows: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    """Draw samples by score and error, with the largest distance that is allowed."""
    looks = {"inside": ("blue", ~rows["flag"]), "flagged": ("vermilion", rows["flag"])}
    for label, (colour, chosen) in looks.items():
        ax.plot(
            rows["score"][chosen],
            rows["error"][chosen],
            ".",
            color=OKABE_ITO[colour],
            markersize=2,
            label=label,
            rasterized=True,
        )
    ax.axvline(1, color="0.3", linewidth=0.8)
    ax.set(xscale="log", yscale="log", title="Errors and the guard")
    ax.set_xlabel("distance from the training set / the largest allowed")
    ax.set_ylabel("error [standard deviations]")
    ax.legend(loc="lower right", markerscale=4)
    note(ax, f"flagged: {100 * metrics['flagged_share']:.2g} %")


def _map(ax: Axes, rows: Mapping[str, Any], places: tuple[str, ...]) -> None:
    """Draw the share of flagged samples along one coordinate or over two."""
    known = np.all([np.isfinite(rows[f"place_{i}"]) for i in range(len(places))], axis=0)
    flag = rows["flag"][known].astype(float)
    points = np.stack([rows[f"place_{i}"][known] for i in range(len(places))])
    ax.set_title("Where the flags are")
    if not len(flag):
        note(ax, "places unknown")
        return
    bins = [min(BINS, max(len(np.unique(x)), 1)) for x in points]
    count, edges = np.histogramdd(points.T, bins)
    flagged, _ = np.histogramdd(points.T, edges, weights=flag)
    share = 100 * np.divide(flagged, count, out=np.full_like(flagged, np.nan), where=count > 0)
    ax.set_xlabel(places[0])
    if len(places) == 1:
        middle = (edges[0][1:] + edges[0][:-1]) / 2
        ax.bar(middle, share, width=np.diff(edges[0]), color=OKABE_ITO["vermilion"])
        ax.set_ylabel("flagged [%]")
        return
    image = ax.pcolormesh(*edges, share.T, cmap="YlOrRd", vmin=0, rasterized=True)
    ax.set_ylabel(places[1])
    ax.grid(False)
    colour_bar(image, ax, "flagged [%]")
