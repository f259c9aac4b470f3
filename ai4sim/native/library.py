"""The files that a host program needs: library, interfaces, reference samples, build files."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import subprocess
import textwrap
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined
from torch import Tensor

import ai4sim
from ai4sim.export import MOST_EDGES, MOST_NODES
from ai4sim.native.compare import TOLERANCE, expected, parts_of, ranges, stored_sample
from ai4sim.native.network import (
    MOST_CELLS,
    Backend,
    Processor,
    needed_features,
    vector_options,
)
from ai4sim.native.routine import Columns, Exchange, Mesh, Routine
from ai4sim.variables import Variable

SOURCES = Path(__file__).parent / "sources"
COMPILED_FOR_PROCESSOR = ("network", "copies")
"""How the names of sources begin that run only after the processor has been checked."""
NAMED = {"check.f90": "check_{}.f90", "config.cmake": "{}-config.cmake"}
"""Files whose name holds that of the routine, but does not begin with it."""


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


def write_sources(
    routine: Routine,
    folder: Path,
    samples: tuple[Tensor, ...],
    processor: Processor,
    backend: Backend = "aoti",
) -> None:
    """Write the interfaces, the build files, the reference samples, and the library's own sources.

    Parameters
    ----------
    routine : Columns, Grid or Mesh
    folder : Path
    samples : tuple of Tensor
        Of columns (sample, channel); of a grid (sample, input, x, y, z) and (sample, parameter); of
        a mesh (node, input), (node, 3), (edge, 2) and (1, parameter). Physical units.
    processor : {"native", "x86-64-v3", "x86-64-v4"}
    backend : {"aoti", "c"}
    """
    answers = expected(routine, samples)
    inside = stored_sample(routine, samples)
    known = {
        "r": routine,
        "backend": backend,
        "places": routine.places,
        "version": ai4sim.__version__,
        "tolerance": TOLERANCE,
        "samples": inside[0],
        "sample_parameters": inside[-1],
        "answers": expected(routine, inside),
        "ranges": torch.tensor(ranges(routine, answers, samples)),
        "exchange": _stored_exchange(routine, inside) if isinstance(routine, Exchange) else {},
        "most_cells": MOST_CELLS,
        "most_nodes": MOST_NODES,
        "most_edges": MOST_EDGES,
        "edge_bounds": torch.tensor(getattr(routine, "edge", ()), dtype=torch.float64),
        "graph": Mesh.arguments(inside)[1:3] if isinstance(routine, Mesh) else (),
        "reach": _reach(routine),
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
    environment.filters["continued"] = _continued
    (folder / "source").mkdir()
    for template in environment.list_templates(extensions=["jinja"]):
        of, _, name = template.rpartition("/")
        if of not in ("", routine.kind):
            continue
        file = name.removesuffix(".jinja").replace("name.", f"{routine.name}.")
        file = NAMED.get(file, file).format(routine.name)
        place = folder / "source" if file.endswith(".c") else folder
        text = environment.get_template(template).render(known)
        (place / file).write_text(text, encoding="utf-8")
    for place in (SOURCES, SOURCES / routine.kind, SOURCES / backend):
        for source in filter(Path.is_file, place.iterdir()):
            shutil.copyfile(source, folder / "source" / source.name)
    _write_reference(routine, folder / "reference.bin", samples, answers)


def _write_reference(
    routine: Routine, path: Path, samples: tuple[Tensor, ...], answers: Tensor
) -> None:
    """Write samples and answers: little-endian, sizes as int32, then values as float32.

    The sizes of a mesh are followed by its positions, as float64, and its edges, as int32 from 1.
    The sizes of an exchange are followed by its tables.
    """
    with path.open("wb") as file:
        if isinstance(routine, Columns):
            np.asarray([len(answers)], dtype="<i4").tofile(file)
            parts = [*parts_of(samples[0], routine.inputs), *parts_of(answers, routine.outputs)]
        elif isinstance(routine, Exchange):
            np.asarray(routine.sizes(samples), dtype="<i4").tofile(file)
            inputs = len(routine.inputs)
            for table, values in zip(routine.tables, samples[inputs:], strict=True):
                kept = values.numpy().astype("<f4") if table.to is None else values.numpy() + 1
                kept.astype("<f4" if table.to is None else "<i4").tofile(file)
            parts = [*samples[:inputs], *routine.outputs_of(answers, routine.sizes(samples))]
        elif isinstance(routine, Mesh):
            fields, positions, edges, parameters = samples
            np.asarray([len(positions), len(edges)], dtype="<i4").tofile(file)
            positions.contiguous().numpy().astype("<f8").tofile(file)
            (edges + 1).numpy().astype("<i4").tofile(file)
            parts = [parameters, *fields.unbind(1), *answers.unbind(1)]
        else:
            np.asarray([len(answers), *answers.shape[2:]], dtype="<i4").tofile(file)
            fields, parameters = samples
            parts = [x for sample in zip(parameters, fields, answers, strict=True) for x in sample]
        for part in parts:
            part.contiguous().numpy().astype("<f4").tofile(file)


def _stored_exchange(routine: Exchange, inside: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Return the stored sample of an exchange: sizes, inputs, tables of values and of numbers."""
    inputs = len(routine.inputs)
    tables = list(zip(routine.tables, inside[inputs:], strict=True))
    return {
        "sizes": torch.tensor(routine.sizes(inside)),
        "inputs": torch.cat([x.flatten() for x in inside[:inputs]]),
        "reals": torch.cat([x.flatten() for table, x in tables if table.to is None]),
        "numbers": torch.cat([x.flatten() for table, x in tables if table.to]),
    }


