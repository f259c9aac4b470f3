"""Losses of networks that predict a normal distribution: a mean, and a standard deviation.

Both are proper: least for the mean and standard deviation of the target (Gneiting & Raftery
2007). The likelihood weighs an error by its predicted variance, so that a network may lower it by
predicting a large variance where it has learned little. The score is in units of the output.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from ai4sim.evaluation.calibration import crps_of_gaussian

GAUSSIAN = ("crps", "nll")
"""The losses of this module, by name."""


class GaussianScore(nn.Module):
    """Mean continuous ranked probability score (Gneiting et al. 2005, eq. 5)."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the score of ``prediction : (batch, 2 channel, ...)``, means before spreads."""
        mean, spread = prediction.chunk(2, dim=1)
        return crps_of_gaussian(target, mean, spread).mean()


class GaussianLikelihood(nn.Module):
    """Mean negative logarithm of the likelihood, per value."""

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss of ``prediction : (batch, 2 channel, ...)``, means before spreads."""
        mean, spread = prediction.chunk(2, dim=1)
        # -ln N(y; m, s) = ((y - m) / s)^2 / 2 + ln s + ln(2 pi) / 2
        z = (target - mean) / spread
        return (z.square() / 2 + spread.log()).mean() + math.log(2 * math.pi) / 2
