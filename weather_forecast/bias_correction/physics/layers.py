"""A cloudy layer whose regions exchange light through their borders (SPARTACUS).

The two-stream equations of the regions are coupled: diffuse and direct light leave region *i* for
its neighbour *j* at a rate per depth of the edge between them times the tangent of the angle at
which light travels, over the area of *i* (Hogan & Shonk 2013, Eq. 47; Hogan et al. 2016). For the
vectors of fluxes in the regions, and a layer of unit thickness,

    dv/dz = -G1 v + G2 u + G4 s,   du/dz = G1 u - G2 v - G3 s,   ds/dz = -G0 s

with G2, G3 and G4 diagonal. SPARTACUS gets the reflectance of the layer from the exponential of
the matrix of this system. Its elements grow with exp(optical depth) and cancel in what is wanted,
so here the same solution is built from what does not grow: a slab that is thin enough for a Taylor
series of the invariant imbedding equations, put on top of itself until it is the layer (adding
and doubling; van de Hulst 1963). Any optical depth is in reach.

Elements of a batch need different numbers of doublings: they are sorted, and those that are done
drop out.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from weather_forecast.bias_correction.physics.matrices import (
    diagonal,
    identity_minus,
    matmul,
    matvec,
    solve,
)
from weather_forecast.bias_correction.physics.regions import Regions
from weather_forecast.bias_correction.physics.two_stream import (
    LW_DIFFUSIVITY,
    Emission,
    Slab,
    longwave_gammas,
    shortwave_gammas,
)

DIFFUSE_TANGENT = 0.5 * math.pi
"""Tangent of the effective zenith angle at which diffuse light crosses borders."""
LEAST_MU0 = 0.004625
"""The sun is a disc: it does not shine into the side of clouds at a lower angle."""
MOST_EXCHANGE = 10.0
"""Rates of exchange through a layer are no larger."""
SIDE_EMISSIVITY_THIN = 1.4107
"""Flux at the side of an optically thin cloud in units of its mean."""
ORDER = 4
"""Order of the Taylor series of a thin slab."""
THIN = 1.0 / 16.0
"""Largest coefficient of a thin slab times its thickness."""


def exchange_rates(clouds: Regions, tangent: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the rates of exchange through cloudy layers.

    Parameters
    ----------
    clouds : Regions
    tangent : float or (column,)
        Horizontal per vertical path of the light.

    Returns
    -------
    out, back : (2, pair)
        From clear to thin and thin to thick; and back.
    """
    width = clouds.at_pairs(clouds.edges * (clouds.depth * tangent)[:, None])
    fractions = clouds.at_pairs(clouds.fractions)
    # An overcast layer has no clear region, and no edge to it.
    rates = width / fractions[:2].clamp(min=1e-12), width / fractions[1:].clamp(min=1e-12)
    return rates[0].clamp(max=MOST_EXCHANGE), rates[1].clamp(max=MOST_EXCHANGE)


def sun_tangent(mu0: Tensor) -> Tensor:
    """Return the tangent of the solar zenith angle for the exchange of direct light."""
    mu = mu0.clamp(LEAST_MU0, 1.0)
    return (1.0 / mu.square() - 1.0).clamp(min=0.0).sqrt()


def _attenuation(extinction: Tensor, out: Tensor, back: Tensor) -> Tensor:
    """Return the matrix of what leaves regions: extinction (3, ...) and exchange (2, ...)."""
    matrix = extinction.new_zeros(3, *extinction.shape)
    matrix[0, 0] = extinction[0] + out[0]
    matrix[1, 1] = extinction[1] + back[0] + out[1]
    matrix[2, 2] = extinction[2] + back[1]
    matrix[1, 0], matrix[0, 1] = -out[0], -back[0]
    matrix[2, 1], matrix[1, 2] = -out[1], -back[1]
    return matrix


def shortwave_layer(
    tau: Tensor,
    ssa: Tensor,
    asymmetry: Tensor,
    mu0: Tensor,
    diffuse: tuple[Tensor, Tensor],
    direct: tuple[Tensor, Tensor],
) -> Slab:
    """Solve the coupled equations for sunlight.

    Parameters
    ----------
    tau, ssa, asymmetry : (3, point, pair)
        Optical depth, single-scattering albedo and asymmetry factor of the regions.
    mu0 : (pair,)
        Cosine of the solar zenith angle, > 0.
    diffuse, direct : pairs of (2, pair)
        :func:`exchange_rates` of diffuse and of direct light.

    Returns
    -------
    Slab of (3, 3, point, pair)
    """
    return Slab(*coupled_shortwave(tau, ssa, asymmetry, mu0, diffuse, direct, THIN))


