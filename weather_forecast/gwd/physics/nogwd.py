"""Drag of non-orographic gravity waves: the spectral scheme of Scinocca (2003) as the IFS has it.

Waves of many phase speeds leave the launch level, around 450 hPa, in every direction. Each
direction (azimuth) is a problem of its own: its waves meet the wind along it, are absorbed where
they stand still in it (critical levels) and break where they grow too steep for the thinner air
(saturation). What momentum flux they lose between two half levels accelerates the layer there.
Scinocca (2003, JAS 60, 667) gives the scheme, after Warner & McIntyre (1996), Orr et al. (2010,
J. Climate 23, 5905) its form in the IFS.

Indices as there: full levels ``k = 1 .. L`` from the top, half level k above the full level k; the
launch level is the half level L, above the lowest full level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import GAS_CONSTANT as R
from ai4sim.physics.constants import GRAVITY, HEAT_CAPACITY
from weather_forecast.levels import (
    THIN,
    full_level_pressure,
    geopotential_steps,
    hybrid_coefficients,
    level_pressures,
)

STANDARD_PRESSURE = 101325.0
"""Surface pressure [Pa] of the atmosphere that the launch level is looked up in."""


@dataclass(frozen=True)
class WaveSpectrum:
    """Discretisation and strength of the waves; the defaults are those of the published data set.

    Attributes
    ----------
    azimuths : int
        Directions of propagation, evenly spread; an even number. Operational forecasts have 4.
    phase_speeds : int
        Elements of the spectrum in each azimuth. Operational forecasts have 20, 32 since CY49R1.
    launch_flux : float
        Momentum flux per azimuth at the launch level, far from the equator [Pa].
    tropical_reduction : float
        Share of it that is missing at the equator [1].
    tropical_width : float
        Standard deviation of this dip [degrees of latitude].
    launch_pressure : float
        The launch level tops the first full level below this standard pressure [Pa].
    slowest, fastest : float
        Range of the phase speeds relative to the wind at the launch level [m/s].
    stretching : float
        G, half-width of the stretched axis of inverse phase speeds (Scinocca 2003, eq. 28-30).
    vertical_wavelength : float
        Characteristic vertical wavelength 2 pi / m* of the spectrum at launch [m].
    time_step : float
        Of the model, which limits what a critical layer may absorb [s].
    grid_length : float
        Mesh of the model [m]: one finer than 29 km resolves some of the waves, whose flux is left
        out.
    """

    azimuths: int = 16
    phase_speeds: int = 100
    launch_flux: float = 3.75e-3
    tropical_reduction: float = 0.25
    tropical_width: float = 20.0
    launch_pressure: float = 45000.0
    slowest: float = 0.5
    fastest: float = 100.0
    stretching: float = 0.25
    vertical_wavelength: float = 2000.0
    time_step: float = 3600.0
    grid_length: float = 85e3

    def __post_init__(self) -> None:
        if self.azimuths < 4 or self.azimuths % 2:
            raise ValueError(f"azimuths: expected an even number >= 4, found {self.azimuths}")
        if self.phase_speeds < 2:
            raise ValueError(f"phase_speeds: expected at least 2, found {self.phase_speeds}")
        if not 0 < self.slowest < self.fastest:
            raise ValueError(
                f"phase speeds: expected 0 < slowest < fastest, "
                f"found {self.slowest} and {self.fastest} m/s"
            )

    def directions(self) -> tuple[Tensor, Tensor]:
        """Cosine and sine of the azimuths, each (azimuth,), float64."""
        angle = 2 * math.pi * torch.arange(self.azimuths, dtype=torch.float64) / self.azimuths
        return angle.cos(), angle.sin()

    def quadrature(self) -> tuple[Tensor, Tensor]:
        """Phase speeds c and their weights dc [m/s], each (phase_speed,), float64.

        Scinocca (2003): inverse speeds X on an axis that is stretched towards the fast waves.
        """
        low, high = 1 / self.fastest, 1 / self.slowest
        even = torch.linspace(low, high, self.phase_speeds, dtype=torch.float64)
        growth = ((even - low) / self.stretching).exp()
        x1 = (high - low) / (math.exp((high - low) / self.stretching) - 1)
        c = 1 / (x1 * growth + low - x1)
        step = (high - low) / (self.phase_speeds - 1)
        return c, c.square() * x1 / self.stretching * growth * step

    def launch_momentum_flux(self, latitude: Tensor) -> Tensor:
        """Return the momentum flux per azimuth at the launch level [Pa].

        Parameters
        ----------
        latitude : (...)  [degrees north]
        """
        coarse, fine = 1 / 29e3, 1 / 3.5e3
        resolved = math.atan(max(1 / self.grid_length - coarse, 0) / (fine - coarse))
        dip = (-0.5 * (latitude / self.tropical_width).square()).exp()
        return self.launch_flux * max(1 - resolved, 0) * (1 - self.tropical_reduction * dip)

    def launch_level(self, levels: int, table: str = "L91") -> int:
        """Return L, the number of full levels from the top down to below the launch level.

        Raises
        ------
        ValueError
            Columns that end above it.
        """
        p = level_pressures(STANDARD_PRESSURE, levels, table)
        below = [k for k, pressure in enumerate(p) if pressure > self.launch_pressure]
        if not below:
            raise ValueError(
                f"the columns end at {p[-1] / 100:.0f} hPa, above the launch level of the waves "
                f"({self.launch_pressure / 100:.0f} hPa)"
            )
        return below[0] + 1


def few_speeds(azimuths: int = 16, phase_speeds: int = 8) -> WaveSpectrum:
    """Return the spectrum that serves best with few phase speeds: less stretched, more slow waves.

    On training dates of reference columns, 16 x 8 with a stretching of 0.4 explains 0.93 of the
    variance of an output on average, with the published 0.25 it is 0.82.
    """
    return WaveSpectrum(azimuths, phase_speeds, stretching=0.4)


class WaveDrag(NamedTuple):
    """What the waves do to a column.

    Attributes
    ----------
    u_tendency, v_tendency : (..., level)  [m/s2]
    u_flux, v_flux : (..., half_level)  [Pa]
        Upward flux of eastward and northward momentum; zero on the top half level, where what is
        left is dropped into the layer below it, and from the bottom of the launch layer down.
    """

    u_tendency: Tensor
    v_tendency: Tensor
    u_flux: Tensor
    v_flux: Tensor


class Background(NamedTuple):
    """The column as the waves see it, on its inner half levels k = 2 .. L; the last is the launch.

    Attributes
    ----------
    u, v : (..., inner)  [m/s]
    density : (..., inner)  [kg/m3]
    buoyancy_frequency : (..., inner)  [1/s]
    """

    u: Tensor
    v: Tensor
    density: Tensor
    buoyancy_frequency: Tensor


def background(u: Tensor, v: Tensor, temperature: Tensor, p_half: Tensor) -> Background:
    """Bring a column to its inner half levels: means of the full levels above and below.

    In a nearly neutral layer the two terms of N2 cancel, and of single precision no digit would be
    left. Density and stability are computed in the precision of `p_half`.

    Parameters
    ----------
    u, v, temperature : (..., level)  [m/s], [m/s], [K]
    p_half : (..., half_level)  [Pa]
        In double precision.

    Returns
    -------
    Background
        ``N2 = g2 / (cp T) (1 + cp dT / dphi)``, at least 1e-12 1/s2. In the precision of `u`.
    """
    temperature = temperature.to(p_half)
    t = 0.5 * (temperature[..., 1:] + temperature[..., :-1])
    lapse = -temperature.diff(dim=-1) / geopotential_steps(temperature, p_half)  # dT / dphi
    n2 = GRAVITY**2 / (HEAT_CAPACITY * t) * (1 + HEAT_CAPACITY * lapse)
    return Background(
        0.5 * (u[..., 1:] + u[..., :-1]),
        0.5 * (v[..., 1:] + v[..., :-1]),
        (p_half[..., 1:-1] / (R * t)).to(u),
        n2.clamp(min=1e-12).sqrt().to(u),
    )


def nonorographic_drag(
    u: Tensor,
    v: Tensor,
    temperature: Tensor,
    surface_pressure: Tensor,
    latitude: Tensor,
    spectrum: WaveSpectrum | None = None,
    *,
    table: str = "L91",
    chunk: int | None = 64,
) -> WaveDrag:
    """Compute the drag of non-orographic gravity waves.

    Parameters
    ----------
    u, v, temperature : (column, level)  [m/s], [m/s], [K]
        On the upper full levels of `table`, at least down to the launch level. Their precision is
        that of the computation.
    surface_pressure : (column,)  [Pa]
    latitude : (column,)  [degrees north]
    spectrum : WaveSpectrum, optional
    table : str
        Vertical levels, see :func:`weather_forecast.levels.hybrid_coefficients`.
    chunk : int, optional
        Columns computed at once; the default keeps their spectra in the cache of a CPU. On a GPU
        take thousands. None means all, as a traced program with any number of columns needs it.

    Returns
    -------
    WaveDrag
        Of all levels given; zero below the launch layer.

    Raises
    ------
    ValueError
        Columns that end above the launch level, or fields whose shapes do not fit each other.
    """
    spectrum = spectrum or WaveSpectrum()
    fields = {"v": v, "temperature": temperature}
    numbers = {"surface_pressure": surface_pressure, "latitude": latitude}
    for name, field in (fields | numbers).items():
        expected = u.shape if name in fields else u.shape[:1]
        if u.ndim != 2 or field.shape != expected:
            raise ValueError(
                f"{name}: expected the shape {tuple(expected)} beside u of {tuple(u.shape)}, "
                f"(column, level), found {tuple(field.shape)}"
            )
    launch = spectrum.launch_level(u.shape[-1], table)
    launched = spectrum.launch_momentum_flux(latitude).to(u)
    half_levels = hybrid_coefficients(launch, table)
    constants = (R, GRAVITY, HEAT_CAPACITY, THIN)
    return WaveDrag(
        *column_drag(
            u, v, temperature, surface_pressure, launched, half_levels, spectrum, constants, chunk
        )
    )


@compiled_by("weather_forecast.gwd.physics.nogwd_loops")
def column_drag(
    u: Tensor,
    v: Tensor,
    temperature: Tensor,
    surface_pressure: Tensor,
    launched: Tensor,
    half_levels: tuple[Tensor, Tensor],
    spectrum: WaveSpectrum,
    constants: tuple[float, ...],
    chunk: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute what :func:`nonorographic_drag` returns."""
    a, b = (x.to(u.device) for x in half_levels)
    launch = len(a) - 1
    p_half = a + b * surface_pressure.double()[:, None]
    fields = [u[:, :launch], v[:, :launch], temperature[:, :launch], p_half, launched]
    parts = (
        [_momentum_flux(spectrum, *fields)]
        if chunk is None
        else [
            _momentum_flux(spectrum, *(field[i : i + chunk] for field in fields))
            for i in range(0, max(len(u), 1), chunk)
        ]
    )
    u_flux, v_flux = (torch.cat(flux) for flux in zip(*parts, strict=True))
    # A number that is missing makes the whole column one of missing numbers.
    whole = (u.isfinite() & v.isfinite() & temperature.isfinite())[:, :launch].all(-1)
    whole = (whole & (surface_pressure + launched).isfinite())[:, None]
    u_flux, v_flux = (flux.where(whole, torch.nan) for flux in (u_flux, v_flux))
    below = (0, u.shape[-1] - launch)
    pad = torch.nn.functional.pad
    dp = p_half.diff(dim=-1).to(u)
    return (
        pad(GRAVITY * u_flux.diff(dim=-1) / dp, below),
        pad(GRAVITY * v_flux.diff(dim=-1) / dp, below),
        pad(u_flux, below),
        pad(v_flux, below),
    )


