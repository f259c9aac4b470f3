"""How a file stores a dataset of the layout: the order of its axes and channels, and its units."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ai4sim.io.raw_variables import UNWRITTEN, RawVariable
from ai4sim.io.units import Conversion, conversion
from ai4sim.variables import Float32Array
from weather_forecast.bias_correction.io.layout import CHANNELS, DIMENSIONS, UNITS

NO_UNITS = {"", "1", "-", "none", "various", "mixed", "see channel_units"}
"""Attributes ``units`` of a dataset of several channels that say nothing of any of them."""
BY_VOLUME = re.compile(r"mol|vol|\bpp[mbtq]v\b|\bm\^?3\b", re.IGNORECASE)
BY_MASS = re.compile(r"\b[kmunµ]?g\b|gram|mass|\bpp[mbtq]m\b", re.IGNORECASE)
OTHER_DIRECTION = {"lat": re.compile("east|E$"), "lon": re.compile("north|N$")}
"""Directions that the units of a place cannot have."""


class StoredDataset(NamedTuple):
    """A dataset of the layout, as a file has it.

    Attributes
    ----------
    variable : RawVariable
    shape : tuple of int
        Its shape in the layout, (column, ...).
    axes : tuple of int
        The axes of the file in the order of the layout; further ones, of length one, at the end.
    columns : int, optional
        The axis of the columns; None where there is one column, and no axis for it.
    order : tuple of int
        For each channel of the layout, its place in the file.
    conversions : tuple of Conversion
        For each channel of the layout, from the units of the file.
    """

    variable: RawVariable
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    columns: int | None
    order: tuple[int, ...]
    conversions: tuple[Conversion, ...]

    @property
    def chunk(self) -> int:
        """Columns of a chunk of the file, 1 where it has none."""
        chunks = self.variable.chunks
        return chunks[self.columns] if chunks and self.columns is not None else 1

    @property
    def plain(self) -> bool:
        """Whether channels are in the order and in the units of the layout."""
        in_order = self.order == tuple(range(len(self.order)))
        return in_order and all(change.identity for change in self.conversions)

    def rounding(self, channel: int) -> float:
        """Return how far packing moves a value of a channel, in the units of the layout."""
        packed = self.variable.dtype.kind in "iu" and self.variable.packed
        step = float(self.variable.attributes.get("scale_factor", 1.0)) if packed else 0.0
        return 0.5 * abs(step * self.conversions[channel].scale)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read columns as they are stored, but decoded: (column, level, channel)."""
        index: list[Any] = [slice(None)] * self.variable.ndim
        if self.columns is not None:
            index[self.columns] = slice(start, stop)
        # Whoever reads compares each value with its bounds: fill values are beyond them.
        decode = self.variable.packed or any(abs(m) < UNWRITTEN for m in self.variable.markers)
        values = (self.variable.read if decode else self.variable.stored)(tuple(index))
        return values.transpose(self.axes).reshape(stop - start, -1, len(self.order))

    def converted(self, start: int, stop: int) -> NDArray[Any]:
        """Read columns of a dataset without channels or levels: (column,), in the right units."""
        return self.conversions[0].apply(self.read(start, stop).reshape(-1))

    def fill(self, rows: Float32Array, start: int) -> None:
        """Read columns from `start` into ``rows : (column, channel, level)``, converted."""
        values = self.read(start, start + len(rows))
        with np.errstate(over="ignore", invalid="ignore"):
            if self.plain:
                rows[...] = values.transpose(0, 2, 1)
                return
            for i, (place, change) in enumerate(zip(self.order, self.conversions, strict=True)):
                rows[:, i] = change.apply(values[..., place])


def find_stored(variable: RawVariable, name: str, sizes: Mapping[str, int]) -> StoredDataset:
    """Compare a variable with the dataset of the layout that it is to be.

    Parameters
    ----------
    variable : RawVariable
    name : str
        The dataset.
    sizes : mapping of str to int
        Sizes of the dimensions.

    Raises
    ------
    ValueError
        Its type, its shape, its channels or its units are others. The message has file and dataset.
    """
    if variable.dtype.kind not in "fiu":
        raise ValueError(
            f"{variable.path}: {name} holds values of the type {variable.dtype}, expected numbers"
        )
    shape = tuple(sizes[dimension] for dimension in DIMENSIONS[name])
    found = _axes(variable, name, sizes)
    rest = [axis for axis in range(variable.ndim) if axis not in found.values()]
    axes = [found[dimension] for dimension in DIMENSIONS[name] if dimension in found]
    order = _order(variable, name)
    return StoredDataset(
        variable,
        shape,
        (*axes, *rest),
        found.get("column"),
        order,
        _conversions(variable, name, order),
    )


# --- Axes ---


