"""How far light goes sideways under a cloud before it comes back up, and what that does.

Light that passes an interface in one region, is reflected below and comes back, may come back in
another region ("entrapment" under cloud). That it always does ("maximum"), or never ("zero"), errs
to either side; here the horizontal distance of the way is estimated, and the light exchanged
between the regions above for that distance: explicit entrapment of Hogan et al. (2019, JAS 76,
"Entrapment: an important mechanism to explain the shortwave 3D radiative effect of clouds").
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from weather_forecast.bias_correction.physics.layers import DIFFUSE_TANGENT
from weather_forecast.bias_correction.physics.matrices import exchange_exponential, matmul
from weather_forecast.bias_correction.physics.regions import LEAST_FRACTION, Regions
from weather_forecast.bias_correction.physics.two_stream import Slab

FRACTAL = 2.5
"""Clouds are fractal: farther than their size over this, edges are passed less often."""


def migrate(
    slab: Slab,
    albedo: Tensor,
    albedo_direct: Tensor,
    distance: Tensor,
    depth: Tensor,
    tangent: Tensor,
) -> Tensor:
    """Step the distances that light goes sideways from the base of a layer to its top.

    Parameters
    ----------
    slab : Slab of (..., column)
        The layer, one region or the diagonals of its matrices.
    albedo, albedo_direct : (..., column)
        Of all that lies below, for diffuse and direct light.
    distance : (2, ..., column)  [m]
        For diffuse and direct light at the base.
    depth : (column,)  [m]
    tangent : (column,)
        Of the solar zenith angle.

    Returns
    -------
    (2, ..., column)  [m]
        At the top.
    """
    diffuse, direct = distance
    # To the middle of the layer and back.
    through = depth * DIFFUSE_TANGENT / math.sqrt(2.0)
    through_direct = 0.5 * depth * (tangent.square() + DIFFUSE_TANGENT**2).sqrt()

    # Light bounces between the layer and what is below: geometric series of its amount, and
    # approximately of its distance.
    bounce = 1.0 / (1.0 - slab.reflectance * albedo)
    longer = bounce * bounce.sqrt()
    passed = slab.transmittance * bounce
    by_diffuse = slab.transmittance_direct * albedo
    by_direct = slab.direct * albedo_direct

    total = slab.reflectance_direct + passed * (by_diffuse + by_direct)
    way = (by_diffuse * longer + by_direct * (longer - 1.0)) * (diffuse + through)
    way = way + by_direct * (direct + through_direct)
    new_direct = through_direct + slab.transmittance * way / total.clamp(min=1e-8)

    total = slab.reflectance + passed * slab.transmittance * albedo
    way = longer * albedo * slab.transmittance.square() * (diffuse + through)
    return torch.stack([through + way / total.clamp(min=1e-8), new_direct.clamp(min=0.0)])


def albedo_above(below: Tensor, up: Tensor, dn: Tensor, exchange: Tensor | None = None) -> Tensor:
    """Return the albedo matrix just above an interface from that just below.

    Light that changes region below the interface is spread over the regions above by the overlap.
    Light that does not, comes back up in the region from which it came down (Shonk & Hogan 2008),
    but for the exchange that entrapment brings.

    Parameters
    ----------
    below : (3, 3, point, column)
    up, dn : (3, 3, column)
        Overlap matrices of the interface.
    exchange : (3, 3, 3, point, column), optional
        See :func:`entrapment`; by default none.

    Returns
    -------
    (3, 3, point, column)
    """
    same = below.diagonal(dim1=0, dim2=1).movedim(-1, 0)
    changed = below.clone()
    for i in range(len(same)):
        changed[i, i] = 0.0
    above = matmul(matmul(up[:, :, None], changed), dn[:, :, None])
    # (region below, region above, point, column): comes down from above, stays in that below.
    back = dn[:, :, None] * same[:, None]
    if exchange is not None:
        return above + (exchange * back.transpose(0, 1)).sum(2)
    for i, share in enumerate(back.sum(0)):
        above[i, i] += share
    return above


def entrapment(clouds: Regions, level: int, columns: Tensor, distance: Tensor) -> Tensor:
    """Return the exchange between the regions above the top of a layer.

    Parameters
    ----------
    clouds : Regions
    level : int
        Layer, not the first.
    columns : (n,)
        Indices of the columns.
    distance : (3, point, n)  [m]
        Of the way sideways of light that enters the regions of the layer.

    Returns
    -------
    (3 to, 3 from, 3 below, point, n)
        For light that is reflected within each region below, where light that came down from a
        region above comes back to.
    """
    above = clouds.fractions[level - 1][:, columns]
    below = clouds.fractions[level][:, columns]
    size = clouds.size[level - 1, columns]
    # Borders of the regions line up as far as overlap allows.
    aligned = clouds.overlap[level, columns] * below.minimum(above)
    scaling = 1.0 - aligned / below.clamp(min=LEAST_FRACTION)
    # (2 borders, region below, column)
    border = clouds.edges[level - 1][:, None, columns] * scaling
    area = clouds.up[level][:, :, columns].clamp(min=1e-5)
    effective = distance * (FRACTAL * distance / size).clamp(min=1.0).rsqrt()
    out = (border / area[:2])[:, :, None] * effective
    back = (border / area[1:])[:, :, None] * effective
    return exchange_exponential(out, back)


def distance_above(distance: Tensor, dn: Tensor) -> Tensor:
    """Average distances (3, point, column) over the regions below each region above."""
    return torch.einsum("bpc,bac->apc", distance, dn)
