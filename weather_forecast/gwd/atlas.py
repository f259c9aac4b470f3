"""Target and model as the figures show them: sums over zones, joint densities, a few columns."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ai4sim.evaluation.densities import joint_density
from ai4sim.evaluation.reservoir import Reservoir, random_key, row_random
from ai4sim.evaluation.scores import MODEL, Sums, add, error_sums, sum_by

LATITUDE_STEP = 5.0
"""Width of a zone [degrees]."""
ZONES = 36
"""Zones from pole to pole; one more holds the columns whose latitude is not known."""
BAND = 6
"""Zones in a latitude band: 30 degrees."""
GROUP_BOUNDS = (100.0, 1e3, 1e4, 5e4)
"""Pressures [Pa] between the groups of levels of the joint densities."""
DENSITY_BINS = 201
"""Bins per axis of a joint density; odd, so that zero lies in the middle of one."""
DENSITY_RESOLUTION, DENSITY_RANGE = 1e-7, 0.1
"""Tendencies [m/s2]: below the first the bins are evenly wide, and the second is the last edge."""
SAMPLES = 6
"""Columns to look at: one per latitude band, or all from those whose latitude is not known."""
DRAWN = ("ridge", MODEL)
"""Predictions that are kept of these columns, as far as they are given."""


class Atlas:
    """Sums of target and model over a test set.

    The components of a tendency are u, v of each part of the drag.

    Parameters
    ----------
    pressure : (level,)  [Pa]
        The pressure that the levels are grouped by.

    Attributes
    ----------
    sums : name -> Tensor
        :func:`~ai4sim.evaluation.scores.error_sums` and ``prediction2`` (zone, component, level);
        ``target_flux``, ``prediction_flux`` (zone, part, level); ``density`` (group, part, bin,
        bin), of target and prediction.
    reservoir : Reservoir
        Columns drawn at random by latitude band; the more momentum a column exchanges, the more
        likely. See :attr:`samples`.
    """

    def __init__(self, pressure: Tensor) -> None:
        self.pressure = pressure
        self.sums: Sums = {}
        self.reservoir = Reservoir(SAMPLES)

    def update(
        self,
        *,
        target: Tensor,
        predictions: Mapping[str, Tensor],
        mass: Tensor,
        latitude: Tensor,
        marker: Tensor,
    ) -> None:
        """Take in a batch of columns.

        Parameters
        ----------
        target : (column, component, level)  [m/s2]
        predictions : name -> (column, component, level)  [m/s2]
        mass : (column, level)  [kg/m2]
        latitude : (column,)  [degrees north]
            NaN where it is not known.
        marker : (column,)
            Any quantity that differs between columns, see
            :func:`~ai4sim.evaluation.reservoir.row_random`.
        """
        zone, prediction = _zone(latitude), predictions[MODEL]
        others = {
            "prediction2": prediction.square(),
            "target_flux": momentum_flux(target, mass),
            "prediction_flux": momentum_flux(prediction, mass),
        }
        sums = {
            **error_sums(target, prediction, group=zone, groups=ZONES + 1),
            **{name: sum_by(zone, ZONES + 1, values) for name, values in others.items()},
            "density": self._density(target, prediction),
        }
        add(self.sums, sums)
        self.reservoir.offer(
            random_key(row_random(marker, 1e-4), (target.abs() * mass[:, None]).sum((1, 2))),
            {
                "latitude": latitude,
                "target": target,
                **{name: predictions[name] for name in DRAWN if name in predictions},
            },
            group=zone // BAND,
        )

    def merge(self, other: Atlas) -> None:
        """Take in the atlas of other columns."""
        add(self.sums, other.sums)
        self.reservoir.merge(other.reservoir)

    # ---- means ----------------------------------------------------------------------------------

    @property
    def columns(self) -> Tensor:
        """Number of columns of each zone, (zone,)."""
        return self.sums["weight"][:, 0, 0]

    @property
    def samples(self) -> dict[str, Tensor]:
        """Columns to look at, from the south: one per band, more where no latitude is known.

        Returns
        -------
        name -> (sample, ...)
            ``latitude`` [degrees north]; ``target`` and the :data:`DRAWN`, (sample, component,
            level) [m/s2]. Empty where no column has a drag.
        """
        rows = self.reservoir.rows
        if not rows:
            return {}
        unknown, band = ZONES // BAND, rows["group"]
        shown = torch.cat([band.new_full((1,), -1), band]).diff().bool() | (band == unknown)
        return {name: values[shown] for name, values in rows.items()}

    def bands(self) -> dict[str, Tensor]:
        """Latitude bands that hold columns, from the south: label, and zones of each."""
        bands = {}
        for first in range(0, ZONES, BAND):
            low, high = (round(LATITUDE_STEP * i - 90) for i in (first, first + BAND))
            near, far = sorted((abs(low), abs(high)))
            label = f"{near}–{far}°{'S' if high <= 0 else 'N'}"
            bands[label] = torch.arange(first, first + BAND)
        bands["latitude unknown"] = torch.tensor([ZONES])
        return {label: zone for label, zone in bands.items() if self.columns[zone].sum() > 0}

    def zonal_mean(self, name: str) -> Tensor:
        """Mean of "target" or "prediction" by latitude, south first; NaN where no column is.

        Returns
        -------
        (component, level, zone)  [m/s2]
        """
        sums = {name: values[:ZONES] for name, values in self.sums.items()}
        total = sums["target"] + (sums["error"] if name == "prediction" else 0.0)
        return (total / sums["weight"]).permute(1, 2, 0)

    def band_rms(self, zone: Tensor) -> Sums:
        """Root mean square of target, prediction and error in a band, each (component, level)."""
        columns = self.columns[zone].sum()
        names = {"target": "target2", "prediction": "prediction2", "error": "error2"}
        return {k: (self.sums[v][zone].sum(0) / columns).sqrt() for k, v in names.items()}

    def band_flux(self, zone: Tensor) -> Sums:
        """Mean amount of the momentum flux in a band, below each level.

        Returns
        -------
        ``{"target": (part, level), "prediction": (part, level)}``  [Pa]
        """
        columns = self.columns[zone].sum()
        names = ("target", "prediction")
        return {name: self.sums[f"{name}_flux"][zone].sum(0) / columns for name in names}

    def _density(self, target: Tensor, prediction: Tensor) -> Tensor:
        """Count (target, prediction) by group of levels and part: (group, part, bin, bin)."""
        bounds = torch.tensor(GROUP_BOUNDS, dtype=torch.float64)
        parts, groups = target.shape[1] // 2, len(GROUP_BOUNDS) + 1
        part = torch.arange(target.shape[1])[:, None] // 2
        group = torch.bucketize(self.pressure, bounds) * parts + part
        counts = joint_density(
            target,
            prediction,
            density_edges(),
            group=group.to(target.device),
            groups=groups * parts,
        )
        return counts.unflatten(0, (groups, parts))


def density_edges() -> Tensor:
    """Edges of the bins of a joint density, (bin + 1,) [m/s2]: even in asinh of the tendency."""
    end = math.asinh(DENSITY_RANGE / DENSITY_RESOLUTION)
    even = torch.linspace(-end, end, DENSITY_BINS + 1, dtype=torch.float64)
    return DENSITY_RESOLUTION * even.sinh()


def momentum_flux(tendency: Tensor, mass: Tensor) -> Tensor:
    """Integrate a tendency downward from the top, where no flux is.

    Parameters
    ----------
    tendency : (column, component, level)  [m/s2]
    mass : (column, level)  [kg/m2]

    Returns
    -------
    (column, part, level)  [Pa]
        Amount of the flux of momentum below each level, a vector of u and v. Where the budget of
        a column is closed, the last is zero.
    """
    below = (tendency * mass[:, None]).cumsum(dim=-1)
    return torch.hypot(below[:, 0::2], below[:, 1::2])


def _zone(latitude: Tensor) -> Tensor:
    """Return the zone of each latitude [degrees north], ZONES where that is NaN."""
    zone = ((latitude.double() + 90) / LATITUDE_STEP).floor().clamp(0, ZONES - 1)
    return zone.nan_to_num(nan=ZONES).long()
