"""What the surface fluxes are judged by, summed up batch by batch.

Only sums over points are kept, in float64, by file and by class of wind, so that a test set of any
size streams through and the parts of several processes add up to the whole: never a mean over
batches. Each quantity is compared where its file has it; land has no point and counts nowhere.

What is formed of the sums stands in :mod:`wmed.tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.scores import require_finite
from wmed import tables
from wmed.excerpts import MODEL, TARGET, NamedFluxes, Samples
from wmed.io.layout import HEAT, points_of
from wmed.physics.stress_coupling import (
    PsiPoints,
    Sums,
    add,
    added,
    coupling_sums,
    sums_by_class,
    turning,
    wind_class,
)

if TYPE_CHECKING:
    from wmed.io.graph import CouplingGraph
    from wmed.io.grid import OceanGrid


class FluxEvaluation:
    """Sums of a model and its baselines over a test set.

    Attributes
    ----------
    scores : file -> name -> quantity -> sums
        By class of wind, see :func:`~wmed.physics.stress_coupling.sums_by_class`.
    coupling : file -> name -> sums
        Of each model and of the labels, see :func:`~wmed.physics.stress_coupling.coupling_sums`.
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
        targets: NamedFluxes,
        predictions: Mapping[str, NamedFluxes],
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
        n = len(time)
        state = {
            "wind_x": wind_x,
            "wind_y": wind_y,
            "current_u": current_u,
            "current_v": current_v,
        }
        _check(file, n, _sizes(graph), state, targets, predictions)
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
        u, v = graph.to_faces(speed, speed)
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
        truth: NamedFluxes,
        guesses: Mapping[str, NamedFluxes],
    ) -> None:
        """Add the errors of each quantity on its own points, the wind work and the angle."""
        wet = (graph.rho_faces >= 0).all(dim=-1)
        stress = graph.to_rho(truth["tau_x"], truth["tau_y"])
        for name, guess in guesses.items():
            scores = self.scores.setdefault(file, {}).setdefault(name, {})
            for quantity in truth.keys() & guess.keys():
                of_points = classes[points_of(quantity)]
                sums = sums_by_class(truth[quantity], guess[quantity], of_points)
                add(scores.setdefault(quantity, {}), sums)
            if not {"tau_x", "tau_y"} <= guess.keys():
                continue
            for axis, where, u in zip("xy", "uv", current, strict=True):
                target, predicted = (f[f"tau_{axis}"].double() * u for f in (truth, guess))
                sums = sums_by_class(target, predicted, classes[where])
                add(scores.setdefault(f"work_{axis}", {}), sums)
            angle, weight = turning(stress, graph.to_rho(guess["tau_x"], guess["tau_y"]))
            sums = sums_by_class(torch.zeros_like(angle), angle, classes["rho"], weight * wet)
            add(scores.setdefault("stress_angle", {}), sums)

    def _couple(
        self,
        file: str,
        grid: OceanGrid,
        classes: Mapping[str, Tensor],
        current: tuple[Tensor, Tensor],
        truth: NamedFluxes,
        guesses: Mapping[str, NamedFluxes],
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
        """Form the metrics of :mod:`wmed.tables`, those of each file and by wind.

        Returns
        -------
        dict
            What :func:`.tables.table` gives of all files; of each of them under ``cases``; and
            ``by_wind``, see :func:`.tables.by_wind`.

        Raises
        ------
        ValueError
            Nothing has been evaluated.
        """
        if not self.scores:
            raise ValueError("no file has been evaluated")
        files = sorted(self.scores)
        return {
            **tables.table(self, files),
            "cases": {file: tables.table(self, [file]) for file in files},
            "by_wind": tables.by_wind(self),
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


def with_non_solar(fluxes: NamedFluxes) -> dict[str, Tensor]:
    """Return fluxes with, where heat and short wave are there, the heat without the short wave."""
    if not {"heat", "shortwave"} <= fluxes.keys():
        return dict(fluxes)
    return {**fluxes, "non_solar": fluxes["heat"] - fluxes["shortwave"]}


def _check(
    file: str,
    times: int,
    sizes: Mapping[str, int],
    state: NamedFluxes,
    targets: NamedFluxes,
    predictions: Mapping[str, NamedFluxes],
) -> None:
    """Raise ValueError unless all that is needed is there, finite and of its shape."""
    if MODEL not in predictions:
        raise ValueError(f"{file}: no prediction '{MODEL}' among {sorted(predictions)}")
    for name in ("tau_x", "tau_y", "heat"):
        if name not in targets:
            raise ValueError(f"{file}: no target '{name}' among {sorted(targets)}")
        require_finite(f"{file}: target '{name}'", targets[name], (times, sizes[name]))
    for name, values in state.items():
        require_finite(f"{file}: '{name}'", values, (times, sizes[name]))
    for name, fluxes in predictions.items():
        for quantity in fluxes.keys() & sizes.keys():
            what = f"{file}: '{quantity}' of '{name}'"
            require_finite(what, fluxes[quantity], (times, sizes[quantity]))


def _sizes(graph: CouplingGraph) -> dict[str, int]:
    """Return how many points each field has."""
    sizes = graph.sizes
    fluxes = {name: sizes[points_of(name)] for name in ("tau_x", "tau_y", *HEAT)}
    winds = dict.fromkeys(("wind_x", "wind_y"), sizes["rho"])
    return {**fluxes, **winds, "current_u": sizes["u"], "current_v": sizes["v"]}
