"""The layout of raw files of gravity wave drag: columns of air, and what the scheme makes of them.

One file holds one date; its name is the date. Every dataset has its rows along the first axis, the
horizontal grid along the others, ``(nlat, nlon)``, ``(36, 65440)`` or ``(column,)``:

===========  ===================================================================================
``/x``       profiles of u, v [m/s] and T [K] on n levels each, level 1 at the top; surface
             pressure [Pa]; geopotential of the lowest model level above the surface [m2/s2]; for
             the orographic scheme also the standard deviation [m], slope [1], anisotropy [1] and
             angle [rad] of the orography below the grid
``/y``       du/dt and dv/dt [m/s2] on the n levels; for the orographic scheme those of the waves,
             then those of the blocked flow. Absent where nobody has run the scheme
``/lat``     latitude [degrees north], on the grid. Not in every archive
===========  ===================================================================================

So /x has ``3 n + 2`` rows, or ``3 n + 6`` of the orographic scheme: the number alone says which
scheme it is and how many levels there are. In memory a column is a row, and a row of the file a
channel: /x is ``inputs : (column, input_channels)``, /y ``targets : (column, output_channels)``.

Files are written so. Those that say otherwise, by names of dimensions, the attributes ``rows`` and
``units``, or a variable of the levels, are read by :mod:`weather_forecast.gwd.io.raw_files` all the
same. :mod:`weather_forecast.gwd.io.rows` has the bounds of the variables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.forecast import SUFFIX, spread_of
from ai4sim.io.files import atomic_write, check_shapes
from ai4sim.io.raw_variables import STORAGE
from weather_forecast.gwd.io.attributes import described
from ai4sim.io.copies import copy_variables, name_axes, set_attributes
from weather_forecast.gwd.io.raw_files import DATASETS, Columns, blocks, open_columns
from weather_forecast.gwd.io.rows import LATITUDE, DragLayout

Values = Tensor | NDArray | Columns
WRITTEN_AT_ONCE = 2**26
"""Bytes of a dataset that are gathered in memory before they are written."""


def read_layout(path: Path | str) -> DragLayout:
    """Tell scheme and levels of a raw file, and check its datasets but for their values.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`weather_forecast.gwd.io.raw_files.open_columns`.
    """
    with open_columns(path) as file:
        return file.layout


def write_columns(
    path: Path | str,
    layout: DragLayout,
    inputs: Values,
    targets: Values | None,
    latitude: Values | None,
    grid_shape: Sequence[int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write columns as one raw file, float32, atomically.

    Parameters
    ----------
    path : path
        Its folder is made if absent.
    layout : DragLayout
    inputs : (column, input_channels)
    targets : (column, output_channels)  [m/s2], optional
    latitude : (column,)  [degrees north], optional
    grid_shape : sequence of int, optional
        Shape of the horizontal grid, the columns in C order; default (column,).
    attributes : mapping, optional
        Facts about the file, plain numbers and strings.

    Raises
    ------
    ValueError
        A shape does not fit; nothing is written.
    """
    grid = tuple(grid_shape) if grid_shape is not None else (len(inputs),)
    columns = math.prod(grid)
    given = {
        "inputs": (inputs, (columns, layout.input_channels)),
        "targets": (targets, (columns, layout.output_channels)),
        "latitude": (latitude, (columns,)),
    }
    variables = {
        "inputs": layout.inputs,
        "targets": layout.outputs,
        "latitude": (LATITUDE,),
    }
    facts = f" (scheme {layout.scheme}, {layout.levels} levels, grid {grid})"
    check_shapes(path, given, facts)
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        for name, (values, _) in given.items():
            if values is not None:
                dataset = _write(file, DATASETS[name], values, grid)
                dataset.attrs.update(described(variables[name]))
        file.attrs.update(dict(attributes or {}))


def write_like(
    source: Path | str, destination: Path | str, outputs: Values, spread: Values | None = None
) -> None:
    """Write a copy of a raw file with other tendencies, atomically.

    Parameters
    ----------
    source : path
        It needs no /y itself.
    destination : path
    outputs : (column, output_channels)  [m/s2]
        In the order of the grid of `source`. It may be mapped into memory.
    spread : (column, output_channels)  [m/s2], optional
        The standard deviations: a dataset /y_spread with the rows of /y.

    Raises
    ------
    ValueError
        It does not fit the source.
    """
    with open_columns(source) as raw:
        layout, grid = raw.layout, raw.grid
        shape = math.prod(grid), layout.output_channels
        given = {"y": (outputs, layout.outputs)}
        if spread is not None:
            given[f"y{SUFFIX}"] = spread, tuple(map(spread_of, layout.outputs))
        check_shapes(source, {name: (values, shape) for name, (values, _) in given.items()})
        targets = raw.fields.get("targets")
        kept = targets.variable.attributes if targets else {}
        with atomic_write(destination) as temporary, h5py.File(temporary, "w") as file:
            copy_variables(raw.raw, file, leave_out=("y", f"y{SUFFIX}"))
            for name, (values, variables) in given.items():
                written = _write(file, name, values, grid, raw.target_rows)
                if name == "y":
                    set_attributes(written, {k: v for k, v in kept.items() if k not in STORAGE})
                written.attrs.update(described(variables))
                name_axes(file, written, raw.target_dimensions)


def _write(
    file: h5py.File,
    name: str,
    values: Values,
    grid: tuple[int, ...],
    rows: NDArray[np.intp] | None = None,
) -> h5py.Dataset:
    """Write values (column, row), or (column,), block by block; a file keeps its rows first.

    With `rows`, these columns of the values, one after the other.
    """
    leading = tuple(values.shape[1:])
    dataset = file.create_dataset(name, (*leading, *grid), dtype=np.float32)
    start = 0
    for box in blocks(grid, max(WRITTEN_AT_ONCE // (4 * math.prod(leading)), 1)):
        shape = tuple(part.stop - part.start for part in box)
        stop = start + math.prod(shape)
        part = values[start:stop]
        part = part.detach().cpu().float().numpy() if isinstance(part, Tensor) else part
        part = part if rows is None else part[:, rows]
        dataset[(*(slice(None) for _ in leading), *box)] = part.T.reshape(*leading, *shape)
        start = stop
    return dataset
