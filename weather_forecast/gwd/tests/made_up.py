"""Made-up columns with what a test set has: closed budgets, drag against the wind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.evaluation import ColumnEvaluation
from weather_forecast.gwd.io.layout import write_columns
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.synthetic.generate import outputs
from weather_forecast.levels import full_level_pressure, half_level_pressure

NOGWD, OGWD = DragLayout("nogwd", 24), DragLayout("ogwd", 91)


def layer_mass(layout: DragLayout, inputs: Tensor) -> Tensor:
    """Mass per area of each layer, (column, level) [kg/m2]."""
    surface = layout.split_inputs(inputs)["surface_pressure"].double()
    return half_level_pressure(surface, layout.levels).diff(dim=-1) / GRAVITY


def columns(layout: DragLayout, n: int, seed: int = 0) -> dict[str, Tensor]:
    """Inputs (column, input_channels), targets (column, output_channels) and latitude (column,)."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    levels = layout.levels
    wind = 10 + 20 * normal(n, 2, levels)
    surface = [1e5 + 1e3 * normal(n, 1), 100 * normal(n, 1).abs()]
    if layout.scheme == "ogwd":
        surface += [200 * normal(n, 1).abs(), *(normal(n, 1).abs() for _ in range(3))]
    inputs = torch.cat([wind.flatten(1), 240 + 10 * normal(n, levels), *surface], dim=1)
    mass = layer_mass(layout, inputs)
    flux = torch.nn.functional.pad(1e-3 * normal(n, 2, levels - 1), (1, 1))
    tendency = flux.diff(dim=-1) / mass[:, None]
    if layout.scheme == "ogwd":
        strength = 1e-5 * normal(n, 1, levels).square()
        strength[..., : levels - 20] = 0  # blocked flow is near the ground
        tendency = torch.cat([tendency, -strength * wind], dim=1)
    return {
        "inputs": inputs,
        "targets": tendency.flatten(1),
        "latitude": 180 * torch.rand(n, generator=rng, dtype=torch.float64) - 90,
    }


def evaluate(layout: DragLayout, n: int = 200, **predictions: Any) -> ColumnEvaluation:
    """Evaluate functions of the targets; without "model", half the target and some noise."""
    data = columns(layout, n)
    target = data["targets"]
    noise = torch.randn(
        target.shape, generator=torch.Generator().manual_seed(1), dtype=target.dtype
    )
    predictions = {"model": lambda y: 0.5 * y + 0.2 * noise * y.std(0)} | predictions
    evaluation = ColumnEvaluation(layout)
    evaluation.update(**data, predictions={name: f(target) for name, f in predictions.items()})
    return evaluation


def smooth_columns(layout: DragLayout, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs (column, input_channels), latitude (column,): jets, waves in a standard atmosphere."""
    rng = torch.Generator().manual_seed(seed)

    def number(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, 1, generator=rng, dtype=torch.float64)

    surface = number(7e4, 1.03e5)
    p = full_level_pressure(half_level_pressure(surface[:, 0], layout.levels))
    height = -7e3 * (p / 101325).log()

    def waves(amplitude: float) -> Tensor:
        """Waves that grow upward, and whose sum is smooth from level to level."""
        growth = amplitude * (height / 40e3).exp()
        lengths = (8e3, 13e3, 24e3)
        each = [
            number(-1, 1) * growth * (2 * math.pi * (height / length + number(0, 1))).sin()
            for length in lengths
        ]
        return torch.stack(each).mean(0)

    def wind() -> Tensor:
        jets = ((11e3, 6e3, 35.0), (32e3, 9e3, 25.0), (60e3, 18e3, 70.0))
        parts = [number(-1, 1) * v * (-(((height - z) / w) ** 2)).exp() for z, w, v in jets]
        return number(-10, 10) + torch.stack(parts).sum(0) + waves(8.0)

    u, v = wind(), wind()
    troposphere = (288 * (p / 101325) ** 0.19).clamp(min=216.0)
    temperature = troposphere + 40 * (-(((height - 49e3) / 15e3) ** 2)).exp() + waves(1.5)
    rows = [u, v, temperature, surface, number(90, 110)]
    if layout.scheme == "ogwd":
        ends = ((60, 500), (0.01, 0.1), (0.05, 1), (-math.pi / 2, math.pi / 2))
        rows += [number(*low_and_high) for low_and_high in ends]
    return torch.cat(rows, dim=1), number(-90, 90)[:, 0]


def write_dates(
    folder: Path,
    layout: DragLayout,
    dates: int = 8,
    grid: tuple[int, int] = (4, 6),
    *,
    latitude: bool = True,
    targets: bool = True,
    seed: int = 0,
) -> list[Path]:
    """Write raw files of dates a month apart: smooth columns that the scheme has labelled."""
    paths = [folder / "raw" / f"2015-{month:02d}-01.h5" for month in range(1, dates + 1)]
    for month, path in enumerate(paths):
        x, north = smooth_columns(layout, math.prod(grid), seed=100 * seed + month)
        y = outputs(x, north, layout) if targets else None
        write_columns(path, layout, x, y, north if latitude else None, grid)
    return paths
