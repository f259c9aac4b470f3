"""Samples that are rows of tables: from raw files, larger than memory, to batches and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.datamodule import Stage, SurrogateDataModule
from ai4sim.data.rows import OrderedRows, ShuffledRows
from ai4sim.data.tables import GatheredRows, RowArray, Table
from ai4sim.io.files import missing_file_error, remove_stale_temporaries, visible_files
from ai4sim.io.ranges import Quantity
from ai4sim.variables import ChannelLayout, Variable


class Layout(Protocol):
    """How the rows of a file are laid out: equal for files that go together."""

    @property
    def output_channels(self) -> int:
        """Number of values of a predicted row."""


L = TypeVar("L", bound=Layout)
GIB = 2**30


class RowDataModule(SurrogateDataModule, Generic[L]):
    """Samples such as columns of the atmosphere, each a row of ``inputs`` and one of ``targets``.

    Raw files are turned into rows once, block by block, under ``processed/``, and batches are read
    from there (see :mod:`ai4sim.data.rows`): neither needs the data to fit in memory. In evaluation
    a batch says with ``file`` and ``rows`` where it is from. Predicted rows are gathered until
    those of a raw file are complete.

    A use case names what :class:`ai4sim.data.datamodule.SurrogateDataModule` processes,
    :attr:`served` and :attr:`needed`, and implements :meth:`read_layout` and :meth:`write_like`,
    and :meth:`widths` where files may lack an array. If ``process`` gives an attribute ``layout``,
    the fields of the layout, each file is compared with the others when it is opened.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`.
    extra_data_path : list of str, optional
        Further folders with ``raw/``, all of whose files join the training set: samples that the
        own teacher has labelled, say.
    batch_size, eval_batch_size : int
        Rows per batch and process.
    pool_rows : int
        Rows that are shuffled at once where they do not all fit in memory.
    memory_limit : float
        Memory [GiB], per process, for training rows. If they all fit they are kept in it.
    device_resident : bool
        Keep them in the memory of the GPU instead.
    **kwargs
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`; `num_workers` has no effect here.
    """

    served: Mapping[str, Sequence[str]]
    """Arrays that a batch of each stage holds."""

    def __init__(
        self,
        data_path: str = "data",
        extra_data_path: list[str] | None = None,
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
        self.pool_rows, self.memory_limit = pool_rows, memory_limit
        self.device_resident = device_resident
        self._predictions: dict[Path, GatheredRows] = {}

    # --- What a use case gives ---

    @abstractmethod
    def read_layout(self, path: Path) -> L:
        """Tell the layout of a raw file."""

    @abstractmethod
    def write_like(
        self, source: Path, destination: Path, outputs: NDArray, spread: NDArray | None = None
    ) -> None:
        """Write a copy of a raw file with other targets, atomically.

        Parameters
        ----------
        source, destination : Path
        outputs : (row, output_channels)
            Mapped into memory.
        spread : (row, output_channels), optional
            The standard deviations, which are written beside the targets.
        """

    def widths(self, stage: Stage) -> Mapping[str, tuple[int, ...]]:
        """Shape of a row of the arrays that are NaN in a batch if no file has them."""
        return {}

    def runs(self, path: Path, stage: Stage, rows: int) -> Sequence[tuple[int, int]]:
        """Return which rows of a raw file belong to a stage: first row and end of each run.

        Where :meth:`times_of` knows several times of a file, they are those of its rows.
        """
        return [(0, rows)]

    def bounds_of(self, variable: Variable) -> tuple[float, float] | None:
        """Return the least and the greatest value that physics allows, None if it is not known."""
        return None

    def quantities(self, path: Path, block: Mapping[str, NDArray[Any]]) -> Iterable[Quantity]:
        """Divide rows into physical quantities, where the layout says what their channels are."""
        layout = self.read_layout(path)
        if not isinstance(layout, ChannelLayout):
            yield from super().quantities(path, block)
            return
        variables = {"inputs": layout.inputs, "targets": layout.outputs}
        units = {"latitude": "degrees_north", "longitude": "degrees_east"}
        for name, values in block.items():
            start = 0
            for variable in variables.get(name, [Variable(name, units.get(name, ""))]):
                channels = slice(start, start := start + variable.channels)
                part = values[..., channels] if name in variables else values
                yield Quantity(variable.name, variable.units, part, self.bounds_of(variable))

    # --- From raw files to rows ---

    @property
    def folders(self) -> list[Path]:
        """The folders whose ``raw/`` is read, those of extra files where they exist."""
        extra = [folder for folder in self.extra_data_path if (folder / "raw").is_dir()]
        return super().folders + extra

    @property
    def sets(self) -> dict[Stage, list[Path]]:
        """The raw files of training, validation and test; the extra ones train."""
        sets = super().sets
        for folder in self.folders[len(super().folders) :]:
            sets["train"] = sets["train"] + visible_files(folder / "raw", *self.raw_patterns)
        return sets

    def files(self, stage: Stage) -> list[Path]:
        """Return the raw files of a stage; the extra ones train.

        Raises
        ------
        FileNotFoundError
            A folder of extra ones is not there, or nothing is in it.
        """
        if stage != "train" or not self.extra_data_path:
            return super().files(stage)
        for folder in self.extra_data_path:
            if not (folder / "raw").is_dir():
                raise FileNotFoundError(
                    f"extra_data_path: {missing_file_error(folder / 'raw')} What makes such files "
                    "stands in the README of the use case; --data.extra_data_path='[]' trains "
                    "without"
                )
            self.raw_files(folder)
        return self.sets["train"]

    def times_in(self, path: Path, stage: Stage) -> NDArray[np.datetime64] | None:
        """Return the times of the rows of a raw file that belong to a stage."""
        times = self.times_of(path)
        if times is None:
            return None
        runs = self.runs(path, stage, len(times))
        return np.concatenate([times[start:end] for start, end in runs] or [times[:0]])

    def prepare_data(self) -> None:
        """Compare the layouts of all files, which is fast, before the rows of any are made.

        Raises
        ------
        ValueError
            They differ; or see :meth:`SurrogateDataModule.prepare_data`.
        """
        _ = self.layout
        super().prepare_data()

    @cached_property
    def layout(self) -> L:
        """Layout of the data; files that only train are checked when they are opened.

        Raises
        ------
        ValueError
            Files differ.
        """
        folders = {self.data_path, self.test_data_path or self.data_path}
        files = [file for folder in sorted(folders) for file in self.raw_files(folder)]
        layouts = [self.read_layout(file) for file in files]
        for file, layout in zip(files, layouts, strict=True):
            if layout != layouts[0]:
                raise ValueError(f"{file}: {layout}, expected {layouts[0]} as in {files[0]}")
        return layouts[0]

    def table(self, path: Path, stage: Stage) -> Table:
        """Open the rows of a raw file that belong to a stage; all of them in prediction.

        Raises
        ------
        ValueError
            The file lacks what the stage needs, or its layout is another one than the others'.
        """
        arrays, attributes = self.processed(path)
        if "layout" in attributes:
            found = type(self.layout)(**attributes["layout"])
            if found != self.layout:
                raise ValueError(f"{path}: {found}, expected {self.layout} as in {self.data_path}")
        if stage != "predict":
            self.require(path, arrays)
        served = [name for name in self.served[stage] if name in arrays]
        return Table(
            path,
            {name: RowArray.of(arrays[name]) for name in served},
            self.runs(path, stage, len(arrays[served[0]])),
        )

    def tables(self, stage: Stage) -> list[Table]:
        """Open the rows of a stage, file by file."""
        return [self.table(path, stage) for path in self.files(stage)]

    def count(self, stage: Stage) -> int:
        """Return the number of rows of a stage."""
        return sum(table.rows for table in self.tables(stage))

    # --- Batches, and back to files ---

    def loader(self, stage: Stage, in_order: bool = False) -> ShuffledRows | OrderedRows:
        """Return the batches of a stage; see the base."""
        tables, trainer = self.tables(stage), self.trainer
        common: dict[str, Any] = {
            "widths": self.widths(stage),
            "rank": trainer.global_rank if trainer else 0,
            "world_size": trainer.world_size if trainer else 1,
        }
        if stage != "train" or in_order:
            whole_files = stage == "predict"
            return OrderedRows(tables, self.eval_batch_size, whole_files=whole_files, **common)
        if self.overfits:
            return OrderedRows(tables, self.batch_size, **common)
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

    def teardown(self, stage: str) -> None:
        """Remove the rows of files that a prediction has not completed."""
        for gathered in self._predictions.values():
            gathered.remove()
        self._predictions.clear()

    def on_exception(self, exception: BaseException) -> None:
        """Do so after an error or an interruption, too."""
        self.teardown("predict")

    def write_prediction(
        self, folder: Path, batch: dict[str, Any], prediction: Tensor
    ) -> list[Path]:
        """Take in a batch of predictions; write each file when all its rows are there.

        Parameters
        ----------
        folder : Path
        batch : dict
            As served, with ``file`` and ``rows``.
        prediction : (batch, output_channels), or (batch, 2 output_channels)
            In the units of the raw file; the second half is the spread.

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
            width = self.layout.output_channels
            if prediction.shape[1] == 2 * width:
                width = 2 * width
            shape = (self.table(source, "predict").rows, width)
            self._predictions[destination] = GatheredRows(destination, shape)
        gathered = self._predictions[destination]
        if not gathered.add(start, prediction.detach().float().cpu().numpy()):
            return []
        rows, width = gathered.open(), self.layout.output_channels
        spread = rows[:, width:] if rows.shape[1] > width else None
        self.write_like(source, destination, rows[:, :width], spread)
        gathered.remove()
        del self._predictions[destination]
        return [destination]
