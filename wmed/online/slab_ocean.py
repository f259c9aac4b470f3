r"""An ocean of one active layer: reduced-gravity currents under the wind, and what heat they carry.

A layer of thickness h and of one temperature T lies on water at rest that is denser. With the
reduced gravity g' = g (difference of density) / rho0 (Gill 1982, sections 6.2 and 9.9; Vallis 2017,
section 3.2.2), u the current, and F = h u::

    du/dt = -(f + zeta) k x u - grad(g' h + |u|^2 / 2)
            + tau / (rho0 h) - (r + w / h) u + nu (grad(div u) - curl(zeta))
    dh/dt = -div F + w
    d(h T)/dt = -div(F T - kappa h grad T) + Q / (rho0 cp)
            + w min(T, T_deep) + h max(T_deep - T, 0) / t_c

where tau and Q are what the sea takes up from the air, and w >= 0 is the entrainment that keeps the
layer from outcropping where the wind drives it away from a coast: w = (h_e - h)^2 / (h_e t_e) where
h < h_e (McCreary & Kundu 1988; nothing detrains, so the layer grows). Water that has become colder
than that below sinks, so that convection holds it near the temperature there, as it does in the
Gulf of Lion in winter.

Space: an Arakawa C grid, closed at its edges. Momentum as in the scheme of Sadourny (1975) that
conserves energy, with the metric terms of a curvilinear grid; the vorticity is zero at coasts (free
slip), and no face of a land cell has a current. Heat in flux form, upwind, so that it is conserved
and no new extremum arises. Time: the Runge-Kutta scheme of Shu & Osher (1988), of third order.

What it is not: it has no abyss, bottom, tides, salinity, diurnal warm layer, nor inflow at
Gibraltar; all heat, the shortwave too, is mixed at once through the layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from wmed.io.grid import OceanGrid


@dataclass(frozen=True)
class OceanParameters:
    """The water of the layer, and what slows it down.

    The gravity wave speed of the defaults is 1.2 m/s; over f it is 13 km, within the range of the
    first baroclinic deformation radius of the Western Mediterranean (Grilli & Pinardi 1998).

    Attributes
    ----------
    reduced_gravity : float
        g' [m/s2].
    depth : float
        Thickness of the layer at rest [m].
    density, heat_capacity : float
        rho0 [kg/m3], cp [J/kg/K].
    viscosity, diffusivity : float
        nu, kappa [m2/s].
    drag : float
        r [1/s].
    entrainment_depth, entrainment_time : float
        h_e [m], 0 for none; t_e [s].
    deep_temperature, convection_time : float
        T_deep [K], by default that of the deep water of the Western Mediterranean; t_c [s].
    least_depth : float
        Below this thickness [m] the wind's acceleration grows no further.
    linear : bool
        Leave out the advection of momentum, and let thickness fluxes be those of the layer at rest.
    """

    reduced_gravity: float = 0.02
    depth: float = 75.0
    density: float = 1026.0
    heat_capacity: float = 3985.0
    viscosity: float = 100.0
    diffusivity: float = 50.0
    drag: float = 1 / (15 * 86_400.0)
    entrainment_depth: float = 40.0
    entrainment_time: float = 0.25 * 86_400.0
    deep_temperature: float = 285.9
    convection_time: float = 86_400.0
    least_depth: float = 10.0
    linear: bool = False

    @property
    def wave_speed(self) -> float:
        """Speed of long gravity waves [m/s]."""
        return math.sqrt(self.reduced_gravity * self.depth)


class OceanState(NamedTuple):
    """The layer at one time. Faces without a current have 0; land keeps what it started with.

    Attributes
    ----------
    current_u, current_v : (..., eta, xi - 1), (..., eta - 1, xi)  [m/s]
        Along xi and along eta, on their faces.
    thickness : (..., eta, xi)  [m]
    temperature : (..., eta, xi)  [K]
    from_below : (..., eta, xi)  [K m]
        Heat against T_deep that entrainment and convection have brought since the start, over
        rho0 cp.
    """

    current_u: Tensor
    current_v: Tensor
    thickness: Tensor
    temperature: Tensor
    from_below: Tensor


class SlabOcean:
    """The equations above on a grid, for any number of oceans side by side.

    Parameters
    ----------
    grid : OceanGrid
    parameters : OceanParameters
    dtype : torch.dtype
        float64 by default: a step changes the temperature by less than float32 resolves.
    """

    def __init__(
        self,
        grid: OceanGrid,
        parameters: OceanParameters | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)

        self.grid = grid
        self.parameters = parameters or OceanParameters()
        self.dtype = dtype
        self.sea, self.sea_u, self.sea_v = map(tensor, (grid.sea, grid.sea_u, grid.sea_v))
        dx, dy = tensor(grid.dx), tensor(grid.dy)
        # Land may have any spacing, which no face of the sea is to see the zeros or fills of.
        dx, dy = (torch.where(self.sea > 0, d, d[self.sea > 0].mean()) for d in (dx, dy))
        self.area = dx * dy
        self._per_spacing = (1 / dx**2 + 1 / dy**2).sqrt().max()
        self.dx_u, self.dy_u = _mean_x(dx), _mean_x(dy)
        self.dx_v, self.dy_v = _mean_y(dx), _mean_y(dy)
        self.area_u, self.area_v = self.dx_u * self.dy_u, self.dx_v * self.dy_v
        # At the corners between four cells; those at a coast are left out of the vorticity.
        self._sea_area = self.area * self.sea
        self._sea_area_corner = _corner_sum(self._sea_area).clamp(min=1.0)
        open_corner = (_corner_sum(self.sea) == 4).to(dtype)
        self._per_corner_area = open_corner / (_corner_sum(self.area) / 4)
        coriolis = tensor(np.where(grid.sea, grid.coriolis, 0.0))
        self._coriolis = _corner_sum(coriolis * self._sea_area) / self._sea_area_corner

    def at_rest(self, temperature: Tensor) -> OceanState:
        """Return the layer without currents, of its mean depth.

        Parameters
        ----------
        temperature : (..., eta, xi)  [K]
            Land may have anything finite.
        """
        temperature = temperature.to(self.dtype)
        return OceanState(
            torch.zeros_like(temperature[..., 1:]),
            torch.zeros_like(temperature[..., 1:, :]),
            torch.full_like(temperature, self.parameters.depth),
            temperature,
            torch.zeros_like(temperature),
        )

    def stable_step(self, speed: float = 1.5) -> float:
        """Return a time step [s] that is stable as long as currents stay below `speed` [m/s].

        The scheme is stable up to sqrt(3) / (largest frequency), which is that of the shortest
        gravity wave on the grid, 2 c sqrt(1/dx^2 + 1/dy^2), carried by the current, plus f. This is
        0.8 times the limit.
        """
        frequency = 2 * (self.parameters.wave_speed + speed) * self._per_spacing
        return 0.8 * math.sqrt(3) / float(frequency + self._coriolis.abs().max())

    def step(
        self, state: OceanState, seconds: float, tau_u: Tensor, tau_v: Tensor, heat: Tensor
    ) -> OceanState:
        """Return the state one time step later.

        Parameters
        ----------
        state : OceanState
        seconds : float
            See :meth:`stable_step`.
        tau_u, tau_v : (..., eta, xi - 1), (..., eta - 1, xi)  [N/m2]
            Stress on the faces along xi and eta. Land may have anything finite.
        heat : (..., eta, xi)  [W/m2]
            Net heat flux, positive into the sea.
        """
        forcing = (tau_u.to(self.dtype), tau_v.to(self.dtype), heat.to(self.dtype))
        start = (*state[:3], state.thickness * state.temperature, state.from_below)
        first = self._tendency(start, forcing)
        now = tuple(y + seconds * a for y, a in zip(start, first, strict=True))
        second = self._tendency(now, forcing)
        both = tuple(a + b for a, b in zip(first, second, strict=True))
        now = tuple(y + seconds / 4 * ab for y, ab in zip(start, both, strict=True))
        third = self._tendency(now, forcing)
        u, v, thickness, content, from_below = (
            y + seconds / 6 * (ab + 4 * c) for y, ab, c in zip(start, both, third, strict=True)
        )
        temperature = torch.where(self.sea > 0, content / thickness, state.temperature)
        return OceanState(u, v, thickness, temperature, from_below)

    def kinetic_energy(self, state: OceanState) -> Tensor:
        """Return the kinetic energy of the basin, (...)  [J]."""
        u, v, h = state[:3]
        if self.parameters.linear:
            h = torch.full_like(h, self.parameters.depth)
        along_u = (_mean_x(h) * u**2 * self.area_u).sum((-2, -1))
        along_v = (_mean_y(h) * v**2 * self.area_v).sum((-2, -1))
        return self.parameters.density / 2 * (along_u + along_v)

    def heat_content(self, state: OceanState) -> Tensor:
        """Return the heat of the layer against that of deep water, (...)  [J]."""
        warmth = state.thickness * (state.temperature - self.parameters.deep_temperature)
        return self.parameters.density * self.parameters.heat_capacity * self.integral(warmth)

    def heat_from_below(self, state: OceanState) -> Tensor:
        """Return such heat that has come from below since the start, (...)  [J]."""
        p = self.parameters
        return p.density * p.heat_capacity * self.integral(state.from_below)

    def integral(self, values: Tensor) -> Tensor:
        """Integrate over the sea: (..., eta, xi) -> (...)."""
        return (values * self._sea_area).sum((-2, -1))

    def at_centres(self, state: OceanState) -> tuple[Tensor, Tensor]:
        """Return the current along xi and eta at rho points, both (..., eta, xi)  [m/s]."""
        return _mean_x(_closed_x(state.current_u)), _mean_y(_closed_y(state.current_v))

    def _tendency(
        self, now: tuple[Tensor, ...], forcing: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the rates of change of u, v, h, h T and the heat from below."""
        u, v, h, content, _ = now
        tau_u, tau_v, heat = forcing
        p = self.parameters
        temperature = content / h
        flux_u, flux_v = self._volume_fluxes(u, v, h)
        du, dv = self._acceleration(u, v, h, flux_u, flux_v)
        least = p.density * p.least_depth
        entrained = self._entrainment(h)
        slowing = p.drag + entrained / h  # water from below is at rest
        du = du + tau_u / (p.density * _mean_x(h)).clamp(min=least) - _mean_x(slowing) * u
        dv = dv + tau_v / (p.density * _mean_y(h)).clamp(min=least) - _mean_y(slowing) * v

        # What flows through a face has the temperature of the cell that it comes from.
        spread_u = p.diffusivity * self.sea_u * _mean_x(h) * self.dy_u / self.dx_u
        spread_v = p.diffusivity * self.sea_v * _mean_y(h) * self.dx_v / self.dy_v
        east, west = temperature[..., 1:], temperature[..., :-1]
        north, south = temperature[..., 1:, :], temperature[..., :-1, :]
        heat_u = torch.where(flux_u > 0, west, east) * flux_u - spread_u * (east - west)
        heat_v = torch.where(flux_v > 0, south, north) * flux_v - spread_v * (north - south)
        dh = entrained - self._divergence(flux_u, flux_v)
        coldness = (p.deep_temperature - temperature).clamp(min=0.0) * self.sea
        convected = h * coldness / p.convection_time
        entrained_heat = entrained * temperature.clamp(max=p.deep_temperature)
        from_below = entrained_heat - p.deep_temperature * entrained + convected
        gained = heat / (p.density * p.heat_capacity) * self.sea + entrained_heat + convected
        du, dv = du * self.sea_u, dv * self.sea_v
        return du, dv, dh, gained - self._divergence(heat_u, heat_v), from_below

    def _volume_fluxes(self, u: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return what flows through the faces [m3/s].

        The depth of a face is the mean of its cells, as the conservation of energy asks for; but
        that of the cell upstream where this is about to outcrop: it cannot give what it has not.
        """
        p = self.parameters
        if p.linear:
            return p.depth * u * self.dy_u, p.depth * v * self.dx_v
        behind_u = torch.where(u > 0, h[..., :-1], h[..., 1:])
        behind_v = torch.where(v > 0, h[..., :-1, :], h[..., 1:, :])
        depth_u = torch.where(behind_u < p.entrainment_depth, behind_u, _mean_x(h))
        depth_v = torch.where(behind_v < p.entrainment_depth, behind_v, _mean_y(h))
        return depth_u * u * self.dy_u, depth_v * v * self.dx_v

    def _acceleration(
        self, u: Tensor, v: Tensor, h: Tensor, flux_u: Tensor, flux_v: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rotation, pressure and viscosity on the faces, land not yet masked.

        As fluxes [m3/s] enter the rotation, its work cancels between the faces around each corner,
        on any grid; as the mean of u^2 area does the kinetic energy, so does that of the pressure.
        """
        p = self.parameters
        vorticity = ((v * self.dy_v).diff() - (u * self.dx_u).diff(dim=-2)) * self._per_corner_area
        head = p.reduced_gravity * h
        if p.linear:
            potential = self._coriolis / p.depth
        else:
            at_corner = _corner_sum(h * self._sea_area) / self._sea_area_corner
            # Corners amid land have no water, and no flow that this could act on.
            potential = (self._coriolis + vorticity) / torch.where(at_corner > 0, at_corner, 1.0)
            kinetic_u, kinetic_v = u**2 * self.area_u, v**2 * self.area_v
            head = head + (_mean_x(_closed_x(kinetic_u)) + _mean_y(_closed_y(kinetic_v))) / (
                2 * self.area
            )
        head = head - p.viscosity * self._divergence(u * self.dy_u, v * self.dx_v)
        turn_u = _mean_y(_closed_y(potential * _mean_x(flux_v)))
        turn_v = _mean_x(_closed_x(potential * _mean_y(flux_u)))
        du = (turn_u - head.diff()) / self.dx_u
        dv = (-turn_v - head.diff(dim=-2)) / self.dy_v
        du = du - p.viscosity * _closed_y(vorticity).diff(dim=-2) / self.dy_u
        dv = dv + p.viscosity * _closed_x(vorticity).diff() / self.dx_v
        return du, dv

    def _divergence(self, flux_u: Tensor, flux_v: Tensor) -> Tensor:
        """Return what leaves a cell through its faces, over its area."""
        return (_closed_x(flux_u).diff() + _closed_y(flux_v).diff(dim=-2)) / self.area

    def _entrainment(self, h: Tensor) -> Tensor:
        """Return the speed at which water comes in from below [m/s]."""
        p = self.parameters
        if p.entrainment_depth == 0:
            return torch.zeros_like(h)
        missing = (p.entrainment_depth - h).clamp(min=0.0)
        return missing**2 / (p.entrainment_depth * p.entrainment_time) * self.sea


def _mean_x(values: Tensor) -> Tensor:
    """Mean of neighbours along xi: one fewer."""
    return (values[..., 1:] + values[..., :-1]) / 2


def _mean_y(values: Tensor) -> Tensor:
    """Mean of neighbours along eta: one fewer."""
    return (values[..., 1:, :] + values[..., :-1, :]) / 2


def _corner_sum(values: Tensor) -> Tensor:
    """Sum of the four cells around each corner: one fewer along both axes."""
    pairs = values[..., 1:] + values[..., :-1]
    return pairs[..., 1:, :] + pairs[..., :-1, :]


def _closed_x(values: Tensor) -> Tensor:
    """Add the faces at the edges of the domain along xi, which nothing flows through."""
    return pad(values, (1, 1))


def _closed_y(values: Tensor) -> Tensor:
    """Add the faces at the edges of the domain along eta, which nothing flows through."""
    return pad(values, (0, 0, 1, 1))
