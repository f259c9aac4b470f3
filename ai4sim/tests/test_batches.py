"""Batches: each sample once, every process in step, one shape at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch.utils.data import Dataset

from ai4sim.data.batches import Batches, BatchLoader, BatchSampler


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


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_is_gone_on_with_whenever_its_iterator_was_made(workers):
    class Samples(Dataset):
        def __getitem__(self, index):
            return {"samples": index.samples, "draw": index.draw}

    sampler = BatchSampler([0] * 20, 4, shuffle=True, seed=1)
    loader = BatchLoader(Batches(Samples()), sampler=sampler, batch_size=None, num_workers=workers)
    served = iter(loader)
    loader.begin = lambda: 2
    sampler.set_epoch(3)
    rest = [(batch["samples"], batch["draw"]) for batch in served]
    del loader.begin
    assert len(rest) == 3 and rest == [(b["samples"], b["draw"]) for b in loader][2:]


def test_impossible_batches_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1, found 0"):
        BatchSampler([0], 0, shuffle=True)
    with pytest.raises(ValueError, match="training samples differ in shape"):
        BatchSampler([(4, 4), (5, 4)], 2, shuffle=True)
