"""The options of a sweep's trials, compared with the command line before the first of them."""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from optuna.distributions import BaseDistribution

from ai4sim.complaints import Parser, nearest, shortened
from ai4sim.surrogate_cli import SurrogateCLI, cli_arguments
from ai4sim.sweep.space import extremes, words
from ai4sim.use_case import UseCase


def require_options(
    use_case: UseCase,
    line: Sequence[str],
    parameters: Mapping[str, BaseDistribution],
    source: Path | None,
) -> Namespace:
    """Parse the command line of ``fit`` with both bounds, or all choices, of each parameter.

    Parameters
    ----------
    use_case : UseCase
    line : sequence of str
        The options that all trials share, from ``--config`` on.
    parameters : mapping of str to distribution
    source : Path, optional
        The file of the space, for messages.

    Returns
    -------
    Namespace
        The configuration without any parameter.

    Raises
    ------
    ValueError
        The command line does not take an option or a value; the message names it.
    """
    logging.getLogger("lightning").setLevel(logging.WARNING)
    parser, config = parsed(use_case, ["fit", *line])
    names = [name for action in parser._actions for name in action.option_strings]
    for name, distribution in parameters.items():
        where = f"{source}: parameters.{name}"
        group = name.partition(".")[0]
        if f"--{name}" not in names and not any(n.startswith(f"--{group}") for n in names):
            raise ValueError(f"{where}: unknown option{nearest(f'--{name}', names)}")
        for value in extremes(distribution):
            try:
                parser.parse_args([*line, *words({name: value})])
            except (argparse.ArgumentError, TypeError, ValueError) as error:
                message = shortened(getattr(error, "message", None) or str(error), names)
                raise ValueError(f"{where}: {value!r}: {message}") from error
    return config


def parsed(use_case: UseCase, args: list[str]) -> tuple[Parser, Namespace]:
    """Parse a command line, and do nothing else.

    Returns
    -------
    parser : Parser
        Of the command; it raises ``argparse.ArgumentError`` for options that it does not take.
    config : Namespace
        Of the command.
    """
    with warnings.catch_warnings():
        # The words of this process are those of another command.
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
        cli = _Parsed(**cli_arguments(use_case, use_case.experiments, args))
    parser: Any = cli._parser(cli.subcommand)
    parser.exit_on_error = False
    return parser, cli.config[cli.subcommand]


class _Parsed(SurrogateCLI):
    """A command that is parsed and not run."""

    def _set_seed(self) -> None:
        """Do nothing."""

    def before_instantiate_classes(self) -> None:
        """Do nothing."""

    def instantiate_classes(self) -> None:
        """Do nothing."""

    def after_instantiate_classes(self) -> None:
        """Do nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Do nothing."""
