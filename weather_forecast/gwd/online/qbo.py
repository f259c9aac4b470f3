"""The quasi-biennial oscillation that a trained emulator drives, beside that of the scheme.

Both run in the column of :mod:`weather_forecast.gwd.online.column`.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from ai4sim.command import run
from ai4sim.evaluation.figures import save_figures
from ai4sim.experiment import Experiment
from ai4sim.forecast import over_members
from ai4sim.guarded import Guarded, Policy, guarded
from ai4sim.io.files import missing_file_error, write_json
from ai4sim.surrogate import Surrogate
from weather_forecast.gwd.online import column
from weather_forecast.gwd.online.column import ColumnModel, Drag, simulate
from weather_forecast.gwd.online.figures import qbo
from weather_forecast.gwd.online.oscillation import compare, oscillation
from weather_forecast.gwd.physics.nogwd import WaveSpectrum

log = logging.getLogger(__name__)

NETWORK = "network"
SHORTEST = 9.0
"""Years that it takes to measure the oscillation."""
IN_LOOP_YEARS = 12.0
"""Years of the runs that a training ends with, if it is asked to."""


def emulators(experiments: Sequence[Path]) -> dict[str, Drag]:
    """Return the trained networks of some experiments as drag functions.

    Returns
    -------
    dict
        ``network`` of a single one. Of several, or of an ensemble, each member as ``network 1``,
        ... and ``ensemble``, whose drag is the mean of theirs.

    Raises
    ------
    FileNotFoundError
        A folder, or the trained network in it, is missing.
    ValueError
        A network is not one of non-orographic drag, or they do not go together.
    """
    found = [_surrogate_of(experiment) for experiment in experiments]
    from ai4sim.surrogate import Ensemble
    from weather_forecast.gwd.nets.emulator import drag_of

    named = [(str(e), m) for e, one in zip(experiments, found, strict=True) for m in one.members]
    names, members = zip(*named, strict=True)
    if len(members) == 1:
        return {NETWORK: drag_of(members[0])}
    ensemble = Ensemble(members, names)
    drags = {f"{NETWORK} {i}": drag_of(member) for i, member in enumerate(members, start=1)}
    return {**drags, "ensemble": drag_of(ensemble)}


def guarded_emulator(
    experiments: Sequence[Path], policy: Policy
) -> tuple[dict[str, Drag], Guarded]:
    """Return the network as :func:`emulators` does, with its guard.

    Raises
    ------
    ValueError
        The network has no guard, there are several; or see :func:`emulators`.
    """
    from weather_forecast.gwd.nets.emulator import drag_of

    surrogate = _surrogate_of(experiments[0])
    networks = len(experiments) + len(surrogate.members) - 1
    if networks > 1:
        raise ValueError(f"--guard {policy}: expected one network, found {networks}")
    watch = guarded(surrogate.guard, policy, experiments[0])
    return {NETWORK: drag_of(surrogate, watch)}, watch


def _surrogate_of(experiment: Path) -> Surrogate:
    if not experiment.is_dir():
        raise missing_file_error(experiment)
    return Surrogate.load(Experiment(experiment).artifacts)


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


def _spread(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the oscillations of an ensemble's members differ, and say so."""
    members = [row for name, row in rows.items() if name.startswith(f"{NETWORK} ")]
    found = over_members(members, ("period", "amplitude", "amplitude_20hpa"))
    for name, units in (("period", "months"), ("amplitude", "m/s")):
        if found[name]["spread"] is not None:
            log.info(
                "%s of %d members: %.1f +- %.1f, %.1f to %.1f %s",
                name,
                *(found[name][key] for key in ("count", "mean", "spread", "least", "greatest")),
                units,
            )
    return {"members": len(members), "stable": sum(row["stable"] for row in members), **found}


def scores(trained: Path, data_path: Path) -> dict[str, Any]:
    """Return how far the oscillation of a trained network is from the scheme's.

    Parameters
    ----------
    trained : Path
        A checkpoint, or a folder of artifacts.
    data_path : Path
        Not needed: the column has its own climate.

    Returns
    -------
    dict
        ``period_error`` and ``amplitude_error``, relative, without a sign; of the network, and of
        the scheme of 16 x 20 as a baseline.

    Raises
    ------
    ArithmeticError
        The run of the network is unstable, or does not oscillate.
    """
    from ai4sim.surrogate import Surrogate
    from weather_forecast.gwd.nets.emulator import drag_of

    model = ColumnModel()
    reference = simulate(column.scheme(), model, IN_LOOP_YEARS)[0]

    def errors(drag: Drag) -> dict[str, float]:
        found = compare(reference, simulate(drag, model, IN_LOOP_YEARS)[0], model)
        values = {name: abs(float(found[name])) for name in ("period_error", "amplitude_error")}
        if not found["stable"] or not all(map(math.isfinite, values.values())):
            raise ArithmeticError("the column is unstable, or has no oscillation to measure")
        return values

    cheaper = column.scheme(WaveSpectrum(azimuths=16, phase_speeds=20))
    return {
        "model": errors(drag_of(Surrogate.load(trained))),
        "baselines": {"scheme_16x20": errors(cheaper)},
    }


def main(
    experiment: tuple[Path, ...],
    *,
    years: float = 20.0,
    output: Path | None = None,
    scheme: tuple[str, ...] | None = None,
    guard: Policy | None = None,
) -> None:
    """Let a trained emulator drive the quasi-biennial oscillation of a column of air.

    The scheme drives another one. A table, ``qbo.json`` and a figure compare the two. Of several
    networks, or of an ensemble, each member drives a column, and their mean another one; the report
    has the spread of period and amplitude.

    Parameters
    ----------
    experiment : tuple of path
        The folders of one or several trainings, or of an ensemble.
    years : float
        The length of a run [years].
    output : path, optional
        The folder to write to, by default ``artifacts`` and ``plots`` of a single experiment.
    scheme : tuple of str, optional
        The azimuths and phase speeds of further runs of the scheme, such as 4x20.
    guard : str, optional
        The action in columns unlike the training set: keep the network's drag and count
        them, clip their inputs to the box of the training, or fall back to the scheme. By default
        the guard is not asked.

    Examples
    --------
    python -m weather_forecast.gwd.online.qbo --experiment experiments/NAME --scheme 4x20 8x40
    python -m weather_forecast.gwd.online.qbo --experiment experiments/A experiments/B --output qbo
    """
    if years < SHORTEST:
        raise ValueError(f"--years: expected at least {SHORTEST:g}, found {years:g}")
    if output is None and len(experiment) > 1:
        raise ValueError("--output: expected a folder for the report of several experiments")
    spectra = [discretisation(text) for text in scheme or ()]
    watch = None
    if guard is None:
        networks = emulators(experiment)
    else:
        networks, watch = guarded_emulator(experiment, guard)
    drags = {"scheme": column.scheme(), **networks}
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
    if "ensemble" in rows:
        results["spread"] = _spread(rows)
    if watch is not None:
        results["guard"] = watch.report()
        log.info("guard: %.1f %% of the columns were flagged: %s", 100 * watch.share, guard)
    write_json((output or Experiment(experiment[0]).artifacts) / "qbo.json", results)
    save_figures([("qbo", qbo(runs, model))], output or Experiment(experiment[0]).plots)


if __name__ == "__main__":
    run(main)
