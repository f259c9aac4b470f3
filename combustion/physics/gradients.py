"""Differences along the axes of a grid; gradients on meshes, by least squares over the edges."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

SINGULAR = 1e-8
"""Singular value below which the small systems of a node, of order one, say nothing."""
HESSIAN = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Order of the components of a symmetric tensor."""


def central_difference(field: Tensor, axis: int, spacing: float = 1.0) -> Tensor:
    """Return the derivative along an axis: fourth order, second order at the two ends.

    Raises
    ------
    ValueError
        There are fewer than 3 points along the axis.
    """
    points = field.shape[axis]
    if points < 3:
        raise ValueError(
            f"a gradient needs at least 3 points along each axis, found {tuple(field.shape[-3:])}"
        )
    (slope,) = torch.gradient(field, spacing=spacing, dim=axis, edge_order=2)
    if points >= 5:
        near = field.narrow(axis, 3, points - 4) - field.narrow(axis, 1, points - 4)
        far = field.narrow(axis, 4, points - 4) - field.narrow(axis, 0, points - 4)
        slope.narrow(axis, 2, points - 4).copy_((8 * near - far) / (12 * spacing))
    return slope


def least_squares_gradient(
    values: ArrayLike, positions: ArrayLike, edges: ArrayLike
) -> NDArray[np.float32]:
    """``|grad values|`` at each node, (nodes,) [1/m]; parameters as for `gradient_vectors`."""
    vectors = gradient_vectors(values, positions, edges)
    return np.linalg.norm(vectors, axis=1).astype(np.float32)


def gradient_vectors(
    values: ArrayLike, positions: ArrayLike, edges: ArrayLike
) -> NDArray[np.float64]:
    """Gradient at each node, second order on any mesh and at its boundary.

    First a linear fit: the g that minimises ``sum (g . d - difference)^2 / |d|^2`` over the edges
    d of a node. On an irregular mesh it is of first order: its leading error is T : H, with the
    Hessian H and a tensor T = fit(d d / 2) that depends on the mesh alone. The symmetric gradient
    of g, fitted alike, is H + grad(T : H); solved for H at each node, it gives T : H, which is
    taken off. Linear and quadratic fields are exact. (A successive correction of compact fits, as
    by Haider, Brenner, Courbet and Croisille 2011, Finite Volumes for Complex Applications VI.)

    Where the edges of a node do not span the space, the gradient has no part in the directions
    that they say nothing about.

    Parameters
    ----------
    values : (nodes,)
    positions : (nodes, 3)  [m]
    edges : (edges, 2)
        Each once, in either order; nodes counted from 0.

    Returns
    -------
    (nodes, 3) float64
        In units of the values per metre.
    """
    field = torch.as_tensor(np.asarray(values, dtype=np.float64))
    where = torch.as_tensor(np.asarray(positions, dtype=np.float64))
    fit = _Fit(where, torch.as_tensor(np.asarray(edges, dtype=np.int64)))
    linear = fit.gradient(field)
    # T, (nodes, 3, 6): error of the linear fit where one component of the Hessian is 1.
    error = torch.stack([fit.error(a, b) for a, b in HESSIAN], dim=-1)
    feedback = [fit.symmetric_gradient(error[..., k]) for k in range(len(HESSIAN))]
    system = torch.eye(len(HESSIAN), dtype=torch.float64) + torch.stack(feedback, dim=-1)
    hessian = _inverse(system) @ fit.symmetric_gradient(linear)[..., None]
    return (linear - (error @ hessian)[..., 0]).numpy()


class _Fit:
    """Weighted linear least squares over the edges of each node.

    Parameters
    ----------
    positions : (nodes, 3)  [m]
    edges : (edges, 2)
    """

    def __init__(self, positions: Tensor, edges: Tensor) -> None:
        self.nodes = len(positions)
        self.node, self.other = torch.cat([edges, edges.flip(1)]).unbind(1)
        self.offsets = positions[self.other] - positions[self.node]
        self.weighted = self.offsets / self.offsets.square().sum(1, keepdim=True)
        normal = [self._sums(self.weighted * self.offsets[:, a : a + 1]) for a in range(3)]
        self.inverse = _inverse(torch.stack(normal, dim=-1).reshape(-1, 3, 3))

    def gradient(self, field: Tensor) -> Tensor:
        """Fit a gradient (nodes, 3) to a field (nodes,)."""
        return self._solve(field[self.other] - field[self.node])

    def error(self, a: int, b: int) -> Tensor:
        """Gradient (nodes, 3) that is fitted to x_a x_b (x_a^2 / 2) around each node, not 0."""
        share = 0.5 if a == b else 1.0
        return self._solve(share * self.offsets[:, a] * self.offsets[:, b])

    def symmetric_gradient(self, vectors: Tensor) -> Tensor:
        """Fit the symmetric part (nodes, 6) of the gradient of vectors (nodes, 3)."""
        rows = torch.stack([self.gradient(vectors[:, a]) for a in range(3)], dim=1)
        return torch.stack([(rows[:, a, b] + rows[:, b, a]) / 2 for a, b in HESSIAN], dim=-1)

    def _solve(self, differences: Tensor) -> Tensor:
        """Fit to differences (2 edges,) along the edges from their nodes."""
        return (self.inverse @ self._sums(self.weighted * differences[:, None])[..., None])[..., 0]

    def _sums(self, terms: Tensor) -> Tensor:
        """Add up what the edges bring to their nodes: (2 edges, 3) -> (nodes, 3)."""
        return torch.zeros(self.nodes, 3, dtype=terms.dtype).index_add_(0, self.node, terms)


def _inverse(matrices: Tensor) -> Tensor:
    """Invert (nodes, n, n) matrices of order one; of singular ones, take the pseudo-inverse."""
    inverse, failed = torch.linalg.inv_ex(matrices)
    singular = (failed != 0) | ~(inverse.norm(dim=(1, 2)) < 1 / SINGULAR)
    inverse[singular] = torch.linalg.pinv(matrices[singular], atol=SINGULAR, rtol=0.0)
    return inverse
