"""Columns of the atmosphere as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, fields
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ai4sim.data.datamodule import Stage
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.tables import Table
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.reservoir import thinning
from ai4sim.normalization import RunningStatistics
from weather_forecast.gwd.io.layout import read_layout, write_like
from weather_forecast.gwd.io.raw_files import (
    DATASETS,
    blocks,
    open_columns,
    read_block,
    unpack,
)
from weather_forecast.gwd.io.rows import DragLayout, bounds_of

MOMENTS = tuple(f.name for f in fields(CrossMoments) if f.name != "count")
BLOCK_BYTES = 2**22
"""Size of the blocks of columns that raw files are processed in."""


def process(path: Path, scratch: Path) -> dict[str, Any]:
    """Turn a raw file into rows of columns, and take their moments; see :mod:`ai4sim.data.cache`.

    Returns
    -------
    dict
        Dask arrays ``inputs : (column, input_channels)``, ``targets : (column, output_channels)``,
        ``latitude : (column,)`` of what the file has, with targets also those of
        :class:`ai4sim.evaluation.moments.CrossMoments`; the attribute ``layout``.
    """
    import dask.array
    from dask import delayed

    with open_columns(path) as file:
        layout, datasets = file.layout, file.fields
        file.check_latitude()
        widths = {
            "inputs": (layout.input_channels,),
            "targets": (layout.output_channels,),
            "latitude": (),
        }
        row_bytes = 4 * sum(math.prod(widths[name]) for name in datasets)
        boxes = blocks(file.grid, max(BLOCK_BYTES // row_bytes, 1))
        scattered = any(dataset.variable.chunks for dataset in datasets.values())
        # A chunk usually has one row and many columns: to read it once, unpack it first.
        copy = scratch / "unpacked.h5" if scattered and len(boxes) > 1 else None
    if copy is not None:
        unpack(path, copy)
    columns = [math.prod(part.stop - part.start for part in box) for box in boxes]
    content: dict[str, Any] = {"attributes": {"layout": asdict(layout)}}
    read = {
        name: [delayed(read_block)(path, name, box, copy) for box in boxes] for name in datasets
    }
    for name, parts in read.items():
        content[name] = dask.array.concatenate(
            [
                dask.array.from_delayed(part, (n, *widths[name]), np.float32)
                for part, n in zip(parts, columns, strict=True)
            ]
        )
    if "targets" in read:
        # One after the other: as many moments as blocks would take more memory than the blocks.
        of_blocks = map(delayed(CrossMoments.of), read["inputs"], read["targets"])
        moments = reduce(delayed(CrossMoments.merge), of_blocks)
        shapes = CrossMoments.shapes(layout.input_channels, layout.output_channels)
        for name in MOMENTS:
            part = delayed(getattr)(moments, name)
            content[name] = dask.array.from_delayed(part, shapes[name], np.float64)
    return content


class ColumnDataModule(RowDataModule[DragLayout]):
    """Columns and the tendencies that a gravity wave drag scheme gives them.

    The raw layout is that of :mod:`weather_forecast.gwd.io.layout`, one file per date. A batch has
    ``inputs : (batch, input_channels)``, ``targets : (batch, output_channels)`` [m/s2] (not in
    prediction) and ``latitude : (batch,)`` [degrees north], NaN where the file has none; for
    evaluation also ``file`` and ``rows``, where it is from.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`. By default dates are cut into
        blocks of time, `gap` files apart.
    latitude : bool
        Refuse files without latitude: the launch of non-orographic waves depends on it.
    **kwargs
        See :class:`ai4sim.data.row_datamodule.RowDataModule`; rows are columns.
    """

    recipe, double, scratch = "columns-3", MOMENTS, True
    process = staticmethod(process)
    read_layout = staticmethod(read_layout)
    bounds_of = staticmethod(bounds_of)
    write_like = staticmethod(write_like)
    served = {
        **dict.fromkeys(("train", "val", "test"), tuple(DATASETS)),
        "predict": ("inputs", "latitude"),
    }
    needed = {"targets": "dataset /y"}

    def __init__(self, data_path: str = "data", latitude: bool = True, **kwargs: Any) -> None:
        super().__init__(data_path=data_path, **kwargs)
        self.latitude = latitude

    def table(self, path: Path, stage: Stage) -> Table:
        """Open the columns of a raw file.

        Raises
        ------
        ValueError
            The file lacks what the stage needs, or its layout is another one than the others'.
        """
        table = super().table(path, stage)
        self._require_latitude(path, table.arrays)
        return table

    def require(self, path: Path, arrays: Container[str]) -> None:
        """Check that a raw file gives all arrays that training and test need; see the base."""
        super().require(path, arrays)
        self._require_latitude(path, arrays)

    def _require_latitude(self, path: Path, arrays: Container[str]) -> None:
        if self.latitude and "latitude" not in arrays:
            raise ValueError(
                f"{path}: no dataset /{DATASETS['latitude']} [degrees north]. Add it to the file; "
                "or say --data.latitude false, if the model does not need it (its latitude is NaN "
                "then)"
            )

    def widths(self, stage: Stage) -> dict[str, tuple[int, ...]]:
        """Shape of a row of the latitude, which may be absent."""
        return {"latitude": ()}

    @cached_property
    def _moments(self) -> CrossMoments:
        return CrossMoments.merged(self._moments_of(self.files("train")))

    def _moments_of(self, files: Iterable[Path]) -> Iterator[CrossMoments]:
        for path in files:
            self.table(path, "train")  # it must be fit for training
            arrays, _ = self.processed(path)
            yield CrossMoments.from_arrays(len(arrays["inputs"]), arrays)

    def statistics(self) -> tuple[RunningStatistics, RunningStatistics]:
        """Return the statistics of each row of x and of y over the training set."""
        return self._moments.x_statistics, self._moments.y_statistics

    def gram(self) -> CrossMoments:
        """Return the moments of the training set, of which ridge regression follows."""
        return self._moments

    def columns(self, most: int) -> Tensor:
        """Return up to so many columns of the training set, evenly spread over its files.

        Returns
        -------
        (column, input_channels)
        """
        files = self.files("train")
        parts = []
        for path in files:
            inputs = self.processed(path)[0]["inputs"]
            stride = thinning(len(inputs) * len(files), most)
            parts.append(torch.from_numpy(np.array(inputs[::stride])))
        return torch.cat(parts)
