"""Writing history files in the layout of CROCO: new ones, and copies with other fluxes."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.forecast import SUFFIX
from ai4sim.io.files import check_shapes
from ai4sim.io.netcdf import LOCK, create
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import reading
from ai4sim.physics.constants import ZERO_CELSIUS
from ai4sim.variables import Float32Array
from wmed.io.croco import is_initial
from wmed.io.croco_layout import (
    FLUXES,
    GRID,
    POINTS,
    STATE,
    FileVariable,
    points_shape,
    rho_shape,
    time_dimension,
)
from wmed.io.grid import OceanGrid, inverse_mercator, mercator

if TYPE_CHECKING:
    import netCDF4


COMPRESSION = 4


def write_history(
    path: Path | str,
    grid: OceanGrid,
    times: NDArray[np.datetime64],
    fields: Mapping[str, Float32Array],
    attributes: Mapping[str, Any] | None = None,
    *,
    start: np.datetime64 | None = None,
    depth: NDArray[np.float64] | None = None,
) -> None:
    """Write a history, atomically; before its records comes the sea at rest, without fluxes.

    Parameters
    ----------
    path : path
    grid : OceanGrid
    times : (record,)
        Of the records from 1 on; record 0 comes by itself.
    fields : mapping of str to array
        ``sst : (record, eta, xi)  [K]``, ``current_u : (record, eta, xi - 1)``, ``current_v :
        (record, eta - 1, xi)  [m/s]`` and any of :data:`.croco_layout.FLUXES`, from record 1 on.
        Land becomes 0.
    attributes : mapping, optional
        Facts about the file.
    start : datetime64, optional
        Time of record 0; by default as long before the first one as that is before the second, or
        6 hours.
    depth : (eta, xi)  [m], optional

    Raises
    ------
    ValueError
        A field has another shape, or there is none of that name in such files.
    """
    times = np.asarray(times).astype("datetime64[s]")
    if start is None:
        start = times[0] - (times[1] - times[0] if len(times) > 1 else np.timedelta64(6, "h"))
    start = start.astype("datetime64[s]")
    _check_fields(path, fields, grid, len(times))
    with LOCK, create(path) as file:
        facts = {"type": "ROMS history file", "start_date": str(start), **(attributes or {})}
        file.setncatts(facts)
        for points, mask in grid.masks.items():
            for name, size in zip(POINTS[points], mask.shape, strict=True):
                if name not in file.dimensions:
                    file.createDimension(name, size)
        file.createDimension("s_rho", 1)
        file.createDimension("time", None)
        for name, plane in _grid_fields(grid, depth).items():
            _create(file, name, POINTS[GRID[name].points], GRID[name])[:] = plane
        for name in ("scrum_time", "time"):
            variable = file.createVariable(name, "f8", ("time",))
            variable.setncatts({"long_name": "time since initialization", "units": "second"})
            variable[:] = np.append(0.0, (times - start) / np.timedelta64(1, "s"))
        for name in (name for name in STATE | FLUXES if name in fields):
            _write_records(file, name, fields[name], grid)


def write_like(
    source: Path | str,
    destination: Path | str,
    fluxes: Iterable[tuple[int, Mapping[str, Float32Array]]],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Copy a history with other fluxes, record by record, atomically.

    Parameters
    ----------
    source : path
        It needs no fluxes itself.
    destination : path
    fluxes : iterable of (int, mapping of str to array)
        Records, and what they get of :data:`.croco_layout.FLUXES`, the same ones in all, of shapes
        (eta, xi), at u points (eta, xi - 1), at v points (eta - 1, xi); and ``NAME_spread`` of
        these, their standard deviations. A flux keeps the name that it has in the source, if it has
        one. In an initial state it is 0; in records that are not
        given it is NaN, since what the source has there is of another origin.
    attributes : mapping, optional
        Facts about the file, instead of or beside those of the source.

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such source, or it is no history; there are no fluxes; one has another shape, or
        there is none of that name; or there is no such record.
    """
    records = iter(fluxes)
    first = next(records, None)
    if first is None:
        raise ValueError(f"{source}: there is no record with fluxes to write to {destination}")
    unknown = {name.removesuffix(SUFFIX) for name in first[1]} - FLUXES.keys()
    if unknown:
        raise ValueError(f"{source}: {unknown.pop()} is none of {', '.join(FLUXES)}")
    kinds = {name: _kind_of(name) for name in first[1]}
    with open_raw(source) as raw:
        shape, (time, count) = rho_shape(raw), time_dimension(raw)
        found = {name: kind.names_in(raw) for name, kind in kinds.items()}
        begins = is_initial(raw)
    known_as = {name: names[0] if names else kinds[name].name for name, names in found.items()}
    with _opened(source) as dataset:
        layout = dataset.data_model
    with create(destination, layout) as copy:
        with _opened(source) as dataset:
            replaced = {*known_as.values(), *chain.from_iterable(found.values())}
            replaced |= {name + SUFFIX for name in replaced}  # of another prediction
            _copy(Path(source), dataset, copy, time, replaced)
            copy.setncatts(dict(attributes or {}))
            shapes = {name: points_shape(kinds[name].points, shape) for name in known_as}
            for name, variable_name in known_as.items():
                field = kinds[name]
                where = (time, *_dimensions(copy, field.points, shape))
                variable = _create(copy, variable_name, where, field, fill=np.nan)
                plane = np.full(shapes[name], np.nan, np.float32)
                for k in range(count):
                    variable[k] = plane if k or not begins else np.zeros_like(plane)
        for record, given in chain([first], records):  # who makes them may read such files
            if not int(begins) <= record < count:
                raise ValueError(
                    f"{source}: there is no record {record} among {int(begins)} ... {count - 1}"
                )
            of_record = {
                f"{name} for record {record}": (given[name], shapes[name]) for name in shapes
            }
            check_shapes(source, of_record)
            for name, variable_name in known_as.items():
                with LOCK:
                    copy.variables[variable_name][record] = given[name]


