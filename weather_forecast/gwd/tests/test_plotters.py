"""The figures: all of them for both schemes, showing the numbers of the evaluation."""

import logging

import numpy as np
import pytest
import torch

from ai4sim.tests.drawn import assert_written, lines
from weather_forecast.gwd import plotters
from weather_forecast.gwd.evaluation import ColumnEvaluation
from weather_forecast.gwd.tests.made_up import NOGWD, OGWD, columns

NAMES = ["r2_by_level", "profiles_by_latitude", "zonal_mean", "scatter", "flux_profiles", "samples"]
DAY = 86_400


def evaluation(layout, factor=0.8, latitude=None):
    """Judge a model that is off by a factor, and a ridge of half the target, in the tropics."""
    data = columns(layout, 80)
    data["latitude"] = data["latitude"] / 3.1 if latitude is None else latitude.expand(80)
    y = data["targets"]
    known = ColumnEvaluation(layout)
    predictions = {"model": factor * y, "ridge": y / 2, "climatology": y.mean(0).expand_as(y)}
    known.update(**data, predictions=predictions)
    return known


def test_every_figure_is_written_and_shows_something(tmp_path):
    known = evaluation(OGWD, latitude=torch.tensor(20.0))
    assert_written(plotters.figures(known), NAMES, tmp_path / "plots")


def test_r2_by_level_is_that_of_the_metrics():
    known = evaluation(NOGWD)
    left, right = plotters.r2_by_level(known).axes
    profile = known.metrics()["profile"]
    for ax, output in ((left, "u_tendency"), (right, "v_tendency")):
        shown = lines(ax)
        for label, name in (("Network", "model"), ("Ridge regression", "ridge")):
            assert shown[label].get_xdata() == pytest.approx(profile["r2"][output][name])
            assert shown[label].get_ydata() == pytest.approx(
                profile["coordinate"]["values"], rel=1e-3
            )
        bottom, top = ax.get_ylim()
        assert bottom > top  # pressure grows downward
        assert ax.get_yscale() == "log"


def test_profiles_are_root_mean_squares_per_day_of_each_band():
    known = evaluation(NOGWD)
    figure = plotters.profiles_by_latitude(known)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["0–30°S", "0–30°N"]
    data = columns(NOGWD, 80)
    south = data["targets"][data["latitude"] < 0]
    expected = DAY * south.square().mean(0).sqrt()[:24].numpy()
    shown = lines(figure.axes[0])
    assert shown["Target"].get_xdata() == pytest.approx(expected)
    assert shown["Network"].get_xdata() == pytest.approx(0.8 * expected)
    assert shown["Error"].get_xdata() == pytest.approx(0.2 * expected)


def test_flux_of_the_target_ends_at_the_launch_level():
    known = evaluation(NOGWD)
    shown = lines(plotters.flux_profiles(known).axes[0])
    flux = np.asarray(shown["Target"].get_xdata())
    assert flux[-1] < 1e-9 * flux.max()
    assert shown["Network"].get_xdata() == pytest.approx(0.8 * flux, abs=1e-12)


def test_sections_share_one_symmetric_scale_that_errors_are_measured_with():
    figure = plotters.zonal_mean(evaluation(OGWD))
    panels = [ax for ax in figure.axes if ax.collections and ax.get_yscale() == "log"]
    meshes = [ax.collections[0] for ax in panels]
    assert len(meshes) == 12
    for row in range(4):
        limits = {mesh.get_clim() for mesh in meshes[3 * row : 3 * row + 3]}
        assert len(limits) == 1
        low, high = limits.pop()
        assert low == -high < 0
    target, network, error = (mesh.get_array() for mesh in meshes[:3])
    np.testing.assert_allclose(error, network - target, atol=1e-12)


def test_density_of_a_perfect_model_lies_on_the_diagonal():
    figure = plotters.scatter(evaluation(NOGWD, factor=1.0))
    mesh = figure.axes[0].collections[0]
    density = np.ma.filled(mesh.get_array(), 0)
    assert density.any()
    assert not density[~np.eye(len(density), dtype=bool)].any()


def test_without_latitude_there_are_all_figures_but_the_zonal_means(caplog):
    known = evaluation(NOGWD, latitude=torch.tensor(torch.nan))
    with caplog.at_level(logging.INFO):
        drawn = dict(plotters.figures(known))
    assert list(drawn) == [name for name in NAMES if name != "zonal_mean"]
    assert "hold no latitude" in caplog.text
    assert drawn["profiles_by_latitude"].axes[0].get_title() == "latitude unknown"


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_dead_model_and_no_drag_at_all_can_be_drawn(target):
    data = columns(NOGWD, 10)
    data["targets"] *= target
    data["latitude"] = torch.full((10,), 45.0)
    known = ColumnEvaluation(NOGWD)
    known.update(**data, predictions={"model": torch.zeros_like(data["targets"])})
    names = [name for name in NAMES if target or name not in ("scatter", "samples")]
    for expected, (name, figure) in zip(names, plotters.figures(known), strict=True):
        assert name == expected
        if not target:
            figure.canvas.draw()
