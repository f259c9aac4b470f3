"""Tables of rows on disk, read and written in runs, never mapped into memory.

A table is what :class:`ai4sim.data.cache.ProcessedCache` keeps of one raw file: arrays with one row
per sample, such as ``inputs : (row, p)`` and ``targets : (row, q)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.io.files import temporary_path


@dataclass(frozen=True)
class RowArray:
    """A float32 array ``(row, ...)`` in an uncompressed file, read without mapping it into memory.

    A map would count as memory of this process, page by page as it is read, and keep the file open.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]

    @classmethod
    def of(cls, array: NDArray) -> RowArray:
        """Take the place of an array that ``numpy.load(..., mmap_mode=...)`` gave.

        Raises
        ------
        ValueError
            It is no such array, or not of float32.
        """
        if not isinstance(array, np.memmap) or array.dtype != np.float32:
            raise ValueError(f"expected a float32 array on disk, found {type(array)} {array.dtype}")
        return cls(Path(str(array.filename)), array.offset, array.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return 4 * math.prod(self.shape[1:])

    def read(self, start: int, out: Tensor) -> None:
        """Read the rows from `start` on into `out`, as many as it has.

        Raises
        ------
        ValueError
            The file ends before.
        """
        target = out.numpy().data.cast("B")
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + start * self.row_bytes)
            done = 0
            while done < len(target):  # a read may return less than it is asked for
                count = file.readinto(target[done:])
                if not count:
                    raise ValueError(f"{self.path}: ends early; it was replaced while it was read")
                done += count


@dataclass(frozen=True)
class Table:
    """Runs of rows of one raw file, one after the other.

    Attributes
    ----------
    path : Path
        The raw file.
    arrays : dict of str to RowArray
        By the names that they have in a batch; equally many rows in each.
    runs : sequence of (int, int)
        First row and end of each run; the rows of the table are counted along the runs.
    """

    path: Path
    arrays: Mapping[str, RowArray]
    runs: Sequence[tuple[int, int]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(stop - start for start, stop in self.runs)

    def places(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Tell where rows of the table are in the file: the pieces, first row and end of each."""
        begin = 0
        for first, last in self.runs:
            end = begin + last - first
            if begin < stop and end > start:
                yield first + max(start - begin, 0), last - max(end - stop, 0)
            begin = end

    def read(self, start: int, out: Mapping[str, Tensor]) -> None:
        """Read rows of all arrays into `out`; one that this table does not have becomes NaN."""
        for name, target in out.items():
            if name not in self.arrays:
                target.fill_(math.nan)
                continue
            done = 0
            for first, last in self.places(start, start + len(target)):
                self.arrays[name].read(first, target[done : done + last - first])
                done += last - first


@dataclass
class GatheredRows:
    """Rows that come in parts, kept in a hidden file until all are there.

    Parameters
    ----------
    beside : Path
        The hidden file is in the same folder; it is swept away if a run leaves it there
        (:func:`ai4sim.io.files.remove_stale_temporaries`).
    shape : tuple of int
        (row, width)
    """

    beside: Path
    shape: tuple[int, int]
    seen: int = 0
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = temporary_path(self.beside)

    def add(self, start: int, values: NDArray[np.float32]) -> bool:
        """Take rows in, ``values : (row, width)``, and say whether all are there.

        Raises
        ------
        ValueError
            The rows do not fit.
        """
        stop = start + len(values)
        if values.shape[1:] != self.shape[1:] or stop > self.shape[0]:
            raise ValueError(
                f"{self.beside}: rows {start} to {stop} of {values.shape[1:]} values do not fit "
                f"into {self.shape}"
            )
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.seek(4 * self.shape[1] * start)
            file.write(np.ascontiguousarray(values, dtype=np.float32).data)
        self.seen += len(values)
        return self.seen == self.shape[0]

    def open(self) -> NDArray[np.float32]:
        """Return the rows, mapped into memory."""
        return np.memmap(self.path, dtype=np.float32, mode="r", shape=self.shape)

    def remove(self) -> None:
        """Remove the hidden file."""
        self.path.unlink(missing_ok=True)
