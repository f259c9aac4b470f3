"""The networks' part of ``benchmarks/columns.py``: how fast they train, and what they cost."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.turns import (
    Contender,
    TakingTurns,
    median,
    print_rates,
    print_shares,
    train,
)
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.models import (
    CorrectionModule,
    LitAttentionCNN,
    LitBiRNN,
    LitUnet1D,
)
from weather_forecast.bias_correction.nets.correction_net import CorrectionNet
from weather_forecast.bias_correction.physics.solver import radiative_fluxes
from weather_forecast.bias_correction.synthetic.columns import draw_columns
from weather_forecast.bias_correction.synthetic.generate import scattered_places

LAYOUT = RadiationLayout()
NETWORKS: dict[str, Callable[[], CorrectionModule]] = {
    "LitBiRNN": partial(LitBiRNN, loss="mae"),
    "LitBiRNN, lean": partial(LitBiRNN, features=32, cell="linear", clear_levels=55, loss="mae"),
    "LitUnet1D": partial(LitUnet1D, loss="mae"),
    "LitAttentionCNN": partial(LitAttentionCNN, loss="mae"),
}
TRAINED = ("LitBiRNN", "LitUnet1D")
SOLVERS = {"Tripleclouds": False, "SPARTACUS": True}
ECRAD = {"Tripleclouds": "3.3 | 0.84", "SPARTACUS": "13.5 | 3.2"}
"""What ecRad takes on one core [ms/column], published: with RRTMG | with ecCKD."""
TIME = datetime.datetime(2021, 6, 21, 12)
SIZES = (16, 32, 64, 128, 256)
"""Batch sizes of inference that are tried."""


def measure_training(folder: Path, batch_sizes: Sequence[int], epochs: int) -> None:
    """Print the throughput of the Trainer, on half of the raw files of a folder."""

    def data(batch_size: int) -> RadiationDataModule:
        return RadiationDataModule(
            str(folder), ratios=(0.5, 0.5, 0.0), gap=0, batch_size=batch_size
        )

    files = data(1)
    files.prepare_files(files.raw_files())

    def module(name: str) -> CorrectionModule:
        torch.manual_seed(0)
        module = NETWORKS[name]()
        module.calibrate(files)
        return module

    rows = []
    for name in TRAINED:
        for batch_size in batch_sizes:
            turns = TakingTurns(module(name), list(data(batch_size).train_dataloader()))
            way, source = f"Trainer, {name}", data(batch_size)
            rows.append(train(way, module(name), turns, folder, epochs, datamodule=source))
    print(f"\ntraining on {files.count('train'):,} columns: columns/s, share of bare step")
    print_rates(rows)
    print_shares(rows)


def drawn_columns(count: int) -> Tensor:
    """Return columns of places all over the globe, one in five of them by night."""
    return draw_columns(TIME, *scattered_places(TIME, count))


def contenders(x: Tensor) -> list[Contender]:
    """Return the two solvers, then the networks."""

    def solver(transport: bool) -> Callable[[Tensor], object]:
        return lambda some: radiative_fluxes(
            LAYOUT.split_inputs(some), transport=transport, chunk=len(some)
        )

    def network(module: CorrectionModule) -> Callable[[Tensor], object]:
        net = module.surrogate.net
        if isinstance(net, CorrectionNet):  # that the features have their usual size
            net.calibrate(x, torch.randn(len(x), LAYOUT.output_channels))
        return module.surrogate.eval()

    schemes = [
        Contender(name, solver(transport), (x,), ECRAD[name]) for name, transport in SOLVERS.items()
    ]
    return schemes + [Contender(name, network(net()), (x,)) for name, net in NETWORKS.items()]


@torch.inference_mode()
def measure_cost(count: int, repeats: int) -> None:
    """Print milliseconds per column of solvers and networks, and the networks' share."""
    x = drawn_columns(count)
    found = contenders(x)
    for contender in found:
        contender.choose_size("cpu", SIZES)
    turns = [[contender.time() for contender in found] for _ in range(repeats)]
    day = int((LAYOUT.split_inputs(x)["cos_solar_zenith_angle"] > 0).sum())
    print(f"\ncost on one core: ms/column, {count} columns, {day} of them by day")
    print("  shares in processor time; the extra is what SPARTACUS takes more than Tripleclouds")
    print(
        f"{'':18s}{'batch':>6s}{'wall':>9s}{'cpu':>9s}{'/ Tripleclouds':>17s}{'/ extra':>11s}"
        "   published: ecRad, one core, RRTMG | ecCKD"
    )
    for i, contender in enumerate(found):
        cost = median(turn[i] for turn in turns)
        of_cheap = median(turn[i] / turn[0] for turn in turns).cpu
        of_extra = median(turn[i] / (turn[1] - turn[0]) for turn in turns).cpu
        line = f"  {contender.name:16s}{contender.size:6d}{1e3 * cost.wall:9.2f}"
        line += f"{1e3 * cost.cpu:9.2f}{100 * of_cheap:15.1f} %{100 * of_extra:9.1f} %"
        print(f"{line}   {contender.published}".rstrip())
