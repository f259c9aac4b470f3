"""Filtered flames as training data: raw files, mapped into memory once they are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ai4sim.data.batches import BatchIndex
from ai4sim.data.datamodule import Stage, SurrogateDataModule
from ai4sim.experiment import Experiment
from ai4sim.io.ranges import Quantity
from ai4sim.nets.graph import Graph
from ai4sim.normalization import RunningStatistics
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch
from combustion.baselines import gradient_of
from combustion.io.facts import facts_of, grid_spacing, period
from combustion.io.grids import read_snapshot, write_like
from combustion.io.layouts import (
    FIELDS,
    PREDICTED,
    UNITS,
    Flame,
    Snapshot,
    bounds_of,
    check_surface,
    mean_slope,
    sampled_planes,
)
from combustion.io.mesh_files import is_mesh, read_mesh, sources_of, write_mesh_like
from combustion.io.meshes import MeshSnapshot, edge_lengths
from combustion.matching import cells_per_filter

MEAN_SURFACE, MEAN_SLOPE = "mean_flame_surface_density", "mean_slope"
"""Attributes of processed data: the means of Sigma [1/m] and of ``|grad c_bar|``, 1/m on meshes; on
grids those of some planes, and the latter per cell."""
MEAN_EDGE = "mean_edge_length"
"""Attribute of a processed mesh [m]: its reference length where nobody states another."""


def process(path: Path) -> dict[str, Any]:
    """Read and check a raw file; return its fields by name and its attributes.

    Of a mesh also its graph, in the form in which parts can be cut from it, and the gradient.
    """
    if is_mesh(path):
        return _process_mesh(path)
    # The spacing is settled when the fields are opened, since the user may give it.
    snapshot = read_snapshot(path, dx=1.0, require_target=False)
    facts, sigma = snapshot.attributes, snapshot.flame_surface_density
    facts[MEAN_SLOPE] = mean_slope(snapshot.progress_variable)
    if sigma is not None:
        facts[MEAN_SURFACE] = float(sigma[sampled_planes(len(sigma))].mean(dtype=np.float64))
    if "dx_les" in facts or "dx" in facts:
        _check_surface(facts, snapshot.dx, snapshot.dx, path)
    return _fields(snapshot)


def _process_mesh(path: Path) -> dict[str, Any]:
    mesh = read_mesh(path, require_target=False)
    by_edges = gradient_of(replace(mesh, resolved_gradient=None))
    mesh.attributes[MEAN_SLOPE] = float(by_edges.mean())
    if mesh.flame_surface_density is not None:
        surface = mesh.flame_surface_density.mean(dtype=np.float64)
        mesh.attributes[MEAN_SURFACE] = float(surface)
    _check_surface(mesh.attributes, 1.0, mesh.dx, path)
    mesh.resolved_gradient = gradient_of(mesh).numpy()
    mesh.attributes[MEAN_EDGE] = float(edge_lengths(mesh.positions, mesh.edges).mean())
    return {
        **_fields(mesh),
        "sources": sources_of(path),
        "positions": mesh.positions,
        "edges": mesh.edges,
        "volumes": mesh.volumes,
        "edge_index": mesh.graph.edge_index.numpy(),
        "offsets": mesh.graph.offsets.numpy(),
    }


def _check_surface(attributes: Mapping[str, Any], cell: float, dx: float, path: Path) -> None:
    """Compare the means of a processed file; its slope is per `cell` [m]."""
    if MEAN_SURFACE in attributes:
        check_surface(attributes[MEAN_SURFACE], attributes[MEAN_SLOPE] / cell, dx, path)


def _fields(snapshot: Flame) -> dict[str, Any]:
    arrays = {name: getattr(snapshot, name) for name in FIELDS}
    return {
        "attributes": {**snapshot.attributes, "case": snapshot.case},
        **{name: array for name, array in arrays.items() if array is not None},
    }


def _mapped_graph(arrays: Mapping[str, NDArray[Any]]) -> Graph:
    """Take the graph of a mesh as it lies on disk; positions and offsets in m."""
    edge_index, offsets, positions = (
        torch.from_numpy(arrays[name]) for name in ("edge_index", "offsets", "positions")
    )
    return Graph(edge_index, offsets, positions, (len(positions),))


def on_grids(snapshots: Sequence[Flame]) -> list[Snapshot]:
    """Check that no snapshot is on a mesh.

    Raises
    ------
    ValueError
        One is.
    """
    for snapshot in snapshots:
        if isinstance(snapshot, MeshSnapshot):
            raise ValueError(
                f"{snapshot.path}: expected fields on a grid, found an unstructured mesh; "
                "graph networks take both (combustion/gnns)"
            )
    return [snapshot for snapshot in snapshots if isinstance(snapshot, Snapshot)]


def stack(arrays: Sequence[NDArray[np.float32]]) -> Tensor:
    """Gather fields (nx, ny, nz) into a batch (batch, 1, nx, ny, nz)."""
    return torch.from_numpy(np.stack(arrays)[:, None])


class FullFields(Dataset):
    """Whole snapshots, for validation, test and prediction.

    Parameters
    ----------
    snapshots : sequence of Snapshot
    """

    def __init__(self, snapshots: Sequence[Flame]) -> None:
        self.snapshots = snapshots = on_grids(snapshots)
        self.periods = [tuple(period(s, axis) for axis in range(3)) for s in snapshots]
        self.groups = [
            (snapshot.progress_variable.shape, periods, str(cells_per_filter(snapshot)))
            for snapshot, periods in zip(snapshots, self.periods, strict=True)
        ]

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return ``inputs`` and ``targets`` (batch, 1, nx, ny, nz), ``dx`` [m] (batch,), ``files``.

        ``cells`` (batch,) are the cells per filter width, NaN where unknown; ``periods`` those
        after which the fields repeat along each axis, or None.
        """
        chosen = [self.snapshots[i] for i in index.samples]
        batch: Batch = {
            "inputs": stack([s.progress_variable for s in chosen]),
            "dx": torch.tensor([s.dx for s in chosen]),
            "cells": torch.tensor([cells_per_filter(s) for s in chosen]),
            "files": [str(s.path) for s in chosen],
            "periods": self.periods[index.samples[0]],
        }
        targets = [s.flame_surface_density for s in chosen]
        if all(target is not None for target in targets):
            batch["targets"] = stack([t for t in targets if t is not None])
        return batch


