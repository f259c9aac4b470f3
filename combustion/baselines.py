"""Algebraic closures of the flame surface density: what a network has to beat.

Every function takes torch tensors (or NumPy arrays, or floats) in SI units and broadcasts. Fields
end in the three axes (..., nx, ny, nz), or are (nodes,) on a mesh; a fact per sample (dx, Delta,
S_L, delta_L) is a number or, for grids, a tensor of shape (batch,). Notation: c_bar filtered
progress variable, Sigma flame surface density [1/m], Delta filter width [m], S_L and delta_L speed
[m/s] and thermal thickness [m] of the laminar flame, u' rms velocity below the filter [m/s],
Xi = Sigma / ``|grad c_bar|`` the wrinkling factor.

Sources:

- Boger, Veynante, Boughanem, Trouve 1998, Proc. Combust. Inst. 27, 917-925.
- Colin, Ducros, Veynante, Poinsot 2000, Phys. Fluids 12, 1843-1863.
- Charlette, Meneveau, Veynante 2002, Combust. Flame 131, 159-180 (Part I, non-dynamic).
- Fureby 2005, Proc. Combust. Inst. 30, 593-601; the fractal dimension is that of North and
  Santavicca 1990, Combust. Sci. Technol. 72, 215-232.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation.baselines import FittedBaselines
from combustion.io import facts as file_facts
from combustion.io.layouts import Flame
from combustion.io.meshes import MeshSnapshot
from combustion.physics.gradients import central_difference, least_squares_gradient

log = logging.getLogger(__name__)
_warn_once = functools.cache(log.warning)  # a test set repeats its gaps in every file

Field: TypeAlias = "Tensor | NDArray | float"

NAMES = (
    "constant",
    "gradient",
    "gradient_fitted_xi",
    "boger",
    "boger_fitted",
    "charlette",
    "fureby",
)
"""What `Closures.predict` calls the closures, in display order."""
BOGER_BETA = 1.0
"""Coefficient of Boger's closure: 1 is exact for a thin planar front under a Gaussian filter."""
CHARLETTE_BETA = 0.5
"""Exponent of the static model of Charlette et al. 2002."""
KOLMOGOROV = 1.5
"""Constant C_k of the inertial-range spectrum, as in Charlette et al. 2002."""


def resolved_gradient(c_bar: Field, dx: Field) -> Tensor:
    """``|grad c_bar|`` [1/m] by central differences: fourth order, second at the two ends.

    Parameters
    ----------
    c_bar : (..., nx, ny, nz)  [1]
    dx : float or (batch,)  [m]

    Returns
    -------
    (..., nx, ny, nz)  [1/m]
    """
    field = torch.as_tensor(c_bar)
    squares = torch.stack([central_difference(field, axis).square() for axis in (-3, -2, -1)]).sum(
        0
    )
    return squares.sqrt() / _per_sample(dx, field)


def gradient_of(snapshot: Flame) -> Tensor:
    """``|grad c_bar|`` [1/m] of a snapshot, (nx, ny, nz) or (nodes,).

    As stored (from the fine grid); else by central differences on this grid, or by least squares
    over the edges of this mesh.
    """
    if snapshot.resolved_gradient is not None:
        return torch.as_tensor(snapshot.resolved_gradient)
    if not isinstance(snapshot, MeshSnapshot):
        return resolved_gradient(snapshot.progress_variable, snapshot.dx)
    return torch.as_tensor(
        least_squares_gradient(snapshot.progress_variable, snapshot.positions, snapshot.edges)
    )


def boger(c_bar: Field, filter_width: Field, beta: float = BOGER_BETA) -> Tensor:
    """Sigma = 4 beta sqrt(6/pi) c_bar (1 - c_bar) / Delta  [1/m], Boger et al. 1998.

    A Gaussian filter sees a thin planar front as c_bar = (1 + erf(s)) / 2, so that Sigma peaks at
    sqrt(6/pi)/Delta where c_bar = 1/2: the factor in front makes beta = 1 exact there, and a larger
    beta stands for the mean wrinkling below the filter.
    """
    field = torch.as_tensor(c_bar).clamp(0, 1)
    scale = 4 * beta * math.sqrt(6 / math.pi) / _per_sample(filter_width, field)
    return scale * field * (1 - field)


