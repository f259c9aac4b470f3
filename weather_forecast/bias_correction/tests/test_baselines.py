"""Baselines: the ridge regression by other means, its components, checkpoints, the scheme."""

import io
import sys
import types

import numpy as np
import pytest
import torch

from weather_forecast.bias_correction import baselines
from weather_forecast.bias_correction.baselines import (
    LOGARITHMIC,
    Baselines,
    features,
)
from weather_forecast.bias_correction.evaluation import CorrectionEvaluation
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.tests.made_up import columns

LAYOUT = RadiationLayout(4)


def linear(count=500, seed=0):
    """Columns whose targets are linear in the features, exactly, and do vary in all of them."""
    rng = torch.Generator().manual_seed(seed)
    shape = (count, LAYOUT.input_channels)
    inputs = 2 + torch.rand(shape, generator=rng, dtype=torch.float64)
    weights = torch.Generator().manual_seed(9)
    shape = (LAYOUT.input_channels, LAYOUT.output_channels)
    weights = torch.randn(shape, generator=weights, dtype=torch.float64)
    return inputs, 0.3 + features(inputs, LAYOUT) @ weights


def test_without_a_penalty_the_ridge_is_least_squares():
    fit = Baselines.fit(*linear(), LAYOUT, penalty=0.0)
    inputs, targets = linear(50, seed=1)
    found = fit.predict(inputs, LAYOUT)["ridge"]
    torch.testing.assert_close(found, targets, rtol=1e-4, atol=1e-3)


def test_ridge_minimises_error_and_penalty():
    inputs, targets = linear()
    targets += torch.randn(targets.shape, generator=torch.Generator().manual_seed(2)).double()
    fit = Baselines.fit(inputs, targets, LAYOUT, components=10, penalty=2.0)
    weights = fit.weights.double().requires_grad_()
    z = (features(inputs, LAYOUT) - fit.center) * fit.scale
    t = z @ fit.components.double()
    t, y = t - t.mean(0), targets - targets.mean(0)
    variance = z.square().mean(0).sum()
    assert variance == pytest.approx(LAYOUT.input_channels, rel=1e-4)
    loss = (t @ weights - y).square().sum() + 2 * variance * weights.square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 1e-5 * (t.T @ y).abs().max()


def test_components_leave_the_random_numbers_of_the_training_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    Baselines.fit(*linear(20), LAYOUT)
    assert torch.equal(torch.rand(3), expected)


def test_a_constant_input_has_no_weight_whatever_it_becomes():
    inputs, targets = linear()
    inputs[:, 3], inputs[:, 17] = 0.0, 273.15
    fit = Baselines.fit(inputs, targets, LAYOUT)
    assert fit.scale[3] == fit.scale[17] == 0
    test = linear(30, seed=1)[0]
    changed = test.clone()
    changed[:, 3], changed[:, 17] = 1e6, -1e6
    first, second = (fit.predict(x, LAYOUT)["ridge"] for x in (test, changed))
    assert torch.equal(first, second)
    assert first.isfinite().all()


def test_a_value_never_seen_in_training_counts_as_the_largest_usual_one():
    inputs, targets = linear()
    fit = Baselines.fit(inputs, targets, LAYOUT)
    far, further = inputs[:1].clone(), inputs[:1].clone()
    far[:, 0], further[:, 0] = 100, 1e6
    first, second = (fit.predict(x, LAYOUT)["ridge"] for x in (far, further))
    assert torch.equal(first, second)


def test_features_are_logarithms_of_what_spans_decades():
    inputs = linear(3)[0]
    x, z = (LAYOUT.split_inputs(v) for v in (inputs, features(inputs, LAYOUT)))
    for name in x:
        expected = (x[name] + LOGARITHMIC[name]).log() if name in LOGARITHMIC else x[name]
        assert torch.equal(z[name], expected), name
    assert features(torch.zeros_like(inputs), LAYOUT).isfinite().all()


