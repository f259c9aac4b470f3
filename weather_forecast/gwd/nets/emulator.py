"""A trained emulator of non-orographic drag as a function like the scheme."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ai4sim.guarded import Guarded
from ai4sim.surrogate import Surrogate
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, nonorographic_drag

Drag = Callable[..., tuple[Tensor, Tensor]]


def launch_factor(latitude: Tensor) -> Tensor:
    """Return how much of the launch flux of non-orographic waves there is at a latitude.

    The drag is proportional to it, all but exactly. Latitude is no input of the networks.

    Parameters
    ----------
    latitude : (...)  [degrees north]

    Returns
    -------
    (...)  [1]
        1 far from the equator, 0.75 on it.
    """
    spectrum = WaveSpectrum()
    return spectrum.launch_momentum_flux(latitude) / spectrum.launch_flux


def drag_of(surrogate: Surrogate, guarded: Guarded | None = None) -> Drag:
    """Return a trained non-orographic emulator as a function like the scheme.

    Parameters
    ----------
    surrogate : Surrogate
        Of an ensemble, or of a network that predicts a spread, the drag is the mean.
    guarded : Guarded, optional
        The guard, and what is done in the columns that it flags: the physical scheme is the
        non-orographic one.

    Returns
    -------
    callable
        (u, v, temperature, surface_pressure, latitude) to (u_tendency, v_tendency), tensors of
        shape (column, level) and (column,), see
        :func:`weather_forecast.gwd.physics.nogwd.nonorographic_drag`.

    Raises
    ------
    ValueError
        A surrogate of other columns.
    """
    if surrogate.facts.get("scheme") != "nogwd":
        found = ", ".join(variable.name for variable in surrogate.inputs)
        raise ValueError(f"expected an emulator of non-orographic drag, found one of {found}")
    surrogate.eval()
    if len(surrogate.members) > 1:
        return _mean_of([drag_of(member) for member in surrogate.members])
    scaled = surrogate.facts["output_scale"] is None
    typical = float(surrogate.input_norm.mean[-1])
    if guarded is not None:
        typical = float(guarded.guard.low[-1] + guarded.guard.high[-1]) / 2

    @torch.inference_mode()
    def drag(
        u: Tensor, v: Tensor, temperature: Tensor, surface_pressure: Tensor, latitude: Tensor
    ) -> tuple[Tensor, Tensor]:
        device = surrogate.input_norm.mean.device
        # No wave depends on the geopotential, but a flat network has learned with one.
        geopotential = torch.full_like(surface_pressure, typical)
        columns = [u, v, temperature, surface_pressure[:, None], geopotential[:, None]]
        rows = torch.cat(columns, dim=-1).float().to(device)
        factor = launch_factor(latitude.float()) if scaled else torch.ones_like(latitude)
        scale = factor.to(device)

        def network(x: Tensor) -> Tensor:
            return surrogate(x, scale)[:, : 2 * u.shape[-1]].to(u)

        def scheme(chosen: Tensor) -> Tensor:
            at = chosen.cpu()
            drag = nonorographic_drag(
                u[at], v[at], temperature[at], surface_pressure[at], latitude[at]
            )
            return torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)

        found = network(rows) if guarded is None else guarded(rows, network, scheme)
        u_tendency, v_tendency = found.chunk(2, dim=-1)
        return u_tendency, v_tendency

    return drag


def _mean_of(drags: Sequence[Drag]) -> Drag:
    """Return the mean of functions like the scheme."""

    def drag(*column: Tensor) -> tuple[Tensor, Tensor]:
        found = [one(*column) for one in drags]
        u_tendency, v_tendency = (torch.stack(part).mean(0) for part in zip(*found, strict=True))
        return u_tendency, v_tendency

    return drag
