"""Graph networks on the command line: grids, meshes, transfer, fine-tuning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ai4sim.native.couple import samples_of
from ai4sim.native.network import traced
from ai4sim.native.routine import Mesh
from ai4sim.surrogate import Surrogate
from ai4sim.tests.bench import checkpoint, results, state
from combustion.gnns.tests.tiny import TINY
from combustion.io.facts import filter_width
from combustion.io.layouts import R2
from combustion.io.mesh_files import read_mesh
from combustion.models import INPUTS, OUTPUTS, predict
from combustion.routine import routine
from combustion.tests.flames import (
    DX,
    predict_file,
    read_prediction,
    write_mesh_sheets,
    write_sheets,
)

OTHERS = {
    "LitGCN": {"hidden_channels": 8, "num_layers": 2, "jk": "cat"},
    "LitGIN": {"hidden_channels": 8, "num_layers": 2},
    "LitGAT": {"hidden_channels": 8, "num_layers": 2, "heads": 2, "dropout": 0.1},
    "LitGraphUNet": {"hidden_channels": 8, "depth": 2},
}


def test_a_checkpoint_holds_no_graph(trained):
    kept = set(state(trained, "best")["hyper_parameters"])
    assert kept & {"graph", "edge_index", "data"} == set()
    found = results(trained)
    assert set(found["cases"]) == {"DNS1", "DNS2"}
    assert {"constant", "boger_fitted", "charlette"} <= set(found["baselines"])


@pytest.mark.parametrize("name", OTHERS)
def test_every_network_is_trained_tested_and_applied(bench, tmp_path, name):
    bench.configure(f"{name}.yaml", model={"class_path": name, "init_args": OTHERS[name]})
    model = {"config": f"{name}.yaml"}
    experiment = bench.run("fit", "--trainer.max_epochs", 1, **model)
    assert np.isfinite(results(experiment)["model"]["r2"])
    # Other sizes than those it was trained on, and no target.
    (raw,) = TINY.write_unlabelled(tmp_path)
    best = ("--ckpt_path", checkpoint(experiment), "--data.data_path", tmp_path)
    applied = bench.run("predict", *best, **model)
    written = read_prediction(applied / "predictions" / raw.name)
    expected = predict_file(Surrogate.load(experiment / "artifacts"), raw)
    np.testing.assert_allclose(written, expected, rtol=1e-3, atol=1e-2)


def test_from_r2_to_r3_with_and_without_fine_tuning(bench, trained, tmp_path):
    """The finer flame: the network as it is, then trained on a little of it."""
    write_sheets(tmp_path, "R3", 8, (20, 16, 12), layout=R2, wrinkling=2.0, dx_les=DX / 2)
    r3 = ("--data.data_path", tmp_path, "--data.test_cases=[]")
    zero_shot = bench.run("test", *r3, "--ckpt_path", checkpoint(trained))
    start = ("--start_from", checkpoint(trained), "--trainer.max_epochs", 6)
    tuned = bench.run("fit", *r3, *start)
    before, after = results(zero_shot)["model"], results(tuned)["model"]
    assert after["r2"] > before["r2"]
    # The statistics are those that the weights were made with.
    first, second = (Surrogate.load(e / "artifacts") for e in (trained, tuned))
    torch.testing.assert_close(first.output_norm.std, second.output_norm.std)
    assert second.facts["output_scale"] == pytest.approx(2 / DX)


def test_another_network_stands_beside_the_closures(bench, trained, tmp_path):
    unet = Surrogate(
        {"name": "UNet", "dimensions": 3, "in_channels": 1, "out_channels": 1, "features": 4},
        INPUTS,
        OUTPUTS,
    )
    unet.save(tmp_path / "artifacts")
    compared = ("--data.compare", json.dumps({"unet": str(tmp_path)}))
    found = results(bench.run("test", "--ckpt_path", checkpoint(trained), *compared))
    assert "unet" in found["baselines"]
    assert found["model"] == pytest.approx(results(trained)["model"], rel=1e-5)


def test_meshes_are_trained_on_tested_and_predicted(bench, tmp_path):
    files = write_mesh_sheets(tmp_path, "A", 6, (8, 7, 6))
    mesh = ("--data.data_path", tmp_path, "--data.test_cases=[]")
    mesh += ("--data.patch_nodes", "100", "--model.init_args.max_nodes", "150")
    experiment = bench.run("fit", *mesh, figures=True, program=True)
    assert {"constant", "gradient", "boger_fitted"} <= set(results(experiment)["baselines"])
    assert list((experiment / "plots").glob("cross_sections*.png"))
    best = ("--ckpt_path", checkpoint(experiment))
    predicted = bench.run("predict", *mesh, *best) / "predictions"
    assert [p.name for p in sorted(predicted.iterdir())] == [f.name for f in files]
    read_mesh(predicted / files[0].name)  # refuses what is not whole
    # A network trained on meshes takes grids too.
    assert np.isfinite(results(bench.run("test", *best))["model"]["r2"])
    double = bench.run("test", *mesh, *best, "--trainer.precision=64-true")
    assert results(double)["model"] == pytest.approx(results(experiment)["model"], rel=1e-3)
    check_programs(experiment, files[0])


def check_programs(experiment: Path, file: Path) -> None:
    """Compare what solvers with meshes get of a training on meshes with a prediction."""
    surrogate, mesh = Surrogate.load(experiment / "artifacts"), read_mesh(file)
    expected = predict(surrogate, mesh)
    c_bar = torch.from_numpy(np.array(mesh.progress_variable))[:, None]
    graph = mesh.scaled_graph()
    program = torch.export.load(experiment / "artifacts" / "model.pt2").module()
    given = c_bar, torch.full((graph.nodes,), 1 / mesh.dx), graph.edge_index, graph.offsets
    coupled = routine(surrogate)
    width = torch.tensor([[filter_width(mesh.attributes, mesh.dx)]])
    where = torch.from_numpy(mesh.positions), torch.from_numpy(mesh.edges)
    library = traced(coupled).module()
    with torch.inference_mode():
        exported = program(*given)[:, 0]
        called = library(*Mesh.arguments((c_bar, *where, width)))[:, 0]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(exported, expected, rtol=0, atol=1e-6 * scale)
    np.testing.assert_allclose(called, expected, rtol=0, atol=1e-6 * scale)
    # The samples are a mesh of the test set, in metres.
    fields, positions, edges, (length,) = samples_of(coupled, experiment / "artifacts")
    assert len(fields) == len(positions) > int(edges.max())
    lengths = (positions[edges[:, 0]] - positions[edges[:, 1]]).norm(dim=1)
    assert DX / 2 < lengths.mean() < 2 * DX and float(length) == pytest.approx(width.item())


def test_a_network_without_a_mesh_is_refused_by_the_option():
    spec = {"name": "UNet", "dimensions": 3, "in_channels": 1, "out_channels": 1, "features": 4}
    with pytest.raises(ValueError, match="--on mesh: UNet takes fields on grids only"):
        routine(Surrogate(spec, INPUTS, OUTPUTS), "mesh")
    with pytest.raises(ValueError, match="--on tree: expected grid or mesh"):
        routine(Surrogate({"name": "GCN"}, INPUTS, OUTPUTS), "tree")


def test_mistakes_are_explained(bench, tmp_path):
    write_sheets(tmp_path, "A", 4, (8, 7, 6))
    write_mesh_sheets(tmp_path, "B", 4, (8, 7, 6))
    with pytest.raises(ValueError, match="grids and meshes cannot be mixed"):
        bench.run("fit", "--data.data_path", tmp_path, "--data.test_cases=[]")
