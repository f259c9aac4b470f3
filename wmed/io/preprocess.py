"""From an event's raw files to its rows: one per time, the fields of both sides at their nodes."""

from __future__ import annotations

import datetime
import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ai4sim.data.streaming import Blocks
from ai4sim.io.files import matches
from ai4sim.io.raw import open_raw
from ai4sim.physics.sun import declination, greenwich_hour_angle, irradiance
from ai4sim.variables import Float32Array, Float64Array
from wmed.io import croco, mesonh
from wmed.io.croco_fluxes import are_none
from wmed.io.croco_layout import time_dimension
from wmed.io.folder import HISTORIES, Air, air_in, check_no_tile, netcdf_files
from wmed.io.grid import AtmosphereGrid, Mask, OceanGrid, at_nodes
from wmed.io.layout import PROFILES, TARGETS, points_of
from wmed.io.mesonh import AtmosphereState
from wmed.io.pairing import pair
from wmed.io.remap import locate

__all__ = [
    "HISTORIES",
    "Air",
    "Grids",
    "air_of",
    "begins_only",
    "beside",
    "process",
    "read_grids",
    "sun_at",
]

log = logging.getLogger(__name__)

DRAGS = (1e-4, 1.2e-2)
"""Stress over the square of the wind [kg/m3], both root mean squares, that a sea can have."""
WEAKEST_WIND = 2.0
"""Root mean square below which nothing is said of the stress  [m/s]."""
AGAINST = 0.5
"""Share of a stress that no wind turns against itself."""
UNKNOWN_COAST = 0.02
"""Share of columns over nothing but the ocean's land that an atmosphere without land may have."""


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


def beside(history: Path) -> list[Path]:
    """Return the files among which the air and the grid of an ocean's file are looked for."""
    grid = croco.grid_files(history)[1:] if history.is_file() else []
    files = netcdf_files(history.parent)
    return [file for file in files if file in grid or not matches(file, HISTORIES)]


def begins_only(history: Path) -> bool:
    """Whether a history has no record but the initial state of its run; says so in a line.

    One that cannot be read is none of these: whoever uses it says why.
    """
    return _begins_only(history, history.stat().st_mtime_ns)


@functools.lru_cache(maxsize=None)
def _begins_only(history: Path, changed: int) -> bool:
    try:
        with open_raw(history) as file:
            found = time_dimension(file)[1] == 1 and croco.is_initial(file)
    except ValueError:
        return False
    if found:
        log.info("%s is not used: it holds the initial state of a run alone", history)
    return found


def air_of(history: Path) -> list[tuple[int, Air]]:
    """Return the records of an ocean's file that have air of their time, and that air.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`.pairing.pair` and :func:`.folder.air_in`; or the file is a tile of a grid.
    """
    check_no_tile(history)
    return pair(history, *air_in(history.parent))


def read_grids(path: Path) -> Grids:
    """Read the grids of an event, by the ocean's file, once for all who ask.

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`air_of` and the readers of both files; or the ocean does not lie under the
        atmosphere.
    """
    return _grids(path, air_of(path))


def _grids(history: Path, pairs: list[tuple[int, Air]]) -> Grids:
    """Return the grids of an event whose air is known."""
    air = pairs[0][1].path
    states = tuple((file, file.stat().st_mtime_ns) for file in (*croco.grid_files(history), air))
    return _read_grids(history, air, states)


@functools.lru_cache(maxsize=64)
def _read_grids(history: Path, air: Path, states: tuple[tuple[Path, int], ...]) -> Grids:
    """Read both grids, and check that the ocean lies under the atmosphere."""
    ocean, atmosphere = croco.read_grid(history), mesonh.read_grid(air)
    try:
        row, column = locate(
            atmosphere, at_nodes(ocean.lon, ocean.sea), at_nodes(ocean.lat, ocean.sea)
        )
    except ValueError as error:
        raise ValueError(f"{history} and {air} do not fit: {error}") from error
    if atmosphere.sea.all():
        _check_coast(history, air, ocean, atmosphere, row, column)
    return Grids(ocean, atmosphere)


def _check_coast(
    history: Path,
    air: Path,
    ocean: OceanGrid,
    atmosphere: AtmosphereGrid,
    row: Float64Array,
    column: Float64Array,
) -> None:
    """Raise ValueError if an atmosphere that is all sea lies over much land of the ocean."""
    wet = np.zeros(atmosphere.shape, bool)
    wet[np.round(row).astype(int), np.round(column).astype(int)] = True
    rows, columns = np.nonzero(wet)
    inside = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    dry = int((~wet[inside]).sum())
    if not ocean.sea.all() and dry > 1 + UNKNOWN_COAST * wet[inside].size:
        raise ValueError(
            f"{air}: SST is a temperature of the sea at all points, and nothing says where land "
            f"is, but {dry} of {wet[inside].size} points lie over land of {history.name} alone. "
            "Give it a mask, LSM (1 on land), or a number that is no temperature on land"
        )


