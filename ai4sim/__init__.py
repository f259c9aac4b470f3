"""The shared core of the collections: learning, files and figures."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ai4sim.surrogate import Ensemble, Surrogate  # noqa: F401  (so that type checkers know)

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a surrogate's class when it is asked for: ``import ai4sim`` needs no torch."""
    if name in ("Ensemble", "Surrogate"):
        return getattr(import_module("ai4sim.surrogate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
