"""Arrays that come block by block, written to ``.npy`` files in constant memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

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
        description = np.lib.format.dtype_to_descr(self.dtype)
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": description, "fortran_order": False, "shape": shape}
            )
            self.offset = file.tell()
            file.truncate(self.offset + self._row_bytes * shape[0])

    @property
    def _row_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def __setitem__(self, where: tuple[slice, ...], block: NDArray[Any]) -> None:
        """Write whole rows: `where` is a slice of the first axis, those of the others are full."""
        data = np.ascontiguousarray(block, dtype=self.dtype).data.cast("B")
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self.offset + self._row_bytes * int(where[0].start or 0))
            done = 0
            while done < len(data):  # the system may take less than it is given
                done += file.write(data[done:])
        if self.written is not None:
            self.written(len(data))


def is_lazy(values: Any) -> bool:
    """Whether this is a dask array, without importing dask."""
    return hasattr(values, "__dask_graph__")


def stream(
    folder: Path,
    arrays: Mapping[str, Any],
    dtypes: Mapping[str, DTypeLike],
    title: str,
    delay: float = 2.0,
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
    """
    import dask.array
    from tqdm import tqdm

    arrays = {name: a.rechunk(dict.fromkeys(range(1, a.ndim), -1)) for name, a in arrays.items()}
    total = sum(a.size * np.dtype(dtypes[name]).itemsize for name, a in arrays.items())
    lock = threading.Lock()
    with tqdm(
        desc=title, total=total, unit="B", unit_scale=True, delay=delay, leave=False, disable=None
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
