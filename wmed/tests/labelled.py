"""Made-up events whose fluxes are those of COARE 3.6 and of a simple sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wmed.coupler import on_own_points
from wmed.grids import croco, mesonh
from wmed.grids.graph import build
from wmed.grids.grid import at_nodes, on_grid
from wmed.inputs import rho_inputs
from wmed.layout import Layout
from wmed.physics.bulk import bulk_inputs, coare36
from wmed.physics.constants import EMISSIVITY, STEFAN_BOLTZMANN
from wmed.preprocess import TARGETS, process
from wmed.tests.grids_made_up import (
    HEIGHTS,
    STEP,
    air_fields,
    made_up_atmosphere,
    made_up_ocean,
    ocean_fields,
)

PARTS = ("swrad", "shflx_rlw", "shflx_lat")


def write_labelled(
    folder: Path,
    start: str,
    records: int = 4,
    seed: int = 0,
    fluxes: bool = True,
    parts: Sequence[str] = PARTS,
    ocean: tuple[int, int] | None = None,
    heights: NDArray[np.float64] = HEIGHTS,
) -> Path:
    """Write an event; return its history.

    Parameters
    ----------
    folder : Path
    start : str
        Date of the initial state.
    records, seed : int
    fluxes : bool
        Whether the history has any.
    parts : sequence of str
        Which parts of the heat it has.
    ocean : (eta, xi), optional
        Size of the ocean, by default that of :mod:`.grids_made_up`.
    heights : (level,)  [m]
    """
    grid = made_up_ocean(ocean) if ocean else made_up_ocean()
    air = made_up_atmosphere(heights=heights) if not ocean else made_up_atmosphere((9, 11), heights)
    begin = np.datetime64(start, "s")
    times = begin + STEP * np.arange(1, records + 1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"croco_his_{str(begin)[:10].replace('-', '')}.nc"
    fields = ocean_fields(grid, records, seed, fluxes=False)
    croco.write_history(path, grid, times, fields, start=begin)
    for k, time in enumerate(times):
        mesonh.write_state(
            folder / mesonh.file_name(time), air, time, air_fields(air, 1000 * seed + k)
        )
    if not fluxes:
        return path
    graph, layout = build(air, grid), Layout(len(heights))
    names = {name: TARGETS[name] for name in ("tau_x", "tau_y", "heat")}
    names |= {name: raw for name, raw in TARGETS.items() if raw in parts}
    seas = {"tau_x": grid.sea_u, "tau_y": grid.sea_v}
    written = dict(fields)
    for name, values in labels(path, graph, layout).items():
        if name in names:
            written[names[name]] = on_grid(values.numpy(), seas.get(name, grid.sea))
    croco.write_history(path, grid, times, written, start=begin)
    assert len(at_nodes(written["shflux"], grid.sea)) == records
    return path


def labels(history: Path, graph, layout) -> dict[str, torch.Tensor]:
    """Return the fluxes of the states in the files of an event, on the ocean's points."""
    rows = list(process(history))
    state = {n: torch.from_numpy(np.concatenate([r[n] for r in rows])) for n in rows[0]}
    inputs = rho_inputs(state, graph, layout)
    x, y, theta, ratio, pressure = (inputs[..., i * layout.levels] for i in range(5))
    sst, current_x, current_y, _, toa = inputs[..., 5 * layout.levels :].unbind(-1)
    at = bulk_inputs(
        wind_x=x,
        wind_y=y,
        potential_temperature=theta,
        mixing_ratio=ratio,
        pressure=pressure,
        sea_surface_temperature=sst,
        current_x=current_x,
        current_y=current_y,
    )
    bulk = coare36(**at)
    sky = 0.8 * at["air_temperature"] ** 4 - sst**4
    rest = [0.6 * toa, EMISSIVITY * STEFAN_BOLTZMANN * sky, bulk.latent, bulk.sensible]
    return on_own_points(torch.stack([bulk.tau_x, bulk.tau_y, *rest], dim=-1), graph)
