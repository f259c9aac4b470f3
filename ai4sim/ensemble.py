"""The command ``trainer.py ensemble``: trained experiments as one, of their mean and spread."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ai4sim import export
from ai4sim.experiment import CHECKPOINT_SUFFIX, Experiment, create, provenance
from ai4sim.io.files import atomic_folder, missing_file_error, write_json, write_text
from ai4sim.surrogate import Ensemble
from ai4sim.use_case import UseCase
from ai4sim.weights import SAMPLES, read_file

log = logging.getLogger(__name__)
BEST = f"best{CHECKPOINT_SUFFIX}"
KEPT = ("epoch", "global_step", "pytorch-lightning_version", "hyper_parameters", "extra_state")
"""Entries of the first member's checkpoint that the ensemble's has, too."""


def command(use_case: UseCase, root: Path) -> Callable[..., None]:
    """Return the command ``ensemble`` of a use case, whose experiments lie in a folder."""

    def ensemble(experiments: tuple[str, ...], to: str | None = None) -> None:
        """Make trained experiments one, which predicts their mean and their spread.

        The new experiment folder has a checkpoint, ``best``, that ``test`` and ``predict`` take as
        any other, and in ``artifacts`` weights and program for other software. The members must
        predict the same variables on the same levels; their networks may differ. Baselines and
        all other settings come from the first.

        Parameters
        ----------
        experiments : tuple of str
            The members: names of experiments, of which the best checkpoints are taken, or paths of
            such folders or of checkpoints.
        to : str
            The name of the new experiment, by default date, time and "ensemble".

        Examples
        --------
        python trainer.py ensemble --experiments seed1 seed2 seed3 --to seeds
        python trainer.py test --config configs/demo.yaml --ckpt_path best --experiment seeds
        """
        make_experiment(use_case, root, experiments, to)

    return ensemble


def make_experiment(
    use_case: UseCase, root: Path, experiments: tuple[str, ...], to: str | None = None
) -> Experiment:
    """Write the experiment folder of an ensemble, whole or not at all.

    Parameters
    ----------
    use_case : UseCase
    root : Path
        Where the experiment folders are.
    experiments : tuple of str
        See :func:`command`.
    to : str, optional
        The name of the new one.

    Raises
    ------
    FileExistsError
        An experiment has that name.
    FileNotFoundError
        A member has no checkpoint.
    ValueError
        A member is there twice, or the members predict different variables.
    """
    paths = [_checkpoint(root, name) for name in experiments]
    for i, path in enumerate(paths):
        if path in paths[:i]:
            raise ValueError(f"--experiments: {path} is there twice")
    if to is not None and (Path(to).name != to or to in ("", ".", "..")):
        raise ValueError(f"--to {to}: expected a name, without a folder")
    if to is not None and (root / to).exists():
        raise FileExistsError(f"--to {to}: {root / to} exists, expected a new name")
    checkpoints = [read_file(path) for path in paths]
    for name, found in zip(experiments, checkpoints, strict=True):
        _require_alike(use_case, name, found, experiments[0], checkpoints[0])
    whole = Ensemble.load(paths)
    experiment = Experiment(root.resolve() / to) if to else create(root, "ensemble")
    source = Experiment(paths[0].parents[1])
    with atomic_folder(experiment.path) as folder:
        _fill(Experiment(folder), whole, checkpoints[0], source, [str(path) for path in paths])
    log.info(
        "%s: an ensemble of %d. Test it with --ckpt_path best --experiment %s",
        experiment.path,
        len(whole.members),
        experiment.path.name,
    )
    return experiment


def _fill(
    new: Experiment,
    ensemble: Ensemble,
    checkpoint: Mapping[str, Any],
    source: Experiment,
    members: list[str],
) -> None:
    """Write all that an experiment has after a training, except results."""
    new.checkpoints.mkdir()
    others = {
        name: value
        for name, value in checkpoint["state_dict"].items()
        if not name.startswith("surrogate.")
    }
    weights = {f"surrogate.{name}": value for name, value in ensemble.state_dict().items()}
    torch.save(
        {
            **{name: checkpoint[name] for name in KEPT if name in checkpoint},
            "state_dict": {**others, **weights},
            "surrogate": {
                "spec": ensemble.spec,
                "facts": ensemble.facts,
                "guard": ensemble.guard.state() if ensemble.guard else None,
            },
        },
        new.checkpoints / BEST,
    )
    if source.config.is_file():
        text = source.config.read_text(encoding="utf-8")
        write_text(new.config, f"# An ensemble: the configuration of its first member.\n{text}")
    write_json(new.environment, {**provenance(None), "members": members})
    ensemble.save(new.artifacts)
    samples = source.artifacts / SAMPLES
    if not samples.is_file():
        log.warning("no %s: %s is missing, an example of inputs", export.PROGRAM, samples)
        return
    shutil.copyfile(samples, new.artifacts / SAMPLES)
    tensors = load_file(samples)
    if "inputs" not in tensors:
        log.warning("no %s: %s holds no single inputs of this network", export.PROGRAM, samples)
        return
    program = new.artifacts / export.PROGRAM
    export.export_program(ensemble, tensors["inputs"], program, on_graph="edges" in tensors)


def _checkpoint(root: Path, name: str) -> Path:
    """Return the checkpoint of a member, absolute.

    Raises
    ------
    FileNotFoundError
        There is none; the message lists the experiments that have one.
    """
    named = root / name
    path = (named if named.exists() else Path(name).expanduser()).resolve()
    if path.is_dir():
        path = Experiment(path).checkpoints / BEST
    if path.is_file():
        return path
    having = ", ".join(sorted(p.parents[1].name for p in root.glob(f"*/checkpoints/{BEST}")))
    raise FileNotFoundError(
        f"--experiments {name}: {missing_file_error(path)} Experiments that have one: "
        f"{having or 'none'}"
    )


def _require_alike(
    use_case: UseCase,
    name: str,
    found: Mapping[str, Any],
    first: str,
    expected: Mapping[str, Any],
) -> None:
    """Raise ValueError where an option that the weights depend on differs, or it is an ensemble."""
    if "surrogate" not in found:
        raise ValueError(f"{name} was not written by ai4sim: it has no entry 'surrogate'")
    if "members" in found["surrogate"]["spec"]:
        raise ValueError(f"{name} is an ensemble: expected single networks, such as its members")
    theirs, ours = (one.get("hyper_parameters", {}) for one in (found, expected))
    for option in use_case.module.of_weights:
        if theirs.get(option) != ours.get(option):
            raise ValueError(
                f"{name}: {option} is {theirs.get(option)}, expected {ours.get(option)} as in "
                f"{first}"
            )
