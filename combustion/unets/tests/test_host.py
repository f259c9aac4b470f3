"""A C++ host with a trained U-Net in the loop: the flame of Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ai4sim.native.couple import command
from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import Bench
from ai4sim.tests.host_programs import build_example, needs
from combustion.online.planar import PlanarFlame
from combustion.tests.flame_host import same_flame
from combustion.unets.config import USE_CASE
from combustion.unets.tests.tiny import TINY  # noqa: F401 (of the bench)


@needs()
@pytest.mark.compiled
def test_a_flame_that_burns_by_a_network_is_that_of_python(bench: Bench) -> None:
    trained, coupled = bench.run("fit", "--trainer.max_epochs", 60), bench.root / "coupled"
    command(USE_CASE, bench.experiments)(coupled, experiment=trained.name)
    surrogate = Surrogate.load(trained / "artifacts")
    flame = PlanarFlame(velocity_x=0.5, velocity_y=-0.3, velocity_z=0.4, wrinkling=8e-4, steps=20)
    sizes = (flame.cells_y, flame.cells_z)

    @torch.inference_mode()
    def closure(c: Tensor) -> Tensor:
        scale = torch.tensor([1 / flame.grid_spacing])
        return surrogate(c.float()[None, None], scale, (None, *sizes))[0, 0]

    program = build_example("flame", "flame_closure", coupled, bench.root / "build") / "flame"
    cut, surface = same_flame(program, flame, bench.root, closure)
    # The surface of a wave along y and one along z, to what so short a training learns of it.
    slopes = [flame.wrinkling * 2 * np.pi / (n * flame.grid_spacing) for n in sizes]
    phase = 2 * np.pi * np.arange(60) / 60
    wave_y, wave_z = slopes[0] * np.cos(phase)[:, None], slopes[1] * np.sin(phase)
    assert surface == pytest.approx(np.sqrt(1 + wave_y**2 + wave_z**2).mean(), rel=0.25)
    assert cut < 0.05
