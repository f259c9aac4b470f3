"""The invented weather: balances, limits of the profiles, and ranges that the region knows."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from ai4sim.physics.constants import GRAVITY
from ai4sim.physics.sun import cos_zenith_angle, irradiance
from wmed.physics.thermodynamics import (
    air_density,
    air_temperature,
    saturation_specific_humidity,
    specific_humidity,
)
from wmed.synthetic.boundary_layer import (
    LowestAir,
    Scales,
    boundary_layer_depth,
    columns,
    condensation_level,
    surface_layer_scales,
)
from wmed.synthetic.domain import HEIGHTS, atmosphere_axes, atmosphere_grid, ocean_axes
from wmed.synthetic.events import DEMO, Event
from wmed.synthetic.radiation import Clouds, clouds, downward_longwave, shortwave
from wmed.synthetic.weather import Weather, pressure_at_sea_level, terrain, weather

AXES = atmosphere_axes(ocean_axes())
GRID = atmosphere_grid(AXES)
SEA = torch.from_numpy(GRID.sea)
Z = torch.from_numpy(HEIGHTS)
CORIOLIS = torch.from_numpy(AXES.coriolis)[:, None]
MISTRAL, SPRING, SUMMER, QUIET, STORM = DEMO[0], DEMO[1], DEMO[3], DEMO[-2], DEMO[-1]


@functools.cache
def air(event: Event, hours: float) -> Weather:
    return weather(event, hours, AXES, SEA)


@functools.cache
def profiles(event: Event, hours: float) -> LowestAir:
    return columns(air(event, hours), Z, CORIOLIS)


def at(field: torch.Tensor, lon: float, lat: float) -> float:
    j, i = np.abs(AXES.lat - lat).argmin(), np.abs(AXES.lon - lon).argmin()
    return field[j, i].item()


def speed(event: Event, hours: float) -> torch.Tensor:
    return torch.hypot(air(event, hours).wind_x, air(event, hours).wind_y)


@pytest.mark.parametrize(("event", "hours"), [(STORM, 36), (SUMMER, 36), (SPRING, 6)])
def test_pressure_is_hydrostatic(event: Event, hours: float) -> None:
    made = profiles(event, hours)
    temperature = air_temperature(made.potential_temperature, made.pressure)
    density = air_density(temperature, specific_humidity(made.mixing_ratio), made.pressure)
    weight = GRAVITY * (density[1:] + density[:-1]) / 2 * Z.diff()[:, None, None]
    fall = made.pressure[:-1] - made.pressure[1:]
    torch.testing.assert_close(fall, weight, rtol=3e-3, atol=0)
    below = air(event, hours).pressure - made.pressure[0]
    torch.testing.assert_close(below, 10 * GRAVITY * density[0], rtol=3e-3, atol=0)


def test_the_wind_aloft_is_geostrophic_without_a_mistral() -> None:
    state, size = air(QUIET, 12), torch.from_numpy(AXES.size)[:, None]
    north, east = torch.gradient(pressure_at_sea_level(QUIET, 12, AXES))
    torch.testing.assert_close(state.top_x, -north / (1.2 * CORIOLIS * size))
    torch.testing.assert_close(state.top_y, east / (1.2 * CORIOLIS * size))
    # The wind near the ground blows towards the low.
    calm = air(replace(QUIET, breeze=0.0), 12)
    across = calm.wind_x * east + calm.wind_y * north
    assert (across < 0).double().mean() > 0.95


def test_profiles_start_at_10_m_and_end_in_the_wind_aloft() -> None:
    for event, hours in ((STORM, 36), (SUMMER, 36)):
        state, made = air(event, hours), profiles(event, hours)
        torch.testing.assert_close(made.potential_temperature[0], state.temperature)
        low = made.wind_x[0] - state.wind_x
        assert low[made.depth > 300].abs().max() < 0.1 * state.top_x.abs().max()
        deep = made.depth < 1000
        aloft = torch.hypot(made.wind_x[-1] - state.top_x, made.wind_y[-1] - state.top_y)
        assert (aloft <= 0.6 * torch.hypot(state.top_x, state.top_y) + 1e-9)[deep].all()
        assert torch.isfinite(torch.stack(made[:5])).all()


def test_unstable_air_is_mixed_and_stable_air_is_layered() -> None:
    made, warm = profiles(STORM, 36), profiles(SPRING, 12)
    unstable = SEA & (made.zeta < -0.02) & (made.depth > 500)
    theta = made.potential_temperature[:, unstable]
    assert unstable.sum() > 100
    assert (theta[6] < theta[0]).all()  # 180 m against 10 m: a superadiabatic surface layer
    assert (theta[8] - theta[6]).abs().max() < 0.3  # 320 m against 180 m: mixed
    assert (theta[-1] > theta[8] + 0.5).all()  # below an inversion
    stable = SEA & (warm.zeta > 0.02)
    assert stable.sum() > 100
    assert (warm.potential_temperature.diff(dim=0)[:, stable] > -1e-6).all()
    assert warm.depth[stable].median() < made.depth[unstable].median() / 2


def test_air_is_never_supersaturated_and_dries_aloft() -> None:
    for event in (STORM, SPRING, QUIET):
        made = profiles(event, 12)
        temperature = air_temperature(made.potential_temperature, made.pressure)
        humidity = specific_humidity(made.mixing_ratio)
        relative = humidity / saturation_specific_humidity(temperature, made.pressure)
        assert 0.03 < relative.min() and relative.max() < 1.0
        assert (humidity[-1] < humidity[0])[SEA].double().mean() > 0.95


def test_the_depth_in_its_limits() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    f = 1e-4 * one

    def depth(ustar: float, inverse: float) -> float:
        scales = Scales(ustar * one, 0 * one, 0 * one, inverse * one)
        return boundary_layer_depth(scales, f, 0 * one).item()

    assert depth(0.3, 0.0) == pytest.approx(600)  # 0.2 u* / f
    stable = depth(0.3, 1 / 20)
    assert stable == pytest.approx(0.4 * (0.3 * 20 / 1e-4) ** 0.5, rel=0.02)
    assert depth(0.01, 1.0) == 70 and depth(0.3, -1 / 50) > 700 and depth(2.0, -0.01) == 1500


def test_scales_have_the_signs_of_the_differences() -> None:
    state = air(STORM, 36)
    scales = surface_layer_scales(state)
    cold = SEA & (state.temperature < state.surface - 2)
    assert (scales.theta[cold] < 0).all() and (scales.inverse_length[cold] < 0).all()
    assert (scales.humidity[cold] < 0).all() and (scales.ustar > 0).all()
    assert (condensation_level(state) > 0).all()


def test_a_mistral_blows_out_of_the_gulf_of_lion_cold_and_dry() -> None:
    """Along its axis, with calm coasts beside it, from the north-west, warmer the farther."""
    state, blowing = air(MISTRAL, 36), speed(MISTRAL, 36)
    assert at(blowing, 4.8, 42.0) > 14
    assert at(blowing, 2.0, 40.8) < 0.6 * at(blowing, 4.8, 42.0)  # Catalan coast
    assert at(blowing, 8.3, 43.8) < 0.6 * at(blowing, 4.8, 42.0)  # Ligurian Sea
    assert at(state.wind_x, 4.8, 42.0) > 3 and at(state.wind_y, 4.8, 42.0) < -6
    near, far = at(state.temperature, 4.3, 42.8), at(state.temperature, 6.5, 40.0)
    assert near < at(state.surface, 4.3, 42.8) - 3 and near < far - 1
    assert at(state.humidity, 4.3, 42.8) < at(state.humidity, 6.5, 40.0)
    assert speed(MISTRAL, 0)[SEA].max() < blowing[SEA].max() - 3  # it rises and falls


def test_the_test_storm_is_beyond_the_training() -> None:
    training = max(
        speed(event, hours)[SEA].max().item()
        for event in DEMO
        if event.use == "train"
        for hours in (12, 30, 36)
    )
    storm = speed(STORM, 36)[SEA].max().item()
    assert 15 < training < 21 and 25 < storm < 31


def test_the_seasons_have_stable_and_unstable_air() -> None:
    difference = {
        event.name: (air(event, 12).temperature - air(event, 12).surface)[SEA] for event in DEMO
    }
    assert difference[STORM.name].min() < -6 and difference[SPRING.name].median() > 0.5
    every = torch.cat(list(difference.values()))
    assert (every < -1).double().mean() > 0.2 and (every > 1).double().mean() > 0.15
    assert -15 < every.min() and every.max() < 11


def test_the_sea_breeze_turns_with_the_day() -> None:
    """Off Provence, where the land lies in the north, the day's wind is more southerly."""
    still = replace(SUMMER, lows=0)
    by_day, by_night = (
        (a.wind_y - b.wind_y)
        for a, b in (
            (air(still, hours), air(replace(still, breeze=0.0), hours)) for hours in (15, 3)
        )
    )
    assert at(by_day, 5.0, 43.1) > 2 > 0 > at(by_night, 5.0, 43.1) > -3
    assert abs(at(by_day, 5.5, 40.5)) < 0.3  # not on the high sea
    warm = air(still, 15).surface - air(still, 3).surface
    assert warm[~SEA].mean() > 4 > 0.5 > warm[SEA].abs().max()


