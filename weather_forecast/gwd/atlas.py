"""What the figures show of target and model: sums over zones, joint densities, a few columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

LATITUDE_STEP = 5.0
"""Width of a zone [degrees]."""
ZONES = 36
"""Zones from pole to pole; one more is that of columns whose latitude is not known."""
BAND = 6
"""Zones in a latitude band: 30 degrees."""
GROUP_BOUNDS = (100.0, 1e3, 1e4, 5e4)
"""Pressures [Pa] between the groups of levels of the joint densities."""
DENSITY_BINS = 201
"""Bins per axis of a joint density; odd, so that zero lies in the middle of one."""
DENSITY_RESOLUTION, DENSITY_RANGE = 1e-7, 0.1
"""Tendencies [m/s2] below which the bins are evenly wide, respectively that the last ones hold."""
SAMPLES = 6
"""Columns to look at: one per latitude band, or all from those whose latitude is not known."""

Sums = dict[str, Tensor]


@dataclass
class Sample:
    """A column to look at.

    Attributes
    ----------
    key : float
        Of the columns of a latitude band that with the largest key is kept.
    band : int
        Latitude band, the first at the south pole, the last of those without a latitude.
    latitude : float  [degrees north]
    target : (component, level)  [m/s2]
    predictions : name -> (component, level)  [m/s2]
        NaN where a baseline has left the column out.
    """

    key: float
    band: int
    latitude: float
    target: Tensor
    predictions: dict[str, Tensor]


class Atlas:
    """Sums of target and model over a test set.

    The components of a tendency are u, v of each part of the drag.

    Parameters
    ----------
    pressure : (level,)  [Pa]
        That the levels are grouped by.

    Attributes
    ----------
    sums : name -> Tensor
        ``columns`` (zone,); ``target``, ``target2``, ``prediction``, ``prediction2``, ``error2``
        (zone, component, level); ``target_flux``, ``prediction_flux`` (zone, part, level);
        ``density`` (group, part, bin, bin), of target and prediction.
    samples : list of Sample
        One column of each latitude band, drawn at random, but the same whatever the order of the
        batches; the more momentum a column exchanges, the more likely.
    """

    def __init__(self, pressure: Tensor) -> None:
        self.pressure = pressure
        self.sums: Sums = {}
        self.samples: list[Sample] = []

    def update(
        self,
        *,
        target: Tensor,
        prediction: Tensor,
        mass: Tensor,
        latitude: Tensor,
    ) -> None:
        """Take in a batch of columns.

        Parameters
        ----------
        target, prediction : (column, component, level)  [m/s2]
        mass : (column, level)  [kg/m2]
        latitude : (column,)  [degrees north]
            NaN where it is not known.
        """
        zone = _zone(latitude)

        def by_zone(values: Tensor) -> Tensor:
            return values.new_zeros(ZONES + 1, *values.shape[1:]).index_add_(0, zone, values)

        add(
            self.sums,
            {
                "columns": by_zone(torch.ones_like(mass[:, 0])),
                "target": by_zone(target),
                "target2": by_zone(target.square()),
                "prediction": by_zone(prediction),
                "prediction2": by_zone(prediction.square()),
                "error2": by_zone((prediction - target).square()),
                "target_flux": by_zone(momentum_flux(target, mass)),
                "prediction_flux": by_zone(momentum_flux(prediction, mass)),
                "density": self._density(target, prediction),
            },
        )

    def draw_samples(
        self,
        *,
        target: Tensor,
        predictions: Mapping[str, Tensor],
        mass: Tensor,
        latitude: Tensor,
        marker: Tensor,
    ) -> None:
        """Keep columns with a probability in proportion to the momentum that they exchange.

        Efraimidis & Spirakis (2006): those of the largest ``log(random) / weight``. The random
        number comes from the column itself.

        Parameters
        ----------
        target, mass, latitude
            See :meth:`update`.
        predictions : name -> (column, component, level)  [m/s2]
        marker : (column,)
            Any quantity that differs between columns, in its first digits or in its last.
        """
        weight = (target.abs() * mass[:, None]).sum((1, 2))
        random = (marker.double() * 1e4 * (math.sqrt(5) - 1)).frac().abs()
        key = (random.log() / weight).where(weight > 0, -torch.inf)
        bands = _zone(latitude) // BAND
        for band in bands.unique().tolist():
            best, columns = key.where(bands == band, -torch.inf).topk(min(SAMPLES, len(key)))
            self._keep(
                [
                    Sample(
                        key=key[i].item(),
                        band=band,
                        latitude=latitude[i].item(),
                        target=_copy(target[i]),
                        predictions={name: _copy(p[i]) for name, p in predictions.items()},
                    )
                    for i in columns[best > -torch.inf][: _wanted(band)].tolist()
                ]
            )

    def merge(self, other: Atlas) -> None:
        """Take in that of other columns."""
        add(self.sums, other.sums)
        self._keep(other.samples)

    # ---- what the sums say ----------------------------------------------------------------------

    def bands(self) -> dict[str, Tensor]:
        """Latitude bands that hold columns, from the south: label, and zones of each."""
        bands = {}
        for first in range(0, ZONES, BAND):
            low, high = (round(LATITUDE_STEP * i - 90) for i in (first, first + BAND))
            near, far = sorted((abs(low), abs(high)))
            label = f"{near}–{far}°{'S' if high <= 0 else 'N'}"
            bands[label] = torch.arange(first, first + BAND)
        bands["latitude unknown"] = torch.tensor([ZONES])
        columns = self.sums["columns"]
        return {label: zone for label, zone in bands.items() if columns[zone].sum() > 0}

    def zonal_mean(self, name: str) -> Tensor:
        """Mean of "target" or "prediction" by latitude, south first; NaN where no column is.

        Returns
        -------
        (component, level, zone)  [m/s2]
        """
        columns = self.sums["columns"][:ZONES, None, None]
        return (self.sums[name][:ZONES] / columns).permute(1, 2, 0)

    def band_rms(self, zone: Tensor) -> Sums:
        """Root mean square of target, prediction and error in a band, each (component, level)."""
        columns = self.sums["columns"][zone].sum()
        names = {"target": "target2", "prediction": "prediction2", "error": "error2"}
        return {k: (self.sums[v][zone].sum(0) / columns).sqrt() for k, v in names.items()}

    def band_flux(self, zone: Tensor) -> Sums:
        """Mean amount of the momentum flux in a band, below each level.

        Returns
        -------
        ``{"target": (part, level), "prediction": (part, level)}``  [Pa]
        """
        columns = self.sums["columns"][zone].sum()
        names = ("target", "prediction")
        return {name: self.sums[f"{name}_flux"][zone].sum(0) / columns for name in names}

    def _density(self, target: Tensor, prediction: Tensor) -> Tensor:
        """Count (target, prediction) by group of levels and part: (group, part, bin, bin)."""
        bounds = torch.tensor(GROUP_BOUNDS, dtype=torch.float64)
        group = torch.bucketize(self.pressure, bounds).to(target.device)
        part = torch.arange(target.shape[1], device=target.device) // 2
        parts = target.shape[1] // 2
        edges = density_edges().to(target)[1:-1]
        cell = group * parts + part[:, None]
        for values in (target, prediction):
            cell = cell * DENSITY_BINS + torch.bucketize(values.contiguous(), edges)
        shape = (len(GROUP_BOUNDS) + 1, parts, DENSITY_BINS, DENSITY_BINS)
        return cell.flatten().bincount(minlength=math.prod(shape)).reshape(shape)

    def _keep(self, samples: list[Sample]) -> None:
        """Keep the samples of the largest keys, from the south to the north."""
        kept: dict[int, list[Sample]] = {}
        for sample in sorted(self.samples + samples, key=lambda s: (s.band, -s.key)):
            kept.setdefault(sample.band, []).append(sample)
        self.samples = [s for band, found in kept.items() for s in found[: _wanted(band)]]


def add(total: Sums, part: Mapping[str, Tensor]) -> None:
    """Add sums to sums; not in place, so that sums from inference mode may be added to later."""
    for name, value in part.items():
        total[name] = total[name] + value.cpu() if name in total else value.cpu()


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


def _wanted(band: int) -> int:
    """Return how many samples a latitude band has; the last is that of unknown latitudes."""
    return 1 if band < ZONES // BAND else SAMPLES


def _copy(values: Tensor) -> Tensor:
    """Copy to the host, without the batch that the values are a view of."""
    return values.to("cpu", copy=True)
