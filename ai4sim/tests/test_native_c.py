"""Generated C: each operator and each function against PyTorch, and what is refused."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ai4sim.native.c.generate import write_network
from ai4sim.native.compare import largest_differences
from ai4sim.native.library import SOURCES, build, write_sources
from ai4sim.native.network import vector_options
from ai4sim.native.routine import Columns
from ai4sim.nets import build as network
from ai4sim.variables import Variable

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler: gcc")
LEVELS = 6
TABLE = torch.tensor([4, 0, 0, 2])
WEIGHTS = torch.linspace(-1, 1, 4 * LEVELS).reshape(4, LEVELS)

# name: f(x), x : (column, 3, level) within +-2; each to (column, ...).
OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "arithmetic": lambda x: (x + 1.5) * x / (3 + x.abs()) - 2 * x,
    "powers": lambda x: torch.cat([x**2, x**3, x**4, x**-1, (3 + x) ** 0.5, (3 + x) ** 1.7], 1),
    "exponentials": lambda x: torch.cat([x.exp(), x.expm1(), (3 + x).log(), x.abs().log1p()], 1),
    "angles": lambda x: torch.cat([x.sin(), x.cos(), x.atan(), x.asinh(), x.hypot(2 - x)], 1),
    "roots": lambda x: torch.cat([(3 + x).sqrt(), (3 + x).rsqrt(), (3 + x).reciprocal()], 1),
    "activations": lambda x: torch.cat(
        [nn.functional.silu(x), x.relu(), x.tanh(), x.sigmoid(), nn.functional.gelu(x)], 1
    ),
    "softplus": lambda x: nn.functional.softplus(10 * x),
    "clamp": lambda x: x.clamp(-1, 0.5) + x.clamp(max=1.0) * x.clamp(min=x.mean(1, True)),
    "where": lambda x: torch.where((x > 0) & ~(x >= 1), x, -1.0) + (x != x.amax(1, True)),
    "extremes": lambda x: torch.maximum(x, x.flip(2)) * torch.minimum(x, x.flip(1)),
    "views": lambda x: x.transpose(1, 2).flatten(1).unflatten(1, (3, LEVELS)) + x.flip(-1),
    "slices": lambda x: torch.cat([x[:, 1:, ::2], x[:, :2, 1::2], x[:, :2, -3:]], 2),
    "stack": lambda x: torch.stack([x, x.flip(1)]).transpose(0, 1) - torch.stack([x, x], 1),
    "select": lambda x: x[:, 1, None] - x[:, :, 2:3],
    "expand": lambda x: x[:, :, None].expand(-1, -1, 4, -1) * torch.arange(4.0)[:, None],
    "indices": lambda x: x[:, :, TABLE] + x.index_select(2, TABLE),
    "pad": lambda x: nn.functional.pad(x, (2, 1, 0, 1), value=0.5),
    "sums": lambda x: torch.cat([x.sum(2), x.mean((1, 2))[:, None], x.amax(2), x.amin(2)], 1),
    "any": lambda x: (x > 1.5).any(2).float() + (x > 0).sum(1).sum(1, True),
    "running sums": lambda x: torch.cat([x.cumsum(2), x.cumsum(1), (x / 2).cumprod(2)], 1),
    "running extremes": lambda x: torch.cat([x.cummax(2).values, x.cummin(1).values], 1),
    "places of extremes": lambda x: x.exp().gather(2, x.cummin(2).indices) + x.cummax(1).indices,
    "gather": lambda x: x.gather(2, (x.sum(1, True) > 0).long().expand(-1, 3, -1) + 2),
    "softmax": lambda x: x.softmax(2) + x.softmax(1),
    "products": lambda x: x @ WEIGHTS.T,
    "products by column": lambda x: x @ x.transpose(1, 2),
    "einsum": lambda x: torch.einsum("cal,da->cld", x, WEIGHTS[:, :3]),
    "norm": lambda x: nn.functional.layer_norm(x, (LEVELS,)),
    "pool": lambda x: nn.functional.max_pool1d(x, 2),
    "double precision": lambda x: (
        (
            torch.cat([(3 + x.double()).log1p(), x.double() / 3, x.double().abs().sqrt()], 1).flip(
                1
            )
            - TABLE.double().sum() / 3
        )
        .sum(2)
        .float()
    ),
    "digits that float32 lacks": lambda x: ((x.double() * 1e-9 + 1) - 1).float() * 1e9,
    "equal products": lambda x: (x * x.flip(2) - torch.where(x < 3, x * x.flip(2), 0.0)) * 1e9,
    "columns flattened": lambda x: (
        (x.flatten(0, 1) @ WEIGHTS.T).unflatten(0, (-1, 3)).transpose(1, 2)
    ),
}


class Function(nn.Module):
    """A function of (column, 3, level) as a network of flat columns."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, 3 level) to (column, output)."""
        return self.function(rows.unflatten(1, (3, LEVELS))).flatten(1)


