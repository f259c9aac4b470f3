"""Generate raw files: an invented sea and weather on the real coast, and the fluxes between them.

The demo set has ten events of the seasons of two years, two and a half days each, and
``splits.yaml``. Each event is one file of an ocean model, ``croco_his_YYYYMMDD.nc``, and one of an
atmosphere model for each time, ``ECMWF_YYYYMMDD_HH.nc``.

A file is whole or absent, files that are there are kept, and every file depends on its event alone:
a rerun continues where the last one was killed, and gives the same files on any number of cores.
What the world is made of stands in :mod:`wmed.synthetic.sea`, :mod:`wmed.synthetic.weather`,
:mod:`wmed.synthetic.boundary_layer` and :mod:`wmed.synthetic.radiation`.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ai4sim.command import run
from ai4sim.data.generation import write_missing
from ai4sim.io.files import write_text
from wmed.io.croco_writer import write_history
from wmed.io.mesonh import file_name, write_state
from wmed.synthetic.coupling import air_at, ocean_record, world
from wmed.synthetic.domain import SHAPE
from wmed.synthetic.events import DEMO, Event
from wmed.synthetic.sea import depth

log = logging.getLogger(__name__)

RECIPE = "synthetic Western Mediterranean, version 1; see wmed/world"


class Job(NamedTuple):
    """A file to make: an event, and the record of the atmosphere; None for the ocean's file."""

    event: Event
    record: int | None


def generate(
    data_path: Path | str,
    events: Iterable[Event] = DEMO,
    *,
    shape: tuple[int, int] = SHAPE,
    seed: int = 0,
    workers: int | None = None,
) -> list[Path]:
    """Write the files of some events; those already there are kept.

    Parameters
    ----------
    data_path : path
        Folder that gets ``raw/`` and, unless there is one, ``splits.yaml``: the ocean's files of
        the events for training, validation and test.
    events : iterable of Event
        Default: the demo.
    shape, seed, workers
        The options of the command, see :func:`main`.

    Returns
    -------
    list of Path
        The ocean's files, sorted.

    Raises
    ------
    ValueError
        Fewer than 10 rows or columns, or a file of that name made in another way.
    """
    world(shape)  # an impossible shape is found before any work
    folder, events = Path(data_path), sorted(events, key=lambda event: event.start)
    plan = plan_files(folder / "raw", events)
    facts = {file: _attributes(job, shape, seed) for file, job in plan.items()}
    write_missing(
        folder,
        facts,
        functools.partial(_write, plan=plan, facts=facts, shape=shape, seed=seed),
        samples=1,
        label="times",
        unit="files",
        scheduler="threads" if workers == 1 or len(events) == 1 else "processes",
        workers=1 if len(events) == 1 else workers,
    )
    if not (folder / "splits.yaml").exists():
        write_splits(folder / "splits.yaml", events)
    return [file for file, job in plan.items() if job.record is None]


def plan_files(raw: Path, events: Sequence[Event]) -> dict[Path, Job]:
    """Return the files of some events, the ocean's first: they take longest."""
    jobs = [Job(event, None) for event in events]
    jobs += [Job(event, k) for event in events for k in range(event.records + 1)]
    return {raw / _name(job): job for job in jobs}


def write_splits(path: Path, events: Sequence[Event]) -> None:
    """Write which events train, validate and test, as :mod:`ai4sim.data.splits` reads it."""
    lines = ["# Made by wmed.synthetic.generate: whole events, none in two sets."]
    for use in ("train", "val", "test"):
        names = [_name(Job(event, None)) for event in events if event.use == use]
        lines += [f"{use}:", *(f"  - {name}" for name in names)] if names else [f"{use}: []"]
    write_text(path, "\n".join(lines) + "\n")


def _name(job: Job) -> str:
    """Return the name of a file."""
    if job.record is None:
        return f"croco_his_{job.event.name}.nc"
    return file_name(np.datetime64(job.event.time(job.record)))


def _write(
    file: Path,
    plan: Mapping[Path, Job],
    facts: Mapping[Path, Mapping[str, Any]],
    shape: tuple[int, int],
    seed: int,
) -> None:
    """Make one file."""
    (event, record), place = plan[file], world(shape)
    if record is not None:
        time = np.datetime64(event.time(record))
        fields = air_at(event, record, place, seed).fields
        write_state(file, place.atmosphere_grid, time, fields, facts[file])
        return
    records = range(1, event.records + 1)
    made = [ocean_record(event, k, place, seed) for k in records]
    write_history(
        file,
        place.ocean_grid,
        np.array([event.time(k) for k in records], "datetime64[s]"),
        {name: np.stack([fields[name] for fields in made]) for name in made[0]},
        facts[file],
        start=np.datetime64(event.start, "s"),
        depth=depth(place.ocean, place.ocean_grid.sea),
    )


def _attributes(job: Job, shape: tuple[int, int], seed: int) -> dict[str, Any]:
    """Return what one must know of a file."""
    facts = {
        "title": "WMED synthetic: invented sea and weather on the real coast",
        "input_state": RECIPE,
        "seed": seed,
        "event": job.event.recipe,
        "size": f"{shape[0]} x {shape[1]}",
        "coast": "Natural Earth 4.1 land 1:10m (public domain), simplified",
    }
    if job.record is None:
        facts["bulk_algorithm"] = (
            "coare3p6 (wmed/physics, 10 iterations, z = 10 m, bulk SST, no skin)"
        )
    return facts


def find_events(names: Iterable[str]) -> list[Event]:
    """Return events of the demo by their names.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    there = {event.name: event for event in DEMO}
    for name in names:
        if name not in there:
            raise ValueError(f"there is no event {name}, only {', '.join(there)}")
    return [there[name] for name in names]


def main(
    data_path: Path,
    *,
    events: tuple[str, ...] | None = None,
    shape: tuple[int, int] = SHAPE,
    seed: int = 0,
    workers: int | None = None,
) -> None:
    """Generate raw files of an invented sea and weather on the real coast.

    What is complete is left alone; a generation that was killed is continued.

    Parameters
    ----------
    data_path : path
        The folder that gets ``raw/`` and ``splits.yaml``.
    events : tuple of str, optional
        The events of the demo to make, such as 20061219, by default all.
    shape : (int, int)
        The number of rows and of columns of the ocean; those of a forecast are 539 631.
    seed : int
        The seed: another one gives another sea and other weather in the same events.
    workers : int, optional
        The number of files at once, by default one per core.

    Examples
    --------
    python -m wmed.synthetic.generate --data-path data
        make the demo (a minute on two cores)
    python -m wmed.synthetic.generate --data-path data --events 20061219 --shape 539 631
        make an event of the size of a forecast
    """
    chosen = find_events(events) if events else DEMO
    files = generate(data_path, chosen, shape=shape, seed=seed, workers=workers)
    log.info("%d events in %s", len(files), data_path / "raw")


if __name__ == "__main__":
    run(main)
