"""The judgement of a correction: metrics by hand, broken rules found, sums that add up."""

import json
import math
import pickle

import h5py
import numpy as np
import pytest
import torch

from ai4sim.io.files import write_json
from ai4sim.physics.constants import GAS_CONSTANT, GRAVITY
from ai4sim.tests.alike import alike
from ai4sim.tests.reference import REFERENCE, needs_reference
from weather_forecast.bias_correction import samples
from weather_forecast.bias_correction.evaluation import CorrectionEvaluation, zenith_bin
from weather_forecast.bias_correction.io.layout import FLUXES, HEATING_RATES, RadiationLayout
from weather_forecast.bias_correction.models import CorrectionModule
from weather_forecast.bias_correction.physics.diagnostics import consistency, tropopause
from weather_forecast.bias_correction.physics.heating import HEATING
from weather_forecast.bias_correction.tests.made_up import columns

LAYOUT = RadiationLayout(12)
COUNT = 90


def predictions(y, seed=7):
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype)
    return {"model": 0.8 * y + 0.3 * y.std(0) * noise, "zero": torch.zeros_like(y)}


WHOLE = slice(None)


def evaluate(data, predicted, batches=(WHOLE,)):
    evaluation = CorrectionEvaluation(LAYOUT)
    for chosen in batches:
        evaluation.update(
            **{name: values[chosen] for name, values in data.items()},
            predictions={name: values[chosen] for name, values in predicted.items()},
        )
    return evaluation


def split(values):
    return {name: v.double().numpy() for name, v in LAYOUT.split_outputs(values).items()}


def test_metrics_are_those_of_all_columns_at_once():
    data = columns(COUNT)
    predicted = predictions(data["targets"])
    known = evaluate(data, predicted, torch.arange(COUNT).split(17)).metrics()
    model = known["model"]
    y, p = split(data["targets"]), split(predicted["model"])
    dp = LAYOUT.split_inputs(data["inputs"])["pressure_hl"].double().diff(dim=-1).numpy()
    for name in (*FLUXES, *HEATING_RATES):
        error = p[name] - y[name]
        assert model[f"{name}_mae"] == pytest.approx(np.abs(error).mean())
        assert model[f"{name}_rmse"] == pytest.approx(np.sqrt((error**2).mean()))
        assert model[f"{name}_bias"] == pytest.approx(error.mean())
        assert model[f"{name}_r2"] == pytest.approx(1 - (error**2).mean() / y[name].var())
        relative = 100 * np.abs(error).sum() / np.abs(y[name]).sum()
        assert model[f"{name}_relative"] == pytest.approx(relative)
        assert known["baselines"]["zero"][f"{name}_relative"] == pytest.approx(100)
        if name in HEATING_RATES:
            weighted = np.average(np.abs(error), weights=dp)
            assert model[f"{name}_by_mass_mae"] == pytest.approx(weighted)
        else:
            assert model[f"surface_{name}_mae"] == pytest.approx(np.abs(error[:, -1]).mean())
        profile = known["layers" if name in HEATING_RATES else "profile"]
        assert profile["mae"][name]["model"] == pytest.approx(np.abs(error).mean(0))
        assert profile["bias"][name]["model"] == pytest.approx(error.mean(0), abs=1e-12)
        assert len(profile["coordinate"]["values"]) == error.shape[1]
    relative = [model[f"{name}_relative"] for name in (*FLUXES, *HEATING_RATES)]
    assert model["relative_mean"] == pytest.approx(np.mean(relative))
    assert model["toa_flux_up_lw_bias"] == pytest.approx(
        (p["flux_up_lw"] - y["flux_up_lw"])[:, 0].mean()
    )
    net = sum((p[n] - y[n])[:, 0] * (1 if "dn" in n else -1) for n in FLUXES)
    assert model["toa_net_bias"] == pytest.approx(net.mean())
    assert {*CorrectionModule.headline, "budget_residual_mean"} <= set(model)


def test_any_division_of_the_test_set_gives_the_same(tmp_path):
    data = columns(COUNT)
    predicted = predictions(data["targets"])
    whole = evaluate(data, predicted)
    shuffled = torch.randperm(COUNT, generator=torch.Generator().manual_seed(1))
    parts = [evaluate(data, predicted, part.split(7)) for part in shuffled.split(40)]
    merged = CorrectionEvaluation(LAYOUT)  # of a process without columns
    for part in parts:
        merged.merge(pickle.loads(pickle.dumps(part)))
    alike(merged.metrics(), whole.metrics())
    torch.testing.assert_close(merged.samples.points, whole.samples.points)
    assert merged.samples.columns.keys() == whole.samples.columns.keys()
    for kind, sample in whole.samples.columns.items():
        torch.testing.assert_close(merged.samples.columns[kind], sample, equal_nan=True)
    write_json(tmp_path / "results.json", whole.metrics())
    assert "NaN" not in (tmp_path / "results.json").read_text()
    alike(json.loads((tmp_path / "results.json").read_text()), whole.metrics())


