"""The operators of exported programs, as expressions and loops over columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ai4sim.native.c.arrays import (
    COLUMNS,
    Apply,
    Array,
    Buffer,
    Leaf,
    broadcast,
)
from ai4sim.native.c.loops import Program, contiguous, literal

CHEAP = 3
"""The cost of an expression that may be computed again where it is needed again."""

# ATen name: (C code, about how many additions it costs). A truth value is an int.
ELEMENTWISE: dict[str, tuple[str, int]] = {
    "abs": ("fabsf({0})", 1),
    "add": ("({0} + {1})", 1),
    "asinh": ("vector_asinh({0})", 20),
    "atan": ("vector_atan({0})", 16),
    "bitwise_and": ("({0} & {1})", 1),
    "bitwise_not": ("!{0}", 1),
    "bitwise_or": ("({0} | {1})", 1),
    "cos": ("vector_cos({0})", 16),
    "div": ("({0} / {1})", 4),
    "eq": ("({0} == {1})", 1),
    "erf": ("vector_erf({0})", 20),
    "exp": ("vector_exp({0})", 12),
    "expm1": ("vector_expm1({0})", 16),
    "ge": ("({0} >= {1})", 1),
    "gt": ("({0} > {1})", 1),
    "hypot": ("vector_hypot({0}, {1})", 8),
    "le": ("({0} <= {1})", 1),
    "log": ("vector_log({0})", 12),
    "log1p": ("vector_log1p({0})", 16),
    "logical_and": ("(({0} != 0) & ({1} != 0))", 2),
    "logical_not": ("({0} == 0)", 1),
    "logical_or": ("(({0} != 0) | ({1} != 0))", 2),
    "lt": ("({0} < {1})", 1),
    "maximum": ("larger({0}, {1})", 2),
    "minimum": ("smaller({0}, {1})", 2),
    "mul": ("({0} * {1})", 1),
    "ne": ("({0} != {1})", 1),
    "neg": ("(-{0})", 1),
    "reciprocal": ("(1.0f / {0})", 4),
    "relu": ("({0} < 0.0f ? 0.0f : {0})", 1),
    "rsqrt": ("(1.0f / sqrtf({0}))", 8),
    "sigmoid": ("vector_sigmoid({0})", 16),
    "sin": ("vector_sin({0})", 16),
    "sqrt": ("sqrtf({0})", 4),
    "sub": ("({0} - {1})", 1),
    "tanh": ("vector_tanh({0})", 20),
}
INTEGER = {
    "abs": "abs({0})",
    "maximum": "({0} > {1} ? {0} : {1})",
    "minimum": "({0} < {1} ? {0} : {1})",
    "relu": "({0} < 0 ? 0 : {0})",
}
"""Where the code for integers is another one."""
FUNCTIONS_OF_MATH = re.compile(
    r"\b(?:vector_(?=(?:exp|log|sin|cos|atan|tanh|asinh|erf|hypot|pow)))|(?<=sqrt)f|(?<=fabs)f"
)
"""Where the name of a function differs from the one for double precision in math.h."""
ONLY_FLOAT = {"maximum", "minimum", "sigmoid"}
IN_DOUBLE = (
    ELEMENTWISE.keys() - ONLY_FLOAT
    | {"pow", "where", "clamp", "full_like", "full", "scalar_tensor", "sum", "mean", "cat"}
    | {"permute", "unsqueeze", "view", "squeeze", "_unsafe_view", "reshape", "expand", "repeat"}
    | {"slice", "select", "flip", "split_with_sizes", "stack", "constant_pad_nd", "_to_copy"}
    | {"clone", "alias", "detach", "lift_fresh_copy", "contiguous"}
)
"""The operators whose result may be in double precision."""
COMPARISONS = {"eq", "ge", "gt", "le", "lt", "ne"}
Operand = Array | float
Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}
"""Functions of the program and the operator's arguments, by ATen's name without overload."""


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Register a function under names of ATen."""

    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


# ---- Element by element ----


def as_array(x: Operand, kind: str) -> Array:
    """Return a number as an array without dimensions; convert an array to a type."""
    if not isinstance(x, Array):
        return Array((), literal(float(x), kind))
    if x.kind == kind:
        return x
    return Array(x.dims, Apply(f"({kind}){{0}}", (x.expression,), kind, 1))


def apply(code: str, cost: int, kind: str, *operands: Array) -> Array:
    """Return C code of operands that are broadcast against each other."""
    spread = broadcast(operands)
    if kind == "double":
        code = FUNCTIONS_OF_MATH.sub("", code)
    arguments = tuple(a.expression for a in spread)
    return Array(spread[0].dims, Apply(code, arguments, kind, cost))


