"""The module of a routine as an ONNX model, for hosts with a run time of their own."""

from __future__ import annotations

import importlib.util
import json
import logging
import re
import warnings
from pathlib import Path

import torch
from torch import Tensor

from ai4sim.export import PortableOperations, drop_derived_ranges
from ai4sim.native.compare import TOLERANCE, by_output, ranges
from ai4sim.native.network import traced
from ai4sim.native.routine import Columns, Exchange, Grid, Mesh, Routine

log = logging.getLogger(__name__)
NEEDED = ("onnxscript", "onnxruntime")


def require_onnx() -> None:
    """Require the packages of the extra ``onnx``.

    Raises
    ------
    ModuleNotFoundError
        One of them is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"--onnx needs {' and '.join(missing)}: pip install 'ai4sim[onnx]'"
        )


def write_onnx(routine: Routine, path: Path, samples: tuple[Tensor, ...]) -> None:
    """Write the module of a routine as an ONNX model, and compare onnxruntime with PyTorch.

    Sizes are free. Variables lie side by side in the channels of the inputs, in the order of the
    model's metadata ``inputs``. A model checks neither bounds nor NaN.

    Parameters
    ----------
    routine : Routine
    path : Path
        The file to write, named ``.onnx``.
    samples : tuple of Tensor
        See :func:`ai4sim.native.couple.samples_of`.

    Raises
    ------
    ValueError
        ONNX lacks an operation.
    ArithmeticError
        The model differs from PyTorch.
    """
    import onnxruntime

    for noisy in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    names, arguments = _arguments(routine, samples)
    with warnings.catch_warnings(), PortableOperations():
        warnings.simplefilter("ignore")
        program = traced(routine)
        drop_derived_ranges(program)
        try:
            found = torch.onnx.export(
                program, dynamo=True, verbose=False, input_names=names, output_names=["outputs"]
            )
        except torch.onnx.errors.OnnxExporterError as error:
            said = f"{error} {error.__cause__}"
            operators = sorted(set(re.findall(r"(?:aten|prims)\.\w+", said)))
            raise ValueError(
                f"--onnx: {routine.name} cannot be translated, ONNX lacks one of its operations: "
                + (", ".join(operators) or said)
            ) from error
    assert found is not None
    for key, variables in (("inputs", routine.inputs), ("outputs", routine.outputs)):
        listed = [{"name": v.name, "units": v.units, "levels": v.levels} for v in variables]
        found.model.metadata_props[key] = json.dumps(listed)
    found.save(path)
    session = onnxruntime.InferenceSession(path)
    given = {name: value.numpy() for name, value in zip(names, arguments, strict=True)}
    outputs = torch.from_numpy(session.run(None, given)[0])
    expected = routine.answers(*arguments)
    parts = (by_output(routine, values, samples) for values in (outputs, expected))
    differences = (float((a - b).abs().amax()) for a, b in zip(*parts, strict=True))
    scales = ranges(routine, expected, samples)
    worst = max(d / scale for d, scale in zip(differences, scales, strict=True))
    log.info("%s: largest difference from PyTorch %.1e of the range", path.name, worst)
    if not worst <= TOLERANCE:
        raise ArithmeticError(
            f"--onnx: {path.name} differs from PyTorch by {worst:.1e} of the range of an output, "
            f"expected at most {TOLERANCE:.0e}: nothing was written"
        )


def _arguments(
    routine: Routine, samples: tuple[Tensor, ...]
) -> tuple[list[str], tuple[Tensor, ...]]:
    """Return the names of the module's inputs, and their values in a sample."""
    if isinstance(routine, Columns):
        return ["columns"], samples
    if isinstance(routine, Exchange):
        return list(routine.names), samples
    if isinstance(routine, Mesh):
        return ["fields", "edges", "offsets", "parameters"], routine.arguments(samples)
    assert isinstance(routine, Grid)
    return ["fields", "parameters"], tuple(part[:1] for part in samples)
