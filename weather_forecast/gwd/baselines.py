"""What every emulator of gravity wave drag must beat: nothing, the mean, a line, a cheaper scheme.

``zero``
    No drag.
``climatology``
    The mean of each output over the training set.
``ridge``
    Ridge regression of each output on all inputs, from the covariances of the training set.
``scheme_4x20``, ``scheme_4x32``, ``scheme_16x8``, ``scheme_16x20``
    The non-orographic scheme itself with fewer azimuths x phase speeds: as in operational
    forecasts, before and since cycle 49R1 of the IFS; what a flux network begins with; a fifth of
    the waves of 16 x 100. They need the latitude.
``learned_16x8``, ``learned_16x16``
    The same with phase speeds that were learned from the demo's columns, see
    :mod:`weather_forecast.gwd.physics.learned`.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ai4sim.evaluation.baselines import FittedBaselines
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.ridge import ridge_weights
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.physics.learned import learned_speeds
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, few_speeds, nonorographic_drag

log = logging.getLogger(__name__)

SCHEMES = {
    "scheme_4x20": WaveSpectrum(azimuths=4, phase_speeds=20),
    "scheme_4x32": WaveSpectrum(azimuths=4, phase_speeds=32),
    "scheme_16x8": few_speeds(azimuths=16, phase_speeds=8),
    "scheme_16x20": WaveSpectrum(azimuths=16, phase_speeds=20),
    "learned_16x8": learned_speeds(azimuths=16, phase_speeds=8),
    "learned_16x16": learned_speeds(azimuths=16, phase_speeds=16),
}
"""Cheaper discretisations of the non-orographic scheme."""
PENALTY = 200.0
"""Ridge penalty in columns: that of a prior as strong as this many columns (chosen on reference
data, where the R2 of validation dates is flat around it)."""
SCHEME_COLUMNS = 20_000
"""Columns that the cheaper schemes see, about. They cost far more than a network: together about a
second per 20,000 columns on a core."""


@dataclass(frozen=True)
class Baselines(FittedBaselines):
    """Climatology and ridge regression of a training set, and the cheaper schemes.

    Attributes
    ----------
    input_mean : (input_channels,)
    climatology : (output_channels,)  [m/s2]
    weights : (input_channels, output_channels)
        Of the ridge regression, from the deviation of an input to that of an output. All float64.
    """

    input_mean: Tensor
    climatology: Tensor
    weights: Tensor

    @classmethod
    def fit(cls, moments: CrossMoments, penalty: float = PENALTY) -> Self:
        """Fit to the moments of a training set.

        Parameters
        ----------
        moments : CrossMoments
            Of inputs (column, input_channels) and targets (column, output_channels).
        penalty : float
            In columns, see :func:`~ai4sim.evaluation.ridge.ridge_weights`.
        """
        mean, climatology = map(torch.from_numpy, (moments.x_mean, moments.y_mean))
        return cls(mean, climatology, ridge_weights(moments, penalty))

    def predict(
        self, inputs: Tensor, latitude: Tensor, layout: DragLayout, *, every: int = 1
    ) -> dict[str, Tensor]:
        """Predict with each baseline.

        Parameters
        ----------
        inputs : (column, input_channels)
        latitude : (column,)  [degrees north]
            NaN where it is not known.
        layout : DragLayout
        every : int
            The cheaper schemes see one column in so many.

        Returns
        -------
        name -> (column, output_channels)  [m/s2]
            In the precision of the inputs. Rows of NaN where a scheme has not seen a column; one
            that has seen none is not among them.

        Raises
        ------
        ValueError
            Inputs of another layout than that of the training set.
        """
        rows, outputs = self.weights.shape
        if (rows, outputs) != (layout.input_channels, layout.output_channels):
            raise ValueError(
                f"baselines: fitted to {rows} inputs and {outputs} outputs, found {layout}, that "
                f"is {layout.input_channels} and {layout.output_channels}"
            )
        predictions = {
            "zero": inputs.new_zeros(len(inputs), outputs),
            "climatology": self.climatology.to(inputs).expand(len(inputs), -1),
            "ridge": self.ridge(inputs),
        }
        if layout.scheme == "nogwd":
            predictions |= _cheaper_schemes(inputs, latitude, layout, every)
        return predictions

    def ridge(self, inputs: Tensor) -> Tensor:
        """Predict with the ridge regression, (column, output_channels)  [m/s2]."""
        mean, climatology, weights = (
            t.to(inputs.device) for t in (self.input_mean, self.climatology, self.weights)
        )
        return (climatology + (inputs.double() - mean) @ weights).to(inputs)


def run_scheme(
    inputs: Tensor, latitude: Tensor, layout: DragLayout, spectrum: WaveSpectrum
) -> Tensor:
    """Run the non-orographic scheme on columns.

    Parameters
    ----------
    inputs : (column, input_channels)
    latitude : (column,)  [degrees north]
    layout : DragLayout
    spectrum : WaveSpectrum

    Returns
    -------
    (column, output_channels)  [m/s2]

    Raises
    ------
    ValueError
        Columns that end above the launch level.
    """
    u, v, temperature, surface_pressure, _ = layout.split_inputs(inputs).values()
    chunk = 128 if inputs.device.type == "cpu" else 8192
    drag = nonorographic_drag(u, v, temperature, surface_pressure, latitude, spectrum, chunk=chunk)
    return torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)


def _cheaper_schemes(
    inputs: Tensor, latitude: Tensor, layout: DragLayout, every: int
) -> dict[str, Tensor]:
    """Run the cheaper schemes on one column in `every`, where the latitude is known."""
    seen = torch.zeros_like(latitude, dtype=torch.bool)
    seen[::every] = True
    seen &= ~latitude.isnan()
    if not seen.all() and latitude.isnan().any():
        _warn_once("no latitude in some files: the cheaper schemes are not compared there")
    if not seen.any():
        return {}
    predictions = {}
    for name, spectrum in SCHEMES.items():
        try:
            spectrum.launch_level(layout.levels)
        except ValueError as error:
            _warn_once(f"the cheaper schemes are not compared: {error}")
            return {}
        predictions[name] = inputs.new_full((len(inputs), layout.output_channels), torch.nan)
        predictions[name][seen] = run_scheme(inputs[seen], latitude[seen], layout, spectrum)
    return predictions


@functools.cache
def _warn_once(message: str) -> None:
    """Warn once in a run, not with every batch."""
    log.warning(message)
