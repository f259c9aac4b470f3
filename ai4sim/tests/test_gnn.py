"""GCN and GIN: their arguments, layers and gradients, whole and in blocks."""

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch_geometric.nn import conv, models

from ai4sim.nets import propagation
from ai4sim.nets.gnn import GCN, GIN, GCNConv, GINConv, GraphStack
from ai4sim.nets.graph import Lattice
from ai4sim.nets.propagation import (
    ACTIVATIONS,
    Pending,
    gcn_operator,
    gin_operator,
    propagate_linear,
)
from ai4sim.nets.sparse import gcn_matrix
from ai4sim.tests.graphs import assert_same, net, scattered_graph

NETS: list[type[GraphStack]] = [GCN, GIN]
GRAPHS = [Lattice(2, (3, 4, 2)), scattered_graph(20)]

every_net = pytest.mark.parametrize("kind", NETS)


@every_net
@pytest.mark.parametrize(
    "arguments",
    [
        {"num_layers": 1},
        {"num_layers": 1, "jk": None},
        {"act": "leaky_relu"},
        {"act": "gelu", "hidden_channels": 1, "in_channels": 4},
        {"act": "relu", "in_channels": 1, "out_channels": 1},
        {"norm": "batch_norm"},
        {"norm": "batch_norm", "jk": "cat"},
        {"norm": "batch_norm", "jk": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False])
def test_all_arguments_mean_what_they_mean_in_torch_geometric(kind, arguments, training):
    model = net(kind, **arguments).train(training)
    channels = model.spec["in_channels"]
    assert_same(model, torch.randn(2, channels, 3, 2, 4, dtype=torch.float64))
    assert_same(model, torch.randn(20, channels, dtype=torch.float64), scattered_graph(20))


def test_one_layer_alone_takes_torch_geometrics_weights():
    lattice = Lattice(2, (3, 4))
    edges = lattice.graph().edge_index
    x = torch.randn(lattice.nodes, 5, dtype=torch.float64)
    ours, theirs = GCNConv(5, 3).double(), conv.GCNConv(5, 3).double()
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x, lattice), theirs(x, edges))
    mlp = models.MLP([5, 4, 3], act="gelu", norm=None).double()
    ours, theirs = GINConv(mlp, "gelu").double(), conv.GINConv(mlp).double()
    torch.testing.assert_close(ours(x, lattice), theirs(x, edges))


@pytest.mark.parametrize("shape", [(3, 4, 2), (1, 5), (2,)])
def test_the_propagation_matrix_is_that_of_the_paper(shape):
    graph = Lattice(2, shape).graph()
    a = torch.eye(graph.nodes, dtype=torch.float64)
    a[graph.edge_index[1], graph.edge_index[0]] = 1
    scale = torch.diag(a.sum(1) ** -0.5)
    expected = scale @ a @ scale
    torch.testing.assert_close(gcn_matrix(graph, torch.float64).to_dense(), expected)
    x = torch.randn(graph.nodes, 3, dtype=torch.float64)
    ((_, sums),) = gcn_operator(Lattice(2, shape), x)(lambda rows: x[rows])
    torch.testing.assert_close(sums, expected @ x)


def test_the_matrix_lives_as_long_as_its_graph():
    graph = scattered_graph(10)
    matrix = gcn_matrix(graph, torch.float32)
    assert gcn_matrix(graph, torch.float32) is matrix
    forgotten = weakref.ref(matrix)
    del graph, matrix
    gc.collect()
    assert forgotten() is None


@pytest.mark.parametrize("graph", GRAPHS, ids=type)
@pytest.mark.parametrize("widths", [(2, 4), (3, 3), (4, 2)])
@pytest.mark.parametrize("act", [*ACTIVATIONS, None])
def test_the_gradient_is_that_of_differences(graph, widths, act):
    torch.manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((graph.nodes, widths[0]), widths[::-1], widths[1:])
    )
    mask = torch.randint(0, 2, x.shape, dtype=torch.uint8)
    operator = gin_operator(graph, x, torch.tensor([0.3], dtype=torch.float64))
    pending = Pending(act, mask, 1.5)

    def between_nodes(*leaves):
        return propagate_linear(*leaves, operator, pending)

    def node_by_node(*leaves):
        return propagate_linear(*leaves, None, pending)

    assert gradcheck(between_nodes, (x, weight, bias))
    assert gradcheck(node_by_node, (x, weight, bias))


