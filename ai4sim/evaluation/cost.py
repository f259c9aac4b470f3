"""The skill-cost front: processor time per sample of a network and of its rivals, on one thread."""

from __future__ import annotations

import math
import platform
import re
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ai4sim.evaluation.figures import OKABE_ITO, empty_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TURN = 0.05
"""Processor time of a turn, at least [s]."""
TURNS = 5
"""Number of turns that a median is taken over."""


@dataclass(frozen=True)
class Contenders:
    """A model and its baselines, each as the computation of its answer for the same samples.

    Attributes
    ----------
    unit : str
        The name of a sample, such as ``column``.
    samples : int
        Number of samples that a call answers.
    ways : mapping of str to callable
        The calls, by the names that the results have.
    least : bool
        Whether the first metric of the headline is an error, least for the best.
    """

    unit: str
    samples: int
    ways: Mapping[str, Callable[[], object]]
    least: bool = False


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch, and the schemes compiled by numba, use a single thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seconds_per_call(
    ways: Mapping[str, Callable[[], object]], turns: int = TURNS
) -> dict[str, float]:
    """Measure the processor time of calls that take turns.

    A first call of each is not counted: it compiles, and fills caches. A turn repeats a call until
    it can be measured.

    Parameters
    ----------
    ways : mapping of str to callable
    turns : int

    Returns
    -------
    dict of str to float
        The median over the turns [s].
    """
    repeats = {}
    for name, way in ways.items():
        way()
        begun = time.process_time()
        way()
        repeats[name] = max(1, math.ceil(TURN / max(time.process_time() - begun, 1e-7)))
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            begun = time.process_time()
            for _ in range(repeats[name]):
                way()
            found[name].append((time.process_time() - begun) / repeats[name])
    return {name: statistics.median(times) for name, times in found.items()}


def processor() -> str:
    """Return the name of this machine's processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    named = re.search(r"model name\s*:\s*(.+)", text)
    return named[1].strip() if named else platform.processor() or platform.machine()


def front(
    costs: Mapping[str, float], skills: Mapping[str, float], least: bool = False
) -> list[str]:
    """Return who is on the front: no other is both cheaper and better; by growing cost.

    Parameters
    ----------
    costs : mapping of str to float
    skills : mapping of str to float
        Of some of the same names.
    least : bool
        Whether a smaller number is the better one.
    """
    value = {name: -skill if least else skill for name, skill in skills.items()}
    best, names = -math.inf, []
    for name in sorted(skills.keys() & costs.keys(), key=lambda n: (costs[n], -value[n])):
        if value[name] > best:
            best = value[name]
            names.append(name)
    return names


@styled
def front_figure(
    cost: Mapping[str, Any],
    skills: Mapping[str, float],
    metric: str,
    networks: Collection[str] = ("model", "model_compiled"),
) -> Figure:
    """Draw skill against cost; a line joins those that no other beats in both.

    Parameters
    ----------
    cost : mapping
        The entry ``cost`` of ``results.json``.
    skills : mapping of str to float
        The metric of each contender.
    metric : str
        Its name.
    networks : collection of str
        The names of those that are networks.
    """
    times = {name: cost["microseconds"][name] for name in skills if name in cost["microseconds"]}
    shown = {name: skills[name] for name in times}
    figure = empty_figure(5.6, 3.8)
    ax = figure.subplots()
    best = front(times, shown, cost["least"])
    ax.plot([times[n] for n in best], [shown[n] for n in best], color="0.6", zorder=1)
    for name, skill in shown.items():
        network = name in networks
        colour = OKABE_ITO["vermilion" if network else "blue"]
        ax.plot(times[name], skill, "o", color=colour, markersize=7 if network else 5)
        ax.annotate(
            name.replace("_", " ").replace("model", "network"),
            (times[name], skill),
            textcoords="offset points",
            xytext=(5, -9),
            fontsize=8,
            color=colour,
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    few = max(times.values(), default=1.0) < 30 * min(times.values(), default=1.0)
    ax.xaxis.set_minor_formatter("{x:g}" if few else "")
    if cost["least"]:
        ax.invert_yaxis()
    ax.margins(x=0.2, y=0.12)
    ax.set_xlabel(f"processor time on one thread [µs per {cost['unit']}]")
    ax.set_ylabel(metric.replace("_", " "))
    ax.set_title(cost["processor"])
    return figure
