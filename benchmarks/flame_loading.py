"""Share of a training epoch that goes into loading flames.

    python benchmarks/flame_loading.py

Writes snapshots in the CNF layout to a temporary folder, then runs epochs of the configuration of
``combustion/unets/configs/cnf.yaml`` (3 levels, 32 features, crops of 32 x 16 x 16, batches of 8)
in one process: once only drawing the batches, once with the training step on each.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from combustion.crops import CropDataModule
from combustion.io.grids import write_snapshot
from combustion.io.layouts import CNF
from combustion.unets.models import LitUNet3D

SHAPE = (64, 32, 32)


def write_flames(folder: Path, snapshots: int) -> None:
    """Write tanh flames in random places; what they look like does not matter here."""
    rng = np.random.default_rng(0)
    x = np.arange(SHAPE[0])[:, None, None]
    for i in range(snapshots):
        front = SHAPE[0] * (0.3 + 0.4 * rng.random(SHAPE[1:]))
        c = 0.5 * (1 + np.tanh((x - front) / 2))
        fields = {"progress_variable": c, "flame_surface_density": c * (1 - c) / 8e-4}
        attributes = {"dx_les": 8e-4, "periodic": "y,z"}
        write_snapshot(folder / "raw" / f"A_{i:03d}.h5", fields, attributes, CNF)


def main() -> None:
    """Print the two times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--epochs", type=int, default=3, help="timed epochs (default: 3)")
    parser.add_argument("--snapshots", type=int, default=12, help="files (default: 12)")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="bf16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        write_flames(Path(folder), arguments.snapshots)
        data = CropDataModule(data_path=folder, ratios=(1.0, 0.0, 0.0), gap=0)
        data.prepare_files(data.raw_files())
        module = LitUNet3D(features=32, levels=3)
        module.surrogate.output_norm.set(0.0, data.statistics().std)
        module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
        optimizer = torch.optim.AdamW(module.parameters())
        loader = data.train_dataloader()

        def epoch(train: bool) -> float:
            start = time.perf_counter()
            for i, batch in enumerate(loader):
                if train:
                    with torch.autocast(
                        "cpu", torch.bfloat16, enabled=arguments.precision == "bf16"
                    ):
                        loss = module.training_step(batch, i)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            return time.perf_counter() - start

        epoch(train=True)
        loading = statistics.median(epoch(train=False) for _ in range(arguments.epochs))
        training = statistics.median(epoch(train=True) for _ in range(arguments.epochs))
    batches = sum(1 for _ in loader)
    print(f"{batches} batches of 8 crops, {arguments.threads} thread(s), {arguments.precision}")
    print(f"drawing the batches  {1e3 * loading / batches:8.2f} ms per batch")
    print(f"whole training epoch {1e3 * training / batches:8.2f} ms per batch")
    print(f"share of loading     {100 * loading / training:8.2f} %")


if __name__ == "__main__":
    main()
