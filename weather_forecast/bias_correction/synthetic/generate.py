"""Generate raw files: draw the columns of each date, run both solvers on them, write them down.

A date is whole or absent, files that are there are kept, and every date has its own random numbers:
a rerun continues where the last one was killed, and gives the same files on any number of cores.
The solvers run in double precision on the columns as they are stored, in single.

The places of a date lie all over the globe, but four in five of them where it is day: of night
columns, which have no short-wave effect, there are enough in a fifth. The last demo date is a map
instead, places on a regular grid over Europe and the north-eastern Atlantic at noon.
"""

from __future__ import annotations

import datetime
import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ai4sim.command import run
from ai4sim.data.generation import write_missing
from ai4sim.physics.random_fields import date_generator, uniform
from ai4sim.physics.sun import cos_zenith_angle
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.raw_files import write_columns
from weather_forecast.bias_correction.physics.solver import three_dimensional_effect
from weather_forecast.bias_correction.synthetic.columns import draw_columns

log = logging.getLogger(__name__)

Teacher = Callable[[Mapping[str, Tensor]], tuple[Tensor, Tensor]]
"""Takes columns by channel name; returns targets and the fluxes of Tripleclouds."""
LEVELS, COLUMNS = 137, 170
"""Layers, and columns of a date."""
NIGHT = 0.2
"""Share of the columns that lie in the night."""
NAME = "%Y-%m-%dT%H%M"
"""How a file is called after its time."""
RECIPE = (
    "synthetic atmosphere, version 1: zonal-mean climate, weather systems, typical clouds; "
    "see weather_forecast/bias_correction/synthetic/columns.py"
)


