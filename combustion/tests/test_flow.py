"""Flow: no divergence, exact solutions, conservation, refinement without divergence."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from combustion.synthetic import flow as flow_module
from combustion.synthetic.flow import Flow, refine

CPU = torch.device("cpu")
SHAPE = (16, 12, 10)


def random_flow(viscosity: float = 0.0, inlet: float = 2.0) -> Flow:
    """Turbulent flow at unit spacing behind a uniform inlet; closed where the inlet is zero."""
    generator = torch.Generator().manual_seed(5)
    entering = torch.zeros(3, *SHAPE[1:])
    entering[0] = inlet
    flow = Flow(SHAPE, 1.0, viscosity, lambda time: entering, CPU)
    start = torch.randn(3, SHAPE[0] + 1, *SHAPE[1:], generator=generator)
    start[0] += inlet
    start[0, 0] = start[0, -1] = inlet
    flow.start(start, 0.0)
    return flow


def energy(flow: Flow) -> float:
    """Kinetic energy of the faces inside."""
    faces = flow.faces.double()
    return (faces[0, 1:-1].square().sum() + faces[1:, :-1].square().sum()).item() / 2


def fine_divergence(fine: Tensor, halo: int) -> Tensor:
    inside = slice(halo, -halo)
    after = slice(halo + 1, -halo + 1)
    u, v, w = fine
    total = u[after, inside, inside] - u[inside, inside, inside]
    total = total + v[inside, after, inside] - v[inside, inside, inside]
    return total + w[inside, inside, after] - w[inside, inside, inside]


def test_velocity_is_free_of_divergence_and_mass_leaves_as_it_enters() -> None:
    flow = random_flow(viscosity=0.01)
    for step in range(10):
        flow.step(0.1 * step, 0.1)
        assert flow.divergence().abs().max() < 2e-6 * flow.velocity.abs().max()
        assert flow.faces[0, -1].mean().item() == pytest.approx(2.0, abs=1e-5)


def test_uniform_stream_stays_uniform() -> None:
    entering = torch.zeros(3, *SHAPE[1:])
    entering[0], entering[1] = 2.0, -0.5
    flow = Flow(SHAPE, 0.1, 0.02, lambda time: entering, CPU)
    flow.start(entering[:, None].expand(3, SHAPE[0] + 1, *SHAPE[1:]), 0.0)
    for step in range(5):
        flow.step(0.01 * step, 0.01)
    expected = entering[:, None].expand(3, SHAPE[0] + 1, *SHAPE[1:])
    torch.testing.assert_close(flow.faces, expected, atol=1e-5, rtol=0)


def test_taylor_green_vortices_decay_as_they_should() -> None:
    """The exact solution is v = cos(y) sin(z) e^(-2 nu t) and its partner, at every x."""
    cells, viscosity = 32, 0.1
    h = 2 * math.pi / cells
    face, centre = torch.arange(cells) * h, (torch.arange(cells) + 0.5) * h
    v = torch.cos(face)[:, None] * torch.sin(centre)
    w = -torch.sin(centre)[:, None] * torch.cos(face)
    shape = torch.stack([torch.zeros_like(v), v, w])

    def exact(time: float) -> Tensor:
        return shape * math.exp(-2 * viscosity * time)

    flow = Flow((8, cells, cells), h, viscosity, exact, CPU)
    flow.start(exact(0.0)[:, None].expand(3, 9, cells, cells), 0.0)
    for step in range(20):
        flow.step(0.05 * step, 0.05)
    found = flow.faces[:, :-1]
    expected = exact(1.0)[:, None].expand_as(found)
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)


def test_energy_is_kept_without_viscosity_and_decays_with_it() -> None:
    """In a closed box; central differences neither make nor destroy energy, RK3 barely does."""
    ideal, viscous = random_flow(0.0, inlet=0.0), random_flow(0.05, inlet=0.0)
    before = energy(ideal)
    previous = energy(viscous)
    for step in range(40):
        ideal.step(0.05 * step, 0.05)
        viscous.step(0.05 * step, 0.05)
        assert energy(viscous) < previous
        previous = energy(viscous)
    assert energy(ideal) == pytest.approx(before, rel=5e-3)
    assert previous < 0.8 * before


def test_halving_the_time_step_divides_the_error_by_eight() -> None:
    def run(steps: int) -> Tensor:
        flow = random_flow(0.0, inlet=0.0)
        for step in range(steps):
            flow.step(0.8 * step / steps, 0.8 / steps)
        return flow.faces[1:, :-1].clone()

    reference, coarse, fine = run(32), run(2), run(4)
    ratio = (coarse - reference).norm() / (fine - reference).norm()
    assert 5 < ratio < 12


def test_time_step_limit_is_the_cfl_number() -> None:
    flow = random_flow(inlet=0.0)
    flow.velocity.zero_()
    flow.velocity[0, 3, 4, 5], flow.velocity[1, 6, 4, 5] = -3.0, 1.0
    assert flow.time_step_limit() == pytest.approx(1.7 / 4)


def test_refined_velocity_is_free_of_divergence_like_the_coarse_one() -> None:
    flow, halo = random_flow(), 2
    fine = torch.zeros(3, *(2 * n + 2 * halo for n in SHAPE), dtype=torch.float64)
    refine(flow.faces.double(), fine, halo)
    coarse = flow.divergence().abs().max().item()
    assert fine_divergence(fine, halo).abs().max().item() <= 2 * coarse

    # Even where the coarse divergence is not zero it is only spread, its mean over a cell kept.
    generator = torch.Generator().manual_seed(9)
    faces = torch.randn(3, SHAPE[0] + 1, *SHAPE[1:], generator=generator, dtype=torch.float64)
    refine(faces, fine, halo)
    u, v, w = faces[0], faces[1, :-1], faces[2, :-1]
    expected = u.diff(dim=0) + v.roll(-1, 1) - v + w.roll(-1, 2) - w
    found = fine_divergence(fine, halo)
    for axis in range(3):
        found = found.unflatten(axis, (-1, 2)).sum(axis + 1)
    torch.testing.assert_close(found / 4, expected)  # four fine faces share a coarse one


def test_refined_velocity_keeps_linear_profiles_and_the_flux_through_faces() -> None:
    nx, ny, nz = SHAPE
    faces = torch.zeros(3, nx + 1, ny, nz)
    faces[0] = torch.arange(nx + 1)[:, None, None] * 0.5
    faces[2] = torch.arange(nx + 1)[:, None, None] + 0.5
    fine = torch.zeros(3, 2 * nx + 4, 2 * ny + 4, 2 * nz + 4)
    refine(faces, fine, 2)
    torch.testing.assert_close(fine[0, 2 : 2 * nx + 3, 5, 5], torch.arange(2 * nx + 1) * 0.25)
    inner = fine[2, 4 : 2 * nx, 5, 5]  # the ends have half the slope
    torch.testing.assert_close(inner, (torch.arange(2, 2 * nx - 2) + 0.5) * 0.5)

    draw = torch.randn(3, nx + 1, ny, nz, generator=torch.Generator().manual_seed(1))
    refine(draw, fine, 2)
    old = fine[0, 2 : 2 * nx + 3 : 2, 2:-2, 2:-2].unflatten(2, (nz, 2)).mean(3)
    torch.testing.assert_close(old.unflatten(1, (ny, 2)).mean(2), draw[0])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [SHAPE, (40, 3, 2), (1, 1, 1), (3, 40, 7)])
def test_compiled_loops_are_the_forms_in_pytorch(shape: tuple[int, ...], threads: int) -> None:
    generator = torch.Generator().manual_seed(4)
    velocity = torch.randn(3, *(n + 2 for n in shape), generator=generator, dtype=torch.float64)
    pressure = torch.randn(shape, generator=generator, dtype=torch.float64)
    faces, inside = velocity[:, 1:, 1:-1, 1:-1], (slice(None), *3 * [slice(1, -1)])
    fine = torch.zeros(3, *(2 * n + 4 for n in shape), dtype=torch.float64)

    def fields(compiled: bool) -> list[Tensor]:
        def form(name: str) -> Callable[..., Tensor]:
            function = getattr(flow_module, name)
            return function if compiled else function.__wrapped__

        corrected, rate, refined = velocity.clone(), velocity.clone(), fine.clone()
        form("subtract_gradient")(pressure, corrected)
        form("stress_divergence")(velocity, 0.25, 0.03, rate)
        form("refine")(faces, refined, 2)
        return [form("divergence")(velocity), corrected, rate[inside], refined]

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compiled = fields(compiled=True)
    finally:
        torch.set_num_threads(before)
    for found, expected in zip(compiled, fields(compiled=False), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-13, rtol=0)