class FlameDataModule(SurrogateDataModule):
    """Filtered flames in the CNF or R2/R3 layout, see :mod:`combustion.io.layouts`.

    Parameters
    ----------
    facts : dict of str to float, optional
        What the files' attributes do not say, by the names of the attributes: ``dx_les``,
        ``filter_width``, ``delta_L`` [m], ``S_L``, ``u_rms_in`` [m/s], ``l_t`` [m]. A file's own
        attribute wins. Without ``dx_les`` a flame on a grid cannot be used (on a mesh it is the
        mean length of the edges); without the others some closures are left out.
    compare : dict of str to str, optional
        Other trained networks to be tested on the same files: label -> experiment folder.
    **kwargs
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`.
    """

    recipe = "flames-4"
    needed = {"flame_surface_density": "flame surface density"}
    process = staticmethod(process)

    def __init__(
        self,
        facts: dict[str, float] | None = None,
        compare: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.facts = facts_of(Path("--data.facts"), facts or {})
        self.compare = dict(compare or {})

    @cached_property
    def rivals(self) -> dict[str, Surrogate]:
        """The networks to compare with, by their labels."""
        return {
            label: Surrogate.load(Experiment(Path(folder).expanduser()).artifacts)
            for label, folder in self.compare.items()
        }

    def quantities(self, path: Path, block: Mapping[str, NDArray[Any]]) -> list[Quantity]:
        """Return the fields of a raw file with their units and bounds."""
        return [
            Quantity(name, UNITS[name], block[name], bounds_of(name))
            for name in FIELDS
            if name in block
        ]

    def snapshot(self, path: Path | str, require_target: bool = True) -> Flame:
        """Open a processed file; its fields stay on disk until they are used.

        Raises
        ------
        ValueError
            The target is required and absent, or the grid spacing is unknown.
        """
        path = Path(path)
        arrays, attributes = self.processed(path)
        if require_target:
            self.require(path, arrays)
        facts = {**self.facts, **attributes}
        mesh = "positions" in arrays
        kind = MeshSnapshot if mesh else Snapshot
        known: dict[str, Any] = {f.name: arrays[f.name] for f in fields(kind) if f.name in arrays}
        if mesh:
            known["graph"] = _mapped_graph(arrays)
        dx = grid_spacing(facts, attributes.get(MEAN_EDGE), path)
        _check_surface(attributes, 1.0 if mesh else dx, dx, path)
        return kind(
            path=path,
            case=attributes["case"],
            time=float(attributes.get("time", np.nan)),
            dx=dx,
            attributes=facts,
            **known,
        )

    def snapshots(self, stage: Stage) -> list[Flame]:
        """Open all files of a stage."""
        return [self.snapshot(path, stage != "predict") for path in self.files(stage)]

    def statistics(self) -> RunningStatistics:
        """Return the statistics of the target over the training set, in units of 1/dx."""
        return RunningStatistics.merged(
            RunningStatistics.of(snapshot.flame_surface_density.reshape(1, -1) * snapshot.dx, (1,))
            for snapshot in self.snapshots("train")
            if snapshot.flame_surface_density is not None
        )

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return whole snapshots."""
        return FullFields([self.snapshot(path, stage != "predict") for path in files])

    def by_file(
        self, batch: Batch, prediction: Tensor, channel: int = 0
    ) -> list[tuple[Path, Tensor]]:
        """Divide the prediction of a batch: each raw file with its flame surface density [1/m].

        The second channel, if there is one, is its spread [1/m].
        """
        fields = prediction[:, channel].float().cpu()
        return list(zip(map(Path, batch["files"]), fields, strict=True))

    def write_prediction(self, folder: Path, batch: Batch, prediction: Tensor) -> list[Path]:
        """Write one file per raw file, of its layout and attributes; Sigma is predicted."""
        written = []
        channels = [self.by_file(batch, prediction, i) for i in range(prediction.shape[1])]
        for parts in zip(*channels, strict=True):
            file = parts[0][0]
            destination = folder / file.name
            write = write_mesh_like if is_mesh(file) else write_like
            fields = {name: values.numpy() for name, (_, values) in zip(PREDICTED, parts)}
            write(file, destination, fields)
            written.append(destination)
        return written
