"""An ensemble is the mean of its members, with their spread; so it comes back from disk."""

import json

import numpy as np
import pytest
import torch
import yaml

from ai4sim.forecast import forecast_of
from ai4sim.nets import widened
from ai4sim.surrogate import LEAST_SPREAD, Ensemble, Surrogate
from ai4sim.tests.test_cli import CONFIG, run
from ai4sim.tests.toy import ToyData, write_columns
from ai4sim.variables import Variable

INPUTS = [Variable("u", "m/s", 3), Variable("pressure", "Pa")]
OUTPUTS = [Variable("du_dt", "m/s2", 3)]


def trained(seed, features=8, inputs=INPUTS, outputs=OUTPUTS, spread=False):
    """Return a perceptron of columns with normalisation and facts of its own."""
    torch.manual_seed(seed)
    net = {"name": "MLP", "in_channels": 4, "out_channels": 3, "features": features}
    made = Surrogate(net, inputs, outputs)
    made = made.with_spread() if spread else made
    made.input_norm.set(torch.rand(4), 1 + torch.rand(4))
    made.output_norm.set(torch.rand(3), 1 + torch.rand(3))
    made.facts = {"levels": 3, "heights": [10.0, 20.0, 30.0]}
    return made.eval()


def test_the_prediction_is_the_mean_of_the_members_and_their_standard_deviation():
    members = [trained(seed, features=8 * (seed + 1)) for seed in range(3)]
    ensemble = Ensemble(members)
    rng = np.random.default_rng(0)
    fields = {"u": rng.random((5, 3), dtype=np.float32), "pressure": rng.random(5)}
    found = ensemble.predict(fields)
    each = np.stack([member.predict(fields)["du_dt"] for member in members])
    np.testing.assert_allclose(found["du_dt"], each.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found["du_dt_spread"], each.std(0, ddof=1), rtol=1e-4)
    assert [(v.name, v.units, v.levels) for v in ensemble.outputs] == [
        ("du_dt", "m/s2", 3),
        ("du_dt_spread", "m/s2", 3),
    ]


def test_variances_of_members_that_predict_one_add_to_that_of_their_means():
    outputs = torch.tensor([[[1.0, 0.5]], [[3.0, 1.5]]])  # mean, spread of one column each
    found = forecast_of(list(outputs), spread=True)
    assert float(found.mean) == 2
    # (1 - 3)^2 / 2 between them, (0.25 + 2.25) / 2 within
    assert float(found.spread) == pytest.approx((2 + 1.25) ** 0.5)
    named = forecast_of([{"a": o[:, :1], "a_spread": o[:, 1:]} for o in outputs], spread=True)
    assert torch.equal(named.mean["a"], found.mean)
    assert torch.equal(named.spread["a"], found.spread)


def test_it_comes_back_from_a_folder(tmp_path):
    ensemble = Ensemble([trained(0), trained(1, features=4)])
    ensemble.save(tmp_path)
    x = torch.rand(7, 4)
    for loaded in (Surrogate.load(tmp_path), Ensemble.load(tmp_path)):
        assert isinstance(loaded, Ensemble) and loaded.facts == ensemble.facts
        assert loaded.members[1].facts == ensemble.facts
        assert torch.equal(loaded(x), ensemble(x))
    with pytest.raises(ValueError, match="is an ensemble: expected one network"):
        trained(0).load_weights(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"outputs": [Variable("dv_dt", "m/s2", 3)]},
            r"member 1: number 1 of its outputs is dv_dt \[m/s2\] of 3 levels, expected du_dt",
        ),
        (
            {"inputs": [INPUTS[0], Variable("pressure", "hPa")]},
            r"number 2 of its inputs is pressure \[hPa\], expected pressure \[Pa\] as in member 0",
        ),
        ({"spread": True}, r"member 1 predicts a spread, expected no spread as in member 0"),
        ({}, r"member 1: heights is \[10.0, 20.0, 31.0\], expected \[10.0, 20.0, 30.0\]"),
    ],
)
def test_members_that_differ_are_refused_by_name_and_field(change, message):
    other = trained(1, **change)
    if not change:
        other.facts["heights"] = [10.0, 20.0, 31.0]
    with pytest.raises(ValueError, match=message):
        Ensemble([trained(0), other])
    with pytest.raises(ValueError, match="two members or more, found 1"):
        Ensemble([other])


