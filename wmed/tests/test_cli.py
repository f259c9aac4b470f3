"""Fluxes on the command line: the numbers of their results, every model, data of all kinds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from ai4sim.native.couple import samples_of
from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import checkpoint, printed, results, state
from wmed.data import CouplingDataModule
from wmed.io import croco
from wmed.nets.coupler import fluxes
from wmed.tests.labelled import write_labelled
from wmed.tests.tiny import DATES, TINY


def test_fluxes_are_judged_beside_the_baselines_that_a_checkpoint_holds(trained):
    last = state(trained)
    # 2 events of 5 times: 1 validates, 1 is the gap, 3 train.
    assert (last["epoch"], last["global_step"]) == (2, 3 * 6)
    assert last["extra_state"]["baselines"]["drag"] > 0
    found = results(trained)
    assert {"mean", "ridge", "constant_bulk", "coare_nearest", "ecmwf"} == set(found["baselines"])
    # The wind of these made-up cells is noise: what the nearest column says is worth little.
    assert found["baselines"]["coare_nearest"]["tau_rmse"] > found["model"]["tau_rmse"] > 0
    assert found["baselines"]["mean"]["heat_rmse"] > found["model"]["heat_rmse"]
    assert "tau x" in printed(trained)


def test_results_are_those_of_the_best_weights_on_the_points_of_the_ocean(bench, trained):
    data = CouplingDataModule(
        str(bench.root / "events"), test_cases=["20060310"], eval_batch_size=5
    )
    (batch,) = list(data.test_dataloader())
    surrogate = Surrogate.load(trained / "artifacts")
    with torch.no_grad():
        found = fluxes(surrogate, batch, data.graph)
    metrics = results(trained)["model"]
    for name in ("tau_x", "tau_y", "heat"):
        error = (found[name] - batch[name]).double()
        assert metrics[f"{name}_rmse"] == pytest.approx(float(error.square().mean().sqrt()), 1e-4)
        variance = batch[name].double().var(correction=0)
        r2 = 1 - error.square().mean() / variance
        assert metrics[f"{name}_r2"] == pytest.approx(float(r2), rel=1e-3, abs=1e-4)


def test_predictions_are_histories_with_fluxes_on_the_sea_alone(bench, trained, tmp_path):
    (source,) = TINY.write_unlabelled(tmp_path)
    made = bench.run("predict", "--data.data_path", tmp_path, "--ckpt_path", checkpoint(trained))
    (written,) = (made / "predictions").iterdir()
    grid = croco.read_grid(source)
    assert croco.read_grid(written) == grid
    np.testing.assert_array_equal(croco.read_times(written), croco.read_times(source))
    for k in (1, 2, 3):
        record = croco.read_record(written, k, fluxes=True)
        np.testing.assert_array_equal(record["sst"], croco.read_record(source, k)["sst"])
        # Nothing on land, nor on the faces beside it.
        assert (record["tau_x"][~grid.sea_u] == 0).all()
        assert (record["tau_y"][~grid.sea_v] == 0).all()
        assert (record["heat"][~grid.sea] == 0).all()


# ---- the other models, and other data --------------------------------------------------------


@pytest.mark.parametrize("model", ["LitConstantBulk", "LitMLP", "LitCouplingGNN"])
def test_the_other_models_learn(bench, model):
    small = [] if model == "LitConstantBulk" else ["--model.features", 8, "--model.layers", 2]
    small += ["--model.rounds", 1] if model == "LitCouplingGNN" else []
    small += ["--model.loss", "crps"] if model == "LitMLP" else []
    experiment = bench.run(
        "fit",
        *("--model", model, "--model.levels", 4, *small),
        *("--model.learning_rate", 0.03, "--trainer.max_epochs", 5),
    )
    found = results(experiment)
    assert found["model"]["tau_rmse"] < found["baselines"]["mean"]["tau_rmse"]
    assert set(found["cases"]) == {"croco_his_20060310"}
    if model == "LitMLP":
        judged = found["calibration"]["outputs"]
        assert judged["heat"]["units"] == "W/m2" and judged["tau_x"]["spread"] > 0
        return
    # What a library is compared on is the test set, whole grids where these are few points.
    artifacts = experiment / "artifacts"
    routine = bench.tiny.use_case.routine(Surrogate.load(artifacts))
    answers = routine.answers(*samples_of(routine, artifacts))
    assert answers.isfinite().all() and len(answers) > 100


def test_a_checkpoint_is_tested_on_another_grid(bench, trained, tmp_path):
    write_labelled(tmp_path / "raw", "2007-02-01", records=2, seed=4, ocean=(17, 20))
    found = results(
        bench.run(
            "test",
            *("--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", checkpoint(trained)),
        )
    )
    assert set(found["cases"]) == {"croco_his_20070201"}
    assert found["model"]["tau_rmse"] < found["baselines"]["mean"]["tau_rmse"]


def test_files_that_lack_parts_of_the_heat_train_as_well(bench, tmp_path):
    for seed, date in enumerate(DATES[:2]):
        parts = ("shortwave",) if seed else ()
        write_labelled(tmp_path / "raw", date, records=4, seed=seed, parts=parts)
    arguments = ("--data.data_path", tmp_path, "--data.test_cases", "[20060310]")
    found = results(bench.run("fit", *arguments))
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
def test_what_goes_wrong_is_said(bench, arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=f"(?s){message}"):
        bench.run("fit", *arguments)


def test_events_without_fluxes_cannot_train(bench, tmp_path):
    for date in DATES[:2]:
        write_labelled(tmp_path / "raw", date, records=4, fluxes=False)
    arguments = ("--data.data_path", tmp_path, "--data.test_cases", "[20060310]")
    with pytest.raises(ValueError, match="no sustr, svstr, shflux: .*only predicted"):
        bench.run("fit", *arguments)


def test_other_levels_than_those_of_the_training_are_refused(bench, trained, tmp_path):
    heights = np.array([20.0, 50.0, 90.0, 150.0])
    write_labelled(tmp_path / "raw", "2007-02-01", records=2, heights=heights)
    with pytest.raises(ValueError, match="levels at .*20.* the model was trained with .*10"):
        bench.run(
            "test",
            *("--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", checkpoint(trained)),
        )


def test_an_atmosphere_file_that_changes_is_read_again(tmp_path):
    source = write_labelled(tmp_path / "raw", "2007-02-01", records=2)
    data = CouplingDataModule(str(tmp_path))
    before = data.processed(source)[0]["atmosphere"].copy()
    write_labelled(tmp_path / "other", "2007-02-01", records=2, seed=5)
    name = "ECMWF_20070201_06.nc"
    shutil.copy(tmp_path / "other" / name, tmp_path / "raw" / name)
    after = data.processed(source)[0]["atmosphere"]
    assert not np.allclose(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])
