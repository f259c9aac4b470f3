"""Raw files: reading them with every check, and writing them so that netCDF programs read them.

What the datasets are is told in :mod:`weather_forecast.bias_correction.io.layout`. Files are
netCDF of any kind, or HDF5 in the form of netCDF-4, and are read as their attributes say: packed
values, missing ones, units, names of channels and of dimensions (:mod:`ai4sim.io.raw`).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from torch import Tensor

from ai4sim.forecast import SUFFIX
from ai4sim.io.files import check_shapes
from ai4sim.io.netcdf import LOCK, create
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import STORAGE, RawFile, RawVariable
from ai4sim.variables import Float32Array
from weather_forecast.bias_correction.io.checks import check_block
from weather_forecast.bias_correction.io.inspection import Contents, inspect
from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    DIMENSIONS,
    GROUPS,
    HALF_PROFILES,
    PLACES,
    TARGETS,
    UNITS,
    RadiationLayout,
)

BLOCK_COLUMNS = 512
"""Columns that are read at once, some 10 MB."""
MOST_COLUMNS = 8192
"""At most, where a chunk of the file has more columns than that: chunks are unpacked twice then."""
WRITTEN_AT_ONCE = 2048  # columns


def read_layout(path: Path | str) -> RadiationLayout:
    """Tell the levels of a raw file, and check its datasets; see :func:`inspect`."""
    with open_raw(path) as file:
        return inspect(file).layout


def read_columns(
    path: Path | str, start: int = 0, stop: int | None = None
) -> dict[str, Float32Array]:
    """Read columns of a raw file, by default all.

    Returns
    -------
    dict
        ``inputs : (column, channel)`` and, of what the file has, ``targets : (column, channel)``,
        ``tripleclouds : (column, 4 x half_level)``, ``latitude`` and ``longitude : (column,)``, in
        the units of :mod:`weather_forecast.bias_correction.io.layout`.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`ai4sim.io.raw.open_raw`, :func:`inspect` and :func:`read_block`.
    """
    with open_raw(path) as file:
        contents = inspect(file)
        last = contents.columns if stop is None else min(stop, contents.columns)
        return read_block(contents, start, last)


def read_groups(path: Path | str, variable: str) -> NDArray[np.int64]:
    """Read a variable of whole numbers, one per column, such as ``base_block``.

    Raises
    ------
    ValueError
        The file has no such variable, or other values in it.
    """
    with open_raw(path) as file:
        columns = inspect(file).columns
        found = file[variable] if variable in file else None
        if found is None or math.prod(found.shape) != columns or columns not in found.shape:
            raise ValueError(
                f"{path}: expected a variable {variable} ({columns},), the block of each column; "
                f"of that shape it has {', '.join(_per_column(file, columns)) or 'none'}"
            )
        values = found.read().reshape(-1)
    with np.errstate(invalid="ignore"):
        groups = values.astype(np.int64)
    (wrong,) = np.nonzero(groups != values)
    if len(wrong):
        raise ValueError(
            f"{path}: {variable} holds numbers that are not whole: {values[wrong[0]]:g} at column "
            f"{wrong[0]}, the first of {len(wrong)}"
        )
    return groups


def _per_column(file: RawFile, columns: int) -> list[str]:
    """Return the variables that have one value per column; what cannot be opened is none."""
    names = []
    for name in sorted(file.names):
        with contextlib.suppress(ValueError):
            if file[name].shape == (columns,):
                names.append(name)
    return names


def read_blocks(contents: Contents) -> Iterator[dict[str, Float32Array]]:
    """Read an open file block by block, each chunk of it once where it has chunks."""
    chunk = max(dataset.chunk for dataset in contents.datasets.values())
    step = min(-(-BLOCK_COLUMNS // chunk) * chunk, max(MOST_COLUMNS, BLOCK_COLUMNS))
    for start in range(0, contents.columns, step):
        yield read_block(contents, start, min(start + step, contents.columns))


def read_block(contents: Contents, start: int, stop: int) -> dict[str, Float32Array]:
    """Read the columns `start` to `stop` of an open file; see :func:`read_columns`.

    Raises
    ------
    ValueError
        A value cannot be read, or cannot be right (:func:`.checks.check_block`).
    """
    block = {"inputs": _rows(contents, tuple(CHANNELS), start, stop)}
    for group, names in GROUPS.items():
        if group in contents.present:
            block[group] = _rows(contents, names, start, stop)
    for name, place in PLACES.items():
        if place in contents.present:
            block[place] = _rows(contents, (name,), start, stop)[:, 0]
    check_block(contents, block, start)
    return block


def _rows(contents: Contents, names: Sequence[str], start: int, stop: int) -> Float32Array:
    """Read datasets one beside the other: (column, channels x levels)."""
    widths = {name: math.prod(contents.datasets[name].shape[1:]) for name in names}
    rows = np.empty((stop - start, sum(widths.values())), np.float32)
    done = 0
    for name, width in widths.items():
        # Cutting an axis in two gives a view: this reads straight into the rows.
        channels = len(contents.datasets[name].order)
        part = rows[:, done : done + width].reshape(stop - start, channels, -1)
        contents.datasets[name].fill(part, start)
        done += width
    return rows


def write_columns(
    path: Path | str,
    layout: RadiationLayout,
    inputs: Tensor | Float32Array,
    targets: Tensor | Float32Array | None = None,
    latitude: Tensor | Float32Array | None = None,
    longitude: Tensor | Float32Array | None = None,
    *,
    tripleclouds: Tensor | Float32Array | None = None,
    extras: Mapping[str, ArrayLike] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write columns as one raw file, float32, atomically.

    Parameters
    ----------
    path : path
        Its folder is made if absent.
    layout : RadiationLayout
    inputs, targets : (column, input_channels), (column, output_channels)
        The second one is optional.
    latitude, longitude : (column,)  [degrees], optional
    tripleclouds : (column, 4 x half_level)  [W/m2], optional
    extras : mapping of str to (column,), optional
        Further variables, such as ``base_block``; they keep their type.
    attributes : mapping, optional
        Facts about the file, plain numbers and strings.

    Raises
    ------
    ValueError
        A shape does not fit; nothing is written.
    """
    columns = len(inputs)
    given = {
        "inputs": (inputs, (columns, layout.input_channels)),
        "targets": (targets, (columns, layout.output_channels)),
        "latitude": (latitude, (columns,)),
        "longitude": (longitude, (columns,)),
        "tripleclouds": (tripleclouds, (columns, layout.tripleclouds_channels)),
    }
    extra = {name: np.asarray(values) for name, values in (extras or {}).items()}
    given.update({name: (values, (columns,)) for name, values in extra.items()})
    check_shapes(path, given, f" ({layout.levels} levels)")
    with _create(path, layout, columns) as file:
        for name, rows in _cut(inputs, layout, tuple(CHANNELS)):
            channels = {"channel_names": CHANNELS[name], "channel_units": CHANNELS[name].values()}
            _write(file, name, rows, {key: ",".join(texts) for key, texts in channels.items()})
            if name == "hl_inputs":
                place = list(HALF_PROFILES).index("pressure_hl") * (layout.levels + 1)
                _write(file, "pressure_hl", rows[:, place : place + layout.levels + 1])
        for group, values in (("targets", targets), ("tripleclouds", tripleclouds)):
            if values is not None:
                for name, rows in _cut(values, layout, GROUPS[group]):
                    _write(file, name, rows)
        for name, values in (("lat", latitude), ("lon", longitude)):
            if values is not None:
                _write(file, name, values)
        for name, values in extra.items():
            _write(file, name, values, dtype=values.dtype)
        file.setncatts(dict(attributes or {}))


