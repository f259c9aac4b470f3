"""The Graph U-Net: torch_geometric's, on lattices and meshes, one by one and in batches."""

import copy
import math

import pytest
import torch
from torch_geometric.nn import models

from ai4sim.nets import build
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_unet import GraphUNet, _Level, _neighbourhoods


def net(dtype: torch.dtype = torch.float64, **arguments) -> GraphUNet:
    """Make a small network."""
    torch.manual_seed(0)
    defaults = {"in_channels": 2, "out_channels": 3, "hidden_channels": 6, "depth": 3}
    return GraphUNet(**{**defaults, **arguments}).to(dtype)


def reference(model: GraphUNet) -> models.GraphUNet:
    """Make torch_geometric's network with the same weights."""
    spec = {key: value for key, value in model.spec.items() if key != "name"}
    other = models.GraphUNet(**spec).to(next(model.parameters()).dtype)
    other.load_state_dict(model.state_dict())
    return other


def mesh(nodes: int = 40, seed: int = 0) -> Graph:
    """Points in a box, each joined to those near it; some may be joined to none."""
    points = 3 * torch.rand(nodes, 3, generator=torch.Generator().manual_seed(seed)).double()
    near = (torch.cdist(points, points) < 0.8).triu(1)
    return Graph.from_edges(near.nonzero(), points)


def members(graph: Graph) -> torch.Tensor:
    """Number of the graph that each node belongs to."""
    return torch.arange(len(graph.sizes)).repeat_interleave(torch.tensor(graph.sizes))


def assert_same(model, x, graph, rtol=1e-9, atol=1e-11):
    """Compare values and all gradients with torch_geometric's; `x` are nodes or a field."""
    on_grid = not isinstance(graph, Graph)
    edges = Lattice(x.shape[0], tuple(x.shape[2:])).graph() if on_grid else graph
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    other = reference(model)
    y = model(ours) if on_grid else model(ours, graph)
    nodes = theirs.movedim(1, -1).flatten(0, -2) if on_grid else theirs
    expected = other(nodes, edges.edge_index, members(edges))
    found = y.movedim(1, -1).flatten(0, -2) if on_grid else y
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
    weights = torch.randn_like(expected)
    gradients = torch.autograd.grad((found * weights).sum(), [ours, *model.parameters()])
    wanted = torch.autograd.grad((expected * weights).sum(), [theirs, *other.parameters()])
    for a, b in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol * max(1.0, float(b.abs().max())))


@pytest.mark.parametrize("shape", [(5, 4, 6), (2, 7, 3), (4, 1, 3), (1, 1, 9), (6, 5), (11,)])
def test_on_a_lattice_it_is_torch_geometrics(shape):
    assert_same(net(), torch.randn(2, 2, *shape, dtype=torch.float64), None)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_mesh_it_is_torch_geometrics(seed):
    graph = mesh(60, seed)
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
    assert_same(model, torch.randn(1, channels, 4, 5, 6, dtype=torch.float64), None)
    assert_same(model, torch.randn(50, channels, dtype=torch.float64), mesh(50))


def test_in_single_precision_it_is_torch_geometrics():
    x = torch.randn(1, 1, 12, 8, 6)
    model = net(torch.float32, in_channels=1, out_channels=1, hidden_channels=32, depth=4)
    assert_same(model, x, None, rtol=1e-4, atol=1e-5)


def test_batches_of_unequal_graphs_are_torch_geometrics():
    graph = Graph.batched([mesh(33), mesh(7, 1), mesh(1, 2), mesh(50, 3)])
    assert_same(net(), torch.randn(graph.nodes, 2, dtype=torch.float64), graph)
    assert_same(net(pool_ratios=5), torch.randn(graph.nodes, 2, dtype=torch.float64), graph)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.7])
