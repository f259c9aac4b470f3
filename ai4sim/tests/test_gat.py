"""Graph attention: torch_geometric's, on lattices and graphs, whole and in pieces."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch_geometric.nn import conv, models

from ai4sim.export import export_program
from ai4sim.nets import attention as attention_module
from ai4sim.nets import build
from ai4sim.nets.attention import attention
from ai4sim.nets.gat import GAT, GATConv
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.surrogate import Surrogate, Variable
from ai4sim.tests.graphs import scattered_graph

SHAPES = [(3, 4, 5), (1, 2, 6), (2, 1, 1), (1, 1, 1), (4, 3), (7,)]


def net(dtype: torch.dtype = torch.float64, **arguments) -> GAT:
    """Make a small network, with biases."""
    torch.manual_seed(0)
    defaults = {"in_channels": 2, "out_channels": 3, "hidden_channels": 8, "heads": 4}
    model = GAT(**{**defaults, "num_layers": 3, **arguments}).to(dtype)
    for name, bias in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(bias)
    return model


def reference(model: GAT) -> models.GAT:
    """Make torch_geometric's network with the same weights."""
    spec = {key: value for key, value in model.spec.items() if key != "name"}
    other = models.GAT(**spec).to(next(model.parameters()).dtype)
    other.load_state_dict(model.state_dict())
    return other


def as_nodes(fields: torch.Tensor) -> torch.Tensor:
    """Give (batch, channel, *space) as (nodes, channel)."""
    return fields.movedim(1, -1).flatten(0, -2)


def as_fields(nodes: torch.Tensor, lattice: Lattice) -> torch.Tensor:
    return nodes.reshape(lattice.batch, *lattice.shape, -1).movedim(-1, 1)


def assert_same(model, x, graph=None, rtol=1e-9, atol=1e-11):
    """Compare values and all gradients with torch_geometric's; without a graph, on a lattice."""
    edges = graph or Lattice(x.shape[0], tuple(x.shape[2:])).graph()
    other = reference(model)
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    found = as_nodes(model(ours)) if graph is None else model(ours, graph)
    expected = other(as_nodes(theirs) if graph is None else theirs, edges.edge_index)
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)
    weights = torch.randn_like(expected)
    gradients = torch.autograd.grad((found * weights).sum(), [ours, *model.parameters()])
    wanted = torch.autograd.grad((expected * weights).sum(), [theirs, *other.parameters()])
    for a, b in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol * max(1.0, float(b.abs().max())))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("jk", ["last", "cat", "max", None])
def test_on_a_lattice_it_is_torch_geometrics(shape, jk):
    assert_same(net(jk=jk), torch.randn(2, 2, *shape, dtype=torch.float64))


@pytest.mark.parametrize("jk", ["last", "cat", "max", None])
def test_on_graphs_it_is_torch_geometrics(jk):
    graph = Graph.batched([scattered_graph(30), scattered_graph(4, seed=1)])
    assert_same(net(jk=jk), torch.randn(34, 2, dtype=torch.float64), graph)


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


def test_in_single_precision_it_is_torch_geometrics():
    model = net(torch.float32, in_channels=1, out_channels=1, hidden_channels=32, heads=8)
    assert_same(model, torch.randn(1, 1, 9, 8, 7), rtol=1e-5, atol=1e-6)
    assert_same(model, torch.randn(60, 1), scattered_graph(60), rtol=1e-5, atol=1e-6)


def test_nodes_without_edges_attend_to_themselves():
    model, x = net(), torch.randn(3, 2, dtype=torch.float64)
    alone = Graph.from_edges(torch.zeros(0, 2), torch.zeros(3, 3))
    assert_same(model, x, alone)
    torch.testing.assert_close(
        model(x, alone), torch.cat([model(v[None, :, None]) for v in x])[..., 0]
    )


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


