"""The quasi-biennial oscillation that a trained emulator drives, beside that of the scheme.

Both run in the column of :mod:`weather_forecast.gwd.online.column`.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from ai4sim.command import run
from ai4sim.evaluation.figures import save_figures
from ai4sim.experiment import Experiment
from ai4sim.io.files import missing_file_error, write_json
from weather_forecast.gwd.online import column
from weather_forecast.gwd.online.column import ColumnModel, Drag, simulate
from weather_forecast.gwd.online.figures import qbo
from weather_forecast.gwd.online.oscillation import compare, oscillation
from weather_forecast.gwd.physics.nogwd import WaveSpectrum

log = logging.getLogger(__name__)

SHORTEST = 9.0
"""Years that it takes to measure the oscillation."""


def emulator(experiment: Path) -> Drag:
    """Return the trained network of an experiment as a drag function.

    Raises
    ------
    FileNotFoundError
        The folder, or the trained network in it, is missing.
    ValueError
        The network is not one of non-orographic drag.
    """
    if not experiment.is_dir():
        raise missing_file_error(experiment)
    from ai4sim.surrogate import Surrogate
    from weather_forecast.gwd.nets.emulator import drag_of

    return drag_of(Surrogate.load(Experiment(experiment).artifacts))


def discretisation(text: str) -> WaveSpectrum:
    """Read ``4x20``: azimuths and phase speeds; raise ValueError for anything else."""
    numbers = text.split("x")
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise ValueError(f"--scheme: expected azimuths x phase speeds like 4x20, found {text!r}")
    return WaveSpectrum(azimuths=int(numbers[0]), phase_speeds=int(numbers[1]))


def _report(runs: dict[str, Tensor], model: ColumnModel) -> dict[str, dict[str, Any]]:
    """Print what all runs do; return it."""
    from rich.console import Console
    from rich.table import Table

    title = "quasi-biennial oscillation [months, m/s]"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    columns = ("period", "amplitude", "20 hPa", "period", "amplitude", "stable")
    for title, error in zip(columns, (3 * ("",) + 2 * ("\nerror",) + ("",)), strict=True):
        table.add_column(title + error, justify="right", no_wrap=True)
    rows: dict[str, dict[str, Any]] = {}
    reference = next(iter(runs.values()))
    for name, wind in runs.items():
        found, errors = oscillation(wind, model), compare(reference, wind, model)
        numbers = {**asdict(found), **errors}
        # Files in JSON know no NaN.
        rows[name] = {k: v if math.isfinite(v) else None for k, v in numbers.items()}
        table.add_row(
            name,
            f"{found.period:.1f}",
            f"{found.amplitude:.1f}",
            f"{found.amplitude_20hpa:.1f}",
            f"{errors['period_error']:+.1%}",
            f"{errors['amplitude_error']:+.1%}",
            "yes" if found.stable else "NO",
        )
    Console().print(table)
    return rows


def main(
    experiment: Path,
    *,
    years: float = 20.0,
    output: Path | None = None,
    scheme: tuple[str, ...] | None = None,
) -> None:
    """Let a trained emulator drive the quasi-biennial oscillation of a column of air.

    The scheme drives another one. A table, ``qbo.json`` and a figure compare the two.

    Parameters
    ----------
    experiment : path
        The folder of the training.
    years : float
        The length of a run [years].
    output : path, optional
        The folder to write to, by default ``artifacts`` and ``plots`` of the experiment.
    scheme : tuple of str, optional
        The azimuths and phase speeds of further runs of the scheme, such as 4x20.

    Examples
    --------
    python -m weather_forecast.gwd.online.qbo --experiment experiments/NAME --scheme 4x20 8x40
    """
    if years < SHORTEST:
        raise ValueError(f"--years: expected at least {SHORTEST:g}, found {years:g}")
    spectra = [discretisation(text) for text in scheme or ()]
    drags = {"scheme": column.scheme(), "network": emulator(experiment)}
    for spectrum in spectra:
        drags[f"scheme {spectrum.azimuths} × {spectrum.phase_speeds}"] = column.scheme(spectrum)
    model = ColumnModel()
    runs: dict[str, Tensor] = {}
    seconds = {}
    for name, drag in drags.items():
        start = time.perf_counter()
        runs[name] = simulate(drag, model, years)[0]
        seconds[name] = time.perf_counter() - start
        log.info("%s: %g years in %.0f s", name, years, seconds[name])
    rows = _report(runs, model)
    for name, row in rows.items():
        row["seconds"] = seconds[name]
    results = {"years": years, "column": asdict(model), "runs": rows}
    write_json((output or Experiment(experiment).artifacts) / "qbo.json", results)
    save_figures([("qbo", qbo(runs, model))], output or Experiment(experiment).plots)


if __name__ == "__main__":
    run(main)
