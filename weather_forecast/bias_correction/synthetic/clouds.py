"""Clouds of typical kinds: how often they occur where, and what they are like.

A column has one of :data:`KINDS`, and a kind up to three decks, whose base, depth, fraction and
water are drawn from its ranges. So are their statistics of the right order (Warren et al. 1988 for
the kinds and fractions, Stephens 2005 and Heymsfield et al. 2013 for the water, each rounded
generously), with broken clouds, which have sides to let light through, a little too common.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT
from weather_forecast.atmosphere import liquid_share
from weather_forecast.climate import bell

Range = tuple[float, float]


@dataclass(frozen=True)
class Deck:
    """A layer of clouds; every pair is a range that is drawn from.

    Attributes
    ----------
    base, depth : (float, float)
        Of the lowest cloud above the ground, and from there to the top [km]. Above 3 km these are
        heights of the tropics, which shrink with the tropopause elsewhere.
    fraction : (float, float)
        Cloud fraction where it is largest; beyond 1 the sky is overcast.
    water : (float, float)
        Liquid and ice in a kilogram of cloudy air, where that is warm [g/kg].
    taper : float
        By which part the fraction is smaller at the top than at the base.
    supercooled : float
        By how many kelvin its water freezes later than others'.
    inversion : float
        Warming of the air from below to above its top [K].
    """

    base: Range
    depth: Range
    fraction: Range
    water: Range
    taper: float = 0.0
    supercooled: float = 0.0
    inversion: float = 0.0


SMALL_CUMULUS = Deck((0.4, 0.9), (0.3, 1.3), (0.04, 0.3), (0.05, 0.3), taper=0.6)
CIRRUS = Deck((9.0, 13.0), (0.7, 3.5), (0.08, 1.2), (0.05, 0.4))
KINDS: dict[str, tuple[Deck, ...]] = {
    "clear": (),
    "fog": (Deck((0.0, 0.05), (0.1, 0.35), (0.4, 1.4), (0.06, 0.25), inversion=4),),
    "stratocumulus": (
        Deck((0.3, 1.1), (0.2, 0.5), (0.3, 1.3), (0.08, 0.35), inversion=6),
        Deck((0.3, 0.6), (0.3, 0.7), (0.03, 0.2), (0.05, 0.2), taper=0.3),
    ),
    "cumulus": (
        Deck((0.4, 1.0), (0.4, 2.0), (0.05, 0.5), (0.06, 0.5), taper=0.6, inversion=2),
        Deck((1.4, 2.0), (0.15, 0.4), (0.02, 0.5), (0.05, 0.2)),
    ),
    "deep": (
        Deck((0.5, 1.0), (9.0, 13.5), (0.05, 0.35), (0.3, 1.2), taper=0.3, supercooled=5),
        Deck((9.5, 12.0), (2.0, 4.5), (0.3, 1.3), (0.3, 1.5)),
        SMALL_CUMULUS,
    ),
    "altocumulus": (
        Deck((3.0, 6.5), (0.4, 1.8), (0.1, 1.2), (0.05, 0.25), supercooled=8),
        SMALL_CUMULUS,
    ),
    "cirrus": (CIRRUS, Deck((4.0, 7.0), (0.4, 1.2), (0.02, 0.5), (0.04, 0.2))),
    "frontal": (
        Deck((0.2, 0.9), (0.8, 2.5), (0.2, 1.5), (0.05, 0.25)),
        Deck((3.2, 5.5), (2.0, 5.0), (0.3, 1.6), (0.1, 0.6)),
        Deck((9.0, 11.5), (1.5, 4.0), (0.3, 1.5), (0.1, 0.6)),
    ),
    "arctic": (
        Deck((0.1, 0.9), (0.2, 0.7), (0.3, 1.4), (0.03, 0.2), supercooled=18, inversion=4),
        Deck((1.6, 3.2), (0.3, 0.8), (0.1, 1.1), (0.03, 0.15), supercooled=14),
    ),
}
"""Kinds of clouds and their decks, from below."""
DECKS = max(len(decks) for decks in KINDS.values())

ZONES = ((0.0, 9.0), (24.0, 9.0), (52.0, 11.0), (85.0, 14.0))
"""Centres and widths of the zones that :data:`FREQUENCIES` is for, in distance from the rising
branch of the tropics [degrees]."""
FREQUENCIES: dict[str, tuple[Range, Range, Range, Range]] = {
    # Over sea and over land: tropics, subtropics, storm tracks, poles.
    "clear": ((8, 14), (13, 32), (7, 13), (12, 30)),
    "fog": ((0, 1), (2, 1), (4, 5), (8, 5)),
    "stratocumulus": ((6, 4), (32, 5), (22, 10), (10, 4)),
    "cumulus": ((34, 27), (28, 22), (16, 20), (3, 3)),
    "deep": ((24, 24), (4, 6), (4, 7), (0, 0)),
    "altocumulus": ((10, 12), (7, 13), (11, 14), (11, 12)),
    "cirrus": ((16, 16), (11, 17), (8, 10), (8, 16)),
    "frontal": ((2, 2), (3, 4), (24, 19), (14, 12)),
    "arctic": ((0, 0), (0, 0), (4, 2), (34, 18)),
}
"""How often a kind occurs in a zone [%]."""
WARM_SATURATION = 4e-3
"""Saturation humidity from which on clouds hold the water of their deck [kg/kg]."""
THRESHOLD = 1e-3
"""Smaller cloud fractions are none."""
RE_LIQUID, RE_ICE = 1e-5, 5e-5
"""Effective radii where there is no cloud [m], as in ECMWF's files."""


