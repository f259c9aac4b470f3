"""Radiation columns as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.datamodule import Stage
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.rows import OrderedRows, RowLoader
from ai4sim.data.splits import SETS, Split, Strategy, by_group, find_table
from ai4sim.data.splits import runs as runs_of
from ai4sim.normalization import RunningStatistics
from weather_forecast.bias_correction.io.layout import RadiationLayout, bounds_of
from weather_forecast.bias_correction.io.preprocess import MOMENTS, process, row_statistics
from weather_forecast.bias_correction.io.raw_files import read_groups, read_layout, write_like

Runs = list[tuple[int, int]]
READ_ROWS = 1024


class RadiationDataModule(RowDataModule[RadiationLayout]):
    """Columns and the 3-D corrections of their fluxes and heating rates.

    The raw layout is that of :mod:`weather_forecast.bias_correction.io.layout`. A batch has
    ``inputs : (batch, input_channels)``, ``targets : (batch, output_channels)`` (not in
    prediction), ``latitude`` and ``longitude : (batch,)`` [degrees], NaN where the file has none;
    in validation and test also ``tripleclouds : (batch, 4 x half_level)`` [W/m2], the absolute
    fluxes of the cheap solver, NaN where the file has none; and in evaluation ``file`` and
    ``rows``, where it is from.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`.
    split : {"time", "case", "all-test", "block"}
        The first three divide files. ``block`` divides the columns within files, where nothing
        lists the files of the sets: whole blocks of columns that were made of one another go to one
        set, as many columns to each as the ratios say.
    block_variable : str
        Dataset ``(column,)`` of a raw file with the integer that names the block of each column; it
        means the same in all files.
    block_seed : int
        Of the draw of blocks. It is not `seed`: the sets stay when training is repeated with
        another one.
    workers, eval_batch_size, pool_rows : int
        See :class:`ai4sim.data.row_datamodule.RowDataModule`; rows are columns.
    **kwargs
        See there, too.
    """

    recipe, double = "radiation-3", MOMENTS
    process = staticmethod(process)
    read_layout = staticmethod(read_layout)
    bounds_of = staticmethod(bounds_of)
    write_like = staticmethod(write_like)
    needed = {"targets": "targets (flux_dn_sw and the others)"}
    served = {
        "train": ("inputs", "targets", "latitude", "longitude"),
        "val": ("inputs", "targets", "latitude", "longitude", "tripleclouds"),
        "test": ("inputs", "targets", "latitude", "longitude", "tripleclouds"),
        "predict": ("inputs", "latitude", "longitude"),
    }

    def __init__(
        self,
        data_path: str = "data",
        split: Strategy | Literal["block"] = "time",
        block_variable: str = "base_block",
        block_seed: int = 0,
        workers: int = 4,
        eval_batch_size: int = 1024,
        pool_rows: int = 65536,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_path=data_path,
            split="time" if split == "block" else split,
            workers=workers,
            eval_batch_size=eval_batch_size,
            pool_rows=pool_rows,
            **kwargs,
        )
        self.by_block = split == "block"
        self.block_variable, self.block_seed = block_variable, block_seed

    # --- Which columns ---

    @property
    def _uses_blocks(self) -> bool:
        return self.by_block and find_table(self.data_path) is None

    @property
    def split(self) -> Split:
        """The three sets of files; with blocks a file may be in several."""
        if not self._uses_blocks:
            return super().split
        sets = {
            name: [path for path, parts in self._blocks.items() if parts[name]] for name in SETS
        }
        if self.test_data_path is not None:
            sets["test"] = self.raw_files(self.test_data_path)
        return Split(sets["train"], sets["val"], sets["test"])

    @property
    def split_source(self) -> str:
        """What divides the columns, for messages."""
        return f"split 'block' of {self.data_path}" if self._uses_blocks else super().split_source

    @cached_property
    def _blocks(self) -> dict[Path, dict[str, Runs]]:
        """Runs of columns of each raw file in each set, by whole blocks."""
        blocks = {path: read_groups(path, self.block_variable) for path in self.raw_files()}
        names, counts = np.unique(np.concatenate(list(blocks.values())), return_counts=True)
        sizes: dict[int, int] = dict(zip(names.tolist(), counts.tolist(), strict=True))
        chosen = by_group(sizes, self.ratios, self.block_seed)
        owner = np.array([SETS.index(chosen[name]) for name in names.tolist()])
        owners = {path: owner[np.searchsorted(names, found)] for path, found in blocks.items()}
        return {
            path: {name: runs_of(found == i) for i, name in enumerate(SETS)}
            for path, found in owners.items()
        }

    def times_of(self, path: Path) -> NDArray[np.datetime64] | None:
        """Return the time of a file; blocks of columns are divided whatever their times."""
        return None if self._uses_blocks else super().times_of(path)

    def runs(self, path: Path, stage: Stage, rows: int) -> Runs:
        """Return which columns of a file belong to a stage: first one and end of each run."""
        if not self._uses_blocks or stage == "predict" or path not in self._blocks:
            return [(0, rows)]
        return self._blocks[path][stage]

    # --- What training needs to know ---

    @cached_property
    def _statistics(self) -> tuple[RunningStatistics, RunningStatistics]:
        both = list(self._statistics_of_files())
        of_inputs, of_targets = zip(*both, strict=True)
        return RunningStatistics.merged(of_inputs), RunningStatistics.merged(of_targets)

    def _statistics_of_files(self) -> Iterator[tuple[RunningStatistics, RunningStatistics]]:
        for path in self.files("train"):
            table = self.table(path, "train")  # it must be fit for training
            arrays, _ = self.processed(path)
            if table.rows == len(arrays["inputs"]):  # taken when the file was processed
                moments = [np.array(arrays[name]) for name in MOMENTS]
                yield (
                    RunningStatistics(table.rows, *moments[:2]),
                    RunningStatistics(table.rows, *moments[2:]),
                )
                continue
            for batch in OrderedRows([table], READ_ROWS):
                yield (
                    row_statistics(batch["inputs"].numpy()),
                    row_statistics(batch["targets"].numpy()),
                )

    def statistics(self) -> tuple[RunningStatistics, RunningStatistics]:
        """Return the statistics of each channel of inputs and targets over the training set."""
        return self._statistics

    def columns(self, most: int) -> dict[str, Tensor]:
        """Return up to so many columns of the training set, evenly spread over it.

        Returns
        -------
        dict of str to Tensor
            The arrays of a training batch.
        """
        loader = RowLoader(self.tables("train"), 1)
        number = min(most, loader.rows)
        return loader.rows_at(np.arange(number) * loader.rows // number)

    def widths(self, stage: Stage) -> dict[str, tuple[int, ...]]:
        """Shape of a row of what may be absent: the place, and the fluxes of the cheap solver."""
        widths: dict[str, tuple[int, ...]] = {"latitude": (), "longitude": ()}
        if "tripleclouds" in self.served[stage]:
            widths["tripleclouds"] = (self.layout.tripleclouds_channels,)
        return widths
