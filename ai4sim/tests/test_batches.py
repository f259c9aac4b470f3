"""Batches: each sample once, every process in step, one shape at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4sim.data.batches import BatchSampler


def served(groups, size, world_size, **kwargs):
    return [
        list(BatchSampler(groups, size, rank=rank, world_size=world_size, **kwargs))
        for rank in range(world_size)
    ]


@given(n=st.integers(1, 40), size=st.integers(1, 9), world_size=st.integers(1, 5))
def test_evaluation_counts_each_sample_once_and_keeps_processes_in_step(n, size, world_size):
    ranks = served([(4, 4)] * n, size, world_size, shuffle=False)
    assert len({len(batches) for batches in ranks}) == 1
    counted = [i for batches in ranks for b in batches if not b.repeated for i in b.samples]
    assert sorted(counted) == list(range(n))


def test_a_batch_holds_one_shape():
    groups = [(8, 8)] * 3 + [(9, 8)] * 2 + [(8, 8)]
    batches = [b.samples for b in BatchSampler(groups, 2, shuffle=False)]
    assert batches == [[0, 1], [2], [3, 4], [5]]


@given(n=st.integers(1, 40), size=st.integers(1, 9), world_size=st.integers(1, 5))
def test_training_sees_all_samples_in_equal_batches(n, size, world_size):
    ranks = served([0] * n, size, world_size, shuffle=True)
    assert {len(b.samples) for batches in ranks for b in batches} == {size}
    sampler = BatchSampler([0] * n, size, shuffle=True, world_size=world_size)
    assert len(sampler) == len(ranks[0])
    assert len({len(batches) for batches in ranks}) == 1
    assert {i for batches in ranks for b in batches for i in b.samples} == set(range(n))
    assert not any(b.repeated for batches in ranks for b in batches)


def test_each_epoch_has_its_own_order_and_the_same_one_again():
    sampler = BatchSampler([0] * 20, 4, shuffle=True, seed=1)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_impossible_batches_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1, found 0"):
        BatchSampler([0], 0, shuffle=True)
    with pytest.raises(ValueError, match="training samples differ in shape"):
        BatchSampler([(4, 4), (5, 4)], 2, shuffle=True)
