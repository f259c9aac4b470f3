"""Convolutions and attention along a column: what a level sees, against plain formulas."""

import math

import pytest
import torch

from ai4sim.nets import build
from ai4sim.nets.column_attention import AttentionCNN


def test_every_level_sees_the_whole_column_through_attention_alone():
    torch.manual_seed(0)
    net = AttentionCNN(3, 2, features=8, blocks=1, heads=2, kernel=1)
    x = torch.randn(1, 3, 40, requires_grad=True)
    for level in (0, 39):
        (gradient,) = torch.autograd.grad(net(x)[0, :, level].sum(), x)
        assert (gradient[0].abs().sum(0) > 0).all()


def test_attention_is_the_published_formula():
    torch.manual_seed(0)
    block = AttentionCNN(3, 2, features=8, blocks=1, heads=2).blocks[0]
    x = torch.randn(5, 11, 8)
    q, k, v = block.to_heads(x).chunk(3, dim=-1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        scores = q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(4)
        heads.append(scores.softmax(-1) @ v[..., part])
    expected = block.from_heads(torch.cat(heads, dim=-1))
    torch.testing.assert_close(block._attend(x), expected)


def test_without_neighbours_the_order_of_the_levels_does_not_matter():
    """Attention has no notion of place: it has to come with the input."""
    torch.manual_seed(0)
    order = torch.randperm(20)
    x = torch.randn(4, 3, 20)
    net = AttentionCNN(3, 2, features=8, blocks=2, heads=2, kernel=1)
    torch.testing.assert_close(net(x[..., order]), net(x)[..., order])
    near = AttentionCNN(3, 2, features=8, blocks=2, heads=2, kernel=3)
    assert not torch.allclose(near(x[..., order]), near(x)[..., order], atol=1e-3)


def test_any_number_of_levels_and_clear_mistakes():
    net = build({"name": "AttentionCNN", "in_channels": 2, "out_channels": 3, "features": 8})
    assert net(torch.randn(5, 2, 9)).shape == (5, 3, 9)
    assert net(torch.randn(5, 2, 30)).shape == (5, 3, 30)
    with pytest.raises(ValueError, match="kernel: expected an odd number of levels, found 4"):
        AttentionCNN(2, 3, kernel=4)
    with pytest.raises(ValueError, match="features: expected a multiple of heads = 4, found 10"):
        AttentionCNN(2, 3, features=10)
