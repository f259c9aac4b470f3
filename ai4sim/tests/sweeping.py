"""Trials of the toy use case as forks of a server, without the seconds in which each would import
torch; all else is what the command ``sweep`` does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ai4sim.sweep.command import _sweep
from ai4sim.sweep.workers import LOG, Worker
from ai4sim.tests import toy
from ai4sim.tests.fork_server import ERRORS, OUTPUT, ForkServer
from ai4sim.tests.test_cli import CONFIG
from ai4sim.use_case import UseCase

WITHOUT = ("ai4sim.export.export_program",)
"""Functions that take longer than all else of a training of the toy."""
SCRIPT = "from ai4sim.tests import toy\n\ntoy.run()\n"


class Fork:
    """A training as a fork of the server.

    Parameters
    ----------
    server : ForkServer
    folder : Path
        Of the trial.
    kill_if : callable, optional
        Whether the training is to be killed now.
    """

    def __init__(
        self, server: ForkServer, folder: Path, kill_if: Callable[[Path], bool] | None
    ) -> None:
        self.server, self.folder, self.kill_if = server, folder, kill_if

    def poll(self) -> int | None:
        """Return the exit code; if the training is to be killed, wait for that."""
        code = self.server.poll(0.02)
        while code is None and self.kill_if:
            if self.kill_if(self.folder):
                os.kill(self.server.pid, signal.SIGKILL)
                self.kill_if = None
            code = self.server.poll(0.02)
        if code is not None:
            told = "".join((self.folder.parents[2] / name).read_text() for name in (OUTPUT, ERRORS))
            with (self.folder / LOG).open("a") as log:
                log.write(told)
        return code

    def stop(self) -> None:
        """Ask it to end."""
        if self.server.poll() is None:
            os.kill(self.server.pid, signal.SIGTERM)

    leave = stop


class Forks:
    """A place for one trial at a time.

    Parameters
    ----------
    server : ForkServer
    """

    def __init__(self, server: ForkServer) -> None:
        self.server = server
        self.begun: list[list[str]] = []
        """The command lines that were started."""
        self.kills: list[Callable[[Path], bool]] = []
        """When to kill the next trainings, one each."""

    def find(self, folder: Path) -> Worker | None:
        """Return none."""
        return None

    def start(
        self, line: Sequence[str], folder: Path, environment: Mapping[str, str], lock: int
    ) -> Worker:
        """Start a training."""
        self.begun.append(list(line))
        root = Path(line[0]).parent
        every = dict(os.environ) | dict(environment)
        self.server.start(Path(line[0]), line[1:], root, every, WITHOUT)
        return Fork(self.server, folder, self.kills.pop(0) if self.kills else None)


def toy_folder(root: Path) -> UseCase:
    """Fill a folder with data, a script and a configuration; return its use case."""
    toy.write_columns(root / "warm", 300.0)
    (root / "trainer.py").write_text(SCRIPT)
    data = {"data_path": str(root / "warm"), "batch_size": 4}
    (root / "toy.yaml").write_text(yaml.safe_dump({**CONFIG, "data": data}))
    paths = "ai4sim.tests.toy:ToyModule", "ai4sim.tests.toy:ToyData"
    return UseCase("toy", "Differences of columns", root, *paths, download="")


def sweep(
    use_case: UseCase,
    place: Forks | None,
    name: str,
    space: Mapping[str, Any] | None,
    number: int,
    *shared: str,
    storage: str | None = None,
) -> Path:
    """Run a sweep of the toy, without a space one over seeds; return its folder."""
    root = use_case.root
    file = root / f"{name}.yaml"
    if space is not None:
        file.write_text(yaml.safe_dump(space))
    given = None if space is None else file
    seeds = number if space is None else None
    folder = root / "experiments" / name
    options = [f"--{option}" for option in shared]
    config = root / "toy.yaml"
    _sweep(use_case, folder, config, given, seeds, number, 1, None, storage, options, place)
    return folder
