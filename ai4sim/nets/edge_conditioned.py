"""Encode-process-decode network whose messages depend on where the neighbour lies.

Graph networks that treat all neighbours alike (GCN, GIN) cannot form a gradient along a direction.
Here a message is a linear map of the neighbour's features, and the map is a learned function of the
relative position of the two nodes: a convolution with a continuous kernel, defined on any mesh
(Simonovsky and Komodakis 2017, arXiv 1704.02901; Gilmer et al. 2017, arXiv 1704.01212). On a grid
the relative positions are always the same 26, and it is an ordinary 3 x 3 x 3 convolution.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ai4sim.nets.convolution import conv3d
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_net import GraphNet
from ai4sim.nets.sparse import precision, received, weighted
from ai4sim.nets.spec import spec_of

EDGES_AT_ONCE = 4096
"""Edges whose values per kernel and channel are in memory together."""


class EdgeConditionedConv(nn.Module):
    """Mean over the neighbours of their values, mapped by a matrix that depends on the edge.

    ``y_i = W_0 x_i + b + mean_j W(r_j - r_i) x_j`` with ``W(r) = sum_k s_k(r) W_k``: the `kernels`
    functions ``s_k`` are the outputs of a small network that sees ``r`` and its length.

    Parameters
    ----------
    channels : int
    kernels : int
        Number of functions; 10 span all polynomials of second degree.
    hidden : int
        Width of the network of the edge.
    """

    def __init__(self, channels: int, kernels: int = 10, hidden: int = 32) -> None:
        super().__init__()
        self.edge = nn.Sequential(nn.Linear(4, hidden), nn.SiLU(), nn.Linear(hidden, kernels))
        self.own = nn.Linear(channels, channels)
        scale = math.sqrt(2 / (channels * kernels))
        self.weight = nn.Parameter(scale * torch.randn(kernels, channels, channels))

    def forward(self, x: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map node values (nodes, channels) to (nodes, channels)."""
        if isinstance(graph, Lattice):
            return self.own(x) + self._stencil(x, graph)
        if torch.compiler.is_compiling():
            return self.own(x) + self._mean_message(x, graph)
        shares = self._functions(graph.offsets) / graph.degree[graph.edge_index[1], None]
        with torch.autocast(x.device.type, enabled=False):
            sums = _WeightedSums.apply(x.to(precision(x)), shares.to(precision(x)), graph)
        return self.own(x) + sums.flatten(1) @ self.weight.flatten(0, 1)

    def _mean_message(self, x: Tensor, graph: Graph) -> Tensor:
        """Do the same for a program of tensor operations, which maps each node once per kernel."""
        mapped = torch.einsum("ni,kio->nko", x, self.weight)
        functions = self._functions(graph.offsets)[:, :, None]
        messages = (functions * mapped[graph.edge_index[0]]).sum(1)
        return received(graph, messages) / graph.degree.clamp(min=1)[:, None]

    def _functions(self, offsets: Tensor) -> Tensor:
        """Evaluate s_k at relative positions (edges, 3): (edges, kernels)."""
        lengths = offsets.norm(dim=1, keepdim=True)
        values: Tensor = self.edge(torch.cat([offsets, lengths], 1).to(self.own.weight.dtype))
        return values

    def _stencil(self, x: Tensor, lattice: Lattice) -> Tensor:
        """Do the same on a grid, by a convolution."""
        space = (*lattice.shape, *(1,) * (3 - len(lattice.shape)))
        step = torch.arange(-1, 2, device=x.device, dtype=torch.float32)
        offsets = torch.stack(torch.meshgrid(step, step, step, indexing="ij"), -1).reshape(27, 3)
        functions = self._functions(offsets)
        functions = functions * (offsets.abs().amax(1, keepdim=True) > 0)  # not the cell itself
        kernel = torch.einsum("ek,kio->oie", functions, self.weight).unflatten(-1, (3, 3, 3))
        fields = x.reshape(lattice.batch, *space, x.shape[1]).movedim(-1, 1)
        if torch.compiler.is_compiling():  # Inductor mistakes the strides of axes of one cell
            fields = fields.contiguous()
        else:
            kernel = kernel.contiguous(memory_format=torch.channels_last_3d)
        sums = conv3d(fields, kernel, padding=(1, 1, 1))
        mean = sums / neighbours(space, x.device).to(sums.dtype)
        return mean.movedim(1, -1).reshape(x.shape[0], -1)


