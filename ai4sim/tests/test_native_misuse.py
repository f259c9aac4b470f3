"""Calls of a native library that make no sense: a status and a clear message each, no crash.

With the parametrised ones of ``test_native.py`` (values) and of ``test_native_grid``, ``_mesh`` and
``_exchange`` there are more than a hundred kinds of misuse.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4sim.native.call import load
from ai4sim.tests.host_programs import needs
from ai4sim.tests.test_native import (
    ARGUMENT,
    LEVELS,
    RESULT,
    SAMPLES,
    Library,
    arrays,
    couple_waves,
    described,
    drawn,
    perceptron,
    routine,
    same,
)

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler: gcc")
COLUMNS = drawn()


@pytest.fixture(scope="module")
def coupled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library in C, in a folder with spaces in its name."""
    return couple_waves(tmp_path_factory.mktemp("with spaces") / "of a user", perceptron(), "c")


@pytest.fixture(scope="module")
def wave_drag(coupled: Path) -> Library:
    """The library, loaded."""
    return Library(coupled)


# ---- Descriptions of arrays ----

FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "no array": ({"data": None}, "wind: no array was given"),
    "half precision": ({"bytes": 2}, "wind: values of 2 bytes, expected 4 or 8"),
    "no levels": ({"rank": 1}, "wind: an array of 1 axes, expected 2"),
    "three axes": ({"rank": 3}, "wind: an array of 3 axes, expected 2"),
    "few columns": ({"extent": [69, 5]}, "wind: an array of 69 columns, expected at least n = 70"),
    "few levels": ({"extent": [70, 4]}, "wind: an array of 4 levels, expected 5"),
    "many levels": ({"extent": [70, 6]}, "wind: an array of 6 levels, expected 5"),
    "transposed": ({"extent": [5, 70]}, "wind: an array of 5 columns, expected at least n = 70"),
    "no stride": ({"stride": [20, 0]}, "wind: a stride of 0 bytes along axis 2"),
    "short stride": ({"stride": [2, 4]}, "wind: a stride of 2 bytes along axis 1"),
}


@pytest.mark.parametrize("misuse", FORMS)
def test_arrays_of_another_form_are_refused(wave_drag: Library, misuse: str) -> None:
    change, words = FORMS[misuse]
    given = described(*arrays(COLUMNS), **change)
    assert wave_drag(SAMPLES, given, ctypes.c_int(4), function="_arrays") == ARGUMENT
    assert wave_drag.message.startswith(f"wave_drag: {words}")


def without(i: int) -> list[Any]:
    """Return arguments of which one is no array."""
    return [SAMPLES, *(None if k == i else a for k, a in enumerate(arrays(COLUMNS)))]


def shared(out: int, like: int) -> list[Any]:
    """Return arguments of which an output is the memory of another one."""
    given = arrays(COLUMNS)
    given[out] = given[like]
    return [SAMPLES, *given]


def odd() -> list[Any]:
    """Return descriptions of which one has an odd address."""
    given = described(*arrays(COLUMNS))
    given[1].data += 2
    return [SAMPLES, given, ctypes.c_int(4)]


def three() -> list[Any]:
    return [SAMPLES, described(*arrays(COLUMNS)[:3]), ctypes.c_int(3)]


