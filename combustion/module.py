"""What every network for the flame surface density shares: scaling, closures, judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ai4sim.module import Batch, SurrogateModule
from ai4sim.surrogate import Surrogate, Variable
from combustion.closures import Closures
from combustion.datamodule import FlameDataModule
from combustion.evaluation import MODEL, FlameEvaluation
from combustion.layouts import Snapshot, period
from combustion.meshes import MeshSnapshot

INPUTS = (Variable("progress_variable", "1"),)
OUTPUTS = (Variable("flame_surface_density", "1/m"),)


class FlameModule(SurrogateModule):
    """A network from the filtered progress variable to the flame surface density.

    The network works without units: it sees ``2 c_bar - 1`` on the grid and predicts ``Sigma dx``,
    in multiples of its standard deviation over the training set. Both sides are then the same for
    two flames that differ in scale only, so that a network can be carried from one to the other.
    """

    closures = Closures()
    headline = (
        "r2",
        "nrmse",
        "total_flame_surface_error",
        "streamwise_flame_surface_error",
        "wrinkling_factor",
    )

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
        self.surrogate.facts = {
            "output_scale": 1.0 / spacings.pop() if len(spacings) == 1 else None,
            "output_scale_meaning": "1 / grid spacing [1/m]",
        }
        self.closures = Closures.fit(snapshots)

    def extra_state(self) -> dict[str, Any]:
        """Return the coefficients of the closures."""
        return {"closures": self.closures.state()}

    def set_extra_state_from(self, state: Mapping[str, Any]) -> None:
        """Take back the coefficients of the closures."""
        self.closures = Closures.from_state(state["closures"])

    def evaluation(self) -> FlameEvaluation:
        """Return an empty judgement."""
        return FlameEvaluation()

    def evaluate(self, evaluation: FlameEvaluation, batch: Batch, prediction: Tensor) -> None:
        """Add each snapshot of the batch, with what the closures and other networks predict."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        for file, sigma in datamodule.by_file(batch, prediction):
            snapshot = datamodule.snapshot(file)
            rivals = {
                label: predict(surrogate, snapshot)
                for label, surrogate in datamodule.rivals.items()
            }
            evaluation.update(
                path=snapshot.path,
                case=snapshot.case,
                time=snapshot.time,
                dx=snapshot.dx,
                progress_variable=snapshot.progress_variable,
                flame_surface_density=snapshot.flame_surface_density,
                predictions={MODEL: sigma, **rivals, **self.closures.predict(snapshot)},
                mesh=snapshot if isinstance(snapshot, MeshSnapshot) else None,
            )


def predict(surrogate: Surrogate, snapshot: Snapshot | MeshSnapshot) -> NDArray[np.float32]:
    """Apply a trained network to a snapshot.

    Returns
    -------
    ndarray, of the shape of the snapshot's fields
        Flame surface density [1/m].
    """
    fields = {"progress_variable": snapshot.progress_variable}
    where: dict[str, Any] = (
        {"graph": snapshot.scaled_graph()}
        if isinstance(snapshot, MeshSnapshot)
        else {"periods": tuple(period(snapshot, axis) for axis in range(3))}
    )
    return surrogate.predict(fields, output_scale=1 / snapshot.dx, **where)[OUTPUTS[0].name]
