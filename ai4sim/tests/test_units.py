"""Units are compared by meaning, and values are converted or refused."""

import numpy as np
import pytest

from ai4sim.io.units import Conversion, conversion, same

ALIKE = [
    ("Pa", "N m-2", "Newton/m2", "N m^{-2}", "pascal", "N/m^2", "kg m-1 s-2"),
    ("W m-2", "W/m²", "Watts meter-2", "watt/m2", "W m**-2", "W.m-2"),
    ("degC", "Celsius", "deg C", "degrees_Celsius", "°C", "C"),
    ("m s-1", "meter second-1", "m/s", "metre per second"),
    ("1", "kg kg-1", "(0 - 1)", "dimensionless", "-", "m3 m-3"),
    ("degrees_north", "degree", "degrees"),
    ("m2 s-2", "m**2 s**-2", "J kg-1"),
]


@pytest.mark.parametrize("spellings", ALIKE)
def test_spellings_of_one_unit_are_the_same(spellings):
    for spelling in spellings:
        assert conversion(spelling, spellings[0]).identity
        assert conversion(spellings[0], spelling).identity


@pytest.mark.parametrize(
    ("found", "expected", "value", "converted"),
    [
        ("hPa", "Pa", 1013.25, 101325),
        ("mb", "Pa", 1013.25, 101325),
        ("100 Pa", "Pa", 1013.25, 101325),
        ("degC", "K", 15, 288.15),
        ("K", "Celsius", 288.15, 15),
        ("K s-1", "K/day", 1e-5, 0.864),
        ("%", "1", 40, 0.4),
        ("radian", "degrees_north", np.pi / 4, 45),
        ("g/kg", "kg/kg", 8, 0.008),
        ("um", "m", 10, 1e-5),
        ("m s-1 day-1", "m/s2", 86400, 1),
    ],
)
def test_values_are_converted(found, expected, value, converted):
    values = conversion(found, expected).apply(np.array([value], np.float64))
    np.testing.assert_allclose(values, converted, rtol=1e-9)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("m2 s-2", "N m-2"),  # a stress over the density
        ("degrees", "1"),  # a zenith angle for its cosine
        ("1", "degrees"),
        ("J m-2", "W m-2"),  # accumulated
        ("kg m-2 s-1", "kg kg-1"),
        ("furlong per", "m"),
        ("unknown", "1"),
    ],
)
def test_other_quantities_are_refused(found, expected):
    assert not same(found, expected)
    with pytest.raises(ValueError, match="no unit|cannot be converted"):
        conversion(found, expected)


def test_single_precision_stays_single_and_same_units_cost_nothing():
    values = np.array([10.0], np.float32)
    assert conversion("hPa", "Pa").apply(values).dtype == np.float32
    assert Conversion().apply(values) is values


@pytest.mark.parametrize("units", ["3/m", "0/m", "0.3 m-1"])
def test_factors_that_are_no_powers_of_ten_are_refused(units: str) -> None:
    with pytest.raises(ValueError, match="is no unit: .* is no power of ten"):
        conversion(units, "1/m")
    assert conversion("1e3/m", "1/m").scale == 1000
    assert conversion("0 to 1", "1").identity
