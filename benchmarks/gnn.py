"""Speed and memory of the graph networks on a lattice, against torch_geometric's own, on a CPU.

Each network at the size that the literature uses (32 channels, 4 layers, 8 heads of attention,
depth 4 of the Graph U-Net), against the model of the same name of ``torch_geometric.nn`` with the
same weights on the edges of the same lattice. A step is forward, mean squared error, backward and
AdamW. All times are processor time of a single thread.

agreement
    Largest difference between the outputs of the two, relative to the largest output, and the same
    of the gradients of all weights.
training
    Median time of one step, the two networks taking turns.
memory
    One step of each in a process of its own: how much the largest resident set (``VmHWM``) grows,
    once torch is imported, network, edges and input exist and a step on a few nodes has been made,
    so that it is what the step itself takes.
topology
    Writing out the edges of a lattice, against ``networkx.grid_graph`` and its conversion to
    integers and an array.
size
    Time of one step per node, on lattices from 10^4 to 10^6 nodes; without torch_geometric.

Run ``python benchmarks/gnn.py``; ``--help`` lists the options.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import models

from ai4sim.io.files import write_json
from ai4sim.nets import build
from ai4sim.nets.graph import Lattice
from benchmarks.turns import alone, largest, median, now, take_turns

log = logging.getLogger("gnn")

CHANNELS = {"in_channels": 1, "hidden_channels": 32, "out_channels": 1}
STACK = {**CHANNELS, "num_layers": 4, "jk": "last", "act": "silu"}
ATTENTION = {**STACK, "heads": 8}
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "GCN": ("GCN", STACK),
    "GCN, dropout": ("GCN", {**STACK, "dropout": 0.5}),
    "GIN": ("GIN", STACK),
    "GIN, dropout": ("GIN", {**STACK, "dropout": 0.5}),
    "GAT": ("GAT", ATTENTION),
    "GAT, dropout": ("GAT", {**ATTENTION, "dropout": 0.5}),
    "GraphUNet": ("GraphUNet", {**CHANNELS, "depth": 4, "pool_ratios": 0.5, "act": "silu"}),
}
LATTICE, TOPOLOGY = (64, 32, 32), (64, 64, 64)
SIZES: list[tuple[int, ...]] = [(25, 20, 20), (50, 50, 40), (100, 100, 100)]
QUICK_LATTICE, QUICK_TOPOLOGY = (16, 12, 8), (16, 16, 16)
QUICK_SIZES: list[tuple[int, ...]] = [(8, 8, 8), (16, 16, 16)]

Model = Callable[[Tensor], Tensor]


def networks(name: str) -> tuple[nn.Module, nn.Module]:
    """Build ours and torch_geometric's with the same weights."""
    torch.manual_seed(0)
    kind, arguments = NETS[name]
    ours, theirs = build({"name": kind, **arguments}), getattr(models, kind)(**arguments)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def on_lattice(net: nn.Module, shape: tuple[int, ...]) -> Model:
    """Give ours or torch_geometric's network as a function of a field (1, 1, *shape)."""
    if hasattr(net, "propagate"):
        return net
    edges = Lattice(1, shape).graph().edge_index
    return lambda x: net(x.reshape(-1, 1), edges).reshape(x.shape)


class Training:
    """A network, a sample, and an optimiser."""

    def __init__(self, net: nn.Module, shape: tuple[int, ...]) -> None:
        self.model = on_lattice(net, shape)
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
        generator = torch.Generator().manual_seed(1)
        self.x, self.y = torch.randn(2, 1, 1, *shape, generator=generator)

    def step(self) -> None:
        """Make a step."""
        self.optimizer.zero_grad()
        nn.functional.mse_loss(self.model(self.x), self.y).backward()
        self.optimizer.step()


def agreement(name: str, shape: tuple[int, ...]) -> dict[str, float]:
    """Compare outputs and gradients, without dropout, relative to the largest."""
    results = []
    for net in networks(name):
        training = Training(net.eval(), shape)
        output = training.model(training.x)
        (output - training.y).square().mean().backward()
        gradient = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
        results.append((output.detach(), gradient))
    return {
        key: float((a - b).abs().max() / b.abs().max())
        for key, a, b in zip(("output", "gradient"), *results, strict=True)
    }


def measure_training(name: str, shape: tuple[int, ...], repeats: int) -> dict[str, float]:
    """Median time of a step of both [s], after one that is not counted."""
    ours, theirs = (Training(net, shape) for net in networks(name))
    costs = take_turns({"ours": ours.step, "theirs": theirs.step}, repeats)
    mine, other = (median(some).cpu for some in costs.values())
    return {"ours": mine, "torch_geometric": other, "speed_up": other / mine}