def test_land_rises_and_the_sea_is_flat() -> None:
    height = terrain(AXES, GRID.sea)
    assert not height[GRID.sea].any() and 700 < height.max() <= 900


def test_sun_and_clouds() -> None:
    """Noon in July by Zillman's formula; clouds dim it; at night nothing is left."""
    clear, covered = Clouds(*torch.zeros(3, 3)), Clouds(*torch.ones(3, 3))
    time = SUMMER.time(2)
    mu = cos_zenith_angle(time, torch.tensor([40.0, 42, 44]), torch.tensor([4.0, 4, 4]))
    toa, vapour = irradiance(time) * mu, torch.full((3,), 1800.0)
    noon = shortwave(toa, mu, vapour, clear)
    assert (880 < noon).all() and (noon < 1000).all() and (noon.diff() < 0).all()
    dim = shortwave(toa, mu, vapour, covered)
    torch.testing.assert_close(dim, 0.3 * 0.55 * 0.8 * noon)
    assert not shortwave(0 * toa, -mu, vapour, clear).any()
    sky = downward_longwave(torch.full((3,), 293.15), vapour, clear)
    torch.testing.assert_close(sky, torch.full((3,), 5.67e-8 * 293.15**4 * 0.7493))
    assert (downward_longwave(torch.full((3,), 293.15), vapour, covered) > 1.15 * sky).all()


def test_clouds_follow_the_profile_and_chance() -> None:
    state, made = air(DEMO[4], 24), profiles(DEMO[4], 24)
    cover = clouds(state, made, Z)
    for layer in cover:
        assert 0 <= layer.min() and layer.max() <= 1 and layer.std() > 0.03
    damp = clouds(state._replace(aloft=(state.aloft + 0.2).clamp(max=1)), made, Z)
    assert (damp.middle >= cover.middle).all() and damp.middle.mean() > cover.middle.mean() + 0.1
    chance = clouds(state._replace(cirrus=-state.cirrus, middle=-state.middle), made, Z)
    assert not torch.equal(chance.middle, cover.middle)


def test_weather_moves_and_has_its_own_seed() -> None:
    assert not torch.equal(air(QUIET, 12).pressure, air(QUIET, 18).pressure)
    change = (air(QUIET, 12).wind_x - air(QUIET, 18).wind_x).std() / air(QUIET, 12).wind_x.std()
    assert 0.05 < change < 1.5
    other = weather(QUIET, 12, AXES, SEA, seed=1)
    assert not torch.equal(other.wind_x, air(QUIET, 12).wind_x)
