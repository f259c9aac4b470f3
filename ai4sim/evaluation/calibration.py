"""Whether a predicted spread is as large as the error: sums that add up, scores, a figure.

Scores of each output, physical units, over the whole test set:

``rmse``, ``mae``
    Of the mean.
``spread``
    The root of the mean predicted variance.
``spread_skill_ratio``
    Spread over RMSE; of an ensemble of M members times ``sqrt((M + 1) / M)`` (Fortin et al. 2014,
    eq. 15): its mean has an error of its own. 1 where errors are as large as predicted, less where
    the ensemble is overconfident.
``crps``
    Mean continuous ranked probability score [unit of the output]: of one value it is the absolute
    error. Of a Gaussian the closed form (Gneiting et al. 2005, eq. 5), of an ensemble the estimator
    that its size does not bias (Ferro 2014; the kernel form is eq. 20 of Gneiting & Raftery 2007).
``coverage_50``, ``coverage_90``
    Share of the targets within the central interval that should hold 50 or 90 % of them. Of an
    ensemble it is the interval in which a further member of the same normal distribution would be:
    quantiles of Student's t with M - 1 degrees of freedom, times ``spread sqrt(1 + 1 / M)``.
``spread_skill``
    Spread, RMSE and number of values in bins of the spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.figures import NETWORK, styled
from ai4sim.evaluation.panels import MARKS, ZERO, in_rows
from ai4sim.evaluation.scores import Sums, add, plain_number, require_finite, sum_by
from ai4sim.forecast import Forecast
from ai4sim.variables import Variable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (50, 90)
"""Percent of the targets that the intervals should hold."""
PER_OCTAVE, OCTAVES = 4, (-150, 129)
"""Bins of the spread: so many in a factor of two, over all that single precision knows."""
MOST_BINS = 12
"""Number of bins that are reported."""
NORMAL = NormalDist()


class Calibration:
    """Sums over the targets and forecasts of a test set, by output and by bin of the spread.

    Parameters
    ----------
    members : int, optional
        Number of members of an ensemble; None where the spread is that of a Gaussian, predicted or
        that of an ensemble of such.

    Attributes
    ----------
    sums : output -> sums
        ``count``, ``variance``, ``error2``, each (bin,), and of all bins together ``abs_error``,
        ``crps``, and ``inside_50`` and ``inside_90``, the number of targets within the interval.
    """

    def __init__(self, members: int | None = None) -> None:
        self.members = members
        self.sums: dict[str, Sums] = {}
        growth = math.sqrt(1 + 1 / members) if members else 1.0
        self._widths = {level: growth * half_width(level, members) for level in LEVELS}

    def update(self, name: str, target: Tensor, forecast: Forecast) -> None:
        """Take in values of an output; where the target is NaN, it is not known.

        Parameters
        ----------
        name : str
        target : (...)
        forecast : Forecast
            Of tensors of the same shape; of an ensemble with its members.

        Raises
        ------
        ValueError
            The shapes differ, or the forecast is not finite.
        """
        for part, values in (("mean", forecast.mean), ("spread", forecast.spread)):
            require_finite(f"{name}: {part} of the forecast", values, tuple(target.shape))
        known = target.isfinite()
        y, mean, spread = (x[known].double() for x in (target, forecast.mean, forecast.spread))
        error = (y - mean).abs()
        if forecast.members is None:
            crps = crps_of_gaussian(y, mean, spread)
        else:
            crps = crps_of_ensemble(y, forecast.members[:, known].double())
        first, last = (PER_OCTAVE * octave for octave in OCTAVES)
        octave = spread.clamp(min=2.0 ** OCTAVES[0]).log2()
        bins = (PER_OCTAVE * octave).floor().long().clamp(first, last - 1) - first
        add(
            self.sums.setdefault(name, {}),
            {
                "count": sum_by(bins, last - first, torch.ones_like(y)),
                "variance": sum_by(bins, last - first, spread.square()),
                "error2": sum_by(bins, last - first, error.square()),
                "abs_error": error.sum(),
                "crps": crps.sum(),
                **{
                    f"inside_{level}": (error <= width * spread).double().sum()
                    for level, width in self._widths.items()
                },
            },
        )

    def merge(self, other: Calibration) -> None:
        """Add the sums of another process, over other samples."""
        add(self.sums, other.sums)

    def metrics(self, variables: Sequence[Variable]) -> dict[str, Any]:
        """Form the scores of the module's docstring.

        Parameters
        ----------
        variables : sequence of Variable
            The outputs, which say the units.

        Returns
        -------
        dict
            ``{"members": M or None, "outputs": {output: {"units": text, score: value, ...}}}``.
        """
        units = {v.name: v.units for v in variables}
        outputs = {
            name: {"units": units[name], **self._scores(sums)}
            for name, sums in self.sums.items()
            if sums["count"].sum() > 0
        }
        return {"members": self.members, "outputs": outputs}

    def _scores(self, sums: Mapping[str, Tensor]) -> dict[str, Any]:
        count = sums["count"].sum()
        rmse = (sums["error2"].sum() / count).sqrt()
        spread = (sums["variance"].sum() / count).sqrt()
        growth = math.sqrt(1 + 1 / self.members) if self.members else 1.0
        return {
            "count": int(count),
            "rmse": plain_number(rmse),
            "mae": plain_number(sums["abs_error"] / count),
            "spread": plain_number(spread),
            "spread_skill_ratio": plain_number(growth * spread / rmse),
            "crps": plain_number(sums["crps"] / count),
            **{
                f"coverage_{level}": plain_number(sums[f"inside_{level}"] / count)
                for level in LEVELS
            },
            "spread_skill": _bins(sums),
        }


def _bins(sums: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Join the bins of the spread to a few of about as many values each."""
    whole = sums["count"].sum()
    # The bin of each fine one: by the share of the values below its middle.
    below = (sums["count"].cumsum(0) - sums["count"] / 2) / whole
    joined = (MOST_BINS * below).long().clamp(max=MOST_BINS - 1)
    count, variance, error2 = (
        sum_by(joined, MOST_BINS, sums[name]) for name in ("count", "variance", "error2")
    )
    there = count > 0
    return {
        "spread": (variance[there] / count[there]).sqrt().tolist(),
        "rmse": (error2[there] / count[there]).sqrt().tolist(),
        "count": count[there].long().tolist(),
    }


