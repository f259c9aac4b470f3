"""Topology of meshes, their volumes, meshes made of grids."""

import itertools
import math

import numpy as np
import pytest

from combustion.io.elements import edges_of, element_volumes, nodal_volumes
from combustion.io.meshes import edge_lengths, grid_tetrahedra, mesh_of_snapshot
from combustion.tests.shapes import CORNERS, HEXAHEDRON, TETRAHEDRON, flame


@pytest.mark.parametrize(
    ("positions", "nodes", "edges", "volume"),
    [
        (TETRAHEDRON, [[0, 1, 2, 3]], 6, 1 / 6),
        (np.vstack([CORNERS, [[0.5, 0.5, 2]]]), [[0, 4, 6, 2, 8]], 8, 2 / 3),
        (CORNERS, [[0, 4, 2, 1, 5, 3]], 9, 1 / 2),
        (CORNERS, HEXAHEDRON, 12, 1.0),
    ],
    ids=["tetrahedron", "pyramid", "prism", "hexahedron"],
)
def test_elements_have_the_edges_and_volume_of_their_shape(positions, nodes, edges, volume):
    nodes = np.array(nodes)
    pairs = edges_of([nodes], len(positions))
    assert len(pairs) == edges
    # In a right-angled shape no edge leads through the inside: that would be a diagonal.
    assert element_volumes(nodes, positions) == pytest.approx(volume)
    mirrored = positions * [-1, 1, 1]
    assert element_volumes(nodes, mirrored) == pytest.approx(volume)
    shares = nodal_volumes([nodes], positions)
    assert shares[np.unique(nodes)] == pytest.approx(volume / nodes.size)


def test_edges_of_a_hexahedron_are_its_twelve_sides():
    pairs = edges_of([HEXAHEDRON], 8)
    assert edge_lengths(CORNERS, pairs) == pytest.approx(1.0)
    assert len(pairs) == 12
    assert (pairs[:, 0] < pairs[:, 1]).all()


def test_volume_of_a_bent_hexahedron_is_that_of_the_trilinear_map():
    # The Jacobian is quadratic in each coordinate: two Gauss points per axis are exact.
    rng = np.random.default_rng(0)
    positions = CORNERS + rng.uniform(-0.2, 0.2, CORNERS.shape)
    volume = 0.0
    for place in itertools.product((0.5 - 0.5 / math.sqrt(3), 0.5 + 0.5 / math.sqrt(3)), repeat=3):
        jacobian = np.zeros((3, 3))
        for corner, position in zip(CORNERS, positions, strict=True):
            factors = np.where(corner == 1, place, 1 - np.array(place))
            for axis in range(3):
                slope = 2 * corner[axis] - 1
                jacobian[axis] += slope * np.delete(factors, axis).prod() * position
        volume += np.linalg.det(jacobian) / 8
    assert element_volumes(HEXAHEDRON, positions) == pytest.approx(volume, rel=1e-12)


def test_tetrahedra_of_a_grid_fill_it_and_share_their_faces():
    shape = (4, 3, 5)
    table = grid_tetrahedra(shape)
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    assert element_volumes(table, points.astype(float)) == pytest.approx(1 / 6)
    assert len(table) == 6 * 3 * 2 * 4
    faces = np.sort(np.concatenate([np.delete(table, i, axis=1) for i in range(4)]), axis=1)
    counts = np.unique(faces, axis=0, return_counts=True)[1]
    outer = 2 * 2 * (3 * 2 + 2 * 4 + 3 * 4)  # two triangles per square of the surface
    assert np.bincount(counts).tolist() == [0, outer, (4 * len(table) - outer) // 2]
    # Sides, diagonals of squares and of cells.
    a, b, c = shape
    sides = (a - 1) * b * c + a * (b - 1) * c + a * b * (c - 1)
    squares = (a - 1) * (b - 1) * c + (a - 1) * b * (c - 1) + a * (b - 1) * (c - 1)
    assert len(edges_of([table], a * b * c)) == sides + squares + len(table) // 6


def test_volumes_of_a_jittered_mesh_add_up():
    mesh = mesh_of_snapshot(flame((6, 6, 6), 0.2))
    assert mesh.volumes.sum() == pytest.approx(1.0, rel=1e-14)
    assert mesh.volumes.min() > 0


def test_graph_is_that_of_the_edges_in_metres_or_in_reference_lengths():
    mesh = mesh_of_snapshot(flame())
    graph, scaled = mesh.graph, mesh.scaled_graph()
    sender, receiver = graph.edge_index.numpy()
    assert len(sender) == 2 * len(mesh.edges)
    offsets = mesh.positions[sender] - mesh.positions[receiver]
    np.testing.assert_allclose(graph.offsets, offsets, atol=1e-6)
    np.testing.assert_allclose(scaled.offsets, offsets / mesh.dx, atol=1e-6)
    np.testing.assert_allclose(scaled.positions, mesh.positions / mesh.dx, atol=1e-6)


def test_mesh_without_jitter_holds_the_values_of_the_grid():
    grid = flame()
    mesh = mesh_of_snapshot(grid, jitter=0)
    for name in ("progress_variable", "flame_surface_density", "resolved_gradient"):
        np.testing.assert_array_equal(getattr(mesh, name), getattr(grid, name).ravel())
    assert mesh.subfilter_velocity is None
    assert (mesh.case, mesh.time, mesh.dx) == ("A", 0.25, 0.5)
    assert mesh.attributes == {"dx_les": 0.5, "S_L": 0.272}


def test_jittered_mesh_has_the_fields_in_its_new_places():
    grid = flame()
    mesh = mesh_of_snapshot(grid, jitter=0.25, seed=3)
    x, y, z = mesh.positions.T
    at_rest = mesh_of_snapshot(grid, jitter=0).positions
    moved = np.linalg.norm(mesh.positions - at_rest, axis=1) / grid.dx
    inside = ((at_rest > 0) & (at_rest < at_rest.max(0))).all(1)
    assert (moved[~inside] == 0).all()
    assert (moved[inside] > 0).all()
    assert moved.max() <= 0.25
    c = 0.1 * (x + y * z / 4)
    np.testing.assert_allclose(mesh.progress_variable, c, atol=1e-6)
    np.testing.assert_allclose(mesh.flame_surface_density, 100 * c + x, atol=1e-4)
    np.testing.assert_allclose(mesh.resolved_gradient, z * z, atol=1e-5)
    other = mesh_of_snapshot(grid, jitter=0.25, seed=4)
    assert not np.array_equal(other.positions, mesh.positions)


def test_too_much_jitter_is_refused():
    with pytest.raises(ValueError, match=r"jitter is 0.3, expected from 0 to less than 0.289"):
        mesh_of_snapshot(flame(), jitter=0.3)
