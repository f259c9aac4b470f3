"""Speed of the emulators of gravity wave drag: training through the Trainer, and inference.

    python benchmarks/gwd.py

training
    Samples per second of a network on columns in the raw layout, in a temporary folder:

    *bare step*: forward, loss, backward and optimiser on batches that wait in memory, in a loop
    without Lightning;
    *Trainer*: the same network and optimiser through Lightning and ``ColumnDataModule``, as
    ``trainer.py`` has them (TensorBoard, a log every 10 steps) but for validation, checkpoints and
    progress bar;
    *usual way*: the same network through Lightning, but samples are taken one by one out of a
    ``Dataset`` and collated by a ``DataLoader``, and loss and R2 are logged in each step. Once from
    arrays in memory, and once from the raw files, as one does where they do not fit in memory.

    All epochs of a Trainer, but for the first, take turns with epochs of the bare step over as many
    batches; what is compared is the median of the ratios of neighbours.
inference
    Columns per second of the networks and of the schemes that they emulate, in physical units, at
    the batch size that suits each best. All take turns. The schemes are those of
    ``weather_forecast.gwd``: compiled loops on a CPU, torch on a GPU. Beside them stand the
    published figures of the IFS' own Fortran on one core of another machine, which are not measured
    here.

Other programs disturb processor time less than they disturb wall-clock time: both are given. The
processor time of a Trainer lacks that of its loader's worker processes.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.functional import r2_score

from benchmarks.turns import (
    Contender,
    Row,
    TakingTurns,
    bare_epoch,
    median,
    print_rates,
    print_shares,
    quieten,
    train,
)
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.layout import write_columns
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.models import DragModule, LitCNN, LitFluxNet, LitMLP, LitStressNet
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, nonorographic_drag
from weather_forecast.gwd.physics.ogwd import MountainColumns, orographic_drag
from weather_forecast.gwd.synthetic.columns import draw_columns
from weather_forecast.gwd.synthetic.generate import GRID, inputs, snapshot_grid

log = logging.getLogger("gwd")

NOGWD, OGWD = DragLayout("nogwd", 63), DragLayout("ogwd", 91)
PER_FILE = GRID[0] * GRID[1]
NAMES = {"x": "inputs", "y": "targets"}
NETWORKS: dict[str, Callable[[], DragModule]] = {
    "mlp-256x3": partial(LitMLP, features=256, layers=3, residual=False),
    "mlp-512x4": partial(LitMLP, features=512, layers=4),
    "cnn": LitCNN,
    "flux-net": LitFluxNet,
}
# Azimuths and phase speeds of the scheme, and what is published of the IFS' own: columns per second
# on one core, double | single precision.
FORTRAN = {
    (16, 100): "5,000 | 10,000",
    (16, 20): "",
    (4, 32): "48,000-84,000 | 94,000-137,000",
    (4, 20): "68,000-114,000 | 113,000-161,000",
}
FORTRAN_OGWD = "110,000-178,000 | 172,000-225,000"
BATCHES = (SMALL := 256, 1024, 4096)
SIZES = (64, 128, 256, 512, 1024, 2048, 4096)
"""Batch sizes of inference that are tried."""
PASS = 0.2
"""Seconds that a contender gets at a time on a CPU, about."""
GOAL_USUAL = 8.0


def made_up_columns(layout: DragLayout, files: int) -> list[tuple[Tensor, Tensor]]:
    """Return inputs and latitude of a few days, as they are in a raw file each.

    A synthetic day is varied by some percent: what the columns look like does not matter here.
    """
    latitude, longitude = snapshot_grid(*GRID)
    x = inputs(draw_columns(datetime.date(2015, 1, 1), latitude, longitude), layout)
    generator = torch.Generator().manual_seed(0)
    factors = 1 + 0.02 * torch.randn(files, len(x), 1, generator=generator).clamp(-3, 3)
    return [(x * factor, latitude.float()) for factor in factors]


def write_raw(folder: Path, files: int) -> None:
    """Write raw files, with tendencies that mean nothing, and one more to validate on."""
    generator = torch.Generator().manual_seed(1)
    names = []
    for day, (x, latitude) in enumerate(made_up_columns(NOGWD, files + 1)):
        names.append(f"{datetime.date(2015, 1, 1) + datetime.timedelta(days=day)}.h5")
        y = 1e-5 * torch.randn(len(x), NOGWD.output_channels, generator=generator)
        write_columns(folder / "raw" / names[-1], NOGWD, x, y, latitude, GRID)
    lines = ["train:", *(f"- {name}" for name in names[:-1]), f"val: [{names[-1]}]", "test: []"]
    (folder / "splits.yaml").write_text("\n".join(lines) + "\n")


class Samples(Dataset):
    """The usual data set: one normalised sample after the other, out of arrays in memory."""

    def __init__(self, data: ColumnDataModule, module: DragModule) -> None:
        norms = (module.surrogate.input_norm, module.surrogate.output_norm)
        self.norms = [(norm.mean.numpy(), norm.std.numpy()) for norm in norms]
        self.count = data.count("train")
        self.open(data)

    def open(self, data: ColumnDataModule) -> None:
        """Read all columns."""
        batches = list(data.train_dataloader())
        self.arrays = [torch.cat([b[name] for b in batches]).numpy() for name in NAMES.values()]

    def columns(self, index: int) -> list[NDArray[np.float32]]:
        """Return x and y of a column."""
        return [array[index] for array in self.arrays]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        """Return a normalised sample."""
        pairs = zip(self.columns(index), self.norms, strict=True)
        return tuple(torch.from_numpy((values - mean) / std) for values, (mean, std) in pairs)


class SamplesOnDisk(Samples):
    """The same where the raw files do not fit in memory: each sample is read when it is wanted."""

    def open(self, data: ColumnDataModule) -> None:
        """Open the files."""
        self.opened = [h5py.File(path) for path in data.files("train")]

    def columns(self, index: int) -> list[NDArray[np.float32]]:
        """Read x and y of a column."""
        file, place = divmod(index, PER_FILE)
        i, j = divmod(place, GRID[1])
        return [self.opened[file][name][:, i, j] for name in NAMES]


class UsualModule(pl.LightningModule):
    """The usual module around a network: loss and R2 in each step."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        prediction = self.net(batch[0])
        loss = nn.functional.mse_loss(prediction, batch[1])
        self.log("train_loss", loss, on_step=True, prog_bar=True)
        self.log("train_r2", r2_score(prediction, batch[1]), on_step=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


class Training:
    """Ways to train one network on the raw files of a folder."""

    def __init__(self, folder: Path, network: str, epochs: int) -> None:
        self.folder, self.network, self.epochs = folder, network, epochs
        data = self.data()
        data.prepare_files(data.raw_files())

    def data(self, batch: int = SMALL) -> ColumnDataModule:
        """Return the use case's data module."""
        return ColumnDataModule(str(self.folder), batch_size=batch)

    def module(self) -> DragModule:
        """Return the calibrated network, always with the same weights."""
        torch.manual_seed(0)
        module = NETWORKS[self.network]()
        module.calibrate(self.data())
        return module

    def fit(
        self, way: str, batch: int, module: pl.LightningModule, limit: int | None, **source: Any
    ) -> Row:
        """Train with a Trainer, in turn with the bare step, on up to `limit` batches an epoch."""
        log.info("training: %s, batch %d", way, batch)
        held = list(self.data(batch).train_dataloader())[:limit]
        turns = TakingTurns(self.module(), held, bf16="bf16" in way)
        log_every = 10 if isinstance(module, DragModule) else 50
        return train(way, module, turns, self.folder, self.epochs, log_every, **source)

    def ours(self, batch: int, precision: str = "") -> Row:
        """Train as the use case does."""
        module = self.module()
        return self.fit(f"Trainer{precision}", batch, module, None, datamodule=self.data(batch))

    def usual(self, way: str, samples: type[Samples], workers: int, limit: int | None) -> Row:
        """Train as is usual."""
        module = self.module()
        loader = DataLoader(
            samples(self.data(), module),
            SMALL,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        net = UsualModule(module.surrogate.net)
        return self.fit(f"usual way, {way}", SMALL, net, limit, train_dataloaders=loader)

    def bf16_gain(self) -> float:
        """Return how much faster the bare step is with bf16 autocast, in processor time."""
        module, batches = self.module(), list(self.data().train_dataloader())[:4]
        steps = partial(bare_epoch, module, torch.optim.AdamW(module.parameters()), batches)
        ratios = [steps(bf16=False) / steps(bf16=True) for _ in range(4)]
        return median(ratios[1:]).cpu


def measure_training(network: str, columns: int, epochs: int) -> None:
    """Print the table of training, and the ratios."""
    files = max(columns // PER_FILE, 1)
    with tempfile.TemporaryDirectory() as folder:
        write_raw(Path(folder), files)
        training = Training(Path(folder), network, epochs)
        ours = [training.ours(batch) for batch in BATCHES]
        usual = [
            training.usual("in memory", Samples, 0, None),
            training.usual("in memory, 2 workers", Samples, 2, None),
            training.usual("read from HDF5", SamplesOnDisk, 0, 4),
        ]
        gain = training.bf16_gain()
        if gain > 1:
            ours += [training.ours(batch, ", bf16") for batch in BATCHES]
    print(f"\ntraining {network} on {files * PER_FILE:,} columns: samples/s, share of bare step")
    print_rates(ours, usual)
    print(f"bf16 autocast has {gain:.2f} x the speed of float32" + ", left out" * (gain <= 1))
    print_shares(ours)
    for row in usual:
        label, ratio = f"Trainer / {row.way}, batch {SMALL}", ours[0].share / row.share
        print(f"{label:52s}{ratio.wall:8.1f}{ratio.cpu:8.1f}{f'>= {GOAL_USUAL}':>9s}")


def affordable(contender: Contender, clock: str) -> Contender:
    """Return a contender with as many columns as fill the time of a pass on a CPU."""
    few = replace(contender.first(SIZES[0]), size=SIZES[0])
    few.time()  # not counted
    most = max(PASS / getattr(few.time(), clock), SIZES[0])
    return contender.first(max(size for size in SIZES if size <= most))


def contenders(layout: DragLayout, device: str) -> list[Contender]:
    """Return schemes and networks of a layout; first the scheme as it made the labels."""
    days = made_up_columns(layout, 3)
    x, latitude = (torch.cat(part).to(device) for part in zip(*days, strict=True))

    def spectral(azimuths: int, speeds: int) -> Callable[[Tensor, Tensor], object]:
        def run(x: Tensor, latitude: Tensor) -> object:
            u, v, t, p, _ = NOGWD.split_inputs(x).values()
            spectrum = WaveSpectrum(azimuths, speeds)
            return nonorographic_drag(u, v, t, p, latitude, spectrum, chunk=len(x))

        return run

    def orographic(x: Tensor, latitude: Tensor) -> object:
        return orographic_drag(MountainColumns.of_rows(x, OGWD.levels))

    def learned(module: DragModule) -> Callable[[Tensor, Tensor], object]:
        if isinstance(module, LitMLP | LitCNN):
            module.surrogate.input_norm.set(x.mean(0).cpu(), x.std(0).cpu())
        module.to(device).eval()
        return lambda x, latitude: module({"inputs": x, "latitude": latitude})

    schemes: dict[str, tuple[Callable[[Tensor, Tensor], object], str]]
    networks: dict[str, DragModule]
    if layout == OGWD:
        schemes = {"scheme": (orographic, FORTRAN_OGWD)}
        networks = {
            "StressNet": LitStressNet(),
            "MLP 512x4": LitMLP(scheme="ogwd", levels=91),
            "CNN": LitCNN(scheme="ogwd", levels=91),
        }
    else:
        schemes = {
            f"scheme {azimuths}x{speeds}": (spectral(azimuths, speeds), published)
            for (azimuths, speeds), published in FORTRAN.items()
        }
        networks = {
            "MomentumFluxNet, 8 phase speeds": LitFluxNet(),
            "MomentumFluxNet, no phase speeds": LitFluxNet(phase_speeds=0),
            "MLP 256x3": LitMLP(features=256, layers=3),
            "MLP 512x4": LitMLP(),
            "CNN": LitCNN(),
        }
    return [
        Contender(f"{name} {str(dtype)[6:]}", run, (x.to(dtype), latitude), published)
        for name, (run, published) in schemes.items()
        for dtype in (torch.float64, torch.float32)
    ] + [Contender(name, learned(module), (x, latitude)) for name, module in networks.items()]


@torch.inference_mode()
def measure_inference(layout: DragLayout, repeats: int, device: str) -> None:
    """Print the table of a layout on a device."""
    clock = "wall" if device == "cuda" else "cpu"
    found = contenders(layout, device)
    if device == "cpu":
        found = [affordable(contender, clock) for contender in found]
    for contender in found:
        log.info("inference on %s: %s, %s", device, layout.scheme, contender.name)
        contender.choose_size(clock, SIZES)
    turns = [[contender.time() for contender in found] for _ in range(repeats)]
    where = torch.cuda.get_device_name() if device == "cuda" else "the CPU"
    print(f"\n{layout.scheme} on {where}: columns/s, and their ratios ({clock} time)")
    references = "".join(f"{'/ ' + c.name.removeprefix('scheme '):>17s}" for c in found[:2])
    published = "published: Fortran, one core, double | single"
    print(f"{'':26s}{'batch':>6s}{'wall':>10s}{'cpu':>10s}{references}   {published}")
    for contender, costs in zip(found, zip(*turns, strict=True), strict=True):
        wall, cpu = median(costs).rates(1)
        ratios = [median(t[i] / c for t, c in zip(turns, costs, strict=True)) for i in (0, 1)]
        relative = "".join(f"{getattr(ratio, clock):17.2f}" for ratio in ratios)
        line = f"{contender.name:26s}{contender.size:6d}{wall:10,.0f}{cpu:10,.0f}{relative}"
        print(f"{line}   {contender.published}".rstrip())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few columns: does everything run?")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--network", choices=NETWORKS, default="mlp-256x3", help="to be trained")
    parser.add_argument("--columns", type=int, help="columns to train on (default: 20160)")
    parser.add_argument("--epochs", type=int, help="timed epochs and repetitions (default: 5)")
    parser.add_argument("--only", choices=("training", "inference"), help="one of the two parts")
    arguments = parser.parse_args()
    columns = arguments.columns or (PER_FILE if arguments.quick else 14 * PER_FILE)
    epochs = arguments.epochs or (2 if arguments.quick else 5)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    quieten()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} thread(s), medians of {epochs}")
    if arguments.only != "inference":
        measure_training(arguments.network, columns, epochs)
    if arguments.only == "training":
        return
    for layout in (NOGWD, OGWD):
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            measure_inference(layout, epochs, device)
    if not torch.cuda.is_available():
        print("\nno CUDA device: not measured on one")


if __name__ == "__main__":
    main()
