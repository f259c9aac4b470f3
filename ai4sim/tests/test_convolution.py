"""The three-dimensional convolution against PyTorch's own: values, gradients, other modes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from ai4sim.nets import UNet
from ai4sim.nets.convolution import Conv3d

FIELDS = [(1, 3, 9, 8, 5), (1, 3, 1, 7, 30), (2, 3, 4, 4, 4), (3, 3, 17, 2, 3), (0, 3, 4, 4, 4)]
MODES = ["zeros", "replicate", "reflect", "circular"]


def pair(kernel: int = 3, **arguments: Any) -> tuple[nn.Conv3d, Conv3d]:
    """Make PyTorch's layer and ours with the same weights."""
    torch.manual_seed(3)
    plain = nn.Conv3d(3, 4, kernel, **arguments)
    ours = Conv3d(3, 4, kernel, **arguments)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


def values_and_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = layer(x)
    gradients = torch.autograd.grad(y.square().sum(), (x, *layer.parameters()))
    return [y.detach(), *gradients]


def assert_equal(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert a.numel() == 0 or (a - b).abs().max() <= 1e-6 * b.abs().max().clamp(min=1)


@pytest.mark.parametrize("shape", FIELDS)
@pytest.mark.parametrize("kernel", [1, 3])
def test_it_is_the_convolution_of_pytorch(shape: tuple[int, ...], kernel: int) -> None:
    plain, ours = pair(kernel, padding=kernel // 2)
    x = torch.randn(shape)
    assert_equal(values_and_gradients(ours, x), values_and_gradients(plain, x))


@pytest.mark.parametrize("mode", MODES)
def test_fields_are_continued_alike(mode: str) -> None:
    plain, ours = pair(padding=1, padding_mode=mode, bias=False)
    x = torch.randn(1, 3, 6, 5, 4)
    assert_equal(values_and_gradients(ours, x), values_and_gradients(plain, x))


@pytest.mark.parametrize(
    "arguments", [{"padding": "same"}, {"stride": 2}, {"dilation": 2}, {"dtype": torch.float64}]
)
def test_other_convolutions_are_those_of_pytorch(arguments: dict[str, Any]) -> None:
    plain, ours = pair(**arguments)
    x = torch.randn(1, 3, 9, 8, 7, dtype=plain.weight.dtype)
    assert_equal(values_and_gradients(ours, x), values_and_gradients(plain, x))


def test_a_network_of_any_size_is_the_same_with_and_without_onednn() -> None:
    torch.manual_seed(0)
    net = UNet(levels=2, features=8, padding_mode="replicate").eval()
    for shape in ((1, 1, 16, 15, 9), (3, 1, 7, 12, 5), (1, 1, 1, 1, 1)):
        x = torch.randn(shape)
        with torch.no_grad():
            found = net(x)
            with torch.backends.mkldnn.flags(enabled=False):
                expected = net(x)
        spread = (expected.max() - expected.min()).clamp(min=expected.abs().max())
        assert (found - expected).abs().max() <= 1e-6 * spread


def test_what_onednn_does_not_know_is_left_to_pytorch() -> None:
    plain, ours = pair(padding=1)
    x = torch.randn(1, 3, 6, 5, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(x).dtype == torch.bfloat16
    tangent = torch.randn_like(x)
    with forward_ad.dual_level():
        slope = forward_ad.unpack_dual(ours(forward_ad.make_dual(x, tangent))).tangent
    expected = functional.conv3d(tangent, plain.weight, padding=1)
    torch.testing.assert_close(slope, expected)
    torch.testing.assert_close(torch.vmap(ours)(x[None])[0], plain(x))
    program = torch.export.export(ours, (x,)).module()
    torch.testing.assert_close(program(x), plain(x))


def test_the_second_derivative_exists() -> None:
    _, ours = pair(padding=1)
    x = torch.randn(1, 3, 4, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(ours(x).pow(3).sum(), x, create_graph=True)
    gradient.square().sum().backward()
    assert x.grad is not None and x.grad.abs().max() > 0
