"""A trained network of a flame as the call of a host program."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.routine import Grid, Samples
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable
from combustion.matching import CELLS, TOLERANCE

SPACING = Variable("grid_spacing", "m")
RESOLUTION = Variable(CELLS, "1")
OVERSHOOT = 0.05
"""How far a filtered progress variable may lie beyond 0 and 1: schemes of transport overshoot."""


class FlameSurface(nn.Module):
    """The filtered progress variable and the grid spacing to the flame surface density.

    Parameters
    ----------
    surrogate : Surrogate
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, fields: Tensor, parameters: Tensor) -> Tensor:
        """Map (1, 1, nx, ny, nz) [1] and (1, parameter) to (1, 1, nx, ny, nz) [1/m]."""
        density: Tensor = self.surrogate(fields, 1 / parameters[:, 0])
        return density


def routine(surrogate: Surrogate) -> Grid:
    """Return a trained network as ``flame_closure``.

    The library takes grids of the resolution of the training, and refuses others.

    Parameters
    ----------
    surrogate : Surrogate

    Raises
    ------
    ValueError
        Its network cannot be traced.
    """
    net, trained = surrogate.net, surrogate.facts.get(CELLS)
    if not getattr(net, "exportable", True):
        raise ValueError(f"no library can be made of a {type(net).__name__} yet")
    bounds = {"progress_variable": Bounds(-OVERSHOOT, 1 + OVERSHOOT), SPACING.name: Bounds(1e-9, 1)}
    if trained is not None:
        bounds[CELLS] = Bounds((1 - TOLERANCE) * trained, (1 + TOLERANCE) * trained)

    def fields(samples: Samples) -> tuple[Tensor, Tensor]:
        parameters = [samples["dx"]]
        if trained is not None:
            # A test set of another resolution is brought to this one before the network sees it.
            parameters.append(torch.full_like(samples["dx"], trained))
        return samples["inputs"].float(), torch.stack(parameters, dim=-1).float()

    return Grid(
        name="flame_closure",
        title="Generalised flame surface density from the filtered progress variable",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        parameters=(SPACING,) if trained is None else (SPACING, RESOLUTION),
        module=FlameSurface(surrogate),
        bounds=bounds,
        fields=fields,
        halo=surrogate.periodic_halo,
        least=2 * int(getattr(net, "stride", 1)),
        reach=getattr(net, "reach", None),
    )
