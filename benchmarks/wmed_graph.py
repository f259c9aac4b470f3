"""Construction of the coupling graph of the western Mediterranean, against dense block masks.

    python benchmarks/wmed_graph.py
    python benchmarks/wmed_graph.py --data DIR     # with croco_his*.nc and ECMWF_*.nc of one event

At full size, 539 x 631 rho points under 110 x 130 mass points; without `--data` two Mercator grids
of that size are made up, with islands.

construction
    From the two grids to the operator and the graph (``wmed.grids.graph.build``), and to that of
    torch_geometric; each after all imports, in a process of its own. Against the way of one dense
    mask over the ocean per block of the atmosphere, that is per cell between four mass points
    (109 x 129 = 14,061 of them): a comparison of all rho points with the four borders, which are
    closed, then the sea points of each block joined to its corners. That builds only these edges:
    no weights, no nearest sea, no faces, no neighbours. All masks are kept, as that way does; with
    `--share` only those of so many blocks are made, evenly chosen, and seconds and bytes scaled.
    Memory is the growth of the largest resident set (``VmHWM``). The ways take turns; what counts
    is the median of the ratios of neighbours.
interpolation
    Milliseconds to bring 75 channels to all rho nodes: the kernel in use, an index per corner, and
    a sparse matrix. On one thread of torch.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.turns import now
from wmed.grids import croco, graph, mesonh
from wmed.grids.grid import AtmosphereGrid, OceanGrid, ocean_grid
from wmed.tests.grids_made_up import mercator_points

Grids = tuple[AtmosphereGrid, OceanGrid]

OCEAN, ATMOSPHERE = (539, 631), (110, 130)
WEST, SOUTH, SPACING, AIR_SPACING = -5.79, 34.893, 0.0237, 0.1174
ALLOWED_SECONDS, ALLOWED_BYTES = 5.0, 2e9
CHANNELS = 75
REPEATS = 5


def made_up_grids() -> Grids:
    """Return two grids of full size, about 40 % of them sea."""
    lon, lat = mercator_points(OCEAN, WEST, SOUTH, SPACING)
    air_lon, air_lat = mercator_points(ATMOSPHERE, WEST - 0.08, SOUTH - 0.05, AIR_SPACING)

    def sea(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(np.sin(2.1 * x) + np.cos(1.7 * y) + np.sin(x * y / 9) > 0.3)

    air = AtmosphereGrid(air_lon, air_lat, sea(air_lon, air_lat), np.array([10.0]))
    return air, ocean_grid(lon, lat, sea(lon, lat))


def read_grids(folder: Path | None) -> Grids:
    """Return the grids of the first files of a folder, or made-up ones."""
    if folder is None:
        return made_up_grids()
    history, air = (sorted(folder.glob(pattern)) for pattern in ("*his*.nc", "ECMWF*.nc"))
    if not history or not air:
        raise SystemExit(f"{folder} has no *his*.nc and ECMWF*.nc")
    return mesonh.read_grid(air[0]), croco.read_grid(history[0])


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


def largest() -> int:
    """Return the largest resident set of this process [bytes]."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def run(way: str, folder: Path | None, share: float) -> None:
    """Go one way, and print what it took as JSON."""
    import torch_geometric.data  # noqa: F401

    torch.set_num_threads(1)
    grids = read_grids(folder)
    before, start = largest(), now()
    if way == "masks":
        blocks, edges = by_block_masks(grids, share)
        scale = (grids[0].shape[0] - 1) * (grids[0].shape[1] - 1) / blocks
    else:
        coupling, scale = graph.build(*grids), 1.0
        edges = int((coupling.weight > 0).sum())
        if way == "hetero":
            graph.hetero(coupling)
    cost = now() - start
    grown = largest() - before
    print(json.dumps([cost.wall * scale, cost.cpu * scale, grown * scale, edges * scale]))


def measure(way: str, folder: Path | None, share: float) -> list[float]:
    """Go one way in a process of its own: seconds, of the processor, bytes and edges."""
    command = [sys.executable, __file__, "--run", way, "--share", str(share)]
    command += ["--data", str(folder)] if folder else []
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: list[float] = json.loads(output.splitlines()[-1])
    return found


def print_construction(folder: Path | None, share: float, repeats: int) -> None:
    """Print what each way takes, and the ratios."""
    labels = {
        "graph": "operator and graph",
        "hetero": "the same, and torch_geometric's",
        "masks": "block masks" if share == 1 else f"block masks ({share:.0%} made, scaled)",
    }
    costs: dict[str, list[list[float]]] = {way: [] for way in labels}
    for _ in range(repeats):
        for way, found in costs.items():
            found.append(measure(way, folder, share))
    print(f"{'':36s}{'seconds':>10s}{'processor':>11s}{'MB':>9s}{'edges air-sea':>15s}")
    for way, label in labels.items():
        wall, cpu, size, edges = (statistics.median(x) for x in zip(*costs[way], strict=True))
        print(f"{label:36s}{wall:10.2f}{cpu:11.2f}{size / 1e6:9.0f}{edges:15,.0f}")
    for way in ("graph", "hetero"):
        pairs = list(zip(costs["masks"], costs[way], strict=True))
        faster, smaller = (statistics.median(m[k] / g[k] for m, g in pairs) for k in (0, 2))
        print(f"block masks / {labels[way]}: time {faster:.0f}, memory {smaller:.0f}")
    worst, size = (max(cost[k] for cost in costs["hetero"]) for k in (0, 2))
    good = worst <= ALLOWED_SECONDS and size <= ALLOWED_BYTES
    print(f"wanted: {ALLOWED_SECONDS:g} s, {ALLOWED_BYTES / 1e9:g} GB: {'yes' if good else 'NO'}")


def by_index(values: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Interpolate by one look-up per corner."""
    found = values[index[:, 0]] * weight[:, :1]
    for k in range(1, index.shape[1]):
        found += values[index[:, k]] * weight[:, k : k + 1]
    return found


def print_interpolation(folder: Path | None) -> None:
    """Print how long each way to interpolate takes."""
    warnings.filterwarnings("ignore", message="Sparse")
    coupling = graph.build(*read_grids(folder))
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
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS + 1):
        for way, work in ways.items():
            start = time.perf_counter()
            found = work()
            seconds[way].append(time.perf_counter() - start)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    print(f"\ninterpolation of {CHANNELS} channels to {rho:,} rho nodes")
    for way, found_seconds in seconds.items():
        print(f"  {way:20s}{1e3 * statistics.median(found_seconds[1:]):8.0f} ms")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with raw files (default: made up)")
    parser.add_argument("--share", type=float, default=1.0, help="of the blocks (default: 1)")
    parser.add_argument("--repeats", type=int, default=3, help="of each way (default: 3)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(arguments.run, arguments.data, arguments.share)
        return
    torch.set_num_threads(1)
    print_construction(arguments.data, arguments.share, arguments.repeats)
    print_interpolation(arguments.data)


if __name__ == "__main__":
    main()
