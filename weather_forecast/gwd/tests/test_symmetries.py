"""Turned and mirrored columns are those that the schemes would give turned and mirrored drag."""

import math

import pytest
import torch

from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.physics.symmetries import random_transform, transform
from weather_forecast.gwd.synthetic.generate import outputs
from weather_forecast.gwd.tests.made_up import smooth_columns

NOGWD, OGWD = DragLayout("nogwd", 63), DragLayout("ogwd", 91)
STEP = 2 * math.pi / 16


def labelled(layout: DragLayout, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, the teacher's tendencies and latitude of some columns, float64."""
    x, latitude = smooth_columns(layout, count)
    return x, outputs(x, latitude, layout), latitude


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Norm of the difference relative to that of what was expected."""
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("mirror", [False, True])
def test_labels_of_turned_columns_are_turned_labels(mirror):
    x, y, latitude = labelled(NOGWD, 32)
    angle = STEP * torch.arange(32).double()  # twice around
    mirrored = torch.full((32,), mirror)
    turned, expected = transform(x, y, NOGWD, angle, mirrored)
    assert difference(outputs(turned, latitude, NOGWD), expected) < 1e-9
    assert torch.equal(turned[:, 126:], x[:, 126:])


@pytest.mark.parametrize("mirror", [False, True])
def test_mountains_turn_with_the_wind(mirror):
    x, y, latitude = labelled(OGWD, 60)
    angle = torch.linspace(-7, 7, 60).double()
    turned, expected = transform(x, y, OGWD, angle, torch.full((60,), mirror))
    found = outputs(turned, latitude, OGWD)
    for part in (slice(0, 182), slice(182, 364)):
        assert difference(found[:, part], expected[:, part]) < 0.01
    assert turned[:, -1].abs().max() <= math.pi / 2 + 1e-12
    # Had they not turned, the drag would be another one.
    turned[:, -1] = x[:, -1]
    assert difference(outputs(turned, latitude, OGWD), expected) > 0.1


@pytest.mark.parametrize("layout", [NOGWD, OGWD])
def test_turns_and_mirrors_are_undone(layout):
    x, _ = smooth_columns(layout, 50)
    y = torch.randn(50, layout.output_channels, generator=torch.Generator().manual_seed(0)).double()
    angle, mirror = torch.linspace(0, 6, 50).double(), torch.arange(50) % 2 == 0
    never = torch.zeros_like(mirror)
    there = transform(x, y, layout, angle, mirror)
    assert difference(there[0], x) > 0.001
    # A mirror turns the other way round: undo it first.
    back = transform(*there, layout, torch.zeros_like(angle), mirror)
    back = transform(*back, layout, -angle, never)
    torch.testing.assert_close(back, (x, y), rtol=1e-10, atol=1e-9)


def test_a_quarter_to_the_left_and_a_mirror_by_hand():
    layout = DragLayout("ogwd", 2)
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 250.0, 260.0, 1e5, 9.8, 300.0, 0.1, 0.5, 0.3]])
    y = torch.arange(1.0, 9.0)[None]
    quarter = torch.tensor([math.pi / 2])
    turned, drag = transform(x, y, layout, quarter, torch.tensor([False]))
    axis = 0.3 - math.pi / 2  # that of pi / 2 + 0.3, without a head
    expected = [-3.0, -4.0, 1.0, 2.0, *x[0, 4:-1].tolist(), axis]
    torch.testing.assert_close(turned, torch.tensor([expected]))
    torch.testing.assert_close(drag, torch.tensor([[-3.0, -4, 1, 2, -7, -8, 5, 6]]))
    mirrored, drag = transform(x, y, layout, torch.zeros(1), torch.tensor([True]))
    expected = [1.0, 2.0, -3.0, -4.0, *x[0, 4:-1].tolist(), -0.3]
    torch.testing.assert_close(mirrored, torch.tensor([expected]))
    torch.testing.assert_close(drag, torch.tensor([[1.0, 2, -3, -4, 5, 6, -7, -8]]))


@pytest.mark.parametrize("azimuths", [4, 16])
def test_every_turn_and_both_mirrors_are_drawn(azimuths):
    layout = DragLayout("nogwd", 1)
    x = torch.tensor([[1.0, 0.0, 250.0, 1e5, 0.0]]).repeat(1000, 1)
    x[:500, :2] = torch.tensor([0.0, 1.0])
    torch.manual_seed(0)
    found, drag = random_transform(x, x[:, :2].clone(), layout, azimuths)
    assert torch.equal(drag, found[:, :2])
    direction = torch.atan2(found[:, 1], found[:, 0]) * azimuths / (2 * math.pi)
    torch.testing.assert_close(direction, direction.round(), rtol=0, atol=1e-4)
    counts = direction[500:].round().int().remainder(azimuths).bincount(minlength=azimuths)
    assert counts.min() > 0.4 * 500 / azimuths
    torch.testing.assert_close(found[:, :2].norm(dim=-1), torch.ones(1000))
    torch.manual_seed(0)
    again, _ = random_transform(x, x[:, :2].clone(), layout, azimuths)
    assert torch.equal(again, found)
    # Two winds at right angles tell a mirror from a turn: half of the columns have one.
    both = torch.tensor([[1.0, 0.0, 0.0, 1.0, 250.0, 250.0, 1e5, 0.0]]).repeat(1000, 1)
    both, _ = random_transform(both, both[:, :4].clone(), DragLayout("nogwd", 2), azimuths)
    area = both[:, 0] * both[:, 3] - both[:, 1] * both[:, 2]
    assert 0.4 < (area < 0).float().mean() < 0.6
