"""The networks of the 3-D corrections; they differ in how they look along the column.

====================  =======================================================================
``LitUnet1D``         U-Net: convolutions on coarser and coarser levels
``LitAttentionCNN``   convolutions and self-attention over all levels
``LitBiRNN``          recurrences down and up the column (Ukkonen 2022), as light goes
====================  =======================================================================

What they see of a column (:mod:`.features`) and how corrections are made of what they find
(:mod:`.heads`) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from ai4sim.evaluation.cost import Contenders
from ai4sim.evaluation.panels import LATITUDE, LONGITUDE
from ai4sim.evaluation.reservoir import thinning
from ai4sim.evaluation.scores import MODEL
from ai4sim.module import SurrogateModule
from ai4sim.nets import completed
from ai4sim.network_arguments import with_network
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch
from weather_forecast.bias_correction import plotters
from weather_forecast.bias_correction.baselines import TEACHER_COLUMNS, Baselines, run_teacher
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.evaluation import CorrectionEvaluation
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.nets.correction_net import CorrectionNet
from weather_forecast.bias_correction.physics.solver import radiative_fluxes

CALIBRATION_COLUMNS = 10_000
COST_COLUMNS = 64
"""The number of columns that the cost is measured with."""


class CorrectionModule(SurrogateModule):
    """A network from columns to the corrections of their fluxes and heating rates.

    Each variable is in units of the mean size of its correction: the mean absolute error, which
    ``loss: mae`` makes least, is the share of the effect that is left, the weighted mean of all
    variables.

    Parameters
    ----------
    net : str or dict
        The name of a network along the levels, or its name and arguments: the backbone of a
        :class:`.correction_net.CorrectionNet`.
    levels : int
        The number of layers of the columns.
    structured : bool
        Whether to derive what follows from the rest: fluxes and heating rates fit together,
        nothing comes in at the top, nor from the sun at night. Otherwise each output is predicted
        for itself.
    derived : bool
        Whether the network sees derived features: optical depths, cloud edges, clear sky above
        and below.
    heating_weight : float
        How much more an error of a heating rate counts in the loss than one of a flux.
    clear_levels : int
        The number of layers at the top, above all clouds, that the network does not look at.
    teacher : bool
        Whether to compare also with this repository's own radiation scheme, on some columns of the
        test set. Of labels that it has made itself it is the truth.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    headline = (
        "relative_mean",
        *(f"{name}_relative" for name in (*FLUXES, *HEATING_RATES)),
    )
    baselines_class = Baselines
    figures = staticmethod(plotters.figures)

    def __init__(
        self,
        net: str | dict[str, Any] = "BiRNN",
        levels: int = 137,
        structured: bool = True,
        derived: bool = True,
        heating_weight: float = 3.0,
        clear_levels: int = 0,
        teacher: bool = False,
        **kwargs: Any,
    ) -> None:
        layout = RadiationLayout(levels)
        spec = {
            "name": "CorrectionNet",
            "backbone": completed(net, dimensions=1),
            "levels": levels,
            "structured": structured,
            "derived": derived,
            "heating_weight": heating_weight,
            "clear_levels": clear_levels,
        }
        super().__init__(Surrogate(spec, layout.inputs, layout.outputs), **kwargs)
        self.layout, self.teacher = layout, teacher
        self.evaluation = partial(CorrectionEvaluation, layout)
        self._every = 1

    def calibrate(self, datamodule: RadiationDataModule) -> None:
        """Take scales and baselines from the training set.

        Raises
        ------
        ValueError
            The columns have other levels than those of the model.
        """
        self.require(datamodule)
        columns = datamodule.columns(CALIBRATION_COLUMNS)
        net = self.surrogate.net
        if not isinstance(net, CorrectionNet):
            raise TypeError(f"expected a CorrectionNet, found {type(net).__name__}")
        net.calibrate(columns["inputs"], columns["targets"])
        self.surrogate.output_norm.set(0.0, net.output_scale)
        self.surrogate.facts = {"levels": self.layout.levels}
        _, outputs = datamodule.statistics()
        self.baselines = Baselines.fit(
            columns["inputs"],
            columns["targets"],
            self.layout,
            mean_profile=columns["targets"].new_tensor(outputs.mean),
        )

    def require(self, datamodule: RadiationDataModule) -> None:
        """Raise ValueError unless the model is for such columns."""
        found = datamodule.layout.levels
        if found != self.layout.levels:
            raise ValueError(
                f"{datamodule.data_path}: its columns have {found} levels, the model is for "
                f"{self.layout.levels}: say --model.init_args.levels {found}"
            )

    def on_test_start(self) -> None:
        """Check the columns, and how many of them the radiation scheme can be run on."""
        super().on_test_start()
        columns = self.trainer.datamodule.count("test")  # type: ignore[attr-defined]
        self._every = thinning(columns, TEACHER_COLUMNS)

    def contenders(self, batch: Batch) -> Contenders:
        """Return the model, the ridge regression, the teacher, and Tripleclouds without effect."""
        part = {name: x[:COST_COLUMNS] if isinstance(x, Tensor) else x for name, x in batch.items()}
        inputs = part["inputs"]
        columns = self.layout.split_inputs(inputs)
        ways: dict[str, Callable[[], object]] = {
            MODEL: lambda: self(part),
            "teacher": partial(run_teacher, inputs, self.layout),
            "tripleclouds": partial(radiative_fluxes, columns, transport=False),
        }
        if self.baselines is not None:
            ways["ridge"] = partial(self.baselines.ridge, inputs, self.layout)
        return Contenders("column", len(inputs), ways, least=True)

    def evaluate(self, evaluation: CorrectionEvaluation, batch: Batch, prediction: Tensor) -> None:
        """Add a batch of columns, with what the baselines predict."""
        others: dict[str, Tensor] = {}
        if self.baselines is not None:
            others = self.baselines.predict(
                batch["inputs"], self.layout, teacher=self.teacher, every=self._every
            )
        evaluation.update(
            inputs=batch["inputs"],
            targets=batch["targets"],
            latitude=batch["latitude"],
            longitude=batch["longitude"],
            tripleclouds=batch["tripleclouds"],
            predictions={MODEL: prediction, **others},
        )

    def places(self, batch: Batch) -> dict[str, Tensor]:
        """Return longitude and latitude of columns, NaN where they are not known."""
        return {LONGITUDE: batch["longitude"], LATITUDE: batch["latitude"]}


class LitUnet1D(CorrectionModule):
    """U-Net on the half levels.

    Parameters
    ----------
    features : int
        Channels on the finest levels.
    grids : int
        Numbers of levels that it works on, each half the one before.
    kernel_size : int
        Levels that a convolution sees.
    **kwargs
        See :class:`CorrectionModule`.
    """

    def __init__(
        self, features: int = 32, grids: int = 4, kernel_size: int = 5, **kwargs: Any
    ) -> None:
        net = {
            "name": "UNet",
            "features": features,
            "levels": grids,
            "kernel_size": kernel_size,
            "norm": "group",
            "activation": "silu",
            "residual": True,
            "padding_mode": "replicate",
        }
        super().__init__(net, **kwargs)
        self.save_hyperparameters(ignore=["net"])


@with_network("AttentionCNN")
class LitAttentionCNN(CorrectionModule):
    """Convolutions and multi-head self-attention over the half levels."""


@with_network("BiRNN")
class LitBiRNN(CorrectionModule):
    """Recurrences down and up the half levels."""
