"""A flame in a large-eddy simulation: speed, limits, burning rate of the reference, breakdown."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from combustion.baselines import resolved_gradient
from combustion.online.judgement import compare, joined
from combustion.online.les import LargeEddyFlame, Resolved
from combustion.physics.les import filter_flame
from combustion.synthetic.flame import SlotBurner, SlotFlame

BURNER = SlotBurner(
    cells=(64, 32, 16),
    slot_width=1.6e-3,
    turbulence_rms=0.4,
    integral_length=0.8e-3,
    jet_velocity=2.0,
    coflow_velocity=1.0,
    seed=5,
)
STRIDE, WIDTH = 4, 16.0
SPACING = STRIDE * BURNER.spacing


def no_flame(resolved: Resolved) -> torch.Tensor:
    return torch.zeros_like(resolved.progress_variable)


def planar(resolved: Resolved) -> torch.Tensor:
    """Xi = 1."""
    return resolved_gradient(resolved.progress_variable, SPACING)


def uniform(closure, velocity: float) -> LargeEddyFlame:
    """Return a simulation of a uniform stream of fresh gas."""
    flame = LargeEddyFlame(BURNER, closure, stride=STRIDE, filter_width=WIDTH)
    nx, ny, nz = flame.progress_variable.shape
    entering = torch.zeros(3, ny, nz)
    entering[0] = velocity
    flame.flow.inflow = lambda time: entering
    flame.flow.start(entering[:, None].expand(3, nx + 1, ny, nz), 0.0)
    flame.scalar.inflow.zero_()
    return flame


@pytest.mark.parametrize("velocity", [BURNER.flame_speed, 0.1])
def test_a_planar_flame_without_wrinkling_moves_at_the_laminar_speed(velocity):
    flame = uniform(planar, velocity)
    x = (torch.arange(flame.progress_variable.shape[0]) + 0.5) * SPACING
    front = torch.erf((x - 4e-3) * math.sqrt(6) / (WIDTH * BURNER.spacing))
    flame.progress_variable.copy_(((1 + front) / 2)[:, None, None])
    flame.surface_density = flame.closure(flame.resolved())

    def burnt() -> float:
        return float(flame.progress_variable[:, 0, 0].sum()) * SPACING

    before, until = burnt(), 4e-3
    while flame.time < until:
        flame.advance(until)
    # The outlet takes burnt gas away at the velocity of the stream: c -> 1 there.
    moved = burnt() - before + velocity * until
    assert moved / until == pytest.approx(BURNER.flame_speed, rel=0.02)


def test_a_field_of_burnt_gas_stays_as_it_is():
    flame = uniform(planar, 1.0)
    flame.scalar.inflow.fill_(1)
    flame.progress_variable.fill_(1)
    for _ in range(5):
        flame.advance(1.0)
    torch.testing.assert_close(
        flame.progress_variable, torch.ones_like(flame.progress_variable), rtol=0, atol=1e-6
    )


def test_the_surface_of_the_filtered_flame_burns_as_much_as_the_direct_simulation():
    direct = SlotFlame(BURNER)

    def filtered():
        return filter_flame(
            direct.progress_variable, direct.velocity, BURNER.spacing, WIDTH * BURNER.spacing, 4
        )

    def follow(resolved: Resolved) -> torch.Tensor:
        while direct.time < resolved.time:
            direct.advance(resolved.time)
        return filtered().flame_surface_density

    flame = LargeEddyFlame(BURNER, follow, stride=STRIDE, filter_width=WIDTH)
    start = filtered().progress_variable
    torch.testing.assert_close(flame.progress_variable, start, rtol=0, atol=2e-3)
    until = 1.5 * BURNER.flow_through_time
    while flame.time < until:
        flame.advance(until)
    expected = filtered().progress_variable
    assert float(flame.progress_variable.sum()) == pytest.approx(float(expected.sum()), rel=0.03)
    cold = LargeEddyFlame(BURNER, no_flame, stride=STRIDE, filter_width=WIDTH)
    while cold.time < until:
        cold.advance(until)
    errors = [
        float((run.progress_variable - expected).square().mean().sqrt()) for run in (flame, cold)
    ]
    assert errors[0] < errors[1] / 3


def test_turbulence_that_enters_is_the_filtered_one():
    source = BURNER.inflow()
    box = source.field(32)
    coarse = source.filtered(WIDTH * BURNER.spacing, SPACING)
    field = coarse.field(16)
    assert field.shape == (3, 16, 8, 4)
    for component in range(3):
        assert field[component].mean() == pytest.approx(float(box[component].mean()), abs=0.02)
        assert field[component].var() < box[component].var()
    with pytest.raises(ValueError, match="do not divide a box of"):
        source.filtered(WIDTH * BURNER.spacing, 3.3e-4)


def test_numbers_that_are_not_finite_stop_the_run_with_the_place():
    def broken(resolved: Resolved) -> torch.Tensor:
        sigma = planar(resolved)
        if resolved.time > 0:
            sigma[3, 2, 1] = math.nan
        return sigma

    flame = LargeEddyFlame(BURNER, broken, stride=STRIDE, filter_width=WIDTH)
    message = r"flame surface density of the closure: found nan in cell \(3, 2, 1\) of \(16, 8, 4\)"
    with pytest.raises(FloatingPointError, match=message):
        flame.advance(1.0)


def test_a_stride_that_does_not_divide_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"stride 5 does not divide the cells \(64, 32, 16\)"):
        LargeEddyFlame(BURNER, planar, stride=5, filter_width=WIDTH)


def test_a_flame_that_is_moved_downstream_is_longer_by_the_way_and_has_the_same_surface():
    x = (np.arange(40) + 0.5) / 40

    def history(shift: float):
        c = np.broadcast_to(1 / (1 + np.exp(-(x - 0.3 - shift) * 60)), (6, 4, 40)).T
        sigma = np.gradient(c, axis=0) * 40
        return joined([(0.0, c.swapaxes(1, 2), sigma.swapaxes(1, 2))], 1 / 40, 6 / 40)

    found = compare(history(0.2), history(0.0))
    reference = history(0.0).length.mean()
    assert found["length"] - reference == pytest.approx(0.2, rel=1e-3)  # the slot is all of y
    assert found["surface_error"] == pytest.approx(0, abs=1e-3)
    assert found["surface_along_stream_error"] > 1
    assert found["mean_error"] > 0.3 and found["state"] == "burning"
    same = compare(history(0.1), history(0.1))
    assert all(same[name] == 0 for name in same if name.endswith("error"))
