"""Where the sun stands, and how far away it is."""

from __future__ import annotations

import datetime
import math

from torch import Tensor

from ai4sim.physics.constants import SOLAR_IRRADIANCE


def _year_angle(time: datetime.datetime) -> float:
    """Return how far the year has gone [rad]."""
    hours = time.hour + time.minute / 60 + time.second / 3600
    return 2 * math.pi * (time.timetuple().tm_yday - 1 + hours / 24) / 365


def declination(time: datetime.datetime) -> float:
    """Return the latitude where the sun is overhead at noon [rad] (Spencer 1971)."""
    x = _year_angle(time)
    return (
        0.006918
        + (-0.399912 * math.cos(x) + 0.070257 * math.sin(x))
        + (-0.006758 * math.cos(2 * x) + 0.000907 * math.sin(2 * x))
        + (-0.002697 * math.cos(3 * x) + 0.00148 * math.sin(3 * x))
    )


def equation_of_time(time: datetime.datetime) -> float:
    """Return by how much the sun is ahead of the clock [rad] (Spencer 1971)."""
    x = _year_angle(time)
    annual = 0.001868 * math.cos(x) - 0.032077 * math.sin(x)
    return 0.000075 + annual - 0.014615 * math.cos(2 * x) - 0.040849 * math.sin(2 * x)


def greenwich_hour_angle(time: datetime.datetime) -> float:
    """Return how far the sun has gone past the meridian of Greenwich at a UTC time [rad]."""
    clock = math.pi * ((time.hour + time.minute / 60 + time.second / 3600) / 12 - 1)
    return clock + equation_of_time(time)


def irradiance(time: datetime.datetime) -> float:
    """Return the solar irradiance at the distance of the day [W/m2] (Spencer 1971)."""
    x = _year_angle(time)
    nearness = 1.00011 + 0.034221 * math.cos(x) + 0.00128 * math.sin(x)
    nearness += 0.000719 * math.cos(2 * x) + 0.000077 * math.sin(2 * x)
    return SOLAR_IRRADIANCE * nearness


def cos_zenith_angle(time: datetime.datetime, latitude: Tensor, longitude: Tensor) -> Tensor:
    """Return the cosine of the solar zenith angle, negative at night.

    Parameters
    ----------
    time : datetime
        UTC.
    latitude, longitude : (...)  [degrees north], [degrees east]
    """
    delta, phi = declination(time), latitude.deg2rad()
    hour_angle = greenwich_hour_angle(time) + longitude.deg2rad()
    return math.sin(delta) * phi.sin() + math.cos(delta) * phi.cos() * hour_angle.cos()
