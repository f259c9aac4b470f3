"""Columns of the atmosphere as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.datamodule import Stage
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.rows import read_ahead
from ai4sim.data.streaming import Blocks
from ai4sim.data.tables import Table
from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.reservoir import thinning
from ai4sim.io.raw import open_raw
from ai4sim.io.times import decode_times, has_date
from ai4sim.normalization import RunningStatistics
from ai4sim.io.copies import linked_files
from weather_forecast.gwd.io.layout import read_layout, write_like
from weather_forecast.gwd.io.raw_files import (
    DATASETS,
    ColumnFile,
    blocks,
    open_columns,
    unpacked,
)
from weather_forecast.gwd.io.rows import DragLayout, bounds_of

MOMENTS = tuple(f.name for f in fields(CrossMoments) if f.name != "count")
BLOCK_BYTES = 2**22
"""Size of the blocks of columns that raw files are processed in."""


def process(path: Path, scratch: Path) -> Blocks:
    """Turn a raw file into rows of columns, and take their moments; see :mod:`ai4sim.data.cache`.

    Yields
    ------
    dict
        Blocks of ``inputs : (column, input_channels)``, ``targets : (column, output_channels)``,
        ``latitude : (column,)``, of what the file has.

    Returns
    -------
    dict
        With targets, the arrays of :class:`ai4sim.evaluation.moments.CrossMoments`; the attribute
        ``layout``; the sources, files that links lead to.

    Raises
    ------
    ValueError
        The file cannot be read, is not in the layout, or holds values that cannot be.
    """
    moments: CrossMoments | None = None
    without_drag: list[NDArray[np.intp]] = []
    count = 0
    with open_columns(path) as file, contextlib.ExitStack() as stack:
        file.check_latitude()
        fields, layout = file.fields, file.layout
        sources = linked_files(file.raw, [field.variable.name for field in fields.values()])
        widths = {"inputs": layout.input_channels, "targets": layout.output_channels}
        row_bytes = 4 * sum(widths.get(name, 1) for name in fields)
        boxes = blocks(file.grid, max(BLOCK_BYTES // row_bytes, 1))
        # A chunk usually has one row and many columns: to read it once, unpack it first.
        if len(boxes) > 1 and any(field.variable.chunks for field in fields.values()):
            fields = stack.enter_context(unpacked(file, scratch / "unpacked.h5"))
        read = ({name: field.columns(box) for name, field in fields.items()} for box in boxes)
        for block in read_ahead(read):
            if "targets" in block:
                of_block = CrossMoments.of(block["inputs"], block["targets"])
                moments = moments.merge(of_block) if moments else of_block
                without_drag.append(count + np.flatnonzero(~block["targets"].any(axis=1)))
            count += len(block["inputs"])
            yield block
        if layout.scheme == "nogwd" and without_drag:
            _check_drag(file, np.concatenate(without_drag), count)
    found = {name: getattr(moments, name) for name in MOMENTS} if moments else {}
    return {**found, "attributes": {"layout": asdict(layout)}, "sources": sources}


def _check_drag(file: ColumnFile, without: NDArray[np.intp], count: int) -> None:
    """Raise ValueError if some columns, not all, have no drag at all: such waves act on each."""
    if 0 < len(without) < count:
        place = [int(i) for i in np.unravel_index(without[0], file.grid)]
        raise ValueError(
            f"{file.path}: {DATASETS['targets']} is 0 in all rows at grid point {place}, the first "
            f"of {len(without)} such columns of {count}: were they never written?"
        )


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

    def times_of(self, path: Path) -> NDArray[np.datetime64] | None:
        """Return the times of the variable ``time``; where it has no dates, that of the name."""
        with open_raw(path) as raw:
            if "time" in raw and has_date(raw["time"].units):
                time = raw["time"]
                with contextlib.suppress(ValueError):  # a calendar of model years
                    calendar = time.attributes.get("calendar")
                    return decode_times(time.read().ravel(), str(time.units), calendar)
        return super().times_of(path)

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
