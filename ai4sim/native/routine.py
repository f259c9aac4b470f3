"""The call that a host program makes: named arguments in physical units, and the module behind."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ai4sim.export import MOST_NODES
from ai4sim.io.ranges import Bounds
from ai4sim.nets.graph import Graph
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable

Samples = Mapping[str, Tensor]
"""The tensors of a batch by name, as a fit keeps them beside the weights."""
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""The names that Fortran, C and C++ have in common; room for the suffixes of the functions."""

WORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class co_await
    co_return co_yield compl concept const const_cast consteval constexpr constinit continue
    decltype default delete do double dynamic_cast else enum explicit export extern false float for
    friend goto if inline int linux long mutable namespace new noexcept not not_eq nullptr operator
    or or_eq private protected public register reinterpret_cast requires restrict return short
    signed sizeof static static_assert static_cast struct switch template this thread_local throw
    true try typedef typeid typename union unix unsigned using virtual void volatile wchar_t while
    xor xor_eq main
    abs allocated c_loc int8 int16 int32 int64 maxval merge minval present real real32 real64 shape
    size storage_size tiny transfer transpose trim
    """.split()
)
"""Words that C and C++ keep for themselves, and those of Fortran that its module uses."""


@dataclass(frozen=True, kw_only=True)
class Routine:
    """A surrogate as a call.

    Attributes
    ----------
    name : str
        The name of the call, of the library and of its files, such as ``gwd_drag``.
    title : str
        The physics, in a few words.
    inputs, outputs : tuple of Variable
        The arguments that are arrays, in order.
    module : torch.nn.Module
        Maps the inputs to the outputs, physical units, float32.
    bounds : mapping of str to Bounds
        The bounds that physics gives to inputs, in their units. A value beyond them is refused.
    """

    name: str
    title: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    module: nn.Module
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    parameters: tuple[Variable, ...] = ()
    kind: ClassVar[str]
    places: ClassVar[str]

    def __post_init__(self) -> None:
        variables = (*self.inputs, *self.outputs, *self.parameters)
        names = [self.name, *(v.name for v in variables), *self.other_names]
        for name in names:
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a function or an argument in Fortran and C: expected "
                    "up to 40 small letters, digits and underscores, a letter first"
                )
            if name in WORDS:
                raise ValueError(f"{name!r} is a word of C, C++ or Fortran: expected another name")
        if hasattr(ctypes.CDLL(None), self.name):
            raise ValueError(
                f"{self.name!r} is a function of the C library, which would call this one instead: "
                "choose another --name"
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"routine {self.name}: several arguments are named {', '.join(twice)}")

    @property
    def other_names(self) -> list[str]:
        """The arguments that are no variables."""
        return ["status"]

    def bounds_of(self, variable: Variable) -> Bounds:
        """Return the bounds of an input, infinite where physics gives none."""
        return self.bounds.get(variable.name, Bounds(-math.inf, math.inf))

    @torch.no_grad()
    def answers(self, *inputs: Tensor) -> Tensor:
        """Return the outputs that PyTorch computes."""
        found: Tensor = self.module.eval()(*inputs)
        return found


@dataclass(frozen=True, kw_only=True)
class Columns(Routine):
    """A surrogate of columns or points.

    The module maps (column, input channel) to (column, output channel). A variable with levels is a
    profile.

    Attributes
    ----------
    rows : callable
        Takes the samples of a fit to (column, input channel).
    block : int
        The number of columns that the network runs at once; the fastest one on a processor.
    first_level : str
        The place of the first level of a profile, such as ``the top of the atmosphere``.
    """

    rows: Callable[[Samples], Tensor]
    block: int = 64
    first_level: str
    kind: ClassVar[str] = "columns"
    places: ClassVar[str] = "columns"

    @property
    def other_names(self) -> list[str]:
        """The arguments that are no variables."""
        return ["n", "nproma", "status"]


@dataclass(frozen=True, kw_only=True)
class Grid(Routine):
    """A surrogate of fields on a grid with three axes.

    The module maps fields, (1, input, x, y, z), and parameters, (1, parameter), to fields, (1,
    output, x, y, z).

    Attributes
    ----------
    parameters : tuple of Variable
        The arguments that are single numbers.
    fields : callable
        Takes the samples of a fit to (sample, input, x, y, z) and (sample, parameter).
    halo : int
        The number of cells by which periodic fields are continued at each end.
    least : int
        The least number of cells along an axis.
    reach : int or None
        The distance, in cells, of the farthest cell that a result depends on; None where it is
        unknown or unlimited.
    """

    fields: Callable[[Samples], tuple[Tensor, Tensor]]
    halo: int
    least: int
    reach: int | None
    kind: ClassVar[str] = "grid"
    places: ClassVar[str] = "cells"

    @property
    def other_names(self) -> list[str]:
        """The arguments that are no variables."""
        return ["periodic", "status"]


@dataclass(frozen=True, kw_only=True)
class Mesh(Routine):
    """A surrogate of fields at the nodes of a mesh, whose edges join neighbours.

    The module maps fields, (node, input), the directed edges, (2, edge) int64, the position of the
    sender of each relative to its receiver, (edge, 3) [m], and parameters, (1, parameter), to
    fields, (node, output). Edges are those of :class:`ai4sim.nets.graph.Graph`.

    Attributes
    ----------
    parameters : tuple of Variable
        The arguments that are single numbers; the first one is the length by which the mesh is
        judged.
    meshes : callable
        Takes the samples of a fit to fields, (node, input), positions, (node, 3) [m], edges, (edge,
        2), each once, and parameters, (1, parameter).
    edge : Bounds
        The bounds of the mean edge over the first parameter. A mesh beyond them is refused.
    reach : int or None
        The distance, in edges, of the farthest node that a result depends on; None where it is
        unknown or unlimited.
    """

    meshes: Callable[[Samples], tuple[Tensor, ...]]
    edge: Bounds
    reach: int | None
    kind: ClassVar[str] = "mesh"
    places: ClassVar[str] = "nodes"

    @property
    def other_names(self) -> list[str]:
        """The arguments that are no variables."""
        return ["mesh", "positions", "elements", "first", "status"]

    @staticmethod
    def arguments(samples: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the module's inputs of a mesh as `meshes` returns it."""
        fields, positions, edges, parameters = samples
        graph = Graph.from_edges(edges, positions)
        return fields, graph.edge_index, graph.offsets, parameters


