"""Speed of native libraries: columns per second of both back ends beside PyTorch, on one thread.

    python -m benchmarks.coupling [--networks gwd-mlp sea-fluxes] [--backends c aoti]

Networks have random weights and the statistics of synthetic columns. Libraries are called through
their interface for C, in single precision, level first. All contenders take turns; what counts is
the median of the ratios of neighbours, in processor time: other programs disturb it less.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ai4sim.native.c.generate import write_network
from ai4sim.native.compare import parts_of
from ai4sim.native.library import build, write_sources
from ai4sim.native.network import compile_network
from ai4sim.native.routine import Columns
from ai4sim.surrogate import Surrogate
from benchmarks.correction import LAYOUT as RADIATION, NETWORKS as CORRECTIONS, drawn_columns
from benchmarks.turns import quieten, take_turns
from weather_forecast.bias_correction.nets.correction_net import CorrectionNet
from weather_forecast.bias_correction.nets.routine import routine as radiation_routine
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.routine import routine as drag_routine
from weather_forecast.gwd.synthetic.columns import draw_columns
from weather_forecast.gwd.synthetic.generate import GRID, inputs, snapshot_grid
from wmed.io.layout import RhoLayout
from wmed.nets.routine import of_points as sea_routine

PASS = 0.1
"""Seconds of a contender's turn, about."""
SPREAD = 1e-5
"""The size of a tendency  [m/s2]."""


def drag(net: str, **options: Any) -> tuple[Columns, Tensor]:
    """Return an emulator of non-orographic drag without training, and columns."""
    layout = DragLayout("nogwd", 63)
    latitude, longitude = snapshot_grid(*GRID)
    x = inputs(draw_columns(datetime.date(2015, 1, 1), latitude, longitude), layout)
    surrogate = Surrogate({"name": net, **options}, layout.inputs, layout.outputs)
    surrogate.facts = {"scheme": "nogwd", "output_scale": None}
    if net == "MomentumFluxNet":
        scale = torch.full((layout.output_channels,), SPREAD)
        surrogate.net.calibrate(x, scale)  # type: ignore[operator]
    else:
        surrogate.input_norm.set(x.mean(0), x.std(0).clamp(min=1e-3))
    surrogate.output_norm.set(0.0, torch.full((layout.output_channels,), SPREAD))
    rows = torch.cat([x[:, :-1], latitude.float()[:, None]], -1)
    return drag_routine(surrogate.eval()), rows[torch.randperm(len(rows))]


def sea(net: str, **options: Any) -> tuple[Columns, Tensor]:
    """Return a network of sea fluxes without training, and points."""
    layout = RhoLayout(15)
    surrogate = Surrogate({"name": net, **options}, layout.inputs, layout.outputs)
    n, levels = 4096, torch.arange(15.0)
    typical = {
        "wind_x": torch.randn(n, 15) * 5,
        "wind_y": torch.randn(n, 15) * 5,
        "potential_temperature": 290 + levels + torch.randn(n, 1) * 3,
        "mixing_ratio": 0.008 * torch.exp(-levels / 6) * (0.8 + 0.4 * torch.rand(n, 1)),
        "pressure": 101000 - 600 * levels + torch.randn(n, 1) * 500,
        "sea_surface_temperature": 291 + torch.randn(n, 1),
        "current_x": torch.randn(n, 1) * 0.2,
        "current_y": torch.randn(n, 1) * 0.2,
        "cos_zenith": torch.rand(n, 1),
        "toa_shortwave": 1361 * torch.rand(n, 1),
    }
    return sea_routine(surrogate.eval()), torch.cat([typical[v.name] for v in layout.inputs], -1)


def radiation(name: str) -> tuple[Columns, Tensor]:
    """Return a network of radiation's corrections without training, and columns."""
    rows = drawn_columns(256)
    surrogate = CORRECTIONS[name]().surrogate
    assert isinstance(surrogate.net, CorrectionNet)
    channels = sum(v.channels for v in RADIATION.outputs)
    surrogate.net.calibrate(rows, torch.randn(len(rows), channels))
    surrogate.output_norm.set(0.0, surrogate.net.output_scale)
    return radiation_routine(surrogate.eval()), rows


