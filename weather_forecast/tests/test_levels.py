"""Hybrid levels: the published table, an isothermal atmosphere, single precision."""

import math
from decimal import Decimal
from pathlib import Path

import h5py
import pytest
import torch

from ai4sim.physics.constants import GAS_CONSTANT
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.levels import (
    count_levels,
    full_level_pressure,
    geopotential,
    geopotential_steps,
    half_level_geopotential,
    half_level_pressure,
    hybrid_coefficients,
    level_pressures,
    spread_coefficients,
)

SURFACE_PRESSURE = torch.tensor([101325.0, 85000.0, 60000.0], dtype=torch.float64)


def rough_temperature(levels: int) -> torch.Tensor:
    """Temperature of three columns that changes from level to level, (column, level) [K]."""
    rng = torch.Generator().manual_seed(0)
    return 250 + 10 * torch.randn(3, levels, generator=rng, dtype=torch.float64)


@needs_reference
def test_half_levels_are_those_of_the_ifs():
    with h5py.File(Path(REFERENCE, "gwd", "reference", "nogwd_variants.h5")) as file:
        expected = [torch.from_numpy(file[name][()]) for name in ("a_half", "b_half")]
    for found, of_ifs in zip(hybrid_coefficients(91), expected, strict=True):
        torch.testing.assert_close(found, of_ifs, rtol=1e-6, atol=1e-9)


def test_half_levels_descend_from_zero_to_the_surface_pressure():
    p = half_level_pressure(SURFACE_PRESSURE, 91)
    assert p.shape == (3, 92)
    assert not p[:, 0].any()
    assert (p[:, -1] == SURFACE_PRESSURE).all()
    assert (p.diff(dim=-1) > 0).all()
    full = full_level_pressure(p)
    assert ((full > p[:, :-1]) & (full < p[:, 1:])).all()


def test_short_columns_stand_on_the_upper_half_levels():
    p = half_level_pressure(SURFACE_PRESSURE, 91)
    assert torch.equal(half_level_pressure(SURFACE_PRESSURE, 63), p[:, :64])
    # Above some 70 hPa the levels are the same over sea and mountains.
    assert (p[0, :35] == p[2, :35]).all()


def test_an_isothermal_atmosphere_is_as_deep_as_the_barometric_formula_says():
    p = half_level_pressure(SURFACE_PRESSURE, 91)
    rt = GAS_CONSTANT * 250.0
    phi = geopotential(torch.full((3, 91), 250.0, dtype=torch.float64), p, below=1000.0)
    # The top layer is unbounded: the geopotential of its middle is the convention ln 2.
    upper = 1000.0 + rt * ((SURFACE_PRESSURE / p[:, 1]).log() + math.log(2))
    torch.testing.assert_close(phi[:, 0], upper)
    formula = 1000.0 + rt * (SURFACE_PRESSURE[:, None] / full_level_pressure(p)).log()
    assert (phi - formula)[:, 10:].abs().max() < 1e-2 * rt  # a layer's middle is not its mean p
    thick = (p[:, 2:] / p[:, 1:-1]).log().amax(-1)
    assert ((phi - formula)[:, 1:].abs().amax(-1) < rt * thick.square()).all()


def test_layers_of_air_add_up():
    """Middle and top of each layer, one layer after the other, as the books write it."""
    t, p = rough_temperature(40), half_level_pressure(SURFACE_PRESSURE, 40)
    bottom = torch.zeros(3, dtype=torch.float64)
    expected = []
    for k in range(39, -1, -1):
        rt = GAS_CONSTANT * t[:, k]
        if k == 0:
            expected.append(bottom + math.log(2) * rt)
            break
        logarithm = (p[:, k + 1] / p[:, k]).log()
        alpha = 1 - p[:, k] / (p[:, k + 1] - p[:, k]) * logarithm
        expected.append(bottom + alpha * rt)
        bottom = bottom + logarithm * rt
    found = geopotential(t, p)
    torch.testing.assert_close(found, torch.stack(expected[::-1], dim=-1), rtol=1e-10, atol=1e-6)


@pytest.mark.parametrize("levels", [2, 63, 91])
def test_steps_are_differences_of_the_geopotential(levels):
    t, p = rough_temperature(levels), half_level_pressure(SURFACE_PRESSURE, levels)
    steps = geopotential_steps(t, p)
    torch.testing.assert_close(steps, -geopotential(t, p).diff(dim=-1), rtol=1e-9, atol=1e-6)
    assert (steps > 0).all()


