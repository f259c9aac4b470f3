"""Convolutions and self-attention along the levels of a column."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class AttentionCNN(nn.Module):
    """Convolutions and attention in turn.

    From (batch, in_channels, level) to (batch, out_channels, level), any number of levels. A block
    is a convolution over neighbouring levels, multi-head self-attention over all levels (Vaswani et
    al. 2017), and a perceptron on each level; each adds to its input and takes it normalised.
    Attention knows no order: where the levels are has to be among the input channels.

    Parameters
    ----------
    in_channels, out_channels : int
    features : int
        Channels of the hidden layers, a multiple of `heads`.
    blocks : int
        Number of blocks.
    heads : int
        Number of attention heads.
    kernel : int
        Levels that a convolution sees, odd.
    dropout : float
        Share of the values that are left out in training of what each part of a block adds.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        features: int = 64,
        blocks: int = 3,
        heads: int = 4,
        kernel: int = 7,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number of levels, found {kernel}")
        if features % heads:
            raise ValueError(f"features: expected a multiple of heads = {heads}, found {features}")
        self.first = nn.Linear(in_channels, features)
        self.blocks = nn.ModuleList(_Block(features, heads, kernel, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(features)
        self.last = nn.Linear(features, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to ``x : (batch, in_channels, level)``."""
        h = self.first(x.transpose(1, 2))
        for block in self.blocks:
            h = block(h)
        y: Tensor = self.last(functional.silu(self.norm(h)))
        return y.transpose(1, 2)


class _Block(nn.Module):
    """Convolution, attention, perceptron: (batch, level, feature) to the same."""

    def __init__(self, features: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(features) for _ in range(3))
        self.convolution = nn.Conv1d(features, features, kernel, padding=kernel // 2)
        self.to_heads = nn.Linear(features, 3 * features)
        self.from_heads = nn.Linear(features, features)
        self.perceptron = nn.Sequential(
            nn.Linear(features, 2 * features), nn.SiLU(), nn.Linear(2 * features, features)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Add what each of the three parts finds."""
        convolved = self.convolution(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + self.dropout(functional.silu(convolved))
        x = x + self.dropout(self._attend(self.norms[1](x)))
        return x + self.dropout(self.perceptron(self.norms[2](x)))

    def _attend(self, x: Tensor) -> Tensor:
        heads = self.to_heads(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(*heads.unbind(0))
        y: Tensor = self.from_heads(seen.transpose(1, 2).flatten(2))
        return y
