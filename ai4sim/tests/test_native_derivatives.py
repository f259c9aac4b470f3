"""Tangent linear and adjoint of networks of columns, as programs and as libraries."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.c.generate import write_network
from ai4sim.native.compare import largest_differences
from ai4sim.native.derivatives import Derivative, derivative_of
from ai4sim.native.library import build, write_sources
from ai4sim.native.network import compile_network, traced
from ai4sim.native.routine import Applied, Columns, Grid
from ai4sim.surrogate import Surrogate
from ai4sim.tests.compiling import needs_compiler
from ai4sim.variables import Variable

LEVELS = 8
SMALL = {"in_channels": 1, "out_channels": 1, "features": 4}
NETS: dict[str, dict[str, Any]] = {
    "MLP": {"in_channels": LEVELS, "out_channels": LEVELS, "features": 8, "layers": 2},
    "ColumnCNN": {"levels": LEVELS, "profiles": 1, "scalars": 0, "outputs": 1, "features": 4},
    "BiRNN": {**SMALL, "layers": 1},
    "BiRNN with linear cells": {**SMALL, "layers": 1, "cell": "linear"},
    "AttentionCNN": {**SMALL, "blocks": 1, "heads": 2},
    "UNet": {
        **{"dimensions": 1, "features": 4, "levels": 2, "convolutions_per_level": 1},
        **{"norm": "group"},
    },
}
IN_CI = ("MLP", "AttentionCNN")
"""The networks whose second pass is traced in every run of the tests."""
KINDS: tuple[Derivative, ...] = ("tangent_linear", "adjoint")


class Profile(nn.Module):
    """A network of (column, channel, level) as one of (column, level)."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, level) to (column, level)."""
        found: Tensor = self.surrogate(rows[:, None])[:, 0]
        return found


def routine(name: str) -> Columns:
    """Return a network with random weights as a call: a profile to a profile."""
    torch.manual_seed(1)
    profile = Variable("temperature", "K", LEVELS), Variable("heating", "K/s", LEVELS)
    flat = name in ("MLP", "ColumnCNN")
    channels = profile if flat else (Variable("t", "K"), Variable("q", "K/s"))
    net = {"name": name.split()[0], **NETS[name]}
    surrogate = Surrogate(net, channels[:1], channels[1:]).eval()
    for parameter in surrogate.parameters():  # some layers begin with zeros
        torch.nn.init.normal_(parameter, std=0.3)
    surrogate.input_norm.set(250.0, 20.0)
    return Columns(
        name="warming",
        title="Heating",
        inputs=(profile[0],),
        outputs=(profile[1],),
        module=Applied(surrogate) if flat else Profile(surrogate),
        bounds={"temperature": Bounds(100, 400)},
        rows=lambda samples: samples["inputs"],
        first_level="the top",
    )


def columns(count: int = 40) -> Tensor:
    torch.manual_seed(2)
    return 250 + 20 * torch.randn(count, LEVELS)


def both(given: Columns) -> tuple[Any, Any]:
    """Return tangent linear and adjoint in double precision, of a column and a direction."""
    modules = [derivative_of(given, kind).module.double() for kind in KINDS]
    tangent, adjoint = (lambda x, d, m=m: m(torch.cat([x, d], -1)) for m in modules)
    return tangent, adjoint


@pytest.mark.parametrize("name", NETS)
def test_the_tangent_linear_is_the_limit_of_differences(name):
    tangent, _ = both(routine(name))
    model = routine(name).module.double()
    x, dx = columns().double(), torch.randn(40, LEVELS).double()
    step = 1e-4
    with torch.no_grad():
        differences = (model(x + step * dx) - model(x - step * dx)) / (2 * step)
    torch.testing.assert_close(tangent(x, dx), differences, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", NETS)
def test_the_adjoint_is_the_transpose_of_the_tangent_linear(name):
    tangent, adjoint = both(routine(name))
    x = columns().double()
    dx, y_ad = torch.randn(2, 40, LEVELS).double()
    products = (tangent(x, dx) * y_ad).sum(-1), (dx * adjoint(x, y_ad)).sum(-1)
    torch.testing.assert_close(*products, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.compiled] * (name not in IN_CI)) for name in NETS],
)
def test_its_program_takes_any_number_of_columns(name, kind):
    made = derivative_of(routine(name), kind)
    rows, program = made.rows({"inputs": columns()}), traced(made).module()
    for n in (1, 2, 7, 40):
        torch.testing.assert_close(program(rows[:n]), made.answers(rows[:n]), rtol=1e-4, atol=1e-6)


def test_arguments_have_names_and_units():
    tangent, adjoint = (derivative_of(routine("MLP"), kind) for kind in KINDS)
    assert (tangent.name, adjoint.name) == ("warming_tl", "warming_ad")
    assert tangent.inputs[1:] == (Variable("temperature_tl", "K", LEVELS),)
    assert tangent.outputs == (Variable("heating_tl", "K/s", LEVELS),)
    assert adjoint.inputs[1:] == (Variable("heating_ad", "1/(K/s)", LEVELS),)
    assert adjoint.outputs == (Variable("temperature_ad", "1/(K)", LEVELS),)
    # Temperatures have bounds, their perturbations have none.
    assert tangent.bounds_of(tangent.inputs[0]).low == 100
    assert tangent.bounds_of(tangent.inputs[1]).low == -np.inf


def test_fields_have_no_derivative_yet():
    flame = Grid(
        name="flame",
        title="Flame",
        inputs=(Variable("c", "1"),),
        outputs=(Variable("sigma", "1/m"),),
        module=torch.nn.Identity(),
        fields=lambda samples: (samples["c"], samples["dx"]),
        halo=1,
        least=2,
        reach=1,
    )
    with pytest.raises(ValueError, match="--derivative adjoint: expected a network of columns"):
        derivative_of(flame, "adjoint")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler: gcc")
def test_libraries_in_c_are_each_others_transpose(tmp_path):
    x, dx, y_ad = (a.numpy() for a in (columns(), *torch.randn(2, 40, LEVELS)))
    found = {}
    for kind, direction in zip(KINDS, (dx, y_ad), strict=True):
        made, folder = derivative_of(routine("MLP"), kind), tmp_path / kind
        folder.mkdir()
        samples = (made.rows({"inputs": columns()}),)
        write_sources(made, folder, samples, "native", "c")
        write_network(made, folder / "source")
        build(made, folder, "c")
        assert max(largest_differences(made, folder, samples).values()) < 1e-6
        found[kind] = np.zeros_like(x)
        arrays = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, direction, found[kind]))
        library = ctypes.CDLL(str(folder / f"lib{made.name}.so"))
        assert library[made.name](ctypes.c_int64(len(x)), *arrays) == 0
    products = (found["tangent_linear"] * y_ad).sum(-1), (dx * found["adjoint"]).sum(-1)
    np.testing.assert_allclose(*products, rtol=1e-4, atol=1e-5 * np.abs(products[0]).max())


@pytest.mark.compiled
@needs_compiler
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETS)
def test_libraries_of_aotinductor_equal_pytorch(name, kind, tmp_path: Path):
    made = derivative_of(routine(name), kind)
    samples = (made.rows({"inputs": columns()}),)
    write_sources(made, tmp_path, samples, "native", "aoti")
    compile_network(made, tmp_path / f"lib{made.name}_network.so", "native")
    build(made, tmp_path, "aoti")
    assert max(largest_differences(made, tmp_path, samples).values()) < 2e-6
