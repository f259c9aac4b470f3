"""The metrics that the fluxes are judged by, of sums that add up over batches and processes.

Only sums over points are kept, by event and by class of wind. Each quantity is compared where its
file has it; land has no point and counts nowhere.

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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import (
    MODEL,
    TARGET,
    Sums,
    add,
    added,
    error_sums,
    metrics_along,
    metrics_of,
    plain_number,
    pooled,
    require_finite,
    require_model,
    target_variance,
)
from wmed.excerpts import Conditions, Excerpts
from wmed.io.layout import HEAT, NEEDED, points_of
from wmed.nets.coupler import NamedFluxes
from wmed.physics.stress_coupling import (
    PsiPoints,
    coupling_coefficient,
    coupling_sums,
    turning,
)

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
POINTS = {"work_x": "u", "work_y": "v", "stress_curl": "psi"}
"""Points of quantities that are no fluxes."""
WIND_EDGES = (0.0, 2.0, 5.0, 8.0, 11.0, 14.0, 17.0)
"""Lower bounds of the classes of relative wind [m/s], about every other Beaufort number; a wind on
a bound belongs to the class above it, and the last class is open."""
WIND_CLASSES = (
    *(f"{low:g}-{high:g}" for low, high in zip(WIND_EDGES[:-1], WIND_EDGES[1:], strict=True)),
    f"{WIND_EDGES[-1]:g}+",
)
"""Names of the classes."""


def wind_class(speed: Tensor) -> Tensor:
    """Return the index in :data:`WIND_CLASSES` of a wind speed [m/s], of any shape."""
    edges = torch.tensor(WIND_EDGES[1:], dtype=speed.dtype, device=speed.device)
    return torch.bucketize(speed.contiguous(), edges, right=True)


class FluxEvaluation:
    """Sums of a model and its baselines over a test set.

    Attributes
    ----------
    sums : event -> (model, quantity) -> sums
        By class of wind, see :func:`ai4sim.evaluation.scores.error_sums`. The ``coupling`` of each
        model and of the labels is by bin of the vorticity, see
        :func:`~wmed.physics.stress_coupling.coupling_sums`.
    times : event -> number of times
    excerpts : Excerpts
        The data of the figures.
    """

    def __init__(self) -> None:
        self.sums: dict[str, dict[tuple[str, str], Sums]] = {}
        self.times: Counter[str] = Counter()
        self.excerpts = Excerpts()
        self._psi: dict[str, PsiPoints] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again."""
        return {**vars(self), "_psi": {}}

    def update(
        self, at: Conditions, targets: NamedFluxes, predictions: Mapping[str, NamedFluxes]
    ) -> None:
        """Take in some times of an event.

        Parameters
        ----------
        at : Conditions
        targets : name -> (time, point)
            ``tau_x`` (time, u), ``tau_y`` (time, v) and ``heat`` (time, rho); the parts of the heat
            (time, rho) where they are known, NaN elsewhere.
        predictions : name -> name -> (time, point)
            The network is called "model". A baseline may lack some of the fluxes.

        Raises
        ------
        ValueError
            No "model" among the predictions, a stress or the heat missing among the targets, shapes
            that do not fit, NaN or infinite values.
        """
        _check(at, targets, predictions)
        if not len(at.time):
            return
        psi = self._psi_points(at)
        fields = {
            name: _with_derived(fluxes, at, psi)
            for name, fluxes in {TARGET: targets, **predictions}.items()
        }
        classes, wet = _wind_classes(at, psi), (at.graph.rho_faces >= 0).all(dim=-1)
        vorticity = psi.anomaly(psi.curl(at.current_u, at.current_v))
        truth = fields[TARGET]
        for name, guess in fields.items():
            found = {}
            if "stress_curl" in guess:
                found["coupling"] = coupling_sums(vorticity, psi.anomaly(guess["stress_curl"]))
            for quantity in (*QUANTITIES, "work_x", "work_y") if name != TARGET else ():
                if quantity in truth and quantity in guess:
                    of_points = classes[POINTS.get(quantity, points_of(quantity))]
                    found[quantity] = _by_class(truth[quantity], guess[quantity], of_points)
            if name != TARGET and "tau" in guess:
                stress, other = ((f["stress_x"], f["stress_y"]) for f in (truth, guess))
                angle, size = turning(stress, other)
                none = torch.zeros_like(angle)
                found["stress_angle"] = _by_class(none, angle, classes["rho"], size * wet)
            part = {(name, quantity): sums for quantity, sums in found.items()}
            add(self.sums, {at.event: part})
        self.times[at.event] += len(at.time)
        self.excerpts.update(at, fields)

    def _psi_points(self, at: Conditions) -> PsiPoints:
        """Return the psi points of a grid, found once."""
        key, device = at.grid.fingerprint, at.wind_x.device
        if key not in self._psi:
            self._psi[key] = PsiPoints.of(at.grid.sea, at.grid.dx, at.grid.dy)
        if self._psi[key].index.device != device:
            self._psi[key] = self._psi[key].to(device)
        return self._psi[key]

    def merge(self, other: FluxEvaluation) -> None:
        """Take in what another process evaluated, of other times."""
        add(self.sums, other.sums)
        self.times.update(other.times)
        self.excerpts.merge(other.excerpts)

    # ---- what the sums say ----------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Baselines and, last, the model."""
        every = {name for parts in self.sums.values() for name, _ in parts}
        return [*sorted(every - {MODEL, TARGET}), MODEL]

    def total(self, name: str, quantity: str, events: Iterable[str] | None = None) -> Sums:
        """Return the sums of a quantity over some events; none where it is not known."""
        chosen = self.sums if events is None else events
        return added(self.sums[event].get((name, quantity), {}) for event in chosen)

    def s_tau(self, name: str, events: Iterable[str] | None = None) -> float:
        """Return the coupling coefficient [N s/m3] of a model or of the labels."""
        sums = self.total(name, "coupling", events)
        return coupling_coefficient(sums) if sums else math.nan

    def metrics(self) -> dict[str, Any]:
        """Form the metrics of all events, of each of them and by wind.

        Returns
        -------
        dict
            ``{"model": {metric: value}, "baselines": {name: {metric: value}}, "target": {metric:
            value}, "cases": {event: the same}, "by_wind": {"coordinate": {"name", "units",
            "values"}, "points": {quantity: values}, metric: {quantity: {name: values}}}}``

        Raises
        ------
        ValueError
            Nothing has been evaluated.
        """
        if not self.sums:
            raise ValueError("no file has been evaluated")
        events = sorted(self.sums)
        return {
            **self._table(events),
            "cases": {event: self._table([event]) for event in events},
            "by_wind": self._by_wind(),
        }

    def _table(self, events: Sequence[str]) -> dict[str, Any]:
        """Return the metrics of some events."""
        models = {name: self._metrics(name, events) for name in self.names}
        target = {
            "times": sum(self.times[event] for event in events),
            "s_tau": _plain(self.s_tau(TARGET, events)),
            "wind_work": _plain(self._work(MODEL, events, of=TARGET)),
        }
        return {MODEL: models.pop(MODEL), "baselines": models, TARGET: target}

    def _metrics(self, name: str, events: Sequence[str]) -> dict[str, float | None]:
        """Form all metrics of one model."""
        total = {
            quantity: pooled(sums)
            for quantity in (*QUANTITIES, "stress_angle")
            if (sums := self.total(name, quantity, events))
        }
        values = {quantity: metrics_of(sums) for quantity, sums in total.items()}
        if {"tau_x", "tau_y"} <= total.keys():
            values["tau"] = _vector_metrics(total["tau_x"], total["tau_y"])
        wanted: dict[str, tuple[str, ...]] = dict.fromkeys(QUANTITIES, METRICS)
        wanted |= {"tau": ("r2", "rmse"), "stress_angle": ("mae", "bias")}
        found = {
            f"{quantity}_{metric}": _plain(values.get(quantity, {}).get(metric))
            for quantity, metrics in wanted.items()
            for metric in metrics
        }
        work, slope = self._work(name, events, of=name), self.s_tau(name, events)
        return {
            **found,
            "wind_work": _plain(work),
            "s_tau": _plain(slope),
            "wind_work_error": _excess(work, self._work(name, events, of=TARGET)),
            "s_tau_error": _excess(slope, self.s_tau(TARGET, events)),
        }

    def _work(self, name: str, events: Sequence[str], of: str) -> float:
        """Return the wind work [W/m2] of a model, or of the "target" at the same points."""
        work = 0.0
        for axis in "xy":
            sums = self.total(name, f"work_{axis}", events)
            if not sums:
                return math.nan
            value = sums["target"] + (0.0 if of == TARGET else sums["error"])
            work += float(value.sum() / sums["weight"].sum())
        return work

    def _by_wind(self) -> dict[str, Any]:
        """Return the metrics by class of wind."""
        sums = {q: {name: self.total(name, q) for name in self.names} for q in QUANTITIES}
        metrics = {
            quantity: {name: metrics_of(part) for name, part in parts.items() if part}
            for quantity, parts in sums.items()
            if parts[MODEL]
        }
        wind = {"name": "relative wind speed", "units": "m/s", "values": list(WIND_CLASSES)}
        points = {q: [int(n) for n in sums[q][MODEL]["weight"]] for q in metrics}
        return {**metrics_along(wind, metrics, METRICS), "points": points}


