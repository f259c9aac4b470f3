"""The Graph U-Net: its poolings, on lattices and meshes, one by one and in batches."""

import math
from functools import partial

import pytest
import torch
from torch_geometric.nn import models

from ai4sim.nets import build
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_unet import GraphUNet, _Level, _neighbourhoods
from ai4sim.tests.graphs import as_nodes, assert_same, members, mesh_graph, reference
from ai4sim.tests.graphs import net as small_net

net = partial(small_net, GraphUNet)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_mesh_it_is_torch_geometrics(seed):
    graph = mesh_graph(60, seed)
    assert_same(net(), torch.randn(60, 2, dtype=torch.float64), graph)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 1},
        {"depth": 4, "hidden_channels": 8},
        {"pool_ratios": 0.7},
        {"pool_ratios": [0.9, 0.3, 0.6]},
        {"pool_ratios": [0.5, 7, 2]},
        {"sum_res": False},
        {"act": "relu"},
        {"in_channels": 1, "out_channels": 1},
        {"in_channels": 9, "out_channels": 9, "sum_res": False, "depth": 2},
    ],
    ids=str,
)
def test_all_arguments_mean_what_they_mean_in_torch_geometric(arguments):
    model = net(**arguments)
    channels = model.spec["in_channels"]
    assert_same(model, torch.randn(1, channels, 4, 5, 6, dtype=torch.float64))
    assert_same(model, torch.randn(50, channels, dtype=torch.float64), mesh_graph(50))


def test_in_single_precision_it_is_torch_geometrics():
    x = torch.randn(1, 1, 12, 8, 6)
    model = net(torch.float32, in_channels=1, out_channels=1, hidden_channels=32, depth=4)
    assert_same(model, x, rtol=1e-4, atol=1e-5)


def test_batches_of_unequal_graphs_are_torch_geometrics():
    graph = Graph.batched([mesh_graph(33), mesh_graph(7, 1), mesh_graph(1, 2), mesh_graph(50, 3)])
    assert_same(net(), torch.randn(graph.nodes, 2, dtype=torch.float64), graph)
    assert_same(net(pool_ratios=5), torch.randn(graph.nodes, 2, dtype=torch.float64), graph)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.7])
def test_the_share_of_nodes_is_rounded_as_torch_geometric_does(ratio):
    sizes = (10, 20, 30, 70, 90)
    graph = Graph.batched([mesh_graph(n, n) for n in sizes])
    for dtype in (torch.float32, torch.float64):
        model = net(dtype, depth=1, pool_ratios=ratio)
        x = torch.randn(graph.nodes, 2, dtype=dtype)
        expected = reference(model)(x, graph.edge_index, members(graph))
        torch.testing.assert_close(model(x, graph), expected, rtol=1e-4, atol=1e-5)


def test_among_equal_scores_the_first_nodes_stay():
    model = net(depth=1, in_channels=1, out_channels=1)
    for conv in (*model.down_convs, *model.up_convs):
        conv.bias.data.zero_()
    # All nodes of a ring are alike, and so are their scores.
    pairs = torch.arange(8)[:, None] + torch.arange(2)
    ring = Graph.from_edges(pairs % 8, torch.zeros(8, 3))
    x = torch.ones(8, 1, dtype=torch.float64)
    y = model(x, ring)
    # The first four stay: the result is mirrored about their middle, and then differs.
    torch.testing.assert_close(y[:4], y[:4].flip(0))
    torch.testing.assert_close(y[4:], y[4:].flip(0))
    assert not torch.allclose(y[0], y[1])
    assert torch.equal(y, model(x, ring))


def test_a_single_node_is_a_graph():
    assert_same(net(), torch.randn(1, 2, 1, 1, 1, dtype=torch.float64))


