"""The networks' part of ``benchmarks/wmed.py``: inference, training, and its memory."""

from __future__ import annotations

import logging
import statistics
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from ai4sim.module import SurrogateModule
from ai4sim.variables import Batch
from benchmarks.turns import (
    Cost,
    Row,
    TakingTurns,
    alone,
    largest,
    median,
    now,
    print_rates,
    print_shares,
    quieten,
    take_turns,
    train,
)
from benchmarks.wmed_graph import Grids, size_of
from wmed.data import CouplingDataModule
from wmed.io.graph import CouplingGraph, build
from wmed.io.layout import FLUXES, TARGETS, RhoLayout
from wmed.models import (
    CouplingModule,
    LitConstantBulk,
    LitCouplingGNN,
    LitMLP,
    LitTransferNet,
)
from wmed.nets.coupler import fluxes, on_own_points
from wmed.nets.coupling_net import CouplingNet, coupled
from wmed.nets.inputs import lowest_state, rho_inputs
from wmed.physics.bulk import ALGORITHMS, coare36
from wmed.physics.surface_layer import BulkFluxes, BulkState
from wmed.synthetic.events import DEMO
from wmed.synthetic.generate import generate

LAYOUT = RhoLayout()
NETWORKS: dict[str, Callable[[], CouplingModule]] = {
    "LitConstantBulk": LitConstantBulk,
    "LitTransferNet, no profile": partial(LitTransferNet, profile=False),
    "LitTransferNet": LitTransferNet,
    "LitTransferNet, linear map": partial(LitTransferNet, encoder="linear", features=32, layers=2),
    "LitMLP": LitMLP,
    "LitCouplingGNN": LitCouplingGNN,
}
TRAINED = ("LitTransferNet", "LitCouplingGNN")
ITERATIONS = (5, 10)
ROWS = 16_384
"""Rows that a network takes at once on a CPU."""
EVENTS = 2
"""Events of the demo to train on."""
FORTRAN = "AeroBulk in Fortran, published, another machine, NOT measured here: 0.51 | 0.32"
Ways = dict[str, Callable[[], object]]
Pair = tuple[Callable[[], object], Callable[[], object]]
"""From fields to fluxes, and the algorithm or the network alone."""


def set_up() -> None:
    """Take one thread, and say nothing between the tables."""
    torch.set_num_threads(1)
    quieten()
    logging.getLogger("wmed").setLevel(logging.ERROR)


def made_up_states(grids: Grids, graph: CouplingGraph, labels: bool = False) -> dict[str, Tensor]:
    """Draw plausible states of one time, with `labels` also fluxes that do not belong to them."""
    generator = torch.Generator().manual_seed(0)

    def draw(mean: float | Tensor, std: float, *shape: int) -> Tensor:
        return mean + std * torch.randn(1, *shape, generator=generator)

    nodes, levels = graph.atmosphere_nodes, LAYOUT.levels
    height = torch.linspace(10, 1460, levels)
    profiles = [
        draw(4, 3, nodes, levels),
        draw(-2, 3, nodes, levels),
        draw(287 + 0.004 * height, 0.5, nodes, levels),
        draw(8e-3, 1e-3, nodes, levels),
        draw(101_300 - 11.5 * height, 50, nodes, levels),
    ]
    sizes = graph.sizes
    found = {
        "atmosphere": torch.cat(profiles, dim=-1),
        "sst": draw(288, 1, sizes["rho"]),
        "current_u": draw(0, 0.2, sizes["u"]),
        "current_v": draw(0, 0.2, sizes["v"]),
        "sun": torch.tensor([[0.2, 0.3, 1361.0]]),
    }
    if labels:
        points = {"tau_x": "u", "tau_y": "v"}
        found |= {name: draw(0, 1, sizes[points.get(name, "rho")]) for name in TARGETS}
    return found


# --- Inference ---


def by_coare(state: Mapping[str, Any], graph: CouplingGraph, iterations: int) -> dict[str, Tensor]:
    """Return the turbulent fluxes of COARE 3.6 on the ocean's points; no radiation.

    Parameters
    ----------
    state : mapping of str to Tensor
        See :func:`wmed.nets.inputs.lowest_state`.
    graph : CouplingGraph
    iterations : int
    """
    bulk = coare36(**state, iterations=iterations)
    tau_x, tau_y = graph.to_faces(bulk.tau_x, bulk.tau_y)
    return {"tau_x": tau_x, "tau_y": tau_y, "latent": bulk.latent, "sensible": bulk.sensible}


