"""Graphs: from edges, batched, cut, mirrored; lattices against networkx, written out at once."""

import itertools

import networkx
import numpy as np
import pytest
import torch

from ai4sim.nets.graph import Graph, Lattice
from ai4sim.tests.graphs import scattered_graph

SHAPES = [(3, 4, 5), (6, 2, 3), (5, 1, 2), (1, 1, 4), (1, 3, 1), (1, 1, 1), (4, 3), (1, 2), (7,)]


def directed(graph: Graph) -> set[tuple[int, int]]:
    return set(zip(*graph.edge_index.tolist(), strict=True))


def check_conventions(graph: Graph) -> None:
    """Check what every graph promises, however it was made."""
    sender, receiver = graph.edge_index
    order = (receiver * graph.nodes + sender).tolist()
    assert order == sorted(set(order))
    assert {(r, s) for s, r in directed(graph)} == directed(graph)
    torch.testing.assert_close(graph.offsets, graph.positions[sender] - graph.positions[receiver])
    assert sum(graph.sizes) == graph.nodes == len(graph.positions)
    assert graph.edge_index.dtype == torch.int64
    assert graph.offsets.dtype == graph.positions.dtype == torch.float32


def test_from_edges_in_any_order_and_direction():
    positions = np.array([[4.0, 0, 2], [6, 0, 2], [6, 2, 2], [4, 0, 4]]) * 1e-3
    graph = Graph.from_edges([[1, 0], [1, 2], [0, 3]], positions, length=2e-3)
    check_conventions(graph)
    assert graph.edge_index.tolist() == [[1, 3, 0, 2, 1, 0], [0, 0, 1, 1, 2, 3]]
    assert graph.offsets[0].tolist() == pytest.approx([1, 0, 0])
    assert graph.offsets[1].tolist() == pytest.approx([0, 0, 1])
    assert graph.positions[0].tolist() == [0, 0, 0]
    assert graph.degree.tolist() == [2, 2, 1, 1]
    assert graph.start.tolist() == [0, 2, 4, 5, 6]
    assert graph.sizes == (4,)


def test_small_cells_far_from_the_origin_keep_their_lengths():
    positions = 1e3 + 1e-4 * np.arange(5)[:, None] * np.ones(3)
    graph = Graph.from_edges([[i, i + 1] for i in range(4)], positions, length=1e-4)
    torch.testing.assert_close(graph.offsets.abs(), torch.ones(8, 3), rtol=1e-6, atol=1e-6)


def test_nodes_without_edges():
    graph = Graph.from_edges(torch.zeros(0, 2, dtype=torch.int64), torch.rand(3, 3))
    check_conventions(graph)
    assert graph.degree.tolist() == [0, 0, 0]
    assert graph.neighbourhood(torch.tensor([1]), 2).tolist() == [1]


@pytest.mark.parametrize("edge", [[0, 3], [-1, 2]])
def test_an_edge_to_no_node_is_refused(edge):
    with pytest.raises(ValueError, match=f"nodes {min(edge)} to {max(edge)}; there are 3"):
        Graph.from_edges([edge], torch.rand(3, 3))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lattice_is_networkx_grid_graph(shape):
    # networkx gives the sizes in reverse: its nodes are (last axis, ..., first axis).
    grid = networkx.grid_graph(dim=shape)
    cells = np.arange(np.prod(shape)).reshape(shape)
    number = {node: int(cells[node[::-1] if len(shape) > 1 else node]) for node in grid.nodes}
    expected = {(number[a], number[b]) for a, b in grid.edges}
    graph = Lattice(1, shape).graph()
    check_conventions(graph)
    assert directed(graph) == expected | {(b, a) for a, b in expected}
    assert graph.sizes == (cells.size,)


@pytest.mark.parametrize("shape", SHAPES)
def test_positions_on_a_lattice_are_indices(shape):
    graph = Lattice(1, shape).graph()
    indices = torch.tensor(list(itertools.product(*map(range, shape))))
    assert torch.equal(graph.positions[:, : len(shape)].long(), indices)
    assert not graph.positions[:, len(shape) :].any()
    assert graph.offsets.abs().sum(1).eq(1).all()


