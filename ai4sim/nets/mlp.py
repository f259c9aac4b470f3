"""Multilayer perceptrons: on flat vectors, and the residual layers that other networks share."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

Activation = Literal["relu", "silu", "tanh", "gelu"]
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
}


class ResidualLayers(nn.Module):
    """Layers ``x + activation(W x + b)`` of one width.

    Parameters
    ----------
    features : int
    layers : int
    activation : {"relu", "silu", "tanh", "gelu"}
    """

    def __init__(self, features: int, layers: int, activation: Activation = "silu") -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(features, features) for _ in range(layers))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers to ``x : (batch, features)``."""
        for layer in self.layers:
            x = x + self.activation(layer(x))
        return x


class MLP(nn.Module):
    """Multilayer perceptron with a linear head: (batch, in_channels) to (batch, out_channels).

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of input and output channels.
    features : int
        The width of the hidden layers.
    layers : int
        Number of hidden layers, at least one.
    activation : {"relu", "silu", "tanh", "gelu"}
        The activation after each hidden layer.
    residual : bool
        Whether to add the input of each hidden layer after the first to its output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        features: int = 256,
        layers: int = 3,
        activation: Activation = "silu",
        residual: bool = True,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers: expected at least 1, found {layers}")
        modules: list[nn.Module] = [nn.Linear(in_channels, features), ACTIVATIONS[activation]()]
        if residual:
            modules.append(ResidualLayers(features, layers - 1, activation))
        else:
            for _ in range(layers - 1):
                modules += [nn.Linear(features, features), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*modules, nn.Linear(features, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to ``x : (batch, in_channels)``."""
        y: Tensor = self.layers(x)
        return y