CALLS: dict[str, tuple[str, Callable[[], list[Any]], str]] = {
    "fewer than no columns": ("", lambda: [-1, *arrays(COLUMNS)], "n = -1, expected at least 0"),
    "no wind": ("", lambda: without(0), "wind: no array was given"),
    "no pressure": ("", lambda: without(1), "pressure: no array was given"),
    "no drag": ("", lambda: without(2), "drag: no array was given"),
    "no stress": ("", lambda: without(3), "stress: no array was given"),
    "a result in an input": ("", lambda: shared(2, 0), "wind and drag share memory"),
    "a result in another input": ("", lambda: shared(3, 1), "pressure and stress share memory"),
    "a result in a result": ("", lambda: shared(3, 2), "drag and stress share memory"),
    "n beyond nproma": (
        "_nproma",
        lambda: [SAMPLES, SAMPLES - 1, *arrays(COLUMNS)],
        "wind: an array of 69 columns, expected at least n = 70",
    ),
    "three of four": ("_arrays", three, "3 arrays, expected 4"),
    "an odd address": ("_arrays", odd, "pressure: its address is not a multiple of 4 bytes"),
    "no descriptions": (
        "_arrays",
        lambda: [SAMPLES, None, ctypes.c_int(4)],
        "no descriptions of arrays were given",
    ),
    "no instance": (
        "_load",
        lambda: [ctypes.c_int(0), ctypes.c_int(1)],
        "instances = 0, threads = 1: expected at least 1",
    ),
    "no thread": (
        "_load",
        lambda: [ctypes.c_int(1), ctypes.c_int(-3)],
        "instances = 1, threads = -3: expected at least 1",
    ),
    "loaded otherwise already": (
        "_load",
        lambda: [ctypes.c_int(8), ctypes.c_int(1)],
        "the network is loaded already, with instances = 1, threads = 1",
    ),
}


@pytest.mark.parametrize("misuse", CALLS)
def test_calls_that_make_no_sense_are_refused(wave_drag: Library, misuse: str) -> None:
    function, arguments, words = CALLS[misuse]
    assert wave_drag(SAMPLES, *arrays(COLUMNS)) == 0
    assert wave_drag(*arguments(), function=function) == ARGUMENT
    assert words in wave_drag.message


def test_a_rank_without_columns_needs_no_arrays(wave_drag: Library) -> None:
    assert wave_drag(0, None, None, None, None) == 0


# ---- Memory that arrays share ----

N = 40
MEMORY = np.zeros((2 * N, 3 * LEVELS), np.float32)
"""Of which arrays are parts."""
WIND, PRESSURE = MEMORY[:N, :LEVELS], np.full(N, 1e5, np.float32)
APART: dict[str, tuple[Any, Any, Any]] = {
    "parts of rows": (WIND, MEMORY[:N, LEVELS : 2 * LEVELS], MEMORY[:N, -1]),
    "every other column": (MEMORY[::2, :LEVELS], MEMORY[1::2, :LEVELS], MEMORY[::2, LEVELS]),
    "every other level": (MEMORY[:N, :10:2], MEMORY[:N, 1:10:2], MEMORY[:N, 10]),
    "backwards": (MEMORY[:N, :LEVELS], MEMORY[: N - 1 : -1, 9:4:-1], MEMORY[N - 1 :: -1, 5]),
    "halves": (MEMORY[:N, :LEVELS], MEMORY[N:, :LEVELS], MEMORY[N:, LEVELS]),
}
SHARED: dict[str, tuple[Any, Any, Any, str]] = {
    "the next column": (WIND, MEMORY[1 : N + 1, :LEVELS], MEMORY[:N, -1], "wind and drag share"),
    "the next level": (WIND, MEMORY[:N, 1 : LEVELS + 1], MEMORY[:N, -1], "wind and drag share"),
    "one level": (WIND, MEMORY[:N, 4 : LEVELS + 4], MEMORY[:N, -1], "wind and drag share memory"),
    "one value": (
        WIND[::-1],
        MEMORY[N - 1 : 2 * N - 1, 4 : LEVELS + 4],
        MEMORY[:N, -1],
        "wind and drag share memory",
    ),
    "backwards": (WIND, WIND[::-1, ::-1], MEMORY[:N, -1], "wind and drag share memory"),
    "a level of another result": (
        WIND,
        MEMORY[:N, LEVELS : 2 * LEVELS],
        MEMORY[:N, 7],
        "drag and stress share memory",
    ),
    "levels of one row": (
        WIND,
        np.lib.stride_tricks.as_strided(MEMORY[N:], (N, LEVELS), (4, 4)),
        MEMORY[:N, -1],
        "drag: its strides give several values the same memory",
    ),
}


