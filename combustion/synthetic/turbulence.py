"""Synthetic inflow turbulence: a frozen box of isotropic turbulence swept through the inlet.

The box is made in Fourier space with a prescribed energy spectrum, free of divergence on the
staggered grid of the flow, and moves with the jet (Taylor's hypothesis).  A mask keeps it inside.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from combustion.physics.les import apply_matrices, filter_matrix


def von_karman_pao(wavenumber: Tensor, rms: float, length: float, viscosity: float) -> Tensor:
    """Energy spectrum E(k) of isotropic turbulence [m3/s2] (Pao 1965; Bailly & Juve 1999).

    E = 1.453 (u'^2 / k_e) (k/k_e)^4 [1 + (k/k_e)^2]^(-17/6) exp[-2 (k/k_eta)^2], k_e = 0.747 / l_t,
    k_eta = (u'^3 / l_t)^(1/4) / nu^(3/4).

    Parameters
    ----------
    wavenumber : k [rad/m], any shape
    rms : u', root-mean-square of one velocity component [m/s]
    length : l_t, longitudinal integral length [m]
    viscosity : nu [m2/s]
    """
    energetic = 0.747 / length
    dissipative = (rms**3 / length) ** 0.25 / viscosity**0.75
    k = wavenumber / energetic
    shape = k**4 * (1 + k**2) ** (-17 / 6) * torch.exp(-2 * (wavenumber / dissipative) ** 2)
    return 1.453 * rms**2 / energetic * shape


def synthetic_turbulence(
    shape: tuple[int, int, int],
    spacing: float,
    rms: float,
    length: float,
    viscosity: float,
    seed: int,
) -> Tensor:
    """Draw a periodic, divergence-free velocity field with the spectrum of `von_karman_pao`.

    Random directions and phases, prescribed amplitudes (Rogallo 1981).  Every component lies on the
    lower faces of its axis.  The divergence that vanishes is the one of
    the staggered grid, hence the wavenumbers 2 sin(k h / 2) / h in the projection.  The field is
    scaled to have exactly the rms asked for: the spectrum holds all of its energy only at a large
    Reynolds number, in a large box and on a fine grid.

    Returns
    -------
    Tensor
        (3, nx, ny, nz) float32 velocity on the CPU [m/s]
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((3, *shape), generator=generator)
    waves = [2 * math.pi * torch.fft.fftfreq(n, spacing) for n in shape[:2]]
    waves.append(2 * math.pi * torch.fft.rfftfreq(shape[2], spacing))
    k = torch.stack(torch.meshgrid(*waves, indexing="ij"))
    magnitude = k.square().sum(0).sqrt()
    magnitude[0, 0, 0] = 1.0

    # The energy of a mode is its share of the sphere of radius k; only its direction is random.
    amplitude = von_karman_pao(magnitude, rms, length, viscosity).sqrt() / magnitude
    amplitude[0, 0, 0] = 0.0
    for axis, n in enumerate(shape):  # a half-cell shift has no real value at the Nyquist mode
        if n % 2 == 0:
            amplitude.select(axis, n // 2).zero_()

    spectrum = torch.fft.rfftn(noise, dim=(1, 2, 3))
    normal = 2 * torch.sin(k * spacing / 2)
    normal /= normal.square().sum(0).clamp_min(1e-12).sqrt()
    spectrum -= normal * (normal * spectrum).sum(0)
    spectrum *= amplitude / spectrum.abs().square().sum(0).sqrt().clamp_min(1e-12)
    spectrum *= torch.polar(torch.ones(()), -k * spacing / 2)  # from the centres to the faces
    velocity = torch.fft.irfftn(spectrum, s=shape, dim=(1, 2, 3))
    return velocity * (rms / velocity.square().mean().sqrt())


class TurbulentInflow:
    """Mean slot-jet profile plus turbulence in the jet, as a function of time.

    Parameters
    ----------
    turbulence : (3, n, ny, nz) periodic box on the flow's grid, from `synthetic_turbulence` [m/s]
    spacing : cell size h [m]
    mean : (ny,) mean streamwise velocity [m/s]
    mask : (ny,) weight of the turbulence, 1 in the jet and 0 outside
    speed : velocity that carries the box through the inlet [m/s]
    """

    def __init__(
        self, turbulence: Tensor, spacing: float, mean: Tensor, mask: Tensor, speed: float
    ) -> None:
        # v lies half a cell below the centres where the mask is given.
        masks = torch.stack([mask, (mask + mask.roll(1)) / 2, mask])
        self._box = turbulence * masks[:, None, :, None]
        self._spacing, self._mean, self._speed = spacing, mean[:, None], speed

    def __call__(self, time: float) -> Tensor:
        """Velocity in the inlet plane at a time [s], (3, ny, nz) [m/s]."""
        position = -self._speed * time / self._spacing
        plane = torch.stack(
            [
                self._interpolate(self._box[0], position),
                self._interpolate(self._box[1], position - 0.5),
                self._interpolate(self._box[2], position - 0.5),
            ]
        )
        plane[0] += self._mean
        return plane

    def field(self, planes: int) -> Tensor:
        """Velocity downstream of the inlet at time 0, (3, planes, ny, nz), lower faces [m/s]."""
        field = self._box[:, torch.arange(planes) % self._box.shape[1]]
        field[0] += self._mean
        return field

    def filtered(self, width: float, spacing: float) -> TurbulentInflow:
        """Return the inflow as an LES sees it: through a Gaussian filter, on wider cells.

        Parameters
        ----------
        width : filter width Delta [m]
        spacing : cell size of the LES [m]

        Raises
        ------
        ValueError
            If the cells of the LES do not divide the box.
        """
        sizes, ratio = self._box.shape[1:], spacing / self._spacing
        counts = [round(n / ratio) for n in sizes]
        if any(abs(count * ratio - n) > 1e-6 for count, n in zip(counts, sizes, strict=True)):
            raise ValueError(
                f"cells of {spacing:g} m do not divide a box of {tuple(sizes)} cells of "
                f"{self._spacing:g} m"
            )

        def matrix(axis: int, on_face: bool) -> Tensor:
            # A face has the index of the cell above it, whose centre is half a cell further.
            at = torch.arange(counts[axis]) * ratio + (0.5 if on_face else 0.5 * ratio)
            weights = filter_matrix(at, sizes[axis], width / self._spacing, periodic=True)
            return weights.to(self._box)

        box = torch.stack(
            [
                apply_matrices([matrix(axis, axis == own) for axis in range(3)], component)
                for own, component in enumerate(self._box)
            ]
        )
        mean = matrix(1, False) @ self._mean[:, 0]
        return TurbulentInflow(box, spacing, mean, torch.ones_like(mean), self._speed)

    def to(self, device: torch.device) -> TurbulentInflow:
        """Move the fields to a device."""
        self._box, self._mean = self._box.to(device), self._mean.to(device)
        return self

    @staticmethod
    def _interpolate(component: Tensor, position: float) -> Tensor:
        """Cubic interpolation (Catmull & Rom 1974) between planes of a periodic box."""
        lower = math.floor(position)
        x = position - lower
        weights = (
            x * (-0.5 + x * (1 - 0.5 * x)),
            1 + x * x * (-2.5 + 1.5 * x),
            x * (0.5 + x * (2 - 1.5 * x)),
            x * x * (-0.5 + 0.5 * x),
        )
        plane = torch.zeros_like(component[0])
        for offset, weight in enumerate(weights, start=-1):
            plane.add_(component[(lower + offset) % len(component)], alpha=weight)
        return plane
