"""What an emulator of gravity wave drag is judged by, summed up batch by batch.

Only sums over columns are kept, in float64, so that a test set of any size streams through and the
parts of several processes add up to the whole: never a mean over batches. The outputs of a scheme
are seen as (component, level), with the components u, v of each part of it: of the non-orographic
drag as such, of the waves and of the blocked flow of the orographic one.

Metrics of the model and of each baseline, tendencies in m/s2:

``columns``
    Columns that they stand for. A baseline may leave out some, see :meth:`ColumnEvaluation.update`.
``r2``
    Of all outputs of all columns at once, around their one mean. The largest tendencies, at the
    top of the model, decide it.
``r2_mean``, ``r2_median``
    Mean and median over the outputs of the R2 of each; the ``constant_outputs``, those that the
    test set does not vary, have none.
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

What does not exist, the R2 of a constant target for instance, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import plain_number, plain_numbers, require_finite
from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.atlas import Atlas, Sums, add
from weather_forecast.gwd.io.layout import DragLayout
from weather_forecast.levels import full_level_pressure, half_level_pressure

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
STANDARD_PRESSURE = 101325.0
"""Surface pressure [Pa] at which the levels are named by their pressure."""


class ColumnEvaluation:
    """Sums of a model and its baselines over a test set.

    Parameters
    ----------
    layout : DragLayout
        What the rows of the columns are.

    Attributes
    ----------
    scores : name -> sums
        Of each model, over its columns: ``columns``, and per output, (component, level),
        ``target``, ``target2``, ``error``, ``error2``, ``abs_error``, ``magnitude`` and
        ``agreeing`` (that of the target, all and where the sign is right); see `_score` for the
        rest.
    atlas : Atlas
        What the figures show.
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
        if MODEL not in predictions:
            raise ValueError(f"no prediction '{MODEL}' among {sorted(predictions)}")
        require_finite("inputs", inputs, (n, layout.input_channels))
        require_finite("targets", targets, (n, layout.output_channels))
        if latitude.shape != (n,):
            raise ValueError(f"latitude: expected {(n,)}, found {tuple(latitude.shape)}")
        if not n:
            return
        rows = layout.split_inputs(inputs)
        p_half = half_level_pressure(rows["surface_pressure"].double(), layout.levels)
        mass = p_half.diff(dim=-1) / GRAVITY
        wind = torch.stack([rows["u"], rows["v"]], dim=1).double()
        target = self._by_level(targets)
        predicted = {}
        for name, values in predictions.items():
            known = torch.ones_like(latitude, dtype=torch.bool)
            if name != MODEL:
                known = ~values.isnan().all(dim=-1)
            require_finite(
                f"prediction '{name}'", values[known], (int(known.sum()), layout.output_channels)
            )
            predicted[name] = self._by_level(values)
            if known.any():
                score = _score(target[known], predicted[name][known], mass[known], wind[known])
                add(self.scores.setdefault(name, {}), score)
        self.atlas.update(target=target, prediction=predicted[MODEL], mass=mass, latitude=latitude)
        self.atlas.draw_samples(
            target=target,
            predictions=predicted,
            mass=mass,
            latitude=latitude,
            marker=rows["surface_pressure"] + rows["temperature"][:, -1] + rows["u"][:, -1],
        )

    def merge(self, other: ColumnEvaluation) -> None:
        """Take in what another process evaluated, of other columns.

        Raises
        ------
        ValueError
            Another layout.
        """
        if other.layout != self.layout:
            raise ValueError(f"evaluations of {self.layout} and {other.layout} cannot be merged")
        for name, sums in other.scores.items():
            add(self.scores.setdefault(name, {}), sums)
        self.atlas.merge(other.atlas)

    # ---- what the sums say ----------------------------------------------------------------------

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
        profiles = {name: self.level_scores(name) for name in self.scores}
        profile: dict[str, Any] = {
            "coordinate": {
                "name": "pressure",
                "units": "hPa",
                "values": [float(f"{p / 100:.4g}") for p in self.pressure.tolist()],
            }
        }
        for metric in ("r2", "rmse"):
            profile[metric] = {
                output.name: {
                    name: plain_numbers(profiles[name][metric][i]) for name in self.scores
                }
                for i, output in enumerate(self.layout.outputs)
            }
        return {MODEL: table.pop(MODEL), "baselines": table, "profile": profile}

    def level_scores(self, name: str) -> Sums:
        """Return R2 and RMSE [m/s2] of each output of a model; the R2 of a constant one is NaN.

        Returns
        -------
        ``{"r2": (component, level), "rmse": (component, level)}``
        """
        sums = self.scores[name]
        return {"r2": _r2(sums), "rmse": (sums["error2"] / sums["columns"]).sqrt()}

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
        r2 = _r2(sums)
        values = sums["columns"] * r2.numel()
        agreement = sums["agreeing"] / sums["magnitude"]
        found: dict[str, float | int | None] = {
            "columns": int(sums["columns"]),
            "r2": _pooled_r2(sums),
            "r2_mean": plain_number(r2.nanmean()),
            "r2_median": plain_number(r2.nanquantile(0.5)),
            "constant_outputs": int(r2.isnan().sum()),
            "rmse": plain_number((sums["error2"].sum() / values).sqrt()),
            "mae": plain_number(sums["abs_error"].sum() / values),
            "bias": plain_number(sums["error"].sum() / values),
            "sign_agreement": plain_number(agreement.nanmean()),
        }
        if self.layout.scheme == "nogwd":
            residual, gross = sums["residual"], sums["gross"]
            found["budget_residual"] = plain_number(residual.sum() / gross.sum())
            for name, value in zip("uv", residual / sums["columns"], strict=True):
                found[f"{name}_budget_residual"] = plain_number(value)
        else:
            for name, components in self.parts.items():
                found[f"{name}_r2"] = _pooled_r2(sums, components)
                found[f"{name}_r2_mean"] = plain_number(r2[components].nanmean())
            found["blocking_antiparallel"] = plain_number(sums["opposing"] / sums["force"])
        return found