def as_ecrad(columns: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Label columns with what ecRad's operational settings give.

    These lose a little long-wave energy; so the networks learn the same quantity from the demo as
    from ecRad's own columns. See
    :func:`weather_forecast.bias_correction.physics.solver.three_dimensional_effect`.
    """
    return three_dimensional_effect(columns, like_ecrad=True)


class Map(NamedTuple):
    """A regular grid of places.

    Attributes
    ----------
    south, west : float
        Its first place [degrees].
    step : float
        Distance of neighbours [degrees].
    rows, columns : int
    """

    south: float
    west: float
    step: float
    rows: int
    columns: int


EUROPE = Map(36.0, -14.0, 2.0, 12, 16)


class Snapshot(NamedTuple):
    """A date to generate.

    Attributes
    ----------
    time : datetime
        UTC.
    map : Map, optional
        Where its columns are; by default all over the globe.
    """

    time: datetime.datetime
    map: Map | None = None


def demo_snapshots() -> list[Snapshot]:
    """Return 48 dates for a split by time.

    The first 36, ten days apart, are a year of training; then come six dates of a second year to
    validate and six of a third to test, the fourth of which is the map. Each set has all seasons
    and hours; no two sets share a weather system.
    """
    start = datetime.datetime(2019, 1, 5)
    training = [start + datetime.timedelta(days=10 * i, hours=7 * i % 24) for i in range(36)]
    validating = ((2, 10, 3), (4, 3, 8), (5, 28, 15), (7, 14, 20), (8, 31, 0), (11, 8, 9))
    validation = [datetime.datetime(2020, *day) for day in validating]
    testing = ((1, 20, 6), (3, 15, 11), (5, 2, 18), (8, 25, 22), (10, 20, 0))
    tests = [datetime.datetime(2021, *day) for day in testing]
    summer = Snapshot(datetime.datetime(2021, 7, 21, 12), EUROPE)
    return sorted([*map(Snapshot, training + validation + tests), summer], key=_time)


def extra_snapshots(count: int) -> list[Snapshot]:
    """Return dates before the demo's, every 17 days and 5 hours back from the end of 2018.

    Sorted by name they precede the demo: name the files of the three sets in ``splits.yaml`` to
    keep its validation and test dates as they are.
    """
    last = datetime.datetime(2018, 12, 20, 12)
    step = datetime.timedelta(days=17, hours=5)
    return sorted((Snapshot(last - i * step) for i in range(count)), key=_time)


def _time(snapshot: Snapshot) -> datetime.datetime:
    return snapshot.time


def file_name(time: datetime.datetime) -> str:
    """Return the name of the file of a date."""
    return f"{time:{NAME}}.nc"


def scattered_places(time: datetime.datetime, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw places evenly over the globe, but the fifth of them where it is night.

    Returns
    -------
    latitude, longitude : (column,), float64  [degrees north], [degrees east]
    """
    generator = date_generator(time, seed, "places")
    drawn = uniform(generator, 6 * count + 60, 2)  # so many that there are enough of both
    latitude = (2 * drawn[:, 0] - 1).asin().rad2deg()
    longitude = 360 * drawn[:, 1]
    day = cos_zenith_angle(time, latitude, longitude) > 0
    by_night = round(NIGHT * count)
    chosen = torch.cat([day.nonzero()[: count - by_night], (~day).nonzero()[:by_night]]).squeeze(-1)
    chosen = chosen.sort().values
    return latitude[chosen], longitude[chosen]


def map_places(region: Map) -> tuple[Tensor, Tensor]:
    """Return latitude and longitude of a map [degrees], rows from the south, (column,)."""
    latitude = region.south + region.step * torch.arange(region.rows, dtype=torch.float64)
    longitude = region.west + region.step * torch.arange(region.columns, dtype=torch.float64)
    grid = torch.meshgrid(latitude, longitude, indexing="ij")
    return grid[0].flatten(), grid[1].flatten() % 360


def generate_columns(
    data_path: Path | str,
    snapshots: Iterable[Snapshot] | None = None,
    *,
    columns: int = COLUMNS,
    levels: int = LEVELS,
    seed: int = 0,
    teacher: Teacher = as_ecrad,
    workers: int | None = None,
) -> list[Path]:
    """Write one file per date; files already there are kept.

    Parameters
    ----------
    data_path : path
        Folder that gets ``raw/YYYY-MM-DDTHHMM.nc``.
    snapshots : iterable of Snapshot, optional
        Default :func:`demo_snapshots`.
    columns, levels, seed, workers
        The options of the command, see :func:`main`. Fewer than 137 levels make a coarse
        atmosphere, for tests.
    teacher : callable
        Labels the columns. A function of a module, where there is more than one worker.

    Returns
    -------
    list of Path
        The files of these dates, sorted.

    Raises
    ------
    ValueError
        Fewer than one column or two layers, or a file of that name made in another way.
    """
    if columns < 1 or not 2 <= levels <= LEVELS:
        raise ValueError(
            f"expected at least 1 column and 2 to {LEVELS} levels, found {columns} and {levels}"
        )
    raw = Path(data_path) / "raw"
    dates = sorted(set(demo_snapshots() if snapshots is None else snapshots), key=_time)
    plan = {raw / file_name(snapshot.time): snapshot for snapshot in dates}
    facts = {
        file: _attributes(snapshot, columns, levels, seed, teacher)
        for file, snapshot in plan.items()
    }
    workers = 1 if len(plan) == 1 else workers
    write_missing(
        Path(data_path),
        facts,
        functools.partial(
            _write_date,
            plan=plan,
            facts=facts,
            columns=columns,
            levels=levels,
            seed=seed,
            teacher=teacher,
        ),
        samples=columns,
        label="columns",
        scheduler="threads" if workers == 1 else "processes",
        workers=workers,
    )
    return list(plan)


def _write_date(
    file: Path,
    plan: Mapping[Path, Snapshot],
    facts: Mapping[Path, Mapping[str, Any]],
    columns: int,
    levels: int,
    seed: int,
    teacher: Teacher,
) -> None:
    """Make the file of a date."""
    time, region = plan[file]
    if region is None:
        latitude, longitude = scattered_places(time, columns, seed)
    else:
        latitude, longitude = map_places(region)
    latitude, longitude = latitude.float(), longitude.float()  # as they will be stored
    layout = RadiationLayout(levels)
    inputs = draw_columns(time, latitude, longitude, seed, levels)
    targets, tripleclouds = teacher(layout.split_inputs(inputs.double()))
    write_columns(
        file,
        layout,
        inputs,
        targets,
        latitude,
        longitude,
        tripleclouds=tripleclouds,
        attributes=facts[file],
    )


def _attributes(
    snapshot: Snapshot, columns: int, levels: int, seed: int, teacher: Teacher
) -> dict[str, Any]:
    """Return what one must know of a file: where its columns come from, and the solvers."""
    region = snapshot.map
    places = (
        f"{columns} over the globe, {100 * NIGHT:.0f} % of them by night"
        if region is None
        else f"{region.rows} x {region.columns} every {region.step:g} degrees from "
        f"{region.south:g} N, {region.west:g} E"
    )
    return {
        "title": "3-D cloud radiative effect: SPARTACUS minus Tripleclouds",
        "time": f"{snapshot.time:{NAME}}",
        "input_state": RECIPE,
        "seed": seed,
        "places": places,
        "levels": f"{levels} of L137",
        "solver": f"{teacher.__module__}.{teacher.__qualname__}",
        "Conventions": "CF-1.8",
    }


def main(
    data_path: Path,
    *,
    dates: int | None = None,
    columns: int = COLUMNS,
    levels: int = LEVELS,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    r"""Generate columns of a cloudy synthetic atmosphere, with the 3-D effect on radiation.

    What is complete is left alone; a generation that was killed is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    dates : int, optional
        The number of dates of years before those of the demo, to train with. By default the dates
        of the demo.
    columns : int
        The number of columns of a date.
    levels : int
        The number of layers of a column.
    seed : int
        The seed: another one gives other places and weather on the same dates.
    workers : int, optional
        The number of dates at once, by default one per core.

    Examples
    --------
    python -m weather_forecast.bias_correction.synthetic.generate --data-path data
        make the demo dates
    python -m weather_forecast.bias_correction.synthetic.generate --data-path data \
        --dates 100 --seed 1
        make 100 more dates to train with
    """
    snapshots = None if dates is None else extra_snapshots(dates)
    files = generate_columns(
        data_path, snapshots, columns=columns, levels=levels, seed=seed, workers=workers
    )
    log.info("%d files in %s", len(files), data_path / "raw")


if __name__ == "__main__":
    run(main)
