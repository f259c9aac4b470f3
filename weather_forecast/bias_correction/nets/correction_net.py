"""The network of the 3-D corrections: features, a network along the levels, a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ai4sim.nets import build
from ai4sim.normalization import full_precision
from weather_forecast.bias_correction.io.layout import HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.nets.features import profile_features, surface_features
from weather_forecast.bias_correction.nets.heads import FreeHead, StructuredHead, by_output

LIMIT = 6.0
"""Standard deviations beyond which a feature is cut off."""


class CorrectionNet(nn.Module):
    """Columns (column, channel), physical units, to corrections in units of `output_scale`.

    Parameters
    ----------
    backbone : mapping
        A network along the levels, (batch, in_channels, level) to (batch, out_channels, level), see
        :func:`ai4sim.nets.build`; it gets the two numbers of channels.
    levels : int
        Layers of the columns.
    structured : bool
        Whether the corrections fit together by construction, see :mod:`.heads`.
    derived : bool
        Whether it sees derived features of the clouds, see :mod:`.features`.
    heating_weight : float
        How much more an error of a heating rate counts than one of a flux, each in units of its
        variable's mean size. A flux is the sum over many layers and leaves each of them vague.
    spread : bool
        Whether it gives, behind the corrections, as many values for a standard deviation of each
        (:meth:`ai4sim.surrogate.Surrogate.with_spread`). The mean keeps the structure of its head.
        The spreads are those of single fluxes and heating rates: nothing says how their errors go
        together, and where the head leaves no error, at the top or at night, they have the least
        value.
    """

    output_scale: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: Mapping[str, Any],
        levels: int = 137,
        structured: bool = True,
        derived: bool = True,
        heating_weight: float = 3.0,
        spread: bool = False,
    ) -> None:
        super().__init__()
        self.layout, self.derived = RadiationLayout(levels), derived
        self.heating_weight = heating_weight
        self.head = StructuredHead(self.layout) if structured else FreeHead(self.layout)
        column = torch.ones(1, self.layout.input_channels)
        inputs = self._features(self.layout.split_inputs(column)).shape[1]
        self.channels = self.head.channels, FreeHead.channels if spread else 0
        self.backbone = build(
            {**backbone, "in_channels": inputs, "out_channels": sum(self.channels)}
        )
        self.register_buffer("output_scale", torch.ones(self.layout.output_channels))
        self.register_buffer("mean", torch.zeros(inputs, 1))
        self.register_buffer("std", torch.ones(inputs, 1))

    def calibrate(self, inputs: Tensor, targets: Tensor) -> None:
        """Take the scales of what goes in and comes out from the training set.

        Parameters
        ----------
        inputs : (column, channel)
            Some thousand typical ones.
        targets : (column, output)  [W/m2], [K/day]
        """
        columns = self.layout.split_inputs(inputs)
        features = self._features(columns)
        self.mean.copy_(features.mean((0, 2))[:, None])
        self.std.copy_(features.std((0, 2)).clamp(min=1e-4)[:, None])
        self.head.calibrate(columns, targets)
        self.output_scale.copy_(output_units(self.layout, targets, self.heating_weight))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the corrections of ``inputs : (column, channel)``, divided by `output_scale`.

        With a spread, its values stand behind them: (column, 2 output).
        """
        with torch.autocast(inputs.device.type, enabled=False):
            columns = self.layout.split_inputs(full_precision(inputs))
            features = (self._features(columns) - self.mean) / self.std
        found = self.backbone(features.clamp(-LIMIT, LIMIT))
        with torch.autocast(inputs.device.type, enabled=False):
            of_mean, of_spread = full_precision(found).split(self.channels, dim=1)
            corrections: Tensor = self.head(of_mean, columns) / self.output_scale
            return (
                torch.cat([corrections, by_output(of_spread)], 1)
                if self.channels[1]
                else corrections
            )

    def _features(self, columns: Mapping[str, Tensor]) -> Tensor:
        """Return (column, feature, half_level); what a column has as a whole is at every level."""
        profiles = profile_features(columns, self.derived)
        whole = surface_features(columns)[..., None].expand(-1, -1, profiles.shape[-1])
        return torch.cat([profiles, whole], dim=1)


def output_units(layout: RadiationLayout, targets: Tensor, heating_weight: float = 1.0) -> Tensor:
    """Return the unit of each target: the mean size of its variable over a weight.

    In these units a mean absolute error is the weighted mean of what is left of the effect, the
    measure of the corrections, and 1 without any. All levels of a variable have the same, so that
    they count as much as what happens there and the thin layers at the top do not reign.

    Parameters
    ----------
    layout : RadiationLayout
    targets : (column, output)
    heating_weight : float
        Of heating rates; fluxes have 1.

    Returns
    -------
    (output,)
    """
    tiny = torch.finfo(torch.float32).tiny
    sizes, weights = [], []
    for name, part in layout.split_outputs(targets).items():
        sizes.append(part.abs().mean().clamp(min=tiny).expand(part.shape[1]))
        weights.append(torch.full_like(sizes[-1], heating_weight if name in HEATING_RATES else 1))
    weight = torch.cat(weights)
    return torch.cat(sizes) * weight.mean() / weight
