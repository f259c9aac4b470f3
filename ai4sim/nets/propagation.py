"""Layers of graph networks as a sum over neighbours and a linear map, in little memory.

A layer is worked on a block of nodes at a time, so that what lies between its input and its output
stays in the cache of a CPU and is never stored. It takes the activation and the dropout that come
before it into the bargain: of a whole layer, only the values before the activation are kept for the
gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ai4sim.nets.dropout import kept, odds
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.lattice import neighbour_sums
from ai4sim.nets.sparse import adjacency, gcn_matrix, multiply, precision, received

ROWS = 8192
"""Nodes of a block on a CPU: 1 MiB for 32 channels in float32."""

Values = Callable[[slice], Tensor]
"""Gives the values (length, channels) of consecutive nodes."""

Operator = Callable[[Values], Iterator[tuple[slice, Tensor]]]
"""A linear map of node values whose matrix is symmetric: gives its result in blocks of nodes."""

_aten = torch.ops.aten
ACTIVATIONS: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor, Tensor, Tensor], object]]] = {
    "relu": (
        _aten.relu,
        lambda g, x, out: _aten.threshold_backward(g, x, 0, grad_input=out),
    ),
    "leaky_relu": (
        _aten.leaky_relu,
        lambda g, x, out: _aten.leaky_relu_backward(g, x, 0.01, False, grad_input=out),
    ),
    "silu": (_aten.silu, lambda g, x, out: _aten.silu_backward(g, x, grad_input=out)),
    "gelu": (_aten.gelu, lambda g, x, out: _aten.gelu_backward(g, x, grad_input=out)),
}
"""Name, the function, and its gradient (gradient of the result, argument, where to write it)."""


class Pending(NamedTuple):
    """An activation and dropout not yet applied to node values.

    Attributes
    ----------
    act : str, optional
        A key of `ACTIVATIONS`.
    mask : Tensor, (nodes, channels), uint8, optional
        0 where a value is dropped, else 1.
    scale : float
        Factor of the others.
    disposable : bool
        Nothing else needs the values, so that the backward pass may overwrite them with their
        gradient, whose memory is then there, and in the cache. A second backward pass, or another
        operation that kept the values, fails with torch's message on tensors modified in place.
    """

    act: str | None = None
    mask: Tensor | None = None
    scale: float = 1.0
    disposable: bool = False

    @classmethod
    def drawn(cls, act: str, x: Tensor, p: float, disposable: bool) -> Pending:
        """Draw at random what dropout with probability `p` drops of the values `x`."""
        dropped = odds(p)
        mask = kept(x, dropped) if dropped else None
        return cls(act, mask, 256 / (256 - dropped), disposable)

    def apply(self, x: Tensor, rows: slice) -> Tensor:
        """Apply them to some nodes."""
        y = x[rows]
        if self.act is not None:
            y = ACTIVATIONS[self.act][0](y)
        if self.mask is not None:
            y = (y * self.mask[rows]).mul_(self.scale)
        return y

    def differentiate(self, grad: Tensor, x: Tensor, rows: slice, out: Tensor) -> None:
        """Write the gradient for `x` of some nodes; that of the result is overwritten."""
        if self.mask is not None:
            grad.mul_(self.mask[rows]).mul_(self.scale)
        if self.act is None:
            out[rows] = grad
        else:
            ACTIVATIONS[self.act][1](grad, x[rows], out[rows])


def gcn_operator(graph: Graph | Lattice, like: Tensor) -> Operator:
    """Give the sum over neighbours and the node itself that `sparse.gcn_matrix` describes."""
    if isinstance(graph, Graph):
        if torch.compiler.is_compiling():
            root = (graph.degree + 1).to(like.dtype).rsqrt()[:, None]
            return whole(lambda x: (x * root + _sent(x * root, graph)) * root)
        matrix = gcn_matrix(graph, precision(like))
        return whole(lambda x: multiply(matrix, x))
    ones = like.new_ones(graph.nodes, 1)
    ((_, degree),) = neighbour_sums(lambda rows: ones[rows], graph)
    scale = degree.rsqrt_()

    def operator(values: Values) -> Iterator[tuple[slice, Tensor]]:
        scaled = neighbour_sums(lambda rows: values(rows) * scale[rows], graph, 1.0, _rows(like))
        return ((rows, sums.mul_(scale[rows])) for rows, sums in scaled)

    return operator


def gin_operator(graph: Graph | Lattice, like: Tensor, eps: Tensor) -> Operator:
    """Give the sum over neighbours plus 1 + `eps` times the node's own value."""
    centre = 1 + eps
    if isinstance(graph, Lattice):
        return lambda values: neighbour_sums(values, graph, centre, _rows(like))
    if torch.compiler.is_compiling():
        return whole(lambda x: _sent(x, graph) + centre * x)
    matrix = adjacency(graph, precision(like))
    return whole(lambda x: multiply(matrix, x).addcmul_(x, centre))


