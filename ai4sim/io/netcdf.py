"""netCDF files: written whole or not at all; netCDF-3 read by the netCDF library.

The netCDF library must not be entered by two threads at once, not even for a shape: who uses a file
holds the lock. Who reads or writes many at once does so in processes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.files import atomic_write
from ai4sim.io.raw_variables import RawFile, RawVariable, plain, reading

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
    with atomic_write(path) as temporary:
        with LOCK:
            dataset = netCDF4.Dataset(temporary, "w", format=layout)
        try:
            yield dataset
        finally:
            with LOCK:
                dataset.close()


@contextlib.contextmanager
def open_classic(path: Path) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF-3 file that is known to be whole (:mod:`ai4sim.io.formats`).

    Raises
    ------
    ValueError
        The library does not open it.
    """
    with LOCK:
        try:
            dataset = netCDF4.Dataset(path)
        except OSError as error:
            raise ValueError(f"{path}: a damaged netCDF-3 file ({error})") from error
        dataset.set_auto_maskandscale(False)
        dataset.set_auto_chartostring(False)
    try:
        yield dataset
    finally:
        with LOCK:
            dataset.close()


class ClassicFile(RawFile):
    """An open netCDF-3 file."""

    def __init__(self, path: Path, dataset: netCDF4.Dataset) -> None:
        self.dataset = dataset
        with LOCK, reading(path):
            attributes = {name: plain(dataset.getncattr(name)) for name in dataset.ncattrs()}
            dimensions = {name: len(found) for name, found in dataset.dimensions.items()}
            super().__init__(path, "netCDF-3", attributes, dimensions, list(dataset.variables))

    def _open(self, name: str) -> RawVariable:
        return ClassicVariable(self.path, name, self.dataset.variables[name])


class ClassicVariable(RawVariable):
    """A variable of a netCDF-3 file."""

    def __init__(self, path: Path, name: str, variable: netCDF4.Variable) -> None:
        self.variable = variable
        with LOCK, reading(path, name):
            attributes = {key: plain(variable.getncattr(key)) for key in variable.ncattrs()}
            super().__init__(
                path,
                name,
                tuple(variable.shape),
                tuple(variable.dimensions),
                np.dtype(variable.dtype),
                attributes,
            )

    def stored(self, index: Any = ...) -> NDArray[Any]:
        """Return values as they are stored, in the byte order of this machine."""
        with LOCK, reading(self.path, self.name):
            values = np.asarray(self.variable[index])
        return values.astype(values.dtype.newbyteorder("="), copy=False)
