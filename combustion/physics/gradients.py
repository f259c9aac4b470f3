"""Differences along the axes of a grid; gradients on meshes, by least squares over the edges."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

SINGULAR = 1e-8
"""Singular value below which the small systems of a node, of order one, say nothing."""
FLAT = 1e-14
"""Least eigenvalue of a node's normal matrix over the largest, below which its edges are flat."""
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

    Each node has coordinates of its own, in which thin cells are not thin: where cells are 1e5
    times as long as thick, linear fields are exact to 1e-9, quadratic ones to 1e-3.

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
    linear = fit.gradient(field[fit.other] - field[fit.node])
    # T, (nodes, 3, 6): error of the linear fit where one component of the Hessian is 1.
    error = torch.stack([fit.error(a, b) for a, b in HESSIAN], dim=-1)
    feedback = [fit.feedback(error, k) for k in range(len(HESSIAN))]
    system = torch.eye(len(HESSIAN), dtype=torch.float64) + torch.stack(feedback, dim=-1)
    known = fit.symmetric_gradient(fit.at_node(linear[fit.other]) - linear[fit.node])
    hessian = _inverse(system) @ known[..., None]
    return fit.per_metre(linear - (error @ hessian)[..., 0]).numpy()


class _Fit:
    """Weighted linear least squares over the edges d of each node, in coordinates of its own.

    With the normal matrix ``sum d d / |d|^2 = V L V^T``, these are ``W d``, ``W = L^-1/2 V^T``.
    There the normal matrix is 1, whatever the shape of the cells. Its own inverse, in the
    coordinates of the mesh, would lose twice as many digits as the cells are thin.

    Parameters
    ----------
    positions : (nodes, 3)  [m]
    edges : (edges, 2)
    """

    def __init__(self, positions: Tensor, edges: Tensor) -> None:
        self.nodes = len(positions)
        self.node, self.other = torch.cat([edges, edges.flip(1)]).unbind(1)
        offsets = positions[self.other] - positions[self.node]
        near = offsets / offsets.square().sum(1, keepdim=True)
        squares, axes = torch.linalg.eigh(self._sums(offsets[:, :, None] * near[:, None]))
        flat = squares <= squares[:, -1:] * FLAT
        lengths = squares.clamp(min=0).sqrt().where(~flat, 0.0)
        inverse = (1 / lengths).where(~flat, 0.0)
        self.whiten = inverse[:, :, None] * axes.mT
        self.unwhiten = axes * lengths[:, None]
        self.offsets = _times(self.whiten[self.node], offsets)
        self.weighted = _times(self.whiten[self.node], near)
        self.inverse = _inverse(self._sums(self.weighted[:, :, None] * self.offsets[:, None]))
        # From the coordinates of an edge's other node to those of its own.
        self.change = self.whiten[self.node] @ self.unwhiten[self.other]
        self.back = (self.whiten[self.other] @ self.unwhiten[self.node]).mT

    def gradient(self, differences: Tensor) -> Tensor:
        """Fit gradients (nodes, 3) to differences (2 edges,) along the edges from their nodes."""
        return _times(self.inverse, self._sums(self.weighted * differences[:, None]))

    def error(self, a: int, b: int) -> Tensor:
        """Gradient (nodes, 3) that is fitted to x_a x_b (x_a^2 / 2) around each node, not 0."""
        share = 0.5 if a == b else 1.0
        return self.gradient(share * self.offsets[:, a] * self.offsets[:, b])

    def feedback(self, error: Tensor, k: int) -> Tensor:
        """Symmetric gradient (nodes, 6) of T : H around each node, where component k of H is 1."""
        a, b = HESSIAN[k]
        # H in the coordinates of the other node, B^T H B.
        rows = self.change[:, a], self.change[:, b]
        share = 0.5 if a == b else 1.0
        parts = [
            share * (rows[0][:, c] * rows[1][:, d] + rows[1][:, c] * rows[0][:, d])
            for c, d in HESSIAN
        ]
        there = _times(error[self.other], torch.stack(parts, dim=-1))
        return self.symmetric_gradient(self.at_node(there) - error[self.node, :, k])

    def symmetric_gradient(self, differences: Tensor) -> Tensor:
        """Fit the symmetric part (nodes, 6) of the gradient to differences of vectors."""
        rows = torch.stack([self.gradient(differences[:, a]) for a in range(3)], dim=1)
        return torch.stack([(rows[:, a, b] + rows[:, b, a]) / 2 for a, b in HESSIAN], dim=-1)

    def at_node(self, vectors: Tensor) -> Tensor:
        """Bring gradients (2 edges, 3) at the other nodes to the coordinates of the edges' own."""
        return _times(self.back, vectors)

    def per_metre(self, vectors: Tensor) -> Tensor:
        """Bring gradients (nodes, 3) from the coordinates of each node to those of the mesh."""
        return _times(self.whiten.mT, vectors)

    def _sums(self, terms: Tensor) -> Tensor:
        """Add up what the edges bring to their nodes: (2 edges, ...) -> (nodes, ...)."""
        return terms.new_zeros(self.nodes, *terms.shape[1:]).index_add_(0, self.node, terms)


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    """Multiply (n, a, b) matrices by (n, b) vectors."""
    return (matrices @ vectors[..., None])[..., 0]


def _inverse(matrices: Tensor) -> Tensor:
    """Invert (nodes, n, n) matrices of order one; of singular ones, take the pseudo-inverse."""
    inverse, failed = torch.linalg.inv_ex(matrices)
    singular = (failed != 0) | ~(inverse.norm(dim=(1, 2)) < 1 / SINGULAR)
    inverse[singular] = torch.linalg.pinv(matrices[singular], atol=SINGULAR, rtol=0.0)
    return inverse