def test_what_does_not_vary_has_no_r2():
    data = columns(COUNT)
    y = LAYOUT.split_outputs(data["targets"])
    y["flux_dn_sw"][:, 0] = 1e-9 * torch.arange(COUNT)  # rounding
    y["flux_up_lw"][:] = 250.0
    known = evaluate(data, predictions(data["targets"])).metrics()
    assert known["profile"]["r2"]["flux_dn_sw"]["model"][0] is None
    assert known["profile"]["r2"]["flux_dn_sw"]["model"][-1] > 0.5
    assert known["model"]["flux_up_lw_r2"] is None


def test_heating_by_mass_hardly_feels_the_thin_layers_on_top():
    data = columns(COUNT)
    y = data["targets"]
    top, ground = y.clone(), y.clone()
    LAYOUT.split_outputs(top)["hr_lw"][:, 0] += 1
    LAYOUT.split_outputs(ground)["hr_lw"][:, -1] += 1
    known = evaluate(data, {"model": top, "other": ground}).metrics()
    model, other = known["model"], known["baselines"]["other"]
    assert model["hr_lw_mae"] == pytest.approx(other["hr_lw_mae"], rel=1e-4)
    assert model["hr_lw_by_mass_mae"] == pytest.approx(1 / 144, rel=1e-3)
    assert other["hr_lw_by_mass_mae"] == pytest.approx(23 / 144, rel=1e-3)
    assert model["hr_sw_mae"] == 0


def test_labels_that_keep_every_rule_have_no_residuals():
    data = columns(COUNT)
    known = evaluate(data, predictions(data["targets"])).metrics()
    target, model = known["target"], known["model"]
    assert target["toa_flux_dn_max"] == 0
    for name in ("budget_residual", "absorption_residual", "night_sw"):
        assert target[f"{name}_max"] < 2e-5 < 1e-3 < model[f"{name}_max"], name
    for name in ("clear_sw", "clear_lw", "surface_lw_residual", "surface_sw_residual"):
        assert target[f"{name}_max"] < 2e-5 < 1e-3 < model[f"{name}_max"], name
    assert target["albedo_violation_share"] == target["negative_lw_share"] == 0
    assert model["negative_lw_share"] > 0
    assert known["baselines"]["zero"]["budget_residual_max"] == 0


def test_each_broken_rule_is_measured():
    data = columns(COUNT)
    x = LAYOUT.split_inputs(data["inputs"])

    def broken(name, level, amount, chosen=WHOLE):
        y = data["targets"].double()
        LAYOUT.split_outputs(y)[name][chosen, level] += amount
        return consistency(LAYOUT.split_outputs(y), x, data["tripleclouds"])

    dp = x["pressure_hl"].double().diff(dim=-1)
    found = broken("hr_lw", 4, 2.0)
    assert found["heating_residual"].amax(1).numpy() == pytest.approx(2, abs=1e-4)
    absorbed = 2 * dp[:, 4] / HEATING
    assert found["absorption_residual"].amax(1).numpy() == pytest.approx(absorbed, abs=1e-4)
    assert found["budget_residual"][:, 1].numpy() == pytest.approx(absorbed, abs=1e-4)
    assert found["budget_residual"][:, 0].max() < 1e-4
    found = broken("flux_dn_sw", 0, -0.5)
    assert found["toa_flux_dn"].amax(1).numpy() == pytest.approx(0.5)
    night = x["cos_solar_zenith_angle"] <= 0
    assert torch.equal(~found["night_sw"].isnan().any(1), night)
    assert found["night_sw"][night].amax(1).numpy() == pytest.approx(0.5)
    clear = ~(x["cloud_fraction"] > 0).any(1)
    assert torch.equal(~found["clear_sw"].isnan().any(1), clear)
    assert found["clear_sw"][clear].amax(1).numpy() == pytest.approx(0.5)
    assert found["clear_lw"][clear].max() == 0
    found = broken("flux_up_lw", -1, 0.25)
    assert found["surface_lw_residual"].numpy() == pytest.approx(0.25, abs=1e-5)
    found = broken("flux_up_sw", -1, 20.0)
    assert found["surface_sw_residual"].numpy() == pytest.approx(20, abs=1e-5)
    lit = ~found["albedo_violation"].isnan()
    assert not (lit & night).any()
    assert found["albedo_violation"][lit].all()
    assert broken("flux_dn_lw", -1, -30.0)["negative_lw"].all()


