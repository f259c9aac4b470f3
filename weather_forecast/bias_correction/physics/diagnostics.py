"""What a correction of fluxes and heating rates must agree with: itself, its surface, its sun.

Everything here is a number per column, of the labels as well as of a prediction, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY
from weather_forecast.bias_correction.io.layout import FLUXES, LW_BANDS, SW_BANDS
from weather_forecast.bias_correction.physics.heating import HEATING, heating_rate

WAVES = ("sw", "lw")
TROPOPAUSE_LAPSE = 2e-3
"""Decrease of temperature with height [K/m] that ends at the tropopause (WMO 1957)."""
TROPOPAUSE_DEPTH = 2e3
"""Depth [m] of the air above, that must not be less stable on average."""
TROPOPAUSE_RANGE = (7.5e3, 5.5e4)
"""Pressures [Pa] between which it is looked for (Reichler, Dameris & Sausen 2003)."""
USUAL_TROPOPAUSE = 1.5e4
"""Pressure [Pa] where a column has none."""
LOW_CLOUD, HIGH_CLOUD = 6.8e4, 4.4e4
"""Pressures [Pa] below which, in height, clouds are low and above which they are high (ISCCP;
Rossow & Schiffer 1999)."""
GREY = 1e-6
"""Difference up to which albedos or emissivities of bands count as equal."""
ALBEDO_MARGIN = 1e-3
"""By how much the reflected share may leave the range of the albedos, for rounding."""
LEAST_SUN = 1.0
"""Flux at the surface [W/m2] below which its reflected share says nothing."""
NEGATIVE_LW = -5e-3
"""Long-wave effect [W/m2] below which it counts as negative; that of columns without cloud is
rounding of single precision."""


def pressure_thickness(columns: Mapping[str, Tensor]) -> Tensor:
    """Return the pressure across each layer, (column, level) [Pa]."""
    return columns["pressure_hl"].double().diff(dim=-1)


def tropopause(temperature_hl: Tensor, pressure_hl: Tensor) -> Tensor:
    """Find the lapse-rate tropopause of each column.

    The lowest half level at which the lapse rate falls to 2 K/km or less, provided that between
    it and any half level within 2 km above it is no larger on average (WMO 1957). Heights are
    those of dry air in hydrostatic balance.

    Parameters
    ----------
    temperature_hl : (column, half_level)  [K]
    pressure_hl : (column, half_level)  [Pa]
        Increasing, may begin with 0.

    Returns
    -------
    (column,)
        Index of a half level. Where there is none between 75 and 550 hPa, the one that is nearest
        to 150 hPa.
    """
    temperature, pressure = temperature_hl.double(), pressure_hl.double()
    low, high = TROPOPAUSE_RANGE
    # A search over pairs: leave out what is far above, but keep the 2 km over the last candidate.
    first = int((pressure > low / 2).any(0).long().argmax())
    temperature = temperature[:, first:]
    log_p = pressure[:, first:].clamp(min=1e-3).log()
    layer = (temperature[:, 1:] + temperature[:, :-1]) / 2 * log_p.diff(dim=-1)
    depth = torch.nn.functional.pad(layer.cumsum(-1), (1, 0)) * (GAS_CONSTANT / GRAVITY)
    # One level minus another of this has the sign of (2 K/km - lapse rate) between them.
    potential = temperature - TROPOPAUSE_LAPSE * depth
    level = torch.arange(depth.shape[1], device=depth.device)
    gap = level[:, None] - level  # (level, level above it)
    near = (gap > 0) & (depth[:, :, None] - depth[:, None] <= TROPOPAUSE_DEPTH)
    near |= gap == 1  # however thick the layer
    stable = (potential[:, None] >= potential[:, :, None]) | ~near
    inside = (log_p.exp() >= low) & (log_p.exp() <= high)
    inside[:, 0] = False
    found = stable.all(-1) & inside
    lowest = found.shape[1] - 1 - found.flip(-1).long().argmax(-1)
    usual = (log_p - math.log(USUAL_TROPOPAUSE)).abs().argmin(-1)
    return first + torch.where(found.any(-1), lowest, usual)


def cloud_amounts(columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the largest cloud fraction of each column: of low, of high and of all clouds."""
    pressure = columns["pressure_hl"]
    middle = (pressure[:, 1:] + pressure[:, :-1]) / 2
    cloud = columns["cloud_fraction"]
    return {
        "low": cloud.where(middle > LOW_CLOUD, 0.0).amax(-1),
        "high": cloud.where(middle < HIGH_CLOUD, 0.0).amax(-1),
        "all": cloud.amax(-1),
    }


