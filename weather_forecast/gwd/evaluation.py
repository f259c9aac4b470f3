"""The metrics that an emulator of gravity wave drag is judged by, from sums over columns.

The outputs of a scheme have the axes (component, level). The components are u and v of each part
of the drag: of the non-orographic drag, or of the waves and of the blocked flow of the orographic
one.

Metrics of the model and of each baseline, tendencies in m/s2:

``columns``
    Number of columns behind the metrics. A baseline may leave out some, see
    :meth:`ColumnEvaluation.update`.
``r2``
    Of all outputs of all columns at once, around their one mean. The largest tendencies, at the
    top of the model, decide it.
``r2_mean``, ``r2_median``
    Mean and median over the outputs of the R2 of each. The ``constant_outputs``, which do not vary
    in the test set, have none.
``rmse``, ``mae``, ``bias``
    Of all outputs at once.
``sign_agreement``
    Share of an output's absolute sum that is predicted with the right sign, mean over the outputs.
``budget_residual``
    Non-orographic waves take their momentum from the columns that they give it back to: ``|sum_k
    y_k dp_k / g|`` of the prediction, mean over columns and components, over the mean of ``sum_k
    |y_k| dp_k / g`` of the target. ``u_budget_residual`` and ``v_budget_residual`` are the former
    in Pa.
``wave_...``, ``blocking_...``
    R2 of the two parts of the orographic drag.
``blocking_antiparallel``
    Minus the cosine of the angle between blocking and local wind, weighted with the force; 1 for
    the scheme, 0 for a drag that does not know the wind.

A metric that does not exist, for instance the R2 of a constant target, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import (
    ERROR_SUMS,
    MODEL,
    Sums,
    add,
    error_sums,
    metrics_along,
    metrics_of,
    plain_number,
    pooled,
    predicted_rows,
    require_finite,
    require_model,
    require_shape,
)
from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.atlas import Atlas
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.levels import full_level_pressure, half_level_pressure, pressure_coordinate

STANDARD_PRESSURE = 101325.0
"""Surface pressure [Pa] at which the levels are named by their pressure."""


class ColumnEvaluation:
    """Sums of a model and its baselines over a test set.

    Parameters
    ----------
    layout : DragLayout
        The layout of the columns.

    Attributes
    ----------
    scores : name -> sums
        Of each model, over its columns, see :func:`_sums`.
    atlas : Atlas
        The sums and the columns that the figures show.
    """

    def __init__(self, layout: DragLayout) -> None:
        self.layout = layout
        self.scores: dict[str, Sums] = {}
        self.atlas = Atlas(self.pressure)

    def update(
        self,
        *,
        inputs: Tensor,
        targets: Tensor,
        latitude: Tensor,
        predictions: Mapping[str, Tensor],
    ) -> None:
        """Take in a batch of columns.

        Parameters
        ----------
        inputs : (column, input_channels)
            In the units of the layout.
        targets : (column, output_channels)  [m/s2]
        latitude : (column,)  [degrees north]
            NaN where it is not known.
        predictions : name -> (column, output_channels)  [m/s2]
            The network is called "model". A baseline may leave out columns: their rows are NaN.

        Raises
        ------
        ValueError
            No "model" among the predictions, shapes that do not fit, NaN or infinite values.
        """
        layout, n = self.layout, len(inputs)
        require_model(predictions)
        require_finite("inputs", inputs, (n, layout.input_channels))
        require_finite("targets", targets, (n, layout.output_channels))
        require_shape("latitude", latitude, (n,))
        if not n:
            return
        rows = layout.split_inputs(inputs)
        p_half = half_level_pressure(rows["surface_pressure"].double(), layout.levels)
        mass = p_half.diff(dim=-1) / GRAVITY
        wind = torch.stack([rows["u"], rows["v"]], dim=1).double()
        target = self._by_level(targets)
        predicted = {}
        for name, values in predictions.items():
            known = predicted_rows(name, values, (n, layout.output_channels))
            predicted[name] = self._by_level(values)
            if known.any():
                sums = _sums(target[known], predicted[name][known], mass[known], wind[known])
                add(self.scores, {name: sums})
        self.atlas.update(
            target=target,
            predictions=predicted,
            mass=mass,
            latitude=latitude,
            marker=rows["surface_pressure"] + rows["temperature"][:, -1] + rows["u"][:, -1],
        )

    def merge(self, other: ColumnEvaluation) -> None:
        """Take in the evaluation of another process, of other columns.

        Raises
        ------
        ValueError
            Another layout.
        """
        if other.layout != self.layout:
            raise ValueError(f"evaluations of {self.layout} and {other.layout} cannot be merged")
        add(self.scores, other.scores)
        self.atlas.merge(other.atlas)

    # ---- metrics --------------------------------------------------------------------------------

    def metrics(self) -> dict[str, Any]:
        """Form the metrics of the module's docstring, and R2 and RMSE [m/s2] level by level.

        Returns
        -------
        dict
            ``{"model": {metric: value}, "baselines": {name: {metric: value}}, "profile":
            {"coordinate": {"name", "units", "values"}, "r2" and "rmse": {output: {name:
            values}}}}``; one value per level.

        Raises
        ------
        ValueError
            No column has been evaluated.
        """
        if not self.scores:
            raise ValueError("no column has been evaluated")
        table = {name: self._metrics(sums) for name, sums in self.scores.items()}
        levels = {name: self.level_scores(name) for name in self.scores}
        by_output = {
            output.name: {
                name: {metric: values[i] for metric, values in found.items()}
                for name, found in levels.items()
            }
            for i, output in enumerate(self.layout.outputs)
        }
        profile = metrics_along(pressure_coordinate(self.pressure), by_output, ("r2", "rmse"))
        return {MODEL: table.pop(MODEL), "baselines": table, "profile": profile}

    def level_scores(self, name: str) -> Sums:
        """Return the metrics of each output of a model, (component, level)."""
        return metrics_of(self.scores[name])

    @property
    def parts(self) -> dict[str, slice]:
        """Parts of the drag and their components."""
        if self.layout.scheme == "ogwd":
            return {"wave": slice(0, 2), "blocking": slice(2, 4)}
        return {"drag": slice(0, 2)}

    @property
    def pressure(self) -> Tensor:
        """Pressure of the levels over a standard surface, (level,) [Pa]."""
        surface = torch.tensor(STANDARD_PRESSURE, dtype=torch.float64)
        return full_level_pressure(half_level_pressure(surface, self.layout.levels))

    def _by_level(self, values: Tensor) -> Tensor:
        """Return rows (column, output_channels) as (column, component, level), float64."""
        return values.double().unflatten(-1, (-1, self.layout.levels))

    def _metrics(self, sums: Sums) -> dict[str, float | int | None]:
        """Form all metrics of one model."""
        r2, columns = metrics_of(sums)["r2"], sums["weight"][0, 0]
        agreement = sums["agreeing"] / sums["magnitude"]
        whole = metrics_of(pooled(sums))
        found: dict[str, float | int | None] = {
            "columns": int(columns),
            "r2": plain_number(whole["r2"]),
            "r2_mean": plain_number(r2.nanmean()),
            "r2_median": plain_number(r2.nanquantile(0.5)),
            "constant_outputs": int(r2.isnan().sum()),
            **{metric: plain_number(whole[metric]) for metric in ("rmse", "mae", "bias")},
            "sign_agreement": plain_number(agreement.nanmean()),
        }
        if self.layout.scheme == "nogwd":
            residual, gross = sums["residual"], sums["gross"]
            found["budget_residual"] = plain_number(residual.sum() / gross.sum())
            for name, value in zip("uv", residual / columns, strict=True):
                found[f"{name}_budget_residual"] = plain_number(value)
        else:
            for name, components in self.parts.items():
                part = pooled({key: sums[key][components] for key in ERROR_SUMS})
                found[f"{name}_r2"] = plain_number(metrics_of(part)["r2"])
                found[f"{name}_r2_mean"] = plain_number(r2[components].nanmean())
            found["blocking_antiparallel"] = plain_number(sums["opposing"] / sums["force"])
        return found


def _sums(target: Tensor, predicted: Tensor, mass: Tensor, wind: Tensor) -> Sums:
    """Sum up a model over the columns of a batch.

    Parameters
    ----------
    target, predicted : (column, component, level)  [m/s2]
    mass : (column, level)  [kg/m2]
    wind : (column, 2, level)  [m/s]

    Returns
    -------
    Sums
        :func:`~ai4sim.evaluation.scores.error_sums` (component, level), and ``agreeing``, the
        absolute sum of the target where its sign is predicted; ``residual`` and ``gross`` [Pa]
        (component,), the column's budget of the prediction and the absolute sum of the target; of
        four components ``force`` and ``opposing`` [Pa], the force of the last two and its part
        against the wind.
    """
    magnitude = target.abs()
    sums = {
        **error_sums(target, predicted),
        "agreeing": (magnitude * (predicted.sign() == target.sign())).sum(0),
        "residual": (predicted * mass[:, None]).sum(-1).abs().sum(0),
        "gross": (magnitude * mass[:, None]).sum((0, -1)),
    }
    if target.shape[1] == 4:
        force = predicted[:, 2:] * mass[:, None]
        along = (force * torch.nn.functional.normalize(wind, dim=1)).sum()
        sums |= {"force": torch.linalg.vector_norm(force, dim=1).sum(), "opposing": -along}
    return sums
