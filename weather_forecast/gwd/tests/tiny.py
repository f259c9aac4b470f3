"""Dates of a few columns, and a network that conserves momentum for them."""

from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import Tiny
from weather_forecast.gwd import config
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.nets.emulator import launch_factor
from weather_forecast.gwd.tests.made_up import write_dates

NOGWD, OGWD = DragLayout("nogwd", 63), DragLayout("ogwd", 91)
GRID = (4, 6)


def read_raw(path: Path) -> tuple[dict[str, NDArray], NDArray[np.float32]]:
    """Return input fields and launch factor of the columns of a raw file."""
    with h5py.File(path) as file:
        x, latitude = (torch.from_numpy(file[name][...]).flatten(-2) for name in ("x", "lat"))
    fields = {name: part.numpy() for name, part in NOGWD.split_inputs(x.T).items()}
    return fields, launch_factor(latitude).numpy()


def read_tendencies(path: Path) -> NDArray[np.float64]:
    """Return the tendencies of a file, (column, row) [m/s2]."""
    with h5py.File(path) as file:
        return file["y"][...].reshape(126, -1).T.astype("f8")


def predict(surrogate: Surrogate, path: Path) -> NDArray[np.float32]:
    """Return the tendencies that a network gives the columns of a raw file, (column, row)."""
    fields, scale = read_raw(path)
    parts = surrogate.predict(fields, output_scale=scale)
    return np.concatenate([parts["u_tendency"], parts["v_tendency"]], axis=1)


TINY = Tiny(
    config.USE_CASE,
    model={
        "class_path": "LitFluxNet",
        # A whole network, without the scheme's loops, which take long to export.
        "init_args": {"features": 16, "layers": 2, "phase_speeds": 0, "learning_rate": 0.01},
    },
    data={
        "data_path": "nogwd",
        "ratios": [0.5, 0.25, 0.25],
        "gap": 0,
        "batch_size": 16,
        "eval_batch_size": 20,
    },
    write=lambda root: write_dates(root / "nogwd", NOGWD, grid=GRID),
    write_unlabelled=lambda folder: write_dates(folder, NOGWD, 2, (3, 11), targets=False, seed=1),
    read_prediction=read_tendencies,
    predict=predict,
    tolerance=1e-10,
)
