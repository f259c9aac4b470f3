"""The figures of a sweep: history, importance, Pareto front, parallel coordinates."""

from __future__ import annotations

import itertools
import math
import statistics
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ai4sim.evaluation.cost import front
from ai4sim.evaluation.figures import OKABE_ITO, empty_figure, styled
from ai4sim.sweep.objectives import Objective
from ai4sim.sweep.space import text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NETWORK, BASELINE = OKABE_ITO["vermilion"], OKABE_ITO["blue"]
FEWEST = 8
"""Trials that importances are estimated from, at least."""


def figures(
    study: Study, objectives: Sequence[Objective], baselines: Mapping[str, Sequence[float | None]]
) -> Iterator[tuple[str, Figure]]:
    """Draw all figures that there are trials enough for.

    Parameters
    ----------
    study : Study
    objectives : sequence of Objective
    baselines : mapping
        The value of each objective, None where it has none, of each baseline.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    yield "history", history(complete, objectives)
    found = importances(study, complete, objectives)
    if found:
        yield "importance", importance(found)
    if len(objectives) > 1:
        yield "pareto_front", pareto_front(complete, objectives, baselines)
    if len(complete) > 1:
        yield "parallel_coordinates", parallel_coordinates(complete, objectives)


@styled
def history(trials: Sequence[FrozenTrial], objectives: Sequence[Objective]) -> Figure:
    """Draw each objective against the number of the trial, and the best so far."""
    figure = empty_figure(5.6, 1.2 + 2.0 * len(objectives))
    axes = figure.subplots(len(objectives), squeeze=False, sharex=True)[:, 0]
    numbers = [trial.number for trial in trials]
    for i, (ax, objective) in enumerate(zip(axes, objectives, strict=True)):
        values = [trial.values[i] for trial in trials]
        best = itertools.accumulate(values, max if objective.maximize else min)
        ax.plot(numbers, values, "o", color=NETWORK, markersize=4)
        ax.step(numbers, list(best), where="post", color="0.4", linewidth=1.2, label="best so far")
        ax.set_ylabel(label(objective))
        _scale(ax.yaxis, values)
    axes[0].legend()
    axes[-1].set_xlabel("trial")
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    return figure


def importances(
    study: Study, trials: Sequence[FrozenTrial], objectives: Sequence[Objective]
) -> dict[str, dict[str, float]]:
    """Return by objective how much each parameter tells the best trials from the others.

    PED-ANOVA (Watanabe et al. 2023, IJCAI); the best are a tenth of the trials, at least six.
    Empty with too few trials.
    """
    if len(trials) < FEWEST:
        return {}
    found = {}
    share = min(0.5, max(0.1, 6 / len(trials)))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=share)
    for i, objective in enumerate(objectives):
        values = [trial.values[i] for trial in trials]
        if len(set(values)) > 1:
            sign = -1.0 if objective.maximize else 1.0  # what matters for the least values
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*low `target` values")
                found[objective.name] = get_param_importances(
                    study, evaluator=evaluator, target=_value_of(i, sign)
                )
    return found


def _value_of(i: int, sign: float) -> Callable[[FrozenTrial], float]:
    return lambda trial: sign * trial.values[i]


@styled
def importance(found: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw the importance of the parameters, a group of bars for each."""
    names = sorted(next(iter(found.values())))
    figure = empty_figure(5.6, 1.0 + 0.28 * len(names) * len(found))
    ax = figure.subplots()
    height = 0.8 / len(found)
    colours = itertools.cycle(("vermilion", "blue", "green", "orange", "purple"))
    for i, (objective, shares) in enumerate(found.items()):
        places = np.arange(len(names)) + i * height
        shown = [shares.get(name, 0.0) for name in names]
        ax.barh(places, shown, height, color=OKABE_ITO[next(colours)], label=objective)
    ax.set_yticks(np.arange(len(names)) + 0.4 - height / 2, [_last(name) for name in names])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("importance for being among the best trials")
    ax.legend()
    return figure


@styled
def pareto_front(
    trials: Sequence[FrozenTrial],
    objectives: Sequence[Objective],
    baselines: Mapping[str, Sequence[float | None]],
) -> Figure:
    """Draw each pair of objectives: trials, baselines, and a line through the best of all."""
    pairs = list(itertools.combinations(range(len(objectives)), 2))
    figure = empty_figure(6.0 * len(pairs), 4.2)
    for ax, pair in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
        # What is to be small lies along the x axis.
        x, y = sorted(pair, key=lambda i: objectives[i].maximize)
        _pair(ax, trials, objectives, baselines, x, y)
    return figure


