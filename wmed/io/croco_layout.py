"""What history files of CROCO hold, and how to find it there, by name."""

from __future__ import annotations

from typing import NamedTuple

from wmed.io.netcdf import Source

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

    def name_in(self, source: Source) -> str | None:
        """Return the name that a file has for the field; None if it has it not."""
        return next((name for name in (self.name, *self.aliases) if name in source), None)


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
    "shortwave": FileVariable("swrad", "rho", WATTS, f"Short-wave {NET}", ("shflx_rsw",)),
    "longwave": FileVariable("shflx_rlw", "rho", WATTS, f"Long-wave {NET}", ("lwrad",)),
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


def rho_shape(source: Source) -> tuple[int, int]:
    """Return the numbers of rho points of a file along eta and xi.

    Raises
    ------
    ValueError
        It is no history of CROCO or ROMS.
    """
    sizes = {name: len(dimension) for name, dimension in source.dataset.dimensions.items()}
    if "eta_rho" not in sizes or "xi_rho" not in sizes:
        raise ValueError(
            f"{source.path}: not a history of CROCO or ROMS: it has no dimensions eta_rho and "
            f"xi_rho, but {', '.join(sizes) or 'none'}"
        )
    return sizes["eta_rho"], sizes["xi_rho"]


def points_shape(points: str, shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many rho, u or v points there are along eta and xi, by those of the rho points."""
    return shape[0] - (points == "v"), shape[1] - (points == "u")


def time_dimension(source: Source) -> tuple[str, int]:
    """Return the name of the dimension of the records, and their number.

    Raises
    ------
    ValueError
        There is none.
    """
    for name in ("time", "ocean_time", "scrum_time", "time_counter"):
        if name in source.dataset.dimensions:
            return name, len(source.dataset.dimensions[name])
    raise ValueError(
        f"{source.path}: no dimension time or ocean_time, but "
        f"{', '.join(source.dataset.dimensions)}"
    )