def neighbours(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Count the cells around each cell of a grid, those across edges and corners included.

    Returns
    -------
    Tensor, (*shape)
        26 inside; at least 1, so that a grid of a single cell has a mean.
    """
    count = torch.ones((), device=device)
    for n in shape:
        cells = torch.arange(n, device=device)
        along = 1.0 + (cells > 0).float() + (cells < n - 1).float()
        count = count[..., None] * along
    return (count - 1).clamp(min=1)


class _WeightedSums(torch.autograd.Function):
    """Sums over the neighbours with several weights per edge, none of them stored per channel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, graph: Graph) -> Tensor:
        """Map (nodes, channels) and (edges, kernels) to (nodes, kernels, channels)."""
        ctx.save_for_backward(x, weights)
        ctx.graph = graph
        sums = x.new_empty(len(x), weights.shape[1], x.shape[1])
        for k, of_kernel in enumerate(weights.unbind(1)):
            sums[:, k] = weighted(graph, of_kernel) @ x
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (x, weights), graph = ctx.saved_tensors, ctx.graph
        sender, receiver = graph.edge_index
        grad_x, backwards = torch.zeros_like(x), weights.index_select(0, graph.reverse)
        for of_edges, of_kernel in zip(backwards.unbind(1), grad.unbind(1), strict=True):
            grad_x += weighted(graph, of_edges) @ of_kernel.contiguous()
        grad_weights = torch.empty_like(weights)
        for edges in torch.arange(len(sender), device=x.device).split(EDGES_AT_ONCE):
            received = grad.index_select(0, receiver[edges])
            sent = x.index_select(0, sender[edges])
            grad_weights[edges] = (received @ sent[:, :, None])[..., 0]
        return grad_x, grad_weights, None


class EdgeConditionedNet(GraphNet):
    """Encode each node, exchange messages over and over, decode each node.

    After the encode-process-decode networks for meshes of Pfaff et al. 2021 (arXiv 2010.03409),
    with :class:`EdgeConditionedConv` as message passing. A grid is taken as the graph in which each
    cell is joined to all 26 around it.

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of channels of a node, in and out.
    hidden_channels : int
        The number of features of a node.
    num_layers : int
        Number of message-passing steps; each adds to the features.
    kernels : int
        Number of functions of the relative position that span a layer's kernel, see
        :class:`EdgeConditionedConv`.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        hidden_channels: int = 32,
        num_layers: int = 6,
        kernels: int = 10,
    ) -> None:
        super().__init__()
        self.spec = spec_of(self, locals())
        width = hidden_channels
        self.reach = num_layers
        self.encoder = nn.Sequential(
            nn.Linear(in_channels, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.convolutions = nn.ModuleList(
            EdgeConditionedConv(width, kernels) for _ in range(num_layers)
        )
        updates = [nn.Linear(width, width) for _ in range(num_layers)]
        for update in updates:  # every step begins as the identity, so that many can be stacked
            nn.init.zeros_(update.weight)
            nn.init.zeros_(update.bias)
        self.updates = nn.ModuleList(updates)
        self.decoder = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, out_channels)
        )

    def propagate(self, nodes: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map node values (nodes, in_channels) to (nodes, out_channels)."""
        x = self.encoder(nodes)
        for convolution, update in zip(self.convolutions, self.updates, strict=True):
            x = x + update(nn.functional.silu(convolution(x, graph)))
        decoded: Tensor = self.decoder(x)
        return decoded
