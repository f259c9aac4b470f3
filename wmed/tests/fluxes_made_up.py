"""Made-up fluxes on the made-up grids, as the evaluation takes them in."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from wmed.evaluation import FluxEvaluation
from wmed.excerpts import Conditions
from wmed.io import graph as graphs
from wmed.io.graph import CouplingGraph
from wmed.io.grid import OceanGrid
from wmed.io.layout import HEAT
from wmed.tests.grids_made_up import made_up_atmosphere, made_up_ocean

TIMES = 6


def made_up_graph() -> tuple[OceanGrid, CouplingGraph]:
    """Return the ocean and its graph."""
    grid = made_up_ocean()
    return grid, graphs.build(made_up_atmosphere(), grid)


def draw_fluxes(graph: CouplingGraph, times: int, seed: int = 0) -> dict[str, Tensor]:
    """Draw a stress and heat of four parts, float64."""
    draw = torch.Generator().manual_seed(seed)

    def normal(points: int, mean: float, spread: float) -> Tensor:
        return mean + spread * torch.randn(times, points, generator=draw, dtype=torch.float64)

    rho, u, v = (graph.sizes[name] for name in ("rho", "u", "v"))
    facts = ((200, 90), (-60, 10), (-80, 40), (-10, 15))
    parts = {name: normal(rho, *fact) for name, fact in zip(HEAT[1:], facts, strict=True)}
    heat = torch.stack(list(parts.values())).sum(0)
    return {"tau_x": normal(u, 0.05, 0.1), "tau_y": normal(v, -0.1, 0.2), "heat": heat, **parts}


def made_up_times(event: str = "croco_his_20060101", seed: int = 0) -> dict[str, Any]:
    """Draw what :meth:`FluxEvaluation.update` takes, of a model and of two baselines."""
    grid, graph = made_up_graph()
    targets = draw_fluxes(graph, TIMES, seed)
    other = draw_fluxes(graph, TIMES, seed + 100)
    draw = torch.Generator().manual_seed(seed)

    def between(name: str, share: float) -> Tensor:
        return share * targets[name] + (1 - share) * other[name]

    state = {
        name: spread * torch.randn(TIMES, graph.sizes[points], generator=draw).double()
        for name, points, spread in (
            ("wind_x", "rho", 8.0),
            ("wind_y", "rho", 6.0),
            ("current_u", "u", 0.2),
            ("current_v", "v", 0.2),
        )
    }
    return {
        "event": event,
        "time": 315600.0 + 6 * torch.arange(TIMES, dtype=torch.float64),
        "grid": grid,
        "graph": graph,
        **state,
        "targets": targets,
        "predictions": {
            "model": {name: between(name, 0.9) for name in targets},
            "constant_bulk": {name: between(name, 0.6) for name in targets},
            "stress_only": {name: between(name, 0.3) for name in ("tau_x", "tau_y", "heat")},
        },
    }


def at_times(given: dict[str, Any], chosen: Any) -> dict[str, Any]:
    """Return some of the times."""
    states = ("time", "wind_x", "wind_y", "current_u", "current_v")
    return {
        **given,
        **{name: given[name][chosen] for name in states},
        "targets": {name: values[chosen] for name, values in given["targets"].items()},
        "predictions": {
            model: {name: values[chosen] for name, values in fluxes.items()}
            for model, fluxes in given["predictions"].items()
        },
    }


def evaluate(*parts: dict[str, Any]) -> FluxEvaluation:
    """Return an evaluation of some times."""
    evaluation = FluxEvaluation()
    for part in parts:
        conditions = Conditions(**{field.name: part[field.name] for field in fields(Conditions)})
        evaluation.update(conditions, part["targets"], part["predictions"])
    return evaluation
