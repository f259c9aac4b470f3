"""The contract that every use case keeps, from its configurations to its exported network."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
import yaml
from lightning.pytorch.utilities.exceptions import SIGTERMException

from ai4sim.module import SurrogateModule
from ai4sim.sessions import ROOT, landed_use_cases
from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import Bench, checkpoint, results, state

USE_CASES = landed_use_cases()
LAST_EPOCH = 2


@pytest.fixture(scope="module", params=USE_CASES)
def bench(request, tmp_path_factory):
    """A folder with the tiny data of a use case."""
    package = ".".join(USE_CASES[request.param].relative_to(ROOT).parts)
    tiny = importlib.import_module(f"{package}.tests.tiny").TINY
    return Bench.make(tiny, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def trained(bench):
    """The experiment of one training run, and what that printed."""
    return bench.run("fit", figures=True, program=True), bench.printed


@pytest.fixture
def elsewhere(bench, trained, tmp_path):
    """A folder with the data and the best checkpoint alone, of which no other path is known."""
    shutil.copytree(bench.root / bench.tiny.data["data_path"] / "raw", tmp_path / "copy" / "raw")
    shutil.copy(checkpoint(trained[0]), tmp_path / "copy.ckpt")
    return tmp_path


def same(found: Mapping[str, Any], expected: Mapping[str, Any], **tolerance: float) -> None:
    """Compare results: every number of every row, however deep."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, Mapping):
            same(found[name], value, **tolerance)
        elif isinstance(value, float | int) and not isinstance(value, bool):
            assert found[name] == pytest.approx(value, **tolerance), name
        else:
            assert found[name] == value or np.allclose(
                np.array(found[name], float), np.array(value, float), equal_nan=True, rtol=1e-3
            ), name


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    experiment, printed = trained
    for name in ("config.yaml", "environment.json", "artifacts/surrogate.json"):
        assert (experiment / name).is_file(), name
    assert experiment.name.endswith("_tiny")
    assert state(experiment)["epoch"] == LAST_EPOCH
    found = results(experiment)
    assert found["baselines"] and set(found["headline"]) <= set(found["model"])
    assert list((experiment / "plots").glob("*.png")) and list((experiment / "logs").iterdir())
    for word in ("model", *found["baselines"], str(experiment), str(experiment / "plots")):
        assert word in printed


def test_the_saved_config_reproduces_the_run(bench, trained):
    experiment, _ = trained
    again = bench.run("fit", config=experiment / "config.yaml")
    assert again != experiment
    assert results(again) == results(experiment)


def test_a_checkpoint_gives_the_same_numbers_in_another_folder(bench, trained, elsewhere):
    tested = bench.run(
        "test",
        *("--ckpt_path", elsewhere / "copy.ckpt", "--data.data_path", elsewhere / "copy"),
        # Parameters of the model come from the checkpoint, not from the command line.
        bench.tiny.other,
        cwd=elsewhere,
    )
    same(results(tested), results(trained[0]), rel=1e-6)


def test_predictions_are_those_of_the_saved_surrogate(bench, trained, tmp_path):
    raw = bench.tiny.write_unlabelled(tmp_path)
    predicted = bench.run(
        "predict",
        *("--ckpt_path", checkpoint(trained[0]), "--data.data_path", tmp_path),
        bench.tiny.other,
        cwd=tmp_path,
    )
    files = sorted((predicted / "predictions").iterdir())
    assert [file.name for file in files] == sorted(path.name for path in raw)
    surrogate = Surrogate.load(trained[0] / "artifacts")
    for path, file in zip(sorted(raw), files, strict=True):
        found = bench.tiny.read_prediction(file)
        expected = bench.tiny.predict(surrogate, path)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=bench.tiny.tolerance)
        assert np.abs(found).max() > 100 * bench.tiny.tolerance