def test_coloured_surfaces_have_a_range_instead_of_a_residual():
    data = columns(COUNT)
    x = LAYOUT.split_inputs(data["inputs"].clone())
    x["sw_albedo_2"] += 0.05
    x["lw_emissivity_1"] -= 0.02
    y = LAYOUT.split_outputs(data["targets"].double())
    found = consistency(y, x, data["tripleclouds"])
    assert found["surface_sw_residual"].isnan().all()
    assert found["surface_lw_residual"].isnan().all()
    y["flux_up_sw"][:, -1] += 0.03 * (y["flux_dn_sw"][:, -1] + data["tripleclouds"][:, 12])
    assert consistency(y, x, data["tripleclouds"])["albedo_violation"].nansum() == 0
    assert consistency(y, x)["albedo_violation"].isnan().all()
    unknown = torch.full_like(data["tripleclouds"], torch.nan)
    assert consistency(y, x, unknown)["albedo_violation"].isnan().all()


def atmosphere(lapse, pressure):
    """Temperature that decreases with height [km] by `lapse(height)` [K/km], (half_level,)."""
    height, temperature = 0.0, 290.0
    found = [temperature]
    p = pressure.tolist()
    for lower, upper in zip(p[:0:-1], p[-2::-1], strict=True):
        dz = GAS_CONSTANT * temperature / GRAVITY * math.log(lower / max(upper, 1.0)) / 1e3
        temperature = max(temperature - lapse(height) * dz, 150.0)
        height += dz
        found.append(temperature)
    return torch.tensor(found[::-1])


def test_tropopause_is_where_the_air_becomes_stable_for_two_kilometres():
    pressure = torch.cat([torch.zeros(1), torch.linspace(1e3, 1e5, 199)])
    usual = int((pressure - 1.5e4).abs().argmin())
    profiles = {
        "sharp": lambda z: 6.5 if z < 11 else 0.0,
        "inversion": lambda z: -5.0 if 5 <= z < 5.4 else 6.5 if z < 11 else 0.0,
        "high": lambda z: 6.5 if z < 16 else -1.0,
        "none": lambda z: 4.0,
    }
    temperature = torch.stack([atmosphere(lapse, pressure) for lapse in profiles.values()])
    found = tropopause(temperature, pressure.expand(4, -1))
    heights = {}
    for name, t, level in zip(profiles, temperature, found, strict=True):
        middle = (t[1:] + t[:-1]) / 2
        depth = GAS_CONSTANT / GRAVITY * middle * (pressure[1:] / pressure[:-1]).log()
        heights[name] = float(depth[level:].sum()) / 1e3
    assert heights["sharp"] == pytest.approx(11, abs=0.2)
    assert heights["inversion"] == pytest.approx(11, abs=0.2)  # too thin to be one
    assert heights["high"] == pytest.approx(16, abs=0.3)
    assert found[3] == usual
    alone = [tropopause(t[None], pressure[None]).item() for t in temperature]
    assert found.tolist() == alone


def test_values_at_the_tropopause_are_picked_column_by_column():
    data = columns(COUNT)
    known = evaluate(data, predictions(data["targets"])).metrics()["model"]
    x = LAYOUT.split_inputs(data["inputs"])
    level = tropopause(x["temperature_hl"], x["pressure_hl"])
    error = split(predictions(data["targets"])["model"] - data["targets"])["flux_up_lw"]
    picked = error[np.arange(COUNT), level.numpy()]
    assert known["tropopause_flux_up_lw_mae"] == pytest.approx(np.abs(picked).mean(), rel=1e-4)


def test_suns_are_sorted_by_angle_and_night_is_apart():
    angle = torch.tensor([0.0, 9.9, 10.1, 85.0, 89.99, 90.0, 120.0]).deg2rad().double()
    cosine = angle.cos()
    cosine[5] = 0
    assert zenith_bin(cosine).tolist() == [0, 0, 1, 8, 8, 9, 9]
    data = columns(COUNT)
    known = evaluate(data, predictions(data["targets"])).metrics()["zenith"]
    assert sum(known["columns"]) == COUNT
    assert known["magnitude"]["surface_flux_dn_sw"]["model"][-1] == 0  # night
    assert (
        known["mae"]["surface_flux_dn_sw"]["zero"]
        == known["magnitude"]["surface_flux_dn_sw"]["zero"]
    )


