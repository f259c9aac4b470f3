"""Bring raw columns into ``DATA_PATH/raw``: made here (the demo), or fetched from ECMWF.

``demo`` draws the columns of :mod:`weather_forecast.gwd.synthetic.columns` and runs the schemes on
them: 24 dates of the non-orographic scheme in ``raw/``, the same of the orographic one in
``ogwd/raw/``.

``maelstrom`` is the data set of Chantry et al. (2021, JAMES, 10.1029/2021MS002477), published by
the MAELSTROM project under CC BY 4.0: the non-orographic drag of the IFS on 63 levels for 18 dates,
2,355,840 columns and 2.8 GB each. Address, dates and sets are those of ECMWF's CliMetLab plugin
``maelstrom-nogwd`` (git.ecmwf.int/projects/MLFET/repos/maelstrom-nogwd, version 0.1.0), which reads
netCDF-4 files with the columns along the first axis; they are turned around to the layout of
:mod:`weather_forecast.gwd.io.layout` on the way in. They have no latitude.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import h5py

from ai4sim.io.download import ResumingDownloader, fetch_file
from ai4sim.io.files import open_hdf5
from weather_forecast.gwd.io.layout import DragLayout, read_layout, write_columns
from weather_forecast.gwd.synthetic.generate import Scheme, generate_columns

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


def fetch_maelstrom(
    data_path: Path | str,
    dates: Sequence[datetime.date],
    *,
    url: str = URL,
    progress: bool = True,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Fetch dates of the MAELSTROM data set, one after the other.

    Parameters
    ----------
    data_path : path
        Folder that gets ``raw/YYYY-MM-DD.h5``.
    dates : sequence of date
    url : str
        Address, or path on this machine, of the file of a date: ``{date}`` stands for YYYY-MM-DD.
        Files in the layout of this repository are accepted as they are.
    progress : bool
        Whether to show a bar (on a terminal only).
    downloader : ResumingDownloader, optional
        How to transfer: attempts, pauses, time limits.

    Returns
    -------
    list of Path
        The raw files.

    Raises
    ------
    ValueError
        `url` does not contain ``{date}``, or a file is not in one of the two layouts. Further
        errors: :func:`ai4sim.io.download.fetch_file`.
    """
    if "{date}" not in url:
        raise ValueError(f"url: expected {{date}} in it, as in {URL}; found {url}")
    files: list[Path] = []
    for date in dates:
        name = date.isoformat()
        log.info("%s (%d of %d)", name, len(files) + 1, len(dates))
        file = fetch_file(
            url.replace("{date}", name),
            data_path,
            f"{name}.h5",
            convert=to_raw_layout,
            expected=_check_scheme,
            progress=progress,
            downloader=downloader,
        )
        files.append(file)
    return files


def to_raw_layout(source: Path, destination: Path) -> None:
    """Write a file in the raw layout, whichever axis has the columns; block by block.

    Parameters
    ----------
    source : path
        HDF5 or netCDF-4 file with ``/x`` and ``/y``, either (column, row) or in the raw layout.
    destination : path

    Raises
    ------
    ValueError
        It has no such datasets, or a number of rows that no layout has.
    """
    with open_hdf5(source) as file:
        x, y = file.get("x"), file.get("y")
        if not (isinstance(x, h5py.Dataset) and isinstance(y, h5py.Dataset)):
            raise ValueError(f"{source}: expected datasets /x and /y, found {sorted(file)}")
        # The two have as many columns, but not as many rows.
        turned = x.ndim == y.ndim == 2 and len(x) == len(y)
        if turned:
            try:
                layout = DragLayout.of_rows(x.shape[1])
                write_columns(destination, layout, x, y, None, attributes=ORIGIN)
            except ValueError as error:
                raise ValueError(f"{source}: /x has shape {x.shape}: {error}") from error
    if not turned:
        shutil.copyfile(source, destination)


def _check_scheme(path: Path) -> None:
    """Raise ValueError unless a file is in the layout of the non-orographic scheme."""
    layout = read_layout(path)
    if layout.scheme != "nogwd":
        raise ValueError(f"its rows are those of scheme {layout.scheme}, expected nogwd")


def make_demo(data_path: Path | str, schemes: Sequence[Scheme]) -> list[Path]:
    """Generate the demo dates of some schemes."""
    files = [generate_columns(data_path, scheme=scheme) for scheme in schemes]
    return [file for of_scheme in files for file in of_scheme]


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m weather_forecast.gwd.synthetic.download",
        description="Bring raw columns into DIR/raw: made here (demo) or fetched (maelstrom). "
        "What is complete is left alone; what was interrupted is continued.",
        epilog="""examples:
  python -m weather_forecast.gwd.synthetic.download --data-path data
      make the demo columns of both schemes (a minute on two cores)
  python -m weather_forecast.gwd.synthetic.download --data-path data-ifs --source maelstrom \\
      --dates 2015-01-01
      fetch one date of ECMWF's columns (2.8 GB)
  python -m weather_forecast.gwd.synthetic.download --data-path data-ifs --source maelstrom
      fetch all 18 dates (50 GB)
  python -m weather_forecast.gwd.synthetic.generate --data-path data --dates 100 --seed 1
      make 100 more dates to train with""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-path", type=Path, required=True, metavar="DIR", help="folder that gets raw/"
    )
    parser.add_argument(
        "--source", choices=("demo", "maelstrom"), default="demo", help="default: demo"
    )
    parser.add_argument(
        "--scheme",
        choices=("nogwd", "ogwd", "both"),
        help="demo only: non-orographic drag in DIR/raw, orographic drag in DIR/ogwd/raw, or both "
        "(default: both)",
    )
    parser.add_argument(
        "--url",
        metavar="PATTERN",
        help="maelstrom only: address, or path on this machine, with {date} in it "
        f"(default: {URL})",
    )
    parser.add_argument(
        "--subset",
        nargs="+",
        choices=tuple(SUBSETS),
        help="maelstrom only: which of the published sets (default: all)",
    )
    parser.add_argument(
        "--dates",
        nargs="+",
        type=datetime.date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="maelstrom only: which dates, instead of --subset",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; `argv` without the program's name, by default that of the process."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    demo = arguments.source == "demo"
    for option in ("url", "subset", "dates") if demo else ("scheme",):
        if getattr(arguments, option):
            other = "maelstrom" if demo else "demo"
            parser.error(f"--{option} belongs to --source {other}, not to {arguments.source}")
    if arguments.dates and arguments.subset:
        parser.error("--dates and --subset: give one of them")
    try:
        if demo:
            schemes: dict[str, tuple[Scheme, ...]] = {"nogwd": ("nogwd",), "ogwd": ("ogwd",)}
            files = make_demo(arguments.data_path, schemes.get(arguments.scheme, ("nogwd", "ogwd")))
        else:
            chosen = arguments.subset or tuple(SUBSETS)
            dates = arguments.dates or [date for name in chosen for date in SUBSETS[name]]
            url = arguments.url or URL
            files = fetch_maelstrom(arguments.data_path, dates, url=url)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    log.info("%d raw files in %s", len(files), arguments.data_path)


if __name__ == "__main__":
    main()
