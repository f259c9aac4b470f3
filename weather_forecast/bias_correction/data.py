"""Radiation columns as training data: raw files, larger than memory, to whole batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ai4sim.cache import ProcessedCache
from ai4sim.datamodule import Stage, SurrogateDataModule
from ai4sim.files import remove_stale_temporaries
from ai4sim.normalization import RunningStatistics
from ai4sim.rows import GatheredRows, OrderedRows, RowArray, ShuffledRows, Table
from ai4sim.splits import SETS, Split, Strategy, by_group, find_table, runs
from weather_forecast.bias_correction.layout import Layout
from weather_forecast.bias_correction.preprocess import MOMENTS, process, row_statistics
from weather_forecast.bias_correction.records import read_groups, read_layout, write_like

Batch = dict[str, Any]
Runs = list[tuple[int, int]]
ARRAYS: dict[str, tuple[str, ...]] = {
    "train": ("inputs", "targets", "latitude", "longitude"),
    "val": ("inputs", "targets", "latitude", "longitude", "tripleclouds"),
    "test": ("inputs", "targets", "latitude", "longitude", "tripleclouds"),
    "predict": ("inputs", "latitude", "longitude"),
}
"""What a batch of each stage holds."""
READ_ROWS = 1024
GIB = 2**30


class RadiationDataModule(SurrogateDataModule):
    """Columns and the 3-D corrections of their fluxes and heating rates.

    The raw layout is that of :mod:`weather_forecast.bias_correction.layout`. Raw files are turned
    into rows once, block by block, under ``processed/``, and batches are read from there: neither
    needs the data to fit in memory. A batch has ``inputs : (batch, input_channels)``, ``targets :
    (batch, output_channels)`` (not in prediction), ``latitude`` and ``longitude : (batch,)``
    [degrees], NaN where the file has none; in validation and test also ``tripleclouds : (batch, 4 x
    half_level)`` [W/m2], the absolute fluxes of the cheap solver, NaN where the file has none; and
    in evaluation ``file`` and ``rows``, where it is from.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.datamodule.SurrogateDataModule`.
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
    extra_data_path : list of str, optional
        Further folders with ``raw/``, all of whose files join the training set: columns that the
        own teacher has labelled, say.
    scheduler : str
        Where raw files are processed: ``threads``, ``processes``, ``distributed``, or the address
        or scheduler file of a Dask scheduler; see :func:`ai4sim.scheduling.executor`.
    workers : int
        Files that are processed at once.
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

    raw_patterns = ("*.nc", "*.h5")

    def __init__(
        self,
        data_path: str = "data",
        split: Strategy | Literal["block"] = "time",
        block_variable: str = "base_block",
        block_seed: int = 0,
        extra_data_path: list[str] | None = None,
        scheduler: str = "threads",
        workers: int = 4,
        batch_size: int = 256,
        eval_batch_size: int = 1024,
        pool_rows: int = 65536,
        memory_limit: float = 4.0,
        device_resident: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_path=data_path,
            split="time" if split == "block" else split,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **kwargs,
        )
        self.by_block = split == "block"
        self.block_variable, self.block_seed = block_variable, block_seed
        self.extra_data_path = [Path(folder).expanduser() for folder in extra_data_path or []]
        self.scheduler, self.workers = scheduler, workers
        self.pool_rows, self.memory_limit = pool_rows, memory_limit
        self.device_resident = device_resident
        self._predictions: dict[Path, GatheredRows] = {}

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
        return Split(**sets)

    def files(self, stage: Stage) -> list[Path]:
        """Return the raw files of a stage; the extra ones train."""
        if stage == "predict":
            return super().files(stage)
        folders = self.extra_data_path if stage == "train" else []
        if extra := [file for folder in folders for file in self.raw_files(folder)]:
            return self.split.train + extra
        strategy = "block" if self._uses_blocks else self.split_strategy
        return self.split.require(stage, f"split '{strategy}' of {self.data_path}")

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
            path: {name: runs(found == i) for i, name in enumerate(SETS)}
            for path, found in owners.items()
        }

    def _runs(self, path: Path, stage: Stage) -> Runs | None:
        """Return which columns of a file belong to a stage, None for all."""
        if not self._uses_blocks or stage == "predict" or path not in self._blocks:
            return None
        return self._blocks[path][stage]

    # --- From raw files to rows ---

    def cache_of(self, path: Path) -> ProcessedCache:
        """Return the processed files that belong to a raw file ``DIR/raw/x.h5``."""
        return ProcessedCache(
            path.parent.parent,
            "radiation-1",
            process,
            workers=self.workers,
            double=MOMENTS,
            scheduler=self.scheduler,
        )

    def prepare_files(self, files: Sequence[Path]) -> None:
        """Turn raw files into rows of columns."""
        for _, group in groupby(files, key=lambda path: path.parent):
            of_folder = list(group)
            self.cache_of(of_folder[0]).build(of_folder)

    @cached_property
    def layout(self) -> Layout:
        """Levels of the data; files that only train are checked when they are opened.

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
        """Open the columns of a raw file that belong to a stage.

        Raises
        ------
        ValueError
            The file has no targets and the stage needs them, or its levels are other ones.
        """
        arrays, facts = self.cache_of(path).load(path)
        if facts["levels"] != self.layout.levels:
            raise ValueError(
                f"{path}: {facts['levels']} levels, expected {self.layout.levels} as in "
                f"{self.data_path}"
            )
        if stage != "predict" and "targets" not in arrays:
            raise ValueError(
                f"{path}: it has no targets (flux_dn_sw and the others): it cannot be trained on "
                "or tested, only predicted"
            )
        wanted = {n: RowArray.of(arrays[n]) for n in ARRAYS[stage] if n in arrays}
        chosen = self._runs(path, stage)
        return Table.of_runs(path, wanted, [(0, facts["columns"])] if chosen is None else chosen)

    def count(self, stage: Stage) -> int:
        """Return the number of columns of a stage."""
        return sum(self.table(path, stage).rows for path in self.files(stage))

    # --- What training needs to know ---

    @cached_property
    def _statistics(self) -> tuple[RunningStatistics, RunningStatistics]:
        both = list(self._statistics_of_files())
        of_inputs, of_targets = zip(*both, strict=True)
        return RunningStatistics.merged(of_inputs), RunningStatistics.merged(of_targets)

    def _statistics_of_files(self) -> Iterator[tuple[RunningStatistics, RunningStatistics]]:
        for path in self.files("train"):
            table = self.table(path, "train")  # it must be fit for training
            if self._runs(path, "train") is None:  # taken when the file was processed
                arrays, _ = self.cache_of(path).load(path)
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
            ``inputs : (column, input_channels)`` and ``targets : (column, output_channels)``.
        """
        tables = [self.table(path, "train") for path in self.files("train")]
        total = sum(table.rows for table in tables)
        chosen = np.arange(min(most, total)) * total // min(most, total)
        parts: dict[str, list[Tensor]] = {"inputs": [], "targets": []}
        begin = 0
        for table in tables:
            rows = np.concatenate([np.arange(*piece) for piece in table.places(0, table.rows)])
            own = rows[chosen[(chosen >= begin) & (chosen < begin + table.rows)] - begin]
            begin += table.rows
            arrays, _ = self.cache_of(table.path).load(table.path)
            for name, part in parts.items():
                part.append(torch.from_numpy(arrays[name][own]))
        return {name: torch.cat(part) for name, part in parts.items()}

    # --- Batches, and back to files ---

    def loader(self, stage: Stage) -> ShuffledRows | OrderedRows:
        """Return the batches of a stage."""
        tables = [self.table(path, stage) for path in self.files(stage)]
        widths: dict[str, tuple[int, ...]] = {"latitude": (), "longitude": ()}
        if "tripleclouds" in ARRAYS[stage]:
            widths["tripleclouds"] = (self.layout.tripleclouds_channels,)
        trainer = self.trainer
        common: dict[str, Any] = {
            "widths": widths,  # NaN, if no file has them
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
        """Take in a batch of corrections; write each file when all its columns are there.

        Parameters
        ----------
        folder : Path
        batch : dict
            As served, with ``file`` and ``rows``.
        prediction : (batch, output_channels)  [W/m2], [K/day]

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
            columns: int = self.cache_of(source).load(source)[1]["columns"]
            shape = (columns, self.layout.output_channels)
            self._predictions[destination] = GatheredRows(destination, shape)
        gathered = self._predictions[destination]
        if not gathered.add(start, prediction.detach().float().cpu().numpy()):
            return []
        write_like(source, destination, gathered.open())
        gathered.remove()
        del self._predictions[destination]
        return [destination]
