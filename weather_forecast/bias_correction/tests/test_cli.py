"""Radiation on the command line: the numbers of its results, every model, data of all kinds."""

from __future__ import annotations

import netCDF4
import pytest
import torch

from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import checkpoint, results, state
from weather_forecast.bias_correction.tests import made_up
from weather_forecast.bias_correction.tests.tiny import (
    COLUMNS,
    LAYOUT,
    LEVELS,
    TINY,
    predict_inputs,
)


def test_columns_are_judged_beside_the_baselines_that_a_checkpoint_holds(trained):
    last = state(trained)
    # 3 files of 30 columns, in batches of 16
    assert (last["epoch"], last["global_step"]) == (2, 3 * 6)
    assert last["extra_state"]["baselines"]["weights"].shape[1] == LAYOUT.output_channels
    found = results(trained)
    assert set(found["baselines"]) == {"zero", "mean_profile", "ridge"}
    assert found["model"]["columns"] == COLUMNS
    assert found["baselines"]["zero"]["relative_mean"] == pytest.approx(100)


def test_results_are_those_of_the_best_weights_over_all_test_columns(trained):
    made = made_up.columns(COLUMNS, LEVELS, seed=4)
    predicted = predict_inputs(Surrogate.load(trained / "artifacts"), made["inputs"])
    error = LAYOUT.split_outputs(torch.from_numpy(predicted) - made["targets"])
    found = results(trained)["model"]
    for name, target in LAYOUT.split_outputs(made["targets"]).items():
        relative = 100 * error[name].abs().mean() / target.abs().mean()
        assert found[f"{name}_relative"] == pytest.approx(relative.item(), rel=1e-3)


def test_predictions_have_units_and_leave_the_incoming_light_alone(bench, trained, tmp_path):
    raw = TINY.write_unlabelled(tmp_path)
    made = bench.run("predict", "--data.data_path", tmp_path, "--ckpt_path", checkpoint(trained))
    for path in raw:
        with netCDF4.Dataset(made / "predictions" / path.name) as file:
            assert file["flux_dn_sw"].units == "W m-2"
            assert (file["flux_dn_lw"][:, 0] == 0).all()


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("LitUnet1D", ("--model.features", 4, "--model.grids", 3, "--model.loss", "crps")),
        ("LitAttentionCNN", ("--model.blocks", 1, "--model.heads", 2)),
    ],
)
def test_the_other_networks_fit_blocks_of_columns(bench, model, options):
    experiment = bench.run(
        "fit",
        *("--model", model, "--model.features", 8, "--model.levels", LEVELS, *options),
        *("--trainer.max_epochs", 1, "--data.split", "block"),
    )
    found = results(experiment)
    assert found["model"]["columns"] == 5 * 6
    assert found["model"]["budget_residual_mean"] < 1e-4  # W/m2, of the mean, with a spread too
    judged = found.get("calibration", {"outputs": {}})["outputs"]
    assert list(judged) == ([v.name for v in LAYOUT.outputs] if "crps" in options else [])
    assert all(scores["spread"] > 0 for scores in judged.values())


def test_columns_labelled_elsewhere_join_the_training_set_only(bench, tmp_path):
    made_up.write_file(tmp_path / "raw" / "extra.h5", 50, LEVELS, seed=11)
    more = bench.run(
        "fit",
        *("--data.extra_data_path", f"[{tmp_path}]", "--trainer.max_epochs", 1),
    )
    assert state(more)["global_step"] == -(-(3 * COLUMNS + 50) // 16)
    assert results(more)["model"]["columns"] == COLUMNS


def test_columns_of_other_levels_are_refused(bench, trained, tmp_path):
    made_up.write_file(tmp_path / "raw" / "other.h5", 5, 9)
    with pytest.raises(ValueError, match="its columns have 9 levels, the model is for 12"):
        bench.run(
            *("test", "--data.data_path", tmp_path, "--data.split", "all-test"),
            *("--ckpt_path", checkpoint(trained)),
        )
