"""Speed of the solver behind the demo flames: compiled loops against the same steps in PyTorch.

Both forms advance the same flame of the demo (256 x 128 x 80 cells of the progress variable) in
turn, one step at a time, and stay as far apart as rounding takes them. A line for each part of a
step, the median of the ratios of neighbours.

Run ``python benchmarks/flame_solver.py``; ``--help`` lists the options.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.turns import Cost, median, take_turns
from combustion.synthetic import flame as flames
from combustion.synthetic import flow, transport
from combustion.synthetic.flame import SlotFlame
from combustion.synthetic.generate import RECIPES
from combustion.synthetic.transport import HALO

COMPILED: list[tuple[Any, str]] = [
    (flow, "divergence"),
    (flow, "subtract_gradient"),
    (flow, "stress_divergence"),
    (flames, "refine"),
    (transport, "sweep_along_x"),
    (transport, "sweep_across"),
]


@contextlib.contextmanager
def in_pytorch() -> Iterator[None]:
    """Let PyTorch compute what is compiled otherwise."""
    kept = [getattr(module, name) for module, name in COMPILED]
    for (module, name), form in zip(COMPILED, kept, strict=True):
        setattr(module, name, form.__wrapped__)
    try:
        yield
    finally:
        for (module, name), form in zip(COMPILED, kept, strict=True):
            setattr(module, name, form)


def parts(flame: SlotFlame) -> dict[str, Callable[[], object]]:
    """Return a whole step and its three parts, each to be called again and again."""
    step = flame.time_step_limit()
    return {
        "whole step": lambda: flame.advance(1.0),
        "flow": lambda: flame.flow.step(flame.time, step),
        "velocity refined": lambda: flames.refine(flame.flow.faces, flame.scalar.courant, HALO),
        "progress variable": lambda: flame.scalar.advance(step),
    }


def turned(work: Callable[[], object]) -> Callable[[], None]:
    """Return the same work in PyTorch."""

    def do() -> None:
        with in_pytorch():
            work()

    return do


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--repeats", type=int, default=9, help="timed steps (default: 9)")
    parser.add_argument(
        "--cells", type=int, nargs=3, help="cells of the flame (default: 256 128 80)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    burner = RECIPES["demo"].cases["DNS2"]
    if arguments.cells:
        burner = dataclasses.replace(burner, cells=tuple(arguments.cells))

    compiled, reference = SlotFlame(burner), SlotFlame(burner)
    cells = " x ".join(map(str, burner.cells))
    print(f"a step of {cells} cells, {arguments.threads} thread(s), {arguments.repeats} turns")
    print(f"{'':20s}{'PyTorch':>22s}{'compiled':>22s}{'ratio':>16s}")
    print(f"{'':20s}" + f"{'wall':>12s}{'cpu':>10s}" * 2 + f"{'wall':>8s}{'cpu':>8s}")
    ways = parts(reference)
    for name, work in parts(compiled).items():
        costs = take_turns({"torch": turned(ways[name]), "loops": work}, arguments.repeats)
        old, new = median(costs["torch"]), median(costs["loops"])
        gain: Cost = median(a / b for a, b in zip(costs["torch"], costs["loops"], strict=True))
        seconds = [
            f"{1e3 * cost:{width}.1f} ms"
            for c in (old, new)
            for cost, width in zip(c, (9, 7), strict=True)
        ]
        print(f"{name:20s}{''.join(seconds)}{gain.wall:8.1f}{gain.cpu:8.1f}")
        if name == "whole step":
            apart = (compiled.progress_variable - reference.progress_variable).abs().max().item()
            steps, largest = compiled.steps, apart
    print(f"largest difference of c after {steps} steps: {largest:.1e}")


if __name__ == "__main__":
    main()
