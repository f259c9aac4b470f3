"""The command line end to end: fit, test, predict and resume, every model, data of all kinds."""

from __future__ import annotations

import functools
import shutil

import numpy as np
import pytest
import torch
import yaml

from ai4sim.surrogate import Surrogate
from ai4sim.tests import use_case
from ai4sim.tests.use_case import only_new, results
from wmed import config, models, plotters
from wmed.data import CouplingDataModule
from wmed.io import croco
from wmed.io.grid import at_nodes
from wmed.io.layout import RhoLayout
from wmed.nets.coupler import fluxes
from wmed.nets.inputs import rho_inputs
from wmed.tests.labelled import write_labelled

TRAINER = config.USE_CASE.root / "trainer.py"
DATES = ("2006-01-01", "2006-03-10", "2006-05-20")
TINY = {
    "seed_everything": 7,
    "trainer": {
        "max_epochs": 3,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
    },
    "model": {
        "class_path": "LitTransferNet",
        "init_args": {"levels": 4, "features": 16, "layers": 2, "loss": "mae"},
    },
    "data": {"split": "event", "test_cases": [20060310], "val_share": 0.25, "eval_batch_size": 3},
}
run = functools.partial(use_case.run, TRAINER)
here = functools.partial(use_case.here, models.CouplingModule, CouplingDataModule, config, plotters)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Three events with fluxes by COARE, a config and one finished training run."""
    root = tmp_path_factory.mktemp("wmed")
    for seed, date in enumerate(DATES):
        write_labelled(root / "events" / "raw", date, records=5, seed=seed)
    data = {**TINY["data"], "data_path": str(root / "events")}
    (root / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "data": data}))
    done = run(root, "fit", "--config", "tiny.yaml")
    return root, only_new(root, set()), done.stdout


# ---- fit, test, predict, resume --------------------------------------------------------------


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    _, experiment, output = trained
    for name in ("config.yaml", "environment.json", "checkpoints/best.ckpt", "artifacts/model.pt2"):
        assert (experiment / name).is_file(), name
    last = torch.load(experiment / "checkpoints" / "last.ckpt", weights_only=True)
    # 2 events of 5 times: 1 validates, 1 is the gap, 3 train.
    assert (last["epoch"], last["global_step"]) == (2, 3 * 6)
    found = results(experiment)
    assert set(found["headline"]) <= set(found["model"])
    assert {"mean", "ridge", "constant_bulk", "coare_nearest", "ecmwf"} == set(found["baselines"])
    # The wind of these made-up cells is noise: what the nearest column says is worth little.
    assert found["baselines"]["coare_nearest"]["tau_rmse"] > found["model"]["tau_rmse"] > 0
    assert found["baselines"]["mean"]["heat_rmse"] > found["model"]["heat_rmse"]
    assert len(list((experiment / "plots").glob("*.png"))) >= 5
    for word in ("ridge", "constant_bulk", "ecmwf", "model", "tau x"):
        assert word in output


def test_results_are_those_of_the_best_weights_on_the_points_of_the_ocean(trained):
    root, experiment, _ = trained
    data = CouplingDataModule(str(root / "events"), test_cases=["20060310"], eval_batch_size=5)
    (batch,) = list(data.test_dataloader())
    surrogate = Surrogate.load(experiment / "artifacts")
    with torch.no_grad():
        found = fluxes(surrogate, batch, data.graph)
    for name in ("tau_x", "tau_y", "heat"):
        error = (found[name] - batch[name]).double()
        metrics = results(experiment)["model"]
        assert metrics[f"{name}_rmse"] == pytest.approx(float(error.square().mean().sqrt()), 1e-4)
        variance = batch[name].double().var(correction=0)
        r2 = 1 - error.square().mean() / variance
        assert metrics[f"{name}_r2"] == pytest.approx(float(r2), rel=1e-3, abs=1e-4)
    # The exported program gives what the surrogate does, row by row.
    program = torch.export.load(experiment / "artifacts" / "model.pt2").module()
    rows = rho_inputs(batch, data.graph, RhoLayout(4))[0]
    with torch.no_grad():
        torch.testing.assert_close(program(rows, torch.ones(len(rows))), surrogate(rows))


def test_a_checkpoint_predicts_an_event_without_fluxes(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    source = write_labelled(tmp_path / "raw", "2007-08-01", records=3, seed=9, fluxes=False)
    checkpoint = ("--ckpt_path", experiment / "checkpoints" / "best.ckpt")
    made = here(root, monkeypatch, "predict", "--data.data_path", tmp_path, *checkpoint)
    (written,) = (made / "predictions").iterdir()
    assert written.name == source.name
    grid = croco.read_grid(source)
    assert croco.read_grid(written) == grid
    np.testing.assert_array_equal(croco.read_times(written), croco.read_times(source))
    data = CouplingDataModule(str(tmp_path), eval_batch_size=3)
    (batch,) = list(data.predict_dataloader())
    with torch.no_grad():
        expected = fluxes(Surrogate.load(experiment / "artifacts"), batch, data.graph)
    for k in (1, 2, 3):
        record = croco.read_record(written, k, fluxes=True)
        np.testing.assert_array_equal(record["sst"], croco.read_record(source, k)["sst"])
        # Nothing on land, nor on the faces beside it.
        assert (record["tau_x"][~grid.sea_u] == 0).all()
        assert (record["tau_y"][~grid.sea_v] == 0).all()
        assert (record["heat"][~grid.sea] == 0).all()
        for name, sea in (("tau_x", grid.sea_u), ("tau_y", grid.sea_v), ("heat", grid.sea)):
            values = expected[name][k - 1].numpy()
            np.testing.assert_allclose(at_nodes(record[name], sea), values, rtol=1e-5, atol=1e-5)


def test_a_training_goes_on_in_its_folder(trained, monkeypatch):
    root, experiment, _ = trained
    shutil.copytree(experiment, root / "experiments" / "copy")
    last = root / "experiments" / "copy" / "checkpoints" / "last.ckpt"
    resume = ("--ckpt_path", "last", "--experiment", "copy", "--trainer.max_epochs", 4)
    assert here(root, monkeypatch, "fit", *resume) is None
    state = torch.load(last, weights_only=True)
    assert (state["epoch"], state["global_step"]) == (3, 4 * 6)
    assert state["extra_state"]["baselines"]["drag"] > 0


# ---- the other models, and other data --------------------------------------------------------


@pytest.mark.parametrize("model", ["LitConstantBulk", "LitMLP", "LitCouplingGNN"])
def test_the_other_models_learn(trained, monkeypatch, model):
    root, _, _ = trained
    small = [] if model == "LitConstantBulk" else ["--model.features", 8, "--model.layers", 2]
    small += ["--model.rounds", 1] if model == "LitCouplingGNN" else []
    experiment = here(
        root,
        monkeypatch,
        "fit",
        *("--model", model, "--model.levels", 4, *small),
        *("--model.learning_rate", 0.03, "--trainer.max_epochs", 5),
    )
    found = results(experiment)
    assert found["model"]["tau_rmse"] < found["baselines"]["mean"]["tau_rmse"]
    assert set(found["cases"]) == {"croco_his_20060310"}


def test_a_checkpoint_is_tested_on_another_grid(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    write_labelled(tmp_path / "raw", "2007-02-01", records=2, seed=4, ocean=(17, 20))
    found = results(
        here(
            root,
            monkeypatch,
            "test",
            *("--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        )
    )
    assert set(found["cases"]) == {"croco_his_20070201"}
    assert found["model"]["tau_rmse"] < found["baselines"]["mean"]["tau_rmse"]


def test_files_that_lack_parts_of_the_heat_train_as_well(trained, monkeypatch, tmp_path):
    root, _, _ = trained
    for seed, date in enumerate(DATES[:2]):
        parts = ("shortwave",) if seed else ()
        write_labelled(tmp_path / "raw", date, records=4, seed=seed, parts=parts)
    arguments = ("--data.data_path", tmp_path, "--data.test_cases", "[20060310]")
    found = results(here(root, monkeypatch, "fit", *arguments))
    assert found["model"]["heat_rmse"] > 0 and found["model"]["latent_rmse"] is None
    assert found["model"]["shortwave_rmse"] is not None


# ---- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model.init_args.levels", 15], "its atmosphere has 4 levels, the model is for 15"),
        (["--data.test_cases", "[1999]"], "no event '1999'.*croco_his_20060101"),
        (["--data.val_share", 0.9], "5 times cannot be divided"),
        (["--data.val_share", 1.5], "expected a share between 0 and 1"),
        (["--data.data_path", "nowhere"], "nowhere"),
    ],
)
def test_what_goes_wrong_is_said(trained, monkeypatch, arguments, message):
    root, _, _ = trained
    with pytest.raises((ValueError, FileNotFoundError), match=f"(?s){message}"):
        here(root, monkeypatch, "fit", *arguments)


def test_events_without_fluxes_cannot_train(trained, monkeypatch, tmp_path):
    root, _, _ = trained
    for date in DATES[:2]:
        write_labelled(tmp_path / "raw", date, records=4, fluxes=False)
    arguments = ("--data.data_path", tmp_path, "--data.test_cases", "[20060310]")
    with pytest.raises(ValueError, match="no sustr, svstr, shflux: .*only predicted"):
        here(root, monkeypatch, "fit", *arguments)


def test_other_levels_than_those_of_the_training_are_refused(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    heights = np.array([20.0, 50.0, 90.0, 150.0])
    write_labelled(tmp_path / "raw", "2007-02-01", records=2, heights=heights)
    with pytest.raises(ValueError, match="levels at .*20.* the model was trained with .*10"):
        here(
            root,
            monkeypatch,
            "test",
            *("--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        )


def test_an_atmosphere_file_that_changes_is_read_again(trained, tmp_path):
    source = write_labelled(tmp_path / "raw", "2007-02-01", records=2)
    data = CouplingDataModule(str(tmp_path))
    before = data.processed(source)[0]["atmosphere"].copy()
    write_labelled(tmp_path / "other", "2007-02-01", records=2, seed=5)
    name = "ECMWF_20070201_06.nc"
    shutil.copy(tmp_path / "other" / name, tmp_path / "raw" / name)
    after = data.processed(source)[0]["atmosphere"]
    assert not np.allclose(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])
