"""Elementary functions of compiled loops: errors in the last place, and special numbers."""

import math

import numpy as np
import pytest

from ai4sim.compiled import jit
from ai4sim.physics.elementary_loops import arctan, cosine, cube_root, exp, log

LARGE = np.log(np.finfo(np.float32).max) - 1
PRECISIONS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@jit("contract")
def _logarithms(x, y):
    for i in range(len(x)):
        y[i] = log(x[i])


@jit("contract")
def _exponentials(x, y):
    for i in range(len(x)):
        y[i] = exp(x[i])


@jit("contract")
def _arc_tangents(x, y):
    for i in range(len(x)):
        y[i] = arctan(x[i])


@jit("contract")
def _cosines(x, y):
    for i in range(len(x)):
        y[i] = cosine(x[i])


@jit("contract")
def _cube_roots(x, y):
    for i in range(len(x)):
        y[i] = cube_root(x[i])


def of(loop, x):
    y = np.empty_like(x)
    loop(x, y)
    return y


FUNCTIONS = {
    # loop, the function in longer precision, numbers, whether their logarithms are even
    "log": (_logarithms, np.log, (-87.0, LARGE), True),
    "log about 1": (_logarithms, np.log, (0.6, 1.6), False),
    "exp": (_exponentials, np.exp, (-86.9, 87.9), False),
    "arctan": (_arc_tangents, np.arctan, (0.0, 1 + math.sqrt(2)), False),
    "cube root": (_cube_roots, np.cbrt, (-80.0, 80.0), True),
}


@PRECISIONS
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_below_two_units_in_the_last_place(name, dtype):
    loop, exact, ends, even = FUNCTIONS[name]
    x = np.linspace(*ends, 200_001)
    x = (np.exp(x) if even else x).astype(dtype)
    expected = exact(x.astype(np.longdouble))
    error = np.abs(of(loop, x) - expected)
    assert (error <= 2 * np.finfo(dtype).eps * np.abs(expected)).all()


@PRECISIONS
def test_cosines_to_the_last_place_of_one(dtype):
    x = np.linspace(-3000, 3000, 200_001).astype(dtype)
    error = np.abs(of(_cosines, x) - np.cos(x.astype(np.longdouble)))
    assert error.max() < 1.5 * np.finfo(dtype).eps
    assert math.isnan(of(_cosines, np.array([math.nan], dtype))[0])


@PRECISIONS
def test_numbers_without_a_logarithm_or_an_exponential(dtype):
    x = np.array([0.0, -1.0, math.inf, math.nan, 1e-40, 1.0], dtype)
    assert of(_logarithms, x).tolist() == pytest.approx(
        [-math.inf, math.nan, math.inf, math.nan, math.nan, 0.0], nan_ok=True
    )
    x = np.array([-math.inf, -88.0, 0.0, math.nan, 89.0], dtype)
    bounds = math.exp(-87), math.exp(88)
    assert of(_exponentials, x).tolist() == pytest.approx(
        [bounds[0], bounds[0], 1.0, math.nan, bounds[1]], nan_ok=True, rel=1e-6
    )
    assert math.isnan(of(_cube_roots, np.array([math.nan], dtype))[0])
    assert math.isnan(of(_arc_tangents, np.array([math.nan], dtype))[0])
