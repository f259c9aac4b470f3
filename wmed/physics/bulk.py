"""Bulk algorithms by name, their inputs from model fields, and one with constant coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ai4sim.physics.constants import VON_KARMAN
from wmed.physics.coare import coare30, coare36
from wmed.physics.ecmwf import ecmwf
from wmed.physics.ncar import ncar
from wmed.physics.surface_layer import (
    BulkFluxes,
    BulkState,
    air_minus_sea,
    bulk_fluxes,
    buoyancy,
)
from wmed.physics.thermodynamics import air_temperature, sea_level_pressure, specific_humidity

__all__ = ["ALGORITHMS", "BulkFluxes", "bulk_inputs", "coare36", "constant_bulk", "ecmwf", "ncar"]

ALGORITHMS: dict[str, Callable[..., BulkFluxes]] = {
    "coare36": coare36,
    "coare30": coare30,
    "ecmwf": ecmwf,
    "ncar": ncar,
}
"""Bulk algorithms that iterate, by name."""


def bulk_inputs(
    *,
    wind_x: Tensor,
    wind_y: Tensor,
    potential_temperature: Tensor,
    mixing_ratio: Tensor,
    pressure: Tensor,
    sea_surface_temperature: Tensor,
    current_x: Tensor | float = 0.0,
    current_y: Tensor | float = 0.0,
    height: float = 10.0,
) -> dict[str, Tensor]:
    """Arguments of a bulk algorithm from the lowest level of an atmosphere model and the sea.

    Parameters
    ----------
    wind_x, wind_y, current_x, current_y
        Along the same axes [m/s]; only their differences enter.
    potential_temperature : [K]
    mixing_ratio : [kg/kg]
    pressure : [Pa]
        At ``height``.
    sea_surface_temperature : [K]
    height : float
        Of the level above the sea [m].
    """
    temperature = air_temperature(potential_temperature, pressure)
    humidity = specific_humidity(mixing_ratio)
    return {
        "wind_x": wind_x - current_x,
        "wind_y": wind_y - current_y,
        "air_temperature": temperature,
        "specific_humidity": humidity,
        "pressure": sea_level_pressure(pressure, temperature, humidity, height),
        "sea_surface_temperature": sea_surface_temperature,
    }


def constant_bulk(
    *,
    cd: Tensor | float = 1.3e-3,
    ch: Tensor | float = 1.1e-3,
    ce: Tensor | float = 1.1e-3,
    z_wind: float = 10.0,
    z_air: float = 10.0,
    **fields: Tensor,
) -> BulkFluxes:
    """Fluxes with given transfer coefficients, without gusts.

    Parameters
    ----------
    cd, ch, ce : Tensor or float
        Transfer coefficients of momentum, heat and moisture [1], between the heights ``z_wind`` of
        the wind and ``z_air`` of temperature and humidity.
    **fields : Tensor
        See :class:`~wmed.physics.surface_layer.BulkState`.
    """
    state = BulkState(**fields)
    sst, humidity = state.sea_surface_temperature, state.specific_humidity
    difference = air_minus_sea(state, sst, z_air * state.lapse_rate)
    momentum, heat, moisture = (
        torch.as_tensor(value, dtype=sst.dtype, device=sst.device).expand_as(sst)
        for value in (cd, ch, ce)
    )
    # A wind of 1e-6 m/s stands for none: the square root has no slope at 0.
    speed = state.wind_squared.clamp_min(1e-12).sqrt()
    root = momentum.sqrt()
    ustar = root * speed
    buoyancy_scale = heat / root * buoyancy(difference, sst, humidity)
    return bulk_fluxes(
        state,
        bulk_wind=speed,
        coefficients=(momentum, heat, moisture),
        difference=difference,
        specific_humidity=humidity,
        skin_temperature=sst,
        friction_velocity=ustar,
        inverse_obukhov_length=VON_KARMAN * buoyancy_scale / ustar.square(),
        roughness_length=torch.exp(math.log(z_wind) - VON_KARMAN / root),
        z_wind=z_wind,
    )
