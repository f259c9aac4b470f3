"""How much faster the radiation solvers are as compiled loops than in PyTorch, parts and whole.

    python benchmarks/radiation.py

Columns of the synthetic atmosphere of ``weather_forecast/bias_correction`` go through Tripleclouds
and SPARTACUS on one thread, from variables to fluxes in double precision, in turns with the same
solvers in PyTorch. Printed are the median of the ratios of neighbouring turns, milliseconds per
column of both, what ecRad takes (published), and the largest difference of the fluxes.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from ai4sim import compiled
from benchmarks.correction import ECRAD, LAYOUT, SOLVERS, drawn_columns
from benchmarks.turns import Cost, median, quieten, take_turns
from weather_forecast.bias_correction.physics.solver import radiative_fluxes

PHYSICS = "weather_forecast.bias_correction.physics"
PARTS = {
    "overlaps": "regions",
    "planck_bands": "gas_optics",
    "with_gases": "cloud_optics",
    "coupled_shortwave": "layers",
    "coupled_longwave": "layers",
    "follow_shortwave": "columns",
    "follow_longwave": "columns",
}
"""Functions that have compiled loops, and their modules."""
LOOPS = [
    f"{PHYSICS}.{name}_loops"
    for name in ("regions", "gas_optics", "cloud_optics", "layers", "shortwave", "longwave")
]


@contextlib.contextmanager
def in_pytorch() -> Iterator[None]:
    """Leave the compiled loops alone."""
    compiled._given_up.update(LOOPS)
    try:
        yield
    finally:
        compiled._given_up.difference_update(LOOPS)


def recorded(work: Callable[[], object]) -> dict[str, tuple[Any, ...]]:
    """Return what each part is called with; the last call, if there are several."""
    calls: dict[str, tuple[Any, ...]] = {}

    def recorder(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def record(*arguments: Any) -> object:
            calls[name] = arguments
            return function(*arguments)

        return record

    modules = {name: importlib.import_module(f"{PHYSICS}.{PARTS[name]}") for name in PARTS}
    importers = {"with_gases": [importlib.import_module(f"{PHYSICS}.solver")]}
    places = {name: [module, *importers.get(name, [])] for name, module in modules.items()}
    former = {name: getattr(module, name) for name, module in modules.items()}
    try:
        for name, function in former.items():
            for module in places[name]:
                setattr(module, name, recorder(name, function))
        work()
    finally:
        for name, function in former.items():
            for module in places[name]:
                setattr(module, name, function)
    return calls


def report(name: str, costs: dict[str, list[Cost]], columns: int, note: str = "") -> None:
    """Print a line."""
    ratio = median(a / b for a, b in zip(costs["PyTorch"], costs["compiled"], strict=True))
    ms = [1e3 * median(costs[way]).cpu / columns for way in ("PyTorch", "compiled")]
    print(f"  {name:22s}{ratio.wall:8.1f}{ratio.cpu:8.1f}{ms[0]:10.3f}{ms[1]:10.3f}{note}")


@torch.inference_mode()
def measure(columns: int, repeats: int) -> None:
    """Print the tables."""
    x = drawn_columns(columns)
    named = LAYOUT.split_inputs(x.double())
    layer = (named["cloud_fraction"] >= 1e-6).double().sum(1).mean()
    print(f"{columns} columns, {layer:.1f} cloudy layers in each, one thread")
    print(f"  {'':22s}{'PyTorch / compiled':^16s}{'ms/column (processor)':^20s}")
    print(f"  {'':22s}{'wall':>8s}{'cpu':>8s}{'PyTorch':>10s}{'compiled':>10s}")
    for solver, transport in SOLVERS.items():

        def solve(transport: bool = transport) -> torch.Tensor:
            return torch.stack(radiative_fluxes(named, transport=transport))

        def reference() -> torch.Tensor:
            with in_pytorch():
                return solve()

        difference = float((solve() - reference()).abs().max())
        note = f"   ecRad {ECRAD[solver]} (RRTMG | ecCKD); differ by {difference:.1e} W/m2"
        report(
            solver, take_turns({"PyTorch": reference, "compiled": solve}, repeats), columns, note
        )
        for name, arguments in recorded(solve).items():
            function: Any = getattr(importlib.import_module(f"{PHYSICS}.{PARTS[name]}"), name)
            ways = {
                "PyTorch": lambda f=function, a=arguments: f.__wrapped__(*a),
                "compiled": lambda f=function, a=arguments: f(*a),
            }
            report("  " + name, take_turns(ways, repeats), columns)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--columns", type=int, default=240, help="(default: 240)")
    parser.add_argument("--repeats", type=int, default=7, help="turns that count (default: 7)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quieten()
    measure(arguments.columns, arguments.repeats)


if __name__ == "__main__":
    main()
