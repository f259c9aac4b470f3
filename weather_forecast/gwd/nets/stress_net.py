"""A network for orographic gravity wave drag that keeps what the scheme keeps.

The flow near the ground decides what the mountains do: which layer they block, which stress the
waves above it start with, and in which direction. That costs little and is taken from the scheme
(:func:`weather_forecast.gwd.physics.ogwd.low_level_flow`). Networks learn what depends on the whole
column: how much stress is left at each half level, and how strongly the mountains' wakes slow the
blocked flow. Both look at one level at a time. The first begins with an estimate: waves carry at
most what makes them overturn, less where the Richardson number is low, nothing through critical
levels. What it learns is the rest. Hence, whatever the weights:

- the drag of the waves is against the stress that they start with, which never grows upward;
- the blocked flow is slowed, never turned;
- columns turned or mirrored, mountains and all, have the drag turned or mirrored;
- there is no drag where the mountains are low.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.nets.mlp import MLP
from ai4sim.normalization import full_precision
from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.physics.blocking import (
    MountainColumns,
    OrographyParameters,
    axis_angle,
)
from weather_forecast.gwd.physics.ogwd import (
    LowLevelFlow,
    drag_from,
    low_level_flow,
    wind_along_stress,
)

OVERTURNING = 3.0
"""Logarithm of the largest ratio of stresses that a network sees."""
NOTHING = -50.0
"""Logarithm of what passes a critical level."""


class StressNet(nn.Module):
    """Columns (column, 3 levels + 6) to tendencies (column, 4 levels), in units of `output_scale`.

    Inputs are in physical units, in the order of the layout.

    Parameters
    ----------
    levels : int
        Full levels, down to the surface.
    table : str
        Vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.
    features : int
        The width of the hidden layers of the two networks.
    layers : int
        Number of hidden layers of the two networks.
    """

    output_scale: Tensor

    def __init__(
        self, levels: int = 91, table: str = "L91", features: int = 64, layers: int = 3
    ) -> None:
        super().__init__()
        self.levels, self.table = levels, table
        self.scheme = OrographyParameters()
        self.breaking = MLP(7, 1, features, layers)
        self.wake = MLP(6, 1, features, layers)
        self.register_buffer("output_scale", torch.ones(4 * levels))

    def calibrate(self, columns: Tensor, output_scale: Tensor) -> None:
        """Take the scale of the outputs from the training set; the inputs have fixed ones.

        Parameters
        ----------
        columns : (column, 3 levels + 6)
        output_scale : (4 levels,)  [m/s2]
        """
        self.output_scale.copy_(output_scale)

    def forward(self, x: Tensor) -> Tensor:
        """Predict the tendencies of ``x : (column, 3 levels + 6)``, divided by `output_scale`."""
        columns = MountainColumns.of_rows(full_precision(x), self.levels)
        with torch.autocast(x.device.type, enabled=False):
            flow = low_level_flow(columns, self.scheme, table=self.table)
            of_waves, capacity = self._wave_features(columns, flow)
            of_wakes, wake_scale = self._wake_features(columns, flow)
        reduction = self.breaking(of_waves)[..., 0]
        strength = self.wake(of_wakes)[..., 0]
        with torch.autocast(x.device.type, enabled=False):
            stress = self._stress(capacity + full_precision(reduction), flow)
            beta = wake_scale * nn.functional.softplus(full_precision(strength))
            drag = drag_from(*columns[:2], flow, stress, beta, self.scheme, table=self.table)
            return torch.cat(drag[:4], dim=-1) / self.output_scale

    def _wave_features(self, columns: MountainColumns, flow: LowLevelFlow) -> tuple[Tensor, Tensor]:
        """Return what the network sees at each inner half level, and the most that it can carry.

        A wave whose amplitude equals ``U / N`` overturns; its stress over the launched one is the
        most that a level can carry. How much less it does carry depends on the Richardson number,
        and low down on how far the breaking is spread.

        Returns
        -------
        features : (column, inner, 7)
        capacity : (column, inner)
            Logarithm of the stress over the launched one.
        """
        rest = flow.background
        least, p = self.scheme.minimum_wind, rest.p_half[:, 1:-1]
        wind, half_wind, critical = wind_along_stress(columns.u, columns.v, flow, self.scheme)
        shear = wind.diff(dim=-1).abs().clamp(min=least)
        n = rest.buoyancy_frequency
        root_ri = n * rest.p_full.diff(dim=-1) / (GRAVITY * rest.density * shear)
        overturning = (
            flow.stress_scale[:, None] * rest.density / n * half_wind.clamp(min=least) ** 3
        )
        launched = flow.launch_stress.clamp(min=self.scheme.minimum_stress)[:, None]
        # The critical amplitude grows from zero at the critical Richardson number towards U / N.
        steady = self.scheme.critical_richardson**0.5
        margin = (1 - steady / root_ri).clamp(min=1e-9)
        capacity = (overturning / launched).clamp(min=1e-9).log() + 2 * margin.log()
        half_level = torch.arange(1, self.levels, device=p.device)
        # Waves break above the peaks only; a critical level stops them everywhere.
        capacity = capacity.where(half_level < flow.peak_level[:, None], OVERTURNING)
        capacity = capacity.where(~critical, NOTHING)
        # What has been carried up to here; low breaking is spread evenly over its layer.
        carried = capacity.flip(-1).cummin(-1).values.flip(-1)
        top = flow.breaking_level[:, None].clamp(1, self.levels - 1)
        above = carried.gather(1, top - 1)
        ends = rest.p_half.gather(1, top), rest.p_half.gather(1, flow.blocking_level[:, None])
        share = ((p - ends[0]) / (ends[1] - ends[0]).clamp(min=1.0)).clamp(-1, 2)
        spread = torch.lerp(above.clamp(max=0.0).exp(), torch.ones_like(above), share.clamp(0, 1))
        inside = (share > 0) & (share < 1)
        capacity = torch.where(inside, spread.clamp(min=1e-9).log(), capacity)
        bounds = (-2 * OVERTURNING, OVERTURNING)
        features = [
            root_ri.clamp(steady, 1e3).log() / 2,
            margin.clamp(min=1e-3).log() / 4,
            capacity.clamp(*bounds) / OVERTURNING,
            carried.clamp(*bounds) / OVERTURNING,
            above.clamp(*bounds).expand_as(p) / OVERTURNING,
            share,
            (half_wind / 10).clamp(-3, 3),
        ]
        return torch.stack(features, dim=-1), capacity

    def _stress(self, log_share: Tensor, flow: LowLevelFlow) -> Tensor:
        """Turn what each inner half level can carry into stress: the least of all on the way up."""
        share = log_share.clamp(max=0.0).flip(-1).cummin(-1).values.flip(-1).exp()
        # Nothing is left at the top of the model; everything is still there at the ground.
        share = nn.functional.pad(nn.functional.pad(share, (1, 0)), (0, 1), value=1.0)
        return share * flow.launch_stress[:, None]

    def _wake_features(self, columns: MountainColumns, flow: LowLevelFlow) -> tuple[Tensor, Tensor]:
        """Return what the network sees at each full level, and the scale of beta.

        Returns
        -------
        features : (column, level, 6)
        scale : (column, level)  [1/s]
            ``C_d sigma / (2 mu) |U| / 2``, of a mountain that meets the wind squarely.
        """
        std, slope, anisotropy, angle = (number[:, None] for number in columns[4:])
        std = std.clamp(min=self.scheme.minimum_std)
        height = flow.background.height
        top = flow.background.half_height.gather(1, flow.blocking_level[:, None] - 1)
        psi = axis_angle(columns.u, columns.v, angle, self.scheme.minimum_wind)
        depth = ((top - height) / (height + std)).clamp(min=0)
        features = [
            depth.sqrt(),
            (depth + 1e-3).log() / 3,
            (2 * psi).cos(),
            anisotropy.expand_as(height),
            (anisotropy + 0.05).log().expand_as(height),
            (2 * psi).cos() * anisotropy,
        ]
        speed = torch.hypot(columns.u, columns.v)
        scale = self.scheme.wake_drag * slope / (2 * std) * speed / 2
        return torch.stack(features, dim=-1), scale
