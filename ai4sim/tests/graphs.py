"""A tiny graph network and irregular graphs, for the tests of whatever works on graphs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_net import GraphNet


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
