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
Program = Callable[..., Tensor]

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="needs a C++ compiler"
)


def compiled(
    surrogate: Surrogate, inputs: Tensor, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """Export a surrogate, compile the program to a library, load that."""
    export_program(surrogate, inputs, folder / "model.pt2")
    return library(folder / "model.pt2", monkeypatch)


def library(path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Compile an exported program to a library in the same folder, load that."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(path.parent / "cache"))
    monkeypatch.setenv("AOTI_RUNTIME_CHECK_INPUTS", "1")
    program = torch.export.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program.run_decompositions()
        package = torch._inductor.aoti_compile_and_package(
            program, package_path=str(path.with_name("library.pt2")), inductor_configs=CHECKING
        )
        return torch._inductor.aoti_load_package(package)


def in_onnxruntime(path: Path) -> Program:
    """Translate an exported program to ONNX, load that in onnxruntime."""
    reason = "needs the extra onnx"
    pytest.importorskip("onnxscript", reason=reason)
    onnxruntime = pytest.importorskip("onnxruntime", reason=reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = torch.onnx.export(torch.export.load(path), dynamo=True, verbose=False)
    assert found is not None
    found.save(path.with_suffix(".onnx"))
    session = onnxruntime.InferenceSession(path.with_suffix(".onnx"))
    names = [argument.name for argument in session.get_inputs()]

    def program(*given: Tensor) -> Tensor:
        arguments = dict(zip(names, (x.numpy() for x in given), strict=True))
        (outputs,) = session.run(None, arguments)
        return torch.from_numpy(outputs)

    return program


def require_same(program: Program, surrogate: Surrogate, inputs: Sequence[Tensor]) -> None:
    """Compare on inputs of several shapes, within 1e-4 of the standard deviation and round-off.

    Group norms amplify round-off to 4e-5; wrong strides are off by 1e-2 and more.
    """
    for x in inputs:
        scale = torch.linspace(0.5, 2, len(x))
        with torch.no_grad():
            expected, found = surrogate(x, scale), program(x, scale)
        assert found.shape == expected.shape and expected.isfinite().all()
        difference, std = (found - expected).abs().max(), expected.std()
        tolerated = 1e-4 * std + 1e-6 * expected.abs().max()  # of float32, where the mean is large
        assert difference <= tolerated, f"{tuple(x.shape)}: off by {difference / std:.1e} std"
