"""A surrogate as a native library: called from Fortran and C, right or refused, never wrong."""

from __future__ import annotations

import ctypes
import json
import math
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ai4sim.io.ranges import Bounds
from ai4sim.native import library
from ai4sim.native.couple import command
from ai4sim.native.network import Backend
from ai4sim.native.routine import Applied, Columns, Samples
from ai4sim.surrogate import Surrogate
from ai4sim.tests.host_programs import needs, require_check
from ai4sim.use_case import UseCase
from ai4sim.variables import Variable
from ai4sim.weights import write_samples

LEVELS, SAMPLES = 5, 70
INPUTS = [Variable("wind", "m/s", LEVELS), Variable("pressure", "Pa")]
OUTPUTS = [Variable("drag", "m/s2", LEVELS), Variable("stress", "N/m2")]
RANGES = np.array([6e-3] * LEVELS + [0.86])
"""Of the outputs in these columns, about."""
ARGUMENT, NOT_FINITE, RANGE, RESULT, LOAD, CHECK = 1, 2, 3, 4, 5, 6
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: g++")


def routine(surrogate: Surrogate) -> Columns:
    """Return the call of a surrogate of this test."""

    def rows(samples: Samples) -> torch.Tensor:
        return samples["inputs"]

    return Columns(
        name="wave_drag",
        title="Drag of waves",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        module=Applied(surrogate),
        rows=rows,
        block=16,
        bounds={"pressure": Bounds(2e4, 1.2e5)},
        first_level="the ground",
    )


USE_CASE = UseCase("waves", "Waves", Path(), "", "", "", f"{__name__}:routine")


def perceptron(seed: int = 3) -> Surrogate:
    """Return a network with normalisation, untrained."""
    torch.manual_seed(seed)
    net = {"name": "MLP", "in_channels": 6, "out_channels": 6, "features": 8, "layers": 2}
    made = Surrogate(net, INPUTS, OUTPUTS)
    made.input_norm.set(torch.tensor([5.0] * 5 + [9e4]), torch.tensor([0.9] * 5 + [1e4]))
    made.output_norm.set(0.0, torch.tensor([1e-4] * 5 + [0.1]))
    return made.eval()


def drawn() -> NDArray[np.float32]:
    """Return columns, (sample, channel)."""
    rng = np.random.default_rng(0)
    winds = rng.normal(0, 20, (SAMPLES, LEVELS))
    pressure = rng.uniform(5e4, 1.05e5, (SAMPLES, 1))
    return np.concatenate([winds, pressure], 1).astype(np.float32)


def couple_waves(
    root: Path, surrogate: Surrogate, backend: Backend, name: str | None = None
) -> Path:
    """Save a network as an experiment, and make a library of it."""
    artifacts = root / "experiments" / "run" / "artifacts"
    surrogate.save(artifacts)
    write_samples(artifacts, {"inputs": torch.from_numpy(drawn())})
    couple = command(USE_CASE, root / "experiments")
    couple(root / "waves", experiment="run", backend=backend, name=name)
    return root / "waves"


@pytest.fixture(scope="module")
def surrogate() -> Surrogate:
    """The network."""
    return perceptron()


@pytest.fixture(scope="module")
def columns() -> NDArray[np.float32]:
    """Columns: (sample, channel)."""
    return drawn()


