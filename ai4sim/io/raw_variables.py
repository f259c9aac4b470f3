"""Variables of raw files, decoded by the conventions of netCDF, whatever library reads them.

Values come as the attributes mean them, decoded by xarray: packed numbers unpacked, missing ones
NaN. What a library says of a file carries the name of the file and of the variable.
"""

from __future__ import annotations

import contextlib
import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
from numpy.typing import NDArray

from ai4sim.io.formats import Format

UNWRITTEN = 1e30
"""Beyond this no number is meant: what is not written is filled with 9.97e36, 1e33 ..."""
MARKERS = ("_FillValue", "missing_value")
"""Attributes that name values that stand for no number."""
PACKING = ("scale_factor", "add_offset", "_Unsigned")
"""Attributes that say how numbers are packed."""
STORAGE = frozenset(
    (*MARKERS, *PACKING, "valid_min", "valid_max", "valid_range", "actual_range", "_Encoding")
)
"""Attributes that describe how a file stores a variable: never to be copied to other storage."""


class RawVariable(ABC):
    """A variable of an open file.

    Attributes
    ----------
    path : Path
    name : str
    shape : tuple of int
    dimensions : tuple of str
        The names of its axes, "" where an axis has none.
    dtype : numpy dtype
        Of the values as stored.
    attributes : dict
        Plain values of Python, or arrays.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        shape: tuple[int, ...],
        dimensions: tuple[str, ...],
        dtype: np.dtype[Any],
        attributes: dict[str, Any],
    ) -> None:
        self.path, self.name, self.shape = path, name, shape
        self.dimensions, self.dtype, self.attributes = dimensions, dtype, attributes

    def __repr__(self) -> str:
        """Say which variable it is."""
        return f"{self.name} {self.shape} of {self.path}"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of the chunks that it is stored in, None if it is not."""
        return None

    @property
    def units(self) -> str | None:
        """The attribute ``units``, None if there is none or it is blank."""
        found = self.attributes.get("units")
        return str(found).strip() or None if found is not None else None

    @property
    def packed(self) -> bool:
        """Whether the stored numbers are to be scaled."""
        return any(name in self.attributes for name in PACKING)

    @property
    def markers(self) -> list[Any]:
        """The stored values that stand for no number; texts are none."""
        found = [np.ravel(self.attributes[name]) for name in MARKERS if name in self.attributes]
        return [v for values in found if values.dtype.kind in "fiu" for v in values.tolist()]

    @abstractmethod
    def stored(self, index: Any = ...) -> NDArray[Any]:
        """Return values as they are stored, in the byte order of this machine."""

    def read(self, index: Any = ..., *, zero_is_a_number: bool = False) -> NDArray[Any]:
        """Read the variable, or a part of it, as its attributes mean it.

        Parameters
        ----------
        index
            The part: integers, slices, as numpy takes them, without steps.
        zero_is_a_number : bool
            Whether a fill value of 0 is disregarded, since CROCO declares it where 0 occurs.

        Returns
        -------
        array
            Packed numbers unpacked (``scale_factor``, ``add_offset``, ``_Unsigned``); values that
            stand for none (``_FillValue``, ``missing_value``, what the library fills in) NaN.
            Integers that are not packed and have no such values stay integers. ``valid_range`` is
            disregarded, as xarray does.

        Raises
        ------
        ValueError
            The values cannot be read, or are no numbers. The message has file and variable.
        """
        values = self.stored(index)
        if values.dtype.kind not in "fiub":
            raise ValueError(
                f"{self.path}: {self.name} holds values of the type {values.dtype}, expected "
                "numbers"
            )
        self._check_spelling()
        return self._decoded(values, zero_is_a_number)

    def _check_spelling(self) -> None:
        """Raise ValueError for an attribute that is one of packing but for a letter or its case."""
        for name in self.attributes:
            for meant in PACKING:
                letters = sum(a != b for a, b in zip(name, meant, strict=False))
                near = len(name) == len(meant) and letters == 1
                if name != meant and (near or name.lower() == meant.lower()):
                    raise ValueError(
                        f"{self.path}: {self.name} has the attribute {name}: is {meant} meant? "
                        "Expected its exact name, or another one"
                    )

    def _decoded(self, values: NDArray[Any], zero_is_a_number: bool) -> NDArray[Any]:
        attributes = {
            name: self.attributes[name] for name in (*MARKERS, *PACKING) if name in self.attributes
        }
        if self.packed and values.dtype.kind in "iu" and not self.markers:
            # What was never written has the library's fill value, by the NetCDF Users' Guide.
            code = f"{values.dtype.kind}{values.dtype.itemsize}"
            if values.dtype.itemsize > 1:
                attributes["_FillValue"] = values.dtype.type(netCDF4.default_fillvals[code])
        for name in [name for name in MARKERS if name in attributes]:
            found = np.ravel(attributes[name])
            if found.dtype.kind not in "fiu":
                continue
            # The two large passes that this saves are most of the time of plain numbers.
            needless = not self.packed and values.dtype.kind == "f" and not _meant(found).any()
            if needless or (zero_is_a_number and (found == 0).any()):
                del attributes[name]
        if attributes:
            values = self._by_xarray(values, attributes)
        if values.dtype.kind == "f" and values.size:
            with np.errstate(invalid="ignore"):
                inside = values.max() <= UNWRITTEN and values.min() >= -UNWRITTEN  # not if NaN
                if not inside:
                    values = np.where(_meant(values), values, values.dtype.type(np.nan))
        return values

    def _by_xarray(self, values: NDArray[Any], attributes: dict[str, Any]) -> NDArray[Any]:
        dimensions = [f"axis_{i}" for i in range(values.ndim)]
        for name in {"scale_factor", "add_offset"} & attributes.keys():
            found = np.ravel(attributes[name])
            if found.dtype.kind == "f" and not np.isfinite(found).all():
                raise ValueError(
                    f"{self.path}: {self.name} has the attribute {name} {attributes[name]}, "
                    "expected a finite number"
                )
        import xarray  # which brings pandas: half a second that most commands need not spend

        try:
            stored = xarray.Variable(dimensions, values, attributes)
            with np.errstate(all="ignore"):
                decoded = xarray.conventions.decode_cf_variable(
                    self.name, stored, decode_times=False, concat_characters=False
                )
                unpacked: NDArray[Any] = np.asarray(decoded.values)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"{self.path}: {self.name} has the attributes {attributes}, which make no sense "
                f"for values of the type {values.dtype}: {error}"
            ) from error
        return unpacked


