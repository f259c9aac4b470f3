"""Libraries that AOTInductor makes of exported programs give the surrogate's numbers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from ai4sim.nets import NETS, find
from ai4sim.surrogate import Surrogate
from ai4sim.tests.compiling import BATCHES, Program, compiled, needs_compiler, require_same
from ai4sim.variables import Variable

pytestmark = needs_compiler

GRAPH = {"in_channels": 1, "out_channels": 1, "hidden_channels": 4, "num_layers": 2}
SMALL_UNET = {"features": 4, "levels": 2, "convolutions_per_level": 1}
LEVELS = 6
PROFILES = {"in_channels": 1, "out_channels": 1, "features": 4}
COLUMN = {"levels": LEVELS, "profiles": 1, "scalars": 0, "outputs": 1, "features": 4, "blocks": 1}

# name: (arguments, sizes of the example, sizes tried)
Case = tuple[dict[str, Any], tuple[int, ...], list[tuple[int, ...]]]
PLANE: tuple[tuple[int, ...], list[tuple[int, ...]]] = ((8, 8), [(9, 5), (2, 7)])
SMALLEST: dict[str, Case] = {
    "UNet": (
        {**SMALL_UNET, "dimensions": 3, "padding_mode": "replicate"},
        (8, 8, 8),
        [(6, 10, 14), (4, 4, 4)],
    ),
    "MLP": ({"in_channels": 5, "out_channels": 3, "features": 8, "layers": 2}, (), [()]),
    "ColumnCNN": (COLUMN, (), [()]),
    "AttentionCNN": ({**PROFILES, "blocks": 1, "heads": 2}, (LEVELS,), [(LEVELS,)]),
    "BiRNN": ({**PROFILES, "layers": 1}, (LEVELS,), [(LEVELS,)]),
    "GCN": (GRAPH, *PLANE),
    "GIN": (GRAPH, *PLANE),
    "GAT": ({**GRAPH, "heads": 2}, *PLANE),
    "EdgeConditionedNet": ({**GRAPH, "kernels": 2}, *PLANE),
}

IN_CI = ("UNet", "MLP", "ColumnCNN")
"""The networks that every run of the tests compiles: the others take minutes."""


def check(
    name: str, case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Program, torch.Tensor]:
    """Build a network, compile it, compare; return both."""
    torch.manual_seed(1)
    arguments, example, shapes = case
    channels = int(arguments.get("in_channels", LEVELS if name == "ColumnCNN" else 1))
    outputs = int(arguments.get("out_channels", channels))
    spec = {"name": name, **arguments}
    surrogate = Surrogate(
        spec,
        [Variable(f"x{i}", "1") for i in range(channels)],
        [Variable(f"y{i}", "1") for i in range(outputs)],
    ).eval()
    for parameter in surrogate.net.parameters():  # some layers begin with zeros
        torch.nn.init.normal_(parameter, std=0.3)
    surrogate.input_norm.set(0.5, 0.3)
    program = compiled(surrogate, torch.rand(1, channels, *example), folder, monkeypatch)
    inputs = [torch.rand(b, channels, *s) for b, s in itertools.product(BATCHES, shapes)]
    require_same(program, surrogate, inputs)
    return program, inputs[0]


def test_every_network_that_can_be_exported_has_a_case():
    exported = {name for name in NETS if getattr(find(name), "exportable", True)}
    assert set(SMALLEST) == exported


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.compiled] * (name not in IN_CI)) for name in SMALLEST],
)
def test_a_library_equals_the_surrogate(name, tmp_path, monkeypatch):
    program, x = check(name, SMALLEST[name], tmp_path, monkeypatch)
    if name == "MLP":  # the checks are the same in all
        for wrong in (x.double(), x[:, 1:].contiguous()):
            with pytest.raises(RuntimeError):
                program(wrong, torch.ones(len(x)))
        with pytest.raises(RuntimeError):
            program(x, torch.ones(len(x) + 1))


SIZES = [(3, 5, 7), (2, 6, 3), (2, 2, 2)]
"""In coarsest cells."""
MATRIX: list[tuple[str, dict[str, Any], int]] = [
    *(
        ("UNet", {**SMALL_UNET, "dimensions": n, "padding_mode": padding}, n)
        for n in (1, 2, 3)
        for padding in ("zeros", "replicate", "reflect", "circular")
    ),
    *(
        ("UNet", {**SMALL_UNET, "dimensions": 3, "padding_mode": padding, **option}, 3)
        for padding in ("zeros", "replicate")
        for option in (
            {"norm": "group"},
            {"norm": "instance"},
            {"norm": "none", "activation": "gelu"},
            {"residual": True},
            {"upsampling": "transposed"},
            {"kernel_size": 5},
            {"levels": 1},
            {"levels": 3, "convolutions_per_level": 2},
            {"in_channels": 3, "out_channels": 2},
            {"channels_last": False},
        )
    ),
    *(
        (name, {**GRAPH, "jk": jk, **({"heads": 2} if name == "GAT" else {})}, n)
        for name in ("GCN", "GIN", "GAT")
        for jk in ("cat", None)
        for n in (2, 3)
    ),
    *(("EdgeConditionedNet", GRAPH, n) for n in (1, 2, 3)),
    ("BiRNN", {**PROFILES, "cell": "gru", "kernel": 3}, 1),
    ("BiRNN", {**PROFILES, "cell": "linear"}, 1),
]


@pytest.mark.compiled
@pytest.mark.parametrize(("name", "arguments", "dimensions"), MATRIX)
def test_all_options(name, arguments, dimensions, tmp_path, monkeypatch):
    stride = 2 ** (arguments.get("levels", 1) - 1)
    shapes = [tuple(stride * n for n in size[:dimensions]) for size in SIZES]
    if dimensions == 1:  # columns keep their number of levels
        shapes = [(8,)]
    case = arguments, (8, 8, 8)[:dimensions], shapes
    check(name, case, tmp_path, monkeypatch)