def common_kind(operands: Sequence[Operand]) -> str:
    """Return the type that operands are converted to."""
    kinds = [x.kind if isinstance(x, Array) else _kind_of(x) for x in operands]
    return next((kind for kind in ("double", "float") if kind in kinds), "int")


def _kind_of(number: float) -> str:
    return "float" if isinstance(number, float) else "int"


def elementwise(name: str, *operands: Operand, kind: str = "") -> Array:
    """Return one of :data:`ELEMENTWISE`; `kind` is the type that functions are computed in."""
    code, cost = ELEMENTWISE[name]
    within = common_kind(operands)
    if kind in ("float", "double") and name not in COMPARISONS:
        within = kind
    if within == "int":
        code = INTEGER.get(name, code)
    result = "int" if name in COMPARISONS or name.startswith(("logical", "bitwise")) else within
    return apply(code, cost, result, *(as_array(x, within) for x in operands))


def _register(name: str) -> None:
    @operator(name)
    def function(
        program: Program, *operands: Operand, kind: str, alpha: float = 1, **_: Any
    ) -> Array:
        if alpha != 1:
            operands = (operands[0], elementwise("mul", operands[1], alpha, kind=kind))
        return elementwise(name, *operands, kind=kind)


for _name in ELEMENTWISE:
    _register(_name)


@operator("pow")
def power(program: Program, x: Array, exponent: float, *, kind: str, **_: Any) -> Array:
    """Whole and half exponents by products and roots, others by the library's function."""
    if isinstance(exponent, Array):
        raise NotImplementedError("with an exponent that is an array")
    x = as_array(x, kind)
    if kind == "int":
        raise NotImplementedError("of integers")
    for value, code, cost in (
        (0.5, "sqrtf({0})", 4),
        (-0.5, "(1.0f / sqrtf({0}))", 8),
        (-1, "(1.0f / {0})", 4),
        (-2, "(1.0f / ({0} * {0}))", 5),
        (0, "1.0f", 0),
        (1, "{0}", 0),
        (2, "({0} * {0})", 1),
        (3, "({0} * {0} * {0})", 2),
        (4, "({0} * {0} * ({0} * {0}))", 3),
    ):
        if exponent == value:
            return apply(code, cost, kind, x)
    return apply(f"vector_pow({{0}}, {literal(float(exponent), kind).text})", 40, kind, x)


@operator("where")
def where(
    program: Program, condition: Array, x: Operand, y: Operand, *, kind: str, **_: Any
) -> Array:
    """Return x where the condition holds, else y."""
    operands = as_array(condition, "int"), as_array(x, kind), as_array(y, kind)
    return apply("({0} ? {1} : {2})", 1, kind, *operands)


@operator("clamp", "hardtanh")
def clamp(
    program: Program,
    x: Array,
    min: Operand | None = None,
    max: Operand | None = None,
    *,
    kind: str,
    **_: Any,
) -> Array:
    """Hold x between bounds; NaN stays."""
    for bound, sign in ((min, "<"), (max, ">")):
        if bound is not None:
            code = f"({{0}} {sign} {{1}} ? {{1}} : {{0}})"
            x = apply(code, 1, kind, as_array(x, kind), as_array(bound, kind))
    return x


@operator("_to_copy", "clone", "alias", "detach", "lift_fresh_copy", "contiguous")
def converted(program: Program, x: Array, *, kind: str, **options: Any) -> Array:
    """Return x in another type."""
    truth = options.get("dtype") is torch.bool
    return elementwise("ne", x, 0) if truth else as_array(x, kind)


@operator("full_like", "full", "scalar_tensor")
def filled(
    program: Program, x: Any, value: Any = None, *, kind: str, result_shape: Any, **_: Any
) -> Array:
    """Return a number in a shape."""
    number = x if value is None else value
    return as_array(number, kind).expand([_axes(n, columns) for n, columns in result_shape])


@operator("empty_permuted", "empty_like")
def unwritten(program: Program, *_: Any, kind: str, result_shape: Any, **__: Any) -> Array:
    """Return an array that is about to be overwritten."""
    return filled(program, 0.0, kind=kind, result_shape=result_shape)


@operator("copy")
def overwritten(
    program: Program, x: Array, values: Array, *, kind: str, result_shape: Any, **_: Any
) -> Array:
    """Return values in the shape and type of x."""
    dims = [_axes(n, columns) for n, columns in result_shape]
    return as_array(values, kind).expand(dims)


def _axes(size: int, columns: bool) -> tuple[int, ...]:
    return (COLUMNS,) * columns + ((size,) if size > 1 or not columns else ())


# ---- Views ----


@operator("permute")
def permute(program: Program, x: Array, dims: Sequence[int], **_: Any) -> Array:
    """Order the dimensions anew."""
    return x.permute([d % len(x.dims) for d in dims])


