"""Files with a single fault: the right numbers, or an error that names the file; never others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4sim.tests.corruption import (
    change_units,
    cut_short,
    drop_a_variable,
    flip_a_byte,
    outcomes,
    swap_axes,
    verdicts,
)
from ai4sim.tests.forms import FORMATS
from wmed.tests import written

OF_FILES = (cut_short, flip_a_byte)
OF_CONTENT = (change_units, swap_axes, drop_a_variable)
TOLERANCES = written.TOLERANCES | dict.fromkeys(
    ("ocean_lon", "ocean_lat", "air_lon", "air_lat"), 1e-3
)


def damage(seed: int, folder: Path) -> tuple[Path, str]:
    """Write an event with a fault in one of its files."""
    rng = np.random.default_rng(seed)
    files = written.event()
    for file in files.values():
        file.form = str(rng.choice(FORMATS))
    name = str(rng.choice([*files, *[n for n in files if "his" in n] * 2]))
    number = seed % (len(OF_FILES) + len(OF_CONTENT))
    place, words = folder / str(seed), f"{name} ({files[name].form}): "
    if number < len(OF_FILES):
        path = written.save(files, place)
        return path, words + OF_FILES[number](place / name, rng)
    words += OF_CONTENT[number - len(OF_FILES)](files[name].content, rng)
    return written.save(files, place), words


def read(path: Path) -> Mapping[str, Any]:
    """Read an event; its errors name the file that is at fault, wherever that lies."""
    try:
        return written.read(path)
    except (ValueError, FileNotFoundError) as error:
        if str(path.parent) in str(error):
            raise ValueError(f"{path.name}: {error}") from error
        raise


@pytest.mark.parametrize("part", range(5))
def test_no_fault_is_read_as_other_numbers(part: int, tmp_path: Path):
    found = outcomes(
        damage,
        read,
        written.expected(),
        range(100 * part, 100 * part + 100),
        tmp_path,
        tolerances=TOLERANCES,
    )
    wrong = [outcome for outcome in found if outcome.verdict not in ("right", "refused")]
    assert not wrong, "\n".join(map(str, wrong))
    assert verdicts(found)["refused"] > 20
