"""Baselines with coefficients from a training set, which travel in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class FittedBaselines:
    """Simple models that every network must beat; the fields are their coefficients."""

    def state(self) -> dict[str, Any]:
        """Return the coefficients, tensors or plain numbers, for a checkpoint."""
        return dict(vars(self))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild the baselines from what :meth:`state` gave."""
        return cls(**state)
