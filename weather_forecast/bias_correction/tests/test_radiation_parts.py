"""Layers and their matrices against solutions that are known in another way."""

import math

import pytest
import torch
from torch import Tensor

from ai4sim.physics.constants import STEFAN_BOLTZMANN
from weather_forecast.bias_correction.physics import cloud_optics, gas_optics, regions
from weather_forecast.bias_correction.physics.layers import (
    longwave_layer,
    shortwave_layer,
)
from weather_forecast.bias_correction.physics.matrices import (
    exchange_exponential,
    matmul,
    matvec,
    solve,
)
from weather_forecast.bias_correction.physics.two_stream import (
    LW_DIFFUSIVITY,
    longwave_gammas,
    longwave_slab,
    shortwave_gammas,
    shortwave_slab,
)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Draw numbers that are the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def first(matrix: Tensor) -> Tensor:
    """Move the matrix axes from the front to the back."""
    return matrix.permute(*range(2, matrix.ndim), 0, 1)


# Small matrices


def test_products_and_solutions_are_those_of_linear_algebra() -> None:
    """Batch-last matrices against torch.linalg."""
    a = uniform(3, 3, 50) + 3.0 * torch.eye(3, dtype=torch.float64)[..., None]
    b, v = uniform(3, 4, 50), uniform(3, 50)
    torch.testing.assert_close(first(matmul(a, b)), first(a) @ first(b))
    torch.testing.assert_close(first(solve(a, b)), torch.linalg.solve(first(a), first(b)))
    torch.testing.assert_close(matvec(a, v), matmul(a, v[:, None])[:, 0])


@pytest.mark.parametrize("size", [0.0, 1e-9, 1.0, 100.0])
def test_exchange_exponential_is_the_matrix_exponential(size: float) -> None:
    """Also without exchange, where eigenvalues coincide, and with very much of it."""
    out, back = size * uniform(2, 40), size * uniform(2, 40).flip(1)
    out[:, 0], back[:, 0] = size, 0.0  # a double eigenvalue
    generator = torch.zeros(3, 3, 40, dtype=torch.float64)
    for i in range(2):
        generator[i, i] -= out[i]
        generator[i + 1, i] += out[i]
        generator[i + 1, i + 1] -= back[i]
        generator[i, i + 1] += back[i]
    expected = torch.linalg.matrix_exp(first(generator))
    exponential = exchange_exponential(out, back)
    torch.testing.assert_close(first(exponential), expected, rtol=0.0, atol=1e-6)
    torch.testing.assert_close(
        exponential.sum(0), torch.ones(3, 40, dtype=torch.float64), rtol=0.0, atol=1e-9
    )


# Two streams


def test_without_absorption_all_light_leaves_the_layer() -> None:
    """Conservative scattering: R = (1-g) 3/4 tau / (1 + (1-g) 3/4 tau), nothing is lost."""
    tau, mu0 = uniform(200, high=60.0), uniform(200, low=0.01).flip(0)
    g = uniform(200, high=0.9).roll(50)
    slab = shortwave_slab(tau, torch.ones_like(tau), g, mu0)
    path = 0.75 * (1.0 - g) * tau
    torch.testing.assert_close(slab.reflectance, path / (1.0 + path), rtol=1e-4, atol=1e-6)
    kept = slab.reflectance + slab.transmittance
    torch.testing.assert_close(kept, torch.ones_like(tau), rtol=0.0, atol=1e-4)
    total = slab.reflectance_direct + slab.transmittance_direct + slab.direct
    torch.testing.assert_close(total, torch.ones_like(tau), rtol=0.0, atol=1e-4)


