"""The judgement of fluxes: metrics by hand, on their own points, sums that add up."""

import json
import pickle

import numpy as np
import pytest
import torch

from ai4sim.io.files import write_json
from ai4sim.tests.alike import alike
from wmed.evaluation import (
    HEADLINE,
    METRICS,
    QUANTITIES,
    WIND_CLASSES,
    WIND_EDGES,
    FluxEvaluation,
    _by_class,
    wind_class,
)
from wmed.excerpts import STORMS
from wmed.tests.fluxes_made_up import TIMES, at_times, evaluate, made_up_times


def with_non_solar(fluxes):
    return {**fluxes, "non_solar": fluxes["heat"] - fluxes["shortwave"]}


def test_metrics_are_those_of_all_points_at_once():
    given = made_up_times()
    parts = [at_times(given, chosen) for chosen in torch.arange(TIMES).split(4)]
    metrics = evaluate(*parts).metrics()
    truth = with_non_solar(given["targets"])
    for name, found in {"model": metrics["model"], **metrics["baselines"]}.items():
        if name == "stress_only":
            continue
        guess = with_non_solar(given["predictions"][name])
        for quantity in truth:
            y, p = truth[quantity].numpy(), guess[quantity].numpy()
            error = p - y
            assert found[f"{quantity}_rmse"] == pytest.approx(np.sqrt((error**2).mean()))
            assert found[f"{quantity}_mae"] == pytest.approx(abs(error).mean())
            assert found[f"{quantity}_bias"] == pytest.approx(error.mean())
            assert found[f"{quantity}_r2"] == pytest.approx(1 - (error**2).mean() / y.var())
        vector = found["tau_x_rmse"] ** 2 + found["tau_y_rmse"] ** 2
        assert found["tau_rmse"] == pytest.approx(np.sqrt(vector))
        variance = truth["tau_x"].numpy().var() + truth["tau_y"].numpy().var()
        assert found["tau_r2"] == pytest.approx(1 - vector / variance)
    assert set(HEADLINE) <= set(metrics["model"])


def test_any_division_of_the_test_set_gives_the_same(tmp_path):
    files = [made_up_times(f"croco_his_{i}", seed=i) for i in range(2)]
    whole = evaluate(*files)
    parts = [at_times(file, part) for file in files for part in torch.randperm(TIMES).split(2)]
    merged = FluxEvaluation()  # of a process without files
    for mine in (parts[::2], parts[1::2]):
        merged.merge(pickle.loads(pickle.dumps(evaluate(*mine))))
    alike(merged.metrics(), whole.metrics())
    assert list(merged.excerpts.storms) == list(whole.excerpts.storms)
    for event, storm in whole.excerpts.storms.items():
        other = merged.excerpts.storms[event]
        assert other.time == storm.time and other.grid == storm.grid
        torch.testing.assert_close(other.fields, storm.fields)
    torch.testing.assert_close(merged.excerpts.density, whole.excerpts.density)
    # Two files have the same times here: within one of them the order of the series is not told.
    place = "Balearic Sea"
    for name, quantity in (("target", "wind_speed"), ("model", "tau"), ("constant_bulk", "heat")):
        a, b = (known.excerpts.values(name, place, quantity) for known in (merged, whole))
        pairs = (np.sort(values.reshape(TIMES, 2), axis=1) for values in (a, b))
        np.testing.assert_allclose(*pairs)
    write_json(tmp_path / "results.json", whole.metrics())
    text = (tmp_path / "results.json").read_text()
    assert "NaN" not in text
    alike(json.loads(text), whole.metrics())


def test_each_flux_counts_on_its_own_points_and_land_nowhere():
    given = made_up_times()
    grid = given["grid"]
    points = evaluate(given).metrics()["by_wind"]["points"]
    wet = grid.sea
    corners = wet[1:, 1:] & wet[1:, :-1] & wet[:-1, 1:] & wet[:-1, :-1]
    for quantity, sea in (
        ("tau_x", grid.sea_u),
        ("tau_y", grid.sea_v),
        ("heat", wet),
        ("non_solar", wet),
        ("stress_curl", corners),
    ):
        assert sum(points[quantity]) == TIMES * sea.sum() < TIMES * sea.size


