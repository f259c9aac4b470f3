"""The demo's world at one time: the air, the sea below it, and the fluxes between them.

The fluxes follow from what the files hold, not from what was behind it: winds on the faces in
single precision, brought back to the mass points, interpolated to the ocean without the land, taken
relative to the current. COARE 3.6 (:mod:`wmed.physics.coare`) with 10 iterations gives stress,
latent and sensible heat; clouds are interpolated alike.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import torch

from ai4sim.physics.sun import cos_zenith_angle, declination, irradiance
from ai4sim.variables import Float32Array
from wmed.io.graph import CouplingGraph, build
from wmed.io.grid import AtmosphereGrid, OceanGrid, on_grid
from wmed.io.layout import PROFILES, points_of
from wmed.io.mesonh import stagger, unstagger
from wmed.physics.bulk import bulk_inputs, coare36
from wmed.physics.heat import net_heat, net_longwave
from wmed.physics.thermodynamics import vapour_pressure
from wmed.synthetic.boundary_layer import columns
from wmed.synthetic.domain import (
    HEIGHTS,
    SHAPE,
    Axes,
    atmosphere_axes,
    atmosphere_grid,
    ocean_axes,
    ocean_grid,
)
from wmed.synthetic.events import INTERVAL, Event
from wmed.synthetic.radiation import Clouds, clouds, downward_longwave, shortwave
from wmed.synthetic.sea import currents, stream_function, temperature, warm_layer
from wmed.synthetic.weather import terrain, weather


class World(NamedTuple):
    """Where everything is."""

    ocean: Axes
    atmosphere: Axes
    ocean_grid: OceanGrid
    atmosphere_grid: AtmosphereGrid
    graph: CouplingGraph


class Air(NamedTuple):
    """The atmosphere at a time.

    Attributes
    ----------
    fields : mapping of str to array
        Those of a file, see :func:`wmed.io.mesonh.write_state`; UT and VT on the faces.
    cover : Clouds of (nj, ni)
    """

    fields: dict[str, Float32Array]
    cover: Clouds


@functools.lru_cache(maxsize=2)
def world(shape: tuple[int, int] = SHAPE) -> World:
    """Return the world with an ocean of some rows and columns."""
    ocean = ocean_axes(shape)
    atmosphere = atmosphere_axes(ocean)
    below, above = ocean_grid(ocean), atmosphere_grid(atmosphere)
    return World(ocean, atmosphere, below, above, build(above, below))


def air_at(event: Event, record: int, place: World, seed: int = 0) -> Air:
    """Return the atmosphere of a record of an event."""
    axes, sea = place.atmosphere, torch.from_numpy(place.atmosphere_grid.sea)
    heights = torch.from_numpy(HEIGHTS)
    state = weather(event, INTERVAL * record, axes, sea, seed)
    profiles = columns(state, heights, torch.from_numpy(axes.coriolis)[:, None])
    ground = terrain(axes, place.atmosphere_grid.sea)
    # Levels follow the ground; over high ground the air is that much thinner.
    thinner = (1 - 2.2558e-5 * ground) ** 5.2559
    fields = {
        "UT": stagger(profiles.wind_x.numpy().astype(np.float32), axis=-1),
        "VT": stagger(profiles.wind_y.numpy().astype(np.float32), axis=-2),
        "THT": profiles.potential_temperature.numpy().astype(np.float32),
        "RVT": profiles.mixing_ratio.numpy().astype(np.float32),
        "PABST": (profiles.pressure.numpy() * thinner).astype(np.float32),
        "SST": state.surface.numpy().astype(np.float32),
        "ZS": ground.astype(np.float32),
    }
    return Air(fields, clouds(state, profiles, heights))


def sea_at(event: Event, record: int, place: World, seed: int = 0) -> dict[str, Float32Array]:
    """Return the state of the sea, without the warm layer of the day.

    Returns
    -------
    dict
        ``sst (eta, xi)`` [K], ``current_u (eta, xi - 1)`` and ``current_v (eta - 1, xi)`` [m/s].
    """
    hours, axes = INTERVAL * record, place.ocean
    u, v = currents(stream_function(event, hours, axes, place.ocean_grid.sea, seed), axes)
    sst = temperature(event, hours, axes, seed).numpy()
    fields = {"sst": sst, "current_u": u, "current_v": v}
    return {name: values.astype(np.float32) for name, values in fields.items()}


def ocean_record(event: Event, record: int, place: World, seed: int = 0) -> dict[str, Float32Array]:
    """Return what the ocean's file has of a record: its state and the fluxes that it receives.

    Returns
    -------
    dict
        Fields of :func:`wmed.io.croco_writer.write_history`, without the axis of records.
    """
    grid, time = place.ocean_grid, event.time(record)
    air, sea = air_at(event, record, place, seed), sea_at(event, record, place, seed)
    lon, lat = (torch.from_numpy(values)[grid.sea] for values in (grid.lon, grid.lat))

    lowest, cover = _over_the_sea(air, place)
    hour = (time.hour + time.minute / 60 + lon / 15) % 24
    noon = torch.cos(lat.deg2rad() - declination(time))
    sst = torch.from_numpy(sea["sst"])[grid.sea].double()
    sst += warm_layer(noon, hour, (lowest["wind_x"] ** 2 + lowest["wind_y"] ** 2).sqrt())
    sst = sst.float().double()  # as it is stored

    faces = (
        torch.from_numpy(sea[f"current_{points}"][grid.masks[points]]) for points in ("u", "v")
    )
    current_x, current_y = place.graph.to_rho(*faces)
    state = bulk_inputs(
        **lowest, sea_surface_temperature=sst, current_x=current_x, current_y=current_y
    )
    fluxes = coare36(**state, iterations=10)
    vapour = vapour_pressure(state["specific_humidity"], lowest["pressure"])
    overhead = cos_zenith_angle(time, lat, lon)
    toa = irradiance(time) * overhead.clamp(min=0)
    solar = shortwave(toa, overhead, vapour, cover)
    thermal = net_longwave(downward_longwave(state["air_temperature"], vapour, cover), sst)
    heat = net_heat(solar, thermal, fluxes.latent, fluxes.sensible)

    tau_x, tau_y = place.graph.to_faces(fluxes.tau_x, fluxes.tau_y)
    received = {"tau_x": tau_x, "tau_y": tau_y, "heat": heat}
    received |= {"shortwave": solar, "longwave": thermal, "latent": fluxes.latent}
    return {
        **sea,
        "sst": np.where(grid.sea, on_grid(sst.numpy(), grid.sea), sea["sst"]),
        **{k: on_grid(x.numpy(), grid.masks[points_of(k)]) for k, x in received.items()},
    }


def _over_the_sea(air: Air, place: World) -> tuple[dict[str, Any], Clouds]:
    """Return the lowest level and the clouds at the rho points, each (rho,), float64."""
    fields = air.fields
    planes = [
        unstagger(fields["UT"], axis=-1)[0],
        unstagger(fields["VT"], axis=-2)[0],
        *(fields[name][0] for name in ("THT", "RVT", "PABST")),
        *(cover.numpy() for cover in air.cover),
    ]
    nodes = np.stack([plane[place.atmosphere_grid.sea] for plane in planes], axis=-1)
    values = place.graph.interpolate(torch.from_numpy(nodes.astype(np.float64))).unbind(-1)
    levels = dict(zip(PROFILES, values[: len(PROFILES)], strict=True))
    return levels, Clouds(*values[len(PROFILES) :])
