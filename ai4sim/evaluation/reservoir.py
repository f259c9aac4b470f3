"""A bounded choice of rows for the figures, the same however a test set is divided."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def thinning(rows: int, most: int) -> int:
    """Return the stride by which about `most` of some rows are seen, evenly spread."""
    return max(1, -(-rows // max(1, most)))


def row_random(marker: Tensor, resolution: float) -> Tensor:
    """Return a number from 0 to 1 for each row, as if drawn at random, that the row itself decides.

    Parameters
    ----------
    marker : (row,)
        Any quantity that differs between rows.
    resolution : float
        Size of the differences that matter, far below the spread of the marker.

    Returns
    -------
    (row,), float64
    """
    return (marker.double() / resolution * (math.sqrt(5) - 1)).frac().abs()


def random_key(random: Tensor, weight: Tensor) -> Tensor:
    """Return keys, of which the largest choose rows with a probability in proportion to a weight.

    The key is ``log(random) / weight`` (Efraimidis & Spirakis 2006, Inf. Process. Lett. 97, 181).

    Parameters
    ----------
    random : (row,)
        Between 0 and 1, see :func:`row_random`.
    weight : (row,)
        A row without weight is never chosen: its key is minus infinity.
    """
    return (random.clamp(min=1e-12).log() / weight).where(weight > 0, -torch.inf)


class Reservoir:
    """The rows of the largest keys of each group, whatever the order in which they are offered.

    Parameters
    ----------
    size : int
        Number of rows that are kept of each group.

    Attributes
    ----------
    rows : name -> (row, ...)
        The ``group`` and the ``key`` of each row that is kept and all that was offered with it, on
        the host; by group, the largest key first. Empty before a row has been kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: dict[str, Tensor] = {}

    def offer(self, key: Tensor, values: Mapping[str, Tensor], group: Tensor | int = 0) -> None:
        """Choose among the rows kept and others.

        Parameters
        ----------
        key : (row,)
            A row whose key is minus infinity or NaN is never kept.
        values : name -> (row, ...)
            The columns that are kept of each row, under the same names every time.
        group : (row,), or one number for all rows
            The number of the group of each row.
        """
        key = key.detach().double()
        group = torch.as_tensor(group, device=key.device).expand(len(key))
        chosen = _largest(key, group, self.size)
        if not len(chosen):
            return
        rows = {
            name: column.detach()[chosen].cpu()
            for name, column in {"group": group, "key": key, **values}.items()
        }
        self._keep(rows)

    def merge(self, other: Reservoir) -> None:
        """Choose among the rows that another process has kept as well."""
        if other.rows:
            self._keep(other.rows)

    def _keep(self, rows: Mapping[str, Tensor]) -> None:
        if self.rows:
            rows = {name: torch.cat([self.rows[name], column]) for name, column in rows.items()}
        chosen = _largest(rows["key"], rows["group"], self.size)
        self.rows = {name: column[chosen] for name, column in rows.items()}


def _largest(key: Tensor, group: Tensor, size: int) -> Tensor:
    """Return the rows of the largest keys of each group, by group."""
    order = key.argsort(descending=True, stable=True)
    order = order[key[order] > -torch.inf]
    chosen = [order[group[order] == number][:size] for number in group[order].unique(sorted=True)]
    return torch.cat(chosen) if chosen else order
