"""Copies of raw files that need no other file: links followed, virtual data sets written out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ai4sim.io.hdf5 import Hdf5File, Hdf5Variable
from ai4sim.io.raw_variables import RawFile, RawVariable, reading

log = logging.getLogger(__name__)

LIBRARY_ATTRIBUTES = ("DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates")
"""Attributes by which libraries point from one variable to others: pointers into another file."""
NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable. {:>9d}"
"""What netCDF-4 calls the data set that stands for a dimension without a variable."""
COPIED_AT_ONCE = 2**26
"""Bytes that are held in memory."""


def copy_variables(
    raw: RawFile,
    file: h5py.File,
    leave_out: Collection[str] = (),
    *,
    follow: bool = False,
    resolve: Callable[[Any], Any] | None = None,
) -> None:
    """Copy all that a raw file holds: variables as they are stored, groups, attributes, dimensions.

    Links within the file stay links, unless they are followed. A link to a file that does not exist
    stays one, with a warning.

    Parameters
    ----------
    raw : RawFile
    file : h5py.File
        Open for writing.
    leave_out : collection of str
        Variables that are not copied.
    follow : bool
        Whether links within the file become what they lead to: a later change of one of two names
        then leaves the other as it was.
    resolve : callable, optional
        Group or data set -> the one that is copied in its place, where a format has links of its
        own. It raises ValueError where there is none.

    Raises
    ------
    ValueError
        Something cannot be read.
    """
    if isinstance(raw, Hdf5File):
        _Copy(raw, follow, resolve).members(raw.file, file, leave_out)
        raw.file.visititems(lambda name, item: _name_axes_as(item, file, name))
    else:
        for name in raw.names:
            if name not in leave_out:
                _write_out(raw[name], file)
    for name in raw.names:
        if isinstance(file.get(name), h5py.Dataset):
            name_axes(file, file[name], raw[name].dimensions)
    if isinstance(raw, Hdf5File):
        copy_attributes(raw.file, file, raw.attributes)
    else:
        set_attributes(file, raw.attributes)


def new_file(path: Path | str, raw: h5py.File) -> h5py.File:
    """Make a file for a copy; it keeps the order in which members are made if `raw` does."""
    ordered = raw.id.get_create_plist().get_link_creation_order()
    return h5py.File(path, "w", track_order=bool(ordered))


def group_like(source: h5py.Group, parent: h5py.Group, name: str) -> h5py.Group:
    """Make a group with the attributes of another one, and the order of its members."""
    # The settings of the source itself would hold addresses in its own file.
    settings = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    settings.set_link_creation_order(source.id.get_create_plist().get_link_creation_order())
    group = h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=settings))
    copy_attributes(source, group, source.attrs)
    return group


def copy_attributes(source: h5py.HLObject, item: h5py.HLObject, names: Iterable[str]) -> None:
    """Copy attributes with their types: libraries such as CGNS's read no others."""
    for name in names:
        item.attrs.create(name, source.attrs[name], dtype=source.attrs.get_id(name).dtype)


def name_axes(file: h5py.File, dataset: h5py.Dataset, names: Sequence[str]) -> None:
    """Give the axes of a data set the names of dimensions, which are made where there are none.

    Parameters
    ----------
    file : h5py.File
    dataset : h5py.Dataset
    names : sequence of str
        One per axis; "" leaves it without.
    """
    own = dataset.name.lstrip("/")
    for axis, name in enumerate(names):
        if name and name not in file:
            size = dataset.shape[axis]
            scale = file.create_dataset(name, data=np.zeros(size, np.float32))
            scale.make_scale(NO_VARIABLE.format(size))
        if name == own:
            dataset.make_scale(name)
        elif name:
            if not file[name].is_scale:
                file[name].make_scale(name)
            dataset.dims[axis].attach_scale(file[name])


def set_attributes(item: h5py.HLObject, attributes: Mapping[str, Any]) -> None:
    """Give a file or a data set attributes, lists of texts among them."""
    for name, value in attributes.items():
        texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
        item.attrs[name] = np.array(value, h5py.string_dtype()) if texts else value


