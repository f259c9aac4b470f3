"""How the wind stress answers to the currents: its curl, the vorticity, and the slope of both.

On an Arakawa C grid curl and vorticity lie at the corners of the cells, the psi points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation.scores import Sums, sum_by, target_variance

CUTOFF = 250e3
"""Wavelength [m] of which the smoothing leaves half of the amplitude: longer is large scale,
shorter is mesoscale (the cutoff of Renault et al. 2016)."""
VORTICITY_EDGE, VORTICITY_BINS = 1e-4, 81
"""Bins of the vorticity anomaly from minus to plus this [1/s], for the figure; the outermost hold
the points outside, too."""


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
    def of(cls, sea: NDArray[np.bool_], dx: NDArray, dy: NDArray) -> Self:
        """Find them on a grid.

        Parameters
        ----------
        sea : (eta, xi)
            Whether a rho point is sea.
        dx, dy : (eta, xi)  [m]
            Spacing along xi and eta.
        """
        corner = sea[:-1, :-1] & sea[:-1, 1:] & sea[1:, :-1] & sea[1:, 1:]
        index = np.flatnonzero(corner)
        faces = (sea[:, 1:] & sea[:, :-1], sea[1:] & sea[:-1])
        u, v = (np.cumsum(wet).reshape(wet.shape) - 1 for wet in faces)  # nodes, if they are wet
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
    """Sum the moments that the regression of the curl of the stress on the vorticity needs.

    Parameters
    ----------
    vorticity : (time, psi)  [1/s]
    curl : (time, psi)  [N/m3]
        Mesoscale anomalies of both.

    Returns
    -------
    name -> (bin,)
        By bin of the vorticity, which is the ``target``: ``weight``, ``target``, ``target2``; the
        ``curl`` and its ``product`` with the vorticity.
    """
    x, y = vorticity.flatten(), curl.flatten()
    width = 2 * VORTICITY_EDGE / VORTICITY_BINS
    bins = ((x + VORTICITY_EDGE) / width).floor().long().clamp(0, VORTICITY_BINS - 1)
    ones = torch.ones_like(x)
    moments = {"weight": ones, "target": x, "target2": x * x, "curl": y, "product": x * y}
    return {name: sum_by(bins, VORTICITY_BINS, values) for name, values in moments.items()}


def coupling_coefficient(sums: Mapping[str, Tensor]) -> float:
    """Return s_tau, the slope of the regression [N s/m3]; NaN of currents without vorticity.

    Negative where the stress, being that of the wind relative to the current, works against the
    eddies (Renault et al. 2016, 2017).

    Parameters
    ----------
    sums : name -> (bin,)
        As :func:`coupling_sums` gives, or sums of those.
    """
    total = {name: values.sum() for name, values in sums.items()}
    vorticity, curl, product = (total[k] / total["weight"] for k in ("target", "curl", "product"))
    return float((product - vorticity * curl) / target_variance(total))
