"""The HDF5 layouts of filtered flames: which dataset holds which field, and in which axis order.

In memory every field is a float32 array of shape ``(nx, ny, nz)``: x along the stream, y across the
flame brush, z along the span. On disk there are two families, told apart by their dataset names:

===========================  ==================  ====================  ==========
field (name in memory)       CNF  (x, y, z)      R2, R3  (z, y, x)     unit
===========================  ==================  ====================  ==========
``progress_variable``        ``filt_8``          ``c_filt``            1
``flame_surface_density``    ``filt_grad_8``     ``c_grad_filt``       1/m
``resolved_gradient``        ``grad_filt_8``     ``c_filt_grad``       1/m
``subfilter_velocity``       ``u_sgs_8``         ``u_sgs``             m/s
``les_velocity``             ``u_les_8``         ``u_les``             m/s
===========================  ==================  ====================  ==========

``progress_variable`` is the filtered progress variable c_bar (0 fresh, 1 burnt),
``flame_surface_density`` the target Sigma, the filtered ``|grad c|``, ``resolved_gradient`` is
``|grad c_bar|``, ``subfilter_velocity`` the rms velocity below the filter measured in the DNS and
``les_velocity`` its estimate from what an LES resolves. Only the first is indispensable.

Facts about the flame are attributes of the file (``dx_les``, ``filter_width``, ``S_L``,
``delta_L``, ..., SI units). Archives without attributes are legal: the caller then supplies what
it needs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4sim.io.files import atomic_write
from ai4sim.io.hdf5 import open_hdf5

PROGRESS_TOLERANCE = 1e-3
"""How far c_bar may leave [0, 1] by round-off and filter overshoot before a file is refused."""


@dataclass(frozen=True)
class FlameLayout:
    """Names and axis order of one family of files."""

    name: str
    progress_variable: str
    flame_surface_density: str
    resolved_gradient: str
    subfilter_velocity: str
    les_velocity: str
    axes: str

    @property
    def datasets(self) -> dict[str, str]:
        """Field name in memory (of `Snapshot`) -> dataset name in the file."""
        return {name: getattr(self, name) for name in FIELDS}

    def reorder(self, values: NDArray[Any]) -> NDArray[Any]:
        """Swap between file and memory axis order (its own inverse)."""
        return values if self.axes == "xyz" else values.transpose(2, 1, 0)


FIELDS = (
    "progress_variable",
    "flame_surface_density",
    "resolved_gradient",
    "subfilter_velocity",
    "les_velocity",
)
CNF = FlameLayout("cnf", "filt_8", "filt_grad_8", "grad_filt_8", "u_sgs_8", "u_les_8", "xyz")
R2 = FlameLayout("r2", "c_filt", "c_grad_filt", "c_filt_grad", "u_sgs", "u_les", "zyx")
LAYOUTS = {layout.name: layout for layout in (CNF, R2)}


@dataclass
class Flame:
    """One filtered flame at one instant; fields are float32, all of one shape."""

    path: Path
    case: str
    time: float  # [s], NaN where the file does not say
    dx: float  # [m], spacing of the LES grid, or reference length of a mesh
    progress_variable: NDArray[np.float32]  # [1]
    flame_surface_density: NDArray[np.float32] | None = None  # [1/m]
    resolved_gradient: NDArray[np.float32] | None = None  # [1/m]
    subfilter_velocity: NDArray[np.float32] | None = None  # [m/s]
    les_velocity: NDArray[np.float32] | None = None  # [m/s]
    attributes: dict[str, Any] = field(default_factory=dict)


class Snapshot(Flame):
    """A flame on a grid: fields are (nx, ny, nz)."""


def detect(path: Path | str) -> FlameLayout:
    """Tell the layout of a file from the name of its progress variable.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a readable HDF5 file, or none of the known progress variables is in it.
    """
    with open_hdf5(Path(path)) as file:
        return _layout_of(file, Path(path))


def read_snapshot(
    path: Path | str, *, dx: float | None = None, require_target: bool = True
) -> Snapshot:
    """Read and check one file of either layout.

    Parameters
    ----------
    path : path
        The HDF5 file.
    dx : float, optional
        Grid spacing [m] for files whose attributes hold neither ``dx_les`` nor ``dx``.
    require_target : bool
        Refuse files without the flame surface density (training, testing); False to predict.

    Returns
    -------
    Snapshot
        With every field in memory order (nx, ny, nz), whatever the order in the file.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Unreadable, of no known layout, a field of the wrong shape, not finite or (c_bar) out of
        [0, 1], no target or no grid spacing.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        layout = _layout_of(file, path)
        if require_target and layout.flame_surface_density not in file:
            raise ValueError(
                f"{path}: no dataset '{layout.flame_surface_density}' (the target, flame surface "
                f"density) in this file of layout '{layout.name}'; found {sorted(file)}. "
                "Files without a target can only be predicted."
            )
        attributes = {name: plain(value) for name, value in file.attrs.items()}
        fields = {
            name: _read(file[dataset], layout, path)
            for name, dataset in layout.datasets.items()
            if dataset in file
        }
    shape = fields["progress_variable"].shape
    for name, values in fields.items():
        if values.shape != shape:
            raise ValueError(
                f"{path}: '{layout.datasets[name]}' has shape {values.shape} as (x, y, z), "
                f"'{layout.progress_variable}' has {shape}; expected one grid for all fields"
            )
    check_progress_variable(fields["progress_variable"], layout.progress_variable, path)
    return Snapshot(
        path=path,
        case=str(attributes.get("case") or re.sub(r"_\d+$", "", path.stem)),
        time=float(attributes.get("time", np.nan)),
        dx=grid_spacing(attributes, dx, path),
        attributes=attributes,
        **fields,
    )


