"""The column of the quasi-biennial oscillation for a host program, see ``examples/qbo``."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ai4sim.command import run
from ai4sim.io.files import missing_file_error, write_text
from ai4sim.physics.constants import GRAVITY
from weather_forecast.climate import SCALE_HEIGHT
from weather_forecast.gwd.online.column import ColumnModel
from weather_forecast.gwd.online.oscillation import oscillation


def write_column(path: Path, model: ColumnModel) -> None:
    """Write a column as a Fortran namelist, then its half-level pressure, height and temperature.

    Parameters
    ----------
    path : Path
    model : ColumnModel
    """
    numbers = {**asdict(model), "gravity": GRAVITY, "scale_height": SCALE_HEIGHT}
    lines = ["&column", *(f"  {name} = {value!r}" for name, value in numbers.items()), "/"]
    for profile in (model.half_level_pressure(), model.height, model.temperature):
        lines.append(" ".join(repr(value) for value in profile.tolist()))
    write_text(path, "\n".join(lines) + "\n")


def read_winds(path: Path, model: ColumnModel) -> Tensor:
    """Read what the host has written: the zonal-mean wind, (1, time, level)  [m/s].

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It holds no whole number of profiles.
    """
    if not path.is_file():
        raise missing_file_error(path)
    winds = np.fromfile(path, dtype="<f8")
    if not len(winds) or len(winds) % model.levels:
        raise ValueError(
            f"{path}: {len(winds)} values, expected a multiple of {model.levels} levels"
        )
    return torch.from_numpy(winds.reshape(1, -1, model.levels))


def levels_of(column: Path) -> int:
    """Return the number of levels of a column that :func:`write_column` wrote.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no such file.
    """
    if not column.is_file():
        raise missing_file_error(column)
    found = re.search(r"^  levels = (\d+)$", column.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise ValueError(f"{column}: expected a column that this command wrote, found no levels")
    return int(found[1])


def main(column: Path, *, winds: Path | None = None, levels: int = 63) -> None:
    """Write the column that a host program runs, or judge the winds that it has computed.

    Parameters
    ----------
    column : path
        The file of the column: a new one, or with winds the one that they were computed in.
    winds : path, optional
        The winds of the host: their period and amplitude are printed.
    levels : int
        The number of levels of a new column, as many as the emulator takes.

    Examples
    --------
    python -m weather_forecast.gwd.online.host --column column.txt
    python -m weather_forecast.gwd.online.host --column column.txt --winds winds.bin
    """
    if winds is None:
        if column.exists():
            raise FileExistsError(f"--column {column}: expected a new file")
        write_column(column, replace(ColumnModel(), levels=levels))
        return
    model = replace(ColumnModel(), levels=levels_of(column))
    found = oscillation(read_winds(winds, model)[0], model)
    print(f"period {found.period:.1f} months, amplitude {found.amplitude:.1f} m/s")


if __name__ == "__main__":
    run(main)
