"""What the graph networks share: torch_geometric's results, and those that symmetry implies."""

import copy
from functools import partial

import pytest
import torch

from ai4sim.export import export_program
from ai4sim.nets import build
from ai4sim.nets.edge_conditioned import EdgeConditionedNet
from ai4sim.nets.gat import GAT
from ai4sim.nets.gnn import GCN, GIN
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.graph_unet import GraphUNet
from ai4sim.surrogate import Surrogate
from ai4sim.tests.compiling import in_onnxruntime
from ai4sim.tests.graphs import as_nodes, assert_same, mesh_graph, net, scattered_graph
from ai4sim.variables import Variable

STACKS = [GCN, GIN, GAT]
ISOTROPIC = [*STACKS, GraphUNet]
NETS = [*ISOTROPIC, EdgeConditionedNet]
WAYS_OUT = [(kind, {"jk": jk}) for kind in STACKS for jk in ("last", "cat", "max", None)]
SHAPES = [(3, 4, 5), (1, 2, 6), (2, 1, 1), (1, 1, 1), (4, 3), (7,)]
SHAPES += [(5, 4, 6), (5, 4, 3), (2, 7, 3), (2, 6, 3), (4, 1, 3), (1, 1, 9), (6, 5), (11,)]
MESHES = [scattered_graph, mesh_graph, partial(mesh_graph, radius=1.2)]

every_stack = pytest.mark.parametrize("kind", STACKS)
every_isotropic_net = pytest.mark.parametrize("kind", ISOTROPIC)
every_net = pytest.mark.parametrize("kind", NETS)
every_way_out = pytest.mark.parametrize(("kind", "arguments"), [*WAYS_OUT, (GraphUNet, {})])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
every_mesh = pytest.mark.parametrize("mesh", MESHES, ids=["scattered", "sparse", "dense"])


@every_way_out
@every_shape
def test_on_a_lattice_it_is_torch_geometrics(kind, arguments, shape):
    assert_same(net(kind, **arguments), torch.randn(2, 2, *shape, dtype=torch.float64))


@every_way_out
def test_on_graphs_it_is_torch_geometrics(kind, arguments):
    graph = Graph.batched([scattered_graph(30), scattered_graph(4, seed=1)])
    assert_same(net(kind, **arguments), torch.randn(34, 2, dtype=torch.float64), graph)


@pytest.mark.parametrize(("kind", "arguments"), [(GCN, {}), (GIN, {}), (GAT, {"heads": 8})])
def test_in_single_precision_it_is_torch_geometrics(kind, arguments):
    arguments = {"in_channels": 1, "out_channels": 1, "hidden_channels": 32, **arguments}
    model = net(kind, torch.float32, **arguments)
    assert_same(model, torch.randn(1, 1, 9, 8, 7), rtol=1e-5, atol=1e-6)
    assert_same(model, torch.randn(60, 1), scattered_graph(60), rtol=1e-5, atol=1e-6)


@every_isotropic_net
def test_on_nodes_without_edges_it_is_torch_geometrics(kind):
    alone = Graph.from_edges(torch.zeros(0, 2), torch.zeros(3, 3))
    assert_same(net(kind), torch.randn(3, 2, dtype=torch.float64), alone)


@pytest.mark.parametrize("kind", [*STACKS, EdgeConditionedNet])
def test_a_node_without_edges_is_a_grid_of_one_cell(kind):
    model, x = net(kind), torch.randn(3, 2, dtype=torch.float64)
    alone = Graph.from_edges(torch.zeros(0, 2), torch.zeros(3, 3))
    cells = torch.cat([model(v[None, :, None]) for v in x])
    torch.testing.assert_close(model(x, alone), cells[..., 0])


@every_net
@every_mesh
def test_a_batch_gives_what_its_parts_give_alone(kind, mesh):
    model = net(kind)
    fields = torch.randn(3, 2, 4, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(model(fields), torch.cat([model(x[None]) for x in fields]))
    graphs = [mesh(n, i) for i, n in enumerate((20, 21, 30))]
    nodes = [torch.randn(g.nodes, 2, dtype=torch.float64) for g in graphs]
    together = model(torch.cat(nodes), Graph.batched(graphs))
    alone = [model(x, g) for x, g in zip(nodes, graphs, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))


@every_isotropic_net
@every_shape
def test_a_lattice_given_as_a_graph_gives_the_same(kind, shape):
    model = net(kind)
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    torch.testing.assert_close(model(as_nodes(x), Lattice(2, shape).graph()), as_nodes(model(x)))


@every_net
@every_mesh
def test_the_numbering_of_the_nodes_does_not_matter(kind, mesh):
    model, graph = net(kind), mesh(45)
    x = torch.randn(45, 2, dtype=torch.float64)
    order = torch.randperm(45)
    pairs = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]].T
    renumbered = Graph.from_edges(order.argsort()[pairs], graph.positions[order])
    # Graphs keep positions in single precision: offsets made from them are not quite the same.
    rounding = {"rtol": 0, "atol": 1e-5} if kind is EdgeConditionedNet else {}
    torch.testing.assert_close(model(x[order], renumbered), model(x, graph)[order], **rounding)


@every_isotropic_net
def test_reflections_and_exchanged_axes_pass_through(kind):
    model = net(kind)
    x = torch.randn(1, 2, 4, 3, 5, dtype=torch.float64)
    y = model(x)
    torch.testing.assert_close(model(x.flip(2, 4)), y.flip(2, 4))
    torch.testing.assert_close(model(x.transpose(2, 4)), y.transpose(2, 4))


