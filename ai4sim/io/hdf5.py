"""netCDF-4 and plain HDF5 files, read by h5py."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.formats import format_of
from ai4sim.io.raw_variables import UNWRITTEN, RawFile, RawVariable, plain, reading, reason

FILTERS = {
    305: "LZO",
    307: "bzip2",
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32024: "SZ3",
    32026: "Blosc2",
}
"""Filters of HDF5 by their registered numbers."""
INTERNAL = re.compile(r"CLASS|NAME|DIMENSION_LIST|REFERENCE_LIST|DIMENSION_LABELS|_N[Ce].*|_nc3.*")
"""Attributes by which libraries keep the dimensions of netCDF-4."""
_APART: set[tuple[str, int, int]] = set()
"""Versions of files, by path, time and size, that :func:`check_places` has passed."""


def open_hdf5(path: Path | str) -> h5py.File:
    """Open an HDF5 or netCDF-4 file for reading, as h5py has it.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`ai4sim.io.raw.open_raw`; or it is netCDF-3.
    """
    path = Path(path)
    if format_of(path) == "netCDF-3":
        raise ValueError(
            f"{path}: netCDF-3, expected netCDF-4 (HDF5): convert it by `nccopy -k nc4 IN OUT`"
        )
    _register_filters()
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(_opening_error(path, str(error))) from error


@functools.cache
def _register_filters() -> None:
    """Make the filters known that users have installed with hdf5plugin."""
    logging.getLogger("hdf5plugin").setLevel(logging.WARNING)
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")


def _opening_error(path: Path, said: str) -> str:
    """Say why HDF5 does not open a file."""
    truncated = re.search(r"eof = (\d+).*stored_eof = (\d+)", said)
    if truncated:
        return (
            f"{path}: the file has {truncated[1]} bytes, its header says {truncated[2]}: it was "
            "cut short, or is still being copied"
        )
    if "lock" in said:
        return (
            f"{path}: locked: is another program writing it? ({said}). If none is, and the file "
            "system has no locks, set HDF5_USE_FILE_LOCKING=FALSE"
        )
    if "ermission denied" in said:
        return f"{path}: you may not read it ({said})"
    return f"{path}: not an HDF5 file, or a damaged one ({said})"


def check_places(path: Path, file: h5py.File) -> None:
    """Check that data sets lie apart: the headers of HDF5 say where, mostly without a checksum.

    Raises
    ------
    ValueError
        The values of a data set begin within those of another one, or hold the header of one.
    """
    state = path.stat()
    version = (str(path), state.st_mtime_ns, state.st_size)
    if version in _APART:
        return
    places: list[tuple[int, int, str]] = []

    def note(name: str, item: Any) -> None:
        header = h5py.h5o.get_info(item.id).addr
        places.append((header, header + 1, f"the header of {name}"))
        start = item.id.get_offset() if isinstance(item, h5py.Dataset) else None
        if start is not None:
            places.append((start, start + item.id.get_storage_size(), name))

    with reading(path):
        file.visititems(note)
    end, before = 0, ""
    for start, stop, name in sorted(places):
        if start < end:
            raise ValueError(
                f"{path}: a damaged HDF5 file: {name} begins at byte {start}, within {before}, "
                f"which ends at {end}"
            )
        end, before = stop, name
    _APART.add(version)


Axes = dict[str, dict[int, str]]
"""For each data set the dimension scale along each of its axes."""


class Hdf5File(RawFile):
    """An open netCDF-4 or HDF5 file."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.file = file
        names: list[str] = []
        scales: list[str] = []
        dimensions: dict[str, int] = {}
        self.groups: list[str] = []
        with reading(path):
            members, attributes = list(file), _attributes(file)
        for name in members:
            with reading(path, name):
                item = None if self._link(name) else file[name]
                if item is not None and not isinstance(item, h5py.Dataset):
                    self.groups.append(name)
                    continue
                if item is not None and item.ndim and item.is_scale:
                    scales.append(name)
                    dimensions |= {name: len(item)} if item.ndim == 1 else {}
                if item is None or not _is_bare_dimension(item):
                    names.append(name)
        check_places(path, file)
        self._axes = _axes_along(file, scales)
        super().__init__(path, "netCDF-4", attributes, dimensions, names)

    def _link(self, name: str) -> str | None:
        """Return where a soft or external link leads, None of what is in the file itself."""
        link = self.file.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            return f"{link.filename}:{link.path}"
        return str(link.path) if isinstance(link, h5py.SoftLink) else None

    def _found(self, name: str) -> str:
        groups = f"; {', '.join(self.groups)}: groups" if self.groups else ""
        return super()._found(name) + groups

    def _open(self, name: str) -> RawVariable:
        target = self._link(name)
        try:
            dataset = self.file[name]
        except (KeyError, OSError, RuntimeError) as error:
            if target is None:
                raise ValueError(
                    f"{self.path}: {name} cannot be opened: {reason(error)}"
                ) from error
            raise ValueError(
                f"{self.path}: {name} is a link to {target}, which cannot be opened: "
                f"{reason(error)}"
            ) from error
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{self.path}: {name} is a link to a group, expected a variable")
        axes = self._axes if target is None else None
        return Hdf5Variable(self.path, name, dataset, axes)