def _meant(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether numbers are meant: not NaN, and not what a library fills in."""
    return np.abs(values) <= UNWRITTEN


class RawFile(Mapping[str, RawVariable]):
    """An open file: its variables by name.

    Attributes
    ----------
    path : Path
    format : {"netCDF-4", "netCDF-3"}
    attributes : dict
        Of the file itself.
    dimensions : dict of str to int
        Their lengths, where the file names them.
    groups : sequence of str
        Members that hold others and are no variables.
    """

    groups: Sequence[str] = ()

    def __init__(
        self,
        path: Path,
        form: Format,
        attributes: dict[str, Any],
        dimensions: dict[str, int],
        names: list[str],
    ) -> None:
        self.path, self.format, self.attributes = path, form, attributes
        self.dimensions, self.names = dimensions, names
        self._opened: dict[str, RawVariable] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def first(self, *names: str) -> RawVariable:
        """Return the variable with the first of some names that there is.

        Raises
        ------
        ValueError
            There is none.
        """
        for name in names:
            if name in self:
                return self[name]
        raise ValueError(f"{self.path}: no variable {' or '.join(names)}; {self._found(names[0])}")

    def __getitem__(self, name: str) -> RawVariable:
        """Return a variable.

        Raises
        ------
        ValueError
            There is none, or it cannot be opened. (Use ``in`` to ask.)
        """
        if name not in self:
            raise ValueError(f"{self.path}: no variable {name}; {self._found(name)}")
        if name not in self._opened:
            self._opened[name] = self._open(name)
        return self._opened[name]

    def _found(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names, n=1)
        listed = ", ".join(self.names[:40]) + (", ..." if len(self.names) > 40 else "")
        return f"it has {listed or 'none'}" + (f"; the nearest is {near[0]}" if near else "")

    def _open(self, name: str) -> RawVariable:
        raise NotImplementedError


@contextlib.contextmanager
def reading(path: Path | str, name: str = "") -> Iterator[None]:
    """Give the errors of a library while it reads the names of file and variable.

    Raises
    ------
    ValueError
        Instead of the library's own.
    """
    place = f"{path}: {name}" if name else f"{path}"
    try:
        yield
    except (OSError, RuntimeError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(f"{place} cannot be read: {reason(error)}") from error
    except (MemoryError, OverflowError) as error:
        raise ValueError(f"{place} cannot be read: its size makes no sense ({error})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} cannot be read: {error}") from error
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{place} cannot be read: {error}") from error


def reason(error: Exception) -> str:
    """Return the text of an error; that of a KeyError without quotes."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def plain(value: Any) -> Any:
    """Return an attribute as a number, a text or an array."""
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        texts = [plain(item) for item in value.ravel().tolist()]
        return texts[0] if len(texts) == 1 else texts
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.ravel()[0]
    return value
