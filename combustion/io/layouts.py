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

Facts about the flame are attributes of the file (:mod:`combustion.io.facts`). Archives without
attributes are legal: the caller then supplies what it needs.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.forecast import SUFFIX
from ai4sim.io.ranges import check_range
from ai4sim.io.raw_variables import RawVariable
from ai4sim.io.units import convert_from

PROGRESS_TOLERANCE = 1e-3
"""How far c_bar may leave [0, 1] by round-off and filter overshoot before a file is refused."""
NEGATIVE = 1e-3
"""How far fields that are positive may be below 0 by round-off, over their maximum."""
LARGEST = {"1/m": 1e8, "m/s": 1e4}
"""The greatest plausible values, by units."""
SURFACE_RATIOS = (0.02, 50.0)
"""Mean flame surface density over the mean gradient of c_bar, the mean wrinkling: around 1 to 5.
Beyond these bounds, which leave room for discretization, the units of one are others."""
SAMPLED_PLANES = 24
"""Number of planes of a grid that tell its means."""
FLAT = 1e-4
"""Mean gradient of c_bar, per cell or mean edge, below which a field holds hardly any flame."""


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

    def stored(self, field: str) -> str:
        """Return the dataset name of a field, or of its standard deviation."""
        name = self.datasets[field.removesuffix(SUFFIX)]
        return name + SUFFIX if field.endswith(SUFFIX) else name

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
PREDICTED = ("flame_surface_density", f"flame_surface_density{SUFFIX}")
"""Fields that predictions replace, or add: the second one is a standard deviation."""
UNITS = dict(zip(FIELDS, ("1", "1/m", "1/m", "m/s", "m/s"), strict=True)) | {PREDICTED[1]: "1/m"}
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


def layout_in(names: Collection[str], path: Path) -> FlameLayout:
    """Layout whose progress variable is in a file; the error names the nearest one."""
    matches = [layout for layout in LAYOUTS.values() if layout.progress_variable in names]
    if matches:
        return max(matches, key=lambda layout: sum(n in names for n in layout.datasets.values()))
    found = sorted(names)
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


def read_field(variable: RawVariable, field: str) -> NDArray[np.float32]:
    """Read a field in SI units, and check it; `field` is of `FIELDS`.

    Raises
    ------
    ValueError
        See :mod:`ai4sim.io.raw_variables` and :func:`check_field`; or its units are of something
        else.
    """
    conversion = convert_from(variable, UNITS[field])
    values = np.asarray(conversion.apply(variable.read()), np.float32)
    check_field(values, field, variable.name, variable.path)
    return values


def check_field(values: NDArray[np.float32], field: str, name: str, path: Path | str) -> None:
    """Check that a field is finite and can be what it is meant to be.

    Raises
    ------
    ValueError
        A value is NaN or infinite; c_bar is not in [0, 1] (0 fresh, 1 burnt); another field is
        negative by more than round-off, or too large. The message has its place.
    """
    low, high = bounds_of(field)
    if field == "progress_variable":
        check_range(path, name, values, (low, high))
    else:
        peak = float(np.max(values, where=np.isfinite(values), initial=0))
        check_range(path, name, values, (low - NEGATIVE * peak, high), UNITS[field])


def bounds_of(field: str) -> tuple[float, float]:
    """Return the least and the greatest value that a field can have."""
    if field == "progress_variable":
        return -PROGRESS_TOLERANCE, 1 + PROGRESS_TOLERANCE
    return 0.0, LARGEST[UNITS[field]]


def check_surface(surface: float, slope: float, dx: float, path: Path) -> None:
    """Compare the mean flame surface density with the mean gradient of c_bar.

    Parameters
    ----------
    surface, slope : float
        [1/m]
    dx : float
        [m]
    path : path
        For messages.

    Raises
    ------
    ValueError
        They cannot be of one flame: the units of one, or of the spacing, are not what they seem.
    """
    low, high = SURFACE_RATIOS
    if slope * dx > FLAT and not low * slope <= surface <= high * slope:
        raise ValueError(
            f"{path}: the mean flame surface density is {surface:g} 1/m, {surface / slope:.3g} "
            f"times the mean gradient of the progress variable, {slope:g} 1/m for the spacing "
            f"{dx:g} m; expected {low:g} ... {high:g} times: one of them has other units"
        )


def sampled_planes(cells: int) -> NDArray[np.int64]:
    """Return some indices along an axis, evenly spread, that tell the means of a field."""
    return np.unique(np.linspace(0, cells - 1, min(cells, SAMPLED_PLANES)).astype(int))


def mean_slope(c_bar: NDArray[np.float32]) -> float:
    """Return the mean magnitude of the gradient on :func:`sampled_planes` of a grid, per cell."""
    planes = sampled_planes(len(c_bar))
    low, high = np.maximum(planes - 1, 0), np.minimum(planes + 1, len(c_bar) - 1)
    steps = np.maximum(high - low, 1)[:, None, None].astype(np.float32)
    squares = ((c_bar[high] - c_bar[low]) / steps) ** 2
    for axis in (1, 2):
        if c_bar.shape[axis] > 1:
            squares += np.gradient(c_bar[planes], axis=axis) ** 2
    return float(np.sqrt(squares).mean(dtype=np.float64))
