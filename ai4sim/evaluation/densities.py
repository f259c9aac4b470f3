"""Joint densities of target and prediction: counts of bins, which add up over batches."""

from __future__ import annotations

import torch
from torch import Tensor


def joint_density(
    target: Tensor,
    predicted: Tensor,
    edges: Tensor,
    *,
    group: Tensor | None = None,
    groups: int = 1,
) -> Tensor:
    """Count values by target and prediction.

    Parameters
    ----------
    target, predicted : any one shape
    edges : (bin + 1,)
        Edges of the bins of either axis, rising. A bin holds its lower edge, and the outermost hold
        what lies outside, too.
    group : broadcasts to that shape, optional
        The number of the density that each value belongs to.
    groups : int
        Number of densities.

    Returns
    -------
    (group, bin, bin), int64
        By target (row) and prediction (column), on the host.
    """
    bins = len(edges) - 1
    inner = edges[1:-1].to(target.device, torch.float64)
    row, column = (
        torch.bucketize(values.detach().double().contiguous(), inner, right=True)
        for values in (target, predicted)
    )
    cell = row * bins + column
    if group is not None:
        cell = group * bins**2 + cell
    counts = cell.flatten().bincount(minlength=groups * bins**2)
    return counts.reshape(groups, bins, bins).cpu()
