"""Weighted sums of targets and errors that add up over batches, and the metrics they hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES

ZENITH_STEP = 10.0
"""Width [degrees] of the bins of solar zenith angle; the last is night."""
ZENITH_BINS = 10
NEGLIGIBLE = 1e-6
"""Standard deviation of a target [W/m2, K/day] up to which it counts as constant: there is nothing
but rounding in downward corrections at the top."""

Sums = dict[str, Tensor]


def quantities(outputs: Mapping[str, Tensor], lapse: Tensor) -> dict[str, Tensor]:
    """Return what of the outputs is judged.

    Parameters
    ----------
    outputs : name -> (column, level)
        As :meth:`~weather_forecast.bias_correction.io.layout.RadiationLayout.split_outputs` gives.
    lapse : (column,)
        Half level of the tropopause.

    Returns
    -------
    quantity -> (column, level)
        Those of :mod:`weather_forecast.bias_correction.evaluation`; (column, 1) at surface, top
        and tropopause.
    """
    fluxes = {name: outputs[name] for name in FLUXES}
    down, up = (fluxes[f"{name}_sw"] + fluxes[f"{name}_lw"] for name in ("flux_dn", "flux_up"))
    return {
        **outputs,
        **{f"{name}_by_mass": outputs[name] for name in HEATING_RATES},
        **{f"surface_{name}": flux[:, -1:] for name, flux in fluxes.items()},
        **{f"toa_{name}": flux[:, :1] for name, flux in fluxes.items() if "up" in name},
        "toa_net": (down - up)[:, :1],
        **{f"tropopause_{n}": flux.gather(1, lapse[:, None]) for n, flux in fluxes.items()},
    }


def zenith_bin(cos_solar_zenith_angle: Tensor) -> Tensor:
    """Return the bin of the solar zenith angle; the last, 90 degrees and more, is night."""
    cosine = cos_solar_zenith_angle.double()
    angle = cosine.clamp(-1, 1).arccos().rad2deg()
    day = (angle / ZENITH_STEP).floor().clamp(0, ZENITH_BINS - 2)
    return day.where(cosine > 0, ZENITH_BINS - 1).long()


def weighted_sums(target: Tensor, predicted: Tensor, weight: Tensor) -> Sums:
    """Sum over columns, (column, level) -> (level,)."""
    error = predicted - target
    return {
        "weight": weight.sum(0),
        "target": (weight * target).sum(0),
        "target2": (weight * target.square()).sum(0),
        "error": (weight * error).sum(0),
        "error2": (weight * error.square()).sum(0),
        "abs_error": (weight * error.abs()).sum(0),
        "magnitude": (weight * target.abs()).sum(0),
    }


def sums_by(bins: Tensor, target: Tensor, predicted: Tensor) -> Sums:
    """Sum over the columns of each bin, (column, value) -> (bin, value)."""
    error = predicted - target

    def by_bin(values: Tensor) -> Tensor:
        return values.new_zeros(ZENITH_BINS, values.shape[1]).index_add_(0, bins, values)

    return {
        "count": by_bin(torch.ones_like(target)),
        "target": by_bin(target),
        "error": by_bin(error),
        "abs_error": by_bin(error.abs()),
        "magnitude": by_bin(target.abs()),
    }


def summed_residuals(found: Mapping[str, Tensor]) -> Sums:
    """Sum up residuals over columns and levels, those that are NaN left out."""
    sums = {}
    for name, values in found.items():
        known = ~values.isnan()
        sums[f"{name}_sum"] = values.nansum()
        sums[f"{name}_count"] = known.sum().double()
        sums[f"{name}_max"] = values.where(known, -torch.inf).max()
    return sums


def metrics_of(sums: Mapping[str, Tensor]) -> Sums:
    """Form MAE, RMSE, bias, R2 and the magnitude of the target; the R2 of a constant is NaN."""
    weight, target, target2 = sums["weight"], sums["target"], sums["target2"]
    variation = target2 - target.square() / weight
    varies = (variation > 1e-12 * target2) & (variation > NEGLIGIBLE**2 * weight)
    r2 = 1 - sums["error2"] / variation
    return {
        "mae": sums["abs_error"] / weight,
        "rmse": (sums["error2"] / weight).sqrt(),
        "bias": sums["error"] / weight,
        "r2": r2.where(varies, torch.nan),
        "magnitude": sums["magnitude"] / weight,
    }


def add(total: Sums, part: Mapping[str, Tensor]) -> None:
    """Add sums to sums, on the host; of what ends in "_max" the larger is kept."""
    for name, value in part.items():
        here = value.cpu()
        if name not in total:
            total[name] = here
        elif name.endswith("_max"):
            total[name] = torch.maximum(total[name], here)
        else:
            total[name] = total[name] + here
