"""A surrogate of fields on two grids as a native library: tables that the host gives once."""

from __future__ import annotations

import ctypes
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.couple import command
from ai4sim.native.routine import Exchange, Table
from ai4sim.surrogate import Surrogate
from ai4sim.tests.host_programs import needs, require_check
from ai4sim.tests.test_native_mesh import Array, Numbers, pointer
from ai4sim.use_case import UseCase
from ai4sim.variables import Variable
from ai4sim.weights import write_tensors

ARGUMENT, NOT_FINITE, RANGE = 1, 2, 3
LEVELS = 3
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: g++")


class Heating(nn.Module):
    """The air over each point warms it by a network, and loses as much."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, *given: Tensor) -> Tensor:
        """Map (column, level), (point,), (point, 2), (point, 2) to both outputs in a row."""
        air, sea, around, weights = given
        over = (air.mean(-1)[around] * weights).sum(-1)
        gain = self.surrogate(torch.stack([over, sea], dim=-1))
        shares = (gain * weights).flatten()
        loss = torch.zeros_like(air[:, 0]).index_add(0, around.flatten(), shares)
        return torch.cat([gain[:, 0], (-loss[:, None] * torch.ones(LEVELS)).flatten()])


TABLES = (
    Table("around", "the columns beside it", of="points", width=(2,), to="columns"),
    Table("weights", "their weights", of="points", width=(2,), bounds=Bounds(0, 1), total=1.0),
)


def routine(surrogate: Surrogate) -> Exchange:
    """Return the call of a surrogate of this test."""
    return Exchange(
        name="heating",
        title="Heat between two grids",
        inputs=(Variable("air", "K", LEVELS), Variable("sea", "K")),
        outputs=(Variable("gain", "W/m2"), Variable("loss", "W/m2", LEVELS)),
        module=Heating(surrogate),
        bounds={"air": Bounds(200, 330), "sea": Bounds(270, 310)},
        sets=("points", "columns"),
        on={"air": "columns", "loss": "columns", "sea": "points", "gain": "points"},
        tables=TABLES,
        notes="Level 1 is the lowest one.",
    )


USE_CASE = UseCase("heat", "Heat", Path(), "", "", "", f"{__name__}:routine")


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    """A perceptron with normalisation, untrained."""
    torch.manual_seed(3)
    net = {"name": "MLP", "in_channels": 2, "out_channels": 1, "features": 8, "layers": 1}
    made = Surrogate(net, [Variable("over", "K"), Variable("sea", "K")], [Variable("gain", "W/m2")])
    made.input_norm.set(290.0, 10.0)
    made.output_norm.set(0.0, 100.0)
    return made.eval()


def grids(points: int, columns: int, seed: int = 0) -> dict[str, Numbers]:
    """Return fields and tables of two grids."""
    rng = np.random.default_rng(seed)
    share = rng.random(points)
    return {
        "air": rng.uniform(270, 300, (columns, LEVELS)),
        "sea": rng.uniform(275, 300, points),
        "around": np.stack([rng.integers(0, columns, points), np.arange(points) % columns], 1),
        "weights": np.stack([share, 1 - share], 1),
    }


@pytest.fixture(scope="module")
def coupled(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes of an experiment."""
    root = tmp_path_factory.mktemp("coupled")
    artifacts = root / "experiments" / "run" / "artifacts"
    surrogate.save(artifacts)
    samples = {name: torch.from_numpy(values) for name, values in grids(300, 40).items()}
    write_tensors(
        artifacts, {n: x.float() if x.is_floating_point() else x for n, x in samples.items()}
    )
    command(USE_CASE, root / "experiments")(root / "heating", experiment="run")
    return root / "heating"


class Library:
    """The library through its interface for C, by ctypes."""

    def __init__(self, folder: Path) -> None:
        self.loaded = ctypes.CDLL(str(folder / "libheating.so"))
        self.loaded.heating_message.restype = ctypes.c_char_p

    @property
    def message(self) -> str:
        """The message of the last error."""
        text: bytes = self.loaded.heating_message()
        return text.decode()

    def grids(
        self, given: dict[str, Numbers], first: int = 0, kind: type = np.int32, **sizes: int
    ) -> tuple[int, int]:
        """Describe grids; return status and number."""
        counts = {"points": len(given["sea"]), "columns": len(given["air"]), **sizes}
        around: Numbers = np.ascontiguousarray(given["around"] + first, kind)
        weights = np.ascontiguousarray(given["weights"], np.float64)
        number = ctypes.c_int(-5)
        status = getattr(self.loaded, f"heating_grids{'_i64' if kind is np.int64 else ''}")(
            *map(ctypes.c_int64, counts.values()),
            *(pointer(around), pointer(weights), ctypes.c_int(first), ctypes.byref(number)),
        )
        return status, number.value

    def __call__(
        self, number: int, given: dict[str, Numbers], kind: type = np.float32
    ) -> tuple[int, Numbers, Numbers]:
        """Call the library; return status, gain and loss."""
        inputs: list[Numbers] = [np.ascontiguousarray(given[name], kind) for name in ("air", "sea")]
        outputs: list[Numbers] = [np.zeros(len(given["sea"]), kind), np.zeros_like(inputs[0])]
        status = getattr(self.loaded, f"heating{'_f64' if kind is np.float64 else ''}")(
            ctypes.c_int(number), *map(pointer, (*inputs, *outputs))
        )
        return status, outputs[0], outputs[1]


