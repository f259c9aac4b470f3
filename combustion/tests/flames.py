"""Tiny wrinkled flame sheets for the tests: real shapes and units, milliseconds to make."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.surrogate import Surrogate
from combustion.io.grids import read_snapshot, write_snapshot
from combustion.io.layouts import CNF, FIELDS, R2, FlameLayout
from combustion.io.meshes import MeshSnapshot, grid_tetrahedra, mesh_of_snapshot

DX = 8e-4


def write_sheets(
    folder: Path,
    case: str = "DNS1",
    snapshots: int = 8,
    shape: tuple[int, int, int] = (16, 12, 12),
    layout: FlameLayout = CNF,
    target: bool = True,
    wrinkling: float = 1.0,
    **attributes: object,
) -> list[Path]:
    """Write a tanh flame around a sine surface in y that moves downstream; returns the files."""
    rng = np.random.default_rng(sum(map(ord, case)))
    x, y, z = np.meshgrid(*(DX * np.arange(n) for n in shape), indexing="ij")
    length_y, length_z = DX * shape[1], DX * shape[2]
    paths = []
    for i in range(snapshots):
        phase = 2 * np.pi * (i / snapshots + rng.random() * 0.1)
        amplitude = wrinkling * 1.5 * DX
        front = 0.5 * DX * shape[0] + amplitude * (
            np.sin(2 * np.pi * y / length_y + phase) + np.cos(2 * np.pi * z / length_z - phase)
        )
        c = 0.5 * (1 + np.tanh((x - front) / (2 * DX)))
        slope_y = amplitude * 2 * np.pi / length_y * np.cos(2 * np.pi * y / length_y + phase)
        slope_z = amplitude * 2 * np.pi / length_z * np.sin(2 * np.pi * z / length_z - phase)
        gradient = c * (1 - c) / DX * np.sqrt(1 + slope_y**2 + slope_z**2)
        fields = {"progress_variable": c, "resolved_gradient": gradient / 1.3}
        if target:
            fields["flame_surface_density"] = gradient
        facts = {
            "case": case,
            "time": 1e-3 * i,
            "dx_les": DX,
            "S_L": 0.272,
            "delta_L": 5.26e-4,
            "u_rms_in": 0.55,
            "l_t": 2e-3,
            "filter_width": DX,
            "periodic": "y,z",
            **attributes,
        }
        path = folder / "raw" / f"{case}_{i:03d}.h5"
        write_snapshot(path, fields, {k: v for k, v in facts.items() if v is not None}, layout)
        paths.append(path)
    return paths


def write_zones(path: Path, attributes: dict | None = None, blank: str = " ", **zones: Any) -> Path:
    """Write CGNS-like zones.

    A zone is {"positions": ..., "sections": {name: table from 1}, other names: node fields}.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, content in zones.items():
            zone = file.create_group(f"Base/{name}")
            fields = dict(content)
            positions, sections = fields.pop("positions"), fields.pop("sections")
            for axis, values in zip("XYZ", np.transpose(positions), strict=True):
                zone[f"GridCoordinates/Coordinate{axis}/{blank}data"] = values
            last = 0
            for section, table in sections.items():
                first, last = last + 1, last + len(table)
                zone[f"{section}/ElementConnectivity/{blank}data"] = np.ravel(table)
                zone[f"{section}/ElementRange/{blank}data"] = np.array([first, last])
            for field, values in fields.items():
                zone[f"FlowSolution/{field}/{blank}data"] = values
        file.attrs.update(attributes or {})
    return path


def zone_of(mesh: MeshSnapshot, tetrahedra: NDArray[np.int64]) -> dict[str, Any]:
    """Return a mesh as a zone of `write_zones`; the elements (elements, 4) have nodes from 0."""
    fields = {R2.datasets[name]: getattr(mesh, name) for name in FIELDS}
    return {
        "positions": mesh.positions,
        "sections": {"Tetrahedra": tetrahedra + 1},
        **{name: values for name, values in fields.items() if values is not None},
    }


def write_mesh_sheets(
    folder: Path,
    case: str = "DNS1",
    snapshots: int = 8,
    shape: tuple[int, int, int] = (8, 7, 6),
    jitter: float = 0.2,
    **options: Any,
) -> list[Path]:
    """Write the same flames on tetrahedra; returns the files."""
    with tempfile.TemporaryDirectory() as grids:
        sheets = write_sheets(Path(grids), case, snapshots, shape, **options)
        paths = []
        for i, sheet in enumerate(sheets):
            mesh = mesh_of_snapshot(read_snapshot(sheet), jitter=jitter, seed=i)
            path = folder / "raw" / sheet.name
            zone = zone_of(mesh, grid_tetrahedra(shape))
            write_zones(path, mesh.attributes, mesh=zone)
            paths.append(path)
    return paths


def read_prediction(path: Path) -> NDArray[np.float32]:
    """Return the flame surface density of a predicted grid of the R2 layout, (x, y, z) [1/m]."""
    with h5py.File(path) as file:
        return file["c_grad_filt"][...].T


def predict_file(surrogate: Surrogate, path: Path) -> NDArray[np.float32]:
    """Return the flame surface density of a raw grid, periodic in y and z, (x, y, z) [1/m]."""
    raw = read_snapshot(path, require_target=False)
    fields = surrogate.predict(
        {"progress_variable": raw.progress_variable},
        # Sigma scales with 1/dx: the grid of the raw file counts, not that of the training set.
        output_scale=1 / raw.dx,
        periods=(None, *raw.progress_variable.shape[1:]),
    )
    return fields["flame_surface_density"]
