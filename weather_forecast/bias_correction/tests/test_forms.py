"""One content in many forms gives the same numbers; a file with a fault gives them or an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4sim.tests.corruption import (
    change_units,
    cut_short,
    drop_a_variable,
    flip_a_byte,
    outcomes,
    swap_axes,
    verdicts,
)
from ai4sim.tests.forms import FORMATS, Content, Stored, write
from weather_forecast.bias_correction.tests.forms_of_columns import (
    content,
    expected,
    forms,
    read,
    tolerances,
)

FAULTS = 500
IN_FILES, IN_CONTENT = (cut_short, flip_a_byte), (change_units, swap_axes, drop_a_variable)
COARSE = ("sca_inputs", "col_inputs", "hl_inputs", "pressure_hl")
"""Datasets that 16 bits are too few for: pressures, next to gases of some 1e-10."""


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=forms(), form=st.sampled_from(FORMATS), growing=st.sampled_from([None, "column"]))
def test_the_same_columns_in_another_form_give_the_same_numbers(
    tmp_path: Path,
    drawn: tuple[Mapping[str, Content], Mapping[str, Stored]],
    form: str,
    growing: str | None,
) -> None:
    variables, stored = drawn
    path = tmp_path / "columns.nc"
    write(path, variables, stored, form, unlimited=growing)
    try:
        found = read(path)
    except ValueError as error:
        assert any(stored[name].kind == "i2" for name in COARSE), error
        assert "columns.nc: " in str(error) and any(name in str(error) for name in variables)
        return
    assert found.keys() == expected().keys()
    limits = tolerances(variables, stored)
    for name, values in expected().items():
        off = np.abs(found[name].astype(np.float64) - values)
        assert off.max() <= limits[name] + 1e-6 * np.abs(values).max(), name


def damage(seed: int, folder: Path) -> tuple[Path, str]:
    """Write a file with the fault of a seed."""
    rng = np.random.default_rng(seed)
    path, variables = folder / f"fault_{seed}.nc", dict(content())
    form = FORMATS[int(rng.integers(len(FORMATS)))]
    kind = seed % (len(IN_FILES) + len(IN_CONTENT))
    fault = "" if kind < len(IN_FILES) else IN_CONTENT[kind - len(IN_FILES)](variables, rng)
    write(path, variables, {}, form)
    return path, f"{form}: {fault or IN_FILES[kind](path, rng)}"


def test_no_fault_is_read_without_a_word(tmp_path: Path) -> None:
    found = outcomes(damage, read, expected(), range(FAULTS), tmp_path)
    bad = [outcome for outcome in found if outcome.verdict not in ("right", "refused")]
    assert not bad, f"{dict(verdicts(found))}: {bad[:3]}"
