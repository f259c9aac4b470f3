"""Sums over neighbours on a static graph as products with a sparse matrix.

Gathering a message for every edge and scattering it again, as general message passing does, moves
several times the memory of the nodes. Where a message is a node's value times a fixed weight, the
sum over the neighbours is a matrix product, and so is its gradient, with the transposed matrix.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ai4sim.nets.graph import Graph

_GCN: WeakKeyDictionary[Graph, dict[tuple[float, torch.dtype], Tensor]] = WeakKeyDictionary()


def precision(x: Tensor) -> torch.dtype:
    """Precision in which to sum over neighbours: float64 for float64, float32 for all others."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def csr(start: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Make a square sparse matrix.

    Parameters
    ----------
    start : Tensor, (nodes + 1,), integer
        First entry of each row, and the number of entries.
    columns : Tensor, (entries,), integer
        Column of each entry; ascending within a row.
    values : Tensor, (entries,)

    Returns
    -------
    Tensor, (nodes, nodes), sparse CSR
        Its indices are int32, which halves its memory.
    """
    nodes = len(start) - 1
    return torch.sparse_csr_tensor(
        start.int(), columns.int(), values, (nodes, nodes), check_invariants=False
    )


def weighted(graph: Graph, weights: Tensor) -> Tensor:
    """Make the matrix that sums over senders; the entry of an edge is its weight (edges,)."""
    return csr(graph.start, graph.edge_index[0], weights)


def gcn_matrix(graph: Graph, dtype: torch.dtype, loop: float = 1.0) -> Tensor:
    """Give the propagation matrix of a graph convolutional network; kept as long as the graph.

    With A the adjacency matrix and D the row sums of A + `loop` I, it is D^-1/2 (A + loop I)
    D^-1/2, which is symmetric (Kipf and Welling 2017, arXiv 1609.02907, equation 2).

    Parameters
    ----------
    graph : Graph
    dtype : torch.dtype
    loop : float
        Weight of the edge from each node to itself; 2 in the "improved" convolution.
    """
    kept = _GCN.setdefault(graph, {})
    if (loop, dtype) not in kept:
        nodes = torch.arange(graph.nodes, device=graph.edge_index.device)
        # A node's loop goes between the senders below and above it.
        sender, receiver = graph.edge_index
        below = torch.bincount(receiver[sender < receiver], minlength=graph.nodes)
        start = graph.start + torch.arange(graph.nodes + 1, device=nodes.device)
        loops = start[:-1] + below
        edge = torch.ones(len(sender) + graph.nodes, dtype=torch.bool, device=nodes.device)
        edge[loops] = False
        scale = (graph.degree + loop).to(dtype).rsqrt()
        columns, values = sender.new_empty(len(edge)), scale.new_empty(len(edge))
        columns[edge], columns[loops] = sender, nodes
        values[edge], values[loops] = scale[sender] * scale[receiver], loop * scale.square()
        kept[loop, dtype] = csr(start, columns, values)
    return kept[loop, dtype]


def product(matrix: Tensor, x: Tensor, transposed: Tensor | None = None) -> Tensor:
    """Multiply node values by a constant sparse matrix; differentiable in the values.

    Parameters
    ----------
    matrix : Tensor, (nodes, nodes), sparse CSR
    x : Tensor, (nodes, channels)
        Taken to the precision of the matrix.
    transposed : Tensor, (nodes, nodes), sparse CSR, optional
        The transposed matrix; by default `matrix`, which must then be symmetric.
    """
    with torch.autocast(x.device.type, enabled=False):
        return _Product.apply(
            x.to(matrix.dtype), matrix, matrix if transposed is None else transposed
        )


class _Product(torch.autograd.Function):
    """Sparse times dense; the gradient is a product too, and not the entries' one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed @ grad, None, None
