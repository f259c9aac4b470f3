"""The network of the 3-D corrections: features, a network along the levels, a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ai4sim.nets import build
from ai4sim.normalization import full_precision
from weather_forecast.bias_correction.io.layout import HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.nets.features import (
    NamedColumns,
    profile_features,
    surface_features,
)
from weather_forecast.bias_correction.nets.heads import (
    CLOUD,
    FreeHead,
    StructuredHead,
    by_output,
)

LIMIT = 6.0
"""Standard deviations beyond which a feature is cut off."""
SUMMARY = 8
"""Numbers that the layers above the clouds know of those below."""


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
    clear_levels : int
        The number of layers at the top that the network does not look at, because no cloud is ever
        there: neither their state nor a cloud in them changes anything. What they do to the
        radiation is a linear map of what the network finds at the uppermost level that it sees.
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
        clear_levels: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= clear_levels < levels:
            raise ValueError(
                f"clear_levels: expected 0 to {levels - 1} of {levels} layers, found {clear_levels}"
            )
        self.layout, self.derived = RadiationLayout(levels), derived
        self.heating_weight, self.clear_levels = heating_weight, clear_levels
        self.structured = structured
        self.head = StructuredHead(self.layout) if structured else FreeHead(self.layout)
        column = torch.ones(1, self.layout.input_channels)
        profiles, whole = self._features(self.layout.split_inputs(column))
        inputs = profiles.shape[1] + whole.shape[1]
        self.channels = self.head.channels, FreeHead.channels if spread else 0
        outputs = sum(self.channels)
        if clear_levels:
            self.above = nn.Linear(SUMMARY, outputs * clear_levels)
        found = outputs + SUMMARY * bool(clear_levels)
        self.backbone = build({**backbone, "in_channels": inputs, "out_channels": found})
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

        Raises
        ------
        ValueError
            There are clouds in layers that the network does not look at.
        """
        columns = self.layout.split_inputs(inputs)
        cloudy = (columns["cloud_fraction"] > CLOUD).any(0).nonzero()
        if len(cloudy) and int(cloudy[0]) < self.clear_levels:
            raise ValueError(
                f"clear_levels {self.clear_levels}: the training set has clouds from layer "
                f"{int(cloudy[0])} down, expected none in the layers 0 to {self.clear_levels - 1}"
            )
        profiles, whole = self._features(columns)
        mean = torch.cat([profiles.mean((0, 2)), whole.mean(0)])
        std = torch.cat([profiles.std((0, 2)), whole.std(0, correction=0)])
        self.mean.copy_(mean[:, None])
        self.std.copy_(std.clamp(min=1e-4)[:, None])
        self.head.calibrate(columns, targets)
        self.output_scale.copy_(output_units(self.layout, targets, self.heating_weight))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the corrections of ``inputs : (column, channel)``, divided by `output_scale`.

        With a spread, its values stand behind them: (column, 2 output).
        """
        known = self.structured and not self.channels[1]
        if not known or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._corrections(inputs)
        # Without clouds the head returns 0 whatever the network says: nothing is computed.
        found = self.output_scale.new_zeros(len(inputs), self.layout.output_channels)
        seen = self._seen(self.layout.split_inputs(inputs))
        cloudy = (seen["cloud_fraction"] > CLOUD).any(-1)
        if cloudy.any():
            found[cloudy] = self._corrections(inputs[cloudy])
        return found

    def _corrections(self, inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            columns = self.layout.split_inputs(full_precision(inputs))
            features = self._normalised(columns)
        found = self.backbone(features)
        with torch.autocast(inputs.device.type, enabled=False):
            layers = self._down_from_the_top(full_precision(found))
            of_mean, of_spread = layers.split(self.channels, dim=1)
            clouds = {"cloud_fraction": self._seen(columns)["cloud_fraction"]}
            corrections: Tensor = self.head(of_mean, {**columns, **clouds}) / self.output_scale
            return (
                torch.cat([corrections, by_output(of_spread)], 1)
                if self.channels[1]
                else corrections
            )

    def _seen(self, columns: NamedColumns) -> dict[str, Tensor]:
        """Return the columns from the uppermost layer that the network looks at."""
        return {n: x[:, self.clear_levels :] if x.ndim > 1 else x for n, x in columns.items()}

    def _normalised(self, columns: NamedColumns) -> Tensor:
        """Return (column, feature, half_level); what a column has as a whole is at every level."""
        profiles, whole = self._features(columns)
        n = profiles.shape[1]
        profiles = ((profiles - self.mean[:n]) / self.std[:n]).clamp(-LIMIT, LIMIT)
        whole = ((whole - self.mean[n:, 0]) / self.std[n:, 0]).clamp(-LIMIT, LIMIT)
        return torch.cat([profiles, whole[..., None].expand(-1, -1, profiles.shape[-1])], dim=1)

    def _features(self, columns: NamedColumns) -> tuple[Tensor, Tensor]:
        """Return the features of the levels, (column, feature, half_level), and of the column."""
        seen = self._seen(columns)
        return profile_features(seen, self.derived), surface_features(seen)

    def _down_from_the_top(self, found: Tensor) -> Tensor:
        """Put the layers above those that the network looks at on top of what it finds there."""
        if not self.clear_levels:
            return found
        layers, summary = found.split([sum(self.channels), SUMMARY], dim=1)
        above: Tensor = self.above(summary[..., 0])
        return torch.cat([above.unflatten(1, (sum(self.channels), -1)), layers], dim=-1)


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
