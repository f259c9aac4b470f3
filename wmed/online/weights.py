"""The interpolation of :mod:`wmed.io.remap` as a file of weights, which YAC reads."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np

from ai4sim.command import run
from ai4sim.io.files import atomic_write
from wmed.io.grid import AtmosphereGrid, OceanGrid
from wmed.io.remap import Remap
from wmed.online.case import read_case

LOCATION = "CELL"
GRIDS = ("atmosphere", "ocean")
"""The names of the grids in the coupling files."""


def write_weights(path: Path, remap: Remap, atmosphere: AtmosphereGrid, ocean: OceanGrid) -> None:
    """Write an interpolation from all cells of an atmosphere to those of an ocean.

    Cells are numbered in the order of memory, land included; the file counts from 1.

    Parameters
    ----------
    path : Path
    remap : Remap
    atmosphere : AtmosphereGrid
    ocean : OceanGrid
    """
    node, corner = (remap.weight > 0).nonzero(as_tuple=True)
    sources = np.flatnonzero(atmosphere.sea)[remap.index[node, corner].numpy()]
    targets = np.flatnonzero(ocean.sea)[node.numpy()]
    weights = remap.weight[node, corner].numpy()
    location = np.array(list(LOCATION.ljust(10, "\0")), "S1")
    with (
        atomic_write(path) as temporary,
        netCDF4.Dataset(temporary, "w", format="NETCDF3_64BIT_OFFSET") as file,
    ):
        file.version = "yac weight file 1.0"
        file.src_grid_name, file.dst_grid_name = GRIDS
        file.contains_links, file.contains_fixed_dst = "TRUE", "FALSE"
        sizes = {"num_links": len(node), "num_wgts": 1, "num_src_fields": 1, "max_loc_str_len": 10}
        for name, size in sizes.items():
            file.createDimension(name, size)
        for name, kind, dimensions, values in (
            ("src_address", "i4", ("num_links",), sources + 1),
            ("dst_address", "i4", ("num_links",), targets + 1),
            ("remap_matrix", "f8", ("num_links", "num_wgts"), weights[:, None]),
            ("num_links_per_src_field", "i4", ("num_src_fields",), [len(node)]),
            ("src_locations", "S1", ("num_src_fields", "max_loc_str_len"), location[None]),
            ("dst_location", "S1", ("max_loc_str_len",), location),
        ):
            file.createVariable(name, kind, dimensions)[:] = values


def main(data_path: Path, to: Path, *, event: str | None = None) -> None:
    """Write the interpolation from the atmosphere to the ocean as weights for a coupler.

    Parameters
    ----------
    data_path : path
        The folder of the data, which has raw/.
    to : path
        The new file, netCDF in YAC's format of weights.
    event : str, optional
        The name of the ocean's file, or a part of it such as 20060310, by default the last.

    Examples
    --------
    python -m wmed.online.weights --data-path data --to weights.nc
    """
    if to.exists():
        raise FileExistsError(f"--to {to}: expected a new file")
    case = read_case(data_path, event)
    write_weights(to, case.graph, case.atmosphere, case.grid)


if __name__ == "__main__":
    run(main)
