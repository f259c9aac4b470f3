"""Small graph networks, irregular graphs, and what torch_geometric makes of them, for tests."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import models

from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_net import GraphNet

Net = TypeVar("Net", bound=GraphNet)

_SMALL: dict[str, dict[str, Any]] = {
    "GCN": {"hidden_channels": 6, "num_layers": 3},
    "GIN": {"hidden_channels": 6, "num_layers": 3},
    "GAT": {"hidden_channels": 8, "num_layers": 3, "heads": 4},
    "GraphUNet": {"hidden_channels": 6, "depth": 3},
    "EdgeConditionedNet": {"hidden_channels": 8, "num_layers": 3, "kernels": 5},
}


class NeighbourMeans(GraphNet):
    """Repeated means over the neighbours, those ahead along x counting more than those behind."""

    def __init__(self, rounds: int = 3) -> None:
        super().__init__()
        self.rounds = self.reach = rounds
        self.weight = nn.Parameter(torch.tensor(1.5))

    def propagate(self, nodes: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map (nodes, channel) to the same shape."""
        if isinstance(graph, Lattice):
            graph = graph.graph().to(nodes.device)
        senders, receivers = graph.edge_index
        degree = graph.degree.clamp(min=1)[:, None]
        ahead = 1 + 0.5 * torch.tanh(graph.offsets[:, :1])
        for _ in range(self.rounds):
            sums = torch.zeros_like(nodes).index_add(0, receivers, nodes[senders] * ahead)
            nodes = torch.tanh(nodes + self.weight * sums / degree)
        return nodes


def scattered_graph(nodes: int, seed: int = 0) -> Graph:
    """Join random points to their three nearest ones: degrees vary, some parts are disjoint."""
    where = np.random.default_rng(seed).random((nodes, 3)) * (4, 2, 1)
    distances = np.linalg.norm(where[:, None] - where[None], axis=-1)
    nearest = np.argsort(distances, axis=1)[:, 1:4]
    pairs = np.stack([np.repeat(np.arange(nodes), nearest.shape[1]), nearest.ravel()], axis=1)
    return Graph.from_edges(np.unique(np.sort(pairs, axis=1), axis=0), where, length=0.1)


def mesh_graph(nodes: int = 40, seed: int = 0, radius: float = 0.8) -> Graph:
    """Join points in a box to those near them; some may be joined to none."""
    points = 3 * torch.rand(nodes, 3, generator=torch.Generator().manual_seed(seed)).double()
    near = (torch.cdist(points, points) < radius).triu(1)
    return Graph.from_edges(near.nonzero(), points)


def net(kind: type[Net], dtype: torch.dtype = torch.float64, **arguments: Any) -> Net:
    """Make a small network, all parts of which do something: what starts as 0 or 1 does not."""
    torch.manual_seed(0)
    defaults = {"in_channels": 2, "out_channels": 3, **_SMALL[kind.__name__]}
    model = kind(**{**defaults, **arguments}).to(dtype)
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if value.ndim == 1:
                value.uniform_(0.5, 1.5) if "norm" in name else value.normal_()
            elif value.ndim and not value.any():
                value.normal_(std=0.5)
    return model


def reference(model: Any) -> nn.Module:
    """Make torch_geometric's network with the same weights."""
    spec = dict(model.spec)
    other: nn.Module = getattr(models, spec.pop("name"))(**spec)
    other.to(next(model.parameters()).dtype).load_state_dict(model.state_dict())
    return other.train(model.training)


def members(graph: Graph) -> Tensor:
    """Number of the graph that each node belongs to."""
    return torch.arange(len(graph.sizes)).repeat_interleave(torch.tensor(graph.sizes))


def as_nodes(fields: Tensor) -> Tensor:
    """Give (batch, channel, *space) as (nodes, channel)."""
    return fields.movedim(1, -1).flatten(0, -2)


def as_fields(nodes: Tensor, lattice: Lattice) -> Tensor:
    """Give (nodes, channel) as (batch, channel, *space)."""
    return nodes.reshape(lattice.batch, *lattice.shape, -1).movedim(-1, 1)


def assert_same(
    model: GraphNet, x: Tensor, graph: Graph | None = None, rtol: float = 1e-9, atol: float = 1e-11
) -> None:
    """Compare values, all gradients and buffers with those of torch_geometric's network.

    `x` are values of the graph's nodes; without a graph, fields on a lattice.
    """
    edges = graph or Lattice(x.shape[0], tuple(x.shape[2:])).graph()
    other = reference(model)
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    found = as_nodes(model(ours)) if graph is None else model(ours, graph)
    values = as_nodes(theirs) if graph is None else theirs
    expected = other(values, edges.edge_index, batch=members(edges))
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
    weights = torch.randn_like(expected)
    gradients = torch.autograd.grad((found * weights).sum(), [ours, *model.parameters()])
    wanted = torch.autograd.grad((expected * weights).sum(), [theirs, *other.parameters()])
    for a, b in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol * max(1.0, float(b.abs().max())))
    torch.testing.assert_close(dict(model.named_buffers()), dict(other.named_buffers()))
