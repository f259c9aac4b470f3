"""What a raw file holds: names, shapes, channels and units of its datasets, before any is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.variables import Float64Array, Variable
from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    DIMENSIONS,
    GROUPS,
    PLACES,
    RadiationLayout,
    bounds_by_level,
)
from weather_forecast.bias_correction.io.stored import (
    StoredDataset,
    find_stored,
    named_axes,
    shape_of,
)

RELATIVE, ABSOLUTE = 1e-3, 1e-5
"""How far rounding may go beyond bounds: a share of them (three digits are kept, say), and of
their width (what is a little below 0)."""


class Limits(NamedTuple):
    """The least and the greatest value of each channel of rows, rounding included."""

    low: Float64Array
    high: Float64Array


class Contents(NamedTuple):
    """What a raw file holds.

    Attributes
    ----------
    path : Path
        For messages.
    layout : RadiationLayout
    columns : int
    datasets : dict of str to StoredDataset
        Those of the layout that the file has, open as long as the file is.
    limits : dict of str to Limits
        Of ``inputs``, and of ``targets`` and ``tripleclouds`` where the file has them.
    present : frozenset of str
        Of what is optional: ``targets``, ``tripleclouds``, ``latitude``, ``longitude``,
        ``pressure_hl``.
    """

    path: Path
    layout: RadiationLayout
    columns: int
    datasets: dict[str, StoredDataset]
    limits: dict[str, Limits]
    present: frozenset[str]

    def channel(self, name: str) -> tuple[StoredDataset, int]:
        """Return the dataset that holds a variable, and its place among the channels there."""
        for dataset, channels in CHANNELS.items():
            if name in channels:
                return self.datasets[dataset], list(channels).index(name)
        return self.datasets[name], 0


def inspect(file: RawFile) -> Contents:
    """Check names, shapes, channels and units of an open raw file; no values are read.

    Raises
    ------
    ValueError
        It is not in the layout. The message has file, dataset, what was found and expected.
    """
    path = file.path
    missing = [name for name in CHANNELS if name not in file]
    if missing:
        raise ValueError(
            f"{path}: no dataset {', '.join(missing)}; expected {', '.join(CHANNELS)}, "
            f"found {', '.join(sorted(file)) or 'none'}"
        )
    columns, layout = _size(file["col_inputs"])
    present = set(PLACES[name] for name in PLACES if name in file) | {"pressure_hl"} & set(file)
    for group, names in GROUPS.items():
        found = [name for name in names if name in file]
        if found:
            present.add(group)
        if 0 < len(found) < len(names):
            raise ValueError(
                f"{path}: of the {group} it has {', '.join(found)}, but not "
                f"{', '.join(name for name in names if name not in found)}; expected all or none"
            )
    sizes = {**layout.sizes, "column": columns}
    datasets = {name: find_stored(file[name], name, sizes) for name in DIMENSIONS if name in file}
    contents = Contents(path, layout, columns, datasets, {}, frozenset(present))
    rows = {"inputs": layout.inputs, "targets": layout.outputs, "tripleclouds": layout.tripleclouds}
    for group, variables in rows.items():
        if group == "inputs" or group in present:
            contents.limits[group] = _limits(contents, variables)
    return contents


def _size(variable: RawVariable) -> tuple[int, RadiationLayout]:
    """Return the columns and the levels of ``col_inputs``, by the names of its axes, or places."""
    dimensions = DIMENSIONS["col_inputs"]
    axes = named_axes(variable, dimensions)
    rest = (i for i in range(variable.ndim) if i not in axes.values())
    axes |= dict(zip((d for d in dimensions if d not in axes), rest, strict=False))
    shape = tuple(variable.shape[axes[d]] for d in dimensions if d in axes)
    channels = len(CHANNELS["col_inputs"])
    if variable.ndim < 3 or shape[1] < 2 or shape[2] != channels:
        raise ValueError(
            f"{variable.path}: col_inputs has shape {shape_of(variable)}, expected (column, "
            f"level, {channels}) with at least two levels; axes in another order need these names"
        )
    if not shape[0]:
        raise ValueError(
            f"{variable.path}: it has no columns; col_inputs has shape {variable.shape}"
        )
    return shape[0], RadiationLayout(levels=shape[1])


def _limits(contents: Contents, variables: Sequence[Variable]) -> Limits:
    """Return the bounds of each channel of rows, wider by what rounding and packing move."""
    sides = np.empty((2, sum(variable.channels for variable in variables)))
    first = 0
    for variable in variables:
        dataset, channel = contents.channel(variable.name)
        packing = dataset.rounding(channel)
        for levels, bounds in bounds_by_level(variable):
            around = packing + (ABSOLUTE * (bounds.high - bounds.low) if bounds.low <= 0 else 0)
            part = slice(first + levels.start, first + levels.stop)
            sides[0, part] = bounds.low - RELATIVE * abs(bounds.low) - around
            sides[1, part] = bounds.high + RELATIVE * abs(bounds.high) + around
        first += variable.channels
    return Limits(*sides)
