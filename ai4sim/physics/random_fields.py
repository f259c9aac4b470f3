"""Random numbers for weather: of each place alone, and of fields that are alike over a distance."""

from __future__ import annotations

import datetime
import hashlib
import math

import torch
from torch import Tensor

from ai4sim.compiled import compiled_by
from ai4sim.physics.constants import MEAN_EARTH_RADIUS

WAVES = 48
"""Plane waves in a field."""


def date_generator(time: datetime.datetime, seed: int, purpose: str = "") -> torch.Generator:
    """Return the source of random numbers of a date, others for each seed and purpose."""
    text = f"{time.isoformat()} {seed} {purpose}"
    digest = hashlib.sha256(text.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7]))


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw normally distributed numbers, float64."""
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def uniform(generator: torch.Generator, *shape: int) -> Tensor:
    """Draw numbers between 0 and 1, float64."""
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def rank(normal: Tensor) -> Tensor:
    """Return which part of a standard normal distribution lies below: uniform from 0 to 1."""
    return torch.special.ndtr(normal)


def smooth_fields(
    generator: torch.Generator, latitude: Tensor, longitude: Tensor, length: float, count: int
) -> Tensor:
    """Draw random fields on the globe: normally distributed, alike over a distance.

    Sums of plane waves in space, seen on the sphere (random Fourier features, Rahimi & Recht 2007),
    with covariance ``exp(-d^2 / (2 length^2))``. The same generator gives the same fields wherever
    they are looked at.

    Parameters
    ----------
    generator : torch.Generator
    latitude, longitude : (place,), float64  [degrees north], [degrees east]
    length : float  [km]
    count : int

    Returns
    -------
    (place, count), float64
        Mean 0, variance 1.
    """
    wave = normal(generator, 3, count * WAVES) * (MEAN_EARTH_RADIUS / 1000 / length)
    phase = 2 * math.pi * uniform(generator, count * WAVES)
    phi, lam = latitude.deg2rad(), longitude.deg2rad()
    place = torch.stack([phi.cos() * lam.cos(), phi.cos() * lam.sin(), phi.sin()], dim=-1)
    return math.sqrt(2 / WAVES) * sums_of_waves(place, wave, phase, count)


@compiled_by("ai4sim.physics.random_fields_loops")
def sums_of_waves(place: Tensor, wave: Tensor, phase: Tensor, count: int) -> Tensor:
    """Return the sums of as many plane waves each, ``cos(k x + phase)``.

    Parameters
    ----------
    place : (place, 3)
    wave : (3, count wave)
    phase : (count wave,)
    count : int

    Returns
    -------
    (place, count)
    """
    return (place @ wave + phase).cos().unflatten(-1, (count, -1)).sum(-1)
