"""From a folder of raw files to loaders that serve whole batches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning.pytorch as pl
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from ai4sim.data.cache import ProcessedCache
from ai4sim.data.splits import Split, Strategy, find_table, split_files
from ai4sim.io.files import missing_file_error, visible_files

Stage = Literal["train", "val", "test", "predict"]


class BatchIndex(NamedTuple):
    """What a sampler asks of a data set: these samples, in this draw.

    Attributes
    ----------
    samples : list of int
    draw : tuple of int
        Seed, epoch and first sample: a random generator made from it (crops, augmentation) gives
        the same batch whatever the number of workers, and another one in the next epoch.
    repeated : bool
        The batch only keeps this process in step with the others: another one serves these samples,
        and their results do not count here.
    """

    samples: list[int]
    draw: tuple[int, ...]
    repeated: bool = False


class Batches(Dataset):
    """A data set whose batches say, under ``repeated``, whether they count."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, index: BatchIndex) -> dict[str, Any]:
        """Return the batch of an index."""
        return {**self.dataset[index], "repeated": index.repeated}


class BatchSampler(Sampler[BatchIndex]):
    """Whole batches, split over the processes of a distributed run.

    Every process gets the same number of batches, since they meet in each step. In training samples
    are shuffled anew in each epoch, and an incomplete last step is topped up from the epoch's
    beginning. In evaluation each sample counts exactly once over all processes (see
    :attr:`BatchIndex.repeated`), and a batch holds samples of one shape only.

    Parameters
    ----------
    groups : sequence of hashable
        One entry per sample: samples of one batch have the same (their shape, usually).
    batch_size : int
    shuffle : bool
        True for training.
    seed, rank, world_size : int
    """

    def __init__(
        self,
        groups: Sequence[Any],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, found {batch_size}")
        self.groups, self.batch_size, self.shuffle = list(groups), batch_size, shuffle
        self.seed, self.rank, self.world_size, self.epoch = seed, rank, world_size, 0
        if shuffle and len(set(self.groups)) > 1:
            raise ValueError(f"training samples differ in shape: {sorted(set(self.groups))}")

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle; Lightning calls it at the start of each epoch."""
        self.epoch = epoch

    def _batches(self) -> list[list[int]]:
        n, size = len(self.groups), self.batch_size
        if not self.shuffle:
            runs = (list(run) for _, run in groupby(range(n), key=self.groups.__getitem__))
            return [run[i : i + size] for run in runs for i in range(0, len(run), size)]
        order = np.random.default_rng((self.seed, self.epoch)).permutation(n)
        per_step = size * self.world_size
        order = np.resize(order, -(-n // per_step) * per_step)
        return [order[i : i + size].tolist() for i in range(0, len(order), size)]

    def __iter__(self) -> Iterator[BatchIndex]:
        batches = self._batches()
        for step in range(-(-len(batches) // self.world_size)):
            i = step * self.world_size + self.rank
            batch = batches[i % len(batches)]
            yield BatchIndex(batch, (self.seed, self.epoch, *batch), repeated=i >= len(batches))

    def __len__(self) -> int:
        if self.shuffle:  # known without drawing the order
            return -(-len(self.groups) // (self.batch_size * self.world_size))
        return -(-len(self._batches()) // self.world_size)


class SurrogateDataModule(pl.LightningDataModule):
    """Files, splits and loaders; a use case adds what its files hold.

    A use case implements :meth:`dataset` and :meth:`write_prediction`; where raw files are turned
    into processed ones it names a :attr:`recipe` and its :attr:`process`. A data set takes a :class:`BatchIndex` and
    returns the whole batch, a dict of tensors with ``inputs``, ``targets`` (absent when predicting)
    and what else its module needs; it has ``groups``, one hashable per sample (see
    :class:`BatchSampler`). Where samples are rows of tables, it has :meth:`loader` instead of
    :meth:`dataset` (see :class:`ai4sim.data.row_datamodule.RowDataModule`).

    Parameters
    ----------
    data_path : str
        The folder that holds ``raw/`` and, optionally, ``splits.yaml`` or
        ``filenames-split.yaml``, which list the files of each set.
    split : {"time", "case", "all-test"}
        How files are divided where nothing lists the sets; ``all-test`` always wins.
    ratios : (train, val, test)
        Shares of the files (of the cases with ``case``); they sum to 1.
    gap : int
        Files dropped between two blocks of time of one simulation.
    test_cases : list of str
        Simulations that are kept wholly for testing.
    test_data_path : str, optional
        Another folder with ``raw/``: all its files are the test set, those of `data_path` only
        train and validate.
    batch_size : int
        Samples per training batch and process.
    eval_batch_size : int
        Samples per batch in validation, test and prediction.
    num_workers : int
        Loader processes; 0 loads in the training process, best for data that are mapped into
        memory.
    seed : int
        Of shuffling, crops and augmentation.
    scheduler : str
        Where raw files are processed: ``threads``, ``processes``, ``distributed``, or the address
        or scheduler file of a Dask scheduler; see :func:`ai4sim.data.scheduling.executor`.
    workers : int
        Files that are processed at once.
    """

    raw_patterns: tuple[str, ...] = ("*.h5",)
    recipe = ""
    """Name and version of `process`, see :class:`ai4sim.data.cache.ProcessedCache`; without one
    raw files are used as they are."""
    process: Callable[..., Any]
    """Raw file (and scratch folder) -> arrays, by the names that they have in a batch."""
    double: tuple[str, ...] = ()
    """Names of processed arrays that are kept as float64."""
    beside: Callable[[Path], Iterable[Path]] | None = None
    """Raw file -> the files among which `process` looks for what belongs to it."""
    scratch = False
    """Whether `process` takes a folder for data that do not fit in memory."""

    def __init__(
        self,
        data_path: str = "data",
        split: Strategy = "time",
        ratios: tuple[float, float, float] = (0.7, 0.15, 0.15),
        gap: int = 1,
        test_cases: list[str] | None = None,
        test_data_path: str | None = None,
        batch_size: int = 8,
        eval_batch_size: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        scheduler: str = "threads",
        workers: int = 1,
    ) -> None:
        super().__init__()
        self.data_path = Path(data_path).expanduser()
        self.test_data_path = Path(test_data_path).expanduser() if test_data_path else None
        self.split_strategy: Strategy = split
        self.ratios, self.gap, self.test_cases = ratios, gap, list(test_cases or [])
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.seed = num_workers, seed
        self.scheduler, self.workers = scheduler, workers

    # --- What a use case gives ---

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return the data set of some raw files."""
        raise NotImplementedError(f"{type(self).__name__} has neither dataset() nor loader()")

    @abstractmethod
    def write_prediction(self, folder: Path, batch: dict[str, Any], prediction: Any) -> list[Path]:
        """Write predictions of a batch in the raw format, physical units; return the files."""

    # --- What every use case shares ---

    def cache_of(self, path: Path) -> ProcessedCache:
        """Return the processed files that belong to a raw file ``DIR/raw/x.h5``."""
        return ProcessedCache(
            path.parent.parent,
            self.recipe,
            self.process,
            workers=self.workers,
            double=self.double,
            scratch=self.scratch,
            scheduler=self.scheduler,
            beside=self.beside,
        )

    def prepare_files(self, files: Sequence[Path]) -> None:
        """Process raw files, folder by folder."""
        for _, group in groupby(files if self.recipe else (), key=lambda path: path.parent):
            of_folder = list(group)
            self.cache_of(of_folder[0]).build(of_folder)

    def processed(self, path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Open the arrays and the attributes that were made from a raw file."""
        return self.cache_of(path).load(path)

    def raw_files(self, folder: Path | None = None) -> list[Path]:
        """Return the files under ``raw/`` of a folder, by default of `data_path`.

        Raises
        ------
        FileNotFoundError
            There is no such folder, or nothing in it.
        """
        raw = (folder or self.data_path) / "raw"
        if not raw.is_dir():
            raise FileNotFoundError(
                f"{missing_file_error(raw)} Raw files are looked for in DIR/raw, DIR being "
                "--data.data_path (`nox -s download_data` makes the demo data)"
            )
        files = visible_files(raw, *self.raw_patterns)
        if not files:
            raise FileNotFoundError(
                f"no raw file: {raw} holds nothing named {' or '.join(self.raw_patterns)}; "
                "`nox -s download_data` makes the demo data"
            )
        return files

    @property
    def split(self) -> Split:
        """The three sets of files."""
        split = split_files(
            self.raw_files(),
            table=find_table(self.data_path),
            strategy=self.split_strategy,
            ratios=self.ratios,
            gap=self.gap,
            test_cases=self.test_cases,
        )
        if self.test_data_path is None:
            return split
        return replace(split, test=self.raw_files(self.test_data_path))

    def files(self, stage: Stage) -> list[Path]:
        """Return the raw files of a stage; prediction takes all."""
        if stage == "predict":
            return self.raw_files()
        return self.split.require(stage, self.split_source)

    @property
    def split_source(self) -> str:
        """What divides the files, for messages."""
        return f"split '{self.split_strategy}' of {self.data_path}"

    def prepare_data(self) -> None:
        """Derive the processed files that the running command needs."""
        running = self.trainer.state.fn if self.trainer else None
        stages: dict[str, tuple[Stage, ...]] = {
            "fit": ("train", "val"),
            "validate": ("val",),
            "test": ("test",),
            "predict": ("predict",),
        }
        for name in stages[running.value] if running else ("train", "val", "test"):
            self.prepare_files(self.files(name))

    def loader(self, stage: Stage) -> Iterable[dict[str, Any]]:
        """Return the loader of a stage; each item that it yields is a whole batch."""
        training = stage == "train"
        dataset = self.dataset(self.files(stage), stage)
        trainer = self.trainer
        sampler = BatchSampler(
            dataset.groups,  # type: ignore[attr-defined]
            self.batch_size if training else self.eval_batch_size,
            shuffle=training,
            seed=self.seed,
            rank=trainer.global_rank if trainer else 0,
            world_size=trainer.world_size if trainer else 1,
        )
        return DataLoader(
            Batches(dataset),
            sampler=sampler,
            batch_size=None,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
        )

    def train_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the training batches."""
        return self.loader("train")

    def val_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the validation batches."""
        return self.loader("val")

    def test_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the test batches."""
        return self.loader("test")

    def predict_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return batches of every raw file, targets not needed."""
        return self.loader("predict")
