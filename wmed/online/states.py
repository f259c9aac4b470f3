"""States of air and sea for a component in Fortran, and its fluxes: see ``examples/coupler``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ai4sim.command import run
from ai4sim.io.files import atomic_write, missing_file_error
from ai4sim.variables import Float64Array
from wmed.io.layout import FLUXES, SURFACE, RhoLayout
from wmed.nets.inputs import rho_rows
from wmed.online.case import Case, read_case

SEA = 3
"""The channels of :data:`.layout.SURFACE` that the ocean itself knows at each of its steps."""
OUTPUTS = (*FLUXES, "heat")


def rows_of(case: Case, couplings: int, steps: int, hours: float = 1.0) -> Tensor:
    """Return what a component sees: the air of each exchange, the sea of each step.

    The air is that at the begin of an exchange; the sea, its first state, swings by 0.5 K and
    0.1 m/s from step to step, so that means matter.

    Parameters
    ----------
    case : Case
    couplings, steps : int
        Number of exchanges, and of the ocean's steps from one to the next.
    hours : float
        From one exchange to the next.

    Returns
    -------
    (coupling, step, rho, input channel)
        The channels of :attr:`.layout.RhoLayout.inputs`.
    """
    sizes = case.graph.sizes
    found = []
    for k in range(couplings):
        air, sun = case.forcing.at(k * hours)
        columns = case.graph.interpolate(air[None])
        for i in range(steps):
            swing = float(np.sin(2 * np.pi * (k + i / steps) / 5))
            sea = {
                "sst": case.sst[None] + 0.5 * swing,
                "current_u": torch.full((1, sizes["u"]), 0.1 * swing),
                "current_v": torch.full((1, sizes["v"]), -0.05 * swing),
                "sun": sun[None],
            }
            found.append(rho_rows(columns, sea, case.graph)[0])
    return torch.stack(found).unflatten(0, (couplings, steps))


def write_states(path: Path, rows: Tensor) -> None:
    """Write the rows of :func:`rows_of` for ``examples/coupler/component.f90``.

    Four numbers, as int32: points, levels, exchanges, steps between two of them. Then in double
    precision, little-endian: of each exchange the five profiles, (level, point) with the level
    fastest, cosine of the zenith angle and sunlight, (point); of each of its steps temperature and
    currents of the sea, (point).
    """
    couplings, steps, points, channels = rows.shape
    levels = (channels - len(SURFACE)) // 5
    profiles = [v.channels for v in RhoLayout(levels).inputs if v.levels]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.asarray([points, levels, couplings, steps], "<i4").tofile(file)
        for exchange in rows.double():
            *air, surface = exchange[0].split([*profiles, len(SURFACE)], dim=-1)
            for values in (*air, *surface[:, SEA:].unbind(-1)):
                values.contiguous().numpy().astype("<f8").tofile(file)
            for step in exchange:
                surface = step[:, -len(SURFACE) :]
                for values in surface[:, :SEA].unbind(-1):
                    values.contiguous().numpy().astype("<f8").tofile(file)


def read_fluxes(path: Path, points: int) -> Float64Array:
    """Read the fluxes of the component, (coupling, 7, point): :data:`OUTPUTS`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It holds no whole number of exchanges.
    """
    if not path.is_file():
        raise missing_file_error(path)
    values = np.fromfile(path, "<f8")
    size = len(OUTPUTS) * points
    if not len(values) or len(values) % size:
        raise ValueError(
            f"{path}: {len(values)} values, expected a multiple of {len(OUTPUTS)} fluxes at "
            f"{points} points"
        )
    return values.reshape(-1, len(OUTPUTS), points)


def main(
    data_path: Path, to: Path, *, event: str | None = None, couplings: int = 6, steps: int = 4
) -> None:
    """Write states of air and sea for a component in Fortran.

    Parameters
    ----------
    data_path : path
        The folder of the data, which has raw/.
    to : path
        The new file.
    event : str, optional
        The name of the ocean's file, or a part of it such as 20060310, by default the last.
    couplings : int
        The number of exchanges, an hour apart.
    steps : int
        The number of the ocean's steps between two exchanges.

    Examples
    --------
    python -m wmed.online.states --data-path data --to states.bin
    """
    if to.exists():
        raise FileExistsError(f"--to {to}: expected a new file")
    if couplings < 1 or steps < 1:
        raise ValueError(f"expected one exchange and one step or more, found {couplings}, {steps}")
    write_states(to, rows_of(read_case(data_path, event), couplings, steps))


if __name__ == "__main__":
    run(main)
