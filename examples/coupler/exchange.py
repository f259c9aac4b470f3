"""A component under YAC: its grid, its fields, and the two functions that exchange them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpi4py.MPI  # noqa: F401 (YAC's wheel takes the MPI that this has loaded)
import numpy as np
import yac
import yaml
from numpy.typing import NDArray

from ai4sim.io.files import missing_file_error
from ai4sim.physics.constants import MEAN_EARTH_RADIUS
from ai4sim.variables import Float64Array
from wmed.io.grid import AtmosphereGrid, Mask, OceanGrid, cell_corners

EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Component:
    """One side of the coupling.

    Attributes
    ----------
    area : (cell,)  [m2]
        The areas by which the coupler conserves, of all cells.
    fields : dict of str to yac.Field
        The fields that the coupling file names.
    points : dict of str to array
        The indices of the cells that a field is on.
    yac : yac.YAC
        Ends the coupling where it is dropped.
    """

    area: Float64Array
    fields: dict[str, Any]
    points: dict[str, NDArray[np.int64]]
    yac: Any

    def send(self, name: str, values: Float64Array) -> None:
        """Send a field, (channel, point)."""
        whole = np.zeros((len(values), len(self.area)))
        whole[:, self.points[name]] = values
        self.fields[name].put(whole)

    def receive(self, name: str) -> Float64Array:
        """Receive a field, (channel, point); NaN where nothing came."""
        field = self.fields[name]
        # YAC leaves alone what it does not reach.
        whole = np.full((field.collection_size, len(self.area)), np.nan)
        field.get(whole)
        return whole[:, self.points[name]]


def period(coupling: Path) -> int:
    """Return the seconds from one exchange to the next.

    Raises
    ------
    ValueError
        The fields of the coupling file have several, or another unit.
    """
    content = yaml.safe_load(coupling.read_text(encoding="utf-8"))
    found = {couple["coupling_period"] for couple in content["coupling"]}
    if len(found) != 1 or content.get("timestep_unit") != "second":
        raise ValueError(
            f"{coupling}: expected one coupling_period and timestep_unit second, found "
            f"{', '.join(map(str, sorted(found)))} and {content.get('timestep_unit')}"
        )
    return int(found.pop())


def join(
    name: str,
    grid: OceanGrid | AtmosphereGrid,
    fields: Mapping[str, tuple[int, Mask]],
    coupling: Path,
    start: float,
    days: float,
) -> Component:
    """Enter the coupling; return when the other component has entered it, too.

    Parameters
    ----------
    name : str
        The name of the component and of its grid.
    grid : OceanGrid or AtmosphereGrid
    fields : mapping of str to (int, array)
        The number of channels of each field, and the cells that it is on. Those that the coupling
        file does not name are left out.
    coupling : Path
        The configuration of YAC.
    start : float
        Hours since 1970.
    days : float

    Raises
    ------
    FileNotFoundError
        There is no coupling file.
    """
    if not coupling.is_file():
        raise missing_file_error(coupling)
    yac.def_calendar(yac.Calendar.PROLEPTIC_GREGORIAN)
    instance = yac.YAC()
    begin = EPOCH + datetime.timedelta(hours=start)
    instance.def_datetime(begin.isoformat(), (begin + datetime.timedelta(days=days)).isoformat())
    instance.read_config_yaml(str(coupling))
    component = instance.def_comp(name)

    corners = cell_corners(grid.lon, grid.lat)
    cells = yac.Curve2dGrid(name, *map(np.radians, corners))
    # A file of weights numbers the cells in this order.
    cells.set_global_index(np.arange(grid.sea.size), yac.Location.CELL)
    places = cells.def_points(yac.Location.CELL, np.radians(grid.lon), np.radians(grid.lat))
    made = {
        field: yac.Field.create(
            field,
            component,
            places,
            channels,
            str(period(coupling)),
            yac.TimeUnit.SECOND,
            masks=[cells.def_mask(yac.Location.CELL, where.ravel().astype(np.int32), field)],
        )
        for field, (channels, where) in fields.items()
    }
    instance.enddef()
    used = {n: f for n, f in made.items() if f.role != yac.ExchangeType.NONE}
    return Component(
        cells.compute_grid_cell_areas() * MEAN_EARTH_RADIUS**2,
        used,
        {field: np.flatnonzero(fields[field][1]) for field in used},
        instance,
    )