def write_like(
    source: Path | str,
    destination: Path | str,
    outputs: Tensor | Float32Array,
    spread: Tensor | Float32Array | None = None,
) -> None:
    """Write predictions for a raw file: its targets, with their names, dimensions and attributes.

    Latitude and longitude are copied. The inputs, which are five times as large, are not. Values
    are plain numbers in the units of the layout, however the source stores its own.

    Parameters
    ----------
    source : path
        It needs no targets itself.
    destination : path
    outputs : (column, output_channels)
        It may be mapped into memory.
    spread : (column, output_channels), optional
        The standard deviations: datasets ``NAME_spread``.

    Raises
    ------
    ValueError
        It does not fit the source.
    """
    with open_raw(source) as raw:
        contents = inspect(raw)
        layout, columns = contents.layout, contents.columns
        given = {"outputs": (outputs, (columns, layout.output_channels))}
        if spread is not None:
            given["spread"] = spread, (columns, layout.output_channels)
        check_shapes(source, given)
        places = {
            name: contents.datasets[name].converted(0, columns)
            for name in PLACES
            if name in contents.datasets
        }
        with _create(destination, layout, columns) as file:
            for name, rows in _cut(outputs, layout, TARGETS):
                _write(file, name, rows, _attributes(raw[name] if name in raw else None))
            if spread is not None:
                for name, rows in _cut(spread, layout, TARGETS):
                    _write(file, name, rows, suffix=SUFFIX)
            for name, values in places.items():
                _write(file, name, values, _attributes(raw[name]), values.dtype)
            file.setncatts(_attributes(raw))


