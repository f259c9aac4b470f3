"""Radiative fluxes of columns, and the 3-D effect of their clouds.

The entry to the package: variables of a column by name in, fluxes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY
from weather_forecast.bias_correction.io.layout import (
    HALF_PROFILES,
    LW_BANDS,
    OVERLAPS,
    PROFILES,
    SCALARS,
    SW_BANDS,
)
from weather_forecast.bias_correction.physics.cloud_optics import (
    Particles,
    solar_cloud,
    thermal_cloud,
    with_gases,
)
from weather_forecast.bias_correction.physics.columns import (
    cloud_emission,
    longwave_columns,
    shortwave_columns,
)
from weather_forecast.bias_correction.physics.gas_optics import (
    WINDOW_BANDS,
    air_layers,
    planck_fluxes,
    solar_optical_depths,
    solar_points,
    thermal_optical_depths,
    thermal_points,
)
from weather_forecast.bias_correction.physics.heating import heating_rate
from weather_forecast.bias_correction.physics.layers import (
    DIFFUSE_TANGENT,
    exchange_rates,
    longwave_layer,
    shortwave_layer,
    side_emissivity,
    sun_tangent,
)
from weather_forecast.bias_correction.physics.regions import (
    Regions,
    region_scalings,
    regions,
)

CHUNK = 240
"""Columns that are worked on at a time: more need more memory, fewer more overhead."""


class RadiativeFluxes(NamedTuple):
    """Fluxes at the boundaries of layers, (column, half_level) [W/m2]."""

    flux_dn_sw: Tensor
    flux_up_sw: Tensor
    flux_dn_lw: Tensor
    flux_up_lw: Tensor


def radiative_fluxes(
    columns: Mapping[str, Tensor],
    *,
    transport: bool,
    like_ecrad: bool = False,
    chunk: int = CHUNK,
) -> RadiativeFluxes:
    """Solve for the fluxes of columns.

    Parameters
    ----------
    columns : mapping
        Variables by the names of the layout: (column, level) or (column,). Aerosols and the minor
        gases are not looked at.
    transport : bool
        Whether light passes through the sides of clouds (SPARTACUS) or not (Tripleclouds).
    like_ecrad : bool
        Whether long-wave radiation that a layer reflects into another region is lost with
        transport, as ecRad has it by default, or conserved.
    chunk : int
        Columns that are worked on at a time.

    Returns
    -------
    RadiativeFluxes
        In the precision of the columns; the work is done in double precision.

    Raises
    ------
    ValueError
        If a variable is missing or has another shape than the others say.
    """
    used = _used(columns)
    return _solve(used, (transport,), like_ecrad, chunk, used["pressure_hl"].dtype)[0]


def three_dimensional_effect(
    columns: Mapping[str, Tensor], *, like_ecrad: bool = False, chunk: int = CHUNK
) -> tuple[Tensor, Tensor]:
    """Return what light through the sides of clouds changes: SPARTACUS minus Tripleclouds.

    Parameters
    ----------
    columns, like_ecrad, chunk
        As for :func:`radiative_fluxes`.

    Returns
    -------
    targets : (column, 4 x half_level + 2 x level)
        Differences of the fluxes [W/m2] and of the heating rates [K/day], in the order of the
        layout. Exactly zero in columns without cloud, and in the short wave at night.
    tripleclouds : (column, 4 x half_level)  [W/m2]
        Fluxes of Tripleclouds, in the order of the layout.

    Raises
    ------
    ValueError
        If a variable is missing or has another shape than the others say.
    """
    plain, exchanging = _solve(_used(columns), (False, True), like_ecrad, chunk, torch.float64)
    effect = RadiativeFluxes(*(b - a for a, b in zip(plain, exchanging, strict=True)))
    pressure = columns["pressure_hl"]
    exact = pressure.to(torch.float64)
    heating = (
        heating_rate(effect.flux_dn_sw, effect.flux_up_sw, exact),
        heating_rate(effect.flux_dn_lw, effect.flux_up_lw, exact),
    )
    targets = torch.cat([*effect, *heating], 1)
    return targets.to(pressure.dtype), torch.cat(plain, 1).to(pressure.dtype)


def _solve(
    columns: Mapping[str, Tensor],
    transports: Sequence[bool],
    like_ecrad: bool,
    chunk: int,
    dtype: torch.dtype,
) -> list[RadiativeFluxes]:
    """Solve chunk by chunk, once for each of the solvers: what they share is worked out once."""
    number = len(columns["pressure_hl"])
    parts: list[list[RadiativeFluxes]] = []
    with torch.no_grad():
        for start in range(0, number, chunk):
            # Levels first, columns last: what is done to all columns runs over memory in order.
            some = {
                name: values[start : start + chunk].to(torch.float64).mT.contiguous()
                if values.ndim == 2
                else values[start : start + chunk].to(torch.float64)
                for name, values in columns.items()
            }
            long = _longwave(some, transports, conserve=not like_ecrad)
            short = _shortwave(some, transports)
            parts.append(
                [
                    RadiativeFluxes(*(f.mT.to(dtype) for f in (*sw, *lw)))
                    for sw, lw in zip(short, long, strict=True)
                ]
            )
    return [
        RadiativeFluxes(*(torch.cat(fluxes) for fluxes in zip(*some, strict=True)))
        for some in zip(*parts, strict=True)
    ]


def _used(columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the variables that the solvers look at; raise if one is missing or does not fit."""
    if "pressure_hl" not in columns:
        raise ValueError("columns: pressure_hl is missing")
    number, half_levels = columns["pressure_hl"].shape
    expected: dict[str, tuple[int, ...]] = {name: (number,) for name in SCALARS}
    needed = [n for n in PROFILES if not n.startswith("aerosol")]
    unused = ("n2o_vmr", "ch4_vmr", "o2_vmr", "cfc11_vmr", "cfc12_vmr", "hcfc22_vmr", "ccl4_vmr")
    expected |= {name: (number, half_levels - 1) for name in needed if name not in unused}
    expected |= {name: (number, half_levels) for name in HALF_PROFILES}
    expected |= {name: (number, half_levels - 2) for name in OVERLAPS}
    for name, shape in expected.items():
        if name not in columns:
            raise ValueError(f"columns: {name} is missing")
        if tuple(columns[name].shape) != shape:
            found = tuple(columns[name].shape)
            raise ValueError(f"columns: {name} has shape {found}, expected {shape}")
    return {name: columns[name] for name in expected}


