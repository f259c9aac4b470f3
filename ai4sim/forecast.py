"""A prediction with its spread: of an ensemble of networks, or of one that predicts a variance."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ai4sim.variables import Variable

SUFFIX = "_spread"
"""The end of the name of a variable's standard deviation."""


@dataclass(frozen=True)
class Forecast:
    """The mean and the spread of a prediction, physical units.

    Attributes
    ----------
    mean : Tensor, or mapping of str to Tensor
        For instance (batch, channel, ...).
    spread : like `mean`, optional
        The standard deviation; None of a single network that predicts none.
    members : like `mean`, with the members as first axis, optional
        The predictions of an ensemble whose networks predict no spread themselves.
    """

    mean: Any
    spread: Any = None
    members: Any = None

    @property
    def channels(self) -> Tensor:
        """The mean and behind it the spread, where there is one, as channels of one tensor."""
        mean: Tensor = self.mean
        return mean if self.spread is None else torch.cat([mean, self.spread], dim=1)

    def by_output(self, divide: Callable[[Any], Mapping[str, Tensor]]) -> dict[str, Forecast]:
        """Divide a forecast by outputs, as a function does with tensors without their members."""
        mean = divide(self.mean)
        spread = divide(self.spread)
        members = None if self.members is None else [divide(one) for one in _each(self.members)]
        return {
            name: Forecast(
                mean[name],
                spread[name],
                None if members is None else torch.stack([one[name] for one in members]),
            )
            for name in mean
        }


def _each(members: Any) -> list[Any]:
    """Return the predictions of each member."""
    if not isinstance(members, Mapping):
        return list(members)
    number = len(next(iter(members.values())))
    return [{name: values[i] for name, values in members.items()} for i in range(number)]


def forecast_of(outputs: Sequence[Any], spread: bool = False) -> Forecast:
    """Combine the outputs of the members of an ensemble, or of a single network.

    The spread of an ensemble is its sample standard deviation, with M - 1 in the denominator. Of
    members that predict a standard deviation each, the variance of the ensemble is the mean of
    theirs and that of their means (the law of total variance, Lakshminarayanan et al. 2017).

    Parameters
    ----------
    outputs : sequence of (batch, channel, ...), or of mappings of str to Tensor
        Of each member. Where members predict a spread it is the second half of the channels, or
        the entries whose names end with :data:`SUFFIX`.
    spread : bool
        Whether they do.

    Returns
    -------
    Forecast
    """
    if isinstance(outputs[0], Mapping):
        parts = {
            name: _combined(
                [found[name] for found in outputs],
                [found[name + SUFFIX] for found in outputs] if spread else None,
            )
            for name in outputs[0]
            if not (spread and name.endswith(SUFFIX))
        }
        known = next(iter(parts.values()))
        return Forecast(
            {name: part.mean for name, part in parts.items()},
            *(
                None
                if getattr(known, field) is None
                else {name: getattr(part, field) for name, part in parts.items()}
                for field in ("spread", "members")
            ),
        )
    if not spread:
        return _combined(outputs, None)
    pairs = [found.chunk(2, dim=1) for found in outputs]
    return _combined([mean for mean, _ in pairs], [own for _, own in pairs])


def _combined(means: Sequence[Tensor], spreads: Sequence[Tensor] | None) -> Forecast:
    if len(means) == 1:
        return Forecast(means[0], spreads[0] if spreads else None)
    members = torch.stack(list(means))
    mean = members.mean(0)
    variance = (members - mean).square().sum(0) / (len(members) - 1)
    if spreads is None:
        return Forecast(mean, variance.sqrt(), members)
    return Forecast(mean, (variance + torch.stack(list(spreads)).square().mean(0)).sqrt())


def over_members(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """Return how numbers differ between the runs of an ensemble's members.

    Parameters
    ----------
    rows : sequence of mapping
        The numbers of each run by name. Those that are None or not finite do not count.
    names : iterable of str
        The numbers that are compared.

    Returns
    -------
    dict
        :func:`summary` by name.
    """
    return {
        name: summary([v for row in rows if (v := row[name]) is not None and math.isfinite(v)])
        for name in names
    }


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Return ``count``, ``mean``, ``spread``, ``least`` and ``greatest`` of some numbers.

    The spread is the sample standard deviation, None of fewer than two numbers.
    """
    return {
        "count": len(values),
        "mean": statistics.fmean(values) if values else None,
        "spread": statistics.stdev(values) if len(values) > 1 else None,
        "least": min(values, default=None),
        "greatest": max(values, default=None),
    }


def spread_of(variable: Variable) -> Variable:
    """Return the variable of a standard deviation: of the same units and levels."""
    return replace(variable, name=variable.name + SUFFIX)
