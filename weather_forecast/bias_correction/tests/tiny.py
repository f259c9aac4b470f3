"""Files of columns of a few levels, and a recurrent network for them."""

from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import Tiny
from weather_forecast.bias_correction import config
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)
COLUMNS = 30


def write(root: Path) -> None:
    """Write five days, their columns in blocks of three."""
    blocks = {"base_block": np.arange(COLUMNS) // 3}
    for day in range(5):
        path = root / "data" / "raw" / f"2015-01-0{day + 1}.h5"
        made_up.write_file(path, COLUMNS, LEVELS, seed=day, extras=blocks)


def write_unlabelled(folder: Path) -> list[Path]:
    """Write two files of other numbers of columns, without targets."""
    paths = [folder / "raw" / f"{seed}.h5" for seed in (5, 6)]
    for path, seed, count in zip(paths, (5, 6), (23, 7), strict=True):
        made_up.write_file(path, count, LEVELS, seed, targets=False)
    return paths


def read_prediction(path: Path) -> NDArray[np.float32]:
    """Return the corrections in a file of predictions, (column, output)."""
    with h5py.File(path) as file:
        return np.concatenate([file[v.name][...] for v in LAYOUT.outputs], axis=1)


def predict_inputs(surrogate: Surrogate, inputs: torch.Tensor) -> NDArray[np.float32]:
    """Return the corrections of columns by a saved network, (column, output)."""
    fields = {name: values.numpy() for name, values in LAYOUT.split_inputs(inputs).items()}
    found = surrogate.predict(fields)
    return np.concatenate([found[v.name] for v in LAYOUT.outputs], axis=1)


def predict(surrogate: Surrogate, path: Path) -> NDArray[np.float32]:
    """Return the corrections of the columns of a raw file, (column, output)."""
    return predict_inputs(surrogate, torch.as_tensor(read_columns(path)["inputs"]))


TINY = Tiny(
    config.USE_CASE,
    model={
        "class_path": "LitBiRNN",
        "init_args": {
            "features": 8,
            "layers": 1,
            "levels": LEVELS,
            "loss": "mae",
            "learning_rate": 0.01,
        },
    },
    data={
        "data_path": "data",
        "ratios": [0.6, 0.2, 0.2],
        "gap": 0,
        "batch_size": 16,
        "eval_batch_size": 20,
    },
    write=write,
    write_unlabelled=write_unlabelled,
    read_prediction=read_prediction,
    predict=predict,
    tolerance=1e-5,
)
