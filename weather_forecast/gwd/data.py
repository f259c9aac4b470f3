"""Columns of the atmosphere as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.datamodule import Stage
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.tables import Table
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.reservoir import thinning
from ai4sim.io.hdf5 import open_hdf5
from ai4sim.normalization import RunningStatistics
from weather_forecast.gwd.io.layout import (
    DATASETS,
    DragLayout,
    blocks,
    layout_of,
    read_layout,
    write_like,
)

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

    with open_hdf5(path) as file:
        layout, grid = layout_of(file, path), file["x"].shape[1:]
        raw = {name: dataset for name, dataset in DATASETS.items() if dataset in file}
        widths = {name: file[dataset].shape[: -len(grid)] for name, dataset in raw.items()}
        row_bytes = 4 * sum(sum(width) for width in widths.values())
        boxes = blocks(grid, max(BLOCK_BYTES // row_bytes, 1))
        scattered = any(file[dataset].chunks for dataset in raw.values())
    # A chunk of the file usually has one row and many columns: to read it once, unpack it first.
    unpack = scattered and len(boxes) > 1
    source = _unpacked(path, scratch, list(raw.values())) if unpack else path
    columns = [math.prod(part.stop - part.start for part in box) for box in boxes]
    content: dict[str, Any] = {"attributes": {"layout": asdict(layout)}}
    read = {
        name: [delayed(read_block)(source, dataset, box, path) for box in boxes]
        for name, dataset in raw.items()
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


def read_block(source: Path, name: str, box: tuple[slice, ...], path: Path) -> NDArray[np.float32]:
    """Read a box of the grid: ``(column, row)`` of a dataset with rows, else ``(column,)``.

    `source` is the raw file or its unpacked copy, `path` the raw file, for messages.

    Raises
    ------
    ValueError
        A value is not finite.
    """
    with open_hdf5(source) as file:
        dataset = file[name]
        leading = dataset.ndim - len(box)
        values = dataset[(*(slice(None) for _ in range(leading)), *box)]
    values = values.astype(np.float32, copy=False)
    finite = np.isfinite(values)
    if not finite.all():
        place = [int(i) for i in np.argwhere(~finite)[0]]
        where = [i + part.start for i, part in zip(place[leading:], box, strict=True)]
        row = f" in row {place[0]}" if leading else ""
        raise ValueError(
            f"{path}: /{name} holds {float(values[tuple(place)])}{row} at grid point {where}, the "
            f"first of {int((~finite).sum())} values in this block that are NaN or infinite in "
            "single precision"
        )
    return np.ascontiguousarray(values.reshape(*values.shape[:leading], -1).T)


def _unpacked(path: Path, scratch: Path, names: Sequence[str]) -> Path:
    """Copy a raw file whose datasets lie in chunks to one in which they do not."""
    copy = scratch / "unpacked.h5"
    with open_hdf5(path) as raw, h5py.File(copy, "w") as file:
        for name in names:
            chunked, whole = raw[name], file.create_dataset(name, raw[name].shape, np.float32)
            for part in chunked.iter_chunks() if chunked.chunks else range(len(chunked)):
                whole[part] = chunked[part]
    return copy


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

    recipe, double, scratch = "columns-2", MOMENTS, True
    process = staticmethod(process)
    read_layout = staticmethod(read_layout)
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
        if self.latitude and "latitude" not in table.arrays:
            raise ValueError(
                f"{path}: no dataset /{DATASETS['latitude']} [degrees north]. Add it to the file; "
                "or say --data.latitude false, if the model does not need it (its latitude is NaN "
                "then)"
            )
        return table

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
