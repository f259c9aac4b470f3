"""Batches of rows from tables that may be larger than memory.

Rows of tables (:mod:`ai4sim.data.tables`) are never fetched one by one. Training reads contiguous
blocks in random order into a pool and draws whole batches from it at random: with a pool of many
blocks, from all files, a batch is as mixed as one drawn from the whole, and the disk is read in
long runs. Where all rows fit in memory the pool holds them all, and stays.
Evaluation reads the tables in order. A thread reads ahead in both cases.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.resumable import Resumable
from ai4sim.data.tables import Table

log = logging.getLogger(__name__)

Rows = dict[str, Tensor]
Piece = tuple[int, int, int]
"""Rows of a table: its number, the first row, the end."""
T = TypeVar("T")

BLOCK_ROWS = 1024
"""Rows that are read from a table at once."""


class RowLoader(Resumable):
    """What training and evaluation share: tables of equal columns, and a place in a group.

    Parameters
    ----------
    tables : sequence of Table
        At least one. An array that some of them lack is NaN there.
    batch_size : int
        Rows of a batch.
    widths : mapping of str to tuple of int, optional
        Arrays that batches have even if no table does, and the shape of their rows.
    rank, world_size : int
        Place of this process among those of a distributed run.

    Raises
    ------
    ValueError
        The tables differ in the width of an array.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        batch_size: int,
        *,
        widths: Mapping[str, tuple[int, ...]] | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, found {batch_size}")
        self.tables, self.batch_size = list(tables), batch_size
        self.rank, self.world_size = rank, world_size
        self.widths = dict(widths or {})
        for table in self.tables:
            for name, array in table.arrays.items():
                width = self.widths.setdefault(name, array.shape[1:])
                if array.shape[1:] != width:
                    raise ValueError(
                        f"{table.path}: {name} has rows of {array.shape[1:]} values, expected "
                        f"{width} as in {self.tables[0].path}"
                    )
        self.rows = sum(table.rows for table in self.tables)
        if not self.rows:
            raise ValueError(f"no rows in {[str(table.path) for table in self.tables]}")
        self.row_bytes = 4 * sum(math.prod(width) for width in self.widths.values())

    def pieces(self, size: int) -> list[Piece]:
        """Cut the tables into pieces of so many rows, at most."""
        return [
            (i, start, min(start + size, table.rows))
            for i, table in enumerate(self.tables)
            for start in range(0, table.rows, size)
        ]

    def read(self, pieces: Iterable[Piece]) -> Rows:
        """Read pieces of tables, one after the other."""
        pieces = list(pieces)
        count = sum(stop - start for _, start, stop in pieces)
        # NumPy asks for huge pages, which halve the time of drawing rows at random from them.
        rows = {
            name: torch.from_numpy(np.empty((count, *width), np.float32))
            for name, width in self.widths.items()
        }
        done = 0
        for table, start, stop in pieces:
            end = done + stop - start
            self.tables[table].read(start, {n: values[done:end] for n, values in rows.items()})
            done = end
        return rows

    def rows_at(self, chosen: NDArray[np.integer]) -> Rows:
        """Read single rows by their numbers, counted through the tables."""
        counts = np.array([table.rows for table in self.tables])
        ends = counts.cumsum()
        table = np.searchsorted(ends, chosen, side="right")
        start = chosen - ends[table] + counts[table]
        return self.read(zip(table.tolist(), start.tolist(), (start + 1).tolist(), strict=True))