def _kind_of(name: str) -> FileVariable:
    """Return how files have a flux, or its standard deviation."""
    flux = FLUXES[name.removesuffix(SUFFIX)]
    if not name.endswith(SUFFIX):
        return flux
    others = tuple(other + SUFFIX for other in flux.aliases)
    text = f"standard deviation of {flux.long_name}"
    return flux._replace(name=flux.name + SUFFIX, long_name=text, aliases=others)


@contextlib.contextmanager
def _opened(path: Path | str) -> Iterator[netCDF4.Dataset]:
    """Open a file by the netCDF library, whose lock is held."""
    import netCDF4

    with LOCK, netCDF4.Dataset(path) as dataset:
        yield dataset


def _check_fields(
    path: Path | str, fields: Mapping[str, Float32Array], grid: OceanGrid, n: int
) -> None:
    """Raise ValueError unless fields of n records are such as histories have, on their points."""
    known = STATE | FLUXES
    for name in fields:
        if name not in known:
            raise ValueError(f"{path}: {name} is none of {', '.join(known)}")
    shapes = {name: (n, *grid.masks[known[name].points].shape) for name in fields}
    check_shapes(path, {name: (fields[name], shape) for name, shape in shapes.items()})


def _write_records(file: Any, name: str, records: Float32Array, grid: OceanGrid) -> None:
    """Write a field of the sea or a flux, and what it is at the start."""
    field = (STATE | FLUXES)[name]
    levels = ("s_rho",) if name in STATE else ()
    dimensions = ("time", *levels, *POINTS[field.points])
    variable = _create(file, field.name, dimensions, field)
    offset = ZERO_CELSIUS if name == "sst" else 0.0
    for k, values in enumerate(records, start=1):
        surface = np.where(
            grid.masks[field.points], values.astype(np.float32) - offset, np.float32(0)
        )
        if k == 1:
            variable[0] = surface if name == "sst" else np.zeros_like(surface)
        variable[k] = surface


