"""The metrics that a flame surface model is judged by, gathered snapshot by snapshot.

Each snapshot leaves one small record (sums, profiles, sparse histogram), never its fields, so a
test set of any size streams through. Metrics are formed from the records at the end, in the order
of time: the records of several processes are simply put together, a file that two of them saw
counts once, and the result does not depend on how the files were shared out.

Metrics, per model and case: ``r2``, ``rmse``, ``mae``, ``bias`` [1/m] and ``nrmse`` (rmse over the
standard deviation of the target) of Sigma over all cells; ``total_flame_surface_error``, the mean
over the snapshots of ``|A - A_DNS| / A_DNS`` with A the sum of Sigma dx^3 [m2];
``streamwise_flame_surface_error``, the same of the surface in each plane across the stream, so that
too much here does not make up for too little there; ``wrinkling_factor``, total Sigma over total
``|grad c_bar|``, beside the ``wrinkling_factor_target`` of the DNS.

On an unstructured mesh the first five count every node once, as they do the cells of a grid,
however much volume belongs to it. Surfaces are sums of Sigma times the volume of the node; the
planes across the stream become slabs dx thick. The zones of a mesh come in files of their own:
those of one case and time are one snapshot.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation.densities import joint_density
from ai4sim.evaluation.scores import (
    MODEL,
    TARGET,
    Sums,
    added,
    error_sums,
    metrics_of,
    pooled,
    require_finite,
    require_model,
)
from ai4sim.variables import Float64Array
from combustion.baselines import Field, resolved_gradient
from combustion.io.layouts import Flame
from combustion.io.meshes import MeshSnapshot
from combustion.physics.geometry import Grid, Nodes, Section, slab_lengths

SIGMA_DX_MAX = 1.5
DENSITY_BINS = 150
CONDITIONAL_BINS = 20
CONDITIONS = {"progress_variable": 1.0, TARGET: SIGMA_DX_MAX}
"""Upper ends of the bins of c_bar and of Sigma dx that errors are sorted into."""


@dataclass
class SnapshotScore:
    """The sums of one snapshot, or of one zone of it; dictionaries by name of the model."""

    path: str
    case: str
    time: float  # [s]
    dx: float  # [m]
    errors: dict[str, dict[str, Sums]]  # condition -> model -> sums by bin
    resolved_surface: float  # sum |grad c_bar| dx^3 [m2]
    profiles: dict[str, Float64Array]  # also "target": (stations,) flame surface around each [m2]
    density: Tensor  # joint histogram, sparse
    section: Section | None = None
    first_station: int = 0  # station k lies at x = k dx
    extent: list[float] | None = None  # of a mesh along the stream [m]

    @property
    def snapshot(self) -> tuple[Any, ...]:
        """What the zones of one snapshot of a mesh have in common; a grid is one by itself."""
        if self.extent is None or not math.isfinite(self.time):
            return (self.path,)
        return (self.case, self.time, self.dx)

    @property
    def order(self) -> tuple[float, str]:
        """Time, or failing that the file name."""
        return (self.time if math.isfinite(self.time) else -math.inf, self.path)


@dataclass
class Surface:
    """Flame surface of one snapshot, of all its zones together."""

    time: float  # [s]
    dx: float  # [m]
    first_station: int
    extent: list[float] | None  # [m]
    profiles: dict[str, Float64Array]  # "target" and the models: (stations,) [m2]

    @classmethod
    def of(cls, zones: list[SnapshotScore]) -> Surface:
        """Add up the zones of one snapshot, station by station."""
        first = min(zone.first_station for zone in zones)
        end = max(zone.first_station + len(zone.profiles[TARGET]) for zone in zones)
        extents = [zone.extent for zone in zones if zone.extent is not None]
        common = [n for n in zones[0].profiles if all(n in zone.profiles for zone in zones)]
        profiles = {name: np.zeros(end - first) for name in common}
        for zone in zones:
            start = zone.first_station - first
            for name, total in profiles.items():
                total[start : start + len(zone.profiles[name])] += zone.profiles[name]
        extent = [min(e[0] for e in extents), max(e[1] for e in extents)] if extents else None
        return cls(zones[0].time, zones[0].dx, first, extent, profiles)

    @property
    def stations(self) -> tuple[float, range]:
        """Distance of the stations [m] and their numbers."""
        count = len(self.profiles[TARGET])
        return self.dx, range(self.first_station, self.first_station + count)

    def total(self, name: str) -> float:
        """Flame surface of the DNS ("target") or a model [m2]."""
        return float(self.profiles[name].sum())


@dataclass
class FlameEvaluation:
    """Scores of a model and its baselines over a test set."""

    scores: dict[str, SnapshotScore] = field(default_factory=dict)
    label: str = "Network"
    """What figures call the model."""

    def update(self, snapshot: Flame, predictions: Mapping[str, Field]) -> None:
        """Take in one snapshot, or one zone of it.

        Parameters
        ----------
        snapshot : of one file, with its flame surface density; dx is the distance of the stations
        predictions : name -> Sigma of the same shape, or with leading axes of length 1 [1/m]; the
            network is called "model"; on a mesh "gradient", the resolved ``|grad c_bar|``, is
            needed too
        """
        path, dx = snapshot.path, snapshot.dx
        require_model(predictions, f"{path}: ")
        place = (
            Nodes(snapshot.positions, snapshot.volumes, snapshot.edges, dx)
            if isinstance(snapshot, MeshSnapshot)
            else Grid(dx)
        )
        shape = place.shape or snapshot.progress_variable.shape
        c_bar, target = (
            _array(getattr(snapshot, name), f"{path}: {name}", shape)
            for name in ("progress_variable", "flame_surface_density")
        )
        predicted = {
            n: _array(p, f"{path}: prediction '{n}'", shape) for n, p in predictions.items()
        }
        gradient = predicted.get("gradient")
        if gradient is None:
            if isinstance(snapshot, MeshSnapshot):
                raise ValueError(
                    f"{path}: no prediction 'gradient' among {sorted(predictions)}; "
                    "on a mesh |grad c_bar| is not found by differences, the closures give it"
                )
            gradient = resolved_gradient(c_bar, dx).numpy()
        fields = {"progress_variable": c_bar, TARGET: target, **predicted}
        flat = {name: torch.from_numpy(values).flatten() for name, values in fields.items()}
        scaled = {TARGET: flat[TARGET] * dx, "progress_variable": flat["progress_variable"]}
        bins = {
            by: (scaled[by] * (CONDITIONAL_BINS / upper)).clamp(0, CONDITIONAL_BINS - 1).long()
            for by, upper in CONDITIONS.items()
        }
        edges = torch.linspace(0, SIGMA_DX_MAX, DENSITY_BINS + 1, dtype=torch.float64)
        (density,) = joint_density(scaled[TARGET], flat[MODEL] * dx, edges)
        self._add(
            SnapshotScore(
                path=str(path),
                case=snapshot.case,
                time=float(snapshot.time),
                dx=float(dx),
                errors={
                    by: {
                        name: error_sums(
                            flat[TARGET], flat[name], group=group, groups=CONDITIONAL_BINS
                        )
                        for name in predicted
                    }
                    for by, group in bins.items()
                },
                resolved_surface=place.integral(gradient),
                profiles={
                    name: np.array(place.profile(values))
                    for name, values in fields.items()
                    if name != "progress_variable"
                },
                density=density.to_sparse(),
                section=place.section(
                    {name: fields[name] for name in ("progress_variable", TARGET, MODEL)}
                ),
                first_station=place.first_station,
                extent=place.extent,
            )
        )

    def merge(self, other: FlameEvaluation) -> None:
        """Put in what another process evaluated; a file evaluated by both counts once."""
        for score in other.scores.values():
            self._add(score)

    def _add(self, score: SnapshotScore) -> None:
        """Keep a record, and of each case the planes of its last snapshot only."""
        self.scores[score.path] = score
        scores = self.of_case(score.case)
        for earlier in scores[:-1]:
            if earlier.section is not None and earlier.snapshot != scores[-1].snapshot:
                self.scores[earlier.path] = replace(earlier, section=None)

    # ---- what the records say -----------------------------------------------------------------

    @property
    def cases(self) -> list[str]:
        """Names of the cases, sorted."""
        return sorted({score.case for score in self.scores.values()})

    def of_case(self, case: str | None = None) -> list[SnapshotScore]:
        """List the records of a case (of all: None) in the order of time."""
        chosen = (s for s in self.scores.values() if case is None or s.case == case)
        return sorted(chosen, key=lambda s: (s.case, *s.order))

    def names(self, case: str | None = None) -> list[str]:
        """Model and baselines that every snapshot (of the case) has, in their given order."""
        scores = self.of_case(case)
        offered = scores[0].profiles if scores else ()
        common = [name for name in offered if all(name in s.profiles for s in scores)]
        return [name for name in common if name != TARGET]

    def surfaces(self, case: str | None = None) -> list[Surface]:
        """List the flame surfaces of the snapshots of a case (of all: None) in order of time."""
        snapshots: dict[tuple[Any, ...], list[SnapshotScore]] = {}
        for score in self.of_case(case):
            snapshots.setdefault(score.snapshot, []).append(score)
        return [Surface.of(zones) for zones in snapshots.values()]

    def section(self, case: str) -> Section:
        """Return the planes of the last snapshot of a case, through the zone of most surface."""
        scores = self.of_case(case)
        zones = [(s.profiles[TARGET].sum(), s.section) for s in scores if s.section is not None]
        if not zones:
            raise ValueError(f"case '{case}': no snapshot has been evaluated")
        largest, *others = (section for _, section in sorted(zones, key=lambda zone: -zone[0]))
        return largest.joined(others, scores[-1].dx / 2)

    def metrics(self) -> dict[str, Any]:
        """Form ``{"model": {metric: value}, "baselines": {name: ...}, "cases": {case: ...}}``."""
        if not self.scores:
            raise ValueError("no snapshot has been evaluated")
        return {**self._table(None), "cases": {case: self._table(case) for case in self.cases}}

    def _table(self, case: str | None) -> dict[str, Any]:
        """Model and baselines over one case, or over all."""
        scores, surfaces = self.of_case(case), self.surfaces(case)
        resolved = math.fsum(score.resolved_surface for score in scores)
        values = {
            name: {
                **{k: float(v) for k, v in metrics_of(pooled(self._sums(name, case))).items()},
                **_surface_metrics(surfaces, resolved, name),
            }
            for name in self.names(case)
        }
        return {MODEL: values.pop(MODEL), "baselines": values}

    def _sums(self, name: str, case: str | None = None, by: str = "progress_variable") -> Sums:
        """Return the sums of a model over one case, or over all, by bin of a condition."""
        return added(score.errors[by][name] for score in self.of_case(case))

    def joint_density(self) -> NDArray[np.int64]:
        """Count cells by (target, predicted) Sigma dx over [0, 1.5]: (150, 150)."""
        counts = torch.zeros(DENSITY_BINS, DENSITY_BINS, dtype=torch.int64)
        for score in self.scores.values():
            counts = counts + score.density
        return counts.numpy()

    def conditional_error(
        self, by: str, name: str
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Average the error [1/m] of a model given c_bar or the target, and its rms.

        Parameters
        ----------
        by : "progress_variable" or "target"
        name : "model" or a baseline

        Returns
        -------
        centres of the bins (c_bar, or Sigma dx), mean error, rms error; NaN in an empty bin
        """
        found = metrics_of(self._sums(name, by=by))
        centres = (np.arange(CONDITIONAL_BINS) + 0.5) * CONDITIONS[by] / CONDITIONAL_BINS
        return centres, found["bias"].numpy(), found["rmse"].numpy()

    def streamwise(self, case: str) -> tuple[Float64Array, dict[str, Float64Array]]:
        """Average the flame surface per length of stream [m2/m] of a case: x [m], curves by name.

        The DNS is called "target". Snapshots on another grid than the last are left out, and so
        are stations at an end that less than half a slab of the mesh belongs to.
        """
        surfaces = self.surfaces(case)
        last = surfaces[-1]
        alike = [s for s in surfaces if s.stations == last.stations]
        stations = np.array(last.stations[1], dtype=float)
        lengths = np.ones_like(stations)
        if last.extent is not None:
            low, high = last.extent
            lengths = slab_lengths(stations, (low / last.dx, high / last.dx))
        seen = lengths > 0.499
        curves: dict[str, Float64Array] = {}
        for name in (TARGET, *self.names(case)):
            mean = np.mean([s.profiles[name] for s in alike], axis=0)
            curves[name] = mean[seen] / (last.dx * lengths[seen])
        return stations[seen] * last.dx, curves

    def in_time(self, case: str) -> tuple[Float64Array, dict[str, Float64Array]]:
        """List the total flame surface [m2] of a case: time [s] (NaN: unknown), curves by name."""
        surfaces = self.surfaces(case)
        curves = {
            name: np.array([surface.total(name) for surface in surfaces])
            for name in (TARGET, *self.names(case))
        }
        return np.array([surface.time for surface in surfaces]), curves


