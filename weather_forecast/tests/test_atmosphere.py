"""Composition of the air: saturation, ozone that adds up, gases and aerosols where they belong."""

import pytest
import torch

from weather_forecast import atmosphere, climate
from weather_forecast.levels import full_level_pressure, half_level_pressure

LATITUDE = torch.tensor([-85.0, -60, -25, 0, 25, 60, 85], dtype=torch.float64)
PRESSURE_HL = half_level_pressure(torch.full_like(LATITUDE, 101325.0), 137, "L137")
PRESSURE = full_level_pressure(PRESSURE_HL)
HEIGHT = climate.log_pressure_height(PRESSURE)


def test_saturation_is_that_of_the_tables():
    t = torch.tensor([293.15, 273.16, 253.15, 233.15], dtype=torch.float64)
    p = torch.full_like(t, 1e5)
    # Vapour pressures over water, water and ice at the triple point, and ice [hPa].
    q = atmosphere.saturation_humidity(t, p)
    vapour = q * p / (atmosphere.VAPOUR_RATIO + (1 - atmosphere.VAPOUR_RATIO) * q)
    torch.testing.assert_close(
        vapour[[0, 1, 3]], vapour.new_tensor([2339.0, 611.2, 12.84]), rtol=3e-3, atol=0
    )
    assert 1.032e2 < vapour[2] < 1.254e2  # both phases: between ice and water
    assert atmosphere.liquid_share(t).tolist() == pytest.approx([1, 1, (2.99 / 23) ** 2, 0])
    thin = atmosphere.saturation_humidity(t, torch.full_like(t, 10.0))
    assert (thin > 0).all() and (thin < 1).all()  # where water would boil


def test_supercooled_clouds_hold_liquid_longer():
    cold = torch.tensor([245.0, 258.0], dtype=torch.float64)
    assert atmosphere.liquid_share(cold)[0] == 0
    assert (atmosphere.liquid_share(cold, 15.0) > atmosphere.liquid_share(cold)).all()


@pytest.mark.parametrize("levels", [137, 20])
def test_ozone_adds_up_on_any_levels(levels: int):
    pressure_hl = PRESSURE_HL[:, [round(i * 137 / levels) for i in range(levels + 1)]]
    height = climate.log_pressure_height(full_level_pressure(pressure_hl))
    total = torch.linspace(180, 450, len(LATITUDE), dtype=torch.float64)
    ozone = atmosphere.ozone(LATITUDE, height, pressure_hl, total)
    column = (ozone * pressure_hl.diff(dim=-1)).sum(-1) / 9.80665 / atmosphere.DOBSON_UNIT
    torch.testing.assert_close(column, total)
    assert (ozone > 0).all()


def test_ozone_peaks_higher_over_the_equator():
    total = atmosphere.ozone_column(LATITUDE, 80)
    assert ((total > 150) & (total < 450)).all()
    partial = atmosphere.ozone(LATITUDE, HEIGHT, PRESSURE_HL, total) * PRESSURE
    peak = PRESSURE.gather(1, partial.argmax(1, keepdim=True)).squeeze(1)
    assert 3000 < peak[3] < 4000 and (peak[[0, 6]] > 7000).all()
    vmr = partial / PRESSURE / atmosphere.OZONE_RATIO
    assert 5e-6 < vmr[3].max() < 1.2e-5  # some ppm
    torch.testing.assert_close(vmr[:, -1], torch.full_like(vmr[:, -1], 4e-8))


def test_the_hole_is_in_the_southern_spring():
    april, october = (atmosphere.ozone_column(LATITUDE, day) for day in (90, 275))
    assert october[0] < 230 < april[0]
    assert april[5] > october[5] > 250 and abs(april[3] - october[3]) < 1


def test_gases_are_well_mixed_below_and_destroyed_above():
    for name, gas in atmosphere.GASES.items():
        vmr = atmosphere.gas_vmr(name, PRESSURE[3], 2019)
        assert vmr[-1] == pytest.approx(gas.vmr, rel=0.01)
        assert (vmr.diff() >= 0).all() and vmr[0] >= 0.99 * gas.left * gas.vmr
    assert not atmosphere.gas_vmr("ccl4", PRESSURE, 2019).any()
    later = atmosphere.gas_vmr("co2", PRESSURE, 2021) - atmosphere.gas_vmr("co2", PRESSURE, 2019)
    assert later[0, 0] == pytest.approx(4.8e-6)


def test_relative_humidity_and_stratosphere():
    sigma = PRESSURE / PRESSURE_HL[:, -1:]
    for day in (15, 196):
        relative = atmosphere.relative_humidity(LATITUDE, sigma, day)
        assert ((relative > 0.1) & (relative < 0.9)).all()
        middle = relative[:, 100]
        assert middle[3] > middle[2] and middle[3] > middle[4]  # dry subtropics
    ppm = atmosphere.stratospheric_humidity(HEIGHT) / atmosphere.VAPOUR_RATIO * 1e6
    assert 3 < ppm.min() and ppm.max() < 5
    tropopause = atmosphere.tropopause_height(LATITUDE)
    assert tropopause[3] > 15e3 and (tropopause[[0, 6]] < 9500).all()


def test_aerosols_have_their_places():
    sea, land, desert = torch.eye(3, dtype=torch.float64)
    height = HEIGHT[:3]
    kinds = atmosphere.aerosols(
        land + desert, desert, height, torch.zeros(3).double(), torch.ones(3, 11).double()
    )
    assert len(kinds) == 12 and all((kind > 0).all() for kind in kinds)
    salt, dust, carbon, sulphate = kinds[1], kinds[4], kinds[8], kinds[11]
    assert salt[0, -1] > 10 * salt[1, -1] and dust[2, -1] > 10 * dust[1, -1]
    assert carbon[1, -1] > carbon[0, -1]
    assert (salt.diff(dim=-1) >= 0).all() and sulphate[0, 40] > 20 * sulphate[0, -1]
