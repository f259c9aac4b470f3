"""Measurements of ``fit`` and ``test`` on request, and the record of each training."""

from __future__ import annotations

import json
import logging
import pkgutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from ai4sim.experiment import Experiment, peak_memory
from ai4sim.io.files import write_json
from ai4sim.module import undefined_as_none
from ai4sim.use_case import UseCase

COMMANDS = ("fit", "test")
log = logging.getLogger(__name__)


def add_options(parser: Any) -> None:
    """Add ``--cost`` and ``--in_loop`` to a parser."""
    parser.add_argument(
        "--cost",
        type=bool | Literal["uncompiled"],
        default=False,
        help="Whether `fit` and `test` measure the time of the network, also compiled, and of its "
        "baselines on one thread, and draw skill against cost. 'uncompiled' leaves out the "
        "compiled network, which takes a minute or two.",
    )
    parser.add_argument(
        "--in_loop",
        type=bool,
        default=False,
        help="Whether `fit` and `test` run the closed loop of the use case with the network, and "
        "add its scores to the results.",
    )


def require(command: str, words: Collection[str], in_loop: bool, use_case: UseCase) -> None:
    """Raise ValueError for a measurement that the command cannot make.

    Parameters
    ----------
    command : str
    words : collection of str
        Of the command line.
    in_loop : bool
        The option, wherever it was given.
    use_case : UseCase
    """
    given = {word.partition("=")[0] for word in words}
    if command not in COMMANDS:
        for option in sorted({"--cost", "--in_loop"} & given):
            raise ValueError(f"{option}: fit and test measure it, {command} does not")
    if in_loop and not use_case.in_loop_path:
        raise ValueError(f"--in_loop: {use_case.name} has no closed loop")


def measure(cli: Any, config: Any, trained: Path) -> None:
    """Add the requested measurements to the results of a run.

    Parameters
    ----------
    cli : SurrogateCLI
    config : Namespace
        Of the command.
    trained : Path
        The network: a checkpoint, or a folder of artifacts.
    """
    if config.cost:
        from ai4sim.cost import add_cost

        batch = next(iter(cli.datamodule.test_dataloader()))
        model = cli.model.cpu()
        add_cost(model, batch, cli.use_case, cli.experiment, config.cost != "uncompiled")
    if config.in_loop:
        add_in_loop(cli.use_case, cli.experiment, trained, Path(cli.datamodule.data_path))


def add_in_loop(use_case: UseCase, experiment: Experiment, trained: Path, data_path: Path) -> None:
    """Run the closed loop, and add its scores to ``results.json`` under the name ``in_loop``.

    Parameters
    ----------
    use_case : UseCase
        It has a closed loop.
    experiment : Experiment
        Its results are there. Of a loop that becomes unstable they say so.
    trained : Path
        The network: a checkpoint, or a folder of artifacts.
    data_path : Path
        The folder of the data, of which the loop may take its forcing.
    """
    path = experiment.artifacts / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    log.info("running the closed loop")
    try:
        scores = pkgutil.resolve_name(use_case.in_loop_path)(trained, data_path)
    except ArithmeticError as error:
        log.warning("the closed loop has no scores: %s", error)
        scores = {"unstable": str(error)}
    write_json(path, {**results, "in_loop": scores})


def note_training(experiment: Experiment, checkpoint: Any, epochs: int, seconds: float) -> None:
    """Write ``training.json``, the last file of a training: a sweep knows by it that all is there.

    Parameters
    ----------
    experiment : Experiment
    checkpoint : BestCheckpoint
    epochs : int
    seconds : float
        Since the command began.
    """
    score = checkpoint.best_model_score
    training = {
        "epochs": epochs,
        "seconds": seconds,
        "peak_memory": peak_memory(),
        checkpoint.monitor: None if score is None else float(score),
    }
    write_json(experiment.artifacts / "training.json", undefined_as_none(training))
