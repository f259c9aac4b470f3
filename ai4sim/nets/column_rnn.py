"""Recurrent layers that run down and up the levels of a column."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Cell = Literal["gru", "lstm"]
CELLS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}


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
    cell : {"gru", "lstm"}
        On CPUs "lstm" is up to twice as fast.
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
        if cell not in CELLS:
            raise ValueError(f"cell: expected one of {sorted(CELLS)}, found {cell!r}")
        if layers < 1:
            raise ValueError(f"layers: expected at least 1, found {layers}")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number of levels, found {kernel}")
        self.first = nn.Conv1d(in_channels, features, kernel, padding=kernel // 2)
        self.recurrences = nn.ModuleList(
            CELLS[cell](features, features, batch_first=True, bidirectional=True)
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
            h = h + join(self.dropout(recurrence(h)[0]))
        y: Tensor = self.last(self.activation(h))
        return y.transpose(1, 2)
