"""Where the values of a flame are: integrals, profiles and plane cuts on grids and on meshes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.variables import Float64Array

POINTS_IN_PLANE = 20_000
"""Points of a mesh that are kept of a plane at most, a random choice."""


@dataclass
class Plane:
    """Values in one plane: lists of rows on a grid, values at points on a mesh."""

    position: float  # where the plane cuts the axis that it is perpendicular to [m]
    fields: dict[str, list[Any]]  # "progress_variable", "target", "model"; Sigma in 1/m
    points: list[list[float]] | None = None  # on a mesh: (points, 2), to the right and up [m]
    reach: list[float] | None = None  # on a mesh: length of the edge that was cut [m]


@dataclass
class Section:
    """Planes of one snapshot for the cross-section figure, y upwards in both."""

    stream: Plane  # (x, y), at mid span
    cross: Plane  # (z, y), where the flame has most surface

    def joined(self, others: list[Section], distance: float) -> Section:
        """Put in what other zones of the mesh have in the same planes, within a distance [m]."""
        if not others:
            return self
        return Section(
            _joined(self.stream, [other.stream for other in others], distance),
            _joined(self.cross, [other.cross for other in others], distance),
        )


def _joined(plane: Plane, others: list[Plane], distance: float) -> Plane:
    near = [p for p in others if abs(p.position - plane.position) < distance]
    parts = [plane, *(p for p in near if p.points is not None)]
    return Plane(
        plane.position,
        {name: [v for p in parts for v in p.fields[name]] for name in plane.fields},
        [point for p in parts for point in p.points or ()],
        [length for p in parts for length in p.reach or ()],
    )


class Grid:
    """Cells of equal size, (nx, ny, nz).

    Parameters
    ----------
    dx : spacing [m]
    """

    shape = None
    first_station = 0
    extent = None

    def __init__(self, dx: float) -> None:
        self.dx = dx

    def integral(self, values: Float64Array) -> float:
        """Integrate over the volume."""
        return float(values.sum() * self.dx**3)

    def profile(self, values: Float64Array) -> list[float]:
        """Integrate over the slab of each plane across the stream, (nx,)."""
        return (values.sum((1, 2)) * self.dx**3).tolist()

    def section(self, fields: Mapping[str, Float64Array]) -> Section:
        """Take out the plane at mid span, and that across the stream with the largest target."""
        span = fields["target"].shape[2] // 2
        cross = int(fields["target"].sum((1, 2)).argmax())
        return Section(
            Plane(span * self.dx, {n: v[:, :, span].T.tolist() for n, v in fields.items()}),
            Plane(cross * self.dx, {n: v[cross].tolist() for n, v in fields.items()}),
        )


class Nodes:
    """Nodes of a mesh, (nodes,).

    Stations along the stream lie at the multiples of dx, in the middle of slabs dx thick; a node
    belongs to the nearest.

    Parameters
    ----------
    positions : (nodes, 3) [m]; x along the stream, y across, z along the span
    volumes : (nodes,), share of each node in the volume of the mesh [m3]
    edges : (edges, 2), nodes that are joined, each pair once
    dx : distance of the stations [m]
    """

    def __init__(
        self, positions: NDArray[Any], volumes: NDArray[Any], edges: NDArray[Any], dx: float
    ) -> None:
        self.dx, self.edges = dx, np.asarray(edges)
        self.volumes = np.asarray(volumes, dtype=float)
        self.positions = np.asarray(positions, dtype=float)
        self.shape = (len(self.positions),)

    @cached_property
    def extent(self) -> list[float]:
        """Where the mesh begins and ends along the stream [m]."""
        x = self.positions[:, 0]
        return [float(x.min()), float(x.max())]

    @cached_property
    def _stations(self) -> NDArray[np.int64]:
        """Station of each node; half way between two, to rounding, the further one."""
        return np.floor(np.round(self.positions[:, 0] / self.dx, 6) + 0.5).astype(int)

    @property
    def first_station(self) -> int:
        """Number of the first station: it lies at this multiple of dx."""
        return int(self._stations.min())

    def integral(self, values: Float64Array) -> float:
        """Integrate over the volume."""
        return float((values * self.volumes).sum())

    def profile(self, values: Float64Array) -> list[float]:
        """Integrate over the slab of each station."""
        return np.bincount(self._stations - self.first_station, values * self.volumes).tolist()

    def section(self, fields: Mapping[str, Float64Array]) -> Section:
        """Cut the mesh at mid span, and across the stream at the station of the largest target."""
        low, high = self.extent
        station = self.first_station + int(np.argmax(self.profile(fields["target"])))
        inside = min(self.dx, high - low) / 2
        z = self.positions[:, 2]
        return Section(
            self._cut(fields, 2, float(z.min() + z.max()) / 2, [0, 1]),
            self._cut(
                fields, 0, float(np.clip(station * self.dx, low + inside, high - inside)), [2, 1]
            ),
        )

    def _cut(
        self, fields: Mapping[str, Float64Array], axis: int, at: float, shown: list[int]
    ) -> Plane:
        """Find where a plane cuts the edges, and the values there by linear interpolation."""
        from_plane = self.positions[:, axis] - at
        sides = (from_plane < 0)[self.edges]
        cut = self.edges[sides[:, 0] != sides[:, 1]]
        thinning = max(1.0, len(cut) / POINTS_IN_PLANE)
        if thinning > 1:
            cut = np.random.default_rng(0).choice(cut, POINTS_IN_PLANE, replace=False)
        a, b = cut.T
        share = from_plane[a] / (from_plane[a] - from_plane[b])

        def between(values: Float64Array, share: Float64Array = share) -> Float64Array:
            return values[a] + share * (values[b] - values[a])

        lengths = np.linalg.norm(self.positions[a] - self.positions[b], axis=1)
        return Plane(
            at,
            {name: between(values).tolist() for name, values in fields.items()},
            between(self.positions[:, shown], share[:, None]).tolist(),
            (lengths * math.sqrt(thinning)).tolist(),
        )


def slab_lengths(stations: Float64Array, extent: tuple[float, float]) -> Float64Array:
    """Share of the slab of each station that lies between the ends of a mesh.

    Parameters
    ----------
    stations : (stations,) numbers of the stations
    extent : where the mesh begins and ends, in units of their distance

    Returns
    -------
    (stations,), 1 inside
    """
    ends = np.minimum(stations + 0.5, extent[1]) - np.maximum(stations - 0.5, extent[0])
    return np.maximum(ends, 0.0)
