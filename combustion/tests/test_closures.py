"""Closures against hand-computed values, analytic fields, limits and figures of known files."""

import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ai4sim.tests.reference import REFERENCE, needs_reference
from combustion.baselines import (
    NAMES,
    Closures,
    ResolvedFlame,
    boger,
    charlette_wrinkling,
    fureby_wrinkling,
    gradient_of,
    inertial_range_velocity,
    resolved_gradient,
)
from combustion.io.grids import read_snapshot
from combustion.io.layouts import Snapshot
from combustion.io.meshes import mesh_of_snapshot


def waves(points: int, turns: float = 1.0) -> tuple[torch.Tensor, float, float]:
    """Coordinate along one axis, its spacing, and a wave number of `turns` over the length 1."""
    return torch.linspace(0, 1, points, dtype=torch.float64), 1 / (points - 1), 2 * math.pi * turns


def test_gradient_of_a_plane_wave_converges_at_fourth_order_inside():
    errors = []
    for points in (21, 41):
        s, dx, k = waves(points)
        x, y, z = torch.meshgrid(s, s, s, indexing="ij")
        c = 0.5 + 0.5 * torch.sin(k * (0.6 * x + 0.8 * y))
        exact = (0.5 * k * torch.cos(k * (0.6 * x + 0.8 * y))).abs()
        errors.append((resolved_gradient(c, dx) - exact)[4:-4, 4:-4].abs().max())
    assert errors[0] / errors[1] > 12


def test_gradient_is_exact_for_a_linear_field_up_to_the_ends():
    x, y, z = torch.meshgrid(*[torch.arange(4.0)] * 3, indexing="ij")
    np.testing.assert_allclose(resolved_gradient(x + 2 * y - 2 * z, 0.5), 6.0, rtol=1e-6)


def test_gradient_with_a_spacing_per_sample():
    c = torch.rand(2, 1, 6, 5, 7)
    both = resolved_gradient(c, torch.tensor([0.1, 0.2]))
    torch.testing.assert_close(both[1], resolved_gradient(c[1], 0.2))


def test_gradient_needs_three_points():
    with pytest.raises(ValueError, match=r"at least 3 points along each axis, found \(2, 5, 5\)"):
        resolved_gradient(torch.zeros(2, 5, 5), 1.0)


def test_boger_is_exact_for_a_thin_planar_front():
    width = 2e-3
    x = np.linspace(-4e-3, 4e-3, 401)
    sigma = width / math.sqrt(12)  # of the Gaussian filter of that width
    c = np.array([0.5 * (1 + math.erf(s / (sigma * math.sqrt(2)))) for s in x])
    front = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))  # filtered delta
    model = boger(c, width).numpy()
    assert model.max() == pytest.approx(front.max(), rel=1e-6)
    assert model.sum() == pytest.approx(front.sum(), rel=0.16)  # its tails are 4 * 0.282 wide
    assert float(boger(torch.tensor([-0.01, 1.02]), width).max()) == 0


def test_charlette_equals_a_scalar_computation():
    """The formulas of the paper, once more, for u'/S_L = 2 and Delta/delta_L = 5."""
    u, size = 2.0, 5.0
    reynolds = 4 * size * u  # 40
    f_u = 4 * math.sqrt(27 * 1.5 / 110) * (18 * 1.5 / 55) * u**2  # 2.4271 * 0.4909 * 4
    f_size = math.sqrt(
        27 * 1.5 * math.pi ** (4 / 3) / 110 * (size ** (4 / 3) - 1)
    )  # sqrt(1.694 * 7.550)
    f_re = math.sqrt(9 / 55 * math.exp(-1.5 * 1.5 * math.pi ** (4 / 3) / reynolds) * reynolds)
    a = 0.6 + 0.2 * math.exp(-0.1 * u) - 0.2 * math.exp(-0.01 * size)
    b = 1.4
    inner = (f_u**-a + f_size**-a) ** (-1 / a)
    efficiency = (inner**-b + f_re**-b) ** (-1 / b)
    assert (f_u, f_size, f_re) == pytest.approx((4.7660, 3.5763, 2.2479), rel=1e-3)
    expected = math.sqrt(1 + min(size, efficiency * u))
    assert float(charlette_wrinkling(u, size)) == pytest.approx(expected, rel=1e-5)
    assert 1 < expected < math.sqrt(1 + size)


