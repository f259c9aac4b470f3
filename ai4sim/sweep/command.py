"""The command ``trainer.py sweep``."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ai4sim.io.files import missing_file_error, write_json, write_text
from ai4sim.use_case import UseCase

if TYPE_CHECKING:
    from ai4sim.sweep.space import Space
    from ai4sim.sweep.workers import Place

SETTINGS, CONFIG = "sweep.json", "config.yaml"
MOST_SEEDS = 1_000_000
log = logging.getLogger(__name__)


def command(use_case: UseCase, experiments: Path) -> Callable[..., None]:
    """Return the command ``sweep`` of a use case, whose experiments lie in a folder."""

    def sweep(
        config: Path,
        space: Path | None = None,
        seeds: int | None = None,
        trials: int = 20,
        workers: int = 1,
        submit: Literal["slurm", "local"] | None = None,
        storage: str | None = None,
        experiment: str | None = None,
        options: tuple[str, ...] | None = None,
    ) -> None:
        """Train a configuration many times: search its best options, or train several seeds.

        Each trial is an ordinary experiment folder inside the folder of the sweep, made by `fit` in
        a process of its own. The same command goes on with a sweep that was interrupted: finished
        trials are kept, those that were killed are done again, and with a greater number further
        ones follow. Several such commands may share the work where they share the folder.

        Parameters
        ----------
        config : Path
            The configuration that all trials share.
        space : Path
            The options to vary and the objectives, a file in YAML.
        seeds : int
            The number of seeds to train, instead of a space: mean and spread of each metric.
        trials : int
            The number of trials of a space.
        workers : int
            The number of trials at the same time.
        submit : {"slurm", "local"}
            Submit each trial as a job, through submitit: to SLURM, or to this machine.
        storage : str
            The URL of a database for Optuna's study; by default a journal file in the folder.
        experiment : str
            The name of the folder, by default of the names of both files.
        options : tuple of str
            Further options of `fit` that all trials share, such as trainer.max_epochs=3.

        Examples
        --------
        python trainer.py sweep --config configs/demo.yaml --space configs/sweep.yaml --workers 2
        python trainer.py sweep --config configs/demo.yaml --seeds 5
        """
        _require(space, seeds, trials, workers)
        if not config.is_file():
            raise missing_file_error(config)
        stems = [config.stem, space.stem if space else "seeds"]
        folder = experiments.resolve() / (experiment or "-".join(stems))
        shared = [f"--{option.removeprefix('--')}" for option in options or ()]
        for option in shared:
            if "=" not in option:
                raise ValueError(f"--options {option[2:]}: expected NAME=VALUE")
        _sweep(
            use_case,
            folder,
            config,
            space,
            seeds,
            seeds or trials,
            workers,
            submit,
            storage,
            shared,
        )

    return sweep


def _require(space: Path | None, seeds: int | None, trials: int, workers: int) -> None:
    """Refuse options that contradict each other, and a machine without Optuna."""
    if (space is None) == (seeds is None):
        given = "both" if space else "none"
        raise ValueError(f"expected --space or --seeds, found {given}")
    least = {"--trials": (trials, 1), "--workers": (workers, 1), "--seeds": (seeds or 2, 2)}
    for name, (value, smallest) in least.items():
        if value < smallest:
            raise ValueError(f"{name}: expected at least {smallest}, found {value}")
    if seeds and seeds > MOST_SEEDS:
        raise ValueError(f"--seeds: expected at most {MOST_SEEDS}, found {seeds}")
    missing = [name for name in ("optuna", "sqlalchemy") if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"sweep needs {' and '.join(missing)}: pip install 'ai4sim[sweep]'")


def _sweep(
    use_case: UseCase,
    folder: Path,
    config: Path,
    space_file: Path | None,
    seeds: int | None,
    number: int,
    workers: int,
    submit: Literal["slurm", "local"] | None,
    storage: str | None,
    shared: list[str],
    here: Place | None = None,
) -> None:
    from ai4sim.sweep.objectives import options_of
    from ai4sim.sweep.options import require_options
    from ai4sim.sweep.report import report_seeds, report_sweep
    from ai4sim.sweep.run import pruner, run
    from ai4sim.sweep.space import read_space
    from ai4sim.sweep.study import named_storage, open_study, shown
    from ai4sim.sweep.trials import Trials
    from ai4sim.sweep.workers import Here, Jobs

    space = read_space(space_file) if space_file else None
    line = [f"--config={config}", *shared]
    measured = options_of(space.objectives) if space else []
    parameters = space.parameters if space else {}
    parsed = require_options(use_case, [*line, *measured], parameters, space_file)
    first_seed = _first_seed(parsed.seed_everything) if seeds else None
    space = space or _of_seeds(first_seed or 0, parsed.checkpoint.monitor)
    settings = {
        "use_case": use_case.name,
        "config": config.read_text(encoding="utf-8"),
        "space": space_file.read_text(encoding="utf-8") if space_file else "seeds",
        "options": shared,
        "storage": shown(storage, Path()),
    }
    name = f"{use_case.name}/{folder.name}"
    if storage:  # one that cannot be reached leaves no folder behind
        open_study(storage, folder, name, space.objectives)
    _enter(folder, settings)
    study = open_study(storage, folder, name, space.objectives)
    study.pruner = pruner(space)
    trials = Trials(study, folder, number, dict(space.parameters), space.objectives, first_seed)
    place = Jobs(submit, folder / "jobs", space.jobs) if submit else here or Here()
    log.info("%d trials in %s", number, folder)
    line[0] = f"--config={folder / CONFIG}"
    with named_storage(shown(storage, folder)):
        run(trials, place, use_case.root / "trainer.py", line, workers)
        if seeds:
            report_seeds(trials)
        else:
            report_sweep(trials)


def _of_seeds(first: int, monitor: str) -> Space:
    """Return the space of seeds alone, judged by what the best checkpoint is chosen by."""
    from optuna.distributions import IntDistribution

    from ai4sim.sweep.objectives import Objective
    from ai4sim.sweep.space import Space
    from ai4sim.sweep.study import SEED

    seeds = {SEED: IntDistribution(first, first + MOST_SEEDS)}
    return Space(seeds, (Objective(monitor, monitor == "val_r2"),))


def _first_seed(given: bool | int) -> int:
    """Return the seed of the configuration; 1 where it names none."""
    return 1 if isinstance(given, bool) else given


def _enter(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder of a sweep, or make sure that it holds the same sweep.

    Raises
    ------
    FileExistsError, ValueError
        It holds something else.
    """
    path = folder / SETTINGS
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [name for name, value in settings.items() if before.get(name) != value]
        if other:
            raise ValueError(
                f"{folder} holds a sweep with another {' and '.join(other)}: expected the same, or "
                "another name for this one, --experiment NAME"
            )
        return
    if folder.is_dir() and any(p.name not in (CONFIG, ".lock") for p in folder.iterdir()):
        raise FileExistsError(
            f"{folder} holds something that is not a sweep: choose another name, --experiment NAME"
        )
    write_text(folder / CONFIG, settings["config"])
    write_json(path, settings)