@pytest.mark.parametrize("layout", APART)
def test_parts_of_one_larger_array_are_no_shared_memory(wave_drag: Library, layout: str) -> None:
    wind, drag, stress = APART[layout]
    assert not np.shares_memory(wind, drag) and not np.shares_memory(drag, stress)
    given = described(wind, PRESSURE, drag, stress)
    MEMORY[:] = np.resize(COLUMNS[:, :LEVELS], MEMORY.shape)
    winds = wind.copy()
    assert wave_drag(N, given, ctypes.c_int(4), function="_arrays") == 0, wave_drag.message
    same(np.c_[drag, stress], perceptron(), np.c_[winds, PRESSURE])


@pytest.mark.parametrize("layout", SHARED)
def test_results_that_would_overwrite_others_are_refused(wave_drag: Library, layout: str) -> None:
    wind, drag, stress, words = SHARED[layout]
    given = described(wind, PRESSURE, drag, stress)
    MEMORY[:] = np.resize(COLUMNS[:, :LEVELS], MEMORY.shape)
    before = MEMORY.copy()
    assert wave_drag(N, given, ctypes.c_int(4), function="_arrays") == ARGUMENT
    assert words in wave_drag.message
    assert np.array_equal(MEMORY, before)


# ---- Hosts ----

TRAPS = """
#define _GNU_SOURCE
#include <fenv.h>
#include <stdio.h>
#include "wave_drag.h"

int main(void)
{
    static double wind[70 * 5], pressure[70], drag[70 * 5], stress[70];
    for (int i = 0; i < 70; ++i)
        pressure[i] = 1e5;
    wind[7] = 3.4e38;
    feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW);
    fesetround(FE_UPWARD);
    int status = wave_drag_f64(70, wind, pressure, drag, stress);
    int traps = fegetexcept() == (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW);
    printf("%d %d %d %d\\n", status, traps, fegetround() == FE_UPWARD, fetestexcept(FE_INVALID));
    return 0;
}
"""


