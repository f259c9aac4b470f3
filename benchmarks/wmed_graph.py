"""The graph's part of ``benchmarks/wmed.py``: its construction, against dense block masks."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.turns import Cost, alone, largest, median, now, take_turns
from wmed.io import croco, graph, mesonh
from wmed.io.grid import AtmosphereGrid, OceanGrid
from wmed.synthetic import domain

Grids = tuple[AtmosphereGrid, OceanGrid]

ALLOWED_SECONDS, ALLOWED_BYTES = 5.0, 2e9
CHANNELS = 75


def grids_of(shape: tuple[int, int], folder: Path | None = None) -> Grids:
    """Return the grids of the first files of a folder, else those of an ocean of some shape."""
    if folder is None:
        ocean = domain.ocean_axes(shape)
        air = domain.atmosphere_axes(ocean)
        return domain.atmosphere_grid(air), domain.ocean_grid(ocean)
    history, states = (sorted(folder.glob(pattern)) for pattern in ("*his*.nc", "ECMWF*.nc"))
    if not history or not states:
        raise SystemExit(f"{folder} has no *his*.nc and ECMWF*.nc")
    return mesonh.read_grid(states[0]), croco.read_grid(history[0])


def size_of(grids: Grids) -> str:
    """Say how large two grids are."""
    air, ocean = (" x ".join(map(str, grid.shape)) for grid in grids)
    return f"ocean {ocean}, {int(grids[1].sea.sum()):,} of them sea, atmosphere {air}"


def by_block_masks(grids: Grids, share: float) -> tuple[int, int]:
    """Join the atmosphere's points to the ocean's by one dense mask per block.

    Returns
    -------
    int, int
        Blocks that were made, and edges.
    """
    air, ocean = grids
    corners = [air.lon[:-1, :-1], air.lon[:-1, 1:], air.lat[:-1, :-1], air.lat[1:, :-1]]
    west, east, south, north = (corner.ravel() for corner in corners)
    blocks = np.linspace(0, len(west) - 1, max(round(share * len(west)), 1)).astype(int)
    masks = [
        (ocean.lon >= west[k])
        & (ocean.lon <= east[k])
        & (ocean.lat >= south[k])
        & (ocean.lat <= north[k])
        for k in blocks
    ]
    rho = np.cumsum(ocean.sea) - 1
    edges = []
    for k, mask in zip(blocks, masks, strict=True):
        points = rho[np.flatnonzero(mask & ocean.sea)]
        row, column = divmod(int(k), air.shape[1] - 1)
        around = [(row + j) * air.shape[1] + column + i for j in (0, 1) for i in (0, 1)]
        edges += [np.stack([np.full(len(points), corner), points]) for corner in around]
    return len(blocks), np.concatenate(edges, axis=1).shape[1]


class Construction(NamedTuple):
    """What a way takes: time, bytes; and the edges between air and sea that it finds."""

    cost: Cost
    size: float
    edges: float


def construct(way: str, grids: Grids, share: float) -> Construction:
    """Go one way in this process."""
    import torch_geometric.data  # noqa: F401

    torch.set_num_threads(1)
    scale = 1.0
    before, start = largest(), now()
    if way == "masks":
        blocks, edges = by_block_masks(grids, share)
        scale = (grids[0].shape[0] - 1) * (grids[0].shape[1] - 1) / blocks
    else:
        coupling = graph.build(*grids)
        edges = int((coupling.weight > 0).sum())
        if way == "hetero":
            graph.hetero(coupling)
    cost, grown = now() - start, largest() - before
    return Construction(cost / Cost(1 / scale, 1 / scale), grown * scale, edges * scale)


def print_construction(grids: Grids, share: float, repeats: int) -> None:
    """Print what each way takes, and the ratios."""
    labels = {
        "graph": "operator and graph",
        "hetero": "the same, and torch_geometric's",
        "masks": "block masks" if share == 1 else f"block masks ({share:.0%} made, scaled)",
    }
    turns = [{way: alone(construct, way, grids, share) for way in labels} for _ in range(repeats)]
    print(f"\nconstruction: {size_of(grids)}")
    print(f"{'':36s}{'seconds':>10s}{'processor':>11s}{'MB':>9s}{'edges air-sea':>15s}")
    for way, label in labels.items():
        cost = median(turn[way].cost for turn in turns)
        size = statistics.median(turn[way].size for turn in turns)
        edges = turns[0][way].edges
        print(f"{label:36s}{cost.wall:10.2f}{cost.cpu:11.2f}{size / 1e6:9.0f}{edges:15,.0f}")
    for way in ("graph", "hetero"):
        faster = median(turn["masks"].cost / turn[way].cost for turn in turns)
        smaller = statistics.median(turn["masks"].size / max(turn[way].size, 1) for turn in turns)
        print(
            f"block masks / {labels[way]}: time {faster.wall:.0f}, processor {faster.cpu:.0f}, "
            f"memory {smaller:.0f}"
        )
    slowest = max(turn["hetero"].cost.wall for turn in turns)
    size = max(turn["hetero"].size for turn in turns)
    good = slowest <= ALLOWED_SECONDS and size <= ALLOWED_BYTES
    print(f"wanted: {ALLOWED_SECONDS:g} s, {ALLOWED_BYTES / 1e9:g} GB: {'yes' if good else 'NO'}")


def by_index(values: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Interpolate by one look-up per corner."""
    found = values[index[:, 0]] * weight[:, :1]
    for k in range(1, index.shape[1]):
        found += values[index[:, k]] * weight[:, k : k + 1]
    return found


def print_interpolation(grids: Grids, repeats: int) -> None:
    """Print how long each way to interpolate takes."""
    warnings.filterwarnings("ignore", message="Sparse")
    coupling = graph.build(*grids)
    index, weight, rho = coupling.index, coupling.weight, coupling.sizes["rho"]
    values = torch.randn(coupling.atmosphere_nodes, CHANNELS)
    matrix = torch.sparse_csr_tensor(
        torch.arange(0, index.numel() + 1, index.shape[1]),
        index.flatten(),
        weight.flatten(),
        (rho, len(values)),
    )
    ways: dict[str, Callable[[], Tensor]] = {
        "in use": lambda: coupling.interpolate(values),
        "index per corner": lambda: by_index(values, index, weight),
        "sparse matrix": lambda: matrix @ values,
    }
    expected = by_index(values, index, weight)
    for work in ways.values():
        torch.testing.assert_close(work(), expected, atol=1e-5, rtol=1e-5)
    print(f"\ninterpolation of {CHANNELS} channels to {rho:,} rho nodes: ms, of the processor")
    for way, some in take_turns(ways, repeats).items():
        cost = median(some)
        print(f"  {way:20s}{1e3 * cost.wall:8.0f}{1e3 * cost.cpu:8.0f}")