@torch.inference_mode()
def print_inference(grids: Grids, device: str, bf16: bool, rows: int, repeats: int) -> None:
    """Print points per second of networks and COARE, and of the parts of both."""
    cuda = device == "cuda"
    graph = build(*grids)
    fields = {n: v.to(device) for n, v in made_up_states(grids, graph).items()}
    graph = graph.to(device)
    inputs = rho_inputs(fields, graph, LAYOUT)
    cast = partial(torch.autocast, device, torch.bfloat16, enabled=bf16)

    state = lowest_state(fields, graph, 10.0)

    def coare(iterations: int) -> Pair:
        return (
            lambda: by_coare(lowest_state(fields, graph, 10.0), graph, iterations),
            lambda: by_coare(state, graph, iterations),
        )

    def network(make: Callable[[], CouplingModule], at_once: int) -> Pair:
        surrogate = make().surrogate.to(device).eval()
        surrogate.max_nodes = at_once or None
        hetero = coupled(graph, fields) if isinstance(surrogate.net, CouplingNet) else None

        def whole() -> object:
            with cast():
                return fluxes(surrogate, fields, graph)

        def part() -> object:
            with cast():
                return surrogate(inputs[0], graph=hetero)

        return whole, part

    pairs = {f"COARE 3.6, {n} iterations": coare(n) for n in ITERATIONS}
    pairs |= {name: network(make, rows) for name, make in NETWORKS.items()}
    if 0 < rows < graph.sizes["rho"]:
        pairs["LitTransferNet, all rows at once"] = network(LitTransferNet, 0)
    whole = {name: pair[0] for name, pair in pairs.items()}
    parts: Ways = {name: pair[1] for name, pair in pairs.items()}
    parts["interpolation, lowest level"] = lambda: lowest_state(fields, graph, 10.0)
    parts["interpolation and sun"] = lambda: rho_inputs(fields, graph, LAYOUT)
    parts["to the faces, and the sum"] = lambda: on_own_points(inputs[..., : len(FLUXES)], graph)

    where = torch.cuda.get_device_name() if cuda else "one core"
    print(f"\ninference: {size_of(grids)}; {where}, {'bf16' if bf16 else 'float32'}")
    clock = "wall" if cuda else "cpu"
    for title, ways in (("from fields to fluxes", whole), ("steps alone", parts)):
        print_speeds(title, take_turns(ways, repeats, cuda), graph.sizes["rho"], clock)
    print(f"  {FORTRAN} ({' | '.join(map(str, ITERATIONS))} iterations)")


def print_speeds(title: str, costs: dict[str, list[Cost]], points: int, clock: str) -> None:
    """Print million points per second of each way, and what COARE takes relative to it."""
    references = [f"COARE 3.6, {n} iterations" for n in ITERATIONS]
    heads = "".join(f"{f'/ COARE, {n}':>13s}" for n in ITERATIONS) + f"{'/ Transfer':>13s}"
    references.append("LitTransferNet")
    print(f"  {title + ', M points/s':34s}{'wall':>9s}{'cpu':>9s}{heads}   ({clock} time)")
    for way, some in costs.items():
        wall, cpu = (rate / 1e6 for rate in median(some).rates(points))
        ratios = [
            statistics.median(
                getattr(r / c, clock) for r, c in zip(costs[reference], some, strict=True)
            )
            for reference in references
        ]
        print(f"  {way:34s}{wall:9.3f}{cpu:9.3f}" + "".join(f"{ratio:13.2f}" for ratio in ratios))


# --- Compiled formulae ---


def print_formulae(points: int, repeats: int) -> None:
    """Print what PyTorch takes relative to the compiled loops, from states to all fluxes."""
    print(f"\nbulk formulae, PyTorch / compiled: {points:,} points, one thread, 10 iterations")
    print(
        f"  {'':22s}{'M points/s':>12s}{'wall':>9s}{'cpu':>9s}{'error [W/m2]':>15s}{'PyTorch':>10s}"
    )
    for name, algorithm in ALGORITHMS.items():
        for dtype in (torch.float32, torch.float64):
            state = drawn_states(points, dtype)
            given = BulkState(**state)
            in_pytorch = reference_of(algorithm)
            ways: Ways = {
                "compiled": partial(algorithm, **state),
                "PyTorch": partial(in_pytorch, given),
            }
            costs = take_turns(ways, repeats)
            ratio = median(a / b for a, b in zip(costs["PyTorch"], costs["compiled"], strict=True))
            exact = in_pytorch(BulkState(*(value.double() for value in given))).latent
            errors = [
                (found.latent - exact).abs().max().item()
                for found in (algorithm(**state), in_pytorch(given))
            ]
            rate = median(costs["compiled"]).rates(points)[1] / 1e6
            label = f"{name}, {str(dtype).removeprefix('torch.')}"
            print(
                f"  {label:22s}{rate:12.2f}{ratio.wall:9.2f}{ratio.cpu:9.2f}"
                f"{errors[0]:15.1e}{errors[1]:10.1e}"
            )


