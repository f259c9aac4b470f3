"""A made-up event as content to write in other forms, and what becomes of it when it is read."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from ai4sim.tests.forms import Content, Stored, write
from wmed.io.preprocess import process, read_grids
from wmed.tests.grids_made_up import made_up_atmosphere, write_air, write_event

START, RECORDS = "2006-03-10", 2
KEYS = {
    "meter second-1": "m/s",
    "m s-1": "m/s",
    "Watts meter-2": "W/m2",
    "kg kg-1": "kg/kg",
    "degree_east": "degrees_east",
    "degree_north": "degrees_north",
    "radians": "rad",
    "meter-1": "1/m",
}
"""Units in files by those of :data:`ai4sim.tests.forms.SPELLINGS`."""


@dataclass
class Written:
    """A file to be written.

    Attributes
    ----------
    content : dict of str to Content
    attributes : dict
        Of the file.
    forms : dict of str to Stored
    form : str
        Of :data:`ai4sim.tests.forms.FORMATS`.
    """

    content: dict[str, Content]
    attributes: dict[str, Any] = field(default_factory=dict)
    forms: dict[str, Stored] = field(default_factory=dict)
    form: str = "NETCDF4"

    def set(self, name: str, **changes: Any) -> None:
        """Change a variable."""
        self.content[name] = replace(self.content[name], **changes)

    def change(self, name: str, of: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Change the values of a variable."""
        self.set(name, values=of(self.content[name].values))

    def rename(self, old: str, new: str) -> None:
        """Give a variable another name."""
        self.content[new] = self.content.pop(old)


Event = dict[str, Written]
"""The files of an event by their names."""


def event() -> Event:
    """Return the files of a made-up event: a history and the air of its records."""
    return copy.deepcopy(_event())


def history(files: Event) -> Written:
    """Return the history of an event."""
    return next(file for name, file in files.items() if "his" in name)


def air(files: Event) -> list[Written]:
    """Return the files of the air of an event."""
    return [file for name, file in files.items() if name.startswith("ECMWF")]


def save(files: Event, folder: Path) -> Path:
    """Write the files of an event; return the history."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        content = {
            key: replace(values, values=np.asarray(values.values))
            for key, values in file.content.items()
        }
        write(folder / name, content, file.forms, file.form, file.attributes, "time")
    return next(folder / name for name in files if "his" in name)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the rows of an event and the places of both grids, by the path of its history."""
    rows = list(process(path))
    found = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    grids = read_grids(path)
    for kind, grid in (("ocean", grids.ocean), ("air", grids.atmosphere)):
        found |= {f"{kind}_lon": grid.lon[grid.sea], f"{kind}_lat": grid.lat[grid.sea]}
    found["heights"] = grids.atmosphere.heights
    return found


@cache
def expected() -> Mapping[str, NDArray[Any]]:
    """Return what :func:`read` gives of the event as it is."""
    with TemporaryDirectory() as folder:
        return read(save(event(), Path(folder)))


def differences(found: Mapping[str, NDArray[Any]], scale: float = 1.0) -> list[str]:
    """Name the arrays that differ from the expected ones by more than packing makes them.

    Parameters
    ----------
    found : mapping of str to array
    scale : float
        By which the usual tolerances are multiplied.
    """
    wrong = []
    for name, values in expected().items():
        given = found.get(name)
        if given is None or given.shape != values.shape:
            wrong.append(name)
            continue
        limit = TOLERANCES.get(name, 1e-3)
        if not np.allclose(given, values, rtol=0, atol=scale * limit, equal_nan=True):
            wrong.append(name)
    return wrong


TOLERANCES = {
    "sst": 0.01,
    "current_u": 1e-3,
    "current_v": 1e-3,
    "tau_x": 1e-3,
    "tau_y": 1e-3,
    "atmosphere": 2.0,
    "sun": 1e-2,
    "time": 0.1,
    "heights": 0.05,
    "heat": 0.1,
    "shortwave": 0.1,
    "longwave": 0.1,
    "latent": 0.1,
    "sensible": 0.2,
}


@cache
def _event() -> Event:
    with TemporaryDirectory() as folder:
        write_event(folder, START, RECORDS)
        write_air(Path(folder), made_up_atmosphere(), np.array([START], "M8[s]"), seed=7)
        return {path.name: _written(path) for path in sorted(Path(folder).iterdir())}


def _written(path: Path) -> Written:
    """Return the content of a file."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        content = {}
        for name, variable in file.variables.items():
            facts = {key: variable.getncattr(key) for key in variable.ncattrs()}
            units = facts.pop("units", "")
            facts.pop("_FillValue", None)
            content[name] = Content(
                variable.dimensions, variable[...], KEYS.get(units, units), facts
            )
        facts = {key: file.getncattr(key) for key in file.ncattrs()}
    if "temp" in content:
        values = content["temp"].values + np.float32(273.15)
        content["temp"] = replace(content["temp"], values=values, units="K")
    return Written(content, facts)