@contextlib.contextmanager
def _create(path: Path | str, layout: RadiationLayout, columns: int) -> Iterator[Any]:
    """Give a new netCDF file with the dimensions of the layout."""
    with LOCK, create(path) as file:
        file.set_fill_off()
        for name, size in {"column": columns, **layout.sizes}.items():
            file.createDimension(name, size)
        yield file


def _cut(
    rows: Tensor | Float32Array, layout: RadiationLayout, names: Sequence[str]
) -> Iterator[tuple[str, Tensor | Float32Array]]:
    """Divide rows of channels by dataset."""
    start = 0
    for name in names:
        width = math.prod(layout.sizes[dimension] for dimension in DIMENSIONS[name][1:])
        yield name, rows[:, start : start + width]
        start += width


def _write(
    file: Any,
    name: str,
    rows: Tensor | NDArray[Any],
    attributes: Mapping[str, Any] | None = None,
    dtype: DTypeLike = np.float32,
    suffix: str = "",
) -> None:
    """Write rows (column, channels x levels), or (column,), block by block."""
    dimensions = DIMENSIONS.get(name, ("column",))
    variable = file.createVariable(
        name + suffix, dtype, dimensions, contiguous=True, fill_value=False
    )
    variable.set_auto_maskandscale(False)
    variable.setncatts({**(attributes or {}), **({"units": UNITS[name]} if name in UNITS else {})})
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        block = rows[start : start + WRITTEN_AT_ONCE]
        values = block.detach().cpu().numpy() if isinstance(block, Tensor) else block
        if variable.ndim == 3:
            values = values.reshape(len(values), variable.shape[2], -1).transpose(0, 2, 1)
        variable[start : start + len(values)] = np.ascontiguousarray(values, dtype)


def _attributes(source: RawVariable | RawFile | None) -> dict[str, Any]:
    """Return the attributes of a variable or of a file, but for those of its storage and units.

    Those of types that netCDF does not have (compounds, references, matrices) are left out.
    """
    found: dict[str, Any] = {}
    for name, value in source.attributes.items() if source is not None else ():
        if name in STORAGE or name == "units" or "/" in name:
            continue
        if not isinstance(value, str | list):
            value = np.asarray(value)
            if value.dtype.kind not in "iufb" or value.ndim > 1 or not value.size:
                continue
            others = {"?": "i1", "e": "f4"}  # truth values and half precision have others
            value = value.astype(others.get(value.dtype.char, value.dtype.newbyteorder("=")))
        found[name] = value
    return found
