"""Fluxes of a column from what its layers do: the adding method, with regions.

From the ground up, the albedo of all that lies below an interface (and what comes up from there by
emission) is accumulated; then fluxes are followed down. Layers without cloud have one region and
take scalars, those with cloud matrices. Albedos are matrices (to region, from region), sources and
fluxes vectors (region,), of flux in a region per area of the whole column.

Tripleclouds and SPARTACUS take the same steps; they differ in the matrices of cloudy layers and in
the entrapment between layers. A column without cloud meets neither.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from weather_forecast.bias_correction.physics.entrapment import (
    albedo_above,
    distance_above,
    entrapment,
    migrate,
)
from weather_forecast.bias_correction.physics.matrices import (
    diagonal,
    identity_minus,
    matmul,
    matvec,
    solve,
)
from weather_forecast.bias_correction.physics.regions import Regions
from weather_forecast.bias_correction.physics.two_stream import Emission, Slab


class _Below(NamedTuple):
    """What lies below the base of a layer, as seen from within it.

    Attributes
    ----------
    albedo, source : (point, column)
        Of its clear region. The source is what direct light becomes in the short wave, and
        emission in the long wave.
    cloudy_albedo : (3, 3, point, n), cloudy_source : (3, 3, point, n) or (3, point, n)
        Of all regions, where the layer is cloudy.
    """

    albedo: Tensor
    source: Tensor
    cloudy_albedo: Tensor
    cloudy_source: Tensor


def _part(slab: Slab, index: Any) -> Slab:
    return Slab(*(field[index] for field in slab))


def _on_diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=0, dim2=1).movedim(-1, 0)


def _pick(values: Tensor, columns: Tensor) -> Tensor:
    return values.index_select(-1, columns)


def _put(values: Tensor, columns: Tensor, new: Tensor) -> None:
    values.index_copy_(-1, columns, new)


def shortwave_fluxes(
    clear: Slab,
    cloudy: Slab,
    clouds: Regions,
    incoming: Tensor,
    albedo: Tensor,
    albedo_direct: Tensor,
    tangent: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Follow sunlight through columns.

    Parameters
    ----------
    clear : Slab of (level, point, column)
        Layers without cloud, and the clear region of the others.
    cloudy : Slab of (3, 3, point, pair)
        Cloudy layers.
    clouds : Regions
    incoming : (point, column)  [W/m2]
        Sunlight on a horizontal area above the atmosphere.
    albedo, albedo_direct : (point, column)
        Of the ground.
    tangent : (column,), optional
        Tangent of the solar zenith angle; given, light is exchanged between regions from layer to
        layer as well (explicit entrapment).

    Returns
    -------
    flux_dn, flux_up : (level + 1, column)  [W/m2]
    """
    levels = len(clear.reflectance)
    # Regions that a layer does not have stay zero all the way.
    present = (clouds.fractions[-1] > 0.0).to(albedo.dtype)[:, None]
    below, below_direct = diagonal(present * albedo), diagonal(present * albedo_direct)
    distance = torch.zeros_like(below[:2])  # of diffuse and of direct light, (2, 3, ...)
    seen: list[_Below] = []
    for k in range(levels - 1, -1, -1):
        here, slab = clouds.columns(k), _part(clear, k)
        a, ad = below[0, 0].clone(), below_direct[0, 0].clone()
        part, part_direct = _pick(below, here), _pick(below_direct, here)
        seen.append(_Below(a, ad, part, part_direct))
        part_distance = _pick(distance, here)
        if tangent is not None:
            distance[:, 0] = migrate(slab, a, ad, distance[:, 0], clouds.depth[k], tangent)
        bounce = slab.transmittance / (1.0 - a * slab.reflectance)
        below[0, 0] = slab.reflectance + slab.transmittance * a * bounce
        below_direct[0, 0] = slab.reflectance_direct + bounce * (
            slab.direct * ad + slab.transmittance_direct * a
        )
        if len(here):
            layer = _part(cloudy, (..., clouds.pairs[k]))
            lit = matmul(part_direct, layer.direct) + matmul(part, layer.transmittance_direct)
            right = torch.cat([matmul(part, layer.transmittance), lit], 1)
            inner = solve(identity_minus(matmul(part, layer.reflectance)), right)
            inner = matmul(layer.transmittance, inner)
            _put(below, here, layer.reflectance + inner[:, :3])
            _put(below_direct, here, layer.reflectance_direct + inner[:, 3:])
            if tangent is not None:
                moved = migrate(
                    Slab(*(_on_diagonal(field) for field in layer)),
                    _on_diagonal(part),
                    _on_diagonal(part_direct),
                    part_distance,
                    clouds.depth[k, here],
                    tangent[here],
                )
                _put(distance, here, moved)

        mixed = clouds.mixed[k]
        if len(mixed):
            up, dn = _pick(clouds.up[k], mixed), _pick(clouds.dn[k], mixed)
            exchange: list[Tensor | None] = [None, None]
            if tangent is not None and k > 0:
                below_distance = _pick(distance, mixed)
                exchange = [entrapment(clouds, k, mixed, d) for d in below_distance]
                above = torch.stack([distance_above(d, dn) for d in below_distance])
                _put(distance, mixed, above)
            for state, change in zip((below, below_direct), exchange, strict=True):
                _put(state, mixed, albedo_above(_pick(state, mixed), up, dn, change))
    seen.reverse()

    flux_dn, flux_up = [incoming.sum(0)], [(below_direct[0, 0] * incoming).sum(0)]
    sun, diffuse = torch.zeros_like(below[0]), torch.zeros_like(below[0])
    sun[0] = incoming
    for k in range(levels):
        mixed = clouds.mixed[k]
        if len(mixed):
            share = _pick(clouds.dn[k], mixed)[:, :, None]
            for state in (sun, diffuse):
                _put(state, mixed, matvec(share, _pick(state, mixed)))
        here, slab, base = clouds.columns(k), _part(clear, k), seen[k]
        light, entering = _pick(sun, here), _pick(diffuse, here)
        scattered = slab.transmittance_direct * sun[0] + slab.transmittance * diffuse[0]
        sun[0] *= slab.direct
        reflected = base.source * sun[0]
        diffuse[0] = (scattered + slab.reflectance * reflected) / (
            1.0 - slab.reflectance * base.albedo
        )
        dn = (sun[0] + diffuse[0]).sum(0)
        up = (reflected + base.albedo * diffuse[0]).sum(0)
        if len(here):
            layer = _part(cloudy, (..., clouds.pairs[k]))
            passing = matvec(layer.direct, light)
            reflected = matvec(base.cloudy_source, passing)
            right = (
                matvec(layer.transmittance, entering)
                + matvec(layer.reflectance, reflected)
                + matvec(layer.transmittance_direct, light)
            )
            denominator = identity_minus(matmul(layer.reflectance, base.cloudy_albedo))
            leaving = solve(denominator, right[:, None])[:, 0]
            _put(sun, here, passing)
            _put(diffuse, here, leaving)
            _put(dn, here, (passing + leaving).sum((0, 1)))
            _put(up, here, (reflected + matvec(base.cloudy_albedo, leaving)).sum((0, 1)))
        flux_dn.append(dn)
        flux_up.append(up)
    return torch.stack(flux_dn), torch.stack(flux_up)


