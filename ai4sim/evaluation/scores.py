"""Scores from sums that add up over batches, groups, files and processes.

Nothing but sums over rows is kept, in float64, so that a test set of any size streams through and
the parts of several processes add up to the whole: a score is never the mean of the scores of
batches. Each function takes or gives :data:`Sums`, tensors by name; those of :data:`ERROR_SUMS` are
what :func:`metrics_of` needs, and a use case may keep others beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
TARGET = "target"
"""Key of the labels beside the predictions."""
ERROR_SUMS = ("weight", "target", "target2", "error", "error2", "abs_error", "magnitude")
"""Weighted sums of 1, y, y^2, e, e^2, abs(e) and abs(y), of the target y and the error e."""
ROUNDING = 1e-12
"""Variance of a target, relative to its mean square, that is lost in the rounding of the sums."""

Sums = dict[str, Tensor]


def sum_by(group: Tensor, groups: int, values: Tensor) -> Tensor:
    """Sum values ``(row, ...)`` over the rows of each group.

    Parameters
    ----------
    group : (row,)
        The number of each row's group, from 0.
    groups : int
        Number of groups.
    values : (row, ...)

    Returns
    -------
    (group, ...), float64
    """
    total = torch.zeros(groups, *values.shape[1:], dtype=torch.float64, device=values.device)
    return total.index_add_(0, group, values.double())


def error_sums(
    target: Tensor,
    predicted: Tensor,
    *,
    weight: Tensor | None = None,
    group: Tensor | None = None,
    groups: int = 1,
) -> Sums:
    """Sum target and error over rows, or over the rows of each group.

    Parameters
    ----------
    target, predicted : (row, ...)
        In the same unit.
    weight : (row, ...), optional
        The weight of each value; it broadcasts to the shape of the target, and is 1 by default.
    group : (row,), optional
        The number of each row's group: level, latitude band, class of wind, case.
    groups : int
        Number of groups.

    Returns
    -------
    name -> (...) or (group, ...), float64
        The :data:`ERROR_SUMS`.

    Raises
    ------
    ValueError
        Target and prediction differ in shape.
    """
    if predicted.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(predicted.shape)} and target {tuple(target.shape)} differ in shape"
        )
    target = target.detach().double()
    error = predicted.detach().double() - target

    def total(values: Tensor) -> Tensor:
        weighted = values if weight is None else weight * values
        return weighted.sum(0) if group is None else sum_by(group, groups, weighted)

    return {
        "weight": total(torch.ones_like(target)),
        "target": total(target),
        "target2": total(target.square()),
        "error": total(error),
        "error2": total(error.square()),
        "abs_error": total(error.abs()),
        "magnitude": total(target.abs()),
    }


def add(total: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add sums to sums, on the host; either may be nested, for instance by file, model, quantity.

    It does not add in place, so that sums from inference mode may be added to later.
    """
    for name, value in part.items():
        if isinstance(value, Mapping):
            add(total.setdefault(name, {}), value)
        else:
            total[name] = total[name] + value.cpu() if name in total else value.cpu()