def build(
    routine: Routine, folder: Path, backend: Backend = "aoti", processor: Processor = "native"
) -> None:
    """Compile the library from the sources in a folder.

    Parameters
    ----------
    routine : Columns, Grid or Mesh
    folder : Path
        Of the back end "aoti" it holds the compiled network, too.
    backend : {"aoti", "c"}
    processor : {"native", "x86-64-v3", "x86-64-v4"}

    Raises
    ------
    FileNotFoundError
        There is no compiler.
    RuntimeError
        The compiler's first error.
    """
    source = folder / "source"
    c = compiler("CC", "cc", "gcc", "clang")
    flags = [f"-DSURROGATE_{routine.kind.upper()}", "-fPIC", "-fvisibility=hidden", "-Wall"]
    flags += [f"-I{source}", f"-I{folder}"]
    # The rest runs on any processor: it refuses one that the network cannot run on.
    portable, fast = ["-O3", "-fno-trapping-math"], vector_options(processor, c)
    commands = {
        file.with_suffix(".o"): [
            *c,
            "-std=gnu11",
            *(fast if file.name.startswith(COMPILED_FOR_PROCESSOR) else portable),
            *flags,
            "-c",
            str(file),
        ]
        for file in sorted([*source.glob("*.c"), *source.glob("*.S")])
    }
    linker, libraries = c, ["-lm"]
    if backend == "aoti":
        cpp = compiler("CXX", "c++", "g++", "clang++")
        given, libraries = _torch_options()
        file = source / "network_aoti.cpp"
        network = (folder / f"lib{routine.name}_network.so").read_bytes()
        flags.append(f"-DNETWORK_CHECKSUM={zlib.crc32(network)}u")
        commands[file.with_suffix(".o")] = [
            *cpp,
            "-std=c++20",
            "-O2",
            *flags,
            *given,
            "-c",
            f"{file}",
        ]
        linker = cpp
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda item: _call([*item[1], "-o", str(item[0])]), commands.items()))
    soname = f"lib{routine.name}.so"
    _call(
        [*linker, "-shared", *map(str, commands), "-o", str(folder / soname)]
        + [f"-Wl,-soname,{soname}", "-Wl,--no-undefined", *libraries, "-ldl", "-lpthread"]
    )
    for made in commands:
        made.unlink()


