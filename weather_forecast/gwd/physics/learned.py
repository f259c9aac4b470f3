"""Quadratures of the launch spectrum that were learned: as many phase speeds, nearer to a hundred.

``python trainer.py fit --config configs/spectrum.yaml --model.init_args.phase_speeds N`` on the
training dates of the demo gave the numbers of :data:`QUADRATURES`
(:mod:`weather_forecast.gwd.nets.spectrum_net`). They may take the place of the phase speeds in any
code of the scheme: the columns of the test dates, and those of the reference data, have seen none
of the training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from weather_forecast.gwd.physics.nogwd import WaveSpectrum


@dataclass(frozen=True)
class LearnedSpectrum(WaveSpectrum):
    """A spectrum with phase speeds and weights of its own.

    Attributes
    ----------
    speeds, weights : tuple of float
        From the fastest to the slowest  [m/s]; as many as `phase_speeds`.
    """

    speeds: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def quadrature(self) -> tuple[Tensor, Tensor]:
        """Return the phase speeds c and their weights dc [m/s], each (phase_speed,), float64."""
        return (
            torch.tensor(self.speeds, dtype=torch.float64),
            torch.tensor(self.weights, dtype=torch.float64),
        )


QUADRATURES: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    8: (
        (73.83, 22.25, 10.48, 6.859, 4.791, 3.224, 1.944, 0.9828),
        (215.9, 21.62, 6.435, 3.377, 2.296, 1.931, 1.515, 1.241),
    ),
    12: (
        (83.43, 41.78, 22.86, 13.69, 9.343, 6.944, 5.211, 3.847, 2.724, 1.811, 1.12, 0.6591),
        (142.7, 26.93, 14.34, 6.434, 3.551, 2.369, 1.75, 1.499, 1.233, 0.9751, 0.7082, 0.376),
    ),
    16: (
        (
            81.78,
            48.05,
            29.67,
            19.17,
            13.18,
            9.82,
            7.682,
            6.189,
            5.068,
            4.14,
            3.291,
            2.564,
            1.938,
            1.378,
            0.8933,
            0.582,
        ),
        (
            112.1,
            20.9,
            14.21,
            7.57,
            4.226,
            2.672,
            1.805,
            1.314,
            1.021,
            0.9344,
            0.8126,
            0.697,
            0.6164,
            0.5469,
            0.4365,
            0.1938,
        ),
    ),
}
"""Phase speeds c and weights dc [m/s] by their number."""


def learned_speeds(azimuths: int = 16, phase_speeds: int = 8) -> LearnedSpectrum:
    """Return a spectrum with a learned quadrature.

    Parameters
    ----------
    azimuths : int
    phase_speeds : int
        One of :data:`QUADRATURES`.

    Raises
    ------
    ValueError
        There is none with so many phase speeds.
    """
    if phase_speeds not in QUADRATURES:
        known = ", ".join(map(str, QUADRATURES))
        raise ValueError(
            f"phase_speeds: expected {known}, of which quadratures were learned, found "
            f"{phase_speeds}"
        )
    speeds, weights = QUADRATURES[phase_speeds]
    return LearnedSpectrum(azimuths, phase_speeds, speeds=speeds, weights=weights)
