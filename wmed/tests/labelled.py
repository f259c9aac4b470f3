"""Made-up events whose fluxes are those of COARE 3.6 and of a simple sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.physics.constants import AEROBULK_STEFAN_BOLTZMANN
from wmed.io import croco_writer
from wmed.io.graph import build
from wmed.io.grid import on_grid
from wmed.io.layout import NEEDED, RhoLayout, points_of
from wmed.io.preprocess import process
from wmed.nets.coupler import NamedFluxes, on_own_points
from wmed.nets.inputs import bulk_state, rho_inputs
from wmed.physics.bulk import coare36
from wmed.physics.constants import EMISSIVITY
from wmed.tests.grids_made_up import (
    HEIGHTS,
    STEP,
    history_path,
    made_up_atmosphere,
    made_up_ocean,
    ocean_fields,
    write_air,
)

PARTS = ("shortwave", "longwave", "latent")


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
    path = history_path(folder, begin)
    fields = ocean_fields(grid, records, seed, fluxes=False)
    croco_writer.write_history(path, grid, times, fields, start=begin)
    write_air(folder, air, times, seed)
    if not fluxes:
        return path
    graph, layout = build(air, grid), RhoLayout(len(heights))
    written = dict(fields)
    for name, values in labels(path, graph, layout).items():
        if name in NEEDED or name in parts:
            written[name] = on_grid(values.numpy(), grid.masks[points_of(name)])
    croco_writer.write_history(path, grid, times, written, start=begin)
    return path


def labels(history: Path, graph, layout) -> NamedFluxes:
    """Return the fluxes of the states in the files of an event, on the ocean's points."""
    rows = list(process(history))
    state = {n: torch.from_numpy(np.concatenate([r[n] for r in rows])) for n in rows[0]}
    inputs = rho_inputs(state, graph, layout)
    at, toa = bulk_state(inputs, layout, 10.0), inputs[..., -1]
    bulk = coare36(**at)
    sky = 0.8 * at["air_temperature"] ** 4 - at["sea_surface_temperature"] ** 4
    rest = [0.6 * toa, EMISSIVITY * AEROBULK_STEFAN_BOLTZMANN * sky, bulk.latent, bulk.sensible]
    return on_own_points(torch.stack([bulk.tau_x, bulk.tau_y, *rest], dim=-1), graph)
