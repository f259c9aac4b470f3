"""The command line end to end: fit, test, predict and resume, every model."""

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
from weather_forecast.bias_correction import config, models, plotters
from weather_forecast.bias_correction.data import RadiationDataModule
from weather_forecast.bias_correction.io.layout import RadiationLayout
from weather_forecast.bias_correction.io.raw_files import read_columns
from weather_forecast.bias_correction.tests import made_up

LEVELS = 12
LAYOUT = RadiationLayout(LEVELS)
COLUMNS = 30
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
        "class_path": "LitBiRNN",
        "init_args": {
            "features": 8,
            "layers": 1,
            "levels": LEVELS,
            "loss": "mae",
            "learning_rate": 0.01,
        },
    },
    "data": {"ratios": [0.6, 0.2, 0.2], "gap": 0, "batch_size": 16, "eval_batch_size": 20},
}
run = functools.partial(use_case.run, TRAINER)
here = functools.partial(
    use_case.here, models.CorrectionModule, RadiationDataModule, config, plotters
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Files of columns, a config and one finished training run."""
    root = tmp_path_factory.mktemp("bias_correction")
    for day in range(5):
        blocks = {"base_block": np.arange(COLUMNS) // 3}
        path = root / "data" / "raw" / f"2015-01-0{day + 1}.h5"
        made_up.write_file(path, COLUMNS, LEVELS, seed=day, extras=blocks)
    data = {**TINY["data"], "data_path": str(root / "data")}
    (root / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "data": data}))
    done = run(root, "fit", "--config", "tiny.yaml")
    return root, only_new(root, set()), done.stdout


def test_fit_leaves_a_complete_experiment_and_prints_model_beside_baselines(trained):
    _, experiment, output = trained
    for name in ("config.yaml", "environment.json", "checkpoints/best.ckpt", "artifacts/model.pt2"):
        assert (experiment / name).is_file(), name
    last = torch.load(experiment / "checkpoints" / "last.ckpt", weights_only=True)
    # 3 files of 30 columns, in batches of 16
    assert (last["epoch"], last["global_step"]) == (2, 3 * 6)
    found = results(experiment)
    assert set(found["headline"]) <= set(found["model"])
    assert set(found["baselines"]) == {"zero", "mean_profile", "ridge"}
    assert found["model"]["columns"] == COLUMNS
    assert found["baselines"]["zero"]["relative_mean"] == pytest.approx(100)
    assert list((experiment / "plots").glob("*.png"))
    for word in ("ridge", "mean_profile", "model"):
        assert word in output


def predicted_by(experiment, columns):
    """Corrections (column, output) of a saved network."""
    fields = {k: v.numpy() for k, v in LAYOUT.split_inputs(columns["inputs"]).items()}
    found = Surrogate.load(experiment / "artifacts").predict(fields)
    return np.concatenate(list(found.values()), axis=1)


def test_results_are_those_of_the_best_weights_over_all_test_columns(trained):
    root, experiment, _ = trained
    made = made_up.columns(COLUMNS, LEVELS, seed=4)
    error = LAYOUT.split_outputs(torch.from_numpy(predicted_by(experiment, made)) - made["targets"])
    found = results(experiment)["model"]
    for name, target in LAYOUT.split_outputs(made["targets"]).items():
        relative = 100 * error[name].abs().mean() / target.abs().mean()
        assert found[f"{name}_relative"] == pytest.approx(relative.item(), rel=1e-3)


def test_a_checkpoint_predicts_files_without_targets(trained, tmp_path):
    root, experiment, _ = trained
    for seed, count in ((5, 23), (6, 7)):
        made_up.write_file(tmp_path / "raw" / f"{seed}.h5", count, LEVELS, seed, targets=False)
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
    for name in ("5.h5", "6.h5"):
        expected = predicted_by(
            experiment,
            {"inputs": torch.as_tensor(read_columns(tmp_path / "raw" / name)["inputs"])},
        )
        with h5py.File(predictions / name) as file:
            found = np.concatenate([file[v.name][...] for v in LAYOUT.outputs], axis=1)
            assert file["flux_dn_sw"].attrs["units"] == b"W m-2"
            assert (file["flux_dn_lw"][:, 0] == 0).all()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_training_goes_on_in_its_folder(trained, monkeypatch):
    root, experiment, _ = trained
    shutil.copytree(experiment, root / "experiments" / "copy")
    last = root / "experiments" / "copy" / "checkpoints" / "last.ckpt"
    resume = ("--ckpt_path", "last", "--experiment", "copy", "--trainer.max_epochs", 4)
    assert here(root, monkeypatch, "fit", *resume) is None
    state = torch.load(last, weights_only=True)
    assert (state["epoch"], state["global_step"]) == (3, 4 * 6)
    assert state["extra_state"]["baselines"]["weights"].shape[1] == LAYOUT.output_channels


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("LitUnet1D", ("--model.features", 4, "--model.grids", 3)),
        ("LitAttentionCNN", ("--model.blocks", 1, "--model.heads", 2)),
    ],
)
def test_the_other_networks_fit_blocks_of_columns(trained, monkeypatch, model, options):
    root, _, _ = trained
    experiment = here(
        root,
        monkeypatch,
        "fit",
        *("--model", model, "--model.features", 8, "--model.levels", LEVELS, *options),
        *("--trainer.max_epochs", 1, "--data.split", "block"),
    )
    found = results(experiment)
    assert found["model"]["columns"] == 5 * 6
    assert found["model"]["budget_residual_mean"] < 1e-4  # W/m2


def test_columns_labelled_elsewhere_join_the_training_set_only(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    made_up.write_file(tmp_path / "raw" / "extra.h5", 50, LEVELS, seed=11)
    more = here(
        root,
        monkeypatch,
        "fit",
        *("--data.extra_data_path", f"[{tmp_path}]", "--trainer.max_epochs", 1),
    )
    last = torch.load(more / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == -(-(3 * COLUMNS + 50) // 16)
    assert results(more)["model"]["columns"] == COLUMNS


def test_columns_of_other_levels_are_refused(trained, monkeypatch, tmp_path):
    root, experiment, _ = trained
    made_up.write_file(tmp_path / "raw" / "other.h5", 5, 9)
    with pytest.raises(ValueError, match="its columns have 9 levels, the model is for 12"):
        here(
            root,
            monkeypatch,
            *("test", "--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
        )
