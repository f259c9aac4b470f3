"""What the surface fluxes are judged by, summed up batch by batch.

Only sums over points are kept, in float64, by file and by class of wind, so that a test set of any
size streams through and the parts of several processes add up to the whole: never a mean over
batches. Each quantity is compared where its file has it; land has no point and counts nowhere.

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
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.metrics import plain_number, plain_numbers, require_finite
from wmed.grids.graph import to_faces, to_rho
from wmed.layout import HEAT
from wmed.samples import MODEL, TARGET, Fluxes, Samples
from wmed.scores import (
    WIND_CLASSES,
    PsiPoints,
    Sums,
    add,
    added,
    coupling_coefficient,
    coupling_sums,
    metrics_of,
    sums_by_class,
    turning,
    wind_class,
)

if TYPE_CHECKING:
    from wmed.grids.graph import CouplingGraph
    from wmed.grids.grid import OceanGrid

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


class FluxEvaluation:
    """Sums of a model and its baselines over a test set.

    Attributes
    ----------
    scores : file -> name -> quantity -> sums
        By class of wind, see :func:`~wmed.scores.sums_by_class`.
    coupling : file -> name -> sums
        Of each model and of the labels, see :func:`~wmed.scores.coupling_sums`.
    times : file -> number of times
    samples : Samples
        What the figures show.
    """

    def __init__(self) -> None:
        self.scores: dict[str, dict[str, dict[str, Sums]]] = {}
        self.coupling: dict[str, dict[str, Sums]] = {}
        self.times: dict[str, int] = {}
        self.samples = Samples()
        self._psi: dict[str, PsiPoints] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again."""
        return {**vars(self), "_psi": {}}

    def update(
        self,
        *,
        file: str,
        time: Tensor,
        grid: OceanGrid,
        graph: CouplingGraph,
        wind_x: Tensor,
        wind_y: Tensor,
        current_u: Tensor,
        current_v: Tensor,
        targets: Fluxes,
        predictions: Mapping[str, Fluxes],
    ) -> None:
        """Take in some times of a file.

        Parameters
        ----------
        file : str
            What the file is called in the results.
        time : (time,)
            Hours since 1970.
        grid, graph : OceanGrid, CouplingGraph
            Of the file.
        wind_x, wind_y : (time, rho)  [m/s]
            Wind relative to the current along xi and eta.
        current_u, current_v : (time, u), (time, v)  [m/s]
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
        n, size = len(time), _sizes(graph)
        if MODEL not in predictions:
            raise ValueError(f"{file}: no prediction '{MODEL}' among {sorted(predictions)}")
        for name in ("tau_x", "tau_y", "heat"):
            if name not in targets:
                raise ValueError(f"{file}: no target '{name}' among {sorted(targets)}")
            require_finite(f"{file}: target '{name}'", targets[name], (n, size[name]))
        for name, values in (
            ("wind_x", wind_x),
            ("wind_y", wind_y),
            ("current_u", current_u),
            ("current_v", current_v),
        ):
            require_finite(f"{file}: '{name}'", values, (n, size[name]))
        for name, fluxes in predictions.items():
            for quantity in fluxes.keys() & size.keys():
                what = f"{file}: '{quantity}' of '{name}'"
                require_finite(what, fluxes[quantity], (n, size[quantity]))
        if not n:
            return
        truth = with_non_solar(targets)
        guesses = {name: with_non_solar(fluxes) for name, fluxes in predictions.items()}
        classes = self._classes(torch.hypot(wind_x, wind_y), grid, graph)
        self.times[file] = self.times.get(file, 0) + n
        self._score(file, graph, classes, (current_u, current_v), truth, guesses)
        self._couple(file, grid, classes, (current_u, current_v), truth, guesses)
        self.samples.update(
            file=file,
            time=torch.as_tensor(time),
            grid=grid,
            graph=graph,
            wind=(wind_x, wind_y),
            fluxes={TARGET: truth, **guesses},
        )

    def _classes(self, speed: Tensor, grid: OceanGrid, graph: CouplingGraph) -> dict[str, Tensor]:
        """Return the class of wind at each kind of point, by the mean of the rho points beside."""
        u, v = to_faces(graph, speed, speed)
        corner = u[:, self._psi_points(grid, speed.device).u_nodes].mean(-1)
        return {
            name: wind_class(values)
            for name, values in {"rho": speed, "u": u, "v": v, "psi": corner}.items()
        }

    def _score(
        self,
        file: str,
        graph: CouplingGraph,
        classes: Mapping[str, Tensor],
        current: tuple[Tensor, Tensor],
        truth: Fluxes,
        guesses: Mapping[str, Fluxes],
    ) -> None:
        """Add the errors of each quantity on its own points, the wind work and the angle."""
        wet = (graph.rho_faces >= 0).all(dim=-1)
        stress = to_rho(graph, truth["tau_x"], truth["tau_y"])
        for name, guess in guesses.items():
            scores = self.scores.setdefault(file, {}).setdefault(name, {})
            for quantity in truth.keys() & guess.keys():
                where = {"tau_x": "u", "tau_y": "v"}.get(quantity, "rho")
                sums = sums_by_class(truth[quantity], guess[quantity], classes[where])
                add(scores.setdefault(quantity, {}), sums)
            if not {"tau_x", "tau_y"} <= guess.keys():
                continue
            for axis, where, u in zip("xy", "uv", current, strict=True):
                target, predicted = (f[f"tau_{axis}"].double() * u for f in (truth, guess))
                sums = sums_by_class(target, predicted, classes[where])
                add(scores.setdefault(f"work_{axis}", {}), sums)
            angle, weight = turning(stress, to_rho(graph, guess["tau_x"], guess["tau_y"]))
            sums = sums_by_class(torch.zeros_like(angle), angle, classes["rho"], weight * wet)
            add(scores.setdefault("stress_angle", {}), sums)

    def _couple(
        self,
        file: str,
        grid: OceanGrid,
        classes: Mapping[str, Tensor],
        current: tuple[Tensor, Tensor],
        truth: Fluxes,
        guesses: Mapping[str, Fluxes],
    ) -> None:
        """Add the curl of the stress and its answer to the vorticity of the currents."""
        psi = self._psi_points(grid, current[0].device)
        if not len(psi.index):
            return
        vorticity = psi.anomaly(psi.curl(*current))
        target = psi.curl(truth["tau_x"], truth["tau_y"])
        coupling = self.coupling.setdefault(file, {})
        for name, fluxes in {TARGET: truth, **guesses}.items():
            if not {"tau_x", "tau_y"} <= fluxes.keys():
                continue
            curl = psi.curl(fluxes["tau_x"], fluxes["tau_y"])
            add(coupling.setdefault(name, {}), coupling_sums(vorticity, psi.anomaly(curl)))
            if name != TARGET:
                sums = sums_by_class(target, curl, classes["psi"])
                add(self.scores[file][name].setdefault("stress_curl", {}), sums)

    def _psi_points(self, grid: OceanGrid, device: torch.device) -> PsiPoints:
        """Return the psi points of a grid, found once."""
        key = grid.fingerprint
        if key not in self._psi:
            self._psi[key] = PsiPoints.of(grid)
        if self._psi[key].index.device != device:
            self._psi[key] = self._psi[key].to(device)
        return self._psi[key]

    def merge(self, other: FluxEvaluation) -> None:
        """Take in what another process evaluated, of other times."""
        for file, names in other.scores.items():
            for name, quantities in names.items():
                for quantity, sums in quantities.items():
                    mine = self.scores.setdefault(file, {}).setdefault(name, {})
                    add(mine.setdefault(quantity, {}), sums)
        for file, coupling in other.coupling.items():
            for name, sums in coupling.items():
                add(self.coupling.setdefault(file, {}).setdefault(name, {}), sums)
        for file, n in other.times.items():
            self.times[file] = self.times.get(file, 0) + n
        self.samples.merge(other.samples)

    # ---- what the sums say ----------------------------------------------------------------------

    def metrics(self) -> dict[str, Any]:
        """Form the metrics of the module's docstring, those of each file and by wind.

        Returns
        -------
        dict
            ``{"model": {metric: value}, "baselines": {name: {metric: value}}, "target": {metric:
            value}, "cases": {file: {"model": ..., "baselines": ..., "target": ...}}, "by_wind":
            ...}``. ``by_wind`` is ``{"coordinate": {"name", "units", "values"}, "points":
            {quantity: values}, metric: {quantity: {name: values}}}``, a value per class of wind.

        Raises
        ------
        ValueError
            Nothing has been evaluated.
        """
        if not self.scores:
            raise ValueError("no file has been evaluated")
        files = sorted(self.scores)
        return {
            **self._table(files),
            "cases": {file: self._table([file]) for file in files},
            "by_wind": self._by_wind(),
        }

    @property
    def names(self) -> list[str]:
        """Baselines and, last, the model."""
        every = {name for scores in self.scores.values() for name in scores}
        return [*sorted(every - {MODEL}), MODEL]

    def classes(self, name: str, quantity: str, files: Iterable[str] | None = None) -> Sums:
        """Return the sums of a quantity by class of wind, (class,) each; none where not known."""
        chosen = self.scores if files is None else files
        return added(self.scores[file].get(name, {}).get(quantity, {}) for file in chosen)

    def vorticity_sums(self, name: str, files: Iterable[str] | None = None) -> Sums:
        """Return the sums of the regression of the curl of the stress; none where not known."""
        chosen = self.coupling if files is None else files
        return added(self.coupling.get(file, {}).get(name, {}) for file in chosen)

    def _table(self, files: Sequence[str]) -> dict[str, Any]:
        """Return the metrics of some files."""
        table = {name: self._metrics(name, files) for name in self.names}
        s_tau = self._coefficient(TARGET, files)
        target = {
            "times": sum(self.times[file] for file in files),
            "s_tau": _plain(s_tau),
            "wind_work": _plain(self._work(MODEL, files, "target")),
        }
        return {MODEL: table.pop(MODEL), "baselines": table, TARGET: target}

    def _metrics(self, name: str, files: Sequence[str]) -> dict[str, float | None]:
        """Form all metrics of one model."""
        total = {
            quantity: {key: value.sum() for key, value in sums.items()}
            for quantity in (*QUANTITIES, "stress_angle")
            if (sums := self.classes(name, quantity, files))
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
        work = {of: self._work(name, files, of) for of in ("predicted", "target")}
        slope = {of: self._coefficient(of, files) for of in (name, TARGET)}
        found["wind_work"], found["s_tau"] = _plain(work["predicted"]), _plain(slope[name])
        found["wind_work_error"] = _excess(work["predicted"], work["target"])
        found["s_tau_error"] = _excess(slope[name], slope[TARGET])
        return found

    def _work(self, name: str, files: Sequence[str], of: str) -> float:
        """Return the wind work [W/m2] of what a model predicts, or of its "target"."""
        work = 0.0
        for axis in "xy":
            sums = self.classes(name, f"work_{axis}", files)
            if not sums:
                return math.nan
            value = sums["target"] + (sums["error"] if of == "predicted" else 0.0)
            work += float(value.sum() / sums["weight"].sum())
        return work

    def _coefficient(self, name: str, files: Sequence[str]) -> float:
        """Return s_tau of a model or of the labels."""
        sums = self.vorticity_sums(name, files)
        return coupling_coefficient(sums) if sums else math.nan

    def _by_wind(self) -> dict[str, Any]:
        """Return the metrics by class of wind."""
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
            sums = {name: self.classes(name, quantity) for name in self.names}
            if not sums[MODEL]:
                continue
            found["points"][quantity] = [int(n) for n in sums[MODEL]["weight"]]
            values = {name: metrics_of(part) for name, part in sums.items() if part}
            for metric in METRICS:
                found[metric][quantity] = {
                    name: plain_numbers(values[name][metric]) for name in values
                }
        return found


def with_non_solar(fluxes: Fluxes) -> dict[str, Tensor]:
    """Return fluxes with, where heat and short wave are there, the heat without the short wave."""
    if not {"heat", "shortwave"} <= fluxes.keys():
        return dict(fluxes)
    return {**fluxes, "non_solar": fluxes["heat"] - fluxes["shortwave"]}


def _of_vector(total: Mapping[str, Sums]) -> dict[str, float | None]:
    """Return R2 and RMSE of both components of the stress as one."""
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


def _sizes(graph: CouplingGraph) -> dict[str, int]:
    """Return how many points each field has."""
    rho, u, v = len(graph.lat), len(graph.u_faces), len(graph.v_faces)
    on_faces = {"tau_x": u, "current_u": u, "tau_y": v, "current_v": v}
    return {**on_faces, **dict.fromkeys(("wind_x", "wind_y", *HEAT), rho)}


def _excess(value: float, truth: float) -> float | None:
    """Return by how much a value is larger than it should be [%]."""
    return _plain(100 * (value / truth - 1)) if truth else None


def _plain(value: Tensor | float | None) -> float | None:
    """Return a number for JSON, None where there is none."""
    return None if value is None else plain_number(torch.as_tensor(value, dtype=torch.float64))
