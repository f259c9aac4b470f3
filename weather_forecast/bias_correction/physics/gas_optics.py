"""Optical depths of gases, by k-distributions of few points.

Sunlight: Chou & Suarez (1999, NASA/TM-1999-104606 vol. 15, tables 3 and 5): ozone, water vapour,
Rayleigh scattering. Long wave: Chou et al. (2001, NASA/TM-2001-104606 vol. 19, tables 3, 4, 9 and
10): lines and continuum of water vapour, the 15 um band of carbon dioxide. The 9.6 um band of
ozone is a Malkmus band, whose distribution of absorption coefficients is an inverse Gaussian
(Domoto 1974), cut into three parts.

Neighbouring coefficients of the tables are merged into one *spectral point*: their weights add up,
their coefficient is the geometric mean by weight. Oxygen and carbon dioxide absorb sunlight in one
grey part each; methane, nitrous oxide, CFCs and aerosols are left out.

Arrays have the axes (level, point, column).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GRAVITY, STEFAN_BOLTZMANN

SECOND_RADIATION = 1.438776877
"""h c / k [cm K]."""
THICKEST = 50.0
"""Gases of a layer are no thicker than this; it is black long before."""
THINNEST = 1e-7
"""Nor are they thinner in the long wave, where emission is divided by the optical depth."""


@dataclass(frozen=True)
class SolarPoint:
    """Part of the solar spectrum.

    Attributes
    ----------
    band : int
        Of the cloud optics: 0 below 0.7 um, then 0.7 - 1.22, 1.22 - 2.27 and above 2.27 um.
    albedo : int
        Interval of the surface albedo with the most light of the point, from 0.
    weight : float
        Share of the solar irradiance.
    water : float
        Absorption by water vapour [cm2/g].
    ozone : float
        Absorption by ozone [1/(cm atm)].
    rayleigh : float
        Optical depth of scattering by air [1/hPa].
    oxygen, carbon_dioxide : float
        Absorption [1/hPa of air] and [1/(cm atm)].
    """

    band: int
    albedo: int
    weight: float
    water: float
    ozone: float
    rayleigh: float
    oxygen: float = 0.0
    carbon_dioxide: float = 0.0


@dataclass(frozen=True)
class ThermalPoint:
    """Part of the thermal spectrum.

    Attributes
    ----------
    band : int
        See :data:`THERMAL_BANDS`.
    weight : float
        Share of the black-body flux of the band.
    water, continuum : float
        Absorption by lines and by the continuum of water vapour [cm2/g], [cm2/(g atm)].
    carbon_dioxide, ozone : float
        [1/(cm atm)]
    center : bool
        Whether carbon dioxide absorbs as in the center of its band.
    """

    band: int
    weight: float
    water: float
    continuum: float = 0.0
    carbon_dioxide: float = 0.0
    ozone: float = 0.0
    center: bool = False


THERMAL_BANDS: tuple[tuple[float, float], ...] = (
    (0.0, 340.0),
    (340.0, 540.0),
    (540.0, 800.0),
    (800.0, 980.0),
    (980.0, 1100.0),
    (1100.0, 1215.0),
    (1215.0, 1380.0),
    (1380.0, math.inf),
)
"""Lower and upper wave number [1/cm]."""
WINDOW_BANDS = (3, 4, 5)
"""Bands whose surface emissivity is the second one, 8 - 13 um."""

# Scaling of water vapour with temperature and pressure (Chou et al. 2001, table 3), by band.
_WATER_A = (0.0021, 0.0140, 0.0167, 0.0302, 0.0307, 0.0195, 0.0152, 0.0008)
_WATER_B = (-1.01e-5, 5.57e-5, 8.54e-5, 2.96e-4, 2.86e-4, 1.108e-4, 7.608e-5, -3.52e-6)
_WATER_POWER = (1.0, 1.0, 1.0, 1.0, 1.0, 0.77, 0.5, 1.0)


def _merge(
    weights: Sequence[float], coefficients: Sequence[float], groups: Sequence[slice]
) -> list[tuple[float, float]]:
    """Merge neighbouring points of a k-distribution: weight and coefficient of each group."""
    merged = []
    for group in groups:
        w, k = weights[group], coefficients[group]
        total = math.fsum(w)
        mean = math.fsum(a * math.log(b) for a, b in zip(w, k, strict=True)) / total
        merged.append((total, math.exp(mean)))
    return merged


def _powers(first: float, ratio: float, number: int = 6) -> list[float]:
    """Return the absorption coefficients of a table: each is the same multiple of the last."""
    return [first * ratio**i for i in range(number)]


@cache
def solar_points() -> tuple[SolarPoint, ...]:
    """Return the spectral points of sunlight; their weights add up to one."""
    # Ultraviolet: eight bands of the table, the first six merged into three points.
    points = [
        SolarPoint(0, 1, 0.00450, 0.0, 206.0, 0.00180),
        SolarPoint(0, 1, 0.00474, 0.0, 41.0, 0.00190),
        SolarPoint(0, 1, 0.01156, 0.0, 3.1, 0.00099),
        SolarPoint(0, 1, 0.05913, 0.0, 0.0345, 0.00055),
        SolarPoint(0, 2, 0.39081, 0.00075, 0.0572, 0.00012),
    ]
    k = (0.0010, 0.0133, 0.0422, 0.1334, 0.4217, 1.334, 5.623, 31.62, 177.8)
    near_infrared = (
        (1, 3, 1.56e-5, (0, 1, 3, 5, 9),
         (0.20673, 0.03497, 0.03011, 0.02260, 0.01336, 0.00696, 0.00441, 0.00115, 0.00026)),
        (2, 4, 1.8e-6, (0, 1, 4, 6, 9),
         (0.08236, 0.01157, 0.01133, 0.01143, 0.01240, 0.01258, 0.01381, 0.00650, 0.00338)),
        (3, 5, 0.0, (0, 2, 5, 7, 9),
         (0.01074, 0.00360, 0.00411, 0.00421, 0.00389, 0.00326, 0.00499, 0.00465, 0.00390)),
    )  # fmt: skip
    for band, albedo, rayleigh, cuts, weights in near_infrared:
        groups = [slice(a, b) for a, b in pairwise(cuts)]
        points += [
            SolarPoint(band, albedo, weight, water, 0.0, rayleigh)
            for weight, water in _merge(weights, k, groups)
        ]
    # Oxygen at 0.76 um and carbon dioxide at 2.0 um, each as one grey part of the point with the
    # least water vapour. Over the whole air, an overhead sun loses 0.36 % to the one (Chou & Suarez
    # 1999) and about 0.6 % to the other.
    for band, weight, oxygen, dioxide in ((1, 0.0054, 1.1e-3, 0.0), (2, 0.0085, 0.0, 3.4e-3)):
        i = next(i for i, point in enumerate(points) if point.band == band)
        clear = points[i]
        points[i] = replace(clear, weight=clear.weight - weight)
        points.append(replace(clear, weight=weight, oxygen=oxygen, carbon_dioxide=dioxide))
    return tuple(points)


@cache
def thermal_points() -> tuple[ThermalPoint, ...]:
    """Return the spectral points of the long wave; weights of a band add up to one."""
    # First coefficient of water vapour, ratio of neighbours, weights, where to cut, continuum.
    bands = (
        (29.55, 6, (0.2747, 0.2717, 0.2752, 0.1177, 0.0352, 0.0255), (0, 2, 4, 6), 0.0),
        (0.4167, 6, (0.1521, 0.3974, 0.1778, 0.1826, 0.0374, 0.0527), (0, 1, 2, 4, 6), 271.0),
        None,
        (5.25e-4, 6, (0.4654, 0.2991, 0.1343, 0.0646, 0.0226, 0.0140), (0, 2, 4, 6), 16.8),
        None,
        (9.369e-3, 8, (0.5955, 0.2693, 0.0953, 0.0335, 0.0064, 0.0), (0, 2, 5), 6.52),
        (4.719e-2, 9, (0.1958, 0.3469, 0.3147, 0.1013, 0.0365, 0.0048), (0, 2, 4, 6), 12.7),
        (1.320, 6, (0.0740, 0.1636, 0.4174, 0.1783, 0.1101, 0.0566), (0, 2, 4, 6), 0.0),
    )
    points = []
    for band, row in enumerate(bands):
        if row is None:
            continue
        first, ratio, weights, cuts, continuum = row
        groups = [slice(a, b) for a, b in pairwise(cuts)]
        points += [
            ThermalPoint(band, weight, water, continuum)
            for weight, water in _merge(weights, _powers(first, ratio), groups)
        ]

    # 15 um: three parts, each a share of the band with its water vapour and continuum; carbon
    # dioxide absorbs differently in the wings (540 - 620, 720 - 800 1/cm) and in the center.
    wing = _merge(
        (0.1395, 0.1407, 0.1549, 0.1357, 0.0182, 0.0220),
        _powers(2.656e-5, 8),
        (slice(0, 2), slice(2, 6)),
    )
    center = _merge(
        (0.0766, 0.1372, 0.1189, 0.0335, 0.0169, 0.0059),
        _powers(2.656e-3, 8),
        (slice(0, 1), slice(1, 3), slice(3, 6)),
    )
    parts = (
        ((0.0, 0.1083, 0.1581, 0.0455, 0.0274, 0.0041), 100.0, wing, False),
        ((0.0923, 0.1675, 0.0923, 0.0187, 0.0178, 0.0), 50.0, center, True),
        ((0.1782, 0.0593, 0.0215, 0.0068, 0.0022, 0.0), 25.0, wing, False),
    )
    for weights, continuum, distribution, is_center in parts:
        ((share, water),) = _merge(weights, _powers(1.328e-2, 8), [slice(0, 6)])
        total = math.fsum(weight for weight, _ in distribution)
        points += [
            ThermalPoint(2, share * weight / total, water, continuum, k, center=is_center)
            for weight, k in distribution
        ]

    # 9.6 um: mean absorption 3.1 /(cm atm) from the strength of the band (HITRAN), half width over
    # spacing of lines for the pressure where ozone is (0.12), cut at 45 and 80 % of the band.
    ((_, water),) = _merge(
        (0.5543, 0.2723, 0.1131, 0.0443, 0.0160), _powers(5.25e-4, 6, 5), [slice(0, 5)]
    )
    points += [
        ThermalPoint(4, weight, water, 8.31, ozone=k)
        for weight, k in ((0.45, 0.111), (0.35, 0.673), (0.20, 7.00))
    ]
    return tuple(sorted(points, key=lambda point: point.band))


class Layers(NamedTuple):
    """State of the air between half levels: (level, column).

    Attributes
    ----------
    pressure [hPa], temperature [K], thickness [hPa]
    water : specific humidity [kg/kg]
    ozone, carbon_dioxide : amount [cm atm]
    """

    pressure: Tensor
    temperature: Tensor
    thickness: Tensor
    water: Tensor
    ozone: Tensor
    carbon_dioxide: Tensor


def air_layers(columns: Mapping[str, Tensor]) -> Layers:
    """Gather what absorbs from variables (level, column) by name."""
    pressure = 0.01 * columns["pressure_hl"]
    temperature = columns["temperature_hl"]
    thickness = pressure.diff(dim=0)
    return Layers(
        0.5 * (pressure[1:] + pressure[:-1]),
        0.5 * (temperature[1:] + temperature[:-1]),
        thickness,
        columns["q"].clamp(min=0.0),
        # 1 kg/m2 of ozone is 46.7 cm atm, 1 hPa of air 789 cm atm.
        476.0 * columns["o3_mmr"].clamp(min=0.0) * thickness,
        789.0 * columns["co2_vmr"].clamp(min=0.0) * thickness,
    )


def _table(values: Sequence[float], like: Tensor) -> Tensor:
    """Return values of the points as (point, 1)."""
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None]


def _absorb(amounts: Sequence[Tensor], coefficients: Sequence[Sequence[float]]) -> Tensor:
    """Add up what absorbs: amounts of (level, column), coefficients of (point,) for each.

    Returns
    -------
    (level, point, column)
        The points are neighbours in memory, for the loops that follow.
    """
    stacked = torch.stack([amount.mT for amount in amounts], -1)
    table = torch.tensor(coefficients, dtype=stacked.dtype, device=stacked.device)
    return (stacked @ table).permute(1, 2, 0)


def solar_optical_depths(air: Layers) -> tuple[Tensor, Tensor]:
    """Return optical depths of absorption and of Rayleigh scattering: (level, point, column)."""
    points = solar_points()
    # Water vapour absorbs more at higher pressure (Chou & Suarez 1999, section 3).
    scaling = (air.pressure / 300.0) ** 0.8 * (1.0 + 0.00135 * (air.temperature - 240.0))
    water = (1.0 / (0.1 * GRAVITY)) * air.water * air.thickness * scaling
    absorption = _absorb(
        (water, air.ozone, air.thickness, air.carbon_dioxide),
        (
            [p.water for p in points],
            [p.ozone for p in points],
            [p.oxygen for p in points],
            [p.carbon_dioxide for p in points],
        ),
    )
    scattering = _absorb([air.thickness], [[p.rayleigh for p in points]])
    return absorption.clamp(max=THICKEST), scattering


def thermal_optical_depths(air: Layers) -> Tensor:
    """Return optical depths of absorption in the long wave: (level, point, column)."""
    points = thermal_points()
    warm = air.temperature - 250.0
    path = (1.0 / (0.1 * GRAVITY)) * air.water * air.thickness
    # Eqs. 4.1 and 4.2, band by band.
    scaled = {power: path * (air.pressure / 500.0) ** power for power in set(_WATER_POWER)}
    water = [
        (scaled[power] * (1.0 + (a + b * warm) * warm)).clamp(min=0.0)
        for a, b, power in zip(_WATER_A, _WATER_B, _WATER_POWER, strict=True)
    ]
    # Eq. 4.21: vapour pressure in atmospheres, colder air absorbs more.
    vapour = air.pressure * air.water / (0.622 * 1013.25)
    continuum = path * vapour * torch.exp(1800.0 / air.temperature - 6.081)
    wing = (air.pressure / 300.0) ** 0.5 * (1.0 + (0.0182 + 1.07e-4 * warm) * warm)
    center = (air.pressure / 30.0) ** 0.85 * (1.0 + (0.0042 + 2.0e-5 * warm) * warm)
    dioxide = [(shape * air.carbon_dioxide).clamp(min=0.0) for shape in (wing, center)]
    tau = _absorb(
        (*water, continuum, air.ozone, *dioxide),
        (
            *([p.water if p.band == band else 0.0 for p in points] for band in range(len(water))),
            [p.continuum for p in points],
            [p.ozone for p in points],
            *([p.carbon_dioxide if p.center == c else 0.0 for p in points] for c in (False, True)),
        ),
    )
    return tau.clamp(min=THINNEST, max=THICKEST)


def planck_fluxes(temperature: Tensor) -> Tensor:
    """Return what a black body emits at each point: (..., column) -> (..., point, column) [W/m2].

    The points are neighbours in memory, for the loops that follow.
    """
    points = thermal_points()
    uppers = [upper for _, upper in THERMAL_BANDS[:-1]]
    edges = tuple(SECOND_RADIATION * upper for upper in uppers)
    terms = tuple(1 + math.ceil(4000.0 / upper) for upper in uppers)
    bands = planck_bands(temperature, edges, terms, STEFAN_BOLTZMANN)
    weights = [[p.weight if p.band == b else 0.0 for p in points] for b in range(len(edges) + 1)]
    return (bands.movedim(-2, 0) @ bands.new_tensor(weights)).movedim(0, -1)


@compiled_by("weather_forecast.bias_correction.physics.gas_optics_loops")
def planck_bands(
    temperature: Tensor, edges: tuple[float, ...], terms: tuple[int, ...], sigma: float
) -> Tensor:
    """Return what a black body emits in bands.

    The part of the spectrum above a wave number is a quickly converging series (Chang & Rhee
    1984).

    Parameters
    ----------
    temperature : (..., column)  [K]
    edges : tuple of float
        Wave numbers between the bands, times the second radiation constant [K].
    terms : tuple of int
        Terms of the series for each of them.
    sigma : float
        ``STEFAN_BOLTZMANN`` [W/(m2 K4)].

    Returns
    -------
    (..., column, band)  [W/m2]
    """
    above = [torch.ones_like(temperature)]
    for edge, last in zip(edges, terms, strict=True):
        x = edge / temperature
        series = [
            torch.exp(-n * x) * (x**3 / n + 3.0 * x**2 / n**2 + 6.0 * x / n**3 + 6.0 / n**4)
            for n in range(1, last + 1)
        ]
        above.append(15.0 / math.pi**4 * torch.stack(series).sum(0))
    above.append(torch.zeros_like(temperature))
    cumulative = torch.stack(above, -1)
    return (cumulative[..., :-1] - cumulative[..., 1:]) * (sigma * temperature**4)[..., None]
