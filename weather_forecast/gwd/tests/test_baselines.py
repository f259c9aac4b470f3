"""Baselines: the ridge regression by other means, what the cheaper schemes see, checkpoints."""

import io
import logging

import h5py
import numpy as np
import pytest
import torch
import yaml

from ai4sim.evaluation.moments import CrossMoments
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.gwd import baselines
from weather_forecast.gwd.baselines import Baselines
from weather_forecast.gwd.evaluation import ColumnEvaluation
from weather_forecast.gwd.io.layout import read_layout
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.physics.nogwd import nonorographic_drag
from weather_forecast.gwd.tests.made_up import NOGWD, OGWD, columns

FULL = DragLayout("nogwd", 63)


def fitted(data, **options):
    moments = CrossMoments.of(data["inputs"].numpy(), data["targets"].numpy())
    return Baselines.fit(moments, **options)


def linear(n=400, seed=0):
    """Columns whose targets are a linear function of the inputs, exactly."""
    data = columns(NOGWD, n, seed)
    map_ = torch.randn(
        NOGWD.input_channels, NOGWD.output_channels, generator=torch.Generator().manual_seed(9)
    )
    data["targets"] = 3e-5 + (data["inputs"] - 100) @ (1e-6 * map_.double())
    return data


def ridge(fit, data, layout=NOGWD):
    return fit.predict(data["inputs"], data["latitude"], layout)["ridge"]


def test_without_a_penalty_the_ridge_is_least_squares():
    train, test = linear(), linear(50, seed=1)
    fit = fitted(train, penalty=0.0)
    torch.testing.assert_close(ridge(fit, test), test["targets"], rtol=1e-6, atol=1e-10)
    train["targets"] += 1e-5 * torch.randn(train["targets"].shape, dtype=torch.float64)
    with_one = [np.c_[d["inputs"].numpy(), np.ones(len(d["inputs"]))] for d in (train, test)]
    weights = np.linalg.lstsq(with_one[0], train["targets"].numpy(), rcond=None)[0]
    np.testing.assert_allclose(
        ridge(fitted(train, penalty=0.0), test), with_one[1] @ weights, rtol=1e-6, atol=1e-10
    )


def test_ridge_minimises_error_and_penalty_of_standardised_weights():
    train, penalty = linear(), 150.0
    weights = fitted(train, penalty=penalty).weights.requires_grad_()
    x = train["inputs"] - train["inputs"].mean(0)
    y = train["targets"] - train["targets"].mean(0)
    std = x.square().mean(0).sqrt()
    loss = (x @ weights - y).square().sum() + penalty * (std[:, None] * weights).square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    size = (x.T @ y).abs().max()
    assert gradient.abs().max() < 1e-10 * size


def test_ridge_does_not_depend_on_units():
    train, test = columns(NOGWD, 300), columns(NOGWD, 30, seed=1)
    expected = ridge(fitted(train), test)
    units = 10 ** (6 * torch.rand(NOGWD.input_channels, dtype=torch.float64) - 3)
    for data in (train, test):
        data["inputs"] = data["inputs"] * units + 5.0
        data["targets"] = data["targets"] * 86_400
    torch.testing.assert_close(ridge(fitted(train), test), 86_400 * expected, rtol=1e-6, atol=1e-9)


def test_a_constant_input_has_no_weight_whatever_it_becomes():
    train, test = columns(NOGWD, 300), columns(NOGWD, 30, seed=1)
    for row, value in ((3, 0.0), (70, 273.15)):
        train["inputs"][:, row] = value
    fit = fitted(train)
    assert not fit.weights[[3, 70]].any()
    assert fit.weights.isfinite().all()
    changed = {**test, "inputs": test["inputs"].clone()}
    changed["inputs"][:, [3, 70]] = 1e6
    torch.testing.assert_close(ridge(fit, changed), ridge(fit, test))


def test_climatology_is_the_training_mean_and_survives_a_checkpoint():
    data = columns(OGWD, 60)
    fit = fitted(data)
    file = io.BytesIO()
    torch.save(fit.state(), file)
    file.seek(0)
    again = Baselines.from_state(torch.load(file, weights_only=True))
    float32 = data["inputs"].float()
    first, second = (b.predict(float32, data["latitude"], OGWD) for b in (fit, again))
    assert list(first) == ["zero", "climatology", "ridge"]
    for name, values in first.items():
        assert values.dtype == torch.float32
        assert values.shape == (60, OGWD.output_channels)
        assert torch.equal(values, second[name])
    mean = data["targets"].mean(0).float()
    torch.testing.assert_close(first["climatology"], mean.expand(60, -1))


