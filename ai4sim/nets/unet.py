"""One U-Net for one, two and three dimensions.

The network of Ronneberger et al. (2015, arXiv 1505.04597), in the three-dimensional form that
Lapeyre et al. (2019, arXiv 1810.03691) train on sub-grid flame surface density: convolutions and
max-pooling down to a coarse grid, then up again, with the fields of each level of the way down
handed over to the way up. Nothing in it depends on the size of the field, so that it can learn from
small crops and be applied to full fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ai4sim.nets.convolution import Conv3d
from ai4sim.nets.spec import check_spec, spec_of

Norm = Literal["batch", "group", "instance", "none"]
Activation = Literal["relu", "leaky_relu", "silu", "gelu"]
Upsampling = Literal["linear", "transposed"]
Padding = Literal["zeros", "replicate", "reflect", "circular"]

_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}
_CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}
_ACTIVATION: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}
_SIZES = (
    "in_channels",
    "out_channels",
    "features",
    "levels",
    "convolutions_per_level",
    "kernel_size",
)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "dimensions": (1, 2, 3),
    "norm": ("batch", "group", "instance", "none"),
    "activation": tuple(_ACTIVATION),
    "upsampling": ("linear", "transposed"),
    "padding_mode": ("zeros", "replicate", "reflect", "circular"),
}

# A batch of a few crops is a noisy sample of the training set: average its statistics over about
# twenty steps rather than torch's ten.
BATCH_NORM_MOMENTUM = 0.05


class UNet(nn.Module):
    """U-Net from fields to fields on the same grid, in one, two or three dimensions.

    Parameters
    ----------
    dimensions : {1, 2, 3}
        Number of spatial axes.
    in_channels, out_channels : int
        Fields in and out.
    features : int
        Channels on the finest grid; each coarser grid has twice as many.
    levels : int
        Number of grids, the finest included: the coarsest one is 2**(levels - 1) times coarser.
    convolutions_per_level : int
        Convolutions (each with norm and activation) on each grid, down and again up.
    kernel_size : int
        Cells across one convolution; odd.
    norm : {"batch", "group", "instance", "none"}
        Normalisation after each convolution. Batch norm makes the fastest and, in evaluation, a
        strictly local network. Group and instance norm look at the whole field.
    activation : {"relu", "leaky_relu", "silu", "gelu"}
        Non-linearity after each convolution. The head has none: its outputs have either sign.
    upsampling : {"linear", "transposed"}
        From a grid to the next finer one: a 1-cell convolution that halves the channels, then
        (bi-, tri-)linear interpolation; or a transposed convolution of stride 2.
    residual : bool
        Add the input of each level's convolutions to their output, through a 1-cell convolution.
    padding_mode : {"zeros", "replicate", "reflect", "circular"}
        What the convolutions see beyond the edges of the field. "circular" makes a periodic domain
        only where every size is a multiple of `stride`.
    channels_last : bool
        Store the weights, and so the fields between layers, with the channel as the fastest axis:
        1.5 to 4 times faster on CPUs and on tensor cores in two and three dimensions. Numbers and
        shapes are the same.

    Attributes
    ----------
    spec : dict
        What ``ai4sim.nets.build`` needs to make this network again: ``{"name": "UNet", ...}``,
        plain JSON types.
    stride : int
        Fine cells per cell of the coarsest grid.

    Notes
    -----
    Any size of at least one cell per axis works: a grid of n cells is coarsened to ceil(n / 2), and
    on the way up refined by exactly 2 and cut back to n. Coarse cells therefore always cover the
    same fine cells, counted from the first: shifting the input by a multiple of `stride` shifts the
    output, and a field may be computed in pieces (`ai4sim.nets.tiled`).

    A network trained on crops narrower than its `receptive_field` has never seen a cell without an
    edge in sight. Fewer levels, crops of varied shape and "replicate" rather than "zeros" make the
    step to larger fields safer.
    """

    def __init__(
        self,
        *,
        dimensions: int = 3,
        in_channels: int = 1,
        out_channels: int = 1,
        features: int = 16,
        levels: int = 3,
        convolutions_per_level: int = 2,
        kernel_size: int = 3,
        norm: Norm = "batch",
        activation: Activation = "relu",
        upsampling: Upsampling = "linear",
        residual: bool = False,
        padding_mode: Padding = "zeros",
        channels_last: bool = True,
    ) -> None:
        super().__init__()
        self.spec = spec = spec_of(self, locals())
        check_spec(spec, _SIZES, _CHOICES)
        if kernel_size % 2 == 0:
            raise ValueError(f"UNet: kernel_size must be odd, found {kernel_size}")
        self.dimensions = dimensions
        self.in_channels = in_channels
        self.stride = 2 ** (levels - 1)

        widths = [features * 2**level for level in range(levels)]
        self.down = nn.ModuleList(
            _Block(inputs, width, spec) for inputs, width in zip([in_channels, *widths], widths)
        )
        self.upsample = nn.ModuleList(
            _Upsample(2 * width, width, dimensions, upsampling) for width in widths[-2::-1]
        )
        self.up = nn.ModuleList(_Block(2 * width, width, spec) for width in widths[-2::-1])
        self.head = _layer("Conv", dimensions)(features, out_channels, 1)
        if channels_last and dimensions in _CHANNELS_LAST:
            self.to(memory_format=_CHANNELS_LAST[dimensions])  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Map fields to fields.

        Parameters
        ----------
        x : Tensor, shape (batch, in_channels, *space)
            Fields, normalised to order one. Any number of cells along each axis.

        Returns
        -------
        Tensor, shape (batch, out_channels, *space)
            Fields on the same grid.
        """
        if x.ndim != self.dimensions + 2 or x.shape[1] != self.in_channels:
            axes = ", ".join("xyz"[: self.dimensions])
            raise ValueError(
                f"UNet: expected a tensor of shape (batch, {self.in_channels}, {axes}), "
                f"found {tuple(x.shape)}"
            )
        skips: list[Tensor] = []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = _coarsen(x)
        x = self.down[-1](x)
        for upsample, block in zip(self.upsample, self.up):
            # The skip is dropped here, before the block needs memory.
            x = _join(skips.pop(), upsample(x))
            x = block(x)
        return self.head(x)

    @property
    def reach(self) -> int | None:
        """Distance, in cells along an axis, of the farthest input cell that an output cell sees.

        None where the norm looks at the whole field. (Circular padding sees as far beyond the edge,
        from the opposite one.)
        """
        if self.spec["norm"] in ("group", "instance"):
            return None
        margin = self.spec["convolutions_per_level"] * (self.spec["kernel_size"] // 2)
        interpolates = self.spec["upsampling"] == "linear"
        farthest = 0
        # Follow the cells first..last that one output cell depends on, back along the longest way:
        # up to the coarsest grid and down again. It depends on the position within a coarse cell.
        for cell in range(self.stride):
            first = last = cell
            for _ in range(self.spec["levels"] - 1):
                first, last = first - margin, last + margin
                first, last = (first - interpolates) // 2, (last + interpolates) // 2
            first, last = first - margin, last + margin
            for _ in range(self.spec["levels"] - 1):
                first, last = 2 * first - margin, 2 * last + 1 + margin
            farthest = max(farthest, cell - first, last - cell)
        return farthest

    @property
    def receptive_field(self) -> int | None:
        """Cells across what an output cell sees: 2 `reach` + 1; None where that is everything."""
        return None if self.reach is None else 2 * self.reach + 1


class _Block(nn.Module):
    """Convolutions, each with norm and activation, on one grid; `spec` is that of the U-Net."""

    def __init__(self, inputs: int, outputs: int, spec: Mapping[str, Any]) -> None:
        super().__init__()
        convolution, size = _layer("Conv", spec["dimensions"]), spec["kernel_size"]
        layers: list[nn.Module] = []
        for i in range(spec["convolutions_per_level"]):
            layers += [
                convolution(
                    outputs if i else inputs,
                    outputs,
                    size,
                    padding=size // 2,
                    padding_mode=spec["padding_mode"],
                    bias=spec["norm"] == "none",  # a norm has its own
                ),
                *_normalisation(spec["norm"], spec["dimensions"], outputs),
                _activation(spec["activation"]),
            ]
        self.layers = nn.Sequential(*layers)
        self.shortcut = convolution(inputs, outputs, 1) if spec["residual"] else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, *space) to the same grid."""
        y = self.layers(x)
        return y if self.shortcut is None else y + self.shortcut(x)


class _Upsample(nn.Module):
    """Fields on a grid twice as fine: n cells become 2 n."""

    def __init__(self, inputs: int, outputs: int, dimensions: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.mode = _INTERPOLATION[dimensions] if upsampling == "linear" else None
        # Mixing channels commutes with interpolation, and costs 2**dimensions times less before it.
        self.convolution = (
            _layer("Conv", dimensions)(inputs, outputs, 1)
            if self.mode
            else _layer("ConvTranspose", dimensions)(inputs, outputs, 2, stride=2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channel, *space) to (batch, channel / 2, *(2 space))."""
        x = self.convolution(x)
        if self.mode is None:
            return x
        return functional.interpolate(x, scale_factor=2, mode=self.mode, align_corners=False)


