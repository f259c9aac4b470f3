"""What a flame surface model is judged by, gathered snapshot by snapshot.

Each snapshot leaves one small record (sums, profiles, sparse histogram), never its fields, so a
test set of any size streams through. Metrics are formed from the records at the end: the records
of several processes are simply put together, a file that two of them saw counts once, and since
the sums are exactly rounded the result does not depend on how the files were shared out.

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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.variables import Float64Array
from combustion.baselines import Field, resolved_gradient
from combustion.physics.geometry import Grid, MeshGeometry, Nodes, Section, slab_lengths
from combustion.snapshot_scores import SnapshotScore, Surface

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
SIGMA_DX_MAX = 1.5
DENSITY_BINS = 150
CONDITIONAL_BINS = 20


@dataclass
class FlameEvaluation:
    """Scores of a model and its baselines over a test set."""

    scores: dict[str, SnapshotScore] = field(default_factory=dict)
    label: str = "Network"
    """What figures call the model."""

    def update(
        self,
        *,
        path: Path | str,
        case: str,
        time: float,
        dx: float,
        progress_variable: Field,
        flame_surface_density: Field,
        predictions: Mapping[str, Field],
        mesh: MeshGeometry | None = None,
    ) -> None:
        """Take in one snapshot, or one zone of it.

        Parameters
        ----------
        path, case, time, dx : of the snapshot; time in s, dx (on a mesh: between stations) in m
        progress_variable : (nx, ny, nz), on a mesh (nodes,), or with leading axes of length 1
        flame_surface_density : the target, of the same shape  [1/m]
        predictions : name -> Sigma of the same shape [1/m]; the network is called "model"; on a
            mesh "gradient", the resolved ``|grad c_bar|``, is needed too
        mesh : where the nodes are; None for a grid
        """
        if MODEL not in predictions:
            raise ValueError(f"{path}: no prediction '{MODEL}' among {sorted(predictions)}")
        place = Grid(dx) if mesh is None else Nodes(mesh, dx)
        c_bar = _array(progress_variable, "progress_variable", path, place.shape)
        target = _array(flame_surface_density, "flame_surface_density", path, c_bar.shape)
        predicted = {
            n: _array(p, f"prediction '{n}'", path, c_bar.shape) for n, p in predictions.items()
        }
        gradient = predicted.get("gradient")
        if gradient is None:
            if mesh is not None:
                raise ValueError(
                    f"{path}: no prediction 'gradient' among {sorted(predictions)}; "
                    "on a mesh |grad c_bar| is not found by differences, the closures give it"
                )
            gradient = resolved_gradient(c_bar, dx).numpy()
        errors = {name: values - target for name, values in predicted.items()}
        bins = {
            "progress_variable": _bin(c_bar, 1.0, CONDITIONAL_BINS),
            "target": _bin(target * dx, SIGMA_DX_MAX, CONDITIONAL_BINS),
        }
        joint = _bin(target * dx, SIGMA_DX_MAX, DENSITY_BINS) * DENSITY_BINS
        joint += _bin(predicted[MODEL] * dx, SIGMA_DX_MAX, DENSITY_BINS)
        cells, often = np.unique(joint, return_counts=True)
        self._add(
            SnapshotScore(
                path=str(path),
                case=case,
                time=float(time),
                dx=float(dx),
                target_sums=[float(target.size), float(target.sum()), float((target**2).sum())],
                error_sums={
                    n: [float(e.sum()), float((e**2).sum()), float(np.abs(e).sum())]
                    for n, e in errors.items()
                },
                resolved_surface=place.integral(gradient),
                target_profile=place.profile(target),
                profiles={n: place.profile(p) for n, p in predicted.items()},
                density=[cells.tolist(), often.tolist()],
                counts={
                    by: np.bincount(index, minlength=CONDITIONAL_BINS).tolist()
                    for by, index in bins.items()
                },
                conditional={
                    by: {n: [_sums(index, e), _sums(index, e**2)] for n, e in errors.items()}
                    for by, index in bins.items()
                },
                section=place.section(
                    {"progress_variable": c_bar, "target": target, MODEL: predicted[MODEL]}
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

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, lists and strings, to be sent or stored."""
        return {"label": self.label, "scores": [asdict(s) for s in self.scores.values()]}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> FlameEvaluation:
        """Rebuild from what `to_dict` gave."""
        evaluation = cls(label=state["label"])
        for values in state["scores"]:
            section = values["section"]
            score = SnapshotScore(**{**values, "section": None})
            score.section = None if section is None else Section.from_dict(section)
            evaluation.scores[score.path] = score
        return evaluation

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
        return [name for name in offered if all(name in s.profiles for s in scores)]

    def surfaces(self, case: str | None = None) -> list[Surface]:
        """List the flame surfaces of the snapshots of a case (of all: None) in order of time."""
        snapshots: dict[tuple[Any, ...], list[SnapshotScore]] = {}
        for score in self.of_case(case):
            snapshots.setdefault(score.snapshot, []).append(score)
        return [Surface.of(zones) for zones in snapshots.values()]

    def section(self, case: str) -> Section:
        """Return the planes of the last snapshot of a case, through the zone of most surface."""
        scores = self.of_case(case)
        zones = [(math.fsum(s.target_profile), s.section) for s in scores if s.section is not None]
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
        values = {name: _metrics(scores, surfaces, name) for name in self.names(case)}
        return {MODEL: values.pop(MODEL), "baselines": values}

    def joint_density(self) -> Float64Array:
        """Count cells by (target, predicted) Sigma dx over [0, 1.5]: (150, 150)."""
        counts = np.zeros(DENSITY_BINS**2)
        for score in self.scores.values():
            np.add.at(counts, score.density[0], score.density[1])
        return counts.reshape(DENSITY_BINS, DENSITY_BINS)

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
        scores = list(self.scores.values())
        count = np.sum([s.counts[by] for s in scores], axis=0, dtype=float)
        sums = np.sum([s.conditional[by][name] for s in scores], axis=0)
        count[count == 0] = np.nan
        upper = 1.0 if by == "progress_variable" else SIGMA_DX_MAX
        centres = (np.arange(CONDITIONAL_BINS) + 0.5) * upper / CONDITIONAL_BINS
        return centres, sums[0] / count, np.sqrt(sums[1] / count)

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
        for name in ("target", *self.names(case)):
            mean = np.mean([s.profiles[name] for s in alike], axis=0)
            curves[name] = mean[seen] / (last.dx * lengths[seen])
        return stations[seen] * last.dx, curves

    def in_time(self, case: str) -> tuple[Float64Array, dict[str, Float64Array]]:
        """List the total flame surface [m2] of a case: time [s] (NaN: unknown), curves by name."""
        surfaces = self.surfaces(case)
        curves = {
            name: np.array([surface.total(name) for surface in surfaces])
            for name in ("target", *self.names(case))
        }
        return np.array([surface.time for surface in surfaces]), curves


