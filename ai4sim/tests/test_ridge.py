"""Ridge regression against its definition and by other means."""

import numpy as np
import torch

from ai4sim.evaluation.moments import CrossMoments
from ai4sim.evaluation.ridge import principal_components, ridge_weights


def rows(n=200):
    rng = np.random.default_rng(1)
    x = rng.normal([5.0, 1e5, 0.0], [1.0, 300.0, 1e-6], (n, 3))
    return x, x @ rng.normal(size=(3, 2)) / [1.0, 300.0] + rng.normal(size=(n, 2))


def test_weights_minimise_error_and_penalty():
    x, y = rows()
    weights = ridge_weights(CrossMoments.of(x, y), 30.0).requires_grad_()
    dx, dy = (torch.from_numpy(a - a.mean(0)) for a in (x, y))
    std = dx.square().mean(0).sqrt()
    loss = (dx @ weights - dy).square().sum() + 30 * (std[:, None] * weights).square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert (gradient.abs() < 1e-8 * (dx.T @ dy).abs().amax(1, keepdim=True)).all()


def test_without_a_penalty_they_are_those_of_least_squares():
    x, y = rows()
    expected = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0][:3]
    np.testing.assert_allclose(ridge_weights(CrossMoments.of(x, y), 0.0), expected, rtol=1e-6)


def test_a_scale_of_its_own_says_what_the_penalty_is_relative_to():
    x, y = rows()
    given = ridge_weights(CrossMoments.of(x, y), 30.0, torch.from_numpy(1 / x.std(0)))
    torch.testing.assert_close(given, ridge_weights(CrossMoments.of(x, y), 30.0))
    plain = ridge_weights(CrossMoments.of(x[:, :1], y), 30.0, torch.ones(1))
    dx, dy = (a - a.mean(0) for a in (x[:, :1], y))
    np.testing.assert_allclose(plain, dx.T @ dy / (dx.T @ dx + 30), rtol=1e-9)


def test_a_constant_input_gets_no_weight():
    x, y = rows()
    x[:, 1] = 273.15
    weights = ridge_weights(CrossMoments.of(x, y), 30.0)
    assert not weights[1].any()
    torch.testing.assert_close(weights[::2], ridge_weights(CrossMoments.of(x[:, ::2], y), 30.0))


def test_components_are_those_of_a_singular_value_decomposition():
    rng = torch.Generator().manual_seed(3)
    z = torch.randn(80, 60, generator=rng, dtype=torch.float64) * 0.8 ** torch.arange(60)
    z -= z.mean(0)
    found = principal_components(z, 5)
    expected = torch.linalg.svd(z, full_matrices=False).Vh[:5].T
    torch.testing.assert_close((found * expected).sum(0).abs(), torch.ones(5, dtype=z.dtype))
    flat = z.clone()
    flat[:, 3:] = 0
    assert principal_components(flat, 50).shape == (60, 3)
