"""From a folder of raw files to loaders that serve whole batches."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ai4sim.data.batches import Batches, BatchLoader, BatchSampler, OrderedBatches
from ai4sim.data.cache import ProcessedCache
from ai4sim.data.scheduling import WORKERS_TIMEOUT
from ai4sim.data.splits import Split, Strategy, find_table, overlaps, split_files
from ai4sim.io.files import HDF5_NAMES, missing_file_error, visible_entries, visible_files
from ai4sim.io.names import case_of, instant
from ai4sim.io.ranges import Quantity
from ai4sim.launch import ignore_warnings

log = logging.getLogger(__name__)

Stage = Literal["train", "val", "test", "predict"]


class SurrogateDataModule(pl.LightningDataModule):
    """Files, splits and loaders; a use case adds what its files hold.

    A use case implements :meth:`dataset` and :meth:`write_prediction`; where raw files are
    turned into processed ones it names a :attr:`recipe` and its :attr:`process`. A data set
    takes a :class:`.batches.BatchIndex` and returns the whole batch, a dict of tensors with
    ``inputs``, ``targets`` (absent when predicting) and further entries for its module; it has
    ``groups``, one hashable per sample (see :class:`.batches.BatchSampler`). Where samples are
    rows of tables, it has :meth:`loader` instead of :meth:`dataset` (see
    :class:`ai4sim.data.row_datamodule.RowDataModule`).

    Parameters
    ----------
    data_path : str
        The folder that holds ``raw/`` and, optionally, ``splits.yaml`` or
        ``filenames-split.yaml``, which list the files of each set.
    split : {"time", "case", "all-test"}
        How files are divided where nothing lists the sets; ``all-test`` always wins.
    ratios : (train, val, test)
        Shares of the instants (of the cases with ``case``); they sum to 1.
    gap : int
        Instants dropped between two blocks of time of one simulation. The files of one instant,
        such as members or patches, belong together (see :mod:`ai4sim.io.names`).
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
    workers_timeout : float
        Time [s] that a running Dask scheduler may be without workers before the run ends.
    """

    raw_patterns: tuple[str, ...] = HDF5_NAMES
    """Names of raw files; upper and lower case are the same."""
    times_across_cases = False
    """Whether sets may not share times even if they are times of different cases."""
    recipe = ""
    """Name and version of `process`, see :class:`ai4sim.data.cache.ProcessedCache`; without one
    raw files are used as they are."""
    needed: Mapping[str, str] = {}
    """Arrays without which a file can only be predicted, and their names in raw files."""
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
        workers_timeout: float = WORKERS_TIMEOUT,
    ) -> None:
        super().__init__()
        self.data_path = Path(data_path).expanduser()
        self.test_data_path = Path(test_data_path).expanduser() if test_data_path else None
        self.split_strategy: Strategy = split
        self.ratios, self.gap, self.test_cases = ratios, gap, list(test_cases or [])
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.num_workers, self.seed = num_workers, seed
        self.scheduler, self.workers = scheduler, workers
        self.workers_timeout = workers_timeout
        self._reported = False
        self._resumed: dict[str, Any] | None = None

    # --- What a use case gives ---

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return the data set of some raw files."""
        raise NotImplementedError(f"{type(self).__name__} has neither dataset() nor loader()")

    @abstractmethod
    def write_prediction(self, folder: Path, batch: dict[str, Any], prediction: Any) -> list[Path]:
        """Write predictions of a batch in the raw format, physical units; return the files."""

    def quantities(self, path: Path, block: Mapping[str, NDArray[Any]]) -> Iterable[Quantity]:
        """Divide what was made of a raw file, or a block of it, into physical quantities.

        For :mod:`ai4sim.check`; by default each array is one, of unknown units.
        """
        return [Quantity(name, "", values) for name, values in block.items()]

    def times_of(self, path: Path) -> NDArray[np.datetime64] | None:
        """Return the times of a raw file's samples; by default the one in its name.

        They are compared between the sets. None: they are unknown, or do not matter.
        """
        time = instant(path)
        return None if time is None else np.array([time])

    # --- What every use case shares ---

    def require(self, path: Path, arrays: Container[str]) -> None:
        """Check that a raw file gives all arrays that training and test need.

        Raises
        ------
        ValueError
            It does not.
        """
        missing = [raw for name, raw in self.needed.items() if name not in arrays]
        if missing:
            raise ValueError(
                f"{path}: no {', '.join(missing)}: it cannot be trained on or tested, only "
                "predicted"
            )

    def times_in(self, path: Path, stage: Stage) -> NDArray[np.datetime64] | None:
        """Return the times of the samples of a raw file that belong to a stage."""
        return self.times_of(path)

    @property
    def folders(self) -> list[Path]:
        """The folders whose ``raw/`` is read."""
        return [folder for folder in (self.data_path, self.test_data_path) if folder]

    @property
    def sets(self) -> dict[Stage, list[Path]]:
        """The raw files of training, validation and test."""
        split = self.split
        return {"train": split.train, "val": split.val, "test": split.test}

    def unused_files(self) -> dict[Path, str]:
        """Return the entries of ``raw/`` that are in no set, and why."""
        return {**self.split.unused, **self.unknown_files()}

    def unknown_files(self) -> dict[Path, str]:
        """Return the entries of ``raw/`` that are not read, and why.

        Files that others are combined with (:attr:`beside`) are read.
        """
        unknown = {}
        names = f"not named {' or '.join(self.raw_patterns)}"
        for folder in self.folders:
            read = set(self.raw_files(folder))
            if self.beside is not None:
                read |= {file for path in list(read) for file in self.beside(path)}
                read |= {file.parent for file in read}  # the folder of pieces
            for path in visible_entries(folder / "raw"):
                if path not in read:
                    unknown[path] = "a folder" if path.is_dir() else names
        return unknown

    def check_sets(self) -> None:
        """Compare the times of the sets.

        Raises
        ------
        ValueError
            Training or validation and test share times, though nobody listed the files of the sets:
            with ``splits.yaml`` or `test_data_path` this is a warning.
        """
        times: dict[str, dict[Path, NDArray[np.datetime64]]] = {}
        for stage, files in self.sets.items():
            known = {file: self.times_in(file, stage) for file in files}
            times[stage] = {file: found for file, found in known.items() if found is not None}
        found = overlaps(times, (lambda _: "") if self.times_across_cases else case_of)
        message = f"{self.split_source}: {'; '.join(found)}"
        if found and find_table(self.data_path) is None and self.test_data_path is None:
            raise ValueError(
                f"{message}. Expected sets without common times: remove one of the files, or list "
                "the files of each set in splits.yaml"
            )
        if found:
            log.warning(message)

    def _report(self, sets: bool) -> None:
        """Say once which files are not read, and with `sets` what is unusual about these."""
        if self._reported:
            return
        self._reported = True
        for raw, group in groupby(self.unknown_files().items(), key=lambda item: item[0].parent):
            names, reasons = zip(*((path.name, why) for path, why in group), strict=True)
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            log.warning(
                "%s: not used: %s%s (%s)",
                raw,
                ", ".join(names[:10]),
                more,
                ", ".join(dict.fromkeys(reasons)),
            )
        for remark in self.split.remarks if sets else ():
            log.warning("%s: %s", self.split_source, remark)

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
            workers_timeout=self.workers_timeout,
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
        others = dict.fromkeys(split.test, "the test set is that of test_data_path")
        test = self.raw_files(self.test_data_path)
        return replace(split, test=test, unused=split.unused | others)

    def files(self, stage: Stage) -> list[Path]:
        """Return the raw files of a stage; prediction takes all."""
        if stage == "predict":
            return self.raw_files()
        return self.split.require(stage, self.split_source)

    @property
    def split_source(self) -> str:
        """What divides the files, for messages."""
        table = find_table(self.data_path) if self.split_strategy != "all-test" else None
        return str(table or f"split '{self.split_strategy}' of {self.data_path}")

    def prepare_data(self) -> None:
        """Check the sets, and derive the processed files that the running command needs.

        Raises
        ------
        ValueError
            See :meth:`check_sets`.
        """
        running = self.trainer.state.fn if self.trainer else None
        self._report(sets=not running or running.value != "predict")
        if not running or running.value == "fit":
            self.check_sets()
        stages: dict[str, tuple[Stage, ...]] = {
            "fit": ("train", "val"),
            "validate": ("val",),
            "test": ("test",),
            "predict": ("predict",),
        }
        for name in stages[running.value] if running else ("train", "val", "test"):
            self.prepare_files(self.files(name))

    @property
    def overfits(self) -> bool:
        """Whether training is on the same few batches in each epoch, to see that it learns them."""
        return bool(self.trainer and self.trainer.overfit_batches)  # type: ignore[attr-defined]

    def loader(self, stage: Stage, in_order: bool = False) -> Any:
        """Return the loader of a stage, a :class:`.resumable.Resumable`.

        Each item that it yields is a whole batch.

        Parameters
        ----------
        stage : {"train", "val", "test", "predict"}
        in_order : bool
            Whether training samples come as in the other stages: each once, in order.
        """
        training = stage == "train" and not in_order
        dataset = self.dataset(self.files(stage), stage)
        trainer = self.trainer
        groups: Sequence[Any] = dataset.groups  # type: ignore[attr-defined]
        share: dict[str, Any] = {
            "seed": self.seed,
            "rank": trainer.global_rank if trainer else 0,
            "world_size": trainer.world_size if trainer else 1,
        }
        sampler: BatchSampler
        if training and not self.overfits:
            sampler = BatchSampler(groups, self.batch_size, shuffle=True, **share)
        else:
            size = self.batch_size if training else self.eval_batch_size
            sampler = OrderedBatches(groups, size, **share)
        return BatchLoader(
            Batches(dataset),
            sampler=sampler,
            batch_size=None,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=ignore_warnings if self.num_workers else None,
        )

    def train_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the training batches."""
        loader = self.loader("train")
        loader.begin = self.batches_done
        return loader

    # --- Going on with a training ---

    def batches_done(self) -> int:
        """Return how many batches of the epoch were trained before the training went on."""
        trainer = self.trainer
        if trainer is None or not trainer.training or not trainer.fit_loop.is_resuming:
            return 0
        done = trainer.fit_loop.batch_idx + 1
        ours, theirs = self.state_dict(), self._resumed or self.state_dict()
        differing = [name for name in ours if ours[name] != theirs[name]]
        if done and differing:
            log.warning(
                "the training goes on after %d batches of an epoch with another %s: in this epoch "
                "some samples come twice, others not",
                done,
                ", ".join(f"{name} ({ours[name]}, not {theirs[name]})" for name in differing),
            )
        return done

    def state_dict(self) -> dict[str, Any]:
        """Return the settings that determine the batches of an epoch, for the checkpoint."""
        processes = self.trainer.world_size if self.trainer else 1
        return {"batch_size": self.batch_size, "seed": self.seed, "processes": processes}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Note the same of the checkpoint that a training goes on from."""
        self._resumed = state_dict

    def val_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the validation batches."""
        return self.loader("val")

    def test_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return the test batches."""
        return self.loader("test")

    def predict_dataloader(self) -> Iterable[dict[str, Any]]:
        """Return batches of every raw file, targets not needed."""
        return self.loader("predict")
