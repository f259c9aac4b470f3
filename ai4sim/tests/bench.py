"""A use case on the bench: tiny data, its command line in this process, its notebooks."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
import yaml

from ai4sim import export
from ai4sim.cli import main
from ai4sim.surrogate import Surrogate
from ai4sim.use_case import UseCase

OF_A_RUN = ("AI4SIM_EXPERIMENT_PATH", "PL_GLOBAL_SEED", "PL_SEED_WORKERS")
"""Environment variables that a run leaves to its children."""
PRINTED = "printed.txt"
PATIENCE = 120.0
"""Seconds that processes may take before they are killed."""
EXPORT = export.export_program
TRAINER = {
    "max_epochs": 3,
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


@dataclass(frozen=True)
class Tiny:
    """Data of seconds, and a model for them, by which a use case shows that it keeps the contract.

    Attributes
    ----------
    use_case : UseCase
    model, data : mapping
        The parts of the configuration. A relative ``data_path`` lies in the bench's folder.
    write : function
        Write labelled raw files into the folder of a bench.
    write_unlabelled : function
        Write raw files of other sizes, without targets, into a folder; return them.
    read_prediction : function
        Read a file of predictions.
    predict : function
        Predict a raw file with a saved surrogate: what `read_prediction` returns.
    tolerance : float
        The absolute one of predictions, in their units.
    other : str
        An option of the model that contradicts the weights, with its value.
    """

    use_case: UseCase
    model: Mapping[str, Any]
    data: Mapping[str, Any]
    write: Callable[[Path], Any]
    write_unlabelled: Callable[[Path], list[Path]]
    read_prediction: Callable[[Path], np.ndarray]
    predict: Callable[[Surrogate, Path], np.ndarray]
    tolerance: float
    other: str = "--model.init_args.features=9"


@dataclass
class Bench:
    """A folder with tiny data and the configuration ``tiny.yaml``, where commands run.

    Attributes
    ----------
    tiny : Tiny
    root : Path
        Holds data, configurations and ``experiments``.
    """

    tiny: Tiny
    root: Path
    example: torch.Tensor = field(default_factory=lambda: torch.empty(0), init=False)
    """Inputs that the program was exported with."""

    @classmethod
    def make(cls, tiny: Tiny, root: Path) -> Bench:
        """Write data and configuration into a new folder."""
        tiny.write(root)
        bench = cls(tiny, root)
        bench.configure("tiny.yaml")
        return bench

    def configure(self, name: str, **parts: Any) -> None:
        """Write a configuration; `parts` replace those of ``tiny.yaml``."""
        data = {**self.tiny.data, "data_path": str(self.root / self.tiny.data["data_path"])}
        content = {"seed_everything": 7, "trainer": TRAINER, "model": dict(self.tiny.model)}
        (self.root / name).write_text(yaml.safe_dump({**content, "data": data, **parts}))

    @property
    def experiments(self) -> Path:
        """The folder of all experiments."""
        return self.root / "experiments"

    def run(
        self,
        command: str,
        *arguments: Any,
        config: str | Path = "tiny.yaml",
        figures: bool = False,
        program: bool = False,
        cwd: Path | None = None,
    ) -> Path:
        """Run a command in this process, on one thread; return its experiment folder.

        What it prints is kept there, see :func:`printed`.

        Parameters
        ----------
        command : str
        *arguments
            Options after ``--config``.
        config : path
            In the folder of the bench, or absolute.
        figures, program : bool
            Whether figures are drawn and the exported program is written: both take long.
        cwd : Path, optional
            The working directory; default the folder of the bench.
        """
        line = [command, "--config", self.root / config, *arguments]
        output = io.StringIO()
        with self._commanded(*line, cwd=cwd) as patch:
            if not figures:
                patch.setattr("ai4sim.module.save_figures", nothing)
            patch.setattr(export, "export_program", self._export if program else nothing)
            if not program:
                patch.setattr(export, "write_program", nothing)
            with contextlib.redirect_stdout(output):
                done = main(self.tiny.use_case)
        assert done is not None
        experiment = Path(done.experiment.path)
        if experiment.is_dir():
            (experiment / PRINTED).write_text(output.getvalue())
        return experiment

    def codes(self, processes: int, command: str, *arguments: Any) -> list[int | None]:
        """Run a command in processes as torchrun starts them; return their exit codes.

        They begin as copies of this one: they have imported all they need.
        """
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]

        def work(rank: int) -> None:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in torchrun(rank, processes, port).items():
                    patch.setenv(name, value)
                self.run(command, *arguments)

        context = multiprocessing.get_context("fork")
        ranks = [context.Process(target=work, args=(rank,)) for rank in range(processes)]
        for rank in ranks:
            rank.start()
        for rank in ranks:
            rank.join(PATIENCE)
            rank.kill()
            rank.join()
        return [rank.exitcode for rank in ranks]

    def check(self, *arguments: Any) -> tuple[int, dict[str, Any]]:
        """Run ``check`` on ``tiny.yaml``; return its exit code and its report."""
        output, code = io.StringIO(), 0
        line = ["check", "--config", self.root / "tiny.yaml", "--json", *arguments]
        with self._commanded(*line), contextlib.redirect_stdout(output):
            try:
                main(self.tiny.use_case)
            except SystemExit as end:
                code = int(end.code or 0)
        report: dict[str, Any] = json.loads(output.getvalue())
        return code, report

    @contextlib.contextmanager
    def _commanded(self, *line: Any, cwd: Path | None = None) -> Iterator[pytest.MonkeyPatch]:
        """Set the command line of this process, in the folder of the bench."""
        with one_run(), pytest.MonkeyPatch.context() as patch:
            patch.setenv("AI4SIM_EXPERIMENTS", str(self.experiments))
            patch.setattr("sys.argv", ["trainer.py", *map(str, line)])
            patch.chdir(cwd or self.root)
            yield patch

    def _export(
        self, surrogate: Surrogate, inputs: torch.Tensor, path: Path, on_graph: bool = False
    ) -> None:
        self.example = inputs
        EXPORT(surrogate, inputs, path, on_graph)

    def process(self, command: str, *arguments: Any, **options: Any) -> subprocess.Popen[str]:
        """Start a command in a process of its own, with ``tiny.yaml``."""
        line = [command, "--config", str(self.root / "tiny.yaml"), *map(str, arguments)]
        environment = {"AI4SIM_EXPERIMENTS": str(self.experiments), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, str(self.tiny.use_case.root / "trainer.py"), *line],
            env={**os.environ, **environment},
            cwd=self.root,
            text=True,
            # A shell starts what runs in the background deaf to CTRL-C, and children inherit that.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            **options,
        )


def torchrun(rank: int = 0, processes: int = 1, port: int = 29511) -> dict[str, str]:
    """Return the environment in which torchrun starts a process on one machine."""
    return {
        "TORCHELASTIC_RUN_ID": "77",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GROUP_RANK": "0",
        **dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank)),
        **dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes)),
    }


def nothing(*arguments: Any, **options: Any) -> None:
    """Neither draw nor export."""


@contextlib.contextmanager
def one_run() -> Iterator[None]:
    """Undo what a run leaves in its process: environment, filters of warnings, threads."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name in OF_A_RUN:
            patch.setenv(name, "")
            patch.delenv(name)
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(threads)


