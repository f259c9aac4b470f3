"""Bring raw flames into ``DATA_PATH/raw``: made here (the demo), or fetched from an archive.

Four sources. ``demo`` runs the solver of this package (:mod:`combustion.synthetic.generate`): with
``--recipe r2`` and ``r3`` it makes small flames like those below. The other three
are the flames of the RAISE Center of Excellence, as LES fields filtered from DNS, in the layouts of
:mod:`combustion.io.layouts` (every file is checked against them before it arrives):

``cnf``
    Methane/air slot burner of Lapeyre et al. (2019), arXiv:1810.03691: 113 fields in ``(x, y, z)``
    order, ``filt_8`` = c_bar [1], ``filt_grad_8`` = Sigma [1/m], ``grad_filt_8`` = |grad c_bar|
    [1/m]; three simulations, the third a transient with the inlet velocity doubled from 10 to
    20 m/s for 1 ms. Published values of Sigma are divided by 342.553 1/m.
``r2``, ``r3``
    Slot-jet lean methane/air flames (equivalence ratio 0.7, 800 K, 4 bar) of Luca, Attili et al.
    (2019), R3 at the higher Reynolds number and resolution: ``c_filt``, ``c_grad_filt`` (Sigma),
    ``c_filt_grad`` in ``(z, y, x)`` order; published normaliser 3295.4 1/m.

These archives may lack attributes (grid spacing, S_L, delta_L): the configuration gives them then.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ai4sim.io.download import fetch_archive

log = logging.getLogger(__name__)

LANDING_PAGE = "https://www.coe-raise.eu/od-combustion"
"""Where RAISE describes and links the archives (named by github.com/AI4SIM/model-collection)."""


@dataclass(frozen=True)
class Source:
    """One archive: its layout (:mod:`combustion.io.layouts`), and its address if it is public."""

    layout: str
    url: str | None = None


SOURCES = {
    # The share at the Juelich Supercomputing Centre that github.com/AI4SIM/model-collection gives
    # for this data set (gnns/README, and data.py: "file.tgz/DATA"). No hash is published.
    "cnf": Source(
        "cnf",
        "https://uftp.fz-juelich.de:9112/UFTP_Auth/rest/access/JUDAC/"
        "dc4eef36-1929-41f6-9eb9-c11417be1dcf",
    ),
    # No direct address of these two is public.
    "r2": Source("r2"),
    "r3": Source("r2"),
}


def fetch_flames(
    data_path: Path | str,
    source: str,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: bool = True,
) -> list[Path]:
    """Fetch one of the real archives and check each of its files.

    Parameters
    ----------
    data_path : path
        Folder that gets ``raw/``.
    source : str
        ``cnf``, ``r2`` or ``r3``.
    url : str, optional
        Address, or path on this machine, of the archive; the public one where there is one.
    sha256 : str, optional
        Known SHA-256 of the archive.
    progress : bool
        Whether to show a bar (on a terminal only).

    Returns
    -------
    list of Path
        The raw files.

    Raises
    ------
    ValueError
        If `source` is unknown or has no public address and no `url` is given, or the archive holds
        something else. Further errors: :func:`ai4sim.io.download.fetch_archive`.
    """
    if source not in SOURCES:
        raise ValueError(f"source: expected one of {', '.join(SOURCES)}, found {source!r}")
    url = url or SOURCES[source].url
    if url is None:
        raise ValueError(
            f"--source {source}: no direct address of this archive is public. Look for it on "
            f"{LANDING_PAGE}, then give its address, or the path of your copy, with --url."
        )

    def check(path: Path) -> None:
        _check_layout(path, source)

    return fetch_archive(url, data_path, sha256=sha256, expected=check, progress=progress)


def _check_layout(path: Path, source: str) -> None:
    """Raise ValueError unless a file is of the layout of its source."""
    from combustion.io.layouts import detect

    found, wanted = detect(path).name, SOURCES[source].layout
    if found != wanted:
        raise ValueError(
            f"its datasets are those of layout '{found}', --source {source} has layout '{wanted}'. "
            f"If the archive is what you want, give --source {found}."
        )


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m combustion.synthetic.download",
        description="Bring raw flames into DIR/raw: made here (demo) or fetched (cnf, r2, r3). "
        "What is complete is left alone; what was interrupted is continued.",
        epilog="""examples:
  python -m combustion.synthetic.download --data-path data
      make the demo flames (minutes on two cores)
  python -m combustion.synthetic.download --data-path data/r2 --recipe r2
      make a small flame like R2 (likewise r3)
  python -m combustion.synthetic.download --data-path data-cnf --source cnf
      fetch the slot-burner flames of Lapeyre et al. (2019)
  python -m combustion.synthetic.download --data-path data-r2 --source r2 \\
      --url r2.tgz --sha256 0f3a...
      unpack an archive that is here already, after checking its hash""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-path", type=Path, required=True, metavar="DIR", help="folder that gets raw/"
    )
    parser.add_argument(
        "--source",
        choices=("demo", *SOURCES),
        default="demo",
        help="which flames; real ones need a few GB of disk (default: demo)",
    )
    parser.add_argument(
        "--url",
        help="http(s) address, or path on this machine, of a zip or tar archive of HDF5 files "
        f"(cnf has a default; see {LANDING_PAGE})",
    )
    parser.add_argument(
        "--sha256",
        metavar="HASH",
        help="known SHA-256 of the archive, 64 hexadecimal digits; a mismatch is an error",
    )
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="demo only: which recipe of combustion.synthetic.generate, "
        "demo, r2 or r3 (default: demo)",
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        metavar="CASE",
        help="demo only: which flames to make (default: all)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; `argv` without the program's name, by default that of the process."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.source == "demo":
        if arguments.url or arguments.sha256:
            parser.error("--url and --sha256 belong to --source cnf, r2 or r3, not to demo")
        from combustion.synthetic.generate import generate_flames

        recipe = arguments.recipe or "demo"
        try:
            files = generate_flames(arguments.data_path, arguments.cases, recipe=recipe)
        except ValueError as error:
            raise SystemExit(f"error: {error}") from error
    else:
        for option in ("cases", "recipe"):
            if getattr(arguments, option):
                parser.error(f"--{option} belongs to --source demo, not to {arguments.source}")
        try:
            files = fetch_flames(
                arguments.data_path, arguments.source, url=arguments.url, sha256=arguments.sha256
            )
        except (OSError, ValueError) as error:
            raise SystemExit(f"error: {error}") from error
    log.info("%d raw files in %s", len(files), arguments.data_path / "raw")


if __name__ == "__main__":
    main()
