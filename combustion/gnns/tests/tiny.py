"""Two tiny flames, and a graph network for them."""

from pathlib import Path

from ai4sim.tests.bench import Tiny
from combustion.gnns import config
from combustion.io.layouts import R2
from combustion.tests.flames import predict_file, read_prediction, write_sheets

SHAPE = (14, 12, 10)


def write(root: Path) -> None:
    """Write a flame that trains and a wilder one that tests."""
    write_sheets(root / "flames", "DNS1", 8, SHAPE)
    write_sheets(root / "flames", "DNS2", 2, SHAPE, wrinkling=1.5)


def write_unlabelled(folder: Path) -> list[Path]:
    """Write a flame of another layout and size, without targets."""
    return write_sheets(folder, "R3", 1, (11, 9, 7), layout=R2, target=False)


TINY = Tiny(
    config.USE_CASE,
    model={
        "class_path": "LitEdgeConditioned",
        "init_args": {
            "hidden_channels": 8,
            "num_layers": 2,
            "kernels": 6,
            "learning_rate": 0.01,
            "max_nodes": 1000,
        },
    },
    data={
        "data_path": "flames",
        "test_cases": ["DNS2"],
        "crop": [8, 8, 6],
        "crops_per_snapshot": 4,
        "batch_size": 4,
        "eval_batch_size": 2,
    },
    write=write,
    write_unlabelled=write_unlabelled,
    read_prediction=read_prediction,
    predict=predict_file,
    tolerance=1e-2,
    other="--model.init_args.hidden_channels=9",
)
