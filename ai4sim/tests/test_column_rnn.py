"""Recurrences along a column: what a level sees, and in which order."""

import pytest
import torch

from ai4sim.nets import build
from ai4sim.nets.column_rnn import BiRNN, LinearRecurrences, recurrence


@pytest.mark.parametrize("cell", ["gru", "lstm", "linear"])
def test_every_level_sees_the_whole_column(cell):
    torch.manual_seed(0)
    net = BiRNN(3, 2, features=8, layers=1, cell=cell)
    x = torch.randn(1, 3, 40, requires_grad=True)
    for level in (0, 20, 39):
        (gradient,) = torch.autograd.grad(net(x)[0, :, level].sum(), x)
        assert (gradient[0].abs().sum(0) > 0).all()


def test_turning_the_column_over_swaps_the_two_directions():
    torch.manual_seed(0)
    net = BiRNN(3, 2, features=8, layers=1)
    x = torch.randn(4, 3, 17)
    expected = net(x)
    recurrence, join = net.recurrences[0], net.joins[0]
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            down, up = getattr(recurrence, name), getattr(recurrence, f"{name}_reverse")
            kept = down.clone()
            down.copy_(up)
            up.copy_(kept)
        join.weight.copy_(torch.cat(join.weight.chunk(2, dim=1)[::-1], dim=1))
    torch.testing.assert_close(net(x.flip(-1)).flip(-1), expected)


@pytest.mark.parametrize("cell", ["lstm", "linear"])
def test_it_learns_to_add_up_from_the_top(cell):
    """The downward flux is a sum over the layers above: a recurrence must find that."""
    torch.manual_seed(0)
    net = BiRNN(1, 1, features=16, layers=1, cell=cell)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(150):
        x = torch.randn(32, 1, 24)
        loss = (net(x) - x.cumsum(-1) / 5).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.randn(64, 1, 24)
    error = (net(x) - x.cumsum(-1) / 5).square().mean()
    assert error < 0.1 * (x.cumsum(-1) / 5).square().mean()


def test_linear_recurrences_attenuate_what_comes_and_add_their_own():
    """Light through absorbing and emitting layers, down and up: h <- a h + (1 - a) v."""
    torch.manual_seed(0)
    net, x = LinearRecurrences(3), torch.randn(2, 7, 3)
    with torch.no_grad():
        found = net(x)
        passing, source = net.products(x).chunk(2, -1)
    expected = torch.zeros(2, 7, 6)
    for way, levels in ((0, range(7)), (1, reversed(range(7)))):
        state = torch.zeros(2, 3)
        part = slice(3 * way, 3 * way + 3)
        for k in levels:
            a = passing[:, k, part].sigmoid()
            state = a * state + (1 - a) * source[:, k, part]
            expected[:, k, part] = state
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("up", [False, True])
def test_derivatives_of_a_recurrence_are_those_of_its_steps(up):
    torch.manual_seed(0)
    a, b = (torch.rand(2, 5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: recurrence(a, b, up), (a, b))
    assert torch.autograd.gradgradcheck(lambda a, b: recurrence(a, b, up), (a, b))


def test_any_number_of_levels_and_clear_mistakes():
    net = build({"name": "BiRNN", "in_channels": 2, "out_channels": 3, "features": 4})
    assert net(torch.randn(5, 2, 9)).shape == (5, 3, 9)
    assert net(torch.randn(5, 2, 30)).shape == (5, 3, 30)
    with pytest.raises(ValueError, match=r"cell: expected one of .*'linear'.*, found 'rnn'"):
        BiRNN(2, 3, cell="rnn")
    with pytest.raises(ValueError, match="layers: expected at least 1, found 0"):
        BiRNN(2, 3, layers=0)
