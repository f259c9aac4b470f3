"""How a simulated flame differs from the filtered direct simulation: length, surface, fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 20
"""Number of intervals of c in its probability density."""
BLOWN_OFF, FLASHED_BACK = 0.1, 0.5
"""A flame has blown off that has less than this share of the reference's surface, and flashed back
where the mean of c in the slot just behind the inlet exceeds the second number."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """A flame at the instants of a comparison.

    Attributes
    ----------
    times : (time,)  [s]
    progress_variable : (time, nx, ny, nz)
    surface_density : Sigma, likewise  [1/m]
    spacing : the size of a cell  [m]
    slot_width : H  [m]
    """

    times: Array
    progress_variable: Array
    surface_density: Array
    spacing: float
    slot_width: float

    @property
    def surface(self) -> Array:
        """Flame surface, the integral of Sigma, (time,)  [m2]; times S_L it is the burning rate."""
        return self.surface_density.sum((1, 2, 3)) * self.spacing**3

    @property
    def length(self) -> Array:
        """Fresh volume over the area of the slot, (time,)  [m]."""
        depth = self.progress_variable.shape[3] * self.spacing
        fresh = (1 - self.progress_variable).sum((1, 2, 3)) * self.spacing**3
        return fresh / (self.slot_width * depth)

    @property
    def surface_along_stream(self) -> Array:
        """Mean flame surface per length of the stream, (nx,)  [m]."""
        return self.surface_density.mean(0).sum((1, 2)) * self.spacing**2

    @property
    def mean(self) -> Array:
        """Mean of c over time and span, (nx, ny)."""
        return self.progress_variable.mean((0, 3))

    @property
    def rms(self) -> Array:
        """Standard deviation of c over time and span, (nx, ny)."""
        return self.progress_variable.std((0, 3))

    @property
    def density(self) -> Array:
        """Share of the cells within the flame, 0.02 < c < 0.98, per interval of c, (BINS,)."""
        counts, _ = np.histogram(self.progress_variable, BINS, (0.02, 0.98))
        return counts / max(counts.sum(), 1)

    @property
    def core(self) -> Array:
        """Mean of c in the middle of the slot, one cell behind the inlet, (time,)."""
        middle = self.progress_variable.shape[2] // 2
        return self.progress_variable[:, 1, middle - 1 : middle + 1].mean((1, 2))


def joined(instants: Sequence[tuple[float, Any, Any]], spacing: float, slot: float) -> History:
    """Return (time, c, Sigma) of several instants as one history."""
    times, progress, density = zip(*instants, strict=True)
    stacked = [np.stack([np.asarray(x, dtype=np.float64) for x in f]) for f in (progress, density)]
    return History(np.array(times), stacked[0], stacked[1], spacing, slot)


def compare(found: History, reference: History) -> dict[str, Any]:
    """Return the errors of a simulation against the filtered direct simulation.

    Returns
    -------
    dict
        ``length`` and ``surface``: means over time [m], [m2]; ``length_error`` and
        ``surface_error``: their relative errors; ``surface_along_stream_error``: the sum of the
        absolute differences over the sum of the reference; ``mean_error`` and ``rms_error``: root
        mean square differences of the mean and of the standard deviation of c; ``density_error``:
        the total variation distance of the probability densities of c; ``state``: burning, blown
        off or flashed back.

    Raises
    ------
    ValueError
        They are not of the same instants.
    """
    if not np.allclose(found.times, reference.times, rtol=1e-9, atol=0):
        raise ValueError(f"instants {found.times} differ from the reference's {reference.times}")
    along, expected = found.surface_along_stream, reference.surface_along_stream
    surface = float(found.surface.mean())
    state = "burning"
    if found.surface[-1] < BLOWN_OFF * reference.surface[-1]:
        state = "blown off"
    elif found.core[-1] > FLASHED_BACK:
        state = "flashed back"
    return {
        "length": float(found.length.mean()),
        "surface": surface,
        "length_error": float(found.length.mean() / reference.length.mean() - 1),
        "surface_error": surface / float(reference.surface.mean()) - 1,
        "surface_along_stream_error": float(np.abs(along - expected).sum() / expected.sum()),
        "mean_error": _rms(found.mean - reference.mean),
        "rms_error": _rms(found.rms - reference.rms),
        "density_error": float(np.abs(found.density - reference.density).sum() / 2),
        "state": state,
    }


def _rms(values: Array) -> float:
    return float(np.sqrt(np.square(values).mean()))
