"""What gravity wave drag does not care about: which way is east, and which way is left.

Turning wind and mountains turns the drag, and so does a mirror. The discretised non-orographic
scheme keeps the turns by its azimuths only, multiples of ``360 degrees / azimuths``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from weather_forecast.gwd.io.rows import DragLayout


def transform(
    inputs: Tensor, targets: Tensor, layout: DragLayout, angle: Tensor, mirror: Tensor
) -> tuple[Tensor, Tensor]:
    """Turn columns and their drag, then mirror some north to south.

    Parameters
    ----------
    inputs : (column, input_channels)
    targets : (column, output_channels)
    layout : DragLayout
    angle : (column,)  [rad]
        Turns are counter-clockwise.
    mirror : (column,) bool

    Returns
    -------
    inputs, targets
        New tensors of the same shapes.
    """
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    sign = torch.where(mirror, -1.0, 1.0).to(inputs)[:, None]

    def turned(vector: Tensor) -> Tensor:
        u, v = vector.chunk(2, dim=-1)
        return torch.cat([cos * u - sin * v, sign * (sin * u + cos * v)], dim=-1)

    wind, rest = inputs[:, : 2 * layout.levels], inputs[:, 2 * layout.levels :]
    if layout.scheme == "ogwd":
        # The axis of the mountains turns too; it has no head and no tail.
        axis = sign * (rest[:, -1:] + angle[:, None])
        axis = torch.remainder(axis + math.pi / 2, math.pi) - math.pi / 2
        rest = torch.cat([rest[:, :-1], axis], dim=-1)
    pairs = targets.split(2 * layout.levels, dim=-1)
    return torch.cat([turned(wind), rest], -1), torch.cat([turned(pair) for pair in pairs], -1)


def random_transform(
    inputs: Tensor, targets: Tensor, layout: DragLayout, azimuths: int = 16
) -> tuple[Tensor, Tensor]:
    """Turn each column by a random multiple of 360 degrees / azimuths, and mirror half of them.

    Random numbers are those of torch's generator of the tensors' device.
    """
    turns = torch.randint(azimuths, (len(inputs),), device=inputs.device)
    mirror = torch.rand(len(inputs), device=inputs.device) < 0.5
    return transform(inputs, targets, layout, turns * (2 * math.pi / azimuths), mirror)