@pytest.fixture(scope="module")
def heating(coupled: Path) -> Library:
    """The library, loaded."""
    return Library(coupled)


def same(gain: Numbers, loss: Numbers, surrogate: Surrogate, given: dict[str, Numbers]) -> None:
    """Compare with a loop over the points, whose network is PyTorch's."""
    expected_gain, expected_loss = np.zeros(len(gain)), np.zeros(len(loss))
    for i, (columns, weights) in enumerate(zip(given["around"], given["weights"], strict=True)):
        over = sum(w * given["air"][c].mean() for c, w in zip(columns, weights, strict=True))
        with torch.no_grad():
            row = torch.tensor([[over, given["sea"][i]]], dtype=torch.float32)
            expected_gain[i] = float(surrogate(row))
        for c, w in zip(columns, weights, strict=True):
            expected_loss[c] -= w * expected_gain[i]
    # The means of temperatures have round-off of 3e-5 K in single precision.
    np.testing.assert_allclose(gain, expected_gain, rtol=0, atol=1e-5 * np.ptp(expected_gain))
    np.testing.assert_allclose(
        loss, expected_loss[:, None].repeat(LEVELS, 1), rtol=0, atol=1e-5 * np.ptp(expected_loss)
    )


@pytest.mark.parametrize("sizes", [(2, 2), (7, 30), (500, 11)])
def test_fields_on_any_grids_are_those_of_pytorch(
    heating: Library, surrogate: Surrogate, sizes: tuple[int, int]
) -> None:
    given = grids(*sizes, seed=sizes[0])
    for kind in (np.int32, np.int64):
        for first in (0, 1):
            status, number = heating.grids(given, first, kind)
            assert status == 0, heating.message
            for precision in (np.float32, np.float64):
                status, gain, loss = heating(number, given, precision)
                assert status == 0, heating.message
                same(gain, loss, surrogate, given)


def test_a_program_has_several_grids(heating: Library, surrogate: Surrogate) -> None:
    kept = {heating.grids(grids(n, 9))[1]: n for n in (10, 20)}
    for number, n in kept.items():
        same(*heating(number, grids(n, 9))[1:], surrogate, grids(n, 9))
    first = ctypes.c_int(min(kept))
    assert heating.loaded.heating_grids_free(first) == 0
    assert heating.loaded.heating_grids_free(first) == ARGUMENT
    assert heating(first.value, grids(10, 9))[0] == ARGUMENT
    assert f"grids = {first.value}: nothing has this number; heating_grids gives" in heating.message


def changed(name: str, place: tuple[Any, ...], value: float) -> dict[str, Numbers]:
    given = {n: np.array(x) for n, x in grids(12, 5).items()}
    given[name][place] = value
    return given


@pytest.mark.parametrize(
    ("given", "first", "status", "words"),
    [
        (
            changed("around", (3, 1), 99),
            0,
            ARGUMENT,
            "around: place 4 names number 99 of columns, exp",
        ),
        (
            changed("around", (3, 1), -1),
            0,
            ARGUMENT,
            "place 4 names number -1 of columns, expected 0",
        ),
        (
            changed("around", (0, 0), 5),
            0,
            ARGUMENT,
            "as first = 0 says: they seem to be counted from 1",
        ),
        (
            changed("around", (0, 0), -1),
            1,
            ARGUMENT,
            "as first = 1 says: they seem to be counted from 0",
        ),
        (changed("weights", (6, 0), math.nan), 0, NOT_FINITE, "weights is NaN at place 7"),
        (
            changed("weights", (6, 0), 3.0),
            0,
            RANGE,
            "weights is 3 1 at place 7, expected 0 ... 1 1",
        ),
        (changed("weights", (6, slice(None)), 0.25), 0, RANGE, "place 7 add up to 0.5, expected 1"),
        (grids(12, 5), 2, ARGUMENT, "first = 2: expected 0 or 1"),
        (grids(12, 5), -1, ARGUMENT, "first = -1: expected 0 or 1"),
    ],
)
def test_grids_that_cannot_be_are_refused(
    heating: Library, given: dict[str, Numbers], first: int, status: int, words: str
) -> None:
    for kind in (np.int32, np.int64):
        assert heating.grids(given, first, kind) == (status, 0)
        assert words in heating.message