def _momentum_flux(
    spectrum: WaveSpectrum, u: Tensor, v: Tensor, t: Tensor, p_half: Tensor, launched: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the eastward and northward momentum flux of some columns, each (column, half_level).

    Parameters
    ----------
    u, v, t : (column, level), down to the launch layer
    p_half : (column, half_level)
        In double precision, see :func:`background`.
    launched : (column,)  [Pa]
    """
    cos, sin = (x.to(u) for x in spectrum.directions())
    state = background(u, v, t, p_half)
    flux = azimuthal_flux(
        along_azimuths(state.u, state.v, state, spectrum),
        along_azimuths(u, v, state, spectrum),
        state,
        full_level_pressure(p_half).to(u),
        launched,
        spectrum,
    )
    weight = 2 / cos.abs().sum()
    # No flux through the top of the model, nor through the bottom of the launch layer.
    u_flux, v_flux = (torch.nn.functional.pad(weight * (flux @ x).T, (1, 1)) for x in (cos, sin))
    return u_flux, v_flux


def along_azimuths(u: Tensor, v: Tensor, state: Background, spectrum: WaveSpectrum) -> Tensor:
    """Project winds on each azimuth, relative to the wind at the launch level.

    Parameters
    ----------
    u, v : (column, level)  [m/s]
        On full or inner half levels.
    state : Background
        Of the same columns.
    spectrum : WaveSpectrum

    Returns
    -------
    (level, column, azimuth)  [m/s]
        Levels first: what comes after marches through them.
    """
    cos, sin = (x.to(u) for x in spectrum.directions())
    eastward, northward = (u - state.u[:, -1:]).T, (v - state.v[:, -1:]).T
    return eastward[..., None] * cos + northward[..., None] * sin


def azimuthal_flux(
    wind: Tensor,
    wind_full: Tensor,
    state: Background,
    p_full: Tensor,
    launched: Tensor,
    spectrum: WaveSpectrum,
) -> Tensor:
    """Compute the momentum flux that is left in each azimuth on the inner half levels.

    Parameters
    ----------
    wind : (inner, column, azimuth)  [m/s]
        See :func:`along_azimuths`; on the inner half levels.
    wind_full : (level, column, azimuth)  [m/s]
        The same on full levels.
    state : Background
    p_full : (column, level)  [Pa]
    launched : (column,)  [Pa]
    spectrum : WaveSpectrum

    Returns
    -------
    (inner, column, azimuth)  [Pa]
    """
    flux, lost, speed = _propagate(wind, state, launched, spectrum)
    return _limit_critical_layers(flux, lost, speed, wind_full, p_full, spectrum)


def _propagate(
    wind: Tensor, state: Background, launched: Tensor, spectrum: WaveSpectrum
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry the spectrum of each azimuth upward through critical levels and saturation.

    Returns
    -------
    flux : (inner, column, azimuth)  [Pa]
        What passes each inner half level.
    lost : (inner, column, azimuth)  [Pa]
        What has met its critical level on the way to it from the half level below.
    speed : (inner, column, azimuth)  [m/s]
        Flux-weighted mean phase speed of what was lost; where nothing was, that of the last loss.
    """
    c, dc = (x.to(wind) for x in spectrum.quadrature())
    n = state.buoyancy_frequency
    inertia = state.density / n
    # Launch spectrum (Scinocca 2003, eq. 25, s = 1), normalised to the launched flux; elements are
    # kept with their weight dc in them: (column, azimuth, phase_speed).
    m_star = 2 * math.pi / spectrum.vertical_wavelength
    n4 = n[:, -1:] ** 4
    shape = inertia[:, -1:] * c * n4 / (n4 + (m_star * c) ** 4) * dc
    amplitude = launched[:, None] / shape.sum(-1, keepdim=True)
    element = (amplitude * shape)[:, None].repeat(1, wind.shape[-1], 1)
    # Largest flux of an element that does not break: amplitude rho / N (c - U)^2 / c.
    saturation = (amplitude * inertia).T[..., None] * (dc / c)  # (inner, column, phase_speed)
    slowest = wind.flip(0).cummax(0).values.flip(0).clamp(min=spectrum.slowest)
    left, none = [element.sum(-1)], torch.zeros_like(wind[0])
    losses, moments = [none], [none]
    levels = zip(slowest[..., None], wind[..., None], saturation[:, :, None], strict=True)
    for floor, speed, limit in reversed(list(levels)[:-1]):
        dying = torch.where(c < floor, element, 0.0)
        element = torch.minimum(element - dying, (c - speed).square() * limit)
        left.append(element.sum(-1))
        losses.append(dying.sum(-1))
        moments.append(dying @ c)
    flux, lost, moment = (torch.stack(found[::-1]) for found in (left, losses, moments))
    # The mean speed of the last loss: that of the nearest level below, or of this one, with some.
    some = lost > 0
    mean_speed = moment / lost.where(some, 1.0)
    index = torch.arange(len(wind), device=wind.device)[:, None, None]
    last = index.where(some, len(wind) - 1).flip(0).cummin(0).values.flip(0)
    return flux, lost, mean_speed.gather(0, last)


def _limit_critical_layers(
    flux: Tensor,
    lost: Tensor,
    speed: Tensor,
    wind_full: Tensor,
    p_full: Tensor,
    spectrum: WaveSpectrum,
) -> Tensor:
    """Hand down what a critical layer cannot absorb within a time step; return the flux then left.

    From the top: a layer may at most be accelerated to the phase speed of the waves that die in it;
    the rest goes on to the layer below, and at last leaves at the launch level. With pressure
    growing downward the bound is zero unless the waves are slower than the wind, so nearly all
    of it is handed down. That is what the IFS does, and what its published tendencies show.

    Parameters
    ----------
    flux, lost, speed : (inner, column, azimuth), see :func:`_propagate`
    wind_full : (level, column, azimuth)  [m/s]
    p_full : (column, level)  [Pa]
    """
    # Inner half level k + 2 takes what was lost on the way to the one above it.
    mass = -2 * p_full.diff(dim=-1).T[1:] / (GRAVITY * spectrum.time_step)
    bound = mass[..., None] * (speed[:-1] - wind_full[2:])
    # A layer absorbs at most its bound; where that is negative, nothing.
    carried = [torch.zeros_like(flux[0])]
    for excess in lost[:-1] - bound.clamp(min=0):
        carried.append((carried[-1] + excess).clamp(min=0))
    return flux - torch.stack(carried)