def process(history: Path) -> Blocks:
    """Give the rows of an event, one per time, for :class:`ai4sim.data.cache.ProcessedCache`.

    A record without fluxes, where others have them, is left out with a warning.

    Parameters
    ----------
    history : Path
        The ocean's file; those of the atmosphere lie beside it.

    Returns
    -------
    generator
        Of the arrays that :class:`.data.CouplingDataModule` describes, those of the targets that
        the file has. It returns which records of the file the rows are (``attributes``) and which
        other files were read (``sources``).

    Raises
    ------
    FileNotFoundError, ValueError
        See :func:`read_grids` and the readers of both files; or all fluxes are 0.
    """
    pairs = air_of(history)
    grids = _grids(history, pairs)
    known, (times, inexact) = croco.read_records(history), air_in(history.parent)
    masks, used = grids.ocean.masks, []
    with open_raw(history) as file:
        for record, found in pairs:
            sea = croco.record_of(file, record, masks)
            if are_none(sea):
                log.warning("%s: record %d is left out: all its fluxes are 0", history, record)
                continue
            air = mesonh.read_state(found.path, grids.atmosphere, found.number)
            row = {name: at_nodes(field, masks[points_of(name)]) for name, field in sea.items()}
            _check_drag(history, record, row, grids.ocean, air, grids.atmosphere.sea)
            profiles = [at_nodes(getattr(air, name), grids.atmosphere.sea) for name in PROFILES]
            # By whichever file holds the time in more digits.
            time = known.times[record] if known.resolution <= inexact else times[found]
            moment: datetime.datetime = time.astype("datetime64[s]").item()
            row |= {"atmosphere": np.concatenate(profiles).T, "sun": sun_at(moment)}
            row["time"] = np.array(hours(moment))
            used.append(record)
            yield {name: np.asarray(values, np.float32)[None] for name, values in row.items()}
    if not used:
        raise ValueError(
            f"{history}: the fluxes of all records are 0. To predict them, leave their variables "
            "out of the file"
        )
    sources = {air.name for _, air in pairs}
    sources |= {path.name for path in croco.grid_files(history)[1:]}
    return {"attributes": {"records": used}, "sources": sorted(sources)}


def _check_drag(
    history: Path,
    record: int,
    row: Mapping[str, Float32Array],
    ocean: OceanGrid,
    air: AtmosphereState,
    at_sea: Mask,
) -> None:
    """Raise ValueError if a stress cannot be that of the wind above.

    Parameters
    ----------
    history : Path
    record : int
    row : mapping of str to array
        Fields at the nodes of the ocean.
    ocean : OceanGrid
    air : AtmosphereState
    at_sea : (nj, ni)
        Where there is sea under it.
    """
    if not {"tau_x", "tau_y"} <= row.keys():
        return
    stress = [row[name].astype(np.float64) for name in ("tau_x", "tau_y")]
    wind = [values[0][at_sea].astype(np.float64) for values in (air.wind_x, air.wind_y)]
    force, square = (sum(np.mean(np.square(part)) for part in parts) for parts in (stress, wind))
    if square < WEAKEST_WIND**2 or not np.isfinite(force):
        return
    if not DRAGS[0] < np.sqrt(force) / square < DRAGS[1]:
        raise ValueError(
            f"{history}: sustr, svstr of record {record} are {np.sqrt(force) / square:.2g} times "
            f"the square of the wind, in the mean, expected {DRAGS[0]:g} ... {DRAGS[1]:g} kg/m3: "
            "are they in N/m2, and not divided by a density?"
        )
    # Means as complex numbers, to the east and north.
    turn = np.exp(1j * np.mean(ocean.angle[ocean.sea]))
    tau, air_flow = ((x.mean() + 1j * y.mean()) for x, y in (stress, wind))
    against = -(tau * turn * np.conj(air_flow)).real
    if against > AGAINST * np.sqrt(force * square):
        raise ValueError(
            f"{history}: sustr, svstr of record {record} point against the wind: they are the "
            'stress of the air on the sea, or need the attribute positive = "up"'
        )


def sun_at(moment: datetime.datetime) -> Float32Array:
    """Return what :func:`.inputs.sunlight` takes of a UTC time, (3,).

    Declination and Greenwich hour angle of the sun [rad], and its irradiance [W/m2].
    """
    sun = (declination(moment), greenwich_hour_angle(moment), irradiance(moment))
    return np.array(sun, np.float32)


def hours(moment: datetime.datetime) -> float:
    """Return the hours since 1970 of a UTC time."""
    return (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(hours=1)
