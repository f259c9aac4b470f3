"""Small meshes for the tests."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from combustion.io.layouts import Snapshot

FACTS = {"dx_les": 8e-4, "time": 0.25, "S_L": 0.272}
TETRAHEDRON = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
CORNERS = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
HEXAHEDRON = np.array([[0, 4, 6, 2, 1, 5, 7, 3]])  # of CORNERS: around the base, then the top


def flame(shape: tuple[int, int, int] = (6, 5, 4), dx: float = 0.5) -> Snapshot:
    """Quadratic fields, which cubic interpolation carries over exactly."""
    x, y, z = np.meshgrid(*(dx * np.arange(n, dtype=np.float32) for n in shape), indexing="ij")
    c = 0.1 * (x + y * z / 4)
    return Snapshot(
        path=Path("A_001.h5"),
        case="A",
        time=0.25,
        dx=dx,
        progress_variable=c,
        flame_surface_density=100 * c + x,
        resolved_gradient=z * z,
        attributes={"dx_les": dx, "S_L": 0.272, "periodic": "y,z"},
    )
