"""Scores of a spread against distributions whose values are known, in parts and as a whole."""

import math
from math import nan

import numpy as np
import pytest
import torch

from ai4sim.evaluation.calibration import (
    Calibration,
    crps_of_ensemble,
    crps_of_gaussian,
    figures,
    half_width,
)
from ai4sim.forecast import Forecast, forecast_of
from ai4sim.gaussian import GaussianLikelihood, GaussianScore
from ai4sim.variables import Variable

OUTPUT = Variable("du_dt", "m/s2")
NORMAL_CRPS = 1 / math.sqrt(math.pi)
"""Expected score of the standard normal distribution under itself (Gneiting & Raftery 2007)."""


@pytest.fixture(scope="module")
def drawn():
    """Targets of a normal distribution with a known spread over two decades: (n,) each."""
    rng = torch.Generator().manual_seed(1)
    spread = 10 ** (2 * torch.rand(200_000, generator=rng) - 5)
    mean = torch.randn(200_000, generator=rng) * 1e-3
    target = mean + spread * torch.randn(200_000, generator=rng)
    return target, mean, spread


def scores(target, *forecasts, members=None):
    calibration = Calibration(members)
    for forecast in forecasts:
        calibration.update(OUTPUT.name, target, forecast)
    return calibration.metrics([OUTPUT])["outputs"][OUTPUT.name]


def test_a_gaussian_that_is_right_has_the_known_scores(drawn):
    target, mean, spread = drawn
    found = scores(target, Forecast(mean, spread))
    assert found["units"] == "m/s2" and found["count"] == 200_000
    assert found["crps"] == pytest.approx(float(spread.mean()) * NORMAL_CRPS, rel=0.01)
    assert found["coverage_50"] == pytest.approx(0.5, abs=0.005)
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.003)
    assert found["spread_skill_ratio"] == pytest.approx(1, abs=0.01)
    bins = found["spread_skill"]
    assert len(bins["spread"]) == 12 and sum(bins["count"]) == 200_000
    np.testing.assert_allclose(bins["rmse"], bins["spread"], rtol=0.05)
    assert bins["spread"][-1] > 50 * bins["spread"][0]


def test_a_spread_of_half_the_error_is_seen(drawn):
    target, mean, spread = drawn
    found = scores(target, Forecast(mean, spread / 2))
    assert found["spread_skill_ratio"] == pytest.approx(0.5, abs=0.01)
    # P(|N(0, 1)| < 0.8224): half of the interval of 90 %
    assert found["coverage_90"] == pytest.approx(0.589, abs=0.005)


@pytest.mark.parametrize("members", [2, 3, 10])
def test_an_ensemble_of_the_targets_own_distribution_is_calibrated_whatever_its_size(members):
    rng = torch.Generator().manual_seed(members)
    y, *x = torch.randn(members + 1, 100_000, generator=rng)
    found = scores(y, forecast_of(x), members=members)
    assert found["spread_skill_ratio"] == pytest.approx(1, abs=0.01)
    assert found["coverage_50"] == pytest.approx(0.5, abs=0.007)
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.005)
    # The fair score: the one of the distribution, with any number of members.
    assert found["crps"] == pytest.approx(NORMAL_CRPS, rel=0.02)


def test_scores_of_single_values():
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    # At the mean: (sqrt(2) - 1) / sqrt(pi)
    assert float(crps_of_gaussian(zero, zero, one)) == pytest.approx(0.2336949772551092, rel=1e-12)
    # The integral of (F(x) - 1(x > y))^2 for y = 1.
    x = torch.linspace(-12, 12, 480_001, dtype=torch.float64)
    square = (torch.special.ndtr(x) - (x > 1).double()).square()
    assert float(crps_of_gaussian(one, zero, one)) == pytest.approx(
        float(torch.trapezoid(square, x)), abs=3e-5
    )
    assert float(crps_of_gaussian(one, zero, zero)) == 1
    # (|1 - 0| + |1 - 4|) / 2 - (|0 - 4| + |4 - 0|) / (2 * 2 * 1)
    members = torch.tensor([[4.0], [0.0]])
    assert float(crps_of_ensemble(torch.ones(1), members)) == pytest.approx(2 - 2)
    # (0 + 1 + 5) / 3 - 2 (1 + 5 + 4) / (2 * 3 * 2)
    members = torch.tensor([[2.0], [1.0], [6.0]])
    assert float(crps_of_ensemble(torch.ones(1), members)) == pytest.approx(2 - 20 / 12)
    assert half_width(90, None) == pytest.approx(1.6448536269514722)
    tabulated = {2: 6.3138, 3: 2.9200, 4: 2.3534, 11: 1.8125}  # Student's t
    for number, t in tabulated.items():
        assert half_width(90, number) == pytest.approx(t, abs=5e-5)


def test_parts_add_up_to_the_whole_and_unknown_targets_do_not_count(drawn):
    target, mean, spread = (x[:1000].reshape(10, 100) for x in drawn)
    target = target.where(target > -1e-3, torch.nan)
    whole, parts = Calibration(), [Calibration(), Calibration()]
    whole.update("a", target, Forecast(mean, spread))
    for i, part in enumerate(parts):
        for rows in (slice(5 * i, 5 * i + 2), slice(5 * i + 2, 5 * i + 5)):
            part.update("a", target[rows], Forecast(mean[rows], spread[rows]))
    parts[0].merge(parts[1])
    expected, found = (c.metrics([Variable("a", "1")])["outputs"]["a"] for c in (whole, parts[0]))
    assert found["count"] == int(target.isfinite().sum()) < 1000
    for name in ("crps", "rmse", "spread", "coverage_50", "coverage_90"):
        assert found[name] == pytest.approx(expected[name], rel=1e-12)
    assert found["spread_skill"]["count"] == expected["spread_skill"]["count"]
    with pytest.raises(ValueError, match=r"a: spread of the forecast: 1 of 100 values are NaN"):
        whole.update(
            "a", target[0], Forecast(mean[0], spread[0].where(torch.arange(100) != 3, nan))
        )


def test_the_figure_shows_each_output(drawn):
    target, mean, spread = drawn
    calibration = Calibration()
    for name in ("du_dt", "dv_dt"):
        calibration.update(name, target, Forecast(mean, spread))
    ((name, figure),) = figures(calibration, [OUTPUT, Variable("dv_dt", "m/s2")])
    assert name == "calibration"
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0].startswith("du_dt\nratio 1.00, within 50 %: 50%, 90 %: 90%")
    assert titles[1].startswith("dv_dt")


@pytest.mark.parametrize("loss", [GaussianScore(), GaussianLikelihood()])
def test_losses_are_least_at_the_mean_and_spread_of_the_targets(loss):
    rng = torch.Generator().manual_seed(0)
    target = 3 + 0.5 * torch.randn(100_000, 1, generator=rng)

    def of(mean, spread):
        prediction = torch.tensor([[mean, spread]]).expand(len(target), 2)
        return float(loss(prediction, target))

    best = of(3.0, 0.5)
    assert all(best < of(*other) for other in [(2.8, 0.5), (3.2, 0.5), (3.0, 0.4), (3.0, 0.6)])


def test_losses_of_large_errors_and_least_spreads_are_finite():
    prediction = torch.tensor([[0.0, 1e-3], [1e4, 1e-3]], requires_grad=True)
    for loss in (GaussianScore(), GaussianLikelihood()):
        value = loss(prediction, torch.zeros(2, 1))
        value.backward()
        assert torch.isfinite(value) and torch.isfinite(prediction.grad).all()
