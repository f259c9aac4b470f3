"""Dense layers, convolutions along levels and recurrences: products with constant weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ai4sim.native.c.arrays import COLUMNS, Array, Buffer, Leaf, contiguous
from ai4sim.native.c.loops import GROUP, Program
from ai4sim.native.c.operators import elementwise, operator
from ai4sim.native.c.reductions import variance

WITH_CONSTANTS = {
    "_native_batch_norm_legit_no_training",
    "addmm",
    "bmm",
    "convolution",
    "gru",
    "index",
    "index_select",
    "lstm",
    "mm",
    "native_layer_norm",
}
"""Operators that take constants as they are, not as arrays."""


def packed(weights: Tensor) -> Tensor:
    """Order weights, (output, input), as the kernel reads them: (group, input, output in group)."""
    outputs, inputs = weights.shape
    padded = torch.nn.functional.pad(weights, (0, 0, 0, -outputs % GROUP))
    return padded.reshape(-1, GROUP, inputs).transpose(1, 2).contiguous()


def padded_bias(bias: Tensor | None, outputs: int) -> Tensor:
    """Return a bias of whole groups, zero without one."""
    found = torch.zeros(outputs) if bias is None else bias
    return torch.nn.functional.pad(found, (0, -outputs % GROUP))


def rows_last(program: Program, x: Array, dim: int) -> Array:
    """Return an array in memory, the elements along a dimension one after the other."""
    place = x.first_axis(dim)
    leaf = x.expression
    if (
        isinstance(leaf, Leaf)
        and leaf.buffer.columnwise
        and (leaf.strides[place] == 1 or x.size(dim) == 1)
    ):
        return x
    others = [k for k in range(len(x.axes)) if k != place]
    return program.stored(x, [*others, place])


def dense(program: Program, x: Array, weights: Tensor, bias: Tensor | None) -> Array:
    """Multiply the last dimension by weights, (output, input)."""
    x = rows_last(program, x, len(x.dims) - 1)
    outputs, inputs = weights.shape
    axes = (*x.axes[:-1], outputs)
    strides, rows = contiguous(axes, range(len(axes)))
    to = Leaf(Buffer(rows, "float"), 0, strides)
    leaf = x.expression
    assert isinstance(leaf, Leaf)
    loops = [k for k, n in enumerate(axes[:-1]) if n not in (1, COLUMNS)]
    lines = [f"for (int i{k} = 0; i{k} < {axes[k]}; ++i{k})" for k in loops]
    targets = "".join(f" + i{k} * {to.strides[k]} * B" for k in loops)
    sources = "".join(f" + i{k} * {leaf.strides[k]} * B" for k in loops)
    call = f"dense(a0{targets}, a1{sources}, a2, a3, {inputs}, {outputs});"
    body = "".join(f"{'    ' * (k + 1)}{line}\n" for k, line in enumerate([*lines, call]))
    program.call(
        body,
        ["float"] * 4,
        [
            (to.buffer, 0),
            (leaf.buffer, leaf.offset),
            (program.constant(packed(weights)), 0),
            (program.constant(padded_bias(bias, outputs)), 0),
        ],
    )
    return Array((*x.dims[:-1], (outputs,)), to)


@operator("addmm")
def addmm(
    program: Program, bias: Tensor | Array, x: Array, weights: Tensor | Array, **_: Any
) -> Array:
    """Return ``x weights + bias``."""
    if isinstance(bias, Tensor) and isinstance(weights, Tensor) and bias.dim() == 1:
        return dense(program, x, weights.T, bias)
    return elementwise("add", matmul(program, x, weights), constant(program, bias))


@operator("mm", "bmm")
def matmul(program: Program, x: Array | Tensor, y: Array | Tensor, **_: Any) -> Array:
    """Return the product of matrices, of constant ones or column by column."""
    if isinstance(x, Array) and isinstance(y, Tensor) and (y.dim() == 2 or y.shape[0] == 1):
        return dense(program, x, y.reshape(y.shape[-2:]).T, None)
    a, b = constant(program, x), constant(program, y)
    rank = len(a.dims)
    a, b = program.in_memory(a).insert(rank), program.in_memory(b).insert(rank - 2)
    product = elementwise("mul", a, b)  # (..., row, inner, column)
    return program.reduced(product, [rank - 1], "0.0f", "{0} + {1}").drop(rank - 1)


def constant(program: Program, x: Array | Tensor) -> Array:
    """Return a tensor as an array of constants."""
    if isinstance(x, Array):
        return x
    strides, _rows = contiguous(tuple(x.shape), range(x.dim()))
    return Array(tuple((n,) for n in x.shape), Leaf(program.constant(x), 0, strides))


@operator("convolution")
def convolution(
    program: Program,
    x: Array,
    weights: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    _output_padding: Sequence[int],
    groups: int,
    **_: Any,
) -> Array:
    """Convolve along levels; the channels of a level come to lie one after the other."""
    if len(x.dims) != 3 or groups != 1 or transposed or not isinstance(weights, Tensor):
        raise NotImplementedError("but along one axis, with constant weights and one group")
    if len(x.dims[0]) != 1:
        raise NotImplementedError("of columns flattened with others")
    x = rows_last(program, x, 1)
    leaf = x.expression
    assert isinstance(leaf, Leaf)
    outputs, inputs, taps = weights.shape
    levels = x.size(2)
    count = (levels + 2 * padding[0] - dilation[0] * (taps - 1) - 1) // stride[0] + 1
    dims = (x.dims[0], (outputs,), (count,))
    axes = (*x.dims[0], outputs, count)
    strides, rows = contiguous(axes, [0, 2, 1])
    to = Leaf(Buffer(rows, "float"), 0, strides)
    level = leaf.strides[2]
    # Beyond the ends there are zeros: those taps are left out.
    body = f"""\
    for (int level = 0; level < {count}; ++level) {{
        const int from = level * {stride[0]} - {padding[0]};
        const int first = from < 0 ? (-from + {dilation[0] - 1}) / {dilation[0]} : 0;
        const int rest = {levels - 1} - from;
        const int last = rest < {dilation[0] * (taps - 1)} ? rest / {dilation[0]} : {taps - 1};
        convolve(a0 + level * {outputs} * B, a1, from * {level}, {dilation[0] * level}, a2, a3,
                 first, last, {taps}, {inputs}, {outputs});
    }}
