"""A flame in a large-eddy simulation: speed, limits, burning rate of the reference, breakdown."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from combustion.baselines import resolved_gradient
from combustion.online.judgement import compare, joined
from combustion.online.les import LargeEddyFlame, Resolved
from combustion.physics.les import LESFilter
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


def test_the_filtered_source_of_the_direct_simulation_makes_the_same_flame():
    direct, width, laminar = SlotFlame(BURNER), 8.0, BURNER.laminar
    to_les = LESFilter(
        BURNER.cells, BURNER.spacing, width * BURNER.spacing, SPACING, torch.device("cpu")
    )

    def follow(resolved: Resolved) -> torch.Tensor:
        """Filter D lap c + k c^2 (1 - c), over S_L."""
        while direct.time < resolved.time:
            direct.advance(resolved.time)
        c = direct.progress_variable
        ends = torch.cat([c[:1], c, c[-1:]])
        laplacian = ends[2:] + ends[:-2] - 2 * c
        laplacian = laplacian + sum(c.roll(1, a) + c.roll(-1, a) - 2 * c for a in (1, 2))
        source = laminar.rate * c.square() * (1 - c)
        source += laminar.diffusivity / BURNER.spacing**2 * laplacian
        return to_les(source) / laminar.speed

    until = 1.5 * BURNER.flow_through_time
    runs = []
    for closure in (follow, no_flame):
        flame = LargeEddyFlame(BURNER, closure, stride=STRIDE, filter_width=width)
        while flame.time < until:
            flame.advance(until)
        runs.append(flame.progress_variable)
    expected = to_les(direct.progress_variable)
    fresh = [float((1 - c).sum()) for c in (*runs, expected)]
    assert fresh[0] == pytest.approx(fresh[2], rel=0.08)
    assert fresh[1] > 1.5 * fresh[2]  # without combustion
    errors = [float((c - expected).square().mean().sqrt()) for c in runs]
    assert errors[0] < errors[1] / 3


def test_as_much_fresh_gas_enters_as_in_the_direct_simulation():
    def entering(progress: torch.Tensor, velocity: torch.Tensor, spacing: float) -> float:
        return float(((1 - progress) * velocity).sum()) * spacing

    still = dataclasses.replace(BURNER, turbulence_rms=1e-3)
    filtered = still.inflow().filtered(WIDTH * BURNER.spacing, SPACING)(0.0)[0, :, 0]
    found = entering(
        still.filtered_inlet_progress(WIDTH * BURNER.spacing, SPACING), filtered, SPACING
    )
    fine = still.inflow()(0.0)[0, :, 0].repeat_interleave(2)
    expected = entering(still.inlet_progress(), fine, BURNER.spacing)
    assert found == pytest.approx(expected, rel=0.01)


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
