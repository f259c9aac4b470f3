"""The command line end to end, in processes of its own: grids, meshes, transfer, fine-tuning."""

from __future__ import annotations

import functools
import json

import h5py
import numpy as np
import pytest
import torch
import yaml

from ai4sim.surrogate import Surrogate
from ai4sim.tests import use_case
from ai4sim.tests.use_case import only_new, results
from combustion.gnns import config
from combustion.io.layouts import R2, read_snapshot
from combustion.io.mesh_files import read_mesh
from combustion.models import INPUTS, OUTPUTS
from combustion.tests.flames import DX, write_mesh_sheets, write_sheets

TRAINER = config.USE_CASE.root / "trainer.py"
run = functools.partial(use_case.run, TRAINER)
complaint = functools.partial(use_case.complaint, TRAINER)

EDGE_CONDITIONED = {
    "class_path": "LitEdgeConditioned",
    "init_args": {
        "hidden_channels": 8,
        "num_layers": 2,
        "kernels": 6,
        "learning_rate": 0.01,
        "max_nodes": 1000,
    },
}
TINY = {
    "seed_everything": 7,
    "trainer": {
        "max_epochs": 3,
        "accelerator": "cpu",
        "enable_progress_bar": False,
        "enable_model_summary": False,
    },
    "model": EDGE_CONDITIONED,
    "data": {
        "data_path": "${oc.env:TINY_DATA}",
        "test_cases": ["DNS2"],
        "crop": [8, 8, 6],
        "crops_per_snapshot": 4,
        "batch_size": 4,
        "eval_batch_size": 2,
    },
}
OTHERS = {
    "LitGCN": {"hidden_channels": 8, "num_layers": 2, "jk": "cat"},
    "LitGIN": {"hidden_channels": 8, "num_layers": 2},
    "LitGAT": {"hidden_channels": 8, "num_layers": 2, "heads": 2, "dropout": 0.1},
    "LitGraphUNet": {"hidden_channels": 8, "depth": 2},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with two flames, a config and one finished training run."""
    root = tmp_path_factory.mktemp("gnns")
    write_sheets(root / "flames", "DNS1", 8, (14, 12, 10))
    write_sheets(root / "flames", "DNS2", 2, (14, 12, 10), wrinkling=1.5)
    (root / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    run(root, "fit", "--config", "tiny.yaml")
    return root, only_new(root, set())


def newest(root, *arguments, **options):
    """Run the trainer; return its experiment folder."""
    before = set((root / "experiments").iterdir())
    run(root, *arguments, **options)
    return only_new(root, before)


def test_a_checkpoint_is_enough_and_holds_no_graph(trained):
    root, experiment = trained
    checkpoint = torch.load(experiment / "checkpoints" / "best.ckpt", weights_only=True)
    assert set(checkpoint["hyper_parameters"]) & {"graph", "edge_index", "data"} == set()
    found = results(experiment)
    assert set(found["cases"]) == {"DNS1", "DNS2"}
    assert {"constant", "boger_fitted", "charlette"} <= set(found["baselines"])
    again = newest(
        root,
        *("test", "--config", "tiny.yaml"),
        *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
    )
    assert results(again)["model"] == pytest.approx(found["model"], rel=1e-5)
    # The exported program stands without this repository.
    program = torch.export.load(experiment / "artifacts" / "model.pt2").module()
    surrogate = Surrogate.load(experiment / "artifacts")
    c_bar = torch.rand(3, 1, 7, 6, 5)
    scale = torch.full((3,), 1 / DX)
    torch.testing.assert_close(program(c_bar, scale), surrogate(c_bar, scale).detach())


@pytest.mark.parametrize("name", OTHERS)
def test_every_network_is_trained_tested_and_applied(trained, tmp_path, name):
    root, _ = trained
    (root / "other.yaml").write_text(
        yaml.safe_dump({**TINY, "model": {"class_path": name, "init_args": OTHERS[name]}})
    )
    experiment = newest(root, "fit", "--config", "other.yaml", "--trainer.max_epochs", "1")
    found = results(experiment)
    assert np.isfinite(found["model"]["r2"])
    # Other sizes than those it was trained on, and no target.
    (raw,) = write_sheets(tmp_path, "R3", 1, (11, 9, 7), layout=R2, target=False)
    checkpoint = experiment / "checkpoints" / "best.ckpt"
    applied = newest(
        root,
        *("predict", "--config", "other.yaml", "--ckpt_path", checkpoint),
        *("--data.data_path", tmp_path),
    )
    c_bar = read_snapshot(raw, require_target=False).progress_variable
    expected = Surrogate.load(experiment / "artifacts").predict(
        {"progress_variable": c_bar}, output_scale=1 / DX, periods=(None, 9, 7)
    )
    with h5py.File(applied / "predictions" / raw.name) as file:
        written = file["c_grad_filt"][...].T
    np.testing.assert_allclose(written, expected["flame_surface_density"], rtol=1e-3, atol=1e-2)


def test_from_r2_to_r3_with_and_without_fine_tuning(trained, tmp_path):
    """The finer flame: the network as it is, then trained on a little of it."""
    root, experiment = trained
    write_sheets(tmp_path, "R3", 8, (20, 16, 12), layout=R2, wrinkling=2.0, dx_les=DX / 2)
    checkpoint = experiment / "checkpoints" / "best.ckpt"
    r3 = ("--config", "tiny.yaml", "--data.data_path", tmp_path, "--data.test_cases=[]")
    zero_shot = newest(root, "test", *r3, "--ckpt_path", checkpoint)
    tuned = newest(root, "fit", *r3, "--start_from", checkpoint, "--trainer.max_epochs", "6")
    before, after = results(zero_shot)["model"], results(tuned)["model"]
    assert after["r2"] > before["r2"]
    # The statistics are those that the weights were made with.
    first, second = (Surrogate.load(e / "artifacts") for e in (experiment, tuned))
    torch.testing.assert_close(first.output_norm.std, second.output_norm.std)
    assert second.facts["output_scale"] == pytest.approx(2 / DX)


def test_another_network_stands_beside_the_closures(trained, tmp_path):
    root, experiment = trained
    unet = Surrogate(
        {"name": "UNet", "dimensions": 3, "in_channels": 1, "out_channels": 1, "features": 4},
        INPUTS,
        OUTPUTS,
    )
    unet.save(tmp_path / "artifacts")
    found = results(
        newest(
            root,
            *("test", "--config", "tiny.yaml"),
            *("--ckpt_path", experiment / "checkpoints" / "best.ckpt"),
            *("--data.compare", json.dumps({"unet": str(tmp_path)})),
        )
    )
    assert "unet" in found["baselines"]
    assert found["model"] == pytest.approx(results(experiment)["model"], rel=1e-5)


def test_meshes_are_trained_on_tested_and_predicted(trained, tmp_path):
    root, _ = trained
    files = write_mesh_sheets(tmp_path, "A", 6, (8, 7, 6))
    mesh = ("--config", "tiny.yaml", "--data.data_path", tmp_path, "--data.test_cases=[]")
    mesh += ("--data.patch_nodes", "100", "--model.init_args.max_nodes", "150")
    experiment = newest(root, "fit", *mesh)
    found = results(experiment)
    assert {"constant", "gradient", "boger_fitted"} <= set(found["baselines"])
    assert list((experiment / "plots").glob("cross_sections*.png"))
    checkpoint = experiment / "checkpoints" / "best.ckpt"
    predicted = newest(root, "predict", *mesh, "--ckpt_path", checkpoint) / "predictions"
    assert [p.name for p in sorted(predicted.iterdir())] == [f.name for f in files]
    read_mesh(predicted / files[0].name)  # refuses what is not whole
    # A network trained on meshes takes grids too.
    on_grid = newest(root, "test", "--config", "tiny.yaml", "--ckpt_path", checkpoint)
    assert np.isfinite(results(on_grid)["model"]["r2"])


def test_mistakes_are_explained(trained, tmp_path):
    root, _ = trained
    write_sheets(tmp_path, "A", 4, (8, 7, 6))
    write_mesh_sheets(tmp_path, "B", 4, (8, 7, 6))
    mixed = ("fit", "--config", "tiny.yaml", "--data.data_path", tmp_path)
    said = complaint(root, *mixed, "--data.test_cases=[]")
    assert "grids and meshes cannot be mixed" in said