def growth(name: str, which: int, shape: tuple[int, ...]) -> int:
    """Make one step in this process: growth of the largest resident set [bytes]."""
    torch.set_num_threads(1)
    Training(networks(name)[which], (4, 3, 2)).step()
    training = Training(networks(name)[which], shape)
    before = largest()
    training.step()
    return largest() - before


def measure_memory(name: str, shape: tuple[int, ...]) -> dict[str, float]:
    """Make one step of both, each in its own process."""
    found = [alone(growth, name, which, shape) for which in (0, 1)]
    return {"ours": found[0], "torch_geometric": found[1], "ratio": found[0] / found[1]}


def measure_topology(shape: tuple[int, ...], repeats: int) -> dict[str, float]:
    """Time to write out the edges of a lattice [s]: ours, the median; networkx's, once."""
    import networkx

    (ours,) = take_turns({"ours": Lattice(1, shape).graph}, repeats).values()
    start = now()
    grid = networkx.convert_node_labels_to_integers(networkx.grid_graph(dim=shape[::-1]))
    edges = torch.tensor(list(grid.edges))
    mine, other = median(ours).cpu, (now() - start).cpu
    graph = Lattice(1, shape).graph()
    if 2 * len(edges) != graph.edge_index.shape[1]:
        raise RuntimeError(f"networkx has {len(edges)} edges, a lattice {graph.edge_index.shape}")
    return {"ours": mine, "networkx": other, "speed_up": other / mine}


def measure_size(name: str, shapes: list[tuple[int, ...]]) -> dict[int, float]:
    """Median time of a step per node [s], by number of nodes."""
    found = {}
    for shape in shapes:
        nodes = math.prod(shape)
        training = Training(networks(name)[0], shape)
        repeats = max(3, min(20, 200_000 // nodes))
        (costs,) = take_turns({name: training.step}, repeats).values()
        found[nodes] = median(costs).cpu / nodes
    return found


def main() -> None:
    """Measure, and write the tables to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few nodes: does everything run?")
    parser.add_argument("--repeats", type=int, default=7, help="timed steps (default: 7)")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS), help="which ones")
    parser.add_argument("--space", type=int, nargs=3, help="lattice (default: 64 32 32)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    space = tuple(arguments.space or (QUICK_LATTICE if arguments.quick else LATTICE))
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    figures: dict[str, Any] = {"space": space}

    log.info("graph networks on a lattice of %s cells, one thread", " x ".join(map(str, space)))
    log.info("\n%-14s %15s %10s %7s", "memory", "torch_geometric", "ours", "ratio")
    figures["memory"] = {}
    for name in arguments.nets:
        m = figures["memory"][name] = measure_memory(name, space)
        sizes = m["torch_geometric"] / 2**20, m["ours"] / 2**20
        log.info("%-14s %11.0f MiB %6.0f MiB %7.2f", name, *sizes, m["ratio"])

    log.info("\n%-14s %15s %10s %7s", "training step", "torch_geometric", "ours", "faster")
    figures["training"] = {}
    for name in arguments.nets:
        t = figures["training"][name] = measure_training(name, space, arguments.repeats)
        row = (1e3 * t["torch_geometric"], 1e3 * t["ours"], t["speed_up"])
        log.info("%-14s %12.0f ms %7.0f ms %5.1f x", name, *row)

    log.info("\n%-14s %15s %10s", "agreement", "output", "gradient")
    figures["agreement"] = {name: agreement(name, space) for name in arguments.nets}
    for name, a in figures["agreement"].items():
        log.info("%-14s %15.1e %10.1e", name, a["output"], a["gradient"])

    shape = QUICK_TOPOLOGY if arguments.quick else TOPOLOGY
    g = figures["topology"] = measure_topology(shape, arguments.repeats)
    log.info("\nedges of %s cells", " x ".join(map(str, shape)))
    row = (g["networkx"], 1e3 * g["ours"], g["speed_up"])
    log.info("networkx %.1f s, ours %.1f ms: %.0f x faster", *row)

    shapes = QUICK_SIZES if arguments.quick else SIZES
    header = "".join(f"{math.prod(shape):>12,d}" for shape in shapes)
    log.info("\n%-14s%s", "us per node", header)
    figures["size"] = {name: measure_size(name, shapes) for name in arguments.nets}
    for name, times in figures["size"].items():
        log.info("%-14s%s", name, "".join(f"{1e6 * t:12.2f}" for t in times.values()))

    if arguments.json:
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
