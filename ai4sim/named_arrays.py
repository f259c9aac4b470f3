"""Named arrays of users as the batches of networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.nets.graph import Graph
from ai4sim.variables import Variable


def inputs_of(
    fields: Mapping[str, NDArray], variables: Sequence[Variable]
) -> list[NDArray[np.float32]]:
    """Return the array of each variable; raise ValueError if one is missing."""
    missing = [v.name for v in variables if v.name not in fields]
    if missing:
        expected = ", ".join(f"{v.name} [{v.units}]" for v in variables)
        raise ValueError(f"missing input {missing}: expected {expected}, found {sorted(fields)}")
    return [np.asarray(fields[v.name], dtype=np.float32) for v in variables]


def batch_of_columns(
    arrays: Sequence[NDArray], variables: Sequence[Variable]
) -> tuple[Tensor, bool]:
    """Put the variables of columns side by side.

    Parameters
    ----------
    arrays : sequence of (column, level), (column,), or of one column (level,), ()
    variables : sequence of Variable
        One for each array.

    Returns
    -------
    (column, channel)
        The batch.
    bool
        Whether the arrays had an axis of columns.

    Raises
    ------
    ValueError
        The arrays do not fit together.
    """
    profile = next((i for i, v in enumerate(variables) if v.levels is not None), 0)
    batched = arrays[profile].ndim > (variables[profile].levels is not None)
    columns = arrays[profile].shape[:1] if batched else ()
    for v, a in zip(variables, arrays, strict=True):
        expected = columns if v.levels is None else (*columns, v.levels)
        if a.shape != expected:
            raise ValueError(
                f"input {v.name} has shape {a.shape}, expected {expected}: "
                f"(column, level) or (level,) with levels {v.levels}, alike in all inputs"
            )
    parts = [a.reshape(-1, v.channels) for v, a in zip(variables, arrays, strict=True)]
    return torch.from_numpy(np.concatenate(parts, axis=1)), batched


def batch_of_fields(
    arrays: Sequence[NDArray],
    variables: Sequence[Variable],
    dimensions: int,
    graph: Graph | None = None,
) -> tuple[Tensor, bool]:
    """Stack fields.

    Parameters
    ----------
    arrays : sequence of (*space), (batch, *space), with a graph (nodes,)
    variables : sequence of Variable
        One for each array.
    dimensions : int
        Number of axes of space.
    graph : Graph, optional

    Returns
    -------
    (batch, channel, *space), with a graph (nodes, channel)
        The batch.
    bool
        Whether the arrays came with a batch axis.

    Raises
    ------
    ValueError
        The arrays differ in shape, or do not fit the graph.
    """
    if len({a.shape for a in arrays}) > 1:
        shapes = {v.name: a.shape for v, a in zip(variables, arrays, strict=True)}
        raise ValueError(f"input fields differ in shape: {shapes}")
    shape = arrays[0].shape
    if graph is not None and shape != (graph.nodes,):
        raise ValueError(f"input fields have shape {shape}, the graph has {graph.nodes} nodes")
    batched = graph is not None or len(shape) > dimensions
    x = torch.from_numpy(np.stack(arrays, axis=1 if batched else 0))
    return (x if batched else x[None]), batched
