"""Curl and vorticity on an Arakawa C grid, the coupling coefficient."""

import math

import numpy as np
import pytest
import torch

from ai4sim.evaluation.scores import added
from wmed.io.grid import OceanGrid, at_nodes
from wmed.physics.stress_coupling import (
    CUTOFF,
    PsiPoints,
    coupling_coefficient,
    coupling_sums,
    turning,
)
from wmed.tests.grids_made_up import made_up_ocean


def plane(shape, dx, dy, land=()):
    """Return a grid on a plane, with some rho points of land."""
    sea = np.ones(shape, bool)
    for point in land:
        sea[point] = False
    eta, xi = np.indices(shape)
    size = (np.full(shape, float(dx)), np.full(shape, float(dy)))
    return OceanGrid(4 + 0.1 * xi, 40 + 0.1 * eta, sea, 0.0 * xi, *size, np.full(shape, 1e-4))


def psi_points(grid):
    return PsiPoints.of(grid.sea, grid.dx, grid.dy)


def faces(grid, of_u, of_v):
    """Put functions of x and y [m] on the faces, (1, u) and (1, v)."""
    eta, xi = np.indices(grid.shape).astype(float)
    x, y = xi * grid.dx, eta * grid.dy
    at_u = of_u((x[:, 1:] + x[:, :-1]) / 2, y[:, 1:])
    at_v = of_v(x[1:], (y[1:] + y[:-1]) / 2)
    return (
        torch.from_numpy(at_nodes(values, sea))[None]
        for values, sea in ((at_u, grid.sea_u), (at_v, grid.sea_v))
    )


@pytest.mark.parametrize("degrees", [10.0, -75.0, 179.0])
def test_turning_finds_the_angle_whatever_the_length(degrees):
    x, y = torch.randn(2, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    angle, size = turning((x, y), (3 * (cos * x - sin * y), 3 * (sin * x + cos * y)))
    torch.testing.assert_close(angle, torch.full_like(x, degrees))
    torch.testing.assert_close(size, torch.hypot(x, y))


def test_solid_rotation_has_twice_its_rate_as_vorticity():
    grid = plane((9, 7), dx=2000, dy=3000)
    psi = psi_points(grid)
    rate = 3e-5
    curl = psi.curl(*faces(grid, lambda x, y: -rate * y, lambda x, y: rate * x))
    assert curl.shape == (1, 8 * 6)
    torch.testing.assert_close(curl, torch.full_like(curl, 2 * rate))


def test_a_gradient_has_no_curl_on_a_curvilinear_grid_with_land():
    grid = made_up_ocean()
    psi = psi_points(grid)
    potential = np.random.default_rng(0).standard_normal(grid.shape)
    dx_u, dy_v = (grid.dx[:, 1:] + grid.dx[:, :-1]) / 2, (grid.dy[1:] + grid.dy[:-1]) / 2
    gradient = (np.diff(potential, axis=1) / dx_u, np.diff(potential, axis=0) / dy_v)
    u, v = (
        torch.from_numpy(at_nodes(part, sea))[None]
        for part, sea in zip(gradient, (grid.sea_u, grid.sea_v), strict=True)
    )
    curl = psi.curl(u, v)
    assert curl.abs().max() < 1e-12 * u.abs().max()
    wet = grid.sea.astype(int)
    around = wet[1:, 1:] + wet[1:, :-1] + wet[:-1, 1:] + wet[:-1, :-1]
    np.testing.assert_array_equal(psi.index, np.flatnonzero(around == 4))


def test_a_point_of_land_takes_the_four_corners_around_it():
    whole, holed = (psi_points(plane((6, 6), 1e3, 1e3, land)) for land in ((), [(2, 3)]))
    assert len(whole.index) - len(holed.index) == 4


def test_the_anomaly_is_what_is_smaller_than_the_cutoff():
    grid = plane((6, 240), dx=10e3, dy=10e3)
    psi = psi_points(grid)
    x = torch.from_numpy(10e3 * (np.indices((5, 239))[1].ravel() + 0.5))
    inside = (x > 700e3) & (x < 1700e3)
    assert psi.anomaly(torch.full((1, len(x)), 3.0, dtype=torch.float64)).abs().max() < 1e-12
    for wavelength, kept in ((CUTOFF, 0.5), (CUTOFF / 4, 1.0), (8 * CUTOFF, 0.01)):
        wave = torch.sin(2 * math.pi * x / wavelength)
        left = psi.anomaly(wave[None])[0]
        share = float((left * wave)[inside].sum() / wave[inside].square().sum())
        assert share == pytest.approx(kept, abs=0.015)


def test_the_coupling_coefficient_is_the_slope_whatever_the_offset():
    draw = torch.Generator().manual_seed(0)
    vorticity = 1e-5 * torch.randn(3, 400, generator=draw, dtype=torch.float64)
    curl = 2e-8 - 0.012 * vorticity
    parts = [coupling_sums(vorticity[i : i + 1], curl[i : i + 1]) for i in range(3)]
    assert coupling_coefficient(added(parts)) == pytest.approx(-0.012)
    assert float(added(parts)["weight"].sum()) == 1200
    still = coupling_sums(torch.zeros_like(vorticity), curl)
    assert math.isnan(coupling_coefficient(still))
