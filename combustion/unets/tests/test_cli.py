"""The command line end to end, in processes of its own: fit, test, predict, resume, interrupt."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import torch
import yaml

from ai4sim.surrogate import Surrogate
from ai4sim.tests import use_case
from ai4sim.tests.use_case import environment, only_new, results
from combustion.io.layouts import R2, read_snapshot
from combustion.tests.flames import write_sheets
from combustion.unets import config

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
        "class_path": "LitUNet3D",
        "init_args": {"features": 4, "levels": 2, "learning_rate": 0.01},
    },
    "data": {
        "data_path": "${oc.env:TINY_DATA}",
        "test_cases": ["DNS2"],
        "crop": [8, 8, 8],
        "crops_per_snapshot": 4,
        "batch_size": 4,
        "eval_batch_size": 2,
    },
}


run = functools.partial(use_case.run, TRAINER)
complaint = functools.partial(use_case.complaint, TRAINER)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with two flames, a config and one finished training run."""
    root = tmp_path_factory.mktemp("unets")
    write_sheets(root / "flames", "DNS1", 10)
    write_sheets(root / "flames", "DNS2", 3, wrinkling=1.5)
    (root / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    done = run(root, "fit", "--config", "tiny.yaml")
    return root, only_new(root, set()), done.stdout


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    root, experiment, output = trained
    assert experiment.name.endswith("_tiny")
    for name in (
        "config.yaml",
        "environment.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    ):
        assert (experiment / name).is_file(), name
    last = torch.load(experiment / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == TINY["trainer"]["max_epochs"] - 1
    found = results(experiment)
    assert {"r2", "nrmse", "rmse", "total_flame_surface_error"} <= set(found["model"])
    assert {"constant", "gradient", "boger_fitted", "charlette", "fureby"} <= set(
        found["baselines"]
    )
    assert set(found["cases"]) == {"DNS1", "DNS2"}
    assert (experiment / "artifacts" / "model.pt2").is_file()
    assert list((experiment / "plots").glob("*.png"))
    assert list((experiment / "logs").glob("events*"))
    for word in ("boger", "model", "DNS2", str(experiment / "plots")):
        assert word in output
    facts = json.loads((experiment / "environment.json").read_text())
    assert facts["seed"] == 7
    assert "trainer.py fit --config tiny.yaml" in facts["command"]


def test_results_are_those_of_the_best_weights_over_all_test_cells(trained):
    root, experiment, _ = trained
    surrogate = Surrogate.load(experiment / "artifacts")
    files = sorted((root / "flames" / "raw").glob("DNS2_*.h5"))
    snapshots = [read_snapshot(f) for f in files]
    predicted = [
        surrogate.predict({"progress_variable": s.progress_variable}, periods=(None, 12, 12))
        for s in snapshots
    ]
    target = np.stack([s.flame_surface_density for s in snapshots]).astype("f8")
    error = np.stack([fields["flame_surface_density"] for fields in predicted]) - target
    found = results(experiment)["cases"]["DNS2"]["model"]
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert found["r2"] == pytest.approx(1 - (error**2).mean() / target.var(), rel=1e-3, abs=1e-4)
    surface = np.abs(error.sum((1, 2, 3))) / target.sum((1, 2, 3))
    assert found["total_flame_surface_error"] == pytest.approx(surface.mean(), rel=1e-3)


def test_the_saved_config_reproduces_the_run(trained):
    root, experiment, _ = trained
    before = set((root / "experiments").iterdir())
    run(root, "fit", "--config", experiment / "config.yaml")
    again = only_new(root, before)
    assert results(again) == results(experiment)


def test_a_checkpoint_is_tested_and_applied_elsewhere(trained, tmp_path):
    """Another folder, layout, grid size and spacing, another working directory; no targets."""
    root, experiment, _ = trained
    checkpoint = experiment / "checkpoints" / "best.ckpt"
    write_sheets(
        tmp_path / "other", "R2", 2, (11, 9, 14), layout=R2, dx_les=8e-5, filter_width=8e-5
    )
    common = ("--config", root / "tiny.yaml", "--ckpt_path", checkpoint)
    # Parameters of the model come from the checkpoint, not from the config.
    common += ("--model.init_args.features=9", "--data.data_path", tmp_path / "other")
    before = set((root / "experiments").iterdir())
    run(root, "test", *common, "--data.split", "all-test", "--data.test_cases=[]", cwd=tmp_path)
    tested = only_new(root, before)
    assert set(results(tested)["cases"]) == {"R2"}

    write_sheets(
        tmp_path / "les",
        "R3",
        2,
        (11, 9, 14),
        layout=R2,
        dx_les=8e-5,
        filter_width=8e-5,
        target=False,
    )
    before = set((root / "experiments").iterdir())
    run(root, "predict", *common, "--data.data_path", tmp_path / "les", cwd=tmp_path)
    predictions = only_new(root, before) / "predictions"
    assert [p.name for p in sorted(predictions.iterdir())] == ["R3_000.h5", "R3_001.h5"]
    raw = read_snapshot(tmp_path / "les" / "raw" / "R3_001.h5", require_target=False)
    with h5py.File(predictions / "R3_001.h5") as file:
        assert file["c_grad_filt"].shape == (14, 9, 11)
        written = file["c_grad_filt"][...].T
    # Sigma scales with 1/dx: the grid of the raw file counts, not that of the training set.
    expected = Surrogate.load(experiment / "artifacts").predict(
        {"progress_variable": raw.progress_variable},
        output_scale=1 / raw.dx,
        periods=(None, 9, 14),
    )
    np.testing.assert_allclose(written, expected["flame_surface_density"], rtol=1e-3, atol=1e-2)


def test_two_processes_give_the_numbers_of_one(trained):
    root, experiment, _ = trained
    before = set((root / "experiments").iterdir())
    run(
        root,
        *("test", "--config", "tiny.yaml", "--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        *("--trainer.devices", "2", "--trainer.strategy", "ddp"),
    )
    # Only the first process writes, into one folder.
    both = results(only_new(root, before))
    one = results(experiment)
    assert both.keys() == one.keys()
    for metric, value in one["model"].items():
        assert both["model"][metric] == pytest.approx(value, rel=1e-5), metric


def test_training_on_two_processes_runs_and_resumes(trained):
    root, _, _ = trained
    before = set((root / "experiments").iterdir())
    two = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.max_epochs", "1")
    run(root, "fit", "--config", "tiny.yaml", *two)
    experiment = only_new(root, before)
    assert results(experiment)["model"]["r2"] < 1
    state = torch.load(experiment / "checkpoints" / "last.ckpt", weights_only=True)
    # 6 training files, 4 crops each, in batches of 4 on two processes
    assert state["global_step"] == 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_training_goes_on_in_its_folder(trained, tmp_path, how):
    root, _, _ = trained
    name = f"stopped-{how.name}"
    command = [sys.executable, str(TRAINER), "fit", "--config", str(root / "tiny.yaml")]
    command += ["--experiment", name, "--trainer.max_epochs", "100000"]
    last = root / "experiments" / name / "checkpoints" / "last.ckpt"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment(root), cwd=root, stdout=log, stderr=subprocess.STDOUT
        )
        for _ in range(600):
            if last.exists() or process.poll() is not None:
                break
            time.sleep(0.1)
        process.send_signal(how)
        process.wait(timeout=60)
    assert last.exists(), (tmp_path / "log").read_text()[-3000:]
    reached = torch.load(last, weights_only=True)
    resume = ("--ckpt_path", "last", "--experiment", name)
    epochs = str(reached["epoch"] + 2)
    run(root, "fit", "--config", root / "tiny.yaml", *resume, "--trainer.max_epochs", epochs)
    after = torch.load(last, weights_only=True)
    assert after["global_step"] > reached["global_step"]
    assert (last.parents[1] / "artifacts" / "results.json").is_file()
    assert not [p for p in last.parent.iterdir() if p.suffix != ".ckpt"]


def test_mistakes_on_the_command_line_are_explained(trained):
    root, experiment, _ = trained

    config_ = ("--config", "tiny.yaml")
    wrong = experiment / "checkpoints" / "bst.ckpt"
    assert "best.ckpt" in complaint(root, "test", *config_, "--ckpt_path", wrong)
    said = complaint(root, "fit", *config_, "--data.ratios=[0.5,0.5,0.5]")
    assert "sum to 1" in said
