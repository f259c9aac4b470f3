"""Rows of inputs at rho points: the air brought to the ocean's points, the sea, the sun."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from wmed.grids.graph import CouplingGraph, to_rho
from wmed.layout import PROFILES, Layout


def rho_inputs(
    fields: Mapping[str, Tensor], graph: CouplingGraph, layout: Layout, nearest: bool = False
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
    layout : Layout
    nearest : bool
        Take the nearest column of sea instead of interpolating.

    Returns
    -------
    (time, rho, input channel)
        The channels of :attr:`.layout.Layout.inputs`.

    Raises
    ------
    ValueError
        The columns have other levels than the layout.
    """
    air = fields["atmosphere"]
    if air.shape[-1] != len(PROFILES) * layout.levels:
        raise ValueError(
            f"atmosphere: expected {len(PROFILES)} profiles of {layout.levels} levels, found "
            f"{air.shape[-1]} channels"
        )
    columns = air[:, graph.nearest] if nearest else graph.interpolate(air)
    profiles = columns.unflatten(-1, (len(PROFILES), layout.levels))
    east, north = profiles[:, :, 0], profiles[:, :, 1]
    cos, sin = graph.angle.cos()[:, None], graph.angle.sin()[:, None]
    winds = torch.stack([cos * east + sin * north, cos * north - sin * east], dim=2)
    current_x, current_y = to_rho(graph, fields["current_u"], fields["current_v"])
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
