"""The sun: solstices, equinoxes, noon and midnight, and the mean over a day."""

import datetime
import math

import pytest
import torch

from ai4sim.physics.sun import cos_zenith_angle, declination, equation_of_time, irradiance

LATITUDES = torch.tensor([-80.0, -23.44, 0.0, 23.44, 48.0, 80.0], dtype=torch.float64)


def moment(month: int, day: int, hour: int = 12, year: int = 2019) -> datetime.datetime:
    return datetime.datetime(year, month, day, hour)


def test_the_sun_stands_over_the_tropics_at_the_solstices():
    assert math.degrees(declination(moment(6, 21))) == pytest.approx(23.44, abs=0.05)
    assert math.degrees(declination(moment(12, 21))) == pytest.approx(-23.44, abs=0.05)
    for day in (moment(3, 20, 21), moment(9, 23, 8)):
        assert math.degrees(declination(day)) == pytest.approx(0, abs=0.35)


def test_it_is_nearest_in_january():
    assert irradiance(moment(1, 3)) == pytest.approx(1361 / 0.98333**2, rel=1e-3)
    assert irradiance(moment(7, 4)) == pytest.approx(1361 / 1.01670**2, rel=1e-3)
    year = [irradiance(moment(1, 1) + datetime.timedelta(days=i)) for i in range(365)]
    assert sum(year) / 365 == pytest.approx(1361, rel=5e-4)


def test_the_clock_is_a_quarter_of_an_hour_off_in_november():
    minutes = {d: equation_of_time(d) * 720 / math.pi for d in (moment(11, 3), moment(2, 11))}
    assert list(minutes.values()) == pytest.approx([16.4, -14.2], abs=0.3)


def test_noon_and_midnight():
    time = moment(6, 21)
    noon = torch.full_like(LATITUDES, -math.degrees(equation_of_time(time)))
    expected = (LATITUDES - math.degrees(declination(time))).deg2rad().cos()
    torch.testing.assert_close(cos_zenith_angle(time, LATITUDES, noon), expected)
    night = cos_zenith_angle(time, LATITUDES, noon + 180)
    assert (night[:5] < 0).all() and night[5] > 0  # but for the midnight sun


def test_the_time_of_day_is_a_longitude():
    there = cos_zenith_angle(moment(4, 1, 6), LATITUDES, torch.full_like(LATITUDES, 90.0))
    here = cos_zenith_angle(moment(4, 1, 12), LATITUDES, torch.zeros_like(LATITUDES))
    torch.testing.assert_close(there, here, atol=3e-3, rtol=0)  # the sun moves on meanwhile


def test_the_globe_gets_a_quarter_of_the_beam():
    drawn = torch.rand(200000, 2, generator=torch.Generator().manual_seed(0)).double()
    latitude, longitude = (2 * drawn[:, 0] - 1).asin().rad2deg(), 360 * drawn[:, 1]
    for time in (moment(1, 20, 5), moment(6, 3, 17)):
        cosine = cos_zenith_angle(time, latitude, longitude)
        assert cosine.clamp(min=0).mean().item() == pytest.approx(0.25, abs=2e-3)
        assert (cosine > 0).double().mean().item() == pytest.approx(0.5, abs=5e-3)
