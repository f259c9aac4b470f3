"""The files that a host program needs: library, interfaces, reference samples, build files."""

from __future__ import annotations

import ctypes
import math
import os
import shlex
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from torch import Tensor

import ai4sim
from ai4sim.native.network import Processor, needed_features
from ai4sim.native.routine import Routine
from ai4sim.variables import Variable

SOURCES = Path(__file__).parent / "sources"
STORED = 4
"""The number of samples within the library, compared whenever it is loaded."""
TOLERANCE = 1e-5
"""The largest difference from PyTorch, over the range of an output, that a library may have."""
SIZES = (1, 7, 64, 1000)
"""The numbers of columns that a new library is compared at."""


def compiler(variable: str, *names: str) -> list[str]:
    """Return the command of a compiler: an environment variable, or the first that is installed.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    given = shlex.split(os.environ.get(variable, ""))
    for command in [given] if given else [[name] for name in names]:
        if shutil.which(command[0]):
            return command
    raise FileNotFoundError(
        f"no compiler: expected {variable} in the environment, or one of {', '.join(names)} on the "
        f"path{f'; {variable} is {shlex.join(given)}' if given else ''}. On Debian: apt install g++"
    )


def write_sources(routine: Routine, folder: Path, rows: Tensor, processor: Processor) -> None:
    """Write the interfaces, the build files, the reference samples, and the library's own sources.

    Parameters
    ----------
    routine : Routine
    folder : Path
    rows : Tensor, shape (sample, input channel)
        Physical units.
    processor : {"native", "x86-64-v3", "x86-64-v4"}
    """
    answers = routine.answers(rows)
    ranges = [float(part.amax() - part.amin()) for part in _parts(answers, routine.outputs)]
    known = {
        "r": routine,
        "version": ai4sim.__version__,
        "tolerance": TOLERANCE,
        "samples": rows[:STORED],
        "answers": answers[:STORED],
        # An output that never varies is compared by its size.
        "ranges": torch.tensor([r or float(answers.abs().amax()) or 1.0 for r in ranges]),
        "features": needed_features(compiler("CC", "cc", "gcc", "clang"), processor),
        **_helpers(routine),
    }
    environment = Environment(
        loader=PackageLoader("ai4sim.native"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["breakable"] = _broken
    (folder / "source").mkdir()
    for name in environment.list_templates(extensions=["jinja"]):
        file = name.removesuffix(".jinja").replace("name.", f"{routine.name}.")
        if file in ("check.f90", "config.cmake"):
            file = f"check_{routine.name}.f90" if file == "check.f90" else f"{routine.name}-{file}"
        place = folder / "source" if file.endswith(".c") else folder
        (place / file).write_text(environment.get_template(name).render(known), encoding="utf-8")
    for source in SOURCES.iterdir():
        if source.is_file():
            shutil.copyfile(source, folder / "source" / source.name)
    with (folder / "reference.bin").open("wb") as binary:
        np.asarray([len(rows)], dtype="<i4").tofile(binary)
        for values, variables in ((rows, routine.inputs), (answers, routine.outputs)):
            for part in _parts(values, variables):
                part.contiguous().numpy().astype("<f4").tofile(binary)


def build(routine: Routine, folder: Path) -> None:
    """Compile the library from the sources in a folder, beside the compiled network.

    Raises
    ------
    FileNotFoundError
        There is no compiler.
    RuntimeError
        The compiler's first error.
    """
    from torch.utils.cpp_extension import include_paths, library_paths

    source = folder / "source"
    c, cpp = compiler("CC", "cc", "gcc", "clang"), compiler("CXX", "c++", "g++", "clang++")
    flags = ["-O2", "-fPIC", "-fvisibility=hidden", "-Wall", f"-I{source}", f"-I{folder}"]
    objects = []
    for file in sorted(source.glob("*.c")):
        objects.append(file.with_suffix(".o"))
        _call([*c, "-std=gnu11", *flags, "-c", str(file), "-o", str(objects[-1])])
    includes = [option for path in include_paths() for option in ("-isystem", path)]
    objects.append(source / "network_aoti.o")
    flags += [f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}", *includes]
    _call([*cpp, "-std=c++20", *flags, "-c", f"{source}/network_aoti.cpp", "-o", str(objects[-1])])
    libraries = [
        option for path in library_paths() for option in (f"-L{path}", f"-Wl,-rpath,{path}")
    ]
    soname = f"lib{routine.name}.so"
    _call(
        [*cpp, "-shared", *map(str, objects), "-o", str(folder / soname), f"-Wl,-soname,{soname}"]
        + ["-Wl,--no-undefined", *libraries, "-ltorch_cpu", "-lc10", "-ldl", "-lpthread"]
    )
    for file in objects:
        file.unlink()


def largest_differences(routine: Routine, folder: Path, rows: Tensor) -> dict[str, float]:
    """Call the library, and compare with PyTorch at several sizes, in both orders and precisions.

    Parameters
    ----------
    routine : Routine
    folder : Path
    rows : Tensor, shape (sample, input channel)

    Returns
    -------
    dict of str to float
        The largest difference of each output, over its range in the samples.

    Raises
    ------
    RuntimeError
        The library returns an error.
    """
    library = ctypes.CDLL(str(folder / f"lib{routine.name}.so"))
    message = getattr(library, f"{routine.name}_message")
    message.restype = ctypes.c_char_p
    found = dict.fromkeys((v.name for v in routine.outputs), 0.0)
    expected = [part.numpy() for part in _parts(routine.answers(rows), routine.outputs)]
    ranges = [float(np.ptp(part)) or float(np.abs(part).max()) or 1.0 for part in expected]
    for n in SIZES:
        chosen = torch.arange(n) % len(rows)
        inputs = [part.numpy() for part in _parts(rows[chosen], routine.inputs)]
        for suffix, nproma in (("", 0), ("_f64", 0), ("_nproma", n + 3), ("_nproma_f64", n + 3)):
            kind = np.dtype(np.float64 if suffix.endswith("f64") else np.float32)
            given = [_ordered(values, kind, nproma) for values in inputs]
            outputs = [_ordered(part[chosen.numpy()] * 0, kind, nproma) for part in expected]
            sizes = [ctypes.c_int64(size) for size in (n, nproma) if size]
            pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (*given, *outputs)]
            if getattr(library, f"{routine.name}{suffix}")(*sizes, *pointers):
                raise RuntimeError(message().decode())
            for v, array, part, scale in zip(
                routine.outputs, outputs, expected, ranges, strict=True
            ):
                values = array[..., :n].T if nproma else array
                difference = float(np.abs(values - part[chosen.numpy()]).max()) / scale
                found[v.name] = max(found[v.name], difference)
    return found


def _ordered(values: NDArray[Any], kind: np.dtype[Any], nproma: int) -> NDArray[Any]:
    """Return columns, (n, level) or (n,), in the order of a call: the same, or (level, nproma)."""
    if not nproma:
        return np.ascontiguousarray(values, dtype=kind)
    array = np.zeros((*values.shape[1:], nproma), dtype=kind)
    array[..., : len(values)] = values.T
    return array


def _parts(values: Tensor, variables: Sequence[Variable]) -> Iterable[Tensor]:
    """Divide (column, channel) by variable: (column, level), or (column,) without levels."""
    parts = values.split([v.channels for v in variables], dim=-1)
    return [
        part[:, 0] if v.levels is None else part for v, part in zip(variables, parts, strict=True)
    ]


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).splitlines()
        errors = [line for line in lines if "error" in line] or lines or ["no message"]
        raise RuntimeError(f"{shlex.join(command[:1])} failed: {errors[0]}")


# --- What the templates call ---


def _helpers(routine: Routine) -> dict[str, Callable[..., str]]:
    """Return the functions that templates call: texts of arguments, bounds and numbers."""
    variables = (*routine.inputs, *routine.outputs)

    def c_arguments(kind: str) -> str:
        inputs = [f"const {kind} *{v.name}" for v in routine.inputs]
        given = ", ".join([*inputs, *(f"{kind} *{v.name}" for v in routine.outputs)])
        indent = " " * 8
        return ",\n" + textwrap.fill(given, 96, initial_indent=indent, subsequent_indent=indent)

    def names(which: str = "all") -> str:
        chosen = routine.inputs if which == "in" else variables
        return "".join(f", {v.name}" for v in chosen)

    def found(prefix: str) -> str:
        return "".join(f", {prefix}_{i}" for i in range(1, len(routine.outputs) + 1))

    def doubled() -> str:
        given = ("real({}, real64)", "transpose(real({}, real64))")
        return "".join(f", {given[v.levels is not None].format(v.name)}" for v in routine.inputs)

    def bounds(v: Variable) -> str:
        low, high = routine.bounds_of(v)
        return "" if math.isinf(low) and math.isinf(high) else f"{low:g} ... {high:g}"

    return {
        "c_arguments": c_arguments,
        "names": names,
        "found": found,
        "doubled": doubled,
        "bounds": bounds,
        "low": lambda v: _c_number(routine.bounds_of(v).low),
        "high": lambda v: _c_number(routine.bounds_of(v).high),
        "numbers": lambda values: "\n    ".join(
            textwrap.wrap(", ".join(f"{_c_number(x)}f" for x in values.flatten().tolist()), 96)
        ),
    }


def _c_number(value: float) -> str:
    """Return a number as C writes it, to the last bit."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return float(value).hex()


def _broken(arguments: str) -> str:
    """Return arguments on as many Fortran lines as they need."""
    return " &\n      ".join(textwrap.wrap(arguments, 80, break_long_words=False))
