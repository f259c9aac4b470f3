"""The scheme of non-orographic drag with a few phase speeds, whose places and weights are learned.

A hundred phase speeds are a fine quadrature of the launch spectrum. With eight, most of the error
comes from the quadrature: critical levels and saturation see the spectrum in steps. No formula
gives the best steps for the columns of an atmosphere. They are sixteen numbers, which gradient
descent finds through the scheme itself. The result is the scheme, with all that it keeps: the
momentum of a column, Galilean invariance, turned and mirrored columns, linearity in the launch
flux.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ai4sim.normalization import full_precision
from weather_forecast.gwd.physics.learned import LearnedSpectrum
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, few_speeds, nonorographic_drag


class _Trained(WaveSpectrum):
    """A spectrum in training: its phase speeds and weights are tensors with gradients."""

    differentiable = True
    given: tuple[Tensor, Tensor]

    def quadrature(self) -> tuple[Tensor, Tensor]:
        return self.given


class SpectrumNet(nn.Module):
    """Columns (column, 3 levels + 2) to tendencies (column, 2 levels), in units of `output_scale`.

    Inputs are in physical units: u, v [m/s], T [K], surface pressure [Pa] and the geopotential of
    the lowest level, which does not matter. The launch flux is that far from the equator.

    Without gradients, plain tensors on a CPU take the compiled loops of the scheme.

    Parameters
    ----------
    levels : int
        The number of full levels of the columns, at least down to the launch level.
    table : str
        The vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.
    azimuths : int
        The number of directions.
    phase_speeds : int
        The number of phase speeds.
    """

    output_scale: Tensor

    def __init__(
        self, levels: int = 63, table: str = "L91", azimuths: int = 16, phase_speeds: int = 8
    ) -> None:
        super().__init__()
        self.levels, self.table, self.azimuths = levels, table, azimuths
        speeds, weights = few_speeds(azimuths, phase_speeds).quadrature()
        # In this form speeds stay in order and weights positive, whatever the steps of training.
        self.fastest = nn.Parameter(speeds[0].log().float())
        self.steps = nn.Parameter((speeds[:-1] / speeds[1:]).log().log().float())
        self.weights = nn.Parameter(weights.log().float())
        self.register_buffer("output_scale", torch.ones(2 * levels))
        WaveSpectrum().launch_level(levels, table)

    def calibrate(self, columns: Tensor, output_scale: Tensor) -> None:
        """Take the unit of the output.

        Parameters
        ----------
        columns : (column, 3 levels + 2)
            Not needed.
        output_scale : (2 levels,)  [m/s2]
            Standard deviation of each tendency.
        """
        self.output_scale.copy_(output_scale)

    def quadrature(self) -> tuple[Tensor, Tensor]:
        """Return phase speeds, from the fastest on, and weights [m/s], each (phase_speed,)."""
        slower = self.steps.double().exp().cumsum(0)
        logarithms = self.fastest.double() - torch.cat([slower.new_zeros(1), slower])
        return logarithms.exp(), self.weights.double().exp()

    @property
    def spectrum(self) -> LearnedSpectrum:
        """The spectrum as it is now."""
        speeds, weights = (tuple(x.tolist()) for x in self.quadrature())
        return LearnedSpectrum(
            azimuths=self.azimuths, phase_speeds=len(speeds), speeds=speeds, weights=weights
        )

    @property
    def _learns(self) -> bool:
        return torch.is_grad_enabled() and self.weights.requires_grad

    def forward(self, x: Tensor) -> Tensor:
        """Predict the tendencies of ``x : (column, 3 levels + 2)``, divided by `output_scale`."""
        n = self.levels
        with torch.autocast(x.device.type, enabled=False):
            x = full_precision(x)
            differentiable = self._learns or torch.compiler.is_compiling()
            if differentiable:
                spectrum: WaveSpectrum = _Trained(self.azimuths, len(self.weights))
                object.__setattr__(spectrum, "given", self.quadrature())
            else:
                spectrum = self.spectrum
            # Without the dip at the equator: the launch factor of a latitude is the output scale.
            anywhere = torch.full_like(x[:, 3 * n], torch.inf)
            u, v, temperature = (x[:, i * n : (i + 1) * n] for i in range(3))
            drag = nonorographic_drag(
                u,
                v,
                temperature,
                x[:, 3 * n],
                anywhere,
                spectrum,
                table=self.table,
                chunk=None if differentiable else 64,
            )
            tendencies = torch.cat([drag.u_tendency, drag.v_tendency], dim=-1)
            return tendencies / self.output_scale
