"""Rows for the figures: in proportion to their weight, and the same however they are divided."""

import pickle

import torch

from ai4sim.evaluation.reservoir import Reservoir, random_key, row_random, thinning


def chosen(parts, size=3):
    reservoirs = []
    for key, group, value in parts:
        reservoirs.append(Reservoir(size))
        for i in torch.arange(len(key)).split(7):
            reservoirs[-1].offer(key[i], {"value": value[i]}, group[i])
    first, *others = (pickle.loads(pickle.dumps(r)) for r in reservoirs)
    for other in others:
        first.merge(other)
    return first.rows


def test_any_division_keeps_the_largest_keys_of_each_group():
    rng = torch.Generator().manual_seed(2)
    key, group = torch.rand(100, generator=rng), torch.arange(100) % 3
    key[::4] = -torch.inf
    key[1] = torch.nan
    value = torch.rand(100, 5, generator=rng)
    whole = chosen([(key, group, value)])
    assert whole["group"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    usual = key.nan_to_num(-torch.inf)
    for number in range(3):
        best = usual.where(group == number, -torch.inf).topk(3)
        of_group = whole["group"] == number
        torch.testing.assert_close(whole["key"][of_group], best.values.double())
        torch.testing.assert_close(whole["value"][of_group], value[best.indices])
    order = torch.randperm(100, generator=rng)
    divided = chosen([(key[i], group[i], value[i]) for i in order.split([30, 0, 70])])
    torch.testing.assert_close(divided, whole)


def test_rows_that_are_never_chosen_leave_nothing():
    reservoir = Reservoir(2)
    reservoir.offer(torch.full((4,), -torch.inf), {"value": torch.zeros(4)})
    assert reservoir.rows == {}
    reservoir.merge(Reservoir(2))
    assert reservoir.rows == {}


def test_a_row_of_twice_the_weight_is_drawn_twice_as_often():
    marker = 250 + 30 * torch.randn(18_000, generator=torch.Generator().manual_seed(1))
    random = row_random(marker, 1e-5)
    assert 0 <= random.min() < 0.001 < 0.999 < random.max() < 1
    weight = torch.tensor([0.0, 1.0, 2.0]).expand(6000, 3)
    drawn = random_key(random.reshape(6000, 3), weight).argmax(1).bincount()
    assert drawn[0] == 0
    assert abs(drawn[2] / drawn[1] - 2) < 0.15


def test_thinning_keeps_to_about_so_many_rows():
    assert thinning(100, 1000) == 1
    assert thinning(201, 200) == 2
    assert thinning(20_001, 20_000) == 2
    assert thinning(10**6, 1000) == 1000
