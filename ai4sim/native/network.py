"""The network of a routine as a shared object: torch.export, then AOTInductor."""

from __future__ import annotations

import copy
import platform
import shutil
import subprocess
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ai4sim.export import make_compilable, small_graph
from ai4sim.native.derivatives import Differential
from ai4sim.native.routine import Columns, Exchange, Grid, Mesh, Routine, example_of

Processor = Literal["native", "x86-64-v3", "x86-64-v4"]
"""The processors that a library runs on, as the compiler's option ``-march`` names them."""
Backend = Literal["aoti", "c"]
"""The forms of a network in a library: AOTInductor's with libtorch, or generated C."""
GCC_ONLY = "-fno-tree-pre"
VECTOR_BITS = {"x86-64-v3": 256, "x86-64-v4": 512}
MOST_COLUMNS, MOST_CELLS = 2**20, 4096
"""The number of columns of a call of the network, and of cells along an axis, at most."""
FEATURES = {
    "__AVX2__": "avx2",
    "__FMA__": "fma",
    "__BMI2__": "bmi2",
    "__AVX512F__": "avx512f",
    "__AVX512BW__": "avx512bw",
    "__AVX512CD__": "avx512cd",
    "__AVX512DQ__": "avx512dq",
    "__AVX512VL__": "avx512vl",
    "__AVX512VBMI__": "avx512vbmi",
    "__AVX512VBMI2__": "avx512vbmi2",
    "__AVX512VNNI__": "avx512vnni",
    "__AVX512BITALG__": "avx512bitalg",
    "__AVX512VPOPCNTDQ__": "avx512vpopcntdq",
}
"""Macros of gcc and clang for instruction sets, and the names that __builtin_cpu_supports takes."""


def compile_network(routine: Routine, path: Path, processor: Processor) -> None:
    """Compile the module of a routine for any number of columns, or fields of any size.

    Parameters
    ----------
    routine : Columns, Grid or Mesh
    path : Path
        The shared object to write.
    processor : {"native", "x86-64-v3", "x86-64-v4"}
        The processors that it runs on.

    Raises
    ------
    RuntimeError
        AOTInductor, or the C++ compiler that it calls, refuses the network.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = compile_package(routine, Path(folder) / "network.pt2", processor)
        with zipfile.ZipFile(package) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".so")]
            with archive.open(name) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
    path.chmod(0o755)


def compile_package(routine: Routine, path: Path, processor: Processor) -> Path:
    """Compile the module of a routine into a package, which ``aoti_load_package`` of torch loads.

    Parameters and errors are those of :func:`compile_network`.
    """
    options: dict[str, Any] = {
        # The host shares out the cores: the number of threads is chosen where the library is used.
        "cpp.threads": 1,
        "aot_inductor.check_lowerbound": False,
    }
    if isinstance(routine, Mesh):
        # What a node sends is stored, and not computed anew for each edge and each few channels.
        options["realize_opcount_threshold"] = 5
    if processor != "native":
        options |= {"cpp.march": processor, "cpp.simdlen": VECTOR_BITS[processor]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch._inductor.aoti_compile_and_package(
            traced(routine), package_path=str(path), inductor_configs=options
        )
    return path


def traced(routine: Routine, columns: int | None = None) -> torch.export.ExportedProgram:
    """Return the module of a routine as a program of tensor operations.

    Its inputs are (column, channel) with a free number of columns; or one set of fields, (1, input,
    x, y, z), with free sizes, and (1, parameter); or (node, input), (2, edge), (edge, 3) with free
    numbers of nodes and edges, and (1, parameter); or the fields and tables of an exchange, whose
    sets have free sizes.

    Parameters
    ----------
    routine : Routine
    columns : int
        Of columns, their number instead of a free one: that takes a third of the time.
    """
    module = copy.deepcopy(routine.module).cpu().eval()
    make_compilable(module)
    if isinstance(routine, Columns):
        free = None if columns else {0: torch.export.Dim("columns", min=1, max=MOST_COLUMNS)}
        # A size of 1 would be taken for a rule: hence two columns.
        channels = sum(v.channels for v in routine.inputs)
        example: tuple[Tensor, ...] = (torch.zeros(columns or 2, channels),)
        if isinstance(module, Differential):
            module = module.as_operations(example[0].shape[1])
        return torch.export.export(module, example, dynamic_shapes=(free,))
    if isinstance(routine, Exchange):
        arguments, shapes = example_of(routine)
        return torch.export.export(module, arguments, dynamic_shapes=shapes)
    if isinstance(routine, Mesh):
        (fields, _, *graph), (nodes, _, *edges) = small_graph(len(routine.inputs))
        example = (fields, *graph, torch.ones(1, len(routine.parameters)))
        return torch.export.export(module, example, dynamic_shapes=(nodes, *edges, {}))
    assert isinstance(routine, Grid)
    sizes = {
        axis + 2: torch.export.Dim(f"n{name}", min=routine.least, max=MOST_CELLS)
        for axis, name in enumerate("xyz")
    }
    # Equal sizes, or multiples of a coarse cell, would be taken for a rule, too.
    size = [routine.least + odd for odd in (3, 5, 10)]
    example = (torch.zeros(1, len(routine.inputs), *size), torch.ones(1, len(routine.parameters)))
    return torch.export.export(module, example, dynamic_shapes=(sizes, {}))


def vector_options(processor: Processor, compiler: Sequence[str]) -> list[str]:
    """Return the options with which gcc and clang make vector code of generated C.

    None of them lets a compiler reorder sums, take NaN for impossible, or fuse a product with a sum
    where PyTorch does not: the difference of two equal products would not be zero. Partial
    redundancy elimination, of gcc only, would put branches into loops.
    """
    options = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
    options += ["-fno-strict-aliasing", f"-march={processor}"]
    if platform.machine() == "x86_64":
        options.append(f"-mprefer-vector-width={VECTOR_BITS.get(processor, 512)}")
    command = [*compiler, "-Werror", GCC_ONLY, "-fsyntax-only", "-x", "c", "/dev/null"]
    known = not subprocess.run(command, capture_output=True, check=False).returncode
    return [*options, GCC_ONLY] if known else options


def needed_features(compiler: Sequence[str], processor: Processor) -> list[str]:
    """Return the instruction sets that a compiler may use for a processor.

    Parameters
    ----------
    compiler : sequence of str
        The command of gcc or clang.
    processor : {"native", "x86-64-v3", "x86-64-v4"}

    Returns
    -------
    list of str
        Names that ``__builtin_cpu_supports`` takes; empty on other than x86 processors.
    """
    command = [*compiler, f"-march={processor}", "-dM", "-E", "-x", "c", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    defined = {line.split()[1] for line in done.stdout.splitlines()}
    return [name for macro, name in FEATURES.items() if macro in defined]
