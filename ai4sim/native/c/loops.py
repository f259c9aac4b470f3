"""Loop nests in C that compute arrays, and the memory that their results share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ai4sim.native.c.arrays import (
    COLUMNS,
    Apply,
    Array,
    Buffer,
    Expression,
    Leaf,
    Literal,
    Lookup,
    contiguous,
    leaves,
)

GROUP = 16
"""Outputs of a dense layer whose weights lie together."""
ALIGNMENT = 16
"""Numbers to a multiple of which constants begin."""
KINDS = {"float": torch.float32, "double": torch.float64, "int": torch.int32}
Place = tuple[Buffer, int]
"""A buffer and a row of it."""


@dataclass
class Program:
    """Functions, the calls of them in order, and constants."""

    functions: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, list[Place]]] = field(default_factory=list)
    constants: list[Tensor] = field(default_factory=list)
    _places: dict[Buffer, int] = field(default_factory=dict)
    _known: dict[tuple[object, ...], Buffer] = field(default_factory=dict)

    # ---- Memory ----

    def constant(self, values: Tensor) -> Buffer:
        """Keep a constant; the same tensor once only."""
        kind = kind_of(values)
        values = values.detach().to(KINDS[kind]).contiguous().flatten()
        key = (kind, values.numpy().tobytes())
        if key not in self._known:
            buffer = Buffer(len(values), kind, columnwise=False)
            self._known[key], self._places[buffer] = buffer, sum(map(len, self.constants))
            words = values.view(torch.int32)
            room = -len(words) % ALIGNMENT
            self.constants.append(torch.nn.functional.pad(words, (0, room)))
        return self._known[key]

    def call(self, body: str, kinds: Sequence[str], places: Sequence[Place]) -> None:
        """Call a function of so many pointers, of which the first is where the result goes."""
        names = [f"a{k}" for k in range(len(places))]
        arguments = ", ".join(
            f"{'' if k == 0 else 'const '}{kind} *restrict {name}"
            for k, (kind, name) in enumerate(zip(kinds, names, strict=True))
        )
        text = f"({arguments})\n{{\n{body}}}\n"
        name = self.functions.setdefault(text, f"step_{len(self.functions) + 1}")
        self.calls.append((name, list(places)))

    def address(self, place: Place, offsets: dict[Buffer, int]) -> str:
        """Return the address of a place in C."""
        buffer, row = place
        if buffer.columnwise:
            words = f"scratch + {offsets[buffer] + row * buffer.words} * B"
            return words if buffer.kind == "float" else f"({buffer.kind} *)({words})"
        words = f"network_constants + {self._places[buffer] + row * buffer.words}"
        return words if buffer.kind == "float" else f"(const {buffer.kind} *)({words})"

    def share(self, kept: Sequence[Buffer]) -> tuple[dict[Buffer, int], int]:
        """Give each buffer its rows; those of values that are not needed any more are used again.

        Parameters
        ----------
        kept : sequence of Buffer
            The input, which is there before the first call, and the output.

        Returns
        -------
        offsets : dict of Buffer to int
            The first row of each, in rows of 32-bit words.
        rows : int
            The rows of all.
        """
        first, last = dict.fromkeys(kept, -1), dict.fromkeys(kept, len(self.calls))
        for k, (_, places) in enumerate(self.calls):
            for buffer, _ in places:
                if buffer.columnwise:
                    first.setdefault(buffer, k)
                    last[buffer] = max(last.get(buffer, k), k)
        offsets: dict[Buffer, int] = {}
        for buffer in sorted(first, key=lambda b: (-b.rows * b.words, first[b])):
            taken = sorted(
                (offsets[other], offsets[other] + other.rows * other.words)
                for other in offsets
                if first[other] <= last[buffer] and first[buffer] <= last[other]
            )
            offset = 0
            for begin, end in taken:
                if offset + buffer.rows * buffer.words <= begin:
                    break
                offset = max(offset, end)
                offset += -offset % buffer.words
            offsets[buffer] = offset
        return offsets, max((offsets[b] + b.rows * b.words for b in offsets), default=0)

    # ---- Loops ----

    def stored(self, array: Array, order: Sequence[int] | None = None) -> Array:
        """Compute an array into memory of its own, its axes in an order, slowest first."""
        if order is None:
            order = _natural_order(array)
        strides, rows = contiguous(array.axes, order)
        buffer = Buffer(rows, array.kind)
        leaf = Leaf(buffer, 0, strides)
        self.store(array, leaf)
        return Array(array.dims, leaf)

    def in_memory(self, array: Array) -> Array:
        """Return an array whose elements can be read again and again."""
        return array if isinstance(array.expression, Leaf) else self.stored(array)

    def store(self, array: Array, to: Leaf) -> None:
        """Compute an array into memory."""
        body = Body(array.axes, to, array.expression)
        order = sorted(body.loops, key=lambda k: -abs(to.strides[k]))
        body.nest(order, [f"{body.target(to)} = {body.text(array.expression)};"])
        self.call(body.lines(), body.kinds, body.places)

    def reduced(self, array: Array, over: Sequence[int], start: str, step: str) -> Array:
        """Combine the elements over some dimensions, which stay with size 1."""
        for dim in over:
            array.size(dim)
        dims = tuple((1,) if k in over else axes for k, axes in enumerate(array.dims))
        gone = {array.first_axis(dim) for dim in over}
        axes = tuple(1 if k in gone else size for k, size in enumerate(array.axes))
        kept = [k for k in _natural_order(array) if k not in gone]
        strides, rows = contiguous(axes, [*kept, *gone])
        to = Leaf(Buffer(rows, array.kind), 0, strides)
        body = Body(array.axes, to, array.expression, merge=False)
        value = body.text(array.expression)
        inner = Body.inner([f"sum[c] = {step.format('sum[c]', value)};"], body.temporaries)
        body.temporaries = []
        body.loop([k for k in kept if k in body.loops])
        body.add(f"{array.kind} sum[B];", *Body.inner([f"sum[c] = {start};"]))
        depth = body.depth
        body.loop([k for k in kept + sorted(gone) if k in gone and k in body.loops])
        body.add(*inner)
        body.close(depth)
        body.add(*Body.inner([f"{body.target(to)} = sum[c];"]))
        self.call(body.lines(), body.kinds, body.places)
        return Array(dims, to)

    def scanned(self, array: Array, dim: int, start: str, step: str, index: bool = False) -> Array:
        """Combine the elements up to each along a dimension; or find which one was taken last.

        Parameters
        ----------
        array : Array
        dim : int
        start, step : str
            The first value, and C code that combines it so far, {0}, with an element, {1}.
        index : bool
            Whether to return the index of the last element that `step` found better.
        """
        array.size(dim)
        along = array.first_axis(dim)
        strides, rows = contiguous(array.axes, _natural_order(array))
        to = Leaf(Buffer(rows, "int" if index else array.kind), 0, strides)
        body = Body(array.axes, to, array.expression, merge=False)
        value = body.text(array.expression)
        lines = [f"const {array.kind} x = {value};"]
        if index:
            lines += [
                f"const int better = {step.format('sum[c]', 'x')};",
                "sum[c] = better ? x : sum[c];",
                f"which[c] = better ? i{along} : which[c];",
                f"{body.target(to)} = which[c];",
            ]
        else:
            lines += [f"sum[c] = {step.format('sum[c]', 'x')};", f"{body.target(to)} = sum[c];"]
        inner = Body.inner(lines, body.temporaries)
        body.temporaries = []
        body.loop([k for k in body.loops if k != along])
        body.add(f"{array.kind} sum[B];", *(["int which[B];"] if index else []))
        body.add(*Body.inner([f"sum[c] = {start};", *(["which[c] = 0;"] if index else [])]))
        body.loop([along])
        body.add(*inner)
        self.call(body.lines(), body.kinds, body.places)
        return Array(array.dims, to)


class Body:
    """The body of a function: loops over axes, pointers to buffers, C code of expressions.

    Parameters
    ----------
    axes : tuple of int
        The sizes of what is looped over, columns among them.
    to : Leaf
        Where the result goes, the first pointer.
    expression : Expression
        What is computed.
    merge : bool
        Whether axes that follow each other everywhere in memory become one loop.
    """

    def __init__(
        self, axes: Sequence[int], to: Leaf, expression: Expression, merge: bool = True
    ) -> None:
        self.counts = list(axes)
        self.places: list[Place] = [(to.buffer, to.offset)]
        self.kinds = [to.kind]
        self.temporaries: list[str] = []
        self.depth = 0
        self._lines: list[str] = []
        self._names: dict[int, str] = {}
        self._uses = Counter[int]()
        self._count(expression)
        if merge:
            self._merge([to, *leaves(expression)])
        self.loops = [k for k, n in enumerate(self.counts) if n not in (1, COLUMNS)]

    def _count(self, expression: Expression) -> None:
        self._uses[id(expression)] += 1
        if self._uses[id(expression)] > 1:
            return
        match expression:
            case Apply():
                for k, argument in enumerate(expression.arguments):
                    for _ in range(expression.code.count(f"{{{k}}}")):
                        self._count(argument)
            case Lookup():
                self._count(expression.index)
            case _:
                pass

    def _merge(self, accessed: Sequence[Leaf]) -> None:
        """Join the loop over an axis with the loop inside, where memory allows."""
        order = sorted(
            (k for k, n in enumerate(self.counts) if n not in (1, COLUMNS)),
            key=lambda k: -abs(accessed[0].strides[k]),
        )
        inner = order[-1] if order else 0
        for outer in order[-2::-1]:
            if all(a.strides[outer] == a.strides[inner] * self.counts[inner] for a in accessed):
                self.counts[inner] *= self.counts[outer]
                self.counts[outer] = 1
            else:
                inner = outer

    def pointer(self, leaf: Leaf) -> str:
        """Return the name of the pointer to where a leaf begins."""
        place = (leaf.buffer, leaf.offset)
        if place not in self.places[1:]:
            self.places.append(place)
            self.kinds.append(leaf.kind)
        return f"a{self.places.index(place, 1)}"

    def _rows(self, leaf: Leaf, more: str = "") -> str:
        terms = [
            f"i{k}" if leaf.strides[k] == 1 else f"i{k} * {leaf.strides[k]}"
            for k, n in enumerate(self.counts)
            if n not in (1, COLUMNS) and leaf.strides[k]
        ]
        return " + ".join([*terms, *([more] if more else [])])

    def target(self, to: Leaf) -> str:
        """Return the element that is computed, as C code."""
        return self._element("a0", to)

    def _element(self, pointer: str, leaf: Leaf, more: str = "") -> str:
        rows = self._rows(leaf, more)
        if not leaf.buffer.columnwise:
            return f"{pointer}[{rows or 0}]"
        return f"{pointer}[({rows}) * B + c]" if rows else f"{pointer}[c]"

    def text(self, expression: Expression) -> str:
        """Return an expression as C code; what is needed twice becomes a temporary."""
        if id(expression) in self._names:
            return self._names[id(expression)]
        match expression:
            case Literal():
                return expression.text
            case Leaf():
                code = self._element(self.pointer(expression), expression)
            case Lookup():
                limit = f"within({self.text(expression.index)}, {expression.size})"
                step = limit if expression.stride == 1 else f"{limit} * {expression.stride}"
                code = self._element(self.pointer(expression.leaf), expression.leaf, step)
            case Apply():
                code = expression.code.format(*map(self.text, expression.arguments))
        if self._uses[id(expression)] > 1:
            name = f"t{len(self.temporaries)}"
            self.temporaries.append(f"const {expression.kind} {name} = {code};")
            self._names[id(expression)] = name
            return name
        return code

    # ---- Lines ----

    def add(self, *lines: str) -> None:
        """Add lines within the loops that are open."""
        self._lines += ["    " * (self.depth + 1) + line for line in lines]

    def loop(self, order: Sequence[int]) -> None:
        """Open loops over axes, slowest first."""
        for k in order:
            self.add(f"for (int i{k} = 0; i{k} < {self.counts[k]}; ++i{k}) {{")
            self.depth += 1

    def close(self, depth: int) -> None:
        """Close loops down to a depth."""
        while self.depth > depth:
            self.depth -= 1
            self.add("}")

    @staticmethod
    def inner(lines: Sequence[str], temporaries: Sequence[str] = ()) -> list[str]:
        """Return the loop over the columns of a block."""
        body = [*temporaries, *lines]
        if len(body) == 1:
            return ["for (int c = 0; c < B; ++c)", f"    {body[0]}"]
        return ["for (int c = 0; c < B; ++c) {", *(f"    {line}" for line in body), "}"]

    def nest(self, order: Sequence[int], lines: Sequence[str]) -> None:
        """Add loops over axes around the loop over columns."""
        self.loop(order)
        self.add(*self.inner(lines, self.temporaries))

    def lines(self) -> str:
        """Return the body with all loops closed."""
        self.close(0)
        return "".join(f"{line}\n" for line in self._lines)


def _natural_order(array: Array) -> list[int]:
    """Return the axes in the order that most of an array's elements have in memory already."""
    axes = array.axes
    best: Sequence[int] = (0,) * len(axes)
    rank = 0
    for leaf in leaves(array.expression):
        moving = math.prod(n for n, s in zip(axes, leaf.strides, strict=True) if s and n > 0)
        if leaf.buffer.columnwise and moving > rank:
            rank, best = moving, leaf.strides
    # Axes along which it does not move lie outside.
    return sorted(range(len(axes)), key=lambda k: -abs(best[k]) if best[k] else -math.inf)


def kind_of(values: Tensor) -> str:
    """Return the type in C of the elements of a tensor."""
    if not values.is_floating_point():
        return "int"
    return "double" if values.dtype == torch.float64 else "float"


def literal(value: float, kind: str) -> Literal:
    """Return a number as C writes it, to the last bit."""
    if kind == "int":
        return Literal(str(int(value)), kind)
    if math.isnan(value):
        return Literal("NAN", kind)
    if math.isinf(value):
        return Literal("INFINITY" if value > 0 else "-INFINITY", kind)
    if kind == "double":
        return Literal(f"({value.hex()})", kind)
    rounded = float(torch.tensor(value, dtype=torch.float32))
    if math.isinf(rounded):
        return literal(rounded, kind)
    return Literal(f"{rounded.hex()}f" if rounded >= 0 else f"({rounded.hex()}f)", kind)