def test_single_precision_keeps_its_digits():
    t, p = rough_temperature(91), half_level_pressure(SURFACE_PRESSURE, 91)
    p_single = half_level_pressure(SURFACE_PRESSURE.float(), 91)
    phi, steps = geopotential(t.float(), p_single), geopotential_steps(t.float(), p_single)
    assert p_single.dtype == phi.dtype == steps.dtype == torch.float32
    torch.testing.assert_close(phi.double(), geopotential(t, p), rtol=2e-6, atol=0.02)
    exact = geopotential_steps(t, p)
    torch.testing.assert_close(steps.double(), exact, rtol=5e-5, atol=0)
    # High up, where the geopotential is large, its differences have lost more.
    lost, kept = (
        (found.double() / exact - 1)[:, :20].abs().mean() for found in (-phi.diff(dim=-1), steps)
    )
    assert kept < 3e-7
    assert lost > 3 * kept


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_thin_layers_keep_their_digits(dtype):
    # One kelvin in one layer: its middle is alpha R above its bottom.
    ratio = torch.logspace(-6, 1, 400, dtype=torch.float64).to(dtype)
    p_half = torch.stack([torch.ones_like(ratio), 1 + ratio], -1)
    thickness = (p_half[:, 1] - p_half[:, 0]).tolist()
    found = geopotential(torch.ones_like(p_half[:, :1]), p_half)[:, 0]
    expected = [1 - Decimal(1 + r).ln() / Decimal(r) for r in thickness]
    exact = torch.tensor([float(a) for a in expected], dtype=torch.float64) * GAS_CONSTANT
    torch.testing.assert_close(found.double(), exact, atol=0, rtol=10 * torch.finfo(dtype).eps)


def test_leading_axes_are_free():
    t, p = rough_temperature(63), half_level_pressure(SURFACE_PRESSURE, 63)
    grid = geopotential(t.expand(2, 3, 63), p.expand(2, 3, 64), below=torch.ones(2, 3))
    torch.testing.assert_close(grid[1], geopotential(t, p) + 1)


def test_gradients_are_finite_in_the_unbounded_layer_too():
    t = rough_temperature(63).requires_grad_()
    ps = SURFACE_PRESSURE.clone().requires_grad_()
    p = half_level_pressure(ps, 63)
    (geopotential(t, p).sum() + geopotential_steps(t, p).sum()).backward()
    assert t.grad.isfinite().all() and ps.grad.isfinite().all()


def test_unknown_tables_and_levels_are_explained():
    with pytest.raises(ValueError, match=r"expected one of \['L137', 'L91'\], found 'L60'"):
        hybrid_coefficients(60, "L60")
    for levels in (0, 92):
        with pytest.raises(ValueError, match=f"L91 has 91 levels, the columns have {levels}"):
            half_level_pressure(SURFACE_PRESSURE, levels)


def test_plain_numbers_are_those_of_the_tensors():
    """They are known before any column is, so that networks on levels can be traced."""
    for levels in (40, 91):
        expected = full_level_pressure(half_level_pressure(SURFACE_PRESSURE[1], levels))
        found = torch.tensor(level_pressures(85000.0, levels), dtype=torch.float64)
        torch.testing.assert_close(found, expected)
    assert count_levels() == len(level_pressures(85000.0, 91)) == 91
    with pytest.raises(ValueError, match="L91 has 91 levels, the columns have 92"):
        level_pressures(85000.0, 92)
    with pytest.raises(ValueError, match="expected one of .*, found 'L60'"):
        count_levels("L60")


@needs_reference
def test_l137_are_the_levels_of_era5():
    with h5py.File(Path(REFERENCE, "ecrad", "raw", "ecrad_3d_train.h5")) as file:
        era5 = file["source"][()] == 0
        stored = torch.from_numpy(file["hl_inputs"][..., 1].astype("float32")[era5])
    assert len(stored) > 1000
    found = half_level_pressure(stored[:, -1].double(), 137, "L137")
    # Single precision has 24 binary digits, the surface pressure too.
    torch.testing.assert_close(found, stored.double(), rtol=2**-23, atol=0.008)


def test_l137_reach_from_zero_to_the_surface():
    a, b = hybrid_coefficients(137, "L137")
    assert len(a) == len(b) == 138 and count_levels("L137") == 137
    assert a[0] == b[0] == a[137] == 0 and b[137] == 1
    p = half_level_pressure(SURFACE_PRESSURE, 137, "L137")
    assert (p.diff(dim=-1) > 0).all() and (p[:, -1] == SURFACE_PRESSURE).all()
    # Both tables are the same pressures in the stratosphere, seen in other steps.
    assert not b[:55].any() and p[0, 54] == pytest.approx(7311.87, abs=0.01)


def test_spread_levels_keep_both_ends():
    a, b = hybrid_coefficients(137, "L137")
    for levels in (1, 20, 91, 136):
        some_a, some_b = spread_coefficients(levels)
        assert len(some_a) == levels + 1
        assert some_a[0] == some_b[0] == some_a[-1] == 0 and some_b[-1] == 1
        p = some_a + some_b * 1e5
        assert (p.diff() > 0).all() and set(p.tolist()) <= set((a + b * 1e5).tolist())
    for found, whole in zip(spread_coefficients(137), (a, b), strict=True):
        assert torch.equal(found, whole)
    with pytest.raises(ValueError, match="L137 has 137 levels, the columns have 138"):
        spread_coefficients(138)


def test_half_levels_lie_around_the_full_ones():
    t, p = rough_temperature(91), half_level_pressure(SURFACE_PRESSURE, 91)
    half, full = half_level_geopotential(t, p), geopotential(t, p)
    assert not half[:, -1].any()
    assert ((half[:, :-1] >= full) & (full > half[:, 1:])).all()
    assert torch.equal(half[:, 0], full[:, 0])  # the unbounded layer
    thickness = GAS_CONSTANT * t * (p[:, 1:] / p[:, :-1]).log()
    torch.testing.assert_close(-half.diff(dim=-1)[:, 1:], thickness[:, 1:])
