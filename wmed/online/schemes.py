"""Schemes: what gives the fluxes of an ocean, from the states of both sides at one time.

All are functions of the same fields (:data:`.runs.FluxScheme`), whether a formula or a network
stands behind them, so that oceans can be driven by any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ai4sim.checkpoints import find_weights
from ai4sim.guarded import Guarded, Policy, guarded
from ai4sim.surrogate import Ensemble, Surrogate
from wmed.io.graph import CouplingGraph
from wmed.io.layout import FLUXES
from wmed.nets import coupler
from wmed.nets.inputs import bulk_state, lowest_state, rho_inputs, sunlight
from wmed.online.runs import Fields, FluxScheme
from wmed.physics.bulk import BulkFluxes
from wmed.physics.heat import net_longwave, net_shortwave, sky_longwave
from wmed.physics.thermodynamics import vapour_pressure

SURROGATE, ENSEMBLE = "surrogate", "ensemble"
"""Names of the runs of a network, and of the mean of several."""
CLOUD_COVER = 0.4
TRANSMISSION, ABSORPTION = 0.7, 0.09
"""Of clear air for the sun overhead; of ozone and vapour (Rosati & Miyakoda 1988)."""


def bulk_scheme(
    graph: CouplingGraph, formula: Callable[..., BulkFluxes], height: float = 10.0, **options: float
) -> FluxScheme:
    """Return a bulk formula as a scheme: stress on the faces, latent and sensible heat at rho.

    Parameters
    ----------
    graph : CouplingGraph
    formula : callable
        Of :mod:`.physics.bulk`.
    height : float
        Of the lowest level [m].
    **options : float
        Of the formula.
    """

    def fluxes(fields: Fields) -> dict[str, Tensor]:
        state = lowest_state(fields, graph, height)
        found = formula(**state, z_wind=height, z_air=height, **options)
        tau_x, tau_y = graph.to_faces(found.tau_x, found.tau_y)
        heat = {"latent": found.latent, "sensible": found.sensible}
        return {"tau_x": tau_x, "tau_y": tau_y, **heat}

    return fluxes


def fixed_radiation(graph: CouplingGraph, height: float = 10.0) -> FluxScheme:
    """Return shortwave and longwave under a constant cloud cover as a scheme.

    Clear sky: Rosati & Miyakoda (1988); clouds: Reed (1977), with the height of the sun at noon;
    radiation from the sky: :func:`.physics.heat.sky_longwave`.

    Parameters
    ----------
    graph : CouplingGraph
    height : float
        Of the lowest level [m].
    """

    def radiation(fields: Fields) -> dict[str, Tensor]:
        cos_zenith, toa = sunlight(fields["sun"], graph.lat, graph.lon)
        direct = toa * TRANSMISSION ** (1 / cos_zenith.clamp(min=0.02))
        clear = direct + ((1 - ABSORPTION) * toa - direct) / 2
        noon = 90 - (graph.lat - fields["sun"][:, :1].rad2deg()).abs()
        through_clouds = (1 - 0.62 * CLOUD_COVER + 0.0019 * noon).clamp(max=1.0)
        state = lowest_state(fields, graph, height)
        vapour = vapour_pressure(state["specific_humidity"], state["pressure"])
        sky = sky_longwave(state["air_temperature"], vapour, CLOUD_COVER)
        return {
            "shortwave": net_shortwave(through_clouds * clear),
            "longwave": net_longwave(sky, fields["sst"]),
        }

    return radiation


def surrogate_scheme(surrogate: Surrogate, graph: CouplingGraph) -> FluxScheme:
    """Return a network as a scheme, radiation included; of an ensemble, the mean."""
    return lambda fields: coupler.fluxes(surrogate, fields, graph)


def surrogate_schemes(paths: Sequence[Path | str], graph: CouplingGraph) -> dict[str, FluxScheme]:
    """Return the networks of some checkpoints as schemes.

    Parameters
    ----------
    paths : sequence of paths
        Checkpoints, experiment folders, or saved surrogates: networks or an ensemble of them.
    graph : CouplingGraph

    Returns
    -------
    dict
        :data:`SURROGATE` of a single network. Of several each member as ``surrogate 1``, ... and
        :data:`ENSEMBLE`, whose fluxes are the mean of theirs.

    Raises
    ------
    FileNotFoundError, ValueError
        See :meth:`ai4sim.surrogate.Ensemble.load`.
    """
    if len(paths) == 1:
        found = Surrogate.load(find_weights(Path(), str(paths[0])))
    else:
        found = Ensemble.load(paths)
    if len(found.members) == 1:
        return {SURROGATE: surrogate_scheme(found, graph)}
    members = {
        f"{SURROGATE} {i}": surrogate_scheme(member, graph)
        for i, member in enumerate(found.members, start=1)
    }
    return {**members, ENSEMBLE: surrogate_scheme(found, graph)}


def guarded_scheme(
    path: Path | str,
    graph: CouplingGraph,
    policy: Policy,
    formula: Callable[..., BulkFluxes],
    height: float,
) -> tuple[FluxScheme, Guarded]:
    """Return the network of a checkpoint as a scheme that its guard watches, and the guard.

    At rho points that are flagged a bulk formula may give the stress, latent and sensible heat; the
    radiation stays the network's.

    Parameters
    ----------
    path : path
    graph : CouplingGraph
    policy : {"keep", "clip", "fallback"}
    formula : callable
        Of :mod:`.physics.bulk`.
    height : float
        Of the lowest level [m].

    Raises
    ------
    ValueError
        The checkpoint has no guard, or is of an ensemble.
    """
    surrogate = Surrogate.load(find_weights(Path(), str(path)))
    if len(surrogate.members) > 1:
        raise ValueError(f"{path}: an ensemble, expected one network for the guard to watch")
    watch = guarded(surrogate.guard, policy, path)
    layout = coupler.layout_of(surrogate)

    def fluxes(fields: Fields) -> dict[str, Tensor]:
        inputs = rho_inputs(fields, graph, layout)

        def bulk(chosen: Tensor) -> Tensor:
            state = bulk_state(inputs.flatten(0, 1)[chosen], layout, height)
            found = formula(**state, z_wind=height, z_air=height)
            unknown = torch.full_like(found.tau_x, torch.nan)
            parts = {**dict.fromkeys(FLUXES, unknown), **found._asdict()}
            return torch.stack([parts[name] for name in FLUXES], dim=-1)

        def network(rows: Tensor) -> Tensor:
            found = coupler.at_rho(surrogate, fields, graph, rows.unflatten(0, inputs.shape[:2]))
            return found[:, : len(FLUXES)]  # without a spread

        rows = watch(inputs.flatten(0, 1), network, bulk)
        return dict(coupler.on_own_points(rows.unflatten(0, inputs.shape[:2]), graph))

    return fluxes, watch