def charlette_wrinkling(
    velocity_ratio: Field, size_ratio: Field, beta: float = CHARLETTE_BETA
) -> Tensor:
    """Wrinkling factor Xi = (1 + min[Delta/delta_L, Gamma u'/S_L])^beta, Charlette et al. 2002.

    Gamma is the efficiency of the eddies smaller than Delta in straining the flame, their fit to
    the integral over an inertial range from which eddies too slow (f_u), larger than the filter or
    smaller than the flame (f_Delta) or dissipated by viscosity (f_Re, for S_L delta_L = 4 nu)
    are taken out. Constants as in their paper: C_k = 1.5, b = 1.4, a between 0.4 and 0.8.

    Parameters
    ----------
    velocity_ratio : u'/S_L
    size_ratio : Delta/delta_L; below 1 nothing of the flame is below the filter, and Xi = 1
    beta : exponent

    Returns
    -------
    Xi >= 1; 1 for u' = 0, (1 + Delta/delta_L)^beta for very large u'
    """
    u, size = torch.broadcast_tensors(
        torch.as_tensor(velocity_ratio), torch.as_tensor(size_ratio).clamp(min=1)
    )
    reynolds = 4 * size * u
    f_u = 4 * math.sqrt(27 * KOLMOGOROV / 110) * (18 * KOLMOGOROV / 55) * u.square()
    f_size = (27 * KOLMOGOROV * math.pi ** (4 / 3) / 110 * (size ** (4 / 3) - 1)).sqrt()
    f_re = (9 / 55 * torch.exp(-1.5 * KOLMOGOROV * math.pi ** (4 / 3) / reynolds) * reynolds).sqrt()
    a = 0.6 + 0.2 * torch.exp(-0.1 * u) - 0.2 * torch.exp(-0.01 * size)
    b = 1.4
    # A factor of zero gives 0^-a = inf and in the end an efficiency of exactly zero, as it should.
    slow_or_small = (f_u**-a + f_size**-a) ** (-1 / a)
    efficiency = (slow_or_small**-b + f_re**-b) ** (-1 / b)
    return (1 + torch.minimum(size, efficiency * u)) ** beta


def fureby_wrinkling(velocity_ratio: Field, size_ratio: Field) -> Tensor:
    """Wrinkling factor of a fractal flame, Xi = (Delta/delta_L)^(D - 2), after Fureby 2005.

    The inner cut-off is delta_L and the dimension goes from D = 2.05 in weak to 2.35 in strong
    turbulence: D = 2.05 / (u'/S_L + 1) + 2.35 / (S_L/u' + 1).
    """
    u = torch.as_tensor(velocity_ratio)
    size = torch.as_tensor(size_ratio).clamp(min=1)
    dimension = (2.05 + 2.35 * u) / (u + 1)  # the same, without dividing by u' = 0
    return size ** (dimension - 2)


def inertial_range_velocity(u_rms: Field, filter_width: Field, integral_length: Field) -> Tensor:
    """u'_Delta = u' (Delta / l_t)^(1/3) [m/s]: the share of turbulence below the filter.

    Kolmogorov's scaling between the filter and the integral length l_t; a filter wider than l_t
    leaves all of u' below itself. A crude stand-in for files that hold no velocity at all.
    """
    ratio = torch.as_tensor(filter_width) / torch.as_tensor(integral_length)
    return torch.as_tensor(u_rms) * ratio.clamp(max=1) ** (1 / 3)


@dataclass
class ResolvedFlame:
    """What a closure may know: resolved fields and facts, of one flame or of a batch.

    Fields are (nx, ny, nz), (batch, 1, nx, ny, nz) or, on a mesh, (nodes,); facts numbers or
    (batch,); SI units. None where unknown: the closures that need it are then left out.
    """

    progress_variable: Field
    dx: Field
    filter_width: Field
    resolved_gradient: Field | None = None
    subfilter_velocity: Field | None = None
    laminar_speed: Field | None = None
    thermal_thickness: Field | None = None

    @classmethod
    def of(cls, snapshot: Flame, defaults: Mapping[str, float] | None = None) -> ResolvedFlame:
        """Gather what a snapshot tells.

        The sub-filter velocity is the LES estimate of the file, else the one measured in the DNS,
        else the inertial-range estimate from u_rms_in and l_t.

        Parameters
        ----------
        snapshot : of one file
        defaults : facts for files that lack the attributes, by their names: filter_width, S_L,
            delta_L, u_rms_in, l_t
        """
        facts = {**(defaults or {}), **snapshot.attributes}
        width = file_facts.filter_width(facts, snapshot.dx)
        velocity: Field | None = snapshot.les_velocity
        if velocity is None:
            velocity = snapshot.subfilter_velocity
        if velocity is None and {"u_rms_in", "l_t"} <= facts.keys():
            velocity = inertial_range_velocity(facts["u_rms_in"], width, facts["l_t"])
        return cls(
            progress_variable=snapshot.progress_variable,
            dx=snapshot.dx,
            filter_width=width,
            resolved_gradient=gradient_of(snapshot),
            subfilter_velocity=velocity,
            laminar_speed=facts.get("S_L"),
            thermal_thickness=facts.get("delta_L"),
        )

    def gradient(self) -> Tensor:
        """``|grad c_bar|`` [1/m]: as given, else by differences on this grid."""
        if self.resolved_gradient is not None:
            return torch.as_tensor(self.resolved_gradient)
        return resolved_gradient(self.progress_variable, self.dx)