def test_charlette_limits():
    size = torch.tensor([1.5, 5.0, 50.0])
    torch.testing.assert_close(charlette_wrinkling(0.0, size), torch.ones(3))
    torch.testing.assert_close(charlette_wrinkling(1e4, size), (1 + size).sqrt())
    torch.testing.assert_close(charlette_wrinkling(1e4, size, beta=0.3), (1 + size) ** 0.3)
    assert float(charlette_wrinkling(3.0, 0.5)) == 1.0  # filter thinner than the flame


def test_wrinkling_grows_with_turbulence_and_filter():
    u, size = torch.linspace(0, 30, 301)[:, None], torch.linspace(1, 40, 79)[None]
    for wrinkling in (charlette_wrinkling, fureby_wrinkling):
        xi = wrinkling(u, size)
        assert xi.min() >= 1
        assert xi.diff(dim=0).min() >= -1e-6
        assert xi.diff(dim=1).min() >= -1e-6


def test_fureby_equals_a_scalar_computation():
    u, size = 2.0, 5.0
    dimension = 2.05 / (u + 1) + 2.35 / (1 / u + 1)  # 0.6833 + 1.5667 = 2.25
    assert dimension == pytest.approx(2.25)
    assert float(fureby_wrinkling(u, size)) == pytest.approx(5**0.25)
    assert float(fureby_wrinkling(0.0, size)) == pytest.approx(5**0.05)
    assert float(fureby_wrinkling(1e6, size)) == pytest.approx(5**0.35, rel=1e-4)


def test_inertial_range_velocity():
    assert float(inertial_range_velocity(0.8, 1e-3, 8e-3)) == pytest.approx(0.4)
    assert float(inertial_range_velocity(0.8, 9e-3, 8e-3)) == pytest.approx(0.8)


def flame(scale: float = 1.0, **attributes: float) -> Snapshot:
    """Small snapshot whose target is 1.3 times Boger's closure, times `scale`."""
    rng = np.random.default_rng(3)
    c = rng.random((6, 5, 4), dtype=np.float32)
    sigma = boger(c, 4e-3, beta=1.3 * scale).numpy()
    return Snapshot(
        Path("a.h5"), "a", 0.0, 1e-3, c, sigma, attributes={"filter_width": 4e-3, **attributes}
    )


def test_fit_recovers_the_coefficient_over_several_files():
    fitted = Closures.fit([flame(0.5), flame(1.5)])
    assert fitted.boger_beta == pytest.approx(1.3)
    target = np.concatenate([flame(0.5).flame_surface_density, flame(1.5).flame_surface_density])
    assert fitted.mean == pytest.approx(target.mean() * 1e-3)
    constant = fitted.predict(replace(flame(), dx=2e-3))["constant"]
    np.testing.assert_allclose(constant, target.mean() / 2, rtol=1e-5)
    assert Closures.from_state(fitted.state()) == fitted


def test_the_fitted_factor_minimises_the_squared_error():
    snapshot = flame()
    gradient = ResolvedFlame.of(snapshot).gradient().double()
    target = torch.as_tensor(snapshot.flame_surface_density)
    xi = Closures.fit([snapshot]).gradient_xi
    assert xi is not None
    best = (xi * gradient - target).square().sum()
    for other in (0.99 * xi, 1.01 * xi):
        assert (other * gradient - target).square().sum() > best


def test_fit_without_target_names_the_file():
    snapshot = flame()
    snapshot.flame_surface_density = None
    with pytest.raises(ValueError, match="a.h5: no flame surface density"):
        Closures.fit([snapshot])


def test_predict_in_order_and_within_a_batch_as_alone():
    facts = {"S_L": 0.3, "delta_L": 5e-4, "u_rms_in": 0.6, "l_t": 8e-3}
    closures = Closures(200.0, 1.8, 1.4)
    alone = closures.predict(flame(**facts))
    assert tuple(alone) == NAMES
    one = torch.as_tensor(flame().progress_variable)
    batch = ResolvedFlame(
        progress_variable=torch.stack([one[None], one.flip(0)[None]]),
        dx=torch.tensor([1e-3, 2e-3]),
        filter_width=torch.tensor([4e-3, 8e-3]),
        subfilter_velocity=torch.full((2, 1, 6, 5, 4), 0.6 * 0.5 ** (1 / 3)),
        laminar_speed=torch.tensor([0.3, 0.4]),
        thermal_thickness=torch.tensor([5e-4, 6e-4]),
    )
    together = closures.predict(batch)
    for name, sigma in alone.items():
        assert together[name].shape == (2, 1, 6, 5, 4)
        torch.testing.assert_close(together[name][0, 0], sigma)
    assert Closures().predict(flame()).keys() == {"gradient", "boger"}


