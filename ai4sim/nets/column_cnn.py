"""One-dimensional convolutions along the levels of a column."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.nets.mlp import ACTIVATIONS, Activation


class ColumnCNN(nn.Module):
    """Flat columns (batch, profiles levels + scalars) to flat columns (batch, outputs levels).

    Scalars, what a column has at its surface, are given to every level. Residual blocks of two
    convolutions follow, with dilations 1, 2, 4, ..., and a learned bias per level and channel:
    a level is a place and not only a neighbour. With a kernel of 3, n blocks see ``2^n - 1 + n``
    levels up and down: six are needed for each of 63 levels to see the whole column, seven for 91.

    Parameters
    ----------
    levels : int
        Number of levels.
    profiles : int
        Input profiles, which come first.
    scalars : int
        Single values, which come last.
    outputs : int
        Output profiles.
    features : int
        Channels of the hidden layers.
    blocks : int
        Residual blocks; the dilation doubles from one to the next.
    kernel : int
        Levels that a convolution sees, odd.
    activation : {"relu", "silu", "tanh", "gelu"}
        The activation after each convolution.
    """

    def __init__(
        self,
        levels: int,
        profiles: int,
        scalars: int,
        outputs: int,
        features: int = 64,
        blocks: int = 7,
        kernel: int = 3,
        activation: Activation = "silu",
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number of levels, found {kernel}")
        self.levels, self.profiles = levels, profiles
        self.first = nn.Conv1d(profiles + scalars, features, 1)
        self.level_bias = nn.Parameter(torch.zeros(features, levels))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(features, features, kernel, padding=2**i * (kernel // 2), dilation=2**i),
                ACTIVATIONS[activation](),
                nn.Conv1d(features, features, kernel, padding=kernel // 2),
                ACTIVATIONS[activation](),
            )
            for i in range(blocks)
        )
        self.last = nn.Conv1d(features, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to ``x : (batch, profiles levels + scalars)``."""
        profiles = x[:, : self.profiles * self.levels].unflatten(1, (self.profiles, self.levels))
        scalars = x[:, self.profiles * self.levels :, None].expand(-1, -1, self.levels)
        h = self.first(torch.cat([profiles, scalars], dim=1)) + self.level_bias
        for block in self.blocks:
            h = h + block(h)
        y: Tensor = self.last(h)
        return y.flatten(1)
