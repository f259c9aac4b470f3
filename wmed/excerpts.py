"""What the figures show of a test set, bounded in size: storms, series at places, densities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from wmed.io.graph import CouplingGraph
    from wmed.io.grid import OceanGrid

NamedFluxes = Mapping[str, Tensor]
"""Name -> (time, point), on its own points."""

MODEL = "model"
"""Key of the network among the predictions; the others are baselines."""
TARGET = "target"
"""Key of the labels beside the predictions."""
MAPPED = (TARGET, MODEL, "constant_bulk")
"""Whose snapshots are kept."""
DRAWN = ("tau_x", "tau_y", "heat", "tau")
"""Fluxes of a snapshot, each on its own points; the size of the stress at rho points."""
PLACES = {
    "Gulf of Lion": (42.0, 4.5),
    "Balearic Sea": (39.5, 3.0),
    "Algerian Basin": (37.5, 5.0),
    "Alboran Sea": (36.0, -3.0),
}
"""Latitude and longitude [degree] of the places with a time series, at the nearest wet point."""
NEAR = 1.0
"""Distance [degree of latitude] up to which a point stands for a place."""
STORMS = 4
"""Snapshots that are kept: that of the strongest mean wind of each of so many files."""
DENSITY_EDGES = {
    "tau_x": (-2.5, 2.5),
    "tau_y": (-2.5, 2.5),
    "heat": (-1500.0, 1500.0),
    "non_solar": (-1500.0, 1500.0),
}
"""Range of the joint histograms [N/m2, W/m2]; what lies outside counts in the outermost bins."""
DENSITY_BINS = 600


@dataclass(frozen=True)
class Snapshot:
    """One time of one file.

    Attributes
    ----------
    file : str
    time : float
        Hours since 1970.
    mean_wind : float
        Mean of the relative wind over all wet points [m/s].
    fingerprint : str
        Of the grid.
    wind_x, wind_y : (rho,)  [m/s]
    fields : name -> quantity -> (point,)
        The :data:`DRAWN` of those of :data:`MAPPED` that have them: ``tau_x`` (u,), ``tau_y`` (v,),
        ``heat`` and ``tau`` (rho,); float32.
    """

    file: str
    time: float
    mean_wind: float
    fingerprint: str
    wind_x: Tensor
    wind_y: Tensor
    fields: dict[str, dict[str, Tensor]]

    @property
    def rank(self) -> tuple[float, str, float]:
        """What the snapshots are sorted by, the strongest wind last; no two are alike."""
        return self.mean_wind, self.file, self.time


@dataclass
class Samples:
    """Snapshots, series and histograms of a test set.

    Attributes
    ----------
    storms : file -> snapshot
    grids : fingerprint -> grid
        Of the snapshots.
    series : name -> place -> quantity -> list of (time,)
        In the order in which they came: of "target" the "time" [hours since 1970] and the
        "wind_speed" [m/s], and of all the size "tau" of the stress [N/m2], "heat", "non_solar".
    density : quantity -> (DENSITY_BINS, DENSITY_BINS), int64
        Points by target (rows) and by model (columns).
    """

    storms: dict[str, Snapshot] = field(default_factory=dict)
    grids: dict[str, OceanGrid] = field(default_factory=dict)
    series: dict[str, dict[str, dict[str, list[Tensor]]]] = field(default_factory=dict)
    density: dict[str, Tensor] = field(default_factory=dict)

    def update(
        self,
        *,
        file: str,
        time: Tensor,
        grid: OceanGrid,
        graph: CouplingGraph,
        wind: tuple[Tensor, Tensor],
        fluxes: Mapping[str, NamedFluxes],
    ) -> None:
        """Take in some times of a file.

        Parameters
        ----------
        file : str
        time : (time,)
            Hours since 1970.
        grid, graph : OceanGrid, CouplingGraph
        wind : x and y, (time, rho)  [m/s]
            Relative to the current.
        fluxes : name -> quantity -> (time, point)
            Of "target", "model" and baselines, ``non_solar`` among them.
        """
        fluxes = {name: _with_size(values, graph) for name, values in fluxes.items()}
        truth, guess = fluxes[TARGET], fluxes[MODEL]
        for quantity in DENSITY_EDGES.keys() & truth.keys() & guess.keys():
            self.add_points(quantity, truth[quantity], guess[quantity])
        speed = torch.hypot(*wind)
        mean = speed.double().mean(-1)
        k = int(mean.argmax())
        self.grids[grid.fingerprint] = grid
        if self.could_be_storm(file, float(mean[k])):
            wind_x, wind_y = (component[k].float().cpu().clone() for component in wind)
            fields = {
                name: {q: fluxes[name][q][k].float().cpu().clone() for q in DRAWN}
                for name in MAPPED
                if set(DRAWN) <= fluxes.get(name, {}).keys()
            }
            found = (file, float(time[k]), float(mean[k]), grid.fingerprint, wind_x, wind_y, fields)
            self.add_storm(Snapshot(*found))
        self._drop_grids()
        nodes = nearest_nodes(graph.lat, graph.lon)
        for name, values in fluxes.items():
            series = {q: values[q] for q in ("tau", "heat", "non_solar") if q in values}
            if name == TARGET:
                series["wind_speed"] = speed
            for place, node in nodes.items():
                here = {q: value[:, node] for q, value in series.items()}
                self.add_series(name, place, {**here, "time": time} if name == TARGET else here)

    def _drop_grids(self) -> None:
        """Forget grids that no snapshot needs."""
        needed = {storm.fingerprint for storm in self.storms.values()}
        self.grids = {key: grid for key, grid in self.grids.items() if key in needed}

    def add_storm(self, snapshot: Snapshot) -> None:
        """Keep a snapshot if it is one of the strongest."""
        known = self.storms.get(snapshot.file)
        if known is None or snapshot.rank > known.rank:
            self.storms[snapshot.file] = snapshot
        strongest = sorted(self.storms.values(), key=lambda storm: storm.rank)[-STORMS:]
        self.storms = {storm.file: storm for storm in reversed(strongest)}

    def could_be_storm(self, file: str, mean_wind: float) -> bool:
        """Tell whether a snapshot of such a wind can be one that is kept."""
        if file in self.storms:
            return mean_wind >= self.storms[file].mean_wind
        weakest = min((storm.mean_wind for storm in self.storms.values()), default=-np.inf)
        return len(self.storms) < STORMS or mean_wind >= weakest

    def add_series(self, name: str, place: str, values: Mapping[str, Tensor]) -> None:
        """Append values (time,) of some quantities at a place."""
        known = self.series.setdefault(name, {}).setdefault(place, {})
        for quantity, new in values.items():
            known.setdefault(quantity, []).append(new.detach().double().cpu())

    def add_points(self, quantity: str, target: Tensor, predicted: Tensor) -> None:
        """Count points, of any one shape, by target and prediction; NaN are left out."""
        low, high = DENSITY_EDGES[quantity]
        known = ~target.isnan()
        row, column = (
            ((values.double()[known] - low) / (high - low) * DENSITY_BINS)
            .floor()
            .clamp(0, DENSITY_BINS - 1)
            .long()
            .cpu()
            for values in (target, predicted)
        )
        counts = torch.bincount(row * DENSITY_BINS + column, minlength=DENSITY_BINS**2)
        counts = counts.view(DENSITY_BINS, DENSITY_BINS)
        self.density[quantity] = self.density.get(quantity, 0) + counts

    def merge(self, other: Samples) -> None:
        """Take in those of other times."""
        for storm in other.storms.values():
            self.add_storm(storm)
        self.grids |= other.grids
        self._drop_grids()
        for name, places in other.series.items():
            for place, quantities in places.items():
                known = self.series.setdefault(name, {}).setdefault(place, {})
                for quantity, parts in quantities.items():
                    known.setdefault(quantity, []).extend(parts)
        for quantity, counts in other.density.items():
            self.density[quantity] = self.density.get(quantity, 0) + counts

    def times(self, place: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the times [hours since 1970] of a series, sorted, and what sorts them."""
        time = torch.cat(self.series[TARGET][place]["time"]).numpy()
        order = np.argsort(time, kind="stable")
        return time[order], order

    def values(self, name: str, place: str, quantity: str) -> NDArray[np.float64] | None:
        """Return a series in the order of time; None where it is not known at all times."""
        parts = self.series.get(name, {}).get(place, {}).get(quantity)
        time, order = self.times(place)
        if parts is None or sum(map(len, parts)) != len(time):
            return None
        return torch.cat(parts).numpy()[order]


def _with_size(fluxes: NamedFluxes, graph: CouplingGraph) -> dict[str, Tensor]:
    """Return fluxes with, where both components are there, the size of the stress at rho points."""
    if not {"tau_x", "tau_y"} <= fluxes.keys():
        return dict(fluxes)
    return {**fluxes, "tau": torch.hypot(*graph.to_rho(fluxes["tau_x"], fluxes["tau_y"]))}


def nearest_nodes(latitude: Tensor, longitude: Tensor) -> dict[str, int]:
    """Return the node of each of :data:`PLACES` that lies within :data:`NEAR` of one.

    Parameters
    ----------
    latitude, longitude : (rho,)  [degree]
    """
    found = {}
    for place, (lat, lon) in PLACES.items():
        east = (longitude.double() - lon) * np.cos(np.radians(lat))
        distance2 = east.square() + (latitude.double() - lat).square()
        node = int(distance2.argmin())
        if distance2[node] <= NEAR**2:
            found[place] = node
    return found
