"""Graph convolutional networks (GCN) and graph isomorphism networks (GIN) on meshes and lattices.

The networks of Kipf and Welling (2017, arXiv 1609.02907) and Xu et al. (2019, arXiv 1810.00826) as
torch_geometric defines them: same parameters, same names, same results, several times faster. Sums
over neighbours are shifted fields on a lattice and sparse products on a general graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn import conv, models
from torch_geometric.nn.models.basic_gnn import BasicGNN

from ai4sim.nets.dropout import odds
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_net import GraphNet
from ai4sim.nets.propagation import (
    ACTIVATIONS,
    Pending,
    gcn_operator,
    gin_operator,
    propagate_linear,
)
from ai4sim.nets.spec import check_spec, spec_of

Activation = Literal["relu", "leaky_relu", "silu", "gelu"]
JumpingKnowledge = Literal["last", "cat", "max"]

SIZES = ("in_channels", "out_channels", "hidden_channels", "num_layers")
CHOICES: dict[str, tuple[str | None, ...]] = {
    "act": tuple(ACTIVATIONS),
    "jk": ("last", "cat", "max", None),
    "norm": ("batch_norm", None),
}


class GCNConv(conv.GCNConv):
    """``torch_geometric.nn.GCNConv`` on a graph whose edges all run both ways."""

    def forward(self, x: Tensor, graph: Graph | Lattice, pending: Pending | None = None) -> Tensor:
        """Map node values (nodes, in_channels), after what is pending, to (nodes, out_channels)."""
        return propagate_linear(
            x, self.lin.weight, self.bias, gcn_operator(graph, self.lin.weight), pending
        )


class GINConv(conv.GINConv):
    """``torch_geometric.nn.GINConv`` on a graph whose edges all run both ways.

    Parameters
    ----------
    mlp : torch_geometric.nn.MLP
        Two linear maps with a norm and an activation in between.
    act : str
        The activation's name.
    """

    def __init__(self, mlp: models.MLP, act: Activation) -> None:
        super().__init__(mlp)
        self.act = act

    def forward(self, x: Tensor, graph: Graph | Lattice, pending: Pending | None = None) -> Tensor:
        """Map node values (nodes, in_channels), after what is pending, to (nodes, out_channels)."""
        first, last = self.nn.lins
        operator = gin_operator(graph, first.weight, self.eps)
        x = propagate_linear(x, first.weight, first.bias, operator, pending)
        x = self.nn.norms[0](x)
        return propagate_linear(
            x, last.weight, last.bias, pending=Pending(self.act, disposable=True)
        )


class GraphStack(GraphNet, BasicGNN):
    """A stack of convolutions, each followed by a norm, an activation and dropout.

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of channels of a node, in and out.
    hidden_channels : int
        Channels of a node between the layers.
    num_layers : int
        Number of convolutions, each of which looks one neighbour further.
    jk : {"last", "cat", "max"}, optional
        Jumping knowledge (Xu et al. 2018, arXiv 1806.03536): a linear map makes the output from the
        last layer, all layers side by side, or their maximum. None: the last convolution is the
        output.
    act : {"relu", "leaky_relu", "silu", "gelu"}
        The activation after each convolution.
    norm : {"batch_norm"}, optional
        The normalisation before each activation. None: there is none.
    dropout : float
        Share of the values dropped in training after each layer, see `ai4sim.nets.dropout`.

    Attributes
    ----------
    beyond : int
        Steps along edges by which the farthest node's degree sees further than its values.
    """

    beyond = 0
    convs: Sequence[GCNConv | GINConv]
    norms: Sequence[nn.Module]
    dropout: nn.Dropout
    lin: nn.Linear
    jk: nn.Module

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        hidden_channels: int = 32,
        num_layers: int = 4,
        jk: JumpingKnowledge | None = "last",
        act: Activation = "silu",
        norm: Literal["batch_norm"] | None = None,
        dropout: float = 0.0,
    ) -> None:
        self.spec = spec_of(self, locals())
        check_spec(self.spec, SIZES, CHOICES)
        odds(dropout)
        super().__init__(
            in_channels,
            hidden_channels,
            num_layers,
            out_channels,
            dropout=dropout,
            act=act,
            norm=norm,
            jk=jk,
            activation=act,
        )
        self.reach = num_layers + self.beyond

    def propagate(self, nodes: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map node values (nodes, in_channels) to (nodes, out_channels)."""
        x, pending = nodes, Pending()
        p = self.dropout.p if self.training else 0.0
        shares: list[Tensor] = []
        for i, (convolution, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(convolution(x, graph, pending))
            pending = Pending.drawn(self.spec["act"], x, p, self.jk_mode in ("last", None))
            if self.jk_mode == "cat":
                # Layers side by side, times a matrix: the sum of each layer times its columns.
                columns = self.lin.weight[:, i * x.shape[1] : (i + 1) * x.shape[1]]
                bias = None if i else self.lin.bias
                shares.append(propagate_linear(x, columns, bias, pending=pending))
            elif self.jk_mode == "max":
                shares.append(pending.apply(x, slice(None)))
        if self.jk_mode is None:
            return x
        if self.jk_mode == "cat":
            return torch.stack(shares).sum(0)
        if self.jk_mode == "max":
            return self.lin(self.jk(shares))
        return propagate_linear(x, self.lin.weight, self.lin.bias, pending=pending)


class GCN(GraphStack, models.GCN):
    """``torch_geometric.nn.GCN``: same parameters and results; arguments as in `GraphStack`."""

    beyond = 1

    def init_conv(self, in_channels: int, out_channels: int, activation: Activation) -> GCNConv:
        """Make one convolution."""
        return GCNConv(in_channels, out_channels)


class GIN(GraphStack, models.GIN):
    """``torch_geometric.nn.GIN``: same parameters and results; arguments as in `GraphStack`."""

    def init_conv(self, in_channels: int, out_channels: int, activation: Activation) -> GINConv:
        """Make one convolution."""
        return GINConv(super().init_conv(in_channels, out_channels).nn, activation)
