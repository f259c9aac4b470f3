"""Grids: numbering of sea points, faces, continuation over land that was never written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ai4sim.physics.constants import MEAN_EARTH_RADIUS
from wmed.io import grid as grids
from wmed.tests.grids_made_up import made_up_atmosphere, made_up_ocean, mercator_points


def test_faces_are_sea_where_both_neighbours_are():
    sea = np.array([[1, 1, 0], [0, 1, 1]], bool)
    lon, lat = mercator_points((2, 3), 0.0, 40.0, 0.1)
    grid = grids.ocean_grid(lon, lat, sea)
    np.testing.assert_array_equal(grid.sea_u, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(grid.sea_v, [[0, 1, 0]])


def test_mercator_is_conformal_and_has_an_inverse():
    latitude = np.linspace(-80, 80, 33)
    np.testing.assert_allclose(grids.inverse_mercator(grids.mercator(latitude)), latitude)
    slope = (grids.mercator(latitude + 1e-4) - grids.mercator(latitude - 1e-4)) / 2e-4
    np.testing.assert_allclose(slope, 1 / np.cos(np.radians(latitude)), rtol=1e-6)


def test_what_is_not_given_follows_from_the_places():
    lon, lat = mercator_points((9, 12), 179.5, 40.0, 0.1)  # across the date line
    grid = grids.ocean_grid((lon + 180) % 360 - 180, lat, np.ones(lon.shape, bool))
    expected = MEAN_EARTH_RADIUS * np.radians(0.1) * np.cos(np.radians(lat))
    np.testing.assert_allclose(grid.dx, expected, rtol=1e-3)
    np.testing.assert_allclose(grid.dy, expected, rtol=1e-3)
    np.testing.assert_allclose(grid.angle, 0, atol=1e-3)
    np.testing.assert_allclose(grid.coriolis[0, 0], 2 * 7.292115e-5 * np.sin(np.radians(40.0)))


def test_the_angle_is_that_by_which_a_grid_is_turned():
    turn = np.radians(30)
    eta, xi = np.indices((6, 7)) * 0.1
    lon = 5 + np.cos(turn) * xi - np.sin(turn) * eta
    lat = grids.inverse_mercator(grids.mercator(40) + np.sin(turn) * xi + np.cos(turn) * eta)
    np.testing.assert_allclose(grids.axis_angle(lon, lat), turn, atol=1e-9)


def test_coordinates_continue_where_they_were_never_written():
    whole = made_up_ocean()
    written = np.ones(whole.shape, bool)
    written[-4:, :6] = False  # a tile that is all land, whole columns of it and rows beside
    written[:, :2] = False
    lon, lat = (np.where(written, field, np.nan) for field in (whole.lon, whole.lat))
    grid = grids.ocean_grid(lon, lat, whole.sea & written)
    np.testing.assert_array_equal(grid.lon[written], whole.lon[written])
    np.testing.assert_allclose(grid.lon, whole.lon, atol=1e-3)
    np.testing.assert_allclose(grid.lat, whole.lat, atol=1e-3)
    assert np.isfinite(grid.dx).all()


def test_values_go_to_nodes_and_back():
    grid = made_up_ocean()
    field = np.random.default_rng(0).standard_normal((2, *grid.shape)).astype(np.float32)
    nodes = grids.at_nodes(field, grid.sea)
    np.testing.assert_array_equal(nodes, field[:, grid.sea])
    back = grids.on_grid(nodes, grid.sea, fill=np.nan)
    np.testing.assert_array_equal(back, np.where(grid.sea, field, np.nan))


def test_nodes_are_numbered_along_the_rows():
    sea = np.array([[0, 1, 1], [1, 0, 1]], bool)
    np.testing.assert_array_equal(grids.node_numbers(sea), [[-1, 0, 1], [2, -1, 3]])


def test_grids_are_equal_by_where_their_sea_is():
    grid, air = made_up_ocean(), made_up_atmosphere()
    drawn_elsewhere = np.where(grid.sea, grid.lon, -999)  # only land differs
    assert grid == replace(grid, lon=drawn_elsewhere)
    assert hash(grid) == hash(replace(grid, lon=drawn_elsewhere))
    assert grid != replace(grid, lon=grid.lon + 0.01)
    assert grid != replace(grid, sea=~grid.sea)
    assert air == replace(air, lat=air.lat.copy())
    assert air != replace(air, heights=air.heights + 1)


@pytest.mark.parametrize(
    ("longitude", "centre", "expected"), [(359, 0, -1), (-179, 180, 181), (5, 5, 5)]
)
def test_longitudes_are_named_near_a_centre(longitude: float, centre: float, expected: float):
    assert grids.near(longitude, centre) == expected
