"""The edge-conditioned network: the same on grids and meshes, whatever the order of the nodes."""

import itertools

import pytest
import torch

from ai4sim.nets import build, tiled
from ai4sim.nets.edge_conditioned import EdgeConditionedConv, EdgeConditionedNet, neighbours
from ai4sim.nets.graph import Graph, Lattice


def net(layers: int = 3, seed: int = 0) -> EdgeConditionedNet:
    """A small network whose steps all do something."""
    torch.manual_seed(seed)
    made = EdgeConditionedNet(2, 1, hidden_channels=8, num_layers=layers, kernels=5).double()
    for update in made.updates:
        torch.nn.init.normal_(update.get_parameter("weight"), std=0.5)
    return made.eval()


def grid_graph(shape: tuple[int, int, int], spacing: float = 1.0) -> Graph:
    """Join all cells that share a face, an edge or a corner, pair by pair."""
    cells = list(itertools.product(*(range(n) for n in shape)))
    number = {cell: i for i, cell in enumerate(cells)}
    pairs = [
        (number[a], number[b])
        for a in cells
        for step in itertools.product((-1, 0, 1), repeat=3)
        if (b := tuple(x + s for x, s in zip(a, step, strict=True))) in number
        and number[a] < number[b]
    ]
    edges = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)
    return Graph.from_edges(edges, spacing * torch.tensor(cells).double(), spacing)


def mesh_graph(nodes: int = 40, seed: int = 0) -> Graph:
    """Points in a box, each joined to those near it."""
    points = 3 * torch.rand(nodes, 3, generator=torch.Generator().manual_seed(seed)).double()
    near = (torch.cdist(points, points) < 1.2).triu(1)
    return Graph.from_edges(near.nonzero(), points)


@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 6, 3), (4, 1, 3)])
def test_a_grid_given_as_a_mesh_gives_the_same(shape):
    model = net()
    x = torch.randn(2, 2, *shape, dtype=torch.float64, requires_grad=True)
    on_grid = model(x)
    graph = Graph.batched([grid_graph(shape, 4e-4)] * 2)
    on_mesh = model(x.movedim(1, -1).reshape(-1, 2), graph)
    torch.testing.assert_close(on_mesh.reshape(2, *shape), on_grid[:, 0], rtol=1e-5, atol=1e-6)
    weights = torch.randn_like(on_grid)
    parameters = [x, *model.parameters()]
    expected = torch.autograd.grad((on_grid * weights).sum(), parameters)
    found = torch.autograd.grad((on_mesh.reshape(2, *shape) * weights[:, 0]).sum(), parameters)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_message_is_the_mean_of_mapped_neighbours():
    """Against a plain loop over edges."""
    torch.manual_seed(1)
    layer, graph = EdgeConditionedConv(3, kernels=4).double(), mesh_graph(12)
    x = torch.randn(12, 3, dtype=torch.float64)
    expected = layer.own(x)
    for i in range(12):
        edges = [e for e in range(graph.edge_index.shape[1]) if graph.edge_index[1, e] == i]
        for e in edges:
            offset = graph.offsets[e].double()
            functions = layer.edge(torch.cat([offset, offset.norm()[None]]))
            matrix = torch.einsum("k,kio->io", functions, layer.weight)
            expected[i] = expected[i] + x[graph.edge_index[0, e]] @ matrix / len(edges)
    torch.testing.assert_close(layer(x, graph), expected, rtol=1e-6, atol=1e-7)


def test_gradients_of_sums_are_those_of_differences():
    layer, graph = EdgeConditionedConv(2, kernels=2, hidden=3).double(), mesh_graph(8)
    x = torch.randn(8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: layer(v, graph), (x,))
    weight = layer.edge[0].weight

    def of_edge_weights(w: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"edge.0.weight": w}, (x.detach(), graph))

    assert torch.autograd.gradcheck(of_edge_weights, (weight.detach().requires_grad_(),))


def test_the_order_of_the_nodes_does_not_matter():
    model, graph = net(), mesh_graph()
    x = torch.randn(graph.nodes, 2, dtype=torch.float64)
    order = torch.randperm(graph.nodes)
    number = torch.argsort(order)
    half = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]]
    permuted = Graph.from_edges(number[half].T, graph.positions[order])
    torch.testing.assert_close(model(x[order], permuted), model(x, graph)[order], atol=1e-5, rtol=0)


def test_graphs_of_a_batch_do_not_hear_each_other():
    model, graphs = net(), [mesh_graph(20 + 5 * i, i) for i in range(3)]
    x = [torch.randn(graph.nodes, 2, dtype=torch.float64) for graph in graphs]
    together = model(torch.cat(x), Graph.batched(graphs)).split([g.nodes for g in graphs])
    for values, graph, found in zip(x, graphs, together, strict=True):
        torch.testing.assert_close(found, model(values, graph))


def test_direction_and_distance_are_seen():
    model, graph = net(), mesh_graph()
    x = torch.randn(graph.nodes, 2, dtype=torch.float64)
    reflected = model(x, graph.reflected([1]))
    assert (reflected - model(x, graph)).abs().max() > 1e-3
    # The mirror image of the mirror image is the thing itself.
    torch.testing.assert_close(model(x, graph.reflected([1]).reflected([1])), model(x, graph))


def test_reach_is_where_the_influence_ends():
    model = net(layers=3)
    x = torch.randn(1, 2, 12, 3, 3, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, 0] += 1
    difference = (model(changed) - model(x)).abs().amax((0, 1, 3, 4))
    assert (difference[: model.reach + 1] > 0).all()
    assert (difference[model.reach + 1 :] == 0).all()
    torch.testing.assert_close(tiled(model, x, (4, 3, 2)), model(x))


def test_the_number_of_neighbours_is_that_of_the_graph():
    shape = (4, 1, 3)
    counted = grid_graph(shape).degree.reshape(shape).double()
    torch.testing.assert_close(neighbours(shape, torch.device("cpu")).double(), counted)
    assert neighbours((1, 1, 1), torch.device("cpu")).item() == 1


def test_a_network_is_rebuilt_from_its_specification():
    model = net()
    again = build(model.spec).double().eval()
    again.load_state_dict(model.state_dict())
    x = torch.randn(1, 2, 4, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(again(x), model(x))


def test_lower_precision_stays_near():
    model = net().float()
    x = torch.randn(1, 2, 6, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(x)
    assert (rough.float() - model(x)).abs().max() < 0.05 * model(x).abs().max()


def test_a_chain_is_a_grid_with_one_axis():
    model = net()
    x = torch.randn(1, 2, 7, dtype=torch.float64)
    torch.testing.assert_close(model(x), model(x[..., None, None])[..., 0, 0])
    assert Lattice(1, (7,)).nodes == 7
