"""An ocean and an atmosphere in two programs: what they compute between two exchanges.

There are two ways. In the first one the coupler brings columns of air to the rho points, where the
ocean computes the fluxes. In the second one it brings the surface of the sea to the cells of the
atmosphere, where the fluxes are computed, and these back to the rho points.

The coupler itself is two functions, `send` and `receive`, of a field's name and values; see
``examples/coupler``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ai4sim.native import call
from ai4sim.variables import Float64Array, split_channels
from wmed.io.graph import CouplingGraph
from wmed.io.grid import AtmosphereGrid
from wmed.io.layout import FLUXES, PROFILES, RhoLayout
from wmed.io.remap import nearest_nodes
from wmed.nets.coupler import on_own_points
from wmed.nets.inputs import rho_inputs, rho_rows, sunlight, turned
from wmed.online.runs import Fields, FluxScheme

RowFluxes = Callable[[Tensor], Tensor]
"""From (point, input channel) to (point, 6), the channels of :data:`.layout.FLUXES`."""
Send = Callable[[str, Float64Array], None]
"""Sends the values of a field, (channel, point of the own grid)."""
Receive = Callable[[str], Float64Array]
"""Returns the values of a field, (channel, point of the own grid); NaN where nothing came."""
SURFACE = ("sea_surface_temperature", "current_east", "current_north", "sea_fraction")
"""The channels of the field ``surface``; in the ocean the last one is 1 at each rho point."""

WAYS = ({"air"}, {"surface", "stress", "heat"})
"""The fields that a coupling file names for each of the two ways."""


def ocean_computes(fields: Collection[str]) -> bool:
    """Return whether the fluxes are computed at the rho points, by the fields that are coupled.

    Raises
    ------
    ValueError
        They belong to neither way.
    """
    if set(fields) not in WAYS:
        raise ValueError(
            f"the coupling file names {', '.join(sorted(fields)) or 'no field'}; expected "
            f"{' or '.join(', '.join(sorted(way)) for way in WAYS)}"
        )
    return set(fields) == WAYS[0]


def library_rows(folder: Path, levels: int) -> RowFluxes:
    """Return a coupled library ``sea_fluxes`` as a function of rows.

    Parameters
    ----------
    folder : Path
        The folder that ``trainer.py couple`` has made.
    levels : int
        Number of levels of the air.

    Raises
    ------
    FileNotFoundError
        There is no library.
    ValueError
        It is another one, or takes other levels.
    """
    library, inputs = call.load(folder)
    layout = RhoLayout(levels)
    if inputs != layout.inputs:
        found = ", ".join(f"{v.name} ({v.levels or 1})" for v in inputs)
        expected = ", ".join(f"{v.name} ({v.levels or 1})" for v in layout.inputs)
        raise ValueError(
            f"{folder}: the library takes {found}; these files have {expected} (levels)"
        )

    def fluxes(rows: Tensor) -> Tensor:
        named = split_channels(rows, layout.inputs)
        found = library(**{name: values.numpy() for name, values in named.items()})
        return torch.from_numpy(np.stack([found[name] for name in FLUXES], axis=-1))

    return fluxes


def rows_scheme(fluxes: RowFluxes, graph: CouplingGraph, levels: int) -> FluxScheme:
    """Return a function of rows as a scheme, with the air of one's own interpolation."""

    def scheme(fields: Fields) -> dict[str, Tensor]:
        rows = rho_inputs(fields, graph, RhoLayout(levels))
        return dict(on_own_points(fluxes(rows[0])[None], graph))

    return scheme


def air_scheme(fluxes: RowFluxes, graph: CouplingGraph, receive: Receive) -> FluxScheme:
    """Return the scheme of an ocean that receives ``air`` and computes the fluxes.

    Parameters
    ----------
    fluxes : callable
    graph : CouplingGraph
    receive : callable
        Gives ``air : (5 level, rho)``, the channels of :data:`.layout.PROFILES` with winds to the
        east and north.
    """

    def scheme(fields: Fields) -> dict[str, Tensor]:
        air = torch.from_numpy(_complete("air", receive("air"))).T.float()
        return dict(on_own_points(fluxes(rho_rows(air[None], fields, graph)[0])[None], graph))

    return scheme


