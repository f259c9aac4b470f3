"""Starting from trained weights, on the command line of a toy use case."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from ai4sim.checkpoints import find_weights
from ai4sim.surrogate import Surrogate
from ai4sim.tests import toy
from ai4sim.tests.bench import one_run
from ai4sim.tests.toy import ToyData, write_columns

CONFIG = {
    "seed_everything": 3,
    "trainer": {
        "max_epochs": 2,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
    },
    "model": {"class_path": "LitToy", "init_args": {"features": 4}},
    "data": {"data_path": "warm", "batch_size": 4},
}


def run(root: Path, *arguments: str | Path) -> None:
    """Run a command of the toy use case in its folder."""
    with one_run(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr("sys.argv", ["trainer.py", *map(str, arguments)])
        toy.run()


def state(experiment: Path, which: str = "best") -> dict:
    """Read a checkpoint of an experiment."""
    return torch.load(experiment / "checkpoints" / f"{which}.ckpt", weights_only=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with two training sets and a finished run on the first."""
    folder = tmp_path_factory.mktemp("toy")
    write_columns(folder / "warm", 300.0)
    write_columns(folder / "cold", 30.0)
    (folder / "toy.yaml").write_text(yaml.safe_dump(CONFIG))
    run(folder, "fit", "--config", "toy.yaml", "--experiment", "source")
    return folder


def judged(surrogate: Surrogate, files: list[Path]) -> tuple[float, float]:
    """Return the mean squared error in normalised units, and the RMSE [K]."""
    columns = torch.from_numpy(np.concatenate([np.load(file) for file in files]))[:, None]
    target = columns - columns.roll(1, -1)
    with torch.no_grad():
        normalised = surrogate.normalized(columns) - surrogate.normalize_targets(target)
        physical = surrogate(columns) - target
    return float(normalised.square().mean()), float(physical.square().mean().sqrt())


def test_a_run_starts_from_another_one_and_needs_it_no_more(root):
    source, tuned = root / "experiments" / "source", root / "experiments" / "tuned"
    # Without learning, what is validated and tested are the weights that the run started from.
    start = ("--start_from", "best", "--data.data_path", "cold", "--experiment", "tuned")
    run(root, "fit", "--config", "toy.yaml", *start, "--model.init_args.learning_rate=0")
    before, after = state(source), state(tuned)
    for name, value in before["state_dict"].items():
        torch.testing.assert_close(after["state_dict"][name], value, rtol=0, atol=0)
    surrogate, data = Surrogate.load(source / "artifacts"), ToyData(str(root / "cold"))
    validated = [c for c in after["callbacks"].values() if "best_model_score" in c]
    loss, _ = judged(surrogate, data.files("val"))
    assert float(validated[0]["best_model_score"]) == pytest.approx(loss, rel=1e-5)
    results = json.loads((tuned / "artifacts" / "results.json").read_text())
    _, rmse = judged(surrogate, data.files("test"))
    assert results["model"]["rmse"] == pytest.approx(rmse, rel=1e-5)
    # What does not belong to the weights starts anew, on the new data.
    assert after["epoch"] == 0
    assert after["extra_state"]["offset"] == pytest.approx(30, rel=0.05)
    config = yaml.safe_load((tuned / "config.yaml").read_text())
    assert config["start_from"] == str(source / "checkpoints" / "best.ckpt")
    assert "source" not in str(after["hyper_parameters"])

    moved = source.rename(root / "moved")
    resume = ("--ckpt_path", "last", "--experiment", "tuned", "--trainer.max_epochs", "3")
    run(root, "fit", "--config", tuned / "config.yaml", *resume)
    assert state(tuned, "last")["epoch"] == 2
    with pytest.raises(FileNotFoundError, match=f"{source} does not exist"):
        run(root, "fit", "--config", tuned / "config.yaml")
    moved.rename(source)


def test_a_training_goes_on_elsewhere_with_the_best_so_far(root):
    source, other = root / "experiments" / "source", root / "experiments" / "elsewhere"
    worse = ("--model.init_args.learning_rate=10", "--trainer.max_epochs=4")
    start = ("--ckpt_path", source / "checkpoints" / "last.ckpt", "--experiment", other.name)
    before = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    run(root, "fit", "--config", "toy.yaml", *start, *worse)
    assert all(file.read_bytes() == content for file, content in before.items())
    assert state(other, "last")["epoch"] == 3
    assert state(other)["epoch"] == state(source)["epoch"] < 2
    found, expected = (
        json.loads((folder / "artifacts" / "results.json").read_text())
        for folder in (other, source)
    )
    assert found["model"] == pytest.approx(expected["model"])


