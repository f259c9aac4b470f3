"""What the network for non-orographic drag keeps, whatever its weights."""

import copy
import dataclasses
import math
from typing import Any

import pytest
import torch

from ai4sim.physics.constants import GRAVITY, HEAT_CAPACITY
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.momentum_flux_net import MomentumFluxNet
from weather_forecast.gwd.physics.learned import learned_speeds
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, few_speeds, nonorographic_drag
from weather_forecast.gwd.physics.symmetries import transform
from weather_forecast.gwd.tests.made_up import smooth_columns
from weather_forecast.levels import geopotential_steps, half_level_pressure

COLUMNS = 40
STEP = 2 * math.pi / 16


def columns(levels: int = 63) -> torch.Tensor:
    """Inputs of the network, (column, 3 levels + 2)."""
    return smooth_columns(DragLayout("nogwd", levels), COLUMNS)[0].float()


def scheme(x: torch.Tensor, spectrum: WaveSpectrum) -> torch.Tensor:
    """Tendencies of the scheme, (column, 2 levels) [m/s2]."""
    rows = DragLayout.of_rows(x.shape[1]).split_inputs(x)
    u, v, t, surface = (rows[name] for name in ("u", "v", "temperature", "surface_pressure"))
    drag = nonorographic_drag(u, v, t, surface, torch.zeros(len(x)), spectrum)
    return torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)


def calibrated(levels: int = 63, **options: Any) -> MomentumFluxNet:
    """A network that knows the scales of its columns and has learned nothing."""
    torch.manual_seed(0)
    x = columns(levels)
    net = MomentumFluxNet(levels=levels, features=24, layers=2, **options)
    scale = scheme(x, few_speeds()).square().mean(0).sqrt()
    scale[scale == 0] = 1.0
    net.calibrate(x, scale)
    return net.eval()


def random_net(levels: int = 63, **options: Any) -> MomentumFluxNet:
    """A network with random weights, those of its last layer too."""
    net = calibrated(levels, **options)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return net


@torch.no_grad()
def drag(net: MomentumFluxNet, x: torch.Tensor) -> torch.Tensor:
    """Tendencies in physical units, (column, 2 levels) [m/s2]."""
    found: torch.Tensor = net(x) * net.output_scale
    return found


def force(net: MomentumFluxNet, x: torch.Tensor) -> torch.Tensor:
    """What each layer gets, (column, 2, level) [Pa]."""
    levels = net.levels
    mass = half_level_pressure(x[:, 3 * levels], levels).diff(dim=-1) / GRAVITY
    return drag(net, x).double().unflatten(-1, (2, levels)) * mass[:, None]


@pytest.mark.parametrize(
    ("quadrature", "chosen"), [("stretched", few_speeds), ("learned", learned_speeds)]
)
def test_before_any_training_it_is_the_scheme_with_few_phase_speeds(quadrature, chosen):
    x, spectrum = columns(), dataclasses.replace(chosen(16, 8), tropical_reduction=0.0)
    expected, found = scheme(x, spectrum), drag(calibrated(quadrature=quadrature), x)
    assert (found - expected).norm() < 1e-5 * expected.norm()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-9)


def test_before_any_training_without_phase_speeds_there_is_no_drag():
    assert not drag(calibrated(phase_speeds=0), columns()).any()


def test_random_weights_do_something():
    net, plain = random_net(), calibrated()
    x = columns()
    assert (net(x) - plain(x)).square().mean() > 0.01


@pytest.mark.parametrize("phase_speeds", [0, 8])
@pytest.mark.parametrize("levels", [63, 91])
def test_columns_get_back_what_the_waves_took(phase_speeds, levels):
    found = force(random_net(levels, phase_speeds=phase_speeds), columns(levels))
    gross = found.abs().sum(-1)
    assert gross.min() > 0
    assert (found.sum(-1).abs() / gross).max() < 1e-5


@pytest.mark.parametrize("phase_speeds", [0, 8])
def test_a_wind_that_is_the_same_at_all_heights_changes_nothing(phase_speeds):
    net, x = random_net(phase_speeds=phase_speeds), columns()
    moved = x.clone()
    moved[:, :63] += 24.0
    moved[:, 63:126] -= 9.0
    plain = net(x)
    assert (net(moved) - plain).norm() < 1e-3 * plain.norm()