def _sent(x: Tensor, graph: Graph) -> Tensor:
    """Sum the senders' values of each receiver, for a program of tensor operations."""
    return received(graph, x[graph.edge_index[0]])


def whole(function: Callable[[Tensor], Tensor]) -> Operator:
    """Make an operator of a linear, symmetric function that takes the values of all nodes."""

    def operator(values: Values) -> Iterator[tuple[slice, Tensor]]:
        result = function(values(slice(None)))
        return ((rows, result[rows]) for rows in _blocks(result))

    return operator


def propagate_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    operator: Operator | None = None,
    pending: Pending | None = None,
) -> Tensor:
    """Apply what is pending, an operator and a linear map.

    Parameters
    ----------
    x : Tensor, (nodes, channels)
    weight : Tensor, (channels_out, channels)
    bias : Tensor, (channels_out,), optional
        Added last.
    operator : callable, optional
        It is applied on the side of the linear map that has fewer channels.
    pending : Pending, optional

    Returns
    -------
    Tensor, (nodes, channels_out)
    """
    with torch.autocast(x.device.type, enabled=False):
        return _PropagateLinear.apply(
            x, weight, bias, operator or _nodewise(x), pending or Pending()
        )


class _PropagateLinear(torch.autograd.Function):
    """The layer; its gradient computes the activation again, and the operator at most once."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        operator: Operator,
        pending: Pending,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.operator, ctx.pending = operator, pending
        y, columns = x.new_empty(x.shape[0], weight.shape[0]), weight.t()
        shift = weight.new_zeros(()) if bias is None else bias
        if len(weight) < weight.shape[1]:
            for rows, sums in operator(lambda rows: pending.apply(x, rows) @ columns):
                torch.add(sums, shift, out=y[rows])
        else:
            for rows, sums in operator(lambda rows: pending.apply(x, rows)):
                torch.addmm(shift, sums, columns, out=y[rows])
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        operator, pending = ctx.operator, ctx.pending
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = x.detach() if pending.disposable else torch.empty_like(x)
        grad_weight, grad_bias = torch.zeros_like(weight), weight.new_zeros(len(weight))
        if len(weight) > weight.shape[1]:
            for rows, sums in operator(lambda rows: pending.apply(x, rows)):
                grad_weight.addmm_(grad[rows].t(), sums)
                grad_bias += grad[rows].sum(0)
            if grad_x is not None:
                for rows, sums in operator(lambda rows: grad[rows] @ weight):
                    pending.differentiate(sums, x, rows, grad_x)
        else:
            # The operator is symmetric: what it makes of the gradient serves both.
            for rows, sums in operator(lambda rows: grad[rows]):
                grad_weight.addmm_(sums.t(), pending.apply(x, rows))
                grad_bias += grad[rows].sum(0)
                if grad_x is not None:
                    pending.differentiate(sums @ weight, x, rows, grad_x)
        return grad_x, grad_weight, grad_bias if ctx.needs_input_grad[2] else None, None, None


def _nodewise(x: Tensor) -> Operator:
    """Give the identity, in blocks."""
    return lambda values: ((rows, values(rows)) for rows in _blocks(x))


def _blocks(x: Tensor) -> Iterator[slice]:
    """Divide nodes into blocks."""
    rows = _rows(x)
    if rows is None:
        yield slice(None)
    else:
        yield from (slice(start, start + rows) for start in range(0, len(x), rows))


def _rows(x: Tensor) -> int | None:
    """Give the size of a block; none where a cache gains nothing, or a program is traced."""
    return None if x.device.type != "cpu" or torch.compiler.is_compiling() else ROWS
