"""The command ``trainer.py couple``: from an experiment to a native library and its description."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import ai4sim
from ai4sim.experiment import Experiment, find_checkpoint
from ai4sim.io.files import atomic_folder, missing_file_error, write_json
from ai4sim.native.c.generate import write_network
from ai4sim.native.compare import TOLERANCE, largest_differences
from ai4sim.native.derivatives import Derivative, derivative_of
from ai4sim.native.library import build, write_sources
from ai4sim.native.network import Backend, Processor, compile_network
from ai4sim.native.onnx import require_onnx, write_onnx
from ai4sim.native.routine import Columns, Exchange, Grid, Mesh, Routine
from ai4sim.surrogate import Surrogate
from ai4sim.use_case import UseCase
from ai4sim.weights import DESCRIPTION, SAMPLES, WEIGHTS

log = logging.getLogger(__name__)


def command(use_case: UseCase, experiments: Path) -> Callable[..., None]:
    """Return the command ``couple`` of a use case, whose experiments lie in a folder."""

    def couple(
        to: Path,
        experiment: str = "best",
        name: str | None = None,
        on: str | None = None,
        derivative: Derivative | None = None,
        backend: Backend = "aoti",
        processor: Processor = "native",
        onnx: bool = False,
    ) -> None:
        """Turn a trained surrogate into a library that Fortran, C and C++ programs call.

        The folder holds all that a host program needs: the library, its interfaces for Fortran, C
        and C++, files for CMake and pkg-config, reference samples and a program that compares the
        library with them. A C compiler must be installed (gcc 9 or clang 11 or later), for the
        back end "aoti" a C++ compiler, too.

        Parameters
        ----------
        to : Path
            The folder to make. A folder that exists must be empty.
        experiment : str
            The name of the experiment, or "best" for the newest one that has a best checkpoint. A
            folder of artifacts is taken, too.
        name : str
            The name of the function and of the library, by default the use case's own.
        on : str
            Where the host has its fields, "grid" or "mesh", if the network takes both. By default
            where the training had them.
        derivative : {"tangent_linear", "adjoint"}
            Make the library of this derivative instead, for networks of columns and points.
        backend : {"aoti", "c"}
            The form of the network: compiled by AOTInductor, for all networks, with libtorch; or as
            generated C, for networks of columns and points, without any library.
        processor : {"native", "x86-64-v3", "x86-64-v4"}
            The processors that the library runs on: this machine's, or all with AVX2 or AVX-512.
        onnx : bool
            Write an ONNX model of the network, too. Needs the extra "onnx".

        Examples
        --------
        python trainer.py couple --experiment demo --to coupled
        """
        artifacts = _artifacts(experiments, experiment)
        surrogate = Surrogate.load(artifacts)
        routine = use_case.routine(surrogate, on)
        if derivative:
            routine = derivative_of(routine, derivative)
        if name:
            routine = replace(routine, name=name)
        samples = samples_of(routine, artifacts)
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise FileExistsError(f"--to {to}: expected a new or an empty folder")
        if onnx:
            require_onnx()
        with atomic_folder(to) as folder:
            _make(routine, folder, samples, backend, processor, artifacts)
            if onnx:
                write_onnx(routine, folder / f"{routine.name}.onnx", samples)
        log.info("%s holds lib%s.so; how to call it: %s", to, routine.name, to / "README.rst")

    return couple


def samples_of(routine: Routine, artifacts: Path) -> tuple[torch.Tensor, ...]:
    """Return the samples of the test set that a fit has kept: the inputs of a routine's module.

    Raises
    ------
    ValueError
        There are none.
    """
    path = artifacts / SAMPLES
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: a library is compared with PyTorch on samples that a fit keeps "
            "beside its weights. The run is older: train again, or for one epoch with --start_from "
            f"{artifacts}"
        )
    samples = load_file(path)
    if isinstance(routine, Columns):
        return (routine.rows(samples),)
    if isinstance(routine, Exchange):
        return tuple(samples[name] for name in routine.names)
    assert isinstance(routine, Grid | Mesh)
    return routine.fields(samples) if isinstance(routine, Grid) else routine.meshes(samples)


def _artifacts(experiments: Path, name: str) -> Path:
    """Return the folder with the weights of an experiment.

    Raises
    ------
    FileNotFoundError
        There is no such experiment, or it has not been exported.
    """
    if (Path(name) / WEIGHTS).is_file():
        return Path(name)
    named = Experiment(experiments / name)
    if not named.path.is_dir():
        checkpoint = find_checkpoint(experiments, "best", None if name == "best" else name)
        named = Experiment(checkpoint.parents[1])
        log.info("experiment %s", named.path.name)
    if not (named.artifacts / WEIGHTS).is_file():
        raise missing_file_error(named.artifacts / WEIGHTS)
    return named.artifacts


def _make(
    routine: Routine,
    folder: Path,
    samples: tuple[torch.Tensor, ...],
    backend: Backend,
    processor: Processor,
    artifacts: Path,
) -> None:
    """Fill a folder: compile, build, compare, describe.

    Raises
    ------
    ArithmeticError
        The library differs from PyTorch.
    """
    begun = time.monotonic()
    write_sources(routine, folder, samples, processor, backend)
    if backend == "aoti":
        log.info("compiling the network (a minute or two)")
        compile_network(routine, folder / f"lib{routine.name}_network.so", processor)
    else:
        write_network(routine, folder / "source")
    build(routine, folder, backend, processor)
    differences = largest_differences(routine, folder, samples)
    for output, difference in differences.items():
        log.info("largest difference from PyTorch, %s: %.1e of its range", output, difference)
        if not difference <= TOLERANCE:
            raise ArithmeticError(
                f"the library's {output} differs from PyTorch by {difference:.1e} of its range, "
                f"expected at most {TOLERANCE:.0e}: nothing was written"
            )
    card = _card(routine, folder, artifacts, backend, processor, differences)
    write_json(folder / DESCRIPTION, card)
    shutil.copyfile(artifacts / WEIGHTS, folder / WEIGHTS)
    log.info("made in %.0f s", time.monotonic() - begun)


def _card(
    routine: Routine,
    folder: Path,
    artifacts: Path,
    backend: Backend,
    processor: Processor,
    differences: dict[str, float],
) -> dict[str, Any]:
    """Return what the library is, from which training, and how good."""
    results = artifacts / "results.json"
    description = json.loads((artifacts / DESCRIPTION).read_text(encoding="utf-8"))
    libraries = sorted(path.name for path in folder.glob("lib*.so"))
    return {
        **description,
        "library": {
            "name": routine.name,
            "title": routine.title,
            "inputs": [
                {
                    "name": v.name,
                    "units": v.units,
                    "levels": v.levels,
                    "bounds": [x if abs(x) < float("inf") else None for x in routine.bounds_of(v)],
                }
                for v in routine.inputs
            ],
            "parameters": [{"name": v.name, "units": v.units} for v in routine.parameters],
            "outputs": [
                {"name": v.name, "units": v.units, "levels": v.levels} for v in routine.outputs
            ],
            "tables": [
                {"name": t.name, "meaning": t.meaning, "units": t.units, "of": t.of, "to": t.to}
                for t in (routine.tables if isinstance(routine, Exchange) else ())
            ],
            "block": routine.block if isinstance(routine, Columns) else None,
            "backend": backend,
            "processor": processor,
            "torch": torch.__version__,
            "ai4sim": ai4sim.__version__,
            "license": "Apache-2.0",
            "sha256": {
                file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in libraries
            },
            "largest_difference_over_range": differences,
        },
        "experiment": str(artifacts.resolve().parent.name),
        "results": json.loads(results.read_text(encoding="utf-8")) if results.is_file() else None,
    }
