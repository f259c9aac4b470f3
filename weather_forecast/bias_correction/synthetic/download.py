"""Bring raw columns into ``DATA_PATH/raw``: made here (the demo), or fetched from ECMWF.

``demo`` draws the columns of :mod:`weather_forecast.bias_correction.synthetic.columns` and labels
them with the solvers of :mod:`weather_forecast.bias_correction.physics`: 48 dates of 2019 to 2021.

``maelstrom`` is the radiation data set of the MAELSTROM project (ECMWF, CC BY 4.0): columns of the
IFS and the difference that ecRad's SPARTACUS makes to its Tripleclouds. Address, dates, time steps,
patches and tiers are those of ECMWF's CliMetLab plugin (climetlab_maelstrom_radiation 0.7.5). The
inputs of a patch are in one file and the fluxes in another; they are joined to the layout of
:mod:`weather_forecast.bias_correction.io.layout` on the way in.
"""

from __future__ import annotations

import datetime
import logging
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from ai4sim.command import refuse_options, run
from ai4sim.io.download import ResumingDownloader, Source, fetch
from ai4sim.io.raw import open_raw
from ai4sim.io.raw_variables import RawFile, RawVariable
from ai4sim.variables import Float32Array, Variable
from weather_forecast.bias_correction.io.inspection import inspect
from weather_forecast.bias_correction.io.layout import (
    AEROSOLS,
    CHANNELS,
    DIMENSIONS,
    FLUXES,
    LW_BANDS,
    PLACES,
    SW_BANDS,
    UNITS,
    RadiationLayout,
)
from weather_forecast.bias_correction.io.raw_files import read_blocks, write_columns
from weather_forecast.bias_correction.io.stored import convert, match_axes, named_axes, shape_of
from weather_forecast.bias_correction.physics.heating import heating_rate

log = logging.getLogger(__name__)

URL = (
    "https://object-store.os-api.cci1.ecmwf.int/maelstrom-ap3/{kind}_{date}00_{timestep}c{patch}.nc"
)
"""Address of a patch of the MAELSTROM data set."""
INPUTS, EFFECT, TRIPLECLOUDS = "rad4NN_inputs", "3dcorrection_outputs", "triplecloud_outputs"
"""What the kinds of its files are called."""
DATES = (
    *(datetime.date(2020, 1, 1) + datetime.timedelta(days=30 * i) for i in range(13)),
    *(datetime.date(2019, *day) for day in ((1, 31), (5, 31), (8, 29), (10, 28))),
)
"""Its forecasts: those of 2020 to train with, those of 2019 to validate and test."""
TIMESTEPS = range(0, 3501, 125)
PATCHES = range(16)
BANDS = {
    "sw_albedo": SW_BANDS,
    "sw_albedo_direct": SW_BANDS,
    "lw_emissivity": LW_BANDS,
    "aerosol_mmr": AEROSOLS,
}
"""Datasets that have another axis than the columns and levels, and its length."""


class Tier(NamedTuple):
    """A choice of files."""

    timesteps: Sequence[int]
    patches: Sequence[int]


TIERS = {
    "1": Tier((0,), range(0, 16, 2)),
    "2": Tier(TIMESTEPS, range(0, 16, 5)),
    "3": Tier(range(0, 3501, 1000), range(0, 16, 5)),
    "all": Tier(TIMESTEPS, PATCHES),
}
"""Choices by name. The first and the last are the plugin's; the others have its time steps, and
every fifth patch as they have every fifth of its shuffled files."""
ORIGIN = {
    "title": "3-D cloud radiative effect: SPARTACUS minus Tripleclouds",
    "input_state": "IFS forecasts, MAELSTROM data set radiation, ECMWF, CC BY 4.0",
    "solver": "ecRad",
}
"""Attributes of the joined files."""


def _check(path: Path) -> None:
    """Raise ValueError unless a file is in the layout, and all its values can be right."""
    with open_raw(path) as file:
        for _ in read_blocks(inspect(file)):
            pass


