"""The edge-conditioned network: the same on grids and meshes, whatever the order of the nodes."""

import itertools
from functools import partial

import pytest
import torch

from ai4sim.nets import tiled
from ai4sim.nets.edge_conditioned import EdgeConditionedConv, EdgeConditionedNet, neighbours
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.tests.graphs import as_fields, as_nodes
from ai4sim.tests.graphs import mesh_graph as graph_of_points
from ai4sim.tests.graphs import net as small_net

net = partial(small_net, EdgeConditionedNet)
mesh_graph = partial(graph_of_points, radius=1.2)


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


@pytest.mark.parametrize("shape", [(5, 4, 3), (2, 6, 3), (4, 1, 3)])
def test_a_grid_given_as_a_mesh_gives_the_same(shape):
    model = net()
    x = torch.randn(2, 2, *shape, dtype=torch.float64, requires_grad=True)
    on_grid = model(x)
    graph = Graph.batched([grid_graph(shape, 4e-4)] * 2)
    on_mesh = as_fields(model(as_nodes(x), graph), Lattice(2, shape))
    torch.testing.assert_close(on_mesh, on_grid, rtol=1e-5, atol=1e-6)
    weights = torch.randn_like(on_grid)
    parameters = [x, *model.parameters()]
    expected = torch.autograd.grad((on_grid * weights).sum(), parameters)
    found = torch.autograd.grad((on_mesh * weights).sum(), parameters)
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


def test_direction_and_distance_are_seen():
    model, graph = net(), mesh_graph()
    x = torch.randn(graph.nodes, 2, dtype=torch.float64)
    reflected = model(x, graph.reflected([1]))
    assert (reflected - model(x, graph)).abs().max() > 1e-3
    # The mirror image of the mirror image is the thing itself.
    torch.testing.assert_close(model(x, graph.reflected([1]).reflected([1])), model(x, graph))


def test_reach_is_where_the_influence_ends():
    model = net()
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


def test_lower_precision_stays_near():
    model = net(torch.float32)
    x = torch.randn(1, 2, 6, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(x)
    assert (rough.float() - model(x)).abs().max() < 0.05 * model(x).abs().max()


def test_a_chain_is_a_grid_with_one_axis():
    model = net()
    x = torch.randn(1, 2, 7, dtype=torch.float64)
    torch.testing.assert_close(model(x), model(x[..., None, None])[..., 0, 0])
    assert Lattice(1, (7,)).nodes == 7