def _metrics(scores: list[SnapshotScore], surfaces: list[Surface], name: str) -> dict[str, float]:
    """All metrics of one model over some records; exactly rounded sums, whatever the order."""
    n, total, squares = (math.fsum(s.target_sums[i] for s in scores) for i in range(3))
    error, error2, absolute = (math.fsum(s.error_sums[name][i] for s in scores) for i in range(3))
    variance = squares / n - (total / n) ** 2
    if variance <= 1e-12 * squares / n:  # a constant target, to rounding: nothing to explain
        variance = math.nan
    rmse = math.sqrt(error2 / n)
    totals = [(surface.total(name), surface.total("target")) for surface in surfaces]
    resolved = math.fsum(s.resolved_surface for s in scores)
    return {
        "r2": 1 - error2 / n / variance,
        "rmse": rmse,
        "nrmse": rmse / math.sqrt(variance),
        "mae": absolute / n,
        "bias": error / n,
        "total_flame_surface_error": _mean(abs(a / b - 1) for a, b in totals if b > 0),
        "streamwise_flame_surface_error": _mean(
            math.fsum(map(abs, np.subtract(s.profiles[name], s.profiles["target"]))) / total
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


def _array(
    values: Field, name: str, path: Path | str, shape: tuple[int, ...] | None
) -> Float64Array:
    """Field as float64 of the expected shape (None: any three axes), and finite."""
    tensor = torch.as_tensor(values).detach().double().cpu()
    while tensor.ndim > (3 if shape is None else len(shape)) and tensor.shape[0] == 1:
        tensor = tensor[0]
    if (tensor.ndim != 3) if shape is None else (tuple(tensor.shape) != shape):
        expected = shape or "(nx, ny, nz)"
        raise ValueError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {expected}")
    wrong = int(tensor.numel() - tensor.isfinite().sum())
    if wrong:
        raise ValueError(f"{path}: {name} holds {wrong} NaN or infinite values")
    return tensor.numpy()


def _bin(values: Float64Array, upper: float, bins: int) -> NDArray[np.int64]:
    """Bin of every cell over [0, upper], flat; what lies outside joins the end bins."""
    return np.clip(values.ravel() * (bins / upper), 0, bins - 1).astype(np.int64)


def _sums(index: NDArray[np.int64], values: Float64Array) -> list[float]:
    """Sum of the values in each conditional bin."""
    return np.bincount(index, values.ravel(), minlength=CONDITIONAL_BINS).tolist()
