"""Physical quantities by name and unit, and the channels that they take; types of arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Batch = dict[str, Any]
"""What a loader serves: tensors by name, and facts about the samples."""
Periods = Sequence[int | None]
"""Cells after which a field repeats along each axis of space; None where it does not."""


@dataclass(frozen=True)
class Variable:
    """A channel, or a quantity of a column: its field-standard name and its unit.

    Attributes
    ----------
    name : str
        For instance ``progress_variable``.
    units : str
        For instance ``1/m``; ``1`` for a dimensionless quantity.
    levels : int, optional
        In a column, the levels of a profile: it takes as many channels. None is a single value.
    """

    name: str
    units: str
    levels: int | None = None

    @property
    def channels(self) -> int:
        """Number of channels that it takes."""
        return 1 if self.levels is None else self.levels


def plain(variable: Variable) -> dict[str, Any]:
    """Describe a variable; without levels as in the files of surrogates that know none."""
    return {name: value for name, value in asdict(variable).items() if value is not None}


def split_channels(values: Tensor, variables: Sequence[Variable]) -> dict[str, Tensor]:
    """Divide columns into their variables.

    Parameters
    ----------
    values : (column, channel)
    variables : sequence of Variable
        In the order of the channels.

    Returns
    -------
    dict of str to Tensor
        Views of `values`: (column, level) of a variable with levels, else (column,).

    Raises
    ------
    ValueError
        The variables have another number of channels.
    """
    channels = [v.channels for v in variables]
    if values.shape[-1] != sum(channels):
        raise ValueError(
            f"columns of {values.shape[-1]} channels: expected {sum(channels)}, "
            f"{', '.join(f'{v.name} {v.channels}' for v in variables)}"
        )
    parts = values.split(channels, dim=-1)
    return {
        v.name: part[..., 0] if v.levels is None else part
        for v, part in zip(variables, parts, strict=True)
    }


class ChannelLayout(ABC):
    """Samples whose channels are variables, one after the other."""

    @property
    @abstractmethod
    def inputs(self) -> Sequence[Variable]:
        """The variables of the inputs, in the order of their channels."""

    @property
    @abstractmethod
    def outputs(self) -> Sequence[Variable]:
        """The variables of the outputs, in the order of their channels."""

    @property
    def input_channels(self) -> int:
        """Number of channels of the inputs."""
        return sum(v.channels for v in self.inputs)

    @property
    def output_channels(self) -> int:
        """Number of channels of the outputs."""
        return sum(v.channels for v in self.outputs)

    def split_inputs(self, inputs: Tensor) -> dict[str, Tensor]:
        """Divide ``(sample, input_channels)`` by name: views (sample, level) or (sample,)."""
        return split_channels(inputs, self.inputs)

    def split_outputs(self, outputs: Tensor) -> dict[str, Tensor]:
        """Divide ``(sample, output_channels)`` by name: views (sample, level) or (sample,)."""
        return split_channels(outputs, self.outputs)
