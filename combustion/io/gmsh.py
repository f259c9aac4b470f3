"""Text files of Gmsh: faults that meshio does not see, or does not name.

The formats are those of the Gmsh reference manual, "File formats", versions 2 and 4.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

REPRESENTED = b"np.float64("


def hint(path: Path) -> str:
    """Say what may be wrong with a file that cannot be read; "" if nothing is known."""
    if not path.stat().st_size:
        return ""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(REPRESENTED) < 0:
            return ""
    return (
        '; its numbers are written as "np.float64(0.25)", which meshio 5.3.5 does with NumPy 2: '
        "write it anew with binary=True, or remove that from the text"
    )


def check_order(path: Path) -> None:
    """Compare the nodes of a text file with those of its data, whose numbers meshio disregards.

    Raises
    ------
    ValueError
        Data have values for other nodes, or in another order.
    """
    with path.open("rb") as file:
        if file.readline().strip() != b"$MeshFormat":
            return
        version, kind, _ = file.readline().split()
        if kind != b"0":  # binary: meshio compares them
            return
        nodes: list[bytes] = []
        for line in file:
            if line.strip() == b"$Nodes":
                nodes = _nodes(file, version)
            elif line.strip() == b"$NodeData":
                name, numbers = _of_data(file)
                if numbers != nodes:
                    raise ValueError(
                        f"{path}: $NodeData {name} has values for {len(numbers)} nodes, which are "
                        f"not the {len(nodes)} of $Nodes in their order: write a value for each "
                        "node, in that order"
                    )


def _nodes(file: Iterator[bytes], version: bytes) -> list[bytes]:
    """Return the numbers of the nodes, as they are written."""
    count = int(next(file).split()[0])
    if version.startswith(b"2"):
        return [next(file).split()[0] for _ in range(count)]
    numbers = []
    for _ in range(count):  # blocks
        size = int(next(file).split()[3])
        numbers += [next(file).split()[0] for _ in range(size)]
        if version != b"4.0":  # since 4.1 the coordinates follow the numbers
            for _ in range(size):
                next(file)
    return numbers


def _of_data(file: Iterator[bytes]) -> tuple[str, list[bytes]]:
    """Return the name of data and the numbers of its nodes."""
    texts, _, integers = ([next(file).strip() for _ in range(int(next(file)))] for _ in range(3))
    name = texts[0].decode("utf-8", "replace") if texts else ""
    return name, [next(file).split()[0] for _ in range(int(integers[2]))]