def test_a_wind_on_a_bound_belongs_to_the_class_above():
    speed = torch.tensor([0.0, 1.999, 2.0, 5.0, 7.9, 8.0, 11.0, 14.0, 16.99, 17.0, 40.0])
    assert wind_class(speed).tolist() == [0, 0, 1, 2, 2, 3, 4, 5, 5, 6, 6]
    assert WIND_CLASSES == ("0-2", "2-5", "5-8", "8-11", "11-14", "14-17", "17+")


def test_metrics_by_wind_are_those_of_its_points():
    given = made_up_times()
    by_wind = evaluate(given).metrics()["by_wind"]
    speed = torch.hypot(given["wind_x"], given["wind_y"])
    at_u = given["graph"].to_faces(speed, speed)[0]
    for quantity, wind in (("heat", speed), ("tau_x", at_u)):
        y, p = (f[quantity].numpy() for f in (given["targets"], given["predictions"]["model"]))
        for k, low in enumerate(WIND_EDGES):
            high = [*WIND_EDGES[1:], np.inf][k]
            chosen = (wind.numpy() >= low) & (wind.numpy() < high)
            assert by_wind["points"][quantity][k] == chosen.sum() > 0
            error = (p - y)[chosen]
            rmse, r2 = (by_wind[metric][quantity]["model"][k] for metric in ("rmse", "r2"))
            assert rmse == pytest.approx(np.sqrt((error**2).mean()))
            assert r2 == pytest.approx(1 - (error**2).mean() / y[chosen].var())


def test_sums_of_a_class_are_those_of_its_known_points_with_their_weights():
    rng = np.random.default_rng(0)
    target, predicted, weight = rng.standard_normal((3, 4, 50))
    target[rng.random(target.shape) < 0.2] = np.nan
    classes = rng.integers(0, len(WIND_CLASSES), target.shape)
    sums = _by_class(*map(torch.from_numpy, (target, predicted, classes, weight)))
    for k in range(len(WIND_CLASSES)):
        chosen = (classes == k) & ~np.isnan(target)
        w, error = weight[chosen], (predicted - target)[chosen]
        expected = {"weight": w, "target": w * target[chosen], "error": w * error}
        expected |= {"target2": w * target[chosen] ** 2, "error2": w * error**2}
        for name, value in {**expected, "abs_error": w * abs(error)}.items():
            assert float(sums[name][k]) == pytest.approx(value.sum(), abs=1e-12), name


def test_each_file_is_a_case():
    files = [made_up_times(f"croco_his_{i}", seed=i) for i in range(2)]
    metrics = evaluate(*files).metrics()
    assert list(metrics["cases"]) == ["croco_his_0", "croco_his_1"]
    alone = evaluate(files[1]).metrics()
    alike(
        metrics["cases"]["croco_his_1"],
        {name: alone[name] for name in ("model", "baselines", "target")},
    )
    assert metrics["target"]["times"] == 2 * TIMES


def test_the_coupling_coefficient_is_recovered():
    given = made_up_times()
    for fluxes, slope in (
        (given["targets"], -0.01),
        (given["predictions"]["model"], -0.0125),
        (given["predictions"]["constant_bulk"], 0.0),
    ):
        # Its curl is the slope times the vorticity, on any grid.
        fluxes["tau_x"] = 0.1 + slope * given["current_u"]
        fluxes["tau_y"] = -0.2 + slope * given["current_v"]
    metrics = evaluate(given).metrics()
    assert metrics["target"]["s_tau"] == pytest.approx(-0.01, rel=1e-5)
    assert metrics["model"]["s_tau"] == pytest.approx(-0.0125, rel=1e-5)
    assert metrics["model"]["s_tau_error"] == pytest.approx(25, rel=1e-4)
    assert metrics["model"]["stress_curl_r2"] == pytest.approx(1 - 0.25**2, rel=1e-2)
    assert metrics["baselines"]["constant_bulk"]["s_tau_error"] == pytest.approx(-100, rel=1e-4)


def test_wind_work_is_the_stress_along_the_currents():
    given = made_up_times()
    for name, value in (("current_u", 0.2), ("current_v", 0.1)):
        given[name] = torch.full_like(given[name], value)
    for fluxes, factor in ((given["targets"], 1.0), (given["predictions"]["model"], 1.5)):
        fluxes["tau_x"] = torch.full_like(fluxes["tau_x"], 0.4 * factor)
        fluxes["tau_y"] = torch.full_like(fluxes["tau_y"], -0.3 * factor)
    metrics = evaluate(given).metrics()
    assert metrics["target"]["wind_work"] == pytest.approx(0.4 * 0.2 - 0.3 * 0.1)
    assert metrics["model"]["wind_work"] == pytest.approx(1.5 * 0.05)
    assert metrics["model"]["wind_work_error"] == pytest.approx(50)