# ---- fields and sums -----------------------------------------------------------------------------


def _with_derived(fluxes: NamedFluxes, at: Conditions, psi: PsiPoints) -> dict[str, Tensor]:
    """Return fluxes and the quantities that follow from them, as far as they do."""
    found = dict(fluxes)
    if {"heat", "shortwave"} <= fluxes.keys():
        found["non_solar"] = fluxes["heat"] - fluxes["shortwave"]
    if {"tau_x", "tau_y"} <= fluxes.keys():
        x, y = fluxes["tau_x"], fluxes["tau_y"]
        found["work_x"], found["work_y"] = x.double() * at.current_u, y.double() * at.current_v
        found["stress_x"], found["stress_y"] = at.graph.to_rho(x, y)
        found["tau"] = torch.hypot(found["stress_x"], found["stress_y"])
        if len(psi.index):
            found["stress_curl"] = psi.curl(x, y)
    return found


def _wind_classes(at: Conditions, psi: PsiPoints) -> dict[str, Tensor]:
    """Return the class of wind at each kind of point, by the mean of the rho points beside."""
    speed = at.wind_speed
    u, v = at.graph.to_faces(speed, speed)
    winds = {"rho": speed, "u": u, "v": v, "psi": u[:, psi.u_nodes].mean(-1)}
    return {points: wind_class(wind) for points, wind in winds.items()}


