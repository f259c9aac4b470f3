"""Networks that know the bulk form of the exchange and learn its coefficients."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ai4sim.nets.mlp import MLP
from wmed.io.layout import PROFILES, RhoLayout
from wmed.nets.features import (
    PROFILE_FEATURES,
    SKY_FEATURES,
    SURFACE_FEATURES,
    SeaSurface,
    profile_features,
    sea_surface,
    sky_features,
    surface_features,
)
from wmed.nets.heads import DRAG, neutral_drag, radiative_fluxes, turbulent_fluxes

COLUMN_FEATURES = 32
Encoder = Literal["convolutions", "linear"]


class ColumnEncoder(nn.Module):
    """Convolutions over the levels of a column, to a vector that says what it is like.

    Parameters
    ----------
    levels : int
    channels : int
        Of the convolutions.
    features : int
        Length of the vector.
    """

    def __init__(self, levels: int, channels: int = 16, features: int = COLUMN_FEATURES) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(PROFILE_FEATURES, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv1d(channels, channels, 3, padding=1),
            nn.SiLU(),
        )
        self.last = nn.Linear(channels * levels, features)

    def forward(self, profiles: Tensor) -> Tensor:
        """Encode ``profiles : (..., 5 level)``, see :data:`.layout.PROFILES`: (..., features)."""
        found = profile_features(profiles)
        hidden = self.convolutions(found.flatten(0, -3)).flatten(1)
        return self.last(hidden).unflatten(0, found.shape[:-2])


class LinearEncoder(nn.Linear):
    """A linear map of a column, to a vector that says what it is like.

    A linear map and a linear interpolation commute: the vector of a point is the interpolated one
    of the columns around it, as it is that of the interpolated column. So a coupler encodes the
    atmosphere's columns, of which there are 8 to 25 times fewer than points.

    Parameters
    ----------
    levels : int
    features : int
        Length of the vector.
    """

    def __init__(self, levels: int, features: int = COLUMN_FEATURES) -> None:
        super().__init__(2 * levels, features)

    def forward(self, profiles: Tensor) -> Tensor:
        """Encode ``profiles : (..., 5 level)``, see :data:`.layout.PROFILES`: (..., features)."""
        _, _, theta, ratio, _ = profiles.unflatten(-1, (len(PROFILES), -1)).unbind(-2)
        rises = theta - theta[..., :1]
        return super().forward(torch.cat([rises / 5, 100 * ratio - 0.5], dim=-1))


ENCODERS = {"convolutions": ColumnEncoder, "linear": LinearEncoder}


class BulkFluxNet(nn.Module):
    """Transfer coefficients from the surface, radiation from the surface and the column.

    Parameters
    ----------
    levels : int
        Number of levels of the atmosphere.
    features : int
        The width of the hidden layers.
    layers : int
        Number of hidden layers. With 0 layers the coefficients are constants, else
        the drag is learned as a departure from :func:`.heads.neutral_drag`, which is held above the
        strongest wind of the training set; coefficients of heat and water have no such law, and are
        continued.
    profile : bool
        Whether the radiation sees more of the column than its lowest level.
    encoder : {"convolutions", "linear"}
        What the radiation sees of the column: of convolutions over its levels, at each point, or of
        a linear map, which a coupler applies to the atmosphere's columns.

    Attributes
    ----------
    height : ()  [m]
        Of the lowest level.
    strongest : ()  [m/s]
        Strongest wind of the training set.
    """

    height: Tensor
    strongest: Tensor

    def __init__(
        self,
        levels: int = 15,
        features: int = 64,
        layers: int = 3,
        profile: bool = True,
        encoder: Encoder = "convolutions",
    ) -> None:
        super().__init__()
        if encoder not in ENCODERS:
            raise ValueError(
                f"BulkFluxNet: encoder must be one of {sorted(ENCODERS)}, found {encoder!r}"
            )
        self.layout = RhoLayout(levels)
        self.register_buffer("height", torch.tensor(10.0))
        self.register_buffer("strongest", torch.tensor(torch.inf))
        self.encoder = ENCODERS[encoder](levels) if profile and layers else None
        sky = SKY_FEATURES + (COLUMN_FEATURES if self.encoder else 0)
        self.drag = Numbers(1, SURFACE_FEATURES, features, layers)
        self.transfer = Numbers(2, SURFACE_FEATURES, features, layers)
        self.radiation = Numbers(2, sky, features, layers)

    @property
    def of_columns(self) -> bool:
        """Whether the atmosphere's columns may be encoded, and the interpolation done after it."""
        return isinstance(self.encoder, LinearEncoder)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``inputs : (row, input channel)`` to the fluxes (row, 6) [N/m2], [W/m2]."""
        surface = sea_surface(inputs, self.layout, self.height)
        column = inputs[:, : len(PROFILES) * self.layout.levels]
        return self.of_surface(surface, None if self.encoder is None else self.encoder(column))

    def of_surface(self, surface: SeaSurface, column: Tensor | None = None) -> Tensor:
        """Map both sides of the surface and the encoded columns (row, features) to the fluxes."""
        known = surface_features(surface, self.height)
        transfer = self.transfer(known)
        strongest = torch.minimum(surface.speed, self.strongest).log() - 1.5
        drag = self.drag(torch.cat([strongest[:, None], known[:, 1:]], dim=-1))
        above = [sky_features(surface)] + ([] if column is None else [column])
        radiation = self.radiation(torch.cat(above, dim=-1))
        base = neutral_drag(surface.speed, self.height) if self.drag.net else DRAG
        return fluxes(surface, torch.cat([drag, transfer], dim=-1), radiation, base)


class Numbers(nn.Module):
    """The numbers that heads need: of a perceptron that starts at 0, or constants."""

    def __init__(self, count: int, inputs: int, features: int, layers: int) -> None:
        super().__init__()
        self.constants = nn.Parameter(torch.zeros(count))
        self.net = MLP(inputs, count, features, layers) if layers else None
        if self.net is not None:
            for parameter in self.net.layers[-1].parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(row, count)`` for ``x : (row, inputs)``."""
        if self.net is None:
            return torch.zeros_like(x[:, :1]) + self.constants
        return self.net(x) + self.constants


def fluxes(
    surface: SeaSurface, exchange: Tensor, radiation: Tensor, drag: Tensor | float = DRAG
) -> Tensor:
    """Return the fluxes of :data:`.layout.FLUXES`, (row, 6), from the numbers of both heads."""
    turbulent = turbulent_fluxes(surface, exchange, drag)
    radiative = radiative_fluxes(surface, radiation)
    return torch.cat([turbulent[:, :2], radiative, turbulent[:, 2:]], dim=-1)
