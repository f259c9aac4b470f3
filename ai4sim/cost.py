"""What a trained network costs beside its baselines: the option ``--cost`` of ``fit`` and ``test``.

The network is measured twice: as ``predict`` runs it, and compiled, as ``couple`` puts it into a
library. Everything runs on one thread of the processor, in turns.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ai4sim.evaluation.cost import front_figure, one_thread, processor, seconds_per_call
from ai4sim.evaluation.figures import save_figures
from ai4sim.io.files import write_json
from ai4sim.surrogate import Surrogate

if TYPE_CHECKING:
    from ai4sim.experiment import Experiment
    from ai4sim.module import SurrogateModule
    from ai4sim.native.routine import Routine
    from ai4sim.use_case import UseCase
    from ai4sim.variables import Batch

BLOCKS = (16, 64, 256, 1024, 4096)
"""The numbers of columns that a compiled network is tried with at once."""
COMPILED = "model_compiled"
log = logging.getLogger(__name__)


def add_cost(
    model: SurrogateModule,
    batch: Batch,
    use_case: UseCase,
    experiment: Experiment,
    compiled: bool = True,
) -> None:
    """Measure, and add ``cost`` to ``results.json`` and the skill-cost front to the plots.

    Parameters
    ----------
    model : SurrogateModule
        On the CPU.
    batch : Batch
        Of the test set.
    use_case : UseCase
    experiment : Experiment
        Its results are there.
    compiled : bool
        Whether to measure the compiled network, too.
    """
    path = experiment.artifacts / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    model.float().eval()
    log.info("measuring the cost on one thread")
    with one_thread(), torch.inference_mode():
        rivals = model.contenders(batch)
        found = seconds_per_call(rivals.ways)
    times = {name: seconds / rivals.samples for name, seconds in found.items()}
    blocks = {}
    if compiled:
        with tempfile.TemporaryDirectory() as folder:
            model.export(Path(folder), batch)
            try:
                times[COMPILED], block = _compiled(use_case, Path(folder))
                blocks = {COMPILED: block} if block else {}
            except (ValueError, RuntimeError, FileNotFoundError) as error:
                log.warning("the compiled network is not measured: %s", error)
    results["cost"] = cost = {
        "unit": rivals.unit,
        "processor": processor(),
        "threads": 1,
        "microseconds": {name: 1e6 * s for name, s in sorted(times.items(), key=lambda x: x[1])},
        "block": blocks,
        "least": rivals.least,
    }
    write_json(path, results)
    metric = results["headline"][0]
    if skills := skills_of(results, metric):
        save_figures([("skill_cost", front_figure(cost, skills, metric))], experiment.plots)


def skills_of(results: Mapping[str, Any], metric: str) -> dict[str, float]:
    """Return a metric of the model, compiled or not, and of the baselines, where it is known."""
    model = results["model"].get(metric)
    every = {name: values.get(metric) for name, values in results["baselines"].items()}
    every |= {"model": model, COMPILED: model}
    return {name: value for name, value in every.items() if value is not None}


def _compiled(use_case: UseCase, artifacts: Path) -> tuple[float, int]:
    """Compile the network of a folder of artifacts, and time it.

    Returns
    -------
    seconds : float
        Per sample, at the fastest block.
    block : int
        The number of columns at once; 0 of a field.
    """
    from ai4sim.native.couple import samples_of
    from ai4sim.native.library import compiler
    from ai4sim.native.network import compile_package
    from ai4sim.native.routine import Columns

    compiler("CXX", "g++", "clang++")
    routine = use_case.routine(Surrogate.load(artifacts))
    samples = samples_of(routine, artifacts)
    log.info("compiling the network (a minute or two)")
    package = compile_package(routine, artifacts / "compiled.pt2", "native")
    network = torch._inductor.aoti_load_package(str(package), run_single_threaded=True)
    if not isinstance(routine, Columns):
        arguments, count = _whole(routine, samples)
        return _timed({0: lambda: network(*arguments)})[0] / count, 0
    rows = samples[0]
    rows = rows.repeat(-(-BLOCKS[-1] // len(rows)), 1)

    def call(block: int) -> Callable[[], object]:
        part = rows[:block].contiguous()
        return lambda: network(part)

    times = _timed({block: call(block) for block in BLOCKS})
    return min((seconds / block, block) for block, seconds in times.items())


def _timed(ways: dict[int, Callable[[], object]]) -> dict[int, float]:
    with one_thread(), torch.inference_mode():
        found = seconds_per_call({str(key): way for key, way in ways.items()})
    return {int(key): seconds for key, seconds in found.items()}


def _whole(routine: Routine, samples: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], int]:
    """Return the arguments of a network of fields for one sample, and its number of places."""
    from ai4sim.native.routine import Exchange, Mesh

    if isinstance(routine, Exchange):
        return samples, routine.sizes(samples)[0]
    if isinstance(routine, Mesh):
        arguments = routine.arguments(samples)
        return arguments, len(arguments[0])
    fields, parameters = samples
    return (fields[:1].contiguous(), parameters[:1]), fields[0, 0].numel()