@pytest.mark.parametrize(("turns", "mirror"), [(1, False), (0, True), (6, True), (8, False)])
@pytest.mark.parametrize("phase_speeds", [0, 8])
def test_turned_and_mirrored_columns_have_the_drag_turned_and_mirrored(turns, mirror, phase_speeds):
    net, x = random_net(phase_speeds=phase_speeds), columns()
    angle, mirrored = torch.full((COLUMNS,), turns * STEP), torch.full((COLUMNS,), mirror)
    other, expected = transform(x, drag(net, x), DragLayout("nogwd", 63), angle, mirrored)
    found = drag(net, other)
    assert (found - expected).norm() < 1e-3 * expected.norm()


def test_the_angle_between_two_azimuths_is_no_symmetry():
    net, x = random_net(), columns()
    half, mirrored = torch.full((COLUMNS,), STEP / 2), torch.zeros(COLUMNS, dtype=torch.bool)
    other, expected = transform(x, drag(net, x), DragLayout("nogwd", 63), half, mirrored)
    assert (drag(net, other) - expected).norm() > 0.01 * expected.norm()


def test_four_azimuths_turn_by_a_quarter():
    net, x = random_net(azimuths=4), columns()
    angle, mirrored = torch.full((COLUMNS,), math.pi / 2), torch.zeros(COLUMNS, dtype=torch.bool)
    other, expected = transform(x, drag(net, x), DragLayout("nogwd", 63), angle, mirrored)
    assert (drag(net, other) - expected).norm() < 1e-3 * expected.norm()


def test_below_the_launch_layer_there_is_no_drag():
    net, x = random_net(91), columns(91)
    found = drag(net, x).unflatten(-1, (2, 91))
    assert found[:, :, :63].abs().amin(0).max() > 0
    assert not found[:, :, 63:].any()
    lower = x.clone()
    lower[:, 63:91] += 100.0
    lower[:, 2 * 91 + 63 : 3 * 91] -= 10.0
    assert torch.equal(drag(net, lower), drag(net, x))


def test_the_geopotential_of_the_ground_does_not_matter():
    net, x = random_net(), columns()
    other = x.clone()
    other[:, -1] = 0.0
    assert torch.equal(net(other), net(x))


def test_half_precision_of_the_layers_leaves_the_physics_in_single():
    net, untrained, x = random_net(), calibrated(), columns()
    exact, plain = net(x), untrained(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, still_plain, layers = net(x), untrained(x), force(net, x)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert 0 < (found - exact).norm() < 0.05 * exact.norm()
    # The few phase speeds are not rounded at all, and the columns' budgets close.
    assert torch.equal(still_plain, plain)
    assert (layers.sum(-1).abs() / layers.abs().sum(-1)).max() < 1e-5


@pytest.mark.parametrize("phase_speeds", [0, 8])
def test_gradients_are_finite(phase_speeds):
    net, x = random_net(phase_speeds=phase_speeds), columns().requires_grad_()
    net(x).square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name
    assert x.grad.isfinite().all() and x.grad[:, :-1].any(0).sum() > 180


def test_statistics_come_from_the_columns_of_the_calibration():
    net, x = calibrated(), columns()
    state, _ = net._state(x)
    of_column = net._column_features(state)
    normalized = (of_column - net.column_mean) / net.column_std
    assert normalized.mean(0).abs().max() < 1e-2
    assert normalized.std(0).max() < 1.01
    # Of the launch level relative to itself nothing varies.
    assert net.column_std.min() == pytest.approx(1e-3)


def test_columns_that_end_above_the_launch_level_are_refused():
    with pytest.raises(ValueError, match="the columns end at .* above the launch level"):
        MomentumFluxNet(levels=60)


def test_single_precision_is_enough_where_air_is_nearly_neutral():
    """There the terms of the stability cancel, and its logarithm is an input."""
    x = columns().double()
    rows = DragLayout.of_rows(x.shape[1]).split_inputs(x)
    temperature = rows["temperature"].clone()
    p_half = half_level_pressure(rows["surface_pressure"], 63)
    neutrality = 1 - 1e-4 * torch.rand(len(x), dtype=torch.float64)
    for _ in range(5):  # the depth of a layer depends on its temperature
        steps = geopotential_steps(temperature, p_half).abs() / HEAT_CAPACITY
        for level in range(58, 50, -1):
            temperature[:, level - 1] = temperature[:, level] - steps[:, level - 1] * neutrality
    x[:, 126:189] = temperature
    x = x.float()
    net = random_net(phase_speeds=0)
    expected = drag(copy.deepcopy(net).double(), x.double())
    assert (drag(net, x) - expected).abs().max() < 5e-6 * expected.abs().max()
