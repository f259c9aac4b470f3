"""The cheap dropout: rate, mean, gradient, seed."""

import math

import pytest
import torch

from ai4sim.nets.dropout import dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_it_drops_the_given_share_and_keeps_the_mean(p):
    torch.manual_seed(0)
    rounded, n = round(256 * p) / 256, 200 * 301
    y = dropout(torch.full((200, 301), 3.0), p)
    share = float((y == 0).float().mean())
    assert share == pytest.approx(rounded, abs=4 * math.sqrt(p * (1 - p) / n))
    assert torch.unique(y).tolist() == pytest.approx([0, 3 / (1 - rounded)])


def test_elements_are_dropped_independently():
    torch.manual_seed(0)
    kept = (dropout(torch.ones(400, 400), 0.5) != 0).float()
    deviation = 1 / math.sqrt(kept.numel())
    for step in (1, 2, 3, 4, 8, 16, 399, 400, 401):
        flat = 2 * kept.flatten() - 1
        assert abs(float((flat[step:] * flat[:-step]).mean())) < 4 * deviation


def test_the_gradient_has_the_same_draw():
    x = torch.rand(50, 3, requires_grad=True)
    y = dropout(x, 0.5)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)


def test_the_seed_decides():
    x = torch.rand(9, 7)
    torch.manual_seed(4)
    first = dropout(x, 0.5)
    assert not torch.equal(dropout(x, 0.5), first)
    torch.manual_seed(4)
    assert torch.equal(dropout(x, 0.5), first)


def test_evaluation_and_a_probability_of_0_change_nothing():
    x = torch.rand(5, 2)
    assert dropout(x, 0.0) is x
    assert dropout(x, 0.5, training=False) is x


@pytest.mark.parametrize("p", [1.0, 0.999, -0.5])
def test_a_probability_that_leaves_nothing_is_refused(p):
    with pytest.raises(ValueError, match=f"from 0 to below 1, found {p}"):
        dropout(torch.rand(3), p)
