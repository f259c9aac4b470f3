"""Networks on grids and meshes of another resolution than they were trained on.

What a network has to undo is the filter, and it has learned how wide that is in cells. Where a
flame has more cells per filter width, or fewer, it is brought to as many as in training: a grid by
:mod:`combustion.physics.resampling`, a mesh by measuring its edges in another unit.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Iterable, Sequence

from torch import Tensor

from ai4sim.nets.graph import Graph
from ai4sim.normalization import full_precision
from ai4sim.surrogate import Surrogate
from combustion.io.facts import filter_width, states_filter
from combustion.io.layouts import Flame
from combustion.physics.resampling import Resampling, resampled

log = logging.getLogger(__name__)
_once = functools.cache(log.info)  # a test set repeats it in every file

CELLS = "cells_per_filter_width"
"""Name of this fact about a trained network."""
FIELDS_ON = "fields_on"
"""Name of the fact where the flames of its training were: on a "grid" or on a "mesh"."""
TOLERANCE = 0.02
"""Relative difference of resolutions that count as equal."""


def cells_per_filter(snapshot: Flame) -> float:
    """Filter width over spacing (on a mesh: over reference length); NaN where it is not stated."""
    if not states_filter(snapshot.attributes):
        return math.nan
    return filter_width(snapshot.attributes, snapshot.dx) / snapshot.dx


def common_resolution(snapshots: Iterable[Flame]) -> float | None:
    """Cells per filter width of a training set; None where it is unknown or not one for all."""
    return _equal([cells_per_filter(snapshot) for snapshot in snapshots])


def matched(
    surrogate: Surrogate,
    inputs: Tensor,
    cells: Tensor | None,
    periods: Sequence[int | None] | None = None,
    graph: Graph | None = None,
) -> Tensor:
    """Apply a network, where necessary at the resolution of its training.

    Parameters
    ----------
    surrogate : Surrogate
    inputs : Tensor, (batch, 1, nx, ny, nz), with a graph (nodes, 1)
        Progress variable.
    cells : Tensor, (batch,), with a graph (graphs,), optional
        Cells per filter width, NaN where unknown.
    periods, graph
        See :meth:`ai4sim.surrogate.Surrogate.forward`; the graph in units of dx.

    Returns
    -------
    Tensor, like `inputs`
        The network's own output, normalised as if the network had seen this grid.

    Raises
    ------
    ValueError
        The samples of the batch differ in resolution.
    """
    factor = _factor(surrogate, cells)  # of lengths; Sigma dx grows with it, and has a mean of 0
    if factor is None:
        return surrogate.normalized(inputs, periods, graph)
    if graph is not None:
        return surrogate.normalized(inputs, graph=graph.scaled(1 / factor)) / factor
    space = tuple(inputs.shape[2:])
    grids = _resampling(space, tuple(periods or [None] * len(space)), round(factor, 6))
    # A spline may overshoot where the flame is thin.
    there = resampled(inputs, grids.there).clamp(0, 1)
    prediction = surrogate.normalized(there, grids.periods)
    # It may undershoot where a spread is least.
    return surrogate.bounded(resampled(full_precision(prediction), grids.back) / factor)


_resampling = functools.lru_cache(maxsize=16)(Resampling.between)


def _factor(surrogate: Surrogate, cells: Tensor | None) -> float | None:
    """Spacing that the network knows over the given one; None where they are equal or unknown."""
    trained = surrogate.facts.get(CELLS)
    if trained is None or cells is None:
        return None
    given = _equal(cells.tolist())
    if given is None:
        if not bool(cells.isnan().all()):
            raise ValueError(
                f"the flames of a batch have {sorted(cells.tolist())} cells per filter width; "
                f"expected one number, for a network trained with {trained:.3g}"
            )
        _once(
            f"the network was trained with {trained:.3g} cells per filter width; the filter width "
            "of these flames is unknown, so they are taken as they are (--data.facts can tell it)"
        )
        return None
    if abs(given / trained - 1) <= TOLERANCE:
        return None
    _once(
        f"flames of {given:.3g} cells per filter width are brought to the {trained:.3g} that the "
        "network was trained with"
    )
    return given / trained


def _equal(values: Sequence[float]) -> float | None:
    """Mean of values that agree within the tolerance; None if they do not, or one is unknown."""
    if not values or any(math.isnan(value) for value in values):
        return None
    return sum(values) / len(values) if max(values) <= (1 + TOLERANCE) * min(values) else None
