"""What history files of CROCO hold, and how to find it there, by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ai4sim.io.raw_variables import RawFile

POINTS = {"rho": ("eta_rho", "xi_rho"), "u": ("eta_rho", "xi_u"), "v": ("eta_v", "xi_rho")}


class FileVariable(NamedTuple):
    """How a field of the sea lies in files.

    Attributes
    ----------
    name : str
    points : {"rho", "u", "v"}
    units, long_name : str
    aliases : tuple of str
        Names in other versions of CROCO, and in ROMS.
    """

    name: str
    points: str
    units: str
    long_name: str
    aliases: tuple[str, ...] = ()

    def names_in(self, file: RawFile) -> list[str]:
        """Return the names that a file has for the field, of all that are known."""
        return [name for name in (self.name, *self.aliases) if name in file]


STATE = {
    "current_u": FileVariable("u", "u", "meter second-1", "u-momentum component"),
    "current_v": FileVariable("v", "v", "meter second-1", "v-momentum component"),
    "sst": FileVariable("temp", "rho", "Celsius", "potential temperature"),
}
"""The sea by the names of its fields in memory."""
WATTS, INTO = "Watts meter-2", "(>0 into the ocean)"
NET = "surface radiation (net, >0 into the ocean)"
FLUXES = {
    "tau_x": FileVariable("sustr", "u", "N/m2", "Kinematic u wind stress component"),
    "tau_y": FileVariable("svstr", "v", "N/m2", "Kinematic v wind stress component"),
    "heat": FileVariable("shflux", "rho", WATTS, "surface net heat flux"),
    "shortwave": FileVariable("swrad", "rho", WATTS, f"Short-wave {NET}", ("radsw", "shflx_rsw")),
    "longwave": FileVariable("shflx_rlw", "rho", WATTS, f"Long-wave {NET}", ("lwrad", "radlw")),
    "latent": FileVariable(
        "shflx_lat", "rho", WATTS, f"Latent surface heat flux {INTO}", ("latent",)
    ),
    "sensible": FileVariable(
        "shflx_sen", "rho", WATTS, f"Sensible surface heat flux {INTO}", ("sensible",)
    ),
}
"""The fluxes; all are positive into the sea."""
GRID = {
    variable.name: variable
    for variable in (
        FileVariable("lon_rho", "rho", "degree_east", "longitude of RHO-points"),
        FileVariable("lat_rho", "rho", "degree_north", "latitude of RHO-points"),
        FileVariable("lon_u", "u", "degree_east", "longitude of U-points"),
        FileVariable("lat_u", "u", "degree_north", "latitude of U-points"),
        FileVariable("lon_v", "v", "degree_east", "longitude of V-points"),
        FileVariable("lat_v", "v", "degree_north", "latitude of V-points"),
        FileVariable("mask_rho", "rho", "", "mask on RHO-points"),
        FileVariable("h", "rho", "meter", "bathymetry at RHO-points"),
        FileVariable("angle", "rho", "radians", "angle between XI-axis and EAST"),
        FileVariable("pm", "rho", "meter-1", "curvilinear coordinates metric in X"),
        FileVariable("pn", "rho", "meter-1", "curvilinear coordinates metric in ET"),
        FileVariable("f", "rho", "second-1", "Coriolis parameter at RHO-points"),
    )
}
"""The variables of the grid, by their names in files."""


def rho_shape(file: RawFile) -> tuple[int, int]:
    """Return the numbers of rho points of a file along eta and xi.

    Raises
    ------
    ValueError
        It is no history of CROCO or ROMS, or one tile of it.
    """
    found = file.dimensions
    if "eta_rho" not in found or "xi_rho" not in found:
        raise ValueError(
            f"{file.path}: not a history of CROCO or ROMS: it has no dimensions eta_rho and "
            f"xi_rho, but {', '.join(found) or 'none'}"
        )
    check_whole(file)
    return found["eta_rho"], found["xi_rho"]


def check_whole(file: RawFile) -> None:
    """Raise ValueError if a file is the tile of one process, as its attribute ``partition`` says.

    The attribute holds the numbers of the tile along xi and eta, and how many there are.
    """
    found = np.atleast_1d(file.attributes.get("partition", ()))
    if found.size == 4 and found.dtype.kind in "iuf":
        xi, eta, xis, etas = (int(number) for number in found)
        if xis * etas > 1:
            raise ValueError(
                f"{file.path}: tile {xi + eta * xis + 1} of {xis} x {etas} (attribute partition), "
                "expected the whole grid: join the tiles with CROCO's ncjoin"
            )


def points_shape(points: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many rho, u or v points there are along eta and xi, by those of the rho points."""
    return shape[0] - (points == "v"), shape[1] - (points == "u")


def time_dimension(file: RawFile) -> tuple[str, int]:
    """Return the name of the dimension of the records, and their number.

    Raises
    ------
    ValueError
        There is none.
    """
    found = file.dimensions
    for name in ("time", "ocean_time", "scrum_time", "time_counter"):
        if name in found:
            return name, found[name]
    raise ValueError(
        f"{file.path}: no dimension time or ocean_time, but {', '.join(found) or 'none'}"
    )