NETWORKS: dict[str, Callable[[], tuple[Columns, Tensor]]] = {
    "gwd-mlp": lambda: drag("MLP", in_channels=191, out_channels=126, features=256, layers=3),
    "flux-net-0": lambda: drag("MomentumFluxNet", phase_speeds=0),
    "flux-net-8": lambda: drag("MomentumFluxNet", phase_speeds=8),
    "radiation-rnn": lambda: radiation("LitBiRNN"),
    "radiation-lean": lambda: radiation("LitBiRNN, lean"),
    "radiation-unet": lambda: radiation("LitUnet1D"),
    "radiation-attention": lambda: radiation("LitAttentionCNN"),
    "sea-fluxes": lambda: sea("BulkFluxNet"),
    "sea-fluxes-surface": lambda: sea("BulkFluxNet", profile=False),
}


@dataclass
class Called:
    """A library in a folder, called with rows of channels."""

    routine: Columns
    folder: Path

    def __post_init__(self) -> None:
        library = ctypes.CDLL(str(self.folder / f"lib{self.routine.name}.so"))
        self.function = getattr(library, self.routine.name)

    def on(self, rows: Tensor) -> Callable[[], None]:
        """Return a call on columns."""
        n, r = len(rows), self.routine
        given = [np.ascontiguousarray(part.numpy()) for part in parts_of(rows, r.inputs)]
        given += [np.empty((n, v.channels), np.float32) for v in r.outputs]
        arguments = [ctypes.c_int64(n), *(a.ctypes.data_as(ctypes.c_void_p) for a in given)]

        def call(keep: Any = given) -> None:
            if self.function(*arguments):
                raise RuntimeError(f"{r.name} failed")

        return call


def _processor_seconds() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def library(routine: Columns, folder: Path, rows: Tensor, backend: Any) -> Called:
    """Make a library with a back end, and print how long that takes."""
    begun = _processor_seconds()
    write_sources(routine, folder, (rows[:64],), "native", backend)
    if backend == "c":
        write_network(routine, folder / "source")
    else:
        compile_network(routine, folder / f"lib{routine.name}_network.so", "native")
    build(routine, folder, backend)
    print(f"  {backend}: made in {_processor_seconds() - begun:.0f} s of processor time")
    return Called(routine, folder)


def repeated(call: Callable[[], object], seconds: float) -> tuple[Callable[[], None], int]:
    """Return so many calls as take that long, and their number."""
    call()
    begun = time.process_time()
    call()
    count = max(1, int(seconds / max(time.process_time() - begun, 1e-6)))

    def calls() -> None:
        for _ in range(count):
            call()

    return calls, count


def eager(module: nn.Module, rows: Tensor) -> Callable[[], object]:
    """Return PyTorch's call on columns."""

    def call() -> object:
        with torch.inference_mode():
            return module(rows)

    return call


def main() -> None:
    """Make the libraries, let all take turns, print columns per second and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--backends", nargs="+", choices=("c", "aoti"), default=["c", "aoti"])
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name in arguments.networks:
        routine, rows = NETWORKS[name]()
        print(f"{name}, blocks of {routine.block}")
        with tempfile.TemporaryDirectory() as folder:
            made = {}
            for backend in arguments.backends:
                (Path(folder) / backend).mkdir()
                made[backend] = library(routine, Path(folder) / backend, rows, backend)
            for n in (1, routine.block):
                ways = {"eager": eager(routine.module.eval(), rows[:n])}
                ways |= {backend: called.on(rows[:n]) for backend, called in made.items()}
                turns = {way: repeated(call, PASS) for way, call in ways.items()}
                costs = take_turns(
                    {way: calls for way, (calls, _) in turns.items()}, arguments.turns
                )
                each = {way: [c.cpu / turns[way][1] for c in costs[way]] for way in ways}
                for way, times in each.items():
                    pairs = zip(each["eager"], times, strict=True)
                    ratio = statistics.median(reference / t for reference, t in pairs)
                    rate = n / statistics.median(times)
                    print(f"  n = {n:5d}  {way:6s} {rate:12,.0f} columns/s  {ratio:6.2f} x eager")


if __name__ == "__main__":
    main()
