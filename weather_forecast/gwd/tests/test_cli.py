"""Columns on the command line: the numbers of their results, every model, data of all kinds."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
import yaml

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import checkpoint, printed, results, state
from weather_forecast.gwd.io.layout import write_columns, write_like
from weather_forecast.gwd.io.rows import DragLayout
from weather_forecast.gwd.tests.made_up import smooth_columns, write_dates
from weather_forecast.gwd.tests.tiny import (
    GRID,
    NOGWD,
    OGWD,
    TINY,
    predict,
    read_raw,
    read_tendencies,
)


@pytest.fixture(scope="module")
def bench(bench):
    """Dates of the other scheme too."""
    write_dates(bench.root / "ogwd", OGWD, grid=GRID)
    return bench


def test_columns_are_judged_as_a_whole_and_by_level(trained):
    # 4 dates of 24 columns, in batches of 16
    assert state(trained)["global_step"] == 3 * 6
    found = results(trained)
    assert {"zero", "climatology", "ridge", "scheme_4x20", "scheme_16x20"} <= set(
        found["baselines"]
    )
    assert found["model"]["columns"] == found["baselines"]["scheme_4x20"]["columns"] == 2 * 24
    assert found["baselines"]["zero"]["rmse"] > found["model"]["rmse"] > 0
    assert found["model"]["budget_residual"] < 1e-5
    pressure = found["profile"]["coordinate"]
    assert (pressure["units"], len(pressure["values"])) == ("hPa", 63)
    for curves in found["profile"]["r2"].values():
        assert {len(curve) for curve in curves.values()} == {63}
    for word in ("budget residual", "R2 by pressure in hPa"):
        assert word in printed(trained)


def test_results_are_those_of_the_best_weights_over_all_test_columns(bench, trained):
    surrogate = Surrogate.load(trained / "artifacts")
    paths = sorted((bench.root / "nogwd" / "raw").iterdir())[-2:]
    target = np.concatenate([read_tendencies(path) for path in paths])
    error = np.concatenate([predict(surrogate, path) for path in paths]) - target
    found = results(trained)["model"]
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert found["r2"] == pytest.approx(
        1 - (error**2).sum() / (target.size * target.var()), rel=1e-4
    )
    per_output = 1 - (error**2).mean(0) / target.var(0)
    assert found["r2_mean"] == pytest.approx(per_output.mean(), rel=1e-3, abs=1e-4)
    profile = results(trained)["profile"]["r2"]["v_tendency"]["model"]
    np.testing.assert_allclose(profile, per_output[63:], rtol=1e-3, atol=1e-3)


def test_predictions_are_files_of_the_raw_layout(bench, trained, tmp_path):
    raw = TINY.write_unlabelled(tmp_path)
    made = bench.run("predict", "--data.data_path", tmp_path, "--ckpt_path", checkpoint(trained))
    for path in raw:
        with h5py.File(path) as given, h5py.File(made / "predictions" / path.name) as file:
            assert file["y"].shape == (126, 3, 11)
            np.testing.assert_array_equal(file["x"], given["x"])
            np.testing.assert_array_equal(file["lat"], given["lat"])
            assert 1e-7 < np.abs(file["y"][...]).max() < 1e-1  # m/s2


def test_a_spread_is_written_beside_the_tendencies(tmp_path):
    (source,) = write_dates(tmp_path, NOGWD, 1, GRID, targets=False)
    outputs, spread = np.random.default_rng(0).random((2, 24, 126), dtype=np.float32)
    for name, given in (("with", spread), ("again", spread[::-1]), ("without", None)):
        write_like(source, tmp_path / f"{name}.h5", outputs, given)
        source = tmp_path / f"{name}.h5"  # what was predicted before is replaced
        with h5py.File(source) as file:
            np.testing.assert_array_equal(file["y"][...].reshape(126, -1).T, outputs)
            assert ("y_spread" in file) == (given is not None)
            if given is not None:
                np.testing.assert_array_equal(file["y_spread"][...].reshape(126, -1).T, given)
                rows = "u_tendency_spread 63, v_tendency_spread 63"
                assert file["y_spread"].attrs["rows"] == rows
                assert file["y_spread"].attrs["units"] == file["y"].attrs["units"]


def test_a_network_that_keeps_the_momentum_predicts_no_spread(bench):
    with pytest.raises(ValueError, match="a MomentumFluxNet predicts no spread, since physics"):
        bench.run("fit", "--model.init_args.loss", "nll")


def test_a_checkpoint_holds_the_coefficients_of_the_baselines(trained):
    assert state(trained)["extra_state"]["baselines"]["weights"].shape == (191, 126)


# ---- the other models, and other data --------------------------------------------------------


def test_the_flux_net_with_the_scheme_in_it_starts_from_the_scheme(bench, trained):
    model = ("--model.init_args.phase_speeds", 8, "--trainer.max_epochs", 1)
    found = results(bench.run("fit", *model))
    assert found["model"]["r2_mean"] > 0.5 > results(trained)["model"]["r2_mean"]


def test_the_stress_net_learns_the_dates_that_a_table_names(bench):
    names = sorted(path.name for path in (bench.root / "ogwd" / "raw").iterdir())
    table = {"train": names[2:], "valid": names[1:2], "test": names[:1]}
    (bench.root / "ogwd" / "filenames-split.yaml").write_text(yaml.safe_dump(table))
    experiment = bench.run(
        "fit",
        *("--model", "LitStressNet", "--model.features", 8, "--model.layers", 2),
        *("--model.loss", "huber", "--data.latitude", "false"),
        *("--data.data_path", bench.root / "ogwd"),
    )
    (bench.root / "ogwd" / "filenames-split.yaml").unlink()
    found = results(experiment)
    assert found["model"]["columns"] == 24
    assert found["model"]["blocking_antiparallel"] > 0.999
    assert set(found["headline"]) <= set(found["model"])
    assert set(found["baselines"]) == {"zero", "climatology", "ridge"}
    assert set(found["profile"]["r2"]) == {variable.name for variable in OGWD.outputs}


@pytest.mark.parametrize("model", ["LitMLP", "LitCNN"])
@pytest.mark.parametrize("layout", [NOGWD, OGWD], ids=lambda layout: layout.scheme)
def test_flat_networks_fit_both_schemes(bench, model, layout):
    experiment = bench.run(
        "fit",
        *("--model", model, "--model.scheme", layout.scheme, "--model.levels", layout.levels),
        *("--model.features", 8, "--model.augment", "true", "--trainer.max_epochs", 1),
        *("--data.data_path", bench.root / layout.scheme, "--data.latitude", "false"),
        *("--model.loss", "crps" if model == "LitCNN" else "mse"),
    )
    found = results(experiment)
    assert found["model"]["columns"] == 2 * 24
    assert 0 < found["model"]["rmse"] < 1
    surrogate = Surrogate.load(experiment / "artifacts")
    assert surrogate.facts["scheme"] == layout.scheme
    if model == "LitCNN":
        judged = found["calibration"]["outputs"]
        assert [judged[v.name]["units"] for v in layout.outputs] == ["m/s2"] * len(judged)
        assert all(0 < scores["crps"] < scores["mae"] for scores in judged.values())


def test_columns_of_other_folders_join_the_training_set_only(bench, trained, tmp_path):
    write_dates(tmp_path, NOGWD, 2, (5, 5), seed=2)
    more = bench.run(
        "fit",
        *("--data.extra_data_path", f"[{tmp_path}]", "--trainer.max_epochs", 1),
    )
    assert state(more)["global_step"] == -(-(4 * 24 + 2 * 25) // 16)
    assert results(more)["model"]["columns"] == results(trained)["model"]["columns"]
    assert results(more)["baselines"]["ridge"] != results(trained)["baselines"]["ridge"]


def test_files_without_latitude_are_learned_from_if_asked_for(bench, tmp_path):
    write_dates(tmp_path, NOGWD, 4, latitude=False)
    path = ("--data.data_path", tmp_path)
    with pytest.raises(ValueError, match="2015-01-01.h5: no dataset /lat .*data.latitude false"):
        bench.run("fit", *path)
    path += ("--data.latitude", "false")
    with pytest.raises(ValueError, match="no latitude, which the launch .*launch_flux learned"):
        bench.run("fit", *path)
    learned = ("--model.init_args.launch_flux", "learned", "--trainer.max_epochs", 1)
    experiment = bench.run("fit", *path, *learned)
    found = results(experiment)
    assert found["model"]["columns"] == 24
    # The cheaper schemes need the latitude.
    assert set(found["baselines"]) == {"zero", "climatology", "ridge"}
    surrogate = Surrogate.load(experiment / "artifacts")
    fields, _ = read_raw(bench.root / "nogwd" / "raw" / "2015-08-01.h5")
    assert all(np.isfinite(values).all() for values in surrogate.predict(fields).values())


def test_columns_of_other_levels_are_refused(bench, trained, tmp_path):
    layout = DragLayout("nogwd", 40)
    x, latitude = smooth_columns(layout, 6)
    write_columns(tmp_path / "raw" / "2015-01-01.h5", layout, x, torch.zeros(6, 80), latitude)
    with pytest.raises(ValueError, match="of nogwd with 40 levels, the model is for nogwd with 63"):
        bench.run(
            *("test", "--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", checkpoint(trained)),
        )