def _surface_metrics(surfaces: list[Surface], resolved: float, name: str) -> dict[str, float]:
    """Form the metrics of the flame surface of one model, given that of the resolved field [m2]."""
    totals = [(surface.total(name), surface.total(TARGET)) for surface in surfaces]
    return {
        "total_flame_surface_error": _mean(abs(a / b - 1) for a, b in totals if b > 0),
        "streamwise_flame_surface_error": _mean(
            float(np.abs(s.profiles[name] - s.profiles[TARGET]).sum()) / total
            for s, (_, total) in zip(surfaces, totals, strict=True)
            if total > 0
        ),
        "wrinkling_factor": _ratio(math.fsum(a for a, _ in totals), resolved),
        "wrinkling_factor_target": _ratio(math.fsum(b for _, b in totals), resolved),
    }


def _mean(values: Iterable[float]) -> float:
    """Mean, NaN of none."""
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else math.nan


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else math.nan


def _array(values: Field, name: str, shape: tuple[int, ...]) -> Float64Array:
    """Return a field as float64, of the expected shape and finite."""
    tensor = torch.as_tensor(values).detach().double().cpu()
    while tensor.ndim > len(shape) and tensor.shape[0] == 1:
        tensor = tensor[0]
    require_finite(name, tensor, shape)
    return tensor.numpy()