class Slope:
    """Least-squares factor k of y = k x from sums: one pass over any number of fields."""

    def __init__(self) -> None:
        self.xy = self.xx = 0.0

    def add(self, x: Field, y: Field) -> None:
        """Take in fields of equal shape."""
        x64 = torch.as_tensor(x).double()
        self.xy += float((x64 * torch.as_tensor(y)).sum())
        self.xx += float(x64.square().sum())

    @property
    def value(self) -> float:
        """The factor k."""
        if not self.xx > 0:
            raise ValueError("no factor can be fitted: the closure is zero everywhere, or no data")
        return self.xy / self.xx


@dataclass(frozen=True)
class Closures(FittedBaselines):
    """All closures, with the coefficients fitted on a training set; they travel in a checkpoint.

    Without a fit only the closures as published can be evaluated.
    """

    mean: float | None = None
    """Mean Sigma dx of the training set: without a unit, as for flames of another size."""
    gradient_xi: float | None = None
    """One wrinkling factor for all: Sigma = Xi ``|grad c_bar|``."""
    boger_beta: float | None = None
    """Coefficient of Boger's closure."""

    @classmethod
    def fit(
        cls,
        snapshots: Iterable[Flame],
        defaults: Mapping[str, float] | None = None,
    ) -> Closures:
        """Fit the coefficients by least squares in one pass over a training set.

        Every cell, or node of a mesh, counts once.

        Parameters
        ----------
        snapshots : with their flame surface density
        defaults : as for `ResolvedFlame.of`
        """
        constant, gradient, quadratic = Slope(), Slope(), Slope()
        for snapshot in snapshots:
            if snapshot.flame_surface_density is None:
                raise ValueError(
                    f"{snapshot.path}: no flame surface density; closures are fitted to files "
                    "that hold the target"
                )
            target = torch.as_tensor(snapshot.flame_surface_density)
            flame = ResolvedFlame.of(snapshot, defaults)
            constant.add(torch.full_like(target, 1 / snapshot.dx), target)
            gradient.add(flame.gradient(), target)
            quadratic.add(boger(flame.progress_variable, flame.filter_width, beta=1), target)
        return cls(constant.value, gradient.value, quadratic.value)

    def predict(self, flame: ResolvedFlame | Flame) -> dict[str, Tensor]:
        """Evaluate every closure that can be: Sigma [1/m], like c_bar, in display order.

        A closure that lacks a fact or a field is left out; the log says once which one is missing.
        """
        if not isinstance(flame, ResolvedFlame):
            flame = ResolvedFlame.of(flame)
        gradient = flame.gradient()
        return {name: way() for name, way in self.ways(flame, lambda: gradient).items()}

    def ways(
        self, flame: ResolvedFlame, gradient: Callable[[], Tensor]
    ) -> dict[str, Callable[[], Tensor]]:
        """Return a call per closure that can be evaluated, see :meth:`predict`.

        Parameters
        ----------
        flame : ResolvedFlame
        gradient : callable
            Returns ``|grad c_bar|`` [1/m], like c_bar.
        """
        c_bar, width = torch.as_tensor(flame.progress_variable), flame.filter_width
        sigma: dict[str, Callable[[], Tensor]] = {}
        if (mean := self.mean) is not None:
            sigma["constant"] = lambda: mean / _per_sample(flame.dx, c_bar) * torch.ones_like(c_bar)
        sigma["gradient"] = gradient
        if (xi := self.gradient_xi) is not None:
            sigma["gradient_fitted_xi"] = lambda: xi * gradient()
        sigma["boger"] = lambda: boger(c_bar, width)
        if (beta := self.boger_beta) is not None:
            sigma["boger_fitted"] = lambda: boger(c_bar, width, beta)
        missing = [what for name, what in _NEEDED.items() if getattr(flame, name) is None]
        if missing:
            _warn_once(
                "closures 'charlette' and 'fureby' are left out: no " + ", no ".join(missing)
            )
            return sigma
        velocity_ratio = _per_sample(flame.subfilter_velocity, c_bar) / _per_sample(
            flame.laminar_speed, c_bar
        )
        size_ratio = _per_sample(width, c_bar) / _per_sample(flame.thermal_thickness, c_bar)
        sigma["charlette"] = lambda: charlette_wrinkling(velocity_ratio, size_ratio) * gradient()
        sigma["fureby"] = lambda: fureby_wrinkling(velocity_ratio, size_ratio) * gradient()
        return sigma


_NEEDED = {
    "laminar_speed": "laminar flame speed (attribute S_L)",
    "thermal_thickness": "laminar flame thickness (attribute delta_L)",
    "subfilter_velocity": "sub-filter velocity (a dataset, or the attributes u_rms_in and l_t)",
}


def _per_sample(value: Field | None, field: Tensor) -> Tensor:
    """Shape a number, (batch,) facts or a whole field to broadcast against `field`."""
    tensor = torch.as_tensor(value, dtype=field.dtype, device=field.device)
    if tensor.ndim == 1:
        tensor = tensor.reshape(-1, *[1] * (field.ndim - 1))
    return tensor
