"""Arrays of generated code: expressions over memory that are computed where they are needed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

COLUMNS = -1
"""The size of the axis of the columns."""
Axes = tuple[int, ...]
"""Sizes. Several belong to one dimension where the columns have been flattened with others."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """Memory of rows: each a block of columns, or a single number of a constant."""

    rows: int
    kind: str
    columnwise: bool = True

    @property
    def words(self) -> int:
        """Return the number of 32-bit words of an element."""
        return 2 if self.kind == "double" else 1


@dataclass(frozen=True, eq=False)
class Leaf:
    """An element of a buffer: an offset, and for each axis the rows from one index to the next."""

    buffer: Buffer
    offset: int
    strides: tuple[int, ...]

    kind = property(lambda self: self.buffer.kind)
    cost = 0


@dataclass(frozen=True, eq=False)
class Literal:
    """A number."""

    text: str
    kind: str
    cost = 0


@dataclass(frozen=True, eq=False)
class Apply:
    """C code with a place for each argument, and about how many additions it costs."""

    code: str
    arguments: tuple[Expression, ...]
    kind: str
    own_cost: int

    @property
    def cost(self) -> int:
        """The cost with that of the arguments."""
        return self.own_cost + sum(argument.cost for argument in self.arguments)


@dataclass(frozen=True, eq=False)
class Lookup:
    """The element of a leaf at an index that is computed, along an axis that the leaf lacks."""

    leaf: Leaf
    index: Expression
    stride: int
    size: int

    kind = property(lambda self: self.leaf.kind)

    @property
    def cost(self) -> int:
        """The cost of the index, and of an access without order."""
        return 4 + self.index.cost


Expression = Leaf | Literal | Apply | Lookup


def rewired(expression: Expression, change: Callable[[Leaf], Leaf]) -> Expression:
    """Change all leaves of an expression; what is shared stays shared."""
    done: dict[int, Expression] = {}

    def walk(e: Expression) -> Expression:
        if id(e) not in done:
            match e:
                case Leaf():
                    done[id(e)] = change(e)
                case Apply():
                    done[id(e)] = replace(e, arguments=tuple(map(walk, e.arguments)))
                case Lookup():
                    done[id(e)] = replace(e, leaf=change(e.leaf), index=walk(e.index))
                case Literal():
                    done[id(e)] = e
        return done[id(e)]

    return walk(expression)


def leaves(expression: Expression) -> Iterable[Leaf]:
    """Return the leaves of an expression, some more than once."""
    match expression:
        case Leaf():
            yield expression
        case Apply():
            for argument in expression.arguments:
                yield from leaves(argument)
        case Lookup():
            yield expression.leaf
            yield from leaves(expression.index)
        case Literal():
            pass


@dataclass(frozen=True, eq=False)
class Array:
    """An expression with dimensions.

    Attributes
    ----------
    dims : tuple of tuple of int
        For each dimension its axes: one, or several with the columns among them.
    expression : Expression
        Of one element; the strides of all leaves go over the axes of all dimensions.
    """

    dims: tuple[Axes, ...]
    expression: Expression

    @property
    def kind(self) -> str:
        """The type in C."""
        return self.expression.kind

    @property
    def axes(self) -> Axes:
        """The sizes of the axes of all dimensions."""
        return tuple(size for dim in self.dims for size in dim)

    @property
    def columnwise(self) -> bool:
        """Whether its dimensions have the columns."""
        return COLUMNS in self.axes

    def first_axis(self, dim: int) -> int:
        """Return the place of a dimension's first axis among the axes."""
        return sum(len(axes) for axes in self.dims[:dim])

    def size(self, dim: int) -> int:
        """Return the size of a dimension without columns.

        Raises
        ------
        NotImplementedError
            The dimension goes over columns.
        """
        if COLUMNS in self.dims[dim]:
            raise NotImplementedError("over the columns")
        return math.prod(self.dims[dim])

    def _with(self, dims: Sequence[Axes], change: Callable[[Leaf], Leaf]) -> Array:
        return Array(tuple(dims), rewired(self.expression, change))

    def permute(self, order: Sequence[int]) -> Array:
        """Order the dimensions anew."""
        places = [
            k
            for dim in order
            for k in range(self.first_axis(dim), self.first_axis(dim) + len(self.dims[dim]))
        ]
        return self._with(
            [self.dims[dim] for dim in order],
            lambda leaf: replace(leaf, strides=tuple(leaf.strides[k] for k in places)),
        )

    def narrow(self, dim: int, start: int, count: int, step: int = 1) -> Array:
        """Take so many indices of a dimension."""
        self.size(dim)
        k = self.first_axis(dim)

        def change(leaf: Leaf) -> Leaf:
            strides = list(leaf.strides)
            offset = leaf.offset + start * strides[k]
            strides[k] *= step
            return replace(leaf, offset=offset, strides=tuple(strides))

        return self._with([*self.dims[:dim], (count,), *self.dims[dim + 1 :]], change)

    def drop(self, dim: int) -> Array:
        """Leave out a dimension, whose first index is taken."""
        self.size(dim)
        k = self.first_axis(dim)
        return self._with(
            [*self.dims[:dim], *self.dims[dim + 1 :]],
            lambda leaf: replace(leaf, strides=leaf.strides[:k] + leaf.strides[k + 1 :]),
        )

    def insert(self, dim: int) -> Array:
        """Insert a dimension of size 1."""
        k = self.first_axis(dim)
        return self._with(
            [*self.dims[:dim], (1,), *self.dims[dim:]],
            lambda leaf: replace(leaf, strides=leaf.strides[:k] + (0,) + leaf.strides[k:]),
        )

    def expand(self, dims: Sequence[Axes]) -> Array:
        """Repeat dimensions of size 1; new ones come first."""
        array = self
        while len(array.dims) < len(dims):
            array = array.insert(0)
        for dim, (own, wanted) in enumerate(zip(array.dims, dims, strict=True)):
            if own != wanted:
                if own != (1,):
                    raise NotImplementedError(f"of {own} with {wanted}")
                array = array._repeated(dim, wanted)
        return array

    def _repeated(self, dim: int, axes: Axes) -> Array:
        k, zeros = self.first_axis(dim), (0,) * len(axes)
        return self._with(
            [*self.dims[:dim], axes, *self.dims[dim + 1 :]],
            lambda leaf: replace(leaf, strides=leaf.strides[:k] + zeros + leaf.strides[k + 1 :]),
        )

    def reshape(self, sizes: Sequence[tuple[int, bool]]) -> Array | None:
        """Divide the axes into other dimensions; None where memory has to be ordered first.

        Parameters
        ----------
        sizes : sequence of (int, bool)
            For each dimension its size without columns, and whether it goes over columns, too.
        """
        todo = [(k, size) for k, size in enumerate(self.axes) if size != 1]
        dims: list[Axes] = []
        origin: list[list[tuple[int, int]]] = []  # for each axis: axes that it is made of, and step
        for size, columns in sizes:
            group: list[int] = []
            while size > 1 or columns:
                k, n = todo.pop(0)
                if n == COLUMNS:
                    group.append(n)
                    origin.append([(k, 1)])
                    columns = False
                    continue
                taken = math.gcd(n, size)
                if taken == 1:
                    raise NotImplementedError("of sizes that do not divide each other")
                if taken != n:
                    todo.insert(0, (k, n // taken))
                step = n // taken
                size //= taken
                if group and group[-1] != COLUMNS:  # one axis of two
                    group[-1] *= taken
                    origin[-1].append((k, step))
                else:
                    group.append(taken)
                    origin.append([(k, step)])
            if not group:
                group = [1]
                origin.append([])
            dims.append(tuple(group))
        if not all(self._merges(leaf, origin) for leaf in leaves(self.expression)):
            return None
        return self._with(
            dims,
            lambda leaf: replace(
                leaf,
                strides=tuple(
                    leaf.strides[parts[-1][0]] * parts[-1][1] if parts else 0 for parts in origin
                ),
            ),
        )

    def _merges(self, leaf: Leaf, origin: Sequence[Sequence[tuple[int, int]]]) -> bool:
        """Say whether axes that become one follow each other in a leaf's memory."""
        for parts in origin:
            for (k, step), (inner, inner_step) in itertools.pairwise(parts):
                # What the inner axis takes of its own: all from here on.
                count = self.axes[inner] // inner_step
                if leaf.strides[k] * step != leaf.strides[inner] * inner_step * count:
                    return False
        return True


def contiguous(axes: Axes, order: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Return the strides of axes in an order, slowest first, and the number of rows."""
    strides, rows = [0] * len(axes), 1
    for k in reversed(order):
        if axes[k] != COLUMNS:
            strides[k] = rows if axes[k] > 1 else 0
            rows *= axes[k]
    return tuple(strides), rows


def broadcast(arrays: Sequence[Array]) -> list[Array]:
    """Expand arrays to the dimensions that they have together."""
    rank = max(len(a.dims) for a in arrays)
    padded = [((1,),) * (rank - len(a.dims)) + a.dims for a in arrays]
    dims = [next((axes for axes in dim if axes != (1,)), (1,)) for dim in zip(*padded, strict=True)]
    return [a.expand(dims) for a in arrays]
