"""GCN and GIN: torch_geometric's, on lattices and graphs, whole and in blocks."""

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch_geometric.nn import conv, models

from ai4sim.export import export_program
from ai4sim.nets import build, propagation
from ai4sim.nets.gnn import GCN, GIN, GCNConv, GINConv, GraphStack
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.propagation import (
    ACTIVATIONS,
    Pending,
    gcn_operator,
    gin_operator,
    propagate_linear,
)
from ai4sim.nets.sparse import gcn_matrix
from ai4sim.surrogate import Surrogate, Variable
from ai4sim.tests.graphs import scattered_graph

NETS: list[type[GraphStack]] = [GCN, GIN]
SHAPES = [(3, 4, 5), (1, 2, 6), (2, 1, 1), (1, 1, 1), (4, 3), (7,)]
GRAPHS = [Lattice(2, (3, 4, 2)), scattered_graph(20)]

every_net = pytest.mark.parametrize("kind", NETS)


def net(kind: type[GraphStack], dtype: torch.dtype = torch.float64, **arguments) -> GraphStack:
    """Make a small network whose biases, norms and GIN's eps are not those of the start."""
    torch.manual_seed(0)
    defaults = {"in_channels": 2, "out_channels": 3, "hidden_channels": 6, "num_layers": 3}
    model = kind(**{**defaults, **arguments}).to(dtype)
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if value.ndim == 1:
                value.uniform_(0.5, 1.5) if "norm" in name else value.normal_()
    return model


def reference(model: GraphStack) -> nn.Module:
    """Make torch_geometric's network with the same weights."""
    spec = dict(model.spec)
    other = getattr(models, spec.pop("name"))(**spec).to(next(model.parameters()).dtype)
    other.load_state_dict(model.state_dict())
    return other.train(model.training)


def as_nodes(fields: torch.Tensor) -> torch.Tensor:
    """Give (batch, channel, *space) as (nodes, channel)."""
    return fields.movedim(1, -1).flatten(0, -2)


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
    torch.testing.assert_close(dict(model.named_buffers()), dict(other.named_buffers()))


@every_net
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("jk", ["last", "cat", "max", None])
def test_on_a_lattice_it_is_torch_geometrics(kind, shape, jk):
    assert_same(net(kind, jk=jk), torch.randn(2, 2, *shape, dtype=torch.float64))


@every_net
@pytest.mark.parametrize("jk", ["last", "cat", "max", None])
def test_on_graphs_it_is_torch_geometrics(kind, jk):
    graph = Graph.batched([scattered_graph(30), scattered_graph(4, seed=1)])
    assert_same(net(kind, jk=jk), torch.randn(34, 2, dtype=torch.float64), graph)


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


@every_net
def test_in_single_precision_it_is_torch_geometrics(kind):
    model = net(kind, torch.float32, in_channels=1, out_channels=1, hidden_channels=32)
    assert_same(model, torch.randn(1, 1, 9, 8, 7), rtol=1e-5, atol=1e-6)
    assert_same(model, torch.randn(60, 1), scattered_graph(60), rtol=1e-5, atol=1e-6)


@every_net
def test_nodes_without_edges(kind):
    alone = Graph.from_edges(torch.zeros(0, 2, dtype=torch.int64), torch.zeros(3, 3))
    assert_same(net(kind), torch.randn(3, 2, dtype=torch.float64), alone)


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
def test_a_batch_gives_what_its_parts_give_alone(kind):
    model = net(kind)
    fields = torch.randn(3, 2, 4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(model(fields), torch.cat([model(x[None]) for x in fields]))
    graphs = [scattered_graph(20 + i, i) for i in range(3)]
    nodes = [torch.randn(g.nodes, 2, dtype=torch.float64) for g in graphs]
    together = model(torch.cat(nodes), Graph.batched(graphs))
    alone = [model(x, g) for x, g in zip(nodes, graphs, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


@every_net
@pytest.mark.parametrize("shape", SHAPES)
def test_a_lattice_given_as_a_graph_gives_the_same(kind, shape):
    model, lattice = net(kind), Lattice(2, shape)
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    torch.testing.assert_close(model(as_nodes(x), lattice.graph()), as_nodes(model(x)))


@every_net
def test_the_numbering_of_the_nodes_does_not_matter(kind):
    model, graph = net(kind), scattered_graph(45)
    x = torch.randn(45, 2, dtype=torch.float64)
    order = torch.randperm(45)
    pairs = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]].T
    renumbered = Graph.from_edges(order.argsort()[pairs], graph.positions[order])
    torch.testing.assert_close(model(x[order], renumbered), model(x, graph)[order])


@every_net
def test_reflections_and_exchanged_axes_pass_through(kind):
    model = net(kind)
    x = torch.randn(1, 2, 4, 3, 5, dtype=torch.float64)
    y = model(x)
    torch.testing.assert_close(model(x.flip(2, 4)), y.flip(2, 4))
    torch.testing.assert_close(model(x.transpose(2, 4)), y.transpose(2, 4))


@every_net
def test_values_and_cuts_have_an_influence_within_reach_only(kind):
    model = net(kind, num_layers=2)
    assert model.reach == {GCN: 3, GIN: 2}[kind]
    x = torch.randn(1, 2, 9, 3, 2, dtype=torch.float64)
    y = model(x)
    kept = model(x[:, :, 2:])
    torch.testing.assert_close(kept[:, :, model.reach :], y[:, :, 2 + model.reach :])
    assert not torch.allclose(kept[:, :, model.reach - 1], y[:, :, 1 + model.reach])
    x[:, :, 0] += 1
    torch.testing.assert_close(model(x)[:, :, 3:], y[:, :, 3:], rtol=0, atol=0)
    assert not torch.allclose(model(x)[:, :, 2], y[:, :, 2])


@every_net
@pytest.mark.parametrize("jk", ["cat", None])
def test_the_specification_makes_the_network_again(kind, jk):
    model = net(kind, jk=jk, dropout=0.5, norm="batch_norm")
    again = build(model.spec).double()
    again.load_state_dict(model.state_dict())
    assert again.spec == model.spec
    x = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(again.eval()(x), model.eval()(x), rtol=0, atol=0)


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
@pytest.mark.parametrize(("dimensions", "jk"), [(2, "cat"), (3, "last")])
def test_the_exported_program_takes_other_sizes(tmp_path, kind, dimensions, jk):
    torch.manual_seed(0)
    spec = {"name": kind.__name__, "hidden_channels": 4, "num_layers": 2, "jk": jk}
    surrogate = Surrogate(spec, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    export_program(surrogate, torch.rand(1, 1, *(8,) * dimensions), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for shape in [(3, 1, 6, 4, 5), (1, 1, 2, 2, 2)]:
        x, scale = torch.rand(shape[: 2 + dimensions]), torch.rand(shape[0])
        with torch.no_grad():
            torch.testing.assert_close(program(x, scale), surrogate(x, scale))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_net
def test_a_gpu_gives_the_same(kind):
    model, x = net(kind), torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    graph, nodes = scattered_graph(40), torch.randn(40, 2, dtype=torch.float64)
    expected = model(x), model(nodes, graph)
    model.cuda()
    found = model(x.cuda()), model(nodes.cuda(), graph.to("cuda"))
    torch.testing.assert_close([y.cpu() for y in found], list(expected))
    sum(y.square().sum() for y in found).backward()
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
