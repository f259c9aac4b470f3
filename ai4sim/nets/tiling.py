"""Evaluate a convolutional network on a large field in little memory, tile by tile."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


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
