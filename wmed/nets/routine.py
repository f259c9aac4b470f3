"""A trained network of rho points as the call of a host program."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.routine import Columns, Samples
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable
from wmed.io.bounds import BOUNDS
from wmed.io.layout import HEAT_PARTS, PROFILES
from wmed.nets.coupling_net import CouplingNet

BLOCK = 1024
"""Points at once, the fastest number on a processor."""
HEAT = Variable("heat", "W/m2")
SURFACE_BOUNDS = {
    "sea_surface_temperature": BOUNDS["sst"],
    "current_x": BOUNDS["current_u"],
    "current_y": BOUNDS["current_v"],
    "cos_zenith": Bounds(-1.001, 1.001),
    "toa_shortwave": Bounds(-2.0, 1500.0),
}


class SeaFluxes(nn.Module):
    """The column of air, the sea surface and the sun to the fluxes and the net heat flux.

    Parameters
    ----------
    surrogate : Surrogate
        A network of rho points.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        names = [v.name for v in surrogate.outputs]
        self.parts = [names.index(part) for part in HEAT_PARTS]

    def forward(self, rows: Tensor) -> Tensor:
        """Map (point, input channel) to (point, 7)  [N/m2], [W/m2]."""
        fluxes = self.surrogate(rows)
        # The sea loses no heat and gains none between the parts and their sum.
        heat = torch.stack([fluxes[:, part] for part in self.parts]).sum(0)
        return torch.cat([fluxes, heat[:, None]], dim=-1)


def routine(surrogate: Surrogate) -> Columns:
    """Return a trained network as ``sea_fluxes``, for any number of points of the sea.

    Raises
    ------
    ValueError
        A network on the graph of both grids.
    """
    if isinstance(surrogate.net, CouplingNet):
        raise ValueError(
            "CouplingNet takes the graph of both grids: no library can be made of it yet. Couple a "
            "LitTransferNet, LitConstantBulk or LitMLP"
        )

    def rows(samples: Samples) -> Tensor:
        return samples["inputs"]

    profiles = {name: BOUNDS[name] for name in PROFILES}
    return Columns(
        name="sea_fluxes",
        title="Fluxes of momentum and heat that the sea takes up",
        inputs=tuple(surrogate.inputs),
        outputs=(*surrogate.outputs, HEAT),
        module=SeaFluxes(surrogate),
        rows=rows,
        block=BLOCK,
        bounds={**profiles, **SURFACE_BOUNDS},
        first_level="the lowest level of the atmosphere",
    )
