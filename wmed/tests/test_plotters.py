"""The figures: all of them written, showing the numbers of the evaluation."""

import logging

import numpy as np
import pytest
import torch
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ai4sim.tests.drawn import assert_written, lines
from wmed import plotters
from wmed.style import field_on
from wmed.tests.fluxes_made_up import evaluate, made_up_graph, made_up_times

NAMES = ["scatter", "maps", "storm", "series", "by_wind", "coupling"]


@pytest.fixture(scope="module")
def known():
    return evaluate(made_up_times())


def test_every_figure_is_written_and_shows_something(known, tmp_path, monkeypatch):
    # Half of the time goes into finding room for the labels, which the test of `fit` does as well.
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: None)
    assert_written(plotters.figures(known), NAMES, tmp_path / "plots")


def test_maps_are_white_at_zero_and_have_no_value_on_land(known):
    figure = plotters.maps(known)
    axes = figure.axes[:9]
    storm = plotters._storm(known)
    grid = storm.grid
    for row, (name, sea) in enumerate(
        (("tau_x", grid.sea_u), ("tau_y", grid.sea_v), ("heat", grid.sea))
    ):
        target, network, error = (ax.collections[0] for ax in axes[3 * row : 3 * row + 3])
        for image in (target, network, error):
            low, high = image.get_clim()
            assert low == -high < 0
            np.testing.assert_array_equal(np.isfinite(image.get_array().filled(np.nan)), sea)
        assert target.get_clim() == network.get_clim()
        drawn = error.get_array().filled(np.nan)[sea]
        truth, guess = (storm.fields[of][name].numpy() for of in ("target", "model"))
        np.testing.assert_allclose(drawn, guess - truth, rtol=1e-5, atol=1e-6)
        rms = float(np.sqrt(np.mean((guess - truth) ** 2)))
        assert f"{rms:.2g}" in axes[3 * row + 2].texts[0].get_text()
    assert all("longitude" in ax.get_xlabel() for ax in axes[-3:])
    assert all("latitude" in ax.get_ylabel() for ax in axes[::3])


def test_a_map_takes_the_points_that_have_as_many_values():
    grid, graph = made_up_graph()
    for name, shape in (("rho", (12, 14)), ("u", (12, 13)), ("v", (11, 14))):
        lon, lat, field = field_on(grid, np.ones(graph.sizes[name], np.float32))
        assert lon.shape == lat.shape == field.shape == shape
        assert np.nansum(field) == graph.sizes[name]
    with pytest.raises(ValueError, match="7 values, expected as many as wet points"):
        field_on(grid, np.ones(7, np.float32))


def test_scatter_shows_every_point_once(known):
    figure = plotters.scatter(known)
    for ax, name in zip(figure.axes[:4], ("tau_x", "tau_y", "heat", "non_solar"), strict=True):
        counts = ax.collections[0].get_array()
        assert counts.sum() == known.excerpts.density[name].sum() > 0
        assert ax.get_xlim() == ax.get_ylim()
        assert "target [" in ax.get_xlabel()
        assert f"{known.metrics()['model'][f'{name}_r2']:.4f}" in ax.texts[0].get_text()


def test_errors_by_wind_are_those_of_the_metrics(known):
    axes = plotters.by_wind(known).axes
    by_wind = known.metrics()["by_wind"]["rmse"]
    shown = lines(axes[1])
    assert shown["Network"].get_ydata() == pytest.approx(by_wind["heat"]["model"])
    assert lines(axes[2]).keys() == {"Network", "Constant bulk"}, "not of stress and heat alone"
    x, y = (np.array(by_wind[f"tau_{axis}"]["constant_bulk"]) for axis in "xy")
    assert lines(axes[0])["Constant bulk"].get_ydata() == pytest.approx(np.hypot(x, y))
    assert all("RMSE [" in ax.get_ylabel() for ax in axes)


def test_the_slopes_are_the_coupling_coefficients(known):
    ax = plotters.coupling(known).axes[0]
    found = [line for label, line in lines(ax).items() if "tau" in label]
    assert len(found) == 4
    for line, name in zip(found, ("target", "constant_bulk", "model", "stress_only"), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        slope = known.s_tau(name)
        assert np.diff(y) / np.diff(x) == pytest.approx(100 * slope)
        assert f"{1e3 * slope:.2f}" in line.get_label()


def test_a_series_ends_at_a_gap_and_follows_the_time():
    given = made_up_times()
    given["time"] = given["time"] + torch.tensor([0.0, 0, 0, 300, 300, 300])
    given["wind_x"][:] = given["wind_y"][:] = 1.0
    given["wind_x"][4] = 20.0
    order = torch.tensor([5, 0, 4, 1, 3, 2])
    shuffled = evaluate(given)
    assert shuffled.excerpts.places == ["Balearic Sea"]
    for parts in shuffled.excerpts.series.values():
        parts[:] = [parts[0][order]]
    axes = plotters.series(shuffled).axes
    assert axes[0].get_title() == "Balearic Sea"
    wind = axes[0].get_lines()[0].get_ydata()
    assert len(wind) == 3
    assert wind[1] == pytest.approx(np.hypot(20, 1))
    assert lines(axes[2]).keys() == {"Target", "Constant bulk", "stress only", "Network"}


def test_a_sea_without_the_places_has_no_series(known, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(known.excerpts, "series", {})
    for name in set(NAMES) - {"series"}:
        monkeypatch.setattr(plotters, name, lambda evaluation: None)
    with caplog.at_level(logging.INFO):
        assert "series" not in dict(plotters.figures(known))
    assert "no time series" in caplog.text
