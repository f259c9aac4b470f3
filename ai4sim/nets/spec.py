"""Specifications of networks: their names and the arguments of their constructors, checked."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn


def spec_of(net: nn.Module, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``ai4sim.nets.build`` needs to make a network again.

    Parameters
    ----------
    net : torch.nn.Module
    arguments : mapping
        The arguments of its constructor, among others: ``locals()`` at the beginning of it.
    """
    names = inspect.signature(type(net)).parameters
    return {"name": type(net).__name__, **{name: arguments[name] for name in names}}


def check_spec(
    spec: Mapping[str, Any], positive: Iterable[str], choices: Mapping[str, Sequence[Any]]
) -> None:
    """Refuse arguments that make no network, naming the argument and what it may be.

    Parameters
    ----------
    spec : mapping
        See :func:`spec_of`.
    positive : iterable of str
        The arguments that must be positive integers.
    choices : mapping of str to sequence
        The values that other arguments may have.
    """
    for name in positive:
        if not isinstance(spec[name], int) or spec[name] < 1:
            raise ValueError(
                f"{spec['name']}: {name} must be a positive integer, found {spec[name]!r}"
            )
    for name, known in choices.items():
        if spec[name] not in known:
            raise ValueError(f"{spec['name']}: {name} must be one of {known}, found {spec[name]!r}")
