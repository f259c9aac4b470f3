"""A function as a command: its options come from its signature and its NumPy docstring.

A module ends with ``if __name__ == "__main__": run(function)``. The parameter ``data_path: Path``
becomes ``--data-path PATH``, required where it has no default. A tuple takes several words, a bool
takes none. (jsonargparse, which reads the configurations, wants lists in JSON,
underscores in names and a value for a flag.)
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import inspect
import logging
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, Literal, NoReturn, get_args, get_origin, get_type_hints

import docstring_parser


def run(
    function: Callable[..., object],
    arguments: Sequence[str] | None = None,
    program: str | None = None,
) -> None:
    """Call a function with the options of a command line; an error of the user is one line.

    Parameters
    ----------
    function : callable
        Its parameters have type hints: str, int, float, bool, Path, date, a Literal, a tuple of
        these (None by default, where it has any length), or one of these or None. The text of the
        command is the docstring: the first paragraphs, the parameters, the examples.
    arguments : sequence of str, optional
        The command line without the name of the program; default ``sys.argv[1:]``.
    program : str, optional
        The name of the program in its help; default ``python -m MODULE``.

    Raises
    ------
    SystemExit
        An option is wrong, or the function raises ArithmeticError, OSError or ValueError.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if function.__module__ == "__main__" and (spec := sys.modules["__main__"].__spec__):
        # By its own name, which files and other processes know the module by.
        function = getattr(importlib.import_module(spec.name), function.__name__)
    program = program or f"python -m {function.__module__.removesuffix('.__main__')}"
    options = vars(_parser(function, program).parse_args(arguments))
    try:
        function(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
    except (ArithmeticError, OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from error


def refuse_options(source: str, other: str, **options: object) -> None:
    """Raise ValueError for options that were given and belong to another source of data.

    Parameters
    ----------
    source, other : str
        The source that was chosen, and the one that has these options.
    **options
        Each option, and its value: None or False where it was not given.
    """
    for name, value in options.items():
        if value not in (None, False):
            raise ValueError(f"{_flag(name)} belongs to --source {other}, not to {source}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See {self.prog} --help\n")


def _parser(function: Callable[..., object], program: str) -> argparse.ArgumentParser:
    text, _, examples = (inspect.getdoc(function) or "").partition("\nExamples\n--------\n")
    doc = docstring_parser.parse(text, docstring_parser.DocstringStyle.NUMPYDOC)
    paragraphs = "\n\n".join(filter(None, (doc.short_description, doc.long_description)))
    parameters, hints = inspect.signature(function).parameters, get_type_hints(function)
    required = [_flag(name) for name, p in parameters.items() if p.default is p.empty]
    parser = _Parser(
        prog=program,
        usage=" ".join(("%(prog)s", *(f"{flag} ..." for flag in required), "[options]")),
        description="\n\n".join(map(textwrap.fill, _plain(paragraphs).split("\n\n"))),
        epilog=f"examples:\n{textwrap.indent(_plain(examples), '  ')}" if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    help_of = {item.arg_name: _plain(item.description or "") for item in doc.params}
    for name, parameter in parameters.items():
        options = _options(hints[name]) | {"help": help_of[name].replace("%", "%%")}
        if _flag(name) in required:
            options["required"] = True
        else:
            default = parameter.default
            # Given values replace the function's own, which argparse would extend.
            options["default"] = argparse.SUPPRESS if isinstance(default, tuple) else default
            if default is not None and default is not False:
                shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
                options["help"] += f" (default: {shown})"
        parser.add_argument(_flag(name), **options)
    return parser


def _options(hint: Any) -> dict[str, Any]:
    """Return how argparse reads values of a type."""
    types = [item for item in get_args(hint) if item is not NoneType]
    origin = get_origin(hint)
    if hint is bool:
        return {"action": "store_true"}
    if origin is Literal:
        return {"choices": types}
    if origin is tuple and ... in types:
        return {**_options(types[0]), "nargs": "+", "action": "extend"}
    if origin is tuple:
        return {**_options(types[0]), "nargs": len(types)}
    if origin is not None:  # one type or None
        return _options(types[0])
    if hint is datetime.date:
        return {"type": _date, "metavar": "YYYY-MM-DD"}
    return {"type": hint, "metavar": hint.__name__.upper()}


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected YYYY-MM-DD, found {text!r}") from error


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _plain(text: str) -> str:
    """Take the markup of Sphinx out of a text."""
    return re.sub(r"(?::\w+:)?`+([^`]*)`+", r"\1", text)
