"""Random sequences of commands: raw data and other runs stay as they are, results are right."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ai4sim.tests.bench import Bench, checkpoint
from ai4sim.tests.chaos import Sequence, explained
from ai4sim.tests.fork_server import ERRORS, ForkServer
from ai4sim.tests.watched import last_line
from sessions.registry import package_of, use_cases

SEQUENCES = 200
IN_EVERY_RUN = (9, 15, 21, 22, 23)
"""Seeds of short sequences, one for each use case; `nox -s chaos` runs all."""
USE_CASES = use_cases()


@pytest.fixture(scope="session")
def server():
    """A server that has imported all use cases."""
    paths = [p for u in USE_CASES.values() for p in (u.module_path, u.datamodule_path)]
    modules = dict.fromkeys(path.partition(":")[0] for path in paths)
    with ForkServer([*modules, "ai4sim.surrogate_cli", "ai4sim.export", "ai4sim.report"]) as server:
        yield server


@pytest.fixture(scope="session")
def benches(tmp_path_factory):
    """The tiny data of each use case, and files without targets."""
    made = {}
    for name, use_case in USE_CASES.items():
        tiny = importlib.import_module(f"{package_of(use_case)}.tests.tiny").TINY
        made[name] = Bench.make(tiny, tmp_path_factory.mktemp(name))
        tiny.write_unlabelled(made[name].root / "les")
    return made


def seeds():
    return [
        pytest.param(seed, marks=() if seed in IN_EVERY_RUN else pytest.mark.chaos)
        for seed in range(1, SEQUENCES + 1)
    ]


@pytest.mark.parametrize("seed", seeds())
def test_a_sequence_of_commands(server, benches, tmp_path, seed):
    """Each use case has every fifth sequence."""
    bench = benches[list(benches)[seed % len(benches)]]
    sequence = Sequence(bench, server, tmp_path, seed)
    with explained(sequence):
        sequence.run()
    shutil.rmtree(tmp_path)  # failed ones stay


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--no_such=1"], 2),
        (["--data.ratios=[0.5,0.5,0.5]"], 1),
        pytest.param(["--trainer.max_epochs=100000"], 143, marks=pytest.mark.chaos),
    ],
    ids=["unknown option", "refused", "stopped"],
)
def test_a_fork_ends_as_a_process_does(server, benches, tmp_path, options, code):
    """The exit code and the last line are those of ``python trainer.py``."""
    bench = benches["combustion_unets"]
    script = bench.tiny.use_case.root / "trainer.py"
    line = ["fit", "--config", str(bench.root / "tiny.yaml"), *options]
    found = []
    for how in ("process", "fork"):
        folder = tmp_path / how
        folder.mkdir()
        environment = {**os.environ, "AI4SIM_EXPERIMENTS": str(folder / "experiments")}
        options_of_it = [*line, "--experiment", "run"]
        if how == "fork":
            server.start(script, options_of_it, folder, environment)
            stop, wait, poll = server.pid, server.wait, server.poll
        else:
            with (folder / ERRORS).open("w") as errors:
                process = subprocess.Popen(
                    [sys.executable, str(script), *options_of_it],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
            stop, wait, poll = process.pid, process.wait, process.poll
        if code == 143:
            while not checkpoint(folder / "experiments/run", "last").exists() and poll() is None:
                time.sleep(0.05)
            os.kill(stop, signal.SIGTERM)
        ended = wait(timeout=300)
        found.append((ended, last_line(folder / ERRORS).replace(str(folder), "FOLDER")))
    assert found[0] == found[1]
    assert found[0][0] == code and found[0][1]