def routine(module: nn.Module, rows: Tensor, name: str = "tried") -> Columns:
    """Return a module of flat columns as a call of one input and one output."""
    outputs = module.eval()(rows[:2]).shape[1]
    return Columns(
        name=name,
        title=name,
        inputs=(Variable("x", "1", rows.shape[1]),),
        outputs=(Variable("y", "1", outputs),),
        module=module,
        rows=lambda samples: samples["inputs"],
        first_level="first",
    )


def difference(module: nn.Module, rows: Tensor, folder: Path) -> float:
    """Build a library in C; return its largest difference from PyTorch over the range."""
    made = routine(module, rows)
    write_sources(made, folder, (rows,), "native", "c")
    write_network(made, folder / "source")
    build(made, folder, "c")
    return largest_differences(made, folder, (rows,))["y"]


class All(nn.Module):
    """All functions of a table, one after the other: one library for all of them."""

    def forward(self, rows: Tensor) -> Tensor:
        """Map (column, 3 level) to (column, output)."""
        return torch.cat([Function(f)(rows) for f in OPERATORS.values()], 1)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any]]:
    """What C and PyTorch find, by operator: (column, output)."""
    torch.manual_seed(0)
    rows = 4 * torch.rand(40, 3 * LEVELS) - 2
    folder = tmp_path_factory.mktemp("operators")
    made = routine(All(), rows)
    write_sources(made, folder, (rows,), "native", "c")
    write_network(made, folder / "source")
    build(made, folder, "c")
    expected = made.answers(rows).numpy()
    found = np.zeros_like(expected)
    library = ctypes.CDLL(str(folder / "libtried.so"))
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (rows.numpy(), found)]
    library.tried_message.restype = ctypes.c_char_p
    assert library.tried(ctypes.c_int64(len(rows)), *pointers) == 0, library.tried_message()
    sizes = [Function(f)(rows[:1]).shape[1] for f in OPERATORS.values()]
    ends = np.cumsum(sizes)[:-1]
    parts = zip(np.split(found, ends, 1), np.split(expected, ends, 1), strict=True)
    return dict(zip(OPERATORS, parts, strict=True))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_are_those_of_pytorch(results: dict[str, tuple[Any, Any]], name: str) -> None:
    found, expected = results[name]
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6 * max(np.ptp(expected), 1))


NETWORKS: dict[str, dict[str, Any]] = {
    "BiRNN": {"in_channels": 3, "out_channels": 2, "features": 5, "layers": 2},
    "BiRNN with GRU": {"in_channels": 3, "out_channels": 2, "features": 5, "cell": "gru"},
    "BiRNN with linear cells": {
        "in_channels": 3,
        "out_channels": 2,
        "features": 5,
        "cell": "linear",
    },
    "UNet": {"in_channels": 3, "out_channels": 2, "dimensions": 1, "features": 4, "levels": 2},
    "AttentionCNN": {"in_channels": 3, "out_channels": 2, "features": 4, "blocks": 1, "heads": 2},
}


