"""Speed of the schemes of gravity wave drag in compiled loops, relative to PyTorch.

    python benchmarks/gwd_schemes.py

Columns of a synthetic day, from the fields to the drag, on one thread. The scheme in PyTorch runs
with the number of columns at once that suits it best. All take turns; a ratio is the median over
the turns of the ratio of neighbours, in processor time. Beside it stands the largest error of the
tendencies in single precision, relative to their maximum in double precision.
"""

from __future__ import annotations

import argparse
import inspect
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.gwd import NOGWD, OGWD, made_up_columns
from benchmarks.turns import take_turns
from weather_forecast.gwd.physics import nogwd, ogwd
from weather_forecast.gwd.physics.nogwd import WaveSpectrum, few_speeds, nonorographic_drag
from weather_forecast.gwd.physics.ogwd import MountainColumns, orographic_drag

SPECTRA = {
    "16 x 100": WaveSpectrum(),
    "16 x 20": WaveSpectrum(16, 20),
    "4 x 20": WaveSpectrum(4, 20),
    "16 x 8": few_speeds(),
}
AT_ONCE = (64, 128, 256)
"""Columns that PyTorch computes at once."""
FEW = 256
"""Columns that it is given in a turn."""

Work = Callable[[], Sequence[Tensor]]


def in_torch(module: Any, name: str, drag: Work) -> Sequence[Tensor]:
    """Call a scheme without its loops."""
    chosen = getattr(module, name)
    setattr(module, name, inspect.unwrap(chosen))
    try:
        return drag()
    finally:
        setattr(module, name, chosen)


def spectral(
    x: Tensor, latitude: Tensor, spectrum: WaveSpectrum, dtype: torch.dtype, chunk: int = 64
) -> Work:
    """Return a call of the non-orographic scheme."""
    fields = [field.to(dtype) for field in list(NOGWD.split_inputs(x).values())[:4]]
    arguments = (*fields, latitude.to(dtype), spectrum)
    return lambda: nonorographic_drag(*arguments, chunk=chunk)  # type: ignore[arg-type]


def orographic(x: Tensor, dtype: torch.dtype) -> Work:
    """Return a call of the orographic scheme."""
    columns = MountainColumns.of_rows(x.to(dtype), OGWD.levels)
    return lambda: orographic_drag(columns)


def rows_of_nogwd(spectrum: WaveSpectrum) -> dict[str, tuple[Work, int, bool]]:
    """Return contenders: a call, its columns, whether it is in PyTorch."""
    ((x, latitude),) = made_up_columns(NOGWD, 1)
    found: dict[str, tuple[Work, int, bool]] = {}
    for dtype in (torch.float32, torch.float64):
        bits = str(dtype)[-2:]
        found[f"loops {bits}"] = (spectral(x, latitude, spectrum, dtype), len(x), False)
        for chunk in AT_ONCE:
            part = spectral(x[:FEW], latitude[:FEW], spectrum, dtype, chunk)
            found[f"torch {bits} {chunk}"] = (part, FEW, True)
    return found


def rows_of_ogwd(land: bool) -> dict[str, tuple[Work, int, bool]]:
    """Return contenders, on all columns or on those with mountains."""
    ((x, _),) = made_up_columns(OGWD, 1)
    if land:
        x = x[x[:, 3 * OGWD.levels + 2] > 50]
    found: dict[str, tuple[Work, int, bool]] = {}
    for dtype in (torch.float32, torch.float64):
        bits = str(dtype)[-2:]
        found[f"loops {bits}"] = (orographic(x, dtype), len(x), False)
        for size in (256, 1024):
            part = x[: min(size, len(x))]
            found[f"torch {bits} {size}"] = (orographic(part, dtype), len(part), True)
    return found


def measure(
    title: str, module: Any, name: str, rows: dict[str, tuple[Work, int, bool]], repeats: int
) -> None:
    """Print the line of a scheme."""
    ways: dict[str, Callable[[], object]] = {
        way: partial(in_torch, module, name, work) if torch_form else work
        for way, (work, _, torch_form) in rows.items()
    }
    turns = take_turns(ways, repeats)
    seconds = {way: [cost.cpu / rows[way][1] for cost in costs] for way, costs in turns.items()}
    line = f"{title:24s}"
    for bits in ("32", "64"):
        loops = seconds[f"loops {bits}"]
        others = [way for way in rows if way.startswith(f"torch {bits}")]
        best = min(others, key=lambda way: statistics.median(seconds[way]))
        ratio = statistics.median(t / c for t, c in zip(seconds[best], loops, strict=True))
        rate, peer = (1 / statistics.median(s) for s in (loops, seconds[best]))
        line += f"{rate:11,.0f}{peer:9,.0f} ({best.split()[-1]:>4s}){ratio:7.1f}"
    single, double = rows["loops 32"][0](), in_torch(module, name, rows["loops 64"][0])
    pairs = list(zip(single, double, strict=True))[: 2 if module is nogwd else 4]
    error = max(float((s.double() - d).abs().max() / d.abs().max()) for s, d in pairs)
    print(f"{line}{error:10.0e}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7, help="turns that count")
    options = parser.parse_args()
    torch.set_num_threads(1)
    header = "".join(
        f"{'loops':>11s}{'torch':>9s} (size){'ratio':>7s}" for _ in ("single", "double")
    )
    print(f"columns/s, {'single':>30s}{'double precision':>34s}")
    print(f"{'':24s}{header}{'error':>10s}")
    with torch.inference_mode():
        for title, spectrum in SPECTRA.items():
            rows = rows_of_nogwd(spectrum)
            measure(title, nogwd, "column_drag", rows, options.repeats)
        for title, land in (("orographic", False), ("orographic, land only", True)):
            measure(title, ogwd, "mountain_drag", rows_of_ogwd(land), options.repeats)


if __name__ == "__main__":
    main()
