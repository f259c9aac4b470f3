"""The call that a host program makes: named arguments in physical units, and the module behind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.nets.graph import Graph
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable

Samples = Mapping[str, Tensor]
"""The tensors of a batch by name, as a fit keeps them beside the weights."""
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""The names that Fortran, C and C++ have in common; room for the suffixes of the functions."""


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
        names = [self.name, *(v.name for v in variables)]
        for name in names:
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a function or an argument in Fortran and C: expected "
                    "up to 40 small letters, digits and underscores, a letter first"
                )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"routine {self.name}: several arguments are named {', '.join(twice)}")

    def bounds_of(self, variable: Variable) -> Bounds:
        """Return the bounds of an input, infinite where physics gives none."""
        return self.bounds.get(variable.name, Bounds(-math.inf, math.inf))

    @torch.inference_mode()
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

    @staticmethod
    def arguments(samples: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the module's inputs of a mesh as `meshes` returns it."""
        fields, positions, edges, parameters = samples
        graph = Graph.from_edges(edges, positions)
        return fields, graph.edge_index, graph.offsets, parameters


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