def _torch_options() -> tuple[list[str], list[str]]:
    """Return what a compiler and a linker need to know to use libtorch."""
    from torch.utils.cpp_extension import include_paths, library_paths

    includes = [option for path in include_paths() for option in ("-isystem", path)]
    paths = [option for path in library_paths() for option in (f"-L{path}", f"-Wl,-rpath,{path}")]
    compatible = f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"
    return [compatible, *includes], [*paths, "-ltorch_cpu", "-lc10"]


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).splitlines()
        errors = [line for line in lines if "error" in line] or lines or ["no message"]
        raise RuntimeError(f"{shlex.join(command[:1])} failed: {errors[0]}")


# --- What the templates call ---


def _helpers(routine: Routine) -> dict[str, Callable[..., str]]:
    """Return the functions that templates call: texts of arguments, bounds and numbers."""
    variables = (*routine.inputs, *routine.parameters, *routine.outputs)

    def c_arguments(kind: str) -> str:
        inputs = [f"const {kind} *{v.name}" for v in routine.inputs]
        parameters = [f"{kind} {v.name}" for v in routine.parameters]
        outputs = [f"{kind} *{v.name}" for v in routine.outputs]
        given = ", ".join([*inputs, *parameters, *outputs])
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

    def as_double() -> str:
        return "".join(f", real({v.name}, real64)" for v in routine.inputs)

    def grid_call() -> str:
        given = [f"reordered({v.name})" for v in routine.inputs]
        given += [f"real(parameters({i + 1}), real64)" for i in range(len(routine.parameters))]
        return ", ".join(given) + found("found")

    def mesh_call(parameter: str, field: str, found_as: str) -> str:
        given = ["mesh", *(field % v.name for v in routine.inputs)]
        given += [parameter % (i + 1) for i in range(len(routine.parameters))]
        return ", ".join(given) + found(found_as)

    def table_arguments(whole: str) -> str:
        assert isinstance(routine, Exchange)
        kinds = [f"const {whole if t.to else 'double'} *{t.name}" for t in routine.tables]
        sizes = [f"int64_t {name}" for name in routine.sets]
        indent = " " * 8
        given = ", ".join([*sizes, *kinds, "int first", "int *grids"])
        return textwrap.fill(given, 96, initial_indent=indent, subsequent_indent=indent)

    def bounds(v: Variable) -> str:
        low, high = routine.bounds_of(v)
        return "" if math.isinf(low) and math.isinf(high) else f"{low:g} ... {high:g}"

    return {
        "c_arguments": c_arguments,
        "names": names,
        "found": found,
        "doubled": doubled,
        "as_double": as_double,
        "grid_call": grid_call,
        "mesh_call": mesh_call,
        "table_arguments": table_arguments,
        "c_number": _c_number,
        "fields": lambda: ", ".join(v.name for v in (*routine.inputs, *routine.outputs)),
        "doubles": lambda values: ", ".join(_c_number(x) for x in values.flatten().tolist()),
        "whole_numbers": lambda values: "\n    ".join(
            textwrap.wrap(", ".join(map(str, values.flatten().tolist())), 96)
        ),
        "bounds": bounds,
        "low": lambda v: _c_number(routine.bounds_of(v).low),
        "high": lambda v: _c_number(routine.bounds_of(v).high),
        "numbers": lambda values: "\n    ".join(
            textwrap.wrap(", ".join(f"{_c_number(x)}f" for x in values.flatten().tolist()), 96)
        ),
    }


def _reach(routine: Routine) -> str:
    """Return how far a result depends on other cells, in a sentence."""
    if isinstance(routine, Columns):
        return ""
    if isinstance(routine, Exchange):
        return routine.notes
    reach = getattr(routine, "reach", None)
    if reach is None:
        return "A result depends on the whole field."
    if isinstance(routine, Mesh):
        return f"A result depends on nodes up to {reach} edges away."
    return f"A result depends on cells up to {reach} away along an axis."


def _c_number(value: float) -> str:
    """Return a number as C writes it, to the last bit."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return float(value).hex()


def _continued(arguments: str) -> str:
    """Return arguments on as many lines of a Fortran comment as they need."""
    return "\n!       ".join(textwrap.wrap(arguments, 90, break_long_words=False))


def _broken(arguments: str) -> str:
    """Return arguments on as many Fortran lines as they need."""
    return " &\n      ".join(textwrap.wrap(arguments, 80, break_long_words=False))
