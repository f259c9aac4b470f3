"""The netCDF layout of radiation columns and of their 3-D corrections, and how it lies in memory.

A file holds columns of one time and region, index 0 of a level axis is the top of the atmosphere
(the layout of the MAELSTROM radiation data set, climetlab's ``maelstrom-radiation``):

======================  ==============================  ==========================================
``sca_inputs``          (column, 17)                    surface and sun, see :data:`SCALARS`
``col_inputs``          (column, level, 27)             layers, see :data:`PROFILES`
``hl_inputs``           (column, half_level, 2)         layer boundaries, see :data:`HALF_PROFILES`
``inter_inputs``        (column, level - 1, 1)          see :data:`OVERLAPS`
``pressure_hl``         (column, half_level[, 1])       pressure [Pa], again
``flux_dn_sw``, ...     (column, half_level)            targets, see :data:`FLUXES`  [W/m2]
``hr_sw``, ``hr_lw``    (column, level)                 targets [K/day]
``lat``, ``lon``        (column,)                       degrees north and east; optional
``tripleclouds_...``    as the fluxes                   absolute fluxes of the cheap solver [W/m2];
                                                        optional
======================  ==============================  ==========================================

The targets are what SPARTACUS gives minus what Tripleclouds gives. In memory a column is a row,
``inputs : (column, channel)``, in which each profile is contiguous: the variables of
:attr:`RadiationLayout.inputs`, one after the other; ``targets`` likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

from ai4sim.io.ranges import Bounds
from ai4sim.variables import ChannelLayout, Variable

SW_BANDS, LW_BANDS, AEROSOLS = 6, 2, 12

SCALARS: dict[str, str] = {
    "skin_temperature": "K",
    "cos_solar_zenith_angle": "1",
    **{f"sw_albedo_{band}": "1" for band in range(1, SW_BANDS + 1)},
    **{f"sw_albedo_direct_{band}": "1" for band in range(1, SW_BANDS + 1)},
    **{f"lw_emissivity_{band}": "1" for band in range(1, LW_BANDS + 1)},
    "solar_irradiance": "W/m2",
}
"""Channels of ``sca_inputs``: name -> unit."""

PROFILES: dict[str, str] = {
    "q": "kg/kg",
    "o3_mmr": "kg/kg",
    **{
        f"{gas}_vmr": "mol/mol"
        for gas in ("co2", "n2o", "ch4", "o2", "cfc11", "cfc12", "hcfc22", "ccl4")
    },
    "cloud_fraction": "1",
    **{f"aerosol_mmr_{kind}": "kg/kg" for kind in range(1, AEROSOLS + 1)},
    "q_liquid": "kg/kg",
    "q_ice": "kg/kg",
    "re_liquid": "m",
    "re_ice": "m",
}
"""Channels of ``col_inputs``, on the layers: name -> unit."""

HALF_PROFILES: dict[str, str] = {"temperature_hl": "K", "pressure_hl": "Pa"}
"""Channels of ``hl_inputs``, on the boundaries of the layers: name -> unit."""

OVERLAPS: dict[str, str] = {"overlap_param": "1"}
"""Channels of ``inter_inputs``, on the boundaries between two layers: name -> unit."""

FLUXES: tuple[str, ...] = ("flux_dn_sw", "flux_up_sw", "flux_dn_lw", "flux_up_lw")
"""Targets on the boundaries of the layers [W/m2], positive in the direction of their name."""

HEATING_RATES: tuple[str, ...] = ("hr_sw", "hr_lw")
"""Targets on the layers [K/day]."""

TARGETS: tuple[str, ...] = (*FLUXES, *HEATING_RATES)
"""All targets, in the order of :attr:`RadiationLayout.outputs`."""

TRIPLECLOUDS: tuple[str, ...] = tuple(f"tripleclouds_{flux}" for flux in FLUXES)
"""Absolute fluxes of the cheap solver [W/m2]."""

CHANNELS: dict[str, dict[str, str]] = {
    "sca_inputs": SCALARS,
    "col_inputs": PROFILES,
    "hl_inputs": HALF_PROFILES,
    "inter_inputs": OVERLAPS,
}
"""Datasets of the inputs, in the order of :attr:`RadiationLayout.inputs`, and what their last axis
holds."""

UNITS: dict[str, str] = {
    "pressure_hl": "Pa",
    **dict.fromkeys((*FLUXES, *TRIPLECLOUDS), "W m-2"),
    **dict.fromkeys(HEATING_RATES, "K d-1"),
    "lat": "degrees_north",
    "lon": "degrees_east",
}
"""Units of the datasets that have no channels."""

GROUPS: dict[str, tuple[str, ...]] = {"targets": TARGETS, "tripleclouds": TRIPLECLOUDS}
"""Datasets that a file has all of, or none, and the name of their array in memory."""
PLACES: dict[str, str] = {"lat": "latitude", "lon": "longitude"}
"""Datasets of one number per column, and the name of their array in memory."""

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "sca_inputs": ("column", "sca_variable"),
    "col_inputs": ("column", "level", "col_variable"),
    "hl_inputs": ("column", "half_level", "hl_variable"),
    "inter_inputs": ("column", "level_interface", "inter_variable"),
    "pressure_hl": ("column", "half_level", "p_variable"),
    **dict.fromkeys((*FLUXES, *TRIPLECLOUDS), ("column", "half_level")),
    **dict.fromkeys(HEATING_RATES, ("column", "level")),
    "lat": ("column",),
    "lon": ("column",),
}
"""Dimensions of every dataset of a file."""

_FRACTION, _TEMPERATURE = Bounds(0, 1), Bounds(100, 400)
_TRACE_GAS, _CONDENSATE, _RADIUS = Bounds(0, 1e-8), Bounds(0, 0.1), Bounds(0, 5e-4)
AT_THE_TOP = 0.05
"""Downward flux [W/m2] at the top of the atmosphere, at most, where there is none but rounding."""
BOUNDS: dict[str, Bounds] = {
    "skin_temperature": Bounds(150, 400),
    "cos_solar_zenith_angle": Bounds(-1, 1),
    **{name: _FRACTION for name in SCALARS if name.startswith("sw_albedo")},
    **{name: Bounds(0.3, 1) for name in SCALARS if name.startswith("lw_emissivity")},
    "solar_irradiance": Bounds(500, 1700),
    "q": Bounds(0, 0.1),
    "o3_mmr": Bounds(0, 1e-4),
    "co2_vmr": Bounds(1e-5, 0.05),
    "n2o_vmr": Bounds(0, 1e-5),
    "ch4_vmr": Bounds(0, 1e-4),
    "o2_vmr": Bounds(0.1, 0.3),
    **dict.fromkeys(("cfc11_vmr", "cfc12_vmr", "hcfc22_vmr", "ccl4_vmr"), _TRACE_GAS),
    "cloud_fraction": _FRACTION,
    **{name: Bounds(0, 1e-2) for name in PROFILES if name.startswith("aerosol_mmr")},
    **dict.fromkeys(("q_liquid", "q_ice"), _CONDENSATE),
    **dict.fromkeys(("re_liquid", "re_ice"), _RADIUS),
    "temperature_hl": _TEMPERATURE,
    "pressure_hl": Bounds(0, 1.2e5),
    "overlap_param": Bounds(-1, 1),
    **{name: Bounds(-400, 400) for name in FLUXES if name.endswith("_sw")},
    **{name: Bounds(-100, 100) for name in FLUXES if name.endswith("_lw")},
    **dict.fromkeys(HEATING_RATES, Bounds(-300, 300)),
    **{name: Bounds(0, 2000) for name in TRIPLECLOUDS},
    "lat": Bounds(-90, 90),
    "lon": Bounds(-360, 360),
}
"""What physics allows on Earth, in the units of this module; rounding may go a little beyond."""
BOUNDS_AT: dict[tuple[str, int], Bounds] = {
    ("flux_dn_sw", 0): Bounds(-AT_THE_TOP, AT_THE_TOP),
    ("flux_dn_lw", 0): Bounds(-AT_THE_TOP, AT_THE_TOP),
    ("tripleclouds_flux_dn_lw", 0): Bounds(-AT_THE_TOP, AT_THE_TOP),
    ("pressure_hl", -1): Bounds(2e4, 1.2e5),
    ("q", -1): Bounds(1e-8, 0.1),
}
"""What it allows at the top (0) and next to the surface (-1)."""


def bounds_of(variable: Variable) -> Bounds | None:
    """Return the bounds of a variable, in its units, by its name in memory."""
    stored = {place: name for name, place in PLACES.items()}
    return BOUNDS.get(stored.get(variable.name, variable.name))


def bounds_by_level(variable: Variable) -> list[tuple[slice, Bounds]]:
    """Return the levels of a variable that have the same bounds, and these."""
    levels, name = variable.channels, variable.name
    top, bottom = BOUNDS_AT.get((name, 0)), BOUNDS_AT.get((name, -1))
    between = slice(1 if top else 0, levels - 1 if bottom else levels)
    parts = ((slice(0, 1), top), (between, BOUNDS[name]), (slice(levels - 1, levels), bottom))
    return [(part, bounds) for part, bounds in parts if bounds]


@dataclass(frozen=True)
class RadiationLayout(ChannelLayout):
    """Columns of a number of layers.

    Attributes
    ----------
    levels : int
        Layers of a column, the first at the top of the atmosphere. There is one half level more.
    """

    levels: int = 137

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """What the channels of ``inputs`` are, in order."""
        n = self.levels
        return (
            *(Variable(name, units) for name, units in SCALARS.items()),
            *(Variable(name, units, n) for name, units in PROFILES.items()),
            *(Variable(name, units, n + 1) for name, units in HALF_PROFILES.items()),
            *(Variable(name, units, n - 1) for name, units in OVERLAPS.items()),
        )

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """What the channels of ``targets`` are, in order."""
        return (
            *(Variable(name, "W/m2", self.levels + 1) for name in FLUXES),
            *(Variable(name, "K/day", self.levels) for name in HEATING_RATES),
        )

    @property
    def tripleclouds(self) -> tuple[Variable, ...]:
        """What the channels of ``tripleclouds`` are, in order."""
        return tuple(Variable(name, "W/m2", self.levels + 1) for name in TRIPLECLOUDS)

    @property
    def sizes(self) -> dict[str, int]:
        """Size of each dimension of a file but that of the columns."""
        n = self.levels
        channels = {DIMENSIONS[name][-1]: len(names) for name, names in CHANNELS.items()}
        levels = {"level": n, "half_level": n + 1, "level_interface": n - 1}
        return {**levels, **channels, "p_variable": 1}

    @property
    def tripleclouds_channels(self) -> int:
        """Number of channels of ``tripleclouds``: the fluxes, one after the other."""
        return sum(v.channels for v in self.tripleclouds)
