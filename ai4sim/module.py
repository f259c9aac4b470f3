"""The LightningModule that every use case builds on."""

from __future__ import annotations

import copy
import itertools
import logging
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric

from ai4sim.evaluation.baselines import FittedBaselines
from ai4sim.evaluation.calibration import Calibration
from ai4sim.evaluation.calibration import figures as calibration_figures
from ai4sim.evaluation.cost import Contenders
from ai4sim.evaluation.figures import save_figures
from ai4sim.evaluation.scores import RegressionMetrics
from ai4sim.evaluation.trust import Trust, trust_figure
from ai4sim.experiment import Experiment
from ai4sim.forecast import Forecast, forecast_of
from ai4sim.gaussian import GAUSSIAN, GaussianLikelihood, GaussianScore
from ai4sim.guard import Guard
from ai4sim.guarded_module import GuardedModule
from ai4sim.io.files import write_json
from ai4sim.normalization import full_precision
from ai4sim.surrogate import Surrogate, surrogate_of
from ai4sim.variables import Batch, Variable
from ai4sim.weights import require_same_spec, write_mesh, write_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)
LOSSES: dict[str, type[nn.Module]] = {
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "crps": GaussianScore,
    "nll": GaussianLikelihood,
}


def undefined_as_none(results: Any) -> Any:
    """Replace numbers that are not finite, such as R2 of a constant target, by None."""
    if isinstance(results, Mapping):
        return {name: undefined_as_none(value) for name, value in results.items()}
    if isinstance(results, list | tuple):
        return [undefined_as_none(value) for value in results]
    return None if isinstance(results, float) and not math.isfinite(results) else results


class Evaluation(Protocol):
    """What a use case accumulates over its test set; parts from several processes merge exactly."""

    def merge(self, other: Self) -> None:
        """Take in what another process evaluated."""
        ...

    def metrics(self) -> dict[str, Any]:
        """Return ``{"model": {metric: value}, "baselines": {name: {metric: value}}, ...}``."""
        ...


