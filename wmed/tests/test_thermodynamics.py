"""Moist air and net heat: known values, inverses, and inputs that files of land points hold."""

import math

import pytest
import torch

from ai4sim.physics.constants import AEROBULK_HEAT_CAPACITY, AEROBULK_STEFAN_BOLTZMANN, GRAVITY
from wmed.physics.constants import SALT_FACTOR, VAPOUR_RATIO
from wmed.physics.heat import net_heat, net_longwave, net_shortwave, sky_longwave
from wmed.physics.thermodynamics import (
    air_density,
    air_temperature,
    air_viscosity,
    heat_capacity,
    latent_heat_of_vaporisation,
    saturation_specific_humidity,
    saturation_vapour_pressure,
    sea_level_pressure,
    specific_humidity,
    specific_humidity_of_vapour,
    vapour_pressure,
)

ATMOSPHERE = 101325.0
SKIES = ((0.0, 0.0), (1800.0, 0.0), (1800.0, 1.0))


def scalar(value):
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("formula", ["goff", "buck"])
@pytest.mark.parametrize("celsius, hectopascal", [(0, 6.11), (10, 12.27), (20, 23.37), (30, 42.43)])
def test_saturation_pressure_is_that_of_tables(formula, celsius, hectopascal):
    found = saturation_vapour_pressure(scalar(273.15 + celsius), scalar(ATMOSPHERE), formula)
    assert found.item() / 100 == pytest.approx(hectopascal, rel=6e-3)


def test_water_boils_at_100_degrees():
    found = saturation_vapour_pressure(scalar(373.15), scalar(2e5))
    assert found.item() == pytest.approx(ATMOSPHERE, rel=1e-3)


def test_pressure_enhances_saturation_in_one_formula_only():
    warm = scalar(293.15)
    goff, buck = (saturation_vapour_pressure(warm, scalar(1e5), name) for name in ("goff", "buck"))
    assert (buck / goff).item() == pytest.approx(1.004, abs=5e-4)
    assert torch.equal(goff, saturation_vapour_pressure(warm, scalar(9e4)))
    assert saturation_vapour_pressure(warm, scalar(9e4), "buck") < buck


def test_salt_lowers_humidity_over_the_sea_by_two_percent():
    fresh = saturation_specific_humidity(scalar(293.15), scalar(ATMOSPHERE))
    salty = saturation_specific_humidity(scalar(293.15), scalar(ATMOSPHERE), SALT_FACTOR)
    assert fresh.item() == pytest.approx(0.01446, rel=2e-3)
    assert salty.item() == pytest.approx(0.98 * fresh.item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saturation_of_what_files_hold_on_land_is_finite(dtype):
    temperature = torch.tensor([0.0, 100.0, 999.0, 9.97e36], dtype=dtype, requires_grad=True)
    pressure = torch.full_like(temperature, 1e5, requires_grad=False)
    humidity = saturation_specific_humidity(temperature, pressure)
    assert bool(((humidity >= 0) & (humidity <= 1)).all())
    assert humidity[0] == humidity[1]
    humidity.sum().backward()
    assert bool(temperature.grad.isfinite().all())


def test_nan_stays_nan():
    nan = scalar(math.nan)
    assert saturation_specific_humidity(nan, scalar(1e5)).isnan()
    assert saturation_specific_humidity(scalar(290.0), nan).isnan()


def test_humidities_agree():
    vapour, pressure = scalar(2000.0), scalar(ATMOSPHERE)
    ratio = VAPOUR_RATIO * vapour / (pressure - vapour)
    expected = specific_humidity_of_vapour(vapour, pressure)
    torch.testing.assert_close(specific_humidity(ratio), expected)
    torch.testing.assert_close(vapour_pressure(expected, pressure), vapour)


def test_potential_temperature_is_temperature_at_the_reference_pressure():
    warm = scalar(290.0)
    assert air_temperature(warm, scalar(1e5)) == warm
    found = air_temperature(warm, scalar(9e4))
    assert found.item() == pytest.approx(290 * 0.9 ** (287.0597 / 1004.709))


def test_density_of_the_standard_atmosphere():
    dry = air_density(scalar(288.15), scalar(0.0), scalar(ATMOSPHERE))
    assert dry.item() == pytest.approx(1.225, rel=1e-4)
    assert air_density(scalar(288.15), scalar(0.02), scalar(ATMOSPHERE)) < dry


def test_ten_metres_of_air_weigh_120_pascal():
    pressure, temperature, humidity = scalar(101000.0), scalar(288.0), scalar(0.01)
    found = sea_level_pressure(pressure, temperature, humidity) - pressure
    weight = 10 * GRAVITY * air_density(temperature, humidity, pressure)
    assert found.item() == pytest.approx(weight.item(), rel=1e-3)
    assert sea_level_pressure(pressure, temperature, humidity, 0.0) == pressure


def test_properties_of_air_and_water_at_15_degrees():
    warm = scalar(288.15)
    assert air_viscosity(warm).item() == pytest.approx(1.46e-5, rel=5e-3)
    assert latent_heat_of_vaporisation(warm).item() == pytest.approx(2.4655e6, rel=1e-3)
    assert heat_capacity(scalar(0.0)).item() == AEROBULK_HEAT_CAPACITY


def test_sea_in_balance_with_its_own_radiation_loses_nothing():
    warm = scalar(290.0)
    own = AEROBULK_STEFAN_BOLTZMANN * warm**4
    assert net_longwave(own, warm).item() == pytest.approx(0, abs=1e-10)
    assert net_longwave(0 * own, warm).item() == pytest.approx(-0.98 * own.item())


def test_clouds_and_vapour_make_the_sky_warmer():
    sky = [sky_longwave(scalar(293.15), scalar(vapour), cover) for vapour, cover in SKIES]
    black = AEROBULK_STEFAN_BOLTZMANN * 293.15**4
    shares = [float(value) / black for value in sky]
    assert shares == pytest.approx([0.653, 0.653 + 0.0963, (0.653 + 0.0963) * 1.1762])


def test_net_heat_is_the_sum_of_its_parts_and_dark_water_takes_up_most_light():
    parts = [scalar(value) for value in (300.0, -60.0, -120.0, -15.0)]
    assert net_heat(*parts).item() == pytest.approx(105)
    assert net_shortwave(scalar(100.0)).item() == pytest.approx(93.4)


def test_float32_keeps_its_digits():
    temperature = torch.linspace(265, 310, 200, dtype=torch.float64)
    pressure = torch.full_like(temperature, 101000)
    exact = saturation_specific_humidity(temperature.float().double(), pressure)
    found = saturation_specific_humidity(temperature.float(), pressure.float())
    assert ((found - exact) / exact).abs().max() < 1e-6