class Decks(NamedTuple):
    """Decks that were drawn, each (column, deck), and what they are of; absent ones are empty.

    Attributes
    ----------
    kind : (column,), int64
        Index into :data:`KINDS`.
    base, top : [m] above the ground
    fraction, water, taper, supercooled, inversion
        As in :class:`Deck`, water in [kg/kg].
    """

    kind: Tensor
    base: Tensor
    top: Tensor
    fraction: Tensor
    water: Tensor
    taper: Tensor
    supercooled: Tensor
    inversion: Tensor


class Clouds(NamedTuple):
    """Clouds on layers, each (column, level).

    Attributes
    ----------
    fraction : [1]
    q_liquid, q_ice : [kg/kg]
        Mean over the grid box, clear air included.
    re_liquid, re_ice : [m]
        Effective radii.
    """

    fraction: Tensor
    q_liquid: Tensor
    q_ice: Tensor
    re_liquid: Tensor
    re_ice: Tensor


def kind_frequencies(distance: Tensor, land: Tensor) -> Tensor:
    """Return how often each kind of clouds occurs at a place.

    Parameters
    ----------
    distance : (column,)
        From the rising branch of the tropics [degrees].
    land : (column,)
        Share of land.

    Returns
    -------
    (column, kind)
        Adds up to 1.
    """
    table = distance.new_tensor([FREQUENCIES[kind] for kind in KINDS])  # (kind, zone, sea or land)
    zones = torch.stack([bell(distance.abs(), centre, width) for centre, width in ZONES], dim=-1)
    zones = zones / zones.sum(-1, keepdim=True)
    ground = torch.stack([1 - land, land], dim=-1)
    often = torch.einsum("cz,cg,kzg->ck", zones, ground, table)
    return often / often.sum(-1, keepdim=True)


