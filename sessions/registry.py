"""The use cases of this checkout: every ``config.py`` that declares one."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4sim.use_case import UseCase

ROOT = Path(__file__).resolve().parent.parent


def use_cases(root: Path = ROOT) -> dict[str, UseCase]:
    """Return the use cases of a checkout by their names, in the order of their folders.

    A declaration imports nothing but ``ai4sim.use_case``, which needs the standard library alone.
    A ``config.py`` that assigns no ``USE_CASE`` is somebody else's and is not run.

    Raises
    ------
    ValueError
        Two files declare use cases of one name.
    """
    files = sorted(file for depth in ("*", "*/*") for file in root.glob(f"{depth}/config.py"))
    found: dict[str, UseCase] = {}
    for file in files:
        if not re.search(rb"^USE_CASE\b", file.read_bytes(), re.MULTILINE):
            continue
        use_case = runpy.run_path(str(file))["USE_CASE"]
        if other := found.get(use_case.name):
            raise ValueError(
                f"{file}: use case {use_case.name!r} is declared in {other.root / 'config.py'} too"
            )
        found[use_case.name] = use_case
    return found


def folder_of(use_case: UseCase) -> str:
    """Return the folder of a use case as seen from the repository root."""
    return use_case.root.relative_to(ROOT).as_posix()


def package_of(use_case: UseCase) -> str:
    """Return the full name of the package of a use case."""
    return folder_of(use_case).replace("/", ".")


if __name__ == "__main__":  # the table of script.sh: a name and a folder in each line
    for found in use_cases().values():
        print(found.name, folder_of(found))