IN_CI = ("BiRNN", "BiRNN with linear cells")
"""The networks that every run of the tests compiles."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.compiled] * (n not in IN_CI)) for n in NETWORKS]
)
def test_networks_along_levels_are_those_of_pytorch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = network({"name": name.split()[0], **NETWORKS[name]})
    rows = torch.randn(30, 3 * LEVELS)
    assert difference(Function(net.eval()), rows, tmp_path) < 1e-6


@pytest.mark.parametrize("flags", [(), ("-DPLAIN",), ("-mno-avx512f", "-mno-avx", "-mno-fma")])
@pytest.mark.parametrize("columns", [1, 16, 32])
def test_layers_of_all_sizes_are_products(
    columns: int, flags: tuple[str, ...], tmp_path: Path
) -> None:
    source = tmp_path / "layers.c"
    source.write_text(
        f"#define B {columns}\n#include <layers.h>\n"
        "void run(float *y, const float *x, const float *w, const float *b, int n, int m)"
        "{ dense(y, x, w, b, n, m); }\n"
    )
    run = compiled(source, *flags).run
    rng = np.random.default_rng(0)
    for inputs, outputs in ((1, 1), (3, 16), (17, 5), (8, 35)):
        groups = -(-outputs // 16)
        w, b = rng.normal(size=(inputs, outputs)), rng.normal(size=outputs)
        padded = np.zeros((inputs, groups * 16))
        padded[:, :outputs] = w
        x = rng.normal(size=(inputs, columns))
        y = np.full((outputs + 1, columns), 7, np.float32)
        given = [padded.reshape(inputs, groups, 16).transpose(1, 0, 2), np.pad(b, (0, 15))]
        arrays = [y, *(np.ascontiguousarray(a, np.float32) for a in (x, *given))]
        run(*(a.ctypes.data_as(ctypes.c_void_p) for a in arrays), inputs, outputs)
        np.testing.assert_allclose(y[:-1], w.T @ x + b[:, None], rtol=1e-5, atol=1e-5)
        assert (y[-1] == 7).all()


def compiled(source: Path, *flags: str) -> ctypes.CDLL:
    """Compile and load a file of C that includes generated code's headers."""
    target = source.with_suffix(".so")
    options = [
        *vector_options("native", ["gcc"]),
        *flags,
        f"-I{SOURCES / 'c'}",
        "-std=gnu11",
        "-Wall",
    ]
    command = [
        "gcc",
        "-Werror",
        *options,
        "-shared",
        "-fPIC",
        str(source),
        "-o",
        str(target),
        "-lm",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


# name: (NumPy's function in double precision, lowest and highest argument, units in the last place)
FUNCTIONS: dict[str, tuple[Callable[..., Any], float, float, float]] = {
    "exp": (np.exp, -104, 89, 2),
    "expm1": (np.expm1, -104, 89, 2.5),
    "log": (np.log, 1e-45, 3.4e38, 2),
    "log1p": (np.log1p, -0.99999, 3.4e38, 3),
    "tanh": (np.tanh, -20, 20, 2.5),
    "asinh": (np.arcsinh, -3.4e38, 3.4e38, 4),
    "atan": (np.arctan, -3.4e38, 3.4e38, 3),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -80, 104, 4),
    "erf": (lambda x: torch.erf(torch.from_numpy(x)).numpy(), -6, 6, 4),
}
EXTREMES = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 1e-38, -1e-38, 3.4e38, -3.4e38, 1.0, -1.0]


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The functions over arrays."""
    source = tmp_path_factory.mktemp("functions") / "functions.c"
    names = [*FUNCTIONS, "sin", "cos"]
    lines = [
        f"void f_{name}(int n, const float *x, float *y)"
        f"{{ for (int i = 0; i < n; ++i) y[i] = vector_{name}(x[i]); }}"
        for name in names
    ]
    power = "void f_pow(int n, const float *x, float *y, float p)"
    lines.append(f"{power}{{ for (int i = 0; i < n; ++i) y[i] = vector_pow(x[i], p); }}")
    source.write_text("#include <functions.h>\n" + "\n".join(lines) + "\n")
    return compiled(source)


def value(functions: ctypes.CDLL, name: str, x: Any, *more: Any) -> Any:
    """Return a function of an array."""
    x = np.ascontiguousarray(x, np.float32)
    y = np.empty_like(x)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, y)]
    getattr(functions, f"f_{name}")(len(x), *pointers, *more)
    return y


def spread(low: float, high: float) -> Any:
    """Return numbers all over a range, small ones of both signs among them, as floats."""
    rng = np.random.default_rng(0)
    sizes = 10 ** rng.uniform(-30, np.log10(max(abs(low), abs(high))), 20000)
    signed = np.concatenate([sizes, -sizes, rng.uniform(max(low, -100), min(high, 100), 20000)])
    return signed[(signed >= low) & (signed <= high)].astype(np.float32)


def last_places(found: Any, exact: Any) -> float:
    """Return the largest error in units of the last place."""
    with np.errstate(over="ignore"):
        unit = np.spacing(np.abs(exact).astype(np.float32))
    finite = np.isfinite(exact) & np.isfinite(unit)
    return float((np.abs(found.astype(np.float64) - exact)[finite] / unit[finite]).max())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_to_the_last_places(functions: ctypes.CDLL, name: str) -> None:
    exact, low, high, allowed = FUNCTIONS[name]
    x = spread(low, high)
    with np.errstate(all="ignore"):
        assert last_places(value(functions, name, x), exact(x.astype(np.float64))) <= allowed
        extreme = np.array(EXTREMES, np.float32)
        expected = exact(extreme.astype(np.float64)).astype(np.float32)
    found = value(functions, name, extreme)
    np.testing.assert_allclose(found, expected, rtol=5e-7, atol=1e-44)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_are_right_where_they_have_digits(functions: ctypes.CDLL, name: str) -> None:
    x = spread(-1e4, 1e4)
    found = value(functions, name, x)
    np.testing.assert_allclose(found, getattr(np, name)(x.astype(np.float64)), atol=1.5e-7)
    assert np.isnan(value(functions, name, [np.inf, np.nan, 1e8])).all()


@pytest.mark.parametrize("power", [1.7, -0.3, 0.25, 7.5])
def test_powers_are_right_to_the_last_place(functions: ctypes.CDLL, power: float) -> None:
    x = np.abs(spread(1e-30, 1e4))
    power = float(np.float32(power))
    with np.errstate(all="ignore"):
        exact = x.astype(np.float64) ** power
        inside = (exact > 1e-37) & (exact < 3e38)
        found = value(functions, "pow", x[inside], ctypes.c_float(power))
        assert last_places(found, exact[inside]) <= 1
        ends = [0, np.inf, -1, np.nan]
        expected = [0 if power > 0 else np.inf, np.inf if power > 0 else 0, np.nan, np.nan]
    found = value(functions, "pow", ends, ctypes.c_float(power))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.digamma(), r"aten\.digamma of tried: use --backend aoti"),
        (lambda x: x - x.mean(0, keepdim=True), r"aten\.mean over the columns of tried"),
        (lambda x: x.double() @ x.double().mT, r"in float64 of tried: use --backend aoti"),
    ],
)
def test_what_c_cannot_express_is_refused_by_name(
    function: Callable[[Tensor], Tensor], words: str, tmp_path: Path
) -> None:
    rows = torch.rand(4, 3 * LEVELS)
    with pytest.raises(ValueError, match=words):
        write_network(routine(Function(function), rows), tmp_path)
    assert not list(tmp_path.iterdir())
