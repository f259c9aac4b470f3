"""The use cases of this checkout: every ``config.py`` that declares one."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ai4sim.use_case import UseCase

ROOT = Path(__file__).resolve().parent.parent


def use_cases(root: Path = ROOT) -> dict[str, UseCase]:
    """Return the use cases of a checkout by their names, in the order of their folders.

    A declaration imports nothing but ``ai4sim.use_case``, which needs the standard library alone.
    """
    files = sorted(file for depth in ("*", "*/*") for file in root.glob(f"{depth}/config.py"))
    declared = [runpy.run_path(str(file)).get("USE_CASE") for file in files]
    return {use_case.name: use_case for use_case in declared if use_case is not None}


def folder_of(use_case: UseCase) -> str:
    """Return the folder of a use case as seen from the repository root."""
    return use_case.root.relative_to(ROOT).as_posix()


def package_of(use_case: UseCase) -> str:
    """Return the full name of the package of a use case."""
    return folder_of(use_case).replace("/", ".")


if __name__ == "__main__":  # the table of script.sh: a name and a folder in each line
    for found in use_cases().values():
        print(found.name, folder_of(found))
