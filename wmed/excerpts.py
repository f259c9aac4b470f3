"""The excerpts of a test set that figures show, bounded in size: storms, series, densities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation.densities import joint_density
from ai4sim.evaluation.scores import MODEL, TARGET
from wmed.nets.coupler import NamedFluxes

if TYPE_CHECKING:
    from wmed.io.graph import CouplingGraph
    from wmed.io.grid import OceanGrid

MAPPED = (TARGET, MODEL, "constant_bulk")
"""The models whose storms are kept."""
DRAWN = ("tau_x", "tau_y", "heat", "tau")
"""Fluxes of a storm, each on its own points; the size of the stress at rho points."""
SERIES = ("tau", "heat", "non_solar")
"""Fluxes of a series."""
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
"""Storms that are kept: the strongest mean wind of each of so many events."""
DENSITY_EDGES = {
    "tau_x": (-2.5, 2.5),
    "tau_y": (-2.5, 2.5),
    "heat": (-1500.0, 1500.0),
    "non_solar": (-1500.0, 1500.0),
}
"""Range of the joint densities [N/m2, W/m2]; the outermost bins hold the points outside, too."""
DENSITY_BINS = 600


@dataclass(frozen=True)
class Conditions:
    """The conditions at some times of an event, under which its fluxes are judged.

    Attributes
    ----------
    event : str
        The name of its file.
    time : (time,)
        Hours since 1970.
    grid, graph : OceanGrid, CouplingGraph
    wind_x, wind_y : (time, rho)  [m/s]
        Wind relative to the current along xi and eta.
    current_u, current_v : (time, u), (time, v)  [m/s]
    """

    event: str
    time: Tensor
    grid: OceanGrid
    graph: CouplingGraph
    wind_x: Tensor
    wind_y: Tensor
    current_u: Tensor
    current_v: Tensor

    @cached_property
    def wind_speed(self) -> Tensor:
        """The speed of the relative wind, (time, rho)  [m/s]."""
        return torch.hypot(self.wind_x, self.wind_y)


@dataclass(frozen=True)
class Storm:
    """One time of one event.

    Attributes
    ----------
    event : str
    time : float
        Hours since 1970.
    mean_wind : float
        Mean of the relative wind over all wet points [m/s].
    grid : OceanGrid
    wind_x, wind_y : (rho,)  [m/s]
    fields : name -> quantity -> (point,)
        The :data:`DRAWN` of the :data:`MAPPED` that have them: ``tau_x`` (u,), ``tau_y`` (v,),
        ``heat`` and ``tau`` (rho,); float32.
    """

    event: str
    time: float
    mean_wind: float
    grid: OceanGrid
    wind_x: Tensor
    wind_y: Tensor
    fields: dict[str, dict[str, Tensor]]

    @classmethod
    def strongest(cls, at: Conditions, fields: Mapping[str, NamedFluxes]) -> Storm:
        """Return the time of the strongest mean wind; parameters as of :meth:`Excerpts.update`."""
        mean = at.wind_speed.double().mean(-1)
        k = int(mean.argmax())

        def row(values: Tensor) -> Tensor:
            return values[k].detach().float().cpu().clone()

        drawn = {
            name: {quantity: row(fields[name][quantity]) for quantity in DRAWN}
            for name in MAPPED
            if set(DRAWN) <= fields.get(name, {}).keys()
        }
        wind = row(at.wind_x), row(at.wind_y)
        return cls(at.event, float(at.time[k]), float(mean[k]), at.grid, *wind, drawn)

    @property
    def rank(self) -> tuple[float, str, float]:
        """What the storms are sorted by, the strongest wind last; no two are alike."""
        return self.mean_wind, self.event, self.time


@dataclass
class Excerpts:
    """Storms, series and joint densities of a test set.

    Attributes
    ----------
    storms : event -> storm
        The strongest wind first.
    series : (name, place, quantity) -> list of (time,)
        In the order in which they came: of "target" the "time" [hours since 1970] and the
        "wind_speed" [m/s], and of all the size "tau" of the stress [N/m2], "heat", "non_solar".
    density : quantity -> (DENSITY_BINS, DENSITY_BINS), int64
        Points by target (rows) and by model (columns).
    """

    storms: dict[str, Storm] = field(default_factory=dict)
    series: dict[tuple[str, str, str], list[Tensor]] = field(default_factory=dict)
    density: dict[str, Tensor] = field(default_factory=dict)

    def update(self, at: Conditions, fields: Mapping[str, NamedFluxes]) -> None:
        """Take in some times of an event.

        Parameters
        ----------
        at : Conditions
        fields : name -> quantity -> (time, point)
            Of "target", "model" and baselines, with ``non_solar`` and ``tau`` at rho points.
        """
        self._keep([Storm.strongest(at, fields)])
        for quantity, ends in DENSITY_EDGES.items():
            if quantity in fields[TARGET] and quantity in fields[MODEL]:
                target, predicted = fields[TARGET][quantity], fields[MODEL][quantity]
                known = ~target.isnan()
                edges = torch.linspace(*ends, DENSITY_BINS + 1, dtype=torch.float64)
                (counts,) = joint_density(target[known], predicted[known], edges)
                self.density[quantity] = self.density.get(quantity, 0) + counts
        for place, node in nearest_nodes(at.graph.lat, at.graph.lon).items():
            here = {(TARGET, place, "time"): at.time}
            here[TARGET, place, "wind_speed"] = at.wind_speed[:, node]
            for name, values in fields.items():
                for quantity in SERIES:
                    if quantity in values:
                        here[name, place, quantity] = values[quantity][:, node]
            for key, new in here.items():
                self.series.setdefault(key, []).append(new.detach().double().cpu())

    def _keep(self, storms: Iterable[Storm]) -> None:
        """Keep the strongest of these and of those that are known, one of each event."""
        strongest: dict[str, Storm] = {}
        every = sorted([*self.storms.values(), *storms], key=lambda storm: storm.rank, reverse=True)
        for storm in every:
            strongest.setdefault(storm.event, storm)
        self.storms = dict(list(strongest.items())[:STORMS])

    def merge(self, other: Excerpts) -> None:
        """Take in those of other times."""
        self._keep(other.storms.values())
        for key, parts in other.series.items():
            self.series.setdefault(key, []).extend(parts)
        for quantity, counts in other.density.items():
            self.density[quantity] = self.density.get(quantity, 0) + counts

    @property
    def places(self) -> list[str]:
        """The places that have a series."""
        return [place for name, place, quantity in self.series if quantity == "time"]

    def values(self, name: str, place: str, quantity: str) -> NDArray[np.float64]:
        """Return a series in the order of time; nothing where it is not known at all times."""
        time = torch.cat(self.series[TARGET, place, "time"])
        parts = self.series.get((name, place, quantity), [])
        if sum(map(len, parts)) != len(time):
            return np.empty(0)
        return torch.cat(parts)[time.argsort(stable=True)].numpy()


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
