"""The graph: faces, neighbours, means between rho points and faces, its torch_geometric form."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.io import croco, graph, mesonh
from wmed.io.grid import at_nodes, ocean_grid
from wmed.io.layout import PROFILES
from wmed.io.preprocess import air_of
from wmed.physics.bulk import bulk_inputs, coare36
from wmed.tests.grids_made_up import made_up_atmosphere, made_up_ocean, mercator_points


@pytest.fixture(scope="module")
def coupling() -> graph.CouplingGraph:
    return graph.build(made_up_atmosphere(), made_up_ocean())


def dense(pairs: Tensor, rows: int, columns: int) -> Tensor:
    """How often each pair is there."""
    found = torch.zeros(rows, columns, dtype=torch.long)
    return found.index_put_(tuple(pairs), torch.ones(pairs.shape[1], dtype=torch.long), True)


def test_hand_counted_neighbours():
    sea = np.array([[1, 1, 0], [0, 1, 1]], bool)
    lon, lat = mercator_points((2, 3), 3.2, 40.1, 0.1)
    found = graph.build(made_up_atmosphere(), ocean_grid(lon, lat, sea))
    # rho nodes: 0 1 . / . 2 3; u nodes: 0 between 0 and 1, 1 between 2 and 3; v node: 1 and 2.
    assert found.u_faces.tolist() == [[0, 1], [2, 3]]
    assert found.v_faces.tolist() == [[1, 2]]
    assert found.rho_faces.tolist() == [
        [-1, 0, -1, -1],
        [0, -1, -1, 0],
        [-1, 1, 0, -1],
        [1, -1, -1, -1],
    ]
    # Halves next to land; all where the other side is the edge of the domain.
    expected = [[0, 1, 0, 0], [0.5, 0, 0, 1], [0, 0.5, 1, 0], [1, 0, 0, 0]]
    torch.testing.assert_close(found.face_weight, torch.tensor(expected))
    edges = sorted(zip(*found.rho_edges.tolist(), found.rho_offsets.tolist(), strict=True))
    assert edges == [
        (0, 1, [-1, 0]),
        (1, 0, [1, 0]),
        (1, 2, [0, -1]),
        (2, 1, [0, 1]),
        (2, 3, [-1, 0]),
        (3, 2, [1, 0]),
    ]
    assert found.sizes == {"atmosphere": 50, "rho": 4, "u": 2, "v": 1}


def test_no_node_is_on_land_and_all_sea_has_one(coupling: graph.CouplingGraph):
    ocean, air = made_up_ocean(), made_up_atmosphere()
    assert coupling.sizes == {
        "atmosphere": air.sea.sum(),
        "rho": ocean.sea.sum(),
        "u": ocean.sea_u.sum(),
        "v": ocean.sea_v.sum(),
    }
    np.testing.assert_allclose(coupling.lat, at_nodes(ocean.lat, ocean.sea), atol=1e-5)
    for faces in (coupling.u_faces, coupling.v_faces):
        assert 0 <= faces.min() and faces.max() < coupling.sizes["rho"]


def test_faces_and_points_know_each_other(coupling: graph.CouplingGraph):
    """A u node names its rho nodes, and each of these names it at the same side."""
    for faces, after, before in ((coupling.u_faces, 1, 0), (coupling.v_faces, 3, 2)):
        number = torch.arange(len(faces))
        assert torch.equal(coupling.rho_faces[faces[:, 0], after], number)
        assert torch.equal(coupling.rho_faces[faces[:, 1], before], number)
    named = (coupling.rho_faces >= 0).sum()
    assert named == 2 * (coupling.sizes["u"] + coupling.sizes["v"])


def test_means_agree_with_those_on_the_grid(coupling: graph.CouplingGraph):
    ocean = made_up_ocean()
    rng = np.random.default_rng(0)
    x = np.where(ocean.sea, rng.standard_normal(ocean.shape), 0)
    u = np.where(ocean.sea_u, rng.standard_normal(ocean.sea_u.shape), 0)
    v = np.where(ocean.sea_v, rng.standard_normal(ocean.sea_v.shape), 0)
    nodes = torch.from_numpy(at_nodes(x, ocean.sea))
    on_u, on_v = coupling.to_faces(nodes, nodes)
    np.testing.assert_allclose(on_u, at_nodes((x[:, 1:] + x[:, :-1]) / 2, ocean.sea_u))
    np.testing.assert_allclose(on_v, at_nodes((x[1:] + x[:-1]) / 2, ocean.sea_v))
    at_u, at_v = (
        torch.from_numpy(at_nodes(*pair)) for pair in ((u, ocean.sea_u), (v, ocean.sea_v))
    )
    rho_u, rho_v = coupling.to_rho(at_u, at_v)
    wide_u, wide_v = np.pad(u, ((0, 0), (1, 1)), "edge"), np.pad(v, ((1, 1), (0, 0)), "edge")
    np.testing.assert_allclose(rho_u, at_nodes((wide_u[:, 1:] + wide_u[:, :-1]) / 2, ocean.sea))
    np.testing.assert_allclose(rho_v, at_nodes((wide_v[1:] + wide_v[:-1]) / 2, ocean.sea))


def test_a_uniform_vector_stays(coupling: graph.CouplingGraph):
    """On faces and back, where all four faces are sea; times are a leading axis."""
    size = coupling.sizes["rho"]
    stress = torch.tensor([[0.3], [-0.1]]).expand(2, size)
    back = coupling.to_rho(*coupling.to_faces(stress, 2 * stress))
    inner = (coupling.rho_faces >= 0).all(dim=1)
    torch.testing.assert_close(back[0][:, inner], stress[:, inner])
    torch.testing.assert_close(back[1][:, inner], 2 * stress[:, inner])


def test_unknown_faces_do_not_spread(coupling: graph.CouplingGraph):
    u, v = torch.ones(coupling.sizes["u"]), torch.full((coupling.sizes["v"],), torch.nan)
    v[: coupling.sizes["v"] - 1] = 1
    _, rho = coupling.to_rho(u, v)
    assert rho.isnan().sum() == 2  # the two beside the face


def test_edges_run_both_ways_and_none_is_twice(coupling: graph.CouplingGraph):
    data = graph.hetero(coupling)
    data.validate()
    size = coupling.sizes
    for face in ("u", "v"):
        there = dense(data["rho", "to", face].edge_index, size["rho"], size[face])
        back = dense(data[face, "to", "rho"].edge_index, size[face], size["rho"])
        assert torch.equal(there, back.T)
        assert (there.sum(dim=0) == 2).all() and there.max() == 1
    beside = dense(data["rho", "beside", "rho"].edge_index, size["rho"], size["rho"])
    assert torch.equal(beside, beside.T) and beside.max() == 1 and beside.diagonal().max() == 0
    over = dense(data["atmosphere", "over", "rho"].edge_index, size["atmosphere"], size["rho"])
    assert over.max() == 1 and (over.sum(dim=0) >= 1).all() and (over.sum(dim=0) <= 4).all()


def test_edges_carry_the_interpolation_and_the_means(coupling: graph.CouplingGraph):
    data = graph.hetero(coupling)
    values = torch.randn(coupling.sizes["atmosphere"], 3)
    over = data["atmosphere", "over", "rho"]
    sender, receiver = over.edge_index
    found = torch.zeros(coupling.sizes["rho"], 3).index_add_(
        0, receiver, values[sender] * over.edge_weight[:, None]
    )
    torch.testing.assert_close(found, coupling.interpolate(values))
    # Senders lie where the attributes say: half a spacing before or after the face.
    edges = data["rho", "to", "u"]
    before = edges.edge_attr[:, 0] < 0
    assert torch.equal(edges.edge_index[0, before], coupling.u_faces[:, 0])
    assert torch.equal(data["u", "to", "rho"].edge_attr, -edges.edge_attr)


def test_several_graphs_in_a_batch_stay_apart(coupling: graph.CouplingGraph):
    from torch_geometric.data import Batch

    lon, lat = mercator_points((5, 4), 3.2, 40.2, 0.1)
    other = graph.build(made_up_atmosphere(), ocean_grid(lon, lat, np.ones((5, 4), bool)))
    batch = Batch.from_data_list([graph.hetero(coupling), graph.hetero(other)])
    for kind in batch.edge_types:
        first = graph.hetero(coupling)[kind].edge_index
        second = graph.hetero(other)[kind].edge_index
        shift = torch.tensor([[coupling.sizes[kind[0]]], [coupling.sizes[kind[2]]]])
        assert torch.equal(batch[kind].edge_index, torch.cat([first, second + shift], dim=1))
    assert batch["rho"].num_nodes == coupling.sizes["rho"] + 20


def test_the_order_of_the_axes_does_not_matter():
    """A mirrored ocean has the mirrored graph."""
    ocean = made_up_ocean()
    fields = {
        n: np.flip(getattr(ocean, n), 1)
        for n in ("lon", "lat", "sea", "angle", "dx", "dy", "coriolis")
    }
    mirrored = graph.build(made_up_atmosphere(), replace(ocean, **fields))
    plain = graph.build(made_up_atmosphere(), ocean)
    number = np.full(ocean.shape, -1)
    number[ocean.sea] = np.arange(ocean.sea.sum())
    order = torch.from_numpy(np.flip(number, 1)[np.flip(ocean.sea, 1)].copy())
    torch.testing.assert_close(mirrored.weight, plain.weight[order])
    assert {tuple(e) for e in order[mirrored.rho_edges].T.tolist()} == {
        tuple(e) for e in plain.rho_edges.T.tolist()
    }


def test_a_graph_moves_to_another_device(coupling: graph.CouplingGraph):
    moved = coupling.to("meta")
    assert moved.rho_faces.device.type == "meta" and moved.sizes == coupling.sizes


def test_without_sea_there_is_no_graph():
    ocean = made_up_ocean()
    with pytest.raises(ValueError, match="no sea point"):
        graph.build(made_up_atmosphere(), replace(ocean, sea=np.zeros(ocean.shape, bool)))


@needs_reference
def test_full_size_takes_seconds_and_little_memory():
    import tracemalloc

    ocean = croco.read_grid(REFERENCE / "wmed/full/raw/croco_his.nc")
    air = mesonh.read_grid(REFERENCE / "wmed/full/raw/ECMWF_20060101_12.nc")
    tracemalloc.start()
    begin = time.process_time()
    found = graph.build(air, ocean)
    seconds, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ocean.shape == (539, 631) and air.shape == (110, 130)
    assert seconds < 5 and peak < 3e8
    columns = torch.full((found.sizes["atmosphere"], 2), 280.0)
    torch.testing.assert_close(
        found.interpolate(columns), torch.full((found.sizes["rho"], 2), 280.0)
    )


@needs_reference
def test_the_way_of_the_stress_is_that_of_the_reference():
    """Air to rho points, currents to rho points, COARE there, stress to the faces: AeroBulk's."""
    raw = REFERENCE / "wmed/small/raw"
    history, record = raw / "croco_his_20060310.nc", 7
    path = dict(air_of(history))[record]
    ocean, air = croco.read_grid(history), mesonh.read_grid(path)
    found, fields = graph.build(air, ocean), croco.read_record(history, record)

    def nodes(name: str, sea: np.ndarray) -> Tensor:
        return torch.from_numpy(at_nodes(fields[name], sea)).double()

    lowest = [at_nodes(field[0], air.sea) for field in mesonh.read_state(path, air)]
    columns = found.interpolate(torch.from_numpy(np.stack(lowest, axis=1)).double()).unbind(1)
    current_x, current_y = found.to_rho(
        nodes("current_u", ocean.sea_u), nodes("current_v", ocean.sea_v)
    )
    inputs = bulk_inputs(
        **dict(zip(PROFILES, columns, strict=True)),
        sea_surface_temperature=nodes("sst", ocean.sea),
        current_x=current_x,
        current_y=current_y,
    )
    fluxes = coare36(**inputs)
    stress = found.to_faces(fluxes.tau_x, fluxes.tau_y)
    for name, sea, computed in zip(
        ("tau_x", "tau_y"), (ocean.sea_u, ocean.sea_v), stress, strict=True
    ):
        target = nodes(name, sea)
        assert (computed - target).square().mean().sqrt() < 1e-3 * target.std(), name
    # Also beside the edge of the domain, where only one face of a point has a current.
    edge = torch.from_numpy(np.nonzero(ocean.sea_u)[1] == ocean.sea_u.shape[1] - 1)
    target = nodes("tau_x", ocean.sea_u)
    assert edge.any() and (stress[0] - target)[edge].abs().max() < 1e-3 * target.std()