@every_stack
def test_values_and_cuts_have_an_influence_within_reach_only(kind):
    model = net(kind, num_layers=2)
    # The degrees of GCN's senders see one step further than the values.
    assert model.reach == (3 if kind is GCN else 2)
    x = torch.randn(1, 2, 9, 3, 2, dtype=torch.float64)
    y = model(x)
    kept = model(x[:, :, 2:])
    torch.testing.assert_close(kept[:, :, model.reach :], y[:, :, 2 + model.reach :])
    assert not torch.allclose(kept[:, :, model.reach - 1], y[:, :, 1 + model.reach])
    x[:, :, 0] += 1
    torch.testing.assert_close(model(x)[:, :, 3:], y[:, :, 3:], rtol=0, atol=0)
    assert not torch.allclose(model(x)[:, :, 2], y[:, :, 2])


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        *(
            (k, {"jk": j, "dropout": 0.5, "norm": "batch_norm"})
            for k in (GCN, GIN)
            for j in ("cat", None)
        ),
        *((GAT, {"jk": jk, "dropout": 0.5}) for jk in ("cat", None)),
        *(
            (GraphUNet, {"depth": 2, "pool_ratios": ratios, "sum_res": False})
            for ratios in (0.5, [0.5, 0.25], (0.5, 0.25))
        ),
        (EdgeConditionedNet, {}),
    ],
)
def test_the_specification_makes_the_network_again(kind, arguments):
    model = net(kind, **arguments).eval()
    again = build(model.spec).double()
    again.load_state_dict(model.state_dict())
    assert again.spec == model.spec
    x = torch.randn(1, 2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(again.eval()(x), model(x), rtol=0, atol=0)
    torch.testing.assert_close(copy.deepcopy(model)(x), model(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("kind", "dimensions", "arguments"),
    [
        *((kind, 2, {"hidden_channels": 4, "num_layers": 2, "jk": "cat"}) for kind in (GCN, GIN)),
        *((kind, 3, {"hidden_channels": 4, "num_layers": 2, "jk": "last"}) for kind in (GCN, GIN)),
        *(
            (GAT, n, {"hidden_channels": 8, "heads": 4, "num_layers": 1, "jk": "cat"})
            for n in (2, 3)
        ),
    ],
)
def test_the_exported_program_takes_other_sizes(tmp_path, kind, dimensions, arguments):
    torch.manual_seed(0)
    spec = {"name": kind.__name__, **arguments}
    surrogate = Surrogate(spec, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    export_program(surrogate, torch.rand(1, 1, *(8,) * dimensions), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for shape in [(3, 1, 6, 4, 5), (1, 1, 2, 2, 2)]:
        x, scale = torch.rand(shape[: 2 + dimensions]), torch.rand(shape[0])
        with torch.no_grad():
            torch.testing.assert_close(program(x, scale), surrogate(x, scale))


@pytest.fixture(
    params=[
        (GCN, {"jk": "cat", "norm": "batch_norm"}, ()),
        (GIN, {"jk": "max", "act": "gelu"}, ()),
        (GAT, {"jk": "cat"}, ()),
        (GAT, {"jk": None}, ()),
        (EdgeConditionedNet, {}, (1, 2)),
    ],
    ids=lambda case: f"{case[0].__name__}-{case[1]}",
)
def exported(request, tmp_path):
    """Return a surrogate, and the file of its program for graphs."""
    kind, arguments, reflections = request.param
    small = net(kind, torch.float32, in_channels=1, out_channels=1, **arguments)
    c, sigma = Variable("c", "1"), Variable("sigma", "1/m")
    made = Surrogate(small.spec, [c], [sigma], reflections=reflections)
    made.net.load_state_dict(small.state_dict())
    export_program(made.eval(), torch.rand(9, 1), tmp_path / "model.pt2", on_graph=True)
    return made, tmp_path / "model.pt2"


def require_same_on_graphs(program, surrogate):
    for graph in (scattered_graph(5), mesh_graph(60), Graph.batched([scattered_graph(9)] * 3)):
        x, scale = torch.rand(graph.nodes, 1), torch.rand(graph.nodes)
        with torch.no_grad():
            expected = surrogate(x, scale, graph=graph)
            found = program(x, scale, graph.edge_index, graph.offsets)
        assert (found - expected).abs().max() <= 3e-6 * expected.abs().max()


def test_the_exported_program_takes_other_graphs(exported):
    surrogate, path = exported
    require_same_on_graphs(torch.export.load(path).module(), surrogate)


@pytest.mark.compiled
def test_the_model_in_onnx_takes_other_graphs(exported):
    surrogate, path = exported
    require_same_on_graphs(in_onnxruntime(path), surrogate)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_stack
def test_a_gpu_gives_the_same(kind):
    model, x = net(kind), torch.randn(2, 2, 3, 4, 5, dtype=torch.float64)
    graph, nodes = scattered_graph(40), torch.randn(40, 2, dtype=torch.float64)
    expected = model(x), model(nodes, graph)
    model.cuda()
    found = model(x.cuda()), model(nodes.cuda(), graph.to("cuda"))
    torch.testing.assert_close([y.cpu() for y in found], list(expected))
    sum(y.square().sum() for y in found).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