class Hdf5Variable(RawVariable):
    """A data set of an HDF5 file."""

    def __init__(
        self, path: Path, name: str, dataset: h5py.Dataset, axes: Axes | None = None
    ) -> None:
        self.dataset = dataset
        with reading(path, name):
            if dataset.shape is None:
                raise ValueError("it has no shape")
            kind, attributes = dataset.dtype, _attributes(dataset)
            names = _dimensions(name, dataset, axes)
            super().__init__(path, name, dataset.shape, names, kind, attributes)
            if kind.kind == "f" and not _is_standard(dataset):
                raise ValueError(f"its floating-point numbers are of no known form ({kind})")
        self.checked = False

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of its chunks, None if it is stored in one piece."""
        found: tuple[int, ...] | None = self.dataset.chunks
        return found

    def stored(self, index: Any = ...) -> NDArray[Any]:
        """Return values as they are stored, in the byte order of this machine."""
        if not self.checked:
            self._check_storage()
            self.checked = True
        with reading(self.path, self.name):
            values = np.asarray(self.dataset[index])
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _check_storage(self) -> None:
        """Raise ValueError if values are not there: never written, elsewhere, or not decodable."""
        with reading(self.path, self.name):
            creation = self.dataset.id.get_create_plist()
            for i in range(creation.get_nfilters()):
                code, _, _, label = creation.get_filter(i)
                if not h5py.h5z.filter_avail(code):
                    known = FILTERS.get(code) or label.decode("utf-8", "replace") or "unknown"
                    raise ValueError(
                        f"{self.path}: {self.name} is compressed by the filter {code} ({known}), "
                        "which is not installed: pip install hdf5plugin"
                    )
            if self.dataset.is_virtual:
                self._check_sources()
                return
            expected, found, unit = self._storage(creation)
        if found < expected and not self._fills_with_a_marker():
            raise ValueError(
                f"{self.path}: {self.name}: {expected - found} of {expected} {unit} were never "
                "written"
            )

    def _storage(self, creation: Any) -> tuple[int, int, str]:
        """Return how many pieces of storage there should be, and are."""
        if not self.dataset.size:
            return 0, 0, ""
        if self.dataset.chunks:
            pairs = zip(self.shape, self.dataset.chunks, strict=True)
            expected = math.prod(-(-n // size) for n, size in pairs)
            return expected, self.dataset.id.get_num_chunks(), "chunks"
        if creation.get_layout() == h5py.h5d.CONTIGUOUS and not creation.get_external_count():
            stored = self.dataset.id.get_storage_size()
            return self.dataset.size, stored // self.dataset.dtype.itemsize, "values"
        return 0, 0, ""

    def _check_sources(self) -> None:
        for source in self.dataset.virtual_sources():
            if source.file_name == ".":
                continue
            file = self.path.parent / source.file_name
            if not (file.is_file() or Path(source.file_name).is_file()):
                raise ValueError(
                    f"{self.path}: {self.name} is a virtual data set of {source.file_name}, which "
                    "does not exist"
                )

    def _fills_with_a_marker(self) -> bool:
        """Whether what was never written reads as a missing value."""
        fill = np.asarray(self.dataset.fillvalue)
        if fill.dtype.kind == "f" and not np.abs(fill) < UNWRITTEN:  # NaN too
            return True
        return fill.dtype.kind in "fiu" and fill.item() in self.markers


def _attributes(item: Any) -> dict[str, Any]:
    return {name: plain(item.attrs[name]) for name in item.attrs if not INTERNAL.fullmatch(name)}


def _is_bare_dimension(item: h5py.Dataset) -> bool:
    """Whether a data set stands for a dimension of netCDF that no variable is named after."""
    label = item.attrs.get("NAME", b"")
    text = label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
    return text.startswith("This is a netCDF dimension but not a netCDF variable")


def _axes_along(file: h5py.File, scales: Iterable[str]) -> Axes:
    """Return which axes of which data sets lie along dimension scales.

    netCDF-4 says so in both directions. The scale's REFERENCE_LIST is read, since HDF5 may read
    the variable's DIMENSION_LIST, in a global heap, without end where that is damaged.
    """
    axes: Axes = {}
    for scale in scales:
        with reading(file.filename, scale):
            for reference, axis in file[scale].attrs.get("REFERENCE_LIST", ()):
                name = h5py.h5r.get_name(reference, file.id)
                if name is not None:
                    axes.setdefault(name.decode(), {})[int(axis)] = scale
    return axes


def _dimensions(name: str, dataset: h5py.Dataset, axes: Axes | None) -> tuple[str, ...]:
    """Return the names of the axes, by the dimension scales that netCDF-4 attaches."""
    if dataset.is_scale and dataset.ndim == 1:
        return (name,)
    if "DIMENSION_LIST" not in dataset.attrs:  # scales may still refer to one that it replaced
        return ("",) * dataset.ndim
    if axes is None:  # behind a link, perhaps in another file
        file = dataset.file
        members = (n for n in file if file.get(n, getclass=True, getlink=True) is h5py.HardLink)
        scales = [n for n in members if isinstance(file[n], h5py.Dataset) and file[n].is_scale]
        axes = _axes_along(file, scales)
    along = axes.get(dataset.name, {})
    return tuple(along.get(axis, "") for axis in range(dataset.ndim))


def _is_standard(dataset: h5py.Dataset) -> bool:
    """Whether numbers are those of IEEE 754; others are a sign of a damaged header."""
    kind = dataset.id.get_type()
    standard = (
        h5py.h5t.IEEE_F16LE,
        h5py.h5t.IEEE_F16BE,
        h5py.h5t.IEEE_F32LE,
        h5py.h5t.IEEE_F32BE,
        h5py.h5t.IEEE_F64LE,
        h5py.h5t.IEEE_F64BE,
    )
    return any(kind.equal(known) for known in standard)
