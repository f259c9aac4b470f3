"""The objectives of a sweep: numbers that a finished training has left in its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai4sim.complaints import nearest
from ai4sim.cost import COMPILED
from ai4sim.experiment import Experiment

MODEL = "model"
VALIDATION = ("val_loss", "val_r2")
IN_LOOP = "in_loop."
TIME, UNCOMPILED, MEMORY = "time_per_sample", "time_uncompiled", "peak_memory"
DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True)
class Objective:
    """A number that trials are compared by.

    Attributes
    ----------
    name : str
        ``time_per_sample`` of the exported network, compiled, on one thread [µs], or
        ``time_uncompiled``; ``peak_memory`` of the training [MiB]; ``val_loss`` or ``val_r2`` of
        the best checkpoint; ``in_loop.NAME``, a score of the use case's closed loop; else a metric
        of the model in ``results.json``.
    maximize : bool
        Whether the greatest value is the best one.
    """

    name: str
    maximize: bool

    @property
    def unit(self) -> str:
        """The unit, empty without one or where the results do not say it."""
        return {TIME: "µs", UNCOMPILED: "µs", MEMORY: "MiB"}.get(self.name, "")

    def known(self, results: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values of the model that this one is looked up among, by their names."""
        return _values(self.name, results, MODEL)

    def value(self, results: Mapping[str, Any], of: str = MODEL) -> float | None:
        """Return the number of the model or of a baseline; None where it is not known."""
        found = _values(self.name, results, of).get(self.name)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found) if math.isfinite(found) else None


def _values(name: str, results: Mapping[str, Any], of: str) -> Mapping[str, Any]:
    """Return the values of one contender that are of the kind of an objective."""
    if name in (TIME, UNCOMPILED):
        times = results.get("cost", {}).get("microseconds", {})
        key = COMPILED if of == MODEL and name == TIME else of
        return {name: times[key]} if key in times else {}
    if name == MEMORY or name in VALIDATION:
        training = results.get("training", {})
        return training if of == MODEL else {}
    part = results.get("in_loop", {}) if name.startswith(IN_LOOP) else results
    values = part.get(MODEL, {}) if of == MODEL else part.get("baselines", {}).get(of, {})
    prefix = IN_LOOP if name.startswith(IN_LOOP) else ""
    return {f"{prefix}{key}": value for key, value in values.items()}


def options_of(objectives: Sequence[Objective]) -> list[str]:
    """Return the options of ``fit`` that make it measure objectives."""
    names = {objective.name for objective in objectives}
    options = []
    if TIME in names or UNCOMPILED in names:
        options.append(f"--cost={'true' if TIME in names else 'uncompiled'}")
    if any(name.startswith(IN_LOOP) for name in names):
        options.append("--in_loop=true")
    return options


def read_results(experiment: Experiment) -> dict[str, Any] | None:
    """Return the results of a training; None if it has not come to its end.

    Returns
    -------
    dict or None
        ``results.json``, with ``training.json`` under the name ``training``.
    """
    training = _read(experiment.artifacts / "training.json")
    results = _read(experiment.artifacts / "results.json")
    return None if training is None or results is None else {**results, "training": training}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def values_of(objectives: Iterable[Objective], results: Mapping[str, Any]) -> list[float]:
    """Return the value of each objective.

    Raises
    ------
    KeyError
        The results have no such number: the name is wrong.
    ArithmeticError
        It is not finite, or could not be measured.
    """
    values = []
    for objective in objectives:
        known = objective.known(results)
        if not known and objective.name in (TIME, UNCOMPILED):
            raise ArithmeticError(f"{objective.name} could not be measured, the log says why")
        if not known and objective.name.startswith(IN_LOOP):
            raise ArithmeticError(
                f"the closed loop has no scores: {results['in_loop']['unstable']}"
            )
        if objective.name not in known:
            numbers = [name for name, value in known.items() if isinstance(value, int | float)]
            raise KeyError(
                f"the results have no {objective.name}{nearest(objective.name, numbers)}. "
                f"They have: {', '.join(numbers)}"
            )
        value = objective.value(results)
        if value is None:
            raise ArithmeticError(f"{objective.name} is not a finite number")
        values.append(value)
    return values
