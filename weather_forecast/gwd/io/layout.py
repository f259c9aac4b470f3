"""The HDF5 layout of gravity wave drag: columns of air, and what the scheme makes of them.

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
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.io.files import atomic_write, check_shapes
from ai4sim.io.hdf5 import open_hdf5
from ai4sim.variables import ChannelLayout, Variable

Scheme = Literal["nogwd", "ogwd"]
DATASETS = {"inputs": "x", "targets": "y", "latitude": "lat"}
"""Arrays in memory, and their datasets in files."""
WRITTEN_AT_ONCE = 2**26
"""Bytes of a dataset that are gathered in memory before they are written."""


@dataclass(frozen=True)
class DragLayout(ChannelLayout):
    """What the rows of a file mean.

    Attributes
    ----------
    scheme : {"nogwd", "ogwd"}
        Non-orographic or orographic gravity wave drag.
    levels : int
        Full levels of a column, the first at the top.
    """

    scheme: Scheme
    levels: int

    @classmethod
    def of_rows(cls, rows: int) -> DragLayout:
        """Return the layout of files whose /x has this many rows.

        Raises
        ------
        ValueError
            No layout has.
        """
        surface, scheme = (6, "ogwd") if rows % 3 == 0 else (2, "nogwd")
        levels = (rows - surface) // 3
        if levels < 1 or rows != 3 * levels + surface:
            raise ValueError(
                f"{rows} rows of inputs, expected 3 n + 2 (nogwd) or 3 n + 6 (ogwd), "
                "n being the number of levels"
            )
        return cls("ogwd" if scheme == "ogwd" else "nogwd", levels)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """What the rows of /x are."""
        orography = (
            Variable("orography_std", "m"),
            Variable("orography_slope", "1"),
            Variable("orography_anisotropy", "1"),
            Variable("orography_angle", "rad"),
        )
        return (
            Variable("u", "m/s", self.levels),
            Variable("v", "m/s", self.levels),
            Variable("temperature", "K", self.levels),
            Variable("surface_pressure", "Pa"),
            Variable("geopotential", "m2/s2"),
            *(orography if self.scheme == "ogwd" else ()),
        )

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """What the rows of /y are."""
        parts = ("wave_", "blocking_") if self.scheme == "ogwd" else ("",)
        return tuple(
            Variable(f"{part}{wind}_tendency", "m/s2", self.levels)
            for part in parts
            for wind in ("u", "v")
        )


def read_layout(path: Path | str) -> DragLayout:
    """Tell scheme and levels of a raw file, and check the shapes of its datasets.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not in this layout: the message has the shapes found and expected.
    """
    with open_hdf5(path) as file:
        return layout_of(file, path)


def layout_of(file: h5py.File, path: Path | str) -> DragLayout:
    """Do the same for a file that is open; `path` is for messages."""
    x = file.get("x")
    if not isinstance(x, h5py.Dataset) or x.ndim < 2:
        found = f"one of shape {x.shape}" if isinstance(x, h5py.Dataset) else f"{sorted(file)}"
        raise ValueError(f"{path}: expected a dataset /x (row, *grid), found {found}")
    try:
        layout = DragLayout.of_rows(x.shape[0])
    except ValueError as error:
        raise ValueError(f"{path}: /x has shape {x.shape}: {error}") from None
    grid = x.shape[1:]
    for name, expected in (("y", (layout.output_channels, *grid)), ("lat", grid)):
        shape = getattr(file[name], "shape", None) if name in file else expected
        if shape != expected:
            raise ValueError(
                f"{path}: /{name} has shape {shape}, expected {expected}: /x has shape {x.shape}, "
                f"that is scheme {layout.scheme} with {layout.levels} levels"
            )
    return layout


def write_columns(
    path: Path | str,
    layout: DragLayout,
    inputs: Tensor | NDArray,
    targets: Tensor | NDArray | None,
    latitude: Tensor | NDArray | None,
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
        "latitude": (Variable("latitude", "degrees_north"),),
    }
    facts = f" (scheme {layout.scheme}, {layout.levels} levels, grid {grid})"
    check_shapes(path, given, facts)
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        for name, (values, _) in given.items():
            if values is not None:
                dataset = _write(file, DATASETS[name], values, grid)
                dataset.attrs["rows"] = ", ".join(f"{v.name} {v.channels}" for v in variables[name])
                dataset.attrs["units"] = ", ".join(v.units for v in variables[name])
        file.attrs.update(dict(attributes or {}))


def write_like(source: Path | str, destination: Path | str, outputs: Tensor | NDArray) -> None:
    """Write a copy of a raw file with other tendencies, atomically.

    Parameters
    ----------
    source : path
        It needs no /y itself.
    destination : path
    outputs : (column, output_channels)  [m/s2]
        In the order of the grid of `source`. It may be mapped into memory.

    Raises
    ------
    ValueError
        It does not fit the source.
    """
    with open_hdf5(source) as raw:
        layout, grid = layout_of(raw, source), raw["x"].shape[1:]
        check_shapes(source, {"outputs": (outputs, (math.prod(grid), layout.output_channels))})
        with atomic_write(destination) as temporary, h5py.File(temporary, "w") as file:
            for name in raw:
                if name != "y":
                    raw.copy(name, file)
            written = _write(file, "y", outputs, grid)
            if "y" in raw:
                written.attrs.update(dict(raw["y"].attrs))
            file.attrs.update(dict(raw.attrs))


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


def _write(
    file: h5py.File, name: str, values: Tensor | NDArray, grid: tuple[int, ...]
) -> h5py.Dataset:
    """Write values (column, row), or (column,), block by block; a file keeps its rows first."""
    rows = tuple(values.shape[1:])
    dataset = file.create_dataset(name, (*rows, *grid), dtype=np.float32)
    start = 0
    for box in blocks(grid, max(WRITTEN_AT_ONCE // (4 * math.prod(rows)), 1)):
        shape = tuple(part.stop - part.start for part in box)
        stop = start + math.prod(shape)
        part = values[start:stop]
        part = part.detach().cpu().float().numpy() if isinstance(part, Tensor) else part
        dataset[(*(slice(None) for _ in rows), *box)] = part.T.reshape(*rows, *shape)
        start = stop
    return dataset
