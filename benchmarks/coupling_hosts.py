"""Native libraries in Fortran hosts: the cost of a call, the speed of MPI ranks, the memory.

    python -m benchmarks.coupling_hosts [--backends c aoti] [--turns 7]

Needs g++, gfortran, cmake and Open MPI. The host of calls and ranks is ``examples/mpi``, in double
precision, with the column fastest. The cost of a call is measured with a network that copies its
inputs, of one column: all of it is overhead, of the back end ``aoti`` also what libtorch does for
any network. Ranks have as many columns each; one and two take turns, by the clock and by processor
time: other programs on the machine disturb the first one more, unless the benchmark has priority
(``chrt -r 1 python -m ...``). The memory is the largest resident
set of the program that compares a library with PyTorch.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ai4sim.native.routine import Columns
from benchmarks.coupling import NETWORKS, library
from benchmarks.turns import quieten

RANKS = Path(__file__).parents[1] / "examples" / "mpi"
COLUMNS, LEVELS, CALLS = 6400, 63, 100_000
SPEED = re.compile(r"rank \d+: (\d+) columns/s, (\d+) per second")
AS_ROOT = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")


class Copied(nn.Module):
    """The first inputs as outputs: a network that costs nothing."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, input) to (column, output)."""
        return rows[:, : self.outputs] * 1e-6


def program(source: Path, build: Path, name: str, *options: str) -> Path:
    """Build a program with CMake."""
    for line in (["cmake", "-S", source, "-B", build, *options], ["cmake", "--build", build]):
        subprocess.run([*map(str, line)], check=True, stdout=subprocess.DEVNULL)
    return build / name


def speeds(ranks: Path, number: int, columns: int, repeats: int) -> tuple[float, float]:
    """Return the mean columns per second of a rank, of the clock and of its processor."""
    with tempfile.TemporaryDirectory() as folder:
        given = [LEVELS, columns * number, f"{folder}/tendencies.bin", repeats]
        # The one of the library that it is built with: another MPI may come first on the path.
        mpirun = Path(shutil.which("mpifort") or "").with_name("mpirun")
        line = [str(mpirun), "-n", str(number), str(ranks), *map(str, given)]
        done = subprocess.run(
            line,
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **dict.fromkeys(AS_ROOT, "1")},
        )
    clock, processor = zip(*SPEED.findall(done.stdout), strict=True)
    return statistics.mean(map(float, clock)), statistics.mean(map(float, processor))


def largest_memory(line: Sequence[str]) -> float:
    """Run a program; return its largest resident set  [MB]."""
    # A program inherits the largest set of its parent: hence a small one, of some 9 MB.
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    parent = [sys.executable, "-I", "-S", "-c", script, *line]
    return int(subprocess.run(parent, check=True, capture_output=True).stdout) / 1024


def made(routine: Columns, rows: Tensor, folder: Path, backend: str) -> Path:
    """Make a library and the host of ranks; return the host."""
    coupled = folder / "coupled"
    coupled.mkdir(parents=True)
    library(routine, coupled, rows, backend)
    return program(RANKS, folder / "ranks", "ranks", f"-D{routine.name}_DIR={coupled}")


def main() -> None:
    """Make the libraries and hosts; print the cost of a call, the ratio of speeds, the memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backends", nargs="+", choices=("c", "aoti"), default=["c", "aoti"])
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    routine, rows = NETWORKS["gwd-mlp"]()
    outputs = sum(v.channels for v in routine.outputs)
    empty = replace(routine, module=Copied(outputs))
    for backend in arguments.backends:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ranks = made(empty, rows, folder / "empty", backend)
            found = [speeds(ranks, 1, 1, CALLS)[1] for _ in range(arguments.turns)]
            print(f"  {backend}: a call {1e6 / statistics.median(found):.2f} us beyond the network")

            ranks = made(routine, rows, folder / "full", backend)
            turns = [
                (speeds(ranks, 1, COLUMNS, 20), speeds(ranks, 2, COLUMNS, 20))
                for _ in range(arguments.turns)
            ]
            for i, of in enumerate(("clock", "processor")):
                one, two = (statistics.median(turn[n][i] for turn in turns) for n in (0, 1))
                ratio = statistics.median(turn[1][i] / turn[0][i] for turn in turns)
                print(
                    f"  {backend}: {of:9s}  one rank {one:10,.0f} columns/s, each of two "
                    f"{two:10,.0f}, ratio {ratio:.3f}"
                )

            coupled = folder / "full" / "coupled"
            check = program(coupled, folder / "check", f"check_{routine.name}", "-Wno-dev")
            used = largest_memory([str(check), str(coupled / "reference.bin")])
            print(f"  {backend}: largest resident set of a host {used:.0f} MB")


if __name__ == "__main__":
    main()
