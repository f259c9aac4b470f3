"""The emulators of gravity wave drag: flat networks, and one per scheme that keeps its physics.

================  ===========================================================================
``LitMLP``        multilayer perceptron on the whole column (Chantry et al. 2021)
``LitCNN``        one-dimensional convolutions along the levels
``LitFluxNet``    non-orographic: momentum flux per azimuth, see
                  :mod:`weather_forecast.gwd.nets.momentum_flux_net`
``LitSpectrum``   non-orographic: the scheme with a few phase speeds that are learned, see
                  :mod:`weather_forecast.gwd.nets.spectrum_net`
``LitStressNet``  orographic: stress of the waves and blocking coefficient, see
                  :mod:`weather_forecast.gwd.nets.stress_net`
================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from torch import Tensor

from ai4sim.evaluation.cost import Contenders
from ai4sim.evaluation.panels import LATITUDE
from ai4sim.evaluation.reservoir import thinning
from ai4sim.evaluation.scores import MODEL
from ai4sim.module import SurrogateModule
from ai4sim.nets import completed
from ai4sim.network_arguments import with_network
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch
from weather_forecast.gwd import plotters
from weather_forecast.gwd.baselines import SCHEME_COLUMNS, SCHEMES, Baselines, run_scheme
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.evaluation import ColumnEvaluation
from weather_forecast.gwd.io.rows import DragLayout, Scheme
from weather_forecast.gwd.nets.emulator import launch_factor
from weather_forecast.gwd.nets.momentum_flux_net import MomentumFluxNet
from weather_forecast.gwd.nets.spectrum_net import SpectrumNet
from weather_forecast.gwd.nets.stress_net import StressNet
from weather_forecast.gwd.physics.nogwd import WaveSpectrum
from weather_forecast.gwd.physics.symmetries import random_transform

LaunchFlux = Literal["latitude", "learned"]
PROFILES = 3
"""The number of input profiles of a column: wind, wind and temperature."""
CALIBRATION_COLUMNS = 4096
LEAST_SCALE = 1e-4
"""Smallest scale of an output, relative to the largest."""
HEADLINE = {
    "nogwd": ("r2_mean", "r2", "r2_median", "rmse", "sign_agreement", "budget_residual"),
    "ogwd": ("wave_r2", "wave_r2_mean", "blocking_r2", "blocking_r2_mean", "rmse"),
}
SCALE_MEANING = (
    "launch flux at the latitude over that far from the equator, launch_factor(latitude)"
)


class DragModule(SurrogateModule):
    """A network from columns to the tendencies of a gravity wave drag scheme.

    Each output is predicted in multiples of its own standard deviation over the training set: they
    differ by three orders of magnitude between the top of the model and the troposphere.

    Parameters
    ----------
    net : str or dict
        The name of a network of :mod:`ai4sim.nets`, or its name and arguments.
    scheme : {"nogwd", "ogwd"}
        The scheme: of non-orographic or of orographic gravity waves.
    levels : int
        The number of full levels of the columns.
    launch_flux : {"latitude", "learned"}
        Whether non-orographic drag is scaled by the :func:`launch_factor` of the latitude, or the
        network has to find it in the column, for files without latitude.
    augment : bool
        Whether to turn and mirror the columns of a training batch at random.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    of_weights = ("scheme", "levels", "launch_flux")
    baselines_class = Baselines
    figures = staticmethod(plotters.figures)

    def __init__(
        self,
        net: str | dict[str, Any] = "MLP",
        scheme: Scheme = "nogwd",
        levels: int = 63,
        launch_flux: LaunchFlux = "latitude",
        augment: bool = False,
        **kwargs: Any,
    ) -> None:
        layout = DragLayout(scheme, levels)
        spec = completed(
            net,
            levels=levels,
            in_channels=layout.input_channels,
            out_channels=layout.output_channels,
            profiles=PROFILES,
            scalars=layout.input_channels - PROFILES * levels,
            outputs=layout.output_channels // levels,
        )
        super().__init__(Surrogate(spec, layout.inputs, layout.outputs), **kwargs)
        self.layout, self.augment = layout, augment
        self.scaled = scheme == "nogwd" and launch_flux == "latitude"
        self.headline = HEADLINE[scheme]
        self.evaluation = partial(ColumnEvaluation, layout)
        self._every = 1

    def output_scale(self, batch: Batch) -> Tensor | None:
        """Return the launch factor of each column, if the drag is scaled by it.

        Raises
        ------
        ValueError
            The file has no latitude.
        """
        if not self.scaled:
            return None
        latitude: Tensor = batch["latitude"]
        if latitude.isnan().any():
            raise ValueError(
                f"{batch.get('file', 'a training file')}: no latitude, which the launch of the "
                "waves depends on. Add /lat to the file, or train with "
                "--model.init_args.launch_flux learned"
            )
        return launch_factor(latitude)

    def calibrate(self, datamodule: ColumnDataModule) -> None:
        """Take statistics and baselines from the training set.

        Raises
        ------
        ValueError
            The columns are others than those of the model.
        """
        self.require(datamodule)
        inputs, outputs = datamodule.statistics()
        # An output that never varies gets a scale too small for a network to do harm in it.
        std = np.maximum(outputs.std, LEAST_SCALE * outputs.std.max())
        net = self.surrogate.net
        if isinstance(net, MomentumFluxNet | SpectrumNet | StressNet):
            # They take physical units, and no drag must stay no drag.
            self.surrogate.output_norm.set(0.0, std)
            columns = datamodule.columns(CALIBRATION_COLUMNS)
            net.calibrate(columns, self.surrogate.output_norm.std)
        else:
            self.surrogate.input_norm.set(inputs.mean, inputs.std)
            self.surrogate.output_norm.set(outputs.mean, std)
        self.surrogate.facts = {
            "scheme": self.layout.scheme,
            "levels": self.layout.levels,
            "output_scale": None if self.scaled else 1.0,
            "output_scale_meaning": SCALE_MEANING if self.scaled else "none",
        }
        self.baselines = Baselines.fit(datamodule.gram())

    def require(self, datamodule: ColumnDataModule) -> None:
        """Raise ValueError unless the model is for such columns."""
        found = datamodule.layout
        if found != self.layout:
            raise ValueError(
                f"{datamodule.data_path}: its columns are of {found.scheme} with {found.levels} "
                f"levels, the model is for {self.layout.scheme} with {self.layout.levels}: choose "
                f"the model, or --model.init_args.levels {found.levels}"
            )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch, turned and mirrored where that is wanted."""
        if self.augment:
            inputs, targets = random_transform(batch["inputs"], batch["targets"], self.layout)
            batch = {**batch, "inputs": inputs, "targets": targets}
        return super().training_step(batch, batch_idx)

    def on_test_start(self) -> None:
        """Check the columns, and how many of them the cheaper schemes can be run on."""
        super().on_test_start()
        columns = self.trainer.datamodule.count("test")  # type: ignore[attr-defined]
        self._every = thinning(columns, SCHEME_COLUMNS)

    def contenders(self, batch: Batch) -> Contenders:
        """Return the model, the ridge regression, and the scheme with its cheaper forms."""
        inputs, latitude = batch["inputs"], batch["latitude"]
        ways: dict[str, Callable[[], Tensor]] = {MODEL: lambda: self(batch)}
        if self.baselines is not None:
            ways["ridge"] = partial(self.baselines.ridge, inputs)
        if self.layout.scheme == "nogwd" and not latitude.isnan().any():
            for name, spectrum in {**SCHEMES, "scheme_16x100": WaveSpectrum()}.items():
                ways[name] = partial(run_scheme, inputs, latitude, self.layout, spectrum)
        return Contenders("column", len(inputs), ways)

    def evaluate(self, evaluation: ColumnEvaluation, batch: Batch, prediction: Tensor) -> None:
        """Add a batch of columns, with what the baselines predict."""
        inputs, latitude = batch["inputs"], batch["latitude"]
        others = {}
        if self.baselines is not None:
            others = self.baselines.predict(inputs, latitude, self.layout, every=self._every)
        evaluation.update(
            inputs=inputs,
            targets=batch["targets"],
            latitude=latitude,
            predictions={MODEL: prediction, **others},
        )

    def places(self, batch: Batch) -> dict[str, Tensor]:
        """Return the latitude of columns, NaN where it is not known."""
        return {LATITUDE: batch["latitude"]}


@with_network("MLP", features=512, layers=4)
class LitMLP(DragModule):
    """Multilayer perceptron on the whole column, as those of Chantry et al. (2021)."""


@with_network("ColumnCNN")
class LitCNN(DragModule):
    """Convolutions along the levels; what a column has at its surface is given to all of them."""


@with_network("MomentumFluxNet", fixed={"scheme": "nogwd"})
class LitFluxNet(DragModule):
    """Momentum flux of non-orographic waves, azimuth by azimuth."""


@with_network("SpectrumNet", fixed={"scheme": "nogwd"})
class LitSpectrum(DragModule):
    """The scheme of non-orographic waves itself, with a few phase speeds that are learned."""


@with_network("StressNet", fixed={"scheme": "ogwd"}, levels=91)
class LitStressNet(DragModule):
    """Stress of orographic waves and blocking of the flow below them."""