def test_a_batch_gives_what_its_parts_give_alone():
    model = net()
    fields = torch.randn(3, 2, 4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(model(fields), torch.cat([model(x[None]) for x in fields]))
    graphs = [scattered_graph(20 + i, i) for i in range(3)]
    nodes = [torch.randn(g.nodes, 2, dtype=torch.float64) for g in graphs]
    together = model(torch.cat(nodes), Graph.batched(graphs))
    alone = [model(x, g) for x, g in zip(nodes, graphs, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lattice_given_as_a_graph_gives_the_same(shape):
    model, lattice = net(), Lattice(2, shape)
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    on_graph = model(as_nodes(x), lattice.graph())
    torch.testing.assert_close(as_fields(on_graph, lattice), model(x))


def test_the_numbering_of_the_nodes_does_not_matter():
    model, graph = net(), scattered_graph(45)
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


def test_values_and_cuts_have_an_influence_within_reach_only():
    model = net(num_layers=2)
    assert model.reach == 2
    x = torch.randn(1, 2, 9, 3, 2, dtype=torch.float64)
    y = model(x)
    torch.testing.assert_close(model(x[:, :, 2:])[:, :, 2:], y[:, :, 4:])
    assert not torch.allclose(model(x[:, :, 2:])[:, :, 1], y[:, :, 3])
    x[:, :, 0] += 1
    torch.testing.assert_close(model(x)[:, :, 3:], y[:, :, 3:], rtol=0, atol=0)
    assert not torch.allclose(model(x)[:, :, 2], y[:, :, 2])


def test_one_layer_alone_takes_torch_geometrics_weights():
    ours, theirs = GATConv(5, 3, 4).double(), conv.GATConv(5, 3, 4).double()
    ours.load_state_dict(theirs.state_dict())
    lattice = Lattice(2, (3, 4))
    x = torch.randn(lattice.nodes, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x, lattice), theirs(x, lattice.graph().edge_index))


@pytest.mark.parametrize("jk", ["cat", None])
def test_the_specification_makes_the_network_again(jk):
    model = net(jk=jk, dropout=0.5)
    again = build(model.spec).double()
    again.load_state_dict(model.state_dict())
    assert again.spec == model.spec
    x = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(again.eval()(x), model.eval()(x), rtol=0, atol=0)


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


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_exported_program_takes_other_sizes(tmp_path, dimensions):
    torch.manual_seed(0)
    spec = {"name": "GAT", "hidden_channels": 8, "heads": 4, "num_layers": 1, "jk": "cat"}
    surrogate = Surrogate(spec, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    export_program(surrogate, torch.rand(1, 1, *(8,) * dimensions), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for shape in [(3, 1, 6, 4, 5), (1, 1, 2, 2, 2)]:
        x, scale = torch.rand(shape[: 2 + dimensions]), torch.rand(shape[0])
        with torch.no_grad():
            torch.testing.assert_close(program(x, scale), surrogate(x, scale))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same():
    model, x, graph = net(), torch.randn(2, 2, 3, 4, 5, dtype=torch.float64), scattered_graph(40)
    nodes = torch.randn(40, 2, dtype=torch.float64)
    expected = model(x), model(nodes, graph)
    model.cuda()
    found = model(x.cuda()), model(nodes.cuda(), graph.to("cuda"))
    torch.testing.assert_close([y.cpu() for y in found], list(expected))
    sum(y.square().sum() for y in found).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "hidden_channels must be a multiple of heads, found 8 and 3"),
        ({"heads": 0}, "hidden_channels must be a multiple of heads, found 8 and 0"),
        ({"num_layers": 0}, "num_layers must be at least 1, found 0"),
        ({"dropout": 1.0}, "dropout: expected a probability from 0 to below 1, found 1.0"),
        ({"dropout": -0.1}, "dropout: expected a probability from 0 to below 1, found -0.1"),
        ({"jk": "first"}, r"jk must be one of \('last', 'cat', 'max', None\), found 'first'"),
        ({"act": "tanh"}, "act must be one of .* found 'tanh'"),
    ],
)
def test_arguments_that_make_no_network_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        net(**arguments)
