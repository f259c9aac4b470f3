"""Sums over neighbours on a static graph as products with a sparse matrix.

Gathering a message for every edge and scattering it again, as general message passing does, moves
several times the memory of the nodes. Where a message is a node's value times a fixed weight, the
sum over the neighbours is a matrix product, and so is its gradient, with the transposed matrix.

A program of tensor operations has no sparse matrices. Compiled, it stores no messages either.
"""

from __future__ import annotations

import warnings
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ai4sim.nets.graph import Graph

_KEPT: WeakKeyDictionary[Graph, dict[tuple[str, torch.dtype], Tensor]] = WeakKeyDictionary()
"""Matrices that are kept as long as their graph."""


def precision(x: Tensor) -> torch.dtype:
    """Precision in which to sum over neighbours: float64 for float64, float32 for all others."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def csr(start: Tensor, columns: Tensor, values: Tensor, width: int | None = None) -> Tensor:
    """Make a sparse matrix.

    Parameters
    ----------
    start : Tensor, (rows + 1,), integer
        First entry of each row, and the number of entries.
    columns : Tensor, (entries,), integer
        Column of each entry; ascending within a row.
    values : Tensor, (entries,)
    width : int, optional
        Number of columns; default: that of rows.

    Returns
    -------
    Tensor, (rows, width), sparse CSR
        Its indices are int32, which halves their memory.
    """
    rows = len(start) - 1
    with warnings.catch_warnings():
        # torch says once per process that its sparse matrices may change; products work well.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            start.int(),
            columns.int(),
            values,
            (rows, rows if width is None else width),
            check_invariants=False,
        )


def weighted(graph: Graph, weights: Tensor) -> Tensor:
    """Make the matrix that sums over senders; the entry of an edge is its weight (edges,)."""
    return csr(graph.start, graph.edge_index[0], weights)


def adjacency(graph: Graph, dtype: torch.dtype) -> Tensor:
    """Give the matrix that sums over senders, each with weight 1; kept as long as the graph."""
    kept = _KEPT.setdefault(graph, {})
    if ("adjacency", dtype) not in kept:
        ones = torch.ones(graph.edge_index.shape[1], dtype=dtype, device=graph.edge_index.device)
        kept["adjacency", dtype] = weighted(graph, ones)
    return kept["adjacency", dtype]


def gcn_matrix(graph: Graph, dtype: torch.dtype) -> Tensor:
    """Give the propagation matrix of a graph convolutional network; kept as long as the graph.

    With A the adjacency matrix and D the row sums of A + I, it is D^-1/2 (A + I) D^-1/2, which is
    symmetric (Kipf and Welling 2017, arXiv 1609.02907, equation 2).
    """
    kept = _KEPT.setdefault(graph, {})
    if ("gcn", dtype) not in kept:
        sender, receiver = graph.edge_index
        # A node's loop goes between the senders below and above it.
        below = torch.bincount(receiver[sender < receiver], minlength=graph.nodes)
        nodes = torch.arange(graph.nodes + 1, device=sender.device)
        start, loops = graph.start + nodes, graph.start[:-1] + nodes[:-1] + below
        edge = torch.ones(len(sender) + graph.nodes, dtype=torch.bool, device=sender.device)
        edge[loops] = False
        degree = (graph.degree + 1).to(dtype)
        columns, values = sender.new_empty(len(edge)), degree.new_empty(len(edge))
        columns[edge], columns[loops] = sender, nodes[:-1]
        values[edge], values[loops] = (degree[sender] * degree[receiver]).rsqrt(), 1 / degree
        kept["gcn", dtype] = csr(start, columns, values)
    return kept["gcn", dtype]


def multiply(matrix: Tensor, x: Tensor) -> Tensor:
    """Multiply a sparse matrix by node values (nodes, channels); not differentiable."""
    # Unlike matrix @ x, this neither clears nor copies the result.
    return x.new_empty(matrix.shape[0], x.shape[1]).addmm_(matrix, x, beta=0)


def received(graph: Graph, messages: Tensor) -> Tensor:
    """Sum the messages of all edges at their receivers, for a program of tensor operations.

    Parameters
    ----------
    graph : Graph
    messages : Tensor, (edges, ...)

    Returns
    -------
    Tensor, (nodes, ...)
    """
    nodes = messages.new_zeros(graph.nodes, *messages.shape[1:])
    return nodes.index_add(0, graph.edge_index[1], messages)
