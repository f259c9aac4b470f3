"""The host program of a flame, run beside the one in Python."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ai4sim.tests.host_programs import called
from combustion.online.planar import Closure, PlanarFlame, simulate, write_case


def burn(program: Path, flame: PlanarFlame, folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Run the program; return its rows of the budget, by name, and the last progress variable."""
    write_case(folder / "case.txt", flame)
    done = called(program, folder / "case.txt", folder / "field.bin")
    assert done.returncode == 0, done.stderr
    assert re.match(r"flame speed \S+ m/s, of the surface \S+ m/s, cut off \S+ %$", done.stderr)
    rows = np.genfromtxt(io.StringIO(done.stdout), delimiter=",", names=True)
    sizes = flame.cells_x, flame.cells_y, flame.cells_z
    return rows, np.fromfile(folder / "field.bin").reshape(sizes)


def same_flame(
    program: Path, flame: PlanarFlame, folder: Path, closure: Closure
) -> tuple[float, float]:
    """Compare program and Python.

    Returns
    -------
    tuple of float
        The share of the source that was cut off, and the mean flame surface over the section.

    Raises
    ------
    AssertionError
        They differ, progress is not bounded, or its change is not what burns less what flows out.
    """
    rows, field = burn(program, flame, folder)
    steps = list(simulate(flame, closure))
    assert np.abs(field - steps[-1].c.numpy()).max() <= 1e-6
    for name in ("outflow", "burnt", "cut"):
        sums = np.cumsum([getattr(step, name) for step in steps])
        np.testing.assert_allclose(rows[name], sums, rtol=1e-5, atol=1e-6 * rows["burnt"][-1])
    np.testing.assert_allclose(rows["surface"], [step.surface for step in steps], rtol=1e-5)
    assert rows["least"].min() >= 0 and rows["most"].max() <= 1 + 1e-12
    begun = flame.grid_spacing**3 * float(flame.initial().sum())
    np.testing.assert_allclose(
        rows["integral"], begun + rows["burnt"] - rows["outflow"], rtol=1e-13
    )
    section = flame.cells_y * flame.cells_z * flame.grid_spacing**2
    return float(rows["cut"][-1] / rows["burnt"][-1]), float(rows["surface"].mean() / section)
