"""The host programs of ``examples``, built and run in tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip tests where compilers, CMake or other programs are not installed."""
    missing = [p for p in ("gcc", "g++", "cmake", *programs) if shutil.which(p) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def called(*line: str | float | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a program; return its exit code and output."""
    words = [*map(str, line)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout)


def build_example(name: str, library: str, coupled: Path, build: Path) -> Path:
    """Build a host program with the library in a folder; return the folder of the program."""
    for step in (
        called("cmake", "-S", EXAMPLES / name, "-B", build, f"-D{library}_DIR={coupled}"),
        called("cmake", "--build", build),
    ):
        assert step.returncode == 0, step.stdout + step.stderr
    return build


def require_check(coupled: Path, build: Path) -> None:
    """Build the program in Fortran that comes with a library, and run it."""
    for step in (
        called("cmake", "-S", coupled, "-B", build, "-Wno-dev"),
        called("cmake", "--build", build),
        called("ctest", "--test-dir", build, "--output-on-failure"),
    ):
        assert step.returncode == 0, step.stdout + step.stderr
