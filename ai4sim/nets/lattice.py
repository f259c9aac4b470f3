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
    if torch.compiler.is_compiling():
        yield slice(None), _traced_sums(values(slice(None)), lattice, centre)
        return
    slab = math.prod(lattice.shape[1:])
    sample = slab * lattice.shape[0]
    rows = lattice.nodes if rows is None else rows
    # Several whole samples at a time, or several slabs of one.
    span = max(rows // sample, 1) * sample
    size = span if rows >= sample else max(rows // slab, 1) * slab
    for first in range(0, lattice.nodes, span):
        last = min(first + span, lattice.nodes)
        for start in range(first, last, size):
            stop = min(start + size, last)
            # Of one sample, the slabs next to the block are needed, too.
            below, above = slab * (start > first), slab * (stop < last)
            around = values(slice(start - below, stop + above))
            yield slice(start, stop), _sums(around, lattice.shape, (below, above), centre)


def _sums(
    around: Tensor, shape: tuple[int, ...], beyond: tuple[int, int], centre: float | Tensor
) -> Tensor:
    """Sum over neighbours in whole samples of a shape, or in slabs of one sample.

    `beyond` are the nodes of `around` that are beyond the ends of the slabs.
    """
    slab, (below, above) = math.prod(shape[1:]), beyond
    samples = max(len(around) // (slab * shape[0]), 1)
    x = around.reshape(samples, -1, around.shape[1])
    n = x.shape[1] - below - above
    inside = x.narrow(1, below, n)
    sums = inside * centre
    sums.narrow(1, slab - below, n - slab + below).add_(x.narrow(1, 0, n - slab + below))
    sums.narrow(1, 0, n - slab + above).add_(x.narrow(1, below + slab, n - slab + above))
    grids = (-1, *shape[1:], around.shape[1])
    field, total = inside.reshape(grids), sums.view(grids)
    for axis, n in enumerate(shape[1:], start=1):
        total.narrow(axis, 1, n - 1).add_(field.narrow(axis, 0, n - 1))
        total.narrow(axis, 0, n - 1).add_(field.narrow(axis, 1, n - 1))
    return sums.view(-1, around.shape[1])


def _traced_sums(x: Tensor, lattice: Lattice, centre: float | Tensor) -> Tensor:
    """Do it for a program of tensor operations, which serves any sizes.

    Parts of a field with n - 1 cells would be taken for a rule that n is not 2.
    """
    field = x.reshape(lattice.batch, *lattice.shape, x.shape[1])
    sums = field * centre
    for axis, n in enumerate(lattice.shape, start=1):
        around = functional.pad(field, (0, 0) * (len(lattice.shape) - axis + 1) + (1, 1))
        sums = sums + around.narrow(axis, 0, n) + around.narrow(axis, 2, n)
    return sums.reshape(x.shape)