def test_the_share_of_nodes_is_rounded_as_torch_geometric_does(ratio):
    sizes = (10, 20, 30, 70, 90)
    graph = Graph.batched([mesh(n, n) for n in sizes])
    for dtype in (torch.float32, torch.float64):
        model = net(dtype, depth=1, pool_ratios=ratio)
        x = torch.randn(graph.nodes, 2, dtype=dtype)
        expected = reference(model)(x, graph.edge_index, members(graph))
        torch.testing.assert_close(model(x, graph), expected, rtol=1e-4, atol=1e-5)


def test_a_batch_gives_what_its_parts_give_alone():
    model = net()
    fields = torch.randn(3, 2, 4, 3, 5, dtype=torch.float64)
    together = model(fields)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], model(fields[i : i + 1]))
    graphs = [mesh(20 + i, i) for i in range(3)]
    nodes = [torch.randn(g.nodes, 2, dtype=torch.float64) for g in graphs]
    together = model(torch.cat(nodes), Graph.batched(graphs))
    torch.testing.assert_close(
        together, torch.cat([model(x, g) for x, g in zip(nodes, graphs, strict=True)])
    )


@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 6, 3), (4, 1, 3)])
def test_a_lattice_given_as_a_graph_gives_the_same(shape):
    model = net()
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    on_graph = model(x.movedim(1, -1).reshape(-1, 2), Lattice(2, shape).graph())
    torch.testing.assert_close(on_graph.reshape(2, *shape, 3).movedim(-1, 1), model(x))


def test_the_numbering_of_the_nodes_does_not_matter():
    model, graph = net(), mesh(45)
    x = torch.randn(45, 2, dtype=torch.float64)
    order = torch.randperm(45)
    pairs = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]].T
    renumbered = Graph.from_edges(order.argsort()[pairs], graph.positions[order])
    torch.testing.assert_close(model(x[order], renumbered), model(x, graph)[order])


def test_reflections_and_exchanged_axes_pass_through():
    model = net()
    x = torch.randn(1, 2, 4, 3, 5, dtype=torch.float64)
    y = model(x)
    torch.testing.assert_close(model(x.flip(2, 4)), y.flip(2, 4))
    torch.testing.assert_close(model(x.transpose(2, 4)), y.transpose(2, 4))


def test_among_equal_scores_the_first_nodes_stay():
    model = net(depth=1, in_channels=1, out_channels=1)
    for conv in model.up_convs:
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


def test_a_single_node_and_nodes_without_edges_are_graphs():
    model = net()
    assert model(torch.randn(1, 2, 1, 1, 1, dtype=torch.float64)).shape == (1, 3, 1, 1, 1)
    alone = Graph.from_edges(torch.zeros(0, 2), torch.zeros(3, 3))
    x = torch.randn(3, 2, dtype=torch.float64)
    together = model(x, alone)
    assert together.shape == (3, 3) and bool(together.isfinite().all())
    assert_same(model, torch.randn(2, 2, 2, 1, 1, dtype=torch.float64), None)


def test_weights_are_interchangeable_with_torch_geometrics():
    model = net(torch.float32)
    torch.manual_seed(0)
    other = models.GraphUNet(2, 6, 3, 3, act="silu")
    for (name, ours), (their_name, theirs) in zip(
        model.state_dict().items(), other.state_dict().items(), strict=True
    ):
        assert name == their_name
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    build(model.spec).load_state_dict(other.state_dict())


@pytest.mark.parametrize("ratios", [0.5, [0.5, 0.25], (0.5, 0.25)])
def test_the_specification_makes_the_network_again(ratios):
    model = net(depth=2, pool_ratios=ratios, sum_res=False)
    again = build(model.spec).double()
    again.load_state_dict(model.state_dict())
    x = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(again(x), model(x), rtol=0, atol=0)
    assert again.reach is None and not again.exportable
    torch.testing.assert_close(copy.deepcopy(model)(x), model(x), rtol=0, atol=0)


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

    fine = torch.nn.functional.silu(
        convolved(model.down_convs[0], x.movedim(1, -1).reshape(nodes, 2), near)
    )
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
    torch.testing.assert_close(model(x)[0].movedim(0, -1).reshape(nodes, 3), expected)


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
