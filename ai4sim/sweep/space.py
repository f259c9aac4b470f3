"""The space of a sweep, a file in YAML: options with their bounds, objectives, pruning, jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ai4sim.complaints import nearest
from ai4sim.io.files import missing_file_error
from ai4sim.sweep.objectives import DIRECTIONS, Objective

KINDS = ("int", "float", "categorical")
SECTIONS = ("parameters", "objectives", "pruning", "jobs")
OF_THE_SWEEP = ("config", "experiment", "ckpt_path", "start_from", "cost", "in_loop", "help")
"""Options of ``fit`` that a sweep gives its trials itself, or that all of them share."""
PRUNING = {"startup_trials": 5, "warmup_epochs": 0}


@dataclass(frozen=True)
class Space:
    """A space as its file declares it.

    Attributes
    ----------
    parameters : mapping of str to distribution
        By the name of the option, ``model.init_args.features`` for instance.
    objectives : tuple of Objective
    pruning : mapping, optional
        Trials that are not pruned at first, and epochs of each trial that are not judged.
    jobs : mapping
        The resources of a job, in submitit's words.
    """

    parameters: Mapping[str, BaseDistribution]
    objectives: tuple[Objective, ...]
    pruning: Mapping[str, int] | None = None
    jobs: Mapping[str, Any] = field(default_factory=dict)


def read_space(path: Path) -> Space:
    """Read a space.

    Raises
    ------
    FileNotFoundError, ValueError
        The message names the file and the entry.
    """
    if not path.is_file():
        raise missing_file_error(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    content = _mapping(content, f"{path}", SECTIONS)
    parameters = _mapping(content.get("parameters"), f"{path}: parameters")
    found = {
        str(name).removeprefix("--"): _distribution(entry, f"{path}: parameters.{name}")
        for name, entry in parameters.items()
    }
    for name in found:
        if name.partition(".")[0] in OF_THE_SWEEP:
            raise ValueError(f"{path}: parameters.{name}: the sweep gives this option itself")
    objectives = _mapping(content.get("objectives"), f"{path}: objectives")
    for name, direction in objectives.items():
        if direction not in DIRECTIONS:
            expected = " or ".join(DIRECTIONS)
            raise ValueError(f"{path}: objectives.{name}: found {direction!r}, expected {expected}")
    pruning = _pruning(content.get("pruning"), len(objectives), f"{path}: pruning")
    jobs = _mapping(content["jobs"], f"{path}: jobs") if content.get("jobs") else {}
    chosen = tuple(
        Objective(str(n), direction == "maximize") for n, direction in objectives.items()
    )
    return Space(found, chosen, pruning, jobs)


def text(value: Any) -> str:
    """Return a value as a word of the command line."""
    return value if isinstance(value, str) else json.dumps(value)


def words(options: Mapping[str, Any]) -> list[str]:
    """Return options as words of the command line."""
    return [f"--{name}={text(value)}" for name, value in options.items()]


def extremes(distribution: BaseDistribution) -> list[Any]:
    """Return the values that a parser must take: both bounds, or all choices."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return [distribution.low, distribution.high]


def _mapping(content: Any, where: str, names: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return the content if it is a mapping, of these names only, and not empty."""
    if not isinstance(content, Mapping) or not content:
        found = "nothing" if not content else repr(content)
        raise ValueError(f"{where}: found {found}, expected names with their values")
    for name in content:
        if names and name not in names:
            raise ValueError(
                f"{where}: unknown {name}{nearest(str(name), names)}, expected {', '.join(names)}"
            )
    return content


def _distribution(entry: Any, where: str) -> BaseDistribution:
    """Return the distribution of an entry such as ``{float: [1.0e-4, 1.0e-2], log: true}``."""
    entry = _mapping(entry, where, (*KINDS, "log", "step"))
    kinds = [name for name in KINDS if name in entry]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise ValueError(f"{where}: found {found}, expected one of {', '.join(KINDS)}")
    kind, values = kinds[0], entry[kinds[0]]
    if not isinstance(values, list) or not values:
        raise ValueError(f"{where}: {kind}: found {values!r}, expected a list")
    if kind == "categorical":
        return _choice(entry, values, where)
    if len(values) != 2:
        raise ValueError(f"{where}: {kind}: found {values}, expected two bounds")
    low, high = (_number(value, kind, f"{where}: {kind}") for value in values)
    log, step = entry.get("log", False), entry.get("step")
    if not isinstance(log, bool):
        raise ValueError(f"{where}: log: found {log!r}, expected true or false")
    if low >= high:
        raise ValueError(f"{where}: {kind}: found {values}, expected a lower and an upper bound")
    if log and low <= 0:
        raise ValueError(f"{where}: log: found the lower bound {low}, expected a positive one")
    if log and step is not None:
        raise ValueError(f"{where}: found log and step, expected one of them at most")
    if step is not None:
        step = _number(step, kind, f"{where}: step")
        if not 0 < step <= high - low:
            raise ValueError(f"{where}: step: found {step}, expected at most {high - low}")
    if kind == "int":
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(low, high, log=log, step=step)


def _choice(entry: Mapping[str, Any], values: list[Any], where: str) -> CategoricalDistribution:
    others = [name for name in ("log", "step") if name in entry]
    if others:
        raise ValueError(f"{where}: {others[0]}: a categorical option has none")
    # Optuna keeps numbers, words and None; lists and mappings as the words of the command line.
    choices = [v if v is None or isinstance(v, bool | int | float) else text(v) for v in values]
    if len({text(choice) for choice in choices}) != len(choices):
        raise ValueError(f"{where}: categorical: found {values}, expected different values")
    return CategoricalDistribution(choices)


def _number(value: Any, kind: str, where: str) -> float:
    if isinstance(value, str) and kind == "float":  # YAML 1.1 reads 1e-3 as a word
        try:
            return float(value)
        except ValueError:
            pass
    right = isinstance(value, int) if kind == "int" else isinstance(value, int | float)
    if isinstance(value, bool) or not right:
        expected = "an integer" if kind == "int" else "a number"
        raise ValueError(f"{where}: found {value!r}, expected {expected}")
    number: float = value
    return number


def _pruning(entry: Any, objectives: int, where: str) -> Mapping[str, int] | None:
    if entry is None or entry is False:
        return None
    if objectives > 1:
        raise ValueError(f"{where}: found {objectives} objectives, expected a single one")
    if entry is True:
        return PRUNING
    entry = _mapping(entry, where, tuple(PRUNING))
    for name, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{where}.{name}: found {value!r}, expected an integer from 0")
    return {**PRUNING, **entry}
