"""``check``: read everything in ``raw/``, train nothing, and say what was found."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import numpy as np
from numpy.typing import NDArray

from ai4sim.data.datamodule import SurrogateDataModule
from ai4sim.data.row_datamodule import RowDataModule
from ai4sim.data.streaming import is_lazy, progress_bar
from ai4sim.io.files import named_errors

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

Block = Mapping[str, NDArray[Any]]
MOST_LINES = 40
"""Files and errors that are printed, at most; ``--json`` has all."""
MOST_NAMES = 5


class CheckingTrainer(pl.Trainer):
    """Lightning's trainer with one command more.

    Attributes
    ----------
    stopped : bool
        Whether all processes are to end the training after this batch, and the validation due.
    """

    stopped = False

    @property
    def received_sigterm(self) -> bool:
        """Whether a signal ends the run, which Lightning asks after each batch."""
        # A validation that has begun is completed.
        return (self.stopped and not self.validating) or super().received_sigterm

    def check(
        self,
        model: pl.LightningModule | None = None,
        datamodule: SurrogateDataModule | None = None,
        json: bool = False,
    ) -> None:
        """Read everything in raw/, train nothing, and say what was found: files, sets, ranges.

        Parameters
        ----------
        model : LightningModule, optional
            Not used.
        datamodule : SurrogateDataModule, optional
            The data module whose files are read.
        json : bool
            Whether to print JSON instead of tables.

        Raises
        ------
        SystemExit
            With exit code 1, if a training would stop at an error.
        """
        if datamodule is None:
            raise ValueError("check: expected a data module")
        report = examine(datamodule)
        show(report, as_json=json)
        if report["errors"]:
            raise SystemExit(1)


@dataclass
class Summary:
    """What the files hold of a quantity.

    Attributes
    ----------
    units : str
    bounds : (float, float), optional
        What physics allows.
    low, high : float
        The least and the greatest value found.
    values, missing : int
        Numbers of values, and of those that are NaN.
    """

    units: str
    bounds: tuple[float, float] | None
    low: float = np.inf
    high: float = -np.inf
    values: int = 0
    missing: int = 0

    def add(self, values: NDArray[Any]) -> None:
        """Take in values."""
        known = np.isfinite(values)
        self.values += values.size
        self.missing += int(values.size - known.sum())
        if known.any():
            self.low = min(self.low, float(values.min(where=known, initial=np.inf)))
            self.high = max(self.high, float(values.max(where=known, initial=-np.inf)))

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        found = [self.low, self.high] if self.missing < self.values else None
        return {
            "units": self.units,
            "range": found,
            "expected": list(self.bounds) if self.bounds else None,
            "missing": self.missing / self.values if self.values else 0.0,
        }


def examine(datamodule: SurrogateDataModule) -> dict[str, Any]:
    """Read all raw files of a data module.

    Returns
    -------
    dict
        ``files`` (for each its sets, rows, times, error), ``unused`` (name -> reason), ``sets``,
        ``variables`` (units, range found and expected, share of missing values) and ``errors``, the
        messages that would stop a training; plain values, ready for JSON.
    """
    errors: list[str] = []
    files: dict[str, dict[str, Any]] = {}
    summaries: dict[str, Summary] = {}
    with _noted(errors):
        paths = [path for folder in datamodule.folders for path in datamodule.raw_files(folder)]
        sizes = {path: path.stat().st_size for path in paths}
        with progress_bar(f"Reading {len(paths)} files", sum(sizes.values())) as bar:
            for path in paths:
                files[str(path)] = _examine_file(datamodule, path, summaries, errors)
                bar.update(sizes[path])
    sets: dict[str, Any] = {}
    with _noted(errors):
        for stage, of_set in datamodule.sets.items():
            found = [datamodule.times_in(path, stage) for path in of_set if str(path) in files]
            sets[stage] = {"files": len(of_set), **_span([t for t in found if t is not None])}
            for path in of_set:
                files.get(str(path), {"sets": []})["sets"].append(stage)
    for name in ("train", "val", "test") if datamodule.split_strategy != "all-test" else ():
        with _noted(errors):
            datamodule.files(name)  # none may be empty
    with _noted(errors):
        datamodule.check_sets()
    unused: dict[str, str] = {}
    with _noted(errors):
        unused = {str(path): reason for path, reason in datamodule.unknown_files().items()}
        unused |= {str(path): reason for path, reason in datamodule.unused_files().items()}
    return {
        "data_path": str(datamodule.data_path),
        "files": files,
        "unused": unused,
        "sets": sets,
        "variables": {name: summary.as_json() for name, summary in summaries.items()},
        "errors": errors,
    }


def _examine_file(
    datamodule: SurrogateDataModule,
    path: Path,
    summaries: dict[str, Summary],
    errors: list[str],
) -> dict[str, Any]:
    """Read a file as training would, and forget its values."""
    facts: dict[str, Any] = {"sets": [], "samples": 0, "error": None}
    before, rows = len(errors), Counter[str]()
    with _noted(errors), named_errors(path):
        for block in _blocks(datamodule, path):
            for quantity in datamodule.quantities(path, block):
                name, units, values, bounds = quantity
                summaries.setdefault(name, Summary(units, bounds)).add(values)
            rows.update({name: len(values) for name, values in block.items() if values.ndim})
        # Other use cases have one sample in a file.
        of_rows = isinstance(datamodule, RowDataModule)
        facts["samples"] = max(rows.values(), default=0) if of_rows else 1
        if datamodule.split_strategy != "all-test":  # else files may only be predicted
            datamodule.require(path, rows)
        times = datamodule.times_of(path)
        facts |= _span([] if times is None else [times])
    if len(errors) > before:
        facts["error"] = errors[-1]
    return facts


def _blocks(datamodule: SurrogateDataModule, path: Path) -> Iterator[Block]:
    """Give what the data module makes of a file, block by block, and keep nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        given = (path, Path(scratch)) if datamodule.scratch else (path,)
        made = datamodule.process(*given)
        if isinstance(made, Generator):
            yield from made
            return
        skipped = {"attributes", "sources", *datamodule.double}
        arrays = {name: values for name, values in made.items() if name not in skipped}
        lazy = {name: values for name, values in arrays.items() if is_lazy(values)}
        for name, values in lazy.items():
            for i in range(values.numblocks[0]):
                yield {name: values.blocks[i].compute(scheduler="synchronous")}
        if arrays.keys() - lazy.keys():
            yield {name: np.asarray(arrays[name]) for name in arrays if name not in lazy}