def test_a_predicted_spread_is_positive_in_units_of_its_output():
    made = trained(0, spread=True)
    x = 1e3 * torch.randn(200, 4)
    mean, spread = made(x).chunk(2, dim=1)
    least = LEAST_SPREAD * made.output_norm.std
    assert (spread >= 0.999 * least).all() and spread.isfinite().all()
    twice = made(x, torch.full((200,), 2.0))
    torch.testing.assert_close(twice, torch.cat([2 * mean, 2 * spread], dim=1))
    target = torch.rand(200, 3)
    back = made.denormalize(torch.cat([made.normalize_targets(target), spread], dim=1))
    torch.testing.assert_close(back[:, :3], target)


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two seeds of a toy, one of another width, and one that predicts a Gaussian."""
    folder = tmp_path_factory.mktemp("toy")
    write_columns(folder / "warm", 300.0)
    (folder / "toy.yaml").write_text(yaml.safe_dump(CONFIG))
    fit = ("fit", "--config", "toy.yaml", "--trainer.max_epochs=1")
    run(folder, *fit, "--experiment", "a")
    run(folder, *fit, "--experiment", "b", "--seed_everything=4", "--model.init_args.features=8")
    run(folder, *fit, "--experiment", "gaussian", "--model.init_args.loss=crps")
    run(folder, "ensemble", "--experiments", "a", "b", "--to", "both")
    return folder


def results(experiment):
    return json.loads((experiment / "artifacts" / "results.json").read_text())


def test_an_ensemble_of_experiments_is_tested_and_exported(root, capsys):
    both = root / "experiments" / "both"
    options = ("--config", "toy.yaml", "--ckpt_path", "best", "--experiment", "both")
    run(root, "test", *options)
    assert "spread of an ensemble of 2" in capsys.readouterr().out
    (tested,) = both.glob("*_test")
    found = results(tested)
    members = [Surrogate.load(root / "experiments" / n / "artifacts") for n in "ab"]
    files = ToyData(str(root / "warm")).files("test")
    columns = torch.from_numpy(np.concatenate([np.load(f) for f in files]))[:, None]
    with torch.no_grad():
        error = torch.stack([m(columns) for m in members]).mean(0) - columns + columns.roll(1, -1)
    rmse = float(error.double().square().mean().sqrt())
    assert found["model"]["rmse"] == pytest.approx(rmse, rel=1e-5)
    scores = found["calibration"]["outputs"]["dT"]
    assert found["calibration"]["members"] == 2 and scores["units"] == "K"
    assert scores["rmse"] == pytest.approx(rmse, rel=1e-5) and scores["count"] == columns.numel()
    assert (tested / "plots" / "calibration.png").is_file()
    program = torch.export.load(both / "artifacts" / "model.pt2").module()
    loaded = Surrogate.load(both / "artifacts")
    with torch.no_grad():
        torch.testing.assert_close(program(columns, torch.ones(len(columns))), loaded(columns))


def test_a_network_that_predicts_a_gaussian_is_judged_likewise(root):
    found = results(root / "experiments" / "gaussian")["calibration"]
    assert found["members"] is None
    assert 0 < found["outputs"]["dT"]["coverage_90"] <= 1
    surrogate = Surrogate.load(root / "experiments" / "gaussian" / "artifacts")
    assert [v.name for v in surrogate.outputs] == ["dT", "dT_spread"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--experiments", "a", "gaussian"), "predicts a spread, expected no spread"),
        (("--experiments", "a", "a"), "best.ckpt is there twice"),
        (("--experiments", "a", "c"), "Experiments that have one: a, b, both, gaussian"),
        (("--experiments", "a", "both"), "both is an ensemble: expected single networks"),
        (("--experiments", "a", "b", "--to", "both"), "exists, expected a new name"),
        (("--experiments", "a"), "two members or more, found 1"),
    ],
)
def test_what_makes_no_ensemble_is_refused_and_leaves_nothing(root, arguments, message):
    before = sorted((root / "experiments").iterdir())
    with pytest.raises(SystemExit) as error:
        run(root, "ensemble", *arguments)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert sorted((root / "experiments").iterdir()) == before


def test_an_ensemble_is_not_trained_further(root):
    checkpoint = root / "experiments" / "both" / "checkpoints" / "best.ckpt"
    with pytest.raises(ValueError, match="is an ensemble, which fit does not take"):
        run(root, "fit", "--config", "toy.yaml", "--ckpt_path", checkpoint, "--experiment", "c")


def test_networks_bound_by_physics_refuse_a_gaussian():
    net = {"name": "SpectrumNet", "levels": 3}
    with pytest.raises(ValueError, match="a SpectrumNet predicts no spread, since physics binds"):
        widened(net)
