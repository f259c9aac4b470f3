"""The derived features against numbers that can be worked out by hand."""

import math

import pytest
import torch

from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.nets import features
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)


def test_a_cloud_of_a_hundred_grams_has_the_optical_depth_of_its_drops():
    columns = {
        "q_liquid": torch.tensor([[1e-4]]),
        "re_liquid": torch.tensor([[10e-6]]),
        "q_ice": torch.tensor([[2e-5]]),
        "re_ice": torch.tensor([[50e-6]]),
    }
    # 1000 kg/m2 of air: 100 g/m2 of water, 20 g/m2 of ice
    liquid, ice = features.optical_depths(columns, torch.tensor([[1000.0]]))
    assert liquid.item() == pytest.approx(1.5 * 0.1 / (1000 * 10e-6))
    assert ice.item() == pytest.approx(1.5 * 0.02 / (917 * 50e-6))


def test_clouds_are_farther_apart_high_up():
    surface = torch.tensor([[1e5]])
    found = features.cloud_separation(torch.tensor([[0.0, 5e4, 1e5]]), surface)
    expected = [14000.0, 14000.0 - 11500.0 * 0.5**3.5, 2500.0]
    torch.testing.assert_close(found, torch.tensor([expected]))


def test_adjacent_clouds_overlap_fully_and_separate_ones_at_random():
    fraction = torch.tensor([[0.0, 0.3, 0.5, 0.4, 0.0, 0.2]])
    expected = [1.0, 0.7, 0.5, 0.5, 0.5, 0.5 * 0.8]
    torch.testing.assert_close(features.clear_share(fraction), torch.tensor([expected]))
    overcast = features.clear_share(torch.tensor([[0.2, 1.0, 0.5]]))
    torch.testing.assert_close(overcast, torch.tensor([[0.8, 0.0, 0.0]]))


def test_levels_know_where_they_are():
    log_p, sigma, *waves = features.positions(
        torch.tensor([[1.0, 5e4, 1e5]]), torch.tensor([[1e5]])
    )
    torch.testing.assert_close(log_p, torch.tensor([[0.0, math.log(5e4), math.log(1e5)]]))
    torch.testing.assert_close(sigma, torch.tensor([[1e-5, 0.5, 1.0]]))
    assert len(waves) == 2 * len(features.FOURIER_WAVES)
    for wave in waves:
        assert wave.abs().max() <= 1 + 1e-6


@pytest.mark.parametrize("derived", [True, False])
def test_every_column_has_finite_features_at_every_half_level(derived):
    columns = LAYOUT.split_inputs(made_up.columns(40, LEVELS)["inputs"])
    assert (columns["pressure_hl"][:, 0] == 0).all()
    found = features.profile_features(columns, derived)
    assert found.shape[::2] == (40, LEVELS + 1)
    assert found.isfinite().all() and found.abs().max() < 100
    assert features.surface_features(columns).isfinite().all()


def test_features_of_clouds_vanish_in_the_clear_sky_and_at_the_surface():
    columns = LAYOUT.split_inputs(made_up.columns(40, LEVELS)["inputs"])
    found = features.profile_features(columns)
    of_clouds = found[:, -16:]
    clear = (columns["cloud_fraction"] == 0).all(-1)
    condensate = of_clouds[:, [0, 1, 2]]
    assert (condensate[clear] == 0).all() and (condensate[~clear].amax((1, 2)) > 0).all()
    assert (of_clouds[..., -1] == 0).all()


def test_the_night_has_no_sun():
    columns = LAYOUT.split_inputs(made_up.columns(40, LEVELS)["inputs"])
    columns = {**columns, "cos_solar_zenith_angle": torch.linspace(-1, 1, 40)}
    sun, day = features.surface_features(columns)[:, :2].unbind(-1)
    assert (sun[:20] == 0).all() and (sun[20:] > 0).all()
    torch.testing.assert_close(day, torch.cat([torch.zeros(20), torch.ones(20)]))
