"""The invented sea: geostrophic, non-divergent, closed by its coast, warm in summer."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch

from ai4sim.physics.constants import GRAVITY, ZERO_CELSIUS
from wmed.synthetic.coast import KM_PER_DEGREE
from wmed.synthetic.domain import ocean_axes, ocean_grid
from wmed.synthetic.events import DEMO, Event
from wmed.synthetic.sea import (
    currents,
    depth,
    draw_eddies,
    mean_temperature,
    stream_function,
    surface_height,
    temperature,
    warm_layer,
)

AXES = ocean_axes((68, 79))
SEA = ocean_grid(AXES).sea
WINTER, SUMMER = DEMO[0], DEMO[3]


def flow(event: Event = WINTER, hours: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return currents(stream_function(event, hours, AXES, SEA, seed), AXES)


def test_no_flow_through_land() -> None:
    u, v = flow()
    wet_u, wet_v = SEA[:, 1:] & SEA[:, :-1], SEA[1:] & SEA[:-1]
    assert not u[~wet_u].any() and not v[~wet_v].any()
    assert (u[wet_u] != 0).mean() > 0.9 and (v[wet_v] != 0).mean() > 0.9


def test_what_flows_into_a_cell_flows_out_of_it() -> None:
    u, v = flow()
    width_v = AXES.shifted(0.5, 0).size[:-1, None]
    through_u, through_v = u * AXES.size[:, None], v * width_v
    left = np.diff(through_u, axis=1)[1:-1] + np.diff(through_v, axis=0)[:, 1:-1]
    assert np.abs(left).max() < 1e-9 * np.abs(through_u).max()


def test_currents_balance_the_slope_of_the_surface_offshore() -> None:
    """With h = f psi / g, where psi is what the currents were made of."""
    psi = stream_function(WINTER, 0.0, AXES, SEA)
    height = psi * AXES.shifted(-0.5, -0.5, more=1).coriolis[:, None] / GRAVITY
    u, v = currents(psi, AXES)
    slope = np.diff(height, axis=0)[:, 1:-1] / AXES.size[:, None]
    geostrophic = -GRAVITY / AXES.coriolis[:, None] * slope
    # f changes by some percent from row to row, over the whole height of the surface.
    beta = 2.0e-11 * GRAVITY / AXES.coriolis.min() ** 2 * np.abs(height).max()
    assert np.abs(u - geostrophic).max() < 1.1 * beta < 0.1 * np.abs(u).max()
    along_xi = np.diff(height[1:-1], axis=1) / AXES.shifted(0.5, 0).size[:-1, None]
    f_v = AXES.shifted(0.5, 0).coriolis[:-1, None]
    np.testing.assert_allclose(v, GRAVITY / f_v * along_xi, atol=1e-12)


def test_eddies_have_their_radius_speed_and_sense() -> None:
    eddies = draw_eddies(WINTER)
    lon, lat, radius, height, _ = eddies.T
    assert len(eddies) == 72 and 15 <= radius.min() and radius.max() <= 60
    coriolis = 1.4584e-4 * lat.deg2rad().sin()
    speed = GRAVITY / coriolis * height.abs() / (radius * 1000) * np.exp(-0.5)
    assert 0.05 < speed.min() and speed.max() < 0.45
    assert (height > 0).any() and (height < 0).any()
    # One alone, half a day on: a little to the west.
    x = torch.linspace(3.0, 6.0, 301, dtype=torch.float64)
    alone = torch.tensor([[4.5, 40.0, 30.0, 0.1, 0.0]], dtype=torch.float64)
    first, later = (surface_height(alone, t, x.new_tensor([40.0]), x)[0] for t in (0.0, 48.0))
    assert first.max().item() == pytest.approx(0.1, rel=1e-3)
    assert 0.02 < (x[first.argmax()] - x[later.argmax()]).item() < 0.06


def test_the_northern_current_flows_west_along_provence() -> None:
    """On the mean over many seeds: eddies go either way, the coastal current does not."""
    j, i = np.abs(AXES.lat - 43.4).argmin(), np.abs(AXES.lon - 7.3).argmin()
    mean = np.mean([flow(seed=seed)[0][j - 2 : j + 1, i].mean() for seed in range(12)])
    assert mean < -0.05
    u, v = flow()
    assert 0.05 < np.abs(u[np.abs(u) > 0]).mean() < 0.3 and np.hypot(u[:-1], v[:, 1:]).max() < 1.8


def test_the_seasons_of_the_surface() -> None:
    spots = ((4.6, 42.4), (5.0, 37.5), (-4.0, 36.0))
    coarse = ocean_axes((34, 40))
    nearest = [
        (np.abs(coarse.lat - lat).argmin(), np.abs(coarse.lon - lon).argmin()) for lon, lat in spots
    ]
    winter, summer = (
        torch.stack([temperature(event, 0.0, coarse, seed) for seed in range(20)]).mean(0)
        - ZERO_CELSIUS
        for event in (WINTER, SUMMER)
    )
    winter, summer = (torch.stack([field[spot] for spot in nearest]) for field in (winter, summer))
    lion, algeria, alboran = winter.tolist()
    assert 11 < lion < 13.5 < algeria < 16.5
    assert 20 < summer[0] < 23.5 < summer[1] < 27 and summer[2] < summer[1] - 2 and alboran > 14
    coldest = mean_temperature(datetime.datetime(2006, 2, 16)) - ZERO_CELSIUS
    warmest = mean_temperature(datetime.datetime(2006, 8, 18)) - ZERO_CELSIUS
    assert coldest == pytest.approx(12.9, abs=0.1) and warmest == pytest.approx(24.5, abs=0.1)


def test_anticyclones_are_warm() -> None:
    lon, lat = torch.from_numpy(AXES.lon), torch.from_numpy(AXES.lat)
    height = surface_height(draw_eddies(SUMMER), 0.0, lat, lon)
    warmth = temperature(SUMMER, 0.0, AXES)
    south = torch.from_numpy(SEA & (AXES.lon > 0) & (AXES.lat[:, None] < 40))
    assert torch.corrcoef(torch.stack([warmth[south], height[south]]))[0, 1] > 0.4


def test_eddies_with_a_ring_as_their_formula_has_them() -> None:
    """The product of matrices against the sum, place by place."""
    lon, lat = torch.linspace(0, 8, 7).double(), torch.linspace(36, 43, 5).double()
    expected = torch.zeros(5, 7, dtype=torch.float64)
    for x, y, radius, top, ring in draw_eddies(WINTER).tolist():
        east = (lon - x) * np.cos(np.deg2rad(y)) * KM_PER_DEGREE / radius
        square = east**2 + ((lat - y) * KM_PER_DEGREE / radius)[:, None] ** 2
        expected += top * (1 - ring * square / 2) * torch.exp(-square / 2)
    found = surface_height(draw_eddies(WINTER), 0.0, lat, lon)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)


def test_the_warm_layer_needs_sun_and_calm() -> None:
    sun, hours = torch.full((3,), 0.95), torch.tensor([15.0, 15.0, 3.0])
    calm, windy, night = warm_layer(sun, hours, torch.tensor([0.0, 8.0, 0.0])).tolist()
    assert 1.5 < calm < 2.5 and windy < 0.05 and night == 0


def test_another_seed_or_event_is_another_sea_and_the_grid_does_not_matter() -> None:
    assert not torch.equal(draw_eddies(WINTER), draw_eddies(WINTER, 1))
    assert not torch.equal(draw_eddies(WINTER), draw_eddies(SUMMER))
    part = AXES._replace(lon=AXES.lon[4:9], lat=AXES.lat[7:30])
    whole, cut = (temperature(WINTER, 6.0, axes) for axes in (AXES, part))
    torch.testing.assert_close(whole[7:30, 4:9], cut, rtol=0, atol=1e-9)


def test_the_floor_falls_away_from_the_coast() -> None:
    floor = depth(AXES, SEA)
    assert (floor[~SEA] == 10).all() and 2000 < floor.max() <= 2500
