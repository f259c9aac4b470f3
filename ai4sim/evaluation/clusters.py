"""Clusters of points, each with a covariance of its own, and the distance from the nearest one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS_AT_ONCE = 8192
"""The number of points whose distances are computed at once: they stay in the cache."""
PRIOR = 20.0
"""The number of points that the mean covariance counts for in the covariance of a cluster."""


def whitening_clusters(points: Tensor, clusters: int, rounds: int = 20) -> tuple[Tensor, Tensor]:
    """Return a mixture of normal distributions of points as affine maps that whiten each.

    K-means first, then expectation and maximisation (Dempster, Laird & Rubin 1977, J. R. Stat. Soc.
    B 39), each covariance drawn to their mean.

    Parameters
    ----------
    points : (sample, component), float64
    clusters : int
        The largest number of them: each has ten samples for each of the components.
    rounds : int

    Returns
    -------
    whitening : (component, cluster component)
    shift : (cluster component,)
    """
    n, k = points.shape
    clusters = max(1, min(clusters, n // (10 * k)))
    generator = torch.Generator().manual_seed(0)
    centres = points[torch.randperm(n, generator=generator)[:clusters]]
    member = points.new_zeros(n, dtype=torch.long)
    for _ in range(10):
        member = torch.cdist(points, centres).argmin(1)
        count = torch.bincount(member, minlength=clusters).clamp(min=1)
        centres = torch.zeros_like(centres).index_add_(0, member, points) / count[:, None]
    weight = nn.functional.one_hot(member, clusters).to(points)
    for _ in range(rounds):
        count = weight.sum(0)
        centres = weight.T @ points / count[:, None].clamp(min=1e-9)
        away = points - centres[:, None]  # (cluster, sample, component)
        scatter = (away * weight.T[..., None]).mT @ away
        pooled = scatter.sum(0) / n
        floor = 1e-6 * pooled.diagonal().mean() * torch.eye(k).to(points) + 1e-30
        covariance = (scatter + PRIOR * pooled) / (count + PRIOR)[:, None, None] + floor
        spread, axes = torch.linalg.eigh(covariance)
        whitening = axes * spread.clamp(min=1e-30).rsqrt()[:, None]
        distance = (away @ whitening).square().sum(-1)  # (cluster, sample)
        chance = (count / n).clamp(min=1e-9).log() - 0.5 * (spread.log().sum(-1))
        weight = torch.softmax(chance[:, None] - 0.5 * distance, dim=0).T
    shift = -(centres[:, None] @ whitening)[:, 0]
    return whitening.permute(1, 0, 2).flatten(1), shift.flatten()


def nearest_distance(points: Tensor, whitening: Tensor, shift: Tensor) -> Tensor:
    """Return the Mahalanobis distance of points from the nearest cluster, (sample,)."""
    found = []
    for part in points.split(ROWS_AT_ONCE):
        away = torch.addmm(shift, part, whitening).unflatten(1, (-1, len(whitening)))
        found.append(torch.linalg.vector_norm(away, dim=2).amin(1))
    return torch.cat(found)
