"""The quasi-biennial oscillation: gravity wave drag at work in a column of air over the equator.

A scheme that is right column by column can still be wrong in a model, where it meets the winds that
it has made itself. The smallest model in which gravity wave drag makes a climate is the column of
Holton & Lindzen (1972, J. Atmos. Sci. 29, 1076) and Plumb (1977, J. Atmos. Sci. 34, 1847)::

    du/dt + w du/dz = 1/rho d/dz (rho K du/dz) + drag(u) - (u - u_s) / tau_s - u / tau_t

where waves from below bring the westerlies and easterlies of the stratosphere down in turn. The
drag is any function of columns, the scheme or a network; the rest is linear. What it leaves out:

* the equator alone: no Coriolis force, no advection by the meridional wind, u is a zonal mean;
* temperature is the annual mean over the equator and does not answer to the wind;
* gravity waves are the only ones that force the mean wind. Those of planetary scale, which share
  the work in nature, enter as a wind only: the drag sees the mean wind plus a Kelvin wave in u and
  a Rossby-gravity wave in v, whose phases pass over the column within days. Without them the slow
  waves of the spectrum rule the stratosphere, and its winds reverse within a few months;
* above the stratopause the wind is held close to a semi-annual oscillation (u_s; Holton & Lindzen
  force it there likewise), and in the troposphere close to rest;
* upwelling w of the Brewer-Dobson circulation and diffusivity K are constant in the stratosphere.

Height is log-pressure height, ``rho = p / (g H)`` and ``rho dz = dp / g``, so that diffusion and
drag exchange momentum between layers of the model without a loss.

The defaults of :class:`ColumnModel` lie within what is observed. Upwelling, diffusivity and the
planetary waves were chosen for a period near the observed 28 months, with the launch flux of the
waves as published: the scheme then gives 28.3 months and 17 m/s at 21 hPa. The oscillation starts
without the first wind or the semi-annual one, too. It is sensitive: 15 % less drag lengthen it by
3 % and take a quarter of its amplitude, 15 % more shorten it by 10 % and add a seventh. Called
twice a day instead of once, the scheme gives the same period and 2 % less amplitude.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ai4sim.physics.constants import GRAVITY
from weather_forecast.climate import SCALE_HEIGHT, log_pressure_height, zonal_mean
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, nonorographic_drag
from weather_forecast.levels import full_level_pressure, half_level_pressure

log = logging.getLogger(__name__)

Drag = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""u, v [m/s], temperature [K], all (column, level), surface pressure [Pa] and latitude [degrees],
both (column,), to du/dt and dv/dt (column, level) [m/s2]."""

DAY = 86400.0
YEAR = 365.25
"""[days]."""
FASTEST = 150.0
"""A run whose wind exceeds this [m/s] is not stable."""


