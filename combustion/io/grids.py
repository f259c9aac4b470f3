"""Files of flames on grids: readers and writers of the layouts of :mod:`combustion.io.layouts`.

Where a file names its dimensions (netCDF) they say which axis is which, else the layout does. Its
attribute ``axis_order`` must say the same. The coordinates of named dimensions tell the spacing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4sim.io.files import atomic_write
from ai4sim.io.names import case_of
from ai4sim.io.netcdf import LOCK, create
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile, RawVariable, plain
from ai4sim.io.units import convert_from
from combustion.io.facts import agree, facts_in, grid_spacing, repeated
from combustion.io.layouts import (
    FIELDS,
    PREDICTED,
    PROGRESS_TOLERANCE,
    FlameLayout,
    Snapshot,
    layout_in,
    read_field,
)

AXIS = re.compile(r"n?([xyz])(?:_?(?:les|c|coord\w*|axis|cent\w*))?", re.IGNORECASE)
"""Names of dimensions that say which axis they are."""
ORDER = re.compile(r"\W*([xyz])\W*([xyz])\W*([xyz])\b", re.IGNORECASE)
"""The order of the axes in the attribute ``axis_order``."""


def detect(path: Path | str) -> FlameLayout:
    """Tell the layout of a file from the name of its progress variable.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a readable HDF5 file, or none of the known progress variables is in it.
    """
    with open_raw(path) as file:
        return layout_in(_names(file), file.path)


def read_snapshot(
    path: Path | str, *, dx: float | None = None, require_target: bool = True
) -> Snapshot:
    """Read and check one file of either layout.

    Parameters
    ----------
    path : path
        The HDF5 file.
    dx : float, optional
        Grid spacing [m] for files whose attributes hold neither ``dx_les`` nor ``dx``.
    require_target : bool
        Refuse files without the flame surface density (training, testing); False to predict.

    Returns
    -------
    Snapshot
        With every field in memory order (nx, ny, nz), whatever the order in the file.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Unreadable, of no known layout, a field of the wrong shape, not finite or (c_bar) out of
        [0, 1], no target or no grid spacing.
    """
    path = Path(path)
    with open_raw(path) as file:
        layout = layout_in(_names(file), path)
        if require_target and layout.flame_surface_density not in file:
            raise ValueError(
                f"{path}: no dataset '{layout.flame_surface_density}' (the target, flame surface "
                f"density) in this file of layout '{layout.name}'; found {sorted(file)}. "
                "Files without a target can only be predicted."
            )
        attributes = facts_in(file)
        fields, order = _read_fields(file, layout)
        _check_coordinates(file, layout, attributes)
    snapshot = Snapshot(
        path=path,
        case=str(attributes.get("case") or case_of(path)),
        time=float(attributes.get("time", np.nan)),
        dx=grid_spacing(attributes, dx, path),
        attributes=attributes,
        **fields,
    )
    _check_repeated(snapshot)
    return snapshot


def write_snapshot(
    path: Path | str,
    fields: Mapping[str, ArrayLike],
    attributes: Mapping[str, Any],
    layout: FlameLayout,
) -> None:
    """Write fields given in memory order as one file of `layout`: float32, atomically.

    Parameters
    ----------
    path : path
        Destination; its folder is created. A file of that name is replaced once the new one is
        complete.
    fields : mapping
        Field name of `FIELDS` -> array (nx, ny, nz), ``progress_variable`` among them.
    attributes : mapping
        Facts about the flame, SI units; plain numbers and strings.
    layout : FlameLayout
        `CNF` or `R2`.
    """
    stored = {
        layout.stored(name): layout.reorder(values)
        for name, values in _checked_arrays(Path(path), fields).items()
    }
    _write_hdf5(Path(path), stored, attributes)


def _checked_arrays(path: Path, fields: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float32]]:
    unknown = sorted(set(fields) - {*FIELDS, *PREDICTED})
    if unknown or "progress_variable" not in fields:
        raise ValueError(
            f"{path}: cannot write the fields {sorted(fields)}; 'progress_variable' is needed and "
            f"the others must be of {list(FIELDS[1:])}"
        )
    arrays = {name: np.asarray(values, dtype=np.float32) for name, values in fields.items()}
    shape = arrays["progress_variable"].shape
    for name, values in arrays.items():
        if values.ndim != 3 or values.shape != shape:
            raise ValueError(
                f"{path}: field '{name}' has shape {values.shape}, expected three axes (x, y, z) "
                f"like 'progress_variable', which has {shape}"
            )
    return arrays


def _write_hdf5(
    path: Path, datasets: Mapping[str, NDArray[np.float32]], attributes: Mapping[str, Any]
) -> None:
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values)
        file.attrs.update(dict(attributes))


def write_like(
    source: Path | str, destination: Path | str, fields: Mapping[str, ArrayLike]
) -> None:
    """Write a copy of `source` in which `fields` replace (or join) what the file held.

    The copy has the layout, axis order and attributes of the source, so a prediction can be read
    wherever the raw file can: its flame surface density is then the model's.

    Parameters
    ----------
    source : path
        Raw file, of either layout; it needs no target and no grid spacing.
    destination : path
        File to write, atomically.
    fields : mapping
        Field name -> array (nx, ny, nz), SI units.
    """
    source = Path(source)
    with open_raw(source) as file:
        layout = layout_in(_names(file), source)
        kept, order = _read_fields(file, layout)
        facts, dimensions = file.attributes, file[layout.progress_variable].dimensions
        axes = {name: file[name].read() for name in dimensions if name in file.names}
        units = {name: file[name].units or "" for name in axes}
    arrays = _checked_arrays(Path(destination), {**kept, **fields})
    stored = {
        layout.stored(name): values.transpose(["xyz".index(axis) for axis in order])
        for name, values in arrays.items()
    }
    if not all(dimensions):
        _write_hdf5(Path(destination), stored, facts)
        return
    shape = stored[layout.progress_variable].shape
    with create(destination) as out, LOCK:
        out.setncatts(facts)
        for name, size in zip(dimensions, shape, strict=True):
            out.createDimension(name, size)
        for name, values in axes.items():
            out.createVariable(name, values.dtype, (name,))[:] = values
            out[name].units = units[name]
        for name, values in stored.items():
            out.createVariable(name, "f4", dimensions)[:] = values


def _names(file: RawFile) -> list[str]:
    """Return what stands in a file, groups too."""
    return [*file.names, *getattr(file, "groups", [])]


def _read_fields(file: RawFile, layout: FlameLayout) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Read all fields as (x, y, z); return them with the order of the axes in the file."""
    variables = {
        field: file[name] for field, name in layout.datasets.items() if name in _names(file)
    }
    first = variables["progress_variable"]
    order = _order_of(first, layout, file.attributes)
    fields = {}
    for field, variable in variables.items():
        if set(variable.dimensions) != set(first.dimensions):
            raise ValueError(
                f"{file.path}: {variable.name} has the dimensions {variable.dimensions}, expected "
                f"those of {first.name}, {first.dimensions}"
            )
        values = read_field(variable, field)
        found = _order_of(variable, layout, file.attributes)
        fields[field] = np.ascontiguousarray(values.transpose([found.index(a) for a in "xyz"]))
        if fields[field].shape != fields["progress_variable"].shape:
            raise ValueError(
                f"{file.path}: {variable.name} has shape {fields[field].shape} as (x, y, z), "
                f"{first.name} has {fields['progress_variable'].shape}; expected one grid for all "
                "fields"
            )
    return fields, order