def test_a_training_without_epochs_left_can_go_on_from_its_new_folder(root):
    source, other = root / "experiments" / "source", root / "experiments" / "at-end"
    start = ("--ckpt_path", source / "checkpoints" / "last.ckpt", "--experiment", other.name)
    run(root, "fit", "--config", "toy.yaml", *start)
    assert state(other, "last")["global_step"] == state(source, "last")["global_step"]
    further = ("--ckpt_path", "last", "--experiment", other.name, "--trainer.max_epochs=3")
    run(root, "fit", "--config", "toy.yaml", *further)
    assert state(other, "last")["epoch"] == 2


@pytest.mark.parametrize("job", [{}, {"LSB_JOBID": "3"}], ids=["by hand", "job"])
@pytest.mark.parametrize("named", [(), ("--experiment", "wrong")], ids=["unnamed", "named"])
def test_a_command_that_is_refused_leaves_no_folder(root, monkeypatch, job, named):
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    before = sorted((root / "experiments").rglob("*"))
    start = ("--start_from", root / "experiments" / "source", "--model.init_args.features=6")
    with pytest.raises(ValueError, match=r"features: found 4, expected 6"):
        run(root, "fit", "--config", "toy.yaml", *start, *named)
    assert sorted((root / "experiments").rglob("*")) == before


def test_last_says_its_experiment_and_refuses_the_configuration_of_another(root, caplog):
    caplog.set_level("INFO")
    other = {**CONFIG, "model": {"class_path": "LitToy", "init_args": {"features": 6}}}
    (root / "other.yaml").write_text(yaml.safe_dump(other))
    run(root, "fit", "--config", "other.yaml", "--experiment", "newest")
    newest = root / "experiments" / "newest"
    before = {file: file.read_bytes() for file in newest.rglob("*") if file.is_file()}
    with pytest.raises(ValueError, match=r"newest/.*last.ckpt.*features: found 6, expected 4"):
        run(root, "fit", "--config", "toy.yaml", "--ckpt_path", "last")
    assert "last.ckpt of experiment newest" in caplog.text
    assert {file: file.read_bytes() for file in newest.rglob("*") if file.is_file()} == before


def test_a_checkpoint_of_another_model_is_refused_with_both_names(root):
    wide = {**CONFIG, "model": {"class_path": "LitWideToy"}}
    (root / "wide.yaml").write_text(yaml.safe_dump(wide))
    with pytest.raises(ValueError, match=r"best.ckpt: its model is .*LitToy, .* is .*LitWideToy"):
        run(root, "test", "--config", "wide.yaml", "--ckpt_path", "best")


def exported(experiment: Path) -> dict:
    """Return the weights of an experiment, without its guard."""
    tensors = load_file(experiment / "artifacts" / "model.safetensors")
    return {name: value for name, value in tensors.items() if not name.startswith("guard.")}


@pytest.mark.parametrize(
    "averaging",
    [
        ["EMAWeightAveraging", "--trainer.callbacks.decay=0.5"],
        ["StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.01"],
    ],
    ids=lambda words: words[0],
)
def test_what_is_tested_and_exported_is_the_file_best(root, averaging):
    name = averaging[0]
    folder = root / "experiments" / name
    callback = (f"--trainer.callbacks+={name}", *averaging[1:])
    more = ("--experiment", name, "--trainer.max_epochs=4")
    run(root, "fit", "--config", "toy.yaml", *callback, *more)
    weights = state(folder)["state_dict"]
    for key, value in exported(folder).items():
        torch.testing.assert_close(value, weights[f"surrogate.{key}"], rtol=0, atol=0)
    run(root, "test", "--config", "toy.yaml", "--ckpt_path", "best", "--experiment", name)
    (tested,) = folder.glob("*_test/artifacts/results.json")
    found = json.loads((folder / "artifacts" / "results.json").read_text())
    assert json.loads(tested.read_text())["model"] == pytest.approx(found["model"])
    # The configuration can be fed back.
    run(root, "fit", "--config", folder / "config.yaml", "--experiment", f"{name}-again")
    again = exported(root / "experiments" / f"{name}-again")
    torch.testing.assert_close(again, exported(folder))


