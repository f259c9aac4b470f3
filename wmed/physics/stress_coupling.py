"""Sums of fluxes and errors that add up over batches, and what is formed of them.

Beside plain errors, two things that a coupled ocean feels: the curl of the stress, and how that
answers to the vorticity of the currents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wmed.io.grid import OceanGrid, node_numbers

Sums = dict[str, Tensor]

WIND_EDGES = (0.0, 2.0, 5.0, 8.0, 11.0, 14.0, 17.0)
"""Lower bounds of the classes of relative wind [m/s], about every other Beaufort number; a wind on
a bound belongs to the class above it, and the last class is open."""
WIND_CLASSES = (
    *(f"{low:g}-{high:g}" for low, high in zip(WIND_EDGES[:-1], WIND_EDGES[1:], strict=True)),
    f"{WIND_EDGES[-1]:g}+",
)
"""Names of the classes."""
CUTOFF = 250e3
"""Wavelength [m] of which the smoothing leaves half of the amplitude: longer is large scale,
shorter is mesoscale (the cutoff of Renault et al. 2016)."""
VORTICITY_EDGE, VORTICITY_BINS = 1e-4, 81
"""Bins of the vorticity anomaly from minus to plus this [1/s], for the figure; what lies outside
counts in the outermost."""
NEGLIGIBLE = 1e-12
"""Variance relative to the mean square up to which a target counts as constant: rounding."""


def wind_class(speed: Tensor) -> Tensor:
    """Return the index in :data:`WIND_CLASSES` of a wind speed [m/s], of any shape."""
    edges = torch.tensor(WIND_EDGES[1:], dtype=speed.dtype, device=speed.device)
    return torch.bucketize(speed.contiguous(), edges, right=True)


def sums_by_class(
    target: Tensor, predicted: Tensor, classes: Tensor, weight: Tensor | None = None
) -> Sums:
    """Sum target and error over the points of each class of wind.

    Parameters
    ----------
    target, predicted : any one shape
        NaN where the target is not known: such a point counts nowhere.
    classes : the same shape
        As :func:`wind_class` gives.
    weight : the same shape, optional
        Of each point; 1 by default.

    Returns
    -------
    name -> (class,), float64
    """
    target = target.double().flatten()
    known = ~target.isnan()
    weight = known.double() if weight is None else weight.double().flatten() * known
    error = (predicted.double().flatten() - target).where(known, 0.0)
    target = target.where(known, 0.0)
    names = ("weight", "target", "target2", "error", "error2", "abs_error")
    ones = torch.ones_like(target)
    rows = torch.stack([ones, target, target.square(), error, error.square(), error.abs()])
    member = torch.nn.functional.one_hot(classes.flatten(), len(WIND_CLASSES)).double()
    return dict(zip(names, (rows * weight) @ member, strict=True))


def metrics_of(sums: Mapping[str, Tensor]) -> Sums:
    """Form R2, RMSE, MAE and bias.

    NaN where there is no point, or, of R2, where the target does not vary.
    """
    weight, target2 = sums["weight"], sums["target2"]
    variation = target2 - sums["target"].square() / weight
    varies = variation > NEGLIGIBLE * target2
    return {
        "r2": (1 - sums["error2"] / variation).where(varies, torch.nan),
        "rmse": (sums["error2"] / weight).sqrt(),
        "mae": sums["abs_error"] / weight,
        "bias": sums["error"] / weight,
    }


def add(total: Sums, part: Mapping[str, Tensor]) -> None:
    """Add sums to sums, on the host."""
    for name, value in part.items():
        here = value.cpu()
        total[name] = total[name] + here if name in total else here


def added(parts: Iterable[Mapping[str, Tensor]]) -> Sums:
    """Return the sum of any number of sums."""
    total: Sums = {}
    for part in parts:
        add(total, part)
    return total


def turning(
    target: tuple[Tensor, Tensor], predicted: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the angle [degree] from one vector to another, anticlockwise, and the first's size.

    Parameters
    ----------
    target, predicted : x and y component, any one shape

    Returns
    -------
    Both of that shape, float64; the angle between -180 and 180.
    """
    (x, y), (px, py) = ((a.double(), b.double()) for a, b in (target, predicted))
    return torch.atan2(x * py - y * px, x * px + y * py).rad2deg(), torch.hypot(x, y)


# ---- curl and vorticity --------------------------------------------------------------------------