def quiet_trainer(folder: Path, **options: Any) -> pl.Trainer:
    """Make a trainer that works in a folder and writes neither logs nor checkpoints."""
    return pl.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def train(
    module: pl.LightningModule, data: pl.LightningDataModule, folder: Path, epochs: int, **more: Any
) -> pl.Trainer:
    """Train for a number of epochs, without validation, log or checkpoint; then evaluate."""
    trainer = quiet_trainer(folder, max_epochs=epochs, limit_val_batches=0, **more)
    trainer.fit(module, datamodule=data)
    module.eval()
    return trainer


def results(experiment: Path) -> dict[str, Any]:
    """Read ``results.json``."""
    found: dict[str, Any] = json.loads((experiment / "artifacts" / "results.json").read_text())
    return found


def printed(experiment: Path) -> str:
    """Return what a run printed."""
    return (experiment / PRINTED).read_text()


def checkpoint(experiment: Path, which: str = "best") -> Path:
    """Return the file of a checkpoint."""
    return experiment / "checkpoints" / f"{which}.ckpt"


def state(experiment: Path, which: str = "last") -> dict[str, Any]:
    """Read a checkpoint."""
    found: dict[str, Any] = torch.load(checkpoint(experiment, which), weights_only=True)
    return found


def curves(experiment: Path) -> dict[str, list[tuple[int, float]]]:
    """Read what a training logged: step and value, by name; equal ones count once."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logged: dict[str, set[tuple[int, float]]] = {}
    for file in (experiment / "logs").rglob("events*"):
        events = EventAccumulator(str(file)).Reload()
        for name in events.Tags()["scalars"]:
            points = ((event.step, event.value) for event in events.Scalars(name))
            logged.setdefault(name, set()).update(points)
    return {name: sorted(points) for name, points in logged.items()}


def execute(notebook: Path, folder: Path) -> str:
    """Run the cells of a notebook from top to bottom in a folder; return what they print.

    They run in this process, which has imported torch already, with names of their own. Each
    figure is drawn, by Matplotlib or as the value of a cell.
    """
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {"__name__": "__main__"}
    output = io.StringIO()
    with one_run(), pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.chdir(folder)
        pyplot.switch_backend("agg")
        for number, cell in enumerate(cells):
            if cell["cell_type"] != "code":
                continue
            tree = ast.parse("".join(cell["source"]), f"{notebook.name}[{number}]")
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, f"{notebook.name}[{number}]", "exec"), names)
            value = None
            if last is not None:
                expression = ast.Expression(last.value)  # type: ignore[attr-defined]
                value = eval(compile(expression, f"{notebook.name}[{number}]", "eval"), names)
            if isinstance(value, Figure):
                value.canvas.draw()
            for shown in map(pyplot.figure, pyplot.get_fignums()):
                shown.canvas.draw()
            pyplot.close("all")
    return output.getvalue()