def _by_class(
    target: Tensor, predicted: Tensor, classes: Tensor, weight: Tensor | None = None
) -> Sums:
    """Sum target and error over the points of each class of wind where the target is known."""
    known = ~target.isnan()
    return error_sums(
        target[known],
        predicted[known],
        weight=None if weight is None else weight[known],
        group=classes[known],
        groups=len(WIND_CLASSES),
    )


def _vector_metrics(*components: Sums) -> Sums:
    """Return the metrics of both components of the stress as one, of which two are meant.

    They lie on different points: each counts by its mean, the R2 relative to both variances.
    """
    moments = added(
        {"target2": target_variance(sums).nan_to_num(), "error2": sums["error2"] / sums["weight"]}
        for sums in components
    )
    zero = torch.zeros_like(moments["error2"])
    return metrics_of(
        {"weight": zero + 1, "target": zero, "error": zero, "abs_error": zero} | moments
    )


def _excess(value: float, truth: float) -> float | None:
    """Return by how much a value is larger than it should be [%]."""
    return _plain(100 * (value / truth - 1)) if truth else None


def _plain(value: Tensor | float | None) -> float | None:
    """Return a number for JSON, None where there is none."""
    return None if value is None else plain_number(torch.as_tensor(value, dtype=torch.float64))


def _check(at: Conditions, targets: NamedFluxes, predictions: Mapping[str, NamedFluxes]) -> None:
    """Raise ValueError unless all that is needed is there, finite and of its shape."""
    require_model(predictions, f"{at.event}: ")
    sizes, times = at.graph.sizes, len(at.time)
    for name in NEEDED:
        if name not in targets:
            raise ValueError(f"{at.event}: no target '{name}' among {sorted(targets)}")
    points = {"wind_x": "rho", "wind_y": "rho", "current_u": "u", "current_v": "v"}
    checked = {f"'{name}'": (getattr(at, name), where) for name, where in points.items()}
    checked |= {f"target '{name}'": (targets[name], points_of(name)) for name in NEEDED}
    for name, fluxes in predictions.items():
        for flux in {"tau_x", "tau_y", *HEAT} & fluxes.keys():
            checked[f"'{flux}' of '{name}'"] = (fluxes[flux], points_of(flux))
    for name, (values, where) in checked.items():
        require_finite(f"{at.event}: {name}", values, (times, sizes[where]))