def draw_decks(frequencies: Tensor, chosen: Tensor, drawn: Tensor, tropopause: Tensor) -> Decks:
    """Choose the kind of clouds of each column, and their decks.

    Parameters
    ----------
    frequencies : (column, kind)
        See :func:`kind_frequencies`.
    chosen : (column,)
        Uniform from 0 to 1: which of the kinds it is.
    drawn : (column, deck, 4)
        Uniform from 0 to 1: where base, depth, fraction and water lie in their ranges.
    tropopause : (column,)  [m]
        Height above the ground.
    """
    edges = frequencies.cumsum(-1)[:, :-1].contiguous()
    kind = torch.searchsorted(edges, chosen[:, None]).squeeze(-1)
    low, high, rest = (values[kind] for values in _table(frequencies.dtype))
    base, depth, fraction = torch.lerp(low, high, drawn)[..., :3].unbind(-1)
    # Water varies by factors. An absent deck has none.
    water = low[..., 3] * (high[..., 3] / low[..., 3].clamp(min=1e-9)) ** drawn[..., 3]
    squeeze = ((tropopause - 3000) / (16e3 - 3000)).clamp(min=0.1)[:, None]

    def height(km: Tensor) -> Tensor:
        return 1e3 * km.clamp(max=3) + 1e3 * (km - 3).clamp(min=0) * squeeze

    tops = height(base + depth)
    return Decks(kind, height(base), tops, fraction, 1e-3 * water, *rest.unbind(-1))


