"""Events of a coupled model as training data: raw files of both sides to whole batches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.data.datamodule import Quantity, Stage
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.rows import RowLoader
from ai4sim.data.splits import Split, Strategy, find_table
from ai4sim.forecast import SUFFIX
from wmed.io.bounds import BOUNDS
from wmed.io.croco import grid_files, read_times
from wmed.io.croco_layout import FLUXES
from wmed.io.croco_writer import write_like
from wmed.io.folder import unused
from wmed.io.graph import CouplingGraph, build
from wmed.io.grid import on_grid
from wmed.io.layout import FLUXES as OUTPUTS, NEEDED, PROFILES, TARGETS, RhoLayout, points_of
from wmed.io.preprocess import HISTORIES, Grids, air_of, begins_only, beside, process, read_grids
from wmed.nets.inputs import rho_inputs

log = logging.getLogger(__name__)

UNITS = {"sst": "K", "current_u": "m/s", "current_v": "m/s", "heat": "W/m2", **OUTPUTS}
"""Units of the fields of the sea."""
STATE = ("atmosphere", "sst", "current_u", "current_v", "sun")
"""Arrays that a batch has in every stage."""


class CouplingDataModule(RowDataModule[Grids]):
    """States of ocean and atmosphere on their grids, and the fluxes between them.

    ``DIR/raw`` holds the ocean's histories, ``*his*.nc``, and beside them the atmosphere's files.
    A history is an event, each of its times a sample. A batch of some times of one grid has

    - ``atmosphere : (time, atmosphere node, 5 level)``, see :data:`.layout.PROFILES`, the winds to
      the east and north; ``sst : (time, rho)`` [K]; ``current_u : (time, u)``, ``current_v : (time,
      v)`` [m/s]; ``sun : (time, 3)``, see :func:`.inputs.sunlight`;
    - unless it is for prediction, ``tau_x : (time, u)``, ``tau_y : (time, v)`` [N/m2], ``heat``,
      ``shortwave``, ``longwave``, ``latent``, ``sensible : (time, rho)`` [W/m2], NaN where the
      files have them not;
    - in evaluation ``time : (time,)``, hours since 1970, ``file`` and ``rows``;
    - ``graph``, the :class:`.graph.CouplingGraph` that all times share, and ``inputs : (time, rho,
      input channel)``, the states that it brings to the rho points, see :func:`.inputs.rho_inputs`.

    Nodes are the sea points of each kind, in the order in which they lie in the file.

    Parameters
    ----------
    data_path : str
        See :class:`ai4sim.data.datamodule.SurrogateDataModule`.
    split : {"event", "time", "case", "all-test"}
        ``event``: those of `test_cases` test (the last one, if there is none), the others train,
        but for the last times of each, which validate. The other ones divide files.
    test_cases : list of str or int
        Events that test: names of files, or dates in them such as ``20060310``.
    val_share : float
        Share of the times of each training event that validate, where no files do.
    gap : int
        Times left out between those that train and those that validate.
    batch_size, eval_batch_size : int
        Times per batch.
    **kwargs
        See :class:`ai4sim.data.row_datamodule.RowDataModule`; rows are times.
    """

    raw_patterns = (HISTORIES,)
    times_across_cases = True
    recipe = "coupling-2"
    process = staticmethod(process)
    beside = staticmethod(beside)
    read_layout = staticmethod(read_grids)
    needed = {name: FLUXES[name].name for name in NEEDED}
    served = {
        "train": (*STATE, *TARGETS),
        "val": (*STATE, *TARGETS),
        "test": (*STATE, *TARGETS, "time"),
        "predict": (*STATE, "time"),
    }

    def __init__(
        self,
        data_path: str = "data",
        split: Strategy | Literal["event"] = "event",
        test_cases: list[str | int] | None = None,
        val_share: float = 0.2,
        gap: int = 1,
        batch_size: int = 1,
        eval_batch_size: int = 4,
        pool_rows: int = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_path=data_path,
            split="case" if split == "event" else split,
            test_cases=[str(name) for name in test_cases or []],
            gap=gap,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            pool_rows=pool_rows,
            **kwargs,
        )
        if not 0 < val_share < 1:
            raise ValueError(f"val_share: expected a share between 0 and 1, found {val_share}")
        self.by_event, self.val_share = split == "event", val_share

    # --- Which times ---

    def unknown_files(self) -> dict[Path, str]:
        """Return the entries of ``raw/`` that are not read, and why."""
        found = super().unknown_files()
        for folder in self.folders:
            grids = {grid for path in self.raw_files(folder) for grid in grid_files(path)}
            others = unused(folder / "raw")
            found |= {path: reason for path, reason in others.items() if path not in grids}
            for path in super().raw_files(folder):
                if path in found:
                    found[path] = "it holds the initial state of a run alone"
        return found

    def raw_files(self, folder: Path | None = None) -> list[Path]:
        """Return the histories, without those that hold nothing but the start of a run."""
        files = super().raw_files(folder)
        return [file for file in files if not begins_only(file)] or files

    @property
    def split(self) -> Split:
        """The three sets of events; without events of their own, parts of some validate."""
        if not self.by_event or find_table(self.data_path) is not None:
            found = super().split
            return found if found.val else replace(found, val=found.train)
        files = self.raw_files()
        test = [file for file in files if any(name in file.stem for name in self.test_cases)]
        for name in self.test_cases:
            if not any(name in file.stem for file in test):
                raise ValueError(
                    f"test_cases: no event {name!r} in {self.data_path}; there are "
                    f"{', '.join(file.stem for file in files)}"
                )
        if self.test_data_path is not None:
            return Split(files, files, self.raw_files(self.test_data_path))
        test = test or files[-1:]
        rest = [file for file in files if file not in test]
        return Split(rest, rest, test)

    def check_sets(self) -> None:
        """Compare the times of the sets, and warn of times that are in one of them twice."""
        super().check_sets()
        for stage, files in self.sets.items():
            found = [self.times_in(path, stage) for path in files]
            times = np.concatenate([t for t in found if t is not None] or [np.array([], "M8[s]")])
            several, counts = np.unique(times, return_counts=True)
            if (counts > 1).any():
                log.warning(
                    "%s: %d times are in more than one of the %d files of %s, such as %s: each "
                    "counts as often",
                    self.split_source,
                    (counts > 1).sum(),
                    len(files),
                    stage,
                    several[counts > 1][0],
                )

    def times_of(self, path: Path) -> NDArray[np.datetime64]:
        """Return the times of an event's records that have air."""
        return read_times(path)[[record for record, _ in air_of(path)]]

    def runs(self, path: Path, stage: Stage, rows: int) -> list[tuple[int, int]]:
        """Return which times of an event belong to a stage: first one and end of each run."""
        if stage not in ("train", "val"):
            return [(0, rows)]
        split = self.split
        if path not in split.train or path not in split.val:
            return [(0, rows)]
        val = max(round(self.val_share * rows), 1)
        train = rows - val - self.gap
        if train < 1:
            raise ValueError(
                f"{path}: {rows} times cannot be divided into {val} that validate, a gap of "
                f"{self.gap} and some that train: give a smaller val_share or gap, longer events, "
                "or a splits.yaml with events that validate"
            )
        return [(0, train)] if stage == "train" else [(rows - val, rows)]

    # --- From raw files to rows ---

    def quantities(self, path: Path, block: Mapping[str, NDArray[Any]]) -> Iterable[Quantity]:
        """Name what the rows of an event hold; ``atmosphere`` has one profile after the other."""
        for name, values in block.items():
            if name == "atmosphere":
                parts = np.split(values, len(PROFILES), axis=-1)
                for (profile, units), part in zip(PROFILES.items(), parts, strict=True):
                    yield Quantity(profile, units, part, BOUNDS[profile])
            elif name in BOUNDS:
                yield Quantity(name, UNITS[name], values, BOUNDS[name])

    def widths(self, stage: Stage) -> dict[str, tuple[int, ...]]:
        """Shape of a row of the parts of the heat flux, which files may lack."""
        if stage == "predict":
            return {}
        return {name: (self.graph.sizes["rho"],) for name in TARGETS if name not in NEEDED}

    @cached_property
    def graph(self) -> CouplingGraph:
        """The nodes of both grids and what joins them, built once."""
        return build(self.layout.atmosphere, self.layout.ocean)

    def snapshots(self, most: int) -> dict[str, Tensor]:
        """Return up to so many training times, evenly spread, as one batch."""
        loader = RowLoader(self.tables("train"), 1, widths=self.widths("train"))
        last, number = loader.rows - 1, min(most, loader.rows)
        return loader.rows_at(np.unique(np.linspace(0, last, number).round().astype(int)))

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int) -> dict[str, Any]:
        """Add the graph and the states at the rho points, where the batch is."""
        graph = self._graph_on(batch["sst"].device)
        layout = RhoLayout(self.layout.atmosphere.levels)
        return {**batch, "graph": graph, "inputs": rho_inputs(batch, graph, layout)}

    def _graph_on(self, device: torch.device) -> CouplingGraph:
        if device not in self._graphs:
            self._graphs[device] = self.graph.to(device)
        return self._graphs[device]

    @cached_property
    def _graphs(self) -> dict[torch.device, CouplingGraph]:
        return {}

    # --- Back to files ---

    def write_like(
        self,
        source: Path,
        destination: Path,
        outputs: NDArray[np.float32],
        spread: NDArray[np.float32] | None = None,
    ) -> None:
        """Write a copy of an ocean's file with other fluxes, atomically."""
        _, attributes = self.processed(source)
        masks = self.layout.ocean.masks
        edges = np.cumsum(list(self.layout.flux_sizes.values()))[:-1]

        def fields(row: NDArray[np.float32], suffix: str = "") -> dict[str, NDArray[np.float32]]:
            parts = zip(TARGETS, np.split(row, edges), strict=True)
            return {name + suffix: on_grid(part, masks[points_of(name)]) for name, part in parts}

        def record_of(i: int) -> dict[str, NDArray[np.float32]]:
            spreads = {} if spread is None else fields(spread[i], SUFFIX)
            return {**fields(outputs[i]), **spreads}

        records: Sequence[int] = attributes["records"]
        write_like(
            source,
            destination,
            ((record, record_of(i)) for i, record in enumerate(records)),
            {"bulk_algorithm": "predicted by a network of wmed"},
        )


def row_of(prediction: Mapping[str, Tensor]) -> Tensor:
    """Return fluxes on their own points, (time, point) each, side by side, as they are written."""
    return torch.cat([prediction[name].float() for name in TARGETS], dim=1)
