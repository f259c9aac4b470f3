"""Scores from sums equal those of one pass, whatever the batches, groups and weights."""

import numpy as np
import pytest
import torch
import torchmetrics.functional as reference

from ai4sim.evaluation.scores import (
    RegressionMetrics,
    added,
    error_sums,
    metrics_of,
    pooled,
    predicted_rows,
    require_model,
)


def test_metrics_of_uneven_batches_equal_those_of_the_whole_set():
    rng = np.random.default_rng(3)
    target = torch.from_numpy(rng.normal(400.0, 300.0, 1000))
    prediction = target + torch.from_numpy(rng.normal(5.0, 60.0, 1000))
    metrics = RegressionMetrics()
    for part in (slice(0, 7), slice(7, 600), slice(600, 1000)):
        metrics.update(prediction[part], target[part])
    found = metrics.compute()
    rmse = reference.mean_squared_error(prediction, target, squared=False)
    expected = {
        "r2": reference.r2_score(prediction, target),
        "rmse": rmse,
        "nrmse": rmse / target.std(correction=0),
        "mae": reference.mean_absolute_error(prediction, target),
        "bias": (prediction - target).mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value.double(), rtol=1e-10, atol=0)


def test_a_mean_of_batch_values_would_be_something_else():
    # Two batches about different means: R² of the whole is high, that of each batch is not.
    target = torch.tensor([0.0, 0.1, 10.0, 10.1])
    prediction = torch.tensor([0.1, 0.0, 10.1, 10.0])
    metrics = RegressionMetrics()
    metrics.update(prediction[:2], target[:2])
    metrics.update(prediction[2:], target[2:])
    assert metrics.compute()["r2"] > 0.999
    assert reference.r2_score(prediction[:2], target[:2]) < 0


def test_float32_fields_far_from_zero_keep_their_variance():
    target = 1e5 + torch.arange(100.0)
    metrics = RegressionMetrics()
    metrics.update(target + 1, target)
    assert metrics.compute()["nrmse"].item() == pytest.approx(1 / np.arange(100.0).std(), rel=1e-6)


def test_r2_of_a_constant_target_is_undefined():
    metrics = RegressionMetrics()
    metrics.update(torch.ones(5), torch.full((5,), 1e5))
    assert torch.isnan(metrics.compute()["r2"])


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 1\) and target \(4,\)"):
        RegressionMetrics().update(torch.ones(4, 1), torch.ones(4))


def rows(n=300, seed=5):
    """Return target, prediction, weight and group of rows: (row, 3), (row, 3), (row, 3), (row,)."""
    rng = torch.Generator().manual_seed(seed)
    target = torch.randn(n, 3, generator=rng).cumsum(1)
    predicted = target + 0.3 * torch.randn(n, 3, generator=rng) + 0.1
    return target, predicted, torch.rand(n, 3, generator=rng), torch.arange(n) % 4


def test_scores_of_groups_are_those_of_their_rows_with_their_weights():
    target, predicted, weight, group = rows()
    parts = [
        error_sums(target[i], predicted[i], weight=weight[i], group=group[i], groups=5)
        for i in torch.arange(300).split(77)
    ]
    found = metrics_of(added(parts))
    y, p, w = (values[group == 2, 1].double().numpy() for values in (target, predicted, weight))
    mse = np.average((p - y) ** 2, weights=w)
    variance = np.average((y - np.average(y, weights=w)) ** 2, weights=w)
    assert found["r2"].shape == (5, 3)
    assert found["r2"][2, 1].item() == pytest.approx(1 - mse / variance, rel=1e-10)
    assert found["rmse"][2, 1].item() == pytest.approx(np.sqrt(mse), rel=1e-10)
    assert found["nrmse"][2, 1].item() == pytest.approx(np.sqrt(mse / variance), rel=1e-10)
    assert found["mae"][2, 1].item() == pytest.approx(np.average(np.abs(p - y), weights=w))
    assert found["bias"][2, 1].item() == pytest.approx(np.average(p - y, weights=w))
    assert all(values[4].isnan().all() for values in found.values())  # a group without rows


def test_nested_sums_add_up_and_leave_their_parts_alone():
    with torch.inference_mode():
        first = {"a": {"model": {"weight": torch.ones(2)}}}
    second = {"a": {"model": {"weight": torch.ones(2)}, "zero": {"weight": torch.ones(1)}}, "b": {}}
    total = added([first, second, second])
    assert total["a"]["model"]["weight"].tolist() == [3, 3]
    assert total["a"]["zero"]["weight"].tolist() == [2]
    assert total["b"] == {}
    assert first["a"]["model"]["weight"].tolist() == [1, 1]


def test_pooled_groups_are_one_set_around_one_mean():
    target, predicted, weight, group = rows()
    by_group = error_sums(target, predicted, weight=weight, group=group, groups=4)
    expected = error_sums(target.flatten(), predicted.flatten(), weight=weight.flatten())
    for name, value in metrics_of(pooled(by_group)).items():
        torch.testing.assert_close(value, metrics_of(expected)[name], rtol=1e-10, atol=0)


def test_a_spread_within_the_rounding_of_the_target_explains_nothing():
    target = 1e-7 * torch.arange(10.0)
    sums = error_sums(target, torch.zeros(10))
    assert metrics_of(sums)["r2"].isfinite()
    assert metrics_of(sums, rounding=1e-6)["r2"].isnan()
    assert metrics_of(sums, rounding=1e-6)["rmse"].isfinite()


def test_a_baseline_may_leave_out_rows_and_the_network_may_not():
    values = torch.zeros(4, 3)
    values[1] = torch.nan
    assert predicted_rows("ridge", values, (4, 3)).tolist() == [True, False, True, True]
    with pytest.raises(ValueError, match="'model': 3 of 12 values are NaN"):
        predicted_rows("model", values, (4, 3))
    values[2, 0] = torch.inf
    with pytest.raises(ValueError, match="'ridge': 1 of 9 values are NaN or infinite"):
        predicted_rows("ridge", values, (4, 3))
    with pytest.raises(ValueError, match=r"'ridge': expected \(4, 2\), found \(4, 3\)"):
        predicted_rows("ridge", values, (4, 2))
    with pytest.raises(ValueError, match=r"case: no prediction 'model' among \['ridge'\]"):
        require_model({"ridge": values}, "case: ")
