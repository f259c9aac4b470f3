"""The models of the surface fluxes, from constant coefficients to both grids as one graph.

=====================  =======================================================================
``LitConstantBulk``    the bulk formulae with constant coefficients, fitted: five numbers
``LitMLP``             a perceptron per rho point that knows no physics
``LitTransferNet``     transfer coefficients from the surface, radiation from the column
``LitCouplingGNN``     the same from the neighbourhood on both grids, as a graph
=====================  =======================================================================

All see the same rows (:mod:`.inputs`) and give fluxes at rho points, which are averaged onto the
faces; the heat flux is the sum of its parts. All but the perceptron know the bulk form
(:mod:`.heads`): stress along the relative wind, the same for every observer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ai4sim.evaluation.cost import Contenders
from ai4sim.evaluation.panels import LATITUDE, LONGITUDE
from ai4sim.evaluation.scores import MODEL
from ai4sim.forecast import Forecast
from ai4sim.module import SurrogateModule
from ai4sim.native.routine import example_of
from ai4sim.nets import completed
from ai4sim.network_arguments import with_network
from ai4sim.normalization import full_precision
from ai4sim.surrogate import LEAST_SPREAD, Surrogate
from ai4sim.variables import Batch, Variable
from ai4sim.weights import MOST, MOST_NODES, write_tensors
from wmed import plotters
from wmed.baselines import TURBULENCE, Baselines, rho_fluxes
from wmed.data import CouplingDataModule, row_of
from wmed.evaluation import HEADLINE, FluxEvaluation
from wmed.excerpts import Conditions
from wmed.io.graph import CouplingGraph
from wmed.io.layout import FLUXES, TARGETS, RhoLayout
from wmed.io.layout import HEAT as HEAT_FLUXES
from wmed.nets.bulk_flux_net import BulkFluxNet
from wmed.nets.coupler import NamedFluxes, fluxes
from wmed.nets.coupling_net import CouplingNet
from wmed.nets.features import sea_surface
from wmed.nets.inputs import lowest_state, relative_wind, rho_inputs
from wmed.nets.routine import HEAT, on_grids, tensors_of
from wmed.physics.bulk import BulkFluxes

CALIBRATION_TIMES, CALIBRATION_ROWS = 48, 200_000
"""Of the training set, at most, that scales and baselines are taken from."""
HEIGHT_TOLERANCE = 0.01
"""Relative difference of heights up to which levels are the same."""


class CouplingModule(SurrogateModule):
    """A network from the states of both sides to the fluxes between them.

    The loss is the mean over all outputs, each on its own points and in units of its standard
    deviation in the training set (of the part without the sun, for the net heat flux). Parts that a
    file has not are left out.

    Parameters
    ----------
    net : str or dict
        The name of a network of :mod:`ai4sim.nets`, or its name and arguments.
    levels : int
        The number of levels of the atmosphere.
    **kwargs
        Optimiser and loss, see :class:`ai4sim.module.SurrogateModule`.
    """

    headline = HEADLINE
    evaluation = FluxEvaluation
    of_weights = ("levels",)
    baselines_class = Baselines
    figures = staticmethod(plotters.figures)

    def __init__(
        self, net: str | dict[str, Any] = "BulkFluxNet", levels: int = 15, **kwargs: Any
    ) -> None:
        layout = RhoLayout(levels)
        spec = completed(
            net, levels=levels, in_channels=layout.input_channels, out_channels=len(FLUXES)
        )
        super().__init__(Surrogate(spec, layout.inputs, layout.outputs), **kwargs)
        self.layout = layout
        self.register_buffer("scales", torch.ones(len(TARGETS)))

    scales: Tensor

    # --- Training ---

    def calibrate(self, datamodule: CouplingDataModule) -> None:
        """Take scales and baselines from the training set.

        Raises
        ------
        ValueError
            The atmosphere has other levels than the model.
        """
        heights = datamodule.layout.atmosphere.heights
        if len(heights) != self.layout.levels:
            raise ValueError(
                f"{datamodule.data_path}: its atmosphere has {len(heights)} levels, the model is "
                f"for {self.layout.levels}: say --model.init_args.levels {len(heights)}"
            )
        self.surrogate.facts = {"heights": [float(height) for height in heights]}
        fields = datamodule.snapshots(CALIBRATION_TIMES)
        self._set_scales(fields)
        rows, nearest, targets = self._rows(fields, datamodule.graph)
        self._prepare(rows, targets[:, : len(FLUXES)])
        self.baselines = Baselines.fit(
            [(rows, nearest, targets)], self.layout, height=float(heights[0])
        )

    def _rows(self, fields: Batch, graph: CouplingGraph) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows of inputs, interpolated and of the nearest column, and of fluxes, thinned."""
        every = -(-fields["sst"].numel() // CALIBRATION_ROWS)
        parts = []
        for k in range(len(fields["sst"])):  # one time after the other: there may be many points
            one = {name: values[k : k + 1] for name, values in fields.items()}
            rows = (
                rho_inputs(one, graph, self.layout),
                rho_inputs(one, graph, self.layout, nearest=True),
                rho_fluxes(one, graph),
            )
            parts.append([values[0, ::every] for values in rows])
        interpolated, nearest, targets = (torch.cat(column) for column in zip(*parts, strict=True))
        return interpolated, nearest, targets

    def _set_scales(self, fields: Batch) -> None:
        stress = torch.cat([fields["tau_x"].flatten(), fields["tau_y"].flatten()]).std()
        heat = [fields[name][fields[name].isfinite()] for name in HEAT_FLUXES]
        one = torch.tensor(1.0)
        scales = [stress, stress, *(part.std() if len(part) > 1 else one for part in heat)]
        without_sun = fields["heat"] - fields["shortwave"].nan_to_num()
        scales[TARGETS.index("heat")] = without_sun.std()
        self.scales.copy_(torch.stack(scales).nan_to_num(1.0))

    def _prepare(self, rows: Tensor, targets: Tensor) -> None:
        """Prepare the network for these rows of inputs and fluxes at rho points."""
        net = self.surrogate.net
        if isinstance(net, BulkFluxNet | CouplingNet):
            # They take physical units.
            net.height.fill_(self.surrogate.facts["heights"][0])
            net.strongest.copy_(sea_surface(rows, self.layout, net.height).speed.max())
            return
        self.surrogate.input_norm.set(rows.mean(0), rows.std(0))
        known = torch.where(targets.isfinite(), targets, torch.nan)
        mean = known.nanmean(0)
        std = (known - mean).square().nanmean(0).sqrt()
        self.surrogate.output_norm.set(mean.nan_to_num(), std.nan_to_num(1.0))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        errors = self._normalized(self.forecast(batch), batch)
        loss = torch.stack([self.loss(*pair) for pair in errors]).mean()
        if (self.global_step + 1) % self._log_every == 0:
            self.log("train_loss", loss, prog_bar=True, batch_size=len(batch["sst"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Accumulate validation metrics of all outputs together, in units of their scales."""
        if batch["repeated"]:
            return
        for prediction, target in self._normalized(self.forecast(batch), batch):
            self.add_validation(prediction, target)

    def _normalized(self, prediction: Forecast, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """Return prediction and target of each output, in its scale; 0 where it is not known.

        Behind a prediction, (time, point), comes its spread, if there is one.
        """
        pairs = []
        for name, scale in zip(TARGETS, self.scales, strict=True):
            target = batch[name] / scale
            known = target.isfinite()
            guess = torch.where(known, full_precision(prediction.mean[name]) / scale, 0.0)
            if prediction.spread is not None:
                spread = (prediction.spread[name] / scale).clamp(min=LEAST_SPREAD)
                guess = torch.cat([guess, torch.where(known, spread, 1.0)], dim=1)
            pairs.append((guess, torch.where(known, target, 0.0)))
        return pairs

    def predictions_of(self, surrogate: Surrogate, batch: Batch) -> NamedFluxes:
        """Predict the fluxes of a batch on their own points, physical units."""
        return fluxes(surrogate, batch, batch["graph"], batch["inputs"])

    @property
    def judged(self) -> list[Variable]:
        """The outputs: the network's, and the net heat flux that they add up to."""
        return [*super().judged, HEAT]

    def by_output(self, values: Any) -> Mapping[str, Tensor]:
        """Return fluxes, which have names."""
        named: Mapping[str, Tensor] = values
        return named

    def labels(self, batch: Batch) -> NamedFluxes:
        """Return the fluxes that the files have; NaN where one is not known."""
        return {name: batch[name] for name in TARGETS}

    # --- Test ---

    def require(self, datamodule: CouplingDataModule) -> None:
        """Raise ValueError unless the levels are those of the training set."""
        found = [float(height) for height in datamodule.layout.atmosphere.heights]
        expected = self.surrogate.facts.get("heights", found)
        same = len(found) == len(expected) and all(
            abs(a - b) <= HEIGHT_TOLERANCE * abs(b) for a, b in zip(found, expected, strict=True)
        )
        if not same:
            raise ValueError(
                f"{datamodule.data_path}: the atmosphere has its levels at {found} m, the model "
                f"was trained with {expected} m"
            )

    def contenders(self, batch: Batch) -> Contenders:
        """Return the model and bulk formulae, from the fields of both sides to fluxes."""
        datamodule: CouplingDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        graph = datamodule.graph
        ways: dict[str, Callable[[], object]] = {
            MODEL: lambda: fluxes(self.surrogate, batch, graph)
        }
        if self.baselines is not None:
            height = float(self.baselines.height)
            for name in (*TURBULENCE, "coare36"):

                def turbulence(name: str = name) -> BulkFluxes:
                    state = lowest_state(batch, graph, height, nearest=name == "coare_nearest")
                    return self.baselines.turbulence(name, state)

                ways[name] = turbulence
        return Contenders("point", batch["sst"].numel(), ways)

    def evaluate(self, evaluation: FluxEvaluation, batch: Batch, prediction: NamedFluxes) -> None:
        """Add a batch of times, with what the baselines predict."""
        datamodule: CouplingDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        graph, inputs = batch["graph"], batch["inputs"]
        predictions = {MODEL: prediction}
        if self.baselines is not None:
            nearest = rho_inputs(batch, graph, self.layout, nearest=True)
            predictions |= self.baselines.predict(inputs, nearest, graph, self.layout)
        wind_x, wind_y = relative_wind(inputs, self.layout)
        conditions = Conditions(
            event=Path(batch["file"]).stem,
            time=batch["time"],
            grid=datamodule.layout.ocean,
            graph=graph,
            wind_x=wind_x,
            wind_y=wind_y,
            current_u=batch["current_u"],
            current_v=batch["current_v"],
        )
        evaluation.update(conditions, {name: batch[name] for name in TARGETS}, predictions)

    def guarded_inputs(self, batch: Batch) -> tuple[Tensor, None]:
        """Return the rows of all rho points."""
        return batch["inputs"].flatten(0, 1), None

    def sample_errors(self, batch: Batch, prediction: NamedFluxes) -> Tensor:
        """Return the error of each rho point, (time rho,), in units of the outputs' scales.

        Of the stress, latent and sensible heat, as far as the files have them: clouds, which decide
        the radiation, are no inputs.
        """
        scales = dict(zip(TARGETS, self.scales, strict=True))
        errors = {
            name: (full_precision(prediction[name]) - batch[name]) / scales[name]
            for name in ("tau_x", "tau_y", "latent", "sensible")
        }
        stress = batch["graph"].to_rho(errors.pop("tau_x"), errors.pop("tau_y"))
        return torch.stack([*stress, *errors.values()]).square().nanmean(0).sqrt().flatten()

    def places(self, batch: Batch) -> dict[str, Tensor]:
        """Return longitude and latitude of all rho points."""
        graph, times = batch["graph"], len(batch["inputs"])
        return {LONGITUDE: graph.lon.repeat(times), LATITUDE: graph.lat.repeat(times)}

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the fluxes of a batch as rows that are written, physical units; their spread."""
        forecast = self.forecast(batch)
        parts = [forecast.mean] if forecast.spread is None else [forecast.mean, forecast.spread]
        return torch.cat([row_of(part) for part in parts], dim=1)

    def export(self, folder: Path, batch: Batch) -> None:
        """Write weights and description, samples, and the program.

        It is that of one rho point after the other or, of a network on the graph of both grids,
        that of a library: see :class:`.nets.routine.SeaFluxesOnGrids`.
        """
        graph = self.trainer.datamodule.graph  # type: ignore[attr-defined]
        if isinstance(self.surrogate.members[0].net, CouplingNet):
            from ai4sim.export import PROGRAM, write_program

            self.surrogate.save(folder)
            exchange = on_grids(copy.deepcopy(self.surrogate).cpu().float().eval())
            tensors = tensors_of(batch, rho_inputs(batch, graph, self.layout), graph)
            samples = exchange.part([x.cpu() for x in tensors], MOST_NODES)
            write_tensors(folder, dict(zip(exchange.names, samples, strict=True)))
            write_program(exchange.module, *example_of(exchange), folder / PROGRAM)
            return
        rows = rho_inputs(batch, graph, self.layout).flatten(0, 1)
        super().export(folder, {"inputs": rows[:: max(len(rows) // MOST, 1)][:MOST]})


@with_network("BulkFluxNet", fixed={"layers": 0, "features": 0, "profile": False})
class LitConstantBulk(CouplingModule):
    """Bulk formulae with constant transfer coefficients, transmissivity and emissivity.

    Of the atmosphere's levels the lowest one counts.
    """


@with_network("MLP", features=128, layers=4)
class LitMLP(CouplingModule):
    """A perceptron from the whole row to the fluxes, with no physics in it.

    It claims no symmetry; still nothing comes out on land, and the heat flux is the sum of its
    parts.
    """


@with_network("BulkFluxNet")
class LitTransferNet(CouplingModule):
    """Positive transfer coefficients from wind, stability, temperature; radiation from the sky.

    With ``encoder="linear", features=32, layers=2`` the sky is seen by a linear map of the column,
    which a coupler applies where the atmosphere has its columns: seven times as fast, and less
    skill in the radiation.
    """


@with_network("CouplingNet")
class LitCouplingGNN(CouplingModule):
    """Messages from columns of air to rho points, and among these and the faces."""
