"""The use cases of this checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"


def use_cases() -> dict[str, Path]:
    """Return the folder of every use case that ``pyproject.toml`` lists, landed or not."""
    table = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["ai4sim"]["use-cases"]
    return {name: ROOT / folder for name, folder in table.items()}


def landed_use_cases() -> dict[str, Path]:
    """Return the folder of every use case that is in this checkout: it has a ``noxfile.py``."""
    return {n: folder for n, folder in use_cases().items() if (folder / "noxfile.py").is_file()}
