"""A trained emulator as the call of a host program."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.forecast import forecast_of
from ai4sim.native.routine import Applied, Columns, Samples
from ai4sim.surrogate import Surrogate
from weather_forecast.gwd.io.rows import LATITUDE, bounds_of
from weather_forecast.gwd.nets.emulator import launch_factor

TITLES = {
    "nogwd": "Tendencies of the wind from non-orographic gravity waves",
    "ogwd": "Tendencies of the wind from orographic gravity waves and blocking",
}
BLOCK = 64
"""Columns at once: with more, the intermediate results leave the cache."""


class NonorographicDrag(nn.Module):
    """Winds, temperature, surface pressure and latitude to the drag.

    No wave depends on the geopotential at the ground. A flat network has learned with one and is
    given its mean.

    Parameters
    ----------
    surrogate : Surrogate
        An emulator of the non-orographic scheme.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        self.scaled = surrogate.facts["output_scale"] is None

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, 3 level + 2) to the tendencies, (column, 2 level)  [m/s2].

        Behind them comes their spread, if the surrogate predicts one.
        """
        latitude = rows[:, -1]
        scale = launch_factor(latitude) if self.scaled else torch.ones_like(latitude)
        found = []
        for member in self.surrogate.members:
            geopotential = member.input_norm.mean[-1].expand(rows.shape[0], 1)
            found.append(member(torch.cat([rows[:, :-1], geopotential], -1), scale))
        return forecast_of(found, self.surrogate.members[0].has_spread).channels


def routine(surrogate: Surrogate) -> Columns:
    """Return a trained emulator as ``gwd_drag`` or ``orographic_drag``.

    Parameters
    ----------
    surrogate : Surrogate

    Raises
    ------
    ValueError
        It has never seen a training set.
    """
    scheme = surrogate.facts.get("scheme")
    if scheme not in TITLES:
        raise ValueError(f"expected a trained emulator of {' or '.join(TITLES)}, found {scheme}")
    inputs = list(surrogate.inputs)
    if scheme == "nogwd":
        inputs = [v for v in inputs if v.name != "geopotential"] + [LATITUDE]
        module: nn.Module = NonorographicDrag(surrogate)
    else:
        module = Applied(surrogate)

    def rows(samples: Samples) -> Tensor:
        if scheme == "ogwd":
            return samples["inputs"]
        latitude = samples["latitude"].nan_to_num(45.0)  # without latitude it does not matter
        return torch.cat([samples["inputs"][:, :-1], latitude[:, None]], -1)

    return Columns(
        name="gwd_drag" if scheme == "nogwd" else "orographic_drag",
        title=TITLES[scheme],
        inputs=tuple(inputs),
        outputs=tuple(surrogate.outputs),
        module=module,
        rows=rows,
        block=BLOCK,
        bounds={v.name: bounds_of(v) for v in inputs},
        first_level="the top of the model",
    )
