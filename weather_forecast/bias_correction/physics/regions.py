"""Clear sky, thin cloud and thick cloud of each layer: areas, overlap, borders.

Horizontal variability of cloud water is two cloudy regions of the same area (Tripleclouds, Shonk &
Hogan 2008) for a gamma distribution of optical depth whose standard deviation is its mean. Regions
of neighbouring layers overlap exponential-randomly (Hogan & Illingworth 2000), and the length of
their borders follows from an effective size of the clouds (Fielding et al. 2020). The constants
are those of ecRad's operational configuration (Hogan & Bozzo 2018).

Levels stand first and columns last: ``(level, region, column)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY

REGIONS = 3
LEAST_FRACTION = 1e-6
"""Clouds of a smaller fraction are not there."""
LEAST_WATER = 1e-9
"""Nor are clouds of less water [kg/kg]."""
FRACTIONAL_STD = 1.0
"""Standard deviation of the optical depth within a cloud, in units of its mean."""
DECORRELATION = 0.5
"""Thin and thick cloud decorrelate over this share of the distance over which edges do."""
SEPARATION_TOP, SEPARATION_SURFACE, SEPARATION_POWER = 14000.0, 2500.0, 3.5
"""Effective separation of clouds [m] and how it falls with pressure."""
INHOMOGENEITY_SEPARATION = 0.75
"""Separation of the thick cores of clouds in units of that of the clouds."""
LEAST_SIZE = 100.0
"""Smallest effective size [m]."""


def optical_depth_scalings() -> tuple[float, float]:
    """Return the optical depth of thin and of thick cloud in units of their mean.

    The thin one is near the 16th percentile of the gamma distribution (Shonk & Hogan 2008).
    """
    f = FRACTIONAL_STD
    thin = 0.025 + 0.975 * math.exp(-f * (1.0 + 0.5 * f * (1.0 + 0.5 * f)))
    return thin, 2.0 - thin


def region_scalings() -> tuple[float, float, float]:
    """Return the optical depth of the cloud in the three regions in units of its mean."""
    return 0.0, *optical_depth_scalings()


class Regions(NamedTuple):
    """Regions of a set of columns.

    Attributes
    ----------
    fractions : (level, region, column)
        Areas: clear, thin cloud, thick cloud.
    up : (level + 1, region above, region below, column)
        Share of the light that comes up to an interface in a region below it and goes on in a
        region above it. Space and ground are clear.
    dn : (level + 1, region below, region above, column)
        The same of the light that comes down.
    overlap : (level, column)
        Overlap parameter at the top of the layers, 1 at the first.
    edges : (level, 2, column)  [1/m]
        Border clear - thin and thin - thick per area, seen from a random direction.
    size : (level, column)  [m]
        Effective size of clouds.
    depth : (level, column)  [m]
        Geometric thickness of layers.
    level, column : (pair,)
        The cloudy pairs of layer and column, in the order of layers.
    pairs : list of slice, one for each level
        Where the pairs of a layer lie.
    mixed : list of (column,) index tensors, one for each level
        Columns in which there is cloud above or below the top of the layer.
    """

    fractions: Tensor
    up: Tensor
    dn: Tensor
    overlap: Tensor
    edges: Tensor
    size: Tensor
    depth: Tensor
    level: Tensor
    column: Tensor
    pairs: list[slice]
    mixed: list[Tensor]

    def columns(self, level: int) -> Tensor:
        """Return the indices of the columns that are cloudy in a layer."""
        return self.column[self.pairs[level]]

    def at_pairs(self, values: Tensor) -> Tensor:
        """Pick ``(level, ..., column)`` at the cloudy pairs: ``(..., pair)``."""
        return values[self.level, ..., self.column].movedim(0, -1)


def regions(columns: Mapping[str, Tensor]) -> Regions:
    """Divide the layers of columns into regions.

    Parameters
    ----------
    columns : mapping of (level, column)
        Variables of the layout by name; those on half levels have one level more.
    """
    fraction = columns["cloud_fraction"].clamp(0.0, 1.0)
    water = columns["q_liquid"] + columns["q_ice"]
    cloudy = (fraction >= LEAST_FRACTION) & (water >= LEAST_WATER)
    fraction = torch.where(cloudy, fraction, torch.zeros_like(fraction))
    fractions = torch.stack([1.0 - fraction, 0.5 * fraction, 0.5 * fraction], 1)

    alpha = columns["overlap_param"]
    top = torch.ones_like(fraction[:1])
    overlap = torch.cat([top, alpha])
    up, dn = overlap_matrices(fractions, torch.cat([overlap, top]))

    pressure, temperature = columns["pressure_hl"], columns["temperature_hl"]
    thickness = pressure.diff(dim=0)
    # dz = R T dp / (g p); p of the first layer is half that of its base.
    mean = pressure[:-1] + pressure[1:]
    depth = GAS_CONSTANT / GRAVITY * thickness * (temperature[:-1] + temperature[1:]) / mean
    edges, size = cloud_edges(fraction, 0.5 * mean / pressure[-1])

    pair_level, pair_column = cloudy.nonzero(as_tuple=True)
    ends = cloudy.sum(1).cumsum(0).tolist()
    mixed = cloudy | torch.cat([torch.zeros_like(cloudy[:1]), cloudy[:-1]])
    return Regions(
        fractions,
        up,
        dn,
        overlap,
        edges,
        size,
        depth,
        pair_level,
        pair_column,
        pairs=[slice(start, end) for start, end in pairwise([0, *ends])],
        mixed=list(mixed.nonzero()[:, 1].split(mixed.sum(1).tolist())),
    )


def overlap_matrices(fractions: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Return the directional overlap matrices of all interfaces.

    Cloud cover of two layers lies between that of maximum and of random overlap by the parameter
    alpha; within what is cloudy in both, thick cloud overlaps by the same rule.

    Parameters
    ----------
    fractions : (level, region, column)
    alpha : (level + 1, column)

    Returns
    -------
    up : (level + 1, region above, region below, column)
    dn : (level + 1, region below, region above, column)
    """
    return overlaps(fractions, alpha, LEAST_FRACTION, DECORRELATION)


