"""The atmosphere of the coupling: the states of files, sent through YAC. See README.rst."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
from exchange import join, period

from ai4sim import command
from ai4sim.io.files import write_json
from wmed.io.layout import HEAT_PARTS, PROFILES
from wmed.online.case import read_case
from wmed.online.coupled import SURFACE, AtmosphereCells, levels_of, library_rows, ocean_computes

log = logging.getLogger(__name__)


def main(
    coupling: Path,
    library: Path,
    data_path: Path,
    output: Path,
    *,
    event: str | None = None,
    days: float = 30.0,
) -> None:
    """Send the air of files to an ocean, or the fluxes over its surface, through YAC.

    Parameters
    ----------
    coupling : path
        The configuration of YAC.
    library : path
        The folder that `trainer.py couple` has made.
    data_path : path
        The folder of the data, which has raw/.
    output : path
        The folder that gets atmosphere.json, which must not be there.
    event : str, optional
        The name of the ocean's file, or a part of it such as 20060310, by default the last.
    days : float
        The length of the run [days].
    """
    if (output / "atmosphere.json").exists():
        raise FileExistsError(f"{output / 'atmosphere.json'}: expected an output that is not there")
    case = read_case(data_path, event)
    grid = case.atmosphere
    levels = levels_of(case.forcing.atmosphere)
    everywhere = np.ones_like(grid.sea)
    fields = {
        "air": (len(PROFILES) * levels, grid.sea),
        "surface": (len(SURFACE), everywhere),
        "stress": (2, everywhere),
        "heat": (len(HEAT_PARTS), everywhere),
    }
    component = join("atmosphere", grid, fields, coupling, case.forcing.times[0], days)
    cells = AtmosphereCells(grid, library_rows(library, levels))
    hours, at_sea = period(coupling) / 3600, ocean_computes(component.fields)
    sent = []
    for k in range(math.ceil(24 * days / hours - 1e-9)):
        air, sun = case.forcing.at(k * hours)
        if at_sea:
            component.send("air", air.T.double().numpy())
            continue
        surface = component.receive("surface")
        stress, heat = cells.fluxes(surface, air, sun)
        component.send("stress", stress)
        component.send("heat", heat)
        sent.append(float(np.nansum(heat.sum(axis=0) * surface[-1] * component.area)))
    write_json(output / "atmosphere.json", {"event": case.name, "heat_sent": sent})
    log.info("atmosphere: sent %s", ", ".join(component.fields))


if __name__ == "__main__":
    command.run(main, program="atmosphere.py")
