"""Files with a single fault, and what a reader makes of them.

A fault is drawn from a number: the file is cut short, a byte outside of its values is changed, or,
where a test writes the file anew, its units, axes or variables are. A reader must give the right
numbers or an error that names the file; :func:`outcomes` counts what it does. It reads in a process
of its own, since libraries may crash on damaged files.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ai4sim.tests.forms import Content

Arrays = Mapping[str, NDArray[Any]]
PATIENCE = 20.0
"""Seconds after which a reader is taken to hang."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file with a fault.

    Attributes
    ----------
    seed : int
    fault : str
    verdict : str
        ``right``: the numbers of the whole file; ``refused``: an error that names the file;
        ``wrong``: other numbers; ``traceback``: an error that does not name it; ``crash``: the
        process ended; ``hang``.
    detail : str
    seconds : float
    """

    seed: int
    fault: str
    verdict: str
    detail: str
    seconds: float


def cut_short(path: Path, rng: np.random.Generator) -> str:
    """Cut a file short, anywhere."""
    size = path.stat().st_size
    kept = int(rng.integers(0, size))
    with path.open("r+b") as file:
        file.truncate(kept)
    return f"{kept} of {size} bytes"


def flip_a_byte(path: Path, rng: np.random.Generator) -> str:
    """Change one byte of what a file says of its values, not of the values."""
    content = bytearray(path.read_bytes())
    places = np.setdiff1d(np.arange(len(content)), _values_of(path, len(content)))
    place, mask = int(rng.choice(places)), int(rng.integers(1, 256))
    content[place] ^= mask
    path.write_bytes(content)
    return f"byte {place} xor {mask}"


def _values_of(path: Path, size: int) -> NDArray[np.int64]:
    """Return the places in a file where values are."""
    if not h5py.is_hdf5(path):
        from ai4sim.io.formats import classic_variables

        header, records, variables = classic_variables(path)
        return np.arange(header, size)
    parts: list[NDArray[np.int64]] = [np.arange(0)]
    with h5py.File(path, "r") as file:
        datasets: list[h5py.Dataset] = []
        file.visititems(lambda _, item: datasets.append(item) if hasattr(item, "dtype") else None)
        for dataset in datasets:
            stored = dataset.id
            if dataset.chunks:
                chunks = [stored.get_chunk_info(i) for i in range(stored.get_num_chunks())]
                parts += [np.arange(c.byte_offset, c.byte_offset + c.size) for c in chunks]
            elif stored.get_offset() is not None:
                start = stored.get_offset()
                parts.append(np.arange(start, start + stored.get_storage_size()))
    return np.concatenate(parts)


def change_units(content: dict[str, Content], rng: np.random.Generator) -> str:
    """Give a variable the units of something else, its values left as they are."""
    name = str(rng.choice([name for name, variable in content.items() if variable.units]))
    found = content[name].units
    others = [u for u in ("K", "Pa", "m/s", "W/m2", "kg/kg", "degrees_north", "s") if u != found]
    content[name] = replace(content[name], units=str(rng.choice(others)))
    return f"{name} in {content[name].units}"


def swap_axes(content: dict[str, Content], rng: np.random.Generator) -> str:
    """Turn the values of a variable, but not the names of its axes."""
    several = [name for name, variable in content.items() if variable.values.ndim > 1]
    name = str(rng.choice(several))
    variable = content[name]
    a, b = rng.choice(variable.values.ndim, 2, replace=False).tolist()
    names = [f"{d}_of_{name}" for d in variable.dimensions]
    names[a], names[b] = names[b], names[a]
    content[name] = replace(
        variable, dimensions=tuple(names), values=np.swapaxes(variable.values, a, b)
    )
    return f"{name} with axes {a} and {b} swapped"


def drop_a_variable(content: dict[str, Content], rng: np.random.Generator) -> str:
    """Leave a variable out."""
    name = str(rng.choice(list(content)))
    del content[name]
    return f"no {name}"


def outcomes(
    damage: Callable[[int, Path], tuple[Path, str]],
    read: Callable[[Path], Arrays],
    expected: Arrays,
    seeds: Iterable[int],
    folder: Path,
    *,
    tolerances: Mapping[str, float] | None = None,
) -> list[Outcome]:
    """Read damaged files, each in a process that may crash.

    Parameters
    ----------
    damage : callable
        Of a seed and a folder: writes a file with a fault there, and returns it with a description.
    read : callable
        The reader: arrays by name, of what is there.
    expected : mapping of str to array
        What the whole file holds. An array that the reader does not give is no wrong one.
    seeds : iterable of int
    folder : path
    tolerances : mapping of str to float, optional
        How far values may be from those expected; by default the rounding of single precision.
    """
    left, found = list(seeds), []
    context = multiprocessing.get_context("fork")
    while left:
        here, there = context.Pipe()
        arguments = (damage, read, expected, left, folder, tolerances or {}, there)
        worker = context.Process(target=_serve, args=arguments, daemon=True)
        worker.start()
        there.close()
        current = ""
        try:
            while left:
                if not here.poll(PATIENCE):
                    found.append(Outcome(left.pop(0), current, "hang", "", PATIENCE))
                    break
                message = here.recv()
                if isinstance(message, str):
                    current = message
                else:
                    found.append(message)
                    left.pop(0)
        except EOFError:
            found.append(Outcome(left.pop(0), current, "crash", "", 0.0))
        finally:
            worker.kill()
            worker.join()
            here.close()
    return found


def verdicts(found: Iterable[Outcome]) -> Counter[str]:
    """Count outcomes by verdict."""
    return Counter(outcome.verdict for outcome in found)


def _serve(
    damage: Callable[[int, Path], tuple[Path, str]],
    read: Callable[[Path], Arrays],
    expected: Arrays,
    seeds: Iterable[int],
    folder: Path,
    tolerances: Mapping[str, float],
    results: Connection,
) -> None:
    for seed in seeds:
        path, fault = damage(seed, folder)
        results.send(fault)
        start = time.perf_counter()
        verdict, detail = _judge(read, path, expected, tolerances)
        results.send(Outcome(seed, fault, verdict, detail, time.perf_counter() - start))


def _judge(
    read: Callable[[Path], Arrays], path: Path, expected: Arrays, tolerances: Mapping[str, float]
) -> tuple[str, str]:
    try:
        given = read(path)
    except (ValueError, FileNotFoundError) as error:
        return ("refused" if path.name in str(error) else "traceback"), repr(error)
    except Exception as error:  # noqa: BLE001  any other error is what is looked for
        return "traceback", repr(error)
    for name, values in given.items():
        there, meant = np.asarray(values), np.asarray(expected[name])
        if there.shape != meant.shape:
            return "wrong", f"{name} has shape {there.shape}, expected {meant.shape}"
        limit = tolerances.get(name, 1e-6 * float(np.nanmax(np.abs(meant), initial=0.0)))
        off = ~(np.abs(there - meant) <= limit) & ~(np.isnan(there) & np.isnan(meant))
        if off.any():
            place = tuple(np.argwhere(off)[0].tolist())
            return "wrong", f"{name}{place} is {there[place]}, expected {meant[place]}"
    return "right", ""
