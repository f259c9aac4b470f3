"""What history files of CROCO hold, and how to find it there, by name."""

from __future__ import annotations

from wmed.io.netcdf import Source

POINTS = {"rho": ("eta_rho", "xi_rho"), "u": ("eta_rho", "xi_u"), "v": ("eta_v", "xi_rho")}
STATE = {
    "u": ("u", "meter second-1", "u-momentum component"),
    "v": ("v", "meter second-1", "v-momentum component"),
    "temp": ("rho", "Celsius", "potential temperature"),
}
"""Of each variable of the sea the points, the units and the long name in files."""
FLUXES = {
    "sustr": ("u", "N/m2", "Kinematic u wind stress component"),
    "svstr": ("v", "N/m2", "Kinematic v wind stress component"),
    "shflux": ("rho", "Watts meter-2", "surface net heat flux"),
    "swrad": ("rho", "Watts meter-2", "Short-wave surface radiation (net, >0 into the ocean)"),
    "shflx_rlw": ("rho", "Watts meter-2", "Long-wave surface radiation (net, >0 into the ocean)"),
    "shflx_lat": ("rho", "Watts meter-2", "Latent surface heat flux (>0 into the ocean)"),
    "shflx_sen": ("rho", "Watts meter-2", "Sensible surface heat flux (>0 into the ocean)"),
}
"""The same of each flux; all are positive into the sea."""
NEEDED_FLUXES = ("sustr", "svstr", "shflux")
ALIASES = {
    "swrad": ("shflx_rsw",),
    "shflx_rlw": ("lwrad",),
    "shflx_lat": ("latent",),
    "shflx_sen": ("sensible",),
}
"""What other versions of CROCO, and ROMS, call a flux."""
GRID = {
    "lon_rho": ("rho", "degree_east", "longitude of RHO-points"),
    "lat_rho": ("rho", "degree_north", "latitude of RHO-points"),
    "lon_u": ("u", "degree_east", "longitude of U-points"),
    "lat_u": ("u", "degree_north", "latitude of U-points"),
    "lon_v": ("v", "degree_east", "longitude of V-points"),
    "lat_v": ("v", "degree_north", "latitude of V-points"),
    "mask_rho": ("rho", "", "mask on RHO-points"),
    "h": ("rho", "meter", "bathymetry at RHO-points"),
    "angle": ("rho", "radians", "angle between XI-axis and EAST"),
    "pm": ("rho", "meter-1", "curvilinear coordinates metric in X"),
    "pn": ("rho", "meter-1", "curvilinear coordinates metric in ET"),
    "f": ("rho", "second-1", "Coriolis parameter at RHO-points"),
}


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


def flux_name(source: Source, name: str) -> str | None:
    """Return what a file calls a flux; None if it has it not."""
    return next((n for n in (name, *ALIASES.get(name, ())) if n in source), None)


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
