"""A network in the loop with a host, and the action where its guard raises a flag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ai4sim.guard import Guard, required

Policy = Literal["keep", "clip", "fallback"]
"""The actions of a host for flagged samples: trust the network and count them; clip their inputs to
the box first; or ask the physical scheme instead."""


@dataclass
class Guarded:
    """A network in the loop with a host that knows what to do where it is not to be trusted.

    Attributes
    ----------
    guard : Guard
    policy : {"keep", "clip", "fallback"}
    seen, flagged : int
        The numbers of samples so far, and of those that were flagged.
    """

    guard: Guard
    policy: Policy
    seen: int = 0
    flagged: int = 0

    def __call__(
        self,
        rows: Tensor,
        network: Callable[[Tensor], Tensor],
        scheme: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Return the outputs of samples.

        Parameters
        ----------
        rows : (sample, channel)
            The inputs, physical units.
        network : callable
            From rows to outputs (sample, output).
        scheme : callable
            From the numbers of flagged samples to their outputs, of which NaN ones are not known:
            those stay the network's. Called where there are some, of the policy "fallback".
        """
        flag = self.guard(rows).flag
        chosen = flag.nonzero()[:, 0]
        self.seen += len(rows)
        self.flagged += len(chosen)
        if len(chosen) and self.policy == "clip":
            rows = rows.index_copy(0, chosen, self.guard.clip(rows[chosen]))
        found = network(rows)
        if len(chosen) and self.policy == "fallback":
            physical = scheme(chosen).to(found)
            known = torch.where(physical.isnan(), found[chosen], physical)
            found = found.index_copy(0, chosen, known)
        return found

    @property
    def share(self) -> float:
        """The share of samples that were flagged so far."""
        return self.flagged / max(self.seen, 1)

    def report(self) -> dict[str, str | int | float]:
        """Return the policy, the number of samples and the share that was flagged."""
        return {"policy": self.policy, "samples": self.seen, "flagged_share": self.share}


def guarded(guard: Guard | None, policy: Policy, source: object) -> Guarded:
    """Return the guard of a surrogate with a policy.

    Raises
    ------
    ValueError
        The surrogate has none.
    """
    return Guarded(required(guard, source), policy)