def test_results_of_a_checkpoint_that_is_replaced_are_set_aside(root, monkeypatch):
    folder = root / "experiments" / "goes-on"
    run(root, "fit", "--config", "toy.yaml", "--experiment", "goes-on")
    before, best = (folder / "artifacts" / "results.json").read_text(), state(folder)

    def stop(callback, trainer, module):
        if state(folder)["global_step"] > best["global_step"]:
            raise KeyboardInterrupt

    monkeypatch.setattr("ai4sim.callbacks.LastCheckpoint.on_train_epoch_end", stop)
    more = ("--ckpt_path", "last", "--experiment", "goes-on", "--trainer.max_epochs=9")
    with pytest.raises(SystemExit):
        run(root, "fit", "--config", "toy.yaml", *more)
    step = state(folder)["global_step"]
    assert step > best["global_step"]
    aside = folder / f"artifacts-until-step-{step}"
    assert (aside / "results.json").read_text() == before
    assert not (folder / "artifacts").exists() and not (folder / "plots").exists()
    monkeypatch.undo()
    run(root, "fit", "--config", "toy.yaml", *more)
    assert (folder / "artifacts" / "results.json").is_file() and aside.is_dir()


def test_without_validation_the_last_checkpoint_is_tested_and_exported(root, caplog):
    more = ("--experiment", "unseen", "--trainer.check_val_every_n_epoch=5")
    run(root, "fit", "--config", "toy.yaml", *more)
    assert "no validation in 4 steps" in caplog.text
    folder = root / "experiments" / "unseen"
    weights = state(folder, "last")["state_dict"]
    for key, value in exported(folder).items():
        torch.testing.assert_close(value, weights[f"surrogate.{key}"], rtol=0, atol=0)
    assert (folder / "artifacts" / "results.json").is_file()


def test_a_training_that_diverges_says_so(root):
    more = ("--experiment", "diverged", "--model.init_args.learning_rate=1e30")
    with pytest.raises(ArithmeticError, match=r"the training diverged.*learning_rate"):
        run(root, "fit", "--config", "toy.yaml", *more)


def test_an_empty_test_set_is_known_before_training_and_the_weights_are_exported(root, caplog):
    more = ("--experiment", "untested", "--data.ratios=[0.8,0.2,0.0]")
    run(root, "fit", "--config", "toy.yaml", *more)
    said = [record.getMessage() for record in caplog.records]
    first = next(i for i, text in enumerate(said) if "will not be tested: the test set" in text)
    assert first < next(i for i, text in enumerate(said) if "max_epochs=2" in text)
    assert exported(root / "experiments" / "untested")
    assert not (root / "experiments" / "untested" / "artifacts" / "results.json").exists()


def test_undefined_results_are_null_and_all_else_is_written(root):
    write_columns(root / "constant", 300.0)
    for file in (root / "constant" / "raw").iterdir():
        np.save(file, np.full((8, toy.LEVELS), 300.0, np.float32))
    more = ("--experiment", "constant", "--data.test_data_path", "constant")
    run(root, "fit", "--config", "toy.yaml", *more)
    results = json.loads((root / "experiments/constant/artifacts/results.json").read_text())
    assert results["model"]["r2"] is None and results["model"]["rmse"] > 0
    assert exported(root / "experiments" / "constant")


