"""Errors as users read them: one line with the option or the file; faults keep their traceback."""

from __future__ import annotations

import difflib
import dis
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Collection, Iterator
from functools import partial
from types import TracebackType
from typing import Any, NoReturn

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.loggers import Logger

DEBUG = "AI4SIM_DEBUG"
"""The environment variable with which every error comes with its traceback."""
OF_USERS = (ArithmeticError, ImportError, MisconfigurationException, OSError, ValueError)
LIBRARIES = ("lightning", "lightning_utilities")
"""Packages whose errors of these kinds, where they raise them themselves, name an option."""
CLASSES = (Callback, LightningModule, Logger)
"""What is chosen by the name of a class."""
LONGEST = 60
"""Characters of a wrong value that are shown."""


class Parser(LightningArgumentParser):
    """Lightning's parser; a mistake is told in a line, with the nearest name, not with all options.

    No option can be abbreviated.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the message, and end with exit code 2; raise it where it is caught."""
        if not self.exit_on_error:
            super().error(message, ex)
        parser = getattr(ex, "subcommand_parser", None) or self
        options = [name for action in parser._actions for name in action.option_strings]
        help_line = f"{parser.prog} --help lists all options"
        sys.stderr.write(f"{help_line}\nerror: {shortened(message, options)}\n")
        sys.exit(2)


def shortened(message: str, options: Collection[str] = ()) -> str:
    """Return the message of jsonargparse in a line.

    Parameters
    ----------
    message : str
    options : collection of str
        All options, ``--trainer.max_epochs`` for instance.
    """
    unknown = re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL)
    if unknown:
        names = [word.split("=")[0] for word in unknown[1].split() if word.startswith("-")]
        return f"unknown: {unknown[1]}{nearest(names[0], options) if names else ''}"
    key = re.match(r'Parser key "([^"]*)":\s*', message)
    rest = message[key.end() :] if key else message
    value = re.search(r"\n *Given value: (.*)", rest, re.DOTALL)
    bullets = re.search(r"\n *Errors:\n(.*?)(?:\n *Given value|\Z)", rest, re.DOTALL)
    if bullets:
        found = [
            " ".join(part.split()) for part in re.split(r"\n? +- ", bullets[1]) if part.strip()
        ]
        useful = [part for part in dict.fromkeys(found) if not _general(part)]
        # What the class that was chosen says tells more than the names of others.
        named = [part for part in useful if part.startswith("Problem with given class_path")]
        rest = "; ".join(named or useful or found)
        if not named and value and len(value[1]) <= LONGEST and value[1] not in rest:
            rest += f", found {value[1]}"
    rest = re.sub(r"<class '([^']*)'>", r"\1", " ".join(rest.split()))
    rest = re.sub(r"Expected a (?:typing\.Literal)?(?!dot)", "expected ", rest)
    rest = re.sub(r"\.? Got value: ", ", found ", rest)
    rest = re.sub(r"Expected a dot import path string: (\w+)", _unknown_class, rest)
    rest = re.sub(
        r"Problem with given class_path '([\w.]+)': Option '(\w+)' is not accepted",
        _unknown_argument,
        rest,
    )
    return f"--{key[1]}: {rest}" if key else rest


def nearest(name: str, names: Collection[str]) -> str:
    """Return a question for the nearest name, empty without one."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _general(part: str) -> bool:
    """Return whether a part of a message is about other types of values that nobody meant."""
    others = ("'NoneType'", "collections.abc.Iterable", "class 'bool'", "Not a valid subclass")
    return any(other in part for other in others)


def _unknown_class(match: re.Match[str]) -> str:
    return f"unknown class {match[1]}{nearest(match[1], set(_names_below(*CLASSES)))}"


def _names_below(*bases: type) -> Iterator[str]:
    for base in bases:
        yield base.__name__
        yield from _names_below(*base.__subclasses__())


def _unknown_argument(match: re.Match[str]) -> str:
    kind = pkgutil.resolve_name(match[1])
    taken = {name for k in kind.__mro__[:-1] for name in inspect.signature(k.__init__).parameters}
    return f"{kind.__name__} takes no {match[2]}{nearest(match[2], taken)}"


def explain_errors(package: str) -> None:
    """Let this process end with a line, and exit code 1, on errors that users can mend.

    These are errors that the package, the core or Lightning raise on purpose, and those of the
    system about a file. A fault of a program, an IndexError or an error within torch for instance,
    comes with its traceback; with the environment variable ``AI4SIM_DEBUG`` every error does.
    """
    sys.excepthook = partial(_tell, {package, "ai4sim", *LIBRARIES})


def _tell(
    packages: set[str],
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    message = None if os.environ.get(DEBUG) else explained(error, packages)
    if message is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        sys.stderr.write(f"error: {message}\n")


def explained(error: BaseException, packages: Collection[str]) -> str | None:
    """Return the message of an error that users can mend; None for a fault of a program.

    Parameters
    ----------
    error : exception
    packages : collection of str
        Those whose errors are meant for users, if they raise them on purpose.
    """
    package, raised = _origin(error.__traceback__)
    if package == "jsonargparse" and error.__cause__ is not None:
        return explained(error.__cause__, packages)
    if package == "jsonargparse" and isinstance(error, ValueError):
        return shortened(str(error))
    if not isinstance(error, OF_USERS):
        return None
    of_a_file = isinstance(error, OSError) and error.filename is not None
    return str(error) if of_a_file or (raised and package in packages) else None


def _origin(traceback: TracebackType | None) -> tuple[str, bool]:
    """Return the package that an error comes from, and whether a statement ``raise`` made it."""
    if traceback is None:
        return "", False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    instruction = frame.f_code.co_code[traceback.tb_lasti]
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return package, dis.opname[instruction] == "RAISE_VARARGS"
