"""Progress variable: the planar flame as prescribed, bounds, conservation, curvature."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from combustion.synthetic import transport as transport_module
from combustion.synthetic.flow import Flow, refine
from combustion.synthetic.transport import HALO, LaminarFlame, ScalarTransport

METHANE = LaminarFlame(speed=0.272, thickness=0.526e-3)
DX = 1e-4  # 5.3 cells across the flame
CPU = torch.device("cpu")


class Inert(LaminarFlame):
    """Advection and diffusion only."""

    rate = 0.0


def planar(cells: int, flame: LaminarFlame, position: float) -> ScalarTransport:
    """Make a flat flame at `position` [m], fresh gas towards x = 0."""
    transport = ScalarTransport((cells, 2, 2), DX, flame, torch.zeros(2, 2), CPU)
    x = (torch.arange(cells) + 0.5) * DX
    transport.interior.copy_(flame.profile(x - position)[:, None, None])
    return transport


def thickness(c: Tensor) -> float:
    """1 / max|dc/dx| between the cells [m]: dc/dx vanishes at both ends and has a spectrum."""
    jump = torch.fft.rfft(c.double().diff() / DX)
    wave = torch.arange(len(jump)) * math.pi / (len(c) - 1)  # a jump is a mean over one cell
    fine = torch.fft.irfft(jump / torch.sinc(wave / math.pi), 16 * (len(c) - 1)) * 16
    return 1 / fine.max().item()


def solenoidal(shape: tuple[int, int, int]) -> Tensor:
    """Random face velocities without divergence, of order one, on the fine grid."""
    coarse = (shape[0] // 2, shape[1] // 2, shape[2] // 2)
    inlet = torch.zeros(3, *coarse[1:])
    flow = Flow(coarse, 1.0, 0.0, lambda time: inlet, CPU)
    draw = torch.randn(3, coarse[0] + 1, *coarse[1:], generator=torch.Generator().manual_seed(3))
    draw[0, 0] = draw[0, -1] = 0  # closed box
    flow.start(draw, 0.0)
    out = torch.zeros(3, *(n + 2 * HALO for n in shape))
    refine(flow.faces, out, HALO)
    return out


@pytest.mark.parametrize(
    ("stream", "cross"), [(0.272, 0.0), (0.272, -3.0), (1.6, 2.0), (-0.8, 0.0)]
)
def test_planar_flame_has_the_prescribed_speed_and_thickness(stream: float, cross: float) -> None:
    cells, step, steps = 320, 2.4e-5, 400
    position = 0.016 - (stream - METHANE.speed) * step * steps / 2
    transport = planar(cells, METHANE, position)
    transport.courant[0] = stream * step / 2 / DX
    transport.courant[1] = cross * step / 2 / DX
    burnt, consumption, thick = [], [], []
    for _ in range(steps):
        transport.advance(step)
        c = transport.interior[:, 0, 0].double()
        burnt.append(c.sum().item() * DX)
        consumption.append((METHANE.rate * c**2 * (1 - c)).sum().item() * DX)
        thick.append(thickness(c))
    half = steps // 2
    displacement = (burnt[-1] - burnt[half - 1]) / (step * half) + stream
    assert displacement == pytest.approx(METHANE.speed, rel=0.02)
    assert sum(consumption[half:]) / half == pytest.approx(METHANE.speed, rel=0.02)
    assert sum(thick[half:]) / half == pytest.approx(METHANE.thickness, rel=0.02)
    torch.testing.assert_close(transport.interior[:, 0, 0], transport.interior[:, 1, 1])


def test_uniform_gas_stays_uniform_in_any_flow_without_divergence() -> None:
    shape = (24, 16, 12)
    transport = ScalarTransport(shape, DX, Inert(0.3, 5e-4), torch.full((16, 12), 0.4), CPU)
    transport.courant.copy_(solenoidal(shape) * 0.15)
    transport.interior.fill_(0.4)
    for _ in range(20):
        transport.advance(2e-5)
    torch.testing.assert_close(transport.interior, torch.full(shape, 0.4), atol=3e-6, rtol=0)


def test_sharp_fronts_keep_their_bounds_and_their_mass() -> None:
    """The clamp at 0 and 1 has nothing but rounding to remove, else the mass would not be kept."""
    shape = (24, 32, 20)
    transport = ScalarTransport(shape, DX, Inert(0.0, 5e-4), torch.zeros(32, 20), CPU)
    courant = solenoidal(shape)
    transport.courant.copy_(courant * 0.6 / courant.abs().max())
    transport.interior.copy_(
        (torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    )
    mass = transport.interior.double().sum().item()
    for _ in range(30):
        transport.advance(1e-5)
        assert transport.interior.min() > -1e-6
        assert transport.interior.max() < 1 + 1e-6
    assert transport.interior.double().sum().item() == pytest.approx(mass, rel=1e-5)


def test_the_longest_time_step_keeps_an_extreme_profile_in_bounds() -> None:
    transport = planar(64, Inert(METHANE.speed, METHANE.thickness), 0.0)
    step = transport.time_step_limit(7.0)
    transport.courant[0] = 7.0 * step / 2 / DX
    transport.interior.copy_((torch.arange(64) % 4 < 2).float()[:, None, None])
    fourier = METHANE.diffusivity * step / 2 / DX**2
    nu = 7.0 * step / 2 / DX
    assert (1 - nu) ** 2 == pytest.approx(2 * fourier, rel=1e-4)
    transport._along_x(fourier, first=True)  # before any clamp
    assert transport.interior.min() > -1e-6
    assert transport.interior.max() < 1 + 1e-6


def test_fronts_are_advected_to_fourth_order() -> None:
    errors = []
    for cells in (48, 96):
        transport = ScalarTransport((2, cells, 2), 1.0, Inert(0.0, 1.0), torch.ones(cells, 2), CPU)
        y = (torch.arange(cells) + 0.5) / cells - 0.5
        band = 0.5 * (torch.tanh(16 * (y + 0.25)) - torch.tanh(16 * (y - 0.25)))
        transport.interior.copy_(band[:, None])
        transport.courant[1] = 0.25
        for _ in range(2 * cells):  # once round
            transport.advance(1.0)
        errors.append((transport.interior[1, :, 0] - band).abs().mean().item())
    assert errors[0] / errors[1] > 10


def test_a_cylinder_burns_outwards_slowed_by_its_curvature() -> None:
    """Front speed S_L - D / r: the curvature term of a thin reaction-diffusion front."""
    cells, step, steps = 96, 2e-5, 60
    transport = ScalarTransport((24, cells, cells), DX, METHANE, torch.ones(cells, cells), CPU)
    y = (torch.arange(cells) + 0.5 - cells / 2) * DX
    transport.interior.copy_(METHANE.profile(2.5e-3 - torch.hypot(y[:, None], y[None, :])))
    transport.inflow.copy_(transport.c[HALO])

    def mean_radius() -> float:
        return math.sqrt(transport.interior[-1].double().sum().item() * DX**2 / math.pi)

    for _ in range(steps):
        transport.advance(step)
    start = mean_radius()
    for _ in range(steps):
        transport.advance(step)
    end = mean_radius()
    expected = METHANE.speed - METHANE.diffusivity * 2 / (start + end)
    assert (end - start) / (step * steps) == pytest.approx(expected, rel=0.02)


def scalar(shape: tuple[int, int, int]) -> ScalarTransport:
    """Random progress variable in a random flow."""
    flame = ScalarTransport(shape, DX, METHANE, torch.zeros(shape[1:]), CPU)
    flame.courant.copy_(solenoidal(shape) * 0.1)
    flame.interior.copy_(torch.rand(shape, generator=torch.Generator().manual_seed(2)))
    return flame


def plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sweep_along_x", "sweep_across"):
        monkeypatch.setattr(transport_module, name, getattr(transport_module, name).__wrapped__)


@pytest.mark.parametrize("form", ["compiled", "torch"])
def test_results_depend_neither_on_blocks_nor_on_threads(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if form == "torch":
        plain_torch(monkeypatch)
    threads, fields = torch.get_num_threads(), []
    for cells, count in ((600, 1), (2**62, 2)):
        monkeypatch.setattr(transport_module, "BLOCK_CELLS", cells)
        monkeypatch.setattr("combustion.synthetic.transport_loops.CHUNK", min(cells // 10, 1024))
        torch.set_num_threads(count)
        try:
            flame = scalar((18, 12, 10))
            for _ in range(3):
                flame.advance(2e-5)
        finally:
            torch.set_num_threads(threads)
        fields.append(flame.interior.clone())
    assert torch.equal(*fields)


@pytest.mark.parametrize("shape", [(18, 12, 10), (8, 30, 14), (40, 8, 46)])
def test_compiled_sweeps_are_those_in_pytorch(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]
) -> None:
    compiled, reference = scalar(shape), scalar(shape)
    for _ in range(5):
        compiled.advance(2e-5)
    plain_torch(monkeypatch)
    for _ in range(5):
        reference.advance(2e-5)
    difference = (compiled.interior - reference.interior).abs().max()
    assert 0 < difference < 2e-6  # two forms, one result but for rounding


def test_not_a_number_is_not_hidden() -> None:
    flame = scalar((18, 12, 10))
    flame.interior[9, 5, 5] = torch.nan
    flame.advance(2e-5)
    assert flame.interior[9, 5, 5].isnan()