def reference_of(algorithm: Callable[..., BulkFluxes]) -> Callable[..., BulkFluxes]:
    """Return the form in PyTorch, a function of a state."""
    function: Any = getattr(algorithm, "func", algorithm)
    return partial(function.__wrapped__.__wrapped__, **getattr(algorithm, "keywords", {}))


def drawn_states(points: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """Draw weather: winds up to 25 m/s, air up to 8 K colder and 4 K warmer than the sea."""
    generator = torch.Generator().manual_seed(0)

    def between(low: float, high: float) -> Tensor:
        return (low + (high - low) * torch.rand(points, generator=generator)).to(dtype)

    sst = between(284, 301)
    return {
        "wind_x": between(-18, 18),
        "wind_y": between(-18, 18),
        "air_temperature": sst + between(-8, 4),
        "specific_humidity": between(0.003, 0.015),
        "pressure": between(99_000, 103_000),
        "sea_surface_temperature": sst,
    }


# --- Training ---


class FieldTurns(TakingTurns):
    """The same for fields on a graph: the bare step is the module's own, without a Trainer."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the optimiser, and let the Trainer go: nothing is logged without one."""
        super().on_train_start(trainer, pl_module)
        self.module.trainer = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let the bare step have its turn."""
        self.stop()
        start = now()
        for batch in self.batches:
            step(self.module, self.optimizer, batch)
        self.bare.append(now() - start)
        self.start = now()


def step(module: SurrogateModule, optimizer: torch.optim.Optimizer, batch: Batch) -> None:
    """Make one step of the optimiser."""
    loss: Tensor = module.training_step(batch, 0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def print_training(shape: tuple[int, int], epochs: int) -> None:
    """Print the throughput of the Trainer on some events of the demo."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder, DEMO[:EVENTS], shape=shape, workers=1)
        rows = [train_one(network, folder, epochs) for network in TRAINED]
    times = rows[0].samples // rows[0].batch
    size = f"{shape[0]} x {shape[1]}"
    print(f"\ntraining on {times} times of {size} points: rho points/s, share of bare step")
    print_rates(rows)
    print_shares(rows)


def train_one(name: str, folder: Path, epochs: int) -> Row:
    """Train a network on the raw files of a folder, in turn with the bare step."""
    data = CouplingDataModule(str(folder))
    data.prepare_files(data.raw_files())
    modules = []
    for _ in range(2):
        torch.manual_seed(0)
        modules.append(NETWORKS[name]())
        modules[-1].calibrate(data)
    batches = [
        {**data.on_after_batch_transfer(batch, 0), "targets": batch["sst"].flatten()}
        for batch in data.train_dataloader()
    ]
    source = CouplingDataModule(str(folder))
    turns = FieldTurns(modules[0], batches)
    return train(f"Trainer, {name}", modules[1], turns, folder, epochs, datamodule=source)


def memory_of_step(name: str, grids: Grids, device: str, bf16: bool) -> int:
    """Make one step of one time in this process; return what it takes [bytes]."""
    set_up()
    module = NETWORKS[name]().to(device)
    optimizer = torch.optim.AdamW(module.parameters())
    graph = build(*grids)
    batch: Batch = {n: v.to(device) for n, v in made_up_states(grids, graph, labels=True).items()}
    batch["graph"] = graph.to(device)
    before = largest()
    with torch.autocast(device, torch.bfloat16, enabled=bf16):
        step(module, optimizer, batch)
    return int(torch.cuda.max_memory_allocated()) if device == "cuda" else largest() - before


def print_memory(grids: Grids, device: str, bf16: bool) -> None:
    """Print what a step of each network takes."""
    what = "allocated, at most" if device == "cuda" else "growth of the resident set"
    print(f"\nmemory of a training step on one time: {size_of(grids)}; {device}, {what}")
    for name in TRAINED:
        print(f"  {name:34s}{alone(memory_of_step, name, grids, device, bf16) / 1e9:8.2f} GB")