def _particles(columns: Mapping[str, Tensor], clouds: Regions) -> Particles:
    """Return water paths and radii of cloudy layers; water is all in the cloud."""
    mass = 1000.0 / GRAVITY * columns["pressure_hl"].diff(dim=0)
    per_cloud = clouds.at_pairs(mass / columns["cloud_fraction"].clamp(min=1e-6))
    return Particles(
        clouds.at_pairs(columns["q_liquid"]).clamp(min=0.0) * per_cloud,
        clouds.at_pairs(columns["q_ice"]).clamp(min=0.0) * per_cloud,
        1e6 * clouds.at_pairs(columns["re_liquid"]),
        1e6 * clouds.at_pairs(columns["re_ice"]),
    )


def _shortwave(
    columns: Mapping[str, Tensor], transports: Sequence[bool]
) -> list[tuple[Tensor, Tensor]]:
    """Return downward and upward fluxes of sunlight (half_level, column) for each solver."""
    day = (columns["cos_solar_zenith_angle"] > 1e-10).nonzero().squeeze(1)
    night = torch.zeros_like(columns["pressure_hl"])
    if not len(day):
        return [(night, night) for _ in transports]
    columns = {name: values[..., day] for name, values in columns.items()}
    mu0 = columns["cos_solar_zenith_angle"].clamp(max=1.0)
    clouds = regions(columns)
    points = solar_points()
    absorption, scattering = solar_optical_depths(air_layers(columns))

    cloud = solar_cloud(_particles(columns, clouds))
    bands = tuple(point.band for point in points)
    gases = absorption, scattering
    medium = with_gases(cloud, bands, region_scalings(), *map(clouds.at_pairs, gases))
    albedo, albedo_direct = (
        torch.stack([columns[f"{name}_{band + 1}"] for band in range(SW_BANDS)])[
            [point.albedo for point in points]
        ]
        for name in ("sw_albedo", "sw_albedo_direct")
    )
    weights = mu0.new_tensor([point.weight for point in points])
    incoming = weights[:, None] * (mu0 * columns["solar_irradiance"])

    sun, ground = (mu0, incoming, sun_tangent(mu0)), (albedo, albedo_direct)
    fluxes = []
    for transport in transports:
        layers = None
        if transport:
            rates = [exchange_rates(clouds, tangent) for tangent in (DIFFUSE_TANGENT, sun[2])]
            layers = shortwave_layer(*medium, mu0[clouds.column], *rates)
        solved = shortwave_columns(gases, medium, clouds, sun, ground, layers)
        fluxes.append(tuple(night.index_copy(1, day, flux) for flux in solved))
    return [(dn, up) for dn, up in fluxes]


def _longwave(
    columns: Mapping[str, Tensor], transports: Sequence[bool], *, conserve: bool
) -> list[tuple[Tensor, Tensor]]:
    """Return downward and upward long-wave fluxes (half_level, column) for each solver."""
    clouds = regions(columns)
    points = thermal_points()
    tau = thermal_optical_depths(air_layers(columns))
    planck = planck_fluxes(columns["temperature_hl"])

    cloud = thermal_cloud(_particles(columns, clouds))
    bands = tuple(point.band for point in points)
    absorption = clouds.at_pairs(tau)
    nothing = torch.zeros_like(absorption)
    medium = with_gases(cloud, bands, region_scalings(), absorption, nothing)

    emissivities = torch.stack([columns[f"lw_emissivity_{i + 1}"] for i in range(LW_BANDS)])
    emissivity = emissivities[[int(point.band in WINDOW_BANDS) for point in points]]
    ground = emissivity * planck_fluxes(columns["skin_temperature"]), 1.0 - emissivity

    fluxes = []
    for transport in transports:
        layers = None
        if transport:
            rates = exchange_rates(clouds, DIFFUSE_TANGENT)
            side = side_emissivity(clouds, *medium)
            layers = longwave_layer(*medium, *cloud_emission(planck, clouds), rates, side)
        fluxes.append(
            longwave_columns(tau, planck, medium, clouds, ground, layers, conserve=conserve)
        )
    return fluxes
