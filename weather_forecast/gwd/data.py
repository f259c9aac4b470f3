"""Columns of the atmosphere as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cached_property, reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.cache import ProcessedCache
from ai4sim.datamodule import Stage, SurrogateDataModule
from ai4sim.files import remove_stale_temporaries
from ai4sim.moments import CrossMoments
from ai4sim.normalization import RunningStatistics
from ai4sim.rows import GatheredRows, OrderedRows, RowArray, ShuffledRows, Table
from weather_forecast.gwd.layout import (
    INPUTS,
    LATITUDE,
    TENDENCIES,
    Layout,
    blocks,
    layout_of,
    open_file,
    read_layout,
    write_like,
)

logger = logging.getLogger(__name__)

Batch = dict[str, Any]
BATCH_NAMES = {INPUTS: "inputs", TENDENCIES: "targets", LATITUDE: "latitude"}
MOMENTS = tuple(f.name for f in fields(CrossMoments) if f.name != "count")
BLOCK_BYTES = 2**22
"""Size of the blocks of columns that raw files are processed in."""
GIB = 2**30


def process(path: Path, scratch: Path) -> dict[str, Any]:
    """Turn a raw file into rows of columns, and take their moments; see :mod:`ai4sim.cache`.

    Returns
    -------
    dict
        Dask arrays ``x : (column, x_rows)``, ``y : (column, y_rows)``, ``lat : (column,)`` of what
        the file has, with targets also those of :class:`ai4sim.moments.CrossMoments`; attributes
        ``scheme``, ``levels``, ``columns``.
    """
    import dask.array
    from dask import delayed

    with open_file(path) as file:
        layout, grid = layout_of(file, path), file[INPUTS].shape[1:]
        rows = {name: file[name].shape[0] for name in (INPUTS, TENDENCIES) if name in file}
        names = [name for name in (INPUTS, TENDENCIES, LATITUDE) if name in file]
        boxes = blocks(grid, max(BLOCK_BYTES // (4 * sum(rows.values())), 1))
        scattered = any(file[name].chunks for name in names)
    # A chunk of the file usually has one row and many columns: to read it once, unpack it first.
    source = _unpacked(path, scratch, names) if scattered and len(boxes) > 1 else path
    columns = [math.prod(part.stop - part.start for part in box) for box in boxes]
    content: dict[str, Any] = {
        "attributes": {
            "scheme": layout.scheme,
            "levels": layout.levels,
            "columns": sum(columns),
        }
    }
    read = {name: [delayed(read_block)(source, name, box, path) for box in boxes] for name in names}
    for name, parts in read.items():
        width = (rows[name],) if name in rows else ()
        content[name] = dask.array.concatenate(
            [
                dask.array.from_delayed(part, (n, *width), np.float32)
                for part, n in zip(parts, columns, strict=True)
            ]
        )
    if TENDENCIES in names:
        # One after the other: as many moments as blocks would take more memory than the blocks.
        of_blocks = map(delayed(CrossMoments.of), read[INPUTS], read[TENDENCIES])
        moments = reduce(delayed(CrossMoments.merge), of_blocks)
        shapes = CrossMoments.shapes(layout.x_rows, layout.y_rows)
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
    with open_file(source) as file:
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
    with open_file(path) as raw, h5py.File(copy, "w") as file:
        for name in names:
            chunked, whole = raw[name], file.create_dataset(name, raw[name].shape, np.float32)
            for part in chunked.iter_chunks() if chunked.chunks else range(len(chunked)):
                whole[part] = chunked[part]
    return copy


class ColumnDataModule(SurrogateDataModule):
    """Columns and the tendencies that a gravity wave drag scheme gives them.

    The raw layout is that of :mod:`weather_forecast.gwd.layout`, one file per date. Raw files are
    turned into rows once, block by block, under ``processed/``, and batches are read from there:
    neither needs the data to fit in memory. A batch has ``inputs : (batch, x_rows)``, ``targets :
    (batch, y_rows)`` [m/s2] (not in prediction) and ``latitude : (batch,)`` [degrees north], NaN
    where the file has none; for evaluation also ``file`` and ``rows``, where it is from.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.datamodule.SurrogateDataModule`. By default dates are cut into blocks of
        time, `gap` files apart.
    extra_data_path : list of str, optional
        Further folders with ``raw/``, all of whose files join the training set: columns that the
        own teacher has labelled, say.
    latitude : bool
        Refuse files without latitude: the launch of non-orographic waves depends on it.
    batch_size, eval_batch_size : int
        Columns per batch and process.
    pool_rows : int
        Columns that are shuffled at once where they do not all fit in memory.
    memory_limit : float
        Memory [GiB], per process, for training columns. If they all fit they are kept in it.
    device_resident : bool
        Keep them in the memory of the GPU instead.
    **kwargs
        See :class:`ai4sim.datamodule.SurrogateDataModule`; `num_workers` has no effect here.
    """

    def __init__(
        self,
        data_path: str = "data",
        extra_data_path: list[str] | None = None,
        latitude: bool = True,
        batch_size: int = 256,
        eval_batch_size: int = 8192,
        pool_rows: int = 131072,
        memory_limit: float = 4.0,
        device_resident: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_path=data_path,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **kwargs,
        )
        self.extra_data_path = [Path(folder).expanduser() for folder in extra_data_path or []]
        self.latitude, self.pool_rows = latitude, pool_rows
        self.memory_limit, self.device_resident = memory_limit, device_resident
        self._predictions: dict[Path, GatheredRows] = {}

    def files(self, stage: Stage) -> list[Path]:
        """Return the raw files of a stage; the extra ones train."""
        if stage != "train" or not self.extra_data_path:
            return super().files(stage)
        extra = [file for folder in self.extra_data_path for file in self.raw_files(folder)]
        return self.split.train + extra

    def cache_of(self, path: Path) -> ProcessedCache:
        """Return the processed files that belong to a raw file ``DIR/raw/x.h5``."""
        folder = path.parent.parent
        return ProcessedCache(folder, "columns-1", process, double=MOMENTS, scratch=True)

    def prepare_files(self, files: Sequence[Path]) -> None:
        """Turn raw files into rows of columns."""
        for _, group in groupby(files, key=lambda path: path.parent):
            of_folder = list(group)
            self.cache_of(of_folder[0]).build(of_folder)

    @cached_property
    def layout(self) -> Layout:
        """Scheme and levels of the data; those that only train are checked when they are opened.

        Raises
        ------
        ValueError
            Files differ.
        """
        folders = {self.data_path, self.test_data_path or self.data_path}
        files = [file for folder in sorted(folders) for file in self.raw_files(folder)]
        layouts = [read_layout(file) for file in files]
        for file, layout in zip(files, layouts, strict=True):
            if layout != layouts[0]:
                raise ValueError(f"{file}: {layout}, expected {layouts[0]} as in {files[0]}")
        return layouts[0]

    def table(self, path: Path, stage: Stage) -> Table:
        """Open the columns of a raw file.

        Raises
        ------
        ValueError
            The file lacks what the stage needs, or its layout is another one than the others'.
        """
        arrays, facts = self.cache_of(path).load(path)
        found = Layout(facts["scheme"], facts["levels"])
        if found != self.layout:
            raise ValueError(f"{path}: {found}, expected {self.layout} as in {self.data_path}")
        if LATITUDE not in arrays and self.latitude:
            raise ValueError(
                f"{path}: no dataset /{LATITUDE} [degrees north]. Add it to the file; or say "
                "--data.latitude false, if the model does not need it (its latitude is NaN then)"
            )
        if stage != "predict" and TENDENCIES not in arrays:
            raise ValueError(
                f"{path}: no dataset /{TENDENCIES}: it cannot be trained on or tested, "
                "only predicted"
            )
        wanted = (INPUTS, LATITUDE) if stage == "predict" else BATCH_NAMES
        return Table(
            path,
            {BATCH_NAMES[name]: RowArray.of(arrays[name]) for name in wanted if name in arrays},
            facts["columns"],
        )

    @cached_property
    def _moments(self) -> CrossMoments:
        return CrossMoments.merged(self._moments_of(self.files("train")))

    def _moments_of(self, files: Iterable[Path]) -> Iterator[CrossMoments]:
        for path in files:
            self.table(path, "train")  # it must be fit for training
            arrays, facts = self.cache_of(path).load(path)
            yield CrossMoments.from_arrays(facts["columns"], arrays)

    def statistics(self) -> tuple[RunningStatistics, RunningStatistics]:
        """Return the statistics of each row of x and of y over the training set."""
        return self._moments.x_statistics, self._moments.y_statistics

    def gram(self) -> CrossMoments:
        """Return the moments of the training set, of which ridge regression follows."""
        return self._moments

    def count(self, stage: Stage) -> int:
        """Return the number of columns of a stage."""
        return sum(self.table(path, stage).rows for path in self.files(stage))

    def columns(self, most: int) -> Tensor:
        """Return up to so many columns of the training set, evenly spread over its files.

        Returns
        -------
        (column, x_rows)
        """
        files = self.files("train")
        parts = []
        for path in files:
            arrays, facts = self.cache_of(path).load(path)
            stride = max(1, -(-facts["columns"] * len(files) // most))
            parts.append(torch.from_numpy(np.array(arrays[INPUTS][::stride])))
        return torch.cat(parts)

    def loader(self, stage: Stage) -> ShuffledRows | OrderedRows:
        """Return the batches of a stage."""
        tables = [self.table(path, stage) for path in self.files(stage)]
        trainer = self.trainer
        common: dict[str, Any] = {
            "widths": {BATCH_NAMES[LATITUDE]: ()},  # NaN, if no file has it
            "rank": trainer.global_rank if trainer else 0,
            "world_size": trainer.world_size if trainer else 1,
        }
        if stage != "train":
            whole_files = stage == "predict"
            return OrderedRows(tables, self.eval_batch_size, whole_files=whole_files, **common)
        gpu = trainer.strategy.root_device if trainer and self.device_resident else "cpu"
        return ShuffledRows(
            tables,
            self.batch_size,
            pool_rows=self.pool_rows,
            memory_limit=self.memory_limit * GIB,
            device=gpu,
            seed=self.seed,
            **common,
        )

    def write_prediction(self, folder: Path, batch: Batch, prediction: Tensor) -> list[Path]:
        """Take in a batch of tendencies; write each file when all its columns are there.

        Parameters
        ----------
        folder : Path
        batch : dict
            As served, with ``file`` and ``rows``.
        prediction : (batch, y_rows)  [m/s2]

        Returns
        -------
        list of Path
            The file, if this batch completes it.
        """
        source, (start, _) = Path(batch["file"]), batch["rows"]
        destination = folder / source.name
        if destination not in self._predictions:
            folder.mkdir(parents=True, exist_ok=True)
            remove_stale_temporaries(folder)
            shape = (self._columns_of(source), self.layout.y_rows)
            self._predictions[destination] = GatheredRows(destination, shape)
        gathered = self._predictions[destination]
        if not gathered.add(start, prediction.detach().float().cpu().numpy()):
            return []
        write_like(source, destination, gathered.open())
        gathered.remove()
        del self._predictions[destination]
        return [destination]

    def _columns_of(self, path: Path) -> int:
        columns: int = self.cache_of(path).load(path)[1]["columns"]
        return columns