def added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of any number of sums; nothing of none."""
    total: dict[str, Any] = {}
    for part in parts:
        add(total, part)
    return total


def pooled(sums: Mapping[str, Tensor]) -> Sums:
    """Return the :data:`ERROR_SUMS` of all groups and levels together, () each."""
    return {name: sums[name].sum() for name in ERROR_SUMS}


def target_variance(sums: Mapping[str, Tensor], rounding: float = 0.0) -> Tensor:
    """Return the variance of the target, NaN where the target is constant.

    A target is constant where its variance is lost in the rounding of the sums, or its standard
    deviation is no more than `rounding`: the scores that relate an error to it are undefined.

    Parameters
    ----------
    sums : name -> (...)
        ``weight``, ``target`` and ``target2``.
    rounding : float
        The standard deviation [unit of the target] that rounding alone gives the target.
    """
    mean_square = sums["target2"] / sums["weight"]
    variance = mean_square - (sums["target"] / sums["weight"]).square()
    varies = (variance > ROUNDING * mean_square) & (variance > rounding**2)
    return variance.where(varies, torch.nan)


def metrics_of(sums: Mapping[str, Tensor], rounding: float = 0.0) -> Sums:
    """Form the scores of sums: ``r2``, ``rmse``, ``nrmse``, ``mae``, ``bias``.

    ``r2 = 1 - mean(e^2) / variance``, the variance being that of the target around its one mean
    over all rows, and ``nrmse`` is the RMSE over its square root.

    Parameters
    ----------
    sums : name -> (...)
        As :func:`error_sums` gives, or sums of those.
    rounding : float
        See :func:`target_variance`.

    Returns
    -------
    name -> (...)
        NaN of no rows; of a constant target R2 and NRMSE are NaN.
    """
    weight = sums["weight"]
    mse, variance = sums["error2"] / weight, target_variance(sums, rounding)
    return {
        "r2": 1 - mse / variance,
        "rmse": mse.sqrt(),
        "nrmse": (mse / variance).sqrt(),
        "mae": sums["abs_error"] / weight,
        "bias": sums["error"] / weight,
    }


class RegressionMetrics(Metric):
    """The :func:`metrics_of` of everything seen since the last reset, over all processes."""

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ERROR_SUMS:
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch; both tensors have the same shape and physical units."""
        sums = error_sums(target, prediction)
        for name, value in sums.items():
            setattr(self, name, getattr(self, name) + value.sum())

    def compute(self) -> Sums:
        """Return the scores."""
        return metrics_of({name: getattr(self, name) for name in ERROR_SUMS})


# ---- checks, and numbers for JSON ----------------------------------------------------------------


def plain_number(value: Tensor) -> float | None:
    """Return a value for JSON, which knows no NaN: None where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def metrics_along(
    coordinate: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, Mapping[str, Tensor]]],
    chosen: Iterable[str],
) -> dict[str, Any]:
    """Return metrics along a coordinate for JSON: by level, zenith angle or class of wind.

    Parameters
    ----------
    coordinate : mapping
        The "name", the "units" and the "values".
    metrics : quantity -> model -> metric -> (n,)
    chosen : iterable of str
        The metrics that are returned.

    Returns
    -------
    dict
        ``{"coordinate": coordinate, metric: {quantity: {model: values}}}``.
    """
    return {
        "coordinate": dict(coordinate),
        **{
            metric: {
                quantity: {
                    name: [plain_number(value) for value in found[metric]]
                    for name, found in models.items()
                }
                for quantity, models in metrics.items()
            }
            for metric in chosen
        },
    }


def require_shape(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless values have this shape; `name` is for the message."""
    if values.shape != shape:
        raise ValueError(f"{name}: expected {shape}, found {tuple(values.shape)}")


def require_finite(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless values have this shape and are finite; `name` is for the message."""
    require_shape(name, values, shape)
    wrong = int(values.numel() - values.isfinite().sum())
    if wrong:
        raise ValueError(f"{name}: {wrong} of {values.numel()} values are NaN or infinite")


def require_model(predictions: Mapping[str, object], where: str = "") -> None:
    """Raise ValueError unless the network is among the predictions."""
    if MODEL not in predictions:
        raise ValueError(f"{where}no prediction '{MODEL}' among {sorted(predictions)}")


def predicted_rows(name: str, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the rows ``(row,)`` that a model has predicted, as truth values.

    A baseline may leave out rows, which are then all NaN; the network must not.

    Parameters
    ----------
    name : str
        The key of the model among the predictions.
    values : (row, channel)
    shape : (int, int)
        The shape that they should have.

    Raises
    ------
    ValueError
        Another shape; NaN or infinite values in a row that is predicted.
    """
    require_shape(f"prediction '{name}'", values, shape)
    known = torch.ones(len(values), dtype=torch.bool, device=values.device)
    if name not in (MODEL, TARGET):
        known = ~values.isnan().all(dim=-1)
    require_finite(f"prediction '{name}'", values[known], (int(known.sum()), shape[1]))
    return known
