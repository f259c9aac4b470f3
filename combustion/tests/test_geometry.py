"""Integrals, profiles and plane cuts on a mesh, against boxes known by hand."""

import numpy as np
import pytest

from combustion.physics import geometry
from combustion.physics.geometry import Nodes, slab_lengths
from combustion.tests.blocks import block

DX = 1e-3


def scattered(seed: int = 0):
    """Box of (9, 7, 6) nodes, those inside moved at random, joined along the lattice."""
    mesh = block((9, 7, 6), DX)
    inside = (mesh.positions > 0).all(1) & (mesh.positions < mesh.positions.max(0)).all(1)
    moves = np.random.default_rng(seed).uniform(-0.3, 0.3, mesh.positions.shape) * DX
    mesh.positions[inside] += moves[inside]
    return mesh


def nodes_of(mesh) -> Nodes:
    return Nodes(mesh.positions, mesh.volumes, mesh.edges, DX)


def test_integral_and_profile_of_a_uniform_field_are_volume_and_slabs():
    nodes = nodes_of(block((5, 4, 3), DX, (2, 0, 0)))
    ones = np.ones(60)
    assert nodes.integral(ones) == pytest.approx(4 * 3 * 2 * DX**3)
    assert nodes.first_station == 2
    assert nodes.extent == pytest.approx([2 * DX, 6 * DX])
    lengths = slab_lengths(np.arange(2.0, 7.0), (2.0, 6.0))
    np.testing.assert_allclose(lengths, [0.5, 1, 1, 1, 0.5])
    np.testing.assert_allclose(nodes.profile(ones), lengths * 3 * 2 * DX**3)


def test_profile_of_scattered_nodes_adds_up_to_the_integral():
    mesh = scattered()
    values = np.random.default_rng(1).random(len(mesh.volumes))
    nodes = nodes_of(mesh)
    assert sum(nodes.profile(values)) == pytest.approx(nodes.integral(values))


def test_slabs_at_the_ends_count_as_far_as_the_mesh_goes():
    np.testing.assert_allclose(
        slab_lengths(np.arange(-1.0, 5.0), (0.3, 3.1)), [0, 0.2, 1, 1, 0.6, 0]
    )


def test_a_cut_is_exact_for_a_linear_field():
    mesh = scattered()
    x, y, z = mesh.positions.T
    fields = {
        "progress_variable": 3 * x - 2 * y + z,
        "target": np.exp(-(((x - 3 * DX) / DX) ** 2)),
        "model": y,
    }
    section = nodes_of(mesh).section(fields)
    assert section.stream.position == pytest.approx(2.5 * DX)  # between the planes of nodes
    across, up = np.array(section.stream.points).T
    np.testing.assert_allclose(
        section.stream.fields["progress_variable"], 3 * across - 2 * up + 2.5 * DX
    )
    np.testing.assert_allclose(section.stream.fields["model"], up)
    assert section.cross.position == pytest.approx(3 * DX)  # most target
    across, up = np.array(section.cross.points).T
    np.testing.assert_allclose(section.cross.fields["model"], up)
    np.testing.assert_allclose(
        section.cross.fields["progress_variable"], 9 * DX - 2 * up + across, rtol=1e-9
    )
    lengths = np.linalg.norm(np.diff(mesh.positions[mesh.edges], axis=1), axis=2)
    assert max(section.cross.reach) <= lengths.max()


@pytest.mark.parametrize("peak", [0, 8])
def test_the_plane_across_the_stream_stays_inside_the_mesh(peak: int):
    mesh = block((9, 7, 6), DX)
    target = np.zeros(mesh.shape)
    target[peak] = 1.0
    section = nodes_of(mesh).section({"target": target.ravel()})
    assert section.cross.position == pytest.approx(DX * (0.5 if peak == 0 else 7.5))
    assert len(section.cross.points or ()) == 7 * 6


def test_a_plane_keeps_a_bounded_number_of_points(monkeypatch: pytest.MonkeyPatch):
    mesh = scattered()
    fields = {"target": np.ones(len(mesh.volumes))}
    whole = nodes_of(mesh).section(fields).stream
    assert whole.points is not None
    assert whole.reach is not None
    monkeypatch.setattr(geometry, "POINTS_IN_PLANE", 16)
    few = nodes_of(mesh).section(fields).stream
    assert few.points is not None
    assert few.reach is not None
    assert len(whole.points) == 9 * 7
    assert len(few.points) == len(few.reach) == len(few.fields["target"]) == 16
    assert {tuple(p) for p in few.points} < {tuple(p) for p in whole.points}
    assert np.mean(few.reach) == pytest.approx(np.mean(whole.reach) * (63 / 16) ** 0.5, rel=0.2)
    assert nodes_of(mesh).section(fields).stream == few
