"""How a signal ends a training: in order, after a step that all its processes agree on."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from ai4sim import launch, slurm

log = logging.getLogger(__name__)


class Interruption(Callback):
    """End a training after a step, with a checkpoint, when a signal or CTRL-C says so.

    A checkpoint holds the whole state after a step of the optimiser and the validation that is
    due then: between two steps of ``accumulate_grad_batches`` there are gradients in memory, within
    a validation there are sums. A second CTRL-C ends the training at once.

    SLURM tells all processes, each in the midst of another operation. Lightning's own handler
    broadcasts at that very moment: among the collective operations of a step, which come in
    another order in each process, it blocks them for ever. Here a signal is remembered, and the
    processes compare their signals after each step.

    Attributes
    ----------
    heard : int
        The number of the signal that the processes agree on, 0 without one. SIGTERM, after which a
        run is not to go on by itself, is greater than SIGUSR1, after which it is.
    advanced : bool
        Whether the training has taken a step.
    """

    def __init__(self) -> None:
        self._own = self.heard = 0
        self.advanced = False

    @property
    def told(self) -> bool:
        """Whether this process has heard a signal."""
        return self._own > 0

    def _listen(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put Lightning's handler aside, which it installs just before this is called."""
        if threading.current_thread() is threading.main_thread():
            for number in (*launch.WARNINGS, signal.SIGTERM):
                signal.signal(number, self._hear)
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, self._hear)

    on_sanity_check_start = on_train_start = _listen

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._own:
            raise KeyboardInterrupt
        self._own = max(self._own, number)

    def _agree(self, trainer: pl.Trainer) -> None:
        if trainer.fit_loop._should_accumulate():
            return
        # A signal that comes while the processes compare counts after the next step.
        self.heard = self._own
        if trainer.world_size > 1:
            heard = torch.tensor(self.heard, device=trainer.strategy.root_device)
            torch.distributed.all_reduce(heard, torch.distributed.ReduceOp.MAX)
            self.heard = int(heard)
        if self.heard:
            trainer.stopped = True  # type: ignore[attr-defined]

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Stop, if any process has heard a signal."""
        self.advanced = True
        self._agree(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop before the next epoch, if any process has heard a signal."""
        self._agree(trainer)

    def requeue(self) -> None:
        """Queue a job of SLURM again whose time ends: all is saved."""
        if self.heard == signal.SIGUSR1 and launch.rank(os.environ) == 0:
            slurm.requeue(os.environ)