def join(parts: Sequence[Path], destination: Path) -> None:
    """Write a raw file from the inputs of a patch, the 3-D effect and, where given, Tripleclouds.

    Parameters
    ----------
    parts : sequence of path
        netCDF files with a dataset for each variable, as ecRad reads and writes them. A single one
        is a raw file already, and is copied.
    destination : path

    Raises
    ------
    ValueError
        A dataset is missing, cannot be read, or has a shape or units that do not fit.
    """
    if len(parts) == 1:
        shutil.copyfile(parts[0], destination)
        return
    with open_raw(parts[0]) as file:
        q = file["q"]
        if q.ndim != 2 or min(q.shape) < 1:
            raise ValueError(f"{parts[0]}: q has shape {shape_of(q)}, expected (column, level)")
        named = named_axes(q, ("column", "level"))
        along = named.get("column", 1 - named.get("level", 1))
        columns, layout = q.shape[along], RadiationLayout(q.shape[1 - along])
        rows = [_variable(file, variable, columns, layout) for variable in layout.inputs]
        places = [
            _variable(file, Variable(name, UNITS[name]), columns, layout)[:, 0]
            if name in file
            else None
            for name in PLACES
        ]
    inputs = np.concatenate(rows, axis=1)
    effect = _fluxes(parts[1], columns, layout)
    pressure_hl = torch.from_numpy(rows[[v.name for v in layout.inputs].index("pressure_hl")])
    flux = torch.from_numpy(effect).double().unflatten(1, (len(FLUXES), -1)).unbind(1)
    heating = [heating_rate(down, up, pressure_hl.double()) for down, up in (flux[:2], flux[2:])]
    write_columns(
        destination,
        layout,
        inputs,
        torch.cat([*flux, *heating], dim=1).float(),
        *places,
        tripleclouds=_fluxes(parts[2], columns, layout) if len(parts) > 2 else None,
        attributes=ORIGIN,
    )


def _fluxes(path: Path, columns: int, layout: RadiationLayout) -> Float32Array:
    """Read the fluxes of a file, (column, 4 x half_level) [W/m2]."""
    with open_raw(path) as file:
        fluxes = [variable for variable in layout.outputs if variable.name in FLUXES]
        return np.concatenate([_variable(file, v, columns, layout) for v in fluxes], axis=1)


def _variable(
    file: RawFile, wanted: Variable, columns: int, layout: RadiationLayout
) -> Float32Array:
    """Read a variable, by its own name or as one band of a dataset with several.

    Returns
    -------
    (column, channel)
        In the units wanted.
    """
    stem, _, band = wanted.name.rpartition("_")
    name = stem if stem in BANDS else wanted.name
    stored = file[name]
    change = convert(stored, name, stored.units, wanted.units)
    if math.prod(stored.shape) == 1:  # the sun shines on all of them alike
        found = np.full((columns, wanted.channels), change.apply(stored.read()).item())
    else:
        axes = _axes(stored, name, wanted, {**layout.sizes, "column": columns})
        index: list[Any] = [slice(None)] * stored.ndim
        if stem in BANDS:
            index[axes.pop("band")] = slice(int(band) - 1, int(band))
        rest = [axis for axis in range(stored.ndim) if axis not in axes.values()]
        values = stored.read(tuple(index)).transpose(*axes.values(), *rest)
        found = change.apply(values).reshape(columns, wanted.channels)
    with np.errstate(over="ignore", invalid="ignore"):
        return found.astype(np.float32)


def _axes(
    stored: RawVariable, name: str, wanted: Variable, sizes: Mapping[str, int]
) -> dict[str, int]:
    """Return the axes of the columns, of the levels and of the bands, in this order.

    Raises
    ------
    ValueError
        The shape is another one, or leaves open which axis is which.
    """
    dataset = next((d for d, channels in CHANNELS.items() if wanted.name in channels), wanted.name)
    order = [d for d in DIMENSIONS[dataset] if not d.endswith("_variable")]
    expected = [order, order]
    if name in BANDS:
        sizes = {**sizes, "band": BANDS[name]}
        expected = [[*order, "band"], [order[0], "band", *order[1:]]]
    fitting = [axes for axes in (match_axes(stored, d, sizes) for d in expected) if axes]
    if not fitting or any(axes != fitting[0] for axes in fitting):
        lengths = ", ".join(f"{dimension} {sizes[dimension]}" for dimension in expected[0])
        raise ValueError(
            f"{stored.path}: {name} has shape {shape_of(stored)}, expected axes of {lengths}"
            + (", with names that say which is which" if fitting else "")
        )
    return {
        dimension: fitting[0][dimension] for dimension in expected[0] if dimension in fitting[0]
    }


MAELSTROM = Source(URL, fields=("date", "timestep", "patch"), check=_check, convert=join)


