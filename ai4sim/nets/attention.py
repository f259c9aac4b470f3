"""Attention of nodes to their neighbours, without a value stored per link and channel.

The nodes are along the fastest axis, so that the values of one head at a time can be shifted as
fields (on a lattice) or multiplied by a sparse matrix (on a graph). The gradient computes the
weights anew.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ai4sim.nets.dropout import kept
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.sparse import csr, received

_CELLS = 2**16
"""Cells of a lattice to work on at a time: what one head needs then stays in the cache of a CPU."""


def attention(
    features: Tensor,
    graph: Graph | Lattice,
    heads: int,
    bias: Tensor | None = None,
    slope: float = 0.2,
    dropped: int = 0,
) -> Tensor:
    """Average the values of each node and its neighbours, by weights that depend on both ends.

    The weights of a receiver are the softmax, over its senders, of leaky_relu(s + t), where s is
    the sender's share and t the receiver's (Velickovic et al. 2018, arXiv 1710.10903, equation 3).

    Parameters
    ----------
    features : Tensor, (heads * (channels + 2), nodes), float32 or float64
        The values of each head, then s of each head, then t of each head.
    graph : Graph or Lattice
        Without links from a node to itself; these are added.
    heads : int
    bias : Tensor, (heads * channels,), optional
        Added to the result.
    slope : float
        Of the leaky_relu below 0.
    dropped : int
        After normalisation, weights are set to 0 with odds `dropped` / 256, and the others scaled
        so that their mean stays.

    Returns
    -------
    Tensor, (heads, channels, nodes)
    """
    if isinstance(graph, Graph) and torch.compiler.is_compiling():
        y = _traced(features, graph, heads, slope)
        return y if bias is None else y + bias.view(heads, -1, 1)
    mask = _links(graph, features).mask(heads, dropped) if dropped else None
    scale = 256 / (256 - dropped)
    return _Attention.apply(features, bias, graph, heads, slope, mask, scale)


def _traced(features: Tensor, graph: Graph, heads: int, slope: float) -> Tensor:
    """Do it for a program of tensor operations, without bias and dropout."""
    values, sources, targets = _split(features, heads)
    sender, receiver = graph.edge_index
    values, sources, targets = values.permute(2, 0, 1), sources.t(), targets.t()
    highest = sources.scatter_reduce(
        0, receiver[:, None].expand(-1, heads), sources[sender], "amax"
    )
    highest = functional.leaky_relu(highest + targets, slope)
    own = (functional.leaky_relu(sources + targets, slope) - highest).exp()
    logits = functional.leaky_relu(sources[sender] + targets[receiver], slope)
    weights = (logits - highest[receiver]).exp()
    sums = values * own[..., None] + received(graph, values[sender] * weights[..., None])
    return (sums / (own + received(graph, weights))[..., None]).permute(1, 2, 0)


class _Links(ABC):
    """All links to some of the nodes, and what the softmax and its gradient do with them.

    `receivers` are the nodes in question. Values are (..., channels, nodes), and quantities of the
    links are of one shape that each subclass chooses.
    """

    receivers: slice

    @abstractmethod
    def part(self, mask: Tensor, head: int | slice) -> Tensor:
        """Cut what concerns these links and a head out of a mask."""

    @abstractmethod
    def logits(self, sources: Tensor, targets: Tensor) -> Tensor:
        """Add the shares of both ends, (..., nodes)."""

    @abstractmethod
    def softmax(self, x: Tensor) -> Tensor:
        """Exponentiate and normalise over the links of each receiver."""

    @abstractmethod
    def softmax_backward(self, grad: Tensor, weights: Tensor, mean: Tensor) -> Tensor:
        """Overwrite the gradient of weights by that of logits; `mean` is its weighted sum."""

    @abstractmethod
    def total(self, x: Tensor) -> Tensor:
        """Sum over the links of each receiver."""

    @abstractmethod
    def add_total(self, x: Tensor, sums: Tensor) -> None:
        """Sum over the links of each sender and add that to `sums`, (..., nodes)."""

    @abstractmethod
    def gather(self, values: Tensor, weights: Tensor) -> Tensor:
        """Sum the senders' values of each receiver."""

    @abstractmethod
    def add_gathered(self, values: Tensor, weights: Tensor, sums: Tensor) -> None:
        """Sum the receivers' values of each sender and add that to `sums`."""

    @abstractmethod
    def products(self, received: Tensor, sent: Tensor) -> Tensor:
        """Multiply values of receivers by those of senders and sum over the channels."""


