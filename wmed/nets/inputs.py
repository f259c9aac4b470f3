"""Rows of inputs at rho points: the air brought to the ocean's points, the sea, the sun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ai4sim.variables import split_channels
from wmed.io.graph import CouplingGraph
from wmed.io.layout import PROFILES, RhoLayout
from wmed.physics.bulk import bulk_inputs


def rho_inputs(
    fields: Mapping[str, Tensor], graph: CouplingGraph, layout: RhoLayout, nearest: bool = False
) -> Tensor:
    """Bring the states of both sides to the rho points.

    Parameters
    ----------
    fields : mapping of str to Tensor
        ``atmosphere : (time, atmosphere node, 5 level)``, the channels of :data:`.layout.PROFILES`
        with winds to the east and north; ``sst : (time, rho)`` [K]; ``current_u : (time, u)`` and
        ``current_v : (time, v)`` [m/s] on the faces, along xi and eta; ``sun : (time, 3)``, its
        declination and Greenwich hour angle [rad] and its irradiance [W/m2].
    graph : CouplingGraph
    layout : RhoLayout
    nearest : bool
        Take the nearest column of sea instead of interpolating.

    Returns
    -------
    (time, rho, input channel)
        The channels of :attr:`.layout.RhoLayout.inputs`.

    Raises
    ------
    ValueError
        The columns have other levels than the layout.
    """
    air = fields["atmosphere"]
    check_levels(air, layout)
    return rho_rows(air[:, graph.nearest] if nearest else graph.interpolate(air), fields, graph)


def check_levels(air: Tensor, layout: RhoLayout) -> None:
    """Raise ValueError unless the columns ``(..., 5 level)`` have the levels of the layout."""
    if air.shape[-1] != len(PROFILES) * layout.levels:
        raise ValueError(
            f"atmosphere: expected {len(PROFILES)} profiles of {layout.levels} levels, found "
            f"{air.shape[-1]} channels"
        )


def lowest_inputs(fields: Mapping[str, Tensor], graph: CouplingGraph) -> Tensor:
    """Return the rows that :func:`rho_inputs` makes of the lowest level, of ``RhoLayout(1)``."""
    levels = fields["atmosphere"].shape[-1] // len(PROFILES)
    lowest = fields["atmosphere"][..., ::levels]
    return rho_rows(graph.interpolate(lowest), fields, graph)


def rho_rows(columns: Tensor, fields: Mapping[str, Tensor], graph: CouplingGraph) -> Tensor:
    """Join the air above the rho points to the states of the sea and the sun.

    Parameters
    ----------
    columns : (time, rho, 5 level)
        The channels of :data:`.layout.PROFILES` with winds to the east and north.
    fields : mapping of str to Tensor
        As :func:`rho_inputs` has them, without the atmosphere.
    graph : CouplingGraph

    Returns
    -------
    (time, rho, input channel)
        The channels of :attr:`.layout.RhoLayout.inputs`.
    """
    profiles = columns.unflatten(-1, (len(PROFILES), -1))
    winds = torch.stack(turned(profiles[:, :, 0], profiles[:, :, 1], graph.angle[:, None]), dim=2)
    current_x, current_y = graph.to_rho(fields["current_u"], fields["current_v"])
    cos_zenith, toa = sunlight(fields["sun"], graph.lat, graph.lon)
    surface = torch.stack([fields["sst"], current_x, current_y, cos_zenith, toa], dim=-1)
    return torch.cat([winds.flatten(2), profiles[:, :, 2:].flatten(2), surface], dim=-1)


def sunlight(sun: Tensor, lat: Tensor, lon: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the sun stands over each place, and how much of it comes in above the air.

    Parameters
    ----------
    sun : (time, 3)
        Declination and Greenwich hour angle [rad], irradiance [W/m2].
    lat, lon : (place,)  [degrees north], [degrees east]

    Returns
    -------
    cos_zenith : (time, place)
        Negative at night.
    toa_shortwave : (time, place)  [W/m2]
        On a level surface; 0 at night.
    """
    declination, hour_angle, irradiance = sun[:, :, None].unbind(1)
    phi = lat.deg2rad()
    cos_zenith = declination.sin() * phi.sin() + declination.cos() * phi.cos() * torch.cos(
        hour_angle + lon.deg2rad()
    )
    return cos_zenith, irradiance * cos_zenith.clamp(min=0)


def relative_wind(inputs: Tensor, layout: RhoLayout) -> tuple[Tensor, Tensor]:
    """Return the lowest wind relative to the current along xi and eta, (...) each  [m/s].

    Parameters
    ----------
    inputs : (..., input channel)
        See :func:`rho_inputs`.
    layout : RhoLayout
    """
    named = split_channels(inputs, layout.inputs)
    x, y = (named[f"wind_{axis}"][..., 0] - named[f"current_{axis}"] for axis in "xy")
    return x, y


def bulk_state(inputs: Tensor, layout: RhoLayout, height: float) -> dict[str, Any]:
    """Return the arguments of a bulk formula from rows of inputs at rho points.

    Parameters
    ----------
    inputs : (..., input channel)
        See :func:`rho_inputs`.
    layout : RhoLayout
        What the channels are.
    height : float
        Of the lowest level, which is the one that counts [m].

    Returns
    -------
    dict of str to Tensor
        See :func:`.physics.bulk.bulk_inputs`; each (...).
    """
    named = split_channels(inputs, layout.inputs)
    return bulk_inputs(
        **{name: named[name][..., 0] for name in PROFILES},
        **{name: named[name] for name in ("sea_surface_temperature", "current_x", "current_y")},
        height=height,
    )


def lowest_state(
    fields: Mapping[str, Tensor], graph: CouplingGraph, height: float, nearest: bool = False
) -> dict[str, Any]:
    """Return the arguments of a bulk formula from the states of both sides, (time, rho) each.

    Of the atmosphere's channels only those of the lowest level are interpolated, and the sun is not
    asked.

    Parameters
    ----------
    fields : mapping of str to Tensor
        ``atmosphere``, ``sst``, ``current_u`` and ``current_v`` as :func:`rho_inputs` has them.
    graph : CouplingGraph
    height : float
        Of the lowest level [m].
    nearest : bool
        Take the nearest column of sea instead of interpolating.
    """
    levels = fields["atmosphere"].shape[-1] // len(PROFILES)
    lowest = fields["atmosphere"][..., ::levels]
    at_rho = lowest[:, graph.nearest] if nearest else graph.interpolate(lowest)
    east, north, theta, ratio, pressure = at_rho.unbind(-1)
    wind_x, wind_y = turned(east, north, graph.angle)
    current_x, current_y = graph.to_rho(fields["current_u"], fields["current_v"])
    return bulk_inputs(
        wind_x=wind_x,
        wind_y=wind_y,
        potential_temperature=theta,
        mixing_ratio=ratio,
        pressure=pressure,
        sea_surface_temperature=fields["sst"],
        current_x=current_x,
        current_y=current_y,
        height=height,
    )


def turned(x: Tensor, y: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Return the components along xi and eta of a vector to the east and north.

    Parameters
    ----------
    x, y : (...)
    angle : (...)  [rad]
        From east to the xi axis.
    """
    cos, sin = angle.cos(), angle.sin()
    return cos * x + sin * y, cos * y - sin * x