@dataclass(frozen=True)
class ColumnModel:
    """The column and everything in it but the gravity waves.

    Attributes
    ----------
    levels : int
        Full levels of L91 from the top, as many as the drag knows.
    surface_pressure : float
        [Pa]
    latitude : float
        The drag's [degrees].
    time_step : float
        The drag is called once per step, explicit; all else is implicit [s].
    upwelling : float
        Residual vertical wind of the stratosphere [m/s].
    annual_cycle : float
        Of the upwelling, amplitude relative to its mean; it peaks in northern midwinter [1].
    diffusivity : float
        [m2/s]
    kelvin_amplitude, kelvin_period : float
        Of the planetary wave in u [m/s], [days].
    rossby_gravity_amplitude, rossby_gravity_period : float
        Of the planetary wave in v [m/s], [days].
    vertical_wavelength : float
        Of both; their phases descend [m].
    semiannual_amplitude : float
        Of the oscillation of the stratopause [m/s].
    semiannual_base, semiannual_depth : float
        Height above which the wind is drawn to it, and over which this sets in [m].
    semiannual_time : float
        How fast [days].
    tropopause, tropopause_depth : float
        Height below which the wind is drawn to rest, and over which this sets in [m]; above, air
        wells up.
    troposphere_time : float
        How fast [days].
    initial_amplitude : float
        Of the first wind, alternating with height through the stratosphere [m/s].
    """

    levels: int = 63
    surface_pressure: float = 101100.0
    latitude: float = 0.0
    time_step: float = DAY
    upwelling: float = 0.3e-3
    annual_cycle: float = 0.0
    diffusivity: float = 0.3
    kelvin_amplitude: float = 5.0
    kelvin_period: float = 6.7
    rossby_gravity_amplitude: float = 5.0
    rossby_gravity_period: float = 4.3
    vertical_wavelength: float = 12.5e3
    semiannual_amplitude: float = 30.0
    semiannual_base: float = 46e3
    semiannual_depth: float = 3e3
    semiannual_time: float = 1.0
    tropopause: float = 16e3
    tropopause_depth: float = 1e3
    troposphere_time: float = 3.0
    initial_amplitude: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.time_step <= 10 * DAY:
            raise ValueError(
                f"time_step: expected at most {10 * DAY:.0f} s, found {self.time_step}"
            )
        negative = [
            name
            for name in ("upwelling", "diffusivity", "kelvin_amplitude", "rossby_gravity_amplitude")
            if getattr(self, name) < 0
        ]
        if negative:
            raise ValueError(f"{negative[0]}: expected >= 0, found {getattr(self, negative[0])}")

    def half_level_pressure(self) -> Tensor:
        """Return (half_level,)  [Pa], float64."""
        surface = torch.tensor(self.surface_pressure, dtype=torch.float64)
        return half_level_pressure(surface, self.levels)

    @functools.cached_property
    def pressure(self) -> Tensor:
        """Return (level,)  [Pa], float64."""
        return full_level_pressure(self.half_level_pressure())

    @functools.cached_property
    def height(self) -> Tensor:
        """Return the log-pressure height of the full levels, (level,)  [m]."""
        return log_pressure_height(self.pressure)

    @functools.cached_property
    def temperature(self) -> Tensor:
        """Return the annual mean over the equator, (level,)  [K]."""
        equator = torch.zeros((), dtype=torch.float64)
        seasons = [zonal_mean(equator, self.height, day)[1] for day in (15, 106, 197, 288)]
        return torch.stack(seasons).mean(0)

    def planetary_waves(self, day: float) -> tuple[Tensor, Tensor]:
        """Return the wind of the Kelvin and of the Rossby-gravity wave, each (level,)  [m/s]."""
        turns = self.height / self.vertical_wavelength
        kelvin = (2 * math.pi * (turns + day / self.kelvin_period)).cos()
        rossby_gravity = (2 * math.pi * (turns + day / self.rossby_gravity_period)).cos()
        return self.kelvin_amplitude * kelvin, self.rossby_gravity_amplitude * rossby_gravity

    def semiannual_wind(self, day: float) -> Tensor:
        """Return the wind that the mesosphere is drawn to, (level,)  [m/s]: westerly after day 0.

        Its amplitude falls off above the stratopause.
        """
        decay = (-(self.height - 50e3).clamp(min=0) / 15e3).exp()
        return self.semiannual_amplitude * decay * math.sin(4 * math.pi * day / YEAR)

    def initial_wind(self) -> Tensor:
        """Return (level,)  [m/s]: a westerly below an easterly, in the stratosphere alone."""
        z = (self.height - self.tropopause) / (self.semiannual_base - self.tropopause)
        return self.initial_amplitude * (2 * math.pi * z.clamp(0, 1)).sin()

    def relaxation(self) -> tuple[Tensor, Tensor]:
        """Return the rates towards the semi-annual wind and towards rest, each (level,)  [1/s]."""
        z = self.height
        above = torch.sigmoid((z - self.semiannual_base) / self.semiannual_depth)
        below = torch.sigmoid((self.tropopause - z) / self.tropopause_depth)
        return above / (self.semiannual_time * DAY), below / (self.troposphere_time * DAY)

    def operators(self) -> tuple[Tensor, Tensor]:
        """Return the linear part of du/dt as two matrices, each (level, level)  [1/s].

        Returns
        -------
        damping
            Diffusion, the divergence of ``-rho K du/dz`` between levels, none through top and
            bottom; and relaxation.
        advection
            By the mean upwelling: centred differences of second order on uneven levels.
        """
        z, p_half = self.height, self.half_level_pressure()
        identity = torch.eye(self.levels, dtype=torch.float64)
        steps = identity[:-1] - identity[1:]  # from each level to the one above
        conductance = p_half[1:-1] / (GRAVITY * SCALE_HEIGHT) * self.diffusivity / (z[:-1] - z[1:])
        mass = p_half.diff() / GRAVITY
        diffusion = -(steps.T @ (conductance[:, None] * steps)) / mass[:, None]
        ascent = self.upwelling * torch.sigmoid((z - self.tropopause) / self.tropopause_depth)
        (gradient,) = torch.gradient(identity, spacing=(z,), dim=0)
        damping = diffusion - torch.diag(sum(self.relaxation(), torch.zeros_like(z)))
        return damping, -ascent[:, None] * gradient