def consistency(
    outputs: Mapping[str, Tensor], columns: Mapping[str, Tensor], tripleclouds: Tensor | None = None
) -> dict[str, Tensor]:
    """Return how far corrections are from what must hold, NaN where a rule says nothing.

    Parameters
    ----------
    outputs : name -> (column, level)
        As :meth:`~weather_forecast.bias_correction.io.layout.RadiationLayout.split_outputs` gives,
        float64.
    columns : name -> (column, level) or (column,)
        As :meth:`~weather_forecast.bias_correction.io.layout.RadiationLayout.split_inputs` gives.
    tripleclouds : (column, 4 half_level), optional  [W/m2]
        Absolute fluxes without the correction; NaN where they are not known.

    Returns
    -------
    name -> (column,) or (column, n)

        ``heating_residual``
            Heating rate minus that of the fluxes, ``|hr + g/cp d(F_dn - F_up)/dp|`` [K/day].
        ``absorption_residual``
            The same as a flux that a layer absorbs, ``dp cp/g`` of it [W/m2].
        ``budget_residual``
            ``|sum_k hr_k dp_k cp/g - (net at the top - net at the surface)|`` [W/m2].
        ``toa_flux_dn``
            Size of the downward corrections at the top of the atmosphere [W/m2].
        ``night_sw``
            Size of short-wave corrections with the sun at or under the horizon [W/m2, K/day].
        ``clear_sw``, ``clear_lw``
            Size of flux corrections of columns without cloud [W/m2].
        ``surface_lw_residual``
            ``|F_up - (1 - emissivity) F_dn|`` over grey surfaces [W/m2].
        ``surface_sw_residual``
            ``|F_up - albedo F_dn|`` over grey surfaces [W/m2].
        ``albedo_violation``
            1 where the share of the corrected absolute flux that is reflected is outside of the
            range of the albedos.
        ``negative_lw``
            1 where the surface gets less long-wave radiation than without the correction: 3-D
            effects are hardly ever of that sign.
    """
    thickness = pressure_thickness(columns)
    pressure = columns["pressure_hl"].double()
    cloudless = ~(columns["cloud_fraction"] > 0).any(-1)
    night = columns["cos_solar_zenith_angle"] <= 0
    residual, budget = [], []
    for wave in WAVES:
        down, up, heating = (outputs[f"{n}_{wave}"] for n in ("flux_dn", "flux_up", "hr"))
        residual.append(heating - heating_rate(down, up, pressure))
        net = down - up
        absorbed = (heating * thickness).sum(-1) / HEATING
        budget.append(absorbed - (net[:, 0] - net[:, -1]))
    heating_residual = torch.stack(residual, dim=1).abs()
    found = {
        "heating_residual": heating_residual.flatten(1),
        "absorption_residual": (heating_residual * thickness[:, None] / HEATING).flatten(1),
        "budget_residual": torch.stack(budget, dim=1).abs(),
        "toa_flux_dn": torch.stack([outputs[f"flux_dn_{w}"][:, 0] for w in WAVES], 1).abs(),
        "night_sw": _where(
            night, torch.cat([outputs[n] for n in ("flux_dn_sw", "flux_up_sw", "hr_sw")], 1).abs()
        ),
    }
    surface = {name: outputs[name][:, -1] for name in FLUXES}
    for wave in WAVES:
        fluxes = torch.cat([outputs[f"flux_dn_{wave}"], outputs[f"flux_up_{wave}"]], dim=1)
        found[f"clear_{wave}"] = _where(cloudless, fluxes.abs())
    emissivity = _bands(columns, "lw_emissivity", LW_BANDS)
    albedo = torch.cat(
        [_bands(columns, name, SW_BANDS) for name in ("sw_albedo", "sw_albedo_direct")], dim=1
    )
    for wave, reflectivity in (("lw", 1 - emissivity), ("sw", albedo)):
        least, most = reflectivity.aminmax(dim=1)
        reflected = surface[f"flux_up_{wave}"] - least * surface[f"flux_dn_{wave}"]
        found[f"surface_{wave}_residual"] = _where(most - least <= GREY, reflected.abs())
    found["negative_lw"] = (surface["flux_dn_lw"] < NEGATIVE_LW).double()
    found["albedo_violation"] = torch.full_like(found["negative_lw"], torch.nan)
    if tripleclouds is not None:
        absolute_dn, absolute_up = (
            flux[:, -1] + surface[name]
            for name, flux in zip(FLUXES[:2], tripleclouds.double().chunk(4, dim=-1), strict=False)
        )
        ratio = absolute_up / absolute_dn
        least, most = albedo.aminmax(dim=1)
        outside = (ratio < least - ALBEDO_MARGIN) | (ratio > most + ALBEDO_MARGIN)
        lit = ~night & ((absolute_dn - surface["flux_dn_sw"]) > LEAST_SUN)
        found["albedo_violation"] = _where(lit, outside.double())
    return found


def _bands(columns: Mapping[str, Tensor], name: str, bands: int) -> Tensor:
    """Stack the bands of a surface property, (column, band)."""
    return torch.stack([columns[f"{name}_{band}"].double() for band in range(1, bands + 1)], dim=1)


def _where(chosen: Tensor, values: Tensor) -> Tensor:
    """Return values of chosen columns, NaN of the others."""
    return values.where(chosen.reshape(-1, *[1] * (values.ndim - 1)), torch.nan)
