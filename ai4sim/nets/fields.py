"""Networks on fields that repeat, and on fields whose reflections are as likely."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ai4sim.nets.graph import Graph
from ai4sim.variables import Periods

Network = Callable[[Tensor, Graph | None], Tensor]


def on_periodic(
    network: Callable[[Tensor], Tensor], x: Tensor, periods: Periods | None, halo: int
) -> Tensor:
    """Apply a network to fields that are continued beyond their edges where they are periodic.

    Parameters
    ----------
    network : callable
        From (batch, channel, *space) to the same space.
    x : (batch, channel, *space)
    periods : sequence of int or None, optional
        For each axis of space, the cells after which the fields repeat; None where they do not.
    halo : int
        Cells by which they are continued at each end.
    """
    axes = [(axis, p) for axis, p in enumerate(periods or (), start=2) if p]
    for axis, period in axes:
        n = x.shape[axis]
        around = torch.arange(-halo, n + halo, device=x.device) % period
        x = x.index_select(axis, around)
    y = network(x)
    for axis, _ in axes:
        y = y.narrow(axis, halo, y.shape[axis] - 2 * halo)
    return y


def over_reflections(
    network: Network, x: Tensor, graph: Graph | None, axes: Sequence[int]
) -> Tensor:
    """Return the mean of a network's predictions over all reflections of some axes of space."""
    reflections = [c for n in range(len(axes) + 1) for c in itertools.combinations(axes, n)]
    if graph is not None:
        predictions = [network(x, graph.reflected(chosen)) for chosen in reflections]
    else:
        flips = [[axis + 2 for axis in chosen] for chosen in reflections]
        predictions = [network(x.flip(f), None).flip(f) for f in flips]
    return torch.stack(predictions).mean(0)
