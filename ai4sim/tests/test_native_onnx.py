"""ONNX models beside libraries: their numbers, their description, what is refused."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native import onnx
from ai4sim.native.routine import Columns, Grid
from ai4sim.variables import Variable

runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("onnxscript", reason="needs the extra onnx")
LEVELS = 5


class Drag(nn.Module):
    """A drag against the wind that weakens upwards."""

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, level + 1) to (column, level)."""
        wind, pressure = rows[:, :LEVELS], rows[:, LEVELS:]
        return -wind * wind.abs().cumsum(-1).log1p() * pressure / 1e5


def columns(module: nn.Module) -> Columns:
    return Columns(
        name="drag",
        title="Drag",
        inputs=(Variable("wind", "m/s", LEVELS), Variable("pressure", "Pa")),
        outputs=(Variable("tendency", "m/s2", LEVELS),),
        module=module,
        bounds={"pressure": Bounds(1e4, 2e5)},
        rows=lambda samples: samples["inputs"],
        first_level="the top",
    )


def air(count: int) -> Tensor:
    torch.manual_seed(0)
    return torch.cat([10 * torch.randn(count, LEVELS), 1e5 + 1e3 * torch.randn(count, 1)], -1)


def test_a_model_of_columns_takes_any_number_and_says_what_its_channels_are(tmp_path):
    routine, path = columns(Drag()), tmp_path / "drag.onnx"
    onnx.write_onnx(routine, path, (air(8),))
    session = runtime.InferenceSession(path)
    for n in (1, 2, 7, 100):
        (found,) = session.run(None, {"columns": air(n).numpy()})
        np.testing.assert_allclose(found, routine.answers(air(n)), rtol=1e-5, atol=1e-5)
    described = json.loads(session.get_modelmeta().custom_metadata_map["inputs"])
    assert described == [
        {"name": "wind", "units": "m/s", "levels": LEVELS},
        {"name": "pressure", "units": "Pa", "levels": None},
    ]


class Front(nn.Module):
    """The mean of neighbours, by the spacing."""

    def forward(self, fields: Tensor, parameters: Tensor) -> Tensor:
        """Map (1, 1, x, y, z) and (1, 1) to (1, 1, x, y, z)."""
        return nn.functional.avg_pool3d(fields, 3, 1, 1) / parameters[:, 0]


def test_a_model_of_a_grid_takes_any_size(tmp_path):
    routine = Grid(
        name="front",
        title="Front",
        inputs=(Variable("progress", "1"),),
        outputs=(Variable("steepness", "1/m"),),
        parameters=(Variable("spacing", "m"),),
        module=Front(),
        fields=lambda samples: (samples["inputs"], samples["dx"]),
        halo=1,
        least=3,
        reach=1,
    )
    path = tmp_path / "front.onnx"
    onnx.write_onnx(routine, path, (torch.rand(2, 1, 6, 7, 8), torch.full((2, 1), 0.5)))
    field, spacing = torch.rand(1, 1, 17, 13, 21), torch.full((1, 1), 0.25)
    (found,) = runtime.InferenceSession(path).run(
        None, {"fields": field.numpy(), "parameters": spacing.numpy()}
    )
    np.testing.assert_allclose(found, routine.answers(field, spacing), rtol=1e-5)


class Counts(nn.Module):
    """What no other program computes: other numbers while it is traced."""

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, level + 1) to (column, level)."""
        return rows[:, :LEVELS] * (2.0 if torch.compiler.is_exporting() else 1.0)


def test_a_model_that_differs_is_not_kept(tmp_path):
    with pytest.raises(ArithmeticError, match="--onnx: drag.onnx differs from PyTorch by"):
        onnx.write_onnx(columns(Counts()), tmp_path / "drag.onnx", (air(8),))


def test_missing_packages_are_named(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name)
    )
    with pytest.raises(ModuleNotFoundError, match=r"onnxscript: pip install 'ai4sim\[onnx\]'"):
        onnx.require_onnx()


def test_an_operation_that_onnx_lacks_is_named(tmp_path: Path):
    class Odd(nn.Module):
        def forward(self, rows: Tensor) -> Tensor:
            return torch.special.bessel_j1(rows[:, :LEVELS])

    with pytest.raises(ValueError, match="--onnx: drag cannot be translated, .*bessel_j1"):
        onnx.write_onnx(columns(Odd()), tmp_path / "drag.onnx", (air(8),))
