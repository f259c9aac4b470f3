"""A surrogate of fields as a native library: grids of any size, one field per call."""

from __future__ import annotations

import ctypes
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.couple import command
from ai4sim.native.routine import Grid, Samples
from ai4sim.surrogate import Surrogate
from ai4sim.tests.host_programs import needs, require_check
from ai4sim.use_case import UseCase
from ai4sim.variables import Variable
from ai4sim.weights import write_samples

ARGUMENT, NOT_FINITE, RANGE = 1, 2, 3
SPACING = 0.25
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: g++")


class PerSpacing(nn.Module):
    """The surrogate, with one over the spacing as its output scale."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(self, fields: Tensor, parameters: Tensor) -> Tensor:
        """Map fields and the spacing to fields."""
        density: Tensor = self.surrogate(fields, 1 / parameters[:, 0])
        return density


def routine(surrogate: Surrogate) -> Grid:
    """Return the call of a surrogate of this test."""

    def fields(samples: Samples) -> tuple[Tensor, Tensor]:
        return samples["inputs"], torch.full((len(samples["inputs"]), 1), SPACING)

    return Grid(
        name="front",
        title="Density of a front",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        parameters=(Variable("spacing", "m"),),
        module=PerSpacing(surrogate),
        bounds={"progress": Bounds(-0.1, 1.1), "spacing": Bounds(1e-6, 1.0)},
        fields=fields,
        halo=surrogate.periodic_halo,
        least=4,
        reach=None,
    )


USE_CASE = UseCase("fronts", "Fronts", Path(), "", "", "", f"{__name__}:routine")


@pytest.fixture(
    scope="module", params=[1, pytest.param(2, marks=pytest.mark.compiled)], ids="{} levels".format
)
def surrogate(request: pytest.FixtureRequest) -> Surrogate:
    """A U-Net whose weights have the channel as their fastest axis, untrained."""
    torch.manual_seed(3)
    net = {
        "name": "UNet",
        "dimensions": 3,
        "in_channels": 2,
        "out_channels": 1,
        "features": 4,
        "levels": request.param,
        "convolutions_per_level": 1,
        "padding_mode": "zeros",
    }
    inputs = [Variable("progress", "1"), Variable("mixture", "1")]
    made = Surrogate(net, inputs, [Variable("density", "1/m")], reflections=())
    made.input_norm.set(0.5, 0.5)
    made.output_norm.set(0.0, 3.0)
    return made.eval()


@pytest.fixture(scope="module")
def coupled(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes of an experiment."""
    root = tmp_path_factory.mktemp("coupled")
    artifacts = root / "experiments" / "run" / "artifacts"
    surrogate.save(artifacts)
    inputs = torch.rand(3, 2, 10, 14, 12, generator=torch.Generator().manual_seed(1))
    write_samples(artifacts, {"inputs": inputs})
    command(USE_CASE, root / "experiments")(root / "front", experiment="run")
    return root / "front"


@pytest.fixture(scope="module")
def front(coupled: Path) -> ctypes.CDLL:
    """The library, loaded."""
    library = ctypes.CDLL(str(coupled / "libfront.so"))
    library.front_message.restype = ctypes.c_char_p
    return library


def fields(*size: int, seed: int = 0) -> NDArray[np.float32]:
    """Return two random fields, (2, x, y, z)."""
    return np.random.default_rng(seed).random((2, *size), dtype=np.float32)


def called(
    front: ctypes.CDLL,
    given: NDArray[np.float32],
    kind: type = np.float32,
    order: Literal["C", "F"] = "C",
    periodic: Sequence[int] | None = None,
    spacing: float = SPACING,
) -> tuple[int, NDArray[Any]]:
    """Call the library; return status and density."""
    double, size = kind is np.float64, np.array(given.shape[1:], np.int64)
    inputs: list[NDArray[Any]] = [np.array(field, kind, order=order) for field in given]
    density: NDArray[Any] = np.zeros(given.shape[1:], kind, order=order)
    name = f"front{'_xfastest' if order == 'F' else ''}{'_f64' if double else ''}"
    number = ctypes.c_double if double else ctypes.c_float
    repeats = None if periodic is None else (ctypes.c_int * 3)(*periodic)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (size, *inputs, density)]
    status = getattr(front, name)(*pointers[:-1], number(spacing), pointers[-1], repeats)
    return status, density


def same(
    found: NDArray[Any],
    surrogate: Surrogate,
    given: NDArray[np.float32],
    periods: Sequence[int | None] | None = None,
    spacing: float = SPACING,
) -> None:
    """Compare a density with PyTorch."""
    with torch.inference_mode():
        scale = torch.tensor([1 / spacing])
        expected = surrogate(torch.from_numpy(given)[None], scale, periods)[0, 0].numpy()
    assert np.abs(found - expected).max() <= 1e-6 * np.ptp(expected)


