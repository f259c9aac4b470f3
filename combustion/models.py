"""What every network for the flame surface density shares: scaling, closures, judgement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.evaluation.cost import Contenders
from ai4sim.module import SurrogateModule
from ai4sim.nets import completed
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Batch, Variable
from combustion import plotters
from combustion.baselines import Closures, ResolvedFlame, gradient_of
from combustion.data import FlameDataModule
from combustion.evaluation import MODEL, FlameEvaluation
from combustion.io.facts import period
from combustion.io.layouts import Flame
from combustion.io.meshes import MeshSnapshot
from combustion.matching import CELLS, FIELDS_ON, cells_per_filter, common_resolution, matched

INPUTS = (Variable("progress_variable", "1"),)
OUTPUTS = (Variable("flame_surface_density", "1/m"),)


class FlameModule(SurrogateModule):
    """A network from the filtered progress variable to the flame surface density.

    The network works without units: it sees ``2 c_bar - 1`` on the grid and predicts ``Sigma dx``,
    in multiples of its standard deviation over the training set. Both sides are then the same for
    two flames that differ in scale only, so that a network can be carried from one to the other.
    One that is resolved otherwise is brought to the resolution of the training, see
    :mod:`combustion.matching`.

    Parameters
    ----------
    net : str or dict
        The name of a network of :mod:`ai4sim.nets`, or its name and arguments.
    symmetric : bool
        Whether evaluation averages over the reflections of y and z, so that the prediction of a
        reflected flame is the reflected prediction, exactly.
    match_filter : bool
        Whether flames of another number of cells per filter width are brought to the number of the
        training set.
    **kwargs
        See :class:`ai4sim.module.SurrogateModule`.
    """

    evaluation = FlameEvaluation
    baselines_class = Closures
    figures = staticmethod(plotters.figures)
    headline = (
        "r2",
        "nrmse",
        "total_flame_surface_error",
        "streamwise_flame_surface_error",
        "wrinkling_factor",
    )

    def __init__(
        self,
        net: str | dict[str, Any] = "UNet",
        symmetric: bool = False,
        match_filter: bool = True,
        **kwargs: Any,
    ) -> None:
        spec = completed(net, dimensions=3, in_channels=len(INPUTS), out_channels=len(OUTPUTS))
        reflections = (1, 2) if symmetric else ()
        super().__init__(Surrogate(spec, INPUTS, OUTPUTS, reflections=reflections), **kwargs)
        self.match_filter = match_filter
        self.baselines = Closures()

    def normalized_prediction(self, batch: Batch, surrogate: Surrogate | None = None) -> Tensor:
        """Return a network's own output, of a mesh patch without the nodes of its halo."""
        cells = batch.get("cells") if self.match_filter else None
        prediction = matched(
            surrogate or self.surrogate,
            batch["inputs"],
            cells,
            batch.get("periods"),
            batch.get("graph"),
        )
        return prediction[batch["inner"]] if "inner" in batch else prediction

    def output_scale(self, batch: Batch) -> Tensor:
        """Return ``1/dx`` [1/m] of each sample."""
        return 1.0 / batch["dx"]

    def calibrate(self, datamodule: FlameDataModule) -> None:
        """Take the scale of ``Sigma dx`` and the closures' coefficients from the training set."""
        # A mean of zero keeps Sigma = 0 away from the flame at the network's own zero.
        self.surrogate.input_norm.set(0.5, 0.5)
        self.surrogate.output_norm.set(0.0, datamodule.statistics().std)
        snapshots = datamodule.snapshots("train")
        spacings = {snapshot.dx for snapshot in snapshots}
        # Weights that come from an earlier training stay what they are: for its resolution.
        resolution = (
            self.surrogate.facts.get(CELLS)
            if self.keeps_statistics
            else common_resolution(snapshots)
        )
        self.surrogate.facts = {
            CELLS: resolution,
            FIELDS_ON: "mesh" if isinstance(snapshots[0], MeshSnapshot) else "grid",
            "output_scale": 1.0 / spacings.pop() if len(spacings) == 1 else None,
            "output_scale_meaning": "1 / grid spacing [1/m]",
        }
        self.baselines = Closures.fit(snapshots)

    def contenders(self, batch: Batch) -> Contenders:
        """Return the model and the closures, for the whole field of a file of the batch."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        snapshot = datamodule.snapshot(Path(batch["files"][0]))
        bare = replace(snapshot, resolved_gradient=None)
        flame = ResolvedFlame.of(snapshot)
        unit = "node" if isinstance(snapshot, MeshSnapshot) else "cell"
        ways = {
            MODEL: lambda: predict(self.surrogate, snapshot),
            **self.baselines.ways(flame, lambda: gradient_of(bare)),
        }
        return Contenders(unit, np.asarray(snapshot.progress_variable).size, ways)

    def evaluate(self, evaluation: FlameEvaluation, batch: Batch, prediction: Tensor) -> None:
        """Add each snapshot of the batch, with what the closures and other networks predict."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        for file, sigma in datamodule.by_file(batch, prediction):
            snapshot = datamodule.snapshot(file)
            rivals = {
                label: predict(surrogate, snapshot)
                for label, surrogate in datamodule.rivals.items()
            }
            closed = self.baselines.predict(snapshot)
            evaluation.update(snapshot, {MODEL: sigma, **rivals, **closed})


def predict(surrogate: Surrogate, snapshot: Flame) -> NDArray[np.float32]:
    """Apply a trained network to a snapshot, at the resolution of its training.

    Of an ensemble, or of a network that predicts a spread, it is the mean.

    Returns
    -------
    ndarray, of the shape of the snapshot's fields
        Flame surface density [1/m].
    """
    found = [_predict(member, snapshot) for member in surrogate.members]
    return np.mean(found, axis=0) if len(found) > 1 else found[0]


@torch.inference_mode()
def _predict(surrogate: Surrogate, snapshot: Flame) -> NDArray[np.float32]:
    surrogate = surrogate.eval()
    device = surrogate.device
    c_bar = torch.from_numpy(np.array(snapshot.progress_variable)).to(device)
    cells = torch.tensor([cells_per_filter(snapshot)])
    if isinstance(snapshot, MeshSnapshot):
        graph = snapshot.scaled_graph().to(device)
        normalized = matched(surrogate, c_bar[:, None], cells, graph=graph)
        sigma_dx = surrogate.denormalize(normalized)[:, 0]
    else:
        periods = [period(snapshot, axis) for axis in range(3)]
        normalized = matched(surrogate, c_bar[None, None], cells, periods)
        sigma_dx = surrogate.denormalize(normalized)[0, 0]
    return (sigma_dx / snapshot.dx).cpu().numpy()