def test_an_environment_variable_that_is_not_set_is_one_line(root):
    content = {**CONFIG, "data": {"data_path": "${oc.env:NOT_SET}"}}
    (root / "unset.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(SystemExit, match=r"error: .*NOT_SET"):
        run(root, "fit", "--config", "unset.yaml")


def test_more_checkpoints_are_kept_beside_the_best(root):
    more = ("--checkpoint.save_top_k=2", "--checkpoint.filename={epoch}")
    rates = ("--model.init_args.learning_rate=0.3", "--trainer.max_epochs=4")
    run(root, "fit", "--config", "toy.yaml", "--experiment", "several", *more, *rates)
    folder = root / "experiments" / "several" / "checkpoints"
    files = sorted(file.name for file in folder.iterdir())
    assert len(files) == 4 and {"best.ckpt", "last.ckpt"} < set(files)
    assert f"epoch={state(folder.parent)['epoch']}.ckpt" in files


def test_the_mode_follows_what_is_watched(root):
    watched = ("--checkpoint.monitor=val_r2", "--early_stopping.monitor=val_r2")
    run(root, "fit", "--config", "toy.yaml", "--experiment", "watched", *watched)
    callbacks = state(root / "experiments" / "watched", "last")["callbacks"]
    (key,) = (key for key in callbacks if key.startswith("ModelCheckpoint"))
    assert "'mode': 'max'" in key
    with pytest.raises(ValueError, match=r"--checkpoint.monitor=val_mae.*expected one of val_loss"):
        run(root, "fit", "--config", "toy.yaml", "--checkpoint.monitor=val_mae")


def test_a_training_without_end_needs_another_schedule(root):
    endless = ("--trainer.max_epochs=-1", "--trainer.max_time=00:00:00:01")
    with pytest.raises(ValueError, match=r"cosine.*max_epochs.*schedule=constant"):
        run(root, "fit", "--config", "toy.yaml", "--experiment", "endless", *endless)
    constant = ("--experiment", "timed", "--model.init_args.schedule=constant")
    run(root, "fit", "--config", "toy.yaml", *constant, *endless)
    assert exported(root / "experiments" / "timed")


def test_the_rate_that_is_found_is_used(root, caplog):
    caplog.set_level("INFO")
    finder = (
        "--trainer.callbacks+=LearningRateFinder",
        "--trainer.callbacks.num_training_steps=50",
    )
    constant = (
        "--model.init_args.schedule=constant",
        "--data.batch_size=1",
        "--trainer.max_epochs=20",
    )
    run(root, "fit", "--config", "toy.yaml", "--experiment", "found", *finder, *constant)
    announced = re.search(r"Learning rate set to (\S+)", caplog.text)
    rates = [
        group["lr"]
        for group in state(root / "experiments" / "found", "last")["optimizer_states"][0][
            "param_groups"
        ]
    ]
    assert announced and rates == pytest.approx([float(announced[1])] * 2)


def test_weights_are_found_by_checkpoint_experiment_or_saved_surrogate(tmp_path, monkeypatch):
    checkpoint = tmp_path / "experiments" / "first" / "checkpoints" / "best.ckpt"
    saved = tmp_path / "experiments" / "first" / "artifacts" / "surrogate.json"
    for file in (checkpoint, saved):
        file.parent.mkdir(parents=True)
        file.touch()
    monkeypatch.chdir(tmp_path)
    for wanted, found in (
        ("best", checkpoint),
        ("experiments/first", checkpoint),
        ("experiments/first/checkpoints/best.ckpt", checkpoint),
        ("experiments/first/artifacts", saved.parent),
    ):
        assert find_weights(Path("experiments"), wanted) == found
    with pytest.raises(FileNotFoundError, match=r"no last.ckpt in any experiment"):
        find_weights(tmp_path / "experiments", "last")
    with pytest.raises(FileNotFoundError, match=r"frist does not exist. Nearest name there: first"):
        find_weights(tmp_path, "experiments/frist")
    with pytest.raises(FileNotFoundError, match=r"checkpoints does not exist.*holds first"):
        find_weights(tmp_path, "experiments")


def test_a_fit_keeps_the_guard_of_its_training_set_and_a_test_reports_it(root):
    source = root / "experiments" / "source"
    surrogate = Surrogate.load(source / "artifacts")
    of_checkpoint = Surrogate.load(source / "checkpoints" / "best.ckpt")
    columns = np.load(root / "warm" / "raw" / "run_0.npy")
    found = surrogate.predict({"T": columns}, guard=True)
    again = of_checkpoint.predict({"T": columns}, guard=True)
    assert found["guard_flag"].shape == found["dT"].shape == columns.shape  # each cell
    np.testing.assert_array_equal(found["guard_score"], again["guard_score"])
    results = json.loads((source / "artifacts" / "results.json").read_text())
    assert results["guard"]["flagged_share"] < 0.05
    assert (source / "plots" / "guard.png").is_file()
    # Columns of another climate: of 30 K, not 300.
    on_cold = ("--ckpt_path", source / "checkpoints" / "best.ckpt", "--data.data_path", "cold")
    run(root, "test", "--config", "toy.yaml", *on_cold, "--experiment", "cold_test")
    results = json.loads((root / "experiments/cold_test/artifacts/results.json").read_text())
    assert results["guard"]["flagged_share"] == 1.0
    assert results["guard"]["rmse_inside"] is None


def test_a_checkpoint_without_a_guard_is_tested_and_never_silently_unguarded(root, caplog):
    source = root / "experiments" / "source" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(source, weights_only=True)
    del checkpoint["surrogate"]["guard"]
    torch.save(checkpoint, root / "old.ckpt")
    run(root, "test", "--config", "toy.yaml", "--ckpt_path", "old.ckpt", "--experiment", "old")
    results = json.loads((root / "experiments/old/artifacts/results.json").read_text())
    assert "guard" not in results and "the checkpoint has no guard" in caplog.text
    with pytest.raises(ValueError, match="no statistics of its training set for a guard"):
        Surrogate.load(root / "old.ckpt").predict({"T": np.ones(16, np.float32)}, guard=True)
