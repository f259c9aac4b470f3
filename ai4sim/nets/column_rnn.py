"""Recurrent layers that run down and up the levels of a column."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ai4sim.normalization import full_precision

Cell = Literal["gru", "lstm", "linear"]
CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class LinearRecurrences(nn.Module):
    """A recurrence down and one up the levels, both linear in their states.

    ``h[k] = a[k] h[k-1] + (1 - a[k]) v[k]``, where the share that passes a level, ``a = sigmoid(A x
    + b)``, and what the level adds, ``v = V x + c``, depend on its input only, as transmittance and
    source of a layer do (minGRU, Feng et al. 2024, arXiv:2410.01201). All products of a column are
    made at once; the recurrence itself is two operations per level and number.

    Parameters
    ----------
    features : int
        Width of the input and of the state of each direction.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.products = nn.Linear(features, 4 * features)
        with torch.no_grad():  # at first, states that last for 1 to 100 levels
            lasting = torch.logspace(0, 2, features).repeat(2)
            self.products.bias[: 2 * features] = lasting.log()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x : (batch, level, features)`` to (batch, level, 2 features)."""
        # Sums over all levels: whatever precision the products have.
        passing, found = full_precision(self.products(x)).chunk(2, dim=-1)
        a = passing.sigmoid()
        b = found - a * found
        n = self.features
        down, up = recurrence(a[..., :n], b[..., :n]), recurrence(a[..., n:], b[..., n:], up=True)
        return torch.cat([down, up], dim=-1)


def recurrence(a: Tensor, b: Tensor, up: bool = False) -> Tensor:
    """Return ``h[k] = a[k] h[k-1] + b[k]`` along dimension 1, from nothing before the first level.

    Parameters
    ----------
    a, b : (batch, level, features)
    up : bool
        Whether to begin at the last level.
    """
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        found: Tensor = _Recurrence.apply(a, b, up)
        return found
    shares, states = a.unbind(1), list(b.unbind(1))
    step = -1 if up else 1
    for k in range(len(states))[::step][1:]:
        states[k] = torch.addcmul(states[k], shares[k], states[k - step])
    return torch.stack(states, dim=1)


class _Recurrence(torch.autograd.Function):
    """The recurrence with a recurrence the other way as its derivative, not one of each step."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, up: bool) -> Tensor:
        with torch.no_grad():
            states = recurrence(a, b, up)
        ctx.save_for_backward(a, states)
        ctx.up = up
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        a, states = ctx.saved_tensors
        of_b = recurrence(_moved(a, not ctx.up), gradient, not ctx.up)
        return of_b * _moved(states, ctx.up), of_b, None


def _moved(x: Tensor, up: bool) -> Tensor:
    """Put each level of ``x : (batch, level, features)`` in the place of its neighbour."""
    return functional.pad(x[:, 1:], (0, 0, 0, 1)) if up else functional.pad(x[:, :-1], (0, 0, 1, 0))


class BiRNN(nn.Module):
    """Bidirectional recurrent layers: (batch, in_channels, level) to (batch, out_channels, level).

    One recurrence takes the levels from the top down, another one from the bottom up, as the
    solution of a radiative transfer problem does (Ukkonen 2022, doi:10.1029/2021MS002875). Each
    layer adds what it finds to its input. Any number of levels.

    Parameters
    ----------
    in_channels, out_channels : int
    features : int
        Width of the hidden state of each direction.
    layers : int
        Pairs of recurrences, one after the other.
    cell : {"gru", "lstm", "linear"}
        On CPUs "lstm" is up to twice as fast as "gru". "linear" takes a quarter of the operations
        of an LSTM, see :class:`LinearRecurrences`.
    kernel : int
        Levels that the first layer, a convolution, sees at once, odd.
    dropout : float
        Share of the hidden values that are left out in training, after each layer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        features: int = 64,
        layers: int = 2,
        cell: Cell = "lstm",
        kernel: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if cell not in (*CELLS, "linear"):
            raise ValueError(f"cell: expected one of {sorted((*CELLS, 'linear'))}, found {cell!r}")
        if layers < 1:
            raise ValueError(f"layers: expected at least 1, found {layers}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number of levels, found {kernel}")
        self.linear = cell == "linear"
        self.first = nn.Conv1d(in_channels, features, kernel, padding=kernel // 2)
        self.recurrences = nn.ModuleList(
            LinearRecurrences(features)
            if cell == "linear"
            else CELLS[cell](features, features, batch_first=True, bidirectional=True)
            for _ in range(layers)
        )
        self.joins = nn.ModuleList(nn.Linear(2 * features, features) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.activation = nn.SiLU()
        self.last = nn.Linear(features, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to ``x : (batch, in_channels, level)``."""
        h = self.first(x).transpose(1, 2)
        for recurrence, join in zip(self.recurrences, self.joins, strict=True):
            # A linear recurrence has no other bend than its shares.
            states = recurrence(self.activation(h)) if self.linear else recurrence(h)[0]
            h = h + join(self.dropout(states))
        y: Tensor = self.last(self.activation(h))
        return y.transpose(1, 2)