def scheme(spectrum: WaveSpectrum | None = None) -> Drag:
    """Return the scheme itself as a drag function."""

    def drag(
        u: Tensor, v: Tensor, temperature: Tensor, surface_pressure: Tensor, latitude: Tensor
    ) -> tuple[Tensor, Tensor]:
        found = nonorographic_drag(u, v, temperature, surface_pressure, latitude, spectrum)
        return found.u_tendency, found.v_tendency

    return drag


@torch.no_grad()
def simulate(
    drag: Drag,
    model: ColumnModel | None = None,
    years: float = 20.0,
    upwelling: Sequence[float] = (1.0,),
) -> Tensor:
    """Run the column with a drag in the loop.

    Parameters
    ----------
    drag : callable
        See :data:`Drag`. It is given float64 and may return any precision.
    model : ColumnModel, optional
    years : float
    upwelling : sequence of float
        Factors on the upwelling, one per member of an ensemble: its columns are computed together,
        at little more than the price of one.

    Returns
    -------
    (member, time, level)  [m/s], float64
        The zonal-mean wind after every time step. NaN from where a member has left all bounds.
    """
    model = model or ColumnModel()
    members, dt = len(upwelling), model.time_step
    steps = round(years * YEAR * DAY / dt)
    damping, advection = model.operators()
    implicit = torch.eye(model.levels, dtype=torch.float64) - dt * damping
    factor = torch.tensor(upwelling, dtype=torch.float64)[:, None, None]
    rate, _ = model.relaxation()
    temperature = model.temperature.expand(members, -1)
    surface_pressure = torch.full((members,), model.surface_pressure, dtype=torch.float64)
    latitude = torch.full_like(surface_pressure, model.latitude)
    u = model.initial_wind().repeat(members, 1)
    winds = torch.full((members, steps, model.levels), math.nan, dtype=torch.float64)
    for step in range(steps):
        day = step * dt / DAY
        wave_u, wave_v = model.planetary_waves(day)
        v = wave_v.expand(members, -1)
        du, _ = drag(u + wave_u, v, temperature, surface_pressure, latitude)
        season = 1 + model.annual_cycle * math.cos(2 * math.pi * day / YEAR)
        target = model.semiannual_wind(day + dt / DAY)
        u = torch.linalg.solve(
            implicit - dt * season * factor * advection, u + dt * (du.to(u) + rate * target)
        )
        lost = ~(u.abs() < 10 * FASTEST).all(-1, keepdim=True)
        u = u.masked_fill(lost, math.nan)
        if lost.all():
            log.warning("the wind left all bounds after %.1f years", day / YEAR)
            break
        winds[:, step] = u
    return winds