def test_closures_on_a_mesh_are_those_of_the_grid_it_was_made_from():
    snapshot = flame(S_L=0.3, delta_L=5e-4, u_rms_in=0.6, l_t=8e-3)
    mesh = mesh_of_snapshot(snapshot, jitter=0.0)
    on_grid, on_mesh = Closures.fit([snapshot]), Closures.fit([mesh])
    assert on_mesh.mean == pytest.approx(on_grid.mean)
    assert on_mesh.boger_beta == pytest.approx(1.3)
    mesh.resolved_gradient = gradient_of(snapshot).numpy().ravel()
    assert Closures.fit([mesh]).gradient_xi == pytest.approx(on_grid.gradient_xi)
    there = on_grid.predict(mesh)
    assert tuple(there) == NAMES
    for name, sigma in on_grid.predict(snapshot).items():
        torch.testing.assert_close(there[name], sigma.flatten())


def test_gradient_on_a_mesh_comes_from_its_edges_unless_it_is_stored():
    x, y, z = np.meshgrid(*[np.arange(5.0)] * 3, indexing="ij")
    slope = (0.02 * x + 0.06 * y - 0.09 * z + 0.4).astype(np.float32)
    mesh = mesh_of_snapshot(Snapshot(Path("a.h5"), "a", 0.0, 1e-3, slope), jitter=0.25)
    np.testing.assert_allclose(gradient_of(mesh), 110.0, rtol=1e-4)  # of (20, 60, -90)
    stored = replace(mesh, resolved_gradient=np.full(125, 7.0, np.float32))
    np.testing.assert_array_equal(gradient_of(stored), 7.0)


def test_what_is_unknown_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            sigma = Closures().predict(flame(S_L=0.3, u_rms_in=0.6, l_t=8e-3))
    assert "charlette" not in sigma
    assert [r.getMessage() for r in caplog.records] == [
        "closures 'charlette' and 'fureby' are left out: "
        "no laminar flame thickness (attribute delta_L)"
    ]
    defaults = {"delta_L": 5e-4}
    filled = ResolvedFlame.of(flame(S_L=0.3, u_rms_in=0.6, l_t=8e-3), defaults)
    assert "charlette" in Closures().predict(filled)


def reference(pattern: str) -> list[Snapshot]:
    """Snapshots of the reference data."""
    return [read_snapshot(p) for p in sorted((REFERENCE / "combustion").glob(pattern))]


def r2_of(name: str, closures: Closures, snapshots: list[Snapshot]) -> float:
    """Coefficient of determination over all cells."""
    y = np.concatenate([np.array(s.flame_surface_density, float).ravel() for s in snapshots])
    p = np.concatenate([closures.predict(s)[name].numpy().ravel() for s in snapshots])
    return float(1 - ((p - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())


@needs_reference
@pytest.mark.parametrize(
    ("pattern", "gradient", "published_boger"),
    [("cnf/raw/DNS1*", 0.30, 0.70), ("cnf/raw/DNS2*", 0.38, 0.74), ("r2/raw/*", 0.74, 0.97)],
)
def test_known_scores_on_reference_flames(pattern: str, gradient: float, published_boger: float):
    snapshots = reference(pattern)
    assert r2_of("gradient", Closures(), snapshots) == pytest.approx(gradient, abs=0.006)
    assert r2_of("boger", Closures(), snapshots) == pytest.approx(published_boger, abs=0.006)


@needs_reference
def test_boger_fitted_on_one_flame_holds_on_the_other():
    fitted = Closures.fit(reference("cnf/raw/DNS1*"))
    assert r2_of("boger_fitted", fitted, reference("cnf/raw/DNS2*")) == pytest.approx(0.9, abs=0.01)


@needs_reference
def test_gradient_of_the_coarse_grid_stands_in_for_the_stored_one():
    for snapshot in reference("cnf/raw/DNS1_00*"):
        coarse = resolved_gradient(snapshot.progress_variable, snapshot.dx).numpy()
        stored = snapshot.resolved_gradient
        assert np.corrcoef(coarse.ravel(), stored.ravel())[0, 1] > 0.98
        assert coarse.sum() == pytest.approx(stored.sum(), rel=0.03)
