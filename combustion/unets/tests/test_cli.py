"""Flames on the command line: the numbers of their results, other grids, processes that end."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import TRAINER, checkpoint, results, state
from combustion.io.grids import read_snapshot
from combustion.io.layouts import R2
from combustion.online.__main__ import main as burn
from combustion.synthetic.flame import SlotBurner
from combustion.synthetic.generate import RECIPES, Recipe
from combustion.tests.flames import write_sheets
from combustion.unets.tests.tiny import TINY


def test_both_flames_are_judged_beside_the_closures(trained):
    found = results(trained)
    assert {"r2", "nrmse", "rmse", "total_flame_surface_error"} <= set(found["model"])
    closures = {"constant", "gradient", "boger_fitted", "charlette", "fureby"}
    assert closures <= set(found["baselines"])
    assert set(found["cases"]) == {"DNS1", "DNS2"}


def test_results_are_those_of_the_best_weights_over_all_test_cells(bench, trained):
    surrogate = Surrogate.load(trained / "artifacts")
    files = sorted((bench.root / "flames" / "raw").glob("DNS2_*.h5"))
    snapshots = [read_snapshot(f) for f in files]
    predicted = [
        surrogate.predict({"progress_variable": s.progress_variable}, periods=(None, 12, 12))
        for s in snapshots
    ]
    target = np.stack([s.flame_surface_density for s in snapshots]).astype("f8")
    error = np.stack([fields["flame_surface_density"] for fields in predicted]) - target
    found = results(trained)["cases"]["DNS2"]["model"]
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    assert found["r2"] == pytest.approx(1 - (error**2).mean() / target.var(), rel=1e-3, abs=1e-4)
    surface = np.abs(error.sum((1, 2, 3))) / target.sum((1, 2, 3))
    assert found["total_flame_surface_error"] == pytest.approx(surface.mean(), rel=1e-3)


def test_a_network_and_the_closures_burn_in_the_loop(trained, tmp_path, monkeypatch, capsys):
    burner = SlotBurner(
        cells=(32, 32, 16), slot_width=1.6e-3, integral_length=8e-4, turbulence_rms=0.3
    )
    recipe = Recipe(
        {"weak": burner}, snapshots=3, spin_up=0.2, interval=0.1, stride=4, filter_width=8.0
    )
    monkeypatch.setitem(RECIPES, "loop", recipe)
    burn(trained, data_path=tmp_path / "loop", cases=("weak",), workers=1)
    rows = json.loads((trained / "artifacts/loop.json").read_text())["cases"]["weak"]
    assert {"model", "gradient", "gradient_fitted_xi", "boger_fitted", "fureby"} <= set(rows)
    shown = capsys.readouterr().out
    for name, row in rows.items():
        assert name in shown and row["length"] > 0
        if name != "model":  # this one has hardly been trained
            assert row["state"] == "burning" and abs(row["length_error"]) < 0.5
    assert {p.name for p in (trained / "plots").glob("loop_*")} == {
        "loop_weak_fields.png",
        "loop_weak_in_time.png",
    }
    with pytest.raises(ValueError, match="--schmidt: expected a positive number"):
        burn(trained, schmidt=-1)
    with pytest.raises(FileNotFoundError, match="no_experiment"):
        burn(tmp_path / "no_experiment")


def test_a_checkpoint_is_tested_and_applied_on_another_grid(bench, trained, tmp_path):
    grid = {"layout": R2, "dx_les": 8e-5, "filter_width": 8e-5}
    write_sheets(tmp_path / "other", "R2", 2, (11, 9, 14), **grid)
    best = ("--ckpt_path", checkpoint(trained))
    everything = ("--data.split", "all-test", "--data.test_cases=[]")
    tested = bench.run("test", *best, "--data.data_path", tmp_path / "other", *everything)
    assert set(results(tested)["cases"]) == {"R2"}

    TINY.write_unlabelled(tmp_path / "les")
    predicted = bench.run("predict", *best, "--data.data_path", tmp_path / "les")
    for name in ("R3_000.h5", "R3_001.h5"):
        with h5py.File(predicted / "predictions" / name) as file:
            assert file["c_grad_filt"].shape == (14, 9, 11)


# ---- processes of their own --------------------------------------------------------------------


def tested_files(bench):
    """Return the files of the test set of the tiny configuration."""
    data = TINY.use_case.datamodule(**{**TINY.data, "data_path": str(bench.root / "flames")})
    return data.files("test")


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for a process that succeeds; return what it printed."""
    printed, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, printed[-3000:] + complaint[-5000:]
    return printed


PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def test_training_on_two_processes_runs_and_resumes(bench):
    two = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.max_epochs", "1")
    two += ("--model.init_args.loss", "crps")
    printed = finished(bench.process("fit", "--experiment", "two", *two, **PIPES))
    experiment = bench.experiments / "two"
    found = results(experiment)
    assert found["model"]["r2"] < 1
    # Both processes' cells are judged, each once.
    cells = sum(read_snapshot(f).progress_variable.size for f in tested_files(bench))
    assert found["calibration"]["outputs"]["flame_surface_density"]["count"] == cells
    assert str(experiment / "plots") in printed and list((experiment / "plots").glob("*.png"))
    # 6 training files, 4 crops each, in batches of 4 on two processes
    assert state(experiment)["global_step"] == 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_training_goes_on_in_its_folder(bench, tmp_path, how):
    name = f"stopped-{how.name}"
    experiment = bench.experiments / name
    endless = ("--experiment", name, "--trainer.max_epochs", "100000")
    with (tmp_path / "log").open("w") as log:
        process = bench.process("fit", *endless, stdout=log, stderr=subprocess.STDOUT)
        for _ in range(1200):
            if checkpoint(experiment, "last").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(how)
        code = process.wait(timeout=60)
    assert code == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[how]
    assert checkpoint(experiment, "last").exists(), (tmp_path / "log").read_text()[-3000:]
    reached = state(experiment)
    epochs = ("--trainer.max_epochs", reached["epoch"] + 2)
    assert bench.run("fit", "--ckpt_path", "last", "--experiment", name, *epochs) == experiment
    assert state(experiment)["global_step"] > reached["global_step"]
    assert (experiment / "artifacts" / "results.json").is_file()
    assert not [p for p in (experiment / "checkpoints").iterdir() if p.suffix != ".ckpt"]


def test_mistakes_on_the_command_line_are_explained(bench, trained):
    wrong = checkpoint(trained, "bst")
    process = bench.process("test", "--ckpt_path", wrong, **PIPES)
    with pytest.raises(ValueError, match="sum to 1"):
        bench.run("fit", "--data.ratios=[0.5,0.5,0.5]")
    _, complaint = process.communicate(timeout=300)
    assert process.returncode != 0 and "best.ckpt" in complaint


def test_a_cpu_without_bfloat16_trains_in_single_precision(bench, monkeypatch, caplog):
    trainer = {**TRAINER, "precision": "bf16-mixed", "max_epochs": 1, "limit_train_batches": 1}
    bench.configure("bf16.yaml", trainer=trainer)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    caplog.set_level(logging.INFO, "ai4sim.precision")
    experiment = bench.run("fit", config="bf16.yaml")
    said = [line for line in caplog.messages if "bf16-mixed" in line]
    assert len(said) == 1 and said[0].startswith("precision 32-true instead of bf16-mixed: ONEDNN")
    assert "precision: bf16-mixed" in (experiment / "config.yaml").read_text()
