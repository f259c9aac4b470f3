"""The slab ocean against what is known of shallow water on a rotating plane."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from wmed.io.grid import OceanGrid
from wmed.online.slab_ocean import OceanParameters, OceanState, SlabOcean

IDEAL = OceanParameters(
    viscosity=0.0, diffusivity=0.0, drag=0.0, entrainment_depth=0.0, deep_temperature=0.0
)
LINEAR = replace(IDEAL, linear=True)
F = 1e-4


def basin(shape, spacing, coriolis=F, sea=None, stretch=0.0):
    """A closed basin on a plane; with `stretch` its cells differ in size and shape."""
    sea = np.ones(shape, bool) if sea is None else sea
    y, x = (np.linspace(-1, 1, n) for n in shape)
    dx = spacing * (1 + stretch * x + stretch * y[:, None] ** 2)
    dy = spacing * (1 + stretch * y[:, None] - 0.5 * stretch * x**2)
    zero = np.zeros(shape)
    return OceanGrid(zero, zero, sea, zero, dx, dy, np.full(shape, coriolis))


def coast(shape=(24, 28)):
    """Sea with an island, a bay and a strait one cell wide."""
    sea = np.ones(shape, bool)
    sea[8:12, 10:14] = False
    sea[:6, :7] = False
    sea[18, 5:] = False
    sea[18, 16] = True
    return sea


def still(ocean):
    """No stress, no heat."""
    eta, xi = ocean.grid.shape
    return (
        torch.zeros(eta, xi - 1).double(),
        torch.zeros(eta - 1, xi).double(),
        torch.zeros(eta, xi).double(),
    )


def at_rest(ocean, displaced=0.0, temperature=288.0):
    state = ocean.at_rest(torch.full(ocean.grid.shape, temperature))
    return state._replace(thickness=state.thickness + displaced * ocean.sea)


def energy(ocean, state):
    """Kinetic and available potential energy [J]."""
    p = ocean.parameters
    displaced = ocean.integral((state.thickness - p.depth) ** 2)
    return float(ocean.kinetic_energy(state) + p.density * p.reduced_gravity / 2 * displaced)


def run(ocean, state, seconds, steps, forcing=None):
    for _ in range(steps):
        state = ocean.step(state, seconds / steps, *(forcing or still(ocean)))
    return state


def rough(ocean, seed=0, speed=0.3):
    """Random currents, thickness and temperature."""
    generator = torch.Generator().manual_seed(seed)

    def noise(shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    eta, xi = ocean.grid.shape
    return OceanState(
        speed * noise((eta, xi - 1)) * ocean.sea_u,
        speed * noise((eta - 1, xi)) * ocean.sea_v,
        ocean.parameters.depth + 5 * noise((eta, xi)) * ocean.sea,
        288 + noise((eta, xi)),
        torch.zeros(eta, xi).double(),
    )


def test_an_impulse_turns_clockwise_with_the_inertial_period():
    ocean = SlabOcean(basin((41, 41), 50e3), LINEAR)
    state = at_rest(ocean)
    state = state._replace(current_u=state.current_u + 0.1 * ocean.sea_u)
    quarter = math.pi / 2 / F
    turned = run(ocean, state, quarter, 30)
    assert float(turned.current_v[20, 20]) == pytest.approx(-0.1, rel=1e-2)
    assert float(turned.current_u[20, 20]) == pytest.approx(0.0, abs=1e-3)
    back = run(ocean, turned, 3 * quarter, 90)
    assert float(back.current_u[20, 20]) == pytest.approx(0.1, rel=1e-2)


def test_a_seiche_has_the_speed_of_long_gravity_waves():
    ocean = SlabOcean(basin((3, 60), 5e3, coriolis=0.0), LINEAR)
    mode = torch.cos(math.pi * (torch.arange(60) + 0.5).double() / 60).expand(3, -1)
    half_period = 60 * 5e3 / ocean.parameters.wave_speed
    quarter = run(ocean, at_rest(ocean, mode), half_period / 2, 60)
    assert float((quarter.thickness - ocean.parameters.depth).abs().max()) < 0.01
    half = run(ocean, quarter, half_period / 2, 60)
    assert torch.allclose(half.thickness - ocean.parameters.depth, -mode, atol=0.01)


def test_a_kelvin_wave_follows_the_coast_on_its_right():
    ocean = SlabOcean(basin((24, 90), 5e3), LINEAR)
    speed = ocean.parameters.wave_speed
    x, y = 5e3 * torch.arange(90).double(), 5e3 * (torch.arange(24).double() + 0.5)
    hump = torch.exp(-(((x - 120e3) / 40e3) ** 2)) * torch.exp(-y * F / speed)[:, None]
    state = at_rest(ocean, hump)
    along = hump * speed / ocean.parameters.depth
    state = state._replace(current_u=(along[:, 1:] + along[:, :-1]) / 2)
    state = run(ocean, state, 150e3 / speed, 130)
    at_coast = (state.thickness - ocean.parameters.depth)[0]
    centre = float((at_coast * x).sum() / at_coast.sum())
    assert centre == pytest.approx(270e3, rel=0.03)
    assert float(at_coast.max()) > 0.85 * float(hump.max())


def eddy(size, ocean):
    n, spacing = ocean.grid.shape[0], float(ocean.dx_u[0, 0])
    place = spacing * (torch.arange(n).double() - (n - 1) / 2)
    return torch.exp(-(place**2 + place[:, None] ** 2) / size**2)


def test_a_geostrophic_eddy_stays():
    ocean = SlabOcean(basin((40, 40), 10e3), LINEAR)
    hump = eddy(60e3, ocean)
    slope_x, slope_y = torch.gradient(hump, spacing=10e3, dim=(1, 0))
    scale = ocean.parameters.reduced_gravity / F
    u, v = -scale * slope_y, scale * slope_x
    state = at_rest(ocean, hump)
    state = state._replace(current_u=(u[:, 1:] + u[:, :-1]) / 2, current_v=(v[1:] + v[:-1]) / 2)
    later = run(ocean, state, 5 * 86_400, 180)
    assert torch.allclose(later.thickness, state.thickness, atol=0.03)
    energy = [float(ocean.kinetic_energy(s)) for s in (state, later)]
    assert energy[1] == pytest.approx(energy[0], rel=0.06)


@pytest.mark.parametrize(("coriolis", "least", "most"), [(F, 0.85, 1.0), (0.0, -0.2, 0.2)])
def test_rotation_keeps_a_hump_that_is_wider_than_the_deformation_radius(coriolis, least, most):
    ocean = SlabOcean(basin((40, 40), 15e3, coriolis), LINEAR)
    state = run(ocean, at_rest(ocean, eddy(100e3, ocean)), 2.5 * 86_400, 60)
    assert least < float(state.thickness[20, 20]) - ocean.parameters.depth < most


def test_ekman_transport_is_to_the_right_of_the_wind():
    ocean = SlabOcean(basin((31, 31), 50e3), LINEAR)
    stress = 0.1
    tau_u, tau_v, heat = still(ocean)
    state, transport = at_rest(ocean), torch.zeros(2).double()
    steps = 80
    for _ in range(steps):
        state = run(ocean, state, 2 * math.pi / F / steps, 1, (tau_u + stress, tau_v, heat))
        middle = torch.stack([state.current_u[15, 15], state.current_v[15, 15]])
        transport += ocean.parameters.depth * middle / steps
    expected = stress / ocean.parameters.density / F
    assert float(transport[1]) == pytest.approx(-expected, rel=0.02)
    assert float(transport[0]) == pytest.approx(0.0, abs=0.02 * expected)


def test_energy_is_conserved_up_to_the_order_of_the_time_scheme():
    ocean = SlabOcean(basin((24, 28), 8e3, sea=coast(), stretch=0.2), IDEAL)
    state = rough(ocean)
    whole = energy(ocean, state)
    losses = [1 - energy(ocean, run(ocean, state, 7200, n)) / whole for n in (24, 48)]
    assert 0 < losses[0] < 1e-3
    assert losses[1] < losses[0] / 7  # third order


def test_viscosity_and_drag_take_energy():
    ocean = SlabOcean(
        basin((24, 28), 8e3, sea=coast(), stretch=0.2),
        replace(LINEAR, viscosity=200.0, drag=1e-6),
    )
    state = rough(ocean)
    energies = []
    for _ in range(20):
        energies.append(energy(ocean, state))
        state = run(ocean, state, 600, 1)
    assert (np.diff(energies) < 0).all()


def test_volume_and_heat_are_conserved_and_land_is_left_alone():
    ocean = SlabOcean(
        basin((24, 28), 8e3, sea=coast(), stretch=0.2),
        replace(IDEAL, viscosity=100.0, diffusivity=50.0),
    )
    start = rough(ocean)
    end = run(ocean, start, 86_400, 120)
    volumes = [float(ocean.integral(state.thickness)) for state in (start, end)]
    assert volumes[1] == pytest.approx(volumes[0], rel=1e-13)
    heat = [float(ocean.heat_content(state)) for state in (start, end)]
    assert heat[1] == pytest.approx(heat[0], rel=1e-13)
    land = ~torch.from_numpy(ocean.grid.sea)
    assert torch.equal(end.temperature[land], start.temperature[land])
    assert torch.equal(end.thickness[land], start.thickness[land])
    assert (end.current_u[ocean.sea_u == 0] == 0).all()
    assert (end.current_v[ocean.sea_v == 0] == 0).all()
    at_sea = start.temperature[~land]
    assert (end.temperature[~land] >= at_sea.min()).all()
    assert (end.temperature[~land] <= at_sea.max()).all()


def test_heat_budget_closes_while_the_wind_drives_the_layer_up_at_a_coast():
    ocean = SlabOcean(basin((20, 20), 8e3, sea=coast((20, 20)), stretch=0.1))
    tau_u, tau_v, heat = still(ocean)
    heat = heat + 500 * torch.linspace(-1, 1, 20).double()
    start = ocean.at_rest(torch.full((20, 20), 295.0))
    end = run(ocean, start, 5 * 86_400, 450, (tau_u + 0.6, tau_v + 0.3, heat))
    gained = ocean.heat_content(end) - ocean.heat_content(start)
    explained = 5 * 86_400 * ocean.integral(heat) + ocean.heat_from_below(end)
    assert float(end.thickness.min()) > 5
    assert float(ocean.integral(end.thickness)) > float(ocean.integral(start.thickness))
    assert float(gained - explained) == pytest.approx(0, abs=1e-12 * float(ocean.heat_content(end)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniform_heating_warms_the_layer(dtype):
    ocean = SlabOcean(basin((5, 6), 8e3), dtype=dtype)
    tau_u, tau_v, heat = still(ocean)
    p = ocean.parameters
    state = run(ocean, at_rest(ocean), 86_400, 60, (tau_u, tau_v, heat + 400))
    warming = 400 * 86_400 / (p.density * p.heat_capacity * p.depth)
    assert torch.allclose(state.temperature - 288, torch.tensor(warming, dtype=dtype), atol=2e-3)
    assert not state.current_u.any()


def test_oceans_side_by_side_are_as_if_alone():
    ocean = SlabOcean(basin((24, 28), 8e3, sea=coast()))
    states = [rough(ocean, seed) for seed in (1, 2)]
    both = OceanState(*(torch.stack(parts) for parts in zip(*states, strict=True)))
    together = run(ocean, both, 3600, 4)
    for i, state in enumerate(states):
        for found, expected in zip(together, run(ocean, state, 3600, 4), strict=True):
            assert torch.allclose(found[i], expected, rtol=1e-12, atol=1e-15)


def test_the_stable_step_is_near_the_limit():
    ocean = SlabOcean(basin((16, 16), 5e3), LINEAR)
    state = rough(ocean, speed=0.01)
    step = ocean.stable_step(speed=0.0)
    fine, too_long = (run(ocean, state, 100 * dt, 100) for dt in (step, 1.6 * step))
    assert float(fine.current_u.abs().max()) < 1
    assert not float(too_long.current_u.abs().max()) < 1e3


def test_convection_holds_water_that_cools_near_the_temperature_below():
    ocean = SlabOcean(basin((4, 4), 8e3))
    p = ocean.parameters
    tau_u, tau_v, heat = still(ocean)
    start = at_rest(ocean, temperature=p.deep_temperature)
    end = run(ocean, start, 10 * 86_400, 100, (tau_u, tau_v, heat - 300))
    deficit = 300 * p.convection_time / (p.density * p.heat_capacity * p.depth)
    assert torch.allclose(
        p.deep_temperature - end.temperature, torch.tensor(deficit).double(), rtol=1e-3
    )
    gained = ocean.heat_content(end) - ocean.heat_content(start)
    explained = 10 * 86_400 * ocean.integral(heat - 300) + ocean.heat_from_below(end)
    assert float(gained) == pytest.approx(float(explained), rel=1e-9)
