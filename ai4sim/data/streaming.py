"""Arrays that come block by block, written to ``.npy`` files in constant memory."""

from __future__ import annotations

import contextlib
import io
import math
import os
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Blocks = Generator[Mapping[str, NDArray[Any]], None, Mapping[str, Any]]
"""Rows of arrays by name, block after block; returns further arrays and attributes."""
MAX_THREADS = 4  # each holds a few blocks in memory
QUIET_SECONDS = 2.0  # no progress bar for work that takes less


class NpyFile:
    """An ``.npy`` file whose rows are written in any order, also by several threads.

    These are plain writes: pages of a file that is mapped into memory would count as memory of
    this process until the system finds time to write them. The number of rows is known in the end.

    Parameters
    ----------
    path : Path
    row_shape : tuple of int
    dtype : data type
    written : callable, optional
        Is told the bytes of each block once they are written.
    """

    def __init__(
        self,
        path: Path,
        row_shape: tuple[int, ...],
        dtype: DTypeLike,
        written: Callable[[int], object] | None = None,
    ) -> None:
        self.path, self.row_shape, self.dtype = path, row_shape, np.dtype(dtype)
        self.written, self.rows, self._lock = written, 0, threading.Lock()
        with path.open("wb") as file:
            file.write(self._header())
            self.offset = file.tell()

    def _header(self) -> bytes:
        """Return the beginning of the file; its length leaves room for any number of rows."""
        buffer = io.BytesIO()
        facts = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (self.rows, *self.row_shape),
        }
        np.lib.format.write_array_header_1_0(buffer, facts)
        return buffer.getvalue()

    def __setitem__(self, where: tuple[slice, ...], block: NDArray[Any]) -> None:
        """Write whole rows: `where` is a slice of the first axis, those of the others are full.

        Raises
        ------
        ValueError
            They have another shape than the rows of the file.
        """
        if block.shape[1:] != self.row_shape:
            raise ValueError(f"rows of shape {block.shape[1:]}, expected {self.row_shape}")
        data = np.ascontiguousarray(block, dtype=self.dtype).data.cast("B")
        start = int(where[0].start or 0)
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self.offset + self.dtype.itemsize * math.prod(self.row_shape) * start)
            done = 0
            while done < len(data):  # the system may take less than it is given
                done += file.write(data[done:])
        with self._lock:
            self.rows = max(self.rows, start + len(block))
            if self.written is not None:
                self.written(len(data))

    def append(self, rows: NDArray[Any]) -> None:
        """Write rows after the last one."""
        self[slice(self.rows, None),] = rows

    def close(self) -> None:
        """Note the number of rows."""
        with self.path.open("r+b") as file:
            file.write(self._header())


def is_lazy(values: Any) -> bool:
    """Whether this is a dask array, without importing dask."""
    return hasattr(values, "__dask_graph__")


def progress_bar(title: str, size: int, progress: bool = True, **options: Any) -> Any:
    """Return a bar that counts bytes, for work that takes its time."""
    from tqdm import tqdm

    return tqdm(
        desc=title,
        total=size,
        unit="B",
        unit_scale=True,
        delay=QUIET_SECONDS,
        disable=None if progress else True,  # None: a bar on terminals only
        **options,
    )


def stream(
    folder: Path,
    arrays: Mapping[str, Any],
    dtype_of: Callable[[str, np.dtype[Any]], np.dtype[Any]],
    title: str,
    progress: bool = True,
) -> None:
    """Compute dask arrays together and write each one as ``folder/<name>.npy``.

    A block that several of them need is computed once and forgotten when all have used it.

    Parameters
    ----------
    folder : Path
    arrays : mapping of str to dask array
        Cut into blocks along their first axis (other cuts are undone first).
    dtype_of : callable
        Name and data type of an array -> its data type in the file.
    title : str
        Name of the progress bar.
    progress : bool
        Whether there is one.
    """
    import dask.array

    arrays = {name: a.rechunk(dict.fromkeys(range(1, a.ndim), -1)) for name, a in arrays.items()}
    dtypes = {name: dtype_of(name, a.dtype) for name, a in arrays.items()}
    size = sum(a.size * dtypes[name].itemsize for name, a in arrays.items())
    lock = threading.Lock()
    with progress_bar(title, size, progress, leave=False) as bar:

        def written(count: int) -> None:
            with lock:
                bar.update(count)

        files = [
            NpyFile(folder / f"{name}.npy", a.shape[1:], dtypes[name], written)
            for name, a in arrays.items()
        ]
        dask.array.store(
            list(arrays.values()),
            files,  # type: ignore[arg-type]
            lock=False,
            scheduler="threads",
            num_workers=min(os.cpu_count() or 1, MAX_THREADS),
        )
        for file in files:
            file.close()


def append_blocks(
    folder: Path,
    blocks: Blocks,
    dtype_of: Callable[[str, np.dtype[Any]], np.dtype[Any]],
    title: str,
    size: int,
    progress: bool = True,
) -> tuple[list[str], Mapping[str, Any]]:
    """Write blocks of rows as they come, each array as ``folder/<name>.npy``.

    Parameters
    ----------
    folder : Path
    blocks : generator
        Yields mappings from names to rows, the same names each time; they are written before the
        next ones are asked for.
    dtype_of, title, progress
        See :func:`stream`.
    size : int
        Bytes to come, about.

    Returns
    -------
    names : list of str
        The arrays that were written.
    content : mapping
        The value that the generator returned in the end.
    """
    files: dict[str, NpyFile] = {}
    with contextlib.closing(blocks), progress_bar(title, size, progress, leave=False) as bar:
        while True:
            try:
                block = next(blocks)
            except StopIteration as end:
                for file in files.values():
                    file.close()
                return list(files), end.value or {}
            for name, rows in block.items():
                if name not in files:
                    path, dtype = folder / f"{name}.npy", dtype_of(name, rows.dtype)
                    files[name] = NpyFile(path, rows.shape[1:], dtype, bar.update)
                files[name].append(rows)
