"""Moments of parts merge to those of the whole, however large the mean is against the spread."""

import numpy as np
import pytest

from ai4sim.evaluation.moments import CrossMoments


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (1000, 4)) @ rng.normal(0, 1, (4, 4)) + [0, 250, 1e5, 0]
    x[:, 3] = 9.80665
    y = x[:, :2] * 1e-6 + rng.normal(0, 1e-7, (1000, 2))
    return x.astype(np.float32), y.astype(np.float32)


def test_merged_moments_are_those_of_the_whole(rows):
    x, y = (part.astype(np.float64) for part in rows)
    cuts = [0, 1, 300, 301, 1000]
    parts = [CrossMoments.of(x[a:b], y[a:b]) for a, b in zip(cuts, cuts[1:], strict=False)]
    found = CrossMoments.merged(parts)
    dx, dy = x - x.mean(0), y - y.mean(0)
    assert found.count == 1000
    np.testing.assert_allclose(found.x_mean, x.mean(0), rtol=1e-14)
    np.testing.assert_allclose(found.xx, dx.T @ dx, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(found.xy, dx.T @ dy, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.x_statistics.std[:3], x.std(0)[:3], rtol=1e-12)
    np.testing.assert_allclose(found.y_statistics.std, y.std(0), rtol=1e-12)


def test_a_constant_channel_has_no_spread(rows):
    moments = CrossMoments.of(*rows)
    assert moments.x_statistics.std[3] < 1e-12 * moments.x_mean[3]
    assert np.abs(moments.xx[3]).max() < 1e-9


def test_the_normal_equations_give_the_least_squares_solution(rows):
    x, y = (part.astype(np.float64) for part in rows)
    moments = CrossMoments.of(x[:, :3], y)
    coefficients = np.linalg.solve(moments.xx, moments.xy)
    with_intercept = np.column_stack([x[:, :3] - x[:, :3].mean(0), np.ones(1000)])
    expected, *_ = np.linalg.lstsq(with_intercept, y, rcond=None)
    np.testing.assert_allclose(coefficients, expected[:3], rtol=1e-8, atol=1e-13)


def test_moments_come_back_from_arrays_and_do_not_merge_with_other_channels(rows):
    moments = CrossMoments.of(*rows)
    arrays = {name: getattr(moments, name) for name in CrossMoments.shapes(4, 2)}
    assert {name: a.shape for name, a in arrays.items()} == CrossMoments.shapes(4, 2)
    back = CrossMoments.from_arrays(1000, {**arrays, "other": 0})
    np.testing.assert_array_equal(back.xx, moments.xx)
    with pytest.raises(ValueError, match=r"\(4, 2\) inputs and outputs .* \(3, 2\)"):
        moments.merge(CrossMoments.of(rows[0][:, :3], rows[1]))
