"""The online proof: oceans that feed back, driven for a month by the surrogate and by the bulk.

Oceans of :mod:`.slab_ocean` start from one sea at rest and run side by side under the same air. At
each step of the coupling each gets the fluxes that its own scheme makes of that air, of its own
surface temperature and of the wind relative to its own currents (Renault et al. 2016): errors of
the fluxes that offline scores count once have a month to add up, or to be damped.

``coare36``
    This repository's COARE 3.6, the reference that the others drift from.
``surrogate``
    The network of a checkpoint. Of several, or of an ensemble, each member as ``surrogate 1``, ...
    and their mean as ``ensemble``; the report has the spread of their drifts.
``ecmwf``
    The ECMWF's bulk algorithm: by how much two physical schemes differ.
``constant_bulk``
    Constant coefficients, those of a moderate neutral wind (Smith 1988).

The air is that of one event, interpolated in time; an event shorter than the run is played forward
and backward in turn, sun included, so that the forcing stays continuous and air and sun go
together. Its files have no radiation. The same formulae for all runs make it, so that the drift is
that of stress, latent and sensible heat: of the sun those of Rosati & Miyakoda (1988) and Reed
(1977), of the sky that of Bignami et al. (1995), under a constant cloud cover. With ``--radiation
surrogate`` all runs get that which the surrogate predicts for its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ai4sim import command
from ai4sim.evaluation.figures import save_figures
from ai4sim.forecast import over_members
from ai4sim.guarded import Policy
from ai4sim.io.files import write_json
from wmed.online.case import Case, read_case
from wmed.online.figures import figures
from wmed.online.runs import FluxScheme, OnlineRuns, simulate
from wmed.online.schemes import (
    ENSEMBLE,
    SURROGATE,
    bulk_scheme,
    fixed_radiation,
    guarded_scheme,
    surrogate_schemes,
)
from wmed.online.slab_ocean import OceanParameters
from wmed.physics.bulk import coare36, constant_bulk, ecmwf

log = logging.getLogger(__name__)

REFERENCE = "coare36"
DRIFTS = ("sst_bias", "sst_rmse", "largest_sst_bias", "current_rmse", "kinetic_energy_difference")
"""Numbers of a run whose spread over the members of an ensemble is reported."""
IN_LOOP_DAYS = 10.0
"""Days of the runs that a training ends with, if it is asked to."""
SMITH = {"cd": 1.3e-3, "ch": 1.0e-3, "ce": 1.2e-3}
"""Transfer coefficients of a neutral wind of 10 m/s (Smith 1988)."""


def run(
    case: Case,
    surrogates: Mapping[str, FluxScheme] | None = None,
    *,
    radiation: str = "fixed",
    **options: Any,
) -> OnlineRuns:
    """Run the schemes under the air of a case.

    Parameters
    ----------
    case : Case
    surrogates : mapping of str to FluxScheme, optional
        The networks, see :func:`.schemes.surrogate_schemes`; without one only the formulae run.
    radiation : {"fixed", "surrogate"}
        With several networks the radiation of their mean.
    **options
        See :func:`.runs.simulate`.

    Raises
    ------
    ValueError
        The radiation of a surrogate that there is not, or none of the two.
    """
    if radiation not in ("fixed", SURROGATE):
        raise ValueError(f"radiation: expected fixed or {SURROGATE}, found {radiation!r}")
    schemes = {REFERENCE: bulk_scheme(case.graph, coare36, case.height)}
    schemes |= surrogates or {}
    schemes["ecmwf"] = bulk_scheme(case.graph, ecmwf, case.height)
    schemes["constant_bulk"] = bulk_scheme(case.graph, constant_bulk, case.height, **SMITH)
    light: FluxScheme | str = ENSEMBLE if ENSEMBLE in schemes else SURROGATE
    if radiation == "fixed":
        light = fixed_radiation(case.graph, case.height)
    return simulate(case.grid, case.forcing, schemes, light, case.sst, **options)


def write_report(runs: OnlineRuns, folder: Path, settings: dict[str, Any]) -> None:
    """Write ``online.json``, figures, and a log of the summary."""
    found = runs.report()
    if ENSEMBLE in runs.names:
        members = [found["runs"][n] for n in runs.names if n.startswith(f"{SURROGATE} ")]
        found["spread"] = {"members": len(members), **over_members(members, DRIFTS)}
        log.info(
            "SST bias of %d members: %+.4f K, spread %.4f K",
            *(found["spread"]["sst_bias"][key] for key in ("count", "mean", "spread")),
        )
    write_json(folder / "online.json", {"settings": settings, **found})
    save_figures(figures(runs), folder)
    for name, values in found["runs"].items():
        log.info(
            "%-14s SST bias %+.4f K, rmse %.4f K; kinetic energy %+.2f %%; currents up to "
            "%.2f m/s; heat residual %.1e W/m2",
            name,
            values["sst_bias"],
            values["sst_rmse"],
            100 * values["kinetic_energy_difference"],
            values["largest_current_max"],
            values["heat_residual"],
        )


def scores(trained: Path, data_path: Path) -> dict[str, Any]:
    """Return how far oceans drift from the one under COARE 3.6 within ten days of the last event.

    Parameters
    ----------
    trained : Path
        A checkpoint, or a folder of artifacts.
    data_path : Path
        It has ``raw/``.

    Returns
    -------
    dict
        ``sst_drift``, the largest difference of the mean sea surface temperature, and ``sst_rmse``
        at the end [K]: of the surrogate, and of the other formulae as baselines.

    Raises
    ------
    ArithmeticError
        A flux is not finite, or an ocean becomes unstable.
    """
    case = read_case(data_path)
    networks = surrogate_schemes([trained], case.graph)
    found = run(case, networks, days=IN_LOOP_DAYS, progress=False).summary()
    drifts = {
        name: {"sst_drift": values["largest_sst_bias"], "sst_rmse": values["sst_rmse"]}
        for name, values in found.items()
        if name != REFERENCE
    }
    return {"model": drifts.pop(SURROGATE), "baselines": drifts}


def main(
    data_path: Path,
    output: Path,
    *,
    ckpt: tuple[Path, ...] | None = None,
    event: str | None = None,
    days: float = 30.0,
    flux_step: float = 1.0,
    radiation: Literal["fixed", "surrogate"] = "fixed",
    guard: Policy | None = None,
) -> None:
    """Drive a slab ocean for a month by the surrogate and by bulk formulae.

    The same air drives all of them. ``online.json`` and figures compare the oceans.

    Parameters
    ----------
    data_path : path
        The folder of the data, which has ``raw/``.
    output : path
        The folder that gets the report.
    ckpt : tuple of path, optional
        The checkpoint of the surrogate, or several, or that of an ensemble; without one only the
        formulae run.
    event : str, optional
        The name of the ocean's file, or a part of it such as 20060310, by default the last.
    days : float
        The length of the runs [days].
    flux_step : float
        The time between two couplings [hours].
    radiation : str
        The radiation of all runs: that of formulae, or of the surrogate.
    guard : str, optional
        The action at points unlike the training set: keep the surrogate's fluxes and count
        them, clip their inputs to the box of the training, or fall back to COARE 3.6. By default
        the guard is not asked.

    Examples
    --------
    python -m wmed.online.storm --ckpt CKPT --data-path data --output online
    """
    if ckpt is None and radiation == SURROGATE:
        raise ValueError("--radiation surrogate: needs the --ckpt of one")
    if guard and ckpt is None:
        raise ValueError(f"--guard {guard}: needs the --ckpt of a surrogate")
    case = read_case(data_path, event)
    watch = None
    networks = surrogate_schemes(ckpt, case.graph) if ckpt and not guard else {}
    if ckpt and guard:
        if len(ckpt) > 1:
            raise ValueError(f"--guard {guard}: expected one --ckpt, found {len(ckpt)}")
        network, watch = guarded_scheme(ckpt[0], case.graph, guard, coare36, case.height)
        networks = {SURROGATE: network}
    runs = run(case, networks, radiation=radiation, days=days, coupling_hours=flux_step)
    settings: dict[str, Any] = {
        "event": case.name,
        "checkpoint": [str(path) for path in ckpt or ()],
        "days": days,
        "flux_step_hours": flux_step,
        "radiation": radiation,
        "ocean": asdict(OceanParameters()),
    }
    if watch is not None:
        settings["guard"] = watch.report()
        log.info("guard: %.1f %% of the points were flagged: %s", 100 * watch.share, guard)
    write_report(runs, output, settings)


if __name__ == "__main__":
    command.run(main)
