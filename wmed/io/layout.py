"""What the models see and give at a rho point, and what comes of it on the ocean's own points.

At a rho point: the column of the atmosphere above it, interpolated, the state of the sea surface,
and the sun. From these a model finds the six fluxes at that point. The stress is then averaged onto
the faces where an Arakawa C grid has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ai4sim.variables import ChannelLayout, Variable

PROFILES = {
    "wind_x": "m/s",
    "wind_y": "m/s",
    "potential_temperature": "K",
    "mixing_ratio": "kg/kg",
    "pressure": "Pa",
}
"""Profiles of the atmosphere, the lowest level first; in a row each one is contiguous. The winds
are along the axes of the grid that they are given on: those of the atmosphere, at rho points those
of the ocean (xi, eta)."""

SURFACE = {
    "sea_surface_temperature": "K",
    "current_x": "m/s",
    "current_y": "m/s",
    "cos_zenith": "1",
    "toa_shortwave": "W/m2",
}
"""What a rho point has once: the sea, with currents along xi and eta; the cosine of the solar
zenith angle, negative at night; the solar irradiance on a level surface above the air, 0 at
night."""

FLUXES = {
    "tau_x": "N/m2",
    "tau_y": "N/m2",
    "shortwave": "W/m2",
    "longwave": "W/m2",
    "latent": "W/m2",
    "sensible": "W/m2",
}
"""The fluxes that the sea takes up at a rho point: momentum along xi and eta, net heat."""

HEAT_PARTS = ("shortwave", "longwave", "latent", "sensible")
"""What the net heat flux is the sum of."""

HEAT = ("heat", *HEAT_PARTS)
"""Net heat flux and its parts, as ocean files hold them."""

TARGETS = ("tau_x", "tau_y", *HEAT)
"""The fluxes that are learned. A row of predictions has them in this order, each on its points."""

NEEDED = ("tau_x", "tau_y", "heat")
"""The fluxes without which a file can only be predicted."""


def points_of(field: str) -> str:
    """Return where an Arakawa C grid has a field of the sea: on the points "u", "v" or "rho"."""
    points = {"tau_x": "u", "tau_y": "v", "current_u": "u", "current_v": "v"}
    return points.get(field, "rho")


@dataclass(frozen=True)
class RhoLayout(ChannelLayout):
    """The channels of a rho point.

    Attributes
    ----------
    levels : int
        Levels of the atmosphere, without the one below the ground.
    """

    levels: int = 15

    @property
    def inputs(self) -> list[Variable]:
        """The variables of a row of inputs, in the order of its channels."""
        profiles = [Variable(name, units, self.levels) for name, units in PROFILES.items()]
        return [*profiles, *(Variable(name, units) for name, units in SURFACE.items())]

    @property
    def outputs(self) -> list[Variable]:
        """The fluxes."""
        return [Variable(name, units) for name, units in FLUXES.items()]