def _order_of(variable: RawVariable, layout: FlameLayout, attributes: Mapping[str, Any]) -> str:
    """Return the axes of a variable in the order of the file, ``zyx`` for instance."""
    if variable.ndim != 3:
        raise ValueError(
            f"{variable.path}: {variable.name} has shape {variable.shape}, expected three axes "
            f"({', '.join(layout.axes)})"
        )
    names = [AXIS.fullmatch(name) for name in variable.dimensions]
    found = "".join(match[1].lower() for match in names if match)
    named = sorted(found) == ["x", "y", "z"]
    order = found if named else layout.axes
    text = str(plain(attributes.get("axis_order", ""))).strip()
    stated = ORDER.match(text)
    if text and (not stated or "".join(stated.groups()).lower() != order):
        by = "its dimensions are" if named else f"the axes of the layout '{layout.name}' are"
        raise ValueError(
            f"{variable.path}: the attribute axis_order is {text!r}, but {by} "
            f"{', '.join(order)} ({variable.name}): correct one of them, or name the dimensions "
            "(netCDF)"
        )
    return order


def _check_repeated(snapshot: Snapshot) -> None:
    """Check that planes repeat others where axis_order says so: it may be a wrong order."""
    for axis, letter in enumerate("xyz"):
        if letter in repeated(snapshot.attributes):
            first, last = (snapshot.progress_variable.take(i, axis) for i in (0, -1))
            difference = float(np.abs(first - last).max())
            if difference > PROGRESS_TOLERANCE:
                raise ValueError(
                    f"{snapshot.path}: by its attribute axis_order the last plane along {letter} "
                    f"repeats the first, but the progress variable differs by {difference:g}"
                )


def _check_coordinates(file: RawFile, layout: FlameLayout, attributes: dict[str, Any]) -> None:
    """Take the spacing from the coordinates of the axes, where they are there; check it."""
    dimensions = file[layout.progress_variable].dimensions
    for name in dimensions:
        if not name or name not in file.names or file[name].shape[0] < 2:
            continue
        steps = np.diff(convert_from(file[name], "m").apply(file[name].read()).astype(np.float64))
        step = float(steps.mean())
        if not step > 0 or np.ptp(steps) > 0.01 * step:
            raise ValueError(
                f"{file.path}: {name} has steps of {steps.min():g} ... {steps.max():g} m, expected "
                "an axis that ascends with equal steps"
            )
        known = attributes.get("dx_les", attributes.get("dx"))
        if known is not None and not agree(known, step):
            raise ValueError(
                f"{file.path}: {name} has steps of {step:g} m, expected the spacing of the grid, "
                f"{known:g} m, along all axes"
            )
        attributes.setdefault("dx_les", step)