@compiled_by("weather_forecast.bias_correction.physics.layers_loops")
def coupled_shortwave(
    tau: Tensor,
    ssa: Tensor,
    asymmetry: Tensor,
    mu0: Tensor,
    diffuse: tuple[Tensor, Tensor],
    direct: tuple[Tensor, Tensor],
    thin: float,
) -> tuple[Tensor, ...]:
    """Return the attributes of :func:`shortwave_layer`; `thin` is :data:`THIN`."""
    gamma1, gamma2, gamma3 = shortwave_gammas(ssa, asymmetry, mu0)
    scattered = tau * ssa / mu0
    sizes = _attenuation(tau * gamma1, *diffuse), _attenuation(tau / mu0, *direct)
    shape = tau.shape[1:]
    slab = _double(
        sizes[0].flatten(2),
        (tau * gamma2).flatten(1),
        thin,
        sizes[1].flatten(2),
        (scattered * gamma3).flatten(1),
        (scattered * (1.0 - gamma3)).flatten(1),
    )
    return tuple(part.unflatten(-1, shape) for part in slab)


def longwave_layer(
    tau: Tensor,
    ssa: Tensor,
    asymmetry: Tensor,
    planck_top: Tensor,
    planck_base: Tensor,
    diffuse: tuple[Tensor, Tensor],
    side: Tensor,
) -> Emission:
    """Solve the coupled equations for the long wave.

    Emission is linear in depth, and so is a particular solution of the equations: their sum and
    difference decouple.

    Parameters
    ----------
    tau, ssa, asymmetry : (3, point, pair)
        Optical depth, single-scattering albedo and asymmetry factor of the regions.
    planck_top, planck_base : (3, point, pair)  [W/m2]
        Black-body flux times the area of the regions.
    diffuse : pair of (2, pair)
        :func:`exchange_rates`.
    side : (point, pair)
        Flux at the side of clouds in units of that within, see :func:`side_emissivity`.

    Returns
    -------
    Emission of (3, 3, point, pair) and (3, point, pair)
    """
    sources = planck_top, planck_base
    return Emission(
        *coupled_longwave(tau, ssa, asymmetry, *sources, diffuse, side, LW_DIFFUSIVITY, THIN)
    )


@compiled_by("weather_forecast.bias_correction.physics.layers_loops")
def coupled_longwave(
    tau: Tensor,
    ssa: Tensor,
    asymmetry: Tensor,
    planck_top: Tensor,
    planck_base: Tensor,
    diffuse: tuple[Tensor, Tensor],
    side: Tensor,
    diffusivity: float,
    thin: float,
) -> tuple[Tensor, ...]:
    """Return the attributes of :func:`longwave_layer`; `thin` is :data:`THIN`."""
    gamma1, gamma2 = longwave_gammas(ssa, asymmetry)
    out, back = diffuse
    out = out[:, None].expand(-1, *tau.shape[1:])
    back = torch.stack([back[0] * side, back[1].expand_as(side)])
    attenuation, scattering = _attenuation(tau * gamma1, out, back), tau * gamma2
    slab = _double(attenuation.flatten(2), scattering.flatten(1), thin)
    reflectance, transmittance = (part.unflatten(-1, tau.shape[1:]) for part in slab)

    absorption = diffusivity * tau * (1.0 - ssa)
    difference, total = attenuation.clone(), attenuation.clone()
    for i in range(3):
        difference[i, i] -= scattering[i]
        total[i, i] += scattering[i]
    sources = torch.stack([absorption * planck_top, absorption * (planck_base - planck_top)], 1)
    mean, slope = solve(difference, sources).unbind(1)
    half = solve(total, slope[:, None])[:, 0]
    dn_top, up_top = mean - half, mean + half
    dn_base, up_base = dn_top + slope, up_top + slope
    up = up_top - matvec(reflectance, dn_top) - matvec(transmittance, up_base)
    dn = dn_base - matvec(reflectance, up_base) - matvec(transmittance, dn_top)
    return reflectance, transmittance, up, dn


def side_emissivity(clouds: Regions, tau: Tensor, ssa: Tensor, asymmetry: Tensor) -> Tensor:
    """Return the flux out of the side of clouds in units of the flux within them.

    Between the limits of optically thin and thick clouds, by the optical depth across them
    (Schaefer et al. 2016; ecRad's form).

    Parameters
    ----------
    clouds : Regions
    tau, ssa, asymmetry : (3, point, pair)
        Of the regions.

    Returns
    -------
    (point, pair)
    """
    clear = clouds.at_pairs(clouds.fractions)[0]
    aspect = clouds.at_pairs(clouds.size / clouds.depth) / clear.clamp(min=1e-12)
    across = 0.5 * aspect * (tau[1:] * (1.0 - ssa[1:])).sum(0)
    absorbed = (1.0 - ssa[1]).clamp(min=0.0).sqrt()
    thick = 2.0 * absorbed / (absorbed + (1.0 - ssa[1] * asymmetry[1]).sqrt())
    return (SIDE_EMISSIVITY_THIN - thick) / (across + 1.0) + thick