@compiled_by("weather_forecast.bias_correction.physics.regions_loops")
def overlaps(
    fractions: Tensor, alpha: Tensor, least_fraction: float, decorrelation: float
) -> tuple[Tensor, Tensor]:
    """Do the work of :func:`overlap_matrices`, with the constants of this module."""
    clear = torch.zeros_like(fractions[:1])
    clear[:, 0] = 1.0
    above = torch.cat([clear, fractions])
    below = torch.cat([fractions, clear])
    cloud_above, cloud_below = 1.0 - above[:, 0], 1.0 - below[:, 0]

    cover = _pair_cover(alpha, cloud_above, cloud_below)
    both = cloud_above + cloud_below - cover
    # Share of thick cloud in the cloud; half everywhere, but of nothing it is nothing.
    thick_above = above[:, 2] / cloud_above.clamp(min=least_fraction)
    thick_below = below[:, 2] / cloud_below.clamp(min=least_fraction)
    alpha_inside = torch.where(alpha >= 0.0, alpha.abs() ** (1.0 / decorrelation), alpha)
    thick = _pair_cover(alpha_inside, thick_above, thick_below)

    area = fractions.new_zeros(len(above), REGIONS, REGIONS, fractions.shape[-1])
    area[:, 0, 0] = 1.0 - cover
    for i, (share_above, share_below) in enumerate(
        [(1.0 - thick_above, 1.0 - thick_below), (thick_above, thick_below)], start=1
    ):
        area[:, 0, i] = (cover - cloud_above) * share_below
        area[:, i, 0] = (cover - cloud_below) * share_above
    area[:, 1, 1] = both * (1.0 - thick)
    area[:, 1, 2] = both * (thick - thick_above)
    area[:, 2, 1] = both * (thick - thick_below)
    area[:, 2, 2] = both * (thick_above + thick_below - thick)

    up = area / below.clamp(min=1e-30)[:, None]
    dn = area.transpose(1, 2) / above.clamp(min=1e-30)[:, None]
    return (
        torch.where(below[:, None] >= least_fraction, up, torch.zeros_like(up)),
        torch.where(above[:, None] >= least_fraction, dn, torch.zeros_like(dn)),
    )


def _pair_cover(alpha: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the area that at least one of two covers (Hogan & Illingworth 2000)."""
    return alpha * first.maximum(second) + (1.0 - alpha) * (first + second - first * second)


def cloud_edges(fraction: Tensor, eta: Tensor) -> tuple[Tensor, Tensor]:
    """Return the length of cloud edges per area, and the size of clouds that it follows from.

    The separation of clouds falls from the top of the atmosphere to the surface; with the fraction
    it gives their effective size (Jensen et al. 2008), and this the edge of clouds (Hogan & Shonk
    2013, Eq. 45, with a factor that takes the edge to zero in an overcast layer). Division by pi
    is for light of a random azimuth.

    Parameters
    ----------
    fraction : (level, column)
        Cloud fraction.
    eta : (level, column)
        Pressure in units of that at the surface.

    Returns
    -------
    edges : (level, 2, column)  [1/m]
        Clear - thin and thin - thick.
    size : (level, column)  [m]
    """
    slope = (SEPARATION_TOP - SEPARATION_SURFACE) / (1.0 - math.exp(-1.0))
    separation = SEPARATION_TOP + slope * (torch.exp(-(eta**SEPARATION_POWER)) - 1.0)
    half = 0.5 * fraction
    size = separation * (fraction * (1.0 - fraction)).clamp(min=1e-5).sqrt()
    core = separation * INHOMOGENEITY_SEPARATION * (half * (1.0 - half)).clamp(min=1e-5).sqrt()
    size, core = size.clamp(min=LEAST_SIZE), core.clamp(min=LEAST_SIZE)
    edges = [fraction * (1.0 - fraction) / size, half * (1.0 - half) / core]
    return 4.0 / math.pi * torch.stack(edges, 1), size
