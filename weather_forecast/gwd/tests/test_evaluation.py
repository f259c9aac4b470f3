"""The judgement of an emulator: metrics by hand, limits, and sums that add up however divided."""

import json
import pickle

import numpy as np
import pytest
import torch

from ai4sim.io.files import write_json
from ai4sim.tests.alike import alike
from weather_forecast.gwd import atlas
from weather_forecast.gwd.evaluation import ColumnEvaluation
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.tests.made_up import NOGWD, OGWD, columns, evaluate, layer_mass


def predictions(y, seed=7):
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype)
    return {"model": 0.8 * y + 0.3 * y.std(0) * noise, "zero": torch.zeros_like(y)}


def evaluate_batches(layout, data, predicted, batches):
    evaluation = ColumnEvaluation(layout)
    for chosen in batches:
        evaluation.update(
            **{name: values[chosen] for name, values in data.items()},
            predictions={name: values[chosen] for name, values in predicted.items()},
        )
    return evaluation


def test_metrics_are_those_of_all_columns_at_once():
    data = columns(NOGWD, 300)
    predicted = predictions(data["targets"])
    known = evaluate_batches(NOGWD, data, predicted, torch.arange(300).split(77)).metrics()
    y, p = data["targets"].numpy(), predicted["model"].numpy()
    r2 = 1 - ((p - y) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    model = known["model"]
    assert model["columns"] == 300
    assert model["constant_outputs"] == 0
    assert model["r2"] == pytest.approx(1 - ((p - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert model["r2_mean"] == pytest.approx(r2.mean())
    assert model["r2_median"] == pytest.approx(np.median(r2))
    assert model["rmse"] == pytest.approx(np.sqrt(((p - y) ** 2).mean()))
    assert model["mae"] == pytest.approx(np.abs(p - y).mean())
    assert model["bias"] == pytest.approx((p - y).mean(), abs=1e-12)
    right = (np.abs(y) * (np.sign(p) == np.sign(y))).sum(0) / np.abs(y).sum(0)
    assert model["sign_agreement"] == pytest.approx(right.mean())
    profile = known["profile"]
    assert profile["r2"]["u_tendency"]["model"] == pytest.approx(r2[:24])
    assert profile["r2"]["v_tendency"]["model"] == pytest.approx(r2[24:])
    rmse = np.sqrt((y**2).mean(0))
    assert profile["rmse"]["v_tendency"]["zero"] == pytest.approx(rmse[24:])
    assert len(profile["coordinate"]["values"]) == 24
    assert profile["coordinate"]["values"][0] == pytest.approx(0.01)  # hPa, level 1 of L91


def test_budget_is_closed_for_the_scheme_only():
    known = evaluate(NOGWD, model=lambda y: y, off=lambda y: y + 1e-6, zero=torch.zeros_like)
    metrics = known.metrics()
    assert metrics["model"]["budget_residual"] < 1e-12
    assert metrics["baselines"]["zero"]["budget_residual"] == 0
    data = columns(NOGWD, 200)
    mass = layer_mass(NOGWD, data["inputs"])
    force = 1e-6 * mass.sum(-1).mean()  # of a constant tendency on the column
    off = metrics["baselines"]["off"]
    assert off["u_budget_residual"] == pytest.approx(float(force), rel=1e-6)
    gross = (data["targets"].abs() * mass.repeat(1, 2)).sum(-1).mean()
    assert off["budget_residual"] == pytest.approx(float(2 * force / gross), rel=1e-6)


@pytest.mark.parametrize("layout", [NOGWD, OGWD])
def test_limits(layout):
    known = evaluate(
        layout,
        model=lambda y: y,
        climatology=lambda y: y.mean(0).expand_as(y),
        mirrored=lambda y: -y,
        zero=torch.zeros_like,
    ).metrics()
    perfect, others = known["model"], known["baselines"]
    assert (perfect["r2"], perfect["r2_mean"], perfect["rmse"]) == (1, 1, 0)
    assert perfect["sign_agreement"] == 1
    assert others["climatology"]["r2_mean"] == pytest.approx(0, abs=1e-12)
    assert others["mirrored"]["sign_agreement"] == 0
    assert others["zero"]["sign_agreement"] == 0


def test_parts_of_the_orographic_drag_are_judged_apart():
    def without_blocking(y):
        return torch.cat([y[:, :182], torch.zeros_like(y[:, 182:])], dim=1)

    def along_the_wind(y):
        return torch.cat([y[:, :182], -y[:, 182:]], dim=1)

    def across_the_wind(y):
        return torch.cat([y[:, :182], -y[:, 273:], y[:, 182:273]], dim=1)

    known = evaluate(
        OGWD,
        model=lambda y: y,
        without=without_blocking,
        along=along_the_wind,
        across=across_the_wind,
    ).metrics()
    assert known["model"]["constant_outputs"] == 2 * 71  # no blocking up there
    assert known["model"]["blocking_antiparallel"] == pytest.approx(1)
    others = known["baselines"]
    assert others["without"]["wave_r2"] == others["without"]["wave_r2_mean"] == 1
    assert others["without"]["blocking_r2"] < 0.1
    assert others["without"]["blocking_antiparallel"] is None
    assert others["along"]["blocking_antiparallel"] == pytest.approx(-1)
    assert others["across"]["blocking_antiparallel"] == pytest.approx(0, abs=1e-12)
    assert known["profile"]["r2"]["blocking_u_tendency"]["model"][:71] == [None] * 71
    assert "budget_residual" not in known["model"]


@pytest.mark.parametrize("layout", [NOGWD, OGWD])
def test_any_division_among_batches_and_processes_says_the_same(layout):
    data = columns(layout, 240)
    predicted = predictions(data["targets"])
    whole = evaluate_batches(layout, data, predicted, [torch.arange(240)])
    order = torch.randperm(240, generator=torch.Generator().manual_seed(3))
    shares = [order[:30].split(7), order[30:200].split(170), [], order[200:].split(1)]
    with torch.inference_mode():
        parts = [evaluate_batches(layout, data, predicted, share) for share in shares]
    parts = [pickle.loads(pickle.dumps(part)) for part in parts]
    for part in parts[1:]:
        parts[0].merge(part)
    alike(parts[0].metrics(), whole.metrics(), tiny=1e-15)
    for name, values in whole.atlas.sums.items():
        torch.testing.assert_close(parts[0].atlas.sums[name], values, rtol=1e-9, atol=1e-18)
    torch.testing.assert_close(parts[0].atlas.samples, whole.atlas.samples)


def test_a_pickled_evaluation_is_small():
    known = evaluate(NOGWD, n=2000)
    assert len(pickle.dumps(known)) < 2 * len(pickle.dumps(evaluate(NOGWD, n=10)))


def test_results_are_json_even_of_a_constant_target(tmp_path):
    known = evaluate(NOGWD, model=lambda y: y + 1).metrics()
    data = columns(NOGWD, 5)
    data["targets"] = torch.full_like(data["targets"], 0.1)
    constant = ColumnEvaluation(NOGWD)
    constant.update(**data, predictions={"model": data["targets"] + 1e-3})
    metrics = constant.metrics()
    assert metrics["model"]["r2"] is None
    assert metrics["model"]["r2_mean"] is None
    assert metrics["model"]["constant_outputs"] == 48
    assert metrics["model"]["rmse"] == pytest.approx(1e-3)
    for content in (known, metrics):
        write_json(tmp_path / "results.json", content)
        assert json.loads((tmp_path / "results.json").read_text()) == content


def test_a_baseline_is_judged_on_the_columns_that_it_has_seen():
    data = columns(NOGWD, 90)
    predicted = predictions(data["targets"])
    predicted["scheme"] = predicted["model"].clone()
    predicted["scheme"][torch.arange(90) % 3 > 0] = torch.nan
    known = evaluate_batches(NOGWD, data, predicted, torch.arange(90).split(30)).metrics()
    seen = evaluate_batches(NOGWD, data, predictions(data["targets"]), [slice(None, None, 3)])
    assert known["baselines"]["scheme"] == pytest.approx(seen.metrics()["model"])
    assert known["baselines"]["scheme"]["columns"] == 30
    assert known["model"]["columns"] == 90


def test_flux_is_what_the_tendencies_are_the_divergence_of():
    data = columns(NOGWD, 50)
    mass = layer_mass(NOGWD, data["inputs"])
    below = (data["targets"].reshape(50, 2, 24) * mass[:, None]).cumsum(-1)
    expected = below.square().sum(1).sqrt()  # |F| below each level
    known = evaluate(NOGWD, n=50, model=torch.zeros_like).atlas
    bands = known.bands()
    assert next(iter(bands)) == "60–90°S"
    south = data["latitude"] < -60
    flux = known.band_flux(bands["60–90°S"])
    torch.testing.assert_close(flux["target"][0], expected[south].mean(0))
    assert flux["target"][0, -1] < 1e-12
    assert not flux["prediction"].any()


def test_zonal_means_and_band_rms_are_those_of_their_columns():
    data = columns(NOGWD, 400)
    known = evaluate(NOGWD, n=400, model=lambda y: 2 * y).atlas
    near = (data["latitude"] >= 10) & (data["latitude"] < 15)
    mean = known.zonal_mean("target")[..., 20]  # from -90 in steps of 5 degrees
    torch.testing.assert_close(mean.flatten(), data["targets"][near].mean(0))
    band = data["latitude"] >= 60
    rms = known.band_rms(known.bands()["60–90°N"])
    expected = data["targets"][band].square().mean(0).sqrt()
    torch.testing.assert_close(rms["error"].flatten(), expected)
    torch.testing.assert_close(rms["prediction"].flatten(), 2 * expected)


def test_joint_density_counts_every_output_once_in_the_right_bin():
    known = evaluate(OGWD, n=20).atlas
    density = known.sums["density"]
    assert density.shape == (5, 2, atlas.DENSITY_BINS, atlas.DENSITY_BINS)
    assert int(density.sum()) == 20 * OGWD.output_channels
    edges = atlas.density_edges()
    middle = atlas.DENSITY_BINS // 2
    assert edges[middle] < 0 < edges[middle + 1]
    same = evaluate(NOGWD, n=20, model=lambda y: y).atlas.sums["density"]
    assert int(same.diagonal(dim1=-2, dim2=-1).sum()) == 20 * NOGWD.output_channels


def test_columns_of_unknown_latitude_are_kept_apart():
    data = columns(NOGWD, 60)
    data["latitude"][:20] = torch.nan
    known = evaluate_batches(NOGWD, data, predictions(data["targets"]), [slice(None)])
    assert known.metrics()["model"]["columns"] == 60
    assert int(known.atlas.columns[atlas.ZONES]) == 20
    assert "latitude unknown" in known.atlas.bands()


def test_samples_are_of_every_band_and_favour_columns_with_drag():
    data = columns(NOGWD, 300)
    data["targets"][::2] = 0
    known = evaluate_batches(NOGWD, data, predictions(data["targets"]), [slice(None)])
    samples = known.atlas.samples
    assert samples["group"].tolist() == list(range(6))
    assert samples["target"].any(-1).any(-1).all()
    for latitude, prediction in zip(samples["latitude"], samples["model"], strict=True):
        (column,) = torch.nonzero(data["latitude"] == latitude).flatten()
        expected = predictions(data["targets"])["model"][column]
        torch.testing.assert_close(prediction.flatten(), expected)


def test_without_latitude_there_are_several_samples_none_without_drag():
    data = columns(NOGWD, 60)
    data["latitude"][:] = torch.nan
    data["targets"][::2] = 0
    known = evaluate_batches(NOGWD, data, predictions(data["targets"]), [slice(None)])
    assert known.atlas.samples["target"].shape == (atlas.SAMPLES, 2, 24)
    assert known.atlas.samples["target"].any(-1).any(-1).all()


def test_mistakes_are_named():
    data = columns(NOGWD, 4)
    y = data["targets"]
    evaluation = ColumnEvaluation(NOGWD)
    with pytest.raises(ValueError, match="no column has been evaluated"):
        evaluation.metrics()
    with pytest.raises(ValueError, match=r"no prediction 'model' among \['ridge'\]"):
        evaluation.update(**data, predictions={"ridge": y})
    with pytest.raises(ValueError, match=r"'model': expected \(4, 48\), found \(4, 47\)"):
        evaluation.update(**data, predictions={"model": y[:, 1:]})
    with pytest.raises(ValueError, match="'model': 48 of 192 values are NaN"):
        evaluation.update(
            **data, predictions={"model": torch.where(torch.arange(4)[:, None] > 0, y, torch.nan)}
        )
    with pytest.raises(ValueError, match="'ridge': 1 of 192 values are NaN"):
        broken = y.clone()
        broken[1, 1] = torch.inf
        evaluation.update(**data, predictions={"model": y, "ridge": broken})
    with pytest.raises(ValueError, match=r"inputs: expected \(4, 74\)"):
        evaluation.update(**{**data, "inputs": y}, predictions={"model": y})
    with pytest.raises(ValueError, match="cannot be merged"):
        evaluation.merge(ColumnEvaluation(DragLayout("nogwd", 25)))