def test_a_sea_at_rest_has_no_coupling():
    given = made_up_times()
    for name in ("current_u", "current_v"):
        given[name] = torch.zeros_like(given[name])
    metrics = evaluate(given).metrics()
    assert metrics["target"]["wind_work"] == 0
    for name in ("s_tau", "s_tau_error", "wind_work_error"):
        assert metrics["model"][name] is None


def test_a_stress_turned_by_ten_degrees_is_found_so():
    given = made_up_times()
    for fluxes, degrees, size in (
        (given["targets"], 30.0, 0.2),
        (given["predictions"]["model"], 40.0, 0.5),
    ):
        direction = np.radians(degrees)
        fluxes["tau_x"] = torch.full_like(fluxes["tau_x"], size * np.cos(direction))
        fluxes["tau_y"] = torch.full_like(fluxes["tau_y"], size * np.sin(direction))
    model = evaluate(given).metrics()["model"]
    assert model["stress_angle_mae"] == pytest.approx(10)
    assert model["stress_angle_bias"] == pytest.approx(10)


def test_what_is_not_known_is_none():
    given = made_up_times()
    given["targets"]["latent"] = torch.full_like(given["targets"]["latent"], torch.nan)
    del given["targets"]["sensible"]
    given["targets"]["longwave"][1] = torch.nan
    metrics = evaluate(given).metrics()
    lacking = metrics["baselines"]["stress_only"]
    for metric in METRICS:
        for quantity in ("latent", "sensible"):
            assert metrics["model"][f"{quantity}_{metric}"] is None
        for quantity in ("shortwave", "non_solar"):
            assert lacking[f"{quantity}_{metric}"] is None
        assert lacking[f"heat_{metric}"] is not None
    assert lacking.keys() == metrics["model"].keys()
    known = [0, *range(2, TIMES)]
    error = (given["predictions"]["model"]["longwave"] - given["targets"]["longwave"])[known]
    assert metrics["model"]["longwave_bias"] == pytest.approx(float(error.mean()))
    del given["predictions"]["stress_only"]["tau_y"]
    without = evaluate(given).metrics()["baselines"]["stress_only"]
    assert without["tau_x_r2"] is not None
    for metric in ("tau_y_r2", "tau_rmse", "stress_angle_mae", "wind_work", "s_tau"):
        assert without[metric] is None
    assert all(f"{quantity}_r2" in without for quantity in QUANTITIES)


def test_the_strongest_winds_are_kept_of_a_few_files():
    parts = [at_times(made_up_times(f"file_{i}", seed=i), [2, 4]) for i in range(STORMS + 2)]
    for i, given in enumerate(parts):
        given["wind_x"][1] = 10.0 + i % 4 + i / 100
        given["wind_y"][1] = 0.0
    storms = evaluate(*parts).excerpts.storms
    assert list(storms) == ["file_3", "file_2", "file_5", "file_1"]
    assert all(storm.time == 315600.0 + 24 for storm in storms.values())
    assert storms["file_5"].mean_wind == pytest.approx(11.05)
    assert storms["file_5"].fields.keys() == {"target", "model", "constant_bulk"}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda g: g["predictions"].pop("model"), "no prediction 'model'"),
        (lambda g: g["targets"].pop("heat"), "no target 'heat'"),
        (lambda g: g["targets"]["tau_x"].fill_(torch.nan), "target 'tau_x': .* NaN"),
        (
            lambda g: g["predictions"]["model"].update(tau_x=g["targets"]["tau_y"]),
            "'tau_x' of 'model': expected",
        ),
        (lambda g: g.update(current_u=g["current_v"]), "'current_u': expected"),
    ],
)
def test_errors_name_the_file_and_the_flux(spoil, message):
    given = made_up_times("croco_his_7")
    spoil(given)
    with pytest.raises(ValueError, match=f"croco_his_7: {message}"):
        evaluate(given)


def test_nothing_has_no_metrics():
    with pytest.raises(ValueError, match="no file has been evaluated"):
        FluxEvaluation().metrics()