@dataclass(frozen=True)
class PsiPoints:
    """The points of an Arakawa C grid that have a curl: corners where four wet cells meet.

    Attributes
    ----------
    index : (psi,)
        In the flattened lattice of corners, (eta - 1) x (xi - 1).
    u_nodes, v_nodes : (psi, 2)
        Nodes of the faces south and north, west and east.
    u_lengths, v_lengths : (psi, 2)  [m]
        Sides of the cell around the corner, counted positive anticlockwise.
    area : (psi,)  [m2]
    smooth_eta, smooth_xi : (eta - 1, eta - 1), (xi - 1, xi - 1)
        Gaussian weights between the rows and between the columns of corners.
    smoothed_sea : (psi,)
        What smoothing makes of a field that is 1 at all points, 0 on land.
    """

    index: Tensor
    u_nodes: Tensor
    v_nodes: Tensor
    u_lengths: Tensor
    v_lengths: Tensor
    area: Tensor
    smooth_eta: Tensor
    smooth_xi: Tensor
    smoothed_sea: Tensor

    @classmethod
    def of(cls, grid: OceanGrid) -> Self:
        """Find them on a grid."""
        sea, dx, dy = grid.sea, grid.dx, grid.dy
        corner = sea[:-1, :-1] & sea[:-1, 1:] & sea[1:, :-1] & sea[1:, 1:]
        index = np.flatnonzero(corner)
        u, v = node_numbers(grid.sea_u), node_numbers(grid.sea_v)
        dx_u, dy_v = (dx[:, :-1] + dx[:, 1:]) / 2, (dy[:-1] + dy[1:]) / 2
        dx_psi, dy_psi = (dx_u[:-1] + dx_u[1:]) / 2, (dy_v[:, :-1] + dy_v[:, 1:]) / 2
        at = {
            "u_nodes": (u[:-1], u[1:]),
            "v_nodes": (v[:, :-1], v[:, 1:]),
            "u_lengths": (dx_u[:-1], -dx_u[1:]),
            "v_lengths": (-dy_v[:, :-1], dy_v[:, 1:]),
            "area": (dx_psi * dy_psi,),
        }
        found = {
            name: torch.from_numpy(np.stack([a.ravel()[index] for a in arrays], axis=-1))
            for name, arrays in at.items()
        }
        smooth_eta, smooth_xi = _gaussian(dy_psi.mean(1)), _gaussian(dx_psi.mean(0))
        return cls(
            torch.from_numpy(index),
            found["u_nodes"],
            found["v_nodes"],
            found["u_lengths"].double(),
            found["v_lengths"].double(),
            found["area"][:, 0].double(),
            smooth_eta,
            smooth_xi,
            (smooth_eta @ torch.from_numpy(corner).double() @ smooth_xi).flatten()[index],
        )

    def to(self, device: torch.device) -> Self:
        """Return them on a device."""
        return type(self)(**{name: value.to(device) for name, value in vars(self).items()})

    def curl(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the curl of a vector: its circulation around a cell over the area (Stokes).

        Parameters
        ----------
        x, y : (time, u), (time, v)

        Returns
        -------
        (time, psi), float64
        """
        around = (x.double()[:, self.u_nodes] * self.u_lengths).sum(-1)
        around = around + (y.double()[:, self.v_nodes] * self.v_lengths).sum(-1)
        return around / self.area

    def anomaly(self, values: Tensor) -> Tensor:
        """Return the mesoscale part: values minus their Gaussian mean over the sea around.

        Parameters
        ----------
        values : (time, psi), float64

        Returns
        -------
        (time, psi)
        """
        rows, columns = len(self.smooth_eta), len(self.smooth_xi)
        lattice = values.new_zeros(len(values), rows * columns)
        lattice[:, self.index] = values
        smooth = self.smooth_eta @ lattice.unflatten(1, (rows, columns)) @ self.smooth_xi
        return values - smooth.flatten(1)[:, self.index] / self.smoothed_sea


def _gaussian(spacing: NDArray[np.float64]) -> Tensor:
    """Weights between the points of a line, (point, point), given the spacing [m] at each.

    A Gaussian of standard deviation s leaves exp(-2 (pi s / wavelength)^2) of a wave's amplitude.
    """
    sigma = CUTOFF * math.sqrt(math.log(2) / 2) / math.pi
    place = torch.from_numpy(np.cumsum(spacing, dtype=np.float64))
    return torch.exp(-0.5 * ((place[:, None] - place) / sigma).square())


def coupling_sums(vorticity: Tensor, curl: Tensor) -> Sums:
    """Sum what the regression of the curl of the stress on the vorticity of the currents needs.

    Parameters
    ----------
    vorticity : (time, psi)  [1/s]
    curl : (time, psi)  [N/m3]
        Mesoscale anomalies of both.

    Returns
    -------
    name -> ()
        And ``bin_count``, ``bin_x``, ``bin_y``, (bin,), by bin of the vorticity.
    """
    x, y = vorticity.flatten(), curl.flatten()
    width = 2 * VORTICITY_EDGE / VORTICITY_BINS
    bins = ((x + VORTICITY_EDGE) / width).floor().long().clamp(0, VORTICITY_BINS - 1)
    by_bin = {
        name: x.new_zeros(VORTICITY_BINS).index_add_(0, bins, values)
        for name, values in (("bin_count", torch.ones_like(x)), ("bin_x", x), ("bin_y", y))
    }
    count = x.new_tensor(float(len(x)))
    return {"count": count, "x": x.sum(), "y": y.sum(), "x2": x @ x, "xy": x @ y, **by_bin}


def coupling_coefficient(sums: Mapping[str, Tensor]) -> float:
    """Return s_tau, the slope of the regression [N s/m3]; NaN of currents without vorticity.

    Negative where the stress, being that of the wind relative to the current, works against the
    eddies (Renault et al. 2016, 2017).
    """
    covariance = sums["xy"] - sums["x"] * sums["y"] / sums["count"]
    variance = sums["x2"] - sums["x"].square() / sums["count"]
    if not variance > NEGLIGIBLE * sums["x2"]:
        return math.nan
    return float(covariance / variance)