def test_a_host_that_stops_at_floating_point_exceptions_gets_a_status(
    coupled: Path, tmp_path: Path
) -> None:
    (tmp_path / "host.c").write_text(TRAPS)
    line = ["gcc", "host.c", f"-I{coupled}", f"-L{coupled}", "-lwave_drag", "-lm", "-o", "host"]
    line.append(f"-Wl,-rpath,{coupled}")
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([tmp_path / "host"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{RESULT} 1 1 0\n")


TWO = """
program host
  use wave_drag_library
  use lee_waves_library
  implicit none
  integer :: status(4)
  real :: wind(5, 7), pressure(7), drag(5, 7), stress(7), other_drag(5, 7), other_stress(7)
  call random_number(wind)
  pressure = 1e5
  call wave_drag(7, wind, pressure, drag, stress, status(1))
  call lee_waves(7, wind, pressure, other_drag, other_stress, status(2))
  print *, status(:2), maxval(abs(drag - other_drag)) > 1e-6
  pressure(3) = 5
  call wave_drag(-3, wind, pressure, drag, stress, status(3))
  call lee_waves(7, wind, pressure, drag, stress, status(4))
  print "(a)", wave_drag_message(), lee_waves_message()
end program host
"""


@needs("gfortran")
def test_two_libraries_in_one_program_do_not_mix(coupled: Path, tmp_path: Path) -> None:
    other = couple_waves(tmp_path / "other", perceptron(5), "c", name="lee_waves")
    moved = tmp_path / "moved here"  # after the library was made
    shutil.copytree(coupled, moved)
    (tmp_path / "host.f90").write_text(TWO)
    line = ["gfortran", str(moved / "wave_drag.f90"), str(other / "lee_waves.f90"), "host.f90"]
    for folder, name in ((moved, "wave_drag"), (other, "lee_waves")):
        line += [f"-L{folder}", f"-l{name}", f"-Wl,-rpath,{folder}"]
    done = subprocess.run([*line, "-o", "host"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([tmp_path / "host"], capture_output=True, text=True, check=True)
    statuses, first, second = done.stdout.splitlines()
    assert statuses.split() == ["0", "0", "T"]
    assert first == "wave_drag: n = -3, expected at least 0"
    assert second.startswith("lee_waves: pressure is 5 Pa at column 3, expected")


# ---- Python ----

WINDS, PRESSURES = COLUMNS[:, :LEVELS].astype(float), COLUMNS[:, LEVELS].astype(float)
GIVEN: dict[str, tuple[dict[str, Any], str]] = {
    "complex": ({"wind": WINDS + 1j}, "wind has values of type complex128, expected real numbers"),
    "masked": ({"wind": np.ma.masked_greater(WINDS, 30)}, r"wind has \d+ masked values"),
    "text": ({"wind": WINDS.astype(str)}, "wind has values of type <U"),
    "truths": ({"wind": WINDS > 0}, "wind has values of type bool"),
    "objects": ({"wind": None}, "wind has values of type object"),
    "dates": ({"pressure": PRESSURES.astype("datetime64[s]")}, "type datetime64"),
    "ragged": ({"wind": [[1.0, 2.0], [3.0]]}, "wind is no array: "),
    "too large": ({"wind": WINDS * 1e300}, "wind is infinite at column 1, level 1"),
    "a number": ({"pressure": 1e5}, r"pressure has the shape \(\), expected \(70,\)"),
    "transposed": ({"wind": WINDS.T}, r"wind has the shape \(5, 70\), expected \(5, 5\)"),
    "few columns": ({"pressure": PRESSURES[1:]}, r"shape \(69,\), expected \(70,\), with as many"),
    "hPa": ({"pressure": PRESSURES / 100}, "pressure is .* Pa at column 1, expected 20000"),
    "swapped": ({"wind": PRESSURES, "pressure": WINDS}, r"wind has the shape \(70,\), expected"),
    "misspelt": ({"winds": WINDS}, "no input 'winds': wind"),
}


@pytest.mark.parametrize("misuse", GIVEN)
def test_python_gets_the_same_messages(coupled: Path, misuse: str) -> None:
    call, _ = load(coupled)
    change, words = GIVEN[misuse]
    with pytest.raises(ValueError, match=words):
        call(**{"wind": WINDS, "pressure": PRESSURES, **change})


def test_a_library_that_is_not_the_described_one_is_not_loaded(
    coupled: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(coupled, cut)
    file = cut / "libwave_drag.so"
    file.write_bytes(file.read_bytes()[:20000])
    with pytest.raises(ValueError, match=r"is not the library that surrogate\.json .* damaged"):
        load(cut)


# ---- Names ----


@pytest.mark.parametrize("name", ["Drag", "2nd", "wave drag", "x" * 41, "", "_drag", "drag-2"])
def test_a_name_that_is_none_in_fortran_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a function"):
        replace(routine(perceptron()), name=name)


@pytest.mark.parametrize(
    "name", ["int", "register", "class", "namespace", "real", "unix", "size", "main"]
)
def test_words_of_the_languages_are_no_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is a word of C, C\\+\\+ or Fortran"):
        replace(routine(perceptron()), name=name)


@pytest.mark.parametrize("name", ["exp", "printf", "read", "index"])
def test_functions_of_the_system_are_no_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is a function of the C library"):
        replace(routine(perceptron()), name=name)


@pytest.mark.parametrize("name", ["n", "nproma", "status", "wind"])
def test_arguments_are_no_names_of_functions(name: str) -> None:
    with pytest.raises(ValueError, match=f"several arguments are named {name}"):
        replace(routine(perceptron()), name=name)
