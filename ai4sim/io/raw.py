"""Raw files: the one way in which every use case reads them.

A file is netCDF-4, plain HDF5, or any netCDF-3. Its variables are found by name, and decoded by the
conventions of netCDF (:mod:`ai4sim.io.raw_variables`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ai4sim.io.formats import format_of
from ai4sim.io.hdf5 import Hdf5File, open_hdf5
from ai4sim.io.netcdf import ClassicFile, open_classic
from ai4sim.io.raw_variables import RawFile


@contextlib.contextmanager
def open_raw(path: Path | str) -> Iterator[RawFile]:
    """Open a netCDF or HDF5 file for reading.

    Raises
    ------
    FileNotFoundError
        There is none; the message has the nearest name.
    ValueError
        It is of another format, not whole, damaged, or locked by a program that writes it.
    """
    path = Path(path)
    if format_of(path) == "netCDF-3":
        with open_classic(path) as dataset:
            yield ClassicFile(path, dataset)
    else:
        with open_hdf5(path) as file:
            yield Hdf5File(path, file)