def _pair(
    ax: Axes,
    trials: Sequence[FrozenTrial],
    objectives: Sequence[Objective],
    baselines: Mapping[str, Sequence[float | None]],
    x: int,
    y: int,
) -> None:
    networks = {str(trial.number): (trial.values[x], trial.values[y]) for trial in trials}
    others = {
        name: (a, b)
        for name, values in baselines.items()
        if (a := values[x]) is not None and (b := values[y]) is not None
    }
    low, high = _range([point[1] for point in networks.values()])
    inside = {name: point for name, point in others.items() if low <= point[1] <= high}
    outside = [name for name in others if name not in inside]
    every = {**networks, **inside}
    sign = -1 if objectives[x].maximize else 1
    costs = {name: sign * point[0] for name, point in every.items()}
    skills = {name: point[1] for name, point in every.items()}
    best = front(costs, skills, least=not objectives[y].maximize)
    line = [every[name] for name in best]
    ax.plot([p[0] for p in line], [p[1] for p in line], color="0.6", zorder=1, label="best of all")
    for name, points, colour in (("trial", networks, NETWORK), ("baseline", inside, BASELINE)):
        if points:
            xs, ys = zip(*points.values(), strict=True)
            ax.plot(xs, ys, "o", color=colour, markersize=5, label=name)
    own = front(
        {n: costs[n] for n in networks},
        {n: skills[n] for n in networks},
        not objectives[y].maximize,
    )
    _scale(ax.xaxis, [point[0] for point in every.values()])
    ax.margins(x=0.15, y=0.12)
    ax.set_xlabel(label(objectives[x]))
    ax.set_ylabel(label(objectives[y]))
    _name_points(ax, {name: every[name] for name in [*inside, *own]}, set(inside))
    if outside:
        ax.set_title(f"outside: {', '.join(outside)}".replace("_", " "), fontsize=7.5, color="0.4")
    ax.legend()


def _name_points(ax: Axes, points: Mapping[str, tuple[float, float]], baselines: set[str]) -> None:
    """Write names beside points where they are free to stand, those of baselines anywhere."""
    ax.autoscale_view()
    taken: list[tuple[float, float, float, float]] = []
    for name, point in points.items():
        x, y = ax.transData.transform(point)
        # Of the letters, and of the room around [pixels].
        width, height = 6.0 * len(name) + 4.0, 13.0
        places = [
            (x + dx, y + dy, x + dx + width, y + dy + height)
            for dy in (-14.0, -4.0, 6.0, -24.0, 16.0)
            for dx in (7.0, -width - 7.0)
        ]
        free = [box for box in places if not any(_overlap(box, other) for other in taken)]
        if not free and name not in baselines:
            continue
        box = (free or places)[0]
        taken.append(box)
        ax.annotate(
            name.replace("_", " "),
            point,
            xytext=((box[0] - x) * 72 / ax.figure.dpi, (box[1] + 2 - y) * 72 / ax.figure.dpi),
            textcoords="offset points",
            fontsize=7.5,
            color=BASELINE if name in baselines else NETWORK,
        )


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return bounds that baselines are drawn within: three times the range of the trials."""
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    return low - spread, high + spread


@styled
def parallel_coordinates(trials: Sequence[FrozenTrial], objectives: Sequence[Objective]) -> Figure:
    """Draw a line per trial across its parameters and objectives, coloured by the first one."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    names = list(trials[0].params)
    columns = [_column([t.params[n] for t in trials], trials[0].distributions[n]) for n in names]
    columns += [_column([t.values[i] for t in trials], None) for i in range(len(objectives))]
    titles = [_last(name) for name in names] + [label(objective) for objective in objectives]
    figure = empty_figure(max(5.6, 1.3 * len(columns)), 3.6)
    ax = figure.subplots()
    first = [trial.values[0] for trial in trials]
    scale = Normalize(min(first), max(first))
    order = sorted(range(len(trials)), key=lambda k: first[k], reverse=not objectives[0].maximize)
    for k in order:
        colour = colormaps["viridis"](scale(first[k]))
        heights = [places[k] for places, _ in columns]
        ax.plot(range(len(columns)), heights, color=colour, linewidth=1.0, alpha=0.8)
    for place, (_, ticks) in enumerate(columns):
        for height, word in ticks:
            ax.annotate(
                word, (place, height), textcoords="offset points", xytext=(4, -3), fontsize=7
            )
    ax.set_xticks(range(len(columns)), titles, rotation=20, ha="right", fontsize=8)
    ax.set_yticks([])
    ax.grid(axis="x", color="0.6", linewidth=0.8)
    ax.set_xlim(-0.1, len(columns) - 0.5)
    ax.set_title(f"colour: {label(objectives[0])}, {min(first):.4g} to {max(first):.4g}")
    return figure


def _column(
    values: Sequence[Any], distribution: Any
) -> tuple[list[float], list[tuple[float, str]]]:
    """Return the places of values on an axis from 0 to 1, and its ticks."""
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        last = max(len(choices) - 1, 1)
        ticks = [(i / last, text(choice)) for i, choice in enumerate(choices)]
        return [choices.index(value) / last for value in values], ticks
    low, high = min(values), max(values)
    if low == high:
        return [0.5] * len(values), [(0.5, f"{low:.4g}")]
    if getattr(distribution, "log", False):
        places = [math.log(value / low) / math.log(high / low) for value in values]
    else:
        places = [(value - low) / (high - low) for value in values]
    return places, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]


def label(objective: Objective) -> str:
    """Return the words of an axis."""
    words = objective.name.replace("_", " ").replace("in loop.", "in the loop: ")
    return f"{words} [{objective.unit}]" if objective.unit else words


def _last(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _scale(axis: Any, values: Sequence[float]) -> None:
    """Make an axis logarithmic where positive values span more than a decade."""
    if min(values) > 0 and max(values) > 10 * min(values):
        axis._set_axes_scale("log")
        axis.set_major_formatter("{x:g}")


def medians(rows: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Return the median of each column over the rows that have it."""
    columns = zip(*rows, strict=True)
    return [
        statistics.median(known) if (known := [v for v in column if v is not None]) else None
        for column in columns
    ]
