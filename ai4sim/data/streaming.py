"""Arrays that come block by block, written to ``.npy`` files in constant memory."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

Blocks = Generator[Mapping[str, NDArray[Any]], None, Mapping[str, Any]]
"""Rows of arrays by name, block after block; returns further arrays and attributes."""
MAX_THREADS = 4  # each holds a few blocks in memory


class NpyFile:
    """An ``.npy`` file whose rows are written in any order, also by several threads.

    These are plain writes: pages of a file that is mapped into memory would count as memory of
    this process until the system finds time to write them.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        The first axis is that of the rows.
    dtype : data type
    written : callable, optional
        Is told the bytes of each block once they are written.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        written: Callable[[int], None] | None = None,
    ) -> None:
        self.path, self.shape, self.dtype, self.written = path, shape, np.dtype(dtype), written
        header = _header(shape, self.dtype)
        self.offset = len(header)
        with path.open("wb") as file:
            file.write(header)
            file.truncate(self.offset + self._row_bytes * shape[0])

    @property
    def _row_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def __setitem__(self, where: tuple[slice, ...], block: NDArray[Any]) -> None:
        """Write whole rows: `where` is a slice of the first axis, those of the others are full."""
        data = np.ascontiguousarray(block, dtype=self.dtype).data.cast("B")
        start = self._row_bytes * int(where[0].start or 0)
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self.offset + start)
            _write(file, data)
        if self.written is not None:
            self.written(len(data))


class GrowingNpyFile:
    """An ``.npy`` file to whose end rows are written; their number is known in the end.

    Parameters
    ----------
    path : Path
    row_shape : tuple of int
    dtype : data type
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.dtype, self.row_shape, self.rows = np.dtype(dtype), row_shape, 0
        self._file = path.open("wb", buffering=0)
        # NumPy leaves room in it for a first axis of any length.
        _write(self._file, memoryview(_header((0, *row_shape), self.dtype)))

    def append(self, rows: NDArray[Any]) -> int:
        """Write rows, and return their bytes.

        Raises
        ------
        ValueError
            They have another shape than the first ones.
        """
        if rows.shape[1:] != self.row_shape:
            raise ValueError(f"rows of shape {rows.shape[1:]}, expected {self.row_shape}")
        data = np.ascontiguousarray(rows, dtype=self.dtype).data.cast("B")
        _write(self._file, data)
        self.rows += len(rows)
        return len(data)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is written so far."""
        return (self.rows, *self.row_shape)

    def close(self) -> None:
        """Note the number of rows."""
        self._file.seek(0)
        _write(self._file, memoryview(_header(self.shape, self.dtype)))
        self._file.close()


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return what an ``.npy`` file begins with."""
    buffer = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": description, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def _write(file: BinaryIO, data: memoryview) -> None:
    """Write all of it: the system may take less than it is given."""
    done = 0
    while done < len(data):
        done += file.write(data[done:])


def is_lazy(values: Any) -> bool:
    """Whether this is a dask array, without importing dask."""
    return hasattr(values, "__dask_graph__")


def stream(
    folder: Path,
    arrays: Mapping[str, Any],
    dtypes: Mapping[str, DTypeLike],
    title: str,
    delay: float = 2.0,
    progress: bool = True,
) -> None:
    """Compute dask arrays together and write each one as ``folder/<name>.npy``.

    A block that several of them need is computed once and forgotten when all have used it.

    Parameters
    ----------
    folder : Path
    arrays : mapping of str to dask array
        Cut into blocks along their first axis (other cuts are undone first).
    dtypes : mapping of str to data type
        What they are stored as.
    title : str
        Of the progress bar, which counts bytes.
    delay : float
        Seconds before it appears.
    progress : bool
        Whether it does.
    """
    import dask.array
    from tqdm import tqdm

    arrays = {name: a.rechunk(dict.fromkeys(range(1, a.ndim), -1)) for name, a in arrays.items()}
    total = sum(a.size * np.dtype(dtypes[name]).itemsize for name, a in arrays.items())
    lock = threading.Lock()
    with tqdm(
        desc=title,
        total=total,
        unit="B",
        unit_scale=True,
        delay=delay,
        leave=False,
        disable=None if progress else True,
    ) as bar:

        def written(size: int) -> None:
            with lock:
                bar.update(size)

        targets: list[Any] = [
            NpyFile(folder / f"{name}.npy", a.shape, dtypes[name], written)
            for name, a in arrays.items()
        ]
        dask.array.store(
            list(arrays.values()),
            targets,
            lock=False,
            scheduler="threads",
            num_workers=min(os.cpu_count() or 1, MAX_THREADS),
        )


def append_blocks(
    folder: Path,
    blocks: Blocks,
    dtype_of: Callable[[str, np.dtype[Any]], np.dtype[Any]],
    title: str,
    total: int,
    delay: float = 2.0,
    progress: bool = True,
) -> tuple[dict[str, GrowingNpyFile], Mapping[str, Any]]:
    """Write blocks of rows as they come, each array as ``folder/<name>.npy``.

    Parameters
    ----------
    folder : Path
    blocks : generator
        Yields mappings from names to rows, the same names each time; they are written before the
        next ones are asked for.
    dtype_of : callable
        Name and data type of rows -> what they are stored as.
    title : str
        Of the progress bar, which counts bytes.
    total : int
        Bytes to come, about.
    delay : float
        Seconds before it appears.
    progress : bool
        Whether it does.

    Returns
    -------
    files : dict of str to GrowingNpyFile
        What was written.
    content : mapping
        What the generator returned in the end.
    """
    from tqdm import tqdm

    files: dict[str, GrowingNpyFile] = {}
    with (
        contextlib.ExitStack() as stack,
        tqdm(
            desc=title,
            total=total,
            unit="B",
            unit_scale=True,
            delay=delay,
            leave=False,
            disable=None if progress else True,
        ) as bar,
    ):
        stack.callback(blocks.close)
        while True:
            try:
                block = next(blocks)
            except StopIteration as end:
                return files, end.value or {}
            for name, rows in block.items():
                if name not in files:
                    path, dtype = folder / f"{name}.npy", dtype_of(name, rows.dtype)
                    files[name] = GrowingNpyFile(path, rows.shape[1:], dtype)
                    stack.callback(files[name].close)
                bar.update(files[name].append(rows))
