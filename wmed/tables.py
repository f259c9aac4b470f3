"""The metrics that the fluxes are judged by, formed of the sums of an evaluation.

Metrics of the model and of each baseline, ``<quantity>_<metric>``. Quantities:

``tau_x``, ``tau_y``  [N/m2]
    The stress on u and on v points. ``tau`` is both together: the RMSE is that of the vector.
``heat``, ``shortwave``, ``longwave``, ``latent``, ``sensible``  [W/m2]
    On rho points, positive into the sea; ``non_solar`` is heat minus short wave, each with its
    own. The turn of day and night, which is known, dominates the others.
``stress_curl``  [N/m3]
    On the corners where four wet cells meet (psi points).

Metrics:

``r2``, ``rmse``, ``mae``, ``bias``
    The R2 of all points at once, around their one mean.

Of each model, and under ``target`` of the labels:

``stress_angle_mae``, ``stress_angle_bias``  [degree]
    Turning of the stress at rho points with four wet faces, weighted by the stress of the target;
    anticlockwise is positive.
``wind_work``  [W/m2]
    What the wind does to the currents: the mean of ``tau_x u`` over u points plus the mean of
    ``tau_y v`` over v points. ``wind_work_error`` is how much too large it is [%].
``s_tau``  [N s/m3]
    Stress-current coupling coefficient (Renault et al. 2016, 2017): the slope of the regression of
    the curl of the stress on the vorticity of the current, over all psi points and times. Of
    both, the mesoscale anomaly is taken at each time: what is left after a Gaussian smoothing over
    the sea of cutoff wavelength 250 km. It is negative; ``s_tau_error`` is by how much it is too
    strong [%].

What does not exist, the R2 of a constant target or a flux that a baseline does not give, is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import plain_number, plain_numbers
from wmed.excerpts import MODEL, TARGET
from wmed.io.layout import HEAT
from wmed.physics.stress_coupling import WIND_CLASSES, Sums, coupling_coefficient, metrics_of

if TYPE_CHECKING:
    from wmed.evaluation import FluxEvaluation

QUANTITIES = ("tau_x", "tau_y", *HEAT, "non_solar", "stress_curl")
"""Quantities with all metrics."""
METRICS = ("r2", "rmse", "mae", "bias")
HEADLINE = (
    "tau_x_r2",
    "tau_y_r2",
    "heat_r2",
    "non_solar_r2",
    "tau_rmse",
    "heat_rmse",
    "non_solar_rmse",
    "stress_curl_r2",
    "s_tau_error",
    "wind_work_error",
)
"""Metrics to read first."""


def table(evaluation: FluxEvaluation, files: Sequence[str]) -> dict[str, Any]:
    """Return the metrics of some files.

    Returns
    -------
    dict
        ``{"model": {metric: value}, "baselines": {name: {metric: value}}, "target": {metric:
        value}}``.
    """
    models = {name: _metrics(evaluation, name, files) for name in evaluation.names}
    s_tau = _coefficient(evaluation, TARGET, files)
    target = {
        "times": sum(evaluation.times[file] for file in files),
        "s_tau": _plain(s_tau),
        "wind_work": _plain(_work(evaluation, MODEL, files, "target")),
    }
    return {MODEL: models.pop(MODEL), "baselines": models, TARGET: target}


def _metrics(
    evaluation: FluxEvaluation, name: str, files: Sequence[str]
) -> dict[str, float | None]:
    """Form all metrics of one model."""
    total = {
        quantity: {key: value.sum() for key, value in sums.items()}
        for quantity in (*QUANTITIES, "stress_angle")
        if (sums := evaluation.classes(name, quantity, files))
    }
    found: dict[str, float | None] = {}
    for quantity in QUANTITIES:
        values = metrics_of(total[quantity]) if quantity in total else {}
        for metric in METRICS:
            found[f"{quantity}_{metric}"] = _plain(values.get(metric))
    found |= _of_vector(total)
    angle = metrics_of(total["stress_angle"]) if "stress_angle" in total else {}
    for metric in ("mae", "bias"):
        found[f"stress_angle_{metric}"] = _plain(angle.get(metric))
    work = {of: _work(evaluation, name, files, of) for of in ("predicted", "target")}
    slope = {of: _coefficient(evaluation, of, files) for of in (name, TARGET)}
    found["wind_work"], found["s_tau"] = _plain(work["predicted"]), _plain(slope[name])
    found["wind_work_error"] = _excess(work["predicted"], work["target"])
    found["s_tau_error"] = _excess(slope[name], slope[TARGET])
    return found


def _work(evaluation: FluxEvaluation, name: str, files: Sequence[str], of: str) -> float:
    """Return the wind work [W/m2] of what a model predicts, or of its "target"."""
    work = 0.0
    for axis in "xy":
        sums = evaluation.classes(name, f"work_{axis}", files)
        if not sums:
            return math.nan
        value = sums["target"] + (sums["error"] if of == "predicted" else 0.0)
        work += float(value.sum() / sums["weight"].sum())
    return work


def _coefficient(evaluation: FluxEvaluation, name: str, files: Sequence[str]) -> float:
    """Return s_tau of a model or of the labels."""
    sums = evaluation.vorticity_sums(name, files)
    return coupling_coefficient(sums) if sums else math.nan


def by_wind(evaluation: FluxEvaluation) -> dict[str, Any]:
    """Return the metrics by class of wind.

    Returns
    -------
    dict
        ``{"coordinate": {"name", "units", "values"}, "points": {quantity: values}, metric:
        {quantity: {name: values}}}``, a value per class of wind.
    """
    found: dict[str, Any] = {
        "coordinate": {
            "name": "relative wind speed",
            "units": "m/s",
            "values": list(WIND_CLASSES),
        },
        "points": {},
        **{metric: {} for metric in METRICS},
    }
    for quantity in QUANTITIES:
        sums = {name: evaluation.classes(name, quantity) for name in evaluation.names}
        if not sums[MODEL]:
            continue
        found["points"][quantity] = [int(n) for n in sums[MODEL]["weight"]]
        values = {name: metrics_of(part) for name, part in sums.items() if part}
        for metric in METRICS:
            found[metric][quantity] = {name: plain_numbers(values[name][metric]) for name in values}
    return found


def _of_vector(total: Mapping[str, Sums]) -> dict[str, float | None]:
    """Return R2 and RMSE of both components of the stress as one.

    They lie on different points: each counts by its mean, the R2 relative to both variances.
    """
    if not {"tau_x", "tau_y"} <= total.keys():
        return {"tau_r2": None, "tau_rmse": None}
    parts = [total["tau_x"], total["tau_y"]]
    mse = sum(part["error2"] / part["weight"] for part in parts)
    variance = sum(
        part["target2"] / part["weight"] - (part["target"] / part["weight"]).square()
        for part in parts
    )
    r2 = 1 - mse / variance if variance > 0 else None
    return {"tau_r2": _plain(r2), "tau_rmse": _plain(torch.as_tensor(mse).sqrt())}


def _excess(value: float, truth: float) -> float | None:
    """Return by how much a value is larger than it should be [%]."""
    return _plain(100 * (value / truth - 1)) if truth else None


def _plain(value: Tensor | float | None) -> float | None:
    """Return a number for JSON, None where there is none."""
    return None if value is None else plain_number(torch.as_tensor(value, dtype=torch.float64))
