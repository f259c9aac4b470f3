"""Derivatives of a surrogate of columns as calls of their own, for variational data assimilation.

The tangent linear takes a column, x, and a perturbation of it, ``x_tl``, to the perturbation of the
outputs, ``y_tl = F'(x) x_tl``. The adjoint takes a column and the sensitivity of a cost function to
the outputs, ``y_ad = dJ/dy``, to its sensitivity to the inputs, ``x_ad = F'(x)^T y_ad``. Both are
computed by automatic differentiation, once, while the network is traced.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from ai4sim.export import PortableOperations
from ai4sim.native.routine import Columns, Routine, Samples
from ai4sim.variables import Variable

Derivative = Literal["tangent_linear", "adjoint"]
SUFFIX = {"tangent_linear": "tl", "adjoint": "ad"}
ATEN = torch.ops.aten
DIVIDED = (
    ATEN.gelu_backward,
    ATEN.elu_backward,
    ATEN.leaky_relu_backward,
    ATEN.silu_backward,
    ATEN.sigmoid_backward,
    ATEN.tanh_backward,
    ATEN.threshold_backward,
    ATEN.native_layer_norm_backward,
    ATEN._softmax_backward_data,
    ATEN.slice_backward,
    ATEN.select_backward,
)
"""Operators of second passes that become simpler ones."""
UNLIKE_ANY_SIZE = 1009
"""A number of columns that no network has of anything else."""
TITLE = {"tangent_linear": "Tangent linear", "adjoint": "Adjoint"}


def _group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise groups of channels as ``torch.nn.functional.group_norm`` does."""
    groups = x.unflatten(1, (num_groups, -1)).flatten(2)
    centred = groups - groups.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    found = (centred * (variance + eps).rsqrt()).reshape(x.shape)
    channels = (-1, *(1,) * (x.ndim - 2))
    found = found if weight is None else found * weight.reshape(channels)
    return found if bias is None else found + bias.reshape(channels)


_OTHERS: Mapping[Any, Callable[..., Any]] = {
    nn.functional.group_norm: _group_norm,
    **{
        getattr(owner, name): PortableOperations.others[getattr(owner, name)]
        for owner in (torch, Tensor)
        for name in ("cummax", "cummin", "cumprod")
    },
}


class _FreeBatch(TorchFunctionMode):
    """Use operations whose second derivatives do not depend on values or fix the batch size."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call the other operation, if there is one."""
        return _OTHERS.get(func, func)(*args, **(kwargs or {}))


class Differential(nn.Module):
    """The derivative of a module of columns, along a direction that comes with the columns.

    Parameters
    ----------
    module : torch.nn.Module
        Maps (column, input channel) to (column, output channel).
    channels : int
        Number of input channels.
    kind : {"tangent_linear", "adjoint"}
    """

    def __init__(self, module: nn.Module, channels: int, kind: Derivative) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).requires_grad_(False)
        self.channels, self.kind = channels, kind

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, input channel + direction) to the derivative along it.

        The direction has the input channels of the tangent linear, else the output channels.
        """
        columns, direction = rows[:, : self.channels], rows[:, self.channels :]
        # Fused attention has no second derivative.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), _FreeBatch():
            columns = columns.detach().requires_grad_()
            outputs = self.module(columns)
            if self.kind == "adjoint":
                return torch.autograd.grad(outputs, columns, direction)[0]
            # The adjoint is linear in its direction v: its own adjoint is the tangent linear.
            v = torch.zeros_like(outputs).requires_grad_()
            (adjoint,) = torch.autograd.grad(outputs, columns, v, create_graph=True)
            return torch.autograd.grad(adjoint, v, direction)[0]

    def as_operations(self, channels: int) -> nn.Module:
        """Return the operations of both passes for any number of columns.

        Parameters
        ----------
        channels : int
            Number of input channels with the direction.
        """

        def both_passes(rows: Tensor) -> Tensor:
            found: Tensor = self(rows)
            return found

        simpler: Any = get_decompositions(DIVIDED)
        trace = make_fx(both_passes, simpler, "symbolic", _allow_non_fake_inputs=True)
        # Sizes that are equal would be taken for the same one.
        found: nn.Module = trace(torch.zeros(UNLIKE_ANY_SIZE, channels))
        return found


def derivative_of(routine: Routine, kind: Derivative) -> Columns:
    """Return the derivative of a routine as a routine: ``NAME_tl`` or ``NAME_ad``.

    Parameters
    ----------
    routine : Columns
    kind : {"tangent_linear", "adjoint"}

    Raises
    ------
    ValueError
        A routine of other than columns and points.
    """
    if not isinstance(routine, Columns):
        raise ValueError(  # noqa: TRY004
            f"--derivative {kind}: expected a network of columns or points, {routine.name} is one "
            f"of {routine.places}"
        )
    suffix = SUFFIX[kind]

    def named(variable: Variable) -> Variable:
        units = variable.units
        if kind == "adjoint" and units != "1":
            units = f"1/({units})"
        return Variable(f"{variable.name}_{suffix}", units, variable.levels)

    given, found = routine.inputs, routine.outputs
    if kind == "adjoint":
        given, found = found, given

    def rows(samples: Samples) -> Tensor:
        columns = routine.rows(samples)
        like = columns if kind == "tangent_linear" else routine.answers(columns)
        size = like.std(0) if len(like) > 1 else like[0].abs()
        size = torch.maximum(size, 1e-3 * like.abs().amax(0)).clamp(min=1e-30)
        draws = torch.Generator().manual_seed(0)
        direction = torch.randn(like.shape, generator=draws)
        # Every output counts alike in the cost function of the sensitivities.
        direction = direction * size if kind == "tangent_linear" else direction / size
        return torch.cat([columns, direction], dim=-1)

    return replace(
        routine,
        name=f"{routine.name}_{suffix}",
        title=f"{TITLE[kind]} of: {routine.title}",
        inputs=(*routine.inputs, *map(named, given)),
        outputs=tuple(map(named, found)),
        module=Differential(routine.module, sum(v.channels for v in routine.inputs), kind),
        rows=rows,
    )
