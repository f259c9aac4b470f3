"""The operator from the atmosphere to the ocean, against analytic fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from wmed.io import remap
from wmed.io.grid import (
    AtmosphereGrid,
    OceanGrid,
    at_nodes,
    inverse_mercator,
    mercator,
    ocean_grid,
)
from wmed.tests.grids_made_up import made_up_atmosphere, made_up_ocean, mercator_points


def open_sea(atmosphere: AtmosphereGrid) -> AtmosphereGrid:
    return replace(atmosphere, sea=np.ones(atmosphere.shape, bool))


def turned(grid: AtmosphereGrid, angle: float) -> AtmosphereGrid:
    """The same grid turned about its centre, and bent."""
    x, y = grid.lon, mercator(grid.lat)
    dx, dy = x - x.mean(), y - y.mean()
    east = x.mean() + np.cos(angle) * dx - np.sin(angle) * dy + 0.02 * dx * dy
    north = y.mean() + np.sin(angle) * dx + np.cos(angle) * dy + 0.02 * dx**2
    return replace(grid, lon=east, lat=inverse_mercator(north))


def ocean_at(lon: list[float], lat: list[float]) -> OceanGrid:
    """An ocean that has some places in its first row."""
    return ocean_grid(
        np.stack([lon, lon]),
        np.stack([lat, np.add(lat, 0.01)]),
        np.array([[True], [False]]) & np.ones(len(lon), bool),
    )


def places(grid: OceanGrid | AtmosphereGrid) -> tuple[np.ndarray, np.ndarray]:
    return at_nodes(grid.lon, grid.sea), mercator(at_nodes(grid.lat, grid.sea))


def test_hand_computed_cell():
    lon, lat = np.meshgrid([0.0, 1.0, 2.0], inverse_mercator([40.0, 41.0, 42.0]))
    sea = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    air = AtmosphereGrid(lon, lat, sea, np.array([10.0]))
    # Nodes: 0 1 2 / 3 . 4 / 5 6 .
    north = inverse_mercator([40.6, 41.5, 41.0, 41.5])
    ocean = ocean_at([0.25, 1.75, 0.999999999999, 1.5], list(north))
    operator = remap.build(air, ocean)
    weights = torch.zeros(4, 7).scatter_add_(1, operator.index, operator.weight)
    expected = [
        # (0.75, 0.25) along xi times (0.4, 0.6) along eta; the north-east is land.
        [0.3 / 0.85, 0.1 / 0.85, 0, 0.45 / 0.85, 0, 0, 0],
        # Land to the south-west and to the north-east.
        [0, 0, 0, 0, 0.75, 0, 0.25],
        # On a point of land: all weight is land's, so the nearest sea gets it.
        [0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0.5, 0, 0.5],
    ]
    torch.testing.assert_close(weights, torch.tensor(expected))
    assert operator.nearest.tolist() == [3, 4, 3, 4]
    torch.testing.assert_close(operator.offsets[0, 0], torch.tensor([-0.25, -0.6]))
    torch.testing.assert_close(operator.offsets[2, 0], torch.tensor([-1.0, 0.0]))


def test_constants_are_conserved_and_land_is_ignored():
    air, ocean = made_up_atmosphere(), made_up_ocean()
    operator = remap.build(air, ocean)
    field = np.where(air.sea, 7.25, 1e20).astype(np.float32)
    values = torch.from_numpy(at_nodes(field, air.sea))[:, None]
    torch.testing.assert_close(operator.interpolate(values), torch.full((ocean.sea.sum(), 1), 7.25))
    assert (operator.weight >= 0).all()


@pytest.mark.parametrize("angle", [0.0, 0.4], ids=["mercator", "curvilinear"])
def test_linear_fields_are_exact_away_from_land(angle: float):
    air = turned(open_sea(made_up_atmosphere((14, 14))), angle)
    ocean = made_up_ocean()
    if angle:  # the bent grid is another one: keep it over the ocean
        air = replace(air, lon=air.lon - 0.7)
        ocean = replace(ocean, lon=ocean.lon, lat=ocean.lat + 0.9)
    operator = remap.build(air, ocean)
    (ax, ay), (ox, oy) = places(air), places(ocean)
    values = torch.from_numpy(np.stack([ax, ay, 3 * ax - 2 * ay + 1], axis=1))
    expected = np.stack([ox, oy, 3 * ox - 2 * oy + 1], axis=1)
    np.testing.assert_allclose(operator.interpolate(values).numpy(), expected, rtol=2e-6)


@pytest.mark.parametrize("angle", [0.0, 0.3], ids=["mercator", "curvilinear"])
def test_offsets_lead_back_to_the_point(angle: float):
    air = turned(open_sea(made_up_atmosphere((16, 16))), angle)
    air = replace(air, lon=air.lon - 0.8)
    ocean = replace(made_up_ocean(), lat=made_up_ocean().lat + 1.2)
    operator = remap.build(air, ocean)
    # Weighted by the operator, the four positions have their mean at the point itself.
    mean = (operator.weight[..., None] * operator.offsets).sum(dim=1)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=2e-2 * bool(angle) + 1e-5, rtol=0)


def test_second_order_convergence():
    errors = []
    ocean = made_up_ocean((40, 40))
    x, y = places(ocean)
    for count in (11, 21, 41):
        lon, lat = mercator_points((count, count), 2.5, 39.5, 5.0 / (count - 1))
        air = AtmosphereGrid(lon, lat, np.ones(lon.shape, bool), np.array([10.0]))
        ax, ay = places(air)
        found = remap.build(air, ocean).interpolate(
            torch.from_numpy(np.sin(2 * ax) * np.cos(ay))[:, None]
        )
        errors.append(np.abs(found[:, 0].numpy() - np.sin(2 * x) * np.cos(y)).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 1.8).all() and (orders < 2.3).all()


def test_newton_agrees_with_the_search_along_the_axes():
    air, ocean = made_up_atmosphere(), made_up_ocean()
    lon, lat = at_nodes(ocean.lon, ocean.sea), at_nodes(ocean.lat, ocean.sea)
    row, column = remap.locate(air, lon, lat)
    again = remap._newton(air.lon, mercator(air.lat), lon, mercator(lat))
    np.testing.assert_allclose(again[0], row, atol=1e-6)
    np.testing.assert_allclose(again[1], column, atol=1e-6)


@pytest.mark.parametrize("flip", [(), (0,), (1,), (0, 1)])
def test_the_order_of_rows_and_columns_does_not_matter(flip: tuple[int, ...]):
    air, ocean = made_up_atmosphere(), made_up_ocean()
    field = np.random.default_rng(0).standard_normal(air.shape)
    values = torch.from_numpy(at_nodes(field, air.sea))[:, None]
    straight = remap.build(air, ocean).interpolate(values)
    lon, lat = (np.flip(part, flip) for part in (air.lon, air.lat))
    other = replace(air, lon=lon, lat=lat, sea=np.flip(air.sea, flip))
    field = np.ascontiguousarray(np.flip(field, flip))
    values = torch.from_numpy(at_nodes(field, other.sea))[:, None]
    found = remap.build(other, ocean).interpolate(values)
    np.testing.assert_allclose(found, straight, atol=1e-5)


def test_nearest_is_the_nearest_of_all_seas():
    rng = np.random.default_rng(1)
    air = replace(made_up_atmosphere(), sea=rng.random(made_up_atmosphere().shape) < 0.3)
    ocean = made_up_ocean()
    (ax, ay), (ox, oy) = places(air), places(ocean)
    distance = np.hypot(ox[:, None] - ax, oy[:, None] - ay)
    nearest = remap.build(air, ocean).nearest.numpy()
    chosen = distance[np.arange(len(ox)), nearest]
    np.testing.assert_allclose(chosen, distance.min(axis=1), atol=1e-6)


def test_a_point_on_a_border_counts_once():
    lon, lat = np.meshgrid([0.0, 1.0, 2.0], inverse_mercator([40.0, 41.0, 42.0]))
    air = AtmosphereGrid(lon, lat, np.ones((3, 3), bool), np.array([10.0]))
    north = inverse_mercator([40.0, 41.0, 42.0, 41.0, 40.0])
    operator = remap.build(air, ocean_at([0.0, 1.0, 2.0, 0.5, 2.0], list(north)))
    dense = torch.zeros(5, 9).scatter_add_(1, operator.index, operator.weight)
    expected = torch.zeros(5, 9)
    expected[[0, 1, 2, 4], [0, 4, 8, 2]] = 1
    expected[3, [3, 4]] = 0.5
    torch.testing.assert_close(dense, expected, atol=1e-6, rtol=0)
    assert operator.nearest.tolist() == [0, 4, 8, 4, 2]  # halfway: the second one


def test_longitudes_may_count_from_elsewhere():
    air, ocean = made_up_atmosphere(), made_up_ocean()
    plain = remap.build(air, ocean)
    around = remap.build(air, replace(ocean, lon=ocean.lon + 360))
    torch.testing.assert_close(around.weight, plain.weight)
    assert torch.equal(around.index, plain.index)


def test_times_and_single_states():
    air, ocean = made_up_atmosphere(), made_up_ocean()
    operator = remap.build(air, ocean)
    values = np.random.default_rng(0).standard_normal((2, 3, air.sea.sum(), 5)).astype(np.float32)
    tensor = operator.interpolate(torch.from_numpy(values))
    assert tensor.shape == (2, 3, ocean.sea.sum(), 5)
    corners = values[..., operator.index.numpy(), :]  # (2, 3, rho, 4, 5)
    expected = (operator.weight.numpy()[..., None] * corners).sum(-2)
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-6)
    single = operator.interpolate(torch.from_numpy(values[1, 2]))
    np.testing.assert_array_equal(single, tensor[1, 2])


def test_gradients_are_the_transposed_operator():
    air, ocean = made_up_atmosphere(), made_up_ocean()
    operator = remap.build(air, ocean)
    values = torch.randn(2, int(air.sea.sum()), 1, requires_grad=True)
    operator.interpolate(values).sum().backward()
    expected = torch.zeros(values.shape[1]).scatter_add_(
        0, operator.index.flatten(), operator.weight.flatten()
    )
    torch.testing.assert_close(values.grad, expected.expand(2, -1)[..., None])


@pytest.mark.parametrize("angle", [0.0, 0.3], ids=["mercator", "curvilinear"])
def test_an_ocean_beyond_the_atmosphere_is_refused(angle: float):
    air, ocean = turned(made_up_atmosphere(), angle), made_up_ocean()
    with pytest.raises(ValueError, match="lie outside the atmosphere: the ocean has longitudes"):
        remap.build(air, replace(ocean, lon=ocean.lon + 40))
    with pytest.raises(ValueError, match="no sea"):
        remap.build(replace(air, sea=np.zeros(air.shape, bool)), ocean)
