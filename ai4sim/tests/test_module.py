"""The module's life cycle: what a training begins with, what its checkpoints hold."""

import copy
import inspect
from functools import partial

import lightning.pytorch as pl
import pytest
import torch

from ai4sim.tests.graphs import NeighbourMeans, scattered_graph
from ai4sim.tests.toy import LitToy, ToyData, write_columns

NORMALISATION = ("surrogate.input_norm.mean", "surrogate.input_norm.std")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training sets of 300 K and of 30 K."""
    root = tmp_path_factory.mktemp("toy")
    for name, mean in (("warm", 300.0), ("cold", 30.0)):
        write_columns(root / name, mean)
    return {name: partial(ToyData, str(root / name), batch_size=4) for name in ("warm", "cold")}


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A checkpoint of a model trained on the warm set."""
    path = tmp_path_factory.mktemp("trained") / "best.ckpt"
    fit(LitToy(), data["warm"]()).save_checkpoint(path, weights_only=False)
    return path


def fit(model, datamodule, **options):
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(model, datamodule)
    return trainer


def test_training_starts_from_weights_and_their_normalisation(data, trained):
    source = torch.load(trained, weights_only=True)
    model = LitToy(learning_rate=0.0)
    model.start_from(trained)
    trainer = fit(model, data["cold"]())
    for name, value in source["state_dict"].items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=0)
    assert model.surrogate.input_norm.mean.item() == pytest.approx(300, rel=0.05)
    # All else is that of the new training set.
    assert model.offset == pytest.approx(30, rel=0.05)
    assert model.surrogate.facts["mean"] == pytest.approx(30, rel=0.05)
    assert trainer.global_step == source["global_step"] == 2
    # Without them, the statistics are those of the training set.
    model = LitToy()
    fit(model, data["cold"]())
    assert model.surrogate.input_norm.mean.item() == pytest.approx(30, rel=0.05)


def test_weights_of_another_model_are_refused_with_what_differs(trained):
    with pytest.raises(ValueError, match="best.ckpt differs.* net.features: found 4, expected 8$"):
        LitToy(features=8).start_from(trained)
    LitToy(symmetric=True).start_from(trained)
    checkpoint = torch.load(trained, weights_only=True)
    LitToy(symmetric=True).on_load_checkpoint(checkpoint)  # a setting of evaluation
    with pytest.raises(ValueError, match=r"checkpoint differs.* net.levels: found 2, expected 3$"):
        LitToy(levels=3).on_load_checkpoint(checkpoint)


def test_a_training_that_goes_on_takes_its_own_rates(data, trained, tmp_path):
    fit(LitToy(), data["warm"]()).save_checkpoint(tmp_path / "a.ckpt")
    own = {"learning_rate": 0.5, "weight_decay": 0.25, "schedule": "constant"}
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(LitToy(**own), data["warm"](), ckpt_path=tmp_path / "a.ckpt", weights_only=True)
    groups = trainer.optimizers[0].param_groups
    assert [group["lr"] for group in groups] == [0.5, 0.5]
    assert [group["weight_decay"] for group in groups] == [0.25, 0.0]


def test_checkpoints_hold_neither_the_limit_on_memory_nor_where_training_started(data, trained):
    model = LitToy(max_nodes=40)
    model.start_from(trained)
    checkpoint = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(checkpoint)
    arguments = inspect.signature(LitToy).parameters.keys()
    assert set(checkpoint["hyper_parameters"]) == arguments - {"max_nodes"}
    assert str(trained) not in str(checkpoint)
    assert model.surrogate.max_nodes == 40
    loaded = LitToy.load_from_checkpoint(trained, weights_only=True, max_nodes=30)
    assert loaded.surrogate.max_nodes == 30


def test_validation_in_pieces_gives_the_same_loss(data, trained):
    losses = []
    for max_nodes in (None, 8):
        model = LitToy.load_from_checkpoint(trained, weights_only=True, max_nodes=max_nodes)
        trainer = pl.Trainer(
            accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
        )
        (found,) = trainer.validate(model, data["warm"](), verbose=False)
        losses.append(found["val_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_a_batch_may_lie_on_a_graph():
    model = LitToy().eval()
    model.surrogate.net = NeighbourMeans()
    graph = scattered_graph(30)
    batch = {"inputs": torch.rand(30, 1), "graph": graph}
    expected = model.surrogate(batch["inputs"], graph=graph)
    torch.testing.assert_close(model(batch), expected)
    # Lightning moves it with the rest of the batch.
    moved = model.transfer_batch_to_device(copy.copy(batch), torch.device("cpu"), 0)
    torch.testing.assert_close(model(moved), expected)