def _grid_fields(grid: OceanGrid, depth: NDArray[np.float64] | None) -> dict[str, Float32Array]:
    """Return the variables of a file that say what its grid is."""
    east, north = grid.lon, mercator(grid.lat)
    fields = {
        "lon_rho": grid.lon,
        "lat_rho": grid.lat,
        "lon_u": (east[:, 1:] + east[:, :-1]) / 2,
        "lat_u": inverse_mercator((north[:, 1:] + north[:, :-1]) / 2),
        "lon_v": (east[1:] + east[:-1]) / 2,
        "lat_v": inverse_mercator((north[1:] + north[:-1]) / 2),
        "mask_rho": grid.sea,
        "angle": grid.angle,
        "pm": 1 / grid.dx,
        "pn": 1 / grid.dy,
        "f": grid.coriolis,
    }
    if depth is not None:
        fields["h"] = depth
    return {name: fields[name].astype(np.float32) for name in GRID if name in fields}


def _create(
    file: Any,
    name: str,
    dimensions: Sequence[str],
    field: FileVariable,
    fill: float | None = None,
) -> Any:
    """Create a variable in single precision, one record in a chunk."""
    single = {"time", "ocean_time", "s_rho"}
    sizes = [1 if d in single else len(file.dimensions[d]) for d in dimensions]
    variable = file.createVariable(
        name,
        "f4",
        dimensions,
        zlib=True,
        complevel=COMPRESSION,
        shuffle=True,
        chunksizes=sizes,
        fill_value=fill,
    )
    variable.setncatts({"long_name": field.long_name, "units": field.units})
    return variable


def _copy(
    path: Path, source: netCDF4.Dataset, copy: Any, time: str, skipped: Container[str]
) -> None:
    """Copy a file to the last bit, record by record, but for some variables."""
    copy.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
    for name, dimension in source.dimensions.items():
        copy.createDimension(name, None if dimension.isunlimited() else len(dimension))
    for name, variable in source.variables.items():
        if name not in skipped:
            with reading(path, name):
                _copy_variable(variable, copy, time)


def _copy_variable(variable: netCDF4.Variable, copy: Any, time: str) -> None:
    """Copy a variable to the last bit, record by record."""
    _take_as_stored(variable)
    attributes = {key: variable.getncattr(key) for key in variable.ncattrs()}
    filters, chunks = variable.filters() or {}, variable.chunking()
    # The highest levels take several times as long, for a few percent.
    filters["complevel"] = min(filters.get("complevel", 0), COMPRESSION)
    created = copy.createVariable(
        variable.name,
        variable.dtype,
        variable.dimensions,
        fill_value=attributes.pop("_FillValue", None),
        endian=variable.endian(),
        chunksizes=chunks if isinstance(chunks, list) else None,
        **{key: filters[key] for key in ("zlib", "complevel", "shuffle") if key in filters},
    )
    _take_as_stored(created)
    created.setncatts(attributes)
    if variable.dimensions[:1] == (time,):
        for k in range(len(variable)):
            created[k] = variable[k]
    else:
        created[...] = variable[...]


def _take_as_stored(variable: netCDF4.Variable) -> None:
    """Let a variable give and take what is in the file: not unpacked, masked or made text."""
    variable.set_auto_maskandscale(False)
    variable.set_auto_chartostring(False)


def _dimensions(file: netCDF4.Dataset, points: str, shape: tuple[int, int]) -> tuple[str, ...]:
    """Return the names of the dimensions of some points: ROMS has more of them than CROCO."""
    roms = (f"eta_{points}", f"xi_{points}")
    names = roms if all(name in file.dimensions for name in roms) else POINTS[points]
    for name, size in zip(names, points_shape(points, shape), strict=True):
        if name not in file.dimensions:
            file.createDimension(name, size)
    return names
