"""The U-Net against an independent evaluation; its symmetries, sizes, tiles and precision."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from ai4sim.nets import UNet, build, tiled

SIZES = {1: (13,), 2: (13, 7), 3: (9, 8, 5)}
REFERENCE = {"linear": 1.47113, "transposed": 2.81400}


def seeded(seed: int = 0, **arguments: Any) -> UNet:
    """Make a small network in evaluation mode whose norms are not trivial."""
    torch.manual_seed(seed)
    net = UNet(**{"features": 4, **arguments})
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return net.eval()


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("upsampling", ["linear", "transposed"])
@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_output_is_on_the_input_grid_and_every_weight_learns(
    dimensions: int,
    upsampling: Literal["linear", "transposed"],
    norm: Literal["batch", "group", "instance", "none"],
) -> None:
    torch.manual_seed(1)
    net = UNet(
        dimensions=dimensions,
        in_channels=2,
        out_channels=3,
        features=4,
        norm=norm,
        upsampling=upsampling,
        activation="silu",
        residual=True,
    )
    x = torch.randn(2, 2, *SIZES[dimensions])
    y = net(x)
    assert y.shape == (2, 3, *SIZES[dimensions])
    y.square().sum().backward()
    dead = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


def test_matches_an_evaluation_with_plain_loops() -> None:
    """Two grids in 1-D, all weights known: the network computed again with scalars."""
    net = UNet(dimensions=1, features=1, levels=2, convolutions_per_level=1, norm="none")
    weights = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=weights))
    w: dict[str, Any] = {name: value.double().tolist() for name, value in net.state_dict().items()}
    field = [0.3, -1.2, 0.7, 2.0, -0.4]

    def convolve(rows: list[list[float]], name: str) -> list[list[float]]:
        kernel, bias, n = w[f"{name}.weight"], w[f"{name}.bias"], len(rows[0])
        width = len(kernel[0][0])
        out = []
        for k, b in zip(kernel, bias):
            row = []
            for i in range(n):
                total = b
                for channel, taps in zip(rows, k):
                    for offset, tap in enumerate(taps, start=-(width // 2)):
                        if 0 <= i + offset < n:
                            total += tap * channel[i + offset]
                row.append(total)
            out.append(row)
        return out

    def relu(rows: list[list[float]]) -> list[list[float]]:
        return [[max(v, 0.0) for v in row] for row in rows]

    fine = relu(convolve([field], "down.0.layers.0"))
    coarse = [[max(row[i : i + 2]) for i in range(0, len(row), 2)] for row in fine]
    coarse = relu(convolve(coarse, "down.1.layers.0"))
    refined = []
    for row in convolve(coarse, "upsample.0.convolution"):
        left, right = [row[0], *row[:-1]], [*row[1:], row[-1]]
        pairs = ((0.75 * b + 0.25 * a, 0.75 * b + 0.25 * c) for a, b, c in zip(left, row, right))
        refined.append([v for pair in pairs for v in pair][: len(field)])
    expected = convolve(relu(convolve(fine + refined, "up.0.layers.0")), "head")

    found = net(torch.tensor(field)[None, None])
    torch.testing.assert_close(found, torch.tensor([expected]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("upsampling", ["linear", "transposed"])
def test_reference_value(upsampling: Literal["linear", "transposed"]) -> None:
    """Weights from a formula, not a random generator: the numbers must survive refactoring."""
    net = UNet(features=2, levels=2, upsampling=upsampling).eval()
    with torch.no_grad():
        for k, p in enumerate(net.parameters()):
            p.copy_(torch.cos(1.7 * torch.arange(p.numel()) + k).reshape(p.shape))
    x = torch.sin(torch.arange(6 * 5 * 4.0)).reshape(1, 1, 6, 5, 4)

    assert net(x).abs().mean().item() == pytest.approx(REFERENCE[upsampling], rel=1e-4)


@pytest.mark.parametrize("padding_mode", ["zeros", "replicate", "reflect"])
@pytest.mark.parametrize("upsampling", ["linear", "transposed"])
def test_shifting_the_input_by_one_coarse_cell_shifts_the_output(
    upsampling: str, padding_mode: str
) -> None:
    net = seeded(dimensions=2, upsampling=upsampling, padding_mode=padding_mode)
    assert net.stride == 4 and net.reach is not None
    n = 2 * net.reach + 12
    x = torch.randn(1, 1, n + 4, 19)
    here, shifted = net(x[:, :, :n]), net(x[:, :, 4:])
    inside = slice(net.reach, n - net.reach - 4)
    torch.testing.assert_close(
        here[:, :, 4:][:, :, inside], shifted[:, :, inside], rtol=1e-4, atol=1e-5
    )


def test_circular_padding_is_a_periodic_domain() -> None:
    net = seeded(dimensions=2, padding_mode="circular", upsampling="transposed")
    x = torch.randn(1, 1, 16, 12)
    rolled = net(x.roll((4, -8), (2, 3)))
    torch.testing.assert_close(rolled, net(x).roll((4, -8), (2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("upsampling", ["linear", "transposed"])
@pytest.mark.parametrize(("levels", "convolutions"), [(1, 3), (2, 1), (3, 2), (4, 1)])
def test_receptive_field_is_what_a_perturbation_reaches(
    upsampling: str, levels: int, convolutions: int
) -> None:
    net = seeded(
        dimensions=1,
        features=8,
        levels=levels,
        convolutions_per_level=convolutions,
        upsampling=upsampling,
        norm="none",
        activation="gelu",
    ).double()
    assert net.reach is not None and net.receptive_field == 2 * net.reach + 1
    # A maximum hides the smaller cell of each pair: increasing and decreasing fields show both.
    n = 4 * net.reach + 16 * net.stride
    farthest = 0
    for sign in (1, -1):
        x = sign * torch.linspace(-4, 4, n, dtype=torch.float64)[None, None]
        for cell in range(n // 2, n // 2 + net.stride):
            x.requires_grad_()
            (gradient,) = torch.autograd.grad(net(x)[0, 0, cell], x)
            seen = gradient[0, 0].nonzero().flatten()
            farthest = max(farthest, cell - int(seen[0]), int(seen[-1]) - cell)
    assert farthest == net.reach


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_norms_over_the_field_have_no_bounded_reach(norm: str) -> None:
    net = seeded(dimensions=1, norm=norm)
    assert net.reach is None and net.receptive_field is None
    with pytest.raises(ValueError, match="no bounded reach"):
        tiled(net, torch.randn(1, 1, 16), 8)


@pytest.mark.parametrize("space", [(1, 1, 1), (1, 2, 3), (5, 4, 7), (17, 3, 2), (16, 8, 8)])
def test_any_size_works(space: tuple[int, ...]) -> None:
    y = seeded()(torch.randn(1, 1, *space))
    assert y.shape == (1, 1, *space) and y.isfinite().all()


@pytest.mark.parametrize("space", [(61,), (40, 33), (37, 31, 20)])
@pytest.mark.parametrize("upsampling", ["linear", "transposed"])
def test_tiles_give_the_full_field(space: tuple[int, ...], upsampling: str) -> None:
    dimensions = len(space)
    net = seeded(dimensions=dimensions, levels=2, convolutions_per_level=1, upsampling=upsampling)
    x = torch.randn(2, 1, *space)
    with torch.no_grad():
        full = net(x)
    tile = (8, 16, 4)[:dimensions]
    torch.testing.assert_close(tiled(net, x, tile), full, rtol=1e-5, atol=1e-6)
    assert (tiled(net, x, 4, halo=0) - full).abs().max() > 1e-3  # the halo is what makes it so


def test_tiles_must_lie_on_the_coarsest_grid() -> None:
    net = seeded(dimensions=2)
    with pytest.raises(ValueError, match="multiple of 4"):
        tiled(net, torch.randn(1, 1, 16, 16), 6)
    with pytest.raises(ValueError, match="1 sizes for a field of shape"):
        tiled(net, torch.randn(1, 1, 16, 16), (8,))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_memory_layout_does_not_change_the_numbers(dimensions: int) -> None:
    fast = seeded(dimensions=dimensions, residual=True)
    plain = UNet(
        **{k: v for k, v in fast.spec.items() if k not in ("name", "channels_last")},
        channels_last=False,
    )
    plain.load_state_dict(fast.state_dict())
    assert not fast.get_parameter("down.1.layers.0.weight").is_contiguous()
    x = torch.randn(2, 1, *SIZES[dimensions])
    torch.testing.assert_close(fast(x), plain.eval()(x), rtol=1e-4, atol=1e-5)


def test_precision() -> None:
    net = seeded()
    x = torch.randn(2, 1, *SIZES[3])
    exact = copy.deepcopy(net).double()(x.double())
    torch.testing.assert_close(net(x).double(), exact, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        low = net(x)
    assert low.dtype == torch.bfloat16
    assert (low - exact).square().mean().sqrt() < 0.06 * exact.std()


def test_head_is_linear() -> None:
    """Both signs come out, and doubling the head's weights doubles the output."""
    net = seeded(features=8)
    x = torch.randn(1, 1, 16, 16, 16)
    y = net(x) - net(x).mean()
    assert y.min() < 0 < y.max()
    with torch.no_grad():
        for p in net.head.parameters():
            p.mul_(-2)
    z = net(x)
    torch.testing.assert_close(z - z.mean(), -2 * y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_spec_and_state_dict_rebuild_the_network(norm: str, tmp_path: Path) -> None:
    net = seeded(dimensions=2, in_channels=3, levels=2, norm=norm, activation="gelu")
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    again = build(json.loads(json.dumps(net.spec)))
    again.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = torch.randn(1, 3, 9, 10)
    assert torch.equal(again.eval()(x), net(x))


def test_exported_program_takes_other_sizes() -> None:
    """Batch and axes are free: the graph of one shape gives the network's numbers on another."""
    net = seeded(dimensions=2)
    batch, nx, ny = (torch.export.Dim(name, min=2) for name in ("batch", "nx", "ny"))
    program = torch.export.export(
        net,
        (torch.randn(2, 1, 16, 24),),
        dynamic_shapes={"x": {0: batch, 2: net.stride * nx, 3: net.stride * ny}},
    ).module()
    for shape in [(3, 1, 8, 36), (2, 1, 40, 12)]:
        x = torch.randn(shape)
        torch.testing.assert_close(program(x), net(x))


def test_learns_a_nonlinear_stencil_on_crops_and_applies_it_to_a_larger_field() -> None:
    torch.manual_seed(0)
    net = UNet(dimensions=1, features=8, levels=2)

    def sample(batch: int, n: int) -> tuple[Tensor, Tensor]:
        x = torch.randn(batch, 1, n).cumsum(-1) / 3
        x = x - x.mean(-1, keepdim=True)
        return x, (x.roll(1, -1) - x.roll(-1, -1)).abs()

    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for _ in range(150):
        x, y = sample(16, 32)
        loss = nn.functional.mse_loss(net(x)[..., 2:-2], y[..., 2:-2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = sample(4, 201)
    with torch.no_grad():
        error = (net.eval()(x) - y)[..., 2:-2]
    assert error.square().mean() < 0.1 * y[..., 2:-2].var()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"dimensions": 3}, "no 'name'"),
        ({"name": "unet"}, r"unknown name 'unet' \(did you mean 'UNet'\?\)"),
        ({"name": "Transformer"}, r"unknown name 'Transformer'; known: \[.*'GCN'.*'UNet'\]"),
        (
            {"name": "UNet", "feature": 8},
            r"unexpected argument 'feature' \(did you mean 'features'\?\)",
        ),
        ({"name": "UNet", "dimensions": 4}, r"dimensions must be one of \(1, 2, 3\), found 4"),
        ({"name": "UNet", "levels": 0}, "levels must be a positive integer, found 0"),
        ({"name": "UNet", "kernel_size": 4}, "kernel_size must be odd, found 4"),
        ({"name": "UNet", "norm": "layer"}, "norm must be one of .*'batch'.*, found 'layer'"),
    ],
)
def test_wrong_specifications_are_explained(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(spec)


@pytest.mark.parametrize("shape", [(1, 2, 8, 8, 8), (1, 8, 8, 8), (8, 8, 8)])
def test_wrong_input_is_explained(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected .*\(batch, 1, x, y, z\), found \(\d"):
        seeded()(torch.randn(shape))
