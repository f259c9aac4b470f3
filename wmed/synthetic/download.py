r"""Bring raw files into ``DATA_PATH/raw``: made here (the demo), or fetched from an archive.

``demo`` generates an invented sea and weather on the real coast, see
:mod:`wmed.synthetic.generate`.

There is no public archive of coupled CROCO and Meso-NH runs of this region that we know of. Whoever
has one, on a server or in a file, brings it in as a zip or tar archive of files in the layouts of
:mod:`wmed.io.croco` and :mod:`wmed.io.mesonh`:

    python -m wmed.synthetic.download --data-path DIR --url https://example.org/runs.tar.gz \
        --sha256 HASH
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from ai4sim.io.download import ResumingDownloader, fetch_archive
from wmed.io import croco, mesonh
from wmed.io.netcdf import Source
from wmed.synthetic.generate import generate

log = logging.getLogger(__name__)

SUFFIXES = (".nc",)


def fetch(
    url: str,
    data_path: Path | str,
    *,
    sha256: str | None = None,
    progress: bool = True,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Fetch an archive of raw files; its netCDF files arrive in ``raw/`` if all can be read.

    Parameters
    ----------
    url : str
        Address, or path on this machine, of a zip or tar archive.
    data_path, sha256, progress, downloader
        As for :func:`ai4sim.io.download.fetch_archive`.

    Returns
    -------
    list of Path
        The raw files.

    Raises
    ------
    ConnectionError, FileNotFoundError, FileExistsError, ValueError
        As :func:`ai4sim.io.download.fetch_archive`.
    """
    return fetch_archive(
        url,
        data_path,
        sha256=sha256,
        expected=check_raw,
        suffixes=SUFFIXES,
        progress=progress,
        downloader=downloader,
    )


def check_raw(path: Path) -> None:
    """Raise ValueError unless a file has the grid and times of an ocean or of an atmosphere."""
    with Source(path) as source:
        is_ocean = "eta_rho" in source.dataset.dimensions
    if is_ocean:
        croco.read_grid(path)
        croco.read_times(path)
    else:
        mesonh.read_grid(path)
        mesonh.read_time(path)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; `argv` without the program's name, by default that of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m wmed.synthetic.download",
        description="Bring raw files into DIR/raw: made here, or fetched with --url. "
        "What is complete is left alone; what was interrupted is continued.",
        epilog="""examples:
  python -m wmed.synthetic.download --data-path data
      make the demo (a minute on two cores)
  python -m wmed.synthetic.download --data-path data-runs --url https://example.org/runs.tar.gz
      fetch an archive of CROCO and Meso-NH files; no public one of this region is known
  python -m wmed.synthetic.generate --help
      make some of the events, or all at full size""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-path", type=Path, required=True, metavar="DIR", help="folder that gets raw/"
    )
    parser.add_argument(
        "--url", metavar="ARCHIVE", help="address, or path on this machine, of a zip or tar archive"
    )
    parser.add_argument("--sha256", metavar="HASH", help="what the archive's SHA-256 has to be")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.sha256 and not options.url:
        parser.error("--sha256 belongs to --url")
    try:
        if options.url:
            files = fetch(options.url, options.data_path, sha256=options.sha256)
        else:
            files = generate(options.data_path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error
    log.info("%d %s in %s", len(files), "files" if options.url else "events", options.data_path)


if __name__ == "__main__":
    main()
