"""Statistics merge exactly; normalisation is its own inverse and survives constant channels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ai4sim.normalization import Normalizer, RunningStatistics


@given(cuts=st.lists(st.integers(1, 99), max_size=5), offset=st.sampled_from([0.0, 1e5]))
def test_merged_parts_equal_the_whole(cuts, offset):
    x = (
        np.random.default_rng(0).normal(size=(100, 3, 4)) * [[[1.0], [1e-3], [50.0]]] + offset
    ).astype("f4")
    parts = np.split(x, sorted(set(cuts)))
    merged = RunningStatistics.merged(RunningStatistics.of(p, (0, 2)) for p in parts)
    assert merged.count == 400
    np.testing.assert_allclose(merged.mean, x.astype("f8").mean((0, 2)), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(merged.std, x.astype("f8").std((0, 2)), rtol=1e-9)


def test_statistics_of_different_channels_do_not_merge():
    a, b = (RunningStatistics.of(np.ones((5, n)), 0) for n in (2, 3))
    with pytest.raises(ValueError, match=r"shape \(2,\) cannot be merged with \(3,\)"):
        a.merge(b)


def test_normalised_channels_have_zero_mean_and_unit_std_and_come_back():
    x = (
        torch.randn(8, 2, 5, 6, 7, dtype=torch.float64)
        * torch.tensor([3.0, 1e-4]).reshape(2, 1, 1, 1)
        + 7
    )
    stats = RunningStatistics.of(x.numpy(), (0, 2, 3, 4))
    norm = Normalizer((2,)).double()
    norm.set(stats.mean, stats.std)
    y = norm(x)
    torch.testing.assert_close(
        y.mean((0, 2, 3, 4)), torch.zeros(2, dtype=torch.float64), atol=1e-9, rtol=0
    )
    torch.testing.assert_close(
        y.std((0, 2, 3, 4), correction=0), torch.ones(2, dtype=torch.float64)
    )
    torch.testing.assert_close(norm.inverse(y), x)


def test_statistics_per_level_align_with_channel_and_level():
    norm = Normalizer((2, 3))
    norm.set(np.arange(6.0).reshape(2, 3), np.ones((2, 3)))
    y = norm(torch.zeros(4, 2, 3))
    torch.testing.assert_close(y[0], -torch.arange(6.0).reshape(2, 3))


def test_a_constant_channel_is_shifted_not_divided():
    norm = Normalizer((3,))
    norm.set(np.array([5.0, 0.0, 1.0]), np.array([1e-9, 0.0, 2.0]))
    y = norm(torch.tensor([[5.0, 0.0, 5.0]]))
    torch.testing.assert_close(y, torch.tensor([[0.0, 0.0, 2.0]]))


def test_statistics_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        Normalizer((1,)).set(np.array([np.nan]), np.array([1.0]))
