"""The content of a small raw file, to be written in many forms, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ai4sim.tests.forms import Content
from weather_forecast.gwd.data import process
from weather_forecast.gwd.io.rows import DragLayout

LAYOUT = DragLayout("nogwd", 3)
GRID = (4, 5)  # other lengths than those of the rows
DATASETS = {"inputs": "x", "targets": "y", "latitude": "lat"}


def contents(layout: DragLayout = LAYOUT, grid: tuple[int, ...] = GRID) -> dict[str, Content]:
    """Return x, y and lat of a file, float32, whose values are all different."""
    rng = np.random.default_rng(0)
    levels, rows = layout.levels, layout.input_channels
    means = np.array([*[0] * 2 * levels, *[250] * levels, 1e5, 98, 300, 0.1, 0.5, 0])[:rows]
    spreads = np.array([*[20] * 2 * levels, *[10] * levels, 1e3, 3, 50, 0.01, 0.1, 0.5])[:rows]
    x = means + spreads * rng.uniform(-1, 1, (*grid, rows))
    values: dict[str, NDArray] = {
        "x": np.moveaxis(x, -1, 0),
        "y": 1e-3 * rng.uniform(-1, 1, (layout.output_channels, *grid)),
        "lat": rng.uniform(-80, 80, grid),
    }
    units = {"x": ", ".join(v.units for v in layout.inputs), "y": "m/s2", "lat": "degrees_north"}
    axes = tuple(f"axis_{i}" for i in range(len(grid)))
    return {
        name: Content(
            (*(() if name == "lat" else (f"row_{name}",)), *axes),
            values[name].astype(np.float32),
            units[name],
        )
        for name in values
    }


def as_rows(content: dict[str, Content], axes: Sequence[int] = (0, 1)) -> dict[str, NDArray]:
    """Return the arrays that a content in the layout means, ``(column, row)`` or ``(column,)``.

    Columns are in C order of the grid with its axes in this order.
    """
    found = {}
    for name, dataset in DATASETS.items():
        values = content[dataset].values
        leading = dataset != "lat"
        values = values.transpose([*range(leading), *(axis + leading for axis in axes)])
        found[name] = values.reshape(*values.shape[:leading], -1).T
    return found


def read(path: Path) -> dict[str, NDArray]:
    """Return the rows that the preprocessing makes of a file, in small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("weather_forecast.gwd.data.BLOCK_BYTES", 1000)
        scratch = path.parent / "scratch"
        scratch.mkdir(exist_ok=True)
        blocks = list(process(path, scratch))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