class ShuffledRows(RowLoader):
    """Training batches: each row exactly once per epoch, in another order each time.

    All batches have `batch_size` rows, but for the last one of each process. Processes serve
    different rows, equally many batches each.

    Parameters
    ----------
    tables, batch_size
        See :class:`RowLoader`.
    pool_rows : int
        Rows that are shuffled at once. There are two pools, one of which is being read.
    memory_limit : float
        Bytes that the pools may take. If all rows do with less they are kept.
    device : torch.device, optional
        Where the pools, hence the batches, are.
    seed : int
        Together with the epoch it determines the batches.
    **kwargs
        See :class:`RowLoader`.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        batch_size: int,
        *,
        pool_rows: int = 131072,
        memory_limit: float = 4 * 2**30,
        device: torch.device | str = "cpu",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(tables, batch_size, **kwargs)
        if self.rows < self.world_size or (batch_size == 1 and self.rows % self.world_size):
            raise ValueError(
                f"{self.rows} rows in batches of {batch_size} cannot be shared by "
                f"{self.world_size} processes: take a larger batch_size, or fewer processes"
            )
        self.device, self.seed, self.epoch = torch.device(device), seed, 0
        self.in_memory = self.rows * self.row_bytes <= memory_limit
        affordable = int(memory_limit / 2 / max(self.row_bytes, 1))
        self.pool_batches = max(min(pool_rows, affordable) // batch_size, 1)
        self._held: Rows | None = None
        log.info(
            "%d training rows (%.2f GB) %s",
            self.rows,
            self.rows * self.row_bytes / 1e9,
            f"in memory, on {self.device}"
            if self.in_memory
            else f"on disk; shuffled in pools of {self.pool_batches * batch_size} rows",
        )

    @property
    def sampler(self) -> ShuffledRows:
        """What Lightning tells the epoch to."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the shuffle."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.rows // (self.batch_size * self.world_size))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        start = self.begin()
        pools = self._whole(start) if self.in_memory else read_ahead(self._pools(start))
        for rows, batches in pools:
            for batch in batches:
                chosen = {name: values.index_select(0, batch) for name, values in rows.items()}
                yield {**chosen, "repeated": False}

    def _edges(self) -> NDArray[np.int64]:
        """Return where the batches of this process begin and end in the sequence of an epoch.

        Each process has a contiguous share of it. Where a share falls short of the others' by a row
        so that nothing is left for the last batch, the one before gives it a row.
        """
        start, stop = (self.rows * r // self.world_size for r in (self.rank, self.rank + 1))
        steps = np.arange(len(self) + 1)
        return start + np.minimum(steps * self.batch_size, stop - start - steps[::-1])

    def _whole(self, start: int) -> Iterator[tuple[Rows, list[Tensor]]]:
        """Return all rows and this epoch's batches of them, from number `start` on."""
        if self._held is None:
            self._held = self._move(
                self.read((i, 0, table.rows) for i, table in enumerate(self.tables))
            )
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.rows)
        yield self._held, self._cut(order, self._edges()[start:])

    def _pools(self, start: int) -> Iterator[tuple[Rows, list[Tensor]]]:
        """Return pool after pool and the batches of each, from number `start` on."""
        blocks = np.array(self.pieces(BLOCK_ROWS))
        epoch = self.epoch
        rng = np.random.default_rng((self.seed, epoch))
        blocks = blocks[rng.permutation(len(blocks))]
        edges = self._edges()
        pools = -(-len(self) // self.pool_batches)
        for pool, steps in enumerate(np.array_split(np.arange(len(self)), pools)):
            if steps[-1] < start:
                continue
            within = edges[steps[0] : steps[-1] + 2]
            rng = np.random.default_rng((self.seed, epoch, self.rank, pool))
            order = rng.permutation(within[-1] - within[0])
            rows = self._move(self.read(_cut_out(blocks, int(within[0]), int(within[-1]))))
            done = max(start - int(steps[0]), 0)
            yield rows, self._cut(order, within[done:] - within[0])

    def _move(self, rows: Rows) -> Rows:
        return {name: values.to(self.device) for name, values in rows.items()}

    def _cut(self, order: NDArray[np.int64], edges: NDArray[np.int64]) -> list[Tensor]:
        index = torch.from_numpy(order).to(self.device)
        return [index[a:b] for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]


def _cut_out(blocks: NDArray[np.int64], first: int, last: int) -> list[Piece]:
    """Return the pieces that hold the rows `first` to `last` of a sequence of blocks."""
    ends = np.cumsum(blocks[:, 2] - blocks[:, 1])
    begin, end = np.searchsorted(ends, first, side="right"), np.searchsorted(ends, last)
    pieces = blocks[begin : end + 1].copy()
    pieces[-1, 2] -= ends[end] - last
    pieces[0, 1] += first - (ends[begin - 1] if begin else 0)
    return [(int(table), int(start), int(stop)) for table, start, stop in pieces]


class OrderedRows(RowLoader):
    """Evaluation batches: the tables in order, each batch from one of them.

    A batch also says ``file``, the raw file, and ``rows``, the first row in it and the end (counted
    as :class:`Table` counts them); and ``repeated``: a process that has fewer batches than another
    stays in step with one that does not count.

    Parameters
    ----------
    tables, batch_size
        See :class:`RowLoader`.
    whole_files : bool
        Whether each file goes to one process only.
    **kwargs
        See :class:`RowLoader`.
    """

    def __init__(
        self, tables: Sequence[Table], batch_size: int, *, whole_files: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(tables, batch_size, **kwargs)
        pieces = self.pieces(batch_size)
        shares = [
            [p for i, p in enumerate(pieces) if (p[0] if whole_files else i) % self.world_size == r]
            for r in range(self.world_size)
        ]
        self.batches = [(piece, False) for piece in shares[self.rank]]
        self.batches += [(pieces[0], True)] * (max(map(len, shares)) - len(self.batches))

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from read_ahead(self._batch(*batch) for batch in self.batches[self.begin() :])

    def _batch(self, piece: Piece, repeated: bool) -> dict[str, Any]:
        table, start, stop = piece
        where = {"file": str(self.tables[table].path), "rows": (start, stop)}
        return {**self.read([piece]), **where, "repeated": repeated}


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Let a thread make the next item while the last one is used."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(next, items, end)
        while (item := ahead.result()) is not end:
            ahead = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
