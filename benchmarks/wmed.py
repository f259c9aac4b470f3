"""The coupling of the western Mediterranean: what its graph, its networks and their training cost.

    python benchmarks/wmed.py
    python benchmarks/wmed.py --only formulae
    python benchmarks/wmed.py --only inference --size demo --repeats 9
    python benchmarks/wmed.py --only inference training --device cuda --bf16
    python benchmarks/wmed.py --data DIR     # with *his*.nc and ECMWF*.nc of one event, full size

Full size is an ocean of 539 x 631 rho points, the demo's 136 x 158, each under an atmosphere five
times coarser. Without `--data` the grids are those of ``wmed.synthetic.domain``, with the real
coast.

graph
    From two grids of full size to the operator and the graph (``wmed.io.graph.build``), and to
    that of torch_geometric; in a process of its own, after all imports. Against the way of one
    dense mask over the ocean per block of the atmosphere, that is per cell between four mass
    points: a comparison of all rho points with the four borders, which are closed, then the sea
    points of each block joined to its corners. That builds only these edges: no weights, no nearest
    sea, no faces, no neighbours. All masks are kept, as that way does; with `--share` only those of
    so many blocks are made, evenly chosen, and seconds and bytes scaled. Memory is the growth of
    the largest resident set (``VmHWM``). Then milliseconds to bring 75 channels to all rho nodes:
    the kernel in use, an index per corner, and a sparse matrix.
formulae
    COARE, ECMWF's and NCAR's bulk formulae, from states at the points to all fluxes: seconds in
    PyTorch over seconds as compiled loops, single and double precision, and the largest error of
    the latent heat flux of both against PyTorch in double precision.
inference
    Million rho points per second, from the states on both grids to the fluxes on the ocean's own
    points (``wmed.nets.coupler.fluxes``), in float32, or with `--bf16` under autocast of the
    networks. The states are made up and the weights untrained: the cost depends on neither. Against
    the repository's own COARE 3.6, compiled, which starts from the same fields, interpolates the
    lowest level alone and gives the turbulent fluxes, while the networks give the radiation too.
    Then the steps: interpolation alone, and algorithms and networks alone on rows that are there.
    On a CPU a network takes `--rows` rows at once (``max_nodes``; 0: all), which stay in its cache;
    COARE has blocks of its own. AeroBulk in Fortran does a few tenths of a million points per
    second and core (cited, not measured here).
training
    Points per second of a Trainer, as ``wmed/trainer.py`` has it but for validation, checkpoints,
    progress bar and clipped gradients, one time of the demo's size per step; as a share of the bare
    step: forward, loss, backward and optimiser on batches that wait in memory, in a loop without
    Lightning. Then the memory that one such step takes at full size, in a process of its own. On a
    GPU only the latter is measured.

All runs on one thread. What is compared takes turns, and what counts is the median of the ratios of
neighbours; on a CPU in processor time, which other programs disturb less than the clock.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SIZES = {"demo": (136, 158), "full": (539, 631)}
PARTS = ("graph", "formulae", "inference", "training")


POINTS = (8_809, 141_364)
"""Points of the sea on the grid of the demo and on one of full size."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="some of the parts (default: all)"
    )
    parser.add_argument("--data", type=Path, help="folder with raw files (default: made up)")
    parser.add_argument("--repeats", type=int, default=5, help="turns that count (default: 5)")
    parser.add_argument("--share", type=float, default=1.0, help="of the blocks (default: 1)")
    parser.add_argument(
        "--size", nargs="+", choices=SIZES, default=list(SIZES), help="of inference (default: both)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    parser.add_argument("--bf16", action="store_true", help="networks under autocast")
    parser.add_argument("--rows", type=int, help="at once (default: 16384 on cpu, all on cuda)")
    parser.add_argument("--epochs", type=int, default=4, help="that are timed (default: 4)")
    options = parser.parse_args()

    # This folder, where Python looks first, has a wmed too: this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks import wmed_graph, wmed_models

    wmed_models.set_up()
    full = wmed_graph.grids_of(SIZES["full"], options.data)
    if "graph" in options.only:
        wmed_graph.print_construction(full, options.share, options.repeats)
        wmed_graph.print_interpolation(full, options.repeats)
    if "formulae" in options.only:
        for points in POINTS:
            wmed_models.print_formulae(points, options.repeats)
    if "inference" in options.only:
        rows = options.rows
        if rows is None:
            rows = wmed_models.ROWS if options.device == "cpu" else 0
        for size in options.size:
            grids = full if size == "full" else wmed_graph.grids_of(SIZES[size])
            wmed_models.print_inference(grids, options.device, options.bf16, rows, options.repeats)
    if "training" in options.only:
        if options.device == "cpu":
            wmed_models.print_training(SIZES["demo"], options.epochs)
        wmed_models.print_memory(full, options.device, options.bf16)


if __name__ == "__main__":
    main()
