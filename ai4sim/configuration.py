"""The configuration of a run: values filled in, options refused, the form that is fed back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from ai4sim import launch

ON_FILES = (CSVLogger, TensorBoardLogger)
LOGS = "logs"
"""The folder of the logs inside an experiment's folder."""
REFUSED = {
    "barebones": (True, "a run keeps checkpoints and logs"),
    "enable_checkpointing": (False, "a run keeps checkpoints"),
    "use_distributed_sampler": (True, "the data modules divide the samples themselves"),
}
"""Options of the trainer, with the value that a run cannot obey, and why."""
CALLBACKS = {
    "BackboneFinetuning": "the models have no attribute 'backbone'; --start_from adapts weights",
    "EarlyStopping": "a run has one, with the options --early_stopping.*",
    "ModelPruning": "it renames the weights, which checkpoints and exported programs describe",
}
"""Callbacks that a run cannot have, and why."""
NO_FORM = "Unable to serialize instance"
"""The text that jsonargparse writes in place of such a value."""
_UNWRITTEN = object()
LIMITS = {
    "fit": "limit_train_batches",
    "validate": "limit_val_batches",
    "test": "limit_test_batches",
    "predict": "limit_predict_batches",
}


def let_folders_be_left_out() -> None:
    """Let loggers that write files be chosen by name alone; :func:`with_folders` fills it in."""
    for kind in ON_FILES:
        parameters: Any = kind.__init__
        defaults, names = parameters.__defaults__, parameters.__code__.co_varnames
        if len(defaults) < parameters.__code__.co_argcount - 1:
            assert names[1] == "save_dir"
            parameters.__defaults__ = (None, *defaults)


def with_folders(logger: Any, experiment: Path) -> Any:
    """Return the configuration of loggers, with the folder of the experiment where none is given.

    Raises
    ------
    ValueError
        MLflow would write to a folder, which it no longer does.
    """
    if isinstance(logger, list):
        return [with_folders(one, experiment) for one in logger]
    if logger in (None, True):
        logger = Namespace(
            class_path=f"{TensorBoardLogger.__module__}.TensorBoardLogger",
            init_args=Namespace(save_dir=None, name=LOGS, version=""),
        )
    if not isinstance(logger, Namespace) or "init_args" not in logger:
        return logger
    name, options = logger.class_path.rpartition(".")[2], logger.init_args
    if name in {kind.__name__ for kind in ON_FILES} and options.save_dir is None:
        chosen = {"save_dir": str(experiment)}
        if options.get("name") == "lightning_logs":
            chosen["name"] = LOGS
            # Lightning counts the files of CSVLogger, which overwrites, and gives TensorBoard's own
            # names.
            if name == "TensorBoardLogger" and options.get("version") is None:
                chosen["version"] = ""
        return Namespace(
            class_path=logger.class_path, init_args=Namespace(**{**vars(options), **chosen})
        )
    if name == "MLFlowLogger" and (options.tracking_uri or "file:").startswith("file:"):
        raise ValueError(
            "--trainer.logger=MLFlowLogger: MLflow writes to a server, not to a folder. Expected "
            "--trainer.logger.tracking_uri=https://SERVER, or the environment variable "
            "MLFLOW_TRACKING_URI"
        )
    return logger


def require_possible(command: str, config: Namespace, environ: Mapping[str, str]) -> None:
    """Refuse options that a run cannot obey.

    Parameters
    ----------
    command : str
        ``fit``, ``validate``, ``test`` or ``predict``.
    config : Namespace
        Its configuration.
    environ : mapping
        Environment variables.

    Raises
    ------
    ValueError
        The message names the option.
    """
    trainer = config.trainer
    for name, (value, reason) in REFUSED.items():
        if trainer.get(name) is value:
            raise ValueError(f"--trainer.{name}={str(value).lower()}: {reason}")
    if trainer.default_root_dir is not None:
        raise ValueError(
            f"--trainer.default_root_dir={trainer.default_root_dir}: a run writes into its "
            "experiment's folder. Expected --experiment NAME, or the environment variable "
            "AI4SIM_EXPERIMENTS for the folder of all experiments"
        )
    if command != "fit" and not config.ckpt_path:
        raise ValueError(
            f"--ckpt_path: {command} needs a trained network. Expected a checkpoint, or 'best' or "
            "'last' (of --experiment NAME, by default of the newest one)"
        )
    limit = LIMITS[command]
    if trainer.get(limit) == 0:
        raise ValueError(f"--trainer.{limit}=0: there is nothing to {command}")
    if trainer.num_nodes > 1 and launch.layout(environ) is None and launch.job(environ) is None:
        raise ValueError(
            f"--trainer.num_nodes={trainer.num_nodes}: nothing has started processes on other "
            "nodes. Start this command by srun or torchrun on each of them"
        )
    if trainer.accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"--trainer.accelerator={trainer.accelerator}: torch finds no GPU here. Expected auto, "
            "cpu, or a machine that has one"
        )
    for callback in trainer.callbacks or []:
        name = callback.class_path.rpartition(".")[2]
        if name in CALLBACKS:
            raise ValueError(f"--trainer.callbacks: {name}: {CALLBACKS[name]}")
        if name == "ModelCheckpoint" and callback.init_args.get("monitor"):
            raise ValueError(
                "--trainer.callbacks: ModelCheckpoint: a run has one that watches "
                f"{callback.init_args.monitor}, with the options --checkpoint.*"
            )


def feedable(parser: Any, config: Namespace) -> str:
    """Return a configuration as text that ``--config`` takes.

    Defaults that have no form in it, such as devices, are left out.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=f"\\s*{NO_FORM}")
        content = yaml.safe_load(parser.dump(config, skip_none=False))
    return yaml.safe_dump(_with_form(content), sort_keys=False)


def _with_form(content: Any) -> Any:
    """Return content without the entries that jsonargparse could not write, or a part of them."""
    if isinstance(content, dict):
        kept = {name: _with_form(value) for name, value in content.items()}
        return {name: value for name, value in kept.items() if value is not _UNWRITTEN}
    if isinstance(content, list):
        items = [_with_form(item) for item in content]
        return _UNWRITTEN if any(item is _UNWRITTEN for item in items) else items
    return _UNWRITTEN if isinstance(content, str) and content.startswith(NO_FORM) else content


def plain(value: Any) -> Any:
    """Return a configuration with the values of enumerations, which have a form in a file."""
    if isinstance(value, Namespace):
        return Namespace(**{name: plain(part) for name, part in vars(value).items()})
    if isinstance(value, list | tuple):
        return type(value)(plain(part) for part in value)
    return value.value if isinstance(value, Enum) else value
