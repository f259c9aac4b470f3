"""A C++ host with a closure as a native library in the loop: the flame of Python, and its speed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.library import build, write_sources
from ai4sim.native.network import compile_network
from ai4sim.native.routine import Grid
from ai4sim.tests.host_programs import EXAMPLES, build_example, called, needs
from combustion.models import INPUTS, OUTPUTS
from combustion.online.planar import PlanarFlame, write_case
from combustion.routine import RESOLUTION, SPACING
from combustion.tests.flame_host import burn, same_flame

pytestmark = needs()


class ResolvedGradient(nn.Module):
    """Sigma = ``|grad c|``: a closure without wrinkles, whose planar flame burns at S_L."""

    def forward(self, c: Tensor, parameters: Tensor) -> Tensor:
        """Map (1, 1, nx, ny, nz) [1] and (1, 2) to (1, 1, nx, ny, nz) [1/m]."""
        total = torch.zeros_like(c)
        for axis in (2, 3, 4):
            n = c.shape[axis]
            ends = [c.narrow(axis, 0, 1), c, c.narrow(axis, n - 1, 1)]
            line = torch.cat(ends, axis)
            total = total + (line.narrow(axis, 2, n) - line.narrow(axis, 0, n)).square()
        return total.sqrt() / (2 * parameters[:, :1, None, None, None])


def closure(c: Tensor) -> Tensor:
    """Return the same of a field that repeats along y and z, on the grid of the flames here."""
    wrapped = torch.cat([c[:, -1:], c, c[:, :1]], 1)
    wrapped = torch.cat([wrapped[..., -1:], wrapped, wrapped[..., :1]], 2).float()
    spacing = torch.tensor([[PlanarFlame.grid_spacing, 1.0]])
    return ResolvedGradient()(wrapped[None, None], spacing)[0, 0, :, 1:-1, 1:-1]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The host, built with this closure."""
    root = tmp_path_factory.mktemp("flame")
    routine = Grid(
        name="flame_closure",
        title="Resolved gradient",
        inputs=INPUTS,
        outputs=OUTPUTS,
        parameters=(SPACING, RESOLUTION),
        module=ResolvedGradient(),
        bounds={"progress_variable": Bounds(-0.05, 1.05)},
        fields=lambda samples: (samples["inputs"], samples["parameters"]),
        halo=1,
        least=2,
        reach=1,
    )
    c = torch.rand(1, 1, 12, 14, 10, generator=torch.Generator().manual_seed(0))
    folder = root / "coupled"
    folder.mkdir()
    write_sources(routine, folder, (c, torch.tensor([[8e-4, 1.0]])), "native")
    compile_network(routine, folder / "libflame_closure_network.so", "native")
    build(routine, folder)
    return build_example("flame", "flame_closure", folder, root / "build") / "flame"


def test_a_wrinkled_flame_in_an_oblique_flow_is_that_of_python(
    program: Path, tmp_path: Path
) -> None:
    flame = PlanarFlame(velocity_x=0.5, velocity_y=-0.3, velocity_z=0.4, wrinkling=8e-4, steps=20)
    cut, surface = same_flame(program, flame, tmp_path, closure)
    assert cut < 1e-3 and surface > 1.01


def test_a_planar_flame_burns_at_the_laminar_speed(program: Path, tmp_path: Path) -> None:
    """The integral of Sigma is the section, and the flame moves with the gas less S_L."""
    # Twelve cells thick: half the profile moves to 2 % as the integral does.
    still = PlanarFlame(cells_x=61, position=61 * 4e-4, thickness=9.6e-3, steps=40)
    section = still.cells_y * still.cells_z * still.grid_spacing**2
    duration = still.steps * still.time_step
    burnt = still.flame_speed * duration
    for velocity in (still.flame_speed, 2 * still.flame_speed):
        rows, field = burn(program, replace(still, velocity_x=velocity), tmp_path)
        assert rows["surface"] == pytest.approx(section, rel=1e-3)
        assert rows["burnt"][-1] == pytest.approx(section * burnt, rel=1e-3)
        assert np.ptp(field, axis=(1, 2)).max() < 1e-12  # it stays planar
        x = (np.arange(still.cells_x) + 0.5) * still.grid_spacing
        front = np.interp(0.5, field.mean((1, 2)), x)
        expected = still.position + velocity * duration - burnt
        assert front == pytest.approx(expected, abs=0.02 * burnt)


def test_the_case_of_the_example_is_the_default(tmp_path: Path) -> None:
    write_case(tmp_path / "case.txt", PlanarFlame())
    assert (EXAMPLES / "flame" / "planar.txt").read_text() == (tmp_path / "case.txt").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps 50", "", "case.txt: steps is missing"),
        ("steps 50", "steps many", "case.txt: steps: expected a number"),
        ("steps 50", "steps 50\nspeed 3", "case.txt: unknown name speed"),
        ("steps 50", "steps 50\nsteps 3", "case.txt: steps stands there twice"),
        ("time_step 0.0004", "time_step 0.004", "time_step: the gas crosses more than a cell"),
        ("diffusivity 3.6e-05", "diffusivity 1", "time_step: expected at most grid_spacing^2 / (6"),
        ("grid_spacing 0.0008", "grid_spacing 2", "case.txt: grid_spacing is 2"),
        ("cells_x 17", "cells_x 1", "flame_closure: progress_variable: 1 cells along axis 1"),
    ],
)
def test_a_case_without_meaning_is_refused(
    program: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    case = tmp_path / "case.txt"
    write_case(case, PlanarFlame())
    case.write_text(case.read_text().replace(old, new))
    done = called(program, case, tmp_path / "field.bin")
    assert done.returncode == 1 and words in done.stderr
    assert not (tmp_path / "field.bin").exists()