@pytest.mark.parametrize("size", [(17, 13, 21), (8, 8, 8), (5, 30, 4), (16, 7, 9)])
def test_fields_of_any_size_are_those_of_pytorch(
    front: ctypes.CDLL, surrogate: Surrogate, size: tuple[int, int, int]
) -> None:
    given = fields(*size)
    for kind in (np.float32, np.float64):
        for order in ("C", "F"):
            status, density = called(front, given, kind, order)
            assert status == 0, front.front_message()
            same(density, surrogate, given)


@pytest.mark.parametrize("periodic", [(1, 0, 0), (0, 1, 1), (1, 1, 1)])
def test_periodic_fields_have_no_edge(
    front: ctypes.CDLL, surrogate: Surrogate, periodic: tuple[int, int, int]
) -> None:
    given = fields(9, 12, 7)
    status, density = called(front, given, periodic=periodic)
    assert status == 0
    periods = [n if repeats else None for n, repeats in zip((9, 12, 7), periodic, strict=True)]
    same(density, surrogate, given, periods)


def test_the_spacing_scales_the_density(front: ctypes.CDLL, surrogate: Surrogate) -> None:
    given = fields(8, 9, 10)
    coarse, fine = (called(front, given, spacing=spacing)[1] for spacing in (0.5, 0.25))
    np.testing.assert_allclose(fine, 2 * coarse, rtol=1e-6)
    same(coarse, surrogate, given, spacing=0.5)


class Array(ctypes.Structure):
    """``struct front_array``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("extent", ctypes.c_int64 * 3),
        ("stride", ctypes.c_int64 * 3),
    )


def test_halo_cells_of_a_rank_are_left_out_without_a_copy(
    front: ctypes.CDLL, surrogate: Surrogate
) -> None:
    with_halo = np.full((2, 14, 12, 13), np.nan, np.float64)
    with_halo[:, 2:-2, 2:-2, 2:-2] = given = fields(10, 8, 9)
    density = np.full((14, 12, 13), -7.0)
    arrays = (Array * 3)()
    inner = [*with_halo[:, 2:-2, 2:-2, 2:-2], density[2:-2, 2:-2, 2:-2]]
    for one, a in zip(arrays, inner, strict=True):
        one.data, one.bytes, one.rank = a.ctypes.data, 8, 3
        one.extent[:], one.stride[:] = a.shape, a.strides
    spacing = (ctypes.c_double * 1)(SPACING)
    assert front.front_arrays(arrays, ctypes.c_int(3), spacing, None) == 0
    same(inner[-1], surrogate, given)
    density[2:-2, 2:-2, 2:-2] = -7
    assert (density == -7).all()  # nothing was written into the halo
    arrays[1].extent[1] = 7
    assert front.front_arrays(arrays, ctypes.c_int(3), spacing, None) == ARGUMENT
    assert b"mixture: 7 cells along axis 2, progress has 8" in front.front_message()


@pytest.mark.parametrize(
    ("size", "cell", "value", "spacing", "status", "words"),
    [
        ((3, 8, 8), None, 0.0, SPACING, ARGUMENT, "progress: 3 cells along axis 1, expected 4 ..."),
        ((8, 8, 0), None, 0.0, SPACING, ARGUMENT, "progress: 0 cells along axis 3"),
        ((8, 8, 5000), None, 0.0, SPACING, ARGUMENT, "progress: 5000 cells along axis 3"),
        ((8, 9, 7), (7, 0, 6), math.nan, SPACING, NOT_FINITE, "progress is NaN at cell (8, 1, 7)"),
        ((8, 9, 7), (0, 8, 0), 300.0, SPACING, RANGE, "progress is 300 1 at cell (1, 9, 1), expec"),
        ((8, 9, 7), None, 0.0, 250.0, RANGE, "spacing is 250 m, expected 1e-06 ... 1 m"),
        ((8, 9, 7), None, 0.0, math.nan, NOT_FINITE, "spacing is NaN"),
        ((8, 9, 7), None, 0.0, 0.0, RANGE, "spacing is 0 m"),
    ],
)
def test_fields_without_meaning_are_refused_with_their_place(
    front: ctypes.CDLL,
    size: tuple[int, int, int],
    cell: tuple[int, int, int] | None,
    value: float,
    spacing: float,
    status: int,
    words: str,
) -> None:
    given = fields(*size)
    if cell:
        given[0][cell] = value
    assert called(front, given, spacing=spacing)[0] == status
    assert words in front.front_message().decode()


@needs("gfortran")
def test_the_fortran_check_compiles_and_passes(coupled: Path, tmp_path: Path) -> None:
    require_check(coupled, tmp_path)