def test_thin_and_thick_limits() -> None:
    """A thin layer scatters ssa tau / mu0, a thick one transmits nothing and absorbs the rest."""
    ssa, g = torch.full((20,), 0.9).double(), torch.full((20,), 0.45).double()
    mu0 = torch.linspace(0.05, 1.0, 20).double()
    thin = shortwave_slab(torch.full_like(ssa, 1e-6), ssa, g, mu0)
    scattered = thin.reflectance_direct + thin.transmittance_direct
    torch.testing.assert_close(scattered, ssa * 1e-6 / mu0, rtol=1e-3, atol=0.0)
    torch.testing.assert_close(1.0 - thin.direct, 1e-6 / mu0, rtol=1e-3, atol=0.0)
    thick = shortwave_slab(torch.full_like(ssa, 500.0), ssa, g, mu0)
    assert thick.transmittance.max() < 1e-30
    gamma1, gamma2, _ = shortwave_gammas(ssa, g, mu0)
    k = (gamma1.square() - gamma2.square()).sqrt()
    torch.testing.assert_close(thick.reflectance, gamma2 / (gamma1 + k))


def test_light_is_bounded_also_where_the_solution_is_singular() -> None:
    """k mu0 = 1: the solution of Meador & Weaver divides by zero, its limit is smooth."""
    g = torch.zeros(401).double()
    ssa = torch.full_like(g, 0.5)
    gamma1, gamma2, _ = shortwave_gammas(ssa[0], g[0], g[0])
    singular = 1.0 / (gamma1.square() - gamma2.square()).sqrt()
    mu0 = singular * (1.0 + torch.linspace(-1e-5, 1e-5, 401).double())
    slab = shortwave_slab(torch.full_like(g, 2.0), ssa, g, mu0)
    for part in slab:
        assert part.diff().abs().max() < 1e-5
    assert (slab.reflectance_direct + slab.transmittance_direct + slab.direct).max() < 1.0