def crps_of_gaussian(target: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Return the continuous ranked probability score of a normal distribution.

    Gneiting et al. (2005), eq. 5. Of a spread of 0 it is the absolute error.

    Parameters
    ----------
    target, mean, spread : (...)
        In the same unit.

    Returns
    -------
    (...)
    """
    scale = spread.clamp(min=torch.finfo(spread.dtype).tiny)
    z = (target - mean) / scale
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    # z (2 Phi(z) - 1) = z erf(z / sqrt 2)
    found = scale * (z * torch.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))
    return torch.where(z.isfinite(), found, (target - mean).abs())


def crps_of_ensemble(target: Tensor, members: Tensor) -> Tensor:
    """Return the fair continuous ranked probability score, unbiased by the number of members.

    Ferro (2014): ``mean |x_i - y| - sum_ij |x_i - x_j| / (2 M (M - 1))``.

    Parameters
    ----------
    target : (...)
    members : (member, ...)
        Two or more.

    Returns
    -------
    (...)
    """
    m = len(members)
    ordered = members.sort(0).values
    # sum_ij |x_i - x_j| = 2 sum_i (2 i - M - 1) x_(i), i = 1 ... M
    ranks = 2 * torch.arange(1, m + 1, dtype=members.dtype, device=members.device) - m - 1
    differences = 2 * torch.tensordot(ranks, ordered, dims=1)
    return (members - target).abs().mean(0) - differences / (2 * m * (m - 1))


def half_width(level: float, members: int | None) -> float:
    """Return half the width of a central interval, in standard deviations.

    Parameters
    ----------
    level : float
        Percent of the values within.
    members : int, optional
        Number of values that the standard deviation is an estimate of: the distribution is
        Student's t with one degree of freedom less. None: it is known, and the distribution normal.
    """
    if members is None:
        return NORMAL.inv_cdf(0.5 + level / 200)
    low, high = 0.0, 1e6
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if _student_within(middle, members - 1) < level / 100:
            low = middle
        else:
            high = middle
    return high


def _student_within(t: float, freedom: int) -> float:
    """Return the probability of Student's t within +-t (Abramowitz & Stegun 26.7.3, 26.7.4)."""
    theta = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if not odd:
        return math.sin(theta) * total
    return 2 / math.pi * (theta + math.sin(theta) * total)


# ---- figures -------------------------------------------------------------------------------------


def figures(
    calibration: Calibration, variables: Sequence[Variable]
) -> Iterator[tuple[str, Figure]]:
    """Draw the figure of a calibration, with the name of its file."""
    found = calibration.metrics(variables)
    if found["outputs"]:
        yield "calibration", spread_skill(found)


@styled
def spread_skill(found: Mapping[str, Any]) -> Figure:
    """Draw RMSE by spread, a panel for each output, and below the scores.

    Parameters
    ----------
    found : mapping
        See :meth:`Calibration.metrics`.
    """
    outputs = found["outputs"]
    growth = math.sqrt(1 + 1 / found["members"]) if found["members"] else 1.0
    figure, axes = in_rows(len(outputs), 3, 3.3, 3.3)
    for ax, (name, scores) in zip(axes, outputs.items(), strict=True):
        pairs = zip(*(scores["spread_skill"][key] for key in ("spread", "rmse")), strict=True)
        shown = [(growth * s, r) for s, r in pairs if s > 0 and r > 0]
        if shown:
            spread, rmse = zip(*shown, strict=True)
            ends = min(*spread, *rmse), max(*spread, *rmse)
            ax.loglog(ends, ends, **ZERO)
            ax.loglog(spread, rmse, **{**NETWORK, **MARKS})
        scored = ", ".join(f"{level} %: {scores[f'coverage_{level}']:.0%}" for level in LEVELS)
        ratio = scores["spread_skill_ratio"]
        ax.set_title(f"{name}\nratio {math.nan if ratio is None else ratio:.2f}, within {scored}")
        ax.set(xlabel=f"spread [{scores['units']}]", ylabel=f"RMSE [{scores['units']}]")
    return figure
