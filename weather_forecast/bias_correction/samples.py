"""A bounded choice of columns for the figures, the same however the test set is divided."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ai4sim.evaluation.reservoir import Reservoir, random_key, row_random
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


class Samples:
    """Points for scatter plots and maps, and a few whole columns.

    Attributes
    ----------
    layout : RadiationLayout
    drawn : Reservoir
        Points, evenly drawn, see :attr:`points`.
    by_kind : Reservoir
        Columns, one of each of :data:`KINDS`, see :attr:`columns`.
    """

    def __init__(self, layout: RadiationLayout) -> None:
        self.layout = layout
        self.drawn, self.by_kind = Reservoir(POINTS), Reservoir(1)

    def update(
        self,
        *,
        inputs: Tensor,
        targets: Tensor,
        prediction: Tensor,
        latitude: Tensor,
        longitude: Tensor,
    ) -> None:
        """Choose among the columns of a batch.

        Parameters
        ----------
        inputs, targets, prediction : (column, channel)
        latitude, longitude : (column,)  [degrees]
        """
        columns = self.layout.split_inputs(inputs)
        random = row_random(inputs.double().abs().log1p().sum(-1), 1e-5)
        place = {
            "cos_solar_zenith_angle": columns["cos_solar_zenith_angle"],
            "latitude": latitude,
            "longitude": longitude,
        }
        points = {**place, "cloud_cover": columns["cloud_fraction"].amax(-1)}
        for prefix, values in (("target", targets), ("prediction", prediction)):
            outputs = self.layout.split_outputs(values)
            for name, (flux, level) in POINT_VALUES.items():
                points[f"{prefix}_{name}"] = outputs[flux][:, level]
        self.drawn.offer(random, {name: values.double() for name, values in points.items()})
        profiles = {name: columns[name] for name in ("pressure_hl", "cloud_fraction")}
        whole = {**place, **profiles, "target": targets, "prediction": prediction}
        keys = kinds(columns, self.layout.split_outputs(targets), random)
        for number, kind in enumerate(KINDS):
            self.by_kind.offer(keys[kind], whole, group=number)

    def merge(self, other: Samples) -> None:
        """Choose among the choices of another process as well."""
        self.drawn.merge(other.drawn)
        self.by_kind.merge(other.by_kind)

    @property
    def points(self) -> dict[str, Tensor]:
        """At most :data:`POINTS` columns, float64.

        Returns
        -------
        name -> (point,)
            ``cos_solar_zenith_angle``, ``cloud_cover`` (the largest cloud fraction), ``latitude``,
            ``longitude`` and, of each of :data:`POINT_VALUES`, ``target_...`` and
            ``prediction_...`` [W/m2].
        """
        return self.drawn.rows

    @property
    def columns(self) -> dict[str, dict[str, Tensor]]:
        """Columns to look at, one of each kind that there is.

        Returns
        -------
        kind -> name -> (...)
            ``cos_solar_zenith_angle``, ``latitude``, ``longitude``, () [degrees], of which the
            places may be NaN; ``pressure_hl`` (half_level,) [Pa], ``cloud_fraction`` (level,);
            ``target`` and ``prediction`` (channel,).
        """
        rows = self.by_kind.rows
        return {
            KINDS[number]: {name: values[i] for name, values in rows.items()}
            for i, number in enumerate(rows["group"].tolist() if rows else ())
        }


def kinds(
    columns: Mapping[str, Tensor], targets: Mapping[str, Tensor], random: Tensor
) -> dict[str, Tensor]:
    """Return for each kind of column a key, the largest of which is chosen.

    Within a kind columns are drawn at random, in proportion to the mean size of their flux
    corrections: those with nothing to see are rare, and so are extremes.

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
    drawn = random_key(random, torch.where(cloudless, 1.0, effect))
    chosen = {
        "clear": cloudless & day,
        "low cloud": day & (cloud["low"] > 0.2) & (cloud["high"] < 0.01),
        "high cloud": day & (cloud["high"] > 0.2) & (cloud["low"] < 0.01),
        "multi-layer": day & (cloud["high"] > 0.2) & (cloud["low"] > 0.2),
        "night": (columns["cos_solar_zenith_angle"] <= 0) & (cloud["all"] > 0.2),
    }
    keys = {kind: drawn.where(mask, -torch.inf) for kind, mask in chosen.items()}
    return {**keys, "largest effect": effect.where(~cloudless, -torch.inf)}
