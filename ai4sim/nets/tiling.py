"""Evaluate a network on a large field or mesh in little memory, piece by piece."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ai4sim.nets.graph import Graph


def in_pieces(net: nn.Module, x: Tensor, max_nodes: int, graph: Graph | None = None) -> Tensor:
    """Apply `net` to about `max_nodes` cells or nodes at a time; the result is that of ``net(x)``.

    Samples are separated first, then the grid of one sample is cut into tiles (:func:`tiled`), a
    graph into parts (:func:`partitioned`). Where the network's reach is unbounded, or goes around
    the field (circular padding), no halo makes that exact: it is given whole samples, respectively
    the whole graph.

    Parameters
    ----------
    net : torch.nn.Module
        The network, in evaluation mode.
    x : Tensor
        Without a graph (batch, channel, *space), with one (nodes, channel).
    max_nodes : int
        Cells of a tile, or nodes of a part, the halo not counted.
    graph : Graph, optional
        It may live on another device.

    Returns
    -------
    Tensor
        The network's output, on the device of `x`; without gradients where it came in pieces.

    Raises
    ------
    ValueError
        Where `max_nodes` is not positive.
    """
    if max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, found {max_nodes}")
    bounded = getattr(net, "reach", None) is not None
    around = getattr(net, "spec", {}).get("padding_mode") == "circular"
    whole: Tensor
    if graph is not None:
        if bounded and graph.nodes > max_nodes:
            return partitioned(net, x, graph, max_nodes)
        whole = net(x, graph.to(x.device))
        return whole
    space = tuple(x.shape[2:])
    cells = math.prod(space)
    if len(x) * cells <= max_nodes:
        whole = net(x)
        return whole
    with torch.no_grad():
        if cells <= max_nodes or not bounded or around:
            batches = x.split(max(max_nodes // cells, 1))
            return torch.cat([net(samples) for samples in batches])
        tile = tile_shape(space, max_nodes, int(getattr(net, "stride", 1)))
        return torch.cat([tiled(net, sample, tile) for sample in x.split(1)])


def tile_shape(space: Sequence[int], cells: int, stride: int = 1) -> tuple[int, ...]:
    """Choose the shape of tiles: nearly cubes, for little halo, of nearly equal size.

    Parameters
    ----------
    space : sequence of int
        Cells of the field along each axis.
    cells : int
        Cells of a tile, at most, unless one of `stride` along each axis has more.
    stride : int
        Every size is a multiple of it.

    Returns
    -------
    tuple of int
        Cells of a tile along each axis.
    """
    tile = [0] * len(space)
    left = float(cells)
    # A short axis is taken whole, which leaves more for the longer ones: hence in this order.
    for taken, axis in enumerate(sorted(range(len(space)), key=space.__getitem__)):
        edge = left ** (1 / (len(space) - taken))
        coarse = max(int(edge * (1 + 1e-9)) // stride, 1)
        coarse_cells = -(-space[axis] // stride)
        pieces = -(-coarse_cells // coarse)
        tile[axis] = -(-coarse_cells // pieces) * stride
        left = max(left / tile[axis], 1.0)
    return tuple(tile)


def tiled(net: nn.Module, x: Tensor, tile: int | Sequence[int], halo: int | None = None) -> Tensor:
    """Apply `net` to `x` in overlapping tiles, without gradients.

    Each tile is computed together with a halo of its neighbours' cells, which is then thrown away.
    With a halo of at least the network's reach, and tile edges on its coarsest grid, every cell
    that is kept sees exactly what it sees in the full field: the result is that of ``net(x)`` to
    round-off, provided that the network is in evaluation mode, that its output grid is its input
    grid, and that no layer looks at the field as a whole (as group and instance norm do, and
    circular padding). Peak memory is that of one tile plus the output.

    Parameters
    ----------
    net : torch.nn.Module
        The network. ``net.reach`` and ``net.stride`` give the default halo and the coarsest grid.
    x : Tensor, shape (batch, channel, *space)
        Input. It may live on another device than the network: tiles are moved, one at a time.
    tile : int or sequence of int
        Cells per tile without halo, for all or for each of the spatial axes; multiples of
        ``net.stride``.
    halo : int, optional
        Cells added on every side; by default ``net.reach``. It is rounded up to a multiple of
        ``net.stride``.

    Returns
    -------
    Tensor, shape (batch, channel_out, *space)
        The network's output, on the device of `x`.

    Raises
    ------
    ValueError
        Where `tile` does not fit the network's stride or the number of axes, or the network's
        reach is unbounded and no halo is given.
    """
    space = tuple(x.shape[2:])
    sizes = (tile,) * len(space) if isinstance(tile, int) else tuple(tile)
    stride = int(getattr(net, "stride", 1))
    if len(sizes) != len(space):
        raise ValueError(f"tile {sizes} has {len(sizes)} sizes for a field of shape {space}")
    if any(size < 1 or size % stride for size in sizes):
        raise ValueError(f"tile {sizes}: every size must be a positive multiple of {stride}")
    if halo is None:
        halo = getattr(net, "reach", None)
        if halo is None:
            raise ValueError(
                f"halo: {type(net).__name__} has no bounded reach, so no halo makes tiles exact; "
                "give one to accept an approximation"
            )
    halo = -(-halo // stride) * stride

    parameter = next(net.parameters(), x)
    y: Tensor | None = None
    with torch.no_grad():
        for corner in itertools.product(*(range(0, n, size) for n, size in zip(space, sizes))):
            stop = [min(a + size, n) for a, size, n in zip(corner, sizes, space)]
            outer = [slice(max(a - halo, 0), b + halo) for a, b in zip(corner, stop)]
            kept = [slice(a - o.start, b - o.start) for a, b, o in zip(corner, stop, outer)]
            result = net(x[(slice(None), slice(None), *outer)].to(parameter.device))[
                (slice(None), slice(None), *kept)
            ]
            if y is None:
                y = x.new_empty((*result.shape[:2], *space), dtype=result.dtype)
            inner = (slice(a, b) for a, b in zip(corner, stop))
            y[(slice(None), slice(None), *inner)] = result
    if y is None:
        raise ValueError(f"x: the field is empty, shape {tuple(x.shape)}")
    return y


def partitioned(net: nn.Module, x: Tensor, graph: Graph, size: int) -> Tensor:
    """Apply a network to a graph in parts, without gradients.

    Each part is computed together with the nodes within ``net.reach`` steps of it, which are then
    thrown away, so that every node that is kept sees exactly what it sees in the whole graph: the
    result is that of ``net(x, graph)`` to round-off, provided that the network is in evaluation
    mode. Peak memory is that of one part with its halo, plus the output.

    Parameters
    ----------
    net : GraphNet
        The network, see :class:`ai4sim.nets.graph_net.GraphNet`.
    x : Tensor, shape (nodes, channel)
        Input. It and the graph may live on other devices than the network: parts are moved, one at
        a time.
    graph : Graph
    size : int
        Nodes per part, at most, without halo.

    Returns
    -------
    Tensor, shape (nodes, channel_out)
        The network's output, on the device of `x`.

    Raises
    ------
    ValueError
        Where `size` is not positive, `x` does not have the graph's nodes, or the network's reach is
        unbounded.
    """
    if size < 1:
        raise ValueError(f"size: a part must have at least 1 node, found {size}")
    if len(x) != graph.nodes:
        raise ValueError(f"x has {len(x)} nodes, the graph has {graph.nodes}")
    reach = getattr(net, "reach", None)
    if reach is None:
        raise ValueError(f"{type(net).__name__} has no bounded reach, so no halo makes parts exact")
    device = next(net.parameters(), x).device
    parts, results = graph.parts(size), []
    with torch.no_grad():
        for part in parts:
            around = graph.neighbourhood(part, reach)
            result = net(x[around.to(x.device)].to(device), graph.induced(around).to(device))
            results.append(result[torch.searchsorted(around, part).to(device)].to(x.device))
    in_parts = torch.cat(results)
    y = torch.empty_like(in_parts)
    y[torch.cat(parts).to(x.device)] = in_parts
    return y