def longwave_fluxes(
    clear: Emission,
    cloudy: Emission,
    clouds: Regions,
    emission: Tensor,
    albedo: Tensor,
    *,
    conserve: bool = True,
) -> tuple[Tensor, Tensor]:
    """Follow long-wave radiation through columns.

    What is reflected below an interface comes back up in the region from which it came down, also
    if it changed region on its way there: the long wave is reflected too little for more.

    Parameters
    ----------
    clear : Emission of (level, point, column)
        Layers without cloud.
    cloudy : Emission of (3, 3, point, pair) and (3, point, pair)
        Cloudy layers.
    clouds : Regions
    emission, albedo : (point, column)
        Of the ground, [W/m2] and one minus emissivity.
    conserve : bool
        If not, what changed region on its way is lost, as in ecRad unless its 3-D effects between
        layers are switched on for the long wave.

    Returns
    -------
    flux_dn, flux_up : (level + 1, column)  [W/m2]
    """
    levels = len(clear.reflectance)
    area = clouds.fractions[-1][:, None]
    source = area * emission
    below = diagonal((area > 0.0) * albedo)
    seen: list[_Below] = []
    for k in range(levels - 1, -1, -1):
        here = clouds.columns(k)
        a, s = below[0, 0].clone(), source[0].clone()
        part, part_source = _pick(below, here), _pick(source, here)
        seen.append(_Below(a, s, part, part_source))
        r, t, up, dn = (field[k] for field in clear)
        bounce = t / (1.0 - a * r)
        below[0, 0] = r + t * a * bounce
        source[0] = up + bounce * (s + a * dn)
        if len(here):
            r, t, up, dn = (field[..., clouds.pairs[k]] for field in cloudy)
            right = torch.cat([matmul(part, t), (part_source + matvec(part, dn))[:, None]], 1)
            inner = matmul(t, solve(identity_minus(matmul(part, r)), right))
            _put(below, here, r + inner[:, :3])
            _put(source, here, up + inner[:, 3])
        mixed = clouds.mixed[k]
        if len(mixed):
            to_above, to_below = _pick(clouds.up[k], mixed), _pick(clouds.dn[k], mixed)
            _put(source, mixed, matvec(to_above[:, :, None], _pick(source, mixed)))
            part = _pick(below, mixed)
            kept = diagonal(part.sum(0) if conserve else _on_diagonal(part))
            _put(below, mixed, albedo_above(kept, to_above, to_below))
    seen.reverse()

    flux_dn, flux_up = [torch.zeros_like(source[0, 0])], [source[0].sum(0)]
    diffuse = torch.zeros_like(source)
    for k in range(levels):
        mixed = clouds.mixed[k]
        if len(mixed):
            share = _pick(clouds.dn[k], mixed)[:, :, None]
            _put(diffuse, mixed, matvec(share, _pick(diffuse, mixed)))
        here, base = clouds.columns(k), seen[k]
        entering = _pick(diffuse, here)
        r, t, _, dn = (field[k] for field in clear)
        diffuse[0] = (t * diffuse[0] + r * base.source + dn) / (1.0 - r * base.albedo)
        total_dn = diffuse[0].sum(0)
        total_up = (base.source + base.albedo * diffuse[0]).sum(0)
        if len(here):
            r, t, _, dn = (field[..., clouds.pairs[k]] for field in cloudy)
            right = matvec(t, entering) + matvec(r, base.cloudy_source) + dn
            denominator = identity_minus(matmul(r, base.cloudy_albedo))
            leaving = solve(denominator, right[:, None])[:, 0]
            rising = base.cloudy_source + matvec(base.cloudy_albedo, leaving)
            _put(diffuse, here, leaving)
            _put(total_dn, here, leaving.sum((0, 1)))
            _put(total_up, here, rising.sum((0, 1)))
        flux_dn.append(total_dn)
        flux_up.append(total_up)
    return torch.stack(flux_dn), torch.stack(flux_up)