@dataclass(frozen=True)
class Table:
    """Values of each place of a set that never change, or numbers of places.

    Attributes
    ----------
    name : str
    meaning : str
        The explanation in the interfaces.
    of : str
        The set whose places have them.
    units : str
    width : tuple of int
        The axes beside that of the places, two at most.
    to : str or None
        The set whose places are numbered; None of values.
    bounds : Bounds
        The bounds of values.
    total : float or None
        What the values of a place add up to.
    """

    name: str
    meaning: str
    of: str
    units: str = "1"
    width: tuple[int, ...] = ()
    to: str | None = None
    bounds: Bounds = Bounds(-math.inf, math.inf)
    total: float | None = None


@dataclass(frozen=True, kw_only=True)
class Exchange(Routine):
    """A surrogate of fields on several sets of places, such as the points of two grids.

    The module, whose method is ``forward(self, *given)``, maps a tensor per input, (place,) or
    (place, level), and one per table, (place, *width), to all outputs in a row, (value,). Samples
    hold these tensors by name.

    Attributes
    ----------
    sets : tuple of str
        The names of the sets. The first one is what calls are counted in.
    on : mapping of str to str
        The set of each input and output.
    tables : tuple of Table
        They join the sets; the host gives them once.
    notes : str
        Sentences for the interfaces: which level is the first one, how far a result depends on
        other places.
    """

    sets: tuple[str, ...]
    on: Mapping[str, str]
    tables: tuple[Table, ...]
    notes: str
    kind: ClassVar[str] = "exchange"
    places: ClassVar[str] = "places"

    @property
    def other_names(self) -> list[str]:
        """The arguments that describe the grids."""
        return ["grids", "first", "status", *self.sets, *(table.name for table in self.tables)]

    @property
    def names(self) -> list[str]:
        """The names of the module's inputs."""
        return [*(v.name for v in self.inputs), *(t.name for t in self.tables)]

    def sizes(self, tensors: Sequence[Tensor]) -> list[int]:
        """Return the number of places of each set, from the module's inputs."""
        sets = [self.on[v.name] for v in self.inputs] + [t.of for t in self.tables]
        found = dict(zip(sets, (len(x) for x in tensors), strict=True))
        return [found[name] for name in self.sets]

    def outputs_of(self, answers: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Divide the module's result into outputs, (place,) or (place, level)."""
        size = dict(zip(self.sets, sizes, strict=True))
        counts = [size[self.on[v.name]] for v in self.outputs]
        lengths = [n * v.channels for n, v in zip(counts, self.outputs, strict=True)]
        return [
            part if v.levels is None else part.reshape(-1, v.levels)
            for part, v in zip(answers.split(lengths), self.outputs, strict=True)
        ]

    def part(self, tensors: Sequence[Tensor], places: int) -> tuple[Tensor, ...]:
        """Cut out the first places of the first set, with those of other sets that they need.

        Of a set whose tables number the first set, what is kept has all of its own inside.
        """
        whole = self.sizes(tensors)
        kept = {name: torch.ones(n, dtype=torch.bool) for name, n in zip(self.sets, whole)}
        main, tables = self.sets[0], list(zip(self.tables, tensors[len(self.inputs) :]))
        kept[main] = torch.arange(whole[0]) < places
        for table, numbers in tables:
            if table.to == main:
                kept[table.of] &= kept[main][numbers].flatten(1).all(1)
            elif table.to and table.of == main:
                used = numbers[kept[main]].unique()
                kept[table.to] = torch.zeros_like(kept[table.to]).index_fill(0, used, True)
        of = [self.on[v.name] for v in self.inputs] + [t.of for t in self.tables]
        parts = [x[kept[name]] for x, name in zip(tensors, of, strict=True)]
        for i, table in enumerate(self.tables, start=len(self.inputs)):
            if table.to:
                parts[i] = (kept[table.to].cumsum(0) - 1)[parts[i]]
        return tuple(parts)


def example_of(routine: Exchange) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    """Return arguments of the module of an exchange to trace it with, and their free sizes."""
    free = {name: torch.export.Dim(name, min=2, max=MOST_NODES) for name in routine.sets}
    # Sizes that are equal would be taken for a rule.
    sizes = {name: 7 + 4 * i for i, name in enumerate(routine.sets)}
    example = []
    for v in routine.inputs:
        low, high = routine.bounds_of(v)
        shape = (sizes[routine.on[v.name]], *(() if v.levels is None else (v.levels,)))
        example.append(torch.full(shape, (low + high) / 2 if math.isfinite(low + high) else 0.0))
    for t in routine.tables:
        kind = torch.int64 if t.to else torch.float32
        example.append(torch.zeros(sizes[t.of], *t.width, dtype=kind))
    on = [routine.on[v.name] for v in routine.inputs] + [t.of for t in routine.tables]
    return tuple(example), (tuple({0: free[name]} for name in on),)


class Applied(nn.Module):
    """A surrogate without an output scale: rows of its own input channels to its outputs.

    Parameters
    ----------
    surrogate : Surrogate
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, input channel) to (column, output channel), physical units."""
        outputs: Tensor = self.surrogate(rows)
        return outputs
