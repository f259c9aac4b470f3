"""Generate raw files: draw the columns of each date, run the scheme on them, write them down.

A date is whole or absent, files that are there are kept, and every date has its own random numbers:
a rerun continues where the last one was killed, and gives the same files on any number of cores.
The scheme runs in double precision on the columns as they are stored, in single.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai4sim.command import run
from ai4sim.data.generation import write_missing
from weather_forecast.gwd.io.layout import write_columns
from weather_forecast.gwd.io.rows import DragLayout, Scheme
from weather_forecast.gwd.synthetic.columns import AirColumns, draw_columns

log = logging.getLogger(__name__)

LEVELS: dict[str, int] = {"nogwd": 63, "ogwd": 91}
"""Full levels of the files, counted from the top of L91: the waves of nogwd start at the 63rd."""
GRID = (36, 40)
"""Latitudes, evenly spread in area, and longitudes of a file."""
RECIPE = (
    "synthetic atmosphere, version 1: zonal-mean climate in thermal-wind balance, quasi-biennial "
    "oscillation, planetary, synoptic, tropical and mesospheric waves, gravity waves saturated by "
    "overturning, sub-grid orography; see weather_forecast/gwd/synthetic/columns.py"
)


def demo_dates() -> list[datetime.date]:
    """Return 24 dates for a split by time.

    The first 16, 43 days apart, are two years of training; then come four quarters of a third year
    to validate and four of a fourth to test. So each set has all seasons, no two sets share a
    winter, and the phase of the quasi-biennial oscillation is another in each.
    """
    start = datetime.date(2015, 1, 1)
    training = [start + datetime.timedelta(days=43 * i) for i in range(16)]
    quarters = ((1, 25), (4, 26), (7, 26), (10, 25))
    return training + [datetime.date(year, *day) for year in (2017, 2018) for day in quarters]


def extra_dates(count: int) -> list[datetime.date]:
    """Return dates before the demo's, every 37 days back from the end of 2014.

    So far apart that each has weather of its own, and they come around to every season and phase of
    the quasi-biennial oscillation. Sorted by name they precede the demo: name the dates of the
    three sets in ``splits.yaml`` to keep its validation and test dates as they are.
    """
    last = datetime.date(2014, 12, 15)
    return sorted(last - datetime.timedelta(days=37 * i) for i in range(count))


def scheme_path(data_path: Path | str, scheme: str) -> Path:
    """Return the folder whose ``raw/`` holds the files of a scheme."""
    return Path(data_path) / "ogwd" if scheme == "ogwd" else Path(data_path)


def snapshot_grid(latitudes: int, longitudes: int) -> tuple[Tensor, Tensor]:
    """Return latitude and longitude of a grid of equal areas, in C order.

    Returns
    -------
    (latitude * longitude,), float64  [degrees north], [degrees east]
        From the south, each row from the meridian of Greenwich eastward.
    """
    sine = (2 * torch.arange(latitudes, dtype=torch.float64) + 1) / latitudes - 1
    east = 360 * torch.arange(longitudes, dtype=torch.float64) / longitudes
    grid = torch.meshgrid(sine.asin().rad2deg(), east, indexing="ij")
    return grid[0].flatten(), grid[1].flatten()


def generate_columns(
    data_path: Path | str,
    dates: Iterable[datetime.date] | None = None,
    *,
    scheme: Scheme = "nogwd",
    grid: tuple[int, int] = GRID,
    seed: int = 0,
    workers: int | None = None,
) -> list[Path]:
    """Write one file per date; files already there are kept.

    Parameters
    ----------
    data_path : path
        Folder that gets ``raw/YYYY-MM-DD.h5``, in its sub-folder ``ogwd`` for the orographic
        scheme.
    dates : iterable of date, optional
        Default :func:`demo_dates`.
    scheme : {"nogwd", "ogwd"}
        Both see the same atmosphere, on the upper 63 or on all 91 levels of L91.
    grid, seed, workers
        The options of the command, see :func:`main`.

    Returns
    -------
    list of Path
        The files of these dates, sorted.

    Raises
    ------
    ValueError
        An unknown scheme, an empty grid, or a file of that name made in another way.
    """
    if scheme not in LEVELS:
        raise ValueError(f"scheme: expected one of {sorted(LEVELS)}, found {scheme!r}")
    if min(grid) < 1:
        raise ValueError(f"grid: expected at least 1 latitude and 1 longitude, found {grid}")
    folder = scheme_path(data_path, scheme)
    days = sorted(set(demo_dates() if dates is None else dates))
    files = {day: folder / "raw" / f"{day.isoformat()}.h5" for day in days}
    write_missing(
        folder,
        {file: _attributes(day, scheme, grid, seed) for day, file in files.items()},
        functools.partial(_write_date, scheme=scheme, grid=grid, seed=seed),
        samples=grid[0] * grid[1],
        label=scheme,
        workers=workers,
    )
    return list(files.values())


def _write_date(file: Path, scheme: Scheme, grid: tuple[int, int], seed: int) -> None:
    day = datetime.date.fromisoformat(file.stem)
    latitude, longitude = snapshot_grid(*grid)
    layout = DragLayout(scheme, LEVELS[scheme])
    latitude = latitude.float().double()  # as it will be stored
    x = inputs(draw_columns(day, latitude, longitude, seed), layout)
    y = outputs(x, latitude, layout)
    write_columns(file, layout, x, y, latitude, grid, _attributes(day, scheme, grid, seed))


def inputs(columns: AirColumns, layout: DragLayout) -> Tensor:
    """Arrange columns as the rows of ``/x``, in the precision of the files.

    Returns
    -------
    (column, input_channels), float32
    """
    fields = columns._asdict()
    rows = [fields[variable.name] for variable in layout.inputs]
    return torch.cat(
        [r[:, : layout.levels] if r.ndim == 2 else r[:, None] for r in rows], 1
    ).float()


def outputs(x: Tensor, latitude: Tensor, layout: DragLayout) -> Tensor:
    """Run the scheme of a layout in double precision.

    Parameters
    ----------
    x : (column, input_channels)
    latitude : (column,)  [degrees north]
    layout : DragLayout

    Returns
    -------
    (column, output_channels), float64  [m/s2]
    """
    drag: NamedTuple
    if layout.scheme == "ogwd":
        from weather_forecast.gwd.physics.ogwd import MountainColumns, orographic_drag

        drag = orographic_drag(MountainColumns.of_rows(x.double(), layout.levels))
    else:
        from weather_forecast.gwd.physics.nogwd import nonorographic_drag

        u, v, temperature, surface_pressure, _ = layout.split_inputs(x.double()).values()
        drag = nonorographic_drag(u, v, temperature, surface_pressure, latitude.double())
    return torch.cat([getattr(drag, variable.name) for variable in layout.outputs], 1)


def _attributes(
    day: datetime.date, scheme: Scheme, grid: tuple[int, int], seed: int
) -> dict[str, Any]:
    """Return what one must know of a file: where its columns come from, and the scheme."""
    if scheme == "ogwd":
        from weather_forecast.gwd.physics.blocking import OrographyParameters

        parameters, name = dataclasses.asdict(OrographyParameters()), "Lott & Miller (1997)"
    else:
        from weather_forecast.gwd.physics.nogwd import WaveSpectrum

        parameters, name = dataclasses.asdict(WaveSpectrum()), "Scinocca (2003)"
    return {
        "date": day.isoformat(),
        "subset": "global",
        "input_state": RECIPE,
        "seed": seed,
        "grid": f"{grid[0]} latitudes of equal area x {grid[1]} longitudes",
        "levels": f"L91, full levels 1-{LEVELS[scheme]}",
        "scheme": f"IFS, {name}, in double precision",
        **parameters,
    }


def main(
    data_path: Path,
    *,
    dates: int | None = None,
    scheme: Scheme = "nogwd",
    grid: tuple[int, int] = GRID,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Generate columns of a synthetic atmosphere, with the drag of a scheme.

    What is complete is left alone; a generation that was killed is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``, in its sub-folder ``ogwd`` for that scheme.
    dates : int, optional
        The number of dates of years before those of the demo, to train with. By default the dates
        of the demo.
    scheme : str
        The non-orographic or the orographic drag.
    grid : (int, int)
        The number of latitudes and of longitudes of a date.
    seed : int
        The seed: another one gives other weather on the same dates.
    workers : int, optional
        The number of dates at once, by default one per core.

    Examples
    --------
    python -m weather_forecast.gwd.synthetic.generate --data-path data
        make the demo dates of the non-orographic drag
    python -m weather_forecast.gwd.synthetic.generate --data-path data --dates 100 --seed 1
        make 100 more dates to train with
    """
    days = None if dates is None else extra_dates(dates)
    files = generate_columns(data_path, days, scheme=scheme, grid=grid, seed=seed, workers=workers)
    log.info("%d files in %s", len(files), scheme_path(data_path, scheme) / "raw")


if __name__ == "__main__":
    run(main)
