"""Streamed metrics equal those of one pass, whatever the batches."""

import numpy as np
import pytest
import torch
import torchmetrics.functional as reference

from ai4sim.evaluation.scores import RegressionMetrics


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
