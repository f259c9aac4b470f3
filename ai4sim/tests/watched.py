"""A folder of runs, and what must hold after each command in it."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import random
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from ai4sim import launch
from ai4sim.module import undefined_as_none
from ai4sim.surrogate import Surrogate
from ai4sim.tests.alike import alike
from ai4sim.tests.bench import OF_A_RUN, Bench, checkpoint, results, torchrun
from ai4sim.tests.fork_server import ERRORS, OUTPUT, ForkServer
from ai4sim.weights import read_file

SLURM = {"SLURM_JOB_ID": "55", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
STEP = {**SLURM, "SLURM_STEP_ID": "0", "SLURM_NODEID": "0", "SLURM_NNODES": "1"}
JOBS: dict[str, dict[str, str]] = {
    "": {},
    "job55-0_": {**STEP, "SLURM_JOB_NAME": "bash", "SLURM_JOB_NODELIST": "n1"},
    "job55-0-1_": {
        **STEP,
        "SLURM_JOB_NAME": "sweep",
        "SLURM_NODELIST": "n1",
        "SLURM_RESTART_COUNT": "1",
    },
    "job66_": {"LSB_JOBID": "66"},
    "job77_": torchrun(),
}
"""What a launcher puts into the environment, by the beginning of the names of its folders."""
PATIENCE = 240.0
"""Seconds that a command may take."""


@dataclass
class Run:
    """A folder that a sequence knows.

    Attributes
    ----------
    path : Path
    wide : bool
        Whether its network is the other one.
    loss : str
    symmetric : bool
        Whether its last training evaluated with reflections.
    stopped : bool
        Whether its last training was interrupted.
    """

    path: Path
    wide: bool = False
    loss: str = "mse"
    monitor: str = "val_loss"
    symmetric: bool = False
    stopped: bool = False

    @property
    def epochs(self) -> int:
        """The number of epochs that were begun."""
        return int(read_file(checkpoint(self.path, "last"))["epoch"]) + 1


@dataclass
class Done:
    """A command that has ended: its code, and the last lines that it printed."""

    line: list[str]
    code: int
    said: str
    complained: str
    new: list[Path] = field(default_factory=list)


class Folder:
    """Commands on the data of a bench, in an empty folder of experiments.

    Parameters
    ----------
    bench : Bench
        With ``les``, files without targets.
    server : ForkServer
    folder : Path
        An empty folder, the working directory of all commands.
    seed : int
    """

    def __init__(self, bench: Bench, server: ForkServer, folder: Path, seed: int) -> None:
        self.bench, self.server, self.folder = bench, server, folder
        self.draw = random.Random(seed)
        self.experiments = folder / "experiments"
        self.runs: list[Run] = []
        """In the order in which they were last trained."""
        self.names = 0
        self.history: list[str] = []
        self.prefix = self.draw.choice(["", "", *JOBS])
        # Figures and programs take long: most sequences go without.
        self.without: tuple[str, ...] = ()
        if seed % 20:
            self.without = ("ai4sim.module.save_figures", "ai4sim.export.export_program")
        known = {name for names in launch.JOBS for name in names}
        of_launchers = {*known, *launch.RANKS, *OF_A_RUN, "SLURM_JOB_NAME"}
        clean = {name: value for name, value in os.environ.items() if name not in of_launchers}
        self.environment = {
            **clean,
            **JOBS[self.prefix],
            "AI4SIM_EXPERIMENTS": str(self.experiments),
        }
        model, use_case = bench.tiny.model, bench.tiny.use_case
        models = importlib.import_module(use_case.module_path.partition(":")[0])
        self.kind = getattr(models, model["class_path"])
        self.can_reflect = "symmetric" in inspect.signature(self.kind).parameters
        self.loss = str(model["init_args"].get("loss", "mse"))

    # --- Running ---

    def _command(
        self,
        command: str,
        *arguments: Any,
        config: Path | None = None,
        stop_if: Callable[[], bool] | None = None,
    ) -> Done:
        """Run a command, with all that holds after any command."""
        line = [command, "--config", config or self.bench.root / "tiny.yaml", *arguments]
        self.history.append(" ".join(map(str, line)))
        files, raw = contents(self.experiments), contents(self.bench.root, "raw")
        script = self.bench.tiny.use_case.root / "trainer.py"
        self.server.start(script, line, self.folder, self.environment, self.without)
        if stop_if is not None:
            end = time.monotonic() + PATIENCE
            while not stop_if() and self.server.poll(0.01) is None:
                assert time.monotonic() < end, "no checkpoint"
            if self.server.poll() is None:
                os.kill(self.server.pid, signal.SIGTERM)
        code = self.server.wait(PATIENCE)
        said, complained = (last_line(self.folder / name) for name in (OUTPUT, ERRORS))
        done = Done(list(map(str, line)), code, said, complained)
        assert contents(self.bench.root, "raw") == raw, "a raw file has changed"
        hidden = [*self.folder.rglob(".tmp-*"), *self.bench.root.rglob(".tmp-*")]
        assert not hidden, hidden
        self.before, self.after = files, contents(self.experiments)
        changed = [
            path
            for path in {**self.before, **self.after}
            if self.before.get(path, "absent") != self.after.get(path, "absent")
        ]
        self.changed = changed
        folders = {p for p in self.after if self.after[p] is None}
        new = sorted(folders - self.before.keys(), key=lambda p: len(p.parts))
        done.new = new[:1]
        return done

    def _only(self, done: Done, folder: Path | None) -> None:
        """Require that nothing outside a folder has changed; in a run that was there, no record."""
        inside = [] if folder is None else [folder, *folder.parents]
        wrong = [p for p in self.changed if folder is None or folder not in (p, *p.parents)]
        wrong = [p for p in wrong if not (p in inside and self.after.get(p, "") is None)]
        assert not wrong, (done, wrong)
        kept = ("config", "environment")
        records = [
            p
            for p in self.changed
            if p in self.before and p.parent == folder and p.name.startswith(kept)
        ]
        assert not records, (done, records)

    def _expect(self, done: Done, stream: str, words: str) -> None:
        """Require that a command has succeeded, with a last line."""
        found = done.said if stream == OUTPUT else done.complained
        assert done.code == 0 and re.fullmatch(words, found), done

    def _expect_refusal(self, done: Done, words: str) -> None:
        """Require code 1, a last line that says why, and that nothing has changed."""
        assert done.code in (1, 2) and re.search(words, done.complained), done
        self._only(done, None)

    def _expect_results(self, done: Done, run: Run, folder: str) -> None:
        """Require a complete training: what is tested and exported is the best checkpoint."""
        self._expect(done, OUTPUT, rf"plots: +{folder}/plots")
        run.path = Path(done.said.partition(":")[2].strip()).parent
        self._only(done, run.path)
        run.stopped = False
        self._trained(run)
        best = checkpoint(run.path)
        kept = read_file(best)
        saved = dict(kept["state_dict"])
        saved |= {f"surrogate.guard.{n}": x for n, x in kept["surrogate"]["guard"].items()}
        for name, value in load_file(run.path / "artifacts" / "model.safetensors").items():
            assert torch.equal(value, saved[f"surrogate.{name}"]), (done, name)
        self._same_results(run.path, self._recomputed(best, run.symmetric))
        self._best_is_best(run)

    def _trained(self, run: Run) -> None:
        self.runs = [other for other in self.runs if other is not run] + [run]

    def _new_folder(self, named: list[str], title: str) -> str:
        """Return the pattern of the folder of a new run."""
        if named:
            return re.escape(str(self.experiments / named[1]))
        begin = self.prefix or r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_"
        return rf"{re.escape(str(self.experiments))}/{begin}{title}(_\d+)?"

    def _folder_of(self, command: str, run: Run, named: list[str]) -> str:
        """Return the pattern of the folder of a test, a validation or predictions."""
        if not named:
            return self._new_folder([], f"tiny-{command}")
        if named[1] != run.path.name:
            return self._new_folder(named, "")
        begin = self.prefix or r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_"
        return rf"{re.escape(str(run.path))}/{begin}{command}(_\d+)?"

    # --- Recomputation ---

    def _surrogate(self, path: Path, symmetric: bool) -> Surrogate:
        surrogate = Surrogate.load(path)
        if self.can_reflect:
            reflections = self.kind(**self._arguments(path, symmetric)).surrogate.spec
            surrogate.spec["reflections"] = reflections["reflections"]
        return surrogate

    def _arguments(self, path: Path, symmetric: bool) -> dict[str, Any]:
        given = read_file(path)["hyper_parameters"]
        options = {name: value for name, value in given.items() if not name.startswith("_")}
        return {**options, "symmetric": symmetric} if self.can_reflect else options

    def _rebuilt(self, path: Path, symmetric: bool, data: Any) -> Any:
        """Build the model of a checkpoint without trainer and command line."""
        model = self.kind(**self._arguments(path, symmetric))
        model.surrogate = self._surrogate(path, symmetric)
        content = read_file(path)
        of_module = {
            k: v for k, v in content["state_dict"].items() if k in dict(model.named_buffers())
        }
        model.load_state_dict(of_module, strict=False)
        model.set_extra_state_from(content["extra_state"])
        model.trainer = SimpleNamespace(datamodule=data)
        return model.eval()

    def _data(self, **parts: Any) -> Any:
        given = yaml.safe_load((self.bench.root / "tiny.yaml").read_text())["data"]
        return self.bench.tiny.use_case.datamodule(**{**given, **parts})

    @torch.no_grad()
    def _recomputed(self, path: Path, symmetric: bool, **parts: Any) -> dict[str, Any]:
        """Return the results of a checkpoint on the test set."""
        data = self._data(**parts)
        model = self._rebuilt(path, symmetric, data)
        model.on_test_start()
        for batch in data.test_dataloader():
            model.test_step(data.on_after_batch_transfer(batch, 0), 0)
        found = {**model._test.metrics(), "guard": model._trust.metrics()}
        plain: dict[str, Any] = undefined_as_none(found)
        return plain

    def _score(self, run: Run) -> tuple[str, str, float]:
        """Return what best.ckpt is the best of, the loss that defines it, and its value."""
        best, last = (read_file(checkpoint(run.path, which)) for which in ("best", "last"))
        key, kept = next((k, v) for k, v in best["callbacks"].items() if "best_model_score" in v)
        scores = [float(c["callbacks"][key]["best_model_score"]) for c in (best, last)]
        assert scores[0] == scores[1], (key, scores)
        return kept["monitor"], best["hyper_parameters"]["loss"], float(kept["best_model_score"])

    @torch.no_grad()
    def _best_is_best(self, run: Run) -> None:
        """Require that the score of best.ckpt is its own."""
        monitor, loss, score = self._score(run)
        best, data = checkpoint(run.path), self._data()
        symmetric = read_file(best)["hyper_parameters"].get("symmetric", False)
        model = self._rebuilt(best, symmetric, data)
        for batch in data.val_dataloader():
            model.validation_step(data.on_after_batch_transfer(batch, 0), 0)
        found = model.val_metrics.compute()
        value = found["r2"] if monitor == "val_r2" else found["rmse"] ** 2
        value = found["mae"] if (monitor, loss) == ("val_loss", "mae") else value
        assert float(value) == pytest.approx(score, rel=1e-3, abs=1e-6), (monitor, loss)

    def _same_results(self, folder: Path, expected: dict[str, Any]) -> None:
        found = results(folder)
        found.pop("headline")
        alike(found, expected, tiny=1e-7, rel=1e-4)


def contents(folder: Path, below: str = "") -> dict[Path, str | None]:
    """Return the MD5 of each file, and None for each folder; all, or those below folders `raw`."""
    return {
        path: None if path.is_dir() else hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if not below or below in path.parts
    }


def last_line(file: Path) -> str:
    """Return the last line of what a command printed, empty where there is none."""
    lines = file.read_text().split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")
