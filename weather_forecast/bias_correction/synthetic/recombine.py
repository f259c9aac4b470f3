"""More columns out of a few: the air of one, the clouds of another, the sun and ground of a third.

ecRad's columns are dear and few, and the solvers of this repository, which label any column in a
millisecond or so, are right to about a tenth of the effect. So the training columns of a data set
are put together anew, labelled here, and join the training with
``--data.extra_data_path='[MORE]'``.
Nothing but columns of the training set is looked at: give the split that the training will have.

Clouds keep their levels but for a shift by up to four, their water is scaled by a factor of half to
two and their fraction raised to a power between 0.7 and 1.4. The sun is that of the third column,
or, for half of the columns, anywhere above the horizon.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ai4sim.command import run
from ai4sim.data.generation import write_missing
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import LW_BANDS, SW_BANDS, RadiationLayout
from weather_forecast.bias_correction.io.raw_files import write_columns
from weather_forecast.bias_correction.synthetic.generate import Teacher, as_ecrad

log = logging.getLogger(__name__)

PER_FILE = 500
SHIFT = 4
"""Levels by which clouds are moved, at most."""
WATER = 2.0
"""Factor on the water of clouds, at most; its inverse, at least."""
POWERS = (0.7, 1.4)
"""Of the cloud fraction."""
LOWEST_SUN = 0.02
"""Cosine of the zenith angle of the lowest sun that is drawn."""
CLOUDS = ("cloud_fraction", "q_liquid", "q_ice", "re_liquid", "re_ice")
GROUND = (
    "cos_solar_zenith_angle",
    *(f"sw_albedo_{band}" for band in range(1, SW_BANDS + 1)),
    *(f"sw_albedo_direct_{band}" for band in range(1, SW_BANDS + 1)),
    *(f"lw_emissivity_{band}" for band in range(1, LW_BANDS + 1)),
)


def recombine(
    inputs: Tensor, layout: RadiationLayout, count: int, generator: torch.Generator
) -> Tensor:
    """Put columns together anew.

    Parameters
    ----------
    inputs : (column, input_channels)
    layout : RadiationLayout
    count : int
        How many to make.
    generator : torch.Generator

    Returns
    -------
    (count, input_channels)
    """
    air, clouds, ground = (
        torch.randint(len(inputs), (count,), generator=generator) for _ in range(3)
    )
    made = inputs[air].clone()
    columns = layout.split_inputs(made)
    of_clouds, of_ground = layout.split_inputs(inputs[clouds]), layout.split_inputs(inputs[ground])

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, generator=generator).to(inputs)

    shift = torch.randint(-SHIFT, SHIFT + 1, (count, 1), generator=generator)
    level = (torch.arange(layout.levels) + shift).clamp(0, layout.levels - 1)
    for name in CLOUDS:
        columns[name].copy_(of_clouds[name].gather(1, level))
    water = WATER ** uniform(-1, 1)
    columns["q_liquid"].mul_(water)
    columns["q_ice"].mul_(water)
    columns["cloud_fraction"].pow_(uniform(*POWERS))
    for name in GROUND:
        columns[name].copy_(of_ground[name])
    drawn = uniform(0, 1)[:, 0] < 0.5
    sun = columns["cos_solar_zenith_angle"]
    sun.copy_(torch.where(drawn, uniform(LOWEST_SUN, 1)[:, 0], sun))
    return made


def recombine_columns(
    data: RadiationDataModule,
    folder: Path | str,
    count: int,
    *,
    seed: int = 0,
    teacher: Teacher = as_ecrad,
    workers: int | None = None,
) -> list[Path]:
    """Write files of columns that are made of the training columns of a data module.

    Parameters
    ----------
    data : RadiationDataModule
        Up to 10,000 of its training columns are used.
    folder : path
        Gets ``raw/recombined_000.nc`` and so on; files that are there are kept.
    count : int
        Columns, rounded up to whole files.
    seed, teacher, workers
        See :func:`weather_forecast.bias_correction.synthetic.generate.generate_columns`.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        Fewer than one column, or a file of that name made in another way.
    """
    if count < 1:
        raise ValueError(f"columns: expected at least 1, found {count}")
    data.prepare_files(data.files("train"))
    inputs, layout = data.columns(10_000)["inputs"], data.layout
    files = [Path(folder) / "raw" / f"recombined_{i:03d}.nc" for i in range(-(-count // PER_FILE))]
    facts = {
        "title": "3-D cloud radiative effect: SPARTACUS minus Tripleclouds",
        "input_state": f"training columns of {data.data_path.resolve()}, recombined",
        "training_columns": len(inputs),
        "seed": seed,
        "solver": f"{teacher.__module__}.{teacher.__qualname__}",
        "Conventions": "CF-1.8",
    }
    write_missing(
        Path(folder),
        {file: facts for file in files},
        functools.partial(
            _write_file, inputs=inputs, layout=layout, seed=seed, teacher=teacher, facts=facts
        ),
        samples=PER_FILE,
        label="columns",
        scheduler="threads" if workers == 1 else "processes",
        workers=workers,
    )
    return files


def _write_file(
    file: Path,
    inputs: Tensor,
    layout: RadiationLayout,
    seed: int,
    teacher: Teacher,
    facts: Mapping[str, Any],
) -> None:
    number = int(file.stem.rpartition("_")[2])
    generator = torch.Generator().manual_seed(1_000_003 * seed + number)
    made = recombine(inputs, layout, PER_FILE, generator)
    targets, tripleclouds = teacher(layout.split_inputs(made.double()))
    write_columns(file, layout, made, targets, tripleclouds=tripleclouds, attributes=facts)


def main(
    data_path: Path,
    output: Path,
    *,
    columns: int = 16_000,
    seed: int = 0,
    workers: int | None = None,
    split: Literal["block", "time", "case"] = "block",
    ratios: tuple[float, float, float] = (0.7, 0.15, 0.15),
    gap: int = 1,
) -> None:
    """Make more training columns out of those of a data set.

    Parameters
    ----------
    data_path : path
        The folder of the data set, which has ``raw/``.
    output : path
        The folder that gets ``raw/``; files that are there are kept.
    columns : int
        The number of columns, rounded up to whole files.
    seed : int
        The seed: another one gives other columns.
    workers : int, optional
        The number of files at once, by default one per core.
    split : str
        The split of the training, like its ratios.
    ratios : (float, float, float)
        The shares of the columns for training, validation and test.
    gap : int
        The number of files between blocks of time.

    Examples
    --------
    python -m weather_forecast.bias_correction.synthetic.recombine --data-path data --output more
    """
    data = RadiationDataModule(str(data_path), split=split, ratios=ratios, gap=gap)
    files = recombine_columns(data, output, columns, seed=seed, workers=workers)
    log.info("%d files in %s", len(files), output / "raw")


if __name__ == "__main__":
    run(main)
