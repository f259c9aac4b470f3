"""The ground of the orographic drag: its constants, the column over it and the air that it blocks.

Air that lacks the energy to rise over the peaks, which stand some 3 mu above the surface, goes
around them and is slowed by the wakes of the flanks that it meets: the low-level half of the scheme
of Lott & Miller (1997), see :mod:`weather_forecast.gwd.physics.ogwd` for the whole, its references
and the indices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY, HEAT_CAPACITY
from weather_forecast.levels import (
    count_levels,
    full_level_pressure,
    geopotential,
    half_level_pressure,
    level_pressures,
)

MINIMUM_N2 = 1e-12
"""Least square of the buoyancy frequency, GSSEC in the IFS [1/s2]."""

MINIMUM_ANISOTROPY = 1e-7
"""An endless ridge counts as this narrow."""


@dataclass(frozen=True)
class OrographyParameters:
    """Constants of the scheme, with their names in the IFS; the defaults are those of CY49R1.

    Attributes
    ----------
    wave_drag : float
        GKDRAG, strength of the wave stress [1].
    wake_drag : float
        GKWAKE, drag coefficient of the blocked layer [1].
    critical_richardson : float
        GRCRIT: waves that would bring the Richardson number below this break [1].
    blocking_depth : float
        GFRCRIT, non-dimensional depth ``N dz / U`` below the peaks from which air still rises [1].
    breaking_depth : float
        Non-dimensional depth above the blocked layer over which low breaking is spread [1].
    minimum_std : float
        Columns with a standard deviation up to this have no drag [m].
    time_step : float
        Of the implicit step that makes a tendency of the blocking coefficient [s].
    tendency_limit : float
        GTENLIM, bound of each component of the wave tendency aloft [m/s2].
    limit_pressure : float
        It holds on the levels above this pressure, in a standard atmosphere [Pa].
    top_pressure : float
        GRFPLM: the levels above this pressure share the stress that reaches them [Pa].
    lowest_sigma : float
        The layer of the mean low-level flow ends at this ``p / p_s`` at most [1].
    minimum_wind : float
        GVSEC: a weaker wind counts as this; a weaker one along the stress is critical [m/s].
    minimum_stress : float
        GTSEC: a weaker stress does not reach the next half level [Pa].
    """

    wave_drag: float = 0.15
    wake_drag: float = 3.0
    critical_richardson: float = 0.25
    blocking_depth: float = 0.4
    breaking_depth: float = 1.5
    minimum_std: float = 50.0
    time_step: float = 900.0
    tendency_limit: float = 80.0 / 3600.0
    limit_pressure: float = 5000.0
    top_pressure: float = 9.9
    lowest_sigma: float = 0.94
    minimum_wind: float = 0.1
    minimum_stress: float = 1e-7

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name}: expected a positive number, found {value}")

    def marker_levels(self, levels: int, table: str = "L91") -> tuple[int, int, int]:
        """Count the full levels above `lowest_sigma`, `limit_pressure` and `top_pressure`."""
        # The IFS looks them up over these two surface pressures.
        highland, standard = (level_pressures(ps, levels, table) for ps in (80000.0, 101325.0))
        return (
            sum(p < self.lowest_sigma * 80000.0 for p in highland),
            sum(p < self.limit_pressure for p in standard),
            sum(p < self.top_pressure for p in highland),
        )


class MountainColumns(NamedTuple):
    """Columns of air and the mountains below them.

    Attributes
    ----------
    u, v, temperature : (column, level)  [m/s], [m/s], [K]
        On all levels of the table, down to the surface.
    surface_pressure : (column,)  [Pa]
    std, slope, anisotropy, angle : (column,)  [m], [1], [1], [rad]
        mu, sigma, gamma and theta of the subgrid orography.
    """

    u: Tensor
    v: Tensor
    temperature: Tensor
    surface_pressure: Tensor
    std: Tensor
    slope: Tensor
    anisotropy: Tensor
    angle: Tensor

    @classmethod
    def of_rows(cls, x: Tensor, levels: int) -> MountainColumns:
        """Take rows ``(column, 3 levels + 6)`` apart, in the order of the raw files."""
        u, v, temperature = (x[:, i * levels : (i + 1) * levels] for i in range(3))
        surface_pressure, _, *mountains = x[:, 3 * levels :].unbind(-1)
        return cls(u, v, temperature, surface_pressure, *mountains)

    def check(self, table: str) -> None:
        """Raise ValueError unless shapes fit each other and levels reach down to the surface."""
        shape = tuple(self.u.shape)
        for name, field in self._asdict().items():
            if name in ("u", "v", "temperature"):
                if field.ndim != 2 or field.shape != shape:
                    raise ValueError(
                        f"{name}: expected (column, level) as u, {shape}, "
                        f"found {tuple(field.shape)}"
                    )
            elif field.shape != shape[:1]:
                raise ValueError(
                    f"{name}: expected one number for each of {shape[0]} columns, "
                    f"found the shape {tuple(field.shape)}"
                )
        if shape[1] != count_levels(table):
            raise ValueError(
                f"orographic drag needs all levels of {table} down to the surface, "
                f"the columns end at level {shape[1]}"
            )


class Background(NamedTuple):
    """The column at rest.

    Attributes
    ----------
    p_half : (column, half_level)  [Pa]
    p_full : (column, level)  [Pa]
    height : (column, level)  [m]
        Above the surface.
    half_height : (column, inner)  [m]
        Mean of the full levels above and below.
    density : (column, inner)  [kg/m3]
    buoyancy_frequency : (column, inner)  [1/s]
    n2_below : (column, inner)  [1/s2]
        Square of it with the temperature of the full level below, and without the lower bound.
    """

    p_half: Tensor
    p_full: Tensor
    height: Tensor
    half_height: Tensor
    density: Tensor
    buoyancy_frequency: Tensor
    n2_below: Tensor


def background(temperature: Tensor, surface_pressure: Tensor, table: str = "L91") -> Background:
    """Return heights, density and stability of columns of dry air.

    ``N2 = g2 / (cp T) (1 - cp rho dT / dp)`` (IFS documentation, section 4.4.1).

    Parameters
    ----------
    temperature : (column, level)  [K]
        On all levels of `table`.
    surface_pressure : (column,)  [Pa]
    table : str
        Vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.
    """
    p_half = half_level_pressure(surface_pressure, temperature.shape[1], table)
    p_full = full_level_pressure(p_half)
    height = geopotential(temperature, p_half) / GRAVITY
    half_temperature = _between(temperature)
    density = p_half[:, 1:-1] / (GAS_CONSTANT * half_temperature)
    lapse = temperature.diff(dim=-1) / p_full.diff(dim=-1)
    stability = GRAVITY**2 / HEAT_CAPACITY * (1 - HEAT_CAPACITY * density * lapse)
    n = (stability / half_temperature).clamp(min=MINIMUM_N2).sqrt()
    n2_below = stability / temperature[:, 1:]
    return Background(p_half, p_full, height, _between(height), density, n, n2_below)


def _between(field: Tensor) -> Tensor:
    """Return the means of neighbouring full levels."""
    return 0.5 * (field[:, 1:] + field[:, :-1])


def ellipse(anisotropy: Tensor) -> tuple[Tensor, Tensor]:
    """Return B and C, the drag of an elliptic mountain across and along its ridge.

    Parameters
    ----------
    anisotropy : (...)  [1]
        gamma: 0 for a ridge, 1 for a round mountain.

    Returns
    -------
    b, c : (...)  [1]
        Fits to the integrals of Phillips (1984).
    """
    gamma2 = anisotropy.square()
    return 1 - 0.18 * anisotropy - 0.04 * gamma2, 0.48 * anisotropy + 0.3 * gamma2


def axis_angle(u: Tensor, v: Tensor, angle: Tensor, minimum_wind: float) -> Tensor:
    """Return psi, the angle from the wind to the principal axis of the mountains [rad].

    Parameters
    ----------
    u, v : (...)  [m/s]
    angle : (...)  [rad]
        theta, from the east to the axis across the ridges. What is made of psi has the period pi.
    minimum_wind : float
        A weaker u is moved by twice this [m/s], away from a division by zero.
    """
    weak = (u >= -minimum_wind) & (u < minimum_wind)
    return angle - (v / torch.where(weak, u + 2 * minimum_wind, u)).atan()


def blocked_and_breaking_level(
    speed: Tensor, column: Background, peak_level: Tensor, parameters: OrographyParameters
) -> tuple[Tensor, Tensor]:
    """Find the blocked layer below the peaks and the layer above it in which low waves break.

    Both ends are found by the non-dimensional depth ``int N / U dz``: z_b lies `blocking_depth`
    below the peaks, the other end `breaking_depth` above z_b (IFS documentation, sections 4.2.1 and
    4.2.2).

    Parameters
    ----------
    speed : (column, level)  [m/s]
        Along the mean low-level wind.
    column : Background
    peak_level : (column,) int
        The level of the peaks, of whose layer only the lower half counts.
    parameters : OrographyParameters

    Returns
    -------
    blocking_level, breaking_level : (column,) int
        The uppermost blocked full level, at worst the lowest of the column; the full level in which
        the other depth is reached.
    """
    peak_level = peak_level[:, None]
    per_mass = column.buoyancy_frequency / column.density
    mass = column.p_half.diff(dim=-1)[:, 1:-1] / GRAVITY
    half = 0.5 * mass / speed.abs().clamp(min=parameters.minimum_wind)[:, 1:-1]
    upper, lower = half * per_mass[:, :-1], half * per_mass[:, 1:]
    level = torch.arange(1, speed.shape[1] - 1, device=speed.device)

    below = level >= peak_level
    descent = (lower + upper.where(level > peak_level, 0.0)).where(below, 0.0).cumsum(-1)
    blocked = peak_level + (below & (descent <= parameters.blocking_depth)).sum(-1, keepdim=True)

    above = level < blocked
    ascent = (upper + lower).where(above, 0.0).flip(-1).cumsum(-1).flip(-1)
    risen = (above & (ascent <= parameters.breaking_depth)).sum(-1, keepdim=True)
    return blocked[:, 0], (blocked - 1 - risen)[:, 0]


def blocking_coefficient(
    columns: MountainColumns, height: Tensor, top: Tensor, parameters: OrographyParameters
) -> Tensor:
    """Return beta, the rate at which the wakes slow the wind (IFS documentation, section 4.2.1).

    ``beta = C_d max(0, 2 - 1 / r) sigma / (2 mu) sqrt((z_b - z) / (z + mu)) (B cos2 + C sin2) |U| /
    2``, with cos2 and sin2 of psi, the angle between the local wind and the axis, and the aspect
    ratio r that the mountain shows the wind, ``r2 = (cos2 + gamma2 sin2) / (gamma2 cos2 + sin2)``.

    Parameters
    ----------
    columns : MountainColumns
    height : (column, level)  [m]
    top : (column,)  [m]
        z_b, here the top of the uppermost blocked layer.
    parameters : OrographyParameters

    Returns
    -------
    (column, level)  [1/s]
        Zero above z_b.
    """
    u, v = columns[:2]
    std, slope, gamma, angle, top = (number[:, None] for number in (*columns[4:], top))
    gamma = gamma.clamp(min=MINIMUM_ANISOTROPY)
    cos2 = axis_angle(u, v, angle, parameters.minimum_wind).cos().square()
    sin2 = 1 - cos2
    b, c = ellipse(gamma)
    gamma2 = gamma.square()
    inverse_ratio = ((gamma2 * cos2 + sin2) / (cos2 + gamma2 * sin2)).sqrt()
    shape = (2 - inverse_ratio).clamp(min=0) * (b * cos2 + c * sin2)
    flanks = ((top - height) / (height + std)).clamp(min=0).sqrt()
    return parameters.wake_drag * slope / (2 * std) * shape * flanks * torch.hypot(u, v) / 2
