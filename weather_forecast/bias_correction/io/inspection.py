"""What a raw file holds: names, shapes and channels of its datasets, checked before any is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from weather_forecast.bias_correction.io.layout import (
    CHANNELS,
    DIMENSIONS,
    GROUPS,
    PLACES,
    RadiationLayout,
)


class Contents(NamedTuple):
    """What a raw file holds.

    Attributes
    ----------
    path : Path
        For messages.
    layout : RadiationLayout
    columns : int
    datasets : dict of str to h5py.Dataset
        Those of the layout that the file has, open as long as the file is.
    order : dict of str to array of int
        For each dataset of inputs whose channels stand in another order: where they are.
    present : frozenset of str
        Of what is optional: ``targets``, ``tripleclouds``, ``latitude``, ``longitude``,
        ``pressure_hl``.
    """

    path: Path
    layout: RadiationLayout
    columns: int
    datasets: dict[str, h5py.Dataset]
    order: dict[str, NDArray[np.intp]]
    present: frozenset[str]


def inspect(file: h5py.File, path: Path | str) -> Contents:
    """Check names, shapes and channels of an open raw file; no values are read.

    Raises
    ------
    ValueError
        It is not in the layout. The message has file, dataset, what was found and expected.
    """
    path = Path(path)
    missing = [name for name in CHANNELS if not isinstance(file.get(name), h5py.Dataset)]
    if missing:
        raise ValueError(
            f"{path}: no dataset {', '.join(missing)}; expected {', '.join(CHANNELS)}, "
            f"found {', '.join(sorted(file)) or 'none'}"
        )
    shape = file["col_inputs"].shape
    if len(shape) != 3 or shape[1] < 2 or shape[2] != len(CHANNELS["col_inputs"]):
        raise ValueError(
            f"{path}: col_inputs has shape {shape}, expected (column, level, "
            f"{len(CHANNELS['col_inputs'])}) with at least two levels"
        )
    columns, layout = shape[0], RadiationLayout(levels=shape[1])
    if not columns:
        raise ValueError(f"{path}: it has no columns; col_inputs has shape {shape}")
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
    for name in DIMENSIONS:
        if name in file:
            expected = tuple(sizes[dimension] for dimension in DIMENSIONS[name])
            if trimmed(file[name].shape) != trimmed(expected):
                raise ValueError(
                    f"{path}: {name} has shape {file[name].shape}, expected {expected} = "
                    f"({', '.join(DIMENSIONS[name])}): col_inputs has shape {shape}"
                )
    order = {}
    for name, channels in CHANNELS.items():
        found_order = _channel_order(file[name], tuple(channels), path)
        if found_order is not None:
            order[name] = found_order
    datasets = {name: file[name] for name in DIMENSIONS if name in file}
    return Contents(path, layout, columns, datasets, order, frozenset(present))


def trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without last axes of length one, which some programs leave out."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _channel_order(
    dataset: h5py.Dataset, expected: tuple[str, ...], path: Path
) -> NDArray[np.intp] | None:
    """Return where the channels are, None if they are in order or the file does not say."""
    stored = dataset.attrs.get("channel_names")
    if stored is None:
        return None
    parts = np.atleast_1d(stored).tolist()
    text = ",".join(p.decode() if isinstance(p, bytes) else str(p) for p in parts)
    found = [name for name in re.split(r"[,;\s]+", text) if name]
    if tuple(found) == expected:
        return None
    if sorted(found) == sorted(expected):
        return np.array([found.index(name) for name in expected])
    where = f"{path}: {dataset.name.strip('/')}, attribute channel_names"
    if len(found) != len(expected):
        raise ValueError(
            f"{where}: {len(found)} channels, expected {len(expected)}; missing "
            f"{sorted(set(expected) - set(found))}, unknown {sorted(set(found) - set(expected))}"
        )
    place = next(i for i, name in enumerate(found) if name not in expected or name in found[:i])
    raise ValueError(f"{where}: channel {place} is '{found[place]}', expected '{expected[place]}'")
