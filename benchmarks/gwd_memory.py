"""Memory and time of gravity wave drag on more data than the memory that it may take.

    python benchmarks/gwd_memory.py --gigabytes 5

Writes raw files of half the size, then of the whole, into a temporary folder. With each size, in
processes of their own:

preprocess
    Raw files to rows of columns, with statistics and normal equations.
train
    One epoch of a small MLP, in batches of 256 from pools that are shuffled within `--limit`.
predict
    All files through the same MLP, written in the raw layout.

Prints seconds, processor seconds (which other programs on the machine do not disturb), MB/s of raw
data and the largest resident set (``VmHWM``) of each: is it within 2 GB, and the time proportional
to the size? Needs three times the size on disk.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from benchmarks.turns import alone, largest, now
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.rows import DragLayout

LAYOUT = DragLayout("nogwd", 63)
GRID_ROWS = 36
FILE_BYTES = 250e6
ALLOWED = 2e9
PHASES = ("preprocess", "train", "predict")


def write_raw(folder: Path, size: float, chunked: bool) -> float:
    """Write raw files of `size` bytes in all, and return their bytes.

    A few thousand smooth profiles are repeated with other amplitudes: what they look like does not
    matter here.
    """
    rng = np.random.default_rng(0)
    walk = rng.standard_normal((LAYOUT.input_channels, 4096)).cumsum(axis=0).astype(np.float32)
    drag = (
        np.tanh(rng.standard_normal((LAYOUT.output_channels, LAYOUT.input_channels)) @ walk / 100)
        * 1e-5
    )
    base = np.array([0.0] * 126 + [250.0] * 63 + [1e5, 98.0])[:, None]
    inputs = (base + 10 * np.tanh(walk / 10)).astype(np.float32)
    content = {"x": inputs, "y": drag.astype(np.float32)}
    rows = LAYOUT.input_channels + LAYOUT.output_channels
    files = max(round(size / FILE_BYTES), 1)
    columns = int(size / files / (4 * rows)) // GRID_ROWS
    written = 0.0
    (folder / "raw").mkdir()
    for day in range(files):
        date = np.datetime64("2015-01-01") + day
        with h5py.File(folder / "raw" / f"{date}.h5", "w") as file:
            chosen = rng.integers(0, 4096, (GRID_ROWS, columns))
            factor = rng.normal(1, 0.01, chosen.shape).astype(np.float32)
            for name, values in content.items():
                shape = (len(values), *chosen.shape)
                chunks = (1, *chosen.shape) if chunked else None
                dataset = file.create_dataset(name, shape, np.float32, chunks=chunks)
                for row in range(len(values)):
                    dataset[row] = values[row][chosen] * factor
                written += dataset.nbytes
            file["lat"] = np.broadcast_to(np.linspace(-90, 90, GRID_ROWS)[:, None], chosen.shape)
    return written


def run(phase: str, folder: Path, limit: float) -> dict[str, float]:
    """Run a phase; return its seconds, processor seconds and resident set [bytes]."""
    torch.set_num_threads(1)
    data = ColumnDataModule(
        str(folder), ratios=(1.0, 0.0, 0.0), gap=0, memory_limit=limit, batch_size=256
    )
    net = nn.Sequential(
        nn.Linear(LAYOUT.input_channels, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU(),
        nn.Linear(128, LAYOUT.output_channels),
    )  # fmt: skip
    files = data.raw_files()
    start = now()
    if phase == "preprocess":
        data.prepare_files(files)
    elif phase == "train":
        x, y = data.statistics()
        shift, scale = (torch.tensor(v, dtype=torch.float32) for v in (x.mean, x.std))
        unit = torch.tensor(y.std, dtype=torch.float32)
        optimizer = torch.optim.AdamW(net.parameters())
        for batch in data.train_dataloader():
            loss = nn.functional.mse_loss(
                net((batch["inputs"] - shift) / scale), batch["targets"] / unit
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    else:
        with torch.inference_mode():
            for batch in data.predict_dataloader():
                data.write_prediction(folder / "predictions", batch, net(batch["inputs"]))
    cost = now() - start
    return {"seconds": cost.wall, "cpu": cost.cpu, "peak": largest()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1.0, help="raw data (default: 1)")
    parser.add_argument("--limit", type=float, default=0.25, help="memory_limit [GiB]")
    parser.add_argument("--chunked", action="store_true", help="HDF5 chunks of (1, *grid)")
    parser.add_argument("--folder", default=None, help="where the temporary folder is made")
    arguments = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {phase: [] for phase in PHASES}
    print("phase           GB  seconds  CPU seconds   MB/s  peak RSS [GB]")
    for size in (arguments.gigabytes * 5e8, arguments.gigabytes * 1e9):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            written = write_raw(Path(folder), size, arguments.chunked)
            for phase in PHASES:
                result = alone(run, phase, Path(folder), arguments.limit)
                results[phase].append(result)
                print(
                    f"{phase:12s} {written / 1e9:5.2f} {result['seconds']:8.1f} "
                    f"{result['cpu']:12.1f} {written / 1e6 / result['seconds']:6.0f} "
                    f"{result['peak'] / 1e9:14.2f}"
                )
    for phase, (half, whole) in results.items():
        ratios = [whole[key] / half[key] for key in ("seconds", "cpu")]
        print(
            f"{phase}: twice the data take {ratios[0]:.2f} x the time, {ratios[1]:.2f} x the CPU's"
        )
    peak = max(result["peak"] for both in results.values() for result in both)
    print(f"largest resident set {peak / 1e9:.2f} GB, allowed {ALLOWED / 1e9:.0f} GB")


if __name__ == "__main__":
    main()