def _score(target: Tensor, predicted: Tensor, mass: Tensor, wind: Tensor) -> Sums:
    """Sum up a model over the columns of a batch.

    Parameters
    ----------
    target, predicted : (column, component, level)  [m/s2]
    mass : (column, level)  [kg/m2]
    wind : (column, 2, level)  [m/s]

    Returns
    -------
    Sums
        Those of :class:`ColumnEvaluation`; ``residual`` and ``gross`` [Pa] (component,), the
        column's budget of the prediction and the absolute sum of the target; of four components
        ``force`` and ``opposing`` [Pa], what the last two exert and of it against the wind.
    """
    error = predicted - target
    magnitude = target.abs()
    sums = {
        "columns": torch.tensor(float(len(target)), dtype=torch.float64),
        "target": target.sum(0),
        "target2": target.square().sum(0),
        "error": error.sum(0),
        "error2": error.square().sum(0),
        "abs_error": error.abs().sum(0),
        "magnitude": magnitude.sum(0),
        "agreeing": (magnitude * (predicted.sign() == target.sign())).sum(0),
        "residual": (predicted * mass[:, None]).sum(-1).abs().sum(0),
        "gross": (magnitude * mass[:, None]).sum((0, -1)),
    }
    if target.shape[1] == 4:
        force = predicted[:, 2:] * mass[:, None]
        along = (force * torch.nn.functional.normalize(wind, dim=1)).sum()
        sums |= {"force": torch.linalg.vector_norm(force, dim=1).sum(), "opposing": -along}
    return sums


def _r2(sums: Sums) -> Tensor:
    """R2 of each output, NaN of a constant one."""
    return _explained(sums["error2"], sums["target"], sums["target2"], sums["columns"])


def _pooled_r2(sums: Sums, components: slice | None = None) -> float | None:
    """R2 of all outputs at once, or of those of some components."""
    error2, target, target2 = (
        sums[name] if components is None else sums[name][components]
        for name in ("error2", "target", "target2")
    )
    count = sums["columns"] * target.numel()
    return plain_number(_explained(error2.sum(), target.sum(), target2.sum(), count))


def _explained(error2: Tensor, target: Tensor, target2: Tensor, count: Tensor) -> Tensor:
    """``1 - error2 / variance`` from sums; NaN where the target is constant, to rounding."""
    variation = target2 - target.square() / count
    varies = variation > 1e-12 * target2
    return (1 - error2 / variation).where(varies, torch.nan)