def _double(attenuation: Tensor, scattering: Tensor, thin: float, *sun: Tensor) -> list[Tensor]:
    """Return reflectance and transmittance (and what direct light becomes) of layers.

    Parameters
    ----------
    attenuation, scattering : (3, 3, element), (3, element)
        G1 and the diagonal of G2, for the whole layer.
    thin : float
        The largest coefficient of the slab to begin with.
    *sun : (3, 3, element), (3, element), (3, element)
        G0 and the diagonals of G3 and G4; none in the long wave.

    Returns
    -------
    list of (3, 3, element), as the attributes of :class:`Slab`
    """
    size = attenuation.diagonal(dim1=0, dim2=1).amax(-1)
    if sun:
        size = size.maximum(sun[0].diagonal(dim1=0, dim2=1).amax(-1))
    doublings = torch.log2((size / thin).clamp(min=1.0)).ceil().long()
    doublings, order = doublings.sort(descending=True)
    scale = torch.exp2(-doublings.to(size.dtype))
    slab = _thin_slab(*(x[..., order] * scale for x in (attenuation, scattering, *sun)))

    # How many elements need at least 0, 1, 2, ... doublings: the first ones in the order.
    counts = torch.bincount(doublings).flip(0).cumsum(0).flip(0).tolist()
    for count in counts[1:]:
        busy = _twice([part[..., :count] for part in slab])
        for part, new in zip(slab, busy, strict=True):
            part[..., :count] = new
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order), device=order.device)
    return [part[..., inverse] for part in slab]


def _thin_slab(attenuation: Tensor, scattering: Tensor, *sun: Tensor) -> list[Tensor]:
    """Expand reflectance and transmittance of a slab into powers of its thickness.

    A sheet on top of a slab changes what it does by (Ambarzumian's invariance)

        R' = G2 - G1 R - R G1 + R G2 R,         T' = T (G2 R - G1),
        R_s' = G3 - R_s G0 - G1 R_s + R G4 + R G2 R_s,
        T_s' = -T_s G0 + T G4 + T G2 R_s,       E' = -E G0.
    """
    identity = torch.eye(3, dtype=attenuation.dtype, device=attenuation.device)[..., None]
    identity = identity.expand_as(attenuation)
    zero = torch.zeros_like(attenuation)
    r, t = [zero], [identity]
    rs, ts, e = [zero], [zero], [identity]
    g2 = scattering[:, None]
    for n in range(ORDER):
        scattered = [g2 * term for term in r]
        r_next = -matmul(attenuation, r[n]) - matmul(r[n], attenuation)
        t_next = -matmul(t[n], attenuation)
        for i in range(n):
            # Terms of r start with the first power: r[0] is zero.
            if i > 0:
                r_next += matmul(r[i], scattered[n - i])
            t_next += matmul(t[i], scattered[n - i])
        if sun:
            direct, up, dn = sun
            rs_next = -matmul(rs[n], direct) - matmul(attenuation, rs[n]) + r[n] * dn
            ts_next = -matmul(ts[n], direct) + t[n] * dn
            for i in range(n):
                back = g2 * rs[n - i]
                if i > 0:
                    rs_next += matmul(r[i], back)
                ts_next += matmul(t[i], back)
            e_next = -matmul(e[n], direct)
            if n == 0:
                rs_next = rs_next + diagonal(up)
            rs.append(rs_next / (n + 1))
            ts.append(ts_next / (n + 1))
            e.append(e_next / (n + 1))
        if n == 0:
            r_next = r_next + diagonal(scattering)
        r.append(r_next / (n + 1))
        t.append(t_next / (n + 1))
    series = [r, t, rs, ts, e] if sun else [r, t]
    return [torch.stack(terms).sum(0) for terms in series]


def _twice(slab: list[Tensor]) -> list[Tensor]:
    """Put a slab on top of itself."""
    r, t = slab[:2]
    denominator = identity_minus(matmul(r, r))
    if len(slab) == 2:
        inner = solve(denominator, t)
        return [r + matmul(matmul(t, r), inner), matmul(t, inner)]
    rs, ts, e = slab[2:]
    # Diffuse light between the halves, per light that enters: upward is u, downward d.
    solution = solve(denominator, torch.cat([t, matmul(rs, e) + matmul(r, ts)], 1))
    inner, u = solution[:, :3], solution[:, 3:]
    d = ts + matmul(r, u)
    return [
        r + matmul(matmul(t, r), inner),
        matmul(t, inner),
        rs + matmul(t, u),
        matmul(ts, e) + matmul(t, d),
        matmul(e, e),
    ]
