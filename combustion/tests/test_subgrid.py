"""Eddy viscosity: exact shear, momentum kept, energy lost; the gradient flux of a scalar."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from combustion.physics.subgrid import (
    SMAGORINSKY,
    diffusion,
    eddy_viscosity,
    stress_divergence,
    with_halo,
)

CELLS = (12, 16, 8)
H = 0.1
WIDTH = 0.3


def periodic_velocity(v_of_z: Tensor) -> Tensor:
    """Return a velocity along y that varies along z only, with its halo."""
    velocity = torch.zeros((3, *(n + 2 for n in CELLS)), dtype=torch.float64)
    velocity[1] = with_halo(v_of_z.expand(CELLS))
    return velocity


def random_velocity() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    fields = torch.randn((3, *CELLS), generator=generator, dtype=torch.float64)
    return torch.stack([with_halo(field) for field in fields])


def test_the_viscosity_of_a_shear_wave_is_that_of_smagorinsky():
    z = (torch.arange(CELLS[2], dtype=torch.float64) + 0.5) * H
    k = 2 * math.pi / (CELLS[2] * H)
    found = eddy_viscosity(periodic_velocity((k * z).sin()), H, WIDTH)[1:-1, 1:-1, 1:-1]
    # |S| = |dv/dz|: squared differences at the two faces of a cell, averaged.
    slope = ((k * (z + H / 2)).cos(), (k * (z - H / 2)).cos())
    slope = [2 / H * math.sin(k * H / 2) * part for part in slope]
    expected = (SMAGORINSKY * WIDTH) ** 2 * ((slope[0] ** 2 + slope[1] ** 2) / 2).sqrt()
    torch.testing.assert_close(found, expected.expand(CELLS), rtol=1e-10, atol=0)


def test_a_constant_viscosity_damps_a_shear_wave_as_the_laplacian_does():
    z = (torch.arange(CELLS[2], dtype=torch.float64) + 0.5) * H
    k = 2 * math.pi / (CELLS[2] * H)
    velocity = periodic_velocity((k * z).sin())
    nu = torch.full(velocity.shape[1:], 0.02, dtype=torch.float64)
    found = stress_divergence(velocity, nu, H)[1, 2:-1, 1:-1, 1:-1]
    expected = -0.02 * (2 / H * math.sin(k * H / 2)) ** 2 * (k * z).sin()
    torch.testing.assert_close(found, expected.expand_as(found), rtol=1e-9, atol=1e-12)


def test_eddies_keep_momentum_across_the_stream_and_take_energy():
    velocity = random_velocity()
    velocity[:, :4] = velocity[:, -4:] = 0  # nothing crosses the ends of x
    rate = stress_divergence(velocity, eddy_viscosity(velocity, H, WIDTH), H)
    inner = (slice(1, -1),) * 3
    scale = rate.abs().max()
    for a in range(3):
        assert abs(float(rate[a][inner].sum())) < 1e-9 * scale * rate[a].numel()
    work = sum(float((velocity[a] * rate[a])[inner].sum()) for a in range(3))
    assert work < -0.1 * scale


def test_a_uniform_stream_feels_nothing():
    velocity = torch.ones((3, *(n + 2 for n in CELLS)), dtype=torch.float64)
    assert eddy_viscosity(velocity, H, WIDTH).abs().max() == 0
    assert stress_divergence(velocity, torch.rand(velocity.shape[1:]).double(), H).abs().max() == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_gradient_flux_keeps_the_scalar_and_damps_a_wave(axis):
    n = CELLS[axis]
    shape = [1, 1, 1]
    shape[axis] = n
    wave = math.pi * (1 if axis == 0 else 2) / n
    c = (wave * (torch.arange(n, dtype=torch.float64) + 0.5)).cos().reshape(shape).expand(CELLS)
    diffusivity = torch.full([n + 2 for n in CELLS], 0.3, dtype=torch.float64)
    found = diffusion(c, diffusivity, H)
    torch.testing.assert_close(found, -0.3 * (2 / H * math.sin(wave / 2)) ** 2 * c)
    uneven = diffusion(c, with_halo(torch.rand(CELLS, dtype=torch.float64)), H)
    assert abs(float(uneven.sum())) < 1e-9 * float(uneven.abs().max())
