"""Models whose surrogate has a guard: fitting it, and judging it in a test."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import Any, cast

import lightning.pytorch as pl
import torch
from torch import Tensor

from ai4sim.evaluation.reservoir import Reservoir
from ai4sim.evaluation.trust import Trust
from ai4sim.guard import SAMPLES_OF_BATCH, Guard, fit_to_batches, samples_of
from ai4sim.nets.graph import Graph
from ai4sim.normalization import full_precision
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch

log = logging.getLogger(__name__)


@functools.cache
def _warn_once(message: str) -> None:
    log.warning(message)


class GuardedModule(pl.LightningModule):
    """A model whose surrogate has a guard.

    A use case may define the samples of a batch: :meth:`guarded_inputs`, their errors
    :meth:`sample_errors` and their :meth:`places`.
    """

    surrogate: Surrogate

    def output_scale(self, batch: Batch) -> Tensor | None:
        """Return the reference value of each sample's outputs; None means 1.

        Its shape is (batch,), on a graph (nodes,).
        """
        return None

    def guarded_inputs(self, batch: Batch) -> tuple[Tensor, Graph | None]:
        """Return the inputs of a batch that the guard judges, and the graph that they lie on.

        See :class:`ai4sim.guard.Guard` for their shapes.
        """
        return batch["inputs"], batch.get("graph")

    def sample_errors(self, batch: Batch, prediction: Any) -> Tensor:
        """Return the error of each sample that the guard judges, in the order of their inputs.

        Returns
        -------
        (sample,)  [1]
            Root mean square over the outputs, each in units of its standard deviation.
        """
        scale = self.output_scale(batch)
        found, target = (
            self.surrogate.members[0].normalize_targets(full_precision(x), scale)
            for x in (prediction, batch["targets"])
        )
        return (found - target).square().mean(1).sqrt().flatten()

    def places(self, batch: Batch) -> dict[str, Tensor]:
        """Return one or two coordinates of the samples, (sample,), which figures show flags by.

        Their names have units, such as ``latitude [°N]``. Of fields on a grid by default the first
        two axes.
        """
        inputs, _ = self.guarded_inputs(batch)
        if inputs.ndim < 3:
            return {}
        axes = [torch.arange(n, device=inputs.device) for n in inputs.shape[2:]]
        whole = torch.meshgrid(*axes, indexing="ij")[:2]
        one = {f"{name} [cells]": x.flatten() for name, x in zip("xy", whole, strict=False)}
        return {name: x.repeat(len(inputs)).float() for name, x in one.items()}

    def fit_guard(self, datamodule: Any) -> Guard:
        """Fit the guard to the training set; the validation set calibrates it, too."""

        def samples(stage: str) -> Iterator[Tensor]:
            for batch in datamodule.loader(stage, in_order=True):
                if not batch["repeated"]:
                    whole = datamodule.on_after_batch_transfer(batch, 0)
                    yield samples_of(*self.guarded_inputs(whole), SAMPLES_OF_BATCH)

        def merged(kept: Reservoir) -> Reservoir:
            return cast(Reservoir, self.gather(kept))

        channels = sum(v.channels for v in self.surrogate.inputs)
        return fit_to_batches(samples("train"), samples("val"), channels, merged)

    def judge(self, trust: Trust | None, batch: Batch, prediction: Any) -> None:
        """Add the verdict of the guard on a batch; nothing where there is none."""
        guard = self.surrogate.guard
        if guard is None or trust is None:
            return
        inputs, graph = self.guarded_inputs(batch)
        wrong = guard.misfit(inputs, graph)
        if wrong:
            _warn_once(f"{wrong}: the results say nothing of it")
            return
        flag, score = guard(inputs, graph)
        if "inner" in batch:  # nodes around a part of a mesh are not predicted
            flag, score = flag[batch["inner"]], score[batch["inner"]]
        errors = self.sample_errors(batch, prediction)
        trust.update(flag, score, errors, self.places(batch))

    def gather(self, evaluation: Any) -> Any:
        """Return the sums of all processes, merged."""
        if self.trainer.world_size == 1 or evaluation is None:
            return evaluation
        parts: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(parts, evaluation)
        for part in parts[1:]:
            parts[0].merge(part)
        return parts[0]
