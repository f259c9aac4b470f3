"""Loaders whose epoch begins where a training goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def from_the_first() -> int:
    """Begin an epoch with its first batch."""
    return 0


class Resumable:
    """A loader that leaves out the batches of an epoch that were trained before an interruption.

    Its batches follow from seed, epoch and their numbers, those of a crop and of its augmentation
    too, so a checkpoint needs no state of it. The trainer counts the batches that it has finished;
    a loader can only count those that it has handed out, which workers do ahead of time.

    Attributes
    ----------
    begin : callable
        Return the number of the first batch. It is asked when the first batch is fetched, not when
        the iterator is made: Lightning makes it before it knows epoch and batch.
    """

    begin: Callable[[], int] = staticmethod(from_the_first)

    def state_dict(self) -> dict[str, Any]:
        """Return nothing: there is no state. Lightning takes loaders with this for resumable."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Do nothing."""