def test_the_exported_program_gives_the_numbers_of_the_surrogate(bench, trained):
    experiment, _ = trained
    program = torch.export.load(experiment / "artifacts" / "model.pt2").module()
    surrogate = Surrogate.load(experiment / "artifacts")
    inputs = torch.cat([bench.example, bench.example[:1]])  # of another number than in training
    scale = 0.5 + torch.rand(len(inputs))
    with torch.no_grad():
        torch.testing.assert_close(program(inputs, scale), surrogate(inputs, scale))


def test_a_training_that_broke_off_gives_the_same_numbers_in_the_end(bench, trained, monkeypatch):
    """As after SIGKILL or a power cut, it goes on from the last epoch that was finished."""
    stopped = broken_off(bench, monkeypatch, ZeroDivisionError)
    assert state(stopped)["epoch"] == 0
    assert bench.run("fit", "--ckpt_path", "last", "--experiment", stopped.name) == stopped
    assert state(stopped)["global_step"] == state(trained[0])["global_step"]
    same(results(stopped), results(trained[0]), rel=1e-6)


def test_a_training_goes_on_after_sigterm_where_it_was(bench, trained, monkeypatch):
    stopped = broken_off(bench, monkeypatch, SIGTERMException)
    reached = state(stopped)
    whole = state(trained[0])["global_step"]
    # In the middle of the second of three epochs.
    assert whole / 3 < reached["global_step"] < 2 * whole / 3
    assert bench.run("fit", "--ckpt_path", "last", "--experiment", stopped.name) == stopped
    assert state(stopped)["global_step"] == whole
    assert results(stopped).keys() == results(trained[0]).keys()


def broken_off(bench: Bench, monkeypatch: pytest.MonkeyPatch, how: type[Exception]) -> Path:
    """Return an experiment whose training ended early."""

    def stop(module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        if module.current_epoch == 1 and batch_idx == 1:
            if how is not SIGTERMException:
                raise how
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(SurrogateModule, "on_train_batch_start", stop)
        with pytest.raises(how):
            bench.run("fit", "--experiment", how.__name__)
    stopped = bench.experiments / how.__name__
    assert not (stopped / "artifacts").exists()
    return stopped


def test_two_processes_give_the_numbers_of_one(bench, trained):
    tested = bench.run(
        *("test", "--ckpt_path", checkpoint(trained[0])),
        # Processes that begin as copies of this one: they have imported all they need.
        *("--trainer.devices", 2, "--trainer.strategy", "ddp_fork"),
    )
    # Only the first process writes, into one folder.
    same(results(tested), results(trained[0]), rel=1e-5, abs=1e-9)


CONFIGS = [
    pytest.param(name, path, id=f"{name}-{path.stem}")
    for name, folder in USE_CASES.items()
    for path in sorted((folder / "configs").glob("*.yaml"))
]


@pytest.mark.parametrize(("name", "path"), CONFIGS)
def test_a_configuration_is_complete_and_builds(name, path, capsys, monkeypatch):
    package = ".".join(USE_CASES[name].relative_to(ROOT).parts)
    use_case = importlib.import_module(f"{package}.tests.tiny").TINY.use_case
    monkeypatch.setattr("sys.argv", ["trainer.py"])
    with pytest.raises(SystemExit) as ended:
        use_case.run(["fit", "--config", str(path), "--print_config"])
    assert ended.value.code == 0
    found = yaml.safe_load(capsys.readouterr().out)
    # Data lie in the use case, whatever folder the command is run from.
    assert found["data"]["data_path"].startswith(str(use_case.root))
    assert sum(found["data"]["ratios"]) == pytest.approx(1)
    # No configuration asks for a device that a machine may not have.
    assert found["trainer"]["accelerator"] == found["trainer"]["devices"] == "auto"
    module, _, model = found["model"]["class_path"].rpartition(".")
    assert module == f"{package}.models"
    built = getattr(importlib.import_module(module), model)(**found["model"]["init_args"])
    assert isinstance(built, use_case.module)
    use_case.datamodule(**found["data"])
