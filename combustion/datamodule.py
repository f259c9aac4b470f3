"""Filtered flames as training data: raw HDF5 files, mapped into memory once they are checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ai4sim.cache import ProcessedCache
from ai4sim.datamodule import BatchIndex, Stage, SurrogateDataModule
from ai4sim.normalization import RunningStatistics
from combustion.layouts import FIELDS, Snapshot, grid_spacing, period, read_snapshot, write_like

Batch = dict[str, Any]


def process(path: Path) -> dict[str, Any]:
    """Read and check a raw file; return its fields by name and its attributes."""
    # The spacing is settled when the fields are opened, since the user may give it.
    snapshot = read_snapshot(path, dx=1.0, require_target=False)
    arrays = {name: getattr(snapshot, name) for name in FIELDS}
    return {
        "attributes": {**snapshot.attributes, "case": snapshot.case},
        **{name: array for name, array in arrays.items() if array is not None},
    }


def stack(arrays: Sequence[NDArray[np.float32]]) -> Tensor:
    """Gather fields (nx, ny, nz) into a batch (batch, 1, nx, ny, nz)."""
    return torch.from_numpy(np.stack(arrays)[:, None])


class FullFields(Dataset):
    """Whole snapshots, for validation, test and prediction.

    Parameters
    ----------
    snapshots : sequence of Snapshot
    """

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self.snapshots = snapshots
        self.periods = [tuple(period(s, axis) for axis in range(3)) for s in snapshots]
        self.groups = [
            (snapshot.progress_variable.shape, periods)
            for snapshot, periods in zip(snapshots, self.periods, strict=True)
        ]

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return ``inputs`` and ``targets`` (batch, 1, nx, ny, nz), ``dx`` [m] (batch,), ``files``.

        ``periods`` are the cells after which the fields repeat along each axis, or None.
        """
        chosen = [self.snapshots[i] for i in index.samples]
        batch: Batch = {
            "inputs": stack([s.progress_variable for s in chosen]),
            "dx": torch.tensor([s.dx for s in chosen]),
            "files": [str(s.path) for s in chosen],
            "periods": self.periods[index.samples[0]],
        }
        targets = [s.flame_surface_density for s in chosen]
        if all(target is not None for target in targets):
            batch["targets"] = stack([t for t in targets if t is not None])
        return batch


class FlameDataModule(SurrogateDataModule):
    """Filtered flames in the CNF or R2/R3 layout, see :mod:`combustion.layouts`.

    Parameters
    ----------
    facts : dict of str to float, optional
        What the files' attributes do not say, by the names of the attributes: ``dx_les``,
        ``filter_width``, ``delta_L`` [m], ``S_L``, ``u_rms_in`` [m/s], ``l_t`` [m]. A file's own
        attribute wins. Without ``dx_les`` a flame cannot be used; without the others some closures
        are left out.
    **kwargs
        See :class:`ai4sim.datamodule.SurrogateDataModule`.
    """

    def __init__(self, facts: dict[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.facts = dict(facts or {})

    def cache_of(self, path: Path) -> ProcessedCache:
        """Return the processed files that belong to a raw file ``DIR/raw/x.h5``."""
        return ProcessedCache(path.parent.parent, "flames-1", process)

    def prepare_files(self, files: Sequence[Path]) -> None:
        """Check raw files and write their fields where they can be mapped into memory."""
        for _, group in groupby(files, key=lambda path: path.parent):
            of_folder = list(group)
            self.cache_of(of_folder[0]).build(of_folder)

    def snapshot(self, path: Path | str, require_target: bool = True) -> Snapshot:
        """Open a processed file; its fields stay on disk until they are used.

        Raises
        ------
        ValueError
            The target is required and absent, or the grid spacing is unknown.
        """
        path = Path(path)
        arrays, attributes = self.cache_of(path).load(path)
        if require_target and "flame_surface_density" not in arrays:
            raise ValueError(
                f"{path}: no flame surface density: "
                "it cannot be trained on or tested, only predicted"
            )
        facts = {**self.facts, **attributes}
        return Snapshot(
            path=path,
            case=attributes["case"],
            time=float(attributes.get("time", np.nan)),
            dx=grid_spacing(facts, None, path),
            attributes=facts,
            **{f.name: arrays[f.name] for f in fields(Snapshot) if f.name in arrays},
        )

    def snapshots(self, stage: Stage) -> list[Snapshot]:
        """Open all files of a stage."""
        return [self.snapshot(path, stage != "predict") for path in self.files(stage)]

    def statistics(self) -> RunningStatistics:
        """Return the statistics of the target over the training set, in units of 1/dx."""
        return RunningStatistics.merged(
            RunningStatistics.of(snapshot.flame_surface_density[None] * snapshot.dx, (1, 2, 3))
            for snapshot in self.snapshots("train")
            if snapshot.flame_surface_density is not None
        )

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return whole snapshots."""
        return FullFields([self.snapshot(path, stage != "predict") for path in files])

    def write_prediction(self, folder: Path, batch: Batch, prediction: Tensor) -> list[Path]:
        """Write one file per raw file, of its layout and attributes; Sigma is predicted."""
        written = []
        for file, sigma in zip(batch["files"], prediction[:, 0].float().cpu().numpy(), strict=True):
            destination = folder / Path(file).name
            write_like(file, destination, {"flame_surface_density": sigma})
            written.append(destination)
        return written