class _Attention(torch.autograd.Function):
    """The result is kept for the gradient, but then an activation that follows keeps it anyway."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        bias: Tensor | None,
        graph: Graph | Lattice,
        heads: int,
        slope: float,
        mask: Tensor | None,
        scale: float,
    ) -> Tensor:
        values, sources, targets = _split(features, heads)
        y = torch.empty_like(values)
        for head, links in _parts(graph, features, heads):
            logits = links.logits(sources[head], targets[head])
            weights = links.softmax(functional.leaky_relu(logits, slope))
            if mask is not None:
                weights *= links.part(mask, head)
            y[head, :, links.receivers] = links.gather(values[head], weights)
        if mask is not None:
            y *= scale
        if bias is not None:
            y += bias.view(heads, -1, 1)
        ctx.save_for_backward(features, bias, mask, y)
        ctx.arguments = graph, heads, slope, scale
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, bias, mask, y = ctx.saved_tensors
        graph, heads, slope, scale = ctx.arguments
        values, sources, targets = _split(features, heads)
        grad_features = torch.zeros_like(features)
        grad_values, grad_sources, grad_targets = _split(grad_features, heads)
        grad = grad.contiguous()
        for head, links in _parts(graph, features, heads):
            logits = links.logits(sources[head], targets[head])
            weights = links.softmax(functional.leaky_relu(logits, slope))
            here = links.receivers
            received, mean = grad[head, :, here], y[head, :, here]
            if bias is not None:
                mean = mean - bias.view(heads, -1, 1)[head]
            # The mean of the weights' gradient, by these weights, for the mean of the values.
            mean = (mean * received).sum(-2)
            if mask is None:
                passed, gradient = weights, links.products(received, values[head])
            else:
                received = received * scale
                part = links.part(mask, head)
                passed = weights * part
                gradient = links.products(received, values[head]).mul_(part)
            links.add_gathered(received, passed, grad_values[head])
            gradient = torch.ops.aten.leaky_relu_backward(
                links.softmax_backward(gradient, weights, mean), logits, slope, False
            )
            grad_targets[head, here] = links.total(gradient)
            links.add_total(gradient, grad_sources[head])
        grad_bias = None if bias is None else grad.sum(-1).view(-1)
        return grad_features, grad_bias, None, None, None, None, None


class _Stencil:
    """The links between the cells of a lattice.

    Quantities of links are (neighbours, heads, cells); the first neighbour is the cell itself.
    """

    def __init__(self, lattice: Lattice, like: Tensor) -> None:
        axes = [axis for axis, n in enumerate(lattice.shape) if n > 1]
        absent = like.new_zeros(1 + 2 * len(axes), lattice.batch, *lattice.shape)
        self.nodes, self.steps = lattice.nodes, [0]
        for i, axis in enumerate(axes):
            step = math.prod(lattice.shape[axis + 1 :])
            self.steps += [-step, step]
            absent[1 + 2 * i].select(axis + 1, 0).fill_(-math.inf)
            absent[2 + 2 * i].select(axis + 1, -1).fill_(-math.inf)
        self.absent = absent.view(len(self.steps), 1, -1)

    def mask(self, heads: int, dropped: int) -> Tensor:
        return kept(self.absent.expand(-1, heads, -1), dropped)

    def parts(self, heads: int) -> Iterator[tuple[int | slice, _Links]]:
        # Elsewhere few operations matter more than the cache; and tracing needs a fixed number.
        if self.absent.device.type != "cpu" or torch.compiler.is_compiling():
            yield slice(0, heads), _Shifts(self, 0, self.nodes)
            return
        for start in range(0, self.nodes, _CELLS):
            links = _Shifts(self, start, min(start + _CELLS, self.nodes))
            for head in range(heads):
                yield slice(head, head + 1), links


class _Shifts(_Links):
    """Those of the cells from `start` to `stop`: the fields are shifted by the step between them.

    What a shift takes across an edge of the grid has weight 0.
    """

    def __init__(self, stencil: _Stencil, start: int, stop: int) -> None:
        self.receivers = slice(start, stop)
        self.absent = stencil.absent[..., self.receivers]
        self.shifts = []
        for step in stencil.steps:
            first = max(start, -step)
            last = max(first, min(stop, stencil.nodes - step))
            here, there = slice(first - start, last - start), slice(first + step, last + step)
            self.shifts.append((here, there))

    def part(self, mask: Tensor, head: int | slice) -> Tensor:
        return mask[:, head, self.receivers]

    def logits(self, sources: Tensor, targets: Tensor) -> Tensor:
        logits = self.absent + targets[:, self.receivers]
        for i, (here, there) in enumerate(self.shifts):
            logits[i, :, here] += sources[:, there]
        return logits

    def softmax(self, x: Tensor) -> Tensor:
        return torch.softmax(x, 0)

    def softmax_backward(self, grad: Tensor, weights: Tensor, mean: Tensor) -> Tensor:
        return grad.sub_(mean).mul_(weights)

    def total(self, x: Tensor) -> Tensor:
        return x.sum(0)

    def add_total(self, x: Tensor, sums: Tensor) -> None:
        for term, (here, there) in zip(x, self.shifts, strict=True):
            sums[:, there] += term[:, here]

    def gather(self, values: Tensor, weights: Tensor) -> Tensor:
        sums = values[..., self.receivers] * weights[0, :, None]
        for weight, (here, there) in zip(weights[1:], self.shifts[1:], strict=True):
            sums[..., here].addcmul_(values[..., there], weight[:, None, here])
        return sums

    def add_gathered(self, values: Tensor, weights: Tensor, sums: Tensor) -> None:
        for weight, (here, there) in zip(weights, self.shifts, strict=True):
            sums[..., there].addcmul_(values[..., here], weight[:, None, here])

    def products(self, received: Tensor, sent: Tensor) -> Tensor:
        products = sent.new_zeros(len(self.shifts), len(sent), received.shape[-1])
        for i, (here, there) in enumerate(self.shifts):
            torch.sum(received[..., here] * sent[..., there], 1, out=products[i, :, here])
        return products


class _Rows(_Links):
    """The links of a graph, those of a receiver one after the other, first that to itself.

    Quantities of links are (links,), of one head at a time.
    """

    receivers = slice(None)

    def __init__(self, graph: Graph) -> None:
        sender, receiver = graph.edge_index
        nodes = torch.arange(graph.nodes + 1, device=sender.device)
        self.start = graph.start + nodes
        loops, links = self.start[:-1], torch.arange(len(sender), device=sender.device)
        links += receiver + 1
        # Small integers halve the memory; torch.segment_reduce wants large ones.
        self.sender = torch.empty(len(sender) + graph.nodes, dtype=torch.int32, device=nodes.device)
        self.sender[loops], self.sender[links] = nodes[:-1].int(), sender.int()
        self.reverse = torch.empty_like(self.sender)
        self.reverse[loops], self.reverse[links] = loops.int(), links[graph.reverse].int()
        self.receiver = nodes[:-1].int().repeat_interleave(graph.degree + 1)

    def mask(self, heads: int, dropped: int) -> Tensor:
        return kept(self.sender.expand(heads, -1), dropped)

    def part(self, mask: Tensor, head: int | slice) -> Tensor:
        return mask[head]

    def logits(self, sources: Tensor, targets: Tensor) -> Tensor:
        return self._sent(sources).add_(self._received(targets))

    def softmax(self, x: Tensor) -> Tensor:
        highest = torch.segment_reduce(x, "max", offsets=self.start)
        x = (x - self._received(highest)).exp_()
        return x.div_(self._received(self.total(x)))

    def softmax_backward(self, grad: Tensor, weights: Tensor, mean: Tensor) -> Tensor:
        return grad.sub_(self._received(mean)).mul_(weights)

    def total(self, x: Tensor) -> Tensor:
        # As a product it takes half the time of torch.segment_reduce.
        return self._product(x, x.new_ones(len(self.start) - 1))

    def add_total(self, x: Tensor, sums: Tensor) -> None:
        sums += self.total(x.index_select(0, self.reverse))

    def gather(self, values: Tensor, weights: Tensor) -> Tensor:
        return self._product(weights, values.t()).t()

    def add_gathered(self, values: Tensor, weights: Tensor, sums: Tensor) -> None:
        sums += self.gather(values, weights.index_select(0, self.reverse))

    def products(self, received: Tensor, sent: Tensor) -> Tensor:
        products = sent.new_zeros(len(self.sender))
        for a, b in zip(received, sent, strict=True):
            products.addcmul_(self._received(a), self._sent(b))
        return products

    def _product(self, weights: Tensor, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # not for sparse matrices
            return csr(self.start, self.sender, weights) @ x

    def _received(self, x: Tensor) -> Tensor:
        return x.index_select(0, self.receiver)

    def _sent(self, x: Tensor) -> Tensor:
        return x.index_select(0, self.sender)


_ROWS: WeakKeyDictionary[Graph, _Rows] = WeakKeyDictionary()


def _links(graph: Graph | Lattice, like: Tensor) -> _Stencil | _Rows:
    """Find the links; those of a graph are kept as long as it is."""
    if isinstance(graph, Lattice):
        return _Stencil(graph, like)
    if graph not in _ROWS:
        _ROWS[graph] = _Rows(graph)
    return _ROWS[graph]


def _parts(
    graph: Graph | Lattice, like: Tensor, heads: int
) -> Iterator[tuple[int | slice, _Links]]:
    """Divide the work by heads, and a lattice into pieces: what is used together is then close."""
    links = _links(graph, like)
    return links.parts(heads) if isinstance(links, _Stencil) else ((i, links) for i in range(heads))


def _split(features: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Give views of the values (heads, channels, nodes) and of the shares of both ends."""
    values, sources, targets = features.split([len(features) - 2 * heads, heads, heads])
    return values.unflatten(0, (heads, -1)), sources, targets
