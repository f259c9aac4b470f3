"""Files that a mesh consists of beside the one that names it: pieces, and the numbers of XDMF."""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from ai4sim.io.files import atomic_write

XDMF = (".xdmf", ".xmf")
PIECES = ".pvtu"
EMPTY = re.compile(rb"""<Piece\b[^>]*\bNumberOfPoints\s*=\s*["']0["']""")
HEADER = 2**16
"""Bytes in which a piece says how many nodes it has."""


def companions(path: Path) -> list[Path]:
    """Return the files that a mesh in XDMF or in pieces (``.pvtu``) names, and that exist."""
    if path.suffix.lower() not in (*XDMF, PIECES) or not path.is_file():
        return []
    state = path.stat()
    return [file for file in _named(path, state.st_mtime_ns, state.st_size) if file.is_file()]


@functools.lru_cache(maxsize=4096)
def _named(path: Path, _: int, __: int) -> list[Path]:
    try:
        elements = [element for _, element in ElementTree.iterparse(path)]
    except ElementTree.ParseError:  # whoever reads it says so
        return []
    if path.suffix.lower() == PIECES:
        names = [element.get("Source", "") for element in elements if element.tag == "Piece"]
    else:
        heavy = (e for e in elements if e.get("Format", "").upper() in ("HDF", "BINARY"))
        names = [(element.text or "").strip().split(":")[0] for element in heavy]
    return [path.parent / name for name in dict.fromkeys(names) if name]


def pieces(path: Path) -> list[Path]:
    """Return the pieces of a mesh, those without nodes too.

    Raises
    ------
    ValueError
        It has none, or one does not exist.
    """
    state = path.stat()
    named = _named(path, state.st_mtime_ns, state.st_size)
    if not named:
        raise ValueError(f"{path}: no pieces; expected a PUnstructuredGrid of VTK that names some")
    for piece in named:
        if not piece.is_file():
            raise ValueError(f"{path}: its piece {piece} does not exist")
    return named


def is_empty(piece: Path) -> bool:
    """Whether a piece has no nodes: a process that had nothing to do wrote it."""
    with piece.open("rb") as file:
        return EMPTY.search(file.read(HEADER)) is not None


def write_pieces_like(source: Path, destination: Path, names: list[str], data: list[str]) -> None:
    """Write a copy of a ``.pvtu`` that names other pieces, and more data at the nodes.

    Parameters
    ----------
    source, destination : path
    names : list of str
        The pieces, relative to the destination.
    data : list of str
        Names of arrays at the nodes, of single precision where the source does not have them.
    """
    tree = ElementTree.parse(source)
    for piece, name in zip(tree.iter("Piece"), names, strict=True):
        piece.set("Source", name)
    for arrays in tree.iter("PPointData"):
        known = {array.get("Name"): array for array in arrays}
        for name in data:
            if name in known:
                known[name].set("type", "Float32")
            else:
                attributes = {"type": "Float32", "Name": name, "NumberOfComponents": "1"}
                ElementTree.SubElement(arrays, "PDataArray", attributes)
    with atomic_write(destination) as partial:
        tree.write(partial, encoding="utf-8", xml_declaration=True)
