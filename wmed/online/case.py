"""An event of files as the forcing of a run: its air, its grids, its first sea."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.io.files import missing_file_error, visible_files
from wmed.io import graph as graphs
from wmed.io.graph import CouplingGraph
from wmed.io.grid import AtmosphereGrid, OceanGrid
from wmed.io.preprocess import HISTORIES, process, read_grids, sun_at


class EventForcing:
    """The air of an event, forward and backward in turn: a :class:`.runs.Forcing`.

    Parameters
    ----------
    times : (time,)
        Hours since 1970, increasing.
    atmosphere : (time, atmosphere node, 5 level)

    Raises
    ------
    ValueError
        Fewer than two times, or times that do not increase.
    """

    def __init__(self, times: NDArray[np.float64], atmosphere: Tensor) -> None:
        if len(times) < 2 or not (np.diff(times) > 0).all():
            raise ValueError(
                f"forcing: expected two or more times that increase, found {len(times)}: "
                f"{', '.join(f'{t:g}' for t in times[:6])} (hours since 1970)"
            )
        self.times, self.atmosphere = times, atmosphere

    def played(self, hours: float) -> float:
        """Return which time of the event [hours since 1970] is played after some hours."""
        length = float(self.times[-1] - self.times[0])
        phase = hours % (2 * length)
        return float(self.times[0]) + min(phase, 2 * length - phase)

    def at(self, hours: float) -> tuple[Tensor, Tensor]:
        """Return air and sun so many hours after the start."""
        time = self.played(hours)
        before = min(int(np.searchsorted(self.times, time, "right")), len(self.times) - 1) - 1
        share = (time - self.times[before]) / (self.times[before + 1] - self.times[before])
        air = torch.lerp(self.atmosphere[before], self.atmosphere[before + 1], float(share))
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(hours=time)
        return air, torch.from_numpy(sun_at(moment))


@dataclass(frozen=True)
class Case:
    """What the runs of an event share.

    Attributes
    ----------
    name : str
    grid : OceanGrid
    atmosphere : AtmosphereGrid
    graph : CouplingGraph
    forcing : EventForcing
    sst : (rho,)  [K]
        When it begins.
    height : float
        Of the lowest level of the air [m].
    """

    name: str
    grid: OceanGrid
    atmosphere: AtmosphereGrid
    graph: CouplingGraph
    forcing: EventForcing
    sst: Tensor
    height: float


def read_case(data_path: Path | str, event: str | None = None) -> Case:
    """Read an event.

    Parameters
    ----------
    data_path : path
        Its ``raw/`` has the files of both sides.
    event : str, optional
        Part of the name of the ocean's file, such as ``20060310``; by default the last file.

    Raises
    ------
    FileNotFoundError, ValueError
        No such folder, no such event, several of them, or files that do not go together.
    """
    raw = Path(data_path) / "raw"
    if not raw.is_dir():
        raise missing_file_error(raw)
    histories = visible_files(raw, HISTORIES)
    names = ", ".join(file.stem for file in histories)
    if not histories:
        raise ValueError(f"{raw}: no file of the ocean ({HISTORIES})")
    found = [file for file in histories if event in file.stem] if event else histories[-1:]
    if len(found) != 1:
        raise ValueError(f"event {event!r}: {len(found)} files of {raw} have this; it has {names}")
    (history,) = found
    rows = list(process(history))
    grids = read_grids(history)
    times = np.array([float(np.ravel(row["time"])[0]) for row in rows])
    air = torch.from_numpy(np.concatenate([row["atmosphere"] for row in rows]))
    try:
        forcing = EventForcing(times, air)
    except ValueError as error:
        raise ValueError(f"{history}: {error}") from error
    return Case(
        history.stem,
        grids.ocean,
        grids.atmosphere,
        graphs.build(grids.atmosphere, grids.ocean),
        forcing,
        torch.from_numpy(rows[0]["sst"][0]),
        float(grids.atmosphere.heights[0]),
    )
