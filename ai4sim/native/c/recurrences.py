"""Recurrences that stay whole while a network is traced.

torch would go through them level by level, only to find the shape of the result: of 138 levels that
takes most of the time in which a library in C is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@torch.library.custom_op("ai4sim::lstm", mutates_args=())
def _lstm(
    x: Tensor,
    states: list[Tensor],
    parameters: list[Tensor],
    has_bias: bool,
    layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the states of an LSTM at all levels, and the last ones."""
    options = (has_bias, layers, dropout, training, bidirectional, batch_first)
    found: tuple[Tensor, Tensor, Tensor] = torch.lstm(x, states, parameters, *options)
    return found


@torch.library.custom_op("ai4sim::gru", mutates_args=())
def _gru(
    x: Tensor,
    state: Tensor,
    parameters: list[Tensor],
    has_bias: bool,
    layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Return the states of a GRU at all levels, and the last one."""
    options = (has_bias, layers, dropout, training, bidirectional, batch_first)
    found: tuple[Tensor, Tensor] = torch.gru(x, state, parameters, *options)
    return found


def _states(x: Tensor, parameters: list[Tensor], bidirectional: bool) -> Tensor:
    ways = 2 if bidirectional else 1
    return x.new_empty(*x.shape[:-1], ways * parameters[1].shape[1])


@_lstm.register_fake
def _shapes_of_lstm(
    x: Tensor, states: list[Tensor], parameters: list[Tensor], *options: bool
) -> tuple[Tensor, Tensor, Tensor]:
    last = (torch.empty_like(state) for state in states)
    return _states(x, parameters, options[4]), *last  # type: ignore[return-value]


@_gru.register_fake
def _shapes_of_gru(
    x: Tensor, state: Tensor, parameters: list[Tensor], *options: bool
) -> tuple[Tensor, Tensor]:
    return _states(x, parameters, options[4]), torch.empty_like(state)


class WholeRecurrences(TorchFunctionMode):
    """Trace an LSTM or a GRU as one operation."""

    others: Mapping[Any, Any] = {torch.lstm: _lstm, torch.gru: _gru}

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the other operation, if there is one."""
        if func not in self.others or not isinstance(args[2], list | tuple):  # a packed sequence
            return func(*args, **(kwargs or {}))
        x, states, *rest = args
        given = list(states) if isinstance(states, tuple) else states
        return self.others[func](x, given, *rest)