def _coarsen(x: Tensor) -> Tensor:
    """Maximum over pairs of cells along each axis, a last odd one alone: n to ceil(n / 2)."""
    if torch.compiler.is_exporting():
        # The sizes of a pooling cannot be proved to be those of any field, and these can.
        for axis in range(2, x.ndim):
            first = torch.arange((x.shape[axis] + 1) // 2, device=x.device) * 2
            second = (first + 1).clamp(max=x.shape[axis] - 1)
            x = torch.maximum(x.index_select(axis, first), x.index_select(axis, second))
        return plain_strides(x)
    # Taking a maximum is exact in any precision, but autocast would go up to float32 for it.
    with torch.autocast(x.device.type, enabled=False):
        return _MAX_POOL[x.ndim - 2](x, 2, ceil_mode=True)


def _join(skip: Tensor, x: Tensor) -> Tensor:
    """Put the way down's fields beside the way up's, which may have one cell too many."""
    for axis in range(2, x.ndim):
        if torch.compiler.is_exporting():
            x = x.index_select(axis, torch.arange(skip.shape[axis], device=x.device))
        else:
            x = x.narrow(axis, 0, skip.shape[axis])
    return torch.cat([skip, plain_strides(x)], dim=1)


def plain_strides(x: Tensor) -> Tensor:
    """Return the same tensor; in a program of several free sizes, with comparable strides.

    Inductor writes strides that are given in this way as sums, and compares them. They are made of
    sizes, since ONNX knows no strides.
    """
    if x.ndim <= 3 or not torch.compiler.is_exporting():
        return x
    strides = [1]
    for size in reversed(x.shape[1:]):
        strides.insert(0, size * strides[0])
    return x.contiguous().as_strided(x.shape, strides)


def _layer(kind: str, dimensions: int) -> type[nn.Module]:
    """Return torch's layer of a kind for so many axes: ``Conv3d`` of ``Conv`` and 3."""
    if (kind, dimensions) == ("Conv", 3):
        return Conv3d
    layer: type[nn.Module] = getattr(nn, f"{kind}{dimensions}d")
    return layer


def _normalisation(norm: Norm, dimensions: int, channels: int) -> list[nn.Module]:
    """Give the norm layer, or none."""
    if norm == "batch":
        return [_layer("BatchNorm", dimensions)(channels, momentum=BATCH_NORM_MOMENTUM)]
    if norm == "group":
        return [nn.GroupNorm(math.gcd(8, channels), channels)]
    if norm == "instance":
        return [_layer("InstanceNorm", dimensions)(channels, affine=True)]
    return []


def _activation(activation: Activation) -> nn.Module:
    """Give the activation, overwriting its input where its gradient does not need that."""
    if activation in ("relu", "leaky_relu"):
        return _ACTIVATION[activation](inplace=True)
    return _ACTIVATION[activation]()
