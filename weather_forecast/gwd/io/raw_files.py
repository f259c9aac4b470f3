"""Raw files, read: rows of the layout, in its order and units, whatever the form of the file.

Files are netCDF or HDF5 of any kind, byte order, packing, chunks and compression
(:mod:`ai4sim.io.raw`). Axes are taken by name where they have names, rows by the attribute
``rows``; values are converted by the attribute ``units``; and a variable of the levels tells
whether the first one is that of the surface.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.ranges import check_range
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.io.units import Conversion
from ai4sim.variables import Float32Array, Variable
from weather_forecast.gwd.io.attributes import conversions_of, rows_of, upside_down
from weather_forecast.gwd.io.axes import Axes, axes_of_inputs, axes_on_grid, has_names
from weather_forecast.gwd.io.levels import surface_first
from weather_forecast.gwd.io.rows import LATITUDE, DragLayout, bounds_of

DATASETS = {"inputs": "x", "targets": "y", "latitude": "lat"}
"""Arrays in memory, and their datasets in files."""
Box = Sequence[slice]
"""A part of the grid, a slice per axis."""
LATITUDES_AT_ONCE = 2**20


@dataclass(frozen=True)
class Field:
    """A dataset of an open file, and how its values become those of the layout.

    Attributes
    ----------
    variable : RawVariable
    axes : Axes
    contents : tuple of Variable
        What the layout has, one after the other.
    rows : tuple of slice
        The rows of the file for each of them.
    conversions : tuple of Conversion
        To their units.
    unpacked : h5py.Dataset, optional
        A copy of the dataset by :func:`unpacked`, which is read instead.
    """

    variable: RawVariable
    axes: Axes
    contents: tuple[Variable, ...]
    rows: tuple[slice, ...]
    conversions: tuple[Conversion, ...]
    unpacked: h5py.Dataset | None = None

    @property
    def has_rows(self) -> bool:
        """Whether it has rows, not one value per column."""
        return self.axes.rows is not None

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of its axes, rows first, "" where they have none."""
        named = has_names(self.variable)
        return tuple(self.variable.dimensions[a] if named else "" for a in self.axes.order)

    def turned(self, index: Sequence[slice]) -> NDArray[Any]:
        """Read a part, given by a slice per axis of the file: rows first, in its own order."""
        if self.unpacked is not None:
            part: NDArray[Any] = self.unpacked[tuple(index[axis] for axis in self.axes.order)]
            return part
        return self.variable.read(tuple(index)).transpose(self.axes.order)

    def read(self, box: Box) -> Float32Array:
        """Read a box of the grid.

        Returns
        -------
        (row, *box), of the latitude (*box)
            In the order and the units of the layout.
        """
        index = [slice(None)] * self.variable.ndim
        for axis, part in zip(self.axes.grid, box, strict=True):
            if axis is not None:
                index[axis] = part
        values = self.turned(index)
        if None in self.axes.grid:
            lacking = tuple(None if axis is None else slice(None) for axis in self.axes.grid)
            values = np.broadcast_to(values[lacking], [part.stop - part.start for part in box])
        return self._arranged(values)

    def _arranged(self, values: NDArray[Any]) -> Float32Array:
        with np.errstate(over="ignore", invalid="ignore"):
            as_stored = all(found.identity for found in self.conversions)
            if as_stored and self._in_order:
                return values.astype(np.float32, copy=False)
            if not self.has_rows:
                return self.conversions[0].apply(values).astype(np.float32, copy=False)
            arranged = np.empty(values.shape, np.float32)
            start = 0
            for content, rows, found in zip(
                self.contents, self.rows, self.conversions, strict=True
            ):
                arranged[start : start + content.channels] = found.apply(values[rows])
                start += content.channels
        return arranged

    @property
    def _in_order(self) -> bool:
        ends = itertools.accumulate((v.channels for v in self.contents), initial=0)
        return all(
            (rows.start, rows.step) == (start, None)
            for rows, start in zip(self.rows, ends, strict=False)
        )

    def columns(self, box: Box) -> Float32Array:
        """Read a box of the grid as ``(column, row)``, or ``(column,)``, and check its values.

        Raises
        ------
        ValueError
            A value is missing, or beyond the bounds; see :func:`ai4sim.io.ranges.check_range`.
        """
        values = self.read(box)
        corner = [part.start for part in box]
        start = 0
        for content in self.contents:
            stop = start + content.channels
            part = values[start:stop] if self.has_rows else values[None]

            def place(index: Sequence[int], content: Variable = content, row: int = start) -> str:
                level = f", level {index[0] + 1}" if content.levels else ""
                rows = f"row {row + index[0]} ({content.name}{level}), " if self.has_rows else ""
                point = [i + first for i, first in zip(index[1:], corner, strict=True)]
                return f"{rows}grid point {point}"

            variable, bounds = self.variable, bounds_of(content)
            check_range(variable.path, variable.name, part, bounds, content.units, place)
            start = stop
        count = math.prod(part.stop - part.start for part in box)
        return np.ascontiguousarray(values.reshape(*values.shape[: self.has_rows], count).T)


