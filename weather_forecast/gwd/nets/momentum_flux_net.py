"""A network for non-orographic gravity wave drag that keeps what the scheme keeps.

The drag is a sum over azimuths, and in each of them the same function of the wind along it,
relative to the launch level, and of density and stability
(:mod:`weather_forecast.gwd.physics.nogwd`). So one network is applied to every azimuth and predicts
the momentum that the waves leave in each layer; what they leave above, they have taken from the
launch layer. Hence, whatever the weights:

- the drag of a column adds up to no momentum, since it is the divergence of a flux that vanishes at
  both ends;
- a wind that is the same at all heights changes nothing (Galilean invariance);
- columns turned by the angle between two azimuths, or mirrored, have the drag turned or mirrored;
- there is no drag below the launch layer.

What the network predicts is the difference from a few phase speeds of the scheme itself: eight
where the teacher has a hundred. They place the critical levels; the network learns what is lost
between them.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ai4sim.nets.mlp import ResidualLayers
from ai4sim.normalization import full_precision
from ai4sim.physics.constants import GRAVITY
from weather_forecast.gwd.physics.learned import learned_speeds
from weather_forecast.gwd.physics.nogwd import (
    STANDARD_PRESSURE,
    Background,
    WaveSpectrum,
    along_azimuths,
    azimuthal_flux,
    background,
    few_speeds,
)
from weather_forecast.levels import full_level_pressure, half_level_pressure

WIND_SCALE = 30.0  # m/s
SPEED_SCALE = 20.0  # m/s


class MomentumFluxNet(nn.Module):
    """Columns (column, 3 levels + 2) to tendencies (column, 2 levels), in units of `output_scale`.

    Inputs are in physical units: u, v [m/s], T [K], surface pressure [Pa] and the geopotential of
    the lowest level, which does not matter. The network sees, on the inner half levels of each
    azimuth, the relative wind, the largest one on the way up and the share of the launch spectrum
    that is slower (its analytic integral), the momentum that the few phase speeds leave; and
    of the column density over stability.

    Parameters
    ----------
    levels : int
        Full levels of the columns, at least down to the launch level.
    table : str
        Vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.
    azimuths : int
        Directions; 16 is what the published data set was made with.
    phase_speeds : int
        Elements of the spectrum that are computed as the scheme does; 0 for none.
    features : int
        Width of the hidden layers.
    layers : int
        Number of hidden layers.
    quadrature : {"stretched", "learned"}
        The few phase speeds: those of :func:`.nogwd.few_speeds`, or those of
        :func:`.learned.learned_speeds`, which are nearer to the teacher.
    """

    output_scale: Tensor
    deposit_scale: Tensor
    column_mean: Tensor
    column_std: Tensor

    def __init__(
        self,
        levels: int = 63,
        table: str = "L91",
        azimuths: int = 16,
        phase_speeds: int = 8,
        features: int = 128,
        layers: int = 3,
        quadrature: Literal["stretched", "learned"] = "stretched",
    ) -> None:
        super().__init__()
        self.levels, self.table = levels, table
        self.spectrum = WaveSpectrum(azimuths=azimuths)
        choose = learned_speeds if quadrature == "learned" else few_speeds
        self.coarse = choose(azimuths, phase_speeds) if phase_speeds else None
        self.launch = self.spectrum.launch_level(levels, table)
        inner = self.launch - 1
        profiles = 3 if self.coarse is None else 4
        self.azimuth = nn.Linear(profiles * inner, features, bias=False)
        self.column = nn.Linear(inner + 1, features)
        self.hidden = ResidualLayers(features, layers - 1)
        self.head = nn.Linear(features, inner)
        # Training begins at the few phase speeds alone, or at no drag.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("output_scale", torch.ones(2 * levels))
        self.register_buffer("deposit_scale", torch.ones(inner))
        self.register_buffer("column_mean", torch.zeros(inner + 1))
        self.register_buffer("column_std", torch.ones(inner + 1))

    def calibrate(self, columns: Tensor, output_scale: Tensor) -> None:
        """Take the scales of what goes in and comes out from the training set.

        Parameters
        ----------
        columns : (column, 3 levels + 2)
            Some hundred typical ones.
        output_scale : (2 levels,)  [m/s2]
            Standard deviation of each tendency, the unit of the network's output.
        """
        self.output_scale.copy_(output_scale)
        p_half = half_level_pressure(torch.tensor(STANDARD_PRESSURE), self.launch, self.table)
        typical = output_scale.reshape(2, self.levels)[:, : self.launch - 1].square().mean(0).sqrt()
        self.deposit_scale.copy_(typical * p_half.diff()[:-1] / GRAVITY)
        state, _ = self._state(columns)
        of_column = self._column_features(state)
        self.column_mean.copy_(of_column.mean(0))
        self.column_std.copy_(of_column.std(0).clamp(min=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """Predict the tendencies of ``x : (column, 3 levels + 2)``, divided by `output_scale`."""
        with torch.autocast(x.device.type, enabled=False):
            profiles, of_column, deposits, p_half = self._features(full_precision(x))
        count = profiles.shape[:2]
        hidden = self.azimuth(profiles.flatten(0, 1)).unflatten(0, count)
        hidden = hidden + self.column(of_column)[:, None]
        correction = self.head(self.hidden(nn.functional.silu(hidden).flatten(0, 1)))
        with torch.autocast(x.device.type, enabled=False):
            deposits = (
                deposits + full_precision(correction).unflatten(0, count) * self.deposit_scale
            )
            return self._tendencies(deposits, p_half) / self.output_scale

    def _state(self, x: Tensor) -> tuple[Background, Tensor]:
        n, launch = self.levels, self.launch
        u, v, t = (x[:, i * n : i * n + launch] for i in range(3))
        p_half = half_level_pressure(x[:, 3 * n].double(), launch, self.table)
        return background(u, v, t, p_half), p_half.to(x)

    @staticmethod
    def _column_features(state: Background) -> Tensor:
        """Density over stability relative to the launch level, and its stability, as logarithms."""
        inertia = (state.density / state.buoyancy_frequency).log()
        launch = state.buoyancy_frequency[:, -1:].log()
        return torch.cat([inertia - inertia[:, -1:], launch], dim=-1)

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what the network sees, and the momentum that the few phase speeds leave.

        Returns
        -------
        profiles : (column, azimuth, 3 or 4 inner)  [1]
        of_column : (column, inner + 1)  [1]
        deposits : (column, azimuth, inner)  [Pa]
            Along each azimuth, in the layers from the top to above the launch layer.
        p_half : (column, half_level)  [Pa]
        """
        state, p_half = self._state(x)
        wind = along_azimuths(state.u, state.v, state, self.spectrum)
        # The slowest waves that are left at each level: running maximum upwards.
        slowest = wind.flip(0).cummax(0).values.flip(0).clamp(min=self.spectrum.slowest)
        m_star = 2 * math.pi / self.spectrum.vertical_wavelength
        stability = state.buoyancy_frequency[:, -1, None]
        gone = (m_star * slowest / stability).square().atan() * (2 / math.pi)
        profiles = [wind / WIND_SCALE, (slowest / SPEED_SCALE).log1p() - 0.5, 2 * gone - 1]
        if self.coarse is None:
            deposits = torch.zeros_like(wind)
        else:
            n, launch = self.levels, self.launch
            wind_full = along_azimuths(x[:, :launch], x[:, n : n + launch], state, self.spectrum)
            launched = torch.full_like(p_half[:, 0], self.coarse.launch_flux)
            p_full = full_level_pressure(p_half)
            flux = azimuthal_flux(wind, wind_full, state, p_full, launched, self.coarse)
            deposits = torch.cat([flux[:1], flux.diff(dim=0)])
            relative = (deposits / self.deposit_scale[:, None, None]).clamp(-100.0, 100.0)
            # The signed root, linear where less is left than the round-off of single precision.
            profiles.append(relative * relative.abs().clamp(min=1e-4).rsqrt())
        of_column = (self._column_features(state) - self.column_mean) / self.column_std
        stacked = torch.cat(profiles).permute(1, 2, 0)
        return stacked, of_column, deposits.permute(1, 2, 0), p_half

    def _tendencies(self, deposits: Tensor, p_half: Tensor) -> Tensor:
        """Sum over azimuths; the launch layer gives what the layers above it get."""
        directions = torch.stack(self.spectrum.directions()).to(deposits)
        weight = 2 / directions[0].abs().sum()
        above = weight * torch.einsum("caz,da->cdz", deposits, directions)
        momentum = torch.cat([above, -above.sum(-1, keepdim=True)], dim=-1)
        tendency = GRAVITY * momentum / p_half.diff(dim=-1)[:, None]
        below = (0, self.levels - self.launch)
        return nn.functional.pad(tendency, below).flatten(1)
