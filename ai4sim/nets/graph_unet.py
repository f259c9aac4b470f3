"""Graph U-Net that never writes out the edges of its coarse graphs.

The network of Gao and Ji (2019, arXiv 1905.05178) as ``torch_geometric.nn.GraphUNet`` defines it.
Each level keeps the nodes of highest score and joins those that were one or two edges apart, with
the number of ways as weight, so that the edges multiply from level to level until nearly all nodes
are joined. With A the symmetric matrix of a level and B the rows of A + I that belong to the nodes
kept, the next level's matrix is B B^T but for its diagonal. Multiplying by B^T and then by B costs
a fraction of multiplying by their product, and so does finding the rows of B B^T that the level
after next needs. The deepest level, by far the densest, is never multiplied out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torch_geometric.nn import GCNConv, TopKPooling, models

from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_net import GraphNet
from ai4sim.nets.propagation import propagate_linear, whole
from ai4sim.nets.sparse import csr, multiply
from ai4sim.nets.spec import spec_of


class GraphUNet(GraphNet, models.GraphUNet):
    """``torch_geometric.nn.GraphUNet``: same parameters, results and gradients, in less memory.

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of channels of a node, in and out.
    hidden_channels : int
        The number of channels of a node between the layers.
    depth : int
        Number of poolings: of coarser graphs below the first one.
    pool_ratios : float or list of float
        Share of its nodes that each graph keeps at a pooling, rounded up; from 1 on, the number of
        nodes. A list gives one for each pooling.
    sum_res : bool
        Whether the way up adds the values of the way down, rather than concatenate them.
    act : str
        The activation, named as in ``torch_geometric.nn.resolver``.

    Attributes
    ----------
    reach : None
        The selection compares the scores of all nodes of a graph: there is no halo with which parts
        would give the result of the whole. A field is therefore evaluated in one go, which with
        the default arguments takes 1 to 3 kB of memory per node, and training 2 to 4 kB.
    exportable : bool
        False: ``torch.export`` cannot trace sparse matrices, nor the number of entries that their
        products have.

    Notes
    -----
    Among nodes of equal score those of lower number stay; torch_geometric's sort leaves it open. In
    a uniform region of a field all scores are equal: there the result depends on the numbering.

    References
    ----------
    Gao and Ji (2019), Graph U-Nets, https://arxiv.org/abs/1905.05178
    """

    exportable = False
    act: Callable[[Tensor], Tensor]
    down_convs: Sequence[GCNConv]
    pools: Sequence[TopKPooling]
    up_convs: Sequence[GCNConv]

    def __init__(
        self,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        hidden_channels: int = 32,
        depth: int = 4,
        pool_ratios: float | Sequence[float] = 0.5,
        sum_res: bool = True,
        act: str = "silu",
    ) -> None:
        ratios = pool_ratios if isinstance(pool_ratios, (int, float)) else list(pool_ratios)
        self.spec = {**spec_of(self, locals()), "pool_ratios": ratios}
        if depth < 1:
            raise ValueError(f"GraphUNet: depth must be at least 1, found {depth}")
        if isinstance(ratios, list) and len(ratios) != depth:
            raise ValueError(
                f"GraphUNet: pool_ratios must be a number or a list of {depth} (depth), "
                f"found {ratios}"
            )
        super().__init__(in_channels, hidden_channels, out_channels, depth, ratios, sum_res, act)
        if min(pool.ratio for pool in self.pools) <= 0:
            raise ValueError(f"GraphUNet: pool_ratios must be positive, found {ratios}")

    def propagate(self, nodes: Tensor, graph: Graph | Lattice) -> Tensor:
        """Map node values (nodes, in_channels) to (nodes, out_channels)."""
        # Half precision would turn near scores into ties, and sparse products do not know it.
        with torch.autocast(nodes.device.type, enabled=False):
            x = nodes.to(self.pools[0].select.weight.dtype)
            if isinstance(graph, Lattice):
                sizes: tuple[int, ...] = (math.prod(graph.shape),) * graph.batch
            else:
                sizes = graph.sizes
            level = _Level(_neighbourhoods(graph, x), diagonal=x.new_ones(graph.nodes, 1))
            x = self.act(_convolved(x, self.down_convs[0], level))
            skips = []
            for conv, pool in zip(self.down_convs[1:], self.pools, strict=True):
                weight = pool.select.weight
                score = torch.tanh((x * weight).sum(-1) / weight.norm())
                kept, sizes = _highest(score.detach(), sizes, pool.ratio)
                skips.append((x, kept, level))
                level = level.pooled(kept)
                x = x.index_select(0, kept) * score.index_select(0, kept)[:, None]
                x = self.act(_convolved(x, conv, level))
            for conv in self.up_convs:
                skip, kept, level = skips.pop()
                if self.sum_res:
                    x = skip.index_add(0, kept, x)
                else:
                    x = torch.cat([skip, torch.zeros_like(skip).index_copy(0, kept, x)], -1)
                x = _convolved(x, conv, level)
                x = self.act(x) if skips else x
            return x


class _Level:
    """The symmetric matrix A of a level, as factors.

    The product of the factors has numbers on its diagonal that A has not. Taking them away again
    costs digits in the rows that they dominate; these few rows are multiplied out.

    Attributes
    ----------
    chain : tuple of Tensor, sparse CSR
        Matrices to multiply by one after the other: A, except for the diagonal.
    loop : Tensor, (nodes, 1)
        What to add to the diagonal to make it 2.
    apart : Tensor, (some,), int64
        Nodes whose row of A + 2 I sums to less than what the factors have on the diagonal.
    rows : Tensor, (some, nodes), sparse CSR
        These rows of A + 2 I.
    scale : Tensor, (nodes, 1)
        One over the square root of the row sums of A + 2 I.
    """

    def __init__(self, *chain: Tensor, diagonal: Tensor) -> None:
        self.chain = chain
        self.loop = 2 - diagonal
        self.scale = torch.ones_like(diagonal)
        self.apart = diagonal.new_empty(0, dtype=torch.int64)
        self.apart = (self(self.scale) < diagonal).nonzero()[:, 0]
        self.rows = self.rows_of(self.apart, 2.0)
        self.scale = self(self.scale).rsqrt()

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply (nodes, channels) by A + 2 I, normalised by the row sums from both sides."""
        y = scaled = x * self.scale
        for matrix in self.chain:
            y = multiply(matrix, y)
        y.addcmul_(scaled, self.loop)
        if len(self.apart):
            y.index_copy_(0, self.apart, self.rows @ scaled)
        return y.mul_(self.scale)

    def rows_of(self, nodes: Tensor, diagonal: float) -> Tensor:
        """Multiply out rows of A, sparse CSR, and set the diagonal: ways back do not count."""
        rows = _rows(self.chain[-1], nodes)
        for matrix in self.chain[-2::-1]:
            rows = rows @ matrix
        start, columns, values = rows.crow_indices(), rows.col_indices().int(), rows.values()
        values[columns == nodes.int().repeat_interleave(start.diff())] = diagonal
        return csr(start, columns, values, rows.shape[1])

    def pooled(self, kept: Tensor) -> _Level:
        """Join those of the `kept` nodes that are one or two edges apart, once for each way."""
        rows = self.rows_of(kept, 1.0)
        squares = csr(
            rows.crow_indices(), rows.col_indices(), rows.values().square(), rows.shape[1]
        )
        diagonal = squares @ squares.values().new_ones(rows.shape[1], 1)
        return _Level(_transposed(rows), rows, diagonal=diagonal)


