"""The command line end to end: fit, test, predict and resume, every model, data of all kinds."""

from __future__ import annotations

import functools
import shutil

import h5py
import numpy as np
import pytest
import torch
import yaml

from ai4sim.surrogate import Surrogate
from ai4sim.tests import use_case
from ai4sim.tests.use_case import only_new, results
from weather_forecast.gwd import config, models, plotters
from weather_forecast.gwd.data import ColumnDataModule
from weather_forecast.gwd.io.layout import DragLayout, write_columns
from weather_forecast.gwd.nets.emulator import launch_factor
from weather_forecast.gwd.tests.made_up import smooth_columns, write_dates

NOGWD, OGWD = DragLayout("nogwd", 63), DragLayout("ogwd", 91)
GRID = (4, 6)
TRAINER = config.USE_CASE.root / "trainer.py"
TINY = {
    "seed_everything": 7,
    "trainer": {
        "max_epochs": 3,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
    },
    "model": {
        "class_path": "LitFluxNet",
        # A whole network, without the scheme's loops, which take long to export.
        "init_args": {"features": 16, "layers": 2, "phase_speeds": 0, "learning_rate": 0.01},
    },
    "data": {"ratios": [0.5, 0.25, 0.25], "gap": 0, "batch_size": 16, "eval_batch_size": 20},
}
run = functools.partial(use_case.run, TRAINER)
here = functools.partial(use_case.here, models.DragModule, ColumnDataModule, config, plotters)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Dates of both schemes, a config and one finished training run."""
    root = tmp_path_factory.mktemp("gwd")
    write_dates(root / "nogwd", NOGWD, grid=GRID)
    write_dates(root / "ogwd", OGWD, grid=GRID)
    data = {**TINY["data"], "data_path": str(root / "nogwd")}
    (root / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "data": data}))
    done = run(root, "fit", "--config", "tiny.yaml")
    return root, only_new(root, set()), done.stdout


# ---- fit, test, predict, resume --------------------------------------------------------------


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    _, experiment, output = trained
    for name in ("config.yaml", "environment.json", "checkpoints/best.ckpt", "artifacts/model.pt2"):
        assert (experiment / name).is_file(), name
    last = torch.load(experiment / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == TINY["trainer"]["max_epochs"] - 1
    # 4 dates of 24 columns, in batches of 16
    assert last["global_step"] == 3 * 6
    found = results(experiment)
    assert set(found["headline"]) <= set(found["model"])
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
    assert list((experiment / "plots").glob("*.png"))
    for word in ("ridge", "scheme_4x20", "model", "budget residual", "R2 by pressure in hPa"):
        assert word in output


def test_results_are_those_of_the_best_weights_over_all_test_columns(trained):
    root, experiment, _ = trained
    surrogate = Surrogate.load(experiment / "artifacts")
    predicted, target = [], []
    for path in sorted((root / "nogwd" / "raw").iterdir())[-2:]:
        fields, scale, y = read(path)
        predicted.append(rows(surrogate.predict(fields, output_scale=scale)))
        target.append(y)
    error, target = np.concatenate(predicted) - np.concatenate(target), np.concatenate(target)
    found = results(experiment)["model"]
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert found["r2"] == pytest.approx(
        1 - (error**2).sum() / (target.size * target.var()), rel=1e-4
    )
    per_output = 1 - (error**2).mean(0) / target.var(0)
    assert found["r2_mean"] == pytest.approx(per_output.mean(), rel=1e-3, abs=1e-4)
    profile = results(experiment)["profile"]["r2"]["v_tendency"]["model"]
    np.testing.assert_allclose(profile, per_output[63:], rtol=1e-3, atol=1e-3)


def read(path):
    """Input fields, launch factor and tendencies (column, row) of a raw file."""
    with h5py.File(path) as file:
        x, latitude = (torch.from_numpy(file[name][...]).flatten(-2) for name in ("x", "lat"))
        y = file["y"][...].reshape(126, -1).T.astype("f8") if "y" in file else None
    fields = {name: part.numpy() for name, part in NOGWD.split_inputs(x.T).items()}
    return fields, launch_factor(latitude).numpy(), y


def rows(parts):
    """Put predicted tendencies side by side, (column, row)."""
    return np.concatenate([parts["u_tendency"], parts["v_tendency"]], axis=1)


def test_a_checkpoint_predicts_files_of_another_grid_without_targets(trained, tmp_path):
    root, experiment, _ = trained
    raw = write_dates(tmp_path, NOGWD, 2, (3, 11), targets=False, seed=1)
    before = set((root / "experiments").iterdir())
    run(
        root,
        *("predict", "--config", root / "tiny.yaml", "--data.data_path", tmp_path),
        *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        # Parameters of the model come from the checkpoint, not from the command line.
        "--model.init_args.features=9",
        cwd=tmp_path,
    )
    predictions = only_new(root, before) / "predictions"
    assert sorted(p.name for p in predictions.iterdir()) == [p.name for p in raw]
    surrogate = Surrogate.load(experiment / "artifacts")
    for path in raw:
        fields, scale, _ = read(path)
        expected = rows(surrogate.predict(fields, output_scale=scale))
        with h5py.File(path) as given, h5py.File(predictions / path.name) as file:
            assert file["y"].shape == (126, 3, 11)
            np.testing.assert_array_equal(file["x"], given["x"])
            np.testing.assert_array_equal(file["lat"], given["lat"])
            found = file["y"][...].reshape(126, -1).T
        assert 1e-7 < np.abs(found).max() < 1e-1  # m/s2
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-10)


def test_two_processes_give_the_numbers_of_one(trained):
    root, experiment, _ = trained
    before = set((root / "experiments").iterdir())
    run(
        root,
        *("test", "--config", "tiny.yaml", "--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        *("--trainer.devices", "2", "--trainer.strategy", "ddp"),
    )
    # Only the first process writes, into one folder.
    both, one = results(only_new(root, before)), results(experiment)
    assert both.keys() == one.keys()
    for name, row in {"model": one["model"], **one["baselines"]}.items():
        other = both["model"] if name == "model" else both["baselines"][name]
        assert other.keys() == row.keys()
        for metric, value in row.items():
            assert other[metric] == pytest.approx(value, rel=1e-5, abs=1e-9), (name, metric)


def test_a_training_goes_on_in_its_folder(trained, monkeypatch):
    root, experiment, _ = trained
    shutil.copytree(experiment, root / "experiments" / "copy")
    last = root / "experiments" / "copy" / "checkpoints" / "last.ckpt"
    resume = ("--ckpt_path", "last", "--experiment", "copy", "--trainer.max_epochs", 4)
    assert here(root, monkeypatch, "fit", *resume) is None
    state = torch.load(last, weights_only=True)
    assert (state["epoch"], state["global_step"]) == (3, 4 * 6)
    assert state["extra_state"]["baselines"]["weights"].shape == (191, 126)


# ---- the other models, and other data --------------------------------------------------------


def test_the_flux_net_with_the_scheme_in_it_starts_from_the_scheme(trained, monkeypatch):
    root, experiment, _ = trained
    model = ("--model.init_args.phase_speeds", 8, "--trainer.max_epochs", 1)
    found = results(here(root, monkeypatch, "fit", *model))
    assert found["model"]["r2_mean"] > 0.5 > results(experiment)["model"]["r2_mean"]


def test_the_stress_net_learns_the_dates_that_a_table_names(trained, monkeypatch):
    root, _, _ = trained
    names = sorted(path.name for path in (root / "ogwd" / "raw").iterdir())
    table = {"train": names[2:], "valid": names[1:2], "test": names[:1]}
    (root / "ogwd" / "filenames-split.yaml").write_text(yaml.safe_dump(table))
    experiment = here(
        root,
        monkeypatch,
        "fit",
        *("--model", "LitStressNet", "--model.features", 8, "--model.layers", 2),
        *("--model.loss", "huber", "--data.latitude", "false"),
        *("--data.data_path", root / "ogwd"),
    )
    (root / "ogwd" / "filenames-split.yaml").unlink()
    found = results(experiment)
    assert found["model"]["columns"] == 24
    assert found["model"]["blocking_antiparallel"] > 0.999
    assert set(found["headline"]) <= set(found["model"])
    assert set(found["baselines"]) == {"zero", "climatology", "ridge"}
    assert set(found["profile"]["r2"]) == {variable.name for variable in OGWD.outputs}


@pytest.mark.parametrize("model", ["LitMLP", "LitCNN"])
@pytest.mark.parametrize("layout", [NOGWD, OGWD], ids=lambda layout: layout.scheme)
def test_flat_networks_fit_both_schemes(trained, monkeypatch, model, layout):
    root, _, _ = trained
    experiment = here(
        root,
        monkeypatch,
        "fit",
        *("--model", model, "--model.scheme", layout.scheme, "--model.levels", layout.levels),
        *("--model.features", 8, "--model.augment", "true", "--trainer.max_epochs", 1),
        *("--data.data_path", root / layout.scheme, "--data.latitude", "false"),
    )
    found = results(experiment)
    assert found["model"]["columns"] == 2 * 24
    assert 0 < found["model"]["rmse"] < 1
    surrogate = Surrogate.load(experiment / "artifacts")
    assert surrogate.facts["scheme"] == layout.scheme


def test_columns_of_other_folders_join_the_training_set_only(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    write_dates(tmp_path, NOGWD, 2, (5, 5), seed=2)
    more = here(
        root,
        monkeypatch,
        "fit",
        *("--data.extra_data_path", f"[{tmp_path}]", "--trainer.max_epochs", 1),
    )
    last = torch.load(more / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == -(-(4 * 24 + 2 * 25) // 16)
    assert results(more)["model"]["columns"] == results(experiment)["model"]["columns"]
    assert results(more)["baselines"]["ridge"] != results(experiment)["baselines"]["ridge"]


def test_files_without_latitude_are_learned_from_if_asked_for(trained, monkeypatch, tmp_path):
    root, _, _ = trained
    write_dates(tmp_path, NOGWD, 4, latitude=False)
    path = ("--data.data_path", tmp_path)
    with pytest.raises(ValueError, match="2015-01-01.h5: no dataset /lat .*data.latitude false"):
        here(root, monkeypatch, "fit", *path)
    path += ("--data.latitude", "false")
    with pytest.raises(ValueError, match="no latitude, which the launch .*launch_flux learned"):
        here(root, monkeypatch, "fit", *path)
    learned = ("--model.init_args.launch_flux", "learned", "--trainer.max_epochs", 1)
    experiment = here(root, monkeypatch, "fit", *path, *learned)
    found = results(experiment)
    assert found["model"]["columns"] == 24
    # The cheaper schemes need the latitude.
    assert set(found["baselines"]) == {"zero", "climatology", "ridge"}
    surrogate = Surrogate.load(experiment / "artifacts")
    fields, _, _ = read(root / "nogwd" / "raw" / "2015-08-01.h5")
    assert np.isfinite(rows(surrogate.predict(fields))).all()


def test_columns_of_other_levels_are_refused(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    layout = DragLayout("nogwd", 40)
    x, latitude = smooth_columns(layout, 6)
    write_columns(tmp_path / "raw" / "2015-01-01.h5", layout, x, torch.zeros(6, 80), latitude)
    with pytest.raises(ValueError, match="of nogwd with 40 levels, the model is for nogwd with 63"):
        here(
            root,
            monkeypatch,
            *("test", "--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        )
