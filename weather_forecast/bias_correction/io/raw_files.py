"""Raw files: reading them with every check, and writing them so that netCDF programs read them.

What the datasets are is told in :mod:`weather_forecast.bias_correction.io.layout`. Files are
netCDF-4, that is HDF5, of any byte order, chunks and compression. Channels go by name where the
file has the attribute ``channel_names``, else by place.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from torch import Tensor

from ai4sim.io.files import check_shapes
from ai4sim.io.hdf5 import open_hdf5
from ai4sim.io.netcdf import LOCK, create
from ai4sim.variables import Float32Array
from weather_forecast.bias_correction.io.inspection import Contents, inspect, trimmed
from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    DIMENSIONS,
    FLUXES,
    GROUPS,
    HALF_PROFILES,
    PLACES,
    TARGETS,
    TRIPLECLOUDS,
    RadiationLayout,
)

UNITS = {
    "pressure_hl": "Pa",
    **dict.fromkeys((*FLUXES, *TRIPLECLOUDS), "W m-2"),
    "hr_sw": "K d-1",
    "hr_lw": "K d-1",
    "lat": "degrees_north",
    "lon": "degrees_east",
}
PRESSURE_TOLERANCE = 1e-5  # the same number, perhaps rounded
WRITTEN_AT_ONCE = 2048  # columns
NETCDF_INTERNALS = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"}


def read_layout(path: Path | str) -> RadiationLayout:
    """Tell the levels of a raw file, and check its datasets; see :func:`inspect`."""
    with open_hdf5(path) as file:
        return inspect(file, path).layout


def read_columns(
    path: Path | str, start: int = 0, stop: int | None = None
) -> dict[str, Float32Array]:
    """Read columns of a raw file, by default all.

    Returns
    -------
    dict
        ``inputs : (column, channel)`` and, of what the file has, ``targets : (column, channel)``,
        ``tripleclouds : (column, 4 x half_level)``, ``latitude`` and ``longitude : (column,)``.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`ai4sim.io.hdf5.open_hdf5`, :func:`inspect` and :func:`read_block`.
    """
    with open_hdf5(path) as file:
        contents = inspect(file, path)
        last = contents.columns if stop is None else min(stop, contents.columns)
        return read_block(contents, start, last)


def read_groups(path: Path | str, variable: str) -> NDArray[np.int64]:
    """Read a variable of whole numbers, one per column, such as ``base_block``.

    Raises
    ------
    ValueError
        The file has no such variable.
    """
    with open_hdf5(path) as file:
        columns, found = inspect(file, path).columns, file.get(variable)
        if not isinstance(found, h5py.Dataset) or trimmed(found.shape) != (columns,):
            others = [n for n, d in file.items() if trimmed(d.shape) == (columns,)]
            raise ValueError(
                f"{path}: expected a variable {variable} ({columns},), the block of each column; "
                f"of that shape it has {', '.join(sorted(others)) or 'none'}"
            )
        values = found[...].reshape(-1)
    groups = values.astype(np.int64)
    if not (groups == values).all():
        raise ValueError(f"{path}: {variable} holds numbers that are not whole")
    return groups


def read_block(contents: Contents, start: int, stop: int) -> dict[str, Float32Array]:
    """Read the columns `start` to `stop` of an open file; see :func:`read_columns`.

    Raises
    ------
    ValueError
        A value is not finite in single precision, or pressure does not increase downward.
    """
    layout = contents.layout
    inputs = np.empty((stop - start, layout.input_channels), np.float32)
    done = 0
    for name, channels in CHANNELS.items():
        stored = _read(contents, name, start, stop)
        values = stored.reshape(stop - start, -1, len(channels))
        if name in contents.order:
            values = values[..., contents.order[name]]
        end = done + values[0].size
        # Cutting an axis in two gives a view: this transposes straight into the rows.
        rows = inputs[:, done:end].reshape(stop - start, len(channels), -1)
        rows[...] = values.transpose(0, 2, 1)
        if name == "hl_inputs":
            pressure = rows[:, list(HALF_PROFILES).index("pressure_hl")]
            _check_pressure(contents, start, pressure)
        done = end
    block: dict[str, Float32Array] = {"inputs": inputs}
    for group, names in GROUPS.items():
        if group in contents.present:
            parts = [_read(contents, name, start, stop) for name in names]
            block[group] = np.concatenate([part.reshape(stop - start, -1) for part in parts], 1)
    for name, place in PLACES.items():
        if place in contents.present:
            block[place] = _read(contents, name, start, stop).reshape(-1)
    return block


def _read(contents: Contents, name: str, start: int, stop: int) -> Float32Array:
    """Read columns of a dataset as finite numbers in single precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        values: Float32Array = contents.datasets[name][start:stop].astype(np.float32, copy=False)
        # One NaN or infinity makes the sum such, and a sum takes less than a look at each value.
        suspicious = not np.isfinite(values.sum())
    finite = np.isfinite(values) if suspicious else np.True_
    if not finite.all():
        place = np.argwhere(~finite)[0]
        raise ValueError(
            f"{contents.path}: {name} holds {float(values[tuple(place)])} at "
            f"{_where(name, contents, start, place.tolist())}, the first of "
            f"{int((~finite).sum())} values in this block that are NaN or infinite in single "
            "precision"
        )
    return values


