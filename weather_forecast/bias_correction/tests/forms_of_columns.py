"""Made-up columns as the content of a raw file, and the forms that programs give to it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4sim.tests.forms import SPELLINGS, Content, Stored, packing, stored_forms
from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    DIMENSIONS,
    GROUPS,
    PLACES,
    UNITS,
    RadiationLayout,
)
from weather_forecast.bias_correction.io.checks import split
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.tests import made_up

COLUMNS, LEVELS = 7, 5
LAYOUT = RadiationLayout(LEVELS)


@functools.cache
def content() -> dict[str, Content]:
    """Return the variables of a raw file of a few columns."""
    columns = made_up.columns(COLUMNS, LEVELS)
    sizes = {**LAYOUT.sizes, "column": COLUMNS}
    rows = [(columns["inputs"], CHANNELS), *((columns[g], names) for g, names in GROUPS.items())]
    found: dict[str, Content] = {}
    for block, names in rows:
        done = 0
        for name in names:
            shape = tuple(sizes[d] for d in DIMENSIONS[name])
            width = int(np.prod(shape[1:]))
            values = block[:, done : done + width].numpy()
            if name in CHANNELS:
                values = values.reshape(COLUMNS, len(CHANNELS[name]), -1).transpose(0, 2, 1)
            found[name] = Content(DIMENSIONS[name], values.reshape(shape), UNITS.get(name, ""))
            done += width
    pressure = found["hl_inputs"].values[..., 1:]
    found["pressure_hl"] = Content(DIMENSIONS["pressure_hl"], pressure, "Pa")
    for name, place in PLACES.items():
        found[name] = Content(("column",), columns[place].numpy(), UNITS[name])
    fluxes = ("flux_", "tripleclouds_")
    return {
        name: replace(
            variable,
            units="W/m2" if name.startswith(fluxes) else variable.units.replace("K d-1", "K/day"),
        )
        for name, variable in found.items()
    }


def by_channel(draw: Any, variable: Content, name: str) -> Content:
    """Draw another order of the channels of inputs, and other units, both of them told."""
    channels = list(CHANNELS[name].items())
    given = [channels[i] for i in draw(st.permutations(range(len(channels))))]
    units = [draw(st.sampled_from(SPELLINGS[unit])) for _, unit in given]
    attributes = {
        "channel_names": ",".join(channel for channel, _ in given),
        "channel_units": ",".join(spelling for spelling, _, _ in units),
    }
    places = [list(CHANNELS[name]).index(channel) for channel, _ in given]
    factors, offsets = np.array([change[1:] for change in units]).T
    values = variable.values[..., places].astype(np.float64) * factors + offsets
    return replace(variable, values=values, attributes=attributes)


@st.composite
def forms(draw: Any) -> tuple[dict[str, Content], dict[str, Stored]]:
    """Draw the form of a raw file: axes, channels, units and storage of its variables."""
    found = dict(content())
    for name in CHANNELS:
        if draw(st.booleans()):
            found[name] = by_channel(draw, found[name], name)
    for name in ("inter_inputs", "pressure_hl"):
        if draw(st.booleans()):
            dimensions, values = found[name].dimensions[:-1], found[name].values[..., 0]
            if name not in CHANNELS or "channel_names" not in found[name].attributes:
                found[name] = replace(found[name], dimensions=dimensions, values=values)
    for name in ("hr_sw", "lat"):
        if draw(st.booleans()):
            dimensions, values = (*found[name].dimensions, "one"), found[name].values[..., None]
            found[name] = replace(found[name], dimensions=dimensions, values=values)
    return found, draw(stored_forms(found))


def step(variable: Content, form: Stored) -> float:
    """Return the distance of neighbouring numbers in a file."""
    factor, offset = form.units[1:]
    values = variable.values.astype(np.float64) * factor + offset
    rounding = 4 * float(np.finfo(np.float32).eps * np.abs(values).max())
    return rounding + (packing(values, form.kind)[0] if form.kind[0] == "i" else 0)


def tolerances(found: Mapping[str, Content], stored: Mapping[str, Stored]) -> dict[str, float]:
    """Return how far what is read may be from what was meant, by the form that stores it."""
    limits: dict[str, float] = {}
    for name, variable in found.items():
        if name == "pressure_hl":
            continue  # what is read is the pressure of hl_inputs
        limit = step(variable, stored[name])
        factors = {PLACES.get(name, name): stored[name].units[1]}
        if name in CHANNELS:
            order = variable.attributes.get("channel_names", ",".join(CHANNELS[name])).split(",")
            units = variable.attributes.get("channel_units", "").split(",")
            spelled = dict(zip(order, units, strict=False))
            factors = {
                channel: factor_of(unit, spelled.get(channel, ""))
                for channel, unit in CHANNELS[name].items()
            }
        limits |= {channel: limit / factor for channel, factor in factors.items()}
    return limits


def factor_of(units: str, spelling: str) -> float:
    """Return by how much a value is larger in a spelling of its units."""
    return next((f for text, f, _ in SPELLINGS[units] if text == spelling), 1.0)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read a raw file, and divide its rows by variable."""
    return divided(read_columns(path))


@functools.cache
def expected() -> dict[str, NDArray[Any]]:
    """Return what :func:`read` is to give."""
    columns = made_up.columns(COLUMNS, LEVELS)
    return divided({name: values.numpy() for name, values in columns.items()})


def divided(block: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Divide rows by variable."""
    found = {place: block[place] for place in PLACES.values() if place in block}
    groups = {
        "inputs": LAYOUT.inputs,
        "targets": LAYOUT.outputs,
        "tripleclouds": LAYOUT.tripleclouds,
    }
    for group in [group for group in groups if group in block]:
        found |= split(block[group], groups[group])
    return found
