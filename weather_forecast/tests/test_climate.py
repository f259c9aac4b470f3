"""The climate: balance, jets and temperatures as in the textbooks, seasons, and the ground."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from weather_forecast import climate
from weather_forecast.climate import (
    EARTH_RADIUS,
    GAS_CONSTANT,
    JETS,
    SCALE_HEIGHT,
    Jet,
    coriolis,
    global_mean_temperature,
    land_share,
    log_pressure_height,
    speed,
    surface_height,
    zonal_mean,
)

JANUARY, APRIL, JULY = 15, 106, 197
LATITUDE = torch.linspace(-89.5, 89.5, 180, dtype=torch.float64)


def at(pressure_hpa: float | list[float]) -> Tensor:
    """Return the log-pressure height of some pressures, (level,)."""
    return log_pressure_height(100 * torch.tensor(pressure_hpa, dtype=torch.float64).reshape(-1))


def wind(day: float, pressure_hpa: float) -> Tensor:
    return zonal_mean(LATITUDE, at(pressure_hpa), day)[0][:, 0]


def temperature(day: float, pressure_hpa: float, latitude: float) -> float:
    place = torch.tensor([latitude], dtype=torch.float64)
    return float(zonal_mean(place, at(pressure_hpa), day)[1])


def area_mean(field: Tensor) -> Tensor:
    area = LATITUDE.deg2rad().cos()
    return (field.T * area).sum(-1) / area.sum()


@pytest.mark.parametrize("day", [JANUARY, APRIL, JULY])
def test_wind_and_temperature_are_in_thermal_wind_balance(day: int) -> None:
    height = torch.arange(1e3, 80e3, 2e3, dtype=torch.float64)
    latitude = torch.arange(-85, 85.1, 10, dtype=torch.float64)
    (above, _), (below, _) = (zonal_mean(latitude, height + dz, day) for dz in (50, -50))
    (_, north), (_, south) = (zonal_mean(latitude + dy, height, day) for dy in (0.5, -0.5))
    slope = (north - south) / torch.tensor(1.0).deg2rad()
    expected = -GAS_CONSTANT / (EARTH_RADIUS * SCALE_HEIGHT) * slope
    found = coriolis(latitude)[:, None] * (above - below) / 100.0
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3 * float(found.abs().max()))


@pytest.mark.parametrize("day", [JANUARY, JULY])
def test_jets_do_not_change_the_mean_temperature_of_the_globe(day: int) -> None:
    height = torch.arange(0, 80e3, 1e3, dtype=torch.float64)
    found = area_mean(zonal_mean(LATITUDE, height, day)[1])
    torch.testing.assert_close(found, global_mean_temperature(height), rtol=0, atol=0.1)


def test_mean_temperature_is_near_the_standard_atmosphere() -> None:
    # U.S. Standard Atmosphere (1976), which is one of 45 degrees north, not of the globe.
    pressure = [850.0, 500.0, 300.0, 200.0, 50.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03]
    standard = [278.7, 252.0, 228.7, 216.7, 216.7, 227.7, 249.0, 270.6, 255.0, 231.0, 211.0]
    difference = global_mean_temperature(at(pressure)) - torch.tensor(standard)
    assert difference.abs().max() < 12


@pytest.mark.parametrize("day", range(1, 366, 30))
def test_the_air_is_stable_everywhere(day: int) -> None:
    height = torch.arange(0, 82e3, 500.0, dtype=torch.float64)
    t = zonal_mean(LATITUDE[::6], height, day)[1]
    potential = t * (2 / 7 * height / SCALE_HEIGHT).exp()
    assert (potential.diff(dim=1) > 0).all()
    assert 130 < t.min() and t.max() < 310


@pytest.mark.parametrize(("day", "winter"), [(JANUARY, 1), (JULY, -1)])
def test_jets_are_where_they_belong(day: int, winter: int) -> None:
    latitude = winter * LATITUDE  # positive in the hemisphere that has winter

    def strongest(pressure_hpa: float, sign: int, inside: Tensor) -> tuple[float, float]:
        field = (sign * wind(day, pressure_hpa)).where(inside, torch.tensor(-999.0))
        return float(latitude[field.argmax()]), sign * float(field.max())

    where, peak = strongest(200, 1, latitude > 0)
    assert 25 < where < 40 and 35 < peak < 50  # subtropical jet
    where, peak = strongest(1, 1, latitude > 0)
    assert 35 < where < 60 and 55 < peak < 85  # polar night jet
    where, peak = strongest(10, 1, latitude > 45)
    assert 50 < where < 70 and 30 < peak < 75  # winter vortex
    where, peak = strongest(0.5, -1, latitude < 0)
    assert -50 < where < -10 and -80 < peak < -50  # easterlies of the summer
    assert float(wind(day, 0.008)[latitude < -20].min()) > -25  # which end at the mesopause


def test_temperatures_follow_from_the_jets() -> None:
    assert temperature(JULY, 30, -85) < 195  # southern polar vortex
    assert temperature(JANUARY, 30, 85) < 208 < temperature(JULY, 30, 85)
    assert temperature(JANUARY, 1, -85) > temperature(JANUARY, 1, 85) + 10  # summer stratopause
    assert temperature(JANUARY, 0.015, -85) < temperature(JANUARY, 0.015, 85) - 15  # mesopause
    assert temperature(APRIL, 100, 0) < 198 < 205 < temperature(APRIL, 100, 60)  # tropopause
    assert temperature(JANUARY, 700, 0) > temperature(JANUARY, 700, 70) + 20
    levels = at(list(range(50, 301, 5)))
    profile = zonal_mean(torch.zeros(1, dtype=torch.float64), levels, APRIL)[1][0]
    assert 75 < 50 + 5 * int(profile.argmin()) < 125


def test_hemispheres_mirror_each_other_half_a_year_later() -> None:
    height = at([0.1, 1.0, 10.0, 100.0, 200.0, 500.0])
    (u, t), (u_later, t_later) = (
        zonal_mean(LATITUDE, height, day) for day in (JANUARY, JANUARY + 365.2425 / 2)
    )
    for found, expected, tolerance in ((u, u_later.flip(0), 8.0), (t, t_later.flip(0), 6.0)):
        assert (found - expected).square().mean(0).sqrt().max() < tolerance
        assert float(torch.corrcoef(torch.stack([found[:, 1], expected[:, 1]]))[0, 1]) > 0.94


def test_the_semi_annual_oscillation_turns_twice_a_year() -> None:
    place = torch.zeros(1, dtype=torch.float64)
    u = torch.tensor([float(zonal_mean(place, at(1.0), d)[0]) for d in range(0, 365, 5)])
    turns = (u - u.mean()).sign().diff().abs().sum() / 2
    assert turns == 4
    assert u[3] < -30 and u[39] < -30 and u[21] > -5 and u[57] > -5


def test_a_jet_reaches_the_speeds_it_is_given() -> None:
    jet = Jet(60, 10, 30, 8, 8, winter=40, summer=-5, equinox=10, south=1.5)
    quarter = climate.YEAR / 4
    found = [speed(jet, climate.MIDWINTER + i * quarter) for i in range(4)]
    assert found == pytest.approx([40, 10, -5, 10])
    assert speed(jet, climate.MIDWINTER + 2 * quarter, southern=True) == pytest.approx(60)


def test_the_strength_of_a_jet_scales_its_wind_and_temperature() -> None:
    height = at([1.0, 10.0, 30.0])

    def state(factor: float) -> Tensor:
        strength = {"polar night": (factor, 1.0)}
        return torch.stack(zonal_mean(LATITUDE, height, JANUARY, strength))

    usual, none, double = state(1.0), state(0.0), state(2.0)
    torch.testing.assert_close(double - usual, usual - none)
    change = (usual - none)[0, :, 1]
    assert 55 < float(LATITUDE[change.argmax()]) < 68
    assert change[LATITUDE < 0].abs().max() < 1e-4
    with pytest.raises(ValueError, match=r"unknown jets \['polar nite'\]; expected some of"):
        zonal_mean(LATITUDE, height, JANUARY, {"polar nite": (1.0, 1.0)})


def test_heights_may_differ_from_place_to_place() -> None:
    height = at([1.0, 10.0, 100.0])
    own = height.expand(len(LATITUDE), -1) + 100 * torch.rand(len(LATITUDE), 1)
    u, t = zonal_mean(LATITUDE, own, JULY)
    for i in (10, 90, 150):
        u_there, t_there = zonal_mean(LATITUDE[i : i + 1], own[i], JULY)
        torch.testing.assert_close(u[i], u_there[0])
        torch.testing.assert_close(t[i], t_there[0])


def test_the_wind_vanishes_at_the_poles() -> None:
    pole = torch.tensor([-90.0, 90.0], dtype=torch.float64)
    u, _ = zonal_mean(pole, at([0.1, 1.0, 10.0, 200.0]), JANUARY)
    assert u.abs().max() < 1e-9
    assert all(abs(jet.latitude) < 70 for jet in JETS.values())


def test_the_ground_is_that_of_the_earth() -> None:
    latitude, longitude = torch.meshgrid(
        LATITUDE, torch.arange(0, 360, 2, dtype=torch.float64), indexing="ij"
    )
    area = latitude.deg2rad().cos()
    assert 0.26 < (land_share(latitude, longitude) * area).sum() / area.sum() < 0.33
    height = surface_height(latitude, longitude)
    assert 180 < (height * area).sum() / area.sum() < 320  # 232 m
    places = {
        "Lhasa": (32.0, 89.0, 4000.0, 6000.0),
        "Pacific": (0.0, -150.0, -1.0, 1.0),
        "Southern Ocean": (-60.0, 20.0, -1.0, 5.0),
        "Vostok": (-78.5, 107.0, 2000.0, 3800.0),
        "Paris": (49.0, 2.3, 50.0, 500.0),
    }
    for name, (north, east, low, high) in places.items():
        place = torch.tensor([[north, north], [east, east + 360]], dtype=torch.float64)
        once, around = surface_height(*place)
        assert low < once < high, name
        assert around == pytest.approx(float(once))


def test_sea_level_pressure_has_the_subtropical_highs_and_the_southern_trough() -> None:
    pressure = climate.sea_level_pressure(LATITUDE)
    assert 100800 < float(area_mean(pressure[:, None])) < 101500  # 101,130 Pa
    assert 25 < float(LATITUDE[pressure.argmax()].abs()) < 38
    assert -72 < float(LATITUDE[pressure.argmin()]) < -60 and pressure.min() < 99500
