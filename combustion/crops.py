"""Random crops of filtered flames for training; whole fields for everything else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ai4sim.data.batches import BatchIndex
from ai4sim.data.datamodule import Stage
from ai4sim.variables import Batch
from combustion.data import FlameDataModule, on_grids, stack
from combustion.io.facts import period
from combustion.io.layouts import Flame, Snapshot
from combustion.matching import cells_per_filter

log = logging.getLogger(__name__)

Augmentation = Literal["none", "cross_stream", "isotropic"]
REFLECTED: dict[str, tuple[int, ...]] = {
    "none": (),
    "cross_stream": (1, 2),
    "isotropic": (0, 1, 2),
}


class Crops(Dataset):
    """Blocks cut from snapshots at random places, anew in each epoch.

    A periodic axis is wrapped around, so every place along it is equally likely. Augmentation
    reflects axes and, where the block is as wide in y as in z, swaps these two: the relation
    between c_bar and Sigma within a filter width does not know where the jet comes from.

    Parameters
    ----------
    snapshots : sequence of Snapshot
    shape : (int, int, int)
        Cells of a block along x, y, z; an axis of a field that is shorter is taken whole.
    per_snapshot : int
        Blocks per snapshot and epoch.
    augment : {"none", "cross_stream", "isotropic"}
        Which axes are reflected: none, those across the stream (y, z), all.
    """

    def __init__(
        self,
        snapshots: Sequence[Flame],
        shape: tuple[int, int, int],
        per_snapshot: int,
        augment: Augmentation,
    ) -> None:
        snapshots = on_grids(snapshots)
        extents = np.array(
            [
                [period(s, a) or n for a, n in enumerate(s.progress_variable.shape)]
                for s in snapshots
            ]
        )
        self.snapshots, self.augment = snapshots, augment
        self.shape = tuple(int(n) for n in np.minimum(shape, extents.min(axis=0)))
        if self.shape != tuple(shape):
            log.info(
                "crops of %s instead of %s: some field is not larger", self.shape, tuple(shape)
            )
        self.groups = [self.shape] * (len(snapshots) * per_snapshot)

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return ``inputs``, ``targets`` (batch, 1, *shape), ``dx`` [m] and ``cells`` (batch,)."""
        rng = np.random.default_rng(index.draw)
        chosen = [self.snapshots[i % len(self.snapshots)] for i in index.samples]
        blocks = [self._block(snapshot, rng) for snapshot in chosen]
        return {
            "inputs": stack([c for c, _ in blocks]),
            "targets": stack([sigma for _, sigma in blocks]),
            "dx": torch.tensor([s.dx for s in chosen]),
            "cells": torch.tensor([cells_per_filter(s) for s in chosen]),
        }

    def _block(
        self, snapshot: Snapshot, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        axes = []
        for axis, (n, size) in enumerate(
            zip(snapshot.progress_variable.shape, self.shape, strict=True)
        ):
            wrap = period(snapshot, axis)
            start = rng.integers(wrap if wrap else n - size + 1)
            cells = start + np.arange(size)
            axes.append(cells % wrap if wrap else cells)
        for axis in REFLECTED[self.augment]:
            if rng.random() < 0.5:
                axes[axis] = axes[axis][::-1]
        cells = np.ix_(*axes)
        target = snapshot.flame_surface_density
        if target is None:
            raise ValueError(f"{snapshot.path}: no flame surface density to train on")
        pair = snapshot.progress_variable[cells], target[cells]
        square = self.augment != "none" and self.shape[1] == self.shape[2]
        if square and rng.random() < 0.5:
            pair = pair[0].swapaxes(1, 2), pair[1].swapaxes(1, 2)
        return pair


class CropDataModule(FlameDataModule):
    """Filtered flames, cut into random blocks for training.

    Parameters
    ----------
    crop : (int, int, int)
        Cells of a training block along x (stream), y (cross), z (span).
    crops_per_snapshot : int
        Blocks drawn from each snapshot in each epoch.
    augment : {"none", "cross_stream", "isotropic"}
        Reflect no axis, those across the stream, or all; the first swaps none, the others y and z.
    **kwargs
        See :class:`combustion.data.FlameDataModule`.
    """

    def __init__(
        self,
        crop: tuple[int, int, int] = (32, 16, 16),
        crops_per_snapshot: int = 8,
        augment: Augmentation = "cross_stream",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.crop, self.crops_per_snapshot, self.augment = crop, crops_per_snapshot, augment

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return random blocks for training, whole snapshots otherwise."""
        if stage != "train":
            return super().dataset(files, stage)
        snapshots = [self.snapshot(path) for path in files]
        return Crops(snapshots, self.crop, self.crops_per_snapshot, self.augment)
