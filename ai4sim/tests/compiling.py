"""Compile exported programs as a solver's developer would, and compare them with the surrogate."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ai4sim.export import CHECKING, export_program
from ai4sim.surrogate import Surrogate

BATCHES = (1, 2, 7)
Program = Callable[[Tensor, Tensor], Tensor]

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="needs a C++ compiler"
)


def compiled(
    surrogate: Surrogate, inputs: Tensor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """Export a surrogate, compile the program to a library, load that."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("AOTI_RUNTIME_CHECK_INPUTS", "1")
    export_program(surrogate, inputs, folder / "model.pt2")
    program = torch.export.load(folder / "model.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program.run_decompositions()
        library = torch._inductor.aoti_compile_and_package(
            program, package_path=str(folder / "library.pt2"), inductor_configs=CHECKING
        )
        return torch._inductor.aoti_load_package(library)


def require_same(program: Program, surrogate: Surrogate, inputs: Sequence[Tensor]) -> None:
    """Compare on inputs of several shapes, within 1e-5 of the standard deviation and round-off."""
    for x in inputs:
        scale = torch.linspace(0.5, 2, len(x))
        with torch.no_grad():
            expected, found = surrogate(x, scale), program(x, scale)
        assert found.shape == expected.shape and expected.isfinite().all()
        difference, std = (found - expected).abs().max(), expected.std()
        tolerated = 1e-5 * std + 1e-6 * expected.abs().max()  # of float32, where the mean is large
        assert difference <= tolerated, f"{tuple(x.shape)}: off by {difference / std:.1e} std"