class ColumnFile:
    """An open raw file.

    Attributes
    ----------
    path : Path
    raw : RawFile
    layout : DragLayout
    grid : tuple of int
        Shape of the horizontal grid.
    fields : dict of str to Field
        ``inputs``, and ``targets`` and ``latitude`` where the file has them.
    """

    def __init__(self, raw: RawFile, columns_first: bool = False) -> None:
        self.raw, self.path = raw, raw.path
        there = (*raw.names, *raw.groups)  # a group of such a name is refused
        found = {name: raw[dataset] for name, dataset in DATASETS.items() if dataset in there}
        x = raw[DATASETS["inputs"]]
        if x.ndim < 2:
            raise ValueError(f"{self.path}: x has shape {x.shape}, expected (row, *grid)")
        others = [variable for variable in found.values() if variable is not found["inputs"]]
        axes = {"inputs": axes_of_inputs(x, others, columns_first)}
        for name in found.keys() - axes.keys():
            axes[name] = axes_on_grid(found[name], x, axes["inputs"], columns_first)
        self.grid = tuple(x.shape[axis] for axis in axes["inputs"].order[1:])
        try:
            self.layout = DragLayout.of_rows(x.shape[axes["inputs"].order[0]])
        except ValueError as error:
            raise ValueError(f"{self.path}: x has shape {x.shape}: {error}{_hint(x)}") from None
        if not math.prod(self.grid):
            raise ValueError(f"{self.path}: x has shape {x.shape}: it has no columns")
        contents = {
            "inputs": self.layout.inputs,
            "targets": self.layout.outputs,
            "latitude": (LATITUDE,),
        }
        self.surface_first = surface_first(raw, self.layout)
        self.fields = {}
        for name, variable in found.items():
            self._check_shape(variable, axes[name], x)
            rows = rows_of(variable, contents[name])
            units = conversions_of(variable, contents[name], rows)
            if self.surface_first and name != "latitude":
                rows = tuple(map(upside_down, rows))
            self.fields[name] = Field(variable, axes[name], contents[name], rows, units)

    @property
    def target_rows(self) -> NDArray[np.intp] | None:
        """The order in which a file of this kind has the rows of /y, None if that of the layout."""
        if not self.surface_first:
            return None
        ends = itertools.accumulate((v.channels for v in self.layout.outputs), initial=0)
        return np.concatenate([np.arange(start, stop)[::-1] for start, stop in pairwise(ends)])

    @property
    def target_dimensions(self) -> tuple[str, ...]:
        """Names of the axes of /y, rows first, "" where they have none."""
        grid = self.fields["inputs"].dimensions[1:]
        own = self.fields["targets"].dimensions[0] if "targets" in self.fields else ""
        return (own or ("y_row" if any(grid) else ""), *grid)

    def _check_shape(self, variable: RawVariable, axes: Axes, x: RawVariable) -> None:
        rows = {"x": self.layout.input_channels, "y": self.layout.output_channels}
        expected = axes.shape(rows.get(variable.name), self.grid)
        if variable.shape != expected:
            raise ValueError(
                f"{self.path}: {variable.name} has shape {variable.shape}, expected {expected}: x "
                f"has shape {x.shape}, that is scheme {self.layout.scheme} with "
                f"{self.layout.levels} levels{_hint(x)}"
            )

    def check_latitude(self) -> None:
        """Refuse a latitude that may be in radians: without units, and small everywhere.

        Raises
        ------
        ValueError
            The message says which attribute tells it.
        """
        field = self.fields.get("latitude")
        if field is None or str(field.variable.attributes.get("units", "")).strip():
            return
        largest = max(np.abs(field.read(box)).max() for box in blocks(self.grid, LATITUDES_AT_ONCE))
        if largest <= math.pi / 2:
            raise ValueError(
                f"{self.path}: {field.variable.name} has no units, and no value beyond "
                f"{largest:.6g}: degrees or radians? Expected the attribute units, degrees_north "
                "or radian"
            )


