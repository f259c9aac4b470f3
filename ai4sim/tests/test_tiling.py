"""A field or a mesh computed in pieces is the one computed whole."""

import itertools

import pytest
import torch

from ai4sim.nets import UNet
from ai4sim.nets.graph import Graph, Lattice
from ai4sim.nets.tiling import in_pieces, partitioned, tile_shape, tiled
from ai4sim.tests.graphs import NeighbourMeans, scattered_graph


def unet(**arguments):
    torch.manual_seed(0)
    settings = {"dimensions": 3, "features": 4, "levels": 2, "convolutions_per_level": 1}
    return UNet(**{**settings, **arguments}).eval()


def largest_input(net):
    """Return a list to which each call of the network adds the elements of its input."""
    sizes = []
    net.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].numel()))
    return sizes


@pytest.mark.parametrize("size", [1, 17, 100, 1000])
def test_parts_give_the_whole_graph(size):
    graph, net = scattered_graph(300), NeighbourMeans(3)
    x = torch.randn(graph.nodes, 2)
    torch.testing.assert_close(partitioned(net, x, graph, size), net(x, graph).detach())
    net.reach = 2
    if size < 300:  # the halo is what makes it so
        assert (partitioned(net, x, graph, size) - net(x, graph)).abs().max() > 1e-3


def test_parts_of_several_graphs_side_by_side():
    graphs, net = [scattered_graph(n, seed=n) for n in (40, 75, 1)], NeighbourMeans(2)
    x = [torch.randn(graph.nodes, 1) for graph in graphs]
    expected = torch.cat([net(*pair) for pair in zip(x, graphs, strict=True)])
    found = partitioned(net, torch.cat(x), Graph.batched(graphs), 20)
    torch.testing.assert_close(found, expected.detach())


@pytest.mark.parametrize("space", [(7, 4, 5), (1, 6, 2)])
def test_parts_and_tiles_of_a_lattice_give_the_grid(space):
    net, x = NeighbourMeans(2), torch.randn(2, 1, *space)
    whole = net(x).detach()
    torch.testing.assert_close(tiled(net, x, 2), whole)
    nodes = x.movedim(1, -1).reshape(-1, 1)
    y = partitioned(net, nodes, Lattice(2, space).graph(), 9)
    torch.testing.assert_close(y.reshape(whole.shape), whole)


def test_parts_keep_no_gradient_and_less_in_memory():
    graph, net = scattered_graph(400), NeighbourMeans(1)
    seen = largest_input(net)
    y = partitioned(net, torch.randn(400, 1, requires_grad=True), graph, 50)
    assert not y.requires_grad
    assert len(seen) == 8 and max(seen) < 200


def test_parts_that_cannot_be_exact_are_refused():
    graph, net = scattered_graph(10), NeighbourMeans()
    with pytest.raises(ValueError, match="at least 1 node, found 0"):
        partitioned(net, torch.randn(10, 1), graph, 0)
    with pytest.raises(ValueError, match="x has 9 nodes, the graph has 10"):
        partitioned(net, torch.randn(9, 1), graph, 5)
    net.reach = None
    with pytest.raises(ValueError, match="NeighbourMeans has no bounded reach"):
        partitioned(net, torch.randn(10, 1), graph, 5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_graph_in_main_memory_is_computed_on_a_gpu():
    graph, net = scattered_graph(300), NeighbourMeans(3)
    x = torch.randn(graph.nodes, 2)
    whole = net(x, graph).detach()
    net.cuda()
    found = partitioned(net, x, graph, 50)
    assert found.device == x.device
    torch.testing.assert_close(found, whole)
    for where in (graph, graph.to("cuda")):
        for max_nodes in (50, 1000):
            found = in_pieces(net, x.cuda(), max_nodes, where)
            torch.testing.assert_close(found.detach().cpu(), whole)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("space", [(100,), (64, 64, 64), (29, 241, 699), (5, 1, 1000), (3, 200)])
def test_tiles_are_near_cubes_of_nearly_equal_size(space, stride):
    for cells in (64, 5000, 10**6):
        tile = tile_shape(space, cells, stride)
        assert all(size % stride == 0 and size < n + stride for size, n in zip(tile, space))
        assert torch.tensor(tile).prod() <= max(cells, stride ** len(space))
        # An axis that is cut is cut no finer than half of the longest tile side.
        cut = [size for size, n in zip(tile, space, strict=True) if size < n]
        assert not cut or min(cut) > 0.49 * max(cut) or min(cut) == stride
        for size, n in zip(tile, space, strict=True):
            pieces = -(-n // size)
            assert pieces * size - n < pieces * stride
    assert tile_shape((64, 64, 64), 32**3) == (32, 32, 32)
    assert tile_shape((8, 64, 64), 8 * 16 * 16) == (8, 16, 16)


@pytest.mark.parametrize("space", [(21, 14, 9), (3, 40, 17)])
@pytest.mark.parametrize("max_nodes", [60, 700, 2500])
def test_any_limit_gives_the_whole_field(space, max_nodes):
    for net in (unet(), NeighbourMeans(2)):
        x = torch.randn(3, 1, *space)
        whole = net(x).detach()
        torch.testing.assert_close(in_pieces(net, x, max_nodes), whole, rtol=1e-5, atol=1e-6)


def test_the_limit_holds_but_for_the_halo():
    net = unet(levels=1)
    seen = largest_input(net)
    x = torch.randn(4, 1, 16, 16, 16)
    in_pieces(net, x, 2 * 16**3)
    assert seen == [2 * 16**3] * 2  # samples need no halo, so they are separated first
    seen.clear()
    in_pieces(net, x, 8**3)
    assert set(seen) == {(8 + net.reach) ** 3}
    seen.clear()
    in_pieces(net, x, 4 * 16**3)
    assert seen == [4 * 16**3]


@pytest.mark.parametrize("settings", [{"norm": "group"}, {"padding_mode": "circular"}])
def test_networks_that_see_the_whole_field_are_given_it(settings):
    net = unet(**settings)
    x = torch.randn(3, 1, 12, 8, 10)
    whole, seen = net(x).detach(), largest_input(net)
    torch.testing.assert_close(in_pieces(net, x, 100), whole, rtol=1e-5, atol=1e-6)
    assert seen == [12 * 8 * 10] * 3


def test_graphs_are_parted_where_they_are_too_large_and_reach_is_bounded():
    graph, net = scattered_graph(120), NeighbourMeans(1)
    x = torch.randn(120, 1)
    whole, seen = net(x, graph).detach(), largest_input(net)
    for limit, reach in itertools.product((30, 120), (1, None)):
        net.reach = reach
        seen.clear()
        torch.testing.assert_close(in_pieces(net, x, limit, graph).detach(), whole)
        assert (len(seen) == 4) == (limit == 30 and reach == 1)
    with pytest.raises(ValueError, match="max_nodes must be at least 1, found 0"):
        in_pieces(net, x, 0, graph)
