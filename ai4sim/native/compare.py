"""Whether a library computes the numbers of PyTorch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.native.routine import Columns, Exchange, Grid, Mesh, Routine
from ai4sim.nets.graph import Graph
from ai4sim.variables import Variable

TOLERANCE = 1e-5
"""The largest difference from PyTorch, over the range of an output, that a library may have."""
STORED = 4
"""The number of columns within the library, compared whenever it is loaded."""
STORED_CELLS = (11, 13, 9)
"""The size of the field within the library of a grid, at most twice the least size."""
STORED_NODES = 200
"""The number of nodes of the part of a mesh within its library, at most."""
SIZES = (1, 7, 64, 1000)
"""The numbers of columns that a new library is compared at."""


def expected(routine: Routine, samples: tuple[Tensor, ...]) -> Tensor:
    """Return PyTorch's answers: (sample, channel), (sample, output, *space) or (node, output)."""
    if isinstance(routine, Columns | Exchange):
        return routine.answers(*samples)
    if isinstance(routine, Mesh):
        return routine.answers(*routine.arguments(samples))
    fields, parameters = samples
    return torch.cat(
        [routine.answers(fields[i : i + 1], parameters[i : i + 1]) for i in range(len(fields))]
    )


def stored_sample(routine: Routine, samples: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the samples that a library holds itself: some columns, or a small field or mesh."""
    if isinstance(routine, Columns):
        return (samples[0][:STORED],)
    if isinstance(routine, Exchange):
        return routine.part(samples, STORED_NODES)
    if isinstance(routine, Mesh):
        fields, positions, edges, parameters = samples
        graph = Graph.from_edges(edges, positions)
        # Where the fields vary most.
        part = max(graph.parts(STORED_NODES), key=lambda nodes: float(fields[nodes].std()))
        return (*part_of_mesh(samples[:3], part), parameters)
    assert isinstance(routine, Grid)
    fields, parameters = samples
    size = [max(cells, routine.least + 1) for cells in STORED_CELLS]
    size = [min(*pair) for pair in zip(size, fields.shape[2:], strict=True)]
    # Where the field varies most: beside a flame there is nothing to see.
    crops = [
        (float(crop.std()), i, crop)
        for i, field in enumerate(fields)
        for crop in _crops(field, size)
    ]
    _, i, crop = max(crops, key=lambda found: found[0])
    return crop[None].contiguous(), parameters[i : i + 1]


def part_of_mesh(mesh: tuple[Tensor, ...], nodes: Tensor) -> tuple[Tensor, ...]:
    """Take nodes out of a mesh with the edges between them, but for those that then have none.

    Parameters
    ----------
    mesh : fields (node, ...), positions (node, 3), edges (edge, 2)
    nodes : Tensor
        Sorted.

    Returns
    -------
    fields, positions, edges
        The fields and positions of the nodes taken, and the edges by their new numbers.
    """
    fields, positions, edges = mesh
    inside = torch.zeros(len(positions), dtype=torch.bool)
    inside[nodes] = True
    edges = edges[inside[edges].all(1)]
    nodes, edges = edges.unique(return_inverse=True)
    return fields[nodes], positions[nodes], edges


def _crops(field: Tensor, size: Sequence[int]) -> list[Tensor]:
    crops = [field]
    for axis, cells in enumerate(size, start=1):
        starts = range(0, field.shape[axis] - cells + 1, cells)
        crops = [crop.narrow(axis, start, cells) for crop in crops for start in starts]
    return crops


def by_output(routine: Routine, answers: Tensor, samples: tuple[Tensor, ...]) -> Sequence[Tensor]:
    """Divide the result of the module by output."""
    if isinstance(routine, Columns):
        return parts_of(answers, routine.outputs)
    if isinstance(routine, Exchange):
        return routine.outputs_of(answers, routine.sizes(samples))
    return answers.unbind(1)  # (sample, output, x, y, z) or (node, output)


def ranges(routine: Routine, answers: Tensor, samples: tuple[Tensor, ...]) -> list[float]:
    """Return the range of each output; of one that never varies, its size."""
    largest = float(answers.abs().amax()) or 1.0
    parts = by_output(routine, answers, samples)
    return [float(part.amax() - part.amin()) or largest for part in parts]


def largest_differences(
    routine: Routine, folder: Path, samples: tuple[Tensor, ...]
) -> dict[str, float]:
    """Call the library, and compare with PyTorch at several sizes, in both orders and precisions.

    Parameters
    ----------
    routine : Routine
    folder : Path
    samples : tuple of Tensor
        See :func:`ai4sim.native.library.write_sources`.

    Returns
    -------
    dict of str to float
        The largest difference of each output, over its range in the samples.

    Raises
    ------
    RuntimeError
        The library returns an error.
    """
    library = ctypes.CDLL(str(folder / f"lib{routine.name}.so"))
    message = getattr(library, f"{routine.name}_message")
    message.restype = ctypes.c_char_p

    def call(suffix: str, *arguments: Any) -> None:
        if getattr(library, f"{routine.name}{suffix}")(*arguments):
            raise RuntimeError(message().decode())

    answers = expected(routine, samples)
    compare = {
        "columns": _compare_columns,
        "grid": _compare_fields,
        "mesh": _compare_nodes,
        "exchange": _compare_exchange,
    }
    worst = compare[routine.kind](call, routine, samples, answers)
    names = [v.name for v in routine.outputs]
    scales = ranges(routine, answers, samples)
    return {name: found / scale for name, found, scale in zip(names, worst, scales, strict=True)}


Call = Callable[..., None]


def _compare_columns(
    call: Call, routine: Routine, samples: tuple[Tensor, ...], answers: Tensor
) -> list[float]:
    """Return the largest difference of each output, at several sizes, in all interfaces."""
    worst = [0.0] * len(routine.outputs)
    for n in SIZES:
        chosen = torch.arange(n) % len(answers)
        inputs = [part.numpy() for part in parts_of(samples[0][chosen], routine.inputs)]
        correct = [part.numpy() for part in parts_of(answers[chosen], routine.outputs)]
        for suffix, nproma in (("", 0), ("_f64", 0), ("_nproma", n + 3), ("_nproma_f64", n + 3)):
            kind = np.dtype(np.float64 if suffix.endswith("f64") else np.float32)
            given = [_ordered(values, kind, nproma) for values in inputs]
            outputs = [_ordered(part * 0, kind, nproma) for part in correct]
            sizes = [ctypes.c_int64(size) for size in (n, nproma) if size]
            call(suffix, *sizes, *map(_pointer, (*given, *outputs)))
            for i, (array, part) in enumerate(zip(outputs, correct, strict=True)):
                values = array[..., :n].T if nproma else array
                worst[i] = max(worst[i], float(np.abs(values - part).max()))
    return worst


def _compare_fields(
    call: Call, routine: Routine, samples: tuple[Tensor, ...], answers: Tensor
) -> list[float]:
    """Return the largest difference of each output, in all interfaces, of odd sizes too."""
    worst = [0.0] * len(routine.outputs)
    fields, parameters = samples
    for cut in (0, 1):
        inside = fields[:, :, cut:, : fields.shape[3] - cut, cut:]
        correct = answers if not cut else expected(routine, (inside, parameters))
        for i in range(len(fields)):
            size = np.asarray(inside.shape[2:], dtype=np.int64)
            for suffix in ("", "_f64", "_xfastest", "_xfastest_f64"):
                kind = np.dtype(np.float64 if suffix.endswith("f64") else np.float32)
                order: Literal["C", "F"] = "F" if "xfastest" in suffix else "C"
                given = [np.array(field, dtype=kind, order=order) for field in inside[i].numpy()]
                outputs = [np.zeros(tuple(size), kind, order=order) for _ in routine.outputs]
                number = ctypes.c_double if kind.itemsize == 8 else ctypes.c_float
                numbers = [number(value) for value in parameters[i].tolist()]
                arrays = map(_pointer, given), map(_pointer, outputs)
                call(suffix, _pointer(size), *arrays[0], *numbers, *arrays[1], None)
                for k, (array, part) in enumerate(zip(outputs, correct[i].numpy(), strict=True)):
                    worst[k] = max(worst[k], float(np.abs(array - part).max()))
    return worst


def _compare_nodes(
    call: Call, routine: Routine, samples: tuple[Tensor, ...], answers: Tensor
) -> list[float]:
    """Return the largest difference of each output, in all interfaces, also on a part of a mesh."""
    worst = [0.0] * len(routine.outputs)
    part = (*part_of_mesh(samples[:3], torch.arange(len(answers) * 2 // 3)), samples[3])
    for mesh, correct in ((samples, answers), (part, expected(routine, part))):
        fields, positions, edges, parameters = (x.contiguous().numpy() for x in mesh)
        for suffix, whole, first in (("", np.int32, 1), ("_i64", np.int64, 0)):
            number, ends = ctypes.c_int(), np.ascontiguousarray(edges + first, dtype=whole)
            sizes = [ctypes.c_int64(len(positions)), ctypes.c_int64(len(edges))]
            given = [_pointer(np.ascontiguousarray(positions, dtype=np.float64)), sizes[1]]
            made = [ctypes.c_int(2), _pointer(ends), ctypes.c_int(first), ctypes.byref(number)]
            call(f"_mesh{suffix}", sizes[0], *given, *made)
            for precision, kind in (("", np.float32), ("_f64", np.float64)):
                single = ctypes.c_double if precision else ctypes.c_float
                inputs = [np.ascontiguousarray(field, dtype=kind) for field in fields.T]
                outputs = [np.zeros(len(positions), kind) for _ in routine.outputs]
                arrays = map(_pointer, inputs), map(_pointer, outputs)
                numbers = map(single, parameters[0].tolist())
                call(precision, number, *arrays[0], *numbers, *arrays[1])
                for i, (array, exact) in enumerate(zip(outputs, correct.T.numpy(), strict=True)):
                    worst[i] = max(worst[i], float(np.abs(array - exact).max()))
            call("_mesh_free", number)
    return worst


def _compare_exchange(
    call: Call, routine: Routine, samples: tuple[Tensor, ...], answers: Tensor
) -> list[float]:
    """Return the largest difference of each output, in all interfaces, also on a part of grids."""
    assert isinstance(routine, Exchange)
    worst, inputs = [0.0] * len(routine.outputs), len(routine.inputs)
    part = routine.part(samples, routine.sizes(samples)[0] * 2 // 3)
    for grids, exact in ((samples, answers), (part, expected(routine, part))):
        sizes, number = routine.sizes(grids), ctypes.c_int()
        for suffix, whole, first in (("", np.int32, 1), ("_i64", np.int64, 0)):
            tables = [
                np.ascontiguousarray(values + first, whole)
                if table.to
                else np.ascontiguousarray(values, np.float64)
                for table, values in zip(routine.tables, grids[inputs:], strict=True)
            ]
            counts, pointers = map(ctypes.c_int64, sizes), map(_pointer, tables)
            call(f"_grids{suffix}", *counts, *pointers, ctypes.c_int(first), ctypes.byref(number))
            for precision, kind in (("", np.float32), ("_f64", np.float64)):
                given = [np.ascontiguousarray(x, dtype=kind) for x in grids[:inputs]]
                correct = routine.outputs_of(exact, sizes)
                outputs = [np.zeros(x.shape, kind) for x in correct]
                call(precision, number, *map(_pointer, (*given, *outputs)))
                for i, (array, values) in enumerate(zip(outputs, correct, strict=True)):
                    worst[i] = max(worst[i], float(np.abs(array - values.numpy()).max()))
            call("_grids_free", number)
    return worst


def _pointer(array: NDArray[Any]) -> Any:
    return array.ctypes.data_as(ctypes.c_void_p)


def _ordered(values: NDArray[Any], kind: np.dtype[Any], nproma: int) -> NDArray[Any]:
    """Return columns, (n, level) or (n,), in the order of a call: the same, or (level, nproma)."""
    if not nproma:
        return np.ascontiguousarray(values, dtype=kind)
    array = np.zeros((*values.shape[1:], nproma), dtype=kind)
    array[..., : len(values)] = values.T
    return array


def parts_of(values: Tensor, variables: Sequence[Variable]) -> list[Tensor]:
    """Divide (column, channel) by variable: (column, level), or (column,) without levels."""
    parts = values.split([v.channels for v in variables], dim=-1)
    return [
        part[:, 0] if v.levels is None else part for v, part in zip(variables, parts, strict=True)
    ]
