"""Operators that combine elements of an array, or look them up: sums, extremes, indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ai4sim.native.c.arrays import Array, Expression, Leaf, Lookup
from ai4sim.native.c.loops import Program
from ai4sim.native.c.operators import as_array, elementwise, operator


def _dims(x: Array, dim: Any) -> list[int]:
    if dim is None or dim == []:
        return list(range(len(x.dims)))
    return [d % len(x.dims) for d in ([dim] if isinstance(dim, int) else dim)]


def _dropped(x: Array, over: Sequence[int], keepdim: bool) -> Array:
    for dim in [] if keepdim else sorted(over, reverse=True):
        x = x.drop(dim)
    return x


def _reduction(name: str, start: str, step: str, whole: str) -> None:
    @operator(name)
    def reduction(
        program: Program, x: Array, dim: Any = None, keepdim: bool = False, *, kind: str, **_: Any
    ) -> Array:
        over = _dims(x, dim)
        x = elementwise("ne", x, 0) if name in ("any", "all") else as_array(x, kind)
        integer = kind == "int"
        found = program.reduced(x, over, whole if integer else start, step)
        return _dropped(found, over, keepdim)


_reduction("sum", "0.0f", "{0} + {1}", "0")
_reduction("amax", "-INFINITY", "larger({0}, {1})", "INT_MIN")
_reduction("amin", "INFINITY", "smaller({0}, {1})", "INT_MAX")
_reduction("any", "0", "{0} | {1}", "0")


@operator("mean")
def mean(
    program: Program, x: Array, dim: Any = None, keepdim: bool = False, *, kind: str, **_: Any
) -> Array:
    """Return the mean over dimensions."""
    over = _dims(x, dim)
    count = math.prod(x.size(d) for d in over)
    total = program.reduced(as_array(x, kind), over, "0.0f", "{0} + {1}")
    return elementwise("div", _dropped(total, over, keepdim), float(count))


@operator("var_mean", "var")
def variance(
    program: Program,
    x: Array,
    dim: Any = None,
    *,
    correction: float = 1,
    keepdim: bool = False,
    kind: str,
    **_: Any,
) -> list[Array]:
    """Return the variance and the mean over dimensions."""
    over = _dims(x, dim)
    x = program.in_memory(x)
    centre = mean(program, x, over, True, kind=kind)
    off = elementwise("sub", x, program.in_memory(centre))
    total = program.reduced(elementwise("mul", off, off), over, "0.0f", "{0} + {1}")
    count = math.prod(x.size(d) for d in over) - correction
    found = elementwise("div", total, float(count)), centre
    return [_dropped(a, over, keepdim) for a in found]


@operator("_softmax")
def softmax(program: Program, x: Array, dim: int, *_: Any, **__: Any) -> Array:
    """Return shares that add up to 1 along a dimension."""
    x, over = program.in_memory(x), _dims(x, dim)
    largest = program.reduced(x, over, "-INFINITY", "larger({0}, {1})")
    found = program.stored(elementwise("exp", elementwise("sub", x, largest)))
    return elementwise("div", found, program.reduced(found, over, "0.0f", "{0} + {1}"))


def _scan(name: str, start: str, step: str, whole: str) -> None:
    @operator(name)
    def scan(program: Program, x: Array, dim: int, *, kind: str, **_: Any) -> Array:
        x, integer = as_array(x, kind), kind == "int"
        return program.scanned(x, dim % len(x.dims), whole if integer else start, step)


_scan("cumsum", "0.0f", "{0} + {1}", "0")
_scan("cumprod", "1.0f", "{0} * {1}", "1")


def _extreme(name: str, start: str, function: str, better: str, whole: str) -> None:
    @operator(name)
    def extreme(
        program: Program, x: Array, dim: int, *, kind: str, wanted: set[int], **_: Any
    ) -> list[Array | None]:
        first = whole if x.kind == "int" else start
        comparison = "{0} > {1} ? {0} : {1}" if name == "cummax" else "{0} < {1} ? {0} : {1}"
        step = comparison if x.kind == "int" else f"{function}({{0}}, {{1}})"
        dim %= len(x.dims)
        if len(wanted) > 1:
            x = program.in_memory(x)
        values = program.scanned(x, dim, first, step) if 0 in wanted else None
        # As in PyTorch, the last of several that are equal; NaN wins.
        ways = f"({{1}} {better} {{0}} || {{1}} != {{1}})"
        return [values, program.scanned(x, dim, first, ways, True) if 1 in wanted else None]


_extreme("cummax", "-INFINITY", "larger", ">=", "INT_MIN")
_extreme("cummin", "INFINITY", "smaller", "<=", "INT_MAX")


@operator("gather")
def gather(program: Program, x: Array, dim: int, index: Array, **_: Any) -> Array:
    """Take the element at an index along a dimension, another one at each place."""
    dim %= len(x.dims)
    for d, (own, other) in enumerate(zip(x.dims, index.dims, strict=True)):
        if d != dim and own != other:
            x = x.narrow(d, 0, index.size(d))
    return lookup(program, x, dim, index.expression, index.dims)


def lookup(
    program: Program, x: Array, dim: int, index: Expression, dims: Sequence[tuple[int, ...]]
) -> Array:
    """Return the elements of x at indices along a dimension, in an array of other dimensions."""
    leaf = program.in_memory(x).expression
    assert isinstance(leaf, Leaf)
    size, place = x.size(dim), x.first_axis(dim)
    strides = list(leaf.strides)
    step, strides[place] = strides[place], 0
    # The sizes along the dimension differ: an axis along which the leaf stays where it is.
    return Array(tuple(dims), Lookup(replace(leaf, strides=tuple(strides)), index, step, size))


@operator("index", "index_select")
def index(program: Program, x: Array, *given: Any, kind: str, **_: Any) -> Array:
    """Take constant indices of one dimension."""
    indices = [None] * given[0] + [given[1]] if isinstance(given[0], int) else list(given[0])
    chosen = [(d, i) for d, i in enumerate(indices) if i is not None]
    for _dim, values in chosen:
        if not isinstance(values, Tensor) or values.dim() - (len(chosen) > 1) > 1:
            raise NotImplementedError("of indices that are computed")
    if len(chosen) != 1 or chosen[0][1].dim() != 1:
        raise NotImplementedError("of several dimensions")
    dim, values = chosen[0]
    dim %= len(x.dims)
    table = values.long() % x.size(dim)
    place = x.first_axis(dim)
    strides = tuple(int(k == place) for k in range(len(x.axes)))
    numbers = Leaf(program.constant(table), 0, strides)
    dims = (*x.dims[:dim], (len(table),), *x.dims[dim + 1 :])
    return lookup(program, x, dim, numbers, dims)


@operator("max_pool2d_with_indices", "max_pool1d")
def max_pool(
    program: Program,
    x: Array,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil: bool = False,
    **_: Any,
) -> list[Array]:
    """Return the largest of neighbours."""
    if ceil or any(padding) or any(d != 1 for d in dilation):
        raise NotImplementedError("with padding or dilation")
    x = program.in_memory(x)
    for k, width in enumerate(reversed(kernel)):
        dim = len(x.dims) - 1 - k
        step = (stride or kernel)[-1 - k]
        count = (x.size(dim) - width) // step + 1
        parts = [x.narrow(dim, first, (count - 1) * step + 1, 1) for first in range(width)]
        taken = [part.narrow(dim, 0, count, step) for part in parts]
        x = taken[0]
        for part in taken[1:]:
            x = elementwise("maximum", x, part)
    return [x]
