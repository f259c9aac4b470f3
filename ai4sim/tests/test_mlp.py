"""Multilayer perceptrons: the layers they should have, and that they learn."""

import pytest
import torch
from torch import nn

from ai4sim.nets import build
from ai4sim.nets.mlp import ACTIVATIONS, MLP, ResidualLayers


def linear_layers(net: nn.Module) -> list[tuple[int, int]]:
    """Inputs and outputs of the linear layers, in order."""
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 4])
def test_hidden_layers_are_as_many_and_as_wide_as_asked_for(layers, residual):
    net = MLP(5, 3, features=8, layers=layers, residual=residual)
    assert linear_layers(net) == [(5, 8), *[(8, 8)] * (layers - 1), (8, 3)]
    assert net(torch.randn(7, 5)).shape == (7, 3)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", torch.relu),
        ("silu", nn.functional.silu),
        ("tanh", torch.tanh),
        ("gelu", nn.functional.gelu),
    ],
)
@pytest.mark.parametrize("residual", [False, True])
def test_layers_are_applied_one_after_the_other(activation, function, residual):
    torch.manual_seed(0)
    net = MLP(4, 2, features=6, layers=3, activation=activation, residual=residual)
    first, *hidden, last = [m for m in net.modules() if isinstance(m, nn.Linear)]
    x = torch.randn(10, 4)
    h = function(first(x))
    for layer in hidden:
        h = (h if residual else 0.0) + function(layer(h))
    torch.testing.assert_close(net(x), last(h))


def test_residual_layers_without_weights_do_nothing():
    layers = ResidualLayers(6, 3)
    for parameter in layers.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(4, 6)
    assert torch.equal(layers(x), x)


def test_leading_axes_are_free():
    torch.manual_seed(0)
    net, x = MLP(5, 3, features=8), torch.randn(2, 7, 5)
    torch.testing.assert_close(net(x), net(x.flatten(0, 1)).unflatten(0, (2, 7)))


@pytest.mark.parametrize("residual", [False, True])
def test_it_learns_what_no_line_can_give(residual):
    torch.manual_seed(0)
    x = torch.rand(512, 2) * 4 - 2
    y = x.prod(dim=1, keepdim=True)  # its best linear fit explains nothing
    net = MLP(2, 1, features=32, layers=3, residual=residual)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.05 * y.var()


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="layers: expected at least 1, found 0"):
        MLP(2, 1, layers=0)
    with pytest.raises(ValueError, match="network MLP: argument 'in_channels' is missing"):
        build({"name": "MLP", "out_channels": 3})
    assert set(ACTIVATIONS) == {"relu", "silu", "tanh", "gelu"}