@contextlib.contextmanager
def open_columns(path: Path | str, columns_first: bool = False) -> Iterator[ColumnFile]:
    """Open a raw file for reading.

    Parameters
    ----------
    path : path
    columns_first : bool
        Whether the columns are the first axis, the rows the last one, where axes have no names.

    Raises
    ------
    FileNotFoundError
        There is none.
    ValueError
        It cannot be read, or is not in this layout; the message has file and dataset, what was
        found and what was expected.
    """
    with open_raw(path) as raw:
        yield ColumnFile(raw, columns_first)


class Columns:
    """A dataset of an open file as an array ``(column, row)``, or ``(column,)``, read by parts.

    Parameters
    ----------
    file : ColumnFile
        On a grid of one axis.
    name : str
    """

    def __init__(self, file: ColumnFile, name: str) -> None:
        self.field = file.fields[name]
        rows = sum(content.channels for content in self.field.contents)
        self.shape = (*file.grid, *([rows] if self.field.has_rows else []))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, columns: slice) -> Float32Array:
        """Read some columns."""
        return self.field.columns([columns])


@contextlib.contextmanager
def unpacked(file: ColumnFile, copy: Path) -> Iterator[dict[str, Field]]:
    """Give the fields of a file as read from a copy of which any box is read fast.

    Parameters
    ----------
    file : ColumnFile
    copy : path
        It is written here: decoded, in one piece, rows first, in their order and units in the file.
    """
    with h5py.File(copy, "w") as other:
        for field in file.fields.values():
            order, variable = field.axes.order, field.variable
            shape = [variable.shape[axis] for axis in order]
            whole = other.create_dataset(variable.name, shape, np.float32)
            for part in _chunks(variable):
                with np.errstate(over="ignore", invalid="ignore"):
                    whole[tuple(part[axis] for axis in order)] = field.turned(part)
        yield {
            name: replace(field, unpacked=other[field.variable.name])
            for name, field in file.fields.items()
        }


def blocks(grid: Sequence[int], columns: int) -> list[tuple[slice, ...]]:
    """Cut a grid into boxes whose columns follow each other in C order.

    Parameters
    ----------
    grid : sequence of int
        Shape of the horizontal grid.
    columns : int
        Columns of a box, at most.

    Returns
    -------
    list of tuple of slice
        In C order; one slice per axis of the grid.
    """
    inner = math.prod(grid[1:])
    if inner > columns:
        rest = blocks(grid[1:], columns)
        return [(slice(i, i + 1), *box) for i in range(grid[0]) for box in rest]
    whole = tuple(slice(0, n) for n in grid[1:])
    step = max(columns // max(inner, 1), 1)
    return [(slice(i, min(i + step, grid[0])), *whole) for i in range(0, grid[0], step)]


def _hint(x: RawVariable) -> str:
    """Say what to do with a file whose columns seem to stand along its first axis."""
    if x.ndim != 2 or has_names(x):
        return ""
    try:
        DragLayout.of_rows(x.shape[-1])
    except ValueError:
        return ""
    return (
        ". If its columns stand along the first axis, name the dimensions, or let `python -m "
        "weather_forecast.gwd.synthetic.download --source maelstrom --url PATTERN` turn it"
    )


def _chunks(variable: RawVariable) -> Iterator[tuple[slice, ...]]:
    """Cut a variable into its chunks; one that has none, along its first axis."""
    chunks = variable.chunks or (1, *variable.shape[1:])
    steps = (range(0, n, size) for n, size in zip(variable.shape, chunks, strict=True))
    for corner in itertools.product(*steps):
        yield tuple(
            slice(start, min(start + size, n))
            for start, size, n in zip(corner, chunks, variable.shape, strict=True)
        )
