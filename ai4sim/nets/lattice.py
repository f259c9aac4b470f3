"""Sums over neighbours on a lattice: shifted fields, without edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ai4sim.nets.graph import Lattice


def neighbour_sums(
    values: Callable[[slice], Tensor],
    lattice: Lattice,
    centre: float | Tensor = 1.0,
    rows: int | None = None,
) -> Iterator[tuple[slice, Tensor]]:
    """Add to the values of each cell, times `centre`, those of its neighbours along the axes.

    The matrix of this map is symmetric, so that the map is its own gradient.

    Parameters
    ----------
    values : callable
        Gives the values (length, channels) of consecutive nodes.
    lattice : Lattice
    centre : float or Tensor
    rows : int, optional
        Nodes to take at a time, as far as whole slabs across the first axis allow; default: all.

    Yields
    ------
    slice, Tensor
        Consecutive nodes, and their sums (length, channels), a new tensor.
    """
    if rows is None:
        yield slice(None), _sums(values(slice(None)), lattice.batch, lattice.shape, centre)
        return
    slab = math.prod(lattice.shape[1:])
    sample = slab * lattice.shape[0]
    # Several whole samples at a time, or several slabs of one.
    if rows >= sample:
        size = span = rows // sample * sample
    else:
        size, span = max(rows // slab, 1) * slab, sample
    for first in range(0, lattice.nodes, span):
        last = min(first + span, lattice.nodes)
        for start in range(first, last, size):
            stop = min(start + size, last)
            below, above = slab * (start > first), slab * (stop < last)
            around = values(slice(start - below, stop + above))
            inside = around[below : below + stop - start]
            depth = min(stop - start, sample) // slab
            sums = _sums(
                inside, (stop - start) // (depth * slab), (depth, *lattice.shape[1:]), centre
            )
            sums[:below] += around[:below]
            sums[len(sums) - above :] += around[len(around) - above :]
            yield slice(start, stop), sums


def _sums(x: Tensor, batch: int, shape: tuple[int, ...], centre: float | Tensor) -> Tensor:
    """Sum over neighbours on whole grids, the values being (nodes, channels)."""
    field = x.reshape(batch, *shape, x.shape[1])
    sums = field * centre
    for axis, n in enumerate(shape, start=1):
        if torch.compiler.is_compiling():
            # A traced program would take a size of n - 1 for a rule that n is not 2.
            around = functional.pad(field, (0, 0) * (len(shape) - axis + 1) + (1, 1))
            sums = sums + around.narrow(axis, 0, n) + around.narrow(axis, 2, n)
            continue
        sums.narrow(axis, 1, n - 1).add_(field.narrow(axis, 0, n - 1))
        sums.narrow(axis, 0, n - 1).add_(field.narrow(axis, 1, n - 1))
    return sums.reshape(x.shape)