@operator("unsqueeze")
def unsqueeze(program: Program, x: Array, dim: int, **_: Any) -> Array:
    """Insert a dimension of size 1."""
    return x.insert(dim % (len(x.dims) + 1))


@operator("view", "squeeze", "_unsafe_view", "reshape")
def view(program: Program, x: Array, *_: Any, result_shape: Any, **__: Any) -> Array:
    """Divide the elements, in their order, into other dimensions."""
    found = x.reshape(result_shape)
    if found is None:
        ordered = program.stored(x, range(len(x.axes)))
        found = ordered.reshape(result_shape)
    if found is None:
        raise NotImplementedError("of elements in an order that has the columns within")
    return found


@operator("expand", "repeat")
def expand(program: Program, x: Array, sizes: Sequence[Any], result_shape: Any, **_: Any) -> Array:
    """Repeat dimensions of size 1."""
    added = len(result_shape) - len(x.dims)
    given = [(1,)] * added + list(x.dims)
    dims = [
        axes if axes != (1,) else _axes(*n) for axes, n in zip(given, result_shape, strict=True)
    ]
    for axes, (n, columns) in zip(dims, result_shape, strict=True):
        if math.prod(a for a in axes if a != COLUMNS) != n or (COLUMNS in axes) != columns:
            raise NotImplementedError("of a dimension that is larger than 1")
    if x.expression.cost > CHEAP and dims != given:
        x = program.stored(x)
    return x.expand(dims)


@operator("slice")
def sliced(
    program: Program,
    x: Array,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    **_: Any,
) -> Array:
    """Take a range of indices."""
    dim %= len(x.dims)
    if COLUMNS in x.dims[dim] and not start and (end is None or end >= 2**31) and step == 1:
        return x
    begin, stop, _step = slice(start, end, step).indices(x.size(dim))
    return x.narrow(dim, begin, len(range(begin, stop, step)), step)


@operator("select")
def select(program: Program, x: Array, dim: int, index: int, **_: Any) -> Array:
    """Take one index of a dimension."""
    dim %= len(x.dims)
    return x.narrow(dim, index % x.size(dim), 1).drop(dim)


@operator("flip")
def flip(program: Program, x: Array, dims: Sequence[int], **_: Any) -> Array:
    """Reverse dimensions."""
    for dim in (d % len(x.dims) for d in dims):
        x = x.narrow(dim, x.size(dim) - 1, x.size(dim), -1)
    return x


@operator("split_with_sizes")
def split(program: Program, x: Array, sizes: Sequence[int], dim: int = 0, **_: Any) -> list[Array]:
    """Divide a dimension into parts."""
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [x.narrow(dim % len(x.dims), s, n) for s, n in zip(starts, sizes, strict=True)]


@operator("cat")
def cat(program: Program, parts: Sequence[Array], dim: int = 0, *, kind: str, **_: Any) -> Array:
    """Write parts one after the other."""
    dim %= len(parts[0].dims)
    parts = [as_array(part, kind) for part in parts if part.size(dim)]
    total = sum(part.size(dim) for part in parts)
    dims = [axes for axes in parts[0].dims]
    dims[dim] = (total,)
    axes = tuple(size for group in dims for size in group)
    place = parts[0].first_axis(dim)
    strides, rows = contiguous(axes, range(len(axes)))
    buffer, offset = Buffer(rows, kind), 0
    for part in parts:
        program.store(part, Leaf(buffer, offset, strides))
        offset += part.size(dim) * strides[place]
    return Array(tuple(dims), Leaf(buffer, 0, strides))


@operator("stack")
def stack(program: Program, parts: Sequence[Array], dim: int = 0, *, kind: str, **_: Any) -> Array:
    """Write parts one after the other along a new dimension."""
    dim %= len(parts[0].dims) + 1
    return cat(program, [part.insert(dim) for part in parts], dim, kind=kind)


@operator("constant_pad_nd")
def pad(
    program: Program, x: Array, margins: Sequence[int], value: float = 0, *, kind: str, **_: Any
) -> Array:
    """Add cells of one value before and behind; take away where a margin is negative."""
    for k in range(len(margins) // 2):
        dim = len(x.dims) - 1 - k
        before, after = margins[2 * k : 2 * k + 2]
        cut = max(-before, 0), max(-after, 0)
        if any(cut):
            x = x.narrow(dim, cut[0], x.size(dim) - sum(cut))
        edge = [(*x.dims[:dim], (n,), *x.dims[dim + 1 :]) for n in (max(before, 0), max(after, 0))]
        parts = [as_array(value, kind).expand(dims) for dims in edge]
        if before > 0 or after > 0:
            x = cat(program, [parts[0], x, parts[1]], dim, kind=kind)
    return x
