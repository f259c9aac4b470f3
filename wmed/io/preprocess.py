"""From an event's raw files to its rows: one per time, the fields of both sides at their nodes."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ai4sim.data.streaming import Blocks
from ai4sim.io.files import visible_files
from ai4sim.physics.sun import declination, greenwich_hour_angle, irradiance
from ai4sim.variables import Float32Array
from wmed.io import croco, mesonh
from wmed.io.grid import AtmosphereGrid, OceanGrid, at_nodes
from wmed.io.layout import PROFILES, TARGETS, points_of
from wmed.io.pairing import pair
from wmed.io.remap import locate

HISTORIES = "*his*.nc"
"""Names of the ocean's files; the other netCDF files of a folder are those of the atmosphere."""


@dataclass(frozen=True)
class Grids:
    """The grids of both sides: equal for files that go together."""

    ocean: OceanGrid
    atmosphere: AtmosphereGrid

    @property
    def flux_sizes(self) -> dict[str, int]:
        """Number of nodes of each of the :data:`TARGETS`."""
        masks = self.ocean.masks
        return {name: int(masks[points_of(name)].sum()) for name in TARGETS}

    @property
    def output_channels(self) -> int:
        """Number of values of a predicted time."""
        return sum(self.flux_sizes.values())

    def __str__(self) -> str:
        """Say how large they are, for messages."""
        sea = int(self.ocean.sea.sum())
        return (
            f"an ocean of {self.ocean.shape} rho points, {sea} of them sea "
            f"({self.ocean.fingerprint}), an atmosphere of {self.atmosphere.shape} points and "
            f"{self.atmosphere.levels} levels ({self.atmosphere.fingerprint})"
        )


def air_of(history: Path) -> list[tuple[int, Path]]:
    """Return the records of an ocean's file that have air of their time, and the files with it.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`.pairing.pair`.
    """
    files = [file for file in visible_files(history.parent, "*.nc") if not file.match(HISTORIES)]
    return pair(history, {file: _time_of(file, file.stat().st_mtime_ns) for file in files})


@functools.lru_cache(maxsize=None)
def _time_of(file: Path, changed: int) -> np.datetime64:
    """Read the time of an atmosphere's file, once for all events of a folder."""
    try:
        return mesonh.read_time(file)
    except ValueError as error:
        raise ValueError(
            f"{error} ({file.name} is taken for a file of the atmosphere, as all netCDF files "
            f"beside those of the ocean, {HISTORIES})"
        ) from error


def read_grids(path: Path) -> Grids:
    """Read the grids of an event, by the ocean's file, once for all who ask.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`air_of` and the readers of both files; or the ocean does not lie under the
        atmosphere.
    """
    return _grids(path, air_of(path))


def _grids(history: Path, pairs: list[tuple[int, Path]]) -> Grids:
    """Return the grids of an event whose air is known."""
    air = pairs[0][1]
    return _read_grids(history, history.stat().st_mtime_ns, air, air.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _read_grids(history: Path, changed: int, air: Path, air_changed: int) -> Grids:
    """Read both grids, and check that the ocean lies under the atmosphere."""
    ocean, atmosphere = croco.read_grid(history), mesonh.read_grid(air)
    try:
        locate(atmosphere, at_nodes(ocean.lon, ocean.sea), at_nodes(ocean.lat, ocean.sea))
    except ValueError as error:
        raise ValueError(f"{history} and {air} do not fit: {error}") from error
    return Grids(ocean, atmosphere)


def process(history: Path) -> Blocks:
    """Give the rows of an event, one per time, for :class:`ai4sim.data.cache.ProcessedCache`.

    Parameters
    ----------
    history : Path
        The ocean's file; those of the atmosphere lie beside it.

    Returns
    -------
    generator
        Of the arrays that :class:`.data.CouplingDataModule` describes, those of the targets that
        the file has. It returns which records of the file the rows are (``attributes``) and which
        files of the atmosphere were read (``sources``).
    """
    pairs = air_of(history)
    grids = _grids(history, pairs)
    times = croco.read_times(history)
    for record, file in pairs:
        moment: datetime.datetime = times[record].astype("datetime64[s]").item()
        sea, air = croco.read_record(history, record), mesonh.read_state(file, grids.atmosphere)
        masks = grids.ocean.masks
        row = {name: at_nodes(field, masks[points_of(name)]) for name, field in sea.items()}
        profiles = [at_nodes(getattr(air, name), grids.atmosphere.sea) for name in PROFILES]
        row |= {"atmosphere": np.concatenate(profiles).T, "sun": sun_at(moment)}
        row["time"] = np.array(hours(moment))
        yield {name: np.asarray(values, np.float32)[None] for name, values in row.items()}
    attributes = {"records": [record for record, _ in pairs]}
    return {"attributes": attributes, "sources": [file.name for _, file in pairs]}


def sun_at(moment: datetime.datetime) -> Float32Array:
    """Return what :func:`.inputs.sunlight` takes of a UTC time, (3,).

    Declination and Greenwich hour angle of the sun [rad], and its irradiance [W/m2].
    """
    sun = (declination(moment), greenwich_hour_angle(moment), irradiance(moment))
    return np.array(sun, np.float32)


def hours(moment: datetime.datetime) -> float:
    """Return the hours since 1970 of a UTC time."""
    return (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(hours=1)
