"""From what a network finds on the half levels to corrections of fluxes and heating rates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ai4sim.physics.constants import SOLAR_IRRADIANCE
from weather_forecast.bias_correction.io.layout import (
    FLUXES,
    HEATING_RATES,
    LW_BANDS,
    SW_BANDS,
    RadiationLayout,
)
from weather_forecast.bias_correction.nets.features import NamedColumns
from weather_forecast.bias_correction.physics.heating import HEATING

SMOOTHING = 9
"""Levels over which the scale of what a layer does is averaged."""
LEAST_SCALE = 1e-4
"""Smallest scale of a layer, relative to the largest."""
CLOUD = 1e-6
"""Cloud fraction from which a layer counts as cloudy; ecRad takes the same."""


class FreeHead(nn.Module):
    """Each flux and heating rate for itself, whether or not they fit together.

    Attributes
    ----------
    channels : int
        Channels on the half levels that it takes.
    """

    channels = len(FLUXES) + len(HEATING_RATES)
    scale: Tensor

    def __init__(self, layout: RadiationLayout) -> None:
        super().__init__()
        self.layout = layout
        self.register_buffer("scale", torch.ones(layout.output_channels))

    def calibrate(self, columns: NamedColumns, targets: Tensor) -> None:
        """Take the scale of each output from the training set; see :class:`StructuredHead`."""
        for of_one, values in zip(
            self.layout.split_outputs(self.scale[None]).values(),
            self.layout.split_outputs(targets).values(),
            strict=True,
        ):
            of_one.copy_(_scale(values))

    def forward(self, x: Tensor, columns: NamedColumns) -> Tensor:
        """Return corrections (column, output); see :class:`StructuredHead`."""
        return by_output(x) * self.scale


class StructuredHead(nn.Module):
    """Predict what is free, derive the rest.

    Free are, per layer, by how much the correction of the downward flux changes across it, and the
    radiation that it absorbs; these are linear outputs of either sign. From the top, where no
    correction comes in, the downward flux is their sum. The surface reflects it with a learned mean
    of its albedos, respectively one minus emissivities. From there upward the net flux is the
    surface's plus what the layers absorb, and the upward flux is what makes the net flux. Hence,
    whatever the weights:

    - heating rates and fluxes fit together, ``hr = -(g / cp) dF_net / dp``;
    - the downward corrections are 0 at the top, the short-wave ones 0 everywhere at night and
      proportional to the irradiance of the sun, all are 0 in columns without clouds;
    - the surface reflects within the range of its albedos.

    Of the last one only a grey surface makes a law: where the albedo depends on the wavelength, the
    correction of the reflected spectrum can be outside the range by itself.

    Parameters
    ----------
    layout : RadiationLayout

    Attributes
    ----------
    channels : int
        Channels on the half levels that it takes; those of the last one, the surface, are not used.
    """

    channels = 4
    scale: Tensor

    def __init__(self, layout: RadiationLayout) -> None:
        super().__init__()
        self.layout = layout
        self.albedo_weights = nn.Parameter(torch.zeros(2 * SW_BANDS))
        self.emissivity_weights = nn.Parameter(torch.zeros(LW_BANDS))
        self.register_buffer("scale", torch.ones(self.channels, layout.levels))

    def calibrate(self, columns: NamedColumns, targets: Tensor) -> None:
        """Take the scale of each layer from the training set.

        Parameters
        ----------
        columns : mapping of str to Tensor
            See :meth:`weather_forecast.bias_correction.io.layout.RadiationLayout.split_inputs`.
        targets : (column, output)  [W/m2], [K/day]
        """
        parts = self.layout.split_outputs(targets)
        per_heating = columns["pressure_hl"].diff(dim=-1) / HEATING
        sun = incoming(columns)[:, None]
        # As little sun as makes no sense of a ratio counts as none.
        per_sun = torch.where(sun > 0.02, 1 / sun.clamp(min=0.02), 0.0)
        layers = [
            parts["flux_dn_sw"].diff(dim=-1) * per_sun,
            parts["hr_sw"] * per_heating * per_sun,
            parts["flux_dn_lw"].diff(dim=-1),
            parts["hr_lw"] * per_heating,
        ]
        self.scale.copy_(torch.stack([_scale(values) for values in layers]))

    def forward(self, x: Tensor, columns: NamedColumns) -> Tensor:
        """Return the corrections.

        Parameters
        ----------
        x : (column, channels, half_level)
        columns : mapping of str to Tensor
            See :meth:`weather_forecast.bias_correction.io.layout.RadiationLayout.split_inputs`.

        Returns
        -------
        (column, output)  [W/m2], [K/day]
            As :attr:`weather_forecast.bias_correction.io.layout.RadiationLayout.outputs` says.
        """
        cloudy = (columns["cloud_fraction"] > CLOUD).any(-1).to(x)
        layers = x[..., :-1] * self.scale
        albedo, emissivity = self.surface(columns)
        thickness = columns["pressure_hl"].diff(dim=-1)
        sw = layers[:, :2] * (cloudy * incoming(columns))[:, None, None]
        lw = layers[:, 2:] * cloudy[:, None, None]
        fluxes = [*_fluxes(sw, albedo), *_fluxes(lw, 1 - emissivity)]
        # From what the layers absorb, not from the rounded fluxes: across the thin layers at the
        # top the net flux changes by less than the last digit of a flux.
        heating = [HEATING * part[:, 1] / thickness for part in (sw, lw)]
        return torch.cat([*fluxes, *heating], dim=1)

    def surface(self, columns: NamedColumns) -> tuple[Tensor, Tensor]:
        """Return albedo and emissivity of the surface for the corrections, (column,) each."""
        kinds = ("sw_albedo", "sw_albedo_direct")
        albedos = [columns[f"{k}_{band}"] for k in kinds for band in range(1, SW_BANDS + 1)]
        emissivities = [columns[f"lw_emissivity_{band}"] for band in range(1, LW_BANDS + 1)]
        return (
            torch.stack(albedos, -1) @ self.albedo_weights.softmax(0),
            torch.stack(emissivities, -1) @ self.emissivity_weights.softmax(0),
        )


def by_output(x: Tensor) -> Tensor:
    """Arrange a channel for each flux and heating rate, (column, 6, half_level), as outputs."""
    fluxes, rates = x.split([len(FLUXES), len(HEATING_RATES)], dim=1)
    return torch.cat([fluxes.flatten(1), rates[..., :-1].flatten(1)], dim=1)


def incoming(columns: NamedColumns) -> Tensor:
    """Return the sunlight on the top of each column, in units of overhead sun; 0 at night."""
    sun = columns["cos_solar_zenith_angle"].clamp(min=0) * columns["solar_irradiance"]
    return sun / SOLAR_IRRADIANCE


def _fluxes(layers: Tensor, reflectance: Tensor) -> tuple[Tensor, Tensor]:
    """Return downward and upward flux of what the layers do, ``layers : (column, 2, level)``."""
    dn = functional.pad(layers[:, 0].cumsum(-1), (1, 0))
    absorbed = functional.pad(layers[:, 1].flip(-1).cumsum(-1).flip(-1), (0, 1))
    net = (1 - reflectance)[:, None] * dn[:, -1:] + absorbed
    return dn, dn - net


def _scale(values: Tensor) -> Tensor:
    """Return the typical size of each level, ``values : (column, level)``, smooth along levels."""
    size = 2 * values.abs().mean(0)
    smooth = functional.avg_pool1d(
        size[None], SMOOTHING, 1, SMOOTHING // 2, count_include_pad=False
    )[0]
    return smooth.clamp(min=LEAST_SCALE * float(smooth.max()))
