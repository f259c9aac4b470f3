"""The library of a surrogate called from Python, as any other host calls it: without PyTorch."""

from __future__ import annotations

import ctypes
import difflib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ai4sim.io.files import missing_file_error
from ai4sim.variables import Float32Array, Variable
from ai4sim.weights import DESCRIPTION

Call = Callable[..., dict[str, Float32Array]]
"""From the inputs of a library to its outputs, by name: (column,), or (column, level)."""


def load(folder: Path) -> tuple[Call, list[Variable]]:
    """Load the library of columns or points that ``trainer.py couple`` has made.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    call : callable
        Takes each input by its name, and returns the outputs by theirs. Raises ValueError, in the
        library's own words, where it refuses the inputs.
    inputs : list of Variable
        The names, units and numbers of levels that it takes.

    Raises
    ------
    FileNotFoundError
        There is no library.
    ValueError
        The folder does not describe a library of columns, or the library cannot be loaded.
    """
    if not (folder / DESCRIPTION).is_file():
        raise missing_file_error(folder / DESCRIPTION)
    card = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")).get("library")
    if not card or card["block"] is None:
        found = (
            "a surrogate that is not coupled" if not card else f"{card['name']}, not for columns"
        )
        raise ValueError(f"{folder}: expected a library of columns or points, found {found}")
    name: str = card["name"]
    inputs, outputs = (
        [Variable(v["name"], v["units"], v["levels"]) for v in card[which]]
        for which in ("inputs", "outputs")
    )
    path = (folder / f"lib{name}.so").resolve()
    if not path.is_file():
        raise missing_file_error(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != card["sha256"][path.name]:
        raise ValueError(
            f"{path} is not the library that {DESCRIPTION} beside it describes: damaged?"
        )
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    message = getattr(library, f"{name}_message")
    message.restype = ctypes.c_char_p

    def call(**given: ArrayLike) -> dict[str, Float32Array]:
        arrays = _checked(name, inputs, given)
        n = len(arrays[0])
        found = {
            v.name: np.empty((n,) if v.levels is None else (n, v.levels), np.float32)
            for v in outputs
        }
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*arrays, *found.values())]
        if getattr(library, name)(ctypes.c_int64(n), *pointers):
            raise ValueError(message().decode())
        return found

    return call, inputs


def _checked(name: str, inputs: list[Variable], given: dict[str, Any]) -> list[Float32Array]:
    """Return the inputs in the order of the call.

    Raises
    ------
    ValueError
        One is missing, unknown, or of another shape.
    """
    names = [v.name for v in inputs]
    for unknown in given.keys() - set(names):
        close = difflib.get_close_matches(unknown, names, n=1)
        raise ValueError(
            f"{name} has no input {unknown!r}{f': {close[0]}?' if close else ''}; it takes "
            f"{', '.join(names)}"
        )
    missing = [n for n in names if n not in given]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}; it takes {', '.join(names)}")
    arrays = [_real(f"{name}: {n}", given[n]) for n in names]
    columns = arrays[0].shape[:1]
    for v, array in zip(inputs, arrays, strict=True):
        levels = () if v.levels is None else (v.levels,)
        if array.shape != (*columns, *levels) or not columns:
            known = columns[0] if columns else "column"
            wanted = ", ".join(map(str, (known, *levels)))
            wanted += "" if levels else ","
            raise ValueError(
                f"{name}: {v.name} has the shape {array.shape}, expected ({wanted}), with as many "
                f"columns as {names[0]}"
            )
    return arrays


def _real(label: str, values: ArrayLike) -> Float32Array:
    """Return an array in single precision.

    Raises
    ------
    ValueError
        They are no real numbers, or some are masked.
    """
    try:
        array = np.asanyarray(values)
    except ValueError as error:
        raise ValueError(f"{label} is no array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{label} has values of type {array.dtype}, expected real numbers")
    if np.ma.is_masked(array):
        raise ValueError(f"{label} has {np.ma.count_masked(array)} masked values, expected none")
    with np.errstate(over="ignore"):  # the library refuses infinite values, with their place
        return np.asarray(array, dtype=np.float32, order="C")
