"""Drag of mountains that the grid does not see: the scheme of Lott & Miller (1997) as in the IFS.

What a grid box hides of its mountains is given by the standard deviation mu of their height, their
slope sigma, their anisotropy gamma and the angle theta from the east to their principal axis, which
crosses the ridges. Air that lacks the energy to rise over the peaks is blocked
(:mod:`weather_forecast.gwd.physics.blocking`). What passes over them launches gravity waves, whose
stress stays constant with height until they meet a critical level or break in the thinner air
above; where it falls, it slows the wind.

References: IFS documentation, part IV, chapter 4, after Lott & Miller (1997, QJRMS 123, 101);
Baines & Palmer (1990) for the four numbers, Phillips (1984) for the drag of an elliptic mountain,
Palmer et al. (1986) for the breaking.

Indices count from 0 at the top: the full level k lies between the half levels k and k + 1; the
inner half levels k = 1 .. n - 1 have a full level on either side. The level of a height is the
lowest half level above it. All columns are computed at once, in the precision of the input.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY, HEAT_CAPACITY
from weather_forecast.gwd.physics.blocking import (
    MINIMUM_ANISOTROPY,
    MINIMUM_N2,
    Background,
    MountainColumns,
    OrographyParameters,
    axis_angle,
    background,
    blocked_and_breaking_level,
    blocking_coefficient,
    ellipse,
)
from weather_forecast.levels import THIN, hybrid_coefficients

__all__ = [
    "LowLevelFlow",
    "MountainColumns",
    "OrographicDrag",
    "OrographyParameters",
    "drag_from",
    "low_level_flow",
    "orographic_drag",
    "wave_stress",
    "wind_along_stress",
]


class LowLevelFlow(NamedTuple):
    """The flow that meets the mountains, and what they make of it at the ground.

    Attributes
    ----------
    background : Background
        Pressures, heights, density and stability of the column.
    u, v : (column,)  [m/s]
        Mean wind between about mu and 2 mu above the surface.
    density, buoyancy_frequency : (column,)  [kg/m3], [1/s]
        Means of the same layer.
    psi : (column,)  [rad]
        Angle from the mean wind to the principal axis of the mountains.
    d1, d2 : (column,)  [1]
        Stress along and across the mean wind, relative to that of a ridge which it crosses.
    direction : (column, 2)  [1]
        Unit vector of the stress; shorter where the mean wind is below the minimum.
    base_level, peak_level, breaking_level, blocking_level : (column,) int64
        The bottom of the layer of the mean wind; the level of 3 mu; the half level down from which
        low breaking is spread; the uppermost blocked full level.
    blocking_height : (column,)  [m]
        z_b, height of the uppermost blocked full level.
    stress_scale : (column,)  [1/m]
        Stress of a wave of amplitude dz, relative to ``rho N U dz2``.
    launch_stress : (column,)  [Pa]
        tau_0; zero in inactive columns.
    active : (column,) bool
        Standard deviation above the minimum.
    """

    background: Background
    u: Tensor
    v: Tensor
    density: Tensor
    buoyancy_frequency: Tensor
    psi: Tensor
    d1: Tensor
    d2: Tensor
    direction: Tensor
    base_level: Tensor
    peak_level: Tensor
    breaking_level: Tensor
    blocking_level: Tensor
    blocking_height: Tensor
    stress_scale: Tensor
    launch_stress: Tensor
    active: Tensor


class OrographicDrag(NamedTuple):
    """What the mountains do to a column.

    Attributes
    ----------
    wave_u_tendency, wave_v_tendency : (column, level)  [m/s2]
        Zero in the blocked layer.
    blocking_u_tendency, blocking_v_tendency : (column, level)  [m/s2]
        Of an implicit time step, ``-beta u / (1 + beta dt)``; zero above the blocked layer.
    blocking_coefficient : (column, level)  [1/s]
        beta.
    stress : (column, half_level)  [Pa]
        Of the waves, against their direction; zero on the top half level.
    """

    wave_u_tendency: Tensor
    wave_v_tendency: Tensor
    blocking_u_tendency: Tensor
    blocking_v_tendency: Tensor
    blocking_coefficient: Tensor
    stress: Tensor


def low_level_flow(
    columns: MountainColumns, parameters: OrographyParameters | None = None, *, table: str = "L91"
) -> LowLevelFlow:
    """Compute the flow near the ground and the stress of the waves that it launches.

    ``tau_0 = GKDRAG rho_L N_L |U_L| sigma / mu D (H / 3)2`` with ``H = 2 (3 mu - z_b)`` for what
    rises over the peaks, ``D = |(D1, D2)|``, ``D1 = B - (B - C) sin2 psi`` and ``D2 = (B - C) sin
    psi cos psi`` (IFS documentation, section 4.2.2).

    Parameters
    ----------
    columns : MountainColumns
    parameters : OrographyParameters, optional
    table : str
        Vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.

    Returns
    -------
    LowLevelFlow

    Raises
    ------
    ValueError
        Fields whose shapes do not fit each other, or columns that end above the surface.
    """
    parameters = parameters or OrographyParameters()
    columns.check(table)
    u, v, temperature, surface_pressure, std, slope, anisotropy, angle = columns
    active = std > parameters.minimum_std
    std = std.clamp(min=parameters.minimum_std)  # inactive columns only have to stay finite
    column = background(temperature, surface_pressure, table)

    # The layer of the mean flow reaches from the level of 2 mu to that of mu.
    low, top, peak, envelope = (
        (column.half_height > k * std[:, None]).sum(-1) for k in range(1, 5)
    )
    lowest = parameters.marker_levels(u.shape[1], table)[0]
    base = torch.where(top < lowest, torch.maximum(low, top + 1), u.shape[1] - 1)
    top = top.clamp(max=lowest)
    level = torch.arange(u.shape[1], device=u.device)
    layer = (level >= top[:, None]) & (level <= base[:, None])
    mean_u, mean_v = (_mean(wind, column.p_half.diff(dim=-1), layer) for wind in (u, v))
    between, inner = column.p_full.diff(dim=-1), layer[:, 1:] & layer[:, :-1]
    density = _mean(column.density, between, inner)
    # Summed from the top, N2 is kept at its lower bound at every level.
    partial = (column.n2_below * between).where(inner, 0.0).cumsum(-1)
    raised = (MINIMUM_N2 - partial.amin(-1)).clamp(min=0)
    n = ((partial[:, -1] + raised) / between.where(inner, 0.0).sum(-1)).sqrt()

    # The stress of an elliptic mountain along and across the mean wind.
    speed = torch.hypot(mean_u, mean_v).clamp(min=parameters.minimum_wind)
    psi = axis_angle(mean_u, mean_v, angle, parameters.minimum_wind)
    b, c = ellipse(anisotropy.clamp(min=MINIMUM_ANISOTROPY))
    d1 = b - (b - c) * psi.sin().square()
    d2 = (b - c) * psi.sin() * psi.cos()
    shape = torch.hypot(d1, d2)
    direction = torch.stack([mean_u * d1 - mean_v * d2, mean_v * d1 + mean_u * d2], dim=-1)

    along = (mean_u[:, None] * u + mean_v[:, None] * v) / speed[:, None]
    blocked, breaking = blocked_and_breaking_level(along, column, peak, parameters)
    # Only where a number is missing could they be above the column.
    blocked, breaking = blocked.clamp(min=1), breaking.clamp(min=0)
    blocking_height = column.height.gather(1, blocked[:, None])[:, 0]
    rising = 2 * (3 * std - blocking_height).clamp(min=0)
    scale = parameters.wave_drag * slope * shape / (4 * std)
    launch_stress = scale * density * n * speed * (2 * rising / 3).square()
    return LowLevelFlow(
        background=column,
        u=mean_u,
        v=mean_v,
        density=density,
        buoyancy_frequency=n,
        psi=psi,
        d1=d1,
        d2=d2,
        direction=direction / (speed * shape)[:, None],
        base_level=base,
        peak_level=peak,
        # Low breaking is spread up to 4 mu at least.
        breaking_level=torch.minimum(breaking, envelope.clamp(max=lowest)),
        blocking_level=blocked,
        blocking_height=blocking_height,
        stress_scale=scale,
        launch_stress=launch_stress.where(active, 0.0),
        active=active,
    )


def orographic_drag(
    columns: MountainColumns, parameters: OrographyParameters | None = None, *, table: str = "L91"
) -> OrographicDrag:
    """Compute the drag of subgrid mountains.

    Parameters
    ----------
    columns, parameters, table
        See :func:`low_level_flow`.

    Returns
    -------
    OrographicDrag

    Raises
    ------
    ValueError
        Fields whose shapes do not fit each other, or columns that end above the surface.
    """
    parameters = parameters or OrographyParameters()
    columns.check(table)
    levels = columns.u.shape[1]
    return OrographicDrag(
        *mountain_drag(
            columns,
            hybrid_coefficients(levels, table),
            (
                parameters.wave_drag,
                parameters.wake_drag,
                parameters.critical_richardson,
                parameters.blocking_depth,
                parameters.breaking_depth,
                parameters.minimum_std,
                parameters.time_step,
                parameters.tendency_limit,
                parameters.minimum_wind,
                parameters.minimum_stress,
            ),
            parameters.marker_levels(levels, table),
            (GAS_CONSTANT, GRAVITY, HEAT_CAPACITY, THIN, MINIMUM_N2, MINIMUM_ANISOTROPY),
            parameters,
            table,
        )
    )


@compiled_by("weather_forecast.gwd.physics.ogwd_loops")
def mountain_drag(
    columns: MountainColumns,
    half_levels: tuple[Tensor, Tensor],
    scheme: tuple[float, ...],
    markers: tuple[int, int, int],
    constants: tuple[float, ...],
    parameters: OrographyParameters,
    table: str,
) -> tuple[Tensor, ...]:
    """Compute what :func:`orographic_drag` returns."""
    flow = low_level_flow(columns, parameters, table=table)
    column, (u, v) = flow.background, columns[:2]
    z_b = column.half_height.gather(1, flow.blocking_level[:, None] - 1)[:, 0]
    beta = blocking_coefficient(columns, column.height, z_b, parameters)
    stress = wave_stress(u, v, flow, parameters)
    drag = drag_from(u, v, flow, stress, beta, parameters, table=table)
    # A number that is missing makes the whole column one of missing numbers.
    whole = torch.stack([field.isfinite().all(-1) for field in columns[:3]]).all(0)
    whole = (whole & torch.stack(columns[3:]).isfinite().all(0))[:, None]
    return tuple(field.where(whole, torch.nan) for field in drag)


def drag_from(
    u: Tensor,
    v: Tensor,
    flow: LowLevelFlow,
    stress: Tensor,
    beta: Tensor,
    parameters: OrographyParameters,
    *,
    table: str = "L91",
) -> OrographicDrag:
    """Turn stress and blocking coefficient into tendencies: where each acts, and along what.

    Parameters
    ----------
    u, v : (column, level)  [m/s]
    flow : LowLevelFlow
        Of the same columns.
    stress : (column, half_level)  [Pa]
    beta : (column, level)  [1/s]
        What stands above the blocked layer, or in inactive columns, is not used.
    parameters : OrographyParameters
    table : str
    """
    _, limited, shared = parameters.marker_levels(u.shape[1], table)
    level = torch.arange(u.shape[1], device=u.device)
    blocked = level >= flow.blocking_level[:, None]
    slowing = _slowing(stress, flow.background.p_half, shared).where(~blocked, 0.0)
    bound = u.new_full(level.shape, torch.inf)
    bound[:limited] = parameters.tendency_limit
    wave_u, wave_v = (
        (-slowing * unit[:, None]).clamp(-bound, bound) for unit in flow.direction.unbind(-1)
    )
    beta = beta.where(blocked & flow.active[:, None], 0.0)
    rate = -beta / (1 + beta * parameters.time_step)
    return OrographicDrag(wave_u, wave_v, rate * u, rate * v, beta, stress)


def wave_stress(
    u: Tensor, v: Tensor, flow: LowLevelFlow, parameters: OrographyParameters
) -> Tensor:
    """Carry the stress of the waves upward through critical levels and breaking.

    A wave of amplitude dz and stress ``tau = GKDRAG rho N U sigma D / (4 mu) dz2`` lowers the
    Richardson number Ri of the flow to ``Ri (1 - a) / (1 + a sqrt(Ri))2``, ``a = N dz / U``. Where
    that would be below the critical one, the wave breaks until it is not. As it falls with a, the
    stress is the least of all that the critical amplitude carries on the way (IFS documentation,
    section 4.2.2; Palmer et al. 1986).

    Parameters
    ----------
    u, v : (column, level)  [m/s]
    flow : LowLevelFlow
    parameters : OrographyParameters

    Returns
    -------
    (column, half_level)  [Pa]
        Constant up to the peaks.
    """
    column, launched = flow.background, flow.launch_stress[:, None]
    wind, half_wind, critical = wind_along_stress(u, v, flow, parameters)
    half_level = torch.arange(1, u.shape[1], device=u.device)
    above_peaks = half_level < flow.peak_level[:, None]
    half_wind = half_wind.clamp(min=parameters.minimum_wind)
    between = column.p_full.diff(dim=-1)

    # The positive root of Ri (1 - a) = Ri_c (1 + a sqrt(Ri))2, and what it carries.
    n, critical_ri = column.buoyancy_frequency, parameters.critical_richardson
    shear = wind.diff(dim=-1).abs().clamp(min=parameters.minimum_wind)
    root = (n * between / (GRAVITY * column.density * shear)).clamp(min=critical_ri**0.5)
    b = 1 / critical_ri + 2 / root
    a = 0.5 * ((4 / (critical_ri * root) + critical_ri**-2 + 4 / critical_ri).sqrt() - b)
    carried = flow.stress_scale[:, None] * column.density / n * half_wind**3 * a.square()

    # Nothing passes a critical level, wherever it is; nothing breaks below the peaks.
    passed = critical.flip(-1).cumsum(-1).flip(-1) == 0
    carried = carried.where(passed, 0.0).where(above_peaks, launched)
    stress = torch.cat([carried, launched], dim=1).flip(-1).cummin(-1).values.flip(-1)
    faint = (stress[:, 1:] < parameters.minimum_stress) & above_peaks
    stress = torch.cat([stress[:, :-1].where(~faint, 0.0), launched], dim=1)
    return _spread_low_breaking(torch.nn.functional.pad(stress, (1, 0)), flow)


def wind_along_stress(
    u: Tensor, v: Tensor, flow: LowLevelFlow, parameters: OrographyParameters
) -> tuple[Tensor, Tensor, Tensor]:
    """Project the wind on the direction of the stress, and find its critical levels.

    Returns
    -------
    wind : (column, level)  [m/s]
    half_wind : (column, inner)  [m/s]
        Linear in pressure between the levels.
    critical : (column, inner) bool
        It is too weak there, or against the stress, for waves to pass.
    """
    column = flow.background
    wind = flow.direction[:, :1] * u + flow.direction[:, 1:] * v
    weight = (column.p_half[:, 1:-1] - column.p_full[:, :-1]) / column.p_full.diff(dim=-1)
    half_wind = torch.lerp(wind[:, :-1], wind[:, 1:], weight)
    half_level = torch.arange(1, u.shape[1], device=u.device)
    critical = (half_wind < parameters.minimum_wind) & (half_level <= flow.base_level[:, None])
    return wind, half_wind, critical


def _spread_low_breaking(stress: Tensor, flow: LowLevelFlow) -> Tensor:
    """Make the stress linear in pressure between the breaking and the blocking level.

    Parameters
    ----------
    stress : (column, half_level)  [Pa]
    flow : LowLevelFlow
    """
    p = flow.background.p_half
    top, bottom = flow.breaking_level[:, None], flow.blocking_level[:, None]
    half_level = torch.arange(stress.shape[1], device=stress.device)
    share = (p - p.gather(1, top)) / (p.gather(1, bottom) - p.gather(1, top))
    linear = torch.lerp(stress.gather(1, top), stress.gather(1, bottom), share)
    return torch.where((half_level > top) & (half_level < bottom), linear, stress)


def _slowing(stress: Tensor, p_half: Tensor, shared: int) -> Tensor:
    """Return what the waves take off the wind along their direction, ``g dtau / dp`` [m/s2].

    The uppermost levels share what reaches them. In the IFS, and so here, each gets ``g tau dp /
    (sum dp)2``, which is their mean tendency only if there is one, and loses momentum if not.

    Parameters
    ----------
    stress, p_half : (column, half_level)  [Pa]
    shared : int
        Number of these levels.

    Returns
    -------
    (column, level)
    """
    dp = p_half.diff(dim=-1)
    slowing = GRAVITY * stress.diff(dim=-1) / dp
    if not shared:
        return slowing
    arriving = (stress[:, shared] - stress[:, 0]) / (p_half[:, shared] - p_half[:, 0]).square()
    return torch.cat([GRAVITY * arriving[:, None] * dp[:, :shared], slowing[:, shared:]], dim=1)


def _mean(field: Tensor, weight: Tensor, inside: Tensor) -> Tensor:
    """Return the weighted mean of some entries of each row."""
    weight = weight.where(inside, 0.0)
    return (field * weight).sum(-1) / weight.sum(-1)
