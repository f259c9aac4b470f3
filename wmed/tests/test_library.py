"""The network on the graph of both grids as the call of a host that has both."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ai4sim.native.couple import command
from ai4sim.native.network import traced
from ai4sim.native.routine import Exchange
from ai4sim.surrogate import Surrogate
from ai4sim.use_case import UseCase
from ai4sim.weights import write_tensors
from wmed.io.graph import build
from wmed.models import LitCouplingGNN
from wmed.nets.coupler import fluxes
from wmed.nets.inputs import rho_inputs
from wmed.nets.routine import on_grids, tensors_of
from wmed.tests.grids_made_up import SHAPE, made_up_ocean
from wmed.tests.test_models import AIR, LAYOUT, states, surrogate

ROUTINE = "wmed.nets.routine:routine"
RELATIVE = 1e-6


@pytest.fixture(scope="module")
def net() -> Surrogate:
    """A graph network with weights of some size everywhere."""
    return surrogate(LitCouplingGNN).float()


def exchanged(
    net: Surrogate, shape: tuple[int, int] = SHAPE
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Return what a host gives on an ocean of a shape, and the fluxes."""
    ocean = made_up_ocean(shape)
    doubles, _ = states(ocean, times=1)
    fields, graph = {name: x.float() for name, x in doubles.items()}, build(AIR, ocean)
    with torch.no_grad():
        found = fluxes(net, fields, graph)
    return tensors_of(fields, rho_inputs(fields, graph, LAYOUT), graph), dict(found)


def test_a_host_with_other_grids_gets_the_fluxes_of_the_coupler(net: Surrogate) -> None:
    routine = on_grids(net)
    program = traced(routine).module()
    for shape in (SHAPE, (9, 11)):
        given, expected = exchanged(net, shape)
        with torch.no_grad():
            found = routine.outputs_of(program(*given), routine.sizes(given))
            eager = routine.outputs_of(routine.answers(*given), routine.sizes(given))
        for v, values, same in zip(routine.outputs, found, eager, strict=True):
            correct = expected[v.name][0]
            assert torch.equal(same, correct)
            assert (values - correct).abs().max() <= RELATIVE * (correct.max() - correct.min())


def test_points_within_a_part_have_the_fluxes_of_the_whole(net: Surrogate) -> None:
    routine = on_grids(net)
    whole, _ = exchanged(net)
    part = routine.part(whole, 120)
    assert routine.sizes(part)[0] == 120 < routine.sizes(whole)[0]
    results = [
        routine.outputs_of(routine.answers(*given), routine.sizes(given)) for given in (part, whole)
    ]
    latent = [v.name for v in routine.outputs].index("latent")
    # Rows of the ocean from the south: those at least three below the cut see nothing of it.
    seen, exact = results[0][latent], results[1][latent]
    torch.testing.assert_close(seen[:60], exact[:60], rtol=1e-5, atol=1e-4)
    assert not torch.equal(seen, exact[:120])


@pytest.mark.compiled
@pytest.mark.skipif(
    not all(map(shutil.which, ("g++", "gfortran", "cmake"))), reason="needs g++, gfortran and cmake"
)
def test_the_library_has_the_numbers_of_pytorch(net: Surrogate, tmp_path: Path) -> None:
    artifacts = tmp_path / "experiments" / "run" / "artifacts"
    net.save(artifacts)
    given, _ = exchanged(net)
    routine = on_grids(net)
    assert isinstance(routine, Exchange)
    write_tensors(artifacts, dict(zip(routine.names, given, strict=True)))
    use_case = UseCase("sea", "Sea", Path(), "", "", "", ROUTINE)
    command(use_case, tmp_path / "experiments")(tmp_path / "sea", experiment="run")
    card = json.loads((tmp_path / "sea" / "surrogate.json").read_text())["library"]
    assert max(card["largest_difference_over_range"].values()) <= RELATIVE
    for line in (
        ["cmake", "-S", str(tmp_path / "sea"), "-B", str(tmp_path / "build"), "-Wno-dev"],
        ["cmake", "--build", str(tmp_path / "build")],
        ["ctest", "--test-dir", str(tmp_path / "build"), "--output-on-failure"],
    ):
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