def surface_scheme(
    graph: CouplingGraph, send: Send, receive: Receive, area_ratio: Tensor
) -> FluxScheme:
    """Return the scheme of an ocean that sends ``surface`` and receives ``stress`` and ``heat``.

    Parameters
    ----------
    graph : CouplingGraph
    send : callable
        Takes ``surface : (4, rho)``, the channels of :data:`SURFACE`.
    receive : callable
        Gives ``stress : (2, rho)`` to the east and north, and ``heat : (4, rho)``, the channels of
        :data:`.layout.HEAT_PARTS`.
    area_ratio : (rho,)
        The coupler's area of a cell over the ocean's own, so that what comes is what is sent.
    """

    def scheme(fields: Fields) -> dict[str, Tensor]:
        x, y = graph.to_rho(fields["current_u"][0], fields["current_v"][0])
        east, north = turned(x, y, -graph.angle)
        surface = torch.stack([fields["sst"][0], east, north, torch.ones_like(east)])
        send("surface", surface.double().numpy())
        stress, heat = (
            torch.from_numpy(_complete(name, receive(name))) * area_ratio
            for name in ("stress", "heat")
        )
        along = torch.stack(turned(stress[0], stress[1], graph.angle.double()))
        return dict(on_own_points(torch.cat([along, heat]).T[None], graph))

    return scheme


class AtmosphereCells:
    """All cells of an atmosphere; those of land have the air of the nearest cell of sea.

    A cell that the atmosphere takes for land may hold some of the ocean's sea.

    Parameters
    ----------
    grid : AtmosphereGrid
    of_rows : callable
        The fluxes of rows of inputs.
    """

    def __init__(self, grid: AtmosphereGrid, of_rows: RowFluxes) -> None:
        self.grid, self.of_rows = grid, of_rows
        self.places = grid.lon.ravel(), grid.lat.ravel()
        self.nodes = torch.from_numpy(nearest_nodes(grid, *self.places))

    def fluxes(
        self, surface: Float64Array, air: Tensor, sun: Tensor
    ) -> tuple[Float64Array, Float64Array]:
        """Compute the fluxes for each square metre of sea.

        Parameters
        ----------
        surface : (4, cell)
            The channels of :data:`SURFACE`: of the cell's part of sea, each times its share of the
            cell, and that share. NaN where there is no sea.
        air : (atmosphere node, 5 level)
        sun : (3,)

        Returns
        -------
        stress : (2, cell)  [N/m2]
            To the east and north.
        heat : (4, cell)  [W/m2]
            The channels of :data:`.layout.HEAT_PARTS`. Cells without sea have the fluxes of the
            nearest one that has some.

        Raises
        ------
        ValueError
            No cell holds sea.
        """
        fraction = np.nan_to_num(surface[-1])
        wet = fraction > 0
        if not wet.any():
            raise ValueError("no cell of the atmosphere holds sea of the ocean")
        below = torch.from_numpy(surface[:-1, wet] / fraction[wet]).float()
        lon, lat = (torch.from_numpy(x[wet].astype(np.float32)) for x in self.places)
        rows = [air[self.nodes[wet]], below.T, torch.cat(sunlight(sun[None], lat, lon)).T]
        found = self.of_rows(torch.cat(rows, dim=-1)).T.double().numpy()
        # No remapping shall see the land.
        sea = replace(self.grid, sea=wet.reshape(self.grid.shape))
        whole = found[:, nearest_nodes(sea, *self.places)]
        return whole[:2], whole[2:]


def levels_of(air: Tensor) -> int:
    """Return the number of levels of (..., 5 level)."""
    return air.shape[-1] // len(PROFILES)


def _complete(name: str, values: Float64Array) -> Float64Array:
    """Return what was received.

    Raises
    ------
    ValueError
        Points have received nothing.
    """
    empty = int(np.isnan(values).any(axis=0).sum())
    if empty:
        raise ValueError(
            f"field {name!r}: {empty} of {values.shape[1]} points of the sea received nothing; the "
            "coupling file must reach them all, by its last method at the latest"
        )
    return values