def fetch_maelstrom(
    data_path: Path | str,
    *,
    dates: Sequence[datetime.date] = DATES[:1],
    timesteps: Sequence[int] = TIERS["1"].timesteps,
    patches: Sequence[int] = TIERS["1"].patches,
    tripleclouds: bool = False,
    url: str | None = None,
    downloader: ResumingDownloader | None = None,
) -> list[Path]:
    """Fetch patches of the MAELSTROM data set to ``raw/YYYYMMDD_TTTT_PP.nc``, one after the other.

    Parameters
    ----------
    data_path : path
    dates, timesteps, patches : sequence
        Every one with every other.
    tripleclouds : bool
        Whether to fetch the absolute fluxes of Tripleclouds too.
    url : str, optional
        See :func:`ai4sim.io.download.fetch`. Without ``{kind}`` in it, the files are whole and in
        the layout of this repository.
    downloader : ResumingDownloader, optional

    Returns
    -------
    list of Path
        The raw files.

    Raises
    ------
    ValueError
        There is no such date, time step or patch. Further errors: those of the fetch.
    """
    for name, chosen, there in (
        ("dates", map(str, dates), list(map(str, DATES))),
        ("timesteps", timesteps, list(TIMESTEPS)),
        ("patches", patches, list(PATCHES)),
    ):
        unknown = [value for value in chosen if value not in there]
        if unknown:
            raise ValueError(f"{name}: there is no {unknown[0]}; expected some of {there}")
    kinds = (INPUTS, EFFECT, TRIPLECLOUDS) if tripleclouds else (INPUTS, EFFECT)
    wanted = {
        f"{date:%Y%m%d}_{step:04d}_{patch:02d}.nc": [
            {"kind": kind, "date": f"{date:%Y%m%d}", "timestep": f"{step}", "patch": f"{patch}"}
            for kind in kinds
        ]
        for date in dates
        for step in timesteps
        for patch in patches
    }
    return fetch(MAELSTROM, data_path, wanted, url=url, downloader=downloader)


def numbers(option: str, text: str, step: int = 1) -> list[int]:
    """Read the numbers of an option such as ``0,500`` or, with a step between them, ``0-15``.

    Raises
    ------
    ValueError
        It says something else.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            found += range(int(first), int(last) + 1, step) if dash else [int(first)]
    except ValueError as error:
        raise ValueError(f"{option}: expected numbers like 0,2 or 0-9, found {text!r}") from error
    return found


def main(
    data_path: Path,
    *,
    source: Literal["demo", "maelstrom"] = "demo",
    url: str | None = None,
    tier: Literal["1", "2", "3", "all"] | None = None,
    dates: tuple[datetime.date, ...] | None = None,
    timesteps: str | None = None,
    patches: str | None = None,
    tripleclouds: bool = False,
) -> None:
    r"""Bring raw columns into the folder of the data: made here, or fetched from ECMWF.

    What is complete is left alone; what was interrupted is continued. All options but the first two
    are only for maelstrom.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/``.
    source : str
        The columns: made here, or those of the IFS.
    url : str, optional
        The address, or the path on this machine, of a file, with {kind}, {date}, {timestep} and
        {patch} in it, instead of ECMWF's.
    tier : str, optional
        The choice of time steps and patches, by default 1.
    dates : tuple of date, optional
        The forecasts to fetch, by default 2020-01-01.
    timesteps : str, optional
        The time steps, such as 0,500 or 0-3500, every 125, instead of those of the tier.
    patches : str, optional
        The patches, such as 0,3 or 0-15, instead of those of the tier.
    tripleclouds : bool
        Whether to fetch the absolute fluxes of Tripleclouds too.

    Examples
    --------
    python -m weather_forecast.bias_correction.synthetic.download --data-path data
        make the demo columns (a minute or two on two cores)
    python -m weather_forecast.bias_correction.synthetic.download --data-path data-ifs \
        --source maelstrom
        fetch tier 1: eight patches of ECMWF's columns at one time
    python -m weather_forecast.bias_correction.synthetic.download --data-path data-ifs \
        --source maelstrom --timesteps 0,500,1000 --patches 0-15
        fetch all patches at three times
    """
    if source == "demo":
        refuse_options(
            source,
            "maelstrom",
            url=url,
            tier=tier,
            dates=dates,
            timesteps=timesteps,
            patches=patches,
            tripleclouds=tripleclouds,
        )
        from weather_forecast.bias_correction.synthetic.generate import generate_columns

        files = generate_columns(data_path)
    else:
        if tier and timesteps and patches:
            raise ValueError("--tier: not together with both --timesteps and --patches")
        chosen = TIERS[tier or "1"]
        files = fetch_maelstrom(
            data_path,
            dates=dates or DATES[:1],
            timesteps=numbers("--timesteps", timesteps, TIMESTEPS.step)
            if timesteps
            else chosen.timesteps,
            patches=numbers("--patches", patches) if patches else chosen.patches,
            tripleclouds=tripleclouds,
            url=url,
        )
    log.info("%d raw files in %s", len(files), data_path / "raw")


if __name__ == "__main__":
    run(main)
