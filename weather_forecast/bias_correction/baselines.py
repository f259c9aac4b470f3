"""What every correction must beat: nothing, the mean, a line; and the scheme that makes labels.

``zero``
    No correction, as operational forecasts have it.
``mean_profile``
    The mean of each output over the training set.
``ridge``
    Ridge regression of each output on the principal components of the standardised inputs.
``teacher``
    The difference of this repository's own SPARTACUS and Tripleclouds, where that is asked for:
    what a cheap physical scheme knows of another one's effects. Of labels that it has made itself
    it is no baseline but the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ai4sim.evaluation.baselines import FittedBaselines
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.reservoir import thinning
from ai4sim.evaluation.ridge import inverse_std, principal_components, ridge_weights
from weather_forecast.bias_correction.io.layout import AEROSOLS, RadiationLayout

FIT_COLUMNS = 10_000
"""Columns that the ridge regression is fitted to, at most, evenly spread over those given."""
COMPONENTS = 200
PENALTY = 5.0
"""Ridge penalty: a component that holds all the variance of the inputs meets a prior as strong as
this many columns, one that holds a hundredth of it as strong as a hundred times as many."""
LARGEST = 5.0
"""Standard deviations to which an input is cut: one that hardly varies in training, as a cloud at
a level where there is one in a thousand, would be worth a hundred of them in another column."""
TEACHER_COLUMNS = 200
"""Columns that the radiation scheme sees, about: it costs some 30 ms for each."""
LOGARITHMIC: dict[str, float] = {
    "q": 1e-7,
    "o3_mmr": 1e-9,
    "q_liquid": 1e-7,
    "q_ice": 1e-7,
    **{f"aerosol_mmr_{kind}": 1e-12 for kind in range(1, AEROSOLS + 1)},
    "pressure_hl": 1.0,
}
"""Inputs of several orders of magnitude, which the regression sees as ``log(x + offset)``."""


@dataclass(frozen=True)
class Baselines(FittedBaselines):
    """Mean profile and ridge regression of a training set.

    Attributes
    ----------
    mean_profile : (output_channels,)  [W/m2, K/day]
    center, scale : (input_channels,)
        Of the :func:`features`; a constant one has the scale 0.
    components : (input_channels, component)
    intercept : (output_channels,)
    weights : (component, output_channels)
        All float32, a few MB in a checkpoint.
    """

    mean_profile: Tensor
    center: Tensor
    scale: Tensor
    components: Tensor
    intercept: Tensor
    weights: Tensor

    @classmethod
    def fit(
        cls,
        inputs: Tensor,
        targets: Tensor,
        layout: RadiationLayout,
        *,
        mean_profile: Tensor | None = None,
        components: int = COMPONENTS,
        penalty: float = PENALTY,
    ) -> Self:
        """Fit to columns of a training set.

        The ridge regression takes the principal components of the standardised :func:`features`,
        see :func:`~ai4sim.evaluation.ridge.ridge_weights`. Constant inputs get no weight.

        Parameters
        ----------
        inputs : (column, input_channels)
        targets : (column, output_channels)
        layout : RadiationLayout
        mean_profile : (output_channels,), optional
            The mean of the whole training set. By default the mean of the columns.
        components : int
            Number of components, at most.
        penalty : float
            See :data:`PENALTY`.

        Raises
        ------
        ValueError
            Fewer than two columns, or of another layout.
        """
        _require(inputs, layout, "fitted to columns")
        if len(inputs) < 2 or targets.shape != (len(inputs), layout.output_channels):
            raise ValueError(
                f"baselines: expected two or more columns with {layout.output_channels} outputs, "
                f"found inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}"
            )
        every = thinning(len(inputs), FIT_COLUMNS)
        z = features(inputs[::every], layout)
        center = z.mean(0)
        scale = inverse_std(center, z.std(0, correction=0))
        z = z.sub_(center).mul_(scale).clamp_(-LARGEST, LARGEST)
        basis = principal_components(z, components)
        moments = CrossMoments.of((z @ basis).cpu().numpy(), targets[::every].cpu().numpy())
        variance = float(z.square().mean(0).sum())
        weights = ridge_weights(moments, penalty * variance, torch.ones(basis.shape[1]))
        t_mean, y_mean = map(torch.from_numpy, (moments.x_mean, moments.y_mean))
        mean = y_mean if mean_profile is None else mean_profile
        state = (mean, center, scale, basis, y_mean - t_mean @ weights, weights)
        return cls(*(values.float().cpu() for values in state))

    def predict(
        self, inputs: Tensor, layout: RadiationLayout, *, teacher: bool = False, every: int = 1
    ) -> dict[str, Tensor]:
        """Predict with each baseline.

        Parameters
        ----------
        inputs : (column, input_channels)
        layout : RadiationLayout
        teacher : bool
            Whether the radiation scheme is one of them. It costs some 30 ms per column.
        every : int
            It sees one column in so many.

        Returns
        -------
        name -> (column, output_channels)  [W/m2, K/day]
            In the precision of the inputs. Rows of NaN where the scheme has not seen a column.

        Raises
        ------
        ValueError
            Inputs of another layout than that of the training set.
        """
        if len(self.center) != layout.input_channels:
            raise ValueError(
                f"baselines: fitted to columns of {len(self.center)} inputs, found "
                f"{layout.input_channels}, those of {layout}"
            )
        _require(inputs, layout, "called with columns")
        predictions = {
            "zero": inputs.new_zeros(len(inputs), layout.output_channels),
            "mean_profile": self.mean_profile.to(inputs).expand(len(inputs), -1),
            "ridge": self.ridge(inputs, layout),
        }
        if teacher:
            predictions["teacher"] = run_teacher(inputs, layout, every)
        return predictions

    def ridge(self, inputs: Tensor, layout: RadiationLayout) -> Tensor:
        """Predict with the ridge regression, (column, output_channels)  [W/m2, K/day]."""
        center, scale, components, intercept, weights = (
            values.to(inputs.device).double()
            for values in (self.center, self.scale, self.components, self.intercept, self.weights)
        )
        z = ((features(inputs, layout) - center) * scale).clamp(-LARGEST, LARGEST)
        return (intercept + z @ components @ weights).to(inputs)


def features(inputs: Tensor, layout: RadiationLayout) -> Tensor:
    """Return the inputs with those of :data:`LOGARITHMIC` as logarithms.

    Parameters
    ----------
    inputs : (column, input_channels)

    Returns
    -------
    (column, input_channels)
        A copy, float64.
    """
    values = inputs.to(torch.float64, copy=True)
    split = layout.split_inputs(values)  # views
    for name, offset in LOGARITHMIC.items():
        split[name].clamp_(min=0).add_(offset).log_()
    return values


def run_teacher(inputs: Tensor, layout: RadiationLayout, every: int = 1) -> Tensor:
    """Run the radiation scheme on one column in `every`, on the host."""
    from weather_forecast.bias_correction.physics.solver import three_dimensional_effect

    effect, _ = three_dimensional_effect(
        layout.split_inputs(inputs[::every].cpu()), like_ecrad=True
    )
    found = inputs.new_full((len(inputs), layout.output_channels), torch.nan)
    found[::every] = effect.to(inputs)
    return found


def _require(inputs: Tensor, layout: RadiationLayout, what: str) -> None:
    """Raise an error unless the inputs are of the layout."""
    if inputs.ndim != 2 or inputs.shape[1] != layout.input_channels:
        raise ValueError(
            f"baselines: {what} of shape {tuple(inputs.shape)}, expected (column, "
            f"{layout.input_channels}) for {layout}"
        )