def test_sizes_and_arrays_that_do_not_fit_are_refused(heating: Library) -> None:
    given = grids(12, 5)
    assert heating.grids(given, points=0) == (ARGUMENT, 0)
    assert "points = 0, expected 2 ..." in heating.message
    number = ctypes.c_int(heating.grids(given)[1])
    fields: list[NDArray[Any]] = [given["air"], given["sea"], np.zeros(12), np.zeros((5, LEVELS))]

    def refused(i: int, words: str, **changes: Any) -> None:
        arrays = (Array * 4)(*map(Array.of, fields))
        for name, value in changes.items():
            setattr(arrays[i], name, value)
        assert heating.loaded.heating_arrays(number, arrays, ctypes.c_int(4)) == ARGUMENT
        assert words in heating.message

    refused(0, "air: 12 places, the grids have columns = 5", extent=(12, LEVELS, 0))
    refused(0, "air: an array of 2 levels, expected 3", extent=(5, 2, 0))
    refused(1, "sea: 11 places, the grids have points = 12", extent=(11, 0, 0))
    refused(1, "sea: an array of 2 axes, expected 1", rank=2)
    refused(2, "gain: no array was given", data=None)
    refused(3, "loss: values of 1 bytes", bytes=1)
    refused(2, "sea and gain share memory", data=fields[1].ctypes.data)
    # Nothing has been described, or it was not described whole.
    assert heating(10**6, given)[0] == ARGUMENT
    tables = (Array * 2)(*map(Array.of, (given["around"], given["weights"][:11])))
    sizes = (ctypes.c_int64 * 2)(12, 5)
    arguments = (sizes, tables, ctypes.c_int(2), ctypes.c_int(0), ctypes.byref(number))
    assert heating.loaded.heating_grids_arrays(*arguments) == ARGUMENT
    assert "weights: 11 values along axis 1, expected 12, as many as points" in heating.message


@pytest.mark.parametrize(
    ("name", "place", "value", "status", "words"),
    [
        ("air", (3, 1), math.nan, NOT_FINITE, "air is NaN at place 4 of columns, level 2"),
        (
            "air",
            (0, 0),
            20.0,
            RANGE,
            "air is 20 K at place 1 of columns, level 1, expected 200 ... 3",
        ),
        ("sea", (11,), 20.0, RANGE, "sea is 20 K at place 12 of points, expected 270 ... 310 K"),
        ("sea", (2,), math.inf, NOT_FINITE, "sea is infinite at place 3 of points"),
    ],
)
def test_fields_without_meaning_are_refused_with_their_place(
    heating: Library, name: str, place: tuple[int, ...], value: float, status: int, words: str
) -> None:
    number = heating.grids(grids(12, 5))[1]
    assert heating(number, changed(name, place, value))[0] == status
    assert words in heating.message


@needs("gfortran")
def test_the_fortran_check_compiles_and_passes(coupled: Path, tmp_path: Path) -> None:
    require_check(coupled, tmp_path)


def test_the_header_of_cpp_compiles(coupled: Path, tmp_path: Path) -> None:
    (tmp_path / "host.cpp").write_text(
        '#include "heating.hpp"\n'
        "void call(const heating_library::grids &g, const double *a, double *b)\n"
        "{\n    g.run(a, a, b, b + 12);\n}\n"
    )
    line = ["g++", "-Wall", "-Werror", f"-I{coupled}", "-c", str(tmp_path / "host.cpp")]
    done = subprocess.run([*line, "-o", "/dev/null"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_card_describes_the_tables(coupled: Path) -> None:
    card = json.loads((coupled / "surrogate.json").read_text())["library"]
    assert card["tables"][0] == {
        "name": "around",
        "meaning": "the columns beside it",
        "units": "1",
        "of": "points",
        "to": "columns",
    }
    assert max(card["largest_difference_over_range"].values()) < 1e-6


def test_a_part_of_the_grids_has_what_it_needs(surrogate: Surrogate) -> None:
    made, given = routine(surrogate), grids(40, 25)
    tensors = [torch.from_numpy(values) for values in given.values()]
    part = made.part(tensors, 10)
    points, columns = made.sizes(part)
    assert points == 10 and columns == len(np.unique(given["around"][:10]))
    chosen, over = part[0][part[2]], given["air"][given["around"][:10]]
    np.testing.assert_array_equal(chosen, over)
