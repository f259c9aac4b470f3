"""Networks that know the bulk form of the exchange and learn its coefficients."""

from __future__ import annotations

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
        self, levels: int = 15, features: int = 64, layers: int = 3, profile: bool = True
    ) -> None:
        super().__init__()
        self.layout = RhoLayout(levels)
        self.register_buffer("height", torch.tensor(10.0))
        self.register_buffer("strongest", torch.tensor(torch.inf))
        self.encoder = ColumnEncoder(levels) if profile and layers else None
        sky = SKY_FEATURES + (COLUMN_FEATURES if self.encoder else 0)
        self.drag = Numbers(1, SURFACE_FEATURES, features, layers)
        self.transfer = Numbers(2, SURFACE_FEATURES, features, layers)
        self.radiation = Numbers(2, sky, features, layers)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``inputs : (row, input channel)`` to the fluxes (row, 6) [N/m2], [W/m2]."""
        surface = sea_surface(inputs, self.layout, self.height)
        drag = self.drag(surface_features(surface, self.height, self.strongest))
        transfer = self.transfer(surface_features(surface, self.height))
        above = [sky_features(surface)]
        if self.encoder is not None:
            above.append(self.encoder(inputs[:, : len(PROFILES) * self.layout.levels]))
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
