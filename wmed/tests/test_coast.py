"""The real coast: what is sea and what is land, at any resolution, and distances to it."""

from __future__ import annotations

import numpy as np
import pytest

from wmed.synthetic.coast import (
    FILE,
    distance_to,
    in_basin,
    largest_region,
    rings,
    sea_mask,
    smooth_land,
)
from wmed.synthetic.domain import (
    HEIGHTS,
    SHAPE,
    atmosphere_axes,
    atmosphere_grid,
    ocean_axes,
    ocean_grid,
)

SEA = {
    "Gulf of Lion": (4.0, 42.5),
    "between Barcelona and Mallorca": (2.4, 40.5),
    "off Algiers": (3.0, 37.5),
    "Alboran": (-3.5, 36.0),
    "Ligurian Sea": (8.5, 43.7),
    "west of Sardinia": (7.5, 40.0),
    "channel of Ibiza": (0.6, 38.8),
}
LAND = {
    "Madrid": (-3.7, 40.4),
    "Corsica": (9.0, 42.1),
    "Sardinia": (8.8, 40.0),
    "Mallorca": (3.0, 39.65),
    "Menorca": (4.1, 39.95),
    "Ibiza": (1.4, 39.0),
    "Marseille's hinterland": (5.4, 43.6),
    "Atlas": (3.0, 36.0),
    "Bay of Biscay": (-3.0, 44.5),
    "Atlantic": (-6.5, 36.0),
}


def is_sea(lon: float, lat: float) -> bool:
    return bool(in_basin(np.array([lon]), np.array([lat]))[0, 0])


@pytest.mark.parametrize("name", SEA)
def test_places_at_sea(name: str) -> None:
    assert is_sea(*SEA[name])


@pytest.mark.parametrize("name", LAND)
def test_places_on_land_or_in_another_sea(name: str) -> None:
    assert not is_sea(*LAND[name])


def test_the_even_odd_rule_agrees_with_a_winding_of_paths() -> None:
    """With matplotlib's point-in-polygon, ring by ring."""
    from matplotlib.path import Path

    lon, lat = np.arange(-6.9, 10.9, 0.31), np.arange(34.1, 45.9, 0.29)
    points = np.stack(np.meshgrid(lon, lat), axis=-1).reshape(-1, 2)
    outer, *islands = (Path(ring).contains_points(points) for ring in rings())
    expected = outer & ~np.any(islands, axis=0)
    np.testing.assert_array_equal(in_basin(lon, lat).ravel(), expected)


def test_resolutions_agree_and_full_size_has_small_islands() -> None:
    coarse, fine = (ocean_grid(ocean_axes(shape)) for shape in (SHAPE, (539, 631)))
    assert fine.shape == (539, 631) and coarse.shape == SHAPE
    area = [float((grid.dx * grid.dy * grid.sea).sum()) / 1e12 for grid in (coarse, fine)]
    assert area[0] == pytest.approx(area[1], rel=0.01)
    assert 0.5 < area[0] < 0.8  # of the 0.85 million km2 of the western basin, most are in view
    for grid in (coarse, fine):
        np.testing.assert_array_equal(grid.sea, largest_region(grid.sea))


def test_the_atmosphere_covers_the_ocean_with_a_halo_around() -> None:
    ocean = ocean_axes()
    above = atmosphere_grid(atmosphere_axes(ocean))
    assert above.shape == (30, 34) and above.levels == 15
    assert 4.5 < np.diff(above.lon[0])[0] / ocean.spacing < 5.2
    assert above.lon[0, 0] < ocean.lon[0] and above.lon[0, -1] > ocean.lon[-1]
    assert above.lat[0, 0] < ocean.lat[0] and above.lat[-1, 0] > ocean.lat[-1]
    np.testing.assert_array_equal(HEIGHTS[[0, 1, -1]], [10, 32, 1460])


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 10 rows and columns.*found \(5, 30\)"):
        ocean_axes((5, 30))


def test_puddles_are_filled() -> None:
    sea = np.zeros((6, 9), bool)
    sea[1:5, 1] = sea[4, 1:6] = sea[2:5, 5] = True  # a bend
    bend = sea.copy()
    sea[0, 8] = sea[2, 3] = sea[3, 6] = True  # the last one touches
    bend[3, 6] = True
    np.testing.assert_array_equal(largest_region(sea), bend)
    assert not largest_region(np.zeros((3, 3), bool)).any()


def test_distances_are_euclidean_up_to_the_limit() -> None:
    places = np.random.default_rng(0).random((20, 30)) > 0.98
    spacing = np.full(20, 2.0)
    j, i = np.nonzero(places)
    row, column = np.mgrid[:20, :30]
    brute = 2.0 * np.sqrt((row[..., None] - j) ** 2 + (column[..., None] - i) ** 2).min(-1)
    np.testing.assert_allclose(distance_to(places, spacing, 9.0), np.minimum(brute, 9.0))
    assert (distance_to(np.zeros((5, 6), bool), spacing[:5], 7.0) == 7).all()


def test_smooth_land_is_a_share_and_its_gradient() -> None:
    lon, lat = np.linspace(-5, 9, 281), np.linspace(35, 44.5, 191)
    share, east, north = smooth_land(lon, lat, 40.0)
    assert share.min() >= 0 and share.max() <= 1 + 1e-12
    j, i = np.abs(lat - 40.4).argmin(), np.abs(lon + 3.7).argmin()
    assert share[j, i] > 0.99  # Madrid
    scale = 40.0 / 111.2
    slope = np.gradient(share, lat, axis=0) * scale
    np.testing.assert_allclose(north[5:-5], slope[5:-5], atol=0.02)
    j, i = np.abs(lat - 43.2).argmin(), np.abs(lon - 5.0).argmin()
    assert north[j, i] > 0.2 > abs(east[j, i])  # off Provence the land lies in the north


def test_the_coast_says_where_it_comes_from() -> None:
    text = FILE.read_text()
    assert "Natural Earth 4.1" in text and "Public domain" in text and len(text) < 40_000
    assert not sea_mask(np.array([20.0, 21.0]), np.array([0.0, 1.0])).any()
