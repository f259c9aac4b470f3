"""Slot flame: bounds, divergence, the fuel that is burnt, and restarts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from combustion.synthetic.flame import SlotBurner, SlotFlame
from combustion.synthetic.transport import HALO

SMALL = SlotBurner(cells=(48, 32, 16), slot_width=1.6e-3, integral_length=6e-4)


def fluxes(flame: SlotFlame) -> torch.Tensor:
    """Courant numbers of the last half steps, without the halo."""
    return flame.scalar.courant[:, HALO : 1 - HALO, HALO : 1 - HALO, HALO : 1 - HALO]


def test_flame_stays_in_bounds_and_its_flow_without_divergence() -> None:
    flame = SlotFlame(dataclasses.replace(SMALL, turbulence_rms=0.95))
    while flame.time < 6e-4:
        flame.advance(6e-4)
        c = flame.progress_variable
        assert 0 <= c.min() < 0.02
        assert 0.999 < c.max() <= 1 + 1e-6
        assert flame.flow.divergence().abs().max() < 1e-5 * flame.burner.jet_velocity
        u, v, w = fluxes(flame).double()
        fine = u.diff(dim=0)[:, :-1, :-1] + v.diff(dim=1)[:-1, :, :-1] + w.diff(dim=2)[:-1, :-1]
        assert fine.abs().max() < 2e-6
    assert flame.time == 6e-4


def test_what_enters_and_burns_is_what_there_is_more_of() -> None:
    """Budget of c over the box: change = inflow - outflow + burnt, without turbulence."""
    burner = dataclasses.replace(SMALL, turbulence_rms=1e-3)
    flame = SlotFlame(burner)
    flame.advance(2e-5)
    area = burner.spacing**2

    def rates() -> float:
        c = flame.progress_variable.double()
        burnt = (burner.laminar.rate * c**2 * (1 - c)).sum().item() * burner.spacing**3
        stream = flame.flow.faces[0].double().repeat_interleave(2, 1).repeat_interleave(2, 2)
        inlet = flame.scalar.inflow[HALO:-HALO, HALO:-HALO].double()
        carried = (stream[0] * inlet - stream[-1] * c[-1]).sum().item() * area
        spread = burner.laminar.diffusivity * (inlet - c[0]).sum().item() * burner.spacing
        return burnt + carried + spread

    def content() -> float:
        return flame.progress_variable.double().sum().item() * burner.spacing**3

    before, time, supplied = content(), flame.time, 0.0
    for _ in range(20):
        start, rate = flame.time, rates()
        flame.advance(flame.time + 1e-5)
        supplied += (rate + rates()) / 2 * (flame.time - start)
    volume = (flame.time - time) * burner.jet_velocity * burner.slot_width * 16 * burner.spacing
    assert content() - before == pytest.approx(supplied, abs=0.01 * volume)


def test_turbulence_wrinkles_the_flame() -> None:
    def surface(rms: float) -> float:
        flame = SlotFlame(dataclasses.replace(SMALL, turbulence_rms=rms))
        while flame.time < 1e-3:
            flame.advance(1e-3)
        c = flame.progress_variable
        slopes = [(c.roll(-1, axis) - c)[:-1] for axis in range(3)]
        return torch.stack(slopes).square().sum(0).sqrt().sum().item()

    assert surface(0.95) > 1.15 * surface(0.01)


def test_steps_end_at_the_time_asked_for() -> None:
    flame = SlotFlame(SMALL)
    limit = flame.time_step_limit()
    flame.advance(2.5 * limit)
    assert flame.time == pytest.approx(2.5 * limit / 3, rel=1e-12)
    while flame.time < 2.5 * limit:
        flame.advance(2.5 * limit)
    assert flame.time == 2.5 * limit
    assert flame.steps in (3, 4)
    with pytest.raises(ValueError, match="past the time asked for"):
        flame.advance(limit)


def test_restart_gives_the_same_fields_bit_for_bit(tmp_path: Path) -> None:
    end = 4e-4
    flame = SlotFlame(SMALL)
    while flame.time < 2e-4:
        flame.advance(end)
    flame.save(tmp_path / "state.safetensors")
    again = SlotFlame(SMALL)
    again.flow.velocity.fill_(9.0)  # whatever was there, the halo included, must not matter
    again.scalar.c.fill_(0.5)
    again.restore(tmp_path / "state.safetensors")
    assert (again.time, again.steps) == (flame.time, flame.steps)
    for run in (flame, again):
        while run.time < end:
            run.advance(end)
    assert again.steps == flame.steps
    assert torch.equal(again.progress_variable, flame.progress_variable)
    assert torch.equal(again.velocity, flame.velocity)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_state_of_another_flame_is_refused(tmp_path: Path) -> None:
    SlotFlame(SMALL).save(tmp_path / "state.safetensors")
    other = SlotFlame(dataclasses.replace(SMALL, seed=12))
    with pytest.raises(ValueError, match=r"state.safetensors: state of another flame.*seed=11"):
        other.restore(tmp_path / "state.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": (48, 31, 16)}, "even numbers"),
        ({"spacing": 2e-4}, "needs 5 cells, found 2.6"),
        ({"slot_width": 4e-3}, r"0 < H < 0\.0032 m"),
    ],
)
def test_burners_that_the_grid_cannot_hold_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


def test_jet_has_the_slot_width_and_the_mean_velocities() -> None:
    burner = SlotBurner()
    y = (torch.arange(400) + 0.5) / 400 * 12e-3 - 6e-3
    jet = burner.jet_profile(y)
    assert jet.sum().item() * 12e-3 / 400 == pytest.approx(burner.slot_width, rel=1e-3)
    assert jet[0] < 0.01
    assert jet[200] > 0.99


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_gives_the_flame_of_the_cpu() -> None:
    flames = [SlotFlame(SMALL, device) for device in ("cpu", "cuda")]
    for flame in flames:
        while flame.time < 2e-4:
            flame.advance(2e-4)
    torch.testing.assert_close(
        flames[1].progress_variable.cpu(), flames[0].progress_variable, atol=1e-3, rtol=0
    )
