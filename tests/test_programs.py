"""The program that ``fit`` writes of every model: a library for solvers and ONNX have its numbers.

Physics, normalisation and weights are those of a run on a use case's tiny data, but that the
weights are drawn at random: after few steps a network is nearly what it began as.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from ai4sim.export import export_program
from ai4sim.module import SurrogateModule
from ai4sim.nets import find
from ai4sim.surrogate import Surrogate
from ai4sim.tests import bench as benches
from ai4sim.tests.bench import TRAINER, Bench, Tiny
from ai4sim.tests.compiling import BATCHES, in_onnxruntime, library, needs_compiler, require_same
from sessions.registry import package_of, use_cases
from weather_forecast.gwd.tests import tiny as gwd
from weather_forecast.gwd.tests.made_up import write_dates

SMALL = {
    **{"features": 4, "layers": 1, "blocks": 1, "heads": 2, "grids": 2, "rounds": 1},
    **{"hidden_channels": 4, "num_layers": 2, "kernels": 2, "depth": 1, "phase_speeds": 0},
    **{"azimuths": 4, "convolutions_per_level": 1},
}
"""Values of the options of networks: as small as it goes."""
OTHERS: dict[str, list[dict[str, Any]]] = {
    "LitFluxNet": [{"phase_speeds": 8}],
    "LitTransferNet": [{"profile": False}],
    "LitUnet1D": [{"derived": False, "structured": False}],
    "LitBiRNN": [{"cell": "gru", "structured": False}, {"cell": "linear", "clear_levels": 5}],
    "LitUNet3D": [{"padding_mode": "zeros", "upsampling": "transposed", "norm": "group"}],
    "LitGAT": [{"jk": "cat"}],
}
"""Options of a model that make another program, beside the smallest one."""
OF_GRIDS = {"LitCouplingGNN"}
"""Models whose program takes two grids; their use case tests it."""


class Case(NamedTuple):
    """A model of a use case with options of its own."""

    use_case: str
    model: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """What the test is called."""
        values = [f"{option}={value}" for option, value in self.options.items()]
        return "-".join([self.use_case, self.model, *values])


def tiny_of(use_case: str) -> Tiny:
    package = package_of(use_cases()[use_case])
    tiny: Tiny = importlib.import_module(f"{package}.tests.tiny").TINY
    return tiny


def class_of(case: Case) -> type[SurrogateModule]:
    module = importlib.import_module(use_cases()[case.use_case].module_path.split(":")[0])
    found: type[SurrogateModule] = getattr(module, case.model)
    return found


def cases() -> list[Case]:
    """List every model of every use case whose network can be exported."""
    found = []
    for use_case, declared in use_cases().items():
        module = importlib.import_module(declared.module_path.split(":")[0])
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        for model in sorted(name for name in classes if name.startswith("Lit")):
            options: list[dict[str, Any]] = [{}, *OTHERS.get(model, [])]
            found += [Case(use_case, model, chosen) for chosen in options]
    return [c for c in found if exportable(class_of(c)) and c.model not in OF_GRIDS]


def exportable(model: Any) -> bool:
    return bool(getattr(find(model().surrogate.spec["net"]["name"]), "exportable", True))


def options_of(model: type) -> set[str]:
    """Name the options of a model, with those that it hands on to the class above."""
    found: set[str] = set()
    for kind in model.__mro__:
        parameters = inspect.signature(kind).parameters
        found |= set(parameters)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            break
    return found


def fitted(case: Case, folder: Path) -> tuple[Surrogate, Tensor]:
    """Run ``fit``; return the surrogate and the inputs that it exports."""
    tiny = tiny_of(case.use_case)
    takes = options_of(class_of(case))
    options = {**tiny.model["init_args"], **SMALL, **case.options}
    # A U-Net and a column both have levels, of which a tiny model knows its own.
    chosen = {name: value for name, value in options.items() if name in takes}
    of_data = dict(tiny.data)
    if case.model == "LitStressNet":
        write_dates(folder / "ogwd", gwd.OGWD, grid=gwd.GRID)
        of_data["data_path"] = "ogwd"
    bench = Bench.make(tiny, folder)
    bench.configure(
        "model.yaml",
        trainer={**TRAINER, "max_epochs": 1},
        model={"class_path": case.model, "init_args": chosen},
        data={**of_data, "data_path": str(folder / of_data["data_path"])},
    )
    exported: list[tuple[Surrogate, Tensor]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benches, "EXPORT", lambda *arguments: exported.append(arguments[:2]))
        bench.run("fit", config="model.yaml", program=True)
    ((surrogate, inputs),) = exported
    return surrogate.eval(), inputs


def drawn_weights(surrogate: Surrogate) -> None:
    torch.manual_seed(1)
    for parameter in surrogate.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 100
        torch.nn.init.normal_(parameter, std=fan_in**-0.5)


def examples(inputs: Tensor, stride: int) -> list[Tensor]:
    """Make inputs of several batches, and of several sizes where they are free."""
    torch.manual_seed(2)
    if inputs.ndim == 2:
        rows = [inputs[torch.arange(batch) % len(inputs)] for batch in BATCHES]
        return [x * (1 + 1e-3 * torch.randn_like(x)) for x in rows]
    sizes = [(4, 4, 4), (6, 10, 14), (17, 13, 21)]
    fits = [size for size in sizes if not any(n % stride for n in size)]
    return [torch.rand(b, inputs.shape[1], *size) for b in BATCHES for size in fits]


class Exported(NamedTuple):
    """An exported program, the surrogate that it is of, and inputs for both."""

    path: Path
    surrogate: Surrogate
    inputs: list[Tensor]


@pytest.fixture(
    scope="module",
    params=[pytest.param(case, id=case.name, marks=pytest.mark.compiled) for case in cases()],
)
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    surrogate, inputs = fitted(request.param, folder)
    drawn_weights(surrogate)
    path = folder / "model.pt2"
    export_program(surrogate, inputs, path)
    stride = int(getattr(surrogate.net, "stride", 1))
    return Exported(path, surrogate, examples(inputs, stride))


@needs_compiler
def test_a_library_equals_the_surrogate(exported, monkeypatch):
    program = library(exported.path, monkeypatch)
    require_same(program, exported.surrogate, exported.inputs)
    stride = int(getattr(exported.surrogate.net, "stride", 1))
    if stride > 1:
        with pytest.raises(RuntimeError):
            program(torch.rand(1, exported.inputs[0].shape[1], 17, 13, 21), torch.ones(1))


def test_onnx_equals_the_surrogate(exported):
    require_same(in_onnxruntime(exported.path), exported.surrogate, exported.inputs)