def _where(name: str, contents: Contents, start: int, place: Sequence[int]) -> str:
    """Describe a place in a dataset, columns counted from the beginning of the file."""
    parts = []
    for dimension, index in zip(DIMENSIONS[name], place, strict=False):
        if dimension == "column":
            parts.append(f"column {start + index}")
        elif not dimension.endswith("_variable"):
            parts.append(f"{dimension} {index}")
        elif name in CHANNELS:
            order = contents.order.get(name)
            channel = index if order is None else order.tolist().index(index)
            parts.append(f"channel {index} ({list(CHANNELS[name])[channel]})")
    return ", ".join(parts)


def _check_pressure(contents: Contents, start: int, pressure: Float32Array) -> None:
    """Raise ValueError unless pressure increases, and is what ``pressure_hl`` says."""
    falling = pressure[:, 1:] <= pressure[:, :-1]
    falling[:, 0] |= pressure[:, 0] < 0
    if falling.any():
        column, level = np.argwhere(falling)[0]
        raise ValueError(
            f"{contents.path}: hl_inputs: the pressure of column {start + column} is "
            f"{pressure[column, level]:g} Pa at half_level {level}, then "
            f"{pressure[column, level + 1]:g} Pa; expected pressures >= 0 that increase from the "
            "top (index 0) downward"
        )
    if "pressure_hl" not in contents.present:
        return
    again = _read(contents, "pressure_hl", start, start + len(pressure))
    again = again.reshape(pressure.shape)
    differs = np.abs(again - pressure) > PRESSURE_TOLERANCE * pressure
    if differs.any():
        column, level = np.argwhere(differs)[0]
        raise ValueError(
            f"{contents.path}: at column {start + column}, half_level {level}, pressure_hl is "
            f"{again[column, level]:g} Pa, but hl_inputs has {pressure[column, level]:g} Pa"
        )


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


def write_like(source: Path | str, destination: Path | str, outputs: Tensor | Float32Array) -> None:
    """Write predictions for a raw file: its targets, with their names, dimensions and attributes.

    Latitude and longitude are copied. The inputs, which are five times as large, are not.

    Parameters
    ----------
    source : path
        It needs no targets itself.
    destination : path
    outputs : (column, output_channels)
        It may be mapped into memory.

    Raises
    ------
    ValueError
        It does not fit the source.
    """
    with open_hdf5(source) as raw:
        contents = inspect(raw, source)
        layout = contents.layout
        check_shapes(source, {"outputs": (outputs, (contents.columns, layout.output_channels))})
        with _create(destination, layout, contents.columns) as file:
            for name, rows in _cut(outputs, layout, TARGETS):
                _write(file, name, rows, _attributes(raw.get(name)))
            for name in PLACES:
                if name in raw:
                    values = raw[name][...].reshape(-1)
                    kind = values.dtype.newbyteorder("=")
                    _write(file, name, values, _attributes(raw[name]), kind)
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
) -> None:
    """Write rows (column, channels x levels), or (column,), block by block."""
    facts = {**({"units": UNITS[name]} if name in UNITS else {}), **(attributes or {})}
    fill, dimensions = facts.pop("_FillValue", False), DIMENSIONS.get(name, ("column",))
    variable = file.createVariable(name, dtype, dimensions, contiguous=True, fill_value=fill)
    variable.set_auto_maskandscale(False)
    variable.setncatts(facts)
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        block = rows[start : start + WRITTEN_AT_ONCE]
        values = block.detach().cpu().numpy() if isinstance(block, Tensor) else block
        if variable.ndim == 3:
            values = values.reshape(len(values), variable.shape[2], -1).transpose(0, 2, 1)
        variable[start : start + len(values)] = np.ascontiguousarray(values, dtype)


def _attributes(source: h5py.Dataset | h5py.File | None) -> dict[str, Any]:
    """Return the attributes of a dataset or of a file, but for those that netCDF writes itself."""
    return {
        key: value.decode() if isinstance(value, bytes) else value
        for key, value in (source.attrs.items() if source is not None else ())
        if key not in NETCDF_INTERNALS and not key.startswith(("_Netcdf4", "_NC", "_nc3"))
    }