def test_weights_are_interchangeable_with_torch_geometrics():
    torch.manual_seed(0)
    model = GraphUNet(in_channels=2, out_channels=3, hidden_channels=6, depth=3)
    torch.manual_seed(0)
    other = models.GraphUNet(2, 6, 3, 3, act="silu")
    for (name, ours), (their_name, theirs) in zip(
        model.state_dict().items(), other.state_dict().items(), strict=True
    ):
        assert name == their_name
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    build(model.spec).load_state_dict(other.state_dict())


def test_it_is_neither_evaluated_in_parts_nor_exported():
    assert net().reach is None and not net().exportable


def test_mixed_precision_does_not_change_the_selection():
    model = net(torch.float32)
    x = torch.randn(1, 2, 4, 5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(x)
    torch.testing.assert_close(mixed, model(x), rtol=0, atol=0)
    rounded = x.bfloat16()
    torch.testing.assert_close(model(rounded), model(rounded.float()), rtol=0, atol=0)


def test_weights_of_the_coarse_edges_are_numbers_of_paths():
    """One pooling in closed form: a dense matrix, squared."""
    shape = (3, 4, 2)
    nodes = math.prod(shape)
    model = net(depth=1)
    x = torch.randn(1, 2, *shape, dtype=torch.float64)
    sender, receiver = Lattice(1, shape).graph().edge_index
    near = torch.zeros(nodes, nodes, dtype=torch.float64)
    near[receiver, sender] = 1

    def convolved(conv, values, matrix):
        scale = (matrix.sum(1) + 2).rsqrt()
        matrix = scale[:, None] * (matrix + 2 * torch.eye(len(matrix))) * scale
        return matrix @ values @ conv.lin.weight.T + conv.bias

    fine = torch.nn.functional.silu(convolved(model.down_convs[0], as_nodes(x), near))
    weight = model.pools[0].select.weight[0]
    score = (fine @ weight / weight.norm()).tanh()
    kept = score.argsort(descending=True)[: nodes // 2]
    two_steps = torch.linalg.matrix_power(near + torch.eye(nodes), 2)
    coarse_edges = (two_steps - two_steps.diag().diag())[kept][:, kept]
    coarse = torch.nn.functional.silu(
        convolved(model.down_convs[1], fine[kept] * score[kept, None], coarse_edges)
    )
    summed = fine.clone()
    summed[kept] += coarse
    expected = convolved(model.up_convs[0], summed, near)
    torch.testing.assert_close(as_nodes(model(x)), expected)


@pytest.mark.parametrize("kept", [[0, 364, 728], [5, 6, 700], [13]])
def test_nodes_with_many_ways_back_and_few_to_others_lose_no_digits(kept):
    lattice = Lattice(1, (9, 9, 9))
    nodes = torch.arange(lattice.nodes)
    ones = torch.ones(lattice.nodes, 1)
    level = _Level(_neighbourhoods(lattice, ones), diagonal=ones)
    sender, receiver = lattice.graph().edge_index
    edges = torch.zeros(lattice.nodes, lattice.nodes, dtype=torch.float64)
    edges[receiver, sender] = 1
    # Nothing is dropped but in the end, when there are 1e9 ways back.
    for chosen in (nodes, nodes, nodes, torch.tensor(kept)):
        level = level.pooled(chosen)
        ways = torch.linalg.matrix_power(edges + torch.eye(len(edges)), 2)
        edges = (ways - ways.diag().diag())[chosen][:, chosen]
    scale = (edges.sum(1) + 2).rsqrt()
    expected = scale[:, None] * (edges + 2 * torch.eye(len(kept))) * scale
    torch.testing.assert_close(level(torch.eye(len(kept))), expected.float())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 0}, "depth must be at least 1, found 0"),
        ({"pool_ratios": [0.5, 0.5]}, r"a list of 3 \(depth\), found \[0.5, 0.5\]"),
        ({"pool_ratios": 0.0}, "pool_ratios must be positive, found 0.0"),
        ({"pool_ratios": [0.5, 0.5, -1]}, "pool_ratios must be positive"),
    ],
)
def test_arguments_that_make_no_network_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        net(**arguments)
