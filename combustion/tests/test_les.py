"""LES filter: invariants of the filter, and flames whose surface is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from combustion.physics.les import (
    LESFilter,
    filter_flame,
    filter_matrix,
    gradient,
    resolved_velocity_estimate,
)
from combustion.synthetic.transport import LaminarFlame

CPU = torch.device("cpu")
DX, STRIDE = 1e-4, 8
WIDTH = 8 * DX
METHANE = LaminarFlame(0.272, 0.526e-3)


def still(shape: tuple[int, int, int]) -> Tensor:
    return torch.zeros(3, *(n // 2 for n in shape))


def test_kernel_has_the_variance_of_a_box_of_its_width() -> None:
    cells, width = 128, 16.0
    (row,) = filter_matrix(torch.tensor([64.0]), cells, width, periodic=False)
    offset = torch.arange(cells) + 0.5 - 64
    assert row.sum().item() == pytest.approx(1)
    assert (row * offset).sum().item() == pytest.approx(0, abs=1e-12)
    assert (row * offset**2).sum().item() == pytest.approx(width**2 / 12, rel=2e-3)


def test_kernel_wraps_round_or_is_renormalised() -> None:
    at = torch.tensor([0.5])
    wrapped = filter_matrix(at, 16, 6.0, periodic=True)[0]
    assert wrapped[1].item() == pytest.approx(wrapped[-1].item())
    cut = filter_matrix(at, 16, 6.0, periodic=False)[0]
    assert cut[-1] == 0
    assert (cut[1] / cut[0]).item() == pytest.approx((wrapped[1] / wrapped[0]).item())
    wide = filter_matrix(at, 4, 40.0, periodic=True)[0]  # more than once round
    torch.testing.assert_close(wide, torch.full((4,), 0.25, dtype=torch.float64), atol=2e-3, rtol=0)


def test_constant_fields_are_kept_and_periodic_integrals_too() -> None:
    shape = (32, 24, 16)
    les = LESFilter(shape, DX, 2 * WIDTH, STRIDE * DX, CPU)
    assert les(torch.full(shape, 0.7)).sub(0.7).abs().max() < 1e-6
    assert les.gradient(torch.full(shape, 0.7)).abs().max() < 1e-2
    profile = torch.rand(shape[1:], generator=torch.Generator().manual_seed(4))
    every = LESFilter(shape, DX, WIDTH, DX, CPU)  # all positions, no sub-sampling
    filtered = every(profile.expand(shape))
    assert filtered.shape == shape
    assert filtered.mean().item() == pytest.approx(profile.mean().item(), rel=1e-5)


def test_filter_damps_a_wave_by_the_transfer_function() -> None:
    """exp(-k^2 Delta^2 / 24) for a Gaussian of variance Delta^2 / 12, k times that for slopes."""
    shape = (8, 64, 8)
    y = (torch.arange(64) + 0.5) * DX
    k = 2 * math.pi / (32 * DX)
    les = LESFilter(shape, DX, WIDTH, STRIDE * DX, CPU)
    field = torch.sin(k * y)[None, :, None].expand(shape)
    centre = (torch.arange(8) + 0.5) * STRIDE * DX
    gain = math.exp(-((k * WIDTH) ** 2) / 24)
    torch.testing.assert_close(les(field)[0, :, 0], gain * torch.sin(k * centre), atol=1e-3, rtol=0)
    slope = les.gradient(field)
    torch.testing.assert_close(
        slope[1, 0, :, 0], gain * k * torch.cos(k * centre), atol=3e-3 * k, rtol=0
    )
    assert slope[[0, 2]].abs().max() < 1e-3 * k


def test_gradient_is_exact_for_cubics_along_x_and_accurate_across() -> None:
    x = torch.arange(12.0)[:, None, None].expand(12, 6, 6).double()
    found = gradient(x**3, 1.0)
    torch.testing.assert_close(found[0, 2:-2], (3 * x**2)[2:-2])
    parabola = gradient(x**2, 1.0)
    torch.testing.assert_close(parabola[0], 2 * x)  # the ends too
    k = 2 * math.pi / 24
    wave = torch.sin(k * torch.arange(24.0)).expand(6, 4, 24)
    error = gradient(wave, 1.0)[2] - k * torch.cos(k * torch.arange(24.0))
    assert error.abs().max() < k**5 / 25


def test_planar_flame_against_quadrature() -> None:
    shape = (96, 16, 16)
    x = (torch.arange(96) + 0.5) * DX
    position = 4.87e-3
    c = METHANE.profile(x - position)[:, None, None].expand(shape)
    flame = filter_flame(c, still(shape), DX, WIDTH, STRIDE)

    centre = (torch.arange(12).double() + 0.5) * STRIDE * DX
    s = torch.linspace(-4, 4, 4001).double() * WIDTH / math.sqrt(12)
    kernel = torch.exp(-6 * (s / WIDTH) ** 2)
    kernel /= kernel.sum()
    near = (2 / METHANE.thickness) * (centre[:, None] + s - position)
    expected = (kernel * (1 + torch.tanh(near)) / 2).sum(1)
    slope = (kernel / torch.cosh(near) ** 2).sum(1) / METHANE.thickness
    found = flame.progress_variable[:, 1, 1].double()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    peak = slope.max().item()
    sigma = flame.flame_surface_density[:, 0, 0].double()
    torch.testing.assert_close(sigma, slope, atol=0.01 * peak, rtol=0)
    resolved = flame.resolved_gradient[:, 0, 0].double()
    torch.testing.assert_close(resolved, slope, atol=0.01 * peak, rtol=0)


def test_planar_flame_has_no_wrinkling_and_its_own_area() -> None:
    """Also when it lies askew in the periodic box: its surface is that of the two planes."""
    shape = (96, 64, 8)
    x = (torch.arange(96)[:, None, None] + 0.5) * DX
    y = (torch.arange(64)[None, :, None] + 0.5) * DX
    width = 64 * DX
    fold = (y - width / 2).abs() / 2  # two planes at atan(1/2)
    cosine = 1 / math.hypot(1, 0.5)
    c = METHANE.profile((x - 3.6e-3 - fold) * cosine).expand(shape)
    flame = filter_flame(c, still(shape), DX, WIDTH, STRIDE)
    wrinkling = flame.flame_surface_density / flame.resolved_gradient
    plane = flame.resolved_gradient[:, 2, 0] > 0.05 * flame.resolved_gradient.max()
    torch.testing.assert_close(
        wrinkling[:, 2, 0][plane], torch.ones(int(plane.sum())), atol=0.01, rtol=0
    )
    area = flame.flame_surface_density.sum().item() * (STRIDE * DX) ** 3
    assert area == pytest.approx(width / cosine * 8 * DX, rel=0.02)
    burning = flame.flame_surface_density > 0.05 * flame.flame_surface_density.max()
    assert (wrinkling[burning] > 0.97).all()


def test_sphere_has_its_area() -> None:
    """Integral of |grad c| of a ball of radius r: 4 pi r^2 plus the spread of its profile."""
    n, radius = 64, 2.2e-3
    r = (torch.arange(n) + 0.5 - n / 2) * DX
    distance = (r[:, None, None] ** 2 + r[:, None] ** 2 + r**2).sqrt()
    shape = (n, n, n)
    flame = filter_flame(METHANE.profile(radius - distance), still(shape), DX, WIDTH, STRIDE)
    area = flame.flame_surface_density.sum().item() * (STRIDE * DX) ** 3
    spread = (math.pi * METHANE.thickness / 4) ** 2 / 3  # variance of the derivative of the profile
    assert area == pytest.approx(4 * math.pi * (radius**2 + spread), rel=0.02)


def test_wrinkled_sheet_has_the_area_of_the_sine() -> None:
    shape, amplitude = (128, 48, 8), 0.6e-3
    length = 48 * DX
    k = 2 * math.pi / length
    x = (torch.arange(128)[:, None] + 0.5) * DX
    y = (torch.arange(48)[None, :] + 0.5) * DX
    level = x - 6.4e-3 - amplitude * torch.sin(k * y)
    c = METHANE.profile(level)[..., None].expand(shape)
    flame = filter_flame(c, still(shape), DX, 3 * WIDTH, STRIDE)
    slope = amplitude * k * torch.cos(k * y.double())
    expected = (1 + slope**2).sqrt().mean().item() * length * 8 * DX
    area = flame.flame_surface_density.sum().item() * (STRIDE * DX) ** 3
    assert area == pytest.approx(expected, rel=0.02)
    assert flame.resolved_gradient.sum() < 0.95 * flame.flame_surface_density.sum()


def test_subfilter_velocity_of_a_shear_is_known() -> None:
    """Filtering u = a x leaves the variance a^2 Delta^2 / 12, a third of which is u'^2."""
    shape, shear = (64, 16, 16), 300.0
    velocity = torch.zeros(3, 32, 8, 8)
    velocity[1] = (shear * (torch.arange(32) + 0.5) * 2 * DX)[:, None, None]
    flame = filter_flame(torch.ones(shape), velocity, DX, 2 * WIDTH, STRIDE)
    inner = flame.subfilter_velocity[2:-2]
    torch.testing.assert_close(
        inner, torch.full_like(inner, shear * 2 * WIDTH / 6), rtol=5e-3, atol=0
    )
    uniform = filter_flame(torch.ones(shape), torch.full((3, 32, 8, 8), 2.0), DX, WIDTH, STRIDE)
    assert uniform.subfilter_velocity.max() < 2e-3
    assert uniform.flame_surface_density.max() < 1e-3


def test_velocity_estimate_of_a_wave_is_known() -> None:
    """With u = sin(k y), |curl lap u| = k^3 |cos(k y)|, differenced on the LES grid."""
    n, dx = 16, 8e-4
    k = 2 * math.pi / (n * dx)
    y = (torch.arange(n) + 0.5) * dx
    velocity = torch.zeros(3, 6, n, 4)
    velocity[0] = torch.sin(k * y)[:, None]
    laplacian = (2 - 2 * math.cos(k * dx)) / dx**2
    curl = math.sin(k * dx) / dx
    expected = 2 * dx**3 * laplacian * curl * torch.cos(k * y).abs()
    found = resolved_velocity_estimate(velocity, dx)
    torch.testing.assert_close(found, expected[None, :, None].expand(6, n, 4), atol=1e-5, rtol=1e-3)


def test_les_cells_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="LES cells of 0.0008 m do not fit in 4 cells of 0.0001 m"):
        LESFilter((16, 16, 4), DX, WIDTH, STRIDE * DX, CPU)
