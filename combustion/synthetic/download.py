"""Bring raw flames into ``DATA_PATH/raw``: made here (the demo), or fetched from an archive.

Four sources. ``demo`` runs the solver of this package (:mod:`combustion.synthetic.generate`): with
``--recipe r2`` and ``r3`` it makes small flames like those below. The other three are the flames of
the RAISE Center of Excellence, as LES fields filtered from DNS, in the layouts of
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

import functools
import logging
from pathlib import Path
from typing import Literal

from ai4sim.command import refuse_options, run
from ai4sim.io.download import Source, fetch

log = logging.getLogger(__name__)

LANDING_PAGE = "https://www.coe-raise.eu/od-combustion"
"""Where RAISE describes and links the archives (named by github.com/AI4SIM/model-collection)."""


def _check_layout(path: Path, source: str, layout: str) -> None:
    """Raise ValueError unless a file is of the layout of its source."""
    from combustion.io.grids import detect

    found = detect(path).name
    if found != layout:
        raise ValueError(
            f"its datasets are those of layout '{found}', --source {source} has layout '{layout}'. "
            f"If the archive is what you want, give --source {found}."
        )


def _source(name: str, layout: str, address: str | None = None) -> Source:
    return Source(address, check=functools.partial(_check_layout, source=name, layout=layout))


SOURCES = {
    # The share at the Juelich Supercomputing Centre that github.com/AI4SIM/model-collection gives
    # for this data set (gnns/README, and data.py: "file.tgz/DATA"). No hash is published.
    "cnf": _source(
        "cnf",
        "cnf",
        "https://uftp.fz-juelich.de:9112/UFTP_Auth/rest/access/JUDAC/"
        "dc4eef36-1929-41f6-9eb9-c11417be1dcf",
    ),
    # No direct address of these two is public.
    "r2": _source("r2", "r2"),
    "r3": _source("r3", "r2"),
}


def main(
    data_path: Path,
    *,
    source: Literal["demo", "cnf", "r2", "r3"] = "demo",
    url: str | None = None,
    sha256: str | None = None,
    recipe: str | None = None,
    cases: tuple[str, ...] | None = None,
) -> None:
    r"""Bring raw flames into the folder of the data: made here, or fetched.

    What is complete is left alone; what was interrupted is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    source : str
        The flames: made here, or those of RAISE, which need a few GB of disk. The archives r2 and
        r3 have no public address, see https://www.coe-raise.eu/od-combustion.
    url : str, optional
        The address (http or https), or the path on this machine, of a zip or tar archive of HDF5
        files. Not for the demo.
    sha256 : str, optional
        The known SHA-256 of the archive, 64 hexadecimal digits; a mismatch is an error. Not for the
        demo.
    recipe : str, optional
        The recipe of combustion.synthetic.generate: demo (by default), r2, r3 or loop. Only for
        the demo.
    cases : tuple of str, optional
        The flames to make, by default all. Only for the demo.

    Examples
    --------
    python -m combustion.synthetic.download --data-path data
        make the demo flames (minutes on two cores)
    python -m combustion.synthetic.download --data-path data/r2 --recipe r2
        make a small flame like R2 (likewise r3)
    python -m combustion.synthetic.download --data-path data-cnf --source cnf
        fetch the slot-burner flames of Lapeyre et al. (2019)
    python -m combustion.synthetic.download --data-path data-r2 --source r2 \
        --url r2.tgz --sha256 0f3a...
        unpack an archive that is here already, after checking its hash
    """
    if source == "demo":
        refuse_options("demo", "cnf, r2 or r3", url=url, sha256=sha256)
        from combustion.synthetic.generate import generate_flames

        files = generate_flames(data_path, cases, recipe=recipe or "demo")
    else:
        refuse_options(source, "demo", cases=cases, recipe=recipe)
        if not (url or SOURCES[source].address):
            raise ValueError(
                f"--source {source}: no direct address of this archive is public. Look for it on "
                f"{LANDING_PAGE}, then give its address, or the path of your copy, with --url."
            )
        files = fetch(SOURCES[source], data_path, url=url, sha256=sha256)
    log.info("%d raw files in %s", len(files), data_path / "raw")


if __name__ == "__main__":
    run(main)
