"""Apply a surrogate as a coupler does: states of both sides in, fluxes on the ocean's points."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ai4sim.forecast import SUFFIX, forecast_of
from ai4sim.surrogate import Surrogate
from wmed.io.graph import CouplingGraph
from wmed.io.layout import FLUXES, HEAT_PARTS, PROFILES, SURFACE, RhoLayout
from wmed.nets.bulk_flux_net import BulkFluxNet
from wmed.nets.features import sea_surface
from wmed.nets.inputs import check_levels, lowest_inputs, rho_inputs

ROWS_AT_ONCE = 16_384
"""On a CPU: what is made of so many rows stays in its cache, which halves the time of more."""
NamedFluxes = Mapping[str, Tensor]
"""Fluxes by name, each on its own points: ``tau_x : (time, u)``, ``tau_y : (time, v)`` [N/m2];
``shortwave``, ``longwave``, ``latent``, ``sensible``, ``heat : (time, rho)`` [W/m2], the last one
the sum of the others."""


def layout_of(surrogate: Surrogate) -> RhoLayout:
    """Return the layout of the rows that a surrogate takes."""
    (channels,) = surrogate.spec["input_shape"]
    return RhoLayout((channels - len(SURFACE)) // len(PROFILES))


def fluxes(
    surrogate: Surrogate,
    fields: Mapping[str, Tensor],
    graph: CouplingGraph,
    inputs: Tensor | None = None,
) -> NamedFluxes:
    """Predict the fluxes of some times.

    Parameters
    ----------
    surrogate : Surrogate
    fields : mapping of str to Tensor
        States of both sides, see :func:`.inputs.rho_inputs`.
    graph : CouplingGraph
    inputs : (time, rho, input channel), optional
        What :func:`.inputs.rho_inputs` makes of them, if it is known.

    Returns
    -------
    NamedFluxes
        Where the surrogate predicts a spread, or is an ensemble, with ``NAME_spread`` of each.
    """
    if len(surrogate.members) > 1:
        each = [fluxes(member, fields, graph, inputs) for member in surrogate.members]
        forecast = forecast_of(each, surrogate.members[0].has_spread)
        spreads = {name + SUFFIX: values for name, values in forecast.spread.items()}
        return {**forecast.mean, **spreads}
    net = surrogate.net
    if inputs is None and isinstance(net, BulkFluxNet) and net.of_columns and not net.training:
        return on_own_points(_of_columns(net, fields, graph), graph)
    if inputs is None:
        inputs = rho_inputs(fields, graph, layout_of(surrogate))
    found = at_rho(surrogate, fields, graph, inputs)
    return on_own_points(found.unflatten(0, inputs.shape[:2]), graph)


def at_rho(
    surrogate: Surrogate, fields: Mapping[str, Tensor], graph: CouplingGraph, inputs: Tensor
) -> Tensor:
    """Return the fluxes at rho points, (time rho, 6), of inputs (time, rho, input channel)."""
    from wmed.nets.coupling_net import CouplingNet, coupled  # brings torch_geometric

    hetero = coupled(graph, fields) if isinstance(surrogate.net, CouplingNet) else None
    rows = inputs.flatten(0, 1)
    if hetero is None and rows.device.type == "cpu":
        return torch.cat([surrogate(part) for part in rows.split(ROWS_AT_ONCE)])
    found: Tensor = surrogate(rows, graph=hetero)
    return found


def _of_columns(net: BulkFluxNet, fields: Mapping[str, Tensor], graph: CouplingGraph) -> Tensor:
    """Return the fluxes at rho points, (time, rho, 6), from columns encoded where they are."""
    assert net.encoder is not None
    columns = fields["atmosphere"]
    check_levels(columns, net.layout)
    # The rows of a surface alone: what an atmosphere of one level and no more would have.
    surface = RhoLayout(1)
    rows = lowest_inputs(fields, graph)
    encoded = graph.interpolate(net.encoder(columns))
    pieces = zip(
        rows.flatten(0, 1).split(ROWS_AT_ONCE),
        encoded.flatten(0, 1).split(ROWS_AT_ONCE),
        strict=True,
    )
    found = [net.of_surface(sea_surface(row, surface, net.height), x) for row, x in pieces]
    return torch.cat(found).unflatten(0, rows.shape[:2])


def on_own_points(rows: Tensor, graph: CouplingGraph) -> NamedFluxes:
    """Bring fluxes at rho points to where the ocean has them.

    Parameters
    ----------
    rows : (time, rho, 6), or (time, rho, 12)
        The :data:`.layout.FLUXES`, and behind them their spreads. That of a face is the mean of its
        points', whose errors are taken as alike, that of the net heat flux the root of the sum of
        the squares of its parts', whose errors are taken as independent.
    graph : CouplingGraph
    """
    if rows.shape[-1] == 2 * len(FLUXES):
        mean, spread = rows.chunk(2, dim=-1)
        of_spread = dict(on_own_points(spread, graph))
        parts = [of_spread[name] for name in HEAT_PARTS]
        of_spread["heat"] = torch.stack(parts).square().sum(0).sqrt()
        spreads = {name + SUFFIX: values for name, values in of_spread.items()}
        return {**on_own_points(mean, graph), **spreads}
    found = dict(zip(FLUXES, rows.unbind(-1), strict=True))
    tau_x, tau_y = graph.to_faces(found.pop("tau_x"), found.pop("tau_y"))
    heat = torch.stack(list(found.values())).sum(0)
    return {"tau_x": tau_x, "tau_y": tau_y, **found, "heat": heat}
