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

from combustion.closures import Field, resolved_gradient

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
SIGMA_DX_MAX = 1.5
DENSITY_BINS = 150
CONDITIONAL_BINS = 20

Array = NDArray[np.float64]


@dataclass
class Section:
    """Planes of one snapshot for the cross-section figure; Sigma in 1/m."""

    # Each holds "progress_variable", "target" and "model".
    stream: dict[str, list[list[float]]]  # (nx, ny), at mid span
    cross: dict[str, list[list[float]]]  # (ny, nz), where the flame has most surface
    cross_index: int
    span_index: int


@dataclass
class SnapshotScore:
    """Sums of one snapshot, plain numbers and lists; dictionaries by name of the model."""

    path: str
    case: str
    time: float  # [s]
    dx: float  # [m]
    target_sums: list[float]  # cells, sum Sigma, sum Sigma^2
    error_sums: dict[str, list[float]]  # sums of e, e^2, |e|; e = predicted - target
    resolved_surface: float  # sum |grad c_bar| dx^3 [m2]
    target_profile: list[float]  # (nx,) flame surface in each plane across the stream [m2]
    profiles: dict[str, list[float]]
    density: list[list[int]]  # cells of the joint histogram, and how often: sparse
    counts: dict[str, list[int]]  # condition -> samples in each bin
    conditional: dict[str, dict[str, list[list[float]]]]  # condition -> model -> sums of e, e^2
    section: Section | None = None

    @property
    def order(self) -> tuple[float, str]:
        """Time, or failing that the file name."""
        return (self.time if math.isfinite(self.time) else -math.inf, self.path)


