"""What must hold of the columns of a raw file: bounds, and what the physics of radiation requires.

All of it is cheap beside reading, and tells files of other units, other contents or with damaged
numbers from good ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from ai4sim.io.ranges import Bounds, check_range
from ai4sim.io.raw_variables import UNWRITTEN
from ai4sim.physics.constants import ECRAD_HEAT_CAPACITY, GRAVITY
from ai4sim.variables import Float32Array, Variable
from weather_forecast.bias_correction.io.inspection import Contents
from weather_forecast.bias_correction.io.layout import (
    AT_THE_TOP,
    BOUNDS,
    CHANNELS,
    DIMENSIONS,
    FLUXES,
    HALF_PROFILES,
    PLACES,
    TARGETS,
    TRIPLECLOUDS,
    UNITS,
    bounds_by_level,
)

PRESSURE_TOLERANCE = 1e-3  # the same number, perhaps rounded to three digits
INCOMING_TOLERANCE = 0.01  # of the sun's irradiance: spectral weights, rounding
HEATING = 86400 * GRAVITY / ECRAD_HEAT_CAPACITY
"""Heating of a layer per flux that it absorbs and pressure across it [K/day Pa/(W/m2)]."""
HEATING_TOLERANCE = 0.02  # of the fluxes and heating of a layer: other constants, rounding
ABSOLUTE = (
    " of a correction, SPARTACUS minus Tripleclouds; these look like absolute fluxes, which ecRad "
    "writes under the same names"
)


def check_block(contents: Contents, block: Mapping[str, Float32Array], start: int) -> None:
    """Check the columns of a block, as :func:`.raw_files.read_block` returns them.

    Parameters
    ----------
    contents : Contents
    block : mapping of str to (column, channel) or (column,)
    start : int
        The first column, counted from the beginning of the file.

    Raises
    ------
    ValueError
        A value is NaN, was never written, or is beyond its bounds; or values contradict each other.
        The message has file, dataset, channel, place, value, unit and what was expected.
    """
    layout = contents.layout
    variables = {
        "inputs": layout.inputs,
        "targets": layout.outputs,
        "tripleclouds": layout.tripleclouds,
    }
    parts = split(block["inputs"], layout.inputs)
    pressure = parts["pressure_hl"]
    _check_direction(contents, pressure, start)
    for group in contents.limits:
        _check_bounds(contents, variables[group], group, block[group], start)
    for name, place in PLACES.items():
        if place in block:
            slack = contents.datasets[name].rounding(0) + 1e-4
            bounds = Bounds(BOUNDS[name].low - slack, BOUNDS[name].high + slack)
            where = partial(describe, contents, name, 0, start)
            check_range(contents.path, name, block[place], bounds, UNITS[name], where)
    _check_pressure(contents, pressure, start)
    sun = np.maximum(parts["cos_solar_zenith_angle"], 0) * parts["solar_irradiance"]
    if "targets" in block:
        targets = split(block["targets"], layout.outputs)
        _check_night(contents, targets, sun, start)
        per_flux = np.diff(pressure) / np.float32(HEATING)
        for wave in ("sw", "lw"):
            _check_heating(contents, targets, wave, per_flux, start)
    if "tripleclouds" in block:
        _check_incoming(contents, split(block["tripleclouds"], layout.tripleclouds), sun, start)


def split(rows: Float32Array, variables: Sequence[Variable]) -> dict[str, Float32Array]:
    """Divide ``rows : (column, channel)`` by variable: views (column, level), or (column, 1)."""
    parts, first = {}, 0
    for variable in variables:
        parts[variable.name] = rows[:, first : first + variable.channels]
        first += variable.channels
    return parts


def describe(
    contents: Contents, variable: str, level: int, start: int, index: Sequence[int]
) -> str:
    """Describe a place: the column, counted from the beginning of the file, level and channel.

    Parameters
    ----------
    contents : Contents
    variable : str
        A channel, or a dataset without channels.
    level : int
        Level of the first of the values that the index counts.
    start : int
        Column of the first of them.
    index : sequence of int
        Column and level, or the column alone.
    """
    dataset, channel = contents.channel(variable)
    name = next((name for name, found in contents.datasets.items() if found is dataset), variable)
    parts = [f"column {start + index[0]}"]
    dimensions = DIMENSIONS[name]
    if len(dimensions) > 1 and not dimensions[1].endswith("_variable"):
        parts.append(f"{dimensions[1]} {level + index[1]}")
    if name in CHANNELS:
        parts.append(f"channel {dataset.order[channel]} ({variable})")
    return ", ".join(parts)


def _check_bounds(
    contents: Contents, variables: Sequence[Variable], group: str, rows: Float32Array, start: int
) -> None:
    """Compare the values of a group of datasets with their bounds."""
    limits = contents.limits[group]
    with np.errstate(invalid="ignore"):
        if (rows.min(axis=0) >= limits.low).all() and (rows.max(axis=0) <= limits.high).all():
            return
    first = 0
    for variable in variables:
        dataset, _ = contents.channel(variable.name)
        for levels, bounds in bounds_by_level(variable):
            low, high = (side[first + levels.start] for side in limits)
            values = rows[:, first + levels.start : first + levels.stop]
            # What rounding and packing explain is left out, and what a library fills in is NaN.
            values = np.where((values >= low) & (values <= high), np.float32(bounds.low), values)
            values[np.isfinite(values) & (np.abs(values) > UNWRITTEN)] = np.nan
            where = partial(describe, contents, variable.name, levels.start, start)
            try:
                check_range(
                    contents.path, dataset.variable.name, values, bounds, variable.units, where
                )
            except ValueError as error:
                hint = ABSOLUTE if variable.name in FLUXES and np.isfinite(values).all() else ""
                raise ValueError(f"{error}{hint}") from None
        first += variable.channels


def _check_direction(contents: Contents, pressure: Float32Array, start: int) -> None:
    """Raise ValueError unless pressure increases downward."""
    dataset, channel = contents.channel("pressure_hl")
    falling = pressure[:, 1:] <= pressure[:, :-1]
    falling[:, 0] |= pressure[:, 0] < -dataset.rounding(channel)
    if falling.any():
        column, level = np.argwhere(falling)[0]
        advice = ""
        if (pressure[:, 1:] < pressure[:, :-1]).all():
            advice = "; the levels stand from the surface upward: turn them round in all datasets"
        raise ValueError(
            f"{contents.path}: hl_inputs: the pressure of column {start + column} is "
            f"{pressure[column, level]:g} Pa at half_level {level}, then "
            f"{pressure[column, level + 1]:g} Pa; expected pressures >= 0 that increase from the "
            f"top (index 0) downward{advice}"
        )


def _check_pressure(contents: Contents, pressure: Float32Array, start: int) -> None:
    """Raise ValueError unless pressure is what ``pressure_hl`` says."""
    if "pressure_hl" not in contents.present:
        return
    dataset = contents.datasets["pressure_hl"]
    again = np.empty(pressure.shape, np.float32)
    dataset.fill(again[:, None, :], start)
    if np.array_equal(again, pressure):
        return
    place = list(HALF_PROFILES).index("pressure_hl")
    packing = dataset.rounding(0) + contents.datasets["hl_inputs"].rounding(place)
    differs = ~(np.abs(again - pressure) <= PRESSURE_TOLERANCE * pressure + packing)
    if differs.any():
        column, level = np.argwhere(differs)[0]
        raise ValueError(
            f"{contents.path}: at column {start + column}, half_level {level}, pressure_hl is "
            f"{again[column, level]:g} Pa, but hl_inputs has {pressure[column, level]:g} Pa"
        )


def _check_night(
    contents: Contents, targets: Mapping[str, Float32Array], sun: Float32Array, start: int
) -> None:
    """Raise ValueError if there is short-wave radiation without sun; ``sun : (column, 1)``."""
    (night,) = np.nonzero(sun[:, 0] <= 0)
    for name in [name for name in TARGETS if name.endswith("_sw")] if len(night) else []:
        values = targets[name][night]
        if not values.any():
            continue
        most = AT_THE_TOP + contents.datasets[name].rounding(0)
        bright = np.argwhere(np.abs(values) > most)
        if len(bright):
            row, level = bright[0].tolist()
            where = describe(contents, name, 0, start, (int(night[row]), level))
            raise ValueError(
                f"{contents.path}: {name} is {values[row, level]:g} {UNITS[name]} at {where}, "
                "where cos_solar_zenith_angle <= 0, the first of "
                f"{len(bright)} such values; expected 0 at night"
            )


def _check_heating(
    contents: Contents,
    targets: Mapping[str, Float32Array],
    wave: str,
    per_flux: Float32Array,
    start: int,
) -> None:
    """Raise ValueError unless layers are heated by the flux that they absorb.

    ``per_flux : (column, level)`` is that flux for a heating of 1 K/day [W/m2].
    """
    down, up, heating = (targets[f"{name}_{wave}"] for name in ("flux_dn", "flux_up", "hr"))
    net, implied = down - up, heating * per_flux
    apart = np.abs(net[:, :-1] - net[:, 1:] - implied)
    if apart.max() <= AT_THE_TOP:
        return
    fluxes = (contents.datasets[f"flux_{side}_{wave}"].rounding(0) for side in ("dn", "up"))
    packing = 2 * sum(fluxes) + contents.datasets[f"hr_{wave}"].rounding(0) * per_flux
    size = np.abs(down) + np.abs(up)
    scale = np.abs(implied) + np.maximum(size[:, 1:], size[:, :-1])
    differs = ~(apart <= AT_THE_TOP + HEATING_TOLERANCE * scale + packing)
    if differs.any():
        column, level = np.argwhere(differs)[0].tolist()
        absorbed = net[column, level] - net[column, level + 1]
        raise ValueError(
            f"{contents.path}: hr_{wave} is {heating[column, level]:g} K d-1 at column "
            f"{start + column}, level {level}, the first of {int(differs.sum())} such values; the "
            f"divergence of flux_dn_{wave} - flux_up_{wave} there expects "
            f"{absorbed / per_flux[column, level]:g} K d-1: one of them is in other units, in "
            "another direction or of other columns"
        )


def _check_incoming(
    contents: Contents, fluxes: Mapping[str, Float32Array], sun: Float32Array, start: int
) -> None:
    """Raise ValueError unless the sun's light enters at the top; ``sun : (column, 1)``."""
    name = TRIPLECLOUDS[0]
    found = fluxes[name][:, :1]
    most = AT_THE_TOP + INCOMING_TOLERANCE * sun + contents.datasets[name].rounding(0)
    differs = ~(np.abs(found - sun) <= most)
    if differs.any():
        column = int(np.argwhere(differs)[0, 0])
        raise ValueError(
            f"{contents.path}: {name} is {found[column, 0]:g} W m-2 at column {start + column}, "
            f"half_level 0, the first of {int(differs.sum())} such values; expected "
            f"solar_irradiance * max(cos_solar_zenith_angle, 0) = {sun[column, 0]:g} W m-2"
        )
