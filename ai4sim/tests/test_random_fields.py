"""Random fields: their distribution, their length, and that places do not matter."""

import datetime

import pytest
import torch

from ai4sim.physics.random_fields import (
    date_generator,
    rank,
    smooth_fields,
    sums_of_waves,
    uniform,
)

TIME = datetime.datetime(2020, 5, 1, 6)


def places(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = uniform(torch.Generator().manual_seed(1), count, 2)
    return (2 * drawn[:, 0] - 1).asin().rad2deg(), 360 * drawn[:, 1]


def test_values_are_normally_distributed():
    fields = smooth_fields(date_generator(TIME, 0), *places(400), 600.0, 40)
    assert fields.shape == (400, 40)
    assert fields.mean().item() == pytest.approx(0, abs=0.05)
    assert fields.square().mean().item() == pytest.approx(1, abs=0.08)
    shares = [(rank(fields) < level).double().mean().item() for level in (0.1, 0.5, 0.9)]
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


def test_neighbours_are_alike_by_their_distance():
    kilometres = torch.tensor([0.0, 300, 600, 1200, 3000], dtype=torch.float64)
    fields = smooth_fields(
        date_generator(TIME, 0), (kilometres / 6371).rad2deg(), torch.zeros(5).double(), 600.0, 4000
    )
    alike = (fields[:1] * fields).mean(1)
    expected = (-0.5 * (kilometres / 600) ** 2).exp()
    torch.testing.assert_close(alike, expected, atol=0.06, rtol=0)


def test_the_same_weather_wherever_one_looks():
    latitude, longitude = places(50)
    whole = smooth_fields(date_generator(TIME, 3), latitude, longitude, 900.0, 5)
    part = smooth_fields(date_generator(TIME, 3), latitude[20:30], longitude[20:30], 900.0, 5)
    torch.testing.assert_close(part, whole[20:30])
    east = smooth_fields(date_generator(TIME, 3), latitude, longitude + 360, 900.0, 5)
    torch.testing.assert_close(east, whole)


def test_dates_seeds_and_purposes_differ():
    later = TIME + datetime.timedelta(minutes=1)
    sources = [(TIME, 0, ""), (TIME, 1, ""), (TIME, 0, "places"), (later, 0, "")]
    first = {uniform(date_generator(*source), 1).item() for source in sources}
    assert len(first) == 4
    assert uniform(date_generator(TIME, 0), 1).item() in first


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 5e-12), (torch.float32, 1e-4)])
def test_compiled_sums_of_waves_are_those_of_pytorch(dtype, tolerance):
    rng = torch.Generator().manual_seed(2)
    place, wave = (torch.randn(n, m, generator=rng, dtype=dtype) for n, m in ((700, 3), (3, 60)))
    phase = torch.rand(60, generator=rng, dtype=dtype)
    scale = 10 if dtype == torch.float32 else 600
    found = sums_of_waves(place, scale * wave, phase, 5)
    expected = sums_of_waves.__wrapped__(place.double(), scale * wave.double(), phase.double(), 5)
    assert found.shape == (700, 5) and found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=0)
    assert sums_of_waves(place[:0], wave, phase, 5).shape == (0, 5)