@every_net
@pytest.mark.parametrize("rows", [1, 7, 20, 50, 130])
def test_in_blocks_of_any_size_it_gives_the_same(monkeypatch, kind, rows):
    model = net(kind)
    x = torch.randn(5, 2, 4, 2, 3, dtype=torch.float64)
    inside = scattered_graph(40)
    nodes = torch.randn(40, 2, dtype=torch.float64)

    def results():
        parameters = list(model.parameters())
        for y in (model(x), model(nodes, inside)):
            yield y
            yield from torch.autograd.grad(y.square().sum(), parameters)

    expected = list(results())
    monkeypatch.setattr(propagation, "ROWS", rows)
    torch.testing.assert_close(list(results()), expected)
    # All at once, as on an accelerator and in an exported program.
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(list(results()), expected)


@every_net
def test_dropout_in_training_acts_on_what_follows_the_activation(kind):
    model = net(kind, dropout=0.25, num_layers=1, hidden_channels=400, act="relu")
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    nn.init.ones_(model.lin.weight)
    nn.init.zeros_(model.lin.bias)
    exact = net(kind, num_layers=1, hidden_channels=400, act="relu")
    exact.load_state_dict(model.state_dict())
    with torch.no_grad():
        ratio = model(x) / exact(x)
    assert not torch.equal(model(x), model(x))
    assert float(ratio.mean()) == pytest.approx(1, abs=0.02)
    assert 0.01 < float(ratio.std()) < 0.2
    torch.testing.assert_close(model.eval()(x), exact.eval()(x), rtol=0, atol=0)


@every_net
@pytest.mark.parametrize("jk", ["last", "cat", "max"])
def test_with_dropout_the_gradient_belongs_to_the_same_draw(kind, jk):
    model = net(kind, dropout=0.5, jk=jk)
    x, direction = torch.randn(2, 1, 2, 3, 2, 2, dtype=torch.float64)
    x.requires_grad_()

    def loss(x):
        torch.manual_seed(3)
        return model(x).square().sum()

    (gradient,) = torch.autograd.grad(loss(x), x)
    with torch.no_grad():
        difference = (loss(x + 1e-5 * direction) - loss(x - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-6, atol=1e-6)


@every_net
def test_a_second_backward_pass_is_refused_not_wrong(kind):
    loss = net(kind)(torch.randn(1, 2, 3, 4, 5, dtype=torch.float64)).square().sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@every_net
@pytest.mark.parametrize("jk", ["last", "cat", "max", None])
def test_the_input_stays_as_it_was(kind, jk):
    x = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    net(kind, jk=jk)(x).square().sum().backward()
    assert torch.equal(x, before)


@every_net
@pytest.mark.parametrize("jk", ["last", "max"])
def test_mixed_precision_leaves_the_sums_exact(kind, jk):
    model = net(kind, torch.float32, jk=jk)
    x, graph = torch.randn(60, 2), scattered_graph(60)
    for arguments in ((torch.randn(1, 2, 3, 4, 5),), (x, graph)):
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(*arguments)
        mixed.float().square().sum().backward()
        torch.testing.assert_close(mixed.float(), model(*arguments), rtol=0.02, atol=0.02)
    assert all(p.grad.isfinite().all() for p in model.parameters())


@every_net
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_layers": 0}, "num_layers must be a positive integer, found 0"),
        ({"hidden_channels": 2.5}, "hidden_channels must be a positive integer, found 2.5"),
        ({"dropout": 1.0}, "expected a probability from 0 to below 1, found 1.0"),
        ({"dropout": -0.1}, "expected a probability from 0 to below 1, found -0.1"),
        ({"jk": "first"}, r"jk must be one of \('last', 'cat', 'max', None\), found 'first'"),
        ({"act": "tanh"}, "act must be one of .* found 'tanh'"),
        ({"norm": "layer_norm"}, r"norm must be one of \('batch_norm', None\), found 'layer_norm'"),
    ],
)
def test_arguments_that_make_no_network_are_named(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        net(kind, **arguments)