def _table(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return both ends of the ranges (kind, deck, 4), and what is no range (kind, deck, 3)."""
    none = Deck((0, 0), (0, 0), (0, 0), (0, 0))
    rows = [(*decks, *[none] * (DECKS - len(decks))) for decks in KINDS.values()]
    ends = [
        [[(d.base[i], d.depth[i], d.fraction[i], d.water[i]) for d in row] for row in rows]
        for i in (0, 1)
    ]
    rest = [[(d.taper, d.supercooled, d.inversion) for d in row] for row in rows]
    low, high = (torch.tensor(end, dtype=dtype) for end in ends)
    return low, high, torch.tensor(rest, dtype=dtype)


def cloud_cover(decks: Decks) -> Tensor:
    """Return roughly how much of the sky the decks hide, were they independent, (column,)."""
    return 1 - (1 - decks.fraction.clamp(max=1)).prod(-1)


def warm_above(decks: Decks, height: Tensor) -> Tensor:
    """Return how much warmer the inversions at the cloud tops make the air above [K].

    Parameters
    ----------
    height : (column, level)  [m]
        Above the ground.
    """
    above = height[:, None] - decks.top[..., None]
    fades = (-above.clamp(min=0) / 1800).exp()
    return (decks.inversion[..., None] * torch.sigmoid(above / 80) * fades).sum(1)


def fill(
    decks: Decks,
    ripple: Tensor,
    height_hl: Tensor,
    temperature: Tensor,
    pressure: Tensor,
    saturation: Tensor,
    droplets: Tensor,
    latitude: Tensor,
) -> Clouds:
    """Put decks on layers.

    Parameters
    ----------
    decks : Decks
    ripple : (column, deck)
        Uniform from 0 to 1: the phase of the fraction's variation with height.
    height_hl : (column, half_level)  [m]
        Above the ground.
    temperature, pressure, saturation : (column, level)  [K], [Pa], [kg/kg]
        The last is the saturation humidity.
    droplets : (column,)  [1/cm3]
        See :func:`droplet_number`.
    latitude : (column,)  [degrees north]
    """
    top, bottom = height_hl[:, None, :-1], height_hl[:, None, 1:]
    base, deck_top = decks.base[..., None], decks.top[..., None]
    inside = (torch.minimum(top, deck_top) - torch.maximum(bottom, base)).clamp(min=0)
    share = inside / (top - bottom)
    # The middle of what the deck and the layer have in common: 0 at the base, 1 at the top.
    middle = 0.5 * (torch.minimum(top, deck_top) + torch.maximum(bottom, base))
    place = ((middle - base) / (deck_top - base).clamp(min=1)).clamp(0, 1)
    thick = ((deck_top - base) / 3000).clamp(max=3)  # waves of the fraction over the depth
    wave = (2 * math.pi * (thick * place + ripple[..., None])).cos()
    shape = (1 - decks.taper[..., None] * place) * (1 - 0.2 * thick.clamp(max=1) * (1 - wave))
    parts = (decks.fraction[..., None] * shape).clamp(max=1) * share

    # Cold air holds less; and in rising air water condenses on the way up.
    cold = (saturation / WARM_SATURATION).clamp(max=1) ** 0.55
    water = parts * decks.water[..., None] * cold[:, None] * (0.4 + 1.2 * place)
    liquid = water * liquid_share(temperature[:, None], decks.supercooled[..., None])
    fraction = parts.amax(1)
    cloudy = fraction >= THRESHOLD
    fraction = fraction.where(cloudy, 0.0)
    q_liquid = liquid.sum(1).where(cloudy, 0.0)
    q_ice = (water - liquid).sum(1).where(cloudy, 0.0)
    # Cloudy air weighs this much [g/m3].
    density = 1e3 * pressure / (GAS_CONSTANT * temperature) / fraction.clamp(min=THRESHOLD)
    re_liquid = liquid_radius(density * q_liquid, droplets).where(q_liquid > 0, RE_LIQUID)
    re_ice = ice_radius(density * q_ice, temperature, latitude).where(q_ice > 0, RE_ICE)
    return Clouds(fraction, q_liquid, q_ice, re_liquid, re_ice)


def droplet_number(land: Tensor, variety: Tensor) -> Tensor:
    """Return how many droplets a cloud has [1/cm3]: more over land, where there are more nuclei.

    Parameters
    ----------
    land : (column,)
        Share of land.
    variety : (column,)
        Normally distributed: this place and day.
    """
    return 70 * (220 / 70) ** land * (0.35 * variety).exp()


def liquid_radius(content: Tensor, droplets: Tensor) -> Tensor:
    """Return the effective radius of droplets [m] (Martin, Johnson & Spice 1994, eq. 11).

    Parameters
    ----------
    content : (column, level)  [g/m3]
        Liquid in cloudy air.
    droplets : (column,)  [1/cm3]
    """
    broadness = 0.77 - 0.08 * ((droplets - 70) / 150).clamp(0, 1)  # k over sea and land
    cubed = 3 * content / (4 * math.pi * (broadness * droplets)[:, None])  # [g/m3 cm3]
    return (1e-4 * cubed ** (1 / 3)).clamp(4e-6, 3e-5)


def ice_radius(content: Tensor, temperature: Tensor, latitude: Tensor) -> Tensor:
    """Return the effective radius of ice [m] (Sun & Rikus 1999, Sun 2001), bounded as in the IFS.

    Parameters
    ----------
    content : (column, level)  [g/m3]
        Ice in cloudy air.
    temperature : (column, level)  [K]
    latitude : (column,)  [degrees north]
    """
    warm = 1.2351 + 0.0105 * (temperature - 273.15)
    size = 45.8966 * content**0.2214 + 0.7957 * content**0.2535 * (temperature - 83.15)
    least = 20 + 40 * latitude.deg2rad().cos()[:, None]
    diameter = torch.minimum(torch.maximum(warm * size, least), torch.full_like(size, 155.0))
    return 1e-6 * 0.64952 * diameter


def overlap_parameter(latitude: Tensor, steps: Tensor) -> Tensor:
    """Return how alike the clouds of two neighbouring layers lie: 1 above each other, 0 randomly.

    ``exp(-dz / L)`` (Hogan & Illingworth 2000, eq. 6) with the decorrelation length of the IFS,
    ``L = 0.75 km + 2.149 km cos^2(latitude)`` (after Shonk et al. 2010).

    Parameters
    ----------
    latitude : (...)  [degrees north]
    steps : (..., level - 1)  [m]
        Distance between the middles of the layers.
    """
    length = 750 + 2149 * latitude.deg2rad().cos().square()
    return (-steps / length[..., None]).exp()
