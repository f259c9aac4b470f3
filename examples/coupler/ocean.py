"""The ocean of the coupling: the slab ocean, driven through YAC. See README.rst."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from exchange import join, period

from ai4sim import command
from ai4sim.io.files import write_json
from ai4sim.variables import Float64Array
from wmed.io.layout import HEAT_PARTS, PROFILES
from wmed.online.case import read_case
from wmed.online.coupled import (
    SURFACE,
    air_scheme,
    levels_of,
    library_rows,
    ocean_computes,
    rows_scheme,
    surface_scheme,
)
from wmed.online.runs import simulate

log = logging.getLogger(__name__)


def main(
    coupling: Path,
    library: Path,
    data_path: Path,
    output: Path,
    *,
    event: str | None = None,
    days: float = 30.0,
    compare: bool = False,
) -> None:
    """Drive the slab ocean by the fluxes of a coupled library, through YAC.

    Parameters
    ----------
    coupling : path
        The configuration of YAC.
    library : path
        The folder that `trainer.py couple` has made.
    data_path : path
        The folder of the data, which has raw/: the ocean takes its grid and first state from it.
    output : path
        The folder that gets ocean.json, which must not be there.
    event : str, optional
        The name of the ocean's file, or a part of it such as 20060310, by default the last.
    days : float
        The length of the run [days].
    compare : bool
        Run a second ocean with this project's own interpolation in one program, and compare.
    """
    if (output / "ocean.json").exists():
        raise FileExistsError(f"{output / 'ocean.json'}: expected an output that is not there")
    case = read_case(data_path, event)
    levels = levels_of(case.forcing.atmosphere)
    sea = case.grid.sea
    sizes = {"air": len(PROFILES) * levels, "surface": len(SURFACE)}
    sizes |= {"stress": 2, "heat": len(HEAT_PARTS)}
    fields = {name: (size, sea) for name, size in sizes.items()}
    component = join("ocean", case.grid, fields, coupling, case.forcing.times[0], days)
    rows = library_rows(library, levels)
    area = component.area[sea.ravel()]
    received: list[float] = []

    def receive(name: str) -> Float64Array:
        values = component.receive(name)
        if name == "heat":
            received.append(float((values.sum(axis=0) * area).sum()))
        return values

    if ocean_computes(component.fields):
        scheme = air_scheme(rows, case.graph, receive)
    else:
        own = (case.grid.dx * case.grid.dy)[sea]
        scheme = surface_scheme(case.graph, component.send, receive, torch.from_numpy(area / own))
    schemes = {"alone": rows_scheme(rows, case.graph, levels)} if compare else {}
    runs = simulate(
        case.grid,
        case.forcing,
        {**schemes, "coupled": scheme},
        None,
        case.sst,
        days=days,
        coupling_hours=period(coupling) / 3600,
        progress=False,
    )
    settings = {"event": case.name, "coupling": coupling.name, "days": days}
    found = {**runs.report(), "settings": settings, "heat_received": received}
    write_json(output / "ocean.json", found)
    log.info(
        "ocean: %d exchanges; mean temperature %.3f K",
        len(runs.hours),
        runs.series["sst_mean"][-1, -1],
    )


if __name__ == "__main__":
    command.run(main, program="ocean.py")
