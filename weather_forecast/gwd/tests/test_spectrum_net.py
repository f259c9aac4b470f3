"""The scheme with learned phase speeds: the scheme before training, nearer to its teacher after."""

import math

import pytest
import torch

from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.spectrum_net import SpectrumNet
from weather_forecast.gwd.physics.learned import QUADRATURES, LearnedSpectrum, learned_speeds
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, few_speeds, nonorographic_drag
from weather_forecast.gwd.physics.symmetries import transform
from weather_forecast.gwd.tests.made_up import smooth_columns
from weather_forecast.levels import half_level_pressure

LAYOUT = DragLayout("nogwd", 63)


def columns(count: int = 40, seed: int = 0) -> torch.Tensor:
    """Inputs of the network, (column, 3 levels + 2)."""
    return smooth_columns(LAYOUT, count, seed=seed)[0].float()


def scheme(x: torch.Tensor, spectrum: WaveSpectrum) -> torch.Tensor:
    """Tendencies of the scheme without its dip at the equator, (column, 2 levels) [m/s2]."""
    u, v, t, surface, _ = LAYOUT.split_inputs(x).values()
    drag = nonorographic_drag(u, v, t, surface, torch.full((len(x),), torch.inf), spectrum)
    return torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)


def shaken() -> SpectrumNet:
    """A network some steps away from where training begins."""
    torch.manual_seed(0)
    net = SpectrumNet()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return net.eval()


@pytest.mark.parametrize("speeds", [4, 7])
def test_before_training_it_is_the_scheme_with_few_speeds(speeds):
    x = columns()
    expected = scheme(x, few_speeds(16, speeds))
    assert (SpectrumNet(phase_speeds=speeds)(x) - expected).norm() < 1e-5 * expected.norm()


def test_speeds_stay_in_order_and_weights_positive_wherever_training_goes():
    net = SpectrumNet()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(3 * torch.randn_like(parameter))
    speeds, weights = net.quadrature()
    assert (speeds.diff() < 0).all() and (weights > 0).all()


def test_training_and_evaluation_compute_the_same():
    net, x = shaken(), columns()
    found = net(x)
    with torch.no_grad():
        expected = net(x)
    assert found.requires_grad and not expected.requires_grad
    assert (found - expected).norm() < 1e-5 * expected.norm()


def test_gradients_are_those_of_differences():
    net, x = shaken().double(), columns(8).double()
    target = scheme(x, WaveSpectrum())

    def loss() -> torch.Tensor:
        return ((net(x) - target) * 1e5).square().mean()

    loss().backward()
    for parameter, step in ((net.weights, 1e-3), (net.fastest, 1e-4)):
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        before = float(flat[0])
        sides = []
        for sign in (1, -1):
            flat[0] = before + sign * step
            sides.append(float(loss()))
        flat[0] = before
        slope = (sides[0] - sides[1]) / (2 * step)
        assert float(gradient[0]) == pytest.approx(slope, rel=2e-2, abs=1e-4)


def test_the_drag_adds_up_to_no_momentum_and_turns_with_the_column():
    net, x = shaken(), columns()
    found = net(x)
    mass = half_level_pressure(x[:, 189].double(), 63).diff(dim=-1) / GRAVITY
    force = found.double().unflatten(-1, (2, 63)) * mass[:, None]
    assert (force.sum(-1).abs() / force.abs().sum(-1)).max() < 1e-5
    angle, mirrored = torch.full((40,), math.pi / 8), torch.ones(40, dtype=torch.bool)
    other, expected = transform(x, found, LAYOUT, angle, mirrored)
    assert (net(other) - expected).norm() < 1e-3 * expected.norm()


def test_eight_speeds_learn_to_be_nearer_to_a_hundred():
    x, unseen = columns(64), columns(64, seed=1)
    target, expected = scheme(x, WaveSpectrum()), scheme(unseen, WaveSpectrum())
    scale = target.std(0).clamp(min=1e-9)
    net = SpectrumNet()

    @torch.no_grad()
    def error() -> float:
        return float(((net(unseen) - expected) / scale).square().mean())

    before = error()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        ((net(x) - target) / scale).square().mean().backward()
        optimizer.step()
    assert error() < 0.7 * before


def test_a_learned_spectrum_is_what_it_is_made_of():
    spectrum = shaken().spectrum
    speeds, weights = spectrum.quadrature()
    assert speeds.tolist() == list(spectrum.speeds) and weights.tolist() == list(spectrum.weights)
    other = LearnedSpectrum(16, 2, speeds=(20.0, 2.0), weights=(9.0, 3.0))
    same = LearnedSpectrum(16, 2, speeds=(20.0, 2.0), weights=(9.0, 3.0))
    assert other == same and hash(other) == hash(same) and other != spectrum


def test_columns_that_end_above_the_launch_level_are_refused():
    with pytest.raises(ValueError, match="above the launch level"):
        SpectrumNet(levels=50)


@pytest.mark.parametrize("speeds", QUADRATURES)
def test_learned_quadratures_are_nearer_to_a_hundred_speeds_than_even_ones(speeds):
    x = columns(200, seed=3)
    expected = scheme(x, WaveSpectrum())
    scale = expected.std(0).clamp(min=1e-9)

    def error(spectrum: WaveSpectrum) -> float:
        return float(((scheme(x, spectrum) - expected) / scale).square().mean())

    learned = error(learned_speeds(16, speeds))
    assert learned < 0.6 * min(error(few_speeds(16, speeds)), error(WaveSpectrum(16, speeds)))


def test_a_number_of_speeds_that_none_has_learned_is_refused():
    with pytest.raises(ValueError, match="phase_speeds: expected 8, 12, 16, .* found 9"):
        learned_speeds(16, 9)
