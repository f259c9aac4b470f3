"""The call that a host program makes: named arguments in physical units, and the module behind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable

Samples = Mapping[str, Tensor]
"""The tensors of a batch by name, as a fit keeps them beside the weights."""
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""The names that Fortran, C and C++ have in common; room for the suffixes of the functions."""


@dataclass(frozen=True)
class Routine:
    """A surrogate of columns or points as a call.

    Attributes
    ----------
    name : str
        The name of the call, of the library and of its files, such as ``gwd_drag``.
    title : str
        The physics, in a few words.
    inputs, outputs : tuple of Variable
        The arguments, in order. A variable with levels is a profile.
    module : torch.nn.Module
        Maps (column, input channel) to (column, output channel), physical units, float32.
    rows : callable
        Takes the samples of a fit to (column, input channel).
    block : int
        The number of columns that the network runs at once; the fastest one on a processor.
    bounds : mapping of str to Bounds
        The bounds that physics gives to inputs, in their units. A value beyond them is refused.
    first_level : str
        Where the first level of a profile lies, such as ``the top of the atmosphere``.
    """

    name: str
    title: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    module: nn.Module
    rows: Callable[[Samples], Tensor]
    block: int = 64
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    first_level: str = "top"

    def __post_init__(self) -> None:
        names = [self.name, *(v.name for v in (*self.inputs, *self.outputs))]
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
    def answers(self, rows: Tensor) -> Tensor:
        """Return what PyTorch makes of (column, input channel): (column, output channel)."""
        found: Tensor = self.module.eval()(rows)
        return found


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