@contextlib.contextmanager
def _noted(errors: list[str]) -> Iterator[None]:
    """Note the errors that stop a training, and go on."""
    try:
        yield
    except (ValueError, OSError) as error:
        message = str(error)
        if message not in errors:
            errors.append(message)


def _span(times: list[NDArray[np.datetime64]]) -> dict[str, Any]:
    """Return the number of different times, the first and the last of them."""
    known = np.unique(np.concatenate(times)) if times else np.array([], "datetime64[s]")
    known = known[~np.isnat(known)].astype("datetime64[s]")
    if not len(known):
        return {"times": 0, "first": None, "last": None}
    return {"times": len(known), "first": _text(known[0]), "last": _text(known[-1])}


def _text(time: np.datetime64) -> str:
    return str(time).replace("T", " ")


# --- What is printed ---


def show(report: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a report to the standard output."""
    if as_json:
        sys.stdout.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    _show_files(console, report)
    _show_variables(console, report["variables"])
    for line in _unused_lines(report["unused"]):
        console.print(line, soft_wrap=True, markup=False)
    errors = report["errors"]
    for message in errors[:MOST_LINES]:
        console.print(f"error: {message}", style="red", soft_wrap=True, markup=False)
    if len(errors) > MOST_LINES:
        console.print(f"... and {len(errors) - MOST_LINES} more", style="red")
    verdict = f"{len(errors)} error{'s' * (len(errors) > 1)}" if errors else "all is well"
    console.print(verdict, style="bold")


def _show_files(console: Console, report: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=f"files of {report['data_path']}", title_justify="left")
    for column in ("file", "set", "samples", "times", "first", "last", ""):
        table.add_column(column, justify="right" if column in ("samples", "times") else "left")
    files = report["files"]
    for path, facts in list(files.items())[:MOST_LINES]:
        span = [str(facts.get(key) or "-") for key in ("times", "first", "last")]
        state = "error" if facts["error"] else ""
        sets = ", ".join(facts["sets"]) or "-"
        table.add_row(Path(path).name, sets, str(facts["samples"]), *span, state)
    if len(files) > MOST_LINES:
        table.add_row(f"... and {len(files) - MOST_LINES} more")
    for name, facts in report["sets"].items():
        span = [str(facts[key] or "-") for key in ("times", "first", "last")]
        number = facts["files"]
        table.add_row(f"{number} file{'s' * (number != 1)}", name, "", *span, style="bold")
    console.print(table)


def _unused_lines(unused: Mapping[str, str]) -> Iterator[str]:
    """Name what is not used, reason by reason."""
    names: dict[str, list[str]] = {}
    for path, reason in unused.items():
        names.setdefault(reason, []).append(Path(path).name)
    for reason, found in names.items():
        more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
        yield f"not used: {', '.join(found[:MOST_NAMES])}{more}: {reason}"


def _show_variables(console: Console, variables: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table(title="variables", title_justify="left")
    for column in ("variable", "units", "least", "greatest", "expected", "missing"):
        table.add_column(column, justify="left" if column in ("variable", "units") else "right")
    for name, facts in variables.items():
        least, greatest = facts["range"] or (None, None)
        bounds = facts["expected"]
        table.add_row(
            name,
            facts["units"],
            "-" if least is None else f"{least:.4g}",
            "-" if greatest is None else f"{greatest:.4g}",
            f"{bounds[0]:g} ... {bounds[1]:g}" if bounds else "-",
            f"{facts['missing']:.1%}" if facts["missing"] else "0",
        )
    console.print(table)
