"""Synthetic columns against published statistics, real ones, and the physics they are made of."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest
import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY, HEAT_CAPACITY
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast import climate
from weather_forecast.gwd.physics.nogwd import WaveDrag, nonorographic_drag
from weather_forecast.gwd.synthetic.columns import (
    QBO_PERIOD,
    AirColumns,
    DrawnWaves,
    draw_columns,
    gravity_waves,
    large_waves,
    overturn,
    qbo_wind,
)
from weather_forecast.gwd.synthetic.generate import snapshot_grid
from weather_forecast.levels import full_level_pressure, half_level_pressure

TOP, STRATOPAUSE, LOWER_STRATOSPHERE, LAUNCH = 0, 8, 30, 62
"""Levels 1 (0.01 hPa), 9 (0.9 hPa), 31 (54 hPa) and 63 (470 hPa) of L91."""
BANDS = ((0, 3), (3, 7), (7, 12), (12, 20), (20, 40), (40, 61))
"""Of levels, from the top of the model to the launch level."""


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


class Sample(NamedTuple):
    """Columns of every third month of three years, in the order (date, latitude, longitude)."""

    columns: AirColumns
    latitude: Tensor


@pytest.fixture(scope="module")
def sample() -> Sample:
    latitude, longitude = snapshot_grid(24, 20)
    dates = [day("2015-01-01") + datetime.timedelta(days=91 * i) for i in range(12)]
    drawn = [draw_columns(date, latitude, longitude) for date in dates]
    return Sample(
        AirColumns(*map(torch.cat, zip(*drawn, strict=True))), latitude.repeat(len(dates))
    )


@pytest.fixture(scope="module")
def drag(sample: Sample) -> WaveDrag:
    c, some = sample.columns, slice(None, None, 3)
    u, v, temperature = (field[some, :63] for field in (c.u, c.v, c.temperature))
    pressure = c.surface_pressure[some]
    return nonorographic_drag(u, v, temperature, pressure, sample.latitude[some])


def band_rms(field: Tensor) -> list[float]:
    """Return the root mean square within each band of a field (column, level)."""
    square = field.square().mean(0)
    return [float(square[low:high].mean().sqrt()) for low, high in BANDS]


def curvature(field: Tensor) -> Tensor:
    """Return the second differences from level to level: what is rough in a profile."""
    return field[:, 2:63] - 2 * field[:, 1:62] + field[:, :61]


@needs_reference
def test_level_means_are_those_of_the_ifs(sample: Sample) -> None:
    with h5py.File(Path(REFERENCE, "gwd", "reference", "ifs_columns.h5")) as file:
        mean = torch.from_numpy(file["x_mean"][()])
    u, v, t = mean[:189].reshape(3, 63)
    c = sample.columns
    assert (c.u[:, :63].mean(0) - u).abs().max() < 8  # [m/s]; winds of +-60 make it up
    assert (c.v[:, :63].mean(0) - v).abs().max() < 4
    difference = (c.temperature[:, :63].mean(0) - t).abs()
    assert difference[STRATOPAUSE:].max() < 6 and difference[:STRATOPAUSE].max() < 8
    assert abs(float(c.surface_pressure.mean() - mean[189])) < 600
    assert abs(float(c.geopotential.mean() - mean[190])) < 2


@needs_reference
def test_profiles_are_as_rough_as_those_of_the_ifs(sample: Sample) -> None:
    with h5py.File(Path(REFERENCE, "gwd", "reference", "ifs_columns.h5")) as file:
        u, v, t = torch.from_numpy(file["x"][:189]).T.reshape(-1, 3, 63).unbind(1)
    c = sample.columns
    wind = torch.cat([c.u, c.v])
    for found, expected in ((wind, torch.cat([u, v])), (c.temperature, t)):
        pairs = zip(band_rms(curvature(found)), band_rms(curvature(expected)), strict=True)
        assert all(0.4 < a / b < 2.5 for a, b in pairs)  # of two columns only


def test_winds_vary_as_published(sample: Sample) -> None:
    found = sample.columns.u.std(0)[[TOP, STRATOPAUSE, LOWER_STRATOSPHERE, LAUNCH]]
    ratio = found / torch.tensor([29.0, 41.0, 15.0, 12.0])
    assert 0.65 < ratio.min() and ratio.max() < 1.35


def test_drag_varies_as_published(drag: WaveDrag) -> None:
    found = drag.u_tendency.std(0)[[TOP, STRATOPAUSE, LOWER_STRATOSPHERE, LAUNCH]]
    ratio = found / torch.tensor([7.7e-4, 3e-5, 2.5e-6, 3.6e-6])
    assert 0.5 < ratio.min() and ratio.max() < 2.0
    assert drag.u_tendency.abs().max() < 0.03


def test_no_air_is_heavier_than_the_air_below_it(sample: Sample) -> None:
    c = sample.columns
    pressure = full_level_pressure(half_level_pressure(c.surface_pressure, 91))
    theta = c.temperature * (1e5 / pressure) ** (GAS_CONSTANT / HEAT_CAPACITY)
    assert (theta.diff(dim=1) <= 1e-9 * theta[:, 1:]).all()
    neutral = theta.diff(dim=1) > -1e-9 * theta[:, 1:]
    assert neutral.double().mean() < 0.03
    # The waves of a few columns start in a layer that has been mixed, as in the published set.
    assert 0.01 < float(neutral[:, LAUNCH - 1].double().mean()) < 0.06
    assert c.temperature.min() > 120 and c.temperature.max() < 330


def test_hemispheres_are_alike_half_a_year_apart() -> None:
    latitude, longitude = snapshot_grid(24, 20)

    def mean(month: int) -> tuple[Tensor, Tensor]:
        drawn = [
            draw_columns(datetime.date(year, month, 16), latitude, longitude)
            for year in range(2001, 2013)
        ]
        fields = (torch.stack([getattr(c, name) for c in drawn]) for name in ("u", "temperature"))
        u, t = (field.mean(0).reshape(24, 20, -1).mean(1) for field in fields)
        return u, t

    (u, t), (u_later, t_later) = mean(1), mean(7)
    levels = [8, 14, 20, LAUNCH - 14, LAUNCH]
    u_error, t_error = (u - u_later.flip(0))[:, levels], (t - t_later.flip(0))[:, levels]
    # Southern winters have the stronger vortex, northern ones the sudden warmings.
    assert u_error.square().mean(0).sqrt().max() < 12
    assert t_error.square().mean(0).sqrt().max() < 8
    jet = u[:, LAUNCH - 14].argmax()
    assert 25 < float(latitude.reshape(24, 20)[jet, 0]) < 45
    assert u[16:, STRATOPAUSE].max() > 40 and u[:10, STRATOPAUSE].min() < -45


def test_weather_is_of_the_day_and_the_seed_whatever_the_grid() -> None:
    latitude, longitude = snapshot_grid(8, 10)
    reference = draw_columns(day("2016-02-01"), latitude, longitude)
    again = draw_columns(day("2016-02-01"), latitude, longitude)
    assert all(torch.equal(a, b) for a, b in zip(reference, again, strict=True))
    some = draw_columns(day("2016-02-01"), latitude[::4], longitude[::4])
    next_day = draw_columns(day("2016-02-02"), latitude, longitude)
    other_seed = draw_columns(day("2016-02-01"), latitude, longitude, seed=1)

    def difference(a: Tensor, b: Tensor) -> float:
        return float((a - b)[:, LOWER_STRATOSPHERE].square().mean().sqrt())

    same_weather = difference(some.u, reference.u[::4])  # only the gravity waves are others
    assert 0 < same_weather < 6
    assert difference(next_day.u, reference.u) > same_weather
    assert difference(other_seed.u, reference.u) > same_weather


def test_fields_are_coherent_along_a_latitude() -> None:
    drawn = draw_columns(day("2015-01-10"), *snapshot_grid(12, 40))
    for level in (LAUNCH - 10, STRATOPAUSE):  # cyclones, planetary waves
        v = drawn.v[:, level].reshape(12, 40)[[1, 2, 9, 10]]
        assert (v * v.roll(1, -1)).mean() / v.square().mean() > 0.4
        assert v.mean(-1).abs().max() < 0.3 * v.std()


def test_the_quasi_biennial_oscillation_descends_in_28_months() -> None:
    height = torch.arange(17e3, 36e3, 500, dtype=torch.float64)
    start = day("2003-05-01")
    months = [start + datetime.timedelta(days=30.4375 * i) for i in range(57)]
    u = torch.stack([qbo_wind(height, month) for month in months])
    period = datetime.timedelta(days=QBO_PERIOD)
    torch.testing.assert_close(qbo_wind(height, start + period), u[0])
    assert u[28].sub(u[0]).abs().max() < 1.0 and u[14].add(u[0]).abs().max() < 1.0
    # Between 20 and 30 hPa: 20-30 m/s.
    inside = (height > 24.5e3) & (height < 27.4e3)
    assert 20 < u[:, inside].max() < 30
    # The westerlies of 30 km reach 22 km some 8 months later.
    high, low = (int(u[:28, int((height == z).nonzero())].argmax()) for z in (30e3, 22e3))
    assert 6 <= (low - high) % 28 <= 11
    assert u[:, 0].abs().max() < 6


def test_the_oscillation_is_in_the_tropics() -> None:
    latitude = torch.tensor([0.0, 13.0, 35.0], dtype=torch.float64).repeat_interleave(24)
    longitude = torch.arange(0, 360, 15, dtype=torch.float64).repeat(3)
    mean = [
        draw_columns(date, latitude, longitude).u[:, 24].reshape(3, 24).mean(1)
        for date in (day("2015-12-01"), day("2017-01-30"))
    ]
    westerly, easterly = mean
    assert westerly[0] > easterly[0] + 25
    assert (westerly - easterly)[1] > 10 and (westerly - easterly)[2].abs() < 10


def test_some_northern_winters_have_a_sudden_warming() -> None:
    latitude = torch.full((12,), 60.0, dtype=torch.float64)
    pole = torch.full((12,), 85.0, dtype=torch.float64)
    longitude = torch.arange(0, 360, 30, dtype=torch.float64)
    wind, warmth = [], []
    for year in range(1900, 1960):
        c = draw_columns(
            datetime.date(year, 1, 20), torch.cat([latitude, pole]), longitude.repeat(2)
        )
        wind.append(float(c.u[:12, 17].mean()))  # 10 hPa
        warmth.append(float(c.temperature[12:, 20].mean()))  # 18 hPa
    reversed_ = torch.tensor(wind) < 0
    assert 3 <= int(reversed_.sum()) <= 20
    warm = torch.tensor(warmth)
    assert warm[reversed_].mean() > warm[~reversed_].mean() + 8


def one_wave(**changes: float) -> DrawnWaves:
    values = {
        "number": 2, "latitude": 55, "width": 12, "speed": 20, "phase": 0.3,
        "lean": 2e-3 * torch.pi / 60, "height": 45e3, "below": 14e3, "above": 12e3,
    } | changes  # fmt: skip
    return DrawnWaves(
        *(torch.tensor([float(value)], dtype=torch.float64) for value in values.values())
    )


def test_large_waves_are_geostrophic_and_hydrostatic() -> None:
    wave, step = one_wave(), 0.01
    latitude = torch.tensor([30.0, 50.0, 60.0, 75.0, -40.0], dtype=torch.float64)
    longitude = torch.tensor([10.0, 80.0, 140.0, 250.0, 300.0], dtype=torch.float64)
    height = torch.tensor([20e3, 40e3, 60e3], dtype=torch.float64)

    def phi(north: float, east: float, up: float) -> Tensor:
        return large_waves(wave, latitude + north, longitude + east, height + up)[3]

    u, v, t, _ = large_waves(wave, latitude, longitude, height)
    f, radians = climate.coriolis(latitude)[:, None], latitude.deg2rad()[:, None]
    arc = 2 * step * torch.pi / 180 * climate.EARTH_RADIUS
    f_north, f_south = (climate.coriolis(latitude + d)[:, None] for d in (step, -step))
    stream_slope = phi(step, 0, 0) / f_north - phi(-step, 0, 0) / f_south
    torch.testing.assert_close(u, -stream_slope / arc, rtol=1e-4, atol=1e-6)
    east = (phi(0, step, 0) - phi(0, -step, 0)) / (arc * radians.cos() * f)
    torch.testing.assert_close(v, east, rtol=1e-4, atol=1e-6)
    thickness = (phi(0, 0, 5) - phi(0, 0, -5)) / 10
    torch.testing.assert_close(
        t, climate.SCALE_HEIGHT / GAS_CONSTANT * thickness, rtol=1e-3, atol=1e-6
    )


def test_a_large_wave_has_the_speed_it_is_given_and_leans_westward() -> None:
    longitude = torch.arange(0, 360, 1, dtype=torch.float64)
    latitude = torch.full_like(longitude, 55.0)
    height = torch.tensor([45e3, 50e3], dtype=torch.float64)
    v = large_waves(one_wave(), latitude, longitude, height)[1]
    assert float(v[:, 0].max()) == pytest.approx(20, rel=0.01)
    crests = v[:180].argmax(0)
    assert int(crests[0] - crests[1]) % 180 == pytest.approx(5 / 60 * 180, abs=2)


def test_gravity_waves_grow_until_they_break() -> None:
    pressure = full_level_pressure(half_level_pressure(torch.full((800,), 1e5).double(), 91))
    height = climate.log_pressure_height(pressure)
    temperature = climate.global_mean_temperature(height)
    latitude = torch.rand(800, dtype=torch.float64) * 120 - 60
    u, v, t = gravity_waves(torch.Generator().manual_seed(0), latitude, height, temperature, 80)
    speed = (u.square() + v.square()).mean(0).sqrt()
    assert 1 < speed[LOWER_STRATOSPHERE] < 4
    assert 2 < speed[STRATOPAUSE] / speed[LOWER_STRATOSPHERE] < 8
    assert speed[STRATOPAUSE] < 20 and speed[TOP] < speed[STRATOPAUSE]  # the sponge
    assert abs(float((u * v).mean() / (u * u).mean())) < 0.1  # in every direction
    # T' / T = N / g u': the energies of buoyancy and motion along the wave are equal.
    n = 0.0215
    share = (t / temperature)[:, LOWER_STRATOSPHERE].square().mean().sqrt()
    assert 0.6 < float(share * GRAVITY / n / speed[LOWER_STRATOSPHERE]) < 1.1


def test_overturning_leaves_stable_air_alone_and_mixes_the_rest() -> None:
    pressure = torch.tensor([[200.0, 300.0, 400.0, 500.0, 600.0]], dtype=torch.float64) * 100
    exner = (pressure / 1e5) ** (2 / 7)
    stable = torch.tensor([[340.0, 330.0, 320.0, 310.0, 300.0]], dtype=torch.float64)
    torch.testing.assert_close(overturn(stable * exner, pressure), stable * exner)
    heavy = torch.tensor([[340.0, 310.0, 320.0, 310.0, 300.0]], dtype=torch.float64)
    mixed = torch.tensor([[340.0, 315.0, 315.0, 310.0, 300.0]], dtype=torch.float64)
    torch.testing.assert_close(overturn(heavy * exner, pressure), mixed * exner)


def test_sub_grid_orography_is_on_land(sample: Sample) -> None:
    c = sample.columns
    land = c.orography_std > 0
    assert 0.22 < float(land.double().mean()) < 0.34
    for name in ("slope", "anisotropy", "angle"):
        assert (getattr(c, f"orography_{name}")[~land] == 0).all(), name
    std, slope = c.orography_std[land], c.orography_slope[land]
    assert std.max() <= 1100 and slope.max() <= 0.2
    assert 60 < float(std.median()) < 200 and 0.01 < float(slope.median()) < 0.06
    assert float(torch.corrcoef(torch.stack([std.log(), slope.log()]))[0, 1]) > 0.8
    anisotropy, angle = c.orography_anisotropy[land], c.orography_angle[land]
    assert 0 < anisotropy.min() and anisotropy.max() < 1 and angle.abs().max() <= torch.pi / 2
    assert abs(float(angle.mean())) < 0.1
    # High ground is rugged, and has little air above it.
    low, high = c.surface_pressure[land] > 95e3, c.surface_pressure[land] < 80e3
    assert std[high].median() > 3 * std[low].median()


def test_the_ground_slows_the_wind(sample: Sample) -> None:
    c = sample.columns
    speed = torch.hypot(c.u, c.v).mean(0)
    assert speed[90] < 0.7 * speed[80]
    assert 40e3 < float(c.surface_pressure.min()) and float(c.surface_pressure.max()) < 106e3
