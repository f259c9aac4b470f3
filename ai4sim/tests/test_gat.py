"""Graph attention alone, whole and in pieces; arguments of the network."""

import math
from functools import partial

import pytest
import torch
from torch.autograd import gradcheck
from torch_geometric.nn import conv

from ai4sim.nets import attention as attention_module
from ai4sim.nets.attention import attention
from ai4sim.nets.gat import GAT, GATConv
from ai4sim.nets.graph import Lattice
from ai4sim.tests.graphs import assert_same, scattered_graph
from ai4sim.tests.graphs import net as small_net

net = partial(small_net, GAT)


@pytest.mark.parametrize(
    "arguments",
    [
        {"heads": 1},
        {"heads": 8},
        {"num_layers": 1},
        {"num_layers": 1, "jk": None},
        {"act": "leaky_relu"},
        {"act": "relu", "in_channels": 1, "out_channels": 1},
    ],
    ids=str,
)
def test_all_arguments_mean_what_they_mean_in_torch_geometric(arguments):
    model = net(**arguments)
    channels = model.spec["in_channels"]
    assert_same(model, torch.randn(2, channels, 3, 2, 4, dtype=torch.float64))
    assert_same(model, torch.randn(20, channels, dtype=torch.float64), scattered_graph(20))


@pytest.mark.parametrize("graph", [Lattice(2, (3, 4, 5)), scattered_graph(40)], ids=type)
def test_without_preference_it_is_the_mean_over_the_neighbourhood(graph):
    edges = graph.graph() if isinstance(graph, Lattice) else graph
    values = torch.randn(6, graph.nodes, dtype=torch.float64)
    y = attention(torch.cat([values, torch.zeros(4, graph.nodes)]), graph, heads=2)
    near = torch.eye(graph.nodes, dtype=torch.float64)
    near[edges.edge_index[1], edges.edge_index[0]] = 1
    torch.testing.assert_close(y.flatten(0, 1), values @ (near / near.sum(1, keepdim=True)).T)


@pytest.mark.parametrize("graph", [Lattice(2, (3, 4)), scattered_graph(20)], ids=type)
def test_logits_of_any_size_do_not_overflow(graph):
    values = torch.randn(1, graph.nodes)
    sources = 1e4 * torch.randperm(graph.nodes)
    features = torch.cat([values, sources[None], torch.full((1, graph.nodes), 1e6)])
    y = attention(features, graph, heads=1)[0, 0]
    edges = graph.graph() if isinstance(graph, Lattice) else graph
    for node in range(graph.nodes):
        senders = edges.edge_index[0, edges.edge_index[1] == node].tolist() + [node]
        assert y[node] == values[0, max(senders, key=sources.tolist().__getitem__)]


@pytest.mark.parametrize("dropped", [0, 100])
@pytest.mark.parametrize("graph", [Lattice(2, (2, 3)), scattered_graph(6)], ids=type)
def test_the_gradient_is_that_of_differences(graph, dropped):
    torch.manual_seed(0)
    features = torch.randn(2 * (3 + 2), graph.nodes, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)

    def function(features, bias):
        torch.manual_seed(1)  # the same weights are dropped each time
        return attention(features, graph, 2, bias, 0.2, dropped)

    assert gradcheck(function, (features, bias))


@pytest.mark.parametrize("graph", [Lattice(1, (12, 12, 12)), scattered_graph(1500)], ids=type)
def test_weights_are_dropped_one_by_one_after_normalisation(graph):
    edges = graph.graph() if isinstance(graph, Lattice) else graph
    torch.manual_seed(0)
    dropped = 64
    # With equal weights and values of 1, the result counts the weights that were kept.
    features = torch.cat([torch.ones(8, graph.nodes), torch.zeros(16, graph.nodes)])
    y = attention(features, graph, heads=8, dropped=dropped)[:, 0]
    count = y * (edges.degree + 1) * (1 - dropped / 256)
    torch.testing.assert_close(count, count.round(), rtol=0, atol=1e-4)
    links = 8 * int((edges.degree + 1).sum())
    share = float(count.sum()) / links
    assert share == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / links))
    assert len(torch.unique(count.round(), dim=0)) == 8  # each head its own


def test_dropout_acts_in_training_only_and_on_values_too():
    model, exact = net(dropout=0.25), net()
    exact.load_state_dict(model.state_dict())
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    assert not torch.equal(model(x), model(x))
    torch.testing.assert_close(model.eval()(x), exact(x), rtol=0, atol=0)
    model.train()
    for layer in model.convs:
        layer.dropout = 0.0
    assert not torch.equal(model(x), model(x))


@pytest.mark.parametrize("cells", [1, 7, 50])
@pytest.mark.parametrize("dropped", [0, 128])
def test_a_lattice_in_pieces_gives_the_same(monkeypatch, cells, dropped):
    lattice = Lattice(2, (3, 4, 5))
    features = torch.randn(12, lattice.nodes, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(8, dtype=torch.float64)

    def result():
        torch.manual_seed(2)
        y = attention(features, lattice, 2, bias, dropped=dropped)
        return y, torch.autograd.grad((y**2).sum(), features)[0]

    expected = result()
    monkeypatch.setattr(attention_module, "_CELLS", cells)
    torch.testing.assert_close(result(), expected)
    # All heads at once, as on an accelerator.
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(result(), expected)


def test_one_layer_alone_takes_torch_geometrics_weights():
    ours, theirs = GATConv(5, 3, 4).double(), conv.GATConv(5, 3, 4).double()
    ours.load_state_dict(theirs.state_dict())
    lattice = Lattice(2, (3, 4))
    x = torch.randn(lattice.nodes, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x, lattice), theirs(x, lattice.graph().edge_index))


@pytest.mark.parametrize("graph", [None, scattered_graph(60)], ids=type)
def test_mixed_precision_rounds_the_linear_maps_alone(graph):
    model = net(torch.float32)
    x = torch.randn(1, 2, 3, 4, 5) if graph is None else torch.randn(60, 2)
    arguments = (x,) if graph is None else (x, graph)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(*arguments)
    mixed.float().square().sum().backward()
    torch.testing.assert_close(mixed.float(), model(*arguments), rtol=0.05, atol=0.05)
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "hidden_channels must be a multiple of heads, found 8 and 3"),
        ({"heads": 0}, "hidden_channels must be a multiple of heads, found 8 and 0"),
        ({"num_layers": 0}, "num_layers must be a positive integer, found 0"),
        ({"dropout": 1.0}, "dropout: expected a probability from 0 to below 1, found 1.0"),
        ({"dropout": -0.1}, "dropout: expected a probability from 0 to below 1, found -0.1"),
        ({"jk": "first"}, r"jk must be one of \('last', 'cat', 'max', None\), found 'first'"),
        ({"act": "tanh"}, "act must be one of .* found 'tanh'"),
    ],
)
def test_arguments_that_make_no_network_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        net(**arguments)
