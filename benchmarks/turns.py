"""What benchmarks share: two clocks, memory in a process of its own, contenders that take turns.

Other programs on the machine slow down whatever runs beside them. So what is compared runs in short
turns, and what counts is the median of the ratios of neighbours.
"""

from __future__ import annotations

import logging
import multiprocessing
import re
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from ai4sim.module import SurrogateModule
from ai4sim.variables import Batch

Result = TypeVar("Result")

GOAL_BARE = 0.95
"""Throughput of a Trainer, relative to the bare step."""


class Cost(NamedTuple):
    """Seconds, or a ratio of seconds: by the clock on the wall, and of the processor."""

    wall: float
    cpu: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.wall - other.wall, self.cpu - other.cpu)

    def __truediv__(self, other: Cost) -> Cost:
        return Cost(self.wall / other.wall, self.cpu / other.cpu)

    def rates(self, count: int) -> tuple[float, float]:
        """Return so many things per second."""
        return count / self.wall, count / self.cpu


def now() -> Cost:
    """Read both clocks."""
    return Cost(time.perf_counter(), time.process_time())


def median(costs: Iterable[Cost]) -> Cost:
    """Return the median of each of the two."""
    wall, cpu = zip(*costs, strict=True)
    return Cost(statistics.median(wall), statistics.median(cpu))


def take_turns(
    ways: Mapping[str, Callable[[], object]], repeats: int, cuda: bool = False
) -> dict[str, list[Cost]]:
    """Time each way in turn; the first round is not counted."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(repeats + 1):
        for way, work in ways.items():
            start = now()
            work()
            if cuda:
                torch.cuda.synchronize()
            costs[way].append(now() - start)
    return {way: counted for way, (_, *counted) in costs.items()}


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """Call something in a process of its own, which has not been larger before."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def largest() -> int:
    """Return the largest resident set of this process (``VmHWM``) [bytes]."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def quieten() -> None:
    """Let neither Lightning nor the packages of the repository talk between the tables."""
    for name in ("lightning.pytorch", "ai4sim", "weather_forecast"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


# --- Training ---


def bare_epoch(
    module: SurrogateModule,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Batch],
    bf16: bool = False,
) -> Cost:
    """Train on batches that are in memory, and give the time."""
    start = now()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            prediction = module.normalized_prediction(batch)
        scale = module.output_scale(batch)
        target = module.surrogate.normalize_targets(batch["targets"], scale)
        loss = module.loss(prediction.float(), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return now() - start


class TakingTurns(pl.Callback):
    """Time the epochs of a Trainer; before each, one of the bare step over as many batches.

    An epoch lasts until the next one begins, so all that Lightning does between them counts.
    """

    def __init__(
        self, module: SurrogateModule, batches: Sequence[Batch], bf16: bool = False
    ) -> None:
        self.module, self.batches, self.bf16 = module, batches, bf16
        self.bare: list[Cost] = []
        self.trained: list[Cost] = []
        self.start: Cost | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make the optimiser of the bare step, the same as the Trainer's."""
        self.module.trainer = trainer
        configured: Any = self.module.configure_optimizers()
        self.optimizer = configured["optimizer"]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let the bare step have its turn."""
        self.stop()
        self.bare.append(bare_epoch(self.module, self.optimizer, self.batches, self.bf16))
        self.start = now()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End the last epoch."""
        self.stop()

    def stop(self) -> None:
        """End an epoch, if one has begun."""
        if self.start is not None:
            self.trained.append(now() - self.start)


class Row(NamedTuple):
    """Epochs of a way to train, and of the bare step before each; `samples` in every one."""

    way: str
    batch: int
    samples: int
    trained: list[Cost]
    bare: list[Cost]

    @property
    def share(self) -> Cost:
        """Throughput relative to the bare step."""
        return median(b / t for t, b in zip(self.trained, self.bare, strict=True))


