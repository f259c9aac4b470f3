"""The exported program gives the surrogate's numbers on grids that it never saw."""

import logging

import pytest
import torch

from ai4sim.export import PortableOperations, export_program
from ai4sim.surrogate import Surrogate
from ai4sim.tests.compiling import in_onnxruntime, require_same
from ai4sim.variables import Variable


@pytest.mark.parametrize("dimensions", [2, 3])
def test_program_equals_the_surrogate_on_other_sizes(tmp_path, dimensions):
    torch.manual_seed(0)
    net = {"name": "UNet", "dimensions": dimensions, "features": 4, "levels": 3}
    surrogate = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    surrogate.input_norm.set(0.5, 0.5)
    surrogate.output_norm.set(0.1, 0.3)
    export_program(surrogate, torch.rand(1, 1, *(8,) * dimensions), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    x, scale = torch.rand(3, 1, *(24, 8, 32)[:dimensions]), torch.tensor([1.0, 20.0, 1e3])
    with torch.no_grad():
        torch.testing.assert_close(program(x, scale), surrogate(x, scale), rtol=1e-4, atol=1e-4)


def test_columns_with_statistics_per_level_keep_their_levels(tmp_path):
    surrogate = Surrogate(
        {"name": "UNet", "dimensions": 1, "features": 4, "levels": 2},
        [Variable("T", "K")],
        [Variable("dT", "K")],
        input_shape=(1, 12),
        output_shape=(1, 12),
    ).eval()
    export_program(surrogate, torch.rand(4, 1, 12), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    x = torch.rand(5, 1, 12)
    with torch.no_grad():
        torch.testing.assert_close(program(x, torch.ones(5)), surrogate(x), rtol=1e-4, atol=1e-5)


def test_no_program_where_there_can_be_none(tmp_path, caplog):
    net = {"name": "UNet", "dimensions": 3, "features": 4, "levels": 1}
    surrogate = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")])
    caplog.set_level(logging.INFO, "ai4sim.export")
    surrogate.net.exportable = False
    export_program(surrogate, torch.rand(1, 1, 4, 4, 4), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())
    assert caplog.messages == ["no model.pt2: torch.export cannot trace a UNet"]


def test_a_limit_on_memory_is_not_traced(tmp_path):
    net = {"name": "UNet", "dimensions": 2, "features": 4, "levels": 2}
    surrogate = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    surrogate.max_nodes = 16
    export_program(surrogate, torch.rand(1, 1, 8, 8), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    x, scale = torch.rand(1, 1, 12, 8), torch.ones(1)
    with torch.no_grad():
        torch.testing.assert_close(program(x, scale), surrogate(x, scale), rtol=1e-4, atol=1e-5)
    assert surrogate.max_nodes == 16


def test_columns_are_flat_vectors(tmp_path):
    surrogate = Surrogate(
        {"name": "MLP", "in_channels": 13, "out_channels": 6, "features": 8, "layers": 2},
        [Variable("T", "K", 6), Variable("q", "1", 6), Variable("p", "Pa")],
        [Variable("dT", "K", 6)],
    ).eval()
    export_program(surrogate, torch.rand(4, 13), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    x, scale = torch.rand(5, 13), torch.rand(5)
    with torch.no_grad():
        torch.testing.assert_close(program(x, scale), surrogate(x, scale))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 137])
def test_operations_that_onnx_lacks_are_made_of_others(n):
    torch.manual_seed(0)
    x, share = torch.randn(5, n, 3), torch.rand(5, n, 3)
    expected = x.cummax(1).values, torch.cummin(x, dim=1).values, share.cumprod(1)
    with PortableOperations():
        found = x.cummax(1).values, torch.cummin(x, dim=1).values, share.cumprod(1)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])
    torch.testing.assert_close(found[2], expected[2])


@pytest.mark.parametrize("name", ["log1p", "expm1"])
def test_functions_near_zero_keep_their_digits(name):
    magnitudes = torch.cat([torch.zeros(1), torch.logspace(-30, 1.9, 2000)])
    x = torch.cat([magnitudes, -magnitudes[magnitudes < 1]])
    function = getattr(torch, name)
    with PortableOperations():
        found = function(x), getattr(x, name)(), getattr(torch.special, name)(x)
    for values in found:
        torch.testing.assert_close(values.double(), function(x.double()), atol=0, rtol=4e-7)


def test_columns_of_onnxruntime_keep_their_digits(tmp_path):
    class Thin(torch.nn.Module):
        def forward(self, x):
            return x.log1p() / x - torch.expm1(-x) / x

    surrogate = Surrogate(
        {"name": "MLP", "in_channels": 3, "out_channels": 3, "features": 1, "layers": 1},
        [Variable("depth", "1", 3)],
        [Variable("ratio", "1", 3)],
    ).eval()
    surrogate.net = Thin()
    export_program(surrogate, torch.rand(4, 3), tmp_path / "model.pt2")
    x = torch.logspace(-6, 0, 21).reshape(7, 3)
    require_same(in_onnxruntime(tmp_path / "model.pt2"), surrogate, [x])


UNET = {"name": "UNet", "dimensions": 3, "features": 4, "levels": 2, "padding_mode": "replicate"}
GAT = {
    "name": "GAT",
    "in_channels": 1,
    "out_channels": 1,
    "hidden_channels": 4,
    "num_layers": 2,
    "heads": 2,
}


@pytest.mark.parametrize(
    ("net", "sizes"), [(UNET, [(4, 6, 10), (14, 4, 34)]), (GAT, [(5, 9), (17, 2)])]
)
def test_the_onnx_model_of_a_grid_takes_any_batch_and_size(tmp_path, net, sizes):
    torch.manual_seed(1)
    surrogate = Surrogate(net, [Variable("c", "1")], [Variable("sigma", "1/m")]).eval()
    example = torch.rand(1, 1, *(8,) * len(sizes[0]))
    export_program(surrogate, example, tmp_path / "model.pt2")
    inputs = [torch.rand(batch, 1, *size) for batch in (1, 3) for size in sizes]
    require_same(in_onnxruntime(tmp_path / "model.pt2"), surrogate, inputs)


def test_a_root_in_place_of_hypot_neither_overflows_nor_vanishes():
    x = torch.tensor([0.0, 3.0, -3e30, 3e-30, 1e-3])
    y = torch.tensor([0.0, -4.0, 4e30, 4e-30, 0.0])
    with PortableOperations():
        found = torch.hypot(x, y)
    torch.testing.assert_close(
        found, torch.tensor([0.0, 5.0, 5e30, 5e-30, 1e-3]), atol=0, rtol=1e-6
    )