def is_whole(raw: RawFile) -> bool:
    """Whether a file needs no other one for its variables."""
    if not isinstance(raw, Hdf5File):
        return True
    links = [raw.file.get(name, getlink=True) for name in raw.file]
    if not all(isinstance(link, h5py.HardLink) for link in links):
        return False
    items = [raw.file[name] for name in raw.file]
    return not any(_is_elsewhere(item) for item in items if isinstance(item, h5py.Dataset))


def linked_files(raw: RawFile, names: Iterable[str]) -> list[str]:
    """Return the other files, as the file names them, that it has these variables from."""
    if not isinstance(raw, Hdf5File):
        return []
    found = set()
    for name in names:
        link, item = raw.file.get(name, getlink=True), raw.file[name]
        if isinstance(link, h5py.ExternalLink):
            found.add(link.filename)
        if item.is_virtual:
            found |= {source.file_name for source in item.virtual_sources()}
        found |= {file for file, _, _ in item.external or ()}
    return sorted(file for file in found if (raw.path.parent / file).is_file())


@dataclass(frozen=True)
class _Copy:
    """How the members of groups are copied; see :func:`copy_variables`."""

    raw: RawFile
    follow: bool
    resolve: Callable[[Any], Any] | None

    def members(
        self,
        source: h5py.Group,
        group: h5py.Group,
        leave_out: Collection[str] = (),
        above: tuple[Any, ...] = (),
    ) -> None:
        """Copy the members of a group, and those of the groups in it; `above` are around it."""
        above = (*above, identity(source))
        for name in source:
            if name in leave_out:
                continue
            link = source.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink) and not self.follow:
                group[name] = link
                continue
            item = self._found(source, name, link)
            if item is None:
                group[name] = link
            elif isinstance(item, h5py.Group):
                if identity(item) in above:
                    raise ValueError(
                        f"{self.raw.path}: {item.name} holds itself, as {source.name}/{name}"
                    )
                self.members(item, group_like(item, group, name), (), above)
            elif isinstance(item, h5py.Dataset) and (_is_elsewhere(item) or item.dtype.kind == "O"):
                # HDF5 does not copy a fill value that is a text.
                _write_out(Hdf5Variable(self.raw.path, name, item), group)
            else:
                with reading(self.raw.path, name):
                    source.file.copy(item, group, name=name)
                for attribute in set(LIBRARY_ATTRIBUTES).intersection(group[name].attrs):
                    del group[name].attrs[attribute]

    def _found(self, source: h5py.Group, name: str, link: Any) -> Any:
        """Return a member, or None where it is a link to nothing."""
        try:
            with reading(self.raw.path, name):
                item = source[name]
        except ValueError as error:
            if isinstance(link, h5py.HardLink):
                raise
            log.warning("%s; the copy has the same link", error)
            return None
        try:
            return self.resolve(item) if self.resolve else item
        except ValueError as error:
            log.warning("%s; the copy has the same link", error)
            return item


def identity(group: h5py.Group) -> tuple[int, int]:
    """Return what a group is told by, whatever its name."""
    info = h5py.h5o.get_info(group.id)
    return info.fileno, info.addr


def _name_axes_as(item: h5py.HLObject, file: h5py.File, name: str) -> None:
    """Attach the dimensions of a data set within a group to its copy."""
    nested = "/" in name and isinstance(item, h5py.Dataset) and not item.is_scale
    if nested and name in file:  # nothing of a link of a format's own is
        for axis, scales in zip(file[name].dims, item.dims, strict=True):
            if len(scales) and scales[0].name in file:
                axis.attach_scale(file[scales[0].name])


def _is_elsewhere(item: h5py.Dataset) -> bool:
    """Whether the values of a data set are in other files."""
    return item.is_virtual or bool(item.external)


def _write_out(variable: RawVariable, group: h5py.Group) -> None:
    """Write a variable as it is stored, piece by piece along its first axis."""
    dataset = group.create_dataset(variable.name, variable.shape, variable.dtype)
    set_attributes(dataset, variable.attributes)
    if not variable.ndim:
        dataset[...] = variable.stored()
        return
    row = max(dataset.nbytes // max(variable.shape[0], 1), 1)
    step = max(COPIED_AT_ONCE // row, 1)
    for start in range(0, variable.shape[0], step):
        part = slice(start, min(start + step, variable.shape[0]))
        dataset[part] = variable.stored(part)
