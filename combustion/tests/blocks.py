"""A box of a lattice as an unstructured mesh: what is known of it can be computed by hand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from combustion.evaluation import FlameEvaluation
from combustion.io.layouts import Flame, Snapshot
from combustion.io.meshes import MeshSnapshot


@dataclass
class Block:
    """Nodes at the corners of cubes: edges along the cubes, volumes that add up to the box."""

    positions: np.ndarray
    volumes: np.ndarray
    edges: np.ndarray
    shape: tuple[int, int, int]


def block(shape: tuple[int, int, int], dx: float, start: tuple[int, int, int] = (0, 0, 0)) -> Block:
    """Nodes (x slowest) from `start`, in units of dx; those of a face have half a volume."""
    numbers = np.arange(np.prod(shape)).reshape(shape)
    pairs, volumes = [], np.full(shape, dx**3)
    for axis, points in enumerate(shape):
        pairs.append(
            np.stack([numbers.take(range(points - 1), axis), numbers.take(range(1, points), axis)])
        )
        for face in (0, -1):
            np.moveaxis(volumes, axis, 0)[face] /= 2
    axes = [(first + np.arange(points)) * dx for first, points in zip(start, shape, strict=True)]
    return Block(
        np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3),
        volumes.ravel(),
        np.concatenate([pair.reshape(2, -1) for pair in pairs], axis=1).T,
        shape,
    )


def judge(
    evaluation: FlameEvaluation,
    *,
    path: str,
    predictions: dict[str, Any],
    mesh: Block | None = None,
    **facts: Any,
) -> None:
    """Take in predictions of a made-up snapshot, on a mesh if there is one."""
    if mesh is None:
        snapshot: Flame = Snapshot(path=Path(path), **facts)
    else:
        where = {name: getattr(mesh, name) for name in ("positions", "edges", "volumes")}
        snapshot = MeshSnapshot(path=Path(path), **where, **facts)
    evaluation.update(snapshot, predictions)