def test_a_lattice_is_the_graph_of_its_edges():
    lattice = Lattice(1, (5, 3, 4))
    graph = lattice.graph()
    pairs = graph.edge_index.T[graph.edge_index[0] < graph.edge_index[1]]
    shuffled = pairs[torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))]
    same = Graph.from_edges(shuffled.flip(1), graph.positions)
    assert torch.equal(same.edge_index, graph.edge_index)
    assert torch.equal(same.offsets, graph.offsets)


def test_a_batch_of_lattices_lies_side_by_side():
    lattice, one = Lattice(3, (4, 1, 2)), Lattice(1, (4, 1, 2)).graph()
    graph = lattice.graph()
    check_conventions(graph)
    assert graph.sizes == (8, 8, 8)
    assert lattice.nodes == graph.nodes == 24
    expected = {(s + 8 * k, r + 8 * k) for s, r in directed(one) for k in range(3)}
    assert directed(graph) == expected


def test_batched_graphs_have_no_edges_between_them():
    parts = [scattered_graph(n, seed=n) for n in (9, 4, 12)]
    graph = Graph.batched([parts[0], Graph.batched(parts[1:])])
    check_conventions(graph)
    assert graph.sizes == (9, 4, 12)
    for part, start in zip(parts, (0, 9, 13), strict=True):
        alone = graph.induced(torch.arange(start, start + part.nodes))
        assert torch.equal(alone.edge_index, part.edge_index)
        assert torch.equal(alone.offsets, part.offsets)
    assert len(graph.offsets) == sum(len(part.offsets) for part in parts)


def test_each_edge_knows_the_one_that_runs_the_other_way():
    graph = scattered_graph(25)
    assert torch.equal(graph.edge_index[:, graph.reverse], graph.edge_index.flip(0))


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
def test_neighbourhood_is_networkx_ego_graph(hops):
    graph = scattered_graph(60)
    network = networkx.Graph(directed(graph))
    nodes = torch.tensor([40, 3])
    expected = set()
    for node in nodes.tolist():
        expected |= set(networkx.ego_graph(network, node, radius=hops))
    assert graph.neighbourhood(nodes, hops).tolist() == sorted(expected)


def test_an_induced_graph_keeps_the_edges_within():
    graph = scattered_graph(40)
    nodes = torch.arange(0, 40, 3)
    part = graph.induced(nodes)
    inside = set(nodes.tolist())
    expected = {(s, r) for s, r in directed(graph) if s in inside and r in inside}
    assert {(int(nodes[s]), int(nodes[r])) for s, r in directed(part)} == expected
    assert torch.equal(part.positions, graph.positions[nodes])
    check_conventions(part)


@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_parts_hold_every_node_once_and_are_of_like_size(size):
    graph = Lattice(1, (8, 4, 3)).graph()
    parts = graph.parts(size)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(96))
    lengths = [len(part) for part in parts]
    assert max(lengths) <= size
    assert 2 * min(lengths) >= min(size, 96) - 1
    assert all(torch.equal(part, part.sort().values) for part in parts)


def test_parts_of_a_long_box_are_cut_across():
    parts = Lattice(1, (16, 2, 2)).graph().parts(16)
    assert sorted(part.tolist() for part in parts) == [
        list(range(k, k + 16)) for k in range(0, 64, 16)
    ]


def test_a_mirrored_graph_has_the_same_edges_and_mirrored_offsets():
    graph = scattered_graph(20)
    mirrored = graph.reflected([0, 2])
    sign = torch.tensor([-1.0, 1, -1])
    assert torch.equal(mirrored.edge_index, graph.edge_index)
    assert torch.equal(mirrored.offsets, graph.offsets * sign)
    check_conventions(mirrored)
    twice = mirrored.reflected([2, 0])
    assert torch.equal(twice.positions, graph.positions)


def test_moving_keeps_everything():
    graph = Graph.batched([scattered_graph(5), scattered_graph(6)])
    moved = graph.to("cpu")
    assert torch.equal(moved.edge_index, graph.edge_index)
    assert moved.sizes == (5, 6)
    assert graph.to("meta").positions.is_meta