"""
    ordered = weights.permute(0, 2, 1).reshape(outputs, taps * inputs)
    program.call(
        body,
        ["float"] * 4,
        [
            (to.buffer, 0),
            (leaf.buffer, leaf.offset),
            (program.constant(packed(ordered)), 0),
            (program.constant(padded_bias(bias, outputs)), 0),
        ],
    )
    return Array(dims, to)


@operator("_native_batch_norm_legit_no_training")
def batch_norm(
    program: Program,
    x: Array,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    _momentum: float,
    epsilon: float,
    **_: Any,
) -> list[Array]:
    """Scale and shift each channel by constants."""
    scale = (variance + epsilon).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - mean * scale
    shape = (-1, *[1] * (len(x.dims) - 2))
    parts = (constant(program, values.reshape(shape)) for values in (scale, shift))
    return [elementwise("add", elementwise("mul", x, next(parts)), next(parts))]


@operator("native_layer_norm")
def layer_norm(
    program: Program,
    x: Array,
    shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    epsilon: float,
    **_: Any,
) -> list[Array]:
    """Scale the last dimensions to mean 0 and variance 1, then by constants."""
    x = program.in_memory(x)
    over = list(range(len(x.dims) - len(shape), len(x.dims)))
    spread, centre = variance(program, x, over, correction=0, keepdim=True, kind="float")
    factor = program.stored(elementwise("rsqrt", elementwise("add", spread, epsilon)))
    found = elementwise("mul", elementwise("sub", x, program.in_memory(centre)), factor)
    if weight is not None:
        found = elementwise("mul", found, constant(program, weight))
    return [found if bias is None else elementwise("add", found, constant(program, bias))]


def _recurrence(name: str, gates: int) -> None:
    @operator(name)
    def recurrence(
        program: Program,
        x: Array,
        state: Any,
        parameters: Sequence[Tensor],
        *options: Any,
        wanted: set[int],
        **_: Any,
    ) -> list[Array]:
        has_bias, layers, _dropout, training, bidirectional, batch_first = options
        states = state if isinstance(state, list | tuple) else [state]
        if not all(isinstance(s, Filled) and s.value == 0 for s in states):
            raise NotImplementedError("with an initial state")
        if wanted - {0}:
            raise NotImplementedError("whose last state is used")
        if training or not batch_first or any(len(dim) != 1 for dim in x.dims):
            raise NotImplementedError("but of (column, level, channel) in evaluation")
        each = 4 if has_bias else 2
        ways = 2 if bidirectional else 1
        if len(parameters) != each * ways * layers:
            raise NotImplementedError("with projections")
        for layer in range(layers):
            hidden = parameters[0].shape[0] // gates
            strides, rows = contiguous((*x.axes[:2], ways * hidden), range(3))
            to = Leaf(Buffer(rows, "float"), 0, strides)
            for way in range(ways):
                given = parameters[each * (layer * ways + way) :][:each]
                into, within = given[:2]
                biases = given[2:] if has_bias else [torch.zeros(len(into))] * 2
                one_way(program, name, x, to, way, into, within, biases)
            x = Array((*x.dims[:2], (ways * hidden,)), to)
        return [x]

    def one_way(
        program: Program,
        name: str,
        x: Array,
        to: Leaf,
        way: int,
        into: Tensor,
        within: Tensor,
        biases: Sequence[Tensor],
    ) -> None:
        hidden = within.shape[1]
        first, second = biases
        if name == "gru":  # the bias of the new state stands inside the product with the reset gate
            keep = torch.arange(3 * hidden) < 2 * hidden
            first, second = first + second * keep, second * ~keep
        else:
            first, second = first + second, torch.zeros_like(second)
        prepared = dense(program, x, into, first).expression
        assert isinstance(prepared, Leaf)
        work = Buffer((2 * gates + 2) * hidden, "float")
        program.call(
            f"    {name}(a0, a1, a2, a3, {x.size(1)}, {hidden}, {to.strides[1]}, {way}, "
            "(float *)a4);\n",
            ["float"] * 5,
            [
                (to.buffer, way * hidden),
                (prepared.buffer, prepared.offset),
                (program.constant(packed(within)), 0),
                (program.constant(padded_bias(second, len(second))), 0),
                (work, 0),
            ],
        )


class Filled(Array):
    """An array of one number."""

    def __init__(self, array: Array, value: float) -> None:
        super().__init__(array.dims, array.expression)
        object.__setattr__(self, "value", value)

    value: float


_recurrence("lstm", 4)
_recurrence("gru", 3)