@pytest.fixture(scope="module", params=["aoti", "c"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each back end in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def coupled(
    surrogate: Surrogate, backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the command makes of an experiment."""
    return couple_waves(tmp_path_factory.mktemp("coupled"), surrogate, backend)


class Library:
    """The library through its interface for C, by ctypes."""

    def __init__(self, folder: Path) -> None:
        self.loaded = ctypes.CDLL(str(folder / "libwave_drag.so"))
        self.loaded.wave_drag_message.restype = ctypes.c_char_p

    def __call__(self, *arguments: Any, function: str = "") -> int:
        """Call a function with arrays and sizes; return its status."""
        given = [
            a.ctypes.data_as(ctypes.c_void_p)
            if isinstance(a, np.ndarray)
            else ctypes.c_int64(a)
            if isinstance(a, int)
            else a
            for a in arguments
        ]
        status: int = getattr(self.loaded, f"wave_drag{function}")(*given)
        return status

    @property
    def message(self) -> str:
        """The message of the last error."""
        text: bytes = self.loaded.wave_drag_message()
        return text.decode()


@pytest.fixture(scope="module")
def wave_drag(coupled: Path) -> Library:
    """The library, loaded."""
    return Library(coupled)


def arrays(columns: NDArray[np.float32], kind: type = np.float32) -> list[NDArray[Any]]:
    """Return the arguments of a call: inputs, and outputs of zeros."""
    n = len(columns)
    inputs: list[NDArray[Any]] = [columns[:, :LEVELS].astype(kind), columns[:, LEVELS].astype(kind)]
    return [*inputs, np.zeros((n, LEVELS), kind), np.zeros(n, kind)]


def same(found: NDArray[Any], surrogate: Surrogate, columns: NDArray[np.float32]) -> None:
    """Compare outputs, (column, channel), with PyTorch."""
    with torch.inference_mode():
        expected = surrogate(torch.from_numpy(columns)).numpy()
    assert (np.abs(found - expected) <= 1e-6 * RANGES).all()


@pytest.mark.parametrize("n", [1, 7, 16, 17, 64, 70])
def test_columns_are_those_of_pytorch(
    wave_drag: Library, surrogate: Surrogate, columns: NDArray[np.float32], n: int
) -> None:
    chosen = columns[:n]
    for kind, suffix in ((np.float32, ""), (np.float64, "_f64")):
        winds, pressure, drag, stress = arrays(chosen, kind)
        assert wave_drag(n, winds, pressure, drag, stress, function=suffix) == 0
        same(np.c_[drag, stress], surrogate, chosen)
        # Blocks of NPROMA: what is beyond n is neither read nor written.
        nproma = n + 2
        block = np.full((LEVELS, nproma), np.nan, kind)
        block[:, :n] = winds.T
        drags, stresses = np.full((LEVELS, nproma), -7, kind), np.full(nproma, -7, kind)
        padded = np.append(pressure, [np.nan, np.nan]).astype(kind)
        function = f"_nproma{suffix}"
        assert wave_drag(n, nproma, block, padded, drags, stresses, function=function) == 0
        same(np.c_[drags[:, :n].T, stresses[:n]], surrogate, chosen)
        assert (drags[:, n:] == -7).all() and (stresses[n:] == -7).all()


def described(*given: NDArray[Any], **changed: Any) -> Any:
    """Describe arrays as ``struct wave_drag_array``; change fields of the first."""

    class Array(ctypes.Structure):
        _fields_ = (
            ("data", ctypes.c_void_p),
            ("bytes", ctypes.c_int32),
            ("rank", ctypes.c_int32),
            ("extent", ctypes.c_int64 * 3),
            ("stride", ctypes.c_int64 * 3),
        )

    made = (Array * len(given))()
    for one, a in zip(made, given, strict=True):
        one.data, one.bytes, one.rank = a.ctypes.data, a.itemsize, a.ndim
        one.extent[: a.ndim], one.stride[: a.ndim] = a.shape, a.strides
    for name, value in changed.items():
        if isinstance(value, Sequence):
            getattr(made[0], name)[: len(value)] = value
        else:
            setattr(made[0], name, value)
    return made


def test_arrays_may_have_any_strides(
    wave_drag: Library, surrogate: Surrogate, columns: NDArray[np.float32]
) -> None:
    winds, pressure, drag, stress = arrays(columns)
    both = np.zeros((SAMPLES, LEVELS + 1), np.float32)  # interleaved: levels of one larger array
    both[:, :LEVELS], both[:, LEVELS] = winds, pressure
    upside_down = np.zeros((SAMPLES, LEVELS), np.float32)[:, ::-1]
    given = described(both[:, :LEVELS], both[:, LEVELS], upside_down, stress.repeat(3)[::3])
    assert wave_drag(SAMPLES, given, ctypes.c_int(4), function="_arrays") == 0
    assert wave_drag(SAMPLES, winds, pressure, drag, stress) == 0
    assert np.array_equal(upside_down, drag)
    same(np.c_[drag, stress], surrogate, columns)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("argument", "place", "value", "status", "words"),
    [
        (0, (41, 3), math.nan, NOT_FINITE, "wind is NaN at column 42, level 4"),
        (0, (0, 0), math.inf, NOT_FINITE, "wind is infinite at column 1, level 1"),
        (1, (69,), -math.inf, NOT_FINITE, "pressure is infinite at column 70"),
        (1, (2,), 1013.25, RANGE, "pressure is 1013.25 Pa at column 3, expected 20000 ... 120000"),
        (1, (2,), 0.0, RANGE, "pressure is 0 Pa at column 3"),
        (0, (5, 0), 3.4e38, RESULT, "the network returned drag = "),
    ],
)
def test_values_without_meaning_are_refused_with_their_place(
    wave_drag: Library,
    columns: NDArray[np.float32],
    kind: type,
    argument: int,
    place: tuple[int, ...],
    value: float,
    status: int,
    words: str,
) -> None:
    given = arrays(columns, kind)
    given[argument][place] = value
    found = wave_drag(SAMPLES, *given, function="" if kind is np.float32 else "_f64")
    assert found == status
    assert words in wave_drag.message


def test_threads_of_a_host_call_at_the_same_time(
    wave_drag: Library, surrogate: Surrogate, columns: NDArray[np.float32]
) -> None:
    statuses: list[int] = []
    results = [arrays(np.roll(columns, shift, axis=0)) for shift in range(8)]

    def host(given: list[NDArray[Any]]) -> None:
        statuses.extend(wave_drag(SAMPLES, *given) for _ in range(20))

    threads = [threading.Thread(target=host, args=(given,)) for given in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 160
    for shift, (*_, drag, stress) in enumerate(results):
        same(np.c_[drag, stress], surrogate, np.roll(columns, shift, axis=0))


def test_a_message_belongs_to_the_thread_whose_call_failed(
    wave_drag: Library, columns: NDArray[np.float32]
) -> None:
    assert wave_drag(-5, *arrays(columns)) == ARGUMENT
    elsewhere: list[str] = []
    thread = threading.Thread(target=lambda: elsewhere.append(wave_drag.message))
    thread.start()
    thread.join()
    assert elsewhere == [""]
    assert "n = -5" in wave_drag.message


def test_calls_are_counted(wave_drag: Library, columns: NDArray[np.float32]) -> None:
    def counters() -> tuple[int, int, float]:
        calls, found, seconds = ctypes.c_int64(), ctypes.c_int64(), ctypes.c_double()
        places = [ctypes.byref(calls), ctypes.byref(found), ctypes.byref(seconds)]
        wave_drag.loaded.wave_drag_counters(*places)
        return calls.value, found.value, seconds.value

    before = counters()
    assert wave_drag(SAMPLES, *arrays(columns)) == 0
    after = counters()
    assert (after[0] - before[0], after[1] - before[1]) == (1, SAMPLES)
    assert after[2] > before[2]


def test_a_library_that_is_damaged_or_of_other_weights_is_not_used(
    coupled: Path,
    surrogate: Surrogate,
    columns: NDArray[np.float32],
    backend: Backend,
    tmp_path: Path,
) -> None:
    if backend == "aoti":
        lost = tmp_path / "lost"
        shutil.copytree(coupled, lost)
        network = lost / "libwave_drag_network.so"
        for change, words in (
            (lambda: network.write_bytes(network.read_bytes()[:-1]), "is not the network that"),
            (network.unlink, "is missing: it belongs to the library"),
        ):
            change()
            changed = Library(lost)
            assert changed(1, *arrays(columns[:1])) == LOAD
            assert words in changed.message
    other = tmp_path / "other"
    shutil.copytree(coupled, other)
    tables = other / "source" / "tables.c"
    name = "surrogate_sample_outputs[] = { "
    tables.write_text(tables.read_text().replace(name, f"{name}1.0f + "))
    library.build(routine(surrogate), other, backend)
    changed = Library(other)
    assert changed(1, *arrays(columns[:1])) == CHECK
    assert "for a stored sample, expected" in changed.message


HOST = """
#include "wave_drag.hpp"
#include <cstring>
#include <iostream>
#include <omp.h>
#include <vector>

namespace waves = wave_drag_library;

int main()
{
    const int n = 64;
    std::vector<double> wind(5 * n), pressure(n, 1e5), drag(5 * n), stress(n), again(5 * n);
    for (int i = 0; i < 5 * n; ++i)
        wind[i] = i % 37 - 18;
    waves::load(2);
    waves::run(n, wind.data(), pressure.data(), drag.data(), stress.data());
    int differ = 0;
#pragma omp parallel for reduction(+ : differ)
    for (int i = 0; i < n; i += 16) {  // the library's blocks
        double other[16];
        waves::run(16, &wind[5 * i], &pressure[i], &again[5 * i], other);
        differ += std::memcmp(other, &stress[i], sizeof other) != 0;
    }
    differ += drag != again;
    pressure[7] = 1000;
    try {
        waves::run(n, wind.data(), pressure.data(), drag.data(), stress.data());
    } catch (const waves::error &error) {
        std::cout << error.status << " " << error.what() << "\\n";
    }
    std::cout << omp_get_max_threads() << " threads, " << differ << " differences\\n";
}
"""


def test_a_host_in_cpp_keeps_its_own_threads(coupled: Path, tmp_path: Path) -> None:
    (tmp_path / "host.cpp").write_text(HOST)
    program = tmp_path / "host"
    flags = ["-Wall", "-Werror", "-fopenmp", f"-I{coupled}", f"-L{coupled}", "-lwave_drag"]
    line = ["g++", str(tmp_path / "host.cpp"), *flags, f"-Wl,-rpath,{coupled}", "-o", str(program)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    done = subprocess.run([program], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    refused, threads = done.stdout.splitlines()
    assert refused.startswith("3 wave_drag: pressure is 1000 Pa at column 8, expected")
    assert threads == "3 threads, 0 differences"


THREADS = """
program host
  use, intrinsic :: iso_fortran_env, only: real64
  use wave_drag_library
  implicit none
  integer, parameter :: n = 16 * 40
  integer :: status, failed, i
  real(real64) :: wind(5, n), pressure(n), drag(5, n), stress(n), again(5, n), others(n)
  call random_number(wind)
  wind = 40 * wind - 20
  pressure = 1e5_real64
  call wave_drag_load(status, instances=4, threads=1)
  if (status /= 0) error stop "not loaded"
  call wave_drag(n, wind, pressure, drag, stress, status)
  if (status /= 0) error stop "refused"
  failed = 0
!$omp parallel do num_threads(4) schedule(dynamic) private(status) reduction(+: failed)
  do i = 1, n, 16
    call wave_drag(16, wind(:, i:), pressure(i:), again(:, i:), others(i:), status)
    if (status /= 0) failed = failed + 1
  end do
  print "(i0, a, l1)", failed, " failed, same: ", all(again == drag) .and. all(others == stress)
  pressure(17 * 16 + 3) = 10
  failed = 0
!$omp parallel do num_threads(4) private(status) reduction(+: failed)
  do i = 1, n, 16
    call wave_drag(16, wind(:, i:), pressure(i:), again(:, i:), others(i:), status)
    if (status /= 0) then
      failed = failed + 1
!$omp critical
      print "(a)", wave_drag_message()
!$omp end critical
    end if
  end do
  print "(i0, a)", failed, " failed"
end program host
"""


@needs("gfortran")
def test_threads_of_a_fortran_host_have_an_instance_each(coupled: Path, tmp_path: Path) -> None:
    (tmp_path / "host.f90").write_text(THREADS)
    traps = ["-ffpe-trap=invalid,zero,overflow,underflow", "-fcheck=all"]
    line = ["gfortran", "-fopenmp", *traps, str(coupled / "wave_drag.f90"), "host.f90"]
    line += [f"-L{coupled}", "-lwave_drag", f"-Wl,-rpath,{coupled}", "-o", "host"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([tmp_path / "host"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same, refused, failed = done.stdout.splitlines()
    assert same == "0 failed, same: T"
    assert "pressure is 10 Pa at column 3, expected" in refused
    assert failed == "1 failed"


@needs("gfortran")
def test_the_fortran_check_compiles_and_passes(coupled: Path, tmp_path: Path) -> None:
    require_check(coupled, tmp_path)


def test_generated_c_needs_no_library(coupled: Path, backend: Backend) -> None:
    command_line = ["ldd", str(coupled / "libwave_drag.so")]
    needed = subprocess.run(command_line, capture_output=True, text=True, check=True).stdout
    names = {line.split()[0].rsplit("/", 1)[-1].split(".")[0] for line in needed.splitlines()}
    own = {"linux-vdso", "linux-gate", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libm"}
    assert (names <= own) == (backend == "c")


def test_the_card_says_what_the_library_is(coupled: Path, backend: Backend) -> None:
    card = json.loads((coupled / "surrogate.json").read_text())["library"]
    assert card["inputs"][1] == {
        "name": "pressure",
        "units": "Pa",
        "levels": None,
        "bounds": [2e4, 1.2e5],
    }
    network = {"libwave_drag_network.so"} if backend == "aoti" else set()
    assert set(card["sha256"]) == {"libwave_drag.so"} | network
    assert card["backend"] == backend
    assert max(card["largest_difference_over_range"].values()) < 1e-6


def test_nothing_of_the_user_is_overwritten(coupled: Path) -> None:
    experiments = coupled.parent / "experiments"
    couple: Callable[..., None] = command(USE_CASE, experiments)
    with pytest.raises(FileExistsError, match="expected a new or an empty folder"):
        couple(coupled, experiment="run")
    (experiments / "run" / "artifacts" / "samples.safetensors").rename(coupled / "samples")
    with pytest.raises(ValueError, match=r"samples\.safetensors is missing"):
        couple(coupled.parent / "new", experiment="run")
    with pytest.raises(FileNotFoundError, match="no best.ckpt in experiment walk"):
        couple(coupled.parent / "new", experiment="walk")
    assert not (coupled.parent / "new").exists()
