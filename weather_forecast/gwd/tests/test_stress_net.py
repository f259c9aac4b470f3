"""What the network for orographic drag keeps, whatever its weights."""

import math
from typing import Any

import pytest
import torch

from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.stress_net import StressNet
from weather_forecast.gwd.physics.ogwd import LowLevelFlow, MountainColumns, low_level_flow
from weather_forecast.gwd.physics.symmetries import transform
from weather_forecast.gwd.tests.made_up import smooth_columns
from weather_forecast.levels import half_level_pressure

COLUMNS, LEVELS = 60, 91
LAYOUT = DragLayout("ogwd", LEVELS)
STD = 3 * LEVELS + 2


def columns() -> torch.Tensor:
    """Inputs of the network, (column, 3 levels + 6)."""
    return smooth_columns(LAYOUT, COLUMNS)[0].float()


def random_net(**options: Any) -> StressNet:
    """A network with random weights and scales."""
    torch.manual_seed(0)
    net = StressNet(features=16, layers=2, **options)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    net.calibrate(columns(), 1e-4 * (0.5 + torch.rand(4 * LEVELS)))
    return net.eval()


@torch.no_grad()
def drag(net: StressNet, x: torch.Tensor) -> torch.Tensor:
    """Tendencies in physical units, (column, 4 levels) [m/s2]."""
    found: torch.Tensor = net(x) * net.output_scale
    return found


def parts(tendencies: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Drag of the waves and of the blocked flow, each (column, 2, level)."""
    waves, blocking = tendencies.unflatten(-1, (2, 2, LEVELS)).unbind(1)
    return waves, blocking


def winds(x: torch.Tensor) -> torch.Tensor:
    """Both winds, (column, 2, level) [m/s]."""
    return x[:, : 2 * LEVELS].unflatten(-1, (2, LEVELS))


def cross(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sine of the angle between two vectors times their lengths, along axis 1."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def flow_over(x: torch.Tensor) -> LowLevelFlow:
    """The flow near the ground, and the stress of the waves there."""
    return low_level_flow(MountainColumns.of_rows(x, LEVELS))


def stress_direction(x: torch.Tensor) -> torch.Tensor:
    """Direction of the stress at the ground, (column, 2, 1) [1]."""
    return flow_over(x).direction[:, :, None]


def test_both_parts_act_and_differ_between_columns():
    for part in parts(drag(random_net(), columns())):
        assert part.isfinite().all()
        assert (part.abs().sum((1, 2)) > 0).float().mean() > 0.8
        assert part.std(0).max() > 1e-6


def test_low_mountains_have_no_drag():
    x = columns()
    x[:20, STD] = torch.linspace(0, 50, 20)
    found = drag(random_net(), x)
    assert not found[:20].any()
    assert (found[20:] != 0).any(-1).all()


def test_the_blocked_flow_is_slowed_and_never_turned():
    x = columns()
    _, blocking = parts(drag(random_net(), x))
    wind = winds(x)
    length = torch.linalg.vector_norm(blocking, dim=1) * torch.linalg.vector_norm(wind, dim=1)
    assert (cross(blocking, wind).abs() <= 1e-5 * length).all()
    assert ((blocking * wind).sum(1) <= 0).all()
    # An implicit step of 900 s never reverses it.
    assert ((wind + 900 * blocking) * wind).sum(1).min() >= 0
    assert not blocking[:, :, :40].any()


def test_the_waves_pull_against_the_stress_that_they_start_with():
    x = columns()
    waves, _ = parts(drag(random_net(), x))
    direction = stress_direction(x)
    assert torch.linalg.vector_norm(direction, dim=1).min() > 0.9
    free = waves.abs().amax((1, 2)) < 0.02  # elsewhere one of the two components is bounded
    assert free.float().mean() > 0.8
    length = torch.linalg.vector_norm(waves, dim=1)
    assert (cross(waves, direction)[free].abs() <= 1e-5 * length[free] + 1e-12).all()
    assert ((waves * direction).sum(1) <= 1e-12).all()


def test_the_stress_never_grows_upward_and_no_more_is_spent_than_launched():
    net, x = random_net(), columns()
    flow = flow_over(x)
    rng = torch.Generator().manual_seed(1)
    stress = net._stress(3 * torch.randn(COLUMNS, LEVELS - 1, generator=rng), flow)
    assert stress.shape == (COLUMNS, LEVELS + 1)
    assert (stress.diff(dim=-1) >= 0).all()
    assert not stress[:, 0].any()
    torch.testing.assert_close(stress[:, -1], flow.launch_stress)
    # So what the column gets, but for the levels at the top that share the rest.
    waves, _ = parts(drag(net, x))
    mass = half_level_pressure(x[:, 3 * LEVELS], LEVELS).diff(dim=-1) / GRAVITY
    spent = -(waves * stress_direction(x)).sum(1) * mass
    assert (spent.sum(-1) <= flow.launch_stress * (1 + 1e-4)).all()


@pytest.mark.parametrize("turn", [0.7, math.pi / 2, math.pi])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_and_mirrored_mountains_have_the_drag_turned_and_mirrored(turn, mirror):
    net, x = random_net(), columns()
    angle, mirrored = torch.full((COLUMNS,), turn), torch.full((COLUMNS,), mirror)
    other, expected = transform(x, drag(net, x), LAYOUT, angle, mirrored)
    # The bound on the tendencies aloft is one of each component, which turn into each other.
    free = parts(expected)[0].norm(dim=1).amax(-1) < net.scheme.tendency_limit
    assert free.float().mean() > 0.8
    for part, of_turned in zip(parts(drag(net, other)), parts(expected), strict=True):
        # The scheme moves a vanishing wind a little to the east before it divides by it.
        assert (part - of_turned)[free].norm() < 0.01 * of_turned[free].norm()


def test_the_axis_of_the_mountains_has_no_head():
    net, x = random_net(), columns()
    other = x.clone()
    other[:, -1] += math.pi
    plain = drag(net, x)
    assert (drag(net, other) - plain).norm() < 1e-4 * plain.norm()


def test_still_air_is_left_alone():
    x = columns()
    x[:, : 2 * LEVELS] = 0.0
    assert not drag(random_net(), x).any()


def test_half_precision_of_the_layers_leaves_the_physics_in_single():
    net, x = random_net(), columns()
    exact = drag(net, x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = drag(net, x)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert 0 < (found - exact).norm() < 0.1 * exact.norm()


def test_gradients_are_finite():
    net, x = random_net(), columns().requires_grad_()
    net(x).square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.any(), name
    assert x.grad.isfinite().all()


def test_columns_that_end_above_the_surface_are_refused():
    short = smooth_columns(DragLayout("ogwd", 63), 3)[0].float()
    with pytest.raises(ValueError, match="the columns end at level 63"):
        StressNet(levels=63)(short)
