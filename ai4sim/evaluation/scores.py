"""Regression metrics over a whole set, from sums that add up over batches and processes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchmetrics import Metric


class RegressionMetrics(Metric):
    """R², RMSE, NRMSE, MAE and bias of everything seen since the last reset.

    Only sums are kept (float64) and they are added over the processes of a distributed run, so the
    values are those of one pass over the whole set: never a mean of the values of batches.
    """

    full_state_update = False
    n: Tensor
    sum_target: Tensor
    sum_target2: Tensor
    sum_error: Tensor
    sum_error2: Tensor
    sum_abs_error: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.set_dtype(torch.float64)
        for name in ("n", "sum_target", "sum_target2", "sum_error", "sum_error2", "sum_abs_error"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add a batch; both tensors have the same shape and physical units."""
        if prediction.shape != target.shape:
            raise ValueError(
                f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} "
                "differ in shape"
            )
        target = target.detach().double()
        error = prediction.detach().double() - target
        self.n += target.numel()
        self.sum_target += target.sum()
        self.sum_target2 += target.square().sum()
        self.sum_error += error.sum()
        self.sum_error2 += error.square().sum()
        self.sum_abs_error += error.abs().sum()

    def compute(self) -> dict[str, Tensor]:
        """Return the metrics; R² and NRMSE of a constant target are NaN."""
        mean_target = self.sum_target / self.n
        variance = (self.sum_target2 / self.n - mean_target.square()).clamp(min=0)
        # Below the rounding of the two sums the target counts as constant.
        resolved = variance > 1e-12 * self.sum_target2 / self.n
        variance = torch.where(resolved, variance, torch.full_like(variance, torch.nan))
        mse = self.sum_error2 / self.n
        return {
            "r2": 1 - mse / variance,
            "rmse": mse.sqrt(),
            "nrmse": (mse / variance).sqrt(),
            "mae": self.sum_abs_error / self.n,
            "bias": self.sum_error / self.n,
        }


def plain_number(value: Tensor) -> float | None:
    """Return a value for JSON, which knows no NaN: None where it is not finite."""
    number = float(value)
    return number if math.isfinite(number) else None


def plain_numbers(values: Tensor) -> list[float | None]:
    """Return values ``(n,)`` for JSON; see :func:`plain_number`."""
    return [plain_number(value) for value in values]


def require_finite(name: str, values: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless values have this shape and are finite; `name` is for the message."""
    if values.shape != shape:
        raise ValueError(f"{name}: expected {shape}, found {tuple(values.shape)}")
    wrong = int(values.numel() - values.isfinite().sum())
    if wrong:
        raise ValueError(f"{name}: {wrong} of {values.numel()} values are NaN or infinite")
