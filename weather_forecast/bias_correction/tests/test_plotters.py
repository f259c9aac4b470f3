"""The figures: all of them written, showing the numbers of the evaluation."""

import logging

import numpy as np
import pytest
import torch

from ai4sim.tests.drawn import assert_written, lines
from weather_forecast.bias_correction import plotters
from weather_forecast.bias_correction.evaluation import CorrectionEvaluation
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.tests.made_up import columns

LAYOUT = RadiationLayout(8)
NAMES = ["profiles", "scatter", "zenith", "columns", "maps"]


def evaluation(factor=0.8, count=300, **changed):
    """Judge a model that is off by a factor, and a ridge of half the target."""
    data = {**columns(count, 8), **changed}
    y = data["targets"]
    known = CorrectionEvaluation(LAYOUT)
    known.update(**data, predictions={"model": factor * y, "zero": 0 * y, "ridge": y / 2})
    return known


@pytest.mark.parametrize("names", [NAMES[:3], NAMES[3:]])
def test_every_figure_is_written_and_shows_something(names, tmp_path, monkeypatch):
    for name in set(NAMES) - set(names):
        monkeypatch.setattr(plotters, name, lambda known: None)
    drawn = ((name, figure) for name, figure in plotters.figures(evaluation()) if figure)
    assert_written(drawn, names, tmp_path / "plots")


def test_profiles_are_those_of_the_metrics_with_the_surface_below():
    known = evaluation()
    axes = plotters.profiles(known).axes
    results = known.metrics()
    for column, (output, part) in {2: ("flux_dn_lw", "profile"), 5: ("hr_lw", "layers")}.items():
        for row, metric in enumerate(("mae", "bias")):
            shown = lines(axes[6 * row + column])
            for label, name in (("Network", "model"), ("Ridge regression", "ridge")):
                expected = results[part][metric][output][name]
                assert shown[label].get_xdata() == pytest.approx(expected)
                assert shown[label].get_ydata() == pytest.approx(
                    results[part]["coordinate"]["values"], rel=1e-3
                )
    bottom, top = axes[0].get_ylim()
    assert bottom > top


def test_points_of_a_perfect_model_lie_on_the_diagonal():
    axes = plotters.scatter(evaluation(factor=1.0)).axes
    for ax in axes[:4]:
        points = ax.collections[0].get_offsets()
        assert len(points) > 50
        np.testing.assert_array_equal(points[:, 0], points[:, 1])
        assert ax.get_xlim() == ax.get_ylim()


def test_sun_of_the_short_wave_is_up():
    known = evaluation()
    figure = plotters.scatter(known)
    day = int((known.samples.points["cos_solar_zenith_angle"] > 0).sum())
    assert len(figure.axes[0].collections[0].get_offsets()) == day < 300
    shown = lines(plotters.zenith(known).axes[4])["No correction"]
    assert shown.get_ydata()[-1] == 0  # night
    expected = known.metrics()["zenith"]["mae"]["surface_flux_dn_sw"]["zero"]
    assert shown.get_ydata() == pytest.approx(expected)


def test_maps_share_a_scale_that_is_white_at_zero():
    figure = plotters.maps(evaluation())
    panels = [ax.collections[0] for ax in figure.axes[:12]]
    for row in range(4):
        target, network, error = panels[3 * row : 3 * row + 3]
        low, high = target.get_clim()
        assert low == -high < 0
        assert network.get_clim() == error.get_clim() == (low, high)
        np.testing.assert_allclose(
            error.get_array(), network.get_array() - target.get_array(), atol=1e-9
        )
    assert [ax.get_title() for ax in figure.axes[:3]] == ["Target", "Network", "Error"]


def test_columns_of_one_place_are_averaged_on_a_map():
    data = columns(300, 8)
    place = {name: data[name][torch.arange(300) // 2] for name in ("latitude", "longitude")}
    known = evaluation(**place)
    places, index = plotters._places(known)
    assert len(places) == 150
    assert (np.bincount(index) == 2).all()


def test_a_region_among_scattered_places_is_shown_alone():
    row, column = torch.arange(300) // 12, torch.arange(300) % 12
    regional = torch.arange(300) < 144
    scattered = torch.linspace(-80, 80, 300)
    known = evaluation(
        latitude=torch.where(regional, 36.0 + 2 * row, scattered),
        longitude=torch.where(regional, (350.0 + 2 * column) % 360, 4.7 * torch.arange(300) % 360),
    )
    shown = plotters.maps(known).axes[0].collections[0].get_offsets()
    assert 144 <= len(shown) < 150
    assert ((shown[:, 0] >= -13) & (shown[:, 0] <= 15)).all()  # across the meridian


@pytest.mark.parametrize("places", ["unknown", "few", "meridians"])
def test_without_an_area_there_are_no_maps(places, caplog, monkeypatch):
    for name in ("profiles", "scatter", "zenith", "columns"):
        monkeypatch.setattr(plotters, name, lambda evaluation: None)
    index = torch.arange(300)
    latitude = {
        "unknown": torch.full((300,), torch.nan),
        "few": (index % 30).float(),
        "meridians": torch.linspace(-90, 90, 300),
    }[places]
    longitude = latitude if places != "meridians" else index % 2 * 100.0
    with caplog.at_level(logging.INFO):
        drawn = plotters.figures(evaluation(latitude=latitude, longitude=longitude))
        assert [name for name, _ in drawn] == NAMES[:-1]
    assert "no maps" in caplog.text


@pytest.mark.parametrize("wanted", ["night", "clear"])
def test_a_dead_model_and_dull_columns_can_be_drawn(wanted):
    data = columns(40, 8)
    x = LAYOUT.split_inputs(data["inputs"])
    night, clear = x["cos_solar_zenith_angle"] < 0, x["cloud_fraction"].amax(1) == 0
    data = {name: values[night if wanted == "night" else clear] for name, values in data.items()}
    known = CorrectionEvaluation(LAYOUT)
    known.update(**data, predictions={"model": torch.zeros_like(data["targets"])})
    draw = plotters.scatter if wanted == "night" else plotters.columns
    draw(known).draw_without_rendering()
