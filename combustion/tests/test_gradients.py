"""Gradients on meshes: exact fields, order of convergence, degenerate stencils, reference data."""

from pathlib import Path

import numpy as np
import pytest

from ai4sim.tests.reference import REFERENCE, needs_reference
from combustion.io.elements import edges_of
from combustion.io.layouts import Snapshot
from combustion.io.mesh_files import read_mesh
from combustion.io.meshes import MeshSnapshot, mesh_of_snapshot
from combustion.physics.gradients import gradient_vectors, least_squares_gradient
from combustion.tests.shapes import TETRAHEDRON


def cube(n: int, seed: int = 0) -> MeshSnapshot:
    """Unit cube in 6 n^3 jittered tetrahedra."""
    points = np.zeros((n + 1,) * 3, np.float32)
    grid = Snapshot(Path("cube"), "cube", 0.0, 1 / n, points)
    return mesh_of_snapshot(grid, seed=seed)


def test_gradient_is_exact_for_linear_and_quadratic_fields():
    mesh = cube(4)
    x, y, z = mesh.positions.T
    slope = np.array([2.0, -3.0, 0.5])
    found = gradient_vectors(mesh.positions @ slope + 7, mesh.positions, mesh.edges)
    np.testing.assert_allclose(found, np.broadcast_to(slope, found.shape), atol=1e-11)
    found = gradient_vectors(x * x - 2 * y * z + 3 * x * y, mesh.positions, mesh.edges)
    np.testing.assert_allclose(
        found, np.stack([2 * x + 3 * y, 3 * x - 2 * z, -2 * y], 1), atol=1e-10
    )
    norm = least_squares_gradient(
        (mesh.positions @ slope).astype(np.float32), mesh.positions, mesh.edges
    )
    assert norm == pytest.approx(np.linalg.norm(slope), rel=1e-4)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("aspect", [1e2, 1e5])
def test_gradient_is_that_of_linear_and_quadratic_fields_in_thin_cells(aspect, turned):
    mesh = cube(4)
    x, y, z = mesh.positions.T
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] if turned else np.eye(3)
    stretch = np.diag([1.0, 1.0, 1 / aspect]) @ axes
    positions = mesh.positions @ stretch
    slope = np.array([2.0, -3.0, 0.5])
    found = gradient_vectors(mesh.positions @ slope + 7, positions, mesh.edges) @ stretch.T
    np.testing.assert_allclose(found, np.broadcast_to(slope, found.shape), atol=1e-9)
    found = gradient_vectors(x * x - 2 * y * z + 3 * z * z, positions, mesh.edges) @ stretch.T
    exact = np.stack([2 * x, -2 * z, 6 * z - 2 * y], 1)
    np.testing.assert_allclose(found, exact, atol=1e-10 if aspect < 1e3 else 1e-3)


@pytest.mark.parametrize("scale", [1e-5, 1e3])
def test_gradient_scales_with_the_mesh(scale):
    mesh = cube(3)
    values = np.sin(3 * mesh.positions[:, 0])
    one = gradient_vectors(values, mesh.positions, mesh.edges)
    other = gradient_vectors(values, mesh.positions * scale + 7 * scale, mesh.edges)
    np.testing.assert_allclose(other * scale, one, atol=1e-9)


def test_gradient_is_of_second_order_up_to_the_boundary():
    errors = []
    for n in (6, 12):
        mesh = cube(n)
        x, y, z = mesh.positions.T
        values = np.sin(3 * x + 1) * np.cos(2 * y) * np.exp(z)
        exact = np.stack(
            [
                3 * np.cos(3 * x + 1) * np.cos(2 * y) * np.exp(z),
                -2 * np.sin(3 * x + 1) * np.sin(2 * y) * np.exp(z),
                values,
            ],
            axis=1,
        )
        difference = gradient_vectors(values, mesh.positions, mesh.edges) - exact
        errors.append((np.sqrt((difference**2).mean()), np.abs(difference).max()))
    mean, largest = np.log2(np.divide(*errors))
    assert mean > 1.8
    assert largest > 1.5


def test_gradient_of_a_single_element_is_that_of_the_plane_through_its_values():
    edges = edges_of([np.array([[0, 1, 2, 3]])], 4)
    found = gradient_vectors([0.0, 1.0, 2.0, 3.0], TETRAHEDRON, edges)
    np.testing.assert_allclose(found, np.tile([1.0, 2.0, 3.0], (4, 1)), atol=1e-9)


def test_gradient_has_no_part_in_directions_without_neighbours():
    positions = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]])
    found = gradient_vectors(positions[:, 0] ** 2, positions, [[0, 1], [1, 2], [2, 3]])
    np.testing.assert_allclose(found, 2 * positions, atol=1e-9)
    lonely = gradient_vectors([1.0, 2.0, 5.0], positions[:3], [[0, 1]])
    np.testing.assert_allclose(lonely, [[1, 0, 0], [1, 0, 0], [0, 0, 0]], atol=1e-9)


@needs_reference
def test_gradient_of_the_reference_meshes_is_that_of_the_finer_grid():
    reference = REFERENCE / "combustion" / "r2_unstructured" / "raw"
    for path in sorted(reference.glob("*.h5")):
        mesh = read_mesh(path)
        stored = np.asarray(mesh.resolved_gradient)
        found = least_squares_gradient(mesh.progress_variable, mesh.positions, mesh.edges)
        assert 1 - ((stored - found) ** 2).mean() / stored.var() > 0.96
