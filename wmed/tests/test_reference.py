"""Fluxes that AeroBulk made: the whole chain gives them, and a short training learns them."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from ai4sim.evaluation.scores import RegressionMetrics
from ai4sim.tests.bench import train
from ai4sim.tests.reference import REFERENCE, needs_reference
from wmed.data import CouplingDataModule
from wmed.io import croco
from wmed.io.grid import at_nodes
from wmed.io.layout import RhoLayout
from wmed.models import LitTransferNet
from wmed.nets.coupler import fluxes, on_own_points
from wmed.nets.inputs import rho_inputs
from wmed.physics.bulk import bulk_inputs, coare36, ecmwf

pytestmark = [pytest.mark.slow, needs_reference]
QUIET = "20060310"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The small reference set, the quiet event kept for the test."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "raw").symlink_to(REFERENCE / "wmed/small" / "raw")
    data = CouplingDataModule(str(folder), test_cases=[QUIET], eval_batch_size=8)
    data.prepare_data()
    return data


def r2(prediction: torch.Tensor, target: torch.Tensor) -> float:
    metrics = RegressionMetrics()
    metrics.update(prediction, target)
    return float(metrics.compute()["r2"])


@pytest.mark.parametrize("algorithm", [coare36, ecmwf])
def test_states_of_the_files_give_the_fluxes_of_the_files(data, algorithm):
    batch = next(iter(data.test_dataloader()))
    graph = data.graph
    rows = rho_inputs(batch, graph, RhoLayout(15))
    x, y, theta, ratio, pressure = (rows[..., 15 * i] for i in range(5))
    sst, current_x, current_y = rows[..., 75:78].unbind(-1)
    found = algorithm(
        **bulk_inputs(
            wind_x=x,
            wind_y=y,
            potential_temperature=theta,
            mixing_ratio=ratio,
            pressure=pressure,
            sea_surface_temperature=sst,
            current_x=current_x,
            current_y=current_y,
        )
    )
    parts = torch.zeros_like(found.latent), torch.zeros_like(found.latent)
    stacked = [found.tau_x, found.tau_y, *parts, found.latent, found.sensible]
    here = on_own_points(torch.stack(stacked, dim=-1), graph)
    if algorithm is coare36:
        there = {name: batch[name] for name in ("tau_x", "tau_y", "latent", "sensible")}
    else:  # the same states with the other algorithm: stress and net heat only
        path = REFERENCE / "wmed/small" / "ecmwf_algo" / f"croco_his_{QUIET}_ecmwf.nc"
        records = [croco.read_record(path, k, state=False) for k in range(1, 9)]
        grid = data.layout.ocean
        there = {
            "tau_x": np.stack([at_nodes(r["tau_x"], grid.sea_u) for r in records]),
            "tau_y": np.stack([at_nodes(r["tau_y"], grid.sea_v) for r in records]),
            "heat": np.stack([at_nodes(r["heat"], grid.sea) for r in records]),
        }
        there = {name: torch.from_numpy(values) for name, values in there.items()}
        here["heat"] = here["heat"] + batch["shortwave"] + batch["longwave"]
    for name, target in there.items():
        assert r2(here[name], target) > 0.99999, name


def test_a_short_training_learns_an_event_that_it_has_not_seen(data, tmp_path):
    pl.seed_everything(1, verbose=False)
    model = LitTransferNet(features=32, loss="mae", learning_rate=6e-3)
    train(model, data, tmp_path, 6, gradient_clip_val=1.0)
    found: dict[str, list[torch.Tensor]] = {}
    target: dict[str, list[torch.Tensor]] = {}
    with torch.inference_mode():
        for batch in data.test_dataloader():
            prediction = fluxes(model.surrogate, batch, data.graph)
            prediction["non_solar"] = prediction["heat"] - prediction["shortwave"]
            batch["non_solar"] = batch["heat"] - batch["shortwave"]
            for name in ("tau_x", "tau_y", "heat", "non_solar"):
                found.setdefault(name, []).append(prediction[name])
                target.setdefault(name, []).append(batch[name])
    scores = {name: r2(torch.cat(found[name]), torch.cat(target[name])) for name in found}
    # Of a whole training: .9999, .9999, .998, .995 (README).
    assert scores["tau_x"] > 0.998 and scores["tau_y"] > 0.998, scores
    assert scores["heat"] > 0.98 and scores["non_solar"] > 0.92, scores


def test_the_full_size_is_read_at_the_same_levels(data, tmp_path):
    (tmp_path / "raw").symlink_to(REFERENCE / "wmed/full" / "raw")
    full = CouplingDataModule(str(tmp_path), split="all-test")
    heights = full.layout.atmosphere.heights
    np.testing.assert_allclose(heights, data.layout.atmosphere.heights)
    assert full.layout.ocean.shape == (539, 631)
    full.prepare_files(full.files("test"))
    (batch,) = list(full.test_dataloader())
    assert batch["longwave"].isnan().all() and batch["shortwave"].isfinite().all()
    with torch.inference_mode():
        found = fluxes(LitTransferNet().surrogate.eval(), batch, full.graph)
    assert found["tau_x"].shape == batch["tau_x"].shape
    # Untrained it is Charnock's drag already.
    assert r2(found["tau_x"], batch["tau_x"]) > 0.9
