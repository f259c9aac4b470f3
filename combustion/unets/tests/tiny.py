"""Two tiny flames, and a U-Net for them."""

from pathlib import Path

from ai4sim.tests.bench import Tiny
from combustion.io.layouts import R2
from combustion.tests.flames import predict_file, read_prediction, write_sheets
from combustion.unets import config


def write(root: Path) -> None:
    """Write a flame that trains and a wilder one that tests."""
    write_sheets(root / "flames", "DNS1", 10)
    write_sheets(root / "flames", "DNS2", 3, wrinkling=1.5)


def write_unlabelled(folder: Path) -> list[Path]:
    """Write a flame of another layout, size and spacing, without targets."""
    grid = {"dx_les": 8e-5, "filter_width": 8e-5}
    return write_sheets(folder, "R3", 2, (11, 9, 14), layout=R2, target=False, **grid)


TINY = Tiny(
    config.USE_CASE,
    model={
        "class_path": "LitUNet3D",
        "init_args": {"features": 4, "levels": 2, "learning_rate": 0.01},
    },
    data={
        "data_path": "flames",
        "test_cases": ["DNS2"],
        "crop": [8, 8, 8],
        "crops_per_snapshot": 4,
        "batch_size": 4,
        "eval_batch_size": 2,
    },
    write=write,
    write_unlabelled=write_unlabelled,
    read_prediction=read_prediction,
    predict=predict_file,
    tolerance=1e-2,
)
