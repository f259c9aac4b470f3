"""Which samples make a batch, and how processes share them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from ai4sim.data.resumable import Resumable


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
        self.start = 0
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
        for step in range(self.start, -(-len(batches) // self.world_size)):
            i = step * self.world_size + self.rank
            batch = batches[i % len(batches)]
            yield BatchIndex(batch, (self.seed, self.epoch, *batch), repeated=i >= len(batches))

    def __len__(self) -> int:
        if self.shuffle:  # known without drawing the order
            return -(-len(self.groups) // (self.batch_size * self.world_size))
        return -(-len(self._batches()) // self.world_size)


class OrderedBatches(BatchSampler, SequentialSampler):  # type: ignore[misc]
    """The same batches in each epoch, in order.

    ``--trainer.overfit_batches`` takes the first ones of these. Lightning would replace a sampler
    of another base class by one of its own.

    Parameters
    ----------
    groups, batch_size
        See :class:`BatchSampler`.
    **kwargs
        See there, too.
    """

    def __init__(self, groups: Sequence[Any], batch_size: int, **kwargs: Any) -> None:
        BatchSampler.__init__(self, groups, batch_size, shuffle=False, **kwargs)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: crops and augmentation stay those of the first epoch."""


class BatchLoader(Resumable, DataLoader):
    """A DataLoader whose sampler is a :class:`BatchSampler`."""

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        self.sampler.start = self.begin()  # type: ignore[attr-defined]
        yield from super().__iter__()
