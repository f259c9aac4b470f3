"""How near the command line comes to the bare training step, in every use case.

    python benchmarks/training.py
    python benchmarks/training.py --only wf_gwd --rounds 15

Each use case trains as ``python trainer.py fit --config configs/demo.yaml`` does, with its
callbacks, its log and its data module, on made-up files of the demo's sizes. Every few steps
training waits, and a loop without Lightning makes as many steps with a copy of the network, on
batches that lie in memory: forward, loss, backward, clipping of gradients where the configuration
asks for it, optimiser.

A step of the Trainer lasts from the beginning of a batch to that of the next one, the log and the
fetching of the next batch included. Validation, checkpoints and the ends of epochs are left out.
The table shows the median of both and of the ratios of neighbours, on one thread, in processor
time.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import nn

from ai4sim.cli import main as run
from ai4sim.surrogate_cli import SurrogateCLI
from ai4sim.use_case import UseCase
from benchmarks.flame_loading import write_flames
from benchmarks.gwd import write_raw
from benchmarks.turns import GOAL_BARE, Cost, median, now, quieten
from sessions.registry import use_cases
from weather_forecast.bias_correction.tests import made_up

PER_ROUND = {"wf_gwd": 20, "wf_bias_correction": 4, "wmed": 4}
"""Steps of a turn, about a second; 2 where nothing else is said."""


def write_columns(folder: Path) -> None:
    """Write days of columns with clouds."""
    for day in range(9):
        made_up.write_file(folder / "raw" / f"2015-01-{day + 1:02}.h5", 256, 137, seed=day)


def write_events(folder: Path) -> None:
    """Write two events of the demo's sea."""
    from wmed.synthetic.generate import DEMO, generate

    generate(folder, DEMO[:2], workers=1)


FILES: Mapping[str, Callable[[Path], object]] = {
    "combustion_unets": lambda folder: write_flames(folder, 12),
    "combustion_gnns": lambda folder: write_flames(folder, 12),
    "wf_bias_correction": write_columns,
    "wf_gwd": lambda folder: write_raw(folder, 40),
    "wmed": write_events,
}


class Turns(pl.Callback):
    """Let the bare step have its turn after so many steps of the Trainer.

    Attributes
    ----------
    trained, bare : list of Cost
        Of a step, turn by turn.
    """

    def __init__(self, steps: int, rounds: int) -> None:
        self.steps, self.rounds = steps, rounds
        self.trained: list[Cost] = []
        self.bare: list[Cost] = []
        self._costs: list[Cost] = []
        self._held: list[Any] = []
        self._start: Cost | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the network, with an optimiser like the Trainer's."""
        pl_module.trainer = None
        module: Any = copy.deepcopy(pl_module)
        pl_module.trainer = trainer
        module._log_every = sys.maxsize
        self.module = module
        copies = dict(zip(pl_module.parameters(), module.parameters(), strict=True))
        groups = trainer.optimizers[0].param_groups
        self.optimizer = torch.optim.AdamW(
            [{**group, "params": [copies[p] for p in group["params"]]} for group in groups]
        )

    def on_train_batch_start(self, trainer: pl.Trainer, _: Any, batch: Any, batch_idx: int) -> None:
        """End the step before this one, and a turn with it."""
        if self._start is not None and batch_idx:
            self._costs.append(now() - self._start)
        if len(self._held) < self.steps:
            self._held.append(batch)
        if len(self._costs) == self.steps:
            self.trained.append(total(self._costs))
            self._costs = []
            start = now()
            self._steps(trainer)
            self.bare.append(now() - start)
            trainer.should_stop = len(self.bare) > self.rounds
        self._start = now()

    def _steps(self, trainer: pl.Trainer) -> None:
        for batch, _ in zip(cycle(self._held), range(self.steps), strict=False):
            with trainer.precision_plugin.forward_context():
                loss = self.module.training_step(batch, 0)
            self.optimizer.zero_grad()
            loss.backward()
            if trainer.gradient_clip_val is not None:
                nn.utils.clip_grad_norm_(self.module.parameters(), trainer.gradient_clip_val)
            self.optimizer.step()


def total(costs: list[Cost]) -> Cost:
    """Return the sum of each of the two."""
    return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))


def measure(name: str, use_case: UseCase, rounds: int) -> Turns:
    """Train for so many turns, and one more that does not count."""
    turns = Turns(PER_ROUND.get(name, 2), rounds)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        data = Path(folder) / "data"
        FILES[name](data)
        files = sorted(
            f.name for f in (data / "raw").iterdir() if name != "wmed" or "his" in f.name
        )
        lines = ["train:", *(f"- {file}" for file in files[:-1]), f"val: [{files[-1]}]", "test: []"]
        (data / "splits.yaml").write_text("\n".join(lines) + "\n")
        line = ["fit", "--config", use_case.configs / "demo.yaml", "--data.data_path", data]
        line += ["--trainer.accelerator=cpu", "--trainer.limit_val_batches=0"]
        line += [
            "--trainer.enable_progress_bar=false",
            "--trainer.enable_model_summary=false",
            "--trainer.max_epochs=1000",
        ]
        instantiate = SurrogateCLI.instantiate_trainer

        def with_turns(cli: SurrogateCLI, **options: Any) -> pl.Trainer:
            trainer: Any = instantiate(cli, **options)
            trainer.callbacks.insert(0, turns)
            return trainer

        patch.setenv("AI4SIM_EXPERIMENTS", str(Path(folder) / "experiments"))
        patch.setattr(SurrogateCLI, "instantiate_trainer", with_turns)
        patch.setattr(SurrogateCLI, "after_fit", lambda _: None)
        run(use_case, [str(word) for word in line])
    return turns


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=FILES, default=FILES, help="some use cases")
    parser.add_argument("--rounds", type=int, default=9, help="turns that count (default: 9)")
    options = parser.parse_args()
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # here, wmed.py would hide the package
    torch.set_num_threads(1)
    quieten()
    found = use_cases()
    print(
        f"{'ms of processor time per step':34s}{'Trainer':>9s}{'bare':>9s}{'more':>9s}{'share':>9s}"
    )
    for name in options.only:
        turns = measure(name, found[name], options.rounds)
        pairs = list(zip(turns.trained[1:], turns.bare[1:], strict=True))
        share = median(bare / trained for trained, bare in pairs).cpu
        costs = [1e3 * median(part).cpu / turns.steps for part in zip(*pairs, strict=True)]
        more = 1e3 * median(t - b for t, b in pairs).cpu / turns.steps
        print(
            f"{name:34s}{costs[0]:9.2f}{costs[1]:9.2f}{more:9.2f}{100 * share:7.1f} %", flush=True
        )
    print(f"wanted: {100 * GOAL_BARE:.0f} % of the bare step")


if __name__ == "__main__":
    main()
