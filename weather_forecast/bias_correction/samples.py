"""A bounded choice of columns that the figures show, the same however the test set is divided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from weather_forecast.bias_correction.io.layout import FLUXES, RadiationLayout
from weather_forecast.bias_correction.physics.diagnostics import cloud_amounts

POINTS = 4000
"""Columns whose values at surface and top are kept, at most."""
KINDS = ("clear", "low cloud", "high cloud", "multi-layer", "night", "largest effect")
"""Columns to look at, one of each kind; see :func:`kinds`."""
POINT_VALUES = {
    "surface_flux_dn_sw": ("flux_dn_sw", -1),
    "toa_flux_up_sw": ("flux_up_sw", 0),
    "surface_flux_dn_lw": ("flux_dn_lw", -1),
    "toa_flux_up_lw": ("flux_up_lw", 0),
}
"""Values that are kept of each point, and seen by solar zenith angle: flux and half level."""


@dataclass
class Sample:
    """A column to look at.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    key : float
        Of the columns of a kind that with the largest is kept.
    cos_solar_zenith_angle, latitude, longitude : float
        The places [degrees] may be NaN.
    pressure_hl, cloud_fraction : (half_level,) [Pa], (level,)
    target : (channel,)
    predictions : name -> (channel,)
        NaN where a baseline has left the column out.
    """

    kind: str
    key: float
    cos_solar_zenith_angle: float
    latitude: float
    longitude: float
    pressure_hl: Tensor
    cloud_fraction: Tensor
    target: Tensor
    predictions: dict[str, Tensor]


@dataclass
class Samples:
    """Points for scatter plots and maps, and a few whole columns.

    Attributes
    ----------
    layout : RadiationLayout
    points : name -> (point,)
        At most :data:`POINTS`, drawn evenly: ``key``, ``cos_solar_zenith_angle``,
        ``cloud_cover`` (the largest cloud fraction), ``latitude``, ``longitude`` and, of each of
        :data:`POINT_VALUES`, ``target_...`` and ``prediction_...`` [W/m2].
    columns : kind -> Sample
    """

    layout: RadiationLayout
    points: dict[str, Tensor] = field(default_factory=dict)
    columns: dict[str, Sample] = field(default_factory=dict)

    def update(
        self,
        *,
        inputs: Tensor,
        targets: Tensor,
        predictions: Mapping[str, Tensor],
        latitude: Tensor,
        longitude: Tensor,
    ) -> None:
        """Choose among the columns of a batch, with the model first among the predictions.

        Parameters
        ----------
        inputs, targets : (column, channel)
        predictions : name -> (column, channel)
        latitude, longitude : (column,)  [degrees]
        """
        columns = self.layout.split_inputs(inputs)
        random = column_random(inputs)
        model = next(iter(predictions.values()))
        points = {
            "key": random,
            "cos_solar_zenith_angle": columns["cos_solar_zenith_angle"],
            "cloud_cover": columns["cloud_fraction"].amax(-1),
            "latitude": latitude,
            "longitude": longitude,
        }
        for prefix, values in (("target", targets), ("prediction", model)):
            outputs = self.layout.split_outputs(values)
            for name, (flux, level) in POINT_VALUES.items():
                points[f"{prefix}_{name}"] = outputs[flux][:, level]
        self._keep_points({name: values.double().cpu() for name, values in points.items()})
        for kind, key in kinds(columns, self.layout.split_outputs(targets), random).items():
            best, i = (value.item() for value in key.max(0))
            if not math.isfinite(best):
                continue
            self._keep_column(
                Sample(
                    kind=kind,
                    key=best,
                    cos_solar_zenith_angle=float(columns["cos_solar_zenith_angle"][int(i)]),
                    latitude=float(latitude[int(i)]),
                    longitude=float(longitude[int(i)]),
                    pressure_hl=_copy(columns["pressure_hl"][int(i)]),
                    cloud_fraction=_copy(columns["cloud_fraction"][int(i)]),
                    target=_copy(targets[int(i)]),
                    predictions={name: _copy(p[int(i)]) for name, p in predictions.items()},
                )
            )

    def merge(self, other: Samples) -> None:
        """Choose among the choices of another process as well."""
        if other.points:
            self._keep_points(other.points)
        for sample in other.columns.values():
            self._keep_column(sample)

    def _keep_points(self, points: Mapping[str, Tensor]) -> None:
        """Keep the points of the largest keys, in their order."""
        both = {
            name: torch.cat([self.points.get(name, values[:0]), values])
            for name, values in points.items()
        }
        chosen = both["key"].argsort(descending=True, stable=True)[:POINTS]
        self.points = {name: values[chosen] for name, values in both.items()}

    def _keep_column(self, sample: Sample) -> None:
        """Keep the column if its key is the largest of its kind."""
        known = self.columns.get(sample.kind)
        if known is None or sample.key > known.key:
            self.columns[sample.kind] = sample


def column_random(inputs: Tensor) -> Tensor:
    """Return a number between 0 and 1 for each column that nothing but the column decides.

    Parameters
    ----------
    inputs : (column, channel)

    Returns
    -------
    (column,)
        Float64, as if drawn at random.
    """
    marker = inputs.double().abs().log1p().sum(-1)
    return (marker * 1e5 * (math.sqrt(5) - 1)).frac()


def kinds(
    columns: Mapping[str, Tensor], targets: Mapping[str, Tensor], random: Tensor
) -> dict[str, Tensor]:
    """Return for each kind of column a key, the largest of which is chosen.

    Within a kind columns are drawn at random, in proportion to the mean size of their flux
    corrections (Efraimidis & Spirakis 2006: ``log(random) / weight``): those with nothing to see
    are rare, and so are extremes.

    Parameters
    ----------
    columns, targets : name -> (column, level) or (column,)
    random : (column,)
        Between 0 and 1.

    Returns
    -------
    kind -> (column,)
        Minus infinity where a column is not of the kind.
    """
    cloud = cloud_amounts(columns)
    day = columns["cos_solar_zenith_angle"] > 0.1
    cloudless = cloud["all"] == 0
    effect = torch.stack([targets[name].double().abs().mean(-1) for name in FLUXES]).mean(0)
    weight = torch.where(cloudless, 1.0, effect)
    drawn = (random.clamp(min=1e-12).log() / weight).where(weight > 0, -torch.inf)
    chosen = {
        "clear": cloudless & day,
        "low cloud": day & (cloud["low"] > 0.2) & (cloud["high"] < 0.01),
        "high cloud": day & (cloud["high"] > 0.2) & (cloud["low"] < 0.01),
        "multi-layer": day & (cloud["high"] > 0.2) & (cloud["low"] > 0.2),
        "night": (columns["cos_solar_zenith_angle"] <= 0) & (cloud["all"] > 0.2),
    }
    keys = {kind: drawn.where(mask, -torch.inf) for kind, mask in chosen.items()}
    return {**keys, "largest effect": effect.where(~cloudless, -torch.inf)}


def _copy(values: Tensor) -> Tensor:
    """Copy to the host, without the batch that the values are a view of."""
    return values.to("cpu", torch.float32, copy=True)