def write_snapshot(
    path: Path | str,
    fields: Mapping[str, ArrayLike],
    attributes: Mapping[str, Any],
    layout: FlameLayout,
) -> None:
    """Write fields given in memory order as one file of `layout`: float32, atomically.

    Parameters
    ----------
    path : path
        Destination; its folder is created. A file of that name is replaced once the new one is
        complete.
    fields : mapping
        Field name of `FIELDS` -> array (nx, ny, nz), ``progress_variable`` among them.
    attributes : mapping
        Facts about the flame, SI units; plain numbers and strings.
    layout : FlameLayout
        `CNF` or `R2`.
    """
    path = Path(path)
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown or "progress_variable" not in fields:
        raise ValueError(
            f"{path}: cannot write the fields {sorted(fields)}; 'progress_variable' is needed and "
            f"the others must be of {list(FIELDS[1:])}"
        )
    arrays = {name: np.asarray(values, dtype=np.float32) for name, values in fields.items()}
    shape = arrays["progress_variable"].shape
    for name, values in arrays.items():
        if values.ndim != 3 or values.shape != shape:
            raise ValueError(
                f"{path}: field '{name}' has shape {values.shape}, expected three axes (x, y, z) "
                f"like 'progress_variable', which has {shape}"
            )
    with atomic_write(path) as partial, h5py.File(partial, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(layout.datasets[name], data=layout.reorder(values))
        file.attrs.update(dict(attributes))


def write_like(
    source: Path | str, destination: Path | str, fields: Mapping[str, ArrayLike]
) -> None:
    """Write a copy of `source` in which `fields` replace (or join) what the file held.

    The copy has the layout, axis order and attributes of the source, so a prediction can be read
    wherever the raw file can: its flame surface density is then the model's.

    Parameters
    ----------
    source : path
        Raw file, of either layout; it needs no target and no grid spacing.
    destination : path
        File to write, atomically.
    fields : mapping
        Field name -> array (nx, ny, nz), SI units.
    """
    source = Path(source)
    with open_hdf5(source) as file:
        layout = _layout_of(file, source)
        kept = {
            name: _read(file[dataset], layout, source)
            for name, dataset in layout.datasets.items()
            if dataset in file
        }
        facts = dict(file.attrs)
    write_snapshot(destination, {**kept, **fields}, facts, layout)


def states_filter(attributes: Mapping[str, Any]) -> bool:
    """Tell whether the attributes say how wide the LES filter is."""
    return "filter_width" in attributes or {"filter_npts", "filter_sigma_dx"} <= attributes.keys()


def filter_width(attributes: Mapping[str, Any], dx: float) -> float:
    """Width Delta of the LES filter [m]: the box of equal second moment, Delta^2 = 12 variance.

    ``filter_width`` where the file says it. Otherwise ``filter_npts`` and ``filter_sigma_dx``
    describe a Gaussian of that standard deviation cut off at that many DNS points (a wide one is
    nearly a box); its variance is taken from the weights themselves. Otherwise Delta is the LES
    grid spacing `dx` [m], as for an implicit filter.
    """
    if "filter_width" in attributes:
        return float(attributes["filter_width"])
    if {"filter_npts", "filter_sigma_dx"} <= attributes.keys():
        points = int(attributes["filter_npts"])
        offsets = np.arange(points) - (points - 1) / 2
        weights = np.exp(-0.5 * (offsets / float(attributes["filter_sigma_dx"])) ** 2)
        variance = float((weights * offsets**2).sum() / weights.sum())
        dx_dns = float(attributes.get("dx_dns", dx / float(attributes.get("coarsening", 1))))
        return float(np.sqrt(12 * variance)) * dx_dns
    return dx


def _layout_of(file: h5py.File, path: Path) -> FlameLayout:
    """Layout whose progress variable is in the file; the error names the nearest one."""
    found = sorted(file)
    matches = [layout for layout in LAYOUTS.values() if layout.progress_variable in file]
    if matches:
        return max(matches, key=lambda layout: sum(n in file for n in layout.datasets.values()))
    nearest = max(LAYOUTS.values(), key=lambda layout: _likeness(layout, found))
    expected = "; ".join(
        f"'{layout.name}': {layout.progress_variable}, {layout.flame_surface_density} (target), "
        f"{layout.resolved_gradient} (optional)"
        for layout in LAYOUTS.values()
    )
    raise ValueError(
        f"{path}: no filtered progress variable. Found {found}; expected the datasets of a layout, "
        f"{expected}. Nearest is '{nearest.name}', '{nearest.progress_variable}' of it is missing."
    )


def _likeness(layout: FlameLayout, found: list[str]) -> float:
    """How near the found names come to those of a layout."""
    return sum(
        max((difflib.SequenceMatcher(None, name, other).ratio() for other in found), default=0.0)
        for name in layout.datasets.values()
    )


def _read(dataset: Any, layout: FlameLayout, path: Path) -> NDArray[np.float32]:
    """One field in memory order, checked to be 3-D and finite."""
    name = dataset.name.lstrip("/")
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 3:
        found = f"shape {dataset.shape}" if isinstance(dataset, h5py.Dataset) else "a group"
        order = ", ".join(layout.axes)
        raise ValueError(
            f"{path}: '{name}' must be a dataset with three axes ({order}), found {found}"
        )
    values = np.ascontiguousarray(layout.reorder(dataset[...]), dtype=np.float32)
    wrong = int(values.size - np.isfinite(values).sum())
    if wrong:
        raise ValueError(f"{path}: '{name}' holds {wrong} NaN or infinite of {values.size} values")
    return values


def check_progress_variable(values: NDArray[np.float32], name: str, path: Path) -> None:
    """Refuse what cannot be a progress variable: a temperature, say, or 1 - c scaled otherwise."""
    low, high = float(values.min()), float(values.max())
    if low < -PROGRESS_TOLERANCE or high > 1 + PROGRESS_TOLERANCE:
        raise ValueError(
            f"{path}: '{name}' ranges over [{low:g}, {high:g}]; expected a filtered progress "
            f"variable in [0, 1] (0 fresh, 1 burnt; tolerance {PROGRESS_TOLERANCE:g})"
        )


def grid_spacing(attributes: Mapping[str, Any], dx: float | None, path: Path) -> float:
    """Grid spacing [m] from the attributes, else from the caller."""
    value = attributes.get("dx_les", attributes.get("dx", dx))
    if value is None:
        raise ValueError(
            f"{path}: the spacing of the LES grid is unknown: expected an attribute 'dx_les' or "
            f"'dx' [m], found {sorted(attributes)}; give dx"
        )
    if not float(value) > 0:
        raise ValueError(f"{path}: the spacing of the LES grid must be positive [m], found {value}")
    return float(value)


def plain(value: Any) -> Any:
    """HDF5 attribute as a Python number or string where it is one."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def period(snapshot: Flame, axis: int) -> int | None:
    """Cells after which a field repeats along an axis, None where it does not.

    The attribute ``periodic`` names axes whose last cell is the neighbour of the first ("y,z").
    Some files instead say in ``axis_order`` that "y,z periodic, last plane = first": their period
    is one cell less.
    """
    letter, cells = "xyz"[axis], snapshot.progress_variable.shape[axis]
    if letter in str(snapshot.attributes.get("periodic", "")):
        return cells
    repeated = re.search(
        r"\(([xyz,]+) periodic, last plane = first\)",
        str(snapshot.attributes.get("axis_order", "")),
    )
    return cells - 1 if repeated and letter in repeated.group(1) else None