def test_a_baseline_is_judged_by_the_columns_that_it_has_seen():
    data = columns(COUNT)
    predicted = predictions(data["targets"])
    seen = torch.arange(COUNT) % 4 == 1
    predicted["teacher"] = torch.where(seen[:, None], predicted["model"], torch.nan)
    predicted["nothing"] = torch.full_like(predicted["model"], torch.nan)
    known = evaluate(data, predicted, torch.arange(COUNT).split(10)).metrics()
    few = {name: values[seen] for name, values in data.items()}
    alone = evaluate(few, {"model": predicted["model"][seen]}).metrics()
    alike(known["baselines"]["teacher"], alone["model"])
    assert known["baselines"]["teacher"]["columns"] == int(seen.sum())
    assert "nothing" not in known["baselines"]


def test_points_are_bounded_and_columns_are_of_their_kind(monkeypatch):
    monkeypatch.setattr(samples, "POINTS", 25)
    data = columns(400)
    known = evaluate(data, predictions(data["targets"]), torch.arange(400).split(60)).samples
    assert {len(values) for values in known.points.values()} == {25}
    assert len(known.points["key"].unique()) == 25
    assert {"clear", "night", "largest effect"} <= set(known.columns) <= set(samples.KINDS)
    assert not known.columns["clear"]["cloud_fraction"].any()
    assert known.columns["night"]["cos_solar_zenith_angle"] <= 0
    effect = data["targets"][:, : 4 * 13].abs().mean(1)
    largest, i = known.columns["largest effect"], effect.argmax()
    torch.testing.assert_close(largest["target"], data["targets"][i])
    torch.testing.assert_close(largest["prediction"], predictions(data["targets"])["model"][i])


def test_mistakes_are_named():
    data = columns(4)
    y = data["targets"]
    evaluation = CorrectionEvaluation(LAYOUT)
    with pytest.raises(ValueError, match="no column has been evaluated"):
        evaluation.metrics()
    with pytest.raises(ValueError, match=r"no prediction 'model' among \['ridge'\]"):
        evaluation.update(**data, predictions={"ridge": y})
    with pytest.raises(ValueError, match=r"'model': expected \(4, 76\), found \(4, 75\)"):
        evaluation.update(**data, predictions={"model": y[:, 1:]})
    with pytest.raises(ValueError, match="'model': 76 of 304 values are NaN"):
        gap = torch.arange(4)[:, None] > 0
        evaluation.update(**data, predictions={"model": y.where(gap, torch.nan)})
    with pytest.raises(ValueError, match="targets: 304 of 304 values are NaN"):
        evaluation.update(**{**data, "targets": y * torch.nan}, predictions={"model": y})
    with pytest.raises(ValueError, match=r"longitude: expected \(4,\), found \(3,\)"):
        wrong = {**data, "longitude": data["longitude"][:3]}
        evaluation.update(**wrong, predictions={"model": y})
    with pytest.raises(ValueError, match=r"tripleclouds: expected \(4, 52\)"):
        evaluation.update(**{**data, "tripleclouds": y}, predictions={"model": y})
    with pytest.raises(ValueError, match="cannot be merged"):
        evaluation.merge(CorrectionEvaluation(RadiationLayout(13)))


@needs_reference
def test_labels_of_ecrad_keep_the_rules():
    path = REFERENCE / "ecrad" / "raw" / "ecrad_3d_train.h5"
    layout = RadiationLayout(137)
    with h5py.File(path) as file:
        parts = [file[k][::20] for k in ("sca_inputs", "col_inputs", "hl_inputs", "inter_inputs")]
        inputs = [np.swapaxes(part, 1, -1).reshape(len(part), -1) for part in parts]
        targets = [file[variable.name][::20] for variable in layout.outputs]
        absolute = [file[f"tripleclouds_{name}"][::20] for name in FLUXES]
    x, y, absolute = (torch.from_numpy(np.concatenate(p, 1)) for p in (inputs, targets, absolute))
    evaluation = CorrectionEvaluation(layout)
    place = torch.full((len(x),), torch.nan)
    evaluation.update(
        inputs=x,
        targets=y,
        latitude=place,
        longitude=place,
        tripleclouds=absolute,
        predictions={"model": y},
    )
    target = evaluation.metrics()["target"]
    assert target["heating_residual_max"] < 2e-3
    assert target["absorption_residual_max"] < 2e-5
    assert target["budget_residual_max"] < 2e-5
    assert target["toa_flux_dn_max"] < 1e-10
    assert target["night_sw_max"] == 0
    assert target["clear_sw_max"] < 1e-9
    assert target["clear_lw_max"] < 4e-3
    assert target["surface_lw_residual_max"] < 1e-6
    assert target["surface_sw_residual_max"] < 1e-5
    assert target["albedo_violation_share"] == 0
    assert target["negative_lw_share"] < 0.05
