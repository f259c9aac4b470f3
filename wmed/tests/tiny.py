"""Three tiny events with fluxes by COARE, and a network of transfer coefficients for them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import Tiny
from wmed import config
from wmed.data import CouplingDataModule
from wmed.io import croco
from wmed.io.grid import at_nodes
from wmed.nets.coupler import fluxes
from wmed.tests.labelled import write_labelled

DATES = ("2006-01-01", "2006-03-10", "2006-05-20")


def write(root: Path) -> None:
    """Write three events of five times."""
    for seed, date in enumerate(DATES):
        write_labelled(root / "events" / "raw", date, records=5, seed=seed)


def write_unlabelled(folder: Path) -> list[Path]:
    """Write an event of three times without fluxes."""
    return [write_labelled(folder / "raw", "2007-08-01", records=3, seed=9, fluxes=False)]


def read_prediction(path: Path) -> NDArray[np.float32]:
    """Return the fluxes of a history on the points of the sea: u, v, rho, in one row per time."""
    grid = croco.read_grid(path)
    places = (("tau_x", grid.sea_u), ("tau_y", grid.sea_v), ("heat", grid.sea))
    records = [
        croco.read_record(path, k + 1, fluxes=True) for k in range(len(croco.read_times(path)) - 1)
    ]
    return np.stack(
        [
            np.concatenate([at_nodes(record[name], sea) for name, sea in places])
            for record in records
        ]
    )


def predict(surrogate: Surrogate, path: Path) -> NDArray[np.float32]:
    """Return the fluxes of an event by a saved network, as :func:`read_prediction` does."""
    data = CouplingDataModule(str(path.parents[1]), eval_batch_size=3)
    (batch,) = list(data.predict_dataloader())
    with torch.no_grad():
        found = fluxes(surrogate, batch, data.graph)
    return torch.cat([found[name] for name in ("tau_x", "tau_y", "heat")], dim=1).numpy()


TINY = Tiny(
    config.USE_CASE,
    model={
        "class_path": "LitTransferNet",
        "init_args": {"levels": 4, "features": 16, "layers": 2, "loss": "mae"},
    },
    data={
        "data_path": "events",
        "split": "event",
        "test_cases": [20060310],
        "val_share": 0.25,
        "eval_batch_size": 3,
    },
    write=write,
    write_unlabelled=write_unlabelled,
    read_prediction=read_prediction,
    predict=predict,
    tolerance=1e-5,
)
