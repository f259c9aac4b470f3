"""Nodes of CGNS files in HDF5, behind links too, by the CGNS File Mapping Manual.

A node is a group with the data set `` data``, or without it. A link of CGNS is a node with the data
sets `` file`` and `` path``; links of HDF5 lead to nodes as well. Relative names are those of files
beside the one that holds the link. Files that are linked to are opened for reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.copies import identity
from ai4sim.io.hdf5 import Hdf5Variable, open_hdf5
from ai4sim.io.raw_variables import plain, reason
from ai4sim.io.units import Conversion, convert_from

DATA, LINKED_FILE, LINKED_PATH = " data", " file", " path"
MOST_LINKS = 100
"""Links that may lead from one to the next, as in the library of CGNS."""
TEXT_LENGTH = 32
"""Characters of each word of a list of texts."""


def members(group: h5py.Group) -> dict[str, Any]:
    """Return the nodes in a node by their names.

    Raises
    ------
    ValueError
        One is a link to nothing.
    """
    return {name: member(group, name) for name in group if not name.startswith(" ")}


def member(group: h5py.Group, name: str, links: int = 0) -> Any:
    """Return a node, or data set, in a node, to which so many links have led.

    Raises
    ------
    ValueError
        It is a link to nothing.
    """
    link = group.get(name, getlink=True)
    try:
        node = group[name]
    except (KeyError, OSError, RuntimeError) as error:
        file, path = getattr(link, "filename", ""), getattr(link, "path", "")
        raise _broken(group, name, file, path, reason(error)) from error
    return followed(node, links)


def followed(node: Any, links: int = 0) -> Any:
    """Return the node that a link of CGNS leads to; of others, the node itself.

    Raises
    ------
    ValueError
        It leads to nothing, or to itself.
    """
    *_, last = chain(node, links)
    return last


def chain(node: Any, links: int = 0) -> Iterator[Any]:
    """Give a node, the one that it leads to as a link of CGNS, and so on."""
    yield node
    while isinstance(node, h5py.Group) and LINKED_PATH in node:
        links += 1
        if links > MOST_LINKS:
            raise ValueError(f"{node.file.filename}: '{node.name}' is a link that leads to itself")
        node = _target(node, links)
        yield node


def _target(node: h5py.Group, links: int) -> Any:
    file = texts(node[LINKED_FILE])[0] if LINKED_FILE in node else ""
    path = texts(node[LINKED_PATH])[0]
    holder = Path(node.file.filename)
    target: Any = node.file
    if file:
        # As HDF5 does it: beside the file by its name, else beside the file that a link is to.
        places = [folder / file for folder in (holder.parent, holder.resolve().parent)]
        other = next((place for place in places if place.is_file()), None)
        if other is None:
            raise _broken(node, "", file, path, f"{places[0]} does not exist")
        target = open_hdf5(other)
    way = [name for name in path.split("/") if name] or [""]
    for position, name in enumerate(way, start=1):
        if not isinstance(target, h5py.Group) or name not in target:
            raise _broken(node, "", file, path, f"there is no '{name}' in '{target.name}'")
        target = member(target, name, links) if position < len(way) else target[name]
    return target


def _broken(group: h5py.Group, name: str, file: str, path: str, why: str) -> ValueError:
    place = f"{group.name.rstrip('/')}/{name}".rstrip("/")
    return ValueError(
        f"{group.file.filename}: '{place}' is a link to {f'{file}:' if file else ''}{path}, which "
        f"cannot be opened: {why}"
    )


@dataclass(frozen=True)
class Place:
    """A group as it is reached from the root: what it inherits stands in those on the way."""

    groups: tuple[h5py.Group, ...]  # the root first
    path: str

    @property
    def group(self) -> h5py.Group:
        """The group itself."""
        return self.groups[-1]

    @property
    def name(self) -> str:
        """The name by which it is reached."""
        return self.path.rsplit("/", 1)[-1]

    def __truediv__(self, name: str) -> Place:
        """Return the place of a group in this one."""
        return Place((*self.groups, member(self.group, name)), f"{self.path}/{name}")

    def nearest(self, name: str) -> Any:
        """Return the node of that name in this group, or in the nearest one on the way to it."""
        holders = (g for g in reversed(self.groups) if isinstance(g, h5py.Group) and name in g)
        return next((member(group, name) for group in holders), None)


def walk(file: h5py.File, inside: str) -> Iterator[Place | ValueError]:
    """Give the groups that have a member `inside`, and the errors of links to nothing on the way.

    Groups within those found, and those that lead back to themselves, are not entered.
    """
    stack = [Place((file,), "")]
    while stack:
        place = stack.pop()
        if inside in place.group:
            yield place
            continue
        entered = {identity(group) for group in place.groups}
        for name in sorted(place.group, reverse=True):
            try:
                below = place / name
            except ValueError as error:
                yield error
                continue
            if isinstance(below.group, h5py.Group) and identity(below.group) not in entered:
                stack.append(below)


def dataset_of(node: Any) -> h5py.Dataset:
    """Return the data set of a node, with or without the blank, or the data set itself."""
    if isinstance(node, h5py.Dataset):
        return node
    for name in (DATA, DATA.strip()):
        if name in node:
            return node[name]
    raise ValueError(
        f"{node.file.filename}: no dataset '{DATA}' in '{node.name}'; found {sorted(node)}"
    )


def values_of(node: Any, path: Path, units: str | None = None) -> NDArray[Any]:
    """Read the data of a node; brought to some units, if its attribute ``units`` has others."""
    variable = Hdf5Variable(path, (node.name or "").lstrip("/"), dataset_of(node))
    values = variable.read()
    if units is None:
        return values
    if variable.units is None and "units" in node.attrs:
        variable.attributes["units"] = plain(node.attrs["units"])
    conversion: Conversion = convert_from(variable, units)
    return conversion.apply(values)


def has_units(node: Any) -> bool:
    """Whether an attribute of a node, or of its data set, says in which units it is."""
    return any(str(plain(item.attrs.get("units", ""))).strip() for item in (node, dataset_of(node)))


def texts(node: Any) -> list[str]:
    """Return the text of a node, or its list of texts, 32 characters each."""
    values = np.asarray(dataset_of(node)[...])
    if values.dtype.kind in "SOU":
        found = plain(np.atleast_1d(values).astype(object))
        return found if isinstance(found, list) else [found]
    if values.ndim == 2 and values.shape[1] != TEXT_LENGTH == values.shape[0]:
        values = values.T  # written in the order of Fortran
    characters = np.ascontiguousarray(values.astype("u1"))
    rows = characters if characters.ndim == 2 else characters.reshape(1, -1)
    return [row.tobytes().decode("ascii", "replace").strip(" \0") for row in rows]
