"""Which axis of a dataset has its rows, and which ones the grid: by name, else by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ai4sim.io.raw_variables import RawVariable

ROW_DIMENSIONS = frozenset(
    ("row", "rows", "channel", "channels", "feature", "features", "variable", "variables")
)
"""Names of the dimension of the rows, where no other dataset tells it from those of the grid."""


class Axes(NamedTuple):
    """The axes of a dataset.

    Attributes
    ----------
    rows : int, optional
        The axis of the rows; None where each column has one value.
    grid : tuple of int, optional
        Its axis for each one of the grid; None where it has no such axis, being the same along it.
    """

    rows: int | None
    grid: tuple[int | None, ...]

    @property
    def order(self) -> list[int]:
        """The axes that there are, rows first, then those of the grid."""
        return [axis for axis in (self.rows, *self.grid) if axis is not None]

    def shape(self, rows: int | None, grid: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of a dataset with these axes, and so many rows or None, on a grid."""
        leading = () if rows is None else (rows,)
        if len(self.grid) != len(grid):
            return (*leading, *grid)
        pairs = [(axis, n) for axis, n in zip(self.grid, grid, strict=True) if axis is not None]
        if self.rows is not None:
            pairs += [(self.rows, n) for n in leading]
        return tuple(n for _, n in sorted(pairs))


def has_names(variable: RawVariable) -> bool:
    """Whether each axis has a name of its own."""
    names = variable.dimensions
    return bool(names) and all(names) and len(set(names)) == len(names)


def axes_of_inputs(
    x: RawVariable, others: Sequence[RawVariable], columns_first: bool = False
) -> Axes:
    """Return the axes of /x; those of its grid stay in their order.

    The rows stand along the axis whose dimension is not one of the other datasets.

    Parameters
    ----------
    x : RawVariable
    others : sequence of RawVariable
        On the same grid.
    columns_first : bool
        Where the axes have no names: whether the rows are the last one, not the first.

    Raises
    ------
    ValueError
        The names do not say which axis has the rows.
    """
    rows = x.ndim - 1 if columns_first else 0
    if has_names(x):
        shared = {name for other in others if has_names(other) for name in other.dimensions}
        own = [axis for axis, name in enumerate(x.dimensions) if name not in shared]
        known = [axis for axis in own if x.dimensions[axis].lower() in ROW_DIMENSIONS]
        chosen = known if len(known) == 1 else own
        if not chosen or (len(chosen) > 1 and 0 not in chosen):
            listed = ", ".join(f"{v.name} {v.dimensions}" for v in (x, *others))
            raise ValueError(
                f"{x.path}: which dimension of {x.name} has the rows? Expected one that is not of "
                f"the grid, and that no other dataset has; found {listed}"
            )
        rows = chosen[0]
    return Axes(rows, tuple(axis for axis in range(x.ndim) if axis != rows))


def axes_on_grid(
    variable: RawVariable, x: RawVariable, of_x: Axes, columns_first: bool = False
) -> Axes:
    """Return the axes of another dataset on the grid of /x.

    Parameters
    ----------
    variable : RawVariable
        /y, with rows as /x, or /lat, without, which may lack axes of the grid if they have names.
    x, of_x
        /x and its axes.
    columns_first : bool
        See :func:`axes_of_inputs`.

    Raises
    ------
    ValueError
        Its dimensions are not those of /x.
    """
    has_rows = variable.name == "y"
    if not (has_names(x) and has_names(variable)):
        grid = list(range(variable.ndim))
        rows = grid.pop(-1 if columns_first else 0) if has_rows and grid else None
        return Axes(rows, tuple(grid))
    names = [x.dimensions[axis] for axis in of_x.grid if axis is not None]
    places = {name: axis for axis, name in enumerate(variable.dimensions)}
    own = [axis for name, axis in places.items() if name not in names]
    lacking = [name for name in names if name not in places]
    if len(own) != has_rows or (has_rows and lacking):
        expected = f"{'one of the rows and ' if has_rows else ''}{tuple(names)}"
        raise ValueError(
            f"{variable.path}: {variable.name} has the dimensions {variable.dimensions}, expected "
            f"{expected} in any order: {x.name} has {x.dimensions}"
        )
    return Axes(own[0] if has_rows else None, tuple(places.get(name) for name in names))
