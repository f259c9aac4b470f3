"""Bring raw files into ``DATA_PATH/raw``: made here (the demo), or fetched from an archive.

The demo is an invented sea and weather on the real coast, see :mod:`wmed.synthetic.generate`.

There is no public archive of coupled CROCO and Meso-NH runs of this region that we know of. Whoever
has one, on a server or in a file, brings it in as a zip or tar archive of files in the layouts of
:mod:`wmed.io.croco` and :mod:`wmed.io.mesonh`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ai4sim.command import run
from ai4sim.io.download import Source, fetch

log = logging.getLogger(__name__)


def check_raw(path: Path) -> None:
    """Raise ValueError unless a file has the times of an ocean, or grid and times of the air.

    What else a run leaves, such as grids, averages and Meso-NH's diachronic file, is whole if it
    can be opened.
    """
    from ai4sim.io.files import matches
    from ai4sim.io.raw import open_raw
    from wmed.io import croco, mesonh
    from wmed.io.croco_layout import check_whole
    from wmed.io.folder import HISTORIES

    with open_raw(path) as file:
        is_ocean = "eta_rho" in file.dimensions or "xi_rho" in file.dimensions
        has_grid = "lon_rho" in file
        check_whole(file)
    if is_ocean:
        if has_grid:
            croco.read_grid(path)
        if matches(path, HISTORIES):
            croco.read_times(path)
    elif not matches(path, "*.000.nc"):
        mesonh.read_grid(path)
        mesonh.read_times(path)


RUNS = Source(check=check_raw, suffixes=(".nc",))


def main(data_path: Path, *, url: str | None = None, sha256: str | None = None) -> None:
    """Bring raw files into the folder of the data: made here, or fetched from an archive.

    What is complete is left alone; what was interrupted is continued. To make some of the events,
    or all at full size, see ``python -m wmed.synthetic.generate --help``.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    url : str, optional
        The address, or the path on this machine, of a zip or tar archive of CROCO and Meso-NH
        files; no public one of this region is known. By default the demo is made.
    sha256 : str, optional
        The known SHA-256 of the archive, 64 hexadecimal digits; a mismatch is an error.

    Examples
    --------
    python -m wmed.synthetic.download --data-path data
        make the demo (a minute on two cores)
    python -m wmed.synthetic.download --data-path data-runs --url https://example.org/runs.tar.gz
        fetch an archive
    """
    if url:
        files = fetch(RUNS, data_path, url=url, sha256=sha256)
    elif sha256:
        raise ValueError("--sha256 belongs to --url")
    else:
        from wmed.synthetic.generate import generate

        files = generate(data_path)
    log.info("%d %s in %s", len(files), "files" if url else "events", data_path)


if __name__ == "__main__":
    run(main)