def test_cheaper_schemes_see_the_columns_that_they_can(caplog):
    baselines._warn_once.cache_clear()
    data = {name: values.float() for name, values in columns(FULL, 12).items()}
    data["latitude"][4:8] = torch.nan
    fit = fitted(data)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            predicted = fit.predict(data["inputs"], data["latitude"], FULL, every=2)
    assert caplog.text.count("no latitude") == 1
    for name, spectrum in baselines.SCHEMES.items():
        unseen = predicted[name].isnan().all(1)
        assert torch.nonzero(~unseen).flatten().tolist() == [0, 2, 8, 10]
        x = FULL.split_inputs(data["inputs"][8:9])
        drag = nonorographic_drag(
            x["u"],
            x["v"],
            x["temperature"],
            x["surface_pressure"],
            data["latitude"][8:9],
            spectrum,
        )
        expected = torch.cat([drag.u_tendency, drag.v_tendency], dim=1)[0]
        torch.testing.assert_close(predicted[name][8], expected, rtol=1e-3, atol=1e-9)
    evaluation = ColumnEvaluation(FULL)
    evaluation.update(**data, predictions={"model": data["targets"], **predicted})
    assert evaluation.metrics()["baselines"]["scheme_16x20"]["columns"] == 4
    unknown = torch.full((12,), torch.nan)
    assert list(fit.predict(data["inputs"], unknown, FULL)) == ["zero", "climatology", "ridge"]


def test_columns_that_end_above_the_launch_level_have_no_cheaper_scheme(caplog):
    baselines._warn_once.cache_clear()
    data = columns(NOGWD, 30)
    with caplog.at_level(logging.WARNING):
        predicted = fitted(data).predict(data["inputs"], data["latitude"], NOGWD)
    assert "scheme_4x20" not in predicted
    assert "above the launch level" in caplog.text


def test_columns_of_another_layout_are_refused():
    fit = fitted(columns(NOGWD, 30))
    other = columns(OGWD, 3)
    with pytest.raises(ValueError, match="fitted to 74 inputs and 48 outputs, found .*ogwd"):
        fit.predict(other["inputs"], other["latitude"], OGWD)


@needs_reference
def test_reference_data_how_far_the_baselines_come():
    folder = REFERENCE / "gwd"
    split = yaml.safe_load((folder / "filenames-split.yaml").read_text())

    def read(name):
        with h5py.File(folder / "raw" / name) as file:
            x, y = (file[k][:].reshape(len(file[k]), -1).T.copy() for k in "xy")
            return {
                "inputs": torch.from_numpy(x),
                "targets": torch.from_numpy(y),
                "latitude": torch.from_numpy(file["lat"][:].ravel()),
            }

    train = [read(name) for name in split["train"]]
    fit = Baselines.fit(
        CrossMoments.merged(
            CrossMoments.of(d["inputs"].numpy(), d["targets"].numpy()) for d in train
        )
    )
    evaluation = ColumnEvaluation(read_layout(folder / "raw" / split["test"][0]))
    for name in split["test"]:
        data = read(name)
        predicted = fit.predict(data["inputs"], data["latitude"], evaluation.layout, every=6)
        evaluation.update(**data, predictions={"model": data["targets"], **predicted})
    metrics = evaluation.metrics()
    assert metrics["model"]["budget_residual"] < 1e-3
    others = metrics["baselines"]
    assert others["ridge"]["r2_mean"] == pytest.approx(0.30, abs=0.02)
    assert others["ridge"]["r2"] == pytest.approx(0.19, abs=0.02)
    assert others["ridge"]["budget_residual"] > 30 * metrics["model"]["budget_residual"]
    assert others["scheme_16x20"]["columns"] == 3 * 240
    assert others["scheme_16x20"]["r2_mean"] > 0.97
    # Four azimuths are another scheme rather than an approximation of sixteen.
    assert others["scheme_4x20"]["r2_mean"] < others["scheme_4x32"]["r2_mean"] < 0