def test_isothermal_layer_emits_what_it_absorbs() -> None:
    """Kirchhoff: emission is (1 - R - T) B on both sides, for any scattering and thickness."""
    tau = torch.logspace(-7, 2, 60).double()
    ssa, g = uniform(60, high=0.9), uniform(60, high=0.9).flip(0)
    planck = torch.full_like(tau, 300.0)
    layer = longwave_slab(tau, ssa, g, planck, planck)
    expected = (1.0 - layer.reflectance - layer.transmittance) * planck
    torch.testing.assert_close(layer.up, expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(layer.dn, expected, rtol=1e-6, atol=1e-9)


def test_thick_layer_emits_from_its_boundaries() -> None:
    """A layer that nothing passes emits as a black body: up at its top, down at its base."""
    one = torch.ones(1).double()
    layer = longwave_slab(1e4 * one, 0.0 * one, 0.0 * one, 200.0 * one, 300.0 * one)
    assert layer.up.item() == pytest.approx(200.0, abs=0.02)
    assert layer.dn.item() == pytest.approx(300.0, abs=0.02)


# Layers with exchange between regions

FRACTIONS = torch.tensor([0.6, 0.2, 0.2], dtype=torch.float64)[:, None]


def medium(count: int, thickest: float = 9.0) -> tuple[Tensor, Tensor, Tensor]:
    """Return clear, thin and thick regions (3, 1, count)."""
    scale = torch.tensor([0.01, 1.0, thickest], dtype=torch.float64)[:, None, None]
    tau = scale * uniform(1, 1, count, low=0.1, high=2.0)
    return tau, uniform(3, 1, count, low=0.2, high=0.999), uniform(3, 1, count, high=0.5).flip(0)


def rates(strength: float, count: int) -> tuple[Tensor, Tensor]:
    """Return rates of exchange that leave a uniform field of light alone."""
    edge = strength * uniform(2, count, low=0.2)
    return edge / FRACTIONS[:2], edge / FRACTIONS[1:]


def loss_matrix(exchange: tuple[Tensor, Tensor], extinction: Tensor) -> Tensor:
    """Return what leaves regions, (element, 3, 3)."""
    out, back = exchange
    matrix = torch.diag_embed(extinction.T)
    for i in range(2):
        matrix[:, i, i] += out[i]
        matrix[:, i + 1, i] -= out[i]
        matrix[:, i + 1, i + 1] += back[i]
        matrix[:, i, i + 1] -= back[i]
    return matrix


def test_layer_is_the_matrix_exponential_of_its_equations() -> None:
    """SPARTACUS' own way: reflectance and transmittance from the exponential of the system."""
    count = 60
    # In thicker layers the exponential loses all digits to cancellation.
    tau, ssa, g = medium(count, thickest=2.0)
    mu0 = uniform(count, low=0.2)
    diffuse, direct = rates(0.5, count), rates(1.0, count)
    layer = shortwave_layer(tau, ssa, g, mu0, diffuse, direct)

    gamma1, gamma2, gamma3 = (x[:, 0] for x in shortwave_gammas(ssa, g, mu0))
    tau, ssa = tau[:, 0], ssa[:, 0]
    g1, g2 = loss_matrix(diffuse, tau * gamma1), torch.diag_embed((tau * gamma2).T)
    g3 = torch.diag_embed((tau * ssa * gamma3 / mu0).T)
    g4 = torch.diag_embed((tau * ssa * (1.0 - gamma3) / mu0).T)
    g0 = loss_matrix(direct, tau / mu0)
    nothing = torch.zeros_like(g0)
    system = torch.cat(
        [
            torch.cat([g1, -g2, -g3], 2),
            torch.cat([g2, -g1, g4], 2),
            torch.cat([nothing, nothing, -g0], 2),
        ],
        1,
    )
    e = torch.linalg.matrix_exp(system)
    u, v, s = slice(0, 3), slice(3, 6), slice(6, 9)
    reflectance = -torch.linalg.solve(e[:, u, u], e[:, u, v])
    reflectance_direct = -torch.linalg.solve(e[:, u, u], e[:, u, s])
    expected = (
        reflectance,
        e[:, v, u] @ reflectance + e[:, v, v],
        reflectance_direct,
        e[:, v, u] @ reflectance_direct + e[:, v, s],
        e[:, s, s],
    )
    for part, reference in zip(layer, expected, strict=True):
        found = first(part[:, :, 0])
        torch.testing.assert_close(found, reference, rtol=1e-5, atol=2e-6)


def test_long_wave_layer_is_many_thin_layers() -> None:
    """Emission of a layer against that of 256 sublayers, which emit their mean."""
    count, pieces = 8, 256
    tau, ssa, g = medium(count)
    top, base = 200.0 * FRACTIONS[:, None], 260.0 * FRACTIONS[:, None]
    top, base = top.expand(-1, 1, count), base.expand(-1, 1, count)
    exchange = rates(2.0, count)
    side = torch.ones(1, count).double()
    whole = longwave_layer(tau, ssa, g, top, base, exchange, side)

    thin = (exchange[0] / pieces, exchange[1] / pieces)
    fields = [
        longwave_layer(
            tau / pieces,
            ssa,
            g,
            top + (base - top) * i / pieces,
            top + (base - top) * (i + 1) / pieces,
            thin,
            side,
        )
        for i in range(pieces)
    ]
    r, t, up, dn = fields[0]
    identity = torch.eye(3, dtype=torch.float64)[..., None, None]
    for field in fields[1:]:
        inverse = solve(identity - matmul(r, field.reflectance), identity.expand_as(r))
        falling = matvec(inverse, dn + matvec(r, field.up))
        rising = field.up + matvec(field.reflectance, falling)
        up = up + matvec(t, rising)
        dn = field.dn + matvec(field.transmittance, falling)
        passed = matmul(inverse, t)
        t = matmul(field.transmittance, passed)
        r = field.reflectance + matmul(
            field.transmittance, matmul(inverse, matmul(r, field.transmittance))
        )
    torch.testing.assert_close(whole.up, up, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(whole.dn, dn, rtol=1e-4, atol=1e-4)


def test_without_edges_regions_are_on_their_own() -> None:
    """No exchange: the diagonals are the plane-parallel solutions, for both spectra."""
    count = 30
    tau, ssa, g = medium(count)
    mu0 = uniform(count, low=0.05)
    nothing = (torch.zeros(2, count).double(), torch.zeros(2, count).double())
    layer = shortwave_layer(tau, ssa, g, mu0, nothing, nothing)
    for part, plain in zip(layer, shortwave_slab(tau, ssa, g, mu0), strict=True):
        torch.testing.assert_close(
            first(part), torch.diag_embed(plain.permute(1, 2, 0)), rtol=1e-5, atol=1e-5
        )
    sources = (200.0 * torch.ones_like(tau), 260.0 * torch.ones_like(tau))
    long = longwave_layer(tau, ssa, g, *sources, nothing, torch.ones(1, count).double())
    alone = longwave_slab(tau, ssa, g, *sources)
    torch.testing.assert_close(long.up, alone.up, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(long.dn, alone.dn, rtol=1e-5, atol=1e-5)


def test_exchange_loses_no_light() -> None:
    """Without absorption all that enters a layer leaves it, from whichever region."""
    count = 30
    tau, _, g = medium(count)
    mu0 = uniform(count, low=0.01)
    layer = shortwave_layer(tau, torch.ones_like(tau), g, mu0, rates(3.0, count), rates(9.0, count))
    one = torch.ones(3, 1, count).double()
    diffuse = (layer.reflectance + layer.transmittance).sum(0)
    torch.testing.assert_close(diffuse, one, rtol=0.0, atol=1e-6)
    direct = (layer.reflectance_direct + layer.transmittance_direct + layer.direct).sum(0)
    torch.testing.assert_close(direct, one, rtol=0.0, atol=1e-6)


def test_light_takes_the_same_way_back() -> None:
    """Reciprocity: region i gets from j, per area, what j gets from i."""
    count = 30
    exchange = rates(3.0, count)
    layer = shortwave_layer(*medium(count), uniform(count, low=0.1), exchange, exchange)
    for part in (layer.reflectance, layer.transmittance):
        flow = first(part * FRACTIONS[:, :, None])
        torch.testing.assert_close(flow, flow.mT, rtol=1e-6, atol=1e-9)


def test_very_thick_layers_stay_finite() -> None:
    """Optical depth 1000 and a sun on the horizon: where exponentials overflow."""
    tau = torch.tensor([0.1, 100.0, 1000.0]).double()[:, None, None]
    one = torch.ones_like(tau)
    mu0 = torch.tensor([1e-4]).double()
    layer = shortwave_layer(tau, 0.99 * one, 0.8 * one, mu0, rates(9.0, 1), rates(9.0, 1))
    for part in layer:
        assert torch.isfinite(part).all()
        assert part.min() > -1e-9
        assert part.sum(0).max() < 1.0 + 1e-6


# Regions


def test_overlap_conserves_light_and_areas() -> None:
    """Shares add up to one wherever there is a region; they map the areas onto each other."""
    fraction = torch.tensor([0.0, 0.3, 0.7, 1.0, 0.2, 0.0]).double()[:, None].expand(-1, 3)
    fractions = torch.stack([1.0 - fraction, 0.5 * fraction, 0.5 * fraction], 1)
    alpha = torch.tensor([1.0, 0.5, 0.0]).double().expand(7, 3)
    up, dn = regions.overlap_matrices(fractions, alpha)
    space = torch.tensor([1.0, 0.0, 0.0]).double()[None, :, None].expand(1, -1, 3)
    above, below = torch.cat([space, fractions]), torch.cat([fractions, space])
    torch.testing.assert_close((dn * above[:, None]).sum(2), below)
    torch.testing.assert_close((up * below[:, None]).sum(2), above)
    torch.testing.assert_close(dn.sum(1), (above > 0.0).double())
    # Random overlap of 0.3 and 0.7: 0.21 of the area is clear in both.
    assert (dn[2, 0, 0, 2] * 0.7).item() == pytest.approx(0.7 * 0.3)
    # Maximum overlap: the smaller cloud lies within the larger one.
    assert dn[2, 0, 1:, 0].abs().max() < 1e-12


def test_edges_are_those_of_the_effective_size() -> None:
    """Half-covered sky at the surface: separation 2.5 km, size 1.25 km, 4/pi f (1-f) / size."""
    edges, size = regions.cloud_edges(
        torch.tensor([[0.5], [0.0], [1.0]]).double(), torch.ones(3, 1).double()
    )
    # exp(-1) is reached where the pressure is that of the surface.
    assert size[0, 0].item() == pytest.approx(1250.0)
    assert edges[0, 0, 0].item() == pytest.approx(4.0 / math.pi * 0.25 / 1250.0)
    core = 2500.0 * 0.75 * math.sqrt(0.25 * 0.75)
    assert edges[0, 1, 0].item() == pytest.approx(4.0 / math.pi * 0.25 * 0.75 / core)
    assert edges[1:, 0].abs().max().item() == 0.0


def test_gamma_distribution_keeps_the_mean() -> None:
    """Optical depths of thin and thick cloud average to one."""
    thin, thick = regions.optical_depth_scalings()
    assert thin + thick == pytest.approx(2.0)
    assert thin == pytest.approx(0.1944, abs=1e-4)


# Optics


def test_spectral_points_share_the_whole_energy() -> None:
    """Weights of sunlight add up to one, black-body fluxes to sigma T^4."""
    assert math.fsum(p.weight for p in gas_optics.solar_points()) == pytest.approx(1.0)
    temperature = torch.tensor([180.0, 250.0, 320.0]).double()
    total = gas_optics.planck_fluxes(temperature).sum(-2)
    expected = STEFAN_BOLTZMANN * temperature**4
    torch.testing.assert_close(total, expected, rtol=1e-9, atol=0.0)
    # Half of the energy lies above nu = 2.4398 cm K T.
    points, fluxes = gas_optics.thermal_points(), gas_optics.planck_fluxes(temperature)
    below = sum(fluxes[i, 2] for i, p in enumerate(points) if p.band <= 2)
    x = 1.438777 * 800.0 / 320.0
    grid = torch.linspace(1e-6, x, 20001).double()
    part = torch.trapezoid(grid**3 / torch.expm1(grid), grid) * 15.0 / math.pi**4
    assert float(below) == pytest.approx(float(part * expected[2]), rel=3e-3)


def test_clouds_are_geometric_optics_in_the_visible() -> None:
    """Extinction of large particles: 3/2 of the water path over density and radius."""
    radius = torch.tensor([8.0, 15.0]).double()
    particles = cloud_optics.Particles(
        torch.full((2,), 100.0).double(), torch.zeros(2).double(), radius, 3.0 * radius
    )
    cloud = cloud_optics.solar_cloud(particles)
    # Delta scaling takes ssa g^2 of it away.
    g = cloud.asymmetry[0] / (1.0 - cloud.asymmetry[0])
    unscaled = cloud.tau[0] / (1.0 - g.square())
    torch.testing.assert_close(unscaled, 1.5 * 100.0 / radius, rtol=0.08, atol=0.0)
    assert (cloud.ssa[0] == 1.0).all()
    assert (cloud.ssa[1:].diff(dim=0) < 0.0).all()


def test_clouds_absorb_in_the_long_wave() -> None:
    """About 0.15 m2/g for droplets in the window, half of that for ice; no unphysical value."""
    radius = torch.tensor([4.0, 10.0, 30.0]).double()
    for liquid, ice in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)):
        one = torch.ones(3).double()
        particles = cloud_optics.Particles(liquid * one, ice * one, radius, 4.0 * radius)
        cloud = cloud_optics.thermal_cloud(particles)
        assert (cloud.tau > 0.0).all()
        assert ((cloud.ssa >= 0.0) & (cloud.ssa < 1.0)).all()
        assert ((cloud.asymmetry >= 0.0) & (cloud.asymmetry < 0.55)).all()
        absorption = cloud.tau * (1.0 - cloud.ssa)
        assert 0.02 < absorption[3, 1].item() < 0.2


def test_elsasser_factor_is_that_of_the_equations() -> None:
    """Without scattering a thin layer transmits exp(-D tau)."""
    nothing = torch.zeros(1).double()
    assert longwave_gammas(nothing, nothing)[0].item() == LW_DIFFUSIVITY
