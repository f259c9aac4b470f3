"""The invented sea: geostrophic, non-divergent, closed by its coast, warm in summer."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
import torch

from wmed.physics.constants import GRAVITY, ZERO_CELSIUS
from wmed.world.domain import ocean_axes, ocean_grid
from wmed.world.events import DEMO, Event
from wmed.world.sea import (
    currents,
    depth,
    draw_eddies,
    mean_temperature,
    places,
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
    """With g h / f of the stream function itself, and for one eddy with its own height."""
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
    first, later = (surface_height(alone, t, torch.full_like(x, 40.0), x) for t in (0.0, 48.0))
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
    lon, lat = torch.tensor([4.6, 5.0, -4.0]), torch.tensor([42.4, 37.5, 36.0])
    seeds = range(20)
    winter, summer = (
        torch.stack([temperature(event, 0.0, lat.double(), lon.double(), s) for s in seeds]).mean(0)
        - ZERO_CELSIUS
        for event in (WINTER, SUMMER)
    )
    lion, algeria, alboran = winter.tolist()
    assert 11 < lion < 13.5 < algeria < 16.5
    assert 20 < summer[0] < 23.5 < summer[1] < 27 and summer[2] < summer[1] - 2 and alboran > 14
    coldest = mean_temperature(datetime.datetime(2006, 2, 16)) - ZERO_CELSIUS
    warmest = mean_temperature(datetime.datetime(2006, 8, 18)) - ZERO_CELSIUS
    assert coldest == pytest.approx(12.9, abs=0.1) and warmest == pytest.approx(24.5, abs=0.1)


def test_anticyclones_are_warm() -> None:
    lon, lat = places(AXES)
    eddies = draw_eddies(SUMMER)
    calm = temperature(SUMMER, 0.0, lat, lon)
    height = surface_height(eddies, 0.0, lat, lon)
    sea = torch.from_numpy(SEA.ravel()) & (lon > 0) & (lat < 40)
    assert torch.corrcoef(torch.stack([calm, height])[:, sea])[0, 1] > 0.4


def test_the_warm_layer_needs_sun_and_calm() -> None:
    sun, hours = torch.full((3,), 0.95), torch.tensor([15.0, 15.0, 3.0])
    calm, windy, night = warm_layer(sun, hours, torch.tensor([0.0, 8.0, 0.0])).tolist()
    assert 1.5 < calm < 2.5 and windy < 0.05 and night == 0


def test_another_seed_or_event_is_another_sea_and_the_grid_does_not_matter() -> None:
    assert not torch.equal(draw_eddies(WINTER), draw_eddies(WINTER, 1))
    assert not torch.equal(draw_eddies(WINTER), draw_eddies(SUMMER))
    lon, lat = places(AXES)
    whole, part = (temperature(WINTER, 6.0, lat[s], lon[s]) for s in (slice(None), slice(7, 99)))
    torch.testing.assert_close(whole[7:99], part, rtol=0, atol=1e-9)


def test_the_floor_falls_away_from_the_coast() -> None:
    floor = depth(AXES, SEA)
    assert (floor[~SEA] == 10).all() and 2000 < floor.max() <= 2500