@dataclass
class FlameEvaluation:
    """Scores of a model and its baselines over a test set."""

    scores: dict[str, SnapshotScore] = field(default_factory=dict)

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
    ) -> None:
        """Take in one snapshot.

        Parameters
        ----------
        path, case, time, dx : of the snapshot; time in s, dx in m
        progress_variable : (nx, ny, nz), or with leading axes of length 1
        flame_surface_density : the target, of the same shape  [1/m]
        predictions : name -> Sigma of the same shape [1/m]; the network is called "model"
        """
        if MODEL not in predictions:
            raise ValueError(f"{path}: no prediction '{MODEL}' among {sorted(predictions)}")
        c_bar = _array(progress_variable, "progress_variable", path)
        target = _array(flame_surface_density, "flame_surface_density", path, c_bar.shape)
        predicted = {
            n: _array(p, f"prediction '{n}'", path, c_bar.shape) for n, p in predictions.items()
        }
        gradient = predicted.get("gradient")
        if gradient is None:
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
                resolved_surface=float(gradient.sum() * dx**3),
                target_profile=(target.sum((1, 2)) * dx**3).tolist(),
                profiles={n: (p.sum((1, 2)) * dx**3).tolist() for n, p in predicted.items()},
                density=[cells.tolist(), often.tolist()],
                counts={
                    by: np.bincount(index, minlength=CONDITIONAL_BINS).tolist()
                    for by, index in bins.items()
                },
                conditional={
                    by: {n: [_sums(index, e), _sums(index, e**2)] for n, e in errors.items()}
                    for by, index in bins.items()
                },
                section=_section(c_bar, target, predicted[MODEL]),
            )
        )

    def merge(self, other: FlameEvaluation) -> None:
        """Put in what another process evaluated; a file evaluated by both counts once."""
        for score in other.scores.values():
            self._add(score)

    def _add(self, score: SnapshotScore) -> None:
        """Keep a record, and of each case the planes of its last snapshot only."""
        self.scores[score.path] = score
        for earlier in self.of_case(score.case)[:-1]:
            if earlier.section is not None:
                self.scores[earlier.path] = replace(earlier, section=None)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, lists and strings, to be sent or stored."""
        return {"scores": [asdict(score) for score in self.scores.values()]}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> FlameEvaluation:
        """Rebuild from what `to_dict` gave."""
        evaluation = cls()
        for values in state["scores"]:
            section = values["section"]
            score = SnapshotScore(**{**values, "section": None})
            score.section = None if section is None else Section(**section)
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

    def metrics(self) -> dict[str, Any]:
        """Form ``{"model": {metric: value}, "baselines": {name: ...}, "cases": {case: ...}}``."""
        if not self.scores:
            raise ValueError("no snapshot has been evaluated")
        return {**self._table(None), "cases": {case: self._table(case) for case in self.cases}}

    def _table(self, case: str | None) -> dict[str, Any]:
        """Model and baselines over one case, or over all."""
        scores = self.of_case(case)
        values = {name: _metrics(scores, name) for name in self.names(case)}
        return {MODEL: values.pop(MODEL), "baselines": values}

    def joint_density(self) -> Array:
        """Count cells by (target, predicted) Sigma dx over [0, 1.5]: (150, 150)."""
        counts = np.zeros(DENSITY_BINS**2)
        for score in self.scores.values():
            np.add.at(counts, score.density[0], score.density[1])
        return counts.reshape(DENSITY_BINS, DENSITY_BINS)

    def conditional_error(self, by: str, name: str) -> tuple[Array, Array, Array]:
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

    def streamwise(self, case: str) -> tuple[Array, dict[str, Array]]:
        """Average the flame surface per length of stream [m2/m] of a case: x [m], curves by name.

        The DNS is called "target". Snapshots on another grid than the last are left out.
        """
        scores = self.of_case(case)
        dx, points = scores[-1].dx, len(scores[-1].target_profile)
        alike = [s for s in scores if s.dx == dx and len(s.target_profile) == points]
        curves: dict[str, Array] = {
            "target": np.mean([s.target_profile for s in alike], axis=0) / dx
        }
        for name in self.names(case):
            curves[name] = np.mean([s.profiles[name] for s in alike], axis=0) / dx
        return np.arange(points, dtype=float) * dx, curves

    def in_time(self, case: str) -> tuple[Array, dict[str, Array]]:
        """List the total flame surface [m2] of a case: time [s] (NaN: unknown), curves by name."""
        scores = self.of_case(case)
        curves = {"target": np.array([math.fsum(s.target_profile) for s in scores])}
        for name in self.names(case):
            curves[name] = np.array([math.fsum(s.profiles[name]) for s in scores])
        return np.array([s.time for s in scores]), curves


def _metrics(scores: list[SnapshotScore], name: str) -> dict[str, float]:
    """All metrics of one model over some records; exactly rounded sums, whatever the order."""
    n, total, squares = (math.fsum(s.target_sums[i] for s in scores) for i in range(3))
    error, error2, absolute = (math.fsum(s.error_sums[name][i] for s in scores) for i in range(3))
    variance = squares / n - (total / n) ** 2
    if variance <= 1e-12 * squares / n:  # a constant target, to rounding: nothing to explain
        variance = math.nan
    rmse = math.sqrt(error2 / n)
    surfaces = [(math.fsum(s.profiles[name]), math.fsum(s.target_profile)) for s in scores]
    resolved = math.fsum(s.resolved_surface for s in scores)
    return {
        "r2": 1 - error2 / n / variance,
        "rmse": rmse,
        "nrmse": rmse / math.sqrt(variance),
        "mae": absolute / n,
        "bias": error / n,
        "total_flame_surface_error": _mean(abs(a / b - 1) for a, b in surfaces if b > 0),
        "streamwise_flame_surface_error": _mean(
            math.fsum(abs(a - b) for a, b in zip(s.profiles[name], s.target_profile, strict=True))
            / math.fsum(s.target_profile)
            for s, (_, b_total) in zip(scores, surfaces, strict=True)
            if b_total > 0
        ),
        "wrinkling_factor": _ratio(math.fsum(a for a, _ in surfaces), resolved),
        "wrinkling_factor_target": _ratio(math.fsum(b for _, b in surfaces), resolved),
    }


def _mean(values: Iterable[float]) -> float:
    """Mean, NaN of none."""
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else math.nan


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else math.nan


def _array(
    values: Field, name: str, path: Path | str, shape: tuple[int, ...] | None = None
) -> Array:
    """Field as float64 (nx, ny, nz), of the expected shape and finite."""
    tensor = torch.as_tensor(values).detach().double().cpu()
    while tensor.ndim > 3 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or (shape is not None and tuple(tensor.shape) != shape):
        expected = shape or "(nx, ny, nz)"
        raise ValueError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {expected}")
    wrong = int(tensor.numel() - tensor.isfinite().sum())
    if wrong:
        raise ValueError(f"{path}: {name} holds {wrong} NaN or infinite values")
    return tensor.numpy()


def _bin(values: Array, upper: float, bins: int) -> NDArray[np.int64]:
    """Bin of every cell over [0, upper], flat; what lies outside joins the end bins."""
    return np.clip(values.ravel() * (bins / upper), 0, bins - 1).astype(np.int64)


def _sums(index: NDArray[np.int64], values: Array) -> list[float]:
    """Sum of the values in each conditional bin."""
    return np.bincount(index, values.ravel(), minlength=CONDITIONAL_BINS).tolist()


def _section(c_bar: Array, target: Array, predicted: Array) -> Section:
    """Mid-span plane, and the plane across the stream where the flame has most surface."""
    fields = {"progress_variable": c_bar, "target": target, "model": predicted}
    span = target.shape[2] // 2
    cross = int(target.sum((1, 2)).argmax())
    return Section(
        stream={name: values[:, :, span].tolist() for name, values in fields.items()},
        cross={name: values[cross].tolist() for name, values in fields.items()},
        cross_index=cross,
        span_index=span,
    )
