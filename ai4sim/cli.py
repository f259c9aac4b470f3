"""The command line of every use case: its commands, each of which imports what it needs."""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ai4sim.use_case import UseCase

if TYPE_CHECKING:
    from lightning.pytorch.cli import ArgsType

    from ai4sim.surrogate_cli import SurrogateCLI

COMMANDS = {
    "fit": "train, test the best checkpoint, export the network",
    "validate": "evaluate a checkpoint on the validation set",
    "test": "compare a checkpoint with the baselines on the whole test set",
    "predict": "predict raw files, with or without targets",
    "check": "read all raw files and report what they hold, without training",
    "ensemble": "make trained experiments one, which predicts their mean and spread",
    "sweep": "search the best options, or train several seeds, in many trainings",
    "submit": "check a training, and submit it to SLURM",
    "couple": "make a library that Fortran, C and C++ programs call",
}
"""The commands of ``trainer.py``."""
FUNCTIONS = {
    "ensemble": "ai4sim.ensemble:command",
    "sweep": "ai4sim.sweep.command:command",
    "submit": "ai4sim.submit:command",
    "couple": "ai4sim.native.couple:command",
}
"""The commands that are functions, each made from a use case and the folder of its experiments."""
EXAMPLES = """examples:
  python trainer.py fit --config configs/demo.yaml
  python trainer.py test --config configs/demo.yaml --ckpt_path best
  python trainer.py predict --config configs/demo.yaml --ckpt_path best --data.data_path DIR
  python trainer.py sweep --config configs/demo.yaml --space configs/sweep.yaml --trials 40
  python trainer.py ensemble --experiments seed1 seed2 seed3 --to seeds
  python trainer.py couple --experiment best --to coupled
"""


def main(use_case: UseCase, args: ArgsType = None) -> SurrogateCLI | None:
    """Run a command of :data:`COMMANDS`.

    Parameters
    ----------
    use_case : UseCase
        ``--model LitUNet3D`` picks a subclass of its module by name; ``${use_case:data}`` in a
        configuration means its folder ``data``. Experiment folders are made in its folder
        ``experiments``, or where the environment variable ``AI4SIM_EXPERIMENTS`` says.
    args : list of str, optional
        The command line; default ``sys.argv[1:]``.

    Raises
    ------
    SystemExit
        After the help; with code 2, there is no such command.
    """
    given = sys.argv[1:] if args is None else args
    if isinstance(given, list):
        _help_out(use_case, given[0] if given else "")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    experiments = Path(os.environ.get("AI4SIM_EXPERIMENTS", use_case.experiments))
    if isinstance(given, list) and given[0] in FUNCTIONS:
        from ai4sim.command import run as run_function

        command = pkgutil.resolve_name(FUNCTIONS[given[0]])
        words, options = given[1:], {}
        if given[0] == "submit" and "--" in words:
            end = words.index("--")
            words, options = words[:end], {"options": words[end + 1 :]}
        run_function(command(use_case, experiments, **options), words, f"trainer.py {given[0]}")
        return None
    from ai4sim.surrogate_cli import run

    return run(use_case, experiments, args)


def _help_out(use_case: UseCase, word: str) -> None:
    """End with the help, or the nearest name, where the first word is no command."""
    if word in COMMANDS or (word.startswith("-") and word not in ("-h", "--help")):
        return
    if word in ("-h", "--help"):
        parser = argparse.ArgumentParser(
            prog="trainer.py",
            description=use_case.title,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        commands = parser.add_subparsers(title="commands", metavar="COMMAND --help")
        for name, text in COMMANDS.items():
            commands.add_parser(name, help=text)
        parser.print_help()
        raise SystemExit(0)
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    meant = f", did you mean {near[0]}?" if near else f": expected one of {', '.join(COMMANDS)}"
    problem = f"unknown command {word!r}{meant}" if word else f"no command{meant}"
    sys.stderr.write(f"trainer.py --help explains all commands\nerror: {problem}\n")
    raise SystemExit(2)