def _convolved(x: Tensor, conv: GCNConv, level: _Level) -> Tensor:
    return propagate_linear(x, conv.lin.weight, conv.bias, whole(level))


def _neighbourhoods(graph: Graph | Lattice, like: Tensor) -> Tensor:
    """Give A + I, sparse CSR with the values' precision and device."""
    nodes = torch.arange(graph.nodes, dtype=torch.int32, device=like.device)
    if isinstance(graph, Lattice):
        steps = [math.prod(graph.shape[axis:]) for axis in range(1, len(graph.shape) + 1)]
        steps = [-step for step in steps] + [0] + steps[::-1]
        inside = torch.ones(
            graph.batch, *graph.shape, len(steps), dtype=torch.bool, device=like.device
        )
        for axis in range(len(graph.shape)):
            inside[..., axis].select(axis + 1, 0).fill_(False)
            inside[..., -1 - axis].select(axis + 1, -1).fill_(False)
        inside = inside.reshape(graph.nodes, len(steps))
        columns = (nodes[:, None] + nodes.new_tensor(steps))[inside]
        start = functional.pad(inside.sum(1).cumsum(0), (1, 0))
    else:
        sender, receiver = graph.edge_index
        columns = nodes.new_empty(len(sender) + graph.nodes)
        start = graph.start + torch.arange(graph.nodes + 1, device=like.device)
        columns[torch.arange(len(sender), device=like.device) + receiver] = sender.int()
        columns[start[1:] - 1] = nodes
    return csr(start, columns, like.new_ones(len(columns)), graph.nodes)


def _highest(score: Tensor, sizes: tuple[int, ...], ratio: float) -> tuple[Tensor, tuple[int, ...]]:
    """Find the nodes of highest score in each of the graphs of the given sizes.

    Returns
    -------
    Tensor, (kept,), int64
        The nodes, sorted: neighbours stay close in memory.
    tuple of int
        How many of each graph.
    """
    # torch_geometric multiplies in the precision of the scores, then rounds up.
    shares = (ratio * torch.tensor(sizes, dtype=score.dtype)).ceil().tolist()
    numbers = [
        min(int(ratio if ratio >= 1 else n), size) for n, size in zip(shares, sizes, strict=True)
    ]
    kept, first = [], 0
    for part, number in zip(score.split(sizes), numbers, strict=True):
        highest = part.sort(descending=True, stable=True).indices[:number]
        kept.append(highest.sort().values + first)
        first += len(part)
    return torch.cat(kept), tuple(numbers)


def _rows(matrix: Tensor, nodes: Tensor) -> Tensor:
    """Take rows out of a sparse CSR matrix."""
    before = matrix.crow_indices().index_select(0, nodes)
    counts = matrix.crow_indices().diff().index_select(0, nodes)
    start = functional.pad(counts.cumsum(0), (1, 0))
    entries = (before - start[:-1]).repeat_interleave(counts)
    entries += torch.arange(len(entries), device=nodes.device)
    columns = matrix.col_indices().index_select(0, entries)
    return csr(start, columns, matrix.values().index_select(0, entries), matrix.shape[1])


def _transposed(matrix: Tensor) -> Tensor:
    """Transpose a sparse CSR matrix."""
    # Integers of 32 bits sort several times faster than torch's own conversion.
    columns, order = matrix.col_indices().sort(stable=True)
    start = functional.pad(torch.bincount(columns, minlength=matrix.shape[1]).cumsum(0), (1, 0))
    nodes = torch.arange(len(matrix), dtype=torch.int32, device=matrix.device)
    rows = nodes.repeat_interleave(matrix.crow_indices().diff())
    values = matrix.values().index_select(0, order)
    return csr(start, rows.index_select(0, order), values, len(matrix))
