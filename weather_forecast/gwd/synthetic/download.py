"""Bring raw columns into ``DATA_PATH/raw``: made here (the demo), or fetched from ECMWF.

``demo`` draws the columns of :mod:`weather_forecast.gwd.synthetic.columns` and runs the schemes on
them: 24 dates of the non-orographic scheme in ``raw/``, the same of the orographic one in
``ogwd/raw/``.

``maelstrom`` is the data set of Chantry et al. (2021, JAMES, 10.1029/2021MS002477), published by
the MAELSTROM project under CC BY 4.0: the non-orographic drag of the IFS on 63 levels for 18 dates,
2,355,840 columns and 2.8 GB each. Address, dates and sets are those of ECMWF's CliMetLab plugin
``maelstrom-nogwd`` (git.ecmwf.int/projects/MLFET/repos/maelstrom-nogwd, version 0.1.0), which reads
netCDF-4 files with the columns along the first axis; they are turned around to the layout of
:mod:`weather_forecast.gwd.io.layout` on the way in. They have no latitude; one that is there, and
what else there is, comes along.
"""

from __future__ import annotations

import datetime
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import h5py

from ai4sim.command import refuse_options, run
from ai4sim.io.download import ResumingDownloader, Source, fetch
from ai4sim.io.raw import open_raw

log = logging.getLogger(__name__)

URL = "https://storage.ecmwf.europeanweather.cloud/NOGWD_L91_PUBLIC/nc/{date}.nc"
"""Address of a date of the MAELSTROM data set."""
SUBSETS = {
    "training": tuple(
        datetime.date(2015, 1, 1) + datetime.timedelta(days=30 * i) for i in range(12)
    ),
    "validation": tuple(datetime.date(2016, *day) for day in ((2, 25), (6, 24), (12, 21))),
    "testing": tuple(datetime.date(2017, *day) for day in ((2, 19), (7, 19), (11, 16))),
}
"""Its sets as published."""
ORIGIN = {
    "input_state": "IFS forecasts, MAELSTROM data set nogwd, ECMWF, CC BY 4.0",
    "scheme": "IFS, Scinocca (2003)",
}
"""Attributes of its files."""


def to_raw_layout(parts: Sequence[Path], destination: Path) -> None:
    """Write a file in the raw layout, whichever axis has the columns; block by block.

    Parameters
    ----------
    parts : sequence of path
        One netCDF or HDF5 file with ``/x`` and ``/y``, (column, row) or in the raw layout. The
        latter is copied; of the former, all that is neither ``/x`` nor ``/y`` nor ``/lat`` too.
    destination : path

    Raises
    ------
    ValueError
        It has no such datasets, a number of rows that no layout has, or impossible values.
    """
    from ai4sim.io.copies import copy_variables, is_whole, name_axes
    from weather_forecast.gwd.io.layout import write_columns
    from weather_forecast.gwd.io.raw_files import DATASETS, Columns, open_columns

    (source,) = parts
    with open_raw(source) as raw:
        x, y = raw["x"], raw["y"]
        # The two have as many columns, but not as many rows.
        columns_first = x.ndim == y.ndim == 2 and x.shape[0] == y.shape[0]
        whole = is_whole(raw)
    if columns_first:
        with open_columns(source, columns_first=True) as file:
            if file.surface_first:
                raise ValueError(
                    f"{source}: its columns come first, and the first of their levels is that of "
                    "the surface: expected the top first"
                )
            given = {name: Columns(file, name) for name in file.fields}
            write_columns(
                destination,
                file.layout,
                given["inputs"],
                given["targets"],
                given.get("latitude"),
            )
            with h5py.File(destination, "a") as turned:
                copy_variables(file.raw, turned, leave_out=tuple(DATASETS.values()))
                for field in file.fields.values():
                    name_axes(turned, turned[field.variable.name], field.dimensions)
                turned.attrs.update(ORIGIN)
    elif whole:
        shutil.copyfile(source, destination)
    else:
        with open_raw(source) as raw, h5py.File(destination, "w") as copy:
            copy_variables(raw, copy)


def _check_scheme(path: Path) -> None:
    """Raise ValueError unless a file is in the layout of the non-orographic scheme."""
    from weather_forecast.gwd.io.layout import read_layout

    layout = read_layout(path)
    if layout.scheme != "nogwd":
        raise ValueError(f"its rows are those of scheme {layout.scheme}, expected nogwd")


MAELSTROM = Source(URL, fields=("date",), check=_check_scheme, convert=to_raw_layout)


def fetch_maelstrom(
    data_path: Path | str,
    dates: Sequence[datetime.date],
    *,
    url: str | None = None,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Fetch dates of the MAELSTROM data set to ``raw/YYYY-MM-DD.h5``, one after the other.

    `url` may be the pattern of files in the layout of this repository, which are copied. See
    :func:`ai4sim.io.download.fetch`.
    """
    wanted = {f"{date}.h5": [{"date": f"{date}"}] for date in dates}
    return fetch(MAELSTROM, data_path, wanted, url=url, downloader=downloader)


def main(
    data_path: Path,
    *,
    source: Literal["demo", "maelstrom"] = "demo",
    scheme: Literal["nogwd", "ogwd", "both"] | None = None,
    url: str | None = None,
    subset: tuple[Literal["training", "validation", "testing"], ...] | None = None,
    dates: tuple[datetime.date, ...] | None = None,
) -> None:
    r"""Bring raw columns into the folder of the data: made here, or fetched from ECMWF.

    What is complete is left alone; what was interrupted is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    source : str
        The columns: made here, or those of the IFS.
    scheme : str, optional
        The non-orographic drag, in ``raw/``, the orographic drag, in ``ogwd/raw/``, or both (by
        default). Only for the demo.
    url : str, optional
        The address, or the path on this machine, of a date, with {date} in it, instead of ECMWF's.
        Only for maelstrom.
    subset : tuple of str, optional
        The published sets to fetch, by default all. Only for maelstrom.
    dates : tuple of date, optional
        The dates to fetch, instead of a subset. Only for maelstrom.

    Examples
    --------
    python -m weather_forecast.gwd.synthetic.download --data-path data
        make the demo columns of both schemes (a minute on two cores)
    python -m weather_forecast.gwd.synthetic.download --data-path data-ifs --source maelstrom \
        --dates 2015-01-01
        fetch one date of ECMWF's columns (2.8 GB)
    python -m weather_forecast.gwd.synthetic.download --data-path data-ifs --source maelstrom
        fetch all 18 dates (50 GB)
    """
    if source == "demo":
        refuse_options(source, "maelstrom", url=url, subset=subset, dates=dates)
        from weather_forecast.gwd.synthetic.generate import generate_columns

        files = []
        if scheme != "ogwd":
            files += generate_columns(data_path)
        if scheme != "nogwd":
            files += generate_columns(data_path, scheme="ogwd")
    else:
        refuse_options(source, "demo", scheme=scheme)
        if dates and subset:
            raise ValueError("--dates and --subset: give one of them")
        chosen = [date for name in subset or SUBSETS for date in SUBSETS[name]]
        files = fetch_maelstrom(data_path, dates or chosen, url=url)
    log.info("%d raw files in %s", len(files), data_path)


if __name__ == "__main__":
    run(main)
