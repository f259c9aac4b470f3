"""A training that was interrupted gives the numbers of one that was not, to the bit."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from ai4sim.module import SurrogateModule
from ai4sim.surrogate_cli import SurrogateCLI
from ai4sim.tests.bench import curves, state
from ai4sim.tests.test_cli import CONFIG, run
from ai4sim.tests.toy import write_columns

STEP = SurrogateModule.training_step
OPTIONS = {
    "a warm-up and a decay": "",
    "steps of three batches": "--trainer.accumulate_grad_batches=3 --trainer.val_check_interval=3",
    "validation within epochs": "--trainer.val_check_interval=2",
    "a limit of steps": "--trainer.max_epochs=-1 --trainer.max_steps=10",
    "shortened epochs": "--trainer.limit_train_batches=3 --trainer.check_val_every_n_epoch=2",
    "workers": "--data.num_workers=1 --trainer.reload_dataloaders_every_n_epochs=2",
    "averaged weights": "--trainer.callbacks+=EMAWeightAveraging",
}


class Watched:
    """Trainings of the toy use case, whose losses are kept and which can be stopped.

    Attributes
    ----------
    losses : list of (epoch, batch, loss)
        Of all batches, of one training after the other.
    stop : callable, optional
        Is called after the loss of each batch, with the number of batches of this training.
    """

    def __init__(self, root: Any, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.losses: list[tuple[int, int, float]] = []
        self.stop: Callable[[int], None] | None = None
        watched = self

        def step(module: SurrogateModule, batch: dict[str, Any], batch_idx: int) -> torch.Tensor:
            noise = torch.randn_like(batch["inputs"])  # as dropout or an augmentation draws it
            loss = STEP(
                module, {**batch, "inputs": batch["inputs"] * (1 + 0.01 * noise)}, batch_idx
            )
            watched.losses.append((module.current_epoch, batch_idx, loss.item()))
            watched.count += 1
            if watched.stop is not None:
                watched.stop(watched.count)
            return loss

        patch.setattr(SurrogateModule, "training_step", step)
        patch.setattr(SurrogateCLI, "after_fit", lambda _: None)

    def fit(self, name: str, *options: str, stop: Callable[[int], None] | None = None) -> int:
        """Train; return the exit code."""
        self.stop, self.count = stop, 0
        try:
            run(self.root, "fit", "--config", "toy.yaml", "--experiment", name, *options)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def state(self, name: str) -> dict[str, Any]:
        """Return what the next step follows from, and the best score."""
        found = state(self.root / "experiments" / name)
        parts = ("state_dict", "optimizer_states", "lr_schedulers", "current_model_state")
        stopping = next(v for k, v in found["callbacks"].items() if k.startswith("EarlyStopping"))
        return {"best": stopping["best_score"], **{p: found[p] for p in parts if p in found}}

    def require_same(self, name: str, expected: str) -> None:
        """Compare two finished trainings."""
        folders = [self.root / "experiments" / n for n in (name, expected)]
        assert curves(folders[0]) == curves(folders[1])
        states = self.state(name), self.state(expected)
        torch.testing.assert_close(*states, rtol=0, atol=0)


@pytest.fixture
def watched(tmp_path, monkeypatch):
    write_columns(tmp_path / "warm", 300.0, files=24)  # four batches
    trainer = {**CONFIG["trainer"], "max_epochs": 3, "log_every_n_steps": 1}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**CONFIG, "trainer": trainer}))
    return Watched(tmp_path, monkeypatch)


def send(number: int, after: int) -> Callable[[int], None]:
    """Return a function that sends a signal to this process after some batches."""
    return lambda count: os.kill(os.getpid(), number) if count == after else None


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_stopped_again_and_again(watched, options):
    """After one batch, two, three: in the middle of epochs, at their ends, between two steps."""
    given = options.split()
    assert watched.fit("whole", *given) == 0
    whole, watched.losses = watched.losses, []
    for after in itertools.cycle((1, 3, 2)):
        code = watched.fit("stopped", *given, stop=send(signal.SIGTERM, after))
        given = [*options.split(), "--ckpt_path", "last"]
        if code == 0:
            break
        assert code == 128 + signal.SIGTERM
    assert watched.losses == whole
    watched.require_same("stopped", "whole")


def test_killed(watched):
    """It goes on from the last validation or the last epoch, whichever was later."""

    def kill(count: int) -> None:
        if count == 3:
            raise ZeroDivisionError

    options = ("--trainer.val_check_interval=2",)
    watched.fit("whole", *options)
    whole, watched.losses = watched.losses, []
    reached, go_on = [], ()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            watched.fit("killed", *options, *go_on, stop=kill)
        go_on = ("--ckpt_path", "last")
        reached.append(state(watched.root / "experiments/killed")["global_step"])
    assert reached == [2, 4, 6]
    watched.losses = []
    watched.fit("killed", *options, *go_on)
    assert watched.losses == whole[6:]
    watched.require_same("killed", "whole")


@pytest.fixture
def heeds_ctrl_c():
    """Let Python raise KeyboardInterrupt, which shells turn off in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_waits_for_the_step_and_a_second_one_does_not(watched, caplog):
    def twice(count: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    assert watched.fit("run", stop=send(signal.SIGINT, 2)) == 128 + signal.SIGINT
    last = watched.root / "experiments/run/checkpoints/last.ckpt"
    before = last.read_bytes()
    assert state(last.parents[1])["global_step"] == 2
    assert watched.fit("run", "--ckpt_path", "last", stop=twice) == 128 + signal.SIGINT
    assert last.read_bytes() == before
    assert f"interrupted within a step, which is lost: go on with --ckpt_path {last}" in caplog.text


def test_another_batch_size_within_an_epoch_is_told(watched, caplog):
    watched.fit("run", stop=send(signal.SIGTERM, 1))
    watched.fit("run", "--ckpt_path", "last", "--data.batch_size=2")
    assert "goes on after 1 batches of an epoch with another batch_size (2, not 4)" in caplog.text


def test_the_draws_of_a_batch_differ_between_batches_epochs_and_processes(watched):
    module = SurrogateModule.__new__(SurrogateModule)
    torch.nn.Module.__init__(module)

    def drawn(epoch: int, batch: int, rank: int) -> float:
        module._seed = 5
        module._fabric, module._device = None, torch.device("cpu")
        module._trainer = type("T", (), {"current_epoch": epoch, "global_rank": rank})()
        module.on_train_batch_start({}, batch)
        return float(torch.rand(()))

    places = list(itertools.product(range(2), repeat=3))
    found = [drawn(*place) for place in places]
    assert len(set(found)) == len(places) and found == [drawn(*place) for place in places]
    assert np.ptp(found) > 0.1
