"""The ground that radiation meets: what it is, how it reflects and emits, and how warm it is.

The six albedos are those of the IFS, of wavelengths between 0.25, 0.44, 0.69, 1.19 and 2.38 um; the
two emissivities those outside and inside the atmospheric window, 8 to 13 um.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from weather_forecast import climate

DESERTS = (
    # Latitude, longitude and half axes [degrees].
    (23, 8, 9, 26),  # Sahara
    (23, 46, 9, 9),  # Arabia
    (41, 95, 6, 20),  # Gobi, Taklamakan
    (40, 61, 5, 9),  # Karakum
    (-25, 130, 7, 13),  # Australia
    (-23, 18, 7, 5),  # Namib, Kalahari
    (-22, -69, 6, 3),  # Atacama
    (34, -112, 5, 6),  # Sonora, Mojave
)
SEA, PLANTS, DESERT, SNOW, SEA_ICE = range(5)
ALBEDO = (
    (0.06, 0.06, 0.06, 0.06, 0.06, 0.05),
    (0.04, 0.05, 0.07, 0.29, 0.19, 0.08),  # the red edge of leaves lies between bands 3 and 4
    (0.10, 0.16, 0.29, 0.42, 0.46, 0.32),
    (0.93, 0.94, 0.93, 0.79, 0.24, 0.03),
    (0.70, 0.72, 0.70, 0.52, 0.17, 0.04),
)
"""Of diffuse light, by kind of surface and band."""
EMISSIVITY = ((0.985, 0.98), (0.98, 0.97), (0.975, 0.92), (0.99, 0.985), (0.99, 0.98))
"""By kind of surface, outside and inside the window."""
FREEZING_SEA = 271.35
"""Temperature of sea water that freezes [K]."""


class Surface(NamedTuple):
    """State of the ground.

    Attributes
    ----------
    shares : (column, kind)
        How much of it is sea, plants, desert, snow, sea ice; they add up to 1.
    albedo, albedo_direct : (column, 6)
    emissivity : (column, 2)
    skin_temperature : (column,)  [K]
    """

    shares: Tensor
    albedo: Tensor
    albedo_direct: Tensor
    emissivity: Tensor
    skin_temperature: Tensor


def direct_sea_albedo(cos_zenith: Tensor) -> Tensor:
    """Return the albedo of the sea for the beam of the sun (Taylor et al. 1996).

    Parameters
    ----------
    cos_zenith : (...)
        Negative at night, which counts as a sun on the horizon.
    """
    return 0.037 / (1.1 * cos_zenith.clamp(min=0) ** 1.4 + 0.15)


def kinds_of_surface(
    latitude: Tensor, longitude: Tensor, air_temperature: Tensor, relief: Tensor
) -> Tensor:
    """Return the share of each kind of surface, (column, kind).

    Parameters
    ----------
    latitude, longitude : (column,)  [degrees north], [degrees east]
    air_temperature : (column,)  [K]
        Next to the ground: snow lies and the sea freezes where it is cold.
    relief : (column,)  [m]
    """
    land = climate.land_share(latitude, longitude)
    glacier = torch.sigmoid((latitude.abs() - 62) / 2) * torch.sigmoid((relief - 1100) / 200)
    snow = torch.maximum(torch.sigmoid((271.5 - air_temperature) / 2), glacier)
    ice = torch.sigmoid((269.5 - air_temperature) / 1.2)
    desert = climate.inside_ellipses(latitude, longitude, DESERTS, 0.15)
    ground, water = land * (1 - snow), 1 - land
    return torch.stack(
        [water * (1 - ice), ground * (1 - desert), ground * desert, land * snow, water * ice],
        dim=-1,
    )


def draw_surface(
    shares: Tensor, air_temperature: Tensor, cos_zenith: Tensor, cover: Tensor, noise: Tensor
) -> Surface:
    """Return the ground under some columns.

    Parameters
    ----------
    shares : (column, kind)
        See :func:`kinds_of_surface`.
    air_temperature : (column,)  [K]
    cos_zenith : (column,)
    cover : (column,)
        Cloud cover: it keeps the ground cool by day and warm by night.
    noise : (column, 4)
        Normally distributed: brightness, redness, emissivity and warmth of this place.

    Returns
    -------
    Surface
    """
    brightness, redness, emission, warmth = noise.unbind(-1)
    colour = torch.linspace(-1, 1, len(ALBEDO[0]), dtype=shares.dtype)
    # Land varies from place to place; the sea and its waves hardly.
    variety = (0.18 * (1 - shares[:, SEA]) + 0.03)[:, None]
    tint = (variety * (brightness[:, None] + 0.7 * colour * redness[:, None])).exp()
    albedo = ((shares @ shares.new_tensor(ALBEDO)) * tint).clamp(0.02, 0.97)
    beam = direct_sea_albedo(cos_zenith)[:, None] - shares.new_tensor(ALBEDO[SEA])
    direct = (albedo + shares[:, SEA, None] * beam).clamp(0.02, 0.97)
    emissivity = shares @ shares.new_tensor(EMISSIVITY) + 0.006 * emission[:, None]

    sun = cos_zenith.clamp(min=0)
    # How much the sun warms a surface above the air, and the clear night cools it [K].
    heated = shares @ shares.new_tensor([0.0, 11.0, 24.0, 2.0, 1.0])
    cooled = shares @ shares.new_tensor([0.0, 4.0, 7.0, 4.0, 2.0])
    night = torch.sigmoid(-cos_zenith / 0.05)
    swing = heated * sun * (1 - 0.7 * cover) - cooled * night * (1 - 0.8 * cover)
    skin = air_temperature + swing * (1 + 0.15 * warmth) + 0.7 * shares[:, SEA] * (1 + warmth)
    frozen = shares[:, SNOW] + shares[:, SEA_ICE]
    skin = torch.where(frozen > 0.5, skin.clamp(max=273.15), skin)
    skin = torch.where(shares[:, SEA] > 0.5, skin.clamp(min=FREEZING_SEA), skin)
    return Surface(shares, albedo, direct, emissivity.clamp(0.88, 0.998), skin)
