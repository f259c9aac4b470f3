"""netCDF files, written whole or not at all.

The netCDF library must not be entered by two threads at once, not even for a shape: who uses a file
holds the lock. Who reads or writes many at once does so in processes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ai4sim.io.files import atomic_write

LOCK = threading.RLock()


@contextlib.contextmanager
def create(path: Path | str, layout: Any = "NETCDF4") -> Iterator[Any]:
    """Give a new netCDF file to write, atomically.

    Parameters
    ----------
    path : path
        Its folder is made if absent.
    layout : str
        The format, as the netCDF library names it.

    Yields
    ------
    netCDF4.Dataset
        What is done with it needs the lock.
    """
    import netCDF4

    with atomic_write(path) as temporary:
        with LOCK:
            dataset = netCDF4.Dataset(temporary, "w", format=layout)
        try:
            yield dataset
        finally:
            with LOCK:
                dataset.close()
