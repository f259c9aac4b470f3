"""Joint densities: each value once, in its bin and its group."""

import numpy as np
import torch

from ai4sim.evaluation.densities import joint_density


def test_counts_are_those_of_a_histogram():
    rng = torch.Generator().manual_seed(4)
    target, predicted = torch.rand(2, 1000, generator=rng, dtype=torch.float64)
    edges = torch.tensor([0.0, 0.1, 0.3, 1.0])
    expected = np.histogram2d(target.numpy(), predicted.numpy(), bins=edges.double().numpy())[0]
    np.testing.assert_array_equal(joint_density(target, predicted, edges)[0], expected)


def test_a_bin_holds_its_lower_edge_and_the_outermost_what_lies_outside():
    edges = torch.tensor([0.0, 1.0, 2.0, 3.0])
    values = torch.tensor([-5.0, 0.0, 0.5, 1.0, 2.0, 3.0, 9.0])
    counts = joint_density(values, values, edges)
    assert counts[0].diagonal().tolist() == [3, 1, 3]
    assert counts.sum() == 7


def test_groups_are_counted_apart_and_add_up():
    rng = torch.Generator().manual_seed(4)
    target, predicted = torch.randn(2, 50, 6, generator=rng)
    edges, level = torch.linspace(-2, 2, 6), torch.tensor([0, 0, 1, 1, 1, 3])
    counts = joint_density(target, predicted, edges, group=level, groups=4)
    assert counts.shape == (4, 5, 5)
    assert counts.sum((1, 2)).tolist() == [100, 150, 0, 50]
    assert torch.equal(counts.sum(0), joint_density(target, predicted, edges)[0])
    assert torch.equal(counts[1], joint_density(target[:, 2:5], predicted[:, 2:5], edges)[0])