def train(
    way: str,
    module: pl.LightningModule,
    turns: TakingTurns,
    folder: Path,
    epochs: int,
    log_every: int = 10,
    **source: Any,
) -> Row:
    """Train with a Trainer, in turn with the bare step, on as many batches an epoch as that has.

    Parameters
    ----------
    way : str
        What the table calls it.
    module : LightningModule
    turns : TakingTurns
    folder : Path
        Gets the logs.
    epochs : int
        How many count; one more comes before them.
    log_every : int
        Steps between two entries in the log.
    **source
        What ``Trainer.fit`` takes its batches from.
    """
    pl.Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if turns.bf16 else "32-true",
        max_epochs=epochs + 1,
        limit_train_batches=len(turns.batches),
        limit_val_batches=0,
        log_every_n_steps=log_every,
        logger=TensorBoardLogger(folder, name="logs"),
        callbacks=[turns],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(module, **source)
    sizes = [len(batch["targets"]) for batch in turns.batches]
    return Row(way, sizes[0], sum(sizes), turns.trained[1:], turns.bare[1:])


def print_rates(rows: Iterable[Row], others: Iterable[Row] = ()) -> None:
    """Print samples per second: of `rows` also those of the bare step, of the others without."""
    print(f"{'':34s}{'batch':>6s}{'wall time':>22s}{'processor time':>22s}")
    rows = list(rows)
    for row in [*rows, *others]:
        rates = median(row.trained).rates(row.samples)
        if row in rows:
            wall, cpu = median(row.bare).rates(row.samples)
            label = row.way.replace("Trainer", "bare step")
            print(f"{label:34s}{row.batch:6d}{wall:12,.0f}{'':10s}{cpu:12,.0f}")
        columns = [f"{r:12,.0f}{100 * s:8.1f} %" for r, s in zip(rates, row.share, strict=True)]
        print(f"{row.way:34s}{row.batch:6d}{''.join(columns)}")


def print_shares(rows: Iterable[Row]) -> None:
    """Print how near the Trainer comes to the bare step."""
    print(f"\n{'':52s}{'wall':>8s}{'cpu':>8s}{'wanted':>9s}")
    for row in rows:
        label = f"{row.way} / bare step, batch {row.batch}"
        print(f"{label:52s}{row.share.wall:8.3f}{row.share.cpu:8.3f}{f'>= {GOAL_BARE}':>9s}")


# --- Inference ---


@dataclass
class Contender:
    """What turns columns into something, the columns to time it on, and the batch it gets.

    Attributes
    ----------
    name : str
    run : callable
        Takes some of the columns, as many arguments as there are in `columns`.
    columns : tuple of Tensor
        Of as many columns each; in its precision, on its device.
    published : str
        Figures of others.
    size : int
        Columns that it is given at once.
    """

    name: str
    run: Callable[..., object]
    columns: tuple[Tensor, ...]
    published: str = ""
    size: int = 1

    @property
    def count(self) -> int:
        """How many columns there are."""
        return len(self.columns[0])

    def first(self, count: int) -> Contender:
        """Return the same with the first columns only."""
        return replace(self, columns=tuple(part[:count] for part in self.columns))

    def time(self) -> Cost:
        """Run it on all columns; give the time per column."""
        start = now()
        for some in zip(*(part.split(self.size) for part in self.columns), strict=True):
            self.run(*some)
        if self.columns[0].is_cuda:
            torch.cuda.synchronize()
        return (now() - start) / Cost(self.count, self.count)

    def choose_size(self, clock: str, sizes: Sequence[int]) -> None:
        """Take the batch that suits it best; all columns, where they are fewer than the least."""
        costs = {}
        for size in [s for s in sizes if s <= self.count] or [self.count]:
            self.size = size
            self.first(size).time()  # not counted
            costs[size] = getattr(self.time(), clock)
        self.size = min(costs, key=costs.__getitem__)
