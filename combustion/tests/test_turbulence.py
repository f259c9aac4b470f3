"""Inflow turbulence: spectrum, intensity and length as prescribed, no divergence, frozen sweep."""

from __future__ import annotations

import math

import pytest
import torch

from combustion.synthetic.turbulence import TurbulentInflow, synthetic_turbulence, von_karman_pao

H, RMS, LENGTH, NU = 2e-4, 0.55, 2e-3, 2.86e-5


def test_spectrum_holds_the_energy_and_the_integral_length() -> None:
    """Integral of E is 3/2 u'^2; that of E / k is 2 u'^2 l_t / pi for isotropic turbulence."""
    k = torch.logspace(0, 7, 200001, dtype=torch.float64)
    energy = von_karman_pao(k, RMS, LENGTH, viscosity=1e-12)
    assert torch.trapezoid(energy, k).item() == pytest.approx(1.5 * RMS**2, rel=0.01)
    length = math.pi / (2 * RMS**2) * torch.trapezoid(energy / k, k).item()
    assert length == pytest.approx(LENGTH, rel=0.02)


def test_viscosity_cuts_the_spectrum_at_the_kolmogorov_scale() -> None:
    eta = (NU**3 * LENGTH / RMS**3) ** 0.25
    k = torch.tensor([0.01 / eta, 1 / eta], dtype=torch.float64)
    ratio = von_karman_pao(k, RMS, LENGTH, NU) / von_karman_pao(k, RMS, LENGTH, 1e-12)
    torch.testing.assert_close(ratio, torch.tensor([math.exp(-2e-4), math.exp(-2)]).double())


def test_field_has_the_prescribed_spectrum_and_rms() -> None:
    shape = (96, 96, 96)
    velocity = synthetic_turbulence(shape, H, RMS, LENGTH, NU, seed=1)
    assert velocity.square().mean().sqrt().item() == pytest.approx(RMS, rel=1e-5)
    for component in velocity:
        assert component.std().item() == pytest.approx(RMS, rel=0.1)
        assert abs(component.mean().item()) < 1e-5

    # Energy per shell of the lattice of modes, each mode having its share of a sphere of radius k.
    step = 2 * math.pi / (96 * H)
    wave = torch.fft.fftfreq(96, 1 / 96)
    radius = (wave[:, None, None] ** 2 + wave[:, None] ** 2 + wave**2).sqrt()
    radius[0, 0, 0] = 1e-3  # the mean flow: no energy
    share = von_karman_pao(radius * step, RMS, LENGTH, NU) * step / (4 * math.pi * radius**2)
    share *= 1.5 * RMS**2 / share.sum()  # a finite box does not hold all of the spectrum
    spectrum = (
        torch.fft.fftn(velocity, dim=(1, 2, 3)).abs().square().sum(0) / 2 / math.prod(shape) ** 2
    )
    shell = radius.round().long().flatten()
    found = torch.zeros(200).index_add(0, shell, spectrum.flatten())[1:47]
    expected = torch.zeros(200).index_add(0, shell, share.flatten())[1:47]
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0)


def test_field_has_no_divergence_on_the_staggered_grid() -> None:
    u, v, w = synthetic_turbulence((32, 24, 20), H, RMS, LENGTH, NU, seed=2)
    divergence = u.roll(-1, 0) - u + v.roll(-1, 1) - v + w.roll(-1, 2) - w
    assert divergence.abs().max() < 1e-5 * RMS
    assert (u.roll(-1, 0) - u).abs().max() > 0.1 * RMS


def test_seed_decides_the_field() -> None:
    draw = [synthetic_turbulence((16, 8, 8), H, RMS, LENGTH, NU, seed) for seed in (7, 7, 8)]
    assert torch.equal(draw[0], draw[1])
    assert (draw[0] - draw[2]).abs().max() > 0.5 * RMS


def test_the_box_is_swept_through_the_inlet_unchanged() -> None:
    box = synthetic_turbulence((16, 12, 10), H, RMS, LENGTH, NU, seed=3)
    mean, mask, speed = torch.full((12,), 4.0), torch.ones(12), 4.0
    inflow = TurbulentInflow(box.clone(), H, mean, mask, speed)
    later = 3 * H / speed  # u has moved by three cells
    torch.testing.assert_close(inflow(later)[0], box[0, -3] + 4, atol=2e-5, rtol=0)
    torch.testing.assert_close(inflow(later + H / speed / 2)[1], box[1, -4], atol=2e-5, rtol=0)
    torch.testing.assert_close(inflow(later + 16 * H / speed), inflow(later), atol=1e-4, rtol=0)
    torch.testing.assert_close(inflow.field(17)[0, 16], box[0, 0] + 4)


def test_interpolation_between_planes_is_smooth_and_accurate() -> None:
    wave = torch.sin(2 * math.pi * torch.arange(16) / 16)
    box = wave[None, :, None, None].expand(3, 16, 4, 4).clone()
    inflow = TurbulentInflow(box, 1.0, torch.zeros(4), torch.ones(4), 1.0)
    for time in (0.2, 0.5, 5.7):
        expected = math.sin(-2 * math.pi * time / 16)
        assert inflow(time)[0, 0, 0].item() == pytest.approx(expected, abs=5e-3)


def test_turbulence_stays_in_the_jet() -> None:
    box = synthetic_turbulence((16, 12, 10), H, RMS, LENGTH, NU, seed=3)
    mask = torch.zeros(12)
    mask[4:8] = 1
    plane = TurbulentInflow(box, H, 1.6 + 2.4 * mask, mask, 4.0)(1e-3)
    assert torch.equal(plane[0, :4], torch.full((4, 10), 1.6))
    assert torch.equal(plane[1, 9:], torch.zeros(3, 10))
    assert plane[0, 4:8].std() > 0.2 * RMS