def _axes(variable: RawVariable, name: str, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the axis of each dimension of a dataset.

    Raises
    ------
    ValueError
        The shape is another one.
    """
    dimensions = DIMENSIONS[name]
    axes = match_axes(variable, dimensions, sizes)
    if axes is None:
        shape, expected = shape_of(variable), tuple(sizes[d] for d in dimensions)
        turned = sorted(variable.shape) == sorted(expected)
        advice = "; its axes are in another order, and their names do not say in which"
        raise ValueError(
            f"{variable.path}: {name} has shape {shape}, expected {expected} = "
            f"({', '.join(dimensions)}): col_inputs has {sizes['column']} columns of "
            f"{sizes['level']} levels" + (advice if turned else "")
        )
    return axes


def match_axes(
    variable: RawVariable, dimensions: Sequence[str], sizes: Mapping[str, int]
) -> dict[str, int] | None:
    """Return the axis of each dimension: by its name where axes have names, else by its place.

    Axes of length one may be missing, or be there without need. None if lengths do not fit.
    """
    axes = named_axes(variable, dimensions)
    rest = {i: n for i, n in enumerate(variable.shape) if n != 1 and i not in axes.values()}
    needed = {d: sizes[d] for d in dimensions if sizes[d] != 1 and d not in axes}
    if any(variable.shape[axis] != sizes[d] for d, axis in axes.items()):
        return None
    if list(rest.values()) != list(needed.values()):
        return None
    return {**axes, **dict(zip(needed, rest, strict=True))}


def named_axes(variable: RawVariable, dimensions: Sequence[str]) -> dict[str, int]:
    """Return the axes of a variable that have names of the layout."""
    names = list(variable.dimensions)
    return {d: names.index(d) for d in dimensions if names.count(d) == 1}


def shape_of(variable: RawVariable) -> str:
    """Return the shape of a variable, with the names of its axes where it has names."""
    named = any(variable.dimensions)
    return f"{variable.shape}" + (f" = ({', '.join(variable.dimensions)})" if named else "")


# --- Channels ---


def _texts(variable: RawVariable, attribute: str, separators: str) -> list[str] | None:
    """Return the entries of an attribute that lists something, None if there is none."""
    stored = variable.attributes.get(attribute)
    if stored is None:
        return None
    text = ",".join(str(part) for part in np.atleast_1d(stored).tolist())
    return [part.strip() for part in re.split(separators, text) if part.strip()]


def _order(variable: RawVariable, name: str) -> tuple[int, ...]:
    """Return where in the file each channel is, by its name where the file says so."""
    expected = list(CHANNELS.get(name, ("",)))
    found = _texts(variable, "channel_names", r"[,;\s]+")
    if name not in CHANNELS or not found or found == expected:
        return tuple(range(len(expected)))
    if sorted(found) == sorted(expected):
        return tuple(found.index(channel) for channel in expected)
    where = f"{variable.path}: {name}, attribute channel_names"
    if len(found) != len(expected):
        raise ValueError(
            f"{where}: {len(found)} channels, expected {len(expected)}; missing "
            f"{sorted(set(expected) - set(found))}, unknown {sorted(set(found) - set(expected))}"
        )
    place = next(i for i, c in enumerate(found) if c not in expected or c in found[:i])
    raise ValueError(f"{where}: channel {place} is '{found[place]}', expected '{expected[place]}'")


# --- Units ---


def _conversions(variable: RawVariable, name: str, order: Sequence[int]) -> tuple[Conversion, ...]:
    """Return how each channel is brought to the units of the layout."""
    if name not in CHANNELS:
        return (convert(variable, name, variable.units, UNITS[name]),)
    channels = CHANNELS[name]
    attribute, found = "channel_units", _texts(variable, "channel_units", "[,;]")
    if found is None and (variable.units or "").lower() not in NO_UNITS:
        attribute, found = "units", _texts(variable, "units", "[,;]")
    if found is None:
        return (Conversion(),) * len(channels)
    if len(found) != len(channels):
        raise ValueError(
            f"{variable.path}: {name}, attribute {attribute}: {len(found)} units, expected "
            f"{len(channels)}, one for each channel"
        )
    return tuple(
        convert(variable, f"{name}, channel {place} ({channel}),", found[place], units)
        for (channel, units), place in zip(channels.items(), order, strict=True)
    )


def convert(variable: RawVariable, name: str, found: str | None, expected: str) -> Conversion:
    """Return how values are brought to the units of the layout.

    Parameters
    ----------
    variable : RawVariable
    name : str
        Of the dataset, or of the channel, for messages.
    found : str, optional
        Units of the file; without any, values are taken to be in those of the layout.
    expected : str

    Raises
    ------
    ValueError
        They measure something else; a share of the volume is no share of the mass.
    """
    if found is None:
        return Conversion()
    kinds = {BY_VOLUME: BY_MASS, BY_MASS: BY_VOLUME}
    mixed = any(one.search(found) and other.search(expected) for one, other in kinds.items())
    turned = name in OTHER_DIRECTION and OTHER_DIRECTION[name].search(found)
    try:
        if mixed or turned:
            raise ValueError(found)
        return conversion(found, expected)
    except ValueError:
        raise ValueError(
            f'{variable.path}: {name} has the units "{found}", expected "{expected}" or units '
            "that can be converted to it"
        ) from None