class SurrogateModule(GuardedModule):
    """Train, test and apply a :class:`~ai4sim.surrogate.Surrogate`.

    A use case gives the surrogate, :meth:`calibrate` (statistics and baselines from the training
    set), :attr:`baselines_class`, :meth:`output_scale` where its outputs have a natural unit,
    :attr:`evaluation` and :meth:`evaluate` (what the test set is judged by) and :meth:`figures`.

    Parameters
    ----------
    surrogate : Surrogate
        The network with its normalisation.
    learning_rate : float
        Peak learning rate of AdamW.
    weight_decay : float
        Weight decay of AdamW, of weight matrices and kernels.
    schedule : {"cosine", "constant"}
        Course of the learning rate over all optimiser steps, after the warm-up.
    warmup : float
        Share of all steps over which the learning rate rises linearly from 0.
    loss : {"mse", "mae", "huber", "crps", "nll"}
        Taken between normalised prediction and normalised target. With "crps", the continuous
        ranked probability score, or "nll", the negative log likelihood, the network predicts a
        Gaussian: a mean and a standard deviation of each output. The best checkpoint is the one
        with the least mean absolute error ("mae"), "crps" or "nll", else mean square error, of the
        validation set.
    huber_delta : float
        Error, in normalised units, from which the Huber loss is linear: small where few samples
        hold most of the variance.
    max_nodes : int, optional
        Cells or nodes evaluated at once in validation, test and prediction: larger fields are cut
        into pieces that overlap, with the same result in less memory (see
        :class:`~ai4sim.surrogate.Surrogate`). Default: whole fields. Checkpoints do not hold it.
    """

    headline: tuple[str, ...] = ("r2", "rmse", "nrmse", "mae", "bias")
    """Metrics of the table that a run ends with; ``results.json`` holds all."""

    evaluation: Callable[[], Any]
    """Makes the empty accumulator of the test set, see :class:`Evaluation`."""

    of_weights: tuple[str, ...] = ()
    """Arguments, beside those of the surrogate, that the weights depend on."""

    baselines_class: type[FittedBaselines] | None = None
    """The baselines whose coefficients a checkpoint holds."""

    def __init__(
        self,
        surrogate: Surrogate,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        schedule: Literal["cosine", "constant"] = "cosine",
        warmup: float = 0.05,
        loss: Literal["mse", "mae", "huber", "crps", "nll"] = "mse",
        huber_delta: float = 1.0,
        max_nodes: int | None = None,
    ) -> None:
        super().__init__()
        self.surrogate = surrogate.with_spread() if loss in GAUSSIAN else surrogate
        self.surrogate.max_nodes = max_nodes
        self.keeps_statistics = False
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.schedule, self.warmup = schedule, warmup
        self.loss = nn.HuberLoss(delta=huber_delta) if loss == "huber" else LOSSES[loss]()
        self.val_metrics = RegressionMetrics()
        self.val_score = MeanMetric(nan_strategy="disable")
        self.baselines: Any = None
        self._test: Evaluation | None = None
        self._calibration: Calibration | None = None
        self._trust: Trust | None = None
        self._log_every = 1
        self._seed = 0
        self.save_hyperparameters(ignore=["surrogate"])

    # --- What a use case gives ---

    @abstractmethod
    def calibrate(self, datamodule: Any) -> None:
        """Take statistics, grid facts and baseline coefficients from the training set."""

    @abstractmethod
    def evaluate(self, evaluation: Any, batch: Batch, prediction: Any) -> None:
        """Add a batch, with the baselines' predictions, to the accumulator; physical units."""

    def contenders(self, batch: Batch) -> Contenders:
        """Return the model and its baselines as calls, which ``--cost`` measures, for a batch."""
        return Contenders("sample", len(batch["inputs"]), {"model": lambda: self(batch)})

    def normalized_prediction(self, batch: Batch, surrogate: Surrogate | None = None) -> Tensor:
        """Return a network's own output for a batch, in normalised units.

        Parameters
        ----------
        batch : dict
        surrogate : Surrogate, optional
            A member of an ensemble; default the module's own.
        """
        surrogate = surrogate or self.surrogate
        return surrogate.normalized(batch["inputs"], batch.get("periods"), batch.get("graph"))

    def predictions_of(self, surrogate: Surrogate, batch: Batch) -> Any:
        """Predict a batch by a network, in physical units; its spread comes with it."""
        normalized = self.normalized_prediction(batch, surrogate)
        return surrogate.denormalize(normalized, self.output_scale(batch))

    @property
    def judged(self) -> list[Variable]:
        """The outputs of :meth:`by_output`, with their units."""
        return self.surrogate.targets

    def by_output(self, values: Any) -> Mapping[str, Tensor]:
        """Divide targets or predictions, (batch, channel, ...), by the outputs' names."""
        targets = self.surrogate.targets
        parts = values.split([v.channels for v in targets], dim=1)
        return {v.name: part for v, part in zip(targets, parts, strict=True)}

    def labels(self, batch: Batch) -> Any:
        """Return the targets of a batch of the test set, as :meth:`forward` gives predictions."""
        return batch["targets"]

    @staticmethod
    def figures(evaluation: Any) -> Iterable[tuple[str, Figure]]:
        """Draw the figures of the test set, each with the name of its file."""
        return ()

    def require(self, datamodule: Any) -> None:
        """Raise ValueError unless the model is for the data that are tested or predicted."""

    def extra_state(self) -> dict[str, Any]:
        """Return the rest of a checkpoint's contents, plain values: the baselines' coefficients."""
        return {"baselines": self.baselines.state() if self.baselines else None}

    def set_extra_state_from(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`extra_state` gave."""
        found = state["baselines"]
        if found and self.baselines_class:
            self.baselines = self.baselines_class.from_state(found)

    def export(self, folder: Path, batch: Batch) -> None:
        """Write what other programs need: weights and description, and the exported program.

        No program is written for networks that cannot be traced.
        """
        from ai4sim.export import PROGRAM, export_program

        self.surrogate.save(folder)
        if batch.get("graph") is None:
            write_samples(folder, batch)
            export_program(self.surrogate, batch["inputs"], folder / PROGRAM)
        else:
            write_mesh(folder, batch)
            export_program(self.surrogate, batch["inputs"], folder / PROGRAM, on_graph=True)

    # --- Life cycle ---

    def start_from(self, path: str | Path) -> None:
        """Begin training with the weights and the normalisation of an earlier one.

        The statistics stay those that the weights were trained with. All else starts anew, on the
        new data: optimiser, epochs, facts, baselines.

        Parameters
        ----------
        path : path
            A checkpoint, or a folder that :meth:`ai4sim.surrogate.Surrogate.save` wrote.

        Raises
        ------
        FileNotFoundError, ValueError
            See :meth:`ai4sim.surrogate.Surrogate.load_weights`.
        """
        self.surrogate.load_weights(path)
        self.keeps_statistics = True

    def setup(self, stage: str) -> None:
        """Calibrate on the training set; a checkpoint that is resumed from then overrides it."""
        if stage != "fit":
            return
        self._seed = torch.initial_seed()
        trained = copy.deepcopy(self.surrogate.state_dict()) if self.keeps_statistics else None
        self.calibrate(self.trainer.datamodule)  # type: ignore[attr-defined]
        if trained is not None:
            self.surrogate.load_state_dict(trained)
        self.surrogate.guard = self.fit_guard(self.trainer.datamodule)  # type: ignore[attr-defined]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the facts that make the checkpoint enough by itself beside the weights."""
        # How much memory there is differs between machines: the configuration says it, each time.
        checkpoint.get("hyper_parameters", {}).pop("max_nodes", None)
        guard = self.surrogate.guard
        checkpoint["surrogate"] = {
            "spec": self.surrogate.spec,
            "facts": self.surrogate.facts,
            "guard": guard.state() if guard else None,
        }
        checkpoint["extra_state"] = self.extra_state()
        checkpoint["seed"] = self._seed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the facts back; a checkpoint of another network or of other channels is refused.

        Of an ensemble's checkpoint the module becomes that ensemble.
        """
        self.require_checkpoint(checkpoint)
        spec, facts = (checkpoint["surrogate"][name] for name in ("spec", "facts"))
        before = self.surrogate.guard
        if "members" in spec:
            most = self.surrogate.max_nodes
            self.surrogate = surrogate_of({**spec, "facts": facts}).to(self.device)
            self.surrogate.max_nodes = most
        self.surrogate.facts = facts
        of_guard = checkpoint["surrogate"].get("guard")
        # A training that goes on without one has that of its own training set.
        self.surrogate.guard = Guard(of_guard).to(self.device) if of_guard else before
        self.set_extra_state_from(checkpoint["extra_state"])
        self._seed = checkpoint.get("seed", self._seed)

    def require_checkpoint(
        self, checkpoint: Mapping[str, Any], source: str | Path = "the checkpoint"
    ) -> None:
        """Refuse a checkpoint whose weights are not for this model.

        Raises
        ------
        ValueError
            The message names each option that differs.
        """
        if "surrogate" not in checkpoint:
            raise ValueError(f"{source} was not written by ai4sim: it has no entry 'surrogate'")
        theirs = checkpoint.get("hyper_parameters", {})
        for name in theirs.keys() & self.hparams.keys() & set(self.of_weights):
            if theirs[name] != self.hparams[name]:
                raise ValueError(
                    f"{source} differs from the model. {name}: found {theirs[name]}, expected "
                    f"{self.hparams[name]}"
                )
        theirs, ours = checkpoint["surrogate"]["spec"], self.surrogate.members[0].spec
        require_same_spec(theirs.get("members", [theirs])[0], ours, source)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; weight decay acts on weight matrices and kernels only, not on biases and norms."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate)
        steps = self.trainer.estimated_stepping_batches
        if not math.isfinite(steps) and self.schedule == "cosine":
            raise ValueError(
                "the cosine schedule needs a number of steps, which --trainer.max_epochs=-1 does "
                "not give: set --trainer.max_epochs or --trainer.max_steps, or "
                "--model.init_args.schedule=constant"
            )
        total = max(int(steps), 1) if math.isfinite(steps) else 1
        rise = max(int(self.warmup * total), 1)

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            if self.schedule == "constant":
                return 1.0
            return 0.5 * (1 + math.cos(math.pi * min((step - rise) / max(total - rise, 1), 1.0)))

        scheduler = LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def forward(self, batch: Batch) -> Any:
        """Predict a batch in physical units: a tensor, unless a use case gives more than one.

        With a spread it is the mean; :meth:`forecast` returns both.
        """
        return self.forecast(batch).mean

    def forecast(self, batch: Batch) -> Forecast:
        """Predict a batch with its spread, physical units: of an ensemble, of a Gaussian."""
        members = self.surrogate.members
        found = [self.predictions_of(member, batch) for member in members]
        return forecast_of(found, members[0].has_spread)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Let the random numbers of a step (dropout, augmentation) follow from its number.

        They are those of the same step of a training that was not interrupted, and others in each
        process.
        """
        step = (self._seed, self.current_epoch, batch_idx, self.global_rank)
        seed = int(np.random.SeedSequence(step).generate_state(1, np.uint64)[0])
        # torch.manual_seed would note for each kind of GPU that is not in use where it was called.
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch in normalised units."""
        prediction = self.normalized_prediction(batch)
        target = self.surrogate.normalize_targets(batch["targets"], self.output_scale(batch))
        loss: Tensor = self.loss(full_precision(prediction), target)
        # Handing over a value costs a millisecond, as much as a step of a small network.
        if (self.global_step + 1) % self._log_every == 0:
            self.log("train_loss", loss, prog_bar=True, batch_size=len(target))
        return loss

    def on_train_start(self) -> None:
        """Log the loss as often as the trainer writes it down; take this model's own rates.

        The rates of a checkpoint that training goes on from are those of its own configuration.
        """
        self._log_every = max(self.trainer.log_every_n_steps, 1)  # type: ignore[attr-defined]
        for configured in self.trainer.lr_scheduler_configs:
            scheduler = configured.scheduler
            if not isinstance(scheduler, LambdaLR):  # a search for the learning rate is running
                continue
            scheduler.base_lrs = [self.learning_rate] * len(scheduler.base_lrs)
            groups = scheduler.optimizer.param_groups
            decays = (self.weight_decay, 0.0)
            for group, decay, factor in zip(groups, decays, scheduler.lr_lambdas, strict=True):
                rate = self.learning_rate * factor(scheduler.last_epoch)
                group.update(lr=rate, initial_lr=self.learning_rate, weight_decay=decay)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Accumulate validation metrics, in units of the output scale."""
        prediction = full_precision(self.normalized_prediction(batch))
        target = self.surrogate.normalize_targets(batch["targets"], self.output_scale(batch))
        if not batch["repeated"]:
            self.add_validation(prediction, target)

    def add_validation(self, prediction: Tensor, target: Tensor) -> None:
        """Add normalised values to the validation metrics; a spread comes behind the mean."""
        if self.surrogate.has_spread:
            self.val_score.update(self.loss(prediction, target), weight=target.numel())
            prediction = prediction.chunk(2, dim=1)[0]
        self.val_metrics.update(prediction, target)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the whole validation set."""
        values = self.val_metrics.compute()
        self.val_metrics.reset()
        # Already summed over the processes: synchronising the values again would change nothing.
        if self.surrogate.has_spread:
            mean_error = self.val_score.compute()
            self.val_score.reset()
        else:
            absolute = isinstance(self.loss, nn.L1Loss)
            mean_error = values["mae"] if absolute else values["rmse"].square()
        self.log(
            "val_loss",
            mean_error.float(),
            prog_bar=True,
            sync_dist=False,
            rank_zero_only=False,
        )
        self.log("val_r2", values["r2"].float(), prog_bar=True, sync_dist=False)

    def on_test_start(self) -> None:
        """Check the data, and start with an empty accumulator."""
        self.require(self.trainer.datamodule)  # type: ignore[attr-defined]
        self._test, self._trust = self.evaluation(), Trust()
        if self.surrogate.guard is None:
            log.warning("the checkpoint has no guard: the results say nothing of one")
        members = self.surrogate.members
        if self.surrogate.has_spread:
            self._calibration = Calibration(None if members[0].has_spread else len(members))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Accumulate model and baselines, in physical units."""
        forecast = self.forecast(batch)
        if batch["repeated"]:
            return
        self.evaluate(self._test, batch, forecast.mean)
        self.judge(self._trust, batch, forecast.mean)
        if self._calibration is not None:
            labels = self.by_output(self.labels(batch))
            for name, part in forecast.by_output(self.by_output).items():
                self._calibration.update(name, labels[name], part)

    def on_test_end(self) -> None:
        """Merge what the processes saw; the first one writes ``results.json`` and the figures."""
        seen = (self._test, self._calibration, self._trust)
        evaluation, calibration, trust = map(self.gather, seen)
        if not self.trainer.is_global_zero:
            return
        experiment = Experiment(Path(self.trainer.default_root_dir))
        results = {**undefined_as_none(evaluation.metrics()), "headline": list(self.headline)}
        if calibration is not None:
            results["calibration"] = undefined_as_none(calibration.metrics(self.judged))
        if trust.samples:
            results["guard"] = undefined_as_none(trust.metrics())
        done, total = sum(self.trainer.num_test_batches), len(self.trainer.test_dataloaders or ())
        if done < total:
            results["part"] = f"{done} of {total} batches of the test set"
            log.warning("the results are of %s: --trainer.limit_test_batches", results["part"])
        write_json(experiment.artifacts / "results.json", results)
        if self.logger is not None:
            scalars = {f"test/{k}": v for k, v in results["model"].items() if isinstance(v, float)}
            self.logger.log_metrics(scalars)
        drawn = self.figures(evaluation)
        if calibration is not None:
            of_spread = calibration_figures(calibration, self.judged)
            drawn = itertools.chain(drawn, of_spread)
        if trust.samples:
            drawn = itertools.chain(drawn, [("guard", trust_figure(trust))])
        save_figures(drawn, experiment.plots)

    def on_predict_start(self) -> None:
        """Check the data."""
        self.require(self.trainer.datamodule)  # type: ignore[attr-defined]

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the prediction of a batch in physical units; behind it its spread, if any."""
        return self.forecast(batch).channels
