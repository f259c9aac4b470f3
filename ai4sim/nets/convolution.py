"""Convolutions in three dimensions, at the speed of oneDNN on fields of every size.

PyTorch gives a float32 convolution of a single sample to oneDNN where
``batch * channels * x * y > 20480``. The third axis of the field does not count: blocks of 32 or 16
cells, as the ranks of a simulation have them, go to a general routine that unfolds the field and
takes many times as long (torch 2.13, ``ConvParams::use_mkldnn``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional


def conv3d(
    fields: Tensor,
    kernel: Tensor,
    bias: Tensor | None = None,
    padding: Sequence[int] = (0, 0, 0),
    stride: Sequence[int] = (1, 1, 1),
    dilation: Sequence[int] = (1, 1, 1),
    groups: int = 1,
) -> Tensor:
    """Do what ``torch.nn.functional.conv3d`` does, on a CPU always with oneDNN where it can.

    Parameters
    ----------
    fields : Tensor, (batch, channel, x, y, z)
    kernel : Tensor, (channel_out, channel / groups, *size)
    bias : Tensor, (channel_out,), optional
    padding, stride, dilation, groups
        As in PyTorch, numbers only.

    Returns
    -------
    Tensor, (batch, channel_out, *space)
        Differentiable in all three tensors.
    """
    if _is_for_onednn(fields) and _is_for_onednn(kernel):
        return torch.mkldnn_convolution(fields, kernel, bias, padding, stride, dilation, groups)
    return functional.conv3d(
        fields, kernel, bias, tuple(stride), tuple(padding), tuple(dilation), groups
    )


class Conv3d(nn.Conv3d):
    """A ``torch.nn.Conv3d``, with the same parameters, that takes :func:`conv3d`."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Continue the field beyond its edges, and convolve."""
        padding = self.padding
        if isinstance(padding, str):
            return super()._conv_forward(input, weight, bias)
        if self.padding_mode != "zeros":
            mode, margins = self.padding_mode, self._reversed_padding_repeated_twice
            input, padding = functional.pad(input, margins, mode=mode), (0, 0, 0)
        return conv3d(input, weight, bias, padding, self.stride, self.dilation, self.groups)


def _is_for_onednn(x: Tensor) -> bool:
    """Return whether a tensor is plain float32 on a CPU, and the operator will be run as it is.

    oneDNN's operator is unknown to traced programs, to autocast, to functorch and to derivatives
    in forward mode. Other precisions do not need it.
    """
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and type(x) in (Tensor, nn.Parameter)
        and torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        and forward_ad._current_level < 0
    )
