"""Convolutions along the levels: what each level sees, and where it knows that it stands."""

from typing import Any

import pytest
import torch
from torch import nn

from ai4sim.nets import build
from ai4sim.nets.column_cnn import ColumnCNN


def random_net(**options: Any) -> ColumnCNN:
    """A network whose biases are random too."""
    torch.manual_seed(0)
    shape = {"levels": 63, "profiles": 3, "scalars": 2, "outputs": 2, "features": 8}
    net = ColumnCNN(**{**shape, **options})
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def test_flat_columns_become_flat_columns():
    net = random_net(levels=10, profiles=2, scalars=3, outputs=4)
    assert net(torch.randn(5, 23)).shape == (5, 40)


def test_profiles_come_first_and_outputs_are_profiles_too():
    """Without blocks and biases each level is a linear map of its own values and the scalars."""
    net = random_net(levels=4, profiles=2, scalars=1, outputs=2, blocks=0)
    nn.init.zeros_(net.level_bias)
    x = torch.randn(3, 9)
    first, last = net.first.weight[:, :, 0], net.last.weight[:, :, 0]
    for level in range(4):
        seen = torch.stack([x[:, level], x[:, 4 + level], x[:, 8]], dim=1)
        expected = (seen @ first.T + net.first.bias) @ last.T + net.last.bias
        torch.testing.assert_close(net(x).unflatten(1, (2, 4))[:, :, level], expected)


def seen_from(net: ColumnCNN, level: int) -> torch.Tensor:
    """Inputs that an output of a level depends on, (channel,) bool."""
    x = torch.randn(1, net.profiles * net.levels + 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, level], x)
    return gradient[0] != 0


@pytest.mark.parametrize("options", [{"levels": 63, "blocks": 6}, {"levels": 91}])
def test_every_level_sees_the_whole_column_and_its_surface(options):
    net = random_net(**options)
    for level in (0, 31, options["levels"] - 1):
        assert seen_from(net, level).all()


@pytest.mark.parametrize(("blocks", "kernel", "reach"), [(1, 3, 2), (3, 3, 10), (2, 5, 10)])
def test_the_reach_doubles_from_block_to_block(blocks, kernel, reach):
    """Each block adds its dilation and 1, times half the kernel, on either side."""
    seen = seen_from(random_net(blocks=blocks, kernel=kernel), 31)
    assert seen[-2:].all()
    for profile in seen[:-2].split(63):
        levels = torch.nonzero(profile)[:, 0]
        assert (levels.min(), levels.max()) == (31 - reach, 31 + reach)


def test_a_level_knows_where_it_stands():
    net = random_net(blocks=2)
    x = torch.ones(1, 3 * 63 + 2)
    inner = net(x)[0, 10:50]
    assert inner.std() > 1e-3
    nn.init.zeros_(net.level_bias)
    # Away from the ends nothing else tells one level from another.
    assert net(x)[0, 10:50].std() < 1e-6


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="kernel: expected an odd number of levels, found 4"):
        random_net(kernel=4)
    with pytest.raises(ValueError, match="network ColumnCNN: argument 'outputs' is missing"):
        build({"name": "ColumnCNN", "levels": 9, "profiles": 3, "scalars": 2})
