"""What one snapshot leaves behind when it has been judged: plain numbers, lists and strings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from combustion.physics.geometry import Section


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
    target_profile: list[float]  # (stations,) flame surface around each, across the stream [m2]
    profiles: dict[str, list[float]]
    density: list[list[int]]  # cells of the joint histogram, and how often: sparse
    counts: dict[str, list[int]]  # condition -> samples in each bin
    conditional: dict[str, dict[str, list[list[float]]]]  # condition -> model -> sums of e, e^2
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
    profiles: dict[str, list[float]]  # "target" and the models: (stations,) [m2]

    @classmethod
    def of(cls, zones: list[SnapshotScore]) -> Surface:
        """Add up the zones of one snapshot, station by station."""
        first = min(zone.first_station for zone in zones)
        end = max(zone.first_station + len(zone.target_profile) for zone in zones)
        parts = [{"target": zone.target_profile, **zone.profiles} for zone in zones]
        extents = [zone.extent for zone in zones if zone.extent is not None]
        return cls(
            time=zones[0].time,
            dx=zones[0].dx,
            first_station=first,
            extent=[min(e[0] for e in extents), max(e[1] for e in extents)] if extents else None,
            profiles={
                name: [
                    math.fsum(
                        part[name][k - zone.first_station]
                        for zone, part in zip(zones, parts, strict=True)
                        if 0 <= k - zone.first_station < len(part[name])
                    )
                    for k in range(first, end)
                ]
                for name in parts[0]
                if all(name in part for part in parts)
            },
        )

    @property
    def stations(self) -> tuple[float, range]:
        """Distance of the stations [m] and their numbers."""
        count = len(self.profiles["target"])
        return self.dx, range(self.first_station, self.first_station + count)

    def total(self, name: str) -> float:
        """Flame surface of the DNS ("target") or a model [m2]."""
        return math.fsum(self.profiles[name])