def test_mean_profile_is_the_training_mean_and_survives_a_checkpoint():
    data = columns(60, 4)
    fit = Baselines.fit(data["inputs"], data["targets"], LAYOUT)
    file = io.BytesIO()
    torch.save(fit.state(), file)
    file.seek(0)
    again = Baselines.from_state(torch.load(file, weights_only=True))
    first, second = (b.predict(data["inputs"], LAYOUT) for b in (fit, again))
    assert list(first) == ["zero", "mean_profile", "ridge"]
    for name, values in first.items():
        assert values.dtype == torch.float32
        assert values.shape == (60, LAYOUT.output_channels)
        assert torch.equal(values, second[name])
    mean = data["targets"].double().mean(0).float()
    torch.testing.assert_close(first["mean_profile"], mean.expand(60, -1))
    given = Baselines.fit(
        data["inputs"], data["targets"], LAYOUT, mean_profile=torch.ones(LAYOUT.output_channels)
    )
    assert (given.predict(data["inputs"], LAYOUT)["mean_profile"] == 1).all()


def test_a_checkpoint_of_full_columns_stays_small():
    layout = RadiationLayout(137)
    rng = torch.Generator().manual_seed(0)
    inputs = torch.rand(230, layout.input_channels, generator=rng)
    targets = torch.rand(230, layout.output_channels, generator=rng)
    state = Baselines.fit(inputs, targets, layout).state()
    assert state["components"].shape == (4128, 200)
    assert sum(values.numel() * values.element_size() for values in state.values()) < 5e6


def test_many_columns_are_thinned(monkeypatch):
    monkeypatch.setattr(baselines, "FIT_COLUMNS", 100)
    inputs, targets = linear(350)
    fit = Baselines.fit(inputs, targets, LAYOUT)
    few = Baselines.fit(inputs[::4], targets[::4], LAYOUT)
    assert torch.equal(fit.weights, few.weights)


def test_on_columns_with_clouds_the_ridge_beats_the_mean():
    train, test = columns(600, 12), columns(200, 12, seed=1)
    layout = RadiationLayout(12)
    fit = Baselines.fit(train["inputs"], train["targets"], layout)
    evaluation = CorrectionEvaluation(layout)
    predicted = fit.predict(test["inputs"], layout)
    evaluation.update(**test, predictions={"model": test["targets"], **predicted})
    known = evaluation.metrics()["baselines"]
    for name in ("flux_dn_lw", "flux_up_lw", "hr_lw"):
        key = f"{name}_mae"
        assert known["ridge"][key] < 0.9 * known["mean_profile"][key], name


def test_the_scheme_sees_a_share_of_the_columns(monkeypatch):
    solver = types.ModuleType("solver")

    def three_dimensional_effect(columns, *, like_ecrad):
        cosine = columns["cos_solar_zenith_angle"]
        assert columns["cloud_fraction"].shape == (len(cosine), 4)
        return cosine[:, None].expand(-1, LAYOUT.output_channels), None

    solver.three_dimensional_effect = three_dimensional_effect
    name = "weather_forecast.bias_correction.physics.solver"
    monkeypatch.setitem(sys.modules, name, solver)
    data = columns(10, 4)
    fit = Baselines.fit(data["inputs"], data["targets"], LAYOUT)
    found = fit.predict(data["inputs"], LAYOUT, teacher=True, every=4)["teacher"]
    seen = torch.nonzero(~found.isnan().all(1)).flatten()
    assert seen.tolist() == [0, 4, 8]
    np.testing.assert_array_equal(found[seen, 5], data["inputs"][seen, 1])
    assert "teacher" not in fit.predict(data["inputs"], LAYOUT)


def test_columns_of_another_layout_are_refused():
    data = columns(10, 4)
    fit = Baselines.fit(data["inputs"], data["targets"], LAYOUT)
    other = columns(3, 5)
    with pytest.raises(ValueError, match=r"fitted to columns of 138 inputs, found 168"):
        fit.predict(other["inputs"], RadiationLayout(5))
    with pytest.raises(ValueError, match=r"shape \(3, 168\), expected \(column, 138\)"):
        fit.predict(other["inputs"], LAYOUT)
    with pytest.raises(ValueError, match="two or more columns with 28 outputs"):
        Baselines.fit(data["inputs"][:1], data["targets"][:1], LAYOUT)
