"""Speed and memory of the three-dimensional U-Net on a CPU.

Two measurements at the configuration of ``combustion/unets/configs/cnf.yaml`` (3 levels, 32
features, crops of 32 x 16 x 16 cells), each against the same network in float64 at batch 1, the
way such models are often run, and one of the networks of ``cnf.yaml`` and ``demo.yaml`` in float32:

training
    Median wall-clock time of one step (forward, mean squared error, backward, AdamW) per sample,
    all variants in one process on the given number of threads.
memory
    Evaluation of one full field without gradients, each variant in a process of its own. *peak* is
    that process's largest resident set (``VmHWM``); *increase* is peak minus the largest resident
    set once torch is imported, the network is built and the input exists, so it is what the
    evaluation itself takes.
blocks
    Evaluation of one cubic field without gradients, in turn with the same network whose
    convolutions are ``torch.nn.functional.conv3d``, and with bf16 autocast. The last column is the
    largest difference, of the range of the output.

Run ``python benchmarks/unet3d.py``; ``--help`` lists the options.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ai4sim.io.files import write_json
from ai4sim.nets import UNet
from ai4sim.nets.convolution import Conv3d
from benchmarks.turns import Cost, alone, largest, median, now, take_turns

log = logging.getLogger("unet3d")

LEVELS, FEATURES, CROP = 3, 32, (32, 16, 16)

# name -> precision, batch, bf16 autocast, channels last. The first is the reference.
TRAINING: dict[str, tuple[torch.dtype, int | None, bool, bool]] = {
    "float64, batch 1": (torch.float64, 1, False, False),
    "float32, batch 1": (torch.float32, 1, False, False),
    "float32": (torch.float32, None, False, True),
    "bf16 autocast": (torch.float32, None, True, True),
}
# name -> precision, bf16 autocast, channels last. The first is the reference.
MEMORY: dict[str, tuple[torch.dtype, bool, bool]] = {
    "float64": (torch.float64, False, False),
    "float32": (torch.float32, False, True),
    "bf16 autocast": (torch.float32, True, True),
}
NETWORKS: dict[str, dict[str, Any]] = {
    "cnf.yaml": {"levels": LEVELS, "features": FEATURES},
    "demo.yaml": {
        "levels": 2,
        "features": 16,
        "activation": "silu",
        "padding_mode": "replicate",
    },
}


def network(channels_last: bool) -> UNet:
    """Build the network of cnf.yaml, always with the same weights."""
    torch.manual_seed(0)
    return UNet(levels=LEVELS, features=FEATURES, channels_last=channels_last)


def step_time(
    dtype: torch.dtype, batch: int, autocast: bool, channels_last: bool, repeats: int
) -> float:
    """Median time of one training step per sample [s], after one step that is not counted."""
    net = network(channels_last).to(dtype)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    x, y = (torch.randn(batch, 1, *CROP, dtype=dtype) for _ in range(2))

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            prediction = net(x)
        torch.nn.functional.mse_loss(prediction.to(dtype), y).backward()
        optimizer.step()

    (costs,) = take_turns({"step": step}, repeats).values()
    return median(costs).wall / batch


def evaluate(name: str, space: tuple[int, ...], threads: int) -> dict[str, float]:
    """Evaluate one full field in this process: peak and increase of memory [bytes], time [s]."""
    torch.set_num_threads(threads)
    dtype, autocast, channels_last = MEMORY[name]
    net = network(channels_last).to(dtype).eval()
    x = torch.randn(1, 1, *space, dtype=dtype)
    before, start = largest(), now()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        net(x)
    cost, peak = now() - start, largest()
    return {"peak": peak, "increase": peak - before, "time": cost.wall}


def measure_blocks(
    arguments: dict[str, Any], size: int, repeats: int, bf16: bool
) -> tuple[dict[str, Cost], Cost, float]:
    """Evaluate a cube of so many cells an edge with every variant, in turn.

    Returns
    -------
    dict, Cost, float
        Median costs by variant; the median gain over PyTorch's convolution; the largest difference
        from it, of the range.
    """
    torch.manual_seed(0)
    net = UNet(**arguments).eval()
    x = torch.randn(1, 1, size, size, size)

    @torch.no_grad()
    def plain() -> torch.Tensor:
        ours = Conv3d._conv_forward
        Conv3d._conv_forward = torch.nn.Conv3d._conv_forward  # type: ignore[method-assign]
        try:
            return net(x)
        finally:
            Conv3d._conv_forward = ours  # type: ignore[method-assign]

    @torch.no_grad()
    def rounded() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return net(x)

    ways: dict[str, Callable[[], torch.Tensor]] = {
        "PyTorch": plain,
        "ours": torch.no_grad()(lambda: net(x)),
    }
    if bf16:
        ways["bf16"] = rounded
    expected = plain()
    apart = (ways["ours"]() - expected).abs().max() / (expected.max() - expected.min())
    costs = take_turns(ways, repeats)
    gain = median(a / b for a, b in zip(costs["PyTorch"], costs["ours"], strict=True))
    return {way: median(found) for way, found in costs.items()}, gain, apart.item()


def measure_memory(space: tuple[int, ...], threads: int) -> dict[str, dict[str, float]]:
    """Evaluate one full field with every variant, each in its own process."""
    return {name: alone(evaluate, name, space, threads) for name in MEMORY}


def main() -> None:
    """Measure, and write the tables to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    parser.add_argument("--repeats", type=int, default=7, help="timed steps (default: 7)")
    parser.add_argument("--batch", type=int, default=8, help="batch of the fast variants")
    parser.add_argument(
        "--space", type=int, nargs=3, default=(128, 64, 64), help="full field (default: 128 64 64)"
    )
    parser.add_argument("--bf16", action="store_true", help="evaluate blocks with bf16, too")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    space = tuple(arguments.space)
    torch.set_num_threads(arguments.threads)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)

    log.info("U-Net, %d levels, %d features, %d thread(s)", LEVELS, FEATURES, arguments.threads)
    memory = measure_memory(space, arguments.threads)
    log.info("\nfull field %s, no gradients", " x ".join(map(str, space)))
    log.info("%-24s %10s %7s %13s %7s %8s", "", "peak", "ratio", "increase", "ratio", "time")
    reference = memory["float64"]
    for name, m in memory.items():
        log.info(
            "%-24s %6.0f MiB %7.3f %9.0f MiB %7.3f %6.2f s",
            name,
            m["peak"] / 2**20,
            m["peak"] / reference["peak"],
            m["increase"] / 2**20,
            m["increase"] / reference["increase"],
            m["time"],
        )

    log.info("\none field, processor time  %10s %12s %7s", "PyTorch", "oneDNN", "ratio")
    for network_name, spec in NETWORKS.items():
        for size in (16, 32, 64):
            costs, gain, apart = measure_blocks(spec, size, arguments.repeats, arguments.bf16)
            rounded = f", bf16 {1e3 * costs['bf16'].cpu:.1f} ms" if arguments.bf16 else ""
            log.info(
                "%-16s %2d^3 %14.1f ms %9.1f ms %6.1f x  %.0e%s",
                network_name,
                size,
                1e3 * costs["PyTorch"].cpu,
                1e3 * costs["ours"].cpu,
                gain.cpu,
                apart,
                rounded,
            )

    log.info("\ntraining step per sample, crops %s", " x ".join(map(str, CROP)))
    training: dict[str, dict[str, Any]] = {}
    for name, (dtype, batch, autocast, channels_last) in TRAINING.items():
        batch = batch or arguments.batch
        seconds = step_time(dtype, batch, autocast, channels_last, arguments.repeats)
        reference_time = training["float64, batch 1"]["time"] if training else seconds
        training[name] = {"batch": batch, "time": seconds, "speed_up": reference_time / seconds}
        label = name if "batch" in name else f"{name}, batch {batch}"
        log.info("%-24s %8.1f ms %6.1f x", label, 1e3 * seconds, reference_time / seconds)

    if arguments.json:
        figures = {"threads": arguments.threads, "training": training, "memory": memory}
        write_json(arguments.json, figures)


if __name__ == "__main__":
    main()
